"""Sub-pixel outlines of drawn components, and masks from outlines.

A component is outlined where the map, read bilinearly, crosses the level it was drawn at
(marching squares), so an outline is as exact as the map and needs no full-resolution map.
Masks are filled from the same outlines: polygons, areas and masks always agree.

Reference:
    Lorensen and Cline, "Marching Cubes" (SIGGRAPH 1987), in two dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.geometry import transform_points
from offspec.shapes import cycles
from offspec.types import BoolArray, DoubleArray, FloatArray

SIMPLIFY_PX = 0.25  # farthest a simplified outline leaves the exact one, image pixels

# Sides of a cell: 0 top, 1 right, 2 bottom, 3 left. Corner bits: 8 top left, 4 top right,
# 2 bottom right, 1 bottom left. Segments run with the inside on the right as seen, so outer
# rings are clockwise. Diagonal corners are joined, which is 8-connectivity.
_SEGMENTS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 2),),
    2: ((2, 1),),
    3: ((3, 1),),
    4: ((1, 0),),
    5: ((3, 0), (1, 2)),
    6: ((2, 0),),
    7: ((3, 0),),
    8: ((0, 3),),
    9: ((0, 2),),
    10: ((0, 1), (2, 3)),
    11: ((0, 1),),
    12: ((1, 3),),
    13: ((1, 2),),
    14: ((2, 3),),
}


@dataclass(frozen=True, slots=True)
class Outline:
    """One component.

    Attributes:
        rings: First the outer ring, then holes; (n, 2) points each, image pixels, pixel
            centres at whole numbers.
        area_px: Area inside the outer ring less the holes, in image pixels.
        peak_raw: Highest map value of the component, raw units.
    """

    rings: tuple[DoubleArray, ...]
    area_px: float
    peak_raw: float

    def polygon(self) -> tuple[tuple[float, float], ...]:
        """The outer ring in edge coordinates: (0, 0) is the image's outer corner."""
        return tuple((x, y) for x, y in (self.rings[0] + 0.5).tolist())


def outline_components(
    values: FloatArray,
    drawn: BoolArray,
    mask: BoolArray | None,
    level: float,
    to_image: DoubleArray,
) -> list[Outline]:
    """Outline every component (8-neighbourhood) of a drawn mask.

    Args:
        values: (H, W) map on a region's grid, raw.
        drawn: (H, W), True on drawn pixels.
        mask: (H, W), True where the region is judged; None = everywhere. An outline along its
            border runs midway between pixel centres.
        level: Map value at which components end.
        to_image: (3, 3) matrix from grid to image pixels.

    Returns:
        Outlines, the highest peak first.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(drawn.view(np.uint8), connectivity=8)
    found: list[Outline] = []
    for label in range(1, count):
        x, y, w, h = (int(v) for v in stats[label, :4])
        rows = slice(max(y - 1, 0), y + h + 1)
        cols = slice(max(x - 1, 0), x + w + 1)
        inside = labels[rows, cols] == label
        open_side = inside | ~drawn[rows, cols]
        if mask is not None:
            open_side &= mask[rows, cols]
        local = values[rows, cols]
        rings = _rings(local, inside, open_side, level)
        offset = np.array([cols.start, rows.start], np.float64)
        placed = _largest_first([transform_points(to_image, ring + offset) for ring in rings])
        thin = [_simplified(ring) for ring in placed]
        area = abs(_area(thin[0])) - sum(abs(_area(ring)) for ring in thin[1:])
        found.append(Outline(tuple(thin), max(area, 0.0), float(local[inside].max())))
    return sorted(found, key=lambda o: -o.peak_raw)


def _largest_first(rings: Sequence[DoubleArray]) -> list[DoubleArray]:
    """The outer ring, then holes of at least one image pixel."""
    areas = [abs(_area(ring)) for ring in rings]
    order = sorted(range(len(rings)), key=lambda i: -areas[i])
    return [rings[i] for i in order if i == order[0] or areas[i] >= 1.0]


def _area(ring: DoubleArray) -> float:
    x, y = ring[:, 0], ring[:, 1]
    inner = np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:])
    return 0.5 * float(inner + x[-1] * y[0] - y[-1] * x[0])


def _simplified(ring: DoubleArray) -> DoubleArray:
    """Drop points that change the ring by less than ``SIMPLIFY_PX``."""
    low = ring.min(axis=0)  # float32 keeps enough digits only near the origin
    thin = cv2.approxPolyDP((ring - low).astype(np.float32), SIMPLIFY_PX, True).reshape(-1, 2)
    return ring if len(thin) < 3 else thin.astype(np.float64) + low


def _rings(
    values: FloatArray, inside: BoolArray, open_side: BoolArray, level: float
) -> list[DoubleArray]:
    """Closed rings around ``inside``, in (x, y) grid pixels of the cut."""
    inside, open_side = np.pad(inside, 1), np.pad(open_side, 1)
    level = min(level, float(values[inside[1:-1, 1:-1]].min()))
    height = np.pad(values.astype(np.float64), 1) - level
    width = inside.shape[1]
    starts, ends = _segments(inside)
    order = np.argsort(starts)
    starts, ends = starts[order], ends[order]
    points = _crossings(height, open_side, starts, width) - 1.0
    following = np.searchsorted(starts, ends)  # every line begins exactly one segment
    return [points[ring] for ring in cycles(following)]


def _segments(inside: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and end of every segment, as numbers of the grid lines that they cross.

    Line 2 * (y * width + x) joins pixel (x, y) to its right neighbour, the odd number after it
    to the one below.
    """
    bits = inside.astype(np.int64)
    code = 8 * bits[:-1, :-1] + 4 * bits[:-1, 1:] + 2 * bits[1:, 1:] + bits[1:, :-1]
    width = inside.shape[1]
    rows, cols = np.nonzero((code > 0) & (code < 15))
    cell = 2 * (rows * width + cols)
    sides = np.stack([cell, cell + 3, cell + 2 * width, cell + 1])
    cases = code[rows, cols]
    starts, ends = [], []
    for case, segments in _SEGMENTS.items():
        at = np.flatnonzero(cases == case)
        for start, end in segments:
            starts.append(sides[start, at])
            ends.append(sides[end, at])
    return np.concatenate(starts), np.concatenate(ends)


def _crossings(
    height: DoubleArray,
    open_side: BoolArray,
    lines: NDArray[np.int64],
    width: int,
) -> DoubleArray:
    """Where the map crosses the level on each grid line; midway where it ends for another reason.

    ``height`` is the map less the level, so the crossing is at its zero.
    """
    down = (lines & 1).astype(np.int64)
    y, x = np.divmod(lines >> 1, width)
    y2, x2 = y + down, x + (1 - down)
    a, b = height[y, x], height[y2, x2]
    crosses = open_side[y, x] & open_side[y2, x2] & ((a > 0) != (b > 0))
    # Kept off the pixel centres, so that no ring has a point twice.
    share = np.where(crosses, a / np.where(crosses, a - b, 1.0), 0.5).clip(0.01, 0.99)
    return np.stack([x + share * (1 - down), y + share * down], axis=1)


def fill(outlines: Sequence[Outline], out: BoolArray) -> None:
    """Set the pixels whose centre lies inside an outline (even-odd rule, so holes stay open).

    Args:
        outlines: From :func:`outline_components`.
        out: (H, W) in image pixels, changed in place.
    """
    for outline in outlines:
        _fill_one(outline.rings, out)


def _fill_one(rings: Sequence[DoubleArray], out: BoolArray) -> None:
    height, width = out.shape
    low, high = rings[0].min(axis=0), rings[0].max(axis=0)
    x0, y0 = max(int(np.ceil(low[0])), 0), max(int(np.ceil(low[1])), 0)
    x1, y1 = min(int(np.floor(high[0])), width - 1), min(int(np.floor(high[1])), height - 1)
    if x1 < x0 or y1 < y0:
        return
    begin = np.concatenate(rings)
    end = np.concatenate([part for ring in rings for part in (ring[1:], ring[:1])])
    swap = begin[:, 1] > end[:, 1]
    upper, lower = np.where(swap[:, None], end, begin), np.where(swap[:, None], begin, end)
    first = np.clip(np.ceil(upper[:, 1]), y0, y1 + 1).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1]), y0, y1 + 1).astype(np.int64)
    counts = last - first
    edge = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (lower[edge, 0] - upper[edge, 0]) / (lower[edge, 1] - upper[edge, 1])
    cross = upper[edge, 0] + (row - upper[edge, 1]) * slope
    col = np.clip(np.ceil(cross), x0, x1 + 1).astype(np.int64)
    box_w = x1 - x0 + 2
    flips = np.bincount((row - y0) * box_w + col - x0, minlength=(y1 - y0 + 1) * box_w)
    parity = np.cumsum(flips.reshape(-1, box_w), axis=1)[:, :-1] & 1
    out[y0 : y1 + 1, x0 : x1 + 1] |= parity.astype(bool)
