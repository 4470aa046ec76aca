"""Made defects of an asked width, in whole images: to rank methods before real defects exist.

Each is made in a window around its place, of several times its width, and is visible: the grey
value changes by a stated least amount. Made defects rank and warn; they promise nothing about
real ones.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from offspec.images import to_unit
from offspec.made_defects import MAKERS, Maker, noise_field
from offspec.types import BoolArray, FixedKind, FloatArray, ImageArray

LEAST_CHANGE = 0.03  # mean change of grey value over the defect, of full scale
TRIES = 8
WINDOW_WIDTHS, LEAST_WINDOW_PX = 6.0, 48
Random = np.random.Generator


def _foreign(crop: FloatArray, foreign: FloatArray, area: BoolArray, rng: Random) -> FloatArray:  # noqa: ARG001
    """Another material: rough noise of another tone."""
    size_hw = crop.shape[1], crop.shape[2]
    rough = noise_field(size_hw, float(rng.uniform(4, 24)), rng)
    tone = rng.uniform(0.1, 0.9) + 0.12 * rough + rng.uniform(-0.1, 0.1, (3, 1, 1))
    opacity = rng.uniform(0.3, 1.0)
    changed = (1 - opacity) * crop + opacity * np.clip(tone, 0, 1)
    return np.where(area, changed, crop).astype(np.float32)


TEXTURE_MAKERS: dict[str, Maker] = {
    "erased": MAKERS["erased"],
    "foreign": _foreign,
    "stained": MAKERS["stained"],
}
"""On a surface without places another piece of the same surface is no defect."""


def sized_area(
    size_hw: tuple[int, int], centre_xy: tuple[float, float], width_px: float, rng: Random
) -> BoolArray:
    """A frayed blob about as large as a disc of this width, at most twice as long as wide."""
    y, x = np.mgrid[0 : size_hw[0], 0 : size_hw[1]].astype(np.float32) + np.float32(0.5)
    angle = rng.uniform(0, math.pi)
    dx, dy = x - centre_xy[0], y - centre_xy[1]
    along = math.cos(angle) * dx + math.sin(angle) * dy
    across = math.cos(angle) * dy - math.sin(angle) * dx
    stretch = math.sqrt(rng.uniform(1.0, 2.0))
    radius = max(width_px / 2, 0.6)
    distance = (along / (radius * stretch)) ** 2 + (across * stretch / radius) ** 2
    frayed = noise_field(size_hw, max(size_hw) / (width_px + 2), rng) * 0.3
    area: BoolArray = distance * np.exp(frayed) < 1
    column = min(max(int(centre_xy[0]), 0), size_hw[1] - 1)
    area[min(max(int(centre_xy[1]), 0), size_hw[0] - 1), column] = True
    return area


def make_defect(
    image: ImageArray,
    foreign: ImageArray,
    centre_xy: tuple[float, float],
    width_px: float,
    *,
    kind: FixedKind,
    bits: int,
    rng: Random,
) -> tuple[ImageArray, BoolArray, str]:
    """Put one made defect into a copy of an image.

    Args:
        image: (H, W, 3), of a good part; not changed.
        foreign: (H', W', 3), another good image to take content from.
        centre_xy: Where, in edge coordinates of the image.
        width_px: How wide, in pixels of the image.
        kind: On a texture only what the surface itself cannot show is made.
        bits: Significant bits of 16-bit images.
        rng: Decides everything else.

    Returns:
        The changed image; (H, W) where it changed; the maker's name. Of several tries the first
        that is visible, else the most visible one.
    """
    box, inner = _window(image, centre_xy, width_px)
    crop = _planes(image[box], bits)
    other = _elsewhere(foreign, crop.shape[1:], bits, rng)
    makers = TEXTURE_MAKERS if kind == "texture" else {**MAKERS, "foreign": _foreign}
    names = sorted(makers)
    best: tuple[float, FloatArray, BoolArray, str] | None = None
    for _ in range(TRIES):
        name = names[int(rng.integers(len(names)))]
        area = sized_area((crop.shape[1], crop.shape[2]), inner, width_px, rng)
        found = np.clip(makers[name](crop, other, area, rng), 0, 1)
        change = np.abs(found - crop).mean(axis=0)
        visible = float(change[area].mean())
        if best is None or visible > best[0]:
            best = (visible, found, area & (change > LEAST_CHANGE / 3), name)
        if visible >= LEAST_CHANGE:
            break
    assert best is not None  # noqa: S101 - there is at least one try
    _, found, area, name = best
    return _paste(image, found, crop, box, bits), _whole(image, area, box), name


def _window(
    image: ImageArray, centre_xy: tuple[float, float], width_px: float
) -> tuple[tuple[slice, slice], tuple[float, float]]:
    """A box around the place, inside the image, and the place in the box."""
    side = max(LEAST_WINDOW_PX, math.ceil(WINDOW_WIDTHS * width_px))
    starts, stops = [], []
    for centre, length in zip(centre_xy, (image.shape[1], image.shape[0]), strict=True):
        start = min(max(round(centre - side / 2), 0), max(length - side, 0))
        starts.append(start)
        stops.append(min(start + side, length))
    inner = centre_xy[0] - starts[0], centre_xy[1] - starts[1]
    return (slice(starts[1], stops[1]), slice(starts[0], stops[0])), inner


def _planes(part: ImageArray, bits: int) -> FloatArray:
    return np.ascontiguousarray(to_unit(part, bits).transpose(2, 0, 1))


def _elsewhere(foreign: ImageArray, size_hw: tuple[int, ...], bits: int, rng: Random) -> FloatArray:
    """A piece of another image, from a random place."""
    h, w = min(size_hw[0], foreign.shape[0]), min(size_hw[1], foreign.shape[1])
    top = int(rng.integers(0, foreign.shape[0] - h + 1))
    left = int(rng.integers(0, foreign.shape[1] - w + 1))
    piece = to_unit(foreign[top : top + h, left : left + w], bits)
    if piece.shape[:2] != tuple(size_hw):
        piece = np.asarray(cv2.resize(piece, (size_hw[1], size_hw[0])), np.float32)
    return np.ascontiguousarray(piece.transpose(2, 0, 1), dtype=np.float32)


def _paste(
    image: ImageArray, found: FloatArray, crop: FloatArray, box: tuple[slice, slice], bits: int
) -> ImageArray:
    """Changed pixels only: the others keep their very values."""
    full = 255 if image.dtype == np.uint8 else (1 << bits) - 1
    changed = (np.abs(found - crop) > 0.5 / full).any(axis=0)
    values = np.rint(found.transpose(1, 2, 0) * full).astype(image.dtype)
    out = image.copy()
    out[box][changed] = values[changed]
    return out


def _whole(image: ImageArray, area: BoolArray, box: tuple[slice, slice]) -> BoolArray:
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[box] = area
    return mask
