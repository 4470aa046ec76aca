"""Figures for Prometheus."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import PlainTextResponse

from offspec.server.api import api_router
from offspec.server.deps import AnybodyDep, ReadDb
from offspec.server.metrics import CONTENT_TYPE, Metrics
from offspec.server.problems import ProblemError
from offspec.store import job_queue

router = api_router("health")


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(caller: AnybodyDep, db: ReadDb, request: Request) -> PlainTextResponse:
    """Requests, inspections, queue, jobs and memory; for administrators, quality and any token."""
    if caller.project_id is None and caller.user.role not in ("admin", "quality"):
        raise ProblemError(403, "not_allowed", "This needs the role quality or admin, or a token.")
    figures: Metrics = request.app.state.metrics
    inspectors = request.app.state.inspectors
    text = figures.text(inspectors.waiting, job_queue.counts(db), inspectors.pids)
    return PlainTextResponse(text, media_type=CONTENT_TYPE)
