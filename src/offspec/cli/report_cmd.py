"""``offspec report``."""

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
from offspec.cli.given import named
from offspec.errors import OptionError

if TYPE_CHECKING:
    from offspec.bundle import Bundle

_Part = Annotated[Path | None, typer.Option()]


@guarded
def report(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    dataset: Annotated[
        Path | None, typer.Argument(help="Checked and, with its test images, measured.")
    ] = None,
    problem: Annotated[Path | None, typer.Option("--problem", help="problem.json.")] = None,
    health: Annotated[
        Path | None, typer.Option("--health", help="JSON of check; else DATASET is checked now.")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option("--evaluation", help="JSON of evaluate; else DATASET is measured now."),
    ] = None,
    operating: Annotated[
        Path | None, typer.Option("--operating", help="JSON of calibrate --validation.")
    ] = None,
    pod: Annotated[Path | None, typer.Option("--pod", help="JSON of pod.")] = None,
    msa: Annotated[Path | None, typer.Option("--msa", help="JSON of msa.")] = None,
    comparison: Annotated[
        Path | None, typer.Option("--comparison", help="JSON of compare.")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Default: the template's name.")
    ] = None,
    sign: Annotated[
        list[str] | None, typer.Option("--sign", help="A role that signs; repeatable.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="One self-contained page.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="The same on A4.")] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Join everything known of a model into a report to sign, as HTML and PDF."""
    output = Output(json_file, quiet)
    targets = [path for path in (html, pdf) if path is not None]
    if not targets and json_file is None:
        raise OptionError(
            "Nothing to write: none of --html, --pdf and --json was given. A report is a file. "
            "Give for example --pdf report.pdf."
        )
    read = [bundle_file, problem, health, evaluation, operating, pod, msa, comparison]
    apart(output, targets, read)
    from offspec.bundle import read_bundle
    from offspec.images import atomic_write
    from offspec.machine import describe_machine
    from offspec.pages.quality_joined import check_part
    from offspec.pages.quality_page import ROLES, Parts, quality_document
    from offspec.pages.quality_parts import read_part

    bundle = read_bundle(bundle_file)
    model = named(bundle_file)
    files = {
        "health": health,
        "evaluation": evaluation,
        "operating": operating,
        "pod": pod,
        "msa": msa,
        "comparison": comparison,
    }
    found: dict[str, Any] = {
        name: read_part(name, path) for name, path in files.items() if path is not None
    }
    for name, payload in found.items():
        check_part(bundle, name, payload, files[name] or Path(), dataset, model["sha256"])
    found |= _measured(bundle, dataset, found, threads, quiet)
    parts = Parts(
        **found, problem=_problem(problem), root=dataset, roles=tuple(sign) if sign else ROLES
    )
    machine = describe_machine(threads)
    document = quality_document(
        bundle,
        parts,
        title=title or bundle.manifest.template.name,
        machine=f"{machine['machine']}, {machine['threads']} threads",
        file=bundle_file.name,
        sha256=model["sha256"],
    )
    if html is not None:
        from offspec.pages.document_html import to_html

        atomic_write(html, to_html(document).encode())
    if pdf is not None:
        from offspec.pages.document_pdf import to_pdf

        atomic_write(pdf, to_pdf(document))
    for path in targets:
        output.say(f"Report: {path}")
    output.write_json({"title": document.title, "bundle": model, **found, "environment": machine})
    if any("error" in one for one in found.get("evaluation", {}).get("images", ())):
        raise typer.Exit(EXIT_ERROR)


def _problem(path: Path | None) -> Any:
    from offspec.problem import read_problem

    return None if path is None else read_problem(path)


def _measured(
    bundle: Bundle, dataset: Path | None, found: dict[str, Any], threads: int | None, quiet: bool
) -> dict[str, Any]:
    """Health and figures on a dataset, unless they were given."""
    if dataset is None:
        return {}
    from offspec.datasets import read_dataset
    from offspec.pages.quality_joined import measured

    data = read_dataset(dataset, seed=bundle.manifest.seed, need_normals=False)
    with progress(quiet) as advance:
        return measured(bundle, data, found, threads=threads, progress=advance)
