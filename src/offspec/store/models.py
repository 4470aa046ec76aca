"""The tables.

Ids are random texts, so that nobody can guess a neighbour's. Times are seconds since 1970.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Role = Literal["admin", "engineer", "quality", "operator"]
Scope = Literal["inspect", "project"]
ROLES: tuple[Role, ...] = ("admin", "engineer", "quality", "operator")
ID_CHARS, HASH_CHARS = 22, 64

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> str:
    """A random id that cannot be guessed."""
    return secrets.token_urlsafe(16)


class Base(DeclarativeBase):
    """Of all tables."""

    metadata = MetaData(naming_convention=_NAMES)


class User(Base):
    """A person; deactivated, never deleted, because the log speaks of them."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_s: Mapped[float] = mapped_column(default=time.time)


class Session(Base):
    """A person signed in; kept is the hash of what the cookie holds."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(String(HASH_CHARS), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_s: Mapped[float] = mapped_column(default=time.time)
    expires_s: Mapped[float]


class ApiToken(Base):
    """A machine's right to act for a user in one project; shown once, kept as a hash.

    Attributes:
        scope: inspect (send pictures, read inspections) or project (what the user may there).
    """

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(HASH_CHARS), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    scope: Mapped[str] = mapped_column(String(10), default="inspect")
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    created_s: Mapped[float] = mapped_column(default=time.time)
    revoked: Mapped[bool] = mapped_column(default=False)


class LoginFailure(Base):
    """A refused login, to slow down who tries many."""

    __tablename__ = "login_failures"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), index=True)
    time_s: Mapped[float] = mapped_column(default=time.time)


class Project(Base):
    """One product or station."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    problem: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    archived: Mapped[bool] = mapped_column(default=False)
    created_s: Mapped[float] = mapped_column(default=time.time)


class Member(Base):
    """Who may see a project; administrators see all."""

    __tablename__ = "members"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Image(Base):
    """One picture of a project; its bytes lie in the blob store under their hash.

    Attributes:
        decision: What a person said to a finding of the check: leave_out (no dataset version takes
            it) or keep (the finding is refused and not shown again); None = nobody was asked.
    """

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("project_id", "sha256"),
        Index("ix_images_list", "project_id", "created_s", "id"),
    )
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    sha256: Mapped[str] = mapped_column(String(HASH_CHARS))
    name: Mapped[str] = mapped_column(String(255))
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    decision: Mapped[str | None] = mapped_column(String(10))
    decision_why: Mapped[str] = mapped_column(String(400), default="")
    created_s: Mapped[float] = mapped_column(default=time.time)


class AnnotationRow(Base):
    """What people said of an image; ``revision`` counts changes, so that none is lost unseen."""

    __tablename__ = "annotations"
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id"), primary_key=True)
    revision: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    label: Mapped[str | None] = mapped_column(String(4), index=True)
    updated_s: Mapped[float] = mapped_column(default=time.time)
    updated_by: Mapped[str] = mapped_column(String(80))


class TemplateRow(Base):
    """A template as it was saved; a change is a new version."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("project_id", "version"),)
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    version: Mapped[int]
    reference_id: Mapped[str] = mapped_column(ForeignKey("images.id"))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_s: Mapped[float] = mapped_column(default=time.time)
    created_by: Mapped[str] = mapped_column(String(80))


class VersionRow(Base):
    """An immutable dataset version: files with hashes, labels and splits."""

    __tablename__ = "dataset_versions"
    __table_args__ = (UniqueConstraint("project_id", "fingerprint"),)
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    fingerprint: Mapped[str] = mapped_column(String(HASH_CHARS))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(String(400), default="")
    created_s: Mapped[float] = mapped_column(default=time.time)
    created_by: Mapped[str] = mapped_column(String(80))


class JobRow(Base):
    """Long work: who asked for what, how far it is, and what came of it.

    Attributes:
        state: queued, running, done, failed or cancelled.
        worker: The process that works on it; ``heartbeat_s`` is when it last said so.
        cancel: Somebody asked to stop it.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_queue", "state", "created_s"),)
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    step: Mapped[str] = mapped_column(String(120), default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    cancel: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str] = mapped_column(String(80), default="")
    created_by: Mapped[str] = mapped_column(String(80))
    created_s: Mapped[float] = mapped_column(default=time.time)
    heartbeat_s: Mapped[float] = mapped_column(default=0.0)
    finished_s: Mapped[float | None]


class JobLine(Base):
    """One line of a job's log."""

    __tablename__ = "job_lines"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float] = mapped_column(default=time.time)
    text: Mapped[str] = mapped_column(String(400))


class ModelRow(Base):
    """A bundle, with the dataset version, template and settings that made it.

    Attributes:
        number: Counts the models of a project from 1; people say "model 3".
        parent_id: The model whose thresholds were changed to make this one; None = fitted.
        note: Why it was made.
    """

    __tablename__ = "models"
    __table_args__ = (Index("ix_models_number", "project_id", "number", unique=True),)
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    number: Mapped[int]
    parent_id: Mapped[str | None] = mapped_column(String(ID_CHARS))
    note: Mapped[str] = mapped_column(String(400), default="")
    version_id: Mapped[str] = mapped_column(ForeignKey("dataset_versions.id"))
    template_id: Mapped[str | None] = mapped_column(ForeignKey("templates.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    bundle_sha256: Mapped[str] = mapped_column(String(HASH_CHARS))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)
    approved: Mapped[bool] = mapped_column(default=False)
    created_s: Mapped[float] = mapped_column(default=time.time)
    created_by: Mapped[str] = mapped_column(String(80))


_PLACE = ("created_s", "id")  # the order of every list


class InspectionRow(Base):
    """What a model said of one picture, and what a person said of that.

    Attributes:
        content: ``Inspection.to_dict()``.
        request_key: Of the sender, so that a request repeated after a lost answer counts once.
        review: ok or ng, as a person decided; None = nobody has.
        learned_image_id: The image it became, where a false alarm was added to the normals.
        image_gone: Its picture was removed when its time was over.
    """

    __tablename__ = "inspections"
    __table_args__ = (
        UniqueConstraint("project_id", "request_key"),
        Index("ix_inspections_list", "project_id", *_PLACE, "verdict", "review"),
        Index("ix_inspections_queue", "project_id", "verdict", "review", *_PLACE),
        Index("ix_inspections_part", "project_id", "part_id", *_PLACE),
        Index("ix_inspections_line", "project_id", "line", *_PLACE),
        Index("ix_inspections_model", "project_id", "model_id", *_PLACE),
        Index(
            "ix_inspections_reviewed",
            "project_id",
            "review",
            "verdict",
            "reviewed_by",
            "reviewed_s",
        ),
        Index("ix_inspections_picture", "image_sha256"),
        Index(
            "ix_inspections_age",
            "created_s",
            sqlite_where=text("image_gone = 0"),
            postgresql_where=text("NOT image_gone"),
        ),
    )
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"))
    image_sha256: Mapped[str] = mapped_column(String(HASH_CHARS))
    request_key: Mapped[str | None] = mapped_column(String(80))
    part_id: Mapped[str | None] = mapped_column(String(120))
    line: Mapped[str | None] = mapped_column(String(80))
    verdict: Mapped[str] = mapped_column(String(8))
    deviation_score: Mapped[float | None]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    review: Mapped[str | None] = mapped_column(String(2))
    reason: Mapped[str] = mapped_column(String(400), default="")
    reviewed_by: Mapped[str | None] = mapped_column(String(80))
    reviewed_s: Mapped[float | None]
    learned_image_id: Mapped[str | None] = mapped_column(String(ID_CHARS))
    image_gone: Mapped[bool] = mapped_column(default=False)
    created_s: Mapped[float] = mapped_column(default=time.time)


class SignOff(Base):
    """A person's signature under a model: who, when, with which meaning, on which bytes."""

    __tablename__ = "sign_offs"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    bundle_sha256: Mapped[str] = mapped_column(String(HASH_CHARS))
    report_sha256: Mapped[str | None] = mapped_column(String(HASH_CHARS))
    meaning: Mapped[str] = mapped_column(String(400))
    signed_by: Mapped[str] = mapped_column(String(80))
    created_s: Mapped[float] = mapped_column(default=time.time)


class Setting(Base):
    """One setting of the server that people change while it runs."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditEvent(Base):
    """One change of state, chained by hash to the one before."""

    __tablename__ = "audit_events"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_s: Mapped[float]
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(60), index=True)
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(80), index=True)
    old: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    new: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    hash: Mapped[str] = mapped_column(String(HASH_CHARS))
