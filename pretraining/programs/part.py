"""Single parts: threads, gears, bearings, connectors, bolts, seams, cables, caps, blister packs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .colour import Palette, emboss, ground
from .glyphs import Script
from .outlines import box, disc, gear, polygon, random_outline, segment
from .sheet import Sheet, blend, fold


def shadowed(s: Sheet, image: Tensor, distance: Tensor, depth: float = 0.5) -> Tensor:
    """Darken an image around a thing, as it would lying on it."""
    return image * (1 - depth * torch.exp(-distance.clamp_min(0) / s.uniform(2, 10)))


def thread(s: Sheet) -> Tensor:
    """A screw from the side: a cylinder with slanting ridges, a head at one end."""
    image = ground(s, Palette(s))
    along, across = s.turned(s.angle(), 192, 192)
    radius, pitch = s.scale(30, 120), s.scale(6, 30)
    wave = torch.cos((along + across * s.uniform(0.05, 0.2)) * (2 * math.pi / pitch))
    depth = pitch * s.uniform(0.1, 0.25)
    body = across.abs() - radius - depth * wave
    round_ = torch.sqrt((1 - (across / (radius + depth)) ** 2).clamp_min(0))
    tone = 0.15 + 0.5 * round_ + 0.3 * wave * s.uniform(0.4, 1) * round_
    tone = tone + s.uniform(0, 0.4) * torch.exp(
        -((((across / radius) - s.uniform(-0.5, 0.5)) / 0.08) ** 2)
    )
    image = blend(shadowed(s, image, body), Palette(s, "grey").ramp(tone), s.cover(body))
    if s.chance(0.5):
        head = box(
            along + s.uniform(120, 190), across, s.uniform(30, 60), radius * s.uniform(1.2, 1.6), 6
        )
        level = 0.3 + 0.5 * round_ + 0.06 * s.streaks(0, 60, 1)
        image = blend(shadowed(s, image, head), Palette(s, "grey").ramp(level), s.cover(head))
    return image


def spring(s: Sheet) -> Tensor:
    """A coil from the side: slanting round wires with gaps."""
    image = ground(s, Palette(s))
    along, across = s.turned(s.angle(), 192, 192)
    radius, pitch = s.scale(40, 130), s.scale(14, 44)
    wire = pitch * s.uniform(0.2, 0.45)
    palette = Palette(s, s.pick(("grey", "cast")))
    for back in (True, False):
        slant = (-1 if back else 1) * pitch * 0.5 / radius
        off = fold(along - across * slant, pitch)
        inside = 1 - (off / wire) ** 2
        edge = torch.maximum(off.abs() - wire, across.abs() - radius - wire)
        bend = torch.sqrt((1 - (across / (radius + wire)) ** 2).clamp_min(0))
        tone = (0.1 + 0.8 * inside.clamp_min(0).sqrt() * bend) * (0.5 if back else 1)
        image = blend(shadowed(s, image, edge, 0.3), palette.ramp(tone), s.cover(edge))
    return image


def gears(s: Sheet) -> Tensor:
    """Toothed wheels with bores and spokes."""
    image = ground(s, Palette(s))
    for _ in range(s.count(1, 4)):
        radius = s.scale(40, 160)
        x, y = s.x - s.uniform(40, 344), s.y - s.uniform(40, 344)
        depth = radius * s.uniform(0.06, 0.2)
        wheel = gear(x, y, radius, s.count(8, 40), depth, s.uniform(0, 6.3))
        bore = disc(x, y, radius * s.uniform(0.12, 0.3))
        holes = s.count(0, 8)
        if holes > 2:
            step = 2 * math.pi / holes
            turn = fold(torch.atan2(y, x), step)
            far = torch.hypot(x, y)
            spoke = disc(
                far * torch.cos(turn) - radius * 0.6,
                far * torch.sin(turn),
                radius * s.uniform(0.08, 0.18),
            )
            bore = torch.minimum(bore, spoke)
        edge = torch.maximum(wheel, -bore)
        tone = (
            0.6 + 0.08 * s.power(0.8, 30) + 0.1 * torch.cos(torch.hypot(x, y) * s.uniform(0.3, 1.2))
        )
        face = emboss(s, (-edge).clamp(0, s.uniform(2, 8)), Palette(s).ramp(tone), shine=0.3)
        image = blend(shadowed(s, image, edge), face, s.cover(edge))
    return image


def bearing(s: Sheet) -> Tensor:
    """Rings with balls between them, from above."""
    image = ground(s, Palette(s))
    palette = Palette(s, s.pick(("grey", "cast")))
    x, y = s.x - s.uniform(150, 234), s.y - s.uniform(150, 234)
    radius, count = s.uniform(90, 185), s.count(7, 16)
    far, turn = torch.hypot(x, y), torch.atan2(y, x) + s.uniform(0, 6)
    middle, ball = radius * 0.68, min(radius * 0.16, radius * 2.1 / count)
    outer = torch.maximum(
        far - radius, radius * s.uniform(0.5, 0.85) * 0 + middle + ball * 0.8 - far
    )
    inner = torch.maximum(far - middle + ball * 0.8, radius * s.uniform(0.25, 0.4) - far)
    image = shadowed(s, image, far - radius)
    image = blend(image, palette.at(0.05), s.cover((far - middle).abs() - ball))
    sheen = 0.55 + 0.25 * torch.cos(2 * turn + s.uniform(0, 6)) + 0.05 * s.power(0.3, 10)
    step = 2 * math.pi / count
    u, v = far * torch.cos(fold(turn, step)) - middle, far * torch.sin(fold(turn, step))
    rise = (1 - (u * u + v * v) / ball**2).clamp_min(0).sqrt()
    lit = torch.exp(-((u + ball * 0.3) ** 2 + (v - ball * 0.2) ** 2) / (ball * 0.25) ** 2)
    image = blend(
        image, palette.ramp(0.15 + 0.6 * rise + 0.5 * lit), s.cover(torch.hypot(u, v) - ball)
    )
    rings = torch.minimum(outer, inner)
    image = blend(image, palette.ramp(sheen), s.cover(rings))
    return blend(image, palette.at(0.1), s.cover(rings.abs() - 0.8))


def connector(s: Sheet) -> Tensor:
    """A housing with rows of pins or sockets."""
    image = ground(s, Palette(s))
    along, across = s.turned(s.angle() + s.uniform(-0.05, 0.05), 192, 192)
    pitch, rows, columns = s.uniform(22, 64), s.count(1, 4), s.count(3, 10)
    w, h = pitch * columns / 2, pitch * rows / 2
    shell = box(along, across, w + 14, h + 14, s.uniform(0, 12))
    palette = Palette(s)
    image = blend(
        shadowed(s, image, shell), palette.ramp(0.35 + 0.03 * s.power(0.5, 20)), s.cover(shell)
    )
    image = blend(image, palette.at(0.05), s.cover(box(along, across, w + 5, h + 5, 3)))
    x, y = fold(along - w - pitch / 2, pitch), fold(across - h - pitch / 2, pitch)
    inside = s.cover(box(along, across, w, h))
    size = pitch * s.uniform(0.15, 0.35)
    pin = disc(x, y, size) if s.chance(0.5) else box(x, y, size, size * s.uniform(0.5, 1.2), 1)
    metal = Palette(s, s.pick(("grey", "cast"))).ramp(0.6 + 0.6 * (-x - y) / pitch)
    image = blend(image, palette.at(0.4), s.cover(pin - size * 0.5) * inside)
    return blend(image, metal, s.cover(pin) * inside)


def bolts(s: Sheet) -> Tensor:
    """Hexagon, slotted, cross and socket heads on a plate."""
    image = ground(s, Palette(s, "grey"))
    for _ in range(s.count(3, 12)):
        radius = s.scale(16, 46)
        x0, y0 = s.uniform(0, 384), s.uniform(0, 384)
        where = s.window(x0, y0, radius * 2.2)
        if where is None:
            continue
        x, y = s.x[where] - x0, s.y[where] - y0
        turn, kind = s.uniform(0, 6.3), s.count(0, 3)
        u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
        metal = Palette(s, s.pick(("grey", "grey", "cast")))
        part = image[:, where[0], where[1]]
        far = torch.hypot(x, y)
        if s.chance(0.6):
            tone = 0.6 + 0.2 * torch.cos(2 * torch.atan2(y, x) + turn)
            part = shadowed(s, part, far - radius * 1.45)
            part = blend(part, metal.ramp(tone), s.cover(far - radius * 1.45))
        head = polygon(u, v, radius * 0.9, 6) if kind == 0 else disc(u, v, radius)
        slope = 0.55 + s.uniform(-0.3, 0.3) * x / radius + s.uniform(-0.3, 0.3) * y / radius
        part = blend(shadowed(s, part, head), metal.ramp(slope), s.cover(head))
        if kind == 0:
            part = blend(part, metal.ramp(slope + 0.2), s.cover(disc(x, y, radius * 0.8)))
        slot = box(u, v, radius, radius * 0.13)
        if kind == 2:
            slot = torch.minimum(
                box(u, v, radius * 0.65, radius * 0.14), box(u, v, radius * 0.14, radius * 0.65)
            )
        elif kind == 3:
            slot = polygon(u, v, radius * 0.45, 6)
        if kind:
            part = blend(part, metal.at(0) * 0.6, s.cover(slot) * s.cover(head))
        image[:, where[0], where[1]] = part
    return image


def weld(s: Sheet) -> Tensor:
    """Seams with overlapping scales between two plates."""
    along, across = s.turned(s.angle(), 192, s.uniform(130, 254))
    across = across + s.uniform(0, 5) * s.smooth(70)
    width, pitch = s.scale(12, 50), s.scale(4, 18)
    one, two = ground(s, Palette(s, "grey")), ground(s, Palette(s, "grey"))
    image = torch.where(across > 0, one, two)
    bulge = (1 - (across / width) ** 2).clamp_min(0)
    phase = along - torch.sqrt((width**2 - across**2).clamp_min(0)) * s.uniform(0.4, 1.2)
    scale = (phase / pitch) - torch.floor(phase / pitch)
    height = (
        bulge.sqrt() * width * 0.3 + scale * bulge.sqrt() * pitch * 0.3 + 0.2 * s.power(0.5, 10)
    )
    bead = emboss(s, height, Palette(s, "grey").ramp(0.5 + 0.1 * s.power(1, 30)), shine=0.8)
    heat = torch.exp(-((across.abs() - width) / (width * s.uniform(0.3, 2))).clamp_min(0))
    image = image * (1 - s.uniform(0, 0.5) * heat)
    edge = across.abs() - width * (1 + 0.04 * s.smooth(15))
    return blend(image, bead, s.cover(edge))


def stitches(s: Sheet) -> Tensor:
    """Sewn seams on cloth or hide."""
    palette = Palette(s)
    cloth = ground(s, palette, s.uniform(0.2, 0.8))
    image = cloth
    tone = Palette(s).any()
    for _ in range(s.count(1, 4)):
        along, across = s.turned(s.angle(), s.uniform(60, 324), s.uniform(60, 324))
        across = across + s.uniform(0, 6) * s.smooth(90)
        pitch, slant = s.scale(8, 30), s.uniform(-0.3, 0.3)
        x = fold(along, pitch)
        mark = segment(
            x, across - slant * x, (-pitch * 0.33, 0.0), (pitch * 0.33, 0.0)
        ) - s.uniform(1, 3.2)
        fold_line = torch.exp(-(across / s.uniform(6, 20)).square())
        image = image * (1 - s.uniform(0.1, 0.5) * fold_line)
        image = blend(shadowed(s, image, mark, 0.6), tone * s.uniform(0.7, 1.1), s.cover(mark))
    return image


def cable(s: Sheet) -> Tensor:
    """Cores with strands inside a jacket, cut through."""
    image = ground(s, Palette(s))
    x0, y0, radius = s.uniform(170, 214), s.uniform(170, 214), s.uniform(110, 180)
    x, y = s.x - x0, s.y - y0
    jacket = disc(x, y, radius)
    palette = Palette(s)
    image = blend(shadowed(s, image, jacket), palette.at(0.2), s.cover(jacket))
    image = blend(
        image, palette.at(s.uniform(0.3, 1)), s.cover(jacket + radius * s.uniform(0.06, 0.14))
    )
    count, turn = s.count(2, 5), s.uniform(0, 6.3)
    ring = radius * 0.45
    core = min(radius * 0.38, ring * math.sin(math.pi / count) * 0.95)
    copper, strand = Palette(s, s.pick(("cast", "two", "grey"))), core * s.uniform(0.1, 0.22)
    for k in range(count):
        u = x - ring * math.cos(turn + k * 2 * math.pi / count)
        v = y - ring * math.sin(turn + k * 2 * math.pi / count)
        image = blend(
            shadowed(s, image, disc(u, v, core), 0.3),
            Palette(s, "rich").any(),
            s.cover(disc(u, v, core)),
        )
        row = torch.round(v / (strand * 1.75))
        a, b = fold(u + (row % 2) * strand, strand * 2), fold(v, strand * 1.75)
        wires = torch.maximum(disc(a, b, strand * 0.93), disc(u, v, core * 0.7))
        image = blend(image, copper.at(0), s.cover(disc(u, v, core * 0.72)))
        image = blend(image, copper.ramp(0.8 - torch.hypot(a, b) / strand * 0.4), s.cover(wires))
    return image


def caps(s: Sheet) -> Tensor:
    """Cans, caps and lids from above: concentric steps, crimped rims, a print."""
    image = ground(s, Palette(s))
    radius = s.scale(50, 180)
    pitch = radius * s.uniform(2.05, 2.4)
    x = fold(s.x - s.uniform(0, 384), pitch)
    y = fold(s.y - s.uniform(0, 384), pitch)
    far, turn = torch.hypot(x, y), torch.atan2(y, x)
    rim = radius * (1 + s.uniform(0, 0.03) * torch.sin(turn * s.count(18, 36)))
    edge, palette = far - rim, Palette(s)
    height = s.zeros()
    for _ in range(s.count(2, 5)):
        at, soft = radius * s.uniform(0.3, 0.97), s.scale(1, 5)
        height = height + s.uniform(-6, 6) * torch.sigmoid((far - at) / soft)
    sheen = 0.15 * torch.cos(2 * turn + s.uniform(0, 6)) * s.pick((0.0, 1.0))
    lid = emboss(s, height, palette.ramp(0.6 + sheen + 0.04 * s.power(0.6, 20)), shine=0.6)
    image = blend(shadowed(s, image, edge), lid, s.cover(edge))
    mark = random_outline(
        s, s.pick(("star", "polygon", "ring", "cross", "blob")), radius * s.uniform(0.2, 0.5)
    )
    return blend(image, palette.any(), s.cover(mark(x, y)) * s.uniform(0.3, 1))


def keypad(s: Sheet) -> Tensor:
    """Keys with letters on them."""
    palette = Palette(s)
    pitch = s.uniform(44, 110)
    half = pitch * s.uniform(0.36, 0.46)
    x, y = fold(s.x - pitch / 2, pitch), fold(s.y - pitch / 2, pitch)
    key = box(x, y, half, half * s.uniform(0.7, 1), s.uniform(2, 14))
    base = ground(s, palette, s.uniform(0, 0.4))
    face = emboss(
        s, (-key).clamp(0, 8) * s.uniform(0.3, 1), palette.ramp(0.6 + 0.03 * s.power(0.5, 20))
    )
    image = blend(shadowed(s, base, key), face, s.cover(key))
    ink, script = s.zeros(), Script(s, pitch * s.uniform(0.2, 0.4), 0.16, 14)
    for row in range(int(384 / pitch) + 1):
        for column in range(int(384 / pitch) + 1):
            left = (column + 0.5) * pitch - script.advance * 0.4
            script.write(ink, left, (row + 0.5) * pitch - script.height * 0.65, 1)
    return blend(image, palette.at(s.pick((0.0, 1.0))), ink)


def fins(s: Sheet) -> Tensor:
    """Ribs of a heat sink, a grille or a comb, across part of the picture."""
    palette = Palette(s, s.pick(("grey", "cast", "two")))
    image = ground(s, palette)
    along, across = s.turned(s.angle(), 192, 192)
    pitch = s.scale(8, 44)
    x = fold(along, pitch) / pitch
    frame = box(along, across, s.uniform(110, 260), s.uniform(70, 200), 4)
    width = s.uniform(0.2, 0.42)
    tone = 0.75 + s.uniform(-0.6, 0.6) * x + 0.04 * s.streaks(0.0, 2, 30)
    rib = s.cover((x.abs() - width) * pitch)
    deep = blend(palette.at(0)[:, None, None] + 0 * image, palette.ramp(tone), rib)
    return blend(shadowed(s, image, frame), deep, s.cover(frame))


def blister(s: Sheet) -> Tensor:
    """Tablets in clear pockets on foil with a fine pattern."""
    foil = Palette(s, "grey")
    knurl = 2 * math.pi / s.uniform(4, 8)
    pattern = torch.sin((s.x + s.y) * knurl) * torch.sin((s.x - s.y) * knurl)
    image = foil.ramp(0.65 + 0.08 * pattern + 0.05 * s.smooth(60))
    pitch, ratio = s.uniform(56, 130), s.uniform(0.6, 1.2)
    x = fold(s.x - s.uniform(0, 384), pitch)
    y = fold(s.y - s.uniform(0, 384), pitch * ratio)
    half = min(pitch, pitch * ratio) * s.uniform(0.26, 0.36)
    pill = box(x, y, half * s.uniform(1, 1.3), half, half * s.pick((0.4, 0.8, 1.0)))
    dome = pill - half * 0.25
    ring = torch.exp(-((dome / s.uniform(1.5, 4)) ** 2))
    image = image * (1 - 0.3 * s.cover(dome)) + s.uniform(0.1, 0.5) * ring * (x + y < 0)
    tone = Palette(s)
    body = emboss(
        s,
        (-pill).clamp(0, half * 0.5) * s.uniform(0.3, 0.9),
        tone.ramp(0.8 + 0.03 * s.power(0.3, 10)),
    )
    image = blend(shadowed(s, image, pill, 0.4), body, s.cover(pill))
    groove = torch.maximum(x.abs() - 1.4, y.abs() - half * 0.8)
    return image * (1 - 0.4 * s.cover(groove) * s.pick((0.0, 1.0)))


def bottle(s: Sheet) -> Tensor:
    """A bottle or tube from the side with neck, cap and label."""
    image = ground(s, Palette(s))
    y = (s.y - 20) / 364
    body, neck = s.uniform(60, 130), s.uniform(20, 50)
    shoulder, soft = s.uniform(0.2, 0.5), s.uniform(0.02, 0.1)
    profile = neck + (body - neck) * torch.sigmoid((y - shoulder) / soft)
    x = s.x - s.uniform(150, 234)
    edge = torch.maximum(x.abs() - profile, 10 - s.y)
    across = (x / profile).clamp(-1, 1)
    shade = 0.3 + 0.5 * torch.sqrt((1 - across**2).clamp_min(0))
    streak = torch.exp(-(((across - s.uniform(-0.7, 0.7)) / s.uniform(0.03, 0.15)) ** 2))
    glass = Palette(s).ramp(shade + s.uniform(0, 0.5) * streak)
    image = blend(shadowed(s, image, edge), glass, s.cover(edge))
    cap = torch.maximum(edge - 4, s.y - s.uniform(30, 80))
    ribs = 0.12 * torch.sin(torch.asin(across * 0.99) * s.count(16, 50))
    image = blend(image, Palette(s).ramp(shade + ribs), s.cover(cap))
    top = s.uniform(0.55, 0.65) * 384
    paper = torch.maximum(edge, (s.y - top - 50).abs() - s.uniform(30, 60))
    image = blend(image, Palette(s).ramp(shade + 0.2), s.cover(paper))
    ink, script = s.zeros(), Script(s, s.uniform(14, 34), 0.18, 8)
    script.write(ink, 192 - body * 0.6, top + 30, int(body * 1.1 / script.advance))
    return blend(image, Palette(s).any(), ink * s.cover(paper))
