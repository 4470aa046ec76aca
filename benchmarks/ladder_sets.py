"""A set aligned, cut and decoded once, on which many backbones are measured one after another.

Alignment, gate and crops do not depend on the backbone and take most of the time of a
measurement. A ``fit`` with a detector that only remembers its crops runs the public path up to
the backbone; each backbone then fits ``reference`` on those crops, and its graph runs in the
``Inspector`` that ``fit`` and ``evaluate`` use. Only cross-fitting and thresholds are missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.foreign import registered
from benchmarks.variation import NAME as VARIATION
from benchmarks.variation import Pixels, VariationDetector, registered_detector
from offspec.backbones import Backbone
from offspec.bundle import Bundle
from offspec.calibration import calibrate
from offspec.crossfit import Learner, serialise
from offspec.datasets import ImageRecord
from offspec.detectors import Detector, detector_class
from offspec.detectors.reference import ReferenceDetector
from offspec.fit_plan import FitConfig, plan
from offspec.fitting import draft_bundle
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.runtime.sampler import Prepared
from offspec.types import BoolArray, Inspection

RECORDER = "recorder"
NOTHING_DRAWN = 1e30  # raw score of the only "normal" of a model without thresholds
MAX_KEPT_BYTES = 3 * 2**30  # crops of sets kept between backbones
DETECTORS: dict[str, type[Any]] = {"reference": ReferenceDetector, VARIATION: VariationDetector}


class Recorder(VariationDetector):
    """Remembers the crops it is fitted on; the limits are those of ``reference``."""

    def __init__(self, backbone: Backbone, net_hw: tuple[int, int], **options: Any) -> None:
        super().__init__(backbone, net_hw)
        self.options = options
        self.crops: list[Pixels] = []

    def check_limits(self, n_slots: int = 1) -> None:
        """See ``ReferenceDetector.check_limits``."""
        ReferenceDetector(self.backbone, self.net_hw).check_limits(n_slots)

    def fit_embedded(self, reference: Pixels, normals: Sequence[Pixels]) -> Self:
        """Keep the crops, the reference's first."""
        self.crops = [reference, *normals]
        return super().fit_embedded(reference, normals)

    def key(self) -> str:
        """Equal for recorders whose detectors differ in the crops alone."""
        masks = self.options.get("masks")
        rest = sorted((k, v) for k, v in self.options.items() if k != "masks")
        return repr((self.net_hw, None if masks is None else hash(masks.tobytes()), rest))


@dataclass(frozen=True, slots=True)
class CutImage:
    """One labelled image, ready for a graph.

    Attributes:
        defective: By its label.
        truth: (H, W) True on defect pixels; None without pixel truth.
        prepared: Aligned, gated and cut.
        seconds: What that took.
    """

    defective: bool
    truth: BoolArray | None
    prepared: Prepared
    seconds: float


@dataclass(frozen=True, slots=True)
class CutSet:
    """A set up to the backbone.

    Attributes:
        recorders: One per graph group, with the crops of the reference and the normals.
        draft: Everything of the bundle but graphs and calibration; draws nothing.
        images: The labelled ones.
    """

    recorders: tuple[Recorder, ...]
    draft: Bundle
    images: tuple[CutImage, ...]

    @property
    def nbytes(self) -> int:
        """Of the crops."""
        pixels = [one.pixels for r in self.recorders for one in r.crops]
        cut = [crop for image in self.images for crop in image.prepared.crops]
        return sum(array.nbytes for array in (*pixels, *cut))


def cut_set(
    root: Path, records: Sequence[ImageRecord], backbone: Backbone, config: FitConfig
) -> CutSet:
    """Align and cut a dataset folder's normals, and the labelled images given beside it.

    Args:
        root: The dataset; its first normal is the reference.
        records: Images to judge.
        backbone: Its card decides sizes and limits, as in ``fit``.
        config: Settings.
    """
    with registered(backbone) as name, registered_detector(RECORDER, Recorder):
        job = plan(root, None, replace(config, detector=RECORDER, backbone=name), _silent)
        learner = Learner(job)
        usable = learner.embed_all(_silent)
        learner.fit_all(usable)
        draft = draft_bundle(job, learner, usable)
    nothing = calibrate(
        {region.id: [NOTHING_DRAWN] for region in job.template.regions},
        0.5,
        cross_fitted=False,
        provisional=True,
    )
    draft = replace(draft, manifest=replace(draft.manifest, calibration=nothing))
    inspector = Inspector(draft, threads=config.threads, warm_up=False)
    images = [_test_image(inspector, record) for record in records]
    recorders = tuple(r for r in learner.detectors if isinstance(r, Recorder))
    return CutSet(recorders, draft, tuple(images))


def _silent(step: str, done: int, total: int) -> None:
    """Progress for nobody."""


def _test_image(inspector: Inspector, record: ImageRecord) -> CutImage:
    image = read_image(record.path)
    start = time.perf_counter()
    prepared = inspector.prepare(image)
    seconds = time.perf_counter() - start
    truth = record.gt_mask((image.shape[0], image.shape[1]))
    return CutImage(record.label == "ng", truth, prepared, seconds)


class Fitter:
    """Fits one backbone on cut sets; graphs are built once per crop size.

    Args:
        detector: reference, variation, or another of the package.
        backbone: Of the row.
        threads: CPU threads.
    """

    def __init__(self, detector: str, backbone: Backbone, threads: int | None) -> None:
        self.backbone = backbone
        self.threads = threads
        self._class = DETECTORS.get(detector) or detector_class(detector)
        self._kept: dict[str, Detector] = {}

    def inspector(self, cut: CutSet, seed: int) -> Inspector:
        """An inspector with the graphs of this backbone."""
        graphs = tuple(serialise(self._fitted(recorder, seed)) for recorder in cut.recorders)
        return Inspector(replace(cut.draft, graphs=graphs), threads=self.threads, warm_up=False)

    def _fitted(self, recorder: Recorder, seed: int) -> Detector:
        key = f"{recorder.key()} {seed}"
        if key not in self._kept:
            options = {**recorder.options, "seed": seed, "threads": self.threads or 1}
            self._kept[key] = self._class(self.backbone, recorder.net_hw, **options)
        detector = self._kept[key]
        reference, *normals = (detector.embed(one.pixels) for one in recorder.crops)
        return detector.fit_embedded(reference, normals)


def inspections(inspector: Inspector, images: Sequence[CutImage]) -> Iterator[Inspection]:
    """Judge images that were cut before; the total time counts the cutting."""
    for image in images:
        start = time.perf_counter()
        maps = inspector.maps(image.prepared)
        took = {"cut": 1e3 * image.seconds, "infer": 1e3 * (time.perf_counter() - start)}
        yield inspector.finish(image.prepared, maps, timing_ms=took)


class Kept:
    """Cut sets that are used again by the next backbone, up to a size."""

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self.max_bytes = max_bytes
        self._sets: dict[object, list[CutSet]] = {}
        self._bytes = 0

    def get(self, key: object, cut: Callable[[], Iterator[CutSet]]) -> Iterator[CutSet]:
        """The cut sets under a key; they are kept if all of them fit."""
        if key in self._sets:
            yield from self._sets[key]
            return
        found: list[CutSet] | None = []
        size = 0
        for one in cut():
            size += one.nbytes
            if found is not None and self._bytes + size <= self.max_bytes:
                found.append(one)
            else:
                found = None
            yield one
        if found is not None:
            self._sets[key] = found
            self._bytes += size


def cut_key(name: str, resolution: str, backbone: Backbone) -> tuple[object, ...]:
    """What the crops of a set depend on: at a fixed size not on the backbone.

    Native tiles read as much context as the backbone sees, and ``auto`` gives them up where the
    statistics of so many channels would not fit.
    """
    card = backbone.card
    if resolution in ("fast", "accurate"):
        return name, resolution, card.multiple
    return name, resolution, card.multiple, card.receptive_px, card.channels, card.stride
