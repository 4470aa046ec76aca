"""The kinds of long work: what each needs and which settings it has.

Read by the server when a job is submitted, so that a wrong combination is refused there and then,
and by the worker that does it. Nothing here loads what the work itself needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from offspec.decisions.operating_asked import Asked
from offspec.decisions.operating_given import Given, asked_of
from offspec.errors import OptionError
from offspec.fit_plan import detector_options
from offspec.options import Options, parse_options
from offspec.problem import Answers
from offspec.run_config import EvaluationConfig, RunConfig

JobKind = Literal[
    "fit", "check", "evaluate", "export", "calibrate", "compare", "pod", "msa", "report"
]
PARTS = {
    "health": "check",
    "evaluation": "evaluate",
    "operating": "calibrate",
    "pod": "pod",
    "msa": "msa",
    "comparison": "compare",
}
"""Parts of a report to the kind of job whose result they are."""
MOST_TEXT = 4_000_000  # characters of a table of verdicts
Share = Annotated[float, Field(gt=0, lt=1)]
Size = Annotated[float, Field(gt=0, le=1e5)]  # pixels
Cost = Annotated[float, Field(ge=0, le=1e12)]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class NoSettings(Options):
    """Of a kind that has none."""


class CheckSettings(Options):
    """Of a check of a dataset version."""

    smallest_defect: Annotated[float, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class CalibrateSettings(Options):
    """What decides where parts are stopped, as ``offspec calibrate --validation`` takes it.

    Attributes:
        half: Choose on half of the test images only, and keep the other half for an evaluation.
        seed: Draws the halves.
    """

    cost_miss: Cost | None = None
    cost_false_alarm: Cost | None = None
    cost_review: Cost | None = None
    defect_rate: Share | None = None
    max_miss_rate: Share | None = None
    max_false_alarm_rate: Share | None = None
    review_capacity: Cost | None = None
    parts_per_shift: Cost | None = None
    half: bool = False
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0

    def asked(self, answers: Answers | None = None) -> Asked:
        """What decides; costs that are not given come from the problem statement.

        Raises:
            OptionError: Settings that contradict each other, or one that is missing.
        """
        return asked_of(Given(**self.model_dump(exclude={"half", "seed"})), answers)


class CompareSettings(Options):
    """Of a comparison of two models."""

    margin: Share = 0.02
    false_stop_margin: Share | None = None
    confidence: Share = 0.95


class PodSettings(Options):
    """Of a study of the probability of detection."""

    minutes: Annotated[float, Field(gt=0, le=120)] = 2.5
    trials: Annotated[int, Field(ge=1, le=2000)] | None = None
    sizes: Annotated[list[Size], Field(min_length=2, max_length=40)] | None = None
    contrasts: list[Share] = Field(default=[0.05, 0.1, 0.2, 0.4], min_length=1, max_length=10)
    regions: list[str] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class MsaSettings(Options):
    """Of a study of agreement: a table of verdicts, or the reviews of inspections."""

    csv: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)] | None = None
    from_reviews: bool = False
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class ReportSettings(Options):
    """Of a report to sign; ``parts`` names the jobs whose results it joins."""

    title: Words | None = None
    roles: Annotated[list[Words], Field(min_length=1, max_length=12)] | None = None
    parts: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work.

    Attributes:
        settings: Declares them.
        needs: Names of ``JobIn`` that have to be given.
        takes: Names that may be given as well.
        by_quality: Whether a quality manager may ask for it too.
    """

    settings: type[Options]
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    by_quality: bool = True


KINDS: Mapping[str, Kind] = {
    "fit": Kind(RunConfig, ("version_id",), ("template_id",), by_quality=False),
    "check": Kind(CheckSettings, ("version_id",), ("template_id",)),
    "export": Kind(NoSettings, ("version_id",), ("template_id",), by_quality=False),
    "evaluate": Kind(EvaluationConfig, ("version_id", "model_id")),
    "calibrate": Kind(CalibrateSettings, ("version_id", "model_id"), by_quality=False),
    "compare": Kind(CompareSettings, ("version_id", "model_id", "other_model_id")),
    "pod": Kind(PodSettings, ("version_id", "model_id")),
    "msa": Kind(MsaSettings, (), ("version_id", "model_id")),
    "report": Kind(ReportSettings, ("model_id",), ("version_id",)),
}
_NAMES = {
    "version_id": "dataset version",
    "template_id": "template",
    "model_id": "model",
    "other_model_id": "model to compare with",
}


def check_request(
    kind: str,
    given: Mapping[str, str],
    settings: Mapping[str, Any],
    answers: Answers | None = None,
) -> Options:
    """Refuse a job that could only fail; returns its settings.

    Args:
        kind: A key of ``KINDS``.
        given: Of the names of ``JobIn`` those that are there.
        settings: As sent.
        answers: Of the project's problem statement.

    Raises:
        OptionError: Something is missing, does not belong there, or is out of range.
    """
    known = KINDS[kind]
    for name in known.needs:
        if name not in given:
            raise OptionError(
                f"A job of the kind '{kind}' needs a {_NAMES[name]}, and none was named. Name "
                f"{name}."
            )
    for name in given:
        if name not in (*known.needs, *known.takes):
            raise OptionError(
                f"A job of the kind '{kind}' has no use for a {_NAMES[name]}. It takes "
                f"{', '.join((*known.needs, *known.takes)) or 'none'}. Leave {name} out."
            )
    asked = parse_options(known.settings, settings, f"'{kind}'")
    if isinstance(asked, RunConfig):
        detector_options(asked.to_fit())
    elif isinstance(asked, CalibrateSettings):
        asked.asked(answers)
    elif isinstance(asked, CompareSettings):
        _check_compare(given)
    elif isinstance(asked, MsaSettings):
        _check_msa(asked, given)
    elif isinstance(asked, ReportSettings):
        _check_report(asked)
    return asked


def check_objects(
    asked: Options,
    kind: str,
    files: Sequence[Mapping[str, Any]] | None,
    summary: Mapping[str, Any] | None,
) -> None:
    """Refuse a job that could only fail on this dataset version or with this model.

    Args:
        asked: The settings.
        kind: A key of ``KINDS``.
        files: Of the dataset version; None = none is named.
        summary: What is known of the model; None = none is named.

    Raises:
        OptionError: There is nothing to test on, the model cannot be calibrated so, or it lacks a
            region.
    """
    if kind in ("evaluate", "calibrate", "compare") and files is not None:
        _check_tested(kind, files)
    provisional = summary is not None and summary["threshold"]["status"] == "provisional"
    if kind == "calibrate" and provisional:
        raise OptionError(
            "This model was calibrated on too few normals: it says review for ng, whatever costs "
            "say. Fit one on more good images first."
        )
    if isinstance(asked, PodSettings) and asked.regions and summary is not None:
        known = [one["id"] for one in summary["regions"]]
        strange = [one for one in asked.regions if one not in known]
        if strange:
            raise OptionError(
                f"The model has no region '{strange[0]}'. It has {', '.join(known)}. Name these."
            )


def _check_tested(kind: str, files: Sequence[Mapping[str, Any]]) -> None:
    if not any(one["split"] == "test" and one["label"] is not None for one in files):
        raise OptionError(
            f"The dataset version has no labelled test image, and a job of the kind '{kind}' works "
            "on those. Label defective images, or set good ones aside for the test."
        )


def _check_compare(given: Mapping[str, str]) -> None:
    if given["model_id"] == given["other_model_id"]:
        raise OptionError("A model is compared with another one, not with itself. Name two.")


def _check_msa(asked: MsaSettings, given: Mapping[str, str]) -> None:
    if ("model_id" in given) != ("version_id" in given):
        raise OptionError(
            "A model judges photographs: model_id and version_id belong together. Name both, or "
            "neither for a study of people alone."
        )
    if (asked.csv is not None) + asked.from_reviews > 1:
        raise OptionError("Verdicts come from a table or from the reviews, not both. Choose one.")
    if asked.csv is None and not asked.from_reviews and "model_id" not in given:
        raise OptionError(
            "There is nothing to study. Give csv, a table of verdicts, or from_reviews, or "
            "model_id and version_id of photographs."
        )


def _check_report(asked: ReportSettings) -> None:
    strange = sorted(asked.parts.keys() - PARTS)
    if strange:
        raise OptionError(
            f"A report has no part '{strange[0]}'. Its parts are {', '.join(PARTS)}, each with "
            "the id of a job. Correct the name."
        )
