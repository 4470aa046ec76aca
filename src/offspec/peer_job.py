"""Our side of a comparison with anomalib: the job, its two processes, and our figures on its maps.

Both sides see the same decoded images and the same weights, and one measure judges both: maps at
the size of the image against masks at that size. anomalib has no threshold from normal images
alone, so the rates at a threshold stay open.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from offspec.bench_methods import Method, MethodBench, Row, run_stage
from offspec.bench_worker import percentiles, sampled
from offspec.datasets import ImageRecord
from offspec.errors import AnnotationError, MetricError, OptionError, WeightsError
from offspec.fitting import FitConfig
from offspec.images import read_image, significant_bits
from offspec.json_files import read_json
from offspec.metrics import PixelRanking, auroc
from offspec.types import BoolArray, FloatArray

PEERS = ("anomalib",)
PEER_METHODS = ("patchcore", "padim")
OPERATORS = frozenset({"Add", "BatchNormalization", "Conv", "Identity", "MaxPool", "Relu"})
PARITY = 1e-4  # of the largest feature: more, and the two sides do not have the same network
BATCH = 32  # anomalib's own for training
FEATURES = 100  # channels that its PaDiM keeps of a ResNet-18
SIDES = {"fast": 256, "accurate": 512}
_CHECK_S = 300

Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that is there.

    Attributes:
        python: Interpreter that imports it.
        weights: ONNX file of the backbone, its card beside it.
        versions: Of the peer and what it stands on.
    """

    name: str
    python: Path
    weights: Path
    versions: Mapping[str, str]

    def methods(self, config: FitConfig) -> list[Method]:
        """Its methods, as they stand in the tables."""
        return [
            Method(f"{self.name} {name}", replace(config, detector=name, options={}), self.name)
            for name in PEER_METHODS
        ]


def find_peer(name: str, python: Path | None, weights: Path | None, config: FitConfig) -> Peer:
    """Check, before any long work, that a peer can be measured.

    Args:
        name: One of ``PEERS``.
        python: Its interpreter; None = this one.
        weights: ONNX file of its backbone; None = that of ``config.backbone``.
        config: Settings of our side; resolution has to be ``fast`` or ``accurate``.

    Raises:
        OptionError: Unknown name, it cannot be imported, no weights, another resolution.
        WeightsError: The file holds an operator that cannot be handed over.
    """
    if name not in PEERS:
        raise OptionError(f"Peer '{name}' is unknown. Known: {', '.join(PEERS)}. Name one.")
    if config.resolution not in SIDES:
        raise OptionError(
            f"Resolution '{config.resolution}' cannot be compared with {name}, which sees the "
            "whole image at one size. Use --resolution fast (256) or accurate (512)."
        )
    if weights is None and config.backbone.startswith("file:"):
        weights = Path(config.backbone.removeprefix("file:"))
    if weights is None:
        raise OptionError(
            f"Backbone '{config.backbone}' is no file that {name} could use. Both sides need the "
            "same weights. Give --backbone file:NET.onnx, or --peer-weights NET.onnx."
        )
    network_of(weights)
    found = python or Path(sys.executable)
    if python is None and importlib.util.find_spec(name) is None:
        raise OptionError(
            f"'{name}' is not installed beside this interpreter. It is measured in an environment "
            "of its own. Name that environment's interpreter with --peer-python."
        )
    return Peer(name, found, weights, _versions(name, found))


def _versions(name: str, python: Path) -> dict[str, str]:
    try:
        with tempfile.TemporaryDirectory() as folder:  # beside our own modules it would find them
            done = subprocess.run(  # noqa: S603 - the interpreter that the user named
                [str(python), shutil.copy(_script(), folder), "check"],
                capture_output=True,
                text=True,
                check=True,
                timeout=_CHECK_S,
            )
        versions: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        words = getattr(error, "stderr", "") or str(error)
        raise OptionError(
            f"'{python}' does not import {name}: {words.strip()[-300:]}. It has to be the "
            "interpreter of an environment with it. The page on the comparison says how to "
            "install one."
        ) from error
    return versions


def _script() -> Path:
    return Path(__file__).with_name("peer_anomalib.py")


# -- the network ----------------------------------------------------------------


def network_of(path: Path) -> Job:
    """A backbone as a list of operators, with its card.

    Returns:
        ``nodes``, ``arrays``, ``input``, ``layers``, ``mean`` and ``std``.

    Raises:
        WeightsError: No such file or card, or an operator other than ``OPERATORS``.
    """
    try:
        model, card = onnx.load(str(path)), read_json(path.with_suffix(".json"))
    except (OSError, ValueError, AnnotationError) as error:
        raise WeightsError(
            f"'{path}' or its JSON cannot be read: {str(error)[:200]}. The peer needs the network "
            "and its card, as `file:` backbones do. Put both side by side."
        ) from error
    known = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in OPERATORS or len(node.output) != 1:
            raise WeightsError(
                f"'{path}' holds the operator {node.op_type}. The peer can be given networks of "
                f"{', '.join(sorted(OPERATORS))}. Take another, such as a ResNet."
            )
    return {
        "nodes": [_node(node) for node in model.graph.node],
        "arrays": {t.name: numpy_helper.to_array(t) for t in model.graph.initializer},
        "input": next(one.name for one in model.graph.input if one.name not in known),
        "layers": list(card["outputs"]),
        "mean": list(card.get("mean", (0.0, 0.0, 0.0))),
        "std": list(card.get("std", (1.0, 1.0, 1.0))),
    }


_DEFAULTS: dict[str, Job] = {
    "Conv": {"pads": [0, 0, 0, 0], "strides": [1, 1], "dilations": [1, 1], "group": 1},
    "MaxPool": {"pads": [0, 0, 0, 0], "strides": [1, 1]},
    "BatchNormalization": {"epsilon": 1e-5},
}


def _node(node: onnx.NodeProto) -> Job:
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    settings = {**_DEFAULTS.get(node.op_type, {}), **given}
    plain = {k: list(v) if not isinstance(v, int | float) else v for k, v in settings.items()
             if not isinstance(v, bytes)}  # fmt: skip
    return {"op": node.op_type, "inputs": list(node.input), "output": node.output[0], **plain}


def _write_network(network: Job, weights: Path, folder: Path, side: int) -> Job:
    """The network's file and what ONNX Runtime makes of one random crop."""
    np.savez(folder / "network.npz", nodes=json.dumps(network["nodes"]), **network["arrays"])
    session = ort.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    crop = np.random.default_rng(0).standard_normal((1, 3, side, side), np.float32)
    outputs = session.run(network["layers"], {network["input"]: crop})
    named = dict(zip(network["layers"], outputs, strict=True))
    np.savez(folder / "parity.npz", input=crop, **named)
    return {
        "network": str(folder / "network.npz"),
        "parity": str(folder / "parity.npz"),
        **{key: network[key] for key in ("input", "layers", "mean", "std")},
    }


# -- one run ------------------------------------------------------------------------


def run_peer(
    peer: Peer, bench: MethodBench, method: Method, dataset: Path, seed: int, folder: Path
) -> Row:
    """Fit and inspect with the peer's method; figures are ours, from its maps.

    Raises:
        WeightsError: Its network gives other features than ours.
        RuntimeBackendError: A process of its failed.
        OffspecError: The dataset cannot be read.
    """
    data = sampled(dataset, seed=seed, normals=bench.normals, tests=bench.tests)
    test = [record for record in data.test if record.label is not None]
    job = _job(peer, method, seed, folder)
    job["train"], job["bits"] = _decoded(list(data.normals), folder, "train")
    job["test"], _ = _decoded(test, folder, "test")
    command = [str(peer.python), str(shutil.copy(_script(), folder))]
    fitted = run_stage(command, "fit", job, method.config.threads)
    if not fitted["parity"] <= PARITY:
        raise WeightsError(
            f"{peer.name}'s network differs from ONNX Runtime's by {fitted['parity']:.1e} of the "
            f"largest feature. At most {PARITY:.0e} is allowed. Use another backbone."
        )
    scored = run_stage(command, "inspect", job, method.config.threads)
    maps = [np.load(folder / f"map_{number:04d}.npy") for number in range(len(test))]
    masks = [record.gt_mask(one.shape) for record, one in zip(test, maps, strict=True)]
    labels = np.array([record.label == "ng" for record in test])
    return {
        "image_auroc": _or_none(lambda: auroc(np.array(scored["scores"], np.float64), labels)),
        **pixel_figures(maps, masks),
        "detection_rate": None,
        "false_stop_rate": None,
        **{key: fitted[key] for key in ("fit_s", "memory_fit_mb", "bundle_mb", "parity")},
        **percentiles(scored["latency_ms"]),
        "memory_inspect_mb": scored["memory_inspect_mb"],
        "import_mb": scored["import_mb"],
        "steps": None,
        "normals": len(data.normals),
        "test_images": len(test),
        "backbone": peer.weights.name,
    }


def pixel_figures(maps: list[FloatArray], masks: list[BoolArray | None]) -> Row:
    """Our pixel figures from any maps; images without pixel truth are left out."""
    pairs = [(one, mask) for one, mask in zip(maps, masks, strict=True) if mask is not None]
    try:
        ranking = PixelRanking.from_maps([p[0] for p in pairs], [p[1] for p in pairs])
    except MetricError:
        return dict.fromkeys(("pixel_auroc", "aupro_30", "aupro_05"))
    return {
        "pixel_auroc": ranking.auroc(),
        "aupro_30": ranking.aupro(0.3),
        "aupro_05": ranking.aupro(0.05),
    }


def _or_none(compute: Any) -> float | None:
    try:
        return float(compute())
    except MetricError:
        return None


def _job(peer: Peer, method: Method, seed: int, folder: Path) -> Job:
    config, side = method.config, SIDES[method.config.resolution]
    return {
        **_write_network(network_of(peer.weights), peer.weights, folder, side),
        "method": config.detector,
        "side": side,
        "coreset_ratio": 0.1,
        "neighbours": 9,
        "features": FEATURES,
        "batch": BATCH,
        "seed": seed,
        "threads": config.threads or 1,
        "folder": str(folder),
    }


def _decoded(records: list[ImageRecord], folder: Path, name: str) -> tuple[list[str], int]:
    """Arrays of the images as offspec decodes them, and their significant bits."""
    paths, images = [], []
    for number, record in enumerate(records):
        image = read_image(record.path)
        images.append(image if image.dtype != np.uint8 else image[:1, :1])
        path = folder / f"{name}_{number:04d}.npy"
        np.save(path, image)
        paths.append(str(path))
    return paths, significant_bits(images)
