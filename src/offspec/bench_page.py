"""The HTML page of ``offspec bench``: one file, nothing fetched, readable without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from offspec.bench_charts import Bar, Place, bars, trade_off
from offspec.bench_tables import (
    COLUMNS,
    MEAN,
    Column,
    Comparison,
    Figure,
    Line,
    Row,
    comparisons,
    detectors,
    lines,
)
from offspec.chart_frame import Tone
from offspec.report_page import facts, page, section, side_by_side, table, titled

_BY_KEY = {column.key: column for column in COLUMNS}
_CARD_KEYS = ("image_auroc", "pixel_auroc", "aupro_30", "fit_s", "latency_p50_ms")


def bench_page(rows: Sequence[Row], environment: Mapping[str, Any]) -> str:
    """The finished document.

    Args:
        rows: As ``run_methods`` yields them; some may be missing yet.
        environment: Command, machine, threads and versions.
    """
    found = lines(rows)
    sets = list(dict.fromkeys(str(row["set"]) for row in rows))
    seeds = sorted({row["seed"] for row in rows})
    words = (
        f"{len(detectors(rows))} detectors, {len(sets)} data sets, "
        f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'}; {len(rows)} runs"
    )
    parts = [
        f'<header class="top"><div><h1>Detectors side by side</h1><p class="sub">{escape(words)}'
        f'</p></div><p class="sub">{escape(str(environment.get("machine", "")))}</p></header>',
        _overview(found, sets),
        _compared(comparisons(rows)),
        _quality(found, sets),
        _cost(found, sets),
        _table(found),
        _measured(rows, environment),
    ]
    return page("Detectors side by side", [part for part in parts if part])


def _tone(owner: str) -> Tone:
    return "ok" if owner == "offspec" else "warn"


def _overall(found: Sequence[Line], sets: Sequence[str]) -> list[Line]:
    """One line a detector: its mean, or its only set."""
    place = MEAN if len(sets) > 1 else sets[0]
    return [line for line in found if line.place == place]


def _overview(found: Sequence[Line], sets: Sequence[str]) -> str:
    """Quality against latency, and against the time of a fit."""
    charts = []
    for key, words in (("latency_p50_ms", "milliseconds an image, median"), ("fit_s", "seconds")):
        places = [
            Place(line.detector, cost, quality, _tone(line.owner))
            for line in _overall(found, sets)
            if (quality := _mean(line, "aupro_30")) is not None
            and (cost := _mean(line, key)) is not None
        ]
        name = "Quality against latency" if key == "latency_p50_ms" else "Quality against fit time"
        chart = trade_off(
            places, title=name, x_label=f"{words} (logarithmic)", y_label="AU-PRO .30"
        )
        charts.append(titled(name, chart))
    return section(
        "What quality costs",
        "Each point is a detector, its mean over the data sets that all runs finished; up and to "
        "the left is better. Blue: offspec. Amber: the peer.",
        side_by_side(*charts),
    )


def _mean(line: Line, key: str) -> float | None:
    figure = line.figures.get(key)
    return None if figure is None else figure.mean


def _compared(pairs: Sequence[Comparison]) -> str:
    if not pairs:
        return ""
    shown = [_BY_KEY[key] for key in pairs[0].values]
    head = ["Peer", "offspec", *(column.title for column in shown)]
    body = [
        [escape(one.peer), escape(one.own), *(one.text(column) for column in shown)]
        for one in pairs
    ]
    return section(
        "Against the peer",
        "Same images, same weights, same measure. Quality: ours minus theirs, in points of 100. "
        "Costs: how many times ours the peer takes; above 1x ours is cheaper.",
        table(head, body, numeric=range(2, len(head))),
        css="long",
    )


def _quality(found: Sequence[Line], sets: Sequence[str]) -> str:
    """Bars by set, one block for each of two figures."""
    blocks = []
    for key in ("aupro_30", "image_auroc"):
        charts = [
            titled(place, _chart([li for li in found if li.place == place], _BY_KEY[key], top=1.0))
            for place in [*([MEAN] if len(sets) > 1 else []), *sets]
            if any(line.place == place for line in found)
        ]
        blocks.append(titled(_BY_KEY[key].title, side_by_side(*charts)))
    return section(
        "Quality by data set",
        "1 is best. AU-PRO .30 says how well defects are outlined, image AUROC how well defective "
        "images are told from good ones. A whisker is the standard deviation over seeds.",
        *blocks,
        css="long",
    )


def _chart(chosen: Sequence[Line], column: Column, top: float | None = None) -> str:
    rows = []
    for line in chosen:
        figure = line.figures.get(column.key)
        mean = None if figure is None else figure.mean
        note = line.error or ("" if mean is not None else "undefined here")
        spread = None if figure is None else figure.spread
        rows.append(Bar(line.detector, mean, _tone(line.owner), spread, note))
    return bars(rows, title=column.title, digits=column.digits, top=top)


def _cost(found: Sequence[Line], sets: Sequence[str]) -> str:
    keys = ("fit_s", "latency_p50_ms", "memory_fit_mb", "memory_inspect_mb")
    names = ("Fit, seconds", "Latency, median ms", "Peak memory of fit, MB",
             "Peak memory of inspection, MB")  # fmt: skip
    overall = _overall(found, sets)
    charts = [
        titled(name, _chart(overall, _BY_KEY[key])) for key, name in zip(keys, names, strict=True)
    ]
    return section(
        "Cost",
        "Means over the data sets; shorter is better. Fit times hold everything up to a threshold "
        "with offspec, and learning alone with the peer. Memory is the peak of the whole process.",
        side_by_side(*charts),
    )


def _table(found: Sequence[Line]) -> str:
    """Everything, detector by detector."""
    head = ["Detector", "Set", *(column.title for column in COLUMNS)]
    body = []
    for line in found:
        bold = line.place == MEAN
        cells = [_cell(line.figures.get(c.key), c.digits) for c in COLUMNS]
        place = f"<b>{escape(line.place)}</b>" if bold else escape(line.place)
        if line.error:
            place += f'<div class="why">{escape(line.error)}</div>'
        body.append([escape(line.detector), place, *(f"<b>{c}</b>" if bold else c for c in cells)])
    return section(
        "All figures",
        "Means over seeds, with the standard deviation where there are several.",
        table(head, body, numeric=range(2, len(head))),
        css="long",
    )


def _cell(figure: Figure | None, digits: int) -> str:
    """The mean, its spread on a line of its own."""
    if figure is None:
        return ""
    mean, _, spread = figure.text(digits).partition(" ± ")
    return f'{mean}<div class="why">±&nbsp;{spread}</div>' if spread else mean


def _measured(rows: Sequence[Row], environment: Mapping[str, Any]) -> str:
    versions = environment.get("versions") or {}
    pairs = [
        ("Command", str(environment.get("command", ""))),
        ("Machine", f"{environment.get('machine', '')}, {environment.get('cores', '')} cores"),
        ("Threads", str(environment.get("threads", ""))),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("Seeds", ", ".join(str(seed) for seed in sorted({row["seed"] for row in rows}))),
    ]
    pairs += [
        (str(row["detector"]), str(row["settings"]))
        for row in {str(r["detector"]): r for r in rows if r.get("settings")}.values()
    ]
    images = {
        str(r["set"]): f"{r['normals']} normal images learned from, {r['test_images']} tested"
        for r in rows
        if r.get("normals") and r.get("test_images")
    }
    parity = [float(row["parity"]) for row in rows if row.get("parity") is not None]
    if parity:
        words = f"differ by at most {max(parity):.1e} of the largest (allowed: 1.0e-04)"
        pairs.append(("Features of both sides", words))
    return section("What was measured", "", facts([*pairs, *images.items()]))
