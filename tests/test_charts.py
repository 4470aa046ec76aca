from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from offspec.chart_frame import Axis, bent_ticks, nice_ticks, number_text
from offspec.charts import (
    Interval,
    Marker,
    Series,
    histogram,
    interval_chart,
    line_chart,
    rate_curve,
    scatter,
    standalone,
)

SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart: str) -> ET.Element:
    return ET.fromstring(chart)  # noqa: S314 - our own text


def words(chart: str) -> str:
    return " ".join(t.text or "" for t in parsed(chart).iter(f"{SVG}text"))


def test_histogram_is_valid_svg_with_a_title_and_counts_every_value() -> None:
    chart = histogram(
        [Series("good", [1, 1, 2], "ok"), Series("bad", [9], "ng")],
        title="Scores",
        x_label="raw score",
    )
    root = parsed(chart)
    assert root.find(f"{SVG}title").text == "Scores"  # type: ignore[union-attr]
    assert "good (3)" in words(chart)
    assert "bad (1)" in words(chart)


def test_threshold_is_drawn_with_its_status() -> None:
    chart = histogram(
        [Series("good", [1.0, 2.0], "ok")],
        title="s",
        x_label="x",
        threshold=Marker(3.0, "threshold (extrapolated)"),
    )
    assert "threshold (extrapolated)" in words(chart)
    assert 'class="limit"' in chart


def test_threshold_outside_the_data_stays_inside_the_picture() -> None:
    chart = histogram(
        [Series("good", [1.0, 2.0], "ok")], title="s", x_label="x", threshold=Marker(50.0, "far")
    )
    line = next(e for e in parsed(chart).iter(f"{SVG}line") if e.get("class") == "limit")
    assert 54 <= float(line.get("x1", "0")) <= 544


def test_wide_scores_bend_the_axis_and_say_so() -> None:
    narrow = histogram([Series("a", [1, 2, 3])], title="s", x_label="score")
    wide = histogram(
        [Series("a", [1, 2, 3, 4000])], title="s", x_label="score", threshold=Marker(5, "t")
    )
    assert "compressed" not in narrow
    assert "score (axis compressed)" in wide


def test_values_that_are_not_finite_are_left_out() -> None:
    chart = histogram([Series("a", [1.0, float("inf"), float("nan"), 2.0])], title="s", x_label="x")
    assert "a (2)" in words(chart)
    assert "nan" not in chart


@pytest.mark.parametrize("values", [[], [float("nan")]])
def test_no_scores_is_said(values: list[float]) -> None:
    chart = histogram([Series("a", values)], title="s", x_label="x")
    assert "No scores to show." in words(chart)


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [5.0, 5.0], [-3.0, -3.0], [1e-12]])
def test_equal_scores_still_make_a_chart(values: list[float]) -> None:
    assert parsed(histogram([Series("a", values)], title="s", x_label="x")).tag == f"{SVG}svg"


def test_words_are_escaped() -> None:
    chart = histogram([Series("<b>&", [1, 2])], title='"<x>', x_label="a & b")
    assert "<b>" not in chart
    assert "a & b" in words(chart)


def test_roc_marks_the_operating_point() -> None:
    chart = rate_curve(
        [0, 0.5, 1],
        [0, 1, 1],
        title="ROC",
        x_label="x",
        y_label="y",
        operating=(0.5, 1.0),
        diagonal=True,
    )
    ring = next(parsed(chart).iter(f"{SVG}circle"))
    assert float(ring.get("cx", "0")) == pytest.approx(54 + 0.5 * (560 - 70))
    assert float(ring.get("cy", "0")) == pytest.approx(30)


def test_a_curve_of_many_points_is_thinned() -> None:
    xs = [i / 50_000 for i in range(50_001)]
    assert len(rate_curve(xs, xs, title="t", x_label="x", y_label="y")) < 60_000


def test_undefined_curve_is_said() -> None:
    assert "Undefined" in words(rate_curve([], [], title="t", x_label="x", y_label="y"))


def test_line_chart_with_a_band_and_log_axis() -> None:
    series = Series("AU-PRO", [0.4, 0.6, 0.7], "ok", [1, 5, 25], [0.3, 0.5, 0.6], [0.5, 0.7, 0.8])
    chart = line_chart([series], title="t", x_label="normals", y_label="AU-PRO", log_x=True)
    dots = [float(c.get("cx", "0")) for c in parsed(chart).iter(f"{SVG}circle")]
    assert dots == sorted(dots)
    assert dots[1] - dots[0] > 60
    assert "25" in words(chart)


def test_scatter_and_interval_chart_hold_every_point() -> None:
    chart = scatter([Series("good", [1, -1], "ok", [0, 2])], title="t", x_label="x", y_label="y")
    assert len(list(parsed(chart).iter(f"{SVG}circle"))) == 2
    rows = [Interval("found", 0.9, 0.7, 0.98, note="9 of 10"), Interval("stopped", 0, 0, 0.2)]
    table = interval_chart(rows, title="rates")
    assert len(list(parsed(table).iter(f"{SVG}circle"))) == 2
    assert "9 of 10" in words(table)


@pytest.mark.parametrize(
    "chart",
    [
        line_chart([], title="t", x_label="x", y_label="y"),
        scatter([], title="t", x_label="x", y_label="y"),
        interval_chart([], title="t"),
    ],
)
def test_empty_charts_say_so(chart: str) -> None:
    assert "to show" in words(chart)


def test_standalone_carries_its_style() -> None:
    chart = standalone(scatter([Series("a", [1], "ok", [1])], title="t", x_label="x", y_label="y"))
    assert "<style>" in chart
    assert parsed(chart).tag == f"{SVG}svg"


def test_ticks_are_round_and_inside() -> None:
    assert nice_ticks(0, 10) == (0, 2, 4, 6, 8, 10)
    ticks = bent_ticks(0, 5000, 5)
    assert ticks[0] == 0
    assert max(ticks) <= 5000
    assert all(re.fullmatch(r"[125]?0*(\.0)?", f"{t:g}") or t == 0 for t in ticks)


def test_bent_axis_inverts() -> None:
    axis = Axis(0, 1000, knee=3)
    for value in (0, 1, 3, 50, 1000):
        assert axis.value(axis.share(value)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.5, "0.5"), (1234.5, "1234"), (1e6, "1e6"), (2e-5, "2e-5")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text
