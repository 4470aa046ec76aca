"""A small anti-aliased painter for the practice product: polygons, discs, strokes and lettering.

Coordinates are board pixels (x right, y down, pixel centres at integers); the canvas itself is
``SCALE`` times finer, so that edges fall between pixels as they do under a real lens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from offspec.types import FloatArray

SCALE = 2
Rgb = tuple[float, float, float]
Points = Sequence[tuple[float, float]]

_FRACTION_BITS = 4

# Strokes on a grid 4 wide and 6 high, as a plotter pen or a silkscreen film would draw them.
_GLYPHS = {
    "0": "10 30 41 45 36 16 05 01 10",
    "1": "11 20 26|16 36",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 13|33 44 45 36 16 05",
    "4": "36 30 04 44",
    "5": "40 00 03 33 44 45 36 16 05",
    "6": "40 20 03 05 16 36 45 44 33 03",
    "7": "00 40 16",
    "8": "10 30 41 42 33 13 02 01 10|13 04 05 16 36 45 44 33",
    "9": "06 26 43 41 30 10 01 02 13 43",
    "A": "06 20 46|14 34",
    "B": "00 30 41 42 33 03|33 44 45 36 06 00",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 20 42 44 26 06 00",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06|40 46|03 43",
    "I": "10 30|20 26|16 36",
    "J": "40 45 36 16 05",
    "K": "00 06|40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 30 41 45 36 16 05 01 10|24 46",
    "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 22 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
    "-": "13 33",
    "+": "13 33|22 24",
    ".": "25 26",
    "/": "06 40",
    " ": "",
}


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a drawing stands: local origin in board pixels, turned clockwise as seen."""

    x: float
    y: float
    degrees: float = 0.0

    def at(self, points: Points) -> list[tuple[float, float]]:
        """Local points, in pixels, as board points."""
        turn = math.radians(self.degrees)
        c, s = math.cos(turn), math.sin(turn)
        return [(self.x + c * u - s * v, self.y + s * u + c * v) for u, v in points]


def box(width: float, height: float, x: float = 0.0, y: float = 0.0) -> list[tuple[float, float]]:
    """Corners of a rectangle centred at (x, y)."""
    w, h = width / 2, height / 2
    return [(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]


def ring(radius: float, x: float = 0.0, y: float = 0.0, n: int = 48) -> list[tuple[float, float]]:
    """A circle as ``n`` points."""
    turns = [2 * math.pi * i / n for i in range(n)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


def rounded(width: float, height: float, radius: float) -> list[tuple[float, float]]:
    """A rectangle centred at the origin with rounded corners."""
    w, h = width / 2 - radius, height / 2 - radius
    corners = ((w, h, 0), (-w, h, 90), (-w, -h, 180), (w, -h, 270))
    points = []
    for cx, cy, start in corners:
        for step in range(7):
            t = math.radians(start + 15 * step)
            points.append((cx + radius * math.cos(t), cy + radius * math.sin(t)))
    return points


class Canvas:
    """A float RGB picture to paint on.

    Attributes:
        pixels: (SCALE * H, SCALE * W, 3) float32, linear in [0, 1].
    """

    def __init__(self, pixels: FloatArray) -> None:
        self.pixels = pixels

    @classmethod
    def blank(cls, size_hw: tuple[int, int], rgb: Rgb = (0.0, 0.0, 0.0)) -> Canvas:
        """An empty canvas for a board of ``size_hw`` pixels."""
        shape = (size_hw[0] * SCALE, size_hw[1] * SCALE, 3)
        return cls(np.broadcast_to(np.asarray(rgb, np.float32), shape).copy())

    def copy(self) -> Canvas:
        """An independent canvas with the same picture."""
        return Canvas(self.pixels.copy())

    def polygon(
        self,
        points: Points,
        rgb: Rgb,
        *,
        alpha: float = 1.0,
        soft: float = 0.0,
        rgb_end: Rgb | None = None,
        grain: FloatArray | None = None,
    ) -> None:
        """Fill a polygon; ``soft`` blurs its edge, ``rgb_end`` shades it from top left down."""
        cover, rows, cols = self._cover(points, soft, None)
        self._blend(cover, rows, cols, rgb, alpha=alpha, rgb_end=rgb_end, grain=grain)

    def stroke(
        self, points: Points, width: float, rgb: Rgb, *, alpha: float = 1.0, soft: float = 0.0
    ) -> None:
        """Draw an open line with round ends, ``width`` board pixels wide."""
        cover, rows, cols = self._cover(points, soft, width)
        self._blend(cover, rows, cols, rgb, alpha=alpha)

    def text(
        self,
        words: str,
        pose: Pose,
        height: float,
        rgb: Rgb,
        *,
        alpha: float = 1.0,
        width: float = 1.2,
    ) -> None:
        """Letter ``words`` centred at ``pose``, capitals ``height`` board pixels high."""
        unit = height / 6
        advance = 5.6 * unit
        start = -(advance * len(words) - 1.6 * unit) / 2
        for i, letter in enumerate(words):
            for line in _GLYPHS[letter].split("|"):
                knots = [(int(k[0]), int(k[1])) for k in line.split()]
                local = [(start + i * advance + u * unit, (v - 3) * unit) for u, v in knots]
                if local:
                    self.stroke(pose.at(local), width, rgb, alpha=alpha)

    def patch(self, points: Points, soft: float = 0.0) -> tuple[FloatArray, slice, slice]:
        """Coverage of a polygon in [0, 1] and the rows and columns of ``pixels`` it lies on."""
        return self._cover(points, soft, None)

    def line_patch(self, points: Points, width: float) -> tuple[FloatArray, slice, slice]:
        """The same for an open line ``width`` board pixels wide."""
        return self._cover(points, 0.0, width)

    def _cover(
        self, points: Points, soft: float, width: float | None
    ) -> tuple[FloatArray, slice, slice]:
        """Anti-aliased coverage in the smallest window that holds the shape and its soft edge."""
        fine = np.asarray(points, dtype=np.float64) * SCALE + (SCALE - 1) / 2
        margin = 3 + int(3 * soft * SCALE) + (0 if width is None else int(width * SCALE / 2) + 1)
        low = np.floor(fine.min(axis=0)).astype(int) - margin
        high = np.ceil(fine.max(axis=0)).astype(int) + margin + 1
        shape = (int(high[1] - low[1]), int(high[0] - low[0]))
        mask = np.zeros(shape, dtype=np.uint8)
        knots = np.rint((fine - low) * (1 << _FRACTION_BITS)).astype(np.int32)
        if width is None:
            cv2.fillPoly(mask, [knots], 255, cv2.LINE_AA, _FRACTION_BITS)
        else:
            pen = max(1, round(width * SCALE))
            cv2.polylines(mask, [knots], False, 255, pen, cv2.LINE_AA, _FRACTION_BITS)
        cover = mask.astype(np.float32) / np.float32(255)
        if soft > 0:
            cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), soft * SCALE), dtype=np.float32)
        return self._clip(cover, int(low[0]), int(low[1]))

    def _clip(self, cover: FloatArray, x0: int, y0: int) -> tuple[FloatArray, slice, slice]:
        """Cut a window whose corner is (x0, y0) to the canvas."""
        height, width = self.pixels.shape[:2]
        left, top = max(0, -x0), max(0, -y0)
        right = max(left, min(cover.shape[1], width - x0))
        bottom = max(top, min(cover.shape[0], height - y0))
        rows, cols = slice(y0 + top, y0 + bottom), slice(x0 + left, x0 + right)
        return cover[top:bottom, left:right], rows, cols

    def _blend(
        self,
        cover: FloatArray,
        rows: slice,
        cols: slice,
        rgb: Rgb,
        *,
        alpha: float,
        rgb_end: Rgb | None = None,
        grain: FloatArray | None = None,
    ) -> None:
        """Lay a colour over the picture by its coverage."""
        if cover.size == 0:
            return
        paint = np.asarray(rgb, dtype=np.float32)
        if rgb_end is not None:
            h, w = cover.shape
            ramp = np.add.outer(np.linspace(0, 0.7, h), np.linspace(0, 0.3, w)).astype(np.float32)
            paint = paint + ramp[..., None] * (np.asarray(rgb_end, np.float32) - paint)
        if grain is not None:
            h, w = cover.shape
            paint = paint + grain[:h, :w, None]
        weight = (cover * np.float32(alpha))[..., None]
        window = self.pixels[rows, cols]
        window += weight * (paint - window)
