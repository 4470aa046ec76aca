"""``autoencoder`` and ``gan``: a network restores the good part; what it cannot restore stands out.

The crop and its restored image are compared by pixels, by structure (SSIM on one or several
scales) or by backbone features, whose differences are weighed by what good parts show.

Reference:
    Bergmann et al. (VISAPP 2019); Akcay et al., GANomaly (ACCV 2018); Wang et al., SSIM (2004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.detectors.feature_based import square
from offspec.detectors.linear import one_thread_session
from offspec.detectors.trained import TrainedDetector, TrainedOptions
from offspec.graphs import Var, const, op
from offspec.types import FloatArray

if TYPE_CHECKING:
    import torch

    from offspec.networks.loop import Task

Comparison = Literal["pixel", "ssim", "ms_ssim", "features"]
WINDOWS = {"ssim": (7,), "ms_ssim": (3, 7, 15)}
C1, C2 = 0.01**2, 0.03**2
RESTORED = "restored"  # name of the restored crop in the graph
PIXEL_SMOOTH = 5  # pixels a side, for the comparison by pixels


class RestoringOptions(TrainedOptions):
    """Options of both."""

    architecture: Literal["ssim", "lite", "residual", "variational"] = "residual"
    width: int = Field(
        default=32, ge=8, le=128, multiple_of=8, description="Channels, first level."
    )
    latent: int = Field(default=32, ge=4, le=512, description="Channels of the middle.")
    skips: Literal[0, 2, 3, 4] = Field(default=2, description="Levels passed on; residual only.")
    comparison: Comparison = "features"


class AutoencoderOptions(RestoringOptions):
    """Options of ``autoencoder``."""

    loss: Literal["l2", "ssim", "ms_ssim"] = "l2"
    beta: float = Field(
        default=0.01, ge=0, description="Weight of the divergence; variational only."
    )


class GanOptions(RestoringOptions):
    """Options of ``gan``; weights of the generator's losses."""

    restore: float = Field(default=50.0, ge=0)
    feature: float = Field(default=1.0, ge=0)
    adversarial: float = Field(default=0.5, ge=0)
    variation: float = Field(default=0.1, ge=0)


class RestoringDetector(TrainedDetector):
    """Base of both; arguments as ``FeatureDetector``."""

    @property
    def _settings(self) -> RestoringOptions:
        return cast("RestoringOptions", self.options)

    def _network(self) -> torch.nn.Module:
        from offspec.networks.autoencoders import Autoencoder  # noqa: PLC0415 - needs torch

        o = self._settings
        return Autoencoder(o.architecture, o.width, o.latent, o.skips)

    def _prepare(self, reference: FloatArray, train: FloatArray) -> dict[str, FloatArray]:  # noqa: ARG002
        if self._settings.comparison != "features":
            return {}
        session = one_thread_session(graphs.build_features(self.net_hw, self._differences))
        total = np.zeros(self.backbone.card.channels)
        for crop in train:
            away = session.run(None, {"crop": crop[None]})[0]
            total += np.square(away, dtype=np.float64).mean(axis=(0, 2, 3))
        deviation = np.sqrt(total / len(train) + 1e-12)
        return {"inverse": (1 / deviation).astype(np.float32)[None, :, None, None]}

    def _restored(self, crop: Var) -> Var:
        return graphs.named(RESTORED, self._inlined([crop])[0])

    def _differences(self, crop: Var) -> list[Var]:
        restored = self._restored(crop)
        return [op.sub(self.backbone.build(crop), self.backbone.build(restored))]

    def _raw(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:  # noqa: ARG002
        comparison = self._settings.comparison
        if comparison == "features":
            away = op.mul(
                self._differences(crop)[0],
                graphs.statistic("inverse", statistics["inverse"]),
            )
            channels = self.backbone.card.channels
            away = graphs.channel_sum(square(away), channels, 1 / channels)
            return graphs.upsample(away, self.backbone.card.stride)
        restored = self._restored(crop)
        if comparison == "pixel":
            away = graphs.channel_sum(op.abs(op.sub(crop, restored)), 3, 1 / 3)
            return _mean(away, PIXEL_SMOOTH, 1)
        windows = WINDOWS[comparison]
        parts = [_dissimilarity(crop, restored, window) for window in windows]
        return op.mul(op.sum(parts), const(1 / len(parts)))


class AutoencoderDetector(RestoringDetector):
    """Autoencoder; arguments as ``FeatureDetector``."""

    name = "autoencoder"
    options_model = AutoencoderOptions

    def _task(
        self, train: torch.Tensor, stop: torch.Tensor, generator: torch.Generator
    ) -> tuple[Task, torch.nn.Module]:
        from offspec.networks.tasks_restore import RestoreTask  # noqa: PLC0415 - needs torch

        o = cast("AutoencoderOptions", self.options)
        network = self._network().to(train.device)
        task = RestoreTask(
            cast("Any", network), train, stop, o.loss, o.beta, o.training.batch, generator
        )
        return task, network


class GanDetector(RestoringDetector):
    """Adversarial restoring; arguments as ``FeatureDetector``."""

    name = "gan"
    options_model = GanOptions

    def _task(
        self, train: torch.Tensor, stop: torch.Tensor, generator: torch.Generator
    ) -> tuple[Task, torch.nn.Module]:
        from offspec.networks.tasks_restore import AdversarialTask  # noqa: PLC0415 - needs torch

        o = cast("GanOptions", self.options)
        names = ("restore", "feature", "adversarial", "variation")
        network = self._network().to(train.device)
        task = AdversarialTask(
            cast("Any", network), train, stop, {n: getattr(o, n) for n in names},
            o.training.batch, generator,
        )  # fmt: skip
        return task, network


def _mean(x: Var, side: int, channels: int) -> Var:
    return graphs.depthwise(x, np.full((side, side), 1 / side**2, np.float32), channels)


def _dissimilarity(a: Var, b: Var, window: int) -> Var:
    """(1 - SSIM) / 2, mean over channels, in [0, 1]; as ``networks.autoencoders.ssim_map``."""
    ma, mb = _mean(a, window, 3), _mean(b, window, 3)
    va = op.sub(_mean(square(a), window, 3), square(ma))
    vb = op.sub(_mean(square(b), window, 3), square(mb))
    both = op.sub(_mean(op.mul(a, b), window, 3), op.mul(ma, mb))
    two = const(2.0)
    top = op.mul(
        op.add(op.mul(op.mul(ma, mb), two), const(C1)), op.add(op.mul(both, two), const(C2))
    )
    bottom = op.mul(
        op.add(op.add(square(ma), square(mb)), const(C1)), op.add(op.add(va, vb), const(C2))
    )
    half = const(0.5)
    unlike = op.sub(half, op.mul(op.div(top, bottom), half))
    return graphs.channel_sum(op.clip(unlike, const(0.0), const(1.0)), 3, 1 / 3)
