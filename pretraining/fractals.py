"""The published floor in small: a network that learns to tell fractals apart, and nothing else.

    python -m pretraining.fractals OUT --classes 200 --steps 1500 --seed 0 --threads 1

A class is one iterated-function system of two to four affine maps. An image of 96 pixels shows
several fractals of its class, each with slightly changed parameters, at a random place, size,
small turn and mirroring, in random colours on black. The network's three stages are averaged over
the image and a linear classifier names the class.

The classifier reads the stages, not the features, so classification leaves the network's
``heads`` untrained. They are set to **orthonormal projections** of the trained stages, drawn
from the seed: each head's rows are orthogonal and of length one, so that the exported features
are a random rotation of the stages that drops dimensions and learns nothing.

References:
    Kataoka et al., Pre-training without Natural Images, 2020 (classes of function systems);
    Anderson and Farrell, Improving Fractal Pre-training, 2021 (the range of singular values that
    gives pictures worth looking at); Ugwu et al., Fractals as Pre-training Datasets for Anomaly
    Detection and Localization, 2024 (frozen features, several formulas per image). Written here
    from the ideas.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.types import FloatArray
from pretraining.network import SIZES, Network
from pretraining.train import LEARNING_RATE, WEIGHT_DECAY, learning_rate

SIDE = 96
MAPS = (2, 4)  # fewest and most affine maps of a system
VARIANTS = 12  # pictures of each system, parameters slightly changed
UNSEEN = 2  # of them kept out of training, to measure
WALKERS, BURN_IN, STEPS = 96, 12, 72  # of the chaos game, for one picture
TOGETHER = 480  # pictures drawn at once
FILLED = (0.06, 0.6)  # share of pixels that a system's picture may touch
LAYERS = (2, 4)  # fewest and most fractals in an image
DIMMEST = 0.25  # least value of a colour channel; the ground is black
TURN = 0.3  # largest turn of one fractal, radians


# -- function systems --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Systems:
    """Many function systems; those with fewer maps are padded with maps of no weight.

    Attributes:
        turns: (S, M, 2) angles in radians: before and after the stretch.
        sizes: (S, M, 2) singular values, below 1, so that every map contracts.
        mirror: (S, M) 1 or -1.
        moves: (S, M, 2) translations, -1 to 1.
        used: (S, M) True for maps that are there.
    """

    turns: FloatArray
    sizes: FloatArray
    mirror: FloatArray
    moves: FloatArray
    used: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.turns)

    def take(self, which: NDArray[np.int64]) -> Systems:
        """Some of them, in that order."""
        return Systems(*(getattr(self, name)[which] for name in Systems.__slots__))

    def varied(self, rng: np.random.Generator) -> Systems:
        """The same systems with every number slightly changed."""
        turns = self.turns + rng.uniform(-0.1, 0.1, self.turns.shape)
        sizes = (self.sizes * rng.uniform(0.92, 1.08, self.sizes.shape)).clip(max=0.95)
        moves = self.moves * rng.uniform(0.85, 1.15, self.moves.shape)
        return Systems(_single(turns), _single(sizes), self.mirror, _single(moves), self.used)

    def linear(self) -> FloatArray:
        """(S, M, 2, 2) the linear parts."""
        left, right = _rotation(self.turns[..., 0]), _rotation(self.turns[..., 1])
        right[..., 1, :] *= self.mirror[..., None]
        return _single(left * self.sizes[..., None, :] @ right)

    def chances(self) -> FloatArray:
        """(S, M) how often each map is taken: as its area, but never hardly at all."""
        area = np.maximum(self.sizes.prod(-1), 0.02) * self.used
        return _single(area / area.sum(1, keepdims=True))


def _single(values: NDArray[np.floating]) -> FloatArray:
    return values.astype(np.float32)


def _rotation(angle: FloatArray) -> FloatArray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def draw_candidates(rng: np.random.Generator, count: int) -> Systems:
    """Systems whose singular values are in the fruitful range; not yet looked at."""
    most = MAPS[1]
    maps = rng.integers(MAPS[0], most + 1, count)
    used = np.arange(most)[None] < maps[:, None]
    sizes = np.ones((count, most, 2))
    todo = np.arange(count)
    while len(todo):  # a few dozen rounds; each keeps the draws that fit
        new = -np.sort(-rng.uniform(0.15, 0.95, (len(todo), most, 2)), axis=-1)
        weight = ((new[..., 0] + 2 * new[..., 1]) * used[todo]).sum(1)
        low = (5 + maps[todo]) / 2
        fits = (weight >= low) & (weight <= low + 0.5)
        sizes[todo[fits]] = new[fits]
        todo = todo[~fits]
    return Systems(
        turns=_single(rng.uniform(0, 2 * math.pi, (count, most, 2))),
        sizes=_single(sizes),
        mirror=_single(rng.choice([-1.0, 1.0], (count, most))),
        moves=_single(rng.uniform(-1, 1, (count, most, 2))),
        used=used,
    )


def draw_systems(rng: np.random.Generator, count: int) -> Systems:
    """Systems whose picture is neither a few specks nor a blob, the same for the same ``rng``."""
    kept: list[Systems] = []
    while sum(map(len, kept)) < count:
        some = draw_candidates(rng, count)
        filled = (draw_pictures(some, rng) > 0).mean(axis=(1, 2))
        good = (filled >= FILLED[0]) & (filled <= FILLED[1])
        kept.append(some.take(np.flatnonzero(good)))
    joined = [np.concatenate([getattr(k, name) for k in kept]) for name in Systems.__slots__]
    return Systems(*joined).take(np.arange(count))


# -- pictures ----------------------------------------------------------------------


def walk(systems: Systems, rng: np.random.Generator) -> FloatArray:
    """Chaos game: points of each attractor, (S, WALKERS * STEPS, 2)."""
    count = len(systems)
    linear, edges = systems.linear(), systems.chances().cumsum(1)[:, None, :-1]
    rows = np.arange(count)[:, None]
    points = np.zeros((count, WALKERS, 2), np.float32)
    track = np.empty((STEPS, count, WALKERS, 2), np.float32)
    for step in range(BURN_IN + STEPS):
        dice = rng.random((count, WALKERS, 1), np.float32)
        index = (dice > edges).sum(-1)
        points = np.einsum("swij,swj->swi", linear[rows, index], points)
        points += systems.moves[rows, index]
        if step >= BURN_IN:
            track[step - BURN_IN] = points
    return track.transpose(1, 0, 2, 3).reshape(count, -1, 2)


def draw_pictures(systems: Systems, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(S, SIDE, SIDE) logarithm of the density; 0 where no point came, 255 at the densest."""
    parts = [
        _densities(walk(systems.take(np.arange(at, min(at + TOGETHER, len(systems)))), rng))
        for at in range(0, len(systems), TOGETHER)
    ]
    return np.concatenate(parts)


def _densities(points: FloatArray) -> NDArray[np.uint8]:
    """Counts of points per pixel, framed to the attractor, its proportions kept."""
    low, high = points.min(1, keepdims=True), points.max(1, keepdims=True)
    extent = np.maximum((high - low).max(-1, keepdims=True), 1e-6) * 1.04
    unit = (points - (low + high) / 2) / extent + 0.5
    cells = (unit * SIDE).astype(np.int64).clip(0, SIDE - 1)
    flat = (np.arange(len(points))[:, None] * SIDE + cells[..., 1]) * SIDE + cells[..., 0]
    counts = np.bincount(flat.ravel(), minlength=len(points) * SIDE * SIDE)
    field = np.log1p(counts.reshape(len(points), SIDE, SIDE))
    # A single visit shows: the rim of an attractor is its contour.
    field /= field.max(axis=(1, 2), keepdims=True)
    return (field * 255).round().astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Pictures of every class, from which images are composed.

    Attributes:
        pictures: (classes, VARIANTS, SIDE, SIDE) uint8.
    """

    pictures: Tensor

    @classmethod
    def of(cls, classes: int, seed: int) -> Shapes:
        """Draw the systems and their pictures."""
        rng = np.random.default_rng(seed)
        systems = draw_systems(rng, classes)
        every = systems.take(np.repeat(np.arange(len(systems)), VARIANTS)).varied(rng)
        pictures = draw_pictures(every, rng)
        return cls(torch.from_numpy(pictures).view(classes, VARIANTS, SIDE, SIDE))

    def compose(self, labels: Tensor, draw: torch.Generator, *, unseen: bool = False) -> Tensor:
        """Images of the classes.

        Args:
            labels: (N,) classes.
            draw: Decides everything else.
            unseen: Use the variants that training never sees, and no other.

        Returns:
            (N, 3, SIDE, SIDE) in [0, 1].
        """
        count, most = len(labels), LAYERS[1]
        first, last = (VARIANTS - UNSEEN, VARIANTS) if unseen else (0, VARIANTS - UNSEEN)
        variant = torch.randint(first, last, (count, most), generator=draw)
        found = self.pictures[labels[:, None], variant].flatten(0, 1)[:, None].float() / 255
        grid = F.affine_grid(_places(count * most, draw), list(found.shape), align_corners=False)
        fields = F.grid_sample(found, grid, align_corners=False).view(count, most, 1, SIDE, SIDE)
        shown = torch.randint(LAYERS[0], most + 1, (count, 1), generator=draw)
        fields = fields * (torch.arange(most)[None] < shown)[..., None, None, None]
        colours = torch.rand(2, count, most, 3, 1, 1, generator=draw)
        thin, dense = DIMMEST + (1 - DIMMEST) * colours
        image = torch.zeros(count, 3, SIDE, SIDE)
        for layer in range(most):
            field = fields[:, layer]
            own = torch.lerp(thin[:, layer], dense[:, layer], field)
            image = torch.lerp(image, own, (3 * field).clamp(max=1))
        return image


def _places(count: int, draw: torch.Generator) -> Tensor:
    """(count, 2, 3) from image to picture: turn, size 0.4 to 1.1, mirroring, place."""
    turn, size, flip, right, down = torch.rand(5, count, generator=draw)
    turn, size = (2 * turn - 1) * TURN, 1 / (0.4 + 0.7 * size)
    sign = torch.where(flip < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(turn) * size, torch.sin(turn) * size
    x, y = 1.2 * right - 0.6, 1.2 * down - 0.6
    rows = [cos * sign, -sin * sign, (-cos * x + sin * y) * sign, sin, cos, -sin * x - cos * y]
    return torch.stack(rows, 1).view(count, 2, 3)


# -- training ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result.

    Attributes:
        size: Of the network.
        classes: To tell apart.
        steps: Batches.
        batch: Images in one.
        seed: Of systems, weights and images.
    """

    size: str
    classes: int
    steps: int
    batch: int
    seed: int


class Classifier(nn.Module):
    """The network's stages, averaged over the image, and a linear layer."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.network = Network(SIZES[recipe.size])
        for head in self.network.heads:
            head.requires_grad_(False)
        width = sum(SIZES[recipe.size].widths)
        # Stages differ in scale; at inference both parts together are one linear layer.
        self.name = nn.Sequential(
            nn.BatchNorm1d(width, affine=False), nn.Linear(width, recipe.classes)
        )

    def forward(self, images: Tensor) -> Tensor:
        """[N, 3, H, W] to logits [N, classes]."""
        stages = self.network.stages(images.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.name(torch.cat([x.mean(dim=(2, 3)) for x in stages], 1))
        return logits


def project(network: Network, seed: int) -> None:
    """Make the heads orthonormal: rows of length one at right angles, drawn from the seed."""
    draw = torch.Generator().manual_seed(seed)
    for head in network.heads:
        assert isinstance(head, nn.Conv2d)  # noqa: S101 - for the type checker
        nn.init.orthogonal_(head.weight, generator=draw)


class Run:
    """One training run."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        self.recipe, self.out = recipe, out
        self.start = time.perf_counter()
        torch.manual_seed(recipe.seed)
        self.model = Classifier(recipe)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.draw = torch.Generator().manual_seed(recipe.seed)
        self.shapes = Shapes.of(recipe.classes, recipe.seed)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        groups = [{"params": [p for p in trained if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
                  {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]  # fmt: skip
        self.optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE)

    def train(self, every: int = 100) -> dict[str, float]:
        """All steps, with a line of ``log.jsonl`` every ``every``; the last line."""
        row: dict[str, float] = {}
        (self.out / "log.jsonl").write_text("")
        found: list[tuple[float, float]] = []
        for step in range(1, self.recipe.steps + 1):
            found.append(self._one(step - 1))
            last = step == self.recipe.steps
            if last or step % every == 0:
                loss, hits = np.mean(found, axis=0).round(4).tolist()
                seconds = round(time.perf_counter() - self.start, 1)
                row = {"step": step, "seconds": seconds, "loss": loss, "accuracy": hits}
                if last:
                    row |= {"unseen_accuracy": round(self.measure(), 4)}
                self._log(row)
                found = []
        project(self.model.network, self.recipe.seed)
        self._save(row)
        return row

    def measure(self, batches: int = 16) -> float:
        """Share of images named rightly, of variants that training never sees."""
        self.model.eval()
        draw = torch.Generator().manual_seed(self.recipe.seed + 1)
        hits = 0.0
        with torch.no_grad():
            for _ in range(batches):
                labels = self._labels(draw)
                images = self.shapes.compose(labels, draw, unseen=True)
                hits += float((self.model(images).argmax(1) == labels).float().mean())
        return hits / batches

    def _labels(self, draw: torch.Generator) -> Tensor:
        return torch.randint(self.recipe.classes, (self.recipe.batch,), generator=draw)

    def _one(self, step: int) -> tuple[float, float]:
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.recipe.steps)
        labels = self._labels(self.draw)
        logits = self.model(self.shapes.compose(labels, self.draw))
        loss = F.cross_entropy(logits, labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach()), float((logits.argmax(1) == labels).float().mean())

    def _log(self, row: dict[str, float]) -> None:
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()

    def _save(self, row: dict[str, float]) -> None:
        card = {
            "data": "fractals drawn by pretraining/fractals.py; no photographs",
            "recipe": {"objective": "name the class of fractals", **asdict(self.recipe)},
            "seeds": [self.recipe.seed],
            "limits": "A floor to compare with. The features are untrained orthonormal "
            "projections of the trained stages.",
            "result": row,
        }
        state = {"size": self.recipe.size, "state": self.model.network.state_dict(), "card": card}
        torch.save(state, self.out / "new.pt")
        (self.out / "new.pt").replace(self.out / "checkpoint.pt")


def main() -> None:
    """Parse and train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="nano")
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    Run(Recipe(args.size, args.classes, args.steps, args.batch, args.seed), args.out).train()


if __name__ == "__main__":
    main()
