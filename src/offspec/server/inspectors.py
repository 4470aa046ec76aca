"""Models that are kept ready, and how many pictures may wait for them.

Graphs run outside the interpreter's lock, so that threads of this process use all cores. More than
``waiting`` pictures at once are refused at the door: a line that is told to wait knows where it
stands, one that is kept waiting does not.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from offspec.bundle import read_bundle
from offspec.images import atomic_write, decode_image
from offspec.inspection_pictures import Kind, draw
from offspec.json_files import finite
from offspec.runtime import Inspector
from offspec.server.problems import ProblemError
from offspec.server.settings import Settings
from offspec.store.blobs import BlobStore

MOST_READY = 8


class Inspectors:
    """Inspectors by the hash of their bundle; safe to share between threads.

    Args:
        settings: Where bundles are put for reading.
        blobs: Where they come from.
        at_once: Pictures worked on at a time.
        waiting: Pictures let in at a time, those worked on among them.
    """

    def __init__(
        self, settings: Settings, blobs: BlobStore, at_once: int = 2, waiting: int = 16
    ) -> None:
        self._folder = settings.data / "ready"
        self._blobs = blobs
        self._ready: OrderedDict[str, Inspector] = OrderedDict()
        self._lock = threading.Lock()
        self._door = threading.BoundedSemaphore(waiting)
        self._seats = threading.BoundedSemaphore(at_once)

    waiting = 0
    pids: ClassVar[dict[str, int]] = {}

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Room for one picture.

        Raises:
            ProblemError: 503, too many wait.
        """
        if not self._door.acquire(blocking=False):
            raise ProblemError(
                503, "busy", "Too many pictures wait for inspection. Send this one again shortly."
            )
        try:
            with self._seats:
                yield
        finally:
            self._door.release()

    def get(self, bundle_sha256: str) -> Inspector:
        """The inspector of a bundle, ready after the first time."""
        with self._lock:
            found = self._ready.get(bundle_sha256)
            if found is not None:
                self._ready.move_to_end(bundle_sha256)
                return found
            self._folder.mkdir(exist_ok=True)
            path = self._folder / f"{bundle_sha256}.offspec"
            if not path.is_file():
                atomic_write(path, self._blobs.get(bundle_sha256))
            found = Inspector(read_bundle(path), threads=1)
            self._ready[bundle_sha256] = found
            if len(self._ready) > MOST_READY:
                self._ready.popitem(last=False)
            return found

    def inspect(self, bundle_sha256: str, data: bytes, name: str) -> dict[str, Any]:
        """What a model says of a picture: ``Inspection.to_dict()``, without map.

        Raises:
            ProblemError: 503, too many wait.
            ImageDecodeError: It is no picture.
            ShapeError: It does not fit the model.
        """
        with self.seat():
            image = decode_image(data, name)
            found: dict[str, Any] = finite(
                self.get(bundle_sha256).inspect(image, with_map=False).to_dict()
            )
            return found

    def draw(self, bundle_sha256: str, data: bytes, name: str, kind: Kind) -> bytes:
        """A picture of an inspection, see ``inspection_pictures.draw``.

        Raises:
            ProblemError: 503, too many wait.
            ImageDecodeError: It is no picture.
            ShapeError: It does not fit the model.
        """
        with self.seat():
            return draw(self.get(bundle_sha256), decode_image(data, name), kind)
