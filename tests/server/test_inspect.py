"""Machines send pictures, people judge what was stopped."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from offspec.images import encode_png
from offspec.jobs.inference import Pool
from offspec.server.inspectors import Inspectors
from offspec.store.blobs import BlobStore, Staged
from offspec.store.models import InspectionRow, ModelRow, new_id
from tests.server.conftest import Server
from tests.server.line import have_model
from tests.server.test_jobs import version
from tests.synth import part_image

__all__ = ["version"]  # the fixture


@pytest.fixture
def machine(server: Server, engineer: TestClient, project: str, version: str) -> TestClient:
    """A line with a token, and an approved model."""
    model = have_model(server, engineer, project, version, "machine")
    engineer.post(f"/api/v1/projects/{project}/models/{model}/approve")
    made = engineer.post(f"/api/v1/projects/{project}/tokens", json={"name": "line 1"}).json()
    client = server.client()
    client.headers["authorization"] = f"Bearer {made['token']}"
    return client


def send(client: TestClient, project: str, image: Any, key: str | None = None, **query: str) -> Any:
    headers = {"content-type": "application/octet-stream"}
    if key is not None:
        headers["idempotency-key"] = key
    return client.post(
        f"/api/v1/projects/{project}/inspect",
        content=encode_png(image),
        params=query,
        headers=headers,
    )


def test_a_picture_is_judged_kept_and_found_again(
    machine: TestClient, engineer: TestClient, project: str
) -> None:
    bad = send(machine, project, part_image(50, defect="blot"), part_id="P7", line="A")
    assert bad.status_code == 201, bad.text
    assert bad.json()["verdict"] == "ng"
    assert bad.json()["content"]["regions"][0]["defects"]
    fine = send(machine, project, part_image(51), part_id="P8", line="A").json()
    path = f"/api/v1/projects/{project}/inspections"
    listed = engineer.get(path).json()["items"]
    assert [one["id"] for one in listed] == [fine["id"], bad.json()["id"]]
    assert [o["part_id"] for o in engineer.get(path, params={"part_id": "P7"}).json()["items"]] == [
        "P7"
    ]
    first = engineer.get(path, params={"limit": 1}).json()
    rest = engineer.get(path, params={"limit": 1, "after": first["next"]}).json()
    assert [first["items"][0]["id"], rest["items"][0]["id"]] == [fine["id"], bad.json()["id"]]
    assert rest["next"] is None


def test_a_repeated_request_counts_once(server: Server, machine: TestClient, project: str) -> None:
    found = {send(machine, project, part_image(50), "k1").json()["id"] for _ in range(3)}
    assert len(found) == 1
    assert send(machine, project, part_image(50), "k2").json()["id"] not in found
    with server.services.database.read() as db:
        assert db.query(InspectionRow).count() == 2


def test_without_an_approved_model_nothing_is_judged(engineer: TestClient, project: str) -> None:
    found = send(engineer, project, part_image(0))
    assert found.status_code == 409
    assert found.json()["code"] == "state"


def test_what_is_no_picture_is_refused(server: Server, machine: TestClient, project: str) -> None:
    for data in (b"", b"no picture"):
        found = machine.post(
            f"/api/v1/projects/{project}/inspect",
            content=data,
            headers={"content-type": "application/octet-stream"},
        )
        assert found.status_code in (400, 422), data
    with server.services.database.read() as db:
        assert db.query(InspectionRow).count() == 0


def test_review_queue_decisions_and_agreement(
    server: Server, machine: TestClient, engineer: TestClient, admin: TestClient, project: str
) -> None:
    bad = send(machine, project, part_image(50, defect="blot")).json()
    send(machine, project, part_image(51))
    path = f"/api/v1/projects/{project}/inspections"
    queue = engineer.get(path, params={"open": True}).json()["items"]
    assert [one["id"] for one in queue] == [bad["id"]]
    found = engineer.put(f"{path}/{bad['id']}/review", json={"decision": "ok", "reason": "oil"})
    assert (found.json()["review"], found.json()["reviewed_by"]) == ("ok", "eve")
    assert engineer.get(path, params={"open": True}).json()["items"] == []
    engineer.put(f"{path}/{bad['id']}/review", json={"decision": "ng"})
    assert engineer.get(f"{path}/agreement").json()["counts"] == {"ng_ng": 1}
    log = admin.get("/api/v1/audit", params={"action": "inspection.review"}).json()["items"]
    assert log[0]["old"] == {"review": "ok", "by": "eve"}
    stranger = server.person("otto", "operator")
    assert stranger.put(f"{path}/{bad['id']}/review", json={"decision": "ok"}).status_code == 404


def test_two_people_at_one_queue_do_not_overrule_each_other_unseen(
    machine: TestClient, engineer: TestClient, admin: TestClient, project: str
) -> None:
    bad = send(machine, project, part_image(50, defect="blot")).json()
    one = f"/api/v1/projects/{project}/inspections/{bad['id']}/review"
    assert engineer.put(one, json={"decision": "ng", "first": True}).status_code == 200
    late = admin.put(one, json={"decision": "ok", "first": True})
    assert (late.status_code, late.json()["code"]) == (409, "state")
    assert "eve has judged" in late.json()["detail"]
    assert admin.put(one, json={"decision": "ok"}).json()["review"] == "ok"


def test_a_review_can_be_taken_back_and_the_log_keeps_it(
    server: Server, machine: TestClient, engineer: TestClient, admin: TestClient, project: str
) -> None:
    path = f"/api/v1/projects/{project}/inspections"
    bad = send(machine, project, part_image(50, defect="blot")).json()
    one = f"{path}/{bad['id']}/review"
    assert engineer.delete(one).status_code == 409
    engineer.put(one, json={"decision": "ok", "reason": "oil"})
    stranger = server.person("otto", "operator")
    assert stranger.delete(one).status_code == 404
    found = engineer.delete(one).json()
    assert (found["review"], found["reason"], found["reviewed_by"]) == (None, "", None)
    assert [o["id"] for o in engineer.get(path, params={"open": True}).json()["items"]] == [
        bad["id"]
    ]
    log = admin.get("/api/v1/audit", params={"action": "inspection.withdraw"}).json()["items"]
    assert log[0]["old"] == {"review": "ok", "by": "eve", "reason": "oil"}
    engineer.put(one, json={"decision": "ok"})
    assert engineer.post(f"{path}/{bad['id']}/learn").status_code == 201
    assert engineer.delete(one).status_code == 409


def test_when_too_many_wait_the_next_is_told_to_come_again(
    server: Server, machine: TestClient, project: str
) -> None:
    usual = server.app.state.inspectors
    services = server.services
    server.app.state.inspectors = Inspectors(services.settings, services.blobs, Pool(waiting=0))
    found = send(machine, project, part_image(50))
    assert (found.status_code, found.json()["code"]) == (503, "busy")
    assert found.headers["retry-after"] == "1"
    server.app.state.inspectors = usual
    assert send(machine, project, part_image(50)).status_code == 201


def test_a_picture_whose_process_is_killed_is_refused_and_not_kept(
    server: Server, machine: TestClient, project: str, pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert send(machine, project, part_image(50)).status_code == 201
    before = server.services.blobs.sizes()
    (pid,) = pool.pids.values()
    stage = BlobStore.stage

    def killed(store: BlobStore, data: bytes) -> Staged:
        os.kill(pid, signal.SIGKILL)
        return stage(store, data)

    os.kill(pid, signal.SIGSTOP)  # so that it does not answer first
    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, "stage", killed)
        found = send(machine, project, part_image(51), "k")
    assert (found.status_code, found.json()["code"]) == (503, "busy")
    assert found.headers["retry-after"] == "1"
    with server.services.database.read() as db:
        assert db.query(InspectionRow).count() == 1
    assert server.services.blobs.sizes() == before
    assert not list((server.services.settings.data / "images" / "aside").iterdir())
    assert send(machine, project, part_image(51), "k").status_code == 201


def test_a_repeated_request_at_the_same_time_counts_once(
    server: Server, machine: TestClient, project: str
) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(send, machine, project, part_image(50), "k") for _ in range(4)]
        ids = {one.result().json()["id"] for one in asked}
    assert len(ids) == 1
    with server.services.database.read() as db:
        assert db.query(InspectionRow).count() == 1


def test_what_a_line_may_do_ends_at_once(
    server: Server, machine: TestClient, engineer: TestClient, project: str
) -> None:
    """Who sends is remembered between two pictures, but not beyond a change."""
    assert send(machine, project, part_image(50)).status_code == 201
    first = send(machine, project, part_image(51)).json()["model_id"]
    (token,) = engineer.get(f"/api/v1/projects/{project}/tokens").json()
    with server.services.database.write() as db:
        mine = db.get_one(ModelRow, first)
        copy = {c.key: getattr(mine, c.key) for c in ModelRow.__table__.columns}
        other = ModelRow(**{**copy, "id": new_id(), "approved": False, "number": 2})
        db.add(other)
    path = f"/api/v1/projects/{project}"
    assert engineer.post(f"{path}/models/{other.id}/approve").status_code == 200
    assert send(machine, project, part_image(50)).json()["model_id"] == other.id
    engineer.delete(f"{path}/tokens/{token['id']}")
    assert send(machine, project, part_image(50)).status_code == 401
