"""``offspec calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    check_target,
    guarded,
)
from offspec.cli.fit_cmd import describe, summary
from offspec.errors import DatasetError, OptionError

if TYPE_CHECKING:
    from offspec.bundle import Bundle


@guarded
def calibrate(
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    out: Annotated[Path, typer.Option("--out", help="The bundle to write; may be the same file.")],
    normal: Annotated[
        Path | None, typer.Option("--normal", help="A folder of good images not learned from.")
    ] = None,
    false_alarm_rate: Annotated[
        float, typer.Option("--false-alarm-rate", help="Share of good images that may be stopped.")
    ] = 0.01,
    threshold_raw: Annotated[
        float | None, typer.Option("--threshold-raw", help="Set a threshold by hand, raw units.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="The region it is for; needed if several.")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help="Who sets it.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="Why.")] = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Replace the calibration from fresh good images, or set one threshold by hand."""
    output = Output(json_file, quiet)
    check_target(out)
    if normal is None and threshold_raw is None:
        raise OptionError(
            "Nothing to calibrate from: neither --normal nor --threshold-raw was given. One of "
            "them is needed. Give --normal DIR with good images the model has not learned from."
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
        bundle = recalibrate(bundle, _normals(normal), false_alarm_rate)
    if threshold_raw is not None:
        bundle = _override(bundle, region, threshold_raw, who, why)
    write_bundle(bundle, out)
    describe(output, bundle, out)
    output.write_json(summary(bundle, out))


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
