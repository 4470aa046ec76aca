"""What was looked up a moment ago, until anything changes.

Forgotten with every change that this server makes, so that a revoked right ends at once, and after
a second in any case, for changes by others.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

from offspec.store.database import Database

LONGEST_S = 1.0
MOST = 1000
T = TypeVar("T")


class Remembered(Generic[T]):
    """Values by key; the longest kept leave first.

    Args:
        database: Whose changes make it forget.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[int, float, T]] = OrderedDict()

    @property
    def generation(self) -> int:
        """To be read before a value is looked up."""
        return self._database.generation

    def get(self, key: str) -> T | None:
        """A value that still holds."""
        found = self._known.get(key)
        if found is None:
            return None
        generation, at, value = found
        fresh = time.monotonic() - at < LONGEST_S
        return value if fresh and generation == self._database.generation else None

    def keep(self, key: str, generation: int, value: T) -> None:
        """Remember a value as of a generation."""
        self._known[key] = (generation, time.monotonic(), value)
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
