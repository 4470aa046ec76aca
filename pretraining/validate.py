"""How well features tell made defects apart, on programs and defect makers never trained on.

    python -m pretraining.validate STORE CHECKPOINT.pt [...]

For each query with a defect: the share of its cells found, averaged over false-positive shares
up to 0.3 (and 0.05) of its good cells; the mean over queries, for fixed parts and for textures.
``bank``, the network alone and both joined go through the closed form; a comparison head draws
its own map.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretraining import bank, closed_form, losses
from pretraining.batches import Batch, Store
from pretraining.network import Network
from pretraining.train import Learner, Recipe

LIMITS = (0.3, 0.05)
FEWEST_CELLS = 3

Embed = Callable[[Tensor], Tensor]


def area(
    scores: NDArray[np.float32], defect: NDArray[np.bool_], good: NDArray[np.bool_]
) -> list[float]:
    """Mean recall over false-positive shares up to each of LIMITS; all arrays (h, w)."""
    ranked = np.sort(scores[good])[::-1]
    found = []
    for limit in LIMITS:
        shares = (np.arange(40) + 0.5) / 40 * limit
        levels = ranked[(shares * len(ranked)).astype(int)]
        found.append(float((scores[defect][None] > levels[:, None]).mean()))
    return found


def maps(batch: Batch, embed: Embed, learner: Learner) -> Tensor:
    """(E, Q, h, w) of a batch."""
    e, k = batch.normals.shape[:2]
    images = torch.cat([batch.normals, batch.queries], 1).flatten(0, 1)
    features = torch.unflatten(embed(images), 0, (e, -1))
    normals, queries = features[:, :k], features[:, k:]
    if learner.comparison is not None:
        return learner.comparison(normals, queries)  # type: ignore[no-any-return]
    grain = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    noise = closed_form.noise_covariance(embed(closed_form.flat_grey(grain)))
    return learner.draw(batch, normals, queries, noise)


def score(batches: Iterable[Batch], embed: Embed, learner: Learner) -> list[float]:
    """Means over all queries with a defect, one per limit."""
    rows = []
    for batch in batches:
        with torch.no_grad():
            drawn = maps(batch, embed, learner).numpy()
        defect, counted = (x.numpy() for x in losses.cells(batch.labels))
        rows += [
            area(drawn[at], defect[at], counted[at] & ~defect[at])
            for at in np.ndindex(drawn.shape[:2])
            if defect[at].sum() >= FEWEST_CELLS
        ]
    return [float(v) for v in np.mean(rows, axis=0)]


def load(path: Path, programs: int = 0) -> Learner:
    """The averaged learner of a checkpoint."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    programs = programs or len(state["average"]["classify.0.bias"])
    learner = Learner(Recipe(**state["recipe"]), programs)
    learner.load_state_dict(state["average"])
    return learner.eval()


def table(store: Store, checkpoints: list[Path], normals: int, limit: int) -> list[list[object]]:
    """Rows of name and scores."""
    batches = {
        texture: list(store.all_of(texture=texture, size=8, normals=normals, limit=limit))
        for texture in (False, True)
    }

    def row(name: str, embed: Embed, learner: Learner) -> None:
        parts = [score(batches[texture], embed, learner) for texture in (False, True)]
        rows.append([name, *(round(v, 4) for part in parts for v in part)])
        print(rows[-1], flush=True)

    rows: list[list[object]] = []
    plain = Learner(Recipe("nano", "detector", 1, 1, 96, 0, ""), 1).eval()
    row("bank", bank.bank, plain)
    for path in checkpoints:
        learner, name = load(path), path.parent.name
        network = learner.network
        both = Both(network)
        if learner.recipe.objective == "head":
            row(f"{name} on bank", bank.bank, learner)
            continue
        if learner.recipe.objective == "whole":
            row(f"{name} on both", both, learner)
        if learner.comparison is not None:
            row(f"{name} comparison", network, learner)
        row(f"{name} features", network, plain)
        row(f"{name} joined features", both, plain)
    return rows


class Both:
    """Bank and network side by side."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(self, crop: Tensor) -> Tensor:
        """[N, 3, H, W] to [N, C, H / 4, W / 4]."""
        return torch.cat([bank.bank(crop), self.network(crop)], 1)


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="*")
    parser.add_argument("--normals", type=int, default=4)
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="the same rows")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print("name, fixed at 0.30 and 0.05, texture at 0.30 and 0.05")
    rows = table(Store(args.store), args.checkpoints, args.normals, args.limit)
    if args.json is not None:
        args.json.write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
