"""A normalising flow on feature maps: the exact likelihood of what good parts show.

Affine couplings, each with a small convolutional network, mix channels and neighbours. A fresh
flow is the identity up to the order of channels, so that training starts from a standard normal.

Reference:
    FastFlow, Yu et al. (arXiv:2111.07677), whose 3 x 3 and 1 x 1 convolutions are used. Couplings:
    RealNVP, Dinh et al. (ICLR 2017). Clamped scales: Ardizzone et al. (arXiv:1907.02392).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.networks.loop import adam, rows_of
from offspec.networks.settings import Training
from offspec.networks.tasks_restore import update

Cast = Callable[[], AbstractContextManager[Any]]
CLAMP = 1.0  # a coupling's logarithm of scale stays within


class Coupling(nn.Module):
    """Half of the channels say how the other half is scaled and moved.

    Args:
        channels: Of the map; the first half, rounded down, stays as it is.
        width: Of the network between the halves.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.kept = channels // 2
        self.moved = channels - self.kept
        self.first = nn.Conv2d(self.kept, width, 3, 1, 1)
        self.last = nn.Conv2d(width, 2 * self.moved, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, C, h, w] to the same and the logarithms of scale, [N, C - C // 2, h, w]."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        scale, shift = self._said(kept)
        return torch.cat([kept, moved * torch.exp(scale) + shift], 1), scale

    def inverse(self, z: Tensor) -> Tensor:
        """What ``forward`` was given."""
        kept, moved = z[:, : self.kept], z[:, self.kept :]
        scale, shift = self._said(kept)
        return torch.cat([kept, (moved - shift) * torch.exp(-scale)], 1)

    def _said(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        found = self.last(F.relu(self.first(kept)))
        return CLAMP * torch.tanh(found[:, : self.moved]), found[:, self.moved :]


class Flow(nn.Module):
    """Feature map to its negative log-likelihood, place by place.

    Args:
        channels: Of the map.
        width: Of the couplings' networks.
        couplings: How many.
        generator: Of the orders of the channels, which stay as drawn.
    """

    def __init__(
        self, channels: int, width: int, couplings: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.channels = channels
        self.couplings = nn.ModuleList(Coupling(channels, width) for _ in range(couplings))
        orders = [torch.randperm(channels, generator=generator) for _ in range(couplings)]
        self.register_buffer("orders", torch.stack(orders))
        self.register_buffer("ones", torch.ones(1, channels, 1, 1))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Latent map [N, C, h, w] and each place's share of the log-determinant [N, 1, h, w]."""
        shares = []
        for i, coupling in enumerate(self.couplings):
            x, scale = coupling(x[:, self.orders[i]])
            shares.append(self._channel_sum(scale))
        return x, torch.stack(shares).sum(0)

    def inverse(self, z: Tensor) -> Tensor:
        """The map whose latent map this is."""
        for i in reversed(range(len(self.couplings))):
            z = self.couplings[i].inverse(z)[:, torch.argsort(self.orders[i])]
        return z

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, h, w] to nats per dimension [N, 1, h, w]; their mean is the exact likelihood."""
        z, share = self.both(x)
        energy = self._channel_sum(0.5 * z * z)
        return (energy - share) / self.channels + 0.5 * math.log(2 * math.pi)

    def _channel_sum(self, x: Tensor) -> Tensor:
        """As a convolution with ones: its order does not depend on the batch."""
        return F.conv2d(x, self.ones[:, : x.shape[1]])


class FlowTask:
    """Maximum likelihood of whitened features.

    Args:
        network: What is trained.
        train: (n, C, h, w) whitened features of good crops.
        stop: Likewise, held out.
        noise: Standard deviation of what is added to the features while training.
        batch: Crops a step.
        generator: Of order and noise.
    """

    def __init__(
        self, network: Flow, train: Tensor, stop: Tensor, noise: float, batch: int,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        self.network: nn.Module = network
        self.train_set, self.stop_set = train, stop
        self.noise, self.batch, self.generator = noise, batch, generator

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """See ``Task``."""
        return [adam(self.network, training)]

    def step(self, optimisers: list[torch.optim.Optimizer], cast: Cast) -> dict[str, float]:
        """See ``Task``."""
        seen = rows_of(self.train_set, self.generator, self.batch)
        if self.noise:
            drawn = torch.randn(seen.shape, generator=self.generator)
            seen = seen + self.noise * drawn.to(seen)
        with cast():
            bits = self.network(seen).float().mean() / math.log(2)
        return update(optimisers[0], self.network, {"bits_per_dimension": bits})

    def held_out(self) -> float:
        """See ``Task``: bits per dimension."""
        total = 0.0
        for at in range(0, len(self.stop_set), self.batch):
            part = self.stop_set[at : at + self.batch]
            total += float(self.network(part).mean()) * len(part)
        return total / len(self.stop_set) / math.log(2)

    def close(self) -> None:
        """Nothing works in the background."""
