"""Users, sessions, tokens: who may act, and how that is kept.

Passwords are hashed with argon2id. Sessions and tokens are random; kept is only their hash, so that
a stolen database opens no door.

Reference:
    Parameters: OWASP Password Storage Cheat Sheet; argon2-cffi's defaults (RFC 9106, low memory).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session as Db

from offspec.errors import InputError, OptionError
from offspec.store import audit
from offspec.store.models import (
    ROLES,
    ApiToken,
    LoginFailure,
    Member,
    Project,
    Role,
    Scope,
    Session,
    User,
)

SESSION_S = 12 * 3600.0
LEAST_PASSWORD, MOST_PASSWORD = 10, 256
WINDOW_S, MOST_FAILURES = 900.0, 10  # per name and per address
TOKEN_PREFIX = "offspec_"  # noqa: S105 - what a leaked one is known by
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody signed in: what the cookie and the page hold."""

    user: User
    token: str
    csrf: str


class TooManyError(InputError):
    """Too many refused logins; wait."""

    code = "too_many_logins"


class RefusedError(InputError):
    """Name and password do not fit."""

    code = "login_refused"


def token_hash(token: str) -> str:
    """What is kept of a random token."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_password(password: str) -> None:
    """Refuse passwords that are too short or absurdly long."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise OptionError(
            f"The password has {len(password)} characters. It needs {LEAST_PASSWORD} to "
            f"{MOST_PASSWORD}. Choose a longer sentence."
        )


def create_user(db: Db, actor: str, name: str, role: Role, password: str) -> User:
    """Add a person.

    Raises:
        OptionError: The name is taken or empty, the role unknown, the password too short.
    """
    clean = name.strip()
    if not clean or len(clean) > 80 or not clean.isprintable():
        raise OptionError("A user needs a printable name of up to 80 characters. Give one.")
    if role not in ROLES:
        raise OptionError(f"Role '{role}' is unknown. Use one of {', '.join(ROLES)}.")
    check_password(password)
    if db.scalar(select(User.id).where(User.name == clean)) is not None:
        raise OptionError(f"User '{clean}' exists. Names are unique. Choose another.")
    user = User(name=clean, role=role, password_hash=_HASHER.hash(password))
    db.add(user)
    db.flush()
    audit.append(db, actor, "user.create", "user", user.id, new=_shown(user))
    return user


def change_user(
    db: Db,
    actor: str,
    user: User,
    *,
    role: Role | None = None,
    active: bool | None = None,
    password: str | None = None,
) -> None:
    """Change what is given; who loses a right is signed out.

    Raises:
        OptionError: Nobody would be left to administer, or a value is out of range.
    """
    # Two who demote each other at the same time wait here for one another.
    db.scalars(
        select(User.id).where(User.role == "admin").order_by(User.id).with_for_update()
    ).all()
    db.refresh(user)
    old = _shown(user)
    if role is not None:
        if role not in ROLES:
            raise OptionError(f"Role '{role}' is unknown. Use one of {', '.join(ROLES)}.")
        user.role = role
    if active is not None:
        user.active = active
    if password is not None:
        check_password(password)
        user.password_hash = _HASHER.hash(password)
    db.flush()
    left = db.scalar(
        select(func.count()).select_from(User).where(User.role == "admin", User.active.is_(True))
    )
    if not left:
        raise OptionError("No active administrator would be left. Make somebody else one first.")
    db.execute(delete(Session).where(Session.user_id == user.id))
    new = {**_shown(user), "password_changed": password is not None}
    audit.append(db, actor, "user.change", "user", user.id, old=old, new=new)


def _shown(user: User) -> dict[str, object]:
    return {"name": user.name, "role": user.role, "active": user.active}


def sign_in(db: Db, name: str, password: str, address: str) -> Signed | RefusedError:
    """Check a password; a refusal is returned, so that its record can be committed.

    Raises:
        TooManyError: Too many refusals for this name or address lately.
    """
    now = time.time()
    keys = _slowed(db, name, address)
    user = db.scalars(select(User).where(User.name == name.strip())).first()
    if not _fits(user, password) or user is None or not user.active:
        db.add_all([LoginFailure(key=key, time_s=now) for key in keys])
        return RefusedError("Name and password do not fit. Check both, and the keyboard's layout.")
    if _HASHER.check_needs_rehash(user.password_hash):
        user.password_hash = _HASHER.hash(password)
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    db.add(
        Session(token_hash=token_hash(token), user_id=user.id, csrf=csrf, expires_s=now + SESSION_S)
    )
    audit.append(db, user.name, "session.sign_in", "user", user.id, new={"address": address})
    return Signed(user, token, csrf)


def confirm(db: Db, user: User, password: str, address: str) -> RefusedError | None:
    """Whether it is really this person, who is signed in already; slowed down like a login.

    Returns:
        A refusal, so that its record can be committed.

    Raises:
        TooManyError: Too many refusals for this name or address lately.
    """
    keys = _slowed(db, user.name, address)
    if _fits(user, password):
        return None
    db.add_all([LoginFailure(key=key) for key in keys])
    return RefusedError("This is not your password. Check it, and the keyboard's layout.")


def change_password(
    db: Db, user_id: str, old: str, new: str, address: str, token: str
) -> RefusedError | None:
    """Change one's own password; all sessions but the one of ``token`` end.

    Returns:
        A refusal, so that its record can be committed.

    Raises:
        TooManyError: Too many refusals lately.
        OptionError: The new one is too short or too long.
    """
    user = db.get_one(User, user_id)
    refused = confirm(db, user, old, address)
    if refused is not None:
        return refused
    check_password(new)
    user.password_hash = _HASHER.hash(new)
    others = Session.user_id == user.id, Session.token_hash != token_hash(token)
    db.execute(delete(Session).where(*others))
    audit.append(db, user.name, "user.password", "user", user.id)
    return None


def _slowed(db: Db, name: str, address: str) -> tuple[str, str]:
    """Under what refusals are counted.

    Raises:
        TooManyError: There were too many.
    """
    keys = (f"name:{name.strip().casefold()[:80]}", f"from:{address[:80]}")
    db.execute(delete(LoginFailure).where(LoginFailure.time_s < time.time() - WINDOW_S))
    for key in keys:
        failures = db.scalar(
            select(func.count()).select_from(LoginFailure).where(LoginFailure.key == key)
        )
        if (failures or 0) >= MOST_FAILURES:
            raise TooManyError(
                f"Too many refused logins. After {MOST_FAILURES} in {WINDOW_S / 60:.0f} minutes "
                "nobody is let in for a while. Wait, or ask an administrator."
            )
    return keys


def _fits(user: User | None, password: str) -> bool:
    """Whether the password is the user's; takes as long when there is no such user."""
    try:
        return _HASHER.verify(_NOBODY if user is None else user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def session_of(db: Db, token: str) -> tuple[User, Session] | None:
    """Who a cookie stands for; None = nobody, or no longer."""
    row = db.execute(
        select(User, Session)
        .join(Session, Session.user_id == User.id)
        .where(Session.token_hash == token_hash(token), Session.expires_s > time.time())
    ).first()
    if row is None or not row[0].active:
        return None
    return row[0], row[1]


def sign_out(db: Db, actor: str, token: str) -> None:
    """End one session."""
    db.execute(delete(Session).where(Session.token_hash == token_hash(token)))
    audit.append(db, actor, "session.sign_out", "user", actor)


def create_token(
    db: Db, actor: str, user: User, project: Project, name: str, scope: Scope = "inspect"
) -> tuple[str, str]:
    """A machine's token: its id, and the text that is shown this once."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        token_hash=token_hash(text), name=name[:80], scope=scope,
        user_id=user.id, project_id=project.id,
    )  # fmt: skip
    db.add(row)
    db.flush()
    new = {"name": row.name, "project": project.id, "scope": scope}
    audit.append(db, actor, "token.create", "token", row.id, new=new)
    return row.id, text


def token_of(db: Db, text: str) -> tuple[User, ApiToken] | None:
    """Who a token acts for, and where; None = nobody."""
    row = db.execute(
        select(User, ApiToken)
        .join(ApiToken, ApiToken.user_id == User.id)
        .where(ApiToken.token_hash == token_hash(text), ApiToken.revoked.is_(False))
    ).first()
    return None if row is None or not row[0].active else (row[0], row[1])


def revoke_token(db: Db, actor: str, token_id: str) -> bool:
    """End a token; False if there is none."""
    found = db.execute(update(ApiToken).where(ApiToken.id == token_id).values(revoked=True))
    if not found.rowcount:  # type: ignore[attr-defined]
        return False
    audit.append(db, actor, "token.revoke", "token", token_id)
    return True


def valid_tokens(db: Db) -> list[str]:
    """Ids of the tokens of all projects with which a machine may act now."""
    query = select(ApiToken.id).join(User, ApiToken.user_id == User.id)
    return list(db.scalars(query.where(ApiToken.revoked.is_(False), User.active.is_(True))))


def revoke_all_tokens(db: Db, actor: str) -> int:
    """End every token, those of people who may not sign in now too; returns how many."""
    found = db.scalars(select(ApiToken.id).where(ApiToken.revoked.is_(False))).all()
    return sum(revoke_token(db, actor, token_id) for token_id in found)


def may_see(db: Db, user: User, project_id: str) -> bool:
    """Whether a user may see a project: administrators all, others where they are members."""
    if user.role == "admin":
        return db.get(Project, project_id) is not None
    return db.get(Member, (project_id, user.id)) is not None
