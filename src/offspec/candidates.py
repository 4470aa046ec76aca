"""Which detectors can be fitted with what is there, and why the others cannot."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from offspec.backbones import make_backbone
from offspec.crossfit import LEAST_TO_TRAIN
from offspec.detectors import DETECTORS, detector_class
from offspec.fit_plan import FitConfig
from offspec.types import DEFAULT_HEAD, FixedKind


def torch_is_there() -> bool:
    """Whether networks can be trained here; torch itself is not loaded."""
    return importlib.util.find_spec("torch") is not None


def usable_detectors(
    kinds: Iterable[FixedKind], normals: int, *, may_train: bool, wanted: Iterable[str] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Sort the detectors into those that can be fitted and those that cannot.

    Args:
        kinds: Of the regions.
        normals: Good images that a fit would learn from, the reference among them.
        may_train: Time for detectors that train a network is given.
        wanted: Only these; empty = all.

    Returns:
        Names that can be fitted, the product's default first, then by the order of
        ``DETECTORS``; and name to reason for the others.

    Raises:
        OptionError: A name in ``wanted`` is unknown.
    """
    names = list(dict.fromkeys(wanted)) or list(DETECTORS)
    default = FitConfig().detector
    able: list[str] = []
    unable: dict[str, str] = {}
    needed = set(kinds)
    for name in names:
        reason = _obstacle(name, needed, normals, may_train=may_train)
        if reason is None:
            able.append(name)
        else:
            unable[name] = reason
    return tuple(sorted(able, key=lambda name: name != default)), unable


def _obstacle(name: str, kinds: set[FixedKind], normals: int, *, may_train: bool) -> str | None:
    """Why a detector cannot be fitted; None if it can."""
    cls = detector_class(name)
    least = max(cls.fewest[kind] for kind in kinds)
    if cls.trained:
        least = max(least, LEAST_TO_TRAIN + 1)
    if normals < least:
        return f"needs {least} good images to learn from, and has {normals}"
    if cls.trained and not torch_is_there():
        return "trains a network: needs torch (pip install 'offspec[torch]')"
    if cls.trained and not may_train:
        return "trains a network: give --minutes to let it"
    return None


def head_for(name: str) -> str:
    """The default head where the detector takes one."""
    return DEFAULT_HEAD if detector_class(name).takes_head else "none"


def trains(name: str) -> bool:
    """Whether a detector trains a network."""
    return detector_class(name).trained


def training_options(name: str, minutes: float) -> dict[str, object]:
    """Options that hold the training of a detector to a time; none for the others."""
    return {"training": {"minutes": minutes}} if trains(name) else {}


def check_names(detectors: Iterable[str], backbones: Iterable[str]) -> None:
    """Refuse an unknown detector or backbone before any work.

    Raises:
        OptionError: Unknown name; the message lists the known ones.
    """
    for name in detectors:
        detector_class(name)
    for name in backbones:
        make_backbone(name)
