"""Worker processes on this machine: started, watched, and started again."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from offspec.store import job_queue
from offspec.store.database import Database

_LOG = logging.getLogger("offspec.jobs")
WATCH_S = 1.0


class Crew:
    """Keeps a number of workers alive.

    Args:
        database: Its URL goes to the workers; jobs of ended ones are failed here.
        store: URL of images and bundles.
        work: Folder of these workers alone, for what they write meanwhile. It is emptied at the
            start: a job that was killed cannot clear up the pictures that it had laid out.
        count: Workers.
    """

    def __init__(self, database: Database, store: str, work: Path, count: int = 1) -> None:
        self._database, self._store, self._count = database, store, count
        self._work = work
        self._workers: dict[subprocess.Popen[bytes], Path] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def pids(self) -> list[int]:
        """Of the workers that live."""
        return [one.pid for one in list(self._workers) if one.poll() is None]

    def start(self) -> None:
        """Start all; returns at once."""
        _remove(self._work)
        self._thread.start()

    def stop(self) -> None:
        """End all; their jobs fail and say so."""
        self._stop.set()
        self._thread.join()
        for one in self._workers:
            one.terminate()
        for one in self._workers:
            one.wait(timeout=10)
        _remove(self._work)

    def _watch(self) -> None:
        while not self._stop.wait(0 if not self._workers else WATCH_S):
            for ended in [one for one in self._workers if one.poll() is not None]:
                _remove(self._workers.pop(ended))
            while len(self._workers) < self._count:
                self._spawn()
            self._fail_lost()

    def _fail_lost(self) -> None:
        try:
            with self._database.write() as db:
                lost = job_queue.fail_lost(db)
        except Exception:  # noqa: BLE001 - the database may be back a second later
            _LOG.exception("lost jobs could not be looked for")
            return
        for job_id in lost:
            _LOG.warning("job %s was lost with its worker", job_id)

    def _spawn(self) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._work))
        command = [sys.executable, "-m", "offspec.jobs.worker"]
        command += ["--database", self._database.url, "--store", self._store]
        command += ["--parent", str(os.getpid())]
        environment = {**os.environ, "TMPDIR": str(folder)}
        started = subprocess.Popen(command, env=environment)  # noqa: S603 - our own program
        self._workers[started] = folder


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
