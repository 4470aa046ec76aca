"""Charts and pictures of the probability of detection: curves, the map, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from offspec.chart_frame import (
    COLOURS,
    LEFT,
    RIGHT,
    Axis,
    Frame,
    Tone,
    axes,
    bent_ticks,
    empty,
    finish,
)
from offspec.decisions.pod_result import LEAST_TRIED
from offspec.overlays import ByteArray, to_eight_bits
from offspec.types import ImageArray

TONES: tuple[Tone, ...] = ("calm", "warn", "ok", "plain", "ng")
GOOD_SHARE = 0.9
FOUND_RGB, SOME_RGB, BLIND_RGB, UNTESTED_RGB = (
    (40, 150, 80),
    (225, 160, 30),
    (205, 50, 40),
    (128,) * 3,
)
_OPACITY, _MAP_PX, _MARGIN = 0.38, 720, 0.06
_EXAMPLE_PX, _FRAME_PX, _GAP_PX, _WORDS_PX = 132, 4, 6, 16


def pod_chart(curves: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """Curves over size with their bands, what was counted, and a90 and a90/95 at 90 %."""
    sizes = [p["size_px"] for c in curves for p in c["points"]]
    if not sizes:
        return empty(title, "No trials to show.")
    low, high = min(sizes) * 0.95, max(sizes) * 1.05
    ticks = tuple(t for t in bent_ticks(low, high, low / 4) if t >= low)
    x_axis = Axis(low, high, "size in pixels", low / 4, ticks)
    frame = Frame(x_axis, Axis(0, 1, "share found", ticks=(0.0, 0.25, 0.5, 0.75, 0.9, 1.0)))
    y = frame.py(GOOD_SHARE)
    parts = [
        axes(frame),
        f'<line class="limit" x1="{LEFT}" x2="{frame.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
    ]
    drawn = [(c, TONES[i % len(TONES)]) for i, c in enumerate(curves)]
    parts += [_band(frame, c, COLOURS[tone]) for c, tone in drawn]
    parts += [_line(frame, c, COLOURS[tone]) for c, tone in drawn]
    parts += [_marks(frame, c, COLOURS[tone]) for c, tone in drawn]
    return finish(frame, title, parts, [(_short(c), tone) for c, tone in drawn])


def _short(curve: Mapping[str, Any]) -> str:
    if curve["contrast"] is None:
        return "natural"
    return f"{curve['kind']} {curve['contrast']:g}"


def _band(frame: Frame, curve: Mapping[str, Any], colour: str) -> str:
    shape = curve["curve"]
    if shape is None:
        return ""
    upper = list(zip(shape["size_px"], shape["high"], strict=True))
    lower = list(zip(shape["size_px"], shape["low"], strict=True))
    ring = " ".join(f"{frame.px(a):.1f},{frame.py(b):.1f}" for a, b in [*upper, *lower[::-1]])
    return f'<polygon points="{ring}" fill="{colour}" opacity=".12"/>'


def _line(frame: Frame, curve: Mapping[str, Any], colour: str) -> str:
    parts = [
        f'<circle cx="{frame.px(p["size_px"]):.1f}" '
        f'cy="{frame.py(p["hits"] / p["trials"]):.1f}" r="{1.6 + 0.35 * min(p["trials"], 10):.1f}" '
        f'fill="{colour}" opacity=".45"/>'
        for p in curve["points"]
    ]
    if curve["curve"] is not None:
        shape = curve["curve"]
        path = " ".join(
            f"{frame.px(a):.1f},{frame.py(b):.1f}"
            for a, b in zip(shape["size_px"], shape["pod"], strict=True)
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
        )
    return "".join(parts)


def _marks(frame: Frame, curve: Mapping[str, Any], colour: str) -> str:
    """A ring at a90, a diamond at a90/95, and a line between them."""
    first, last = curve["a90"], curve["a90_95"]
    y, parts = frame.py(GOOD_SHARE), []
    if first is not None and last is not None:
        parts.append(
            f'<line x1="{frame.px(first):.1f}" x2="{frame.px(last):.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}" stroke="{colour}" stroke-width="3"/>'
        )
    if first is not None:
        parts.append(
            f'<circle cx="{frame.px(first):.1f}" cy="{y:.1f}" r="5" fill="var(--card,#fff)" '
            f'stroke="{colour}" stroke-width="2.5"/>'
        )
    if last is not None:
        x = frame.px(last)
        corners = ((x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7))
        ring = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        parts.append(
            f'<polygon points="{ring}" fill="{colour}" stroke="var(--card,#fff)" '
            'stroke-width="1.2"/>'
        )
    return "".join(parts)


def map_picture(found: Mapping[str, Any], reference: ImageArray) -> ByteArray:
    """The region on the reference, its cells coloured by how often the spot was found.

    Args:
        found: The ``map`` of a region.
        reference: (H, W, 3).

    Returns:
        (h, w, 3) uint8, the region and a margin.
    """
    x, y, w, h = found["box_xywh"]
    edge = round(_MARGIN * max(w, h))
    top, bottom = max(y - edge, 0), min(y + h + edge, reference.shape[0])
    left, right = max(x - edge, 0), min(x + w + edge, reference.shape[1])
    part = to_eight_bits(reference)[top:bottom, left:right]
    scale = _MAP_PX / max(part.shape[:2])
    size_wh = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    canvas = cv2.cvtColor(
        cv2.resize(grey, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC),
        cv2.COLOR_GRAY2RGB,
    )
    columns, rows = found["columns"], found["rows"]
    for row in range(rows):
        for column in range(columns):
            corners = [
                ((x + w * (column + c) / columns - left) * scale,
                 (y + h * (row + r) / rows - top) * scale)
                for c, r in ((0, 0), (1, 1))
            ]  # fmt: skip
            _cell(canvas, corners, found["found"][row][column], found["tried"][row][column])
    return np.asarray(canvas, np.uint8)


def _cell(
    canvas: ImageArray | np.ndarray, corners: list[tuple[float, float]], hits: int, tried: int
) -> None:
    """Tint one cell and write its count."""
    (x0, y0), (x1, y1) = ((round(a), round(b)) for a, b in corners)
    share = hits / tried if tried else 0.0
    rgb = (
        UNTESTED_RGB
        if not tried
        else BLIND_RGB
        if hits == 0 and tried >= LEAST_TRIED
        else FOUND_RGB
        if share >= GOOD_SHARE
        else SOME_RGB
    )
    window = canvas[y0:y1, x0:x1]
    window[:] = np.rint(window * (1 - _OPACITY) + np.array(rgb) * _OPACITY)
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), (255, 255, 255), 1)
    text = f"{hits}/{tried}" if tried else "-"
    size = min(0.5, (x1 - x0) / 90)
    if size < 0.28:
        return
    (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    at = (x0 + x1 - wide) // 2, (y0 + y1 + tall) // 2
    for rgb_pen, pen in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, rgb_pen, pen, cv2.LINE_AA)


def example_sheet(rows: Sequence[Sequence[tuple[ImageArray, str, bool]]]) -> ByteArray:
    """Made defects side by side: framed green when found, red when not, with words below.

    Args:
        rows: One a curve; each entry a square picture, its words and whether it was found.
    """
    wide, tall = _EXAMPLE_PX + 2 * _GAP_PX, _EXAMPLE_PX + 2 * _GAP_PX + _WORDS_PX
    columns = max(len(row) for row in rows)
    sheet = np.full((tall * len(rows), wide * columns, 3), 255, np.uint8)
    for at, row in enumerate(rows):
        for ahead, (image, words, hit) in enumerate(row):
            top, left = at * tall, ahead * wide
            framed = _framed(image, hit=hit)
            sheet[
                top + _GAP_PX : top + _GAP_PX + _EXAMPLE_PX, left + _GAP_PX : left + wide - _GAP_PX
            ] = framed
            place = left + _GAP_PX, top + _EXAMPLE_PX + _GAP_PX + _WORDS_PX - 6
            cv2.putText(
                sheet, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (50, 60, 70), 1, cv2.LINE_AA
            )
    return sheet


def _framed(image: ImageArray, *, hit: bool) -> ByteArray:
    inner = _EXAMPLE_PX - 2 * _FRAME_PX
    way = cv2.INTER_NEAREST if image.shape[0] < inner else cv2.INTER_AREA
    large = cv2.resize(image, (inner, inner), interpolation=way)
    rgb = FOUND_RGB if hit else BLIND_RGB
    framed = cv2.copyMakeBorder(large, *(_FRAME_PX,) * 4, cv2.BORDER_CONSTANT, value=rgb)
    return np.asarray(framed, np.uint8)
