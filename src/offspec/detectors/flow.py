"""``flow``: a normalising flow learns how likely whitened backbone features are.

Features are taken relative to the mean at their place (objects) or to one mean (textures), and
whitened by one covariance, so that the flow starts from a Gaussian model and learns what that
misses. While training, the mean is of the other images, as it will be in production.

Reference:
    FastFlow, Yu et al. (arXiv:2111.07677); CFLOW-AD, Gudovskiy et al. (WACV 2022).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.detectors.feature_based import SMOOTH
from offspec.detectors.linear import gram, inverse_root, one_thread_session, product_double
from offspec.detectors.pooled import PooledDetector, PooledOptions
from offspec.graphs import Var, op
from offspec.types import DoubleArray, FloatArray

if TYPE_CHECKING:
    import torch

    from offspec.networks.loop import Task

LN_2 = math.log(2)
RIDGE = 1e-3  # of the mean variance, added to each: directions in which nothing varies
PLACE_PRIOR = 20.0  # images that the common spread counts for against the spread at a place


class FlowOptions(PooledOptions):
    """Options of ``flow``."""

    channels: int = Field(
        default=64, ge=4, le=256, description="At most; more are projected at random."
    )
    width: int = Field(
        default=64, ge=8, le=256, multiple_of=8, description="Channels inside a coupling."
    )
    couplings: int = Field(default=8, ge=2, le=32, description="Layers of the flow.")
    noise: float = Field(
        default=0.1, ge=0, le=1, description="Deviations added to features while training."
    )


class FlowDetector(PooledDetector):
    """Likelihood of features; arguments as ``FeatureDetector``."""

    name = "flow"
    options_model = FlowOptions
    fewest = {"object": 4, "texture": 3}  # noqa: RUF012 - as declared

    @property
    def _settings(self) -> FlowOptions:
        return cast("FlowOptions", self.options)

    @property
    def _kept(self) -> int:
        """Channels of the flow."""
        return min(self.backbone.card.channels, self._settings.channels)

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        h, w = self.cells_hw
        placed = self.kind == "object"
        return super().slot_bytes() + (8 * h * w * self._kept if placed else 0)

    # -- training ------------------------------------------------------------

    def _task(
        self, train: torch.Tensor, stop: torch.Tensor, generator: torch.Generator
    ) -> tuple[Task, torch.nn.Module]:
        import torch  # noqa: PLC0415

        from offspec.networks.flows import Flow, FlowTask  # noqa: PLC0415 - needs torch

        o = self._settings
        seen, held = self._features(train.cpu().numpy()), self._features(stop.cpu().numpy())
        residual = self._learn_whitening(seen)
        self._held = self._whitened(held)
        network = Flow(self._kept, o.width, o.couplings, generator).to(train.device)
        sets = [torch.from_numpy(x).to(train.device) for x in (residual, self._held)]
        task = FlowTask(network, sets[0], sets[1], o.noise, o.training.batch, generator)
        return task, network

    def _learn_whitening(self, features: FloatArray) -> FloatArray:
        """Set mean, whitening and spread; returns what the flow trains on, (n S, K, h, w)."""
        slots = self._n_slots
        images = features.reshape(-1, slots, *features.shape[1:])
        n, texture = len(images), self.kind == "texture"
        axes = (0, 1, 3, 4) if texture else (0,)
        mean = images.mean(axis=axes, keepdims=True, dtype=np.float64)
        away = images - mean.astype(np.float32)
        if not texture:
            away *= n / max(n - 1, 1)  # the distance to the mean of the other images
        rows = away.reshape(features.shape)
        self._whitening = self._whitening_of(rows)
        self._mean = self._project(mean[0])
        units = self._project(rows)
        variance = np.ones((1, self._kept, 1, 1))
        if not texture:
            by_image = units.reshape(n, slots, *units.shape[1:])
            own = np.square(by_image).mean(axis=0, dtype=np.float64)
            variance = (n * own + PLACE_PRIOR) / (n + PLACE_PRIOR)
        self._inverse = (1 / np.sqrt(variance)).astype(np.float32)
        return self._scaled(units)

    def _whitening_of(self, rows: FloatArray) -> DoubleArray:
        """(K, C): all directions with variance 1, then a projection if there are too many."""
        channels = rows.shape[1]
        covariance = np.zeros((channels, channels))
        for row in rows:  # one at a time: in float64, all would take much memory
            covariance += gram(row.reshape(channels, -1).astype(np.float64))
        covariance *= channels / rows.size
        ridge = RIDGE * float(np.trace(covariance)) / channels + 1e-9
        root = inverse_root(covariance + ridge * np.eye(channels))
        if self._kept == channels:
            return root
        drawn = np.random.default_rng(self.seed).standard_normal((self._kept, channels))
        directions = product_double(inverse_root(gram(drawn)), drawn)  # orthonormal rows
        return product_double(directions, root)

    def _project(self, features: FloatArray | DoubleArray) -> FloatArray:
        """(n, C, h, w) to (n, K, h, w)."""
        n, channels, h, w = features.shape
        found = np.empty((n, self._kept, h, w), np.float32)
        for into, row in zip(found, features, strict=True):
            flat = row.reshape(channels, -1).astype(np.float64)
            into[:] = product_double(self._whitening, flat).reshape(-1, h, w)
        return found

    def _scaled(self, units: FloatArray) -> FloatArray:
        slots = len(self._inverse)  # 1 for textures
        found = units.reshape(-1, slots, *units.shape[1:]) * self._inverse
        return np.ascontiguousarray(found.reshape(units.shape), np.float32)

    def _whitened(self, features: FloatArray) -> FloatArray:
        """What the network sees of features, (n S, K, h, w) in order of slots."""
        units = self._project(features)
        slots = len(self._mean)
        away = units.reshape(-1, slots, *units.shape[1:]) - self._mean
        return self._scaled(away.reshape(units.shape))

    def _example(self, crops: torch.Tensor) -> list[torch.Tensor]:  # noqa: ARG002 - held out ones
        import torch  # noqa: PLC0415

        both = np.concatenate([self._held, self._held])[:2]
        return [torch.from_numpy(both.copy())]

    def _prepare(self, reference: FloatArray, train: FloatArray) -> dict[str, FloatArray]:  # noqa: ARG002
        assert self.network_ is not None  # noqa: S101 - for the type checker
        session = one_thread_session(self.network_)
        found = [session.run(None, {"in0": one[None]})[0] for one in self._held]
        median = np.full((1, 1, 1, 1), np.median(np.concatenate(found)), np.float32)
        return {
            "mean": self._mean,
            "inverse": self._inverse,
            "whitening": self._whitening.astype(np.float32)[..., None, None],
            "median": median,
        }

    def words(self) -> str:
        """What the training did, with the likelihood of held-out normals."""
        if self.history_ is None:
            return ""
        plain = (0.5 * float(np.square(self._held).mean()) + 0.5 * math.log(2 * math.pi)) / LN_2
        return (
            f"{super().words()} Held-out normals take {self.history_.best:.3f} bits per dimension "
            f"under the flow, {plain:.3f} under the normal distribution it starts from; fewer are "
            "better."
        )

    # -- graph -----------------------------------------------------------------

    def _raw(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        placed = slot if self.kind == "object" else None
        units = graphs.conv(self._pooled(crop), statistics["whitening"], name="whitening")
        away = op.sub(units, graphs.select("mean", statistics["mean"], placed))
        seen = op.mul(away, graphs.select("inverse", statistics["inverse"], placed))
        unlikely = self._inlined([seen])[0]
        above = op.softplus(op.sub(unlikely, graphs.statistic("median", statistics["median"])))
        return graphs.upsample(graphs.depthwise(above, SMOOTH, 1), self.grid_stride)
