"""Threshold, deviation score, verdict, guarantee and hand-set thresholds."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from offspec.calibration import (
    Calibration,
    RegionScale,
    calibrate,
    certified_rank,
    clopper_pearson,
    deviation,
    guarantee_upper,
    image_verdict,
    normals_needed,
    normals_to_certify,
    region_score,
    score_k,
)
from offspec.errors import BundleError, InputError, OptionError
from offspec.types import Verdict

SCORES = np.random.default_rng(0).gamma(3.0, 0.4, 26).tolist()


def one_region(alpha: float = 0.1, *, cross_fitted: bool = True) -> Calibration:
    return calibrate({"all": SCORES}, alpha, cross_fitted=cross_fitted)


def three_regions(alpha: float = 0.1, n: int = 40) -> Calibration:
    rng = np.random.default_rng(1)
    return calibrate(
        {
            "a": rng.gamma(3.0, 1.0, n).tolist(),
            "b": (100 + 5 * rng.gamma(3.0, 1.0, n)).tolist(),
            "c": (0.01 * rng.gamma(3.0, 1.0, n)).tolist(),
        },
        alpha,
        cross_fitted=True,
    )


# Threshold -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "n", "rank"),
    [
        (0.1, 9, 1),
        (0.1, 8, 0),
        (0.01, 99, 1),
        (0.01, 98, 0),
        (0.29, 99, 29),  # 0.29 * 100 is 28.999999999999996 in binary
        (0.07, 99, 7),
        (1 / 3, 2, 1),
        (0.2, 4, 1),
        (0.05, 19, 1),
        (0.999999, 5, 5),
    ],
)
def test_rank_is_the_exact_floor_despite_binary_rounding(alpha: float, n: int, rank: int) -> None:
    assert certified_rank(alpha, n) == rank


def test_certified_threshold_is_the_jth_largest_score() -> None:
    found = one_region(0.1)
    assert found.threshold.status == "certified"
    assert found.threshold.rank_j == 2  # floor(0.1 * 27)
    assert found.region_threshold_raw("all") == sorted(SCORES)[-2]


def test_extrapolated_threshold_is_where_the_tail_reaches_the_rate() -> None:
    found = one_region(0.01)
    assert (found.threshold.status, found.threshold.rank_j) == ("extrapolated", 0)
    raw = found.region_threshold_raw("all")
    assert raw > max(SCORES)
    assert math.exp(found.log_p("all", raw)) == pytest.approx(0.01, rel=1e-9)


def test_under_five_normals_needs_provisional_scores_and_prints_no_percentage() -> None:
    with pytest.raises(InputError, match="at least 5"):
        calibrate({"all": [1.0, 2.0, 3.0, 4.0]}, 0.01, cross_fitted=True)
    found = calibrate({"all": SCORES}, 0.01, cross_fitted=False, provisional=True)
    assert found.threshold.status == "provisional"
    assert found.guarantee_upper is None
    assert "%" not in found.words


def test_provisional_says_review_instead_of_ng() -> None:
    found = calibrate({"all": SCORES}, 0.01, cross_fitted=False, provisional=True)
    assert found.region_verdict("all", 1e6) == "review"
    assert found.region_verdict("all", 0.0) == "ok"


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(InputError, match="False-alarm rate"):
        calibrate({"all": SCORES}, alpha, cross_fitted=True)


# Deviation score -----------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.1, 0.2, 0.37])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_reference_is_0_threshold_exactly_half_and_infinity_1(alpha: float, scale: float) -> None:
    scores = [scale * s for s in SCORES]
    found = calibrate({"all": scores}, alpha, cross_fitted=True)
    raw = found.region_threshold_raw("all")
    assert found.deviation("all", 0.0) == 0.0
    assert found.deviation("all", raw) == 0.5
    assert found.deviation("all", math.inf) == 1.0


@pytest.mark.parametrize("found", [one_region(0.1), one_region(0.01), three_regions()])
def test_verdict_and_score_agree_next_to_the_threshold(found: Calibration) -> None:
    for region_id in found.scales:
        raw = found.region_threshold_raw(region_id)
        above, below = math.nextafter(raw, math.inf), math.nextafter(raw, 0.0)
        assert found.region_verdict(region_id, raw) == "ok"  # a tie is ok
        assert found.region_verdict(region_id, above) == "ng"
        assert found.region_verdict(region_id, below) == "ok"
        assert found.deviation(region_id, above) > 0.5 == found.deviation(region_id, raw)
        assert found.deviation(region_id, below) < 0.5


def test_score_rises_with_the_raw_score_and_stays_in_range() -> None:
    found = one_region(0.01)
    scores = [found.deviation("all", r) for r in np.linspace(0, 50, 500)]
    assert (np.diff(scores) > 0).all()
    assert min(scores) >= 0.0
    assert max(scores) <= 1.0


def test_ranking_uses_ln_p_where_the_score_has_rounded_to_one() -> None:
    found = calibrate({"all": np.linspace(1, 2, 400).tolist()}, 0.5, cross_fitted=True)
    assert found.deviation("all", 1e9) == found.deviation("all", 1e12) == 1.0
    assert found.log_p("all", 1e12) < found.log_p("all", 1e9)


def test_deviation_refuses_what_has_no_meaning() -> None:
    with pytest.raises(InputError):
        deviation(-1.0, 0.0)
    with pytest.raises(InputError):
        deviation(0.5, -1.0)


@pytest.mark.parametrize("scores", [[0.0] * 12, [3.0] * 12, [0.0] * 11 + [1.0]])
def test_equal_and_zero_scores_still_give_a_usable_threshold(scores: list[float]) -> None:
    for alpha in (0.01, 0.1, 0.5):
        found = calibrate({"all": scores}, alpha, cross_fitted=True)
        raw = found.region_threshold_raw("all")
        assert raw > 0.0
        assert found.deviation("all", 0.0) == 0.0
        assert found.deviation("all", raw) == 0.5
        assert found.region_verdict("all", 100.0) == "ng"


# Several regions -----------------------------------------------------------------------------


def test_one_region_reduces_to_the_plain_rule() -> None:
    found = one_region()
    assert dict(found.scales) == {"all": RegionScale(0.0, 1.0)}
    assert found.curve.scores == tuple(sorted(SCORES))
    assert found.curve.origin == 0.0


def test_z_uses_median_and_spread_of_the_regions_normals() -> None:
    values = [float(v) for v in range(1, 12)]
    found = calibrate({"a": values, "b": values}, 0.1, cross_fitted=True)
    assert found.scales["a"].median == 6.0
    assert found.scales["a"].scale == pytest.approx(1.4826 * 3.0)
    assert found.image_score({"a": 6.0, "b": 11.0}) == found.scales["b"].z(11.0)


def test_image_score_is_the_largest_z_and_stops_the_image() -> None:
    found = three_regions()
    good = {k: s.median for k, s in found.scales.items()}
    for region_id in found.scales:
        raw = {**good, region_id: found.region_threshold_raw(region_id) * 1.001}
        assert found.image_score(raw) > found.threshold.raw
        verdicts = [found.region_verdict(k, v) for k, v in raw.items()]
        assert image_verdict(verdicts) == "ng"


def test_same_deviation_means_the_same_in_every_region() -> None:
    found = three_regions()
    z = 0.5 * found.threshold.raw
    scores = [found.deviation(k, s.raw(z)) for k, s in found.scales.items()]
    assert scores == pytest.approx([scores[0]] * 3, rel=1e-9)


def test_image_identical_to_the_reference_scores_0_in_every_region() -> None:
    found = three_regions()
    assert [found.deviation(k, 0.0) for k in found.scales] == [0.0, 0.0, 0.0]


def test_share_of_good_images_stopped_does_not_grow_with_the_number_of_regions() -> None:
    rng = np.random.default_rng(5)
    rates = []
    for _ in range(60):
        scores = {f"r{i}": rng.exponential(10.0**i, 40).tolist() for i in range(-3, 4)}
        found = calibrate(scores, 0.1, cross_fitted=False)
        fresh = np.stack([rng.exponential(10.0**i, 500) for i in range(-3, 4)])
        limits = np.array([found.region_threshold_raw(f"r{i}") for i in range(-3, 4)])
        rates.append((fresh > limits[:, None]).any(axis=0).mean())
    assert 0.05 < float(np.mean(rates)) < 0.11


def test_a_groups_z_is_taken_with_scales_estimated_without_it() -> None:
    base = [float(v) for v in range(1, 10)]
    outlier = {"a": [*base, 1000.0, 1001.0], "b": [*base, 5.0, 5.0]}
    apart = calibrate(outlier, 0.1, cross_fitted=True, groups=[*range(9), "burst", "burst"])
    alone = RegionScale(5.0, 1.4826 * 2.0)  # of 1..9 only
    assert apart.curve.scores[-1] == pytest.approx(alone.z(1001.0))
    assert apart.n_groups == 10
    assert "in 10 groups" in apart.words


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"a": [], "b": []},
        {"a": [1.0] * 5, "b": [1.0] * 6},
        {"a": [1.0, 2.0, 3.0, 4.0, math.nan]},
        {"a": [1.0, 2.0, 3.0, 4.0, -1.0]},
    ],
)
def test_unusable_region_scores_are_refused(scores: dict[str, list[float]]) -> None:
    with pytest.raises(InputError):
        calibrate(scores, 0.1, cross_fitted=True)


def test_group_labels_must_match_the_images() -> None:
    with pytest.raises(InputError, match="group labels"):
        calibrate({"a": SCORES}, 0.1, cross_fitted=True, groups=[1, 2])


# Overrides and decision points ---------------------------------------------------------------


def test_override_moves_one_region_alone_and_reopens_the_guarantee() -> None:
    found = three_regions()
    moved = found.with_override("b", 250.0, "A. Smith", "etching marks are accepted")
    assert moved.region_threshold_raw("b") == 250.0
    assert moved.region_threshold_raw("a") == found.region_threshold_raw("a")
    assert moved.deviation("a", 3.0) == found.deviation("a", 3.0)
    assert moved.deviation("b", 250.0) == 0.5
    assert moved.region_verdict("b", 249.0) == "ok"
    assert moved.region_verdict("b", 251.0) == "ng"
    assert (moved.region_status("b"), moved.region_status("a")) == ("manual", "certified")
    assert moved.status == "manual"
    assert moved.guarantee_upper is None
    assert "A. Smith" in moved.words
    assert "no longer holds" in moved.words
    assert found.guarantee_upper is not None  # the original is untouched


@pytest.mark.parametrize("raw", [0.0, -1.0, math.inf, math.nan])
def test_useless_override_is_refused(raw: float) -> None:
    with pytest.raises(OptionError, match="too low"):
        one_region().with_override("all", raw, "A. Smith", "test")


def test_override_without_who_or_why_or_for_an_unknown_region_is_refused() -> None:
    with pytest.raises(OptionError, match="who or why"):
        one_region().with_override("all", 3.0, " ", "test")
    with pytest.raises(OptionError, match="Known regions: all"):
        one_region().with_override("cap", 3.0, "A. Smith", "test")


def test_review_lies_between_the_decision_points_and_is_empty_by_default() -> None:
    found = one_region()
    assert (found.t_ng, found.t_review) == (0.5, 0.5)
    moved = found.with_decision_points(t_ng=0.8, t_review=0.4)
    low, high = moved.decision_raw("all", 0.4), moved.decision_raw("all", 0.8)
    assert low < found.region_threshold_raw("all") < high
    assert moved.deviation("all", high) == pytest.approx(0.8)
    cases = ((low * 0.99, "ok"), (0.5 * (low + high), "review"), (high * 1.01, "ng"))
    for raw, verdict in cases:
        assert moved.region_verdict("all", raw) == verdict
    assert moved.guarantee_upper is None


@pytest.mark.parametrize(("t_ng", "t_review"), [(0.4, 0.5), (1.0, 0.5), (0.5, 0.0)])
def test_contradicting_decision_points_are_refused(t_ng: float, t_review: float) -> None:
    with pytest.raises(OptionError, match="Decision points"):
        one_region().with_decision_points(t_ng, t_review)


# Verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regions", "verdict"),
    [
        (["ok", "ok"], "ok"),
        (["ok", "review"], "review"),
        (["invalid", "review"], "invalid"),
        (["invalid", "ok"], "invalid"),
        (["ng", "invalid", "review"], "ng"),
    ],
)
def test_image_verdict(regions: list[Verdict], verdict: Verdict) -> None:
    assert image_verdict(regions) == verdict


def test_a_region_whose_gate_failed_is_invalid() -> None:
    assert one_region().region_verdict("all", None) == "invalid"


def test_verdict_of_nothing_or_of_not_a_number_is_refused() -> None:
    with pytest.raises(InputError):
        image_verdict([])
    with pytest.raises(InputError):
        one_region().region_verdict("all", math.nan)


# Guarantee -----------------------------------------------------------------------------------


def test_guarantee_figures_of_the_contract() -> None:
    assert guarantee_upper(26, 1) == pytest.approx(0.109, abs=5e-4)
    assert normals_needed(0.01) == 299
    assert guarantee_upper(299, 1) <= 0.01 < guarantee_upper(298, 1)
    assert normals_to_certify(0.01) == 99
    assert normals_to_certify(0.1) == 9


@pytest.mark.parametrize(("n", "j"), [(5, 1), (26, 2), (100, 10), (400, 4)])
def test_guarantee_is_the_beta_quantile(n: int, j: int) -> None:
    assert guarantee_upper(n, j) == pytest.approx(float(stats.beta.ppf(0.95, j, n - j + 1)))


def test_guarantee_covers_in_95_of_100_repetitions() -> None:
    rng = np.random.default_rng(7)
    uniform = np.sort(rng.random((20_000, 26)), axis=1)
    stopped = 1.0 - uniform[:, -2]  # true share above the second largest
    assert (stopped <= guarantee_upper(26, 2)).mean() == pytest.approx(0.95, abs=0.01)


def test_words_say_what_more_normals_would_bring() -> None:
    words = one_region(0.01).words
    assert "26 held-out normals, none above" in words
    assert "at most 10.9 %" in words
    assert "estimated" in words  # cross-fitted
    assert "73 more normals would certify it" in words
    assert "299 normals" in words
    assert "273 more" in words


def test_words_without_cross_fitting_do_not_say_estimated() -> None:
    words = one_region(0.1, cross_fitted=False).words
    assert "26 held-out normals, 1 above" in words
    assert "estimated" not in words


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 299)])
def test_clopper_pearson_against_scipy(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_interval_of_impossible_counts_is_refused() -> None:
    with pytest.raises(InputError):
        clopper_pearson(3, 2)


# Region score --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "region", "k"),
    [(50.0, 10_000, 50), (500.0, 10_000, 100), (1.0, 10_000, 4), (50.0, 100, 4), (9.0, 3, 3)],
)
def test_k_is_the_defect_area_between_4_and_1_percent(defect: float, region: int, k: int) -> None:
    assert score_k(defect, region) == k


def test_empty_region_is_refused() -> None:
    with pytest.raises(InputError, match="exclusions"):
        score_k(10.0, 0)


def test_region_score_is_the_mean_of_the_k_largest() -> None:
    values = np.random.default_rng(2).random((40, 50)).astype(np.float32)
    slow = float(np.sort(values.ravel())[::-1][:7].astype(np.float64).mean())
    assert region_score(values, 7) == pytest.approx(slow, rel=1e-12)
    assert region_score(values[::-1], 7) == region_score(values, 7)
    assert region_score(values[:1, :3], 7) == pytest.approx(float(values[0, :3].mean()))


# Storage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [one_region(0.1), one_region(0.01), three_regions()])
def test_json_round_trip_keeps_every_digit(found: Calibration) -> None:
    region_id = next(iter(found.scales))
    raw = 2.0 * found.region_threshold_raw(region_id)
    found = found.with_override(region_id, raw, "A. Smith", "test")
    again = Calibration.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("unknown",), 1),
        (("threshold", "status"), "sure"),
        (("threshold", "raw"), "high"),
        (("threshold", "extra"), 1),
        (("threshold",), None),
        (("scales",), []),
        (("scales", "all"), {"median": 0.0}),
        (("scales", "all"), {"median": 0.0, "scale": 0.0}),
        (("overrides",), {"all": {"raw": 3.0, "who": 1, "why": "x"}}),
        (("overrides",), {"cap": {"raw": 3.0, "who": "x", "why": "x"}}),
        (("cross_fitted",), 1),
        (("n_groups",), 2.5),
        (("t_ng",), 0.1),
        (("curve", "k"), -1),
    ],
)
def test_damaged_calibration_is_refused(path: tuple[str, ...], value: object) -> None:
    data = json.loads(json.dumps(one_region().to_dict()))
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(BundleError):
        Calibration.from_dict(data)


def test_calibration_loads_without_scipy() -> None:
    code = "import sys, offspec.calibration; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
