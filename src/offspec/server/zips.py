"""Zip files from outside: judged by their directory before anything is unpacked.

Nothing is ever written under a name from the zip; a name only says what to show, and which files
lay in one folder.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from offspec.errors import InputError, LimitError

MAX_ENTRIES = 10_000
MAX_ENTRY_BYTES = 512 << 20
MAX_TOTAL_BYTES = 4 << 30
MAX_RATIO = 200
FREE_RATIO_BYTES = 16 << 20
"""Entries up to this size may shrink by any ratio: drawn pictures do."""

_MAX_DIRECTORY_BYTES = MAX_ENTRIES * 600
_END, _END_BYTES = b"PK\x05\x06", 22
_LONG_END, _LONG_END_BYTES = b"PK\x06\x07", 20  # stands right before the end record
_MAX_COMMENT = 65_535
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a zip.

    Attributes:
        folder: Where it lay; for comparing only.
        name: Last part of its name.
    """

    folder: str
    name: str
    _zip: zipfile.ZipFile
    _info: zipfile.ZipInfo

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            LimitError: Too large, or packed too tightly to be pictures.
            InputError: Damaged, encrypted, or packed in another way.
        """
        info = self._info
        _check_entry(info)
        try:
            with self._zip.open(info) as stream:
                data = stream.read(MAX_ENTRY_BYTES + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            raise InputError(
                f"'{self.name}' in the zip is damaged: {str(error)[:120]}. Pack the zip again."
            ) from error
        if len(data) != info.file_size:
            raise InputError(
                f"'{self.name}' in the zip has {len(data)} bytes and its directory says "
                f"{info.file_size}. Both must agree. Pack the zip again."
            )
        return data


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head.startswith((b"PK\x03\x04", _END))


def open_zip(stream: IO[bytes]) -> zipfile.ZipFile:
    """Open a zip whose directory keeps the limits.

    Raises:
        LimitError: Too many entries, or too much in all.
        InputError: Not a zip, or damaged.
    """
    _check_directory(stream)
    try:
        found = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"This zip cannot be opened: {str(error)[:120]}. Pack it again."
        ) from error
    infos = found.infolist()
    if len(infos) > MAX_ENTRIES:
        raise _too_many(len(infos))
    total = sum(info.file_size for info in infos)
    if total > MAX_TOTAL_BYTES:
        raise LimitError(
            f"This zip unpacks to {total} bytes. At most {MAX_TOTAL_BYTES} are taken. Upload it in "
            "parts."
        )
    return found


def entries(found: zipfile.ZipFile) -> Iterator[Entry]:
    """Its files in order of name; folders and what systems leave behind are passed over."""
    for info in sorted(found.infolist(), key=lambda one: one.filename):
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if info.is_dir() or path.name.startswith("._") or path.name in _LITTER:
            continue
        if "__MACOSX" not in path.parts:
            yield Entry(path.parent.as_posix(), path.name, found, info)


_LITTER = frozenset({"", ".DS_Store", "Thumbs.db", "desktop.ini"})


def _check_directory(stream: IO[bytes]) -> None:
    """Read the count from the end record: a directory of millions would fill the memory."""
    size = stream.seek(0, 2)
    start = max(0, size - _LONG_END_BYTES - _END_BYTES - _MAX_COMMENT)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise InputError("This zip has no directory: it is truncated. Copy or pack it again.")
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    if tail[max(at - _LONG_END_BYTES, 0) : at].startswith(_LONG_END):
        raise _too_many(65_536)
    if count > MAX_ENTRIES or directory > _MAX_DIRECTORY_BYTES:
        raise _too_many(max(count, directory // 600))
    stream.seek(0)


def _too_many(count: int) -> LimitError:
    return LimitError(
        f"This zip has about {count} entries or more. At most {MAX_ENTRIES} are taken. Upload it "
        "in parts."
    )


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename).name[:80]
    if info.flag_bits & 0x1:
        raise InputError(f"'{name}' in the zip is encrypted. Pack it again without a password.")
    if info.compress_type not in _METHODS:
        raise InputError(
            f"'{name}' in the zip is packed by method {info.compress_type}. Stored and deflated "
            "files are read. Pack it again as a plain zip."
        )
    if info.file_size > MAX_ENTRY_BYTES:
        raise LimitError(
            f"'{name}' in the zip has {info.file_size} bytes. At most {MAX_ENTRY_BYTES} are taken."
            " Upload it by itself."
        )
    if info.file_size > max(FREE_RATIO_BYTES, info.compress_size * MAX_RATIO):
        raise LimitError(
            f"'{name}' in the zip unpacks to {info.file_size} bytes from {info.compress_size}. At "
            f"most {MAX_RATIO} times is taken. Upload the file by itself."
        )
