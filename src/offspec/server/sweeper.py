"""A thread of the server that removes what nobody needs: at its start, then hourly or daily."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from offspec.store import unnamed, upkeep
from offspec.store.blobs import BlobStore
from offspec.store.database import Database

_LOG = logging.getLogger("offspec.sweeper")
EVERY_S = 3600.0
DAILY = 24
"""Every so many sweeps the whole store is looked through."""


class Sweeper:
    """Sweeps now and then.

    Args:
        database: With the inspections, and for how long their pictures are kept.
        blobs: With the pictures.
        ready: Folder of the bundles that inspecting processes read.
        every_s: Seconds between two sweeps.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, ready: Path, every_s: float = EVERY_S
    ) -> None:
        self._database, self._blobs, self._ready = database, blobs, ready
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while True:
            _try("pictures of inspections", lambda: upkeep.sweep(self._database, self._blobs))
            if number % DAILY == 0:
                _try("unnamed blobs", self._sweep_unnamed)
            _try("bundles laid ready", lambda: unnamed.sweep_ready(self._database, self._ready))
            number += 1
            if self._stop.wait(self._every_s):
                return

    def _sweep_unnamed(self) -> int:
        return unnamed.sweep_unnamed(self._database, self._blobs, self._stop.is_set)


def _try(what: str, sweep: Callable[[], int]) -> None:
    try:
        count = sweep()
    except Exception:  # noqa: BLE001 - the next one may work; this one is in the log
        _LOG.exception("sweep of %s", what)
    else:
        if count:
            _LOG.info("%s removed: %s", what, count)
