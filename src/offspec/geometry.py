"""One sampling path between image pixels, reference pixels and network pixels.

Three pixel spaces, all with the centre of pixel (0, 0) at coordinate (0, 0):

* image: the original image as decoded;
* reference: the reference image; regions are drawn in it, ``Alignment.matrix`` leads from
  here to the image;
* network: the crop a graph sees. Pixel (u, v) of a crop of width w_net over a box
  (x, y, w, h) lies at reference x = box_x + (u + 0.5) * w / w_net - 0.5.

A crop is interpolated once, from the original image. Where it is shrunk, it is sampled on a
grid k times finer and averaged in exact k x k blocks, so that nothing aliases.
``bundle/SPEC.md`` gives the same steps with test vectors.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from offspec.errors import LimitError, ShapeError
from offspec.types import Alignment, BoolArray, DoubleArray, FloatArray, ImageArray

if TYPE_CHECKING:
    from cv2.typing import MatLike

    from offspec.template import Region, ResolutionPlan, Template

TILE_CORE = 512  # network pixels a native tile keeps
TILE_HALO = 64  # least real context read around the core on each side
TILE_MULTIPLE = 32  # network sides are a multiple of this
MAX_TILES = 1024  # per template; beyond, the bundle would be unusable
_STRIP_SAMPLES = 1 << 16  # warped at once
_KEPT_FLOATS = 1 << 21  # largest work space a thread keeps, 8 MB
_MAX_SIDE = 16384  # OpenCV warps sides below 32767 only; also bounds memory


@dataclass(frozen=True, slots=True)
class Tile:
    """One network crop of one region.

    Attributes:
        region_index: Position of the region in the template.
        tile_index: Position among the tiles of the region, row by row.
        slot: Which statistics of the group's graph belong to this tile.
        group: Index of the graph group.
        box_xywh: What the crop shows, in reference pixels, halo included.
        net_hw: Size of the crop in network pixels.
        core: (y0, y1, x0, x1), the network pixels that are kept; tiles of a region do not
            overlap there.
    """

    region_index: int
    tile_index: int
    slot: int
    group: int
    box_xywh: tuple[float, float, float, float]
    net_hw: tuple[int, int]
    core: tuple[int, int, int, int]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "region_index": self.region_index,
            "tile_index": self.tile_index,
            "slot": self.slot,
            "group": self.group,
            "box_xywh": list(self.box_xywh),
            "net_hw": list(self.net_hw),
            "core": list(self.core),
        }


@dataclass(frozen=True, slots=True)
class GraphGroup:
    """Tiles that share one graph: same detector, backbone and network size.

    Attributes:
        n_slots: Number of tiles; with one, the graph has no ``slot`` input.
    """

    index: int
    net_hw: tuple[int, int]
    n_slots: int

    @property
    def file(self) -> str:
        """Name of the graph inside a bundle."""
        return f"graph{self.index}.onnx"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"index": self.index, "net_hw": list(self.net_hw), "n_slots": self.n_slots}


@dataclass(frozen=True, slots=True)
class RegionGrid:
    """The cores of a region's tiles laid side by side.

    Attributes:
        size_hw: Grid size in network pixels.
        box_xywh: The same area in reference pixels.
    """

    size_hw: tuple[int, int]
    box_xywh: tuple[float, float, float, float]

    @property
    def to_reference(self) -> DoubleArray:
        """(3, 3) matrix from grid pixels to reference pixels."""
        return _box_matrix(self.box_xywh, self.size_hw)


# -- planning ---------------------------------------------------------------


def plan_tiles(
    template: Template,
    plans: Sequence[ResolutionPlan],
    group_keys: Sequence[str] | None = None,
    halo: int = TILE_HALO,
) -> tuple[tuple[Tile, ...], tuple[GraphGroup, ...]]:
    """Cut every region into network crops and sort them into graph groups.

    Args:
        template: Regions in reference pixels.
        plans: One resolution plan per region, same order.
        group_keys: One word per region; regions with different words never share a graph
            (for instance ``object`` and ``texture``). None puts no such bound.
        halo: Real context around the core of a native tile, a multiple of 16.

    Returns:
        Tiles in region order and the groups in order of first use.

    Raises:
        LimitError: More than ``MAX_TILES`` tiles.
    """
    keys = group_keys or [""] * len(template.regions)
    found: dict[tuple[str, tuple[int, int]], int] = {}
    counts: list[int] = []
    sizes: list[tuple[int, int]] = []
    tiles: list[Tile] = []
    for index, (region, plan, key) in enumerate(zip(template.regions, plans, keys, strict=True)):
        for number, (box, net_hw, core) in enumerate(_region_tiles(region, plan, halo)):
            group = found.setdefault((key, net_hw), len(found))
            if group == len(counts):
                counts.append(0)
                sizes.append(net_hw)
            tiles.append(Tile(index, number, counts[group], group, box, net_hw, core))
            counts[group] += 1
    if len(tiles) > MAX_TILES:
        raise LimitError(
            f"The template needs {len(tiles)} network crops. At most {MAX_TILES} are allowed. "
            "Draw smaller regions or use resolution 'accurate' instead of 'native'."
        )
    groups = tuple(GraphGroup(i, sizes[i], counts[i]) for i in range(len(counts)))
    return tuple(tiles), groups


_TilePlan = tuple[tuple[float, float, float, float], tuple[int, int], tuple[int, int, int, int]]


def _region_tiles(region: Region, plan: ResolutionPlan, halo: int) -> list[_TilePlan]:
    """Boxes, network sizes and kept cores of one region, row by row."""
    x, y, w, h = region.bounds_xywh
    if plan.resolution != "native":
        net_h, net_w = plan.net_hw
        box = (float(x), float(y), float(w), float(h))
        return [(box, (net_h, net_w), (0, net_h, 0, net_w))]
    rows, core_h = _axis_tiles(h, halo)
    cols, core_w = _axis_tiles(w, halo)
    net_hw = (core_h + 2 * halo, core_w + 2 * halo)
    result: list[_TilePlan] = []
    for top, y0, y1 in rows:
        for left, x0, x1 in cols:
            box = (
                float(x + left - halo),
                float(y + top - halo),
                float(net_hw[1]),
                float(net_hw[0]),
            )
            result.append((box, net_hw, (y0, y1, x0, x1)))
    return result


def _axis_tiles(length: int, halo: int) -> tuple[list[tuple[int, int, int]], int]:
    """Tiles along one axis: (start, first kept, end kept) and the core's length."""
    if length <= TILE_CORE:
        core = math.ceil(length / TILE_MULTIPLE) * TILE_MULTIPLE
        return [(0, halo, halo + length)], core
    tiles: list[tuple[int, int, int]] = []
    done = 0
    while done < length:
        start = min(done, length - TILE_CORE)  # the last one is shifted inside
        tiles.append((start, halo + done - start, halo + TILE_CORE))
        done = start + TILE_CORE
    return tiles, TILE_CORE


def region_grid(region_tiles: Sequence[Tile]) -> RegionGrid:
    """The grid on which the kept cores of one region's tiles lie."""
    box, size_hw, _ = _grid_layout(region_tiles)
    return RegionGrid(size_hw, box)


def _grid_layout(
    tiles: Sequence[Tile],
) -> tuple[tuple[float, float, float, float], tuple[int, int], list[tuple[int, int]]]:
    """Reference box of the grid, its size, and where each core goes (y, x)."""
    first = tiles[0]
    sx, sy = first.box_xywh[2] / first.net_hw[1], first.box_xywh[3] / first.net_hw[0]
    lefts = [round(t.box_xywh[0] / sx + t.core[2], 6) for t in tiles]
    tops = [round(t.box_xywh[1] / sy + t.core[0], 6) for t in tiles]
    left, top = min(lefts), min(tops)
    offsets = [(round(v - top), round(u - left)) for u, v in zip(lefts, tops, strict=True)]
    ends = [
        (oy + t.core[1] - t.core[0], ox + t.core[3] - t.core[2])
        for t, (oy, ox) in zip(tiles, offsets, strict=True)
    ]
    height, width = max(e[0] for e in ends), max(e[1] for e in ends)
    return (left * sx, top * sy, width * sx, height * sy), (height, width), offsets


def core_offsets(region_tiles: Sequence[Tile]) -> list[tuple[int, int]]:
    """Where each tile's kept core begins on the region's grid, (y, x)."""
    return _grid_layout(region_tiles)[2]


def assemble(tiles: Sequence[Tile], net_maps: Sequence[FloatArray]) -> FloatArray:
    """Lay the kept cores of one region's maps side by side.

    Args:
        tiles: All tiles of one region.
        net_maps: One (h, w) map per tile, network pixels.

    Returns:
        (H, W) float32 on the region's grid; the input itself when one tile is kept whole.
    """
    if len(tiles) == 1 and tiles[0].core == (0, tiles[0].net_hw[0], 0, tiles[0].net_hw[1]):
        return net_maps[0]
    _, size_hw, offsets = _grid_layout(tiles)
    grid = np.zeros(size_hw, np.float32)
    for tile, net_map, (oy, ox) in zip(tiles, net_maps, offsets, strict=True):
        y0, y1, x0, x1 = tile.core
        grid[oy : oy + y1 - y0, ox : ox + x1 - x0] = net_map[y0:y1, x0:x1]
    return grid


# -- sampling ---------------------------------------------------------------


def sample_crop(
    image: ImageArray,
    bits: int,
    alignment: Alignment,
    tile: Tile,
    out: FloatArray | None = None,
) -> FloatArray:
    """Cut one network crop from the original image, interpolating once.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16.
        bits: Significant bits of a 16-bit image; an 8-bit image is always divided by 255.
        alignment: Leads from reference to image pixels.
        tile: What to cut.
        out: (3, h, w) float32 to fill, else a new one.

    Returns:
        (3, h, w) float32, RGB, linear in [0, 1]. Beyond the image the border is repeated.
    """
    net_h, net_w = tile.net_hw
    kx, ky = oversampling(alignment, tile)
    matrix = alignment.matrix @ _box_matrix(tile.box_xywh, (net_h * ky, net_w * kx))
    crop = np.empty((3, net_h, net_w), np.float32) if out is None else out
    full = np.float32(255 if image.dtype == np.uint8 else 2**bits - 1)
    # Strips bound the memory of a large region and keep it in the processor's cache.
    rows = max(1, _STRIP_SAMPLES // (net_w * kx * ky))
    for top in range(0, net_h, rows):
        count = min(rows, net_h - top)
        shift = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, top * ky], [0.0, 0.0, 1.0]])
        strip = _warp(image, matrix @ shift, (count * ky, net_w * kx))
        if (kx, ky) != (1, 1):
            mean = _SCRATCH.array("mean", (count, net_w, 3))
            strip = cv2.resize(strip, (net_w, count), dst=mean, interpolation=cv2.INTER_AREA)
        for channel in range(3):
            plane = cv2.extractChannel(strip, channel, dst=_SCRATCH.array("plane", strip.shape[:2]))
            np.divide(plane, full, out=crop[channel, top : top + count])
    if full not in {255, 65535}:
        np.minimum(crop, np.float32(1), out=crop)
    return crop


class _Scratch(threading.local):
    """Work space of a thread, used again: fresh memory costs more than the arithmetic here."""

    def __init__(self) -> None:
        self._blocks: dict[str, FloatArray] = {}

    def array(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """An uninitialised float32 array; the one with this name before it is overwritten."""
        size = math.prod(shape)
        if size > _KEPT_FLOATS:
            return np.empty(shape, np.float32)
        block = self._blocks.get(name)
        if block is None or block.size < size:
            block = self._blocks[name] = np.empty(size, np.float32)
        return block[:size].reshape(shape)


_SCRATCH = _Scratch()


def oversampling(alignment: Alignment, tile: Tile) -> tuple[int, int]:
    """How many samples (kx, ky) are averaged into one network pixel.

    The step is kept at or under one image pixel. A scale within 10 % of 1 counts as 1, so
    that the small scale an alignment finds never changes the number of samples.
    """
    x, y, w, h = tile.box_xywh
    cx, cy = x + w / 2 - 0.5, y + h / 2 - 0.5
    ends = transform_points(
        alignment.matrix, np.array([[cx - 1, cy], [cx + 1, cy], [cx, cy - 1], [cx, cy + 1]])
    )
    scales = (np.linalg.norm(ends[1] - ends[0]) / 2, np.linalg.norm(ends[3] - ends[2]) / 2)
    counts = []
    for scale, box, net in zip(scales, (w, h), (tile.net_hw[1], tile.net_hw[0]), strict=True):
        ratio = box / net * (1.0 if 0.9 <= scale <= 1.1 else float(scale))
        count = max(1, math.ceil(ratio - 1e-6))
        counts.append(max(1, min(count, _MAX_SIDE // net)))
    return counts[0], counts[1]


def _box_matrix(box: tuple[float, float, float, float], size_hw: tuple[int, int]) -> DoubleArray:
    """(3, 3) matrix from pixels of a (h, w) grid over ``box`` to reference pixels."""
    x, y, w, h = box
    sx, sy = w / size_hw[1], h / size_hw[0]
    return np.array([[sx, 0.0, x + 0.5 * sx - 0.5], [0.0, sy, y + 0.5 * sy - 0.5], [0.0, 0.0, 1.0]])


def _integer_shift(matrix: DoubleArray) -> tuple[int, int] | None:
    """(dx, dy) if the matrix is a whole-pixel shift, else None."""
    dx, dy = float(matrix[0, 2]), float(matrix[1, 2])
    unit = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])
    whole = abs(dx - round(dx)) < 1e-6 and abs(dy - round(dy)) < 1e-6
    if whole and float(np.abs(matrix - unit).max()) < 1e-9:
        return round(dx), round(dy)
    return None


def _warp(image: ImageArray, matrix: DoubleArray, size_hw: tuple[int, int]) -> MatLike:
    """Sample ``image`` bilinearly at ``matrix @ (u, v)``; the border is repeated.

    Returns:
        (h, w, 3) float32, in the thread's work space.
    """
    height, width = size_hw
    shift = _integer_shift(matrix)
    if shift is not None:
        dx, dy = shift
        inside = dx >= 0 and dy >= 0
        if inside and dx + width <= image.shape[1] and dy + height <= image.shape[0]:
            strip = _SCRATCH.array("strip", (height, width, 3))
            np.copyto(strip, image[dy : dy + height, dx : dx + width])
            return strip
    source, matrix = _near(image, matrix, size_hw)
    return cv2.warpPerspective(
        source,
        matrix,
        (width, height),
        dst=_SCRATCH.array("strip", (height, width, 3)),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _near(
    image: ImageArray, matrix: DoubleArray, size_hw: tuple[int, int]
) -> tuple[FloatArray, DoubleArray]:
    """The part of the image that is read, as float32, and the matrix that leads there."""
    corners = _corners(matrix, size_hw)
    high = np.array(image.shape[1::-1])
    x0, y0 = np.clip(np.floor(corners.min(axis=0)) - 2, 0, high - 1).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)) + 3, (x0 + 1, y0 + 1), high).astype(int).tolist()
    if max(x1 - x0, y1 - y0) >= 2 * _MAX_SIDE - 1:
        raise ShapeError(
            f"A region covers {x1 - x0} x {y1 - y0} image pixels. "
            f"At most {2 * _MAX_SIDE - 2} per side can be sampled. Split the region."
        )
    shift = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
    source = _SCRATCH.array("source", (y1 - y0, x1 - x0, 3))
    np.copyto(source, image[y0:y1, x0:x1])
    return source, shift @ matrix


def transform_points(matrix: DoubleArray, points: DoubleArray) -> DoubleArray:
    """Map (N, 2) points through a (3, 3) homogeneous matrix."""
    mapped = points @ matrix[:2, :2].T + matrix[:2, 2]
    if matrix[2, 0] == 0 and matrix[2, 1] == 0:
        return cast("DoubleArray", mapped / matrix[2, 2])
    depth = points @ matrix[2, :2] + matrix[2, 2]
    return cast("DoubleArray", mapped / depth[:, None])


def _corners(matrix: DoubleArray, size_hw: tuple[int, int]) -> DoubleArray:
    """Outer corners (4, 2) of a grid of pixels after ``matrix``."""
    h, w = size_hw[0] - 0.5, size_hw[1] - 0.5
    corners = np.array([[-0.5, -0.5], [w, -0.5], [w, h], [-0.5, h]])
    return transform_points(matrix, corners)


# -- masks ------------------------------------------------------------------


def tile_mask(region: Region, tile: Tile, *, core_only: bool = False) -> BoolArray:
    """The region, less its exclusions, in a crop's network pixels.

    Args:
        region: The region of the tile.
        tile: The crop.
        core_only: Clear the halo too.

    Returns:
        (h, w): True where the centre of the network pixel is inside the region.
    """
    mask = region.mask(tile.net_hw, tile.box_xywh)
    if core_only:
        kept = np.zeros_like(mask)
        y0, y1, x0, x1 = tile.core
        kept[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
        return kept
    return mask


def grid_mask(region: Region, grid: RegionGrid) -> BoolArray:
    """The region, less its exclusions, on its grid; the rule of ``tile_mask``."""
    return region.mask(grid.size_hw, grid.box_xywh)


def visible_mask(
    grid: RegionGrid,
    alignment: Alignment,
    image_hw: tuple[int, int],
    limits: tuple[float, float, float, float] | None = None,
) -> BoolArray | None:
    """Which grid pixels have their centre on the image; None when all have.

    What lies beyond the image is no evidence and is not scored.

    Args:
        grid: Its pixels are looked at.
        alignment: Leads from reference to image pixels.
        image_hw: Size of the image.
        limits: Left, top, right and bottom, in image pixels, in place of the image's edges.
    """
    matrix = alignment.matrix @ grid.to_reference
    # 0.01: a rounding error of the alignment must not drop a whole row
    edges = (-0.51, -0.51, image_hw[1] - 0.49, image_hw[0] - 0.49)
    left, top, right, bottom = edges if limits is None else limits
    low, high = np.array([left, top]), np.array([right, bottom])
    points = transform_points(matrix, _centres(grid.size_hw))
    if (points.min(axis=0) >= low).all() and (points.max(axis=0) <= high).all():
        return None
    # Each border is a line on the grid, so every row sees one interval of columns.
    v = np.arange(grid.size_hw[0], dtype=np.float64)
    first, last = np.full(v.shape, -np.inf), np.full(v.shape, np.inf)
    for a, b, c in (
        matrix[0] - left * matrix[2],
        right * matrix[2] - matrix[0],
        matrix[1] - top * matrix[2],
        bottom * matrix[2] - matrix[1],
    ):
        if abs(a) < 1e-12:
            first[b * v + c < 0] = np.inf
        elif a > 0:
            np.maximum(first, -(b * v + c) / a, out=first)
        else:
            np.minimum(last, -(b * v + c) / a, out=last)
    u = np.arange(grid.size_hw[1], dtype=np.float64)
    return (u >= first[:, None]) & (u <= last[:, None])


def _centres(size_hw: tuple[int, int]) -> DoubleArray:
    """Centres (4, 2) of the corner pixels of a grid."""
    h, w = size_hw[0] - 1.0, size_hw[1] - 1.0
    return np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])


def overhang_px(
    region: Region, template_wh: tuple[int, int], alignment: Alignment, image_hw: tuple[int, int]
) -> float:
    """How far a region sticks out of the image, in image pixels; 0 when it does not.

    A side of the region that lies on the reference's own border is not counted: there the
    template asks for nothing beyond the frame, and the allowed shift bounds what is lost.
    """
    x, y, w, h = region.bounds_xywh
    box = (float(x), float(y), float(w), float(h))
    corners = _corners(alignment.matrix @ _box_matrix(box, (h, w)), (h, w))
    low, high = corners.min(axis=0) + 0.5, corners.max(axis=0) + 0.5
    sides = (
        0.0 if x <= 0 else -low[0],
        0.0 if y <= 0 else -low[1],
        0.0 if x + w >= template_wh[0] else high[0] - image_hw[1],
        0.0 if y + h >= template_wh[1] else high[1] - image_hw[0],
    )
    return max(0.0, *(float(s) for s in sides))


# -- back to the image ------------------------------------------------------


def paste_region(
    grid_map: FloatArray,
    grid: RegionGrid,
    region_mask: BoolArray,
    alignment: Alignment,
    out: FloatArray,
) -> None:
    """Draw a region's map into an image-sized map; only the region's own box is touched.

    Args:
        grid_map: (h, w) on the region's grid, raw, >= 0, higher = more anomalous.
        grid: Where that grid lies.
        region_mask: (H_ref, W_ref) in reference pixels; pixels outside it stay untouched.
        alignment: Leads from reference to image pixels.
        out: (H, W) float32 in image pixels, changed in place. Where regions overlap the
            larger value stays.
    """
    to_image = alignment.matrix @ grid.to_reference
    corners = _corners(to_image, grid.size_hw)
    height, width = out.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0:
        return
    target = np.array([[1.0, 0.0, x0], [0.0, 1.0, y0], [0.0, 0.0, 1.0]])
    size_hw = (y1 - y0, x1 - x0)
    values = _warp_single(grid_map, np.linalg.inv(to_image) @ target, size_hw)
    mask = _warp_mask(region_mask, np.linalg.inv(alignment.matrix) @ target, size_hw)
    window = out[y0:y1, x0:x1]
    np.maximum(window, values * mask, out=window)


def _warp_single(values: FloatArray, matrix: DoubleArray, size_hw: tuple[int, int]) -> FloatArray:
    """Bilinear samples of a single-channel map, its border repeated."""
    height, width = size_hw
    shift = _integer_shift(matrix)
    if shift == (0, 0) and values.shape == size_hw:
        return values
    return cast(
        "FloatArray",
        cv2.warpPerspective(
            values,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
    )


def _warp_mask(mask: BoolArray, matrix: DoubleArray, size_hw: tuple[int, int]) -> BoolArray:
    """Nearest samples of a mask, False outside."""
    height, width = size_hw
    shift = _integer_shift(matrix)
    if shift is not None:
        dx, dy = shift
        if dx >= 0 and dy >= 0 and dx + width <= mask.shape[1] and dy + height <= mask.shape[0]:
            return mask[dy : dy + height, dx : dx + width]
    warped = cv2.warpPerspective(
        mask.view(np.uint8),
        matrix,
        (width, height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return cast("BoolArray", warped.view(np.bool_))
