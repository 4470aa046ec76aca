"""Figures, logs, room, retention, passwords, members, export of the log."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from offspec.images import encode_png
from offspec.jobs.logs import JsonLines
from offspec.server.sweeper import Sweeper
from offspec.store import audit, blobs, upkeep
from offspec.store.blobs import FRESH_S, BlobStore
from offspec.store.models import AuditEvent, InspectionRow, JobRow, ModelRow, VersionRow
from tests.server.conftest import PASSWORD, Server
from tests.server.test_attacks import upload
from tests.synth import part_image

DAY_S = upkeep.DAY_S


# -- figures and logs ------------------------------------------------------------


def test_figures_count_requests_by_template_and_nothing_secret(
    server: Server, admin: TestClient, engineer: TestClient, project: str
) -> None:
    engineer.get(f"/api/v1/projects/{project}")
    found = admin.get("/api/v1/metrics")
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    template = 'route="/api/v1/projects/{project_id}"'
    line = f'offspec_requests_total{{method="GET",{template},status="200"}} 1.0'
    assert line in found.text
    assert f'offspec_request_seconds_count{{method="GET",{template}}} 1.0' in found.text
    assert 'offspec_jobs{state="queued"} 0.0' in found.text
    assert "offspec_inspections_waiting 0.0" in found.text
    memory = re.search(r'offspec_resident_bytes{process="server"} (\S+)', found.text)
    assert memory is not None
    assert float(memory[1]) > 1e7
    assert project not in found.text


def test_figures_are_for_quality_administrators_and_machines(
    server: Server, engineer: TestClient, project: str
) -> None:
    assert server.client().get("/api/v1/metrics").status_code == 401
    assert engineer.get("/api/v1/metrics").status_code == 403
    assert server.person("pia", "operator").get("/api/v1/metrics").status_code == 403
    assert server.person("max", "quality").get("/api/v1/metrics").status_code == 200
    made = engineer.post(f"/api/v1/projects/{project}/tokens", json={"name": "scraper"}).json()
    machine = server.client()
    machine.headers["authorization"] = f"Bearer {made['token']}"
    assert machine.get("/api/v1/metrics").status_code == 200


def test_paths_and_methods_from_outside_make_no_series(server: Server, admin: TestClient) -> None:
    for name in ("a", "b", "c"):
        admin.get(f"/api/v1/nothing/{name}")
        admin.request(name.upper() * 5, "/api/v1/projects")
    text = admin.get("/api/v1/metrics").text
    assert "nothing" not in text
    assert "AAAAA" not in text


def test_a_request_is_one_line_of_the_log_without_its_secrets(
    server: Server, engineer: TestClient, project: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = engineer.post(
        f"/api/v1/projects/{project}/tokens", json={"name": "script", "scope": "project"}
    ).json()
    machine = server.client()
    machine.headers["authorization"] = f"Bearer {made['token']}"
    with caplog.at_level(logging.INFO, "offspec"):
        found = machine.get(f"/api/v1/projects/{project}/images", params={"after": "1,geheim"})
        server.client().post("/api/v1/session", json={"name": "eve", "password": PASSWORD + "x"})
    lines = [JsonLines().format(one) for one in caplog.records if one.name == "offspec.request"]
    first, second = (json.loads(line) for line in lines)
    assert first["route"] == "/api/v1/projects/{project_id}/images"
    assert (first["method"], first["status"], first["user"]) == ("GET", 200, "eve")
    assert first["request_id"] == found.headers["x-request-id"]
    assert first["ms"] > 0
    assert (second["status"], second["user"]) == (401, None)
    for secret in (made["token"], "geheim", PASSWORD, project):
        assert secret not in "".join(lines)


@pytest.mark.parametrize("given", ["abc-1", "x" * 65, "a b", 'a"b', "ä"])
def test_a_request_keeps_the_number_it_came_with_if_that_is_one(server: Server, given: str) -> None:
    found = server.client().get("/api/v1/health/live", headers={b"x-request-id": given.encode()})
    kept = found.headers["x-request-id"]
    assert (kept == given) == (given == "abc-1")
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", kept)


def test_a_fault_is_logged_with_its_request_and_told_as_a_problem(
    server: Server, admin: TestClient, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(upkeep, "retention", fail)
    with caplog.at_level(logging.INFO, "offspec"):
        found = admin.get("/api/v1/admin/retention")
    assert (found.status_code, found.json()["code"]) == (500, "fault")
    assert "ZeroDivisionError" not in found.text
    assert found.headers["x-frame-options"] == "DENY"
    events = [json.loads(JsonLines().format(one)) for one in caplog.records]
    fault = next(one for one in events if one["event"] == "fault")
    asked = next(one for one in events if one["event"] == "request")
    assert "ZeroDivisionError" in fault["trace"]
    assert fault["request_id"] == asked["request_id"] == found.headers["x-request-id"]
    assert (asked["status"], asked["level"]) == (500, "error")


# -- room and retention ----------------------------------------------------------


@pytest.fixture
def model(server: Server, project: str) -> ModelRow:
    """A model as a fit leaves it; nobody inspects with it here."""
    with server.services.database.write() as db:
        named = {"project_id": project, "created_by": "eve"}
        version = VersionRow(fingerprint="0" * 64, content={"files": []}, **named)
        job = JobRow(kind="fit", params={}, state="done", **named)
        db.add_all([version, job])
        db.flush()
        made = ModelRow(
            number=1, version_id=version.id, job_id=job.id, settings={}, summary={},
            bundle_sha256=server.services.blobs.put(b"bundle"), **named,
        )  # fmt: skip
        db.add(made)
    return made


def keep(server: Server, model: ModelRow, data: bytes, verdict: str, days: float) -> str:
    """An inspection of that age, its picture as old."""
    services, at = server.services, time.time() - days * DAY_S
    sha256 = services.blobs.put(data)
    os.utime(path_of(server, sha256), (at, at))
    with services.database.write() as db:
        row = InspectionRow(
            project_id=model.project_id, model_id=model.id, image_sha256=sha256, verdict=verdict,
            content={}, created_s=at,
        )  # fmt: skip
        db.add(row)
    return sha256


def path_of(server: Server, sha256: str) -> Path:
    return server.services.settings.data / "images" / sha256[:2] / sha256[2:4] / sha256


def sweep(server: Server) -> int:
    return upkeep.sweep(server.services.database, server.services.blobs)


def test_only_pictures_whose_time_is_over_go_and_the_log_says_so(
    server: Server, admin: TestClient, model: ModelRow
) -> None:
    old_ok = keep(server, model, b"old ok", "ok", 11)
    young_ok = keep(server, model, b"young ok", "ok", 9)
    old_bad = keep(server, model, b"old bad", "ng", 11)
    older_bad = keep(server, model, b"older bad", "ng", 31)
    assert sweep(server) == 0  # at first everything is kept
    body = {"ok_days": 10, "other_days": 30}
    assert admin.put("/api/v1/admin/retention", json=body).json() == body
    assert admin.get("/api/v1/admin/retention").json() == body
    assert sweep(server) == 2
    store = server.services.blobs
    assert [store.has(one) for one in (old_ok, young_ok, old_bad, older_bad)] == [
        False, True, True, False,
    ]  # fmt: skip
    with server.services.database.read() as db:
        gone = {row.image_sha256 for row in db.query(InspectionRow).filter_by(image_gone=True)}
        assert gone == {old_ok, older_bad}
        assert db.query(InspectionRow).count() == 4
        assert audit.verify(db).broken_at is None
    log = admin.get("/api/v1/audit").json()["items"]
    assert log[0]["action"] == "retention.sweep"
    assert log[0]["new"] == {"inspections": 2, "pictures": 2, "bytes": 15}
    assert (log[1]["action"], log[1]["old"], log[1]["new"]) == (
        "retention.change", {"ok_days": None, "other_days": None}, body,
    )  # fmt: skip
    assert sweep(server) == 0


def test_a_picture_that_something_else_names_stays(
    server: Server, admin: TestClient, engineer: TestClient, project: str, model: ModelRow
) -> None:
    data = encode_png(part_image(3))
    image = upload(engineer, project, data=data)["image"]
    assert keep(server, model, data, "ok", 20) == image["sha256"]
    twice = keep(server, model, b"twice", "ok", 20)
    keep(server, model, b"twice", "ng", 20)
    os.utime(path_of(server, twice), (0, 0))
    admin.put("/api/v1/admin/retention", json={"ok_days": 10, "other_days": None})
    assert sweep(server) == 2
    assert server.services.blobs.has(image["sha256"])
    assert server.services.blobs.has(twice)
    admin.put("/api/v1/admin/retention", json={"ok_days": 10, "other_days": 10})
    assert sweep(server) == 1
    assert not server.services.blobs.has(twice)


def test_a_picture_that_is_put_again_meanwhile_stays(
    server: Server, admin: TestClient, model: ModelRow
) -> None:
    sha256 = keep(server, model, b"again", "ok", 20)
    server.services.blobs.put(b"again")  # of a request whose row is not written yet
    admin.put("/api/v1/admin/retention", json={"ok_days": 10, "other_days": None})
    assert sweep(server) == 1
    assert server.services.blobs.get(sha256) == b"again"


def test_the_server_sweeps_by_itself(server: Server, admin: TestClient, model: ModelRow) -> None:
    sha256 = keep(server, model, b"old", "ok", 20)
    admin.put("/api/v1/admin/retention", json={"ok_days": 10, "other_days": None})
    services = server.services
    sweeper = Sweeper(services.database, services.blobs, services.settings.ready, every_s=0.05)
    sweeper.start()
    end = time.monotonic() + 20
    while server.services.blobs.has(sha256) and time.monotonic() < end:
        time.sleep(0.02)
    sweeper.stop()
    assert not server.services.blobs.has(sha256)
    with server.services.database.read() as db:
        assert db.query(AuditEvent).filter_by(action="retention.sweep").count() == 1


def test_absurd_retention_is_refused(admin: TestClient) -> None:
    for body in ({"ok_days": 0}, {"other_days": -1}, {"ok_days": 1.5}, {"x": 1}):
        assert admin.put("/api/v1/admin/retention", json=body).status_code == 422, body


def test_only_administrators_look_after_room(server: Server, engineer: TestClient) -> None:
    for who in (engineer, server.person("max", "quality"), server.person("pia", "operator")):
        assert who.get("/api/v1/admin/storage").status_code == 403
        assert who.get("/api/v1/admin/retention").status_code == 403
        assert who.put("/api/v1/admin/retention", json={"ok_days": 1}).status_code == 403


def test_room_is_told_by_what_takes_it(
    server: Server, admin: TestClient, engineer: TestClient, project: str, model: ModelRow
) -> None:
    data = encode_png(part_image(3))
    upload(engineer, project, data=data)
    keep(server, model, data, "ok", 1)  # counts as an image
    keep(server, model, b"seen", "ok", 1)
    keep(server, model, b"seen", "ng", 1)
    server.services.blobs.put(b"a report")
    found = admin.get("/api/v1/admin/storage").json()
    assert (found["images"], found["image_bytes"]) == (1, len(data))
    assert (found["inspections"], found["inspection_bytes"]) == (3, 4)
    assert (found["bundles"], found["bundle_bytes"]) == (1, 6)
    assert found["other_bytes"] == 8
    assert found["database_bytes"] > 10_000
    assert found["free_bytes"] > 0


def test_a_store_elsewhere_counts_and_sweeps_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlobStore("memory://sweep")
    sha256 = store.put(b"picture")
    assert store.sizes() == {sha256: 7}
    assert store.remove(sha256) == 0  # it is fresh
    assert store.has(sha256)
    monkeypatch.setattr(blobs, "FRESH_S", -60.0)  # an hour later
    assert store.remove(sha256) == 7
    assert store.sizes() == {}


def test_what_a_power_cut_left_aside_is_put_in_its_place(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path))
    staged = store.stage(b"whole")
    assert not store.has(staged.sha256)
    half = tmp_path / "aside" / f"{'0' * 64}-1"
    half.write_bytes(b"half")
    assert BlobStore(str(tmp_path)).recover() == 1
    assert store.get(staged.sha256) == b"whole"
    assert half.exists()  # somebody may be writing it
    os.utime(half, (time.time() - 2 * FRESH_S,) * 2)
    assert BlobStore(str(tmp_path)).recover() == 0
    assert list((tmp_path / "aside").iterdir()) == []
    staged.keep()  # who was under way is not disturbed
    dropped = store.stage(b"refused")
    dropped.drop()
    assert not store.has(dropped.sha256)


# -- people ----------------------------------------------------------------------


def test_a_person_changes_the_own_password(server: Server) -> None:
    here, there = server.person("pia", "operator"), server.sign_in("pia")
    body = {"old": PASSWORD, "new": "another long sentence"}
    assert here.put("/api/v1/session/password", json=body).status_code == 204
    assert here.get("/api/v1/session").status_code == 200
    assert there.get("/api/v1/session").status_code == 401
    client = server.client()
    for password, code in ((PASSWORD, 401), (body["new"], 201)):
        found = client.post("/api/v1/session", json={"name": "pia", "password": password})
        assert found.status_code == code
    with server.services.database.read() as db:
        (event,) = db.query(AuditEvent).filter_by(action="user.password").all()
        assert (event.actor, event.old, event.new) == ("pia", None, None)


def test_a_stolen_session_cannot_guess_the_password(server: Server) -> None:
    pia = server.person("pia", "operator")

    def attempt(old: str, new: str = "another long sentence") -> int:
        return pia.put("/api/v1/session/password", json={"old": old, "new": new}).status_code

    assert attempt(PASSWORD, "short") == 400
    codes = [attempt("wrong") for _ in range(11)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert attempt(PASSWORD) == 429


def test_a_token_changes_no_password(server: Server, engineer: TestClient, project: str) -> None:
    made = engineer.post(
        f"/api/v1/projects/{project}/tokens", json={"name": "line", "scope": "project"}
    ).json()
    machine = server.client()
    machine.headers["authorization"] = f"Bearer {made['token']}"
    body = {"old": PASSWORD, "new": "another long sentence"}
    assert machine.put("/api/v1/session/password", json=body).status_code == 403


def test_members_are_listed_for_those_who_may_see_the_project(
    server: Server, admin: TestClient, engineer: TestClient, project: str
) -> None:
    path = f"/api/v1/projects/{project}/members"
    pia = server.person("pia", "operator")
    id_ = pia.get("/api/v1/session").json()["id"]
    assert [one["name"] for one in engineer.get(path).json()] == ["eve"]
    assert pia.get(path).status_code in (403, 404)
    admin.put(f"{path}/{id_}")
    assert [one["name"] for one in engineer.get(path).json()] == ["eve", "pia"]
    assert "password_hash" not in engineer.get(path).text
    assert server.person("otto", "engineer").get(path).status_code == 404
    admin.delete(f"{path}/{id_}")
    assert [one["name"] for one in admin.get(path).json()] == ["eve"]


# -- the log as a file -----------------------------------------------------------


def test_the_log_is_narrowed_by_time_and_exported_whole(
    server: Server, admin: TestClient, engineer: TestClient, project: str
) -> None:
    times = [one["time_s"] for one in admin.get("/api/v1/audit").json()["items"]][::-1]
    middle = times[len(times) // 2]
    late = admin.get("/api/v1/audit", params={"from_s": middle}).json()["items"]
    early = admin.get("/api/v1/audit", params={"to_s": middle}).json()["items"]
    assert len(late) + len(early) == len(times)
    assert all(one["time_s"] >= middle for one in late)
    assert all(one["time_s"] < middle for one in early)
    found = admin.get("/api/v1/audit/export")
    assert found.headers["content-type"] == "application/x-ndjson"
    assert "attachment" in found.headers["content-disposition"]
    lines = [json.loads(line) for line in found.text.splitlines()]
    assert [one["seq"] for one in lines] == list(range(1, len(times) + 1))
    only = admin.get("/api/v1/audit/export", params={"action": "project.create"}).text
    assert [json.loads(line)["object_id"] for line in only.splitlines()] == [project]
    assert engineer.get("/api/v1/audit/export").status_code == 403
    assert admin.get("/api/v1/audit", params={"from_s": "nan"}).status_code == 422


def test_a_long_log_is_exported_in_pieces(server: Server, admin: TestClient) -> None:
    with server.services.database.write() as db:
        for number in range(25):
            audit.append(db, "test", "x.y", "x", str(number))
    with server.services.database.read() as db:
        everything = audit.verify(db).events
    pieces = list(audit.chunks(server.services.database, audit.Filter(), size=10))
    assert [len(piece) for piece in pieces] == [10] * (everything // 10) + (
        [everything % 10] if everything % 10 else []
    )
