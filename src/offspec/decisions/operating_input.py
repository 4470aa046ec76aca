"""Labelled images that choose thresholds: scored by the bundle, and by none it has learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from offspec.bundle import Bundle
from offspec.crossfit import in_order
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.decision import Calibration
from offspec.errors import DatasetError, OffspecError
from offspec.evaluation import region_labels
from offspec.evaluation_metrics import EvaluationError
from offspec.fit_plan import NormalImage, load_normal
from offspec.fitting import refuse_learned
from offspec.grouping import group
from offspec.images import read_image
from offspec.operating_points import HIGHEST, to_limits
from offspec.runtime import Inspector
from offspec.runtime.onnxruntime import available_threads
from offspec.template import Template
from offspec.types import DoubleArray, Label

SHOWN = 20  # names in a message
ProgressCall = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """One validation image as the bundle sees it.

    Attributes:
        limits: Score of the worst region, 1 = at its threshold; ``inf`` for a good image that
            could not be judged, ``-inf`` for a defective one.
        x: -ln p of the worst region; None where it could not be judged.
        raws: Region id to raw score, of the regions that could be judged.
        region_labels: Region id to ok or ng, where the truth is known.
        unit: Equal for photographs of one part.
    """

    key: str
    label: Label
    defect_type: str
    limits: float
    x: float | None
    raws: Mapping[str, float]
    region_labels: Mapping[str, Label]
    image: NormalImage
    unit: int = 0

    @property
    def invalid(self) -> bool:
        """Whether the image could not be judged."""
        return self.x is None


@dataclass(frozen=True, slots=True)
class Validation:
    """All validation images, those that could not be read, and those left out as known.

    Attributes:
        left_out: Keys of images that the model learned from, or near-duplicates of one.
    """

    items: tuple[Looked, ...]
    errors: tuple[EvaluationError, ...] = ()
    unlabelled: int = 0
    left_out: tuple[str, ...] = ()

    def of(self, label: Label) -> tuple[Looked, ...]:
        """Good or defective images."""
        return tuple(item for item in self.items if item.label == label)

    def limits(self, label: Label) -> DoubleArray:
        """Their scores in limits."""
        return np.array([item.limits for item in self.of(label)], np.float64)

    def units(self, label: Label) -> list[int]:
        """Their units."""
        return [item.unit for item in self.of(label)]


def limits_of(calibration: Calibration, raws: Mapping[str, float]) -> float:
    """Largest region score in limits: 0 at the origin, 1 at the threshold, unbounded."""
    return max(_region_limits(calibration, key, raw) for key, raw in raws.items())


def _region_limits(calibration: Calibration, region_id: str, raw: float) -> float:
    """Ln p over ln p at the threshold; where rounding would change sides the deviation decides."""
    deviation = calibration.deviation(region_id, raw)
    if abs(deviation - 0.5) < 1e-9:
        return to_limits(deviation)
    limit = calibration.region_threshold_raw(region_id)
    return calibration.log_p(region_id, raw) / calibration.log_p(region_id, limit)


def known_normals(calibration: Calibration) -> DoubleArray:
    """Scores in limits of the normals it was calibrated on; none where they do not tell.

    Renders of the reference do not tell, nor does a template in which one region's threshold was
    set by hand: the curve holds the worst region alone.
    """
    if calibration.provisional or (calibration.overrides and len(calibration.scales) > 1):
        return np.empty(0)
    only = next(iter(calibration.overrides.values()), None)
    at = calibration.threshold.raw if only is None else only.raw
    log_p = calibration.curve.log_p_array(calibration.curve.scores)
    return np.asarray(np.minimum(log_p / calibration.curve.log_p(at), HIGHEST), np.float64)


def read_validation(
    bundle: Bundle,
    source: Dataset | Path | str,
    *,
    threads: int | None = None,
    progress: ProgressCall | None = None,
    leave_out: bool = False,
) -> Validation:
    """Score the labelled images of a folder or dataset, good and defective ones of any split.

    Args:
        bundle: The model.
        source: Labelled images.
        threads: CPU threads.
        progress: Called with (stage, done, total).
        leave_out: Leave out images that the model learned from, in place of refusing them.

    Raises:
        DatasetError: No labelled image, one that the model learned from or a near-duplicate of
            one, or labels of regions that the template lacks.
    """
    data = source if isinstance(source, Dataset) else read_dataset(source, need_normals=False)
    records = [record for record in data.records if record.label is not None]
    if not records:
        raise DatasetError(
            f"'{data.root}' holds no labelled image; {data.unlabelled} unlabelled ones were found. "
            "Thresholds are chosen on images known to be good or defective. Sort them into folders "
            "'good' and 'bad', or label them."
        )
    template = bundle.manifest.template
    _refuse_regions(records, template)
    found: list[Looked] = []
    errors: list[EvaluationError] = []
    refused: list[tuple[str, DatasetError]] = []
    threads = available_threads() if threads is None else threads
    inspector = Inspector(bundle, threads=min(threads, 1), warm_up=False)

    def look(record: ImageRecord) -> Looked | EvaluationError | DatasetError:
        try:
            return _look(inspector, bundle, record)
        except DatasetError as error:
            return error  # all that were learned from are named at once
        except OffspecError as error:
            return EvaluationError(record.key, error.code, str(error))

    with ThreadPoolExecutor(threads) as pool:
        for number, one in enumerate(in_order(pool, look, records, threads)):
            if progress is not None:
                progress("look at validation images", number, len(records))
            if isinstance(one, Looked):
                found.append(one)
            elif isinstance(one, EvaluationError):
                errors.append(one)
            else:
                refused.append((records[number].key, one))
    if progress is not None:
        progress("look at validation images", len(records), len(records))
    if not leave_out or not (found or errors):
        _refuse(refused, len(records))
    known = tuple(key for key, _ in refused)
    return Validation(_grouped(found), tuple(errors), data.unlabelled, known)


def _refuse(refused: Sequence[tuple[str, DatasetError]], count: int) -> None:
    """Refuse images the model learned from: one with its reason, several by name."""
    if len(refused) == 1:
        raise refused[0][1]
    if refused:
        names = [f"'{key}'" for key, _ in refused[:SHOWN]]
        more = len(refused) - len(names)
        raise DatasetError(
            f"{len(refused)} of {count} validation images are images the model learned from, or "
            f"near-duplicates of one: {', '.join(names)}{f' and {more} more' if more else ''}. "
            "What chooses thresholds has to be new to the model. Leave them out."
        )


def _look(inspector: Inspector, bundle: Bundle, record: ImageRecord) -> Looked:
    manifest = bundle.manifest
    image = read_image(record.path)
    prepared = inspector.prepare(image)
    alignment = prepared.alignment
    one = load_normal(
        record.path, image, bundle.reference, alignment, manifest.bits, part=record.group
    )
    refuse_learned(one, manifest)
    raws = inspector.score(prepared, inspector.maps(prepared))
    assert record.label is not None  # noqa: S101 - read_validation kept labelled ones only
    truth = record.gt_mask(image.shape[:2])
    known = region_labels(manifest.template, record, truth, alignment)
    if len(raws) < len(manifest.template.regions):
        lost = float("inf") if record.label == "ok" else float("-inf")
        limits, x = lost, None
    else:
        limits = limits_of(manifest.calibration, raws)
        x = max(-manifest.calibration.log_p(key, raw) for key, raw in raws.items())
    return Looked(record.key, record.label, record.defect_type, limits, x, raws, known, one)


def _grouped(found: Sequence[Looked]) -> tuple[Looked, ...]:
    """The same, numbered by unit: one named part, or near-duplicates of each other."""
    units = group([one.image.signature for one in found], [one.image.part for one in found])
    return tuple(replace(one, unit=unit) for one, unit in zip(found, units, strict=True))


def _refuse_regions(records: Sequence[ImageRecord], template: Template) -> None:
    """Labels of a region that the template lacks would be lost without a word."""
    known = {name for region in template.regions for name in (region.id, region.name)}
    for record in records:
        if record.annotation is None:
            continue
        named = [key for key in record.annotation.verdicts if key]
        named += [shape.region_id for shape in record.annotation.defects if shape.region_id]
        strange = sorted({name for name in named if name not in known})
        if strange:
            raise DatasetError(
                f"'{record.key}' is labelled for {', '.join(repr(name) for name in strange)}, "
                f"which the template lacks. It has {', '.join(sorted(known))}. Rename the label, "
                "or fit with a template that has this region."
            )
