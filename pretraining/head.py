"""A small network that reads the residual of the ``reference`` detector and corrects the map.

The detector in closed form adds up squares: every channel counts the same, and every cell stands
alone. The head has learned on made defects which channels deviate together, and over what area.
It knows nothing of the part; that is in the residual, which the user's normals have whitened.

Signed residuals are projected and averaged over 1, 2 and 4 cells before they are squared (a weak
deviation of one sign over an area is evidence; noise averages out), once as they are and once
without what SURROUND x SURROUND cells have in common (light and wear change whole areas, defects
stand out from theirs), then mixed from coarse to fine. What comes out is a factor of the closed
form's map, bounded both ways: what equals the reference scores 0 whatever the head says, and on
images unlike those it was trained on it can do only so much harm.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

LEVELS = 3
SURROUND = 8  # cells whose common residual is taken off
FINE_PER_CELL = 2  # fine pixels per cell side
REACH = 2.0  # largest logarithm of the factor, both ways


class Head(nn.Module):
    """Residual to the logarithm of a factor.

    Args:
        channels: Of the residual.
        width: Of the projections.
        mixed: Of what comes after them.
        fine: Whether there is a fine distance, as for fixed parts.
    """

    def __init__(self, channels: int, *, fine: bool, width: int = 48, mixed: int = 40) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, 1, bias=False)
        around = [
            nn.Conv2d(2 * width, 2 * width, 3, groups=2 * width, bias=False) for _ in range(LEVELS)
        ]
        self.around = nn.ModuleList(around)
        extra = (3 if fine else 1, 0, 0)  # distance; mean and largest fine distance
        self.mix = nn.ModuleList(
            nn.Conv2d(2 * width + extra[i] + (mixed if i < LEVELS - 1 else 0), mixed, 1)
            for i in range(LEVELS)
        )
        self.context = nn.Conv2d(mixed, mixed, 3, groups=mixed)
        self.join = nn.Conv2d(mixed, mixed, 1)
        self.leave = nn.Conv2d(mixed, 1, 1)
        with torch.no_grad():
            self.leave.weight.mul_(0.1)
            self.leave.bias.zero_()  # type: ignore[union-attr]
            for conv in around:
                conv.weight.mul_(0.3)
                conv.weight[:, :, 1, 1] += 0.7

    def forward(self, residual: Tensor, distance: Tensor, fine: Tensor | None) -> Tensor:
        """How much more, or less, the map should say.

        Args:
            residual: [N, C, h, w] in units of the tolerance.
            distance: [N, 1, h, w], 0 where the query equals the reference.
            fine: [N, 1, 2h, 2w] fine distance; None for textures.

        Returns:
            [N, 1, h, w] within REACH of 0.
        """
        x = self.project(residual)
        common = F.interpolate(
            F.avg_pool2d(x, SURROUND),
            scale_factor=SURROUND,
            mode="bilinear",
            align_corners=False,
        )
        x = torch.cat([x, x - common], 1)
        energies = []
        for i, around in enumerate(self.around):
            if i:
                x = F.avg_pool2d(x, 2)
            y = around(F.pad(x, (1, 1, 1, 1), mode="replicate"))
            energies.append(torch.log1p(y.square()))
        first = [energies[0], torch.log1p(distance)]
        if fine is not None:
            first.append(torch.log1p(F.avg_pool2d(fine, FINE_PER_CELL)))
            first.append(torch.log1p(F.max_pool2d(fine, FINE_PER_CELL)))
        energies[0] = torch.cat(first, 1)
        m = F.relu(self.mix[LEVELS - 1](energies[LEVELS - 1]))
        for i in range(LEVELS - 2, -1, -1):
            up = F.interpolate(m, scale_factor=2, mode="bilinear", align_corners=False)
            m = F.relu(self.mix[i](torch.cat([energies[i], up], 1)))
        spread = self.context(F.pad(m, (1, 1, 1, 1), mode="replicate"))
        m = m + F.relu(self.join(spread))
        return REACH * torch.tanh(self.leave(m) / REACH)
