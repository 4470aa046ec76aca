"""A student that imitates frozen features, and an autoencoder that must know the whole crop.

Reference:
    EfficientAD, Batzner et al. (WACV 2024): hard-feature loss, penalty on foreign images, an
    autoencoder beside the student. Here the foreign images are drawn, nothing is downloaded, and
    the networks are sized for a CPU. Students for defects: Bergmann et al. (CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.made_defects import noise_field, random_area
from offspec.networks.loop import adam, rows_of
from offspec.networks.settings import Training
from offspec.networks.tasks_restore import update
from offspec.types import FloatArray

Cast = Callable[[], AbstractContextManager[Any]]
Size = tuple[int, int]
SAMPLED = 8  # every how manieth difference is looked at to find the hardest
BOTTOM = 8  # cells a side, at most, where the autoencoder becomes one vector
FOREIGN = 2  # procedural images a step


def _conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, (side - 1) // 2), nn.LeakyReLU(0.1)
    )


def _resized(x: Tensor, size: Size) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _halved(size: Size) -> Size:
    """What a convolution with side 3 and stride 2 leaves."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


class Student(nn.Module):
    """Crop to two imitations at the teacher's grid: of the teacher, and of the autoencoder.

    Args:
        channels: Of the teacher.
        cells_hw: The teacher's grid.
        net_hw: Crop size.
        width: Channels at a quarter of the resolution.
    """

    def __init__(self, channels: int, cells_hw: Size, net_hw: Size, width: int) -> None:
        super().__init__()
        self.channels, self.cells_hw = channels, cells_hw
        self.quarter_hw = _halved(_halved(net_hw))
        self.first = nn.Sequential(_conv(3, width // 2, 3, 2), _conv(width // 2, width, 3, 2))
        self.near = _conv(width, width)
        self.far = nn.Sequential(
            _conv(width, 2 * width, 3, 2), _conv(2 * width, 2 * width, 3, 2),
            _conv(2 * width, 2 * width), _conv(2 * width, width),
        )  # fmt: skip
        self.last = nn.Sequential(
            _conv(2 * width, 2 * width), nn.Conv2d(2 * width, 2 * channels, 1)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 3, H, W] to twice [N, C, h, w]."""
        x = self.first(x - 0.5)
        both = torch.cat([self.near(x), _resized(self.far(x), self.quarter_hw)], 1)
        if self.cells_hw != self.quarter_hw:
            both = _resized(both, self.cells_hw)
        found = self.last(both)
        return found[:, : self.channels], found[:, self.channels :]


class Whole(nn.Module):
    """Autoencoder from a crop to the teacher's features through one vector.

    Args:
        channels: Of the teacher.
        cells_hw: The teacher's grid.
        net_hw: Crop size.
        width: Channels.
        latent: Length of the vector.
    """

    def __init__(
        self, channels: int, cells_hw: Size, net_hw: Size, width: int, latent: int
    ) -> None:
        super().__init__()
        sizes = [net_hw]
        while max(sizes[-1]) > BOTTOM:
            sizes.append(_halved(sizes[-1]))
        self.down = nn.Sequential(
            *(_conv(3 if i == 0 else width, width, 3, 2) for i in range(len(sizes) - 1))
        )
        bottom = sizes[-1]
        self.into = nn.Conv2d(width, latent, bottom)
        self.out_of = nn.ConvTranspose2d(latent, width, bottom)
        coarser = [size for size in reversed(sizes[1:-1]) if size[0] < cells_hw[0]]
        self.sizes = [*coarser, cells_hw]
        self.up = nn.ModuleList(_conv(width, width) for _ in self.sizes)
        self.last = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] to [N, C, h, w]."""
        x = F.leaky_relu(self.out_of(self.into(self.down(x - 0.5))), 0.1)
        for size, block in zip(self.sizes, self.up, strict=True):
            x = block(_resized(x, size))
        found: Tensor = self.last(x)
        return found


class Imitators(nn.Module):
    """Student and autoencoder as one network with three outputs."""

    def __init__(
        self, channels: int, cells_hw: Size, net_hw: Size, width: int, latent: int
    ) -> None:
        super().__init__()
        self.student = Student(channels, cells_hw, net_hw, width)
        self.whole = Whole(channels, cells_hw, net_hw, width, latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The student's teacher, the student's autoencoder, the autoencoder; all [N, C, h, w]."""
        local, overall = self.student(x)
        return local, overall, self.whole(x)


def hardest(away: Tensor, share: float) -> Tensor:
    """Mean of the largest ``share`` of squared differences.

    The limit is estimated on every SAMPLED-th of them, as sorting all would take longest.
    """
    with torch.no_grad():
        some = away.flatten()[::SAMPLED]
        limit = torch.topk(some, max(round(share * len(some)), 1)).values[-1]
        kept = (away >= limit).to(away)
    return (away * kept).sum() / kept.sum()


def procedural(count: int, size_hw: Size, rng: np.random.Generator) -> FloatArray:
    """(count, 3, H, W) in [0, 1]: noise in colours, under shapes that are noise too."""
    return np.stack([_drawn(size_hw, rng) for _ in range(count)])


def _drawn(size_hw: Size, rng: np.random.Generator) -> FloatArray:
    image = _clouds(size_hw, rng)
    for _ in range(int(rng.integers(1, 6))):
        area = random_area(size_hw, rng)
        area = cv2.dilate(area.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        image = np.where(area, _clouds(size_hw, rng), image)
    return np.asarray(np.clip(image, 0, 1), np.float32)


def _clouds(size_hw: Size, rng: np.random.Generator) -> FloatArray:
    """(3, H, W): a colour and smooth noise on two scales."""
    colour = rng.uniform(0, 1, (3, 1, 1))
    for _ in range(2):
        cells = float(np.exp(rng.uniform(np.log(2), np.log(max(size_hw) / 3))))
        tint = rng.normal(0, 0.2, (3, 1, 1))
        colour = colour + tint * noise_field(size_hw, cells, rng)
    return np.asarray(colour, np.float32)


class StudentTask:
    """Student and autoencoder imitate the teacher on good crops.

    Args:
        network: What is trained.
        train: Good crops (n, 3, H, W) and the teacher's features (n, C, h, w) of them.
        stop: Likewise, held out.
        foreign: (m, 3, H, W) procedural images, on which the student has to stay near 0.
        hard: Share of the differences that the student learns from.
        penalty: Weight of staying near 0.
        batch: Crops a step.
        generator: Of the order.
    """

    def __init__(
        self, network: Imitators, train: tuple[Tensor, Tensor], stop: tuple[Tensor, Tensor],
        foreign: Tensor, hard: float, penalty: float, batch: int, generator: torch.Generator,
    ) -> None:  # fmt: skip
        self.network: nn.Module = network
        self._net = network
        self.train_set, self.stop_set, self.foreign = train, stop, foreign
        self.hard, self.penalty = hard, penalty
        self.batch, self.generator = batch, generator

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """See ``Task``."""
        return [adam(self.network, training)]

    def step(self, optimisers: list[torch.optim.Optimizer], cast: Cast) -> dict[str, float]:
        """See ``Task``."""
        crops, teacher = self.train_set
        chosen = rows_of(torch.arange(len(crops)), self.generator, self.batch).to(crops.device)
        foreign = rows_of(self.foreign, self.generator, FOREIGN)
        with cast():
            parts = self._losses(crops[chosen], teacher[chosen].float())
            parts["penalty"] = self.penalty * self._net.student(foreign)[0].float().square().mean()
        return update(optimisers[0], self.network, parts)

    def _losses(self, crops: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        local, overall, whole = (found.float() for found in self._net(crops))
        return {
            "student": hardest((local - teacher).square(), self.hard),
            "autoencoder": (whole - teacher).square().mean(),
            "both": (overall - whole.detach()).square().mean(),
        }

    def held_out(self) -> float:
        """See ``Task``: the losses without the penalty."""
        crops, teacher = self.stop_set
        total = 0.0
        for at in range(0, len(crops), self.batch):
            part = crops[at : at + self.batch]
            losses = self._losses(part, teacher[at : at + self.batch].float())
            total += float(torch.stack(list(losses.values())).sum()) * len(part)
        return total / len(crops)

    def close(self) -> None:
        """Nothing works in the background."""
