"""Backbones: from a crop to a feature map, as part of an ONNX graph.

``bank`` is weight-free: fixed filters on the logarithm of the image, in a pyramid of strided
small kernels. What is fitted on the user's normals, one whitening by principal components, is
the detector's; ARCHITECTURE.md says why there is no second stage.

``embedded`` is the package's own network (``embedded.py``), trained on images that our own
programs draw. ``joined`` is both side by side.

Why the logarithm: light that grows by a factor adds a constant there, so that gradients and
local deviations hardly change with exposure (except near black, where noise would be amplified),
and contrast weighs the same in shade and in glare.

Reference:
    Gradient histograms after Dalal and Triggs (CVPR 2005); census ranks after Zabih and
    Woodfill (ECCV 1994).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from offspec.backbone_card import Backbone, BackboneCard, tile_halo
from offspec.embedded import load_weights
from offspec.errors import OptionError
from offspec.graphs import (
    Var,
    const,
    conv,
    depthwise,
    inline_network,
    mean_pool,
    op,
    upsample,
)
from offspec.types import FloatArray

__all__ = ["BACKBONES", "Backbone", "BackboneCard", "make_backbone", "tile_halo", "tone"]

BLACK = 0.05  # added before the logarithm: what counts as black, a twentieth of full scale
TONE_SCALE = 1.0 / 3.0  # brings the logarithm's range near 1
_BINOMIAL: FloatArray = (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64).astype(np.float32)


def tone(crop: Var) -> Var:
    """Logarithmic response, about -1 (black) to 0 (white)."""
    return op.mul(op.log(op.add(crop, const(BLACK))), const(TONE_SCALE))


class Bank:
    """Weight-free filters, 70 channels at stride 4."""

    card = BackboneCard("bank", stride=4, channels=70, receptive_px=112, multiple=32)

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        opponent = np.array(
            [[1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [0.5, 0.5, -1]], np.float32
        ).reshape(3, 3, 1, 1)
        levels = [conv(tone(crop), opponent)]
        for _ in range(4):
            levels.append(depthwise(levels[-1], _BINOMIAL, 3, stride=2))
        parts = [_fine(_channels(levels[0], 0, 1), 4), _fine(_channels(levels[1], 0, 1), 2)]
        parts.append(conv(levels[2], _coarse_filters(chroma_edges=True)))
        parts.append(upsample(conv(levels[3], _coarse_filters(chroma_edges=True)), 2))
        parts.append(upsample(conv(levels[4], _coarse_filters(chroma_edges=False)), 4))
        return op.concat(parts, axis=1)


def _channels(x: Var, start: int, stop: int) -> Var:
    return op.slice(
        x,
        op.const(np.array([start], np.int64)),
        op.const(np.array([stop], np.int64)),
        op.const(np.array([1], np.int64)),
    )


def _derivatives() -> dict[str, FloatArray]:
    """3 x 3 first and second derivatives, smoothed across."""
    smooth, edge, bend = np.array([1, 2, 1.0]), np.array([-1, 0, 1.0]), np.array([1, -2, 1.0])
    return {
        "x": (np.outer(smooth, edge) / 8).astype(np.float32),
        "y": (np.outer(edge, smooth) / 8).astype(np.float32),
        "xx": (np.outer(smooth, bend) / 4).astype(np.float32),
        "yy": (np.outer(bend, smooth) / 4).astype(np.float32),
        "xy": (np.outer(edge, edge) / 4).astype(np.float32),
    }


RANK_STEP = 0.01  # tone difference at which two pixels count as fully ordered


def _fine(tone_l: Var, factor: int) -> Var:
    """Pooled responses of one fine level: gradient histogram, bends, ranks, deviation."""
    d = _derivatives()
    angles = np.arange(8) * np.pi / 4
    gradient: list[FloatArray] = [np.cos(a) * d["x"] + np.sin(a) * d["y"] for a in angles]
    both = ((d["xx"] + d["yy"]) / 2).astype(np.float32)
    bends: list[FloatArray] = [d["xx"], d["yy"], d["xy"], both]
    filters = np.stack([*gradient, *bends, *[-b for b in bends]])  # 16, what processors like
    rectified = op.relu(conv(tone_l, filters[:, None].astype(np.float32)))
    rank = np.zeros((2, 1, 3, 3), np.float32)
    rank[0, 0, 1, 1:] = rank[1, 0, 1:, 1] = (-1, 1)
    order = op.clip(
        op.mul(op.abs(conv(tone_l, rank)), const(1 / RANK_STEP)), const(0.0), const(1.0)
    )
    mean = mean_pool(tone_l, factor)
    power = mean_pool(op.mul(tone_l, tone_l), factor)
    spread = op.sqrt(op.add(op.relu(op.sub(power, op.mul(mean, mean))), const(1e-6)))
    return op.concat([mean_pool(rectified, factor), mean_pool(order, factor), spread], axis=1)


def _coarse_filters(*, chroma_edges: bool) -> FloatArray:
    """(O, 3, 3, 3): smoothed colour, tone derivatives, and chroma edges if asked."""
    d = _derivatives()
    centre = np.zeros((3, 3), np.float32)
    centre[1, 1] = 1
    rows = [(0, d[k]) for k in ("x", "y", "xx", "yy", "xy")] + [(c, centre) for c in range(3)]
    if chroma_edges:
        rows += [(c, d[k]) for c in (1, 2) for k in ("x", "y")]
    filters = np.zeros((len(rows), 3, 3, 3), np.float32)
    for i, (channel, kernel) in enumerate(rows):
        filters[i, channel] = kernel
    return filters


class Embedded:
    """A network of the package.

    Args:
        name: Of the backbone.
        file: Of the weights, without suffix.

    Raises:
        WeightsError: The weights are missing or damaged.
    """

    def __init__(self, name: str, file: str) -> None:
        self._weights = load_weights(file)
        self.card = BackboneCard(
            name,
            stride=self._weights.stride,
            channels=self._weights.channels,
            receptive_px=self._weights.receptive_px,
            multiple=self._weights.multiple,
            weights_sha256=self._weights.sha256,
        )

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        return inline_network(self._weights.model, crop)["features"]


class Joined:
    """Two backbones of one stride, their channels one after the other.

    Args:
        name: Of the pair.
        first: Its channels come first.
        second: Holds the weights, if any does.
    """

    def __init__(self, name: str, first: Backbone, second: Backbone) -> None:
        self._parts = (first, second)
        a, b = first.card, second.card
        if a.stride != b.stride:
            raise OptionError(
                f"Backbones '{a.name}' and '{b.name}' have strides {a.stride} and {b.stride}. "
                "Joined ones need the same. Choose others."
            )
        self.card = BackboneCard(
            name,
            stride=a.stride,
            channels=a.channels + b.channels,
            receptive_px=max(a.receptive_px, b.receptive_px),
            multiple=math.lcm(a.multiple, b.multiple),
            weights_sha256=b.weights_sha256 or a.weights_sha256,
        )

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        return op.concat([part.build(crop) for part in self._parts], axis=1)


NANO = "embedded-nano"  # file of the weights
FILE = "file:"  # before the path of a foreign network
TIMM = "timm:"  # before the name of one of timm's models

BACKBONES: Mapping[str, Callable[[], Backbone]] = {
    "bank": Bank,
    "embedded": lambda: Embedded("embedded", NANO),
    "joined": lambda: Joined("joined", Bank(), Embedded("embedded", NANO)),
}


def make_backbone(name: str, *, allow_download: bool = False) -> Backbone:
    """The backbone of this name.

    Args:
        name: A key of ``BACKBONES``, ``file:PATH.onnx``, ``timm:NAME@WEIGHTS.safetensors`` or
            ``timm:NAME``.
        allow_download: Whether the weights of ``timm:NAME`` may come from the network.

    Raises:
        OptionError: Unknown name; the message lists the known ones.
        WeightsError: Its weights are missing or damaged.
    """
    if name.startswith(TIMM):
        from offspec.timm_backbone import timm_backbone  # noqa: PLC0415 - starts ONNX Runtime

        return timm_backbone(name, allow_download=allow_download)
    if name.startswith(FILE):
        from offspec.file_backbone import file_backbone  # noqa: PLC0415 - starts ONNX Runtime

        return file_backbone(name)
    if name not in BACKBONES:
        known = ", ".join(
            (*sorted(BACKBONES), FILE + "PATH.onnx", TIMM + "NAME@WEIGHTS.safetensors")
        )
        raise OptionError(f"Backbone '{name}' is unknown. Known: {known}. Choose one.")
    return BACKBONES[name]()
