"""The server's side of inference: bundles laid ready for the processes, pictures handed to them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from offspec.images import atomic_write
from offspec.inspection_pictures import Kind
from offspec.jobs.inference import Pool
from offspec.server.settings import Settings
from offspec.store.blobs import BlobStore

USED_S = 3600.0
"""How exactly the time of a bundle's file says when it was used last."""


class Inspectors:
    """Inspects by the hash of a bundle; safe to share between threads.

    Args:
        settings: Where bundles are put for reading.
        blobs: Where they come from.
        pool: The processes.
    """

    def __init__(self, settings: Settings, blobs: BlobStore, pool: Pool) -> None:
        self._folder = settings.ready
        self._blobs, self._pool = blobs, pool

    @property
    def waiting(self) -> int:
        """Pictures in work or in line."""
        return self._pool.waiting

    @property
    def pids(self) -> dict[str, int]:
        """Of the processes, by name."""
        return self._pool.pids

    def inspect(
        self,
        bundle_sha256: str,
        data: bytes,
        name: str,
        meanwhile: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """What a model says of a picture: ``Inspection.to_dict()``, without map.

        Args:
            bundle_sha256: The model.
            data: The picture, as it was sent.
            name: For messages.
            meanwhile: Run while the process works.

        Raises:
            BusyError: Too many wait, or the process ended.
            RemoteError: It is no picture, or does not fit the model.
        """
        head = {"op": "inspect", "bundle": self._ready(bundle_sha256), "name": name}
        found, _ = self._pool.ask(head, data, meanwhile)
        content: dict[str, Any] = found["content"]
        return content

    def draw(self, bundle_sha256: str, data: bytes, name: str, kind: Kind) -> bytes:
        """A picture of an inspection, see ``inspection_pictures.draw``.

        Raises:
            BusyError: Too many wait, or the process ended.
            RemoteError: It is no picture, or does not fit the model.
        """
        head = {"op": "draw", "bundle": self._ready(bundle_sha256), "name": name, "kind": kind}
        _, body = self._pool.ask(head, data)
        return body

    def prepare(self, bundle_sha256: str) -> None:
        """Have a model ready in every process before it is used: the change then takes no time.

        Raises:
            OffspecError: It cannot be loaded.
        """
        self._pool.prepare(self._ready(bundle_sha256))

    def _ready(self, bundle_sha256: str) -> str:
        path = self._folder / f"{bundle_sha256}.offspec"
        try:
            if path.stat().st_mtime < time.time() - USED_S:
                os.utime(path)  # in use: no sweep removes it
        except FileNotFoundError:
            self._folder.mkdir(exist_ok=True)
            atomic_write(path, self._blobs.get(bundle_sha256))
        return str(path)
