"""What was chosen, what it is expected to cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offspec.decisions.operating_asked import Rule
from offspec.decisions.probability_fit import ProbabilityReport
from offspec.guarantee import clopper_pearson
from offspec.held_out_costs import Held, cost_interval, held_out, unit_means
from offspec.operating_points import (
    PER,
    Costs,
    Points,
    choose,
    cost_of_bad,
    cost_of_good,
    expected_cost,
    verdicts,
)
from offspec.types import DoubleArray

Units = tuple[Sequence[int] | None, Sequence[int] | None]
BOOTSTRAP = 200  # resampled choices
SENSITIVITY = (
    ("defect rate x 0.2", 0.2, 1.0),
    ("defect rate x 0.5", 0.5, 1.0),
    ("as stated", 1.0, 1.0),
    ("defect rate x 2", 2.0, 1.0),
    ("defect rate x 5", 5.0, 1.0),
    ("cost of a miss x 0.5", 1.0, 0.5),
    ("cost of a miss x 2", 1.0, 2.0),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n with Clopper and Pearson's 95 % interval; the interval is (0, 1) where n is 0."""

    k: int
    n: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; the value is null where there is nothing to count."""
        low, high = clopper_pearson(self.k, self.n) if self.n else (0.0, 1.0)
        value = self.k / self.n if self.n else None
        return {"value": value, "low": low, "high": high, "k": self.k, "n": self.n}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected cost of one way to decide.

    Attributes:
        name: chosen, fixed 0.5, accept all, reject all or review all.
        cost: Per part.
        low: Lower end of the 95 % interval; likewise ``high``.
        missed: Defects let through, of all; None where it follows from the rule, likewise
            ``stopped`` (good images stopped as ng), ``reviewed`` (good images looked at again) and
            ``caught`` (defects looked at again).
    """

    name: str
    cost: float
    low: float
    high: float
    missed: Rate | None = None
    stopped: Rate | None = None
    reviewed: Rate | None = None
    caught: Rate | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; costs per 1000 parts."""
        rates = {
            "miss_rate": self.missed,
            "ng_rate": self.stopped,
            "review_rate": self.reviewed,
            "defect_review_rate": self.caught,
        }
        return {
            "name": self.name,
            "cost_per_1000": PER * self.cost,
            "low": PER * self.low,
            "high": PER * self.high,
            **{key: None if rate is None else rate.to_dict() for key, rate in rates.items()},
        }


def estimate_cost(
    costs: Costs,
    good: DoubleArray,
    bad: DoubleArray,
    known: DoubleArray,
    *,
    units: Units = (None, None),
    seed: int = 0,
) -> tuple[Points, Estimate]:
    """Choose thresholds and say what they will cost.

    The cost is that of every image judged by thresholds chosen without it. The interval reaches
    from the lower end of what the images cost under the chosen thresholds to the upper end of what
    they cost when each is left out: the first flatters, the second is a little too strict.
    """
    points = choose(costs, good, bad, known)
    held = held_out(costs, good, bad, known, units=units, seed=seed)
    fallen = (cost_of_good(costs, points, good), cost_of_bad(costs, points, bad))
    ends = [
        cost_interval(costs, *_by_unit(pair, units), seed=seed)
        for pair in (fallen, (held.good_costs, held.bad_costs))
    ]
    cost = expected_cost(costs, *_by_unit((held.good_costs, held.bad_costs), units))
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    rates = _rates(held.good_verdicts, held.bad_verdicts)
    return points, Estimate("chosen", cost, low, high, *rates)


def estimate_fixed(
    costs: Costs,
    name: str,
    points: Points,
    good: DoubleArray,
    bad: DoubleArray,
    *,
    units: Units = (None, None),
    seed: int = 0,
) -> Estimate:
    """Cost of thresholds that these images did not choose."""
    pair = _by_unit((cost_of_good(costs, points, good), cost_of_bad(costs, points, bad)), units)
    low, high = cost_interval(costs, *pair, seed=seed)
    rates = _rates(verdicts(points, good), verdicts(points, bad))
    return Estimate(name, expected_cost(costs, *pair), low, high, *rates)


def without_inspection(costs: Costs) -> list[Estimate]:
    """What it costs to decide without looking at scores; known exactly."""
    ways = {
        "accept all": costs.accept_all,
        "reject all": costs.reject_all,
        "review all": costs.review_all,
    }
    return [Estimate(name, cost, cost, cost) for name, cost in ways.items()]


def _by_unit(pair: tuple[DoubleArray, DoubleArray], units: Units) -> tuple[DoubleArray, ...]:
    return tuple(unit_means(values, own) for values, own in zip(pair, units, strict=True))


def _rates(good: DoubleArray, bad: DoubleArray) -> tuple[Rate, Rate, Rate, Rate]:
    return (
        Rate(int((bad == 0).sum()), bad.size),
        Rate(int((good == 2).sum()), good.size),
        Rate(int((good == 1).sum()), good.size),
        Rate(int((bad == 1).sum()), bad.size),
    )


def bootstrap_points(
    costs: Costs,
    good: DoubleArray,
    bad: DoubleArray,
    known: DoubleArray,
    *,
    units: Units = (None, None),
    draws: int = BOOTSTRAP,
    seed: int = 0,
) -> dict[str, list[float]]:
    """95 % percentile intervals of both thresholds, as deviation scores; units are resampled."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = [
            _resampled(values, own, rng) for values, own in zip((good, bad), units, strict=True)
        ]
        normals = known if not known.size else known[rng.integers(0, known.size, known.size)]
        points = choose(costs, drawn[0], drawn[1], normals)
        found.append((points.t_review, points.t_ng))
    low, high = np.quantile(np.array(found), [0.025, 0.975], axis=0)
    return {name: [float(low[i]), float(high[i])] for i, name in enumerate(("t_review", "t_ng"))}


def _resampled(
    values: DoubleArray, units: Sequence[int] | None, rng: np.random.Generator
) -> DoubleArray:
    if units is None:
        return values[rng.integers(0, values.size, values.size)]
    labels = np.asarray(units)
    names = np.unique(labels)
    picked = names[rng.integers(0, names.size, names.size)]
    return np.concatenate([values[labels == name] for name in picked])


def sensitivity(
    costs: Costs, good: DoubleArray, bad: DoubleArray, known: DoubleArray,
    *, units: Units = (None, None), seed: int = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """What would be chosen, and what is lost by keeping the choice, if assumptions are off.

    Both costs count every image by thresholds chosen without it, so that they can be compared.
    """
    own = held_out(costs, good, bad, known, units=units, seed=seed)
    rows = []
    for name, rate, miss in SENSITIVITY:
        moved = costs.scaled(miss=miss, defect_rate=rate)
        points = choose(moved, good, bad, known)
        held = held_out(moved, good, bad, known, units=units, seed=seed)
        kept = _cost_of_verdicts(moved, own)
        best = (held.good_costs, held.bad_costs)
        rows.append(
            {
                "assumption": name,
                "defect_rate": moved.defect_rate,
                "cost_miss": moved.miss,
                "t_review": points.t_review,
                "t_ng": points.t_ng,
                "cost_per_1000": PER * expected_cost(moved, *_by_unit(best, units)),
                "cost_per_1000_if_kept": PER * expected_cost(moved, *_by_unit(kept, units)),
            }
        )
    return rows


def _cost_of_verdicts(costs: Costs, held: Held) -> tuple[DoubleArray, DoubleArray]:
    """What verdicts that were reached with other costs cost now."""
    good = np.array([0.0, costs.review, costs.false_alarm])
    bad = np.array([costs.miss, costs.review, 0.0])
    return good[held.good_verdicts.astype(int)], bad[held.bad_verdicts.astype(int)]


@dataclass(frozen=True)
class OperatingResult:
    """Everything that was decided, as ``--json`` writes it.

    Attributes:
        rule: Which of the ways to choose.
        asked: The costs, limit or capacity, as given.
        points: Both thresholds.
        validation: Counts of what chose.
        claim: For a limit: what was counted and what is promised.
        alternatives: Costs of other ways to decide.
        regions: Per region its raw thresholds and counts.
        types: Detection of each type by thresholds chosen without it.
        moves: Sensitivity.
        curve: Expected cost over one threshold.
        probability: Of a defect, where it was fitted.
        warnings: Sentences that the engineer should read.
    """

    rule: Rule
    asked: Mapping[str, Any]
    points: Points
    validation: Mapping[str, Any]
    intervals: Mapping[str, Sequence[float]] | None = None
    claim: Mapping[str, Any] | None = None
    alternatives: tuple[Estimate, ...] = ()
    regions: tuple[Mapping[str, Any], ...] = ()
    types: tuple[Mapping[str, Any], ...] = ()
    moves: tuple[Mapping[str, Any], ...] = ()
    curve: Mapping[str, Any] | None = None
    probability: ProbabilityReport | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "rule": self.rule,
            "asked": dict(self.asked),
            "t_review": self.points.t_review,
            "t_ng": self.points.t_ng,
            "threshold_intervals": None if self.intervals is None else dict(self.intervals),
            "validation": dict(self.validation),
            "claim": None if self.claim is None else dict(self.claim),
            "alternatives": [one.to_dict() for one in self.alternatives],
            "regions": [dict(one) for one in self.regions],
            "unseen_types": [dict(one) for one in self.types],
            "sensitivity": [dict(one) for one in self.moves],
            "cost_curve": None if self.curve is None else dict(self.curve),
            "probability": None if self.probability is None else self.probability.to_dict(),
            "warnings": list(self.warnings),
            "errors": [dict(one) for one in self.errors],
        }
