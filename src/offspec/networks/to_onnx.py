"""From a trained network to ONNX, checked against it before anyone relies on it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from offspec.errors import TrainingError
from offspec.graphs import OPSET

TOLERANCE = 1e-3  # largest difference to torch, as a share of the largest value


def exported(
    network: nn.Module, example: Sequence[Tensor], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The network as ONNX with a free batch size.

    Args:
        network: In evaluation mode, on the CPU.
        example: Inputs, with a batch of at least 2, of what the network was trained on.
        inputs: Names.
        outputs: Names.

    Raises:
        TrainingError: ONNX Runtime gives other numbers than torch, beyond TOLERANCE.
    """
    buffer = io.BytesIO()
    free = {name: {0: "N"} for name in (*inputs, *outputs)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # it traces: networks here have no branches on values
        torch.onnx.export(
            network, tuple(example), buffer, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=free, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    model = onnx.load_model_from_string(buffer.getvalue())
    check_parity(network, model, example, inputs, outputs)
    return model


def check_parity(
    network: nn.Module,
    model: onnx.ModelProto,
    example: Sequence[Tensor],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> float:
    """Largest difference between torch and ONNX Runtime, as a share of the largest value.

    Raises:
        TrainingError: Over TOLERANCE.
    """
    with torch.no_grad():
        wanted = network(*example)
    wanted = wanted if isinstance(wanted, tuple | list) else [wanted]
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = dict(zip(inputs, (np.ascontiguousarray(x.numpy()) for x in example), strict=True))
    found = session.run(list(outputs), given)
    worst = 0.0
    for one, other in zip(found, wanted, strict=True):
        expected = other.numpy()
        largest = max(float(np.abs(expected).max()), 1e-6)
        worst = max(worst, float(np.abs(one - expected).max()) / largest)
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"The exported network differs from the trained one by {worst:.1e} of its largest "
            f"value. At most {TOLERANCE:.0e} is accepted, so no bundle was made. Report this, with "
            "the versions of torch and onnxruntime."
        )
    return worst
