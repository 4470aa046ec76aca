"""Projects, their members and tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from offspec.server.api import api_router
from offspec.server.deps import (
    AnybodysProjectDep,
    Caller,
    CallerDep,
    PersonDep,
    ProjectDep,
    ReadDb,
    ServicesDep,
    owned,
    with_role,
)
from offspec.server.problems import ProblemError
from offspec.server.schemas import (
    ProjectChange,
    ProjectIn,
    ProjectOut,
    TokenIn,
    TokenMade,
    TokenOut,
    UserOut,
)
from offspec.server.schemas_labelling import Summary
from offspec.store import accounts, queries
from offspec.store.models import ApiToken, Project, User
from offspec.store.summary import summary

router = api_router("projects", "/projects")
Engineer = Annotated[Caller, Depends(with_role("engineer"))]
Quality = Annotated[Caller, Depends(with_role("engineer", "quality"))]
Admin = Annotated[Caller, Depends(with_role())]


@router.get("")
def projects(caller: CallerDep, db: ReadDb) -> list[ProjectOut]:
    """What the caller may see."""
    rows = queries.projects_of(db, caller.user)
    only = caller.project_id
    return [ProjectOut.model_validate(row) for row in rows if only in (None, row.id)]


@router.post("", status_code=201)
def create(
    body: ProjectIn, caller: Engineer, _person: PersonDep, services: ServicesDep
) -> ProjectOut:
    """A new project; who makes it may see it."""
    with services.database.write() as db:
        return ProjectOut.model_validate(queries.create_project(db, caller.user, body.name))


@router.get("/{project_id}")
def project(found: ProjectDep) -> ProjectOut:
    """One project."""
    return ProjectOut.model_validate(found)


@router.get("/{project_id}/summary")
def summary_of(found: AnybodysProjectDep, db: ReadDb) -> Summary:
    """The project in numbers."""
    return Summary.model_validate(summary(db, found.id))


@router.patch("/{project_id}")
def change(
    body: ProjectChange, found: ProjectDep, caller: Engineer, services: ServicesDep
) -> ProjectOut:
    """Rename, archive, or replace the problem statement."""
    with services.database.write() as db:
        mine = db.get_one(Project, found.id)
        queries.change_project(
            db, caller.user, mine, name=body.name, archived=body.archived, problem=body.problem
        )
        return ProjectOut.model_validate(mine)


@router.get("/{project_id}/members")
def members(found: ProjectDep, _caller: Quality, db: ReadDb) -> list[UserOut]:
    """Who may see the project besides administrators, by name."""
    return [UserOut.model_validate(row) for row in queries.members_of(db, found.id)]


@router.put("/{project_id}/members/{user_id}", status_code=204)
def add_member(user_id: str, found: ProjectDep, caller: Admin, services: ServicesDep) -> None:
    """Let a person see the project."""
    _set_member(services, caller, found, user_id, member=True)


@router.delete("/{project_id}/members/{user_id}", status_code=204)
def remove_member(user_id: str, found: ProjectDep, caller: Admin, services: ServicesDep) -> None:
    """No longer let a person see the project."""
    _set_member(services, caller, found, user_id, member=False)


def _set_member(
    services: ServicesDep, caller: Caller, project: Project, user_id: str, *, member: bool
) -> None:
    with services.database.write() as db:
        user = db.get(User, user_id)
        if user is None:
            raise ProblemError(404, "not_found", "There is no such user.")
        mine = db.get_one(Project, project.id)
        queries.set_member(db, caller.user, mine, user, member=member)


@router.get("/{project_id}/tokens")
def tokens(found: ProjectDep, _caller: Engineer, db: ReadDb) -> list[TokenOut]:
    """Tokens of the project, without their texts."""
    return [TokenOut.model_validate(row) for row in queries.tokens_of(db, found.id)]


@router.post("/{project_id}/tokens", status_code=201)
def create_token(
    body: TokenIn, found: ProjectDep, caller: Engineer, _person: PersonDep, services: ServicesDep
) -> TokenMade:
    """A token with which a machine acts as the caller in this project; shown this once."""
    with services.database.write() as db:
        id_, text = accounts.create_token(
            db, caller.user.name, caller.user, found, body.name, body.scope
        )
    return TokenMade(id=id_, token=text)


@router.delete("/{project_id}/tokens/{token_id}", status_code=204)
def revoke(
    token_id: str, found: ProjectDep, caller: Engineer, _person: PersonDep, services: ServicesDep
) -> None:
    """End a token."""
    with services.database.write() as db:
        owned(db, ApiToken, token_id, found, "token")
        accounts.revoke_token(db, caller.user.name, token_id)
