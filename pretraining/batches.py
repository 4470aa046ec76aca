"""Reading stored episodes: batches of one kind, augmented alike, fetched ahead by a thread."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretraining.episodes import KINDS, NORMALS, QUERIES, SIDE

NORMAL_COUNTS = (1, 2, 4, 8, 16)
NORMAL_SHARES = (0.2, 0.25, 0.25, 0.2, 0.1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Episodes of one kind.

    Attributes:
        normals: (E, K, 3, H, W) float32 in [0, 1].
        queries: (E, Q, 3, H, W).
        labels: (E, Q, H, W) uint8, as in ``pretraining.episodes``.
        programs: (E,) int64, -1 where several are mixed.
        texture: Whether positions mean nothing.
    """

    normals: Tensor
    queries: Tensor
    labels: Tensor
    programs: Tensor
    texture: bool


class Store:
    """A folder of episodes."""

    def __init__(self, path: Path) -> None:
        index = json.loads((path / "index.json").read_text())
        self.images: NDArray[np.uint8] = np.load(path / "images.npy", mmap_mode="r")
        self.labels: NDArray[np.uint8] = np.load(path / "labels.npy", mmap_mode="r")
        self.kinds = np.array(index["kinds"])
        self.programs = np.array(index["programs"], np.int64)
        self.program_names: list[str] = index["program_names"]
        self._rows = [
            np.flatnonzero(self.kinds != KINDS.index("texture")),
            np.flatnonzero(self.kinds == KINDS.index("texture")),
        ]

    def batch(
        self,
        rows: NDArray[np.int64],
        normals: int,
        rng: np.random.Generator | None = None,
        crop: int = SIDE,
    ) -> Batch:
        """These episodes with so many normals; with a ``rng``, cut to ``crop`` and augmented."""
        pick = np.arange(normals) if rng is None else rng.permutation(NORMALS)[:normals]
        pick = np.concatenate([pick, np.arange(NORMALS, NORMALS + QUERIES)])
        top, left = (0, 0) if rng is None else rng.integers(0, SIDE - crop + 1, 2)
        y, x = slice(top, top + crop), slice(left, left + crop)
        images = torch.from_numpy(np.stack([self.images[row][pick][..., y, x] for row in rows]))
        labels = torch.from_numpy(np.stack([self.labels[row][..., y, x] for row in rows]))
        if rng is not None:
            images, labels = _augmented(images, labels, rng)
        floats = images.float() / 255
        if rng is not None:
            floats = _recoloured(floats, rng)
        texture = bool(self.kinds[rows[0]] == KINDS.index("texture"))
        programs = torch.from_numpy(self.programs[rows])
        return Batch(floats[:, :normals], floats[:, normals:], labels, programs, texture)

    def draw(self, rng: np.random.Generator, size: int, texture_share: float, crop: int) -> Batch:
        """A random batch: one kind, one number of normals."""
        texture = rng.random() < texture_share
        rows = rng.choice(self._rows[int(texture)], size, replace=False)
        return self.batch(rows, int(rng.choice(NORMAL_COUNTS, p=NORMAL_SHARES)), rng, crop)

    def all_of(self, *, texture: bool, size: int, normals: int, limit: int) -> Iterator[Batch]:
        """The first episodes of a kind in order, without augmentation."""
        rows = self._rows[int(texture)][:limit]
        for at in range(0, len(rows), size):
            yield self.batch(rows[at : at + size], normals)


def _augmented(images: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Turns and mirrors, the same for a whole batch."""
    turns, mirror = int(rng.integers(4)), rng.random() < 0.5
    images, labels = images.rot90(turns, (-2, -1)), labels.rot90(turns, (-2, -1))
    if mirror:
        images, labels = images.flip(-1), labels.flip(-1)
    return images.contiguous(), labels.contiguous()


def _recoloured(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Colour channels exchanged, greys reversed or darkened; the same within an episode."""
    images = images[:, :, torch.from_numpy(rng.permutation(3))]
    e = len(images)
    reverse = torch.from_numpy(rng.random(e) < 0.25)[:, None, None, None, None]
    images = torch.where(reverse, 1 - images, images)
    dark = torch.from_numpy(np.exp(rng.uniform(-1.2, 0.2, e)).astype(np.float32))
    apply = torch.from_numpy(rng.random(e) < 0.4)
    gain = torch.where(apply, dark, torch.ones_like(dark))[:, None, None, None, None]
    return (images * gain).clamp(0, 1)


class Ahead:
    """Batches from a thread; says what share of the time was spent waiting for it."""

    def __init__(self, store: Store, seed: int, size: int, texture_share: float, crop: int) -> None:
        self.waited_s = 0.0
        self._queue: queue.Queue[Batch] = queue.Queue(4)
        self._arguments = (store, seed, size, texture_share, crop)
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        store, seed, size, texture_share, crop = self._arguments
        rng = np.random.default_rng(seed)
        while True:
            self._queue.put(store.draw(rng, size, texture_share, crop))

    def next(self) -> Batch:
        """The next batch."""
        start = time.perf_counter()
        batch = self._queue.get()
        self.waited_s += time.perf_counter() - start
        return batch
