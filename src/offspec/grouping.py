"""Which photographs belong together: near-duplicates, one part, one burst.

Every picture of a fixed station looks like every other, so plain perceptual hashes would call
all of them equal. What tells two photographs of one part from two parts is what they share
**beyond** the reference: the signature is the fine structure of the difference to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.types import Alignment, FloatArray, ImageArray

SIGNATURE_SIDE = 48  # cells per side
DUPLICATE_CORRELATION = 0.99  # of two signatures, from which they show one part
_SURE = 1e-3  # single precision finds candidates this far below
_FLAT = 1e-6  # structure below this share of full scale: equal to the reference


def signature(image: ImageArray, reference: ImageArray, alignment: Alignment, bits: int) -> str:
    """Fine structure of an aligned image's difference to the reference, as hexadecimal text.

    Args:
        image: (H, W, 3).
        reference: The reference, same depth.
        alignment: Reference to image.
        bits: Significant bits of 16-bit images.

    Returns:
        Two digits a cell; all equal when nothing differs from the reference.
    """
    full = 255.0 if image.dtype == np.uint8 else float(2**bits - 1)
    size_wh = (reference.shape[1], reference.shape[0])
    aligned = cv2.warpPerspective(
        image.astype(np.float32).mean(axis=2),
        alignment.matrix,
        size_wh,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cells = (_cells(aligned) - _cells(reference.astype(np.float32).mean(axis=2))) / full
    fine = cells - cv2.blur(cells, (5, 5))
    peak = float(np.abs(fine).max())
    if peak < _FLAT:
        return "80" * SIGNATURE_SIDE**2
    return bytes(np.clip(np.round(fine / peak * 127) + 128, 1, 255).astype(np.uint8)).hex()


def _cells(grey: NDArray[Any]) -> FloatArray:
    """Cell means in float: rounded to whole grey levels, quiet stations would look alike."""
    side = (SIGNATURE_SIDE, SIGNATURE_SIDE)
    return np.asarray(cv2.resize(grey, side, interpolation=cv2.INTER_AREA), np.float32)


def alike(first: str, second: str) -> bool:
    """Whether two signatures show one part."""
    if first == second:
        return True
    a, b = (
        np.frombuffer(bytes.fromhex(text), np.uint8).astype(np.float64) - 128
        for text in (first, second)
    )
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return norm > 0 and float(a @ b) / norm >= DUPLICATE_CORRELATION


def group(signatures: Sequence[str], parts: Sequence[str | None]) -> list[int]:
    """Number the groups: images of one named part, or alike, directly or through others.

    Args:
        signatures: One per image.
        parts: The part each image shows, None where nobody said.

    Returns:
        One group number per image, counted from 0 in order of first appearance.
    """
    labels = list(range(len(signatures)))
    for i, j in (*_alike_pairs(signatures), *_same_parts(parts)):
        if labels[i] != labels[j]:
            old, new = max(labels[i], labels[j]), min(labels[i], labels[j])
            labels = [new if label == old else label for label in labels]
    numbers = {label: n for n, label in enumerate(dict.fromkeys(labels))}
    return [numbers[label] for label in labels]


def _alike_pairs(signatures: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs that are alike; a product of matrices finds those worth the exact comparison."""
    if not signatures:
        return
    rows = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in signatures]
    values = np.stack(rows).astype(np.float32) - 128
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    first: dict[str, int] = {}
    for j, text in enumerate(signatures):
        if text in first:
            yield first[text], j
        first.setdefault(text, j)
        near = values[:j] @ values[j] >= DUPLICATE_CORRELATION - _SURE
        for i in np.flatnonzero(near).tolist():
            if alike(signatures[i], text):
                yield i, j


def _same_parts(parts: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Each image of a named part with the first one of it."""
    first: dict[str, int] = {}
    for j, part in enumerate(parts):
        if part is not None and first.setdefault(part, j) != j:
            yield first[part], j
