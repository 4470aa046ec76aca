"""Random fields and shapes that nuisance and defects share, as batched tensor code.

Everything draws from one ``torch.Generator`` on the CPU and moves to the device, so that a seed
gives the same episodes on a CPU and on a GPU, up to rounding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


class Source:
    """Random numbers, drawn on the CPU, used on ``device``."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in [low, high)."""
        return (low + (high - low) * torch.rand(shape, generator=self.generator)).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.generator).to(self.device)

    def log_uniform(self, *shape: int, low: float, high: float) -> Tensor:
        """Log-uniform in [low, high)."""
        return torch.exp(self.uniform(*shape, low=math.log(low), high=math.log(high)))

    def below(self, high: int, *shape: int) -> Tensor:
        """Integers in [0, high)."""
        return torch.randint(high, shape, generator=self.generator).to(self.device)

    def coin(self, *shape: int, p: float) -> Tensor:
        """True with probability p."""
        return self.uniform(*shape) < p

    def one(self) -> float:
        """One uniform number."""
        return float(torch.rand((), generator=self.generator))

    def sign(self, *shape: int) -> Tensor:
        """-1 or 1."""
        return self.coin(*shape, p=0.5).float() * 2 - 1


def each(values: Tensor) -> Tensor:
    """(N,) to (N, 1, 1, 1)."""
    return values[:, None, None, None]


def smooth_field(source: Source, n: int, channels: int, cells: int, side: int) -> Tensor:
    """(n, channels, side, side) smooth noise, about standard normal, features of side / cells."""
    coarse = source.normal(n, channels, cells + 3, cells + 3)
    found = F.interpolate(coarse, scale_factor=side / cells, mode="bicubic", align_corners=False)
    start = (found.shape[-1] - side) // 2
    return found[..., start : start + side, start : start + side]


def grid(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel coordinates y, x, each (side, side), zero in the middle."""
    axis = torch.arange(side, device=device, dtype=torch.float32) - (side - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return y, x


def noise_mask(source: Source, n: int, side: int, share: Tensor) -> Tensor:
    """(n, 1, side, side) in [0, 1]: a patch of thresholded noise around a random centre.

    Args:
        source: Random numbers.
        n: Masks.
        side: Pixels.
        share: (n,) wanted share of the crop.
    """
    fine = smooth_field(source, n, 1, 24, side) * 0.5 + smooth_field(source, n, 1, 8, side)
    y, x = grid(side, source.device)
    centre = source.uniform(n, 2, low=-0.42, high=0.42) * side
    radius = torch.sqrt(share * side * side / math.pi)
    away = (y - each(centre[:, 0])).square() + (x - each(centre[:, 1])).square()
    field = fine - 2.0 * away / each(radius).square()
    return at_share(field, share)


def at_share(field: Tensor, share: Tensor) -> Tensor:
    """Soft mask of the highest ``share`` of each (1, side, side) field."""
    flat = field.flatten(1)
    count = flat.shape[1]
    rank = (share * count).long().clamp(4, count - 1)
    level = flat.sort(dim=1, descending=True).values.gather(1, rank[:, None])
    spread = flat.std(dim=1, keepdim=True)
    soft = ((flat - level) / (0.02 * spread + 1e-6)).clamp(0, 1)
    return soft.view_as(field)


def blob_mask(source: Source, n: int, side: int, share: Tensor) -> Tensor:
    """(n, 1, side, side): ellipses, lumpy blobs and rounded boxes with a sharp border."""
    y, x = grid(side, source.device)
    centre = source.uniform(n, 2, low=-0.42, high=0.42) * side
    angle = source.uniform(n, high=math.pi)
    aspect = source.log_uniform(n, low=0.35, high=1.0)
    dy, dx = y - each(centre[:, 0]), x - each(centre[:, 1])
    u = each(torch.cos(angle)) * dx + each(torch.sin(angle)) * dy
    v = each(torch.cos(angle)) * dy - each(torch.sin(angle)) * dx
    long = torch.sqrt(share * side * side / (math.pi * aspect))
    u, v = u / each(long), v / each(long * aspect)
    power = each(torch.where(source.coin(n, p=0.3), 8.0, 2.0))
    distance = (u.abs() ** power + v.abs() ** power) ** (1 / power)
    theta = torch.atan2(v, u)
    lumps = torch.zeros_like(distance)
    for k in (2, 3, 5):
        phase = each(source.uniform(n, high=2 * math.pi))
        lumps = lumps + each(source.normal(n) * source.coin(n, p=0.6)) * torch.sin(
            k * theta + phase
        ) * (0.25 / k)
    edge = each(long * aspect).clamp(min=1.0)
    return ((1 + lumps - distance) * edge).clamp(-0.5, 0.5) + 0.5


def stroke_mask(source: Source, n: int, side: int, *, jagged: bool) -> Tensor:
    """(n, 1, side, side): one curved line each, 1 to 4 pixels wide.

    Args:
        source: Random numbers.
        n: Masks.
        side: Pixels.
        jagged: A random walk, as cracks are, rather than an arc.
    """
    steps = 24
    length = source.log_uniform(n, low=0.08, high=0.7) * side
    heading = source.uniform(n, 1, high=2 * math.pi)
    if jagged:
        turn = source.normal(n, steps).cumsum(1) * 0.35
    else:
        turn = source.normal(n, 1) * torch.linspace(-1, 1, steps, device=source.device) * 0.9
    step = (length / steps)[:, None]
    ys = (torch.sin(heading + turn) * step).cumsum(1)
    xs = (torch.cos(heading + turn) * step).cumsum(1)
    centre = source.uniform(n, 2, low=-0.4, high=0.4) * side
    ys = ys - ys.mean(1, keepdim=True) + centre[:, :1]
    xs = xs - xs.mean(1, keepdim=True) + centre[:, 1:]
    y, x = grid(side, source.device)
    nearest = torch.full((n, side, side), 1e9, device=source.device)
    for i in range(steps - 1):
        ay, ax = ys[:, i, None, None], xs[:, i, None, None]
        by, bx = ys[:, i + 1, None, None] - ay, xs[:, i + 1, None, None] - ax
        t = (((y - ay) * by + (x - ax) * bx) / (by * by + bx * bx + 1e-6)).clamp(0, 1)
        nearest = torch.minimum(nearest, (y - ay - t * by).square() + (x - ax - t * bx).square())
    half = source.log_uniform(n, low=0.5, high=2.2)[:, None, None]
    return (half + 0.5 - nearest.sqrt()).clamp(0, 1)[:, None]


def sample(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Bilinear values of (N, C, H, W) at pixel positions y, x (N, h, w), zero in the middle."""
    h, w = images.shape[-2:]
    where = torch.stack([x * (2 / w), y * (2 / h)], dim=-1)
    return F.grid_sample(images, where, mode="bilinear", padding_mode="border", align_corners=False)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with one sigma (pixels, at most about 2) per image."""
    taps = torch.arange(-4, 5, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-taps.square() / (2 * sigma.clamp(min=0.05)[:, None].square()))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(images.shape[1], 0)
    n, c, h, w = images.shape
    flat = F.pad(images, (4, 4, 4, 4), mode="replicate").reshape(1, n * c, h + 8, w + 8)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=n * c)
    return F.conv2d(flat, kernel[:, None, None, :], groups=n * c).view(n, c, h, w)
