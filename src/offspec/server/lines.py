"""Who may send pictures and which model judges them, remembered between two pictures of a line.

A line sends many pictures a second with one token. What a token may do is forgotten with every
change that this server makes, so that a revoked one ends at once, and after a second in any case,
for changes by others.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from offspec.server.deps import ServicesDep, bearer, caller, visible_project
from offspec.server.services import Services
from offspec.store import inspections
from offspec.store.database import Database

LONGEST_S = 1.0
MOST = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """Who sends, and the model in use."""

    user: str
    model: inspections.InUse


class Lines:
    """Lines by token and project.

    Args:
        database: Whose changes make it forget.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[int, float, Line]] = OrderedDict()

    @property
    def generation(self) -> int:
        """To be read before a line is looked up."""
        return self._database.generation

    def get(self, key: str) -> Line | None:
        """A line that is remembered."""
        found = self._known.get(key)
        if found is None:
            return None
        generation, at, line = found
        fresh = time.monotonic() - at < LONGEST_S
        return line if fresh and generation == self._database.generation else None

    def keep(self, key: str, generation: int, line: Line) -> None:
        """Remember a line as of a generation."""
        self._known[key] = (generation, time.monotonic(), line)
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)


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
        who = caller(request, db)
        project = visible_project(project_id, who, db)
        return Line(who.user.name, inspections.approved_model(db, project.id))


LineDep = Annotated[Line, Depends(line_of)]
