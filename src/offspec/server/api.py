"""Where the API begins, and how its routers are made."""

from __future__ import annotations

from fastapi import APIRouter

API = "/api/v1"


def api_router(tag: str, prefix: str = "") -> APIRouter:
    """A router whose routes know their whole path.

    They go into the app as they are (``app.create_app``). Routers included in routers look at every
    route before theirs at each level, at each request, and are built anew for each app.
    """
    return APIRouter(prefix=API + prefix, tags=[tag])
