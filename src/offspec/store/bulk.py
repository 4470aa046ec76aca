"""One word on many images: labels, and decisions on findings of the check."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from offspec.annotations import WHOLE_IMAGE, Annotation, from_labelme, to_labelme
from offspec.errors import StateError
from offspec.store import audit
from offspec.store.models import AnnotationRow, Image, User
from offspec.types import Label

NAMED = 3  # images that a refusal names


def set_labels(
    db: Db, user: User, project_id: str, images: Sequence[Image], verdict: Label | None
) -> None:
    """Judge whole images, or take that back; all or nothing. What is so already stays untouched.

    Raises:
        StateError: An image has outlined defects or judged regions, which say otherwise.
    """
    ids = [one.id for one in images]
    rows = {
        row.image_id: row
        for row in db.scalars(select(AnnotationRow).where(AnnotationRow.image_id.in_(ids)))
    }
    said = {one.id: _said(one, rows.get(one.id)) for one in images}
    _refuse_contradictions([(one, said[one.id]) for one in images], verdict)
    changed = {one.id: _judged(said[one.id], verdict) for one in images}
    changed = {id_: after for id_, after in changed.items() if after != said[id_]}
    if not changed:
        return
    for image_id, after in changed.items():
        row = rows.get(image_id)
        if row is None:
            row = AnnotationRow(image_id=image_id, revision=0)
            db.add(row)
        row.revision += 1
        row.content, row.label = to_labelme(after), after.label
        row.updated_by, row.updated_s = user.name, time.time()
    db.flush()
    old = {id_: {"verdict": said[id_].verdicts.get(WHOLE_IMAGE),
                 "defect_free": said[id_].defect_free} for id_ in changed}  # fmt: skip
    new = {"verdict": verdict, "images": list(changed)}
    audit.append(db, user.name, "labels.set", "project", project_id, old=old, new=new)


def set_decisions(
    db: Db,
    user: User,
    project_id: str,
    images: Sequence[Image],
    decision: Literal["leave_out", "keep"] | None,
    why: str,
) -> None:
    """Say what is to happen to images that the check found odd; None takes that back."""
    reason = "" if decision is None else why.strip()
    changed = [one for one in images if (one.decision, one.decision_why) != (decision, reason)]
    if not changed:
        return
    old = {one.id: {"decision": one.decision, "why": one.decision_why} for one in changed}
    for one in changed:
        one.decision, one.decision_why = decision, reason
    db.flush()
    new = {"decision": decision, "why": reason, "images": [one.id for one in changed]}
    audit.append(db, user.name, "decisions.set", "project", project_id, old=old, new=new)


def _said(image: Image, row: AnnotationRow | None) -> Annotation:
    if row is None:
        return Annotation(image.name, (image.width, image.height))
    return from_labelme(row.content)


def _refuse_contradictions(
    pairs: Sequence[tuple[Image, Annotation]], verdict: Label | None
) -> None:
    """Outlines and judged regions outlive a word on the whole image."""
    if verdict == "ng":
        return
    held = [image.name for image, said in pairs if _speaks_against(said, verdict)]
    if not held:
        return
    names = ", ".join(f"'{name}'" for name in held[:NAMED])
    more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
    what = "cannot become OK" if verdict == "ok" else "would keep a label"
    raise StateError(
        f"{len(held)} of {len(pairs)} images {what}: {names}{more}. They have outlined defects or "
        "judged regions, and nothing was changed. Open them and remove those first."
    )


def _speaks_against(said: Annotation, verdict: Label | None) -> bool:
    regions = [v for name, v in said.verdicts.items() if name != WHOLE_IMAGE]
    return bool(said.defects) or (bool(regions) if verdict is None else "ng" in regions)


def _judged(said: Annotation, verdict: Label | None) -> Annotation:
    verdicts = {name: v for name, v in said.verdicts.items() if name != WHOLE_IMAGE}
    if verdict is not None:
        verdicts = {WHOLE_IMAGE: verdict, **verdicts}
    return replace(said, verdicts=verdicts, defect_free=verdict == "ok")
