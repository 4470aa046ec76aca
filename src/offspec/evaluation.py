"""Measure a bundle on labelled images it has never seen.

Maps and masks are compared at original resolution. Nothing is chosen here: the thresholds are the
bundle's own. How invalid images count is said in ``evaluation_metrics``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from offspec.bundle import Bundle, read_bundle
from offspec.datasets import Dataset, ImageRecord, read_dataset
from offspec.errors import DatasetError, OffspecError
from offspec.evaluation_metrics import (
    EvaluationError,
    EvaluationItem,
    EvaluationResult,
    Figures,
    summarise,
)
from offspec.images import image_sha256, read_image
from offspec.runtime import Inspector
from offspec.template import Template
from offspec.types import Alignment, BoolArray, ImageArray, Label

__all__ = [
    "EvaluationError",
    "EvaluationItem",
    "EvaluationResult",
    "Figures",
    "evaluate",
    "without_learned",
]

ProgressCall = Callable[[str, int, int], None]


def evaluate(
    bundle: Bundle | Path | str,
    dataset: Dataset | Path | str,
    *,
    threads: int | None = None,
    figures: Figures | None = None,
    progress: ProgressCall | None = None,
) -> EvaluationResult:
    """Inspect the test images of a dataset and compare with the truth.

    An image that cannot be read is listed under ``errors`` while the others finish.

    Args:
        bundle: A fitted bundle, or its file.
        dataset: A dataset, or its folder; only its test split is used.
        threads: CPU threads of the runtime; None = all cores.
        figures: What is reckoned; None = everything, at the usual levels.
        progress: Called with (stage, done, total).

    Raises:
        DatasetError: There is no test image, or the model learned from one of them.

    Example:
        >>> result = evaluate("part.offspec", "dataset")
        >>> result.metrics["detection_rate"]["value"]
        0.95
    """
    loaded = bundle if isinstance(bundle, Bundle) else read_bundle(Path(bundle))
    data = dataset if isinstance(dataset, Dataset) else _read(Path(dataset), loaded)
    records = labelled_test_records(data)
    learned = frozenset(loaded.manifest.learned_sha256)
    inspector = Inspector(loaded, threads=threads)
    items: list[EvaluationItem] = []
    errors: list[EvaluationError] = []
    for done, record in enumerate(records, start=1):
        try:
            image = read_image(record.path)
            truth = record.gt_mask(image.shape[:2])
        except OffspecError as error:
            errors.append(EvaluationError(record.key, error.code, str(error)))
        else:
            refuse_learned(record.key, image, learned)
            items.append(_inspect_one(inspector, loaded.manifest.template, record, image, truth))
        if progress is not None:
            progress("inspect", done, len(records))
    manifest = loaded.manifest
    metrics, reasons = summarise(items, manifest.calibration, manifest.template.mode, figures)
    return EvaluationResult(
        metrics, reasons, tuple(items), tuple(errors), _describe(data, len(records))
    )


def _read(root: Path, bundle: Bundle) -> Dataset:
    """Read with the seed of the fit, so that a drawn split is the same one."""
    return read_dataset(root, seed=bundle.manifest.seed, need_normals=False)


def _describe(dataset: Dataset, tested: int) -> dict[str, Any]:
    return {
        "name": dataset.root.resolve().name,
        "layout": dataset.layout,
        "test_images": tested,
        "unlabelled": dataset.unlabelled,
        "excluded": dataset.excluded,
        "fingerprint": dataset.fingerprint(),
    }


def labelled_test_records(dataset: Dataset) -> list[ImageRecord]:
    """The labelled images of the test split, in key order.

    Raises:
        DatasetError: There is none.
    """
    records = [record for record in dataset.test if record.label is not None]
    if not records:
        raise DatasetError(
            f"Dataset '{dataset.root}' ({dataset.layout} layout) holds no labelled test image; "
            f"{len(dataset.records)} images were found, {dataset.unlabelled} unlabelled. "
            "Evaluation needs images that the model has not learned from. Add good and defective "
            "test images."
        )
    return sorted(records, key=lambda record: record.key)


def refuse_learned(key: str, image: ImageArray, learned: frozenset[str]) -> None:
    """Refuse an image that a model has learned from.

    Args:
        key: Name of the image, for the message.
        image: (H, W, 3), as decoded.
        learned: ``learned_sha256`` of the bundle.

    Raises:
        DatasetError: The image is one of them.
    """
    digest = image_sha256(image)
    if digest in learned:
        raise DatasetError(
            f"Test image '{key}' (sha256 {digest[:12]}) is one the model learned from, or "
            "was calibrated on. Figures on such images promise too much, so they are refused. "
            "Remove it from the test images, or fit or calibrate again without it."
        )


def without_learned(dataset: Dataset, *bundles: Bundle) -> tuple[Dataset, tuple[str, ...]]:
    """Leave out test images that a model learned from, or that chose its decision points.

    Args:
        dataset: Its training images stay as they are.
        bundles: The models that are to be measured.

    Returns:
        The rest, and the keys of what was left out. An image that cannot be read stays, so that
        the evaluation names it.

    Raises:
        DatasetError: No labelled test image is left.
    """
    learned = frozenset(digest for one in bundles for digest in one.manifest.learned_sha256)
    out = {one.key for one in labelled_test_records(dataset) if _is_learned(one.path, learned)}
    rest = replace(dataset, records=tuple(r for r in dataset.records if r.key not in out))
    if not any(record.label is not None for record in rest.test):
        raise DatasetError(
            f"All {len(out)} labelled test images are known to {_whom(len(bundles))}: it learned "
            "from them, or they chose its decision points. Figures on them would promise too much. "
            "Add labelled images that are new to it."
        )
    return rest, tuple(sorted(out))


def _whom(models: int) -> str:
    return "the model" if models == 1 else "one of the models"


def _is_learned(path: Path, learned: frozenset[str]) -> bool:
    try:
        return image_sha256(read_image(path)) in learned
    except OffspecError:
        return False


def _inspect_one(
    inspector: Inspector,
    template: Template,
    record: ImageRecord,
    image: ImageArray,
    truth: BoolArray | None,
) -> EvaluationItem:
    assert record.label is not None  # noqa: S101 - labelled_test_records kept labelled ones only
    start = time.perf_counter()
    inspection = inspector.inspect(image)
    latency_ms = 1000 * (time.perf_counter() - start)
    return EvaluationItem(
        key=record.key,
        path=record.path,
        label=record.label,
        defect_type=record.defect_type,
        inspection=inspection,
        gt_mask=truth,
        region_labels=region_labels(template, record, truth, inspection.alignment),
        latency_ms=latency_ms,
    )


def region_labels(
    template: Template, record: ImageRecord, truth: BoolArray | None, alignment: Alignment
) -> dict[str, Label]:
    """What the truth says of each region, where it says anything.

    The annotation's own verdict comes first; a good image has good regions only; else the drawn
    truth decides, by overlap with the region as it lies in the image.
    """
    known: dict[str, Label] = {}
    verdicts = {} if record.annotation is None else record.annotation.verdicts
    for region in template.regions:
        said = verdicts.get(region.id, verdicts.get(region.name))
        if said is not None:
            known[region.id] = said
        elif record.label == "ok":
            known[region.id] = "ok"
        elif truth is not None:
            width, height = template.size_wh
            mask = region.mask((height, width)).astype(np.uint8)
            here = cv2.warpPerspective(
                mask, alignment.matrix, truth.shape[::-1], flags=cv2.INTER_NEAREST
            )
            known[region.id] = "ng" if bool((truth & (here > 0)).any()) else "ok"
        elif len(template.regions) == 1:
            known[region.id] = "ng"
    return known
