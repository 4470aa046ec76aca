"""The web app is served beside the API, and the practice product can be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offspec.errors import OptionError
from offspec.server import studio
from offspec.server.demo import load_practice
from offspec.store.models import Project, TemplateRow
from tests.server.conftest import Server


@pytest.fixture
def built(tmp_path: Path) -> TestClient:
    """A server with a small built app."""
    folder = tmp_path / "studio"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>offspec</title>")
    (folder / "assets/index-abc.js").write_text("1;")
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI()
    studio.install(app, folder)
    return TestClient(app)


def test_the_page_is_asked_for_anew_and_its_parts_are_kept(built: TestClient) -> None:
    page = built.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    part = built.get("/assets/index-abc.js")
    assert part.headers["content-type"].startswith("text/javascript")
    assert "immutable" in part.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets"]
)
def test_nothing_beside_the_app_is_served(built: TestClient, path: str) -> None:
    found = built.get(path)
    assert found.status_code == 404
    assert "secret" not in found.text


def test_without_the_app_the_server_says_how_to_build_it(tmp_path: Path) -> None:
    app = FastAPI()
    studio.install(app, tmp_path / "none")
    page = TestClient(app).get("/")
    assert page.status_code == 200
    assert "make studio" in page.text


def test_the_studio_is_open_and_the_api_is_not(server: Server) -> None:
    client = server.client()
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert client.get("/api/v1/projects").status_code == 401
    assert client.get("/api/v1/nothing").status_code == 404


def test_the_practice_product_is_loaded_once(server: Server) -> None:
    server.person("admin", "admin")
    first = load_practice(server.services, images=8)
    assert load_practice(server.services, images=8) == first
    client = server.sign_in("admin")
    (project,) = client.get("/api/v1/projects").json()
    counts = client.get(f"/api/v1/projects/{first}/labels").json()
    assert project["id"] == first
    assert sum(counts.values()) == 8
    assert counts["ok"] >= 5
    assert counts["none"] == 0
    template = client.get(f"/api/v1/projects/{first}/template").json()
    assert len(template["content"]["regions"]) == 4


def test_half_a_practice_product_is_not_entered(server: Server) -> None:
    server.person("admin", "admin")
    with pytest.raises(OptionError):
        load_practice(server.services, images=3)
    with server.services.database.read() as db:
        assert db.query(Project).count() == 0
        assert db.query(TemplateRow).count() == 0
