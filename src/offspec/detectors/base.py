"""The seam every detector fits behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import onnx

from offspec.types import FloatArray


class Detector(Protocol):
    """Learns normality from crops; leaves a graph. Higher = more anomalous.

    Crops are (S, 3, H, W) float32 in [0, 1]: all S slots of one graph group, from one image.
    ``embed`` does once per image what does not depend on the other images (the backbone), so
    that calibration can fit again without a few images and pay only for what is estimated.
    """

    def fit(self, reference: FloatArray, normals: Sequence[FloatArray]) -> Self:
        """Learn from the reference and the other normals; returns self."""
        ...

    def embed(self, crops: FloatArray) -> Any:
        """What ``fit_embedded`` takes for one image."""
        ...

    def fit_embedded(self, reference: Any, normals: Sequence[Any]) -> Self:
        """``fit`` on the results of ``embed``."""
        ...

    def to_graph(self) -> onnx.ModelProto:
        """Crops in, anomaly maps out; DESIGN 4 gives the names and shapes.

        Raises:
            NotFittedError: Before ``fit``.
        """
        ...
