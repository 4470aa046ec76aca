"""The removal of bytes that nothing names, and of bundles laid ready that nobody uses.

Such bytes come from uploads, jobs and inspections that ended between the blob and its row, and from
images that were removed within the hour. Whoever writes a row puts its blob within the day before,
which makes it count as fresh (``BlobStore.remove``): so none is removed that is about to be named.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session as Db

from offspec.store import audit
from offspec.store.blobs import BlobStore, remove_old
from offspec.store.database import Database
from offspec.store.models import (
    Image,
    InspectionRow,
    JobRow,
    ModelRow,
    Project,
    Setting,
    SignOff,
    TemplateRow,
    VersionRow,
    new_id,
)

_LOG = logging.getLogger("offspec.sweeper")
_HASHES = re.compile(r"[0-9a-f]{64}")
GRACE_S = 86_400.0
BATCH = 500
"""Blobs that are looked up and removed at a time."""
STORE = "store"
SERVER = "offspec serve"
NAMING = (Image.sha256, ModelRow.bundle_sha256, SignOff.bundle_sha256, SignOff.report_sha256)
NAMING_JSON = (
    VersionRow.content, TemplateRow.content, JobRow.params, JobRow.result, ModelRow.settings,
    ModelRow.summary, Project.problem, Setting.value,
)  # fmt: skip
"""Columns that name blobs, beside ``InspectionRow.image_sha256``, which is asked by its index."""


def named(db: Db) -> set[str]:
    """Hashes of all blobs that rows name, those of inspections left out."""
    found: set[str] = set()
    for column in NAMING:
        found.update(one for one in db.scalars(select(column)) if one is not None)
    for content in NAMING_JSON:
        texts = db.scalars(select(cast(content, String)).execution_options(yield_per=20))
        for text in texts:
            found.update(_HASHES.findall(text or ""))
    return found


def inspected(db: Db, hashes: Iterable[str]) -> set[str]:
    """Which of these are pictures that inspections still have."""
    query = select(InspectionRow.image_sha256).where(
        InspectionRow.image_sha256.in_(hashes), InspectionRow.image_gone.is_(False)
    )
    return set(db.scalars(query))


def sweep_unnamed(
    database: Database, blobs: BlobStore, stopped: Callable[[], bool] = lambda: False
) -> int:
    """Remove blobs that nothing names and that nobody put within a day, and say so in the log.

    Args:
        database: Whose rows name blobs.
        blobs: The store.
        stopped: Whether to leave the rest for the next time.

    Returns:
        How many.
    """
    with database.read() as db:
        kept = named(db)
    if not _is_ours(database, blobs, kept):
        _LOG.warning("the image store belongs to another database: what nothing names stays")
        return 0
    rest = (sha256 for sha256, _ in blobs.each() if sha256 not in kept)
    count = 0
    while not stopped() and (batch := list(islice(rest, BATCH))):
        count += _remove(database, blobs, batch)
    return count


def _remove(database: Database, blobs: BlobStore, batch: Sequence[str]) -> int:
    with database.read() as db:
        free = sorted(set(batch) - inspected(db, batch))
    sizes = [size for sha256 in free if (size := blobs.remove(sha256, GRACE_S))]
    if sizes:
        with database.write(notable=False) as db:
            new = {"blobs": len(sizes), "bytes": sum(sizes)}
            audit.append(db, SERVER, "store.sweep", "setting", STORE, new=new)
    return len(sizes)


def _is_ours(database: Database, blobs: BlobStore, kept: set[str]) -> bool:
    """Whether a store belongs to this database: to any other its bytes would seem without a name.

    A store without an owner becomes ours if it is empty or we name most of what is in it.
    """
    with database.read() as db:
        row = db.get(Setting, STORE)
    mine = new_id() if row is None else str(row.value["id"])
    owner = blobs.owner()
    if owner is not None or not _names_most(database, blobs, kept):
        return owner == mine
    if row is None:
        with database.write(notable=False) as db:
            db.add(Setting(key=STORE, value={"id": mine}))
    blobs.claim(mine)
    return True


def _names_most(database: Database, blobs: BlobStore, kept: set[str]) -> bool:
    every = (sha256 for sha256, _ in blobs.each())
    total = ours = 0
    while batch := list(islice(every, BATCH)):
        others = set(batch) - kept
        with database.read() as db:
            ours += len(batch) - len(others) + len(inspected(db, others))
        total += len(batch)
    return 2 * ours >= total


def sweep_ready(database: Database, folder: Path) -> int:
    """Remove bundles laid ready for the inspecting processes that are neither approved nor used.

    Who asks for one of them later has it laid ready again.

    Returns:
        How many.
    """
    with database.read() as db:
        query = select(ModelRow.bundle_sha256).where(ModelRow.approved.is_(True))
        in_use = set(db.scalars(query))
    files = [path for path in folder.glob("*.offspec") if path.stem not in in_use]
    return sum(remove_old(path, GRACE_S) > 0 for path in files)
