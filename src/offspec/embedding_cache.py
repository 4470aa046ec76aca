"""Aligned and embedded normals, and what of them is remembered between fits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from offspec.fit_plan import Job, NormalImage
from offspec.gate import ImageStats
from offspec.types import Alignment


@dataclass(frozen=True, slots=True)
class Laid:
    """How an image lies on the reference, and what the gate measures of it."""

    alignment: Alignment
    stats: ImageStats


@dataclass(frozen=True, slots=True)
class Embedded:
    """A normal that can be judged, with one embedding per graph group.

    Attributes:
        copies: Likewise of its augmented copies, which are learned from and never scored.
    """

    normal: NormalImage
    laid: Laid
    embeddings: list[Any]
    copies: tuple[list[Any], ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory of the embeddings."""
        return sum(bytes_of(one) for one in (self.embeddings, *self.copies))


class EmbeddingCache:
    """Remembers aligned and embedded normals between fits on subsets of the same images.

    An entry counts for the very file, reference, template, geometry and backbone it was made
    with, so a fit gives the same bundle with and without a cache. Not for several fits at once.

    Args:
        max_bytes: Of the embeddings held; what comes later is not kept.
    """

    def __init__(self, max_bytes: int = 2 * 2**30) -> None:
        self.max_bytes = max_bytes
        self._bytes = 0
        self._entries: dict[tuple[str, str], Embedded] = {}

    def get(self, geometry: str, sha256: str) -> Embedded | None:
        """What was kept of a file, if anything."""
        return self._entries.get((geometry, sha256))

    def put(self, geometry: str, sha256: str, embedded: Embedded) -> None:
        """Keep an image unless that would be over the limit."""
        key = (geometry, sha256)
        if key not in self._entries and self._bytes + embedded.nbytes <= self.max_bytes:
            self._entries[key] = embedded
            self._bytes += embedded.nbytes


def geometry_key(job: Job) -> str:
    """Everything but the image itself that an embedding depends on."""
    parts = (
        job.template.to_dict(),
        job.reference_normal.sha256,
        job.bits,
        job.kinds,
        job.tiles,
        job.groups,
        job.config.detector,
        sorted(job.config.options.items()),
        job.config.backbone,
        (job.config.augmentation, job.config.seed) if job.config.augmentation.count else None,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def bytes_of(embeddings: Iterable[object]) -> int:
    """Memory of one image's embeddings."""
    return sum(value.nbytes for one in embeddings for value in vars_of(one))


def vars_of(embedding: object) -> list[Any]:
    """The arrays an embedding holds."""
    names = getattr(embedding, "__slots__", None) or vars(embedding)
    values = [getattr(embedding, name) for name in names]
    return [value for value in values if hasattr(value, "nbytes")]
