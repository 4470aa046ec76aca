"""What a crop shows where nothing is judged: the reference, at the level of the image.

A map value sees its surroundings. What lies in an exclusion, or beyond the edge of the image,
would reach judged pixels that way. So these pixels of a crop are overwritten by the reference
crop's at the same place. In an exclusion each channel is multiplied by one gain, taken from a
ring around it. Beyond the edge the difference between crop and reference goes on as it is at the
edge: one level for a long edge would draw a step wherever the image differs from it.
``bundle/SPEC.md`` gives the same steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.geometry import RegionGrid, Tile, transform_points, visible_mask
from offspec.regions import Region
from offspec.shapes import shape_mask
from offspec.types import Alignment, BoolArray, DoubleArray, FloatArray

RING_PX = 4  # network pixels next to a filled area that tell its level
GAIN_LIMITS = (0.5, 2.0)
DARK_LEVEL = 0.02  # added to both means: the ratio of two levels near black says nothing
_SLACK = 0.01  # image pixels; a rounding error of the alignment is no shift
_ANYWHERE = 1e6  # image pixels
_ONE = np.float32(1)

IndexArray = NDArray[np.intp]

Window = tuple[int, int, int, int]  # (y0, y1, x0, x1) in network pixels


@dataclass(frozen=True, eq=False)
class TileFill:
    """What of one tile is filled, as far as it takes no image to know.

    Attributes:
        grid: The whole crop, halo included.
        known: What of the crop lies on the reference; the rest is filled in every image.
        corners: (4, 2) outermost pixel centres of the crop, moved onto those of the reference.
        box: Around the exclusions and their ring; empty without.
        excluded: (h, w), True where an exclusion is filled; None without.
        ring: (h, w), True around the exclusions; None without.
    """

    grid: RegionGrid
    known: Window
    corners: DoubleArray
    box: Window = (0, 0, 0, 0)
    excluded: BoolArray | None = None
    ring: BoolArray | None = None


def plan_fill(region: Region, tile: Tile, template_wh: tuple[int, int]) -> TileFill:
    """Find out once what of a tile is filled.

    Args:
        region: The region of the tile.
        tile: The crop.
        template_wh: Size of the reference image.
    """
    grid = RegionGrid(tile.net_hw, tile.box_xywh)
    width, height = template_wh
    on_reference = (-0.51, -0.51, width - 0.49, height - 0.49)
    known = _upright_window(grid.to_reference, tile.net_hw, on_reference)
    h, w = tile.net_hw[0] - 1.0, tile.net_hw[1] - 1.0
    centres = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    corners = transform_points(grid.to_reference, centres)
    corners = np.clip(corners, 0.0, [width - 1.0, height - 1.0])
    excluded = _excluded(region, tile)
    if not excluded.any():
        return TileFill(grid, known, corners)
    near = _grown(excluded, RING_PX, RING_PX)
    ys, xs = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    box = (int(ys[0]), int(ys[-1]) + 1, int(xs[0]), int(xs[-1]) + 1)
    return TileFill(grid, known, corners, box, excluded, near & ~excluded)


def _excluded(region: Region, tile: Tile) -> BoolArray:
    """Pixels in an exclusion, grown by what an interpolation carries over its edge."""
    (h, w), (x, y, width, height) = tile.net_hw, tile.box_xywh
    # Half a network pixel and half a reference pixel.
    up, across = (math.ceil(0.5 + 0.5 * net / box - 1e-6) for net, box in ((h, height), (w, width)))
    # An exclusion next to the crop grows into it.
    size_hw = (h + 2 * up, w + 2 * across)
    sx, sy = width / w, height / h
    box_xywh = (x - across * sx, y - up * sy, size_hw[1] * sx, size_hw[0] * sy)
    mask = np.zeros(size_hw, np.bool_)
    for exclusion in region.exclusions:
        mask |= shape_mask(exclusion.shape, exclusion.points_xy, size_hw, box_xywh)
    return _grown(mask, up, across)[up : up + h, across : across + w].copy()


def _grown(mask: BoolArray, up: int, across: int) -> BoolArray:
    """A mask with every pixel grown to a rectangle."""
    kernel = np.ones((2 * up + 1, 2 * across + 1), np.uint8)
    return cast("BoolArray", cv2.dilate(mask.view(np.uint8), kernel).view(np.bool_))


def fill_crop(
    crop: FloatArray,
    fill: TileFill,
    alignment: Alignment,
    image_hw: tuple[int, int],
    reference: Callable[[], FloatArray],
) -> None:
    """Overwrite what is not judged by the reference; a crop of the reference stays as it is.

    Args:
        crop: (3, h, w) float32 in [0, 1], changed in place.
        fill: The plan of its tile.
        alignment: Leads from reference to image pixels.
        image_hw: Size of the image.
        reference: Gives the tile's crop of the reference; asked only when something is filled.
    """
    height, width = fill.grid.size_hw
    window, seen = _seen(fill, alignment, image_hw)
    if fill.excluded is None and seen is None and window == (0, height, 0, width):
        return
    source = reference()
    if fill.excluded is not None:
        _fill_excluded(crop, source, fill, window, seen)
    if seen is None:
        _fill_sides(crop, source, window, fill.excluded)
    else:
        _fill_around(crop, source, seen, fill.excluded)


# -- what lies where --------------------------------------------------------


def _seen(
    fill: TileFill, alignment: Alignment, image_hw: tuple[int, int]
) -> tuple[Window, BoolArray | None]:
    """The crop's pixels that lie on the image and on the reference: a window or a mask.

    With a mask the window is the whole crop.
    """
    size_hw = fill.grid.size_hw
    limits = _limits(transform_points(alignment.matrix, fill.corners), image_hw)
    if limits is None:
        return fill.known, None
    matrix = alignment.matrix @ fill.grid.to_reference
    upright = not (matrix[0, 1] or matrix[1, 0] or matrix[2, 0] or matrix[2, 1])
    if upright and matrix[2, 2] == 1 and matrix[0, 0] > 0 and matrix[1, 1] > 0:
        return _common(_upright_window(matrix, size_hw, limits), fill.known), None
    mask = visible_mask(fill.grid, alignment, image_hw, limits)
    if mask is None:
        return fill.known, None
    y0, y1, x0, x1 = fill.known
    known = np.zeros(size_hw, np.bool_)
    known[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
    return (0, size_hw[0], 0, size_hw[1]), known


def _limits(
    corners: DoubleArray, image_hw: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom end of what is seen, in image pixels; None = all is seen.

    A side that cuts the crop off ends at its last pixel centre: beyond, interpolation finds
    nothing to mix. At the others the crop ends with the image, as it does in the reference.
    """
    right, bottom = image_hw[1] - 1.0, image_hw[0] - 1.0
    low, high = corners.min(axis=0), corners.max(axis=0)
    over = (-low[0], -low[1], high[0] - right, high[1] - bottom)
    if max(over) <= _SLACK:
        return None
    reach = [_SLACK if far > _SLACK else _ANYWHERE for far in over]
    return -reach[0], -reach[1], right + reach[2], bottom + reach[3]


def _upright_window(
    matrix: DoubleArray, size_hw: tuple[int, int], limits: tuple[float, float, float, float]
) -> Window:
    """Pixels of a crop with their centre within the limits, for a matrix without rotation."""
    left, top, right, bottom = limits
    y0, y1 = _span(float(matrix[1, 1]), float(matrix[1, 2]), size_hw[0], top, bottom)
    x0, x1 = _span(float(matrix[0, 0]), float(matrix[0, 2]), size_hw[1], left, right)
    return (y0, y1, x0, x1) if y0 < y1 and x0 < x1 else (0, 0, 0, 0)


def _span(step: float, start: float, count: int, low: float, high: float) -> tuple[int, int]:
    """The i in [0, count) with start + i * step in [low, high]."""
    first = min(max((low - start) / step, 0.0), float(count))
    last = min(max((high - start) / step, -1.0), count - 1.0)
    return math.ceil(first), math.floor(last) + 1


def _common(a: Window, b: Window) -> Window:
    y0, y1, x0, x1 = max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])
    return (y0, y1, x0, x1) if y0 < y1 and x0 < x1 else (0, 0, 0, 0)


# -- exclusions -------------------------------------------------------------


def _fill_excluded(
    crop: FloatArray, source: FloatArray, fill: TileFill, window: Window, seen: BoolArray | None
) -> None:
    """The reference in place of the exclusions, at the level of the ring around them."""
    excluded, ring = cast("BoolArray", fill.excluded), cast("BoolArray", fill.ring)
    if seen is not None:
        ring = ring & seen
    gain = _gain(crop, source, ring, _common(fill.box, window))
    y0, y1, x0, x1 = fill.box
    for channel in range(3):
        values = np.minimum(source[channel, y0:y1, x0:x1] * gain[channel], _ONE)
        np.copyto(crop[channel, y0:y1, x0:x1], values, where=excluded[y0:y1, x0:x1])


def _gain(crop: FloatArray, source: FloatArray, ring: BoolArray, window: Window) -> FloatArray:
    """(3,) float32, how much brighter the crop is than the reference; exactly 1 when equal."""
    y0, y1, x0, x1 = window
    inside = ring[y0:y1, x0:x1].view(np.uint8)
    if not inside.any():
        return np.ones(3, np.float32)
    own, theirs = (
        np.array([cv2.mean(plane[y0:y1, x0:x1], inside)[0] for plane in planes])
        for planes in (crop, source)
    )
    ratio = (own + DARK_LEVEL) / (theirs + DARK_LEVEL)
    return np.clip(ratio, *GAIN_LIMITS).astype(np.float32)


# -- beyond the edge --------------------------------------------------------


def _fill_sides(
    crop: FloatArray, source: FloatArray, window: Window, excluded: BoolArray | None
) -> None:
    """Fill what lies outside a window, each pixel at the level of the nearest one inside."""
    height, width = crop.shape[1:]
    y0, y1, x0, x1 = window
    if y0 == y1:
        crop[...] = source
        return
    across = np.clip(np.arange(width), x0, x1 - 1) - x0
    deep = RING_PX + 1
    for rows, band, line in (
        (slice(0, y0), (y0, min(y0 + deep, y1), x0, x1), 0),
        (slice(y1, height), (max(y1 - deep, y0), y1, x0, x1), -1),
    ):
        if rows.start < rows.stop:
            level = _levels(crop, source, excluded, band)[:, line, across]
            _put(source[:, rows], level[:, None, :], crop[:, rows])
    rows = slice(y0, y1)
    for columns, band, line in (
        (slice(0, x0), (y0, y1, x0, min(x0 + deep, x1)), 0),
        (slice(x1, width), (y0, y1, max(x1 - deep, x0), x1), -1),
    ):
        if columns.start < columns.stop:
            level = _levels(crop, source, excluded, band)[:, :, line]
            _put(source[:, rows, columns], level[:, :, None], crop[:, rows, columns])


def _fill_around(
    crop: FloatArray, source: FloatArray, seen: BoolArray, excluded: BoolArray | None
) -> None:
    """Fill what is not seen, each pixel at the level of a seen one near by."""
    height, width = seen.shape
    ys, xs = np.divmod(np.flatnonzero(~seen), width)
    if ys.size == seen.size:
        crop[...] = source
        return
    left_out = ~seen if excluded is None else ~seen | excluded
    levels = _levels(crop, source, left_out, (0, height, 0, width))
    v, u = _along(seen, ys, xs)
    other_u, other_v = _along(seen.T, xs, ys)
    nearer = abs(v - ys) + abs(u - xs) <= abs(other_v - ys) + abs(other_u - xs)
    v, u = np.where(nearer, v, other_v), np.where(nearer, u, other_u)
    crop[:, ys, xs] = np.clip(source[:, ys, xs] + levels[:, v, u], 0, 1)


def _along(seen: BoolArray, ys: IndexArray, xs: IndexArray) -> tuple[IndexArray, IndexArray]:
    """The seen pixel reached up or down the own column, or the nearest column with one."""
    columns = np.flatnonzero(seen.any(axis=0))
    first = seen.argmax(axis=0)
    last = seen.shape[0] - 1 - seen[::-1].argmax(axis=0)
    u = np.clip(xs, columns[0], columns[-1])
    return np.clip(ys, first[u], last[u]), u


def _levels(
    crop: FloatArray, source: FloatArray, left_out: BoolArray | None, window: Window
) -> FloatArray:
    """(3, h, w) mean of crop - reference over the square around each pixel of a window.

    Only pixels within the window that are not left out count; 0 where there is none.
    """
    y0, y1, x0, x1 = window
    kept = np.ones((y1 - y0, x1 - x0), np.float32)
    if left_out is not None:
        kept[left_out[y0:y1, x0:x1]] = 0
    count = np.maximum(_sums(kept), _ONE)
    result = np.empty((3, *kept.shape), np.float32)
    for channel in range(3):
        difference = crop[channel, y0:y1, x0:x1] - source[channel, y0:y1, x0:x1]
        if left_out is not None:
            difference *= kept
        np.divide(_sums(difference), count, out=result[channel])
    return result


def _sums(values: FloatArray) -> FloatArray:
    side = 2 * RING_PX + 1
    return cast(
        "FloatArray",
        cv2.boxFilter(values, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT),
    )


def _put(source: FloatArray, level: FloatArray, target: FloatArray) -> None:
    np.add(source, level, out=target)
    np.clip(target, 0, 1, out=target)
