"""Small pictures for pages on decisions: a photograph with outlines, framed by its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from offspec.errors import OffspecError
from offspec.images import read_image
from offspec.overlays import overlay, to_eight_bits
from offspec.report_pictures import encode_jpeg
from offspec.types import ImageArray, Inspection

PICTURE_PX = 420
MAX_PICTURES = 48
"""Pictures on one page; more are named without a picture."""


def marked(path: Path, inspections: Iterable[Inspection]) -> list[bytes]:
    """The photograph once for each inspection, outlined and framed; none if it cannot be read."""
    try:
        image = read_image(path)
    except OffspecError:
        return []
    factor = PICTURE_PX / max(image.shape[:2])
    return [encode_jpeg(_small(image, inspection, factor)) for inspection in inspections]


def _small(image: ImageArray, inspection: Inspection, factor: float) -> np.ndarray:
    full = overlay(to_eight_bits(image), inspection)
    size = (max(1, round(full.shape[1] * factor)), max(1, round(full.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(full, size, interpolation=how), np.uint8)
