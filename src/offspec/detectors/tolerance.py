"""How far normal parts stray, per position: the statistics behind ``reference``.

Two views of a crop are compared with the reference:

* features, whitened by one pooled covariance, with a centre and a width per position and
  channel, and free movement along the two directions in which a small shift moves them;
* a fine plane of tone at stride 2, as a band per pixel that a local shift may carry along
  (the residual that is left after the best local shift, as in Lucas and Kanade, 1981).

With one normal, widths come in closed form from a stated allowance: ``SHIFT_PX`` of movement,
``NOISE`` of sensor noise, and what edges make of both. Each further normal replaces a part of
the allowance by measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from offspec.detectors.linear import gram, inverse_root, product
from offspec.types import BoolArray, DoubleArray, FloatArray

SHIFT_PX = 1.0  # movement that alignment may leave, standard deviation, network pixels
NOISE = 0.02  # sensor noise allowed for, standard deviation, share of full scale
PRIOR_NORMALS = 2.0  # the allowance weighs as much as this many normals
PRIOR_WIDTH = 20.0  # degrees of freedom of the pooled width beside each position's own
SHRINKAGE = 0.05  # of the pooled correlation towards independence
FINE_PRIOR = 0.002  # inverse variance of a local shift beside the fine plane's gradients
_EPS = 1e-9
_CHUNK = 512  # cells worked on at a time, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Embedding:
    """Features (S, C, h, w) of one image's crops and their second moment."""

    features: FloatArray
    moment: DoubleArray


@dataclass(frozen=True, slots=True)
class FeatureTolerance:
    """Whitening and, per slot and position, centre and width of the features.

    Attributes:
        weight: (C, C) whitening, z = weight @ f.
        centre: (S, C, h, w) whitened mean.
        toward: (S, C, h, w) from the centre to the reference, in widths; None with one normal.
        inverse_width: (S, C, h, w), 1 / standard deviation.
        toward_inverse: (S, 1, h, w), 1 / |toward|^2.
        shift_inverse: (S, 3, h, w), the matrix (G + 1)^-1 of the shift directions: xx, xy, yy.
        gain: (S, 1, h, w), what the squared distance is multiplied with.
    """

    weight: FloatArray
    centre: FloatArray
    toward: FloatArray | None
    inverse_width: FloatArray
    toward_inverse: FloatArray
    shift_inverse: FloatArray
    gain: FloatArray

    def arrays(self) -> dict[str, FloatArray]:
        """By the names the graph uses."""
        found = {
            "weight": self.weight[:, :, None, None],
            "centre": self.centre,
            "inverse_width": self.inverse_width,
            "shift_xx": self.shift_inverse[:, 0:1],
            "shift_xy": self.shift_inverse[:, 1:2],
            "shift_yy": self.shift_inverse[:, 2:3],
            "gain": self.gain,
        }
        if self.toward is not None:
            found["toward"] = self.toward
            found["toward_inverse"] = self.toward_inverse
        return found


@dataclass(frozen=True, slots=True)
class TextureTolerance:
    """One normal distribution for every position, and the reference at its own.

    Attributes:
        weight: (C, C) whitening, z = weight @ f.
        centre: (1, C, 1, 1) whitened mean of all normals.
        place: (S, C, h, w) the whitened reference.
    """

    weight: FloatArray
    centre: FloatArray
    place: FloatArray

    def arrays(self) -> dict[str, FloatArray]:
        """By the names the graph uses."""
        weight = self.weight[:, :, None, None]
        return {"weight": weight, "centre": self.centre, "place": self.place}


def texture_tolerance(
    features: Sequence[FloatArray],
    moments: Sequence[DoubleArray],
    noise: DoubleArray,
    mask: BoolArray,
) -> TextureTolerance:
    """One centre and one covariance over all positions; arguments as ``feature_tolerance``."""
    mean, covariance = over_all_cells(features, moments, noise, mask)
    weight = whitening(covariance)
    centre = apply(weight, mean.astype(np.float32)[None, :, None, None])
    return TextureTolerance(weight, centre, apply(weight, features[0]))


def over_all_cells(
    features: Sequence[FloatArray],
    moments: Sequence[DoubleArray],
    noise: DoubleArray,
    mask: BoolArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Mean (C,) and covariance (C, C) of all masked cells; arguments as ``feature_tolerance``."""
    cells = max(int(mask.sum()), 1) * len(features)
    total = np.zeros(features[0].shape[1])
    for one in features:
        total += one.transpose(0, 2, 3, 1)[mask].sum(axis=0, dtype=np.float64)
    mean = total / cells
    return mean, sum(moments[1:], moments[0]) / cells - np.outer(mean, mean) + noise


def slopes(centre: FloatArray, stride: int) -> tuple[FloatArray, FloatArray]:
    """What a shift by ``SHIFT_PX`` along x and y adds to (S, C, h, w) features."""
    step = np.float32(SHIFT_PX / (2 * stride))
    along_x = _differences(centre)
    along_y = _differences(centre.swapaxes(2, 3)).swapaxes(2, 3)
    along_x *= step
    along_y *= step
    return along_x, along_y


def _differences(values: FloatArray) -> FloatArray:
    """Next minus previous along the last axis, the border repeated."""
    found = np.empty_like(values)
    last = values.shape[-1] - 1
    np.subtract(values[..., 2:], values[..., :-2], out=found[..., 1:-1])
    found[..., 0] = values[..., min(1, last)] - values[..., 0]
    found[..., last] = values[..., last] - values[..., max(last - 1, 0)]
    return found


def second_moment(features: FloatArray, mask: BoolArray) -> DoubleArray:
    """(C, C) sum of f f^T over the masked cells of (S, C, h, w)."""
    s, c, h, w = features.shape
    total = np.zeros((c, c))
    for cells, inside in zip(features.reshape(s, c, h * w), mask.reshape(s, h * w), strict=True):
        for part in _chunks(h * w):
            counted = inside[part]
            if not counted.any():
                continue
            chunk = cells[:, part] if counted.all() else cells[:, part][:, counted]
            total += gram(np.ascontiguousarray(chunk, np.float64))
    return total


def _mean_moment(features: Sequence[FloatArray], mean: FloatArray, mask: BoolArray) -> DoubleArray:
    """``second_moment`` of the exact mean, of which ``mean`` is the float32 rounding.

    On dark flat parts the features are near -1 and vary by 1e-4: what rounding cuts from the
    mean would be more than the scatter that is left after the subtraction.
    """
    s, c, h, w = mean.shape
    total = np.zeros((c, c))
    flat = [one.reshape(s, c, h * w) for one in features]
    rounded, inside = mean.reshape(s, c, h * w), mask.reshape(s, h * w)
    for slot in range(s):
        for part in _chunks(h * w):
            counted = inside[slot, part]
            if not counted.any():
                continue
            base = rounded[slot][:, part]
            rest = np.zeros_like(base)
            for one in flat:
                rest += one[slot][:, part] - base
            double = base[:, counted].astype(np.float64)
            double += rest[:, counted].astype(np.float64) / len(features)
            total += gram(double)
    return total


def _chunks(cells: int) -> list[slice]:
    return [slice(at, min(at + _CHUNK, cells)) for at in range(0, cells, _CHUNK)]


def whitening(covariance: DoubleArray, shrinkage: float = SHRINKAGE) -> FloatArray:
    """Symmetric inverse square root of a shrunk covariance; sign-free, so reproducible."""
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    correlation = covariance / np.outer(deviation, deviation)
    correlation = (1 - shrinkage) * correlation + shrinkage * np.eye(len(deviation))
    try:
        root = inverse_root((correlation + correlation.T) / 2)
    except np.linalg.LinAlgError:  # rounding has left more than shrinkage makes good
        if shrinkage >= 1:
            raise
        return whitening(covariance, min(4 * shrinkage, 1))
    return np.asarray(root / deviation, np.float32)


def apply(weight: FloatArray, features: FloatArray) -> FloatArray:
    """``weight @ f`` at every cell of (S, C, h, w)."""
    s, c, h, w = features.shape
    found = np.empty((s, len(weight), h * w), np.float32)
    for slot, cells in enumerate(features.reshape(s, c, h * w)):
        found[slot] = product(weight, cells)
    return found.reshape(s, len(weight), h, w)


def feature_tolerance(
    features: Sequence[FloatArray],
    moments: Sequence[DoubleArray],
    noise: DoubleArray,
    mask: BoolArray,
    stride: int,
) -> FeatureTolerance:
    """Fit the feature view.

    Args:
        features: (S, C, h, w) per normal, the reference first.
        moments: ``second_moment`` of each.
        noise: (C, C) covariance of the features under ``NOISE``.
        mask: (S, h, w), cells that count for what is pooled.
        stride: Network pixels per cell.
    """
    n = len(features)
    mean = _mean(features)
    cells = max(int(mask.sum()), 1)
    allowed = noise + _slope_moment(mean, mask, stride) / cells
    covariance = allowed
    if n > 1:
        scatter = sum(moments[1:], moments[0]) - n * _mean_moment(features, mean, mask)
        covariance = (PRIOR_NORMALS * allowed + scatter / cells) / (PRIOR_NORMALS + n - 1)
    weight = whitening(covariance)
    centre = apply(weight, mean)
    inverse_width = _inverse_width(features, weight, mean)
    toward = None
    toward_inverse = np.ones_like(centre[:, :1])
    if n > 1:
        toward = apply(weight, features[0])
        toward -= centre
        toward *= inverse_width
        for one, length in zip(toward, toward_inverse, strict=True):
            length[0] = 1 / (np.square(one).sum(axis=0) + np.float32(_EPS))
    shift_inverse, gain = _shift_terms(centre, inverse_width, n, stride)
    return FeatureTolerance(
        weight, centre, toward, inverse_width, toward_inverse, shift_inverse, gain
    )


def _mean(features: Sequence[FloatArray]) -> FloatArray:
    """Mean in order of the sequence, so that threads cannot change it."""
    total = features[0].astype(np.float32, copy=True)
    flat = total.reshape(-1)
    others = [more.reshape(-1) for more in features[1:]]
    step = 128 * _CHUNK
    for at in range(0, flat.size, step):
        part = flat[at : at + step]
        for more in others:
            part += more[at : at + step]
        part *= np.float32(1 / len(features))
    return total


def _slope_moment(mean: FloatArray, mask: BoolArray, stride: int) -> DoubleArray:
    """(C, C) sum over masked cells of what both shift directions add, as ``second_moment``."""
    total = np.zeros((mean.shape[1], mean.shape[1]))
    for slot in range(len(mean)):
        one = slice(slot, slot + 1)
        for along in slopes(mean[one], stride):
            total += second_moment(along, mask[one])
    return total


def _inverse_width(
    features: Sequence[FloatArray], weight: FloatArray, mean: FloatArray
) -> FloatArray:
    """(S, C, h, w): each position's own variance, shrunk to its surroundings and to one."""
    n = len(features)
    if n == 1:
        return np.ones_like(mean)
    total = _whitened_squares(features, weight, mean)
    for plane in total.reshape(-1, *mean.shape[2:]):
        around = cv2.blur(plane, (5, 5), borderType=cv2.BORDER_REPLICATE)
        around *= np.float32(0.5 / (n - 1))
        around += np.float32(0.5)
        around *= np.float32(PRIOR_WIDTH)
        around += plane
        around /= np.float32(n - 1 + PRIOR_WIDTH)
        np.sqrt(around, out=around)
        np.divide(np.float32(1), around, out=plane)
    return total


def _whitened_squares(
    features: Sequence[FloatArray], weight: FloatArray, mean: FloatArray
) -> FloatArray:
    """(S, C, h, w) sum over images of the squared whitened deviations from the mean."""
    s, c, h, w = mean.shape
    total = np.zeros_like(mean)
    flat = [one.reshape(s, c, h * w) for one in features]
    for slot in range(s):
        for part in _chunks(h * w):
            middle = np.ascontiguousarray(mean.reshape(s, c, h * w)[slot, :, part])
            away, squares = np.empty_like(middle), np.zeros_like(middle)
            for one in flat:
                np.subtract(one[slot, :, part], middle, out=away)
                white = product(weight, away)
                np.multiply(white, white, out=white)
                squares += white
            total.reshape(s, c, h * w)[slot, :, part] = squares
    return total


def _shift_terms(
    centre: FloatArray, inverse_width: FloatArray, n: int, stride: int
) -> tuple[FloatArray, FloatArray]:
    """``shift_inverse`` and ``gain`` of a ``FeatureTolerance`` from n normals."""
    s, c, h, w = centre.shape
    gain = np.empty((s, 1, h, w), np.float32)
    inverse = np.empty((s, 3, h, w), np.float32)
    for slot in range(s):
        along_x, along_y = (a[0] for a in slopes(centre[slot : slot + 1], stride))
        steep = np.square(along_x).mean(axis=0) + np.square(along_y).mean(axis=0)
        wide = cv2.dilate(steep, np.ones((3, 3), np.uint8))
        gain[slot, 0] = 1 / ((1 + wide / n) * c)
        along_x *= inverse_width[slot]
        along_y *= inverse_width[slot]
        inverse[slot] = _inverse_2x2(
            np.square(along_x).sum(axis=0) + 1,
            (along_x * along_y).sum(axis=0),
            np.square(along_y).sum(axis=0) + 1,
        )
    return inverse, gain


def _inverse_2x2(xx: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
    """Inverse of symmetric 2 x 2 matrices, (..., 3, h, w): xx, xy, yy."""
    determinant = xx * yy - xy * xy
    return np.stack([yy / determinant, -xy / determinant, xx / determinant], axis=-3).astype(
        np.float32
    )


# -- the fine plane -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FineTolerance:
    """Per slot and pixel at stride 2: a band of tone, its slopes, and how shifts are solved.

    Attributes:
        planes: (S, 7, h, w): low, high, slope x, slope y, inverse xx, xy, yy.
    """

    planes: FloatArray


def fine_tolerance(fine: Sequence[FloatArray]) -> FineTolerance:
    """Fit the fine view.

    Args:
        fine: (S, 1, h, w) tone per normal, the reference first.
    """
    reference, mean = fine[0][:, 0], _mean(fine)[:, 0]
    low, high = np.minimum(reference, mean), np.maximum(reference, mean)
    padded = np.pad(mean, ((0, 0), (1, 1), (1, 1)), mode="edge")
    slope_x, slope_y = _sobel(padded), _sobel(padded.transpose(0, 2, 1)).transpose(0, 2, 1)
    prior = np.float32(FINE_PRIOR)
    inverse = _inverse_2x2(
        box3(slope_x * slope_x) + prior, box3(slope_x * slope_y), box3(slope_y * slope_y) + prior
    )
    planes = np.stack([low, high, slope_x, slope_y], axis=1)
    return FineTolerance(np.concatenate([planes, inverse], axis=1).astype(np.float32))


def _sobel(padded: FloatArray) -> FloatArray:
    """Slope along the last axis per pixel, smoothed across; input padded by one."""
    step = padded[:, :, 2:] - padded[:, :, :-2]
    return np.asarray((step[:, :-2] + 2 * step[:, 1:-1] + step[:, 2:]) / 8, np.float32)


def box3(plane: FloatArray) -> FloatArray:
    """3 x 3 mean of (S, h, w) over the pixels that exist."""
    count = _box_sum(np.ones_like(plane[0]))
    means: FloatArray = np.stack([_box_sum(one) / count for one in plane])
    return means


def _box_sum(plane: FloatArray) -> FloatArray:
    size, border = (3, 3), cv2.BORDER_CONSTANT
    return np.asarray(cv2.boxFilter(plane, -1, size, normalize=False, borderType=border))
