"""What chosen thresholds will cost on new images, and how sure that is.

Every image is judged by thresholds chosen without it; the interval knows that so few images may
have shown too little. Pure functions of numbers, NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offspec.operating_points import Costs, choose, cost_of_bad, cost_of_good, verdicts
from offspec.types import BoolArray, DoubleArray

DRAWS = 4000
FOLDS = 60  # at most, in which images are left out in turn


def cost_interval(
    costs: Costs,
    good_costs: DoubleArray,
    bad_costs: DoubleArray,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """Interval of the mean cost per part: a Bayesian bootstrap that also counts the worst case.

    In each class images get random Dirichlet weights, and one image more is added: the most
    expensive outcome there is for the upper end, the cheapest for the lower one. For outcomes of
    two values this is Clopper and Pearson's interval, so that "no false alarm among ten" stays
    uncertain, which a plain bootstrap would not see.

    Args:
        costs: What decisions cost; they bound what an image can cost.
        good_costs: (m,) what each independent good image costs.
        bad_costs: (n,) likewise each defective one.
        confidence: Of the two-sided interval.
        seed: Of the draws.
        draws: How many.

    Reference:
        Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a
        nonnegative variable" (2005); Learned-Miller and Thomas, "A new confidence interval for the
        mean of a bounded random variable" (2019).
    """
    d, tail = costs.defect_rate, (1 - confidence) / 2
    worst = (max(costs.false_alarm, costs.review), max(costs.miss, costs.review))
    ends = []
    for quantile, share in ((tail, 0.0), (1 - tail, 1.0)):
        rng = np.random.default_rng(seed)
        total = np.zeros(draws)
        for weight, values, most in zip((1 - d, d), (good_costs, bad_costs), worst, strict=True):
            total += weight * _weighted_means(values, share * most, rng, draws)
        ends.append(float(np.quantile(total, quantile)))
    return ends[0], ends[1]


def _weighted_means(
    values: DoubleArray, added: float, rng: np.random.Generator, draws: int
) -> DoubleArray:
    """Means under Dirichlet weights of the values and one added; equal values drawn together."""
    kinds, counts = np.unique(np.append(values, added), return_counts=True)
    weights = rng.dirichlet(counts.astype(np.float64), draws)
    return np.asarray(weights @ kinds, np.float64)


def unit_means(values: DoubleArray, units: Sequence[int] | None) -> DoubleArray:
    """One mean for each independent unit, such as the photographs of one part."""
    if units is None:
        return values
    _, index = np.unique(np.asarray(units), return_inverse=True)
    sums = np.bincount(index, weights=values)
    return np.asarray(sums / np.bincount(index), np.float64)


def folds_of(count: int, units: Sequence[int] | None, most: int, seed: int) -> list[BoolArray]:
    """Masks of what is left out in turn: every unit once, in at most ``most`` folds."""
    labels = np.arange(count) if units is None else np.asarray(units)
    names = np.unique(labels)
    order = np.random.default_rng(seed).permutation(names.size)
    fold = order % min(most, names.size)
    return [np.isin(labels, names[fold == number]) for number in range(min(most, names.size))]


@dataclass(frozen=True, slots=True)
class Held:
    """Every image as it falls under thresholds chosen without it.

    Attributes:
        good_costs: (m,) what each good image costs; likewise ``bad_costs``.
        good_verdicts: (m,) 0 ok, 1 review, 2 ng; likewise ``bad_verdicts``.
    """

    good_costs: DoubleArray
    bad_costs: DoubleArray
    good_verdicts: DoubleArray
    bad_verdicts: DoubleArray


def held_out(
    costs: Costs,
    good: DoubleArray,
    bad: DoubleArray,
    known: DoubleArray | None = None,
    *,
    units: tuple[Sequence[int] | None, Sequence[int] | None] = (None, None),
    most: int = FOLDS,
    seed: int = 0,
) -> Held:
    """Judge every image by thresholds that were chosen without it and its unit.

    Where a class is a single unit its images are judged by thresholds chosen with it.
    """
    found = [np.zeros(v.size) for v in (good, bad, good, bad)]
    for side, scores in enumerate((good, bad)):
        for out in folds_of(scores.size, units[side], most, seed):
            rest = scores[~out] if not out.all() else scores
            points = choose(costs, *((rest, bad) if side == 0 else (good, rest)), known)
            price = cost_of_good if side == 0 else cost_of_bad
            found[side][out] = price(costs, points, scores[out])
            found[side + 2][out] = verdicts(points, scores[out])
    return Held(*found)
