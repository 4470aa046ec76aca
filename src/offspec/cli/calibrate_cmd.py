"""``offspec calibrate``."""

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
    check_target,
    guarded,
    progress,
)
from offspec.cli.fit_cmd import describe, summary
from offspec.cli.operating import Typed, asked_of, describe_choice
from offspec.errors import DatasetError, OptionError

if TYPE_CHECKING:
    from offspec.bundle import Bundle

_RATE = 0.01


@guarded
def calibrate(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The bundle to write; default: the same file.")
    ] = None,
    normal: Annotated[
        Path | None, typer.Option("--normal", help="A folder of good images not learned from.")
    ] = None,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option("--false-alarm-rate", help="Share of good images that may be stopped: 0.01."),
    ] = None,
    threshold_raw: Annotated[
        float | None, typer.Option("--threshold-raw", help="Set a threshold by hand, raw units.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="The region it is for; needed if several.")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help="Who sets it.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="Why.")] = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", help="Labelled images, not learned from, that choose."),
    ] = None,
    problem: Annotated[
        Path | None, typer.Option("--problem", help="problem.json with costs; options win.")
    ] = None,
    cost_miss: Annotated[
        float | None, typer.Option("--cost-miss", help="Of one defective part let through.")
    ] = None,
    cost_false_alarm: Annotated[
        float | None, typer.Option("--cost-false-alarm", help="Of one good part stopped.")
    ] = None,
    cost_review: Annotated[
        float | None, typer.Option("--cost-review", help="Of a second look by a person.")
    ] = None,
    defect_rate: Annotated[
        float | None, typer.Option("--defect-rate", help="Share of parts that are defective.")
    ] = None,
    max_miss_rate: Annotated[
        float | None,
        typer.Option("--max-miss-rate", help="Instead of costs: defects that may be missed."),
    ] = None,
    max_false_alarm_rate: Annotated[
        float | None,
        typer.Option("--max-false-alarm-rate", help="Instead: good parts that may be stopped."),
    ] = None,
    review_capacity: Annotated[
        float | None,
        typer.Option("--review-capacity", help="Instead: parts looked at again in a shift."),
    ] = None,
    parts_per_shift: Annotated[
        float | None, typer.Option("--parts-per-shift", help="Parts made in a shift.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the choice as one HTML page.")
    ] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Calibrate on fresh good images, choose thresholds from costs, or set one by hand."""
    output = Output(json_file, quiet)
    out = bundle_file if out is None else out
    check_target(out)
    apart(output, [html], [bundle_file, out, problem])
    given = Typed(
        cost_miss, cost_false_alarm, cost_review, defect_rate, max_miss_rate,
        max_false_alarm_rate, review_capacity, parts_per_shift, problem,
    )  # fmt: skip
    if validation is not None:
        others = {
            "--normal": normal,
            "--false-alarm-rate": false_alarm_rate,
            "--threshold-raw": threshold_raw,
        }
        _refuse_mixed([name for name, value in others.items() if value is not None])
        _from_validation(output, bundle_file, out, validation, given, html, threads)
        return
    if given.named() or html is not None:
        named = [*given.named(), *(["--html"] if html is not None else [])]
        raise OptionError(
            f"{', '.join(named)} belong to --validation, which was not given. "
            "Thresholds are chosen on labelled images. Give --validation DIR as well."
        )
    if normal is None and threshold_raw is None:
        raise OptionError(
            "Nothing to calibrate from: none of --normal, --validation and --threshold-raw was "
            "given. One of them is needed. Give --normal DIR with good images the model has not "
            "learned from."
        )
    if threshold_raw is None and (who or why or region):
        raise OptionError(
            "--who, --why and --region belong to --threshold-raw, which was not given. "
            "Give --threshold-raw R as well, or leave them out."
        )
    from offspec.bundle import read_bundle, write_bundle
    from offspec.fitting import recalibrate

    bundle = read_bundle(bundle_file)
    if normal is not None:
        rate = _RATE if false_alarm_rate is None else false_alarm_rate
        bundle = recalibrate(bundle, _normals(normal), rate, threads=threads)
    if threshold_raw is not None:
        bundle = _override(bundle, region, threshold_raw, who, why)
    write_bundle(bundle, out)
    describe(output, bundle, out)
    output.write_json(summary(bundle, out))


def _refuse_mixed(named: list[str]) -> None:
    if named:
        raise OptionError(
            f"--validation and {', '.join(named)} contradict each other: one chooses decision "
            "points on the calibration there is, the others change the calibration. Run the "
            "command twice, --validation last."
        )


def _from_validation(
    output: Output,
    bundle_file: Path,
    out: Path,
    validation: Path,
    given: Typed,
    html: Path | None,
    threads: int | None,
) -> None:
    asked = asked_of(given)
    from offspec.bundle import read_bundle, write_bundle
    from offspec.decisions.operating_choice import choose_operating_points

    bundle = read_bundle(bundle_file)
    with progress(output.quiet) as advance:
        bundle, result = choose_operating_points(
            bundle, validation, asked, threads=threads, progress=advance
        )
    payload = result.to_dict()
    if html is not None:
        from offspec.pages.calibrate_page import write_page

        write_page(html, payload, bundle.manifest.template.name)
    write_bundle(bundle, out)
    output.say(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).")
    describe_choice(output, payload)
    if html is not None:
        output.say(f"Page: {html}")
    output.write_json({**summary(bundle, out), "operating": payload})
    if result.errors:
        raise typer.Exit(EXIT_ERROR)


def _normals(folder: Path) -> list[Path]:
    from offspec.images import image_files

    if not folder.is_dir():
        raise DatasetError(
            f"--normal '{folder}' is not a folder. It holds good images. Name an existing folder."
        )
    files = image_files(folder)
    if not files:
        raise DatasetError(
            f"--normal '{folder}' holds no image. PNG, JPEG, BMP and TIFF are read. "
            "Put good images there that the model has not learned from."
        )
    return files


def _override(
    bundle: Bundle, region: str | None, raw: float, who: str | None, why: str | None
) -> Bundle:
    from offspec.fitting import override_threshold

    if not who or not why:
        raise OptionError(
            "A threshold set by hand needs --who NAME and --why TEXT; both are kept in the bundle. "
            "Add them."
        )
    template = bundle.manifest.template
    if region is None and len(template.regions) > 1:
        known = ", ".join(r.id for r in template.regions)
        raise OptionError(
            f"--threshold-raw moves one region, and this bundle has {len(template.regions)}: "
            f"{known}. Name one with --region."
        )
    chosen = template.regions[0] if region is None else template.region(region)
    return override_threshold(bundle, chosen.id, raw, who, why)
