"""Who asks, and what they may touch: dependencies of the routes."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session as Db

from offspec.server.problems import ProblemError
from offspec.server.services import Services
from offspec.store import accounts
from offspec.store.models import (
    ApiToken,
    Image,
    InspectionRow,
    JobRow,
    ModelRow,
    Project,
    Role,
    TemplateRow,
    User,
    VersionRow,
)

COOKIE = "offspec_session"
CSRF_HEADER = "x-csrf-token"
T = TypeVar("T", ApiToken, Image, InspectionRow, JobRow, ModelRow, TemplateRow, VersionRow)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        project_id: The one project that a token is for; None = signed in, all of the user's.
        scope: What a token is for; None = signed in.
    """

    user: User
    project_id: str | None = None
    csrf: str | None = None
    scope: str | None = None


async def services(request: Request) -> Services:
    """Of this server; async, as it needs no thread of its own."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def reading(found: ServicesDep) -> Iterator[Db]:
    """A transaction that changes nothing."""
    with found.database.read() as db:
        yield db


ReadDb = Annotated[Db, Depends(reading, scope="function")]


def bearer(request: Request) -> str | None:
    """The token that a request stands for itself with; None = it has none, a cookie may count."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" and token else None


def _identified(request: Request, db: Db) -> Caller:
    """Who asks, by token or cookie; a cookie that changes something needs the CSRF header too.

    Raises:
        ProblemError: 401 for nobody, 403 without the header.
    """
    token = bearer(request)
    if token is not None:
        by_token = accounts.token_of(db, token)
        if by_token is not None:
            user, row = by_token
            return Caller(user, row.project_id, scope=row.scope)
        raise ProblemError(401, "sign_in", "This token is unknown or revoked. Make a new one.")
    cookie = request.cookies.get(COOKIE)
    by_cookie = None if not cookie else accounts.session_of(db, cookie)
    if by_cookie is None:
        raise ProblemError(401, "sign_in", "Nobody is signed in. Sign in, or send a token.")
    user, session = by_cookie
    sent = request.headers.get(CSRF_HEADER, "")
    if request.method not in _SAFE and not hmac.compare_digest(
        sent.encode(), session.csrf.encode()
    ):
        raise ProblemError(
            403, "csrf", f"The request lacks the header {CSRF_HEADER} of this session. Load again."
        )
    return Caller(user, None, session.csrf)


def anybody(request: Request, db: ReadDb) -> Caller:
    """Who asks, be it a token that only inspects; the log of requests names it.

    Raises:
        ProblemError: 401 for nobody, 403 for a change by cookie without the header.
    """
    found = _identified(request, db)
    request.state.user = found.user.name
    return found


AnybodyDep = Annotated[Caller, Depends(anybody)]


def caller(who: AnybodyDep) -> Caller:
    """Who asks, where tokens that only inspect are refused: everywhere but where said otherwise.

    Raises:
        ProblemError: 401 for nobody, 403 for such a token.
    """
    if who.scope == "inspect":
        raise ProblemError(
            403, "token_scope", "This token sends pictures and reads inspections, nothing else. "
            "For this make a token with the scope 'project', or sign in.",
        )  # fmt: skip
    return who


CallerDep = Annotated[Caller, Depends(caller)]


def person(who: CallerDep) -> Caller:
    """Somebody signed in, for what no token may do.

    Raises:
        ProblemError: 403.
    """
    if who.project_id is not None:
        raise ProblemError(
            403, "not_allowed", "This is for people; a token may not do it. Sign in."
        )
    return who


PersonDep = Annotated[Caller, Depends(person)]


def with_role(*roles: Role) -> Callable[[Caller], Caller]:
    """A dependency that lets only these roles pass; administrators always."""

    def check(who: CallerDep) -> Caller:
        if who.user.role != "admin" and who.user.role not in roles:
            raise ProblemError(
                403, "not_allowed", f"This needs the role {' or '.join((*roles, 'admin'))}."
            )
        if who.project_id is not None and not roles:
            raise ProblemError(403, "not_allowed", "A token cannot administer. Sign in.")
        return who

    return check


def visible_to_anybody(project_id: str, who: AnybodyDep, db: ReadDb) -> Project:
    """A project that the caller may see, be it a token that only inspects.

    Raises:
        ProblemError: 404.
    """
    allowed = who.project_id in (None, project_id) and accounts.may_see(db, who.user, project_id)
    found = db.get(Project, project_id) if allowed else None
    if found is None:
        raise ProblemError(404, "not_found", "There is no such project, or it is not yours.")
    return found


AnybodysProjectDep = Annotated[Project, Depends(visible_to_anybody)]


def visible_project(found: AnybodysProjectDep, _who: CallerDep) -> Project:
    """A project that the caller may see; to others it does not exist."""
    return found


ProjectDep = Annotated[Project, Depends(visible_project)]


def owned(
    db: Db, table: type[T], id_: str, project: Project, what: str, code: str = "not_found"
) -> T:
    """A row of this project; one of another project does not exist.

    Raises:
        ProblemError: 404, in which ``what`` names the noun.
    """
    row = db.get(table, id_)
    if row is None or row.project_id != project.id:
        raise ProblemError(404, code, f"There is no such {what} in this project.")
    return row
