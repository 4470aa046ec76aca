"""Inspections in lists, figures and pictures, and what is learned from reviews."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from offspec.guarantee import clopper_pearson
from offspec.images import decode_image
from offspec.server.inspections_csv import COLUMNS
from offspec.store.inspection_figures import reviews_of_parts
from offspec.store.models import InspectionRow
from tests.server.line import Line
from tests.synth import SIZE_HW, part_image

DAY = 86_400.0


@pytest.fixture
def running(line: Line) -> Line:
    """With an approved model."""
    line.approve()
    return line


def made_up(line: Line, *rows: dict[str, Any]) -> list[str]:
    """Inspections as rows alone; pictures and models look at the real ones."""
    with line.server.services.database.write() as db:
        found = [
            InspectionRow(
                project_id=line.project, model_id=line.model, image_sha256="0" * 64,
                deviation_score=0.1, content={"verdict": row["verdict"]}, **row,
            )
            for row in rows
        ]  # fmt: skip
        db.add_all(found)
        db.flush()
        return [row.id for row in found]


def test_a_list_is_light_and_one_of_it_whole(running: Line) -> None:
    sent = running.send(part_image(50, defect="blot"), part_id="P7", line="A")
    (listed,) = running.client.get(f"{running.path}/inspections").json()["items"]
    assert "content" not in listed
    assert (listed["model_number"], listed["image_gone"], listed["part_id"]) == (1, False, "P7")
    whole = running.client.get(f"{running.path}/inspections/{sent['id']}").json()
    assert whole == sent
    assert {**listed, "content": whole["content"]} == whole


def test_filters(line: Line) -> None:
    other = line.hand_set(0.4, 0.6)
    first, second, third, fourth = made_up(
        line,
        {"verdict": "ng", "created_s": 100.0, "review": "ok", "reviewed_by": "pia"},
        {"verdict": "ok", "created_s": 200.0, "part_id": "P1"},
        {"verdict": "review", "created_s": 300.0, "line": "B"},
        {"verdict": "invalid", "created_s": 400.0},
    )
    with line.server.services.database.write() as db:
        db.get_one(InspectionRow, fourth).model_id = other

    def ids(**query: Any) -> list[str]:
        found = line.client.get(f"{line.path}/inspections", params=query)
        assert found.status_code == 200, found.text
        return [one["id"] for one in found.json()["items"]]

    assert ids() == [fourth, third, second, first]
    assert ids(verdict="ng") == [first]
    assert ids(review="ok") == [first]
    assert ids(open=True) == [third]
    assert ids(part_id="P1") == [second]
    assert ids(line="B") == [third]
    assert ids(model_id=other) == [fourth]
    assert ids(from_s=200, to_s=300) == [third, second]
    for bad in ({"verdict": "bad"}, {"from_s": "nan"}, {"from_s": -1}, {"review": "maybe"}):
        assert line.client.get(f"{line.path}/inspections", params=bad).status_code == 422


def test_agreement_with_its_exact_interval_and_people(line: Line) -> None:
    at = 1000.0
    said = [("ng", "ng", "pia")] * 7 + [("ng", "ok", "pia"), ("ok", "ok", "max")]
    said += [("review", "ok", "max"), ("invalid", "ng", "otto")]
    rows = []
    for number, (verdict, review, who) in enumerate(said):
        at += 10.0 if number != 4 else 4000.0  # a pause
        rows.append({"verdict": verdict, "review": review, "reviewed_by": who, "reviewed_s": at})
    made_up(line, *rows, {"verdict": "ng"})
    found = line.client.get(f"{line.path}/inspections/agreement").json()
    assert found["counts"] == {
        "invalid_ng": 1, "ng_ng": 7, "ng_ok": 1, "ok_ok": 1, "review_ok": 1,
    }  # fmt: skip
    assert (found["judged"], found["agreed"]) == (9, 8)
    low, high = clopper_pearson(8, 9)
    assert (found["low"], found["high"]) == (pytest.approx(low), pytest.approx(high))
    assert found["by_reviewer"] == [
        {"name": "max", "judged": 1, "agreed": 1, "median_s": 10.0},
        {"name": "otto", "judged": 0, "agreed": 0, "median_s": None},
        {"name": "pia", "judged": 8, "agreed": 7, "median_s": 10.0},
    ]


def test_agreement_of_nothing(line: Line) -> None:
    found = line.client.get(f"{line.path}/inspections/agreement").json()
    assert found == {
        "counts": {}, "judged": 0, "agreed": 0, "rate": None, "low": None, "high": None,
        "by_reviewer": [],
    }  # fmt: skip


def test_rates_by_hour_and_day_with_empty_ones(line: Line) -> None:
    noon = 20_000 * DAY + DAY / 2
    made_up(
        line,
        {"verdict": "ok", "created_s": noon + 1.9},
        {"verdict": "ng", "created_s": noon + 3599.9, "review": "ok", "reviewed_by": "pia"},
        {
            "verdict": "ng",
            "created_s": noon + 2 * 3600,
            "review": "ng",
            "reviewed_by": "pia",
            "line": "east",
        },
        {"verdict": "invalid", "created_s": noon + 2 * DAY},
    )
    path = f"{line.path}/inspections/rates"
    hours = line.client.get(path, params={"from_s": noon, "to_s": noon + 3 * 3600}).json()
    assert [one["start_s"] for one in hours] == [noon + 3600 * i for i in range(4)]
    assert [(one["ok"], one["ng"]) for one in hours] == [(1, 1), (0, 0), (0, 1), (0, 0)]
    assert [one["reviewed"] for one in hours] == [1, 0, 1, 0]
    assert [one["overruled"] for one in hours] == [1, 0, 0, 0]
    days = line.client.get(
        path, params={"from_s": noon, "to_s": noon + 2 * DAY, "bucket": "day"}
    ).json()
    assert [one["ng"] + one["ok"] + one["invalid"] for one in days] == [3, 0, 1]
    assert len(line.client.get(path).json()) == 49
    east = f"{path}?from_s={noon}&to_s={noon + DAY}&bucket=day&line=east"
    assert [one["ng"] for one in line.client.get(east).json()] == [1, 0]
    for bad in ({"from_s": 10, "to_s": 5}, {"from_s": 0}):
        found = line.client.get(path, params=bad)
        assert (found.status_code, found.json()["code"]) == (400, "option")


def test_a_table_for_a_spreadsheet_holds_no_formula(line: Line) -> None:
    made_up(
        line,
        {"verdict": "ng", "part_id": "=HYPERLINK(1)", "created_s": 0.0},
        {"verdict": "ok", "part_id": "-2+3", "line": "@x", "created_s": 1.0},
        {"verdict": "ng", "reason": 'a, "b"\nc', "review": "ng", "created_s": 2.0},
    )
    found = line.client.get(f"{line.path}/inspections/export.csv")
    assert found.headers["content-type"].startswith("text/csv")
    assert "attachment" in found.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(found.text)))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["part_id"] for row in rows] == ["", "'-2+3", "'=HYPERLINK(1)"]
    assert rows[1]["line"] == "'@x"
    assert rows[0]["reason"] == 'a, "b"\nc'
    assert rows[2]["time"] == "1970-01-01T00:00:00+00:00"
    only = line.client.get(f"{line.path}/inspections/export.csv", params={"verdict": "ok"})
    assert len(list(csv.DictReader(io.StringIO(only.text)))) == 1


def test_a_long_table_is_whole_and_in_order(line: Line) -> None:
    made_up(line, *({"verdict": "ok", "created_s": float(i // 3)} for i in range(1203)))
    found = line.client.get(f"{line.path}/inspections/export.csv").text
    times = [row["time"] for row in csv.DictReader(io.StringIO(found))]
    assert len(times) == 1203
    assert times == sorted(times, reverse=True)


def test_pictures_of_an_inspection(running: Line) -> None:
    sent = running.send(part_image(50, defect="blot"))
    path = f"{running.path}/inspections/{sent['id']}/picture"
    kinds = {"captured": b"\x89PNG", "heat": b"\x89PNG", "aligned": b"\xff\xd8",
             "aligned_heat": b"\x89PNG"}  # fmt: skip
    for kind, magic in kinds.items():
        found = running.client.get(path, params={"kind": kind})
        assert found.content.startswith(magic), kind
        assert decode_image(found.content).shape[:2] == SIZE_HW
    assert running.client.get(path, params={"kind": "secret"}).status_code == 422
    with running.server.services.database.write() as db:
        db.get_one(InspectionRow, sent["id"]).image_gone = True
    for kind in kinds:
        gone = running.client.get(path, params={"kind": kind})
        assert (gone.status_code, gone.json()["code"]) == (404, "image_gone")


def test_a_large_picture_comes_smaller_with_tiles_behind_it(running: Line) -> None:
    smooth = cv2.resize(part_image(50), (2400, 700), interpolation=cv2.INTER_CUBIC)
    large = np.asarray(smooth, np.uint8)
    path = f"{running.path}/inspections/{running.send(large)['id']}"
    screen = running.client.get(f"{path}/picture", params={"size": "screen"})
    assert screen.headers["x-picture-size"] == "2400x700"
    assert "immutable" in screen.headers["cache-control"]
    assert decode_image(screen.content).shape == (467, 1600, 3)
    small = running.client.get(f"{path}/picture", params={"size": "thumbnail"})
    assert decode_image(small.content).shape == (75, 256, 3)
    whole = running.client.get(f"{path}/picture").content
    assert np.array_equal(decode_image(whole), large)
    row = [running.client.get(f"{path}/tiles/0/{x}/0").content for x in range(5)]
    seen = np.hstack([decode_image(one) for one in row])
    assert np.abs(seen.astype(float) - large[:512]).mean() < 2.0
    for wrong in ("0/5/0", "0/0/2", "4/0/0"):
        assert running.client.get(f"{path}/tiles/{wrong}").status_code == 404, wrong
    assert running.client.get(f"{path}/picture", params={"size": "huge"}).status_code == 422


def test_a_small_picture_fills_the_screen_as_it_is(running: Line) -> None:
    image = part_image(50)
    path = f"{running.path}/inspections/{running.send(image)['id']}"
    screen = running.client.get(f"{path}/picture", params={"size": "screen"})
    assert np.array_equal(decode_image(screen.content), image)
    assert screen.headers["x-picture-size"] == f"{SIZE_HW[1]}x{SIZE_HW[0]}"
    reference = f"{running.path}/models/{running.model}/reference"
    golden = running.client.get(reference, params={"size": "screen"})
    assert golden.headers["x-picture-size"] == f"{SIZE_HW[1]}x{SIZE_HW[0]}"
    tile = running.client.get(f"{reference}/tiles/0/0/0")
    apart = decode_image(tile.content).astype(float) - decode_image(golden.content)
    assert np.abs(apart).mean() < 5.0  # grain, as JPEG keeps it
    assert running.client.get(f"{reference}/tiles/0/9/0").status_code == 404


def test_tiles_and_small_ones_of_a_picture_that_is_gone(running: Line) -> None:
    sent = running.send(part_image(50))
    path = f"{running.path}/inspections/{sent['id']}"
    with running.server.services.database.write() as db:
        db.get_one(InspectionRow, sent["id"]).image_gone = True
    for what in ("picture?size=screen", "picture?size=thumbnail", "tiles/0/0/0"):
        gone = running.client.get(f"{path}/{what}")
        assert (gone.status_code, gone.json()["code"]) == (404, "image_gone"), what


def test_a_false_alarm_becomes_a_good_image_once(running: Line, admin: TestClient) -> None:
    sent = running.send(part_image(50, defect="blot"), part_id="P7")
    path = f"{running.path}/inspections/{sent['id']}"
    early = running.client.post(f"{path}/learn")
    assert (early.status_code, early.json()["code"]) == (409, "state")
    running.client.put(f"{path}/review", json={"decision": "ok", "reason": "oil"})
    pia = running.person("pia", "operator")
    assert pia.post(f"{path}/learn").status_code == 403
    image = running.client.post(f"{path}/learn")
    assert image.status_code == 201, image.text
    assert (image.json()["label"], image.json()["revision"]) == ("ok", 1)
    assert image.json()["sha256"] == sent["image_sha256"]
    said = running.client.get(f"{running.path}/images/{image.json()['id']}/annotation").json()
    assert said["content"]["flags"]["defect_free"]
    assert running.client.get(path).json()["learned_image_id"] == image.json()["id"]
    assert running.client.post(f"{path}/learn").status_code == 409
    log = admin.get("/api/v1/audit", params={"action": "inspection.learn"}).json()["items"]
    assert [entry["actor"] for entry in log] == ["eve"]
    assert running.client.delete(f"{path}/review").status_code == 409
    deleted = running.client.delete(f"{running.path}/images/{image.json()['id']}")
    assert deleted.status_code == 204
    assert running.client.get(path).json()["learned_image_id"] is None
    assert running.client.post(f"{path}/learn").status_code == 201


def test_a_known_defect_is_not_learned_as_good(running: Line) -> None:
    sent = running.send(part_image(200, defect="blot"))  # labelled NG in the project
    path = f"{running.path}/inspections/{sent['id']}"
    running.client.put(f"{path}/review", json={"decision": "ok"})
    found = running.client.post(f"{path}/learn")
    assert found.status_code == 409
    assert "labelled NG" in found.json()["detail"]
    assert running.client.get(path).json()["learned_image_id"] is None


def test_nothing_else_is_learned_from(line: Line) -> None:
    for verdict, review, gone in (
        ("ok", "ok", False),
        ("invalid", "ok", False),
        ("ng", "ng", False),
        ("ng", None, False),
        ("ng", "ok", True),
    ):
        (id_,) = made_up(line, {"verdict": verdict, "review": review, "image_gone": gone})
        found = line.client.post(f"{line.path}/inspections/{id_}/learn")
        assert found.status_code == 409, (verdict, review, gone)


def test_reviews_are_a_study_where_parts_are_known(line: Line) -> None:
    image = line.client.get(f"{line.path}/images").json()["items"]
    known = {one["name"]: one for one in image}
    rows = []
    for number, (name, state) in enumerate(
        (f"{kind}{n}", state)
        for kind, state in (("good10", "ok"), ("blot20", "ng"))
        for n in range(4)
    ):
        _name_part(line, known[f"{name}.png"]["id"], f"P{number}")
        rows += [
            {"verdict": "review", "review": state, "reviewed_by": who, "part_id": f"P{number}",
             "reviewed_s": time.time() + trial}
            for who in ("ann", "bob")
            for trial in range(2)
        ]  # fmt: skip
    made_up(line, *rows)
    job = line.done("msa", settings={"from_reviews": True})
    found = {one["appraiser"]: one["effectiveness"]["value"] for one in job["result"]["appraisers"]}
    assert found == {"ann": 1.0, "bob": 1.0}


def test_a_review_is_no_reference_for_itself(line: Line) -> None:
    image = line.images["good100"]
    _name_part(line, image, "P1")
    said = {"verdict": "ng", "review": "ok", "reviewed_by": "ann", "part_id": "P1"}
    (id_,) = made_up(line, said)
    with line.server.services.database.write() as db:
        assert [one.reference for one in reviews_of_parts(db, line.project)] == ["ok"]
        db.get_one(InspectionRow, id_).learned_image_id = image
    with line.server.services.database.read() as db:
        assert [one.reference for one in reviews_of_parts(db, line.project)] == [None]


def _name_part(line: Line, image: str, part: str) -> None:
    path = f"{line.path}/images/{image}/annotation"
    said = line.client.get(path).json()
    content = {**said["content"], "part_id": part}
    body = {"revision": said["revision"], "content": content}
    assert line.client.put(path, json=body).status_code == 200


def test_inspections_of_others_do_not_exist(running: Line) -> None:
    sent = running.send(part_image(50, defect="blot"))
    otto = running.server.person("otto", "engineer")
    mine = otto.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    for project in (running.project, mine):
        base = f"/api/v1/projects/{project}/inspections/{sent['id']}"
        for path in ("", "/picture", "/picture?kind=heat"):
            assert otto.get(f"{base}{path}").status_code == 404
        assert otto.post(f"{base}/learn").status_code == 404
        assert otto.put(f"{base}/review", json={"decision": "ok"}).status_code == 404
    for path in ("", "/agreement", "/rates", "/export.csv"):
        found = otto.get(f"/api/v1/projects/{running.project}/inspections{path}")
        assert found.status_code == 404
    assert otto.get(f"/api/v1/projects/{mine}/inspections").json()["items"] == []
