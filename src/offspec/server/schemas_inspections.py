"""What goes over the wire of inspections and their reviews."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from offspec.server.schemas import NO_NUL, Schema
from offspec.store.models import InspectionRow


class InspectionBrief(Schema):
    """What a model said of a picture, and what a person said of that; without regions."""

    id: str
    model_id: str
    model_number: int
    image_sha256: str
    part_id: str | None
    line: str | None
    verdict: Literal["ok", "review", "ng", "invalid"]
    deviation_score: float | None
    review: Literal["ok", "ng"] | None
    reason: str
    reviewed_by: str | None
    reviewed_s: float | None
    learned_image_id: str | None
    image_gone: bool
    created_s: float

    @classmethod
    def of(cls, row: InspectionRow, number: int) -> Self:
        """From a row and the number of its model."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "model_number"}
        return cls.model_validate({**fields, "model_number": number})


class InspectionOut(InspectionBrief):
    """The same with ``content``, what ``inspect --json`` writes."""

    content: dict[str, Any]


class ReviewIn(Schema):
    """A person's word on an inspection.

    ``first`` = only where nobody has judged it yet: a queue that was loaded a while ago then
    overrules nobody unseen.
    """

    decision: Literal["ok", "ng"]
    reason: Annotated[str, Field(max_length=400, pattern=NO_NUL)] = ""
    first: bool = False


class Reviewer(Schema):
    """One person's reviews.

    ``median_s`` is the median time from one review to the next, pauses over five minutes left out.
    """

    name: str
    judged: int
    agreed: int
    median_s: float | None


class Agreement(Schema):
    """How people's reviews and the model's verdicts meet.

    ``counts`` has keys such as ``ng_ok``, model first, person second. ``judged`` counts reviews of
    pictures that the model called ok or ng, ``agreed`` those in which a person said the same;
    ``low`` and ``high`` are the exact 95 % interval of ``rate``, null where nothing was judged.
    """

    counts: dict[str, int]
    judged: int
    agreed: int
    rate: float | None
    low: float | None
    high: float | None
    by_reviewer: list[Reviewer]


class RateOut(Schema):
    """Inspections of one hour or day (UTC) by verdict; ``overruled`` = a person said the other."""

    start_s: float
    ok: int
    review: int
    ng: int
    invalid: int
    reviewed: int
    overruled: int
