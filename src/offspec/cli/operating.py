"""The part of ``offspec calibrate`` that chooses decision points on labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offspec.cli.common import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from offspec.decisions.operating_asked import Asked

_OWN = ("problem",)


@dataclass(frozen=True, slots=True)
class Typed:
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
        return [_option(name) for name in self.__slots__ if getattr(self, name) is not None]


def asked_of(typed: Typed) -> Asked:
    """What decides, from the options and the problem statement; options win.

    Raises:
        OptionError: Options that contradict each other, or one that is missing.
    """
    from offspec.decisions import operating_given
    from offspec.problem import read_problem

    values = {name: getattr(typed, name) for name in typed.__slots__ if name not in _OWN}
    answers = None if typed.problem is None else read_problem(typed.problem).answers
    return operating_given.asked_of(operating_given.Given(**values), answers, _option)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
