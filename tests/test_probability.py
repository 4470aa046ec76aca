"""Probability of a defect from a score: form, fit, and how good it is."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from offspec.calibration import Calibration, calibrate
from offspec.decisions.probability_fit import (
    fit_probability,
    method_for,
    platt,
    reliability,
    report_probability,
)
from offspec.errors import BundleError, InputError
from offspec.probability import DefectProbability, expit, logit

RNG = np.random.default_rng(5)
BAD = np.arange(60) < 20
X = np.where(BAD, RNG.normal(4, 1.5, 60), RNG.normal(1.5, 1, 60)).clip(0)
LOGISTIC = DefectProbability("logistic", 1.2, -3.0, (), (), 0.4, 0.01)
STEPS = DefectProbability("isotonic", 0.0, 0.0, (1.0, 2.0, 5.0), (0.1, 0.5, 0.9), 0.4, 0.4)


def test_platt_against_newton_on_his_own_function() -> None:
    """Minimum of Platt (1999), equation 4, with the targets of equation 6, by SciPy."""
    high, low = 21 / 22, 1 / 42
    target = np.where(BAD, high, low)

    def loss(ab: np.ndarray) -> float:
        z = ab[0] * X + ab[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    found = optimize.minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).x
    assert platt(X, BAD) == pytest.approx(tuple(found), rel=1e-4)


def test_platt_stays_finite_where_classes_are_apart() -> None:
    slope, intercept = platt(np.concatenate([np.full(8, 1.0), np.full(4, 9.0)]), np.arange(12) >= 8)
    at = expit(slope * np.array([1.0, 9.0]) + intercept)
    assert at.tolist() == pytest.approx([1 / 10, 5 / 6], rel=1e-3)  # Platt's targets, met exactly


def test_another_defect_rate_is_bayes_rule() -> None:
    """Gaussians 1 apart: the posterior at a base rate d is d b / (d b + (1 - d) g)."""
    x = np.array([-1.0, 0.5, 3.0])
    fitted = DefectProbability("logistic", 1.0, -0.5 + logit(0.4), (), (), 0.4, 0.01)
    good, bad = stats.norm.pdf(x), stats.norm.pdf(x - 1)
    for d in (0.01, 0.4, 0.9):
        exact = d * bad / (d * bad + (1 - d) * good)
        assert fitted.at_rate(x, d) == pytest.approx(exact)
    assert fitted.of(x) == pytest.approx(fitted.at_rate(x, 0.01))


def test_isotonic_is_linear_between_knots_and_flat_beyond() -> None:
    assert STEPS.of([0.0, 1.5, 3.5, 9.0]).tolist() == pytest.approx([0.1, 0.3, 0.7, 0.9])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=2, max_size=20),
    st.floats(1e-6, 50),
    st.floats(-100, 100),
    st.floats(1e-6, 1 - 1e-6),
)
def test_a_higher_score_is_never_less_probable(
    x: list[float], slope: float, intercept: float, rate: float
) -> None:
    one = DefectProbability("logistic", slope, intercept, (), (), 0.3, rate)
    for found in (one.of(sorted(x)), replace(STEPS, defect_rate=rate).of(sorted(x))):
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found) >= 0).all()


def test_which_form_is_fitted() -> None:
    assert method_for(500, 99) == "logistic"
    assert method_for(950, 99) == "logistic"
    assert method_for(900, 100) == "isotonic"


def test_isotonic_from_a_thousand_images_on() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 4000)
    bad = rng.random(4000) < expit(x - 5)
    fitted = fit_probability(x, bad, float(bad.mean()))
    assert fitted is not None
    assert fitted.method == "isotonic"
    at = np.array([2.0, 5.0, 8.0])
    assert fitted.of(at) == pytest.approx(expit(at - 5), abs=0.08)


def test_no_map_where_defects_score_lower() -> None:
    assert fit_probability(-X + 20, BAD, 0.01) is None
    assert report_probability(X[16:], BAD[16:], 0.01) is None  # four defects


def test_the_report_is_cross_validated() -> None:
    report = report_probability(X, BAD, 0.01)
    assert report is not None
    assert 0 < report.brier < report.brier_base == pytest.approx(2 / 9)
    assert report.skill == pytest.approx(1 - report.brier / report.brier_base)
    assert sum(b.n for b in report.bins) == 60
    again = report_probability(X, BAD, 0.01)
    assert again is not None
    assert again.to_dict() == report.to_dict()


def test_chance_has_no_skill() -> None:
    rng = np.random.default_rng(1)
    skills = []
    for _ in range(20):
        report = report_probability(rng.normal(3, 1, 80).clip(0), np.arange(80) < 30, 0.1)
        skills += [] if report is None else [report.skill]
    assert np.mean(skills) < 0.02


def test_brier_and_reliability_by_hand() -> None:
    bins = reliability(np.array([0.1, 0.1, 0.7, 1.0]), np.array([False, True, True, True]))
    assert [(b.n, b.counted) for b in bins] == [(2, 0.5), (1, 1.0), (1, 1.0)]
    assert bins[0].predicted == pytest.approx(0.1)


def test_predictions_are_calibrated_on_what_they_were_made_for() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 8, 600)
    bad = rng.random(600) < expit(1.5 * x - 6)
    report = report_probability(x, bad, 0.01)
    assert report is not None
    assert all(b.low - 0.05 <= b.predicted <= b.high + 0.05 for b in report.bins)


# -- kept in the bundle ------------------------------------------------------------


def _calibration() -> Calibration:
    return calibrate({"all": np.linspace(1, 3, 25).tolist()}, 0.1, cross_fitted=True)


def test_without_it_the_stored_form_is_as_before() -> None:
    assert "probability" not in _calibration().to_dict()
    assert Calibration.from_dict(_calibration().to_dict()).defect_probability("all", 2.0) is None


@pytest.mark.parametrize("one", [LOGISTIC, STEPS])
def test_round_trip_keeps_every_digit(one: DefectProbability) -> None:
    stored = json.loads(json.dumps(replace(_calibration(), probability=one).to_dict()))
    back = Calibration.from_dict(stored)
    assert back.probability == one
    low, high = (back.defect_probability("all", raw) for raw in (1.5, 6.0))
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "magic"), ("slope", -1.0), ("slope", "1"), ("slope", True),
        ("fitted_rate", 0.0), ("defect_rate", 1.0), ("knots", [1.0]), ("knots", None),
        ("intercept", math.inf), ("more", 1),
    ],
)  # fmt: skip
def test_a_damaged_map_is_refused(key: str, value: object) -> None:
    stored = replace(_calibration(), probability=LOGISTIC).to_dict()
    stored["probability"][key] = value
    with pytest.raises(BundleError):
        Calibration.from_dict(stored)


@pytest.mark.parametrize("values", [(0.5, 0.4, 0.9), (0.0, 0.5, 0.9), (0.1, 0.5, 1.0), (0.1, 0.5)])
def test_steps_that_fall_or_are_certain_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        DefectProbability("isotonic", 0.0, 0.0, (1.0, 2.0, 3.0), values, 0.4, 0.4)
