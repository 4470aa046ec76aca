"""Shaded solids: spheres, cylinders, cones, boxes, rings and embossed plates under one light.

Heights are towards the viewer, in units; light is Lambert with a Blinn-Phong highlight, a rim
and a soft shadow that falls away from the light.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .colour import Palette, emboss, ground
from .glyphs import Script
from .outlines import box, disc, gear, polygon, random_outline, segment
from .sheet import Sheet, blend, fold

Light = tuple[float, float, float]


def solid_height(
    s: Sheet, kind: str, size: float, at: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Give the distance to the outline and the height of a solid, both (side, side) in units."""
    x, y = s.turned(s.angle() + s.uniform(-0.2, 0.2), *at)
    long = size * s.uniform(1.0, 2.0)
    far = torch.hypot(x, y)
    if kind == "sphere":
        return far - size, (size**2 - far**2).clamp_min(0).sqrt()
    if kind == "cylinder":
        return box(x, y, long, size), (size**2 - y**2).clamp_min(0).sqrt()
    if kind == "cone":
        return far - size, (size - far).clamp_min(0) * s.uniform(0.4, 1.3)
    if kind == "torus":
        tube = size * s.uniform(0.2, 0.4)
        off = (far - size + tube).abs()
        return off - tube, (tube**2 - off**2).clamp_min(0).sqrt()
    if kind == "capsule":
        off = segment(x, y, (-long / 2, 0.0), (long / 2, 0.0))
        half = size * 0.6
        return off - half, (half**2 - off**2).clamp_min(0).sqrt()
    if kind == "pyramid":
        edge = polygon(x, y, size * 0.8, s.count(3, 6))
        return edge, (-edge).clamp_min(0) * s.uniform(0.3, 1)
    edge = box(x, y, long * 0.7, size * 0.7, s.uniform(0, size * 0.3))
    return edge, (-edge).clamp(0, s.scale(2, 12)) * s.uniform(0.6, 1.5)


SOLIDS = ("sphere", "cylinder", "cone", "torus", "capsule", "pyramid", "box")


def place(
    s: Sheet, image: Tensor, edge: Tensor, height: Tensor, light: Light, paint: Tensor
) -> Tensor:
    """Lay a shaded solid with its shadow on an image."""
    reach = s.uniform(4, 14)
    shadow = s.warp(s.cover(edge), s.zeros() + light[0] * reach, s.zeros() + light[1] * reach)
    image = image * (1 - s.uniform(0.3, 0.7) * s.blur(shadow, reach * 0.5))
    diffuse, bright = s.lit(height, light, s.scale(5, 120))
    rim = torch.exp(edge.clamp_max(0) / s.uniform(1.5, 6)) * s.uniform(-0.3, 0.3)
    body = paint * (s.uniform(0.15, 0.4) + 0.9 * diffuse) + s.uniform(0, 0.8) * bright + rim
    return blend(image, body, s.cover(edge))


def strew_solids(s: Sheet, kinds: Sequence[str], count: int, sizes: tuple[float, float]) -> Tensor:
    """Lay solids at random places under one light."""
    image, light, palette = ground(s, Palette(s)), s.light(), Palette(s)
    paint = ground(s, palette, s.uniform(0.3, 0.9))
    for _ in range(count):
        at = (s.uniform(0, 384), s.uniform(0, 384))
        edge, height = solid_height(s, s.pick(kinds), s.scale(*sizes), at)
        base = paint if s.chance(0.5) else palette.any()[:, None, None] + 0 * paint
        image = place(s, image, edge, height, light, base)
    return image


def solids(s: Sheet) -> Tensor:
    """Several kinds of solid together."""
    return strew_solids(s, SOLIDS, s.count(3, 7), (25, 110))


def spheres(s: Sheet) -> Tensor:
    """Balls of many sizes."""
    return strew_solids(s, ("sphere",), s.count(4, 9), (15, 110))


def rods(s: Sheet) -> Tensor:
    """Cylinders and capsules: pins, rollers, tubes."""
    return strew_solids(s, ("cylinder", "capsule"), s.count(3, 8), (12, 70))


def rings(s: Sheet) -> Tensor:
    """O-rings and washers."""
    return strew_solids(s, ("torus",), s.count(3, 8), (25, 140))


def blocks(s: Sheet) -> Tensor:
    """Boxes and pyramids with chamfers."""
    return strew_solids(s, ("box", "pyramid"), s.count(4, 9), (20, 120))


def embossed_plate(s: Sheet) -> Tensor:
    """A plate with raised and sunk figures."""
    height = s.zeros()
    for _ in range(s.count(4, 12)):
        shape = random_outline(
            s, s.pick(("disc", "box", "ring", "polygon", "capsule", "cross")), s.scale(15, 90)
        )
        edge = shape(s.x - s.uniform(0, 384), s.y - s.uniform(0, 384))
        soft = s.scale(1, 6)
        height = height + s.uniform(-6, 6) * torch.sigmoid(-edge / soft)
    height = height + 0.08 * s.power(s.uniform(0, 0.8), 20)
    return emboss(s, height, Palette(s).ramp(0.55 + 0.04 * s.power(0.6, 40)))


def embossed_text(s: Sheet) -> Tensor:
    """Letters stamped into or cast onto a surface."""
    mask, y = s.zeros(), s.uniform(5, 40)
    while y < 350:
        script = Script(s, s.scale(18, 70), s.uniform(0.12, 0.24), 7)
        script.write(mask, s.uniform(5, 50), y, int(360 / script.advance))
        y += script.height * s.uniform(1.4, 2.2)
    height = s.blur(mask, s.uniform(0.8, 2.5)) * s.pick((-1, 1)) * s.uniform(2, 7)
    rough = s.power(s.uniform(0.2, 1.0), 20) * s.uniform(0.05, 0.35)
    return emboss(
        s,
        height + rough,
        Palette(s, s.pick(("grey", "cast", "two"))).ramp(0.5 + 0.04 * s.power(0.8, 40)),
    )


def pressed_sheet(s: Sheet) -> Tensor:
    """A pressed panel: beads, ribs and bosses along lines."""
    height = s.zeros()
    for _ in range(s.count(2, 6)):
        _, across = s.turned(s.angle(), s.uniform(0, 384), s.uniform(0, 384))
        width = s.scale(4, 30)
        height = height + s.uniform(-1, 1) * width * torch.exp(-((across / width) ** 2))
    for _ in range(s.count(1, 5)):
        x, y, radius = s.x - s.uniform(0, 384), s.y - s.uniform(0, 384), s.scale(10, 60)
        height = height + s.uniform(-0.5, 0.5) * radius * torch.sigmoid(-disc(x, y, radius) / 3)
    return emboss(
        s,
        height,
        Palette(s, s.pick(("grey", "cast"))).ramp(0.55 + 0.04 * s.streaks(s.angle(), 100, 1)),
    )


def machined(s: Sheet) -> Tensor:
    """A turned or milled part from above: steps, pockets, bores, teeth, with tool marks."""
    image, light, metal = ground(s, Palette(s)), s.light(0.6, 2), Palette(s, "grey")
    x0, y0, radius = s.uniform(160, 224), s.uniform(160, 224), s.uniform(110, 180)
    x, y = s.x - x0, s.y - y0
    far = torch.hypot(x, y)
    body = [disc(x, y, radius), box(x, y, radius, radius * s.uniform(0.5, 1), 20)]
    body += [
        gear(x, y, radius, s.count(3, 30), radius * 0.15, 0),
        polygon(x, y, radius * 0.85, s.count(5, 8)),
    ]
    edge = s.pick(body)
    height = (-edge).clamp(0, s.uniform(2, 6))
    for _ in range(s.count(1, 4)):
        height = height + s.uniform(-7, 7) * torch.sigmoid(
            (radius * s.uniform(0.15, 0.8) - far) / 1.5
        )
    holes, step = s.count(2, 10), 0.0
    step = 2 * math.pi / holes
    turn = fold(torch.atan2(y, x), step)
    bore = disc(
        far * torch.cos(turn) - radius * 0.65, far * torch.sin(turn), radius * s.uniform(0.05, 0.15)
    )
    height = height - 8 * torch.sigmoid(-bore / 1.2)
    marks = torch.cos(far * s.uniform(0.4, 2)) if s.chance(0.6) else s.streaks(s.angle(), 200, 1)
    paint = metal.ramp(0.6 + 0.06 * marks + 0.1 * torch.cos(2 * torch.atan2(y, x)))
    paint = blend(paint, metal.at(0) * 0.3, s.cover(bore))
    return place(s, image, edge, height, light, paint)


def dunes(s: Sheet) -> Tensor:
    """Soft folds under low light: film, foil, dough, cloth in heaps."""
    height = s.smooth(s.scale(25, 90)) * s.scale(1, 14)
    crease = -s.smooth(s.scale(20, 70)).abs() * s.uniform(0, 10)
    fine = s.power(s.uniform(0.3, 1), 15) * s.uniform(0, 0.3)
    return emboss(
        s, height + crease + fine, Palette(s).ramp(0.5 + 0.08 * s.power(1.2, 90)), shine=1.0
    )


def studs(s: Sheet) -> Tensor:
    """Domes or cones in a lattice: keys, rivets, soles."""
    pitch = s.scale(14, 60)
    along, across = s.turned(s.angle())
    row = torch.floor(across / pitch)
    x, y = (
        fold(along + (row % 2) * pitch * s.pick((0.0, 0.5)), pitch),
        fold(across - pitch / 2, pitch),
    )
    radius = pitch * s.uniform(0.22, 0.47)
    far = torch.hypot(x, y)
    dome = (radius**2 - far**2).clamp_min(0).sqrt() * s.uniform(0.3, 1)
    if s.chance(0.3):
        dome = (radius - far).clamp(0, radius * 0.4)
    base = Palette(s).ramp(0.5 + 0.04 * s.power(0.6, 20) + s.uniform(-0.2, 0.2) * (far < radius))
    return emboss(s, dome, base)
