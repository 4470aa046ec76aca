"""A dataset version and its template as one zip, which an upload takes back."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from offspec.jobs.work import Done, Work
from offspec.store.blobs import BlobStore

NAME = "dataset.zip"
_WHEN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: equal versions, equal bytes


def do_export(work: Work) -> Done:
    """The zip, made on disk: it may be larger than memory."""
    tell = work.pulse.tell
    found = packed(work.dataset(), work.drawn(), work.blobs, work.folder, tell)
    return Done(found, words=(f"{found['images']} images packed.",))


def packed(
    root: Path,
    template: Path | None,
    blobs: BlobStore,
    folder: Path,
    tell: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Pack images with sidecars under ``dataset/``, template and reference under ``template/``.

    Args:
        root: The dataset as a folder.
        template: ``template.json`` beside its reference, or None.
        blobs: Where the zip goes.
        folder: For what is made on the way.
        tell: Is told step, files done, files in all.

    Returns:
        ``files``: name to sha256; ``images``: how many.
    """
    members = [(path, f"dataset/{path.name}") for path in sorted(root.iterdir())]
    if template is not None:
        members += [(path, f"template/{path.name}") for path in sorted(template.parent.iterdir())]
    target = folder / NAME
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for done, (path, name) in enumerate(members):
            tell("pack", done, len(members))
            _add(out, path, name)
    images = sum(path.suffix != ".json" for path, name in members if name.startswith("dataset/"))
    tell("keep", 0, 1)
    return {"files": {NAME: blobs.put_file(target)}, "images": images}


def _add(out: zipfile.ZipFile, path: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, _WHEN)
    is_text = path.suffix == ".json"
    info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    info.file_size = path.stat().st_size  # tells whether the long form is needed
    with path.open("rb") as source, out.open(info, "w") as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
