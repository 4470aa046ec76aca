"""Models: what is told of them, decision points by hand, approval, signatures, pictures."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from offspec.images import decode_image
from offspec.runtime import Inspector
from offspec.server.picture_cache import PictureCache
from offspec.store import accounts
from tests.server.conftest import PASSWORD
from tests.server.line import Line
from tests.synth import SIZE_HW


def test_a_model_says_what_it_is(line: Line) -> None:
    found = line.client.get(f"{line.path}/models/{line.model}").json()
    assert (found["number"], found["parent_id"], found["note"]) == (1, None, "")
    assert (found["t_review"], found["t_ng"]) == (0.5, 0.5)
    assert found["threshold"]["status"] == "extrapolated"
    assert found["threshold"]["n"] == 13  # 14, less the reference
    assert 0 < found["threshold"]["guarantee_upper"] < 1
    assert "13 held-out normals" in found["threshold"]["words"]
    assert found["detector"] == "reference"
    assert [set(one) for one in found["regions"]] == [{"id", "name"}]
    assert found["template_name"]
    assert line.client.get(f"{line.path}/models").json() == [found]


def test_decision_points_by_hand_make_a_model_that_remembers_why(line: Line) -> None:
    made = line.hand_set(0.3, 0.7, version_id=line.version)
    found = line.client.get(f"{line.path}/models/{made}").json()
    assert (found["number"], found["parent_id"]) == (2, line.model)
    assert (found["t_review"], found["t_ng"], found["note"]) == (0.3, 0.7, "looked at both")
    assert found["threshold"]["guarantee_upper"] is None
    data = line.client.get(f"{line.path}/models/{made}/bundle").content
    path = line.server.services.settings.data / "x.offspec"
    path.write_bytes(data)
    manifest = Inspector(path).bundle.manifest
    event = manifest.history[-1]
    assert (event["event"], event["who"], event["why"]) == (
        "decision_points", "eve", "looked at both",
    )  # fmt: skip
    before = line.client.get(f"{line.path}/models/{line.model}").json()
    assert before["t_ng"] == 0.5
    job = line.job("evaluate", version_id=line.version, model_id=made)
    assert job["error"]["code"] == "dataset"  # its test images chose the points


def test_decision_points_that_cannot_be(line: Line) -> None:
    bodies: list[tuple[dict[str, Any], int]] = [
        ({"t_review": 0.6, "t_ng": 0.5}, 400),
        ({"t_review": 0.5, "t_ng": 0.5}, 400),
        ({"t_review": 0.0, "t_ng": 0.5}, 422),
        ({"t_review": 0.4, "t_ng": 1.0}, 422),
        ({"t_review": 0.4, "t_ng": 0.6, "why": ""}, 422),
        ({"t_review": 0.4, "t_ng": 0.6, "version_id": "nobody"}, 404),
    ]
    for body, status in bodies:
        sent = {"why": "looked", **body}
        found = line.client.post(f"{line.path}/models/{line.model}/thresholds", json=sent)
        assert found.status_code == status, (body, found.text)
    assert len(line.client.get(f"{line.path}/models").json()) == 1


def test_approval_says_why_and_what_speaks_for_it(line: Line, admin: TestClient) -> None:
    other = line.hand_set(0.4, 0.6)
    compared = line.done(
        "compare", version_id=line.version, model_id=other, other_model_id=line.model
    )
    path = f"{line.path}/models/{other}/approve"
    body = {"why": "finds more", "comparison_job_id": compared["id"]}
    wrong = line.client.post(f"{line.path}/models/{line.model}/approve", json=body)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "state")
    assert line.client.post(path, json=body).json()["approved"]
    log = admin.get("/api/v1/audit", params={"action": "model.approve"}).json()["items"]
    assert (log[0]["new"]["why"], log[0]["new"]["comparison"]) == ("finds more", compared["id"])
    assert log[0]["new"]["number"] == 2


def test_a_model_that_cannot_be_loaded_is_not_taken_into_use(line: Line) -> None:
    model = line.client.get(f"{line.path}/models/{line.model}").json()
    kept = line.server.services.settings.data / "images"
    for path in kept.rglob(model["bundle_sha256"]):
        path.unlink()
    found = line.client.post(f"{line.path}/models/{line.model}/approve")
    assert found.status_code == 400, found.text
    assert not line.client.get(f"{line.path}/models/{line.model}").json()["approved"]


def test_signatures_name_bytes_meaning_and_person(line: Line, admin: TestClient) -> None:
    report = line.done("report", model_id=line.model)
    path = f"{line.path}/models/{line.model}/sign-offs"
    max_ = line.person("max", "quality")
    body = {"meaning": "released for line 3", "password": PASSWORD, "report_job_id": report["id"]}
    signed = max_.post(path, json=body)
    assert signed.status_code == 201, signed.text
    found = max_.get(path).json()
    assert found == [signed.json()]
    model = line.client.get(f"{line.path}/models/{line.model}").json()
    assert found[0]["bundle_sha256"] == model["bundle_sha256"]
    assert found[0]["report_sha256"] == report["result"]["files"]["report.pdf"]
    assert (found[0]["signed_by"], found[0]["meaning"]) == ("max", "released for line 3")
    log = admin.get("/api/v1/audit", params={"action": "model.sign"}).json()["items"]
    assert [entry["actor"] for entry in log] == ["max"]
    assert PASSWORD not in str(log)


def test_a_signature_needs_the_right_person_and_password(line: Line) -> None:
    path = f"{line.path}/models/{line.model}/sign-offs"
    max_ = line.person("max", "quality")
    body = {"meaning": "released", "password": PASSWORD}
    assert line.client.post(path, json=body).status_code == 403  # an engineer
    other = line.done("check", version_id=line.version)
    evidence = {**body, "report_job_id": other["id"]}
    assert max_.post(path, json=evidence).status_code == 409
    assert max_.post(path, json={**body, "meaning": ""}).status_code == 422
    codes = [
        max_.post(path, json={**body, "password": "wrong"}).status_code
        for _ in range(accounts.MOST_FAILURES + 1)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert max_.post(path, json=body).status_code == 429
    assert max_.get(path).json() == []


def test_a_token_cannot_sign(line: Line) -> None:
    max_ = line.person("max", "admin")
    made = max_.post(f"{line.path}/tokens", json={"name": "robot", "scope": "project"}).json()
    machine = line.server.client()
    machine.headers["authorization"] = f"Bearer {made['token']}"
    body = {"meaning": "released", "password": PASSWORD}
    found = machine.post(f"{line.path}/models/{line.model}/sign-offs", json=body)
    assert found.status_code == 403


def test_pictures_of_a_model(line: Line) -> None:
    path = f"{line.path}/models/{line.model}"
    reference = line.client.get(f"{path}/reference")
    assert reference.headers["content-type"] == "image/png"
    assert decode_image(reference.content).shape == (*SIZE_HW, 3)
    image = line.images["blot200"]
    found = line.client.get(f"{path}/images/{image}/inspection").json()
    assert found["verdict"] == "ng"
    assert found == line.client.get(f"{path}/images/{image}/inspection").json()  # kept a while
    heat = line.client.get(f"{path}/images/{image}/heat")
    assert heat.content.startswith(b"\x89PNG")
    assert heat.headers["cache-control"].startswith("private")
    assert line.client.get(f"{path}/images/nobody/heat").status_code == 404
    assert line.client.get(f"{line.path}/inspections").json()["items"] == []


def test_a_cache_is_bounded_and_forgets_the_longest_unused() -> None:
    cache = PictureCache(most_bytes=10)
    made: list[str] = []

    def make(name: str, size: int = 4) -> bytes:
        made.append(name)
        return bytes(size)

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get((name,), lambda name=name: make(name))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]
    cache.get(("large",), lambda: make("large", 50))
    cache.get(("large",), lambda: make("large", 50))
    assert made[-2:] == ["large", "large"]


def test_models_of_others_do_not_exist(line: Line) -> None:
    otto = line.server.person("otto", "engineer")
    mine = otto.post("/api/v1/projects", json={"name": "mine"}).json()["id"]
    image = line.images["blot200"]
    paths = ("", "/bundle", "/reference", "/sign-offs", f"/images/{image}/heat",
             f"/images/{image}/inspection")  # fmt: skip
    for project in (line.project, mine):
        base = f"/api/v1/projects/{project}/models/{line.model}"
        for path in paths:
            assert otto.get(f"{base}{path}").status_code == 404, path
        body = {"t_review": 0.4, "t_ng": 0.6, "why": "x"}
        assert otto.post(f"{base}/thresholds", json=body).status_code == 404
        assert otto.post(f"{base}/approve").status_code == 404
    job = {"kind": "evaluate", "version_id": line.version, "model_id": line.model}
    assert otto.post(f"/api/v1/projects/{mine}/jobs", json=job).status_code == 404


def test_an_operator_looks_and_changes_nothing(line: Line) -> None:
    pia = line.person("pia", "operator")
    path = f"{line.path}/models/{line.model}"
    assert pia.get(path).status_code == 200
    assert pia.get(f"{path}/images/{line.images['good100']}/heat").status_code == 200
    body = {"t_review": 0.4, "t_ng": 0.6, "why": "x"}
    assert pia.post(f"{path}/thresholds", json=body).status_code == 403
    assert pia.post(f"{path}/approve").status_code == 403
    signed = {"meaning": "x", "password": PASSWORD}
    assert pia.post(f"{path}/sign-offs", json=signed).status_code == 403
