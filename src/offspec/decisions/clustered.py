"""Intervals for rates and kappas when one part is judged several times.

Three photographs of one part are not three parts. The interval that the product shows takes the
spread between parts into account by an effective number of decisions; where hardly an error was
seen, that is the number of parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from offspec.errors import MetricError
from offspec.guarantee import CONFIDENCE, clopper_pearson
from offspec.types import DoubleArray

DRAWS = 2000
"""Bootstrap samples of parts."""
FEW_PARTS = 5
"""With fewer parts off the rule, trials of one part are taken for no more than one."""


@dataclass(frozen=True, slots=True)
class ClusteredRate:
    """A share of decisions with the intervals that go with it.

    Attributes:
        value: k / n.
        k: Decisions counted.
        n: All decisions.
        parts: Parts they were made on.
        effective_n: Independent decisions that would say as much.
        low: Lower end of the interval over parts, which is the one to quote.
        high: Its upper end.
        at_most: Upper bound at the confidence, all of it on one side.
        at_least: Lower bound likewise.
        exact: Clopper-Pearson interval as if all decisions were independent.
        bootstrap: Percentile interval over resampled parts.
    """

    value: float
    k: int
    n: int
    parts: int
    effective_n: float
    low: float
    high: float
    at_most: float
    at_least: float
    exact: tuple[float, float]
    bootstrap: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "k": self.k,
            "n": self.n,
            "parts": self.parts,
            "effective_n": self.effective_n,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "exact": list(self.exact),
            "bootstrap": list(self.bootstrap),
        }


def clustered_rate(
    hits: DoubleArray, totals: DoubleArray, confidence: float = CONFIDENCE
) -> ClusteredRate:
    """A share of decisions, some of them on the same part.

    Args:
        hits: (M,) decisions counted on each part.
        totals: (M,) decisions on each part, above 0.
        confidence: Of the intervals, in (0, 1).

    Raises:
        MetricError: There is no part.

    Reference:
        Korn and Graubard, "Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data", Survey Methodology 24 (1998).
    """
    if hits.size == 0:
        raise MetricError("There is no part of this kind, so the rate is undefined. Add some.")
    k, n = round(float(hits.sum())), round(float(totals.sum()))
    effective = effective_number(hits, totals, confidence)
    low, high = beta_interval(k / n, effective, confidence)
    at_least, at_most = beta_interval(k / n, effective, 2 * confidence - 1)
    weights = part_weights(hits.size)
    drawn = (weights @ hits) / (weights @ totals)
    return ClusteredRate(
        k / n,
        k,
        n,
        hits.size,
        effective,
        low,
        high,
        at_most,
        at_least,
        clopper_pearson(k, n, confidence),
        percentiles(drawn, confidence),
    )


def effective_number(
    hits: DoubleArray, totals: DoubleArray, confidence: float, most: float | None = None
) -> float:
    """Independent decisions that would give the spread seen between parts.

    At least it is the number of parts (somewhat less where some were judged more often): trials of
    one part cannot be more alike than equal. It is no more than that where fewer than five
    parts differ from the rest, since these say too little on how alike the trials are. And it is
    never more than ``most``, by default the number of decisions.
    """
    parts, n = hits.size, float(totals.sum())
    least = n**2 / float((totals**2).sum())
    share = float(hits.sum()) / n
    if min(int((hits > 0).sum()), int((hits < totals).sum())) < FEW_PARTS:
        return least
    spread = parts / (parts - 1) * float(((hits - share * totals) ** 2).sum()) / n**2
    if spread <= 0.0:
        return least
    tail = 0.5 + confidence / 2
    wider = float(stats.t.ppf(tail, max(1.0, n - 1)) / stats.t.ppf(tail, parts - 1))
    found = share * (1 - share) / spread * wider**2
    return float(min(max(least, found), n if most is None else most))


def beta_interval(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Clopper-Pearson interval for a share of ``n`` decisions, where ``n`` may be a fraction."""
    tail = (1.0 - confidence) / 2.0
    k = share * n
    low = 0.0 if share <= 0.0 else float(stats.beta.ppf(tail, k, n - k + 1))
    high = 1.0 if share >= 1.0 else float(stats.beta.ppf(1.0 - tail, k + 1, n - k))
    return low, high


def kappa_interval(
    disagreement: DoubleArray,
    totals: DoubleArray,
    chance: float,
    confidence: float = CONFIDENCE,
    *,
    most: float | None = None,
) -> tuple[float, float]:
    """Interval of a kappa over parts, from the interval of the disagreement.

    Kappa is 1 - disagreement / (1 - chance). The chance agreement hangs on how many good and bad
    parts were chosen and is taken as known; the disagreement gets the interval of
    :func:`clustered_rate`. So full agreement has an interval, too.

    Args:
        disagreement: (M,) disagreeing pairs on each part, fractions allowed.
        totals: (M,) pairs on each part, or ones to weigh parts alike.
        chance: Share of pairs that agree by chance, below 1.
        confidence: Of the interval, in (0, 1).
        most: Pairs of decisions in all, where ``totals`` does not say.
    """
    share = float(disagreement.sum() / totals.sum())
    n = effective_number(disagreement, totals, confidence, most)
    low, high = beta_interval(share, n, confidence)
    scale = 1.0 - chance
    return max(-1.0, 1.0 - high / scale), min(1.0, 1.0 - low / scale)


def part_weights(parts: int, draws: int = DRAWS, seed: int = 0) -> DoubleArray:
    """(draws, parts): how often each part is in a bootstrap sample; the same for one seed."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(parts, np.full(parts, 1.0 / parts), size=draws).astype(np.float64)


def percentiles(drawn: DoubleArray, confidence: float) -> tuple[float, float]:
    """The middle ``confidence`` of drawn values; undefined ones are left out."""
    known = drawn[np.isfinite(drawn)]
    if known.size == 0:
        return float("nan"), float("nan")
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(known, [tail, 100.0 - tail])
    return float(low), float(high)
