"""The other family: a network that is told the normals and draws the map itself.

It sees the residual of the features, plain and in units of the normals' spread, and the place
it happens at. The path of the residual has no bias, so that what equals the normals scores 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Comparison(nn.Module):
    """Features of normals and queries to a map.

    Args:
        channels: Of the features.
        width: Of the head.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.floor = nn.Parameter(torch.zeros(channels))
        self.enter = nn.Conv2d(2 * channels, width, 1, bias=False)
        self.place = nn.Conv2d(2 * channels, width, 1)
        self.spread = nn.ModuleList(
            nn.Conv2d(width, width, 3, groups=width, bias=False) for _ in range(3)
        )
        self.mix = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for _ in range(3))
        self.leave = nn.Conv2d(width, 1, 1, bias=False)
        with torch.no_grad():
            self.leave.weight.abs_()

    def forward(self, normals: Tensor, queries: Tensor) -> Tensor:
        """(E, K, C, h, w) and (E, Q, C, h, w) to (E, Q, h, w), at least 0, higher = worse."""
        e, q = queries.shape[:2]
        mean = normals.mean(1, keepdim=True)
        variance = (normals - mean).square().mean(1, keepdim=True)
        spread = (variance + F.softplus(self.floor)[:, None, None].square()).sqrt()
        r = (queries - mean).abs()
        x = self.enter(torch.cat([r, r / spread], 2).flatten(0, 1))
        place = torch.sigmoid(self.place(torch.cat([mean, spread], 2)[:, 0]))
        x = F.relu(x) * place.repeat_interleave(q, 0)
        x = x + self._mixed(0, x)
        low = self._mixed(1, F.avg_pool2d(x, 2))
        x = x + F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        x = x + self._mixed(2, x)
        return F.relu(self.leave(x)).view(e, q, *queries.shape[3:])

    def _mixed(self, i: int, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        return F.relu(self.mix[i](self.spread[i](x)))
