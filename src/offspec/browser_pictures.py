"""Pictures as a browser can draw them: whole, or as tiles of a pyramid.

What is shown equals what is inspected: upright, opaque, 8 bit, without colour profile.
"""

from __future__ import annotations

import cv2
import numpy as np

from offspec.errors import OptionError
from offspec.image_headers import Header, read_header
from offspec.images import decode_image, encode_png
from offspec.overlays import ByteArray, to_eight_bits

TILE_PX = 512
Pyramid = tuple[ByteArray, ...]


def browser_picture(data: bytes, name: str = "image") -> tuple[bytes, str]:
    """An image file as it is where browsers draw it as we decode it, else an 8-bit PNG.

    Args:
        data: The whole file.
        name: What to call it in error messages.

    Returns:
        Bytes and media type.

    Raises:
        ImageDecodeError: As for ``images.decode_image``.
    """
    header = read_header(data, name)
    kind = _drawn_alike(header, data)
    if kind is not None:
        return (header.payload if kind == "image/png" else data), kind
    shown = to_eight_bits(decode_image(data, name))
    return encode_png(shown, compression=1), "image/png"  # made again for every view


def _drawn_alike(header: Header, data: bytes) -> str | None:
    """The media type of a file that browsers draw as we do; None = they would not."""
    if header.format == "JPEG":  # browsers obey the orientation of JPEG files, and only of these
        return "image/jpeg"
    if header.orientation != 1 or header.alpha != "none":
        return None
    if header.format == "PNG" and data[24] <= 8:  # bits a channel, in IHDR
        return "image/png"
    if header.format == "BMP" and int.from_bytes(data[28:30], "little") in (8, 24):
        return "image/bmp"
    return None


def pyramid(image: ByteArray) -> Pyramid:
    """All levels: the image, then each half of the one before, rounded up, to a single tile.

    A pixel of a level is the mean of the two by two below it; beyond the border the last row and
    column count twice, so that a pixel of level n covers exactly 2^n pixels of the image.
    """
    levels = [np.ascontiguousarray(image)]
    while max(levels[-1].shape[:2]) > TILE_PX:
        levels.append(_halved(levels[-1]))
    return tuple(levels)


def _halved(image: ByteArray) -> ByteArray:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
        )
    size = ((width + 1) // 2, (height + 1) // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def level_sizes(size_wh: tuple[int, int]) -> list[tuple[int, int]]:
    """Width and height of every level."""
    sizes = [size_wh]
    while max(sizes[-1]) > TILE_PX:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def check_tile(size_wh: tuple[int, int], level: int, x: int, y: int) -> None:
    """Refuse a tile that is not there.

    Raises:
        OptionError: Level, column or row is beyond the pyramid of an image of this size.
    """
    sizes = level_sizes(size_wh)
    if 0 <= level < len(sizes):
        width, height = sizes[level]
        if 0 <= x * TILE_PX < width and 0 <= y * TILE_PX < height:
            return
    raise OptionError(
        f"There is no tile {level}/{x}/{y}: the picture has {len(sizes)} levels and tiles of "
        f"{TILE_PX} pixels. Ask for one inside."
    )


def tile(levels: Pyramid, level: int, x: int, y: int) -> ByteArray:
    """One tile, cut at the border; ``x`` and ``y`` count tiles."""
    rows = slice(y * TILE_PX, (y + 1) * TILE_PX)
    return levels[level][rows, x * TILE_PX : (x + 1) * TILE_PX]
