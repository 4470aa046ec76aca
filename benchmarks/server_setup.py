"""A server of its own for a benchmark: a folder with an approved model, and its process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offspec.server.services import Services
from offspec.store import accounts, queries
from offspec.store.models import JobRow, ModelRow, VersionRow


@dataclass(frozen=True, slots=True)
class Furnished:
    """What a line needs to send pictures."""

    project_id: str
    model_id: str
    token: str


def furnish(services: Services, bundle: bytes) -> Furnished:
    """Enter a project with an approved model and a token."""
    sha256 = services.blobs.put(bundle)
    with services.database.write() as db:
        user = accounts.create_user(db, "bench", "bench", "admin", "a long enough password")
        project = queries.create_project(db, user, "bench")
        named = {"project_id": project.id, "created_by": user.name}
        version = VersionRow(fingerprint="0" * 64, content={"files": []}, **named)
        job = JobRow(kind="fit", params={}, state="done", **named)
        db.add_all([version, job])
        db.flush()
        model = ModelRow(
            number=1, version_id=version.id, job_id=job.id, bundle_sha256=sha256, settings={},
            summary={}, approved=True, **named,
        )  # fmt: skip
        db.add(model)
        db.flush()
        _, token = accounts.create_token(db, user.name, user, project, "bench", "project")
        return Furnished(project.id, model.id, token)


@contextmanager
def serving(data: Path, *options: str) -> Iterator[tuple[str, int]]:
    """``offspec serve`` on a folder; yields its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "offspec.cli", "serve", "--data", str(data)]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _until_it_answers(url)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _until_it_answers(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/api/v1/health/ready", timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")
