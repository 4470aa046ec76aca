"""Building ONNX graphs: the only module that knows spox.

A graph follows DESIGN 4: inputs ``crop`` float32 [N, 3, H, W] in [0, 1] and, with several slots,
``slot`` int64 [N]; output ``map`` float32 [N, 1, H, W]; opset 18, domain ai.onnx, no loops, no
random and no custom operator. Borders repeat the edge pixel, so that nothing lights up there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import spox.opset.ai.onnx.v18 as op
from numpy.typing import NDArray
from spox import Tensor, Var, argument, build, inline

from offspec.errors import LimitError, ShapeError
from offspec.types import FloatArray

MAX_SLOT_BYTES = 64 * 2**20  # statistics of one slot
MAX_GRAPH_BYTES = 512 * 2**20
STATISTIC = "statistic_"
OPSET = 18

Model = onnx.ModelProto

__all__ = ["MAX_GRAPH_BYTES", "MAX_SLOT_BYTES", "Model", "Var", "op"]


def const(value: NDArray[Any] | Sequence[float] | float) -> Var:
    """A float32 constant."""
    return op.const(np.asarray(value, np.float32))


def ints(*values: int) -> Var:
    """An int64 vector constant."""
    return op.const(np.asarray(values, np.int64))


def conv(x: Var, weight: FloatArray, *, stride: int = 1, name: str | None = None) -> Var:
    """Convolution that keeps the size (divided by ``stride``) by repeating the border.

    Args:
        x: [N, C, H, W].
        weight: (O, C, kh, kw); an even kernel reads one pixel more after than before.
        stride: Both ways.
        name: Makes the weight a statistic.
    """
    kernel_h, kernel_w = weight.shape[2:]
    padded = pad_edge(x, *_pads(kernel_h, stride), *_pads(kernel_w, stride))
    filters = const(weight) if name is None else statistic(name, weight)
    return op.conv(padded, filters, strides=(stride, stride))


def depthwise(x: Var, kernel: FloatArray, channels: int, *, stride: int = 1) -> Var:
    """The same (kh, kw) kernel on each of ``channels`` channels, border repeated."""
    weight = np.broadcast_to(kernel, (channels, 1, *kernel.shape)).astype(np.float32)
    padded = pad_edge(x, *_pads(kernel.shape[0], stride), *_pads(kernel.shape[1], stride))
    return op.conv(padded, const(weight), group=channels, strides=(stride, stride))


def stored_half(value: FloatArray) -> Var:
    """A float32 value that takes half the room: stored as float16, computed with as float32."""
    return op.cast(op.const(np.asarray(value, np.float16)), to=np.float32)


def network_conv(
    x: Var,
    weight: FloatArray,
    bias: FloatArray | None = None,
    *,
    stride: int = 1,
    depthwise: bool = False,
) -> Var:
    """One layer of a trained network: ``conv`` with weights stored as float16.

    Args:
        x: [N, C, H, W].
        weight: (O, C, kh, kw), or (C, 1, kh, kw) where each channel has its own kernel.
        bias: (O,) or None.
        stride: Both ways.
        depthwise: Each channel by itself.
    """
    kernel_h, kernel_w = weight.shape[2:]
    padded = pad_edge(x, *_pads(kernel_h, stride), *_pads(kernel_w, stride))
    return op.conv(
        padded,
        stored_half(weight),
        None if bias is None else stored_half(bias),
        group=len(weight) if depthwise else 1,
        strides=(stride, stride),
    )


def _pads(kernel: int, stride: int) -> tuple[int, int]:
    """Pixels repeated before and after, so that H becomes H / stride, windows centred."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


def pad_edge(x: Var, top: int, bottom: int, left: int, right: int) -> Var:
    """Repeat the border of the last two axes."""
    if (top, bottom, left, right) == (0, 0, 0, 0):
        return x
    return op.pad(x, ints(0, 0, top, left, 0, 0, bottom, right), mode="edge")


def mean_pool(x: Var, factor: int) -> Var:
    """Exact block mean; H and W must be multiples of ``factor``."""
    if factor == 1:
        return x
    return op.average_pool(x, kernel_shape=(factor, factor), strides=(factor, factor))


def faded_mean(x: Var, side: int) -> Var:
    """Mean over ``side`` cells each way with zeros beyond the border, where values fade so.

    Deep networks pad with zeros in every layer: what they say at the border says little of the
    part. The mean as PatchCore's authors take it makes that count for less.
    """
    reach = side // 2
    return op.average_pool(
        x, kernel_shape=(side, side), strides=(1, 1), pads=(reach,) * 4, count_include_pad=1
    )


def upsample(x: Var, factor: int) -> Var:
    """Bilinear, pixel centres aligned by half pixels, border repeated."""
    if factor == 1:
        return x
    scales = const(np.array([1, 1, factor, factor], np.float32))
    return op.resize(x, None, scales, mode="linear", coordinate_transformation_mode="half_pixel")


def channel_sum(x: Var, channels: int, factor: float = 1.0) -> Var:
    """[N, C, H, W] to [N, 1, H, W], times ``factor``.

    A convolution with ones: ReduceSum adds in another order when N is 1, and a map may not
    depend on its batch mates.
    """
    return op.conv(x, const(np.full((1, channels, 1, 1), factor, np.float32)))


def shifted(x: Var, dy: int, dx: int, height: int, width: int, radius: int) -> Var:
    """``x`` moved by (dy, dx), cut from ``x`` padded by ``radius`` on all sides."""
    top, left = radius - dy, radius - dx
    return op.slice(x, ints(top, left), ints(top + height, left + width), ints(2, 3))


def statistic(name: str, value: FloatArray) -> Var:
    """A constant that ``with_statistics`` can find again and replace."""
    result = const(value)
    result._rename(STATISTIC + name)  # spox names constants by number otherwise
    return result


def select(name: str, statistics: FloatArray, slot: Var | None) -> Var:
    """Statistics of each crop's slot.

    Args:
        name: Of the statistic, unique in the graph.
        statistics: (S, C, h, w) or (S, C, 1, 1); the first axis is the slot.
        slot: int64 [N], or None with one slot, whose statistics then broadcast.
    """
    value = statistic(name, statistics)
    return value if slot is None else op.gather(value, slot, axis=0)


def with_statistics(
    model: onnx.ModelProto, statistics: Mapping[str, FloatArray]
) -> onnx.ModelProto:
    """A copy of a graph with other numbers in its statistics: same nodes, same arithmetic.

    Building a graph takes a third of a second; calibration needs one per fold.

    Args:
        model: From ``build_graph``.
        statistics: Every statistic's name and value, in the shapes it was built with.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    left = dict(statistics)
    for node in result.graph.node:
        name = node.output[0] if node.op_type == "Constant" else ""
        if name.startswith(STATISTIC):
            name = name.removeprefix(STATISTIC)
            if name not in left:
                raise ShapeError(f"The graph needs statistic '{name}'. Give every statistic.")
            value = left.pop(name)
            tensor = node.attribute[0].t
            if tuple(tensor.dims) != value.shape:
                raise ShapeError(
                    f"Statistic '{name}' has shape {value.shape}; the graph was built for "
                    f"{tuple(tensor.dims)}. Both must agree. Build a new graph."
                )
            tensor.raw_data = np.ascontiguousarray(value, np.float32).tobytes()
    if left:
        raise ShapeError(f"The graph has no statistics {sorted(left)}. Build a new graph.")
    return result


def build_graph(
    net_hw: tuple[int, int], n_slots: int, body: Callable[[Var, Var | None], Var]
) -> onnx.ModelProto:
    """Close a graph over its inputs.

    Args:
        net_hw: Fixed crop size.
        n_slots: With one, there is no ``slot`` input.
        body: From crop and slot to the map [N, 1, H, W].

    Raises:
        LimitError: The graph is over ``MAX_GRAPH_BYTES``.
    """
    crop = argument(Tensor(np.float32, ("N", 3, *net_hw)))
    slot = argument(Tensor(np.int64, ("N",))) if n_slots > 1 else None
    result = body(crop, slot)
    inputs = {"crop": crop} if slot is None else {"crop": crop, "slot": slot}
    model = _at_opset(build(inputs, {"map": result}))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    size = model.ByteSize()
    if size > MAX_GRAPH_BYTES:
        raise LimitError(
            f"The graph takes {size / 2**20:.0f} MB. At most {MAX_GRAPH_BYTES >> 20} MB are "
            "allowed. Use fewer or smaller regions, or a lower resolution."
        )
    return model


def _at_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` at the contract's operator set; spox declares the least that is needed."""
    if model.opset_import[0].version == OPSET:
        return model
    return onnx.version_converter.convert_version(model, OPSET)


def build_network(body: Callable[[Var], Var]) -> onnx.ModelProto:
    """A feature network for the package: ``crop`` [N, 3, H, W] to ``features``, all sizes free."""
    crop = argument(Tensor(np.float32, ("N", 3, "H", "W")))
    return _at_opset(build({"crop": crop}, {"features": body(crop)}))


def build_head(
    shapes: Mapping[str, tuple[int | str, ...]], body: Callable[[Mapping[str, Var]], Var]
) -> onnx.ModelProto:
    """A head for the package: float32 inputs of these shapes to ``factor``, a logarithm."""
    inputs = {name: argument(Tensor(np.float32, shape)) for name, shape in shapes.items()}
    return _at_opset(build(inputs, {"factor": body(inputs)}))


def named(name: str, x: Var) -> Var:
    """The same value under a name of its own in the graph; ``with_output`` finds it again."""
    result = op.identity(x)
    result._rename(name)  # spox names values by number otherwise
    return result


def with_output(data: bytes, name: str) -> onnx.ModelProto | None:
    """A copy of a graph that also gives the value of this name; None = it has none."""
    model = parse_network(data)
    if not any(name in node.output for node in model.graph.node):
        return None
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return model


def parse_network(data: bytes) -> onnx.ModelProto:
    """The model in a file whose bytes are known to be good."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    return model


def build_features(
    net_hw: tuple[int, int], body: Callable[[Var], Sequence[Var]]
) -> onnx.ModelProto:
    """A graph from ``crop`` to ``out0``, ``out1``, ...; used while fitting."""
    crop = argument(Tensor(np.float32, ("N", 3, *net_hw)))
    model: onnx.ModelProto = build({"crop": crop}, {f"out{i}": v for i, v in enumerate(body(crop))})
    return model


def inline_network(model: onnx.ModelProto, x: Var) -> dict[str, Var]:
    """Put a foreign network with one input into a graph.

    Returns:
        Output name to variable.
    """
    name = model.graph.input[0].name
    return dict(inline(model)(**{name: x}))


def inline_graph(model: onnx.ModelProto, inputs: Mapping[str, Var]) -> dict[str, Var]:
    """Put a network with several inputs into a graph.

    Returns:
        Output name to variable.
    """
    return dict(inline(model)(**inputs))


def check_statistics(n_bytes: int, n_slots: int, what: str) -> None:
    """Refuse statistics over a limit before anything is fitted.

    Args:
        n_bytes: Of one slot.
        n_slots: Of the graph.
        what: Who needs them.

    Raises:
        LimitError: Naming the figure and a remedy.
    """
    if n_bytes * n_slots > MAX_GRAPH_BYTES:
        raise LimitError(
            f"{what} needs {n_bytes * n_slots / 2**20:.0f} MB of statistics for {n_slots} crops in "
            f"one graph. At most {MAX_GRAPH_BYTES >> 20} MB are allowed, which is "
            f"{MAX_GRAPH_BYTES // n_bytes} such crops. Use fewer or smaller regions, or a lower "
            "resolution."
        )
    if n_bytes > MAX_SLOT_BYTES:
        raise LimitError(
            f"{what} needs {n_bytes / 2**20:.0f} MB of statistics for one crop. At most "
            f"{MAX_SLOT_BYTES >> 20} MB are allowed. Use a lower resolution or split the region."
        )
