"""How well smart outlines meet masks that people drew, on photographs.

    python -m benchmarks.smart_outline

One click a defect, at its deepest point; one stroke along its longer axis, as wide as its widest
place and a little more. Only the largest defect of an image counts. The tool's settings were chosen
on a third of these images, so that the figures are somewhat flattered.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from offspec.images import read_image
from offspec.masks import polygon_mask
from offspec.overlays import to_eight_bits
from offspec.smart_outline import outline_click, outline_stroke
from offspec.types import BoolArray, PointsXY

LEAST_PX = 9  # smaller masks are not compared
STEP_PX = 8.0  # between the points of a stroke
Point = tuple[float, float]


def pairs(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Kind of defect, image and mask."""
    positions = sorted((root / "bsdata").iterdir())
    for folder in (root / "magnetic_tile", root / "cookie", *positions):
        for mask in sorted(folder.glob("ground_truth/*/*_mask.png")):
            kind = mask.parent.name
            images = (folder / "test" / kind).glob(mask.stem.removesuffix("_mask") + ".*")
            where = "bsdata" if folder in positions else folder.name
            yield from ((f"{where}, {kind}", image, mask) for image in images)


def largest(mask: BoolArray) -> BoolArray:
    """The largest component."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)


def deepest(truth: BoolArray) -> Point:
    """The point farthest from the border."""
    depth = cv2.distanceTransform(truth.astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def stroke_along(truth: BoolArray) -> tuple[list[Point], float]:
    """Points along the longer axis, and the width of the brush."""
    ys, xs = np.nonzero(truth)
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    along, across = (points - points.mean(axis=0)) @ axes.T[:, 0], points @ axes.T[:, 1]
    cuts = np.linspace(along.min(), along.max(), max(2, int(np.ptp(along) / STEP_PX)) + 1)
    way, widths = [], []
    for low, high in pairwise(cuts):
        part = (along >= low) & (along <= high)
        if part.any():
            x, y = points[part].mean(axis=0) + 0.5
            way.append((float(x), float(y)))
            widths.append(float(np.ptp(across[part])))
    return way, max(6.0, 1.25 * max(widths) + 3.0)


def overlap(outlines: list[PointsXY], truth: BoolArray) -> float:
    """Intersection over union."""
    height, width = truth.shape
    mask = polygon_mask(outlines, (height, width))
    return float((mask & truth).sum() / (mask | truth).sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th image of a kind")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    seen: dict[str, int] = defaultdict(int)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind, path, mask_path in pairs(data_root()):
        seen[kind] += 1
        if seen[kind] % args.every:
            continue
        image, mask = to_eight_bits(read_image(path)), read_image(mask_path).max(axis=2) > 127
        if mask.shape != image.shape[:2] or not mask.any():
            continue
        truth = largest(mask)
        if truth.sum() < LEAST_PX:
            continue
        clicked = overlap(outline_click(image, deepest(truth)), truth)
        found[kind].append((clicked, overlap(outline_stroke(image, *stroke_along(truth)), truth)))
    rows = [
        (kind, len(pairs_), *(f"{v:.2f}" for v in np.median(pairs_, axis=0)))
        for kind, pairs_ in sorted(found.items())
    ]
    print_table(("defect", "images", "click", "stroke"), rows)
    write_result(args.json, {"environment": environment(None), "overlap": found})


if __name__ == "__main__":
    main()
