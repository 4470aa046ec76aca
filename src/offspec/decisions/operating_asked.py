"""What decides where parts are stopped: costs, a limit, or how many people can look again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from offspec.errors import OptionError
from offspec.operating_limits import check_rate
from offspec.operating_points import Costs

Rule = Literal["costs", "max_miss_rate", "max_false_alarm_rate", "review_capacity"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many parts people can look at again.

    Attributes:
        reviews: In a shift.
        parts: Made in a shift.
    """

    reviews: float
    parts: float

    def __post_init__(self) -> None:
        if not 0 < self.reviews < self.parts < float("inf"):
            raise OptionError(
                f"A capacity of {self.reviews:g} reviews for {self.parts:g} parts does not fit. "
                "Both are positive, and fewer parts are looked at again than are made. Give others."
            )

    @property
    def rate(self) -> float:
        """Share of parts that can be looked at again."""
        return self.reviews / self.parts


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides; exactly one of the four.

    Attributes:
        costs: Both thresholds of least expected cost.
        max_miss_rate: At most this share of defects is missed, with 95 % confidence.
        max_false_alarm_rate: At most this share of good parts is stopped, likewise.
        capacity: As many parts are stopped as people can look at again.
        defect_rate: For the probability where ``costs`` do not say it.
        currency: Of the costs; for people.
    """

    costs: Costs | None = None
    max_miss_rate: float | None = None
    max_false_alarm_rate: float | None = None
    capacity: Capacity | None = None
    defect_rate: float | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        given = [self.costs, self.max_miss_rate, self.max_false_alarm_rate, self.capacity]
        if sum(one is not None for one in given) != 1:
            raise OptionError(
                f"{sum(one is not None for one in given)} of costs, highest miss rate, highest "
                "false-alarm rate and review capacity were given. Exactly one decides. Choose one."
            )
        if self.max_miss_rate is not None:
            check_rate(self.max_miss_rate, "highest miss rate")
        if self.max_false_alarm_rate is not None:
            check_rate(self.max_false_alarm_rate, "highest false-alarm rate")
        if self.defect_rate is not None:
            check_rate(self.defect_rate, "defect rate")

    @property
    def rule(self) -> Rule:
        """Which of the four."""
        if self.costs is not None:
            return "costs"
        if self.max_miss_rate is not None:
            return "max_miss_rate"
        return "review_capacity" if self.capacity is not None else "max_false_alarm_rate"

    @property
    def rate(self) -> float | None:
        """Share of defective parts that the probability answers for."""
        return self.defect_rate if self.costs is None else self.costs.defect_rate

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        capacity = self.capacity
        return {
            "costs": None if self.costs is None else self.costs.to_dict(),
            "currency": self.currency,
            "defect_rate": self.rate,
            "max_miss_rate": self.max_miss_rate,
            "max_false_alarm_rate": self.max_false_alarm_rate,
            "review_capacity": None if capacity is None else capacity.reviews,
            "parts_per_shift": None if capacity is None else capacity.parts,
        }
