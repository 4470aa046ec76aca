"""Raw pixels with a variation model: the comparison that machine vision has sold for decades.

No features and no pretraining. Every pixel and channel of the aligned crop has a mean and a
tolerance, the larger of an absolute one and a multiple of its standard deviation over the
normals. The map is the largest share of its tolerance that a channel uses up, so a value above 1
is what the original would call a deviation. It is not cut there, and not smoothed.

With one normal there is no deviation to measure. As in the original's *direct* mode, the strength
of the reference's own edges takes its place, so that edges may move a little.

The reference scores whatever it scores: it is one of the normals and only its own mean when it is
the only one.

Reference:
    MVTec HALCON, operators ``prepare_variation_model`` (absolute threshold 10 grey levels,
    variation threshold 2) and ``prepare_direct_variation_model`` with ``sobel_amp``. Written from
    their documented formula; no code and no weights of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

import cv2
import numpy as np
import onnx

from offspec import detectors, graphs
from offspec.backbones import Backbone
from offspec.detectors.reference import ReferenceDetector
from offspec.errors import NotFittedError
from offspec.graphs import Var, op
from offspec.options import Options
from offspec.types import BoolArray, FloatArray

NAME = "variation"
ABSOLUTE = 10 / 255  # least tolerance, share of full scale
TIMES_DEVIATION = 2.0


@dataclass(frozen=True, slots=True)
class Pixels:
    """One image's crops, (S, 3, H, W) in [0, 1]."""

    pixels: FloatArray


class VariationDetector:
    """Mean and tolerance per pixel and channel.

    Args:
        backbone: Not used; every detector is given one.
        net_hw: Crop size.
        masks: Not used.
        kind: Not used: a texture is compared by position like anything else.
        seed: Not used; nothing is random.
        threads: Not used.
        options: Not used; there are none.
    """

    fewest: ClassVar[Mapping[str, int]] = {"object": 1, "texture": 1}
    options_model: ClassVar[type[Options]] = Options
    takes_head: ClassVar[bool] = False
    trained: ClassVar[bool] = False

    def __init__(
        self,
        backbone: Backbone,
        net_hw: tuple[int, int],
        *,
        masks: BoolArray | None = None,  # noqa: ARG002 - the seam
        kind: Literal["object", "texture"] = "object",  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        head: object = None,  # noqa: ARG002
        threads: int = 1,  # noqa: ARG002
        options: object = None,  # noqa: ARG002
    ) -> None:
        self.backbone = backbone
        self.net_hw = net_hw
        self.mean_: FloatArray | None = None
        self.inverse_: FloatArray | None = None

    def check_limits(self, n_slots: int = 1) -> None:
        """Refuse statistics over the limit."""
        graphs.check_statistics(24 * self.net_hw[0] * self.net_hw[1], n_slots, "Detector variation")

    def fit(self, reference: FloatArray, normals: Sequence[FloatArray]) -> Self:
        """See ``Detector.fit``."""
        return self.fit_embedded(self.embed(reference), [self.embed(n) for n in normals])

    def embed(self, crops: FloatArray) -> Pixels:
        """The crops themselves."""
        self.check_limits()
        return Pixels(crops)

    def fit_embedded(self, reference: Pixels, normals: Sequence[Pixels]) -> Self:
        """See ``Detector.fit_embedded``."""
        mean, tolerance = variation_model([reference.pixels, *(n.pixels for n in normals)])
        self.mean_, self.inverse_ = mean, np.divide(np.float32(1), tolerance)
        return self

    def to_graph(self) -> onnx.ModelProto:
        """See ``Detector.to_graph``."""
        if self.mean_ is None or self.inverse_ is None:
            raise NotFittedError(
                "Detector 'variation' has not been fitted. A graph needs statistics. Call fit."
            )
        mean, inverse = self.mean_, self.inverse_

        def body(crop: Var, slot: Var | None) -> Var:
            away = op.abs(op.sub(crop, graphs.select("mean", mean, slot)))
            share = op.mul(away, graphs.select("inverse", inverse, slot))
            return op.reduce_max(share, graphs.ints(1), keepdims=1)

        return graphs.build_graph(self.net_hw, len(mean), body)


def variation_model(crops: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Mean and tolerance of the normals' crops.

    Args:
        crops: (S, 3, H, W) in [0, 1] per normal; with one, its edges set the tolerance.

    Returns:
        Mean and tolerance, each (S, 3, H, W); the tolerance is at least ``ABSOLUTE``.
    """
    mean = np.mean(crops, axis=0, dtype=np.float64)
    if len(crops) > 1:
        deviation = np.std(crops, axis=0, ddof=1, dtype=np.float64)
    else:
        deviation = edge_strength(crops[0]).astype(np.float64)
    tolerance = np.maximum(ABSOLUTE, TIMES_DEVIATION * deviation)
    return np.asarray(mean, np.float32), np.asarray(tolerance, np.float32)


def edge_strength(crops: FloatArray) -> FloatArray:
    """(S, 3, H, W) length of the 3 x 3 Sobel gradient divided by 4: the height of a sharp step."""
    found = np.empty_like(crops)
    for plane, out in zip(
        crops.reshape(-1, *crops.shape[2:]), found.reshape(-1, *crops.shape[2:]), strict=True
    ):
        along_x, along_y = (
            cv2.Sobel(plane, cv2.CV_32F, *order, borderType=cv2.BORDER_REPLICATE)
            for order in ((1, 0), (0, 1))
        )
        out[:] = np.hypot(along_x, along_y) / 4
    return found


@contextmanager
def registered_detector(name: str, builder: Any) -> Iterator[str]:
    """Make a detector known to ``fit`` while the block runs.

    Args:
        name: Under which it is asked for; a known one is replaced.
        builder: Takes the arguments of ``ReferenceDetector`` and returns a detector.
    """
    before = dict(detectors.DETECTORS)
    detectors.DETECTORS[name] = cast("type[ReferenceDetector]", builder)
    try:
        yield name
    finally:
        detectors.DETECTORS.clear()
        detectors.DETECTORS.update(before)
