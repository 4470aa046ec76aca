"""Pictures that are there twice, on both sides of the split, or with two labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from offspec.datasets import ImageRecord
from offspec.grouping import group
from offspec.health.look import Glance


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images that show the same.

    Attributes:
        keys: Two or more, in order.
        kind: ``exact`` = the same pixels, ``near`` = one part, photographed again.
        leak: Some are learned from, others tested on.
        contradiction: Some are called good, others bad.
    """

    keys: tuple[str, ...]
    kind: Literal["exact", "near"]
    leak: bool
    contradiction: bool


def exact_duplicates(glances: Sequence[Glance]) -> list[Duplicates]:
    """Groups with equal pixels, whatever the file format."""
    found: dict[str, list[ImageRecord]] = defaultdict(list)
    for one in glances:
        found[one.sha256].append(one.record)
    return [_group(records, "exact") for records in found.values() if len(records) > 1]


def near_duplicates(
    records: Sequence[ImageRecord], signatures: Sequence[str], exact: Sequence[Duplicates]
) -> list[Duplicates]:
    """Groups that are one photograph or burst, apart from those with equal pixels."""
    members: dict[int, list[ImageRecord]] = defaultdict(list)
    for record, number in zip(records, group(signatures, [None] * len(records)), strict=True):
        members[number].append(record)
    known = {key for one in exact for key in one.keys}
    return [
        _group(own, "near")
        for own in members.values()
        if len(own) > 1 and not {record.key for record in own} <= known
    ]


def _group(records: Sequence[ImageRecord], kind: Literal["exact", "near"]) -> Duplicates:
    ordered = sorted(records, key=lambda r: r.key)
    return Duplicates(
        tuple(r.key for r in ordered),
        kind,
        leak=len({r.split for r in ordered if r.split is not None}) > 1,
        contradiction=len({r.label for r in ordered if r.label is not None}) > 1,
    )
