"""The protocols of the benchmark runners, on cases small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import costs as costs_bench
from benchmarks import coverage_costs
from benchmarks.deeppcb import Box, box_mask, read_boxes, score_mask, summary
from benchmarks.promise import SplitScores, central_interval, outcome, summarise
from offspec.operating_points import Costs, Points
from offspec.score_curve import ScoreCurve

SIZE = (60, 60)


def flagged(*rects: tuple[int, int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.zeros(SIZE, np.bool_)
    for y0, y1, x0, x1 in rects:
        mask[y0:y1, x0:x1] = True
    return mask


def test_boxes_are_read_in_any_corner_order(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("30 20 10 5 4\n\n")
    assert read_boxes(path) == (Box(10, 5, 30, 20, 4),)


def test_a_box_grows_on_every_side_and_stays_inside_the_image() -> None:
    assert box_mask([Box(0, 10, 4, 14, 1)], SIZE, 5).sum() == 14 * 9


def test_a_component_mostly_in_a_box_finds_it() -> None:
    score = score_mask(flagged((20, 30, 20, 30)), [Box(18, 18, 32, 32, 1)], 4)
    assert score.found == (True,)
    assert score.false_components == 0
    assert score.outside_px == 0


def test_a_component_mostly_outside_is_false_and_finds_nothing() -> None:
    score = score_mask(flagged((20, 24, 5, 55)), [Box(20, 18, 30, 32, 1)], 4)
    assert score.found == (False,)
    assert score.false_components == 1
    assert score.outside_px == 4 * 40


def test_a_component_in_the_grown_rim_only_is_true_but_finds_nothing() -> None:
    score = score_mask(flagged((20, 24, 15, 18)), [Box(18, 18, 32, 32, 1)], 4)
    assert score.found == (False,)
    assert score.false_components == 0


def test_specks_under_the_least_area_do_not_count() -> None:
    score = score_mask(flagged((2, 3, 2, 5), (50, 52, 50, 53)), [Box(18, 18, 32, 32, 1)], 4)
    assert score.false_components == 1
    assert score.outside_px == 6


def test_summary_pools_pairs() -> None:
    one = score_mask(flagged((20, 30, 20, 30)), [Box(18, 18, 32, 32, 1)], 4)
    two = score_mask(flagged(), [Box(1, 1, 9, 9, 2), Box(20, 20, 30, 30, 2)], 4)
    figures = summary([one, two])
    assert figures["recall"] == pytest.approx(1 / 3)
    assert figures["false_components_per_image"] == 0.0


def test_the_interval_holds_95_percent_of_exchangeable_counts() -> None:
    rng = np.random.default_rng(0)
    low, high = central_interval(20, 2, 25)
    counts = [
        int((rng.random(20) > np.sort(rng.random(25))[-2]).sum())
        for _ in range(4000)
    ]  # fmt: skip
    share = np.mean([low <= count <= high for count in counts])
    assert share >= 0.945


def test_outcomes_count_only_scores_above_the_threshold() -> None:
    scores = SplitScores(
        ScoreCurve.from_scores(np.arange(1.0, 20.0)),
        np.array([18.0, 18.5, 19.0, 2.0]),
        np.array([30.0, 1.0]),
    )
    result = outcome(scores, 0.10)
    assert (result.rank_j, result.status) == (2, "certified")
    assert result.above == 2
    assert result.detected == 0.5
    row = summarise([result, result])
    assert row["achieved_rate"] == 0.5
    assert row["inside_interval"] == float(bool(result.inside))


def test_an_extrapolated_threshold_is_judged_by_its_mean_rate() -> None:
    quiet = SplitScores(ScoreCurve.from_scores(np.arange(1.0, 20.0)), np.zeros(50), np.array([]))
    row = summarise([outcome(quiet, 0.01)])
    assert row["status"] == "extrapolated"
    assert row["passes"] is False
    assert row["detection_rate"] is None


def test_no_thresholds_beat_the_oracle_of_costs() -> None:
    rng = np.random.default_rng(4)
    good, bad = rng.exponential(0.3, 30), 0.5 + rng.exponential(0.6, 20)
    made = costs_bench.Scores(rng.exponential(0.3, 20), good, bad)
    for row in costs_bench.run_set("made", made, 5, 0.5, 0):
        assert row["excess"] >= -1e-12
        assert row["excess_fixed"] >= -1e-12
        assert row["excess_test"] >= -1e-12
        assert row["inside"] >= 0.8
    costs = Costs(10.0, 1.0, 0.5, 0.1)
    best = costs_bench.oracle(costs, good, bad)
    for review in (0.0, 0.4, 0.8, 1.2):
        for ng in (review, review + 0.5, 9.0):
            assert costs_bench.counted(costs, Points(review, ng), good, bad) >= best - 1e-12


def test_coverage_of_limits_is_at_least_what_is_promised() -> None:
    for row in coverage_costs.simulated_limits(60, 0):
        assert row["promised"] == 0.95
        assert row["achieved"] >= 0.88  # 0.95 less three standard errors of 60 draws
