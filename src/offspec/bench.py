"""Speed and memory on this machine: what ``offspec bench`` prints.

Images are drawn, so only times are meaningful here. Start-up and memory are taken in fresh
processes; every latency is a median over many inspections after a warm-up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from offspec.bundle import Bundle, write_bundle
from offspec.errors import RuntimeBackendError
from offspec.fitting import FitConfig, fit
from offspec.images import write_png
from offspec.machine import describe_machine
from offspec.runtime import Inspector
from offspec.template import AlignSettings, Region, new_template, write_template
from offspec.types import FloatArray, ImageArray, Resolution

ProgressCall = Callable[[str, int, int], None]

NORMALS = 25
GRID = (5, 4)  # columns and rows of the 20 regions
STEPS = 6
START_RUNS = 5


def run_bench(
    *, runs: int = 50, threads: int | None = None, progress: ProgressCall | None = None
) -> dict[str, Any]:
    """Run every measurement.

    Args:
        runs: Timed inspections per line.
        threads: CPU threads of the runtime; None = all cores.
        progress: Called with (stage, done, total).

    Returns:
        Machine, versions, and ``rows`` of name, p50, p95, unit and goal.
    """
    rows: list[dict[str, Any]] = []

    def step(done: int) -> None:
        if progress is not None:
            progress("measure", done, STEPS)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = _fit_set(root / "small", 256, threads)
        rows.append(_row("fit of 25 normals, one region of 256", [small[1]], "s", "<= 10"))
        step(1)
        rows += _latency("one region of 256", small, runs, threads, "<= 15")
        step(2)
        large = _fit_set(root / "large", 512, threads, resolution="accurate")
        rows += _latency("one region of 512", large, runs, threads, "<= 60")
        step(3)
        one = _fit_set(root / "one", 512, threads, resolution="fast")
        single = _latency("one region, compressed to 256", one, runs, threads, "")
        many = _fit_set(root / "many", 512, threads, regions=_grid_regions(512))
        twenty = _latency("20 regions of 256, same image", many, runs, threads, "")
        rows += [*single, *twenty]
        step(4)
        rows += _start_up(root, small[0])
        step(5)
        rows += _memory(root, large[0])
        step(6)
    return {
        **describe_machine(threads),
        "runs": runs,
        "rows": rows,
        "ratio_20_to_1": twenty[2]["p50"] / single[2]["p50"],
        "ratio_20_to_1_alignment_apart": twenty[0]["p50"] / single[0]["p50"],
    }


def draw_part(side_px: int, index: int) -> ImageArray:
    """A drawn part with edges, texture and noise; every index is another good part.

    Returns:
        (side, side, 3) uint8 RGB, moved by up to one pixel.
    """
    rng = np.random.default_rng(7)
    yy, xx = np.mgrid[0:side_px, 0:side_px].astype(np.float32) / side_px
    base = 0.45 + 0.15 * np.sin(40 * xx) * np.cos(34 * yy)
    for _ in range(24):
        x, y, w, h = rng.integers(0, side_px, 4)
        far = (int(x + w // 5 + 4), int(y + h // 5 + 4))
        cv2.rectangle(base, (int(x), int(y)), far, float(rng.uniform(0.1, 0.9)), -1)
    own = np.random.default_rng((7, index))
    shift = own.uniform(-1, 1, 2)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64)
    moved = cv2.warpAffine(base, matrix, (side_px, side_px), borderMode=cv2.BORDER_REFLECT)
    noisy: FloatArray = (
        moved[..., None] + own.standard_normal((side_px, side_px, 3), dtype=np.float32) * 0.01
    )
    return np.clip(np.rint(noisy * 255), 0, 255).astype(np.uint8)


def _grid_regions(side_px: int) -> tuple[Region, ...]:
    columns, rows = GRID
    width, height = side_px / columns, side_px / rows
    return tuple(
        Region(
            id=f"r{row * columns + column + 1}",
            name=f"part {row * columns + column + 1}",
            shape="rectangle",
            points_xy=(
                (round(column * width), round(row * height)),
                (round((column + 1) * width), round((row + 1) * height)),
            ),
        )
        for row in range(rows)
        for column in range(columns)
    )


def _fit_set(
    folder: Path,
    side_px: int,
    threads: int | None,
    regions: Sequence[Region] = (),
    resolution: Resolution = "fast",
) -> tuple[Bundle, float, ImageArray]:
    """Draw a set, fit it; returns the bundle, seconds of the fit, and one unseen image."""
    good = folder / "train" / "good"
    good.mkdir(parents=True)
    for index in range(NORMALS):
        write_png(good / f"part_{index:03d}.png", draw_part(side_px, index))
    reference = good / "part_000.png"
    template = new_template(
        reference, regions=regions, alignment=AlignSettings(mode="shift"), mode="pixel"
    )
    chosen = tuple(replace(region, resolution=resolution) for region in template.regions)
    template = replace(template, regions=chosen)
    write_template(good / "template.json", template)
    config = FitConfig(threads=threads)
    start = time.perf_counter()
    bundle = fit(folder, template=good / "template.json", config=config)
    return bundle, time.perf_counter() - start, draw_part(side_px, NORMALS)


def _latency(
    name: str,
    fitted: tuple[Bundle, float, ImageArray],
    runs: int,
    threads: int | None,
    goal: str,
) -> list[dict[str, Any]]:
    """Whole inspection without and with the map, then its stages apart."""
    bundle, _, image = fitted
    inspector = Inspector(bundle, threads=threads)
    inspector.inspect(image)
    totals: list[float] = []
    stages: dict[str, list[float]] = {}
    for _ in range(runs):
        start = time.perf_counter()
        inspection = inspector.inspect(image, with_map=False)
        totals.append(1000 * (time.perf_counter() - start))
        for stage, value in inspection.timing_ms.items():
            stages.setdefault(stage, []).append(value)
    align = stages.get("align", [0.0] * runs)
    apart = [total - value for total, value in zip(totals, align, strict=True)]
    with_map: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        inspector.inspect(image)
        with_map.append(1000 * (time.perf_counter() - start))
    return [
        _row(f"{name}: inspect, alignment apart", apart, "ms", goal),
        _row(f"{name}: alignment", align, "ms", ""),
        _row(f"{name}: inspect, all", totals, "ms", ""),
        _row(f"{name}: inspect, all, with map and mask", with_map, "ms", ""),
    ]


def _start_up(root: Path, bundle: Bundle) -> list[dict[str, Any]]:
    """Import time and a cold ``offspec inspect`` of one image, each in fresh processes."""
    bundle_file, image_file = root / "bench.offspec", root / "bench.png"
    write_bundle(bundle, bundle_file)
    write_png(image_file, draw_part(256, NORMALS))
    imports = [float(_run_python(_IMPORT_CODE)) for _ in range(START_RUNS)]
    runtime = [float(_run_python(_IMPORT_RUNTIME_CODE)) for _ in range(START_RUNS)]
    cold: list[float] = []
    for _ in range(START_RUNS):
        start = time.perf_counter()
        _run_python(_INSPECT_CODE, str(bundle_file), str(image_file))
        cold.append(time.perf_counter() - start)
    return [
        _row("import offspec", imports, "s", "<= 0.3"),
        _row("import offspec.runtime", runtime, "s", ""),
        _row("offspec inspect, cold start, one image", cold, "s", "<= 1.5"),
    ]


def _memory(root: Path, bundle: Bundle) -> list[dict[str, Any]]:
    """Peak memory of a process that inspects one image, and of one that fits 25 normals."""
    bundle_file, image_file = root / "memory.offspec", root / "memory.png"
    write_bundle(bundle, bundle_file)
    write_png(image_file, draw_part(512, NORMALS))
    inspect = json.loads(_run_python(_MEMORY_INSPECT_CODE, str(bundle_file), str(image_file)))
    fitted = json.loads(_run_python(_MEMORY_FIT_CODE, str(root / "large")))
    return [
        _row("peak memory, inspect at 512", [inspect], "MB", ""),
        _row("peak memory, fit of 25 at 512", [fitted], "MB", ""),
    ]


_IMPORT_CODE = """
import time
start = time.perf_counter()
import offspec
print(time.perf_counter() - start)
"""
_IMPORT_RUNTIME_CODE = _IMPORT_CODE.replace("import offspec", "import offspec.runtime")
_INSPECT_CODE = """
import sys
sys.argv = ["offspec", "inspect", *sys.argv[1:], "--quiet"]
from offspec.cli import main
main()
"""
_PEAK = """
from offspec.machine import peak_memory_mb
print(peak_memory_mb())
"""
_MEMORY_INSPECT_CODE = (
    """
import sys
from offspec.images import read_image
from offspec.runtime import Inspector
Inspector(sys.argv[1]).inspect(read_image(sys.argv[2]))
"""
    + _PEAK
)
_MEMORY_FIT_CODE = (
    """
import sys
from offspec.fitting import fit
fit(sys.argv[1])
"""
    + _PEAK
)


def _run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own code and this interpreter
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeBackendError(
            f"A measured process ended with status {done.returncode}: {done.stderr[-500:]}. "
            "It has to finish to be timed. Run the same command by hand to see why."
        )
    return done.stdout.strip()


def _row(name: str, values: Sequence[float], unit: str, goal: str) -> dict[str, Any]:
    p50, p95 = (float(v) for v in np.percentile(values, (50, 95)))
    return {
        "name": name,
        "p50": round(p50, 5),
        "p95": round(p95, 5),
        "unit": unit,
        "goal": goal,
        "n": len(values),
    }
