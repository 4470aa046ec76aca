"""Render a pool of canvases once, to be cut and changed many times in training.

``python -m pretraining.canvases OUT --count 2400 --seed 0 --held-out no --workers 2``. The
result depends on the count, the seed and the choice of programs, never on the workers.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from .programs import PROGRAMS, Kind

SIDE = 384
HeldOut = Literal["no", "yes", "only"]
Pixels = npt.NDArray[np.uint8]

log = logging.getLogger("pretraining.canvases")


@dataclass(frozen=True, slots=True)
class Item:
    """One canvas of a pool: its program, family, seed and kind."""

    program: str
    family: str
    seed: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Index:
    """What a pool holds.

    Attributes:
        side: Side of the canvases in pixels.
        seed: Seed of the pool.
        programs: Names of the programs used.
        items: One for each canvas, in order.
    """

    side: int
    seed: int
    programs: tuple[str, ...]
    items: tuple[Item, ...]


def plan(count: int, seed: int, held_out: HeldOut = "no", side: int = SIDE) -> Index:
    """Decide which canvases a pool gets.

    Args:
        count: Number of canvases; the programs take turns.
        seed: Seed of the pool; canvas i draws from (seed, i).
        held_out: ``no`` leaves the held-out programs away, ``only`` takes nothing else.
        side: Side in pixels.
    """
    keep = {"no": (False,), "yes": (False, True), "only": (True,)}[held_out]
    names = tuple(name for name, program in PROGRAMS.items() if program.held_out in keep)
    items = []
    for index in range(count):
        program = PROGRAMS[names[index % len(names)]]
        state = np.random.SeedSequence((seed, index)).generate_state(1, np.uint32)
        items.append(Item(program.name, program.family, int(state[0]), program.kind))
    return Index(side, seed, names, tuple(items))


def draw(item: Item, side: int, device: str = "cpu") -> Pixels:
    """Render one canvas: (side, side, 3) uint8 RGB."""
    rng = np.random.default_rng(item.seed)
    with torch.inference_mode():
        image = PROGRAMS[item.program].draw(rng, side, torch.device(device))
        levels = (image * 255 + 0.5).to(torch.uint8).permute(1, 2, 0)
    return cast("Pixels", np.ascontiguousarray(levels.cpu().numpy()))


def _drawn(index: Index, workers: int, device: str) -> Iterator[Pixels]:
    job = partial(draw, side=index.side, device=device)
    if workers <= 1 or device != "cpu":
        yield from map(job, index.items)
        return
    start = get_context("spawn")
    with ProcessPoolExecutor(workers, start, torch.set_num_threads, (1,)) as pool:
        yield from pool.map(job, index.items, chunksize=8)


def render(folder: Path, index: Index, workers: int = 1, device: str = "cpu") -> float:
    """Render a pool into a folder and return the seconds it took.

    Args:
        folder: Gets ``canvases.npy`` (N, side, side, 3) uint8 and ``index.json``.
        index: From :func:`plan`.
        workers: Processes on the CPU; a GPU works in this process.
        device: ``cpu`` or ``cuda``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = told = time.monotonic()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums then have one order, whatever the number of workers
    shape = (len(index.items), index.side, index.side, 3)
    pool = np.lib.format.open_memmap(folder / "canvases.npy", "w+", np.uint8, shape)
    try:
        for number, canvas in enumerate(_drawn(index, workers, device)):
            pool[number] = canvas
            if time.monotonic() - told > 10:
                told = time.monotonic()
                log.info("%d of %d canvases, %.0f s", number + 1, shape[0], told - begun)
    finally:
        torch.set_num_threads(threads)
    pool.flush()
    items = [
        {"program": i.program, "family": i.family, "seed": i.seed, "kind": i.kind}
        for i in index.items
    ]
    text = {"side": index.side, "seed": index.seed, "programs": list(index.programs)}
    (folder / "index.json").write_text(json.dumps({**text, "items": items}), encoding="utf-8")
    return time.monotonic() - begun


def load_pool(folder: str | Path) -> tuple[np.memmap[tuple[int, ...], np.dtype[np.uint8]], Index]:
    """Open a rendered pool.

    Returns:
        The canvases (N, side, side, 3) uint8, mapped read-only, and their index.
    """
    text = json.loads((Path(folder) / "index.json").read_text(encoding="utf-8"))
    items = tuple(Item(**item) for item in text["items"])
    canvases = np.load(Path(folder) / "canvases.npy", mmap_mode="r")
    return canvases, Index(text["side"], text["seed"], tuple(text["programs"]), items)


def main(arguments: list[str] | None = None) -> None:
    """Render a pool from the command line."""
    parser = argparse.ArgumentParser(description="Render a pool of procedural canvases.")
    parser.add_argument("out", type=Path, help="folder for the pool")
    parser.add_argument("--count", type=int, default=2400, help="number of canvases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pool")
    parser.add_argument("--held-out", choices=("no", "yes", "only"), default="no")
    parser.add_argument("--workers", type=int, default=2, help="processes on the CPU")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--side", type=int, default=SIDE, help="side in pixels")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    index = plan(given.count, given.seed, given.held_out, given.side)
    seconds = render(given.out, index, given.workers, given.device)
    each = 1000 * seconds / max(1, given.count)
    log.info("%d canvases in %.0f s, %.0f ms each", given.count, seconds, each)


if __name__ == "__main__":
    main()
