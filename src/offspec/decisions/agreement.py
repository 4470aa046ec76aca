"""Agreement beyond chance: Cohen's kappa of two appraisers, Fleiss' kappa of several.

Each comes with the large-sample standard error that was published for it. Decisions on one part are
alike, so these errors are too small where a part is judged more than once; ``clustered`` has the
interval that counts parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from offspec.errors import MetricError
from offspec.guarantee import CONFIDENCE
from offspec.types import DoubleArray


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance with its large-sample interval.

    Attributes:
        value: 1 is full agreement, 0 what chance gives, below 0 less than chance.
        standard_error: As published; 0 where everybody always agrees.
        low: Lower end of the interval, at least -1.
        high: Upper end, at most 1.
        observed: Share of agreeing pairs of decisions.
        chance: Share expected by chance.
        n: Pairs of decisions (Cohen) or parts (Fleiss).
    """

    value: float
    standard_error: float
    low: float
    high: float
    observed: float
    chance: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "value": self.value,
            "standard_error": self.standard_error,
            "low": self.low,
            "high": self.high,
            "observed": self.observed,
            "chance": self.chance,
            "n": self.n,
        }


def cohen_kappa(table: ArrayLike, confidence: float = CONFIDENCE) -> Kappa:
    """Cohen's kappa from a cross table.

    Args:
        table: (K, K) counts, rows the first appraiser's verdicts, columns the second's.
        confidence: Of the interval, in (0, 1).

    Raises:
        MetricError: No square table of counts, or both only ever gave one and the same verdict.

    Reference:
        Cohen, "A coefficient of agreement for nominal scales" (1960); standard error: Fleiss,
        Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa", Psychological
        Bulletin 72 (1969).

    Example:
        >>> round(cohen_kappa([[44, 6], [3, 97]]).value, 2)
        0.86
    """
    counts = np.asarray(table, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not (counts >= 0).all():
        raise MetricError(
            f"A cross table of shape {counts.shape} gives no kappa. It is square, with counts "
            "from 0 up: one row and one column for each verdict."
        )
    n = float(counts.sum())
    if n == 0:
        raise MetricError("The cross table is empty. Kappa needs pairs of decisions; give some.")
    p = counts / n
    rows, columns = p.sum(1), p.sum(0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    _check_chance(chance)
    both = rows[None, :] + columns[:, None]  # [i, j] = p.i + pj.
    kept = np.diag(p) * ((1 - chance) - (rows + columns) * (1 - observed)) ** 2
    crossed = (p - np.diag(np.diag(p))) * both**2
    spread = kept.sum() + (1 - observed) ** 2 * crossed.sum()
    spread -= (observed * chance - 2 * chance + observed) ** 2
    error = math.sqrt(max(0.0, float(spread)) / n) / (1 - chance) ** 2
    value = (observed - chance) / (1 - chance)
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    return Kappa(
        value, error, max(-1.0, value - reach), min(1.0, value + reach), observed, chance, int(n)
    )


def fleiss_kappa(counts: ArrayLike, confidence: float = CONFIDENCE) -> Kappa:
    """Fleiss' kappa of any number of decisions on each part.

    Args:
        counts: (N, K): how often part i was given verdict k. The number of decisions may differ
            between parts; parts with a single one count for chance only.
        confidence: Of the interval, in (0, 1).

    Raises:
        MetricError: No part was judged twice, or every decision is the same.

    Reference:
        Fleiss, "Measuring nominal scale agreement among many raters" (1971); standard error:
        Gwet, "Large-sample variance of Fleiss generalized kappa", Educational and
        Psychological Measurement 81 (2021), over parts.
    """
    seen = np.asarray(counts, np.float64)
    seen = seen[seen.sum(1) > 0] if seen.ndim == 2 else np.zeros((0, 2))
    total = seen.sum(1)
    twice = total >= 2
    if not twice.any():
        raise MetricError(
            f"None of {len(seen)} parts was judged twice. Fleiss' kappa compares decisions on "
            "one part; have every part judged at least twice."
        )
    shares = seen / total[:, None]
    prior = shares.mean(0)
    chance = float(prior @ prior)
    _check_chance(chance)
    agree = pair_agreement(seen)
    observed = float(agree[twice].mean())
    value = (observed - chance) / (1 - chance)
    n = len(seen)
    scale = n / int(twice.sum())
    each = np.where(twice, scale * (agree - chance * twice), 0.0) / (1 - chance)
    each = each - 2 * (1 - value) * (shares @ prior - chance) / (1 - chance)
    error = math.sqrt(float(((each - value) ** 2).sum()) / (n * max(1, n - 1)))
    reach = float(stats.t.ppf(0.5 + confidence / 2, max(1, n - 1))) * error
    return Kappa(
        value, error, max(-1.0, value - reach), min(1.0, value + reach), observed, chance, n
    )


def pair_agreement(counts: DoubleArray) -> DoubleArray:
    """Share of agreeing pairs among the decisions on each part; 0 where there is only one.

    Args:
        counts: (N, K) decisions by verdict.
    """
    total = counts.sum(1)
    pairs = np.maximum(total * (total - 1), 1.0)
    found: DoubleArray = (counts * (counts - 1)).sum(1) / pairs
    return found


def _check_chance(chance: float) -> None:
    if chance >= 1.0 - 1e-12:
        raise MetricError(
            "Every decision is the same verdict, so agreement by chance is certain and kappa is "
            "undefined. Add parts of the other kind."
        )
