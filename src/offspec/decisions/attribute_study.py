"""Figures of an attribute study: appraisers judge parts of known state several times.

An appraiser is a person, or the system (``offspec``). Each figure counts as follows.

* **effectiveness**: share of parts on which *every* trial agrees with the reference. A second
  definition circulates, the share of all decisions that are right; it is printed beside and
  flatters: a part judged wrong once in three trials costs a third of it. The limits (90 %, 80 %)
  belong to the first, as in the manual's own example (42, 45 and 40 of 50 parts).
* **miss rate**: decisions "good" on bad parts, of all decisions on bad parts.
* **false-alarm rate**: decisions "bad" on good parts, of all decisions on good parts.
* **repeatability**: share of parts on which all trials agree with each other, right or wrong.

``review`` counts as stopped. ``invalid`` is a wrong decision whatever the part: a miss on a bad
part, a false alarm on a good one.

Reference:
    AIAG, "Measurement Systems Analysis", 4th edition (2010), chapter III section C.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from offspec.decisions.agreement import Kappa, cohen_kappa, fleiss_kappa, pair_agreement
from offspec.decisions.clustered import (
    ClusteredRate,
    clustered_rate,
    kappa_interval,
    part_weights,
    percentiles,
)
from offspec.errors import MetricError
from offspec.guarantee import CONFIDENCE
from offspec.types import BoolArray, DoubleArray

StudyVerdict = Literal["pass", "marginal", "fail"]
SYSTEM = "offspec"
"""Name of the system among the appraisers."""

_ORDER: tuple[StudyVerdict, ...] = ("pass", "marginal", "fail")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an appraiser must reach; effectiveness at least, the two rates at most."""

    effectiveness: float = 0.90
    miss_rate: float = 0.02
    false_alarm_rate: float = 0.05

    def to_dict(self) -> dict[str, float]:
        """The JSON form."""
        return {
            "effectiveness": self.effectiveness,
            "miss_rate": self.miss_rate,
            "false_alarm_rate": self.false_alarm_rate,
        }


PASS = Limits()
MARGINAL = Limits(0.80, 0.05, 0.10)


@dataclass(frozen=True, slots=True)
class Study:
    """Parts of known state and what everybody said of them.

    Attributes:
        parts: Part ids.
        bad: (M,) True where the reference says bad.
        said: Appraiser -> part -> decisions in order of trials, True = stopped. Every appraiser
            has at least two on every part.
    """

    parts: tuple[str, ...]
    bad: BoolArray
    said: Mapping[str, tuple[tuple[bool, ...], ...]]

    def stops(self, appraiser: str) -> DoubleArray:
        """(M,) decisions "bad" on each part."""
        return np.array([sum(trials) for trials in self.said[appraiser]], np.float64)

    def totals(self, appraiser: str) -> DoubleArray:
        """(M,) decisions on each part."""
        return np.array([len(trials) for trials in self.said[appraiser]], np.float64)

    def wrong(self, appraiser: str) -> DoubleArray:
        """(M,) wrong decisions on each part."""
        stops = self.stops(appraiser)
        return np.where(self.bad, self.totals(appraiser) - stops, stops)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One kappa with its interval over parts.

    Attributes:
        kappa: The published large-sample figures, as if all decisions were independent.
        low: Lower end of the interval over parts, which is the one to quote.
        high: Its upper end.
        bootstrap: Percentile interval over resampled parts.
        table: Cross table (good, bad) x (good, bad) for a pair, else None.
    """

    kappa: Kappa
    low: float
    high: float
    bootstrap: tuple[float, float]
    table: tuple[tuple[int, int], tuple[int, int]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        k = self.kappa
        return {
            "value": k.value,
            "low": self.low,
            "high": self.high,
            "standard_error": k.standard_error,
            "large_sample": [k.low, k.high],
            "bootstrap": list(self.bootstrap),
            "observed": k.observed,
            "chance": k.chance,
            "table": None if self.table is None else [list(row) for row in self.table],
        }


@dataclass(frozen=True, slots=True)
class AppraiserResult:
    """Figures of one appraiser.

    Attributes:
        effectiveness: Share of parts right in every trial.
        decisions_right: Share of all decisions that are right.
        verdict: By the point figures, as the usual limits are read.
        shown: Name of a limit -> whether the data show it with confidence, for the pass limits.
        against_reference: Cohen's kappa, or None with the cause in ``reasons``.
        within: Fleiss' kappa of the appraiser's own trials, likewise.
    """

    name: str
    effectiveness: ClusteredRate
    decisions_right: ClusteredRate
    miss_rate: ClusteredRate
    false_alarm_rate: ClusteredRate
    repeatability: ClusteredRate
    verdict: StudyVerdict
    shown: dict[str, bool]
    against_reference: Agreement | None
    within: Agreement | None
    reasons: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        reference, within = self.against_reference, self.within
        return {
            "appraiser": self.name,
            "verdict": self.verdict,
            "shown": dict(self.shown),
            "effectiveness": self.effectiveness.to_dict(),
            "decisions_right": self.decisions_right.to_dict(),
            "miss_rate": self.miss_rate.to_dict(),
            "false_alarm_rate": self.false_alarm_rate.to_dict(),
            "repeatability": self.repeatability.to_dict(),
            "kappa_reference": None if reference is None else reference.to_dict(),
            "kappa_within": None if within is None else within.to_dict(),
            "reasons": dict(self.reasons),
        }


def judge(
    effectiveness: float, miss: float, false_alarm: float, limits: Limits, marginal: Limits
) -> StudyVerdict:
    """Pass, marginal or fail by the three figures; the worst of them decides."""

    def reaches(wanted: Limits) -> bool:
        return (
            effectiveness >= wanted.effectiveness
            and miss <= wanted.miss_rate
            and false_alarm <= wanted.false_alarm_rate
        )

    return "pass" if reaches(limits) else "marginal" if reaches(marginal) else "fail"


def worst(verdicts: list[StudyVerdict]) -> StudyVerdict:
    """The worst of some verdicts."""
    return max(verdicts, key=_ORDER.index)


def appraise(
    study: Study,
    name: str,
    *,
    limits: Limits = PASS,
    marginal: Limits = MARGINAL,
    confidence: float = CONFIDENCE,
) -> AppraiserResult:
    """All figures of one appraiser.

    Raises:
        MetricError: The study has no good or no bad part.
    """
    totals, wrong, stops = study.totals(name), study.wrong(name), study.stops(name)
    ones = np.ones(len(study.parts))
    bad = study.bad
    effectiveness = clustered_rate((wrong == 0).astype(np.float64), ones, confidence)
    miss = clustered_rate(wrong[bad], totals[bad], confidence)
    alarm = clustered_rate(wrong[~bad], totals[~bad], confidence)
    same = (stops == 0) | (stops == totals)
    reasons: dict[str, str] = {}
    return AppraiserResult(
        name,
        effectiveness,
        clustered_rate(totals - wrong, totals, confidence),
        miss,
        alarm,
        clustered_rate(same.astype(np.float64), ones, confidence),
        judge(effectiveness.value, miss.value, alarm.value, limits, marginal),
        {
            "effectiveness": effectiveness.at_least >= limits.effectiveness,
            "miss_rate": miss.at_most <= limits.miss_rate,
            "false_alarm_rate": alarm.at_most <= limits.false_alarm_rate,
        },
        defined(lambda: with_reference(study, name, confidence), "kappa_reference", reasons),
        defined(lambda: among(study, (name,), confidence), "kappa_within", reasons),
        reasons,
    )


def defined(
    compute: Callable[[], Agreement], name: str, reasons: dict[str, str]
) -> Agreement | None:
    """A kappa, or None with the reason noted."""
    try:
        return compute()
    except MetricError as error:
        reasons[name] = str(error)
        return None


def with_reference(study: Study, name: str, confidence: float = CONFIDENCE) -> Agreement:
    """Cohen's kappa of an appraiser against the reference; every decision is one pair."""
    totals, stops = study.totals(name), study.stops(name)
    cells = np.zeros((len(study.parts), 2, 2))
    rows = study.bad.astype(int)
    index = np.arange(len(rows))
    cells[index, 0, rows] = totals - stops
    cells[index, 1, rows] = stops
    return _paired(cells, confidence)


def between(study: Study, first: str, second: str, confidence: float = CONFIDENCE) -> Agreement:
    """Cohen's kappa of two appraisers; first trials are paired with first trials, and so on.

    Trials that only one of them has are left out.
    """
    cells = np.zeros((len(study.parts), 2, 2))
    for part, pairs in enumerate(zip(study.said[first], study.said[second], strict=True)):
        for one, other in zip(*pairs, strict=False):
            cells[part, int(one), int(other)] += 1
    return _paired(cells, confidence)


def _paired(cells: DoubleArray, confidence: float) -> Agreement:
    """Kappa from a (M, 2, 2) cross table of each part."""
    table = cells.sum(0)
    kappa = cohen_kappa(table, confidence)
    differ, totals = cells[:, 0, 1] + cells[:, 1, 0], cells.sum((1, 2))
    low, high = kappa_interval(differ, totals, kappa.chance, confidence)
    drawn = np.tensordot(part_weights(len(cells)), cells, axes=1)
    drawn = drawn / drawn.sum((1, 2), keepdims=True)
    chance = np.einsum("di,di->d", drawn.sum(2), drawn.sum(1))
    agree = drawn[:, 0, 0] + drawn[:, 1, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (agree - chance) / (1.0 - chance)
    (a, b), (c, d) = table.astype(int).tolist()
    return Agreement(kappa, low, high, percentiles(values, confidence), ((a, b), (c, d)))


def among(study: Study, names: tuple[str, ...], confidence: float = CONFIDENCE) -> Agreement:
    """Fleiss' kappa of all decisions of these appraisers; one name gives it within its trials."""
    stops = sum((study.stops(name) for name in names), np.zeros(len(study.parts)))
    totals = sum((study.totals(name) for name in names), np.zeros(len(study.parts)))
    counts = np.stack([totals - stops, stops], axis=1)
    kappa = fleiss_kappa(counts, confidence)
    differ = 1.0 - pair_agreement(counts)
    pairs = float((totals * (totals - 1) / 2).sum())
    low, high = kappa_interval(differ, np.ones(len(counts)), kappa.chance, confidence, most=pairs)
    weights = part_weights(len(counts)) / len(counts)
    prior = weights @ (counts / totals[:, None])
    chance = (prior**2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (weights @ (1.0 - differ) - chance) / (1.0 - chance)
    return Agreement(kappa, low, high, percentiles(values, confidence))
