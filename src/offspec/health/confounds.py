"""Good and bad images that differ by when and how they were taken, not only by the defect.

A model tested on such images gets credit for telling mornings from evenings. Every circumstance is
tested by ranks or counts; together they raise a false alarm in at most ``FALSE_ALARM`` of the sets
in which the labels have nothing to do with it.

Reference:
    Mann and Whitney (1947). Joint error over tests: Holm (1979). Counts: Pearson's chi-square by
    permutation of the labels, which holds at any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from offspec.types import BoolArray, DoubleArray

FALSE_ALARM = 0.01
LEAST_SEPARATION = 0.7  # AUROC of the circumstance alone; weaker ones do little harm
LEAST_EACH = 5  # images of either label
PERMUTATIONS = 2000


@dataclass(frozen=True, slots=True)
class Circumstance:
    """One thing that should not depend on the label.

    Attributes:
        name: time, day, camera, brightness, sharpness, warmth or size.
        values: One per image: numbers, or words for ``camera``, ``day`` and ``size``.
    """

    name: str
    values: Sequence[float] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Confound:
    """A circumstance by which good and bad differ.

    Attributes:
        name: Of the circumstance.
        separation: AUROC of the circumstance alone, in [0.5, 1]: chance that it tells a bad image
            from a good one.
        p_value: After Holm's correction for all circumstances looked at.
        good: What is usual for good images, in words; likewise ``bad``.
    """

    name: str
    separation: float
    p_value: float
    good: str
    bad: str


def find_confounds(
    circumstances: Sequence[Circumstance], bad: ArrayLike, seed: int
) -> list[Confound]:
    """Those that differ between the labels, the strongest first.

    Args:
        circumstances: What is known of every image; constant ones are skipped.
        bad: (n,) True for defective images.
        seed: Of the permutations.
    """
    labels = np.asarray(bad, np.bool_)
    if min(int(labels.sum()), int((~labels).sum())) < LEAST_EACH:
        return []
    tested = []
    for one in circumstances:
        if len(set(one.values)) < 2:
            continue
        words = isinstance(one.values[0], str)
        test = _by_counts if words else _by_ranks
        separation, p_value = test(one.values, labels, seed)
        tested.append((one, separation, p_value))
    found = []
    for (one, separation, _), p_value in zip(tested, _holm([p for *_, p in tested]), strict=True):
        if p_value <= FALSE_ALARM and separation >= LEAST_SEPARATION:
            usual = [_usual(one, labels == side) for side in (False, True)]
            found.append(Confound(one.name, separation, p_value, *usual))
    return sorted(found, key=lambda c: -c.separation)


def _by_ranks(
    values: Sequence[float] | Sequence[str],
    bad: BoolArray,
    seed: int,  # noqa: ARG001
) -> tuple[float, float]:
    from scipy.stats import mannwhitneyu  # noqa: PLC0415 - slow to import

    numbers = np.asarray(values, np.float64)
    result = mannwhitneyu(numbers[bad], numbers[~bad], alternative="two-sided")
    share = float(result.statistic) / (int(bad.sum()) * int((~bad).sum()))
    return max(share, 1 - share), float(result.pvalue)


def _by_counts(
    values: Sequence[float] | Sequence[str], bad: BoolArray, seed: int
) -> tuple[float, float]:
    """Separation by the best order of the categories, and a permutation test of chi-square."""
    names, codes = np.unique(np.asarray(values, np.str_), return_inverse=True)

    def counts(labels: BoolArray) -> DoubleArray:
        both = [np.bincount(codes[labels == side], minlength=len(names)) for side in (False, True)]
        return np.array(both, np.float64)

    table = counts(bad)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()

    def statistic(found: DoubleArray) -> float:
        return float((np.square(found - expected) / expected).sum())

    rng = np.random.default_rng(seed)
    own = statistic(table)
    above = sum(statistic(counts(rng.permutation(bad))) >= own - 1e-9 for _ in range(PERMUTATIONS))
    shares = table / table.sum(axis=1, keepdims=True)
    order = np.argsort(shares[1] / np.maximum(shares.sum(axis=0), 1e-12))
    good, ill = shares[0][order], shares[1][order]
    below = np.cumsum(good) - good
    return float((ill * (below + good / 2)).sum()), (1 + above) / (1 + PERMUTATIONS)


def _holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given.

    Example:
        >>> _holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    found, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        found[index] = least
    return found


def _usual(one: Circumstance, side: BoolArray) -> str:
    """What is usual on one side: the middle half of numbers, or the commonest words."""
    if isinstance(one.values[0], str):
        names, counts = np.unique(np.asarray(one.values)[side], return_counts=True)
        order = np.argsort(-counts)[:3]
        return ", ".join(f"{names[i]} ({counts[i]})" for i in order)
    numbers = np.asarray(one.values, np.float64)
    low, high = np.quantile(numbers[side], (0.25, 0.75))
    if one.name == "time":
        return f"{_moment(low)} to {_moment(high)}"
    spread = float(np.subtract(*np.quantile(numbers, (0.95, 0.05))))
    size = max(abs(float(low)), abs(float(high)))
    # so many digits that values which differ are not printed as equal
    ratio = size / spread if spread > 0 and size > 0 else 1.0
    digits = int(np.clip(np.ceil(np.log10(ratio)) + 2, 3, 9))
    return f"{low:.{digits}g} to {high:.{digits}g}"


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - beside its one use

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
