"""Blobs, migrations and the audit log without HTTP."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from fastapi.testclient import TestClient

from offspec.errors import InputError, OptionError
from offspec.store import audit
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import Base
from tests.server.conftest import Server


@pytest.fixture(params=["folder", "memory://blobs"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs") if request.param == "folder" else request.param)


def test_blobs_come_back_and_are_kept_once(blobs: BlobStore) -> None:
    name = blobs.put(b"picture")
    assert blobs.put(b"picture") == name
    assert blobs.get(name) == b"picture"
    assert b"".join(blobs.chunks(name)) == b"picture"
    assert blobs.has(name)
    assert not blobs.has("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64])
def test_names_that_are_no_hash_and_missing_blobs(blobs: BlobStore, name: str) -> None:
    with pytest.raises(InputError, match=r"no hash|not in the image store"):
        blobs.get(name)
    with pytest.raises(InputError, match=r"no hash|not in the image store"):
        blobs.chunks(name)


def test_a_damaged_blob_is_noticed(tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    name = blobs.put(b"picture")
    (tmp_path / name[:2] / name[2:4] / name).write_bytes(b"pictura")
    with pytest.raises(InputError, match="damaged"):
        blobs.get(name)


def test_migrations_give_the_tables_of_the_models(server: Server) -> None:
    server.services.database.migrate()  # again
    with server.services.database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert found == []


def test_tokens_from_before_scopes_keep_what_they_could_do(
    server: Server, engineer: TestClient, project: str
) -> None:
    engineer.post(f"/api/v1/projects/{project}/tokens", json={"name": "script"})
    database = server.services.database
    config = Config()
    config.set_main_option("script_location", str(Path(audit.__file__).with_name("migrations")))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")
    database.migrate()
    (token,) = engineer.get(f"/api/v1/projects/{project}/tokens").json()
    assert token["scope"] == "project"


def test_entries_written_side_by_side_form_one_chain(server: Server) -> None:
    database = server.services.database

    def write(number: int) -> None:
        for i in range(10):
            with database.write() as db:
                audit.append(db, f"w{number}", "test", "thing", str(i), new={"i": i})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as db:
        found = audit.verify(db, chunk=7)
    assert (found.events, found.broken_at) == (40, None)


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown"):
        Database("mysql://somewhere/x")


def test_an_unreachable_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be opened"):
        Database(f"sqlite:///{tmp_path}/no/such/folder/x.db").migrate()
