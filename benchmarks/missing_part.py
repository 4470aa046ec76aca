"""Logical defects: who finds something missing that leaves a good look in its place?

    OFFSPEC_DATA=... python -m benchmarks.missing_part [--set plate | thread] [--minutes 2]
        [--methods ...] [--threads 2] [--json FILE]

``plate`` is drawn: studs on a cast plate, one of them left out, so that plain plate is seen, which
is all around as well. ``thread`` is photographed: on every image of bsdata a dark mark lies on the
thread at one place; in copies of good test images it is covered with metal from further along. In
both nothing foreign is in the picture.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit
from offspec.images import read_image, write_png
from offspec.types import BoolArray, ImageArray

POSITION = "395000_270"
MARK_XY = ((462, 336), (688, 288), (688, 346), (462, 396))  # corners around the mark, pixels
ALONG_XY = (-245, 60)  # from the mark to plain metal of the same thread
SOFT_PX = 9.0
PLATE_PX, STUD_PX = 256, 13
STUDS_XY = ((60, 70), (128, 52), (200, 76), (70, 186), (150, 150), (206, 190))
FIGURES = ("image_auroc", "pixel_auroc", "aupro_30", "aupro_05")
METHODS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "patchcore without position": ("patchcore", {"search": "global"}),
    "patchcore": ("patchcore", {}),
    "padim": ("padim", {}),
    "reference": ("reference", {}),
    "student": ("student", {}),
}


def covered(image: ImageArray) -> tuple[ImageArray, BoolArray]:
    """The image without its mark, and (H, W) where it was; light is matched around it."""
    height, width = image.shape[:2]
    pixels = image.astype(np.float32)
    matrix = np.array([[1, 0, -ALONG_XY[0]], [0, 1, -ALONG_XY[1]]], np.float64)
    metal = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [np.array(MARK_XY, np.int32)], 1.0)
    wide, narrow = (cv2.dilate(mask, np.ones((side, side), np.uint8)) for side in (41, 15))
    ring = (wide - narrow)[..., None] > 0.5
    light = (pixels * ring).sum(axis=(0, 1)) / (metal * ring).sum(axis=(0, 1))
    soft = cv2.GaussianBlur(mask, (0, 0), SOFT_PX)[..., None]
    found = pixels * (1 - soft) + metal * light * soft
    return np.clip(np.rint(found), 0, 255).astype(np.uint8), mask > 0


def write_mask(path: Path, where: BoolArray) -> None:
    """White where something is missing."""
    write_png(path, np.repeat(255 * where.astype(np.uint8)[..., None], 3, axis=2))


def plate(index: int, missing: int | None = None) -> tuple[ImageArray, BoolArray]:
    """A plate with studs, each plate with a surface of its own; (H, W) where one is missing."""
    rng = np.random.default_rng((11, index))
    light = 1 + 0.03 * rng.standard_normal()
    pixels = np.full((PLATE_PX, PLATE_PX), 0.45, np.float32)
    for sigma, amount in ((24.0, 0.012), (5.0, 0.015), (1.2, 0.02)):
        noise = rng.standard_normal(pixels.shape).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
        pixels += amount * smooth / smooth.std()
    gone = np.zeros(pixels.shape, np.uint8)
    for number, (x, y) in enumerate(STUDS_XY):
        moved = rng.normal(0, 0.4, 2)
        if number == missing:
            cv2.circle(gone, (x, y), STUD_PX, 1, -1)
            continue
        for radius, level in ((STUD_PX, 0.30), (STUD_PX - 3, 0.72), (STUD_PX // 3, 0.55)):
            centre = (round(16 * (x + moved[0])), round(16 * (y + moved[1])))
            cv2.circle(pixels, centre, 16 * radius, level, -1, cv2.LINE_AA, 4)
    pixels = light * cv2.GaussianBlur(pixels, (0, 0), 0.8)
    pixels += rng.normal(0, 0.006, pixels.shape)
    grey = np.clip(np.rint(255 * pixels), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), gone > 0


def make_plates(folder: Path) -> Path:
    """Forty plates to learn from, twenty good and twenty incomplete ones to test with."""
    names = ("train/good", "test/good", "test/missing", "ground_truth/missing")
    train, good, bad, truth = (folder / name for name in names)
    for one in (train, good, bad, truth):
        one.mkdir(parents=True)
    for index in range(40):
        write_png(train / f"{index:03}.png", plate(index)[0])
    for index in range(100, 120):
        write_png(good / f"{index:03}.png", plate(index)[0])
        image, where = plate(index + 100, missing=index % len(STUDS_XY))
        write_png(bad / f"{index:03}.png", image)
        write_mask(truth / f"{index:03}_mask.png", where)
    return folder


def make_threads(folder: Path) -> Path:
    """Normals and good test images of a position, and copies with the mark covered."""
    source = data_root() / "bsdata" / POSITION
    shutil.copytree(source / "train", folder / "train")
    shutil.copytree(source / "test" / "good", folder / "test" / "good")
    missing, truth = folder / "test" / "missing", folder / "ground_truth" / "missing"
    missing.mkdir(parents=True)
    truth.mkdir(parents=True)
    for path in sorted((source / "test" / "good").iterdir()):
        image, where = covered(read_image(path))
        write_png(missing / f"{path.stem}.png", image)
        write_mask(truth / f"{path.stem}_mask.png", where)
    return folder


def run(folder: Path, name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Fit one method and measure it."""
    detector, options = METHODS[name]
    if detector == "student":
        options = {**options, "training": {"minutes": args.minutes}}
    config = FitConfig(
        detector=detector, options=options, resolution="fast", threads=args.threads, seed=args.seed
    )
    start = time.perf_counter()
    bundle = fit(folder, config=config)
    seconds = time.perf_counter() - start
    found = evaluate(bundle, folder, threads=args.threads).metrics
    row = {"method": name, **{figure: found[figure] for figure in FIGURES}}
    rates = {k: found[k]["value"] for k in ("detection_rate", "false_stop_rate")}
    return {**row, **rates, "fit_s": round(seconds, 1)}


def main() -> None:
    """Cover, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--set", default="plate", choices=("plate", "thread"))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        make = make_plates if args.set == "plate" else make_threads
        folder = make(Path(name) / "set")
        for method in args.methods:
            rows.append(run(folder, method, args))
            print(rows[-1], flush=True)
    print_table(list(rows[0]), [list(row.values()) for row in rows])
    write_result(args.json, {"environment": environment(args.threads), "rows": rows})


if __name__ == "__main__":
    main()
