"""The application: routes, shield, problems."""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy import text

from offspec import __version__
from offspec.jobs.inference import Pool
from offspec.server import problems, studio
from offspec.server.api import API, api_router
from offspec.server.deps import ReadDb
from offspec.server.door import Door
from offspec.server.inspectors import Inspectors
from offspec.server.lines import Lines
from offspec.server.metrics import Metrics
from offspec.server.picture_cache import PictureCache
from offspec.server.pyramids import Pyramids
from offspec.server.routes import (
    admin,
    assist,
    audit,
    images,
    inspect,
    inspections,
    jobs,
    labelling,
    metrics,
    models,
    projects,
    session,
    users,
)
from offspec.server.schemas import Health
from offspec.server.services import Services
from offspec.server.shield import Shield
from offspec.server.watch import Watch


def create_app(services: Services, pool: Pool | None = None) -> FastAPI:
    """The app of one server; ``pool`` are the processes that look at pictures."""
    app = FastAPI(
        title="offspec",
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # pages that would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    app.state.inspectors = Inspectors(services.settings, services.blobs, pool or Pool())
    app.state.lines = Lines(services.database)
    app.state.pictures = PictureCache()
    app.state.pyramids = Pyramids()
    app.state.metrics = Metrics()
    problems.install(app)
    for part in _PARTS:
        app.router.routes.extend(part.routes)
    studio.install(app)
    app.add_middleware(Shield, settings=services.settings, door=Door(services.database))
    app.add_middleware(Watch, metrics=app.state.metrics)
    return app


_health = api_router("health", "/health")


@_health.get("/live")
def live() -> Health:
    """The process answers."""
    return Health(status="ok", version=__version__)


@_health.get("/ready")
def ready(db: ReadDb) -> Health:
    """The database answers too."""
    db.execute(text("SELECT 1"))
    return Health(status="ok", version=__version__)


_PARTS = (
    inspect.router, session.router, users.router, projects.router, images.router, labelling.router,
    assist.router, jobs.router, models.router, inspections.router, audit.router, admin.router,
    metrics.router, _health,
)  # fmt: skip
"""Looked through from the first to the last at each request: lines send the most."""
