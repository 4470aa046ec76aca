"""Do the normals cover what good parts look like, and how many more would help?

Held-out normals are scored by banks of growing size. While the tail of their scores still falls,
further normals bring looks that the model has not met.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offspec.types import DoubleArray, FloatArray

DRAWS = 24  # banks of one size
HELD_OUT = 12  # images scored by each, at most
TAIL = 0.9  # quantile of the held-out scores
ENOUGH = 0.05  # relative fall of the tail by doubling the normals, under which they suffice
LEAST_IMAGES = 8
FURTHEST = 8  # times the normals there are: a forecast beyond is no forecast


@dataclass(frozen=True)
class Coverage:
    """The learning curve of the held-out tail.

    Attributes:
        sizes: Numbers of normals in the bank, ascending.
        tail: Held-out tail at each, relative to the last.
        low: 10 % of the draws are below, likewise ``high``.
        more: Further normals after which doubling them gains under ``ENOUGH``; 0 = covered; None
            where the curve does not tell, or they would be over ``FURTHEST`` times as many.
        gain: Expected relative fall of the tail by doubling the normals; None likewise.
        fall: (h, w) share by which the distance at each place still fell from half of the normals
            to all; 1 = thin, 0 = covered.
    """

    sizes: tuple[int, ...]
    tail: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    more: int | None
    gain: float | None
    fall: FloatArray


def coverage_of(
    distance: FloatArray, bank: NDArray[np.int64], grid_hw: tuple[int, int], seed: int
) -> Coverage | None:
    """The curve over seeded random banks; None with too few images.

    Args:
        distance: (n, b, P), see ``distances``.
        bank: (b,) which image each bank image is.
        grid_hw: Rows and columns of the P places.
        seed: Of the banks.
    """
    b = len(bank)
    if b < LEAST_IMAGES:
        return None
    sizes = _sizes(b - 1)
    rng = np.random.default_rng(seed)
    tails = np.empty((DRAWS, len(sizes)))
    half, whole = np.zeros(distance.shape[2]), np.zeros(distance.shape[2])
    for draw in range(DRAWS):
        order = rng.permutation(b)
        held = order[: min(HELD_OUT, max(b // 4, 1))]
        scores = np.empty((len(held), len(sizes)))
        for row, j in enumerate(held):
            rest = order[order != j]
            near = np.minimum.accumulate(distance[bank[j], rest], axis=0)
            scores[row] = near[[size - 1 for size in sizes]].max(axis=1)
            half += near[len(rest) // 2]
            whole += near[-1]
        tails[draw] = np.quantile(scores, TAIL, axis=0)
    middle = np.median(tails, axis=0)
    scale = max(float(middle[-1]), 1e-12)
    more, gain = _forecast(np.array(sizes, np.float64), middle / scale)
    fall = 1 - whole / np.maximum(half, 1e-12)
    return Coverage(
        sizes,
        tuple(float(v) for v in middle / scale),
        tuple(float(v) for v in np.quantile(tails, 0.1, axis=0) / scale),
        tuple(float(v) for v in np.quantile(tails, 0.9, axis=0) / scale),
        more,
        gain,
        fall.reshape(grid_hw).astype(np.float32),
    )


def _sizes(most: int) -> tuple[int, ...]:
    """About eight sizes, each about half as large again as the one before, up to all."""
    found: list[int] = []
    size = float(most)
    while size >= 2 and len(found) < 8:
        found.append(round(size))
        size /= 1.5
    return tuple(sorted(set(found)))


def _forecast(sizes: DoubleArray, tail: DoubleArray) -> tuple[int | None, float | None]:
    """Fit ``floor + rise * size^-power`` and ask when doubling gains little."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - slow to import

    if len(sizes) < 4:
        return None, None

    def curve(p: DoubleArray, x: DoubleArray) -> DoubleArray:
        found: DoubleArray = p[0] + p[1] * (x / sizes[-1]) ** -p[2]
        return found

    def away(p: DoubleArray) -> DoubleArray:
        return curve(p, sizes) - tail

    fitted = least_squares(away, (0.5, 0.5, 0.5), bounds=([0, 0, 0.05], [2, 2, 3])).x

    def gain_at(size: float) -> float:
        now, then = curve(fitted, np.array([size, 2 * size]))
        return float(1 - then / max(now, 1e-12))

    n = float(sizes[-1]) + 1
    gain = gain_at(n)
    size = n
    while gain_at(size) > ENOUGH:
        size *= 1.05
        if size > FURTHEST * n:
            return None, gain
    return math.ceil(size - n), gain
