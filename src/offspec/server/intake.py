"""From a picture that a line sent to an inspection that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from offspec.server.inspectors import Inspectors
from offspec.server.services import Services
from offspec.store import inspections
from offspec.store.blobs import Staged
from offspec.store.models import InspectionRow


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture and what the line says of it.

    Attributes:
        key: Of the sender; the same again gives the same inspection.
    """

    project_id: str
    picture: bytes
    part_id: str | None = None
    line: str | None = None
    key: str | None = None


def take_in(services: Services, inspectors: Inspectors, asked: Asked) -> InspectionRow:
    """Inspect a picture with the approved model and keep both, or neither.

    Raises:
        StateError: No model is approved.
        BusyError: Too many wait.
        OffspecError: It is no picture, or does not fit the model.
    """
    with services.database.read() as db:
        before = inspections.known_request(db, asked.project_id, asked.key)
        if before is not None:
            return before
        model = inspections.approved_model(db, asked.project_id)
    content, staged = _inspected(services, inspectors, model.bundle_sha256, asked.picture)
    staged.keep()  # before the row, which must never name what is not there
    try:
        return _enter(services, asked, model, staged.sha256, content)
    except IntegrityError:  # sent twice at the same time, and the other was quicker
        return _enter(services, asked, model, staged.sha256, content)


def _enter(
    services: Services, asked: Asked, model: inspections.InUse, sha256: str, content: dict[str, Any]
) -> InspectionRow:
    with services.database.write() as db:
        row = inspections.known_request(db, asked.project_id, asked.key)
        if row is not None:
            return row
        return inspections.add_inspection(
            db, model, sha256, content,
            part_id=asked.part_id, line=asked.line, request_key=asked.key,
        )  # fmt: skip


def _inspected(
    services: Services, inspectors: Inspectors, bundle_sha256: str, picture: bytes
) -> tuple[dict[str, Any], Staged]:
    """What the model says, and the picture on disk: it is written while it is looked at."""
    staged: list[Staged] = []
    try:
        content = inspectors.inspect(
            bundle_sha256, picture, "picture", lambda: staged.append(services.blobs.stage(picture))
        )
    except BaseException:
        for one in staged:
            one.drop()
        raise
    return content, staged[0]
