"""From a dataset to a bundle: the only module that imports both detectors and the runtime.

The order of work: settings are fixed, then the normals are aligned and embedded once, then
calibration scores every normal by a model fitted without its group, then the model that ships
is fitted on all of them. Scores come from the graphs that would ship, run as they will be run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from offspec import __version__
from offspec.augment_refusals import refuse_augmentation
from offspec.bundle import Bundle, Manifest
from offspec.calibration import (
    MIN_NORMALS,
    Calibration,
    PixelThreshold,
    calibrate,
    pixel_threshold,
)
from offspec.contamination import LEAST_IMAGES, SURE_FROM, robust_z
from offspec.crossfit import LEAST_TO_TRAIN, Learner, NormalScores, in_order
from offspec.datasets import Dataset
from offspec.detectors.head import make_head
from offspec.drift_reference import drift_reference
from offspec.embedding_cache import EmbeddingCache
from offspec.errors import DatasetError, OptionError
from offspec.fit_plan import (
    FitConfig,
    Job,
    NormalImage,
    backbone_of,
    load_normal,
    plan,
)
from offspec.grouping import alike
from offspec.guarantee import check_alpha
from offspec.images import read_image
from offspec.machine import library_versions
from offspec.nuisance import nuisance_renders
from offspec.runtime import Inspector
from offspec.runtime.onnxruntime import available_threads
from offspec.runtime.sampler import Prepared
from offspec.template import Template
from offspec.types import FloatArray, ImageArray

__all__ = ["FitConfig", "fit", "override_threshold", "recalibrate", "refuse_learned"]

RENDERS = 19  # of the reference, for a provisional threshold
ONE_REFERENCE_LEVEL = 25.0
"""Drawing level, raw, where the reference is the only normal: the highest level that seeded
nuisance renders of ten printed boards needed for at most 0.1 false components each (11 to 25,
median 16). Softer pictures need less, 3 to 10; their strongest deviation is drawn all the same."""
MIN_AREA_SHARE = 0.25  # of the smallest defect's area: smaller components are not drawn

Progress = Callable[[str, int, int], None]


def fit(
    dataset: Dataset | Path | str,
    *,
    template: Template | Path | str | None = None,
    config: FitConfig | None = None,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> Bundle:
    """Learn what good looks like.

    Args:
        dataset: A folder in one of the layouts of ``read_dataset``, or a dataset.
        template: Where to look; None = the whole image, the first normal as reference.
        config: Settings; None = the defaults.
        progress: Called with a step's name, what is done of it, and its total.
        cache: Remembers embedded images between fits on subsets of the same ones; the result
            does not depend on it.

    Returns:
        A bundle, calibrated; ``write_bundle`` saves it.

    Raises:
        OffspecError: A subclass that says what is wrong with dataset, template or settings.

    Example:
        >>> bundle = fit("dataset")
        >>> bundle.manifest.calibration.status
        'extrapolated'
    """
    tell = progress or _silent
    job = plan(dataset, template, config or FitConfig(), tell)
    learner = Learner(job, cache)
    refuse_augmentation(job, learner.sampler)
    usable = learner.embed_all(tell)
    if learner.trained:
        scores = learner.train_once(usable, tell)
    else:
        learner.fit_all(usable)
        scores = learner.cross_fit(usable, tell)
        if scores.calibrate_only:
            learner.fit_all(scores.learned)
    _name_odd_ones(learner, scores)
    draft = draft_bundle(job, learner, usable)
    calibration, thresholds = _calibrate(job, learner, scores, draft, tell)
    return replace(
        draft,
        manifest=replace(
            draft.manifest,
            calibration=calibration,
            pixel_thresholds=thresholds,
            drift=drift_reference(scores.raw_by_region, scores.statistics),
            notes=tuple(job.notes) + tuple(learner.notes),
        ),
    )


def _name_odd_ones(learner: Learner, scores: NormalScores) -> None:
    """A note on held-out normals that score far beyond the others; nothing is dropped."""
    if scores.count < LEAST_IMAGES:
        return
    worst = np.max([robust_z(raws) for raws in scores.raw_by_region.values()], axis=0)
    odd = [scores.names[i] for i in np.argsort(-worst) if worst[i] >= SURE_FROM]
    if odd:
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        who = "1 normal scores" if len(odd) == 1 else f"{len(odd)} normals score"
        learner.notes.append(
            f"{who} far beyond the others: {', '.join(odd[:3])}{more}. They took part all the "
            "same. `offspec check` shows them; leave out what is no good part with --exclude."
        )


def _silent(step: str, done: int, total: int) -> None:
    """Progress for nobody."""


def draft_bundle(job: Job, learner: Learner, usable: Sequence[NormalImage]) -> Bundle:
    """The bundle of the fitted learner with everything but a calibration."""
    region_ids = [region.id for region in job.template.regions]
    nothing = calibrate(
        {key: [1.0] for key in region_ids}, 0.5, cross_fitted=False, provisional=True
    )
    images = [job.reference_normal, *usable]
    manifest = Manifest(
        offspec_version=__version__,
        template=job.template,
        detector={
            "name": job.config.detector,
            "backbone": backbone_of(job.config).card.name,
            **_weights(job),
            "kinds": dict(zip(region_ids, job.kinds, strict=True)),
            "config": job.config.to_dict(),
        },
        bits=job.bits,
        tiles=job.tiles,
        groups=job.groups,
        score_k=learner.score_k,
        calibration=nothing,
        pixel_thresholds={key: PixelThreshold(1.0, 0.6, 4.0, 0.1) for key in region_ids},
        gate_limits=learner.limits,
        learned_sha256=tuple(image.sha256 for image in images),
        learned_phash=tuple(image.signature for image in images),
        dataset={
            "fingerprint": job.fingerprint,
            "normals": len(images),
            "layout": job.layout,
            "unlabelled": job.unlabelled,
        },
        seed=job.config.seed,
        libraries=library_versions(),
    )
    return Bundle(manifest, job.reference, learner.graphs())


def _weights(job: Job) -> dict[str, Any]:
    """Which trained weights a bundle was made with; nothing where there are none."""
    found: dict[str, Any] = {}
    sha256 = backbone_of(job.config).card.weights_sha256
    if sha256 is not None:
        found["weights_sha256"] = sha256
    heads = {k: make_head(job.config.head, k, job.config.backbone) for k in sorted(set(job.kinds))}
    by_kind = {kind: head.sha256 for kind, head in heads.items() if head is not None}
    if by_kind:
        found["head_sha256"] = by_kind
    return found


def _calibrate(
    job: Job, learner: Learner, scores: NormalScores, draft: Bundle, tell: Progress
) -> tuple[Calibration, dict[str, PixelThreshold]]:
    """Score curve and drawing thresholds; provisional under ``MIN_NORMALS`` normals."""
    if scores.count >= MIN_NORMALS:
        calibration = calibrate(
            scores.raw_by_region,
            job.config.false_alarm_rate,
            cross_fitted=not scores.calibrate_only,
            groups=scores.groups,
            provisional=learner.trained and len(scores.learned) + scores.count < LEAST_TO_TRAIN,
        )
        return calibration, _drawing(job, learner, scores)
    rendered = _score_renders(job, draft, tell)
    calibration = calibrate(
        rendered.raw_by_region,
        job.config.false_alarm_rate,
        cross_fitted=False,
        provisional=True,
    )
    learner.notes.append(
        f"Only {scores.count} normal images beside the reference: the threshold is provisional "
        f"and promises nothing. Add at least {MIN_NORMALS - scores.count} more."
    )
    thresholds = _drawing(job, learner, rendered)
    if scores.count == 0:
        thresholds = {
            key: PixelThreshold(
                ONE_REFERENCE_LEVEL, 0.6 * ONE_REFERENCE_LEVEL, t.min_area_px, t.allowed
            )
            for key, t in thresholds.items()
        }
    return calibration, thresholds


def _drawing(job: Job, learner: Learner, scores: NormalScores) -> dict[str, PixelThreshold]:
    result: dict[str, PixelThreshold] = {}
    for index, region in enumerate(job.template.regions):
        maps = [m[index] for m in scores.maps]
        masks = [m[index] for m in scores.masks]
        area = max(4.0, MIN_AREA_SHARE * learner.defect_area_px[region.id])
        result[region.id] = pixel_threshold(maps, masks, min_area_px=area)
    return result


def _score_renders(job: Job, draft: Bundle, tell: Progress) -> NormalScores:
    """Scores of seeded nuisance renders of the reference, which no model has seen."""
    inspector = Inspector(draft, threads=1, warm_up=False)
    full = 255.0 if job.reference.dtype == np.uint8 else float(2**job.bits - 1)
    unit = (job.reference.astype(np.float32) / np.float32(full)).clip(0, 1)
    scores = NormalScores.empty([region.id for region in job.template.regions])

    def look(render: FloatArray) -> tuple[Prepared, tuple[FloatArray, ...]]:
        values = np.round(render.clip(0, 1) * full)
        image: ImageArray = values.astype(np.uint8) if full == 255 else values.astype(np.uint16)
        prepared = inspector.sampler.cut(image, inspector.sampler.aligner.align(image))
        return prepared, inspector.maps(prepared)

    threads = job.config.threads or available_threads()
    with ThreadPoolExecutor(threads) as pool:
        renders = nuisance_renders(unit, RENDERS, job.config.seed)
        for number, (prepared, maps) in enumerate(in_order(pool, look, renders, threads)):
            tell("calibrate on renders", number, RENDERS)
            scores.add(inspector.sampler, prepared, maps, draft.manifest.score_k)
    tell("calibrate on renders", RENDERS, RENDERS)
    return scores


# -- changes to a fitted bundle ------------------------------------------------


def recalibrate(
    bundle: Bundle,
    normals: Sequence[Path | str],
    alpha: float,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Replace the calibration by one from good images the model has not learned from.

    Args:
        bundle: A fitted model; its graphs stay as they are.
        normals: At least five good images.
        alpha: Asked share of good images stopped, in (0, 1).
        threads: CPU threads.
        progress: As in ``fit``.

    Raises:
        DatasetError: An image the model learned from, or a near-duplicate of one; too few.
        OptionError: ``alpha`` outside (0, 1).
    """
    check_alpha(alpha)
    scores, learned, invalid = _score_fresh(bundle, normals, threads, progress or _silent)
    if scores.count < MIN_NORMALS:
        raise DatasetError(
            f"{scores.count} usable normal images ({invalid} of {len(normals)} could not be "
            f"judged). At least {MIN_NORMALS} are needed to calibrate. Add normal images."
        )
    manifest = bundle.manifest
    before = manifest.calibration
    calibration = calibrate(scores.raw_by_region, alpha, cross_fitted=False)
    calibration = calibration.with_decision_points(before.t_ng, before.t_review)
    event: dict[str, Any] = {
        "event": "calibrate",
        "normals": scores.count,
        "invalid": invalid,
        "false_alarm_rate": alpha,
        "threshold_before": before.threshold.raw,
        "threshold_after": calibration.threshold.raw,
    }
    if before.probability is not None:
        event["probability"] = "dropped: it was fitted on the score curve before"
    changed = replace(
        manifest,
        calibration=calibration,
        learned_sha256=manifest.learned_sha256 + tuple(image.sha256 for image in learned),
        learned_phash=manifest.learned_phash + tuple(image.signature for image in learned),
        drift=drift_reference(scores.raw_by_region, scores.statistics),
        history=(*manifest.history, event),
    )
    return replace(bundle, manifest=changed)


def _score_fresh(
    bundle: Bundle, normals: Sequence[Path | str], threads: int | None, tell: Progress
) -> tuple[NormalScores, list[NormalImage], int]:
    """Scores of good images the model has not learned from, and how many it could not judge."""
    manifest = bundle.manifest
    threads = available_threads() if threads is None else threads
    inspector = Inspector(bundle, threads=min(threads, 1), warm_up=False)  # refuses under 1
    scores = NormalScores.empty([region.id for region in manifest.template.regions])
    found: list[NormalImage] = []

    def look(path: Path | str) -> tuple[NormalImage, Prepared, tuple[FloatArray, ...]] | None:
        image = read_image(path)
        prepared = inspector.prepare(image)
        if prepared.failure is not None or prepared.region_failures:
            return None
        one = load_normal(Path(path), image, bundle.reference, prepared.alignment, manifest.bits)
        refuse_learned(one, manifest)
        return one, prepared, inspector.maps(prepared)

    with ThreadPoolExecutor(threads) as pool:
        for number, looked in enumerate(in_order(pool, look, normals, threads)):
            tell("calibrate", number, len(normals))
            if looked is None:
                continue
            one, prepared, maps = looked
            found.append(one)
            scores.add(inspector.sampler, prepared, maps, manifest.score_k)
    tell("calibrate", len(normals), len(normals))
    return scores, found, len(normals) - len(found)


def refuse_learned(image: NormalImage, manifest: Manifest) -> None:
    """Refuse an image that the model learned from, and a near-duplicate of one.

    Raises:
        DatasetError: It is one.
    """
    if image.sha256 in manifest.learned_sha256:
        raise DatasetError(
            f"'{image.path.name}' is one of the images the model learned from. Calibration needs "
            "images it has not seen, or the threshold is too low. Leave it out."
        )
    if any(alike(image.signature, other) for other in manifest.learned_phash):
        raise DatasetError(
            f"'{image.path.name}' is a near-duplicate of an image the model learned from. "
            "Calibration needs other parts, or the threshold is too low. Leave it out."
        )


def override_threshold(bundle: Bundle, region_id: str, raw: float, who: str, why: str) -> Bundle:
    """Set one region's threshold by hand; moves that region alone and reopens the guarantee.

    Args:
        bundle: A fitted model.
        region_id: Which region.
        raw: Threshold in raw map units, > 0.
        who: Who sets it; kept in the manifest.
        why: The reason; kept too.

    Raises:
        RegionError: There is no such region.
        OptionError: A threshold that is not a positive number, or no name or reason.
    """
    region = bundle.manifest.template.region(region_id)
    if not (math.isfinite(raw) and raw > 0) or not who.strip() or not why.strip():
        raise OptionError(
            f"Threshold {raw!r} by '{who}' because '{why}' cannot be set. It needs a positive "
            "number, a name and a reason. Give all three."
        )
    before = bundle.manifest.calibration.region_threshold_raw(region.id)
    calibration = bundle.manifest.calibration.with_override(region.id, raw, who, why)
    event: Mapping[str, Any] = {
        "event": "override",
        "region": region.id,
        "threshold_before": before,
        "threshold_after": raw,
        "who": who,
        "why": why,
    }
    return replace(
        bundle,
        manifest=replace(
            bundle.manifest,
            calibration=calibration,
            history=(*bundle.manifest.history, event),
        ),
    )
