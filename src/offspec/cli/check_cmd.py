"""``offspec check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    apart,
    guarded,
    progress,
    result_folder,
)
from offspec.cli.given import ExcludeOption, excluded

EXIT_LOOK = 1


@guarded
def check(
    dataset: Annotated[Path, typer.Argument(help="A folder of images, as for fit.")],
    template: Annotated[
        Path | None, typer.Option("--template", help="template.json; default: the whole image.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained page with pictures.")
    ] = None,
    proposals: Annotated[
        Path | None,
        typer.Option("--proposals", help="Folder for lists that fit --exclude takes."),
    ] = None,
    exclude: ExcludeOption = None,
    smallest_defect: Annotated[
        float | None,
        typer.Option("--smallest-defect", min=1, help="Width in original pixels; default 16."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Look at a dataset before a fit: faults, odd normals, coverage. Exit 1 = look first."""
    output = Output(json_file, quiet)
    apart(output, [html], [template, exclude])
    folder = result_folder(proposals)
    from offspec.exclusions import write_proposals
    from offspec.health import check as look

    left_out = excluded(exclude)
    with progress(quiet) as advance:
        report = look(
            dataset,
            template=template,
            exclude=left_out,
            smallest_defect=smallest_defect,
            seed=seed,
            threads=threads,
            progress=advance,
        )
    payload = report.to_dict()
    _describe(output, payload)
    if html is not None:
        from offspec.images import atomic_write
        from offspec.pages.check_page import check_document
        from offspec.pages.document_html import to_html

        page = to_html(check_document(payload, dataset, payload["dataset"]["name"]))
        atomic_write(html, page.encode())
        output.say(f"Page: {html}")
    if folder is not None:
        for path in write_proposals(payload, folder):
            output.say(f"Proposal: {path}")
    output.write_json(payload)
    if payload["must_look"]:
        raise typer.Exit(EXIT_LOOK)


def _describe(output: Output, payload: dict[str, Any]) -> None:
    data = payload["dataset"]
    output.say(
        f"{data['normals']} normals to learn from, {data['test_good']} good and "
        f"{data['test_bad']} bad test images ({data['layout']} layout)."
    )
    marks = {"must": "LOOK FIRST", "look": "worth a look", "note": "note"}
    for one in payload["findings"]:
        output.say(f"{marks[one['level']]}: {one['words']}")
    if not payload["findings"]:
        output.say("No fault was found.")
