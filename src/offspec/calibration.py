"""Calibrate a template on the scores of normal images.

One curve p(T) is calibrated per template, on T = max over regions of z, so that the asked
false-alarm rate is the share of good images stopped, however many regions there are. Pure
functions of scores: NumPy and OpenCV only. The names of the neighbouring modules are
gathered here.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from offspec.decision import (
    Calibration,
    Override,
    RegionScale,
    Threshold,
    deviation,
    image_verdict,
)
from offspec.drawing import (
    Component,
    PixelThreshold,
    components,
    draw_mask,
    pixel_threshold,
)
from offspec.errors import InputError
from offspec.guarantee import (
    CONFIDENCE,
    MIN_NORMALS,
    certified_rank,
    clopper_pearson,
    guarantee_upper,
    guarantee_words,
    normals_needed,
    normals_to_certify,
)
from offspec.score_curve import ScoreCurve, raw_step_of
from offspec.types import DoubleArray, FloatArray, ThresholdStatus

__all__ = [
    "CONFIDENCE",
    "MIN_NORMALS",
    "Calibration",
    "Component",
    "Override",
    "PixelThreshold",
    "RegionScale",
    "ScoreCurve",
    "Threshold",
    "calibrate",
    "certified_rank",
    "clopper_pearson",
    "components",
    "deviation",
    "draw_mask",
    "guarantee_upper",
    "guarantee_words",
    "image_verdict",
    "normals_needed",
    "normals_to_certify",
    "pixel_threshold",
    "region_score",
    "score_k",
    "threshold_of",
]

_MAD_TO_SIGMA = 1.4826
_MEAN_TO_SIGMA = 1.2533  # of the mean absolute deviation, for a normal distribution


def threshold_of(
    curve: ScoreCurve,
    alpha: float,
    *,
    cross_fitted: bool,
    provisional: bool = False,
    n_groups: int | None = None,
) -> Threshold:
    """Place the threshold on a curve: the j-th largest score, or where the tail reaches alpha."""
    n, j = curve.n, certified_rank(alpha, curve.n)
    raw = curve.scores[n - j] if j else curve.raw_at(math.log(alpha))
    status: ThresholdStatus = "certified" if j else "extrapolated"
    # A threshold above every score promises at least what the largest score does.
    upper: float | None = guarantee_upper(n, max(j, 1))
    if provisional:
        status, upper = "provisional", None
    words = guarantee_words(
        n=n,
        above=int(np.sum(np.asarray(curve.scores) > raw)),
        upper=upper,
        alpha=alpha,
        status=status,
        cross_fitted=cross_fitted,
        n_groups=n_groups,
    )
    return Threshold(raw, status, alpha, j, n, upper, words)


def calibrate(
    raw_by_region: Mapping[str, Sequence[float]],
    alpha: float,
    *,
    cross_fitted: bool,
    provisional: bool = False,
    groups: Sequence[Hashable] | None = None,
    raw_step: float = 0.0,
) -> Calibration:
    """Calibrate a template on the raw scores of normal images.

    Args:
        raw_by_region: Region id to n raw scores >= 0, one per image, the same image order in
            every region.
        alpha: Asked share of good images stopped, in (0, 1).
        cross_fitted: Each score came from a model that saw the other normals.
        provisional: The scores are of nuisance renders of the reference; any n >= 1 will do.
        groups: One label per image; equal labels are near-duplicates. None = all independent.
        raw_step: Smallest informative raw difference; 0 = from the scores' size.

    Raises:
        InputError: Scores are missing, not finite, negative or of unequal number; fewer than
            5 normals without ``provisional``.
    """
    scores = _check_scores(raw_by_region)
    n = len(next(iter(scores.values())))
    labels: list[Hashable] = list(range(n)) if groups is None else list(groups)
    if len(labels) != n:
        raise InputError(f"{len(labels)} group labels for {n} images. Give one per image.")
    if n < MIN_NORMALS and not provisional:
        raise InputError(
            f"{n} normal images are too few to calibrate; at least {MIN_NORMALS} are needed. "
            "Add normal images, or calibrate provisionally on renders of the reference."
        )
    n_groups = len(set(labels))
    if len(scores) == 1:
        scales = {key: RegionScale() for key in scores}
        ((_, total),) = scores.items()
        origin, step = 0.0, raw_step
    else:
        steps = {key: raw_step or raw_step_of(values) for key, values in scores.items()}
        scales = {key: _scale_of(values, steps[key]) for key, values in scores.items()}
        total = _held_out_max(scores, labels, steps)
        origin = max(s.z(0.0) for s in scales.values())
        step = max(steps[key] / s.scale for key, s in scales.items())
    curve = ScoreCurve.from_scores(total, origin=origin, raw_step=step)
    threshold = threshold_of(
        curve, alpha, cross_fitted=cross_fitted, provisional=provisional, n_groups=n_groups
    )
    return Calibration(
        curve,
        scales,
        threshold,
        cross_fitted=cross_fitted,
        provisional=provisional,
        n_groups=n_groups,
    )


def _check_scores(raw_by_region: Mapping[str, Sequence[float]]) -> dict[str, DoubleArray]:
    scores = {key: np.asarray(v, np.float64).ravel() for key, v in raw_by_region.items()}
    sizes = {len(v) for v in scores.values()}
    if len(sizes) != 1 or 0 in sizes:
        raise InputError(
            f"Region scores have lengths {sorted(sizes)}. Every region needs one score per "
            "normal image, and at least one image. Leave out images with an invalid region."
        )
    for key, values in scores.items():
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise InputError(
                f"Region '{key}' has a score that is negative or not finite. Raw scores are "
                ">= 0. Leave out images that could not be scored."
            )
    return scores


def _scale_of(values: DoubleArray, step: float) -> RegionScale:
    """Median and robust spread; the mean deviation stands in when half the scores are equal."""
    median = float(np.median(values))
    away = np.abs(values - median)
    spread = _MAD_TO_SIGMA * float(np.median(away)) or _MEAN_TO_SIGMA * float(np.mean(away))
    return RegionScale(median, max(spread, step))


def _held_out_max(
    scores: Mapping[str, DoubleArray], labels: list[Hashable], steps: Mapping[str, float]
) -> DoubleArray:
    """T per image, every group's z taken with scales estimated without that group."""
    total = np.full(len(labels), -np.inf)
    for key, values in scores.items():
        for label in dict.fromkeys(labels):
            inside = np.array([other == label for other in labels])
            others = values[~inside] if not inside.all() else values
            scale = _scale_of(others, steps[key])
            total[inside] = np.maximum(total[inside], (values[inside] - scale.median) / scale.scale)
    return total


def score_k(smallest_defect_area_px: float, region_area_px: int) -> int:
    """Count k of the region score: the smallest defect's area, between 4 and 1 % of the region.

    Args:
        smallest_defect_area_px: Area in map pixels.
        region_area_px: Pixels of the region in the map, after exclusions.
    """
    if region_area_px < 1:
        raise InputError(
            f"The region has {region_area_px} pixels left after exclusions. It needs at least "
            "one. Shrink the exclusions."
        )
    k = max(4, min(round(smallest_defect_area_px), region_area_px // 100))
    return min(k, region_area_px)


def region_score(values: FloatArray, k: int) -> float:
    """Mean of the k largest map values inside a region, raw, in float64 and sorted order.

    Args:
        values: Map values inside the region after exclusions, any shape, n >= 1.
        k: From :func:`score_k`.
    """
    flat = values.ravel()
    if flat.size <= k:
        return float(np.sort(flat).mean(dtype=np.float64))
    # Sorted, so that the sum does not depend on how the partition left the order.
    return float(np.sort(np.partition(flat, flat.size - k)[-k:]).mean(dtype=np.float64))
