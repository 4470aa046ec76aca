"""The sections of the report, each from results to ready HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from offspec.chart_frame import Tone, number_text
from offspec.charts import (
    Interval,
    Marker,
    Series,
    histogram,
    interval_chart,
    rate_curve,
    scatter,
)
from offspec.errors import MetricError
from offspec.metrics import pr_curve, roc_curve
from offspec.report_item import ReportItem
from offspec.report_page import chip, facts, section, side_by_side, table, titled
from offspec.report_pictures import colour_key, shots
from offspec.report_words import (
    METRIC_WORDS,
    STATUS_LIGHT,
    STATUS_WORDS,
    count_of,
    headline,
    interval_words,
    overall_light,
    percent,
    type_name,
)

Metrics = Mapping[str, Any]
MAX_SHOTS = 6
FEW = 20
MAX_ROWS = 1000
_VERDICT_TONE = {"ok": "good", "ng": "bad", "review": "warn", "invalid": ""}


def verdict_block(metrics: Metrics) -> str:
    """The result in sentences, for a reader with one minute."""
    lines = headline(metrics)
    rows = "".join(f'<li class="t-{li.light}">{escape(li.words)}</li>' for li in lines)
    light = overall_light(lines)
    return f'<section class="verdict t-{light}"><h2>Result</h2><ul>{rows}</ul></section>'


def key_figures(metrics: Metrics, info: Mapping[str, Any]) -> str:
    """Five figures in large type."""
    status = str(info.get("status", "provisional"))
    upper, asked = info.get("guarantee_upper"), info.get("alpha")
    asked_words = f"asked: at most {percent(asked)} of good parts stopped"
    if upper is not None:
        asked_words += f"; shown so far: at most {percent(upper)} (95 % confidence)"
    invalid = metrics.get("invalid") or {}
    lost = int(invalid.get("normal", 0)) + int(invalid.get("defect", 0))
    latency = metrics.get("latency_ms") or {}
    cards = [
        _rate_card("Defective parts found", metrics.get("detection_rate"), good_high=True),
        _rate_card("Good parts stopped", metrics.get("false_stop_rate"), good_high=False),
        _card("Threshold", status, asked_words, STATUS_LIGHT.get(status, "warn")),
        _card(
            "Could not be judged",
            str(lost),
            f"{invalid.get('normal', 0)} good, {invalid.get('defect', 0)} defective",
            "warn" if lost else "good",
        ),
        _card(
            "Time per image",
            "–" if "p50" not in latency else f"{number_text(round(latency['p50'], 1))} ms",
            "" if "p95" not in latency else f"median; 95 of 100 within {latency['p95']:.1f} ms",
            "calm",
        ),
    ]
    return f'<div class="kpis">{"".join(cards)}</div>'


def _card(what: str, value: str, note: str, light: str) -> str:
    css = ' class="word"' if value.isalpha() else ""
    return (
        f'<div class="kpi t-{light}"><span class="what">{escape(what)}</span>'
        f"<b{css}>{escape(value)}</b><span>{escape(note)}</span></div>"
    )


def _rate_card(what: str, rate: Mapping[str, Any] | None, *, good_high: bool) -> str:
    count = count_of(rate)
    if rate is None or count is None:
        return _card(what, "–", "none tested", "calm")
    value = float(rate["value"])
    share = value if good_high else 1 - value
    light = "good" if share >= 0.95 else "warn" if share >= 0.85 else "bad"
    if light == "good" and int(rate["n"]) < FEW:
        light = "calm"  # too few to praise
    return _card(what, percent(value), f"{count} of {rate['n']}; {interval_words(rate)}", light)


def rates_section(metrics: Metrics) -> str:
    """Rates at the shipped threshold, with intervals, with and without invalid images."""
    named: list[tuple[str, str, Tone]] = [
        ("detection_rate", "Defects found", "ok"),
        ("detection_rate_valid", "of judged images", "calm"),
        ("defect_recall", "Single defects touched", "ok"),
        ("false_stop_rate", "Good parts stopped", "ng"),
        ("false_alarm_rate", "for a defect", "ng"),
        ("false_alarm_rate_valid", "of judged images", "calm"),
    ]
    rows = []
    for key, name, tone in named:
        rate = metrics.get(key)
        if rate is not None:
            value, low, high = (float(rate[k]) for k in ("value", "low", "high"))
            note = f"{percent(value)} ({count_of(rate)} of {rate['n']})"
            rows.append(Interval(name, value, low, high, tone, note))
    return section(
        "Rates at the shipped threshold",
        "Dot: measured. Band: 95 % interval; the fewer images, the wider. An image that could not "
        "be judged counts as a missed defect or a stopped good part; grey rows leave those out.",
        f'<div class="narrow">{interval_chart(rows, title="Rates with 95 % intervals")}</div>',
    )


def score_section(items: Sequence[ReportItem], info: Mapping[str, Any]) -> str:
    """Score histograms with the threshold, its status and its guarantee."""
    status = str(info.get("status", "provisional"))
    groups = [
        Series("good, test", _scores(items, "ok"), "ok"),
        Series("defective, test", _scores(items, "ng"), "ng"),
    ]
    normals = list(info.get("normal_scores") or ())
    if normals:
        groups.insert(0, Series("good, calibration", normals, "calm"))
    threshold = info.get("threshold_raw")
    limit = None if threshold is None else Marker(float(threshold), f"threshold ({status})")
    raw = histogram(groups, title="Raw scores", x_label="raw image score", threshold=limit)
    by_label = [
        Series("good", _deviations(items, "ok"), "ok"),
        Series("defective", _deviations(items, "ng"), "ng"),
    ]
    deviation = histogram(
        by_label,
        title="Deviation scores",
        x_label="deviation score",
        threshold=Marker(0.5, "decision point 0.5"),
        x_range=(0.0, 1.0),
        bins=40,
    )
    asked = percent(info.get("alpha"))
    pairs = [
        ("Threshold", "–" if threshold is None else number_text(float(threshold))),
        ("Asked false-alarm rate", asked),
        ("Calibrated on", f"{info.get('n', len(normals))} normal images"),
        ("Status", f"{status}: {STATUS_WORDS.get(status, '')}"),
        ("Guarantee", str(info.get("words", ""))),
    ]
    return section(
        "Scores and threshold",
        "Further right = more unlike the good parts learned from; right of the line is stopped. "
        "The threshold was fixed before these test images were seen.",
        side_by_side(titled("Raw score", raw), titled("Deviation score", deviation)),
        facts(pairs),
    )


def _scores(items: Sequence[ReportItem], label: str) -> list[float]:
    return [i.raw_score for i in items if i.label == label and i.raw_score is not None]


def _deviations(items: Sequence[ReportItem], label: str) -> list[float]:
    return [i.deviation_score for i in items if i.label == label and i.deviation_score is not None]


def ranking_section(items: Sequence[ReportItem], metrics: Metrics) -> str:
    """ROC and precision-recall curves with the point of the shipped threshold."""
    labels, scores = ranks(items)
    good, bad = int((~labels).sum()), int(labels.sum())
    alarms = sum(i.stopped or i.invalid for i in items if i.label == "ok")
    found = sum(i.stopped for i in items if i.label == "ng")
    try:
        fpr, tpr, _ = roc_curve(scores, labels)
        precision, recall, _ = pr_curve(scores, labels)
    except MetricError as error:
        return section("Separating good from defective", str(error))
    at = (alarms / good, found / bad)
    stopped = alarms + found
    at_pr = (found / bad, found / stopped) if stopped else None
    roc = rate_curve(
        [float(v) for v in fpr],
        [float(v) for v in tpr],
        title="ROC curve",
        x_label="share of good parts stopped",
        y_label="share of defects found",
        operating=at,
        diagonal=True,
    )
    pr = rate_curve(
        [float(v) for v in recall],
        [float(v) for v in precision],
        title="Precision-recall curve",
        x_label="share of defects found (recall)",
        y_label="share of stops that are right",
        operating=at_pr,
        steps=True,
    )
    names = [_figure(metrics.get(key)) for key in ("image_auroc", "image_ap")]
    return section(
        "Separating good from defective",
        "Every possible threshold, from strict to lax. The ring is the shipped one. Images that "
        "could not be judged are ranked at the wrong end.",
        side_by_side(titled(f"ROC, area {names[0]}", roc), titled(f"PR, average {names[1]}", pr)),
    )


def ranks(
    items: Sequence[ReportItem],
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.float64]]]:
    """Labels (True = defect) and -ln p; invalid images placed at the wrong end."""
    known = [-i.log_p for i in items if i.log_p is not None and not i.invalid]
    low, high = min(known, default=0.0) - 1.0, max(known, default=0.0) + 1.0
    scores = [
        (low if i.label == "ng" else high) if i.invalid or i.log_p is None else -i.log_p
        for i in items
    ]
    labels = [i.label == "ng" for i in items]
    return np.array(labels, dtype=np.bool_), np.array(scores, dtype=np.float64)


def metric_section(metrics: Metrics, reasons: Mapping[str, str]) -> str:
    """All single figures; an undefined one shows why."""
    rows = []
    for key, name, meaning in METRIC_WORDS:
        if key not in metrics:
            continue
        value = metrics[key]
        why = reasons.get(key, "No reason was recorded.")
        note = escape(meaning) if value is not None else f"Undefined: {escape(why)}"
        rows.append([escape(name), f"<b>{_figure(value)}</b>", f'<div class="why">{note}</div>'])
    return section(
        "Figures for comparison",
        "Pixel figures compare maps and outlines at original resolution. Oracle figures pick their "
        "threshold on these images and cannot be reached in production.",
        table(("Figure", "Value", "Meaning"), rows, numeric=(1,)),
        css="long",
    )


def _figure(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float | int) else "–"


def type_section(per_type: Sequence[Mapping[str, Any]], regions: object) -> str:
    """How each kind of defect fares, then each region."""
    rows = []
    for row in sorted(
        per_type, key=lambda r: float((r.get("detection_rate") or {}).get("value") or 0.0)
    ):
        rate = row.get("detection_rate") or {}
        rows.append(
            [
                escape(type_name(str(row.get("defect_type", "")))),
                str(row.get("images", "")),
                str(row.get("detected", "")),
                str(row.get("invalid", 0)),
                f"{percent(rate.get('value'))}{_rate_bar(rate)}",
                _figure(row.get("image_auroc")),
            ]
        )
    head = ("Defect type", "Images", "Found", "Not judged", "Detection rate", "Image AUROC")
    parts = (
        [table(head, rows, numeric=(1, 2, 3, 5))]
        if rows
        else ["<p>No defective image was tested.</p>"]
    )
    if isinstance(regions, list) and len(regions) > 1:
        parts.append(titled("By region", _region_table(regions)))
    return section(
        "By defect type",
        "Hardest first. The frame in a bar is the 95 % interval.",
        *parts,
        css="long",
    )


def _region_table(regions: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            escape(str(r.get("name") or r.get("id"))),
            f"{r.get('detected', '')} of {r.get('defect', '')}",
            f"{r.get('false_alarms', '')} of {r.get('normal', '')}",
            _figure(r.get("auroc_valid")),
        ]
        for r in regions
    ]
    head = ("Region", "Defects found", "Good stopped", "AUROC, judged images")
    return table(head, rows, numeric=(1, 2, 3))


def _rate_bar(rate: Mapping[str, Any]) -> str:
    if rate.get("value") is None:
        return ""
    value, low, high = (100 * float(rate[k]) for k in ("value", "low", "high"))
    return (
        f'<div class="bar"><i style="width:{value:.1f}%"></i>'
        f'<u style="left:{low:.1f}%;width:{max(high - low, 1):.1f}%"></u></div>'
    )


def picture_sections(
    items: Sequence[ReportItem], heat_threshold: float | None, limit: int = MAX_SHOTS
) -> list[str]:
    """Worst misses, worst false alarms, and what a find looks like."""
    misses = sorted((i for i in items if i.label == "ng" and not i.stopped), key=_surprise)
    alarms = sorted(
        (i for i in items if i.label == "ok" and (i.stopped or i.invalid)),
        key=_surprise,
        reverse=True,
    )
    found = sorted((i for i in items if i.label == "ng" and i.stopped), key=_surprise)
    calm = sorted((i for i in items if i.label == "ok" and i not in alarms), key=_surprise)
    heat = any(i.anomaly_map is not None for i in items) and heat_threshold is not None
    key = colour_key(heat=heat)
    parts = [
        _picture_section(
            "Worst misses",
            "Defective parts that were not stopped, the least suspicious first.",
            misses,
            limit,
            heat_threshold,
            key,
        ),
        _picture_section(
            "Worst false alarms",
            "Good parts that were stopped, the most suspicious first.",
            alarms,
            limit,
            heat_threshold,
            key,
        ),
        _picture_section(
            "Closest finds",
            "Stopped defects, the narrowest decision first.",
            found,
            min(3, limit),
            heat_threshold,
            key,
        ),
    ]
    if not alarms:
        parts.append(
            _picture_section(
                "Closest good parts",
                "No good part was stopped; these came nearest.",
                calm[::-1],
                min(2, limit),
                heat_threshold,
                key,
            )
        )
    return [p for p in parts if p]


def _picture_section(
    title: str,
    lead: str,
    items: Sequence[ReportItem],
    limit: int,
    heat_threshold: float | None,
    key: str,
) -> str:
    if not items:
        return "" if title.startswith("Closest") else section(title, "None.")
    shown = items[:limit]
    count = f" {len(shown)} of {len(items)} shown." if len(items) > limit else ""
    return section(title, lead + count, key, shots(shown, heat_threshold), css="long")


def _surprise(item: ReportItem) -> float:
    """-ln p; an invalid image comes first among misses and last among alarms."""
    return float("-inf") if item.log_p is None else -item.log_p


def alignment_section(items: Sequence[ReportItem], metrics: Metrics) -> str:
    """Where the parts lay, and why images could not be judged."""

    def group(name: str, tone: Tone, chosen: list[ReportItem]) -> Series:
        return Series(
            name,
            [-i.alignment.shift_xy[1] for i in chosen],
            tone,
            [i.alignment.shift_xy[0] for i in chosen],
        )

    valid = [i for i in items if not i.invalid]
    groups = [
        group("good", "ok", [i for i in valid if i.label == "ok"]),
        group("defective", "ng", [i for i in valid if i.label == "ng"]),
        group("not judged", "calm", [i for i in items if i.invalid]),
    ]
    reach = 1.1 * max([1.0, *(abs(v) for i in items for v in i.alignment.shift_xy)])
    chart = scatter(
        [g for g in groups if g.x],
        title="Displacement of every image against the reference",
        x_label="shift to the right, pixels",
        y_label="shift up, pixels",
        x_range=(-reach, reach),
        y_range=(-reach, reach),
    )
    turns = np.array([i.alignment.rotation_deg for i in items] or [0.0])
    shifts = np.array([np.hypot(*i.alignment.shift_xy) for i in items] or [0.0])
    scores = np.array([i.alignment.score for i in items] or [1.0])
    methods = sorted({i.alignment.method for i in items})
    pairs = [
        ("Shift", f"median {np.median(shifts):.2f} px, largest {shifts.max():.2f} px"),
        ("Rotation", f"{turns.min():+.2f} to {turns.max():+.2f} degrees"),
        ("Match with reference", f"median {np.median(scores):.3f}, lowest {scores.min():.3f}"),
        ("Method", ", ".join(methods) or "–"),
    ]
    causes = metrics.get("invalid_reasons") or {}
    told = [(f"Not judged: {code}", str(count)) for code, count in sorted(causes.items())]
    return section(
        "Alignment",
        "How far every image had to be moved onto the reference. A drift of the cloud points to a "
        "loose fixture or camera.",
        side_by_side(chart, facts([*pairs, *told])),
    )


def timing_section(items: Sequence[ReportItem], metrics: Metrics, machine: str) -> str:
    """Milliseconds per image and stage."""
    totals = [float(i.timing_ms["total"]) for i in items if "total" in i.timing_ms]
    chart = histogram(
        [Series("images", totals, "ok")], title="Time per image", x_label="milliseconds per image"
    )
    stages = dict(metrics.get("stage_ms_p50") or {})
    if not stages:
        names = sorted({key for i in items for key in i.timing_ms})
        stages = {n: float(np.median([i.timing_ms.get(n, 0.0) for i in items])) for n in names}
    rows = [[escape(name), f"{value:.2f}"] for name, value in stages.items()]
    per_second = metrics.get("throughput_per_s")
    note = (
        ""
        if per_second is None
        else (f'<p class="small">{float(per_second):.1f} images per second, one after another.</p>')
    )
    return section(
        "Timing",
        f"Wall time, decoding apart. {machine}".strip(),
        side_by_side(chart, table(("Stage", "Median ms"), rows, numeric=(1,)) + note),
    )


def image_section(items: Sequence[ReportItem]) -> str:
    """Every image in a folded table."""
    rows = [
        [
            escape(i.key),
            escape("good" if i.label == "ok" else type_name(i.defect_type)),
            chip(i.verdict, _VERDICT_TONE[i.verdict]),
            "–" if i.deviation_score is None else f"{i.deviation_score:.4f}",
            "–" if i.raw_score is None else number_text(i.raw_score),
            escape(i.reason or ""),
        ]
        for i in items[:MAX_ROWS]
    ]
    left_out = len(items) - len(rows)
    more = f'<p class="small">{left_out} more in the JSON result.</p>' if left_out else ""
    head = ("Image", "Truth", "Verdict", "Deviation score", "Raw score", "Reason")
    return (
        f'<section class="long"><details><summary>All {len(items)} images</summary>'
        f"{table(head, rows, numeric=(3, 4))}{more}</details></section>"
    )


def provenance_section(model_info: Mapping[str, Any], dataset_info: Mapping[str, Any]) -> str:
    """What was measured on what."""

    def listed(info: Mapping[str, Any]) -> str:
        return facts([(str(k).replace("_", " "), str(v)) for k, v in info.items()])

    return section(
        "What was measured",
        "",
        side_by_side(titled("Model", listed(model_info)), titled("Dataset", listed(dataset_info))),
    )
