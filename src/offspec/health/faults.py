"""Faults of single images and labels: size, light, focus, contradictions, coarse regions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from offspec.errors import RegionError
from offspec.fit_plan import ENLARGED_PX, LEAST_SIDE_PX
from offspec.gate import check_size
from offspec.health.look import Glance
from offspec.template import Template, plan_resolution
from offspec.types import SizePolicy

OUTLIER_Z = 4.5  # robust deviations
LEAST_LIGHT = 0.08  # ln of brightness: less is never an outlier; likewise the others
LEAST_FOCUS = 0.2
LEAST_WARMTH = 0.06
LEAST_IMAGES = 8
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Outlier:
    """An image whose light or focus is unlike the others'.

    Attributes:
        value: As measured; ``usual`` is the median of all images.
        z: Robust deviations, signed.
    """

    key: str
    what: Literal["brightness", "sharpness", "warmth"]
    value: float
    usual: float
    z: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "image": self.key,
            "what": self.what,
            "value": round(self.value, 4),
            "usual": round(self.usual, 4),
            "z": round(self.z, 2),
        }


@dataclass(frozen=True, slots=True)
class LabelFault:
    """Labels that contradict, or that nothing answers to."""

    keys: tuple[str, ...]
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"images": list(self.keys), "message": self.message}


def outliers(glances: Sequence[Glance]) -> list[Outlier]:
    """Images far from the others in light, focus or colour of the light."""
    if len(glances) < LEAST_IMAGES:
        return []
    found: list[Outlier] = []
    views: list[tuple[Literal["brightness", "sharpness", "warmth"], list[float], float]] = [
        ("brightness", [float(np.log(g.brightness + 1e-3)) for g in glances], LEAST_LIGHT),
        ("sharpness", [float(np.log(g.sharpness + 1e-6)) for g in glances], LEAST_FOCUS),
        ("warmth", [g.warmth for g in glances], LEAST_WARMTH),
    ]
    for what, values, least in views:
        logs = np.array(values)
        away = logs - np.median(logs)
        spread = max(_MAD_TO_SIGMA * float(np.median(np.abs(away))), least / OUTLIER_Z)
        for index in np.flatnonzero(np.abs(away) / spread >= OUTLIER_Z).tolist():
            value = getattr(glances[index], what)
            usual = float(np.median([getattr(g, what) for g in glances]))
            found.append(
                Outlier(glances[index].record.key, what, value, usual, float(away[index] / spread))
            )
    return sorted(found, key=lambda o: -abs(o.z))


def size_groups(glances: Sequence[Glance]) -> list[dict[str, Any]]:
    """Sizes and depths with the number of images and some of them, the commonest first."""
    groups: dict[tuple[int, int, str], list[str]] = defaultdict(list)
    for one in glances:
        groups[(*one.size_wh, one.dtype)].append(one.record.key)
    rows = [
        {"size_wh": [w, h], "bits": 8 if dtype == "uint8" else 16, "images": len(keys),
         "examples": keys[:3]}
        for (w, h, dtype), keys in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -int(str(row["images"])))


@dataclass(frozen=True, slots=True)
class OtherSizes:
    """Images of another size than the reference.

    Attributes:
        reference_wh: Width and height of the reference, in pixels.
        keys: Images of another size; ``refused`` those that the size policy does not take.
    """

    reference_wh: tuple[int, int]
    size_policy: SizePolicy
    keys: tuple[str, ...]
    refused: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "reference_wh": list(self.reference_wh),
            "size_policy": self.size_policy,
            "images": list(self.keys),
            "refused": list(self.refused),
        }


def other_sizes(glances: Sequence[Glance], template: Template) -> OtherSizes:
    """Which images differ in size from the reference, and what the template makes of them."""
    wh, policy = template.size_wh, template.size_policy
    others = [one for one in glances if one.size_wh != wh]
    refused = (one.record.key for one in others if check_size(one.size_wh, wh, policy))
    return OtherSizes(wh, policy, tuple(one.record.key for one in others), tuple(refused))


def label_faults(glances: Sequence[Glance]) -> list[LabelFault]:
    """Images whose label and annotation say different things."""
    found: list[LabelFault] = []
    for one in glances:
        record = one.record
        annotation = record.annotation
        if annotation is None:
            continue
        ng = sorted(name for name, verdict in annotation.verdicts.items() if verdict == "ng")
        if record.label == "ok" and (annotation.defects or ng):
            what = f"NG region '{ng[0]}'" if ng else f"{len(annotation.defects)} outlined defects"
            found.append(LabelFault((record.key,), f"It is filed as good and has {what}."))
        all_ok = bool(annotation.verdicts) and not ng
        if record.label == "ng" and all_ok and not annotation.defects:
            found.append(
                LabelFault((record.key,), "It is filed as bad and every region of it is OK.")
            )
    return found


def unknown_regions(glances: Sequence[Glance], template: Template) -> list[LabelFault]:
    """Verdicts on regions that the template does not have."""
    known = {region.id for region in template.regions} | {r.name for r in template.regions}
    strange: dict[str, list[str]] = defaultdict(list)
    for one in glances:
        verdicts = {} if one.record.annotation is None else one.record.annotation.verdicts
        for name in verdicts:
            if name and name not in known:  # "" judges the whole image
                strange[name].append(one.record.key)
    return [
        LabelFault(
            tuple(keys),
            f"Region '{name}' has verdicts and the template has no such region; it has "
            f"{', '.join(sorted(r.id for r in template.regions))}.",
        )
        for name, keys in strange.items()
    ]


def coarse_regions(template: Template) -> list[dict[str, str]]:
    """Regions in which the smallest defect asked for leaves too few network pixels."""
    found = []
    for region in template.regions:
        _, _, w, h = region.bounds_xywh
        message = None
        try:
            message = plan_resolution(
                replace(region, resolution="auto"), template.smallest_defect_px
            ).message
        except RegionError as error:
            message = str(error)
        if min(w, h) < LEAST_SIDE_PX:
            message = f"It has {w:g} x {h:g} pixels; at least {LEAST_SIDE_PX} are needed each way."
        elif min(w, h) < ENLARGED_PX:
            message = f"It has {w:g} x {h:g} pixels and is enlarged, which adds no detail."
        if message:
            found.append({"id": region.id, "message": message})
    return found
