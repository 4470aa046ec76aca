"""The ``reference`` detector as differentiable tensor code: what is trained is the map that ships.

The same formulas as ``offspec.detectors.tolerance`` and ``offspec.detectors.reference``, for a
batch of episodes; a test compares both. Gradients flow through the whitening.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from offspec.detectors.tolerance import NOISE, PRIOR_NORMALS, PRIOR_WIDTH, SHIFT_PX, SHRINKAGE
from pretraining.network import STRIDE

GREY = 0.4  # as in ``ReferenceDetector``
_KERNEL = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1]))[None, None] / 16


class InverseRoot(torch.autograd.Function):
    """A^(-1/2) of symmetric positive matrices (..., C, C).

    The gradient solves the Sylvester equation in the eigenbasis, so that equal eigenvalues do no
    harm, unlike in the gradient of the eigenvectors themselves.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        """See the class."""
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.clamp(min=1e-6).sqrt()
        ctx.save_for_backward(roots, vectors)
        found: Tensor = (vectors / roots[..., None, :]) @ vectors.mT
        return found

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """d(A^-1/2) = -A^-1/2 dS A^-1/2 with S dS + dS S = dA, S the root of A."""
        roots, vectors = ctx.saved_tensors
        inner = vectors.mT @ grad @ vectors
        inverse = 1 / roots
        scale = inverse[..., :, None] * inverse[..., None, :]
        scale = scale / (roots[..., :, None] + roots[..., None, :])
        found: Tensor = -(vectors @ (inner * scale) @ vectors.mT)
        return (found + found.mT) / 2


def whitening(covariance: Tensor) -> Tensor:
    """(E, C, C) symmetric inverse roots of shrunk covariances."""
    deviation = covariance.diagonal(dim1=-2, dim2=-1).clamp(min=1e-12).sqrt()
    correlation = covariance / (deviation[:, :, None] * deviation[:, None, :])
    eye = torch.eye(covariance.shape[-1], device=covariance.device)
    correlation = (1 - SHRINKAGE) * correlation + SHRINKAGE * eye
    root: Tensor = InverseRoot.apply(correlation)  # type: ignore[no-untyped-call]
    return root / deviation[:, None, :]


def _moment(x: Tensor) -> Tensor:
    """(E, C, C) sums over all but the first two axes moved; x is (E, ..., C, h, w)."""
    flat = x.movedim(-3, 1).flatten(2)
    return flat @ flat.mT


def _slopes(centre: Tensor) -> tuple[Tensor, Tensor]:
    """What a shift by SHIFT_PX along x and y adds to (E, C, h, w)."""
    p = F.pad(centre, (1, 1, 1, 1), mode="replicate")
    step = SHIFT_PX / (2 * STRIDE)
    return (p[..., 1:-1, 2:] - p[..., 1:-1, :-2]) * step, (
        p[..., 2:, 1:-1] - p[..., :-2, 1:-1]
    ) * step


def flat_grey(grain: Tensor) -> Tensor:
    """A flat grey under sensor noise: its features say what noise does.

    Args:
        grain: [N, 3, H, W] standard normal.
    """
    return (GREY + NOISE * grain).clamp(0, 1)


def noise_covariance(features: Tensor) -> Tensor:
    """(C, C) from features [N, C, h, w] of a flat grey under sensor noise."""
    cells = features[:, :, 2:-2, 2:-2].movedim(1, 0).flatten(1)
    cells = cells - cells.mean(1, keepdim=True)
    return cells @ cells.mT / cells.shape[1] + 1e-9 * torch.eye(len(cells), device=cells.device)


def object_residual(normals: Tensor, queries: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Residual of fixed parts, and the squared distance the detector makes of it.

    Args:
        normals: (E, K, C, h, w), the reference first.
        queries: (E, Q, C, h, w).
        noise: (C, C).

    Returns:
        (E, Q, C, h, w), what is left in units of the tolerance after the way to the reference
        and the best small shift; and (E, Q, h, w), about 1 on good parts, higher = more
        anomalous, before smoothing.
    """
    _, n, c, h, w = normals.shape
    mean = normals.mean(1)
    slope_x, slope_y = _slopes(mean)
    allowed = noise + (_moment(slope_x) + _moment(slope_y)) / (h * w)
    covariance = allowed
    away = normals - mean[:, None]
    if n > 1:
        scatter = _moment(away) / (h * w)
        covariance = (PRIOR_NORMALS * allowed + scatter) / (PRIOR_NORMALS + n - 1)
    weight = whitening(covariance)

    def white(x: Tensor) -> Tensor:
        return (weight[:, None] @ x.flatten(3)).view(x.shape)

    centre = white(mean[:, None])
    r = white(queries) - centre
    inverse = torch.ones_like(centre)
    if n > 1:
        inverse = _inverse_width(white(away), n)
        r = r * inverse
        toward = (white(normals[:, :1]) - centre) * inverse
        length = toward.square().sum(2, keepdim=True) + 1e-9
        share = ((r * toward).sum(2, keepdim=True) / length).clamp(0, 1)
        r = r - share * toward
    along_x, along_y = _slopes(centre[:, 0])
    steep = along_x.square().mean(1) + along_y.square().mean(1)
    wide = F.max_pool2d(steep[:, None], 3, 1, 1)
    along_x, along_y = along_x[:, None] * inverse, along_y[:, None] * inverse
    xx, yy = along_x.square().sum(2) + 1, along_y.square().sum(2) + 1
    xy = (along_x * along_y).sum(2)
    p, q = (r * along_x).sum(2), (r * along_y).sum(2)
    whole = xx * yy - xy * xy
    move_x, move_y = (p * yy - q * xy) / whole, (q * xx - p * xy) / whole
    rest = (r.square().sum(2) - p * move_x - q * move_y).clamp(min=0)
    gain = 1 / (1 + wide / n)
    left = r - move_x[:, :, None] * along_x - move_y[:, :, None] * along_y
    return left * gain[:, :, None].sqrt(), rest * gain / c


def object_map(normals: Tensor, queries: Tensor, noise: Tensor) -> Tensor:
    """The distance alone; see ``object_residual``."""
    return object_residual(normals, queries, noise)[1]


def _inverse_width(away: Tensor, n: int) -> Tensor:
    """(E, 1, C, h, w): each position's variance, shrunk to its surroundings and to one."""
    total = away.square().sum(1)
    p = F.pad(total, (2, 2, 2, 2), mode="replicate")
    around = 0.5 * F.avg_pool2d(p, 5, 1) / (n - 1) + 0.5
    width = (total + PRIOR_WIDTH * around) / (n - 1 + PRIOR_WIDTH)
    return width.rsqrt()[:, None]


def texture_residual(normals: Tensor, queries: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Residual from one normal distribution for all positions; as ``object_residual``."""
    c = normals.shape[2]
    cells = normals.movedim(2, 1).flatten(2)
    mean = cells.mean(2, keepdim=True)
    away = cells - mean
    weight = whitening(away @ away.mT / cells.shape[2] + noise)
    r = weight[:, None] @ (queries.flatten(3) - mean[:, None])
    r = r.view(queries.shape)
    return r, r.square().sum(2) / c


def texture_map(normals: Tensor, queries: Tensor, noise: Tensor) -> Tensor:
    """The distance alone; see ``texture_residual``."""
    return texture_residual(normals, queries, noise)[1]


def smoothed(distance: Tensor) -> Tensor:
    """The 3 x 3 binomial that the graph applies before enlarging; (E, Q, h, w)."""
    p = F.pad(distance.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(p, _KERNEL.to(distance)).view(distance.shape)
