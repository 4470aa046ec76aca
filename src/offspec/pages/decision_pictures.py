"""Small pictures for pages on decisions: a photograph with outlines, framed by its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from offspec.decisions.compare_result import ComparisonResult
from offspec.decisions.msa_result import MsaResult
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


def flip_pictures(result: ComparisonResult) -> dict[str, tuple[bytes, bytes]]:
    """Photographs on which two models differ, as the old and as the new one sees them, by key."""
    pictures = {}
    for image in result.flips[: MAX_PICTURES // 2]:
        found = marked(image.path, [image.old, image.new])
        if found:
            pictures[image.key] = (found[0], found[1])
    return pictures


def discordant_pictures(result: MsaResult) -> dict[str, bytes]:
    """Photographs of the parts that the system got wrong at least once, by key."""
    parts = {look.shown.part for look in result.looks if not look.right}
    chosen = [look for look in result.looks if look.shown.part in parts][:MAX_PICTURES]
    return {
        look.shown.key: jpeg
        for look in chosen
        for jpeg in marked(look.shown.path, [look.inspection])
    }
