"""What differs between two good parts of the same product: light, camera, position.

How strong each nuisance is, is drawn once an episode (a fixture is as good as it is) and each
image draws its own share of it. Queries draw from a wider range than normals (LATER), since they
are taken later: light ages, dirt gathers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pretraining.fields import Source, at_share, blur, each, grid, noise_mask, smooth_field

MAX_SHIFT_PX = 2.0
MAX_ROTATION = math.radians(1.5)
MAX_WARP_PX = 0.8
LATER = 1.4  # how much farther than normals queries stray


def positions(source: Source, episodes: int, images: int, side: int) -> tuple[Tensor, Tensor]:
    """Where each pixel of each image looks in its scene.

    Args:
        source: Random numbers.
        episodes: E.
        images: M an episode.
        side: Pixels.

    Returns:
        y and x, (E * M, side, side), scene pixels, zero in the middle.
    """
    n = episodes * images

    def strength() -> Tensor:
        return source.uniform(episodes).square().repeat_interleave(images)

    y, x = grid(side, source.device)
    angle = (strength() * source.uniform(n, low=-1, high=1) * MAX_ROTATION)[:, None, None]
    zoom = 1 + (strength() * source.uniform(n, low=-1, high=1) * 0.006)[:, None, None]
    reach = strength()[:, None] * MAX_SHIFT_PX
    shift = (source.normal(n, 2) * 0.5).clamp(-1, 1) * reach
    warp = smooth_field(source, n, 2, 3, side) * each(strength() * MAX_WARP_PX * 0.5)
    yy = (torch.cos(angle) * y - torch.sin(angle) * x) * zoom + shift[:, :1, None] + warp[:, 0]
    xx = (torch.sin(angle) * y + torch.cos(angle) * x) * zoom + shift[:, 1:, None] + warp[:, 1]
    return yy, xx


def later(episodes: int, images: int, queries: int, device: torch.device) -> Tensor:
    """(E * M,): 1 for normals, LATER for the queries at the end of each episode."""
    one = torch.ones(images, device=device)
    one[images - queries :] = LATER
    return one.repeat(episodes)


def surface(source: Source, images: Tensor, episodes: int, stray: Tensor) -> Tensor:
    """Oil, dirt, wear and glints where this product has them; good parts differ by them.

    Args:
        source: Random numbers.
        images: (E * M, 3, side, side) in [0, 1].
        episodes: E.
        stray: From ``later``.
    """
    n, side = len(images), images.shape[-1]
    per = n // episodes
    where = noise_mask(source, episodes, side, source.uniform(episodes, low=0.05, high=0.5))
    where = blur(where, source.uniform(episodes, low=0.1, high=2.0)).repeat_interleave(per, 0)
    film = torch.zeros_like(images[:, :1])
    for cells in (3, 8, 20):
        amount = source.uniform(episodes).square() * source.coin(episodes, p=0.4) * 0.25
        film = film + smooth_field(source, n, 1, cells, side) * each(
            amount.repeat_interleave(per) * stray
        )
    tint = 1 + 0.15 * source.normal(episodes, 3).repeat_interleave(per, 0)
    found = images * torch.exp((where * film).clamp(-1.5, 1.5) * tint[:, :, None, None])
    dusty = (source.coin(episodes, p=0.25).float() * source.uniform(episodes)).repeat_interleave(
        per
    )
    amount = source.log_uniform(n, low=0.0005, high=0.01) * stray
    specks = at_share(smooth_field(source, n, 1, 40, side) - 20 * (1 - where), amount)
    found = found + specks * each(dusty * source.uniform(n, low=-0.4, high=0.2))
    return (found + _glint(source, n, side, episodes, stray)).clamp(0, 1)


def _glint(source: Source, n: int, side: int, episodes: int, stray: Tensor) -> Tensor:
    """A highlight that wanders a little from part to part; (n, 1, side, side)."""
    per = n // episodes
    y, x = grid(side, source.device)
    middle = source.uniform(episodes, 2, low=-0.4, high=0.4).repeat_interleave(per, 0) * side
    wander = source.uniform(episodes, high=6.0).repeat_interleave(per)[:, None]
    at = middle + source.normal(n, 2) * wander * stray[:, None]
    angle = source.uniform(episodes, high=math.pi).repeat_interleave(per)
    long = source.log_uniform(episodes, low=0.03, high=0.3).repeat_interleave(per) * side
    thin = source.log_uniform(episodes, low=0.1, high=1.0).repeat_interleave(per)
    dy, dx = y - each(at[:, 0]), x - each(at[:, 1])
    u = each(torch.cos(angle)) * dx + each(torch.sin(angle)) * dy
    v = (each(torch.cos(angle)) * dy - each(torch.sin(angle)) * dx) / each(thin)
    shape = torch.exp(-(u.square() + v.square()) / (2 * each(long).square()))
    bright = source.uniform(episodes, high=0.7) * source.coin(episodes, p=0.3)
    return shape * each(bright.repeat_interleave(per) * source.uniform(n, low=0.6, high=1.0))


def camera(source: Source, images: Tensor, episodes: int, stray: Tensor, lens: Tensor) -> Tensor:
    """Light, lens, sensor and file format.

    Args:
        source: Random numbers.
        images: (E * M, 3, side, side) in [0, 1], the images of an episode in a row.
        episodes: E.
        stray: From ``later``.
        lens: (E,), blur of all images of an episode, pixels; 0 = as sharp as drawn.

    Returns:
        Same shape, in [0, 1].
    """
    n, side = len(images), images.shape[-1]
    per = n // episodes

    def strength() -> Tensor:
        return source.uniform(episodes).square().repeat_interleave(per)

    def own(scale: float) -> Tensor:
        return strength() * source.uniform(n, low=-1, high=1) * stray * scale

    gain = torch.exp(own(0.35))
    gamma = torch.exp(own(0.2))
    cast = torch.exp(strength()[:, None] * source.uniform(n, 3, low=-1, high=1) * 0.04)
    y, x = grid(side, source.device)
    slope = source.normal(n, 2, 1, 1) * each(strength() * 0.1 / side)
    light = smooth_field(source, n, 1, 2, side) * each(strength() * 0.06)
    light = light + slope[:, :1] * y + slope[:, 1:] * x
    light = light - each(strength() * source.uniform(n) * 0.5) * (y * y + x * x) / side**2
    found = images.clamp(0, 1) ** each(gamma)
    found = found * each(gain) * cast[:, :, None, None] * torch.exp(light)
    soft = (strength() * 0.9 + strength() * source.uniform(n) * 0.5).clamp(max=1.4)
    found = blur(found, (soft.square() + lens.repeat_interleave(per).square()).sqrt())
    read = each(source.log_uniform(episodes, low=0.001, high=0.02).repeat_interleave(per))
    shot = each(source.log_uniform(episodes, low=0.001, high=0.02).repeat_interleave(per))
    grain = source.normal(n, 3, side, side)
    grey = source.coin(episodes, p=0.5).repeat_interleave(per)
    grain = torch.where(each(grey), grain.mean(1, keepdim=True) * math.sqrt(3), grain)
    found = found + grain * torch.sqrt(read.square() + shot.square() * found.clamp(0, 1))
    pressed = source.coin(episodes, p=0.5).repeat_interleave(per)
    quality = source.uniform(episodes, low=0.5, high=1.0).repeat_interleave(per)
    found = torch.where(each(pressed), jpeg(found.clamp(0, 1), quality), found)
    return found.clamp(0, 1)


_TABLE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """What quantised 8 x 8 cosine blocks do (luminance table of ITU-T T.81, annex K).

    Args:
        images: (N, 3, side, side) in [0, 1]; side is a multiple of 8.
        quality: (N,) in (0.5, 1], as in the usual quality slider over 100.
    """
    n, c, side, _ = images.shape
    k = torch.arange(8, device=images.device, dtype=torch.float32)
    basis = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) * 0.5
    basis[0] *= math.sqrt(0.5)
    cells = side // 8
    blocks = images.view(n, c, cells, 8, cells, 8).transpose(3, 4) * 255
    spectrum = basis @ blocks @ basis.T
    step = _TABLE.to(images.device) * ((2 - 2 * quality).clamp(min=0.01))[:, None, None]
    step = step.clamp(min=1.0)[:, None, None, None]
    spectrum = torch.round(spectrum / step) * step
    back = (basis.T @ spectrum @ basis).transpose(3, 4).reshape(n, c, side, side)
    return back / 255
