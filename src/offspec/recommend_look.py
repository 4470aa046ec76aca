"""What the images themselves say: kind, alignment, sizes, and what is left of small defects.

The decisions are those of ``fit`` (``fit_plan.plan``), made on the normals alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from offspec.align import Aligner
from offspec.datasets import Dataset
from offspec.fit_plan import SAMPLE, FitConfig, Job, plan
from offspec.gate import check_pose
from offspec.images import image_size_wh, read_image
from offspec.recommend_needs import Needs
from offspec.resolution import (
    ACCURATE_PX,
    FAST_PX,
    LEAST_DEFECT_PX,
    WANTED_DEFECT_PX,
    FixedResolution,
    plan_resolution,
)
from offspec.template import Template
from offspec.types import Alignment, AlignMode, FixedKind, Resolution

LADDER: tuple[FixedResolution, ...] = ("fast", "accurate", "native")
_PLENTY_PX = 2 * WANTED_DEFECT_PX  # network pixels of a defect beyond which more add nothing


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        job: What ``fit`` would decide from these images.
        sizes: Different image sizes among the normals.
        kind: texture when every region is one.
        align: Decided alignment mode.
        shift_px: Largest displacement among the normals looked at, in reference pixels.
        rotation_deg: Largest turn among them.
        beyond_gate: How many of them the template's limits would call invalid.
        looked: How many were looked at, the reference apart.
        defect_px: Resolution to network pixels left of the smallest defect, in the worst region.
        planned: The resolution that ``auto`` gives; the dearest of several regions.
        free: Whether the resolution is open, or fixed by the template.
        labelled_defects: Images labelled defective in the dataset.
    """

    job: Job
    sizes: int
    kind: FixedKind
    align: AlignMode
    shift_px: float
    rotation_deg: float
    beyond_gate: int
    looked: int
    defect_px: dict[FixedResolution, float]
    planned: FixedResolution
    free: bool
    labelled_defects: int

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the reference."""
        return self.job.template.size_wh

    def resolutions(self) -> tuple[Resolution, ...]:
        """Those worth a thought: what ``auto`` takes, the next cheaper, and the next dearer.

        The cheaper one has to leave the smallest defect 4 network pixels; the dearer one has to
        show more than the image shown so far.
        """
        if not self.free:
            return ("auto",)
        at = LADDER.index(self.planned)
        found: list[Resolution] = []
        if at > 0 and self.defect_px[LADDER[at - 1]] >= LEAST_DEFECT_PX:
            found.append(LADDER[at - 1])
        found.append(self.planned)
        more = at + 1 < len(LADDER) and self.defect_px[self.planned] < _PLENTY_PX
        if more and self._gains(LADDER[at + 1]):
            found.append(LADDER[at + 1])
        return tuple(found)

    def _gains(self, resolution: FixedResolution) -> bool:
        """Whether a region has pixels that the next cheaper resolution gives away."""
        if resolution == "native" and self.job.template.size_policy == "fit":
            return False
        side = FAST_PX if resolution == "accurate" else ACCURATE_PX
        return any(max(r.bounds_xywh[2:]) > side for r in self.job.template.regions)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "normals": len(self.job.records) + 1,
            "labelled_defects": self.labelled_defects,
            "unlabelled": self.job.unlabelled,
            "size_wh": list(self.size_wh),
            "sizes": self.sizes,
            "kind": self.kind,
            "align": self.align,
            "shift_px": round(self.shift_px, 2),
            "rotation_deg": round(self.rotation_deg, 2),
            "beyond_gate": self.beyond_gate,
            "looked": self.looked,
            "defect_px": {name: round(px, 2) for name, px in self.defect_px.items()},
            "planned": self.planned,
            "notes": list(self.job.notes),
        }


def base_config(needs: Needs, threads: int | None, seed: int) -> FitConfig:
    """What the answers alone fix of a fit."""
    return FitConfig(
        mode="pixel" if needs.locate else "image",
        kind=needs.kind,
        smallest_defect=needs.smallest_defect,
        false_alarm_rate=needs.asked_rate(),
        threads=threads,
        seed=seed,
    )


def look(
    dataset: Dataset, template: Template | Path | str | None, needs: Needs, config: FitConfig
) -> Look:
    """Look at the normals of a dataset.

    Raises:
        OffspecError: As ``fit`` would, for the same dataset and template.
    """
    job = plan(dataset, template, config, lambda _step, _done, _total: None)
    defect_px: dict[FixedResolution, float] = {
        name: min(
            plan_resolution(replace(region, resolution=name), needs.smallest_defect).defect_px
            for region in job.template.regions
        )
        for name in LADDER
    }
    poses, beyond = _poses(job)
    mode = job.template.alignment.mode
    return Look(
        job=job,
        sizes=len({image_size_wh(r.path) for r in dataset.normals}),
        kind="texture" if set(job.kinds) == {"texture"} else "object",
        align="none" if mode == "auto" else mode,
        shift_px=max((float(np.hypot(*p.shift_xy)) for p in poses), default=0.0),
        rotation_deg=max((abs(p.rotation_deg) for p in poses), default=0.0),
        beyond_gate=beyond,
        looked=min(len(job.records), SAMPLE),
        defect_px=defect_px,
        planned=max((p.resolution for p in job.plans), key=LADDER.index),
        free=any(region.resolution == "auto" for region in job.template.regions),
        labelled_defects=sum(record.label == "ng" for record in dataset.records),
    )


def _poses(job: Job) -> tuple[list[Alignment], int]:
    """How the first normals lie, and how many of them lie beyond the template's limits."""
    settings = job.template.alignment
    if settings.mode == "none":
        return [], 0
    aligner = Aligner(job.reference, settings, job.template.size_policy, bits=job.bits)
    poses = [aligner.align(read_image(record.path)) for record in job.records[:SAMPLE]]
    size_wh = job.template.size_wh
    beyond = sum(check_pose(p, settings, reference_wh=size_wh) is not None for p in poses)
    return poses, beyond
