"""Regions and exclusions: what gets a verdict, and the rules one outline has to keep.

Coordinates are edge coordinates in reference pixels (see ``offspec.shapes``). Whether a region
fits its reference image is checked by the template that holds it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from offspec.errors import RegionError, TemplateError
from offspec.shapes import (
    SHAPES,
    RectXYWH,
    Shape,
    crossing_edges,
    shape_area,
    shape_bounds,
    shape_mask,
)
from offspec.types import BoolArray, Kind, PointsXY, Resolution

MAX_POINTS = 10_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A part of a region that is never judged.

    Attributes:
        points_xy: Two opposite corners (rectangle, ellipse) or at least three points (polygon),
            in reference pixels.
    """

    shape: Shape
    points_xy: PointsXY

    def __post_init__(self) -> None:
        check_shape("An exclusion", self.shape, self.points_xy)


@dataclass(frozen=True, slots=True)
class Region:
    """One part of the reference that gets its own verdict.

    Attributes:
        id: Stable key in files and results; letters, digits, dot, dash, underscore.
        points_xy: Two opposite corners (rectangle; ellipse: of its box) or at least three points
            (polygon), in reference pixels.
        exclusions: Never judged.
        min_defect_area_px: Smallest area that is outlined, in reference pixels; None = a disc as
            wide as the template's smallest defect.
        kind: object (fixed parts), texture (position says nothing) or auto.
        resolution: fast (256), accurate (512), native (tiles at original scale) or auto.
    """

    id: str
    name: str
    shape: Shape
    points_xy: PointsXY
    exclusions: tuple[Exclusion, ...] = ()
    min_defect_area_px: float | None = None
    kind: Kind = "auto"
    resolution: Resolution = "auto"

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise RegionError(
                f"Region id '{self.id}' is not allowed. An id is 1 to 64 letters, digits, dots, "
                "dashes or underscores and starts with a letter or digit. Put free text in 'name'."
            )
        who = f"Region '{self.id}'"
        check_shape(who, self.shape, self.points_xy)
        check_choice(f"{who}: kind", self.kind, get_args(Kind))
        check_choice(f"{who}: resolution", self.resolution, get_args(Resolution))
        if self.min_defect_area_px is not None:
            check_number(f"{who}: min_defect_area_px", self.min_defect_area_px, 0.0, math.inf)

    @property
    def bounds_xywh(self) -> tuple[int, int, int, int]:
        """Smallest box of whole pixels (x, y, width, height) around the region."""
        x, y, w, h = shape_bounds(self.points_xy)
        left, top = math.floor(x), math.floor(y)
        return left, top, math.ceil(x + w) - left, math.ceil(y + h) - top

    def mask(self, size_hw: tuple[int, int], box_xywh: RectXYWH | None = None) -> BoolArray:
        """Cells whose centre is inside the region and in no exclusion.

        Args:
            size_hw: Rows and columns of the grid.
            box_xywh: What the grid covers in reference pixels; by default one cell a pixel from
                (0, 0). Pass a crop's box for its mask in network pixels.

        Returns:
            (H, W) bool, True = judged.
        """
        mask = shape_mask(self.shape, self.points_xy, size_hw, box_xywh)
        for exclusion in self.exclusions:
            mask &= ~shape_mask(exclusion.shape, exclusion.points_xy, size_hw, box_xywh)
        return mask


def is_number(value: object) -> bool:
    """Whether a value is a finite number, truth values not counted."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_number(what: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside [low, high], naming it as ``what``."""
    if not is_number(value) or not low <= value <= high:
        rule = f"from {low:g}" + (f" to {high:g}" if math.isfinite(high) else " on")
        raise TemplateError(f"{what} is {value}. It has to be a number {rule}. Change it.")


def check_choice(what: str, value: object, known: Sequence[str]) -> None:
    """Refuse a word that is not among the known ones, naming it as ``what``."""
    if value not in known:
        raise TemplateError(f"{what} is '{value}'. It has to be one of {', '.join(known)}.")


def check_shape(who: str, shape: str, points_xy: PointsXY) -> None:
    """The rules of one shape on its own, wherever it lies."""
    if shape not in SHAPES:
        raise RegionError(f"{who} has shape '{shape}'. Known shapes: {', '.join(SHAPES)}. Use one.")
    n = len(points_xy)
    if (n != 2) if shape != "polygon" else not 3 <= n <= MAX_POINTS:
        rule = "two opposite corners" if shape != "polygon" else f"3 to {MAX_POINTS} points"
        raise RegionError(f"{who} ({shape}) has {n} points. It needs {rule}. Correct its points.")
    if not np.isfinite(np.asarray(points_xy, dtype=np.float64)).all():
        raise RegionError(f"{who} has a coordinate that is not finite. Correct its points.")
    if shape == "polygon" and (pair := crossing_edges(points_xy)) is not None:
        raise RegionError(
            f"{who} crosses or touches itself: edge {pair[0]} meets edge {pair[1]} (edge i starts "
            f"at point i, counted from 0). An outline may not. Move or remove a point."
        )
    if shape_area(shape, points_xy) <= 0:
        raise RegionError(f"{who} has no area. Its points lie on one line. Move a point.")
