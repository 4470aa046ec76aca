"""Fractals: function systems with log density, escape times, and composites on grounds.

Reference:
    Draves and Reckase, The Fractal Flame Algorithm, 2003; Kataoka et al., Pre-training without
    Natural Images, 2020. Written here from the ideas.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .colour import Palette, emboss, ground
from .sheet import Sheet, blend, equalise, fold, stretch


def _orbit(s: Sheet, maps: int, bend: int, walkers: int = 6000, steps: int = 40) -> Tensor:
    """Walk many points through random affine maps; (points, 2), about -1 to 1."""
    turns = s.rng.uniform(0, 2 * math.pi, (maps, 2))
    sizes = s.rng.uniform(0.5, 0.95, (maps, 2))
    matrices = []
    for (a, b), (p, q) in zip(turns, sizes, strict=True):
        left = [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]
        right = [[math.cos(b) * p, -math.sin(b) * p], [math.sin(b) * q, math.cos(b) * q]]
        matrices.append(
            [[sum(left[i][k] * right[k][j] for k in (0, 1)) for j in (0, 1)] for i in (0, 1)]
        )
    linear = s.tensor(matrices)
    moves = s.random(maps, 2) * 2 - 1
    choice = torch.from_numpy(s.rng.integers(0, maps, (steps, walkers))).to(s.device)
    points = s.random(walkers, 2) * 2 - 1
    track = []
    for step in range(steps):
        index = choice[step]
        points = (linear[index] * points[:, None, :]).sum(-1) + moves[index]
        if bend == 1:
            points = torch.sin(points * 1.5)
        elif bend == 2:
            points = points / (points.square().sum(1, keepdim=True) + 0.4)
        if step >= 8:
            track.append(points)
    return torch.cat(track)


def _density(s: Sheet, points: Tensor, turn: float, size: float, at: tuple[float, float]) -> Tensor:
    """Count points on the sheet, in logarithm, 0 to 1."""
    some = points[:: max(1, len(points) // 4000)]
    low, high = some.quantile(0.02, dim=0), some.quantile(0.98, dim=0)
    unit = (points - (low + high) / 2) / (high - low).clamp_min(0.05)
    cos, sin = math.cos(turn), math.sin(turn)
    x = (unit[:, 0] * cos - unit[:, 1] * sin) * size + at[0]
    y = (unit[:, 0] * sin + unit[:, 1] * cos) * size + at[1]
    column, row = (x / s.unit).long(), (y / s.unit).long()
    inside = (column >= 0) & (column < s.side) & (row >= 0) & (row < s.side)
    counts = torch.bincount(row[inside] * s.side + column[inside], minlength=s.side * s.side)
    field = torch.log1p(s.blur(counts.float().view(s.side, s.side), 0.6))
    return (field / field.max().clamp_min(1e-3)).clamp(0, 1)


def flame(s: Sheet) -> Tensor:
    """One function system, its density in logarithm, in the colours of a palette."""
    points = _orbit(s, s.count(2, 5), s.pick((0, 0, 1, 2)))
    field = _density(s, points, s.uniform(0, 6.3), s.uniform(280, 460), (192, 192))
    base = ground(s, Palette(s))
    return blend(base, Palette(s).ramp(field), field.pow(0.6))


def flame_heap(s: Sheet) -> Tensor:
    """Several function systems of many sizes over each other."""
    image = ground(s, Palette(s))
    for _ in range(s.count(3, 5)):
        points = _orbit(s, s.count(2, 5), s.pick((0, 0, 1, 2)), 3000, 30)
        at = (s.uniform(60, 324), s.uniform(60, 324))
        field = _density(s, points, s.uniform(0, 6.3), s.scale(80, 320), at)
        image = blend(image, Palette(s).ramp(field), (2 * field).clamp(0, 1))
    return image


def fern_field(s: Sheet) -> Tensor:
    """One small system printed again and again in rows."""
    points = _orbit(s, s.count(2, 4), 0, 3000, 24)
    tile = s.scale(50, 130)
    field = _density(
        s, points, s.uniform(0, 6.3), tile * s.uniform(0.7, 1.1) * 384 / tile * 0.9, (192, 192)
    )
    along, across = s.turned(s.angle())
    dx = fold(along, tile) * (384 / tile) + 192 - s.x
    dy = fold(across, tile) * (384 / tile) + 192 - s.y
    mark = s.warp(s.blur(field, 192 / tile), dx, dy)
    return blend(ground(s, Palette(s)), Palette(s).ramp(mark), (2.5 * mark).clamp(0, 1))


def _escape(s: Sheet, julia: bool, power: int, steps: int) -> Tensor:
    """Smooth escape time of z^power + c, 0 to 1."""
    span, turn = s.scale(0.2, 1.8), s.uniform(0, 6.3)
    along, across = s.turned(turn, 192, 192)
    edge = s.uniform(0, 2 * math.pi)
    # A place on the rim of the main body: there the picture is never empty.
    reach = s.uniform(0.95, 1.08)
    cr = reach * (0.5 * math.cos(edge) - 0.25 * math.cos(2 * edge))
    ci = reach * (0.5 * math.sin(edge) - 0.25 * math.sin(2 * edge))
    x, y = along / 192 * span, across / 192 * span
    if julia:
        zr, zi, ar, ai = x * 1.2, y * 1.2, x * 0 + cr, x * 0 + ci
    else:
        zr, zi, ar, ai = x * 0, x * 0, x + cr, y + ci
    time = torch.zeros_like(x)
    trap = torch.full_like(x, 16.0)
    for _ in range(steps):
        wr, wi = zr, zi
        for _ in range(power - 1):
            wr, wi = wr * zr - wi * zi, wr * zi + wi * zr
        zr, zi = (wr + ar).clamp(-8, 8), (wi + ai).clamp(-8, 8)
        size = zr * zr + zi * zi
        trap = torch.minimum(trap, size)
        time += (size < 16).float()
    # The nearest pass by the origin gives the inside, where the time is flat, a picture too.
    return stretch(torch.log1p(time) - s.uniform(0.5, 2) * torch.exp(-4 * trap))


def mandelbrot(s: Sheet) -> Tensor:
    """The rim of the Mandelbrot set or of its higher powers."""
    field = _escape(s, False, s.count(2, 4), 32)
    if s.chance(0.4):
        field = 0.5 + 0.5 * torch.cos(field * s.uniform(8, 30))
    return Palette(s).ramp(field + 0.03 * s.power(0.6, 20))


def julia(s: Sheet) -> Tensor:
    """A Julia set, plain or in bands."""
    field = _escape(s, True, s.count(2, 3), 32)
    if s.chance(0.4):
        field = 0.5 + 0.5 * torch.cos(field * s.uniform(8, 30))
    return Palette(s).ramp(field + 0.03 * s.power(0.6, 20))


def embossed_fractal(s: Sheet) -> Tensor:
    """An escape-time field as relief in one material."""
    field = s.blur(_escape(s, s.chance(0.5), 2, 24), 1.5)
    base = Palette(s).ramp(0.5 + 0.1 * s.power(0.8, 30))
    return emboss(s, field * s.uniform(15, 60), base)


def fractal_patchwork(s: Sheet) -> Tensor:
    """Two escape-time fields and a flame under noise masks."""
    image = Palette(s).ramp(_escape(s, True, 2, 20))
    other = Palette(s).ramp(_escape(s, False, 2, 20))
    image = blend(image, other, equalise(s.smooth(s.scale(30, 120)), s.scale(2, 20)))
    field = _density(s, _orbit(s, 3, s.count(0, 2), 3000, 30), 0.0, s.uniform(150, 400), (192, 192))
    return blend(image, Palette(s).any(), (2 * field).clamp(0, 1))


def branching(s: Sheet) -> Tensor:
    """Trees of strokes: frost, roots, cracks, dendrites."""
    palette = Palette(s)
    image, mask = ground(s, palette, s.uniform(0.35, 0.65)), s.zeros()
    spread, shrink = s.uniform(0.25, 0.8), s.uniform(0.65, 0.85)
    todo = [
        (s.uniform(0, 384), s.uniform(0, 384), s.uniform(0, 6.3), s.scale(40, 110), s.scale(1.5, 6))
        for _ in range(s.count(1, 5))
    ]
    for _ in range(240):
        if not todo:
            break
        x0, y0, turn, reach, width = todo.pop(0)
        if reach < 5:
            continue
        x1, y1 = x0 + reach * math.cos(turn), y0 + reach * math.sin(turn)
        _stroke(s, mask, (x0, y0, x1, y1), width)
        for sign in (-1, 1):
            bend = turn + sign * spread * s.uniform(0.4, 1.4)
            todo.append(
                (x1, y1, bend, reach * shrink * s.uniform(0.7, 1.1), max(0.8, width * 0.75))
            )
    return blend(image, palette.at(s.pick((0.0, 1.0))), mask)


def _stroke(s: Sheet, mask: Tensor, line: tuple[float, float, float, float], width: float) -> None:
    x0, y0, x1, y1 = line
    reach = max(abs(x1 - x0), abs(y1 - y0)) / 2 + width
    where = s.window((x0 + x1) / 2, (y0 + y1) / 2, reach)
    if where is None:
        return
    dx, dy = x1 - x0, y1 - y0
    x, y = s.x[where] - x0, s.y[where] - y0
    along = ((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-6)).clamp(0, 1)
    distance = torch.hypot(x - along * dx, y - along * dy) - width / 2
    mask[where] = torch.maximum(mask[where], s.cover(distance))
