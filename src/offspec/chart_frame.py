"""Axes, frames and finished SVG for ``offspec.charts``.

Colours are CSS variables with a light fallback, so that a page can set them (``CHART_CSS``) and a
file saved on its own still shows. Every chart carries a title for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Tone = Literal["ok", "ng", "calm", "warn", "plain"]

CHART_CSS = """
.chart{width:100%;height:auto;display:block;font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.chart text{fill:var(--ink-2,#51606e)}
.chart .name{fill:var(--ink,#16202a);font-weight:600}
.chart .grid{stroke:var(--line,#dfe5ea);stroke-width:1}
.chart .axis{stroke:var(--line-2,#aab6c0);stroke-width:1}
.chart .limit{stroke:var(--ink,#16202a);stroke-width:1.5;stroke-dasharray:5 4}
.chart .halo{paint-order:stroke;stroke:var(--card,#fff);stroke-width:4px;stroke-linejoin:round}
"""

COLOURS: dict[Tone, str] = {
    "ok": "var(--ok,#2b6cb0)",
    "ng": "var(--ng,#c2452d)",
    "calm": "var(--calm,#8a97a3)",
    "warn": "var(--warn,#b7791f)",
    "plain": "var(--ink,#16202a)",
}
WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 16.0, 30.0, 46.0


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis; ``knee`` > 0 bends it: linear below the knee, logarithmic far above."""

    low: float
    high: float
    label: str = ""
    knee: float = 0.0
    ticks: tuple[float, ...] = ()

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        low, high = self._bend(self.low), self._bend(self.high)
        return (self._bend(value) - low) / (high - low) if high > low else 0.5

    def value(self, share: float) -> float:
        """The inverse of :meth:`share`."""
        low, high = self._bend(self.low), self._bend(self.high)
        bent = low + share * (high - low)
        return self.knee * math.sinh(bent) if self.knee > 0 else bent

    def _bend(self, value: float) -> float:
        return math.asinh(value / self.knee) if self.knee > 0 else value


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area."""

    x: Axis
    y: Axis
    width: float = WIDTH
    height: float = HEIGHT

    def px(self, value: float) -> float:
        """Horizontal place of a value, in SVG units."""
        return LEFT + self.x.share(value) * (self.width - LEFT - RIGHT)

    def py(self, value: float) -> float:
        """Vertical place of a value, in SVG units; up = larger."""
        return self.height - BOTTOM - self.y.share(value) * (self.height - TOP - BOTTOM)


def padded(low: float, high: float) -> tuple[float, float]:
    """A range with a little air at both ends, never empty."""
    if high <= low:
        half = abs(low) * 0.1 or 1.0
        return low - half, high + half
    air = 0.04 * (high - low)
    return low - air, high + air


def nice_ticks(low: float, high: float, target: int = 6) -> tuple[float, ...]:
    """Round numbers between two ends, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / target
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(i * step, 12) for i in range(first, last + 1))


def bent_ticks(low: float, high: float, knee: float) -> tuple[float, ...]:
    """Ticks for a compressed axis: zero, then 1, 2 and 5 of each decade from the knee on."""
    axis = Axis(low, high, knee=knee)
    first = math.floor(math.log10(knee))
    last = math.ceil(math.log10(max(high, -low)))
    marks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    kept: list[float] = []
    for tick in sorted({0.0, *marks, *(-m for m in marks)}):
        inside = low <= tick <= high
        if inside and (not kept or axis.share(tick) - axis.share(kept[-1]) > 0.085):
            kept.append(tick)
    return tuple(kept)


def count_ticks(top: int) -> tuple[float, ...]:
    """Whole numbers up to the highest bar."""
    return tuple(t for t in nice_ticks(0, max(top, 1), 4) if t == int(t))


def number_text(value: float) -> str:
    """A number short enough for an axis or a table."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10_000 or size < 0.001:
        return f"{value:.1e}".replace("e+0", "e").replace("e-0", "e-").replace(".0e", "e")
    return f"{value:.4g}"


def axes(frame: Frame) -> str:
    """Grid, ticks and axis names."""
    x0, x1 = LEFT, frame.width - RIGHT
    y0, y1 = frame.height - BOTTOM, TOP
    parts = []
    for tick in frame.y.ticks:
        y = frame.py(tick)
        parts.append(f'<line class="grid" x1="{x0}" x2="{x1}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{x0 - 8}" y="{y + 4:.1f}" text-anchor="end">{number_text(tick)}</text>'
        )
    for tick in frame.x.ticks:
        x = frame.px(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y0}" y2="{y0 + 4}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{y0 + 18}" text-anchor="middle">{number_text(tick)}</text>'
        )
    parts.append(f'<line class="axis" x1="{x0}" x2="{x1}" y1="{y0}" y2="{y0}"/>')
    middle = (x0 + x1) / 2
    parts.append(
        f'<text x="{middle}" y="{frame.height - 8}" text-anchor="middle">{escape(frame.x.label)}'
        "</text>"
    )
    parts.append(
        f'<text transform="translate(14 {(y0 + y1) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(frame.y.label)}</text>"
    )
    return "".join(parts)


def finish(
    frame: Frame, title: str, parts: Sequence[str], named: Sequence[tuple[str, Tone]]
) -> str:
    """A finished chart with its legend in the top margin."""
    legend, x = [], LEFT
    for name, tone in named:
        legend.append(
            f'<rect x="{x:.1f}" y="8" width="10" height="10" rx="2" fill="{COLOURS[tone]}"/>'
            f'<text x="{x + 15:.1f}" y="17">{escape(name)}</text>'
        )
        x += 15 + 6.7 * len(name) + 14
    return wrap(frame.width, frame.height, title, [*parts, *legend])


def wrap(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """The SVG element around finished parts."""
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def empty(title: str, words: str) -> str:
    """A chart-sized note instead of a chart."""
    text = f'<text x="{WIDTH / 2}" y="75" text-anchor="middle">{escape(words)}</text>'
    return wrap(WIDTH, 150, title, [text])
