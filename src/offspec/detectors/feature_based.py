"""What detectors on backbone features share: embedding, masks, limits, the graph's frame.

A detector fitted on features says in three methods what is its own: ``fit_embedded`` estimates,
``_statistics`` names the arrays, and ``_body`` draws the map from crop and arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Self

import numpy as np
import onnx
import onnxruntime as ort

from offspec import graphs
from offspec.backbones import Backbone
from offspec.detectors.base import Progress
from offspec.detectors.head import Head
from offspec.detectors.linear import gram, one_thread_session
from offspec.detectors.tolerance import NOISE
from offspec.errors import DatasetError, LimitError, NotFittedError, OptionError, ShapeError
from offspec.graphs import Var, const, op
from offspec.options import Options, parse_options
from offspec.types import BoolArray, DoubleArray, FixedKind, FloatArray

DEAD_ZONE = 1e-3  # of the map, so that arithmetic noise on the reference is exactly 0
SAME = 1e-2  # mean squared whitened difference to the reference under which a place fades to 0
GREY = 0.4  # level of the flat grey whose noise sets the noise allowance
SMOOTH: FloatArray = (np.outer([1, 2, 1], [1, 2, 1]) / 16).astype(np.float32)


class FeatureDetector(ABC):
    """Base of detectors whose model is a set of arrays beside a backbone.

    Args:
        backbone: Where the features come from.
        net_hw: Crop size.
        masks: (S, H, W) True where a slot's crop belongs to the region; None = everywhere.
        kind: object (fixed positions) or texture (none).
        head: Corrects the map by a factor; only ``reference`` takes one.
        seed: Of everything random.
        threads: Crops of one image embedded side by side; never changes a result.
        options: As ``options_model`` declares them; None = the defaults.
        progress: Told of long steps.

    Raises:
        OptionError: Options that are unknown or out of range, or a head where none is taken.
    """

    name: ClassVar[str]
    options_model: ClassVar[type[Options]] = Options
    fewest: ClassVar[Mapping[str, int]] = {"object": 1, "texture": 1}
    takes_head: ClassVar[bool] = False
    trained: ClassVar[bool] = False

    def __init__(
        self,
        backbone: Backbone,
        net_hw: tuple[int, int],
        *,
        masks: BoolArray | None = None,
        kind: FixedKind = "object",
        head: Head | None = None,
        seed: int = 0,
        threads: int = 1,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> None:
        if head is not None and not self.takes_head:
            raise OptionError(f"Detector '{self.name}' takes no head. Use head 'none'.")
        self.backbone = backbone
        self.net_hw = net_hw
        self.masks = masks
        self.kind = kind
        self.head = head
        self.seed = seed
        self.threads = threads
        self.options = parse_options(self.options_model, options, f"detector '{self.name}'")
        self.progress = progress
        self._session: ort.InferenceSession | None = None
        self._noise: DoubleArray | None = None
        self._skeleton: tuple[object, onnx.ModelProto] | None = None

    # -- what a subclass says ------------------------------------------------

    @abstractmethod
    def embed(self, crops: FloatArray) -> Any:
        """See ``Detector.embed``."""

    @abstractmethod
    def fit_embedded(self, reference: Any, normals: Sequence[Any]) -> Self:
        """See ``Detector.fit_embedded``."""

    @abstractmethod
    def slot_bytes(self) -> int:
        """Memory of one slot's statistics."""

    @abstractmethod
    def _statistics(self) -> dict[str, FloatArray] | None:
        """All learned arrays by name, as the graph holds them; None before ``fit``."""

    @abstractmethod
    def _body(self, crop: Var, slot: Var | None, statistics: dict[str, FloatArray]) -> Var:
        """The map [N, 1, H, W]."""

    # -- what all share --------------------------------------------------------

    def fit(self, reference: FloatArray, normals: Sequence[FloatArray]) -> Self:
        """See ``Detector.fit``.

        Raises:
            ShapeError: Crops are not (S, 3, H, W) of this detector's size.
            LimitError: The statistics of a slot would be over the limit.
            DatasetError: Fewer good images than the method needs.
        """
        return self.fit_embedded(self.embed(reference), [self.embed(n) for n in normals])

    def check_limits(self, n_slots: int = 1) -> None:
        """See ``Detector.check_limits``."""
        card = self.backbone.card
        if self.net_hw[0] % card.multiple or self.net_hw[1] % card.multiple:
            raise LimitError(
                f"Crops of {self.net_hw} do not suit backbone '{card.name}'. Both sides have to "
                f"be multiples of {card.multiple}. Use resolution fast, accurate or native."
            )
        graphs.check_statistics(self.slot_bytes(), n_slots, f"Detector '{self.name}'")

    @property
    def grid_stride(self) -> int:
        """Crop pixels per position of the statistics."""
        return self.backbone.card.stride

    @property
    def cells_hw(self) -> tuple[int, int]:
        """Positions of the statistics."""
        return self.net_hw[0] // self.grid_stride, self.net_hw[1] // self.grid_stride

    def to_graph(self) -> onnx.ModelProto:
        """See ``Detector.to_graph``."""
        statistics = self._statistics()
        if statistics is None:
            raise NotFittedError(
                f"Detector '{self.name}' has not been fitted. A graph needs statistics. Call fit."
            )
        shapes = tuple((name, value.shape) for name, value in statistics.items())
        if self._skeleton is None or self._skeleton[0] != shapes:
            graph = graphs.build_graph(
                self.net_hw,
                self._slots_of(statistics),
                lambda crop, slot: self._body(crop, slot, statistics),
            )
            self._skeleton = shapes, graph
        return graphs.with_statistics(self._skeleton[1], statistics)

    def _slots_of(self, statistics: Mapping[str, FloatArray]) -> int:
        """Slots of the graph, by the reference's features."""
        return int(statistics["place"].shape[0])

    def _check_crops(self, crops: FloatArray) -> None:
        if crops.ndim != 4 or crops.shape[1:] != (3, *self.net_hw):
            raise ShapeError(
                f"Crops have shape {crops.shape}. This detector takes (S, 3, {self.net_hw[0]}, "
                f"{self.net_hw[1]}). Cut them with the sampler of the same template."
            )
        self.check_limits()

    def _check_slots(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Refuse too few images, and images with other slots than the reference."""
        if len(set(shapes)) > 1:
            raise ShapeError(
                f"Crops of {sorted({shape[0] for shape in shapes})} slots were given. "
                "Reference and normals need the same slots. Cut them with one sampler."
            )
        least = self.fewest[self.kind]
        if len(shapes) < least:
            raise DatasetError(
                f"Detector '{self.name}' has {len(shapes)} good images to learn from, the "
                f"reference counted. For {self.kind}s it needs at least {least}, and those that "
                "calibrate are left out in turn. Add good images, or use detector 'reference', "
                "which needs one."
            )

    def _cell_mask(self, n_slots: int) -> BoolArray:
        """(S, h, w) cells most of which lie in the region."""
        stride = self.grid_stride
        h, w = self.cells_hw
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

    def _outputs(self, crop: Var) -> list[Var]:
        """What ``_run_backbone`` takes from a crop; the features come first."""
        return [self.backbone.build(crop)]

    def _run_backbone(self, crops: FloatArray) -> list[FloatArray]:
        """All outputs, crop by crop: in a batch, one's work leaves the core's cache."""
        session = self._backbone_session()

        def run(at: int) -> list[FloatArray]:
            return list(session.run(None, {"crop": crops[at : at + 1]}))

        if self.threads == 1 or len(crops) == 1:
            found = [run(at) for at in range(len(crops))]
        else:
            with ThreadPoolExecutor(min(self.threads, len(crops))) as pool:
                found = list(pool.map(run, range(len(crops))))
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _backbone_session(self) -> ort.InferenceSession:
        if self._session is None:
            self._session = self._session_of(self.net_hw)
        return self._session

    def _session_of(self, net_hw: tuple[int, int]) -> ort.InferenceSession:
        return one_thread_session(graphs.build_features(net_hw, self._outputs))

    def _noise_covariance(self) -> DoubleArray:
        """(C, C) covariance of the features of a flat grey under sensor noise."""
        if self._noise is None:
            rng = np.random.default_rng(self.seed)
            flat = GREY + NOISE * rng.standard_normal((1, 3, 256, 256))
            crops = np.clip(flat, 0, 1).astype(np.float32)
            features = self._session_of((256, 256)).run(None, {"crop": crops})[0]
            cells = features[0, :, 4:-4, 4:-4].reshape(features.shape[1], -1).astype(np.float64)
            away = cells - cells.mean(axis=1, keepdims=True)
            self._noise = gram(away) / (away.shape[1] - 1) + 1e-9 * np.eye(len(cells))
        return self._noise

    def _tell(self) -> Callable[[str, int, int], None]:
        return self.progress or _silent


def _silent(step: str, done: int, total: int) -> None:
    """Progress for nobody."""


def square(x: Var) -> Var:
    """X times x."""
    return op.mul(x, x)


def unless_reference(distance: Var, z: Var, place: Var, channels: int) -> Var:
    """A distance that fades to 0 where features equal the reference's at their place.

    Args:
        distance: [N, 1, h, w].
        z: [N, C, h, w], whitened, so that good parts differ by about 1 a channel.
        place: The reference's.
        channels: C.
    """
    away = graphs.channel_sum(square(op.sub(z, place)), channels, 1 / channels)
    return op.mul(distance, op.div(away, op.add(away, const(SAME))))


def finished(distance: Var, stride: int) -> Var:
    """Smoothed, without a dead zone near 0, enlarged to crop pixels."""
    smooth = graphs.depthwise(distance, SMOOTH, 1)
    return graphs.upsample(op.relu(op.sub(smooth, const(DEAD_ZONE))), stride)
