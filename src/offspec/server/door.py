"""Whether a request comes from somebody, asked before its body is read.

Who it is and what they may do is asked again by the route; this only keeps strangers from filling
memory and disk.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.concurrency import run_in_threadpool

from offspec.server.deps import COOKIE
from offspec.store import accounts
from offspec.store.database import Database

LONGEST_S = 1.0
MOST = 1000


class Door:
    """Remembers for a moment which credentials were good, until anything changes.

    Args:
        database: With tokens and sessions.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether token or cookie stand for somebody.

        Args:
            headers: By lower-case name.
        """
        token = _token(headers)
        if token is None:
            return False
        key = hashlib.sha256(repr(token).encode()).hexdigest()
        generation, at = self._known.get(key, (-1, 0.0))
        if generation == self._database.generation and time.monotonic() - at < LONGEST_S:
            return True
        now = self._database.generation
        found = await run_in_threadpool(self._look_up, *token)
        if found:
            self._known[key] = (now, time.monotonic())
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return found

    def _look_up(self, kind: str, text: str) -> bool:
        with self._database.read() as db:
            look = accounts.token_of if kind == "bearer" else accounts.session_of
            return look(db, text) is not None


def _token(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """As ``deps.caller`` reads them: a bearer token first, else the cookie."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and token:
        return "bearer", token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if cookie is None or not cookie.value else ("cookie", cookie.value)
