"""What the study of the probability of detection found, and its JSON form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offspec.decisions.detection_curve import DetectionCurve, detection_curve
from offspec.decisions.pod_defects import DefectKind
from offspec.decisions.pod_places import Grid
from offspec.decisions.pod_trials import Outcome, Photograph
from offspec.types import ImageArray

CAUTION = (
    "Made defects rank and warn; they do not set the threshold. How far real defects look like "
    "them is for real defects to show."
)
HIT_WORDS = "stopped (ng or review), and a drawn outline touches the defect"
ENOUGH_TRIALS = 60
LEAST_TRIED = 2  # spots in a cell before it may be called blind


@dataclass(frozen=True, slots=True)
class Shown:
    """What one made defect looks like, for the page.

    Attributes:
        image: (h, w, 3) uint8, the defect and what is around it.
    """

    region: str
    series: str
    words: str
    hit: bool
    image: ImageArray


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """One curve with its trials.

    Attributes:
        contrast: Asked; None for natural defects.
        reached: Mean contrast of the defects as made.
    """

    kind: DefectKind
    contrast: float | None
    reached: float | None
    curve: DetectionCurve
    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(
        cls, kind: DefectKind, contrast: float | None, outcomes: Sequence[Outcome]
    ) -> SeriesResult:
        """Fit the curve of these trials."""
        curve = detection_curve(
            [o.size_px for o in outcomes],
            [o.hit for o in outcomes],
            [o.trial.photograph for o in outcomes],
        )
        reached = float(np.mean([o.contrast for o in outcomes])) if outcomes else None
        return cls(kind, contrast, reached, curve, tuple(outcomes))

    @property
    def name(self) -> str:
        """For people."""
        if self.contrast is None:
            return "natural defects"
        return f"{self.kind}s, contrast {self.contrast:g}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "kind": self.kind,
            "contrast": self.contrast,
            "contrast_reached": self.reached,
            "name": self.name,
            **self.curve.to_dict(),
            "points": list(self._points()),
        }

    def _points(self) -> Iterator[dict[str, Any]]:
        sizes: dict[float, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            sizes[outcome.trial.size_px].append(outcome)
        for size in sorted(sizes):
            here = sizes[size]
            yield {
                "size_px": round(size, 4),
                "trials": len(here),
                "hits": sum(o.hit for o in here),
                "stopped": sum(o.stopped for o in here),
            }


@dataclass(frozen=True, slots=True)
class MapOutcome:
    """Where spots of one size and contrast were found.

    Attributes:
        found: (rows, columns) how many were.
        tried: Likewise.
    """

    grid: Grid
    size_px: float
    contrast: float
    found: tuple[tuple[int, ...], ...]
    tried: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, grid: Grid, size_px: float, contrast: float, outcomes: Sequence[Outcome]
    ) -> MapOutcome:
        """Count by cell."""
        found = np.zeros((grid.rows, grid.columns), np.int64)
        tried = np.zeros((grid.rows, grid.columns), np.int64)
        for outcome in outcomes:
            if outcome.trial.cell is not None:
                column, row = outcome.trial.cell
                tried[row, column] += 1
                found[row, column] += outcome.hit
        return cls(
            grid, size_px, contrast, tuple(map(tuple, found.tolist())),
            tuple(map(tuple, tried.tolist())),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; the box in reference pixels."""
        found, tried = np.array(self.found), np.array(self.tried)
        tested = int((tried > 0).sum())
        return {
            "size_px": self.size_px,
            "contrast": self.contrast,
            "box_xywh": list(self.grid.box_xywh),
            "columns": self.grid.columns,
            "rows": self.grid.rows,
            "found": [list(row) for row in self.found],
            "tried": [list(row) for row in self.tried],
            "tested_cells": tested,
            "blind_cells": int(((found == 0) & (tried >= LEAST_TRIED)).sum()),
            "untested_cells": int(tried.size) - tested,
            "found_share": float(found.sum() / tried.sum()) if tried.sum() else None,
        }


@dataclass(frozen=True, slots=True)
class PodRegion:
    """One region.

    Attributes:
        photographs: That pass this region as they are; defects were made in them.
        false_calls: That are stopped in it though nothing is wrong.
        judged: Both together.
        joint: One model of all spots over size and contrast, or None.
    """

    id: str
    name: str
    photographs: int
    false_calls: int
    judged: int
    curves: tuple[SeriesResult, ...]
    joint: dict[str, float] | None
    map: MapOutcome

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "id": self.id,
            "name": self.name,
            "photographs": self.photographs,
            "false_calls": self.false_calls,
            "judged": self.judged,
            "false_call_rate": self.false_calls / self.judged if self.judged else None,
            "curves": [one.to_dict() for one in self.curves],
            "joint": self.joint,
            "map": self.map.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class PodResult:
    """The whole study.

    Attributes:
        untested: Ids of regions that the time did not suffice for.
        photographs: Good images as they are.
        unreadable: Names of those that could not be read.
        minutes: That were allowed; None when a number of trials was asked for.
    """

    part: str
    regions: tuple[PodRegion, ...]
    untested: tuple[str, ...]
    photographs: tuple[Photograph, ...]
    unreadable: tuple[str, ...]
    threshold_status: str
    smallest_defect_px: float
    contrasts: tuple[float, ...]
    seed: int
    minutes: float | None
    threads: int
    seconds: float

    @property
    def outcomes(self) -> list[Outcome]:
        """Every trial."""
        return [o for region in self.regions for one in region.curves for o in one.outcomes]

    @property
    def trials_per_curve(self) -> int:
        """The fewest that any curve has."""
        return min((c.curve.n for r in self.regions for c in r.curves), default=0)

    @property
    def trials(self) -> int:
        """All made defects, those of the maps included."""
        return len(self.outcomes)

    def examples(self) -> tuple[Shown, ...]:
        """Some of the defects as made, by region, curve and size."""
        return tuple(_examples(self.regions))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        checked = [o.agrees for o in self.outcomes if o.agrees is not None]
        return {
            "part": self.part,
            "caution": CAUTION,
            "hit_means": HIT_WORDS,
            "smallest_defect_px": self.smallest_defect_px,
            "threshold_status": self.threshold_status,
            "photographs": {
                "used": sum(bool(p.clean) for p in self.photographs),
                "learned": sum(bool(p.clean) and p.learned for p in self.photographs),
                "invalid": sum(p.invalid for p in self.photographs),
                "stopped": sorted(p.name for p in self.photographs if p.stopped),
                "unreadable": sorted(self.unreadable),
            },
            "regions": [region.to_dict() for region in self.regions],
            "untested_regions": list(self.untested),
            "trials": self.trials,
            "trials_per_curve": self.trials_per_curve,
            "checked": {"trials": len(checked), "differ": checked.count(False)},
            "notes": self.notes(),
            "contrasts": list(self.contrasts),
            "seed": self.seed,
            "minutes": self.minutes,
            "threads": self.threads,
            "seconds": round(self.seconds, 1),
        }

    def notes(self) -> list[str]:
        """What a reader has to know before believing the figures."""
        return [line for line in self._notes() if line]

    def _notes(self) -> Iterator[str]:
        used = [p for p in self.photographs if p.clean]
        learned = sum(p.learned for p in used)
        if learned:
            yield (
                f"{learned} of {len(used)} photographs were learned from or calibrated on: around "
                "the defect they are a little too familiar. Good images that the model has not "
                "seen are better."
            )
        stopped = [p for p in self.photographs if p.stopped]
        if stopped:
            yield (
                f"{len(stopped)} of {len(self.photographs)} good photographs are stopped as they "
                "are; no defect was made in a region that is stopped without one."
            )
        invalid = sum(p.invalid for p in self.photographs)
        if invalid or self.unreadable:
            words = "1 photograph is" if invalid == 1 else f"{invalid} photographs are"
            yield f"{words} invalid, {len(self.unreadable)} cannot be read."
        if self.threshold_status == "provisional":
            yield "The threshold is provisional: with a better one every figure here moves."
        if self.untested:
            yield (
                f"Not tested for want of time: {', '.join(self.untested)}. Name them with "
                "--region, or give more --minutes."
            )
        if self.trials_per_curve < ENOUGH_TRIALS:
            yield (
                f"{self.trials_per_curve} trials a curve; MIL-HDBK-1823A asks for "
                f"{ENOUGH_TRIALS} or more. Give more --minutes."
            )
        checked = [o.agrees for o in self.outcomes if o.agrees is not None]
        if False in checked:
            yield (
                f"{checked.count(False)} of {len(checked)} trials repeated in full came out "
                "differently: there the defect also moved the alignment or tripped the gate."
            )


def _examples(regions: Sequence[PodRegion]) -> Iterator[Shown]:
    for region in regions:
        for one in region.curves:
            for outcome in sorted(one.outcomes, key=lambda o: o.trial.size_px):
                if outcome.picture is None:
                    continue
                elsewhere = "elsewhere" if outcome.stopped else "missed"
                what = "found" if outcome.hit else elsewhere
                kind = one.kind if one.contrast is None else f"{one.kind} {one.contrast:g},"
                words = f"{kind} {outcome.size_px:.3g} px {what}"
                yield Shown(region.id, one.name, words, outcome.hit, outcome.picture)
