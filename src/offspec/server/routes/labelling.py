"""Annotations, template and dataset versions of a project."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy.orm import Session as Db

from offspec.server.answers import image_outs
from offspec.server.api import api_router
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.problems import ProblemError
from offspec.server.routes.images import ImageDep
from offspec.server.schemas import (
    AnnotationIn,
    AnnotationOut,
    Counts,
    ImageOut,
    TemplateIn,
    TemplateOut,
    VersionIn,
    VersionOut,
)
from offspec.server.schemas_labelling import DecisionsIn, LabelsIn
from offspec.store import bulk, labelling
from offspec.store.images import images_of, seen
from offspec.store.models import Image, Project, VersionRow

router = api_router("labelling", "/projects/{project_id}")
Engineer = Annotated[Caller, Depends(with_role("engineer"))]
Decider = Annotated[Caller, Depends(with_role("engineer", "quality"))]
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


@router.put("/labels")
def set_labels(
    body: LabelsIn, found: ProjectDep, caller: Labeller, services: ServicesDep
) -> Counts:
    """Judge many images at once, or take that back; all or nothing."""
    with services.database.write() as db:
        images = _images(db, found, body.image_ids)
        bulk.set_labels(db, caller.user, found.id, images, body.verdict)
        return Counts.model_validate(labelling.label_counts(db, found.id))


@router.put("/decisions")
def set_decisions(
    body: DecisionsIn, found: ProjectDep, caller: Decider, services: ServicesDep
) -> list[ImageOut]:
    """Leave images out of dataset versions, or keep them although the check found them odd."""
    with services.database.write() as db:
        images = _images(db, found, body.image_ids)
        bulk.set_decisions(db, caller.user, found.id, images, body.decision, body.why)
        return image_outs(seen(db, images))


def _images(db: Db, project: Project, ids: list[str]) -> list[Image]:
    """Rows of this project; one of another project does not exist."""
    found = images_of(db, project.id, ids)
    missing = len(set(ids)) - len(found)
    if missing:
        raise ProblemError(
            404, "not_found", f"{missing} of these images are not in this project. Load again."
        )
    return found


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
