"""The seam every detector fits behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import onnx

from offspec.options import Options
from offspec.types import FloatArray

Progress = Callable[[str, int, int], None]  # a step's name, what is done of it, its total


class Detector(Protocol):
    """Learns normality from crops; leaves a graph. Higher = more anomalous.

    Crops are (S, 3, H, W) float32 in [0, 1]: all S slots of one graph group, from one image.
    ``embed`` does once per image what does not depend on the other images (the backbone), so
    that calibration can fit again without a few images and pay only for what is estimated.
    A place that equals the reference scores 0 in the map.

    Attributes:
        fewest: Good images, the reference among them, that the method needs for each kind.
        options_model: What can be set.
    """

    fewest: ClassVar[Mapping[str, int]]
    options_model: ClassVar[type[Options]]

    def fit(self, reference: FloatArray, normals: Sequence[FloatArray]) -> Self:
        """Learn from the reference and the other normals; returns self."""
        ...

    def embed(self, crops: FloatArray) -> Any:
        """What ``fit_embedded`` takes for one image."""
        ...

    def fit_embedded(self, reference: Any, normals: Sequence[Any]) -> Self:
        """``fit`` on the results of ``embed``."""
        ...

    def check_limits(self, n_slots: int = 1) -> None:
        """Refuse a crop size or number of slots whose statistics would be over a limit.

        Raises:
            LimitError: Over the limit, or a size the backbone cannot take.
        """
        ...

    def to_graph(self) -> onnx.ModelProto:
        """Crops in, anomaly maps out; DESIGN 4 gives the names and shapes.

        Raises:
            NotFittedError: Before ``fit``.
        """
        ...
