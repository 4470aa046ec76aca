"""The acquisition gate: what cannot be judged is ``invalid``, with the reason, never ``ng``.

The gate is for faults of acquisition (moved, turned, blurred, dark, bright, another size, another
part), so its limits lie far outside what good parts and real defects reach.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from offspec.errors import ShapeError
from offspec.registration import level_matrix, work_image
from offspec.shapes import RectXYWH, shape_mask
from offspec.template import AlignSettings
from offspec.types import (
    Alignment,
    BoolArray,
    DoubleArray,
    FloatArray,
    GateFailure,
    PointsXY,
    SizePolicy,
)

ASPECT_TOLERANCE = 0.02
LEAST_USEFUL_LIKENESS = (
    0.5  # normals that correlate less with the reference cannot tell parts apart
)
PATCH_PX = 192
PATCH_GRID = 3
DETAIL_SHARE = 0.25  # of the most detailed patch, from which a patch can tell focus
LEAST_DETAIL = 1e-4  # below this a whole reference is blank
LIKENESS_PX = 256
BLOCKS = 8
SCALE_TOLERANCE = 0.25  # of the size expected from the image's size; more is another set-up


@dataclass(frozen=True, slots=True)
class ImageStats:
    """What the gate measures on an aligned image.

    Attributes:
        brightness: Mean grey level in [0, 1].
        sharpness: Fine detail of the sharpest patches relative to the reference's; 1 = as sharp,
            lower = blurred.
        likeness: Median over blocks of the correlation with the reference, in [-1, 1]. A defect
            spoils a few blocks, another part most of them.
    """

    brightness: float
    sharpness: float
    likeness: float


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What an image may measure; learned from the normals, kept in the bundle.

    Attributes:
        brightness_low: Least mean grey level, in [0, 1].
        brightness_high: Largest mean grey level, in [0, 1].
        sharpness_low: Least sharpness relative to the reference.
        likeness_low: Least block correlation with the reference; -1 = not checked (textures,
            parts whose content differs).
    """

    brightness_low: float = 0.0
    brightness_high: float = 1.0
    sharpness_low: float = 0.0
    likeness_low: float = -1.0

    def to_dict(self) -> dict[str, float]:
        """The JSON form."""
        return {key: float(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GateLimits:
        """Read the JSON form, strictly.

        Raises:
            ShapeError: A key is missing or unknown, or a value is not a finite number.
        """
        names = set(cls.__dataclass_fields__)
        good = set(data) == names and all(
            isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)
            for v in data.values()
        )
        if not good:
            raise ShapeError(
                f"Gate limits {dict(data)} are malformed. They hold exactly the finite numbers "
                f"{', '.join(sorted(names))}. Fit the bundle again."
            )
        return cls(**{key: float(value) for key, value in data.items()})


def learn_limits(stats: Sequence[ImageStats]) -> GateLimits:
    """Limits with wide margins around what normals (with the reference) measure.

    Brightness may fall to half the darkest normal and rise until a quarter of the headroom is
    left, and by six standard deviations either way; sharpness may fall to a third of the least
    sharp normal; likeness may fall below half the least one, and is not checked at all when the
    normals themselves hardly correlate.
    """
    if not stats:
        return GateLimits()
    brightness = np.array([s.brightness for s in stats])
    sharpness = np.array([s.sharpness for s in stats])
    likeness = np.array([s.likeness for s in stats])
    spread = 6.0 * float(brightness.std())
    low, high = float(brightness.min()), float(brightness.max())
    least = 0.5 * float(likeness.min()) - float(likeness.std())
    alike = float(np.median(likeness)) >= LEAST_USEFUL_LIKENESS
    return GateLimits(
        brightness_low=max(0.0, min(0.5 * low, low - spread)),
        brightness_high=min(1.0, max(1.0 - 0.25 * (1.0 - high), high + spread)),
        sharpness_low=float(sharpness.min()) / 3.0,
        likeness_low=max(0.1, least) if alike else -1.0,
    )


class Sharpness:
    """Fine detail at original scale, on the reference's most detailed patches.

    Small patches keep the cost the same for every image size, and looking at several keeps one
    defect from deciding.
    """

    def __init__(self, grey: FloatArray) -> None:
        h, w = grey.shape
        side = min(PATCH_PX, h, w)
        xs = np.unique(np.linspace(0, w - side, max(1, min(12, w // side))).astype(int))
        ys = np.unique(np.linspace(0, h - side, max(1, min(12, h // side))).astype(int))
        places = [(int(x), int(y)) for y in ys for x in xs]
        detail = np.array([self._detail(grey[y : y + side, x : x + side]) for x, y in places])
        order = np.argsort(-detail, kind="stable")[: PATCH_GRID**2]
        # Blank patches say nothing of focus, and a ratio to nothing is noise.
        order = order[detail[order] >= max(DETAIL_SHARE * float(detail.max()), LEAST_DETAIL)]
        self._side = side
        self._places = [places[i] for i in order]
        self._detail_of_reference = detail[order]

    @staticmethod
    def _detail(patch: FloatArray) -> float:
        """Standard deviation of the Laplacian of a slightly smoothed patch."""
        smooth = cv2.GaussianBlur(patch, (0, 0), 0.8)
        return float(cv2.meanStdDev(cv2.Laplacian(smooth, cv2.CV_32F))[1][0, 0])

    def measure(self, grey: FloatArray, matrix: DoubleArray) -> float:
        """Median over patches of image detail / reference detail; higher = sharper."""
        ratios = []
        half = (self._side - 1) / 2
        h, w = grey.shape
        grow = math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
        side = max(8, round(self._side * grow))
        for (x, y), expected in zip(self._places, self._detail_of_reference, strict=True):
            u, v, z = matrix @ (x + half, y + half, 1.0)
            left, top = round(u / z - (side - 1) / 2), round(v / z - (side - 1) / 2)
            left, top = max(0, min(left, w - side)), max(0, min(top, h - side))
            patch = grey[top : top + side, left : left + side]
            if abs(grow - 1) > 0.1:
                size = (self._side, self._side)
                patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA))
            ratios.append(self._detail(patch) / float(expected))
        return float(np.median(ratios)) if ratios else 1.0


class Likeness:
    """Block-wise correlation with the reference at a small scale."""

    def __init__(self, grey: FloatArray, where_xywh: RectXYWH | None) -> None:
        h, w = grey.shape
        self._reference_wh = w, h
        factor = min(1.0, LIKENESS_PX / max(w, h))
        self._level_wh = max(8, round(w * factor)), max(8, round(h * factor))
        self._work = self._small(grey)
        mask = np.ones((BLOCKS, BLOCKS), dtype=bool)
        if where_xywh is not None:
            mask = shape_mask("rectangle", _corners(where_xywh), mask.shape, (0, 0, w, h))
        power = self._blocks(self._work**2) - self._blocks(self._work) ** 2
        telling = mask & (power > 0.05 * float(power.mean())) & (power > 1e-9)
        self._telling: BoolArray = telling

    def _small(self, grey: FloatArray) -> FloatArray:
        small = cv2.resize(grey, self._level_wh, interpolation=cv2.INTER_AREA)
        return work_image(np.asarray(small, dtype=np.float32))

    @staticmethod
    def _blocks(values: FloatArray) -> FloatArray:
        means = cv2.resize(values, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
        return np.asarray(means, dtype=np.float32)

    def measure(self, grey: FloatArray, matrix: DoubleArray) -> float:
        """Median correlation over the blocks that show something; 1 when none does."""
        if not self._telling.any():
            return 1.0
        image_wh = grey.shape[1], grey.shape[0]
        to_level = level_matrix(self._reference_wh, self._level_wh)
        image_to_level = level_matrix(image_wh, self._level_wh)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small = image_to_level @ matrix @ np.linalg.inv(to_level)
        laid = cv2.warpPerspective(
            self._small(grey), small, self._level_wh, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        a, b = self._work, np.asarray(laid, dtype=np.float32)
        mean_a, mean_b = self._blocks(a), self._blocks(b)
        power_a = self._blocks(a * a) - mean_a**2
        power_b = self._blocks(b * b) - mean_b**2
        shared = self._blocks(a * b) - mean_a * mean_b
        ncc = shared / np.sqrt(np.maximum(power_a * power_b, 1e-16))
        return float(np.clip(np.median(ncc[self._telling]), -1.0, 1.0))


def _corners(box: RectXYWH) -> PointsXY:
    x, y, w, h = box
    return (x, y), (x + w, y + h)


def check_size(
    image_wh: tuple[int, int], reference_wh: tuple[int, int], policy: SizePolicy
) -> GateFailure | None:
    """Hold an image's size against the template's size policy."""
    (w, h), (ref_w, ref_h) = image_wh, reference_wh
    if policy == "fit" or image_wh == reference_wh:
        return None
    if policy == "exact":
        return GateFailure(
            "size",
            f"The image is {w} x {h} pixels. Size policy 'exact' asks for the reference's "
            f"{ref_w} x {ref_h}. Send images of that size, or set the size policy to 'scale'.",
        )
    stretch = (w / ref_w) / (h / ref_h)
    if abs(stretch - 1) <= ASPECT_TOLERANCE:
        return None
    return GateFailure(
        "size",
        f"The image is {w} x {h} pixels, {abs(stretch - 1):.1%} off the aspect of the reference's "
        f"{ref_w} x {ref_h}. Size policy 'scale' allows {ASPECT_TOLERANCE:.0%}. Check the camera's "
        "region of interest.",
    )


def other_sizes_words(
    size_wh: tuple[int, int], policy: SizePolicy, others: int, refused: int
) -> str:
    """What becomes of images with another size than the reference.

    Args:
        size_wh: Width and height of the reference, in pixels.
        policy: Of the template.
        others: Images of another size.
        refused: Of these, not taken by the policy.
    """
    has = "1 image has" if others == 1 else f"{others} images have"
    words = f"{has} another size than the reference ({size_wh[0]} x {size_wh[1]})."
    if refused:
        who = "All" if refused == others > 1 else str(refused)
        why = "" if policy == "exact" else f", being more than {ASPECT_TOLERANCE:.0%} off its shape"
        are = "is" if refused == 1 else "are"
        words += f" {who} {are} refused{why}: not learned from, and invalid when inspected."
    taken = others - refused
    if taken:
        are = "is" if taken == 1 else "are"
        how = " whatever the shape, and not aligned" if policy == "fit" else ""
        words += (
            f" {taken} {are} resampled to the size of the reference{how}: a defect there counts as "
            "much larger or smaller as the sizes differ."
        )
    return words


def check_light(stats: ImageStats, limits: GateLimits) -> GateFailure | None:
    """Too dark, too bright or blurred, in this order."""
    if stats.brightness < limits.brightness_low:
        return GateFailure(
            "too_dark",
            f"Mean brightness is {stats.brightness:.3f}. At least {limits.brightness_low:.3f} is "
            "expected from the normal images. Check lamp and exposure.",
        )
    if stats.brightness > limits.brightness_high:
        return GateFailure(
            "too_bright",
            f"Mean brightness is {stats.brightness:.3f}. At most {limits.brightness_high:.3f} is "
            "expected from the normal images. Check lamp and exposure.",
        )
    if stats.sharpness < limits.sharpness_low:
        return GateFailure(
            "blurred",
            f"Fine detail is {stats.sharpness:.2f} of the reference's. At least "
            f"{limits.sharpness_low:.2f} is expected from the normal images. Check focus, motion "
            "and the lens.",
        )
    return None


def check_likeness(stats: ImageStats, limits: GateLimits) -> GateFailure | None:
    """Another part, or one that alignment could not find."""
    if stats.likeness >= limits.likeness_low:
        return None
    return GateFailure(
        "wrong_part",
        f"The image correlates {stats.likeness:.2f} with the reference. At least "
        f"{limits.likeness_low:.2f} is expected from the normal images. Check that the right part "
        "lies in view, and which template is loaded.",
    )


def check_pose(
    alignment: Alignment,
    settings: AlignSettings,
    *,
    reference_wh: tuple[int, int],
    size_scale: float = 1.0,
) -> GateFailure | None:
    """Shifted, turned or sized beyond what the template allows, in this order.

    Args:
        alignment: How the image was laid over the reference.
        settings: Allowed shift and rotation.
        reference_wh: Width and height of the reference.
        size_scale: Image pixels per reference pixel that the image's size accounts for.
    """
    if settings.mode == "none" or alignment.method == "none":
        return None
    shift = math.hypot(*alignment.shift_xy) / size_scale
    allowed = settings.shift_limit_px(reference_wh)
    if shift > allowed:
        return GateFailure(
            "shifted",
            f"The part is shifted by {shift:.1f} reference pixels. The template allows "
            f"{allowed:.1f}. Reposition the part or raise max_shift_px.",
        )
    if abs(alignment.rotation_deg) > settings.max_rotation_deg:
        return GateFailure(
            "rotated",
            f"The part is rotated by {alignment.rotation_deg:.1f} degrees. The template allows "
            f"{settings.max_rotation_deg:g} either way. Reposition it or raise max_rotation_deg.",
        )
    scale = alignment.scale / size_scale
    if abs(math.log(max(scale, 1e-6))) > math.log1p(SCALE_TOLERANCE):
        return GateFailure(
            "wrong_part",
            f"The part appears {scale:.2f} times the reference's size. Up to "
            f"{1 + SCALE_TOLERANCE:g} times either way is accepted. Check lens, distance and part.",
        )
    return None
