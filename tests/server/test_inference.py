"""Inference processes killed, hung, full, switched: a picture is judged, or refused aloud."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offspec.bundle.write import write_bundle
from offspec.fitting import fit
from offspec.images import encode_png
from offspec.jobs import inference
from offspec.jobs.inference import BusyError, LostError, Pool, RemoteError
from tests.trained import FAST, varied_part, write_normals

PICTURE = encode_png(varied_part(0, shot=7))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("inference")
    found = fit(write_normals(folder / "normal", 6), config=FAST)
    write_bundle(found, folder / "a.offspec")
    return str(folder / "a.offspec")


@pytest.fixture
def processes() -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def make(**options: Any) -> Pool:
        made.append(Pool(**options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def inspect(pool: Pool, bundle: str, meanwhile: Callable[[], None] | None = None) -> dict[str, Any]:
    head = {"op": "inspect", "bundle": bundle, "name": "part.png"}
    found, _ = pool.ask(head, PICTURE, meanwhile)
    content: dict[str, Any] = found["content"]
    return content


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended, or waiting for whoever adopted it to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(") ")[1][0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_process_loses_its_picture_aloud_and_the_next_ones_work(
    processes: Callable[..., Pool], bundle: str
) -> None:
    pool = processes()
    assert inspect(pool, bundle)["verdict"] == "ok"
    (first,) = pool.pids.values()

    def stop_and_kill() -> None:
        os.kill(first, signal.SIGKILL)

    os.kill(first, signal.SIGSTOP)  # it has the picture and does not come to look at it
    with pytest.raises(LostError):
        inspect(pool, bundle, stop_and_kill)
    assert inspect(pool, bundle)["verdict"] == "ok"
    (second,) = pool.pids.values()
    assert second != first
    assert pool.waiting == 0


def test_a_process_that_dies_idle_costs_no_picture(
    processes: Callable[..., Pool], bundle: str
) -> None:
    pool = processes()
    inspect(pool, bundle)
    for _ in range(2):
        (pid,) = pool.pids.values()
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: pid not in pool.pids.values())  # type: ignore[misc]
        assert inspect(pool, bundle)["verdict"] == "ok"


def test_a_hung_process_is_ended(
    processes: Callable[..., Pool], bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = processes()
    inspect(pool, bundle)
    (pid,) = pool.pids.values()
    monkeypatch.setattr(inference, "LIMIT_S", 1.0)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(LostError):
        inspect(pool, bundle)
    monkeypatch.undo()
    assert inspect(pool, bundle)["verdict"] == "ok"


def test_the_line_is_bounded(processes: Callable[..., Pool], bundle: str) -> None:
    pool = processes(waiting=2)
    inspect(pool, bundle)
    leave = threading.Event()
    inside = threading.Semaphore(0)

    def wait() -> None:
        inside.release()
        leave.wait(30)

    threads = [threading.Thread(target=inspect, args=(pool, bundle, wait)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=30)
    until(lambda: pool.waiting == 2)
    with pytest.raises(BusyError, match="Too many"):
        inspect(pool, bundle)
    leave.set()
    for thread in threads:
        thread.join()
    assert inspect(pool, bundle)["verdict"] == "ok"


def test_errors_keep_their_code_and_the_process_goes_on(
    processes: Callable[..., Pool], bundle: str, tmp_path: Path
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    pool = processes()
    head = {"op": "inspect", "bundle": bundle, "name": "x.png"}
    with pytest.raises(RemoteError, match=r"x\.png") as caught:
        pool.ask(head, b"no picture")
    assert caught.value.code == "image_decode"
    pids = pool.pids
    with pytest.raises(ZeroDivisionError):  # of our own side; the answer is not left behind
        inspect(pool, bundle, fail)
    assert inspect(pool, bundle)["verdict"] == "ok"
    (tmp_path / "bad.offspec").write_bytes(b"no bundle")
    with pytest.raises(RemoteError):
        pool.prepare(str(tmp_path / "bad.offspec"))
    assert inspect(pool, bundle)["verdict"] == "ok"
    assert pool.pids == pids


def test_a_new_model_is_loaded_while_the_old_one_works(
    processes: Callable[..., Pool], bundle: str, tmp_path: Path
) -> None:
    pool = processes()
    inspect(pool, bundle)
    other = tmp_path / "other.offspec"
    other.write_bytes(Path(bundle).read_bytes())
    done = threading.Event()

    def prepare() -> None:
        pool.prepare(str(other))
        done.set()

    thread = threading.Thread(target=prepare)
    thread.start()
    while not done.is_set():
        assert inspect(pool, bundle)["verdict"] == "ok"
    thread.join()
    assert inspect(pool, str(other))["verdict"] == "ok"


def test_processes_end_with_the_one_that_started_them(bundle: str) -> None:
    """However it ends: kill -9 leaves it no time to end anything."""
    code = (
        "import sys, time\n"
        "from offspec.jobs.inference import Pool\n"
        "pool = Pool(2)\n"
        "pool.start()\n"
        "while len(pool.pids) < 2: time.sleep(0.05)\n"
        "print(*pool.pids.values(), flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) == 2
    owner.kill()
    owner.wait(10)
    owner.stdout.close()
    until(lambda: all(gone(pid) for pid in pids), 20)
