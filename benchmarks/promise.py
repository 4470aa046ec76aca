"""Promise against achievement: is the asked false-alarm rate the one that is reached?

    OFFSPEC_DATA=... python -m benchmarks.promise [SET ...] [--splits 100] [--json FILE]

All normals of a set, train and test, are pooled. The first in sorted order is the reference; it
builds the model and never calibrates. Every split draws n normals at random to fit and to
calibrate on (cross-fitted) and leaves m to be counted; the model of that split scores them.

*Certified* thresholds (the j-th largest score): were the scores exchangeable, the count above the
threshold would follow BetaBinomial(m; j, n + 1 - j); correct code is inside the central 95 %
interval in at least 90 % of splits. *Extrapolated* ones: the mean achieved rate has to lie between
a / 3 and 1.5 a. The detection rate stands beside each, so that never alarming does not pass.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.common import data_root, environment, print_table, write_result
from benchmarks.real_data import SETS
from offspec.calibration import threshold_of
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.embedding_cache import EmbeddingCache
from offspec.fitting import FitConfig, fit
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.score_curve import ScoreCurve
from offspec.types import DoubleArray, ImageArray

ALPHAS = (0.01, 0.05, 0.10, 0.20)
NORMALS = {"magnetic_tile": 40}  # else 25: what a line starts with
DEFAULT_NORMALS = 25
INSIDE_GOAL = 0.90
RATE_GOAL = (1 / 3, 1.5)


@dataclass(frozen=True, slots=True)
class SplitScores:
    """Scores of one split, in threshold units, higher = more anomalous.

    Attributes:
        curve: Of the n cross-fitted scores of the normals the model was fitted on.
        held_out: (m,) scores of normals nobody has seen.
        defects: (d,) scores of defective images; empty where they were not scored.
    """

    curve: ScoreCurve
    held_out: DoubleArray
    defects: DoubleArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one split gave at one asked rate."""

    alpha: float
    status: str
    rank_j: int
    n: int
    above: int
    m: int
    inside: bool | None
    detected: float | None


def central_interval(m: int, j: int, n: int, confidence: float = 0.95) -> tuple[int, int]:
    """Central interval of the count above the j-th largest of n scores among m new ones."""
    law = stats.betabinom(m, j, n + 1 - j)
    tail = (1 - confidence) / 2
    return int(law.ppf(tail)), int(law.ppf(1 - tail))


def outcome(scores: SplitScores, alpha: float) -> Outcome:
    """Calibrate one split at one rate and count."""
    threshold = threshold_of(scores.curve, alpha, cross_fitted=True)
    n, m = scores.curve.n, scores.held_out.size
    above = int((scores.held_out > threshold.raw).sum())
    inside: bool | None = None
    if threshold.rank_j:
        low, high = central_interval(m, threshold.rank_j, n)
        inside = low <= above <= high
    found = scores.defects > threshold.raw
    detected = float(found.mean()) if found.size else None
    return Outcome(alpha, threshold.status, threshold.rank_j, n, above, m, inside, detected)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One row per asked rate: what was promised, what was reached, and whether that passes."""
    first = outcomes[0]
    rate = sum(o.above for o in outcomes) / sum(o.m for o in outcomes)
    found = [o.detected for o in outcomes if o.detected is not None]
    row: dict[str, Any] = {
        "alpha": first.alpha,
        "status": first.status,
        "rank_j": first.rank_j,
        "n": first.n,
        "m": first.m,
        "splits": len(outcomes),
        "achieved_rate": rate,
        "inside_interval": None,
        "detection_rate": float(np.mean(found)) if found else None,
    }
    if first.status == "certified":
        share = float(np.mean([bool(o.inside) for o in outcomes]))
        row["inside_interval"] = share
        row["passes"] = share >= INSIDE_GOAL
    else:
        low, high = (factor * first.alpha for factor in RATE_GOAL)
        row["passes"] = low <= rate <= high
    return row


@dataclass(frozen=True, slots=True)
class Pool:
    """All images of a set, decoded once.

    Attributes:
        reference: Builds every model, never calibrates, is never counted.
        normals: Every other good image, train and test.
        defects: Every defective image.
    """

    root: Path
    reference: ImageRecord
    normals: tuple[ImageRecord, ...]
    defects: tuple[ImageRecord, ...]


def read_pool(root: Path) -> Pool:
    """Pool the normals of a set; the first training normal in sorted order is the reference."""
    dataset = read_dataset(root)
    reference = dataset.normals[0]
    normals = [r for r in dataset.records if r.label == "ok" and r is not reference]
    defects = [r for r in dataset.records if r.label == "ng"]
    return Pool(root, reference, tuple(normals), tuple(defects))


def training_set(pool: Pool, chosen: Sequence[int]) -> Dataset:
    """The reference, first in order, and the chosen normals."""
    records = [pool.reference, *(pool.normals[i] for i in sorted(chosen))]
    return Dataset(
        pool.root,
        "mvtec",
        tuple(
            replace(record, key=f"{rank:05d}/{record.key}", split="train")
            for rank, record in enumerate(records)
        ),
    )


def score_split(
    pool: Pool,
    pictures: dict[str, ImageArray],
    rng: np.random.Generator,
    n: int,
    config: FitConfig,
    cache: EmbeddingCache,
    *,
    with_defects: bool,
) -> SplitScores:
    """Fit and cross-fit on n random normals, score the others with that model."""
    order = rng.permutation(len(pool.normals))
    chosen = training_set(pool, [int(i) for i in order[:n]])
    bundle = fit(chosen, config=config, cache=cache)
    inspector = Inspector(bundle, threads=config.threads)
    held_out = [pool.normals[int(i)] for i in order[n:]]
    return SplitScores(
        bundle.manifest.calibration.curve,
        image_scores(inspector, held_out, pictures),
        image_scores(inspector, pool.defects if with_defects else (), pictures),
    )


def image_scores(
    inspector: Inspector, records: Sequence[ImageRecord], pictures: dict[str, ImageArray]
) -> DoubleArray:
    """Threshold-unit scores of the images that pass the gate."""
    calibration = inspector.bundle.manifest.calibration
    found: list[float] = []
    for record in records:
        if record.key not in pictures:
            pictures[record.key] = read_image(record.path)
        prepared = inspector.prepare(pictures[record.key])
        raws = inspector.score(prepared, inspector.maps(prepared))
        if raws:
            found.append(calibration.image_score(raws))
    return np.array(found, dtype=np.float64)


def run_set(name: str, args: argparse.Namespace, config: FitConfig) -> list[dict[str, Any]]:
    """All splits of one set; one row per asked rate."""
    pool = read_pool(data_root() / name)
    n = args.normals or NORMALS.get(name, DEFAULT_NORMALS)
    pictures: dict[str, ImageArray] = {}
    cache = EmbeddingCache()
    outcomes: dict[float, list[Outcome]] = {alpha: [] for alpha in ALPHAS}
    start = time.perf_counter()
    for split in range(args.splits):
        rng = np.random.default_rng((args.seed, split))
        with_defects = split < args.defect_splits
        scores = score_split(pool, pictures, rng, n, config, cache, with_defects=with_defects)
        for alpha in ALPHAS:
            outcomes[alpha].append(outcome(scores, alpha))
        if (split + 1) % 10 == 0:
            seconds = (time.perf_counter() - start) / (split + 1)
            left = seconds * (args.splits - split - 1)
            print(f"{name}: {split + 1}/{args.splits} splits, {left:.0f} s left", flush=True)
    return [
        {"set": name, "seconds": time.perf_counter() - start, **summarise(outcomes[alpha])}
        for alpha in ALPHAS
    ]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--normals", type=int, help="n; default 25, magnetic_tile 40")
    parser.add_argument("--defect-splits", type=int, default=20, help="splits that score defects")
    parser.add_argument("--resolution", default="fast")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    config = FitConfig(
        mode="image", resolution=args.resolution, seed=args.seed, threads=args.threads
    )
    rows: list[dict[str, Any]] = []
    for name in args.sets or SETS:
        rows += run_set(name, args, config)
    keys = (
        "set", "alpha", "status", "n", "m", "splits", "achieved_rate", "inside_interval",
        "detection_rate", "passes",
    )  # fmt: skip
    print_table(
        [key.replace("_", " ") for key in keys], [[row[key] for key in keys] for row in rows]
    )
    write_result(args.json, {"environment": environment(args.threads), "rows": rows})


if __name__ == "__main__":
    main()
