"""Inspections and their reviews."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, insert, select, tuple_
from sqlalchemy.orm import Session as Db
from sqlalchemy.orm import defer

from offspec.annotations import Annotation, to_labelme
from offspec.errors import StateError
from offspec.store import audit, labelling, queries
from offspec.store.database import Database
from offspec.store.models import Base, Image, InspectionRow, ModelRow, User, new_id
from offspec.store.queries import Cursor, check_limit

_CHUNK = 500
_INSERT = insert(Base.metadata.tables[InspectionRow.__tablename__])
"""Into the table: by the class it takes twice as long, and lines wait for it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None = everything.

    Attributes:
        open: Stopped by the model and not yet judged by a person.
        from_s: Not before this time, in seconds since 1970; ``to_s`` not after.
    """

    verdict: str | None = None
    part_id: str | None = None
    line: str | None = None
    open: bool = False
    review: str | None = None
    model_id: str | None = None
    from_s: float | None = None
    to_s: float | None = None


def conditions(project_id: str, wanted: Filter) -> list[ColumnElement[bool]]:
    """A filter as conditions of a query."""
    found = [InspectionRow.project_id == project_id]
    for name in ("verdict", "part_id", "line", "review", "model_id"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(getattr(InspectionRow, name) == value)
    if wanted.open:
        found.append(InspectionRow.verdict.in_(("ng", "review")))
        found.append(InspectionRow.review.is_(None))
    if wanted.from_s is not None:
        found.append(InspectionRow.created_s >= wanted.from_s)
    if wanted.to_s is not None:
        found.append(InspectionRow.created_s <= wanted.to_s)
    return found


@dataclass(frozen=True, slots=True)
class InUse:
    """What an inspection needs of the approved model."""

    id: str
    number: int
    project_id: str
    bundle_sha256: str


def approved_model(db: Db, project_id: str) -> InUse:
    """The model in use.

    Raises:
        StateError: None was approved.
    """
    query = select(ModelRow.id, ModelRow.number, ModelRow.project_id, ModelRow.bundle_sha256)
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
    values = {
        "id": new_id(),
        "project_id": model.project_id,
        "model_id": model.id,
        "image_sha256": image_sha256,
        "verdict": content["verdict"],
        "deviation_score": content["deviation_score"],
        "content": dict(content),
        "reason": "",
        "image_gone": False,
        "created_s": time.time(),
        **named,
    }
    db.execute(_INSERT, values)
    return InspectionRow(**values)


def model_numbers(db: Db, project_id: str) -> dict[str, int]:
    """Id of every model of a project to its number."""
    rows = db.execute(select(ModelRow.id, ModelRow.number).where(ModelRow.project_id == project_id))
    return {row.id: row.number for row in rows}


def inspections_page(
    db: Db, project_id: str, wanted: Filter, cursor: Cursor | None, limit: int
) -> tuple[Sequence[InspectionRow], Cursor | None]:
    """Inspections without their content, the latest first, and where the next part begins."""
    check_limit(limit)
    rows = db.scalars(_listed(project_id, wanted, cursor).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, Cursor(rows[-1].created_s, rows[-1].id) if more else None


def chunks(
    database: Database, project_id: str, wanted: Filter
) -> Iterator[Sequence[InspectionRow]]:
    """All, without content, the latest first, some at a time; no transaction stays open between."""
    cursor: Cursor | None = None
    while True:
        with database.read() as db:
            rows, cursor = inspections_page(db, project_id, wanted, cursor, _CHUNK)
        yield rows
        if cursor is None:
            return


def _listed(project_id: str, wanted: Filter, cursor: Cursor | None) -> Select[InspectionRow]:
    query = select(InspectionRow).options(defer(InspectionRow.content))
    query = query.where(*conditions(project_id, wanted))
    if cursor is not None:
        place = tuple_(InspectionRow.created_s, InspectionRow.id)
        query = query.where(place < (cursor.created_s, cursor.id))
    return query.order_by(InspectionRow.created_s.desc(), InspectionRow.id.desc())


def review(
    db: Db, user: User, row: InspectionRow, decision: Literal["ok", "ng"], reason: str,
    *, first: bool = False,
) -> None:  # fmt: skip
    """A person's word on an inspection; a second one replaces the first, and the log keeps both.

    With ``first`` it counts only where nobody has judged the picture yet.

    Raises:
        StateError: The picture could not be judged at all, or somebody was first.
    """
    if first and row.review is not None:
        raise StateError(
            f"{row.reviewed_by} has judged this picture as {row.review.upper()} in the meantime. "
            "Open it under All inspections to change that."
        )
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


def withdraw(db: Db, user: User, row: InspectionRow) -> None:
    """Take a person's word back, so that the picture waits again; the log keeps it.

    Raises:
        StateError: Nobody has judged it, or its picture became a good image by that word.
    """
    if row.review is None:
        raise StateError("Nobody has judged this picture. There is nothing to take back.")
    if row.learned_image_id is not None:
        raise StateError(
            "This picture is among the good images already, by the word of a person. Delete that "
            "image first, or judge the picture anew."
        )
    old = {"review": row.review, "by": row.reviewed_by, "reason": row.reason}
    row.review, row.reason, row.reviewed_by, row.reviewed_s = None, "", None, None
    db.flush()
    audit.append(db, user.name, "inspection.withdraw", "inspection", row.id, old=old)


def check_learnable(row: InspectionRow) -> None:
    """Refuse to learn from what is no false alarm, or was learned from already.

    Raises:
        StateError: It is.
    """
    if row.learned_image_id is not None:
        raise StateError("This picture is among the images already. It is added once.")
    if row.image_gone:
        raise StateError("This picture was removed when its time was over. It cannot be added.")
    if row.review != "ok" or row.verdict not in ("ng", "review"):
        raise StateError(
            f"This picture is {row.verdict} by the model and {row.review or 'not judged'} by a "
            "person. Only what the model stopped and a person passed is added to the normals. "
            "Review it first."
        )


def learn(
    db: Db, user: User, row: InspectionRow, size_wh: tuple[int, int], size_bytes: int, name: str
) -> Image:
    """Add a false alarm to the project's images as a good one.

    Raises:
        StateError: It is no false alarm, was added before, or the project has this very picture
            with a defect.
    """
    check_learnable(row)
    image, _ = queries.add_image(
        db, user.name, row.project_id, name, row.image_sha256, size_wh, size_bytes
    )
    said = labelling.annotation_of(db, image)
    if said is not None and said.label == "ng":
        raise StateError(
            f"This picture is among the images as '{image.name}', labelled NG. An image has one "
            "label. Correct it there, or the review."
        )
    if said is None or said.label is None:
        good = Annotation(image.name, size_wh, {"": "ok"}, defect_free=True, part_id=row.part_id)
        revision = 0 if said is None else said.revision
        labelling.save_annotation(db, user, image, to_labelme(good), revision)
    row.learned_image_id = image.id
    db.flush()
    new = {"image": image.id, "name": image.name}
    audit.append(db, user.name, "inspection.learn", "inspection", row.id, new=new)
    return image
