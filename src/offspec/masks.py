"""Polygons to masks and back, in edge coordinates as in LabelMe and COCO.

(0, 0) is the outer corner of the top-left pixel, and a pixel belongs to a polygon when its
centre does (``shapes.shape_mask``). Outlines of masks run along the edges of pixels, so
``polygon_mask(mask_polygons(mask), mask.shape)`` is the mask again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.shapes import cycles, shape_mask
from offspec.types import BoolArray, PointsXY

_MARGIN_PX = 8
_Index = NDArray[np.int64]
_Ring = NDArray[Any]  # (n, 2) whole numbers


def polygon_mask(polygons: Iterable[PointsXY], size_hw: tuple[int, int]) -> BoolArray:
    """Fill polygons; where they overlap the union counts.

    Args:
        polygons: Corners (x, y) in pixels, edge coordinates; may lie outside the image.
        size_hw: Height and width of the mask in pixels.

    Returns:
        (H, W) bool, True where the centre of a pixel lies inside. A polygon too thin to hold
        any centre, such as a point or a line, marks the pixels that its outline passes.
    """
    canvas = np.zeros(size_hw, np.uint8)
    for points in polygons:
        if len(points) > 0:
            _fill(points, canvas)
    return canvas.astype(np.bool_)


def _fill(points: PointsXY, canvas: NDArray[np.uint8]) -> None:
    """Fill one polygon; only its own box, cut a little outside the image, is looked at."""
    corners = np.asarray(points, np.float64)
    (height, width), size_wh = canvas.shape, np.array(canvas.shape[::-1])
    low = np.maximum(np.floor(corners.min(axis=0)), -_MARGIN_PX).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)), size_wh + _MARGIN_PX).astype(int)
    (x, y), (w, h) = low.tolist(), (high - low).tolist()
    if w > 0 and h > 0:
        inside = shape_mask("polygon", points, (h, w), (x, y, w, h))
        if inside.any():
            rows = slice(max(y, 0), max(min(y + h, height), 0))
            cols = slice(max(x, 0), max(min(x + w, width), 0))
            if rows.start < rows.stop and cols.start < cols.stop:
                canvas[rows, cols] |= inside[
                    rows.start - y : rows.stop - y, cols.start - x : cols.stop - x
                ]
            return
    # The right and bottom edges of the image belong to its last pixels.
    cells = np.floor(np.where(corners == size_wh, corners - 1, corners)).astype(np.int32)
    cv2.polylines(canvas, [cells.reshape(-1, 1, 2)], True, (1,))


def mask_polygons(mask: BoolArray, epsilon_px: float = 0.0) -> list[PointsXY]:
    """Outline each connected component (8-neighbourhood) of a mask.

    Args:
        mask: (H, W) bool.
        epsilon_px: How far a simplified outline may stray from the true one, in pixels; 0
            keeps it exact.

    Returns:
        One polygon a component along the edges of its pixels, in edge coordinates; at least
        four points each when exact. A hole is cut in through a bridge of no width, because
        LabelMe polygons know no holes.
    """
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return []
    padded = np.pad(mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1], 1)
    offset = np.array([cols[0] - 1.0, rows[0] - 1.0])
    rings = (_simplify(ring, epsilon_px) + offset for ring in _rings(padded))
    return [tuple((x, y) for x, y in ring.tolist()) for ring in rings]


def _rings(padded: BoolArray) -> list[_Ring]:
    """Closed rings of corners, clockwise as seen, of a mask whose border is False.

    Pixel edges are numbered 4 * (y * width + x) + direction from their start (x, y), the inside
    on their right; directions 0 to 3 point right, down, left and up.
    """
    width = padded.shape[1]
    codes = _pixel_edges(padded)
    start, direction = codes >> 2, codes & 3
    end = start + np.array([1, width, -1, -width])[direction]
    following = np.full(len(codes), -1)
    for turn in (1, 0, 3):  # right, straight, left: left wins, which joins diagonal pixels
        wanted = 4 * end + ((direction + turn) & 3)
        at = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
        following = np.where(codes[at] == wanted, at, following)
    bridge, chain = _cut_holes(padded, codes, following)
    corner = np.concatenate([start, bridge])
    rings = [corner[ring] for ring in cycles(chain)]
    return [np.stack([c % width, c // width], axis=1) for c in rings]


def _pixel_edges(padded: BoolArray) -> _Index:
    """Sorted numbers of the pixel edges between inside and outside."""
    width = padded.shape[1]
    flat = padded.ravel()
    low, high = width + 1, flat.size - width - 1  # the border is False
    sides = (  # neighbour, where the edge starts, its direction
        (-width, 0, 0),
        (1, 1, 1),
        (width, width + 1, 2),
        (-1, width, 3),
    )
    codes = []
    for neighbour, start, direction in sides:
        open_side = flat[low:high] & ~flat[low + neighbour : high + neighbour]
        codes.append(4 * (np.flatnonzero(open_side) + low + start) + direction)
    return np.sort(np.concatenate(codes))


def _cut_holes(padded: BoolArray, codes: _Index, following: _Index) -> tuple[_Index, _Index]:
    """Join hole outlines to what lies left of them.

    From the top left corner of each hole a bridge runs straight to the left as far as the
    component goes, which ends on its outer outline or on a hole further left.

    Returns:
        Corners that the bridges add after those of ``codes``, two each, and for all corners
        which one follows.
    """
    width = padded.shape[1]
    _, labels = cv2.connectedComponents((~padded).view(np.uint8), connectivity=4)
    down, up = np.flatnonzero((codes & 3) == 1), np.flatnonzero((codes & 3) == 3)
    right_of = codes[down] >> 2  # pixel right of the edge, outside; its corner is the start
    label = labels.ravel()[right_of]
    order = np.lexsort((right_of, right_of % width, label))  # leftmost first, then topmost
    _, first = np.unique(label[order], return_index=True)
    first = order[first]
    first = first[label[first] != labels[0, 0]]
    begin, hole = down[first], right_of[first]
    pixels = (codes[up] >> 2) - width  # those whose left edge runs up, in scan order
    at = np.searchsorted(pixels, hole) - 1
    into, goal = up[at], pixels[at]
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    there = len(codes) + 2 * np.arange(len(hole))
    chain = np.concatenate([following, np.zeros(2 * len(hole), following.dtype)])
    chain[there], chain[there + 1] = begin, following[into]
    chain[before[begin]], chain[into] = there + 1, there
    return np.stack([goal, hole], axis=1).ravel(), chain


def _simplify(ring: _Ring, epsilon_px: float) -> _Ring:
    before = ring - np.roll(ring, 1, axis=0)
    after = np.roll(ring, -1, axis=0) - ring
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    straight_on = (cross == 0) & ((before * after).sum(axis=1) > 0)
    exact: _Ring = ring[~straight_on]
    if epsilon_px <= 0:
        return exact
    rough = cv2.approxPolyDP(exact.astype(np.int32).reshape(-1, 1, 2), epsilon_px, True)
    return exact if len(rough) < 3 else np.asarray(rough[:, 0])
