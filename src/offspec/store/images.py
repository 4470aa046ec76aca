"""The images of a project as people see them: with labels, decisions, in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, or_, select, tuple_, update
from sqlalchemy.orm import Session as Db

from offspec.errors import StateError
from offspec.store import audit
from offspec.store.models import AnnotationRow, Image, InspectionRow, TemplateRow, User, VersionRow
from offspec.store.queries import Cursor, check_limit


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None = everything.

    Attributes:
        label: ok, ng, or none for images that nobody judged.
        name: A part of the name, in any case.
        decision: leave_out or keep.
        not_size_wh: Another width or height than these.
    """

    label: str | None = None
    name: str | None = None
    decision: str | None = None
    not_size_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """An image and what its annotation says, without the outlines."""

    image: Image
    label: str | None = None
    split: str | None = None
    revision: int = 0


def images_page(
    db: Db, project_id: str, wanted: Wanted, cursor: Cursor | None, limit: int
) -> tuple[Sequence[Seen], Cursor | None]:
    """Images of a project in the order they came, and where the next part begins."""
    check_limit(limit)
    query = _narrowed(_seen().where(Image.project_id == project_id), wanted)
    if cursor is not None:
        place = tuple_(Image.created_s, Image.id)
        query = query.where(place > (cursor.created_s, cursor.id))
    rows = db.execute(query.order_by(Image.created_s, Image.id).limit(limit + 1)).all()
    found = [_read(*row) for row in rows[:limit]]
    last = found[-1].image if len(rows) > limit else None
    return found, None if last is None else Cursor(last.created_s, last.id)


def seen(db: Db, images: Sequence[Image]) -> list[Seen]:
    """These images, in this order, with what is said of them."""
    rows = db.execute(_seen().where(Image.id.in_([one.id for one in images]))).all()
    found = {row[0].id: _read(*row) for row in rows}
    return [found[one.id] for one in images]


def images_of(db: Db, project_id: str, ids: Sequence[str]) -> list[Image]:
    """The images of a project with these ids, each once; ids of others are left out.

    They are held until the end of the transaction, so that nobody else changes what is said of
    them meanwhile.
    """
    query = select(Image).where(Image.project_id == project_id, Image.id.in_(ids))
    ordered = query.order_by(Image.id).with_for_update()  # or two could wait for each other
    found = {one.id: one for one in db.scalars(ordered)}
    return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]


def delete_image(db: Db, user: User, image: Image) -> bool:
    """Take an image and its annotation out of the project; the log keeps what was said of it.

    Returns:
        Whether nothing names its bytes any more.

    Raises:
        StateError: A template or dataset version holds it.
    """
    db.get(Image, image.id, with_for_update=True)
    _refuse_if_held(db, image)
    said = db.get(AnnotationRow, image.id)
    old = {
        "name": image.name,
        "sha256": image.sha256,
        "annotation": None if said is None else said.content,
    }
    if said is not None:
        db.delete(said)
        db.flush()
    db.delete(image)
    _unlearn(db, image)
    audit.append(db, user.name, "image.delete", "image", image.id, old=old)
    elsewhere = select(Image.id).where(Image.sha256 == image.sha256)
    inspected = select(InspectionRow.id).where(
        InspectionRow.image_sha256 == image.sha256, InspectionRow.image_gone.is_(False)
    )
    held = select(VersionRow.id).where(_holds(image))
    named = (elsewhere, inspected, held)
    return not any(db.scalars(query.limit(1)).first() for query in named)


def _holds(image: Image) -> ColumnElement[bool]:
    """Of a dataset version: it takes this image, or one of the same bytes."""
    return cast(VersionRow.content, String).contains(f'"sha256": "{image.sha256}"')


def _unlearn(db: Db, image: Image) -> None:
    """Inspections that gave this image may give it again, or lose their review."""
    gave = InspectionRow.image_sha256 == image.sha256, InspectionRow.learned_image_id == image.id
    db.execute(update(InspectionRow).where(*gave).values(learned_image_id=None))


def _refuse_if_held(db: Db, image: Image) -> None:
    drawn = db.scalars(
        select(TemplateRow.version).where(TemplateRow.reference_id == image.id)
    ).first()
    if drawn is not None:
        raise StateError(
            f"Image '{image.name}' is the reference of template version {drawn}. What a template "
            "was drawn on is kept. Leave the image out of dataset versions instead."
        )
    version = db.scalars(
        select(VersionRow.fingerprint).where(
            VersionRow.project_id == image.project_id, _holds(image)
        )
    ).first()
    if version is not None:
        raise StateError(
            f"Image '{image.name}' is part of dataset version {version[:12]}. Versions never "
            "change. Leave the image out of further versions instead."
        )


def _seen() -> Select[Any]:
    said = AnnotationRow
    split = said.content["split"].as_string()
    return select(Image, said.label, split, said.revision).outerjoin(
        said, said.image_id == Image.id
    )


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.label == "none":
        query = query.where(AnnotationRow.label.is_(None))
    elif wanted.label is not None:
        query = query.where(AnnotationRow.label == wanted.label)
    if wanted.name:
        query = query.where(Image.name.icontains(wanted.name, autoescape=True))
    if wanted.decision is not None:
        query = query.where(Image.decision == wanted.decision)
    if wanted.not_size_wh is not None:
        query = query.where(other_size(wanted.not_size_wh))
    return query


def other_size(size_wh: tuple[int, int]) -> ColumnElement[bool]:
    """Images of another width or height."""
    return or_(Image.width != size_wh[0], Image.height != size_wh[1])


def _read(image: Image, label: str | None, split: str | None, revision: int | None) -> Seen:
    return Seen(image, label, split, revision or 0)
