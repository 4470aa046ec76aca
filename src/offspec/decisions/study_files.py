"""What an attribute study is read from: a folder of photographs, a table of verdicts.

Photographs of one part belong together by ``part_id`` in their annotation files, by a folder per
part (``good/<part>/``, ``bad/<part>/``), or by their names (``<part>_<n>.png``).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from offspec.dataset_layouts import DEFECT_NAMES, NORMAL_NAMES, Found, find_images
from offspec.errors import DatasetError, OffspecError, OptionError
from offspec.images import image_files, read_file
from offspec.types import Label

Word = Literal["ok", "ng", "review", "invalid"]

PART_PATTERN = r"(?P<part>.*\d.*?)[_-](?P<trial>\d{1,2})"
"""Of a whole file name without its suffix: ``valve07_2`` and ``valve07-2`` are part ``valve07``.

A part has a digit in its name, so that ``board_07`` is not taken for shot 7 of ``board``."""

COLUMNS = ("appraiser", "part", "trial", "verdict")
GOOD_WORDS = NORMAL_NAMES | {"pass", "accept", "accepted", "io", "1"}
BAD_WORDS = DEFECT_NAMES | {"reject", "rejected", "nio", "0"}
MAX_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Presentation:
    """One photograph of one part.

    Attributes:
        key: Path relative to the study's folder, with forward slashes.
    """

    path: Path
    key: str
    part: str
    label: Label


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One line of a table of verdicts.

    Attributes:
        line: In the file, from 1, the heading being 1.
        reference: What the part is, or None where the table does not say.
    """

    line: int
    appraiser: str
    part: str
    trial: str
    verdict: Word
    reference: Label | None


def read_presentations(root: Path, pattern: str = PART_PATTERN) -> list[Presentation]:
    """List the labelled photographs of a study with the part each one shows.

    Args:
        root: Any accepted dataset layout, or ``good`` and ``bad`` with a folder for each part.
            Training images of an MVTec layout are left out.
        pattern: Regular expression for a whole file name without suffix, with a group ``part``.

    Raises:
        DatasetError: No labelled image, or a part that is good and bad.
        OptionError: Not a regular expression, or one without a group ``part``.
    """
    names = _compiled(pattern)
    by_folder = list(_part_folders(root)) if root.is_dir() else []
    shown = by_folder or [
        Presentation(f.path, f.path.relative_to(root).as_posix(), _part_of(f, names), f.label)
        for f in find_images(root)[1]
        if f.label is not None and f.split != "train"
    ]
    if not shown:
        raise DatasetError(
            f"'{root}' holds no labelled image to study. A study needs photographs of parts whose "
            "state is known. Put them into good and bad folders, or annotate them."
        )
    known: dict[str, Presentation] = {}
    for one in shown:
        first = known.setdefault(one.part, one)
        if first.label != one.label:
            good, bad = (first, one) if first.label == "ok" else (one, first)
            raise DatasetError(
                f"Part '{one.part}' is good in '{good.key}' and bad in '{bad.key}'. A part has one "
                "reference. "
                "Correct the label, or, if they are two parts, give them different names, a "
                "part_id, or a --part-pattern that tells them apart."
            )
    return sorted(shown, key=lambda one: (_natural(one.part), _natural(one.key)))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise OptionError(
            f"Part pattern '{pattern}' is not a regular expression: {error}. Write for example "
            "'(?P<part>.+)_[0-9]+'."
        ) from error
    if "part" not in found.groupindex:
        raise OptionError(
            f"Part pattern '{pattern}' has no group named 'part'. It says which piece of a file "
            "name names the part, for example '(?P<part>.+)_[0-9]+'."
        )
    return found


def _part_of(found: Found, pattern: re.Pattern[str]) -> str:
    if found.annotation is not None and found.annotation.part_id is not None:
        return found.annotation.part_id
    match = pattern.fullmatch(found.path.stem)
    return found.path.stem if match is None else match["part"]


def _part_folders(root: Path) -> Iterator[Presentation]:
    """``good/<part>/*`` and ``bad/<part>/*``, when the good folder is made of part folders."""
    children = {p.name.lower(): p for p in sorted(root.iterdir()) if p.is_dir()}
    good = [p for name, p in children.items() if name in NORMAL_NAMES]
    if not any(image_files(part) for g in good for part in _visible(g)):
        return
    for name, folder in children.items():
        label: Label | None = (
            "ok" if name in NORMAL_NAMES else "ng" if name in DEFECT_NAMES else None
        )
        if label is None:
            continue
        loose = image_files(folder)
        if loose:
            raise DatasetError(
                f"'{loose[0]}' lies beside folders of parts. With a folder for each part every "
                "photograph lies in one. Move it into the folder of its part."
            )
        for part in _visible(folder):
            for path in image_files(part):
                yield Presentation(path, path.relative_to(root).as_posix(), part.name, label)


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def read_verdicts(path: Path) -> list[VerdictRow]:
    """Read a CSV of verdicts: columns appraiser, part, trial, verdict and perhaps reference.

    Separated by commas, semicolons or tabs; UTF-8. Columns may stand in any order.

    Raises:
        DatasetError: Missing columns, empty fields, words that are not verdicts, or the same
            appraiser, part and trial twice; the line is named.
    """
    try:
        rows = list(_rows(path))
    except csv.Error as error:
        raise DatasetError(
            f"'{path}' is not a table: {error}. Save the verdicts as CSV, one decision a line."
        ) from error
    seen: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.appraiser, row.part, row.trial)
        if key in seen:
            raise DatasetError(
                f"'{path}' lines {seen[key]} and {row.line} both hold trial {row.trial} of part "
                f"'{row.part}' by '{row.appraiser}'. A trial has one verdict. Remove one of them "
                "or number the trials."
            )
        seen[key] = row.line
    if not rows:
        raise DatasetError(
            f"'{path}' holds no verdict. Each line is one decision: {', '.join(COLUMNS)}. Add some."
        )
    return rows


def _rows(path: Path) -> Iterator[VerdictRow]:
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"'{path}' is not UTF-8 (byte {error.start}). Save the table as CSV in UTF-8."
        ) from error
    except OffspecError as error:
        raise DatasetError(f"The verdicts cannot be read: {error}") from error
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    heading = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        raise DatasetError(
            f"'{path}' lacks the column {', '.join(missing)}; its first line is '{first.strip()}'. "
            f"A table of verdicts has the columns {', '.join(COLUMNS)}, and reference where the "
            "images do not give it. Name them in the first line."
        )
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if reader.line_num > MAX_ROWS:
            raise DatasetError(f"'{path}' has over {MAX_ROWS} lines. Split the study.")
        values = dict(zip(heading, (cell.strip() for cell in cells), strict=False))
        yield _row(path, reader.line_num, values)


def _row(path: Path, line: int, values: dict[str, str]) -> VerdictRow:
    empty = [name for name in COLUMNS if not values.get(name)]
    if empty:
        raise DatasetError(
            f"'{path}' line {line} has no {' and no '.join(empty)}. Each line is one decision. "
            "Complete the line or remove it; trials that were not made are left out."
        )
    said = values.get("reference", "")
    reference = _word(path, line, said) if said else None
    if reference not in (None, "ok", "ng"):
        raise DatasetError(
            f"'{path}' line {line} has the reference '{said}'. A reference is good or bad."
        )
    return VerdictRow(
        line,
        values["appraiser"],
        values["part"],
        values["trial"],
        _word(path, line, values["verdict"]),
        "ok" if reference == "ok" else None if reference is None else "ng",
    )


def _word(path: Path, line: int, said: str) -> Word:
    word = said.lower()
    if word in GOOD_WORDS:
        return "ok"
    if word in BAD_WORDS:
        return "ng"
    if word == "review":
        return "review"
    if word == "invalid":
        return "invalid"
    raise DatasetError(
        f"'{path}' line {line} has the unknown verdict '{said}'. Good is written as "
        f"{', '.join(sorted(GOOD_WORDS))}; bad as {', '.join(sorted(BAD_WORDS))}; also review and "
        "invalid. Correct the word."
    )


def trial_order(trial: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts trial names as people count: 2 before 10."""
    return _natural(trial)


def _natural(text: str) -> tuple[tuple[int, int | str], ...]:
    pieces = re.split(r"(\d{1,18})", text)
    return tuple((0, int(p)) if p.isdigit() and p.isascii() else (1, p) for p in pieces)
