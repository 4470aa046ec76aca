"""Inspections as a table for a spreadsheet, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from offspec.server.services import Services
from offspec.store import inspections
from offspec.store.models import InspectionRow

COLUMNS = (
    "time", "id", "model", "part_id", "line", "verdict", "deviation_score", "review", "reason",
    "reviewed_by", "reviewed_time", "image_sha256", "image_gone",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def inspections_csv(
    services: Services, project_id: str, wanted: inspections.Filter
) -> Iterator[str]:
    """The heading, then one line an inspection, the latest first."""
    yield _line(COLUMNS)
    with services.database.read() as db:
        numbers = inspections.model_numbers(db, project_id)
    for rows in inspections.chunks(services.database, project_id, wanted):
        yield "".join(_line(_cells(row, numbers.get(row.model_id))) for row in rows)


def _cells(row: InspectionRow, number: int | None) -> tuple[object, ...]:
    return (
        _time(row.created_s), row.id, number, row.part_id, row.line, row.verdict,
        row.deviation_score, row.review, row.reason, row.reviewed_by, _time(row.reviewed_s),
        row.image_sha256, "yes" if row.image_gone else "no",
    )  # fmt: skip


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_plain(cell) for cell in cells])
    return out.getvalue()


def _plain(cell: object) -> object:
    """A text that a spreadsheet would take for a formula begins with an apostrophe.

    Reference:
        OWASP, "CSV Injection".
    """
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell
