"""Every operation of the OpenAPI with made-up requests: nothing may be a fault of the server."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok

from offspec.jobs.inference import Pool
from offspec.server.app import create_app
from offspec.server.deps import COOKIE
from offspec.server.services import Services
from offspec.server.settings import Settings
from offspec.store import accounts, audit
from offspec.store.models import Session, User
from tests.server.conftest import Server
from tests.server.test_attacks import upload

FAULTS = (500, 501, 502, 504, 505)  # 503 and 507 say a state of the server on purpose


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[tuple[Server, str]]:
    """A server with a project that has an image, and its id."""
    services = Services.open(Settings(tmp_path_factory.mktemp("fuzz") / "data"))
    server = Server(create_app(services, pool), services)
    admin = server.person("ada", "admin")
    project = admin.post("/api/v1/projects", json={"name": "cap"}).json()["id"]
    upload(admin, project)
    yield server, project
    services.database.close()


class Fuzzer:
    """An administrator who sends whatever the OpenAPI allows, and some that it does not.

    Args:
        server: With a project that has an image.
        project: Its id.
    """

    def __init__(self, server: Server, project: str) -> None:
        self.server, self.project = server, project
        self.client = self.signed_in()
        self.faults: dict[str, str] = {}
        self.codes: Counter[int] = Counter()

    def signed_in(self) -> TestClient:
        """A new administrator, since a request may have ended the one before.

        Made in the database, which is quicker than a login.
        """
        token, csrf, name = (os.urandom(8).hex() for _ in range(3))
        with self.server.services.database.write() as db:
            user = User(name=name, role="admin", password_hash="none")  # noqa: S106 - fits nothing
            db.add(user)
            db.flush()
            hashed = accounts.token_hash(token)
            later = time.time() + accounts.SESSION_S
            db.add(Session(token_hash=hashed, user_id=user.id, csrf=csrf, expires_s=later))
        client = self.server.client()
        client.cookies.set(COOKIE, token)
        client.headers["x-csrf-token"] = csrf
        return client

    def known_ids(self) -> dict[str, str]:
        """Ids of what there is, so that requests get behind the first 404."""
        path = f"/api/v1/projects/{self.project}/images"
        if self.client.get(path).status_code == 401:
            self.client = self.signed_in()
        items = self.client.get(path).json()["items"]
        found = {"project_id": self.project}
        return {**found, "image_id": items[0]["id"]} if items else found

    def send(self, case: Case[Any], known: dict[str, str]) -> None:
        """One request."""
        if known:
            case.path_parameters = {**(case.path_parameters or {}), **known}
        content = {} if case.body is NOT_SET else self.body(case)
        found = self.client.request(
            case.method,
            quoted(case),
            params=plain(case.query),
            headers={**plain(case.headers), **content.pop("headers", {})},
            **content,
        )
        self.codes[found.status_code] += 1
        if found.status_code in FAULTS:
            where = f"{case.method} {case.operation.path}"
            self.faults[where] = f"{case.path_parameters} {case.query} {content}: {found.text}"
        elif found.status_code == 401:
            self.client = self.signed_in()

    def body(self, case: Case[Any]) -> dict[str, Any]:
        """The body as the client takes it."""
        if case.media_type == "multipart/form-data":
            values = case.body if isinstance(case.body, dict) else {}
            return {
                "files": [
                    (name, ("a.png", one if isinstance(one, bytes) else str(one).encode()))
                    for name, value in values.items()
                    for one in (value if isinstance(value, list) else [value])
                ]
            }
        if case.media_type == "application/json":
            text = json.dumps(case.body)
            return {"content": text, "headers": {"content-type": "application/json"}}
        data = case.body if isinstance(case.body, bytes) else str(case.body).encode()
        return {"content": data, "headers": {"content-type": "application/octet-stream"}}


def plain(values: Any) -> dict[str, Any]:
    """Parameters without what HTTP cannot carry."""
    return {
        str(name): value
        for name, value in dict(values or {}).items()
        if str(value).isascii() and str(value).isprintable()
    }


def quoted(case: Case[Any]) -> str:
    """The path with its parameters."""
    path = case.operation.full_path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "x")
    return str(path)


def fuzz(fuzzed: tuple[Server, str], examples: int) -> Fuzzer:
    """Every operation so many times, with known ids and with made-up ones."""
    fuzzer = Fuzzer(*fuzzed)
    schema = schemathesis.openapi.from_dict(fuzzer.server.app.openapi())
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        _fuzz(fuzzer, result.ok(), examples)
    return fuzzer


def _fuzz(fuzzer: Fuzzer, operation: APIOperation[Any, Any, Any, Any], examples: int) -> None:
    known = fuzzer.known_ids()

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), behind=st.booleans())
    def send(case: Case[Any], behind: bool) -> None:
        fuzzer.send(case, known if behind else {})

    send()


@pytest.mark.parametrize(
    "examples", [2, pytest.param(60, marks=pytest.mark.slow)], ids=["quick", "long"]
)
def test_no_request_is_a_fault_of_the_server(fuzzed: tuple[Server, str], examples: int) -> None:
    fuzzer = fuzz(fuzzed, examples)
    assert fuzzer.faults == {}
    assert fuzzer.codes[200] + fuzzer.codes[201] > 10  # it got behind the doors
    with fuzzer.server.services.database.read() as db:
        assert audit.verify(db).broken_at is None
