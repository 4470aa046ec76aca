"""Inspections and their reviews."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.orm import Session as Db

from offspec.errors import StateError
from offspec.store import audit
from offspec.store.models import InspectionRow, ModelRow, User, new_id
from offspec.store.queries import Cursor, check_limit


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None = everything.

    Attributes:
        open: Stopped by the model and not yet judged by a person.
    """

    verdict: str | None = None
    part_id: str | None = None
    line: str | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class InUse:
    """What an inspection needs of the approved model."""

    id: str
    project_id: str
    bundle_sha256: str


def approved_model(db: Db, project_id: str) -> InUse:
    """The model in use.

    Raises:
        StateError: None was approved.
    """
    query = select(ModelRow.id, ModelRow.project_id, ModelRow.bundle_sha256)
    query = query.where(ModelRow.project_id == project_id, ModelRow.approved.is_(True))
    found = db.execute(query).first()
    if found is None:
        raise StateError("No model of this project is approved yet. Approve one.")
    return InUse(*found)


def known_request(db: Db, project_id: str, request_key: str | None) -> InspectionRow | None:
    """What an earlier request of the same key gave."""
    if request_key is None:
        return None
    query = select(InspectionRow).where(
        InspectionRow.project_id == project_id, InspectionRow.request_key == request_key
    )
    return db.scalars(query).first()


def add_inspection(
    db: Db, model: InUse, image_sha256: str, content: Mapping[str, Any], **named: str | None
) -> InspectionRow:
    """Enter one inspection; ``named`` are part_id, line and request_key.

    Raises:
        IntegrityError: There is one of this key.
    """
    row = InspectionRow(
        id=new_id(),
        project_id=model.project_id,
        model_id=model.id,
        image_sha256=image_sha256,
        verdict=content["verdict"],
        deviation_score=content["deviation_score"],
        content=dict(content),
        reason="",
        image_gone=False,
        created_s=time.time(),
        **named,
    )
    columns = InspectionRow.__table__.columns.keys()
    # By the table: the unit of work takes as long again, and lines wait for this.
    db.execute(insert(InspectionRow), {name: getattr(row, name) for name in columns})
    return row


def inspections_page(
    db: Db, project_id: str, wanted: Filter, cursor: Cursor | None, limit: int
) -> tuple[Sequence[InspectionRow], Cursor | None]:
    """Inspections, the latest first, and where the next part begins."""
    check_limit(limit)
    query = select(InspectionRow).where(InspectionRow.project_id == project_id)
    for name in ("verdict", "part_id", "line"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(InspectionRow, name) == value)
    if wanted.open:
        stopped = InspectionRow.verdict.in_(("ng", "review"))
        query = query.where(stopped, InspectionRow.review.is_(None))
    if cursor is not None:
        place = tuple_(InspectionRow.created_s, InspectionRow.id)
        query = query.where(place < (cursor.created_s, cursor.id))
    order = InspectionRow.created_s.desc(), InspectionRow.id.desc()
    rows = db.scalars(query.order_by(*order).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, Cursor(rows[-1].created_s, rows[-1].id) if more else None


def review(
    db: Db, user: User, row: InspectionRow, decision: Literal["ok", "ng"], reason: str
) -> None:
    """A person's word on an inspection; a second one replaces the first, and the log keeps both.

    Raises:
        StateError: The picture could not be judged at all.
    """
    if row.verdict == "invalid" and decision == "ok" and not reason.strip():
        raise StateError(
            "This picture could not be judged by the model. Passing it needs a reason. Give one."
        )
    old = None if row.review is None else {"review": row.review, "by": row.reviewed_by}
    row.review, row.reason = decision, reason.strip()
    row.reviewed_by, row.reviewed_s = user.name, time.time()
    db.flush()
    new = {"review": decision, "verdict": row.verdict, "reason": row.reason}
    audit.append(db, user.name, "inspection.review", "inspection", row.id, old=old, new=new)


def agreement(db: Db, project_id: str) -> dict[str, int]:
    """How reviews and verdicts meet: keys such as ``ng_ok``, model first, person second."""
    rows = db.execute(
        select(InspectionRow.verdict, InspectionRow.review, func.count())
        .where(InspectionRow.project_id == project_id, InspectionRow.review.is_not(None))
        .group_by(InspectionRow.verdict, InspectionRow.review)
    ).all()
    return {f"{verdict}_{decision}": count for verdict, decision, count in rows}
