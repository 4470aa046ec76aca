"""``run.json``: every setting of a fit, or of an evaluation, in one file, with a default for all.

    {"model": {"detector": "patchcore", "options": {"coreset_ratio": 0.05}},
     "data": {"resolution": "fast"}, "decision": {"false_alarm_rate": 0.02}}

Sections and settings that are left out have their defaults; unknown ones are refused. The
resolved settings are stored in the bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field

from offspec.augment import Augmentation
from offspec.detectors import detector_class
from offspec.fit_plan import FitConfig, detector_options
from offspec.json_files import read_settings
from offspec.options import Options, parse_options
from offspec.types import DEFAULT_BACKBONE, DEFAULT_HEAD, AlignMode, Kind, Mode, Resolution

Config = TypeVar("Config", bound=Options)
Share = Annotated[float, Field(gt=0, lt=1)]


class ModelSection(Options):
    """Which method, on which features, with which options."""

    detector: str = "reference"
    backbone: str = DEFAULT_BACKBONE
    head: str = DEFAULT_HEAD
    allow_download: bool = False
    options: dict[str, Any] = Field(default_factory=dict)


class DataSection(Options):
    """How images are looked at; see ``FitConfig``."""

    mode: Mode | None = None
    kind: Kind = "auto"
    resolution: Resolution = "auto"
    smallest_defect: float | None = None
    align: AlignMode | Literal["auto"] = "auto"
    few: bool = False
    augmentation: Augmentation = Augmentation()


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
            **dict(self.data),  # with the augmentation as it is
            **self.decision.model_dump(),
            **self.system.model_dump(),
        )


class FiguresSection(Options):
    """What an evaluation reckons; see ``evaluation_metrics.Figures``."""

    false_alarm_levels: list[Share] = Field(default=[0.001, 0.01, 0.05], max_length=20)
    confidence: Share = 0.95
    pixel: bool = True


class ReportSection(Options):
    """Of the HTML report."""

    pictures: int = Field(default=6, ge=0, le=200, description="In each section of pictures.")


class MachineSection(Options):
    """Where it runs."""

    threads: int | None = Field(default=None, ge=1)


class EvaluationConfig(Options):
    """The whole file of an evaluation."""

    figures: FiguresSection = FiguresSection()
    report: ReportSection = ReportSection()
    system: MachineSection = MachineSection()


def read_run_config(path: Path | str) -> RunConfig:
    """Read and check the settings of a fit.

    Raises:
        OptionError: Not such a file, an unknown setting, or a value out of range.
    """
    config = _read(path, RunConfig, "fit")
    detector_options(config.to_fit())
    return config


def read_evaluation_config(path: Path | str) -> EvaluationConfig:
    """Read and check the settings of an evaluation.

    Raises:
        OptionError: Not such a file, an unknown setting, or a value out of range.
    """
    return _read(path, EvaluationConfig, "evaluate")


def _read(path: Path | str, model: type[Config], command: str) -> Config:
    what = (
        f"A configuration is a JSON object with the sections {', '.join(model.model_fields)}. "
        f"`offspec {command} --print-config` shows one."
    )
    data = read_settings(path, what)
    return cast("Config", parse_options(model, data, f"'{path}'"))


def default_config(detector: str) -> dict[str, Any]:
    """Every setting of a detector with its default, as the file holds it.

    Raises:
        OptionError: Unknown detector.
    """
    options = detector_class(detector).options_model().model_dump(mode="json")
    model = ModelSection(detector=detector, options=options)
    return RunConfig(model=model).model_dump(mode="json")
