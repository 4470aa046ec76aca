"""Networks that restore an image, and how like two images are.

Reference:
    SSIM autoencoder: Bergmann et al. (VISAPP 2019). Skips: as in U-Net, Ronneberger et al.
    (MICCAI 2015). Variational: Kingma and Welling (ICLR 2014). SSIM: Wang et al. (2004), on
    several scales (2003). Adversarial: GANomaly, Akcay et al. (ACCV 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Architecture = Literal["ssim", "lite", "residual", "variational"]
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
DEEPEST = 5  # halvings


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 4, 2, 1), nn.GroupNorm(4, outputs), nn.LeakyReLU(0.2)
    )


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(inputs, outputs, 3, 1, 1),
        nn.GroupNorm(4, outputs),
        nn.LeakyReLU(0.2),
    )


class Residual(nn.Module):
    """Two convolutions beside the way past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(4, width), nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(4, width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        out: Tensor = F.leaky_relu(x + self.body(x), 0.2)
        return out


class Autoencoder(nn.Module):
    """Image to restored image, through a narrow middle.

    Args:
        architecture: ssim (plain, five halvings), lite (half as wide, four), residual (blocks
            with a way past, and skips), variational (the middle is a normal distribution).
        width: Channels after the first halving.
        latent: Channels of the middle.
        skips: residual only: how many levels pass on, coarsest first.
    """

    def __init__(
        self, architecture: Architecture, width: int = 32, latent: int = 64, skips: int = 2
    ) -> None:
        super().__init__()
        depth = 4 if architecture == "lite" else DEEPEST
        first = width // 2 if architecture == "lite" else width
        widths = [min(first * 2**i, 4 * width) for i in range(depth)]
        residual = architecture == "residual"
        self.variational = architecture == "variational"
        self.skips = skips if residual else 0
        downs, ups = [], []
        for i, outputs in enumerate(widths):
            block: nn.Module = _down(3 if i == 0 else widths[i - 1], outputs)
            downs.append(nn.Sequential(block, Residual(outputs)) if residual else block)
        self.down = nn.ModuleList(downs)
        self.into = nn.Conv2d(widths[-1], latent * (2 if self.variational else 1), 1)
        self.out_of = nn.Conv2d(latent, widths[-1], 1)
        for i in range(depth - 1, 0, -1):
            block = _up(widths[i], widths[i - 1])
            ups.append(nn.Sequential(block, Residual(widths[i - 1])) if residual else block)
        self.up = nn.ModuleList(ups)
        self.last = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(widths[0], 3, 3, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] in [0, 1] to the same; a variational middle is its mean."""
        return self.both(x)[0]

    def both(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Restored image, middle, and the middle's log variance if variational.

        Args:
            x: [N, 3, H, W].
            noise: Standard normal of the middle's shape, drawn while training; None = the mean.
        """
        levels = []
        for block in self.down:
            x = block(x)
            levels.append(x)
        middle = self.into(x)
        spread = None
        if self.variational:
            middle, spread = middle.chunk(2, 1)
            spread = spread.clamp(-8, 8)
            if noise is not None:
                middle = middle + noise * torch.exp(0.5 * spread)
        y = self.out_of(middle)
        for i, block in enumerate(self.up):
            y = block(y)
            if i < self.skips:
                y = y + levels[len(levels) - 2 - i]
        return torch.sigmoid(self.last(y)), middle, spread


class Discriminator(nn.Module):
    """Image to features and a patch-wise judgement: real or restored."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.body = nn.ModuleList(
            norm(nn.Conv2d(a, b, 4, 2, 1))
            for a, b in ((3, width), (width, 2 * width), (2 * width, 4 * width))
        )
        self.judge = norm(nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Judgement [N, 1, h, w] and the features before it."""
        for layer in self.body:
            x = F.leaky_relu(layer(x), 0.2)
        return self.judge(x), x


def ssim_map(a: Tensor, b: Tensor, window: int) -> Tensor:
    """(N, 1, H, W) structural dissimilarity in [0, 1]: (1 - SSIM) / 2, uniform window.

    Args:
        a: [N, 3, H, W] in [0, 1].
        b: Likewise.
        window: Odd side.
    """
    pad = window // 2

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x, (pad, pad, pad, pad), mode="replicate"), window, 1)

    ma, mb = mean(a), mean(b)
    va, vb = mean(a * a) - ma * ma, mean(b * b) - mb * mb
    both = mean(a * b) - ma * mb
    top = (2 * ma * mb + SSIM_C1) * (2 * both + SSIM_C2)
    like = top / ((ma * ma + mb * mb + SSIM_C1) * (va + vb + SSIM_C2))
    return ((1 - like) / 2).clamp(0, 1).mean(1, keepdim=True)


def ms_ssim_map(a: Tensor, b: Tensor, windows: Sequence[int] = (3, 7, 15)) -> Tensor:
    """Mean of ``ssim_map`` over windows."""
    return torch.stack([ssim_map(a, b, w) for w in windows]).mean(0)


def total_variation(x: Tensor) -> Tensor:
    """Mean absolute difference of neighbours."""
    return (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()
