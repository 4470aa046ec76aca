"""Advice for a new inspection: template settings, detector, resolution, hardware, threshold.

Without measuring it follows from what was looked at and is marked so. With measuring every
candidate is fitted on a sample and judged on pictures it had not learned from; the choice is the
one of least expected cost, with what it would cost to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from offspec.candidates import check_names, head_for, trains, usable_detectors
from offspec.datasets import Dataset, read_dataset
from offspec.errors import OffspecError
from offspec.fit_plan import FitConfig
from offspec.guarantee import MIN_NORMALS, normals_needed, normals_to_certify
from offspec.problem import ProblemStatement
from offspec.recommend_cost import Contender, choose, nominal_rate
from offspec.recommend_look import LADDER, Look, base_config, look
from offspec.recommend_measure import Candidate, MeasurePlan, measure
from offspec.recommend_needs import Needs, complete
from offspec.recommend_result import Proposal, Recommendation
from offspec.recommend_speed import Speed, busy, probe
from offspec.template import Template, read_template
from offspec.types import DEFAULT_BACKBONE, Resolution

Progress = Callable[[str, int, int], None]
TEXTURE_DETECTOR = "patchcore"
FEW_DETECTOR = "reference"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a recommendation is made.

    Attributes:
        detectors: Only these are considered; empty = all that can be fitted.
        backbones: Compared when measuring.
        resolutions: Only these; empty = those worth a thought.
        measure: None = look only.
    """

    detectors: tuple[str, ...] = ()
    backbones: tuple[str, ...] = (DEFAULT_BACKBONE,)
    resolutions: tuple[Resolution, ...] = ()
    measure: MeasurePlan | None = None
    seed: int = 0
    threads: int | None = None


def recommend(
    dataset: Dataset | Path | str,
    problem: ProblemStatement | None = None,
    *,
    template: Path | str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Recommendation:
    """Advise how to inspect the parts of a dataset.

    Args:
        dataset: A dataset with normals; its test images are counted and never looked at.
        problem: Answers; what is missing is counted or assumed.
        template: A template already drawn; None = the whole image.
        settings: What to consider and whether to measure.
        progress: Called with (stage, done, total).

    Raises:
        OffspecError: No normals, an unusable template, or too few images to measure with.

    Example:
        >>> recommend("parts").proposal.candidate.detector  # doctest: +SKIP
        'reference'
    """
    problem, settings = problem or ProblemStatement(), settings or Settings()
    tell = progress or _silent
    check_names(settings.detectors, settings.backbones)
    data = dataset if isinstance(dataset, Dataset) else read_dataset(dataset, seed=settings.seed)
    drawn = None if template is None else read_template(template)
    needs = complete(problem.answers, data, None if drawn is None else drawn.smallest_defect_px)
    config = base_config(needs, settings.threads, settings.seed)
    load = busy()
    tell("look", 0, 1)
    seen = look(data, template, needs, config)
    tell("look", 1, 1)
    fixed = _fixed(config, seen, drawn)
    result = (
        _from_looking(data, template, seen, needs, fixed, settings, tell)
        if settings.measure is None
        else _from_measuring(data, template, seen, needs, fixed, settings, tell)
    )
    result.problem, result.dataset, result.busy = problem, data.root, load
    result.template = None if template is None else Path(template)
    return result


def _silent(_step: str, _done: int, _total: int) -> None:
    """Progress for nobody."""


def _fixed(config: FitConfig, seen: Look, drawn: Template | None) -> FitConfig:
    """Settings of every fit: what was decided from all normals is not decided again."""
    if drawn is not None or len(set(seen.job.kinds)) > 1:
        return config
    return replace(config, kind=seen.kind, align=seen.align)


# -- without measuring ------------------------------------------------------------


def _from_looking(
    data: Dataset,
    template: Path | str | None,
    seen: Look,
    needs: Needs,
    config: FitConfig,
    settings: Settings,
    tell: Progress,
) -> Recommendation:
    able, unusable = usable_detectors(
        seen.job.kinds, needs.present, may_train=False, wanted=settings.detectors
    )
    detector = _likely(able, seen, needs)
    order = list(settings.resolutions) or _by_preference(seen)
    speeds: dict[str, Speed] = {}
    chosen: Resolution | None = None
    for done, resolution in enumerate(order):
        tell("time", done, len(order))
        candidate = Candidate(detector, settings.backbones[0], head_for(detector), resolution)
        try:
            speed = probe(data, template, _settings_of(candidate, config), needs)
        except OffspecError as error:
            unusable[candidate.name()] = str(error)
            continue
        speeds[candidate.name()] = speed
        obstacle = speed.obstacle(needs)
        if obstacle is None:
            chosen = resolution
            break
        unusable[candidate.name()] = obstacle
    tell("time", len(order), len(order))
    final = chosen or _cheapest(order, speeds, detector)
    candidate = Candidate(detector, settings.backbones[0], head_for(detector), final)
    speed_now = speeds.get(candidate.name())
    proposal = _propose(candidate, seen, needs, speed_now, rate=nominal_rate(needs))
    return Recommendation(data.root, ProblemStatement(), needs, seen, proposal, speeds, unusable)


def _likely(able: tuple[str, ...], seen: Look, needs: Needs) -> str:
    """The detector to begin with; measuring may well choose another."""
    for name, fits in (
        (FEW_DETECTOR, needs.present <= MIN_NORMALS),
        (TEXTURE_DETECTOR, seen.kind == "texture"),
    ):
        if fits and name in able:
            return name
    return able[0] if able else FEW_DETECTOR


def _by_preference(seen: Look) -> list[Resolution]:
    """The planned resolution, then cheaper ones, should it be too slow."""
    if not seen.free:
        return ["auto"]
    at = LADDER.index(seen.planned)
    return [LADDER[i] for i in range(at, -1, -1)]


def _cheapest(order: list[Resolution], speeds: dict[str, Speed], detector: str) -> Resolution:
    """The fastest of those timed, where none is fast enough."""
    timed = [r for r in order if f"{detector} {r}" in speeds]
    return min(timed, key=lambda r: speeds[f"{detector} {r}"].p50_ms) if timed else order[0]


def _settings_of(candidate: Candidate, config: FitConfig) -> FitConfig:
    return replace(
        config,
        detector=candidate.detector,
        backbone=candidate.backbone,
        head=candidate.head,
        resolution=candidate.resolution,
    )


# -- with measuring ---------------------------------------------------------------


def _from_measuring(
    data: Dataset,
    template: Path | str | None,
    seen: Look,
    needs: Needs,
    config: FitConfig,
    settings: Settings,
    tell: Progress,
) -> Recommendation:
    plan = settings.measure or MeasurePlan()
    learned = min(plan.sample, needs.present) * 2 // 3
    able, unusable = usable_detectors(
        seen.job.kinds,
        learned,
        may_train=plan.minutes is not None,
        wanted=settings.detectors,
    )
    if needs.present > plan.sample:
        unusable = {
            name: f"{why}; --sample {plan.sample} gives a round {learned}" if "has" in why else why
            for name, why in unusable.items()
        }
    candidates = _candidates(able, seen, settings)
    found = measure(seen, data, template, candidates, needs, config, plan, tell)
    unusable |= found.left_out
    if not found.found:
        result = _from_looking(data, template, seen, needs, config, settings, tell)
        result.unusable = {**unusable, **result.unusable}
        result.measurement = found
        return result
    contenders = [
        Contender(name, one.trials, number, one.aupro)
        for number, (name, one) in enumerate(found.found.items())
    ]
    choice = choose(contenders, needs, settings.seed)
    chosen = found.found[choice.name]
    proposal = _propose(
        chosen.candidate, seen, needs, chosen.speed, rate=choice.rate, measured=True
    )
    return Recommendation(
        data.root, ProblemStatement(), needs, seen, proposal,
        unusable=unusable, measurement=found, choice=choice,
    )  # fmt: skip


def _candidates(able: tuple[str, ...], seen: Look, settings: Settings) -> list[Candidate]:
    """The product's default as planned first, trained ones last."""
    planned: Resolution = seen.planned if seen.free else "auto"
    resolutions = settings.resolutions or seen.resolutions()
    every = [
        Candidate(detector, backbone, head_for(detector), resolution)
        for resolution in sorted(resolutions, key=lambda r: r != planned)
        for detector in able
        for backbone in settings.backbones
    ]
    return sorted(every, key=lambda c: trains(c.detector))


# -- both -------------------------------------------------------------------------


def _propose(
    candidate: Candidate,
    seen: Look,
    needs: Needs,
    speed: Speed | None,
    *,
    rate: float,
    measured: bool = False,
) -> Proposal:
    far = seen.beyond_gate > 0
    settings, size_wh = seen.job.template.alignment, seen.size_wh
    turned = far and seen.rotation_deg > settings.max_rotation_deg
    shifted = far and seen.shift_px > settings.shift_limit_px(size_wh)
    origin = "default" if needs.costs is None else "costs"
    return Proposal(
        candidate=candidate,
        measured=measured,
        false_alarm_rate=rate,
        rate_from="fixed" if needs.false_alarm_rate is not None else origin,
        speed=speed,
        max_shift_px=_roomy(seen.shift_px) if shifted else None,
        max_rotation_deg=min(180.0, _roomy(seen.rotation_deg)) if turned else None,
        certify=normals_to_certify(rate),
        promise=normals_needed(rate),
        provisional=needs.present - 1 < MIN_NORMALS,
        too_slow=None if speed is None else speed.obstacle(needs),
    )


def _roomy(largest: float) -> float:
    """A limit with room above the largest value seen."""
    return float(5 * round(1.3 * largest / 5 + 0.5))
