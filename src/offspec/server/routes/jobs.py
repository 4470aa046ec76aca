"""Long work: submitted, watched, cancelled, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session as Db

from offspec.jobs.kinds import KINDS, PARTS, ReportSettings, check_objects, check_request
from offspec.options import Options
from offspec.problem import statement_of
from offspec.server.api import api_router
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.problems import ProblemError
from offspec.server.schemas_models import JobIn, JobLog, JobOut
from offspec.store import job_queue, registry
from offspec.store.models import JobRow, ModelRow, Project, TemplateRow, VersionRow

router = api_router("jobs", "/projects/{project_id}")
Worker = Annotated[Caller, Depends(with_role("engineer", "quality"))]
_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in _TYPES.values()}, "description": "The file."}
}


@router.get("/jobs")
def jobs(found: ProjectDep, db: ReadDb) -> list[JobOut]:
    """The latest first; of their results only plain values and files."""
    return [JobOut.brief(row) for row in job_queue.jobs_of(db, found.id)]


@router.post("/jobs", status_code=202)
def submit(body: JobIn, found: ProjectDep, caller: Worker, services: ServicesDep) -> JobOut:
    """Put long work into the queue.

    fit {version_id, template_id?}; check {version_id, template_id?}; evaluate, calibrate, pod
    {version_id, model_id}; compare {version_id, model_id, other_model_id}; msa {settings, or
    version_id and model_id}; report {model_id, version_id?}.
    """
    may(caller, body.kind)
    given = body.model_dump(exclude={"kind", "settings"}, exclude_none=True)
    problem = statement_of(found.problem)
    answers = None if problem is None else problem.answers
    settings = check_request(body.kind, given, body.settings, answers)
    with services.database.write() as db:
        version, model = _named(db, found, body)
        files = None if version is None else version.content["files"]
        check_objects(settings, body.kind, files, None if model is None else model.summary)
        _check_parts(db, found, model, settings)
        params = {**given, "settings": body.settings}
        job = job_queue.submit(db, caller.user, found.id, body.kind, params)
        return JobOut.model_validate(job)


def _named(db: Db, project: Project, body: JobIn) -> tuple[VersionRow | None, ModelRow | None]:
    """Dataset version and model of a job; everything that it names is the project's.

    Raises:
        ProblemError: 404.
    """
    version = model = None
    if body.version_id is not None:
        version = owned(db, VersionRow, body.version_id, project, "dataset version")
    if body.template_id is not None:
        owned(db, TemplateRow, body.template_id, project, "template")
    if body.other_model_id is not None:
        owned(db, ModelRow, body.other_model_id, project, "model")
    if body.model_id is not None:
        model = owned(db, ModelRow, body.model_id, project, "model")
    return version, model


def may(caller: Caller, kind: str) -> None:
    """Refuse what only engineers may ask for.

    Raises:
        ProblemError: 403.
    """
    if caller.user.role == "quality" and not KINDS[kind].by_quality:
        raise ProblemError(403, "not_allowed", f"A {kind} needs the role engineer or admin.")


def _check_parts(db: Db, project: Project, model: ModelRow | None, settings: Options) -> None:
    """Jobs that a report joins are done, of the right kind and about its model."""
    if not isinstance(settings, ReportSettings) or model is None:
        return
    for name, id_ in settings.parts.items():
        job = owned(db, JobRow, id_, project, "job", "job_not_found")
        registry.check_about(job, model, PARTS[name])


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


@router.get("/jobs/{job_id}/log")
def log(found: JobDep, db: ReadDb) -> JobLog:
    """What it said while it worked: steps begun, figures of the end, errors."""
    return JobLog.model_validate({"lines": job_queue.lines_of(db, found.id)})


@router.get("/jobs/{job_id}/files/{name}", response_class=StreamingResponse, responses=FILE)
def file(name: str, found: JobDep, services: ServicesDep) -> StreamingResponse:
    """A file that it made, as a download."""
    files = (found.result or {}).get("files", {})
    if name not in files:
        raise ProblemError(404, "not_found", "This job has no such file. Its result names them.")
    media_type = _TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    parts = services.blobs.chunks(files[name])
    return StreamingResponse(parts, media_type=media_type, headers=headers)


@router.delete("/jobs/{job_id}", status_code=202)
def cancel(found: JobDep, caller: Worker, services: ServicesDep) -> JobOut:
    """Ask it to stop."""
    may(caller, found.kind)
    with services.database.write() as db:
        mine = db.get_one(JobRow, found.id)
        job_queue.cancel(db, caller.user, mine)
        return JobOut.model_validate(mine)
