"""Errors as ``application/problem+json`` with the codes of ``errors.py``.

Reference:
    RFC 9457, "Problem Details for HTTP APIs".
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError
from starlette.exceptions import HTTPException

from offspec.errors import OffspecError

_LOG = logging.getLogger("offspec.server")
STATUS: dict[str, int] = {
    "login_refused": 401,
    "too_many_logins": 429,
    "limit": 413,
    "state": 409,
    "not_fitted": 409,
    "threshold_not_set": 409,
    "job_not_found": 404,
    "job_conflict": 409,
    "busy": 503,
    "write": 507,
    "runtime_backend": 500,
    "weights": 500,
    "offspec": 500,
}
"""By code; every other deliberate error is a fault of the request, 400."""
WORDS = {
    401: "Sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "Limit",
}


class ProblemError(Exception):
    """A problem that a route tells by status, code and words."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """One problem document."""
    body = {"type": f"urn:offspec:{code}", "title": WORDS.get(status, code.replace("_", " ")),
            "status": status, "code": code, "detail": detail, **more}  # fmt: skip
    waits = {429: "60", 503: "1"}
    headers = {"Retry-After": waits[status]} if status in waits else None
    return JSONResponse(body, status, headers, "application/problem+json")


def install(app: FastAPI) -> None:
    """Turn every error of an app into a problem document."""

    @app.exception_handler(OffspecError)
    def _ours(_request: Request, error: OffspecError) -> JSONResponse:
        return problem(STATUS.get(error.code, 400), error.code, str(error))

    @app.exception_handler(ProblemError)
    def _told(_request: Request, error: ProblemError) -> JSONResponse:
        return problem(error.status, error.code, error.detail)

    @app.exception_handler(DataError)
    def _unstorable(_request: Request, _error: DataError) -> JSONResponse:
        return problem(
            400, "option", "The request holds a text or number that the database cannot take, "
            "such as a NUL character. Correct it.",
        )  # fmt: skip

    @app.exception_handler(RequestValidationError)
    def _malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        places = [
            {"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]}
            for one in error.errors()
        ]
        return problem(422, "malformed", "The request does not fit the schema.", errors=places)

    @app.exception_handler(IntegrityError)
    def _raced(_request: Request, _error: IntegrityError) -> JSONResponse:
        detail = "Somebody else changed this at the same moment. Nothing was changed. Try again."
        return problem(409, "state", detail)

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        code = WORDS.get(error.status_code, "http").lower().replace(" ", "_")
        return problem(error.status_code, code, str(error.detail))


def fault(request_id: str | None, error: Exception) -> JSONResponse:
    """What nobody foresaw: the log has all of it, the answer nothing."""
    _LOG.error("fault", exc_info=error, extra={"request_id": request_id})
    return problem(500, "fault", "The server has a fault; its log says more.")
