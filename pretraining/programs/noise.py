"""Noise textures: fields without things in them.

Reference:
    Perlin, An Image Synthesizer, 1985; Worley, A Cellular Texture Basis Function, 1996;
    Lagae et al., Procedural Noise using Sparse Gabor Convolution, 2009; Pearson, Complex
    Patterns in a Simple System, 1993 (Gray-Scott). Written here from the ideas.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from .colour import Palette, emboss
from .sheet import Sheet, equalise, stretch


def power_law(s: Sheet) -> Tensor:
    """Noise of a power-law spectrum, grey or with a little own colour."""
    field = s.power(s.uniform(0.4, 1.8), s.scale(6, 60), s.uniform(0, 1.5))
    return Palette(s).ramp(equalise(field, s.scale(0.6, 3)))


def coloured_noise(s: Sheet) -> Tensor:
    """Three noises, one for each channel, partly shared."""
    common, slope, size = s.uniform(0.3, 0.95), s.uniform(0.6, 2.0), s.scale(8, 60)
    shared = s.power(slope, size)
    fields = [common * shared + (1 - common) * s.power(slope, size) for _ in range(3)]
    return s.uniform(0.3, 0.7) + s.scale(0.1, 0.3) * torch.stack(fields)


def oriented_noise(s: Sheet) -> Tensor:
    """Noise with one or two grain directions."""
    angle = s.angle()
    length, width = s.scale(6, 60), s.scale(0.7, 4)
    field = s.streaks(angle, length, width)
    if s.chance(0.4):
        field = field + s.streaks(angle + s.uniform(0.4, 1.6), length, width)
    return Palette(s).ramp(equalise(field, s.scale(0.7, 4)))


def fractal_sum(s: Sheet) -> Tensor:
    """Octaves of value noise, plain, ridged or billowed."""
    mode, cell, gain = s.count(0, 2), s.scale(10, 60), s.uniform(0.4, 0.75)
    total = s.zeros()
    weight = 1.0
    for _ in range(5):
        layer = s.octave(cell)
        if mode == 1:
            layer = 1 - 2 * layer.abs()
        elif mode == 2:
            layer = 2 * layer.abs() - 0.8
        total = total + weight * layer
        weight, cell = weight * gain, max(cell / 2, 2.0)
    return Palette(s).ramp(equalise(total / total.std(), s.scale(0.8, 3)))


def domain_warp(s: Sheet) -> Tensor:
    """Noise looked up at places that other noise has moved."""
    cell = s.scale(12, 40)
    field = s.power(s.uniform(1.2, 2.0), cell * 1.5)
    for _ in range(s.count(1, 2)):
        reach = cell * s.uniform(0.4, 1.4)
        field = s.warp(field, reach * s.smooth(cell), reach * s.smooth(cell))
    return Palette(s).ramp(equalise(field, s.scale(0.8, 3)))


def near(s: Sheet, points: int) -> tuple[Tensor, Tensor, Tensor]:
    """Give the nearest and second distances in units, and the number of the nearest point."""
    rows = max(3, round(math.sqrt(points)))
    grid = torch.stack(torch.meshgrid(*2 * (torch.arange(-1, rows + 1),), indexing="ij"), -1)
    jitter = s.uniform(0.2, 0.6) if s.chance(0.15) else s.uniform(0.75, 1.0)
    spot = grid.reshape(-1, 2).to(s.device) + 0.5 + jitter * (s.random(grid.numel() // 2, 2) - 0.5)
    spot = spot * (s.span / rows)
    # The nearest points lie in the own cell or next to it, nearly always: look there alone.
    span = rows + 2
    column = (s.x * (rows / s.span)).long().clamp(0, rows - 1) + 1
    row = (s.y * (rows / s.span)).long().clamp(0, rows - 1) + 1
    first = torch.full_like(s.x, 1e9)
    second = torch.full_like(s.x, 1e9)
    owner = torch.zeros_like(row)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            index = (row + dr) * span + column + dc
            away = (spot[:, 1][index] - s.x) ** 2 + (spot[:, 0][index] - s.y) ** 2
            second = torch.minimum(second, torch.maximum(away, first))
            owner = torch.where(away < first, index, owner)
            first = torch.minimum(first, away)
    return first.sqrt(), second.sqrt(), owner


def cells(s: Sheet) -> Tensor:
    """Cells of one tone each, with or without a slope inside."""
    first, _, owner = near(s, s.count(60, 1500))
    tones = s.random(int(owner.max()) + 1)[owner]
    size = first / first.max()
    return Palette(s).ramp(tones * s.uniform(0.3, 1) + s.uniform(-0.6, 0.6) * size)


def cell_walls(s: Sheet) -> Tensor:
    """Walls between cells: foam, cracks, a net."""
    first, second, _ = near(s, s.count(60, 1200))
    wall = (second - first) / s.scale(2, 12)
    bent = s.warp(wall, s.uniform(0, 4) * s.smooth(10), s.uniform(0, 4) * s.smooth(10))
    tone = equalise(s.power(1, 20), 1)
    level = torch.tanh(bent.clamp_min(0)) * s.uniform(0.4, 0.9) + 0.2 * tone
    return Palette(s).ramp(1 - level if s.chance(0.4) else level)


def pebbles(s: Sheet) -> Tensor:
    """Round bumps packed side by side, lit from the side."""
    first, second, owner = near(s, s.count(100, 1500))
    bump = ((second - first) / first.mean().clamp_min(1e-3)).clamp(0, 2)
    height = torch.sqrt(bump + 0.01) * first.mean() * s.uniform(0.4, 1.6)
    tones = s.random(int(owner.max()) + 1)[owner]
    base = Palette(s).ramp(0.4 + 0.4 * (tones - 0.5) * s.uniform(0, 1.6))
    return emboss(s, height, base)


def _narrow(s: Sheet, turn: float, f0: float, width: float) -> Tensor:
    """Noise around one frequency and direction; f0 and width in cycles per unit."""
    fx0, fy0 = f0 * math.cos(turn), f0 * math.sin(turn)

    def response(fx: Tensor, fy: Tensor, _f: Tensor) -> Tensor:
        near_one = torch.exp(-((fx - fx0) ** 2 + (fy - fy0) ** 2) / (2 * width**2))
        return near_one + torch.exp(-((fx + fx0) ** 2 + (fy + fy0) ** 2) / (2 * width**2))

    return s.spectrum(response)


def gabor(s: Sheet) -> Tensor:
    """Noise of one to three narrow bands, each with its direction."""
    field = s.zeros()
    for _ in range(s.count(1, 3)):
        field = field + _narrow(s, s.angle(), 1 / s.scale(4, 22), s.scale(0.003, 0.02))
    return Palette(s).ramp(equalise(field / field.std(), s.scale(0.6, 4)))


def band(s: Sheet) -> Tensor:
    """Isotropic noise of one band, smooth or cut into two tones: labyrinths and spots."""
    f0 = 1 / s.scale(4, 24)
    spread = s.uniform(0.08, 0.4)
    field = s.spectrum(lambda _x, _y, f: torch.exp(-(((f / f0).log() / spread) ** 2)))
    field = field - s.uniform(-0.8, 0.8)
    return Palette(s).ramp(equalise(field, s.scale(0.8, 12)))


def reaction(s: Sheet) -> Tensor:
    """Gray-Scott reaction and diffusion on a coarse grid, drawn out to full size."""
    size = 64
    feed, kill = s.pick(((0.037, 0.06), (0.03, 0.057), (0.042, 0.06), (0.05, 0.062)))
    seeds = (s.random(size // 8, size // 8) > s.uniform(0.6, 0.8)).float()[None, None]
    start = F.interpolate(seeds, (size, size))[0, 0] * (0.6 + 0.4 * s.random(size, size))
    state = torch.stack((1 - 0.5 * start, 0.4 * start))[None]
    taps = s.tensor([[0.05, 0.2, 0.05], [0.2, -1.0, 0.2], [0.05, 0.2, 0.05]])
    kernel = taps.expand(2, 1, 3, 3).contiguous()
    rate = s.tensor([1.0, 0.5])[:, None, None]
    for _ in range(s.count(350, 700)):
        spread = F.conv2d(F.pad(state, (1, 1, 1, 1), mode="circular"), kernel, groups=2)
        react = state[:, 0] * state[:, 1] * state[:, 1]
        change = torch.stack(
            (feed * (1 - state[:, 0]) - react, react - (feed + kill) * state[:, 1]), 1
        )
        state = state + rate * spread + change
    tiles = s.count(2, 3)
    field = state[:, 1:].repeat(1, 1, tiles, tiles)
    field = F.interpolate(field, (s.side, s.side), mode="bicubic", align_corners=False)[0, 0]
    field = s.warp(field, 6 * s.smooth(40), 6 * s.smooth(40))
    level = stretch(field)
    if s.chance(0.3):
        return emboss(s, level * s.uniform(4, 14), Palette(s).any())
    return Palette(s).ramp(level + s.uniform(0, 0.1) * s.power(0.5, 20))


def contour_lines(s: Sheet) -> Tensor:
    """Even lines along the levels of a smooth field."""
    field = s.smooth(s.scale(12, 50)) * s.scale(1.5, 14)
    line = torch.cos(field)
    return Palette(s).ramp(equalise(line, s.scale(1, 8)))


def quantised(s: Sheet) -> Tensor:
    """Noise cut into a few tones: camouflage, flakes, mottling."""
    field = s.power(s.uniform(1.0, 2.2), s.scale(15, 50), s.uniform(0, 3))
    steps = s.count(2, 6)
    level = torch.floor(equalise(field, 1.6) * steps) / (steps - 1)
    return Palette(s).ramp(level + s.uniform(0, 0.08) * s.power(0.4, 10))


def sparse_dots(s: Sheet) -> Tensor:
    """Dots or short strokes strewn over a ground: inclusions, spatter, fibres."""
    rate = s.scale(0.001, 0.03) * s.unit**2
    spikes = (s.random(s.side, s.side) < rate).float() * (0.3 + 0.7 * s.random(s.side, s.side))
    if s.chance(0.4):
        long = s.count(3, 17) | 1
        kernel = torch.eye(long, device=s.device)
        kernel = kernel.flip(0) if s.chance(0.5) else kernel
        if s.chance(0.5):
            kernel = s.zeros()[:1, :1].expand(1, long) + 1
        pad = (
            kernel.shape[1] // 2,
            kernel.shape[1] // 2,
            kernel.shape[0] // 2,
            kernel.shape[0] // 2,
        )
        spread = F.pad(spikes[None, None], pad, mode="circular")
        spikes = F.conv2d(spread, kernel[None, None])[0, 0]
    dots = s.blur(spikes, s.scale(0.5, 2.5))
    dots = (
        dots
        / torch.quantile(dots.flatten()[:: max(1, dots.numel() // 20000)], 0.995).clamp_min(1e-3)
    ).clamp(0, 1)
    level = 0.5 + 0.05 * s.power(s.uniform(0.3, 1.2), 40)
    return Palette(s).ramp(level + dots * s.pick((-0.5, 0.5)) * s.uniform(0.5, 1))
