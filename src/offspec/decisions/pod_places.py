"""Where made defects go: a grid of cells over each region, visited evenly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.regions import Region
from offspec.types import BoolArray, DoubleArray

CELLS = 12  # along the longer side of a single region
LEAST_CELLS = 6
LEAST_SHARE = 0.1  # of a cell that has to be judged


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its judged pixels, the deepest inside the region first.

    Attributes:
        pixels: (n, 2) column and row, reference pixels.
        depth: (n,) distance to what is not judged, falling.
    """

    column: int
    row: int
    pixels: NDArray[np.int64]
    depth: DoubleArray

    def place(self, size_px: float, rng: np.random.Generator) -> tuple[float, float] | None:
        """A random place where a defect of this size lies inside the region, or None."""
        count = int(np.searchsorted(-self.depth, -size_px / 2, side="left"))
        if count == 0:
            return None
        x, y = self.pixels[int(rng.integers(count))]
        shift = rng.uniform(0, 1, 2)
        return float(x + shift[0]), float(y + shift[1])


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a region.

    Attributes:
        box_xywh: Bounds of the region, reference pixels.
        columns: Of the grid.
        rows: Likewise.
        cell_px: Side of a cell.
        largest_px: The largest defect that lies inside the region somewhere.
    """

    box_xywh: tuple[int, int, int, int]
    columns: int
    rows: int
    cell_px: float
    cells: tuple[Cell, ...]
    largest_px: float

    def place(
        self, turn: int, order: NDArray[np.int64], size_px: float, rng: np.random.Generator
    ) -> tuple[float, float] | None:
        """The place of trial number ``turn``: cells in turn, those too narrow for it left out."""
        for ahead in range(len(self.cells)):
            cell = self.cells[int(order[(turn + ahead) % len(order)])]
            found = cell.place(size_px, rng)
            if found is not None:
                return found
        return None


def lay_grid(region: Region, size_wh: tuple[int, int], regions: int) -> Grid:
    """Divide a region into nearly square cells, coarser where there are many regions."""
    mask = region.mask((size_wh[1], size_wh[0]))
    x, y, w, h = (int(v) for v in region.bounds_xywh)
    wanted = max(LEAST_CELLS, round(CELLS / regions**0.5))
    cell = max(w, h) / wanted
    columns, rows = max(1, round(w / cell)), max(1, round(h / cell))
    far = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    depth = np.asarray(far[1:-1, 1:-1], np.float32)
    cells = []
    for row in range(rows):
        for column in range(columns):
            one = _cell(mask, depth, (x, y, w, h), (columns, rows), column, row)
            if one is not None:
                cells.append(one)
    return Grid((x, y, w, h), columns, rows, cell, tuple(cells), 2 * float(depth.max()))


def _cell(
    mask: BoolArray,
    depth: NDArray[np.float32],
    box: tuple[int, int, int, int],
    counts: tuple[int, int],
    column: int,
    row: int,
) -> Cell | None:
    """One cell, or None where hardly anything of it is judged."""
    x, y, w, h = box
    left, right = (x + w * c // counts[0] for c in (column, column + 1))
    top, bottom = (y + h * r // counts[1] for r in (row, row + 1))
    inside = mask[top:bottom, left:right]
    if not inside.any() or inside.mean() < LEAST_SHARE:
        return None
    rows, columns = np.nonzero(inside)
    deep = depth[top:bottom, left:right][rows, columns].astype(np.float64)
    order = np.argsort(-deep, kind="stable")
    pixels = np.stack([columns + left, rows + top], axis=1)[order].astype(np.int64)
    return Cell(column, row, pixels, deep[order])
