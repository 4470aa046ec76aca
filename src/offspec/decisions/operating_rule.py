"""From scores of labelled images to both thresholds, by whatever was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from offspec.decision import Calibration
from offspec.decisions.operating_asked import Asked
from offspec.decisions.operating_input import Validation, known_normals
from offspec.decisions.operating_result import Rate, Units
from offspec.errors import DatasetError
from offspec.operating_limits import Limited, limit_false_alarms, limit_misses
from offspec.operating_points import LOWEST, Points, candidates, choose, good_survival, to_limits
from offspec.types import DoubleArray

DIFFER = 0.001  # p of a rank test, below which validation and known normals are not pooled


@dataclass(frozen=True, slots=True)
class Scores:
    """What a choice is made from, in limits."""

    good: DoubleArray
    bad: DoubleArray
    known: DoubleArray
    units: Units


def scores_of(validation: Validation, calibration: Calibration) -> tuple[Scores, list[str]]:
    """Scores in limits; known normals count where validation looks like them."""
    good, bad = validation.limits("ok"), validation.limits("ng")
    known, words = pooled_normals(good, known_normals(calibration))
    units = (validation.units("ok"), validation.units("ng"))
    return Scores(good, bad, known, units), words


def pooled_normals(good: DoubleArray, known: DoubleArray) -> tuple[DoubleArray, list[str]]:
    """The known normals where good validation images score like them, else none and a warning."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415 - slow to load

    seen = good[np.isfinite(good)]
    if not known.size or not seen.size:
        return known, []
    p = float(mannwhitneyu(seen, known).pvalue)
    if p >= DIFFER:
        return known, []
    higher = float(np.median(seen)) > float(np.median(known))
    return np.empty(0), [
        f"Good validation images score {'higher' if higher else 'lower'} than the normals of the "
        f"fit (rank test, p = {p:.2g}), so only they were used. Light, camera or material may "
        "differ: `offspec check` looks for the cause, `offspec calibrate --normal` adapts."
    ]


def choose_points(
    asked: Asked, scores: Scores, calibration: Calibration
) -> tuple[Points, dict[str, Any] | None]:
    """Both thresholds, and for a limit or a capacity what was counted and what is promised.

    Raises:
        DatasetError: Too few images to support the claim, or too many that cannot be judged.
    """
    if asked.costs is not None:
        return choose(asked.costs, scores.good, scores.bad, scores.known), None
    if asked.max_miss_rate is not None:
        found = limit_misses(scores.bad, asked.max_miss_rate)
        return _limited(_into_the_gap(found, scores), "miss_rate")
    if asked.max_false_alarm_rate is not None:
        found = limit_false_alarms(scores.good, asked.max_false_alarm_rate)
        return _limited(found, "false_alarm_rate")
    assert asked.capacity is not None  # noqa: S101 - Asked holds exactly one
    at = candidates(scores.good, scores.bad, scores.known)
    above = good_survival(scores.good, scores.known, at)
    fits = np.flatnonzero(above <= asked.capacity.rate)
    if not fits.size:
        lost = int(np.isinf(scores.good).sum())
        raise DatasetError(
            f"{lost} of {scores.good.size} good images cannot be judged, more than the capacity of "
            f"{asked.capacity.reviews:g} reviews for {asked.capacity.parts:g} parts. No threshold "
            "keeps it. Improve the images, or raise the capacity."
        )
    review = float(at[fits[0]])
    stopped = Rate(int((scores.good > review).sum()), scores.good.size)
    claim = {
        "of": "false_alarm_rate",
        "expected": float(above[fits[0]]),
        "per_shift": float(above[fits[0]]) * asked.capacity.parts,
        **stopped.to_dict(),
    }
    return Points(review, max(review, to_limits(calibration.t_ng))), claim


def _into_the_gap(found: Limited, scores: Scores) -> Limited:
    """The middle between the threshold and the good images below it.

    It stops no good image more that was seen, misses no more, and leaves room for weaker defects.
    """
    seen = np.concatenate([scores.good, scores.known])
    below = float(seen[seen < found.limits].max(initial=LOWEST))
    at = (below + found.limits) / 2
    return replace(found, limits=at, count=int((scores.bad <= at).sum()))


def _limited(found: Limited, of: str) -> tuple[Points, dict[str, Any]]:
    claim = {
        "of": of,
        "value": found.rate,
        "k": found.count,
        "n": found.n,
        "upper": found.upper,
        "rank": found.rank,
    }
    return Points(found.limits, found.limits), claim
