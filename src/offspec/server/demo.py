"""The practice product as a project, for who wants to look around before bringing own images."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from offspec.annotations import read_annotation, sidecar_path, to_labelme
from offspec.images import image_files
from offspec.practice import make_practice
from offspec.server.services import Services
from offspec.store import labelling, queries
from offspec.store.models import Project, User
from offspec.template import read_template

NAME = "Practice board"
IMAGES = 40


def load_practice(
    services: Services,
    user_name: str = "admin",
    images: int = IMAGES,
    progress: Callable[[str, int, int], None] | None = None,
) -> str:
    """Draw the practice product and enter it; returns the id of its project.

    A project that is there already is left alone.

    Raises:
        OptionError: ``images`` is too small.
    """
    with services.database.read() as db:
        known = db.scalars(select(Project).where(Project.name == NAME)).first()
    if known is not None:
        return known.id
    with tempfile.TemporaryDirectory(prefix="offspec-practice-") as folder:
        make_practice(folder, images, progress=progress)
        return _enter(services, user_name, Path(folder))


def _enter(services: Services, user_name: str, folder: Path) -> str:
    """All of it in one transaction: half a practice product would teach nothing."""
    drawn = read_template(folder / "template.json")
    data = {path: path.read_bytes() for path in image_files(folder)}
    hashes = {path: services.blobs.put(found) for path, found in data.items()}
    with services.database.write() as db:
        user = db.scalars(select(User).where(User.name == user_name)).one()
        project = queries.create_project(db, user, NAME)
        for path, found in data.items():
            size_wh = queries.check_image(found, path.name)
            image, _ = queries.add_image(
                db, user_name, project.id, path.name, hashes[path], size_wh, len(found)
            )
            said = read_annotation(sidecar_path(path))
            labelling.save_annotation(db, user, image, to_labelme(said), revision=0)
            if path.name == drawn.reference_file:
                labelling.save_template(db, user, project, image, drawn.to_dict())
        return project.id
