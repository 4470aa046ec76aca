"""From a trained head to its weights files and cards.

    python -m pretraining.export_head CHECKPOINT.pt FOLDER [--prefix head]

Writes ``PREFIX-object.onnx`` and ``PREFIX-texture.onnx`` with their cards. As for backbones,
weights are float16 and a file is written only if ONNX Runtime agrees with torch.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from offspec import graphs
from offspec.graphs import Var, const, op
from offspec.images import atomic_write
from offspec.json_files import json_bytes
from pretraining.export import ExportError, _array, _half, _share, seeds_of
from pretraining.head import FINE_PER_CELL, LEVELS, REACH, SURROUND, Head
from pretraining.network import STRIDE
from pretraining.validate import load

SHARE = 0.5  # of the logarithm that ships: drawn scenes teach only in part what photographs need
TOLERANCE = 1e-3  # largest difference to torch, as a share of the largest map value
VERSION = 1


def rounded(head: Head) -> Head:
    """A copy whose weights are float16 values."""
    result = deepcopy(head).eval()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.copy_(_half(parameter))
    return result


def _conv(module: nn.Module, x: Var) -> Var:
    assert isinstance(module, nn.Conv2d)  # noqa: S101 - for the type checker
    bias = None if module.bias is None else _array(module.bias)
    return graphs.network_conv(x, _array(module.weight), bias, depthwise=module.groups > 1)


def _log1p(x: Var) -> Var:
    return op.log(op.add(x, const(1.0)))


def _pooled(x: Var, factor: int) -> Var:
    shape = (factor, factor)
    return op.max_pool(x, kernel_shape=shape, strides=shape)[0]


def body(head: Head, inputs: Mapping[str, Var]) -> Var:
    """``Head.forward`` as a graph; see there."""
    distance, fine = inputs["distance"], inputs.get("fine")
    x = _conv(head.project, inputs["residual"])
    common = graphs.upsample(graphs.mean_pool(x, SURROUND), SURROUND)
    x = op.concat([x, op.sub(x, common)], axis=1)
    energies = []
    for i, around in enumerate(head.around):
        x = graphs.mean_pool(x, 2) if i else x
        y = _conv(around, x)
        energies.append(_log1p(op.mul(y, y)))
    first = [energies[0], _log1p(distance)]
    if fine is not None:
        mean = graphs.mean_pool(fine, FINE_PER_CELL)
        first += [_log1p(mean), _log1p(_pooled(fine, FINE_PER_CELL))]
    energies[0] = op.concat(first, axis=1)
    m = op.relu(_conv(head.mix[LEVELS - 1], energies[LEVELS - 1]))
    for i in range(LEVELS - 2, -1, -1):
        up = graphs.upsample(m, 2)
        m = op.relu(_conv(head.mix[i], op.concat([energies[i], up], axis=1)))
    m = op.add(m, op.relu(_conv(head.join, _conv(head.context, m))))
    return op.mul(op.tanh(op.mul(_conv(head.leave, m), const(1 / REACH))), const(SHARE * REACH))


def to_onnx(head: Head, *, texture: bool) -> onnx.ModelProto:
    """The graph of a head that ``rounded`` has made."""
    channels = head.project.in_channels
    shapes = {"residual": ("N", channels, "h", "w"), "distance": ("N", 1, "h", "w")}
    if not texture:
        shapes["fine"] = ("N", 1, "fh", "fw")
    return graphs.build_head(shapes, lambda inputs: body(head, inputs))


def check_parity(head: Head, model: onnx.ModelProto, *, texture: bool) -> float:
    """Largest difference between ONNX Runtime and torch, as a share of the largest value.

    Raises:
        ExportError: It is above ``TOLERANCE``.
    """
    rng = np.random.default_rng(0)
    h, w, c = 24, 32, head.project.in_channels
    residual = rng.standard_normal((2, c, h, w)).astype(np.float32)
    residual[1, :, 5:9, 10:20] *= 6
    distance = np.square(residual).mean(1, keepdims=True)
    feeds = {"residual": residual, "distance": distance}
    if not texture:
        feeds["fine"] = rng.gamma(0.5, 2.0, (2, 1, 2 * h, 2 * w)).astype(np.float32)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, feeds)[0]
    tensors = [torch.from_numpy(v) for v in feeds.values()]
    with torch.no_grad():
        drawn = head(tensors[0], tensors[1], tensors[2] if len(tensors) > 2 else None)
    wanted = SHARE * drawn.numpy()
    worst = _share(found, wanted)
    if worst > TOLERANCE:
        raise ExportError(
            f"The head's graph differs from torch by {worst:.2g} of the largest value. At most "
            f"{TOLERANCE:g} is allowed."
        )
    return worst


def export(head: Head, out: Path, given: Mapping[str, Any], *, texture: bool) -> dict[str, Any]:
    """Write ``out`` and its card; returns the card.

    Raises:
        ExportError: The graph does not agree with torch.
    """
    plain = rounded(head)
    model = to_onnx(plain, texture=texture)
    parity = check_parity(plain, model, texture=texture)
    data: bytes = model.SerializeToString(deterministic=True)
    parameters = sum(p.numel() for p in head.parameters())
    card = {
        "version": VERSION,
        "data": "images drawn by the programs in pretraining/programs; no photographs",
        "limits": "Trained on made defects of 0.05 to 30 % of a 128 px crop in drawn scenes. It "
        "helps fixed parts more than textures, and can hurt where parts are no flat texture.",
        "ladder": [],
        "licence": "Apache-2.0",
        **given,
        "seeds": seeds_of(given),
        "share": SHARE,
        "name": out.stem,
        "backbone": "bank",
        "channels": head.project.in_channels,
        "stride": STRIDE,
        "multiple": STRIDE * max(SURROUND, 2 ** (LEVELS - 1)),
        "receptive_px": receptive_px(),
        "parameters": parameters,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "stored": "float16, computed in float32",
        "parity": float(f"{parity:.2g}"),
    }
    atomic_write(out, data)
    atomic_write(out.with_suffix(".json"), json_bytes(card))
    return card


def receptive_px() -> int:
    """Crop pixels of residual that can change one cell, counted: twice the farthest reach."""
    coarsest = 1 << (LEVELS - 1)
    reach = 1  # the context's 3 x 3
    for level in range(LEVELS - 1):
        reach += (1 << level) * 2  # enlarging from the next level
    reach += coarsest + coarsest  # the coarsest 3 x 3, and the block it averages
    reach += 2 * SURROUND  # the surround's block, and enlarging from the next one
    return 2 * reach * STRIDE


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prefix", default="head")
    args = parser.parse_args()
    learner = load(args.checkpoint)
    if learner.heads is None:
        raise ExportError(f"{args.checkpoint} holds no head.")
    given = torch.load(args.checkpoint, weights_only=True, map_location="cpu")["card"]
    args.folder.mkdir(parents=True, exist_ok=True)
    for kind in ("object", "texture"):
        head = learner.heads[kind]
        assert isinstance(head, Head)  # noqa: S101 - for the type checker
        out = args.folder / f"{args.prefix}-{kind}.onnx"
        card = export(head, out, given, texture=kind == "texture")
        sys.stdout.write(f"wrote {out}: {card['bytes']} bytes, parity {card['parity']:.1e}\n")


if __name__ == "__main__":
    main()
