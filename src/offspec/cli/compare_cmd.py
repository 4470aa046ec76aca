"""``offspec compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offspec.cli.common import (
    EXIT_ERROR,
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    apart,
    guarded,
    progress,
)
from offspec.cli.given import ExcludeOption, excluded, named

if TYPE_CHECKING:
    from offspec.decisions.compare import ComparisonResult

EXIT_NOT_SHOWN = 1
"""The new bundle is worse, or the images do not decide."""


@guarded
def compare(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    old: Annotated[Path, typer.Argument(help="The bundle in use.")],
    new: Annotated[Path, typer.Argument(help="The bundle that is to take its place.")],
    dataset: Annotated[Path, typer.Argument(help="A folder with labelled test images.")],
    margin: Annotated[
        float, typer.Option(help="Loss of detection rate that is accepted; 0.02 is 2 points.")
    ] = 0.02,
    false_stop_margin: Annotated[
        float | None,
        typer.Option(help="Rise of the false-stop rate that is accepted; default: the margin."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page as one HTML file.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write the page as PDF.")] = None,
    exclude: ExcludeOption = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Tell whether a new bundle is not worse than the old one; exit 0 only if so."""
    output = Output(json_file, quiet)
    apart(output, [html, pdf], [old, new, exclude])
    from offspec.decisions.compare import compare as measure

    with progress(quiet) as advance:
        result = measure(
            old,
            new,
            dataset,
            margin=margin,
            false_stop_margin=false_stop_margin,
            confidence=confidence,
            exclude=excluded(exclude),
            threads=threads,
            progress=advance,
        )
    payload = result.to_dict()
    for side, path in (("old", old), ("new", new)):
        payload["models"][side] |= named(path)
    _write_pages(result, payload, html, pdf)
    describe(output, payload)
    for target in (html, pdf):
        if target is not None:
            output.say(f"Page: {target}")
    output.write_json(payload)
    if result.errors:
        raise typer.Exit(EXIT_ERROR)
    if result.decision != "not_worse":
        raise typer.Exit(EXIT_NOT_SHOWN)


def _write_pages(
    result: ComparisonResult, payload: dict[str, Any], html: Path | None, pdf: Path | None
) -> None:
    """Write the pages that are asked for, with photographs of the flips."""
    if html is None and pdf is None:
        return
    from offspec.images import atomic_write
    from offspec.pages.compare_page import compare_document
    from offspec.pages.decision_pictures import flip_pictures
    from offspec.pages.document_html import to_html
    from offspec.pages.document_pdf import to_pdf

    document = compare_document(payload, flip_pictures(result))
    if html is not None:
        atomic_write(html, to_html(document).encode())
    if pdf is not None:
        atomic_write(pdf, to_pdf(document))


def describe(output: Output, payload: dict[str, Any]) -> None:
    """Print the result for people."""
    headline, *rest = payload["words"]
    for words in rest:
        output.say(words)
    area = payload["image_auroc"]
    if area is not None:
        interval = (
            "" if area["low"] is None else f", interval {area['low']:+.4f} to {area['high']:+.4f}"
        )
        output.say(
            f"Image AUROC {area['old']:.4f} before, {area['new']:.4f} now: "
            f"{area['difference']:+.4f}{interval}."
        )
    for words in (*payload["reasons"].values(), *payload["notes"]):
        output.say(words)
    times = payload["latency_ms"]
    output.say(
        f"Latency p50 {times['old']['p50']:.1f} ms before, {times['new']['p50']:.1f} ms now."
    )
    flips = payload["flips"]
    if flips:
        output.say()
        output.table(
            ["flip", "truth", "old", "new", "so it is"],
            [
                [
                    flip["image"],
                    "good" if flip["label"] == "ok" else flip["defect_type"],
                    flip["old"]["verdict"],
                    flip["new"]["verdict"],
                    "better" if flip["better"] else "worse",
                ]
                for flip in flips[:20]
            ],
        )
        if len(flips) > 20:
            output.say(f"{len(flips) - 20} more are in the JSON file.")
    for error in payload["errors"]:
        output.say(f"not read: {error['image']}: [{error['error']['code']}]")
    output.say()
    output.say(headline)
