"""Detectors side by side: one configuration for all sets, one run, one table.

    OFFSPEC_DATA=... python -m benchmarks.methods [--detectors reference patchcore ...]
        [--sets cookie ...] [--seeds 0 1 2] [--resolution auto] [--minutes 5] [--threads 2]
        [--json FILE] [--markdown FILE]

``--minutes`` is the budget of those that train. Every finished row is printed and written at once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import data_root, environment
from benchmarks.real_data import BSDATA, SETS
from offspec.detectors import DETECTORS
from offspec.errors import OffspecError
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit

FIGURES = ("image_auroc", "pixel_auroc", "aupro_30", "aupro_05")
HEADER = ("detector", "set", "image AUROC", "pixel AUROC", "AU-PRO .30", "AU-PRO .05",
          "detected", "false stops", "fit s", "p50 ms", "MB", "runs")  # fmt: skip

Row = dict[str, Any]


def run(root: Path, name: str, config: FitConfig) -> Row:
    """Fit and evaluate one detector on one set with one seed."""
    row: Row = {"detector": config.detector, "set": name, "seed": config.seed}
    start = time.perf_counter()
    try:
        bundle = fit(root / name, config=config)
        row["fit_s"] = time.perf_counter() - start
        metrics = evaluate(bundle, root / name, threads=config.threads).metrics
    except OffspecError as error:
        return {**row, "error": f"[{error.code}] {error}"}
    found, stops = metrics["detection_rate"], metrics["false_stop_rate"]
    return {
        **row,
        **{figure: metrics[figure] for figure in FIGURES},
        "detected": None if found is None else found["value"],
        "false_stops": None if stops is None else stops["value"],
        "p50_ms": metrics["latency_ms"]["p50"],
        "megabytes": sum(len(graph) for graph in bundle.graphs) / 1e6,
        "resolution": config.resolution,
    }


def mean(rows: Sequence[Row], key: str) -> float | None:
    """Of a figure over rows; None where one lacks it."""
    values = [row.get(key) for row in rows]
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def markdown(rows: Sequence[Row]) -> str:
    """The table: bsdata as the mean of its positions, then each set."""
    keys = (*FIGURES, "detected", "false_stops", "fit_s", "p50_ms", "megabytes")
    lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    for detector in dict.fromkeys(row["detector"] for row in rows):
        own = [row for row in rows if row["detector"] == detector]
        places = [("bsdata, mean", [r for r in own if r["set"] in BSDATA])]
        places += [(name, [r for r in own if r["set"] == name]) for name in SETS]
        for name, some in places:
            if not some:
                continue
            errors = [row["error"] for row in some if "error" in row]
            if errors:
                lines.append(f"| {detector} | {name} | {errors[0][:160]} |" + " |" * 9)
                continue
            digits = {"fit_s": 1, "p50_ms": 0, "megabytes": 1}
            cells = [
                "-" if (value := mean(some, key)) is None else f"{value:.{digits.get(key, 3)}f}"
                for key in keys
            ]
            lines.append(f"| {detector} | {name} | " + " | ".join(cells) + f" | {len(some)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--detectors", nargs="+", default=sorted(DETECTORS))
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--backbone", default="bank")
    parser.add_argument("--resolution", default="auto")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    rows: list[Row] = []
    for detector in args.detectors:
        options = {"training": {"minutes": args.minutes}} if DETECTORS[detector].trained else {}
        for name in args.sets:
            for seed in args.seeds:
                config = FitConfig(
                    detector=detector, backbone=args.backbone, resolution=args.resolution,
                    seed=seed, threads=args.threads, options=options,
                )  # fmt: skip
                rows.append(run(data_root(), name, config))
                print(json.dumps(rows[-1]), flush=True)
                if args.json is not None:
                    payload = {"environment": environment(args.threads), "rows": rows}
                    args.json.write_text(json.dumps(payload, indent=1) + "\n")
    print(markdown(rows))
    if args.markdown is not None:
        args.markdown.write_text(markdown(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
