"""Tune a pretrained head on one product's normals alone: made defects in real good parts.

Every step hides two normals as queries, spoils them with made defects, and fits the closed form
on some of the others; what the head learns is how far this product's good parts stray. No defect
of the product is seen. Steps are few and the learning rate is low, so that the head stays near
where pretraining left it.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.types import FloatArray
from pretraining import bank, closed_form, losses
from pretraining.batches import Batch, Store
from pretraining.defects import HELD_OUT_MAKERS, MAKERS
from pretraining.episodes import QUERIES, label, spoil
from pretraining.fields import Source
from pretraining.train import Learner

LEARNING_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class Normals:
    """Crops of one slot.

    Attributes:
        crops: (n, 3, H, W) float32 in [0, 1], aligned, the reference first.
        texture: Whether positions mean nothing.
    """

    crops: FloatArray
    texture: bool


class Tuner:
    """Episodes from normals.

    Args:
        normals: Of one product.
        foreign: Episodes whose images lend foreign textures to made defects.
        seed: Of everything random.
        side: Pixels of the part of a crop that an episode sees; a texture's statistics are those
            of whole crops, so that whole crops are seen there.
    """

    def __init__(self, normals: Normals, foreign: Store, seed: int, side: int = 128) -> None:
        self.normals, self.foreign = normals, foreign
        self.side = min(normals.crops.shape[-2:]) if normals.texture else side
        self.source = Source(seed, torch.device("cpu"))
        self.rng = np.random.default_rng(seed)
        self.makers = {**MAKERS, **HELD_OUT_MAKERS}

    def batch(self, size: int, most: int = 16) -> Batch:
        """``size`` episodes; all use the same number of normals."""
        n = len(self.normals.crops)
        count = min(int(self.rng.integers(1, most + 1)), n - QUERIES)
        normals, clean = [], []
        for _ in range(size):
            order = self.rng.permutation(n)
            cut = self._cut(self.normals.crops[order[: count + QUERIES]])
            normals.append(cut[:count])
            clean.append(cut[count:])
        queries = torch.cat(clean)
        foreign = self._foreign(len(queries))
        changed, mask = spoil(self.source, self.makers, queries, foreign)
        labels = label(queries, changed, mask)
        return Batch(
            torch.stack(normals),
            torch.unflatten(changed, 0, (size, QUERIES)),
            torch.unflatten(labels[:, 0].byte(), 0, (size, QUERIES)),
            torch.full((size,), -1),
            self.normals.texture,
        )

    def _cut(self, crops: FloatArray) -> Tensor:
        h, w = crops.shape[-2:]
        top = int(self.rng.integers(0, h - self.side + 1))
        left = int(self.rng.integers(0, w - self.side + 1))
        return torch.from_numpy(crops[:, :, top : top + self.side, left : left + self.side].copy())

    def _foreign(self, count: int) -> Tensor:
        rows = self.rng.integers(0, len(self.foreign.images), count)
        found = torch.from_numpy(np.stack([self.foreign.images[r][0] for r in rows])).float() / 255
        return F.interpolate(found, size=(self.side, self.side), mode="bilinear")


def tuned(
    learner: Learner, tuner: Tuner, seconds: float, *, last_layer_only: bool = False
) -> Learner:
    """A copy of a pretrained learner with its head tuned for so many seconds.

    Args:
        learner: With a head.
        tuner: Episodes of the product.
        seconds: On this machine; the number of steps is told in ``tuned_steps``.
        last_layer_only: What a trainer without torch could do as well.
    """
    batch = 1 if tuner.normals.texture else 4
    result = copy.deepcopy(learner).train()
    assert result.heads is not None  # noqa: S101 - for the type checker
    head = result.heads["texture" if tuner.normals.texture else "object"]
    layer = head.get_submodule("leave") if last_layer_only else head
    parameters = list(layer.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.0)
    average = copy.deepcopy(head)
    grain = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        noise = closed_form.noise_covariance(bank.bank(closed_form.flat_grey(grain)))
    start, step = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        one = tuner.batch(batch)
        with torch.no_grad():
            features = bank.bank(torch.cat([one.normals, one.queries], 1).flatten(0, 1))
        features = torch.unflatten(features, 0, (batch, -1))
        k = one.normals.shape[1]
        drawn = result.draw(one, features[:, :k], features[:, k:], noise)
        parts = result.map_loss(drawn, *losses.cells(one.labels))
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for old, new in zip(average.parameters(), head.parameters(), strict=True):
                old.lerp_(new, 1 - min(0.98, step / (step + 10)))
    head.load_state_dict(average.state_dict())
    result.tuned_steps = step
    return result.eval()
