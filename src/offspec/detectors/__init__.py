"""Detectors by name: one file each, in one literal dict."""

from __future__ import annotations

from offspec.detectors.base import Detector
from offspec.detectors.reference import ReferenceDetector
from offspec.errors import OptionError

DETECTORS: dict[str, type[ReferenceDetector]] = {"reference": ReferenceDetector}

__all__ = ["DETECTORS", "Detector", "detector_class"]


def detector_class(name: str) -> type[ReferenceDetector]:
    """The detector of this name.

    Raises:
        OptionError: Unknown name; the message lists the known ones.
    """
    if name not in DETECTORS:
        raise OptionError(
            f"Detector '{name}' is unknown. Known: {', '.join(sorted(DETECTORS))}. Choose one."
        )
    return DETECTORS[name]
