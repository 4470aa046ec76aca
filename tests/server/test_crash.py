"""The server is killed in the middle of work; what it acknowledged is there afterwards."""

from __future__ import annotations

import contextlib
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

from offspec.images import encode_png
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
    acknowledged: list[dict[str, Any]] = []
    stop = threading.Event()

    def upload(first: int) -> None:
        with contextlib.closing(sign_in(server.url, str(password))) as mine:
            for seed in range(first, first + 100_000):
                if stop.is_set():
                    return
                files = [("files", (f"{seed}.png", encode_png(part_image(seed))))]
                try:
                    found = mine.post(f"/projects/{project}/images", files=files)
                except httpx.TransportError:
                    return
                acknowledged.extend(one["image"] for one in found.json())

    password = server.password
    threads = [threading.Thread(target=upload, args=(1_000_000 * n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(2.5)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    client.close()
    assert len(acknowledged) > 20
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
        assert {one["id"] for one in acknowledged} <= set(listed)
        for one in acknowledged:
            assert listed[one["id"]] == one["sha256"]
            path = f"/projects/{project}/images/{one['id']}/file"
            assert client.get(path).status_code == 200
        assert client.get("/audit/verify").json()["broken_at"] is None
    finally:
        client.close()
        server.end(signal.SIGTERM)
