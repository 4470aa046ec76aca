"""Train a network on stored episodes.

    python -m pretraining.train STORE OUT --size nano --objective detector --steps 9000 --seed 1

Objectives: ``detector`` (the reference map in closed form), ``joined`` (the same on bank and
network features together), ``comparison`` (a head draws the map), ``contrast`` (dense and
residual-norm contrast), ``classify`` (which program drew this, nothing else), ``head`` (a head
on the residual of the bank alone draws the map), ``whole`` (the same with the network's features
beside the bank's, all trained together).
Checkpoints are written every few minutes and picked up again by the same command.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from pretraining import bank, closed_form, fine, losses
from pretraining.batches import Ahead, Batch, Store
from pretraining.comparison import Comparison
from pretraining.head import Head
from pretraining.network import SIZES, Network

OBJECTIVES = ("detector", "joined", "comparison", "contrast", "classify", "head", "whole")
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 2e-3, 0.02, 200
EMA = 0.998
STILL = 0.85  # share of the steps after which normalisation statistics stand still
TEXTURE_SHARE = 0.3
CLASSIFY_WEIGHT = 0.1
MISJUDGED = 0.3  # deviation of the logarithm of a wrong tolerance, of images and of areas


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result.

    Attributes:
        size: nano or small.
        objective: One of OBJECTIVES.
        steps: Batches.
        batch: Episodes in one.
        crop: Pixels of the part of an episode that a batch sees.
        seed: Of weights, order and augmentation.
        store: How many episodes, of how many programs.
    """

    size: str
    objective: str
    steps: int
    batch: int
    crop: int
    seed: int
    store: str


class Learner(nn.Module):
    """Network, heads and losses of one objective."""

    def __init__(self, recipe: Recipe, programs: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = Network(SIZES[recipe.size])
        self.map_loss = losses.MapLoss()
        self.comparison = (
            Comparison(self.network.channels) if recipe.objective == "comparison" else None
        )
        channels = bank.CHANNELS + (self.network.channels if recipe.objective == "whole" else 0)
        self.heads = (
            nn.ModuleDict(
                {"object": Head(channels, fine=True), "texture": Head(channels, fine=False)}
            )
            if recipe.objective in {"head", "whole"}
            else None
        )
        self.classify = nn.ModuleList(nn.Conv2d(w, programs, 1) for w in SIZES[recipe.size].widths)
        self.tuned_steps = 0  # on one product; see ``pretraining.tune``
        self.places = torch.Generator().manual_seed(recipe.seed)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss by name."""
        e, k = batch.normals.shape[:2]
        images = torch.cat([batch.normals, batch.queries], 1).flatten(0, 1)
        grain = torch.randn(1, *images.shape[1:], generator=self.places).to(images.device)
        images = torch.cat([images, closed_form.flat_grey(grain)])
        features, stages = self._features(images.contiguous(memory_format=torch.channels_last))
        noise = closed_form.noise_covariance(features[-1:])
        features = torch.unflatten(features[:-1], 0, (e, -1))
        normals, queries = features[:, :k], features[:, k:]
        defect, counted = losses.cells(batch.labels)
        found = self._main(batch, normals, queries, noise, defect, counted)
        if stages:
            found["classify"] = CLASSIFY_WEIGHT * self._programs(batch, stages, k)
        return found

    def _features(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        if self.recipe.objective == "head":
            with torch.no_grad():
                return bank.bank(images), []
        stages = self.network.stages(images)
        features = self.network.joined(stages)
        if self.recipe.objective in {"joined", "whole"}:
            with torch.no_grad():
                fixed = bank.bank(images)
            features = torch.cat([fixed, features], 1)
        return features, stages

    def _main(
        self, batch: Batch, normals: Tensor, queries: Tensor, noise: Tensor, defect: Tensor,
        counted: Tensor,
    ) -> dict[str, Tensor]:  # fmt: skip
        objective = self.recipe.objective
        if objective == "classify":
            return {}
        if objective == "contrast":
            norm = losses.norm_contrast(normals, queries, defect, counted)
            if batch.texture or normals.shape[1] == 1:
                return {"norm": norm}
            return {"norm": norm, "dense": 0.3 * losses.dense_contrast(normals, self.places)}
        if self.comparison is not None:
            distance = self.comparison(normals, queries)
        else:
            distance = self.draw(batch, normals, queries, noise)
        return dict(self.map_loss(distance, defect, counted))

    def draw(self, batch: Batch, normals: Tensor, queries: Tensor, noise: Tensor) -> Tensor:
        """(E, Q, h, w): the closed form's map, corrected by the head for this kind of batch."""
        shape = (*queries.shape[:2], *queries.shape[3:])
        if batch.texture:
            residual, distance = closed_form.texture_residual(normals, queries, noise)
            away = None
        else:
            residual, distance = closed_form.object_residual(normals, queries, noise)
            with torch.no_grad():
                planes = [fine.plane(x.flatten(0, 1)) for x in (batch.normals, batch.queries)]
                away = fine.distance(
                    *(torch.unflatten(x, 0, (len(normals), -1))[:, :, 0] for x in planes)
                ).flatten(0, 1)[:, None]
        total = closed_form.smoothed(distance)
        if away is not None:
            total = total + F.avg_pool2d(away, 2).view(shape)
        if self.heads is None:
            return total
        residual, distance = residual.flatten(0, 1), distance.flatten(0, 1)[:, None]
        if self.training and not batch.texture:  # a texture has one tolerance for all places
            by = self._misjudged(len(residual), residual.shape[-1])
            residual, distance = residual * by, distance * by.square()
            away = None if away is None else away * F.interpolate(by, scale_factor=2).square()
            total = total * by.square().view(shape)
        head = self.heads["texture" if batch.texture else "object"]
        return total * torch.exp(head(residual, distance, away)).view(shape)

    def _misjudged(self, n: int, side: int) -> Tensor:
        """(n, 1, side, side): how far a tolerance may be off, for whole images and for areas.

        Real parts stray in ways that their normals did not show; a head has to see a defect
        against its surroundings, whatever their level.
        """
        coarse = torch.randn(n, 1, 3, 3, generator=self.places)
        level = torch.randn(n, 1, 1, 1, generator=self.places)
        field = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
        return torch.exp(MISJUDGED * (level + field))

    def _programs(self, batch: Batch, stages: list[Tensor], normals: int) -> Tensor:
        """Cross-entropy of the program at every cell of one normal of each pure episode."""
        e = len(batch.programs)
        pure = batch.programs >= 0
        if not bool(pure.any()):
            return torch.zeros(())
        total = torch.zeros(())
        images = normals + batch.queries.shape[1]
        for x, head in zip(stages, self.classify, strict=True):
            own = torch.unflatten(x[:-1], 0, (e, images))[:, 0][pure]
            logits = head(F.avg_pool2d(own, 4))
            target = batch.programs[pure][:, None, None].expand(-1, *logits.shape[2:])
            total = total + F.cross_entropy(logits, target)
        weight = 10.0 if self.recipe.objective == "classify" else 1.0
        return total * (weight / len(stages))


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine."""
    if step < WARM_UP:
        return LEARNING_RATE * (step + 1) / WARM_UP
    return LEARNING_RATE * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)


class Run:
    """One training run with its checkpoint."""

    def __init__(self, recipe: Recipe, store: Store, out: Path, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.device = recipe, out, device
        self.learner = Learner(recipe, len(store.program_names)).to(device)
        self.learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.learner).eval()
        decay = [p for p in self.learner.parameters() if p.ndim > 1]
        others = [p for p in self.learner.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": WEIGHT_DECAY},
                  {"params": others, "weight_decay": 0.0}]  # fmt: skip
        self.optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE)
        self.step = 0
        self.seconds = self.waited = 0.0
        self._resume()
        self.ahead = Ahead(
            store, recipe.seed * 10**6 + self.step, recipe.batch, TEXTURE_SHARE, recipe.crop
        )

    def train(self, every: int = 500) -> None:
        """All steps, with a line of ``log.jsonl`` every ``every``."""
        sums: dict[str, float] = {}
        start, waited = time.perf_counter(), 0.0
        while self.step < self.recipe.steps:
            for name, value in self._one().items():
                sums[name] = sums.get(name, 0.0) + value / every
            if self.step % every == 0 or self.step == self.recipe.steps:
                now = time.perf_counter()
                self.seconds += now - start
                self.waited += self.ahead.waited_s - waited
                start, waited = now, self.ahead.waited_s
                self._log(sums)
                self._save()
                sums = {}

    def _one(self) -> dict[str, float]:
        batch = self.ahead.next()
        self.learner.train()
        if self.step >= STILL * self.recipe.steps:
            self._still()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.recipe.steps)
        parts = self.learner(batch)
        total = torch.stack([p for p in parts.values() if p.requires_grad]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        decay = min(EMA, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            new = self.learner.state_dict()
            for name, old in self.average.state_dict().items():
                if old.is_floating_point():
                    old.lerp_(new[name], 1 - decay)
        return {"total": float(total.detach()), "norm_grad": float(norm),
                **{k: float(v.detach()) for k, v in parts.items()}}  # fmt: skip

    def _still(self) -> None:
        for module in self.learner.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def _log(self, sums: dict[str, float]) -> None:
        row = {"step": self.step, "seconds": round(self.seconds, 1),
               "waiting": round(self.waited / max(self.seconds, 1e-9), 4),
               **{k: round(v, 4) for k, v in sums.items()}}  # fmt: skip
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)

    def _save(self) -> None:
        state = {
            "recipe": asdict(self.recipe), "step": self.step, "seconds": self.seconds,
            "waited": self.waited, "learner": self.learner.state_dict(),
            "average": self.average.state_dict(), "optimiser": self.optimiser.state_dict(),
            "size": self.recipe.size, "state": self.average.network.state_dict(),
            "card": {"recipe": asdict(self.recipe), "seconds": round(self.seconds)},
        }  # fmt: skip
        torch.save(state, self.out / "new.pt")
        (self.out / "new.pt").replace(self.out / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location=self.device)
        if state["recipe"] != asdict(self.recipe):
            raise SystemExit(f"{path} was made by another recipe: {state['recipe']}.")
        self.learner.load_state_dict(state["learner"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.waited = state["waited"]


def main() -> None:
    """Parse and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="nano")
    parser.add_argument("--objective", choices=OBJECTIVES, default="detector")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    store = Store(args.store)
    note = f"{len(store.images)} episodes, {len(store.program_names)} programs"
    recipe = Recipe(args.size, args.objective, args.steps, args.batch, args.crop, args.seed, note)
    Run(recipe, store, args.out, torch.device(args.device)).train()


if __name__ == "__main__":
    main()
