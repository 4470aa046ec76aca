"""The page of a comparison of two bundles, built from what ``--json`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offspec.chart_frame import Tone
from offspec.charts import Interval, interval_chart
from offspec.decisions.compare_words import points
from offspec.guarantee import clopper_pearson
from offspec.pages import document as d
from offspec.report_words import percent

Payload = Mapping[str, Any]
Pictures = Mapping[str, tuple[bytes, bytes]]
"""Image key -> JPEG of the old and of the new verdict."""

MAX_ROWS = 80
_LIGHT: dict[str, d.Light] = {"not_worse": "good", "worse": "bad", "undecided": "warn"}
_WORDS = {"not_worse": "not worse", "worse": "worse", "undecided": "undecided"}
_TRUTH = {"ok": "good", "ng": "defective"}


def compare_document(payload: Payload, pictures: Pictures | None = None) -> d.Document:
    """The whole page."""
    models = payload["models"]
    names = " and ".join(str(models[s].get("file") or s) for s in ("old", "new") if s in models)
    return d.Document(
        "Comparison of two models",
        f"{names} on {payload['dataset'].get('name', 'the same images')}",
        compare_sections(payload, pictures),
    )


def compare_sections(payload: Payload, pictures: Pictures | None = None) -> tuple[d.Section, ...]:
    """Verdict, rates, flips with pictures, regions, models."""
    return (
        _verdict(payload),
        _rates(payload),
        _flips(payload, pictures or {}),
        _regions(payload),
        _models(payload),
    )


def _verdict(payload: Payload) -> d.Section:
    found, stops = payload["detection"], payload["false_stops"]
    area = payload["image_auroc"]
    cards = [
        d.Card("Decision", _WORDS[payload["decision"]], "", _LIGHT[payload["decision"]]),
        _card("Detection rate", found),
        _card("False-stop rate", stops),
        d.Card("Flips", str(len(payload["flips"])), f"of {len(payload['images'])} images"),
    ]
    if area is not None:
        cards.append(
            d.Card("Image AUROC", f"{area['new']:.3f}", f"before {area['old']:.3f}", "calm")
        )
    headline, *rest = payload["words"]
    lines = tuple(
        d.Line(words, _LIGHT[rate["decision"]])
        for words, rate in zip(rest, (found, stops), strict=True)
    )
    lines += tuple(d.Line(words, "warn") for words in payload["notes"])
    return d.Section(
        "Result",
        headline,
        (d.KeyFigures(tuple(cards)), d.Bullets(lines)),
        _LIGHT[payload["decision"]],
    )


def _card(what: str, rate: Payload) -> d.Card:
    note = f"before {percent(rate['old'])}; {points(rate['difference'])} points"
    return d.Card(what, percent(rate["new"]), note, _LIGHT[rate["decision"]])


def _rates(payload: Payload) -> d.Section:
    confidence = percent(payload["confidence"])
    rows: list[tuple[str | d.Chip, ...]] = []
    for name, what, kind in (
        ("detection", "defects found", "defective"),
        ("false_stops", "good parts stopped", "good"),
    ):
        rate = payload[name]
        rows.append(
            (
                what,
                f"{rate['n']} {kind}",
                percent(rate["old"]),
                percent(rate["new"]),
                f"{points(rate['difference'])} ({points(rate['low'])} to {points(rate['high'])})",
                f"{rate['only_old']} / {rate['only_new']}",
                f"{rate['p']:.3f}",
                d.Chip(_WORDS[rate["decision"]], _LIGHT[rate["decision"]]),
            )
        )
    head = ("rate", "images", "old", "new", "change in points", "only old / new", "p", "decision")
    blocks: list[d.Block] = [d.Table(head, tuple(rows), (2, 3, 4, 5, 6)), _chart(payload)]
    area = payload["image_auroc"]
    if area is not None:
        blocks.append(d.Text(_area_words(area, confidence)))
    blocks += [d.Text(words) for words in payload["reasons"].values()]
    return d.Section(
        "Rates on the same images",
        f"Changes with their {confidence} interval; p is the exact McNemar test of no change. Only "
        "images on which the two differ count. Review is stopped; an invalid defect is not found, "
        "an invalid good part is stopped.",
        tuple(blocks),
    )


def _area_words(area: Payload, confidence: str) -> str:
    words = (
        f"Image AUROC {area['old']:.4f} before, {area['new']:.4f} now: {area['difference']:+.4f}"
    )
    if area["low"] is None:
        return f"{words}."
    return f"{words}, {confidence} interval {area['low']:+.4f} to {area['high']:+.4f}."


def _chart(payload: Payload) -> d.Chart:
    rows = []
    for name, what in (("detection", "found"), ("false_stops", "good, stopped")):
        rate = payload[name]
        for side in ("old", "new"):
            count = rate["both"] + rate[f"only_{side}"]
            note = f"{count} of {rate['n']}"
            tone: Tone = "ok" if name == "detection" else "warn"
            low, high = clopper_pearson(count, rate["n"], payload["confidence"])
            rows.append(Interval(f"{side}: {what}", rate[side], low, high, tone, note))
    return d.Chart(interval_chart(rows, title="Rates of both"), "Each rate for itself, exact.")


def _flips(payload: Payload, pictures: Pictures) -> d.Section:
    flips = payload["flips"]
    if not flips:
        return d.Section(
            "Decisions that flip", "", (d.Text("Both decide alike on every image.", "calm"),)
        )
    worse = sum(not flip["better"] for flip in flips)
    rows = []
    for flip in flips[:MAX_ROWS]:
        chip = d.Chip("better", "good") if flip["better"] else d.Chip("worse", "bad")
        truth = _TRUTH[flip["label"]]
        if flip["label"] == "ng":
            truth += f": {flip['defect_type']}"
        rows.append((flip["image"], truth, _said(flip["old"]), _said(flip["new"]), chip))
    blocks: list[d.Block] = [d.Table(("image", "truth", "old", "new", ""), tuple(rows))]
    if len(flips) > MAX_ROWS:
        blocks.append(d.Text(f"{len(flips) - MAX_ROWS} more are in the JSON file."))
    shown = []
    for flip in flips:
        for side, jpeg in zip(("old", "new"), pictures.get(flip["image"], ()), strict=False):
            caption = f"{flip['image']}, {_TRUTH[flip['label']]}; {side}: {_said(flip[side])}"
            shown.append(d.Picture(jpeg, caption))
    if shown:
        blocks.append(d.Gallery(tuple(shown)))
    return d.Section(
        "Decisions that flip",
        f"{len(flips)} of {len(payload['images'])} images: {worse} got worse, "
        f"{len(flips) - worse} better. Those that got worse come first.",
        tuple(blocks),
    )


def _said(side: Payload) -> str:
    score = side["deviation_score"]
    return str(side["verdict"]) + ("" if score is None else f" ({score:.3f})")


def _regions(payload: Payload) -> d.Section:
    rows = tuple(
        (
            str(row["name"]),
            str(row["images"]),
            str(row["old"]),
            str(row["new"]),
            str(len(row["flips"])),
        )
        for row in payload["regions"]
    )
    if not rows:
        words = "The two templates share no region id, so only whole images are compared."
        return d.Section("Regions", "", (d.Text(words),))
    head = ("region", "images", "stopped, old", "stopped, new", "flips")
    return d.Section("Regions", "Regions with the same id.", (d.Table(head, rows, (1, 2, 3, 4)),))


def _models(payload: Payload) -> d.Section:
    rows = []
    for side in ("old", "new"):
        model, times = payload["models"].get(side, {}), payload["latency_ms"][side]
        detector = model.get("detector", {})
        rows.append(
            (
                side,
                str(model.get("file", "")),
                str(detector.get("name", "")),
                str(model.get("seed", "")),
                str(len(model.get("regions", ()))),
                str(model.get("threshold_status", "")),
                f"{times['p50']:.1f}",
                f"{times['p95']:.1f}",
            )
        )
    head = ("", "file", "detector", "seed", "regions", "threshold", "p50 ms", "p95 ms")
    return d.Section(
        "Models and speed",
        "Time of one inspection without decoding and without maps, taken in turns on the same "
        "images.",
        (d.Table(head, tuple(rows), (3, 4, 6, 7)),),
    )
