"""Pages on chosen thresholds: what they cost, against what, and how sure that is.

Built from the JSON form of the result alone, so that a report can join it later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offspec.charts import Interval, Marker, Series, cost_chart, interval_chart, reliability_chart
from offspec.decisions.operating_words import (
    alternatives_table,
    basis_words,
    claim_words,
    cost_words,
    money,
    moves_table,
    points_words,
    probability_words,
    rate_words,
    regions_table,
    threshold_words,
    types_table,
)
from offspec.guarantee import percent
from offspec.images import atomic_write
from offspec.pages.document import (
    Block,
    Bullets,
    Card,
    Chart,
    Document,
    KeyFigures,
    Light,
    Line,
    Section,
    Table,
    Text,
)
from offspec.pages.document_html import to_html


def write_page(path: Path, payload: Mapping[str, Any], name: str) -> None:
    """Write one self-contained HTML file.

    Raises:
        WriteError: The file cannot be written; nothing half-written is left.
    """
    atomic_write(path, to_html(operating_document(payload, name)).encode())


def operating_document(payload: Mapping[str, Any], name: str) -> Document:
    """The whole page; ``name`` is the template's."""
    return Document(
        f"Decision points of {name}", _subtitle(_own(payload)), operating_sections(payload)
    )


def operating_sections(payload: Mapping[str, Any]) -> tuple[Section, ...]:
    """Sections of a report.

    Args:
        payload: What ``offspec calibrate --validation --json`` writes, or its ``operating``.
    """
    result = _own(payload)
    found = [_headline(result), _choice(result)]
    if result["alternatives"]:
        found.append(_alternatives(result))
    if result["regions"]:
        found.append(_regions(result))
    if result["unseen_types"]:
        found.append(_types(result))
    if result["sensitivity"]:
        found.append(_moves(result))
    if result["probability"] is not None:
        found.append(_probability(result))
    return tuple(found)


def _own(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    own: Mapping[str, Any] = payload.get("operating", payload)
    return own


def _subtitle(result: Mapping[str, Any]) -> str:
    asked, costs = result["asked"], result["asked"]["costs"]
    if costs is not None:
        unit = asked["currency"]
        return (
            f"A miss costs {money(costs['miss'], unit)}, a false alarm "
            f"{money(costs['false_alarm'], unit)}, a review {money(costs['review'], unit)}; "
            f"{percent(costs['defect_rate'])} of parts are defective."
        )
    if result["rule"] == "max_miss_rate":
        return f"At most {percent(asked['max_miss_rate'])} of defects may be missed."
    if result["rule"] == "max_false_alarm_rate":
        return f"At most {percent(asked['max_false_alarm_rate'])} of good parts may be stopped."
    return (
        f"{asked['review_capacity']:g} of {asked['parts_per_shift']:g} parts a shift can be looked "
        "at again."
    )


def _headline(result: Mapping[str, Any]) -> Section:
    cards = [
        Card("ng above", threshold_words(result["t_ng"]), "deviation score"),
        Card("review above", threshold_words(result["t_review"]), "deviation score"),
    ]
    if result["alternatives"]:
        chosen, fixed, *others = result["alternatives"]
        best = min(others, key=lambda one: one["cost_per_1000"])
        light: Light = "good" if chosen["cost_per_1000"] < best["cost_per_1000"] else "warn"
        spread = f"95 % interval {money(chosen['low'])} to {money(chosen['high'])}"
        cards += [
            Card("expected cost of 1000 parts", money(chosen["cost_per_1000"]), spread, light),
            Card("at the fixed threshold 0.5", money(fixed["cost_per_1000"])),
            Card(f"cheapest without inspection: {best['name']}", money(best["cost_per_1000"])),
        ]
    elif result["claim"] is not None:
        claim = result["claim"]
        what = {"miss_rate": "defects missed", "false_alarm_rate": "good parts stopped"}
        note = f"{claim['k']} of {claim['n']}"
        if "upper" in claim:
            note += f"; at most {percent(claim['upper'])} with 95 % confidence"
        cards.append(Card(what[claim["of"]], percent(claim["value"]), note))
    return Section("", "", (KeyFigures(tuple(cards)),))


def _choice(result: Mapping[str, Any]) -> Section:
    lines = [*points_words(result), *claim_words(result), *cost_words(result), basis_words(result)]
    bullets = [Line(words, "calm") for words in lines]
    bullets += [Line(words, "warn") for words in result["warnings"]]
    light: Light = "warn" if result["warnings"] else "good"
    return Section(
        "What was chosen",
        "A part above the ng threshold is stopped, one between the thresholds is looked at by a "
        "person. Measure the choice on images that took no part in it.",
        (Bullets(tuple(bullets)),),
        light,
    )


def _alternatives(result: Mapping[str, Any]) -> Section:
    head, rows = alternatives_table(result)
    blocks: list[Block] = [Table(head, tuple(rows), (1, 2, 3, 4, 5, 6))]
    curve = result["cost_curve"]
    if curve is not None:
        t = curve["t"]
        svg = cost_chart(
            [
                Series("stopped above it", curve["stop"], "ng", x=t),
                Series("reviewed above it", curve["review"], "warn", x=t),
            ],
            [
                Marker(result["t_review"], "review"),
                Marker(result["t_ng"], "ng"),
            ],
            title="Cost of 1000 parts over one threshold",
            x_label="deviation score",
            y_label="cost of 1000 parts",
        )
        caption = "Counted on the validation images as they are: low ends flatter."
        blocks.append(Chart(svg, caption))
    return Section("Against the alternatives", "Costs of 1000 parts.", tuple(blocks))


def _regions(result: Mapping[str, Any]) -> Section:
    head, rows = regions_table(result)
    return Section(
        "Thresholds of every region",
        "In raw scores, as `inspect` prints them; verdicts where the truth of a region is known.",
        (Table(head, tuple(rows), (1, 2)),),
    )


def _types(result: Mapping[str, Any]) -> Section:
    head, rows = types_table(result)
    seen = [one for one in result["unseen_types"] if one["detected"] is not None]
    svg = interval_chart(
        [
            Interval(
                one["type"],
                one["detected"]["value"],
                one["detected"]["low"],
                one["detected"]["high"],
                "calm",
                f"{one['images']} images",
            )
            for one in seen
        ],
        title="Detected although never seen",
    )
    return Section(
        "Defects nobody has met",
        "For each type, thresholds chosen without it, and how many of its images they stop: the "
        "best guide to a type that appears for the first time.",
        (Table(head, tuple(rows), (1, 2, 3)), Chart(svg)),
    )


def _moves(result: Mapping[str, Any]) -> Section:
    head, rows = moves_table(result)
    return Section(
        "If the assumptions are off",
        "What would be chosen and cost then, and what keeping the present choice would cost. With "
        "few images the second may be cheaper by chance.",
        (Table(head, tuple(rows), (1, 2, 3, 4)),),
    )


def _probability(result: Mapping[str, Any]) -> Section:
    found = result["probability"]
    bins = found["reliability"]
    svg = reliability_chart(
        [(b["predicted"], b["counted"], b["low"], b["high"]) for b in bins],
        title="Reliability: predicted and counted share of defects",
    )
    rows = tuple(
        (
            f"{percent(b['from'])} to {percent(b['to'])}",
            str(b["n"]),
            percent(b["predicted"]),
            rate_words({**b, "value": b["counted"], "k": round(b["counted"] * b["n"])}),
        )
        for b in bins
    )
    head = ("predicted", "images", "mean prediction", "counted, 95 % interval")
    lead = (
        "Predictions of every image by a map fitted without it, at the share of defects among "
        "the validation images. What `inspect` prints is for the stated share of defective parts."
    )
    blocks = (Text(probability_words(result)), Chart(svg), Table(head, rows, (1, 2)))
    return Section("Probability of a defect", lead, blocks)
