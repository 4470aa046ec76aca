"""The sheet a program draws on: coordinates, random numbers, noise fields, masks and light.

Lengths are in units of 1/384 of the side, so that a program looks alike at every side.
Random numbers come from NumPy on the CPU; work per pixel is torch on the sheet's device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

UNITS = 384.0
T = TypeVar("T")
Window = tuple[slice, slice]


class Sheet:
    """A square to draw on, with its own stream of random numbers.

    Attributes:
        rng: The only source of randomness.
        side: Side in pixels.
        device: Where the pixels live.
        unit: Units per pixel.
        span: Side in units: 384, less when zoomed in.
        x: (side, side) float32, column position in units.
        y: (side, side) float32, row position in units.
    """

    def __init__(
        self, rng: np.random.Generator, side: int, device: torch.device, zoom: float = 1.0
    ) -> None:
        self.rng = rng
        self.side = side
        self.device = device
        self.unit = UNITS / side / zoom
        self.span = UNITS / zoom
        axis = (torch.arange(side, dtype=torch.float32, device=device) + 0.5) * self.unit
        self.y, self.x = torch.meshgrid(axis, axis, indexing="ij")

    # Numbers

    def uniform(self, low: float, high: float) -> float:
        """Draw evenly from low to high."""
        return float(self.rng.uniform(low, high))

    def scale(self, low: float, high: float) -> float:
        """Draw evenly in the logarithm: for sizes, of which small ones matter as much."""
        return float(math.exp(self.rng.uniform(math.log(low), math.log(high))))

    def count(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """Say yes in this share of the calls."""
        return bool(self.rng.random() < share)

    def pick(self, options: Sequence[T]) -> T:
        """Pick one option evenly."""
        return options[int(self.rng.integers(len(options)))]

    def angle(self) -> float:
        """Draw a direction in radians, 0 to 2 pi; in half of the draws along an axis."""
        if self.chance(0.5):
            return self.count(0, 3) * math.pi / 2
        return self.uniform(0, 2 * math.pi)

    def tensor(self, values: object) -> Tensor:
        """Bring numbers to the device as float32."""
        return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers."""
        return self.tensor(self.rng.standard_normal(shape, dtype=np.float32))

    def random(self, *shape: int) -> Tensor:
        """Draw even numbers from 0 to 1."""
        return self.tensor(self.rng.random(shape, dtype=np.float32))

    # Fields, all (side, side)

    def turned(self, angle: float, x0: float = 0.0, y0: float = 0.0) -> tuple[Tensor, Tensor]:
        """Give the coordinates around (x0, y0) along and across a direction in radians."""
        dx, dy = self.x - x0, self.y - y0
        cos, sin = math.cos(angle), math.sin(angle)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def zeros(self) -> Tensor:
        """Give a field of zeros."""
        return torch.zeros_like(self.x)

    def spectrum(self, response: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """Filter white noise in the spectrum; zero mean, unit deviation, wraps around.

        Args:
            response: From (fx, fy, f) in cycles per unit, f > 0, to the amplitude.
        """
        fy = torch.fft.fftfreq(self.side, d=self.unit, device=self.device)[:, None]
        fx = torch.fft.rfftfreq(self.side, d=self.unit, device=self.device)[None, :]
        f = torch.sqrt(fx * fx + fy * fy).clamp_min(0.5 / self.span)
        amplitude = response(fx.expand_as(f), fy.expand_as(f), f).clone()
        amplitude[0, 0] = 0
        spectrum = torch.fft.rfft2(self.normal(self.side, self.side)) * amplitude
        field: Tensor = torch.fft.irfft2(spectrum, s=(self.side, self.side))
        return field / field.std().clamp_min(1e-6)

    def power(self, slope: float, size: float = UNITS, fine: float = 0.0) -> Tensor:
        """Noise of amplitude 1/f^slope, flat above ``size`` units and cut below ``fine``."""
        low = 1.0 / size
        return self.spectrum(
            lambda _x, _y, f: (f * f + low * low).pow(-slope / 2) * torch.exp(-((f * fine) ** 2))
        )

    def streaks(self, angle: float, length: float, width: float) -> Tensor:
        """Noise drawn out along a direction in radians; sizes in units."""
        cos, sin = math.cos(angle), math.sin(angle)

        def response(fx: Tensor, fy: Tensor, _f: Tensor) -> Tensor:
            along, across = fx * cos + fy * sin, fy * cos - fx * sin
            return torch.exp(-((along * length) ** 2) - (across * width) ** 2)

        return self.spectrum(response)

    def smooth(self, cell: float) -> Tensor:
        """Smooth noise with bumps of about ``cell`` units; zero mean, unit deviation."""
        return self.spectrum(lambda _x, _y, f: torch.exp(-((f * cell) ** 2) * 2))

    def octave(self, cell: float) -> Tensor:
        """Value noise on a lattice of ``cell`` units, about -1 to 1; does not wrap."""
        nodes = max(3, round(self.span / cell) + 2)
        lattice = self.random(1, 1, nodes, nodes) * 2 - 1
        size = (self.side, self.side)
        return F.interpolate(lattice, size, mode="bicubic", align_corners=True)[0, 0]

    def warp(self, field: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """Look up (H, W) or (C, H, W) at positions moved by (dx, dy) units."""
        stack = field[None, None] if field.ndim == 2 else field[None]
        grid = torch.stack(((self.x + dx), (self.y + dy)), dim=-1)[None] * (2 / self.span) - 1
        moved = F.grid_sample(stack, grid, padding_mode="reflection", align_corners=False)
        return moved[0, 0] if field.ndim == 2 else moved[0]

    def blur(self, field: Tensor, sigma: float) -> Tensor:
        """Blur (H, W) or (C, H, W) by about ``sigma`` units, edges repeated."""
        stack = field[None, None] if field.ndim == 2 else field[None]
        pixels = sigma / self.unit
        if pixels < 0.3:
            return field
        factor = max(1, int(pixels / 2))
        small = F.avg_pool2d(stack, factor, ceil_mode=True) if factor > 1 else stack
        reach = max(1, math.ceil(2.5 * pixels / factor))
        taps = torch.arange(-reach, reach + 1, device=self.device, dtype=torch.float32)
        kernel = torch.exp(-0.5 * (taps * factor / pixels) ** 2)
        kernel = kernel / kernel.sum()
        channels = small.shape[1]
        across = kernel.expand(channels, 1, 1, -1)
        padded = F.pad(small, (reach, reach, reach, reach), mode="replicate")
        soft = F.conv2d(padded, across, groups=channels)
        soft = F.conv2d(soft, across.transpose(2, 3), groups=channels)
        if factor > 1:
            size = (small.shape[2] * factor, small.shape[3] * factor)
            soft = F.interpolate(soft, size, mode="bilinear", align_corners=False)
            soft = soft[:, :, : self.side, : self.side]
        return soft[0, 0] if field.ndim == 2 else soft[0]

    # Masks and paint

    def cover(self, distance: Tensor, soft: float = 0.0) -> Tensor:
        """Turn a signed distance in units, negative inside, into coverage 0 to 1."""
        return (0.5 - distance / (self.unit + soft)).clamp(0, 1)

    def window(self, x: float, y: float, reach: float) -> Window | None:
        """Give the slices that hold a square of half side ``reach`` units, or none outside."""
        left, right = self._range(x, reach)
        top, bottom = self._range(y, reach)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)

    def _range(self, middle: float, reach: float) -> tuple[int, int]:
        low = max(0, int((middle - reach) / self.unit) - 1)
        return low, min(self.side, int((middle + reach) / self.unit) + 2)

    def lit(
        self, height: Tensor, light: tuple[float, float, float], gloss: float = 20.0
    ) -> tuple[Tensor, Tensor]:
        """Shade a height field in units: Lambert and Blinn-Phong parts, both 0 to 1.

        Args:
            height: (side, side), towards the viewer.
            light: Direction to the light (x right, y down, z to the viewer); any length.
            gloss: Exponent of the highlight.
        """
        padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
        nx = (padded[1:-1, :-2] - padded[1:-1, 2:]) / (2 * self.unit)
        ny = (padded[:-2, 1:-1] - padded[2:, 1:-1]) / (2 * self.unit)
        norm = torch.rsqrt(nx * nx + ny * ny + 1)
        lx, ly, lz = (v / math.sqrt(sum(c * c for c in light)) for v in light)
        half = math.sqrt(lx * lx + ly * ly + (lz + 1) ** 2)
        diffuse = ((nx * lx + ny * ly + lz) * norm).clamp_min(0)
        facing = ((nx * lx + ny * ly + lz + 1) * norm / half).clamp(0, 1)
        return diffuse, facing.pow(gloss)

    def light(self, low: float = 0.4, high: float = 1.6) -> tuple[float, float, float]:
        """Draw a light from the side; low and high bound its height."""
        angle = self.uniform(0, 2 * math.pi)
        return math.cos(angle), math.sin(angle), self.uniform(low, high)


def blend(image: Tensor, paint: Tensor, mask: Tensor) -> Tensor:
    """Lay paint, (3, H, W) or (3,), over an image under a mask (H, W) of 0 to 1."""
    colour = paint[:, None, None] if paint.ndim == 1 else paint
    return image + (colour - image) * mask


def lay(image: Tensor, paint: Tensor, mask: Tensor, where: Window) -> None:
    """Lay paint, (3, h, w) or (3,), into a window of an image, in place."""
    part = image[:, where[0], where[1]]
    colour = paint[:, None, None] if paint.ndim == 1 else paint
    part += (colour - part) * mask


def fold(values: Tensor, period: float) -> Tensor:
    """Fold positions into one period, -period/2 to period/2."""
    return values - torch.round(values / period) * period


def equalise(field: Tensor, spread: float = 2.0) -> Tensor:
    """Bring a field of zero mean and unit deviation into 0 to 1 by a logistic curve."""
    return torch.sigmoid(field * spread)


def stretch(field: Tensor) -> Tensor:
    """Bring a field to 0 to 1 by its extremes."""
    low, high = field.min(), field.max()
    return (field - low) / (high - low).clamp_min(1e-6)
