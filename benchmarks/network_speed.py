"""Milliseconds of one crop through each backbone alone, in ONNX Runtime on the CPU.

    python -m benchmarks.network_speed [--threads 2] [--runs 100] [--profile] [--json FILE]

Crops of 256 and 512 pixels, one at a time. Runs of all backbones take turns, so that a busy
moment of the machine meets all of them. ``--profile`` adds the time by operator (measuring makes
each a little slower). Goals: the nano network at 256 at most 2.5 ms on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.common import environment, print_table, write_result
from offspec import graphs
from offspec.backbones import BACKBONES, make_backbone
from offspec.types import FloatArray

SIDES = (256, 512)
WARM_UP = 10


def session_of(
    name: str, side: int, threads: int, profile: Path | None = None
) -> ort.InferenceSession:
    """A session on one backbone alone, as the shipped graphs are run."""
    model = graphs.build_features((side, side), lambda crop: [make_backbone(name).build(crop)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    # threads of a session that rests would otherwise spin and slow the one being measured
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile / name)
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def crop_of(side: int) -> FloatArray:
    """(1, 3, side, side) noise; what is shown does not change the time."""
    return np.random.default_rng(0).random((1, 3, side, side), np.float32)


def timings(names: list[str], side: int, threads: int, runs: int) -> dict[str, list[float]]:
    """Milliseconds of every run by backbone."""
    sessions = {name: session_of(name, side, threads) for name in names}
    crop = crop_of(side)
    for session in sessions.values():
        for _ in range(WARM_UP):
            session.run(None, {"crop": crop})
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(runs):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(None, {"crop": crop})
            found[name].append(1000 * (time.perf_counter() - start))
    return found


def operator_times(name: str, side: int, threads: int, runs: int) -> dict[str, float]:
    """Milliseconds of one run by operator, the slowest first."""
    with tempfile.TemporaryDirectory() as folder:
        session = session_of(name, side, threads, Path(folder))
        for _ in range(runs):
            session.run(None, {"crop": crop_of(side)})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    totals: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            totals[event["args"]["op_name"]] += event["dur"] / 1000 / runs
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def measure(threads: int, runs: int, *, profile: bool) -> list[dict[str, Any]]:
    """One row per side and backbone."""
    rows: list[dict[str, Any]] = []
    for side in SIDES:
        for name, ms in timings(sorted(BACKBONES), side, threads, runs).items():
            row: dict[str, Any] = {
                "backbone": name,
                "side": side,
                "median_ms": float(np.median(ms)),
                "p95_ms": float(np.percentile(ms, 95)),
                "min_ms": min(ms),
            }
            if profile:
                row["operators_ms"] = operator_times(name, side, threads, runs)
            rows.append(row)
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    rows = measure(args.threads, args.runs, profile=args.profile)
    print_table(
        ["backbone", "side", "median ms", "p95 ms", "least ms"],
        [
            [r["backbone"], r["side"], *(f"{r[k]:.2f}" for k in ("median_ms", "p95_ms", "min_ms"))]
            for r in rows
        ],
    )
    for row in rows if args.profile else ():
        parts = ", ".join(f"{k} {v:.2f}" for k, v in row["operators_ms"].items())
        print(f"{row['backbone']} {row['side']}: {parts}")
    payload = {
        "benchmark": "network_speed",
        **environment(args.threads),
        "load_before": load,
        "runs": args.runs,
        "rows": rows,
    }
    write_result(args.json, payload)


if __name__ == "__main__":
    main()
