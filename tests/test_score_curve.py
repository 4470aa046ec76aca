"""The score curve: knots, ties, zeros, tail, continuity, very large scores."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.curve_simulation import LAWS, simulate, thresholds
from offspec.calibration import ScoreCurve, threshold_of
from offspec.errors import BundleError, InputError

SCORES = (3.0, 1.0, 2.5, 4.0, 2.0, 5.5)


def test_curve_passes_through_origin_and_the_conformal_p_value_of_every_score() -> None:
    curve = ScoreCurve.from_scores(SCORES)
    assert curve.log_p(0.0) == 0.0
    for x in SCORES:
        expected = (1 + sum(other > x for other in SCORES)) / (len(SCORES) + 1)
        assert math.exp(curve.log_p(x)) == pytest.approx(expected, rel=1e-12)


def test_curve_is_linear_in_log_p_between_knots() -> None:
    curve = ScoreCurve.from_scores(SCORES)
    middle = 0.5 * (curve.log_p(2.5) + curve.log_p(3.0))
    assert curve.log_p(2.75) == pytest.approx(middle, rel=1e-12)
    assert curve.log_p(0.5) == pytest.approx(0.5 * curve.log_p(1.0), rel=1e-12)


def test_ties_are_one_knot_with_the_p_value_of_the_highest_rank() -> None:
    curve = ScoreCurve.from_scores([1.0, 2.0, 2.0, 2.0, 3.0])
    assert math.exp(curve.log_p(2.0)) == pytest.approx(2 / 6)
    tied_top = ScoreCurve.from_scores([1.0, 3.0, 3.0])
    assert math.exp(tied_top.log_p(3.0)) == pytest.approx(1 / 4)


def test_tail_follows_the_stated_formula() -> None:
    scores = sorted(np.random.default_rng(0).exponential(size=40).tolist())
    curve = ScoreCurve.from_scores(scores)
    k = min(39, max(5, 40 // 4))
    t = scores[-(k + 1)]
    excess = sum(s - t for s in scores[-k:])
    assert (curve.k, curve.t) == (k, t)
    assert curve.excess_sum == pytest.approx(excess)
    raw = scores[-1] + 2.0
    expected = 1 / 41 * ((excess + raw - t) / (excess + scores[-1] - t)) ** -k
    assert math.exp(curve.log_p(raw)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (5, 4), (6, 5), (20, 5), (24, 6), (100, 25)])
def test_number_of_excesses(n: int, k: int) -> None:
    assert ScoreCurve.from_scores(np.arange(1.0, n + 1)).k == k


def test_excess_sum_is_floored_at_k_raw_steps() -> None:
    curve = ScoreCurve.from_scores([2.0] * 9, raw_step=0.25)
    assert curve.excess_sum == curve.k * 0.25
    assert curve.log_p(2.1) < curve.log_p(2.0)


def test_curve_is_continuous_at_the_largest_score() -> None:
    curve = ScoreCurve.from_scores(SCORES)
    top = max(SCORES)
    at = curve.log_p(top)
    assert at == pytest.approx(-math.log(len(SCORES) + 1), rel=1e-15)
    assert curve.log_p(top + 1e-9) == pytest.approx(at, abs=1e-8)
    assert curve.log_p(top - 1e-9) == pytest.approx(at, abs=1e-8)


@pytest.mark.parametrize(
    "scores",
    [
        [0.0] * 8,
        [0.0, 0.0, 0.0, 1.0, 2.0],
        [1.0] * 8,
        [1.0, 1.0, 2.0, 2.0, 2.0],
        [1e-12, 2e-12, 3e-12],
        [7.0],
        [1e30, 2e30, 3e30],
    ],
)
def test_strictly_decreasing_with_ties_zeros_equal_scores_and_extreme_units(
    scores: list[float],
) -> None:
    curve = ScoreCurve.from_scores(scores)
    step = curve.raw_step
    grid = np.unique(np.concatenate([[0.0], curve.scores, np.array(curve.scores) + step]))
    grid = np.append(grid, grid[-1] + step * np.array([1.0, 10.0, 1e3, 1e6]))
    assert curve.log_p(0.0) == 0.0
    assert (np.diff(curve.log_p_array(grid)) < 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=40), st.floats(1e-6, 0.999))
def test_inverse_returns_to_the_same_probability(scores: list[float], p: float) -> None:
    curve = ScoreCurve.from_scores(scores)
    raw = curve.raw_at(math.log(p))
    assert raw >= 0.0
    # Between knots that nearly coincide the last bit of raw is steep in ln p.
    assert curve.log_p(raw) == pytest.approx(math.log(p), rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30))
def test_never_increasing_on_any_scores(scores: list[float]) -> None:
    curve = ScoreCurve.from_scores(scores)
    grid = np.linspace(0.0, 1.5 * curve.scores[-1], 200)
    assert (np.diff(curve.log_p_array(grid)) <= 0).all()


def test_very_large_scores_neither_underflow_nor_tie() -> None:
    curve = ScoreCurve.from_scores(np.linspace(1.0, 2.0, 400))
    far = curve.log_p_array([1e6, 1e12, 1e30, 3e38])
    assert np.isfinite(far).all()
    assert (np.diff(far) < 0).all()
    assert far[-1] < -745  # exp of it is 0, ln p still ranks
    assert curve.log_p(math.inf) == -math.inf


def test_raw_at_extreme_probability_stays_finite() -> None:
    assert math.isfinite(ScoreCurve.from_scores([1.0, 2.0]).raw_at(-1e6))


def test_negative_origin_of_several_regions() -> None:
    curve = ScoreCurve.from_scores([-0.5, 0.1, 0.8, 2.0], origin=-3.0)
    assert curve.log_p(-3.0) == curve.log_p(-10.0) == 0.0
    assert curve.log_p(-2.9) < 0.0


@pytest.mark.parametrize("scores", [[], [1.0, math.nan], [1.0, math.inf]])
def test_unusable_scores_are_refused(scores: list[float]) -> None:
    with pytest.raises(InputError, match="Cannot calibrate"):
        ScoreCurve.from_scores(scores)


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(InputError, match="not a number"):
        ScoreCurve.from_scores(SCORES).log_p(math.nan)


def test_json_round_trip_is_exact() -> None:
    curve = ScoreCurve.from_scores(np.random.default_rng(1).gamma(2.0, size=17))
    again = ScoreCurve.from_dict(json.loads(json.dumps(curve.to_dict())))
    assert again == curve
    assert again.log_p(3.3) == curve.log_p(3.3)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"k": 0},
        {"k": 1.5},
        {"scores": []},
        {"scores": [3.0, 1.0]},
        {"scores": "12"},
        {"scores": [True, 2.0]},
        {"t": None},
        {"excess_sum": -1.0},
        {"t": math.inf},
    ],
)
def test_damaged_curve_is_refused(change: dict[str, object]) -> None:
    data = {**ScoreCurve.from_scores(SCORES).to_dict(), **change}
    with pytest.raises(BundleError):
        ScoreCurve.from_dict(data)


def test_promise_at_five_normals_on_exponential_scores() -> None:
    row = simulate(LAWS[0], 5, 0.01, 4000, seed=1)
    assert row.status == "extrapolated"
    assert 0.005 < row.achieved < 0.015


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_certified_threshold_keeps_its_promise_on_every_tail(law: object) -> None:
    index = [entry.name for entry in LAWS].index(law.name)  # type: ignore[attr-defined]
    row = simulate(LAWS[index], 25, 0.10, 4000, seed=2)
    assert row.achieved == pytest.approx(2 / 26, rel=0.1)
    assert row.stops_extreme > 0.95  # never alarming would pass the line above


def test_simulation_uses_the_packages_rule() -> None:
    scores = np.sort(np.random.default_rng(3).exponential(size=(3, 12)), axis=1)
    own = [threshold_of(ScoreCurve.from_scores(s), 0.01, cross_fitted=False).raw for s in scores]
    assert thresholds(scores, 0.01) == pytest.approx(own, rel=1e-6)
