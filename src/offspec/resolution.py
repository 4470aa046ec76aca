"""Which network size a region gets, what is left of the smallest defect, and how to split it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from offspec.regions import Region
from offspec.shapes import RectXYWH, shape_bounds, shape_mask
from offspec.types import PointsXY

SMALLEST_DEFECT_PX = 16.0
FAST_PX, ACCURATE_PX = 256, 512
TILE_CORE_PX, TILE_HALO_PX, TILE_MULTIPLE_PX = 512, 64, 32
WANTED_DEFECT_PX, LEAST_DEFECT_PX = 8.0, 4.0

FixedResolution = Literal["fast", "accurate", "native"]


@dataclass(frozen=True, slots=True)
class ResolutionPlan:
    """How a region is brought to network size.

    Attributes:
        net_hw: Height and width of one network input; for native of one tile with its halo.
        scale_xy: Network pixels per reference pixel, across and down; native: (1, 1).
        defect_px: Width left of the smallest defect, in network pixels by the smaller factor.
        shrunk: Whether less than 8 network pixels are left because the region is shrunk.
        proposal: Boxes (x, y, width, height) in reference pixels that would not be shrunk so
            far at this resolution; None when no split is needed or none would help.
        message: What the engineer should know, in words; empty when all is well.
    """

    resolution: FixedResolution
    net_hw: tuple[int, int]
    scale_xy: tuple[float, float]
    defect_px: float
    shrunk: bool
    proposal: tuple[RectXYWH, ...] | None
    message: str


def tile_core_hw(region: Region) -> tuple[int, int]:
    """Height and width of what one native tile keeps: 512, or a short side rounded up to 32."""
    _, _, w, h = region.bounds_xywh
    step = TILE_MULTIPLE_PX
    return min(TILE_CORE_PX, -(-h // step) * step), min(TILE_CORE_PX, -(-w // step) * step)


def plan_resolution(
    region: Region, smallest_defect_px: float = SMALLEST_DEFECT_PX
) -> ResolutionPlan:
    """Choose the network size of a region.

    ``auto`` takes the cheapest of fast, accurate and native that leaves the smallest defect at
    least 8 network pixels wide by the smaller scale factor; when none does, the one that leaves
    most. A resolution set by hand is kept, and the plan says when it shrinks the region further.

    Args:
        region: What is to be brought to network size.
        smallest_defect_px: Width of the smallest defect asked for, in reference pixels.
    """
    if region.resolution != "auto":
        return _explain(region, region.resolution, smallest_defect_px)
    order: tuple[FixedResolution, ...] = ("fast", "accurate", "native")
    left = {name: smallest_defect_px * min(_scale_xy(region, name)) for name in order}
    for name in order:
        if left[name] >= WANTED_DEFECT_PX:
            return _explain(region, name, smallest_defect_px)
    best = max(order, key=lambda name: left[name])
    return _explain(region, best, smallest_defect_px)


def _scale_xy(region: Region, resolution: FixedResolution) -> tuple[float, float]:
    if resolution == "native":
        return 1.0, 1.0
    side = FAST_PX if resolution == "fast" else ACCURATE_PX
    _, _, w, h = region.bounds_xywh
    return side / w, side / h


def _net_hw(region: Region, resolution: FixedResolution) -> tuple[int, int]:
    if resolution == "native":
        core_h, core_w = tile_core_hw(region)
        return core_h + 2 * TILE_HALO_PX, core_w + 2 * TILE_HALO_PX
    side = FAST_PX if resolution == "fast" else ACCURATE_PX
    return side, side


def _explain(region: Region, resolution: FixedResolution, smallest: float) -> ResolutionPlan:
    """Fill in a plan: what is left of the smallest defect, and what to do when it is too little."""
    scale_xy = _scale_xy(region, resolution)
    left = smallest * min(scale_xy)
    short = left < WANTED_DEFECT_PX
    shrunk = short and min(scale_xy) < 1.0
    boxes = _grid(region, resolution, smallest) if shrunk else ()
    return ResolutionPlan(
        resolution=resolution,
        net_hw=_net_hw(region, resolution),
        scale_xy=scale_xy,
        defect_px=left,
        shrunk=shrunk,
        proposal=boxes if len(boxes) > 1 else None,
        message=_advice(region, resolution, smallest, left, len(boxes)) if short else "",
    )


def _advice(
    region: Region, resolution: FixedResolution, smallest: float, left: float, parts: int
) -> str:
    _, _, w, h = region.bounds_xywh
    text = (
        f"Region '{region.id}' ({w} x {h} px) at resolution {resolution} leaves {left:.1f} network "
        f"pixels of the smallest defect ({smallest:g} px); at least {WANTED_DEFECT_PX:g} are wanted"
    )
    if left < LEAST_DEFECT_PX:
        text += f", and under {LEAST_DEFECT_PX:g} such a defect is likely missed"
    if parts > 1:
        return (
            f"{text}. Split the region into {parts} ('offspec template split'), choose resolution "
            "auto or native, or ask for larger defects only."
        )
    return (
        f"{text}. The image itself holds no more: use a camera or lens with more pixels on the "
        "part, or ask for larger defects only."
    )


def _grid(region: Region, resolution: FixedResolution, smallest: float) -> tuple[RectXYWH, ...]:
    """Fewest boxes over the region that keep 8 network pixels, overlapping by one defect.

    The overlap lets a defect on a cut lie whole in one of the two boxes.
    """
    side = FAST_PX if resolution == "fast" else ACCURATE_PX
    largest = math.floor(side * smallest / WANTED_DEFECT_PX)
    overlap = math.ceil(smallest)
    if largest <= 2 * overlap:  # a defect so small that the image has not 8 pixels of it
        return ()
    left, top, w, h = region.bounds_xywh
    xs, ys = _cuts(w, largest, overlap), _cuts(h, largest, overlap)
    return tuple(
        (float(left + x), float(top + y), float(cut_w), float(cut_h))
        for y, cut_h in ys
        for x, cut_w in xs
    )


def _cuts(length: int, largest: int, overlap: int) -> list[tuple[int, int]]:
    """Start and length of equal overlapping pieces that cover ``length`` pixels."""
    if length <= largest:
        return [(0, length)]
    n = math.ceil((length - overlap) / (largest - overlap))
    piece = math.ceil((length + (n - 1) * overlap) / n)
    starts = [round(i * (length - piece) / (n - 1)) for i in range(n)]
    return [(start, piece) for start in starts]


def propose_split(
    region: Region, smallest_defect_px: float = SMALLEST_DEFECT_PX
) -> tuple[Region, ...]:
    """The region cut into parts that keep the smallest defect 8 network pixels wide.

    Args:
        region: What is to be brought to network size.
        smallest_defect_px: Width of the smallest defect asked for, in reference pixels.

    Returns:
        Parts ``id-1``, ``id-2``... in reading order, each with the exclusions that touch it; the
        region alone when its plan has no proposal.
    """
    boxes = plan_resolution(region, smallest_defect_px).proposal
    if boxes is None:
        return (region,)
    parts: list[Region] = []
    for box in boxes:
        for outline in _clip(region, box):
            number = len(parts) + 1
            parts.append(
                replace(
                    region,
                    id=f"{region.id[:60]}-{number}",
                    name=f"{region.name} {number}",
                    shape="rectangle" if region.shape == "rectangle" else "polygon",
                    points_xy=outline,
                    exclusions=tuple(
                        e
                        for e in region.exclusions
                        if _overlap(shape_bounds(e.points_xy), shape_bounds(outline))
                    ),
                )
            )
    return tuple(parts)


def _overlap(a: RectXYWH, b: RectXYWH) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _clip(region: Region, box: RectXYWH) -> list[PointsXY]:
    """Outlines of the region's shape inside a box; none when no judged pixel is left.

    Other shapes than rectangles are traced on the pixel grid, at most half a pixel inside.
    """
    x, y, w, h = box
    size_hw = round(h), round(w)
    if not region.mask(size_hw, box).any():
        return []
    if region.shape == "rectangle":
        left, top, width, height = shape_bounds(region.points_xy)
        x1, y1 = min(x + w, left + width), min(y + h, top + height)
        return [((max(x, left), max(y, top)), (x1, y1))]
    inside = shape_mask(region.shape, region.points_xy, size_hw, box).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outlines = []
    for contour in contours:
        thin = cv2.approxPolyDP(contour, 0.5, True)[:, 0, :].astype(np.float64) + 0.5
        if len(thin) >= 3 and cv2.contourArea(contour) >= 1:
            outlines.append(tuple((x + float(u), y + float(v)) for u, v in thin))
    return sorted(outlines, key=lambda points: (points[0][1], points[0][0]))
