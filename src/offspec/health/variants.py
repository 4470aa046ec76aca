"""Two or more looks in one set: products, positions or revisions that want templates of their own.

Looked at are the fine structure of fixed parts, which survives a change of light, and colour. A set
is split wherever its parts hang together and stand apart, and the parts are looked at again.

Reference:
    How well a split stands: Rousseeuw, "Silhouettes" (1987).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from offspec.types import FixedKind, FloatArray

STRUCTURE_FROM = 0.3  # silhouette of a split by structure, from which it is one
COLOUR_FROM = 0.6  # likewise by colour, which varies more evenly
LEAST_COLOUR = 0.15  # ln of a ratio of channels: colour that differs less is light
LEAST_SHARE, LEAST_IMAGES = 0.05, 3  # of a set; fewer are odd images, no variant
MOST_PARTS = 4  # of one split; parts are looked at again
MOST_VARIANTS = 12


@dataclass(frozen=True, slots=True)
class Variant:
    """One look: which images show it, and what told it from the others."""

    members: NDArray[np.int64]
    by: Literal["all", "structure", "colour"]
    silhouette: float | None


def find_variants(
    structure: Sequence[np.ndarray], kinds: Sequence[FixedKind], chroma: FloatArray, seed: int
) -> list[Variant]:
    """Split a set into looks; one where nothing tells them apart.

    Args:
        structure: One (n, h, w) a region.
        kinds: Of the regions; the structure of a surface lies elsewhere in every image.
        chroma: (n, 8, 8, 2), see ``Glance``.
        seed: Of the clustering.
    """
    n = len(chroma)
    fixed = [s.reshape(n, -1) for s, kind in zip(structure, kinds, strict=True) if kind == "object"]
    gram = _gram(fixed) if fixed else None
    colour = chroma.reshape(n, -1).astype(np.float64)
    open_ = [Variant(np.arange(n), "all", None)]
    done: list[Variant] = []
    while open_:
        one = open_.pop()
        room = len(open_) + len(done) + 2 <= MOST_VARIANTS
        split = _split(one.members, gram, colour, seed) if room else None
        if split is None:
            done.append(one)
        else:
            open_ += split
    return sorted(done, key=lambda v: (-len(v.members), int(v.members[0])))


def _gram(fixed: Sequence[np.ndarray]) -> FloatArray:
    """(n, n) inner products of the structure of all fixed regions, a slice at a time."""
    n = len(fixed[0])
    total = np.zeros((n, n), np.float32)
    for region in fixed:
        for start in range(0, region.shape[1], 16384):
            part = region[:, start : start + 16384].astype(np.float32)
            total += part @ part.T
    return total


def _split(
    members: NDArray[np.int64], gram: FloatArray | None, colour: np.ndarray, seed: int
) -> list[Variant] | None:
    """The parts of a set, where they stand apart; the clearest split decides."""
    if len(members) < 2 * LEAST_IMAGES:
        return None
    found: list[tuple[float, list[Variant]]] = []
    if gram is not None:
        points = _directions(gram[np.ix_(members, members)])
        found += _parts(points, members, "structure", STRUCTURE_FROM, seed)
    tone = colour[members]
    for margin, parts in _parts(tone - tone.mean(axis=0), members, "colour", COLOUR_FROM, seed):
        middles = np.stack([colour[v.members].mean(axis=0) for v in parts])
        if np.ptp(middles, axis=0).max() >= LEAST_COLOUR:
            found.append((margin, parts))
    return max(found, key=lambda item: item[0])[1] if found else None


def _directions(gram: FloatArray) -> np.ndarray:
    """(m, r) points whose inner products are the centred, normalised ones of ``gram``."""
    m = len(gram)
    centring = np.eye(m) - 1 / m
    centred = centring @ gram.astype(np.float64) @ centring
    length = np.sqrt(np.maximum(np.diag(centred), 1e-12))
    values, vectors = np.linalg.eigh(centred / np.outer(length, length))
    kept = values > 1e-9
    found: np.ndarray = vectors[:, kept] * np.sqrt(values[kept])
    return found


def _parts(
    points: np.ndarray,
    members: NDArray[np.int64],
    by: Literal["structure", "colour"],
    least: float,
    seed: int,
) -> list[tuple[float, list[Variant]]]:
    """Every split in two or more that stands, and how far it is beyond ``least``."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import
    from sklearn.metrics import silhouette_score  # noqa: PLC0415 - likewise

    if len(np.unique(np.round(points, 9), axis=0)) <= MOST_PARTS:
        return []
    metric = "cosine" if by == "structure" else "euclidean"
    fewest = max(LEAST_IMAGES, LEAST_SHARE * len(members))
    found: list[tuple[float, list[Variant]]] = []
    for count in range(2, MOST_PARTS + 1):
        labels = KMeans(count, n_init=20, random_state=seed).fit_predict(points)
        sides = [members[labels == side] for side in range(count)]
        if min(len(side) for side in sides) < fewest:
            continue
        how = float(silhouette_score(points, labels, metric=metric))
        if how >= least:
            found.append((how - least, [Variant(side, by, how) for side in sides]))
    return found
