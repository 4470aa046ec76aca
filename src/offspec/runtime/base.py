"""The seam between geometry and inference."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offspec.types import FloatArray

SlotArray = NDArray[np.int64]


class Runtime(Protocol):
    """Runs one graph of a bundle; an image's map does not depend on its batch mates."""

    def infer(self, crops: FloatArray, slots: SlotArray) -> FloatArray:
        """Score a batch.

        Args:
            crops: (N, 3, H, W) float32, RGB, linear in [0, 1].
            slots: (N,) int64, which statistics belong to each crop.

        Returns:
            (N, H, W) float32 maps, raw, >= 0, higher = more anomalous.

        Raises:
            RuntimeBackendError: The backend failed.
        """
        ...
