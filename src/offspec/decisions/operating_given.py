"""From options that people typed or sent to what decides where parts are stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from offspec.decisions.operating_asked import Asked, Capacity
from offspec.errors import OptionError
from offspec.operating_points import Costs
from offspec.problem import Answers

_COSTS = ("cost_miss", "cost_false_alarm", "cost_review", "defect_rate")


@dataclass(frozen=True, slots=True)
class Given:
    """What was given; None = not."""

    cost_miss: float | None = None
    cost_false_alarm: float | None = None
    cost_review: float | None = None
    defect_rate: float | None = None
    max_miss_rate: float | None = None
    max_false_alarm_rate: float | None = None
    review_capacity: float | None = None
    parts_per_shift: float | None = None

    def names(self) -> list[str]:
        """Of what was given."""
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]


def asked_of(
    given: Given, answers: Answers | None = None, spell: Callable[[str], str] = str
) -> Asked:
    """What decides, from what was given and the problem statement; the first wins.

    Args:
        given: Costs, a limit, or a capacity.
        answers: Of the problem statement, where there is one.
        spell: How the reader of a message writes a name.

    Raises:
        OptionError: Options that contradict each other, or one that is missing.
    """
    answers = Answers() if answers is None else answers
    capacity = _capacity(given, spell)
    _refuse_contradiction(given, spell)
    rate = answers.defect_rate if given.defect_rate is None else given.defect_rate
    limited = (given.max_miss_rate, given.max_false_alarm_rate, capacity)
    if any(one is not None for one in limited):
        return Asked(
            max_miss_rate=given.max_miss_rate,
            max_false_alarm_rate=given.max_false_alarm_rate,
            capacity=capacity,
            defect_rate=rate,
            currency=answers.currency,
        )
    values = {
        name: getattr(answers, name) if getattr(given, name) is None else getattr(given, name)
        for name in _COSTS
    }
    missing = [spell(name) for name, value in values.items() if value is None]
    if missing:
        raise OptionError(
            f"Choosing thresholds on labelled images needs to know what decides; "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. Give the costs "
            "of a miss, a false alarm and a review and the defect rate (or a problem statement "
            f"with them), or {spell('max_miss_rate')}, {spell('max_false_alarm_rate')}, or "
            f"{spell('review_capacity')} with {spell('parts_per_shift')}."
        )
    return Asked(costs=Costs(*(float(values[name]) for name in _COSTS)), currency=answers.currency)


def _capacity(given: Given, spell: Callable[[str], str]) -> Capacity | None:
    if given.review_capacity is None and given.parts_per_shift is None:
        return None
    if given.review_capacity is None or given.parts_per_shift is None:
        raise OptionError(
            f"{spell('review_capacity')} and {spell('parts_per_shift')} belong together: parts "
            "that people can look at again in a shift, and parts made in it. Give both."
        )
    return Capacity(given.review_capacity, given.parts_per_shift)


def _refuse_contradiction(given: Given, spell: Callable[[str], str]) -> None:
    limits = [
        name
        for name in ("max_miss_rate", "max_false_alarm_rate", "review_capacity")
        if getattr(given, name) is not None
    ]
    prices = [name for name in _COSTS[:3] if getattr(given, name) is not None]
    if len(limits) > 1 or (limits and prices):
        raise OptionError(
            f"{', '.join(spell(name) for name in (*limits, *prices))} contradict each other. "
            "Costs, a highest miss rate, a highest false-alarm rate or a review capacity decide, "
            "one of them. Leave the others out."
        )
