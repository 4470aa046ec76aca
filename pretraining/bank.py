"""The ``bank`` filters of the core as tensor code, so that training can see them beside its own.

A test compares both.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from offspec import backbones
from pretraining.network import OPPONENT

CHANNELS = backbones.Bank.card.channels


def _conv(x: Tensor, weight: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    total = max(weight.shape[-1] - stride, 0)
    before, after = total // 2, total - total // 2
    x = F.pad(x, (before, after, before, after), mode="replicate")
    return F.conv2d(x, weight, stride=stride, groups=groups)


def _fine(tone: Tensor, factor: int) -> Tensor:
    d = backbones._derivatives()
    angles = torch.arange(8) * torch.pi / 4
    gradient = [torch.cos(a) * torch.tensor(d["x"]) + torch.sin(a) * torch.tensor(d["y"])
                for a in angles]  # fmt: skip
    bends = [torch.tensor(d[k]) for k in ("xx", "yy", "xy")]
    bends.append((bends[0] + bends[1]) / 2)
    filters = torch.stack([*gradient, *bends, *[-b for b in bends]])[:, None].to(tone)
    rank = torch.zeros(2, 1, 3, 3)
    rank[0, 0, 1, 1:] = rank[1, 0, 1:, 1] = torch.tensor([-1.0, 1.0])
    order = (_conv(tone, rank.to(tone)).abs() / backbones.RANK_STEP).clamp(0, 1)
    mean, power = F.avg_pool2d(tone, factor), F.avg_pool2d(tone * tone, factor)
    spread = ((power - mean * mean).clamp(min=0) + 1e-6).sqrt()
    pooled = [F.avg_pool2d(x, factor) for x in (F.relu(_conv(tone, filters)), order)]
    return torch.cat([*pooled, spread], 1)


def bank(crop: Tensor) -> Tensor:
    """[N, 3, H, W] in [0, 1] to [N, 70, H / 4, W / 4]."""
    tone = torch.log(crop + backbones.BLACK) * backbones.TONE_SCALE
    opponent = torch.tensor(OPPONENT)[:, :, None, None].to(crop)
    levels = [F.conv2d(tone, opponent)]
    kernel = torch.tensor(backbones._BINOMIAL).to(crop).expand(3, 1, 4, 4)
    for _ in range(4):
        levels.append(_conv(levels[-1], kernel, stride=2, groups=3))
    coarse = torch.tensor(backbones._coarse_filters(chroma_edges=True)).to(crop)
    plain = torch.tensor(backbones._coarse_filters(chroma_edges=False)).to(crop)
    parts = [_fine(levels[0][:, :1], 4), _fine(levels[1][:, :1], 2), _conv(levels[2], coarse)]
    for factor, x in ((2, _conv(levels[3], coarse)), (4, _conv(levels[4], plain))):
        parts.append(F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False))
    return torch.cat(parts, 1)
