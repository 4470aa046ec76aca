"""``offspec pod``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offspec.cli.common import (
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
    from offspec.decisions.detection_curve import DetectionCurve
    from offspec.decisions.pod_result import PodResult


@guarded
def pod(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    normals: Annotated[
        Path, typer.Argument(help="A dataset, or a folder of good images; best ones not learned.")
    ],
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", "--size", help="In pixels, as 4,8,16; default: by the part."),
    ] = None,
    contrasts: Annotated[
        str, typer.Option("--contrasts", "--contrast", help="Shares of full scale.")
    ] = "0.05,0.1,0.2,0.4",
    minutes: Annotated[float, typer.Option("--minutes", help="About how long to take.")] = 2.5,
    trials: Annotated[
        int | None,
        typer.Option("--trials", help="Of every curve, in place of --minutes: repeatable."),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Id of a region; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained HTML file.")
    ] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Make defects in good images and see from which size on they are found, and where not."""
    output = Output(json_file, quiet)
    apart(output, [html], [bundle_file])
    from offspec.bundle import read_bundle
    from offspec.decisions.pod import probability_of_detection

    wanted = None if sizes is None else _numbers(sizes, "--sizes")
    bundle = read_bundle(bundle_file)
    with progress(quiet) as advance:
        result = probability_of_detection(
            bundle,
            normals,
            sizes=wanted,
            contrasts=_numbers(contrasts, "--contrasts"),
            minutes=minutes,
            trials=trials,
            regions=region or None,
            seed=seed,
            threads=threads,
            progress=advance,
        )
    payload = {**result.to_dict(), "bundle": named(bundle_file)}
    _describe(output, result)
    if html is not None:
        from offspec.images import atomic_write
        from offspec.pages.document_html import to_html
        from offspec.pages.pod_page import pod_document

        page = pod_document(payload, reference=bundle.reference, examples=result.examples())
        atomic_write(html, to_html(page).encode())
        output.say(f"Page: {html}")
    output.write_json(payload)


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise OptionError(
            f"Option {option} has the value '{text}'. It is a list of numbers with commas between, "
            "such as 4,8,16. Correct it."
        ) from error


def _describe(output: Output, result: PodResult) -> None:
    """Print the figures for people."""
    from offspec.decisions.pod_result import CAUTION

    output.table(
        ["region", "defects", "trials", "found", "a50", "a90", "a90/95"],
        [
            [region.name, one.name, one.curve.n, one.curve.hits, *_sizes(one.curve)]
            for region in result.regions
            for one in region.curves
        ],
    )
    output.say("Sizes in pixels. a90: found nine times in ten. a90/95: with 95 % confidence.")
    output.say()
    for region in result.regions:
        found = region.map.to_dict()
        output.say(
            f"{region.name}: spots of {found['size_px']:.3g} px and contrast "
            f"{found['contrast']:g}: {found['blind_cells']} of {found['tested_cells']} places "
            f"blind. Stopped without a defect: {region.false_calls} of {region.judged}."
        )
        for one in region.curves:
            if one.curve.doubt:
                output.say(f"{region.name}, {one.name}: {one.curve.doubt}")
    for note in result.notes():
        output.say(note)
    output.say(CAUTION)
    output.say(f"{result.trials} defects made in {result.seconds:.0f} s.")


def _sizes(curve: DetectionCurve) -> list[float | str | None]:
    a90: float | str | None = curve.a90
    if curve.status == "below":
        a90 = f"< {curve.smallest:.3g}"
    elif curve.doubt:
        a90 = "levels off"
    elif curve.status == "not_reached":
        a90 = f"> {curve.largest:.3g}"
    return [curve.a50, a90, curve.a90_95]
