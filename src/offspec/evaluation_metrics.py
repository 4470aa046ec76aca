"""From inspected test images to figures; pure functions, no files.

Counting (DESIGN 7): an ``invalid`` image stays in every denominator. An invalid defect is no
detection and an invalid normal is a false stop; ``review`` counts as stopped. Ranking follows the
same rule: an invalid defect ranks below, an invalid normal above every other image, and an invalid
defect has an empty map. Invalid normals have no map and are left out of pixel figures.
Figures over valid images only stand beside, under names that end in ``_valid``.
A figure that picks its own threshold on the test set is called *oracle*.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from offspec import metrics as m
from offspec.calibration import Calibration
from offspec.errors import MetricError
from offspec.types import BoolArray, DoubleArray, FloatArray, Inspection, Label, Mode

MAP_BUDGET_PX = 400_000_000  # pixel metrics sort every pixel; about 10 bytes each are needed


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reckoned, and how.

    Attributes:
        false_alarm_levels: Shares of good images at which detection is stated (oracle), in (0, 1).
        confidence: Of the intervals, in (0, 1).
        pixel: Whether maps are compared with masks; takes most of the time.
    """

    false_alarm_levels: tuple[float, ...] = (0.001, 0.01, 0.05)
    confidence: float = 0.95
    pixel: bool = True


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One test image.

    Attributes:
        key: Path relative to the dataset, with forward slashes.
        inspection: What the bundle said; its map and mask are in original pixels.
        gt_mask: (H, W) bool, True on defect pixels; None when the image has no pixel truth.
        region_labels: Region id -> ok or ng, for the regions whose truth is known.
        latency_ms: Wall time of the inspection, decoding apart.
    """

    key: str
    path: Path
    label: Label
    defect_type: str
    inspection: Inspection
    gt_mask: BoolArray | None
    region_labels: dict[str, Label]
    latency_ms: float

    @property
    def stopped(self) -> bool:
        """Whether the line would stop this part for a defect: ``ng`` or ``review``."""
        return self.inspection.verdict in ("ng", "review")

    @property
    def invalid(self) -> bool:
        """Whether the image could not be judged."""
        return self.inspection.verdict == "invalid"

    @property
    def rank(self) -> float | None:
        """Unrounded -ln p of the worst valid region, higher = more anomalous; None if invalid."""
        scores = [-r.log_p for r in self.inspection.regions if r.log_p is not None]
        return max(scores) if scores and not self.invalid else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        score = self.inspection.deviation_score
        return {
            "image": self.key,
            "label": self.label,
            "defect_type": self.defect_type,
            "verdict": self.inspection.verdict,
            "deviation_score": None if score is None else round(score, 6),
            "rank": self.rank,
            "latency_ms": round(self.latency_ms, 3),
            "alignment": self.inspection.alignment.to_dict(),
            "regions": [r.to_dict() for r in self.inspection.regions],
        }


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """One test image that could not be read."""

    key: str
    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"image": self.key, "error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """Figures of one bundle on one dataset.

    Attributes:
        metrics: Name -> value; None where a figure is undefined, with the cause in ``reasons``.
        reasons: Name -> why the value is None.
        items: Every test image that was inspected, in key order.
        errors: Every test image that was not.
        dataset: Name, layout, counts and fingerprint of the dataset.
    """

    metrics: dict[str, Any]
    reasons: dict[str, str]
    items: tuple[EvaluationItem, ...]
    errors: tuple[EvaluationError, ...] = ()
    dataset: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: metrics on the top level, then reasons, dataset, and every image."""
        images: list[dict[str, Any]] = [item.to_dict() for item in self.items]
        images += [error.to_dict() for error in self.errors]
        return {
            **self.metrics,
            "reasons": dict(self.reasons),
            "dataset": dict(self.dataset),
            "images": images,
        }


@dataclass(slots=True)
class Sheet:
    """Collects figures; an undefined one becomes None and leaves its reason."""

    confidence: float = 0.95
    metrics: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, compute: Callable[[], Any]) -> None:
        """Store one figure, or None with the reason."""
        try:
            self.metrics[name] = compute()
        except MetricError as error:
            self.metrics[name] = None
            self.reasons[name] = str(error)


def summarise(
    items: Sequence[EvaluationItem],
    calibration: Calibration,
    mode: Mode,
    figures: Figures | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """All figures of DESIGN 7 and FIELD 6, with reasons for the undefined ones."""
    figures = figures or Figures()
    sheet = Sheet(confidence=figures.confidence)
    _image_level(sheet, items, figures.false_alarm_levels)
    _pixel_level(sheet, items, mode, wanted=figures.pixel)
    _operating_point(sheet, items)
    _promise(sheet, calibration)
    _defect_level(sheet, items)
    sheet.metrics["by_defect_type"] = by_defect_type(items)
    sheet.metrics["by_region"] = by_region(items)
    _timing(sheet, items)
    return sheet.metrics, sheet.reasons


def ranks(items: Sequence[EvaluationItem]) -> tuple[BoolArray, DoubleArray]:
    """Labels (True = defect) and rank scores, invalid images placed at the wrong end."""
    known = [item.rank for item in items if item.rank is not None]
    low = min(known, default=0.0) - 1.0
    high = max(known, default=0.0) + 1.0
    labels = np.array([item.label == "ng" for item in items], dtype=np.bool_)
    worst = [low if item.label == "ng" else high for item in items]
    scores = [w if item.rank is None else item.rank for item, w in zip(items, worst, strict=True)]
    return labels, np.array(scores, dtype=np.float64)


def _image_level(sheet: Sheet, items: Sequence[EvaluationItem], levels: Sequence[float]) -> None:
    labels, scores = ranks(items)
    valid_labels, valid_scores = ranks([item for item in items if not item.invalid])
    sheet.put("image_auroc", lambda: m.auroc(scores, labels))
    sheet.put("image_auroc_valid", lambda: m.auroc(valid_scores, valid_labels))
    sheet.put("image_ap", lambda: m.average_precision(scores, labels))
    sheet.put("f1_max", lambda: m.f1_max(scores, labels)[0])
    for level in levels:
        name = f"detection_at_far_{100 * level:g}pct"
        sheet.put(name, functools.partial(m.detection_at_far, scores, labels, level))


def pixel_pairs(items: Sequence[EvaluationItem]) -> tuple[list[FloatArray], list[BoolArray]]:
    """Maps and truth of the images that have both; an invalid defect has an empty map."""
    maps: list[FloatArray] = []
    masks: list[BoolArray] = []
    for item in items:
        if item.gt_mask is None or (item.invalid and item.label == "ok"):
            continue
        drawn = item.inspection.anomaly_map
        empty = item.invalid or drawn is None
        maps.append(np.zeros(item.gt_mask.shape, np.float32) if empty or drawn is None else drawn)
        masks.append(item.gt_mask)
    return maps, masks


def _drawn_masks(items: Sequence[EvaluationItem]) -> tuple[list[BoolArray], list[BoolArray]]:
    drawn: list[BoolArray] = []
    truth: list[BoolArray] = []
    for item in items:
        if item.gt_mask is None or (item.invalid and item.label == "ok"):
            continue
        mask = item.inspection.mask
        drawn.append(np.zeros(item.gt_mask.shape, np.bool_) if mask is None else mask)
        truth.append(item.gt_mask)
    return drawn, truth


def _pixel_level(
    sheet: Sheet, items: Sequence[EvaluationItem], mode: Mode, *, wanted: bool
) -> None:
    maps, masks = pixel_pairs(items)
    pixels = sum(mask.size for mask in masks)
    drawn, truth = _drawn_masks(items)

    def checked(compute: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            if not wanted:
                raise MetricError("Pixel figures were switched off by the configuration.")
            if mode == "image":
                raise MetricError(
                    "The template's mode is 'image', which has no pixel truth. Fit with --mode "
                    "pixel on a dataset with masks or polygons."
                )
            if pixels > MAP_BUDGET_PX:
                raise MetricError(
                    f"The test maps hold {pixels} pixels; at most {MAP_BUDGET_PX} are compared at "
                    "once. Evaluate on fewer images."
                )
            return compute()

        return run

    ranked = functools.cache(lambda: m.PixelRanking.from_maps(maps, masks))
    sheet.put("pixel_auroc", checked(lambda: ranked().auroc()))
    sheet.put("pixel_ap", checked(lambda: ranked().average_precision()))
    sheet.put("pixel_f1_max", checked(lambda: ranked().f1_max()[0]))
    sheet.put("aupro_30", checked(lambda: ranked().aupro(0.30)))
    sheet.put("aupro_05", checked(lambda: ranked().aupro(0.05)))
    sheet.put("aupimo", checked(lambda: m.aupimo(maps, masks)))
    sheet.put("seg_f1", checked(lambda: m.seg_f1(drawn, truth)))
    sheet.put("iou", checked(lambda: m.iou(drawn, truth)))
    sheet.put("pixel_accuracy", checked(lambda: m.pixel_accuracy(drawn, truth)))


def _rate(sheet: Sheet, name: str, hits: int, total: int, of_what: str) -> None:
    def compute() -> dict[str, Any]:
        if total == 0:
            raise MetricError(
                f"There is no {of_what} test image, so '{name}' is undefined. Add some."
            )
        return m.rate(hits, total, sheet.confidence).to_dict()

    sheet.put(name, compute)


def _operating_point(sheet: Sheet, items: Sequence[EvaluationItem]) -> None:
    good = [item for item in items if item.label == "ok"]
    bad = [item for item in items if item.label == "ng"]
    alarms = sum(item.stopped for item in good)
    lost = sum(item.invalid for item in good)
    found = sum(item.stopped for item in bad)
    missed_invalid = sum(item.invalid for item in bad)
    _rate(sheet, "detection_rate", found, len(bad), "defective")
    _rate(sheet, "detection_rate_valid", found, len(bad) - missed_invalid, "valid defective")
    _rate(sheet, "false_alarm_rate", alarms, len(good), "good")
    _rate(sheet, "false_alarm_rate_valid", alarms, len(good) - lost, "valid good")
    _rate(sheet, "false_stop_rate", alarms + lost, len(good), "good")
    sheet.metrics["invalid"] = {"normal": lost, "defect": missed_invalid}
    sheet.metrics["invalid_reasons"] = _invalid_reasons(items)
    sheet.metrics["images_tested"] = {"normal": len(good), "defect": len(bad)}


def _invalid_reasons(items: Sequence[EvaluationItem]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in items:
        codes = {r.reason.code for r in item.inspection.regions if r.reason is not None}
        for code in sorted(codes):
            counts[code] = counts.get(code, 0) + 1
    return counts


def _promise(sheet: Sheet, calibration: Calibration) -> None:
    withdrawn = calibration.guarantee_upper is None  # set by hand, moved by costs, or provisional
    sheet.metrics["promised_false_alarm_rate"] = None if withdrawn else calibration.threshold.alpha
    sheet.metrics["guarantee_upper"] = calibration.guarantee_upper
    if withdrawn:
        sheet.reasons["guarantee_upper"] = calibration.words
    sheet.metrics["threshold_status"] = calibration.status
    sheet.metrics["guarantee"] = calibration.words


def _defect_level(sheet: Sheet, items: Sequence[EvaluationItem]) -> None:
    """Share of true defects (8-connected) touched by the drawn mask; false components beside."""
    found = total = false_components = normals = 0
    for item in items:
        if item.gt_mask is None:
            continue
        drawn = item.inspection.mask
        if item.label == "ok":
            normals += 1
            false_components += 0 if drawn is None else component_count(drawn)
        else:
            hit, count = touched_components(item.gt_mask, drawn)
            found, total = found + hit, total + count
    _rate(sheet, "defect_recall", found, total, "outlined")

    def per_normal() -> float:
        if normals == 0:
            raise MetricError("There is no good test image with pixel truth. Add some.")
        return false_components / normals

    sheet.put("false_components_per_normal", per_normal)


def component_count(mask: BoolArray) -> int:
    """Number of 8-connected components."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def touched_components(gt_mask: BoolArray, drawn: BoolArray | None) -> tuple[int, int]:
    """How many 8-connected true defects share a pixel with the drawn mask, and how many exist."""
    count, labels = cv2.connectedComponents(gt_mask.astype(np.uint8), connectivity=8)
    if drawn is None:
        return 0, int(count) - 1
    hit = np.unique(labels[drawn & gt_mask])
    return int(hit.size), int(count) - 1


def by_defect_type(items: Sequence[EvaluationItem]) -> list[dict[str, Any]]:
    """One row per defect type: images, found, invalid, image AUROC against all normals."""
    good = [item for item in items if item.label == "ok"]
    rows: list[dict[str, Any]] = []
    for name in sorted({item.defect_type for item in items if item.label == "ng"}):
        bad = [item for item in items if item.label == "ng" and item.defect_type == name]
        row: dict[str, Any] = {
            "defect_type": name,
            "images": len(bad),
            "detected": sum(item.stopped for item in bad),
            "invalid": sum(item.invalid for item in bad),
            "detection_rate": m.rate(sum(item.stopped for item in bad), len(bad)).to_dict(),
            "image_auroc": None,
        }
        if good:
            labels, scores = ranks([*good, *bad])
            row["image_auroc"] = m.auroc(scores, labels)
        rows.append(row)
    return rows


def by_region(items: Sequence[EvaluationItem]) -> list[dict[str, Any]]:
    """One row per region whose truth is known: counts, verdicts and AUROC of the region score."""
    order: dict[str, str] = {}
    for item in items:
        for region in item.inspection.regions:
            order.setdefault(region.id, region.name)
    return [_region_row(items, region_id, name) for region_id, name in order.items()]


def _region_row(items: Sequence[EvaluationItem], region_id: str, name: str) -> dict[str, Any]:
    labels: list[bool] = []
    scores: list[float] = []
    stopped = {"ok": 0, "ng": 0}
    counts = {"ok": 0, "ng": 0}
    for item in items:
        truth = item.region_labels.get(region_id)
        result = next((r for r in item.inspection.regions if r.id == region_id), None)
        if truth is None or result is None:
            continue
        counts[truth] += 1
        stopped[truth] += result.verdict in ("ng", "review")
        if result.log_p is not None:
            labels.append(truth == "ng")
            scores.append(-result.log_p)
    try:
        area: float | None = m.auroc(np.array(scores), np.array(labels, dtype=np.bool_))
    except MetricError:
        area = None
    return {
        "id": region_id,
        "name": name,
        "normal": counts["ok"],
        "defect": counts["ng"],
        "detected": stopped["ng"],
        "false_alarms": stopped["ok"],
        "auroc_valid": area,
    }


def _timing(sheet: Sheet, items: Sequence[EvaluationItem]) -> None:
    times = np.array([item.latency_ms for item in items], dtype=np.float64)
    if times.size == 0:
        sheet.metrics.update(latency_ms=None, throughput_per_s=None)
        sheet.reasons["latency_ms"] = sheet.reasons["throughput_per_s"] = "No image was inspected."
        return
    p50, p95 = np.percentile(times, (50, 95))
    sheet.metrics["latency_ms"] = {"p50": float(p50), "p95": float(p95)}
    sheet.metrics["throughput_per_s"] = float(1000 * times.size / times.sum())
    stages = sorted({key for item in items for key in item.inspection.timing_ms})
    sheet.metrics["stage_ms_p50"] = {
        stage: float(np.median([item.inspection.timing_ms.get(stage, 0.0) for item in items]))
        for stage in stages
    }
