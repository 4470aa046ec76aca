"""What speaks against an image as the reference: what is said of it, and sizes of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Db

from offspec.annotations import Annotation, from_labelme
from offspec.gate import check_size, other_sizes_words
from offspec.store.images import other_size
from offspec.store.labelling import annotation_of, versions_of
from offspec.store.models import Image
from offspec.types import SizePolicy

Finding = dict[str, str]


def as_reference(db: Db, image: Image, size_policy: SizePolicy) -> dict[str, Any]:
    """Findings with level, topic and words, as the check of a dataset has them, and counts.

    Nothing is refused: whoever has seen it may go on.

    Args:
        db: To read from.
        image: The reference, or what may become it.
        size_policy: Of the template.
    """
    row = annotation_of(db, image)
    said = None if row is None else from_labelme(row.content)
    others, refused = _other_sizes(db, image, size_policy)
    found = [
        *_label(image, said),
        *_split(db, image, said),
        *_sizes(image, size_policy, others, refused),
    ]
    return {"findings": found, "other_sizes": others, "refused": refused}


def _one(level: str, topic: str, words: str) -> Finding:
    return {"level": level, "topic": topic, "words": words}


def _label(image: Image, said: Annotation | None) -> Iterator[Finding]:
    if said is None or said.label != "ng":
        return
    count = len(said.defects)
    if count:
        what = f"has {count} outlined {'defect' if count == 1 else 'defects'}"
    else:
        what = "is judged NG"
    yield _one(
        "must", "label",
        f"'{image.name}' {what}. The reference shows what a good part looks like: what is wrong "
        "on it is taken for normal, such a defect is missed on other parts, and good parts may be "
        "stopped in its place. Choose an image of a good part, or correct what is said of this "
        "one.",
    )  # fmt: skip


def _split(db: Db, image: Image, said: Annotation | None) -> Iterator[Finding]:
    if said is not None and said.split == "test":
        where = "is kept for the test"
    elif _is_tested(db, image, said):
        where = "is a test image of the latest dataset version"
    else:
        return
    yield _one(
        "look", "split",
        f"'{image.name}' {where}. A model learns from its reference and cannot be tested on it: "
        "evaluations leave the image out, and the test has one image less. Choose an image that "
        "is not for the test.",
    )  # fmt: skip


def _is_tested(db: Db, image: Image, said: Annotation | None) -> bool:
    """Whether the latest version drew a good image for the test; what is bad is told as such."""
    version = next(iter(versions_of(db, image.project_id)), None)
    if version is None or said is None or said.label != "ok":
        return False
    files = version.content["files"]
    return any(one["sha256"] == image.sha256 and one["split"] == "test" for one in files)


def _other_sizes(db: Db, image: Image, policy: SizePolicy) -> tuple[int, int]:
    """Images of another size than this one, and how many of them the policy refuses."""
    size_wh = (image.width, image.height)
    rows = db.execute(
        select(Image.width, Image.height, func.count())
        .where(Image.project_id == image.project_id, other_size(size_wh))
        .group_by(Image.width, Image.height)
    ).all()
    refused = sum(
        count for width, height, count in rows if check_size((width, height), size_wh, policy)
    )
    return sum(count for _, _, count in rows), refused


def _sizes(image: Image, policy: SizePolicy, others: int, refused: int) -> Iterator[Finding]:
    if others:
        words = other_sizes_words((image.width, image.height), policy, others, refused)
        yield _one("look" if refused else "note", "sizes", words)
