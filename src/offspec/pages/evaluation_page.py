"""From an evaluation to the arguments of the HTML report."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from offspec.bundle import Bundle
from offspec.evaluation import EvaluationItem, EvaluationResult
from offspec.images import read_image
from offspec.machine import describe_machine
from offspec.report import MAX_SHOTS, ReportItem, write_report
from offspec.restored import Restorer, restores


def write_evaluation_report(
    path: Path,
    bundle: Bundle,
    result: EvaluationResult,
    *,
    threads: int | None = None,
    pictures: int = MAX_SHOTS,
) -> None:
    """Write the report of one evaluation; pictures are read from the dataset when they are shown.

    Args:
        path: The HTML file.
        bundle: What was evaluated.
        result: Of the evaluation.
        threads: Named in the report.
        pictures: Images shown in each section of pictures.

    Raises:
        WriteError: The file cannot be written; nothing half-written is left.
    """
    manifest = bundle.manifest
    restorer = Restorer(bundle) if restores(bundle) else None
    write_report(
        path,
        title=manifest.template.name,
        metrics=result.metrics,
        reasons=result.reasons,
        per_type=result.metrics["by_defect_type"],
        items=[_item(item, bundle, restorer) for item in result.items],
        calibration_info=_calibration_info(bundle),
        model_info=_model_info(bundle, threads),
        dataset_info=result.dataset,
        pictures=pictures,
    )


def _item(item: EvaluationItem, bundle: Bundle, restorer: Restorer | None) -> ReportItem:
    inspection = item.inspection
    raws = {r.id: r.raw_score for r in inspection.regions if r.raw_score is not None}
    score = None
    if raws and not item.invalid:
        score = bundle.manifest.calibration.image_score(raws)
    reasons = [r.reason.message for r in inspection.regions if r.reason is not None]
    return ReportItem(
        key=item.key,
        label=item.label,
        defect_type=item.defect_type,
        verdict=inspection.verdict,
        deviation_score=inspection.deviation_score,
        raw_score=score,
        log_p=None if item.rank is None else -item.rank,
        alignment=inspection.alignment,
        timing_ms=inspection.timing_ms,
        reason=reasons[0] if item.invalid and reasons else None,
        image=functools.partial(read_image, item.path),
        anomaly_map=inspection.anomaly_map,
        mask=inspection.mask,
        gt_mask=item.gt_mask,
        restored=None
        if restorer is None
        else functools.partial(restorer.restore, alignment=inspection.alignment),
    )


def _calibration_info(bundle: Bundle) -> dict[str, Any]:
    calibration = bundle.manifest.calibration
    levels = [threshold.high for threshold in bundle.manifest.pixel_thresholds.values()]
    return {
        "threshold_raw": calibration.threshold.raw,
        "status": calibration.status,
        "words": calibration.words,
        "alpha": calibration.threshold.alpha,
        "n": calibration.threshold.n,
        "guarantee_upper": calibration.guarantee_upper,
        "normal_scores": list(calibration.curve.scores),
        "pixel_threshold": float(np.median(levels)),
    }


def _model_info(bundle: Bundle, threads: int | None) -> dict[str, Any]:
    manifest = bundle.manifest
    machine = describe_machine(threads)
    return {
        "offspec": manifest.offspec_version,
        "detector": manifest.detector.get("name"),
        "backbone": manifest.detector.get("backbone"),
        "regions": len(manifest.template.regions),
        "alignment": manifest.template.alignment.mode,
        "size policy": manifest.template.size_policy,
        "images learned from or set on": len(manifest.learned_sha256),
        "seed": manifest.seed,
        "machine": f"{machine['machine']}, {machine['threads']} threads",
        "notes": " ".join(manifest.notes) or "none",
    }
