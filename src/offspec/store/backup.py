"""Backup and restore of a server's data, also while it works.

The database is copied first, by SQLite's own online backup, then the blobs: a blob is always
written before the row that names it, so that the copy never names what it lacks. Restoring checks
every hash and the chain of the audit log.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.exc import DatabaseError

from offspec.errors import InputError, OptionError, WriteError
from offspec.store import accounts, audit
from offspec.store.database import Database
from offspec.store.models import Session

DATABASE, BLOBS = "offspec.db", "images"
_MEMBER = re.compile(r"images/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds.

    Attributes:
        blobs: Images and bundles.
        events: Entries of the audit log; ``head`` is the hash of the last.
        tokens: With which machines may act.
        revoked: Tokens that were ended by the restore.
    """

    blobs: int
    events: int
    head: str
    tokens: int
    revoked: int = 0


def back_up(data: Path, out: Path) -> Saved:
    """Write a backup as one tar file, whole or not at all.

    Args:
        data: The server's folder; the server may run.
        out: The file.

    Raises:
        OptionError: There is no SQLite database in the folder.
        WriteError: The file cannot be written.
    """
    source = data / DATABASE
    if not source.is_file():
        raise OptionError(
            f"'{data}' holds no database. A backup is of the folder that `serve` was given; with "
            "PostgreSQL use its own pg_dump, and copy the image store. Name the folder."
        )
    aside = out.with_name(out.name + ".part")
    try:
        with tempfile.TemporaryDirectory(prefix="offspec-backup-") as folder:
            copy = Path(folder, DATABASE)
            with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(copy)) as here:
                there.backup(here)
            with tarfile.open(aside, "w") as archive:
                archive.add(copy, DATABASE)
                paths = sorted(p for p in (data / BLOBS).glob("??/??/*") if len(p.name) == 64)
                count = sum(_added(archive, path, data) for path in paths)
            found, _ = _look(copy)
        aside.replace(out)
    except OSError as error:
        raise WriteError(
            f"The backup '{out}' cannot be written: {error.strerror or error}. It needs room for "
            "all images. Name another place."
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return replace(found, blobs=count)


def _added(archive: tarfile.TarFile, path: Path, data: Path) -> bool:
    """Add a blob; False = a sweep has removed it since it was listed."""
    try:
        archive.add(path, path.relative_to(data).as_posix())
    except FileNotFoundError:
        return False
    return True


def restore(archive: Path, data: Path, *, revoke_tokens: bool = False) -> Saved:
    """Lay a backup out in a new folder and check it; nobody is signed in there.

    Args:
        archive: The backup.
        data: The folder.
        revoke_tokens: End all tokens: one that was revoked since the backup is valid in it.

    Raises:
        OptionError: The folder is not empty.
        InputError: The file is no backup, or damaged.
    """
    if data.exists() and any(data.iterdir()):
        raise OptionError(
            f"'{data}' is not empty. A backup is restored into a new folder, so that nothing is "
            "overwritten. Name another one."
        )
    data.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:") as found:
            count = sum(_lay_out(found, member, data) for member in found)
    except (tarfile.TarError, OSError) as error:
        raise InputError(
            f"'{archive}' cannot be read as a backup: {error}. `offspec backup` writes one."
        ) from error
    if not (data / DATABASE).is_file():
        raise InputError(f"'{archive}' holds no database. `offspec backup` writes one.")
    try:
        laid, broken_at = _look(data / DATABASE, revoke_tokens=revoke_tokens)
    except DatabaseError as error:
        raise InputError(
            f"The database in '{archive}' cannot be read. `offspec backup` writes a whole one."
        ) from error
    if broken_at is not None:
        raise InputError(
            f"The audit log in '{archive}' is broken at entry {broken_at}. Take an older one."
        )
    return replace(laid, blobs=count)


def _lay_out(archive: tarfile.TarFile, member: tarfile.TarInfo, data: Path) -> bool:
    """Write one member where it belongs; True for a blob."""
    match = _MEMBER.fullmatch(member.name)
    is_plain = member.isfile() and not member.issparse()  # a hole can be of any size
    if not is_plain or (match is None and member.name != DATABASE):
        raise InputError(f"The backup holds '{member.name[:80]}', which is no part of one.")
    stream = archive.extractfile(member)
    assert stream is not None  # noqa: S101 - it is a file
    path = data / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as out:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            out.write(piece)
    if match is not None and digest.hexdigest() != match.group(1):
        raise InputError(f"Blob {match.group(1)[:12]} in the backup is damaged. Take another one.")
    return match is not None


def _look(path: Path, *, revoke_tokens: bool = False) -> tuple[Saved, int | None]:
    """Verify the log, and end every session: who signed out since must not be signed in again.

    Returns:
        What is there, its blobs not counted, and the entry at which the log is broken.
    """
    database = Database(f"sqlite:///{path}")
    try:
        with database.write() as db:
            db.execute(delete(Session))
            chain, revoked = audit.verify(db), 0
            if revoke_tokens and chain.broken_at is None:
                revoked = accounts.revoke_all_tokens(db, "offspec restore")
                chain = audit.verify(db)
            tokens = len(accounts.valid_tokens(db))
            return Saved(0, chain.events, chain.head, tokens, revoked), chain.broken_at
    finally:
        database.close()
