"""What a job works with and what comes of it: the common ground of all kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offspec.bundle import Bundle, read_bundle
from offspec.images import atomic_write
from offspec.jobs.kinds import KINDS
from offspec.jobs.materialise import write_drawn, write_version
from offspec.jobs.pulse import Pulse
from offspec.json_files import finite, json_bytes
from offspec.options import Options, parse_options
from offspec.problem import ProblemStatement, statement_of
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import Image, JobRow, ModelRow, Project, TemplateRow, VersionRow


@dataclass(frozen=True)
class Work:
    """One job with its rows, read once; bytes are fetched when they are asked for.

    Attributes:
        folder: Empty, and gone after the job.
        other: The model to compare with.
    """

    job: JobRow
    project: Project
    database: Database
    blobs: BlobStore
    folder: Path
    pulse: Pulse
    version: VersionRow | None = None
    template: TemplateRow | None = None
    reference: Image | None = None
    model: ModelRow | None = None
    other: ModelRow | None = None

    @classmethod
    def load(
        cls, job: JobRow, database: Database, blobs: BlobStore, folder: Path, pulse: Pulse
    ) -> Work:
        """Read the rows that a job names."""
        given = job.params
        with database.read() as db:
            drawn = db.get(TemplateRow, given.get("template_id", ""))
            return cls(
                job, db.get_one(Project, job.project_id), database, blobs, folder, pulse,
                version=db.get(VersionRow, given.get("version_id", "")),
                template=drawn,
                reference=None if drawn is None else db.get(Image, drawn.reference_id),
                model=db.get(ModelRow, given.get("model_id", "")),
                other=db.get(ModelRow, given.get("other_model_id", "")),
            )  # fmt: skip

    def settings(self) -> Options:
        """As the kind declares them, defaults filled in."""
        given = self.job.params.get("settings", {})
        return parse_options(KINDS[self.job.kind].settings, given, "the settings")

    def problem(self) -> ProblemStatement | None:
        """What the project is to solve, where somebody said it."""
        return statement_of(self.project.problem)

    def dataset(self) -> Path:
        """The dataset version as a folder."""
        assert self.version is not None  # noqa: S101 - refused at submission
        self.pulse.tell("prepare images", 0, 1)
        name = f"version-{self.version.fingerprint[:8]}"
        return write_version(self.version, self.blobs, self.folder, name)

    def drawn(self) -> Path | None:
        """The template's file beside its reference; None = none was named."""
        if self.template is None or self.reference is None:
            return None
        return write_drawn(self.template, self.reference, self.blobs, self.folder)

    def bundle(self, row: ModelRow | None) -> Bundle:
        """A model, read and checked."""
        assert row is not None  # noqa: S101 - refused at submission
        path = self.folder / bundle_name(row)
        if not path.is_file():
            atomic_write(path, self.blobs.get(row.bundle_sha256))
        return read_bundle(path)


def named(row: ModelRow) -> dict[str, str]:
    """By what a result says which model it is about, as the commands do."""
    return {"file": bundle_name(row), "sha256": row.bundle_sha256}


def bundle_name(row: ModelRow) -> str:
    """How a model's file is called in reports."""
    return f"model-{row.number}.offspec"


@dataclass(frozen=True)
class MadeModel:
    """A model that a job made.

    Attributes:
        parent: The model whose thresholds it changes; None = fitted.
    """

    bundle: Bundle
    parent: ModelRow | None = None
    note: str = ""


@dataclass(frozen=True)
class Done:
    """What came of a job.

    Attributes:
        result: JSON for the job's row.
        files: Name to bytes; kept in the store, their hashes go into ``result``.
        model: One that is entered with the job's end.
        words: Figures for the last lines of the log.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    model: MadeModel | None = None
    words: tuple[str, ...] = ()


def payload_done(
    payload: Mapping[str, Any],
    name: str,
    files: Mapping[str, bytes],
    *,
    words: tuple[str, ...] = (),
) -> Done:
    """A result that is a command's JSON: in the row, and whole as the file ``name``."""
    plain = finite(dict(payload))
    return Done(plain, {name: json_bytes(plain), **files}, words=words)
