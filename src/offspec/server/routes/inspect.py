"""Inspection for machines."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Header, Query, Request, Response

from offspec.server.api import api_router
from offspec.server.deps import ServicesDep
from offspec.server.intake import Asked, take_in
from offspec.server.lines import LineDep
from offspec.server.schemas_inspections import InspectionOut

router = api_router("inspect", "/projects/{project_id}")
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
    row, number = take_in(services, request.app.state.inspectors, found.model, asked)
    request.app.state.metrics.inspection(row.verdict)
    text = InspectionOut.of(row, number).model_dump_json()
    return Response(text, status_code=201, media_type="application/json")
