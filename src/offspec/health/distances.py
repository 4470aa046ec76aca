"""How far each place of each normal is from anything that other normals show.

Fixed parts are compared at their place and the ones around it; surfaces with everything that
another image shows. Features are weighed by how little they vary among the normals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offspec.types import FixedKind, FloatArray

MOST_JUDGES, FEWEST_JUDGES = 150, 40  # images in the bank; more tell little more
MOST_PAIRS = 150_000  # of an image and a judge; bounds memory
MOST_PLACES = 256  # of a surface that an image lends to the bank
RIDGE = 1e-3  # of the mean variance


def whitened(features: FloatArray, kind: FixedKind) -> FloatArray:
    """(n, P, C) from (n, C, h, w): weighed by the pooled covariance, mean squared length 1.

    On a surface what a whole image has in common, its light and tone, is taken out first: an odd
    place is odd beside the others of its own image.
    """
    n, channels = features.shape[:2]
    flat = features.reshape(n, channels, -1).transpose(0, 2, 1).astype(np.float32)
    if kind == "texture":
        flat = flat - np.median(flat, axis=1, keepdims=True)
    rows = flat.reshape(-1, channels)
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = np.cov((rows - mean).astype(np.float64).T)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    weight = vectors / np.sqrt(np.maximum(values, 0) + RIDGE * values.mean() + 1e-12)
    found = (flat - mean.astype(np.float32)) @ (weight / np.sqrt(channels)).astype(np.float32)
    return np.ascontiguousarray(found, np.float32)


def judges_of(count: int, seed: int) -> NDArray[np.int64]:
    """Which images form the bank: all, or a seeded random part, in order."""
    if count <= MOST_JUDGES:
        return np.arange(count)
    judges = max(min(MOST_JUDGES, MOST_PAIRS // count), FEWEST_JUDGES)
    chosen = np.random.default_rng(seed).choice(count, judges, replace=False)
    return np.sort(chosen)


def distances(
    white: FloatArray, grid_hw: tuple[int, int], kind: FixedKind, bank: NDArray[np.int64], seed: int
) -> FloatArray:
    """(n, b, P): distance of every place to the nearest that a bank image shows.

    Args:
        white: (n, P, C) of ``whitened``.
        grid_hw: Rows and columns of the P places.
        kind: Objects compare a place with itself and its eight neighbours.
        bank: (b,) images of the bank.
        seed: Chooses what a surface lends to the bank.
    """
    if kind == "object":
        return _by_place(white, grid_hw, bank)
    return _anywhere(white, bank, seed)


def _by_place(white: FloatArray, grid_hw: tuple[int, int], bank: NDArray[np.int64]) -> FloatArray:
    n, places, _ = white.shape
    h, w = grid_hw
    length = np.square(white).sum(axis=2)
    best = np.full((places, n, len(bank)), np.inf, np.float32)
    mine = np.ascontiguousarray(white.transpose(1, 0, 2))  # (P, n, C)
    rows, columns = np.divmod(np.arange(places), w)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            at = np.clip(rows + dy, 0, h - 1) * w + np.clip(columns + dx, 0, w - 1)
            theirs = white[bank][:, at].transpose(1, 2, 0)  # (P, C, b)
            away = length.T[:, :, None] + length[bank][:, at].T[:, None] - 2 * (mine @ theirs)
            np.minimum(best, away, out=best)
    found: FloatArray = np.sqrt(np.maximum(best, 0)).transpose(1, 2, 0)
    return found


def _anywhere(white: FloatArray, bank: NDArray[np.int64], seed: int) -> FloatArray:
    n, places, channels = white.shape
    rng = np.random.default_rng(seed)
    flat = white.reshape(-1, channels)
    length = np.square(white).sum(axis=2)
    found = np.empty((n, len(bank), places), np.float32)
    for number, j in enumerate(bank):
        lent = white[j]
        if places > MOST_PLACES:
            lent = lent[rng.choice(places, MOST_PLACES, replace=False)]
        away = (np.square(lent).sum(axis=1) - 2 * (flat @ lent.T)).min(axis=1)
        found[:, number] = np.sqrt(np.maximum(away.reshape(n, places) + length, 0))
    return found
