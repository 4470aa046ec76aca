"""Pictures of a project: upload, list, bytes, thumbnails."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Depends, File, Query, Request, Response, UploadFile

from offspec.annotations import from_labelme, to_labelme
from offspec.json_files import json_bytes
from offspec.server.answers import image_out, image_outs
from offspec.server.api import api_router
from offspec.server.deps import Caller, ProjectDep, ReadDb, ServicesDep, owned, with_role
from offspec.server.problems import ProblemError
from offspec.server.routes.pictures import JPEG, cut_tile, kept, shown, viewed
from offspec.server.schemas import NO_NUL, ImageOut, Page, Uploaded
from offspec.server.schemas_labelling import AsReference
from offspec.server.settings import MAX_FILES
from offspec.server.uploads import Intake
from offspec.store import images as store
from offspec.store import labelling, queries, reference_check
from offspec.store.models import Image
from offspec.store.sidecars import stem_of
from offspec.types import SizePolicy

router = api_router("images", "/projects/{project_id}/images")
Uploader = Annotated[Caller, Depends(with_role("engineer", "quality"))]
Responses = dict[int | str, dict[str, Any]]
SIZE = r"^[1-9][0-9]{0,5}x[1-9][0-9]{0,5}$"
SIDECAR: Responses = {200: {"content": {"application/json": {}}, "description": "The file."}}
PICTURE: Responses = {
    200: {
        "content": {f"image/{kind}": {} for kind in ("png", "jpeg", "bmp", "tiff")},
        "description": "The picture.",
    }
}
_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"BM": "image/bmp"}


@router.post("", status_code=201)
def upload(
    found: ProjectDep,
    caller: Uploader,
    services: ServicesDep,
    files: Annotated[list[UploadFile], File(max_length=MAX_FILES)],
) -> list[Uploaded]:
    """Upload images, annotations, templates, and zips of these; a second time changes nothing.

    An annotation goes to the image of the same stem, a template to the image it was drawn on. A
    file that cannot be taken says why, and the others are taken.
    """
    intake = Intake(services, caller, found.id)
    for one in files:
        intake.take(one)
    return intake.finish()


@router.get("")
def images(
    found: ProjectDep,
    db: ReadDb,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
    label: Literal["ok", "ng", "none"] | None = None,
    name: Annotated[str | None, Query(max_length=255, pattern=NO_NUL)] = None,
    decision: Literal["leave_out", "keep"] | None = None,
    not_size: Annotated[str | None, Query(pattern=SIZE)] = None,
) -> Page[ImageOut]:
    """Images in the order they came; ``name`` is a part of the name.

    ``not_size`` such as ``1200x800`` leaves those that have another width or height.
    """
    wanted = store.Wanted(label, name, decision, _size_wh(not_size))
    rows, place = store.images_page(db, found.id, wanted, queries.Cursor.parse(after), limit)
    return Page(items=image_outs(rows), next=None if place is None else str(place))


def of_project(image_id: str, found: ProjectDep, db: ReadDb) -> Image:
    """An image of this project.

    Raises:
        ProblemError: 404.
    """
    return owned(db, Image, image_id, found, "image")


ImageDep = Annotated[Image, Depends(of_project)]


@router.get("/{image_id}")
def image(found: ImageDep, db: ReadDb) -> ImageOut:
    """One image."""
    return image_out(db, found)


@router.delete("/{image_id}", status_code=204)
def delete(found: ImageDep, caller: Uploader, services: ServicesDep) -> None:
    """Take an image out of the project, where no template and no dataset version holds it."""
    with services.database.write() as db:
        is_free = store.delete_image(db, caller.user, db.get_one(Image, found.id))
    if is_free:
        services.blobs.remove(found.sha256)


@router.get("/{image_id}/file", response_class=Response, responses=PICTURE)
def file(found: ImageDep, services: ServicesDep) -> Response:
    """The bytes as they were uploaded."""
    data = services.blobs.get(found.sha256)
    kind = next((k for magic, k in _TYPES.items() if data.startswith(magic)), "image/tiff")
    return kept(data, kind)


@router.get("/{image_id}/view", response_class=Response, responses=PICTURE)
def view(found: ImageDep, services: ServicesDep) -> Response:
    """The picture as a browser can draw it: as it is, or as an upright 8-bit PNG."""
    return viewed(services.blobs.get(found.sha256), found.name)


@router.get("/{image_id}/tiles/{level}/{x}/{y}", response_class=Response, responses=JPEG)
def tile_of(
    level: int, x: int, y: int, found: ImageDep, services: ServicesDep, request: Request
) -> Response:
    """A JPEG of 512 pixels; level 0 is the original, each level half of the one before."""
    return cut_tile(request, found.sha256, lambda: services.blobs.get(found.sha256), (level, x, y))


@router.get("/{image_id}/thumbnail", response_class=Response, responses=JPEG)
def thumbnail(found: ImageDep, services: ServicesDep, request: Request) -> Response:
    """A small JPEG."""
    data = services.blobs.get(found.sha256)
    return shown(request, found.sha256, data, found.name, "thumbnail")


@router.get("/{image_id}/as-reference")
def as_reference(found: ImageDep, db: ReadDb, size_policy: SizePolicy = "exact") -> AsReference:
    """What speaks against this image as the reference of a template, in words; nothing is kept."""
    return AsReference.model_validate(reference_check.as_reference(db, found, size_policy))


@router.get("/{image_id}/sidecar", response_class=Response, responses=SIDECAR)
def sidecar(found: ImageDep, db: ReadDb) -> Response:
    """The annotation as a file that LabelMe opens and that lies beside its image."""
    row = labelling.annotation_of(db, found)
    if row is None:
        raise ProblemError(404, "not_found", "Nobody has annotated this image yet. Annotate it.")
    data = json_bytes(to_labelme(from_labelme(row.content)))
    name = quote(f"{stem_of(found.name)}.json", safe="")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(data, media_type="application/json", headers=headers)


def _size_wh(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, height = text.split("x")
    return int(width), int(height)
