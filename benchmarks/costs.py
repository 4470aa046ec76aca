"""Thresholds chosen from costs, against fixed ones and against the best that could be known.

    OFFSPEC_DATA=... python -m benchmarks.costs [SET ...] [--splits 100] [--json FILE]

A model is fitted on the training normals of a set and scores its test images once. Every split
draws a share of the test images (good and defective apart) as validation; both thresholds are
chosen on them and on the cross-fitted normals of the model, as ``offspec calibrate --validation``
does. What they cost is counted in two ways, on all images of the set (test images, and training
normals by their cross-fitted scores), and on the test images alone. The oracle is the pair of
thresholds that is cheapest on exactly the images counted. *Excess* is the cost above the oracle's,
in percent of the cheaper of letting everything through and stopping everything.

*Interval*: in how many splits the stated 95 % interval holds the cost counted on all test images,
and the one counted on the rest that no split has seen.

    python -m benchmarks.costs --simulate

asks instead how many images it takes: scores of two simulated worlds, the excess over the best
thresholds of the distribution itself.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from benchmarks.real_data import SETS
from offspec.datasets import read_dataset
from offspec.decisions.operating_input import known_normals, limits_of
from offspec.decisions.operating_result import estimate_cost
from offspec.decisions.operating_rule import pooled_normals
from offspec.fitting import FitConfig, fit
from offspec.images import read_image
from offspec.operating_points import (
    FIXED,
    Costs,
    Points,
    cheapest,
    choose,
    cost_of_bad,
    cost_of_good,
    expected_cost,
)
from offspec.runtime import Inspector
from offspec.types import DoubleArray

RATIOS = ((10.0, 1.0, 0.5), (100.0, 1.0, 0.5), (1.0, 1.0, 0.5))
DEFECT_RATE = 0.01
SHARE = 0.5
WORLD_SIZE = 20_000  # draws that stand for a simulated distribution
SIZES = ((10, 5), (20, 10), (50, 20), (100, 30), (300, 50), (1000, 100))


@dataclass(frozen=True, slots=True)
class Scores:
    """A set, scored once, in limits.

    Attributes:
        known: (n,) cross-fitted training normals.
        good: (m,) test normals, ``inf`` where not judged.
        bad: (d,) defective test images, ``-inf`` where not judged.
    """

    known: DoubleArray
    good: DoubleArray
    bad: DoubleArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one split gave; costs are per part."""

    excess_all: float
    excess_test: float
    fixed_all: float
    fixed_test: float
    holds_test: bool
    holds_rest: bool
    width: float


def score_set(root: Path, config: FitConfig) -> Scores:
    """Fit on the training normals, score the test images."""
    dataset = read_dataset(root, seed=config.seed)
    bundle = fit(dataset, config=config)
    inspector = Inspector(bundle, threads=config.threads)
    calibration = bundle.manifest.calibration
    found: dict[str, list[float]] = {"ok": [], "ng": []}
    for record in dataset.test:
        if record.label is None:
            continue
        prepared = inspector.prepare(read_image(record.path))
        raws = inspector.score(prepared, inspector.maps(prepared))
        whole = len(raws) == len(bundle.manifest.template.regions)
        lost = np.inf if record.label == "ok" else -np.inf
        found[record.label].append(limits_of(calibration, raws) if whole else lost)
    return Scores(known_normals(calibration), np.array(found["ok"]), np.array(found["ng"]))


def oracle(costs: Costs, good: DoubleArray, bad: DoubleArray) -> float:
    """Least cost per part that any two thresholds have on exactly these images."""
    seen = np.concatenate([good, bad])
    at = np.unique(np.concatenate([[-1e300], seen[np.isfinite(seen)], [1e300]]))
    above = [1 - np.searchsorted(np.sort(v), at, side="right") / v.size for v in (good, bad)]
    return counted(costs, cheapest(costs, at, above[0], above[1]), good, bad)


def counted(costs: Costs, points: Points, good: DoubleArray, bad: DoubleArray) -> float:
    """Cost per part that thresholds have on these images."""
    return expected_cost(costs, cost_of_good(costs, points, good), cost_of_bad(costs, points, bad))


def run_split(
    scores: Scores, costs: Costs, rng: np.random.Generator, share: float, bests: dict[str, float]
) -> Outcome:
    """Choose on a random part of the test images, count on all."""
    good_order, bad_order = rng.permutation(scores.good.size), rng.permutation(scores.bad.size)
    m, n = (max(2, round(share * v.size)) for v in (scores.good, scores.bad))
    good, bad = scores.good[good_order[:m]], scores.bad[bad_order[:n]]
    known, _ = pooled_normals(good, scores.known)
    points, estimate = estimate_cost(costs, good, bad, known)
    everything = np.concatenate([scores.good, scores.known])
    trivial = min(costs.accept_all, costs.reject_all)
    on_test = counted(costs, points, scores.good, scores.bad)
    rest = counted(costs, points, scores.good[good_order[m:]], scores.bad[bad_order[n:]])
    on_all = counted(costs, points, everything, scores.bad)
    fixed_all = counted(costs, FIXED, everything, scores.bad)
    fixed_test = counted(costs, FIXED, scores.good, scores.bad)
    return Outcome(
        (on_all - bests["all"]) / trivial,
        (on_test - bests["test"]) / trivial,
        (fixed_all - bests["all"]) / trivial,
        (fixed_test - bests["test"]) / trivial,
        estimate.low - 1e-9 <= on_test <= estimate.high + 1e-9,
        estimate.low - 1e-9 <= rest <= estimate.high + 1e-9,
        estimate.high - estimate.low,
    )


def run_set(
    name: str, scores: Scores, splits: int, share: float, seed: int
) -> list[dict[str, Any]]:
    """All splits of one set; one row per ratio of costs."""
    rows = []
    for miss, false_alarm, review in RATIOS:
        costs = Costs(miss, false_alarm, review, DEFECT_RATE)
        bests = {
            "all": oracle(costs, np.concatenate([scores.good, scores.known]), scores.bad),
            "test": oracle(costs, scores.good, scores.bad),
        }
        outcomes = [
            run_split(scores, costs, np.random.default_rng((seed, k)), share, bests)
            for k in range(splits)
        ]
        trivial = min(costs.accept_all, costs.reject_all)
        rows.append(
            {
                "set": name,
                "costs": f"{miss:g}:{false_alarm:g}:{review:g}",
                "good": int(scores.good.size),
                "defects": int(scores.bad.size),
                "normals": int(scores.known.size),
                "trivial_per_1000": 1000 * trivial,
                "oracle_per_1000": 1000 * bests["all"],
                "excess": _mean(outcomes, "excess_all"),
                "excess_fixed": _mean(outcomes, "fixed_all"),
                "excess_test": _mean(outcomes, "excess_test"),
                "excess_fixed_test": _mean(outcomes, "fixed_test"),
                "inside": _mean(outcomes, "holds_test"),
                "inside_rest": _mean(outcomes, "holds_rest"),
                "width_per_1000": 1000 * _mean(outcomes, "width"),
            }
        )
    return rows


def simulate(draws: int, seed: int) -> list[dict[str, Any]]:
    """Excess over the best thresholds there are, by number of validation images."""
    from benchmarks.coverage_costs import WORLDS  # noqa: PLC0415 - it names this module, too

    found = []
    for world in WORLDS[:2]:
        rng = np.random.default_rng(seed)
        good, bad = world.good(rng, WORLD_SIZE), world.bad(rng, WORLD_SIZE)
        for ratio in RATIOS:
            costs = Costs(*ratio, DEFECT_RATE)
            trivial = min(costs.accept_all, costs.reject_all)
            best = oracle(costs, good, bad)
            for m, n in SIZES:
                excess = []
                for k in range(draws):
                    own = np.random.default_rng((seed, k, m))
                    points = choose(
                        costs, world.good(own, m), world.bad(own, n), world.good(own, 25)
                    )
                    excess.append((counted(costs, points, good, bad) - best) / trivial)
                found.append(
                    {
                        "set": world.name,
                        "costs": ":".join(f"{one:g}" for one in ratio),
                        "good": m,
                        "defects": n,
                        "oracle_per_1000": 1000 * best,
                        "excess": float(np.mean(excess)),
                    }
                )
    return found


def _mean(outcomes: list[Outcome], name: str) -> float:
    return float(np.mean([getattr(o, name) for o in outcomes]))


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the sets, one row per ratio and one over all."""
    keys = ("excess", "excess_fixed", "excess_test", "excess_fixed_test", "inside", "inside_rest")
    found = []
    for ratio in (*dict.fromkeys(row["costs"] for row in rows), "all"):
        chosen = [row for row in rows if ratio in (row["costs"], "all")]
        mean = {key: float(np.mean([row[key] for row in chosen])) for key in keys}
        found.append({"set": "mean", "costs": ratio, **mean})
    return found


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--share", type=float, default=SHARE, help="of the test images")
    parser.add_argument("--resolution", default="fast")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--simulate", action="store_true", help="how many images it takes")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.simulate:
        made = simulate(args.splits, args.seed)
        print_table(list(made[0]), [list(row.values()) for row in made])
        write_result(args.json, {"environment": environment(args.threads), "rows": made})
        return
    config = FitConfig(
        mode="image", resolution=args.resolution, seed=args.seed, threads=args.threads
    )
    rows: list[dict[str, Any]] = []
    for name in args.sets or SETS:
        scores = score_set(data_root() / name, config)
        rows += run_set(name, scores, args.splits, args.share, args.seed)
        print(f"{name}: done", flush=True)
    rows += means(rows)
    keys = (
        "set", "costs", "trivial_per_1000", "oracle_per_1000", "excess", "excess_fixed",
        "excess_test", "excess_fixed_test", "inside", "inside_rest", "width_per_1000",
    )  # fmt: skip
    print_table(
        [key.replace("_", " ") for key in keys], [[row.get(key) for key in keys] for row in rows]
    )
    write_result(args.json, {"environment": environment(args.threads), "rows": rows})


if __name__ == "__main__":
    main()
