"""``reference``: compare with the one reference image, within the tolerance normals show.

The reference is the only look that is learned; it scores 0. The other normals say how far a
good part strays from it: the centre and the width of the tolerance at every position. For
textures (no fixed position) the tolerance is one for all positions, and a cell is also
accepted when it looks as the reference does at its place.

Reference:
    Whitening and per-position width: PaDiM (Defard et al., ICPR 2020), with one pooled
    covariance. Tolerance from edges for one image: the direct variation model known from
    machine vision. Tangent distance: Simard et al. (NIPS 1992). Local shift: Lucas and Kanade
    (IJCAI 1981). No weights are used, so no licence but ours applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import onnx
import onnxruntime as ort

from offspec import graphs
from offspec.backbones import Backbone, tone
from offspec.detectors.head import Head
from offspec.detectors.linear import gram, one_thread_session
from offspec.detectors.tolerance import (
    NOISE,
    SHIFT_PX,
    FeatureTolerance,
    FineTolerance,
    TextureTolerance,
    feature_tolerance,
    fine_tolerance,
    second_moment,
    texture_tolerance,
)
from offspec.errors import LimitError, NotFittedError, ShapeError
from offspec.graphs import Var, const, op
from offspec.types import BoolArray, DoubleArray, FloatArray

FINE_STRIDE = 2
FINE_UNIT = 1e-3  # squared tone difference of the fine plane that counts as one: 10 % contrast
DEAD_ZONE = 1e-3  # of the map, so that arithmetic noise on the reference is exactly 0
_SMOOTH: FloatArray = (np.outer([1, 2, 1], [1, 2, 1]) / 16).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Embedding:
    """What one image's crops become, before anything is estimated."""

    features: FloatArray
    fine: FloatArray
    moment: DoubleArray


class ReferenceDetector:
    """Template comparison.

    Args:
        backbone: Where the features come from.
        net_hw: Crop size.
        masks: (S, H, W) True where a slot's crop belongs to the region; None = everywhere.
        kind: object (fixed positions) or texture (none).
        head: Corrects the map of the closed form by a factor; None = nothing does.
        seed: Of the noise that sets the noise allowance.
        threads: Crops of one image embedded side by side; never changes a result.
    """

    def __init__(
        self,
        backbone: Backbone,
        net_hw: tuple[int, int],
        *,
        masks: BoolArray | None = None,
        kind: Literal["object", "texture"] = "object",
        head: Head | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.backbone = backbone
        self.net_hw = net_hw
        self.masks = masks
        self.kind = kind
        self.head = head
        self.seed = seed
        self.threads = threads
        self._session: ort.InferenceSession | None = None
        self._noise: DoubleArray | None = None
        self._skeleton: tuple[object, onnx.ModelProto] | None = None
        self.features_: FeatureTolerance | TextureTolerance | None = None
        self.fine_: FineTolerance | None = None

    # -- fitting -----------------------------------------------------------

    def fit(self, reference: FloatArray, normals: Sequence[FloatArray]) -> Self:
        """See ``Detector.fit``.

        Raises:
            ShapeError: Crops are not (S, 3, H, W) of this detector's size.
            LimitError: The statistics of a slot would be over the limit.
        """
        return self.fit_embedded(self.embed(reference), [self.embed(n) for n in normals])

    def embed(self, crops: FloatArray) -> Embedding:
        """Features, fine plane and second moment of one image's crops (S, 3, H, W)."""
        expected = (3, *self.net_hw)
        if crops.ndim != 4 or crops.shape[1:] != expected:
            raise ShapeError(
                f"Crops have shape {crops.shape}. This detector takes (S, 3, {self.net_hw[0]}, "
                f"{self.net_hw[1]}). Cut them with the sampler of the same template."
            )
        self.check_limits()
        features, fine = self._run_backbone(crops)
        mask = self._cell_mask(crops.shape[0])
        return Embedding(features, fine, second_moment(features, mask))

    def check_limits(self, n_slots: int = 1) -> None:
        """Refuse a crop size or number of slots whose statistics would be over a limit.

        Raises:
            LimitError: Over the limit, or a size the backbone cannot take.
        """
        card = self.backbone.card
        if self.net_hw[0] % card.multiple or self.net_hw[1] % card.multiple:
            raise LimitError(
                f"Crops of {self.net_hw} do not suit backbone '{card.name}'. Both sides have to "
                f"be multiples of {card.multiple}. Use resolution fast, accurate or native."
            )
        cells = (self.net_hw[0] // card.stride) * (self.net_hw[1] // card.stride)
        pixels = (self.net_hw[0] // FINE_STRIDE) * (self.net_hw[1] // FINE_STRIDE)
        graphs.check_statistics(
            4 * (cells * (3 * card.channels + 5) + 7 * pixels), n_slots, "Detector 'reference'"
        )

    def fit_embedded(self, reference: Embedding, normals: Sequence[Embedding]) -> Self:
        """See ``Detector.fit_embedded``."""
        all_of = [reference, *normals]
        if len({e.features.shape for e in all_of}) > 1:
            raise ShapeError(
                f"Crops of {sorted({e.features.shape[0] for e in all_of})} slots were given. "
                "Reference and normals need the same slots. Cut them with one sampler."
            )
        mask = self._cell_mask(reference.features.shape[0])
        features, moments = [e.features for e in all_of], [e.moment for e in all_of]
        if self.kind == "texture":
            self.features_ = texture_tolerance(features, moments, self._noise_covariance(), mask)
            self.fine_ = None
            return self
        self.features_ = feature_tolerance(
            features, moments, self._noise_covariance(), mask, self.backbone.card.stride
        )
        self.fine_ = fine_tolerance([e.fine for e in all_of])
        return self

    def _cell_mask(self, n_slots: int) -> BoolArray:
        """(S, h, w) cells most of which lie in the region."""
        stride = self.backbone.card.stride
        h, w = self.net_hw[0] // stride, self.net_hw[1] // stride
        if self.masks is None:
            return np.ones((n_slots, h, w), np.bool_)
        if self.masks.shape != (n_slots, *self.net_hw):
            raise ShapeError(
                f"Masks have shape {self.masks.shape}. They go with {n_slots} slots of "
                f"{self.net_hw}. Give one mask per slot."
            )
        blocks = self.masks.reshape(n_slots, h, stride, w, stride)
        cells = blocks.mean(axis=(2, 4)) > 0.5
        return cells if cells.any() else np.ones_like(cells)

    def _run_backbone(self, crops: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Features and fine plane, crop by crop: in a batch, one's work leaves the core's cache."""
        session = self._backbone_session()

        def run(at: int) -> list[FloatArray]:
            return list(session.run(None, {"crop": crops[at : at + 1]}))

        if self.threads == 1 or len(crops) == 1:
            found = [run(at) for at in range(len(crops))]
        else:
            with ThreadPoolExecutor(min(self.threads, len(crops))) as pool:
                found = list(pool.map(run, range(len(crops))))
        features, fine = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return features, fine

    def _backbone_session(self) -> ort.InferenceSession:
        if self._session is None:
            self._session = self._session_of(self.net_hw)
        return self._session

    def _session_of(self, net_hw: tuple[int, int]) -> ort.InferenceSession:
        model = graphs.build_features(
            net_hw, lambda crop: [self.backbone.build(crop), fine_plane(crop)]
        )
        return one_thread_session(model)

    def _noise_covariance(self) -> DoubleArray:
        """(C, C) covariance of the features of a flat grey under sensor noise."""
        if self._noise is None:
            rng = np.random.default_rng(self.seed)
            flat = 0.4 + NOISE * rng.standard_normal((1, 3, 256, 256))
            crops = np.clip(flat, 0, 1).astype(np.float32)
            features = self._session_of((256, 256)).run(None, {"crop": crops})[0]
            cells = features[0, :, 4:-4, 4:-4].reshape(features.shape[1], -1).astype(np.float64)
            away = cells - cells.mean(axis=1, keepdims=True)
            self._noise = gram(away) / (away.shape[1] - 1) + 1e-9 * np.eye(len(cells))
        return self._noise

    # -- graph ---------------------------------------------------------------

    def to_graph(self) -> onnx.ModelProto:
        """See ``Detector.to_graph``."""
        statistics = self._statistics()
        shapes = tuple((name, value.shape) for name, value in statistics.items())
        if self._skeleton is None or self._skeleton[0] != shapes:
            n_slots = (statistics.get("place", statistics["centre"])).shape[0]
            graph = graphs.build_graph(
                self.net_hw, n_slots, lambda crop, slot: self._body(crop, slot, statistics)
            )
            self._skeleton = shapes, graph
        return graphs.with_statistics(self._skeleton[1], statistics)

    def _statistics(self) -> dict[str, FloatArray]:
        """All learned arrays by name, as the graph holds them."""
        if self.features_ is None:
            raise NotFittedError(
                "Detector 'reference' has not been fitted. A graph needs statistics. Call fit."
            )
        found = self.features_.arrays()
        if self.fine_ is not None:
            found["fine"] = self.fine_.planes
        return found

    def _body(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        stride = self.backbone.card.stride
        z = graphs.conv(self.backbone.build(crop), statistics["weight"], name="weight")
        if self.kind == "texture":
            inputs = _texture_distance(z, slot, statistics)
            fine = None
        else:
            inputs = _feature_distance(z, slot, statistics, stride)
            fine = op.mul(
                graphs.depthwise(
                    _fine_distance(fine_plane(crop), slot, statistics["fine"]), _SMOOTH, 1
                ),
                const(1 / FINE_UNIT),
            )
            inputs["fine"] = fine
        factor = None if self.head is None else self.head.factor(inputs)
        total = graphs.depthwise(inputs["distance"], _SMOOTH, 1)
        return _joined(total, fine, factor, stride // FINE_STRIDE)


def _joined(distance: Var, fine: Var | None, factor: Var | None, steps: int) -> Var:
    """The map from distances and the logarithm of a factor, ``steps`` fine pixels per cell."""
    total = graphs.upsample(distance, steps)
    if fine is not None:
        total = op.add(total, fine)
    total = op.relu(op.sub(total, const(DEAD_ZONE)))
    if factor is not None:
        total = op.mul(total, op.exp(graphs.upsample(factor, steps)))
    return graphs.upsample(total, FINE_STRIDE)


def fine_plane(crop: Var) -> Var:
    """Tone at stride 2, lightly smoothed: [N, 1, H / 2, W / 2]."""
    pooled = graphs.mean_pool(tone(crop), FINE_STRIDE)
    return graphs.depthwise(graphs.channel_sum(pooled, 3, 1 / 3), _SMOOTH, 1)


def _texture_distance(z: Var, slot: Var | None, t: dict[str, FloatArray]) -> dict[str, Var]:
    """Residual, and the smaller mean squared distance: to the texture or to the reference here."""
    residual = op.sub(z, graphs.statistic("centre", t["centre"]))
    texture = _square(residual)
    place = _square(op.sub(z, graphs.select("place", t["place"], slot)))
    channels = t["centre"].shape[1]
    distance = op.min([graphs.channel_sum(x, channels, 1 / channels) for x in (texture, place)])
    return {"residual": residual, "distance": distance}


def _feature_distance(
    z: Var, slot: Var | None, t: dict[str, FloatArray], stride: int
) -> dict[str, Var]:
    """Residual to the tolerance, its square, free along shifts and up to the reference.

    Nodes that only a head needs are left out of a graph without.
    """
    channels, h, w = t["centre"].shape[1:]
    centre = graphs.select("centre", t["centre"], slot)
    width = graphs.select("inverse_width", t["inverse_width"], slot)
    r = op.mul(op.sub(z, centre), width)
    if "toward" in t:
        toward = graphs.select("toward", t["toward"], slot)
        inverse = graphs.select("toward_inverse", t["toward_inverse"], slot)
        share = op.mul(graphs.channel_sum(op.mul(r, toward), channels), inverse)
        r = op.sub(r, op.mul(op.clip(share, const(0.0), const(1.0)), toward))
    padded = graphs.pad_edge(centre, 1, 1, 1, 1)
    along = op.mul(width, const(SHIFT_PX / (2 * stride)))
    right, left, down, up = (
        graphs.shifted(padded, dy, dx, h, w, 1) for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0))
    )
    move = op.mul(r, along)
    step_x, step_y = op.sub(right, left), op.sub(down, up)
    p = graphs.channel_sum(op.mul(move, step_x), channels)
    q = graphs.channel_sum(op.mul(move, step_y), channels)
    shift = [
        graphs.select(f"shift_{axis}", t[f"shift_{axis}"], slot) for axis in ("xx", "xy", "yy")
    ]
    rest = op.sub(graphs.channel_sum(_square(r), channels), _quadratic(p, q, shift))
    gain = graphs.select("gain", t["gain"], slot)
    xx, xy, yy = shift
    by_x = op.add(op.mul(p, xx), op.mul(q, xy))
    by_y = op.add(op.mul(p, xy), op.mul(q, yy))
    moved = op.mul(op.add(op.mul(by_x, step_x), op.mul(by_y, step_y)), along)
    unit = op.sqrt(op.mul(gain, const(float(channels))))
    return {
        "residual": op.mul(op.sub(r, moved), unit),
        "distance": op.mul(op.relu(rest), gain),
    }


def _quadratic(p: Var, q: Var, inverse: Sequence[Var]) -> Var:
    """(p, q) M (p, q)^T with M given as planes xx, xy, yy."""
    xx, xy, yy = inverse
    cross = op.mul(op.mul(p, q), op.add(xy, xy))
    return op.add(op.add(op.mul(op.mul(p, p), xx), cross), op.mul(op.mul(q, q), yy))


def _fine_distance(fine: Var, slot: Var | None, planes: FloatArray) -> Var:
    """Least residual over no shift and one fine pixel each way, solved for the rest."""
    h, w = planes.shape[2:]
    padded = graphs.pad_edge(graphs.select("fine", planes, slot), 1, 1, 1, 1)
    moved = [
        op.unsqueeze(graphs.shifted(padded, dy, dx, h, w, 1), graphs.ints(2))
        for dy, dx in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    stack = op.concat(moved, axis=2)  # [N, 7, 5, h, w]
    low, high, slope_x, slope_y, *inverse = (
        op.squeeze(part, graphs.ints(1)) for part in op.split(stack, num_outputs=7, axis=1)
    )
    r = op.sub(fine, op.min([op.max([fine, low]), high]))
    terms = op.concat([_square(r), op.mul(r, slope_x), op.mul(r, slope_y)], axis=1)
    pooled = op.average_pool(terms, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=(1, 1))
    e, p, q = op.split(pooled, num_outputs=3, axis=1)
    rest = op.sub(e, _quadratic(p, q, inverse))
    return op.relu(op.reduce_min(rest, graphs.ints(1), keepdims=1))


def _square(x: Var) -> Var:
    return op.mul(x, x)
