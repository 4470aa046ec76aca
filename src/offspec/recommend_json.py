"""A recommendation for programs; the keys are documented and stable."""

from __future__ import annotations

from typing import Any

from offspec.recommend_measure import Measured
from offspec.recommend_result import Recommendation
from offspec.recommend_words import reasons, warnings, wrong


def row(result: Recommendation, name: str, one: Measured) -> dict[str, Any]:
    """One candidate's figures, at its own best rate."""
    choice = result.choice
    assert choice is not None  # noqa: S101 - rows exist only where a choice was made
    versus = {v.name: v for v in choice.others}.get(name)
    rate = choice.rate if versus is None else versus.rate
    return {
        "name": name,
        "detector": one.candidate.detector,
        "backbone": one.candidate.backbone,
        "resolution": one.candidate.resolution,
        "false_alarm_rate": rate,
        "detection_rate": 1 - one.trials.miss_rate(rate),
        "detection_by_width": {
            f"{width:g}": share for width, share in one.trials.detection_by_width(rate).items()
        },
        "observed_false_alarm_rate": one.trials.false_rate(rate),
        "loss": choice.loss if versus is None else versus.loss,
        "loss_more": 0.0 if versus is None else versus.more,
        "loss_more_interval": [0.0, 0.0] if versus is None else [versus.low, versus.high],
        "pixel_auroc": one.pixel_auroc,
        "aupro_30": one.aupro,
        "invalid": one.invalid,
        "normals": one.normals,
        "fit_s": round(one.fit_s, 3),
        "bundle_bytes": one.bundle_bytes,
        "threshold_status": one.status,
        "speed": one.speed.to_dict(),
    }


def to_dict(result: Recommendation) -> dict[str, Any]:
    """The JSON form of a recommendation."""
    proposal, choice, found = result.proposal, result.choice, result.measurement
    measured = None
    if choice is not None and found is not None:
        measured = {
            "made_defects": found.made,
            "good": found.good,
            "defective": found.bad,
            "chosen": choice.name,
            "loss": choice.loss,
            "loss_interval": [choice.low, choice.high],
            "loss_is": "cost_per_1000_parts" if result.needs.costs else "sum_of_rates",
            "by_localisation": choice.by_localisation,
            "no_inspection_loss": result.no_inspection_loss(),
            "default_loss": (result.default_loss() or (None, None))[1],
            "candidates": [row(result, name, one) for name, one in found.found.items()],
            "scenarios": [
                {
                    "if": s.words,
                    "name": s.name,
                    "false_alarm_rate": s.rate,
                    "regret": s.regret,
                }
                for s in choice.scenarios
            ],
        }
    return {
        "answers": result.problem.answers.model_dump(mode="json"),
        "assumed": dict(result.needs.assumed),
        "look": result.look.to_dict(),
        "proposal": {
            "measured": proposal.measured,
            "provisional": proposal.provisional,
            "false_alarm_rate_from": proposal.rate_from,
            "size_policy": result.look.job.template.size_policy,
            "max_shift_px": proposal.max_shift_px,
            "max_rotation_deg": proposal.max_rotation_deg,
            "normals_to_certify": proposal.certify,
            "normals_to_promise": proposal.promise,
            "speed": None if proposal.speed is None else proposal.speed.to_dict(),
            "too_slow": proposal.too_slow,
            "busy": result.busy,
            "config": result.run_config().model_dump(mode="json"),
        },
        "measured": measured,
        "left_out": dict(result.unusable),
        "reasons": reasons(result),
        "wrong": wrong(result),
        "warnings": warnings(result),
    }
