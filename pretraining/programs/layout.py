"""Man-made layouts: boards, print, labels, codes, dials, tiles, perforated sheet."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from .colour import Palette, emboss, ground
from .glyphs import Script
from .outlines import box, disc, polygon, random_outline, segment
from .sheet import Sheet, blend, fold


def part_grid(s: Sheet) -> Tensor:
    """A lattice of alike parts, with small differences of tone."""
    palette = Palette(s)
    pitch = s.scale(24, 110)
    pitch_y = pitch * s.uniform(0.7, 1.4)
    turn = s.angle()
    along, across = s.turned(turn)
    row = torch.floor(across / pitch_y)
    shift = 0.5 * pitch * (row % 2) if s.chance(0.3) else 0.0
    along = along + shift
    x, y = fold(along, pitch), fold(across - pitch_y / 2, pitch_y)
    radius = min(pitch, pitch_y) * s.uniform(0.25, 0.48)
    body = random_outline(s, s.pick(("disc", "box", "polygon", "ring", "cross", "capsule")), radius)
    image = ground(s, palette, s.uniform(0, 0.5))
    offset = s.uniform(-5, 5)
    image = image * (1 - 0.5 * s.cover(body(x - offset, y - offset), 5))
    distance = body(x, y)
    tone = s.random(64, 64)[torch.floor(along / pitch).long() % 64, row.long() % 64]
    fill = palette.ramp(
        s.uniform(0.4, 0.9) + s.uniform(0, 0.2) * (tone - 0.5) + 0.03 * s.power(0.6, 20)
    )
    image = blend(image, fill, s.cover(distance))
    mark = random_outline(s, s.pick(("disc", "box", "cross", "star")), radius * s.uniform(0.2, 0.5))
    return blend(image, palette.any(), s.cover(mark(x, y)))


def traces(s: Sheet) -> Tensor:
    """Copper traces with bends of 45 degrees, pads and vias on a board."""
    board = Palette(s)
    image, copper, holes = ground(s, board, s.uniform(0.1, 0.5)), s.zeros(), s.zeros()
    grid, width = s.scale(9, 24), s.uniform(0.25, 0.5)
    for _ in range(s.count(14, 36)):
        x, y = s.count(0, int(384 / grid)) * grid, s.count(0, int(384 / grid)) * grid
        thick = grid * width * s.pick((1.0, 1.0, 1.0, 2.0))
        heading = s.count(0, 7)
        pad = grid * s.uniform(0.35, 0.6)
        dot(s, copper, (x, y), pad)
        dot(s, holes, (x, y), pad * 0.45)
        for _ in range(s.count(2, 5)):
            reach = s.count(1, 6) * grid
            step_x, step_y = (
                round(math.cos(heading * math.pi / 4)),
                round(math.sin(heading * math.pi / 4)),
            )
            target = (x + reach * step_x, y + reach * step_y)
            line(s, copper, (x, y), target, thick)
            x, y = target
            heading += s.pick((-1, 1))
        dot(s, copper, (x, y), pad)
        dot(s, holes, (x, y), pad * 0.45)
    tone = board.at(s.uniform(0.6, 1)) if s.chance(0.6) else Palette(s).at(0.9)
    shaded = tone[:, None, None] * (1 + 0.05 * s.power(0.7, 20))
    image = blend(image, shaded, copper)
    return blend(image, board.at(0), holes * (1 if s.chance(0.7) else 0))


def dot(
    s: Sheet, mask: Tensor, at: tuple[float, float], radius: float, square: bool = False
) -> None:
    """Add a disc or a square to a mask, in place."""
    where = s.window(at[0], at[1], radius)
    if where is None:
        return
    x, y = s.x[where] - at[0], s.y[where] - at[1]
    distance = box(x, y, radius, radius) if square else disc(x, y, radius)
    mask[where] = torch.maximum(mask[where], s.cover(distance))


def line(
    s: Sheet, mask: Tensor, a: tuple[float, float], b: tuple[float, float], width: float
) -> None:
    """Add a stroke from a to b to a mask, in place."""
    reach = max(abs(a[0] - b[0]), abs(a[1] - b[1])) / 2 + width
    where = s.window((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, reach)
    if where is not None:
        distance = segment(s.x[where], s.y[where], a, b) - width / 2
        mask[where] = torch.maximum(mask[where], s.cover(distance))


def components(s: Sheet) -> Tensor:
    """A board with boxes, leads and solder pads in rows."""
    board, parts = Palette(s), Palette(s, "grey")
    image = ground(s, board, s.uniform(0.1, 0.6))
    for _ in range(s.count(10, 34)):
        half_w, half_h = s.scale(8, 60), s.scale(8, 36)
        x0, y0 = s.uniform(0, 384), s.uniform(0, 384)
        where = s.window(x0, y0, max(half_w, half_h) * 1.5 + 8)
        if where is None:
            continue
        x, y = s.x[where] - x0, s.y[where] - y0
        if s.chance(0.3):
            x, y = y, x
        pitch = s.uniform(4, 10)
        lead = torch.maximum(
            fold(x, pitch).abs() - pitch * 0.28, box(x, y, half_w * 0.9, half_h + pitch * 0.8)
        )
        part = image[:, where[0], where[1]]
        part = blend(part, parts.at(s.uniform(0.8, 1)), s.cover(lead))
        part = part * (1 - 0.5 * s.cover(box(x - 2, y - 2, half_w, half_h), 3))
        body = box(x, y, half_w, half_h, s.uniform(0, 3))
        tone = parts.at(s.uniform(0, 0.4)) if s.chance(0.7) else board.any()
        part = blend(part, tone, s.cover(body))
        part = blend(part, parts.at(0.9), s.cover(disc(x + half_w * 0.7, y - half_h * 0.6, 1.8)))
        image[:, where[0], where[1]] = part
    return image


def print_page(s: Sheet) -> Tensor:
    """Lines of letters on paper, plastic or metal."""
    palette = Palette(s)
    image, ink = ground(s, palette, s.pick((0.9, 0.8, 0.15))), s.zeros()
    y = s.uniform(5, 30)
    while y < 370:
        height = s.scale(9, 42)
        script = Script(s, height, s.uniform(0.08, 0.24), 8)
        x = s.uniform(5, 60)
        for _ in range(s.count(1, 2)):
            script.write(ink, x, y, int((s.uniform(200, 380) - x) / script.advance))
            y += height * s.uniform(1.4, 1.9)
    tone = palette.at(0.0) if float(image.mean()) > 0.45 else palette.at(1.0)
    return blend(image, tone, ink * s.uniform(0.5, 1))


def label(s: Sheet) -> Tensor:
    """A sticker with a frame, a few lines, a bar code and a mark, on a ground."""
    image = ground(s, Palette(s))
    paper, ink = Palette(s, s.pick(("grey", "rich"))), s.zeros()
    x0, y0, w, h = s.uniform(15, 70), s.uniform(15, 110), s.uniform(200, 300), s.uniform(140, 250)
    sheet = box(s.x - x0 - w / 2, s.y - y0 - h / 2, w / 2, h / 2, s.uniform(0, 14))
    image = image * (1 - 0.5 * s.cover(sheet - 1, 8))
    image = blend(image, paper.at(s.uniform(0.85, 1)), s.cover(sheet))
    if s.chance(0.6):
        ink = torch.maximum(ink, s.cover((sheet + s.uniform(5, 9)).abs() - s.uniform(0.6, 2)))
    y = y0 + 16
    for _ in range(s.count(2, 4)):
        script = Script(s, s.scale(9, 26), s.uniform(0.1, 0.22), 8)
        script.write(ink, x0 + 16, y, min(s.count(4, 16), int((w - 34) / script.advance)))
        y += script.height * 1.5
        if y > y0 + h - 70:
            break
    bars = (s.random(512) > 0.5).float()[((s.x - x0) / s.uniform(1.6, 3)).long().clamp(0, 511)]
    area = box(s.x - x0 - w / 2, s.y - y0 - h + 32, w / 2 - 20, 20)
    ink = torch.maximum(ink, bars * s.cover(area))
    return blend(image, paper.at(0.0), ink)


def matrix_code(s: Sheet) -> Tensor:
    """Square codes with finder marks: printed, or pecked into metal."""
    palette = Palette(s)
    image, ink = ground(s, palette, s.uniform(0.6, 1)), s.zeros()
    for _ in range(s.count(1, 4)):
        cells, cell = s.count(10, 24), s.scale(4, 14)
        bits = (s.random(cells, cells) > 0.5).float()
        bits[:, 0], bits[-1, :] = 1, 1
        bits[0, ::2], bits[::2, -1] = 1, 1
        x0, y0 = s.uniform(0, 300), s.uniform(0, 300)
        column, row = ((s.x - x0) / cell).floor(), ((s.y - y0) / cell).floor()
        inside = (column >= 0) & (row >= 0) & (column < cells) & (row < cells)
        value = bits[row.long().clamp(0, cells - 1), column.long().clamp(0, cells - 1)]
        mark = value * inside
        if s.chance(0.4):
            x, y = fold(s.x - x0 - cell / 2, cell), fold(s.y - y0 - cell / 2, cell)
            mark = mark * s.cover(disc(x, y, cell * 0.42))
        image = blend(
            image,
            palette.at(1),
            s.cover(
                box(
                    s.x - x0 - cells * cell / 2,
                    s.y - y0 - cells * cell / 2,
                    cells * cell / 2 + 8,
                    cells * cell / 2 + 8,
                )
            ),
        )
        ink = torch.maximum(ink * (~inside), mark)
    return blend(image, palette.at(0), ink * s.uniform(0.6, 1))


def dial(s: Sheet) -> Tensor:
    """A gauge with ticks, figures and a hand."""
    palette = Palette(s)
    image, ink = ground(s, palette, s.uniform(0, 1)), s.zeros()
    x0, y0, radius = s.uniform(150, 234), s.uniform(150, 234), s.uniform(110, 185)
    x, y = s.x - x0, s.y - y0
    far = torch.hypot(x, y)
    image = blend(image, palette.at(s.uniform(0.3, 0.6)), s.cover(far - radius - s.uniform(4, 14)))
    face = palette.at(s.pick((0.0, 0.9, 1.0)))
    image = blend(image, face, s.cover(far - radius))
    turn, marks = torch.atan2(y, x), s.count(12, 60)
    step = 2 * math.pi / marks
    tick = torch.maximum(
        fold(turn, step).abs() * far - s.uniform(0.6, 1.6),
        (far - radius * 0.9).abs() - radius * 0.05,
    )
    big = torch.maximum(
        fold(turn, step * 5).abs() * far - 2.2, (far - radius * 0.87).abs() - radius * 0.09
    )
    ink = torch.maximum(s.cover(tick), s.cover(big))
    ink = ink * (((turn - s.uniform(-3, 3)).abs() > 0.6) | (torch.zeros_like(far) > 1)).float()
    script = Script(s, s.uniform(10, 20), 0.15, 6)
    for number in range(0, marks, 5):
        at = number * step
        px, py = x0 + radius * 0.68 * math.cos(at), y0 + radius * 0.68 * math.sin(at)
        script.write(ink, px - script.advance, py - script.height / 2, 2)
    image = blend(image, palette.at(1.0 if float(face.mean()) < 0.4 else 0.0), ink)
    hand = s.uniform(0, 6.3)
    needle = segment(
        x,
        y,
        (-20 * math.cos(hand), -20 * math.sin(hand)),
        (radius * 0.8 * math.cos(hand), radius * 0.8 * math.sin(hand)),
    )
    tone = Palette(s, "rich").any()
    image = blend(image, tone, s.cover(needle - 2.5 * (1 - far / radius).clamp_min(0.2) - 0.6))
    return blend(image, tone * 0.5, s.cover(far - s.uniform(6, 14)))


def ruler(s: Sheet) -> Tensor:
    """Scales with ticks of three lengths and figures."""
    palette = Palette(s)
    image, ink = ground(s, palette, s.uniform(0.6, 1)), s.zeros()
    for _ in range(s.count(1, 3)):
        y0, step = s.uniform(0, 330), s.uniform(4, 12)
        x = s.x - s.uniform(0, 20)
        kind = torch.round(x / step)
        reach = torch.where(kind % 10 == 0, 26.0, torch.where(kind % 5 == 0, 18.0, 11.0))
        tick = torch.maximum(fold(x, step).abs() - 0.7, (s.y - y0 - reach / 2).abs() - reach / 2)
        ink = torch.maximum(ink, s.cover(tick))
        ink = torch.maximum(ink, s.cover((s.y - y0).abs() - 0.8))
        script = Script(s, s.uniform(9, 16), 0.14, 8)
        for number in range(1, int(384 / (10 * step)) + 1):
            script.write(ink, number * 10 * step - script.advance, y0 + 30, 2)
    return blend(image, palette.at(0), ink * s.uniform(0.6, 1))


def tiles(s: Sheet) -> Tensor:
    """Bricks, tiles or paving with joints."""
    w, h = s.scale(24, 90), s.scale(14, 60)
    along, across = s.turned(s.angle())
    row = torch.floor(across / h)
    along = along + row * w * s.pick((0.0, 0.5, 0.33))
    x, y = fold(along, w), fold(across - h / 2, h)
    joint = s.scale(0.8, 5)
    edge = box(x, y, w / 2 - joint, h / 2 - joint, s.uniform(0, 4))
    tone = s.random(64, 64)[torch.round(along / w).long() % 64, row.long() % 64]
    palette = Palette(s)
    face = palette.ramp(0.6 + s.uniform(0, 0.5) * (tone - 0.5) + 0.05 * s.power(0.8, 20))
    image = blend(palette.ramp(s.uniform(0, 0.4) + 0.05 * s.power(0.5, 10)), face, s.cover(edge))
    return emboss(s, (-edge / 2).clamp(0, 2) * s.uniform(0, 1), image, shine=0.2)


def perforated(s: Sheet) -> Tensor:
    """Sheet with rows of holes, straight or staggered."""
    pitch = s.scale(9, 44)
    along, across = s.turned(s.angle())
    stagger = s.chance(0.6)
    row_pitch = pitch * (0.866 if stagger else 1)
    row = torch.floor(across / row_pitch)
    x = fold(along + (row % 2) * pitch * 0.5 * stagger, pitch)
    y = fold(across - row_pitch / 2, row_pitch)
    radius = pitch * s.uniform(0.2, 0.4)
    kind = s.count(0, 2)
    hole = (
        disc(x, y, radius)
        if kind == 0
        else box(x, y, radius, radius * s.uniform(0.4, 1), radius * 0.2)
    )
    hole = polygon(x, y, radius, 6) if kind == 2 else hole
    palette = Palette(s, s.pick(("grey", "grey", "cast", "two")))
    image = palette.ramp(0.65 + 0.05 * s.streaks(s.angle(), 40, 1))
    image = emboss(s, (hole / 2).clamp(0, 1.5) * s.uniform(0, 1), image, shine=0.3)
    return blend(image, palette.at(0) * s.uniform(0, 1), s.cover(hole))


def tread_plate(s: Sheet) -> Tensor:
    """Raised lens marks in alternating directions."""
    pitch = s.scale(18, 60)
    along, across = s.turned(s.angle() + 0.785 * s.count(0, 1))
    i, j = torch.round(along / pitch), torch.round(across / pitch)
    x, y = fold(along, pitch), fold(across, pitch)
    swap = ((i + j) % 2) > 0
    u, v = torch.where(swap, x, y) / pitch, torch.where(swap, y, x) / pitch
    lens = (1 - (u / 0.44) ** 2 - (v / s.uniform(0.1, 0.22)) ** 2).clamp_min(0)
    base = Palette(s, s.pick(("grey", "cast"))).ramp(0.5 + 0.05 * s.power(0.8, 30))
    return emboss(s, lens.sqrt() * pitch * s.uniform(0.05, 0.2), base)


def screen_pixels(s: Sheet) -> Tensor:
    """A display or a filter seen close by: coloured sub-pixels in a black grid."""
    pitch = s.scale(6, 30)
    along, across = s.turned(s.angle())
    third = torch.floor(along / (pitch / 3)).long() % 3
    x, y = fold(along, pitch / 3), fold(across, pitch)
    cell = s.cover(
        box(x, y, pitch * s.uniform(0.1, 0.15), pitch * s.uniform(0.3, 0.45), pitch * 0.04)
    )
    colours = s.random(3, 3) if s.chance(0.4) else torch.eye(3, device=s.device)
    grey = s.uniform(0, 1)
    colours = colours * (1 - grey) + grey * colours.mean(dim=1, keepdim=True)
    image = colours[third].permute(2, 0, 1) * (0.8 + 0.05 * s.power(0.4, 20))
    return blend(torch.zeros_like(image) + s.uniform(0, 0.2), image, cell)


def mosaic(s: Sheet) -> Tensor:
    """A random raster of square fields in a few tones: blocks of a code, pixels, keys."""
    cells = s.count(10, 48)
    tones = s.random(1, 1, cells, cells)
    tones = torch.floor(tones * s.count(2, 6)) / 5
    image = Palette(s).ramp(F.interpolate(tones, (s.side, s.side))[0, 0])
    pitch = 384 / cells
    gap = box(
        fold(s.x - pitch / 2, pitch), fold(s.y - pitch / 2, pitch), pitch * 0.47, pitch * 0.47
    )
    return blend(Palette(s).any()[:, None, None] + 0 * image, image, s.cover(gap)) + 0.02 * s.power(
        0.5, 10
    )
