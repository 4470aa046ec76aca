"""Whether a part of the quality report can be shown, and is about the model that is reported on.

A signature under figures of another model would be worth nothing, so such a part is refused, and so
is one whose JSON was changed or comes from another version.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2

from offspec.bundle import Bundle
from offspec.datasets import Dataset
from offspec.errors import OffspecError, OptionError
from offspec.evaluation import evaluate
from offspec.health import check
from offspec.pages.document_html import to_html
from offspec.pages.quality_page import Parts, quality_document
from offspec.pages.quality_parts import NEEDS

ProgressCall = Callable[[str, int, int], None]
_WRONG = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError,
          cv2.error)  # fmt: skip
_POINT = 1e-5  # deviation scores are written with six digits


def check_part(
    bundle: Bundle,
    name: str,
    payload: Mapping[str, Any],
    path: Path,
    root: Path | None = None,
    sha256: str | None = None,
) -> None:
    """Refuse a part that cannot be shown, or that is about another model.

    Args:
        bundle: The model that is reported on.
        name: A key of ``NEEDS``.
        payload: As read.
        path: Where it was read, for the message.
        root: Folder of the dataset, where it is given.
        sha256: Of the bundle's file; a part that names another one is refused.

    Raises:
        OptionError: It is not what the command writes, or about another model.
    """
    command = NEEDS[name][0]
    try:
        given: dict[str, Any] = {name: payload}
        alone = Parts(root=root, **given)
        to_html(quality_document(bundle, alone, title="", machine=""))
        other = _other_model(bundle, name, payload) or _other_file(sha256, name, payload)
    except (*_WRONG, OffspecError) as error:
        raise OptionError(
            f"'{path}' is not what `{command}` of this version writes: {type(error).__name__}, "
            f"{str(error)[:120]}. A report joins what the commands write. Run `{command} --json "
            "FILE` again."
        ) from error
    if other is not None:
        raise OptionError(
            f"'{path}' is about another model than the bundle of this report, or about other "
            f"decision points: {other}. A report is about one model as it is. Run `{command} "
            "--json FILE` again with this bundle."
        )


def measured(
    bundle: Bundle,
    data: Dataset,
    found: Mapping[str, Any],
    *,
    threads: int | None = None,
    left_out: int = 0,
    progress: ProgressCall | None = None,
) -> dict[str, Any]:
    """Health and figures on a dataset, unless they were found before.

    Args:
        bundle: The model that is reported on.
        data: Checked where it has normals, measured where it has labelled test images.
        found: Parts there are.
        threads: CPU threads.
        left_out: Test images that the model knows, which are not in ``data`` any more.
        progress: Called with (stage, done, total).

    Raises:
        DatasetError: The model learned from one of the test images.
    """
    more: dict[str, Any] = {}
    seed = bundle.manifest.seed
    if "health" not in found and data.normals:
        template = bundle.manifest.template
        known = any(r.sha256 == template.reference_sha256 for r in data.records)
        more["health"] = check(
            data,
            template=template if known else None,  # another set has no such reference
            seed=seed,
            threads=threads,
            progress=progress,
        ).to_dict()
    if "evaluation" not in found and any(r.label is not None for r in data.test):
        result = evaluate(bundle, data, threads=threads, progress=progress)
        more["evaluation"] = {**result.to_dict(), "left_out": left_out}
    return more


def _other_model(bundle: Bundle, name: str, payload: Mapping[str, Any]) -> str | None:
    """By what a part is known to be about another model; None = nothing."""
    if name == "operating":
        return _other_points(bundle, payload["operating"])
    if name == "evaluation":
        return _other_scores(bundle, payload)
    if name == "msa":
        return _other_name(bundle, payload["source"]["bundle"])
    if name == "pod":
        return _other_name(bundle, payload["part"]) or _other_regions(
            bundle, [one["id"] for one in payload["regions"]]
        )
    if name == "comparison":
        return _other_regions(bundle, payload["models"]["new"]["regions"])
    return None


def _other_file(sha256: str | None, name: str, payload: Mapping[str, Any]) -> str | None:
    """By the hash that the part names; older ones name none."""
    said = payload["models"]["new"] if name == "comparison" else payload.get("bundle")
    its = said.get("sha256") if isinstance(said, Mapping) else None
    if None in (its, sha256) or its == sha256:
        return None
    return f"it is about the bundle {str(its)[:12]}..., this is {str(sha256)[:12]}..."


def _other_points(bundle: Bundle, found: Mapping[str, Any]) -> str | None:
    calibration = bundle.manifest.calibration
    for name, own in (("t_review", calibration.t_review), ("t_ng", calibration.t_ng)):
        if not math.isclose(float(found[name]), own, abs_tol=1e-9):
            return f"it chose {name} = {found[name]:.4g}, the bundle has {own:.4g}"
    return _other_regions(bundle, [one["id"] for one in found["regions"]])


def _other_scores(bundle: Bundle, payload: Mapping[str, Any]) -> str | None:
    """Thresholds of the regions, and verdicts against the decision points."""
    calibration = bundle.manifest.calibration
    stop = "review" if calibration.provisional else "ng"
    for image in payload["images"]:
        for one in image.get("regions", ()):  # none where the file could not be read
            unknown = _other_regions(bundle, [one["id"]])
            if unknown is not None:
                return unknown
            own = calibration.region_threshold_raw(one["id"])
            if not math.isclose(float(one["threshold_raw"]), own, rel_tol=1e-6):
                return (
                    f"region '{one['id']}' had the threshold {one['threshold_raw']:.6g}, it has "
                    f"{own:.6g} now"
                )
            score = one["deviation_score"]
            if score is None or one["verdict"] == "invalid":
                continue
            points = (calibration.t_review, calibration.t_ng)
            if any(abs(score - point) <= _POINT for point in points):
                continue  # rounding hides the side
            now = stop if score > points[1] else "review" if score > points[0] else "ok"
            if now != one["verdict"]:
                return f"'{image['image']}' was {one['verdict']} at {score:.4g}, it is {now} now"
    return None


def _other_name(bundle: Bundle, name: str | None) -> str | None:
    own = bundle.manifest.template.name
    return None if name in (None, own) else f"it is about '{name}', the bundle about '{own}'"


def _other_regions(bundle: Bundle, ids: list[str]) -> str | None:
    known = [region.id for region in bundle.manifest.template.regions]
    strange = [one for one in ids if one not in known]
    return f"it has the region '{strange[0]}', the bundle {', '.join(known)}" if strange else None
