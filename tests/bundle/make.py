"""Tiny real bundles: the graph compares a crop with the reference crop of its slot."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from offspec.bundle import Bundle, Manifest
from offspec.calibration import PixelThreshold, calibrate, score_k
from offspec.geometry import GraphGroup, Tile, grid_mask, plan_tiles, region_grid
from offspec.runtime import Sampler
from offspec.template import AlignSettings, Region, ResolutionPlan, Template, plan_resolution
from offspec.types import FloatArray, ImageArray, SizePolicy


def board(height: int = 96, width: int = 128, seed: int = 0) -> ImageArray:
    """A textured picture with edges, uint8 RGB."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    base = 110 + 40 * np.sin(x / 5.0) * np.cos(y / 7.0)
    base[height // 4 : height // 2, width // 4 : width // 2] += 50
    image = base[..., None] + rng.normal(0, 2, (height, width, 3))
    pixels: ImageArray = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def rectangle(name: str, x: float, y: float, w: float, h: float) -> Region:
    return Region(name, name, "rectangle", ((x, y), (x + w, y + h)))


def template_of(
    image: ImageArray, regions: Sequence[Region], *, size_policy: SizePolicy = "exact"
) -> Template:
    return Template(
        name="part",
        reference_file="reference.png",
        reference_sha256=hashlib.sha256(image.tobytes()).hexdigest(),
        size_wh=(image.shape[1], image.shape[0]),
        regions=tuple(regions),
        mode="pixel",
        alignment=AlignSettings(mode="none"),
        size_policy=size_policy,
    )


def difference_graph(references: FloatArray) -> bytes:
    """map = mean over channels of |crop - references[slot]|, opset 18.

    Args:
        references: (n_slots, 3, H, W) float32.
    """
    n_slots, _, height, width = references.shape
    crop = helper.make_tensor_value_info("crop", TensorProto.FLOAT, ["N", 3, height, width])
    slot = helper.make_tensor_value_info("slot", TensorProto.INT64, ["N"])
    out = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", 1, height, width])
    weights = [
        numpy_helper.from_array(references, "references"),
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
    ]
    nodes = [
        helper.make_node("Sub", ["crop", "mine"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["absolute"]),
        helper.make_node("ReduceMean", ["absolute", "axes"], ["map"], keepdims=1),
    ]
    if n_slots > 1:
        nodes.insert(0, helper.make_node("Gather", ["references", "slot"], ["mine"], axis=0))
    else:
        nodes.insert(0, helper.make_node("Identity", ["references"], ["mine"]))
    inputs = [crop, slot] if n_slots > 1 else [crop]
    return model_bytes(helper.make_graph(nodes, "difference", inputs, [out], weights))


def model_bytes(graph: onnx.GraphProto, opsets: Sequence[tuple[str, int]] = (("", 18),)) -> bytes:
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*opset) for opset in opsets], ir_version=8
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def reference_crops(sampler: Sampler, reference: ImageArray) -> tuple[FloatArray, ...]:
    return sampler.prepare(reference).crops


def make_bundle(
    image: ImageArray | None = None,
    regions: Sequence[Region] | None = None,
    *,
    bits: int = 8,
    template: Template | None = None,
    net_hw: tuple[int, int] | None = (32, 32),
    limit: float = 0.05,
) -> Bundle:
    """A bundle that calls a mean difference above about ``limit`` a defect.

    Args:
        net_hw: Network size of every region; None takes the template's own plan.
    """
    image = board() if image is None else image
    if template is None:
        whole = [rectangle("image", 0, 0, image.shape[1], image.shape[0])]
        template = template_of(image, regions or whole)
    tiles, groups = plan_tiles(template, [_plan(r, net_hw) for r in template.regions])
    sampler = Sampler(template, tiles, groups, bits, image)
    graphs = tuple(difference_graph(crops) for crops in reference_crops(sampler, image))
    manifest = manifest_of(template, tiles, groups, bits=bits, limit=limit)
    return Bundle(manifest, image, graphs)


def _plan(region: Region, net_hw: tuple[int, int] | None) -> ResolutionPlan:
    plan = plan_resolution(region)
    return plan if net_hw is None else replace(plan, resolution="fast", net_hw=net_hw)


def manifest_of(
    template: Template,
    tiles: tuple[Tile, ...],
    groups: tuple[GraphGroup, ...],
    *,
    bits: int = 8,
    limit: float = 0.05,
) -> Manifest:
    ks: dict[str, int] = {}
    for index, region in enumerate(template.regions):
        mask = grid_mask(region, region_grid([t for t in tiles if t.region_index == index]))
        ks[region.id] = score_k(9, int(mask.sum()))
    scores = {r.id: [limit * (0.5 + 0.01 * i) for i in range(30)] for r in template.regions}
    return Manifest(
        offspec_version="0.1.0",
        template=template,
        detector={"name": "difference", "backbone": "none", "config": {}},
        bits=bits,
        tiles=tiles,
        groups=groups,
        score_k=ks,
        calibration=calibrate(scores, 0.05, cross_fitted=True),
        pixel_thresholds={r.id: PixelThreshold(0.08, 0.05, 1.0, 0.1) for r in template.regions},
        learned_sha256=("0" * 64,),
        libraries={"numpy": "0"},
    )
