"""Reads the headers of PNG, JPEG, BMP and TIFF files before any decoder sees them.

A file from outside is judged here first, on bytes alone: which format, how many pixels,
which orientation, whether it is complete. Only then does ``images`` hand ``payload`` to the
decoder: the same file with animation, colour profiles and metadata dropped (PNG) or the
orientation neutralised (TIFF), so that one place, ``images``, turns pictures upright.

Reference:
    PNG: W3C, "Portable Network Graphics (PNG) Specification". JPEG: ITU-T T.81, annex B.
    TIFF: Adobe, "TIFF Revision 6.0". EXIF orientation: CIPA DC-008.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn

from offspec.errors import ImageDecodeError

MAX_PIXELS = 100_000_000
"""An image must have fewer pixels than this: a 100-megapixel file is refused undecoded."""

MAX_SCANS = 256
"""Scans in one JPEG. Progressive files use about ten; thousands are a denial of service."""

ImageFormat = Literal["PNG", "JPEG", "BMP", "TIFF"]
Alpha = Literal["none", "straight", "done"]

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 16: 8, 17: 8}
_TIFF_UNSIGNED = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_TAGS = 4096
_MAX_TAG_VALUES = 2_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself, checked.

    Attributes:
        size_wh: Stored width and height in pixels, before the orientation is applied.
        orientation: EXIF orientation, 1 to 8; 1 = upright.
        alpha: ``straight`` when the decoded fourth channel still has to be blended, ``done``
            when the decoder has blended it, ``none`` when it means nothing.
        inverted: True for 16-bit TIFF in which 0 is white; the decoder leaves those as stored.
        payload: Bytes for the decoder.
    """

    format: ImageFormat
    size_wh: tuple[int, int]
    payload: bytes
    orientation: int = 1
    alpha: Alpha = "none"
    inverted: bool = False

    @property
    def upright_size_wh(self) -> tuple[int, int]:
        """Width and height in pixels after the orientation is applied."""
        width, height = self.size_wh
        return (height, width) if self.orientation >= 5 else (width, height)


def read_header(data: bytes, name: str = "image") -> Header:
    """Read and check the header of an image file held in memory.

    Args:
        data: The whole file.
        name: What to call it in error messages.

    Raises:
        ImageDecodeError: Empty, of another format, too many pixels, truncated, or stored in a
            way that decodes to something else than 8 or 16 bit grey or colour.
    """
    if not data:
        raise ImageDecodeError(
            f"'{name}' is empty (0 bytes). An image file holds a header and pixels. "
            "Copy the file again from its source."
        )
    reader = _reader_for(data)
    if reader is None:
        raise ImageDecodeError(
            f"'{name}' is not an image offspec reads: it starts with {data[:8].hex(' ')}. "
            "PNG, JPEG, BMP and TIFF are read, whatever the suffix. Convert it to PNG."
        )
    try:
        return reader(data, name)
    except (struct.error, IndexError, OverflowError) as error:
        raise _truncated(name, f"the header breaks off ({error})") from error


def _reader_for(data: bytes) -> Callable[[bytes, str], Header] | None:
    if data.startswith(_PNG_MAGIC[: len(data)]) and len(data) >= 4:
        return _read_png
    if data.startswith(b"\xff\xd8"):
        return _read_jpeg
    if data[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return _read_tiff
    return _read_bmp if data.startswith(b"BM") else None


def _truncated(name: str, detail: str) -> ImageDecodeError:
    return ImageDecodeError(
        f"'{name}' is truncated or damaged: {detail}. A complete file is needed, because "
        "missing rows would look like a defect. Copy the file again from its source."
    )


def _refuse(name: str, detail: str, step: str) -> NoReturn:
    raise ImageDecodeError(
        f"'{name}' cannot be read: {detail}. 8 and 16 bit grey and colour are read. {step}"
    )


def _check_size(name: str, width: int, height: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise ImageDecodeError(
            f"'{name}' says it is {width} x {height} pixels. Both must be at least 1. "
            "Copy the file again from its source."
        )
    if width * height >= MAX_PIXELS:
        raise ImageDecodeError(
            f"'{name}' has {width} x {height} = {width * height / 1e6:.1f} megapixels. "
            f"Fewer than {MAX_PIXELS // 1_000_000} megapixels are read. "
            "Crop the image or scale it down."
        )
    return width, height


# --- PNG ---


def _read_png(data: bytes, name: str) -> Header:
    kept: list[bytes] = [_PNG_MAGIC]
    size_wh, colour_type, orientation, has_trns, idat_bytes = (0, 0), 0, 1, False, 0
    for kind, body, chunk in _png_chunks(data, name):
        if (kind == b"IHDR") != (len(kept) == 1):
            raise _truncated(name, "its IHDR chunk is missing, late or repeated")
        if kind == b"IHDR":
            width, height, _, colour_type = struct.unpack_from(">IIBB", body)
            size_wh = _check_size(name, width, height)
        elif kind == b"eXIf":
            orientation = exif_orientation(body)
        elif kind == b"IDAT":
            idat_bytes += len(body)
        has_trns = has_trns or kind == b"tRNS"
        if kind in _PNG_KEPT:
            kept.append(chunk)
    if idat_bytes == 0:
        raise _truncated(name, "it holds no pixel data (IDAT)")
    alpha: Alpha = "straight" if colour_type in {4, 6} or has_trns else "none"
    return Header("PNG", size_wh, b"".join(kept), orientation, alpha)


def _png_chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield (kind, body, whole chunk) up to and with IEND, each with a checked CRC."""
    view, pos = memoryview(data), len(_PNG_MAGIC)
    while pos + 12 <= len(data):
        length = int.from_bytes(view[pos : pos + 4], "big")
        end = pos + 12 + length
        if end > len(data):
            break
        kind = bytes(view[pos + 4 : pos + 8])
        crc = int.from_bytes(view[end - 4 : end], "big")
        if kind in _PNG_KEPT and zlib.crc32(view[pos + 4 : end - 4]) != crc:
            raise _truncated(name, f"the checksum of its {kind.decode('ascii')} chunk is wrong")
        yield kind, bytes(view[pos + 8 : end - 4]), bytes(view[pos:end])
        if kind == b"IEND":
            return
        pos = end
    raise _truncated(name, f"the end mark (IEND) is missing after {len(data)} bytes")


# --- JPEG ---


def _read_jpeg(data: bytes, name: str) -> Header:
    size_wh, orientation, scans = (0, 0), 1, 0
    for marker, start, end in _jpeg_segments(data, name):
        if marker in _SOF:
            if size_wh != (0, 0):
                raise _truncated(name, "it holds two frame headers (SOF)")
            precision, height, width = struct.unpack_from(">BHH", data, start)
            size_wh = _check_size(name, width, height)
            if precision != 8:
                _refuse(name, f"it is a {precision}-bit JPEG", "Save it as 16-bit PNG.")
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = exif_orientation(data[start + 6 : end])
        elif marker == 0xDA:
            scans += 1
            if scans > MAX_SCANS:
                _refuse(name, f"it has over {MAX_SCANS} scans", "Save it as PNG.")
    if scans == 0 or size_wh == (0, 0):
        raise _truncated(name, "it holds no pixel data (SOS)")
    return Header("JPEG", size_wh, data, orientation)


def _jpeg_segments(data: bytes, name: str) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment's body; returns at EOI, raises without one."""
    pos = 2
    while (found := _JPEG_MARKER.search(data, pos)) is not None:
        marker = found.group(1)[0]
        if marker == 0xD9:
            return
        pos = found.end()
        if marker in {0x01, 0xD8}:
            continue
        end = pos + int.from_bytes(data[pos : pos + 2], "big")
        if end > len(data) or end < pos + 2:
            break
        yield marker, pos + 2, end
        pos = end
    raise _truncated(name, f"the end mark (EOI) is missing after {len(data)} bytes")


# --- BMP ---


def _read_bmp(data: bytes, name: str) -> Header:
    offset, header_size = struct.unpack_from("<II", data, 10)
    compression = 0
    if header_size == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        image_bytes = 0
    elif header_size >= 40:
        width, height, _, depth, compression, image_bytes = struct.unpack_from("<iiHHII", data, 18)
    else:
        raise _truncated(name, f"its header is {header_size} bytes long")
    width, height = _check_size(name, width, abs(height))
    if depth not in {1, 4, 8, 16, 24, 32} or compression not in {0, 1, 2, 3}:
        _refuse(name, f"it is a BMP of {depth} bits, compression {compression}", "Save it as PNG.")
    if compression in {0, 3}:
        image_bytes = (width * depth + 31) // 32 * 4 * height
    if image_bytes == 0 or offset + image_bytes > len(data):
        raise _truncated(name, f"{offset + image_bytes} bytes are needed and {len(data)} are there")
    return Header("BMP", (width, height), data)


# --- TIFF and EXIF ---


@dataclass(frozen=True, slots=True)
class _Tag:
    values: tuple[int, ...]
    value_offset: int
    value_format: str


def exif_orientation(block: bytes) -> int:
    """The orientation 1 to 8 in an EXIF block (a small TIFF file); 1 when absent or damaged."""
    try:
        tag = _tiff_tags(block.removeprefix(b"Exif\0\0")).get(274)
    except (struct.error, IndexError, OverflowError, ValueError):
        return 1
    value = tag.values[0] if tag is not None and tag.values else 1
    return value if 1 <= value <= 8 else 1


def _tiff_tags(data: bytes) -> dict[int, _Tag]:
    """Unsigned-integer tags of the first directory; tags of other types are left out."""
    order = {b"II": "<", b"MM": ">"}[data[:2]] if data[:2] in {b"II", b"MM"} else ""
    if not order:
        raise ValueError("no byte order mark")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, word_size, start = ("Q", 8, 8) if big else ("I", 4, 4)
    first = struct.unpack_from(order + word, data, start)[0]
    count_format = order + ("Q" if big else "H")
    count = struct.unpack_from(count_format, data, first)[0]
    if count > _MAX_TAGS:
        raise ValueError(f"{count} tags")
    tags: dict[int, _Tag] = {}
    entry = first + struct.calcsize(count_format)
    for _ in range(count):
        number, kind = struct.unpack_from(order + "HH", data, entry)
        n_values = struct.unpack_from(order + word, data, entry + 4)[0]
        at = entry + 4 + word_size
        size = n_values * _TIFF_TYPE_SIZES.get(kind, 0)
        if size > word_size:
            at = struct.unpack_from(order + word, data, at)[0]
        if kind in _TIFF_UNSIGNED and n_values <= _MAX_TAG_VALUES:
            one = order + _TIFF_UNSIGNED[kind]
            values = struct.unpack_from(f"{order}{n_values}{_TIFF_UNSIGNED[kind]}", data, at)
            tags.setdefault(number, _Tag(values, at, one))
        entry += 4 + 2 * word_size
    return tags


def _read_tiff(data: bytes, name: str) -> Header:
    try:
        tags = _tiff_tags(data)
    except ValueError as error:
        raise _truncated(name, f"its directory is unreadable ({error})") from error

    def value(number: int, default: int) -> int:
        tag = tags.get(number)
        return tag.values[0] if tag is not None and tag.values else default

    size_wh = _check_size(name, value(256, 0), value(257, 0))
    samples, bits, photometric = value(277, 1), value(258, 1), value(262, 1)
    _check_tiff_pixels(name, samples, bits, value(339, 1), value(284, 1))
    _check_tiff_data(name, tags, len(data))
    alpha: Alpha = "none"
    if samples == 4 and photometric == 2:  # 8 bit: the TIFF library blends; 1 = stored blended
        alpha = "straight" if bits == 16 and value(338, 0) == 2 else "done"
    orientation, payload = value(274, 1), data
    if orientation != 1:
        tag = tags[274]
        upright = struct.pack(tag.value_format, 1)
        end = tag.value_offset + len(upright)
        payload = data[: tag.value_offset] + upright + data[end:]
    return Header(
        "TIFF",
        size_wh,
        payload,
        orientation if 1 <= orientation <= 8 else 1,
        alpha,
        inverted=bits == 16 and photometric == 0,
    )


def _check_tiff_pixels(name: str, samples: int, bits: int, sample_format: int, planar: int) -> None:
    step = "Save it as 8 or 16 bit PNG."
    if sample_format != 1:
        kind = {2: "signed", 3: "floating-point"}.get(sample_format, "undefined")
        _refuse(name, f"its pixels are {kind} numbers", step)
    if bits not in {1, 2, 4, 8, 10, 12, 14, 16}:
        _refuse(name, f"it has {bits} bits a channel", step)
    if samples not in {1, 3, 4}:
        _refuse(name, f"it has {samples} channels", step)
    if planar == 2 and samples > 1 and bits > 8:
        # OpenCV 4.10 and 5.0 return uninitialised channels here without an error.
        _refuse(name, f"it stores {bits}-bit colours in separate planes", step)


def _check_tiff_data(name: str, tags: dict[int, _Tag], n_bytes: int) -> None:
    """Every strip or tile must lie inside the file."""
    for offsets_tag, counts_tag in ((273, 279), (324, 325)):
        if offsets_tag not in tags:
            continue
        offsets = tags[offsets_tag].values
        counts = tags[counts_tag].values if counts_tag in tags else (1,) * len(offsets)
        if not offsets or len(counts) != len(offsets):
            raise _truncated(name, f"{len(offsets)} strips have {len(counts)} sizes")
        needed = max(o + c for o, c in zip(offsets, counts, strict=True))
        if needed > n_bytes:
            raise _truncated(name, f"{needed} bytes are needed and {n_bytes} are there")
        return
    raise _truncated(name, "it holds no pixel data (strips or tiles)")
