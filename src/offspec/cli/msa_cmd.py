"""``offspec msa``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offspec.cli.common import (
    EXIT_ERROR,
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    apart,
    guarded,
    percent,
    progress,
)
from offspec.cli.given import named
from offspec.errors import OptionError

if TYPE_CHECKING:
    from offspec.decisions.attribute_study import Limits
    from offspec.decisions.msa import MsaResult
    from offspec.decisions.study_plan import StudyPlan


@guarded
def msa(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    study: Annotated[
        Path | None,
        typer.Argument(help="A folder of photographs with known state, several of each part."),
    ] = None,
    bundle_file: Annotated[
        Path | None, typer.Option("--bundle", help="The system under study inspects them all.")
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            "--verdicts", help="CSV of people's verdicts: appraiser,part,trial,verdict[,reference]."
        ),
    ] = None,
    part_pattern: Annotated[
        str | None,
        typer.Option(
            "--part-pattern",
            help="How a file name without suffix names its part: a regular expression with a "
            "group 'part'; default: valve07_2 and valve07-2 show part valve07.",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say how many parts a study needs, and end.")
    ] = False,
    effectiveness_limit: Annotated[
        float, typer.Option(help="Least effectiveness that passes.")
    ] = 0.90,
    miss_limit: Annotated[float, typer.Option(help="Largest miss rate that passes.")] = 0.02,
    false_alarm_limit: Annotated[
        float, typer.Option(help="Largest false-alarm rate that passes.")
    ] = 0.05,
    marginal: Annotated[
        str,
        typer.Option(help="The three limits for marginal: effectiveness, misses, false alarms."),
    ] = "0.80,0.05,0.10",
    confidence: Annotated[float, typer.Option(help="Of intervals and claims.")] = 0.95,
    trials: Annotated[int, typer.Option(help="With --plan: presentations of each part.")] = 3,
    parts_good: Annotated[
        int | None, typer.Option(min=1, help="With --plan: good parts at hand.")
    ] = None,
    parts_bad: Annotated[
        int | None, typer.Option(min=1, help="With --plan: bad parts at hand.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one HTML file.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write the report as PDF.")] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Attribute measurement system analysis: effectiveness, misses, false alarms, kappa."""
    output = Output(json_file, quiet)
    apart(output, [html, pdf], [bundle_file, verdicts])
    from offspec.decisions.attribute_study import Limits
    from offspec.decisions.msa import measure_study
    from offspec.decisions.study_files import PART_PATTERN
    from offspec.decisions.study_plan import plan_study

    limits = Limits(effectiveness_limit, miss_limit, false_alarm_limit)
    if plan:
        if any(given is not None for given in (study, bundle_file, verdicts, html, pdf)):
            raise OptionError(
                "--plan is for the time before the study: it takes no folder, bundle or verdicts "
                "and writes no report. Leave them out, or leave --plan out."
            )
        found = plan_study(
            effectiveness=limits.effectiveness,
            miss=limits.miss_rate,
            false_alarm=limits.false_alarm_rate,
            confidence=confidence,
            trials=trials,
            parts_good=parts_good,
            parts_bad=parts_bad,
        )
        describe_plan(output, found)
        output.write_json(found.to_dict())
        return
    with progress(quiet) as advance:
        result = measure_study(
            study,
            bundle=bundle_file,
            verdicts=verdicts,
            part_pattern=PART_PATTERN if part_pattern is None else part_pattern,
            limits=limits,
            marginal=_limits(marginal),
            confidence=confidence,
            threads=threads,
            progress=advance,
        )
    _write_pages(result, html, pdf)
    describe(output, result)
    for target in (html, pdf):
        if target is not None:
            output.say(f"Report: {target}")
    model = None if bundle_file is None else named(bundle_file)
    output.write_json({**result.to_dict(), "bundle": model})
    if result.errors:
        raise typer.Exit(EXIT_ERROR)


def _limits(text: str) -> Limits:
    from offspec.decisions.attribute_study import Limits

    try:
        effectiveness, miss, false_alarm = (float(piece) for piece in text.split(","))
    except ValueError as error:
        raise OptionError(
            f"Option --marginal is '{text}'. It takes three shares: effectiveness, misses, false "
            "alarms. Write for example 0.80,0.05,0.10."
        ) from error
    return Limits(effectiveness, miss, false_alarm)


def _write_pages(result: MsaResult, html: Path | None, pdf: Path | None) -> None:
    """Write the pages that are asked for, with photographs of the system's discordant parts."""
    if html is None and pdf is None:
        return
    from offspec.images import atomic_write
    from offspec.pages.decision_pictures import discordant_pictures
    from offspec.pages.document_html import to_html
    from offspec.pages.document_pdf import to_pdf
    from offspec.pages.msa_page import msa_document

    document = msa_document(result.to_dict(), discordant_pictures(result))
    if html is not None:
        atomic_write(html, to_html(document).encode())
    if pdf is not None:
        atomic_write(pdf, to_pdf(document))


def describe(output: Output, result: MsaResult) -> None:
    """Print the figures for people."""
    output.table(
        ["appraiser", "verdict", "effectiveness", "misses", "false alarms", "repeats", "kappa"],
        [
            [
                one.name,
                one.verdict,
                percent(one.effectiveness.value),
                percent(one.miss_rate.value),
                percent(one.false_alarm_rate.value),
                percent(one.repeatability.value),
                _round(one.against_reference.kappa.value) if one.against_reference else None,
            ]
            for one in result.appraisers
        ],
    )
    payload = result.to_dict()
    for one in payload["appraisers"]:
        output.say()
        for words in one["words"]:
            output.say(f"{one['appraiser']}: {words}")
    output.say()
    for pair in payload["pairs"]:
        kappa = pair["kappa"]
        if kappa is not None:
            output.say(
                f"kappa of {pair['first']} and {pair['second']}: {kappa['value']:.2f} "
                f"({kappa['low']:.2f} to {kappa['high']:.2f})"
            )
    for note in result.notes:
        output.say(note)
    discordant = payload["discordant"]
    if discordant:
        names = ", ".join(row["part"] for row in discordant[:12])
        more = f" and {len(discordant) - 12} more" if len(discordant) > 12 else ""
        output.say(f"discordant parts: {names}{more}")
    for key, code, message in result.errors:
        output.say(f"not read: {key}: [{code}] {message}")
    output.say(f"verdict: {result.verdict}")


def _round(value: float) -> str:
    return f"{value:.2f}"


def describe_plan(output: Output, plan: StudyPlan) -> None:
    """Print sample sizes for people."""
    output.say(
        f"Parts needed to show each limit with {percent(plan.confidence)} confidence, by how many "
        "of them go wrong:"
    )
    errors = list(plan.needs[0].parts)
    output.table(
        ["limit", "parts", *[f"{e} wrong" for e in errors]],
        [
            [
                f"{n.figure.replace('_', ' ')} "
                + (
                    f"at least {percent(1 - n.limit)}"
                    if n.kind == "all"
                    else f"at most {percent(n.limit)}"
                ),
                n.kind,
                *[n.parts[e] for e in errors],
            ]
            for n in plan.needs
        ],
    )
    output.say(
        f"Parts count, not photographs: {plan.trials} trials of one part show whether the verdict "
        "repeats, and are worth between one part and as many parts as trials."
    )
    for need in plan.needs:
        if need.planned is not None:
            shown = ", ".join(f"{percent(v)} with {e} wrong" for e, v in need.shows.items())
            what = "an error rate" if need.kind == "all" else need.figure.replace("_", " ")
            output.say(f"{need.planned} {need.kind} parts would show {what} of at most: {shown}")
    output.say()
    for words in plan.to_dict()["guidance"]:
        output.say(f"- {words}")
