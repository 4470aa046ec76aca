"""What routes that show pictures share: answers that a browser may keep, and the drawing."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from offspec.browser_pictures import browser_picture
from offspec.inspection_pictures import Kind
from offspec.server.inspectors import Inspectors
from offspec.server.picture_cache import PictureCache

PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The picture."}
}


def viewed(data: bytes, name: str) -> Response:
    """A picture as a browser can draw it."""
    body, media_type = browser_picture(data, name)
    return kept(body, media_type)


def drawn(
    request: Request, bundle_sha256: str, image_sha256: str, data: bytes, name: str, kind: Kind
) -> Response:
    """A picture of an inspection; looking at it again costs nothing for a while."""
    inspectors: Inspectors = request.app.state.inspectors
    cache: PictureCache = request.app.state.pictures
    body = cache.get(
        (kind, bundle_sha256, image_sha256),
        lambda: inspectors.draw(bundle_sha256, data, name, kind),
    )
    return kept(body, "image/jpeg" if body.startswith(b"\xff\xd8") else "image/png")


def kept(body: bytes, media_type: str) -> Response:
    """Nothing changes under a hash and a model; only this browser may keep it."""
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return Response(body, media_type=media_type, headers=headers)
