"""Polygons to masks and back.

Pixel centres lie at whole numbers, corners are rounded to whole pixels, and the outline
belongs to the polygon: the smallest defect marks one pixel, and
``polygon_mask(mask_polygons(mask), mask.shape)`` is the mask again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.types import BoolArray, PointsXY

_MARGIN_PX = 8.0
_Ring = NDArray[Any]  # (n, 2) int32; the stubs of OpenCV say integer or floating


def polygon_mask(polygons: Iterable[PointsXY], size_hw: tuple[int, int]) -> BoolArray:
    """Fill polygons; where they overlap the union counts.

    Args:
        polygons: Corners (x, y) in pixels; may lie outside the image.
        size_hw: Height and width of the mask in pixels.

    Returns:
        (H, W) bool, True inside and on the outline.
    """
    canvas = np.zeros(size_hw, np.uint8)
    for points in polygons:
        corners = np.rint(_clipped(np.asarray(points, np.float64), size_hw)).astype(np.int32)
        if corners.size:
            cv2.fillPoly(canvas, [corners.reshape(-1, 1, 2)], (1,))
    return canvas.astype(np.bool_)


def _clipped(points: NDArray[np.float64], size_hw: tuple[int, int]) -> NDArray[np.float64]:
    """Cut what lies far outside: OpenCV walks every row of a polygon, a million if it must.

    Reference:
        Sutherland and Hodgman, "Reentrant polygon clipping" (CACM 1974).
    """
    lowest, highest = np.full(2, -_MARGIN_PX), np.array(size_hw[::-1], np.float64) + _MARGIN_PX
    if ((points >= lowest) & (points <= highest)).all():
        return points
    for axis in (0, 1):
        for bound, sign in ((lowest[axis], 1.0), (highest[axis], -1.0)):
            points = _cut_half_plane(points, axis, bound, sign)
    return points


def _cut_half_plane(
    points: NDArray[np.float64], axis: int, bound: float, sign: float
) -> NDArray[np.float64]:
    """Keep what is at least ``bound`` (sign 1) or at most (sign -1) along an axis."""
    if points.size == 0:
        return points
    depth = sign * (points[:, axis] - bound)
    before, depth_before = np.roll(points, 1, axis=0), np.roll(depth, 1)
    crosses = (depth >= 0) != (depth_before >= 0)
    span = np.where(crosses, depth_before - depth, 1.0)
    crossing = before + (depth_before / span)[:, None] * (points - before)
    pairs = np.stack([crossing, points], axis=1).reshape(-1, 2)
    kept: NDArray[np.float64] = pairs[np.stack([crosses, depth >= 0], axis=1).ravel()]
    return kept


def mask_polygons(mask: BoolArray, epsilon_px: float = 0.0) -> list[PointsXY]:
    """Outline each connected component (8-neighbourhood) of a mask.

    Args:
        mask: (H, W) bool.
        epsilon_px: How far a simplified outline may stray from the true one, in pixels; 0
            keeps it exact.

    Returns:
        One polygon a component, each with at least three points. A hole is cut in through a
        bridge of no width, because LabelMe polygons know no holes.
    """
    contours, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    polygons: list[PointsXY] = []
    node_at = np.full(mask.shape, -1, np.int32)
    for index, contour in enumerate(contours):
        _, _, child, parent = tree[0][index]
        if parent >= 0:
            continue
        holes: list[_Ring] = []
        while child >= 0:
            holes.append(contours[child][:, 0])
            child = tree[0][child][0]
        ring = _cut_holes(contour[:, 0], holes, mask, node_at) if holes else contour[:, 0]
        polygons.append(_as_points(_simplify(ring, epsilon_px)))
    return polygons


def _cut_holes(
    outer: _Ring, holes: list[_Ring], mask: BoolArray, node_at: NDArray[np.int32]
) -> _Ring:
    """Join hole outlines to the outer one, each from its leftmost pixel straight to the left.

    That run ends on the outer outline or on a hole further left, which has been joined before.
    The outlines form a linked list, because a noisy mask has tens of thousands of holes;
    ``node_at`` (H, W) holds the list index of an outline pixel.
    """
    rings = [outer]
    following = [*range(1, len(outer)), 0]
    node_at[outer[:, 1], outer[:, 0]] = np.arange(len(outer))
    for hole in sorted(holes, key=lambda h: int(h[:, 0].min())):
        start = int(hole[:, 0].argmin())
        x, y = hole[start]
        gaps = np.flatnonzero(~mask[y, :x])
        goal_x = int(gaps[-1]) + 1 if gaps.size else 0
        goal, first = int(node_at[y, goal_x]), len(following)
        turn = np.concatenate([hole[start:], hole[: start + 1], [[goal_x, y]]])
        following += [*range(first + 1, first + len(turn)), following[goal]]
        following[goal] = first
        node_at[turn[:-2, 1], turn[:-2, 0]] = np.arange(first, first + len(turn) - 2)
        rings.append(turn)
    order, node = [0], following[0]
    while node != 0:
        order.append(node)
        node = following[node]
    return np.concatenate(rings)[order]


def _simplify(ring: _Ring, epsilon_px: float) -> _Ring:
    if epsilon_px > 0:
        return np.asarray(cv2.approxPolyDP(ring.reshape(-1, 1, 2), epsilon_px, True)[:, 0])
    before = ring - np.roll(ring, 1, axis=0)
    after = np.roll(ring, -1, axis=0) - ring
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    straight_on = (cross == 0) & ((before * after).sum(axis=1) > 0)
    kept: _Ring = ring[~straight_on]
    return kept


def _as_points(ring: _Ring) -> PointsXY:
    """Tuples of floats; one or two points are repeated until there are three."""
    points = tuple((float(x), float(y)) for x, y in ring)
    return points if len(points) >= 3 else (points + points[-1:] * 2)[:3]
