"""Images by the hash of their bytes, on disk or in any object store that fsspec knows.

A blob is written aside, synchronised and renamed (on disk) or put whole (elsewhere), so that its
name never stands for half of it. A power cut may undo the rename: what lies aside then is put in
its place at the next start. Names come from hashes alone: no path from outside is ever opened.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from offspec.errors import InputError, OptionError, WriteError
from offspec.images import write_synced

_HASH = re.compile(r"[0-9a-f]{64}")
ASIDE, OWNER = "aside", "owner"
FRESH_S = 3600.0
"""A blob that was put this recently is not removed: its row may not be written yet."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes on disk that have no name yet.

    Attributes:
        keep: Gives them their name.
        drop: Removes them.
    """

    sha256: str
    keep: Callable[[], None]
    drop: Callable[[], None]


class BlobStore:
    """Bytes under their sha256.

    Args:
        where: A folder, or a URL such as ``s3://bucket/folder``.
    """

    def __init__(self, where: str) -> None:
        self._folder: Path | None = None
        self._remote: Any = None
        self._root = ""
        if "://" not in where:
            self._folder = Path(where)
            (self._folder / ASIDE).mkdir(parents=True, exist_ok=True)
            return
        import fsspec  # noqa: PLC0415 - only for stores that are not a folder

        try:
            self._remote, self._root = fsspec.core.url_to_fs(where)
        except (ImportError, ValueError) as error:
            raise OptionError(
                f"Image store '{where.split('://', maxsplit=1)[0]}://...' cannot be used: {error}. "
                "It is a folder or a URL that fsspec knows. Install its package, or name a folder."
            ) from error

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their sha256. What is there already is not written again."""
        staged = self.stage(data)
        staged.keep()
        return staged.sha256

    def stage(self, data: bytes) -> Staged:
        """Bring bytes to disk before it is known whether they are kept.

        Raises:
            WriteError: The disk is full.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if self._refreshed(sha256):
            return Staged(sha256, lambda: None, lambda: None)
        place = _place(sha256)
        if self._folder is None:
            return Staged(
                sha256, lambda: self._remote.pipe_file(f"{self._root}/{place}", data), lambda: None
            )
        aside = self._folder / ASIDE / f"{sha256}-{secrets.token_hex(8)}"
        try:
            (self._folder / place).parent.mkdir(parents=True, exist_ok=True)
            write_synced(aside, data)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise WriteError(
                f"A picture could not be written: {error.strerror or error}. Nothing of it is "
                "kept. Check the free space of the server's disk."
            ) from error
        return Staged(sha256, partial(_move, aside, self._folder / place), aside.unlink)

    def recover(self) -> int:
        """Put what a power cut left aside in its place; remove halves that are an hour old.

        Returns:
            How many.
        """
        if self._folder is None:
            return 0
        found = 0
        for aside in (self._folder / ASIDE).iterdir():
            sha256 = aside.name.partition("-")[0]
            if hashlib.sha256(aside.read_bytes()).hexdigest() == sha256:
                _move(aside, self._folder / _place(sha256))
                found += 1
            elif aside.stat().st_mtime < time.time() - FRESH_S:
                aside.unlink()
        return found

    def put_file(self, path: Path) -> str:
        """Keep a file too large to hold in memory; returns its sha256."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if self._refreshed(sha256):
            return sha256
        if self._folder is not None:
            aside = self._folder / ASIDE / f"{sha256}-{secrets.token_hex(8)}"
            _copy_whole(path, aside, self._folder / _place(sha256))
        else:
            self._remote.put_file(str(path), f"{self._root}/{_place(sha256)}")
        return sha256

    def _refreshed(self, sha256: str) -> bool:
        """Whether a blob is there; it counts as put now, so that no sweep removes it meanwhile."""
        if self._folder is None:
            return self.has(sha256) and not self._is_old(sha256, FRESH_S)
        try:
            os.utime(self._folder / _place(sha256))
        except FileNotFoundError:
            return False
        return True

    def remove(self, sha256: str, fresh_s: float | None = None) -> int:
        """Remove bytes that nothing names any more, unless they were put a moment ago.

        Args:
            sha256: Which.
            fresh_s: How long a moment is, in seconds; None = an hour, ``FRESH_S``.

        Returns:
            How many there were; 0 = they stay, or were gone.
        """
        place, fresh_s = _place(sha256), FRESH_S if fresh_s is None else fresh_s
        if self._folder is None:
            if not self.has(sha256) or not self._is_old(sha256, fresh_s):
                return 0
            size = int(self._remote.size(f"{self._root}/{place}") or 0)
            self._remote.rm_file(f"{self._root}/{place}")
            return size
        return remove_old(self._folder / place, fresh_s)

    def _is_old(self, sha256: str, fresh_s: float) -> bool:
        changed = self._remote.modified(f"{self._root}/{_place(sha256)}").timestamp()
        return bool(changed < time.time() - fresh_s)

    def sizes(self) -> dict[str, int]:
        """Bytes of every blob by its hash."""
        return dict(self.each())

    def each(self) -> Iterator[tuple[str, int]]:
        """Hash and bytes of every blob; some may come and go meanwhile."""
        if self._folder is None:
            for one in self._remote.find(self._root, detail=True).values():
                name = one["name"].rsplit("/", 1)[-1]
                if _HASH.fullmatch(name):
                    yield name, int(one["size"])
            return
        for path in self._folder.glob("??/??/*"):
            if _HASH.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    yield path.name, path.stat().st_size

    def owner(self) -> str | None:
        """Id of the database whose rows name what is here; None = nobody has said."""
        try:
            if self._folder is not None:
                return (self._folder / OWNER).read_text(encoding="ascii")
            return bytes(self._remote.cat_file(f"{self._root}/{OWNER}")).decode("ascii")
        except FileNotFoundError:
            return None

    def claim(self, owner: str) -> None:
        """Say whose store it is."""
        if self._folder is not None:
            write_synced(self._folder / OWNER, owner.encode("ascii"))
        else:
            self._remote.pipe_file(f"{self._root}/{OWNER}", owner.encode("ascii"))

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their name.

        Raises:
            InputError: There are none, or they are damaged.
        """
        place = _place(sha256)
        try:
            if self._folder is not None:
                data = (self._folder / place).read_bytes()
            else:
                data = bytes(self._remote.cat_file(f"{self._root}/{place}"))
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise InputError(
                f"Blob {sha256[:12]} is damaged: its bytes have another hash. Restore the store "
                "from its backup."
            )
        return data

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """The bytes of a blob that may be larger than memory, in parts; not checked.

        Raises:
            InputError: There are none.
        """
        place = _place(sha256)
        try:
            if self._folder is not None:
                file: IO[bytes] = (self._folder / place).open("rb")
            else:
                file = self._remote.open(f"{self._root}/{place}", "rb")
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        return _read_through(file)

    def has(self, sha256: str) -> bool:
        """Whether these bytes are kept."""
        place = _place(sha256)
        if self._folder is not None:
            return (self._folder / place).is_file()
        return bool(self._remote.exists(f"{self._root}/{place}"))


def _missing(sha256: str) -> InputError:
    return InputError(
        f"Blob {sha256[:12]} is not in the image store. It was kept once. Restore the store from "
        "its backup."
    )


def _read_through(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(1 << 20):
            yield part


def _move(aside: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        aside.replace(path)
    except FileNotFoundError:
        if not path.exists():  # else a recovery has put it there
            raise


def _copy_whole(source: Path, aside: Path, target: Path) -> None:
    """Copy aside, force it to disk, then rename."""
    try:
        with source.open("rb") as read, aside.open("xb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
        _move(aside, target)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise WriteError(
            f"'{target.name[:12]}' could not be kept: {error.strerror}. Nothing half-written is "
            "left. Free some space in the store."
        ) from error


def _place(sha256: str) -> str:
    """Two folders deep, so that none holds too many files."""
    if not _HASH.fullmatch(sha256):
        raise InputError(
            f"'{sha256[:80]}' is no hash. Blobs are named by 64 hexadecimal digits. Use the id."
        )
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def remove_old(path: Path, fresh_s: float) -> int:
    """Remove a file unless it is fresh; one that is put again in between is not lost.

    It is moved aside first: who puts it from then on writes it anew, and whoever touched it before
    is seen by its time.

    Args:
        path: The file.
        fresh_s: Seconds since its change within which it stays.

    Returns:
        Its bytes; 0 = it stays, or was gone.
    """
    limit = time.time() - fresh_s
    aside = path.with_name(f"{path.name}.gone")
    try:
        if path.stat().st_mtime > limit:
            return 0  # and nobody misses it for a moment
        path.replace(aside)
    except FileNotFoundError:
        return 0
    found = aside.stat()
    if found.st_mtime > limit:
        aside.replace(path)
        return 0
    aside.unlink()
    return found.st_size
