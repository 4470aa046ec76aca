"""The benchmark of promised against achieved coverage runs, and its simulation is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage_study import (
    difference_rows,
    drawn_pairs,
    drawn_study,
    rate_rows,
    wrong_chances,
)


def test_parts_are_as_alike_as_asked() -> None:
    """Intraclass correlation of beta-binomial decisions: variance / (mean (1 - mean))."""
    chances = wrong_chances(np.random.default_rng(0), 200_000, 0.1, 0.3)
    assert chances.mean() == pytest.approx(0.1, rel=0.02)
    assert chances.var() / (0.1 * 0.9) == pytest.approx(0.3, rel=0.03)
    assert np.ptp(wrong_chances(np.random.default_rng(0), 10, 0.1, 0.0)) == 0


def test_studies_and_pairs_are_drawn_as_asked() -> None:
    rng = np.random.default_rng(1)
    study = drawn_study(rng, 3000, 1500, 0.1, 0.3)
    assert int(study.bad.sum()) == 1500
    assert study.wrong("A").sum() / study.totals("A").sum() == pytest.approx(0.1, rel=0.1)
    pairs = drawn_pairs(rng, 100_000, 0.05, 0.10, 0.70)
    assert pairs.difference == pytest.approx(-0.05, abs=0.005)


def test_what_is_shown_holds_its_promise_in_a_short_run() -> None:
    """60 draws a row: three standard errors below 95 % is 86.5 %."""
    rng = np.random.default_rng(2)
    rows = [*rate_rows(60, rng), *difference_rows(60, rng)]
    shown = [row for row in rows if "(shown)" in row["what"]]
    assert len(shown) == 35
    assert min(row["achieved"] for row in shown) >= 0.865
