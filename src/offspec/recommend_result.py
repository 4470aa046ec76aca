"""What ``recommend`` returns: the proposal, what it rests on, and the settings it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from offspec.fit_plan import FitConfig
from offspec.problem import ProblemStatement
from offspec.recommend_cost import Choice, Economy, loss_at
from offspec.recommend_look import Look
from offspec.recommend_measure import Candidate, Measured, Measurement
from offspec.recommend_needs import Needs
from offspec.recommend_speed import Speed
from offspec.run_config import DataSection, DecisionSection, ModelSection, RunConfig, SystemSection


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to do.

    Attributes:
        measured: Whether it was measured or only follows from what was looked at.
        rate_from: Where the false-alarm rate comes from: costs, fixed or default.
        max_shift_px: Limit of the template to set, where parts move further than its default.
        max_rotation_deg: Likewise.
        certify: Normals from which the rate is certified; ``promise`` for 95 % confidence.
        provisional: Whether a fit now would give a provisional threshold.
        too_slow: What the line needs and this machine does not give, in words.
    """

    candidate: Candidate
    measured: bool
    false_alarm_rate: float
    rate_from: str
    speed: Speed | None
    max_shift_px: float | None
    max_rotation_deg: float | None
    certify: int
    promise: int
    provisional: bool
    too_slow: str | None = None


@dataclass
class Recommendation:
    """The whole result; ``recommend_words`` puts it in sentences.

    Attributes:
        speeds: Candidate to what was timed without measuring.
        unusable: Detector or candidate to why it was not compared.
        busy: Load of the machine before the work began, where it was too high to time anything.
    """

    dataset: Path
    problem: ProblemStatement
    needs: Needs
    look: Look
    proposal: Proposal
    speeds: dict[str, Speed] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    measurement: Measurement | None = None
    choice: Choice | None = None
    template: Path | None = None
    busy: float | None = None

    def run_config(self) -> RunConfig:
        """Settings for ``fit`` that carry the proposal out."""
        chosen, kinds = self.proposal.candidate, set(self.look.job.kinds)
        drawn = self.template is not None
        kind = self.needs.kind if drawn or len(kinds) > 1 else next(iter(kinds))
        return RunConfig(
            model=ModelSection(
                detector=chosen.detector, backbone=chosen.backbone, head=chosen.head
            ),
            data=DataSection(
                mode="pixel" if self.needs.locate else "image",
                kind=kind,
                resolution=chosen.resolution,
                smallest_defect=self.needs.smallest_defect,
                align="auto" if drawn else self.look.align,
            ),
            decision=DecisionSection(false_alarm_rate=self.proposal.false_alarm_rate),
            system=SystemSection(seed=self.look.job.config.seed),
        )

    @property
    def chosen(self) -> Measured | None:
        """Figures of the proposed candidate, where it was measured."""
        if self.choice is None or self.measurement is None:
            return None
        return self.measurement.found[self.choice.name]

    def no_inspection_loss(self) -> float:
        """Loss if every part were let through."""
        return Economy.of(self.needs).miss

    def default_loss(self) -> tuple[str, float] | None:
        """Loss of the product's default settings; None where they were not measured."""
        if self.measurement is None:
            return None
        default = FitConfig()
        planned = self.look.planned if self.look.free else "auto"
        for name, one in self.measurement.found.items():
            c = one.candidate
            if (c.detector, c.backbone, c.resolution) == (
                default.detector,
                default.backbone,
                planned,
            ):
                return name, loss_at(one.trials, default.false_alarm_rate, self.needs)
        return None
