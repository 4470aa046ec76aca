"""Everything the health check wants to know of the images, in two passes over them.

The first decodes every image: hashes, light, focus, colour, size. The second lays the normals over
the reference and takes features and fine structure of every region.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from offspec.capture import Capture, read_captures
from offspec.crop_features import CropFeatures
from offspec.crossfit import in_order
from offspec.datasets import Dataset, ImageRecord
from offspec.errors import OffspecError
from offspec.fit_plan import FitConfig, Job, plan
from offspec.geometry import plan_tiles
from offspec.grouping import signature
from offspec.images import image_sha256, read_image, to_unit
from offspec.runtime.sampler import Sampler
from offspec.template import Template, plan_resolution
from offspec.types import Alignment, FloatArray, GateFailure, ImageArray

SIDE_PX = 512  # crops; features are taken at half of it
FEATURE_PX = 256
OBJECT_CELL_PX, TEXTURE_CELL_PX = 8, 16  # of the feature crop
STRUCTURE_SIGMA_PX = 4.0
MANY = 300  # normals from which fine structure is kept at half the size
FOCUS_SIDE_PX = 1024

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Glance:
    """What one image is by itself.

    Attributes:
        sha256: Of the pixels.
        brightness: Grey value in [0, 1], the median of 8 x 8 blocks, which a defect hardly moves.
        sharpness: Fine detail relative to coarser detail, >= 0, likewise; lower = blurred.
        warmth: ln of red over blue, likewise.
        chroma: (8, 8, 2) ln red over green and ln blue over green.
        dtype: Of the pixels.
    """

    record: ImageRecord
    sha256: str
    size_wh: tuple[int, int]
    dtype: str
    brightness: float
    sharpness: float
    warmth: float
    chroma: FloatArray
    capture: Capture


@dataclass(frozen=True)
class Unreadable:
    """An image that could not be decoded, or whose mask does not fit."""

    record: ImageRecord
    message: str


def glance_all(
    records: Sequence[ImageRecord], threads: int, tell: Progress
) -> tuple[list[Glance], list[Unreadable]]:
    """Decode every image once."""
    glances: list[Glance] = []
    faults: list[Unreadable] = []
    with ThreadPoolExecutor(threads) as pool:
        for done, found in enumerate(in_order(pool, _glance, records, threads), 1):
            (glances if isinstance(found, Glance) else faults).append(found)  # type: ignore[arg-type]
            tell("look", done, len(records))
    captures = read_captures([one.record.path for one in glances])
    return [replace(g, capture=c) for g, c in zip(glances, captures, strict=True)], faults


def _glance(record: ImageRecord) -> Glance | Unreadable:
    try:
        image = read_image(record.path)
        record.gt_mask(image.shape[:2])
    except OffspecError as error:
        return Unreadable(record, str(error))
    unit = to_unit(_shrunk(image), 8 if image.dtype == np.uint8 else 16)
    chroma = _chroma(unit)
    return Glance(
        record,
        image_sha256(image),
        (image.shape[1], image.shape[0]),
        str(image.dtype),
        float(np.median(cv2.resize(unit.mean(axis=2), (8, 8), interpolation=cv2.INTER_AREA))),
        _sharpness(unit.mean(axis=2)),
        float(np.median(chroma[..., 0] - chroma[..., 1])),
        chroma,
        Capture(),
    )


def _shrunk(image: ImageArray) -> ImageArray:
    factor = FOCUS_SIDE_PX / max(image.shape[:2])
    if factor >= 1:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    found: ImageArray = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return found


def _sharpness(grey: FloatArray) -> float:
    """Finest detail over detail four times as coarse, the middle one of 8 x 8 blocks."""
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    coarse = cv2.GaussianBlur(grey, (0, 0), 4.0)
    fine, broad = (
        cv2.resize(np.square(detail), (8, 8), interpolation=cv2.INTER_AREA)
        for detail in (grey - soft, soft - coarse)
    )
    return float(np.median(np.sqrt(fine / (broad + 1e-9))))


def _chroma(unit: FloatArray) -> FloatArray:
    small = cv2.resize(unit, (8, 8), interpolation=cv2.INTER_AREA) + np.float32(0.03)
    logs = np.log(small)
    return np.stack([logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]], axis=-1)


@dataclass
class Looked:
    """The normals, laid over the reference.

    Attributes:
        job: Template, reference and kinds as a fit would decide them.
        records: Those that can be judged, the reference first where it is one of them; n images.
        alignments: n, reference to image.
        likeness: (n,) correlation with the reference after alignment, in [-1, 1].
        features: One (n, C, h, w) float32 a region.
        structure: One (n, h, w) float16 a region: fine structure, light taken out.
        signatures: n, for near-duplicates.
        failures: Of those that cannot be judged.
    """

    job: Job
    records: list[ImageRecord]
    alignments: list[Alignment]
    likeness: list[float]
    features: list[FloatArray]
    structure: list[np.ndarray]
    signatures: list[str]
    failures: list[tuple[ImageRecord, GateFailure]]


@dataclass(frozen=True)
class _One:
    alignment: Alignment
    likeness: float
    features: list[FloatArray]
    structure: list[np.ndarray]
    signature: str


def look_at_normals(
    dataset: Dataset,
    template: Template | Path | str | None,
    *,
    smallest_defect: float | None,
    threads: int,
    tell: Progress,
) -> Looked:
    """Align, cut and embed the normals of a dataset.

    Raises:
        DatasetError: There is no normal, or none can be judged.
        TemplateError: The template breaks a rule.
    """
    config = FitConfig(smallest_defect=smallest_defect, resolution="accurate", threads=threads)
    job = plan(dataset, template, config, tell)
    job = _at_one_size(job)
    eyes = _Eyes(job, len(dataset.normals))
    records = [*_reference_record(job, dataset), *job.records]
    found: list[tuple[ImageRecord, _One]] = []
    failures: list[tuple[ImageRecord, GateFailure]] = []
    with ThreadPoolExecutor(threads) as pool:
        looked = in_order(pool, eyes.look, records, threads)
        for done, (record, one) in enumerate(zip(records, looked, strict=True), 1):
            if isinstance(one, GateFailure):
                failures.append((record, one))
            else:
                found.append((record, one))
            tell("compare", done, len(records))
    regions = range(len(job.template.regions))
    return Looked(
        job,
        [record for record, _ in found],
        [one.alignment for _, one in found],
        [one.likeness for _, one in found],
        [np.stack([one.features[r] for _, one in found]) if found else _NONE for r in regions],
        [np.stack([one.structure[r] for _, one in found]) if found else _NONE for r in regions],
        [one.signature for _, one in found],
        failures,
    )


_NONE = np.zeros((0, 1, 1, 1), np.float32)


def _reference_record(job: Job, dataset: Dataset) -> list[ImageRecord]:
    """The reference is a normal like the others, where it is one of the dataset's."""
    known = [r for r in dataset.normals if r not in job.records]
    return known[:1]


def _at_one_size(job: Job) -> Job:
    """Every region as one crop of ``SIDE_PX``, whatever its own resolution."""
    regions = tuple(replace(r, resolution="accurate") for r in job.template.regions)
    template = replace(job.template, regions=regions)
    plans = tuple(plan_resolution(r, template.smallest_defect_px) for r in regions)
    tiles, groups = plan_tiles(template, plans, job.kinds)
    return replace(job, template=template, plans=plans, tiles=tiles, groups=groups)


class _Eyes:
    """Looks at one image; safe to share between threads."""

    def __init__(self, job: Job, count: int) -> None:
        self.job = job
        self.sampler = Sampler(job.template, job.tiles, job.groups, job.bits, job.reference)
        self._features = {
            "object": CropFeatures(FEATURE_PX, OBJECT_CELL_PX),
            "texture": CropFeatures(FEATURE_PX, TEXTURE_CELL_PX),
        }
        self._side = SIDE_PX if count <= MANY else SIDE_PX // 2

    def look(self, record: ImageRecord) -> _One | GateFailure:
        image = read_image(record.path)
        if image.dtype != self.job.reference.dtype:
            return GateFailure(
                "size",
                f"It has {8 * image.itemsize} bits a channel, the reference "
                f"{8 * self.job.reference.itemsize}. Images of one set have one depth.",
            )
        alignment, failure = self.sampler.align(image)
        if failure is not None:
            return failure
        prepared = self.sampler.cut(image, alignment)
        if prepared.region_failures:
            return next(iter(prepared.region_failures.values()))
        crops = [
            prepared.crops[tile.group][tile.slot]
            for tile in sorted(self.job.tiles, key=lambda t: t.region_index)
        ]
        stats = self.sampler.aligner.measure(image, alignment)
        return _One(
            alignment,
            stats.likeness,
            [
                self._features[kind].of(_resized(crop, FEATURE_PX))
                for crop, kind in zip(crops, self.job.kinds, strict=True)
            ],
            [_structure(c, self._side) for c in crops],
            signature(image, self.job.reference, alignment, self.job.bits),
        )


def _resized(crop: FloatArray, side: int) -> FloatArray:
    if crop.shape[1:] == (side, side):
        return crop
    small = cv2.resize(crop.transpose(1, 2, 0), (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1))


def _structure(crop: FloatArray, side: int) -> np.ndarray:
    """(side, side) float16: detail around ``STRUCTURE_SIGMA_PX``, of local contrast 1."""
    tone = np.log(_resized(crop, side).mean(axis=0) + np.float32(0.05))
    sigma = STRUCTURE_SIGMA_PX * side / SIDE_PX
    detail = tone - cv2.GaussianBlur(tone, (0, 0), sigma)
    local = np.sqrt(cv2.GaussianBlur(np.square(detail), (0, 0), 2 * sigma) + 1e-4)
    found: np.ndarray = (detail / local).astype(np.float16)
    return found
