"""Annotations and templates that arrive as files, beside or after their images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as Db

from offspec.annotations import Annotation, from_labelme, to_labelme
from offspec.errors import StateError, TemplateError
from offspec.store.labelling import current_template, key_of, save_annotation, save_template
from offspec.store.models import AnnotationRow, Image, Project, User
from offspec.template import Template

_EXPORTED = re.compile(r"([0-9a-f]{12})_(.+)", re.DOTALL)


def own_name(name: str, sha256: str) -> str:
    """The name of an uploaded image without the hash that an export puts before it."""
    prefix = f"{sha256[:12]}_"
    return name.removeprefix(prefix) or name


def stem_of(name: str) -> str:
    """What an image and its sidecar have in common."""
    return PurePosixPath(name).stem


def images_of_stem(db: Db, project_id: str, stem: str) -> Sequence[Image]:
    """Images of a project that a sidecar of this stem may belong to."""
    fits = Image.name.startswith(f"{stem}.", autoescape=True)
    exported = _EXPORTED.fullmatch(stem)
    if exported is not None:
        fits = or_(fits, Image.sha256.startswith(exported[1]))
    query = select(Image).where(Image.project_id == project_id, fits)
    found = db.scalars(query).all()
    stems = {stem} if exported is None else {stem, exported[2]}
    return [one for one in found if stem_of(one.name) in stems or _key_stem(one) == stem]


def _key_stem(image: Image) -> str:
    return stem_of(key_of(image))


def bring_annotation(db: Db, user: User, image: Image, said: Annotation) -> bool:
    """Enter an annotation from a file; True = the image had exactly this one already.

    Raises:
        AnnotationError: It is for an image of another size.
        StateError: The image has another annotation, which is not replaced.
    """
    size_wh = (image.width, image.height)
    sized = said.size_wh if any(said.size_wh) else size_wh
    said = replace(said, image_name=image.name, size_wh=sized)
    db.get(Image, image.id, with_for_update=True)
    row = db.get(AnnotationRow, image.id)
    before = None if row is None else from_labelme(row.content)
    if before == said:
        return True
    if before is not None and before != Annotation(image.name, size_wh):
        raise StateError(
            f"Image '{image.name}' has another annotation already, of revision "
            f"{row.revision if row else 0}. A file never replaces what people made. Change it in "
            "the studio, or take its label back first."
        )
    save_annotation(db, user, image, to_labelme(said), 0 if row is None else row.revision)
    return False


def bring_template(db: Db, user: User, project: Project, drawn: Template) -> tuple[Image, bool]:
    """Save a template from a file as a new version.

    Returns:
        Its reference image, and whether the project's latest template says the same.

    Raises:
        TemplateError: The project does not have the image it was drawn on.
    """
    query = select(Image).where(
        Image.project_id == project.id, Image.sha256 == drawn.reference_sha256
    )
    reference = db.scalars(query).first()
    if reference is None:
        raise TemplateError(
            f"The template was drawn on '{drawn.reference_file}', sha256 "
            f"{drawn.reference_sha256[:12]}..., which this project does not have. Upload that "
            "image too."
        )
    before = current_template(db, project.id)
    named = replace(drawn, reference_file=reference.name)
    row = save_template(db, user, project, reference, named.to_dict())
    return reference, before is not None and before.id == row.id
