"""Palettes, plain grounds and the finish that every canvas gets.

Parts in factories are mostly grey, and pictures of them dull: so are most palettes here.
"""

from __future__ import annotations

import colorsys
import math

import torch
from torch import Tensor

from .sheet import Sheet, blend, equalise

DULLEST = 0.035
"""Least standard deviation of a finished canvas; below it nothing is left to learn."""


class Palette:
    """A few colours from dark to bright that belong together.

    Attributes:
        stops: (K, 3) float32, 0 to 1.
    """

    def __init__(self, sheet: Sheet, kind: str | None = None) -> None:
        kind = kind or str(
            sheet.rng.choice(["grey", "cast", "two", "rich"], p=[0.4, 0.25, 0.2, 0.15])
        )
        count = sheet.count(3, 6)
        low = sheet.uniform(0.02, 0.4)
        high = min(0.97, low + sheet.uniform(0.3, 0.9))
        hue, other = sheet.uniform(0, 1), sheet.uniform(0, 1)
        depth = {"grey": 0.03, "cast": 0.22, "two": 0.5, "rich": 0.9}[kind] * sheet.uniform(0.3, 1)
        stops = []
        for step in range(count):
            value = low + (high - low) * step / (count - 1)
            tone = hue if kind in ("grey", "cast") or step % 2 == 0 else other
            if kind == "rich":
                tone = sheet.uniform(0, 1)
            saturation = depth * sheet.uniform(0.6, 1.0)
            stops.append(colorsys.hsv_to_rgb(tone % 1.0, saturation, value))
        self._sheet = sheet
        self.stops = sheet.tensor(stops)

    def ramp(self, values: Tensor) -> Tensor:
        """Colour a field (H, W) of 0 to 1 from dark to bright: (3, H, W)."""
        last = len(self.stops) - 1
        place = values.clamp(0, 1) * last
        index = place.floor().clamp(max=last - 1).long()
        share = (place - index)[..., None]
        colours = self.stops[index] * (1 - share) + self.stops[index + 1] * share
        return colours.permute(2, 0, 1)

    def at(self, value: float) -> Tensor:
        """Give one colour (3,) at 0 to 1 of the ramp."""
        return self.ramp(self._sheet.tensor([[value]]))[:, 0, 0]

    def any(self) -> Tensor:
        """Give any colour (3,) of the ramp."""
        return self.at(self._sheet.uniform(0, 1))


def ground(sheet: Sheet, palette: Palette, middle: float | None = None) -> Tensor:
    """Fill a sheet with one of the plain grounds that parts lie on: (3, side, side)."""
    middle = sheet.uniform(0.1, 0.9) if middle is None else middle
    amount = sheet.scale(0.02, 0.25)
    kind = sheet.count(0, 5)
    if kind == 0:
        field = sheet.zeros()
    elif kind == 1:
        field = sheet.power(sheet.uniform(0.3, 1.6), sheet.scale(8, 200))
    elif kind == 2:
        field = sheet.streaks(sheet.angle(), sheet.scale(30, 300), sheet.scale(0.7, 3))
    elif kind == 3:
        field = sheet.smooth(sheet.scale(20, 120)) + 0.3 * sheet.normal(sheet.side, sheet.side)
    elif kind == 4:
        field = torch.tanh(sheet.smooth(sheet.scale(2, 8)) * 3)
    else:
        along, across = sheet.turned(sheet.angle())
        wave = 2 * math.pi / sheet.scale(5, 40)
        field = torch.sin(along * wave) * (torch.sin(across * wave) if sheet.chance(0.5) else 1)
    return palette.ramp(middle + amount * field)


def emboss(
    sheet: Sheet, height: Tensor, colour: Tensor, gloss: float | None = None, shine: float = 0.5
) -> Tensor:
    """Shade a height field of one colour or of a coloured sheet: (3, side, side)."""
    base = colour[:, None, None] if colour.ndim == 1 else colour
    diffuse, bright = sheet.lit(height, sheet.light(), gloss or sheet.scale(6, 80))
    level = diffuse / diffuse.mean().clamp_min(1e-3)
    return base * (0.25 + 0.75 * level) + shine * sheet.uniform(0, 1) * bright


def finish(sheet: Sheet, image: Tensor, even: bool) -> Tensor:
    """Give a canvas its light, its contrast and its grain.

    Args:
        sheet: Source of random numbers.
        image: (3, side, side), about 0 to 1.
        even: Whether the canvas must stay the same everywhere: no gradient then.
    """
    if not even:
        image = _illuminate(sheet, image)
    image = _soft_clip(image)
    if sheet.chance(0.2):
        middle = image.mean(dim=(1, 2), keepdim=True)
        image = middle + (image - middle) * sheet.uniform(0.3, 0.8)
    if sheet.chance(0.15):
        image = image * sheet.uniform(0.25, 0.7)
    elif sheet.chance(0.15):
        image = 1 - (1 - image) * sheet.uniform(0.35, 0.8)
    if sheet.chance(0.3):
        image = image.clamp_min(0).pow(sheet.scale(0.7, 1.5))
    if sheet.chance(0.1):
        image = image.mean(dim=0, keepdim=True).expand(3, -1, -1)
    if sheet.chance(0.4):
        image = image + sheet.scale(0.003, 0.03) * sheet.normal(1, sheet.side, sheet.side)
    spread = float(image.std(dim=(1, 2)).mean())
    if spread < DULLEST:
        middle = image.mean(dim=(1, 2), keepdim=True)
        image = middle + (image - middle) * min(6.0, DULLEST / max(spread, 1e-4))
    return image.clamp(0, 1).contiguous()


def _soft_clip(image: Tensor) -> Tensor:
    """Bend values above 0.8 towards 1, so that highlights keep their shape."""
    return torch.where(image > 0.8, 1 - 0.2 * torch.exp((0.8 - image.clamp_min(0.8)) / 0.2), image)


def _illuminate(sheet: Sheet, image: Tensor) -> Tensor:
    if sheet.chance(0.5):
        along, _ = sheet.turned(sheet.uniform(0, 2 * math.pi), 192, 192)
        image = image * (1 + along / 192 * sheet.uniform(0.05, 0.35))
    if sheet.chance(0.3):
        x0, y0 = sheet.uniform(120, 264), sheet.uniform(120, 264)
        far = ((sheet.x - x0) ** 2 + (sheet.y - y0) ** 2) / 272**2
        image = image * (1 - far * sheet.uniform(0.1, 0.6)).clamp_min(0.15)
    if sheet.chance(0.2):
        x0, y0 = sheet.uniform(0, 384), sheet.uniform(0, 384)
        near = torch.exp(-((sheet.x - x0) ** 2 + (sheet.y - y0) ** 2) / sheet.scale(30, 150) ** 2)
        image = image + near * sheet.uniform(0.05, 0.35)
    if sheet.chance(0.1):
        other = ground(sheet, Palette(sheet))
        mask = equalise(sheet.smooth(sheet.scale(60, 200)) - sheet.uniform(0.3, 1.5), 6)
        image = blend(image, other, mask * sheet.uniform(0.3, 1))
    return image
