"""Kappas and intervals over parts, against published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from offspec.decisions.agreement import cohen_kappa, fleiss_kappa
from offspec.decisions.clustered import clustered_rate, effective_number, kappa_interval
from offspec.decisions.study_plan import parts_needed, plan_study, shown_by
from offspec.errors import MetricError, OptionError
from offspec.guarantee import clopper_pearson

WIKIPEDIA = """0 0 0 0 14  0 2 6 4 2  0 0 3 5 6  0 3 9 2 0  2 2 8 1 1
               7 7 0 0 0  3 2 6 3 0  2 5 3 2 2  6 5 2 1 0  0 2 2 3 7"""
FOUR_RATERS = "11.1 2232 3333 3333 2222 1234 4444 1121 2222 .555 ..11 ..3."


def test_cohen_kappa_of_fleiss_cohen_and_everitt() -> None:
    """Their example of 1969: 200 subjects, kappa 0.429, variance 0.002885."""
    found = cohen_kappa([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
    assert found.value == pytest.approx(0.429, abs=5e-4)
    assert found.standard_error**2 == pytest.approx(0.002885, abs=5e-7)


def test_cohen_kappa_of_fleiss_levin_and_paik() -> None:
    """Statistical Methods for Rates and Proportions, table 18.1: 0.68 with error 0.087."""
    found = cohen_kappa([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert found.value == pytest.approx(0.676, abs=5e-4)
    assert found.standard_error == pytest.approx(0.087, abs=1e-3)
    assert (found.low, found.high) == pytest.approx((0.51, 0.85), abs=0.01)


def test_cohen_kappa_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.integers(0, 3, (2, 40))
        table = [[int(((first == i) & (second == j)).sum()) for j in range(3)] for i in range(3)]
        assert cohen_kappa(table).value == pytest.approx(cohen_kappa_score(first, second))


def test_the_large_sample_error_is_that_of_many_samples() -> None:
    """Against the spread of kappa in 4000 multinomial samples."""
    rng = np.random.default_rng(1)
    shares = np.array([[0.60, 0.05], [0.10, 0.25]])
    tables = rng.multinomial(400, shares.ravel(), size=4000).reshape(-1, 2, 2)
    values = [cohen_kappa(t).value for t in tables]
    assert cohen_kappa(400 * shares).standard_error == pytest.approx(np.std(values), rel=0.05)


def test_fleiss_kappa_of_the_ten_subjects() -> None:
    """The worked example of Wikipedia, 14 raters: 0.210."""
    counts = np.array(WIKIPEDIA.split(), int).reshape(10, 5)
    assert fleiss_kappa(counts).value == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_with_gaps_and_its_error() -> None:
    """Gwet's example with missing ratings (cac.raw4raters): 0.76117, error 0.15302, from 0.424."""
    counts = np.array([[word.count(str(k)) for k in range(1, 6)] for word in FOUR_RATERS.split()])
    found = fleiss_kappa(counts)
    assert found.value == pytest.approx(0.76117, abs=1e-5)
    assert found.standard_error == pytest.approx(0.15302, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((0.424, 1.0), abs=5e-4)
    assert (found.observed, found.chance) == pytest.approx((0.8181818, 0.2387153), abs=1e-6)


def test_undefined_kappas_say_why() -> None:
    with pytest.raises(MetricError, match="same verdict"):
        cohen_kappa([[10, 0], [0, 0]])
    with pytest.raises(MetricError, match="square"):
        cohen_kappa([[1, 2, 3]])
    with pytest.raises(MetricError, match="empty"):
        cohen_kappa([[0, 0], [0, 0]])
    with pytest.raises(MetricError, match="judged twice"):
        fleiss_kappa([[1, 0], [0, 1]])


def test_trials_that_always_agree_count_as_parts() -> None:
    hits = np.array([3.0] * 10 + [0.0] * 40)
    found = clustered_rate(hits, np.full(50, 3.0))
    assert found.effective_n == pytest.approx(50)
    wide = clopper_pearson(10, 50)
    assert (found.low, found.high) == pytest.approx(wide)
    assert found.exact == clopper_pearson(30, 150)


def test_independent_trials_count_nearly_all() -> None:
    rng = np.random.default_rng(2)
    hits = rng.binomial(3, 0.3, size=2000).astype(float)
    found = effective_number(hits, np.full(2000, 3.0), 0.95)
    assert found == pytest.approx(6000, rel=0.1)


def test_no_error_gives_the_bound_of_the_parts() -> None:
    """The rule of three: none in 60 parts shows about 5 %, however many trials."""
    found = clustered_rate(np.zeros(60), np.full(60, 3.0))
    assert found.at_most == pytest.approx(1 - 0.05 ** (1 / 60))
    assert (found.low, found.value) == (0.0, 0.0)


def test_few_parts_with_errors_are_no_proof_of_independence() -> None:
    hits = np.array([1.0] + [0.0] * 33)
    assert clustered_rate(hits, np.full(34, 3.0)).effective_n <= 34


def test_a_kappa_of_one_has_an_interval() -> None:
    low, high = kappa_interval(np.zeros(50), np.full(50, 3.0), 0.5)
    assert high == 1.0
    assert low == pytest.approx(1 - stats.beta.ppf(0.975, 1, 50) / 0.5)


@pytest.mark.parametrize(
    ("limit", "errors", "parts"),
    [(0.02, 0, 149), (0.02, 1, 236), (0.05, 0, 59), (0.05, 1, 93), (0.05, 2, 124), (0.1, 0, 29)],
)
def test_parts_needed_are_those_of_the_success_run_tables(
    limit: float, errors: int, parts: int
) -> None:
    """As tabulated for 95 % confidence: reliability 98 % takes 149, 95 % 59, 93, 124; 90 % 29."""
    assert parts_needed(limit, errors) == parts
    assert shown_by(parts, errors) <= limit < shown_by(parts - 1, errors)


def test_a_plan_says_what_parts_at_hand_would_show() -> None:
    plan = plan_study(effectiveness=0.9, miss=0.02, false_alarm=0.05, parts_bad=16, parts_good=34)
    need = plan.needs[0]
    assert need.shows[0] == pytest.approx(1 - 0.05 ** (1 / 16))
    assert plan.needs[2].planned == 50


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(OptionError, match="limit is 0"):
        parts_needed(0.0, 0)
    with pytest.raises(OptionError, match="repeatability"):
        plan_study(effectiveness=0.9, miss=0.02, false_alarm=0.05, trials=1)
    with pytest.raises(OptionError, match="not possible"):
        shown_by(3, 4)
