"""What goes over the wire on the labelling side; see ``schemas`` for the rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from offspec.server.schemas import NO_NUL, Schema

MOST_IMAGES = 2000
MOST_POINTS = 2000
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
ImageIds = Annotated[list[Id], Field(min_length=1, max_length=MOST_IMAGES)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
PointXY = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]


class Approved(Schema):
    """The model in use."""

    id: str
    number: int


class Summary(Schema):
    """A project in numbers.

    ``none`` counts images that nobody judged, ``left_out`` those that no dataset version takes,
    ``queue`` inspections that wait for a person.
    """

    images: int
    ok: int
    ng: int
    none: int
    left_out: int
    template_version: int | None
    versions: int
    models: int
    approved: Approved | None
    jobs_open: int
    inspections: int
    queue: int


class LabelsIn(Schema):
    """One verdict on whole images; null takes the label back."""

    image_ids: ImageIds
    verdict: Literal["ok", "ng"] | None


class DecisionsIn(Schema):
    """What a person says to findings of the check; null takes the decision back."""

    image_ids: ImageIds
    decision: Literal["leave_out", "keep"] | None
    why: Annotated[str, Field(max_length=400, pattern=NO_NUL)] = ""


class OutlineIn(Schema):
    """Where a person points.

    ``points`` are image pixels: one for ``click``, the way of the brush for ``stroke``;
    ``size_px`` is the brush's width, or how far around a click to look. ``model`` takes the
    outlines that the model ``model_id`` (null: the approved one) draws there.
    """

    points: Annotated[list[PointXY], Field(min_length=1, max_length=MOST_POINTS)]
    mode: Literal["click", "stroke", "model"]
    model_id: Id | None = None
    size_px: Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False)] | None = None


class Outlines(Schema):
    """Polygons in image pixels, edge coordinates; empty where nothing stands out."""

    outlines: list[list[list[float]]]


class AlignmentIn(Schema):
    """An image to lay over a reference, by the rules of a template."""

    image_id: Id
    reference_id: Id
    template: dict[str, Any]


class AlignmentOut(Schema):
    """How the image lies over the reference.

    ``outcome``: ``unsure`` where both share too little structure to tell, ``off`` where the
    template asks for no alignment. ``score`` is their agreement there, at most 1. ``matrix`` leads
    from reference to image pixels. ``picture`` is the image as it then lies, a ``data:`` URL in
    reference coordinates, made smaller to 1600 pixels.
    """

    outcome: Literal["refused", "off", "unsure", "in_place", "moved"]
    valid: bool
    reason: str | None
    method: str
    matrix: list[list[float]] | None
    shift_xy: list[float]
    rotation_deg: float
    scale: float
    score: float
    picture: str | None


class Finding(Schema):
    """What to look at, as the check of a dataset names it."""

    level: Literal["must", "look", "note"]
    topic: Literal["label", "split", "sizes"]
    words: str


class AsReference(Schema):
    """An image in the part of the reference.

    ``other_sizes`` counts images of the project with another width or height, ``refused`` those
    among them that the size policy does not take.
    """

    findings: list[Finding]
    other_sizes: int
    refused: int


class SplitIn(Schema):
    """A template and the region of it to cut."""

    template: dict[str, Any]
    region_id: Annotated[str, Field(max_length=80)]
