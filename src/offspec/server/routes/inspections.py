"""Inspections: listed, looked at, reviewed, learned from, and in figures."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from offspec.images import decode_image
from offspec.server.answers import image_out
from offspec.server.api import api_router
from offspec.server.deps import (
    AnybodysProjectDep,
    Caller,
    ProjectDep,
    ReadDb,
    ServicesDep,
    owned,
    with_role,
)
from offspec.server.inspections_csv import inspections_csv
from offspec.server.problems import ProblemError
from offspec.server.routes.pictures import JPEG, PICTURE, Shown, cut_tile, drawn, shown
from offspec.server.schemas import ImageOut, Page
from offspec.server.schemas_inspections import (
    Agreement,
    InspectionBrief,
    InspectionOut,
    RateOut,
    ReviewIn,
)
from offspec.store import inspection_figures, inspections, queries
from offspec.store.models import InspectionRow, ModelRow, User

router = api_router("inspections", "/projects/{project_id}/inspections")
Reviewer = Annotated[Caller, Depends(with_role("engineer", "quality", "operator"))]
Labeller = Annotated[Caller, Depends(with_role("engineer", "quality"))]
Label = Annotated[str | None, Query(max_length=120)]
Time = Annotated[float | None, Query(ge=0, lt=1e11, allow_inf_nan=False)]
_SPAN_S = {"hour": 48 * 3600.0, "day": 30 * 86_400.0}


def asked(
    verdict: Annotated[Literal["ok", "review", "ng", "invalid"] | None, Query()] = None,
    part_id: Label = None,
    line: Label = None,
    open: bool = False,  # noqa: A002 - the word of the query
    review: Annotated[Literal["ok", "ng"] | None, Query()] = None,
    model_id: Label = None,
    from_s: Time = None,
    to_s: Time = None,
) -> inspections.Filter:
    """What a list is narrowed to; times in seconds since 1970."""
    return inspections.Filter(verdict, part_id, line, open, review, model_id, from_s, to_s)


FilterDep = Annotated[inspections.Filter, Depends(asked)]


@router.get("")
def listed(
    found: AnybodysProjectDep,
    db: ReadDb,
    wanted: FilterDep,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
) -> Page[InspectionBrief]:
    """The latest first; ``open=true`` is the review queue."""
    rows, place = inspections.inspections_page(
        db, found.id, wanted, queries.Cursor.parse(after), limit
    )
    numbers = inspections.model_numbers(db, found.id)
    items = [InspectionBrief.of(row, numbers[row.model_id]) for row in rows]
    return Page(items=items, next=None if place is None else str(place))


@router.get("/agreement")
def agreement(found: ProjectDep, db: ReadDb, wanted: FilterDep) -> Agreement:
    """How people's reviews and the model's verdicts meet, of everything or of a part of it."""
    return Agreement.model_validate(inspection_figures.agreement(db, found.id, wanted))


@router.get("/rates")
def rates(
    found: ProjectDep,
    db: ReadDb,
    from_s: Time = None,
    to_s: Time = None,
    bucket: Literal["hour", "day"] = "hour",
    line: Label = None,
) -> list[RateOut]:
    """Counts of every hour or day (UTC); without times the last 48 hours or 30 days."""
    end = time.time() if to_s is None else to_s
    start = max(0.0, end - _SPAN_S[bucket]) if from_s is None else from_s
    rows = inspection_figures.rates(db, found.id, start, end, bucket, line)
    return [RateOut.model_validate(row.to_dict()) for row in rows]


@router.get(
    "/export.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The table."}},
)
def export(found: ProjectDep, services: ServicesDep, wanted: FilterDep) -> StreamingResponse:
    """The same list as a table for a spreadsheet, without limit."""
    headers = {"content-disposition": 'attachment; filename="inspections.csv"'}
    lines = inspections_csv(services, found.id, wanted)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def of_project(inspection_id: str, found: AnybodysProjectDep, db: ReadDb) -> InspectionRow:
    """An inspection of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, InspectionRow, inspection_id, found, "inspection")


InspectionDep = Annotated[InspectionRow, Depends(of_project)]


@router.get("/{inspection_id}")
def inspection(found: InspectionDep, db: ReadDb) -> InspectionOut:
    """One inspection with everything the model said."""
    return InspectionOut.of(found, db.get_one(ModelRow, found.model_id).number)


@router.get("/{inspection_id}/picture", response_class=Response, responses=PICTURE)
def picture(
    found: InspectionDep,
    db: ReadDb,
    services: ServicesDep,
    request: Request,
    kind: Literal["captured", "heat", "aligned", "aligned_heat"] = "captured",
    size: Shown = "whole",
) -> Response:
    """The picture as it was sent, its heat, or either laid over the reference.

    ``size`` is for the picture as it was sent: ``screen`` is made smaller to 1600 pixels where a
    side has more than 2000, and says by ``X-Picture-Size`` what the tiles hold.
    """
    _check_there(found)
    data = services.blobs.get(found.image_sha256)
    if kind == "captured":
        return shown(request, found.image_sha256, data, "picture", size)
    model = db.get_one(ModelRow, found.model_id)
    return drawn(request, model.bundle_sha256, found.image_sha256, data, "picture", kind)


@router.get("/{inspection_id}/tiles/{level}/{x}/{y}", response_class=Response, responses=JPEG)
def tile_of(
    level: int, x: int, y: int, found: InspectionDep, services: ServicesDep, request: Request
) -> Response:
    """A JPEG of 512 pixels of the picture as it was sent; level 0 is the original."""
    _check_there(found)
    sha256 = found.image_sha256
    return cut_tile(request, sha256, lambda: services.blobs.get(sha256), (level, x, y))


def _check_there(found: InspectionRow) -> None:
    if found.image_gone:
        raise ProblemError(
            404, "image_gone", "This picture was removed when its time was over. Its figures stay."
        )


@router.put("/{inspection_id}/review")
def review(
    body: ReviewIn, found: InspectionDep, caller: Reviewer, services: ServicesDep
) -> InspectionOut:
    """Confirm or overrule."""
    with services.database.write() as db:
        row = db.get_one(InspectionRow, found.id, with_for_update=True)
        inspections.review(db, caller.user, row, body.decision, body.reason, first=body.first)
        return InspectionOut.of(row, db.get_one(ModelRow, row.model_id).number)


@router.delete("/{inspection_id}/review")
def withdraw(found: InspectionDep, caller: Reviewer, services: ServicesDep) -> InspectionOut:
    """Take a review back; the inspection waits again."""
    with services.database.write() as db:
        row = db.get_one(InspectionRow, found.id, with_for_update=True)
        inspections.withdraw(db, caller.user, row)
        return InspectionOut.of(row, db.get_one(ModelRow, row.model_id).number)


@router.post("/{inspection_id}/learn", status_code=201)
def learn(found: InspectionDep, caller: Labeller, services: ServicesDep) -> ImageOut:
    """Add a false alarm to the project's good images, once."""
    inspections.check_learnable(found)
    data = services.blobs.get(found.image_sha256)
    height, width = decode_image(data, "picture").shape[:2]
    name = f"{found.part_id or 'inspection'}-{found.id[:8]}{_suffix(data)}"
    services.blobs.put(data)  # counts as put now: no sweep removes it before the row is there
    with services.database.write() as db:
        user = db.get_one(User, caller.user.id)
        row = db.get_one(InspectionRow, found.id, with_for_update=True)
        image = inspections.learn(db, user, row, (width, height), len(data), name)
        return image_out(db, image)


def _suffix(data: bytes) -> str:
    kinds = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"BM": ".bmp"}
    return next((end for magic, end in kinds.items() if data.startswith(magic)), ".tif")
