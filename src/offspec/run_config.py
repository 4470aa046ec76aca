"""``run.json``: every setting of a fit in one file, checked, with a default for all.

    {"model": {"detector": "patchcore", "options": {"coreset_ratio": 0.05}},
     "data": {"resolution": "fast"}, "decision": {"false_alarm_rate": 0.02}}

Sections and settings that are left out have their defaults; unknown ones are refused. The
resolved settings are stored in the bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from offspec.detectors import detector_class
from offspec.errors import AnnotationError, OptionError
from offspec.fit_plan import FitConfig, detector_options
from offspec.json_files import read_json
from offspec.options import Options, parse_options
from offspec.types import DEFAULT_BACKBONE, DEFAULT_HEAD, AlignMode, Kind, Mode, Resolution


class ModelSection(Options):
    """Which method, on which features, with which options."""

    detector: str = "reference"
    backbone: str = DEFAULT_BACKBONE
    head: str = DEFAULT_HEAD
    options: dict[str, Any] = Field(default_factory=dict)


class DataSection(Options):
    """How images are looked at; see ``FitConfig``."""

    mode: Mode | None = None
    kind: Kind = "auto"
    resolution: Resolution = "auto"
    smallest_defect: float | None = None
    align: AlignMode | Literal["auto"] = "auto"
    few: bool = False


class DecisionSection(Options):
    """What is asked of the threshold."""

    false_alarm_rate: float = 0.01


class SystemSection(Options):
    """Randomness and machine."""

    seed: int = Field(default=0, ge=0)
    threads: int | None = None


class RunConfig(Options):
    """The whole file."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    decision: DecisionSection = DecisionSection()
    system: SystemSection = SystemSection()

    def to_fit(self) -> FitConfig:
        """As ``fit`` takes it."""
        return FitConfig(
            **self.model.model_dump(),
            **self.data.model_dump(),
            **self.decision.model_dump(),
            **self.system.model_dump(),
        )


def read_run_config(path: Path | str) -> RunConfig:
    """Read and check a file.

    Raises:
        OptionError: Not such a file, an unknown setting, or a value out of range.
    """
    try:
        data = read_json(path)
    except AnnotationError as error:
        raise OptionError(str(error)) from error
    if not isinstance(data, dict):
        raise OptionError(
            f"'{path}' holds a {type(data).__name__}. A configuration is a JSON object with the "
            f"sections {', '.join(RunConfig.model_fields)}. `offspec fit --print-config` shows one."
        )
    config = parse_options(RunConfig, data, f"'{path}'")
    assert isinstance(config, RunConfig)  # noqa: S101 - for the type checker
    detector_options(config.to_fit())
    return config


def default_config(detector: str) -> dict[str, Any]:
    """Every setting of a detector with its default, as the file holds it.

    Raises:
        OptionError: Unknown detector.
    """
    options = detector_class(detector).options_model().model_dump(mode="json")
    model = ModelSection(detector=detector, options=options)
    return RunConfig(model=model).model_dump(mode="json")
