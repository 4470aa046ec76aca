"""Costs, thresholds chosen from them, and what so many images can prove."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from offspec.decisions.operating_asked import Asked, Capacity
from offspec.decisions.operating_result import (
    bootstrap_points,
    estimate_cost,
    estimate_fixed,
    sensitivity,
    without_inspection,
)
from offspec.decisions.operating_rule import pooled_normals
from offspec.errors import DatasetError, OptionError
from offspec.held_out_costs import cost_interval, folds_of, held_out, unit_means
from offspec.operating_limits import best_rank, limit_false_alarms, limit_misses
from offspec.operating_points import (
    FIXED,
    HIGHEST,
    LOWEST,
    Costs,
    Points,
    bad_survival,
    cheapest,
    choose,
    cost_of_bad,
    cost_of_good,
    expected_cost,
    good_survival,
    shares,
    to_deviation,
    to_limits,
)

COSTS = Costs(10.0, 1.0, 0.5, 0.01)
RNG = np.random.default_rng(3)
KNOWN = RNG.exponential(0.25, 30)
GOOD = RNG.exponential(0.25, 20)
BAD = 0.6 + RNG.exponential(1.0, 12)

scores = st.lists(st.floats(0.0, 12.0), min_size=3, max_size=25).map(
    lambda values: np.array(values, np.float64)
)
prices = st.floats(0.05, 200.0)
rates = st.floats(0.001, 0.5)


# -- costs -----------------------------------------------------------------------


@pytest.mark.parametrize("field", ["miss", "false_alarm", "review"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_costs_that_are_no_costs_are_refused(field: str, value: float) -> None:
    with pytest.raises(OptionError, match="cost of a"):
        Costs(**{"miss": 1.0, "false_alarm": 1.0, "review": 1.0, "defect_rate": 0.1, field: value})


@pytest.mark.parametrize("costs", [(0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0)])
def test_free_mistakes_are_refused(costs: tuple[float, float, float]) -> None:
    with pytest.raises(OptionError, match="nothing to weigh"):
        Costs(*costs, 0.1)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan, 2.0])
def test_a_defect_rate_is_a_share(rate: float) -> None:
    with pytest.raises(OptionError, match="defect rate"):
        Costs(1.0, 1.0, 1.0, rate)


def test_expected_cost_by_hand() -> None:
    """2 of 4 good: one false alarm, one review; 1 of 2 defects missed; 1 % defective.

    0.99 * (1 + 0.5) / 4 + 0.01 * (10 + 0) / 2 = 0.42125.
    """
    points = Points(1.0, 2.0)
    good, bad = np.array([0.2, 0.9, 1.5, 2.5]), np.array([0.5, 3.0])
    assert cost_of_good(COSTS, points, good).tolist() == [0, 0, 0.5, 1]
    assert cost_of_bad(COSTS, points, bad).tolist() == [10, 0]
    pair = cost_of_good(COSTS, points, good), cost_of_bad(COSTS, points, bad)
    assert expected_cost(COSTS, *pair) == pytest.approx(0.42125)
    assert shares(points, good) == {"ng": 1, "review": 1, "ok": 2, "n": 4}


def test_an_image_that_was_not_judged_costs_whatever_the_thresholds() -> None:
    for points in (Points(LOWEST, LOWEST), FIXED, Points(HIGHEST, HIGHEST)):
        assert cost_of_good(COSTS, points, np.array([np.inf])).tolist() == [1.0]
        assert cost_of_bad(COSTS, points, np.array([-np.inf])).tolist() == [10.0]


def test_a_tie_is_ok() -> None:
    assert cost_of_good(COSTS, FIXED, np.array([1.0])).tolist() == [0.0]
    assert cost_of_bad(COSTS, FIXED, np.array([1.0])).tolist() == [10.0]


def test_deviation_and_limits_are_inverse() -> None:
    assert to_deviation(1.0) == 0.5
    assert to_limits(0.5) == 1.0
    for limits in (0.1, 0.7, 3.0, 12.0):
        assert to_limits(to_deviation(limits)) == pytest.approx(limits, rel=1e-9)
    assert 0 < to_deviation(0.0) < 1e-5
    assert 1 - 1e-9 < to_deviation(math.inf) < 1


# -- the choice --------------------------------------------------------------------


def test_thresholds_are_those_of_the_likelihood_ratio() -> None:
    """Two unit Gaussians 2 apart: Duda, Hart and Stork, Pattern Classification (2001), 2.2 and
    2.6: decide for the class of least conditional risk. Chow, "On optimum recognition error and
    reject tradeoff" (1970): a third decision between both, review where its cost is below both
    risks, so review from a posterior of r / m on and stop from 1 - r / f on.
    """
    at = np.linspace(-6, 9, 60_001)
    good, bad = stats.norm.sf(at), stats.norm.sf(at - 2)
    d, m, f, r = 0.05, 10.0, 2.0, 0.5
    points = cheapest(Costs(m, f, r, d), at, good, bad)

    def where(posterior: float) -> float:
        odds = posterior / (1 - posterior) * (1 - d) / d
        return 1 + math.log(odds) / 2  # of ratio exp(2 x - 2)

    assert points.review == pytest.approx(where(r / m), abs=1e-3)
    assert points.ng == pytest.approx(where(1 - r / f), abs=1e-3)
    dear = cheapest(Costs(m, f, 2 * f, d), at, good, bad)
    assert dear.review == dear.ng == pytest.approx(where(f / (f + m)), abs=1e-3)


def test_survival_of_good_images_by_hand() -> None:
    """Scores 1 to 20: k = 5, t = 15, mean excess 3; below, the conformal curve."""
    values = np.arange(1.0, 21.0)
    above = good_survival(values, np.empty(0), np.array([10.0, 15.0, 18.0, 24.0]))
    tail = [5 / 21 * math.exp(-(u - 15) / 3) for u in (18, 24)]
    assert above.tolist() == pytest.approx([11 / 21, 6 / 21, *tail])
    lost = good_survival(np.append(values, np.inf), np.empty(0), np.array([18.0]))
    assert lost[0] == pytest.approx(1 / 21 + 20 / 21 * tail[0])


def test_survival_of_defects_by_hand() -> None:
    """Ferguson's posterior mean: (1 of 2 above, and the one more with 1 - 3/4) / 3."""
    assert bad_survival(np.array([2.0, 4.0]), np.array([3.0]))[0] == pytest.approx(1.25 / 3)
    assert bad_survival(np.array([-np.inf, 4.0]), np.array([5.0]))[0] == 0.0


def test_in_a_wide_gap_the_threshold_stays_near_the_good_images() -> None:
    points = choose(COSTS, GOOD, np.full(10, 15.0), KNOWN)
    assert max(GOOD.max(), KNOWN.max()) < points.ng < 6


def test_where_nothing_separates_everything_is_let_through() -> None:
    points = choose(Costs(1.0, 1.0, 0.5, 0.01), GOOD, GOOD[:8], KNOWN)
    assert points == Points(HIGHEST, HIGHEST)


def test_where_misses_are_ruinous_everything_is_stopped_or_reviewed() -> None:
    points = choose(Costs(1e6, 1.0, 0.5, 0.1), GOOD, GOOD[:8], KNOWN)
    assert points.review == LOWEST


@settings(max_examples=60, deadline=None)
@given(scores, scores, prices, prices, prices, rates, st.floats(1.0, 50.0))
def test_dearer_misses_never_raise_a_threshold(
    good: np.ndarray, bad: np.ndarray, m: float, f: float, r: float, d: float, more: float
) -> None:
    at = np.linspace(0, 14, 200)
    above = good_survival(good, np.empty(0), at), bad_survival(bad, at)
    before, after = (cheapest(Costs(cost, f, r, d), at, *above) for cost in (m, m * more))
    total = [_cost(Costs(m * more, f, r, d), at, above, points) for points in (after, before)]
    close = math.isclose(total[0], total[1], rel_tol=1e-9)  # equal but for rounding
    assert close or (after.review <= before.review and after.ng <= before.ng)


def _cost(
    costs: Costs, at: np.ndarray, above: tuple[np.ndarray, np.ndarray], points: Points
) -> float:
    i, j = np.searchsorted(at, points.review), np.searchsorted(at, points.ng)
    (gi, bi), (gj, bj) = ((above[0][k], above[1][k]) for k in (i, j))
    d = costs.defect_rate
    good = costs.false_alarm * gj + costs.review * (gi - gj)
    return float((1 - d) * good + d * (costs.miss * (1 - bi) + costs.review * (bi - bj)))


@settings(max_examples=60, deadline=None)
@given(scores, scores, prices, prices, rates)
def test_the_choice_is_the_cheapest_of_all_pairs(
    good: np.ndarray, bad: np.ndarray, m: float, f: float, d: float
) -> None:
    costs, at = Costs(m, f, 0.4 * f, d), np.linspace(0, 13, 40)
    above = good_survival(good, np.empty(0), at), bad_survival(bad, at)
    best = min(
        _cost(costs, at, above, Points(float(at[i]), float(at[j])))
        for j in range(at.size)
        for i in range(j + 1)
    )
    assert _cost(costs, at, above, cheapest(costs, at, *above)) == pytest.approx(best, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(scores, scores, prices, prices, rates, st.floats(1.01, 5.0))
def test_a_dear_review_is_never_asked_for(
    good: np.ndarray, bad: np.ndarray, m: float, f: float, d: float, more: float
) -> None:
    points = choose(Costs(m, f, f * more, d), good, bad)
    assert points.review == points.ng


@settings(max_examples=40, deadline=None)
@given(scores, scores, prices, prices, prices, rates)
def test_thresholds_are_always_valid_decision_points(
    good: np.ndarray, bad: np.ndarray, m: float, f: float, r: float, d: float
) -> None:
    points = choose(Costs(m, f, r, d), good, bad, KNOWN)
    assert 0 < points.t_review <= points.t_ng < 1


# -- uncertainty ---------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 20), (10, 10)])
def test_the_interval_of_two_outcomes_is_clopper_and_pearsons(k: int, n: int) -> None:
    costs = Costs(1.0, 1.0, 0.5, 1e-9)  # defects do not count
    values = np.array([1.0] * k + [0.0] * (n - k))
    low, high = cost_interval(costs, values, np.zeros(3), draws=200_000)
    exact = stats.binomtest(k, n).proportion_ci(0.95)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=4e-3)


def test_no_false_alarm_among_few_is_not_certain() -> None:
    low, high = cost_interval(COSTS, np.zeros(10), np.zeros(10))
    assert low == 0.0
    assert 0.2 < high < 0.45


def test_the_interval_narrows_with_images() -> None:
    few = cost_interval(COSTS, np.zeros(10), np.zeros(10))[1]
    assert cost_interval(COSTS, np.zeros(1000), np.zeros(100))[1] < few / 10


def test_photographs_of_one_part_count_once() -> None:
    assert unit_means(np.array([1.0, 0.0, 4.0]), [7, 7, 2]).tolist() == [4.0, 0.5]
    alone = estimate_fixed(COSTS, "fixed", FIXED, GOOD, BAD)
    doubled = estimate_fixed(
        COSTS, "fixed", FIXED, np.repeat(GOOD, 2), BAD,
        units=(np.repeat(np.arange(GOOD.size), 2).tolist(), None),
    )  # fmt: skip
    assert (doubled.cost, doubled.low, doubled.high) == pytest.approx(
        (alone.cost, alone.low, alone.high)
    )


def test_folds_leave_every_image_out_once_and_units_together() -> None:
    units = [0, 0, 1, 2, 3, 3, 4]
    folds = folds_of(7, units, 3, 0)
    total = np.sum([out.astype(np.int64) for out in folds], axis=0)
    assert total.tolist() == [1] * 7
    assert all(out[0] == out[1] and out[4] == out[5] for out in folds)


def test_left_out_images_are_judged_by_others() -> None:
    """Without the highest good image the threshold falls below it."""
    good, bad = np.append(np.linspace(0.1, 0.8, 15), 3.0), np.linspace(2.0, 6.0, 20)
    costs = Costs(100.0, 1.0, 0.9, 0.1)
    held = held_out(costs, good, bad)
    assert held.good_costs[-1] > 0
    assert held.good_costs[:10].max() == 0.0


def test_the_estimate_stands_in_its_interval_and_bootstrap_brackets() -> None:
    points, chosen = estimate_cost(COSTS, GOOD, BAD, KNOWN)
    assert 0 <= chosen.low <= chosen.cost <= chosen.high
    spread = bootstrap_points(COSTS, GOOD, BAD, KNOWN, draws=100)
    assert spread["t_ng"][0] <= points.t_ng <= spread["t_ng"][1]
    assert bootstrap_points(COSTS, GOOD, BAD, KNOWN, draws=100) == spread


def test_the_ways_without_inspection_are_exact() -> None:
    costs = {one.name: 1000 * one.cost for one in without_inspection(COSTS)}
    assert costs == pytest.approx({"accept all": 100, "reject all": 990, "review all": 500})


def test_sensitivity_says_what_keeping_costs() -> None:
    rows = sensitivity(COSTS, GOOD, BAD, KNOWN)
    by = {row["assumption"]: row for row in rows}
    stated = by["as stated"]
    assert stated["cost_per_1000_if_kept"] == pytest.approx(stated["cost_per_1000"])
    assert by["cost of a miss x 2"]["t_ng"] <= by["cost of a miss x 0.5"]["t_ng"]
    assert by["defect rate x 5"]["defect_rate"] == pytest.approx(0.05)
    assert Costs(1.0, 1.0, 1.0, 0.5).scaled(defect_rate=5).defect_rate == 0.9


def test_normals_that_look_different_are_not_pooled() -> None:
    assert pooled_normals(GOOD, KNOWN)[0].size == KNOWN.size
    kept, words = pooled_normals(GOOD + 3, KNOWN)
    assert kept.size == 0
    assert "score higher" in words[0]


# -- limits ----------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "rank"), [(58, 0), (59, 1), (92, 1), (93, 2), (123, 2), (124, 3)])
def test_ranks_are_those_of_wilks(n: int, rank: int) -> None:
    """Wilks, "Determination of sample sizes for setting tolerance limits" (1941): 95 % / 95 %
    takes 59 for the first order statistic, 93 for the second, 124 for the third."""
    assert best_rank(n, 0.05) == rank


def test_a_miss_rate_is_kept_and_bounded() -> None:
    bad = np.linspace(1.0, 5.0, 93)
    found = limit_misses(bad, 0.05)
    assert (found.rank, found.count, found.n) == (2, 1, 93)
    assert found.limits < bad[1]
    assert found.upper == pytest.approx(stats.beta.ppf(0.95, 2, 92))
    assert found.rate <= found.upper <= 0.05


def test_a_false_alarm_rate_is_kept_and_bounded() -> None:
    good = np.linspace(0.0, 1.0, 93)
    found = limit_false_alarms(good, 0.05)
    assert (found.rank, found.count) == (2, 1)
    assert good[-2] < found.limits < good[-1]


def test_one_percent_from_five_defects_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"299 defective images.*Add 294 more"):
        limit_misses(np.linspace(1, 2, 5), 0.01)
    with pytest.raises(DatasetError, match="59 good"):
        limit_false_alarms(np.linspace(0, 1, 20), 0.05)


def test_defects_that_cannot_be_judged_break_a_limit() -> None:
    bad = np.concatenate([[-np.inf] * 3, np.linspace(1, 5, 90)])
    with pytest.raises(DatasetError, match="3 of 93"):
        limit_misses(bad, 0.05)
    good = np.concatenate([[np.inf] * 3, np.linspace(0, 1, 90)])
    with pytest.raises(DatasetError, match="3 of 93"):
        limit_false_alarms(good, 0.05)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, math.nan])
def test_limits_are_shares(rate: float) -> None:
    with pytest.raises(OptionError, match="share"):
        limit_misses(BAD, rate)


def test_exactly_one_thing_decides() -> None:
    with pytest.raises(OptionError, match="Exactly one"):
        Asked()
    with pytest.raises(OptionError, match="Exactly one"):
        Asked(costs=COSTS, max_miss_rate=0.1)
    assert Asked(capacity=Capacity(10, 1000)).rule == "review_capacity"


@pytest.mark.parametrize(("reviews", "parts"), [(0, 10), (10, 5), (-1, 5), (1, math.inf)])
def test_a_capacity_fits_the_parts(reviews: float, parts: float) -> None:
    with pytest.raises(OptionError, match="capacity"):
        Capacity(reviews, parts)
