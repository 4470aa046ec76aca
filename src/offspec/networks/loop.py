"""The one training loop: budget, early stopping, checkpoints, log, interruption, no numbers.

A task says what a step is and how good the network is on held-out normals; the loop does the
rest. The best state on held-out normals is what is kept, also after Ctrl-C or when the loss
turns into no number.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from offspec.errors import OptionError, TrainingError
from offspec.networks.settings import Training

SAVE_EVERY_S = 30.0
GROWING = 1e-4  # share by which a held-out loss has to fall to count as a gain
WARM_UP = 20  # steps

Progress = Callable[[str, int, int], None]
Clock = Callable[[], float]


class Task(Protocol):
    """What is trained.

    Attributes:
        network: Everything that has a state to keep.
    """

    network: nn.Module

    def optimisers(self, training: Training) -> list[torch.optim.Optimizer]:
        """One, or several that ``step`` uses in turn."""
        ...

    def step(
        self,
        optimisers: list[torch.optim.Optimizer],
        cast: Callable[[], AbstractContextManager[Any]],
    ) -> dict[str, float]:
        """One update; each loss by name, their sum as ``total``."""
        ...

    def held_out(self) -> float:
        """How bad the network is on normals it does not train on; lower = better."""
        ...

    def close(self) -> None:
        """End what works in the background."""
        ...


@dataclass
class History:
    """What a run did.

    Attributes:
        steps: Taken in all.
        best_step: Whose state was kept.
        best: Held-out loss there.
        ended: budget, steps, patience, interrupted or not_finite.
        rows: As in ``log.jsonl``.
    """

    steps: int = 0
    best_step: int = 0
    best: float = math.inf
    ended: str = "steps"
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)

    def words(self) -> str:
        """One sentence for people."""
        why = {
            "budget": "the time budget was used up",
            "steps": "all steps were done",
            "patience": "held-out normals gained nothing more",
            "interrupted": "it was interrupted",
            "not_finite": "the loss turned into no finite number",
        }[self.ended]
        return (
            f"Trained for {self.seconds:.0f} s and {self.steps} steps until {why}; the state of "
            f"step {self.best_step}, best on held-out normals, was kept."
        )


def device_of(training: Training) -> torch.device:
    """Where to train.

    Raises:
        OptionError: A GPU is asked for and there is none.
    """
    if training.device == "cuda" and not torch.cuda.is_available():
        raise OptionError("Device 'cuda' was asked for, and torch finds none. Use device 'auto'.")
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(automatic if training.device == "auto" else training.device)


def train(
    task: Task, training: Training, seed: int, what: str, tell: Progress, clock: Clock | None = None
) -> History:
    """Train until the budget, the steps or the patience ends it; the task holds the best state.

    Raises:
        TrainingError: No finite loss was ever seen.
    """
    return _Run(task, training, seed, what, tell, clock or time.perf_counter).run()


class _Run:
    def __init__(
        self, task: Task, training: Training, seed: int, what: str, tell: Progress, clock: Clock
    ) -> None:
        self.task, self.training, self.what, self.tell, self.clock = (
            task, training, what, tell, clock,
        )  # fmt: skip
        self.seed = seed
        self.device = device_of(training)
        self.optimisers = task.optimisers(training)
        self.history = History()
        self.best = copy.deepcopy(task.network.state_dict())
        self.stale = 0
        self.before = 0.0
        self.folder = None if training.folder is None else Path(training.folder)
        self._resume()

    def run(self) -> History:
        start = self.clock()
        saved = start
        sums: dict[str, float] = {}
        try:
            while (ended := self._ended(start)) is None:
                self._learning_rate(start)
                losses = self.task.step(self.optimisers, self._cast)
                if not all(math.isfinite(v) for v in losses.values()):
                    ended = "not_finite"
                    break
                self.history.steps += 1
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value / self.training.check_every
                if self.history.steps % self.training.check_every == 0:
                    self._check(sums, start)
                    sums = {}
                    if self.clock() - saved > SAVE_EVERY_S:
                        self._save(start)
                        saved = self.clock()
        except KeyboardInterrupt:
            ended = "interrupted"
        self.history.ended = ended or "steps"
        self.history.seconds = self.before + self.clock() - start
        if self.history.best == math.inf and self.history.ended != "not_finite":
            self._look()
        if self.history.best == math.inf:
            raise TrainingError(
                f"Training of {self.what} gave no finite loss in {self.history.steps} steps. "
                "Nothing was learned. Lower 'learning_rate', or look for images that are all of "
                "one value."
            )
        self._save(start)
        self.task.network.load_state_dict(self.best)
        self.task.network.eval()
        return self.history

    def _ended(self, start: float) -> str | None:
        if self._share(start) >= 1:
            return "budget"
        if self.history.steps >= self.training.steps:
            return "steps"
        return "patience" if self.stale >= self.training.patience else None

    def _share(self, start: float) -> float:
        """Of the time budget."""
        if self.training.minutes is None:
            return 0.0
        return (self.before + self.clock() - start) / (60 * self.training.minutes)

    def _learning_rate(self, start: float) -> None:
        """Linear warm-up, then half a cosine over the budget, or the steps if they end first."""
        share = max(self._share(start), self.history.steps / self.training.steps)
        factor = min(1.0, (self.history.steps + 1) / WARM_UP)
        factor *= 0.02 + 0.98 * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group.setdefault("base", group["lr"])
                group["lr"] = group["base"] * factor

    def _cast(self) -> AbstractContextManager[Any]:
        wanted = self.training.precision
        on = wanted == "bfloat16" or (wanted == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, torch.bfloat16, enabled=on)

    def _look(self) -> float:
        """Held-out loss; keeps the state if it is the best."""
        self.task.network.eval()
        with torch.no_grad():
            found = self.task.held_out()
        self.task.network.train()
        least = self.history.best
        margin = 0.0 if math.isinf(least) else GROWING * abs(least)
        if math.isfinite(found) and found < least - margin:
            self.history.best, self.history.best_step = found, self.history.steps
            self.best = copy.deepcopy(self.task.network.state_dict())
            self.stale = 0
        else:
            self.stale += 1
        return found

    def _check(self, sums: Mapping[str, float], start: float) -> None:
        found = self._look()
        seconds = self.before + self.clock() - start
        row = {
            "step": float(self.history.steps),
            "seconds": round(seconds, 2),
            **{name: round(value, 6) for name, value in sums.items()},
            "held_out": round(found, 6),
        }
        self.history.rows.append(row)
        if self.folder is not None:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        done = max(self._share(start), self.history.steps / self.training.steps)
        left = seconds / max(done, 1e-6) - seconds
        loss = sums.get("total", found)
        words = f"train {self.what}, loss {loss:.4g}, {left / 60:.1f} min left"
        self.tell(words, min(int(1000 * done), 999), 1000)

    def _recipe(self) -> str:
        said = self.training.model_dump(mode="json")
        for name in ("folder", "minutes", "steps"):  # a longer run resumes a shorter one
            said.pop(name)
        return json.dumps([self.what, self.seed, said], sort_keys=True)

    def _save(self, start: float) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": self._recipe(),
            "network": self.task.network.state_dict(),
            "best": self.best,
            "optimisers": [o.state_dict() for o in self.optimisers],
            "steps": self.history.steps,
            "best_step": self.history.best_step,
            "best_loss": self.history.best,
            "stale": self.stale,
            "seconds": self.before + self.clock() - start,
        }
        new = self.folder / "checkpoint.new"
        torch.save(state, new)
        new.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        try:
            state = torch.load(path, weights_only=True, map_location=self.device)
        except Exception as error:  # torch raises what its unpickler raises
            raise TrainingError(
                f"'{path}' is not a checkpoint of offspec ({str(error)[:120]}). Only tensors and "
                "numbers are read, never code. Remove it, or choose another folder."
            ) from error
        if state.get("recipe") != self._recipe():
            raise TrainingError(
                f"'{path}' was made with other settings or another detector. A checkpoint goes on "
                "only with its own. Choose another folder, or remove it."
            )
        self.task.network.load_state_dict(state["network"])
        for optimiser, own in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(own)
        self.best, self.stale = state["best"], state["stale"]
        self.before = state["seconds"]
        self.history.steps, self.history.best_step = state["steps"], state["best_step"]
        self.history.best = state["best_loss"]


def adam(
    network: nn.Module, training: Training, *, slow: nn.Module | None = None, share: float = 1.0
) -> torch.optim.Optimizer:
    """The optimiser of every task; the part ``slow`` learns at a share of the rate."""
    rate = training.learning_rate
    apart = {id(p) for p in slow.parameters()} if slow is not None else set()
    groups = [{"params": [p for p in network.parameters() if id(p) not in apart], "lr": rate}]
    if slow is not None:
        groups.append({"params": list(slow.parameters()), "lr": share * rate})
    return torch.optim.AdamW(groups, lr=rate, weight_decay=training.weight_decay)


def seeded(seed: int) -> torch.Generator:
    """Random numbers of a task; also seeds the weights."""
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def rows_of(crops: Tensor, generator: torch.Generator, count: int) -> Tensor:
    """A random batch of (n, ...) with replacement only where there are too few."""
    n = len(crops)
    order = torch.randperm(n, generator=generator)
    while len(order) < count:
        order = torch.cat([order, torch.randperm(n, generator=generator)])
    return crops[order[:count]]


def as_tensor(crops: np.ndarray[Any, np.dtype[np.float32]], device: torch.device) -> Tensor:
    """Crops on the device."""
    return torch.from_numpy(np.ascontiguousarray(crops)).to(device)
