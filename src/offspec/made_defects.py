"""Defects made in good crops: to train on, and later to ask what would be found.

Every maker returns the changed crop and where it changed. Made defects rank and teach; they are
not the defects of a product, and no threshold is set by them.

Reference:
    Noise-masked texture: DRAEM, Zavrtanik et al. (ICCV 2021). Cut and paste: Li et al., CutPaste
    (CVPR 2021). Seamless blending: Perez et al. (SIGGRAPH 2003), as in NSA, Schlueter et al.
    (ECCV 2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.types import BoolArray, FloatArray

SMALLEST, LARGEST = 0.0005, 0.05  # share of the crop
VISIBLE = 0.01  # mean change of grey value from which a pixel counts as changed
Random = np.random.Generator
Maker = Callable[[FloatArray, FloatArray, BoolArray, Random], FloatArray]


def noise_field(size_hw: tuple[int, int], cells: float, rng: Random) -> FloatArray:
    """Smooth noise with about ``cells`` bumps along the longer side, zero mean."""
    h, w = size_hw
    step = max(h, w) / cells
    grid = rng.standard_normal((math.ceil(h / step) + 3, math.ceil(w / step) + 3))
    large = cv2.resize(
        grid.astype(np.float32), None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC
    )
    top = int(rng.integers(0, large.shape[0] - h + 1))
    left = int(rng.integers(0, large.shape[1] - w + 1))
    found: FloatArray = np.ascontiguousarray(large[top : top + h, left : left + w])
    return found


def random_area(size_hw: tuple[int, int], rng: Random) -> BoolArray:
    """A blob, a frayed patch or a stroke; its size is drawn evenly on a logarithmic scale."""
    h, w = size_hw
    share = math.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST)))
    area = max(share * h * w, 9.0)
    cy, cx = rng.uniform(0.05, 0.95) * h, rng.uniform(0.05, 0.95) * w
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    angle = rng.uniform(0, math.pi)
    long = math.cos(angle) * (x - cx) + math.sin(angle) * (y - cy)
    wide = math.cos(angle) * (y - cy) - math.sin(angle) * (x - cx)
    stroke = rng.random() < 0.25
    ratio = rng.uniform(8, 30) if stroke else math.exp(rng.uniform(0, math.log(4)))
    b = math.sqrt(area / (math.pi * ratio))
    distance = (long / (b * ratio)) ** 2 + (wide / max(b, 0.7)) ** 2
    frayed = noise_field(size_hw, max(h, w) / (4 * b + 4), rng) * rng.uniform(0, 1.2)
    found: BoolArray = distance * np.exp(frayed) < 1
    if found.sum() < 4:
        found[int(cy) : int(cy) + 2, int(cx) : int(cx) + 2] = True
    return found


def _texture(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:
    """Something else shows in the area, more or less."""
    source = foreign if rng.random() < 0.6 else _turned(crop, rng)
    opacity = rng.uniform(0.25, 1.0)
    return np.where(area, (1 - opacity) * crop + opacity * source, crop).astype(np.float32)


def _turned(crop: FloatArray, rng: Random) -> FloatArray:
    found = np.roll(
        crop, (int(rng.integers(crop.shape[1])), int(rng.integers(crop.shape[2]))), (1, 2)
    )
    return np.ascontiguousarray(found[:, :: rng.choice((-1, 1)), :: rng.choice((-1, 1))])


def _pasted(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:  # noqa: ARG001
    """Another place of the same part."""
    away = [int(rng.integers(8, max(side // 3, 9))) * int(rng.choice((-1, 1))) for side in
            crop.shape[1:]]  # fmt: skip
    return np.where(area, np.roll(crop, away, (1, 2)), crop).astype(np.float32)


def _blended(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:
    """As pasted or foreign, without a visible seam."""
    source = foreign if rng.random() < 0.5 else _turned(crop, rng)
    inner = area.copy()
    inner[[0, 1, -2, -1], :] = False
    inner[:, [0, 1, -2, -1]] = False
    if inner.sum() < 9:
        return _pasted(crop, foreign, area, rng)
    rows, columns = np.flatnonzero(inner.any(1)), np.flatnonzero(inner.any(0))
    centre = int(columns[0] + columns[-1] + 1) // 2, int(rows[0] + rows[-1] + 1) // 2
    below, above = (
        (255 * one.transpose(1, 2, 0)).round().astype(np.uint8) for one in (crop, source)
    )
    mask = inner.astype(np.uint8) * np.uint8(255)
    mode = cv2.NORMAL_CLONE if rng.random() < 0.6 else cv2.MIXED_CLONE
    try:
        found = cv2.seamlessClone(above, below, mask, centre, mode)
    except cv2.error:  # an area it cannot solve for, mostly one that is a pixel wide somewhere
        return _pasted(crop, foreign, area, rng)
    blended = found.transpose(2, 0, 1).astype(np.float32) / 255
    return np.where(inner, blended, crop).astype(np.float32)


def _stained(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:  # noqa: ARG001
    """Lighter or darker, soft or sharp at the edge, perhaps coloured."""
    soft = cv2.GaussianBlur(area.astype(np.float32), (0, 0), float(rng.uniform(0.3, 3)))
    change = rng.uniform(0.08, 0.6) * rng.choice((-1, 1))
    colour = 1 + rng.uniform(-0.5, 0.5, (3, 1, 1)) * (rng.random() < 0.5)
    found = crop * np.exp(soft * change * colour) + 0.1 * soft * change
    return np.asarray(np.clip(found, 0, 1), np.float32)


def _erased(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:  # noqa: ARG001
    """Something is missing: what is around it goes on inside."""
    image = (255 * crop.transpose(1, 2, 0)).round().astype(np.uint8)
    found = cv2.inpaint(image, area.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return np.where(area, found.transpose(2, 0, 1).astype(np.float32) / 255, crop)


def _shifted(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:  # noqa: ARG001
    """The area has moved a little."""
    away = [int(rng.integers(2, 7)) * int(rng.choice((-1, 1))) for _ in range(2)]
    return np.where(area, np.roll(crop, away, (1, 2)), crop).astype(np.float32)


MAKERS: dict[str, Maker] = {
    "texture": _texture,
    "pasted": _pasted,
    "blended": _blended,
    "stained": _stained,
    "erased": _erased,
    "shifted": _shifted,
}


def spoil(
    crop: FloatArray, foreign: FloatArray, rng: Random
) -> tuple[FloatArray, BoolArray, NDArray[np.bool_]]:
    """One to three made defects.

    Args:
        crop: (3, H, W) in [0, 1], of a good part; not changed.
        foreign: (3, H, W), another image to take texture from.
        rng: Decides everything.

    Returns:
        The changed crop; (H, W) where a defect is and is seen; (H, W) where it is doubtful
        (changed, but hardly), to be left out of a loss.
    """
    names = sorted(MAKERS)
    size_hw = crop.shape[1], crop.shape[2]
    found, where = crop, np.zeros(size_hw, np.bool_)
    for _ in range(int(rng.choice((1, 1, 2, 3)))):
        area = random_area(size_hw, rng)
        found = MAKERS[names[int(rng.integers(len(names)))]](found, foreign, area, rng)
        where |= area
    away = np.abs(found - crop).mean(axis=0)
    seen = cv2.GaussianBlur(away, (0, 0), 0.8) > VISIBLE
    return np.clip(found, 0, 1), where & seen, where ^ seen


def nuisance(crop: FloatArray, rng: Random) -> FloatArray:
    """The same good crop under a little other light, position, sharpness and noise."""
    shift = rng.normal(0, 0.5, 2)
    angle = math.radians(rng.normal(0, 0.15))
    c, s = math.cos(angle), math.sin(angle)
    h, w = crop.shape[1:]
    matrix = np.array([[c, -s, shift[0] + (1 - c) * w / 2 + s * h / 2],
                       [s, c, shift[1] + (1 - c) * h / 2 - s * w / 2]])  # fmt: skip
    image = cv2.warpAffine(
        crop.transpose(1, 2, 0), matrix, (w, h), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.2, 0.7)))
    image = image * math.exp(rng.normal(0, 0.04)) * np.exp(rng.normal(0, 0.01, 3))
    image = image + rng.normal(0, rng.uniform(0.001, 0.012), image.shape)
    return np.ascontiguousarray(np.clip(image, 0, 1).transpose(2, 0, 1), np.float32)
