"""A folder of canvases as episodes draw from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pretraining import canvases


@dataclass(frozen=True, slots=True)
class Pool:
    """Rendered canvases.

    Attributes:
        canvases: (N, side, side, 3) uint8 RGB, a memory map.
        side: Pixels.
        programs: Names of the programs in the pool, sorted.
        of: (N,) index into ``programs``.
        textures: (N,) True where the canvas is a material, the same everywhere.
    """

    canvases: NDArray[np.uint8]
    side: int
    programs: list[str]
    of: NDArray[np.int64]
    textures: NDArray[np.bool_]

    def draw(self, rng: np.random.Generator, *, texture: bool) -> int:
        """A random canvas: every program equally often, of materials only if asked."""
        allowed = np.unique(self.of[self.textures]) if texture else np.arange(len(self.programs))
        program = rng.choice(allowed)
        return int(rng.choice(np.flatnonzero(self.of == program)))


def load_pool(path: Path) -> Pool:
    """The pool in a folder that ``python -m pretraining.canvases`` wrote."""
    drawn, index = canvases.load_pool(path)
    names = sorted({item.program for item in index.items})
    of = np.array([names.index(item.program) for item in index.items], np.int64)
    textures = np.array([item.kind == "texture" for item in index.items])
    return Pool(drawn, index.side, names, of, textures)
