"""Long work, and the models that come of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from offspec.options import parse_options
from offspec.run_config import RunConfig
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.problems import ProblemError
from offspec.server.schemas import JobIn, JobOut, ModelOut
from offspec.store import job_queue
from offspec.store.models import JobRow, ModelRow, TemplateRow, VersionRow

router = APIRouter(prefix="/projects/{project_id}", tags=["jobs"])
Engineer = Annotated[Caller, Depends(with_role("engineer"))]


@router.get("/jobs")
def jobs(found: ProjectDep, db: ReadDb) -> list[JobOut]:
    """The latest first."""
    return [JobOut.model_validate(row) for row in job_queue.jobs_of(db, found.id)]


@router.post("/jobs", status_code=202)
def submit(body: JobIn, found: ProjectDep, caller: Engineer, services: ServicesDep) -> JobOut:
    """Put long work into the queue."""
    if body.kind == "fit":
        parse_options(RunConfig, body.settings, "the settings")
    if body.kind == "evaluate" and body.model_id is None:
        raise ProblemError(400, "option", "An evaluation needs a model. Name model_id.")
    with services.database.write() as db:
        owned(db, VersionRow, body.version_id, found, "dataset version")
        if body.template_id is not None:
            owned(db, TemplateRow, body.template_id, found, "template")
        if body.model_id is not None:
            owned(db, ModelRow, body.model_id, found, "model")
        params = body.model_dump(exclude={"kind"}, exclude_none=True)
        job = job_queue.submit(db, caller.user, found.id, body.kind, params)
        return JobOut.model_validate(job)


def of_project(job_id: str, found: ProjectDep, db: ReadDb) -> JobRow:
    """A job of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, JobRow, job_id, found, "job", "job_not_found")


JobDep = Annotated[JobRow, Depends(of_project)]


@router.get("/jobs/{job_id}")
def job(found: JobDep) -> JobOut:
    """How far it is, and what came of it."""
    return JobOut.model_validate(found)


@router.delete("/jobs/{job_id}", status_code=202)
def cancel(found: JobDep, caller: Engineer, services: ServicesDep) -> JobOut:
    """Ask it to stop."""
    with services.database.write() as db:
        mine = db.get_one(JobRow, found.id)
        job_queue.cancel(db, caller.user, mine)
        return JobOut.model_validate(mine)


@router.get("/models")
def models(found: ProjectDep, db: ReadDb) -> list[ModelOut]:
    """The latest first."""
    return [ModelOut.model_validate(row) for row in job_queue.models_of(db, found.id)]


def model_of_project(model_id: str, found: ProjectDep, db: ReadDb) -> ModelRow:
    """A model of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, ModelRow, model_id, found, "model")


ModelDep = Annotated[ModelRow, Depends(model_of_project)]


@router.get("/models/{model_id}/bundle")
def bundle(found: ModelDep, services: ServicesDep) -> Response:
    """The bundle file."""
    name = f"attachment; filename={found.bundle_sha256[:12]}.offspec"
    data = services.blobs.get(found.bundle_sha256)
    return Response(
        data, media_type="application/octet-stream", headers={"content-disposition": name}
    )


@router.post("/models/{model_id}/approve")
def approve(found: ModelDep, caller: Engineer, services: ServicesDep, request: Request) -> ModelOut:
    """Use this model from now on; approving an earlier one rolls back."""
    request.app.state.inspectors.prepare(found.bundle_sha256)
    with services.database.write() as db:
        mine = db.get_one(ModelRow, found.id)
        job_queue.approve(db, caller.user, mine)
        return ModelOut.model_validate(mine)
