"""Long work: done by real workers, watched, cancelled, and lost without a trace of a model."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from offspec.annotations import Annotation
from offspec.jobs.local import Crew
from offspec.jobs.pulse import Pulse
from offspec.jobs.worker import Worker
from offspec.runtime import Inspector
from offspec.store import job_queue
from offspec.store.models import JobRow
from tests.server.conftest import Server
from tests.server.test_labelling import SIZE_WH, good, say, template, upload
from tests.synth import part_image

FAST = {"data": {"kind": "object", "resolution": "fast", "align": "none"}}


@pytest.fixture
def version(engineer: TestClient, project: str) -> str:
    """Nine normals and a bad image, frozen."""
    images = upload(engineer, project, *range(10))
    for image in images[:9]:
        say(engineer, project, image, good())
    say(engineer, project, images[9], Annotation("x", SIZE_WH, {"": "ng"}))
    found = engineer.post(f"/api/v1/projects/{project}/versions", json={})
    assert found.status_code == 201, found.text
    return str(found.json()["id"])


def submit(client: TestClient, project: str, version: str, **more: Any) -> dict[str, Any]:
    settings = FAST if more.get("kind", "fit") == "fit" else {}
    body = {"kind": "fit", "version_id": version, "settings": settings, **more}
    found = client.post(f"/api/v1/projects/{project}/jobs", json=body)
    assert found.status_code == 202, found.text
    job: dict[str, Any] = found.json()
    return job


def job_of(client: TestClient, project: str, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/projects/{project}/jobs/{job['id']}").json()
    return found


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def worker(server: Server) -> Worker:
    return Worker(server.services.database, server.services.blobs, "here:1")


def test_fit_check_and_evaluate_to_a_model_that_inspects(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    reference = engineer.get(f"/api/v1/projects/{project}/images").json()["items"][0]
    body = {"reference_id": reference["id"], "content": template(reference)}
    drawn = engineer.put(f"/api/v1/projects/{project}/template", json=body).json()["id"]
    fitted = submit(engineer, project, version, template_id=drawn)
    checked = submit(engineer, project, version, kind="check", settings={})
    here = worker(server)
    assert here.run_one()
    assert here.run_one()
    assert not here.run_one()
    fitted = job_of(engineer, project, fitted)
    assert (fitted["state"], fitted["error"]) == ("done", None)
    assert job_of(engineer, project, checked)["result"]["dataset"]["normals"] == 8
    (model,) = engineer.get(f"/api/v1/projects/{project}/models").json()
    assert model["id"] == fitted["result"]["model_id"]
    assert model["version_id"] == version
    assert model["summary"]["threshold"]["status"] == "extrapolated"
    data = engineer.get(f"/api/v1/projects/{project}/models/{model['id']}/bundle").content
    path = server.services.settings.data / "x.offspec"
    path.write_bytes(data)
    inspection = Inspector(path).inspect(part_image(50, defect="blot"))
    assert inspection.verdict == "ng"
    measured = submit(engineer, project, version, kind="evaluate", model_id=model["id"])
    assert here.run_one()
    found = job_of(engineer, project, measured)
    assert found["result"]["images_tested"] == {"normal": 1, "defect": 1}


def test_approval_and_roll_back(
    server: Server, engineer: TestClient, admin: TestClient, project: str, version: str
) -> None:
    here = worker(server)
    for seed in (0, 1):
        submit(engineer, project, version, settings={**FAST, "system": {"seed": seed}})
        assert here.run_one()
    second, first = engineer.get(f"/api/v1/projects/{project}/models").json()
    path = f"/api/v1/projects/{project}/models"

    def approved() -> list[str]:
        return [m["id"] for m in engineer.get(path).json() if m["approved"]]

    assert approved() == []
    for model in (first, second, first):
        assert engineer.post(f"{path}/{model['id']}/approve").status_code == 200
        assert approved() == [model["id"]]
    log = admin.get("/api/v1/audit", params={"action": "model.approve"}).json()["items"]
    assert [e["new"]["model"] for e in log] == [first["id"], second["id"], first["id"]]
    operator = server.person("pia", "operator")
    assert operator.post(f"{path}/{second['id']}/approve").status_code in (403, 404)


def test_faults_of_the_data_are_told(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    settings = {"model": {"detector": "autoencoder"}, **FAST}
    job = submit(engineer, project, version, settings=settings)
    assert worker(server).run_one()
    found = job_of(engineer, project, job)
    assert found["state"] == "failed"
    assert found["error"]["code"] == "dataset"
    assert engineer.get(f"/api/v1/projects/{project}/models").json() == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "fit", "version_id": "nobody"},
        {"kind": "evaluate"},
        {"kind": "fit", "settings": {"model": {"detector": "magic"}}},
        {"kind": "fit", "settings": {"nonsense": 1}},
        {"kind": "dance"},
    ],
)
def test_bad_requests_make_no_job(
    engineer: TestClient, project: str, version: str, body: dict[str, Any]
) -> None:
    found = engineer.post(f"/api/v1/projects/{project}/jobs", json={"version_id": version, **body})
    assert found.status_code in (400, 404, 422)
    assert engineer.get(f"/api/v1/projects/{project}/jobs").json() == []


def test_a_waiting_job_is_cancelled_at_once_and_an_ended_one_not(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    job = submit(engineer, project, version)
    path = f"/api/v1/projects/{project}/jobs/{job['id']}"
    assert engineer.delete(path).json()["state"] == "cancelled"
    assert not worker(server).run_one()
    assert engineer.delete(path).status_code == 409


def test_a_job_is_taken_by_one_worker(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    submit(engineer, project, version)
    database = server.services.database
    taken = []
    for name in ("a", "b"):
        with database.write() as db:
            taken.append(job_queue.claim(db, name))
    assert taken[0] is not None
    assert taken[1] is None


def test_a_log_takes_long_texts_in_pieces_and_ends_somewhere(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    job = submit(engineer, project, version)
    path = f"/api/v1/projects/{project}/jobs/{job['id']}/log"
    assert engineer.get(path).json() == {"lines": []}
    with server.services.database.write() as db:
        job_queue.log(db, job["id"], [(1.0, "a" * 900), (2.0, "b")])
    with server.services.database.write() as db:
        job_queue.log(db, job["id"], [(3.0, "c")])
    lines = engineer.get(path).json()["lines"]
    assert [(one["time_s"], len(one["text"])) for one in lines] == [
        (1.0, 400), (1.0, 400), (1.0, 100), (2.0, 1), (3.0, 1),
    ]  # fmt: skip
    with server.services.database.write() as db:
        for number in range(30):
            job_queue.log(db, job["id"], [(4.0, f"{number}")] * 100)
        job_queue.log(db, job["id"], [(5.0, "the disk is full")])
    said = [line["text"] for line in engineer.get(path).json()["lines"]]
    first, last = job_queue.FIRST_LINES, job_queue.LAST_LINES
    assert len(said) == first + 1 + last
    assert said[: len(lines)] == [line["text"] for line in lines]
    assert said[-1] == "the disk is full"
    left_out = len(lines) + 3001 - first - last
    assert said[first] == f"... {left_out} lines of this log were left out ..."


def test_a_lost_worker_fails_its_job_and_cannot_finish_it_later(
    server: Server, engineer: TestClient, project: str, version: str
) -> None:
    job = submit(engineer, project, version)
    database = server.services.database
    with database.write() as db:
        job_queue.claim(db, "gone")
    with database.write() as db:
        assert job_queue.fail_lost(db) == []
        assert job_queue.fail_lost(db, time.time() + 60) == [job["id"]]
    with database.write() as db:
        assert not job_queue.finish(db, job["id"], "gone", "done", result={})
        assert not job_queue.beat(db, job["id"], "gone", "x", 0, 1)
    found = job_of(engineer, project, job)
    assert (found["state"], found["error"]["code"]) == ("failed", "worker_lost")
    log = engineer.get(f"/api/v1/projects/{project}/jobs/{job['id']}/log").json()["lines"]
    assert "was ended" in log[-1]["text"]


def test_a_beat_that_fails_is_made_up_for(
    server: Server, engineer: TestClient, project: str, version: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = submit(engineer, project, version)
    with server.services.database.write() as db:
        assert job_queue.claim(db, "here:1")
    real, calls = job_queue.beat, []

    def fails_once(*args: Any) -> bool:
        calls.append(args)
        if len(calls) == 1:
            raise OSError("the database is away")
        return real(*args)

    monkeypatch.setattr(job_queue, "beat", fails_once)
    monkeypatch.setattr("offspec.jobs.pulse.BEAT_S", 0.05)
    pulse = Pulse(server.services.database, job["id"], "here:1")
    pulse.say("half done")
    with pulse.beating():
        until(lambda: len(calls) > 2)
    log = engineer.get(f"/api/v1/projects/{project}/jobs/{job['id']}/log").json()["lines"]
    assert [line["text"] for line in log] == ["half done"]


@pytest.mark.slow
def test_a_killed_process_leaves_a_failed_job_and_the_next_one_works(
    server: Server, engineer: TestClient, project: str, version: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(job_queue, "LOST_AFTER_S", 3.0)
    work = server.services.settings.data / "work"
    (work / "left" / "by a killed server").mkdir(parents=True)
    crew = Crew(server.services.database, server.services.settings.store_url, work)
    crew.start()
    try:
        job = submit(engineer, project, version)
        until(lambda: job_of(engineer, project, job)["state"] == "running")
        (before,) = work.iterdir()
        for pid in crew.pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: job_of(engineer, project, job)["state"] in ("failed", "done"))
        first = job_of(engineer, project, job)
        models = engineer.get(f"/api/v1/projects/{project}/models").json()
        assert (first["state"], len(models)) in (("failed", 0), ("done", 1))
        again = submit(engineer, project, version)
        until(lambda: job_of(engineer, project, again)["state"] == "done")
        (now,) = work.iterdir()
        assert now != before
    finally:
        crew.stop()
    assert not work.exists()
    with server.services.database.read() as db:
        assert db.query(JobRow).filter_by(state="running").count() == 0
