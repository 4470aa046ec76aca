"""Compare two bundles on the same labelled images: may the new one take the old one's place?

The question is not whether they differ but whether the new one is *not worse by more than a
margin*. Both see every image, so the comparison is paired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from offspec.bundle import Bundle, read_bundle
from offspec.datasets import Dataset, ImageRecord, exclude_images, read_dataset
from offspec.decisions.compare_result import ComparedImage, ComparisonResult, weigh
from offspec.errors import DatasetError, OffspecError, OptionError
from offspec.evaluation import labelled_test_records, refuse_learned
from offspec.guarantee import CONFIDENCE
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.types import ImageArray, Inspection, Label

__all__ = ["ComparedImage", "ComparisonResult", "compare"]

ProgressCall = Callable[[str, int, int], None]

MARGIN = 0.02


def compare(
    old: Bundle | Path | str,
    new: Bundle | Path | str,
    dataset: Dataset | Path | str,
    *,
    margin: float = MARGIN,
    false_stop_margin: float | None = None,
    confidence: float = CONFIDENCE,
    exclude: Sequence[str] = (),
    threads: int | None = None,
    progress: ProgressCall | None = None,
) -> ComparisonResult:
    """Let both bundles inspect the labelled test images, and compare decision by decision.

    Templates and regions may differ: the verdict on the whole image is what is compared.

    Args:
        old: The bundle in use, or its file.
        new: The one that is to take its place.
        dataset: A dataset, or its folder; neither bundle has learned from its test images.
        margin: Loss of detection rate that is accepted, in (0, 1).
        false_stop_margin: Rise of the false-stop rate that is accepted; None = the same.
        confidence: Of the intervals, in (0, 1).
        exclude: Keys of images to leave out.
        threads: CPU threads of the runtime; None = all cores.
        progress: Called with (stage, done, total).

    Raises:
        DatasetError: No good or no defective test image, or one that a bundle learned from.
        OptionError: A margin or confidence out of range, or ``exclude`` names no image.

    Example:
        >>> compare("line3.offspec", "refit.offspec", "dataset").decision
        'not_worse'
    """
    stops = margin if false_stop_margin is None else false_stop_margin
    for value, name in (
        (margin, "margin"),
        (stops, "false-stop margin"),
        (confidence, "confidence"),
    ):
        if not 0.0 < value < 1.0:
            raise OptionError(
                f"The {name} is {value}. It is a share between 0 and 1, such as 0.02 for 2 points. "
                "Give another one; a margin of nothing can never be shown."
            )
    bundles = tuple(b if isinstance(b, Bundle) else read_bundle(Path(b)) for b in (old, new))
    data, records = _records(dataset, bundles, exclude)
    images, errors = inspect_both(
        bundles[0], bundles[1], records, threads=threads, progress=progress
    )
    info = {
        "name": data.root.resolve().name,
        "layout": data.layout,
        "test_images": len(images),
        "excluded": data.excluded,
        "fingerprint": data.fingerprint(),
    }
    return weigh(
        images,
        margin=margin,
        false_stop_margin=stops,
        confidence=confidence,
        models={"old": _model(bundles[0]), "new": _model(bundles[1])},
        dataset=info,
        notes=(*part_notes(records), *_exclusion_notes(data.excluded)),
        errors=errors,
    )


def _records(
    dataset: Dataset | Path | str, bundles: Sequence[Bundle], exclude: Sequence[str]
) -> tuple[Dataset, list[ImageRecord]]:
    """Test images of the dataset; where the split is drawn, those that both seeds leave to test.

    Raises:
        DatasetError: There is no labelled test image, or the two seeds share none of a kind.
    """
    if isinstance(dataset, Dataset):
        rest = exclude_images(dataset, exclude, need_normals=False)
        return rest, labelled_test_records(rest)
    seeds = [bundle.manifest.seed for bundle in bundles]
    sets = [
        read_dataset(Path(dataset), seed=seed, need_normals=False, exclude=exclude)
        for seed in seeds
    ]
    records, others = (labelled_test_records(one) for one in sets)
    known = {record.key for record in others}
    shared = [record for record in records if record.key in known]
    for label, word in (("ok", "good"), ("ng", "defective")):
        if any(r.label == label for r in records) and not any(r.label == label for r in shared):
            raise DatasetError(
                f"'{dataset}' has no split of its own, and the models were fitted with the seeds "
                f"{seeds[0]} and {seeds[1]}, which leave no {word} image to test in both. An image "
                "that either has learned from cannot be used. Fit the new model with the seed of "
                "the old one, or make folders train and test."
            )
    return sets[0], shared


def part_notes(records: Sequence[ImageRecord]) -> tuple[str, ...]:
    """A warning where several images show one part."""
    grouped = [record.group for record in records if record.group is not None]
    parts = len(set(grouped)) + len(records) - len(grouped)
    if parts == len(records):
        return ()
    return (
        f"{len(records)} images show {parts} parts. The intervals take images as independent, so "
        "they are too short here. Compare on one photograph of each part.",
    )


def _exclusion_notes(count: int) -> tuple[str, ...]:
    """A remark where somebody chose what is compared."""
    return () if not count else (f"Images left out by a list: {count}.",)


def _model(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    threshold = manifest.calibration.threshold
    return {
        "template": manifest.template.name,
        "detector": dict(manifest.detector),
        "seed": manifest.seed,
        "regions": [region.id for region in manifest.template.regions],
        "threshold_status": threshold.status,
        "promised_false_alarm_rate": threshold.alpha,
    }


def inspect_both(
    old: Bundle,
    new: Bundle,
    records: Sequence[ImageRecord],
    *,
    threads: int | None = None,
    progress: ProgressCall | None = None,
) -> tuple[tuple[ComparedImage, ...], tuple[tuple[str, str, str], ...]]:
    """Inspect every image with both; which one goes first alternates, so that times compare."""
    inspectors = tuple(Inspector(bundle, threads=threads) for bundle in (old, new))
    learned = frozenset(old.manifest.learned_sha256) | frozenset(new.manifest.learned_sha256)
    found: list[ComparedImage] = []
    errors: list[tuple[str, str, str]] = []
    for done, record in enumerate(records, start=1):
        try:
            image = read_image(record.path)
        except OffspecError as error:
            errors.append((record.key, error.code, str(error)))
        else:
            refuse_learned(record.key, image, learned)
            found.append(_inspect(inspectors, record, image, swapped=done % 2 == 0))
        if progress is not None:
            progress("inspect", done, len(records))
    return tuple(found), tuple(errors)


def _inspect(
    inspectors: Sequence[Inspector], record: ImageRecord, image: ImageArray, *, swapped: bool
) -> ComparedImage:
    results: dict[int, tuple[Inspection, float]] = {}
    for side in (1, 0) if swapped else (0, 1):
        start = time.perf_counter()
        inspection = inspectors[side].inspect(image, with_map=False)
        results[side] = inspection, 1000 * (time.perf_counter() - start)
    (old, old_ms), (new, new_ms) = results[0], results[1]
    label: Label = "ng" if record.label == "ng" else "ok"
    return ComparedImage(
        record.key, record.path, label, record.defect_type, old, new, (old_ms, new_ms)
    )
