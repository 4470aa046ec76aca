"""Fit candidates on a sample of the normals and judge them on pictures they have not seen.

A candidate is fitted once for every round, calibrated as it would ship, and judged by the
inspector that ships. All candidates see the same splits and the same pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from offspec.bundle import Bundle
from offspec.bundle.write import bundle_bytes
from offspec.calibration import threshold_of
from offspec.candidates import training_options, trains
from offspec.datasets import Dataset
from offspec.embedding_cache import EmbeddingCache
from offspec.errors import MetricError, OffspecError
from offspec.fit_plan import FitConfig
from offspec.fitting import fit
from offspec.images import read_image
from offspec.pixel_metrics import PixelRanking
from offspec.recommend_cost import Trials, rates_for
from offspec.recommend_look import Look
from offspec.recommend_needs import Needs
from offspec.recommend_speed import Speed, time_bundle
from offspec.recommend_trials import Picture, Round, count, pictures, plan_rounds
from offspec.runtime import Inspector
from offspec.template import Template
from offspec.types import BoolArray, DoubleArray, FloatArray, Resolution, ThresholdStatus

PIXEL_BUDGET = 24_000_000  # pixels of maps compared in a round
TRAINING_SHARE = 0.7  # of the time left, for training itself
LEAST_MINUTES = 0.1

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A detector on a backbone at a resolution."""

    detector: str
    backbone: str
    head: str
    resolution: Resolution

    def name(self, backbones: int = 1) -> str:
        """Short and unique; the backbone is named where several are compared."""
        middle = f" {self.backbone}" if backbones > 1 else ""
        return f"{self.detector}{middle} {self.resolution}"


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """How much may be spent on measuring.

    Attributes:
        sample: Normals that take part, the reference among them.
        minutes: No candidate is begun after so long; None = no limit.
        validation: Folder of labelled images that choose; None = defects are made.
    """

    sample: int = 24
    minutes: float | None = None
    validation: Path | None = None


@dataclass(frozen=True)
class Measured:
    """What one candidate did.

    Attributes:
        normals: Good images it learned from in a round, on average.
        fit_s: Seconds of the first fit, calibration included.
        pixel_auroc: Mean over the rounds, at original resolution; None where it is undefined.
        aupro: AU-PRO (0.30), likewise.
        invalid: Share of good pictures that the gate refused.
        status: How the first round's threshold was reached.
    """

    candidate: Candidate
    trials: Trials
    speed: Speed
    normals: float
    fit_s: float
    bundle_bytes: int
    status: ThresholdStatus
    pixel_auroc: float | None
    aupro: float | None
    invalid: float


@dataclass
class Measurement:
    """The result for all candidates.

    Attributes:
        made: Whether the defects were made.
        good: Good pictures judged.
        bad: Defective ones.
        left_out: Name of a candidate to why it was not judged.
    """

    made: bool
    good: int
    bad: int
    found: dict[str, Measured] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def measure(
    look: Look,
    dataset: Dataset,
    template: Template | Path | str | None,
    candidates: Sequence[Candidate],
    needs: Needs,
    config: FitConfig,
    plan: MeasurePlan,
    tell: Progress,
) -> Measurement:
    """Fit and judge candidates, one after another.

    Raises:
        DatasetError: The images do not suffice to judge anything on.
    """
    rounds = plan_rounds(look, dataset, plan.sample, plan.validation, config.seed)
    result = Measurement(
        made=any(one.spoil for one in rounds),
        good=sum(len(one.good) for one in rounds),
        bad=sum(count(one) - len(one.good) for one in rounds),
    )
    start = time.monotonic()
    backbones = len({c.backbone for c in candidates})
    for number, candidate in enumerate(candidates):
        name = candidate.name(backbones)
        left = None if plan.minutes is None else 60 * plan.minutes - (time.monotonic() - start)
        if left is not None and left <= 0 and result.found:
            result.left_out[name] = f"not begun: the {plan.minutes:g} minutes were over"
            continue
        minutes = _minutes(left, len(candidates) - number, len(rounds))
        work = _Work(candidate, look, dataset, template, needs, config, minutes)
        before = number * len(rounds)

        def told(step: int, name: str = name, before: int = before) -> None:
            tell(f"measure, {name}", before + step, len(candidates) * len(rounds))

        try:
            result.found[name] = work.run(rounds, told)
        except _TooSlowError as error:
            result.left_out[name] = str(error)
        except OffspecError as error:
            result.left_out[name] = f"could not be fitted: {error}"
    tell("measure", len(candidates) * len(rounds), len(candidates) * len(rounds))
    return result


def _minutes(left_s: float | None, candidates: int, rounds: int) -> float:
    """Training time of one fit, so that what is left suffices for all."""
    if left_s is None:
        return LEAST_MINUTES
    return max(TRAINING_SHARE * left_s / 60 / candidates / rounds, LEAST_MINUTES)


class _TooSlowError(Exception):
    """The candidate cannot keep up with the line."""


@dataclass
class _Work:
    """One candidate at work."""

    candidate: Candidate
    look: Look
    dataset: Dataset
    template: Template | Path | str | None
    needs: Needs
    config: FitConfig
    minutes: float

    def run(self, rounds: Sequence[Round], told: Callable[[int], None]) -> Measured:
        cache = EmbeddingCache()
        rates = rates_for(self.needs)
        verdicts = _Verdicts(rates)
        pixels: list[tuple[float, float]] = []
        seconds, speed, bundle = 0.0, None, None
        for number, one in enumerate(rounds):
            told(number)
            begun = time.perf_counter()
            bundle = self._fit(one, cache)
            if speed is None:
                seconds = time.perf_counter() - begun
                speed = self._speed(bundle, one)
            maps = self._judge(bundle, one, verdicts)
            if self.needs.locate:
                pixels += _pixel_figures(*maps)
        assert bundle is not None  # noqa: S101 - there is at least one round
        assert speed is not None  # noqa: S101 - likewise
        auroc, aupro = np.mean(pixels, axis=0) if pixels else (None, None)
        return Measured(
            candidate=self.candidate,
            trials=verdicts.trials(),
            speed=speed,
            normals=float(np.mean([len(one.learn) for one in rounds])),
            fit_s=seconds,
            bundle_bytes=len(bundle_bytes(bundle)),
            status=bundle.manifest.calibration.status,
            pixel_auroc=None if auroc is None else float(auroc),
            aupro=None if aupro is None else float(aupro),
            invalid=verdicts.invalid_share(),
        )

    def _fit(self, one: Round, cache: EmbeddingCache) -> Bundle:
        c = self.candidate
        settings = replace(
            self.config,
            detector=c.detector,
            backbone=c.backbone,
            head=c.head,
            resolution=c.resolution,
            options=training_options(c.detector, self.minutes),
        )
        learn = Dataset(self.dataset.root, self.dataset.layout, one.learn)
        return fit(
            learn,
            template=self.template,
            config=settings,
            cache=None if trains(c.detector) else cache,
        )

    def _speed(self, bundle: Bundle, one: Round) -> Speed:
        speed = time_bundle(bundle, [read_image(r.path) for r in one.good[:4]], self.needs)
        obstacle = speed.obstacle(self.needs)
        if obstacle is not None:
            raise _TooSlowError(obstacle)
        return speed

    def _judge(
        self, bundle: Bundle, one: Round, verdicts: _Verdicts
    ) -> tuple[list[FloatArray], list[BoolArray]]:
        """Judge every picture of a round; returns maps and truths for the pixel figures."""
        inspector = Inspector(bundle, threads=self.config.threads, warm_up=False)
        calibration = bundle.manifest.calibration
        thresholds = np.array(
            [
                threshold_of(calibration.curve, rate, cross_fitted=True).raw
                for rate in verdicts.rates
            ]
        )
        maps: list[FloatArray] = []
        truths: list[BoolArray] = []
        left = PIXEL_BUDGET
        shown = pictures(one, self.look, self.needs.smallest_defect, self.config.seed)
        for picture in shown:
            with_map = self.needs.locate and picture.truth is not None and left > 0
            try:
                found = inspector.inspect(picture.image, with_map=with_map)
            except OffspecError:
                verdicts.add(picture, None, thresholds, invalid=True)
                continue
            raws = {r.id: r.raw_score for r in found.regions if r.raw_score is not None}
            total = calibration.image_score(raws) if raws else None
            verdicts.add(picture, total, thresholds, invalid=len(raws) < len(found.regions))
            if with_map and found.anomaly_map is not None and picture.truth is not None:
                maps.append(found.anomaly_map)
                truths.append(picture.truth)
                left -= picture.truth.size
        return maps, truths


class _Verdicts:
    """Collects verdicts at every rate."""

    def __init__(self, rates: tuple[float, ...]) -> None:
        self.rates = rates
        self._numbers: dict[str, int] = {}
        self._source: list[int] = []
        self._defective: list[bool] = []
        self._stopped: list[BoolArray] = []
        self._width: list[float] = []
        self._invalid: list[bool] = []

    def add(
        self, picture: Picture, total: float | None, thresholds: DoubleArray, *, invalid: bool
    ) -> None:
        """One picture: ``total`` is its score in the units of the thresholds."""
        above = np.zeros(thresholds.size, np.bool_) if total is None else total > thresholds
        stopped = above if picture.defective else above | invalid
        self._source.append(self._numbers.setdefault(picture.source, len(self._numbers)))
        self._defective.append(picture.defective)
        self._stopped.append(np.asarray(stopped, np.bool_))
        self._width.append(picture.width_px)
        self._invalid.append(invalid)

    def invalid_share(self) -> float:
        """Share of good pictures that could not be judged."""
        good = [i for i, bad in zip(self._invalid, self._defective, strict=True) if not bad]
        return float(np.mean(good))

    def trials(self) -> Trials:
        """As arrays."""
        return Trials(
            self.rates,
            np.array(self._source, np.int64),
            np.array(self._defective, np.bool_),
            np.stack(self._stopped),
            np.array(self._width, np.float64),
        )


def _pixel_figures(maps: list[FloatArray], truths: list[BoolArray]) -> list[tuple[float, float]]:
    """Pixel AUROC and AU-PRO of one round; empty where they are undefined."""
    try:
        ranking = PixelRanking.from_maps(maps, truths)
        return [(ranking.auroc(), ranking.aupro(0.3))]
    except MetricError:
        return []
