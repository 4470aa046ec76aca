"""Does the health check find what it is for? Contamination, variants, confounds, on photographs.

    python -m benchmarks.health contamination --draws 10
    python -m benchmarks.health variants
    python -m benchmarks.health confounds --draws 100

Contamination: a share of the training normals is replaced by defect images, at random.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from offspec.contamination import oddness
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.evaluation import Figures, evaluate
from offspec.fitting import FitConfig, fit
from offspec.health import check
from offspec.health.check import circumstances_of
from offspec.health.confounds import find_confounds
from offspec.health.distances import distances, whitened
from offspec.health.look import glance_all, look_at_normals
from offspec.types import FixedKind

SHARES = (0.05, 0.10)
TYPES = {"magnetic_tile": ("blowhole", "break", "crack"), "cookie": ("anomaly",)}
FAR = 0.10


def contaminated(
    data: Dataset, types: Sequence[str], share: float, draw: int
) -> tuple[Dataset, set[str]]:
    """The training normals with some replaced by defect images; the test images less those."""
    rng = np.random.default_rng((draw, round(1000 * share)))
    good = list(data.normals)
    bad = [r for r in data.test if r.defect_type in types]
    count = max(1, round(share * len(good)))
    gone = {good[i].key for i in rng.choice(len(good), count, replace=False)}
    chosen = [bad[i] for i in rng.choice(len(bad), count, replace=False)]
    added = [replace(r, label="ok", split="train", mask_path=None) for r in chosen]
    keys = {r.key for r in added}
    kept = [r for r in data.records if r.key not in gone | keys]
    records = tuple(sorted([*kept, *added], key=lambda r: r.key))
    return Dataset(data.root, data.layout, records), keys


def quality(
    data: Dataset, test: Sequence[ImageRecord], kind: FixedKind, threads: int | None
) -> tuple[float, float]:
    """Image AUROC and AU-PRO 0.30 of the default detector."""
    config = FitConfig(mode="pixel", kind=kind, resolution="fast", threads=threads)
    bundle = fit(data, config=config)
    tested = Dataset(data.root, data.layout, tuple(test))
    found = evaluate(bundle, tested, threads=threads, figures=Figures())
    metrics = found.metrics
    return float(metrics["image_auroc"]), float(metrics["aupro_30"] or np.nan)


def clean_detection(data: Dataset, types: Sequence[str], threads: int) -> float:
    """Share of defect images beyond 90 % of the normals, by the same scorer with a clean bank."""
    bad = [
        replace(r, label="ok", split="train", mask_path=None)
        for r in data.test
        if r.defect_type in types
    ]
    everything = Dataset(data.root, data.layout, (*data.normals, *bad))
    looked = look_at_normals(
        everything, None, smallest_defect=None, threads=threads, tell=lambda *_: None
    )
    spoiled = {r.key for r in bad}
    clean = np.array([r.key not in spoiled for r in looked.records])
    kind, features = looked.job.kinds[0], looked.features[0]
    bank = np.flatnonzero(clean)
    grid = (features.shape[2], features.shape[3])
    away = distances(whitened(features, kind), grid, kind, bank, 0)
    score = oddness(away, bank, by_place=kind == "object").score
    return float((score[~clean] > np.quantile(score[clean], 1 - FAR)).mean())


def refit(
    data: Dataset, mixed: Dataset, spoiled: set[str], flagged: set[str], threads: int | None
) -> list[tuple[float, float]]:
    """Quality learned from clean normals, after the proposal was accepted, and without it.

    The kind is what the clean normals say, or a set at its boundary changes method by chance.
    """
    kind = look_at_normals(
        Dataset(data.root, data.layout, data.normals),
        None, smallest_defect=None, threads=threads or 2, tell=lambda *_: None,
    ).job.kinds[0]  # fmt: skip
    test = [r for r in mixed.test if r.key not in spoiled]
    kept = tuple(r for r in mixed.normals if r.key not in flagged)
    return [
        quality(Dataset(data.root, data.layout, normals), test, kind, threads)
        for normals in (data.normals, kept, mixed.normals)
    ]


def run_contamination(args: argparse.Namespace) -> dict[str, Any]:
    """Flagged contaminants and clean images, a row per set and share."""
    rows: list[list[object]] = []
    details = []
    for name in args.sets:
        data = read_dataset(data_root() / name)
        types = TYPES[name]
        print(name, "clean detection at 10 %:", clean_detection(data, types, args.threads or 2))
        for share in SHARES:
            caught, wrong, after = [], [], []
            for draw in range(args.draws):
                mixed, bad = contaminated(data, types, share, draw)
                report = check(mixed, threads=args.threads)
                flagged = set(report.flagged)
                caught.append(len(flagged & bad) / len(bad))
                wrong.append(len(flagged - bad) / (len(mixed.normals) - len(bad)))
                detail = {"set": name, "share": share, "draw": draw, "caught": caught[-1],
                          "wrong": wrong[-1]}  # fmt: skip
                if draw < args.refits:
                    both = refit(data, mixed, bad, flagged, args.threads)
                    detail["clean_accepted_contaminated"] = both
                    after.append(both)
                details.append(detail)
                print(detail, flush=True)
            row: list[object] = [
                f"{name} {share:.0%}",
                float(np.mean(caught)),
                float(np.mean(wrong)),
            ]
            if after:
                row += np.mean(after, axis=0).round(4).ravel().tolist()
            rows.append(row)
    print_table(["set", "flagged", "clean flagged"], [row[:3] for row in rows])
    return {"rows": rows, "draws": details}


def run_variants(args: argparse.Namespace) -> dict[str, Any]:
    """Every position alone, cookie, tiles, and every pair of positions."""
    positions = sorted((data_root() / "bsdata").iterdir())
    alone = [*positions, data_root() / "cookie", data_root() / "magnetic_tile"]
    rows: list[list[object]] = []
    for folder in alone:
        report = check(_normals([folder]), threads=args.threads)
        rows.append([folder.name, len(report.variants), "-"])
        print(rows[-1], flush=True)
    for pair in itertools.combinations(positions, 2):
        report = check(_normals(pair), threads=args.threads)
        sides = [{key.split("/")[1] for key in keys} for keys in report.variant_keys]
        wrong = "no error" if all(len(side) == 1 for side in sides) else str(sides)
        rows.append([f"{pair[0].name} + {pair[1].name}", len(report.variants), wrong])
        print(rows[-1], flush=True)
    print_table(["set", "variants", "split"], rows)
    return {"rows": rows}


def _normals(folders: Sequence[Path]) -> Dataset:
    """The training normals of several sets as one, keyed by set."""
    records = [
        replace(r, key=f"bsdata/{folder.name}/{r.key}")
        for folder in folders
        for r in read_dataset(folder).normals
    ]
    return Dataset(data_root(), "mvtec", tuple(sorted(records, key=lambda r: r.key)))


def run_confounds(args: argparse.Namespace) -> dict[str, Any]:
    """What is said of the true labels, and how often something is said of random ones."""
    rows: list[list[object]] = []
    folders = [*sorted((data_root() / "bsdata").iterdir()), data_root() / "cookie",
               data_root() / "magnetic_tile"]  # fmt: skip
    for folder in folders:
        data = read_dataset(folder)
        glances, _ = glance_all(data.records, args.threads or 2, lambda *_: None)
        circumstances = circumstances_of(glances)
        labels = np.array([g.record.label == "ng" for g in glances])
        true = find_confounds(circumstances, labels, 0)
        rng = np.random.default_rng(0)
        loud = sum(
            bool(find_confounds(circumstances, rng.permutation(labels), draw))
            for draw in range(args.draws)
        )
        said = ", ".join(f"{c.name} {c.separation:.2f}" for c in true) or "nothing"
        rows.append([folder.name, said, f"{args.draws - loud} of {args.draws}"])
        print(rows[-1], flush=True)
    print_table(["set", "true labels", "silent on random labels"], rows)
    return {"rows": rows}


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("contamination", "variants", "confounds"))
    parser.add_argument("--sets", nargs="+", default=list(TYPES))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--refits", type=int, default=0, help="draws refitted after the proposal")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    run = {
        "contamination": run_contamination,
        "variants": run_variants,
        "confounds": run_confounds,
    }[args.what]
    write_result(args.json, {**run(args), "environment": environment(args.threads)})


if __name__ == "__main__":
    main()
