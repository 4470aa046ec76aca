"""What an attacker tries, one test a try."""

from __future__ import annotations

import io
import re
import struct
import zlib

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from offspec.errors import OptionError
from offspec.images import encode_png
from offspec.server.settings import Settings
from offspec.store import accounts, audit
from offspec.store.models import AuditEvent, Session, User
from tests.server.conftest import PASSWORD, Server
from tests.server.line import Line
from tests.synth import part_image

OPEN = {"/api/v1/health/live", "/api/v1/health/ready", "/api/v1/openapi.json"}


def routes(server: Server) -> list[tuple[str, str]]:
    """Every operation that the OpenAPI names, with made-up ids."""
    paths = server.app.openapi()["paths"]
    found = []
    for path, operations in paths.items():
        filled = re.sub(r"{\w+}", "AAAAAAAAAAAAAAAAAAAAAA", path)
        found += [(method, filled) for method in operations]
    return sorted(found)


def test_without_credentials_everything_but_health_and_openapi_answers_401(server: Server) -> None:
    client = server.client()
    for method, path in routes(server):
        if path in OPEN or (method, path) == ("post", "/api/v1/session"):
            continue
        found = client.request(method, path, json={})
        assert found.status_code == 401, (method, path, found.text)
        assert found.headers["content-type"] == "application/problem+json"
    for path in OPEN:
        assert client.get(path).status_code == 200


def test_a_made_up_token_is_nobody(server: Server) -> None:
    for header in ("Bearer x", "Bearer ", "Basic YWRtaW46YWRtaW4=", "bearer"):
        found = server.client().get("/api/v1/projects", headers={"authorization": header})
        assert found.status_code == 401, header


def test_a_nul_is_no_fault_of_the_server(admin: TestClient, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    for asked in (
        f"{path}/inspections?part_id=%00",
        f"{path}/models/%00",
        "/api/v1/audit?actor=%00",
    ):
        assert admin.get(asked).status_code < 500, asked
    assert admin.post(f"{path}/tokens", json={"name": "a\0b"}).status_code < 500


def test_a_change_by_cookie_needs_the_csrf_header(engineer: TestClient) -> None:
    right = engineer.headers.pop("x-csrf-token")
    assert engineer.get("/api/v1/projects").status_code == 200
    for value in (None, "", right[:-1], "é"):
        header = {} if value is None else {b"x-csrf-token": value.encode()}
        found = engineer.post("/api/v1/projects", json={"name": "x"}, headers=header)
        assert found.status_code == 403
    assert engineer.get("/api/v1/projects").json() == []


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server: Server) -> None:
    server.person("pia", "operator")
    found = server.client().post("/api/v1/session", json={"name": "pia", "password": PASSWORD})
    cookie = found.headers["set-cookie"].casefold()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert PASSWORD not in found.text


def test_passwords_sessions_and_tokens_are_kept_as_hashes(
    server: Server, engineer: TestClient, project: str
) -> None:
    token = engineer.post(f"/api/v1/projects/{project}/tokens", json={"name": "line 1"}).json()
    cookie = engineer.cookies["offspec_session"]
    with server.services.database.read() as db:
        user = db.query(User).filter_by(name="eve").one()
        assert user.password_hash.startswith("$argon2id$")
        everything = " ".join(
            str(row)
            for table in ("users", "sessions", "api_tokens", "audit_events")
            for row in db.execute(text(f"SELECT * FROM {table}")).all()  # noqa: S608 - fixed names
        )
    for secret in (token["token"], cookie, PASSWORD):
        assert secret not in everything
    assert "token" not in engineer.get(f"/api/v1/projects/{project}/tokens").json()[0]


def test_guessing_is_slowed_down_and_names_are_not_told(server: Server) -> None:
    server.person("pia", "operator")
    client = server.client()

    def attempt(name: str, password: str) -> tuple[int, str]:
        found = client.post("/api/v1/session", json={"name": name, "password": password})
        return found.status_code, found.json().get("detail", "")

    assert attempt("pia", "wrong") == attempt("nobody", "wrong")
    assert attempt("pia", "wrong")[0] == 401
    codes = [attempt("pia", "wrong")[0] for _ in range(accounts.MOST_FAILURES + 1)]
    assert codes[-1] == 429
    assert attempt("pia", PASSWORD)[0] == 429


def test_a_session_ends_with_rights_password_and_time(server: Server, admin: TestClient) -> None:
    pia = server.person("pia", "operator")
    everybody = {u["name"]: u["id"] for u in admin.get("/api/v1/users").json()}
    assert pia.get("/api/v1/session").json()["role"] == "operator"
    admin.patch(f"/api/v1/users/{everybody['pia']}", json={"active": False})
    assert pia.get("/api/v1/session").status_code == 401
    found = server.client().post("/api/v1/session", json={"name": "pia", "password": PASSWORD})
    assert found.status_code == 401
    with server.services.database.write() as db:
        for session in db.query(Session).all():
            session.expires_s = 0.0
    assert admin.get("/api/v1/session").status_code == 401


def test_roles_route_by_route(server: Server, admin: TestClient) -> None:
    operator, quality = server.person("pia", "operator"), server.person("max", "quality")
    user = {"name": "new", "role": "operator", "password": PASSWORD}
    for who in (operator, quality):
        assert who.post("/api/v1/users", json=user).status_code == 403
        assert who.get("/api/v1/users").status_code == 403
        assert who.post("/api/v1/projects", json={"name": "x"}).status_code == 403
    assert operator.get("/api/v1/audit").status_code == 403
    assert quality.get("/api/v1/audit").status_code == 200
    assert admin.post("/api/v1/users", json=user).status_code == 201


def test_nobody_can_remove_the_last_administrator(server: Server, admin: TestClient) -> None:
    me = admin.get("/api/v1/session").json()["id"]
    for change in ({"role": "operator"}, {"active": False}):
        assert admin.patch(f"/api/v1/users/{me}", json=change).status_code == 400
    assert admin.get("/api/v1/session").json()["role"] == "admin"


def test_projects_of_others_do_not_exist(
    server: Server, engineer: TestClient, project: str
) -> None:
    image = upload(engineer, project)["image"]["id"]
    other = server.person("otto", "engineer")
    mine = other.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    for path in ("", "/images", f"/images/{image}", f"/images/{image}/file", "/tokens"):
        assert other.get(f"/api/v1/projects/{project}{path}").status_code == 404, path
    for path in (f"/images/{image}", f"/images/{image}/file", f"/images/{image}/thumbnail"):
        assert other.get(f"/api/v1/projects/{mine}{path}").status_code == 404, path
    assert other.patch(f"/api/v1/projects/{project}", json={"name": "x"}).status_code == 404
    assert other.post(f"/api/v1/projects/{project}/tokens", json={"name": "x"}).status_code == 404
    assert [p["name"] for p in other.get("/api/v1/projects").json()] == ["mine"]


def test_no_object_is_reached_through_another_project(line: Line) -> None:
    """Every route that the OpenAPI names with an object, and ids that exist."""
    line.approve()
    sent = line.send(part_image(50, defect="blot"))
    job = line.client.get(f"{line.path}/jobs").json()[0]["id"]
    known = {
        "image_id": line.images["good100"], "model_id": line.model, "version_id": line.version,
        "job_id": job, "inspection_id": sent["id"], "name": "check.html",
    }  # fmt: skip
    otto = line.server.person("otto", "engineer")
    known["project_id"] = otto.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    for path, operations in line.server.app.openapi()["paths"].items():
        if "{project_id}" not in path or path.count("{") < 2:
            continue
        filled = re.sub(r"{(\w+)}", lambda found: known.get(found[1], "0"), path)
        for method in operations:
            found = otto.request(method, filled, json={})
            assert found.status_code in (403, 404, 422), (method, filled, found.text)
    path = f"{line.path}/images/{line.images['good100']}"
    assert line.client.get(path).status_code == 200


def test_no_route_of_a_project_tells_a_stranger_that_it_exists(
    server: Server, engineer: TestClient, project: str
) -> None:
    """Whatever the role, the body and the ids; a stranger who is a member elsewhere as well."""
    image = upload(engineer, project)["image"]["id"]
    stranger = server.person("otto", "engineer")
    mine = stranger.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    bodies = {"image_ids": [image], "verdict": "ok", "decision": "keep"}
    for path, operations in server.app.openapi()["paths"].items():
        if "{project_id}" not in path or "{user_id}" in path:
            continue
        for method in operations:
            for home in (project, "A" * 22):
                filled = path.replace("{project_id}", home).replace("{image_id}", image)
                filled = re.sub(r"{(level|x|y)}", "0", filled)
                filled = re.sub(r"{\w+}", image, filled)
                found = stranger.request(method, filled, json=bodies)
                assert found.status_code in (404, 422), (method, filled, found.text)
                if found.status_code == 422:  # says nothing of what is there
                    other = filled.replace(home, "B" * 22)
                    assert stranger.request(method, other, json=bodies).text == found.text
        if "{image_id}" in path and "get" in operations:
            filled = path.replace("{project_id}", mine).replace("{image_id}", image)
            filled = re.sub(r"{(level|x|y)}", "0", filled)
            assert stranger.get(filled).status_code == 404, filled
    assert engineer.get(f"/api/v1/projects/{project}/images/{image}").json()["revision"] == 0


MUST_BE_ENGINEER = [
    ("patch", "", {"name": "x"}),
    ("put", "/template", {"reference_id": "x", "content": {}}),
    ("post", "/versions", {}),
    ("post", "/jobs", {"kind": "fit", "version_id": "x"}),
]
NOT_FOR_OPERATORS = [
    ("delete", "/images/{image}", None),
    ("put", "/decisions", {"image_ids": ["x"], "decision": "keep"}),
    *MUST_BE_ENGINEER,
]


def test_members_change_only_what_their_role_may(
    server: Server, admin: TestClient, engineer: TestClient, project: str
) -> None:
    image = upload(engineer, project)["image"]["id"]
    people = {"pia": server.person("pia", "operator"), "max": server.person("max", "quality")}
    for user in admin.get("/api/v1/users").json():
        if user["name"] in people:
            admin.put(f"/api/v1/projects/{project}/members/{user['id']}")
    for name, refused in (("pia", NOT_FOR_OPERATORS), ("max", MUST_BE_ENGINEER)):
        for method, path, body in refused:
            filled = f"/api/v1/projects/{project}{path.format(image=image)}"
            found = people[name].request(method, filled, json=body)
            assert found.status_code == 403, (name, method, path)
    files = [("files", ("a.png", io.BytesIO(b"x")))]
    assert people["pia"].post(f"/api/v1/projects/{project}/images", files=files).status_code == 403
    for client in people.values():  # judging is everybody's work
        body = {"image_ids": [image], "verdict": "ok"}
        assert client.put(f"/api/v1/projects/{project}/labels", json=body).status_code == 200
        assert client.get(f"/api/v1/projects/{project}/summary").json()["ok"] == 1


def test_a_token_reaches_its_project_only_and_ends_when_revoked(
    server: Server, engineer: TestClient, project: str
) -> None:
    other = engineer.post("/api/v1/projects", json={"name": "other"}).json()["id"]
    made = engineer.post(
        f"/api/v1/projects/{project}/tokens", json={"name": "script", "scope": "project"}
    ).json()
    machine = server.client()
    machine.headers["authorization"] = f"Bearer {made['token']}"
    assert machine.get(f"/api/v1/projects/{project}").status_code == 200
    assert machine.get(f"/api/v1/projects/{other}").status_code == 404
    assert [p["id"] for p in machine.get("/api/v1/projects").json()] == [project]
    assert machine.post("/api/v1/projects", json={"name": "x"}).status_code == 403
    assert machine.post(f"/api/v1/projects/{project}/tokens", json={"name": "x"}).status_code == 403
    assert machine.get("/api/v1/users").status_code == 403
    engineer.delete(f"/api/v1/projects/{project}/tokens/{made['id']}")
    assert machine.get(f"/api/v1/projects/{project}").status_code == 401


# -- uploads ---------------------------------------------------------------------


def upload(client: TestClient, project: str, name: str = "part.png", data: bytes | None = None):  # type: ignore[no-untyped-def]
    body = encode_png(part_image()) if data is None else data
    found = client.post(
        f"/api/v1/projects/{project}/images", files=[("files", (name, io.BytesIO(body)))]
    )
    assert found.status_code == 201, found.text
    return found.json()[0]


def bomb() -> bytes:
    """A PNG that says 60000 x 60000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("data", [b"", b"no picture", bomb(), encode_png(part_image())[:500]])
def test_bad_images_are_named_and_nothing_is_kept(
    server: Server, engineer: TestClient, project: str, data: bytes
) -> None:
    found = upload(engineer, project, data=data)
    assert found["image"] is None
    assert found["error"]
    assert engineer.get(f"/api/v1/projects/{project}/images").json()["items"] == []
    kept = server.services.settings.data / "images"
    assert not [p for p in kept.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.png", "x.png"),
        ("/abs/olute.png", "olute.png"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("a" * 400 + ".png", "a" * 255),
    ],
)
def test_names_are_shown_and_never_opened(
    server: Server, engineer: TestClient, project: str, name: str, shown: str
) -> None:
    found = upload(engineer, project, name)
    assert found["name"] == found["image"]["name"] == shown
    files = [p for p in server.services.settings.data.rglob("*") if p.is_file()]
    outside = [p for p in files if p.parent.name == "etc" or "passwd" in p.name]
    assert outside == []


def test_the_same_image_twice_is_one(engineer: TestClient, project: str) -> None:
    first, second = upload(engineer, project, "a.png"), upload(engineer, project, "b.png")
    assert (first["known"], second["known"]) == (False, True)
    assert first["image"]["id"] == second["image"]["id"]
    listed = engineer.get(f"/api/v1/projects/{project}/images").json()["items"]
    assert [one["name"] for one in listed] == ["a.png"]


def test_bytes_come_back_as_they_were_sent(engineer: TestClient, project: str) -> None:
    data = encode_png(part_image(3))
    image = upload(engineer, project, data=data)["image"]
    path = f"/api/v1/projects/{project}/images/{image['id']}"
    found = engineer.get(f"{path}/file")
    assert found.content == data
    assert found.headers["content-type"] == "image/png"
    small = engineer.get(f"{path}/thumbnail")
    assert small.content.startswith(b"\xff\xd8")


def test_bodies_are_limited_with_and_without_a_length(server: Server, admin: TestClient) -> None:
    limit = server.services.settings.max_upload_bytes
    found = admin.post("/api/v1/session", headers={"content-length": str(limit + 1)}, content=b"x")
    assert found.status_code == 413
    object.__setattr__(server.services.settings, "max_upload_bytes", 1000)
    pieces = (b"x" * 100 for _ in range(100))
    found = admin.post("/api/v1/session", content=pieces)
    assert found.status_code == 413


# -- browser, host, settings --------------------------------------------------------


def test_every_answer_carries_the_headers(server: Server) -> None:
    for path in ("/api/v1/health/live", "/api/v1/projects", "/nowhere"):
        headers = server.client().get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert server.client().get("/api/v1/projects").headers["cache-control"] == "no-store"


def test_a_foreign_name_is_not_answered_on_loopback(server: Server) -> None:
    for host in ("evil.example", "127.0.0.1.evil.com", "", "localhost.evil:80"):
        found = server.client().get("/api/v1/health/live", headers={"host": host})
        assert found.status_code == 421, host


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "factory.example"])  # noqa: S104
def test_other_machines_are_served_by_https_only(tmp_path, host: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError, match="HTTPS"):
        Settings(tmp_path, host=host)
    assert Settings(tmp_path, host=host, https=True).https


def test_the_first_password_is_random_and_told_once(server: Server) -> None:
    password = server.services.first_administrator()
    assert password is not None
    assert len(password) >= 20
    assert server.services.first_administrator() is None
    found = server.client().post("/api/v1/session", json={"name": "admin", "password": password})
    assert found.status_code == 201


@pytest.mark.parametrize("body", ["[]", "{", '{"name": 1, "password": null}', '{"name": "a"}'])
def test_malformed_bodies_are_problems(server: Server, body: str) -> None:
    found = server.client().post(
        "/api/v1/session", content=body, headers={"content-type": "application/json"}
    )
    assert found.status_code == 422
    assert found.json()["code"] == "malformed"


def test_injection_stays_text(engineer: TestClient, project: str) -> None:
    nasty = "x'); DROP TABLE projects; --"
    assert (
        engineer.patch(f"/api/v1/projects/{project}", json={"name": nasty}).json()["name"] == nasty
    )
    for after in ("1,' OR 1=1 --", "nan,x", "x", "inf,"):
        found = engineer.get(f"/api/v1/projects/{project}/images", params={"after": after})
        assert found.status_code in (200, 400)
    assert len(engineer.get("/api/v1/projects").json()) == 1


# -- audit ---------------------------------------------------------------------------


def test_every_change_is_in_the_log_with_old_and_new(
    server: Server, admin: TestClient, engineer: TestClient, project: str
) -> None:
    engineer.patch(f"/api/v1/projects/{project}", json={"name": "lid"})
    upload(engineer, project)
    entries = admin.get("/api/v1/audit", params={"limit": 100}).json()["items"]
    actions = [one["action"] for one in entries]
    assert actions[:3] == ["image.add", "project.change", "project.create"]
    assert entries[1]["old"] == {"name": "cap", "archived": False}
    assert entries[1]["new"]["name"] == "lid"
    assert admin.get("/api/v1/audit/verify").json()["broken_at"] is None
    only = admin.get("/api/v1/audit", params={"action": "image.add"}).json()["items"]
    assert [one["actor"] for one in only] == ["eve"]


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit_events SET actor = 'somebody' WHERE seq = 2",
        "DELETE FROM audit_events WHERE seq = 2",
        "UPDATE audit_events SET hash = '0' WHERE seq = 2",
        "UPDATE audit_events SET time_s = time_s + 1 WHERE seq = 2",
    ],
)
def test_a_changed_log_is_noticed(
    server: Server, admin: TestClient, engineer: TestClient, project: str, harm: str
) -> None:
    assert project
    before = admin.get("/api/v1/audit/verify").json()
    assert before["broken_at"] is None
    assert before["events"] >= 4
    with server.services.database.write() as db:
        db.execute(text(harm))
    assert admin.get("/api/v1/audit/verify").json()["broken_at"] in (2, 3)


def test_a_refused_change_leaves_no_entry(
    server: Server, engineer: TestClient, project: str
) -> None:
    with server.services.database.read() as db:
        before = db.query(AuditEvent).count()
    assert engineer.post("/api/v1/projects", json={"name": "cap"}).status_code == 400
    with server.services.database.read() as db:
        assert db.query(AuditEvent).count() == before
        assert audit.verify(db).broken_at is None
    assert project
