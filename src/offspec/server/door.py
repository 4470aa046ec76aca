"""Whether a request comes from somebody, asked before its body is read.

Who it is and what they may do is asked again by the route; this only keeps strangers from filling
memory and disk.
"""

from __future__ import annotations

import hashlib

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from offspec.server.deps import COOKIE, bearer
from offspec.server.remembered import Remembered
from offspec.store import accounts
from offspec.store.database import Database


class Door:
    """Knows whose credentials are good.

    Args:
        database: With tokens and sessions.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._good: Remembered[bool] = Remembered(database)

    async def knows(self, request: Request) -> bool:
        """Whether token or cookie stand for somebody; the body is not touched."""
        token, cookie = bearer(request), request.cookies.get(COOKIE)
        if token is None and not cookie:
            return False
        key = hashlib.sha256(repr((token, cookie)).encode()).hexdigest()
        if self._good.get(key):
            return True
        generation = self._good.generation
        found = await run_in_threadpool(self._look_up, token, cookie or "")
        if found:
            self._good.keep(key, generation, True)
        return found

    def _look_up(self, token: str | None, cookie: str) -> bool:
        with self._database.read() as db:
            if token is not None:
                return accounts.token_of(db, token) is not None
            return accounts.session_of(db, cookie) is not None
