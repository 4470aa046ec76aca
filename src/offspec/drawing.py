"""Which pixels are outlined: a drawing threshold, hysteresis and minimum area.

The drawing threshold is separate from the decision threshold: it comes from an allowed
number of false components per normal image. All values are raw map units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.errors import BundleError, InputError, ShapeError
from offspec.score_curve import ScoreCurve, check_keys, number
from offspec.types import BoolArray, FloatArray, PointsXY

_SEARCH_STEPS = 16  # bisections of a level; the rest error is below 2e-5 of the range
_LADDER_STEPS = 40  # levels tried downwards from the highest peak
_LADDER_DEPTH = 1e-2  # the lowest level tried, as a share of the highest peak


@dataclass(frozen=True, slots=True)
class PixelThreshold:
    """When a connected component of the map is outlined.

    A component of ``map > low`` (8-neighbourhood) is drawn when one of its pixels is above
    ``high`` and its area is at least ``min_area_px``.

    Attributes:
        high: Seed level, raw map units.
        low: Extent level, raw map units, 0 < low <= high.
        min_area_px: Minimum area, in pixels of the map that is drawn on.
        allowed: False components allowed per normal image when the level was chosen.
    """

    high: float
    low: float
    min_area_px: float
    allowed: float

    def __post_init__(self) -> None:
        values = (self.high, self.low, self.min_area_px, self.allowed)
        sound = all(math.isfinite(v) for v in values) and self.min_area_px >= 0
        if not (sound and 0.0 < self.low <= self.high and self.allowed > 0):
            raise InputError(
                f"Drawing threshold {values} is not usable. 0 < low <= high, area >= 0 and "
                "allowed > 0, all finite. Calibrate again."
            )

    def extent_level(self, peak: float) -> float:
        """Level that drawn components extend to on a map whose maximum is ``peak``.

        It is ``low``, except where the maximum itself is under the drawing level and drawn
        nevertheless: there it is the same share of the peak as ``low`` is of ``high``.
        """
        return min(self.low, peak * self.low / self.high)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "high": self.high,
            "low": self.low,
            "min_area_px": self.min_area_px,
            "allowed": self.allowed,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PixelThreshold:
        """Read the JSON form.

        Raises:
            BundleError: Unknown or missing keys, wrong types, or numbers that contradict.
        """
        names = ("high", "low", "min_area_px", "allowed")
        check_keys("drawing threshold", data, set(names))
        try:
            return cls(*(number(data[name], name) for name in names))
        except InputError as error:
            raise BundleError(f"The drawing threshold is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class Component:
    """One connected component of a drawn mask.

    Attributes:
        polygon: Outer outline through pixel centres, in map pixels.
        area_px: Number of pixels.
        peak_raw: Highest map value inside.
        box_xywh: Bounding box in map pixels.
    """

    polygon: PointsXY
    area_px: float
    peak_raw: float
    box_xywh: tuple[int, int, int, int]


def draw_mask(
    anomaly_map: FloatArray,
    region_mask: BoolArray | None,
    threshold: PixelThreshold,
    *,
    always_max: bool,
) -> BoolArray:
    """Outline the components of a map; call it for ng and review regions only.

    Args:
        anomaly_map: (H, W), raw, higher = more anomalous.
        region_mask: (H, W), True inside the region after exclusions; None = everywhere.
        threshold: Levels and minimum area.
        always_max: Draw at least the component holding the maximum, whatever its size; true
            for ng regions.

    Returns:
        (H, W), True on outlined pixels.
    """
    values = _inside(anomaly_map, region_mask)
    labels, keep = _drawn_labels(values, threshold.high, threshold.low, threshold.min_area_px)
    drawn: BoolArray = keep[labels]
    if always_max and not drawn.any():
        peak = float(values.max())
        if peak > 0.0:
            low = threshold.extent_level(peak)
            _, found = cv2.connectedComponents((values > low).astype(np.uint8), connectivity=8)
            labels = np.asarray(found, np.int32)
            drawn = labels == labels.flat[int(values.argmax())]
    elif always_max:
        drawn |= _peak_component(values, labels)
    return drawn


def _peak_component(values: FloatArray, labels: NDArray[np.int32]) -> BoolArray:
    label = labels.flat[int(values.argmax())]
    found: BoolArray = (labels == label) & (label > 0)
    return found


def _inside(anomaly_map: FloatArray, region_mask: BoolArray | None) -> FloatArray:
    if anomaly_map.ndim != 2 or (
        region_mask is not None and region_mask.shape != anomaly_map.shape
    ):
        raise ShapeError(
            f"Map of shape {anomaly_map.shape} with mask of shape "
            f"{None if region_mask is None else region_mask.shape}. Both are (H, W)."
        )
    if region_mask is None:
        return anomaly_map
    return np.where(region_mask, anomaly_map, np.float32(0.0))


def _drawn_labels(
    values: FloatArray, high: float, low: float, min_area_px: float
) -> tuple[NDArray[np.int32], BoolArray]:
    """Labels of ``values > low`` and, per label, whether it is drawn."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (values > low).astype(np.uint8), connectivity=8
    )
    keep = np.zeros(count, bool)
    keep[labels[values > high]] = True
    keep &= stats[:, cv2.CC_STAT_AREA] >= min_area_px
    keep[0] = False
    return np.asarray(labels, np.int32), keep


def components(mask: BoolArray, anomaly_map: FloatArray) -> tuple[Component, ...]:
    """Components of a drawn mask (8-neighbourhood), the highest peak first.

    Args:
        mask: (H, W), from :func:`draw_mask`.
        anomaly_map: (H, W), raw.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    found = []
    for label in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[label])
        cut = labels[y : y + h, x : x + w] == label
        peak = float(anomaly_map[y : y + h, x : x + w][cut].max())
        found.append(Component(_outline(cut, x, y), float(area), peak, (x, y, w, h)))
    return tuple(sorted(found, key=lambda c: (-c.peak_raw, c.box_xywh)))


def _outline(cut: BoolArray, x: int, y: int) -> PointsXY:
    """Outer outline of one component; lines and dots become a box of their pixels."""
    contours, _ = cv2.findContours(
        cut.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y)
    )
    contour = max(contours, key=len).reshape(-1, 2)
    h, w = cut.shape
    if len(contour) < 3 or min(h, w) == 1:
        left, top, right, bottom = x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    return tuple((float(px), float(py)) for px, py in contour)


def pixel_threshold(
    maps: Sequence[FloatArray],
    masks: Sequence[BoolArray | None],
    *,
    false_components: float = 0.1,
    min_area_px: float = 4.0,
    hysteresis: float = 0.6,
) -> PixelThreshold:
    """Drawing threshold for an allowed number of false components per normal image.

    The lowest level is taken at which (components drawn on the n normals + 1) / (n + 1) stays
    within the allowed number; when n is too small for that, the level where the score curve of
    the images' own critical levels reaches it.

    Args:
        maps: n cross-fitted anomaly maps of normal images, (H, W) each, raw.
        masks: Region masks, one per map; None = everywhere.
        false_components: Allowed number per normal image, in (0, 1] mostly; > 0.
        min_area_px: Minimum area in map pixels.
        hysteresis: low / high, in (0, 1].
    """
    if len(maps) != len(masks) or not maps:
        raise InputError(
            f"{len(maps)} maps with {len(masks)} masks. Give one mask (or None) per map, and at "
            "least one map."
        )
    if not (0.0 < hysteresis <= 1.0 and false_components > 0.0):
        raise InputError(
            f"hysteresis {hysteresis} and false_components {false_components} are out of range. "
            "0 < hysteresis <= 1, false_components > 0."
        )
    values = [_inside(m, k) for m, k in zip(maps, masks, strict=True)]
    peaks = [_critical_level(v, hysteresis, min_area_px) for v in values]
    curve = ScoreCurve.from_scores(peaks)
    budget = math.floor(false_components * (len(maps) + 1) * (1 + 1e-9)) - 1
    if budget < 0:
        high = curve.raw_at(math.log(min(false_components, 1.0)))
    else:
        high = _level_within(values, peaks, budget, hysteresis, min_area_px)
    high = max(high, curve.raw_step)
    return PixelThreshold(high, hysteresis * high, min_area_px, false_components)


def _critical_level(values: FloatArray, hysteresis: float, min_area_px: float) -> float:
    """Lowest level at which nothing is drawn on this map (drawing needs map > level)."""
    top = float(values.max())
    if top <= 0.0 or _count(
        values, float(np.nextafter(np.float32(top), np.float32(0.0))), hysteresis, min_area_px
    ):
        return max(top, 0.0)
    low, high = 0.0, top  # as the level falls, drawn components only grow
    for _ in range(_SEARCH_STEPS):
        middle = 0.5 * (low + high)
        if _count(values, middle, hysteresis, min_area_px):
            low = middle
        else:
            high = middle
    return high


def _count(values: FloatArray, high: float, hysteresis: float, min_area_px: float) -> int:
    return int(_drawn_labels(values, high, hysteresis * high, min_area_px)[1].sum())


def _level_within(
    values: Sequence[FloatArray],
    peaks: Sequence[float],
    budget: int,
    hysteresis: float,
    min_area_px: float,
) -> float:
    """Lowest level found with at most ``budget`` components over all maps."""

    def drawn(level: float) -> int:
        return sum(
            _count(v, level, hysteresis, min_area_px)
            for v, peak in zip(values, peaks, strict=True)
            if peak > level  # the others draw nothing there
        )

    ordered = sorted(peaks, reverse=True)
    top = ordered[0]
    # Each image whose peak is above the level draws at least one component.
    bottom = max(ordered[budget] if budget < len(ordered) else 0.0, _LADDER_DEPTH * top)
    if top <= 0.0 or drawn(top) > budget:
        return top
    # Downwards, because far below components merge and their number falls again.
    fits = top
    for level in np.geomspace(top, bottom, _LADDER_STEPS)[1:].tolist():
        if drawn(level) <= budget:
            fits = level
            continue
        fails = level
        for _ in range(_SEARCH_STEPS):
            middle = 0.5 * (fails + fits)
            if drawn(middle) > budget:
                fails = middle
            else:
                fits = middle
        break
    return fits
