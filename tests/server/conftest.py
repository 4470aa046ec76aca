"""A server on an empty database, and people who are signed in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from offspec.jobs.inference import Pool
from offspec.server.app import create_app
from offspec.server.services import Services
from offspec.server.settings import Settings
from offspec.store import accounts
from offspec.store.accounts import create_user
from offspec.store.models import Base, Role
from tests.server.line import Line, make_line

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
POSTGRES = os.environ.get("OFFSPEC_TEST_POSTGRES", "")


def databases() -> list[object]:
    why = "OFFSPEC_TEST_POSTGRES names no database"
    return [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.skipif(not POSTGRES, reason=why)),
    ]


@dataclass(frozen=True)
class Server:
    """The app and what it works with."""

    app: FastAPI
    services: Services

    def client(self) -> TestClient:
        """Somebody with a browser, not signed in."""
        return TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def person(self, name: str, role: Role) -> TestClient:
        """Somebody with an account, signed in."""
        with self.services.database.write() as db:
            create_user(db, "test", name, role, PASSWORD)
        return self.sign_in(name)

    def sign_in(self, name: str) -> TestClient:
        """Sign in again."""
        client = self.client()
        found = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert found.status_code == 201, found.text
        client.headers["x-csrf-token"] = found.json()["csrf"]
        return client


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A database of this test process alone: several run side by side."""
    if not POSTGRES:
        return ""
    name = f"offspec_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    engine = create_engine(
        POSTGRES.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{POSTGRES.rsplit('/', 1)[0]}/{name}"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """The same hashing with little work: the usual takes a quarter of a second a password."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_HASHER", quick)
        patch.setattr(accounts, "_NOBODY", quick.hash("nobody has this"))
        yield


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """Inference processes, started when first used; every server of the tests has these."""
    found = Pool(1)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server makes of an empty folder; a copy is quicker than the migrations."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    Services.open(Settings(folder)).database.close()
    return folder


@pytest.fixture(params=databases())
def server(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str, pool: Pool, empty: Path
) -> Iterator[Server]:
    """A fresh server, on SQLite and, where there is one, on PostgreSQL."""
    url = postgres_url if request.param == "postgresql" else None
    shutil.copytree(empty, tmp_path / "data")
    services = Services.open(Settings(tmp_path / "data", url))
    if url is not None:
        with services.database.write() as db:
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            db.execute(text(f"TRUNCATE {names} CASCADE"))
    yield Server(create_app(services, pool), services)
    services.database.close()


@pytest.fixture
def admin(server: Server) -> TestClient:
    """The administrator."""
    return server.person("ada", "admin")


@pytest.fixture
def engineer(server: Server) -> TestClient:
    """An engineer."""
    return server.person("eve", "engineer")


@pytest.fixture
def project(engineer: TestClient) -> str:
    """A project of the engineer's."""
    found = engineer.post("/api/v1/projects", json={"name": "cap"})
    assert found.status_code == 201, found.text
    return str(found.json()["id"])


@pytest.fixture
def line(server: Server, engineer: TestClient, project: str) -> Line:
    """The project with labelled images, a version and a model."""
    return make_line(server, engineer, project)
