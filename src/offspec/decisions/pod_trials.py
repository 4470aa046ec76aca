"""One made defect in one photograph: was its region stopped, and was it outlined?

A trial judges only what the defect changed: the photograph keeps the alignment it had without the
defect, and crops that are equal to the last bit are not run again. Some trials are repeated from
the file's pixels on, and it is counted how often the answer differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from offspec.decisions.pod_defects import DefectKind, Made, make_graded
from offspec.errors import OffspecError
from offspec.geometry import transform_points
from offspec.images import image_sha256, read_image
from offspec.runtime import Inspector, Prepared
from offspec.shapes import shape_mask
from offspec.types import Alignment, FixedKind, FloatArray, ImageArray, Inspection, RegionResult

PICTURE_SIZES, PICTURE_LEAST_PX = 4.0, 48


@dataclass(frozen=True, slots=True)
class Photograph:
    """A good image as it is, and what the inspector says of it.

    Attributes:
        learned: The model learned from it or was calibrated on it.
        clean: Ids of the regions that are ok on it; defects are made in these only.
        stopped: Ids of the regions that are stopped though nothing is wrong.
        invalid: The image or all its regions cannot be judged.
    """

    path: Path
    name: str
    learned: bool
    clean: frozenset[str]
    stopped: frozenset[str]
    invalid: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """One defect to make.

    Attributes:
        series: Index of the curve; -1 for the map.
        place_xy: Reference pixels, edge coordinates.
        seed: Of everything random in it.
        cell: Column and row of the map, or None.
        picture: Keep what it looks like.
        check: Judge it once more from the pixels on.
    """

    region: int
    series: int
    kind: DefectKind
    contrast: float | None
    size_px: float
    place_xy: tuple[float, float]
    seed: tuple[int, ...]
    photograph: int
    cell: tuple[int, int] | None = None
    picture: bool = False
    check: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        stopped: Its region is ng or review.
        located: A drawn outline touches the defect.
        agrees: The full path says the same; None where it was not asked.
        picture: (h, w, 3) uint8 around the defect, or None.
    """

    trial: Trial
    size_px: float
    contrast: float
    stopped: bool
    located: bool
    agrees: bool | None = None
    picture: ImageArray | None = None

    @property
    def hit(self) -> bool:
        """Stopped, and at the right place."""
        return self.stopped and self.located


def look(inspector: Inspector, path: Path, name: str) -> Photograph | None:
    """Inspect an image as it is; None when it cannot be read or has another depth."""
    try:
        image = read_image(path)
        inspection = inspector.inspect(image, with_map=False)
    except OffspecError:
        return None
    learned = image_sha256(image) in inspector.bundle.manifest.learned_sha256
    clean = frozenset(r.id for r in inspection.regions if r.verdict == "ok")
    stopped = frozenset(r.id for r in inspection.regions if r.verdict in {"ng", "review"})
    return Photograph(path, name, learned, clean, stopped, not clean and not stopped)


def run_trials(
    inspector: Inspector,
    photographs: Sequence[Photograph],
    trials: Sequence[Trial],
    surfaces: Sequence[FixedKind],
    threads: int,
) -> list[Outcome]:
    """Run trials, photograph by photograph; the order of the result is that of the trials."""
    members: dict[int, list[int]] = {}
    for at, trial in enumerate(trials):
        members.setdefault(trial.photograph, []).append(at)
    jobs = [part for part in _shares(list(members.values()), threads) if part]

    def run(ats: list[int]) -> list[tuple[int, Outcome]]:
        worker = _Worker(inspector, photographs[trials[ats[0]].photograph].path, surfaces)
        return [(at, worker.run(trials[at])) for at in ats]

    if threads == 1 or len(jobs) == 1:
        found = [pair for job in jobs for pair in run(job)]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = [pair for pairs in pool.map(run, jobs) for pair in pairs]
    return [outcome for _, outcome in sorted(found, key=lambda pair: pair[0])]


def _shares(jobs: list[list[int]], threads: int) -> list[list[int]]:
    """Split the work of few photographs, so that every thread has some."""
    if len(jobs) >= 2 * threads:
        return jobs
    return [job[start::2] for job in jobs for start in range(2)]


class _Worker:
    """A photograph, prepared once."""

    def __init__(self, inspector: Inspector, path: Path, surfaces: Sequence[FixedKind]) -> None:
        self._inspector, self._surfaces = inspector, surfaces
        self._image = read_image(path)
        self._base: Prepared = inspector.prepare(self._image)
        self._maps: tuple[FloatArray, ...] = inspector.maps(self._base)

    def run(self, trial: Trial) -> Outcome:
        made = self._make(trial)
        prepared = self._inspector.sampler.cut(
            made.image, self._base.alignment, None, self._base.region_alignments
        )
        maps = self._inspector.maps(prepared, (self._base, self._maps))
        inspection = self._inspector.finish(prepared, maps, with_map=False)
        stopped, located = judge(inspection, trial.region, made)
        agrees: bool | None = None
        if trial.check:
            full = self._inspector.inspect(made.image, with_map=False)
            agrees = judge(full, trial.region, made) == (stopped, located)
        picture = _picture(made, self._inspector.sampler.bits) if trial.picture else None
        return Outcome(trial, made.size_px, made.contrast, stopped, located, agrees, picture)

    def _make(self, trial: Trial) -> Made:
        alignment: Alignment = self._base.region_alignments[trial.region]
        x, y = transform_points(alignment.matrix, np.array([trial.place_xy]) - 0.5)[0] + 0.5
        height, width = self._image.shape[:2]
        place = float(np.clip(x, 0, width - 1e-3)), float(np.clip(y, 0, height - 1e-3))
        return make_graded(
            self._image,
            self._inspector.bundle.reference,
            place,
            trial.size_px,
            kind=trial.kind,
            contrast=trial.contrast,
            surface=self._surfaces[trial.region],
            bits=self._inspector.sampler.bits,
            rng=np.random.default_rng(trial.seed),
        )


def judge(inspection: Inspection, region: int, made: Made) -> tuple[bool, bool]:
    """Whether the defect's region is stopped, and whether an outline of it touches the defect."""
    result: RegionResult = inspection.regions[region]
    stopped = result.verdict in {"ng", "review"}
    if not stopped:
        return False, False
    size_hw = made.truth.shape[0] + 2, made.truth.shape[1] + 2
    box = (made.columns.start - 1.0, made.rows.start - 1.0, float(size_hw[1]), float(size_hw[0]))
    around = cv2.dilate(np.pad(made.truth, 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    located = any(
        bool((around & shape_mask("polygon", defect.polygon, size_hw, box)).any())
        for defect in result.defects
    )
    return True, located


def _picture(made: Made, bits: int) -> ImageArray:
    """The surroundings of a defect, 8 bits."""
    height, width = made.image.shape[:2]
    side = max(PICTURE_LEAST_PX, round(PICTURE_SIZES * made.size_px))
    side = min(side, height, width)
    middle = (made.rows.start + made.rows.stop) // 2, (made.columns.start + made.columns.stop) // 2
    top = min(max(middle[0] - side // 2, 0), height - side)
    left = min(max(middle[1] - side // 2, 0), width - side)
    part = made.image[top : top + side, left : left + side]
    if part.dtype == np.uint8:
        return part.copy()
    return np.asarray(part.astype(np.float32) * (255 / ((1 << bits) - 1)), np.uint8)
