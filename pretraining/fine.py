"""The fine plane of the ``reference`` detector as tensor code; a test compares both."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from offspec.backbones import BLACK, TONE_SCALE
from offspec.detectors.reference import FINE_STRIDE, FINE_UNIT
from offspec.detectors.tolerance import FINE_PRIOR

_KERNEL = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1]))[None, None] / 16
_MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def smooth(x: Tensor) -> Tensor:
    """3 x 3 binomial of [N, 1, H, W], border repeated."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), _KERNEL.to(x))


def plane(crop: Tensor) -> Tensor:
    """[N, 3, H, W] to tone [N, 1, H / 2, W / 2]."""
    tone = torch.log(crop + BLACK) * TONE_SCALE
    return smooth(F.avg_pool2d(tone, FINE_STRIDE).mean(1, keepdim=True))


def _box(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def distance(normals: Tensor, queries: Tensor) -> Tensor:
    """Least residual over local shifts, in the unit of the shipped map.

    Args:
        normals: (E, K, H, W) planes, the reference first.
        queries: (E, Q, H, W).

    Returns:
        (E, Q, H, W), at least 0.
    """
    mean, first = normals.mean(1), normals[:, 0]
    p = F.pad(mean[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    dx, dy = p[:, :, 2:] - p[:, :, :-2], p[:, 2:] - p[:, :-2]
    slope_x = (dx[:, :-2] + 2 * dx[:, 1:-1] + dx[:, 2:]) / 8
    slope_y = (dy[:, :, :-2] + 2 * dy[:, :, 1:-1] + dy[:, :, 2:]) / 8
    xx, yy = _box(slope_x.square()[:, None]) + FINE_PRIOR, _box(slope_y.square()[:, None])
    yy = yy + FINE_PRIOR
    xy = _box((slope_x * slope_y)[:, None])
    whole = xx * yy - xy * xy
    stack = torch.cat(
        [
            torch.minimum(first, mean)[:, None], torch.maximum(first, mean)[:, None],
            slope_x[:, None], slope_y[:, None], yy / whole, -xy / whole, xx / whole,
        ],
        1,
    )  # fmt: skip
    padded = F.pad(stack, (1, 1, 1, 1), mode="replicate")
    h, w = mean.shape[-2:]
    least: Tensor | None = None
    for y, x in _MOVES:
        moved = padded[:, :, 1 - y : 1 - y + h, 1 - x : 1 - x + w]
        low, high, sx, sy, ixx, ixy, iyy = moved[:, None].unbind(2)
        r = queries - torch.minimum(torch.maximum(queries, low), high)
        e, a, b = (_box(t) for t in (r * r, r * sx, r * sy))
        rest = (e - (a * a * ixx + 2 * a * b * ixy + b * b * iyy)).clamp(min=0)
        least = rest if least is None else torch.minimum(least, rest)
    assert least is not None  # noqa: S101 - for the type checker
    return smooth(least.flatten(0, 1)[:, None]).view(queries.shape) / FINE_UNIT
