"""Help while drawing: smart outlines, a look at the alignment, split regions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from offspec.alignment_preview import preview_alignment
from offspec.images import decode_image
from offspec.server.api import api_router
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.inspectors import Inspectors
from offspec.server.pyramids import Pyramids
from offspec.server.routes.images import ImageDep
from offspec.server.schemas_labelling import (
    AlignmentIn,
    AlignmentOut,
    OutlineIn,
    Outlines,
    SplitIn,
)
from offspec.smart_outline import nearest_outlines, outline_click, outline_stroke
from offspec.store import inspections
from offspec.store.models import Image, ModelRow
from offspec.template import Template, split_template
from offspec.types import PointsXY

router = api_router("labelling", "/projects/{project_id}")
Labeller = Annotated[Caller, Depends(with_role("engineer", "quality", "operator"))]
REACH = 0.05  # of the longer side: how far a model's defect may lie from the points


@router.post("/images/{image_id}/outline")
def outline(
    body: OutlineIn,
    found: ImageDep,
    project: ProjectDep,
    _caller: Labeller,
    services: ServicesDep,
    request: Request,
    db: ReadDb,
) -> Outlines:
    """Outlines of what the points show; nothing is kept."""
    points = [(x, y) for x, y in body.points]
    if body.mode == "model":
        if body.model_id is None:
            bundle = inspections.approved_model(db, project.id).bundle_sha256
        else:
            bundle = owned(db, ModelRow, body.model_id, project, "model").bundle_sha256
        reach = body.size_px or REACH * max(found.width, found.height)
        drawn = nearest_outlines(_drawn(request, services, bundle, found), points, reach)
    else:
        kept: Pyramids = request.app.state.pyramids
        image = kept.get(found.sha256, lambda: services.blobs.get(found.sha256))[0]
        if body.mode == "stroke":
            drawn = outline_stroke(image, points, body.size_px)
        else:
            drawn = outline_click(image, points[-1], body.size_px)
    return Outlines(outlines=[[[x, y] for x, y in one] for one in drawn])


def _drawn(
    request: Request, services: ServicesDep, bundle_sha256: str, image: Image
) -> list[PointsXY]:
    """Every outline that a model draws on an image."""
    inspectors: Inspectors = request.app.state.inspectors
    data = services.blobs.get(image.sha256)
    found = inspectors.inspect(bundle_sha256, data, image.name)
    return [
        tuple((x, y) for x, y in defect["polygon"])
        for region in found["regions"]
        for defect in region["defects"]
    ]


@router.post("/alignment")
def alignment(
    body: AlignmentIn, found: ProjectDep, _caller: Labeller, services: ServicesDep, db: ReadDb
) -> AlignmentOut:
    """Lay an image over a reference by a template that need not be saved; nothing is kept."""
    template = Template.from_dict(body.template)
    image = owned(db, Image, body.image_id, found, "image")
    reference = owned(db, Image, body.reference_id, found, "reference")
    pixels = [decode_image(services.blobs.get(one.sha256), one.name) for one in (image, reference)]
    seen = preview_alignment(pixels[0], pixels[1], template)
    laid = seen.alignment
    return AlignmentOut(
        outcome=seen.outcome,
        valid=seen.reason is None,
        reason=seen.reason,
        method="none" if laid is None else laid.method,
        matrix=None if laid is None else laid.matrix.tolist(),
        shift_xy=[0.0, 0.0] if laid is None else list(laid.shift_xy),
        rotation_deg=0.0 if laid is None else laid.rotation_deg,
        scale=1.0 if laid is None else laid.scale,
        score=0.0 if laid is None else laid.score,
        picture=seen.url(),
    )


@router.post("/split")
def split(body: SplitIn, _found: ProjectDep, _caller: Labeller) -> dict[str, Any]:
    """A template with a region cut into parts that keep the smallest defect visible."""
    return split_template(Template.from_dict(body.template), body.region_id).to_dict()
