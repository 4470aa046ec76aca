"""Does the score curve keep its promise? Simulated, where the truth is known.

    python -m benchmarks.curve_simulation [--repetitions 20000] [--seed 0] [--json FILE]

For each distribution, number n of normal scores and asked false-alarm rate a, thresholds are
placed on many draws of n scores. Printed is the mean true share of good images above the
threshold (the promise is a), its 95th percentile over draws, and how often a score that only
one good image in 100 / a exceeds is stopped: a threshold that never alarms would show 0.
With several regions, T is calibrated on one set of images and measured on fresh ones.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from offspec.calibration import ScoreCurve, calibrate, certified_rank, threshold_of
from offspec.types import DoubleArray

SIZES = (5, 10, 25, 100)
ALPHAS = (0.01, 0.05, 0.10, 0.20)
Sampler = Callable[[np.random.Generator, tuple[int, int]], DoubleArray]


@dataclass(frozen=True)
class Law:
    """One distribution of raw scores >= 0, by its quantile and survival functions."""

    name: str
    from_uniform: Callable[[DoubleArray], DoubleArray]
    survival: Callable[[DoubleArray], DoubleArray]


LAWS = (
    Law("exponential", lambda u: -np.log1p(-u), lambda x: np.exp(-x)),
    Law("gaussian", lambda u: 10 + stats.norm.ppf(u), lambda x: stats.norm.sf(x - 10)),
    Law(
        "log-normal s=0.5",
        lambda u: np.exp(0.5 * stats.norm.ppf(u)),
        lambda x: stats.norm.sf(2 * np.log(x)),
    ),
    Law("log-normal s=1", lambda u: np.exp(stats.norm.ppf(u)), lambda x: stats.norm.sf(np.log(x))),
    Law(
        "student |t| df=3",
        lambda u: stats.t.ppf(0.5 + u / 2, 3),
        lambda x: 2 * stats.t.sf(x, 3),
    ),
    Law("pareto index 2", lambda u: (1 - u) ** -0.5, lambda x: x**-2.0),
    Law("pareto index 1", lambda u: 1 / (1 - u), lambda x: 1 / x),
)


@dataclass(frozen=True)
class Row:
    """One line of the table; rates are shares."""

    law: str
    n: int
    asked: float
    status: str
    achieved: float
    achieved_p95: float
    stops_extreme: float


def thresholds(scores: DoubleArray, alpha: float) -> DoubleArray:
    """Threshold of every row of (R, n) ascending scores, by the rules of the score curve."""
    n = scores.shape[1]
    j = certified_rank(alpha, n)
    if j:
        return scores[:, n - j]
    k = min(n - 1, max(5, n // 4))
    t = scores[:, n - k - 1]
    excess = (scores[:, n - k :] - t[:, None]).sum(axis=1)
    scale = excess + scores[:, -1] - t
    found: DoubleArray = scores[:, -1] + scale * math.expm1(-math.log(alpha * (n + 1)) / k)
    return found


def simulate(law: Law, n: int, alpha: float, repetitions: int, seed: int) -> Row:
    """Draw, place thresholds, read the true rate from the distribution."""
    rng = np.random.default_rng([seed, n])  # the same draws for every law and rate
    scores = np.sort(law.from_uniform(rng.random((repetitions, n))), axis=1)
    limits = thresholds(scores, alpha)
    _check_against_package(scores[:20], limits[:20], alpha)
    achieved = law.survival(limits)
    extreme = law.from_uniform(np.array([1 - alpha / 100]))[0]
    return Row(
        law.name,
        n,
        alpha,
        "certified" if certified_rank(alpha, n) else "extrapolated",
        float(achieved.mean()),
        float(np.quantile(achieved, 0.95)),
        float((limits < extreme).mean()),
    )


def _check_against_package(scores: DoubleArray, limits: DoubleArray, alpha: float) -> None:
    """The vectorised rule must be the package's own, draw by draw."""
    for row, limit in zip(scores, limits, strict=True):
        own = threshold_of(ScoreCurve.from_scores(row), alpha, cross_fitted=False).raw
        if not math.isclose(own, limit, rel_tol=1e-3):
            raise SystemExit(f"The simulation's threshold {limit} is not the package's {own}.")


def simulate_regions(
    law: Law, n: int, n_regions: int, alpha: float, repetitions: int, seed: int
) -> Row:
    """Several regions of different size and spread, half of their score shared per image."""
    rng = np.random.default_rng([seed, n, n_regions])
    factors = np.geomspace(0.1, 10.0, n_regions)
    names = [f"r{i}" for i in range(n_regions)]

    def draw(count: int) -> DoubleArray:
        own = law.from_uniform(rng.random((n_regions, count)))
        shared = law.from_uniform(rng.random((1, count)))
        scores: DoubleArray = factors[:, None] * (own + shared)
        return scores

    rates, status = [], ""
    for _ in range(repetitions):
        scores, fresh = draw(n), draw(2000)
        found = calibrate(
            {k: v.tolist() for k, v in zip(names, scores, strict=True)}, alpha, cross_fitted=False
        )
        limits = np.array([found.region_threshold_raw(name) for name in names])
        rates.append(float((fresh > limits[:, None]).any(axis=0).mean()))
        status = found.threshold.status
    return Row(
        f"{law.name}, {n_regions} regions",
        n,
        alpha,
        status,
        float(np.mean(rates)),
        float(np.quantile(rates, 0.95)),
        math.nan,
    )


def print_table(rows: list[Row]) -> None:
    """One line per law, size and asked rate; a star where the mean exceeds 1.5 times the asked."""
    print(
        f"{'distribution':28}{'n':>4} {'asked':>6} {'status':13}{'mean':>8}{'p95':>8}{'extreme':>9}"
    )
    for row in rows:
        star = " *" if row.achieved > 1.5 * row.asked else ""
        extreme = "" if math.isnan(row.stops_extreme) else f"{100 * row.stops_extreme:8.1f}%"
        print(
            f"{row.law:28}{row.n:>4} {100 * row.asked:>5.0f}% {row.status:13}"
            f"{100 * row.achieved:>7.2f}%{100 * row.achieved_p95:>7.2f}%{extreme:>9}{star}"
        )


def main() -> None:
    """Run the simulation from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repetitions", type=int, default=20_000)
    parser.add_argument("--region-repetitions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = [
        simulate(law, n, alpha, args.repetitions, args.seed)
        for law in LAWS
        for n in SIZES
        for alpha in ALPHAS
    ]
    rows += [
        simulate_regions(law, n, count, alpha, args.region_repetitions, args.seed)
        for law in LAWS[:3]
        for count in (2, 10)
        for n in (5, 10, 25)
        for alpha in (0.01, 0.10)
    ]
    print_table(rows)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
