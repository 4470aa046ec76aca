"""``offspec fit``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from offspec.cli.augment_cmd import AugmentOption
from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    check_target,
    choice,
    guarded,
    needed,
    percent,
    progress,
)
from offspec.cli.given import ExcludeOption, without
from offspec.types import DEFAULT_BACKBONE, DEFAULT_HEAD, AlignMode, Kind, Mode, Resolution

if TYPE_CHECKING:
    from offspec.bundle import Bundle


@guarded
def fit(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    dataset: Annotated[
        Path | None, typer.Argument(help="A folder of images; layouts are in the README.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The bundle to write, part.offspec.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="template.json; default: the whole image.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="run.json with any settings; options given here win."),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option("--print-config", help="Print all settings of --detector as JSON, and end."),
    ] = False,
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector", help="reference (default), padim, patchcore, or one that trains."
        ),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option("--backbone", help=f"What to compare; default {DEFAULT_BACKBONE}.")
    ] = None,
    allow_download: Annotated[
        bool,
        typer.Option("--allow-download", help="Fetch the weights of a backbone timm:NAME."),
    ] = False,
    head: Annotated[
        str | None, typer.Option("--head", help=f"learned or none; default {DEFAULT_HEAD}.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="image or pixel; default: by the dataset.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="auto (default), object or texture.")
    ] = None,
    resolution: Annotated[
        str | None,
        typer.Option("--resolution", help="auto (default), fast (256), accurate (512) or native."),
    ] = None,
    smallest_defect: Annotated[
        float | None,
        typer.Option("--smallest-defect", help="Width in original pixels; default 16."),
    ] = None,
    align: Annotated[
        str | None,
        typer.Option("--align", help="auto (default), none, shift, similarity or homography."),
    ] = None,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option(
            "--false-alarm-rate", help="Share of good images that may be stopped; default 0.01."
        ),
    ] = None,
    few: Annotated[
        bool, typer.Option("--few", help="Train a network on under 20 normals all the same.")
    ] = False,
    augmentation: AugmentOption = None,
    exclude: ExcludeOption = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Default 0.")] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Learn what a good part looks like and write a bundle."""
    if print_config:
        from offspec.run_config import default_config

        typer.echo(json.dumps(default_config(detector or "reference"), indent=2))
        return
    dataset, out = needed(dataset, "DATASET"), needed(out, "--out")
    output = Output(json_file, quiet)
    check_target(out)
    choices = {
        "mode": (mode, get_args(Mode)),
        "kind": (kind, get_args(Kind)),
        "resolution": (resolution, get_args(Resolution)),
        "align": (align, ("auto", *get_args(AlignMode))),
    }
    given: dict[str, Any] = {
        "detector": detector,
        "backbone": backbone,
        "head": head,
        "smallest_defect": smallest_defect,
        "false_alarm_rate": false_alarm_rate,
        "seed": seed,
        "threads": threads,
        "few": few or None,
        "allow_download": allow_download or None,
    }
    for name, (value, known) in choices.items():
        given[name] = None if value is None else choice(value, known, f"--{name}")
    from offspec.augment import parse_augmentation
    from offspec.bundle import write_bundle
    from offspec.fitting import fit as fit_bundle
    from offspec.run_config import RunConfig, read_run_config

    settings = (RunConfig() if config is None else read_run_config(config)).to_fit()
    changed = {name: value for name, value in given.items() if value is not None}
    if changed.get("detector", settings.detector) != settings.detector:
        changed["options"] = {}  # those of another detector
    changed["augmentation"] = parse_augmentation(augmentation or [], settings.augmentation)
    settings = replace(settings, **changed)
    source = without(dataset, exclude, settings.seed)
    with progress(quiet) as report:
        bundle = fit_bundle(source, template=template, config=settings, progress=report)
    write_bundle(bundle, out)
    describe(output, bundle, out)
    output.write_json(summary(bundle, out))


def summary(bundle: Bundle, out: Path) -> dict[str, Any]:
    """The JSON result of ``fit`` and ``calibrate``."""
    from offspec.fit_summary import fit_summary

    return {"bundle": out.as_posix(), "bytes": out.stat().st_size, **fit_summary(bundle)}


def describe(output: Output, bundle: Bundle, out: Path) -> None:
    """Say what was learned and what the threshold promises."""
    calibration = bundle.manifest.calibration
    threshold = calibration.threshold
    output.say(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).")
    output.say(
        f"Threshold: {calibration.status}, asked false-alarm rate {percent(threshold.alpha)}, "
        f"{threshold.n} held-out normals."
    )
    output.say(calibration.words)
    for note in bundle.manifest.notes:
        output.say(f"note: {note}")
