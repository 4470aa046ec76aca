"""Crops of the synthetic part, fitted detectors and the maps of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from offspec.backbones import make_backbone
from offspec.detectors import detector_class
from offspec.detectors.feature_based import FeatureDetector
from offspec.detectors.head import NONE, make_head
from offspec.images import to_unit
from offspec.runtime.onnxruntime import OnnxRuntime
from offspec.types import FixedKind, FloatArray
from tests.synth import Flaw, part_image

NET_HW = (64, 96)
QUICK = {"minutes": None, "steps": 4, "check_every": 2, "batch": 2}  # of training: structure only


def crops(
    seed: int = 0,
    n_slots: int = 1,
    defect: Flaw = "none",
    *,
    net_hw: tuple[int, int] = NET_HW,
    shift_xy: tuple[float, float] = (0.0, 0.0),
    noise: float = 0.01,
) -> FloatArray:
    """(S, 3, H, W): the part; each further slot shows it turned over and darker."""
    image = to_unit(part_image(seed, net_hw, shift_xy, defect, noise=noise), 8).transpose(2, 0, 1)
    views = [image, 0.8 * image[:, ::-1], 0.7 * image[:, :, ::-1]]
    return np.ascontiguousarray(np.stack(views[:n_slots]), np.float32)


def normals(count: int, n_slots: int = 1, net_hw: tuple[int, int] = NET_HW) -> list[FloatArray]:
    """Good parts other than ``crops(0)``, each a fraction of a pixel out of place."""
    rng = np.random.default_rng(5)
    moves = [(float(x), float(y)) for x, y in rng.uniform(-0.5, 0.5, (count, 2))]
    return [
        crops(i, n_slots, net_hw=net_hw, shift_xy=move) for i, move in enumerate(moves, start=1)
    ]


def quick_options(name: str) -> dict[str, Any] | None:
    """Options under which a detector is fitted in a moment; None = the defaults."""
    cls = detector_class(name)
    if not cls.trained:
        return None
    narrow = {"width": 8} if "width" in cls.options_model.model_fields else {}
    return {"training": QUICK, **narrow}


def new_detector(
    name: str,
    kind: FixedKind = "object",
    *,
    backbone: str = "bank",
    head: str = NONE,
    seed: int = 0,
    threads: int = 1,
) -> FeatureDetector:
    return detector_class(name)(
        make_backbone(backbone),
        NET_HW,
        kind=kind,
        head=make_head(head, kind, backbone),
        seed=seed,
        threads=threads,
        options=quick_options(name),
    )


def graph_bytes(graph: onnx.ModelProto) -> bytes:
    data: bytes = graph.SerializeToString(deterministic=True)
    return data


def maps_of(
    graph: onnx.ModelProto, batch: FloatArray, slots: Sequence[int] | None = None
) -> FloatArray:
    """(N, H, W) maps; slots 0, 1, 2, ... unless told."""
    chosen = np.arange(len(batch)) if slots is None else np.asarray(slots)
    return OnnxRuntime(graph_bytes(graph), threads=1).infer(batch, chosen.astype(np.int64))
