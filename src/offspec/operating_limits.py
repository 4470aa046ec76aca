"""Thresholds that keep a stated rate, with what so many images can prove about it.

Scores are in limits, as in ``operating_points``. A threshold just below the j-th lowest of n
defects misses j - 1 of them, and whatever the distribution, with 95 % confidence at most
``Beta^-1(0.95; j, n - j + 1)`` of all defects; likewise for false alarms from above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from offspec.errors import DatasetError, OptionError
from offspec.guarantee import guarantee_upper, normals_needed, percent
from offspec.operating_points import APART, HIGHEST, LOWEST
from offspec.types import DoubleArray


@dataclass(frozen=True, slots=True)
class Limited:
    """A threshold that keeps a limit.

    Attributes:
        limits: The threshold, in limits.
        rank: Of the score that it lies at, counted from 1.
        count: Validation images on the wrong side of it.
        n: Validation images of the class.
        upper: At most this share of the class lies on the wrong side, with 95 % confidence.
    """

    limits: float
    rank: int
    count: int
    n: int
    upper: float

    @property
    def rate(self) -> float:
        """The share that was counted."""
        return self.count / self.n


def check_rate(rate: float, name: str) -> None:
    """Refuse a limit outside (0, 1)."""
    if not 0 < rate < 1:
        raise OptionError(
            f"The {name} is {rate}. It is a share above 0 and below 1, such as 0.05 for 5 %. "
            "Give another."
        )


def best_rank(n: int, limit: float) -> int:
    """The highest rank j with ``guarantee_upper(n, j) <= limit``; 0 where none keeps it."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        if guarantee_upper(n, middle) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def limit_misses(bad: DoubleArray, limit: float) -> Limited:
    """The highest threshold at which at most ``limit`` of all defects are missed, at 95 %.

    Args:
        bad: (n,) scores in limits of defective images; ``-inf`` where not judged.
        limit: Share of defects that may be missed.

    Raises:
        DatasetError: Too few defects to support the claim, or too many not judged.
    """
    check_rate(limit, "highest miss rate")
    rank = _rank(bad.size, limit, "miss rate", "defective")
    lowest = float(np.sort(bad)[rank - 1])
    if not math.isfinite(lowest) or lowest <= LOWEST:
        lost = int((bad <= LOWEST).sum())
        raise DatasetError(
            f"{lost} of {bad.size} defective images cannot be judged or look like the reference; "
            f"for a miss rate of at most {percent(limit)} at most {rank - 1} may be missed. No "
            "threshold keeps this limit. Improve images or model, or allow more misses."
        )
    at = min(max(lowest * (1 - APART), LOWEST), HIGHEST)
    return Limited(at, rank, int((bad <= at).sum()), bad.size, guarantee_upper(bad.size, rank))


def limit_false_alarms(good: DoubleArray, limit: float) -> Limited:
    """The lowest threshold at which at most ``limit`` of good images are stopped, at 95 %.

    Args:
        good: (m,) scores in limits of good images; ``inf`` where not judged.
        limit: Share of good images that may be stopped.

    Raises:
        DatasetError: Too few good images to support the claim, or too many not judged.
    """
    check_rate(limit, "highest false-alarm rate")
    rank = _rank(good.size, limit, "false-alarm rate", "good")
    highest = float(np.sort(good)[good.size - rank])
    if highest >= HIGHEST:
        raise DatasetError(
            f"{int((good >= HIGHEST).sum())} of {good.size} good images cannot be judged; for a "
            f"false-alarm rate of at most {percent(limit)} at most {rank - 1} may be stopped. No "
            "threshold keeps this limit. Improve the images, or allow more false alarms."
        )
    at = max(highest * (1 + APART), LOWEST)
    upper = guarantee_upper(good.size, rank)
    return Limited(at, rank, int((good > at).sum()), good.size, upper)


def _rank(n: int, limit: float, what: str, which: str) -> int:
    rank = best_rank(n, limit) if n else 0
    if rank == 0:
        needed = normals_needed(limit)
        reach = f" {n} can promise at most {percent(guarantee_upper(n, 1))}." if n else ""
        raise DatasetError(
            f"A {what} of at most {percent(limit)} cannot be promised from {n} {which} images."
            f"{reach} It takes {needed} {which} images with 95 % confidence, none of them on the "
            f"wrong side. Add {needed - n} more, or allow a higher rate."
        )
    return rank
