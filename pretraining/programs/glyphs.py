"""Characters of our own: strokes between the nodes of a small lattice, a new script per canvas."""

from __future__ import annotations

import torch
from torch import Tensor

from .outlines import segment
from .sheet import Sheet

COLUMNS, ROWS = 3, 5
SEGMENTS = (
    ((0, 0), (2, 0)), ((0, 0), (0, 2)), ((2, 0), (2, 2)), ((0, 2), (2, 2)),
    ((0, 2), (0, 4)), ((2, 2), (2, 4)), ((0, 4), (2, 4)),
)  # fmt: skip
"""The seven segments of a digit, as nodes of the lattice."""
DIGITS = (
    "0124 56".replace(" ", ""),
    "25",
    "02346",
    "02356",
    "1235",
    "01356",
    "013456",
    "025",
    "0123456",
    "012356",
)

Node = tuple[int, int]
Strokes = list[tuple[Node, Node]]


def alphabet(s: Sheet, size: int) -> list[Strokes]:
    """Draw a script: digits of seven segments, or random walks on the lattice."""
    if s.chance(0.3):
        return [[SEGMENTS[int(k)] for k in digit] for digit in DIGITS]
    letters = []
    for _ in range(size):
        strokes: Strokes = []
        node = (s.count(0, COLUMNS - 1), s.pick((0, ROWS - 1)))
        for _ in range(s.count(2, 5)):
            step = (s.count(0, COLUMNS - 1), s.count(0, ROWS - 1))
            if s.chance(0.6):
                step = (step[0], node[1]) if s.chance(0.5) else (node[0], step[1])
            strokes.append((node, step))
            node = step if s.chance(0.8) else (s.count(0, COLUMNS - 1), s.count(0, ROWS - 1))
        letters.append(strokes)
    return letters


class Script:
    """A script at one size, each letter drawn once.

    Attributes:
        advance: From letter to letter, units.
        height: Of a letter, units.
    """

    def __init__(self, sheet: Sheet, height: float, weight: float, letters: int = 14) -> None:
        self._sheet = sheet
        self.height = height
        self.advance = height * sheet.uniform(0.62, 0.85)
        rows = max(3, int(height * 1.3 / sheet.unit))
        columns = max(3, int(self.advance / sheet.unit))
        y = (torch.arange(rows, device=sheet.device) + 0.5)[:, None] * sheet.unit - 0.15 * height
        x = (torch.arange(columns, device=sheet.device) + 0.5)[None, :] * sheet.unit - 0.1 * height
        slant = sheet.uniform(-0.2, 0.3) if sheet.chance(0.3) else 0.0
        self._tiles = [
            self._draw(x + slant * (y - height / 2), y, strokes, height, weight)
            for strokes in alphabet(sheet, letters)
        ]

    def _draw(self, x: Tensor, y: Tensor, strokes: Strokes, height: float, weight: float) -> Tensor:
        step_x, step_y = height * 0.5 / (COLUMNS - 1), height / (ROWS - 1)
        best = torch.full_like(x + y, 1e6)
        for a, b in strokes:
            line = segment(x, y, (a[0] * step_x, a[1] * step_y), (b[0] * step_x, b[1] * step_y))
            best = torch.minimum(best, line)
        return self._sheet.cover(best - weight * height / 2)

    def write(self, mask: Tensor, x0: float, y0: float, count: int) -> None:
        """Write random letters into a mask (side, side), in place, from (x0, y0) in units."""
        for place in range(count):
            tile = self._sheet.pick(self._tiles)
            left = int((x0 + place * self.advance) / self._sheet.unit)
            top = int(y0 / self._sheet.unit)
            rows = min(tile.shape[0], mask.shape[0] - top)
            columns = min(tile.shape[1], mask.shape[1] - left)
            if left < 0 or top < 0 or rows <= 0 or columns <= 0:
                continue
            part = mask[top : top + rows, left : left + columns]
            torch.maximum(part, tile[:rows, :columns], out=part)
