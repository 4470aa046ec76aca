"""Fitting models and scoring every normal by one that has not seen its group.

What does not depend on the other images (alignment, crops, backbone) is done once; everything
estimated is estimated again in each fold. The fold's graph is run by the runtime that ships.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from offspec.backbones import make_backbone
from offspec.calibration import score_k
from offspec.detectors import Detector, detector_class
from offspec.errors import DatasetError, LimitError
from offspec.fit_plan import Job, NormalImage, load_normal
from offspec.gate import GateLimits
from offspec.geometry import grid_mask, tile_mask
from offspec.grouping import group
from offspec.images import read_image
from offspec.runtime.onnxruntime import OnnxRuntime, available_threads
from offspec.runtime.sampler import Prepared, Sampler
from offspec.types import BoolArray, FloatArray

MAX_LEAVE_ONE_OUT = 30  # groups; beyond, ten folds
FOLDS = 10
SPLIT_FROM = 200  # normals from which some only calibrate
CALIBRATE_ONLY = 100
MAX_EMBEDDED_BYTES = 6 * 2**30

Progress = Callable[[str, int, int], None]


@dataclass
class NormalScores:
    """Scores of normals that the scoring model had not seen.

    Attributes:
        maps: Per image, one map per region on its grid.
        masks: Likewise, where a map counts; None = everywhere.
        groups: Which images belong together.
        calibrate_only: The scored images took no part in the model that ships.
        learned: Images of that model when ``calibrate_only``.
        statistics: Image statistics by name.
    """

    raw_by_region: dict[str, list[float]]
    maps: list[list[FloatArray]] = field(default_factory=list)
    masks: list[tuple[BoolArray | None, ...]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    calibrate_only: bool = False
    learned: list[NormalImage] = field(default_factory=list)
    statistics: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def empty(cls, region_ids: Sequence[str]) -> NormalScores:
        """No image yet."""
        return cls({key: [] for key in region_ids})

    @property
    def count(self) -> int:
        """Images scored."""
        return len(self.maps)

    def add(
        self,
        sampler: Sampler,
        prepared: Prepared,
        maps: Sequence[FloatArray],
        k: Mapping[str, int],
    ) -> None:
        """Append one image's scores and maps."""
        regions = sampler.region_maps(maps)
        for key, raw in sampler.scores(prepared, regions, k).items():
            self.raw_by_region[key].append(raw)
        self.maps.append([np.array(m) for m in regions])
        self.masks.append(prepared.masks)


class Learner:
    """The detectors of one job, one per graph group.

    Args:
        job: What was decided.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.threads = job.config.threads or available_threads()
        self.notes: list[str] = []
        sampler = self._sampler(None)
        self.defect_area_px = self._defect_areas(sampler)
        self.score_k = {
            place.region.id: score_k(
                self.defect_area_px[place.region.id],
                int(grid_mask(place.region, place.grid).sum()),
            )
            for place in sampler.places
        }
        images = [read_image(r.path) for r in job.records[:24]]
        self.limits: GateLimits = sampler.aligner.learn_limits(
            [i for i in images if i.dtype == job.reference.dtype]
        )
        self.sampler = self._sampler(self.limits)
        self.detectors = [self._detector(index) for index in range(len(job.groups))]
        self._embedded: dict[str, list[Any]] = {}
        self._statistics: dict[str, dict[str, float]] = {}

    def _sampler(self, limits: GateLimits | None) -> Sampler:
        job = self.job
        return Sampler(job.template, job.tiles, job.groups, job.bits, job.reference, limits)

    def _defect_areas(self, sampler: Sampler) -> dict[str, float]:
        """Smallest defect asked for, in map pixels, by region."""
        found = {}
        for place in sampler.places:
            (h, w), (_, _, box_w, box_h) = place.grid.size_hw, place.grid.box_xywh
            area = self.job.template.min_defect_area_px(place.region)
            found[place.region.id] = area * (h / box_h) * (w / box_w)
        return found

    def _detector(self, index: int) -> Detector:
        job = self.job
        tiles = sorted((t for t in job.tiles if t.group == index), key=lambda t: t.slot)
        regions = [job.template.regions[t.region_index] for t in tiles]
        masks = np.stack([tile_mask(r, t) for r, t in zip(regions, tiles, strict=True)])
        cls = detector_class(job.config.detector)
        detector = cls(
            make_backbone(job.config.backbone),
            job.groups[index].net_hw,
            masks=masks,
            kind=job.kinds[tiles[0].region_index],
            seed=job.config.seed,
            threads=self.threads,
        )
        detector.check_limits()
        return detector

    # -- embedding ---------------------------------------------------------

    def embed_all(self, tell: Progress) -> list[NormalImage]:
        """Align, gate, cut and embed the reference and every normal.

        Returns:
            The normals that can be judged, reference apart, in order.
        """
        reference = self.sampler.cut(
            self.job.reference, self.sampler.aligner.align(self.job.reference)
        )
        self._embed(self.job.reference_normal.sha256, reference)
        self._check_memory(len(self.job.records))
        usable: list[NormalImage] = []
        total = len(self.job.records)
        for number, record in enumerate(self.job.records):
            tell("embed", number, total)
            image = read_image(record.path)
            prepared = self.sampler.prepare(image)
            reason = prepared.failure or next(iter(prepared.region_failures.values()), None)
            if reason is not None:
                self.notes.append(f"'{record.key}' was left out: {reason.message}")
                continue
            normal = load_normal(
                record.path,
                image,
                self.job.reference,
                prepared.alignment,
                self.job.bits,
                record.group,
            )
            self._embed(normal.sha256, prepared)
            stats = self.sampler.aligner.measure(image, prepared.alignment)
            self._statistics[normal.sha256] = {
                "brightness": stats.brightness,
                "sharpness": stats.sharpness,
                "likeness": stats.likeness,
                "alignment_score": prepared.alignment.score,
            }
            usable.append(normal)
        tell("embed", total, total)
        if self.job.records and not usable:
            raise DatasetError(
                f"None of the {total} normal images can be judged against the reference: "
                f"{self.notes[-1]} Choose another reference, or loosen the template."
            )
        return usable

    def _embed(self, key: str, prepared: Prepared) -> None:
        with threadpool_limits(1):
            self._embedded[key] = [
                detector.embed(crops)
                for detector, crops in zip(self.detectors, prepared.crops, strict=True)
            ]

    def _check_memory(self, count: int) -> None:
        """Refuse before memory runs out, naming figure and remedy."""
        arrays = [
            value
            for one in self._embedded[self.job.reference_normal.sha256]
            for value in vars_of(one)
        ]
        each = sum(value.nbytes for value in arrays)
        if each * (count + 1) > MAX_EMBEDDED_BYTES:
            fits = MAX_EMBEDDED_BYTES // max(each, 1)
            raise LimitError(
                f"{count + 1} normal images at this resolution need "
                f"{each * (count + 1) / 2**30:.1f} GB while fitting. At most "
                f"{MAX_EMBEDDED_BYTES >> 30} GB are used. Take {fits} images, smaller regions, or "
                "a lower resolution."
            )

    # -- fitting -----------------------------------------------------------

    def fit_all(self, normals: Sequence[NormalImage]) -> None:
        """Fit every detector on the reference and these normals."""
        with threadpool_limits(1):
            self._fit(self.detectors, normals)

    def _fit(self, detectors: Sequence[Detector], normals: Sequence[NormalImage]) -> None:
        reference = self._embedded[self.job.reference_normal.sha256]
        for index, detector in enumerate(detectors):
            detector.fit_embedded(
                reference[index], [self._embedded[n.sha256][index] for n in normals]
            )

    def graphs(self) -> tuple[bytes, ...]:
        """The graphs of the fitted detectors, one per group."""
        return tuple(serialise(detector) for detector in self.detectors)

    # -- cross-fitting -------------------------------------------------------

    def cross_fit(self, normals: Sequence[NormalImage], tell: Progress) -> NormalScores:
        """Score every normal by a model fitted without its group; call ``fit_all`` before.

        From ``SPLIT_FROM`` normals on, a random hundred only calibrate.
        """
        scores = NormalScores.empty([r.id for r in self.job.template.regions])
        groups = group([n.signature for n in normals], [n.part for n in normals])
        folds = self._folds(normals, groups)
        if len(normals) >= SPLIT_FROM:
            scores.calibrate_only = True
            scores.learned = [n for i, n in enumerate(normals) if i not in folds[0]]
        done = 0
        results: dict[int, tuple[Prepared, list[FloatArray]]] = {}
        for detector in self.detectors:
            detector.to_graph()  # built once; folds only change its numbers
        with threadpool_limits(1), ThreadPoolExecutor(self.threads) as pool:
            for found in pool.map(lambda fold: self._score_fold(fold, normals), folds):
                results.update(found)
                done += 1
                tell("cross-fit", done, len(folds))
        for index in sorted(results):
            prepared, maps = results[index]
            scores.add(self.sampler, prepared, maps, self.score_k)
            scores.groups.append(groups[index])
            for name, value in self._statistics[normals[index].sha256].items():
                scores.statistics.setdefault(name, []).append(value)
        return scores

    def _folds(self, normals: Sequence[NormalImage], groups: Sequence[int]) -> list[list[int]]:
        """Which images each fold leaves out."""
        members: dict[int, list[int]] = {}
        for index, number in enumerate(groups):
            members.setdefault(number, []).append(index)
        order = sorted(members, key=lambda g: self._rank(normals[members[g][0]]))
        if len(normals) >= SPLIT_FROM:
            held: list[int] = []
            for number in order:
                if len(held) >= CALIBRATE_ONLY:
                    break
                held += members[number]
            return [sorted(held)]
        if len(members) <= MAX_LEAVE_ONE_OUT:
            return [members[number] for number in sorted(members)]
        return [
            sorted(i for number in order[start::FOLDS] for i in members[number])
            for start in range(FOLDS)
        ]

    def _rank(self, normal: NormalImage) -> str:
        """A seeded random order that does not depend on names or their order."""
        return hashlib.sha256(f"{self.job.config.seed}:{normal.sha256}".encode()).hexdigest()

    def _score_fold(
        self, fold: Sequence[int], normals: Sequence[NormalImage]
    ) -> dict[int, tuple[Prepared, list[FloatArray]]]:
        left_out = set(fold)
        detectors = [copy.copy(detector) for detector in self.detectors]
        self._fit(detectors, [n for i, n in enumerate(normals) if i not in left_out])
        runtimes = [OnnxRuntime(serialise(detector), threads=1) for detector in detectors]
        found = {}
        for index in fold:
            prepared = self.sampler.prepare(read_image(normals[index].path))
            maps = [
                runtime.infer(crops, slots)
                for runtime, crops, slots in zip(
                    runtimes, prepared.crops, self.sampler.slots, strict=True
                )
            ]
            found[index] = (_without_crops(prepared), maps)
        return found


def _without_crops(prepared: Prepared) -> Prepared:
    return Prepared(
        prepared.image_hw,
        prepared.alignment,
        prepared.failure,
        prepared.region_alignments,
        prepared.region_failures,
        prepared.masks,
        (),
    )


def serialise(detector: Detector) -> bytes:
    """The detector's graph as bytes; equal statistics give equal bytes."""
    return bytes(detector.to_graph().SerializeToString(deterministic=True))


def vars_of(embedding: object) -> list[Any]:
    """The arrays an embedding holds."""
    names = getattr(embedding, "__slots__", None) or vars(embedding)
    values = [getattr(embedding, name) for name in names]
    return [value for value in values if hasattr(value, "nbytes")]
