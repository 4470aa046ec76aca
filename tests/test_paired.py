"""Paired tests and intervals, against published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from offspec.decisions.paired import (
    Pairs,
    delong,
    images_needed,
    mcnemar,
    newcombe_interval,
    tango_interval,
    wilson_interval,
)
from offspec.errors import MetricError

# Albumin, total protein, K-G score and outcome of 49 (43 complete) patients: DeLong, DeLong and
# Clarke-Pearson (1988), as printed in the SAS/STAT guide, example "Comparing ROC curves".
PATIENTS = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1"""


def patients() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    albumin, protein, kg, outcome = np.array(PATIENTS.split(), float).reshape(-1, 4).T
    return albumin, protein, 10 - kg, outcome == 1


def test_the_consolidation_therapy_of_cavo() -> None:
    """Cavo et al. 2012, worked in Fagerland, Lydersen and Laake, "Statistical Analysis of
    Contingency Tables", chapter 8: 59, 6, 16, 80."""
    pairs = Pairs(59, 6, 16, 80)
    assert pairs.difference == pytest.approx(-0.0621, abs=5e-5)
    assert mcnemar(6, 16) == pytest.approx(0.052479, abs=5e-7)
    assert tango_interval(6, 16, 161) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    assert newcombe_interval(pairs) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


def test_the_airways_of_bentur() -> None:
    """Bentur et al. 2009, the same chapter: 1, 1, 7, 12."""
    assert tango_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert newcombe_interval(Pairs(1, 1, 7, 12)) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_wilson_s_interval() -> None:
    """Newcombe 1998: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_the_areas_of_delong_and_others() -> None:
    """As the SAS/STAT guide prints them: estimate, error, normal p and interval of both."""
    albumin, protein, kg, outcome = patients()
    first = delong(albumin, kg, outcome)
    assert (first.difference, first.standard_error) == pytest.approx((0.0108, 0.0953), abs=5e-5)
    p = 2 * stats.norm.sf(first.difference / first.standard_error)
    assert p == pytest.approx(0.9102, abs=5e-5)
    second = delong(protein, kg, outcome)
    assert (second.difference, second.standard_error) == pytest.approx((-0.0780, 0.1046), abs=5e-5)
    reach = stats.norm.ppf(0.975) * second.standard_error
    interval = (second.difference - reach, second.difference + reach)
    assert interval == pytest.approx((-0.2830, 0.1271), abs=5e-5)
    assert second.low is not None
    assert second.low < interval[0]  # ours is a little longer: t instead of normal
    assert second.new == pytest.approx(roc_auc_score(outcome, protein))


def test_delong_counts_ties_half_as_the_plain_definition_does() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(30) >= 12
    one, other = rng.integers(0, 6, (2, 30)) + truth
    found = delong(one, other, truth)
    assert found.new == pytest.approx(roc_auc_score(truth, one))
    kernel = [(g < b) + 0.5 * (g == b) for b in one[truth] for g in one[~truth]]
    assert found.new == pytest.approx(np.mean(kernel))


def test_the_error_of_delong_is_that_of_many_samples() -> None:
    """Against the spread of the difference in 1500 simulated test sets."""
    rng = np.random.default_rng(1)
    truth = np.arange(80) >= 40
    noise = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=(1500, 80))
    scores = noise + truth[:, None] * np.array([1.2, 1.8])
    found = [delong(s[:, 0], s[:, 1], truth) for s in scores]
    spread = np.std([one.difference for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.06)


def test_equal_scores_give_no_interval() -> None:
    truth = np.arange(10) >= 5
    same = delong(np.arange(10), np.arange(10), truth)
    assert (same.difference, same.low, same.p) == (0.0, None, None)
    with pytest.raises(MetricError, match="at least two"):
        delong([1, 2, 3], [1, 2, 3], [True, False, False])


@pytest.mark.parametrize("n", [1, 5, 50, 400])
def test_no_difference_on_few_images_is_no_proof(n: int) -> None:
    """+- z^2 / (n + z^2), as Tango gives it; Newcombe's closes on mixed decisions."""
    low, high = tango_interval(0, 0, n)
    assert (-low, high) == pytest.approx((3.8415 / (n + 3.8415),) * 2, rel=1e-4)
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("new", "old"), [(0, 7), (7, 0), (3, 4), (0, 1), (20, 0)])
def test_tango_mirrors_and_solves_its_equation(new: int, old: int) -> None:
    low, high = tango_interval(new, old, 20)
    assert tango_interval(old, new, 20) == pytest.approx((-high, -low), abs=1e-9)
    assert -1.0 <= low <= (new - old) / 20 <= high <= 1.0


def test_images_needed_are_those_that_decide() -> None:
    needed = images_needed(Pairs(50, 0, 0, 0), 0.02)
    assert needed == 189
    assert tango_interval(0, 0, 189)[0] > -0.02 >= tango_interval(0, 0, 188)[0]
    assert images_needed(Pairs(80, 0, 5, 15), 0.02) is None  # 5 points lost already


def test_no_image_has_no_interval() -> None:
    with pytest.raises(MetricError, match="no image"):
        tango_interval(0, 0, 0)
