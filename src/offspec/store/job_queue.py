"""The queue of long work: taken by one worker at a time, watched by heartbeats.

A job whose worker is gone fails with that reason; it is never begun again by itself, because half
of its work may have been seen.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session as Db

from offspec.errors import JobConflictError
from offspec.store import audit
from offspec.store.models import JobLine, JobRow, User

LINE_CHARS = 400
FIRST_LINES, LAST_LINES = 500, 1500
"""Of a long log these are kept; what fails is said at the end."""
LOST_AFTER_S = 15.0  # a worker beats every second
OPEN = ("queued", "running")


def submit(db: Db, user: User, project_id: str, kind: str, params: Mapping[str, Any]) -> JobRow:
    """Put a job into the queue."""
    job = JobRow(project_id=project_id, kind=kind, params=dict(params), created_by=user.name)
    db.add(job)
    db.flush()
    new = {"kind": kind, "params": dict(params)}
    audit.append(db, user.name, "job.submit", "job", job.id, new=new)
    return job


def claim(db: Db, worker: str) -> JobRow | None:
    """Take the oldest job that waits; None = none does."""
    query = select(JobRow).where(JobRow.state == "queued").order_by(JobRow.created_s).limit(1)
    job = db.scalars(query.with_for_update(skip_locked=True)).first()
    if job is None:
        return None
    job.state, job.worker, job.heartbeat_s = "running", worker, time.time()
    db.flush()
    return job


def beat(db: Db, job_id: str, worker: str, step: str, done: int, total: int) -> bool:
    """Say how far a job is; False = stop: it was cancelled, or is no longer this worker's."""
    found = db.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.worker == worker, JobRow.state == "running")
        .values(heartbeat_s=time.time(), step=step[:120], done=done, total=total)
        .returning(JobRow.cancel)
    ).first()
    return found is not None and not found[0]


def finish(
    db: Db,
    job_id: str,
    worker: str,
    state: Literal["done", "failed", "cancelled"],
    *,
    result: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> bool:
    """End a job; False = it was no longer this worker's, and nothing was changed."""
    job = db.get(JobRow, job_id, with_for_update=True)
    if job is None or job.worker != worker or job.state != "running":
        return False
    job.state, job.finished_s = state, time.time()
    job.result = None if result is None else dict(result)
    job.error = None if error is None else dict(error)
    db.flush()
    new = {"state": state, "error": job.error}
    audit.append(db, job.created_by, f"job.{state}", "job", job.id, new=new)
    return True


def cancel(db: Db, user: User, job: JobRow) -> None:
    """Ask a job to stop; one that waits ends at once.

    Raises:
        JobConflictError: It has ended.
    """
    if job.state not in OPEN:
        raise JobConflictError(
            f"Job {job.id} is {job.state}. Only a job that waits or runs can be cancelled."
        )
    if job.state == "queued":
        job.state, job.finished_s = "cancelled", time.time()
    job.cancel = True
    audit.append(db, user.name, "job.cancel", "job", job.id, new={"state": job.state})


def fail_lost(db: Db, now: float | None = None) -> list[str]:
    """End jobs whose worker has not been heard of; returns their ids."""
    limit = (time.time() if now is None else now) - LOST_AFTER_S
    query = select(JobRow).where(JobRow.state == "running", JobRow.heartbeat_s < limit)
    lost = db.scalars(query.with_for_update(skip_locked=True)).all()
    for job in lost:
        job.state, job.finished_s = "failed", time.time()
        job.error = {
            "code": "worker_lost",
            "message": "The process that worked on this was ended. Nothing of it was kept. Start "
            "it again.",
        }
        log(db, job.id, [(job.finished_s, job.error["message"])])
        audit.append(db, "offspec serve", "job.failed", "job", job.id, new={"error": job.error})
    return [job.id for job in lost]


def counts(db: Db) -> dict[str, int]:
    """Jobs of all projects by state."""
    query = select(JobRow.state, func.count()).group_by(JobRow.state)
    return {row[0]: row[1] for row in db.execute(query)}


def jobs_of(db: Db, project_id: str, limit: int = 100) -> Sequence[JobRow]:
    """Jobs of a project, the latest first."""
    query = select(JobRow).where(JobRow.project_id == project_id)
    return db.scalars(query.order_by(JobRow.created_s.desc()).limit(limit)).all()


def log(db: Db, job_id: str, lines: Sequence[tuple[float, str]]) -> None:
    """Add lines to a job's log; a long text takes several, and of a long log the middle goes."""
    if not lines:
        return
    seq = db.scalar(select(func.max(JobLine.seq)).where(JobLine.job_id == job_id)) or 0
    for time_s, text in lines:
        for start in range(0, max(1, len(text)), LINE_CHARS):
            seq += 1
            piece = text[start : start + LINE_CHARS]
            db.add(JobLine(job_id=job_id, seq=seq, time_s=time_s, text=piece))
    db.flush()
    middle = JobLine.seq > FIRST_LINES, JobLine.seq <= seq - LAST_LINES
    db.execute(delete(JobLine).where(JobLine.job_id == job_id, *middle))


def lines_of(db: Db, job_id: str) -> Sequence[JobLine]:
    """The log of a job, in order; where lines were left out, one says how many."""
    query = select(JobLine).where(JobLine.job_id == job_id).order_by(JobLine.seq)
    lines = list(db.scalars(query))
    left_out = lines[-1].seq - len(lines) if lines else 0
    if left_out:
        text = f"... {left_out} lines of this log were left out ..."
        gap = JobLine(job_id=job_id, seq=0, time_s=lines[FIRST_LINES - 1].time_s, text=text)
        lines.insert(FIRST_LINES, gap)
    return lines
