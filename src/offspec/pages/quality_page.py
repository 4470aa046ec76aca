"""The quality report: everything that is known of an inspection, for the person who signs for it.

Each part is built from the JSON that its command writes. A part that was not done is named with the
command that does it: a gap is said, never hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from offspec.bundle import Bundle
from offspec.charts import Interval, Marker, Series, histogram, interval_chart
from offspec.errors import OffspecError
from offspec.images import read_image
from offspec.overlays import to_eight_bits
from offspec.pages.calibrate_page import operating_sections
from offspec.pages.check_page import health_sections
from offspec.pages.compare_page import compare_sections
from offspec.pages.document import (
    Block,
    Bullets,
    Card,
    Chart,
    Chip,
    Columns,
    Document,
    Facts,
    Gallery,
    KeyFigures,
    Light,
    Line,
    Picture,
    Section,
    Signatures,
    Table,
    Text,
)
from offspec.pages.msa_page import msa_sections
from offspec.pages.pod_page import pod_sections
from offspec.problem import Answers, DefectType, ProblemStatement
from offspec.report_pictures import encode_jpeg, shrunk
from offspec.report_words import headline, overall_light, percent, type_name
from offspec.template_view import draw_template

Payload = Mapping[str, Any]
ROLES = ("Vision engineer", "Production", "Quality manager")
MISSES_SHOWN = 9
PICTURE_PX = 420
TEMPLATE_PX = 900
_MANY_SCORES = 4000


@dataclass(frozen=True)
class Parts:
    """What the report joins; None = not done.

    Attributes:
        evaluation: What ``evaluate --json`` writes; likewise the others.
        root: The dataset's folder, for pictures.
        left_out: Labelled test images that were not judged, as the model knows them.
    """

    problem: ProblemStatement | None = None
    health: Payload | None = None
    evaluation: Payload | None = None
    operating: Payload | None = None
    pod: Payload | None = None
    msa: Payload | None = None
    comparison: Payload | None = None
    root: Path | None = None
    left_out: int = 0
    roles: Sequence[str] = field(default=ROLES)


def quality_document(
    bundle: Bundle, parts: Parts, *, title: str, machine: str, file: str = "", sha256: str = ""
) -> Document:
    """The whole report.

    Args:
        bundle: The model in question.
        parts: What was found out about it.
        title: Of the report, such as product and line.
        machine: Where it was made, in words.
        file: Name of the bundle, which a signature is about.
        sha256: Of that file.
    """
    manifest = bundle.manifest
    known = len(manifest.learned_sha256)
    subtitle = (
        f"Quality report of model {manifest.template.name}, detector "
        f"{manifest.detector.get('name')}, {known} images learned from or set on"
    )
    sections = (
        _summary(bundle, parts),
        _problem(parts.problem),
        *_health(parts),
        _template(bundle),
        _threshold(bundle),
        *_operating(bundle, parts.operating),
        *_detection(parts),
        *_pod(bundle, parts.pod),
        *_joined("Measurement system", parts.msa, msa_sections, _MSA),
        *_joined("Against the model before", parts.comparison, compare_sections, _COMPARE),
        _history(bundle),
        _provenance(bundle, machine, file, sha256),
        Section("Signatures", "", (Signatures(tuple(parts.roles)),)),
    )
    return Document(title, subtitle, tuple(one for one in sections if one is not None))


_MSA = "No study of the measurement system was done. `offspec msa` analyses one."
_COMPARE = "No comparison with an earlier model was given. `offspec compare` makes one."


def _joined(name: str, payload: Payload | None, build: Any, absent: str) -> tuple[Section, ...]:
    """Sections of another page under a common name, or that it was not done."""
    if payload is None:
        return (Section(name, "", (Text(absent),), "calm"),)
    return _named(name, build(payload))


def _named(name: str, sections: Sequence[Section]) -> tuple[Section, ...]:
    """Sections under a common name."""
    return tuple(
        replace(one, title=f"{name}: {one.title}" if one.title else name) for one in sections
    )


# -- the first page -----------------------------------------------------------------


def _summary(bundle: Bundle, parts: Parts) -> Section:
    """What a reader with one minute takes away."""
    calibration = bundle.manifest.calibration
    metrics = parts.evaluation
    cards = [*_rate_cards(metrics)]
    upper = calibration.guarantee_upper
    light: Light = "good" if calibration.status == "certified" else "warn"
    note = "no rate is promised" if upper is None else f"at most {percent(upper)} of good stopped"
    cards.append(Card("Threshold", calibration.status, note, light))
    cards.append(_health_card(parts.health))
    lines = [] if metrics is None else [Line(one.words, one.light) for one in headline(metrics)]
    lines += _unread(metrics)
    lines += [Line(words, "warn") for words in _gaps(parts)]
    level: Light = overall_light(lines)
    return Section(
        "Result",
        "Rates are counted on images that the model has neither learned from nor been set on; "
        "what goes to review counts as stopped.",
        (KeyFigures(tuple(cards)), Bullets(tuple(lines))),
        level,
    )


def _rate_cards(metrics: Payload | None) -> list[Card]:
    cards = []
    for key, what in (("detection_rate", "Defects found"), ("false_stop_rate", "Good stopped")):
        rate = None if metrics is None else metrics.get(key)
        if rate is None:
            cards.append(Card(what, "–", "not measured", "warn"))
            continue
        note = f"{round(rate['value'] * rate['n'])} of {rate['n']}; 95 % interval "
        note += f"{percent(rate['low'])} to {percent(rate['high'])}"
        cards.append(Card(what, percent(rate["value"]), note, "calm"))
    return cards


def _health_card(health: Payload | None) -> Card:
    if health is None:
        return Card("Data health", "–", "not checked", "warn")
    must = sum(one["level"] == "must" for one in health["findings"])
    look = sum(one["level"] == "look" for one in health["findings"])
    light: Light = "bad" if must else "warn" if look else "good"
    return Card("Data health", str(must), f"to look at first; {look} worth a look", light)


def _unread(metrics: Payload | None) -> list[Line]:
    """Test images that are in no rate, because they could not be read."""
    keys = [str(one["image"]) for one in (metrics or {}).get("images", ()) if "error" in one]
    if not keys:
        return []
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    words = f"In no rate, because the file could not be read: {', '.join(keys[:3])}{more}."
    return [Line(words, "bad")]


def _gaps(parts: Parts) -> list[str]:
    names = {
        "problem": "a problem statement",
        "health": "a check of the data",
        "evaluation": "figures on test images",
        "operating": "thresholds from costs",
        "pod": "a probability of detection",
        "msa": "a study of the measurement system",
    }
    gone = [words for name, words in names.items() if getattr(parts, name) is None]
    return [f"What this report lacks: {', '.join(gone)}."] if gone else []


# -- what was asked --------------------------------------------------------------------


def _problem(problem: ProblemStatement | None) -> Section:
    if problem is None:
        words = (
            "No problem statement was given. It is filled in under the project's name in the "
            "studio, or by `offspec problem new`."
        )
        return Section("What was asked", "", (Text(words),), "calm")
    rows = [
        (str(info.description), _answer(getattr(problem.answers, name)))
        for name, info in Answers.model_fields.items()
        if getattr(problem.answers, name) is not None
    ]
    blocks: list[Block] = [Facts(tuple(rows))] if rows else []
    if problem.defects:
        table = tuple((one.type, one.words or "–", *_counts(one)) for one in problem.defects)
        blocks.append(Table(("defect", "in words", "OK", "borderline", "NG"), table, (2, 3, 4)))
    if problem.not_a_defect:
        lines = tuple(Line(f"Not a defect: {one.words}", "calm") for one in problem.not_a_defect)
        blocks.append(Bullets(lines))
    return Section("What was asked", "", tuple(blocks) or (Text("Nothing was answered."),))


def _counts(one: DefectType) -> tuple[str, str, str]:
    """Example images of a type by grade."""
    return str(len(one.ok)), str(len(one.borderline)), str(len(one.ng))


def _answer(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _health(parts: Parts) -> tuple[Section, ...]:
    if parts.health is None:
        words = "The data was not checked. `offspec check` does it."
        return (Section("Data health", "", (Text(words),), "calm"),)
    return _named("Data health", health_sections(parts.health, parts.root))


# -- the model -----------------------------------------------------------------------


def _template(bundle: Bundle) -> Section:
    template = bundle.manifest.template
    picture = shrunk(draw_template(bundle.reference, template), TEMPLATE_PX)
    rows = (
        ("regions", ", ".join(r.name for r in template.regions)),
        ("alignment", template.alignment.mode),
        ("size policy", template.size_policy),
        ("smallest defect asked for", f"{template.smallest_defect_px:g} pixels"),
        ("reference image", f"{template.size_wh[0]} x {template.size_wh[1]} pixels"),
    )
    lead = "Judged is what lies inside the outlines. Hatched parts are never judged."
    return Section("Template", lead, (Picture(encode_jpeg(picture)), Facts(rows)))


def _threshold(bundle: Bundle) -> Section:
    calibration = bundle.manifest.calibration
    scores = list(calibration.curve.scores)[-_MANY_SCORES:]
    chart = histogram(
        [Series("held-out normals", scores, "ok")],
        title="Scores of good images that the scoring model had not seen",
        x_label="score",
        threshold=Marker(calibration.threshold.raw, "threshold"),
    )
    rows = tuple(
        (region.name, f"{calibration.region_threshold_raw(region.id):.4g}",
         calibration.region_status(region.id))
        for region in bundle.manifest.template.regions
    )  # fmt: skip
    light: Light = "good" if calibration.status == "certified" else "warn"
    return Section(
        "Threshold and what it promises",
        "",
        (
            Text(calibration.words, light),
            Columns((Chart(chart),), (Table(("region", "threshold, raw", "status"), rows, (1,)),)),
        ),
    )


def _operating(bundle: Bundle, payload: Payload | None) -> tuple[Section, ...]:
    name = "Costs and decision points"
    if payload is not None:
        return _named(name, operating_sections(payload))
    calibration = bundle.manifest.calibration
    events = [e for e in bundle.manifest.history if e.get("event") == "operating_points"]
    if not events:
        words = (
            f"No costs were set: what scores above {calibration.t_ng:g} is ng. `offspec calibrate "
            "--validation` sets both decision points from costs or limits."
        )
        return (Section(name, "", (Text(words),), "calm"),)
    event = events[-1]
    rows = [
        ("ng above", f"{calibration.t_ng:.4g} (deviation score)"),
        ("review above", f"{calibration.t_review:.4g}"),
        ("chosen by", str(event.get("rule", "")).replace("_", " ")),
    ]
    expected = event.get("expected")
    if expected is not None:
        cost = f"{expected['cost_per_1000']:.3g} per 1000 parts"
        rows.append(("expected cost", f"{cost} ({expected['low']:.3g} to {expected['high']:.3g})"))
    lines = tuple(Line(str(words), "warn") for words in event.get("warnings", ()))
    return (Section(name, "", (Facts(tuple(rows)), Bullets(lines))),)


# -- what was measured -------------------------------------------------------------------


def _detection(parts: Parts) -> tuple[Section, ...]:
    metrics = parts.evaluation
    name = "Detection at the decision points"
    if metrics is None:
        words = "No test images were judged. Give a dataset with labelled test images."
        if parts.left_out:
            words = f"No test images were judged. {_left_out(parts.left_out)}"
        return (Section(name, "", (Text(words),), "calm"),)
    named = (("detection_rate", "Defects found", "ok"), ("defect_recall", "Single defects", "ok"),
             ("false_stop_rate", "Good stopped", "ng"))  # fmt: skip
    rows = [
        Interval(
            words, rate["value"], rate["low"], rate["high"], "ok" if tone == "ok" else "ng",
            f"{percent(rate['value'])} of {rate['n']}",
        )
        for key, words, tone in named
        if (rate := metrics.get(key)) is not None
    ]  # fmt: skip
    blocks: list[Block] = [Chart(interval_chart(rows, title="Rates with 95 % intervals"))]
    blocks += _per_type(metrics.get("by_defect_type") or [])
    known = metrics.get("left_out", parts.left_out)
    blocks += [Text(_left_out(known))] if known else []
    excluded = (metrics.get("dataset") or {}).get("excluded")
    blocks += [Text(f"Images left out by a list: {excluded}.")] if excluded else []
    misses = _misses(metrics, parts.root)
    blocks += [Text("Missed defects:"), Gallery(misses)] if misses else []
    lead = (
        "Bars are exact 95 % intervals. An image that could not be judged counts against us; "
        "what goes to review counts as stopped."
    )
    return (Section(name, lead, tuple(blocks)),)


def _left_out(count: int) -> str:
    """Why the figures are on fewer images than the dataset has."""
    images = "1 labelled test image is" if count == 1 else f"{count} labelled test images are"
    return (
        f"{images} left out: the model learned from these pictures, or they chose its thresholds. "
        "Figures on them would promise too much."
    )


def _per_type(rows: Sequence[Payload]) -> list[Block]:
    if not rows:
        return []
    table = tuple(
        (
            type_name(str(one["defect_type"])),
            str(one["images"]),
            Chip(
                f"{percent(one['detection_rate']['value'])}",
                "good" if one["detection_rate"]["value"] >= 0.95 else "warn",
            ),
            f"{percent(one['detection_rate']['low'])} to {percent(one['detection_rate']['high'])}",
        )
        for one in rows
    )
    return [Table(("defect type", "images", "found", "95 % interval"), table, (1,))]


def _misses(metrics: Payload, root: Path | None) -> tuple[Picture, ...]:
    if root is None:
        return ()
    found = []
    missed = [
        one
        for one in metrics.get("images", ())
        if one.get("label") == "ng" and one.get("verdict") in ("ok", "invalid")
    ]
    for one in missed[:MISSES_SHOWN]:
        try:
            image = to_eight_bits(read_image(root / one["image"]))
        except OffspecError:
            continue
        words = f"{one['image']}: {type_name(str(one['defect_type']))}, {one['verdict']}"
        found.append(Picture(encode_jpeg(shrunk(image, PICTURE_PX)), words))
    return tuple(found)


def _pod(bundle: Bundle, payload: Payload | None) -> tuple[Section, ...]:
    name = "Probability of detection"
    if payload is None:
        words = "Not estimated. `offspec pod` puts made defects of graded size into good images."
        return (Section(name, "", (Text(words),), "calm"),)
    return _named(name, pod_sections(payload, reference=bundle.reference))


# -- where it comes from --------------------------------------------------------------------


def _history(bundle: Bundle) -> Section | None:
    rows = tuple(
        (str(number), str(event.get("event", "")).replace("_", " "), _event_words(event))
        for number, event in enumerate(bundle.manifest.history, 1)
    )
    if not rows:
        return None
    return Section("Changes since the fit", "", (Table(("", "what", "details"), rows),))


def _event_words(event: Payload) -> str:
    simple = (
        f"{key.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else
        f"{key.replace('_', ' ')} {value}"
        for key, value in event.items()
        if key != "event" and isinstance(value, str | int | float)
    )  # fmt: skip
    return ", ".join(simple)


def _provenance(bundle: Bundle, machine: str, file: str, sha256: str) -> Section:
    manifest = bundle.manifest
    rows = [
        *([("bundle", file), ("SHA-256 of the bundle", sha256)] if file else []),
        ("offspec", manifest.offspec_version),
        ("detector", str(manifest.detector.get("name"))),
        ("backbone", str(manifest.detector.get("backbone"))),
        ("seed", str(manifest.seed)),
        ("dataset", str(manifest.dataset.get("fingerprint", "–"))[:16]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in sorted(manifest.libraries.items()))),
        ("machine of this report", machine),
    ]
    notes = tuple(Line(note, "calm") for note in manifest.notes)
    return Section("Where it comes from", "", (Facts(tuple(rows)), Bullets(notes)))
