"""Promised against achieved: intervals of attribute studies and of comparisons, by simulation.

``python -m benchmarks.coverage_study --draws 1000`` prints one row for each interval and setting.
Parts differ: each has its own chance of a wrong decision, drawn from a beta distribution whose
intraclass correlation says how alike the trials of one part are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.coverage_rows import CoverageRow
from offspec.decisions.agreement import cohen_kappa, fleiss_kappa
from offspec.decisions.attribute_study import Study, among, between, with_reference
from offspec.decisions.clustered import clustered_rate
from offspec.decisions.compare_result import rate_difference
from offspec.decisions.paired import Pairs, delong, newcombe_interval
from offspec.errors import MetricError

Doubles = NDArray[np.float64]

TRIALS = 3
SHOWN = "over parts (shown)"


class Tally:
    """Counts how often each kind of interval held."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.held: dict[str, list[bool]] = {}

    def add(self, what: str, low: float | None, high: float | None, truth: float) -> None:
        """Note one interval; where none is given, nothing is promised."""
        if low is not None and high is not None:
            held = low - 1e-12 <= truth <= high + 1e-12
            self.held.setdefault(what, []).append(held)

    def rows(self, promised: float = 0.95) -> list[CoverageRow]:
        """One row for each kind."""
        return [
            CoverageRow(
                what=what,
                promised=promised,
                achieved=float(np.mean(held)),
                draws=len(held),
                how=self.how,
            )
            for what, held in self.held.items()
        ]


def wrong_chances(rng: np.random.Generator, parts: int, mean: float, alike: float) -> Doubles:
    """(parts,) chances of a wrong decision with this mean and intraclass correlation."""
    if alike <= 0.0:
        return np.full(parts, mean)
    total = 1.0 / alike - 1.0
    return rng.beta(mean * total, (1.0 - mean) * total, size=parts)


def rate_rows(draws: int, rng: np.random.Generator) -> Iterator[CoverageRow]:
    """Miss and false-alarm rates: three trials of every part."""
    for parts, mean in ((16, 0.05), (34, 0.05), (50, 0.02), (50, 0.10), (150, 0.02)):
        for alike in (0.0, 0.3, 0.8):
            tally = Tally(f"{parts} parts, rate {mean:g}, alike {alike:g}")
            for _ in range(draws):
                chances = wrong_chances(rng, parts, mean, alike)
                hits = rng.binomial(TRIALS, chances).astype(np.float64)
                found = clustered_rate(hits, np.full(parts, float(TRIALS)))
                tally.add(f"rate, {SHOWN}", found.low, found.high, mean)
                tally.add("rate, decisions as independent", *found.exact, mean)
                tally.add("rate, bootstrap over parts", *found.bootstrap, mean)
                tally.add("rate, one-sided bound (shown)", 0.0, found.at_most, mean)
            yield from tally.rows()


def drawn_study(rng: np.random.Generator, good: int, bad: int, mean: float, alike: float) -> Study:
    """Two appraisers who find the same parts hard, half of the time."""
    chances = wrong_chances(rng, good + bad, mean, alike)
    truth = np.arange(good + bad) >= good
    said = {}
    for name in "AB":
        own = wrong_chances(rng, good + bad, mean, alike)
        mixed = np.where(rng.random(good + bad) < 0.5, chances, own)
        wrong = rng.random((TRIALS, good + bad)) < mixed
        stops = (truth ^ wrong).T
        said[name] = tuple(tuple(bool(v) for v in row) for row in stops)
    return Study(tuple(str(i) for i in range(good + bad)), truth, said)


def kappa_rows(draws: int, rng: np.random.Generator) -> Iterator[CoverageRow]:
    """Kappas; the truth is that of a study with the same mix and very many parts."""
    for good, bad, mean, alike in (
        (34, 16, 0.03, 0.3),
        (34, 16, 0.10, 0.3),
        (34, 16, 0.10, 0.8),
        (25, 25, 0.20, 0.3),
        (20, 10, 0.05, 0.0),
    ):
        many = 2000
        large = drawn_study(rng, good * many, bad * many, mean, alike)
        counts = {
            "kappa to the reference": _kappa_value(large, "reference"),
            "kappa of two appraisers": _kappa_value(large, "pair"),
            "kappa within": _kappa_value(large, "within"),
        }
        tally = Tally(f"{good} good, {bad} bad, wrong {mean:g}, alike {alike:g}")
        for _ in range(draws):
            study = drawn_study(rng, good, bad, mean, alike)
            for name, found in (
                ("kappa to the reference", with_reference(study, "A")),
                ("kappa of two appraisers", between(study, "A", "B")),
                ("kappa within", among(study, ("A",))),
            ):
                truth = counts[name]
                tally.add(f"{name}, {SHOWN}", found.low, found.high, truth)
                tally.add(f"{name}, large-sample", found.kappa.low, found.kappa.high, truth)
                tally.add(f"{name}, bootstrap over parts", *found.bootstrap, truth)
        yield from tally.rows()


def _kappa_value(study: Study, which: str) -> float:
    """A kappa without its intervals, which would take long on very many parts."""
    first = np.array(study.said["A"])
    if which == "within":
        stops = first.sum(1)
        counts = np.stack([TRIALS - stops, stops], axis=1).astype(np.float64)
        return fleiss_kappa(counts).value
    other = (
        np.array(study.said["B"]) if which == "pair" else np.repeat(study.bad[:, None], TRIALS, 1)
    )
    table = [[int(((first == i) & (other == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    return cohen_kappa(table).value


def drawn_pairs(
    rng: np.random.Generator, n: int, only_new: float, only_old: float, both: float
) -> Pairs:
    """Counts of n images on which both decide."""
    neither = 1.0 - only_new - only_old - both
    a, b, c, d = rng.multinomial(n, [both, only_new, only_old, neither])
    return Pairs(int(a), int(b), int(c), int(d))


def difference_rows(draws: int, rng: np.random.Generator) -> Iterator[CoverageRow]:
    """Paired difference of two rates: Tango's interval is the product's, Newcombe's beside."""
    for n, only_new, only_old, both in (
        (30, 0.02, 0.04, 0.90),
        (30, 0.10, 0.20, 0.60),
        (100, 0.01, 0.03, 0.94),
        (100, 0.005, 0.005, 0.50),
        (300, 0.02, 0.02, 0.94),
    ):
        tally = Tally(f"{n} images, only new {only_new:g}, only old {only_old:g}, both {both:g}")
        truth = only_new - only_old
        for _ in range(draws):
            pairs = drawn_pairs(rng, n, only_new, only_old, both)
            found = rate_difference(pairs, 0.02)
            tally.add("difference of rates, Tango (shown)", found.low, found.high, truth)
            tally.add("difference of rates, Newcombe 10", *newcombe_interval(pairs), truth)
        yield from tally.rows()


def area_rows(draws: int, rng: np.random.Generator) -> Iterator[CoverageRow]:
    """Difference of two areas under the ROC curve: correlated normal scores."""
    for good, bad, new, old, alike in (
        (50, 50, 0.85, 0.90, 0.5),
        (25, 60, 0.95, 0.95, 0.7),
        (25, 25, 0.99, 0.97, 0.5),
        (100, 100, 0.99, 0.97, 0.5),
    ):
        tally = Tally(f"{good} good, {bad} bad, areas {old:g} and {new:g}, alike {alike:g}")
        shift = np.sqrt(2.0) * stats.norm.ppf([new, old])
        for _ in range(draws):
            noise = rng.multivariate_normal([0, 0], [[1, alike], [alike, 1]], size=good + bad)
            truth = np.arange(good + bad) >= good
            scores = noise + truth[:, None] * shift
            try:
                found = delong(scores[:, 0], scores[:, 1], truth)
            except MetricError:  # pragma: no cover - both kinds are always there
                continue
            tally.add("difference of AUROC, DeLong (shown)", found.low, found.high, new - old)
        yield from tally.rows()


def gate_rows(draws: int, rng: np.random.Generator) -> Iterator[CoverageRow]:
    """How often a model that loses exactly the margin, or twice it, is let through.

    ``promised`` is the most that may be: half of what the confidence leaves.
    """
    margin = 0.02
    for n, differ in ((60, 0.01), (300, 0.01), (300, 0.05), (1000, 0.02)):
        for loss in (margin, 2 * margin):
            passed = 0
            for _ in range(draws):
                pairs = drawn_pairs(rng, n, differ, differ + loss, 0.93 - differ - loss)
                passed += rate_difference(pairs, margin).decision == "not_worse"
            yield CoverageRow(
                what="gate lets a worse model through (at most)",
                promised=0.025,
                achieved=passed / draws,
                draws=draws,
                how=f"{n} defective images, loses {loss:g}, margin {margin:g}, gains {differ:g}",
            )


def rows(draws: int, seed: int) -> list[CoverageRow]:
    """Every row; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    return [
        *rate_rows(draws, rng),
        *kappa_rows(draws, rng),
        *difference_rows(draws, rng),
        *area_rows(draws, rng),
        *gate_rows(5 * draws, rng),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| what | how | promised | achieved | draws |")
    print("|---|---|---|---|---|")
    for row in rows(given.draws, given.seed):
        print(
            f"| {row['what']} | {row['how']} | {row['promised']:g} | {row['achieved']:.3f} "
            f"| {row['draws']} |"
        )


if __name__ == "__main__":
    main()
