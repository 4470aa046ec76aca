"""The built web app, served beside the API.

Files with a hash in their name are kept by the browser for ever; the page that names them is asked
for anew each time, so that an update is seen at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("studio")
_MISSING = """<!doctype html><html lang="en"><title>offspec</title>
<h1>The studio is not built</h1>
<p>The server works, but this installation came without its web app. With Node 20 or newer run
<code>make studio</code> in the repository, or install the wheel of a release.</p>
<p>The API is described under <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>"""


class _Studio(StaticFiles):
    """Static files that say how long they may be kept."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As StaticFiles does, with a header more."""
        response = super().file_response(*args, **kwargs)
        scope: Scope = args[2] if len(args) > 2 else kwargs["scope"]
        is_named_by_hash = "/assets/" in scope["path"]
        kept = "public, max-age=31536000, immutable" if is_named_by_hash else "no-cache"
        response.headers["cache-control"] = kept
        return response


def install(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve the studio at ``/``; where it was not built, a page that says so."""
    if (folder / "index.html").is_file():
        app.mount("/", _Studio(directory=folder, html=True), name="studio")
        return

    @app.get("/", include_in_schema=False)
    def missing() -> HTMLResponse:
        return HTMLResponse(_MISSING)
