"""Fit the probability of a defect from labelled scores, and say how good it is.

Logistic regression on x = -ln p with Platt's smoothed targets; isotonic regression from
``ISOTONIC_FROM`` images on, where there is enough to draw a curve without a form. Scikit-learn
fits both. What is printed comes from cross-validation: every image is predicted by a map fitted
without it and its unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offspec.guarantee import clopper_pearson
from offspec.held_out_costs import folds_of
from offspec.probability import DefectProbability, logit
from offspec.types import BoolArray, DoubleArray

ISOTONIC_FROM = 1000  # images; below, scikit-learn's own guide calls it prone to overfitting
ISOTONIC_CLASS = 100  # of each class
LEAST = 5  # images of each class
FOLDS = 10
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Reliability:
    """One bin of predictions; ``low`` to ``high`` is the 95 % interval of the counted share."""

    lowest: float
    highest: float
    n: int
    predicted: float
    counted: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ProbabilityReport:
    """A fitted map and its cross-validated quality, at the images' own share of defects.

    Attributes:
        fitted: The map.
        n_good: Good images it was fitted on; likewise ``n_bad``.
        brier: Mean squared difference of prediction and truth; 0 is best.
        brier_base: The same when everything gets the share of defects.
        bins: Reliability table, empty bins left out.
    """

    fitted: DefectProbability
    n_good: int
    n_bad: int
    brier: float
    brier_base: float
    bins: tuple[Reliability, ...]

    @property
    def skill(self) -> float:
        """1 - Brier score over that of the base rate: 1 is best, 0 as good as knowing nothing."""
        return 1.0 - self.brier / self.brier_base

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            **{k: v for k, v in self.fitted.to_dict().items() if k not in ("knots", "values")},
            "good": self.n_good,
            "defective": self.n_bad,
            "brier": self.brier,
            "brier_base_rate": self.brier_base,
            "brier_skill": self.skill,
            "reliability": [
                {
                    "from": b.lowest, "to": b.highest, "n": b.n, "predicted": b.predicted,
                    "counted": b.counted, "low": b.low, "high": b.high,
                }
                for b in self.bins
            ],
        }  # fmt: skip


def method_for(n_good: int, n_bad: int) -> str:
    """``isotonic`` where there are enough images, else ``logistic``."""
    enough = n_good + n_bad >= ISOTONIC_FROM and min(n_good, n_bad) >= ISOTONIC_CLASS
    return "isotonic" if enough else "logistic"


def fit_probability(x: DoubleArray, bad: BoolArray, defect_rate: float) -> DefectProbability | None:
    """Fit the map.

    Args:
        x: (n,) -ln p of each image.
        bad: (n,) True where the image shows a defect; both classes are there.
        defect_rate: Share of defective parts that it shall answer for.

    Returns:
        The map; None where defects do not score higher than good images.

    Reference:
        Platt, "Probabilistic outputs for support vector machines" (1999), targets
        (N+ + 1) / (N+ + 2) and 1 / (N- + 2); Elkan, "The foundations of cost-sensitive learning"
        (2001), theorem 2, for the change of the base rate.
    """
    n_bad = int(bad.sum())
    n_good = int(bad.size) - n_bad
    rate = n_bad / bad.size
    if method_for(n_good, n_bad) == "isotonic":
        return _isotonic(x, bad, rate, defect_rate)
    slope, intercept = platt(x, bad)
    if not slope > 0:
        return None
    return DefectProbability("logistic", slope, intercept, (), (), rate, defect_rate)


def platt(x: DoubleArray, bad: BoolArray) -> tuple[float, float]:
    """Slope and intercept of Platt's logistic curve: each image counts in part for both classes."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to load

    n_bad = int(bad.sum())
    high, low = (n_bad + 1) / (n_bad + 2), 1 / (bad.size - n_bad + 2)
    target = np.where(bad, high, low)
    centre, scale = float(x.mean()), float(x.std()) or 1.0
    both = np.concatenate([x, x])[:, None]
    labels = np.concatenate([np.ones(x.size), np.zeros(x.size)])
    model = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000)
    model.fit((both - centre) / scale, labels, np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * centre


def _isotonic(
    x: DoubleArray, bad: BoolArray, rate: float, defect_rate: float
) -> DefectProbability | None:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - slow to load

    least = 1 / (bad.size + 2)  # never 0 or 1: so many images cannot say so
    model = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    model.fit(x, bad.astype(np.float64))
    knots, index = np.unique(model.X_thresholds_, return_index=True)
    values = np.maximum.accumulate(np.clip(model.y_thresholds_[index], least, 1 - least))
    if not values[-1] > values[0]:
        return None
    return DefectProbability(
        "isotonic", 0.0, 0.0, tuple(knots.tolist()), tuple(values.tolist()), rate, defect_rate
    )


def report_probability(
    x: DoubleArray,
    bad: BoolArray,
    defect_rate: float,
    *,
    units: Sequence[int] | None = None,
    seed: int = 0,
) -> ProbabilityReport | None:
    """Fit, and measure by cross-validation; None where too few images or no relation.

    Args:
        x: (n,) -ln p of each image.
        bad: (n,) True where the image shows a defect.
        defect_rate: Share of defective parts that the map answers for.
        units: Equal numbers are photographs of one part.
        seed: Of the folds.
    """
    n_bad = int(bad.sum())
    n_good = int(bad.size) - n_bad
    if min(n_bad, n_good) < LEAST:
        return None
    fitted = fit_probability(x, bad, defect_rate)
    if fitted is None:
        return None
    predicted = np.full(bad.size, np.nan)
    for out in _folds(bad, units, seed):
        learned, truth = x[~out], bad[~out]
        rate = float(truth.mean())
        part = fit_probability(learned, truth, rate) if 0 < rate < 1 else None
        predicted[out] = rate if part is None else part.of(x[out])
    share = n_bad / bad.size
    truth = bad.astype(np.float64)
    return ProbabilityReport(
        fitted,
        n_good,
        n_bad,
        float(np.mean((predicted - truth) ** 2)),
        share * (1 - share),
        reliability(predicted, bad),
    )


def _folds(bad: BoolArray, units: Sequence[int] | None, seed: int) -> list[BoolArray]:
    """Folds in which both classes are dealt out evenly, units kept together."""
    labels = np.arange(bad.size) if units is None else np.asarray(units)
    found = [np.zeros(bad.size, np.bool_) for _ in range(FOLDS)]
    for side in (True, False):
        own = np.flatnonzero(bad == side)
        for number, out in enumerate(folds_of(own.size, labels[own].tolist(), FOLDS, seed)):
            found[number][own[out]] = True
    return [out for out in found if out.any()]


def reliability(predicted: DoubleArray, bad: BoolArray) -> tuple[Reliability, ...]:
    """Predictions in bins against what was counted there, with Clopper and Pearson's interval."""
    rows = []
    place = np.clip(np.searchsorted(np.array(BINS), predicted, side="right") - 1, 0, len(BINS) - 2)
    for number in range(len(BINS) - 1):
        inside = place == number
        n, k = int(inside.sum()), int(bad[inside].sum())
        if n:
            low, high = clopper_pearson(k, n)
            mean = float(predicted[inside].mean())
            rows.append(Reliability(BINS[number], BINS[number + 1], n, mean, k / n, low, high))
    return tuple(rows)


__all__ = [
    "ProbabilityReport",
    "Reliability",
    "fit_probability",
    "logit",
    "method_for",
    "platt",
    "reliability",
    "report_probability",
]
