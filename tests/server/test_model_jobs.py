"""Every kind of long work on a model, done by a real worker."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.line import BLOTS, SCRATCHES, TEST_GOOD, Line

COSTS = {"cost_miss": 100, "cost_false_alarm": 2, "cost_review": 0.5, "defect_rate": 0.02}
TESTED = len(TEST_GOOD) + len(BLOTS) + len(SCRATCHES)
STUDY = "appraiser,part,trial,verdict,reference\n" + "".join(
    f"{who},p{part},{trial},{'ng' if part % 2 else 'ok'},{'bad' if part % 2 else 'good'}\n"
    for who in ("ann", "bob")
    for part in range(8)
    for trial in (1, 2)
)


def test_an_evaluation_names_every_image_by_its_id(line: Line) -> None:
    job = line.done("evaluate", version_id=line.version, model_id=line.model)
    result = job["result"]
    assert result["left_out"] == 0
    assert result["images_tested"] == {"normal": len(TEST_GOOD), "defect": TESTED - len(TEST_GOOD)}
    assert "images" not in result
    whole = line.file(job, "evaluation.json")
    assert whole.headers["content-type"] == "application/json"
    images = whole.json()["images"]
    assert {one["image_id"] for one in images} <= set(line.images.values())
    assert len(images) == TESTED
    page = line.file(job, "report.html")
    assert page.headers["content-disposition"].startswith("attachment")
    assert b"<html" in page.content
    said = line.log(job)
    assert any(text.startswith("prepare images") for text in said)
    assert any("found" in text or "defect" in text for text in said[-4:])


def test_what_chose_thresholds_or_was_learned_is_left_out(line: Line) -> None:
    body = {"version_id": line.version, "model_id": line.model}
    job = line.done("calibrate", **body, settings={**COSTS, "half": True})
    chosen = job["result"]["operating"]["validation"]
    assert chosen["good"] == len(TEST_GOOD) // 2
    model = line.client.get(f"{line.path}/models/{job['result']['model_id']}").json()
    assert (model["parent_id"], model["number"]) == (line.model, 2)
    assert model["version_id"] == line.version
    assert model["t_ng"] == pytest.approx(job["result"]["operating"]["t_ng"])
    assert line.file(job, "calibrate.html").status_code == 200
    measured = line.done("evaluate", version_id=line.version, model_id=model["id"])
    used = chosen["good"] + chosen["defective"]
    assert measured["result"]["left_out"] == used
    tested = measured["result"]["images_tested"]
    assert tested["normal"] + tested["defect"] == TESTED - used
    assert any("left out" in text for text in line.log(measured))
    sha256 = line.client.get(f"{line.path}/models/{model['id']}").json()["bundle_sha256"]
    assert measured["result"]["bundle"] == {"file": "model-2.offspec", "sha256": sha256}
    report = line.done("report", version_id=line.version, model_id=model["id"])
    assert report["result"]["left_out"] == used
    assert f"{used} labelled test images are left out" in line.file(report, "report.html").text
    parts = {"evaluation": measured["id"]}
    joined = line.done("report", model_id=model["id"], settings={"parts": parts})
    assert joined["result"]["left_out"] == used
    assert f"{used} labelled test images are left out" in line.file(joined, "report.html").text


def test_an_evaluation_without_new_images_fails_and_says_why(line: Line) -> None:
    body = {"version_id": line.version, "model_id": line.model}
    job = line.done("calibrate", **body, settings=COSTS)
    failed = line.job("evaluate", version_id=line.version, model_id=job["result"]["model_id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "dataset")
    assert "known to the model" in failed["error"]["message"]
    assert failed["error"]["message"].startswith(line.log(failed)[-1][:100])
    body = {"version_id": line.version, "model_id": job["result"]["model_id"]}
    report = line.done("report", **body)
    assert report["result"]["left_out"] == TESTED
    page = line.file(report, "report.html").text
    assert f"No test images were judged. {TESTED} labelled test images are left out" in page


def test_costs_may_come_from_the_problem_statement(line: Line) -> None:
    body = {"kind": "calibrate", "version_id": line.version, "model_id": line.model}
    refused = line.client.post(f"{line.path}/jobs", json=body)
    assert refused.status_code == 400
    assert "cost_miss" in refused.json()["detail"]
    problem = {"answers": COSTS}
    assert line.client.patch(line.path, json={"problem": problem}).status_code == 200
    job = line.done("calibrate", version_id=line.version, model_id=line.model)
    assert job["result"]["operating"]["asked"]["costs"]["miss"] == 100


def test_a_comparison_of_two_models(line: Line) -> None:
    other = line.hand_set(0.4, 0.6)
    job = line.done(
        "compare", version_id=line.version, model_id=other, other_model_id=line.model,
        settings={"margin": 0.3},
    )  # fmt: skip
    assert job["result"]["decision"] in ("not_worse", "worse", "undecided", "not_shown")
    models = job["result"]["models"]
    assert models["new"]["file"] == "model-2.offspec"
    hashes = {
        one["id"]: one["bundle_sha256"] for one in line.client.get(f"{line.path}/models").json()
    }
    assert (models["old"]["sha256"], models["new"]["sha256"]) == (hashes[line.model], hashes[other])
    assert line.file(job, "compare.pdf").content.startswith(b"%PDF")
    payload = line.file(job, "compare.json").json()
    assert payload["words"]
    assert {one["image"] for one in payload["images"]} <= payload["image_ids"].keys()


def test_a_study_of_people_by_a_table(line: Line) -> None:
    job = line.done("msa", settings={"csv": STUDY})
    assert [one["appraiser"] for one in job["result"]["appraisers"]] == ["ann", "bob"]
    assert line.file(job, "msa.pdf").content.startswith(b"%PDF")
    broken = line.job("msa", settings={"csv": "a,b\n1,2\n"})
    assert broken["error"]["code"] == "dataset"
    without = line.job("msa", settings={"from_reviews": True})
    assert without["error"]["code"] == "dataset"


def test_a_report_joins_what_other_jobs_found(line: Line) -> None:
    pod = line.done(
        "pod", version_id=line.version, model_id=line.model,
        settings={"trials": 12, "contrasts": [0.4], "sizes": [4.0, 12.0]},
    )  # fmt: skip
    assert line.file(pod, "pod.pdf").content.startswith(b"%PDF")
    assert pod["result"]["regions"]
    sha256 = line.client.get(f"{line.path}/models/{line.model}").json()["bundle_sha256"]
    assert pod["result"]["bundle"] == {"file": "model-1.offspec", "sha256": sha256}
    msa = line.done("msa", settings={"csv": STUDY})
    max_ = line.person("max", "quality")
    parts = {"pod": pod["id"], "msa": msa["id"]}
    settings = {"title": "Cap, line 3", "roles": ["Quality manager"], "parts": parts}
    job = line.job(
        "report", client=max_, model_id=line.model, version_id=line.version, settings=settings
    )
    assert job["state"] == "done", job["error"]
    assert job["result"]["parts"] == ["evaluation", "health", "msa", "pod"]
    assert line.file(job, "report.pdf").content.startswith(b"%PDF")
    page = line.file(job, "report.html").text
    assert "Cap, line 3" in page
    assert "model-1.offspec" in page
    assert re.search(r"model 1\. Made by max on \d+ \w+ 20\d\d, \d\d:\d\d UTC", page)
    assert job["result"]["left_out"] == 0
    assert "left out" not in page


def test_a_report_takes_only_jobs_about_its_model(line: Line) -> None:
    other = line.hand_set(0.4, 0.6)
    measured = line.done("evaluate", version_id=line.version, model_id=line.model)
    for parts, status in (
        ({"evaluation": measured["id"]}, 409),
        ({"pod": measured["id"]}, 409),
        ({"pod": "nobody"}, 404),
        ({"magic": measured["id"]}, 400),
    ):
        body = {"kind": "report", "model_id": other, "settings": {"parts": parts}}
        assert line.client.post(f"{line.path}/jobs", json=body).status_code == status, parts


def test_a_check_names_images_and_lists_stay_short(line: Line) -> None:
    job = line.done("check", version_id=line.version)
    ids = job["result"]["image_ids"]
    assert set(ids.values()) == set(line.images.values())
    assert {one["image"] for one in job["result"]["contamination"]["images"]} <= set(ids)
    assert b"<html" in line.file(job, "check.html").content
    listed = line.client.get(f"{line.path}/jobs").json()
    assert listed[0]["id"] == job["id"]
    assert set(listed[0]["result"]["files"]) == {"check.html", "check.json"}
    assert "findings" not in listed[0]["result"]


def test_files_are_those_that_the_job_names(line: Line) -> None:
    job = line.done("msa", settings={"csv": STUDY})
    for name in ("other.pdf", "..%2Fmsa.pdf", job["result"]["files"]["msa.pdf"]):
        found = line.client.get(f"{line.path}/jobs/{job['id']}/files/{name}")
        assert found.status_code == 404, name
    waiting = line.client.post(
        f"{line.path}/jobs", json={"kind": "check", "version_id": line.version}
    ).json()
    assert line.client.get(f"{line.path}/jobs/{waiting['id']}/files/x").status_code == 404
    assert line.log(waiting) == []


REFUSED: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("fit", (), {}),
    ("fit", ("version_id", "model_id"), {}),
    ("fit", ("version_id",), {"nonsense": 1}),
    ("fit", ("version_id",), {"model": {"detector": "magic"}}),
    ("evaluate", ("version_id",), {}),
    ("evaluate", ("version_id", "model_id"), {"figures": {"confidence": 3}}),
    ("calibrate", ("version_id", "model_id"), {}),
    ("calibrate", ("version_id", "model_id"), {"max_miss_rate": 0.1, "cost_miss": 5}),
    ("calibrate", ("version_id", "model_id"), {"review_capacity": 5}),
    ("compare", ("version_id", "model_id"), {}),
    ("compare", ("version_id", "model_id", "other_model_id"), {}),
    ("pod", ("version_id", "model_id"), {"minutes": 0}),
    ("pod", ("version_id", "model_id"), {"contrasts": []}),
    ("pod", ("version_id", "model_id"), {"sizes": [4.0]}),
    ("pod", ("version_id", "model_id"), {"regions": ["nowhere"]}),
    ("msa", (), {}),
    ("msa", (), {"csv": "x", "from_reviews": True}),
    ("msa", ("model_id",), {"csv": "x"}),
    ("report", (), {}),
    ("check", ("version_id",), {"smallest_defect": -1}),
    ("export", (), {}),
]


def test_what_could_only_fail_is_refused_at_once(line: Line) -> None:
    known = {"version_id": line.version, "model_id": line.model, "other_model_id": line.model}
    before = len(line.client.get(f"{line.path}/jobs").json())
    for kind, given, settings in REFUSED:
        body = {"kind": kind, "settings": settings, **{name: known[name] for name in given}}
        found = line.client.post(f"{line.path}/jobs", json=body)
        assert (found.status_code, found.json()["code"]) == (400, "option"), (body, found.text)
    assert len(line.client.get(f"{line.path}/jobs").json()) == before


def test_a_version_without_test_images_is_refused_for_what_works_on_them(line: Line) -> None:
    for name, id_ in line.images.items():
        if not name.startswith("train"):
            line.client.put(
                f"{line.path}/decisions",
                json={"image_ids": [id_], "decision": "leave_out", "why": "for the test"},
            )
    version = line.client.post(f"{line.path}/versions", json={}).json()
    assert (version["test_good"], version["test_bad"]) == (0, 0)
    for kind, settings in (("evaluate", {}), ("calibrate", COSTS)):
        body = {"kind": kind, "version_id": version["id"], "model_id": line.model}
        found = line.client.post(f"{line.path}/jobs", json={**body, "settings": settings})
        assert (found.status_code, found.json()["code"]) == (400, "option")
        assert "no labelled test image" in found.json()["detail"]


def test_who_may_ask_for_what(line: Line) -> None:
    people = {"quality": line.person("max", "quality"), "operator": line.person("pia", "operator")}
    check = {"kind": "check", "version_id": line.version}
    fit = {"kind": "fit", "version_id": line.version}
    allowed = {"quality": (202, 403), "operator": (403, 403)}
    for role, client in people.items():
        codes = tuple(client.post(f"{line.path}/jobs", json=b).status_code for b in (check, fit))
        assert codes == allowed[role], role
    job = line.client.post(f"{line.path}/jobs", json=fit).json()["id"]
    for client in people.values():
        assert client.delete(f"{line.path}/jobs/{job}").status_code == 403
