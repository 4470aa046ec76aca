"""Who may send pictures and which model judges them, remembered between two pictures of a line.

A line sends many pictures a second with one token. What a token may do is forgotten with every
change that this server makes, so that a revoked one ends at once, and after a second in any case,
for changes by others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from offspec.server.deps import ServicesDep, anybody, bearer, visible_to_anybody
from offspec.server.remembered import Remembered
from offspec.server.services import Services
from offspec.store import inspections


@dataclass(frozen=True, slots=True)
class Line:
    """Who sends, and the model in use."""

    user: str
    model: inspections.InUse


Lines = Remembered[Line]
"""Lines by token and project."""


async def line_of(project_id: str, request: Request, found: ServicesDep) -> Line:
    """Who sends a picture to a project, and its approved model.

    Raises:
        ProblemError: 401 for nobody, 404 where the project is not theirs.
        StateError: No model is approved.
    """
    lines: Lines = request.app.state.lines
    token = bearer(request)  # a cookie is asked for each time, with its CSRF header
    key = None if token is None else hashlib.sha256(f"{project_id} {token}".encode()).hexdigest()
    line = None if key is None else lines.get(key)
    if line is None:
        generation = lines.generation
        line = await run_in_threadpool(_look_up, project_id, request, found)
        if key is not None:
            lines.keep(key, generation, line)
    request.state.user = line.user
    return line


def _look_up(project_id: str, request: Request, found: Services) -> Line:
    with found.database.read() as db:
        who = anybody(request, db)
        project = visible_to_anybody(project_id, who, db)
        return Line(who.user.name, inspections.approved_model(db, project.id))


LineDep = Annotated[Line, Depends(line_of)]
