"""One word on many images."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from offspec.annotations import Annotation, DefectShape, from_labelme
from offspec.store.models import Image
from tests.server.conftest import Server
from tests.server.test_labelling import OUTLINE, SIZE_WH, good, say, upload


def put(client: TestClient, project: str, what: str, images: list[Any], **more: Any) -> Any:
    ids = [one if isinstance(one, str) else one["id"] for one in images]
    return client.put(f"/api/v1/projects/{project}/{what}", json={"image_ids": ids, **more})


def said_of(client: TestClient, project: str, image: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/v1/projects/{project}/images/{image['id']}/annotation"
    found: dict[str, Any] = client.get(path).json()
    return found


def test_whole_images_are_judged_and_taken_back(
    engineer: TestClient, admin: TestClient, project: str
) -> None:
    images = upload(engineer, project, *range(4))
    kept = Annotation("x", SIZE_WH, {"cap": "ok"}, split="test", part_id="P7")
    say(engineer, project, images[0], kept)
    assert put(engineer, project, "labels", images[:3], verdict="ok").json() == {
        "ok": 3, "ng": 0, "none": 1,
    }  # fmt: skip
    said = from_labelme(said_of(engineer, project, images[0])["content"])
    assert (said.verdicts, said.defect_free) == ({"": "ok", "cap": "ok"}, True)
    assert (said.split, said.part_id) == ("test", "P7")
    assert said_of(engineer, project, images[1])["revision"] == 1
    again = put(engineer, project, "labels", [*images[:3], images[0]], verdict="ok")
    assert again.json()["ok"] == 3
    assert said_of(engineer, project, images[1])["revision"] == 1  # nothing new
    assert put(engineer, project, "labels", images[1:3], verdict="ng").json()["ng"] == 2
    found = put(engineer, project, "labels", images[1:3], verdict=None).json()
    assert found == {"ok": 1, "ng": 0, "none": 3}
    log = admin.get("/api/v1/audit", params={"action": "labels.set"}).json()["items"]
    assert [entry["new"]["verdict"] for entry in log] == [None, "ng", "ok"]
    assert log[0]["old"][images[1]["id"]] == {"verdict": "ng", "defect_free": False}
    assert set(log[1]["new"]["images"]) == {images[1]["id"], images[2]["id"]}


def test_outlines_and_regions_are_not_overruled_in_bulk(engineer: TestClient, project: str) -> None:
    images = upload(engineer, project, *range(6))
    outlined = Annotation("x", SIZE_WH, {}, (DefectShape("scratch", OUTLINE),))
    for image in images[1:5]:
        say(engineer, project, image, outlined)
    say(engineer, project, images[5], Annotation("x", SIZE_WH, {"cap": "ng"}))
    before = engineer.get(f"/api/v1/projects/{project}/labels").json()
    for verdict in ("ok", None):
        found = put(engineer, project, "labels", images, verdict=verdict)
        assert found.status_code == 409
        assert "5 of 6" in found.json()["detail"]
        assert "'1.png', '2.png', '3.png' and 2 more" in found.json()["detail"]
        assert engineer.get(f"/api/v1/projects/{project}/labels").json() == before
    assert put(engineer, project, "labels", images, verdict="ng").json()["ng"] == 6
    said = from_labelme(said_of(engineer, project, images[1])["content"])
    assert said.defects == outlined.defects
    whole = put(engineer, project, "labels", images[:1], verdict="ok").json()
    assert whole["ok"] == 1  # ng on the whole image alone is a word that can be taken back


def test_an_open_editor_notices_a_bulk_change(engineer: TestClient, project: str) -> None:
    (image,) = upload(engineer, project, 0)
    put(engineer, project, "labels", [image], verdict="ok")
    assert say(engineer, project, image, good()).status_code == 409
    assert say(engineer, project, image, good(), 1).status_code == 200


def test_two_thousand_images_are_judged_in_one_go(
    server: Server, engineer: TestClient, project: str
) -> None:
    with server.services.database.write() as db:
        for i in range(2000):
            db.add(Image(project_id=project, sha256=f"{i:064x}", name=f"{i}.png", width=5, height=5,
                         size_bytes=1))  # fmt: skip
    with server.services.database.read() as db:
        ids = [one.id for one in db.query(Image).all()]
    start = time.monotonic()
    assert put(engineer, project, "labels", ids, verdict="ok").json()["ok"] == 2000
    assert put(engineer, project, "decisions", ids, decision="keep").status_code == 200
    assert time.monotonic() - start < 20.0
    assert put(engineer, project, "labels", [*ids, "x"], verdict="ok").status_code == 422


def test_decisions_keep_images_out_of_versions(
    engineer: TestClient, admin: TestClient, project: str
) -> None:
    images = upload(engineer, project, *range(6))
    for image in images:
        say(engineer, project, image, good())
    found = put(engineer, project, "decisions", images[:2], decision="leave_out", why=" blurred ")
    assert [(o["id"], o["decision"], o["decision_why"], o["label"]) for o in found.json()] == [
        (image["id"], "leave_out", "blurred", "ok") for image in images[:2]
    ]
    put(engineer, project, "decisions", images[2:3], decision="keep", why="a good part")
    path = f"/api/v1/projects/{project}/versions"
    made = engineer.post(path, json={}).json()
    assert made["normals"] + made["test_good"] == 4
    keys = [f["key"] for f in engineer.get(f"{path}/{made['id']}/files").json()]
    assert not any(key.endswith(("_0.png", "_1.png")) for key in keys)
    back = put(engineer, project, "decisions", images[:1], decision=None, why="x").json()[0]
    assert (back["decision"], back["decision_why"]) == (None, "")
    assert engineer.post(path, json={}).json()["id"] != made["id"]
    log = admin.get("/api/v1/audit", params={"action": "decisions.set"}).json()["items"]
    assert log[0]["old"] == {images[0]["id"]: {"decision": "leave_out", "why": "blurred"}}
    put(engineer, project, "decisions", images[:1], decision=None)
    again = admin.get("/api/v1/audit", params={"action": "decisions.set"}).json()["items"]
    assert len(again) == len(log)


@pytest.mark.parametrize("what", ["labels", "decisions"])
def test_images_of_others_and_malformed_lists_change_nothing(
    engineer: TestClient, project: str, what: str
) -> None:
    more = {"verdict": "ok"} if what == "labels" else {"decision": "keep"}
    (mine,) = upload(engineer, project, 0)
    other = engineer.post("/api/v1/projects", json={"name": "other"}).json()["id"]
    (theirs,) = upload(engineer, other, 1)
    assert put(engineer, project, what, [mine, theirs], **more).status_code == 404
    assert put(engineer, project, what, ["A" * 22], **more).status_code == 404
    for wrong in ([], ["a\0b"], ["../x"], [""]):
        assert put(engineer, project, what, wrong, **more).status_code == 422
    for nonsense in ({}, {"verdict": "maybe"}, {"decision": 1}):
        assert put(engineer, project, what, [mine], **nonsense).status_code == 422
    shown = engineer.get(f"/api/v1/projects/{project}/images/{mine['id']}").json()
    assert (shown["revision"], shown["decision"]) == (0, None)
