"""The audit log: every change of state, with old and new values, chained by hash.

An entry's hash covers its content and the hash before it, so that nothing can be altered, removed
or put in between without breaking the chain. Written in the transaction of the change itself: one
does not happen without the other.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session as Db

from offspec.store.database import Database
from offspec.store.models import AuditEvent

GENESIS = "0" * 64
_LOCK = 0x0FF5_9EC  # of PostgreSQL's advisory locks; SQLite has one writer at a time anyway


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the chain is whole.

    Attributes:
        events: Entries looked at.
        broken_at: Number of the first entry that does not fit; None = whole.
        head: Hash of the last entry; keep it elsewhere, and a shortened log is noticed too.
    """

    events: int
    broken_at: int | None
    head: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What the log is narrowed to; None = everything.

    Attributes:
        from_s: Seconds since 1970; ``to_s`` is excluded.
    """

    action: str | None = None
    actor: str | None = None
    object_id: str | None = None
    from_s: float | None = None
    to_s: float | None = None


def take_turn(db: Db) -> None:
    """Wait until no other transaction writes to the log; it is ours until this one ends."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def append(
    db: Db,
    actor: str,
    action: str,
    object_type: str,
    object_id: str,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Add an entry to the open transaction."""
    take_turn(db)
    last = db.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(1)).first()
    event = AuditEvent(
        seq=1 if last is None else last.seq + 1,
        time_s=round(time.time(), 3),
        actor=actor,
        action=action,
        object_type=object_type,
        object_id=object_id,
        old=None if old is None else dict(old),
        new=None if new is None else dict(new),
    )
    event.hash = digest(event, GENESIS if last is None else last.hash)
    db.add(event)
    db.flush()
    return event


def digest(event: AuditEvent, before: str) -> str:
    """Hash of an entry and of what stands before it."""
    content = [
        before,
        event.seq,
        event.time_s,
        event.actor,
        event.action,
        event.object_type,
        event.object_id,
        event.old,
        event.new,
    ]
    text_ = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text_.encode()).hexdigest()


def verify(db: Db, *, chunk: int = 1000) -> Verification:
    """Go through the whole chain."""
    before, count = GENESIS, 0
    while True:
        rows = db.scalars(
            select(AuditEvent).where(AuditEvent.seq > count).order_by(AuditEvent.seq).limit(chunk)
        ).all()
        if not rows:
            return Verification(count, None, before)
        for event in rows:
            if event.seq != count + 1 or event.hash != digest(event, before):
                return Verification(count, event.seq, before)
            before, count = event.hash, event.seq
        db.expunge_all()


def page(
    db: Db, wanted: Filter, before: int | None, limit: int
) -> tuple[Sequence[AuditEvent], int | None]:
    """Entries, the latest first, and the number before which the next part begins."""
    query = _narrowed(wanted)
    if before is not None:
        query = query.where(AuditEvent.seq < before)
    rows = db.scalars(query.order_by(AuditEvent.seq.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, rows[-1].seq if more else None


def chunks(database: Database, wanted: Filter, size: int = 1000) -> Iterator[Sequence[AuditEvent]]:
    """All entries, the oldest first, some at a time; no transaction stays open in between."""
    last = 0
    while True:
        query = _narrowed(wanted).where(AuditEvent.seq > last)
        with database.read() as db:
            rows = db.scalars(query.order_by(AuditEvent.seq).limit(size)).all()
        if not rows:
            return
        last = rows[-1].seq
        yield rows


def _narrowed(wanted: Filter) -> Select[AuditEvent]:
    query = select(AuditEvent)
    for name in ("action", "actor", "object_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(AuditEvent, name) == value)
    if wanted.from_s is not None:
        query = query.where(AuditEvent.time_s >= wanted.from_s)
    if wanted.to_s is not None:
        query = query.where(AuditEvent.time_s < wanted.to_s)
    return query
