"""Probability of detection: made defects in the user's own normals, judged by the shipped model.

For every region: a curve over size per contrast with a90 and a90/95, and a map of where defects
are not found. Sizes are spent where a curve is steep. A found defect is one whose region is
stopped *and* that an outline touches; photographs whose region is stopped without a defect are
left out of that region's curves and counted as false calls.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from offspec.bundle import Bundle, read_bundle
from offspec.datasets import Dataset, read_dataset
from offspec.decisions.detection_curve import firth_logistic
from offspec.decisions.pod_defects import DefectKind
from offspec.decisions.pod_places import Grid, lay_grid
from offspec.decisions.pod_result import MapOutcome, PodRegion, PodResult, SeriesResult
from offspec.decisions.pod_trials import Outcome, Photograph, Trial, look, run_trials
from offspec.errors import DatasetError, OptionError, ThresholdNotSetError
from offspec.machine import available_cores
from offspec.runtime import Inspector
from offspec.template import Region
from offspec.types import FixedKind

ProgressCall = Callable[[str, int, int], None]

CONTRASTS = (0.05, 0.1, 0.2, 0.4)
MODERATE = 0.2  # the contrast of lines and of the map, or the nearest one asked for
LEVELS, LARGEST_SHARE = 22, 8.0  # of sizes, in smallest defects
FIRST_SHARE, SMALLEST_SHARE = 0.25, 1 / 16  # smaller ones only where the first are found
LEAST_SIZE_PX = 0.5
FIRST_TRIALS, WANTED_TRIALS, MOST_TRIALS = 12, 60, 160  # of a curve
ROUNDS = 4
CURVE_SHARE, USED_SHARE, REGION_SHARE = 0.75, 0.9, 0.8  # of the time
MOST_MAP_ROUNDS, LEAST_SECONDS = 5, 1.0
MOST_PHOTOGRAPHS, ENOUGH_PHOTOGRAPHS = 24, 8
_SPREAD, _EVERYWHERE = (0.5, 1.0, 1.0, 1.0, 0.5), 0.03  # sizes beside the steep part, and all
_LARGEST_TRIALS = 0.2  # share of the largest third, where a blind place shows
CHECK_EVERY, PICTURE_EVERY, PICTURED_REGIONS = 20, 3, 6


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: a kind of defect at one contrast."""

    kind: DefectKind
    contrast: float | None


@dataclass
class _Job:
    """A region under study."""

    index: int
    region: Region
    grid: Grid
    levels: tuple[float, ...]
    usable: list[int]
    outcomes: dict[int, list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    map_size: float = 0.0


def probability_of_detection(
    bundle: Bundle | Path | str,
    images: Dataset | Path | str,
    *,
    sizes: Sequence[float] | None = None,
    contrasts: Sequence[float] = CONTRASTS,
    minutes: float = 2.5,
    trials: int | None = None,
    regions: Sequence[str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: ProgressCall | None = None,
) -> PodResult:
    """Make defects of graded size and contrast in good images, and see which are found.

    Args:
        bundle: A fitted bundle, or its file.
        images: A dataset, or a folder; its good images are used, those first that the model has
            not learned from.
        sizes: In pixels; None = from a quarter to eight times the smallest defect asked for, and
            down to a sixteenth where those are found.
        contrasts: Mean change of grey value, in share of full scale.
        minutes: About how long it may take.
        trials: Of each curve, in place of ``minutes``: then the result does not depend on the
            machine.
        regions: Ids; None = all.
        seed: Of places, looks and the order of everything.
        threads: CPU threads; None = all cores. The result does not depend on it, ``trials`` given.
        progress: Called with (stage, done, total).

    Raises:
        OptionError: A size, a contrast, the time or a region that cannot be.
        DatasetError: No good image can be judged as it is.

    Example:
        >>> result = probability_of_detection("part.offspec", "dataset")
        >>> result.regions[0].curves[0].curve.a90_95
        11.3
    """
    start = time.monotonic()
    loaded = bundle if isinstance(bundle, Bundle) else read_bundle(Path(bundle))
    _check(sizes, contrasts, minutes, trials)
    if not math.isfinite(loaded.manifest.calibration.threshold.raw):
        raise ThresholdNotSetError(
            "The bundle has no threshold. Without one nothing is found or missed. "
            "Calibrate it first."
        )
    study = _Study(loaded, sizes, contrasts, seed, threads or available_cores(), progress)
    study.look_at(images)
    study.choose(regions)
    deadline = start + 60 * minutes if trials is None else None
    study.curves(trials, deadline)
    study.maps(trials, deadline)
    return study.result(minutes, trials, time.monotonic() - start)


def _check(
    sizes: Sequence[float] | None, contrasts: Sequence[float], minutes: float, trials: int | None
) -> None:
    for value in sizes or ():
        if not 0 < value < math.inf:
            raise OptionError(
                f"Size {value:g} is out of range. A size is a width in pixels above 0. Name others."
            )
    if sizes is not None and len(set(sizes)) < 2:
        raise OptionError(
            f"{len(set(sizes))} size was given. A curve needs at least 2. Name more sizes."
        )
    for value in contrasts:
        if not 0 < value <= 1:
            raise OptionError(
                f"Contrast {value:g} is out of range. It is a share of full scale above 0 and at "
                "most 1. Name others, such as 0.1."
            )
    if not contrasts:
        raise OptionError("No contrast was given. At least one is needed. Name one, such as 0.2.")
    if not 0 < minutes < math.inf:
        raise OptionError(f"{minutes:g} minutes cannot be. Give more than 0.")
    if trials is not None and trials < FIRST_TRIALS:
        raise OptionError(
            f"{trials} trials a curve are too few. At least {FIRST_TRIALS} are needed, and "
            f"{WANTED_TRIALS} are usual. Ask for more."
        )


class _Study:
    """What is made, in which order, and what came of it."""

    def __init__(
        self,
        bundle: Bundle,
        sizes: Sequence[float] | None,
        contrasts: Sequence[float],
        seed: int,
        threads: int,
        progress: ProgressCall | None,
    ) -> None:
        self.bundle, self.seed, self.threads = bundle, seed, threads
        self.template = bundle.manifest.template
        self.inspector = Inspector(bundle, threads=1)
        self.sizes = None if sizes is None else tuple(sorted(set(map(float, sizes))))
        self.contrasts = tuple(sorted(set(map(float, contrasts))))
        self.moderate = min(self.contrasts, key=lambda c: abs(math.log(c / MODERATE)))
        spots = [Series("spot", contrast) for contrast in self.contrasts]
        self.series = (*spots, Series("line", self.moderate), Series("natural", None))
        self.progress = progress or (lambda _stage, _done, _total: None)
        self.photographs: list[Photograph] = []
        self.unreadable: list[str] = []
        self.jobs: list[_Job] = []
        self.untested: list[str] = []
        self.map_outcomes: dict[int, list[Outcome]] = defaultdict(list)
        self.surfaces = _surfaces(bundle)
        self.per_trial = 0.0
        self.map_rounds = 0

    # -- what to use -------------------------------------------------------

    def look_at(self, images: Dataset | Path | str) -> None:
        """Inspect good images as they are; those that were not learned from come first."""
        data = images if isinstance(images, Dataset) else _read(Path(images), self.bundle)
        good = [r for r in data.records if r.label == "ok"]
        order = np.random.default_rng((self.seed, 1)).permutation(len(good))
        shuffled = [good[int(i)] for i in order]
        tested = [r for r in shuffled if r.split == "test"]
        others = [r for r in shuffled if r.split != "test"]
        asked = [*tested, *others][: 2 * MOST_PHOTOGRAPHS]
        start, found = time.monotonic(), []
        with ThreadPoolExecutor(self.threads) as pool:
            looks = pool.map(lambda r: look(self.inspector, r.path, r.key), asked)
            for done, (record, one) in enumerate(zip(asked, looks, strict=True), start=1):
                if one is None:
                    self.unreadable.append(record.key)
                else:
                    found.append(one)
                self.progress("look at good images", done, len(asked))
        self.per_trial = (time.monotonic() - start) / max(len(asked), 1)
        self.photographs = _preferred(found)
        if not any(p.clean for p in self.photographs):
            raise DatasetError(
                f"None of {len(asked)} good images in '{data.root}' can be used: "
                f"{sum(p.invalid for p in found)} are invalid, "
                f"{sum(bool(p.stopped) for p in found)} are stopped as they are and "
                f"{len(self.unreadable)} cannot be read. Defects are made in good images that "
                "pass. Name a folder with good images like those of the fit."
            )

    def choose(self, asked: Sequence[str] | None) -> None:
        """Lay a grid over each region that is asked for."""
        known = [region.id for region in self.template.regions]
        for name in asked or ():
            if name not in known:
                raise OptionError(
                    f"Region '{name}' is not in the template. It has {', '.join(known)}. "
                    "Name one of them."
                )
        for index, region in enumerate(self.template.regions):
            if asked and region.id not in asked:
                continue
            usable = [i for i, p in enumerate(self.photographs) if region.id in p.clean]
            grid = lay_grid(region, self.template.size_wh, len(asked or known))
            self.jobs.append(_Job(index, region, grid, self._levels(region, grid), usable))

    def _levels(self, region: Region, grid: Grid) -> tuple[float, ...]:
        if self.sizes is not None:
            if self.sizes[-1] >= grid.largest_px:
                raise OptionError(
                    f"A defect of {self.sizes[-1]:g} px does not fit into region '{region.id}', "
                    f"whose widest place has {grid.largest_px:.0f} px. Name smaller sizes, or "
                    "other regions."
                )
            return self.sizes
        smallest = self.template.smallest_defect_px
        high = min(LARGEST_SHARE * smallest, 0.75 * grid.largest_px)
        low = min(max(SMALLEST_SHARE * smallest, LEAST_SIZE_PX), high / 8)
        return tuple(float(v) for v in np.geomspace(low, high, LEVELS))

    # -- curves ------------------------------------------------------------

    def curves(self, trials: int | None, deadline: float | None) -> None:
        """Rounds of trials for every curve, the later ones where the curves are steep."""
        self._fit_into(deadline)
        jobs = [job for job in self.jobs if job.usable]
        curves = max(len(jobs) * len(self.series), 1)
        start = time.monotonic()
        done = self._round(jobs, 0, FIRST_TRIALS, "curves", curves * FIRST_TRIALS)
        seconds = time.monotonic() - start
        self.per_trial = seconds / max(done, 1)
        wanted = trials if trials is not None else self._affordable(deadline, curves)
        edges = np.linspace(FIRST_TRIALS, wanted, ROUNDS).round().astype(int).tolist()
        for first, last in pairwise(edges):
            late = deadline is not None and self._left(deadline) * CURVE_SHARE <= 0
            if last > first and not late:
                done += self._round(jobs, first, last, "curves", curves * wanted, done)

    def _left(self, deadline: float | None) -> float:
        """Seconds that may still be used."""
        return math.inf if deadline is None else deadline - time.monotonic() - LEAST_SECONDS

    def _affordable(self, deadline: float | None, curves: int) -> int:
        seconds = USED_SHARE * CURVE_SHARE * max(self._left(deadline), 0.0)
        more = int(seconds / (max(self.per_trial, 1e-6) * curves))
        return min(FIRST_TRIALS + more, MOST_TRIALS)

    def _fit_into(self, deadline: float | None) -> None:
        """Leave regions out where the time is too short for all."""
        if deadline is None:
            return
        needs = self.per_trial * FIRST_TRIALS * len(self.series)
        most = max(1, int(REGION_SHARE * self._left(deadline) / max(needs, 1e-6)))
        self.untested = [job.region.id for job in self.jobs[most:]]
        self.jobs = self.jobs[:most]

    def _round(
        self, jobs: Sequence[_Job], first: int, last: int, stage: str, total: int, done: int = 0
    ) -> int:
        """Trials number ``first`` to ``last`` of every curve; returns how many were made."""
        planned: list[Trial] = []
        for job in jobs:
            for at in range(len(self.series)):
                planned += self._plan(job, at, first, last)
        self.progress(stage, done, max(total, 1))
        for outcome in run_trials(
            self.inspector, self.photographs, planned, self.surfaces, self.threads
        ):
            job = next(j for j in jobs if j.index == outcome.trial.region)
            job.outcomes[outcome.trial.series].append(outcome)
        self.progress(stage, done + len(planned), max(total, 1))
        return len(planned)

    def _plan(self, job: _Job, at: int, first: int, last: int) -> list[Trial]:
        series = self.series[at]
        rng = np.random.default_rng((self.seed, 2, job.index, at, first))
        levels: Sequence[float] = job.levels
        if first == 0 and self.sizes is None:
            least = min(FIRST_SHARE * self.template.smallest_defect_px, levels[-1] / 4)
            levels = [size for size in levels if size >= least]
        sizes = next_sizes(levels, job.outcomes[at], last - first, rng)
        shown = len(self.jobs) <= PICTURED_REGIONS and first == 0
        planned = []
        for ahead, size in enumerate(sizes):
            turn = first + ahead
            place = self._place(job, at, turn, size)
            if place is None:
                continue
            planned.append(
                Trial(
                    job.index, at, series.kind, series.contrast, size, place,
                    (self.seed, 3, job.index, at + 1, turn), self._photograph(job, at, turn),
                    picture=shown and ahead % PICTURE_EVERY == PICTURE_EVERY - 1,
                    check=turn % CHECK_EVERY == CHECK_EVERY // 2,
                )
            )  # fmt: skip
        return planned

    def _place(self, job: _Job, at: int, turn: int, size: float) -> tuple[float, float] | None:
        cells = len(job.grid.cells)
        key = (self.seed, 4, job.index, at + 1, turn // max(cells, 1))
        order = np.random.default_rng(key).permutation(cells)
        return job.grid.place(turn, order, size, np.random.default_rng((*key, turn)))

    def _photograph(self, job: _Job, at: int, turn: int) -> int:
        """Every photograph in turn, in a new order each time round."""
        key = (self.seed, 5, job.index, at + 1, turn // len(job.usable))
        order = np.random.default_rng(key).permutation(len(job.usable))
        return job.usable[int(order[turn % len(job.usable)])]

    # -- maps --------------------------------------------------------------

    def maps(self, trials: int | None, deadline: float | None) -> None:
        """Spots of one size and contrast in every cell, as often as the time allows."""
        jobs = [job for job in self.jobs if job.usable]
        at = self.series.index(Series("spot", self.moderate))
        for job in jobs:
            curve = self._curve(job, at)
            wanted = max(self.template.smallest_defect_px, curve.curve.a90 or 0.0)
            reached = curve.curve.status != "not_reached"
            job.map_size = min(wanted if reached else job.levels[-1], job.levels[-1])
        cells = sum(len(job.grid.cells) for job in jobs)
        rounds = MOST_MAP_ROUNDS
        if trials is not None:
            rounds = min(max(1, trials // 20), MOST_MAP_ROUNDS)
        for number in range(rounds):
            left = self._left(deadline)
            if number and left < cells * self.per_trial:
                break
            share = 1.0 if math.isinf(left) else left / max(cells * self.per_trial, 1e-6)
            self._map_round(jobs, number, min(max(share, 0.0), 1.0))
            self.map_rounds += 1
            self.progress("map", number + 1, rounds)

    def _map_round(self, jobs: Sequence[_Job], number: int, share: float) -> None:
        """One spot in every cell, or in a random share of the cells."""
        planned = []
        for job in jobs:
            for at, cell in enumerate(job.grid.cells):
                key = (self.seed, 6, job.index, number, at)
                rng = np.random.default_rng(key)
                place = cell.place(job.map_size, rng)
                if place is None or rng.random() > share:
                    continue
                planned.append(
                    Trial(
                        job.index, -1, "spot", self.moderate, job.map_size, place, (*key, 1),
                        self._photograph(job, -1, number * len(job.grid.cells) + at),
                        cell=(cell.column, cell.row),
                    )
                )  # fmt: skip
        for outcome in run_trials(
            self.inspector, self.photographs, planned, self.surfaces, self.threads
        ):
            self.map_outcomes[outcome.trial.region].append(outcome)

    # -- result ------------------------------------------------------------

    def result(self, minutes: float, trials: int | None, seconds: float) -> PodResult:
        """Everything together."""
        return PodResult(
            part=self.template.name,
            regions=tuple(self._region(job) for job in self.jobs),
            untested=tuple(self.untested),
            photographs=tuple(self.photographs),
            unreadable=tuple(self.unreadable),
            threshold_status=self.bundle.manifest.calibration.threshold.status,
            smallest_defect_px=self.template.smallest_defect_px,
            contrasts=self.contrasts,
            seed=self.seed,
            minutes=minutes if trials is None else None,
            threads=self.threads,
            seconds=seconds,
        )

    def _curve(self, job: _Job, at: int) -> SeriesResult:
        """One curve; the map's spots belong to that of their contrast."""
        series, outcomes = self.series[at], list(job.outcomes[at])
        if series == Series("spot", self.moderate):
            outcomes += self.map_outcomes[job.index]
        return SeriesResult.of(series.kind, series.contrast, outcomes)

    def _region(self, job: _Job) -> PodRegion:
        stopped = sum(job.region.id in p.stopped for p in self.photographs)
        return PodRegion(
            id=job.region.id,
            name=job.region.name,
            photographs=len(job.usable),
            false_calls=stopped,
            judged=stopped + len(job.usable),
            curves=tuple(self._curve(job, at) for at in range(len(self.series))),
            joint=_joint([o for at, s in enumerate(self.series) if s.kind == "spot"
                          for o in job.outcomes[at]]),
            map=MapOutcome.of(job.grid, job.map_size, self.moderate, self.map_outcomes[job.index]),
        )  # fmt: skip


def next_sizes(
    levels: Sequence[float], outcomes: Sequence[Outcome], count: int, rng: np.random.Generator
) -> list[float]:
    """Which sizes to try next: all evenly at first, then more in and around the steep part.

    Around it too: with all trials in the steep part itself curves come out too steep, and a90/95
    too small.

    Where everything was found the smallest sizes are tried, where nothing was the largest.
    """
    n = len(levels)
    weights = np.ones(n)
    hits = np.array([o.hit for o in outcomes], np.bool_)
    if hits.size and hits.all():
        weights = np.where(np.arange(n) < max(n // 3, 1), 4.0, 0.5)
    elif hits.size and not hits.any():
        weights = np.where(np.arange(n) >= n - max(n // 3, 1), 4.0, 0.5)
    elif hits.size:
        x = np.log([o.size_px for o in outcomes])
        beta, _ = firth_logistic(np.stack([np.ones_like(x), x], axis=1), hits)
        p = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * np.log(levels), -30, 30)))
        steep = np.convolve(np.pad(np.sqrt(p * (1 - p)), 2), _SPREAD, mode="same")[2:-2]
        weights = steep / sum(_SPREAD) + _EVERYWHERE
        top = np.arange(n) >= n - max(n // 3, 1)
        share = float(weights[top].sum() / weights.sum())
        if share < _LARGEST_TRIALS:
            weights[top] *= _LARGEST_TRIALS / share * (1 - share) / (1 - _LARGEST_TRIALS)
    edges = np.cumsum(weights / weights.sum())
    steps = (np.arange(count) + rng.uniform()) / count
    chosen = np.minimum(np.searchsorted(edges, steps), n - 1)
    return [float(levels[int(i)]) for i in rng.permutation(chosen)]


def _joint(outcomes: Iterable[Outcome]) -> dict[str, float] | None:
    """One model of all spots: how far contrast makes up for size."""
    kept = list(outcomes)
    hits = np.array([o.hit for o in kept], np.bool_)
    contrast = np.log([max(o.contrast, 1e-4) for o in kept])
    if not hits.size or hits.all() or not hits.any() or np.ptp(contrast) < 0.1:
        return None
    size = np.log([o.size_px for o in kept])
    beta, _ = firth_logistic(np.stack([np.ones_like(size), size, contrast], axis=1), hits)
    if beta[1] <= 0:
        return None
    return {
        "intercept": float(beta[0]),
        "ln_size": float(beta[1]),
        "ln_contrast": float(beta[2]),
        "size_factor_at_half_contrast": float(2 ** (beta[2] / beta[1])),
    }


def _read(root: Path, bundle: Bundle) -> Dataset:
    return read_dataset(root, seed=bundle.manifest.seed, need_normals=False)


def _surfaces(bundle: Bundle) -> list[FixedKind]:
    """What each region is, as fitting decided."""
    kinds = bundle.manifest.detector.get("kinds")
    known = kinds if isinstance(kinds, dict) else {}
    return [
        "texture" if known.get(r.id, r.kind) == "texture" else "object"
        for r in bundle.manifest.template.regions
    ]


def _preferred(found: Sequence[Photograph]) -> list[Photograph]:
    """Photographs that were not learned from, and as many others as it takes for some variety."""
    fresh = [p for p in found if not p.learned]
    learned = [p for p in found if p.learned]
    clean = sum(bool(p.clean) for p in fresh)
    more = max(ENOUGH_PHOTOGRAPHS - clean, 0)
    return [*fresh[:MOST_PHOTOGRAPHS], *learned[:more]]
