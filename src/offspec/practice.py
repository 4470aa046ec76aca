"""The practice product: an invented control board as a camera over a line would see it.

Serves the demo, tests and teaching. It is drawn, not photographed: figures measured on it say
nothing about a real line and are never quoted as results.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from offspec.annotations import Annotation, DefectShape, mask_polygons, write_annotation
from offspec.errors import OptionError, WriteError
from offspec.images import file_sha256, write_png
from offspec.practice_board import PARTS, SERIAL_LABEL, SIZE_WH, BareBoard, draw_bare_board
from offspec.practice_canvas import SCALE, Canvas, Pose, box
from offspec.practice_defects import (
    DefectPlan,
    change_bare,
    change_placement,
    change_surface,
    empty_truth,
    mark_difference,
    plan_defects,
)
from offspec.practice_parts import Placement, draw_part, draw_solder, place
from offspec.template import AlignSettings, Exclusion, Region, Template, write_template
from offspec.types import BoolArray, DoubleArray, FloatArray, ImageArray, Label, Split

MIN_IMAGES = 8
SMALLEST_DEFECT_PX = 8.0
_NAME = "practice board"


@dataclass(frozen=True, slots=True)
class Role:
    """What one image of the set is for; ``defective`` counts boards with defects, from 0."""

    split: Split
    defective: int | None


@dataclass(frozen=True, slots=True)
class Shot:
    """One finished picture and its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        truths: Per defect: its kind and (H, W) bool in image pixels.
        marks: Per defect: (H, W) bool in board (reference) pixels.
    """

    image: ImageArray
    truths: tuple[tuple[str, BoolArray], ...]
    marks: tuple[BoolArray, ...]


def make_practice(
    folder: Path | str,
    images: int = 11,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Write the practice product: pictures, annotation files and a template.

    The first picture is the reference. About half are good boards to learn from, an eighth good
    boards to test with, the rest defective; with 11: 1 + 5 + 1 + 4.

    Args:
        folder: Where to write; made if missing. Files of the same name are replaced.
        images: How many pictures, at least 8, so that five normals are left beside the reference.
        seed: Same seed and count give the same files; a larger count draws more boards.
        progress: Called with (stage, done, total).

    Returns:
        The folder, a dataset with ``template.json`` in it.

    Raises:
        OptionError: ``images`` is under 8.
        WriteError: The folder or a file cannot be written.
    """
    if images < MIN_IMAGES:
        raise OptionError(
            f"Number of practice images is {images}. It must be {MIN_IMAGES} or more: a reference, "
            f"five normals, one good and one bad test image. Ask for at least {MIN_IMAGES}."
        )
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"Folder '{target}' cannot be made ({error.strerror}). The practice images are written "
            "there. Choose a folder that you may write to."
        ) from error
    bare = draw_bare_board(seed)
    regions = practice_regions()
    for index, role in enumerate(_roles(images)):
        shot = render_board(bare, index, role, seed)
        path = target / f"board_{index:03d}.png"
        write_png(path, shot.image)
        write_annotation(path.with_suffix(".json"), _annotation(path.name, shot, role, regions))
        if progress is not None:
            progress("draw", index + 1, images)
    write_template(target / "template.json", _template(target / "board_000.png", regions))
    return target


def practice_regions() -> tuple[Region, ...]:
    """Regions of the practice template: all three shapes, and a serial label left out."""
    x, y, w, h = SERIAL_LABEL
    label = ((x - w / 2 - 4, y - h / 2 - 4), (x + w / 2 + 4, y + h / 2 + 4))
    power = ((454.0, 76.0), (704.0, 76.0), (704.0, 302.0), (434.0, 302.0), (434.0, 210.0))
    return (
        Region("controller", "Controller", "rectangle", ((100.0, 84.0), (432.0, 376.0))),
        Region("power", "Power supply", "polygon", power),
        Region(
            "lower",
            "Resistors and regulator",
            "rectangle",
            ((250.0, 304.0), (708.0, 504.0)),
            exclusions=(Exclusion("rectangle", label),),
        ),
        Region("crystal", "Crystal", "ellipse", ((126.0, 396.0), (246.0, 468.0))),
    )


def render_board(bare: BareBoard, index: int, role: Role, seed: int) -> Shot:
    """Populate one board and photograph it; image 0 stands exactly at the reference pose."""
    rng = np.random.default_rng((seed, 202, index))
    plans = () if role.defective is None else plan_defects(role.defective, rng)
    masks = tuple(empty_truth(SIZE_WH) for _ in plans)
    canvas = bare.canvas.copy()
    for plan, mask in zip(plans, masks, strict=True):
        change_bare(canvas, bare, plan, mask)
    _print_serial(canvas, rng)
    _populate(canvas, rng, plans, masks)
    for plan, mask in zip(plans, masks, strict=True):
        change_surface(canvas, plan, rng, mask)
    pose = _pose(rng, still=index == 0)
    image = _photograph(canvas, bare.cover, pose, rng)
    truths = tuple((plan.kind, _seen(mask, pose)) for plan, mask in zip(plans, masks, strict=True))
    return Shot(image, truths, tuple(mask[::SCALE, ::SCALE] for mask in masks))


def _roles(images: int) -> list[Role]:
    """The reference and other good boards to learn from, then the test boards."""
    defective = max(1, round(0.36 * images))
    good_test = max(1, round(0.12 * images))
    good = images - defective - good_test
    if good < MIN_IMAGES - 2:
        defective, good_test, good = images - 7, 1, 6
    return [
        *(Role("train", None) for _ in range(good)),
        *(Role("test", None) for _ in range(good_test)),
        *(Role("test", i) for i in range(defective)),
    ]


def _populate(
    canvas: Canvas,
    rng: np.random.Generator,
    plans: tuple[DefectPlan, ...],
    masks: tuple[BoolArray, ...],
) -> None:
    """Set every part, wrong, turned or missing where a defect says so."""
    for item in PARTS:
        placed = place(item, rng)
        hit = [(p, m) for p, m in zip(plans, masks, strict=True) if p.target == item.ref]
        changed: Placement | None = placed
        for plan, mask in hit:
            changed = change_placement(placed, (plan,), item.ref, mask, canvas)
        if changed is None:
            draw_solder(canvas, item, rng, paste_only=True)
        elif changed is placed:
            draw_part(canvas, item, placed, rng)
        else:
            right = canvas.copy()
            draw_part(right, item, placed, copy.deepcopy(rng))
            draw_part(canvas, item, changed, rng)
            mark_difference(hit[-1][1], right, canvas)


def _print_serial(canvas: Canvas, rng: np.random.Generator) -> None:
    """Serial number and code on the white label: another one on every board."""
    x, y, w, h = SERIAL_LABEL
    ink = (0.08, 0.08, 0.09)
    number = int(rng.integers(100_000, 999_999))
    canvas.text("SN", Pose(x + 22, y - 9), 8, ink, width=1.3)
    canvas.text(str(number), Pose(x + 22, y + 8), 10, ink, width=1.5)
    cell = 3.0
    left, top = x - w / 2 + 6, y - h / 2 + (h - 12 * cell) / 2
    code = rng.random((12, 12)) < 0.5
    code[-1, :] = True
    code[:, 0] = True
    for row, col in np.argwhere(code):
        square = box(cell, cell, left + (col + 0.5) * cell, top + (row + 0.5) * cell)
        canvas.polygon(square, ink, alpha=0.95)


def _pose(rng: np.random.Generator, *, still: bool) -> DoubleArray:
    """(2, 3): board pixels to image pixels; a few pixels and a fraction of a degree."""
    dx, dy = rng.uniform(-3.5, 3.5, 2)
    degrees = float(rng.uniform(-0.6, 0.6))
    if still:
        dx, dy, degrees = 0.0, 0.0, 0.0
    centre = ((SIZE_WH[0] - 1) / 2, (SIZE_WH[1] - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    matrix[:, 2] += (dx, dy)
    return np.asarray(matrix, dtype=np.float64)


def _fine_to_image(pose: DoubleArray) -> DoubleArray:
    """(2, 3): fine canvas pixels to image pixels."""
    offset = (SCALE - 1) / 2
    shrink = np.array([[1 / SCALE, 0, -offset / SCALE], [0, 1 / SCALE, -offset / SCALE], [0, 0, 1]])
    return np.asarray(np.vstack([pose, [0, 0, 1]]) @ shrink, dtype=np.float64)[:2]


def _photograph(
    canvas: Canvas, cover: FloatArray, pose: DoubleArray, rng: np.random.Generator
) -> ImageArray:
    """Lens, lamp, fixture below the board, and sensor."""
    to_image = _fine_to_image(pose)
    seen = cv2.GaussianBlur(np.clip(canvas.pixels, 0, 1), (0, 0), rng.uniform(0.85, 1.0))
    board = cv2.warpAffine(seen, to_image, SIZE_WH, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(cv2.GaussianBlur(cover, (0, 0), 1.0), to_image, SIZE_WH)
    shade = cv2.GaussianBlur(np.roll(inside, (7, 7), (0, 1)), (0, 0), 6)
    mat = _fixture() * (1 - 0.55 * shade[..., None])
    scene = mat + inside[..., None] * (board - mat)
    lit = scene * _lamp(rng)[..., None] + _gloss(rng)[..., None]
    sigma = np.sqrt(0.00010 * np.clip(lit, 0, 1) + 0.0035**2)
    noisy = lit + sigma * rng.standard_normal(lit.shape, dtype=np.float32)
    levels = np.clip(np.rint(noisy * 255), 0, 255)
    return np.asarray(levels, dtype=np.uint8)


def _fixture() -> FloatArray:
    """The dark mat below the board; it stays where it is while boards come and go."""
    rng = np.random.default_rng(7)
    width, height = SIZE_WH
    grain = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 1.2)
    tone = np.asarray((0.135, 0.137, 0.145), dtype=np.float32)
    return np.asarray(tone * (1 + 0.10 * grain[..., None]), dtype=np.float32)


def _lamp(rng: np.random.Generator) -> FloatArray:
    """(H, W): light that falls off to the lower right, slightly different on every board."""
    width, height = SIZE_WH
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    gx, gy = -0.055 + rng.normal(0, 0.006), -0.045 + rng.normal(0, 0.006)
    level = 1.02 + rng.normal(0, 0.010)
    return np.asarray(level + gx * x + gy * y - 0.045 * (x**2 + y**2), dtype=np.float32)


def _gloss(rng: np.random.Generator) -> FloatArray:
    """(H, W): a wide, weak reflection of the lamp in the solder mask."""
    width, height = SIZE_WH
    x0, y0 = 215 + rng.normal(0, 5), 120 + rng.normal(0, 5)
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(x0)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(y0)
    return np.asarray(0.040 * np.exp(-(x**2 / 190.0**2 + y**2 / 130.0**2)), dtype=np.float32)


def _seen(mask: BoolArray, pose: DoubleArray) -> BoolArray:
    """A truth mask of the fine canvas in image pixels."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    warped = cv2.warpAffine(soft, _fine_to_image(pose), SIZE_WH, flags=cv2.INTER_LINEAR)
    return np.asarray(warped > 0.4, dtype=np.bool_)


def _annotation(name: str, shot: Shot, role: Role, regions: tuple[Region, ...]) -> Annotation:
    """The sidecar of one picture: verdict per region, defects as polygons."""
    size_hw = (SIZE_WH[1], SIZE_WH[0])
    hit = np.zeros(size_hw, dtype=np.bool_)
    for mark in shot.marks:
        hit |= mark
    verdicts: dict[str, Label] = {
        r.id: "ng" if bool((r.mask(size_hw) & hit).any()) else "ok" for r in regions
    }
    shapes = tuple(
        DefectShape(label=kind, points_xy=points, region_id=None)
        for kind, truth in shot.truths
        for points in mask_polygons(truth)
    )
    return Annotation(
        image_name=name,
        size_wh=SIZE_WH,
        verdicts=verdicts,
        defects=shapes,
        defect_free=role.defective is None,
        split=role.split,
        part_id=Path(name).stem,
    )


def _template(reference: Path, regions: tuple[Region, ...]) -> Template:
    return Template(
        name=_NAME,
        reference_file=reference.name,
        reference_sha256=file_sha256(reference),
        size_wh=SIZE_WH,
        regions=regions,
        mode="pixel",
        alignment=AlignSettings(mode="similarity", max_shift_px=24.0, max_rotation_deg=5.0),
        smallest_defect_px=SMALLEST_DEFECT_PX,
    )
