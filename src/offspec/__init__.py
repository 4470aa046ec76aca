"""offspec learns what a good part looks like and outlines everything that is off spec.

Example:
    >>> import offspec
    >>> bundle = offspec.fit("dataset")
    >>> inspection = offspec.Inspector(bundle).inspect(offspec.read_image("part.png"))
    >>> inspection.verdict
    'ok'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offspec.bundle import Bundle, read_bundle, write_bundle
    from offspec.datasets import read_dataset
    from offspec.decisions.pod import probability_of_detection
    from offspec.errors import OffspecError
    from offspec.evaluation import evaluate
    from offspec.fitting import FitConfig, fit
    from offspec.health.check import check
    from offspec.images import read_image
    from offspec.runtime import Inspector
    from offspec.template import Region, Template, read_template
    from offspec.types import Defect, Inspection, RegionResult

__version__ = "0.1.0"

_HOMES = {
    "Bundle": "bundle",
    "Defect": "types",
    "FitConfig": "fitting",
    "Inspection": "types",
    "Inspector": "runtime",
    "OffspecError": "errors",
    "Region": "template",
    "RegionResult": "types",
    "Template": "template",
    "check": "health",
    "evaluate": "evaluation",
    "fit": "fitting",
    "probability_of_detection": "decisions.pod",
    "read_bundle": "bundle",
    "read_dataset": "datasets",
    "read_image": "images",
    "read_template": "template",
    "write_bundle": "bundle",
}

__all__ = [
    "Bundle",
    "Defect",
    "FitConfig",
    "Inspection",
    "Inspector",
    "OffspecError",
    "Region",
    "RegionResult",
    "Template",
    "check",
    "evaluate",
    "fit",
    "probability_of_detection",
    "read_bundle",
    "read_dataset",
    "read_image",
    "read_template",
    "write_bundle",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that ``import offspec`` stays fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'offspec' has no attribute '{name}'")
    return getattr(importlib.import_module(f"offspec.{_HOMES[name]}"), name)
