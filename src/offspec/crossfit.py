"""Fitting models and scoring every normal by one that has not seen its group.

What does not depend on the other images (alignment, crops, backbone) is done once; everything
estimated is estimated again in each fold. The fold's graph is run by the runtime that ships.
"""

from __future__ import annotations

import copy
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from threadpoolctl import threadpool_limits

from offspec.augmented import cut_copies
from offspec.calibration import score_k
from offspec.datasets import ImageRecord
from offspec.detectors import Detector, detector_class
from offspec.detectors.head import make_head
from offspec.detectors.trained import LEAST_STOP, TrainedDetector
from offspec.embedding_cache import Embedded, EmbeddingCache, Laid, bytes_of, geometry_key
from offspec.errors import DatasetError, LimitError, ShapeError
from offspec.fit_plan import SAMPLE, Job, NormalImage, backbone_of, load_normal
from offspec.gate import GateLimits, ImageStats, learn_limits
from offspec.geometry import grid_mask, tile_mask
from offspec.grouping import group
from offspec.images import read_image
from offspec.runtime.onnxruntime import OnnxRuntime, available_threads
from offspec.runtime.sampler import Prepared, Sampler
from offspec.types import Alignment, BoolArray, FloatArray, ImageArray

MAX_LEAVE_ONE_OUT = 30  # groups; beyond, ten folds
FOLDS = 10
SPLIT_FROM = 200  # normals from which some only calibrate
CALIBRATE_ONLY = 100
LEAST_TO_TRAIN = 20  # normals beside the reference, or ``few`` has to be asked for
CALIBRATE_SHARE, LEAST_CALIBRATE = 0.2, 5  # of the normals of a trained detector
STOP_SHARE_OF_ALL = 0.1
LEAST_AFFORDABLE = 20  # normals that have to fit in memory beside the reference
MAX_EMBEDDED_BYTES = 6 * 2**30
MAX_FOLD_BYTES = 2 * 2**30  # of all folds at work together
FOLD_COPIES = 20  # memory of one fold in embeddings: statistics, graph, session, activations
KEPT_MAPS = 100  # maps and masks kept: as many as set the drawing threshold

Progress = Callable[[str, int, int], None]
T = TypeVar("T")
R = TypeVar("R")


@dataclass
class NormalScores:
    """Scores of normals that the scoring model had not seen.

    Attributes:
        maps: Per image, one map per region on its grid; of the first ``KEPT_MAPS`` images.
        masks: Likewise, where a map counts; None = everywhere.
        count: Images scored.
        groups: Which images belong together.
        calibrate_only: The scored images took no part in the model that ships.
        learned: Images of that model when ``calibrate_only``.
        statistics: Image statistics by name.
        names: File names of the scored images.
    """

    raw_by_region: dict[str, list[float]]
    maps: list[list[FloatArray]] = field(default_factory=list)
    masks: list[tuple[BoolArray | None, ...]] = field(default_factory=list)
    count: int = 0
    groups: list[int] = field(default_factory=list)
    calibrate_only: bool = False
    learned: list[NormalImage] = field(default_factory=list)
    statistics: dict[str, list[float]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, region_ids: Sequence[str]) -> NormalScores:
        """No image yet."""
        return cls({key: [] for key in region_ids})

    def add(
        self,
        sampler: Sampler,
        prepared: Prepared,
        maps: Sequence[FloatArray],
        k: Mapping[str, int],
    ) -> None:
        """Append one image's scores and maps."""
        self._append(_scored(sampler, prepared, maps, k, keep=self.count < KEPT_MAPS))

    def _append(self, scored: _Scored) -> None:
        for key, raw in scored.raws.items():
            self.raw_by_region[key].append(raw)
        if scored.maps is not None:
            self.maps.append(scored.maps)
            self.masks.append(scored.masks)
        self.count += 1


@dataclass(frozen=True, slots=True)
class _Scored:
    """Raw scores of one image; its maps where they are kept."""

    raws: dict[str, float]
    maps: list[FloatArray] | None
    masks: tuple[BoolArray | None, ...]


def _scored(
    sampler: Sampler,
    prepared: Prepared,
    maps: Sequence[FloatArray],
    k: Mapping[str, int],
    *,
    keep: bool,
) -> _Scored:
    regions = sampler.region_maps(maps)
    raws = sampler.scores(prepared, regions, k)
    if not keep:
        return _Scored(raws, None, ())
    return _Scored(raws, [np.array(m) for m in regions], prepared.masks)


class Learner:
    """The detectors of one job, one per graph group.

    Args:
        job: What was decided.
        cache: Embeddings of earlier fits.
    """

    def __init__(self, job: Job, cache: EmbeddingCache | None = None) -> None:
        self.job = job
        self._cache = cache
        self._geometry = geometry_key(job)
        self.threads = job.config.threads or available_threads()
        self.notes: list[str] = []
        self.sampler = Sampler(job.template, job.tiles, job.groups, job.bits, job.reference)
        self.defect_area_px = self._defect_areas(self.sampler)
        self.score_k = {
            place.region.id: score_k(
                self.defect_area_px[place.region.id],
                int(grid_mask(place.region, place.grid).sum()),
            )
            for place in self.sampler.places
        }
        self._laid: dict[Path, Laid] = {}
        self.limits = self._learn_limits()
        self.sampler.aligner.limits = self.limits
        self.detectors = [self._detector(index) for index in range(len(job.groups))]
        self._reference: list[Any] = []
        self._reference_copies: tuple[list[Any], ...] = ()
        self._embedded: dict[str, Embedded] = {}

    def _learn_limits(self) -> GateLimits:
        """Gate limits from the reference and the first normals; remembers how these lie."""
        own = self.sampler.aligner.measure(self.job.reference, Alignment(np.eye(3)))
        stats = [ImageStats(own.brightness, 1.0, 1.0)]
        records = self.job.records[:SAMPLE]
        with ThreadPoolExecutor(self.threads) as pool:
            for record, laid in zip(
                records, in_order(pool, self._lay, records, self.threads), strict=True
            ):
                if laid is not None:
                    self._laid[record.path] = laid
                    stats.append(laid.stats)
        return learn_limits(stats)

    def _lay(self, record: ImageRecord) -> Laid | None:
        """Align and measure an image; None if its bit depth is another one."""
        known = self._known(record)
        if known:
            return known.laid
        image = read_image(record.path)
        if image.dtype != self.job.reference.dtype:
            return None
        alignment = self.sampler.aligner.align(image)
        return Laid(alignment, self.sampler.aligner.measure(image, alignment))

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
        kind = job.kinds[tiles[0].region_index]
        return cls(
            backbone_of(job.config),
            job.groups[index].net_hw,
            masks=masks,
            kind=kind,
            head=make_head(job.config.head, kind, job.config.backbone),
            seed=job.config.seed,
            options=job.config.options,
            threads=1,  # images are worked on side by side instead
        )

    # -- embedding ---------------------------------------------------------

    def embed_all(self, tell: Progress) -> list[NormalImage]:
        """Align, gate, cut and embed the reference and every normal.

        Returns:
            The normals that can be judged, reference apart, in order.
        """
        reference = self.sampler.cut(
            self.job.reference, self.sampler.aligner.align(self.job.reference)
        )
        usable: list[NormalImage] = []
        records = self.job.records
        with threadpool_limits(1), ThreadPoolExecutor(self.threads) as pool:
            self._reference = self._embed(reference.crops)
            records = self._affordable(records)
            self._reference_copies = self._copies(
                self.job.reference, reference, self.job.reference_normal.sha256
            )
            looked = in_order(pool, self._look, records, self.threads)
            for number, (record, found) in enumerate(zip(records, looked, strict=True)):
                tell("embed", number, len(records))
                if isinstance(found, str):
                    self.notes.append(f"'{record.key}' was left out: {found}")
                    continue
                if self._cache is not None and record.sha256:
                    self._cache.put(self._geometry, record.sha256, found)
                self._embedded[found.normal.sha256] = found
                usable.append(found.normal)
        tell("embed", len(records), len(records))
        if records and not usable:
            raise DatasetError(
                f"None of the {len(records)} normal images can be judged against the reference: "
                f"{self.notes[-1]} Choose another reference, or loosen the template."
            )
        return usable

    def _look(self, record: ImageRecord) -> Embedded | str:
        """One image aligned, gated, cut and embedded; or why it cannot be judged."""
        if record.group is not None and record.group == self.job.reference_normal.part:
            return "it shows the reference's part, which every model has seen."
        image = read_image(record.path)
        if image.dtype != self.job.reference.dtype:
            raise ShapeError(
                f"Normal image '{record.key}' is {image.dtype}, the reference "
                f"{self.job.reference.dtype}. All have one bit depth. Convert it, or leave it out."
            )
        known = self._known(record)
        laid = known.laid if known else self._laid.get(record.path)
        aligner = self.sampler.aligner
        if laid is None:
            alignment, failure = self.sampler.align(image)
        else:
            alignment, failure = laid.alignment, aligner.gate(image, laid.alignment)
        if failure is not None:
            return failure.message
        if known:
            normal = replace(known.normal, path=record.path, part=record.group)
            return replace(known, normal=normal)
        prepared = self.sampler.cut(image, alignment)
        if prepared.region_failures:
            return next(iter(prepared.region_failures.values())).message
        normal = load_normal(
            record.path, image, self.job.reference, alignment, self.job.bits, record.group
        )
        if normal.sha256 == self.job.reference_normal.sha256:
            return "it shows the reference's very pixels, and the reference never calibrates."
        laid = laid or Laid(alignment, aligner.measure(image, alignment))
        copies = self._copies(image, prepared, normal.sha256)
        return Embedded(normal, laid, self._embed(prepared.crops), copies)

    def _copies(self, image: ImageArray, of: Prepared, sha256: str) -> tuple[list[Any], ...]:
        """Augmented copies of an image, embedded."""
        cut = cut_copies(self.job, self.sampler, image, of, sha256)
        return tuple(self._embed(one.crops) for one in cut)

    def _known(self, record: ImageRecord) -> Embedded | None:
        """What an earlier fit kept of an image."""
        if self._cache is None or not record.sha256:
            return None
        return self._cache.get(self._geometry, record.sha256)

    def _embed(self, crops: Sequence[FloatArray]) -> list[Any]:
        return [d.embed(own) for d, own in zip(self.detectors, crops, strict=True)]

    def _affordable(self, records: Sequence[ImageRecord]) -> tuple[ImageRecord, ...]:
        """As many normals as memory holds: all, or a seeded random part, which a note says.

        Raises:
            LimitError: Fewer than ``LEAST_AFFORDABLE`` would fit; names figure and remedy.
        """
        copies = self.job.config.augmentation.count
        each = self._embedding_bytes() * (1 + copies)
        need, fits = each * (len(records) + 1), MAX_EMBEDDED_BYTES // max(each, 1) - 1
        if need <= MAX_EMBEDDED_BYTES:
            return tuple(records)
        words = (
            f"{len(records) + 1} normal images{f', each with {copies} copies,' if copies else ''} "
            f"at this resolution need {need / 2**30:.1f} GB while fitting. At most "
            f"{MAX_EMBEDDED_BYTES / 2**30:.3g} GB are used."
        )
        if fits < LEAST_AFFORDABLE:
            fewer = ", fewer copies" if copies else ""
            raise LimitError(f"{words} Take smaller regions{fewer}, or a lower resolution.")
        self.notes.append(f"{words} A random {fits} were learned from, the others left out.")
        ranked = sorted(records, key=lambda r: self._rank(r.sha256))
        chosen = {record.key for record in ranked[:fits]}
        return tuple(record for record in records if record.key in chosen)

    def _embedding_bytes(self) -> int:
        """Memory of one image's embeddings."""
        return bytes_of(self._reference)

    # -- fitting -----------------------------------------------------------

    def fit_all(self, normals: Sequence[NormalImage]) -> None:
        """Fit every detector on the reference and these normals."""
        with threadpool_limits(1):
            self._fit(self.detectors, normals)

    def _fit(self, detectors: Sequence[Detector], normals: Sequence[NormalImage]) -> None:
        chosen = self._learned_from(normals)
        for index, detector in enumerate(detectors):
            detector.fit_embedded(self._reference[index], [one[index] for one in chosen])

    def _learned_from(self, normals: Sequence[NormalImage]) -> list[list[Any]]:
        """Embeddings of these normals, then of copies, which are no parts that a method needs."""
        plain = [self._embedded[n.sha256] for n in normals]
        found = [one.embeddings for one in plain]
        fewest = detector_class(self.job.config.detector).fewest
        if len(found) + 1 < max(fewest[kind] for kind in self.job.kinds):
            return found
        found += self._reference_copies
        return found + [copied for one in plain for copied in one.copies]

    def graphs(self) -> tuple[bytes, ...]:
        """The graphs of the fitted detectors, one per group."""
        return tuple(serialise(detector) for detector in self.detectors)

    # -- trained detectors: one split, by group --------------------------------

    @property
    def trained(self) -> bool:
        """Whether the detector trains a network, once, instead of being fitted again and again."""
        return detector_class(self.job.config.detector).trained

    def train_once(self, normals: Sequence[NormalImage], tell: Progress) -> NormalScores:
        """Train on 70 % of the normals, stop by 10 %, score the rest; split by group.

        Raises:
            DatasetError: Under ``LEAST_TO_TRAIN`` normals without ``few``, or too few even so.
        """
        self._check_enough(normals)
        groups = group([n.signature for n in normals], [n.part for n in normals])
        held, stop, train = self._split(normals, groups)
        scores = NormalScores.empty([r.id for r in self.job.template.regions])
        scores.calibrate_only = True
        scores.learned = [normals[i] for i in sorted((*train, *stop))]
        learned = self._learned_from([normals[i] for i in train])
        with threadpool_limits(self.threads):
            for index, detector in enumerate(cast("list[TrainedDetector]", self.detectors)):
                detector.threads, detector.progress = self.threads, tell
                detector.fit_split(
                    self._reference[index],
                    [one[index] for one in learned],
                    [self._embedded[normals[i].sha256].embeddings[index] for i in stop],
                )
                self.notes.append(detector.words())
        runtimes = [OnnxRuntime(serialise(detector), threads=1) for detector in self.detectors]
        for done, index in enumerate(sorted(held), 1):
            scored = self._score_one(runtimes, normals[index], keep=done <= KEPT_MAPS)
            self._note(scores, normals[index], groups[index], scored)
            tell("calibrate", done, len(held))
        return scores

    def _check_enough(self, normals: Sequence[NormalImage]) -> None:
        name, count = self.job.config.detector, len(normals)
        least = LEAST_STOP + 2 if self.job.config.few else LEAST_TO_TRAIN
        if count >= least:
            return
        way = f"With fewer than {LEAST_TO_TRAIN}, option few (--few) trains all the same and the "
        way += "threshold is provisional" if count >= LEAST_STOP + 2 else "result promises nothing"
        raise DatasetError(
            f"Detector '{name}' trains a network and has {count} normal images beside the "
            f"reference. It needs at least {least}: some to train, some to stop by, some to "
            f"calibrate. {way}. Add normal images, or use 'reference', 'padim' or 'patchcore'."
        )

    def _split(
        self, normals: Sequence[NormalImage], groups: Sequence[int]
    ) -> tuple[list[int], list[int], list[int]]:
        """Indices that calibrate, that stop and that train; a group is never divided."""
        members: dict[int, list[int]] = {}
        for index, number in enumerate(groups):
            members.setdefault(number, []).append(index)
        order = sorted(members, key=lambda g: self._rank(normals[members[g][0]].sha256))
        n = len(normals)
        calibrate = max(round(CALIBRATE_SHARE * n), LEAST_CALIBRATE)
        calibrate = min(calibrate, max(n - LEAST_STOP - 1, 1))
        wanted = {"held": calibrate, "stop": max(round(STOP_SHARE_OF_ALL * n), LEAST_STOP)}
        found: dict[str, list[int]] = {"held": [], "stop": [], "train": []}
        for number in order:
            name = next((k for k, most in wanted.items() if len(found[k]) < most), "train")
            found[name] += members[number]
        if not found["train"]:
            raise DatasetError(
                f"The {n} normal images fall into {len(members)} groups of alike or related "
                "images, too few to train, stop and calibrate on different ones. Add normal "
                "images of other parts, or use 'reference', 'padim' or 'patchcore'."
            )
        return found["held"], found["stop"], found["train"]

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
        kept = set(sorted(index for fold in folds for index in fold)[:KEPT_MAPS])
        results: dict[int, _Scored] = {}
        for detector in self.detectors:
            detector.to_graph()  # built once; folds only change its numbers
        each = FOLD_COPIES * max(self._embedding_bytes(), 1)
        each *= 1 + self.job.config.augmentation.count
        workers = max(1, min(self.threads, MAX_FOLD_BYTES // each))
        with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
            found = pool.map(lambda fold: self._score_fold(fold, normals, kept), folds)
            for done, scored in enumerate(found, 1):
                results.update(scored)
                tell("cross-fit", done, len(folds))
        for index in sorted(results):
            self._note(scores, normals[index], groups[index], results[index])
        return scores

    def _note(
        self, scores: NormalScores, normal: NormalImage, number: int, scored: _Scored
    ) -> None:
        """Add one held-out normal: scores, group, and what drift is held against."""
        scores._append(scored)
        scores.groups.append(number)
        scores.names.append(normal.path.name)
        for name, value in _statistics(self._embedded[normal.sha256].laid).items():
            scores.statistics.setdefault(name, []).append(value)

    def _folds(self, normals: Sequence[NormalImage], groups: Sequence[int]) -> list[list[int]]:
        """Which images each fold leaves out."""
        members: dict[int, list[int]] = {}
        for index, number in enumerate(groups):
            members.setdefault(number, []).append(index)
        order = sorted(members, key=lambda g: self._rank(normals[members[g][0]].sha256))
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

    def _rank(self, sha256: str) -> str:
        """A seeded random order that does not depend on names or their order."""
        return hashlib.sha256(f"{self.job.config.seed}:{sha256}".encode()).hexdigest()

    def _score_fold(
        self, fold: Sequence[int], normals: Sequence[NormalImage], kept: set[int]
    ) -> dict[int, _Scored]:
        """Scores of the images of one fold by a model fitted on the others."""
        runtimes = self._fold_runtimes(set(fold), normals)
        return {
            index: self._score_one(runtimes, normals[index], keep=index in kept) for index in fold
        }

    def _score_one(
        self, runtimes: Sequence[OnnxRuntime], normal: NormalImage, *, keep: bool
    ) -> _Scored:
        laid = self._embedded[normal.sha256].laid
        prepared = self.sampler.cut(read_image(normal.path), laid.alignment)
        maps = [
            runtime.infer(crops, slots)
            for runtime, crops, slots in zip(
                runtimes, prepared.crops, self.sampler.slots, strict=True
            )
        ]
        return _scored(self.sampler, prepared, maps, self.score_k, keep=keep)

    def _fold_runtimes(
        self, left_out: set[int], normals: Sequence[NormalImage]
    ) -> list[OnnxRuntime]:
        detectors = [copy.copy(detector) for detector in self.detectors]
        self._fit(detectors, [n for i, n in enumerate(normals) if i not in left_out])
        return [OnnxRuntime(serialise(detector), threads=1) for detector in detectors]


def in_order(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """``pool.map`` that works at most ``ahead`` items ahead, so that memory stays bounded."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        if len(waiting) > ahead:
            yield waiting.popleft().result()
        waiting.append(pool.submit(function, item))
    while waiting:
        yield waiting.popleft().result()


def _statistics(laid: Laid) -> dict[str, float]:
    """What drift is held against."""
    return {
        "brightness": laid.stats.brightness,
        "sharpness": laid.stats.sharpness,
        "likeness": laid.stats.likeness,
        "alignment_score": laid.alignment.score,
    }


def serialise(detector: Detector) -> bytes:
    """The detector's graph as bytes; equal statistics give equal bytes."""
    return bytes(detector.to_graph().SerializeToString(deterministic=True))
