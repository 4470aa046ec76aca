"""How far a job is and what it says of itself, written while the work goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from offspec.store import job_queue
from offspec.store.database import Database

_LOG = logging.getLogger("offspec.worker")
BEAT_S = 1.0


class CancelledError(Exception):
    """Somebody asked to stop, or the job was given up on."""


class Pulse:
    """Tells how far a job is, once a ``BEAT_S``, also while a step takes long.

    Args:
        database: Where the job is.
        job_id: Which.
        worker: Whose it is.
    """

    def __init__(self, database: Database, job_id: str, worker: str) -> None:
        self._database, self._job_id, self._worker = database, job_id, worker
        self._at: tuple[str, int, int] = ("", 0, 1)
        self._stopped = threading.Event()
        self._cancelled = False
        self._lock = threading.Lock()
        self._lines: list[tuple[float, str]] = []

    def tell(self, step: str, done: int, total: int) -> None:
        """Progress of the work; a step that begins is a line of the log.

        Raises:
            CancelledError: Stop.
        """
        if step != self._at[0]:
            self.say(f"{step}: {total} to do" if total > 1 else step)
        self._at = (step, done, total)
        if self._cancelled:
            raise CancelledError

    def say(self, words: str) -> None:
        """A line for the log, written with the next beat."""
        with self._lock:
            self._lines.append((time.time(), words))

    def unsaid(self) -> list[tuple[float, str]]:
        """Lines that are not written yet; they are the caller's to write now."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the work goes on."""
        thread = threading.Thread(target=self._beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _beat(self) -> None:
        while True:
            lines = self.unsaid()
            try:
                with self._database.write() as db:
                    alive = job_queue.beat(db, self._job_id, self._worker, *self._at)
                    job_queue.log(db, self._job_id, lines)
                self._cancelled |= not alive
            except Exception:  # noqa: BLE001 - the database may be back with the next beat
                _LOG.exception("beat", extra={"job": self._job_id})
                with self._lock:
                    self._lines = lines + self._lines
            if self._stopped.wait(BEAT_S):
                return
