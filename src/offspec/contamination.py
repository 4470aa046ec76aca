"""Normals that do not look normal: which images does no other image resemble? Pure functions.

Every image is compared, place by place, with banks of other images; the bank never holds the
image itself. First a place counts as usual only if several images look like it there, so that two
odd images do not excuse each other; then the oddest images leave the bank, and the rest judges
all of them again. The most unusual place makes the score.

Reference:
    Peeling the oddest images off before they teach: SoftPatch, Jiang et al. (NeurIPS 2022).
    Places that several images have to support: InReaCh, McIntosh and Albu (ICCV 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offspec.types import DoubleArray, FloatArray

FLAG_FROM = 1.25  # robust deviations of the logarithm of a score, from which an image is shown
MOST_FLAGGED = 0.15  # of the images; where more are odd, good parts vary
SURE_FROM = 3.5  # and from which it must be looked at
LEAST_IMAGES = 8  # fewer cannot tell what is usual
SUPPORT = 0.05  # of the images that have to know a place, in the first round
PEELED = 0.3  # of the bank that judge nobody in the later rounds
ROUNDS = 2
SPREAD_FLOOR = 0.02  # of ln score: sets that hardly vary would flag nothings
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Oddness:
    """How odd each image is.

    Attributes:
        score: (n,), raw, >= 0, higher = odder: distance of the most unusual place.
        place: (n,) number of that place.
        z: (n,) robust deviations of ln score from its median.
    """

    score: DoubleArray
    place: NDArray[np.int64]
    z: DoubleArray


def robust_z(scores: ArrayLike) -> DoubleArray:
    """Deviations of ln score from the median, in robust standard deviations.

    The spread is the larger of the median absolute deviation and what the upper quartile tells, so
    that sets whose good parts vary upwards do not look full of odd ones.

    Example:
        >>> robust_z([1.0, 1.1, 0.9, 1.0, 1.2, 30.0]).argmax()
        np.int64(5)
    """
    logs = np.log(np.maximum(np.asarray(scores, np.float64), 1e-12))
    away = logs - np.median(logs)
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(away)))
    upper = _MAD_TO_SIGMA * float(np.quantile(away, 0.75))
    found: DoubleArray = away / max(spread, upper, SPREAD_FLOOR)
    return found


def oddness(distance: FloatArray, bank: NDArray[np.int64], *, by_place: bool) -> Oddness:
    """Judge every image by banks that exclude it.

    Args:
        distance: (n, b, P), >= 0: how far place p of image i is from anything that bank image j
            shows there; float32.
        bank: (b,) which of the n images each bank image is.
        by_place: Places mean something: a distance counts relative to what is usual there.
    """
    judges = np.ones(len(bank), np.bool_)
    nearest = _nearest(distance, bank, judges, SUPPORT)
    for _ in range(ROUNDS):
        worst = _relative(nearest, by_place=by_place).max(axis=1)[bank]
        kept = max(math.ceil((1 - PEELED) * len(bank)), min(3, len(bank)))
        judges = np.zeros(len(bank), np.bool_)
        judges[np.argsort(worst, kind="stable")[:kept]] = True
        nearest = _nearest(distance, bank, judges, 0.0)
    relative = _relative(nearest, by_place=by_place)
    score = relative.max(axis=1).astype(np.float64)
    return Oddness(score, relative.argmax(axis=1), robust_z(score))


def _nearest(
    distance: FloatArray, bank: NDArray[np.int64], judges: NDArray[np.bool_], support: float
) -> FloatArray:
    """(n, P): distance to the nearest judge other than the image, or to the k-th nearest."""
    rank = max(1, math.ceil(support * (int(judges.sum()) - 1)))
    found = np.empty((distance.shape[0], distance.shape[2]), np.float32)
    for i in range(len(distance)):
        others = distance[i, judges & (bank != i)]
        found[i] = np.partition(others, min(rank, len(others)) - 1, axis=0)[
            min(rank, len(others)) - 1
        ]
    return found


def _relative(nearest: FloatArray, *, by_place: bool) -> FloatArray:
    """Distances over what is usual at their place; half of the usual is everywhere's."""
    if not by_place:
        return nearest
    usual = np.median(nearest, axis=0)
    found: FloatArray = nearest / (usual + 0.5 * np.float32(np.median(usual)) + 1e-9)
    return found


def flagged(z: DoubleArray) -> NDArray[np.bool_]:
    """Which images to show: the oddest, at most ``MOST_FLAGGED``; none where too few tell."""
    found = np.zeros(len(z), np.bool_)
    if len(z) >= LEAST_IMAGES:
        found[np.argsort(-z, kind="stable")[: math.ceil(MOST_FLAGGED * len(z))]] = True
    marks: NDArray[np.bool_] = found & (z >= FLAG_FROM)
    return marks
