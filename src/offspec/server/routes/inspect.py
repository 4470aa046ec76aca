"""Inspection for machines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Request

from offspec.images import decode_image
from offspec.json_files import finite
from offspec.server.deps import CallerDep, ProjectDep, ServicesDep
from offspec.server.inspectors import Inspectors
from offspec.server.schemas_inspections import InspectionOut
from offspec.store import inspections
from offspec.store.models import ModelRow

router = APIRouter(prefix="/projects/{project_id}", tags=["inspect"])
Picture = Annotated[bytes, Body(media_type="application/octet-stream")]
Label = Annotated[str | None, Query(max_length=80)]


@router.post("/inspect", status_code=201)
def inspect(
    picture: Picture,
    found: ProjectDep,
    _caller: CallerDep,
    services: ServicesDep,
    request: Request,
    part_id: Annotated[str | None, Query(max_length=120)] = None,
    line: Label = None,
    idempotency_key: Annotated[str | None, Header(max_length=80)] = None,
) -> InspectionOut:
    """Inspect one picture with the approved model; image bytes in, inspection out.

    A request repeated with the same ``Idempotency-Key`` gives the answer of the first.
    """
    ready: Inspectors = request.app.state.inspectors
    with ready.seat():
        with services.database.read() as db:
            before = inspections.known_request(db, found.id, idempotency_key)
            if before is not None:
                return InspectionOut.of(before, db.get_one(ModelRow, before.model_id).number)
            model = inspections.approved_model(db, found.id)
        image = decode_image(picture, "picture")
        content = finite(ready.get(model.bundle_sha256).inspect(image, with_map=False).to_dict())
        sha256 = services.blobs.put(picture)
        with services.database.write() as db:
            row = inspections.known_request(db, found.id, idempotency_key)
            if row is None:
                row = inspections.add_inspection(
                    db, model, sha256, content,
                    part_id=part_id, line=line, request_key=idempotency_key,
                )  # fmt: skip
            return InspectionOut.of(row, db.get_one(ModelRow, row.model_id).number)
