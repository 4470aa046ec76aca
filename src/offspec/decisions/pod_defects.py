"""Made defects of an asked size and an asked contrast, for the probability of detection.

A spot or a line changes the grey value by a stated mean, in share of full scale: that is its
contrast. Natural ones come from ``graded_defects`` with whatever contrast they happen to have.
Made defects rank and warn; they set no threshold and promise nothing about real ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from offspec.graded_defects import make_defect
from offspec.images import to_unit
from offspec.made_defects import noise_field
from offspec.types import BoolArray, DoubleArray, FixedKind, FloatArray, ImageArray

DefectKind = Literal["spot", "line", "natural"]

LINE_RATIO = 10.0  # length over width
FRAY = 0.3
_WINDOW_SIZES, _MARGIN_PX = 3.0, 4
_FINE = ((8.0, 8), (24.0, 4), (64.0, 2))  # size under which so many samples a pixel are taken
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Made:
    """One made defect.

    Attributes:
        image: (H, W, 3), the changed copy.
        rows: Of the window that holds the defect.
        columns: Likewise.
        truth: (h, w), True on the defect, in the window.
        size_px: Width of a disc as large as the defect, or the length of a line, in pixels.
        contrast: Mean change of grey value over the defect, of full scale; reached, not asked.
        name: Of the maker.
    """

    image: ImageArray
    rows: slice
    columns: slice
    truth: BoolArray
    size_px: float
    contrast: float
    name: str


def make_graded(
    image: ImageArray,
    foreign: ImageArray,
    centre_xy: tuple[float, float],
    size_px: float,
    *,
    kind: DefectKind,
    contrast: float | None,
    surface: FixedKind,
    bits: int,
    rng: Random,
) -> Made:
    """Put one defect into a copy of an image.

    Args:
        image: (H, W, 3), of a good part; not changed.
        foreign: Another good image to take content from; for natural defects.
        centre_xy: Where, in edge coordinates of the image.
        size_px: Width of a spot, length of a line, in pixels; fractions count.
        kind: ``spot`` is frayed and up to twice as long as wide, ``line`` ten times.
        contrast: In (0, 1]; None for natural defects. Where the image has no room for it, darker
            or brighter, the most that fits is made.
        surface: What natural defects a region can have.
        bits: Significant bits of 16-bit images.
        rng: Decides everything else.
    """
    if kind == "natural" or contrast is None:
        return _natural(image, foreign, centre_xy, size_px, surface, bits, rng)
    rows, columns = _window(image, centre_xy, size_px)
    inner = centre_xy[0] - columns.start, centre_xy[1] - rows.start
    size_hw = rows.stop - rows.start, columns.stop - columns.start
    shape = spot_cover if kind == "spot" else line_cover
    cover = shape(size_hw, inner, size_px, rng)
    before = to_unit(image[rows, columns], bits)
    after = with_contrast(before, cover, contrast, rng)
    changed = image.copy()
    touched = cover > 0
    full = 255 if image.dtype == np.uint8 else (1 << bits) - 1
    changed[rows, columns][touched] = np.rint(after * full).astype(image.dtype)[touched]
    reached = float(np.abs(after - before).mean(axis=2).sum() / cover.sum())
    size = size_px if kind == "line" else 2 * math.sqrt(float(cover.sum()) / math.pi)
    truth: BoolArray = cover >= min(0.5, float(cover.max()))
    return Made(changed, rows, columns, truth, size, reached, kind)


def spot_cover(
    size_hw: tuple[int, int], centre_xy: tuple[float, float], size_px: float, rng: Random
) -> FloatArray:
    """How much of each pixel a frayed spot covers, in [0, 1].

    Its area is that of a disc ``size_px`` wide, also under a pixel.
    """
    fine = _samples(size_px)
    along, across = _turned(size_hw, centre_xy, fine, float(rng.uniform(0, math.pi)))
    stretch = math.sqrt(float(rng.uniform(1.0, 2.0)))
    cells = max(size_hw) / (size_px + 2)
    frayed = noise_field((size_hw[0] * fine, size_hw[1] * fine), max(cells, 1.0), rng) * FRAY
    distance = ((along / stretch) ** 2 + (across * stretch) ** 2) * np.exp(frayed)
    count = min(max(round(math.pi / 4 * (size_px * fine) ** 2), 1), distance.size)
    inside = np.zeros(distance.size, np.float32)
    inside[np.argpartition(distance.ravel(), count - 1)[:count]] = 1
    return _averaged(inside.reshape(distance.shape), fine)


def line_cover(
    size_hw: tuple[int, int], centre_xy: tuple[float, float], size_px: float, rng: Random
) -> FloatArray:
    """How much of each pixel a slightly bent line covers; a tenth as wide as long, or a pixel."""
    fine = _samples(size_px / LINE_RATIO)
    along, across = _turned(size_hw, centre_xy, fine, float(rng.uniform(0, math.pi)))
    bend = float(rng.uniform(-0.1, 0.1)) / max(size_px, 1.0)
    width = min(max(1.0, size_px / LINE_RATIO), size_px)
    inside = (np.abs(along) <= size_px / 2) & (np.abs(across - bend * along**2) <= width / 2)
    if not inside.any():
        inside.ravel()[int(np.argmin(along**2 + across**2))] = True
    return _averaged(inside.astype(np.float32), fine)


def with_contrast(
    before: FloatArray, cover: FloatArray, contrast: float, rng: Random
) -> FloatArray:
    """Make the covered pixels darker or brighter, by ``contrast`` in the mean.

    Args:
        before: (h, w, 3) in [0, 1].
        cover: (h, w) in [0, 1].
        contrast: Wanted mean change over the cover; less where there is no room for it.
        rng: Chooses between darker and brighter where both fit.
    """
    weight = cover[..., None]
    signs = [int(s) for s in rng.permutation([-1, 1])]
    room = {s: _change(before, weight, s * 1.0) for s in signs}
    fits = [s for s in signs if room[s] >= contrast]
    sign = fits[0] if fits else max(signs, key=lambda s: room[s])
    low, high = 0.0, 1.0
    if fits:
        for _ in range(24):
            middle = (low + high) / 2
            enough = _change(before, weight, sign * middle) >= contrast
            low, high = (low, middle) if enough else (middle, high)
    return np.asarray(_moved(before, weight, sign * high), np.float32)


def _moved(before: FloatArray, weight: FloatArray, by: float) -> FloatArray:
    """Covered pixels moved towards white (``by`` > 0) or black, no further than that."""
    end = np.clip(before + np.float32(by), 0, 1)
    return np.asarray(before + weight * (end - before), np.float32)


def _change(before: FloatArray, weight: FloatArray, by: float) -> float:
    moved = np.abs(_moved(before, weight, by) - before).mean(axis=2)
    return float(moved.sum() / weight.sum())


def _natural(
    image: ImageArray,
    foreign: ImageArray,
    centre_xy: tuple[float, float],
    size_px: float,
    surface: FixedKind,
    bits: int,
    rng: Random,
) -> Made:
    changed, truth, name = make_defect(
        image, foreign, centre_xy, size_px, kind=surface, bits=bits, rng=rng
    )
    at_rows, at_columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    if at_rows.size == 0:
        rows, columns = _window(image, centre_xy, 1.0)
    else:
        rows = slice(int(at_rows[0]), int(at_rows[-1]) + 1)
        columns = slice(int(at_columns[0]), int(at_columns[-1]) + 1)
    inside = truth[rows, columns]
    before, after = to_unit(image[rows, columns], bits), to_unit(changed[rows, columns], bits)
    away = np.abs(after - before).mean(axis=2)
    reached = float(away[inside].mean()) if inside.any() else 0.0
    return Made(changed, rows, columns, inside, size_px, reached, name)


def _window(
    image: ImageArray, centre_xy: tuple[float, float], size_px: float
) -> tuple[slice, slice]:
    """A box around the place, inside the image."""
    half = math.ceil(_WINDOW_SIZES * size_px / 2) + _MARGIN_PX
    found = []
    for centre, length in zip(centre_xy, (image.shape[1], image.shape[0]), strict=True):
        start = min(max(math.floor(centre) - half, 0), length - 1)
        found.append(slice(start, max(min(math.floor(centre) + half + 1, length), start + 1)))
    return found[1], found[0]


def _samples(size_px: float) -> int:
    """How many samples a pixel each way."""
    return next((count for size, count in _FINE if size_px < size), 1)


def _turned(
    size_hw: tuple[int, int], centre_xy: tuple[float, float], fine: int, angle: float
) -> tuple[DoubleArray, DoubleArray]:
    """Coordinates along and across a direction, in pixels from the centre, on a fine grid."""
    y, x = np.mgrid[0 : size_hw[0] * fine, 0 : size_hw[1] * fine]
    dx, dy = (x + 0.5) / fine - centre_xy[0], (y + 0.5) / fine - centre_xy[1]
    c, s = math.cos(angle), math.sin(angle)
    return c * dx + s * dy, c * dy - s * dx


def _averaged(inside: FloatArray, fine: int) -> FloatArray:
    h, w = inside.shape[0] // fine, inside.shape[1] // fine
    blocks = inside.reshape(h, fine, w, fine)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
