"""A small U-Net that is shown a crop and what is normal there, and draws where it is not.

Reference:
    U-Net: Ronneberger et al. (MICCAI 2015). Loss: focal (Lin et al., ICCV 2017) and Dice
    (Milletari et al., 3DV 2016). Feature noise: SimpleNet, Liu et al. (CVPR 2023).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.made_defects import nuisance, spoil
from offspec.networks.loop import adam
from offspec.networks.settings import Training
from offspec.networks.tasks_restore import update
from offspec.types import FloatArray

Cast = Callable[[], AbstractContextManager[Any]]
Inputs = Callable[[FloatArray, int, tuple[np.random.Generator, int] | None], FloatArray]
START_RATE = 0.1  # of the learning rate, for weights that were trained before
HELD_OUT_EACH = 3  # made defects in each held-out crop
SPOILED = 0.85  # of the training crops


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 1, 1), nn.GroupNorm(4, outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1), nn.GroupNorm(4, outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """[N, C, H, W] to a logarithm of odds [N, 1, H, W]; works at half resolution and below.

    Args:
        inputs: C: the crop's three channels, and six that compare it with what is normal.
        width: Channels at half resolution.
        start: Features of a trained network at a quarter of the resolution, which go in there,
            those of the crop and how they differ from those of the mean; None = from scratch.
        features: Channels of ``start``.
        contrast: What channels 3 to 5, crop less mean, were multiplied by.
    """

    def __init__(
        self, inputs: int, width: int, start: nn.Module | None = None, features: int = 0,
        contrast: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.contrast = contrast
        widths = [width, 2 * width, 2 * width, 4 * width]
        self.first = nn.Sequential(nn.Conv2d(inputs, width, 4, 2, 1), nn.ReLU())
        self.start, self.compared = start, inputs > 3
        before = [width, *widths[:-1]]
        if start is not None:
            self.joined = nn.Sequential(
                nn.Conv2d(features * (2 if self.compared else 1), width, 1), nn.ReLU()
            )
            before[1] += width
        self.down = nn.ModuleList(_block(a, b) for a, b in zip(before, widths, strict=True))
        self.up = nn.ModuleList(
            _block(widths[i] + widths[i - 1], widths[i - 1]) for i in range(len(widths) - 1, 0, -1)
        )
        self.last = nn.Conv2d(width, 1, 1)
        nn.init.constant_(self.last.bias, -3.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        known = None if self.start is None else self._known(x)
        x = self.first(x)
        levels = []
        for i, block in enumerate(self.down):
            x = x if i == 0 else F.max_pool2d(x, 2)
            x = block(x if i != 1 or known is None else torch.cat([x, known], 1))
            levels.append(x)
        for i, block in enumerate(self.up):
            up = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([up, levels[len(levels) - 2 - i]], 1))
        return F.interpolate(self.last(x), scale_factor=2.0, mode="bilinear", align_corners=False)

    def _known(self, x: Tensor) -> Tensor:
        """What the start makes of the crop and of the mean."""
        assert self.start is not None  # noqa: S101 - for the type checker
        crop = x[:, :3]
        own = self.start(crop)
        if self.compared:
            own = torch.cat(
                [own, own - self.start((crop - x[:, 3:6] / self.contrast).clamp(0, 1))], 1
            )
        found: Tensor = self.joined(own)
        return found


class FeatureHead(nn.Module):
    """[N, C, h, w] frozen features to a logarithm of odds at the same stride."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, 2 * width, 1), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, 1, 1, groups=2 * width),
            nn.Conv2d(2 * width, width, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, groups=width),
            nn.Conv2d(width, width, 1), nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )  # fmt: skip
        nn.init.constant_(self.body[-1].bias, -3.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.body(x)
        return found


def defect_loss(logits: Tensor, wanted: Tensor, counted: Tensor) -> dict[str, Tensor]:
    """Focal and Dice loss; all [N, 1, h, w], ``counted`` 0 where the truth is doubtful."""
    raw = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    hit = torch.exp(-raw)
    balance = 0.75 * wanted + 0.25 * (1 - wanted)
    focal = (balance * (1 - hit).square() * raw * counted).sum() / counted.sum().clamp(min=1)
    share = torch.sigmoid(logits) * counted
    both = (share * wanted).sum((1, 2, 3))
    dice = 1 - (2 * both + 1) / (share.sum((1, 2, 3)) + (wanted * counted).sum((1, 2, 3)) + 1)
    return {"focal": 20 * focal, "dice": dice.mean()}


@dataclass(frozen=True, slots=True)
class Made:
    """A batch: what the network sees, where defects are, and where that is certain."""

    inputs: Tensor
    wanted: Tensor
    counted: Tensor


class SyntheticTask:
    """Made defects in good crops.

    Args:
        network: UNet or FeatureHead.
        train: (n, S, 3, H, W) good crops.
        stop: Likewise, held out.
        inputs: From a crop, its slot, and a generator with its image's index (which other normals
            it is compared with; None = all) to what the network sees.
        stride: Crop pixels per output pixel.
        noise: Standard deviation of feature noise that counts as a defect; 0 = none.
        seed: Of everything random.
    """

    def __init__(
        self, network: nn.Module, train: FloatArray, stop: FloatArray, inputs: Inputs, stride: int,
        batch: int, seed: int, device: torch.device, noise: float = 0.0,
    ) -> None:  # fmt: skip
        self.network = network
        self.train_set, self.inputs, self.stride, self.batch = train, inputs, stride, batch
        self.device, self.noise = device, noise
        rng = np.random.default_rng((seed, 1))
        self._fixed = [
            self._made([self._one(crop, slot, rng, None)])
            for image in stop
            for slot, crop in enumerate(image)
            for _ in range(HELD_OUT_EACH)
        ]
        self._rng = np.random.default_rng(seed)
        self._queue: queue.Queue[Made | Exception] = queue.Queue(3)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """See ``Task``."""
        start = getattr(self.network, "start", None)
        return [adam(self.network, training, slow=start, share=START_RATE)]

    def step(self, optimisers: list[torch.optim.Optimizer], cast: Cast) -> dict[str, float]:
        """See ``Task``."""
        made = self._next()
        with cast():
            seen, wanted, counted = made.inputs, made.wanted, made.counted
            if self.noise:
                seen, wanted, counted = self._noisy(seen, wanted, counted)
            logits = self.network(seen).float()
            parts = defect_loss(logits, wanted, counted)
        return update(optimisers[0], self.network, parts)

    def _noisy(self, seen: Tensor, wanted: Tensor, counted: Tensor) -> tuple[Tensor, ...]:
        """The batch, and once more with noise on the features in a few places."""
        place = (torch.rand(len(seen), 1, *seen.shape[2:], device=seen.device) < 0.02).float()
        place = place * counted
        other = seen + place * self.noise * torch.randn_like(seen)
        return (
            torch.cat([seen, other]), torch.cat([wanted, torch.maximum(wanted, place)]),
            torch.cat([counted, counted]),
        )  # fmt: skip

    def held_out(self) -> float:
        """See ``Task``: how badly made defects in held-out crops are found."""
        total = 0.0
        for made in self._fixed:
            parts = defect_loss(self.network(made.inputs), made.wanted, made.counted)
            total += float(torch.stack(list(parts.values())).sum())
        return total / len(self._fixed)

    def close(self) -> None:
        """Stop making batches."""
        self._ended.set()

    # -- making batches, one thread ahead ----------------------------------------

    def _next(self) -> Made:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        made = self._queue.get()
        if isinstance(made, Exception):
            raise made
        return made

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                made: Made | Exception = self._batch()
            except Exception as error:  # noqa: BLE001 - raised where the batch is waited for
                made = error
            while not self._ended.is_set():
                try:
                    self._queue.put(made, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def _batch(self) -> Made:
        rng = self._rng
        found = []
        for _ in range(self.batch):
            own = int(rng.integers(len(self.train_set)))
            slot = int(rng.integers(len(self.train_set[own])))
            found.append(self._one(self.train_set[own][slot], slot, rng, own))
        return self._made(found)

    def _one(
        self, crop: FloatArray, slot: int, rng: np.random.Generator, own: int | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A row of a batch; ``own`` is its place among the training images, None if held out."""
        good = crop if own is None else nuisance(crop, rng)
        h, w = crop.shape[1:]
        wanted = np.zeros((1, h, w), np.float32)
        counted = np.ones((1, h, w), np.float32)
        if own is None or rng.random() < SPOILED:
            other = self.train_set[int(rng.integers(len(self.train_set)))]
            foreign = other[int(rng.integers(len(other)))]
            good, defect, doubtful = spoil(good, foreign, rng)
            wanted[0], counted[0] = defect, ~doubtful
        return self.inputs(good, slot, None if own is None else (rng, own)), wanted, counted

    def _made(self, rows: list[tuple[FloatArray, FloatArray, FloatArray]]) -> Made:
        inputs, wanted, counted = (
            torch.from_numpy(np.stack(part)).to(self.device) for part in zip(*rows, strict=True)
        )
        if self.stride > 1:
            wanted = F.max_pool2d(wanted, self.stride)
            counted = torch.maximum(-F.max_pool2d(-counted, self.stride), wanted)
        return Made(inputs, wanted, counted)
