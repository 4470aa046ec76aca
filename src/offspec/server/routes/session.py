"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Request, Response

from offspec.server.api import api_router
from offspec.server.deps import COOKIE, CallerDep, PersonDep, ServicesDep
from offspec.server.schemas import Me, SignIn
from offspec.server.schemas_admin import PasswordChange
from offspec.store import accounts
from offspec.store.accounts import RefusedError

router = api_router("session", "/session")


@router.post("", status_code=201)
def sign_in(body: SignIn, request: Request, response: Response, services: ServicesDep) -> Me:
    """Sign in; the cookie lasts twelve hours."""
    address = request.client.host if request.client else "unknown"
    with services.database.write() as db:
        found = accounts.sign_in(db, body.name, body.password, address)
    if isinstance(found, RefusedError):
        raise found
    response.set_cookie(
        COOKIE,
        found.token,
        max_age=int(accounts.SESSION_S),
        httponly=True,
        secure=services.settings.https,
        samesite="strict",
        path="/",
    )
    user = found.user
    return Me.model_validate(
        {"id": user.id, "name": user.name, "role": user.role, "csrf": found.csrf}
    )


@router.get("")
def who(caller: CallerDep) -> Me:
    """Who is signed in."""
    user = caller.user
    return Me.model_validate(
        {"id": user.id, "name": user.name, "role": user.role, "csrf": caller.csrf}
    )


@router.delete("", status_code=204)
def sign_out(
    caller: CallerDep,
    services: ServicesDep,
    response: Response,
    offspec_session: Annotated[str | None, Cookie()] = None,
) -> None:
    """Sign out."""
    if offspec_session is not None:
        with services.database.write() as db:
            accounts.sign_out(db, caller.user.name, offspec_session)
    response.delete_cookie(COOKIE, path="/")


@router.put("/password", status_code=204)
def change_password(
    body: PasswordChange, caller: PersonDep, request: Request, services: ServicesDep
) -> None:
    """Change one's own password; every other session of the person ends."""
    cookie = request.cookies[COOKIE]
    address = request.client.host if request.client else "unknown"
    with services.database.write() as db:
        refused = accounts.change_password(db, caller.user.id, body.old, body.new, address, cookie)
    if refused is not None:
        raise refused
