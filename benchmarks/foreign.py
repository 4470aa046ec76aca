"""Backbones that are measured and not shipped: foreign networks, untrained ones, weight files.

The foreign networks stay outside the project (``OFFSPEC_WEIGHTS`` names their folder); they say
how far weight-free and our own features are from networks pretrained on ImageNet. Each output
is reduced by a fixed random orthonormal projection, because the statistics of ``reference``
hold two numbers a cell and channel and have a limit, and laid on the grid at stride 4 with the
centres of its cells where ``reference`` takes them to be.

Reference:
    ResNet-50 v2: He et al. (ECCV 2016). SqueezeNet 1.1: Iandola et al. (2016). Both files are
    of the ONNX model zoo, Apache-2.0, trained on ImageNet, whose images have licences of their
    own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnx.version_converter

from offspec import backbones, graphs
from offspec.backbones import Backbone, BackboneCard, Bank, Joined
from offspec.foreign_backbone import shift_kernel
from offspec.graphs import Var, const, op
from offspec.types import FloatArray

STRIDE = 4
PROJECTED = 48  # channels kept of each output: 144 of three, what native tiles can still hold
MULTIPLE = 32
UNKNOWN_RECEPTIVE_PX = 448  # over that of the largest network in pretraining/network.py
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class MissingWeightsError(Exception):
    """A row's weights are not to be had; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Tap:
    """One output of a foreign network.

    Attributes:
        name: Of the output.
        channels: It has.
        stride: Crop pixels per cell.
        first_px: Where the centre of cell 0 lies in the crop; (stride - 1) / 2 would be the
            middle of the first stride pixels.
    """

    name: str
    channels: int
    stride: int
    first_px: float


@dataclass(frozen=True, slots=True)
class Foreign:
    """A foreign network file and what is read from it.

    Attributes:
        file: In the weights folder.
        taps: Outputs used, finest first.
        receptive_px: Upper bound: the coarsest output's own receptive field and two of its
            strides more, which interpolation and shift can reach.
    """

    file: str
    taps: tuple[Tap, ...]
    receptive_px: int


FOREIGN = {
    # Padded convolutions: cell i of stride s is centred on pixel s * i.
    "resnet50v2": Foreign(
        "resnet50v2_stages123.onnx",
        (
            Tap("stage1", 256, 4, 0.0),
            Tap("stage2", 512, 8, 0.0),
            Tap("stage3", 1024, 16, 0.0),
        ),
        receptive_px=267 + 2 * 2 * 16,
    ),
    # The first convolution and the pools are not padded: cells lie one pixel short of a stride
    # further in, and the last cell is missing.
    "squeezenet": Foreign(
        "squeezenet1.1_full.onnx",
        (Tap("fire3", 128, 4, 3.0), Tap("fire5", 256, 8, 7.0), Tap("fire9", 512, 16, 15.0)),
        receptive_px=207 + 2 * 2 * 16,
    ),
}


def weights_root() -> Path:
    """The folder that OFFSPEC_WEIGHTS names.

    Raises:
        MissingWeightsError: The variable is not set or names no folder.
    """
    value = os.environ.get("OFFSPEC_WEIGHTS", "")
    if not value or not Path(value).is_dir():
        raise MissingWeightsError(
            f"OFFSPEC_WEIGHTS is '{value}', which is not a folder; it names the foreign weights"
        )
    return Path(value)


def projection(seed: int, inputs: int, outputs: int) -> FloatArray:
    """(outputs, inputs) random rows of length one, each at right angles to the others."""
    rng = np.random.default_rng((seed, inputs, outputs))
    basis, triangle = np.linalg.qr(rng.standard_normal((inputs, outputs)))
    signs = np.sign(np.diag(triangle))  # makes the basis unique, so equal on every machine
    return np.asarray((basis * signs).T, np.float32)


class ForeignBackbone:
    """A foreign network as a backbone.

    Args:
        name: Of the row; a key of ``FOREIGN``.
        path: Its ONNX file.
        seed: Of the projections.
    """

    def __init__(self, name: str, path: Path, seed: int = 0) -> None:
        self.spec = FOREIGN[name]
        self.path = path
        self.seed = seed
        channels = PROJECTED * len(self.spec.taps)
        self.card = BackboneCard(name, STRIDE, channels, self.spec.receptive_px, MULTIPLE)

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        mean = const(np.array(IMAGENET_MEAN, np.float32).reshape(1, 3, 1, 1))
        scale = const(1 / np.array(IMAGENET_STD, np.float32).reshape(1, 3, 1, 1))
        found = graphs.inline_network(_network(self.path), op.mul(op.sub(crop, mean), scale))
        parts = []
        for tap in self.spec.taps:
            weight = projection(self.seed, tap.channels, PROJECTED)
            parts.append(_laid(op.conv(found[tap.name], const(weight[:, :, None, None])), tap))
        return op.concat(parts, axis=1)


def _laid(x: Var, tap: Tap) -> Var:
    """Bring an output to stride 4 and its cells' centres to where they belong."""
    if tap.stride < STRIDE:
        x = graphs.mean_pool(x, STRIDE // tap.stride)
    else:
        x = graphs.upsample(x, tap.stride // STRIDE)
    x = graphs.depthwise(x, shift_kernel(cells_off(tap)), PROJECTED)
    lost = round((tap.first_px + 1) / STRIDE)  # what an unpadded network leaves out at the end
    return graphs.pad_edge(x, 0, lost, 0, lost)


def cells_off(tap: Tap) -> float:
    """Cells of stride 4 by which an output lies too far up and left (negative: down, right)."""
    return ((tap.stride - 1) / 2 - tap.first_px) / STRIDE


@cache
def _network(path: Path) -> onnx.ModelProto:
    """The file, in the operator set of offspec's graphs."""
    model = onnx.load(str(path))
    if model.opset_import[0].version != graphs.OPSET:
        model = onnx.version_converter.convert_version(model, graphs.OPSET)
    return model


def foreign(name: str, seed: int = 0) -> Backbone:
    """The foreign backbone of this name.

    Raises:
        MissingWeightsError: Its file is not there.
    """
    path = weights_root() / FOREIGN[name].file
    if not path.is_file():
        raise MissingWeightsError(f"{path} does not exist")
    return ForeignBackbone(name, path, seed)


class OnnxBackbone:
    """A weights file of ours: input ``crop`` in [0, 1], output ``features`` at stride 4.

    Args:
        path: The ONNX file.
        card: None = read from the file and the model card beside it.
    """

    def __init__(self, path: Path, card: BackboneCard | None = None) -> None:
        self.path = path
        self.card = card or card_of(path)

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        return graphs.inline_network(_network(self.path), crop)["features"]


def card_of(path: Path) -> BackboneCard:
    """Channels from the graph, receptive field from the JSON beside it where it says so."""
    shape = _network(path).graph.output[0].type.tensor_type.shape
    channels = shape.dim[1].dim_value
    receptive = UNKNOWN_RECEPTIVE_PX
    beside = path.with_suffix(".json")
    if beside.is_file():
        said = json.loads(beside.read_text(encoding="utf-8"))
        receptive = int(said.get("receptive_px", receptive))
    return BackboneCard(path.stem, STRIDE, channels, receptive, MULTIPLE)


class WithBank(Joined):
    """``bank`` and another backbone side by side.

    Args:
        other: Its channels come behind those of ``bank``.
    """

    def __init__(self, other: Backbone) -> None:
        super().__init__(f"bank+{other.card.name}", Bank(), other)
        self.other = other


def untrained(size: str, seed: int, folder: Path) -> Backbone:
    """Our network as it is before any training.

    Args:
        size: nano or small.
        seed: Of its random weights.
        folder: Where its file is written, unless it is there already.

    Raises:
        MissingWeightsError: PyTorch or the exporter is missing.
    """
    path = folder / f"untrained-{size}-{seed}.onnx"
    if not path.is_file():
        try:
            import torch  # noqa: PLC0415

            from pretraining.export import export  # noqa: PLC0415
            from pretraining.network import SIZES, Network  # noqa: PLC0415
        except ImportError as error:
            raise MissingWeightsError(f"untrained networks need the torch extra: {error}") from None
        torch.manual_seed(seed)
        folder.mkdir(parents=True, exist_ok=True)
        export(Network(SIZES[size]).eval(), path, {"seeds": [seed]})
    return OnnxBackbone(path)


@contextmanager
def registered(backbone: Backbone) -> Iterator[str]:
    """Make a backbone known to ``fit`` under its own name while the block runs."""
    known = cast("dict[str, Callable[[], Backbone]]", backbones.BACKBONES)
    name, before = backbone.card.name, dict(known)
    known[name] = lambda: backbone
    try:
        yield name
    finally:
        known.clear()
        known.update(before)


def feature_graph(backbone: Backbone, side: int = 256) -> bytes:
    """The backbone alone on one square crop, as ONNX."""
    side = max(side, backbone.card.multiple)
    model = graphs.build_features((side, side), lambda crop: [backbone.build(crop)])
    return bytes(model.SerializeToString(deterministic=True))


def content_hash(backbone: Backbone) -> str:
    """Of weights, wiring and card: sha256 over the backbone's graph and what decides its tiles."""
    card = backbone.card
    said = repr((card.stride, card.channels, card.receptive_px, card.multiple))
    return hashlib.sha256(feature_graph(backbone, 64) + said.encode()).hexdigest()


def files_of(backbone: Backbone) -> list[Path]:
    """Weight files a backbone reads; none for ``bank``."""
    if isinstance(backbone, WithBank):
        return files_of(backbone.other)
    if isinstance(backbone, ForeignBackbone | OnnxBackbone):
        return [backbone.path]
    shipped = Path(str(files("offspec"))) / "weights"
    digest = backbone.card.weights_sha256
    return [p for p in sorted(shipped.glob("*.onnx")) if digest == sha256_of(p)]


def sha256_of(path: Path) -> str:
    """Of the file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def weight_figures(paths: Sequence[Path]) -> tuple[float, int]:
    """Size of the weights in MB (10^6 bytes) and number of parameters; 0 without files.

    Parameters are those the model card counts; without one, all numbers of the float tensors.
    """
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    return megabytes, sum(_parameters(path) for path in paths)


def _parameters(path: Path) -> int:
    beside = path.with_suffix(".json")
    if beside.is_file():
        return int(json.loads(beside.read_text(encoding="utf-8"))["parameters"])
    tensors = _network(path).graph.initializer
    return sum(int(np.prod(t.dims, dtype=np.int64)) for t in tensors if len(t.dims) > 0)


Factory = Callable[[int], Backbone]
"""From a seed to a backbone."""
