"""``padim``: a normal distribution of the features at every position, or one for a texture.

Features are first whitened by what all positions have in common. Around that, each position has
its own centre and, as ``covariance`` says, its own variances (``diagonal``), its own leading
directions (``low_rank``) or all of its covariance (``full``), shrunk towards the common one:
25 images cannot say what 70 channels do at one place.

Reference:
    Defard et al., PaDiM (ICPR 2020): positions, random choice of channels, Mahalanobis distance.
    Shrinkage towards the pooled covariance in place of the paper's 0.01 on the diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.detectors.feature_based import FeatureDetector, finished, square, unless_reference
from offspec.detectors.tolerance import Embedding, apply, over_all_cells, second_moment, whitening
from offspec.errors import LimitError
from offspec.graphs import MAX_SLOT_BYTES, Var, op
from offspec.options import Options
from offspec.types import DoubleArray, FloatArray

PRIOR_NORMALS = 2.0  # what sensor noise allows weighs as much as this many normals
EPSILON = 0.01  # of the paper, section III B

Covariance = Literal["auto", "full", "low_rank", "diagonal"]


class PadimOptions(Options):
    """Options of ``padim``."""

    covariance: Covariance = Field(
        default="auto",
        description="full, low_rank or diagonal; auto = diagonal, and full for textures.",
    )
    dimensions: int | None = Field(
        default=None, ge=1, description="Channels, a seeded random choice; null = all."
    )
    rank: int = Field(default=16, ge=1, description="Directions a position keeps with low_rank.")
    shrinkage: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Towards the common covariance; null = d / (d + n - 1), 20 / (20 + n - 1) "
        "where diagonal.",
    )
    epsilon: float | None = Field(
        default=None,
        ge=0,
        description="Added to every variance, in units of the features; null = the paper's 0.01 "
        "with a foreign backbone, 0 with the package's.",
    )


class PadimDetector(FeatureDetector):
    """Gaussian per position; arguments as ``FeatureDetector``."""

    name = "padim"
    options_model = PadimOptions
    fewest = {"object": 3, "texture": 1}  # noqa: RUF012 - as declared
    arrays_: dict[str, FloatArray] | None = None

    @property
    def dimensions(self) -> int:
        """Channels in use."""
        channels = self.backbone.card.channels
        return min(self._settings.dimensions or channels, channels)

    @property
    def covariance(self) -> Literal["full", "low_rank", "diagonal"]:
        """What ``auto`` stands for."""
        if self._settings.covariance == "auto":
            return "full" if self.kind == "texture" else "diagonal"
        return self._settings.covariance

    @property
    def _settings(self) -> PadimOptions:
        return cast("PadimOptions", self.options)

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        return self._slot_bytes(self.dimensions)

    def _slot_bytes(self, d: int) -> int:
        h, w = self.cells_hw
        if self.kind == "texture":
            return 4 * h * w * d
        rows = {"full": d, "low_rank": min(self._settings.rank, d), "diagonal": 1}
        return 4 * h * w * d * (2 + rows[self.covariance])

    def check_limits(self, n_slots: int = 1) -> None:
        """See ``Detector.check_limits``; names the largest dimension that fits."""
        by_position = self.kind == "object" and self.covariance != "diagonal"
        if by_position and self.slot_bytes() > MAX_SLOT_BYTES:
            fits = max((d for d in range(1, self.dimensions) if self._fits(d)), default=0)
            raise LimitError(
                f"Detector 'padim' needs {self.slot_bytes() / 2**20:.0f} MB for "
                f"{self.covariance} covariances of {self.dimensions} dimensions at "
                f"{self.cells_hw[0]} x {self.cells_hw[1]} positions. At most "
                f"{MAX_SLOT_BYTES >> 20} MB are allowed, which {fits} dimensions fit. Set option "
                "'dimensions' to that, take covariance diagonal or low_rank, or a lower resolution."
            )
        super().check_limits(n_slots)

    def _fits(self, d: int) -> bool:
        return self._slot_bytes(d) <= MAX_SLOT_BYTES

    # -- fitting -----------------------------------------------------------

    def embed(self, crops: FloatArray) -> Embedding:
        """Features and their second moment of one image's crops (S, 3, H, W)."""
        self._check_crops(crops)
        features = np.ascontiguousarray(self._run_backbone(crops)[0][:, self._chosen()])
        return Embedding(features, second_moment(features, self._cell_mask(len(crops))))

    def _chosen(self) -> slice | list[int]:
        channels = self.backbone.card.channels
        if self.dimensions == channels:
            return slice(None)
        rng = np.random.default_rng(self.seed)
        return sorted(rng.choice(channels, self.dimensions, replace=False).tolist())

    def fit_embedded(self, reference: Embedding, normals: Sequence[Embedding]) -> Self:
        """See ``Detector.fit_embedded``."""
        images = [reference, *normals]
        self._check_slots([one.features.shape for one in images])
        fitted = self._texture(images) if self.kind == "texture" else self._object(images)
        fitted["place"] = apply(fitted["weight"], reference.features)
        fitted["weight"] = self._from_all_channels(fitted["weight"])[:, :, None, None]
        self.arrays_ = fitted
        return self

    def _from_all_channels(self, weight: FloatArray) -> FloatArray:
        """(d, C): the choice of channels as part of the whitening."""
        whole = np.zeros((len(weight), self.backbone.card.channels), np.float32)
        whole[:, self._chosen()] = weight
        return whole

    def _floor(self) -> DoubleArray:
        """(d, d): what is added to every variance."""
        epsilon = self._settings.epsilon
        if epsilon is None:
            epsilon = EPSILON if self.backbone.card.foreign else 0.0
        return epsilon * np.eye(self.dimensions)

    def _allowed(self) -> DoubleArray:
        chosen = self._chosen()
        return self._noise_covariance()[chosen][:, chosen]

    def _texture(self, images: Sequence[Embedding]) -> dict[str, FloatArray]:
        mask = self._cell_mask(len(images[0].features))
        mean, covariance = over_all_cells(
            [one.features for one in images],
            [one.moment for one in images],
            self._allowed(),
            mask,
        )
        weight = self._texture_weight(covariance + self._floor())
        return {
            "weight": weight,
            "centre": apply(weight, mean.astype(np.float32)[None, :, None, None]),
        }

    def _texture_weight(self, covariance: DoubleArray) -> FloatArray:
        if self.covariance == "full":
            return whitening(covariance)
        if self.covariance == "diagonal":
            return np.diag(1 / np.sqrt(np.diag(covariance))).astype(np.float32)
        deviation = np.sqrt(np.diag(covariance))
        values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
        rank = min(self._settings.rank, self.dimensions)
        rest = values[: self.dimensions - rank]
        values = np.maximum(values, 1e-6)
        if len(rest):
            values[: len(rest)] = max(float(rest.mean()), 1e-6)
        return np.asarray((vectors / np.sqrt(values)) @ vectors.T / deviation, np.float32)

    def _object(self, images: Sequence[Embedding]) -> dict[str, FloatArray]:
        n, d = len(images), self.dimensions
        mask = self._cell_mask(len(images[0].features))
        total = images[0].features.astype(np.float64)
        for one in images[1:]:
            total += one.features
        mean = np.asarray(total / n, np.float32)
        away = [one.features - mean for one in images]
        scatter = sum((second_moment(a, mask) for a in away), np.zeros((d, d)))
        cells = max(int(mask.sum()), 1)
        noise = self._allowed()
        covariance = (PRIOR_NORMALS * noise + scatter / cells) / (PRIOR_NORMALS + n - 1)
        weight = whitening(covariance + self._floor())
        white = [apply(weight, a) for a in away]
        found = {"weight": weight, "centre": apply(weight, mean)}
        if self.covariance == "diagonal":
            found["inverse_width"] = self._inverse_width(white)
        else:
            found["root"] = self._roots(white)
        return found

    def _inverse_width(self, white: Sequence[FloatArray]) -> FloatArray:
        share = self._share(len(white), 20.0)
        variance = sum((a * a for a in white[1:]), white[0] ** 2) / np.float32(len(white) - 1)
        return np.asarray(1 / np.sqrt((1 - share) * variance + share), np.float32)

    def _share(self, n: int, prior: float) -> float:
        """Weight of the common covariance beside the position's own."""
        own = self._settings.shrinkage
        return prior / (prior + n - 1) if own is None else own

    def _roots(self, white: Sequence[FloatArray]) -> FloatArray:
        """(S, h w, k, d): |root r|^2 is the distance (full), or what it falls short of |r|^2."""
        n, d = len(white), self.dimensions
        share = self._share(n, float(d))
        stack = np.stack(white)  # (n, S, d, h, w)
        cells = stack.transpose(1, 3, 4, 0, 2).reshape(stack.shape[1], -1, n, d)
        full = self.covariance == "full"
        rows = d if full else min(self._settings.rank, d)
        found = np.zeros((*cells.shape[:2], rows, d), np.float32)
        for slot, own in enumerate(cells):
            for at in range(0, len(own), 256):
                part = slice(at, at + 256)
                block = own[part].astype(np.float64)
                found[slot, part] = (
                    _full_root(block, share) if full else _low_rank_root(block, share, rows)
                )
        return found

    # -- graph -------------------------------------------------------------

    def _statistics(self) -> dict[str, FloatArray] | None:
        return self.arrays_

    def _body(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        t, d = statistics, self.dimensions
        z = graphs.conv(self.backbone.build(crop), t["weight"], name="weight")
        if self.kind == "texture":
            r = op.sub(z, graphs.statistic("centre", t["centre"]))
        else:
            r = op.sub(z, graphs.select("centre", t["centre"], slot))
        if "inverse_width" in t:
            r = op.mul(r, graphs.select("inverse_width", t["inverse_width"], slot))
        distance = graphs.channel_sum(square(r), d, 1 / d)
        if "root" in t:
            projected = _at_positions(graphs.select("root", t["root"], slot), r, self.cells_hw)
            rows = t["root"].shape[2]
            taken = graphs.channel_sum(square(projected), rows, 1 / d)
            distance = taken if self.covariance == "full" else op.relu(op.sub(distance, taken))
        place = graphs.select("place", t["place"], slot)
        return finished(unless_reference(distance, z, place, d), self.backbone.card.stride)


def _full_root(cells: DoubleArray, share: float) -> DoubleArray:
    """(P, d, d) inverse Cholesky factors of shrunk covariances, from (P, n, d) deviations."""
    n, d = cells.shape[1:]
    own = cells.transpose(0, 2, 1) @ cells / (n - 1)
    shrunk = (1 - share) * own + share * np.eye(d)
    return np.linalg.inv(np.linalg.cholesky(shrunk))


def _low_rank_root(cells: DoubleArray, share: float, rank: int) -> DoubleArray:
    """(P, rank, d): leading directions, weighted by how much of their distance they explain.

    With S = U L U^T, shrunk to (1 - s) S + s I, the squared distance times s is
    |r|^2 - sum_j c_j (u_j^T r)^2 with c_j = (1 - s) l_j / ((1 - s) l_j + s).
    """
    n, d = cells.shape[1:]
    values, vectors = np.linalg.eigh(cells @ cells.transpose(0, 2, 1))  # (P, n), ascending
    keep = min(rank, n - 1)
    values, vectors = values[:, ::-1][:, :keep], vectors[:, :, ::-1][:, :, :keep]
    values = np.maximum(values, 1e-9)
    directions = (vectors / np.sqrt(values)[:, None]).transpose(0, 2, 1) @ cells
    explained = (1 - share) * values / (n - 1)
    weight = np.sqrt(explained / (explained + share))
    found = np.zeros((len(cells), rank, d))
    found[:, :keep] = directions * weight[:, :, None]
    return found


def _at_positions(root: Var, r: Var, cells_hw: tuple[int, int]) -> Var:
    """Each position's (k, d) matrix times its d channels: [N, k, h, w]."""
    h, w = cells_hw
    flat = op.transpose(_flat(r), perm=[0, 2, 1])  # [N, hw, d]
    found = op.matmul(root, op.unsqueeze(flat, graphs.ints(3)))  # [N, hw, k, 1]
    found = op.transpose(op.squeeze(found, graphs.ints(3)), perm=[0, 2, 1])
    return op.reshape(found, graphs.ints(0, 0, h, w))


def _flat(x: Var) -> Var:
    """[N, C, h, w] to [N, C, h w]."""
    return op.reshape(x, graphs.ints(0, 0, -1))
