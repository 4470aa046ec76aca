"""Materials: surfaces of metal, wood, stone, hide and cloth, the same everywhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .colour import Palette, emboss
from .noise import near
from .sheet import Sheet, equalise, fold


def marble(s: Sheet) -> Tensor:
    """Veins along a warped wave."""
    along, _ = s.turned(s.angle())
    cell = s.scale(15, 50)
    bend = s.power(2.2, cell * 2, 1.0) * s.uniform(0.4, 1.5)
    wave = torch.sin(along * (2 * math.pi / s.scale(16, 60)) + bend * 2)
    vein = (1 - wave.abs()).pow(s.uniform(1, 6))
    return Palette(s).ramp(0.2 + 0.5 * vein + 0.1 * s.power(1, 30))


def wood(s: Sheet) -> Tensor:
    """Year rings cut lengthwise, with pores."""
    turn = s.angle()
    _, across = s.turned(turn)
    grain = s.streaks(turn, s.scale(60, 200), s.scale(8, 30))
    rings = torch.sin((across + s.uniform(3, 14) * grain) * (2 * math.pi / s.scale(8, 44)))
    pores = s.streaks(turn, s.scale(8, 30), 0.8)
    level = 0.5 + s.uniform(0.1, 0.25) * rings - s.uniform(0.03, 0.12) * pores.clamp_min(0.5)
    return Palette(s, s.pick(("cast", "two", "grey"))).ramp(level)


def orange_peel(s: Sheet) -> Tensor:
    """Lacquer or moulded plastic with soft dimples."""
    f0 = 1 / s.scale(4, 20)
    field = s.spectrum(lambda _x, _y, f: torch.exp(-(((f / f0).log() / 0.4) ** 2)))
    return emboss(s, field * s.uniform(0.2, 1.2), Palette(s).any(), shine=0.8)


def cast_iron(s: Sheet) -> Tensor:
    """Rough cast skin with pits, lit from the side."""
    field = s.power(s.uniform(1.0, 1.6), s.scale(8, 40), s.uniform(0.3, 1.2))
    pits = (s.smooth(s.scale(1.5, 5)) - s.uniform(1.2, 2.2)).clamp_min(0)
    base = Palette(s, "grey").ramp(0.4 + 0.1 * s.power(1, 60))
    return emboss(s, field * s.uniform(0.3, 1.2) - pits * 2, base, shine=0.25)


def ground_steel(s: Sheet) -> Tensor:
    """Fine straight grinding tracks of many widths."""
    turn = s.angle() + s.uniform(-0.1, 0.1)
    field = s.streaks(turn, s.scale(80, 400), s.uniform(0.5, 1.2))
    field = field + s.uniform(0.2, 1) * s.streaks(turn, 300, s.scale(3, 15))
    fine = 0.2 * s.normal(s.side, s.side)
    return Palette(s, "grey").ramp(s.uniform(0.35, 0.65) + s.scale(0.04, 0.2) * (field + fine))


def milled(s: Sheet) -> Tensor:
    """Arcs that a face mill leaves, row after row."""
    along, across = s.turned(s.angle())
    pitch, radius = s.scale(4, 14), s.scale(60, 400)
    lane = fold(across, s.scale(80, 500))
    arc = along - torch.sqrt((radius * radius - lane * lane).clamp_min(1))
    wave = torch.cos(arc * (2 * math.pi / pitch) + 0.4 * s.power(1.2, 80))
    field = wave * s.uniform(0.3, 1) + 0.4 * s.streaks(s.angle(), 10, 1)
    return Palette(s, s.pick(("grey", "cast"))).ramp(0.5 + s.scale(0.05, 0.2) * field)


def turned_face(s: Sheet) -> Tensor:
    """Tool marks of a lathe seen close by: wide circles around a far centre."""
    turn, far = s.uniform(0, 2 * math.pi), s.scale(400, 2000)
    x0, y0 = 192 + far * math.cos(turn), 192 + far * math.sin(turn)
    radius = torch.hypot(s.x - x0, s.y - y0)
    lines = s.normal(1, 4096)[0]
    index = ((radius - far + 300) * 4).long().clamp(0, 4095)
    field = 0.6 * lines[index] + torch.cos(radius * (2 * math.pi / s.scale(3, 16)))
    return Palette(s, "grey").ramp(
        0.5 + s.scale(0.04, 0.18) * (field + 0.3 * s.normal(s.side, s.side))
    )


def leather(s: Sheet) -> Tensor:
    """Hide with cells and creases."""
    first, second, _ = near(s, s.count(300, 1800))
    bend = s.uniform(2, 5)
    cell = s.warp(
        ((second - first) / first.mean()).clamp(0, 1.5), bend * s.smooth(8), bend * s.smooth(8)
    )
    crease = (1 - s.smooth(s.scale(15, 50)).abs() * 3).clamp_min(0)
    height = torch.sqrt(cell + 0.02) * s.uniform(1, 3) - crease * s.uniform(0, 2)
    base = Palette(s).ramp(0.4 + 0.06 * s.power(1.2, 40))
    return emboss(s, height + 0.1 * s.normal(s.side, s.side), base)


def granite(s: Sheet) -> Tensor:
    """Grains of a few minerals."""
    palette = Palette(s)
    grain = s.scale(1.5, 8)
    image = palette.ramp(0.5 + 0.08 * s.power(0.8, 30))
    for _ in range(s.count(2, 4)):
        mask = equalise(s.power(1.2, grain * 3, grain * 0.3) - s.uniform(0.5, 1.4), 8)
        image = image + (palette.any()[:, None, None] - image) * mask
    return image


def terrazzo(s: Sheet) -> Tensor:
    """Chips of stone in cement: shrunken cells of many tones."""
    palette = Palette(s)
    first, second, owner = near(s, s.count(150, 1400))
    chip = s.cover(s.uniform(1, 8) - (second - first))
    keep = (s.random(int(owner.max()) + 1) < s.uniform(0.4, 1)).float()[owner]
    tones = s.random(int(owner.max()) + 1)[owner]
    base = palette.ramp(s.uniform(0, 1) + 0.05 * s.power(0.7, 20))
    return base + (palette.ramp(tones + 0.04 * s.power(0.6, 10)) - base) * (chip * keep)


def plain_weave(s: Sheet) -> Tensor:
    """Cloth or wire mesh: plain, twill or satin, by which thread is on top."""
    pitch_x, pitch_y = s.scale(4, 26), 0.0
    pitch_y = pitch_x * s.uniform(0.8, 1.25)
    along, across = s.turned(s.angle() + s.uniform(-0.05, 0.05))
    wobble = s.uniform(0, 0.12) * pitch_x
    along, across = along + wobble * s.smooth(20), across + wobble * s.smooth(20)
    i, j = torch.floor(along / pitch_x), torch.floor(across / pitch_y)
    over, under, step = s.pick(((1, 1, 1), (1, 2, 1), (2, 2, 1), (3, 1, 1), (1, 4, 2)))
    top = ((i * step + j) % (over + under)) < over
    width = s.uniform(0.35, 0.5)
    u, v = (
        fold(along - pitch_x / 2, pitch_x) / pitch_x,
        fold(across - pitch_y / 2, pitch_y) / pitch_y,
    )
    warp_z = torch.sqrt((width**2 - u * u).clamp_min(0)) * 2 + top.float() * (0.4 - 1.6 * v * v)
    weft_z = torch.sqrt((width**2 - v * v).clamp_min(0)) * 2 + (~top).float() * (0.4 - 1.6 * u * u)
    palette = Palette(s)
    height = torch.maximum(warp_z * (u.abs() < width), weft_z * (v.abs() < width))
    tone = torch.where(warp_z > weft_z, s.uniform(0.3, 0.9), s.uniform(0.3, 0.9))
    tone = tone * (0.3 + 0.7 * (height / 1.4).clamp(0, 1)) + 0.05 * s.power(0.5, 10)
    return palette.ramp(tone)


def knit(s: Sheet) -> Tensor:
    """Rows of V-shaped loops."""
    pitch = s.scale(8, 32)
    along, across = s.turned(s.angle())
    u = fold(along, pitch) / pitch
    row = pitch * s.uniform(0.5, 0.9)
    v = fold(across + u.abs() * pitch * s.uniform(0.5, 1.1), row) / row
    strand = (1 - (v * 2).pow(2)).clamp_min(0) * (1 - (4 * u.abs() - 1).pow(2)).clamp_min(0)
    twist = torch.sin((along.abs() + across) * (2 * math.pi / (pitch * 0.2)))
    level = 0.1 + 0.7 * strand.sqrt() + s.uniform(0, 0.08) * twist + 0.05 * s.power(0.6, 12)
    return Palette(s).ramp(level)


def felt(s: Sheet) -> Tensor:
    """Fibres in all directions: felt, paper, chipboard."""
    field = s.zeros()
    for _ in range(s.count(3, 6)):
        layer = s.streaks(s.uniform(0, math.pi), s.scale(8, 40), s.scale(0.6, 2))
        field = torch.maximum(field, layer)
    return Palette(s).ramp(0.1 + s.uniform(0.1, 0.28) * field + 0.08 * s.power(1, 30))


def sandblasted(s: Sheet) -> Tensor:
    """Fine matt grain with slight clouds."""
    field = s.power(s.uniform(0, 0.5), 10, s.uniform(0.3, 1.5))
    base = Palette(s).ramp(s.uniform(0.3, 0.7) + 0.03 * s.smooth(s.scale(15, 30)))
    return base + s.scale(0.03, 0.15) * field


def cross_hatch(s: Sheet) -> Tensor:
    """Honed bore: two sets of fine tracks that cross."""
    turn, spread = s.angle(), s.uniform(0.3, 1.2)
    one = s.streaks(turn + spread, s.scale(60, 300), s.uniform(0.6, 1.5))
    two = s.streaks(turn - spread, s.scale(60, 300), s.uniform(0.6, 1.5))
    field = torch.minimum(one, two) if s.chance(0.5) else one + two
    return Palette(s, "grey").ramp(0.55 + s.scale(0.06, 0.2) * field)


def carbon(s: Sheet) -> Tensor:
    """Rovings at right angles, each with its own sheen."""
    pitch = s.scale(10, 40)
    along, across = s.turned(s.angle())
    i, j = torch.floor(along / pitch), torch.floor(across / pitch)
    top = ((i + j) % 4) < 2
    u, v = fold(along - pitch / 2, pitch) / pitch, fold(across - pitch / 2, pitch) / pitch
    sheen = torch.where(
        top, 1 - (2 * u).pow(2) * s.uniform(0.3, 1), 0.5 - (2 * v).pow(2) * s.uniform(0.1, 0.4)
    )
    fibre = torch.where(top, s.streaks(0.0, 40, 0.7), s.streaks(math.pi / 2, 40, 0.7))
    return Palette(s, s.pick(("grey", "cast"))).ramp(0.5 * sheen + 0.05 * fibre + 0.1)


def rust(s: Sheet) -> Tensor:
    """Corroded or patinated skin: flaky patches over fine grain."""
    patch = equalise(s.power(1.5, s.scale(10, 35)) - s.uniform(-0.5, 0.5), s.scale(2, 10))
    fine = s.power(0.7, 12)
    image = Palette(s).ramp(0.5 + 0.12 * fine)
    other = Palette(s, s.pick(("cast", "two"))).ramp(0.5 + 0.2 * s.power(1.0, 20))
    return image + (other - image) * patch


def foam(s: Sheet) -> Tensor:
    """Open pores of many sizes: sponge, sintered metal, bread."""
    height = s.zeros()
    for size in (s.scale(14, 30), s.scale(6, 14), s.scale(3, 6)):
        height = torch.minimum(
            height, -(s.smooth(size) - s.uniform(0.4, 1.2)).clamp_min(0) * size * 0.5
        )
    tone = (height / (-height.mean() + 1e-3) * 0.2).clamp(-1, 0)
    base = Palette(s).ramp(0.75 + 0.6 * tone + 0.04 * s.power(0.6, 20))
    return emboss(s, height * s.uniform(0.1, 0.4), base, shine=0.2)
