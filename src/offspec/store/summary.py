"""A project in numbers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session as Db

from offspec.store.job_queue import OPEN
from offspec.store.labelling import label_counts
from offspec.store.models import Image, InspectionRow, JobRow, ModelRow, TemplateRow, VersionRow


def summary(db: Db, project_id: str) -> dict[str, Any]:
    """Counts, and which model is in use."""

    def count(table: Any, *conditions: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(table.project_id == project_id)
        return db.scalar(query.where(*conditions)) or 0

    labels = label_counts(db, project_id)
    newest = select(func.max(TemplateRow.version)).where(TemplateRow.project_id == project_id)
    approved = db.execute(
        select(ModelRow.id, ModelRow.number).where(
            ModelRow.project_id == project_id, ModelRow.approved.is_(True)
        )
    ).first()
    stopped = InspectionRow.verdict.in_(("ng", "review"))
    return {
        "images": sum(labels.values()),
        **labels,
        "left_out": count(Image, Image.decision == "leave_out"),
        "template_version": db.scalar(newest),
        "versions": count(VersionRow),
        "models": count(ModelRow),
        "approved": None if approved is None else {"id": approved[0], "number": approved[1]},
        "jobs_open": count(JobRow, JobRow.state.in_(OPEN)),
        "inspections": count(InspectionRow),
        "queue": count(InspectionRow, stopped, InspectionRow.review.is_(None)),
    }
