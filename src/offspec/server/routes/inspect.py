"""Inspection for machines, the list of inspections, and their review."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from offspec.server.deps import (
    Caller,
    ProjectDep,
    ReadDb,
    ServicesDep,
    owned,
    with_role,
)
from offspec.server.intake import Asked, take_in
from offspec.server.lines import LineDep
from offspec.server.schemas import InspectionOut, Page, ReviewIn
from offspec.store import inspections, queries
from offspec.store.models import InspectionRow

router = APIRouter(prefix="/projects/{project_id}", tags=["inspect"])
Reviewer = Annotated[Caller, Depends(with_role("engineer", "quality", "operator"))]
Picture = Annotated[bytes, Body(media_type="application/octet-stream")]
Label = Annotated[str | None, Query(max_length=80)]


@router.post("/inspect", status_code=201, response_model=InspectionOut)
def inspect(
    picture: Picture,
    found: LineDep,
    services: ServicesDep,
    request: Request,
    part_id: Annotated[str | None, Query(max_length=120)] = None,
    line: Label = None,
    idempotency_key: Annotated[str | None, Header(max_length=80)] = None,
) -> Response:
    """Inspect one picture with the approved model; image bytes in, inspection out.

    A request repeated with the same ``Idempotency-Key`` gives the answer of the first.
    """
    asked = Asked(picture, part_id, line, idempotency_key)
    row = take_in(services, request.app.state.inspectors, found.model, asked)
    request.app.state.metrics.inspection(row.verdict)
    text = InspectionOut.model_validate(row).model_dump_json()
    return Response(text, status_code=201, media_type="application/json")


@router.get("/inspections")
def listed(
    found: ProjectDep,
    db: ReadDb,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
    verdict: Label = None,
    part_id: Label = None,
    line: Label = None,
    open: bool = False,  # noqa: A002 - the word of the query
) -> Page[InspectionOut]:
    """The latest first; ``open=true`` is the review queue."""
    wanted = inspections.Filter(verdict, part_id, line, open)
    rows, place = inspections.inspections_page(
        db, found.id, wanted, queries.Cursor.parse(after), limit
    )
    items = [InspectionOut.model_validate(row) for row in rows]
    return Page(items=items, next=None if place is None else str(place))


@router.get("/inspections/agreement")
def agreement(found: ProjectDep, db: ReadDb) -> dict[str, int]:
    """How people's reviews and the model's verdicts meet."""
    return inspections.agreement(db, found.id)


@router.put("/inspections/{inspection_id}/review")
def review(
    inspection_id: str, body: ReviewIn, found: ProjectDep, caller: Reviewer, services: ServicesDep
) -> InspectionOut:
    """Confirm or overrule."""
    with services.database.write() as db:
        row = owned(db, InspectionRow, inspection_id, found, "inspection")
        inspections.review(db, caller.user, row, body.decision, body.reason)
        return InspectionOut.model_validate(row)
