"""Draw a template as a picture: what is judged, what is left out, and at which resolution."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.errors import ShapeError
from offspec.resolution import ResolutionPlan, plan_resolution
from offspec.shapes import outline
from offspec.template import Region, Template
from offspec.types import ImageArray, PointsXY

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Okabe and Ito's colours, told apart by colour-blind eyes; strongest on photographs first.
COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
)
PAPER: Colour = (250, 250, 248)
INK: Colour = (33, 37, 41)
GREY: Colour = (120, 126, 132)
WARNING: Colour = (190, 50, 30)
LEAST_SIDE_PX, LARGEST_SIDE_PX = 900, 1800
FONT = cv2.FONT_HERSHEY_DUPLEX
HATCH_PX = 9


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The picture being drawn and its scale: canvas pixels per reference pixel."""

    canvas: Canvas
    scale: float

    def points(self, points_xy: PointsXY) -> NDArray[np.int32]:
        """Edge coordinates to canvas pixels."""
        return np.round(np.asarray(points_xy) * self.scale).astype(np.int32)


def draw_template(image: ImageArray, template: Template) -> Canvas:
    """Draw the regions of a template over its reference, with a legend below.

    Args:
        image: (H, W, 3) RGB reference, uint8 or uint16.
        template: Its template.

    Returns:
        (H', W', 3) uint8 RGB, 900 to 1800 pixels on the longer side before the legend. Outside
        the regions the picture is dimmed; exclusions are hatched.

    Raises:
        ShapeError: The image has not the size of the template's reference.
    """
    if (image.shape[1], image.shape[0]) != template.size_wh:
        raise ShapeError(
            f"The image is {image.shape[1]} x {image.shape[0]} pixels, the template's reference "
            f"{template.size_wh[0]} x {template.size_wh[1]}. They have to be equal. Pass the "
            "reference image itself."
        )
    plans = [plan_resolution(r, template.smallest_defect_px) for r in template.regions]
    sheet = _background(image, template)
    for index, region in enumerate(template.regions):
        _draw_exclusions(sheet, region)
        _draw_region(sheet, region, COLOURS[index % len(COLOURS)])
    _draw_where(sheet, template)
    taken: list[tuple[int, int, int, int]] = []
    for index, (region, plan) in enumerate(zip(template.regions, plans, strict=True)):
        _draw_label(sheet, region, plan, COLOURS[index % len(COLOURS)], taken)
    legend = _legend(sheet.canvas.shape[1], template, plans)
    return np.vstack([sheet.canvas, legend])


def _background(image: ImageArray, template: Template) -> _Sheet:
    """The reference at drawing size, dimmed where nothing is judged."""
    eight = image if image.dtype == np.uint8 else _stretch(image)
    longest = max(template.size_wh)
    scale = min(LARGEST_SIDE_PX, max(LEAST_SIDE_PX, longest)) / longest
    width, height = (max(1, round(side * scale)) for side in template.size_wh)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.asarray(cv2.resize(eight, (width, height), interpolation=how), dtype=np.uint8)
    box = (0.0, 0.0, float(template.size_wh[0]), float(template.size_wh[1]))
    judged = np.zeros((height, width), dtype=bool)
    for region in template.regions:
        judged |= region.mask((height, width), box)
    light = canvas.mean(axis=2, keepdims=True)
    dim = (0.45 * (0.4 * canvas + 0.6 * light) + 22).astype(np.uint8)
    return _Sheet(np.where(judged[..., None], canvas, dim), scale)


def _stretch(image: ImageArray) -> Canvas:
    """16 bit to 8 bit for looking at, brightest pixel white."""
    return (image.astype(np.float32) * (255.0 / max(int(image.max()), 1))).astype(np.uint8)


def _draw_region(sheet: _Sheet, region: Region, colour: Colour) -> None:
    points = [sheet.points(outline(region.shape, region.points_xy))]
    cv2.polylines(sheet.canvas, points, True, (0, 0, 0), 5, cv2.LINE_AA)
    cv2.polylines(sheet.canvas, points, True, colour, 3, cv2.LINE_AA)


def _draw_exclusions(sheet: _Sheet, region: Region) -> None:
    """Hatch what a region leaves out, clipped to the region."""
    height, width = sheet.canvas.shape[:2]
    for exclusion in region.exclusions:
        points = [sheet.points(outline(exclusion.shape, exclusion.points_xy))]
        hole = np.zeros((height, width), dtype=np.uint8)
        cv2.fillPoly(hole, points, 1)
        rows, cols = np.nonzero(hole)
        phase = (rows + cols) % HATCH_PX
        base = sheet.canvas[rows, cols].astype(np.float32)
        stripe = (phase < 2)[:, None]
        sheet.canvas[rows, cols] = np.where(stripe, 235, 0.75 * base).astype(np.uint8)
        cv2.polylines(sheet.canvas, points, True, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.polylines(sheet.canvas, points, True, (235, 235, 235), 2, cv2.LINE_AA)


def _draw_where(sheet: _Sheet, template: Template) -> None:
    """A dashed frame around the box that alignment looks at."""
    where = template.alignment.where_xywh
    if where is None:
        return
    x, y, w, h = where
    corners = sheet.points(((x, y), (x + w, y), (x + w, y + h), (x, y + h)))
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length = float(np.hypot(*(end - start)))
        for at in np.arange(0.0, length, 16.0):
            a = start + (end - start) * (at / length)
            b = start + (end - start) * (min(at + 9.0, length) / length)
            ends = [tuple(int(v) for v in np.round(p)) for p in (a, b)]
            cv2.line(sheet.canvas, ends[0], ends[1], (255, 255, 255), 2, cv2.LINE_AA)


def _draw_label(
    sheet: _Sheet,
    region: Region,
    plan: ResolutionPlan,
    colour: Colour,
    taken: list[tuple[int, int, int, int]],
) -> None:
    """The region's name on a tag in its colour, placed where no other tag lies."""
    text = f"{_plain(region.name)}  {plan.resolution}{' !' if plan.shrunk else ''}"
    (w, h), _ = cv2.getTextSize(text, FONT, 0.5, 1)
    height, width = sheet.canvas.shape[:2]
    x, y, box_w, box_h = (round(v * sheet.scale) for v in region.bounds_xywh)
    tag_w, tag_h = w + 14, h + 12
    first = min(sheet.points(outline(region.shape, region.points_xy)).tolist(), key=sum)
    places = [(first[0], first[1] - tag_h), (first[0], first[1])]
    places += [(x, y + box_h), (x, y + box_h - tag_h)]
    places += [(x + box_w - tag_w, y), (x + box_w - tag_w, y + box_h - tag_h)]
    places += [(x, y + step * tag_h) for step in range(1, 12)]
    for left, top in places:
        left, top = max(0, min(left, width - tag_w)), max(0, min(top, height - tag_h))  # noqa: PLW2901
        box = left, top, left + tag_w, top + tag_h
        if not any(_touch(box, other) for other in taken):
            break
    taken.append(box)
    cv2.rectangle(sheet.canvas, box[:2], box[2:], (0, 0, 0), -1, cv2.LINE_AA)
    cv2.rectangle(sheet.canvas, box[:2], (box[0] + 5, box[3]), colour, -1, cv2.LINE_AA)
    at = box[0] + 10, box[1] + h + 5
    cv2.putText(sheet.canvas, text, at, FONT, 0.5, (255, 255, 255), 1, cv2.LINE_AA)


def _touch(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _plain(text: str) -> str:
    """Text that the drawing font has letters for; others become a question mark."""
    return text.encode("ascii", "replace").decode("ascii")


def _legend(width: int, template: Template, plans: list[ResolutionPlan]) -> Canvas:
    """Heading and one line a region, dark on paper."""
    row = 24
    notes = [line for p in plans if p.message for line in _wrap(p.message, width - 66)]
    height = 62 + row * len(plans) + row * len(notes) + (row if notes else 0) + 14
    legend = np.full((height, width, 3), PAPER, dtype=np.uint8)
    cv2.line(legend, (0, 0), (width, 0), INK, 2)
    _write(legend, template.name, (16, 26), 0.62, INK)
    align = template.alignment
    facts = (
        f"{template.size_wh[0]} x {template.size_wh[1]} px   mode {template.mode}   size policy "
        f"{template.size_policy}   alignment {align.mode}, up to "
        f"{align.shift_limit_px(template.size_wh):g} px and {align.max_rotation_deg:g} deg   "
        f"smallest defect {template.smallest_defect_px:g} px"
    )
    _write(legend, facts, (16, 48), 0.44, GREY)
    y = 48
    for index, (region, plan) in enumerate(zip(template.regions, plans, strict=True)):
        y += row
        cv2.rectangle(legend, (16, y - 11), (30, y + 2), COLOURS[index % len(COLOURS)], -1)
        cv2.rectangle(legend, (16, y - 11), (30, y + 2), INK, 1)
        for text, x in _columns(region, plan, width):
            _write(legend, text, (x, y), 0.46, WARNING if plan.shrunk else INK)
    for index, note in enumerate(notes):
        _write(legend, note, (40, y + row * (index + 1) + 8), 0.44, WARNING)
    return legend


def _columns(region: Region, plan: ResolutionPlan, width: int) -> list[tuple[str, int]]:
    """What the legend says of a region, and where across."""
    _, _, w, h = region.bounds_xywh
    net = f"{plan.net_hw[1]} x {plan.net_hw[0]}" + (" tiles" if plan.resolution == "native" else "")
    holes = len(region.exclusions)
    texts = [
        f"{region.id}  {region.name}" if region.name != region.id else region.id,
        f"{region.shape} {w} x {h}",
        f"{plan.resolution}: {net}",
        f"defect {plan.defect_px:.1f} net px",
        f"{holes} exclusion{'' if holes == 1 else 's'}" if holes else region.kind,
    ]
    return [
        (text, 40 + round(at * (width - 56)))
        for text, at in zip(texts, (0.0, 0.30, 0.52, 0.72, 0.89), strict=True)
    ]


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if cv2.getTextSize(longer, FONT, 0.44, 1)[0][0] > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _write(canvas: Canvas, text: str, at: tuple[int, int], size: float, colour: Colour) -> None:
    cv2.putText(canvas, _plain(text), at, FONT, size, colour, 1, cv2.LINE_AA)
