"""``patchcore``: what good parts look like, patch by patch, kept; a new patch seeks its nearest.

Fixed parts: each position keeps some looks of its own, and a patch is compared with those of its
position and the ones around (``window``), so that a part in the wrong place is no good part.
Textures: one bank for all positions, thinned to a coreset.

Reference:
    Roth et al., PatchCore (CVPR 2022): patches, coreset, nearest neighbour, re-weighting by the
    neighbours of the nearest. The weight is applied at every position, so that it does not
    depend on what lies outside the region. Search by position: as in PNI (Bae et al., ICCV 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.detectors.coreset import k_centre, neighbours
from offspec.detectors.feature_based import FeatureDetector, finished, square, unless_reference
from offspec.detectors.linear import principal, product_double
from offspec.detectors.tolerance import Embedding, apply, over_all_cells, second_moment, whitening
from offspec.graphs import Var, const, op
from offspec.options import Options
from offspec.types import BoolArray, FloatArray

GRID = 8  # crop pixels per patch, where features are finer
MAX_BANK = 10_000
MAX_POSITIONS = 1024  # compared with the bank at a time
MAX_WINDOWED = 64  # looks times window


class PatchcoreOptions(Options):
    """Options of ``patchcore``."""

    search: Literal["auto", "position", "global"] = Field(
        default="auto", description="auto = by position for objects, global for textures."
    )
    neighbourhood: Literal[1, 3, 5] = Field(default=3, description="Cells averaged into a patch.")
    whiten: bool | Literal["auto"] = Field(
        default="auto",
        description="Weigh channels by how little good parts vary; auto = not with a foreign "
        "backbone, whose channels that vary most say most.",
    )
    dimensions: int = Field(
        default=128,
        ge=8,
        le=128,
        description="At most; of more channels, the directions in which good parts vary most.",
    )
    coreset_ratio: float = Field(
        default=0.1, gt=0, le=1, description="Of all patches kept, at most 10,000; global search."
    )
    window: Literal[1, 3, 5] = Field(default=3, description="Cells each way; search by position.")
    neighbours: int = Field(default=9, ge=1, le=32, description="For re-weighting; 1 = none.")


class PatchcoreDetector(FeatureDetector):
    """Memory bank; arguments as ``FeatureDetector``."""

    name = "patchcore"
    options_model = PatchcoreOptions
    arrays_: dict[str, FloatArray] | None = None

    @property
    def _settings(self) -> PatchcoreOptions:
        return cast("PatchcoreOptions", self.options)

    @property
    def by_position(self) -> bool:
        """Whether a patch is compared with looks of its own place only."""
        if self._settings.search == "auto":
            return self.kind == "object"
        return self._settings.search == "position"

    @property
    def grid_stride(self) -> int:
        """Crop pixels per patch."""
        return max(self.backbone.card.stride, GRID)

    @property
    def dimensions(self) -> int:
        """Of a patch after projection."""
        return min(self._settings.dimensions, self.backbone.card.channels)

    @property
    def whitened(self) -> bool:
        """What ``whiten`` stands for."""
        wanted = self._settings.whiten
        return not self.backbone.card.foreign if wanted == "auto" else wanted

    @property
    def looks(self) -> int:
        """Most looks a position keeps."""
        return max(MAX_WINDOWED // self._settings.window**2, 1)

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        h, w = self.cells_hw
        return 4 * h * w * self.dimensions * (1 + (self.looks if self.by_position else 0))

    # -- fitting -----------------------------------------------------------

    def _outputs(self, crop: Var) -> list[Var]:
        features = self.backbone.build(crop)
        card, side = self.backbone.card, self._settings.neighbourhood
        if side > 1 and card.foreign:
            features = graphs.faded_mean(features, side)
        elif side > 1:
            mean = np.full((side, side), 1 / side**2, np.float32)
            features = graphs.depthwise(features, mean, card.channels)
        return [graphs.mean_pool(features, self.grid_stride // card.stride)]

    def embed(self, crops: FloatArray) -> Embedding:
        """Patches and their second moment of one image's crops (S, 3, H, W)."""
        self._check_crops(crops)
        features = self._run_backbone(crops)[0]
        return Embedding(features, second_moment(features, self._cell_mask(len(crops))))

    def fit_embedded(self, reference: Embedding, normals: Sequence[Embedding]) -> Self:
        """See ``Detector.fit_embedded``."""
        images = [reference, *normals]
        self._check_slots([one.features.shape for one in images])
        mask = self._cell_mask(len(reference.features))
        weight = self._weight(images, mask)
        white = [apply(weight, one.features) for one in images]
        found = {"weight": weight[:, :, None, None], "place": white[0]}
        if self.by_position:
            found["looks"] = _looks(white, min(self.looks, len(white)))
        else:
            found |= self._bank(white, mask)
        self.arrays_ = found
        return self

    def _weight(self, images: Sequence[Embedding], mask: BoolArray) -> FloatArray:
        """(d, C): whitening by what all patches have in common, and projection."""
        channels = self.backbone.card.channels
        _, covariance = over_all_cells(
            [one.features for one in images],
            [one.moment for one in images],
            self._noise_covariance(),
            mask,
        )
        kept = np.eye(channels)
        if self.dimensions < channels:
            kept = principal(covariance, self.dimensions, self.seed)
            covariance = product_double(product_double(kept, covariance), kept.T.copy())
        if self.whitened:
            return np.asarray(
                product_double(whitening(covariance).astype(np.float64), kept), np.float32
            )
        scale = 1 / math.sqrt(float(np.trace(covariance)) / self.dimensions)
        return np.asarray(scale * kept, np.float32)

    def _bank(self, white: Sequence[FloatArray], mask: BoolArray) -> dict[str, FloatArray]:
        """The coreset of all patches in the region, the reference's first, and neighbours.

        ``bank`` is (d + 1, M), -2 b above |b|^2: times (z, 1) it gives |z - b|^2 - |z|^2.
        """
        patches = np.concatenate([one.transpose(0, 2, 3, 1)[mask] for one in white])
        count = min(max(math.ceil(len(patches) * self._settings.coreset_ratio), 1), MAX_BANK)
        bank = patches[k_centre(patches, count, self.progress)]
        found = {"bank": np.concatenate([-2 * bank.T, np.square(bank).sum(axis=1)[None]])}
        if min(self._settings.neighbours, len(bank)) > 1:
            found["near"] = neighbours(bank, self._settings.neighbours).astype(np.float32)
        return found

    # -- graph -------------------------------------------------------------

    def _statistics(self) -> dict[str, FloatArray] | None:
        return self.arrays_

    def _body(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        t, d = statistics, self.dimensions
        z = graphs.conv(self._outputs(crop)[0], t["weight"], name="weight")
        if self.by_position:
            distance = self._windowed(z, graphs.select("looks", t["looks"], slot), t["looks"])
        else:
            distance = self._global(z, t)
        place = graphs.select("place", t["place"], slot)
        distance = op.mul(square(distance), const(1 / d))
        return finished(unless_reference(distance, z, place, d), self.grid_stride)

    def _windowed(self, z: Var, looks: Var, shape_of: FloatArray) -> Var:
        """[N, 1, h, w] from z [N, d, h, w] and looks [N, K, d, h, w]."""
        count, d, h, w = shape_of.shape[1:]
        reach = self._settings.window // 2
        padded = op.pad(
            looks, graphs.ints(0, 0, 0, reach, reach, 0, 0, 0, reach, reach), mode="edge"
        )
        alone = op.unsqueeze(z, graphs.ints(1))
        found = []
        for top in range(2 * reach + 1):
            for left in range(2 * reach + 1):
                moved = op.slice(
                    padded,
                    graphs.ints(top, left),
                    graphs.ints(top + h, left + w),
                    graphs.ints(3, 4),
                )
                away = square(op.sub(moved, alone))
                away = graphs.channel_sum(op.reshape(away, graphs.ints(-1, d, h, w)), d)
                found.append(op.reshape(away, graphs.ints(-1, count, h, w)))
        total = op.concat(found, axis=1)
        near = min(self._settings.neighbours, len(found) * count)
        if near == 1:
            return op.sqrt(op.reduce_min(total, graphs.ints(1), keepdims=1))
        nearest = op.sqrt(op.top_k(total, graphs.ints(near), axis=1, largest=0)[0])
        return _weighted(nearest)

    def _global(self, z: Var, t: dict[str, FloatArray]) -> Var:
        """[N, 1, h, w] from z [N, d, h, w], some rows at a time."""
        h, w = self.cells_hw
        d = self.dimensions
        own = graphs.statistic("bank", t["bank"])  # [d + 1, M]
        table = None
        if "near" in t:
            table = op.cast(graphs.statistic("near", t["near"]), to=np.int64)
        patches = op.transpose(op.reshape(z, graphs.ints(0, d, h * w)), perm=[0, 2, 1])
        parts = []
        for start in range(0, h * w, MAX_POSITIONS):
            stop = min(start + MAX_POSITIONS, h * w)
            part = patches
            if stop - start < h * w:
                part = op.slice(patches, graphs.ints(start), graphs.ints(stop), graphs.ints(1))
            length = op.reduce_sum_square(part, graphs.ints(2), keepdims=1)
            padded = op.pad(part, graphs.ints(0, 0, 0, 0, 0, 1), const(1.0))
            parts.append(_nearest(op.matmul(padded, own), length, table))
        found = parts[0] if len(parts) == 1 else op.concat(parts, axis=1)
        return op.reshape(found, graphs.ints(-1, 1, h, w))


def _nearest(away: Var, length: Var, table: Var | None) -> Var:
    """[N, P, 1] from squared distances [N, P, M], less ``length``, and neighbours [M, b]."""
    if table is None:
        least = op.reduce_min(away, graphs.ints(2), keepdims=1)
        return op.sqrt(op.relu(op.add(least, length)))
    least, best = op.top_k(away, graphs.ints(1), axis=2, largest=0)
    least = op.sqrt(op.relu(op.add(least, length)))
    around = op.gather(table, op.squeeze(best, graphs.ints(2)), axis=0)  # [N, P, b]
    near = op.add(op.gather_elements(away, around, axis=2), length)
    return _weighted(op.sqrt(op.relu(near)), least, axis=2)


def _weighted(near: Var, least: Var | None = None, axis: int = 1) -> Var:
    """The least distance, less where its neighbours are as far: a rare but good look.

    Args:
        near: Distances to the nearest look and its neighbours along ``axis``.
        least: The distance; None = the first of ``near``.
        axis: Kept, with size 1.
    """
    first = graphs.ints(0), graphs.ints(1), graphs.ints(axis)
    least = op.slice(near, *first) if least is None else least
    return op.mul(least, op.sub(const(1.0), op.slice(op.softmax(near, axis=axis), *first)))


def _looks(white: Sequence[FloatArray], count: int) -> FloatArray:
    """(S, K, d, h, w): at each position the looks that cover the others, the reference first."""
    stack = np.stack(white, axis=1)  # (S, n, d, h, w)
    s, n, d, h, w = stack.shape
    found = np.empty((s, count, d, h, w), np.float32)
    for slot in range(s):
        found[slot, 0] = stack[slot, 0]
        nearest = np.full((n, h, w), np.inf, np.float32)
        for at in range(1, count):
            away = np.square(stack[slot] - found[slot, at - 1]).sum(axis=1)
            np.minimum(nearest, away, out=nearest)
            best = nearest.argmax(axis=0)  # (h, w)
            found[slot, at] = np.take_along_axis(stack[slot], best[None, None], 0)[0]
    return found
