"""What administrators look after: room, and how long pictures are kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Annotated

from fastapi import Depends

from offspec.server.api import api_router
from offspec.server.deps import Caller, ReadDb, ServicesDep, with_role
from offspec.server.schemas_admin import Retention, Storage
from offspec.store import upkeep

router = api_router("admin", "/admin")
Admin = Annotated[Caller, Depends(with_role())]


@router.get("/storage")
def storage(_caller: Admin, db: ReadDb, services: ServicesDep) -> Storage:
    """What is kept, and what room is left on the disk of the server's folder."""
    found = upkeep.usage(db, services.blobs.sizes())
    free = shutil.disk_usage(services.settings.data).free
    return Storage(**asdict(found), free_bytes=free)


@router.get("/retention")
def retention(_caller: Admin, db: ReadDb) -> Retention:
    """For how long pictures of inspections are kept."""
    return Retention(**asdict(upkeep.retention(db)))


@router.put("/retention")
def set_retention(body: Retention, caller: Admin, services: ServicesDep) -> Retention:
    """Decide for how long; the next sweep, within the hour, acts on it."""
    with services.database.write() as db:
        upkeep.set_retention(db, caller.user.name, upkeep.Kept(body.ok_days, body.other_days))
    return body
