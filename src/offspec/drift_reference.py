"""What normal looked like at fitting, kept in the bundle for the drift watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_BINS = 10


def drift_reference(
    raw_by_region: Mapping[str, Sequence[float]],
    statistics: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Histograms of region scores and image statistics of the calibration normals.

    Args:
        raw_by_region: Region id to raw scores.
        statistics: Name to values, such as brightness.

    Returns:
        ``{"scores": {region: histogram}, "image": {name: histogram}}``; a histogram has
        ``edges`` (bins + 1), ``counts`` (bins) and ``n``.
    """
    return {
        "scores": {key: _histogram(values) for key, values in raw_by_region.items()},
        "image": {key: _histogram(values) for key, values in statistics.items()},
    }


def _histogram(values: Sequence[float]) -> dict[str, Any]:
    array = np.asarray(values, np.float64)
    if array.size == 0:
        return {"edges": [0.0, 1.0], "counts": [0], "n": 0}
    counts, edges = np.histogram(array, bins=_BINS)
    return {
        "edges": [float(e) for e in edges],
        "counts": [int(c) for c in counts],
        "n": int(array.size),
    }
