"""Overlapping shapes: dead leaves with textured fills and soft shadows.

Reference:
    Lee, Mumford and Huang, Occlusion Models for Natural Images, 2001; Baradad et al.,
    Learning to See by Looking at Noise, 2021. Written here from the ideas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import material, noise
from .colour import Palette, ground
from .outlines import KINDS, Outline, random_outline
from .sheet import Sheet, blend, lay


@dataclass(frozen=True, slots=True)
class Style:
    """How shapes of one canvas are laid down.

    Attributes:
        shadow: Depth of the shadow, 0 for none.
        offset_xy: Where the shadow falls, units.
        rim: Width of a darker or brighter edge, units; 0 for none.
        shade: Strength of the slope of light inside a shape.
    """

    shadow: float
    offset_xy: tuple[float, float]
    rim: float
    shade: float

    @classmethod
    def draw(cls, s: Sheet) -> Style:
        """Draw a style."""
        turn, far = s.uniform(0, 2 * math.pi), s.uniform(1, 8)
        return cls(
            s.uniform(0.2, 0.7) if s.chance(0.6) else 0.0,
            (far * math.cos(turn), far * math.sin(turn)),
            s.uniform(1, 4) if s.chance(0.3) else 0.0,
            s.uniform(0.1, 0.4) if s.chance(0.4) else 0.0,
        )


def stamp(
    s: Sheet,
    image: Tensor,
    outline: Outline,
    at: tuple[float, float, float],
    paint: Tensor,
    style: Style,
) -> None:
    """Lay one shape on an image, in place.

    Args:
        s: The sheet.
        image: (3, side, side).
        outline: Shape around its middle.
        at: Middle x and y, and the reach of the shape, all in units.
        paint: Colour (3,) or a painted sheet (3, side, side).
        style: Shadow, rim and slope.
    """
    x0, y0, reach = at
    far = 2 * max(abs(style.offset_xy[0]), abs(style.offset_xy[1]), 1.0)
    where = s.window(x0, y0, reach + far)
    if where is None:
        return
    x, y = s.x[where] - x0, s.y[where] - y0
    part = image[:, where[0], where[1]]
    if style.shadow:
        dark = s.cover(outline(x - style.offset_xy[0], y - style.offset_xy[1]), far)
        part *= 1 - style.shadow * dark
    distance = outline(x, y)
    colour = paint[:, None, None] if paint.ndim == 1 else paint[:, where[0], where[1]]
    if style.shade:
        slope = (x * style.offset_xy[0] + y * style.offset_xy[1]) / (far * reach)
        colour = colour * (1 - 2 * style.shade * slope)
    if style.rim:
        edge = ((distance + style.rim) / style.rim).clamp(0, 1)
        colour = colour * (1 - 0.5 * edge)
    lay(image, colour.expand_as(part), s.cover(distance), where)


def sheets(s: Sheet, palette: Palette, count: int) -> list[Tensor]:
    """Paint a few textured sheets to cut shapes from."""
    return [ground(s, palette) for _ in range(count)]


def strew(
    s: Sheet, kinds: Sequence[str], count: int, sizes: tuple[float, float], slope: float = 2.0
) -> Tensor:
    """Lay shapes of power-law sizes at random places, the last on top."""
    palette = Palette(s)
    fills = sheets(s, palette, s.count(2, 4))
    image = fills[0].clone()
    style = Style.draw(s)
    flat = s.uniform(0, 0.6)
    low, high = sizes[0] ** -slope, sizes[1] ** -slope
    for _ in range(count):
        radius = (low + (high - low) * s.uniform(0, 1)) ** (-1 / slope)
        paint = palette.any() if s.chance(flat) else s.pick(fills) * s.uniform(0.6, 1.3)
        outline = random_outline(s, s.pick(kinds), radius)
        stamp(s, image, outline, (s.uniform(0, 384), s.uniform(0, 384), radius), paint, style)
    return image


def dead_discs(s: Sheet) -> Tensor:
    """Discs of all sizes over each other."""
    return strew(s, ("disc",), s.count(60, 160), (s.scale(6, 25), 130))


def dead_boxes(s: Sheet) -> Tensor:
    """Boxes with sharp or round corners."""
    return strew(s, ("box",), s.count(40, 130), (s.scale(8, 30), 140))


def dead_polygons(s: Sheet) -> Tensor:
    """Polygons of three to eight sides."""
    return strew(s, ("polygon",), s.count(40, 110), (s.scale(10, 35), 140))


def dead_blobs(s: Sheet) -> Tensor:
    """Soft blobs, like dough or drops."""
    return strew(s, ("blob",), s.count(30, 90), (s.scale(12, 40), 150))


def dead_mixed(s: Sheet) -> Tensor:
    """Several kinds of shape together."""
    kinds = [s.pick(KINDS) for _ in range(s.count(2, 5))]
    return strew(s, kinds, s.count(40, 110), (s.scale(8, 30), 130))


def confetti(s: Sheet) -> Tensor:
    """Small pieces of alike size on a ground: granulate, chips, seeds."""
    size = s.scale(6, 18)
    return strew(s, (s.pick(KINDS), s.pick(KINDS)), s.count(100, 180), (size, size * 1.3))


def few_large(s: Sheet) -> Tensor:
    """A few large shapes cut by the frame: the regions of a part."""
    return strew(s, KINDS, s.count(4, 12), (60, 260), 1.0)


def needles(s: Sheet) -> Tensor:
    """Thin rods and fibres in a heap."""
    palette = Palette(s)
    image = ground(s, palette)
    width, style = s.scale(1.2, 6), Style.draw(s)
    for _ in range(s.count(40, 90)):
        half = s.scale(20, 120)
        turn = s.uniform(0, math.pi)
        cos, sin = math.cos(turn), math.sin(turn)

        def rod(x: Tensor, y: Tensor, c: float = cos, n: float = sin, h: float = half) -> Tensor:
            along = (x * c + y * n).clamp(-h, h)
            return torch.hypot(x - along * c, y - along * n) - width

        stamp(s, image, rod, (s.uniform(0, 384), s.uniform(0, 384), half), palette.any(), style)
    return image


def alike_parts(s: Sheet) -> Tensor:
    """Copies of one outline with holes, strewn: bulk parts on a belt."""
    palette = Palette(s)
    image = ground(s, palette, s.uniform(0, 0.4))
    radius, style = s.scale(20, 60), Style.draw(s)
    body = random_outline(s, s.pick(("disc", "polygon", "box", "cross", "star", "capsule")), radius)
    hole = random_outline(s, s.pick(("disc", "polygon", "box")), radius * s.uniform(0.2, 0.45))
    fill = ground(s, palette, s.uniform(0.5, 1))
    for _ in range(s.count(8, 50)):
        turn = s.uniform(0, 2 * math.pi)
        cos, sin = math.cos(turn), math.sin(turn)

        def part(x: Tensor, y: Tensor, c: float = cos, n: float = sin) -> Tensor:
            u, v = x * c + y * n, y * c - x * n
            return torch.maximum(body(u, v), -hole(u, v))

        stamp(s, image, part, (s.uniform(0, 384), s.uniform(0, 384), radius), fill, style)
    return image


def stacked_sheets(s: Sheet) -> Tensor:
    """Layers with wavy edges, one under the other: paper, film, plies, coats."""
    palette = Palette(s)
    image = ground(s, palette)
    _, across = s.turned(s.angle())
    bend = s.smooth(s.scale(20, 90))
    grain = 1 + 0.05 * s.power(0.8, 30)
    edge, last = float(across.min()), float(across.max())
    reach = s.scale(15, 90)
    while edge < last:
        edge += reach * s.uniform(0.5, 1.5)
        bend = bend + 0.7 * s.octave(s.scale(30, 120))
        line = across - edge - s.uniform(0, 6) * bend
        dark = s.uniform(0.1, 0.6) * torch.exp(line.clamp_max(0) / s.uniform(2, 8))
        image = image * (1 - dark)
        image = blend(image, palette.any()[:, None, None] * grain, s.cover(-line))
    return image


MATERIALS = (
    noise.power_law, noise.oriented_noise, noise.fractal_sum, noise.cells, noise.gabor,
    noise.band, noise.quantised, noise.sparse_dots, material.wood, material.orange_peel,
    material.cast_iron, material.ground_steel, material.granite, material.plain_weave,
    material.knit, material.felt, material.sandblasted, material.carbon, material.rust,
)  # fmt: skip
"""Textures to put side by side; none that is held out."""


def two_materials(s: Sheet) -> Tensor:
    """Two textures that meet along a straight, wavy or torn line."""
    _, across = s.turned(s.angle(), s.uniform(100, 284), s.uniform(100, 284))
    edge = across + s.uniform(0, 20) * s.smooth(s.scale(20, 120))
    if s.chance(0.3):
        edge = edge.abs() - s.uniform(20, 90)
    return _meet(s, edge)


def inlays(s: Sheet) -> Tensor:
    """Pieces of one texture set into another."""
    edge = s.zeros() + 384
    for _ in range(s.count(1, 6)):
        outline = random_outline(s, s.pick(KINDS), s.scale(30, 130))
        edge = torch.minimum(edge, outline(s.x - s.uniform(0, 384), s.y - s.uniform(0, 384)))
    return _meet(s, edge)


def _meet(s: Sheet, edge: Tensor) -> Tensor:
    """Lay one texture where the edge distance is negative, another elsewhere."""
    image, other = s.pick(MATERIALS)(s), s.pick(MATERIALS)(s)
    image = image * (1 - s.uniform(0, 0.6) * torch.exp(-edge.clamp_min(0) / s.uniform(1, 10)))
    image = blend(image, other, s.cover(edge, s.uniform(0, 3)))
    return image * (1 - s.uniform(0, 0.6) * s.cover(edge.abs() - s.uniform(0, 2)))
