"""Object or texture: do positions mean something in these images?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from offspec.types import FloatArray

FIXED_SHARE = 0.5  # of the variance that position explains, from which it is an object
_SIDE = 32


def explained_by_position(crops: Sequence[FloatArray]) -> float:
    """Share of the variance of tone and of edge strength that the position alone explains.

    Args:
        crops: n >= 2 aligned crops of one region, (3, h, w) in [0, 1].

    Returns:
        The mean over both quantities, in [0, 1], corrected for n.
    """
    n = len(crops)
    views = np.stack([_views(crop) for crop in crops])  # (n, 2, side, side)
    mean = views.mean(axis=0)
    within = np.square(views - mean).sum(axis=(0, 2, 3)) / ((n - 1) * _SIDE**2)
    total = views.transpose(1, 0, 2, 3).reshape(2, -1).var(axis=1) + 1e-12
    return float(np.clip(1 - within / total, 0, 1).mean())


def _views(crop: FloatArray) -> FloatArray:
    tone = np.log(crop.mean(axis=0) + np.float32(0.05))
    edges = np.hypot(cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1))
    return np.stack(
        [cv2.resize(v, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for v in (tone, edges)]
    )


def decide_kind(crops: Sequence[FloatArray]) -> tuple[Literal["object", "texture"], str]:
    """The kind of a region, and the reason in words."""
    if len(crops) < 2:
        return "object", "one normal image, so positions are taken as fixed"
    share = explained_by_position(crops)
    kind: Literal["object", "texture"] = "object" if share >= FIXED_SHARE else "texture"
    return kind, f"position explains {share:.0%} of what varies in {len(crops)} images"
