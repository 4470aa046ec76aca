"""Reads the JSON that other commands wrote, for a report to join."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offspec.errors import OptionError
from offspec.json_files import read_settings

NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "health": ("offspec check", ("findings", "contamination", "coverage", "variants")),
    "evaluation": ("offspec evaluate", ("images_tested", "by_defect_type", "images")),
    "operating": ("offspec calibrate --validation", ("operating",)),
    "pod": ("offspec pod", ("regions", "photographs")),
    "msa": ("offspec msa", ("appraisers", "limits")),
    "comparison": ("offspec compare", ("detection", "false_stops", "models")),
}
"""Part to the command that writes it and keys by which its JSON is known."""


def read_part(name: str, path: Path) -> dict[str, Any]:
    """Read one part.

    Raises:
        OptionError: Not JSON, or the JSON of something else.
    """
    command, keys = NEEDS[name]
    found = read_settings(path, f"It has to be what `{command} --json` wrote.")
    missing = [key for key in keys if key not in found]
    if missing:
        raise OptionError(
            f"'{path}' is not the JSON of `{command}`: it lacks '{missing[0]}'. A report joins "
            f"what the commands write. Give the file that `{command} --json FILE` wrote."
        )
    return found
