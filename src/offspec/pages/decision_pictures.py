"""Small pictures for pages on decisions: a photograph with outlines, framed by its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from offspec.errors import OffspecError
from offspec.images import read_image
from offspec.overlays import overlay, to_eight_bits
from offspec.report_pictures import encode_jpeg, fitted
from offspec.types import Inspection

PICTURE_PX = 420
MAX_PICTURES = 48
"""Pictures on one page; more are named without a picture."""


def marked(path: Path, inspections: Iterable[Inspection]) -> list[bytes]:
    """The photograph once for each inspection, outlined and framed; none if it cannot be read."""
    try:
        image = read_image(path)
    except OffspecError:
        return []
    pictures = (overlay(to_eight_bits(image), one) for one in inspections)
    return [encode_jpeg(fitted(picture, PICTURE_PX)) for picture in pictures]
