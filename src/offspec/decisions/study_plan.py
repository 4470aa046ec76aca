"""How many parts an attribute study needs, before anybody takes a photograph.

A limit is shown when, with so many errors or fewer among so many parts, a system at the limit
would have been luckier than the confidence allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from offspec.errors import OptionError
from offspec.guarantee import CONFIDENCE

ERRORS = (0, 1, 2)
USUAL_PARTS, USUAL_APPRAISERS, USUAL_TRIALS = 50, 3, 3
GUIDANCE = (
    "The usual study has 50 parts, 3 appraisers and 3 trials.",
    "Let 30 to 50 % of the parts be borderline: parts that everybody judges alike show nothing.",
    "Have both kinds: a fifth to a half bad, of every defect type that matters.",
    "Fix the reference before the study, by measuring or by a panel, and tell nobody.",
    "Show the parts in random order; an operator must not know an earlier verdict.",
    "A trial of the system is a new photograph: take the part out, put it in again.",
    "No image of the study may have been learned from, or have helped to set a threshold.",
)


def parts_needed(limit: float, errors: int, confidence: float = CONFIDENCE) -> int:
    """Fewest independent parts that show an error rate below ``limit`` with ``errors`` wrong.

    Args:
        limit: Error rate to be shown, in (0, 1).
        errors: Wrong decisions allowed, from 0.
        confidence: One-sided, in (0, 1).

    Example:
        >>> parts_needed(0.02, 0), parts_needed(0.05, 0)
        (149, 59)
    """
    for value, name in ((limit, "limit"), (confidence, "confidence")):
        if not 1e-6 <= value <= 1.0 - 1e-6:
            raise OptionError(
                f"The {name} is {value}. It is a share between 0 and 1, such as 0.02. "
                "Give another one."
            )
    low, high = errors, errors + 1
    while stats.binom.cdf(errors, high, limit) > 1.0 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if stats.binom.cdf(errors, middle, limit) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def shown_by(parts: int, errors: int, confidence: float = CONFIDENCE) -> float:
    """Error rate that ``parts`` parts with ``errors`` wrong show with that confidence."""
    if not 0 <= errors <= parts or parts < 1:
        raise OptionError(
            f"{errors} errors among {parts} parts are not possible. Use at least one part and no "
            "more errors than parts."
        )
    return 1.0 if errors == parts else float(stats.beta.ppf(confidence, errors + 1, parts - errors))


@dataclass(frozen=True, slots=True)
class Need:
    """What one limit asks for.

    Attributes:
        figure: ``miss_rate``, ``false_alarm_rate`` or ``effectiveness``.
        limit: Largest error rate to be shown (for effectiveness, one minus it).
        kind: Which parts count: bad, good or all.
        parts: Errors allowed -> parts needed, each of them independent.
        planned: Parts that are planned, or None.
        shows: Errors seen -> the rate the planned parts show; empty without a plan.
    """

    figure: str
    limit: float
    kind: str
    parts: dict[int, int]
    planned: int | None
    shows: dict[int, float]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "figure": self.figure,
            "limit": self.limit,
            "kind": self.kind,
            "parts_needed": {str(k): v for k, v in self.parts.items()},
            "planned": self.planned,
            "shows": {str(k): v for k, v in self.shows.items()},
        }


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """Sample sizes for the limits of a study."""

    needs: tuple[Need, ...]
    trials: int
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "confidence": self.confidence,
            "trials": self.trials,
            "needs": [need.to_dict() for need in self.needs],
            "guidance": list(GUIDANCE),
        }


def plan_study(
    *,
    effectiveness: float,
    miss: float,
    false_alarm: float,
    confidence: float = CONFIDENCE,
    trials: int = USUAL_TRIALS,
    parts_bad: int | None = None,
    parts_good: int | None = None,
    errors: Sequence[int] = ERRORS,
) -> StudyPlan:
    """Parts needed to show the limits, and what the planned parts would show.

    Args:
        effectiveness: Least share of parts judged right in every trial, in (0, 1).
        miss: Largest share of bad parts called good, in (0, 1).
        false_alarm: Largest share of good parts called bad, in (0, 1).
        confidence: One-sided, in (0, 1).
        trials: Presentations of each part; they make the study, not the number of parts.
        parts_bad: Bad parts planned, or None.
        parts_good: Good parts planned, or None.
        errors: Numbers of wrong parts to answer for.
    """
    if trials < 2:
        raise OptionError(
            f"{trials} trial of each part shows no repeatability. Use at least 2, usually 3."
        )
    both = None if parts_bad is None or parts_good is None else parts_bad + parts_good
    rows = (
        ("miss_rate", miss, "bad", parts_bad),
        ("false_alarm_rate", false_alarm, "good", parts_good),
        ("effectiveness", 1.0 - effectiveness, "all", both),
    )
    needs = []
    for figure, limit, kind, planned in rows:
        parts = {e: parts_needed(limit, e, confidence) for e in errors}
        shows = {} if planned is None else {e: shown_by(planned, e, confidence) for e in errors}
        needs.append(Need(figure, limit, kind, parts, planned, shows))
    return StudyPlan(tuple(needs), trials, confidence)
