"""Rights, route by route: what is another's does not exist, whatever is asked of it."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from offspec.server.settings import Settings
from offspec.store.models import (
    AuditEvent,
    Image,
    InspectionRow,
    JobRow,
    ModelRow,
    TemplateRow,
    VersionRow,
)
from tests.server.conftest import PASSWORD, Server
from tests.server.test_attacks import upload
from tests.trained import offspec

PROJECT = "/api/v1/projects/{project_id}"


@pytest.fixture
def foreign(server: Server, engineer: TestClient, project: str) -> dict[str, str]:
    """Ids of one thing of every kind in a project of the engineer's."""
    image = upload(engineer, project)["image"]["id"]
    named = {"project_id": project, "created_by": "eve"}
    with server.services.database.write() as db:
        version = VersionRow(fingerprint="0" * 64, content={"files": []}, **named)
        job = JobRow(kind="fit", params={}, state="done", result={"files": {}}, **named)
        template = TemplateRow(version=1, reference_id=image, content={}, **named)
        db.add_all([version, job, template])
        db.flush()
        sha256 = db.get_one(Image, image).sha256
        model = ModelRow(
            number=1, version_id=version.id, job_id=job.id, bundle_sha256=sha256,
            settings={}, summary={}, **named,
        )  # fmt: skip
        db.add(model)
        db.flush()
        inspection = InspectionRow(
            project_id=project, model_id=model.id, image_sha256=sha256, verdict="ng", content={}
        )
        db.add(inspection)
        db.flush()
        return {
            "image_id": image, "version_id": version.id, "job_id": job.id, "model_id": model.id,
            "template_id": template.id, "inspection_id": inspection.id,
        }  # fmt: skip


def of_projects(server: Server) -> list[tuple[str, str]]:
    """Operations on a project: method and path with its parameters open."""
    paths = server.app.openapi()["paths"]
    return [
        (method, path)
        for path, operations in sorted(paths.items())
        if path.startswith(PROJECT)
        for method in operations
    ]


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda match: ids.get(match[1], "A" * 22), path)


@pytest.mark.parametrize("role", ["engineer", "quality", "operator"])
def test_to_strangers_no_operation_of_a_project_exists(
    server: Server, project: str, foreign: dict[str, str], role: str
) -> None:
    stranger = server.person("otto", role)  # type: ignore[arg-type]
    for method, path in of_projects(server):
        found = stranger.request(method, filled(path, {"project_id": project, **foreign}), json={})
        assert found.status_code in (403, 404), (method, path, found.text)


def test_nothing_of_another_project_is_reached_through_ones_own(
    server: Server, project: str, foreign: dict[str, str]
) -> None:
    other = server.person("otto", "engineer")
    mine = other.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    asked = 0
    for method, path in of_projects(server):
        if not any(f"{{{name}}}" in path for name in foreign):
            continue
        asked += 1
        found = other.request(method, filled(path, {"project_id": mine, **foreign}), json={})
        assert found.status_code in (403, 404, 422), (method, path, found.text)
    assert asked > 20
    with server.services.database.read() as db:
        assert db.query(Image).count() == 1
        assert not db.query(ModelRow).one().approved
        assert db.query(InspectionRow).one().review is None


@pytest.mark.parametrize("scope", ["inspect", "project"])
def test_a_token_reaches_no_other_project_by_any_operation(
    server: Server, engineer: TestClient, project: str, foreign: dict[str, str], scope: str
) -> None:
    second = engineer.post("/api/v1/projects", json={"name": "second"}).json()["id"]
    machine = with_token(server, engineer, second, scope)
    for method, path in of_projects(server):
        found = machine.request(method, filled(path, {"project_id": project, **foreign}), json={})
        assert found.status_code in (403, 404), (method, path, found.text)


OPEN = {
    ("get", "/api/v1/health/live"),
    ("get", "/api/v1/health/ready"),
    ("post", "/api/v1/session"),
}
INSPECTS = {
    ("post", f"{PROJECT}/inspect"),
    ("get", f"{PROJECT}/inspections"),
    ("get", f"{PROJECT}/inspections/{{inspection_id}}"),
    ("get", f"{PROJECT}/inspections/{{inspection_id}}/picture"),
    ("get", f"{PROJECT}/inspections/{{inspection_id}}/tiles/{{level}}/{{x}}/{{y}}"),
    ("get", f"{PROJECT}/summary"),
    ("get", "/api/v1/metrics"),
}
FOR_PEOPLE = {
    ("post", f"{PROJECT}/tokens"),
    ("delete", f"{PROJECT}/tokens/{{token_id}}"),
    ("post", f"{PROJECT}/models/{{model_id}}/sign-offs"),
    ("put", f"{PROJECT}/members/{{user_id}}"),
    ("delete", f"{PROJECT}/members/{{user_id}}"),
    ("post", "/api/v1/projects"),
    ("put", "/api/v1/session/password"),
}


def everything(server: Server) -> set[tuple[str, str]]:
    """Operations of the server that ask who it is."""
    paths = server.app.openapi()["paths"]
    return {(method, path) for path, found in paths.items() for method in found} - OPEN


def with_token(server: Server, who: TestClient, project: str, scope: str) -> TestClient:
    """A machine with a new token."""
    body = {"name": "machine", "scope": scope}
    made = who.post(f"/api/v1/projects/{project}/tokens", json=body)
    assert made.status_code == 201, made.text
    machine = server.client()
    machine.headers["authorization"] = f"Bearer {made.json()['token']}"
    return machine


def refused(
    machine: TestClient, asked: set[tuple[str, str]], ids: dict[str, str]
) -> dict[tuple[str, str], str]:
    """Operations that answer 403, and with which code."""
    found = {}
    for method, path in sorted(asked):
        answer = machine.request(method, filled(path, ids), json={})
        assert answer.status_code != 401, (method, path)
        if answer.status_code == 403:
            found[method, path] = answer.json()["code"]
    return found


def test_a_token_that_inspects_does_nothing_else(
    server: Server, admin: TestClient, project: str, foreign: dict[str, str]
) -> None:
    """Whatever the one who made it may do, a camera sends pictures and reads inspections."""
    ids = {"project_id": project, **foreign}
    found = refused(with_token(server, admin, project, "inspect"), everything(server), ids)
    assert everything(server) - set(found) == INSPECTS
    assert set(found.values()) == {"token_scope"}


def test_a_token_of_a_project_neither_makes_tokens_nor_signs(
    server: Server, admin: TestClient, project: str, foreign: dict[str, str]
) -> None:
    ids = {"project_id": project, **foreign}
    of_people = {
        one
        for one in everything(server)
        if one in FOR_PEOPLE
        or one[1].startswith(("/api/v1/users", "/api/v1/admin", "/api/v1/audit"))
    }
    found = refused(with_token(server, admin, project, "project"), everything(server), ids)
    assert set(found) == of_people
    assert set(found.values()) == {"not_allowed"}


def test_a_new_token_inspects_unless_another_scope_is_asked_for(
    server: Server, engineer: TestClient, project: str
) -> None:
    path = f"/api/v1/projects/{project}/tokens"
    engineer.post(path, json={"name": "camera"})
    engineer.post(path, json={"name": "script", "scope": "project"})
    assert engineer.post(path, json={"name": "x", "scope": "admin"}).status_code == 422
    scopes = {one["name"]: one["scope"] for one in engineer.get(path).json()}
    assert scopes == {"camera": "inspect", "script": "project"}
    with server.services.database.read() as db:
        logged = db.query(AuditEvent).filter_by(action="token.create").order_by(AuditEvent.seq)
        assert [one.new["scope"] for one in logged if one.new] == ["inspect", "project"]


def test_a_token_revokes_no_token(server: Server, engineer: TestClient, project: str) -> None:
    """A stolen one must not shut the line's out."""
    path = f"/api/v1/projects/{project}/tokens"
    made = engineer.post(path, json={"name": "line"}).json()
    machine = with_token(server, engineer, project, "project")
    assert machine.delete(f"{path}/{made['id']}").status_code == 403
    assert not any(one["revoked"] for one in engineer.get(path).json())


def test_administration_is_for_administrators_by_any_operation(
    server: Server, engineer: TestClient
) -> None:
    people = (engineer, server.person("max", "quality"), server.person("pia", "operator"))
    for path, operations in server.app.openapi()["paths"].items():
        if not path.startswith(("/api/v1/users", "/api/v1/admin")):
            continue
        for method in operations:
            for who in people:
                found = who.request(method, filled(path, {}), json={})
                assert found.status_code == 403, (method, path, found.text)


def test_behind_https_the_cookie_and_the_browser_are_told(server: Server) -> None:
    server.person("pia", "operator")
    body = {"name": "pia", "password": PASSWORD}
    plain = server.client().post("/api/v1/session", json=body)
    assert "secure" not in plain.headers["set-cookie"].casefold()
    object.__setattr__(server.services.settings, "https", True)
    found = server.client().post("/api/v1/session", json=body)
    assert "secure" in found.headers["set-cookie"].casefold()
    assert "max-age" in found.headers["strict-transport-security"]


def test_the_command_finds_a_changed_log(server: Server, project: str) -> None:
    settings: Settings = server.services.settings
    options = ["--data", settings.data]
    if settings.database is not None:
        options += ["--database", settings.database]
    assert offspec("audit", *options).code == 0
    with server.services.database.write() as db:
        db.connection().exec_driver_sql("UPDATE audit_events SET actor = 'x' WHERE seq = 1")
    assert offspec("audit", *options).code == 1
    assert project
