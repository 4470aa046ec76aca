"""What goes over the wire of long work, models and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from offspec.jobs.kinds import JobKind
from offspec.server.schemas import NO_NUL, Id, Password, Schema
from offspec.store.models import JobRow, ModelRow

Why = Annotated[str, Field(max_length=400, pattern=NO_NUL)]
Reason = Annotated[str, Field(min_length=1, max_length=400, pattern=NO_NUL)]
Point = Annotated[float, Field(gt=0, lt=1)]


class JobIn(Schema):
    """Long work; what a kind needs beside ``kind`` is said in its documentation.

    ``settings`` of a fit are those of ``run.json``, of the others those of the command of the same
    name. ``model_id`` is the new model where ``other_model_id`` is the one before.
    """

    kind: JobKind
    version_id: Id | None = None
    template_id: Id | None = None
    model_id: Id | None = None
    other_model_id: Id | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class JobOut(Schema):
    """Long work and how far it is; ``result.files`` names what can be downloaded."""

    id: str
    kind: str
    params: dict[str, Any]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    step: str
    done: int
    total: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_by: str
    created_s: float
    finished_s: float | None

    @classmethod
    def brief(cls, row: JobRow) -> JobOut:
        """For a list: of the result only plain values and the names of files."""
        result = row.result
        if result is not None:
            kept = {k: v for k, v in result.items() if not isinstance(v, dict | list)}
            files = {"files": result["files"]} if "files" in result else {}
            result = {**kept, **files}
        return cls.model_validate({**_columns(cls, row), "result": result})


class JobLineOut(Schema):
    """One line of a job's log."""

    time_s: float
    text: str


class JobLog(Schema):
    """What a job said while it worked."""

    lines: list[JobLineOut]


class ThresholdOut(Schema):
    """Where a model stops good images, and what that promises."""

    status: str
    words: str
    n: int
    guarantee_upper: float | None
    false_alarm_rate: float


class RegionBrief(Schema):
    """A region by name."""

    id: str
    name: str


class ModelOut(Schema):
    """A model and what made it; ``number`` is what people call it by."""

    id: str
    number: int
    parent_id: str | None
    note: str
    version_id: str
    template_id: str | None
    job_id: str
    bundle_sha256: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    approved: bool
    created_s: float
    created_by: str
    t_review: float
    t_ng: float
    threshold: ThresholdOut
    detector: str
    regions: list[RegionBrief]
    template_name: str

    @classmethod
    def of(cls, row: ModelRow) -> ModelOut:
        """From a row; a summary written before decision points were in it has both at 0.5."""
        summary: Mapping[str, Any] = row.summary
        threshold = summary["threshold"]
        return cls.model_validate(
            {
                **_columns(cls, row),
                "t_review": summary.get("t_review", 0.5),
                "t_ng": summary.get("t_ng", 0.5),
                "threshold": {name: threshold[name] for name in ThresholdOut.model_fields},
                "detector": summary.get("detector", ""),
                "regions": [{"id": r["id"], "name": r["name"]} for r in summary["regions"]],
                "template_name": summary.get("template", ""),
            }
        )


class ThresholdsIn(Schema):
    """Decision points set by hand, in deviation score; ``version_id`` names what they were set on.

    Its test images then count as seen, so that no evaluation flatters the choice.
    """

    t_review: Point
    t_ng: Point
    why: Reason
    version_id: Id | None = None


class ApproveIn(Schema):
    """Why a model is taken into use, and the comparison that speaks for it."""

    why: Why = ""
    comparison_job_id: Id | None = None


class SignOffIn(Schema):
    """A signature: what it means, and the signer's password once more."""

    meaning: Reason
    password: Password
    report_job_id: Id | None = None


class SignOffOut(Schema):
    """Who signed for which bytes, when and with which meaning."""

    id: str
    model_id: str
    bundle_sha256: str
    report_sha256: str | None
    meaning: str
    signed_by: str
    created_s: float


def _columns(schema: type[Schema], row: object) -> dict[str, Any]:
    """What a row has of a schema's fields."""
    return {name: getattr(row, name) for name in schema.model_fields if hasattr(row, name)}
