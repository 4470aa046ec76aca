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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from offspec import graphs
from offspec.backbones import tone
from offspec.detectors.feature_based import DEAD_ZONE, SMOOTH, FeatureDetector, square
from offspec.detectors.tolerance import (
    SHIFT_PX,
    FeatureTolerance,
    FineTolerance,
    TextureTolerance,
    feature_tolerance,
    fine_tolerance,
    second_moment,
    texture_tolerance,
)
from offspec.graphs import Var, const, op
from offspec.types import DoubleArray, FloatArray

FINE_STRIDE = 2
FINE_UNIT = 1e-3  # squared tone difference of the fine plane that counts as one: 10 % contrast


@dataclass(frozen=True, slots=True)
class Embedding:
    """What one image's crops become, before anything is estimated."""

    features: FloatArray
    fine: FloatArray
    moment: DoubleArray


class ReferenceDetector(FeatureDetector):
    """Template comparison; arguments as ``FeatureDetector``."""

    name = "reference"
    takes_head = True
    features_: FeatureTolerance | TextureTolerance | None = None
    fine_: FineTolerance | None = None

    def embed(self, crops: FloatArray) -> Embedding:
        """Features, fine plane and second moment of one image's crops (S, 3, H, W)."""
        self._check_crops(crops)
        features, fine = self._run_backbone(crops)
        mask = self._cell_mask(crops.shape[0])
        return Embedding(features, fine, second_moment(features, mask))

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        h, w = self.cells_hw
        pixels = (self.net_hw[0] // FINE_STRIDE) * (self.net_hw[1] // FINE_STRIDE)
        return 4 * (h * w * (3 * self.backbone.card.channels + 5) + 7 * pixels)

    def _outputs(self, crop: Var) -> list[Var]:
        return [self.backbone.build(crop), fine_plane(crop)]

    def fit_embedded(self, reference: Embedding, normals: Sequence[Embedding]) -> Self:
        """See ``Detector.fit_embedded``."""
        all_of = [reference, *normals]
        self._check_slots([e.features.shape for e in all_of])
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

    def _statistics(self) -> dict[str, FloatArray] | None:
        if self.features_ is None:
            return None
        found = self.features_.arrays()
        if self.fine_ is not None:
            found["fine"] = self.fine_.planes
        return found

    def _slots_of(self, statistics: Mapping[str, FloatArray]) -> int:
        return int((statistics.get("place", statistics["centre"])).shape[0])

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
                    _fine_distance(fine_plane(crop), slot, statistics["fine"]), SMOOTH, 1
                ),
                const(1 / FINE_UNIT),
            )
            inputs["fine"] = fine
        factor = None if self.head is None else self.head.factor(inputs)
        total = graphs.depthwise(inputs["distance"], SMOOTH, 1)
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
    return graphs.depthwise(graphs.channel_sum(pooled, 3, 1 / 3), SMOOTH, 1)


def _texture_distance(z: Var, slot: Var | None, t: dict[str, FloatArray]) -> dict[str, Var]:
    """Residual, and the smaller mean squared distance: to the texture or to the reference here."""
    residual = op.sub(z, graphs.statistic("centre", t["centre"]))
    texture = square(residual)
    place = square(op.sub(z, graphs.select("place", t["place"], slot)))
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
    rest = op.sub(graphs.channel_sum(square(r), channels), _quadratic(p, q, shift))
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
    terms = op.concat([square(r), op.mul(r, slope_x), op.mul(r, slope_y)], axis=1)
    pooled = op.average_pool(terms, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=(1, 1))
    e, p, q = op.split(pooled, num_outputs=3, axis=1)
    rest = op.sub(e, _quadratic(p, q, inverse))
    return op.relu(op.reduce_min(rest, graphs.ints(1), keepdims=1))
