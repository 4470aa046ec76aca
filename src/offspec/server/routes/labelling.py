"""Annotations, template and dataset versions of a project."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.problems import ProblemError
from offspec.server.routes.images import ImageDep
from offspec.server.schemas import (
    AnnotationIn,
    AnnotationOut,
    Counts,
    TemplateIn,
    TemplateOut,
    VersionIn,
    VersionOut,
)
from offspec.store import labelling
from offspec.store.models import Image, Project, VersionRow

router = APIRouter(prefix="/projects/{project_id}", tags=["labelling"])
Engineer = Annotated[Caller, Depends(with_role("engineer"))]
Labeller = Annotated[Caller, Depends(with_role("engineer", "quality", "operator"))]


@router.get("/images/{image_id}/annotation")
def annotation(found: ImageDep, db: ReadDb) -> AnnotationOut:
    """What is said of an image; revision 0 and no content where nobody has looked."""
    row = labelling.annotation_of(db, found)
    if row is None:
        return AnnotationOut(revision=0, content=None, label=None)
    return AnnotationOut.model_validate(row)


@router.put("/images/{image_id}/annotation")
def save(
    body: AnnotationIn, found: ImageDep, caller: Labeller, services: ServicesDep
) -> AnnotationOut:
    """Replace it; ``revision`` is the one that was loaded, so that no change is lost unseen."""
    with services.database.write() as db:
        mine = db.get_one(Image, found.id)
        row = labelling.save_annotation(db, caller.user, mine, body.content, body.revision)
        return AnnotationOut.model_validate(row)


@router.get("/labels")
def counts(found: ProjectDep, db: ReadDb) -> Counts:
    """How many images are good, bad, and not judged."""
    return Counts.model_validate(labelling.label_counts(db, found.id))


@router.get("/template")
def template(found: ProjectDep, db: ReadDb) -> TemplateOut:
    """The latest template."""
    row = labelling.current_template(db, found.id)
    if row is None:
        raise ProblemError(404, "not_found", "No template was drawn yet. Draw one.")
    return TemplateOut.model_validate(row)


@router.put("/template")
def save_template(
    body: TemplateIn, found: ProjectDep, caller: Engineer, services: ServicesDep
) -> TemplateOut:
    """Save a template as a new version."""
    with services.database.write() as db:
        reference = owned(db, Image, body.reference_id, found, "reference")
        mine = db.get_one(Project, found.id)
        row = labelling.save_template(db, caller.user, mine, reference, body.content)
        return TemplateOut.model_validate(row)


@router.get("/versions")
def versions(found: ProjectDep, db: ReadDb) -> list[VersionOut]:
    """Dataset versions, the latest first."""
    return [_version(row) for row in labelling.versions_of(db, found.id)]


@router.post("/versions", status_code=201)
def create_version(
    body: VersionIn, found: ProjectDep, caller: Engineer, services: ServicesDep
) -> VersionOut:
    """Freeze what is labelled now as an immutable dataset version."""
    with services.database.write() as db:
        mine = db.get_one(Project, found.id)
        return _version(labelling.create_version(db, caller.user, mine, body.note, body.seed))


@router.get("/versions/{version_id}/files")
def files(
    version_id: str,
    found: ProjectDep,
    db: ReadDb,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """Files of a dataset version with hashes, labels and splits."""
    row = owned(db, VersionRow, version_id, found, "dataset version")
    listed: list[dict[str, Any]] = row.content["files"]
    return listed[start : start + limit]


def _version(row: VersionRow) -> VersionOut:
    files_ = row.content["files"]
    return VersionOut(
        id=row.id,
        fingerprint=row.fingerprint,
        note=row.note,
        seed=row.content["seed"],
        normals=sum(f["split"] == "train" for f in files_),
        test_good=sum(f["split"] == "test" and f["label"] == "ok" for f in files_),
        test_bad=sum(f["split"] == "test" and f["label"] == "ng" for f in files_),
        created_s=row.created_s,
        created_by=row.created_by,
    )
