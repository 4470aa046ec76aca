"""Rectangles, ellipses and polygons: bounds, area, crossing test, and masks by pixel centre.

Coordinates are *edge* coordinates, as in LabelMe: (0, 0) is the outer corner of the top-left
pixel and (width, height) the outer corner of the bottom-right one, so a rectangle from (0, 0) to
(width, height) covers every pixel. A pixel belongs to a shape when its centre does.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from offspec.types import BoolArray, PointsXY

Shape = Literal["rectangle", "polygon", "ellipse"]
RectXYWH = tuple[float, float, float, float]

SHAPES: tuple[Shape, ...] = get_args(Shape)
ELLIPSE_POINTS = 96  # outline error under 0.06 % of the half axis
_CROSSINGS_AT_ONCE = 1 << 20  # of a polygon's edges with rows; bounds the memory


def shape_bounds(points_xy: PointsXY) -> RectXYWH:
    """Smallest upright box (x, y, width, height) around the points, for every shape."""
    points = np.asarray(points_xy, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def outline(shape: Shape, points_xy: PointsXY) -> PointsXY:
    """The closed outline as a polygon (last point not repeated), in the units of the points."""
    if shape == "polygon":
        return points_xy
    x, y, w, h = shape_bounds(points_xy)
    if shape == "rectangle":
        return (x, y), (x + w, y), (x + w, y + h), (x, y + h)
    angles = np.arange(ELLIPSE_POINTS) * (2 * np.pi / ELLIPSE_POINTS)
    xs = x + w / 2 + np.cos(angles) * w / 2
    ys = y + h / 2 + np.sin(angles) * h / 2
    return tuple((float(a), float(b)) for a, b in zip(xs, ys, strict=True))


def shape_area(shape: Shape, points_xy: PointsXY) -> float:
    """Area in square pixels, exact (shoelace for polygons)."""
    _, _, w, h = shape_bounds(points_xy)
    if shape == "rectangle":
        return w * h
    if shape == "ellipse":
        return float(np.pi) / 4 * w * h
    p = np.asarray(points_xy, dtype=np.float64)
    q = np.roll(p, -1, axis=0)
    return float(abs(np.sum(p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1])) / 2)


def crossing_edges(points_xy: PointsXY) -> tuple[int, int] | None:
    """Indices of the first two edges of a polygon that cross or touch, else None.

    Edge i runs from point i to point i + 1. Neighbouring edges may share their common point only.
    """
    p = np.asarray(points_xy, dtype=np.float64)
    q = np.roll(p, -1, axis=0)
    n = len(p)
    for i in range(n):
        j = np.arange(i + 1, n)
        near = (j == i + 1) | ((i == 0) & (j == n - 1))
        hit = np.where(near, _folds_back(p, i, j, n), _segments_meet(p[i], q[i], p[j], q[j]))
        if hit.any():
            return i, int(j[np.argmax(hit)])
    return None


def _side(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.int8]:
    """Sign of the turn a -> b -> c."""
    ab, ac = b - a, c - a
    cross = ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]
    return np.sign(cross).astype(np.int8)


def _segments_meet(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> BoolArray:
    """Whether segment ab meets each segment cd, end points included."""
    boxes = np.all(
        (np.minimum(a, b) <= np.maximum(c, d)) & (np.minimum(c, d) <= np.maximum(a, b)), axis=-1
    )
    first = _side(a, b, c) * _side(a, b, d) <= 0
    second = _side(c, d, a) * _side(c, d, b) <= 0
    return np.asarray(boxes & first & second, dtype=bool)


def _folds_back(p: NDArray[np.float64], i: int, j: NDArray[np.intp], n: int) -> BoolArray:
    """Whether edge i and its neighbour j double back over each other (a spike of no width)."""
    result = np.zeros(len(j), dtype=bool)
    for at, other in enumerate(j):
        if other not in (i + 1, n - 1):
            continue
        shared = p[other] if other == i + 1 else p[i]
        before = p[i] if other == i + 1 else p[i + 1]
        after = p[(other + 1) % n] if other == i + 1 else p[other]
        u, v = before - shared, after - shared
        result[at] = bool(u[0] * v[1] - u[1] * v[0] == 0 and u @ v >= 0)
    return result


def shape_mask(
    shape: Shape, points_xy: PointsXY, size_hw: tuple[int, int], box_xywh: RectXYWH | None = None
) -> BoolArray:
    """Which cells of a grid have their centre inside the shape.

    Args:
        shape: rectangle, polygon (even-odd rule) or ellipse.
        points_xy: Two corners, or the polygon's points, in edge coordinates.
        size_hw: Rows and columns of the grid.
        box_xywh: What the grid covers, in the units of the points; by default one pixel a cell
            from (0, 0). A region crop's mask in network pixels is the same call with its box.

    Returns:
        (H, W) bool, True inside. A centre on the left or top edge is inside, on the right or
        bottom edge outside, so that neighbours never share a pixel.
    """
    h, w = size_hw
    x, y, box_w, box_h = box_xywh or (0.0, 0.0, float(w), float(h))
    xs = x + (np.arange(w) + 0.5) * (box_w / w)
    ys = y + (np.arange(h) + 0.5) * (box_h / h)
    if shape == "polygon":
        return _polygon_mask(np.asarray(points_xy, dtype=np.float64), xs, ys)
    left, top, width, height = shape_bounds(points_xy)
    if shape == "rectangle":
        inside_x = (xs >= left) & (xs < left + width)
        inside_y = (ys >= top) & (ys < top + height)
        return np.asarray(inside_y[:, None] & inside_x[None, :], dtype=bool)
    u = (xs - (left + width / 2)) / (width / 2)
    v = (ys - (top + height / 2)) / (height / 2)
    return np.asarray(u[None, :] ** 2 + v[:, None] ** 2 <= 1.0, dtype=bool)


def _polygon_mask(
    p: NDArray[np.float64], xs: NDArray[np.floating], ys: NDArray[np.floating]
) -> BoolArray:
    """Even-odd fill: each edge flips every cell to the right of where it crosses a row.

    Edges are taken from top to bottom, so that one edge walked both ways flips the same cells.
    """
    q = np.roll(p, -1, axis=0)
    swap = (p[:, 1] > q[:, 1])[:, None]
    upper, lower = np.where(swap, q, p), np.where(swap, p, q)
    first = np.searchsorted(ys, upper[:, 1], side="left")
    counts = np.searchsorted(ys, lower[:, 1], side="left") - first
    flips = np.zeros((len(ys), len(xs) + 1), dtype=np.uint8)  # wraps at 256: the parity stays
    step = max(1, _CROSSINGS_AT_ONCE // len(ys))
    for begin in range(0, len(p), step):
        edge = np.repeat(np.arange(begin, min(begin + step, len(p))), counts[begin : begin + step])
        if edge.size == 0:
            continue
        passed = np.cumsum(counts[begin : begin + step]) - counts[begin : begin + step]
        row = np.arange(edge.size) - passed[edge - begin] + first[edge]
        a, b = upper[edge], lower[edge]
        crossing = a[:, 0] + (ys[row] - a[:, 1]) * ((b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]))
        np.add.at(flips, (row, np.searchsorted(xs, crossing, side="left")), 1)
    inside = np.bitwise_xor.accumulate(flips[:, :-1] & 1, axis=1)
    return np.asarray(inside, dtype=bool)


def cycles(following: NDArray[np.intp]) -> list[list[int]]:
    """The cycles of a permutation.

    Args:
        following: (n,) index of each element's successor.

    Returns:
        Indices of each cycle, in its order, from its lowest.
    """
    chain = following.tolist()
    seen = bytearray(len(chain))
    found: list[list[int]] = []
    for first in range(len(chain)):
        if seen[first]:
            continue
        cycle, at = [], first
        while not seen[at]:
            seen[at] = 1
            cycle.append(at)
            at = chain[at]
        found.append(cycle)
    return found
