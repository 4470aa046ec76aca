"""An ONNX network of the package as a torch module whose weights can be trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from offspec.errors import WeightsError

Known = dict[str, Tensor]


class FromOnnx(nn.Module):
    """Runs the nodes of a graph in their order; weights of convolutions become parameters.

    Args:
        model: One input, one output; of the operators in ``OPERATORS``, Constant and Cast.

    Raises:
        WeightsError: The graph holds another operator.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.nodes: list[onnx.NodeProto] = []
        self.numbers: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
        self.names: dict[str, str] = {}
        self.input_name = model.graph.input[0].name
        self.output_name = model.graph.output[0].name
        self.trained = {n for one in model.graph.node if one.op_type == "Conv" for n in one.input}
        for one in model.graph.initializer:
            self._keep(one.name, numpy_helper.to_array(one))
        for node in model.graph.node:
            self._read(node)

    def _read(self, node: onnx.NodeProto) -> None:
        """Keep a constant, or a node to run."""
        if node.op_type == "Constant":
            self._keep(node.output[0], numpy_helper.to_array(node.attribute[0].t))
        elif node.op_type == "Cast" and node.input[0] in self.numbers:
            self._keep(node.output[0], self.numbers[node.input[0]].astype(np.float32))
        elif node.op_type in OPERATORS:
            self.nodes.append(node)
        else:
            raise WeightsError(
                f"The network holds operator '{node.op_type}'. Only networks of the package are "
                f"trained on, with {', '.join(sorted(OPERATORS))}. Take another start."
            )

    def _keep(self, name: str, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
        self.numbers[name] = value
        if value.dtype == np.float32:
            own = self.names[name] = f"w{len(self.names)}"
            tensor = torch.from_numpy(value.copy())
            if name in self.trained:
                self.register_parameter(own, nn.Parameter(tensor))
            else:
                self.register_buffer(own, tensor)

    def forward(self, x: Tensor) -> Tensor:
        """What the graph's output is for its input."""
        known = {name: getattr(self, own) for name, own in self.names.items()}
        known[self.input_name] = x
        for node in self.nodes:
            known[node.output[0]] = OPERATORS[node.op_type](self, node, known)
        return known[self.output_name]


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _conv(_: FromOnnx, node: onnx.NodeProto, known: Known) -> Tensor:
    said = _attributes(node)
    pads = said.get("pads", [0, 0, 0, 0])
    assert isinstance(pads, list)  # noqa: S101 - for the type checker
    x = known[node.input[0]]
    if any(pads):
        x = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
    bias = known[node.input[2]] if len(node.input) > 2 else None
    return F.conv2d(
        x, known[node.input[1]], bias,
        stride=said.get("strides", [1, 1]),  # type: ignore[arg-type]
        groups=said.get("group", 1),  # type: ignore[arg-type]
    )  # fmt: skip


def _pad(module: FromOnnx, node: onnx.NodeProto, known: Known) -> Tensor:
    pads = [int(value) for value in module.numbers[node.input[1]]]
    _, _, top, left, _, _, bottom, right = pads
    return F.pad(known[node.input[0]], (left, right, top, bottom), mode="replicate")


def _resize(module: FromOnnx, node: onnx.NodeProto, known: Known) -> Tensor:
    scales = [float(value) for value in module.numbers[node.input[2]]]
    return F.interpolate(
        known[node.input[0]], scale_factor=(scales[2], scales[3]), mode="bilinear",
        align_corners=False,
    )  # fmt: skip


def _concat(_: FromOnnx, node: onnx.NodeProto, known: Known) -> Tensor:
    return torch.cat([known[name] for name in node.input], 1)


OPERATORS: dict[str, Callable[[FromOnnx, onnx.NodeProto, Known], Tensor]] = {
    "Add": lambda _, node, known: known[node.input[0]] + known[node.input[1]],
    "Concat": _concat,
    "Conv": _conv,
    "Identity": lambda _, node, known: known[node.input[0]],
    "Log": lambda _, node, known: torch.log(known[node.input[0]]),
    "Pad": _pad,
    "Relu": lambda _, node, known: torch.relu(known[node.input[0]]),
    "Resize": _resize,
}
