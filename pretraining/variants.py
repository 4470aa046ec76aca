"""The same network stored and computed otherwise: what float16 and int8 cost and save.

    python -m pretraining.variants WEIGHTS.onnx OUT_FOLDER [--checkpoint NET.pt] [--pool FOLDER]
        [--json FILE]

Three variants: ``fp16`` (stored so, computed in float32: the shipped file), ``fp32`` (the same
numbers stored in full) and ``int8`` (weights and activations, static, per channel, calibrated on
crops of procedural canvases). Printed for each: bytes, the features' error as a share of their
spread, and milliseconds of a 256 crop. The error is against the checkpoint the weights were
exported from, in float32 as trained; without one against ``fp32``, which then has none. Bundles
never hold int8: its results differ by machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from offspec.types import FloatArray
from pretraining.export import load_checkpoint

SIDE = 256
CALIBRATION_CROPS, TEST_CROPS = 48, 16
RUNS = 50


# -- crops -------------------------------------------------------------------


def crops_of(pool: Path | None, count: int, seed: int) -> list[FloatArray]:
    """(1, 3, 256, 256) crops of the pool's canvases; of smooth random images without a pool."""
    rng = np.random.default_rng(seed)
    if pool is None:
        return [_smooth(rng) for _ in range(count)]
    canvases = np.load(pool / "canvases.npy", mmap_mode="r")
    found = []
    for index in rng.choice(len(canvases), count, replace=len(canvases) < count):
        top, left = rng.integers(0, np.array(canvases.shape[1:3]) - SIDE + 1)
        crop = canvases[index, top : top + SIDE, left : left + SIDE].astype(np.float32) / 255
        found.append(np.ascontiguousarray(crop.transpose(2, 0, 1)[None]))
    return found


def _smooth(rng: np.random.Generator) -> FloatArray:
    """(1, 3, 256, 256): soft random shading at a random scale."""
    noise = rng.standard_normal((SIDE, SIDE, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(1, 12))), np.float32)
    soft = (soft - soft.min()) / np.ptp(soft)
    return np.ascontiguousarray(soft.transpose(2, 0, 1)[None])


# -- variants ----------------------------------------------------------------


def as_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with weights as float32 initialisers, without the casts."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    halves: dict[str, onnx.TensorProto] = {}
    kept, weights = [], []
    for node in result.graph.node:
        if node.op_type == "Constant" and node.attribute[0].t.data_type == onnx.TensorProto.FLOAT16:
            halves[node.output[0]] = node.attribute[0].t
        elif node.op_type == "Cast" and node.input[0] in halves:
            value = numpy_helper.to_array(halves[node.input[0]]).astype(np.float32)
            weights.append(numpy_helper.from_array(value, node.output[0]))
        else:
            kept.append(node)
    del result.graph.node[:]
    result.graph.node.extend(kept)
    result.graph.initializer.extend(weights)
    return result


class _Reader(CalibrationDataReader):  # type: ignore[misc] # the base has no types
    """Hands out calibration crops one by one."""

    def __init__(self, crops: list[FloatArray]) -> None:
        self._left: Iterator[FloatArray] = iter(crops)

    def get_next(self) -> dict[str, FloatArray] | None:
        """The next input, or None at the end."""
        crop = next(self._left, None)
        return None if crop is None else {"crop": crop}


def as_int8(model: onnx.ModelProto, crops: list[FloatArray]) -> onnx.ModelProto:
    """Convolutions in int8, static, one scale per output channel; the rest in float32."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.onnx", Path(folder) / "out.onnx"
        onnx.save(as_float32(model), source)
        quantize_static(
            source,
            target,
            _Reader(crops),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu", "Pad", "Add"],
            per_channel=True,
            reduce_range=True,  # 7 bit weights: older processors add pairs up in 16 bit, saturating
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(target)


# -- figures -----------------------------------------------------------------


def session_of(model: onnx.ModelProto, threads: int) -> ort.InferenceSession:
    """A session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def features_of(model: onnx.ModelProto, crops: list[FloatArray]) -> FloatArray:
    """(N, C, h, w) of all crops."""
    session = session_of(model, 1)
    return np.concatenate([session.run(["features"], {"crop": crop})[0] for crop in crops])


def relative_error(found: FloatArray, wanted: FloatArray) -> tuple[float, float]:
    """Root mean square difference by channel as a share of the channel's deviation.

    Returns:
        The mean and the largest over channels.
    """
    difference = np.sqrt(np.square(found - wanted).mean(axis=(0, 2, 3)))
    share = difference / np.maximum(wanted.std(axis=(0, 2, 3)), 1e-12)
    return float(share.mean()), float(share.max())


def median_ms(model: onnx.ModelProto, threads: int) -> float:
    """Of one 256 crop."""
    session = session_of(model, threads)
    crop = _smooth(np.random.default_rng(0))
    for _ in range(5):
        session.run(None, {"crop": crop})
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        session.run(None, {"crop": crop})
        found.append(1000 * (time.perf_counter() - start))
    return float(np.median(found))


def as_trained(checkpoint: Path, crops: list[FloatArray]) -> FloatArray:
    """(N, C, h, w): features of the network as torch has it, nothing folded or rounded."""
    network, _ = load_checkpoint(checkpoint)
    with torch.no_grad():
        found = [network(torch.from_numpy(crop)).numpy() for crop in crops]
    return np.concatenate(found)


def compare(
    weights: Path, folder: Path, pool: Path | None, checkpoint: Path | None = None
) -> list[dict[str, Any]]:
    """Write all variants and measure them."""
    model = onnx.load(weights)
    variants = {
        "fp16": model,
        "fp32": as_float32(model),
        "int8": as_int8(model, crops_of(pool, CALIBRATION_CROPS, seed=0)),
    }
    crops = crops_of(pool, TEST_CROPS, seed=1)
    if checkpoint is None:
        wanted = features_of(variants["fp32"], crops)
    else:
        wanted = as_trained(checkpoint, crops)
    rows = []
    for name, variant in variants.items():
        path = folder / f"{weights.stem}-{name}.onnx"
        onnx.save(variant, path)
        mean, largest = relative_error(features_of(variant, crops), wanted)
        rows.append(
            {
                "variant": name,
                "bytes": path.stat().st_size,
                "error_mean": mean,
                "error_largest": largest,
                "ms_1_thread": median_ms(variant, 1),
                "ms_2_threads": median_ms(variant, 2),
            }
        )
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = compare(args.weights, args.folder, args.pool, args.checkpoint)
    for row in rows:
        sys.stdout.write(
            f"{row['variant']}: {row['bytes']} bytes, error {row['error_mean']:.2%} of the spread "
            f"(worst channel {row['error_largest']:.2%}), {row['ms_1_thread']:.2f} ms on 1 thread, "
            f"{row['ms_2_threads']:.2f} ms on 2\n"
        )
    if args.json is not None:
        result = {"calibrated_on": str(args.pool) if args.pool else "smooth noise", "rows": rows}
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
