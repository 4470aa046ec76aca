"""All weights of the package from nothing, in one command.

    python -m pretraining.rebuild BUILD [--head-steps 3000] [--nano-steps 2000] [--ship]

Draws the pools, renders the episodes, trains three heads and the nano network, validates them on
programs and makers held out, and exports all of them. What is finished is not done again, and a
training that was stopped goes on: the same command after an interruption, or on another day with
more steps in another folder. ``--ship`` also writes the head that validates best and the network
into the package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "offspec" / "weights"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make.

    Attributes:
        build: Folder for everything.
        canvases: In the pool for training.
        episodes: For training.
        head_steps: Of each head.
        nano_steps: Of the network.
        seeds: Of the heads; the network takes the first.
        workers: Processes that draw.
    """

    build: Path
    canvases: int = 2400
    episodes: int = 4000
    head_steps: int = 3000
    nano_steps: int = 2000
    seeds: tuple[int, ...] = (1, 2, 3)
    workers: int = 2

    def head(self, seed: int) -> Path:
        """Folder of a head."""
        return self.build / f"head-{seed}"

    @property
    def nano(self) -> Path:
        """Folder of the network."""
        return self.build / f"nano-{self.seeds[0]}"


def steps(plan: Plan) -> list[tuple[Path, list[str]]]:
    """Each command of ``python -m pretraining`` and the file whose presence says it is done."""
    workers = ["--workers", str(plan.workers)]
    drawn, kept = str(plan.build / "pool"), str(plan.build / "pool-held-out")
    store, unseen = str(plan.build / "store"), str(plan.build / "store-held-out")
    few_canvases, few_episodes = -(-plan.canvases // 8), -(-plan.episodes // 14)
    commands = {
        drawn: ["canvases", drawn, "--count", str(plan.canvases), "--held-out", "no"],
        kept: ["canvases", kept, "--count", str(few_canvases), "--held-out", "only"],
        store: ["episodes", drawn, store, "--count", str(plan.episodes)],
        unseen: ["episodes", kept, unseen, "--count", str(few_episodes), "--held-out-makers"],
    }
    seeds = {drawn: "0", kept: "1000", store: "0", unseen: "1000"}
    found = [
        (Path(out) / "index.json", [*command, "--seed", seeds[out], *workers])
        for out, command in commands.items()
    ]
    runs = [(plan.head(s), "head", s, plan.head_steps) for s in plan.seeds]
    runs.append((plan.nano, "detector", plan.seeds[0], plan.nano_steps))
    for out, objective, seed, count in runs:
        command = ["train", store, str(out), "--objective", objective]
        command += ["--seed", str(seed), "--steps", str(count)]
        found.append((out / "finished", command))
    return found


def run(plan: Plan) -> None:
    """All steps that are not done, then export and validation."""
    plan.build.mkdir(parents=True, exist_ok=True)
    for done, command in steps(plan):
        if not done.exists():
            call(command)
            done.touch()
    checkpoints = [str(plan.head(s) / "checkpoint.pt") for s in plan.seeds]
    for seed, checkpoint in zip(plan.seeds, checkpoints, strict=True):
        call(["export_head", checkpoint, str(plan.head(seed))])
    nano = str(plan.nano / "checkpoint.pt")
    call(["export", nano, str(plan.nano / "embedded-nano.onnx")])
    call(["validate", str(plan.build / "store-held-out"), *checkpoints, nano, "--normals", "8",
          "--limit", "60", "--json", str(plan.build / "validation.json")])  # fmt: skip


def ship(plan: Plan, seed: int) -> None:
    """Write a head and the network into the package."""
    call(["export_head", str(plan.head(seed) / "checkpoint.pt"), str(PACKAGE)])
    call(["export", str(plan.nano / "checkpoint.pt"), str(PACKAGE / "embedded-nano.onnx")])


def best(rows: Sequence[Sequence[object]], seeds: Sequence[int]) -> int:
    """The seed whose head finds most, fixed parts and textures together, at 0.30.

    Args:
        rows: Of ``pretraining.validate``: name, fixed at 0.30 and 0.05, texture at 0.30 and 0.05.
        seeds: Of the heads.
    """
    by_name = {str(row[0]): float(str(row[1])) + float(str(row[3])) for row in rows}
    return max(seeds, key=lambda seed: by_name[f"head-{seed} on bank"])


def call(command: list[str]) -> None:
    """One module of this folder, as a process of its own."""
    print("python -m pretraining." + " ".join(command), flush=True)
    subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", f"pretraining.{command[0]}", *command[1:]], check=True
    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--canvases", type=int, default=2400)
    parser.add_argument("--episodes", type=int, default=4000)
    parser.add_argument("--head-steps", type=int, default=3000)
    parser.add_argument("--nano-steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ship", action="store_true")
    args = parser.parse_args()
    plan = Plan(
        args.build, args.canvases, args.episodes, args.head_steps, args.nano_steps,
        tuple(args.seeds), args.workers,
    )  # fmt: skip
    run(plan)
    seed = best(json.loads((plan.build / "validation.json").read_text()), plan.seeds)
    print(f"head of seed {seed} validates best")
    if args.ship:
        ship(plan, seed)


if __name__ == "__main__":
    main()
