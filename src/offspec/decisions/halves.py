"""Halves of labelled images: one chooses decision points, the other measures them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from offspec.datasets import ImageRecord


def half_of(records: Sequence[ImageRecord], seed: int = 0) -> tuple[ImageRecord, ...]:
    """Half of the good and half of the defective images, photographs of one part together.

    The same images and seed give the same half on every machine. Of one part alone it is the half.
    """
    chosen: set[str] = set()
    for label in ("ok", "ng"):
        own = sorted({_unit(r) for r in records if r.label == label}, key=_rank(seed))
        chosen |= {f"{label} {unit}" for unit in own[: (len(own) + 1) // 2]}
    return tuple(r for r in records if f"{r.label} {_unit(r)}" in chosen)


def _unit(record: ImageRecord) -> str:
    return f"part {record.group}" if record.group is not None else f"file {record.sha256}"


def _rank(seed: int) -> Callable[[str], str]:
    return lambda unit: hashlib.sha256(f"{seed}:{unit}".encode()).hexdigest()
