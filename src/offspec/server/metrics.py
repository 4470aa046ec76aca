"""Figures for Prometheus: requests, inspections, queue, jobs, memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Of one server; counts begin at its start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "offspec_requests", "Requests", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "offspec_request_seconds", "Duration of requests", ["method", "route"],
            buckets=_BUCKETS_S, registry=self._registry,
        )  # fmt: skip
        self._inspections = Counter(
            "offspec_inspections", "Inspections", ["verdict"], registry=self._registry
        )
        self._waiting = Gauge(
            "offspec_inspections_waiting", "Pictures in work or in line", registry=self._registry
        )
        self._jobs = Gauge("offspec_jobs", "Jobs by state", ["state"], registry=self._registry)
        self._memory = Gauge(
            "offspec_resident_bytes", "Resident memory", ["process"], registry=self._registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is its template, so that ids make no new series."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def inspection(self, verdict: str) -> None:
        """Count an inspection that was stored."""
        self._inspections.labels(verdict).inc()

    def text(self, waiting: int, jobs: Mapping[str, int], pids: Mapping[str, int]) -> bytes:
        """All figures in Prometheus' text format.

        Args:
            waiting: Pictures in work or in line.
            jobs: Jobs by state.
            pids: Processes besides this one, by name.
        """
        self._waiting.set(waiting)
        for state in JOB_STATES:
            self._jobs.labels(state).set(jobs.get(state, 0))
        self._memory.clear()
        for name, pid in {"server": os.getpid(), **pids}.items():
            self._memory.labels(name).set(resident_bytes(pid))
        return generate_latest(self._registry)


def resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
