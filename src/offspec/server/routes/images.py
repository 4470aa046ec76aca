"""Pictures of a project: upload, list, bytes, thumbnails."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, File, Query, Response, UploadFile

from offspec.errors import OffspecError
from offspec.images import decode_image
from offspec.overlays import to_eight_bits
from offspec.report_pictures import encode_jpeg, shrunk
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.schemas import ImageOut, Page, Uploaded
from offspec.server.settings import MAX_FILES
from offspec.store import queries
from offspec.store.models import Image

router = APIRouter(prefix="/projects/{project_id}/images", tags=["images"])
Engineer = Annotated[Caller, Depends(with_role("engineer", "quality"))]
THUMBNAIL_PX = 256
_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"BM": "image/bmp"}


@router.post("", status_code=201)
def upload(
    found: ProjectDep,
    caller: Engineer,
    services: ServicesDep,
    files: Annotated[list[UploadFile], File(max_length=MAX_FILES)],
) -> list[Uploaded]:
    """Upload images; one that the project has already is recognised, a bad one is named."""
    return [_keep(services, caller, found.id, one) for one in files]


def _keep(services: ServicesDep, caller: Caller, project_id: str, file: UploadFile) -> Uploaded:
    name = _plain_name(file.filename)
    data = file.file.read()
    try:
        size_wh = queries.check_image(data, name)
    except OffspecError as error:
        return Uploaded(name=name, error=str(error))
    sha256 = services.blobs.put(data)  # before the row, which must never name what is not there
    with services.database.write() as db:
        image, known = queries.add_image(
            db, caller.user.name, project_id, name, sha256, size_wh, len(data)
        )
        return Uploaded(name=name, image=ImageOut.model_validate(image), known=known)


def _plain_name(name: str | None) -> str:
    """The last part of a name, printable; it is shown, never opened."""
    last = (name or "image").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:255] or "image"


@router.get("")
def images(
    found: ProjectDep,
    db: ReadDb,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
) -> Page[ImageOut]:
    """Images in the order they came."""
    rows, place = queries.images_page(db, found.id, queries.Cursor.parse(after), limit)
    items = [ImageOut.model_validate(row) for row in rows]
    return Page(items=items, next=None if place is None else str(place))


def of_project(image_id: str, found: ProjectDep, db: ReadDb) -> Image:
    """An image of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, Image, image_id, found, "image")


ImageDep = Annotated[Image, Depends(of_project)]


@router.get("/{image_id}")
def image(found: ImageDep) -> ImageOut:
    """One image."""
    return ImageOut.model_validate(found)


@router.get("/{image_id}/file")
def file(found: ImageDep, services: ServicesDep) -> Response:
    """The bytes as they were uploaded."""
    data = services.blobs.get(found.sha256)
    kind = next((k for magic, k in _TYPES.items() if data.startswith(magic)), "image/tiff")
    return Response(data, media_type=kind, headers=_kept(found.sha256))


@router.get("/{image_id}/thumbnail")
def thumbnail(found: ImageDep, services: ServicesDep) -> Response:
    """A small JPEG."""
    pixels = to_eight_bits(decode_image(services.blobs.get(found.sha256), found.name))
    small = shrunk(np.asarray(pixels, np.uint8), THUMBNAIL_PX)
    return Response(encode_jpeg(small), media_type="image/jpeg", headers=_kept(found.sha256))


def _kept(sha256: str) -> dict[str, str]:
    """Content never changes under a hash; only this browser may keep it."""
    return {"cache-control": "private, max-age=31536000, immutable", "etag": f'"{sha256}"'}
