"""One half of the labelled images chooses, the other measures."""

from __future__ import annotations

from pathlib import Path

from offspec.datasets import ImageRecord
from offspec.decisions.halves import half_of
from offspec.types import Label


def record(number: int, label: Label, group: str | None = None) -> ImageRecord:
    key = f"{label}{number}.png"
    return ImageRecord(Path(key), key, label, "test", group=group, sha256=f"{label}{number}")


def test_half_of_each_label_the_same_on_every_machine() -> None:
    records = [record(i, "ok") for i in range(9)] + [record(i, "ng") for i in range(4)]
    chosen = half_of(records)
    assert [sum(r.label == label for r in chosen) for label in ("ok", "ng")] == [5, 2]
    assert half_of(records[::-1])[::-1] == chosen
    assert half_of(records, seed=1) != chosen
    assert [r.key for r in chosen] == [r.key for r in records if r in chosen]


def test_photographs_of_one_part_stay_together() -> None:
    records = [record(i, "ok", f"part{i // 3}") for i in range(12)]
    chosen = half_of(records)
    assert len(chosen) == 6
    assert len({r.group for r in chosen}) == 2


def test_a_single_image_is_the_half_and_none_is_none() -> None:
    assert half_of([record(0, "ng")]) == (record(0, "ng"),)
    assert half_of([]) == ()
