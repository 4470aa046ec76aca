"""A contact sheet of augmentation: a normal beside its copies at their ends, one row a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.augment import COVERS, Variation, extremes, variations
from offspec.augmented import cut_copy
from offspec.fit_plan import Job
from offspec.geometry import GraphGroup, Tile
from offspec.runtime.sampler import Sampler
from offspec.template import Region
from offspec.types import Alignment, FloatArray

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]

PAPER: Colour = (250, 250, 248)
INK: Colour = (33, 37, 41)
FAINT: Colour = (95, 101, 107)
WARNING: Colour = (178, 44, 24)
FONT = cv2.FONT_HERSHEY_DUPLEX
CELL_PX = 300  # longer side of a picture
LEAST_CELL_PX = 170  # shorter side that a heading still fits over
LABEL_PX = 270
GAP_PX = 14
LINE_PX = 21
AMPLIFIED = 4  # differences, so that small ones are seen
COLUMNS = 4


@dataclass(frozen=True)
class _Scene:
    """What rows are cut from."""

    job: Job
    region: Region
    sampler: Sampler
    alignment: Alignment

    def picture(self, variation: Variation) -> FloatArray:
        """(h, w, 3) in [0, 1] of the region in a copy."""
        regions = (self.alignment,)
        seen = cut_copy(self.sampler, self.job.reference, self.alignment, regions, variation)
        return np.ascontiguousarray(seen.crops[0][0].transpose(1, 2, 0))


def draw_augmentation(job: Job, refused: Mapping[str, str], region_id: str | None = None) -> Canvas:
    """Draw the reference beside what would be learned from as well.

    Args:
        job: What was decided, with the augmentation asked for.
        refused: Kind to why it is refused; said in its row.
        region_id: Which region is shown; None = the first.

    Returns:
        (H, W, 3) uint8 RGB: a heading; per kind its name, the original, both ends, and four times
        what they change; at the end copies as they are drawn, all kinds together.

    Raises:
        RegionError: No region of that id.
    """
    template = job.template
    region = template.regions[0] if region_id is None else template.region(region_id)
    scene = _scene(job, region)
    wanted = job.config.augmentation
    heading = f"{template.name}, region '{region.id}': {wanted.count} copies of each normal image"
    rows = [_Lines(heading, 0.62, INK), _Lines(wanted.words(), 0.46, FAINT)]
    width = LABEL_PX + COLUMNS * (_cell_wh(region)[0] + GAP_PX) + GAP_PX
    parts = [_text_block(rows, width)]
    original = scene.picture(Variation())
    for kind in wanted.kinds:
        parts += _kind_row(scene, original, kind, refused.get(kind), width)
    parts.append(_together(scene, original, bool(refused), width))
    return np.vstack(parts)


def _scene(job: Job, region: Region) -> _Scene:
    w, h = _picture_wh(region)
    x, y, box_w, box_h = (float(value) for value in region.bounds_xywh)
    tile = Tile(0, 0, 0, 0, (x, y, box_w, box_h), (h, w), (0, h, 0, w))
    template = replace(job.template, regions=(region,))
    sampler = Sampler(template, [tile], [GraphGroup(0, (h, w), 1)], job.bits, job.reference)
    return _Scene(job, region, sampler, Alignment(np.eye(3)))


def _picture_wh(region: Region) -> tuple[int, int]:
    _, _, w, h = region.bounds_xywh
    scale = CELL_PX / max(w, h)
    return max(round(w * scale), 24), max(round(h * scale), 24)


def _cell_wh(region: Region) -> tuple[int, int]:
    """A picture with room for the line above it."""
    w, h = _picture_wh(region)
    return max(w, LEAST_CELL_PX), h + LINE_PX + 6


def _kind_row(
    scene: _Scene, original: FloatArray, kind: str, refused: str | None, width: int
) -> list[Canvas]:
    """One kind: name, original, its ends, what they change; and below, why it is refused."""
    ends = extremes(scene.job.config.augmentation, kind)
    pictures = [(label, scene.picture(one)) for label, one in ends]
    away = np.max([np.abs(picture - original) for _, picture in pictures], axis=0)
    changed = np.repeat(away.max(axis=2, keepdims=True), 3, axis=2)
    cells = [("original", original), *pictures]
    cells += [(f"change x {AMPLIFIED}", np.clip(1 - AMPLIFIED * changed, 0, 1))]
    words = [
        _Lines(kind, 0.62, INK if refused is None else WARNING),
        _Lines(scene.job.config.augmentation.amount_words(kind), 0.44, INK),
        _Lines(f"Stands for: {COVERS[kind]}.", 0.44, FAINT),
    ]
    if refused is not None:
        words.append(_Lines("Refused: see below.", 0.44, WARNING))
    found = [_row(scene, words, cells, width)]
    if refused is not None:
        found.append(_text_block([_Lines(refused, 0.44, WARNING)], width))
    return found


def _together(scene: _Scene, original: FloatArray, refused: bool, width: int) -> Canvas:
    job = scene.job
    drawn = variations(job.config.augmentation, job.config.seed, job.reference_normal.sha256)
    cells = [("original", original)]
    cells += [
        (f"copy {number}", scene.picture(one)) for number, one in enumerate(drawn[: COLUMNS - 1], 1)
    ]
    words = [
        _Lines("together", 0.62, INK),
        _Lines("Copies as they are drawn, all kinds at once, each by chance.", 0.44, FAINT),
    ]
    if refused:
        words.append(_Lines("Nothing is fitted while a kind is refused.", 0.44, WARNING))
    return _row(scene, words, cells, width)


# -- laying out ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lines:
    """A text that is wrapped where its place is too narrow."""

    text: str
    size: float
    colour: Colour

    def wrapped(self, width: int) -> list[str]:
        """Lines of at most so many pixels."""
        lines = [""]
        for word in _plain(self.text).split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and _text_width(longer, self.size) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines


def _row(
    scene: _Scene, words: list[_Lines], cells: list[tuple[str, FloatArray]], width: int
) -> Canvas:
    cell_w, cell_h = _cell_wh(scene.region)
    height = max(cell_h, _written(None, words, 0, LABEL_PX - 2 * GAP_PX)) + GAP_PX
    canvas: Canvas = np.full((height, width, 3), PAPER, np.uint8)
    cv2.line(canvas, (GAP_PX, 0), (width - GAP_PX, 0), (222, 222, 218), 1)
    _written(canvas, words, GAP_PX, LABEL_PX - 2 * GAP_PX)
    for number, (label, picture) in enumerate(cells):
        left = LABEL_PX + number * (cell_w + GAP_PX)
        size = min(0.44, 0.44 * cell_w / max(_text_width(label, 0.44), 1))
        cv2.putText(canvas, label, (left, LINE_PX), FONT, size, FAINT, 1, cv2.LINE_AA)
        top, (h, w) = LINE_PX + 8, picture.shape[:2]
        canvas[top : top + h, left : left + w] = np.rint(255 * picture.clip(0, 1))
        cv2.rectangle(canvas, (left - 1, top - 1), (left + w, top + h), (190, 190, 186), 1)
    return canvas


def _text_block(rows: list[_Lines], width: int) -> Canvas:
    height = _written(None, rows, GAP_PX, width - 2 * GAP_PX) + GAP_PX
    canvas: Canvas = np.full((height, width, 3), PAPER, np.uint8)
    _written(canvas, rows, GAP_PX, width - 2 * GAP_PX)
    return canvas


def _written(canvas: Canvas | None, rows: list[_Lines], left: int, width: int) -> int:
    """Write texts below each other; the height they take."""
    y = 4
    for row in rows:
        for line in row.wrapped(width):
            y += LINE_PX + (6 if row.size > 0.5 else 0)
            if canvas is not None:
                cv2.putText(canvas, line, (left, y), FONT, row.size, row.colour, 1, cv2.LINE_AA)
    return y + 8


def _text_width(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, FONT, size, 1)[0][0])


def _plain(text: str) -> str:
    """Text that the drawing font has letters for; others become a question mark."""
    return text.encode("ascii", "replace").decode("ascii")
