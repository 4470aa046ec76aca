"""The page of an attribute study, built from what ``--json`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offspec.chart_frame import Tone
from offspec.charts import Interval, interval_chart
from offspec.pages import document as d
from offspec.report_words import percent

Payload = Mapping[str, Any]

ROLES = ("Study leader", "Quality manager", "Process engineer")
MAX_ROWS = 60
_LIGHT: dict[str, d.Light] = {"pass": "good", "marginal": "warn", "fail": "bad"}
_WORDS = {"ok": "good", "ng": "bad", "review": "review", "invalid": "invalid"}
_HEADLINE = {
    "pass": "The measurement system reaches the limits.",
    "marginal": "The measurement system is marginal: usable for now, to be improved.",
    "fail": "The measurement system does not reach the limits.",
}


def msa_document(payload: Payload, pictures: Mapping[str, bytes] | None = None) -> d.Document:
    """The whole report; ``pictures`` are JPEG files by image key."""
    source = payload["source"]
    names = [str(source[k]) for k in ("bundle", "folder", "verdicts") if source.get(k)]
    return d.Document(
        "Attribute measurement system analysis",
        ", ".join(names),
        (*msa_sections(payload, pictures), _signatures()),
    )


def msa_sections(
    payload: Payload, pictures: Mapping[str, bytes] | None = None
) -> tuple[d.Section, ...]:
    """Verdict, figures of each appraiser, agreement, discordant parts, how it was reckoned."""
    return (
        _verdict(payload),
        _figures(payload),
        _shown(payload),
        _agreement(payload),
        _discordant(payload, pictures or {}),
        _method(payload),
    )


def _lead(payload: Payload) -> Payload:
    """The appraiser the verdict speaks of: the system, else the least effective of the worst."""
    found: Sequence[Payload] = payload["appraisers"]
    named = [one for one in found if one["appraiser"] == "offspec"]
    worst = [one for one in found if one["verdict"] == payload["verdict"]]
    return min(named or worst, key=lambda one: float(one["effectiveness"]["value"]))


def _verdict(payload: Payload) -> d.Section:
    lead = _lead(payload)
    limits = payload["limits"]["pass"]
    kappa = lead["kappa_reference"]
    open_ = [name.replace("_", " ") for name, shown in lead["shown"].items() if not shown]
    words = _HEADLINE[payload["verdict"]]
    if payload["verdict"] == "pass" and open_:
        words += (
            f" That is the figures as read; with {percent(payload['confidence'])} confidence "
            f"this study does not show the limit of: {', '.join(open_)}."
        )
    cards = [
        d.Card("Verdict", str(payload["verdict"]), lead["appraiser"], _LIGHT[payload["verdict"]]),
        _card("Effectiveness", lead["effectiveness"], limits["effectiveness"], least=True),
        _card("Miss rate", lead["miss_rate"], limits["miss_rate"]),
        _card("False-alarm rate", lead["false_alarm_rate"], limits["false_alarm_rate"]),
    ]
    if kappa is not None:
        note = f"{kappa['low']:.2f} to {kappa['high']:.2f}"
        cards.append(d.Card("Kappa to reference", f"{kappa['value']:.2f}", note))
    parts = payload["parts"]
    lead_words = f"{parts['good']} good and {parts['bad']} bad parts."
    return d.Section(
        "Result",
        lead_words,
        (d.Text(words), d.KeyFigures(tuple(cards))),
        _LIGHT[payload["verdict"]],
    )


def _card(what: str, rate: Payload, limit: float, *, least: bool = False) -> d.Card:
    reached = rate["value"] >= limit if least else rate["value"] <= limit
    shown = rate["at_least"] >= limit if least else rate["at_most"] <= limit
    light: d.Light = "good" if shown else "warn" if reached else "bad"
    sign = "at least" if least else "at most"
    note = f"{_interval(rate)}; limit {sign} {percent(limit)}"
    return d.Card(what, percent(rate["value"]), note, light)


def _interval(rate: Payload) -> str:
    return f"{percent(rate['low'])} to {percent(rate['high'])}"


def _figures(payload: Payload) -> d.Section:
    rows = []
    for one in payload["appraisers"]:
        kappa = one["kappa_reference"]
        rows.append(
            (
                str(one["appraiser"]),
                d.Chip(str(one["verdict"]), _LIGHT[one["verdict"]]),
                _rate(one["effectiveness"]),
                _rate(one["miss_rate"]),
                _rate(one["false_alarm_rate"]),
                _rate(one["repeatability"]),
                "-" if kappa is None else _kappa(kappa),
            )
        )
    head = ("appraiser", "verdict", "effectiveness", "misses", "false alarms", "repeats", "kappa")
    confidence = percent(payload["confidence"])
    return d.Section(
        "Appraisers",
        f"Each figure with its {confidence} interval over parts: trials of one part are alike and "
        "do not count as so many parts.",
        (d.Table(head, tuple(rows), (2, 3, 4, 5, 6)), _chart(payload)),
    )


def _rate(rate: Payload) -> str:
    low, high = percent(rate["low"]).removesuffix(" %"), percent(rate["high"]).removesuffix(" %")
    return f"{percent(rate['value'])} ({low} to {high})"


def _kappa(kappa: Payload) -> str:
    return f"{kappa['value']:.2f} ({kappa['low']:.2f} to {kappa['high']:.2f})"


def _chart(payload: Payload) -> d.Chart:
    rows = []
    for one in payload["appraisers"]:
        for name, what in (
            ("effectiveness", "effectiveness"),
            ("miss_rate", "misses"),
            ("false_alarm_rate", "false alarms"),
        ):
            rate = one[name]
            note = f"{rate['k']} of {rate['n']}"
            tone: Tone = (
                "ok" if name == "effectiveness" else "ng" if name == "miss_rate" else "warn"
            )
            rows.append(
                Interval(
                    f"{_short(one['appraiser'])}: {what}",
                    rate["value"],
                    rate["low"],
                    rate["high"],
                    tone,
                    note,
                )
            )
    return d.Chart(interval_chart(rows, title="Rates with their intervals"))


def _short(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _shown(payload: Payload) -> d.Section:
    lines = []
    for one in payload["appraisers"]:
        for (name, shown), words in zip(one["shown"].items(), one["words"], strict=True):
            value, limit = one[name]["value"], payload["limits"]["pass"][name]
            reached = value >= limit if name == "effectiveness" else value <= limit
            light: d.Light = "good" if shown else "warn" if reached else "bad"
            lines.append(d.Line(f"{one['appraiser']}: {words}", light))
    return d.Section(
        "What this study shows",
        "A figure may reach a limit by luck. Green: the limit is shown with confidence. Yellow: "
        "reached, but the study is too small to show it. Red: not reached.",
        (d.Bullets(tuple(lines)),),
    )


def _agreement(payload: Payload) -> d.Section:
    found = payload["appraisers"]
    named = [(f"{one['appraiser']} to the reference", one["kappa_reference"]) for one in found]
    named += [(f"{one['appraiser']}, within", one["kappa_within"]) for one in found]
    named += [(f"{pair['first']} and {pair['second']}", pair["kappa"]) for pair in payload["pairs"]]
    if payload["kappa_everybody"] is not None:
        named.append(("everybody (Fleiss)", payload["kappa_everybody"]))
    rows = tuple(_kappa_row(who, kappa) for who, kappa in named)
    head = ("who", "kappa", "over parts", "bootstrap", "large-sample error", "agree", "cross table")
    all_right = payload["all_right"]
    words = (
        f"Everybody was right in every trial on {all_right['k']} of {all_right['n']} parts: "
        f"{_rate(all_right)}."
    )
    return d.Section(
        "Agreement",
        "Kappa is agreement beyond chance: 1 is full, 0 is chance. Above 0.75 is good, below 0.40 "
        "poor, as the manual has it. To the reference and in pairs it is Cohen's, else Fleiss'.",
        (d.Table(head, rows, (1, 2, 3, 4, 5)), d.Text(words)),
    )


def _kappa_row(who: str, kappa: Payload | None) -> tuple[str | d.Chip, ...]:
    if kappa is None:
        return (who, "undefined", "", "", "", "", "")
    value = kappa["value"]
    light: d.Light = "good" if value > 0.75 else "warn" if value >= 0.40 else "bad"
    table = kappa["table"]
    low, high = kappa["bootstrap"]
    return (
        who,
        d.Chip(f"{value:.2f}", light),
        f"{kappa['low']:.2f} to {kappa['high']:.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{kappa['standard_error']:.3f}",
        percent(kappa["observed"]),
        "" if table is None else "; ".join(" ".join(str(n) for n in row) for row in table),
    )


def _discordant(payload: Payload, pictures: Mapping[str, bytes]) -> d.Section:
    found = payload["discordant"]
    if not found:
        return d.Section(
            "Discordant parts", "", (d.Text("Everybody judged every part right, always.", "good"),)
        )
    names = [one["appraiser"] for one in payload["appraisers"]]
    rows: list[tuple[str | d.Chip, ...]] = []
    for row in found[:MAX_ROWS]:
        cells: list[str | d.Chip] = [str(row["part"]), _WORDS[row["reference"]]]
        for name in names:
            said = ", ".join(_WORDS[v] for v in row["verdicts"][name])
            wrong = row["wrong"][name]
            always = wrong == len(row["verdicts"][name])
            cells.append(said if not wrong else d.Chip(said, "bad" if always else "warn"))
        rows.append(tuple(cells))
    blocks: list[d.Block] = [d.Table(("part", "reference", *names), tuple(rows))]
    if len(found) > MAX_ROWS:
        blocks.append(d.Text(f"{len(found) - MAX_ROWS} more are in the JSON file."))
    gallery = _gallery(payload, pictures)
    if gallery.pictures:
        blocks.append(gallery)
    return d.Section(
        "Discordant parts",
        f"{len(found)} of {sum(payload['parts'].values())} parts were judged wrong at least once. "
        "Red: wrong in every trial, so a bias. Yellow: the verdict changed, so a lack of "
        "repeatability."
        + (
            " Photographs show the system's verdicts on parts that it judged wrong."
            if gallery.pictures
            else ""
        ),
        tuple(blocks),
    )


def _gallery(payload: Payload, pictures: Mapping[str, bytes]) -> d.Gallery:
    shown = []
    for image in payload["images"]:
        jpeg = pictures.get(image["image"])
        if jpeg is not None:
            score = image["deviation_score"]
            caption = (
                f"{image['image']}: part {image['part']} is {_WORDS[image['reference']]}, verdict "
                f"{image['verdict']}" + ("" if score is None else f", score {score:.3f}")
            )
            shown.append(d.Picture(jpeg, caption + ("" if image["right"] else " (wrong)")))
    return d.Gallery(tuple(shown))


def _method(payload: Payload) -> d.Section:
    limits = payload["limits"]

    def words(which: str) -> str:
        one = limits[which]
        return (
            f"effectiveness at least {percent(one['effectiveness'])}, misses at most "
            f"{percent(one['miss_rate'])}, false alarms at most {percent(one['false_alarm_rate'])}"
        )

    facts = (
        ("Pass", words("pass")),
        ("Marginal", words("marginal")),
        ("Effectiveness", "share of parts on which every trial agrees with the reference"),
        ("Miss rate", "decisions 'good' of all decisions on bad parts"),
        ("False-alarm rate", "decisions 'bad' of all decisions on good parts"),
        ("Repeats", "share of parts on which all trials agree with each other"),
        ("Review, invalid", "review counts as bad; invalid as the wrong decision on either side"),
        (
            "Decisions right",
            "; ".join(
                f"{one['appraiser']} {percent(one['decisions_right']['value'])}"
                for one in payload["appraisers"]
            )
            + " (the other definition of effectiveness; it decides nothing here)",
        ),
    )
    notes = tuple(d.Line(note, "calm") for note in payload["notes"])
    errors = tuple(
        d.Line(f"{e['image']} was not read: {e['error']['message']}", "bad")
        for e in payload["errors"]
    )
    return d.Section("How it was reckoned", "", (d.Facts(facts), d.Bullets(notes + errors)))


def _signatures() -> d.Section:
    return d.Section("Approval", "", (d.Signatures(ROLES),))
