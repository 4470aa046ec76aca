"""Figures on inspections: how people and model agree, and how much there was in an hour."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session as Db

from offspec.annotations import from_labelme
from offspec.errors import OptionError
from offspec.guarantee import clopper_pearson
from offspec.store.inspections import Filter, conditions
from offspec.store.models import AnnotationRow, Image, InspectionRow

HOUR_S, DAY_S = 3600, 86_400
MOST_BUCKETS, MOST_REVIEWS = 2000, 20_000
PAUSE_S = 300.0  # longer, and somebody did something else in between

OVERRULED: ColumnElement[bool] = or_(
    and_(InspectionRow.verdict == "ng", InspectionRow.review == "ok"),
    and_(InspectionRow.verdict == "ok", InspectionRow.review == "ng"),
)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One person's reviews; ``median_s`` from one to the next, pauses left out."""

    name: str
    judged: int
    agreed: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How reviews and verdicts meet.

    Attributes:
        counts: Keys such as ``ng_ok``, model first, person second.
        judged: Reviews of pictures that the model called ok or ng.
        rate: Share of them that agree, with its exact 95 % interval; None where none is.
    """

    counts: dict[str, int]
    judged: int
    agreed: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    by_reviewer: tuple[Reviewer, ...] = ()


def agreement(db: Db, project_id: str, wanted: Filter) -> Agreement:
    """How people's reviews and the model's verdicts meet."""
    rows = db.execute(
        select(InspectionRow.reviewed_by, InspectionRow.verdict, InspectionRow.review, func.count())
        .where(*conditions(project_id, wanted), InspectionRow.review.is_not(None))
        .group_by(InspectionRow.reviewed_by, InspectionRow.verdict, InspectionRow.review)
    ).all()
    counts: dict[str, int] = defaultdict(int)
    people: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for person, verdict, decision, count in rows:
        counts[f"{verdict}_{decision}"] += count
        own = people[person or ""]  # also of who judged only what the model left open
        own[0] += count if verdict in ("ok", "ng") else 0
        own[1] += count if verdict == decision else 0
    judged = sum(one[0] for one in people.values())
    agreed = sum(one[1] for one in people.values())
    low, high = (None, None) if not judged else clopper_pearson(agreed, judged)
    speeds = _speeds(db, project_id, wanted)
    return Agreement(
        dict(sorted(counts.items())), judged, agreed,
        None if not judged else agreed / judged, low, high,
        tuple(
            Reviewer(name, one[0], one[1], speeds.get(name)) for name, one in sorted(people.items())
        ),
    )  # fmt: skip


def _speeds(db: Db, project_id: str, wanted: Filter) -> dict[str, float]:
    """Median seconds between one review and the next of the same person, of the latest ones."""
    rows = db.execute(
        select(InspectionRow.reviewed_by, InspectionRow.reviewed_s)
        .where(*conditions(project_id, wanted), InspectionRow.review.is_not(None))
        .order_by(InspectionRow.reviewed_s.desc())
        .limit(MOST_REVIEWS)
    ).all()
    last: dict[str, float] = {}
    gaps: dict[str, list[float]] = defaultdict(list)
    for person, reviewed_s in rows:
        name, at = person or "", reviewed_s or 0.0
        if name in last and last[name] - at <= PAUSE_S:
            gaps[name].append(last[name] - at)
        last[name] = at
    return {name: round(statistics.median(values), 3) for name, values in gaps.items()}


@dataclass(slots=True)
class Bucket:
    """Inspections of one hour or day, in UTC."""

    start_s: float
    verdicts: dict[str, int] = field(default_factory=dict)
    reviewed: int = 0
    overruled: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        counts = {name: self.verdicts.get(name, 0) for name in ("ok", "review", "ng", "invalid")}
        told = {"reviewed": self.reviewed, "overruled": self.overruled}
        return {"start_s": self.start_s, **counts, **told}


def rates(
    db: Db,
    project_id: str,
    from_s: float,
    to_s: float,
    bucket: Literal["hour", "day"],
    line: str | None = None,
) -> list[Bucket]:
    """Counts of every hour or day between two times, empty ones too; of one line or of all.

    Raises:
        OptionError: The end is before the beginning, or there are too many.
    """
    size = HOUR_S if bucket == "hour" else DAY_S
    if not 0 <= from_s <= to_s < 1e11:
        raise OptionError(
            f"The time from {from_s:g} to {to_s:g} cannot be. Both are seconds since 1970, the "
            "first not after the second. Give others."
        )
    first, last = math.floor(from_s / size), math.floor(to_s / size)
    if last - first >= MOST_BUCKETS:
        raise OptionError(
            f"{last - first + 1} {bucket}s were asked for. At most {MOST_BUCKETS} are told at "
            "once. Ask for a shorter time, or for days."
        )
    found = {at: Bucket(float(at * size)) for at in range(first, last + 1)}
    at = _whole(db, InspectionRow.created_s / size)
    reviewed = func.count(InspectionRow.review)
    overruled = func.sum(case((OVERRULED, 1), else_=0))
    rows = db.execute(
        select(at, InspectionRow.verdict, func.count(), reviewed, overruled)
        .where(*conditions(project_id, Filter(line=line, from_s=from_s, to_s=to_s)))
        .group_by(at, InspectionRow.verdict)
    ).all()
    for number, verdict, count, told, against in rows:
        one = found[int(number)]
        one.verdicts[verdict] = count
        one.reviewed += told
        one.overruled += int(against)
    return list(found.values())


def _whole(db: Db, value: ColumnElement[float]) -> ColumnElement[Any]:
    """The whole number below a positive one: a cast cuts in SQLite and rounds in PostgreSQL."""
    if db.get_bind().dialect.name == "sqlite":
        return cast(value, Integer)
    return func.floor(value)


@dataclass(frozen=True, slots=True)
class Said:
    """One review of a named part; ``reference`` is what the part is, where that is known."""

    reviewer: str
    part: str
    review: str
    reference: str | None


def reviews_of_parts(db: Db, project_id: str) -> list[Said]:
    """Reviews of inspections with a part number, in order of time."""
    known = _references(db, project_id)
    rows = db.execute(
        select(InspectionRow.reviewed_by, InspectionRow.part_id, InspectionRow.review)
        .where(
            InspectionRow.project_id == project_id,
            InspectionRow.part_id.is_not(None),
            InspectionRow.review.is_not(None),
        )
        .order_by(InspectionRow.reviewed_s)
        .limit(MOST_REVIEWS)
    ).all()
    told = ((name or "", part or "", said or "") for name, part, said in rows)
    return [Said(name, part, said, known.get(part)) for name, part, said in told]


def _references(db: Db, project_id: str) -> dict[str, str]:
    """Part number to label, of labelled images; a part that is both good and bad is left out.

    So are images that reviews made: they would be measured against themselves.
    """
    reviewed = select(InspectionRow.learned_image_id).where(
        InspectionRow.project_id == project_id, InspectionRow.learned_image_id.is_not(None)
    )
    rows = db.execute(
        select(AnnotationRow.content, AnnotationRow.label)
        .join(Image, Image.id == AnnotationRow.image_id)
        .where(
            Image.project_id == project_id,
            Image.id.not_in(reviewed),
            AnnotationRow.label.is_not(None),
        )
    ).all()
    found: dict[str, set[str]] = defaultdict(set)
    for content, label in rows:
        part = from_labelme(content).part_id
        if part is not None and label is not None:
            found[part].add(label)
    return {part: labels.pop() for part, labels in found.items() if len(labels) == 1}
