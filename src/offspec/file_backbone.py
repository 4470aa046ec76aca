"""Foreign networks as backbones: ``file:PATH.onnx`` with a small JSON beside it.

``PATH.json`` says what the ONNX file does not::

    {"outputs": ["layer2", "layer3"],     names of outputs, finest first
     "mean": [0.485, 0.456, 0.406],       taken off crops in [0, 1]; default 0
     "std": [0.229, 0.224, 0.225],        then divided by; default 1
     "multiple": 32,                      what input sides have to be multiples of
     "skip": 1,                           tokens before the grid's, for outputs (N, tokens, C)
     "first_px": [0, 0],                  centre of cell 0 in the crop; default the middle of a cell
     "project": 128}                      channels kept of each output, by a random projection

What an output's size and reach are is measured on the network itself. All outputs are laid on
the grid of the finest. The file goes into the bundle; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime as ort
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from offspec import graphs
from offspec.backbone_card import BackboneCard
from offspec.errors import AnnotationError, OffspecError, WeightsError
from offspec.graphs import Var, const, op
from offspec.images import read_file
from offspec.json_files import read_json
from offspec.types import FloatArray

MAX_BYTES = 480 * 2**20  # a graph that holds it stays within its limit
PROBE_PX = 256
GRIDS = (4, 8, 16, 32)
REACH_SHARE = 1e-3  # of the largest change: what lies below counts as out of reach
MAX_RECEPTIVE_PX = 384  # tiles stay affordable; a transformer sees everything a little
_NO_PICKLE = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


Positive = Annotated[float, Field(gt=0)]


class FileCard(BaseModel):
    """The JSON beside a network file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outputs: list[str] = Field(min_length=1, max_length=8)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    multiple: int = Field(default=32, ge=1, le=64)
    skip: int = Field(default=0, ge=0, le=64)
    first_px: list[float] | None = Field(default=None, min_length=1, max_length=8)
    project: int | None = Field(default=None, ge=4, le=512)


class FileBackbone:
    """A foreign network.

    Args:
        path: The ONNX file; the JSON of the same name lies beside it.

    Raises:
        WeightsError: Missing, not ONNX, a pickle, too large, other outputs than the JSON says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = _bytes(path)
        self.said = read_card(path)
        self._model = _model(data, path)  # before ONNX Runtime, which may read other files
        self.card, self._taps = _measured(data, path, self.said)

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        height, width = (int(side) for side in crop.unwrap_tensor().shape[2:])
        mean = const(np.array(self.said.mean, np.float32).reshape(1, 3, 1, 1))
        scale = const(1 / np.array(self.said.std, np.float32).reshape(1, 3, 1, 1))
        x = op.mul(op.sub(crop, mean), scale)
        fed = _fed((height, width), self.said.multiple)
        if fed != (height, width):
            x = _resized(x, 3, fed)
        found = graphs.inline_network(self._model, x)
        grid = height // self.card.stride, width // self.card.stride
        parts = [self._laid(found[tap.name], tap, fed, grid) for tap in self._taps]
        return parts[0] if len(parts) == 1 else op.concat(parts, axis=1)

    def _laid(self, x: Var, tap: _Tap, fed: tuple[int, int], grid: tuple[int, int]) -> Var:
        """An output on the common grid: [N, C, h, w]."""
        if tap.tokens:
            rows, columns = (round(side / tap.stride_fed) for side in fed)
            x = op.slice(x, graphs.ints(self.said.skip), graphs.ints(2**31), graphs.ints(1))
            x = op.transpose(x, perm=[0, 2, 1])
            x = op.reshape(x, graphs.ints(-1, tap.channels, rows, columns))
        if tap.weight is not None:
            x = op.conv(x, const(tap.weight[:, :, None, None]))
        channels = tap.channels if tap.weight is None else len(tap.weight)
        x = _resized(x, channels, grid)
        if tap.cells_off:
            x = graphs.depthwise(x, shift_kernel(tap.cells_off), channels)
        return x


class _Tap:
    """One output, measured."""

    def __init__(self, name: str, shape: tuple[int, ...], fed_px: int, skip: int) -> None:
        self.name = name
        self.tokens = len(shape) == 3
        side = math.isqrt(shape[1] - skip) if self.tokens else shape[2]
        self.channels = shape[2] if self.tokens else shape[1]
        self.stride_fed = fed_px / side
        self.weight: FloatArray | None = None
        self.cells_off = 0.0


def read_card(path: Path) -> FileCard:
    """The JSON beside a network file.

    Raises:
        WeightsError: Missing, or not as it has to be.
    """
    beside = path.with_suffix(".json")
    try:
        return FileCard.model_validate(read_json(beside))
    except (AnnotationError, ValidationError) as error:
        what = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or beside.name
            what = f"'{where}': {first['msg']}"
        raise WeightsError(
            f"'{beside}' does not describe the network '{path.name}': {what}. It is a JSON object "
            'such as {"outputs": ["layer2"], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, '
            "0.225]}. Write it beside the ONNX file."
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        data = read_file(path)
    except OffspecError as error:
        raise WeightsError(str(error)) from error
    if data.startswith(_NO_PICKLE):
        raise WeightsError(
            f"'{path}' is a pickle or an archive of pickles, as PyTorch writes them. Reading one "
            "runs whatever code it holds, so offspec does not. Export the network to ONNX."
        )
    if len(data) > MAX_BYTES:
        raise WeightsError(
            f"'{path}' has {len(data) / 2**20:.0f} MB. At most {MAX_BYTES >> 20} MB are allowed, "
            "since the network goes into the bundle. Take a smaller one."
        )
    return data


@lru_cache(maxsize=4)
def _model(data: bytes, path: Path) -> onnx.ModelProto:
    """The network in the operator set of offspec's graphs."""
    try:
        model = _parsed(data)
        versions = {one.domain: one.version for one in model.opset_import}
        if versions.get("", 0) != graphs.OPSET:
            model = onnx.version_converter.convert_version(model, graphs.OPSET)
    except (DecodeError, RuntimeError, onnx.checker.ValidationError) as error:
        raise WeightsError(
            f"'{path}' is not an ONNX network that offspec can take: {str(error)[:200]}. One file "
            f"with all weights, operator set {graphs.OPSET} or convertible to it, is needed. "
            "Export it again."
        ) from error
    return model


def _parsed(data: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.ParseFromString(data)
    if not model.graph.node:
        raise DecodeError("it holds no graph")
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in _tensors(model)):
        raise DecodeError("its weights lie in another file")
    return model


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


@lru_cache(maxsize=4)
def _probe(
    data: bytes, path: Path, wanted: tuple[str, ...], multiple: int
) -> list[list[FloatArray]]:
    """The outputs for a crop of noise, and for the same with its middle changed."""
    try:
        session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no base
        raise WeightsError(
            f"'{path}' cannot be run: {str(error)[:200]}. Export it again."
        ) from error
    names = [one.name for one in session.get_outputs()]
    missing = [name for name in wanted if name not in names]
    if missing or len(session.get_inputs()) != 1:
        raise WeightsError(
            f"'{path}' has {len(session.get_inputs())} inputs and the outputs "
            f"{', '.join(names)[:300]}; '{path.with_suffix('.json').name}' asks for "
            f"{', '.join(wanted)}. A backbone has one input (N, 3, H, W). Correct 'outputs'."
        )
    fixed = [side for side in session.get_inputs()[0].shape[2:] if isinstance(side, int)]
    if fixed:
        raise WeightsError(
            f"'{path}' takes inputs of {session.get_inputs()[0].shape} only. Regions differ in "
            "size, so that height and width have to be free. Export it with dynamic sizes."
        )
    side = _fed((PROBE_PX, PROBE_PX), multiple)[0]
    crop = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    other = crop.copy()
    middle = slice(side // 2 - 2, side // 2 + 2)
    other[:, :, middle, middle] = 1 - other[:, :, middle, middle]
    name = session.get_inputs()[0].name
    try:
        return [session.run(list(wanted), {name: one}) for one in (crop, other)]
    except Exception as error:
        raise WeightsError(
            f"'{path}' does not take crops of (1, 3, {side}, {side}): {str(error)[:200]}. The "
            "input's height and width have to be free. Export it with dynamic sizes."
        ) from error


def _measured(data: bytes, path: Path, said: FileCard) -> tuple[BackboneCard, list[_Tap]]:
    quiet, changed = _probe(data, path, tuple(said.outputs), said.multiple)
    fed = _fed((PROBE_PX, PROBE_PX), said.multiple)[0]
    taps, reach = [], 0.0
    for name, one, other in zip(said.outputs, quiet, changed, strict=True):
        _check_output(path, name, one, said.skip)
        tap = _Tap(name, one.shape, fed, said.skip)
        away = np.abs(one - other)
        if tap.tokens:
            reach = float(PROBE_PX)
        else:
            rows = np.flatnonzero(away.max(axis=(0, 1, 3)) > REACH_SHARE * away.max())
            reach = max(reach, (rows[-1] - rows[0] + 3) * tap.stride_fed if len(rows) else 0.0)
        taps.append(tap)
    finest = min(tap.stride_fed * PROBE_PX / fed for tap in taps)
    stride = min(GRIDS, key=lambda g: abs(math.log(g / finest)))
    for at, tap in enumerate(taps):
        if said.first_px is not None:
            first = said.first_px[at] if at < len(said.first_px) else said.first_px[-1]
            tap.cells_off = ((tap.stride_fed - 1) / 2 - first) / stride
        if said.project is not None and said.project < tap.channels:
            rng = np.random.default_rng((at, tap.channels))
            size = (said.project, tap.channels)
            tap.weight = (rng.standard_normal(size) / math.sqrt(tap.channels)).astype(np.float32)
    channels = sum(tap.channels if tap.weight is None else len(tap.weight) for tap in taps)
    receptive = min(math.ceil(reach), MAX_RECEPTIVE_PX)
    digest = hashlib.sha256(data + repr(said).encode()).hexdigest()
    return BackboneCard(f"file:{path.name}", stride, channels, receptive, 32, digest), taps


def _check_output(path: Path, name: str, value: FloatArray, skip: int) -> None:
    grid = value.ndim == 4 and value.shape[2] == value.shape[3] > 1
    tokens = value.ndim == 3 and math.isqrt(max(value.shape[1] - skip, 0)) ** 2 == (
        value.shape[1] - skip
    )
    if value.dtype != np.float32 or not (grid or tokens) or not np.isfinite(value).all():
        raise WeightsError(
            f"Output '{name}' of '{path}' has shape {value.shape} and type {value.dtype}. A "
            "backbone's output is float32, finite, and (N, C, h, w), or (N, tokens, C) with a "
            "square number of tokens after 'skip'. Name another output, or correct 'skip'."
        )


def _fed(size_hw: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The input size: crops whose sides are no multiple are resampled inside the graph."""
    height, width = (max(round(side / multiple), 1) * multiple for side in size_hw)
    return height, width


def _resized(x: Var, channels: int, size_hw: tuple[int, int]) -> Var:
    """Bilinear to a size, pixel centres aligned by half pixels."""
    shape = x.unwrap_tensor().shape
    if shape is not None and len(shape) == 4 and tuple(shape[2:]) == size_hw:
        return x
    batch = op.slice(op.shape(x), graphs.ints(0), graphs.ints(1), graphs.ints(0))
    sizes = op.concat([batch, graphs.ints(channels, *size_hw)], axis=0)
    return op.resize(
        x, None, None, sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )


def shift_kernel(cells: float) -> FloatArray:
    """(k, k) kernel that reads ``cells`` further down and right, bilinear between cells."""
    radius = math.ceil(abs(cells))
    taps = np.maximum(0, 1 - np.abs(np.arange(-radius, radius + 1) - cells))
    return np.asarray(np.outer(taps, taps), np.float32)


def file_backbone(name: str) -> FileBackbone:
    """The backbone behind ``file:PATH.onnx``.

    Raises:
        WeightsError: See ``FileBackbone``.
    """
    path = Path(name.removeprefix("file:")).expanduser()
    return _cached(path.absolute(), _stamp(path))


@lru_cache(maxsize=4)
def _cached(path: Path, _stamp: object) -> FileBackbone:
    return FileBackbone(path)


def _stamp(path: Path) -> tuple[object, ...]:
    """What tells a changed file from the one read before."""
    found: list[object] = []
    for one in (path, path.with_suffix(".json")):
        try:
            status = one.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
