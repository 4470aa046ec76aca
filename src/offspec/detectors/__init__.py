"""Detectors by name: one file each, in one literal dict."""

from __future__ import annotations

from offspec.detectors.base import Detector
from offspec.detectors.feature_based import FeatureDetector
from offspec.detectors.flow import FlowDetector
from offspec.detectors.padim import PadimDetector
from offspec.detectors.patchcore import PatchcoreDetector
from offspec.detectors.reference import ReferenceDetector
from offspec.detectors.restoring import AutoencoderDetector, GanDetector
from offspec.detectors.student import StudentDetector
from offspec.detectors.synthetic import SyntheticDetector
from offspec.errors import OptionError

DETECTORS: dict[str, type[FeatureDetector]] = {
    "reference": ReferenceDetector,
    "padim": PadimDetector,
    "patchcore": PatchcoreDetector,
    "autoencoder": AutoencoderDetector,
    "gan": GanDetector,
    "synthetic": SyntheticDetector,
    "flow": FlowDetector,
    "student": StudentDetector,
}

__all__ = ["DETECTORS", "Detector", "check_head", "detector_class"]


def detector_class(name: str) -> type[FeatureDetector]:
    """The detector of this name.

    Raises:
        OptionError: Unknown name; the message lists the known ones.
    """
    if name not in DETECTORS:
        raise OptionError(
            f"Detector '{name}' is unknown. Known: {', '.join(sorted(DETECTORS))}. Choose one."
        )
    return DETECTORS[name]


def check_head(name: str) -> None:
    """Refuse a head for a detector that takes none.

    Raises:
        OptionError: It takes none.
    """
    if not detector_class(name).takes_head:
        raise OptionError(
            f"Detector '{name}' takes no head. The learned head corrects the map of 'reference'. "
            "Use head 'none'."
        )
