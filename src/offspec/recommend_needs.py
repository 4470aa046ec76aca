"""Answers made complete: what was not answered is counted in the dataset or assumed, and said."""

from __future__ import annotations

from dataclasses import dataclass

from offspec.datasets import Dataset
from offspec.fit_plan import FitConfig
from offspec.machine import available_cores
from offspec.problem import Answers
from offspec.resolution import SMALLEST_DEFECT_PX
from offspec.types import Kind

ASSUMED_DEFECT_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Needs:
    """Every answer, assumed ones included.

    Attributes:
        normals: Good images there are or will be.
        present: Good images in the dataset to learn from.
        defects: Images of defective parts.
        locate: Whether the defect is to be located on the part.
        smallest_defect: Width in original pixels.
        cost_miss: Of one defective part let through; None = unknown, as the next.
        cost_false_alarm: Of one good part stopped.
        cost_review: Of a second look at a stopped part; None = there is none.
        defect_rate: Share of parts that are defective.
        false_alarm_rate: Fixed share of good parts that may be stopped; None = to be proposed.
        variable: Whether light, camera or position change.
        parts_per_minute: Images to judge; None = no need was stated.
        latency_ms: Longest time for one image; None likewise.
        cores: Of the machine at the line.
        assumed: Name of an answer that was not given to what was taken instead, in words.
    """

    normals: int
    present: int
    defects: int
    locate: bool
    smallest_defect: float
    kind: Kind
    cost_miss: float | None
    cost_false_alarm: float | None
    cost_review: float | None
    currency: str
    defect_rate: float
    false_alarm_rate: float | None
    variable: bool
    parts_per_minute: float | None
    latency_ms: float | None
    cores: int
    assumed: dict[str, str]

    @property
    def stop_cost(self) -> float | None:
        """What a stopped good part costs: a second look saves it where that is cheaper."""
        known = [c for c in (self.cost_false_alarm, self.cost_review) if c is not None]
        return min(known, default=None)

    @property
    def costs(self) -> tuple[float, float] | None:
        """Cost of a miss and of a stopped good part; None unless both are known and count."""
        stop = self.stop_cost
        if self.cost_miss is None or stop is None or self.cost_miss + stop <= 0:
            return None
        return self.cost_miss, stop

    def asked_rate(self) -> float:
        """The fixed false-alarm rate, or the product's default."""
        return self.false_alarm_rate or FitConfig().false_alarm_rate


def complete(answers: Answers, dataset: Dataset, smallest_px: float | None = None) -> Needs:
    """Fill in what was not answered.

    Args:
        answers: What was.
        dataset: Counts come from here; labels are counted, test images are not looked at.
        smallest_px: The template's smallest defect, where there is a template.
    """
    present = len(dataset.normals)
    labelled = sum(record.label == "ng" for record in dataset.records)
    assumed: dict[str, str] = {}

    def assume(name: str, words: str) -> None:
        if getattr(answers, name) is None:
            assumed[name] = words

    smallest = SMALLEST_DEFECT_PX if smallest_px is None else smallest_px
    where = "the product's default" if smallest_px is None else "the template's"
    cores = available_cores()
    assume("normals", f"{present}, as counted in the dataset")
    assume("defects", f"{labelled}, as counted in the dataset")
    assume("task", "locate the defect, as that includes flagging the part")
    assume("smallest_defect", f"{smallest:g} px wide, {where}")
    assume("defect_rate", f"{ASSUMED_DEFECT_RATE:.0%} of the parts are defective")
    assume("imaging", "controlled: what the normals show is all that varies")
    assume("cores", f"{cores}, those of this machine")
    return Needs(
        normals=answers.normals or present,
        present=present,
        defects=labelled if answers.defects is None else answers.defects,
        locate=answers.task != "flag",
        smallest_defect=answers.smallest_defect or smallest,
        kind=answers.kind or "auto",
        cost_miss=answers.cost_miss,
        cost_false_alarm=answers.cost_false_alarm,
        cost_review=answers.cost_review,
        currency=answers.currency or "",
        defect_rate=answers.defect_rate or ASSUMED_DEFECT_RATE,
        false_alarm_rate=answers.false_alarm_rate,
        variable=answers.imaging == "variable",
        parts_per_minute=answers.parts_per_minute,
        latency_ms=answers.latency_ms,
        cores=answers.cores or cores,
        assumed=assumed,
    )
