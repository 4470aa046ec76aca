"""Lay images over the reference: an ``Aligner`` is built once and used for every image.

Candidates come from identity, phase correlation, a rotation search and feature matching, in
rising order of cost; each is refined from coarse to fine and judged by its correlation with the
reference at the finest level. Identity stays unless another candidate is truly better, so
alignment never makes an image fit worse. Pixels are not resampled here: the result is a matrix,
and whoever reads a crop interpolates once, from the original image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from offspec.errors import OptionError, ShapeError
from offspec.gate import (
    GateLimits,
    ImageStats,
    Likeness,
    Sharpness,
    check_light,
    check_likeness,
    check_pose,
    check_size,
    learn_limits,
)
from offspec.registration import (
    FeatureSearch,
    Motion,
    PhaseSearch,
    Solver,
    build_solver,
    corner_motion,
    level_matrix,
    masked_ncc,
    work_image,
)
from offspec.template import AlignSettings, Region
from offspec.types import (
    Alignment,
    AlignMode,
    BoolArray,
    DoubleArray,
    FloatArray,
    GateFailure,
    ImageArray,
    SizePolicy,
)

LEVELS_PX = (512, 256, 128)  # longer side of the pyramid, fine to coarse
SURE_SCORE = 0.80  # under this, the rotation search runs
LOST_SCORE = 0.45  # under this, feature matching runs
SAME_PX = 0.05  # corners that move less are left alone: no reason to interpolate
GAIN = 0.005  # share of the missing correlation a candidate has to win
JUMP_GAIN = 0.05  # the same for a candidate more than JUMP_PX away from a nearer one
JUMP_PX = 3.0
HOMOGRAPHY_GAIN = 0.02  # six more parameters fit some noise; they have to earn it
REGION_SHIFT_PX = 8.0  # furthest that a region is moved on its own
REGION_LEVEL_PX = 256

Method = Literal["none", "phase", "ecc", "features"]


@dataclass(frozen=True, slots=True)
class _Candidate:
    matrix: DoubleArray  # at the finest level
    score: float
    method: Method


class Aligner:
    """Lays images over one reference; deterministic, safe to share between threads.

    Args:
        reference: (H, W, 3) RGB, uint8, uint16, or float32 in [0, 1].
        settings: Mode and limits. Mode ``auto`` is decided by fitting, not here.
        size_policy: What to do with images of another size.
        limits: Gate limits learned from normals; wide open by default.
        bits: Significant bits of 16-bit images; 8-bit images need none.

    Raises:
        OptionError: The mode is still ``auto``.
        ShapeError: The reference is not an (H, W, 3) image.
    """

    def __init__(
        self,
        reference: FloatArray | ImageArray,
        settings: AlignSettings,
        size_policy: SizePolicy = "exact",
        *,
        limits: GateLimits | None = None,
        bits: int = 16,
    ) -> None:
        if settings.mode == "auto":
            raise OptionError(
                "Alignment mode 'auto' cannot align. Fitting turns it into none, shift, similarity "
                "or homography from the normal images (choose_mode). Set one of these."
            )
        self.settings = settings
        self.size_policy = size_policy
        self.limits = limits or GateLimits()
        self._mode: AlignMode = "none" if size_policy == "fit" else settings.mode
        self._bits = bits
        self._grey = _grey_unit(reference, bits)
        self._height, self._width = self._grey.shape
        self._sharpness = Sharpness(self._grey)
        self._likeness = Likeness(self._grey, settings.where_xywh)
        self._build_levels()
        self._patches: dict[Region, _RegionPatch] = {}

    @property
    def mode(self) -> AlignMode:
        """The motion that is estimated; ``none`` under size policy ``fit``."""
        return self._mode

    @property
    def reference_wh(self) -> tuple[int, int]:
        """Width and height of the reference."""
        return self._width, self._height

    def _build_levels(self) -> None:
        """Precompute the pyramid of the reference and the coarse searches."""
        motions = _motions(self._mode)
        sizes = self._level_sizes()
        greys = _pyramid(self._grey, sizes)
        masks = [self._where_mask(grey.shape) for grey in greys]
        works = [work_image(grey) for grey in greys]
        self._solvers: list[Solver] = []
        for work, mask in zip(works, masks, strict=True):
            scale = work.shape[1] / self._width, work.shape[0] / self._height
            solver = build_solver(work, mask, motions, scale) if motions else None
            if solver is None:
                break  # flat, or too small to steer anything: coarser levels are no better
            self._solvers.append(solver)
        used = max(1, len(self._solvers))
        self._sizes = sizes[:used]
        self._fine_work, self._fine_mask = works[0], masks[0]
        usable = bool(self._solvers)
        limit = self.settings.max_rotation_deg if self._mode != "shift" else 0.0
        self._phase = PhaseSearch(works[used - 1], masks[used - 1], limit) if usable else None
        wide = usable and self._mode != "shift"
        self._features = FeatureSearch(greys[0], masks[0]) if wide else None

    def _level_sizes(self) -> list[tuple[int, int]]:
        longest = max(self._width, self._height)
        sizes: list[tuple[int, int]] = []
        for side in LEVELS_PX:
            factor = min(1.0, side / longest)
            size = max(8, round(self._width * factor)), max(8, round(self._height * factor))
            if size not in sizes:
                sizes.append(size)
        return sizes

    def _where_mask(self, shape: tuple[int, ...]) -> BoolArray | None:
        if self.settings.where_xywh is None:
            return None
        h, w = shape
        x, y, box_w, box_h = self.settings.where_xywh
        sx, sy = w / self._width, h / self._height
        mask = np.zeros((h, w), dtype=bool)
        mask[round(y * sy) : round((y + box_h) * sy), round(x * sx) : round((x + box_w) * sx)] = (
            True
        )
        return mask

    def align(self, image: ImageArray) -> Alignment:
        """Lay an image over the reference.

        Args:
            image: (H, W, 3) RGB. Another size than the reference's is first mapped onto it whole;
                the gate says whether the size policy allows it.

        Returns:
            Reference pixels to image pixels. An image equal to the reference gives exactly
            identity.
        """
        return self._align_grey(_grey_unit(image, self._bits))

    def _align_grey(self, grey: FloatArray) -> Alignment:
        image_wh = grey.shape[1], grey.shape[0]
        resize = level_matrix(self.reference_wh, image_wh)
        allowed = check_size(image_wh, self.reference_wh, self.size_policy) is None
        greys = _pyramid(grey, self._sizes if allowed else self._sizes[:1])
        works = [work_image(g) for g in greys]
        identity = masked_ncc(self._fine_work, works[0], self._fine_mask)
        best = _Candidate(np.eye(3), identity, "none")
        if self._phase is not None and allowed and identity < 1.0 - 1e-6:
            best = self._search(greys, works, best)
        level = level_matrix(self.reference_wh, (works[0].shape[1], works[0].shape[0]))
        in_reference = np.linalg.inv(level) @ best.matrix @ level
        matrix = resize if best.method == "none" else resize @ in_reference
        return describe(matrix / matrix[2, 2], resize, self.reference_wh, best.method, best.score)

    def _search(
        self, greys: list[FloatArray], works: list[FloatArray], identity: _Candidate
    ) -> _Candidate:
        """Try candidates from cheap to dear until one is sure."""
        assert self._phase is not None  # noqa: S101 (checked by the caller; narrows the type)
        coarse = self._solvers[-1]
        up = self._up(coarse)
        found = [identity]
        start = self._phase.best(works[-1], turned=False)
        near = np.eye(3)
        if coarse.ncc(works[-1], start) > coarse.ncc(works[-1], near) + 0.02:
            near = start
        self._add(found, works, near, "ecc")
        if max(c.score for c in found) < SURE_SCORE:
            turned = self._phase.best(works[-1], turned=self._mode != "shift")
            for guess in (start, turned, np.eye(3)):
                if not np.array_equal(guess, near):
                    self._add(found, works, guess, "phase")
        if max(c.score for c in found) < LOST_SCORE and self._features is not None:
            guess_fine = self._features.best(greys[0])
            if guess_fine is not None:
                self._add(found, works, np.linalg.inv(up) @ guess_fine @ up, "features")
        return self._choose(found)

    def _up(self, coarse: Solver) -> DoubleArray:
        """Maps pixels of the coarsest level to pixels of the finest."""
        h, w = self._fine_work.shape
        return level_matrix(coarse.size_wh, (w, h))

    def _add(
        self,
        found: list[_Candidate],
        works: list[FloatArray],
        start: DoubleArray,
        method: Method,
    ) -> None:
        """Refine a start (at the coarsest level) up the pyramid and keep it when sane."""
        motions = _motions(self._mode)
        size_wh = self._solvers[-1].size_wh
        level = level_matrix(self.reference_wh, size_wh)
        pure = _project(np.linalg.inv(level) @ start @ level, motions[0], self.reference_wh)
        matrix: DoubleArray = level @ pure @ np.linalg.inv(level)
        for solver, work in zip(reversed(self._solvers), reversed(works), strict=True):
            up = level_matrix(size_wh, solver.size_wh)
            size_wh = solver.size_wh
            refined = solver.refine(work, up @ matrix @ np.linalg.inv(up), motions[0])
            if refined is None:
                return
            matrix = refined
        fine = self._solvers[0]
        score = fine.ncc(works[0], matrix)
        if len(motions) > 1:
            matrix, score = _bend(fine, works[0], matrix, score)
        if _sane(matrix):
            found.append(_Candidate(matrix, score, method))

    def _choose(self, found: list[_Candidate]) -> _Candidate:
        """The best candidate; a farther one has to win a real share of what is missing."""
        size_wh = self._solvers[0].size_wh
        eye = np.eye(3)
        order = sorted(found, key=lambda c: corner_motion(c.matrix, eye, size_wh))
        best = order[0]
        for candidate in order[1:]:
            moved = corner_motion(candidate.matrix, best.matrix, size_wh)
            gain = JUMP_GAIN if moved > JUMP_PX else GAIN
            if 1.0 - candidate.score < (1.0 - gain) * (1.0 - best.score):
                best = candidate
        if corner_motion(best.matrix, eye, size_wh) < SAME_PX:
            return found[0]
        return best

    def refine_region(self, image: ImageArray, alignment: Alignment, region: Region) -> Alignment:
        """Shift one region once more on its own, when that truly improves its correlation.

        Args:
            image: The image that ``alignment`` was made for.
            alignment: Whole-image alignment.
            region: A region of the template.

        Returns:
            An alignment for this region only; the same one when nothing is gained.
        """
        patch = self._patches.get(region)
        if patch is None:
            patch = self._patches.setdefault(region, _RegionPatch(self._grey, region))
        return patch.refine(_grey_unit(image, self._bits), alignment)

    def measure(self, image: ImageArray, alignment: Alignment) -> ImageStats:
        """Brightness, sharpness and likeness of an aligned image, for the gate."""
        grey = _grey_unit(image, self._bits)
        return ImageStats(
            brightness=float(cv2.mean(grey)[0]),
            sharpness=self._sharpness.measure(grey, alignment.matrix),
            likeness=self._likeness.measure(grey, alignment.matrix),
        )

    def gate(self, image: ImageArray, alignment: Alignment) -> GateFailure | None:
        """Why this image cannot be judged, or None when it can."""
        image_wh = image.shape[1], image.shape[0]
        failure = check_size(image_wh, self.reference_wh, self.size_policy)
        if failure is not None:
            return failure
        stats = self.measure(image, alignment)
        resize = level_matrix(self.reference_wh, image_wh)
        return (
            check_light(stats, self.limits)
            or check_likeness(stats, self.limits)
            or check_pose(
                alignment,
                replace(self.settings, mode=self._mode),
                reference_wh=self.reference_wh,
                size_scale=float(np.sqrt(resize[0, 0] * resize[1, 1])),
            )
        )

    def learn_limits(self, images: Sequence[ImageArray]) -> GateLimits:
        """Gate limits from normal images; the reference itself always counts as one."""
        own = ImageStats(float(cv2.mean(self._grey)[0]), 1.0, 1.0)
        return learn_limits([own, *(self.measure(i, self.align(i)) for i in images)])


class _RegionPatch:
    """A region of the reference at its own scale, ready to be shifted onto."""

    def __init__(self, grey: FloatArray, region: Region) -> None:
        height, width = grey.shape
        x, y, w, h = region.bounds_xywh
        pad = round(REGION_SHIFT_PX)
        left, top = max(0, x - pad), max(0, y - pad)
        right, bottom = min(width, x + w + pad), min(height, y + h + pad)
        self._box_wh = right - left, bottom - top
        self._place = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], dtype=np.float64)
        factor = min(1.0, REGION_LEVEL_PX / max(self._box_wh))
        self._level_wh = tuple(max(8, round(side * factor)) for side in self._box_wh)
        self._limit_px = min(REGION_SHIFT_PX, 0.25 * min(w, h))
        patch = grey[top:bottom, left:right]
        size_hw = self._level_wh[1], self._level_wh[0]
        box_w, box_h = self._box_wh
        mask = region.mask(size_hw, (float(left), float(top), float(box_w), float(box_h)))
        self._solver = build_solver(self._work(patch), mask, ("shift",))

    def _work(self, patch: FloatArray) -> FloatArray:
        size = self._level_wh[0], self._level_wh[1]
        small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
        return work_image(np.asarray(small, dtype=np.float32))

    def refine(self, grey: FloatArray, alignment: Alignment) -> Alignment:
        """Shift the patch onto the image; the same alignment when nothing is gained."""
        if self._solver is None:
            return alignment
        laid = cv2.warpPerspective(
            grey,
            alignment.matrix @ self._place,
            self._box_wh,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        work = self._work(np.asarray(laid, dtype=np.float32))
        found = self._solver.refine(work, np.eye(3), "shift")
        if found is None:
            return alignment
        before = self._solver.ncc(work, np.eye(3))
        after = self._solver.ncc(work, found)
        to_level = level_matrix(self._box_wh, self._solver.size_wh)
        shift = np.linalg.inv(to_level) @ found @ to_level
        moved = float(np.hypot(shift[0, 2], shift[1, 2]))
        better = 1.0 - after < (1.0 - GAIN) * (1.0 - before)
        if not better or not SAME_PX <= moved <= self._limit_px:
            return alignment
        matrix = alignment.matrix @ shift  # a pure shift needs no change of origin
        step = (alignment.matrix @ shift - alignment.matrix)[:2, 2]
        shift_xy = alignment.shift_xy[0] + float(step[0]), alignment.shift_xy[1] + float(step[1])
        return replace(alignment, matrix=matrix, method="ecc", shift_xy=shift_xy)


def describe(
    matrix: DoubleArray,
    resize: DoubleArray,
    reference_wh: tuple[int, int],
    method: Method,
    score: float,
) -> Alignment:
    """Read shift, rotation and scale off a matrix.

    Args:
        matrix: (3, 3), reference pixels to image pixels.
        resize: The part of it that the image's size alone accounts for.
        reference_wh: Width and height of the reference.
        method: Stage that produced it.
        score: Correlation with the reference.
    """
    centre = np.array([(reference_wh[0] - 1) / 2, (reference_wh[1] - 1) / 2, 1.0])
    here, expected = matrix @ centre, resize @ centre
    shift = here[:2] / here[2] - expected[:2]
    z = here[2]
    rows = (matrix[:2, :2] - np.outer(here[:2] / z, matrix[2, :2])) / z  # derivative at the centre
    turn = np.linalg.inv(resize[:2, :2]) @ rows
    angle = -np.degrees(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1]))
    return Alignment(
        matrix=np.asarray(matrix, dtype=np.float64),
        method=method,
        shift_xy=(float(shift[0]), float(shift[1])),
        rotation_deg=float(angle) + 0.0,
        scale=float(np.sqrt(abs(np.linalg.det(rows)))),
        score=score,
    )


def choose_mode(
    reference: ImageArray,
    normals: Sequence[ImageArray],
    settings: AlignSettings | None = None,
    *,
    bits: int = 16,
) -> tuple[AlignMode, str]:
    """Decide alignment mode ``auto`` from the normals: the cheapest mode with a real gain.

    Args:
        reference: (H, W, 3).
        normals: Normal images; the first 16 are looked at.
        settings: Limits and where to look; its mode is ignored.
        bits: Significant bits of 16-bit images.

    Returns:
        The mode, and the reason in words.
    """
    settings = settings or AlignSettings()
    images = list(normals[:16])
    if not images:
        return "similarity", "no normal image to decide from, so small shifts and turns are allowed"
    if any(image.shape[:2] != reference.shape[:2] for image in images):
        return "none", "the normal images differ in size"
    modes: tuple[AlignMode, ...] = ("none", "shift", "similarity")
    miss: dict[AlignMode, float] = {}
    for mode in modes:
        aligner = Aligner(reference, replace(settings, mode=mode), bits=bits)
        scores = [aligner.align(image).score for image in images]
        miss[mode] = 1.0 - float(np.median(scores))
    best = min(miss.values())
    if best > 1.0 - 0.3:
        return "none", (
            f"aligned normals correlate only {1 - best:.2f} with the reference: their content "
            "differs from part to part"
        )
    chosen: AlignMode = next(m for m in modes if miss[m] <= 1.05 * best + 0.002)
    words = ", ".join(f"{mode} {1 - value:.3f}" for mode, value in miss.items())
    return chosen, f"median correlation with the reference by mode: {words}"


def _motions(mode: AlignMode) -> tuple[Motion, ...]:
    table: dict[AlignMode, tuple[Motion, ...]] = {
        "none": (),
        "shift": ("shift",),
        "similarity": ("similarity",),
        "homography": ("similarity", "homography"),
    }
    return table[mode]


def _project(matrix: DoubleArray, motion: Motion, size_wh: tuple[int, int]) -> DoubleArray:
    """The shift or similarity nearest to a matrix in reference pixels, equal at the centre.

    Levels are rounded to whole pixels, so a rotation on one is a slight shear on the reference.
    """
    centre = np.array([(size_wh[0] - 1) / 2, (size_wh[1] - 1) / 2])
    target = (matrix @ [*centre, 1.0])[:2]
    cos, sin = (matrix[0, 0] + matrix[1, 1]) / 2, (matrix[1, 0] - matrix[0, 1]) / 2
    pure = np.eye(3)
    if motion != "shift":
        pure[:2, :2] = [[cos, -sin], [sin, cos]]
    pure[:2, 2] = target - pure[:2, :2] @ centre
    return pure


def _bend(
    solver: Solver, work: FloatArray, matrix: DoubleArray, score: float
) -> tuple[DoubleArray, float]:
    """Let a similarity become a homography when that explains enough more."""
    bent = solver.refine(work, matrix, "homography")
    if bent is None:
        return matrix, score
    bent_score = solver.ncc(work, bent)
    if 1.0 - bent_score < (1.0 - HOMOGRAPHY_GAIN) * (1.0 - score):
        return bent, bent_score
    return matrix, score


def _sane(matrix: DoubleArray) -> bool:
    """Whether a matrix keeps orientation and roughly the size."""
    area = float(np.linalg.det(matrix[:2, :2]))
    return bool(np.isfinite(matrix).all() and 0.25 < area < 4.0)


def _pyramid(grey: FloatArray, sizes: Sequence[tuple[int, int]]) -> list[FloatArray]:
    """Copies of a grey image at the given sizes, each made from the one before."""
    levels: list[FloatArray] = []
    source = grey
    for size in sizes:
        if (source.shape[1], source.shape[0]) != size:
            shrinks = source.shape[1] >= size[0]
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            source = np.asarray(cv2.resize(source, size, interpolation=how), dtype=np.float32)
        levels.append(source)
    return levels


def _grey_unit(image: FloatArray | ImageArray, bits: int) -> FloatArray:
    """(H, W) float32 grey in [0, 1] of an (H, W, 3) RGB image."""
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 1:
        raise ShapeError(
            f"An image of shape {image.shape} cannot be aligned. It has to be (height, width, 3) "
            "RGB. Read it with offspec.images.read_image."
        )
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    if image.dtype == np.uint8:
        return np.asarray(grey, dtype=np.float32) * np.float32(1 / 255)
    if image.dtype == np.uint16:
        return np.asarray(grey, dtype=np.float32) * np.float32(1 / (2**bits - 1))
    return np.asarray(grey, dtype=np.float32)


__all__: list[str] = ["Aligner", "GateLimits", "ImageStats", "choose_mode", "describe"]
