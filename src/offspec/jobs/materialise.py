"""A dataset version as a folder of images with sidecars, as every other program reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from offspec.annotations import from_labelme, sidecar_path, write_annotation
from offspec.images import atomic_write
from offspec.store.blobs import BlobStore
from offspec.store.models import Image, TemplateRow, VersionRow
from offspec.template import Template, write_template
from offspec.types import Split


def write_version(
    version: VersionRow,
    blobs: BlobStore,
    folder: Path,
    name: str = "dataset",
    *,
    only: Split | None = None,
) -> Path:
    """Write images and sidecars into a folder of this name; the split is the version's.

    Args:
        version: What was frozen.
        blobs: With its images.
        folder: Where the new folder goes.
        name: Of the new folder.
        only: One side of the split; None = both.

    Raises:
        InputError: A blob is missing or damaged.
        WriteError: The disk is full.
    """
    root = folder / name
    root.mkdir(parents=True)
    for entry in version.content["files"]:
        if only not in (None, entry["split"]):
            continue
        path = root / entry["key"]
        atomic_write(path, blobs.get(entry["sha256"]))
        said = from_labelme(version.content["annotations"][entry["key"]])
        write_annotation(
            sidecar_path(path), replace(said, image_name=path.name, split=entry["split"])
        )
    return root


def write_drawn(template: TemplateRow, reference: Image, blobs: BlobStore, folder: Path) -> Path:
    """Write ``template.json`` beside its reference image; returns its path."""
    place = folder / "template"
    place.mkdir(parents=True)
    drawn = Template.from_dict(template.content)
    name = f"reference{Path(drawn.reference_file).suffix or '.png'}"
    atomic_write(place / name, blobs.get(reference.sha256))
    path = place / "template.json"
    write_template(path, replace(drawn, reference_file=name))
    return path
