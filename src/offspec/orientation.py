"""Does a part look the same mirrored or turned? By how normals differ among themselves.

Every normal is held against the others, as it is and varied. A variation that the part does not
mind takes it no further from the others than normals are.

Objects are compared place by place, by the places that differ most, as many as the smallest
defect covers: that is how a mark of orientation shows. Textures have no places; there it counts
in which directions edges run, and which side of them is bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from offspec.augment import Variation
from offspec.calibration import score_k
from offspec.fit_plan import Job
from offspec.geometry import GraphGroup, Tile, grid_mask, region_grid
from offspec.runtime.sampler import Sampler
from offspec.template import Region
from offspec.types import Alignment, BoolArray, DoubleArray, FloatArray, ImageArray

LEAST_TO_COMPARE = 4  # images, the reference among them
PRIOR = 10.0  # images that the mean width counts as, where few say how far a place strays
USUAL = 0.9  # of the normals; the rest may be odd ones, and would hide an orientation
SIDE = 256  # network pixels of a region
SCALES = (1.0, 2.0, 4.0)  # network pixels
BINS = 16  # directions of edges
DARK = np.float32(0.05)  # as in ``kind.py``


class Looks:
    """How one region looks in an image, as rows of numbers.

    Args:
        job: What was decided.
        region: One of its template's.
        images: Normals, and how each lies.
    """

    def __init__(
        self, job: Job, region: Region, images: Sequence[tuple[ImageArray, Alignment]]
    ) -> None:
        x, y, w, h = (float(value) for value in region.bounds_xywh)
        self._box = x, y, w, h
        tile = Tile(0, 0, 0, 0, self._box, (SIDE, SIDE), (0, SIDE, 0, SIDE))
        template, group = replace(job.template, regions=(region,)), GraphGroup(0, (SIDE, SIDE), 1)
        self._sampler = Sampler(template, [tile], [group], job.bits, job.reference)
        self._bits = job.bits
        self._object = job.kinds[job.template.regions.index(region)] == "object"
        mask = grid_mask(region, region_grid([tile]))
        self._mask = mask if mask.any() else np.ones_like(mask)
        area = template.min_defect_area_px(region) * SIDE**2 / (w * h)
        self._blur_px = max(0.7, float(np.sqrt(area / np.pi)) / 2)
        self._k = score_k(area, int(self._mask.sum())) if self._object else 2 * BINS * len(SCALES)
        prepared = [self._sampler.cut(image, alignment) for image, alignment in images]
        self._images = [(image, one.region_alignments[0]) for (image, _), one in
                        zip(images, prepared, strict=True)]  # fmt: skip
        self._plain = np.stack([self._numbers(one.crops[0][0]) for one in prepared])

    def distances(self, variation: Variation) -> tuple[float, float]:
        """How far normals lie from the others as they are, and varied; see ``stands_out``."""
        varied = [
            self._sampler.cut(
                variation.relight(image, self._bits), own,
                placed=[variation.place(own, self._box)],
            ).crops[0][0]
            for image, own in self._images
        ]  # fmt: skip
        return stands_out(self._plain, np.stack([self._numbers(v) for v in varied]), self._k)

    def _numbers(self, crop: FloatArray) -> FloatArray:
        return self._places(crop) if self._object else edge_directions(crop, self._mask)

    def _places(self, crop: FloatArray) -> FloatArray:
        """(3, n) smoothed colours inside the region."""
        return np.stack(
            [cv2.GaussianBlur(plane, (0, 0), self._blur_px)[self._mask] for plane in crop]
        )


def edge_directions(crop: FloatArray, mask: BoolArray) -> FloatArray:
    """What a texture's edges say of direction, (1, n).

    Args:
        crop: (3, h, w) in [0, 1].
        mask: (h, w), True where it counts.

    Returns:
        Per scale: the share of the edges' strength towards each of the directions in which it
        becomes brighter, and how lopsided brightness changes along each of them are.
    """
    tone = np.log(crop.mean(axis=0) + DARK)
    angles = 2 * np.pi * np.arange(BINS // 2) / BINS
    c, s = np.cos(angles), np.sin(angles)
    found = []
    for scale in SCALES:
        smooth = cv2.GaussianBlur(tone, (0, 0), scale)
        x, y = (cv2.Sobel(smooth, cv2.CV_32F, 1 - i, i)[mask] for i in range(2))
        strength, turn = np.hypot(x, y), (np.arctan2(y, x) / (2 * np.pi) + 0.5) * BINS
        share = np.bincount(turn.astype(int) % BINS, strength, BINS) / (strength.sum() + 1e-12)
        xx, xy, yy = x * x, x * y, y * y
        squares = c * c * _mean(xx) + 2 * c * s * _mean(xy) + s * s * _mean(yy)
        cubes = c**3 * _mean(xx * x) + 3 * c * c * s * _mean(xx * y)
        cubes = cubes + 3 * c * s * s * _mean(x * yy) + s**3 * _mean(yy * y)
        skew = cubes / (squares**1.5 + 1e-12)  # of the change of brightness along each direction
        found += [share * BINS, skew, -skew]
    return np.concatenate(found)[None].astype(np.float32)


def _mean(values: FloatArray) -> float:
    return float(values.mean(dtype=np.float64))


def stands_out(plain: FloatArray, changed: FloatArray, k: int) -> tuple[float, float]:
    """How far normals lie from the other normals, as they are and varied.

    Args:
        plain: (n, channels, numbers), n >= ``LEAST_TO_COMPARE``.
        changed: The same images, varied.
        k: How many of the numbers decide.

    Returns:
        The distance within which ``USUAL`` of the normals lie as they are, and the median distance
        of the varied ones: the root of the mean square of the k largest deviations, in widths of
        the other normals.
    """
    n = len(plain)
    values = plain.astype(np.float64)
    total, squares = values.sum(axis=0), np.square(values).sum(axis=0)
    floor = values.var(axis=0, ddof=1).mean() + 1e-9
    own, varied = [], []
    for before, after in zip(values, changed.astype(np.float64), strict=True):
        mean = (total - before) / (n - 1)
        spread = np.maximum((squares - before**2) / (n - 1) - mean**2, 0)
        width = ((n - 1) * spread + PRIOR * floor) / (n - 1 + PRIOR)
        own.append(_furthest(before - mean, width, k))
        varied.append(_furthest(after - mean, width, k))
    return float(np.quantile(own, USUAL)), float(np.median(varied))


def _furthest(away: DoubleArray, width: DoubleArray, k: int) -> float:
    each = np.sort((away**2 / width).mean(axis=0))
    return float(np.sqrt(each[-k:].mean()))
