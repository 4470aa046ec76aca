"""A dataset version as a folder of images with sidecars, as every other program reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from offspec.annotations import from_labelme, sidecar_path, write_annotation
from offspec.images import atomic_write
from offspec.store.blobs import BlobStore
from offspec.store.models import Image, TemplateRow, VersionRow
from offspec.template import Template, write_template


def write_version(
    version: VersionRow, blobs: BlobStore, folder: Path, name: str = "dataset"
) -> Path:
    """Write images and sidecars into a folder of this name; the split is the version's.

    Raises:
        InputError: A blob is missing or damaged.
        WriteError: The disk is full.
    """
    root = folder / name
    root.mkdir(parents=True)
    for entry in version.content["files"]:
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
