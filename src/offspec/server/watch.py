"""Watches every request: its number, its line in the log, its figures. Never its content."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from offspec.server.metrics import Metrics
from offspec.server.shield import App, Message, Receive, Scope, Send

LOG = logging.getLogger("offspec.request")
_ID = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Watch:
    """ASGI middleware, the outermost: gives each request an id, logs and counts it.

    Args:
        app: What answers.
        metrics: Where it is counted.
    """

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        id_ = given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = id_
        status, begin = 500, time.perf_counter()

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_.encode())]
            await send(message)

        try:
            await self._app(scope, receive, marked)
        finally:
            self._tell(scope, status, time.perf_counter() - begin)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = template_of(scope)
        self._metrics.request(method, route, status, seconds)
        state: dict[str, Any] = scope["state"]
        fields = {
            "method": method, "route": route, "status": status, "ms": round(1e3 * seconds, 1),
            "user": state.get("user"), "request_id": state["request_id"],
        }  # fmt: skip
        LOG.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra=fields)


def template_of(scope: Scope) -> str:
    """Path of the route as it was written, ids left out; ``none`` where no route fits."""
    route = getattr(scope.get("route"), "path", None)
    return route if isinstance(route, str) else "none"
