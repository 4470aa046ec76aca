"""``offspec export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, guarded, result_folder


@guarded
def export(
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    out: Annotated[Path, typer.Option("--out", help="Folder for plain ONNX and JSON.")],
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Write plain ONNX and JSON that any ONNX runtime can use without offspec."""
    from offspec.bundle import read_bundle
    from offspec.export import export_plain

    output = Output(json_file, quiet)
    bundle = read_bundle(bundle_file)
    result_folder(out)
    export_plain(bundle, out)
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    output.say(f"Wrote {len(files)} files to {out}: {', '.join(files)}.")
    output.write_json({"folder": out.as_posix(), "files": files})
