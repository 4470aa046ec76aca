"""Which images a fit leaves out: a plain list that a person has read.

    # proposed by offspec check; delete the lines of images that are good after all
    train/good/017.png    # 3.2 deviations from the other normals

One path a line, relative to the dataset, with forward slashes; behind ``#`` stands a remark. A name
that would not survive that (with `` #``, a line break, bytes that are no text) stands in double
quotes, as in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from offspec.errors import OptionError
from offspec.images import atomic_write

MOST_BYTES = 16 * 2**20
_HEAD = "# proposed by offspec check; delete the lines of images that are good after all\n"


def read_exclusions(path: Path | str) -> tuple[str, ...]:
    """Paths of a list, in order, each once.

    Raises:
        OptionError: Not such a file.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise OptionError(
                f"'{file}' has more than {MOST_BYTES} bytes, the most that a list of exclusions "
                "has. Name the list, one path a line."
            )
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"'{file}' cannot be read as a list of exclusions: {error}. It is a text file with one "
            "path a line, relative to the dataset. Name such a file."
        ) from error
    if text.lstrip().startswith("{"):
        raise OptionError(
            f"'{file}' is JSON. Exclusions are a text file with one path a line, so that a person "
            "can read and change it. `offspec check --proposals DIR` writes one."
        )
    lines = (_path(line.strip(), file) for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _path(line: str, file: Path) -> str:
    """The path on one line; empty where there is none."""
    if line.startswith("#"):
        return ""
    if not line.startswith('"'):
        return line.split(" #", maxsplit=1)[0].strip()
    try:
        found, _ = json.JSONDecoder().raw_decode(line)
    except ValueError as error:
        raise OptionError(
            f"'{file}' has a line that begins with a quote and is not a quoted path: {line[:80]}. "
            'Quoted is a path with " at both ends and \\ before a quote in it. Correct the line.'
        ) from error
    return str(found)


def _written(key: str) -> str:
    """A path as it stands on a line."""
    plain = key.isprintable() and key == key.strip() and not key.startswith(("#", '"'))
    return key if plain and " #" not in key else json.dumps(key)


def write_proposals(payload: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write what a check proposes as lists for ``fit --exclude``.

    ``exclude.txt`` names odd normals, copies and unreadable images; where there are several looks,
    ``variant-1.txt`` and so on leave one look each.

    Args:
        payload: What ``check --json`` writes.
        folder: Exists.

    Raises:
        WriteError: A file cannot be written.
    """
    reasons: dict[str, str] = {}
    for one in payload["unreadable"]:
        reasons.setdefault(one["image"], "cannot be read")
    for one in payload["duplicates"]:
        if one["kind"] == "exact" and not one["contradiction"]:
            for key in one["images"][1:]:
                reasons.setdefault(key, f"the same pixels as {_written(one['images'][0])}")
    for one in payload["contamination"]["images"]:
        if one["flagged"]:
            reasons.setdefault(one["image"], f"{one['z']:.1f} deviations from the other normals")
    written = [_write(folder / "exclude.txt", reasons)]
    groups = payload["variants"]
    for number, own in enumerate(groups, 1):
        if len(groups) == 1:
            break
        others = [key for one in groups if one is not own for key in one["images"]]
        more = dict.fromkeys(others, "another look") | reasons
        written.append(_write(folder / f"variant-{number}.txt", more))
    return written


def _write(path: Path, reasons: Mapping[str, str]) -> Path:
    lines: Sequence[str] = [f"{_written(key)}    # {reason}\n" for key, reason in reasons.items()]
    atomic_write(path, (_HEAD + "".join(lines)).encode())
    return path
