"""``student``: a small network imitates frozen features of good parts; where it fails, stands out.

Beside it an autoencoder imitates them through one vector, so that it has to know the whole crop;
the student imitates that as well, and where these two differ something is missing or out of
place. Both differences are brought to one scale by quantiles of held-out normals.

Reference:
    EfficientAD, Batzner et al. (WACV 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.detectors.feature_based import SMOOTH, square
from offspec.detectors.linear import one_thread_session
from offspec.detectors.pooled import PooledDetector, PooledOptions
from offspec.graphs import Var, const, op
from offspec.types import FloatArray

if TYPE_CHECKING:
    import torch

    from offspec.networks.loop import Task

LOW, HIGH = 0.9, 0.995  # quantiles of a part of the map
RISE = 0.1  # of the scaled map between them
FOREIGN_IMAGES = 64  # procedural images drawn before training


class StudentOptions(PooledOptions):
    """Options of ``student``."""

    width: int = Field(
        default=32, ge=8, le=128, multiple_of=8, description="Channels of the networks."
    )
    latent: int = Field(default=64, ge=4, le=256, description="Length of the whole's vector.")
    hard: float = Field(
        default=0.05, ge=0.001, le=1, description="Share of differences that the student learns."
    )
    penalty: float = Field(
        default=1.0, ge=0, description="Weight of staying near 0 on procedural images."
    )


class StudentDetector(PooledDetector):
    """Student, teacher and autoencoder; arguments as ``FeatureDetector``."""

    name = "student"
    options_model = StudentOptions
    fewest = {"object": 3, "texture": 3}  # noqa: RUF012 - as declared

    @property
    def _settings(self) -> StudentOptions:
        return cast("StudentOptions", self.options)

    # -- training ------------------------------------------------------------

    def _task(
        self, train: torch.Tensor, stop: torch.Tensor, generator: torch.Generator
    ) -> tuple[Task, torch.nn.Module]:
        import torch  # noqa: PLC0415

        from offspec.networks.students import (  # noqa: PLC0415 - needs torch
            Imitators,
            StudentTask,
            procedural,
        )

        o = self._settings
        self._held = stop.cpu().numpy()
        seen, held = self._features(train.cpu().numpy()), self._features(self._held)
        self._mean = seen.mean(axis=(0, 2, 3), dtype=np.float64).astype(np.float32)
        deviation = np.sqrt(seen.var(axis=(0, 2, 3), dtype=np.float64) + 1e-12)
        self._inverse = (1 / deviation).astype(np.float32)
        network = Imitators(
            self.backbone.card.channels, self.cells_hw, self.net_hw, o.width, o.latent
        ).to(train.device)
        rng = np.random.default_rng(self.seed)
        foreign = torch.from_numpy(procedural(FOREIGN_IMAGES, self.net_hw, rng))
        sets = [
            (crops, self._teacher(x, crops.device)) for x, crops in ((seen, train), (held, stop))
        ]
        task = StudentTask(
            network, sets[0], sets[1], foreign.to(train.device), o.hard, o.penalty,
            o.training.batch, generator,
        )  # fmt: skip
        return task, network

    def _teacher(self, features: FloatArray, device: torch.device) -> torch.Tensor:
        """Features in units of their deviation, at half precision: they are all kept."""
        import torch  # noqa: PLC0415

        units = (features - self._mean[:, None, None]) * self._inverse[:, None, None]
        return torch.from_numpy(units.astype(np.float16)).to(device)

    def _network_outputs(self) -> list[str]:
        return ["local", "overall", "whole"]

    def _prepare(self, reference: FloatArray, train: FloatArray) -> dict[str, FloatArray]:  # noqa: ARG002
        shape = (1, -1, 1, 1)
        arrays = {"mean": self._mean.reshape(shape), "inverse": self._inverse.reshape(shape)}
        session = one_thread_session(
            graphs.build_features(self.net_hw, lambda crop: self._parts(crop, arrays))
        )
        found = [session.run(None, {"crop": crop[None]}) for crop in self._held]
        for i, name in enumerate(("local", "global")):
            low, high = np.quantile(np.concatenate([one[i] for one in found]), (LOW, HIGH))
            gain = RISE / max(high - low, 1e-9)
            arrays[f"{name}_low"] = np.full((1, 1, 1, 1), low, np.float32)
            arrays[f"{name}_gain"] = np.full((1, 1, 1, 1), gain, np.float32)
        return arrays

    # -- graph -----------------------------------------------------------------

    def _parts(self, crop: Var, arrays: dict[str, FloatArray]) -> list[Var]:
        """Teacher against student, autoencoder against student; both [N, 1, h, w]."""
        away = op.sub(self._pooled(crop), graphs.statistic("mean", arrays["mean"]))
        teacher = op.mul(away, graphs.statistic("inverse", arrays["inverse"]))
        local, overall, whole = self._inlined([crop])
        channels = self.backbone.card.channels
        pairs = ((teacher, local), (whole, overall))
        return [
            graphs.channel_sum(square(op.sub(one, other)), channels, 1 / channels)
            for one, other in pairs
        ]

    def _raw(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:  # noqa: ARG002
        scaled = []
        for name, part in zip(("local", "global"), self._parts(crop, statistics), strict=True):
            low, gain = (
                graphs.statistic(f"{name}_{what}", statistics[f"{name}_{what}"])
                for what in ("low", "gain")
            )
            scaled.append(op.relu(op.mul(op.sub(part, low), gain)))
        found = op.mul(op.sum(scaled), const(0.5))
        return graphs.upsample(graphs.depthwise(found, SMOOTH, 1), self.grid_stride)
