"""From a picture that a line sent to an inspection that is kept.

While a process looks at the picture, this one writes it to disk and looks whether the request is
known, so that the line waits for the longer of the two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from offspec.errors import StateError
from offspec.server.inspectors import Inspectors
from offspec.server.services import Services
from offspec.store import inspections
from offspec.store.blobs import Staged
from offspec.store.models import InspectionRow, ModelRow


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture and what the line says of it.

    Attributes:
        key: Of the sender; the same again gives the same inspection.
    """

    picture: bytes
    part_id: str | None = None
    line: str | None = None
    key: str | None = None


def take_in(
    services: Services, inspectors: Inspectors, model: inspections.InUse, asked: Asked
) -> tuple[InspectionRow, int]:
    """Inspect a picture and keep both, or neither; a request that is known gives what it gave.

    Returns:
        The inspection and the number of its model.

    Raises:
        BusyError: Too many wait.
        StateError: The key is of another picture.
        OffspecError: It is no picture, or does not fit the model.
    """
    work = _Work(services, model.project_id, asked)
    try:
        content = inspectors.inspect(model.bundle_sha256, asked.picture, "picture", work.meanwhile)
        row = work.enter(model, content) if work.before is None else work.before
        _refuse_other_picture(row, asked)
    except BaseException:
        work.drop()
        raise
    return row, model.number if row.model_id == model.id else _number(services, row)


def _refuse_other_picture(row: InspectionRow, asked: Asked) -> None:
    """A key given twice must not pass a part by the verdict on another."""
    if asked.key is None or row.image_sha256 == hashlib.sha256(asked.picture).hexdigest():
        return
    raise StateError(
        f"Idempotency-Key '{asked.key}' was sent before with another picture. A key stands for one "
        "picture. Send this one with a key of its own."
    )


def _number(services: Services, row: InspectionRow) -> int:
    with services.database.read() as db:
        return db.get_one(ModelRow, row.model_id).number


class _Work:
    """What is done for one picture beside looking at it."""

    def __init__(self, services: Services, project_id: str, asked: Asked) -> None:
        self._services, self._project_id, self._asked = services, project_id, asked
        self._staged: Staged | None = None
        self.before: InspectionRow | None = None

    def meanwhile(self) -> None:
        """Bring the picture to disk, and look whether the request is known."""
        self.before = self._known()
        if self.before is None:
            self._staged = self._services.blobs.stage(self._asked.picture)

    def enter(self, model: inspections.InUse, content: dict[str, Any]) -> InspectionRow:
        """Keep picture and inspection."""
        staged = self._staged
        assert staged is not None  # noqa: S101 - ``meanwhile`` has run
        staged.keep()  # before the row, which must never name what is not there
        self._staged = None
        said = {"part_id": self._asked.part_id, "line": self._asked.line}
        try:
            with self._services.database.write(notable=False) as db:
                return inspections.add_inspection(
                    db, model, staged.sha256, content, request_key=self._asked.key, **said
                )
        except IntegrityError:  # sent twice at the same time, and the other was quicker
            known = self._known()
            if known is None:
                raise
            return known

    def drop(self) -> None:
        """Nothing is kept."""
        if self._staged is not None:
            self._staged.drop()

    def _known(self) -> InspectionRow | None:
        if self._asked.key is None:
            return None
        with self._services.database.read() as db:
            return inspections.known_request(db, self._project_id, self._asked.key)
