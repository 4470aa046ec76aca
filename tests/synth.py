"""Tiny synthetic parts and datasets, shared by every test.

The part is a fixed drawing: a plate with a frame, a disc, two bars and a row of pins. A seed
changes the noise only, so two seeds are two photographs of equal parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.annotations import Annotation, DefectShape, mask_polygons, write_annotation
from offspec.images import write_png
from offspec.types import BoolArray, ImageArray, Split

Flaw = Literal["none", "blot", "scratch", "missing"]
FLAWS: tuple[Flaw, ...] = tuple(f for f in get_args(Flaw) if f != "none")
SIZE_HW = (96, 128)


def part_image(
    seed: int = 0,
    size_hw: tuple[int, int] = SIZE_HW,
    shift_xy: tuple[float, float] = (0.0, 0.0),
    defect: Flaw = "none",
    *,
    bits: int = 8,
    noise: float = 0.01,
    gain: float = 1.0,
) -> ImageArray:
    """Draw one part.

    Args:
        seed: Seed of the sensor noise.
        size_hw: Height and width in pixels.
        shift_xy: How far the part lies right and down of its place, in pixels, fractions allowed.
        defect: A dark ``blot``, a bright thin ``scratch``, a ``missing`` disc, or ``none``.
        bits: 8 gives uint8; 10 to 16 give uint16 filled up to that many bits.
        noise: Standard deviation of the noise, as a fraction of full scale.
        gain: Factor on the light.

    Returns:
        (H, W, 3) RGB.
    """
    drawing = _drawing(size_hw, with_disc=defect != "missing")
    if defect in {"blot", "scratch"}:
        colour = 0.05 if defect == "blot" else 0.98
        drawing[defect_mask(size_hw, defect)] = colour
    placed = _shifted(drawing, shift_xy) * gain
    placed += np.random.default_rng(seed).normal(0.0, noise, placed.shape)
    top = (1 << bits) - 1
    scaled: NDArray[np.float32] = np.rint(np.clip(placed, 0.0, 1.0) * top)
    if bits == 8:
        return scaled.astype(np.uint8)
    return scaled.astype(np.uint16)


def defect_mask(
    size_hw: tuple[int, int] = SIZE_HW,
    defect: Flaw = "blot",
    shift_xy: tuple[float, float] = (0.0, 0.0),
) -> BoolArray:
    """(H, W) bool, True where ``part_image`` with the same arguments differs from a good part."""
    height, width = size_hw
    canvas = np.zeros(size_hw, np.float32)
    if defect == "blot":
        centre = (round(width * 0.7), round(height * 0.3))
        cv2.circle(canvas, centre, max(2, min(size_hw) // 14), (1.0,), -1)
    elif defect == "scratch":
        start = (round(width * 0.55), round(height * 0.75))
        cv2.line(canvas, start, (round(width * 0.85), round(height * 0.6)), (1.0,), 1)
    elif defect == "missing":
        cv2.circle(canvas, *_disc(size_hw), (1.0,), -1)
    mask: BoolArray = _shifted(canvas, shift_xy) > 0.5
    return mask


def _disc(size_hw: tuple[int, int]) -> tuple[tuple[int, int], int]:
    height, width = size_hw
    return (round(width * 0.28), round(height * 0.5)), max(3, min(size_hw) // 6)


def _drawing(size_hw: tuple[int, int], *, with_disc: bool) -> NDArray[np.float32]:
    height, width = size_hw
    image = np.full((height, width, 3), (0.45, 0.5, 0.48), np.float32)
    edge = max(2, min(size_hw) // 16)
    cv2.rectangle(image, (edge, edge), (width - edge, height - edge), (0.25, 0.35, 0.3), edge // 2)
    if with_disc:
        cv2.circle(image, *_disc(size_hw), (0.8, 0.7, 0.35), -1)
    left, right = round(width * 0.5), round(width * 0.9)
    for share in (0.2, 0.4):
        top = round(height * share)
        cv2.rectangle(image, (left, top), (right, top + edge), (0.7, 0.72, 0.75), -1)
    for i in range(6):
        x = left + round(i * (right - left) / 6)
        cv2.rectangle(
            image, (x, round(height * 0.8)), (x + edge // 2, round(height * 0.9)), (0.9,) * 3, -1
        )
    return image


def _shifted(image: NDArray[np.float32], shift_xy: tuple[float, float]) -> NDArray[np.float32]:
    if shift_xy == (0.0, 0.0):
        return image
    matrix = np.array([[1, 0, shift_xy[0]], [0, 1, shift_xy[1]]], np.float64)
    size_wh = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix, size_wh, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def write_mvtec(
    root: Path,
    *,
    normals: int = 6,
    test_good: int = 2,
    flaws: tuple[Flaw, ...] = ("blot", "scratch"),
    per_flaw: int = 1,
    size_hw: tuple[int, int] = SIZE_HW,
    masks: bool = True,
    bits: int = 8,
) -> Path:
    """``train/good``, ``test/<type>``, ``ground_truth/<type>/<stem>_mask.png``; returns root."""
    for i in range(normals):
        write_part(root / "train/good" / f"{i:03}.png", part_image(i, size_hw, bits=bits))
    for i in range(test_good):
        write_part(root / "test/good" / f"{i:03}.png", part_image(100 + i, size_hw, bits=bits))
    for flaw in flaws:
        for i in range(per_flaw):
            image = part_image(200 + i, size_hw, defect=flaw, bits=bits)
            write_part(root / "test" / flaw / f"{i:03}.png", image)
            if masks:
                mask_path = root / "ground_truth" / flaw / f"{i:03}_mask.png"
                write_part(mask_path, defect_mask(size_hw, flaw))
    return root


def write_sidecars(
    root: Path,
    *,
    normals: int = 6,
    test_good: int = 2,
    flaws: tuple[Flaw, ...] = ("blot", "scratch"),
    unlabelled: int = 0,
    size_hw: tuple[int, int] = SIZE_HW,
    with_split: bool = True,
) -> Path:
    """Images with our annotation files beside them; returns root.

    ``ok_*`` are defect-free (the first ``normals`` of them train), ``ng_<flaw>`` carry polygons,
    ``new_*`` have no annotation.
    """
    for i in range(normals + test_good):
        split: Split = "train" if i < normals else "test"
        path = root / f"ok_{i:03}.png"
        write_part(path, part_image(i, size_hw))
        write_annotation(
            path.with_suffix(".json"),
            Annotation(
                path.name, size_hw[::-1], defect_free=True, split=split if with_split else None
            ),
        )
    for flaw in flaws:
        path = root / f"ng_{flaw}.png"
        write_part(path, part_image(200, size_hw, defect=flaw))
        outlines = mask_polygons(defect_mask(size_hw, flaw))
        defects = tuple(DefectShape(flaw, outline) for outline in outlines)
        write_annotation(
            path.with_suffix(".json"), Annotation(path.name, size_hw[::-1], defects=defects)
        )
    for i in range(unlabelled):
        write_part(root / f"new_{i:03}.png", part_image(300 + i, size_hw))
    return root


def write_folders(
    root: Path,
    *,
    normals: int = 10,
    defects: int = 2,
    size_hw: tuple[int, int] = SIZE_HW,
    masks: bool = True,
) -> Path:
    """``good`` and ``bad`` folders, masks in ``masks/<stem>_mask.png``; returns root."""
    for i in range(normals):
        write_part(root / "good" / f"g{i:03}.png", part_image(i, size_hw))
    for i in range(defects):
        write_part(root / "bad" / f"b{i:03}.png", part_image(200 + i, size_hw, defect="blot"))
        if masks:
            write_part(root / "masks" / f"b{i:03}_mask.png", defect_mask(size_hw, "blot"))
    return root


def write_plain(root: Path, *, normals: int = 5, size_hw: tuple[int, int] = SIZE_HW) -> Path:
    """A folder of good images and nothing else; returns root."""
    for i in range(normals):
        write_part(root / f"{i:03}.png", part_image(i, size_hw))
    return root


def write_part(path: Path, image: ImageArray | BoolArray) -> Path:
    """Write a PNG, making its folder; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, image)
    return path
