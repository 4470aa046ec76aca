"""Fit and evaluate on real photographs: five bsdata positions, magnetic_tile, cookie.

    OFFSPEC_DATA=... python -m benchmarks.real_data [SET ...] [--json FILE] [--reports DIR]

One configuration for all sets; the threshold comes from normals only; maps are compared with
masks at original resolution. Image AUROC on bsdata is confounded with time and printed for
completeness only.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from offspec.errors import OffspecError
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit

BSDATA = tuple(
    f"bsdata/{name}"
    for name in ("277500_315", "332500_225", "395000_270", "585000_090", "597500_315")
)
SETS = (*BSDATA, "magnetic_tile", "cookie")
MEANS = ("aupro_30", "aupro_05", "pixel_auroc", "pixel_ap", "seg_f1", "iou")


def run_set(root: Path, name: str, config: FitConfig, reports: Path | None) -> dict[str, Any]:
    """Fit, evaluate, and return one row of figures."""
    start = time.perf_counter()
    bundle = fit(root / name, config=config)
    fit_s = time.perf_counter() - start
    start = time.perf_counter()
    result = evaluate(bundle, root / name, threads=config.threads)
    evaluate_s = time.perf_counter() - start
    if reports is not None:
        from offspec.pages.evaluation_page import write_evaluation_report  # noqa: PLC0415

        reports.mkdir(parents=True, exist_ok=True)
        write_evaluation_report(reports / f"{name.replace('/', '_')}.html", bundle, result)
    tested = result.metrics["images_tested"]
    invalid = result.metrics["invalid"]
    total = tested["normal"] + tested["defect"]
    return {
        "set": name,
        "fit_s": round(fit_s, 2),
        "evaluate_s": round(evaluate_s, 2),
        "invalid_share": (invalid["normal"] + invalid["defect"]) / total,
        "alignment": bundle.manifest.template.alignment.mode,
        **result.metrics,
        "reasons": result.reasons,
        "images": [item.to_dict() for item in result.items],
    }


def table(rows: list[dict[str, Any]]) -> None:
    """Print the figures side by side."""
    header = [
        "set", "AUPRO.30", "AUPRO.05", "pxAUROC", "pxAP", "segF1", "IoU", "imAUROC", "detected",
        "false stops", "status", "invalid", "fit s", "p50 ms",
    ]  # fmt: skip
    lines: list[list[object]] = []
    for row in rows:
        if "error" in row:
            lines.append([row["set"], row["error"], *[None] * (len(header) - 2)])
            continue
        found, stops = row["detection_rate"], row["false_stop_rate"]
        lines.append(
            [
                row["set"],
                row["aupro_30"],
                row["aupro_05"],
                row["pixel_auroc"],
                row["pixel_ap"],
                row["seg_f1"],
                row["iou"],
                row["image_auroc"],
                None if found is None else f"{found['value']:.2f}/{found['n']}",
                None if stops is None else f"{stops['value']:.2f}/{stops['n']}",
                row["threshold_status"],
                row["invalid_share"],
                row["fit_s"],
                row["latency_ms"]["p50"],
            ]
        )
    print_table(header, lines)


def means(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means over the bsdata positions that have the figure."""
    chosen = [row for row in rows if row["set"] in BSDATA and "error" not in row]
    return {
        key: float(np.mean([row[key] for row in chosen if row[key] is not None]))
        for key in MEANS
        if any(row[key] is not None for row in chosen)
    }


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--reports", type=Path, help="folder for HTML reports")
    parser.add_argument("--detector", default="reference")
    parser.add_argument("--backbone", default="bank")
    parser.add_argument("--resolution", default="auto")
    parser.add_argument("--align", default="auto")
    parser.add_argument("--false-alarm-rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    root = data_root()
    config = FitConfig(
        detector=args.detector,
        backbone=args.backbone,
        resolution=args.resolution,
        align=args.align,
        false_alarm_rate=args.false_alarm_rate,
        seed=args.seed,
        threads=args.threads,
    )
    rows: list[dict[str, Any]] = []
    for name in args.sets or SETS:
        try:
            rows.append(run_set(root, name, config, args.reports))
        except OffspecError as error:
            rows.append({"set": name, "error": f"[{error.code}] {error}"})
        table(rows[-1:])
    print()
    table(rows)
    averages = means(rows)
    print("bsdata means:", ", ".join(f"{key} {value:.4f}" for key, value in averages.items()))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak_mb:.0f} MB")
    payload = {
        "environment": environment(args.threads),
        "seed": args.seed,
        "rows": rows,
        "bsdata_means": averages,
        "peak_memory_mb": peak_mb,
    }
    write_result(args.json, payload)


if __name__ == "__main__":
    main()
