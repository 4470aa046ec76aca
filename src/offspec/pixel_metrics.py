"""Metrics of anomaly maps and drawn masks, at the full resolution of the truth.

Images may differ in size. Curves are integrated exactly, in closed form per defect pixel,
over every threshold there is: no grid of thresholds, no histogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from offspec.errors import MetricError
from offspec.ranking import AnyFloatArray, Ranking
from offspec.types import BoolArray, DoubleArray


@dataclass(frozen=True, slots=True)
class PixelRanking:
    """Sorted pixels of a test set, from which every map metric follows.

    Attributes:
        ranking: Normal and defect pixels of all images, ascending.
        weights: (P,) 1 / area of each defect pixel's component, in the order of
            ``ranking.positives``.
        n_components: Connected defects (8-neighbourhood) in all masks.
    """

    ranking: Ranking
    weights: DoubleArray
    n_components: int

    @classmethod
    def from_maps(cls, maps: Sequence[AnyFloatArray], masks: Sequence[BoolArray]) -> PixelRanking:
        """Sort the pixels once.

        Args:
            maps: One (H, W) raw anomaly map per test image, higher = more anomalous.
            masks: One (H, W) truth per image, True on defect pixels; all False for a good image.

        Raises:
            MetricError: Shapes differ, a pixel kind is missing, or a value is not a number.
        """
        _check_pairs(maps, masks)
        positives, weights, n_components = [], [], 0
        for values, mask in zip(maps, masks, strict=True):
            if not mask.any():
                continue
            count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
            inside = labels[mask]
            positives.append(values[mask])
            weights.append(1.0 / np.bincount(inside, minlength=count)[inside])
            n_components += count - 1
        if not positives:
            raise MetricError(
                "No defect pixel in the test masks. Pixel metrics compare defect with normal "
                "pixels; add masks or use image metrics."
            )
        merged = np.concatenate(positives)
        order = np.argsort(merged, kind="stable")
        negatives = np.concatenate([v[~k] for v, k in zip(maps, masks, strict=True)])
        negatives.sort()
        return cls(Ranking(negatives, merged[order]), np.concatenate(weights)[order], n_components)

    def auroc(self) -> float:
        """Pixel AUROC; dominated by easy background, see AU-PRO."""
        return self.ranking.auroc()

    def average_precision(self) -> float:
        """Pixel average precision."""
        return self.ranking.average_precision()

    def f1_max(self) -> tuple[float, float]:
        """Oracle pixel F1 and its threshold."""
        return self.ranking.f1_max()

    def aupro(self, fpr_limit: float = 0.3) -> float:
        """Area under the per-region-overlap curve; see :func:`aupro`."""
        if not 0.0 < fpr_limit <= 1.0:
            raise MetricError(f"fpr_limit {fpr_limit} is out of range; it lies in (0, 1].")
        n = self.ranking.negatives.size
        # A defect pixel counts from the rate at which it is passed to the limit. Where it ties
        # with normal pixels, the curve rises in a straight line from `start` to `end`.
        start = self.ranking.negatives_above(self.ranking.positives) / n
        end = self.ranking.negatives_from(self.ranking.positives) / n
        full = fpr_limit - 0.5 * (start + end)
        ramp = np.maximum(end - start, 1.0 / n)
        partial = np.maximum(fpr_limit - start, 0.0) ** 2 / (2.0 * ramp)
        area = np.where(end <= fpr_limit, full, partial)
        return float(np.sum(self.weights * area) / (self.n_components * fpr_limit))


def pixel_auroc(maps: Sequence[AnyFloatArray], masks: Sequence[BoolArray]) -> float:
    """Pixel AUROC over all pixels of all images; arguments as :meth:`PixelRanking.from_maps`."""
    return PixelRanking.from_maps(maps, masks).auroc()


def pixel_ap(maps: Sequence[AnyFloatArray], masks: Sequence[BoolArray]) -> float:
    """Pixel average precision; arguments as :meth:`PixelRanking.from_maps`."""
    return PixelRanking.from_maps(maps, masks).average_precision()


def pixel_f1_max(maps: Sequence[AnyFloatArray], masks: Sequence[BoolArray]) -> tuple[float, float]:
    """Oracle pixel F1 and its threshold; arguments as :meth:`PixelRanking.from_maps`."""
    return PixelRanking.from_maps(maps, masks).f1_max()


def aupro(
    maps: Sequence[AnyFloatArray], masks: Sequence[BoolArray], *, fpr_limit: float = 0.3
) -> float:
    """Area under the per-region-overlap curve, integrated up to a false-positive rate.

    The false-positive rate counts the normal pixels of all test images, good and defective.
    The overlap is averaged over connected defects (8-neighbourhood), whatever their area. The
    curve is linear between thresholds and cut at the limit by interpolation.

    Args:
        maps: One (H, W) raw anomaly map per test image, higher = more anomalous.
        masks: One (H, W) truth per image, True on defect pixels.
        fpr_limit: Upper bound of integration, in (0, 1]; the area is divided by it.

    Returns:
        A value in [0, 1], 1 is best.

    Raises:
        MetricError: No defect pixel or no normal pixel, shapes differ, or a limit out of range.

    Reference:
        Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021, per-region overlap.
    """
    return PixelRanking.from_maps(maps, masks).aupro(fpr_limit)


def aupimo_per_image(
    maps: Sequence[AnyFloatArray],
    masks: Sequence[BoolArray],
    *,
    fpr_bounds: tuple[float, float] = (1e-5, 1e-4),
) -> DoubleArray:
    """Per-image overlap at very low false-positive rates, one value per defective image.

    The false-positive rate comes from good images only, averaged over images; the overlap is
    the recall inside one defective image. It is integrated over the logarithm of the rate,
    between the bounds. A defect pixel that ties with a normal one counts as found after it.

    Reference:
        Bertoldo et al., "AUPIMO: Redefining Visual Anomaly Detection Benchmarks with High Speed
        and Low Tolerance", BMVC 2024.
    """
    low, high = fpr_bounds
    if not 0.0 < low < high <= 1.0:
        raise MetricError(f"Bounds {fpr_bounds} are out of range; 0 < low < high <= 1.")
    _check_pairs(maps, masks)
    if any(np.isnan(v).any() for v in maps):
        raise MetricError("A map value is not a number. Score the images again.")
    good = [v.ravel() for v, k in zip(maps, masks, strict=True) if not k.any()]
    defective = [v[k] for v, k in zip(maps, masks, strict=True) if k.any()]
    if not good or not defective:
        raise MetricError(
            f"{len(good)} good and {len(defective)} defective images with pixel truth. AUPIMO "
            "needs at least one of each."
        )
    levels = np.concatenate(good)
    shares = np.concatenate([np.full(v.size, 1.0 / (v.size * len(good))) for v in good])
    top = levels >= _floor_level(good, high)  # pixels below it lie beyond the upper bound
    levels, shares = levels[top], shares[top]
    order = np.argsort(levels, kind="stable")
    levels, rates = levels[order], np.append(np.cumsum(shares[order][::-1])[::-1], 0.0)
    width = np.log(high / low)
    found = []
    for values in defective:
        rate = rates[np.searchsorted(levels, values, side="left")]
        gain = np.log(high / np.clip(rate, low, high)) / width
        found.append(float(gain.mean()))
    return np.array(found)


def _floor_level(good: Sequence[AnyFloatArray], share: float) -> float:
    """A level at which every image already has more than ``share`` of its pixels above."""
    return min(
        float(np.partition(v, v.size - 1 - int(share * v.size))[v.size - 1 - int(share * v.size)])
        for v in good
    )


def aupimo(
    maps: Sequence[AnyFloatArray],
    masks: Sequence[BoolArray],
    *,
    fpr_bounds: tuple[float, float] = (1e-5, 1e-4),
) -> float:
    """Mean of :func:`aupimo_per_image` over the defective images."""
    return float(aupimo_per_image(maps, masks, fpr_bounds=fpr_bounds).mean())


def seg_f1(masks: Sequence[BoolArray], gt_masks: Sequence[BoolArray]) -> float:
    """F1 of drawn pixels, pooled over all images, at the shipped drawing threshold."""
    both, drawn, truth, _ = _counts(masks, gt_masks)
    if drawn + truth == 0:
        raise MetricError("No defect pixel exists and none was drawn; F1 is undefined.")
    return 2.0 * both / (drawn + truth)


def iou(masks: Sequence[BoolArray], gt_masks: Sequence[BoolArray]) -> float:
    """Intersection over union of drawn and true pixels, pooled over all images."""
    both, drawn, truth, _ = _counts(masks, gt_masks)
    if drawn + truth == 0:
        raise MetricError("No defect pixel exists and none was drawn; IoU is undefined.")
    return both / (drawn + truth - both)


def pixel_accuracy(masks: Sequence[BoolArray], gt_masks: Sequence[BoolArray]) -> float:
    """Share of pixels drawn rightly or left rightly; near 1 for any method on small defects."""
    both, drawn, truth, total = _counts(masks, gt_masks)
    if total == 0:
        raise MetricError("There is no pixel to compare. Give at least one image.")
    return 1.0 - (drawn + truth - 2 * both) / total


def _counts(masks: Sequence[BoolArray], gt_masks: Sequence[BoolArray]) -> tuple[int, int, int, int]:
    """Pixels in both, drawn, true, and in all."""
    _check_pairs(masks, gt_masks)
    pairs = list(zip(masks, gt_masks, strict=True))
    both = sum(int(np.count_nonzero(a & b)) for a, b in pairs)
    drawn = sum(int(np.count_nonzero(a)) for a, _ in pairs)
    truth = sum(int(np.count_nonzero(b)) for _, b in pairs)
    return both, drawn, truth, sum(a.size for a, _ in pairs)


def _check_pairs(maps: Sequence[Any], masks: Sequence[BoolArray]) -> None:
    if len(maps) != len(masks):
        raise MetricError(f"{len(maps)} maps with {len(masks)} masks. Give one mask per map.")
    for index, (values, mask) in enumerate(zip(maps, masks, strict=True)):
        if values.shape != mask.shape or values.ndim != 2:
            raise MetricError(
                f"Image {index}: map {values.shape} and mask {mask.shape}. Both are (H, W); "
                "resize the map to the mask, never the mask."
            )
        if mask.dtype != np.bool_:
            raise MetricError(f"Image {index}: mask of type {mask.dtype}; it must be bool.")
