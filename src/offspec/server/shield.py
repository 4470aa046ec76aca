"""What stands before every route: size limits, hosts, and the headers that browsers obey."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from offspec.server.door import Door
from offspec.server.problems import fault, problem
from offspec.server.settings import (
    MAX_BARE_BYTES,
    MAX_JSON_BYTES,
    MAX_UPLOAD_BYTES,
    Settings,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)  # fmt: skip


_SIGN_IN = "/api/v1/session"
_FILES = re.compile(r"/api/v1/projects/[^/]+/(images|inspect)")
_NUL = problem(422, "malformed", "The address holds a NUL. No id or text has one. Leave it out.")
_UNKNOWN = problem(401, "sign_in", "Nobody is signed in. Sign in, or send a token that is valid.")


class TooLargeError(HTTPException):
    """A body grew beyond the limit while it was read."""


class Shield:
    """ASGI middleware: limits bodies, refuses foreign hosts, adds headers.

    Args:
        app: What is protected.
        settings: Limits; on loopback only loopback names are answered, so that no foreign page
            reaches the server by a name of its own (DNS rebinding).
        door: Asked before a body is read that a stranger may not send.
    """

    def __init__(self, app: App, settings: Settings, door: Door) -> None:
        self._app, self._settings, self._door = app, settings, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        answer = self._send(scope, send)
        if not self._host_is_known(headers.get("host", "")):
            await problem(421, "host", "This server does not answer to that name.")(
                scope, receive, answer
            )
            return
        if _has_nul(scope):
            await _NUL(scope, receive, answer)
            return
        limit = min(self._settings.max_upload_bytes, _most_bytes(scope, headers))
        length = headers.get("content-length", "0")
        if not re.fullmatch("[0-9]{1,18}", length) or int(length) > limit:
            await _too_large(limit)(scope, receive, answer)
            return
        may_grow = "transfer-encoding" in headers or int(length) > MAX_BARE_BYTES
        if limit > MAX_BARE_BYTES and may_grow and not await self._door.knows(Request(scope)):
            await _UNKNOWN(scope, receive, answer)
            return
        started = False

        async def marked(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await answer(message)

        try:
            await self._app(scope, _limited(receive, limit), marked)
        except TooLargeError:
            if not started:
                await _too_large(limit)(scope, receive, answer)
        except Exception as error:
            told = fault(scope.get("state", {}).get("request_id"), error)
            if started:
                raise
            await told(scope, receive, answer)

    def _host_is_known(self, host: str) -> bool:
        if not self._settings.loopback:
            return True
        name = re.sub(r":\d+$", "", host)
        return name in {"127.0.0.1", "localhost", "[::1]", self._settings.host}

    def _send(self, scope: Scope, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = list(message.get("headers", []))
                found += [(name.encode(), value.encode()) for name, value in _HEADERS]
                if self._settings.https:
                    found.append((b"strict-transport-security", b"max-age=31536000"))
                known = {name for name, _ in found}
                if scope["path"].startswith("/api/") and b"cache-control" not in known:
                    found.append((b"cache-control", b"no-store"))
                message["headers"] = found
            await send(message)

        return with_headers


def _has_nul(scope: Scope) -> bool:
    """Whether path or query hold a NUL, which no id has and PostgreSQL takes for a fault."""
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _most_bytes(scope: Scope, headers: dict[str, str]) -> int:
    """How large a body may be: it is read, and JSON is parsed, before anybody asks who sends it."""
    if scope["path"].startswith(_SIGN_IN) or not {"authorization", "cookie"} & headers.keys():
        return MAX_BARE_BYTES
    is_files = scope["method"] == "POST" and _FILES.fullmatch(scope["path"])
    kind = headers.get("content-type", "json").lower()
    return MAX_UPLOAD_BYTES if is_files and "json" not in kind else MAX_JSON_BYTES


def _too_large(limit: int) -> Any:
    return problem(413, "limit", f"The request is larger than {limit} bytes. Send less at a time.")


def _limited(receive: Receive, limit: int) -> Receive:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise TooLargeError(413, "The request is too large. Send less at a time.")
        return message

    return counted
