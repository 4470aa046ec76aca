"""One self-contained HTML report of an evaluation: opens offline, prints, runs no script.

Written for two readers: a quality manager, who needs the first screen, and an engineer, who needs
to know what was missed, why, and what the threshold promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from offspec.images import atomic_write
from offspec.report_item import ReportItem
from offspec.report_page import page
from offspec.report_sections import (
    MAX_SHOTS,
    alignment_section,
    image_section,
    key_figures,
    metric_section,
    picture_sections,
    provenance_section,
    ranking_section,
    rates_section,
    score_section,
    timing_section,
    type_section,
    verdict_block,
)

__all__ = ["MAX_SHOTS", "ReportItem", "render_report", "write_report"]


def write_report(
    path: Path | str,
    *,
    title: str,
    metrics: Mapping[str, Any],
    reasons: Mapping[str, str],
    per_type: Sequence[Mapping[str, Any]],
    items: Sequence[ReportItem],
    calibration_info: Mapping[str, Any],
    model_info: Mapping[str, Any],
    dataset_info: Mapping[str, Any],
    pictures: int = MAX_SHOTS,
) -> None:
    """Write the report as one HTML file, whole or not at all.

    Args:
        path: The HTML file.
        title: Heading, such as the template's name.
        metrics: Figures by name, as ``evaluate`` gives them; None where undefined.
        reasons: Name of an undefined figure -> why.
        per_type: One row per defect type: defect_type, images, detected, invalid,
            detection_rate, image_auroc.
        items: Every test image.
        calibration_info: threshold_raw, status, words, alpha, n, guarantee_upper,
            normal_scores (in threshold units); optional pixel_threshold (raw map units, fixes
            the heat colours).
        model_info: Names and values shown as they are; ``machine`` is named beside the timing.
        dataset_info: Names and values shown as they are.
        pictures: Images shown in each section of pictures.

    Raises:
        WriteError: The file cannot be written; nothing half-written is left.
    """
    text = render_report(
        title=title,
        metrics=metrics,
        reasons=reasons,
        per_type=per_type,
        items=items,
        calibration_info=calibration_info,
        model_info=model_info,
        dataset_info=dataset_info,
        pictures=pictures,
    )
    atomic_write(path, text.encode("utf-8"))


def render_report(
    *,
    title: str,
    metrics: Mapping[str, Any],
    reasons: Mapping[str, str],
    per_type: Sequence[Mapping[str, Any]],
    items: Sequence[ReportItem],
    calibration_info: Mapping[str, Any],
    model_info: Mapping[str, Any],
    dataset_info: Mapping[str, Any],
    pictures: int = MAX_SHOTS,
) -> str:
    """The report as text; arguments as ``write_report``."""
    good = sum(i.label == "ok" for i in items)
    subtitle = f"Inspection report: {good} good and {len(items) - good} defective test images"
    heat = heat_threshold(items, calibration_info)
    machine = str(model_info.get("machine", ""))
    body = [
        f'<header class="top"><div><h1>{escape(title)}</h1><p class="sub">{escape(subtitle)}</p>'
        "</div></header>",
        verdict_block(metrics),
        key_figures(metrics, calibration_info),
        *picture_sections(items, heat, pictures),
        rates_section(metrics),
        score_section(items, calibration_info),
        ranking_section(items, metrics),
        type_section(per_type, metrics.get("by_region")),
        metric_section(metrics, reasons),
        alignment_section(items, metrics),
        timing_section(items, metrics, machine),
        provenance_section(model_info, dataset_info),
        image_section(items),
        "<footer>Written by offspec. The threshold and every setting were fixed on normal images "
        "before these test images were scored.</footer>",
    ]
    return page(f"{title}: inspection report", body)


def heat_threshold(
    items: Sequence[ReportItem], calibration_info: Mapping[str, Any]
) -> float | None:
    """The map value at the middle of the heat scale, one for all pictures of a report.

    The shipped drawing threshold where it is given; else the highest value on the good images'
    maps, the middle one of them.
    """
    given = calibration_info.get("pixel_threshold")
    if given is not None and np.isfinite(given) and given > 0:
        return float(given)
    maps = [i.anomaly_map for i in items if i.anomaly_map is not None]
    calm = [i.anomaly_map for i in items if i.label == "ok" and i.anomaly_map is not None]
    peaks = [float(m.max(initial=0.0)) for m in (calm or maps)]
    middle = float(np.median(peaks)) if peaks else 0.0
    return middle if middle > 0 else None
