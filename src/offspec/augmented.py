"""Augmented copies of normals, cut for fitting and for the preview."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offspec.augment import Variation, variations
from offspec.fit_plan import Job
from offspec.runtime.sampler import Prepared, Sampler
from offspec.types import Alignment, ImageArray


def cut_copies(
    job: Job, sampler: Sampler, image: ImageArray, of: Prepared, sha256: str
) -> Iterator[Prepared]:
    """Cut the crops of an image's copies; each region is varied about its own middle.

    Args:
        job: Says what is varied.
        sampler: Of the job.
        image: The original.
        of: How it lies.
        sha256: Of its pixels.
    """
    for one in variations(job.config.augmentation, job.config.seed, sha256):
        yield cut_copy(sampler, image, of.alignment, of.region_alignments, one)


def cut_copy(
    sampler: Sampler,
    image: ImageArray,
    alignment: Alignment,
    regions: Sequence[Alignment],
    variation: Variation,
) -> Prepared:
    """Cut one copy; ``alignment`` and ``regions`` are the original's."""
    placed = [
        variation.place(own, place.region.bounds_xywh)
        for place, own in zip(sampler.places, regions, strict=True)
    ]
    return sampler.cut(variation.relight(image, sampler.bits), alignment, placed=placed)
