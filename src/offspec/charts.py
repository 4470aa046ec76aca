"""Small charts as inline SVG text: no plotting library, no script, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from offspec.chart_frame import (
    BOTTOM,
    CHART_CSS,
    COLOURS,
    TOP,
    WIDTH,
    Axis,
    Frame,
    Tone,
    axes,
    bent_ticks,
    count_ticks,
    empty,
    finish,
    nice_ticks,
    padded,
    wrap,
)


@dataclass(frozen=True, slots=True)
class Series:
    """A named set of numbers.

    Attributes:
        values: Scores for a histogram; y values for lines and points.
        x: Positions on the horizontal axis, as many as ``values``; unused by histograms.
        low: Lower end of an uncertainty band, as many as ``values``, or empty.
        high: Upper end of it.
    """

    name: str
    values: Sequence[float]
    tone: Tone = "plain"
    x: Sequence[float] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Marker:
    """A vertical line, such as a threshold, with its words."""

    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of an interval chart: a rate in [0, 1] with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float
    tone: Tone = "plain"
    note: str = ""


def histogram(
    groups: Sequence[Series],
    *,
    title: str,
    x_label: str,
    threshold: Marker | None = None,
    x_range: tuple[float, float] | None = None,
    bins: int = 36,
) -> str:
    """Overlaid histograms with a tick per value below; bends its axis when scores spread widely.

    Values that are not finite are left out. With nothing to draw the chart says so.
    """
    clean = [(g, [float(v) for v in g.values if math.isfinite(v)]) for g in groups]
    values = [v for _, vs in clean for v in vs]
    if not values:
        return empty(title, "No scores to show.")
    axis = _score_axis(values, threshold, x_range, x_label)
    edges = [axis.value(i / bins) for i in range(bins + 1)]
    counts = [
        np.histogram([min(max(v, edges[0]), edges[-1]) for v in vs], edges)[0] for _, vs in clean
    ]
    top = max(1, *(int(c.max()) for c in counts))
    frame = Frame(axis, Axis(0, top * 1.08, "images", ticks=count_ticks(top)))
    parts = [axes(frame)]
    for (group, _), count in zip(clean, counts, strict=True):
        parts.append(_bars(frame, edges, count, group.tone))
    for row, (group, vs) in enumerate(clean):
        parts.append(_rug(frame, vs, group.tone, row))
    if threshold is not None:
        parts.append(_limit(frame, threshold))
    named = [(f"{g.name} ({len(vs)})", g.tone) for g, vs in clean]
    return finish(frame, title, parts, named)


def rate_curve(
    x: Sequence[float],
    y: Sequence[float],
    *,
    title: str,
    x_label: str,
    y_label: str,
    operating: tuple[float, float] | None = None,
    diagonal: bool = False,
    steps: bool = False,
) -> str:
    """A curve of two rates in [0, 1], such as ROC or precision against recall.

    ``operating`` is the point of the shipped threshold, drawn as a ring; ``diagonal`` draws the
    line of guessing; ``steps`` holds each value until the next.
    """
    if len(x) < 2:
        return empty(title, "Undefined for these images.")
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    frame = Frame(Axis(0, 1, x_label, ticks=ticks), Axis(0, 1, y_label, ticks=ticks))
    points = _thin([(frame.px(a), frame.py(b)) for a, b in zip(x, y, strict=True)], steps)
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    parts = [axes(frame)]
    if diagonal:
        parts.append(
            f'<line class="axis" stroke-dasharray="4 4" x1="{frame.px(0):.1f}" '
            f'y1="{frame.py(0):.1f}" x2="{frame.px(1):.1f}" y2="{frame.py(1):.1f}"/>'
        )
    base = f"{points[0][0]:.1f},{frame.py(0):.1f} {path} {points[-1][0]:.1f},{frame.py(0):.1f}"
    parts.append(f'<polygon points="{base}" fill="{COLOURS["ok"]}" opacity=".10"/>')
    parts.append(
        f'<polyline points="{path}" fill="none" stroke="{COLOURS["ok"]}" stroke-width="2.2" '
        'stroke-linejoin="round"/>'
    )
    if operating is not None:
        px, py = frame.px(operating[0]), frame.py(operating[1])
        parts.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5.5" fill="var(--card,#fff)" '
            f'stroke="{COLOURS["ng"]}" stroke-width="2.5"/>'
        )
    named: list[tuple[str, Tone]] = [] if operating is None else [("at the threshold", "ng")]
    return finish(frame, title, parts, named)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
    log_x: bool = False,
) -> str:
    """Lines with dots and optional bands, such as a learning curve over the number of normals."""
    xs = [float(v) for s in series for v in s.x]
    ys = [float(v) for s in series for v in (*s.values, *s.low, *s.high) if math.isfinite(v)]
    if not xs or not ys:
        return empty(title, "No points to show.")
    low, high = y_range if y_range is not None else padded(min(ys), max(ys))
    marks = tuple(sorted(set(xs))) if len(set(xs)) <= 8 else nice_ticks(min(xs), max(xs))
    knee = max(1e-9, min(v for v in xs if v > 0) / 3) if log_x and max(xs) > 0 else 0.0
    x_axis = Axis(min(xs), max(xs), x_label, knee, marks)
    frame = Frame(x_axis, Axis(low, high, y_label, ticks=nice_ticks(low, high)))
    parts = [axes(frame)]
    for s in series:
        colour = COLOURS[s.tone]
        if s.low and s.high:
            ring = [*zip(s.x, s.high, strict=True), *reversed([*zip(s.x, s.low, strict=True)])]
            band = " ".join(f"{frame.px(a):.1f},{frame.py(b):.1f}" for a, b in ring)
            parts.append(f'<polygon points="{band}" fill="{colour}" opacity=".14"/>')
        dots = [(frame.px(a), frame.py(b)) for a, b in zip(s.x, s.values, strict=True)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in dots)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
        )
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.4" fill="{colour}"/>' for a, b in dots]
    return finish(frame, title, parts, [(s.name, s.tone) for s in series])


def scatter(
    groups: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Points in groups, such as the displacement of every image; zero lines stand out."""
    xs = [float(v) for g in groups for v in g.x]
    ys = [float(v) for g in groups for v in g.values]
    if not xs:
        return empty(title, "No points to show.")
    x_low, x_high = x_range if x_range is not None else padded(min(*xs, 0.0), max(*xs, 0.0))
    y_low, y_high = y_range if y_range is not None else padded(min(*ys, 0.0), max(*ys, 0.0))
    frame = Frame(
        Axis(x_low, x_high, x_label, ticks=nice_ticks(x_low, x_high)),
        Axis(y_low, y_high, y_label, ticks=nice_ticks(y_low, y_high)),
    )
    x, y = frame.px(min(max(0.0, x_low), x_high)), frame.py(min(max(0.0, y_low), y_high))
    parts = [
        axes(frame),
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.py(y_low):.1f}" '
        f'y2="{frame.py(y_high):.1f}"/>'
        f'<line class="axis" x1="{frame.px(x_low):.1f}" x2="{frame.px(x_high):.1f}" '
        f'y1="{y:.1f}" y2="{y:.1f}"/>',
    ]
    for g in groups:
        parts += [
            f'<circle cx="{frame.px(a):.1f}" cy="{frame.py(b):.1f}" r="3.6" '
            f'fill="{COLOURS[g.tone]}" fill-opacity=".62"/>'
            for a, b in zip(g.x, g.values, strict=True)
        ]
    return finish(frame, title, parts, [(f"{g.name} ({len(g.x)})", g.tone) for g in groups])


def cost_chart(
    series: Sequence[Series],
    markers: Sequence[Marker],
    *,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """Costs over a threshold, with marked thresholds; the y axis begins at 0."""
    ys = [float(v) for s in series for v in s.values if math.isfinite(v)]
    if not ys:
        return empty(title, "No costs to show.")
    # What stopping everything costs would flatten the part where one decides.
    top = min(max(ys), 3.0 * max(float(np.median(s.values)) for s in series) + 1e-9)
    frame = Frame(
        Axis(0.0, 1.0, x_label, ticks=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        Axis(0.0, top * 1.05, y_label, ticks=nice_ticks(0.0, top)),
    )
    parts = [axes(frame)]
    for s in series:
        points = " ".join(
            f"{frame.px(a):.1f},{frame.py(min(float(b), top * 1.05)):.1f}"
            for a, b in zip(s.x, s.values, strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[s.tone]}" '
            'stroke-width="2.2"/>'
        )
    for row, marker in enumerate(sorted(markers, key=lambda one: one.value)):
        parts.append(_limit(frame, marker, row))
    return finish(frame, title, parts, [(s.name, s.tone) for s in series])


def reliability_chart(bins: Sequence[tuple[float, float, float, float]], *, title: str) -> str:
    """Predicted against counted shares with their intervals; on the diagonal is right.

    Args:
        bins: Mean prediction, counted share, and the ends of its interval, all in [0, 1].
        title: Of the chart.
    """
    if not bins:
        return empty(title, "No predictions to show.")
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    frame = Frame(Axis(0, 1, "predicted", ticks=ticks), Axis(0, 1, "counted", ticks=ticks))
    parts = [
        axes(frame),
        f'<line class="axis" stroke-dasharray="4 4" x1="{frame.px(0):.1f}" y1="{frame.py(0):.1f}" '
        f'x2="{frame.px(1):.1f}" y2="{frame.py(1):.1f}"/>',
    ]
    colour = COLOURS["calm"]
    for predicted, counted, low, high in bins:
        x = frame.px(predicted)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.py(low):.1f}" y2="{frame.py(high):.1f}" '
            f'stroke="{colour}" stroke-width="7" stroke-opacity=".28" stroke-linecap="round"/>'
            f'<circle cx="{x:.1f}" cy="{frame.py(counted):.1f}" r="5" fill="{colour}"/>'
        )
    return finish(frame, title, parts, [])


def standalone(chart: str) -> str:
    """A chart as the text of its own SVG file: style inside, on white."""
    start = chart.index(">") + 1
    style = f"<style>{CHART_CSS}</style><rect width='100%' height='100%' fill='#fff'/>"
    return f"{chart[:start]}{style}{chart[start:]}\n"


def interval_chart(rows: Sequence[Interval], *, title: str) -> str:
    """Rates with their 95 % intervals, one row each, on a common scale from 0 to 100 %."""
    if not rows:
        return empty(title, "No rates to show.")
    left, row_height, width = 182.0, 34.0, WIDTH
    height = 16 + row_height * len(rows) + 30
    span = width - left - 30

    def px(value: float) -> float:
        return left + value * span

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = px(tick)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="8" y2="{height - 24:.1f}"/>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{height - 8:.1f}" text-anchor="middle">{tick:.0%}</text>'
        )
    for i, row in enumerate(rows):
        y = 16 + row_height * (i + 0.5)
        colour = COLOURS[row.tone]
        parts.append(
            f'<text class="name" x="{left - 14:.1f}" y="{y:.1f}" text-anchor="end">'
            f"{escape(row.name)}</text>"
            f'<text x="{left - 14:.1f}" y="{y + 13:.1f}" text-anchor="end" font-size="10.5">'
            f"{escape(row.note)}</text>"
            f'<line x1="{px(row.low):.1f}" x2="{px(row.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{colour}" stroke-width="7" stroke-opacity=".28" stroke-linecap="round"/>'
            f'<circle cx="{px(row.value):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'
        )
    return wrap(width, height, title, parts)


def _score_axis(
    values: list[float],
    threshold: Marker | None,
    x_range: tuple[float, float] | None,
    label: str,
) -> Axis:
    """The axis of a histogram; bent when the largest score is far beyond the middle ones."""
    shown = [*values, *([] if threshold is None else [threshold.value])]
    low, high = x_range if x_range is not None else padded(min(shown), max(shown))
    if x_range is None and min(shown) >= 0:
        low = 0.0
    middle = float(np.median(np.abs(shown)))
    scale = max(middle, 0.0 if threshold is None else abs(threshold.value))
    knee = scale if x_range is None and scale > 0 and high > 8 * scale else 0.0
    ticks = bent_ticks(low, high, knee) if knee else nice_ticks(low, high)
    return Axis(low, high, label + (" (axis compressed)" if knee else ""), knee, ticks)


def _bars(
    frame: Frame, edges: Sequence[float], counts: Sequence[int] | np.ndarray, tone: Tone
) -> str:
    """Bars of one group, half transparent so that overlaps show."""
    base = frame.py(0)
    bars = []
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            x, y = frame.px(left), frame.py(float(count))
            bars.append(
                f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{frame.px(right) - x - 1:.1f}" '
                f'height="{base - y:.1f}" rx="1.5"/>'
            )
    return f'<g fill="{COLOURS[tone]}" fill-opacity=".62">{"".join(bars)}</g>'


def _rug(frame: Frame, values: Sequence[float], tone: Tone, row: int) -> str:
    """A short tick per value just below the axis; at most 400 a group."""
    step = max(1, len(values) // 400)
    y = frame.py(0) + 1 + 2.2 * row
    ticks = [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 3.5:.1f}"/>'
        for x in (frame.px(min(max(v, frame.x.low), frame.x.high)) for v in sorted(values)[::step])
    ]
    return f'<g stroke="{COLOURS[tone]}" stroke-width="1.2" opacity=".8">{"".join(ticks)}</g>'


def _limit(frame: Frame, marker: Marker, row: int = 0) -> str:
    """A dashed vertical line with its words on the roomier side, ``row`` lines down."""
    x = frame.px(min(max(marker.value, frame.x.low), frame.x.high))
    right = x < frame.width * 0.58
    anchor, dx = ("start", 6) if right else ("end", -6)
    return (
        f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" '
        f'y2="{frame.height - BOTTOM}"/>'
        f'<text class="name halo" x="{x + dx:.1f}" y="{TOP + 12 + 15 * row}" '
        f'text-anchor="{anchor}">'
        f"{escape(marker.words)}</text>"
    )


def _thin(points: list[tuple[float, float]], steps: bool) -> list[tuple[float, float]]:
    """Drop points closer than a third of a pixel; add corners where steps are wanted."""
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= 0.34:
            kept.append(point)
    kept.append(points[-1])
    if not steps:
        return kept
    out = [kept[0]]
    for before, after in pairwise(kept):
        out += [(before[0], after[1]), after]
    return out
