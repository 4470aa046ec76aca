"""Components of the practice board, painted on a bare board with the scatter of a real line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from offspec.practice_board import Part, length_of_row, pads, soic_pins
from offspec.practice_canvas import SCALE, Canvas, Points, Pose, Rgb, box, ring, rounded
from offspec.types import FloatArray

SOLDER: Rgb = (0.66, 0.68, 0.69)
SOLDER_DARK: Rgb = (0.40, 0.42, 0.44)
PASTE: Rgb = (0.55, 0.56, 0.56)


@dataclass(frozen=True, slots=True)
class Placement:
    """How one part sits on one board.

    Attributes:
        pose: Where it really is: nominal place plus scatter, or plus a defect.
        tone: Brightness of its body against the nominal one, about 1.
        value: Marking; differs from the bill of materials on a wrong part.
        flipped: Turned by 180 degrees: polarity or pin 1 at the wrong end.
    """

    pose: Pose
    tone: float
    value: str
    flipped: bool = False


def place(item: Part, rng: np.random.Generator) -> Placement:
    """A good placement: a fraction of a pixel and of a degree off, body tone scattered."""
    dx, dy = rng.normal(0, 0.35, 2)
    degrees = float(rng.normal(0, 0.35))
    pose = Pose(item.pose.x + dx, item.pose.y + dy, item.pose.degrees + degrees)
    return Placement(pose, float(1 + rng.normal(0, 0.025)), item.value)


def footprint(item: Part, grow: float = 2.0) -> Points:
    """Outline of a part with its leads, in board pixels."""
    length, width = item.size
    if item.kind == "soic":
        width += 28
    elif item.kind != "header":
        length, width = length * 1.3, width * 1.1
    if item.kind == "can":
        length, width = item.size[0] * 1.12, item.size[1] * 1.04
    return item.pose.at(box(length + grow, width + grow))


def draw_part(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    """Paint solder, shadow and body of one part."""
    draw_solder(canvas, item, rng)
    turn = 180.0 if placed.flipped else 0.0
    pose = replace(placed.pose, degrees=placed.pose.degrees + turn)
    _DRAWERS[item.kind](canvas, item, replace(placed, pose=pose), rng)


def draw_solder(
    canvas: Canvas, item: Part, rng: np.random.Generator, *, paste_only: bool = False
) -> None:
    """Solder on the pads of a part, its shine scattered; flat grey paste where nothing was set."""
    if item.kind == "header":
        return
    for pad in pads(item):
        shine = float(rng.normal(0, 0.045))
        light, dark = (PASTE, PASTE) if paste_only else (SOLDER, SOLDER_DARK)
        first = _toned(light, 1 + shine)
        canvas.polygon(_shrunk(pad, 0.86), first, rgb_end=_toned(dark, 1 - shine), soft=0.5)
        if not paste_only:
            x, y = np.mean(pad, axis=0) + rng.normal(0, 0.5, 2) - 1.0
            canvas.polygon(ring(1.7, x, y), (0.97, 0.97, 0.97), alpha=0.6 + shine, soft=0.6)


def _toned(rgb: Rgb, tone: float) -> Rgb:
    """A colour made brighter or darker."""
    r, g, b = (min(1.0, max(0.0, c * tone)) for c in rgb)
    return r, g, b


def _shrunk(points: Points, factor: float) -> list[tuple[float, float]]:
    """A polygon drawn together about its centre."""
    mx, my = np.mean(points, axis=0)
    return [(mx + factor * (x - mx), my + factor * (y - my)) for x, y in points]


def _grain(rng: np.random.Generator, size: tuple[float, float], strength: float) -> FloatArray:
    """Moulding grain large enough for a body of this size at any angle."""
    side = int((math.hypot(*size) + 12) * SCALE)
    return rng.normal(0, strength, (side, side)).astype(np.float32)


def _shadow(canvas: Canvas, points: Points, height: float) -> None:
    """Soft shadow of a body ``height`` pixels tall; the lamp stands at the upper left."""
    moved = [(x + 0.55 * height, y + 0.55 * height) for x, y in points]
    canvas.polygon(moved, (0.0, 0.02, 0.01), alpha=0.5, soft=0.35 * height + 0.5)


def _body(
    canvas: Canvas, points: Points, rgb: Rgb, placed: Placement, grain: FloatArray, end: float = 0.8
) -> None:
    """A body shaded from the lamp's side to the far side."""
    rgb = _toned(rgb, placed.tone)
    canvas.polygon(points, rgb, rgb_end=_toned(rgb, end), grain=grain, soft=0.25)


def _chip_resistor(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    length, width = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(box(length, width)), 4)
    canvas.polygon(
        pose.at(box(length, width)), (0.78, 0.78, 0.77), rgb_end=(0.56, 0.57, 0.58), soft=0.3
    )
    inner = pose.at(box(length * 0.68, width))
    _body(canvas, inner, (0.085, 0.085, 0.095), placed, _grain(rng, item.size, 0.006), 0.7)
    canvas.text(placed.value, pose, width * 0.5, (0.86, 0.86, 0.84), alpha=0.9, width=1.3)


def _chip_capacitor(
    canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator
) -> None:
    length, width = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(box(length, width)), 6)
    canvas.polygon(
        pose.at(rounded(length, width, 2)), (0.80, 0.80, 0.79), rgb_end=(0.58, 0.58, 0.58), soft=0.3
    )
    inner = pose.at(box(length * 0.56, width))
    _body(canvas, inner, (0.58, 0.42, 0.27), placed, _grain(rng, item.size, 0.012), 0.78)


def _soic(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    length, width = item.size
    pose = placed.pose
    lead = length / item.pins * 0.36
    for x, y in soic_pins(item):
        tone = float(1 + rng.normal(0, 0.04))
        inward = y - 4 if y > 0 else y + 4
        canvas.polygon(
            pose.at(box(lead, 17, x, inward)),
            _toned((0.80, 0.81, 0.82), tone),
            rgb_end=_toned((0.50, 0.51, 0.53), tone),
            soft=0.3,
        )
    _shadow(canvas, pose.at(box(length, width)), 7)
    grain = _grain(rng, item.size, 0.008)
    _body(canvas, pose.at(rounded(length, width, 2.5)), (0.115, 0.118, 0.125), placed, grain, 0.72)
    edge = pose.at([(-length / 2 + 2, -width / 2 + 2), (length / 2 - 2, -width / 2 + 2)])
    canvas.stroke(edge, 1.4, (0.30, 0.31, 0.33), alpha=0.5, soft=0.4)
    notch = pose.at(ring(4.2, -length / 2 + 10, width / 2 - 10))
    canvas.polygon(notch, (0.045, 0.045, 0.05), rgb_end=(0.17, 0.17, 0.18), soft=0.5)
    ink: Rgb = (0.70, 0.71, 0.70)
    big = min(12.0, length / (len(placed.value) * 1.05))
    centre = pose.at([(0, -width * 0.12)])[0]
    canvas.text(placed.value, replace(pose, x=centre[0], y=centre[1]), big, ink, alpha=0.75)
    below = pose.at([(0, width * 0.2)])[0]
    small = replace(pose, x=below[0], y=below[1])
    canvas.text("2614 KR", small, big * 0.62, ink, alpha=0.6, width=1.0)


def _can(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    radius = item.size[0] / 2
    pose = placed.pose
    plinth = [(-1, -1), (0.72, -1), (1, -0.72), (1, 0.72), (0.72, 1), (-1, 1)]
    base = pose.at([(radius * x, radius * y) for x, y in plinth])
    _shadow(canvas, base, 6)
    canvas.polygon(base, (0.10, 0.10, 0.11), rgb_end=(0.06, 0.06, 0.065), soft=0.3)
    top = radius * 0.93
    _shadow(canvas, pose.at(ring(top)), 8)
    metal = _toned((0.80, 0.81, 0.82), placed.tone)
    canvas.polygon(pose.at(ring(top)), _toned(metal, 0.62), soft=0.4)
    grain = _grain(rng, item.size, 0.010)
    canvas.polygon(
        pose.at(ring(top * 0.91)), metal, rgb_end=_toned(metal, 0.74), grain=grain, soft=0.6
    )
    angles = np.radians(np.linspace(126, 234, 20))
    segment = [(top * 0.90 * math.cos(a), top * 0.90 * math.sin(a)) for a in angles]
    canvas.polygon(pose.at(segment), (0.09, 0.09, 0.10), alpha=0.92, soft=0.4)
    for degrees in (30, 90, 150):
        a = math.radians(degrees)
        vent = [(s * top * 0.42 * math.cos(a), s * top * 0.42 * math.sin(a)) for s in (-1, 1)]
        canvas.stroke(pose.at(vent), 1.2, (0.45, 0.46, 0.47), alpha=0.35, soft=0.5)
    upper, lower = pose.at([(top * 0.14, -top * 0.2), (top * 0.14, top * 0.26)])
    ink: Rgb = (0.13, 0.13, 0.15)
    canvas.text(placed.value, replace(pose, x=upper[0], y=upper[1]), top * 0.33, ink, width=1.7)
    canvas.text("16V", replace(pose, x=lower[0], y=lower[1]), top * 0.28, ink, width=1.5)


def _inductor(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    length, width = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(rounded(length, width, 8)), 9)
    grain = _grain(rng, item.size, 0.016)
    _body(canvas, pose.at(rounded(length, width, 8)), (0.23, 0.225, 0.22), placed, grain, 0.72)
    dome = pose.at(ring(length * 0.37))
    _body(canvas, dome, (0.275, 0.27, 0.265), placed, grain, 0.82)
    canvas.text(placed.value, pose, 15, (0.80, 0.80, 0.78), alpha=0.85, width=2.0)


def _crystal(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    length, width = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(rounded(length, width, width / 2)), 8)
    metal = _toned((0.74, 0.75, 0.75), placed.tone)
    canvas.polygon(pose.at(rounded(length, width, width / 2)), _toned(metal, 0.66), soft=0.4)
    grain = _grain(rng, item.size, 0.010)
    inner = pose.at(rounded(length - 8, width - 8, width / 2 - 4))
    canvas.polygon(inner, metal, rgb_end=_toned(metal, 0.8), grain=grain, soft=0.6)
    canvas.text(placed.value, pose, 9, (0.25, 0.26, 0.28), alpha=0.85, width=1.3)


def _diode(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    length, width = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(box(length, width)), 6)
    grain = _grain(rng, item.size, 0.008)
    _body(canvas, pose.at(rounded(length, width, 1.5)), (0.10, 0.10, 0.11), placed, grain, 0.7)
    bar = pose.at(box(5, width - 2, -length / 2 + 6, 0))
    canvas.polygon(bar, (0.74, 0.74, 0.73), alpha=0.9, soft=0.3)
    centre = pose.at([(4, 0)])[0]
    words = replace(pose, x=centre[0], y=centre[1])
    canvas.text(placed.value, words, 7.5, (0.76, 0.76, 0.75), alpha=0.8, width=1.1)


def _header(canvas: Canvas, item: Part, placed: Placement, rng: np.random.Generator) -> None:
    width, length = item.size
    pose = placed.pose
    _shadow(canvas, pose.at(box(width, length)), 10)
    grain = _grain(rng, item.size, 0.012)
    _body(canvas, pose.at(box(width, length)), (0.80, 0.77, 0.68), placed, grain, 0.84)
    for y in length_of_row(item):
        cell = pose.at(box(width * 0.66, width * 0.66, 0, y))
        canvas.polygon(cell, (0.44, 0.42, 0.36), rgb_end=(0.60, 0.57, 0.50), soft=0.4)
        dx, dy = rng.normal(0, 0.3, 2)
        pin = pose.at(box(7, 7, dx, y + dy))
        canvas.polygon(pin, (0.93, 0.83, 0.52), rgb_end=(0.60, 0.48, 0.24), soft=0.3)


_DRAWERS: dict[str, Callable[[Canvas, Part, Placement, np.random.Generator], None]] = {
    "chip_resistor": _chip_resistor,
    "chip_capacitor": _chip_capacitor,
    "soic": _soic,
    "can": _can,
    "inductor": _inductor,
    "crystal": _crystal,
    "diode": _diode,
    "header": _header,
}
