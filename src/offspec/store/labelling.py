"""Annotations, templates and dataset versions of a project."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Db

from offspec.annotations import Annotation, from_labelme, to_labelme
from offspec.datasets import DatasetVersion, FileEntry, ImageRecord, draw_split
from offspec.errors import AnnotationError, DatasetError, StateError, TemplateError
from offspec.store import audit
from offspec.store.models import (
    AnnotationRow,
    Image,
    Project,
    TemplateRow,
    User,
    VersionRow,
)
from offspec.template import Template

_SURROGATE = re.compile("[\ud800-\udfff]")


def annotation_of(db: Db, image: Image) -> AnnotationRow | None:
    """What is said of an image; None = nobody has looked."""
    return db.get(AnnotationRow, image.id)


def save_annotation(
    db: Db, user: User, image: Image, content: Mapping[str, Any], revision: int
) -> AnnotationRow:
    """Replace what is said of an image.

    ``content`` is LabelMe-compatible, as a sidecar file holds it; ``revision`` is what the writer
    saw, 0 where nothing was there.

    Raises:
        AnnotationError: Malformed, or of another size than the image.
        StateError: Somebody else wrote in between.
    """
    annotation = from_labelme(content)
    size_wh = (image.width, image.height)
    if any(annotation.size_wh) and annotation.size_wh != size_wh:
        raise AnnotationError(
            f"The annotation is for {annotation.size_wh[0]} x {annotation.size_wh[1]} pixels, the "
            f"image has {size_wh[0]} x {size_wh[1]}. Both must agree. Annotate this image."
        )
    written = to_labelme(replace(annotation, image_name=image.name, size_wh=size_wh))
    _refuse_odd_text(written)
    db.get(Image, image.id, with_for_update=True)  # one writer an image, also where rows are new
    row = db.get(AnnotationRow, image.id, populate_existing=True)
    seen = 0 if row is None else row.revision
    if seen != revision:
        raise StateError(
            f"The annotation of '{image.name}' was changed in between: revision {seen}, not "
            f"{revision}. Load it again, then repeat the change."
        )
    old = None if row is None else dict(row.content)
    if row is None:
        row = AnnotationRow(
            image_id=image.id, revision=0, content={}, label=None, updated_by=user.name
        )
        db.add(row)
    row.revision += 1
    row.content, row.label, row.updated_by = written, annotation.label, user.name
    row.updated_s = time.time()
    db.flush()
    audit.append(db, user.name, "annotation.save", "image", image.id, old=old, new=written)
    return row


def _refuse_odd_text(content: Mapping[str, Any]) -> None:
    """PostgreSQL cannot look into JSON with a NUL or half a character: every list would fail."""
    plain = json.dumps(content, ensure_ascii=False).replace("\\\\", "")
    if "\\u0000" in plain or _SURROGATE.search(plain):
        raise AnnotationError(
            "The annotation holds a NUL or half of a surrogate pair in a text. Names are written "
            "in characters. Correct the name of the defect or region."
        )


def save_template(
    db: Db, user: User, project: Project, reference: Image, content: Mapping[str, Any]
) -> TemplateRow:
    """Save a template as a new version; equal content makes none.

    A reference that nobody has judged is then a good part to learn from: that is what it is for.

    Raises:
        TemplateError: It breaks a rule, or does not fit the reference image.
    """
    template = Template.from_dict(dict(content))
    if template.size_wh != (reference.width, reference.height):
        raise TemplateError(
            f"The template is for {template.size_wh[0]} x {template.size_wh[1]} pixels, the "
            f"reference has {reference.width} x {reference.height}. Draw it on this image."
        )
    if template.reference_sha256 != reference.sha256:
        raise TemplateError(
            "The template names another reference image than the one given. Both must be the "
            "same. Draw it on this image."
        )
    last = current_template(db, project.id)
    written = template.to_dict()
    if last is not None and last.content == written:
        return last
    row = TemplateRow(
        project_id=project.id,
        version=1 if last is None else last.version + 1,
        reference_id=reference.id,
        content=written,
        created_by=user.name,
    )
    db.add(row)
    db.flush()
    old = None if last is None else {"version": last.version}
    new = {"version": row.version, "regions": [r.id for r in template.regions]}
    audit.append(db, user.name, "template.save", "project", project.id, old=old, new=new)
    if annotation_of(db, reference) is None:
        said = Annotation(reference.name, template.size_wh, defect_free=True, split="train")
        save_annotation(db, user, reference, to_labelme(said), 0)
    return row


def current_template(db: Db, project_id: str) -> TemplateRow | None:
    """The latest version; None = nobody drew one."""
    query = select(TemplateRow).where(TemplateRow.project_id == project_id)
    return db.scalars(query.order_by(TemplateRow.version.desc()).limit(1)).first()


def create_version(db: Db, user: User, project: Project, note: str, seed: int) -> VersionRow:
    """Freeze what is labelled now and not left out; equal content is the version that is there.

    Raises:
        DatasetError: There is no normal image to learn from.
    """
    rows = db.execute(
        select(Image, AnnotationRow)
        .join(AnnotationRow, AnnotationRow.image_id == Image.id)
        .where(
            Image.project_id == project.id,
            AnnotationRow.label.is_not(None),
            Image.decision.is_distinct_from("leave_out"),
        )
        .order_by(Image.id)
        .with_for_update(read=True, of=Image)  # nobody deletes one before the version holds it
    ).all()
    labelled = [(image, from_labelme(said.content)) for image, said in rows]
    version = _frozen(labelled, seed)
    known = db.scalars(
        select(VersionRow).where(
            VersionRow.project_id == project.id, VersionRow.fingerprint == version.id
        )
    ).first()
    if known is not None:
        return known
    row = VersionRow(
        project_id=project.id,
        fingerprint=version.id,
        content={
            **version.to_dict(),
            "seed": seed,
            "annotations": {key_of(image): to_labelme(said) for image, said in labelled},
        },
        note=note,
        created_by=user.name,
    )
    db.add(row)
    db.flush()
    new = {"fingerprint": version.id, "files": len(version.files)}
    audit.append(db, user.name, "version.create", "version", row.id, new=new)
    return row


def key_of(image: Image) -> str:
    """Name of an image in a dataset version: unique, and safe on every file system."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in image.name)
    return f"{image.sha256[:12]}_{safe[-80:]}"


def image_ids(db: Db, version: VersionRow) -> dict[str, str]:
    """Names in a dataset version to ids of the project's images."""
    rows = db.execute(select(Image.sha256, Image.id).where(Image.project_id == version.project_id))
    known = {row.sha256: row.id for row in rows}
    files = version.content["files"]
    return {one["key"]: known[one["sha256"]] for one in files if one["sha256"] in known}


def _frozen(labelled: Sequence[tuple[Image, Annotation]], seed: int) -> DatasetVersion:
    """Split as ``read_dataset`` splits a folder with sidecars."""
    records = []
    truth: dict[str, str] = {}
    for image, said in labelled:
        label = said.label
        split = said.split or ("test" if label == "ng" else None)
        key = key_of(image)
        truth[key] = hashlib.sha256(
            json.dumps(to_labelme(said), sort_keys=True).encode()
        ).hexdigest()
        records.append(
            ImageRecord(
                Path(key), key, label, split, annotation=said, group=said.part_id,
                sha256=image.sha256,
            )
        )  # fmt: skip
    drawn = sorted(draw_split(records, seed), key=lambda r: r.key)
    if not any(r.split == "train" for r in drawn):
        raise DatasetError(
            f"Of {len(drawn)} labelled images none is a normal to learn from. At least one good "
            "image is needed. Mark good images as OK."
        )
    return DatasetVersion(
        tuple(FileEntry(r.key, r.sha256, r.label, r.split, truth[r.key]) for r in drawn)
    )


def versions_of(db: Db, project_id: str) -> Sequence[VersionRow]:
    """Dataset versions, the latest first."""
    query = select(VersionRow).where(VersionRow.project_id == project_id)
    return db.scalars(query.order_by(VersionRow.created_s.desc())).all()


def label_counts(db: Db, project_id: str) -> dict[str, int]:
    """How many images are good, bad, and not judged."""
    rows = db.execute(
        select(AnnotationRow.label, func.count())
        .select_from(Image)
        .outerjoin(AnnotationRow, AnnotationRow.image_id == Image.id)
        .where(Image.project_id == project_id)
        .group_by(AnnotationRow.label)
    ).all()
    found = {"ok": 0, "ng": 0, "none": 0}
    for label, count in rows:
        found[label or "none"] += count
    return found
