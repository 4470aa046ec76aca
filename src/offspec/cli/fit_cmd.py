"""``offspec fit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    check_target,
    choice,
    guarded,
    percent,
    progress,
)
from offspec.types import DEFAULT_BACKBONE, DEFAULT_HEAD, AlignMode, Kind, Mode, Resolution

if TYPE_CHECKING:
    from offspec.bundle import Bundle


@guarded
def fit(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    dataset: Annotated[Path, typer.Argument(help="A folder of images; layouts are in the README.")],
    out: Annotated[Path, typer.Option("--out", help="The bundle to write, part.offspec.")],
    template: Annotated[
        Path | None, typer.Option("--template", help="template.json; default: the whole image.")
    ] = None,
    detector: Annotated[str, typer.Option("--detector", help="How to compare.")] = "reference",
    backbone: Annotated[
        str, typer.Option("--backbone", help="What to compare: bank, embedded or joined.")
    ] = DEFAULT_BACKBONE,
    head: Annotated[
        str, typer.Option("--head", help="What corrects the map: learned or none.")
    ] = DEFAULT_HEAD,
    mode: Annotated[
        str | None, typer.Option("--mode", help="image or pixel; default: by the dataset.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="auto, object or texture.")] = "auto",
    resolution: Annotated[
        str, typer.Option("--resolution", help="auto, fast (256), accurate (512) or native.")
    ] = "auto",
    smallest_defect: Annotated[
        float | None,
        typer.Option("--smallest-defect", help="Width in original pixels; default 16."),
    ] = None,
    align: Annotated[
        str, typer.Option("--align", help="auto, none, shift, similarity or homography.")
    ] = "auto",
    false_alarm_rate: Annotated[
        float, typer.Option("--false-alarm-rate", help="Share of good images that may be stopped.")
    ] = 0.01,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Learn what a good part looks like and write a bundle."""
    output = Output(json_file, quiet)
    check_target(out)
    from offspec.bundle import write_bundle
    from offspec.fitting import FitConfig
    from offspec.fitting import fit as fit_bundle

    config = FitConfig(
        detector=detector,
        backbone=backbone,
        head=head,
        mode=None if mode is None else cast("Mode", choice(mode, get_args(Mode), "--mode")),
        kind=cast("Kind", choice(kind, get_args(Kind), "--kind")),
        resolution=cast("Resolution", choice(resolution, get_args(Resolution), "--resolution")),
        smallest_defect=smallest_defect,
        align=cast("Any", choice(align, ("auto", *get_args(AlignMode)), "--align")),
        false_alarm_rate=false_alarm_rate,
        seed=seed,
        threads=threads,
    )
    with progress(quiet) as report:
        bundle = fit_bundle(dataset, template=template, config=config, progress=report)
    write_bundle(bundle, out)
    describe(output, bundle, out)
    output.write_json(summary(bundle, out))


def summary(bundle: Bundle, out: Path) -> dict[str, Any]:
    """The JSON result of ``fit`` and ``calibrate``."""
    manifest = bundle.manifest
    calibration = manifest.calibration
    threshold = calibration.threshold
    return {
        "bundle": out.as_posix(),
        "bytes": out.stat().st_size,
        "threshold": {
            "raw": threshold.raw,
            "status": calibration.status,
            "false_alarm_rate": threshold.alpha,
            "n": threshold.n,
            "guarantee_upper": calibration.guarantee_upper,
            "words": calibration.words,
        },
        "regions": [
            {
                "id": region.id,
                "name": region.name,
                "threshold_raw": calibration.region_threshold_raw(region.id),
            }
            for region in manifest.template.regions
        ],
        "notes": list(manifest.notes),
        "seed": manifest.seed,
    }


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
