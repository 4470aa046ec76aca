"""Decoded pictures that are looked at just now, within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from offspec.browser_pictures import Pyramid, pyramid
from offspec.images import decode_image
from offspec.overlays import to_eight_bits

MOST_BYTES = 768 << 20


class Pyramids:
    """Pyramids by the hash of their image; safe to share between threads.

    A picture that alone is larger than the limit is kept alone: the next one pushes it out.

    Args:
        most_bytes: Kept in all.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Pyramid] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    @property
    def kept_bytes(self) -> int:
        """Kept now."""
        with self._lock:
            return sum(map(_size, self._kept.values()))

    def get(self, sha256: str, load: Callable[[], bytes]) -> Pyramid:
        """The pyramid of an image; several who ask at once wait for one decoding.

        Args:
            sha256: Of the image's bytes.
            load: Gives these, where they are needed.

        Raises:
            ImageDecodeError: As for ``images.decode_image``.
        """
        with self._lock:
            turn = self._making.setdefault(sha256, threading.Lock())
        try:
            with turn:
                found = self._known(sha256)
                if found is None:
                    found = pyramid(to_eight_bits(decode_image(load())))
                    self._keep(sha256, found)
                return found
        finally:
            with self._lock:
                self._making.pop(sha256, None)

    def _known(self, sha256: str) -> Pyramid | None:
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
            return self._kept.get(sha256)

    def _keep(self, sha256: str, levels: Pyramid) -> None:
        with self._lock:
            self._kept[sha256] = levels
            used = sum(map(_size, self._kept.values()))
            while used > self._most_bytes and len(self._kept) > 1:
                used -= _size(self._kept.popitem(last=False)[1])


def _size(levels: Pyramid) -> int:
    return sum(level.nbytes for level in levels)
