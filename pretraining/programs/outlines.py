"""Outlines as signed distances in units, negative inside; near enough, not always exact."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .sheet import Sheet

Outline = Callable[[Tensor, Tensor], Tensor]
"""From the coordinates around the middle of a thing to the distance to its edge."""

KINDS = ("disc", "ellipse", "box", "polygon", "blob", "ring", "star", "lens", "cross", "capsule")


def disc(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Distance to a circle."""
    return torch.hypot(x, y) - radius


def box(x: Tensor, y: Tensor, half_w: float, half_h: float, corner: float = 0.0) -> Tensor:
    """Distance to a rectangle with round corners."""
    dx = x.abs() - (half_w - corner)
    dy = y.abs() - (half_h - corner)
    outside = torch.hypot(dx.clamp_min(0), dy.clamp_min(0))
    return outside + torch.maximum(dx, dy).clamp_max(0) - corner


def segment(x: Tensor, y: Tensor, a: tuple[float, float], b: tuple[float, float]) -> Tensor:
    """Distance to a line from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = max(dx * dx + dy * dy, 1e-6)
    along = (((x - a[0]) * dx + (y - a[1]) * dy) / length).clamp(0, 1)
    return torch.hypot(x - a[0] - along * dx, y - a[1] - along * dy)


def polygon(x: Tensor, y: Tensor, radius: float, sides: int, turn: float = 0.0) -> Tensor:
    """Distance to a regular polygon of this inner radius."""
    step = 2 * math.pi / sides
    angle = torch.atan2(y, x) - turn
    folded = angle - torch.round(angle / step) * step
    return torch.hypot(x, y) * torch.cos(folded) - radius


def gear(x: Tensor, y: Tensor, radius: float, teeth: int, depth: float, turn: float) -> Tensor:
    """Distance to a wheel with teeth of this depth."""
    wave = torch.sin(torch.atan2(y, x) * teeth + turn)
    return torch.hypot(x, y) - radius - depth * torch.tanh(wave * 3) * 0.5


def random_outline(sheet: Sheet, kind: str, radius: float) -> Outline:
    """Draw an outline of a kind that fits into a circle of ``radius`` units."""
    turn = sheet.angle()
    cos, sin = math.cos(turn), math.sin(turn)
    narrow = radius * sheet.uniform(0.25, 0.9)
    sides = sheet.count(3, 8)
    corner = sheet.uniform(0, 0.9) * min(narrow, radius * 0.7)
    waves = [(sheet.count(2, 6), sheet.uniform(0, 0.16), sheet.uniform(0, 6.3)) for _ in range(3)]

    def turned(x: Tensor, y: Tensor) -> Tensor:
        return _shape(kind, (x * cos + y * sin, y * cos - x * sin), (radius, narrow, corner))

    def around(x: Tensor, y: Tensor) -> Tensor:
        angle = torch.atan2(y, x)
        if kind == "star":
            return torch.hypot(x, y) - radius * (0.7 + 0.28 * torch.cos(angle * sides + turn))
        wobble = sum((a * torch.sin(k * angle + p) for k, a, p in waves), torch.zeros_like(x))
        return torch.hypot(x, y) - radius * (0.68 + 0.6 * wobble)

    if kind in ("star", "blob"):
        return around
    if kind == "polygon":
        return lambda x, y: polygon(x, y, radius * math.cos(math.pi / sides), sides, turn)
    return turned


def _shape(kind: str, at: tuple[Tensor, Tensor], sizes: tuple[float, float, float]) -> Tensor:
    x, y = at
    radius, narrow, corner = sizes
    if kind == "ellipse":
        scaled = torch.hypot(x / radius, y / narrow)
        return (scaled - 1) * narrow
    if kind == "box":
        return box(x, y, radius * 0.85, min(narrow, radius * 0.5), min(corner, radius * 0.45))
    if kind == "ring":
        return (torch.hypot(x, y) - (radius + narrow) / 2).abs() - (radius - narrow) / 2
    if kind == "lens":
        shift = radius - narrow / 2
        far = math.hypot(radius, shift)
        return torch.maximum(torch.hypot(x, y - shift) - far, torch.hypot(x, y + shift) - far)
    if kind == "cross":
        bar = radius * 0.2 + 0.3 * (radius - narrow)
        return torch.minimum(box(x, y, radius, bar), box(x, y, bar, radius))
    if kind == "capsule":
        reach = max(radius - narrow * 0.5, 0.0)
        return segment(x, y, (-reach, 0.0), (reach, 0.0)) - narrow * 0.5
    return disc(x, y, radius)
