"""``synthetic``: a network learns to see made defects in the user's own normals.

``unet`` sees the crop, how it differs from the mean of the normals, and how far these stray;
``head`` sees frozen backbone features in units of the normals' spread, and learns on noise added
to them as well. For textures there is no mean at a place: the crop stands alone, features are in
units of the whole texture. While training, the normals that a crop is compared with are a random
choice without the crop's own image, as they will be in production.

Reference:
    DRAEM, Zavrtanik et al. (ICCV 2021); NSA, Schlueter et al. (ECCV 2022); SimpleNet, Liu et al.
    (CVPR 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import onnxruntime as ort
from pydantic import Field

from offspec import graphs
from offspec.backbones import NANO
from offspec.detectors.feature_based import SMOOTH
from offspec.detectors.linear import one_thread_session
from offspec.detectors.trained import TrainedDetector, TrainedOptions
from offspec.embedded import load_weights
from offspec.graphs import Var, const, op
from offspec.types import FloatArray

if TYPE_CHECKING:
    import torch

    from offspec.networks.loop import Task

SPREAD_FLOOR = 0.02  # least deviation of a pixel: sensor noise
CONTRAST = 4.0  # brings differences from the mean to the size of the crop's own values
FEATURE_PRIOR = 1.0  # of a feature's own variance at a place towards the common one
MOST = 4.0  # differences in deviations are squeezed beyond


class SyntheticOptions(TrainedOptions):
    """Options of ``synthetic``; the budget is ``training.minutes``: 1, 5 or 20 are usual."""

    network: Literal["head", "unet"] = "head"
    start: Literal["embedded", "scratch"] = Field(
        default="embedded", description="Of the U-Net: the package's network, or nothing."
    )
    width: int = Field(default=24, ge=8, le=128, multiple_of=8)
    feature_noise: float = Field(default=1.5, ge=0, description="Deviations; head only, 0 = none.")


class SyntheticDetector(TrainedDetector):
    """Made defects; arguments as ``FeatureDetector``."""

    name = "synthetic"
    options_model = SyntheticOptions
    fewest = {"object": 4, "texture": 3}  # noqa: RUF012 - as declared

    @property
    def _settings(self) -> SyntheticOptions:
        return cast("SyntheticOptions", self.options)

    @property
    def _by_features(self) -> bool:
        return self._settings.network == "head"

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        pixels = 12 * self.net_hw[0] * self.net_hw[1]
        h, w = self.cells_hw
        return 3 * pixels + (8 * h * w * self.backbone.card.channels if self._by_features else 0)

    # -- training ------------------------------------------------------------

    def _task(
        self,
        train: torch.Tensor,
        stop: torch.Tensor,
        generator: torch.Generator,  # noqa: ARG002
    ) -> tuple[Task, torch.nn.Module]:
        from offspec.networks.comparing import FeatureHead, SyntheticTask  # noqa: PLC0415 - torch

        slots, device = self._n_slots, train.device
        images = _by_image(train.cpu().numpy(), slots)
        held = _by_image(stop.cpu().numpy(), slots)
        o, card = self._settings, self.backbone.card
        self._normal = self._normality(images)
        if self._by_features:
            network: torch.nn.Module = FeatureHead(card.channels, o.width)
            stride, noise = card.stride, o.feature_noise
        else:
            network, stride, noise = self._unet(), 1, 0.0
        network = network.to(device)
        task = SyntheticTask(
            network, images, held, self._normal.inputs, stride, o.training.batch, self.seed,
            device, noise,
        )  # fmt: skip
        return task, network

    def _unet(self) -> torch.nn.Module:
        from offspec.networks.comparing import UNet  # noqa: PLC0415 - needs torch
        from offspec.networks.from_onnx import FromOnnx  # noqa: PLC0415

        inputs, width = 3 if self.kind == "texture" else 9, self._settings.width
        if self._settings.start == "scratch":
            return UNet(inputs, width)
        weights = load_weights(NANO)
        return UNet(inputs, width, FromOnnx(weights.model), weights.channels, CONTRAST)

    def _normality(self, images: FloatArray) -> _Normality:
        if not self._by_features:
            return _Pixels(images, alone=self.kind == "texture")
        session = one_thread_session(
            graphs.build_features(self.net_hw, lambda crop: [self.backbone.build(crop)])
        )
        return _Features(images, session, texture=self.kind == "texture")

    def _example(self, crops: torch.Tensor) -> list[torch.Tensor]:
        import torch  # noqa: PLC0415

        rows = [self._normal.inputs(crop, 0, None) for crop in crops.numpy()]
        return [torch.from_numpy(np.stack(rows))]

    def _prepare(self, reference: FloatArray, train: FloatArray) -> dict[str, FloatArray]:  # noqa: ARG002
        mean, inverse = self._normal.statistics()
        return {} if mean is None else {"mean": mean, "inverse": inverse}

    # -- graph -----------------------------------------------------------------

    def _raw(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        x = self.backbone.build(crop) if self._by_features else crop
        if "mean" in statistics:
            mean = graphs.select("mean", statistics["mean"], slot if self._placed else None)
            inverse = graphs.select(
                "inverse", statistics["inverse"], slot if self._placed else None
            )
            away = op.sub(x, mean)
            units = op.clip(op.mul(away, inverse), const(-MOST), const(MOST))
            x = units
            if not self._by_features:
                x = op.concat([crop, op.mul(away, const(CONTRAST)), units], axis=1)
        logits = self._inlined([x])[0]
        found = op.softplus(logits)
        if self._by_features:
            stride = self.backbone.card.stride
            found = graphs.upsample(graphs.depthwise(found, SMOOTH, 1), stride)
        return found

    @property
    def _placed(self) -> bool:
        """Whether mean and spread belong to a slot."""
        return self.kind == "object"


Others = tuple[np.random.Generator, int]  # a generator, and the crop's own image, left out


class _Normality:
    """What is normal at a place; says what the network sees of a crop."""

    def inputs(self, crop: FloatArray, slot: int, others: Others | None) -> FloatArray:
        """What the network sees; with ``others``, against a random choice without its own."""
        raise NotImplementedError

    def statistics(self) -> tuple[FloatArray | None, FloatArray]:
        """Mean and inverse deviation for the graph; None = there are none."""
        raise NotImplementedError


def _chosen(n: int, others: Others | None) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Which normals a crop is compared with: all, or at least half of the others at random."""
    if others is None:
        return np.arange(n)
    rng, own = others
    found = rng.permutation(n)
    found = found[found != own] if n > 1 else found
    return found[: int(rng.integers(max(len(found) // 2, 1), len(found) + 1))]


class _Pixels(_Normality):
    def __init__(self, images: FloatArray, *, alone: bool) -> None:
        self.images, self.alone = images, alone
        self._all = [self._of(slot, None) for slot in range(images.shape[1])]

    def _of(self, slot: int, others: Others | None) -> tuple[FloatArray, FloatArray]:
        some = self.images[_chosen(len(self.images), others), slot]
        mean = some.mean(axis=0, dtype=np.float32)
        variance = some.var(axis=0, dtype=np.float32) + np.float32(SPREAD_FLOOR**2)
        return mean, (1 / np.sqrt(variance)).astype(np.float32)

    def inputs(self, crop: FloatArray, slot: int, others: Others | None) -> FloatArray:
        """See the base."""
        if self.alone:
            return crop
        mean, inverse = self._all[slot] if others is None else self._of(slot, others)
        away = crop - mean
        units = np.clip(away * inverse, -MOST, MOST)
        return np.concatenate([crop, CONTRAST * away, units]).astype(np.float32)

    def statistics(self) -> tuple[FloatArray | None, FloatArray]:
        """See the base."""
        mean, inverse = (np.stack(part) for part in zip(*self._all, strict=True))
        return (None if self.alone else mean), inverse


class _Features(_Normality):
    def __init__(self, images: FloatArray, session: ort.InferenceSession, *, texture: bool) -> None:
        self._session, self.texture = session, texture
        self.features = np.stack([[self._embed(crop) for crop in image] for image in images])
        axes = (0, 1, 3, 4) if texture else (0,)
        mean = self.features.mean(axis=axes, keepdims=True, dtype=np.float64)
        variance = self.features.var(axis=axes, keepdims=True, dtype=np.float64)
        common = variance.mean(axis=(1, 3, 4), keepdims=True) + 1e-12
        if not texture:
            n = len(images)
            prior = FEATURE_PRIOR * 20
            variance = ((n - 1) * variance + prior * common) / (n - 1 + prior)
        self._mean = mean[0].astype(np.float32)  # (S or 1, C, h or 1, w or 1)
        self._inverse = (1 / np.sqrt(variance[0] + 1e-12)).astype(np.float32)

    def _embed(self, crop: FloatArray) -> FloatArray:
        found: FloatArray = self._session.run(None, {"crop": crop[None]})[0][0]
        return found

    def inputs(self, crop: FloatArray, slot: int, others: Others | None) -> FloatArray:
        """See the base."""
        at = 0 if self.texture else slot
        mean = self._mean[at]
        if others is not None and not self.texture:
            mean = self.features[_chosen(len(self.features), others), slot].mean(axis=0)
        away = (self._embed(crop) - mean) * self._inverse[at]
        return np.asarray(np.clip(away, -MOST, MOST), np.float32)

    def statistics(self) -> tuple[FloatArray | None, FloatArray]:
        """See the base."""
        return self._mean, self._inverse


def _by_image(crops: FloatArray, slots: int) -> FloatArray:
    """(n S, 3, H, W) to (n, S, 3, H, W)."""
    return crops.reshape(-1, slots, *crops.shape[1:])
