"""Keep a model ready between rare images."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

IDLE_S = 0.5


class KeepWarm:
    """Calls a method of an object in the background whenever it was idle for ``IDLE_S``.

    Args:
        run: A bound method; its object is not kept alive.
    """

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = weakref.WeakMethod(run)
        self._last = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="offspec-warm", daemon=True)
        self._thread.start()

    def used(self) -> None:
        """Say that the object has just worked."""
        self._last = time.monotonic()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(IDLE_S):
            run = self._run()
            if run is None:
                return
            if time.monotonic() - self._last >= IDLE_S:
                run()
