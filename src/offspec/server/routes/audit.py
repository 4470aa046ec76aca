"""The audit log; for administrators and quality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from offspec.server.api import api_router
from offspec.server.deps import Caller, PersonDep, ReadDb, ServicesDep, with_role
from offspec.server.schemas import AuditOut, Chain, Page
from offspec.store import audit, queries

router = api_router("audit", "/audit")


def reader(who: Annotated[Caller, Depends(with_role("quality"))], _person: PersonDep) -> Caller:
    """Somebody signed in: the log tells of every project, and a token is for one."""
    return who


Quality = Annotated[Caller, Depends(reader)]
Named = Annotated[str | None, Query(max_length=80)]
Time = Annotated[float | None, Query(allow_inf_nan=False)]


def wanted(
    action: Named = None,
    actor: Named = None,
    object_id: Named = None,
    from_s: Time = None,
    to_s: Time = None,
) -> audit.Filter:
    """What the log is narrowed to; times are seconds since 1970, ``to_s`` excluded."""
    return audit.Filter(action, actor, object_id, from_s, to_s)


WantedDep = Annotated[audit.Filter, Depends(wanted)]


@router.get("")
def events(
    _caller: Quality,
    db: ReadDb,
    found: WantedDep,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
) -> Page[AuditOut]:
    """Entries, the latest first."""
    rows, place = audit.page(db, found, before, limit)
    items = [AuditOut.model_validate(row) for row in rows]
    return Page(items=items, next=None if place is None else str(place))


@router.get("/export", response_class=StreamingResponse)
def export(_caller: Quality, services: ServicesDep, found: WantedDep) -> StreamingResponse:
    """Entries as lines of JSON, the oldest first, as a file."""

    def lines() -> Iterator[bytes]:
        for events_ in audit.chunks(services.database, found):
            shown = (AuditOut.model_validate(event).model_dump_json() for event in events_)
            yield "".join(f"{line}\n" for line in shown).encode()

    headers = {"content-disposition": "attachment; filename=audit.ndjson"}
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)


@router.get("/verify")
def verify(_caller: Quality, db: ReadDb) -> Chain:
    """Whether the chain is whole."""
    return Chain.model_validate(audit.verify(db))
