"""Is training worth it: each detector trained, the same network untrained, and raw pixels.

    OFFSPEC_DATA=... python -m benchmarks.trained [--set bsdata/395000_270] [--minutes 2]
        [--detectors flow student ...] [--states untrained trained] [--threads 2] [--json FILE]

Untrained means one step at a learning rate of 1e-12: seeded weights, with everything else (mean,
spread, scales, calibration) learned as usual. Raw pixels are ``benchmarks.variation``: mean and
tolerance per pixel.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.common import data_root, environment, print_table, write_result
from benchmarks.variation import NAME, VariationDetector, registered_detector
from offspec.detectors import DETECTORS
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit

FIGURES = ("image_auroc", "pixel_auroc", "aupro_30", "aupro_05")
UNTRAINED = {"steps": 1, "learning_rate": 1e-12, "check_every": 1}
TRAINED = tuple(sorted(name for name, one in DETECTORS.items() if one.trained))


def figures(folder: Path, config: FitConfig) -> dict[str, Any]:
    """Fit and evaluate."""
    found = evaluate(fit(folder, config=config), folder, threads=config.threads).metrics
    return {name: found[name] for name in FIGURES}


def rows_of(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Raw pixels, then each detector in each state."""
    folder = data_root() / args.set
    plain = {"resolution": "fast", "seed": args.seed, "threads": args.threads}
    with registered_detector(NAME, VariationDetector):
        config = FitConfig(detector=NAME, **plain)
        rows = [{"detector": "raw pixels", "state": "", **figures(folder, config)}]
    for name in args.detectors:
        for state in args.states:
            training = UNTRAINED if state == "untrained" else {"minutes": args.minutes}
            config = FitConfig(detector=name, options={"training": training}, **plain)
            rows.append({"detector": name, "state": state, **figures(folder, config)})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--set", default="bsdata/395000_270")
    parser.add_argument("--detectors", nargs="+", default=list(TRAINED), choices=TRAINED)
    states = ("untrained", "trained")
    parser.add_argument("--states", nargs="+", default=list(states), choices=states)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = rows_of(args)
    print_table(list(rows[0]), [list(row.values()) for row in rows])
    write_result(args.json, {"environment": environment(args.threads), "rows": rows})


if __name__ == "__main__":
    main()
