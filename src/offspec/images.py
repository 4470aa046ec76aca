"""Images in and out: the only module that calls the image decoder.

Everything inside offspec is RGB, ``(H, W, 3)``, uint8 or uint16, upright. BGR exists only
between two lines of this file. Alpha is blended on black, which is what a transparent
picture looks like on a dark ground; the alpha of BMP files, which cameras leave undefined, is
dropped.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.errors import DatasetError, ImageDecodeError, ShapeError, WriteError
from offspec.image_headers import MAX_PIXELS, Header, read_header
from offspec.types import BoolArray, FloatArray, ImageArray

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "atomic_write",
    "decode_image",
    "encode_png",
    "file_sha256",
    "image_files",
    "image_sha256",
    "image_size_wh",
    "read_file",
    "read_image",
    "significant_bits",
    "to_unit",
    "write_png",
]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
MAX_FILE_BYTES = 1 << 30
"""Largest image file read: room for 100 megapixels of 16-bit RGBA and its container."""

_BIT_DEPTHS = (10, 12, 14, 16)
_CHUNK_BYTES = 1 << 20
_O_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_O_BINARY = getattr(os, "O_BINARY", 0)  # Windows

_Pixels = NDArray[np.unsignedinteger]


def read_image(path: Path | str) -> ImageArray:
    """Read an image file: PNG, JPEG, BMP or TIFF, told by content, not by suffix.

    Args:
        path: Any path, Unicode included. Symbolic links are followed.

    Returns:
        (H, W, 3) RGB, uint8 or uint16, upright (EXIF orientation applied). Grey becomes three
        equal channels, a palette its colours, alpha is blended on black. Of a TIFF with several
        pages the first; of an animation the still picture.

    Raises:
        ImageDecodeError: Missing, empty, truncated, not an image, or ``MAX_PIXELS`` and more;
            the pixel limit is checked on the header, before anything is decoded.

    Example:
        >>> read_image("part.png").shape  # doctest: +SKIP
        (480, 640, 3)
    """
    return decode_image(read_file(path), str(path))


def decode_image(data: bytes, name: str = "image") -> ImageArray:
    """Decode an image file held in memory; see ``read_image``.

    Args:
        data: The whole file.
        name: What to call it in error messages.

    Raises:
        ImageDecodeError: As for ``read_image``.
    """
    header = read_header(data, name)
    try:
        stored = cv2.imdecode(np.frombuffer(header.payload, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError) as error:
        raise _undecodable(name, header, str(error).strip().splitlines()[-1:]) from error
    if stored is None:
        raise _undecodable(name, header, [])
    if stored.dtype not in (np.uint8, np.uint16):
        raise _undecodable(name, header, [f"pixels are {stored.dtype}"])
    if stored.shape[:2] != header.size_wh[::-1]:
        raise _undecodable(name, header, [f"{stored.shape[1]} x {stored.shape[0]} came out"])
    rgb = _to_rgb(cast("_Pixels", stored), header)
    return cast("ImageArray", np.ascontiguousarray(_turn(rgb, header.orientation)))


def image_size_wh(path: Path | str) -> tuple[int, int]:
    """Width and height in pixels, upright, from the header alone.

    Raises:
        ImageDecodeError: As for ``read_image``, except for damage only a decoder can see.
    """
    return read_header(read_file(path), str(path)).upright_size_wh


def read_file(path: Path | str) -> bytes:
    """Read a regular file of at most ``MAX_FILE_BYTES``.

    Raises:
        ImageDecodeError: Missing, unreadable, a folder, a pipe or device, or too large.
    """
    try:
        # A pipe without a writer must not hang the program: open it unblocked, then refuse it.
        descriptor = os.open(path, os.O_RDONLY | _O_NONBLOCK | _O_BINARY)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageDecodeError(
                    f"'{path}' is not a file but a folder, pipe or device. "
                    "Images are read from regular files. Name an image file."
                )
            if status.st_size > MAX_FILE_BYTES:
                raise ImageDecodeError(
                    f"'{path}' has {status.st_size} bytes. At most {MAX_FILE_BYTES} are read. "
                    "Crop the image or scale it down."
                )
            return stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ImageDecodeError(
            f"'{path}' cannot be read: {reason}. The file must exist and be readable. "
            "Check the path and its rights."
        ) from error


def _undecodable(name: str, header: Header, details: list[str]) -> ImageDecodeError:
    width, height = header.size_wh
    detail = f" ({details[0]})" if details else ""
    return ImageDecodeError(
        f"'{name}' says it is a {header.format} of {width} x {height} pixels but cannot be "
        f"decoded{detail}. The pixel data is damaged or of a kind offspec does not read. "
        "Copy the file again from its source or save it as PNG."
    )


def _to_rgb(stored: _Pixels, header: Header) -> _Pixels:
    """(H, W), (H, W, 1), BGR or BGRA as decoded -> (H, W, 3) RGB of the same dtype."""
    if header.inverted:
        stored = np.iinfo(stored.dtype).max - stored
    if stored.ndim == 2 or stored.shape[2] == 1:
        return np.repeat(stored.reshape(*stored.shape[:2], 1), 3, axis=2)
    if stored.shape[2] == 4:
        rgb = stored[:, :, 2::-1]
        return _blend_on_black(rgb, stored[:, :, 3]) if header.alpha == "straight" else rgb
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB))


def _blend_on_black(rgb: _Pixels, alpha: _Pixels) -> _Pixels:
    """Colour times opacity, rounded to nearest, in integers: the same on every machine."""
    top = int(np.iinfo(alpha.dtype).max)
    if bool((alpha == top).all()):
        return rgb
    # 64 bits: 65535 * 65535 + 32767 still fits in uint32, kept explicit for the reader.
    product = rgb.astype(np.uint32) * alpha.astype(np.uint32)[:, :, None]
    return ((product + top // 2) // top).astype(alpha.dtype)


def _turn(image: _Pixels, orientation: int) -> _Pixels:
    """Undo an EXIF orientation."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return image


def image_files(folder: Path) -> list[Path]:
    """Image files directly in a folder, sorted by name (code points, not locale).

    Files are told by suffix (``IMAGE_SUFFIXES``, any case). Hidden files, among them the
    ``._`` twins some systems leave, and folders are left out. A broken link stays in the list,
    so that reading it says what is wrong.

    Raises:
        DatasetError: The folder does not exist or cannot be listed.
    """
    try:
        found = [p for p in Path(folder).iterdir() if _is_image_name(p.name) and not p.is_dir()]
    except OSError as error:
        raise DatasetError(
            f"Folder '{folder}' cannot be listed: {error.strerror}. A readable folder of images "
            "is needed. Check the path and its rights."
        ) from error
    return sorted(found, key=lambda p: p.name)


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def significant_bits(images: Iterable[ImageArray]) -> int:
    """How many bits the camera used: cameras store 10, 12 or 14 bits in 16.

    Returns:
        8 for uint8; for uint16 the smallest of 10, 12, 14, 16 that holds the largest value.

    Raises:
        ShapeError: No image, or 8 and 16 bit mixed.
    """
    dtypes: set[str] = set()
    largest = 0
    for image in images:
        dtypes.add(image.dtype.name)
        if image.dtype == np.uint16:
            largest = max(largest, int(image.max(initial=0)))
    if len(dtypes) != 1 or not dtypes <= {"uint8", "uint16"}:
        raise ShapeError(
            f"The images have depths {sorted(dtypes) or 'none'}. All must be uint8 or all uint16. "
            "Convert them to one depth."
        )
    if dtypes == {"uint8"}:
        return 8
    return next(bits for bits in _BIT_DEPTHS if largest < 1 << bits)


def to_unit(image: ImageArray, bits: int) -> FloatArray:
    """Scale an image linearly to [0, 1].

    Args:
        image: (H, W, 3) or any other shape, uint8 or uint16.
        bits: Significant bits of uint16 images, from ``significant_bits``; uint8 is always
            divided by 255.

    Returns:
        float32 of the same shape: uint8 / 255, or uint16 / (2**bits - 1) clipped to 1.

    Raises:
        ShapeError: Another dtype, or bits outside 8 to 16.
    """
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    if image.dtype != np.uint16 or not 8 <= bits <= 16:
        raise ShapeError(
            f"An image of {image.dtype} with {bits} bits cannot be scaled. "
            "uint8, or uint16 with 8 to 16 significant bits, is needed. Read it with read_image."
        )
    unit: FloatArray = image.astype(np.float32) / np.float32((1 << bits) - 1)
    return np.minimum(unit, np.float32(1))


def image_sha256(image: ImageArray) -> str:
    """Hash of decoded pixels, shape and depth: equal for equal pictures in any file format."""
    digest = hashlib.sha256(f"{image.dtype.name}{list(image.shape)}".encode())
    little_endian = np.ascontiguousarray(image).astype(image.dtype.newbyteorder("<"), copy=False)
    digest.update(little_endian.data)
    return digest.hexdigest()


def file_sha256(path: Path | str) -> str:
    """Hash of a file's bytes.

    Raises:
        ImageDecodeError: The file cannot be read.
    """
    return hashlib.sha256(read_file(path)).hexdigest()


def encode_png(image: ImageArray | BoolArray, compression: int = 6) -> bytes:
    """Encode as PNG; the same pixels give the same bytes on one OpenCV build.

    Args:
        image: (H, W, 3) RGB, (H, W, 4) with opacity, or (H, W) grey, uint8 or uint16; bool
            becomes 0 and 255.
        compression: 1 = quick, 9 = small.

    Raises:
        ShapeError: Another shape or dtype, or no pixel.
    """
    shape_ok = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
    if not shape_ok or image.size == 0 or image.dtype not in (np.bool_, np.uint8, np.uint16):
        raise ShapeError(
            f"An array of shape {image.shape} and {image.dtype} cannot be a PNG. "
            "(H, W, 3), (H, W, 4) or (H, W) of uint8, uint16 or bool is needed. Convert it first."
        )
    stored = image.astype(np.uint8) * 255 if image.dtype == np.bool_ else image
    if stored.ndim == 3:
        stored = stored[:, :, [2, 1, 0, 3][: stored.shape[2]]]
    try:
        done, buffer = cv2.imencode(
            ".png", np.ascontiguousarray(stored), [cv2.IMWRITE_PNG_COMPRESSION, compression]
        )
    except cv2.error as error:
        raise ShapeError(
            f"An image of shape {image.shape} cannot be stored as PNG: {error.err}. "
            "Each side may have up to 1,000,000 pixels. Crop the image."
        ) from error
    if not done:
        raise WriteError(
            f"An image of shape {image.shape} could not be encoded as PNG. "
            "The encoder gave no reason. Free some memory and try again."
        )
    return buffer.tobytes()


def write_png(path: Path | str, image: ImageArray | BoolArray) -> None:
    """Write a PNG file, whole or not at all; see ``encode_png`` and ``atomic_write``."""
    atomic_write(path, encode_png(image))


def atomic_write(path: Path | str, data: bytes) -> None:
    """Write a file aside in the same folder, then rename: readers see old or new, never half.

    When anything stops the write (full disk, rights, SIGINT, or SIGTERM where the program
    turns it into an exception, as the command line does) the file aside is removed and
    the old file stays. A symbolic link is replaced, not followed.

    Raises:
        WriteError: The operating system refused; its reason is quoted.
    """
    target = Path(path)
    aside = target.with_name(f".offspec-{secrets.token_hex(8)}.tmp")
    try:
        _check_replaceable(target)
        write_synced(aside, data)
        aside.replace(target)
    except (OSError, ValueError) as error:
        _remove_quietly(aside)
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise WriteError(
            f"'{target}' could not be written: {reason}. Nothing half-written is left. "
            "Check that the folder exists, its rights and the free space."
        ) from error
    except BaseException:
        _remove_quietly(aside)
        raise


def _check_replaceable(target: Path) -> None:
    """Renaming over a device such as /dev/null would replace the device itself."""
    if target.exists() and not target.is_file():
        raise WriteError(
            f"'{target}' is a folder, pipe or device. Results are written to regular files. "
            "Name another file."
        )


def write_synced(path: Path, data: bytes) -> None:
    """Create a new file and force its bytes to disk before anyone renames it."""
    with path.open("xb") as stream:
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK_BYTES):
            stream.write(view[start : start + _CHUNK_BYTES])
        stream.flush()
        os.fsync(stream.fileno())


def _remove_quietly(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError):
        return
