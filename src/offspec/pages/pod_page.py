"""The probability of detection as sections of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from offspec.decisions.pod_result import Shown
from offspec.pages.document import (
    Block,
    Bullets,
    Card,
    Chart,
    Chip,
    Columns,
    Document,
    Facts,
    KeyFigures,
    Line,
    Picture,
    Section,
    Table,
    Text,
)
from offspec.pages.pod_pictures import GOOD_SHARE, example_sheet, map_picture, pod_chart
from offspec.report_pictures import encode_jpeg
from offspec.report_words import Light, percent, plural
from offspec.types import ImageArray

MOST_EXAMPLES = 5  # of a curve
MOST_CARDS = 4
KEY_CONTRAST = 0.2


def pod_document(
    payload: Mapping[str, Any],
    *,
    reference: ImageArray | None = None,
    examples: Sequence[Shown] = (),
) -> Document:
    """A page of its own."""
    sections = pod_sections(payload, reference=reference, examples=examples)
    return Document("Probability of detection", str(payload["part"]), sections)


def pod_sections(
    payload: Mapping[str, Any],
    *,
    reference: ImageArray | None = None,
    examples: Sequence[Shown] = (),
) -> tuple[Section, ...]:
    """From what ``--json`` writes.

    Args:
        payload: ``PodResult.to_dict()``.
        reference: The image the regions are drawn on; without it there is no picture of the map.
        examples: Defects as made.
    """
    regions = (
        _region(region, reference, [e for e in examples if e.region == region["id"]])
        for region in payload["regions"]
    )
    return (_summary(payload), *regions)


def _summary(payload: Mapping[str, Any]) -> Section:
    asked = float(payload["smallest_defect_px"])
    cards = tuple(_card(region, asked) for region in payload["regions"][:MOST_CARDS])
    photographs = payload["photographs"]
    lead = (
        f"Defects of known size and contrast were made in {photographs['used']} good photographs, "
        f"{payload['trials']} in all. Found means: {payload['hit_means']}. a90 is the size found "
        "nine times in ten; a90/95 is its upper bound with 95 % confidence. Contrast is the mean "
        "change of grey value in share of full scale."
    )
    blocks: list[Block] = [Text(payload["caution"], "warn")]
    if cards:
        blocks.insert(0, KeyFigures(cards))
    if payload["notes"]:
        blocks.append(Bullets(tuple(Line(words, "warn") for words in payload["notes"])))
    blocks.append(_table(payload))
    blocks.append(Facts(tuple(_facts(payload))))
    return Section("Probability of detection", lead, tuple(blocks))


def _key_curve(region: Mapping[str, Any]) -> Mapping[str, Any]:
    spots = [c for c in region["curves"] if c["kind"] == "spot"]
    found: Mapping[str, Any] = min(spots, key=lambda c: abs(c["contrast"] - KEY_CONTRAST))
    return found


def _card(region: Mapping[str, Any], asked: float) -> Card:
    """The size that is shown to be found, held against the smallest defect asked for."""
    curve = _key_curve(region)
    sure = curve["a90_95"]
    light: Light = "bad" if curve["status"] == "not_reached" else "warn"
    if sure is not None and sure <= asked:
        light = "good"
    note = f"a90/95, spots of contrast {curve['contrast']:g}; asked for: {asked:g} px"
    return Card(region["name"], _size(sure, curve), note, light)


def _size(value: float | None, curve: Mapping[str, Any]) -> str:
    if value is not None:
        return f"{value:.3g} px"
    if curve["status"] == "too_few":
        return "too few"
    return "not shown" if curve["status"] in {"found", "below"} else "not reached"


def _a90(curve: Mapping[str, Any]) -> str:
    if curve["status"] == "below":
        return "below the smallest"
    return _size(curve["a90"], curve)


def _table(payload: Mapping[str, Any]) -> Table:
    rows: list[tuple[str | Chip, ...]] = []
    for region in payload["regions"]:
        for curve in region["curves"]:
            a50 = "-" if curve["a50"] is None else f"{curve['a50']:.3g} px"
            sure = curve["a90_95"]
            light: Light = "warn" if curve["status"] in {"found", "below"} else "bad"
            if sure is not None:
                light = "good" if sure <= payload["smallest_defect_px"] else "calm"
            rows.append(
                (
                    region["name"], curve["name"], str(curve["trials"]), a50, _a90(curve),
                    Chip(_size(curve["a90_95"], curve), light),
                )
            )  # fmt: skip
    head = ("Region", "Defects", "Trials", "a50", "a90", "a90/95")
    return Table(head, tuple(rows), (2, 3, 4))


def _facts(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    photographs, checked = payload["photographs"], payload["checked"]
    return [
        (
            "Photographs",
            f"{photographs['used']} used, {photographs['learned']} of them learned from",
        ),
        (
            "Stopped without a defect",
            plural(len(photographs["stopped"]), "photograph", "photographs"),
        ),
        ("Smallest defect asked for", f"{payload['smallest_defect_px']:g} px"),
        ("Threshold", payload["threshold_status"]),
        (
            "Trials repeated in full",
            f"{checked['trials']}, of which {checked['differ']} came out differently",
        ),
        ("Trials a curve", f"{payload['trials_per_curve']}, seed {payload['seed']}"),
        ("Time", f"{payload['seconds']:.0f} s on {payload['threads']} threads"),
    ]


def _region(
    region: Mapping[str, Any], reference: ImageArray | None, examples: Sequence[Shown]
) -> Section:
    spots = [c for c in region["curves"] if c["kind"] == "spot"]
    others = [c for c in region["curves"] if c["kind"] != "spot"]
    rate = region["false_call_rate"]
    lead = (
        f"{region['photographs']} photographs; stopped without a defect: "
        f"{region['false_calls']} of {region['judged']} ({percent(rate)})."
    )
    caption = (
        "Ring: a90. Diamond: a90/95, from the likelihood, widened by how much photographs "
        "differ. Band: each side 95 %, Wald. Dots: counted shares."
    )
    blocks: list[Block] = [
        Columns(
            (Chart(pod_chart(spots, title="Spots by contrast"), caption),),
            (Chart(pod_chart(others, title="Lines and natural defects")),),
        )
    ]
    doubts = [f"{c['name']}: {c['doubt']}" for c in region["curves"] if c["doubt"]]
    if doubts:
        blocks.append(Bullets(tuple(Line(words, "bad") for words in doubts)))
    if region["joint"] is not None:
        factor = region["joint"]["size_factor_at_half_contrast"]
        blocks.append(
            Text(
                f"Over all spots: a defect of half the contrast has to be {factor:.2g} times as "
                "wide to be found as often."
            )
        )
    blocks += _map(region["map"], reference)
    if examples:
        blocks.append(_examples(examples))
    return Section(f"Region: {region['name']}", lead, tuple(blocks))


def _examples(examples: Sequence[Shown]) -> Picture:
    rows: dict[str, list[tuple[ImageArray, str, bool]]] = defaultdict(list)
    for one in examples:
        if len(rows[one.series]) < MOST_EXAMPLES:
            rows[one.series].append((one.image, one.words, one.hit))
    sheet = example_sheet(list(rows.values()))
    return Picture(encode_jpeg(sheet), "Some of the defects as made: green found, red not.")


def _map(found: Mapping[str, Any], reference: ImageArray | None) -> list[Block]:
    share = "-" if found["found_share"] is None else percent(found["found_share"])
    words = (
        f"Where: spots of {found['size_px']:.3g} px and contrast {found['contrast']:g}, {share} "
        f"found. {found['blind_cells']} of {found['tested_cells']} cells found none of theirs"
    )
    words += (
        f"; {found['untested_cells']} cells are not tested (excluded, too narrow, or no time left)."
        if found["untested_cells"]
        else "."
    )
    evenly = (found["found_share"] or 0.0) >= GOOD_SHARE
    light: Light = "bad" if found["blind_cells"] else "good" if evenly else "warn"
    blocks: list[Block] = [Text(words, light)]
    if reference is not None:
        caption = (
            "Found of tried, cell by cell. Green: at least nine of ten. Red: none of two or more, "
            "the system is blind there. Yellow: between, or missed once. Grey: not tested."
        )
        blocks.append(Picture(encode_jpeg(map_picture(found, reference)), caption))
    return blocks
