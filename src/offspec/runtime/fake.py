"""A runtime without a graph, for tests of everything around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offspec.runtime.base import SlotArray
from offspec.types import FloatArray


@dataclass(frozen=True)
class FakeRuntime:
    """Map = mean over channels of |crop - reference crop of the slot|.

    Attributes:
        references: (n_slots, 3, H, W) float32.
    """

    references: FloatArray

    def infer(self, crops: FloatArray, slots: SlotArray) -> FloatArray:
        """See ``Runtime.infer``."""
        maps: FloatArray = np.abs(crops - self.references[slots]).mean(axis=1, dtype=np.float32)
        return maps
