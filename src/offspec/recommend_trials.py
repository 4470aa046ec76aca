"""The pictures that candidates are judged on: good ones they did not learn from, and defects.

Defects are labelled ones from a folder the user names for this, or made ones. Test images of the
dataset are never used: a choice made on them would make every later figure on them too good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np

from offspec.align import Aligner
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.errors import DatasetError
from offspec.fit_plan import load_normal
from offspec.geometry import transform_points
from offspec.graded_defects import make_defect
from offspec.grouping import group
from offspec.images import read_image
from offspec.recommend_look import Look
from offspec.types import BoolArray, ImageArray

GRADES = (1.0, 2.0, 4.0)  # widths of made defects, in smallest defects
ROUNDS = 3
LEAST_HELD = 3  # normals beside the reference, one for every round
ENOUGH_GOOD = 10  # validation images labelled good, from which no normal is held out


@dataclass(frozen=True, slots=True)
class Round:
    """One split: what candidates learn from, and what they are then judged on.

    Attributes:
        learn: The reference first, where it is in the dataset.
        good: Good pictures; defects are made in those of ``spoil``.
        bad: Labelled defects.
    """

    learn: tuple[ImageRecord, ...]
    good: tuple[ImageRecord, ...]
    spoil: tuple[ImageRecord, ...] = ()
    bad: tuple[ImageRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to judge; ``truth`` is None where nobody outlined the defect."""

    image: ImageArray
    source: str
    defective: bool
    truth: BoolArray | None
    width_px: float = 0.0


def plan_rounds(
    look: Look, dataset: Dataset, sample: int, validation: Path | None, seed: int
) -> tuple[Round, ...]:
    """Split a sample of the normals, near-duplicates and one part's images on one side.

    Raises:
        DatasetError: Too few normals, or a validation folder that shows no defect or images of
            the dataset's own.
    """
    labelled = () if validation is None else read_validation(validation, dataset)
    bad = tuple(r for r in labelled if r.label == "ng")
    good = tuple(r for r in labelled if r.label == "ok")
    own = tuple(r for r in dataset.normals if r.path == look.job.reference_normal.path)
    others = _ranked(look.job.records, seed)[: max(sample - len(own), 0)]
    if bad and len(good) >= ENOUGH_GOOD:
        return (Round((*own, *_sorted(others)), good, bad=bad),)
    parts = _deal(others, look, seed)
    if len(parts) < LEAST_HELD:
        raise DatasetError(
            f"{len(others)} normal images beside the reference, in {len(parts)} groups that are "
            f"not alike, were found to measure with. At least {LEAST_HELD} are needed: candidates "
            "are judged on images they have not learned from. Add good images, or leave out "
            "--measure."
        )
    rounds = []
    for held in parts:
        learn = _sorted([r for r in others if r not in held])
        made = () if bad else held
        rounds.append(Round((*own, *learn), (*held, *good), spoil=made, bad=bad))
    return tuple(rounds[:1] if bad else rounds)


def read_validation(folder: Path, dataset: Dataset) -> tuple[ImageRecord, ...]:
    """Labelled images that may choose: none of them is in the dataset.

    Raises:
        DatasetError: No defect, or an image of the dataset.
    """
    records = read_dataset(folder, need_normals=False).records
    known = {record.sha256: record for record in dataset.records}
    for record in records:
        twin = known.get(record.sha256)
        if twin is not None:
            side = "test" if twin.split == "test" else "training"
            raise DatasetError(
                f"Validation image '{record.key}' is '{twin.key}', a {side} image of the dataset. "
                "What chooses a method may be neither learned from nor tested on. Take it out of "
                "one of the folders."
            )
    if not any(record.label == "ng" for record in records):
        raise DatasetError(
            f"'{folder}' holds {len(records)} labelled images and no defective one. Validation "
            "needs defects. Add some, or leave out --validation: defects are made then."
        )
    return records


def _ranked(records: Sequence[ImageRecord], seed: int) -> list[ImageRecord]:
    """A seeded random order that does not depend on names."""
    return sorted(records, key=lambda r: hashlib.sha256(f"{seed}:{r.sha256}".encode()).hexdigest())


def _sorted(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    return sorted(records, key=lambda r: r.key)


def _deal(records: Sequence[ImageRecord], look: Look, seed: int) -> list[tuple[ImageRecord, ...]]:
    """Deal groups of alike images out to at most ``ROUNDS`` sides, the emptiest first."""
    job = look.job
    aligner = Aligner(
        job.reference, job.template.alignment, job.template.size_policy, bits=job.bits
    )
    signatures = []
    for record in records:
        image = read_image(record.path)
        place = aligner.align(image)
        signatures.append(load_normal(record.path, image, job.reference, place, job.bits).signature)
    members: dict[int, list[ImageRecord]] = {}
    for record, number in zip(records, group(signatures, [r.group for r in records]), strict=True):
        members.setdefault(number, []).append(record)
    sides: list[list[ImageRecord]] = [[] for _ in range(min(ROUNDS, len(members)))]
    for one in members.values():
        min(sides, key=len).extend(one)
    return [tuple(_ranked(side, seed)) for side in sides]


def pictures(one: Round, look: Look, smallest_px: float, seed: int) -> Iterator[Picture]:
    """Every picture of a round, the same for every candidate, good and defective ones mixed."""
    maker = DefectMaker(look, smallest_px, seed) if one.spoil else None
    spoil = {record.path for record in one.spoil}
    for good, bad in zip_longest(one.good, one.bad):
        for record in (good, bad):
            if record is not None:
                yield _labelled(record)
        if maker is not None and good is not None and good.path in spoil:
            foreign = one.learn[maker.number(good) % len(one.learn)]
            yield from maker.spoiled(good, foreign)


def _labelled(record: ImageRecord) -> Picture:
    image = read_image(record.path)
    return Picture(image, record.sha256, record.label == "ng", record.gt_mask(image.shape[:2]))


def count(one: Round) -> int:
    """How many pictures a round has."""
    return len(one.good) + len(one.bad) + len(GRADES) * len(one.spoil)


class DefectMaker:
    """Puts defects of graded width into good images, inside the regions.

    Args:
        look: Where the regions are, and how images lie.
        smallest_px: Width of the smallest defect asked for, in original pixels.
        seed: Of places and looks.
    """

    def __init__(self, look: Look, smallest_px: float, seed: int) -> None:
        job = look.job
        self._kind, self._bits, self._seed = look.kind, job.bits, seed
        self._aligner = Aligner(
            job.reference, job.template.alignment, job.template.size_policy, bits=job.bits
        )
        size_hw = (look.size_wh[1], look.size_wh[0])
        inside = np.zeros(size_hw, np.bool_)
        for region in job.template.regions:
            inside |= region.mask(size_hw)
        self._widths = [smallest_px * grade for grade in GRADES]
        self._inside = [_shrunk(inside, width) for width in self._widths]

    def number(self, record: ImageRecord) -> int:
        """A number that belongs to the image and the seed."""
        digest = hashlib.sha256(f"{self._seed}:{record.sha256}".encode()).digest()
        return int.from_bytes(digest[:6], "big")

    def spoiled(self, record: ImageRecord, foreign: ImageRecord) -> Iterator[Picture]:
        """The image with one defect, once for every width."""
        image, other = read_image(record.path), read_image(foreign.path)
        matrix = self._aligner.align(image).matrix
        for grade, (width, inside) in enumerate(zip(self._widths, self._inside, strict=True)):
            rng = np.random.default_rng((self._seed, self.number(record), grade))
            rows, columns = np.nonzero(inside)
            pick = int(rng.integers(rows.size))
            centre = np.array([[columns[pick] + 0.5, rows[pick] + 0.5]])
            x, y = transform_points(matrix, centre)[0]
            place = (
                float(np.clip(x, 0, image.shape[1] - 1)),
                float(np.clip(y, 0, image.shape[0] - 1)),
            )
            changed, truth, _ = make_defect(
                image, other if other.dtype == image.dtype else image, place, width,
                kind=self._kind, bits=self._bits, rng=rng,
            )  # fmt: skip
            yield Picture(changed, record.sha256, True, truth, width)


def _shrunk(inside: BoolArray, width_px: float) -> BoolArray:
    """Places where a defect of this width lies inside; all where there are none."""
    distance = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3)
    deep: BoolArray = distance[1:-1, 1:-1] > width_px / 2
    return deep if deep.any() else inside
