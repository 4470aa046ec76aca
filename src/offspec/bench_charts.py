"""Charts of ``offspec bench``: bars with their values, and quality against cost with names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from offspec.chart_frame import (
    BOTTOM,
    COLOURS,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Frame,
    Tone,
    axes,
    empty,
    nice_ticks,
    number_text,
    wrap,
)

_ROW = 34.0  # a line of words over a bar
_BAR = 11.0
_LETTER = 6.4  # width of one at 12 px, on average


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        value: None draws the note alone.
        spread: Drawn as a whisker to both sides.
        note: Behind the name, as why there is no value.
    """

    name: str
    value: float | None
    tone: Tone = "ok"
    spread: float | None = None
    note: str = ""


def bars(rows: Sequence[Bar], *, title: str, digits: int, top: float | None = None) -> str:
    """Horizontal bars from zero, the name above each and the value behind it.

    Args:
        rows: From top to bottom.
        title: For screen readers.
        digits: Of the values, behind the point.
        top: Where the scale ends; None = at the largest value.
    """
    values = [row.value for row in rows if row.value is not None]
    if not rows or (not values and not any(row.note for row in rows)):
        return empty(title, "Nothing to show.")
    end = top or max([*values, 0.0]) or 1.0
    span = WIDTH - 92
    parts = []
    for at, row in enumerate(rows):
        y = at * _ROW + 6
        parts.append(f'<text class="name" x="0" y="{y + 10:.1f}">{escape(_short(row))}</text>')
        if row.value is None:
            continue
        width = max(span * min(row.value / end, 1.0), 1.5)
        parts.append(
            f'<rect x="0" y="{y + 15:.1f}" width="{span:.1f}" height="{_BAR}" rx="3" '
            'fill="var(--calm-bg,#e9edf1)"/>'
            f'<rect x="0" y="{y + 15:.1f}" width="{width:.1f}" height="{_BAR}" rx="3" '
            f'fill="{COLOURS[row.tone]}"/>'
        )
        words = f"{row.value:.{digits}f}"
        if row.spread is not None:
            words += f" ± {row.spread:.{digits}f}"
            half = span * row.spread / end
            parts.append(
                f'<line class="limit" style="stroke-dasharray:none" y1="{y + 20.5:.1f}" '
                f'y2="{y + 20.5:.1f}" x1="{max(width - half, 0):.1f}" '
                f'x2="{min(width + half, span):.1f}"/>'
            )
        parts.append(f'<text x="{span + 8:.1f}" y="{y + 25:.1f}">{words}</text>')
    return wrap(WIDTH, len(rows) * _ROW + 8, title, parts)


def _short(row: Bar) -> str:
    """Name and note, as long as they fit a line."""
    words = f"{row.name}: {row.note}" if row.note else row.name
    most = int(WIDTH / (_LETTER + 0.8))
    return words if len(words) <= most else words[: most - 1] + "…"


@dataclass(frozen=True, slots=True)
class Place:
    """A named point of ``trade_off``."""

    name: str
    x: float
    y: float
    tone: Tone = "ok"


def trade_off(places: Sequence[Place], *, title: str, x_label: str, y_label: str) -> str:
    """Points with their names beside them; the horizontal axis is logarithmic."""
    shown = [p for p in places if p.x > 0 and math.isfinite(p.x) and math.isfinite(p.y)]
    if not shown:
        return empty(title, "No points to show.")
    low, high = min(p.x for p in shown) / 1.8, max(p.x for p in shown) * 1.8
    bottom, top = min(p.y for p in shown), max(p.y for p in shown)
    air = max(0.12 * (top - bottom), 0.01)
    bottom, top = max(bottom - air, 0.0), min(top + air, 1.0) if top <= 1 else top + air
    y_axis = Axis(bottom, top, y_label, ticks=nice_ticks(bottom, top, 5))
    x_axis = Axis(math.log10(low), math.log10(high), x_label)
    frame = Frame(x_axis, y_axis, height=380.0)
    parts = [axes(frame), _decades(frame, low, high)]
    dots = [(frame.px(math.log10(p.x)), frame.py(p.y)) for p in shown]
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLOURS[p.tone]}"/>'
        for p, (x, y) in zip(shown, dots, strict=True)
    ]
    parts += _names([p.name for p in shown], dots, frame)
    return wrap(frame.width, frame.height, title, parts)


def _decades(frame: Frame, low: float, high: float) -> str:
    """Ticks at 1, 2 and 5 of each decade."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    y0, parts = frame.height - BOTTOM, []
    for tick in (m * 10.0**e for e in exponents for m in (1, 2, 5)):
        if low <= tick <= high:
            x = frame.px(math.log10(tick))
            parts.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{y0 + 4:.1f}"/>'
                f'<text x="{x:.1f}" y="{y0 + 18:.1f}" text-anchor="middle">{number_text(tick)}'
                "</text>"
            )
    return "".join(parts)


_Box = tuple[float, float, float, float]


def _names(names: Sequence[str], dots: Sequence[tuple[float, float]], frame: Frame) -> list[str]:
    """A name beside each dot, where it covers no other dot and no other name."""
    taken: list[_Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in dots]
    parts = []
    for name, (x, y) in zip(names, dots, strict=True):
        wide = 1.15 * _LETTER * len(name) + 2  # names are bold
        boxes = [_box(x, y, wide, step, side, frame) for step in range(9) for side in (1, -1)]
        box = min(boxes, key=lambda one: (_overlaps(one, taken), boxes.index(one)))
        taken.append(box)
        if abs(box[1] + 7 - y) > 12:  # far from its dot: a line says which one it is
            parts.append(
                f'<line class="axis" x1="{x:.1f}" y1="{y:.1f}" '
                f'x2="{min(max(x, box[0]), box[2]):.1f}" y2="{box[1] + 7:.1f}"/>'
            )
        parts.append(
            f'<text class="name halo" x="{box[0]:.1f}" y="{box[1] + 11:.1f}">{escape(name)}</text>'
        )
    return parts


def _box(x: float, y: float, wide: float, step: int, side: int, frame: Frame) -> _Box:
    """Where a name would lie: beside the dot, ``step`` half lines up or down in turns."""
    away = (step + 1) // 2 * 15 * (1 if step % 2 else -1)
    left = x + 10 if side > 0 else x - 9 - wide
    left = min(max(left, LEFT + 2), frame.width - RIGHT - wide)
    upper = min(max(y - 7 + away, TOP), frame.height - BOTTOM - 15)
    return left, upper, left + wide, upper + 14


def _overlaps(box: _Box, taken: Sequence[_Box]) -> float:
    """Area that a box shares with others."""
    total = 0.0
    for other in taken:
        wide = min(box[2], other[2]) - max(box[0], other[0])
        high = min(box[3], other[3]) - max(box[1], other[1])
        total += max(wide, 0.0) * max(high, 0.0)
    return total
