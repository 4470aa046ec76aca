"""Inference in processes of its own: a bounded line before them, started again when they die.

A picture that there is no room for is refused at the door (``BusyError``): a sender that is told to
come again knows where it stands. One whose process dies under it is refused in the same way; the
next pictures go to the other processes and to its successor.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from offspec.errors import JobError, OffspecError
from offspec.jobs.frames import read_frame, write_frame

_LOG = logging.getLogger("offspec.inference")
LIMIT_S = 60.0
"""A picture that takes longer has hung its process, which is ended."""
WATCH_S = 0.5
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # of fcntl, on Linux


class BusyError(JobError):
    """No process can take this picture now."""

    code = "busy"


class LostError(BusyError):
    """The process ended under its picture."""


class RemoteError(OffspecError):
    """An error of an inference process, with its code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc] # of the error that was raised there


class Process:
    """One inference process and its two pipes; used by one thread at a time.

    Args:
        threads: CPU threads of one inference.
        bundles: Loaded before it takes pictures.
    """

    def __init__(self, threads: int, bundles: list[str]) -> None:
        command = [sys.executable, "-m", "offspec.jobs.inference_worker", str(threads), *bundles]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        assert self._process.stdout is not None  # noqa: S101
        self._to, self._from = self._process.stdin, self._process.stdout
        _widen(self._to.fileno())
        self.pid = self._process.pid
        self.begun_s = 0.0  # of a message that is not answered yet, monotonic; 0 = none

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def hear(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a message.

        Raises:
            LostError: It ended.
        """
        found = read_frame(self._from)
        if found is None:
            raise LostError("The process that looked at this picture ended. Send it again shortly.")
        return found

    def ask(
        self, head: Mapping[str, Any], data: bytes, meanwhile: Callable[[], None] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Send a message and wait for its answer; ``meanwhile`` runs while it is worked on.

        Raises:
            LostError: It ended.
        """
        self.begun_s = time.monotonic()
        with suppress(BrokenPipeError):  # hearing says so
            write_frame(self._to, head, data)
        try:
            if meanwhile is not None:
                meanwhile()
        finally:
            answer = self.hear()
            self.begun_s = 0.0
        return answer

    def kill(self) -> None:
        """End it; who waits for its answer hears so."""
        self._process.kill()

    def end(self) -> None:
        """End it and close its pipes."""
        self._process.kill()
        self._process.wait()
        for stream in (self._to, self._from):
            with suppress(BrokenPipeError):
                stream.close()


class _Ticket:
    """A place in the line, for one certain process or any."""

    def __init__(self, wanted: Process | None) -> None:
        self.wanted = wanted
        self.process: Process | None = None

    def takes(self, process: Process) -> bool:
        """Whether this process would do."""
        return self.process is None and self.wanted in (None, process)


class Pool:
    """Some inference processes and the line before them; started when first used.

    Args:
        count: Processes.
        waiting: Pictures let in at a time, those worked on among them.
        threads: CPU threads of one inference.
    """

    def __init__(self, count: int = 1, waiting: int = 16, threads: int = 1) -> None:
        self._count, self._threads, self._most = count, threads, waiting
        self._changed = threading.Condition()
        self._all: list[Process] = []
        self._idle: list[Process] = []
        self._line: list[_Ticket] = []
        self._inside = 0
        self._latest: str | None = None  # bundle that a new process loads first
        self._stopped = threading.Event()
        self._started = False

    @property
    def waiting(self) -> int:
        """Pictures in work or in line."""
        return self._inside

    @property
    def pids(self) -> dict[str, int]:
        """Of the processes, by name."""
        with self._changed:
            return {f"inspector {i}": one.pid for i, one in enumerate(self._all)}

    def start(self) -> None:
        """Start the processes, once; returns at once."""
        with self._changed:
            if self._started:
                return
            self._started = True
        for _ in range(self._count):
            threading.Thread(target=self._add, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """End the processes; pictures in work are refused."""
        self._stopped.set()
        with self._changed:
            ended, self._all, self._idle = self._all, [], []
            self._changed.notify_all()
        for one in ended:
            one.end()

    def ask(
        self, head: Mapping[str, Any], data: bytes, meanwhile: Callable[[], None] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Let a process answer; ``meanwhile`` runs while it works.

        Raises:
            BusyError: Too many wait, or the process ended.
            RemoteError: It could not be done.
        """
        with self._door(), self._seat() as process:
            self._latest = head.get("bundle", self._latest)
            found, body = process.ask(head, data, meanwhile)
        _check(found)
        return found, body

    def prepare(self, bundle: str) -> None:
        """Load a bundle in every process while they go on with others.

        Raises:
            BusyError: It takes too long.
            RemoteError: It cannot be loaded.
        """
        self.start()
        self._latest = bundle
        until = time.monotonic() + LIMIT_S
        with self._changed:
            everyone = list(self._all)
        for one in everyone:
            self._tell(one, {"op": "load", "bundle": bundle})
        for one in everyone:
            while not self._tell(one, {"op": "is_ready", "bundle": bundle}).get("ready", True):
                if time.monotonic() > until:
                    raise BusyError("The model could not be made ready in time. Try again.")
                time.sleep(0.02)

    def _tell(self, process: Process, head: Mapping[str, Any]) -> dict[str, Any]:
        """Ask one certain process; one that is gone meanwhile answers nothing."""
        try:
            with self._seat(process) as one:
                found, _ = one.ask(head, b"")
        except LostError:
            return {}
        _check(found)
        return found

    @contextmanager
    def _door(self) -> Iterator[None]:
        with self._changed:
            if self._inside >= self._most:
                raise BusyError(
                    "Too many pictures wait for inspection. Send this one again shortly."
                )
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1

    @contextmanager
    def _seat(self, wanted: Process | None = None) -> Iterator[Process]:
        """A process that has nothing to do; back in the line afterwards, or replaced."""
        process = self._take(wanted)
        try:
            yield process
        finally:
            if process.begun_s:  # an answer may be under way, which nobody else may read
                self._drop(process)
            else:
                self._put_back(process)

    def _put_back(self, process: Process) -> None:
        with self._changed:
            if process in self._all:
                self._idle.append(process)
            self._changed.notify_all()

    def _take(self, wanted: Process | None) -> Process:
        """Wait for a process in the order of coming: who has just put one back does not overtake.

        Raises:
            LostError: The wanted one is gone.
            BusyError: None came.
        """
        self.start()
        ticket = _Ticket(wanted)
        with self._changed:
            self._line.append(ticket)
            try:
                self._changed.wait_for(lambda: self._served(ticket), LIMIT_S)
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            if ticket.process is None:
                raise BusyError("No inference process is ready. Send the picture again.")
            return ticket.process

    def _served(self, ticket: _Ticket) -> bool:
        """Whether it is this one's turn, which then has its process."""
        if self._stopped.is_set() or (ticket.wanted and ticket.wanted not in self._all):
            raise LostError("The inference process was ended. Send the picture again.")
        before = self._line[: self._line.index(ticket)]
        for one in self._idle[::-1]:  # the last one used is the warmest
            if ticket.takes(one) and one.alive and not any(b.takes(one) for b in before):
                self._idle.remove(one)
                ticket.process = one
                return True
        return False

    def _drop(self, process: Process) -> None:
        """Put another in the place of one."""
        with self._changed:
            if process not in self._all:
                return
            self._all.remove(process)
            if process in self._idle:
                self._idle.remove(process)
            self._changed.notify_all()
        process.end()
        threading.Thread(target=self._add, daemon=True).start()

    def _add(self) -> None:
        """Start a process; tried again, more and more slowly, until it is there."""
        pause_s = 0.2
        while not self._stopped.is_set():
            latest = self._latest
            process = Process(self._threads, [] if latest is None else [latest])
            try:
                process.hear()
            except LostError:
                process.end()
                _LOG.exception("an inference process did not start")
                self._latest = None  # it may be that bundle
                self._stopped.wait(pause_s)
                pause_s = min(10.0, 2 * pause_s)
                continue
            with self._changed:
                if not self._stopped.is_set():
                    self._all.append(process)
                    self._idle.append(process)
                    self._changed.notify_all()
                    return
            process.end()

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_S):
            with self._changed:
                idle, everyone = list(self._idle), list(self._all)
            for one in idle:
                if not one.alive:
                    _LOG.error("inference process %s ended", one.pid)
                    self._drop(one)
            for one in everyone:
                if one.begun_s and time.monotonic() - one.begun_s > LIMIT_S:
                    _LOG.error("inference process %s hangs and is ended", one.pid)
                    one.kill()


def _check(found: Mapping[str, Any]) -> None:
    if "error" in found:
        raise RemoteError(found["error"]["code"], found["error"]["message"])


def _widen(file: int) -> None:
    """Let the pipe hold a whole picture, so that it is handed over at once."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not everywhere

        with suppress(OSError):
            fcntl.fcntl(file, _SET_PIPE_SIZE, _PIPE_BYTES)
