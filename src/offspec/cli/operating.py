"""The part of ``offspec calibrate`` that chooses decision points on labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offspec.cli.common import Output
from offspec.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from offspec.decisions.operating_asked import Asked

_COSTS = ("cost_miss", "cost_false_alarm", "cost_review", "defect_rate")


@dataclass(frozen=True, slots=True)
class Given:
    """The options as typed; None = not given."""

    cost_miss: float | None = None
    cost_false_alarm: float | None = None
    cost_review: float | None = None
    defect_rate: float | None = None
    max_miss_rate: float | None = None
    max_false_alarm_rate: float | None = None
    review_capacity: float | None = None
    parts_per_shift: float | None = None
    problem: Path | None = None

    def named(self) -> list[str]:
        """Options that were given, as they are typed."""
        return [
            f"--{name.replace('_', '-')}"
            for name in self.__slots__
            if getattr(self, name) is not None
        ]


def asked_of(given: Given) -> Asked:
    """What decides, from the options and the problem statement; options win.

    Raises:
        OptionError: Options that contradict each other, or one that is missing.
    """
    from offspec.decisions.operating_asked import Asked, Capacity
    from offspec.operating_points import Costs
    from offspec.problem import Answers, read_problem

    answers = Answers() if given.problem is None else read_problem(given.problem).answers
    capacity = (given.review_capacity, given.parts_per_shift)
    if (capacity[0] is None) != (capacity[1] is None):
        raise OptionError(
            "--review-capacity and --parts-per-shift belong together: parts that people can look "
            "at again in a shift, and parts made in it. Give both."
        )
    limits = [
        name
        for name in ("max_miss_rate", "max_false_alarm_rate", "review_capacity")
        if getattr(given, name) is not None
    ]
    prices = [name for name in _COSTS[:3] if getattr(given, name) is not None]
    if len(limits) > 1 or (limits and prices):
        words = [f"--{name.replace('_', '-')}" for name in (*limits, *prices)]
        raise OptionError(
            f"{', '.join(words)} contradict each other. Costs, a highest miss rate, a highest "
            "false-alarm rate or a review capacity decide, one of them. Leave the others out."
        )
    rate = answers.defect_rate if given.defect_rate is None else given.defect_rate
    if limits:
        return Asked(
            max_miss_rate=given.max_miss_rate,
            max_false_alarm_rate=given.max_false_alarm_rate,
            capacity=None if capacity[0] is None else Capacity(capacity[0], capacity[1] or 0.0),
            defect_rate=rate,
            currency=answers.currency,
        )
    values = {
        name: getattr(answers, name) if getattr(given, name) is None else getattr(given, name)
        for name in _COSTS
    }
    missing = [f"--{name.replace('_', '-')}" for name, value in values.items() if value is None]
    if missing:
        raise OptionError(
            f"--validation needs to know what decides; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Give the costs of a miss, a false "
            "alarm and a review and the defect rate (or --problem with them), or --max-miss-rate, "
            "--max-false-alarm-rate, or --review-capacity with --parts-per-shift."
        )
    return Asked(costs=Costs(*(float(values[name]) for name in _COSTS)), currency=answers.currency)


def describe_choice(output: Output, result: dict[str, Any]) -> None:
    """Say what was chosen and what it will cost."""
    from offspec.decisions import operating_words as words

    lines = (*words.points_words(result), *words.claim_words(result), *words.cost_words(result))
    for line in lines:
        output.say(line)
    tables: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
        ("alternatives", words.alternatives_table, ""),
        ("regions", words.regions_table, ""),
        ("unseen_types", words.types_table, "Thresholds chosen without one type of defect:"),
        ("sensitivity", words.moves_table, "If the assumptions are off:"),
    ]
    for key, table, title in tables:
        if result[key]:
            output.say()
            if title:
                output.say(title)
            head, rows = table(result)
            output.table(head, rows)
    output.say()
    if result["validation"]["defective"]:
        output.say(words.probability_words(result))
    output.say(words.basis_words(result))
    for warning in result["warnings"]:
        output.say(f"warning: {warning}")
    for error in result["errors"]:
        cause = error["error"]
        output.say(f"not read: {error['image']}: [{cause['code']}] {cause['message']}")
