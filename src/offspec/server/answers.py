"""Rows of the store as schemas, where that takes more than one row."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session as Db

from offspec.server.schemas import ImageOut
from offspec.store import images
from offspec.store.images import Seen
from offspec.store.models import Image


def image_out(db: Db, image: Image) -> ImageOut:
    """One image with what is said of it."""
    return image_outs(images.seen(db, [image]))[0]


def image_outs(seen: Iterable[Seen]) -> list[ImageOut]:
    """Images with what is said of them."""
    return [
        ImageOut.model_validate(one.image).model_copy(
            update={"label": one.label, "split": one.split, "revision": one.revision}
        )
        for one in seen
    ]
