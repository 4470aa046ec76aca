"""A ResNet-18 with seeded random weights, as ONNX with its card: a backbone for comparisons.

    python -m benchmarks.seeded_resnet FILE.onnx [--seed 0]

No training and nothing downloaded: whoever runs it gets the same weights. Outputs are ``layer1``
to ``layer3`` at strides 4, 8 and 16; the card names the last two.

Reference:
    He et al., ResNet (CVPR 2016), the basic block in 18 layers; weights after He et al. (ICCV
    2015), normal, by the number of outputs.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STAGES = ((64, 1), (128, 2), (256, 2))  # channels and stride of layer1, layer2 and layer3
BLOCKS = 2
CARD = {
    "outputs": ["layer2", "layer3"],
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


class _Writer:
    """Collects nodes and weights."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str = "", **settings: Any) -> str:
        """One operator; returns the name of its output."""
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name

    def weight(self, values: np.ndarray) -> str:
        """One weight; returns its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def conv(self, x: str, size: tuple[int, int, int], stride: int) -> str:
        """Convolution and batch normalisation at its initial state; size: out, in, side."""
        out, _, side = size
        scale = math.sqrt(2 / (out * side * side))
        weight = self.weight(self.rng.standard_normal((*size, side)) * scale)
        pads = [side // 2] * 4
        x = self.node("Conv", [x, weight], strides=[stride] * 2, pads=pads)
        one, zero = self.weight(np.ones(out)), self.weight(np.zeros(out))
        return self.node("BatchNormalization", [x, one, zero, zero, one], epsilon=1e-5)

    def block(self, x: str, inputs: int, channels: int, stride: int, output: str = "") -> str:
        """A basic block."""
        y = self.node("Relu", [self.conv(x, (channels, inputs, 3), stride)])
        y = self.conv(y, (channels, channels, 3), 1)
        if stride != 1 or inputs != channels:
            x = self.conv(x, (channels, inputs, 1), stride)
        return self.node("Relu", [self.node("Add", [y, x])], output)


def seeded_resnet18(seed: int) -> onnx.ModelProto:
    """The network; equal seeds give equal weights."""
    writer = _Writer(seed)
    x = writer.node("Relu", [writer.conv("x", (64, 3, 7), 2)])
    x = writer.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = 64
    for number, (channels, stride) in enumerate(STAGES, 1):
        for block in range(BLOCKS):
            last = f"layer{number}" if block == BLOCKS - 1 else ""
            x = writer.block(x, inputs, channels, stride if block == 0 else 1, last)
            inputs = channels
    shape: list[str | int] = ["N", 3, "H", "W"]
    outputs = [
        helper.make_tensor_value_info(
            f"layer{number}", TensorProto.FLOAT, ["N", channels, f"H{number}", f"W{number}"]
        )
        for number, (channels, _) in enumerate(STAGES, 1)
    ]
    graph = helper.make_graph(
        writer.nodes,
        "resnet18",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        outputs,
        writer.weights,
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def main() -> None:
    """Write network and card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.file.write_bytes(seeded_resnet18(args.seed).SerializeToString(deterministic=True))
    args.file.with_suffix(".json").write_text(json.dumps(CARD, indent=1) + "\n")
    print(f"wrote {args.file} and its card")


if __name__ == "__main__":
    main()
