"""Figures of one backbone under one detector on one set; what ``benchmarks.ladder`` tabulates.

With ``calibrate`` it is ``fit`` and ``evaluate``. Without, the model is fitted once on all normals
and no threshold is set (``ladder_sets``): AUROC and AU-PRO only rank, so they are the same, and
come several times sooner for every backbone but the first.

On DeepPCB a model is fitted on each pair's template image alone; one drawing level for all pairs
is swept until there is one false component an image.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.common import data_root
from benchmarks.deeppcb import read_boxes, score_mask, summary
from benchmarks.foreign import Factory, feature_graph, registered
from benchmarks.ladder_sets import (
    DETECTORS,
    CutImage,
    CutSet,
    Fitter,
    Kept,
    cut_key,
    cut_set,
    inspections,
)
from benchmarks.real_data import BSDATA
from benchmarks.variation import registered_detector
from offspec import metrics
from offspec.backbones import Backbone
from offspec.datasets import ImageRecord, read_dataset
from offspec.evaluation import evaluate
from offspec.fit_plan import FitConfig
from offspec.fitting import fit
from offspec.runtime import Inspector
from offspec.types import BoolArray, FloatArray, Inspection, Resolution

DEEPPCB = "deeppcb"
SETS = (*BSDATA, "magnetic_tile", "cookie", DEEPPCB)
MASK_FIGURES = ("image_auroc", "pixel_auroc", "aupro_30", "aupro_05")
FALSE_COMPONENTS = 1.0  # an image, at which DeepPCB recall is read
LEAST_AREA_PX = 4
SWEEP_STEPS, REFINE_STEPS = 32, 8
TIMED_RUNS = 15

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """What is measured once: everything but backbone and set.

    Attributes:
        detector: reference or variation.
        resolution: fast, accurate, native or auto.
        seed: Of the fit's random choices.
        threads: CPU threads.
        calibrate: Set thresholds by cross-fitting, as shipped; the ranking needs none.
    """

    detector: str = "reference"
    resolution: Resolution = "fast"
    seed: int = 0
    threads: int | None = None
    calibrate: bool = False

    def config(self, backbone: str) -> FitConfig:
        """Settings of a fit with masks."""
        return FitConfig(
            detector=self.detector,
            backbone=backbone,
            mode="pixel",
            resolution=self.resolution,
            seed=self.seed,
            threads=self.threads,
        )


def measure(
    factory: Factory,
    sets: Sequence[str] = SETS,
    resolution: Resolution = "fast",
    seeds: Sequence[int] = (0,),
    *,
    detector: str = "reference",
    threads: int | None = 2,
    calibrate: bool = False,
    kept: Kept | None = None,
) -> list[Figures]:
    """One row of figures per set and seed.

    Args:
        factory: From a seed to a backbone.
        sets: Names under the folder that OFFSPEC_DATA names.
        resolution: Of every set.
        seeds: Each gives a backbone and a fit.
        detector: reference or variation.
        threads: CPU threads; None = all.
        calibrate: Also cross-fit; figures that only rank do not change.
        kept: Give the same one to several calls and sets are aligned and cut only once.
    """
    rows = []
    store = kept or Kept()
    for seed in seeds:
        backbone = factory(seed)
        cell = Cell(detector, resolution, seed, threads, calibrate)
        rows += [{"set": s, "seed": seed, **measure_set(backbone, s, cell, store)} for s in sets]
    return rows


def measure_set(backbone: Backbone, name: str, cell: Cell, kept: Kept) -> Figures:
    """Figures of one backbone on one set."""
    start = time.perf_counter()
    root = data_root() / name
    if name == DEEPPCB:
        found = deeppcb_figures(root, backbone, cell, kept)
    elif cell.calibrate:
        found = calibrated_figures(root, backbone, cell)
    else:
        found = mask_figures(root, backbone, cell, kept)
    return {**found, "seconds": time.perf_counter() - start}


# -- sets with masks -----------------------------------------------------------------


def calibrated_figures(root: Path, backbone: Backbone, cell: Cell) -> Figures:
    """Fit and evaluate as a user would."""
    with registered(backbone) as name, registered_detector(cell.detector, DETECTORS[cell.detector]):
        bundle = fit(root, config=cell.config(name))
    found = evaluate(bundle, root, threads=cell.threads).metrics
    return {**{k: found[k] for k in MASK_FIGURES}, "ms": found["latency_ms"]["p50"]}


def mask_figures(root: Path, backbone: Backbone, cell: Cell, kept: Kept) -> Figures:
    """AUROC and AU-PRO on a dataset folder, and milliseconds of an inspection (median)."""

    def cut() -> Iterator[CutSet]:
        records = read_dataset(root, need_normals=False).test
        labelled = sorted((r for r in records if r.label is not None), key=lambda r: r.key)
        yield cut_set(root, labelled, backbone, cell.config(backbone.card.name))

    (one,) = kept.get(cut_key(str(root), cell.resolution, backbone), cut)
    fitter = Fitter(cell.detector, backbone, cell.threads)
    return ranking_figures(fitter.inspector(one, cell.seed), one.images)


def ranking_figures(inspector: Inspector, images: Sequence[CutImage]) -> Figures:
    """Figures that need no threshold; images that cannot be judged count as in ``evaluate``."""
    maps: list[FloatArray] = []
    masks: list[BoolArray] = []
    scores: list[float | None] = []
    times: list[float] = []
    for image, found in zip(images, inspections(inspector, images), strict=True):
        score = _score(found)
        scores.append(score)
        times.append(found.timing_ms["total"])
        if image.truth is not None and (score is not None or image.defective):
            empty = np.zeros(image.truth.shape, np.float32)
            drawn = found.anomaly_map
            maps.append(empty if score is None or drawn is None else drawn)
            masks.append(image.truth)
    ranking = metrics.PixelRanking.from_maps(maps, masks)
    return {
        "image_auroc": metrics.auroc(*placed(scores, [image.defective for image in images])),
        "pixel_auroc": ranking.auroc(),
        "aupro_30": ranking.aupro(0.30),
        "aupro_05": ranking.aupro(0.05),
        "ms": float(np.median(times)),
    }


def _score(found: Inspection) -> float | None:
    """Raw score of the worst region; None when the image could not be judged."""
    raws = [r.raw_score for r in found.regions if r.raw_score is not None]
    return max(raws) if raws and found.verdict != "invalid" else None


def placed(
    scores: Sequence[float | None], defects: Sequence[bool]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], BoolArray]:
    """Scores and labels; an invalid defect ranks below all others, an invalid normal above."""
    known = [score for score in scores if score is not None]
    low, high = min(known, default=0.0) - 1.0, max(known, default=0.0) + 1.0
    full = [
        (low if bad else high) if score is None else score
        for score, bad in zip(scores, defects, strict=True)
    ]
    return np.array(full, np.float64), np.array(defects, np.bool_)


# -- DeepPCB ---------------------------------------------------------------------------


def deeppcb_figures(
    root: Path, backbone: Backbone, cell: Cell, kept: Kept, limit: int | None = None
) -> Figures:
    """Recall at ``FALSE_COMPONENTS`` false components an image, and the level that gives it."""
    config = replace(cell.config(backbone.card.name), smallest_defect=8.0, align="homography")
    tests = sorted(root.glob("*_test.jpg"))[:limit]
    boxes = [read_boxes(_beside(test, ".txt")) for test in tests]
    fitter = Fitter(cell.detector, backbone, cell.threads)
    maps: list[FloatArray] = []
    times: list[float] = []
    key = (*cut_key(str(root), cell.resolution, backbone), limit)
    for pair in kept.get(key, lambda: (_cut_pair(test, backbone, config) for test in tests)):
        (found,) = inspections(fitter.inspector(pair, cell.seed), pair.images)
        drawn, size_hw = found.anomaly_map, pair.images[0].prepared.image_hw
        maps.append(np.zeros(size_hw, np.float32) if drawn is None else drawn)
        times.append(found.timing_ms["total"])

    def count(level: float) -> tuple[float, float]:
        pairs = zip(maps, boxes, strict=True)
        totals = summary([score_mask(m > level, b, LEAST_AREA_PX) for m, b in pairs])
        return totals["false_components_per_image"], totals["recall"]

    top = max(float(m.max()) for m in maps)
    low = float(np.median([np.quantile(m, 0.5) for m in maps]))
    recall, level = recall_at(count, max(low, top * 1e-5), top)
    return {"recall": recall, "level": level, "ms": float(np.median(times))}


def _beside(test: Path, ending: str) -> Path:
    return test.with_name(test.name.removesuffix("_test.jpg") + ending)


def _cut_pair(test: Path, backbone: Backbone, config: FitConfig) -> CutSet:
    """The template image as a dataset of one normal, and its test image."""
    template = _beside(test, "_temp.jpg")
    record = ImageRecord(test, test.name, None, "test")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(template, Path(folder) / template.name)
        return cut_set(Path(folder), [record], backbone, config)


def recall_at(
    count: Callable[[float], tuple[float, float]],
    low: float,
    high: float,
    false_components: float = FALSE_COMPONENTS,
) -> tuple[float, float]:
    """Recall and level where a drawing level gives so many false components an image.

    Levels ascend from ``low`` to ``high``, evenly in their logarithm. At very low levels
    everything is one component, so the last step down through the asked number counts. It is
    swept again in finer steps, and recall is interpolated in the number of false components.

    Args:
        count: From a level to (false components an image, recall).
        low: Where the sweep starts, > 0.
        high: Where it ends.
        false_components: An image.
    """
    for steps in (SWEEP_STEPS, REFINE_STEPS):
        levels = np.geomspace(low, high, steps).tolist()
        found = [count(level) for level in levels]
        above = [i for i, (false, _) in enumerate(found) if false > false_components]
        if not above:  # never so many: the lowest level finds most
            return found[0][1], levels[0]
        last = above[-1]
        if last + 1 == len(levels):
            return found[-1][1], levels[-1]
        low, high = levels[last], levels[last + 1]
    (more, recall_low), (fewer, recall_high) = found[last], found[last + 1]
    share = (more - false_components) / (more - fewer)
    return recall_low + share * (recall_high - recall_low), low + share * (high - low)


# -- cost ------------------------------------------------------------------------------


def backbone_ms(backbone: Backbone, side: int = 256, threads: int = 2) -> float:
    """Milliseconds of the backbone alone on one crop in ONNX Runtime, median."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        feature_graph(backbone, side), options, providers=["CPUExecutionProvider"]
    )
    crop = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    times = []
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        session.run(None, {"crop": crop})
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))
