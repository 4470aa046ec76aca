"""What a fit says of its bundle: the JSON of ``fit`` and ``calibrate``, and of a server's model."""

from __future__ import annotations

from typing import Any

from offspec.bundle import Bundle


def fit_summary(bundle: Bundle) -> dict[str, Any]:
    """Threshold with what it promises, decision points, regions, notes and seed."""
    manifest = bundle.manifest
    calibration = manifest.calibration
    threshold = calibration.threshold
    return {
        "threshold": {
            "raw": threshold.raw,
            "status": calibration.status,
            "false_alarm_rate": threshold.alpha,
            "n": threshold.n,
            "guarantee_upper": calibration.guarantee_upper,
            "words": calibration.words,
        },
        "t_review": calibration.t_review,
        "t_ng": calibration.t_ng,
        "template": manifest.template.name,
        "detector": str(manifest.detector.get("name", "")),
        "regions": [
            {
                "id": region.id,
                "name": region.name,
                "threshold_raw": calibration.region_threshold_raw(region.id),
            }
            for region in manifest.template.regions
        ],
        "notes": list(manifest.notes),
        "seed": manifest.seed,
    }
