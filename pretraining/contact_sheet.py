"""Show what a pool holds: a labelled picture with a few canvases of each program.

``python -m pretraining.contact_sheet POOL OUT.png``.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .canvases import Index, load_pool

LABEL_PX = 14
log = logging.getLogger("pretraining.contact_sheet")
Pixels = npt.NDArray[np.uint8]


def contact_sheet(
    canvases: Pixels, index: Index, each: int = 6, cell: int = 112, groups: int = 3
) -> Pixels:
    """Lay out a pool, one group of cells for each program.

    Args:
        canvases: (N, side, side, 3) uint8 RGB.
        index: Of the pool.
        each: Canvases shown of each program.
        cell: Side of a shown canvas in pixels.
        groups: Groups side by side.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rows = -(-len(index.programs) // groups)
    high, wide = cell + LABEL_PX + 2, each * (cell + 2) + 8
    sheet = np.full((rows * high, groups * wide, 3), 255, np.uint8)
    for number, name in enumerate(index.programs):
        top, left = (number % rows) * high, (number // rows) * wide
        own = [place for place, item in enumerate(index.items) if item.program == name][:each]
        title = name
        for column, place in enumerate(own):
            title = f"{name} ({index.items[place].family}, {index.items[place].kind})"
            small = cv2.resize(canvases[place], (cell, cell), interpolation=cv2.INTER_AREA)
            x, y = left + column * (cell + 2), top + LABEL_PX
            sheet[y : y + cell, x : x + cell] = small
        at = (left + 2, top + LABEL_PX - 4)
        cv2.putText(sheet, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet


def main(arguments: list[str] | None = None) -> None:
    """Write the contact sheet of a pool."""
    parser = argparse.ArgumentParser(description="Draw the contact sheet of a pool.")
    parser.add_argument("pool", type=Path, help="folder of the pool")
    parser.add_argument("out", type=Path, help="picture to write, PNG")
    parser.add_argument("--each", type=int, default=6, help="canvases of each program")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    canvases, index = load_pool(given.pool)
    sheet = contact_sheet(canvases, index, given.each)
    if not cv2.imwrite(str(given.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)):
        raise OSError(f"Could not write {given.out}: choose a folder that exists.")
    log.info("%d programs in %s", len(index.programs), given.out)


if __name__ == "__main__":
    main()
