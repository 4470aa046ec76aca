"""Training networks that restore good images: autoencoders, variational ones, adversarial ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.networks.autoencoders import (
    Autoencoder,
    Discriminator,
    ms_ssim_map,
    ssim_map,
    total_variation,
)
from offspec.networks.loop import rows_of
from offspec.networks.settings import Training

Loss = Literal["l2", "ssim", "ms_ssim"]
Cast = Callable[[], AbstractContextManager[Any]]
FIRST_WINDOW = 7


def restoring(loss: Loss, restored: Tensor, wanted: Tensor) -> Tensor:
    """How far a restored image is from the wanted one; a scalar."""
    if loss == "l2":
        return F.mse_loss(restored, wanted)
    unlike = ms_ssim_map if loss == "ms_ssim" else _one_ssim
    # a part of L2 fixes brightness and colour, to which SSIM is nearly blind
    return unlike(restored, wanted).mean() + F.mse_loss(restored, wanted)


def _one_ssim(a: Tensor, b: Tensor) -> Tensor:
    return ssim_map(a, b, FIRST_WINDOW)


class RestoreTask:
    """An autoencoder on good crops.

    Args:
        network: What is trained.
        train: (n, 3, H, W) good crops.
        stop: Good crops held out.
        loss: l2, ssim or ms_ssim.
        beta: Weight of the middle's divergence from a standard normal, if variational.
        generator: Of order and noise.
    """

    def __init__(
        self, network: Autoencoder, train: Tensor, stop: Tensor, loss: Loss, beta: float,
        batch: int, generator: torch.Generator,
    ) -> None:  # fmt: skip
        self.network: nn.Module = network
        self._net = network
        self.train_set, self.stop_set = train, stop
        self.loss: Loss = loss
        self.beta, self.batch, self.generator = beta, batch, generator

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """See ``Task``."""
        return [_adam(self.network, training)]

    def step(self, optimisers: list[torch.optim.Optimizer], cast: Cast) -> dict[str, float]:
        """See ``Task``."""
        wanted = rows_of(self.train_set, self.generator, self.batch)
        with cast():
            parts = self._losses(wanted)
        return update(optimisers[0], self.network, parts)

    def _losses(self, wanted: Tensor) -> dict[str, Tensor]:
        noise = None
        if self._net.variational:
            with torch.no_grad():
                shape = self._net.both(wanted[:1])[1].shape[1:]
            noise = torch.randn(len(wanted), *shape, generator=self.generator).to(wanted)
        restored, middle, spread = self._net.both(wanted, noise)
        found: dict[str, Tensor] = {self.loss: restoring(self.loss, restored.float(), wanted)}
        if spread is not None:
            divergence = 0.5 * (middle.square() + spread.exp() - spread - 1).mean()
            found["divergence"] = self.beta * divergence
        return found

    def held_out(self) -> float:
        """See ``Task``."""
        return held_out_restoring(self._net, self.loss, self.stop_set, self.batch)

    def close(self) -> None:
        """Nothing works in the background."""


class AdversarialTask:
    """Generator and discriminator in turn.

    Args:
        network: Generator.
        train: (n, 3, H, W) good crops.
        stop: Good crops held out.
        weights: Of the losses restore, feature, adversarial and variation.
        generator: Of the order.
    """

    def __init__(
        self, network: Autoencoder, train: Tensor, stop: Tensor, weights: dict[str, float],
        batch: int, generator: torch.Generator,
    ) -> None:  # fmt: skip
        self._net, self.judge = network, Discriminator().to(train.device)
        self.network: nn.Module = nn.ModuleDict({"generator": network, "judge": self.judge})
        self.train_set, self.stop_set = train, stop
        self.weights, self.batch, self.generator = weights, batch, generator

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """See ``Task``."""
        slow = training.model_copy(update={"learning_rate": training.learning_rate / 2})
        return [_adam(self._net, training), _adam(self.judge, slow)]

    def step(self, optimisers: list[torch.optim.Optimizer], cast: Cast) -> dict[str, float]:
        """See ``Task``."""
        real = rows_of(self.train_set, self.generator, self.batch)
        with cast():
            restored = self._net(real)
            judged, inner = self.judge(restored)
            with torch.no_grad():
                wanted = self.judge(real)[1]
            parts = {
                "restore": self.weights["restore"] * F.l1_loss(restored.float(), real),
                "feature": self.weights["feature"] * F.mse_loss(inner, wanted),
                "adversarial": self.weights["adversarial"] * -judged.mean(),
                "variation": self.weights["variation"] * total_variation(restored),
            }
        told = update(optimisers[0], self._net, parts)
        with cast():  # hinge: bounded steps, so that neither side runs away
            fake = self.judge(restored.detach())[0]
            true = self.judge(real)[0]
            judge = {"judge": F.relu(1 + fake).mean() + F.relu(1 - true).mean()}
        told["judge"] = update(optimisers[1], self.judge, judge)["judge"]
        return told

    def held_out(self) -> float:
        """See ``Task``."""
        return held_out_restoring(self._net, "l2", self.stop_set, self.batch)

    def close(self) -> None:
        """Nothing works in the background."""


def held_out_restoring(network: Autoencoder, loss: Loss, crops: Tensor, batch: int) -> float:
    """Mean restoring loss over held-out crops."""
    total = 0.0
    for at in range(0, len(crops), batch):
        part = crops[at : at + batch]
        total += float(restoring(loss, network(part), part)) * len(part)
    return total / len(crops)


def _adam(network: nn.Module, training: Training) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay,
        betas=(0.9, 0.95),
    )  # fmt: skip


def update(
    optimiser: torch.optim.Optimizer, network: nn.Module, parts: dict[str, Tensor]
) -> dict[str, float]:
    """One step down the sum of the parts; the state stays as it was if that is no number."""
    total = torch.stack([part.float() for part in parts.values()]).sum()
    found = {name: float(part.detach()) for name, part in parts.items()}
    found["total"] = float(total.detach())
    optimiser.zero_grad(set_to_none=True)
    if not torch.isfinite(total):
        return found
    total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    if torch.isfinite(norm):
        optimiser.step()
    return found
