"""Outlines of what a person points at: by one click, by a rough stroke, or from a model's outlines.

A click grows over like colours at many tolerances and keeps the one whose border is the sharpest
edge. A stroke learns the ground from what lies beside it, as a plane of colour with its scatter,
and keeps what stands out of it under the brush; broad things are cut from the ground by colour.
Both look at a bounded crop only.

Reference:
    The choice of a tolerance follows Matas et al., "Robust wide-baseline stereo from maximally
    stable extremal regions" (BMVC 2002), with the edge's strength in place of stability; the
    threshold under the brush is Otsu's (IEEE Trans. SMC, 1979); the cut of broad things is Rother
    et al., "GrabCut" (SIGGRAPH 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.masks import mask_polygons
from offspec.types import BoolArray, FloatArray, PointsXY

MOST_SIDE_PX = 256  # of a crop as it is worked on
CUT_SIDE_PX = 160  # where colours are cut, which takes longest
LEVELS = 28  # tolerances that a click tries
FARTHEST = 0.5  # of the image's longer side: how far a click may grow
CLEAR = 10.0  # score of a region that needs no second look
LARGER = 0.3  # how much a click prefers the larger of two regions: power of the area
FARTHER_GAIN = 1.3  # how much sharper a border found farther away has to be
THIN_PX = 4.0  # half width up to which a thing is a line
STANDS_OUT = 3.0  # deviations from the ground, at least, under a brush
LEAST_AREA_PX = 4
KEPT_SHARE = 0.08  # of the largest part: smaller parts under a brush are noise

Bytes = NDArray[np.uint8]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Crop:
    """A part of the image, made smaller where it is large."""

    lab: FloatArray
    left: int
    top: int
    factor: float  # crop pixels per image pixel
    inner: tuple[bool, bool, bool, bool]  # top, bottom, left, right: the image goes on there

    def leaving_px(self, mask: BoolArray) -> int:
        """How many pixels of a mask lie where the crop ends and the image goes on."""
        sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        return sum(
            int(one.sum()) for one, goes_on in zip(sides, self.inner, strict=True) if goes_on
        )

    def place(self, point_xy: Point) -> Point:
        return (point_xy[0] - self.left) * self.factor, (point_xy[1] - self.top) * self.factor

    def outlines(self, mask: BoolArray) -> list[PointsXY]:
        """Of a mask of the crop, in image pixels, the largest first."""
        found = mask_polygons(_filled(mask), 0.6)
        back = 1.0 / self.factor
        placed = [tuple((x * back + self.left, y * back + self.top) for x, y in one)
                  for one in found if len(one) >= 3]  # fmt: skip
        return sorted(placed, key=lambda one: -_area(one))


def outline_click(image: Bytes, point_xy: Point, size_px: float | None = None) -> list[PointsXY]:
    """Outline what lies under one point.

    Args:
        image: (H, W, 3) uint8 RGB.
        point_xy: Image pixels, edge coordinates.
        size_px: How far around the point to look at first; by default 5 % of the longer side.

    Returns:
        One polygon in image pixels, edge coordinates; none where the point is outside or nothing
        has a border there.
    """
    height, width = image.shape[:2]
    if not (0 <= point_xy[0] < width and 0 <= point_xy[1] < height):
        return []
    longest = max(height, width)
    reach = max(16.0, size_px if size_px is not None else 0.05 * longest)
    best: tuple[float, list[PointsXY]] = (0.0, [])
    while True:
        crop = _cut(image, [point_xy], reach)
        score, mask, is_open = _grown(crop, point_xy)
        if mask is not None and score > best[0] * FARTHER_GAIN:
            best = (score, crop.outlines(mask)[:1])
        farther = min(2.0 * reach, FARTHEST * longest)
        if best[0] >= CLEAR or not is_open or farther <= reach:
            return best[1]
        reach = farther


def outline_stroke(
    image: Bytes, points_xy: Sequence[Point], size_px: float | None = None
) -> list[PointsXY]:
    """Outline what stands out from the ground under a brush.

    Args:
        image: (H, W, 3) uint8 RGB.
        points_xy: The way of the brush in image pixels, edge coordinates.
        size_px: Width of the brush; by default 1.5 % of the longer side.

    Returns:
        Polygons in image pixels, edge coordinates, the largest first. Where nothing stands out,
        the stroke itself as it was painted.
    """
    height, width = image.shape[:2]
    inside = [(x, y) for x, y in points_xy if 0 <= x < width and 0 <= y < height]
    if not inside:
        return []
    longest = max(height, width)
    brush_px = min(max(3.0, size_px if size_px is not None else 0.015 * longest), longest)
    crop = _cut(image, inside, 1.5 * brush_px + 6)
    painted = _painted(crop, inside, brush_px)
    found = _under(crop, painted, brush_px * crop.factor)
    return crop.outlines(painted if found is None else found)


def nearest_outlines(
    outlines: Sequence[PointsXY], points_xy: Sequence[Point], reach_px: float
) -> list[PointsXY]:
    """Those of a model's outlines that a person means.

    Args:
        outlines: In image pixels, edge coordinates.
        points_xy: Where the person points.
        reach_px: How far the nearest may lie where no outline holds a point.

    Returns:
        Every outline that holds a point; else the nearest within reach; else none.
    """
    distances = []
    for one in outlines:
        contour = np.asarray(one, np.float32).reshape(-1, 1, 2)
        distances.append(max(cv2.pointPolygonTest(contour, p, True) for p in points_xy))
    holding = [one for one, d in zip(outlines, distances, strict=True) if d >= 0]
    if holding or not outlines:
        return holding
    nearest = int(np.argmax(distances))
    return [outlines[nearest]] if -distances[nearest] <= reach_px else []


def _cut(image: Bytes, points_xy: Sequence[Point], margin_px: float) -> _Crop:
    """The crop around points with a margin, as L*a*b* in steps a person sees alike."""
    height, width = image.shape[:2]
    xs, ys = zip(*points_xy, strict=True)
    left, top = max(0, math.floor(min(xs) - margin_px)), max(0, math.floor(min(ys) - margin_px))
    right = min(width, math.ceil(max(xs) + margin_px) + 1)
    bottom = min(height, math.ceil(max(ys) + margin_px) + 1)
    part = image[top:bottom, left:right]
    factor = min(1.0, MOST_SIDE_PX / max(part.shape[:2]))
    if factor < 1.0:
        size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    unit = np.ascontiguousarray(part).astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2LAB), np.float32)
    return _Crop(lab, left, top, factor, (top > 0, bottom < height, left > 0, right < width))


# -- click ---------------------------------------------------------------------------


def _grown(crop: _Crop, point_xy: Point) -> tuple[float, BoolArray | None, bool]:
    """The region under a point with the sharpest border, and whether a larger crop may help.

    Returns:
        Mean edge along the border, the region, and whether it or a larger one leaves the crop.
    """
    smooth = np.asarray(cv2.GaussianBlur(crop.lab, (0, 0), 0.8), np.float32)
    edge = _edges(smooth)
    height, width = edge.shape
    x, y = (int(v) for v in crop.place(point_xy))
    at = min(x, width - 1), min(y, height - 1)
    score, mask, leaves = _best_tolerance(crop, smooth, edge, _seed(smooth, at))
    cut = mask is not None and crop.leaving_px(mask) > 0
    return (0.0 if cut else score), mask, leaves or cut


def _seed(smooth: FloatArray, at: tuple[int, int]) -> tuple[int, int]:
    """The point itself, or what differs far more from its surroundings close by.

    Thin things are seldom hit.
    """
    ground = cv2.blur(smooth, (21, 21))
    odd = np.linalg.norm(smooth - ground, axis=2)
    x, y = at
    left, top = max(0, x - 3), max(0, y - 3)
    near = odd[top : y + 4, left : x + 4]
    row, col = np.unravel_index(int(np.argmax(near)), near.shape)
    other = left + int(col), top + int(row)
    if near[row, col] > 2.0 * odd[y, x] + 2.0:
        return other
    return at


def _best_tolerance(
    crop: _Crop, smooth: FloatArray, edge: FloatArray, seed: tuple[int, int]
) -> tuple[float, BoolArray | None, bool]:
    """Grow at rising tolerances; the sharpest border wins.

    Returns:
        Mean edge along the border, the region, and whether it grew out of the crop first.
    """
    x, y = seed
    colour = np.median(smooth[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, 3), axis=0)
    away = np.linalg.norm(smooth - colour, axis=2)
    top = float(np.quantile(away, 0.98))
    kernel = np.ones((3, 3), np.uint8)
    best: tuple[float, BoolArray | None] = (0.0, None)
    for tolerance in np.geomspace(1.5, max(top, 3.0), LEVELS):
        _, labels = cv2.connectedComponents((away <= tolerance).view(np.uint8), connectivity=8)
        if labels[y, x] == 0:
            continue
        mask = labels == labels[y, x]
        if crop.leaving_px(mask) > 0.02 * sum(mask.shape):  # more than a corner of it
            return *best, True
        area = int(mask.sum())
        border = (cv2.dilate(mask.view(np.uint8), kernel) > 0) & ~mask
        if area < LEAST_AREA_PX or not border.any():
            continue
        score = float(edge[border].mean()) * area**LARGER
        if score > best[0] * 1.02:
            best = (score, mask)
    return *best, False


def _edges(smooth: FloatArray) -> FloatArray:
    """(H, W) strength of edges, L*a*b* steps a pixel."""
    dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(np.sqrt((dx**2 + dy**2).sum(axis=2)), np.float32)


# -- stroke --------------------------------------------------------------------------


def _painted(crop: _Crop, points_xy: Sequence[Point], brush_px: float) -> BoolArray:
    """(H, W), True where the brush was."""
    canvas = np.zeros(crop.lab.shape[:2], np.uint8)
    shift = 4
    knots = np.array([crop.place(p) for p in points_xy]) - 0.5
    fixed = np.rint(knots * 2**shift).astype(np.int32).reshape(-1, 1, 2)
    thick = max(1, round(brush_px * crop.factor))
    cv2.polylines(canvas, [fixed], False, (1,), thick, cv2.LINE_8, shift)
    if len(points_xy) == 1:
        x, y = (int(v) for v in fixed[0, 0])
        cv2.circle(canvas, (x, y), round(brush_px * crop.factor * 2**shift / 2), (1,), -1, 8, shift)
    return canvas > 0


def _under(crop: _Crop, painted: BoolArray, brush: float) -> BoolArray | None:
    """What a person means under a brush; None = nothing stands out.

    A line is told from the ground by its oddness alone; a cut between mixtures of colours would
    shorten it, but parts broad things better.
    """
    smooth = np.asarray(cv2.GaussianBlur(crop.lab, (0, 0), 0.6), np.float32)
    far = np.asarray(cv2.distanceTransform((~painted).view(np.uint8), cv2.DIST_L2, 3), np.float32)
    odd = _standing_out(smooth, far, painted, brush)
    if odd is not None:
        half_width = cv2.distanceTransform(_filled(odd).view(np.uint8), cv2.DIST_L2, 3).max()
        if half_width <= THIN_PX:
            return odd
    parted = _parted(crop.lab, far, painted, brush)
    return odd if parted is None else parted


def _parted(lab: FloatArray, far: FloatArray, painted: BoolArray, brush: float) -> BoolArray | None:
    """Defect and ground as two mixtures of colours, and the cheapest cut between them."""
    height, width = painted.shape
    factor = min(1.0, CUT_SIDE_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    mask = np.full(painted.shape, cv2.GC_BGD, np.uint8)
    mask[far <= max(1.5, 0.25 * brush)] = cv2.GC_PR_BGD
    mask[painted] = cv2.GC_PR_FGD
    small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    if (small == cv2.GC_BGD).sum() < 24 or (small == cv2.GC_PR_FGD).sum() < 24:
        return None
    _cut_mixtures(np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA)), small)
    inside = (small == cv2.GC_PR_FGD).astype(np.float32)
    large = cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    if (large & painted).sum() < LEAST_AREA_PX:
        return None
    return _parts(large, large & painted)


def _cut_mixtures(lab: FloatArray, mask: Bytes) -> None:
    """GrabCut on colours stretched to their own range; ``mask`` is changed in place."""
    low, high = lab.reshape(-1, 3).min(axis=0), lab.reshape(-1, 3).max(axis=0)
    stretched = np.rint(255 * (lab - low) / max(8.0, float((high - low).max()))).astype(np.uint8)
    ground, defect = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(stretched, mask, (0, 0, 0, 0), ground, defect, 2, cv2.GC_INIT_WITH_MASK)


def _standing_out(
    smooth: FloatArray, far: FloatArray, painted: BoolArray, brush: float
) -> BoolArray | None:
    """What differs from the ground beside the brush, under it and a little around it."""
    beside = (far > 1.0) & (far <= brush + 4.0)
    if beside.sum() < 24:
        return None
    odd = _oddness(smooth, beside)
    under = odd[painted]
    limit = max(STANDS_OUT, _otsu(under))
    sure = painted & (odd > limit)
    if sure.sum() < LEAST_AREA_PX:
        return None
    near = (far <= max(1.5, 0.35 * brush)) & (odd > max(STANDS_OUT, 0.8 * limit))
    return _parts(near | sure, sure)


def _oddness(smooth: FloatArray, ground: BoolArray) -> FloatArray:
    """(H, W), how many deviations a pixel lies away from a plane of colour through the ground."""
    height, width = ground.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    design = np.stack([np.ones_like(xs), xs / width - 0.5, ys / height - 0.5], axis=2)
    kept = ground.copy()
    for _ in range(3):
        fit, *_ = np.linalg.lstsq(design[kept], smooth[kept], rcond=None)
        rest = smooth - design @ fit
        spread = rest[kept].T @ rest[kept] / max(1, int(kept.sum())) + 0.6 * np.eye(3)
        odd = np.sqrt(np.einsum("hwi,ij,hwj->hw", rest, np.linalg.inv(spread), rest))
        kept = ground & (odd <= max(2.5, float(np.quantile(odd[ground], 0.8))))
    return np.asarray(odd, np.float32)


def _otsu(values: FloatArray) -> float:
    """The threshold that parts values into two classes of least scatter."""
    top = float(np.quantile(values, 0.995)) + 1e-6
    counts, edges = np.histogram(np.minimum(values, top), 64, (0.0, top))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * middle)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * gap**2)
    return float(edges[int(np.argmax(between)) + 1])


def _parts(mask: BoolArray, sure: BoolArray) -> BoolArray:
    """Components that hold something sure and are not specks beside a larger one."""
    closed = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    held = np.bincount(labels[sure], minlength=len(areas)) > 0
    good = held & (areas >= max(LEAST_AREA_PX, KEPT_SHARE * int(areas[held].max(initial=0))))
    good[0] = False
    return np.asarray(good[labels], np.bool_)


def _filled(mask: BoolArray) -> BoolArray:
    """Without holes."""
    outside = np.pad(mask, 1).view(np.uint8)
    cv2.floodFill(outside, None, (0, 0), (2,))
    return np.asarray(outside[1:-1, 1:-1] != 2, np.bool_)


def _area(points: PointsXY) -> float:
    return float(cv2.contourArea(np.asarray(points, np.float32)))
