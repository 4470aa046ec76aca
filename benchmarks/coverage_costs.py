"""Promised against achieved: intervals and bounds of ``offspec calibrate --validation``.

    python -m benchmarks.coverage_costs [--draws 400] [--seed 0] [--json FILE]

Simulated, where the truth is known: scores of good images are exponential, gamma or lognormal,
those of defects are shifted and partly overlap, some images cannot be judged. Thresholds are
chosen on the draws and judged by the distribution. Where OFFSPEC_DATA names the development sets,
real scores are split anew as well: half of the test images choose, all of them are the truth.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import environment, print_table, write_result
from benchmarks.coverage_rows import CoverageRow
from offspec.decisions.operating_result import estimate_cost, estimate_fixed
from offspec.operating_limits import limit_false_alarms, limit_misses
from offspec.operating_points import FIXED, Costs, Points, cost_of_bad, cost_of_good, expected_cost
from offspec.types import DoubleArray

TRUTH = 100_000  # draws that stand for the distribution
RATIOS = ((10.0, 1.0, 0.5), (100.0, 1.0, 0.5), (1.0, 1.0, 0.5))
DEFECT_RATE = 0.01
SIZES = ((10, 5), (20, 20), (100, 50))
Sampler = Callable[[np.random.Generator, int], DoubleArray]


@dataclass(frozen=True, slots=True)
class World:
    """Where scores come from, in limits."""

    name: str
    good: Sampler
    bad: Sampler


def _mixed(invalid: float, lost: float, draw: Sampler) -> Sampler:
    def sample(rng: np.random.Generator, n: int) -> DoubleArray:
        return np.where(rng.random(n) < invalid, lost, draw(rng, n))

    return sample


WORLDS = (
    World(
        "exponential, defects overlap",
        lambda rng, n: rng.exponential(0.22, n),
        lambda rng, n: rng.gamma(2.0, 0.8, n),
    ),
    World(
        "lognormal, defects apart",
        lambda rng, n: rng.lognormal(-1.2, 0.5, n),
        lambda rng, n: 1.5 + rng.exponential(1.0, n),
    ),
    World(
        "gamma, 3 % and 5 % not judged",
        _mixed(0.03, np.inf, lambda rng, n: rng.gamma(3.0, 0.1, n)),
        _mixed(0.05, -np.inf, lambda rng, n: rng.gamma(4.0, 0.3, n)),
    ),
)


def _true_cost(costs: Costs, points: Points, good: DoubleArray, bad: DoubleArray) -> float:
    return expected_cost(costs, cost_of_good(costs, points, good), cost_of_bad(costs, points, bad))


def simulated_costs(draws: int, seed: int) -> list[CoverageRow]:
    """Intervals of the expected cost, of chosen and of fixed thresholds."""
    found: list[CoverageRow] = []
    for world in WORLDS:
        truth = np.random.default_rng((seed, 0))
        good, bad = world.good(truth, TRUTH), world.bad(truth, TRUTH)
        for m, n in SIZES:
            hits = np.zeros(2)
            for k in range(draws):
                rng = np.random.default_rng((seed, 1, m, k))
                costs = Costs(*RATIOS[k % len(RATIOS)], DEFECT_RATE)
                own = world.good(rng, m), world.bad(rng, n)
                known = world.good(rng, 25)
                points, chosen = estimate_cost(
                    costs, own[0], own[1], known[np.isfinite(known)], seed=k
                )
                fixed = estimate_fixed(costs, "fixed", FIXED, *own, seed=k)
                for i, (where, stated) in enumerate(((points, chosen), (FIXED, fixed))):
                    true = _true_cost(costs, where, good, bad)
                    hits[i] += stated.low <= true <= stated.high
            for name, hit in zip(("chosen thresholds", "fixed threshold"), hits, strict=True):
                what = f"interval of expected cost, {name}, {m} good and {n} defective"
                how = f"simulated: {world.name}"
                found.append(_row(what, hit / draws, draws, how))
    return found


def simulated_limits(draws: int, seed: int) -> list[CoverageRow]:
    """Bounds of miss and false-alarm rates."""
    found: list[CoverageRow] = []
    for world in WORLDS[:2]:
        truth = np.random.default_rng((seed, 2))
        good, bad = world.good(truth, TRUTH), world.bad(truth, TRUTH)
        for n, limit in ((60, 0.05), (124, 0.05), (30, 0.1)):
            hits = np.zeros(2)
            for k in range(draws):
                rng = np.random.default_rng((seed, 3, n, k))
                missed = limit_misses(world.bad(rng, n), limit)
                stopped = limit_false_alarms(world.good(rng, n), limit)
                hits[0] += np.mean(bad <= missed.limits) <= missed.upper
                hits[1] += np.mean(good > stopped.limits) <= stopped.upper
            for name, hit in zip(("miss", "false-alarm"), hits, strict=True):
                what = f"bound of a {name} rate of at most {limit:g}, {n} images"
                found.append(_row(what, hit / draws, draws, f"simulated: {world.name}"))
    return found


def resplit(draws: int, seed: int) -> list[CoverageRow]:
    """Intervals of the expected cost on real scores; none where the sets are not there."""
    root = Path(os.environ.get("OFFSPEC_DATA", "") or "/nowhere")
    if not root.is_dir():
        return []
    from benchmarks.costs import SHARE, run_set, score_set  # noqa: PLC0415 - fits models
    from benchmarks.real_data import SETS  # noqa: PLC0415
    from offspec.fitting import FitConfig  # noqa: PLC0415

    found: list[CoverageRow] = []
    config = FitConfig(mode="image", resolution="fast", seed=seed)
    for name in SETS:
        if not (root / name).is_dir():
            continue
        for row in run_set(name, score_set(root / name, config), min(draws, 100), SHARE, seed):
            what = f"interval of expected cost, costs {row['costs']}"
            how = f"resplit: {name}, {row['good']} good and {row['defects']} defective"
            found.append(_row(what, row["inside"], min(draws, 100), how))
    return found


def _row(what: str, achieved: float, draws: int, how: str) -> CoverageRow:
    return {"what": what, "promised": 0.95, "achieved": float(achieved), "draws": draws, "how": how}


def rows(draws: int, seed: int) -> list[CoverageRow]:
    """Everything, for the common table."""
    return [*simulated_costs(draws, seed), *simulated_limits(draws, seed), *resplit(draws, seed)]


def show(found: Sequence[CoverageRow]) -> None:
    """Print the table."""
    print_table(
        ["what", "promised", "achieved", "draws", "how"],
        [[r["what"], r["promised"], r["achieved"], r["draws"], r["how"]] for r in found],
    )


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = rows(args.draws, args.seed)
    show(found)
    write_result(args.json, {"environment": environment(None), "rows": found})


if __name__ == "__main__":
    main()
