"""What the server keeps, for how long, and the removal of pictures whose time is over."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, text, update
from sqlalchemy.orm import Session as Db

from offspec.store import audit
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import Image, InspectionRow, ModelRow, Setting
from offspec.store.unnamed import SERVER, inspected, named

RETENTION = "retention"
DAY_S = 86_400.0
BATCH = 500
"""Inspections a transaction: others write in between."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Days for which pictures of inspections are kept; None = for ever."""

    ok_days: int | None = None
    other_days: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is kept, in numbers and bytes; ``other_bytes`` are blobs that none of these name."""

    images: int
    image_bytes: int
    inspections: int
    inspection_bytes: int
    bundles: int
    bundle_bytes: int
    other_bytes: int
    database_bytes: int


def retention(db: Db) -> Kept:
    """What administrators decided; at first everything is kept."""
    row = db.get(Setting, RETENTION)
    return Kept() if row is None else Kept(**row.value)


def set_retention(db: Db, actor: str, kept: Kept) -> None:
    """Decide it anew."""
    old = retention(db)
    if old == kept:
        return
    db.merge(Setting(key=RETENTION, value=asdict(kept)))
    audit.append(
        db, actor, "retention.change", "setting", RETENTION, old=asdict(old), new=asdict(kept)
    )


def usage(db: Db, sizes: Mapping[str, int]) -> Usage:
    """Who needs how much.

    Args:
        db: A transaction.
        sizes: Bytes of every blob by its hash.
    """
    images = set(db.scalars(select(Image.sha256)))
    bundles = set(db.scalars(select(ModelRow.bundle_sha256))) - images
    inspected = set(
        db.scalars(
            select(InspectionRow.image_sha256).where(InspectionRow.image_gone.is_(False)).distinct()
        )
    )
    shares = [
        sum(sizes.get(sha256, 0) for sha256 in names)
        for names in (images, inspected - images - bundles, bundles)
    ]
    return Usage(
        images=_count(db, Image),
        image_bytes=shares[0],
        inspections=_count(db, InspectionRow),
        inspection_bytes=shares[1],
        bundles=len(bundles),
        bundle_bytes=shares[2],
        other_bytes=sum(sizes.values()) - sum(shares),
        database_bytes=_database_bytes(db),
    )


def _count(db: Db, table: type[Image | InspectionRow]) -> int:
    return db.scalar(select(func.count()).select_from(table)) or 0


def _database_bytes(db: Db) -> int:
    if db.get_bind().dialect.name == "postgresql":
        return int(db.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages = db.scalar(
        text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    )
    return int(pages or 0)


def sweep(database: Database, blobs: BlobStore, now: float | None = None) -> int:
    """Remove pictures of inspections whose time is over, and say so in the log.

    The picture goes before the transaction that marks its inspections: ended in between, the next
    sweep marks them. A blob that somebody has just put again stays (``BlobStore.remove``).

    Returns:
        Inspections that have lost their picture.
    """
    at = time.time() if now is None else now
    total, kept = 0, None
    while True:
        with database.write() as db:
            over = _over(retention(db), at)
            rows = [] if over is None else _next(db, over)
            if over is None or not rows:
                return total
            ids = [row.id for row in rows]
            db.execute(
                update(InspectionRow).where(InspectionRow.id.in_(ids)).values(image_gone=True)
            )
            kept = named(db) if kept is None else kept
            pictures = {row.image_sha256 for row in rows}
            free = pictures - kept - inspected(db, pictures)
            removed = sum(blobs.remove(sha256) for sha256 in sorted(free))
            audit.append(
                db, SERVER, "retention.sweep", "setting", RETENTION,
                new={"inspections": len(rows), "pictures": len(free), "bytes": removed},
            )  # fmt: skip
            total += len(rows)


def _over(kept: Kept, now: float) -> ColumnElement[bool] | None:
    """Which inspections are too old; None = none ever is."""
    limits = {
        "ok": None if kept.ok_days is None else now - kept.ok_days * DAY_S,
        "other": None if kept.other_days is None else now - kept.other_days * DAY_S,
    }
    known = [limit for limit in limits.values() if limit is not None]
    if not known:
        return None
    is_ok, at = InspectionRow.verdict == "ok", InspectionRow.created_s
    rules = [
        and_(rule, at < limit)
        for rule, limit in ((is_ok, limits["ok"]), (~is_ok, limits["other"]))
        if limit is not None
    ]
    return and_(at < max(known), or_(*rules))  # the first part is for the index


def _next(db: Db, over: ColumnElement[bool]) -> Sequence[InspectionRow]:
    query = select(InspectionRow).where(~InspectionRow.image_gone, over)
    return db.scalars(query.limit(BATCH)).all()
