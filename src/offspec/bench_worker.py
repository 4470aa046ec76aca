"""One stage of one measured run, in a process of its own: its peak memory is its own then.

    python -m offspec.bench_worker fit | inspect JOB.json

The job is written by ``bench_methods``; the result goes to ``STAGE.json`` in the job's folder.
An error of ours is a result as well: ``{"error": {"code": ..., "message": ...}}``.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from offspec.augment import Augmentation
from offspec.bundle import read_bundle, write_bundle
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.errors import OffspecError
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit
from offspec.images import read_image
from offspec.machine import peak_memory_mb
from offspec.runtime import Inspector

FIGURES = ("image_auroc", "pixel_auroc", "aupro_30", "aupro_05")
TIMED = 40  # test images inspected one by one for latency and memory, before the figures
WARM_UP = 2

Job = dict[str, Any]


def sampled(root: Path, *, seed: int, normals: int | None, tests: int | None) -> Dataset:
    """A dataset, or a fixed sample of it.

    Args:
        root: The folder.
        seed: Of a split that has to be drawn; the sample itself is the same for every seed.
        normals: Training images to keep, None = all.
        tests: Test images to keep, good and defective in their proportion, None = all.

    Raises:
        OffspecError: A subclass that says what is wrong with the folder.
    """
    whole = read_dataset(root, seed=seed)
    good = [r for r in whole.test if r.label == "ok"]
    bad = [r for r in whole.test if r.label != "ok"]
    train = _some(whole.normals, normals)
    if tests is not None and tests < len(whole.test):
        share = tests / len(whole.test)
        good = _some(good, max(round(share * len(good)), 1))
        bad = _some(bad, max(tests - len(good), 1))
    kept = {record.key for record in (*train, *good, *bad)}
    return replace(whole, records=tuple(r for r in whole.records if r.key in kept))


def _some(records: Sequence[ImageRecord], count: int | None) -> list[ImageRecord]:
    """So many of the records, in their order, drawn with seed 0."""
    if count is None or count >= len(records):
        return list(records)
    chosen = np.random.default_rng(0).choice(len(records), count, replace=False)
    return [records[at] for at in sorted(chosen.tolist())]


def run_fit(job: Job) -> Job:
    """Fit and write the bundle; seconds without the start of Python and its imports."""
    data = _dataset(job)
    start = time.perf_counter()
    varied = Augmentation(**job["config"]["augmentation"])
    config = FitConfig(**{**job["config"], "augmentation": varied})
    bundle = fit(data, config=config)
    seconds = time.perf_counter() - start
    memory = peak_memory_mb()
    path = Path(job["folder"], "run.offspec")
    write_bundle(bundle, path)
    trained = [re.search(r"and (\d+) steps", note) for note in bundle.manifest.notes]
    steps = [int(found[1]) for found in trained if found]
    return {
        "fit_s": seconds,
        "memory_fit_mb": memory,
        "bundle_mb": path.stat().st_size / 1e6,
        "steps": max(steps, default=None),
        "normals": len(data.normals),
        "alignment": bundle.manifest.template.alignment.mode,
        "kinds": sorted(set(bundle.manifest.detector["kinds"].values())),
    }


def run_inspect(job: Job) -> Job:
    """Latency and memory of plain inspection first, then the figures on all test images."""
    data, threads = _dataset(job), job["config"]["threads"]
    bundle = read_bundle(Path(job["folder"], "run.offspec"))
    inspector = Inspector(bundle, threads=threads)
    times: list[float] = []
    records = list(data.test)[:TIMED]
    for record in [*records[:WARM_UP], *records]:
        image = read_image(record.path)
        start = time.perf_counter()
        inspector.inspect(image)
        times.append(1000 * (time.perf_counter() - start))
    memory = peak_memory_mb()
    metrics = evaluate(bundle, data, threads=threads).metrics
    found, stops = metrics["detection_rate"], metrics["false_stop_rate"]
    invalid = metrics["invalid"]
    return {
        **{name: metrics[name] for name in FIGURES},
        "detection_rate": None if found is None else found["value"],
        "false_stop_rate": None if stops is None else stops["value"],
        "invalid": invalid["normal"] + invalid["defect"],
        "test_images": len(data.test),
        **percentiles(times[min(WARM_UP, len(records)) :]),
        "memory_inspect_mb": memory,
    }


def percentiles(times_ms: Sequence[float]) -> Job:
    """Median and 95th percentile under the names of a row."""
    p50, p95 = np.percentile(np.asarray(times_ms, np.float64), (50, 95))
    return {"latency_p50_ms": float(p50), "latency_p95_ms": float(p95)}


def _dataset(job: Job) -> Dataset:
    return sampled(
        Path(job["dataset"]),
        seed=job["config"]["seed"],
        normals=job["normals"],
        tests=job["tests"],
    )


STAGES: dict[str, Callable[[Job], Job]] = {"fit": run_fit, "inspect": run_inspect}


def main() -> None:
    """Run one stage of a job."""
    stage, path = sys.argv[1], Path(sys.argv[2])
    job = json.loads(path.read_text(encoding="utf-8"))
    try:
        result = STAGES[stage](job)
    except OffspecError as error:
        result = {"error": {"code": error.code, "message": str(error)}}
    path.with_name(f"{stage}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
