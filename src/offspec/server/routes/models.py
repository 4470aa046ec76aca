"""Models: what they are, what they see, who took them into use and who signed for them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from offspec.bundle.read import reference_png
from offspec.server.api import api_router
from offspec.server.deps import (
    Caller,
    PersonDep,
    ProjectDep,
    ReadDb,
    ServicesDep,
    owned,
    with_role,
)
from offspec.server.hand_set import set_by_hand
from offspec.server.inspectors import Inspectors
from offspec.server.picture_cache import PictureCache
from offspec.server.routes.images import ImageDep
from offspec.server.routes.pictures import JPEG, PICTURE, Shown, cut_tile, drawn, shown
from offspec.server.schemas_models import (
    ApproveIn,
    ModelOut,
    SignOffIn,
    SignOffOut,
    ThresholdsIn,
)
from offspec.store import accounts, registry
from offspec.store.models import JobRow, ModelRow, User, VersionRow

router = api_router("models", "/projects/{project_id}/models")
Engineer = Annotated[Caller, Depends(with_role("engineer"))]
Quality = Annotated[Caller, Depends(with_role("quality"))]


@router.get("")
def models(found: ProjectDep, db: ReadDb) -> list[ModelOut]:
    """The latest first."""
    return [ModelOut.of(row) for row in registry.models_of(db, found.id)]


def of_project(model_id: str, found: ProjectDep, db: ReadDb) -> ModelRow:
    """A model of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, ModelRow, model_id, found, "model")


ModelDep = Annotated[ModelRow, Depends(of_project)]


@router.get("/{model_id}")
def model(found: ModelDep) -> ModelOut:
    """One model."""
    return ModelOut.of(found)


@router.get("/{model_id}/bundle", response_class=Response)
def bundle(found: ModelDep, services: ServicesDep) -> Response:
    """The bundle file."""
    name = f"attachment; filename={found.bundle_sha256[:12]}.offspec"
    data = services.blobs.get(found.bundle_sha256)
    return Response(
        data, media_type="application/octet-stream", headers={"content-disposition": name}
    )


@router.get("/{model_id}/reference", response_class=Response, responses=PICTURE)
def reference(
    found: ModelDep, services: ServicesDep, request: Request, size: Shown = "whole"
) -> Response:
    """The picture that its regions are drawn on; ``size`` as for an inspection's picture."""
    data = reference_png(services.blobs.get(found.bundle_sha256))
    return shown(request, found.bundle_sha256, data, "reference", size)


@router.get("/{model_id}/reference/tiles/{level}/{x}/{y}", response_class=Response, responses=JPEG)
def reference_tile(
    level: int, x: int, y: int, found: ModelDep, services: ServicesDep, request: Request
) -> Response:
    """A JPEG of 512 pixels of that picture; level 0 is the original."""
    sha256 = found.bundle_sha256
    return cut_tile(
        request, sha256, lambda: reference_png(services.blobs.get(sha256)), (level, x, y)
    )


@router.get("/{model_id}/images/{image_id}/inspection")
def inspection(
    found: ModelDep, image: ImageDep, services: ServicesDep, request: Request
) -> dict[str, Any]:
    """What the model says of an image of the project; nothing is kept of it."""
    inspectors: Inspectors = request.app.state.inspectors
    cache: PictureCache = request.app.state.pictures

    def make() -> bytes:
        data = services.blobs.get(image.sha256)
        return json.dumps(inspectors.inspect(found.bundle_sha256, data, image.name)).encode()

    key = ("inspection", found.bundle_sha256, image.sha256)
    content: dict[str, Any] = json.loads(cache.get(key, make))
    return content


@router.get("/{model_id}/images/{image_id}/heat", response_class=Response, responses=PICTURE)
def heat(found: ModelDep, image: ImageDep, services: ServicesDep, request: Request) -> Response:
    """Its heat as a transparent PNG over the image, the longer side at most 1600 pixels."""
    data = services.blobs.get(image.sha256)
    return drawn(request, found.bundle_sha256, image.sha256, data, image.name, "heat")


@router.post("/{model_id}/thresholds", status_code=201)
def thresholds(
    body: ThresholdsIn, found: ModelDep, project: ProjectDep, caller: Engineer,
    services: ServicesDep, db: ReadDb,
) -> ModelOut:  # fmt: skip
    """A new model with decision points set by hand; this one stays as it is."""
    version = None
    if body.version_id is not None:
        version = owned(db, VersionRow, body.version_id, project, "dataset version")
    made = set_by_hand(
        services, found, version, (body.t_review, body.t_ng), caller.user.name, body.why
    )
    with services.database.write() as own:
        user, parent = own.get_one(User, caller.user.id), own.get_one(ModelRow, found.id)
        row = registry.add_changed(own, user, parent, made.sha256, made.summary, body.why)
        return ModelOut.of(row)


@router.post("/{model_id}/approve")
def approve(
    found: ModelDep, project: ProjectDep, caller: Engineer, services: ServicesDep,
    request: Request,
    body: ApproveIn | None = None,
) -> ModelOut:  # fmt: skip
    """Use this model from now on; approving an earlier one rolls back."""
    said = ApproveIn() if body is None else body
    inspectors: Inspectors = request.app.state.inspectors
    inspectors.prepare(found.bundle_sha256)  # the line does not wait for the change
    with services.database.write() as db:
        mine = db.get_one(ModelRow, found.id)
        comparison = None
        if said.comparison_job_id is not None:
            comparison = owned(db, JobRow, said.comparison_job_id, project, "job", "job_not_found")
        registry.approve(db, caller.user, mine, said.why, comparison)
        return ModelOut.of(mine)


@router.get("/{model_id}/sign-offs")
def sign_offs(found: ModelDep, db: ReadDb) -> list[SignOffOut]:
    """Signatures under this model, the first first."""
    return [SignOffOut.model_validate(row) for row in registry.signatures_of(db, found)]


@router.post("/{model_id}/sign-offs", status_code=201)
def sign(
    body: SignOffIn, found: ModelDep, project: ProjectDep, caller: Quality,
    _person: PersonDep, services: ServicesDep, request: Request,
) -> SignOffOut:  # fmt: skip
    """Sign for this model, and for a report on it; the password is asked once more."""
    address = request.client.host if request.client else "unknown"
    with services.database.write() as db:
        user = db.get_one(User, caller.user.id)
        refused = accounts.confirm(db, user, body.password, address)
        if refused is None:
            report = None
            if body.report_job_id is not None:
                report = owned(db, JobRow, body.report_job_id, project, "job", "job_not_found")
            mine = db.get_one(ModelRow, found.id)
            return SignOffOut.model_validate(registry.sign(db, user, mine, body.meaning, report))
    raise refused
