"""How much shift, rotation and scale the alignment tolerates, measured by moving real pictures.

Each picture's inner part is the reference; the picture is moved as a whole by a known amount,
made darker and noisier, and its inner part is aligned again. A case is a success when every
corner lies within 1 pixel of the truth. The tolerance is the largest step up to which all
smaller steps of all directions succeed too.

    python -m benchmarks.align_tolerance [--json FILE]

Uses a synthetic board, and the photographs that OFFSPEC_DATA names when it is set.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from offspec.align import Aligner
from offspec.images import read_image
from offspec.registration import corner_motion
from offspec.template import AlignSettings
from offspec.types import DoubleArray, ImageArray

SUCCESS_PX = 1.0
SHIFTS = (0.02, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40)  # of the shorter side
ROTATIONS_DEG = (1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 90, 180)
SCALES = (1.02, 1.05, 1.10, 1.15, 1.20, 1.30, 1.40, 1.60)
ALLOWED_ROTATION_DEG = 10.0

Row = dict[str, float | str | int]


def board(seed: int = 0, side: int = 900) -> ImageArray:
    """A synthetic printed board: tracks, pads and holes on a mottled ground."""
    rng = np.random.default_rng(seed)
    ground = rng.normal(70, 8, (side // 6, side // 6, 3)).astype(np.float32)
    picture = np.asarray(cv2.resize(ground, (side, side), interpolation=cv2.INTER_CUBIC))
    for _ in range(160):
        x, y, length = (int(v) for v in rng.integers((0, 0, 20), (side, side, 160)))
        along = (length, 7) if rng.random() < 0.5 else (7, length)
        cv2.rectangle(picture, (x, y), (x + along[0], y + along[1]), (60.0, 160.0, 90.0), -1)
        cv2.circle(picture, (x, y), int(rng.integers(5, 13)), (200.0, 190.0, 120.0), -1)
        cv2.circle(picture, (x, y), 3, (20.0, 20.0, 20.0), -1)
    smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.9), dtype=np.float32)
    eight: ImageArray = np.clip(smooth, 0, 255).astype(np.uint8)
    return eight


def pictures() -> Iterator[tuple[str, ImageArray]]:
    """Names and pictures to move."""
    yield "board (synthetic)", board()
    folder = os.environ.get("OFFSPEC_DATA")
    if not folder:
        return
    for name, pattern in (
        ("bsdata", "bsdata/*/train/good/*"),
        ("deeppcb", "deeppcb/*_temp.jpg"),
        ("cookie", "cookie/train/good/*"),
        ("magnetic_tile", "magnetic_tile/train/good/*"),
    ):
        for path in sorted(Path(folder).glob(pattern))[:1]:
            yield name, read_image(path)


def moved(picture: ImageArray, margin: int, matrix: DoubleArray, seed: int) -> ImageArray:
    """The inner part of the picture after the scene has moved, darker and noisier."""
    h, w = picture.shape[0] - 2 * margin, picture.shape[1] - 2 * margin
    inner = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1]], dtype=np.float64)
    seen = cv2.warpPerspective(
        picture,
        inner @ np.linalg.inv(matrix),
        (w, h),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    noise = np.random.default_rng(seed).normal(0, 3.0, seen.shape)
    image: ImageArray = np.clip(seen * 0.8 + 15 + noise, 0, 255).astype(np.uint8)
    return image


def motion(size_wh: tuple[int, int], x: float, y: float, deg: float, scale: float) -> DoubleArray:
    """Reference to image: turn and scale about the centre, then shift."""
    rows = cv2.getRotationMatrix2D(((size_wh[0] - 1) / 2, (size_wh[1] - 1) / 2), deg, scale)
    return np.vstack([rows + np.array([[0, 0, x], [0, 0, y]]), [0, 0, 1]]).astype(np.float64)


class Bench:
    """One picture, its aligner, and what aligning cost."""

    def __init__(self, picture: ImageArray, allowed_deg: float) -> None:
        self.margin = min(picture.shape[:2]) // 8
        m = self.margin
        self.picture = picture
        reference = picture[m:-m, m:-m].copy()
        self.size_wh = reference.shape[1], reference.shape[0]
        settings = AlignSettings("similarity", max_rotation_deg=allowed_deg)
        self.aligner = Aligner(reference, settings)
        self.errors_px: list[float] = []
        self.times_ms: list[float] = []

    def error_px(self, x: float, y: float, deg: float, scale: float, seed: int) -> float:
        """Largest corner error of one case, in pixels."""
        truth = motion(self.size_wh, x, y, deg, scale)
        image = moved(self.picture, self.margin, truth, seed)
        start = time.perf_counter()
        found = self.aligner.align(image)
        self.times_ms.append(1e3 * (time.perf_counter() - start))
        error = corner_motion(found.matrix, truth, self.size_wh)
        if error < SUCCESS_PX:
            self.errors_px.append(error)
        return error

    def tolerated(self, steps: tuple[float, ...], cases: Callable[[float], list[Motion]]) -> float:
        """The largest step with success in every case, up to and including it; 0 = none."""
        reached = 0.0
        for step in steps:
            errors = [self.error_px(*case, seed=i) for i, case in enumerate(cases(step))]
            if max(errors) >= SUCCESS_PX:
                break
            reached = step
        return reached


Motion = tuple[float, float, float, float]


def measure(name: str, picture: ImageArray) -> Row:
    """One row of the table: what this picture tolerates, and at what cost."""
    bench = Bench(picture, ALLOWED_ROTATION_DEG)
    side = min(bench.size_wh)

    def shifts(step: float) -> list[Motion]:
        ways = [(np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4]
        return [(step * side * x, step * side * y, 0.0, 1.0) for x, y in ways]

    def turns(step: float) -> list[Motion]:
        return [(1.3, -0.7, sign * step, 1.0) for sign in (-1, 1)]

    shift = bench.tolerated(SHIFTS, shifts)
    turn = bench.tolerated(ROTATIONS_DEG, turns)
    scale = bench.tolerated(SCALES, lambda s: [(1.3, -0.7, 0, s), (1.3, -0.7, 0, 1 / s)])
    free = Bench(picture, 180.0).tolerated(ROTATIONS_DEG, turns)
    return {
        "picture": name,
        "width": bench.size_wh[0],
        "height": bench.size_wh[1],
        "shift_px": round(shift * side, 1),
        "shift_share": shift,
        "rotation_deg": turn,
        "rotation_deg_if_180_allowed": free,
        "scale": scale or 1.0,
        "median_error_px": round(float(np.median(bench.errors_px or [np.nan])), 3),
        "p95_error_px": round(float(np.quantile(bench.errors_px or [np.nan], 0.95)), 3),
        "median_ms": round(float(np.median(bench.times_ms)), 1),
        "max_ms": round(max(bench.times_ms), 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure every picture, print the table, and write it when asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args(arguments)
    rows = [measure(name, picture) for name, picture in pictures()]
    print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}, {os.cpu_count()} cores")
    print(f"success: every corner within {SUCCESS_PX:g} px; mode similarity; limits that succeed")
    print(
        f"{'picture':<18}{'size':>11}{'shift':>16}{'turn':>7}{'turn*':>7}{'scale':>7}"
        f"{'error p50':>11}{'p95':>7}{'ms p50':>8}{'max':>7}"
    )
    for row in rows:
        size = f"{row['width']} x {row['height']}"
        shift = f"{row['shift_px']} px = {float(row['shift_share']):.1%}"
        print(
            f"{row['picture']:<18}{size:>11}{shift:>16}{row['rotation_deg']:>7}"
            f"{row['rotation_deg_if_180_allowed']:>7}{row['scale']:>7}"
            f"{row['median_error_px']:>11}{row['p95_error_px']:>7}"
            f"{row['median_ms']:>8}{row['max_ms']:>7}"
        )
    print("turn*: with max_rotation_deg 180; ms includes the fallbacks that hard cases reach")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
