"""What routes that show pictures share: answers that a browser may keep, sizes, tiles, drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from fastapi import Request, Response

from offspec.browser_pictures import browser_picture, check_tile, tile
from offspec.errors import OptionError
from offspec.image_headers import read_header
from offspec.images import decode_image
from offspec.inspection_pictures import Kind
from offspec.overlays import to_eight_bits
from offspec.report_pictures import encode_jpeg, shrunk
from offspec.server.inspectors import Inspectors
from offspec.server.picture_cache import PictureCache
from offspec.server.problems import ProblemError
from offspec.server.pyramids import Pyramids

Shown = Literal["whole", "screen", "thumbnail"]
"""Of a captured picture: all of it; what fills a screen, with tiles behind it; a small one."""

WHOLE_PX, SCREEN_PX, THUMBNAIL_PX = 2000, 1600, 256
SCREEN_QUALITY, TILE_QUALITY = 90, 92
SIZE_HEADER = "x-picture-size"
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "The picture."}
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The picture."}
}


def viewed(data: bytes, name: str) -> Response:
    """A picture as a browser can draw it."""
    body, media_type = browser_picture(data, name)
    return kept(body, media_type)


def shown(request: Request, sha256: str, data: bytes, name: str, how: Shown) -> Response:
    """A picture as large as it is wanted.

    ``screen`` is the whole file where no side is longer than ``WHOLE_PX``, else a JPEG of
    ``SCREEN_PX``; the header ``X-Picture-Size`` says how large the picture itself is, as ``W x H``
    without spaces, so that tiles can be laid over it.
    """
    if how == "whole":
        return viewed(data, name)
    if how == "thumbnail":
        return kept(_small(request, sha256, data, name, THUMBNAIL_PX), "image/jpeg")
    width, height = read_header(data, name).upright_size_wh
    if max(width, height) <= WHOLE_PX:
        answer = viewed(data, name)
    else:
        answer = kept(_small(request, sha256, data, name, SCREEN_PX), "image/jpeg")
    answer.headers[SIZE_HEADER] = f"{width}x{height}"
    return answer


def _small(request: Request, sha256: str, data: bytes, name: str, longest_px: int) -> bytes:
    """A JPEG; asking again costs nothing for a while."""

    def make() -> bytes:
        pixels = np.asarray(to_eight_bits(decode_image(data, name)), np.uint8)
        if longest_px == THUMBNAIL_PX:
            return encode_jpeg(shrunk(pixels, longest_px))
        return encode_jpeg(shrunk(pixels, longest_px), SCREEN_QUALITY)

    cache: PictureCache = request.app.state.pictures
    return cache.get(("small", str(longest_px), sha256), make)


def cut_tile(
    request: Request, sha256: str, load: Callable[[], bytes], place: tuple[int, int, int]
) -> Response:
    """A tile of a picture as JPEG.

    Args:
        request: Of the app whose pyramids are used.
        sha256: Names the picture among them.
        load: Gives its bytes, where they are needed.
        place: Level, column and row; level 0 is the original, each is half of the one before.

    Raises:
        ProblemError: 404, there is no such tile.
    """
    pyramids: Pyramids = request.app.state.pyramids
    levels = pyramids.get(sha256, load)
    height, width = levels[0].shape[:2]
    try:
        check_tile((width, height), *place)
    except OptionError as error:
        raise ProblemError(404, "not_found", str(error)) from error
    cut = np.ascontiguousarray(tile(levels, *place))
    return kept(encode_jpeg(cut, TILE_QUALITY), "image/jpeg")


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
