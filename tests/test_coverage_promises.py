"""The benchmarks that hold promises against simulations give rows that can be joined."""

from __future__ import annotations

from benchmarks import coverage_pod, coverage_promises

KEYS = {"what", "promised", "achieved", "draws", "how"}


def test_rows_of_the_guarantee_hold_what_is_promised() -> None:
    rows = coverage_promises.rows(200, 0)
    assert len(rows) == 24
    for row in rows:
        assert row.keys() == KEYS
        assert row["promised"] == 0.95
        assert row["achieved"] > 0.89, row  # 200 draws: four standard errors below 95 %


def test_rows_of_the_probability_of_detection_have_the_same_form() -> None:
    rows = coverage_pod.rows(4, 0)
    assert len(rows) == len(coverage_pod.WORLDS)
    assert all(row.keys() == KEYS and 0 <= row["achieved"] <= 1 for row in rows)


def test_the_simulated_a90_is_that_of_the_curve() -> None:
    plain = coverage_pod.Truth("", 8, 4, 60)
    assert abs(plain.probability(plain.a90()) - 0.9) < 1e-6
