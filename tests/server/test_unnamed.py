"""Bytes that nothing names go after a day, and nothing else does."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import JSON, String

from offspec.images import encode_png
from offspec.server.services import Services
from offspec.store import audit, queries, unnamed, upkeep
from offspec.store.blobs import BlobStore
from offspec.store.models import (
    HASH_CHARS,
    Base,
    Image,
    JobRow,
    ModelRow,
    SignOff,
    VersionRow,
)
from tests.server.conftest import Server
from tests.server.line import Line
from tests.server.test_attacks import upload
from tests.server.test_operations import keep, model, path_of, sweep
from tests.synth import part_image

__all__ = ["model"]  # a fixture
DAY_S = upkeep.DAY_S
NOT_OF_BLOBS = {
    "sessions.token_hash", "api_tokens.token_hash", "dataset_versions.fingerprint",
    "audit_events.hash", "audit_events.old", "audit_events.new",  # also of what was removed
    "annotations.content", "inspections.content", "jobs.error",  # what people and models said
    "inspections.image_sha256",  # asked by its index
}  # fmt: skip


def put(server: Server, data: bytes, days: float = 2.0) -> str:
    """A blob of that age that nothing names yet."""
    sha256 = server.services.blobs.put(data)
    at = time.time() - days * DAY_S
    os.utime(path_of(server, sha256), (at, at))
    return sha256


def clean(server: Server) -> int:
    return unnamed.sweep_unnamed(server.services.database, server.services.blobs)


def test_every_column_that_could_name_a_blob_was_thought_of() -> None:
    """A new table with hashes must not lose its blobs."""
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, JSON)
        or (isinstance(column.type, String) and column.type.length == HASH_CHARS)
    }
    asked = (*unnamed.NAMING, *unnamed.NAMING_JSON)
    named = {f"{one.class_.__tablename__}.{one.key}" for one in asked}
    assert found - NOT_OF_BLOBS - {"sessions.csrf"} == named


def test_what_something_names_stays_and_the_rest_goes_after_a_day(
    server: Server, admin: TestClient, engineer: TestClient, project: str, model: ModelRow
) -> None:
    store = server.services.blobs
    files = {name: put(server, name.encode()) for name in ("report", "signed", "of a version")}
    image = upload(engineer, project, data=encode_png(part_image(3)))["image"]["sha256"]
    named = {"project_id": project, "created_by": "eve"}
    with server.services.database.write() as db:
        entry = {"key": "a.png", "sha256": files["of a version"]}  # its image's row is gone
        db.add(VersionRow(fingerprint="1" * 64, content={"files": [entry]}, **named))
        result = {"files": {"report.pdf": files["report"]}}
        db.add(JobRow(kind="report", params={}, state="done", result=result, **named))
        signed = {"bundle_sha256": model.bundle_sha256, "report_sha256": files["signed"]}
        who = {"meaning": "released", "signed_by": "max"}
        db.add(SignOff(project_id=project, model_id=model.id, **signed, **who))
    seen = keep(server, model, b"seen", "ng", 2)
    for sha256 in (image, model.bundle_sha256):
        os.utime(path_of(server, sha256), (0, 0))
    young, old = put(server, b"young", 0.9), put(server, b"older", 1.1)
    before = admin.get("/api/v1/admin/storage").json()
    assert clean(server) == 1
    stays = {*files.values(), image, model.bundle_sha256, seen, young}
    assert set(store.sizes()) == stays
    after = admin.get("/api/v1/admin/storage").json()
    assert before.pop("other_bytes") - after.pop("other_bytes") == len(b"older")
    for one in (before, after):
        del one["database_bytes"], one["free_bytes"]
    assert before == after
    assert not store.has(old)
    entry = admin.get("/api/v1/audit").json()["items"][0]
    assert (entry["actor"], entry["action"]) == ("offspec serve", "store.sweep")
    assert entry["new"] == {"blobs": 1, "bytes": 5}
    with server.services.database.read() as db:
        assert audit.verify(db).broken_at is None
    assert clean(server) == 0


def test_an_image_removed_within_the_hour_leaves_nothing(
    server: Server, engineer: TestClient, project: str
) -> None:
    assert clean(server) == 0  # as a server does when it starts
    image = upload(engineer, project)["image"]
    assert engineer.delete(f"/api/v1/projects/{project}/images/{image['id']}").status_code == 204
    assert server.services.blobs.has(image["sha256"])  # another upload may be about to name it
    assert clean(server) == 0
    os.utime(path_of(server, image["sha256"]), (0, 0))
    assert clean(server) == 1
    assert not server.services.blobs.has(image["sha256"])


def test_a_picture_of_a_version_without_its_image_stays(
    server: Server, admin: TestClient, engineer: TestClient, project: str, model: ModelRow
) -> None:
    """Neither retention nor the deletion of the same image in another project takes it."""
    data = encode_png(part_image(3))
    sha256 = keep(server, model, data, "ok", 20)
    with server.services.database.write() as db:
        content = {"files": [{"key": "a.png", "sha256": sha256}]}
        named = {"project_id": project, "created_by": "eve"}
        db.add(VersionRow(fingerprint="1" * 64, content=content, **named))
    admin.put("/api/v1/admin/retention", json={"ok_days": 10, "other_days": None})
    assert sweep(server) == 1
    assert server.services.blobs.has(sha256)
    second = engineer.post("/api/v1/projects", json={"name": "second"}).json()["id"]
    image = upload(engineer, second, data=data)["image"]
    os.utime(path_of(server, sha256), (0, 0))
    assert engineer.delete(f"/api/v1/projects/{second}/images/{image['id']}").status_code == 204
    assert server.services.blobs.has(sha256)
    assert clean(server) == 0


def test_uploads_of_the_same_bytes_lose_nothing_to_a_sweep(server: Server, project: str) -> None:
    services = server.services
    assert clean(server) == 0  # as a server does when it starts
    rounds = 60
    for number in range(rounds):
        put(server, f"picture {number}".encode())

    def enter() -> None:
        for number in range(rounds):
            data = f"picture {number}".encode()
            sha256 = services.blobs.put(data)
            with services.database.write() as db:
                queries.add_image(db, "eve", project, f"{number}.png", sha256, (1, 1), len(data))

    thread = threading.Thread(target=enter)
    thread.start()
    removed = 0
    while thread.is_alive():
        removed += clean(server)
    thread.join()
    clean(server)
    with services.database.read() as db:
        for image in db.query(Image):
            assert services.blobs.get(image.sha256)
        assert db.query(Image).count() == rounds
    assert removed <= rounds


def test_bytes_of_another_database_stay(server: Server, project: str, tmp_path: Path) -> None:
    """Somebody forgets --database and starts on the same folder: all images seem without a name."""
    sha256 = put(server, b"of the first")
    with server.services.database.write() as db:
        queries.add_image(db, "eve", project, "a.png", sha256, (1, 1), 12)
    settings = replace(server.services.settings, database=f"sqlite:///{tmp_path}/other.db")
    other = Services.open(settings)
    assert unnamed.sweep_unnamed(other.database, other.blobs) == 0  # before anybody has swept
    assert clean(server) == 0  # now it is the first's
    loose = put(server, b"of nobody")
    assert unnamed.sweep_unnamed(other.database, other.blobs) == 0
    assert other.blobs.has(loose)
    other.database.close()
    assert clean(server) == 1
    assert server.services.blobs.has(sha256)


def test_a_store_elsewhere_has_an_owner_too() -> None:
    store = BlobStore("memory://owned")
    assert store.owner() is None
    store.claim("abc")
    assert BlobStore("memory://owned").owner() == "abc"
    assert store.sizes() == {}


def test_models_laid_ready_go_when_nobody_uses_them(line: Line) -> None:
    services = line.server.services
    ready = services.settings.ready
    asked = f"{line.path}/models/{line.model}/images"
    first, second, third = list(line.images.values())[:3]
    assert line.client.get(f"{asked}/{first}/inspection").status_code == 200
    (file,) = ready.glob("*.offspec")
    assert unnamed.sweep_ready(services.database, ready) == 0  # just used
    os.utime(file, (0, 0))
    assert line.client.get(f"{asked}/{second}/inspection").status_code == 200
    assert unnamed.sweep_ready(services.database, ready) == 0  # its use was noticed
    os.utime(file, (0, 0))
    assert unnamed.sweep_ready(services.database, ready) == 1
    assert list(ready.iterdir()) == []
    assert line.client.get(f"{asked}/{third}/inspection").status_code == 200
    assert file.exists()
    assert line.client.post(f"{line.path}/models/{line.model}/approve").status_code == 200
    os.utime(file, (0, 0))
    assert unnamed.sweep_ready(services.database, ready) == 0  # a line may send at any time
