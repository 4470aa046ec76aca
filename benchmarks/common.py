"""What every benchmark says beside its figures, and where it finds its photographs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from offspec.machine import describe_machine


def data_root() -> Path:
    """The folder that OFFSPEC_DATA names.

    Raises:
        SystemExit: The variable is not set or names no folder.
    """
    value = os.environ.get("OFFSPEC_DATA", "")
    root = Path(value)
    if not value or not root.is_dir():
        sys.stderr.write(
            f"OFFSPEC_DATA is '{value}', which is not a folder. It names the folder with the "
            "development photographs (bsdata, deeppcb, magnetic_tile, cookie); docs say where "
            "each public set comes from. Set it and run again.\n"
        )
        raise SystemExit(2)
    return root


def environment(threads: int | None) -> dict[str, Any]:
    """Command, machine and versions, as DESIGN 12 asks."""
    return {"command": " ".join(["python", *sys.orig_argv[1:]]), **describe_machine(threads)}


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output."""
    from offspec.cli.common import format_table  # noqa: PLC0415

    for line in format_table(header, rows):
        print(line)


def write_result(path: Path | None, payload: dict[str, Any]) -> None:
    """Write the JSON result, if a file was named."""
    if path is not None:
        path.write_text(json.dumps(payload, indent=2) + "\n")
        print(f"wrote {path}")
