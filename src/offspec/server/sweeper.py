"""A thread of the server that removes pictures whose time is over: at its start, then hourly."""

from __future__ import annotations

import logging
import threading

from offspec.store import upkeep
from offspec.store.blobs import BlobStore
from offspec.store.database import Database

_LOG = logging.getLogger("offspec.sweeper")
EVERY_S = 3600.0


class Sweeper:
    """Sweeps now and then.

    Args:
        database: With the inspections, and for how long their pictures are kept.
        blobs: With the pictures.
        every_s: Seconds between two sweeps.
    """

    def __init__(self, database: Database, blobs: BlobStore, every_s: float = EVERY_S) -> None:
        self._database, self._blobs, self._every_s = database, blobs, every_s
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
        while True:
            try:
                count = upkeep.sweep(self._database, self._blobs)
            except Exception:  # noqa: BLE001 - the next one may work; this one is in the log
                _LOG.exception("sweep")
            else:
                if count:
                    _LOG.info("pictures of %s inspections were removed", count)
            if self._stop.wait(self._every_s):
                return
