"""A foreign network as a backbone: normalised, resampled where it has to be, on one grid.

What an output's size and reach are is measured on the network itself. All outputs are laid on
the grid of the finest. Where the network comes from is the caller's: ``file_backbone.py``,
``timm_backbone.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field

from offspec import graphs
from offspec.backbone_card import BackboneCard
from offspec.errors import OffspecError, WeightsError
from offspec.graphs import Var, const, op
from offspec.images import read_file
from offspec.types import FloatArray

MAX_BYTES = 480 * 2**20  # a graph that holds it stays within its limit
PROBE_PX = 256
GRIDS = (4, 8, 16, 32)
REACH_SHARE = 1e-3  # of the largest change: what lies below counts as out of reach
MAX_RECEPTIVE_PX = 384  # tiles stay affordable; a transformer sees everything a little
_NO_PICKLE = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


Positive = Annotated[float, Field(gt=0)]


class FileCard(BaseModel):
    """What a network's graph does not say; for a file, the JSON beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outputs: list[str] = Field(min_length=1, max_length=8)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    multiple: int = Field(default=32, ge=1, le=64)
    skip: int = Field(default=0, ge=0, le=64)
    first_px: list[float] | None = Field(default=None, min_length=1, max_length=8)
    project: int | None = Field(default=None, ge=4, le=512)


NetworkAt = Callable[[tuple[int, int]], onnx.ModelProto]
"""From the size of crops (height, width) to a network with one input, (N, 3, H, W)."""


class ForeignBackbone:
    """A foreign network.

    Args:
        name: As in the bundle, without a path of this machine.
        said: What its graph does not say.
        network_at: The network, in the operator set of offspec's graphs.
        digest: sha256 of weights and description.

    Raises:
        WeightsError: Outputs that are no feature maps.
    """

    def __init__(self, name: str, said: FileCard, network_at: NetworkAt, digest: str) -> None:
        self.said = said
        self._network_at = network_at
        fed = _fed((PROBE_PX, PROBE_PX), said.multiple)
        quiet, changed = _probe(network_at(fed), name, said.outputs, fed[0])
        self._taps, reach = _measured(quiet, changed, name, said, fed[0])
        stride = _grid(self._taps, fed[0])
        for at, tap in enumerate(self._taps):
            tap.describe(said, at, stride)
        channels = sum(tap.kept for tap in self._taps)
        receptive = min(math.ceil(reach), MAX_RECEPTIVE_PX)
        self.card = BackboneCard(name, stride, channels, receptive, 32, digest)

    def build(self, crop: Var) -> Var:
        """See ``Backbone.build``."""
        height, width = (int(side) for side in crop.unwrap_tensor().shape[2:])
        mean = const(np.array(self.said.mean, np.float32).reshape(1, 3, 1, 1))
        scale = const(1 / np.array(self.said.std, np.float32).reshape(1, 3, 1, 1))
        x = op.mul(op.sub(crop, mean), scale)
        fed = _fed((height, width), self.said.multiple)
        if fed != (height, width):
            x = _resized(x, 3, fed)
        found = graphs.inline_network(self._network_at(fed), x)
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
        x = _resized(x, tap.kept, grid)
        if tap.cells_off:
            x = graphs.depthwise(x, shift_kernel(tap.cells_off), tap.kept)
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

    @property
    def kept(self) -> int:
        """Channels after the projection."""
        return self.channels if self.weight is None else len(self.weight)

    def describe(self, said: FileCard, at: int, stride: int) -> None:
        """Shift and projection of output number ``at`` on a grid of this stride."""
        if said.first_px is not None:
            first = said.first_px[at] if at < len(said.first_px) else said.first_px[-1]
            self.cells_off = ((self.stride_fed - 1) / 2 - first) / stride
        if said.project is not None and said.project < self.channels:
            rng = np.random.default_rng((at, self.channels))
            size = (said.project, self.channels)
            self.weight = (rng.standard_normal(size) / math.sqrt(self.channels)).astype(np.float32)


def read_weights(path: Path, instead: str) -> bytes:
    """The bytes of a file of weights; what a pickle may hide in is refused unread.

    Args:
        path: The file.
        instead: What to do about a pickle.

    Raises:
        WeightsError: Missing, a pickle or an archive, too large.
    """
    try:
        data = read_file(path)
    except OffspecError as error:
        raise WeightsError(str(error)) from error
    if data.startswith(_NO_PICKLE):
        raise WeightsError(
            f"'{path}' is a pickle or an archive of pickles, as PyTorch writes them. Reading one "
            f"runs whatever code it holds, so offspec does not. {instead}"
        )
    if len(data) > MAX_BYTES:
        raise WeightsError(
            f"'{path}' has {len(data) / 2**20:.0f} MB. At most {MAX_BYTES >> 20} MB are allowed, "
            "since the network goes into the bundle. Take a smaller one."
        )
    return data


def stamp(*paths: Path) -> tuple[object, ...]:
    """What tells changed files from those read before."""
    found: list[object] = []
    for one in paths:
        try:
            status = one.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


def _probe(
    model: onnx.ModelProto, name: str, wanted: Sequence[str], side: int
) -> tuple[list[FloatArray], list[FloatArray]]:
    """The outputs for a crop of noise, and for the same with its middle changed."""
    crop = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    other = crop.copy()
    middle = slice(side // 2 - 2, side // 2 + 2)
    other[:, :, middle, middle] = 1 - other[:, :, middle, middle]
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's own errors share no base
        raise WeightsError(
            f"'{name}' cannot be run: {str(error)[:200]}. Export it again."
        ) from error
    given = session.get_inputs()[0].name
    try:
        quiet, changed = (session.run(list(wanted), {given: one}) for one in (crop, other))
    except Exception as error:
        raise WeightsError(
            f"'{name}' does not take crops of (1, 3, {side}, {side}): {str(error)[:200]}. The "
            "input's height and width have to be free. Export it with dynamic sizes."
        ) from error
    return quiet, changed


def _measured(
    quiet: Sequence[FloatArray],
    changed: Sequence[FloatArray],
    path: str,
    said: FileCard,
    fed_px: int,
) -> tuple[list[_Tap], float]:
    """The outputs, and how far one cell sees, in pixels."""
    taps, reach = [], 0.0
    for name, one, other in zip(said.outputs, quiet, changed, strict=True):
        _check_output(path, name, one, said.skip)
        tap = _Tap(name, one.shape, fed_px, said.skip)
        away = np.abs(one - other)
        if tap.tokens:
            reach = float(PROBE_PX)
        else:
            rows = np.flatnonzero(away.max(axis=(0, 1, 3)) > REACH_SHARE * away.max())
            reach = max(reach, (rows[-1] - rows[0] + 3) * tap.stride_fed if len(rows) else 0.0)
        taps.append(tap)
    return taps, reach


def _grid(taps: Sequence[_Tap], fed_px: int) -> int:
    """The stride of the common grid: the nearest to that of the finest output."""
    finest = min(tap.stride_fed * PROBE_PX / fed_px for tap in taps)
    return min(GRIDS, key=lambda g: abs(math.log(g / finest)))


def _check_output(path: str, name: str, value: FloatArray, skip: int) -> None:
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
