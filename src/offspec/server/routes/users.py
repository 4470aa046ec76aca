"""People; for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from sqlalchemy import select

from offspec.server.api import api_router
from offspec.server.deps import Caller, ReadDb, ServicesDep, with_role
from offspec.server.problems import ProblemError
from offspec.server.schemas import UserChange, UserIn, UserOut
from offspec.store import accounts
from offspec.store.models import User

router = api_router("users", "/users")
Admin = Annotated[Caller, Depends(with_role())]


@router.get("")
def users(_caller: Admin, db: ReadDb) -> list[UserOut]:
    """Everybody, by name."""
    rows = db.scalars(select(User).order_by(User.name)).all()
    return [UserOut.model_validate(row) for row in rows]


@router.post("", status_code=201)
def create(body: UserIn, caller: Admin, services: ServicesDep) -> UserOut:
    """Add a person."""
    with services.database.write() as db:
        user = accounts.create_user(db, caller.user.name, body.name, body.role, body.password)
        return UserOut.model_validate(user)


@router.patch("/{user_id}")
def change(user_id: str, body: UserChange, caller: Admin, services: ServicesDep) -> UserOut:
    """Change role, password, or whether the person may sign in; ends the person's sessions."""
    with services.database.write() as db:
        user = db.get(User, user_id)
        if user is None:
            raise ProblemError(404, "not_found", "There is no such user.")
        accounts.change_user(
            db, caller.user.name, user,
            role=body.role, active=body.active, password=body.password,
        )  # fmt: skip
        return UserOut.model_validate(user)
