"""Where to stop and where to look again: both thresholds of a three-way verdict, from costs.

Scores are in *limits*: ln p of the worst region over ln p at its threshold, so 1 lies at the
threshold, higher = more anomalous, and a deviation score is ``1 - 2 ** -limits``. An image that
could not be judged is ``inf`` when it is good (it stops whatever the thresholds) and ``-inf`` when
it is defective (it is missed). Pure functions of numbers, NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from offspec.errors import OptionError
from offspec.score_curve import ScoreCurve
from offspec.types import DoubleArray

LOWEST = 1e-6  # limits above which practically every image lies: stop everything
HIGHEST = 40.0  # above which none does: let everything through
PER = 1000  # parts that costs are stated for
GRID = 300
APART = 1e-4  # relative; two machines may differ by as much in a raw score
_LEAST_TAIL = 5  # excesses of the tail, as in the score curve


@dataclass(frozen=True, slots=True)
class Costs:
    """What decisions cost, in any one unit, and how many parts are defective.

    Attributes:
        miss: One defective part let through.
        false_alarm: One good part stopped.
        review: One part looked at again by a person, who then decides rightly.
        defect_rate: Share of parts that are defective, in (0, 1).
    """

    miss: float
    false_alarm: float
    review: float
    defect_rate: float

    def __post_init__(self) -> None:
        for name in ("miss", "false_alarm", "review"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise OptionError(
                    f"The cost of a {name.replace('_', ' ')} is {value}. A cost is a finite number "
                    "from 0 on, all in one currency. Give another."
                )
        if not self.miss > 0 or not self.false_alarm > 0:
            raise OptionError(
                f"A miss costs {self.miss:g} and a false alarm {self.false_alarm:g}. Where one of "
                "them is free there is nothing to weigh: everything is let through, or everything "
                "stopped. Give both, above 0."
            )
        if not 0 < self.defect_rate < 1:
            raise OptionError(
                f"The defect rate is {self.defect_rate}. It is a share of all parts above 0 and "
                "below 1, such as 0.01 for 1 %. Give another."
            )

    def scaled(self, *, miss: float = 1.0, defect_rate: float = 1.0) -> Costs:
        """The same with dearer or cheaper misses, and more or fewer defects (at most 90 %)."""
        share = min(self.defect_rate * defect_rate, max(0.9, self.defect_rate))
        return replace(self, miss=self.miss * miss, defect_rate=share)

    @property
    def accept_all(self) -> float:
        """Cost per part without any inspection."""
        return self.defect_rate * self.miss

    @property
    def reject_all(self) -> float:
        """Cost per part when every part is stopped."""
        return (1 - self.defect_rate) * self.false_alarm

    @property
    def review_all(self) -> float:
        """Cost per part when a person looks at every part."""
        return self.review

    def to_dict(self) -> dict[str, float]:
        """The JSON form."""
        return {
            "miss": self.miss,
            "false_alarm": self.false_alarm,
            "review": self.review,
            "defect_rate": self.defect_rate,
        }


@dataclass(frozen=True, slots=True)
class Points:
    """Both thresholds in limits; ``score > ng`` is ng, else ``score > review`` is review."""

    review: float
    ng: float

    @property
    def t_review(self) -> float:
        """As a deviation score."""
        return to_deviation(self.review)

    @property
    def t_ng(self) -> float:
        """As a deviation score."""
        return to_deviation(self.ng)


def to_deviation(limits: float) -> float:
    """Deviation score in (0, 1) of a score in limits; exactly 0.5 at 1."""
    return 1.0 - math.exp2(-min(max(limits, LOWEST), HIGHEST))


def to_limits(deviation: float) -> float:
    """The inverse of :func:`to_deviation`."""
    return 1.0 if deviation == 0.5 else -math.log2(1.0 - deviation)


FIXED = Points(1.0, 1.0)


def good_survival(good: DoubleArray, known: DoubleArray, at: DoubleArray) -> DoubleArray:
    """Share of good images expected above each score.

    Up to the k-th largest score the conformal curve of validation and known normals together;
    beyond it an exponential tail through the k largest: ``k / (n + 1) * exp(-(u - t) / s)``, t the
    (k+1)-th largest and s the mean of the k excesses, ``k = max(5, n // 4)``. In limits the score
    curve has made scores exponential already, so no heavier tail is laid on top.

    Args:
        good: (m,) validation images; ``inf`` where not judged.
        known: (n,) cross-fitted normals, or none.
        at: (t,) scores to ask at.
    """
    seen = good[np.isfinite(good)]
    pooled = np.sort(np.concatenate([seen, known]))
    invalid = 1.0 - seen.size / good.size if good.size else 0.0
    if pooled.size == 0:
        return np.full(at.shape, invalid)
    log_p = ScoreCurve.from_scores(pooled).log_p_array(at)
    n = pooled.size
    k = min(n - 1, max(_LEAST_TAIL, n // 4))
    if k >= 1:
        start = float(pooled[n - k - 1])
        mean = max(float(np.mean(pooled[n - k :] - start)), 1e-9)
        tail = math.log(k / (n + 1)) - np.maximum(at - start, 0.0) / mean
        log_p = np.where(at > start, tail, log_p)
    return np.asarray(invalid + (1.0 - invalid) * np.exp(log_p), np.float64)


def bad_survival(bad: DoubleArray, at: DoubleArray) -> DoubleArray:
    """Share of defective images expected above each score: counted, and one more of no known kind.

    The one more lies anywhere between the reference and the highest defect seen (a Dirichlet
    process with that base and the weight of one image). So in a wide gap between good and
    defective images the threshold stays near the good ones, and weaker defects are found too.

    Args:
        bad: (n,) scores; ``-inf`` where not judged.
        at: (t,) scores to ask at.

    Reference:
        Ferguson, "A Bayesian analysis of some nonparametric problems" (1973), posterior mean of a
        distribution function.
    """
    ordered = np.sort(bad)
    above = bad.size - np.searchsorted(ordered, at, side="right")
    top = max(float(ordered[-1]), 1.0)
    return np.asarray((above + np.clip(1.0 - at / top, 0.0, 1.0)) / (bad.size + 1.0), np.float64)


def candidates(good: DoubleArray, bad: DoubleArray, known: DoubleArray) -> DoubleArray:
    """Ascending scores at which a threshold may lie, from stopping all to stopping none.

    Just above every score seen, so that rounding does not decide on which side an image falls.
    """
    seen = np.concatenate([good, bad, known])
    seen = np.clip(seen[np.isfinite(seen)] * (1 + APART), LOWEST, HIGHEST)
    top = float(seen.max(initial=2.0)) * 1.001
    grid = np.concatenate([[LOWEST], np.linspace(0, min(top, HIGHEST), GRID)[1:], seen, [HIGHEST]])
    return np.unique(grid)


def choose(
    costs: Costs, good: DoubleArray, bad: DoubleArray, known: DoubleArray | None = None
) -> Points:
    """The thresholds of least expected cost, among them to stop all, none, or to review all.

    Args:
        costs: What decisions cost.
        good: (m,) scores in limits of good validation images, m >= 1.
        bad: (n,) of defective ones, n >= 1.
        known: Cross-fitted scores of the normals the model was calibrated on, if they count.
    """
    held = np.empty(0) if known is None else known
    at = candidates(good, bad, held)
    good_above, bad_above = good_survival(good, held, at), bad_survival(bad, at)
    # At both ends it is certain: everything that can be judged lies above, and nothing does.
    good_above[0], bad_above[0] = 1.0, float(np.mean(np.isfinite(bad)))
    good_above[-1], bad_above[-1] = float(np.mean(np.isposinf(good))), 0.0
    return cheapest(costs, at, good_above, bad_above)


def cheapest(
    costs: Costs, at: DoubleArray, good_above: DoubleArray, bad_above: DoubleArray
) -> Points:
    """The cheapest pair of thresholds, given the shares above every candidate.

    Expected cost splits into a part of the review threshold and a part of the ng threshold, so one
    pass finds the best pair; of equal ones the highest ng and then the lowest review threshold.
    Dearer misses never raise either.

    Args:
        costs: What decisions cost.
        at: (t,) candidates, ascending.
        good_above: (t,) shares of good images above each candidate.
        bad_above: (t,) likewise of defective ones.
    """
    d = costs.defect_rate
    low = (1 - d) * costs.review * good_above + d * (costs.review - costs.miss) * bad_above
    high = (1 - d) * (costs.false_alarm - costs.review) * good_above - d * costs.review * bad_above
    total = np.minimum.accumulate(low) + high
    ng = int(total.size - 1 - np.argmin(total[::-1]))
    review = int(np.argmin(low[: ng + 1]))
    return Points(float(at[review]), float(at[ng]))


def cost_of_good(costs: Costs, points: Points, good: DoubleArray) -> DoubleArray:
    """What each good image costs; one that was not judged is a false alarm."""
    looked = np.where(good > points.review, costs.review, 0.0)
    return np.asarray(np.where(good > points.ng, costs.false_alarm, looked), np.float64)


def cost_of_bad(costs: Costs, points: Points, bad: DoubleArray) -> DoubleArray:
    """What each defective image costs; one that was not judged is a miss."""
    looked = np.where(bad > points.review, costs.review, costs.miss)
    return np.asarray(np.where(bad > points.ng, 0.0, looked), np.float64)


def expected_cost(costs: Costs, good_costs: DoubleArray, bad_costs: DoubleArray) -> float:
    """Mean cost per part, classes weighted by the defect rate."""
    d = costs.defect_rate
    return (1 - d) * float(good_costs.mean()) + d * float(bad_costs.mean())


def shares(points: Points, scores: DoubleArray) -> dict[str, int]:
    """How many scores are ng, review and ok; not judged: ``inf`` counts as ng, ``-inf`` as ok."""
    ng = int((scores > points.ng).sum())
    stopped = int((scores > points.review).sum())
    return {"ng": ng, "review": stopped - ng, "ok": int(scores.size) - stopped, "n": scores.size}


def verdicts(points: Points, scores: DoubleArray) -> DoubleArray:
    """0 ok, 1 review, 2 ng."""
    return (scores > points.review).astype(np.float64) + (scores > points.ng)
