"""Probability of detection: the formulae against published figures and independent fits."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.linear_model import LogisticRegression

from offspec.decisions.detection_curve import (
    DetectionCurve,
    ceiling,
    detection_curve,
    firth_logistic,
    fit_logistic,
    likelihood_bound,
    photograph_effect,
    shown_by_count,
    wald_bound,
)
from offspec.types import BoolArray, DoubleArray

# Sixty hit/miss trials of the US Air Force Research Laboratory's POD 4.5
# (HitMissData_Good_1.csv), and what that program prints for them (HitMissResults_Good_1.csv).
MISSED = (
    0.026429706, 0.033503454, 0.053120163, 0.070630726, 0.079225089, 0.094606814, 0.095282408,
    0.102307749, 0.107649372, 0.120030103, 0.120304186, 0.130035327, 0.14030999, 0.153704356,
    0.153917693, 0.166910359, 0.181461883, 0.187918014, 0.191985489, 0.206296735, 0.22254802,
    0.223172984, 0.226625926, 0.234836897, 0.240048821, 0.245869667, 0.247247879, 0.259783658,
    0.28762478, 0.296634941,
)  # fmt: skip
FOUND = (
    0.22125183, 0.24864422, 0.254521076, 0.260924841, 0.270902464, 0.283500563, 0.284831232,
    0.291295773, 0.308812298, 0.319062008, 0.322503578, 0.345716849, 0.356358449, 0.366939348,
    0.392040921, 0.401791147, 0.413413202, 0.417064974, 0.425014553, 0.427228229, 0.434310898,
    0.452074355, 0.474195496, 0.5148145, 0.538676457, 0.541220773, 0.54866743, 0.553663894,
    0.604257669, 0.718182309,
)  # fmt: skip


def published() -> tuple[DoubleArray, BoolArray]:
    x = np.array((*MISSED, *FOUND))
    return x, np.arange(x.size) >= len(MISSED)


def drawn(seed: int, n: int = 80) -> tuple[DoubleArray, BoolArray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, n)
    p = 1 / (1 + np.exp(-(math.log(9) + 3 * (x - 2))))
    return x, rng.random(n) < p


def test_published_fit_of_pod_4_5() -> None:
    fit = fit_logistic(*published(), penalised=False)
    assert fit.intercept == pytest.approx(-11.83265105, rel=1e-6)
    assert fit.slope == pytest.approx(45.30678376, rel=1e-6)
    assert fit.place(0.9) == pytest.approx(0.309663906, rel=1e-6)
    assert -2 * fit.log_likelihood + 4 == pytest.approx(28.45673968, rel=1e-6)  # its AIC


def test_published_wald_band_and_bound_of_pod_4_5() -> None:
    fit = fit_logistic(*published(), penalised=False)
    low, _ = fit.band(np.array([0.026429706, 0.254521076, 0.718182309]))
    assert low == pytest.approx([6.38e-8, 0.242688232, 0.999873744], rel=2e-3)
    assert wald_bound(fit) == pytest.approx(0.381546911, rel=2e-3)  # read off its table by a line


def test_published_firth_fit_of_pod_4_5() -> None:
    x, hit = published()
    beta, _ = firth_logistic(np.stack([np.ones_like(x), x], axis=1), hit)
    assert beta[0] == pytest.approx(-9.696981029, rel=1e-4)
    assert beta[1] == pytest.approx(37.05067609, rel=1e-4)
    assert fit_logistic(x, hit).place(0.9) == pytest.approx(0.321025332, rel=1e-5)


def test_firth_of_a_two_by_two_table_adds_a_half_to_every_cell() -> None:
    """Firth (1993), section 3.2: with a saturated model the penalty is Haldane's correction."""
    x = np.repeat([0.0, 1.0], (9, 7))
    hit = np.zeros(16, np.bool_)
    hit[[0, 9, 10, 11, 12, 13, 14, 15]] = True  # 1 of 9 and 7 of 7
    beta, _ = firth_logistic(np.stack([np.ones_like(x), x], axis=1), hit)
    assert beta[0] == pytest.approx(math.log(1.5 / 8.5), abs=1e-7)
    assert beta[0] + beta[1] == pytest.approx(math.log(7.5 / 0.5), abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_maximum_likelihood_equals_an_independent_library(seed: int) -> None:
    x, hit = drawn(seed)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x[:, None], hit)
    fit = fit_logistic(x, hit, penalised=False)
    assert fit.slope == pytest.approx(other.coef_[0, 0], rel=1e-4)
    assert fit.intercept == pytest.approx(other.intercept_[0], rel=1e-4)


@pytest.mark.parametrize("penalised", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_likelihood_bound_is_where_the_constrained_maximum_falls_by_the_limit(
    seed: int, penalised: bool
) -> None:
    """Second way: maximise over both parameters under the constraint, with another optimiser."""
    x, hit = drawn(seed)
    fit = fit_logistic(x, hit, penalised=penalised)
    bound = likelihood_bound(x, hit, fit)
    assert bound > fit.place(0.9)
    rows = np.stack([np.ones_like(x), x], axis=1)

    def loss(beta: DoubleArray) -> float:
        eta = rows @ beta
        p = 1 / (1 + np.exp(-eta))
        penalty = 0.5 * np.linalg.slogdet(rows.T @ np.diag(p * (1 - p)) @ rows)[1]
        return float((np.logaddexp(0, eta) - hit * eta).sum() - penalised * penalty)

    through = optimize.LinearConstraint(np.array([[1.0, bound]]), math.log(9), math.log(9))
    start = np.array([math.log(9) - 2 * bound, 2.0])
    held = optimize.minimize(loss, start, constraints=through, method="SLSQP", tol=1e-12)
    assert 2 * (held.fun + fit.log_likelihood) == pytest.approx(stats.chi2.ppf(0.9, 1), rel=1e-3)
    free = optimize.minimize(loss, start, method="BFGS", tol=1e-8)
    assert -free.fun == pytest.approx(fit.log_likelihood, abs=1e-6)


def test_separated_trials_get_a_finite_curve_and_a_bound() -> None:
    sizes = [*np.geomspace(1, 4, 20), *np.geomspace(5, 16, 20)]
    curve = detection_curve(sizes, [False] * 20 + [True] * 20)
    assert curve.fit is not None
    assert curve.fit.penalised
    assert curve.status == "found"
    assert curve.a90 is not None
    assert curve.a90_95 is not None
    assert 4 < curve.a90 <= curve.a90_95 < 10


def test_everything_found_is_below_the_smallest_size_and_needs_29_to_be_sure() -> None:
    few = detection_curve([1, 2] * 10, [True] * 20)
    assert (few.status, few.a90, few.a90_95) == ("below", None, None)
    many = detection_curve([1.0] * 29 + [2.0] * 5, [True] * 34)
    assert (many.status, many.a90_95, many.bound) == ("below", 1.0, "count")
    assert shown_by_count(np.ones(28), np.ones(28, np.bool_)) is None


def test_nothing_found_is_not_reached() -> None:
    curve = detection_curve([1, 2, 4] * 10, [False] * 30)
    assert (curve.status, curve.a90, curve.a90_95) == ("not_reached", None, None)
    assert "not reached up to 4 px" in curve.words


def test_a_curve_that_does_not_rise_is_not_reached() -> None:
    rng = np.random.default_rng(0)
    sizes = np.repeat([1.0, 2.0, 4.0], 20)
    hits = rng.random(60) < np.repeat([0.7, 0.5, 0.3], 20)
    curve = detection_curve(sizes, hits)
    assert curve.status == "not_reached"
    assert curve.doubt


def test_a_ceiling_below_90_percent_is_said_instead_of_a_size() -> None:
    """Where a third of the places is blind, no size is found nine times in ten."""
    rng = np.random.default_rng(1)
    sizes = np.geomspace(1, 32, 240)
    hits = (rng.random(240) < 1 / (1 + np.exp(-6 * (np.log(sizes) - 1)))) & (rng.random(240) < 0.66)
    curve = detection_curve(sizes, hits)
    assert curve.status == "not_reached"
    assert curve.a90 is None
    x = np.log(sizes)
    assert 0.6 < ceiling(x, hits, fit_logistic(x, hits)) < 0.75
    whole = rng.random(240) < 1 / (1 + np.exp(-6 * (x - 1)))
    assert ceiling(x, whole, fit_logistic(x, whole)) > 0.9


def test_few_trials_or_one_size_say_so() -> None:
    assert detection_curve([], []).status == "too_few"
    assert detection_curve([1.0, 2.0], [True, False]).status == "too_few"
    assert detection_curve([3.0] * 40, [True, False] * 20).status == "too_few"


def test_photographs_that_differ_widen_the_bound() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(12), 10)
    sizes = rng.uniform(0, 3, 120)
    shift = np.repeat(rng.normal(0, 0.5, 12), 10)
    hit = rng.random(120) < 1 / (1 + np.exp(-6 * (sizes - 1.2 - shift)))
    alone = detection_curve(np.exp(sizes), hit)
    together = detection_curve(np.exp(sizes), hit, group)
    assert alone.a90_95 is not None
    assert together.bound == "photographs" or together.a90_95 is None
    assert together.a90_95 is None or together.a90_95 > alone.a90_95
    fit = fit_logistic(sizes, hit)
    assert photograph_effect(sizes, hit, np.zeros(120, np.int64), fit) == 1
    assert photograph_effect(sizes, hit, None, fit) == 1


def test_photograph_effect_is_that_of_a_robust_variance_written_out() -> None:
    """Second, slow implementation: the sandwich with residuals over the root of 1 - leverage."""
    x, hit = drawn(4)
    group = np.arange(80) % 9
    fit = fit_logistic(x, hit)
    meat = np.zeros((2, 2))
    for name in range(9):
        score = np.zeros(2)
        for value, found in zip(x[group == name], hit[group == name], strict=True):
            row = np.array([1.0, value])
            p = 1 / (1 + math.exp(-(fit.intercept + fit.slope * value)))
            leverage = p * (1 - p) * row @ fit.covariance @ row
            score += row * (found - p) / math.sqrt(1 - leverage)
        meat += np.outer(score, score) * 9 / 8
    away = np.array([1.0, fit.place(0.9)])
    ratio = (away @ fit.covariance @ meat @ fit.covariance @ away) / (away @ fit.covariance @ away)
    wider = stats.t.ppf(0.95, 8) ** 2 / stats.norm.ppf(0.95) ** 2
    effect = photograph_effect(x, hit, group, fit)
    assert effect == pytest.approx(max(1.0, ratio) * wider, rel=1e-9)
    assert effect >= wider


def test_one_defect_a_photograph_needs_no_resampling() -> None:
    x, hit = drawn(0)
    single = detection_curve(np.exp(x), hit, range(80))
    assert single.to_dict() == detection_curve(np.exp(x), hit).to_dict()


def test_same_trials_give_the_same_curve_and_json() -> None:
    x, hit = drawn(2)
    group = (np.arange(80) % 8).tolist()
    first, second = (detection_curve(np.exp(x), hit, group).to_dict() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert len(first["curve"]["pod"]) == 41
    assert DetectionCurve(0, 0, 0.0, 0.0, "too_few").to_dict()["curve"] is None
