"""Lists and changes of projects and images, with their entries in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Db

from offspec.errors import InputError, OptionError
from offspec.images import decode_image
from offspec.problem import parse_problem
from offspec.store import audit
from offspec.store.models import ApiToken, Image, Member, Project, User

PAGE, MOST_PAGE = 50, 500


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list in order of time: behind this row."""

    created_s: float
    id: str

    def __str__(self) -> str:
        return f"{self.created_s!r},{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """Read a cursor.

        Raises:
            OptionError: It is none of ours.
        """
        if text is None:
            return None
        time, _, id_ = text.partition(",")
        try:
            return cls(float(time), id_)
        except ValueError as error:
            raise OptionError(
                f"'{text[:40]}' is no place in this list. Take `next` of the part before."
            ) from error


def projects_of(db: Db, user: User) -> Sequence[Project]:
    """What a user may see, by name."""
    query = select(Project).order_by(Project.name)
    if user.role != "admin":
        query = query.join(Member, Member.project_id == Project.id).where(Member.user_id == user.id)
    return db.scalars(query).all()


def create_project(db: Db, user: User, name: str) -> Project:
    """A project; who makes it is its first member.

    Raises:
        OptionError: The name is taken or empty.
    """
    clean = _free_name(db, name)
    project = Project(name=clean, problem={})
    db.add(project)
    db.flush()
    db.add(Member(project_id=project.id, user_id=user.id))
    audit.append(db, user.name, "project.create", "project", project.id, new={"name": clean})
    return project


def change_project(
    db: Db,
    user: User,
    project: Project,
    *,
    name: str | None,
    archived: bool | None,
    problem: Mapping[str, Any] | None = None,
) -> None:
    """Rename, archive, or say what is asked of the inspection; None leaves a thing as it is.

    Raises:
        OptionError: The name is taken or empty, or the problem statement breaks a rule.
    """
    old = {"name": project.name, "archived": project.archived}
    if name is not None and name.strip() != project.name:
        project.name = _free_name(db, name)
    if archived is not None:
        project.archived = archived
    new = {"name": project.name, "archived": project.archived}
    if new != old:
        audit.append(db, user.name, "project.change", "project", project.id, old=old, new=new)
    if problem is not None:
        _state_problem(db, user, project, problem)


def _state_problem(db: Db, user: User, project: Project, given: Mapping[str, Any]) -> None:
    """Replace the problem statement; its example images are ids of the project's images."""
    problem = parse_problem(given, "the problem statement")
    named = {image_id for _, image_id in problem.images()}
    query = select(Image.id).where(Image.project_id == project.id, Image.id.in_(named))
    strange = named - set(db.scalars(query))
    if strange:
        where = next(where for where, one in problem.images() if one in strange)
        raise OptionError(
            f"Example image '{min(strange)[:60]}' ({where}) is no image of this project. Examples "
            "are named by their ids. Upload the image, or remove it from the statement."
        )
    old, new = project.problem, problem.model_dump(mode="json")
    if new != old:
        project.problem = new
        audit.append(db, user.name, "problem.change", "project", project.id, old=old, new=new)


def _free_name(db: Db, name: str) -> str:
    clean = name.strip()
    if not clean or not clean.isprintable():
        raise OptionError("A project needs a printable name. Give one.")
    if db.scalar(select(Project.id).where(Project.name == clean)) is not None:
        raise OptionError(f"Project '{clean}' exists. Names are unique. Choose another.")
    return clean


def set_member(db: Db, actor: User, project: Project, user: User, *, member: bool) -> None:
    """Let a user see a project, or no longer."""
    there = db.get(Member, (project.id, user.id)) is not None
    if there == member:
        return
    if member:
        db.add(Member(project_id=project.id, user_id=user.id))
    else:
        db.execute(delete(Member).where(Member.project_id == project.id, Member.user_id == user.id))
    action = "member.add" if member else "member.remove"
    audit.append(db, actor.name, action, "project", project.id, new={"user": user.name})


def check_image(data: bytes, name: str) -> tuple[int, int]:
    """Width and height of an image that can be decoded; the header is judged before any pixel.

    Raises:
        ImageDecodeError: It is none, or too large.
    """
    height, width = decode_image(data, name).shape[:2]
    return width, height


def add_image(
    db: Db, actor: str, project_id: str, name: str, sha256: str, size_wh: tuple[int, int], size: int
) -> tuple[Image, bool]:
    """Enter an uploaded image; returns it, and whether the project had it already."""
    known = db.scalars(
        select(Image).where(Image.project_id == project_id, Image.sha256 == sha256)
    ).first()
    if known is not None:
        return known, True
    image = Image(
        project_id=project_id, sha256=sha256, name=name, width=size_wh[0], height=size_wh[1],
        size_bytes=size,
    )  # fmt: skip
    db.add(image)
    db.flush()
    audit.append(
        db, actor, "image.add", "image", image.id,
        new={"project": project_id, "name": name, "sha256": sha256},
    )  # fmt: skip
    return image, False


def tokens_of(db: Db, project_id: str) -> Sequence[ApiToken]:
    """Tokens of a project, the latest first."""
    query = select(ApiToken).where(ApiToken.project_id == project_id)
    return db.scalars(query.order_by(ApiToken.created_s.desc())).all()


def members_of(db: Db, project_id: str) -> Sequence[User]:
    """Who may see a project besides administrators, by name."""
    query = select(User).join(Member, Member.user_id == User.id)
    return db.scalars(query.where(Member.project_id == project_id).order_by(User.name)).all()


def check_limit(limit: int) -> None:
    """Refuse parts of a list that are too large."""
    if not 1 <= limit <= MOST_PAGE:
        raise InputError(
            f"A part of a list has 1 to {MOST_PAGE} items, not {limit}. Ask for fewer."
        )
