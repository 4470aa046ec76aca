from __future__ import annotations

from benchmarks.network_speed import measure, operator_times, timings
from offspec.backbones import BACKBONES


def test_every_run_of_every_backbone_is_timed() -> None:
    found = timings(["bank", "embedded"], 64, threads=1, runs=3)
    assert {name: len(ms) for name, ms in found.items()} == {"bank": 3, "embedded": 3}
    assert all(value > 0 for ms in found.values() for value in ms)


def test_operators_are_named_with_the_slowest_first() -> None:
    found = operator_times("embedded", 64, threads=1, runs=2)
    assert {"Conv", "Log", "Pad"} <= found.keys()
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_there_is_a_row_for_every_backbone_and_side() -> None:
    rows = measure(1, 1, profile=False)
    assert {(r["backbone"], r["side"]) for r in rows} == {
        (b, s) for b in BACKBONES for s in (256, 512)
    }
    assert all(r["min_ms"] <= r["median_ms"] <= r["p95_ms"] for r in rows)
