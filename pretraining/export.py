"""From a trained network to the weights file and its card.

    python -m pretraining.export CHECKPOINT.pt OUT.onnx

The normalisation is folded into the convolutions, the tone's scale and the colour transform into
the stem, and weights are stored as float16. The file is written only if ONNX Runtime agrees with
the network in float32 whose weights went through the same rounding.

A checkpoint is what ``torch.save`` makes of ``{"size": "nano", "state": ..., "card": {...}}``;
the card's entries (recipe, seeds, data, ...) are laid over those that are counted here.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from offspec import graphs
from offspec.backbones import BLACK, TONE_SCALE
from offspec.graphs import Var, const, op
from offspec.images import atomic_write
from offspec.json_files import json_bytes
from offspec.types import FloatArray
from pretraining.network import SIZES, STRIDE, Block, ConvNorm, Network, cost

MULTIPLE = 16  # the coarsest features' stride
TOLERANCE = 1e-4  # largest difference to torch, as a share of the largest feature
ROUNDING = 1e-2  # likewise, what float16 weights may change
MAX_BYTES = 4 * 10**6
PARITY_SIZES_HW = ((96, 128), (256, 256))
VERSION = 1


class ExportError(ValueError):
    """The weights cannot be shipped; the message says why."""


# -- folding -----------------------------------------------------------------


def rounded(network: Network) -> Network:
    """The same map with all that can be folded folded, and every weight a float16 value.

    The copy takes the plain logarithm as its stem's input: ``opponent`` becomes the identity.
    """
    result = deepcopy(network).eval()
    with torch.no_grad():
        for module in result.modules():
            if isinstance(module, ConvNorm):
                weight, bias = module.folded()
                if module is result.stem:
                    weight = torch.einsum("ockl,cr->orkl", weight, _colours(network))
                _set_plain(module, _half(weight), _half(bias))
        for head in result.heads:
            assert isinstance(head, nn.Conv2d)  # noqa: S101 - for the type checker
            head.weight.copy_(_half(head.weight))
        result.get_buffer("opponent").copy_(torch.eye(3)[:, :, None, None] / TONE_SCALE)
    return result


def _colours(network: Network) -> Tensor:
    """(3, 3) from logarithms to the stem's planes, tone scale included."""
    return network.get_buffer("opponent")[:, :, 0, 0] * TONE_SCALE


def _half(value: Tensor) -> Tensor:
    """Rounded to float16, as float32."""
    found = value.half().float()
    if not torch.isfinite(found).all():
        largest = float(value.abs().max())
        raise ExportError(
            f"A weight of {largest:.3g} does not fit float16, whose largest value is 65504. "
            "Train again with weight decay, or look for a dead normalisation."
        )
    return found


def _set_plain(module: ConvNorm, weight: Tensor, bias: Tensor) -> None:
    """Weight as given, and a normalisation that only adds the bias."""
    module.conv.weight.copy_(weight)
    norm = module.norm
    assert norm.running_mean is not None  # noqa: S101 - for the type checker
    assert norm.running_var is not None  # noqa: S101
    norm.eps = 0.0
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
    norm.weight.fill_(1)
    norm.bias.copy_(bias)


# -- the graph ---------------------------------------------------------------


def to_onnx(network: Network) -> onnx.ModelProto:
    """The graph of a network that ``rounded`` has made."""
    return graphs.build_network(lambda crop: _body(network, crop))


def _body(network: Network, crop: Var) -> Var:
    x = op.log(op.add(crop, const(BLACK)))
    x = _sequence(network.stage4, _layer(network.patch, _layer(network.stem, x)))
    x8 = _sequence(network.stage8, _sequence(network.down8, x))
    x16 = _sequence(network.stage16, _sequence(network.down16, x8))
    found = []
    for i, (stage, head) in enumerate(zip((x, x8, x16), network.heads, strict=True)):
        assert isinstance(head, nn.Conv2d)  # noqa: S101 - for the type checker
        found.append(graphs.upsample(graphs.network_conv(stage, _array(head.weight)), 2**i))
    return op.concat(found, axis=1)


def _sequence(modules: nn.Sequential, x: Var) -> Var:
    for module in modules:
        x = _block(module, x) if isinstance(module, Block) else _layer(module, x)
    return x


def _block(block: Block, x: Var) -> Var:
    y = _layer(block.mix, _layer(block.spread, x))
    return op.add(x, y if block.back is None else _layer(block.back, y))


def _layer(module: nn.Module, x: Var) -> Var:
    assert isinstance(module, ConvNorm)  # noqa: S101 - for the type checker
    weight, bias = module.folded()
    y = graphs.network_conv(
        x, _array(weight), _array(bias), stride=module.stride, depthwise=module.depthwise
    )
    return op.relu(y) if module.relu else y


def _array(value: Tensor) -> FloatArray:
    return np.asarray(value.detach().float().numpy())


# -- checks ------------------------------------------------------------------


def check_parity(network: Network, model: onnx.ModelProto) -> float:
    """Compare ONNX Runtime with torch.

    Args:
        network: Made by ``rounded``.
        model: Its graph.

    Returns:
        The largest difference, as a share of the largest feature.

    Raises:
        ExportError: It is above ``TOLERANCE``.
    """
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed, size_hw in enumerate(PARITY_SIZES_HW):
        crops = parity_crops(size_hw, seed)
        with torch.no_grad():
            wanted = network(torch.from_numpy(crops)).numpy()
        found = session.run(["features"], {"crop": crops})[0]
        if found.shape != wanted.shape:
            raise ExportError(f"The graph gives {found.shape}, the network {wanted.shape}.")
        worst = max(worst, _share(found, wanted))
    if worst > TOLERANCE:
        raise ExportError(
            f"The graph's features differ from the network's by {worst:.2g} of their largest "
            f"value. At most {TOLERANCE:g} is allowed. Look at the layers that were changed last."
        )
    return worst


def _share(found: FloatArray, wanted: FloatArray) -> float:
    """Largest difference as a share of the largest wanted value; infinite where one is not."""
    share = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-12))
    return share if np.isfinite(share) else float("inf")


def check_rounding(network: Network, plain: Network) -> float:
    """What folding and float16 change, as a share of the largest feature.

    Args:
        network: As trained, in evaluation mode.
        plain: Made by ``rounded``.

    Raises:
        ExportError: It is above ``ROUNDING``.
    """
    crops = torch.from_numpy(parity_crops(PARITY_SIZES_HW[0], 0))
    with torch.no_grad():
        worst = _share(plain(crops).numpy(), network(crops).numpy())
    if worst > ROUNDING:
        raise ExportError(
            f"Storing the weights as float16 changes the features by {worst:.2g} of their largest "
            f"value. At most {ROUNDING:g} is allowed. Look for a layer with very unlike weights."
        )
    return worst


def parity_crops(size_hw: tuple[int, int], seed: int) -> FloatArray:
    """(4, 3, H, W) in [0, 1]: noise, a ramp, black with one bright block, stripes."""
    h, w = size_hw
    rng = np.random.default_rng(seed)
    crops = np.zeros((4, 3, h, w), np.float32)
    crops[0] = rng.random((3, h, w))
    crops[1] = np.linspace(0, 1, w)[None, None] * np.array([1, 0.7, 0.4])[:, None, None]
    crops[2, :, h // 3 : h // 2, w // 4 : w // 3] = 1
    crops[3] = 0.5 + 0.4 * np.sin(np.arange(h) / 3)[None, :, None]
    return crops


def receptive_px(network: Network) -> int:
    """Crop pixels that can change one cell: twice the farthest reach from a cell's centre.

    Measured, not estimated: a network of the same depth with one channel everywhere and equal
    positive weights loses nothing to rectifiers or cancellation. One pixel of each phase of the
    coarsest grid is changed, and the farthest cell that moves counts.
    """
    thin = replace(network.size, stem=1, widths=(1, 1, 1), outputs=(1, 1, 1))
    probe = Network(thin).double().eval()
    with torch.no_grad():
        for module in probe.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1 / module.weight[0].numel())
        probe.get_buffer("opponent").fill_(1 / 3)
    side = 1024
    crop = torch.ones(1, 3, 16, side, dtype=torch.float64)
    far = 0.0
    with torch.no_grad():
        before = probe(crop)
        for at in range(side // 2, side // 2 + MULTIPLE):
            changed = crop.clone()
            changed[..., at] = 2
            moved = (probe(changed) - before).abs().amax(dim=(0, 1, 2)) > 0
            cells = torch.nonzero(moved)[:, 0].double()
            centres = (cells + 0.5) * STRIDE - 0.5
            far = max(far, float((centres - at).abs().max()))
    return 2 * int(np.ceil(far))


# -- files -------------------------------------------------------------------


def make_card(network: Network, name: str, data: bytes, given: Mapping[str, Any]) -> dict[str, Any]:
    """The model card; what is counted here cannot be overruled by ``given``."""
    parameters, multiply_adds = cost(network.size)
    counted = {
        "name": name,
        "network": network.size.name,
        "channels": network.channels,
        "stride": STRIDE,
        "multiple": MULTIPLE,
        "receptive_px": receptive_px(network),
        "receptive_how": "measured on a one-channel network of the same depth, positive weights",
        "parameters": parameters,
        "multiply_adds_256": multiply_adds,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "stored": "float16, computed in float32",
    }
    stated = {
        "version": VERSION,
        "data": "images drawn by the programs in pretraining/programs; no photographs",
        "recipe": "none: random start, not trained",
        "seeds": seeds_of(given),
        "ladder": [],
        "limits": "Features of texture and shape, not of what things are called.",
        "licence": "Apache-2.0",
    }
    return {**stated, **given, **counted}


def seeds_of(given: Mapping[str, Any]) -> list[int]:
    """The seeds a checkpoint's recipe names."""
    recipe = given.get("recipe")
    return [recipe["seed"]] if isinstance(recipe, dict) and "seed" in recipe else []


def load_checkpoint(path: Path) -> tuple[Network, dict[str, Any]]:
    """The network and the card's entries of a checkpoint."""
    found = torch.load(path, map_location="cpu", weights_only=True)
    if found["size"] not in SIZES:
        raise ExportError(f"Size '{found['size']}' is unknown. Known: {', '.join(SIZES)}.")
    network = Network(SIZES[found["size"]])
    network.load_state_dict(found["state"])
    return network.eval(), dict(found.get("card", {}))


def export(network: Network, out: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write the weights file and its card beside it.

    Args:
        network: Trained.
        out: ``NAME.onnx``.
        given: Entries of the card.

    Returns:
        The card.

    Raises:
        ExportError: Parity, range or size.
    """
    network = network.eval()
    plain = rounded(network)
    model = to_onnx(plain)
    found = {"parity": check_parity(plain, model), "rounding": check_rounding(network, plain)}
    data: bytes = model.SerializeToString(deterministic=True)
    if len(data) > MAX_BYTES:
        raise ExportError(f"The file takes {len(data)} bytes. At most {MAX_BYTES} are allowed.")
    card = make_card(network, out.stem, data, given)
    card |= {key: float(f"{value:.2g}") for key, value in found.items()}
    atomic_write(out, data)
    atomic_write(out.with_suffix(".json"), json_bytes(card))
    return card


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    network, given = load_checkpoint(args.checkpoint)
    card = export(network, args.out, given)
    sys.stdout.write(
        f"wrote {args.out}: {card['bytes']} bytes, {card['channels']} channels, "
        f"receptive field {card['receptive_px']} px, parity {card['parity']:.1e}, "
        f"rounding {card['rounding']:.1e}\n"
    )


if __name__ == "__main__":
    main()
