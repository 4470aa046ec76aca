"""The audit log; for administrators and quality."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from offspec.server.deps import Caller, ReadDb, with_role
from offspec.server.schemas import AuditOut, Chain, Page
from offspec.store import audit, queries

router = APIRouter(prefix="/audit", tags=["audit"])
Quality = Annotated[Caller, Depends(with_role("quality"))]


@router.get("")
def events(
    _caller: Quality,
    db: ReadDb,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST_PAGE)] = queries.PAGE,
    action: str | None = None,
    actor: str | None = None,
    object_id: str | None = None,
) -> Page[AuditOut]:
    """Entries, the latest first."""
    filters = {"action": action, "actor": actor, "object_id": object_id}
    rows, place = queries.audit_page(db, before, limit, filters)
    items = [AuditOut.model_validate(row) for row in rows]
    return Page(items=items, next=None if place is None else str(place))


@router.get("/verify")
def verify(_caller: Quality, db: ReadDb) -> Chain:
    """Whether the chain is whole."""
    return Chain.model_validate(audit.verify(db))
