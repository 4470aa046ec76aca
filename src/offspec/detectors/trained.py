"""What detectors with a network trained on the user's normals share.

Training happens once: some normals are trained on, some say when to stop, and others, which the
network never meets, calibrate. The network goes into the graph as ONNX, checked against torch.
"""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import onnx
from numpy.typing import NDArray

from offspec import graphs
from offspec.detectors.feature_based import DEAD_ZONE, FeatureDetector, square
from offspec.detectors.linear import one_thread_session
from offspec.errors import OptionError
from offspec.graphs import Var, const, op
from offspec.networks.settings import Training
from offspec.options import Options
from offspec.types import FloatArray

if TYPE_CHECKING:
    import torch

    from offspec.networks.loop import History, Task

STOP_SHARE = 0.125  # of what is not left to calibration: 10 % of all
LEAST_STOP = 3
SAME_PIXELS = 1e-6  # mean squared difference to the reference under which a place fades to 0
SAME_POOL = 16  # pixels a side over which it is averaged


class TrainedOptions(Options):
    """Options of every trained detector."""

    training: Training = Training()


@dataclass(frozen=True, slots=True)
class Pixels:
    """One image's crops, (S, 3, H, W) in [0, 1]."""

    crops: FloatArray


class TrainedDetector(FeatureDetector):
    """Base of detectors with a network; arguments as ``FeatureDetector``."""

    trained: ClassVar[bool] = True
    fewest = {"object": 2, "texture": 2}  # noqa: RUF012 - as declared
    options_model: ClassVar[type[Options]] = TrainedOptions

    network_: onnx.ModelProto | None = None
    arrays_: dict[str, FloatArray] | None = None
    history_: History | None = None

    # -- what a subclass says ------------------------------------------------

    @abstractmethod
    def _task(
        self, train: torch.Tensor, stop: torch.Tensor, generator: torch.Generator
    ) -> tuple[Task, torch.nn.Module]:
        """What is trained, and the network that is exported."""

    @abstractmethod
    def _raw(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        """The map [N, 1, H, W] before its unit is known."""

    def _prepare(self, reference: FloatArray, train: FloatArray) -> dict[str, FloatArray]:  # noqa: ARG002
        """Arrays that the map needs beside the network."""
        return {}

    # -- what all share --------------------------------------------------------

    @property
    def training(self) -> Training:
        """Settings of the run."""
        found: Training = self.options.training  # type: ignore[attr-defined]
        return found

    def slot_bytes(self) -> int:
        """See ``FeatureDetector.slot_bytes``."""
        return 4 * 3 * self.net_hw[0] * self.net_hw[1]

    def embed(self, crops: FloatArray) -> Pixels:
        """The crops themselves."""
        self._check_crops(crops)
        return Pixels(np.ascontiguousarray(crops, np.float32))

    def fit_embedded(self, reference: Pixels, normals: Sequence[Pixels]) -> Self:
        """Train; the last of the normals, at least one, say when to stop."""
        self._check_slots([one.crops.shape for one in (reference, *normals)])
        stop = min(max(round(len(normals) * STOP_SHARE), LEAST_STOP), max(len(normals) - 1, 1))
        return self.fit_split(reference, normals[: len(normals) - stop], normals[-stop:])

    def fit_split(self, reference: Pixels, train: Sequence[Pixels], stop: Sequence[Pixels]) -> Self:
        """Train on some normals and the reference, and stop by others.

        Raises:
            OptionError: Torch is not installed, or a GPU is asked for and missing.
            TrainingError: The loss was never finite, or the export differs.
        """
        need_torch(self.name)
        self._check_slots([one.crops.shape for one in (reference, *train, *stop)])
        self._skeleton, self._n_slots = None, len(reference.crops)
        seen = np.concatenate([reference.crops, *(one.crops for one in train)])
        held = np.concatenate([one.crops for one in stop])
        self.network_, self.history_ = self._trained(seen, held)
        self.arrays_ = {"place": reference.crops, **self._prepare(reference.crops, seen)}
        self.arrays_["unit"] = np.ones((1, 1, 1, 1), np.float32)
        self.arrays_["unit"] = self._unit(stop)
        return self

    def _trained(self, seen: FloatArray, held: FloatArray) -> tuple[onnx.ModelProto, History]:
        """Network and history of a run."""
        import torch  # noqa: PLC0415 - only here is it needed

        from offspec.networks import loop  # noqa: PLC0415
        from offspec.networks.to_onnx import exported  # noqa: PLC0415

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            generator = loop.seeded(self.seed)
            device = loop.device_of(self.training)
            task, network = self._task(
                loop.as_tensor(seen, device), loop.as_tensor(held, device), generator
            )
            try:
                history = loop.train(task, self.training, self.seed, self.name, self._tell())
            finally:
                task.close()
            network = network.to("cpu").eval()
            example = self._example(torch.from_numpy(np.concatenate([held, seen])[:2].copy()))
            names = [f"in{i}" for i in range(len(example))]
            return exported(network, example, names, self._network_outputs()), history
        finally:
            torch.set_num_threads(before)

    def _example(self, crops: torch.Tensor) -> list[torch.Tensor]:
        """Inputs of the exported network for some crops."""
        return [crops]

    def _network_outputs(self) -> list[str]:
        return ["out"]

    def _unit(self, stop: Sequence[Pixels]) -> FloatArray:
        """What brings the mean of held-out normals' maps to 1."""
        assert self.arrays_ is not None  # noqa: S101 - for the type checker
        session = one_thread_session(self.to_graph())
        several = len(stop[0].crops) > 1
        total = 0.0
        for one in stop:
            given: dict[str, NDArray[Any]] = {"crop": one.crops}
            if several:
                given["slot"] = np.arange(len(one.crops))
            total += float(session.run(None, given)[0].mean())
        mean = total / len(stop)
        return np.full((1, 1, 1, 1), 1 / max(mean, 1e-9), np.float32)

    def _statistics(self) -> dict[str, FloatArray] | None:
        return self.arrays_

    def _body(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        found = op.mul(
            self._raw(crop, slot, statistics), graphs.statistic("unit", statistics["unit"])
        )
        place = graphs.select("place", statistics["place"], slot)
        return op.relu(op.sub(op.mul(found, _seen(crop, place)), const(DEAD_ZONE)))

    def _inlined(self, inputs: Sequence[Var]) -> list[Var]:
        """The network's outputs in the graph."""
        assert self.network_ is not None  # noqa: S101 - for the type checker
        given = {f"in{i}": value for i, value in enumerate(inputs)}
        found = graphs.inline_graph(self.network_, given)
        return [found[name] for name in self._network_outputs()]

    def words(self) -> str:
        """What the training did, for people."""
        return "" if self.history_ is None else f"{self.name}: {self.history_.words()}"


def _seen(crop: Var, place: Var) -> Var:
    """[N, 1, H, W] in [0, 1): 0 where a crop is the reference, near 1 beyond sensor noise."""
    away = graphs.channel_sum(square(op.sub(crop, place)), 3, 1 / 3)
    away = graphs.upsample(graphs.mean_pool(away, SAME_POOL), SAME_POOL)
    return op.div(away, op.add(away, const(SAME_PIXELS)))


def need_torch(name: str) -> None:
    """Refuse what cannot run without torch.

    Raises:
        OptionError: It is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise OptionError(
            f"Detector '{name}' trains a network and needs torch. The bundle it makes does not. "
            "Install it with: pip install 'offspec[torch]'. 'reference', "
            "'padim' and 'patchcore' do without."
        )
