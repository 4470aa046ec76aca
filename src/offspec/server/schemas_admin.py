"""What goes over the wire about the running of the server."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from offspec.server.schemas import Password, Schema

Days = Annotated[int, Field(ge=1, le=36500)]


class PasswordChange(Schema):
    """One's own password; the old one is asked again."""

    old: Password
    new: Password


class Storage(Schema):
    """What is kept, and what room is left; a picture that two name counts once, as an image.

    ``other_bytes`` are reports and whatever else is in the image store.
    """

    images: int
    image_bytes: int
    inspections: int
    inspection_bytes: int
    bundles: int
    bundle_bytes: int
    other_bytes: int
    database_bytes: int
    free_bytes: int


class Retention(Schema):
    """For how many days pictures of inspections are kept; null = for ever.

    ``ok_days`` are those of pictures with the verdict ok, ``other_days`` of all others. What was
    said of them stays.
    """

    ok_days: Days | None = None
    other_days: Days | None = None
