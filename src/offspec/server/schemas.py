"""What goes over the wire; field names are the words of the glossary."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
RoleName = Literal["admin", "engineer", "quality", "operator"]
ScopeName = Literal["inspect", "project"]
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=NO_NUL)]
Password = Annotated[str, Field(min_length=1, max_length=256)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class Schema(BaseModel):
    """Strict: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Page(Schema, Generic[T]):
    """A part of a list; ``next`` asks for the part behind it, null at the end."""

    items: list[T]
    next: str | None = None


class SignIn(Schema):
    """Name and password."""

    name: Name
    password: Password


class Me(Schema):
    """Who is signed in; ``csrf`` goes into the header ``X-CSRF-Token`` of every change."""

    id: str
    name: str
    role: RoleName
    csrf: str | None


class UserOut(Schema):
    """A person."""

    id: str
    name: str
    role: RoleName
    active: bool
    created_s: float


class UserIn(Schema):
    """A new person."""

    name: Name
    role: RoleName
    password: Password


class UserChange(Schema):
    """What changes of a person; what is left out stays."""

    role: RoleName | None = None
    active: bool | None = None
    password: Password | None = None


class ProjectIn(Schema):
    """A new project."""

    name: Annotated[str, Field(min_length=1, max_length=120)]


class ProjectChange(Schema):
    """What changes of a project."""

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    archived: bool | None = None
    problem: dict[str, Any] | None = None


class ProjectOut(Schema):
    """A project; ``problem`` is its problem statement."""

    id: str
    name: str
    problem: dict[str, Any]
    archived: bool
    created_s: float


class ImageOut(Schema):
    """A picture and what people said of it.

    ``revision`` counts changes of its annotation, 0 where nobody has looked. ``split`` is what the
    annotation asks for; null lets the dataset version draw it. ``decision`` answers a finding of
    the check: ``leave_out`` keeps the image out of dataset versions.
    """

    id: str
    name: str
    sha256: str
    width: int
    height: int
    size_bytes: int
    created_s: float
    label: Literal["ok", "ng"] | None = None
    split: Literal["train", "test"] | None = None
    revision: int = 0
    decision: Literal["leave_out", "keep"] | None = None
    decision_why: str = ""


class Uploaded(Schema):
    """What came of one uploaded file, or of one file in an uploaded zip.

    ``image`` is the image itself, or the one that an annotation or template belongs to. ``known``:
    the project had exactly this already. ``error``: why the file changed nothing.
    """

    name: str
    kind: Literal["image", "annotation", "template", "other"]
    image: ImageOut | None = None
    known: bool = False
    error: str | None = None


class TokenIn(Schema):
    """A token for a machine, acting as the one who makes it.

    ``inspect`` sends pictures and reads inspections, for cameras and lines. ``project`` does what
    the person may in this project, for scripts, but makes no tokens, ends none and does not sign.
    """

    name: Name
    scope: ScopeName = "inspect"


class TokenOut(Schema):
    """A token without its text."""

    id: str
    name: str
    scope: ScopeName
    created_s: float
    revoked: bool


class TokenMade(Schema):
    """A new token; ``token`` is shown this once."""

    id: str
    token: str


class AuditOut(Schema):
    """One entry of the audit log."""

    seq: int
    time_s: float
    actor: str
    action: str
    object_type: str
    object_id: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    hash: str


class Chain(Schema):
    """Whether the audit log is whole; ``broken_at`` names the first entry that does not fit."""

    events: int
    broken_at: int | None
    head: str


class Health(Schema):
    """Whether the server works."""

    status: Literal["ok"]
    version: str


class AnnotationIn(Schema):
    """What a person says of an image: LabelMe-compatible, as a sidecar file holds it."""

    revision: Annotated[int, Field(ge=0)]
    content: dict[str, Any]


class AnnotationOut(Schema):
    """What was said of an image."""

    revision: int
    content: dict[str, Any] | None
    label: Literal["ok", "ng"] | None


class Counts(Schema):
    """Images by label; ``none`` = nobody has judged."""

    ok: int
    ng: int
    none: int


class TemplateIn(Schema):
    """A template, as ``template.json`` holds it, and the image it is drawn on."""

    reference_id: Id
    content: dict[str, Any]


class TemplateOut(Schema):
    """A version of the template."""

    id: str
    version: int
    reference_id: str
    content: dict[str, Any]
    created_s: float
    created_by: str


class VersionIn(Schema):
    """A new dataset version; ``seed`` draws the split of images that name none."""

    note: Annotated[str, Field(max_length=400, pattern=NO_NUL)] = ""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class VersionOut(Schema):
    """An immutable dataset version."""

    id: str
    fingerprint: str
    note: str
    seed: int
    normals: int
    test_good: int
    test_bad: int
    created_s: float
    created_by: str
