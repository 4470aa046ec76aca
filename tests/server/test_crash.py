"""The server is killed in the middle of work; what it acknowledged is there afterwards."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from offspec.annotations import Annotation
from offspec.images import encode_png
from tests.server.test_inference import gone
from tests.server.test_jobs import job_of, submit, until
from tests.server.test_labelling import SIZE_WH, good, say, upload
from tests.synth import part_image


class Running:
    """A real server process on a free port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "offspec.cli", "serve"]
        command += ["--data", str(self.data), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = ""
        while "http://" not in said:
            said += self.process.stdout.readline()
        found = re.search(r"^  ([0-9a-f-]{20,})$", said, re.MULTILINE)
        self.password = found.group(1) if found else None
        for _ in range(200):
            try:
                httpx.get(f"{self.url}/health/ready", timeout=5).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server does not answer")

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def kill(self) -> None:
        """As a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> None:
        """End the process and close its pipe."""
        self.process.send_signal(how)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def children(self) -> list[int]:
        """Its processes."""
        own = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for file in own for pid in file.read_text(encoding="ascii").split()]


def sign_in(url: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=url, timeout=20)
    found = client.post("/session", json={"name": "admin", "password": password})
    client.headers["x-csrf-token"] = found.json()["csrf"]
    return client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # cut connections
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    server = Running(tmp_path / "data")
    assert server.password is not None
    client = sign_in(server.url, server.password)
    project = client.post("/projects", json={"name": "cap"}).json()["id"]
    acknowledged: list[list[dict[str, Any]]] = [[], [], []]
    stop = threading.Event()

    def upload(mine: httpx.Client, number: int) -> None:
        with contextlib.closing(mine), contextlib.suppress(httpx.TransportError):
            for seed in itertools.count(1_000_000 * number):
                if stop.is_set():
                    return
                files = [("files", (f"{seed}.png", encode_png(part_image(seed))))]
                found = mine.post(f"/projects/{project}/images", files=files)
                acknowledged[number].extend(one["image"] for one in found.json())

    password = server.password
    threads = [
        threading.Thread(target=upload, args=(sign_in(server.url, password), number))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    until(lambda: min(map(len, acknowledged)) > 5)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    client.close()
    server.start()
    try:
        assert server.password is None  # no second administrator
        client = sign_in(server.url, password)
        listed: dict[str, str] = {}
        after: dict[str, str] = {}
        while True:
            page = client.get(f"/projects/{project}/images", params={"limit": 500, **after}).json()
            listed.update({one["id"]: one["sha256"] for one in page["items"]})
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        promised = list(itertools.chain(*acknowledged))
        assert {one["id"] for one in promised} <= set(listed)
        for one in promised:
            assert listed[one["id"]] == one["sha256"]
            path = f"/projects/{project}/images/{one['id']}/file"
            assert client.get(path).status_code == 200
        assert client.get("/audit/verify").json()["broken_at"] is None
    finally:
        client.close()
        server.end(signal.SIGTERM)


class Line(threading.Thread):
    """Sends pictures, and judges what came of some, until the server is gone."""

    def __init__(self, server: Running, project: str, token: str, number: int) -> None:
        super().__init__()
        self.client = httpx.Client(base_url=server.url, timeout=20)
        self.client.headers["authorization"] = f"Bearer {token}"
        self.path, self.number = f"/projects/{project}", number
        self.sent: dict[str, dict[str, Any]] = {}
        self.judged: dict[str, str] = {}

    def run(self) -> None:
        """Until the connection is cut."""
        with contextlib.suppress(httpx.TransportError):
            for count in range(100_000):
                key = f"{self.number}-{count}"
                found = self.send(key)
                if found.status_code != 201:
                    assert found.status_code == 503, found.text
                    continue
                self.sent[key] = found.json()
                if count % 3 == 0:
                    self.judge(found.json()["id"], "ng" if count % 2 else "ok")

    def send(self, key: str) -> httpx.Response:
        """One picture."""
        number = sum(map(ord, key)) + 1000 * self.number
        return self.client.post(
            f"{self.path}/inspect",
            content=encode_png(part_image(number)),
            params={"line": str(self.number), "part_id": key},
            headers={"idempotency-key": key, "content-type": "application/octet-stream"},
        )

    def judge(self, id_: str, decision: str) -> None:
        """A review, which a person makes with the rights of the token."""
        body = {"decision": decision, "reason": "seen"}
        found = self.client.put(f"{self.path}/inspections/{id_}/review", json=body)
        if found.status_code == 200:
            self.judged[id_] = decision


def fitted(client: Any, project: str) -> str:
    """A dataset version with an approved model."""
    images = upload(client, project, *range(10))
    for image in images[:9]:
        say(client, project, image, good())
    say(client, project, images[9], Annotation("x", SIZE_WH, {"": "ng"}))
    version = str(client.post(f"/api/v1/projects/{project}/versions", json={}).json()["id"])
    job = submit(client, project, version)
    until(lambda: job_of(client, project, job)["state"] == "done", 120)
    (model,) = client.get(f"/api/v1/projects/{project}/models").json()
    path = f"/api/v1/projects/{project}/models/{model['id']}/approve"
    assert client.post(path).status_code == 200
    return version


def running_job(client: Any, project: str, version: str) -> dict[str, Any]:
    """A job that is at work; a quick one may end before it is seen, then another is submitted."""
    while True:
        job = submit(client, project, version)
        state = "queued"
        while state == "queued":
            state = job_of(client, project, job)["state"]
        if state == "running":
            return job


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # cut connections
def test_lines_reviews_and_jobs_survive_a_kill(tmp_path: Path) -> None:
    server = Running(tmp_path / "data")
    password = str(server.password)
    root = f"http://127.0.0.1:{server.port}"
    client: Any = sign_in(server.url, password)
    project = client.post("/projects", json={"name": "cap"}).json()["id"]
    client.base_url = httpx.URL(root)
    version = fitted(client, project)
    asked = {"name": "line", "scope": "project"}  # reviews too
    made = client.post(f"/api/v1/projects/{project}/tokens", json=asked).json()
    lines = [Line(server, project, made["token"], number) for number in range(3)]
    for line in lines:
        line.start()
    until(lambda: sum(len(line.judged) for line in lines) > 10)
    job = running_job(client, project, version)
    children = server.children()
    assert len(children) >= 2
    server.kill()
    for line in lines:
        line.join(60)
    client.close()
    until(lambda: all(gone(pid) for pid in children), 20)
    sent = {key: one for line in lines for key, one in line.sent.items()}
    judged = {id_: word for line in lines for id_, word in line.judged.items()}
    server.start()
    try:
        client = sign_in(server.url, password)
        client.base_url = httpx.URL(root)
        path = f"/api/v1/projects/{project}/inspections"
        for key, one in sent.items():
            (found,) = client.get(path, params={"part_id": key}).json()["items"]  # exactly once
            assert found["id"] == one["id"]
            if one["id"] in judged:
                assert (found["review"], found["reason"]) == (judged[one["id"]], "seen")
            picture = client.get(f"{path}/{one['id']}/picture", params={"kind": "captured"})
            assert picture.status_code == 200
        key = next(iter(sent))
        again = Line(server, project, made["token"], int(key[0])).send(key)
        assert again.json()["id"] == sent[key]["id"]
        until(lambda: job_of(client, project, job)["state"] == "failed", 40)
        assert job_of(client, project, job)["error"]["code"] == "worker_lost"
        assert client.get("/api/v1/audit/verify").json()["broken_at"] is None
        log = client.get("/api/v1/audit", params={"action": "inspection.review", "limit": 500})
        assert {one["object_id"] for one in log.json()["items"]} >= set(judged)
        next_job = submit(client, project, version)
        until(lambda: job_of(client, project, next_job)["state"] == "done", 120)
    finally:
        client.close()
        server.end(signal.SIGTERM)
