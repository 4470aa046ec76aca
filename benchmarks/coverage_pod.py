"""How often is the true a90 at most the printed a90/95? Promised: in 95 of 100 studies.

    python -m benchmarks.coverage_pod [--draws 400] [--seed 0] [--json FILE]

Studies are drawn from curves whose a90 is known: sizes spent as ``offspec pod`` spends them, all
trials independent or several in one photograph that finds all its defects more or less easily.
A study that prints no a90/95 promises nothing and covers; how many do not print one stands beside.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coverage_rows import CoverageRow
from offspec.decisions.pod import next_sizes
from offspec.decisions.pod_result import SeriesResult
from offspec.decisions.pod_trials import Outcome, Trial

LEVELS = tuple(float(v) for v in np.geomspace(1, 128, 22))
FIRST, ROUNDS = 12, 3


@dataclass(frozen=True)
class Truth:
    """A world: logit p = slope * (ln size - ln a50) + the photograph's own shift.

    Attributes:
        spread: Standard deviation of the shift in ln size.
        photographs: How many; None = one a defect.
        blind: Share of places where nothing is found, whatever its size.
        spots: Of the map, all of one size, added to the trials.
    """

    name: str
    a50: float
    slope: float
    trials: int
    photographs: int | None = None
    spread: float = 0.0
    blind: float = 0.0
    spots: int = 0

    def probability(self, size: float, shift: float = 0.0) -> float:
        """Of a defect of this size in one photograph."""
        eta = self.slope * (math.log(size) - math.log(self.a50) - shift)
        return (1 - self.blind) / (1 + math.exp(-max(min(eta, 500), -500)))

    def a90(self) -> float:
        """The size found nine times in ten over all photographs and places, or infinity."""
        if self.blind > 0.1:
            return math.inf
        nodes, weights = np.polynomial.hermite_e.hermegauss(41)
        weights = weights / weights.sum()
        low, high = math.log(self.a50), math.log(self.a50) + 8
        for _ in range(60):
            middle = (low + high) / 2
            shares = [self.probability(math.exp(middle), self.spread * float(x)) for x in nodes]
            low, high = (low, middle) if float(weights @ shares) >= 0.9 else (middle, high)
        return math.exp(low)


WORLDS = (
    Truth("60 trials", 8, 4, 60),
    Truth("60 trials, steep", 8, 12, 60),
    Truth("60 trials, flat", 6, 2, 60),
    Truth("150 trials", 8, 4, 150),
    Truth("60 trials in 8 photographs that differ", 8, 5, 60, 8, 0.3),
    Truth("150 trials in 18 photographs that differ", 8, 5, 150, 18, 0.3),
    Truth("150 trials in 18 photographs that differ a lot", 8, 5, 150, 18, 0.6),
    Truth("60 trials and a map of 180 spots", 8, 5, 60, 12, 0.2, spots=180),
    Truth("60 trials, 5 % of the places blind", 8, 5, 60, blind=0.05),
    Truth("150 trials, 20 % of the places blind, so that there is none", 8, 5, 150, blind=0.2),
)


def study(truth: Truth, seed: tuple[int, ...]) -> float | None:
    """One study; the a90/95 it prints."""
    rng = np.random.default_rng(seed)
    groups = truth.photographs or truth.trials
    shifts = rng.normal(0, truth.spread, groups) if truth.spread else np.zeros(groups)
    outcomes: list[Outcome] = []

    def make(size: float) -> None:
        photograph = len(outcomes) % groups
        hit = bool(rng.random() < truth.probability(size, float(shifts[photograph])))
        made = Trial(0, 0, "spot", 0.2, size, (0.0, 0.0), (0,), photograph)
        outcomes.append(Outcome(made, size, 0.2, stopped=hit, located=hit))

    edges = [0, *np.linspace(FIRST, truth.trials, ROUNDS + 1).round().astype(int).tolist()]
    for first, last in pairwise(edges):
        levels = LEVELS if first else [v for v in LEVELS if v >= 4]
        for size in next_sizes(levels, outcomes, last - first, rng):
            make(size)
    if truth.spots:
        curve = SeriesResult.of("spot", 0.2, outcomes).curve
        spot = max(8.0, curve.a90 or 0.0) if curve.status != "not_reached" else LEVELS[-1]
        for _ in range(truth.spots):
            make(spot)
    return SeriesResult.of("spot", 0.2, outcomes).curve.a90_95


def rows(draws: int, seed: int) -> list[CoverageRow]:
    """One row a world: how often the printed bound is not below the truth."""
    found: list[CoverageRow] = []
    for number, truth in enumerate(WORLDS):
        goal = truth.a90()
        bounds = [study(truth, (seed, number, draw)) for draw in range(draws)]
        printed = [b for b in bounds if b is not None]
        held = sum(b >= goal for b in printed)
        middle = f"{float(np.median(printed)) / goal:.2f} times a90" if printed else "none"
        found.append(
            CoverageRow(
                what=f"a90/95 is not below the true a90: {truth.name}",
                promised=0.95,
                achieved=(held + draws - len(printed)) / draws,
                draws=draws,
                how=(
                    f"simulated, sizes spent as the study spends them; printed in "
                    f"{len(printed)} of {draws}, there right in {held}, in the middle {middle}"
                ),
            )
        )
    return found


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: list[Any] = rows(args.draws, args.seed)
    for row in found:
        print(f"{row['what']:75}{row['achieved']:7.3f}  {row['how']}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
