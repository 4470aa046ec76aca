"""A coreset: few vectors that cover many, so that a memory bank stays small.

Greedy k-centre takes the vector farthest from all taken so far, again and again. Done plainly,
every step passes over all vectors. Here a pass serves many steps: the farthest few hundred are
candidates, and as long as the best of them is farther than every other vector was at the start
of the round, it is what the plain method would take. The choice is the same, up to rounding.

Reference:
    Sener and Savarese (ICLR 2018); for memory banks: PatchCore, Roth et al. (CVPR 2022).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offspec.detectors.base import Progress
from offspec.detectors.linear import product
from offspec.types import FloatArray

CANDIDATES = 1024
PICKS = 256  # at most, in a round
_ROWS = 16384  # vectors at a time: 16 MB of distances

Indices = NDArray[np.int64]


def k_centre(vectors: FloatArray, count: int, progress: Progress | None = None) -> Indices:
    """Which vectors greedy k-centre takes, the first vector being the start.

    Args:
        vectors: (n, d).
        count: How many, at most n.
        progress: Told how many are taken.

    Returns:
        (count,), in the order they were taken.
    """
    n = len(vectors)
    count = min(count, n)
    length = np.einsum("nd,nd->n", vectors, vectors)
    chosen = np.empty(count, np.int64)
    chosen[0], taken = 0, 1
    nearest = np.full(n, np.inf, np.float32)
    _come_nearer(nearest, vectors, length, chosen[:1])
    while taken < count:
        picks = _round(vectors, length, nearest, min(PICKS, count - taken))
        chosen[taken : taken + len(picks)] = picks
        taken += len(picks)
        _come_nearer(nearest, vectors, length, picks)
        if progress is not None:
            progress("coreset", taken, count)
    return chosen


def _round(vectors: FloatArray, length: FloatArray, nearest: FloatArray, most: int) -> Indices:
    """The next picks, as far as the candidates alone decide them."""
    n = len(vectors)
    if n > CANDIDATES:
        parted = np.argpartition(nearest, n - CANDIDATES)
        candidates = np.sort(parted[n - CANDIDATES :])
        others = float(nearest[parted[: n - CANDIDATES]].max())
    else:
        candidates, others = np.arange(n), -np.inf
    own, size = vectors[candidates], length[candidates]
    left = nearest[candidates].copy()
    picks: list[int] = []
    while len(picks) < most:
        best = int(left.argmax())
        if picks and left[best] <= others:
            break
        picks.append(int(candidates[best]))
        away = size + size[best] - 2 * product(own, own[best : best + 1].T)[:, 0]
        np.minimum(left, away, out=left)
        left[best] = -np.inf
    return np.array(picks, np.int64)


def _come_nearer(
    nearest: FloatArray, vectors: FloatArray, length: FloatArray, picks: Indices
) -> None:
    """Lower each vector's squared distance to the nearest pick; in place."""
    centres = np.ascontiguousarray(vectors[picks].T)
    for at in range(0, len(vectors), _ROWS):
        rows = slice(at, at + _ROWS)
        away = product(vectors[rows], centres)
        away *= -2
        away += length[picks]
        least = away.min(axis=1)
        least += length[rows]
        np.minimum(nearest[rows], np.maximum(least, 0), out=nearest[rows])
    nearest[picks] = -np.inf


def neighbours(vectors: FloatArray, count: int) -> Indices:
    """Each vector's nearest, itself first or among the first.

    Args:
        vectors: (n, d).
        count: How many, at most n.

    Returns:
        (n, count) indices, nearest first.
    """
    count = min(count, len(vectors))
    length = np.einsum("nd,nd->n", vectors, vectors)
    columns = np.ascontiguousarray(vectors.T)
    found = np.empty((len(vectors), count), np.int64)
    for at in range(0, len(vectors), _ROWS // 8):
        rows = slice(at, at + _ROWS // 8)
        away = length[None] - 2 * product(vectors[rows], columns)
        near = np.argpartition(away, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(away, near, 1), axis=1, kind="stable")
        found[rows] = np.take_along_axis(near, order, 1)
    return found
