"""DeepPCB: one template per test image, nothing else learned, one pixel threshold for all pairs.

    OFFSPEC_DATA=... python -m benchmarks.deeppcb [--limit N] [--json FILE]

The bundle is fitted on the template image alone. Its map is cut at one shipped threshold, the
same for all pairs and chosen without any test image (``fitting.ONE_REFERENCE_LEVEL`` says how).
A component (8-connected, at least ``--min-area`` pixels) is *true* when at least half of its area
lies inside boxes grown by 5 px, else *false*; a defect is found when a true component overlaps its
annotated box. "Pixels outside" is the share of all pixels that are flagged and lie outside the
annotated (not grown) boxes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from offspec.fitting import ONE_REFERENCE_LEVEL, FitConfig, fit
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.types import BoolArray, FloatArray

GROW_PX = 5
KINDS = {1: "open", 2: "short", 3: "mousebite", 4: "spur", 5: "copper", 6: "pin-hole"}
SWEEP = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Box:
    """One annotated defect: corners in pixels, the far ones exclusive, and its kind."""

    x0: int
    y0: int
    x1: int
    y1: int
    kind: int


@dataclass(frozen=True, slots=True)
class PairScore:
    """Counts of one test image at one threshold."""

    found: tuple[bool, ...]
    false_components: int
    outside_px: int
    pixels: int


def read_boxes(path: Path) -> tuple[Box, ...]:
    """Read ``x1 y1 x2 y2 type`` lines; corners come in any order."""
    boxes = []
    for line in path.read_text().splitlines():
        if line.strip():
            xa, ya, xb, yb, kind = (int(word) for word in line.split())
            boxes.append(Box(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb), kind))
    return tuple(boxes)


def box_mask(boxes: Sequence[Box], size_hw: tuple[int, int], grow_px: int = 0) -> BoolArray:
    """True inside any box, each grown on every side."""
    mask = np.zeros(size_hw, np.bool_)
    for box in boxes:
        rows = slice(max(box.y0 - grow_px, 0), box.y1 + grow_px)
        mask[rows, max(box.x0 - grow_px, 0) : box.x1 + grow_px] = True
    return mask


def score_mask(flagged: BoolArray, boxes: Sequence[Box], min_area_px: int) -> PairScore:
    """Apply the protocol to one flagged mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        flagged.astype(np.uint8), connectivity=8
    )
    area = stats[:, cv2.CC_STAT_AREA]
    grown = box_mask(boxes, flagged.shape, GROW_PX)
    inside = np.bincount(labels[grown], minlength=count)
    kept = area >= min_area_px
    kept[0] = False
    true = kept & (2 * inside >= area)
    flagged_true = true[labels]
    drawn = kept[labels]
    found = tuple(bool(flagged_true[b.y0 : b.y1, b.x0 : b.x1].any()) for b in boxes)
    outside = int((drawn & ~box_mask(boxes, flagged.shape)).sum())
    return PairScore(found, int((kept & ~true).sum()), outside, flagged.size)


def summary(scores: Sequence[PairScore]) -> dict[str, float]:
    """Recall, false components an image, share of pixels flagged outside boxes."""
    defects = sum(len(score.found) for score in scores)
    return {
        "recall": sum(sum(score.found) for score in scores) / defects,
        "false_components_per_image": sum(s.false_components for s in scores) / len(scores),
        "outside_share": sum(s.outside_px for s in scores) / sum(s.pixels for s in scores),
        "defects": defects,
        "images": len(scores),
    }


def pair_map(template: Path, test: Path, config: FitConfig) -> FloatArray:
    """Fit on one template image alone and return the raw map of the test image."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(template, Path(folder) / template.name)
        bundle = fit(Path(folder), config=config)
    inspection = Inspector(bundle, threads=config.threads).inspect(read_image(test))
    values = inspection.anomaly_map
    if values is None:  # an invalid image finds nothing and stays in every denominator
        values = np.zeros(read_image(test).shape[:2], np.float32)
    return values


def recall_by_kind(
    scores: Sequence[PairScore], boxes: Sequence[Sequence[Box]]
) -> list[list[object]]:
    """Rows of (kind, defects, recall)."""
    rows: list[list[object]] = []
    for kind, name in KINDS.items():
        hits = [
            hit
            for score, group in zip(scores, boxes, strict=True)
            for hit, box in zip(score.found, group, strict=True)
            if box.kind == kind
        ]
        rows.append([name, len(hits), float(np.mean(hits)) if hits else None])
    return rows


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="only the first N pairs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threshold", type=float, help="default: the shipped one")
    parser.add_argument("--min-area", type=int, default=4, help="smallest component, pixels")
    parser.add_argument("--resolution", default="accurate")
    parser.add_argument("--smallest-defect", type=float, default=8.0)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    config = FitConfig(
        mode="pixel",
        resolution=args.resolution,
        smallest_defect=args.smallest_defect,
        align="homography",
        threads=args.threads,
    )
    pairs = sorted((data_root() / "deeppcb").glob("*_test.jpg"))[: args.limit]
    threshold = ONE_REFERENCE_LEVEL if args.threshold is None else args.threshold
    boxes: list[tuple[Box, ...]] = []
    at: dict[float, list[PairScore]] = {factor: [] for factor in SWEEP}
    start = time.perf_counter()
    for test in pairs:
        stem = test.name.removesuffix("_test.jpg")
        boxes.append(read_boxes(test.with_name(f"{stem}.txt")))
        values = pair_map(test.with_name(f"{stem}_temp.jpg"), test, config)
        for factor in SWEEP:
            flagged = values > factor * threshold
            at[factor].append(score_mask(flagged, boxes[-1], args.min_area))
    seconds = time.perf_counter() - start
    shipped = summary(at[1.0])
    print(
        f"{len(pairs)} pairs, one shipped threshold {threshold:g}, "
        f"{seconds / len(pairs):.2f} s a pair"
    )
    print_table(
        ["", "recall", "false comp./image", "pixels outside"],
        [
            [
                "shipped" if factor == 1.0 else f"x {factor:g} (for scale)",
                *(summary(scores)[key] for key in list(shipped)[:3]),
            ]
            for factor, scores in at.items()
        ],
    )
    kinds = recall_by_kind(at[1.0], boxes)
    print_table(["kind", "defects", "recall"], kinds)
    payload = {
        "environment": environment(args.threads),
        "threshold": threshold,
        "min_area_px": args.min_area,
        "shipped": shipped,
        "sweep": {str(factor): summary(scores) for factor, scores in at.items()},
        "by_kind": {str(name): {"defects": n, "recall": r} for name, n, r in kinds},
        "seconds": seconds,
    }
    write_result(args.json, payload)


if __name__ == "__main__":
    main()
