"""Models of a project: entered, taken into use, signed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Db

from offspec.errors import StateError
from offspec.store import audit
from offspec.store.models import JobRow, ModelRow, SignOff, User


def add_model(
    db: Db,
    job: JobRow,
    bundle_sha256: str,
    summary: Mapping[str, Any],
    *,
    parent: ModelRow | None = None,
    note: str = "",
) -> ModelRow:
    """Enter what a job made; with a parent it is that model with other decision points."""
    source = job.params if parent is None else _origin(parent)
    row = ModelRow(
        project_id=job.project_id,
        version_id=source["version_id"],
        template_id=source.get("template_id"),
        job_id=job.id,
        settings=source.get("settings", {}),
        created_by=job.created_by,
    )
    return _enter(db, row, bundle_sha256, summary, parent, note)


def add_changed(
    db: Db, user: User, parent: ModelRow, bundle_sha256: str, summary: Mapping[str, Any], note: str
) -> ModelRow:
    """Enter a model whose decision points a person set."""
    row = ModelRow(
        project_id=parent.project_id,
        job_id=parent.job_id,
        created_by=user.name,
        **_origin(parent),
    )
    return _enter(db, row, bundle_sha256, summary, parent, note)


def _origin(model: ModelRow) -> dict[str, Any]:
    """What a model was fitted from."""
    return {
        "version_id": model.version_id,
        "template_id": model.template_id,
        "settings": model.settings,
    }


def _enter(
    db: Db,
    row: ModelRow,
    bundle_sha256: str,
    summary: Mapping[str, Any],
    parent: ModelRow | None,
    note: str,
) -> ModelRow:
    audit.take_turn(db)  # or two would take the same number
    row.number = next_number(db, row.project_id)
    row.parent_id = None if parent is None else parent.id
    row.bundle_sha256, row.summary, row.note = bundle_sha256, dict(summary), note[:400]
    db.add(row)
    db.flush()
    new = {
        "number": row.number,
        "bundle_sha256": bundle_sha256,
        "version": row.version_id,
        "parent": row.parent_id,
        "note": row.note,
    }
    audit.append(db, row.created_by, "model.create", "model", row.id, new=new)
    return row


def next_number(db: Db, project_id: str) -> int:
    """Of the next model of a project."""
    query = select(func.max(ModelRow.number)).where(ModelRow.project_id == project_id)
    return 1 + (db.scalar(query) or 0)


def models_of(db: Db, project_id: str) -> Sequence[ModelRow]:
    """Models of a project, the latest first."""
    query = select(ModelRow).where(ModelRow.project_id == project_id)
    return db.scalars(query.order_by(ModelRow.number.desc())).all()


def approve(
    db: Db, user: User, model: ModelRow, why: str = "", comparison: JobRow | None = None
) -> None:
    """Use this model from now on; the one before stays, to roll back to.

    Raises:
        StateError: The comparison is not one of this model that is done.
    """
    if comparison is not None:
        check_about(comparison, model, "compare")
    audit.take_turn(db)  # or two at the same time would both be in use
    db.refresh(model)
    query = select(ModelRow).where(
        ModelRow.project_id == model.project_id, ModelRow.approved.is_(True)
    )
    before = db.scalars(query).first()
    if before is not None and before.id == model.id:
        return
    if before is not None:
        before.approved = False
        db.flush()
    model.approved = True
    old = None if before is None else {"model": before.id, "number": before.number}
    new = {
        "model": model.id,
        "number": model.number,
        "bundle_sha256": model.bundle_sha256,
        "why": why,
        "comparison": None if comparison is None else comparison.id,
    }
    audit.append(db, user.name, "model.approve", "project", model.project_id, old=old, new=new)


def check_about(job: JobRow, model: ModelRow, kind: str) -> None:
    """Refuse a job as evidence that is not done, of another kind or about another model.

    Raises:
        StateError: It is.
    """
    about = job.params.get("model_id")
    if kind == "calibrate" and job.result is not None:
        about = job.result.get("model_id")
    if job.kind != kind or job.state != "done" or about not in (model.id, None):
        raise StateError(
            f"Job {job.id} is a {job.kind} that is {job.state}, about "
            f"{'this' if about == model.id else 'another'} model. Needed is a {kind} of model "
            f"{model.number} that is done. Name another job."
        )


def sign(db: Db, user: User, model: ModelRow, meaning: str, report: JobRow | None) -> SignOff:
    """Sign for a model's bytes, and for a report's where one is named.

    Raises:
        StateError: The report is not one of this model that is done.
    """
    report_sha256 = None
    if report is not None:
        check_about(report, model, "report")
        report_sha256 = (report.result or {})["files"]["report.pdf"]
    row = SignOff(
        project_id=model.project_id,
        model_id=model.id,
        bundle_sha256=model.bundle_sha256,
        report_sha256=report_sha256,
        meaning=meaning,
        signed_by=user.name,
    )
    db.add(row)
    db.flush()
    new = {
        "bundle_sha256": model.bundle_sha256,
        "report_sha256": report_sha256,
        "meaning": meaning,
    }
    audit.append(db, user.name, "model.sign", "model", model.id, new=new)
    return row


def signatures_of(db: Db, model: ModelRow) -> Sequence[SignOff]:
    """Under a model, the first first."""
    query = select(SignOff).where(SignOff.model_id == model.id)
    return db.scalars(query.order_by(SignOff.created_s, SignOff.id)).all()
