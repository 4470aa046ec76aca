"""Choose both decision points of a bundle on labelled images: from costs, a limit or a capacity.

Nothing is refitted; scores and score curve stay. The images that choose are remembered with the
bundle, so that ``evaluate`` refuses them: chosen on calibration data, reported on test data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from offspec.bundle import Bundle
from offspec.datasets import Dataset
from offspec.decision import Calibration
from offspec.decisions.operating_asked import Asked
from offspec.decisions.operating_input import ProgressCall, Validation, read_validation
from offspec.decisions.operating_result import (
    Estimate,
    OperatingResult,
    Rate,
    bootstrap_points,
    estimate_cost,
    estimate_fixed,
    sensitivity,
    without_inspection,
)
from offspec.decisions.operating_rule import Scores, choose_points, scores_of
from offspec.decisions.probability_fit import ProbabilityReport, report_probability
from offspec.errors import DatasetError, OptionError
from offspec.fit_plan import NormalImage
from offspec.guarantee import MIN_NORMALS
from offspec.operating_points import (
    FIXED,
    HIGHEST,
    PER,
    Costs,
    Points,
    cost_of_bad,
    cost_of_good,
    expected_cost,
    to_deviation,
    to_limits,
)
from offspec.types import DoubleArray

CURVE_POINTS = 80


def choose_operating_points(
    bundle: Bundle,
    dataset: Dataset | Path | str,
    asked: Asked,
    *,
    threads: int | None = None,
    progress: ProgressCall | None = None,
    seed: int = 0,
    leave_out: bool = False,
) -> tuple[Bundle, OperatingResult]:
    """Choose both decision points, and fit the probability of a defect where defects are labelled.

    Args:
        bundle: A fitted model; graphs and score curve stay as they are.
        dataset: Labelled images it has not learned from; all splits count.
        asked: What decides.
        threads: CPU threads.
        progress: Called with (stage, done, total).
        seed: Of folds and resampling.
        leave_out: Leave out images that the model learned from, in place of refusing them.

    Returns:
        The bundle with other decision points, and everything about the choice.

    Raises:
        DatasetError: Images the model learned from, a class missing, labels of regions that the
            template lacks, or too few images to support the claim.
        OptionError: The bundle's calibration is provisional.

    Example:
        >>> changed, result = choose_operating_points(
        ...     bundle, "labelled", Asked(Costs(100, 1, 0.5, 0.01)))  # doctest: +SKIP
    """
    before = bundle.manifest.calibration
    if before.provisional:
        raise OptionError(
            "The calibration of this bundle is provisional: it says review for ng, whatever costs "
            f"say. Give `offspec calibrate --normal DIR` at least {MIN_NORMALS} good images first, "
            "or fit with more."
        )
    validation = read_validation(
        bundle, dataset, threads=threads, progress=progress, leave_out=leave_out
    )
    scores, warnings = scores_of(validation, before)
    _check_classes(validation, asked)
    points, claim = choose_points(asked, scores, before)
    probability = _probability(validation, asked, scores, seed)
    if progress is not None:
        progress("choose", 0, 1)
    result = OperatingResult(
        rule=asked.rule,
        asked=asked.to_dict(),
        points=points,
        validation=_counts(validation, scores),
        claim=claim,
        regions=_regions(validation, before.with_decision_points(points.t_ng, points.t_review)),
        types=_unseen(validation, asked, scores, before),
        probability=probability,
        warnings=tuple(warnings),
        errors=tuple(error.to_dict() for error in validation.errors),
    )
    if asked.costs is not None:
        result = _with_costs(result, asked.costs, scores, seed)
    if progress is not None:
        progress("choose", 1, 1)
    return _changed(bundle, validation, result), result


def _check_classes(validation: Validation, asked: Asked) -> None:
    good, bad = len(validation.of("ok")), len(validation.of("ng"))
    if not good:
        raise DatasetError(
            f"The validation images hold {bad} defective and no good one. What a threshold stops "
            "is counted on good images. Add good images that the model has not learned from."
        )
    if not bad and asked.rule in ("costs", "max_miss_rate"):
        what = "Costs weigh" if asked.rule == "costs" else "A highest miss rate counts"
        raise DatasetError(
            f"The validation images hold {good} good and no defective one. {what} defects that "
            "are let through. Add labelled defects, or give --max-false-alarm-rate, or "
            "--review-capacity and --parts-per-shift."
        )


def _with_costs(
    result: OperatingResult, costs: Costs, scores: Scores, seed: int
) -> OperatingResult:
    """The same with everything that costs allow to say."""
    good, bad, known, units = scores.good, scores.bad, scores.known, scores.units
    points, chosen = estimate_cost(costs, good, bad, known, units=units, seed=seed)
    fixed = estimate_fixed(costs, "fixed 0.5", FIXED, good, bad, units=units, seed=seed)
    alternatives = (chosen, fixed, *without_inspection(costs))
    warnings = [*result.warnings, *_cost_warnings(points, alternatives)]
    return replace(
        result,
        alternatives=alternatives,
        intervals=bootstrap_points(costs, good, bad, known, units=units, seed=seed),
        moves=tuple(sensitivity(costs, good, bad, known, units=units, seed=seed)),
        curve=_cost_curve(costs, good, bad),
        warnings=tuple(warnings),
    )


def _cost_warnings(points: Points, alternatives: tuple[Estimate, ...]) -> list[str]:
    chosen, fixed, *others = alternatives
    best = min(others, key=lambda one: one.cost)
    words = []
    if fixed.cost < chosen.cost:
        words.append(
            f"Fixed at 0.5 the same images cost less, {PER * fixed.cost:.4g} against "
            f"{PER * chosen.cost:.4g}: every image is counted with thresholds chosen without it, "
            "which few images make unsteady, while 0.5 was set before them. More labelled images "
            "tell which is right."
        )
    if points.review >= HIGHEST:
        words.append(
            "At these costs and with these images, stopping anything costs more than it saves: "
            "everything that can be judged is let through."
        )
    elif best.cost < chosen.cost:
        words.append(
            f"To {best.name} would cost {PER * best.cost:.4g} per {PER} parts, less than the "
            f"{PER * chosen.cost:.4g} estimated for the chosen thresholds."
        )
    elif chosen.high > best.cost:
        words.append(
            f"With so few images it is not certain that this is cheaper than to {best.name} "
            f"({PER * best.cost:.4g} per {PER} parts)."
        )
    return words


def _cost_curve(costs: Costs, good: DoubleArray, bad: DoubleArray) -> dict[str, list[float]]:
    """Counted cost per 1000 parts over one threshold: above it all is ng, or all is review."""
    at = np.linspace(0.01, 0.999, CURVE_POINTS)
    rows: dict[str, list[float]] = {"t": [], "stop": [], "review": []}
    for t in at:
        limit = to_limits(float(t))
        for name, points in (("stop", Points(limit, limit)), ("review", Points(limit, HIGHEST))):
            pair = (cost_of_good(costs, points, good), cost_of_bad(costs, points, bad))
            rows[name].append(PER * expected_cost(costs, *pair))
        rows["t"].append(float(t))
    return rows


# -- what stands beside it ---------------------------------------------------------


def _probability(
    validation: Validation, asked: Asked, scores: Scores, seed: int
) -> ProbabilityReport | None:
    """The map from score to probability; None without defects or a stated defect rate."""
    judged = [item for item in validation.items if item.x is not None]
    if not scores.bad.size or asked.rate is None:
        return None
    return report_probability(
        np.array([item.x for item in judged], np.float64),
        np.array([item.label == "ng" for item in judged]),
        asked.rate,
        units=[item.unit for item in judged],
        seed=seed,
    )


def _counts(validation: Validation, scores: Scores) -> dict[str, Any]:
    good, bad = validation.of("ok"), validation.of("ng")
    return {
        "good": len(good),
        "defective": len(bad),
        "good_units": len(set(scores.units[0] or ())),
        "defective_units": len(set(scores.units[1] or ())),
        "invalid_good": sum(item.invalid for item in good),
        "invalid_defective": sum(item.invalid for item in bad),
        "known_normals": int(scores.known.size),
        "unlabelled": validation.unlabelled,
        "left_out": len(validation.left_out),
    }


def _regions(validation: Validation, calibration: Calibration) -> tuple[dict[str, Any], ...]:
    """Raw thresholds of every region, and counts where its truth is known."""
    rows = []
    for region_id in calibration.scales:
        counts = {
            side: {"ok": 0, "review": 0, "ng": 0, "invalid": 0} for side in ("good", "defective")
        }
        for item in validation.items:
            label = item.region_labels.get(region_id)
            if label is not None:
                verdict = calibration.region_verdict(region_id, item.raws.get(region_id))
                counts["good" if label == "ok" else "defective"][verdict] += 1
        rows.append(
            {
                "id": region_id,
                "review_raw": calibration.decision_raw(region_id, calibration.t_review),
                "ng_raw": calibration.decision_raw(region_id, calibration.t_ng),
                **counts,
            }
        )
    return tuple(rows)


def _unseen(
    validation: Validation, asked: Asked, scores: Scores, calibration: Calibration
) -> tuple[dict[str, Any], ...]:
    """Detection of every defect type by thresholds chosen without that type."""
    kinds = np.array([item.defect_type for item in validation.of("ng")])
    types = sorted(set(kinds.tolist()))
    if len(types) < 2 or asked.rule not in ("costs", "max_miss_rate"):
        return ()
    rows = []
    for kind in types:
        own = kinds == kind
        rest = replace(scores, bad=scores.bad[~own])
        row: dict[str, Any] = {"type": kind, "images": int(own.sum()), "reason": None}
        try:
            points, _ = choose_points(asked, rest, calibration)
        except DatasetError as error:
            rows.append({**row, "t_review": None, "t_ng": None, "detected": None,
                         "reason": str(error)})  # fmt: skip
            continue
        found = Rate(int((scores.bad[own] > points.review).sum()), int(own.sum()))
        rows.append(
            {
                **row,
                "t_review": to_deviation(points.review),
                "t_ng": to_deviation(points.ng),
                "detected": found.to_dict(),
            }
        )
    return tuple(rows)


def _changed(bundle: Bundle, validation: Validation, result: OperatingResult) -> Bundle:
    """The bundle with the choice, its images and its history."""
    manifest = bundle.manifest
    before = manifest.calibration
    after = before.with_decision_points(result.points.t_ng, result.points.t_review)
    if result.probability is not None:
        after = replace(after, probability=result.probability.fitted)
    chosen = result.alternatives[0].to_dict() if result.alternatives else None
    event: Mapping[str, Any] = {
        "event": "operating_points",
        "rule": result.rule,
        "asked": dict(result.asked),
        "t_review_before": before.t_review,
        "t_ng_before": before.t_ng,
        "t_review_after": after.t_review,
        "t_ng_after": after.t_ng,
        "threshold_intervals": result.to_dict()["threshold_intervals"],
        "validation": dict(result.validation),
        "claim": result.to_dict()["claim"],
        "expected": chosen,
        "probability": None if result.probability is None else result.probability.to_dict(),
        "warnings": list(result.warnings),
    }
    return changed(bundle, after, event, [item.image for item in validation.items])


def changed(
    bundle: Bundle, after: Calibration, event: Mapping[str, Any], images: Sequence[NormalImage]
) -> Bundle:
    """The bundle with another calibration, its history, and the images that chose it."""
    manifest = bundle.manifest
    return replace(
        bundle,
        manifest=replace(
            manifest,
            calibration=after,
            learned_sha256=manifest.learned_sha256 + tuple(one.sha256 for one in images),
            learned_phash=manifest.learned_phash + tuple(one.signature for one in images),
            history=(*manifest.history, event),
        ),
    )
