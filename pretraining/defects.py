"""Made defects: each maker changes clean crops and says where.

A maker takes what an image shows and a foreign texture, both (N, 3, side, side) in [0, 1], and
gives the changed images and a mask (N, 1, side, side) in [0, 1].

Reference:
    Texture under noise masks: DRAEM (Zavrtanik et al., ICCV 2021). Cut and paste: CutPaste (Li
    et al., CVPR 2021). Seamless patches: NSA (Schlueter et al., ECCV 2022), after Poisson image
    editing (Perez et al., 2003).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pretraining.fields import (
    Source,
    at_share,
    blob_mask,
    blur,
    each,
    grid,
    noise_mask,
    sample,
    smooth_field,
    stroke_mask,
)

Maker = Callable[[Source, Tensor, Tensor], tuple[Tensor, Tensor]]
SMALLEST, LARGEST = 0.0005, 0.3  # share of the crop


def _area(source: Source, n: int) -> Tensor:
    return source.log_uniform(n, low=SMALLEST, high=LARGEST)


def _mask(source: Source, n: int, side: int) -> Tensor:
    """Half of the masks of noise, half of shapes."""
    share = _area(source, n)
    shaped, noisy = blob_mask(source, n, side, share), noise_mask(source, n, side, share)
    return torch.where(each(source.coin(n, p=0.5)), shaped, noisy)


def _blend(images: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    return images + mask * (fill - images)


def _opacity(source: Source, n: int, low: float = 0.2) -> Tensor:
    return each(source.uniform(n, low=low, high=1.0))


def _elsewhere(source: Source, images: Tensor) -> Tensor:
    """The same image, moved by a quarter to three quarters of its side, perhaps mirrored."""
    n, side = len(images), images.shape[-1]
    y, x = grid(side, source.device)
    shift = source.uniform(n, 2, low=0.12, high=0.45) * source.sign(n, 2) * side
    mirror = source.sign(n)[:, None, None]
    yy = _reflect(y + shift[:, :1, None], side)
    return sample(images, yy, _reflect((x + shift[:, 1:, None]) * mirror, side))


def _reflect(values: Tensor, side: int) -> Tensor:
    """Fold positions back into the image, as a mirror at each border would."""
    half = side / 2
    return side - ((values + half).remainder(2 * side) - side).abs() - half


def texture(source: Source, images: Tensor, foreign: Tensor) -> tuple[Tensor, Tensor]:
    """Another texture shines through."""
    mask = _mask(source, len(images), images.shape[-1])
    return _blend(images, foreign, mask * _opacity(source, len(images))), mask


def cut_paste(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """A part of the image appears at another place."""
    mask = _mask(source, len(images), images.shape[-1])
    fill = _elsewhere(source, images)
    return _blend(images, fill, mask * _opacity(source, len(images), 0.4)), mask


def seamless(source: Source, images: Tensor, foreign: Tensor) -> tuple[Tensor, Tensor]:
    """A patch whose border values agree: only its gradients are foreign (Poisson)."""
    n = len(images)
    mask = _mask(source, n, images.shape[-1])
    own = each(source.coin(n, p=0.5))
    fill = torch.where(own, _elsewhere(source, images), foreign)
    return _blend(images, fill + membrane(images - fill, mask), mask), mask


def membrane(difference: Tensor, mask: Tensor, steps: int = 60) -> Tensor:
    """Solution of Laplace's equation inside the mask with ``difference`` around it.

    Solved at a quarter of the resolution, which a harmonic function bears.
    """
    known = 1 - F.max_pool2d(mask, 4)
    target = F.avg_pool2d(difference, 4)
    average = (target * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True)
    value = torch.where(known > 0.5, target, average)
    for _ in range(steps):
        p = F.pad(value, (1, 1, 1, 1), mode="replicate")
        around = p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:]
        value = torch.where(known > 0.5, target, around / 4)
    return F.interpolate(value, scale_factor=4, mode="bilinear", align_corners=False)


def scratch(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """A thin bright or dark line, at times with a shadow beside it."""
    n = len(images)
    mask = stroke_mask(source, n, images.shape[-1], jagged=False)
    change = each(source.log_uniform(n, low=0.06, high=0.6) * source.sign(n))
    shade = torch.roll(mask, (1, 1), (2, 3)) * each(source.coin(n, p=0.4).float())
    tint = 1 + 0.2 * source.normal(n, 3, 1, 1)
    changed = images + mask * change * tint - shade * (1 - mask) * change * 0.6
    return changed.clamp(0, 1), torch.maximum(mask, shade)


def stain(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """Darker, brighter or coloured, with the surface still visible; soft or sharp border."""
    n, side = len(images), images.shape[-1]
    mask = _mask(source, n, side)
    soft = blur(mask, source.uniform(n, low=0.05, high=2.0))
    gain = source.log_uniform(n, low=0.1, high=0.9) * source.sign(n)
    tint = gain[:, None] * (1 + 0.5 * source.normal(n, 3)) * 0.7
    changed = images * torch.exp(soft * tint[:, :, None, None])
    return changed.clamp(0, 1), soft


def dent(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """The surface is pressed in or raised: one flank brighter, the other darker."""
    n, side = len(images), images.shape[-1]
    mask = _mask(source, n, side)
    height = blur(blur(mask, source.uniform(n, low=0.7, high=2.0)), torch.full((n,), 1.5).to(mask))
    angle = source.uniform(n, high=2 * math.pi)
    p = F.pad(height, (1, 1, 1, 1), mode="replicate")
    slope_y, slope_x = p[..., 2:, 1:-1] - p[..., :-2, 1:-1], p[..., 1:-1, 2:] - p[..., 1:-1, :-2]
    shade = each(torch.sin(angle)) * slope_y + each(torch.cos(angle)) * slope_x
    shade = shade / (shade.abs().amax((1, 2, 3), keepdim=True) + 1e-6)
    depth = each(source.log_uniform(n, low=0.1, high=1.0))
    warped = _moved(images, slope_y[:, 0] * 4, slope_x[:, 0] * 4)
    mask = (height > 0.15 * height.amax((1, 2, 3), keepdim=True)).float()
    return (warped * torch.exp(shade * depth)).clamp(0, 1), mask


def missing(source: Source, images: Tensor, foreign: Tensor) -> tuple[Tensor, Tensor]:
    """Something is gone: what stood around it closes over the place."""
    n = len(images)
    mask = _mask(source, n, images.shape[-1])
    grain = (foreign - blur(foreign, torch.full((n,), 2.0).to(mask))) * 0.15
    return _blend(images, membrane(images, mask) + grain, mask).clamp(0, 1), mask


def extra(source: Source, images: Tensor, foreign: Tensor) -> tuple[Tensor, Tensor]:
    """A foreign body of one colour, with a shadow at times."""
    n, side = len(images), images.shape[-1]
    mask = blob_mask(source, n, side, _area(source, n))
    grey = source.uniform(n, 1, 1, 1).expand(n, 3, 1, 1)
    colour = torch.where(each(source.coin(n, p=0.5)), grey, source.uniform(n, 3, 1, 1))
    fill = colour + 0.3 * (foreign - foreign.mean((2, 3), keepdim=True)) * each(source.uniform(n))
    shadow = torch.roll(blur(mask, torch.full((n,), 1.2).to(mask)), (2, 2), (2, 3))
    strength = each(source.uniform(n, high=0.5) * source.coin(n, p=0.4))
    under = images * (1 - shadow * strength)
    mask_all = torch.maximum(mask, shadow * (strength > 0.1))
    return _blend(under, fill.clamp(0, 1), mask * _opacity(source, n, 0.5)), mask_all


def local_shift(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """A part stands 3 to 8 pixels beside its place, or is turned or swollen."""
    n, side = len(images), images.shape[-1]
    mask = blob_mask(source, n, side, source.log_uniform(n, low=0.006, high=LARGEST))
    angle = source.uniform(n, high=2 * math.pi)
    reach = source.log_uniform(n, low=3.0, high=8.0)
    soft = blur(mask, source.uniform(n, low=0.05, high=1.5))[:, 0]
    dy, dx = (torch.sin(angle) * reach)[:, None, None], (torch.cos(angle) * reach)[:, None, None]
    return _moved(images, dy * soft, dx * soft), mask


def _moved(images: Tensor, dy: Tensor, dx: Tensor) -> Tensor:
    y, x = grid(images.shape[-1], images.device)
    return sample(images, y + dy, x + dx)


def crack(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """A jagged dark line with a bright lip."""
    n = len(images)
    mask = stroke_mask(source, n, images.shape[-1], jagged=True)
    lip = torch.roll(mask, (-1, 1), (2, 3)) * (1 - mask)
    depth = each(source.log_uniform(n, low=0.1, high=0.8))
    return (images * (1 - mask * depth) + lip * depth * 0.15).clamp(0, 1), mask


def spots(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """Pinholes or grains: many small dots in one place."""
    n, side = len(images), images.shape[-1]
    fine = smooth_field(source, n, 1, 32, side)
    place = noise_mask(source, n, side, source.log_uniform(n, low=0.02, high=0.12))
    dots = at_share(fine - 50 * (1 - place), source.log_uniform(n, low=SMALLEST, high=0.01))
    change = each(source.log_uniform(n, low=0.1, high=0.6) * source.sign(n))
    return (images + dots * change).clamp(0, 1), dots


def smear(source: Source, images: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """The surface is wiped along one direction."""
    n, side = len(images), images.shape[-1]
    mask = _mask(source, n, side)
    angle = source.uniform(n, high=2 * math.pi)[:, None, None]
    reach = source.uniform(n, low=4, high=12)[:, None, None]
    y, x = grid(side, source.device)
    steps = [
        sample(images, y + torch.sin(angle) * reach * t, x + torch.cos(angle) * reach * t)
        for t in torch.linspace(-1, 1, 9).tolist()
    ]
    return _blend(images, torch.stack(steps).mean(0), mask), mask


MAKERS: dict[str, Maker] = {
    "texture": texture, "cut_paste": cut_paste, "seamless": seamless, "scratch": scratch,
    "stain": stain, "dent": dent, "missing": missing, "extra": extra, "local_shift": local_shift,
}  # fmt: skip
HELD_OUT_MAKERS: dict[str, Maker] = {"crack": crack, "spots": spots, "smear": smear}
