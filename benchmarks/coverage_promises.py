"""Does the guarantee printed beside a threshold hold? Promised: in 95 of 100 fits.

    [OFFSPEC_DATA=...] python -m benchmarks.coverage_promises [--draws 2000] [--seed 0]
        [--sets bsdata/395000_270 cookie] [--splits 40] [--json FILE]

The guarantee says: with 95 % confidence at most x % of good images are stopped. Simulated, the true
share is known. On real data (``--sets``) all normals but the reference are split again and again:
n are fitted and cross-fitted on, the rest is counted. What is counted has its own chance error, so
a share there is held against the promise by the exact chance that a true rate at the bound gives
a count as high; the plain comparison stands beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.coverage_rows import CoverageRow
from benchmarks.curve_simulation import LAWS, Law
from offspec.calibration import threshold_of
from offspec.score_curve import ScoreCurve

SIZES = (10, 26, 99, 299)
ALPHAS = (0.01, 0.05)
NAMES = ("exponential", "log-normal s=1", "pareto index 2")


def simulated(law: Law, n: int, alpha: float, draws: int, seed: int) -> CoverageRow:
    """How often the true share above the threshold is at most the printed bound."""
    rng = np.random.default_rng([seed, n])
    held, shares, uppers, status = 0, [], [], ""
    for _ in range(draws):
        scores = law.from_uniform(rng.random(n))
        threshold = threshold_of(ScoreCurve.from_scores(scores), alpha, cross_fitted=False)
        assert threshold.guarantee_upper is not None  # noqa: S101 - there are enough normals
        share = float(law.survival(np.array([threshold.raw]))[0])
        held += share <= threshold.guarantee_upper
        shares.append(share)
        uppers.append(threshold.guarantee_upper)
        status = threshold.status
    return CoverageRow(
        what=f"guarantee, {law.name} scores, {n} normals, {100 * alpha:g} % asked",
        promised=0.95,
        achieved=held / draws,
        draws=draws,
        how=(
            f"simulated; {status}; bound {100 * float(np.mean(uppers)):.2f} %, true share in the "
            f"mean {100 * float(np.mean(shares)):.2f} %"
        ),
    )


def rows(draws: int, seed: int) -> list[CoverageRow]:
    """Three laws, four numbers of normals, two asked rates."""
    laws = [law for law in LAWS if law.name in NAMES]
    return [simulated(law, n, a, draws, seed) for law in laws for n in SIZES for a in ALPHAS]


def real_rows(sets: list[str], splits: int, seed: int, threads: int | None) -> list[CoverageRow]:
    """The same by splitting real data again, cross-fitted as in the product."""
    from benchmarks.common import data_root  # noqa: PLC0415 - simulations need no data
    from benchmarks.promise import (  # noqa: PLC0415
        DEFAULT_NORMALS,
        NORMALS,
        read_pool,
        score_split,
    )
    from offspec.embedding_cache import EmbeddingCache  # noqa: PLC0415
    from offspec.fitting import FitConfig  # noqa: PLC0415

    config = FitConfig(mode="image", resolution="fast", seed=seed, threads=threads)
    found: list[CoverageRow] = []
    for name in sets:
        pool, cache = read_pool(data_root() / name), EmbeddingCache()
        n = min(NORMALS.get(name, DEFAULT_NORMALS), len(pool.normals) - 5)
        scores = [
            score_split(
                pool, {}, np.random.default_rng((seed, split)), n, config, cache,
                with_defects=False,
            )
            for split in range(splits)
        ]  # fmt: skip
        for alpha in ALPHAS:
            plain, allowed, above, counted = 0, 0, 0, 0
            for one in scores:
                threshold = threshold_of(one.curve, alpha, cross_fitted=True)
                upper = threshold.guarantee_upper
                assert upper is not None  # noqa: S101 - there are enough normals
                stopped, m = int((one.held_out > threshold.raw).sum()), one.held_out.size
                plain += stopped <= upper * m
                allowed += stats.binom.sf(stopped - 1, m, upper) >= 0.05
                above, counted = above + stopped, counted + m
            found.append(
                CoverageRow(
                    what=f"guarantee, {name}, {n} normals, {100 * alpha:g} % asked",
                    promised=0.95,
                    achieved=allowed / splits,
                    draws=splits,
                    how=(
                        f"real data split again, cross-fitted; {100 * above / counted:.1f} % of "
                        f"held-out normals stopped; counted share under the bound in "
                        f"{100 * plain / splits:.0f} %"
                    ),
                )
            )
    return found


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sets", nargs="*", default=[], metavar="SET")
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = rows(args.draws, args.seed)
    found += real_rows(args.sets, args.splits, args.seed, args.threads)
    for row in found:
        print(f"{row['what']:64}{row['achieved']:7.3f}  {row['how']}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
