"""Uploaded files: images, their sidecars, templates, and zips of these.

Images are kept at once; annotations and templates wait until all images of the request are there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from fastapi import UploadFile
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Db

from offspec.annotations import Annotation, from_labelme
from offspec.errors import AnnotationError, InputError, LimitError, OffspecError, StateError
from offspec.images import IMAGE_SUFFIXES
from offspec.json_files import parse_json
from offspec.server import zips
from offspec.server.answers import image_out, image_outs
from offspec.server.deps import Caller
from offspec.server.schemas import ImageOut, Uploaded
from offspec.server.services import Services
from offspec.store import images, queries, sidecars
from offspec.store.models import Image, Project
from offspec.template import Template

MAX_JSON_BYTES = 32 << 20
AT_ONCE = 50
"""Images entered in one transaction: each waits for the disk."""

Kind = Literal["image", "annotation", "template", "other"]


@dataclass(frozen=True, slots=True)
class _Said:
    """An annotation or template that waits for its image."""

    slot: int
    folder: tuple[int, str]
    name: str
    content: Annotation | Template


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image whose bytes are kept and whose row is not entered yet."""

    slot: int
    folder: tuple[int, str]
    name: str
    sha256: str
    size_wh: tuple[int, int]
    size_bytes: int


class Intake:
    """Takes the files of one request.

    Args:
        services: Of the server.
        caller: Who uploads.
        project_id: Into what.
    """

    def __init__(self, services: Services, caller: Caller, project_id: str) -> None:
        self._services, self._caller, self._project_id = services, caller, project_id
        self._results: list[Uploaded] = []
        self._fresh: list[_Picture] = []
        self._waiting: list[_Said] = []
        self._beside: dict[tuple[tuple[int, str], str], dict[str, str]] = defaultdict(dict)
        self._by_stem: dict[str, dict[str, str]] = defaultdict(dict)
        self._zips = 0

    def take(self, file: UploadFile) -> None:
        """Keep a file, or what is in it."""
        path = PurePosixPath((file.filename or "image").replace("\\", "/"))
        name = plain_name(path.name)
        if not zips.is_zip(file.file.read(4)):
            file.file.seek(0)
            self._sort((0, path.parent.as_posix()), name, file.file.read)
            return
        self._zips += 1
        try:
            with zips.open_zip(file.file) as found:
                for one in zips.entries(found):
                    self._sort((self._zips, one.folder), plain_name(one.name), one.read)
        except InputError as error:
            self._add(name, "other", error=str(error))

    def finish(self) -> list[Uploaded]:
        """Give annotations and templates to their images; returns one result a file, in order."""
        self._enter()
        for one in self._waiting:
            try:
                done = self._bring(one)
            except OffspecError as error:
                done = self._results[one.slot].model_copy(update={"error": str(error)})
            self._results[one.slot] = done
        return self._results

    def _add(self, name: str, kind: Kind, **more: Any) -> int:
        self._results.append(Uploaded(name=name, kind=kind, **more))
        return len(self._results) - 1

    def _sort(self, folder: tuple[int, str], name: str, read: Callable[[], bytes]) -> None:
        try:
            data = read()
        except InputError as error:
            self._add(name, "other", error=str(error))
            return
        if folder[0] and zips.is_zip(data[:4]):
            why = f"'{name}' is a zip inside a zip, which is not opened. Unpack it."
            self._add(name, "other", error=why)
        elif data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
            self._read_json(folder, name, data)
        else:
            self._keep(folder, name, data)

    def _read_json(self, folder: tuple[int, str], name: str, data: bytes) -> None:
        kind: Kind = "other"
        try:
            content = _parsed(data, name)
            kind = _kind_of(content)
            said = Template.from_dict(content) if kind == "template" else from_labelme(content)
        except OffspecError as error:
            self._add(name, kind, error=str(error))
            return
        self._waiting.append(_Said(self._add(name, kind), folder, name, said))

    def _keep(self, folder: tuple[int, str], name: str, data: bytes) -> None:
        try:
            size_wh = queries.check_image(data, name)
        except OffspecError as error:
            self._add(name, "image" if _looks_like_image(name) else "other", error=str(error))
            return
        sha256 = self._services.blobs.put(data)  # before the row, which must never dangle
        shown = sidecars.own_name(name, sha256)
        slot = self._add(shown, "image")
        self._fresh.append(_Picture(slot, folder, name, sha256, size_wh, len(data)))
        if len(self._fresh) >= AT_ONCE:
            self._enter()

    def _enter(self) -> None:
        """Enter the pictures that were kept, in one transaction."""
        if not self._fresh:
            return
        try:
            found = self._rows()
        except IntegrityError:  # somebody else entered one of them at this moment
            found = self._rows()
        for one, (out, known) in zip(self._fresh, found, strict=True):
            update = {"image": out, "known": known}
            self._results[one.slot] = self._results[one.slot].model_copy(update=update)
            stem = sidecars.stem_of(one.name)
            self._beside[one.folder, stem][out.id] = one.name
            self._by_stem[stem][out.id] = one.name
        self._fresh.clear()

    def _rows(self) -> list[tuple[ImageOut, bool]]:
        """The images, and which of them the project had already."""
        with self._services.database.write() as db:
            rows = [
                queries.add_image(
                    db, self._caller.user.name, self._project_id, self._results[one.slot].name,
                    one.sha256, one.size_wh, one.size_bytes,
                )
                for one in self._fresh
            ]  # fmt: skip
            outs = image_outs(images.seen(db, [row for row, _ in rows]))
            return list(zip(outs, (known for _, known in rows), strict=True))

    def _bring(self, said: _Said) -> Uploaded:
        with self._services.database.write() as db:
            user = self._caller.user
            if isinstance(said.content, Template):
                if user.role not in ("engineer", "admin"):
                    raise StateError("A template is saved by an engineer. Ask one to upload it.")
                project = db.get_one(Project, self._project_id)
                image, known = sidecars.bring_template(db, user, project, said.content)
            else:
                image = self._image_for(db, said)
                known = sidecars.bring_annotation(db, user, image, said.content)
            return self._results[said.slot].model_copy(
                update={"image": image_out(db, image), "known": known}
            )

    def _image_for(self, db: Db, said: _Said) -> Image:
        """The image of the same stem: of its folder, of the request, or of the project."""
        stem = sidecars.stem_of(said.name)
        assert isinstance(said.content, Annotation)  # noqa: S101 - for the type checker
        named = said.content.image_name
        for near in (self._beside.get((said.folder, stem)), self._by_stem.get(stem)):
            if near:
                ids = [i for i, name in near.items() if name == named] or list(near)
                return _only(images.images_of(db, self._project_id, ids), said.name)
        found = sidecars.images_of_stem(db, self._project_id, stem)
        exact = [one for one in found if one.name == named]
        return _only(exact or found, said.name)


def _only(found: Any, name: str) -> Image:
    if len(found) == 1:
        image: Image = found[0]
        return image
    if not found:
        raise AnnotationError(
            f"No image belongs to '{name}'. An annotation has the name of its image, with .json. "
            "Upload the image with it."
        )
    raise AnnotationError(
        f"'{name}' may belong to {len(found)} images of that name. It has to be one. Upload it "
        "together with its image."
    )


def _parsed(data: bytes, name: str) -> Any:
    if len(data) > MAX_JSON_BYTES:
        raise LimitError(
            f"'{name}' has {len(data)} bytes. JSON files have at most {MAX_JSON_BYTES}. Save it "
            "without the embedded image."
        )
    return parse_json(data, name)


def _kind_of(content: Any) -> Kind:
    if isinstance(content, dict):
        if {"format_version", "reference", "regions"} <= content.keys():
            return "template"
        if {"flags", "shapes"} & content.keys():
            return "annotation"
    raise InputError(
        "This JSON is neither an annotation ('flags' or 'shapes') nor a template ('reference' and "
        "'regions'). Only these are taken. Leave it out."
    )


def plain_name(name: str) -> str:
    """The last part of a name, printable; it is shown, never opened."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:255] or "image"


def _looks_like_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
