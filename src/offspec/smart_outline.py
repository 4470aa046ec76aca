"""Outlines of what a person points at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from offspec.types import PointsXY


def outline_click(
    image: NDArray[np.uint8], point_xy: tuple[float, float], size_px: float | None = None
) -> list[PointsXY]:
    return []


def outline_stroke(
    image: NDArray[np.uint8], points_xy: Sequence[tuple[float, float]], size_px: float | None = None
) -> list[PointsXY]:
    return []


def nearest_outlines(
    outlines: Sequence[PointsXY], points_xy: Sequence[tuple[float, float]], reach_px: float
) -> list[PointsXY]:
    return []
