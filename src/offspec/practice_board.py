"""The bare practice board: laminate, copper, solder mask, plated pads, silkscreen.

An invented control board, drawn once per product and shared by all its images; parts are placed on
it by ``practice_parts``. Board pixels are the pixels of the reference image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from offspec.practice_canvas import SCALE, Canvas, Points, Pose, Rgb, box, ring, rounded
from offspec.types import BoolArray, FloatArray

SIZE_WH = (768, 576)
MARGIN = 20

MASK_ON_COPPER: Rgb = (0.082, 0.365, 0.212)
MASK_ON_LAMINATE: Rgb = (0.036, 0.232, 0.140)
LAMINATE: Rgb = (0.58, 0.52, 0.35)
COPPER: Rgb = (0.80, 0.52, 0.33)
GOLD: Rgb = (0.85, 0.70, 0.38)
SILK: Rgb = (0.88, 0.90, 0.87)
DRILL: Rgb = (0.035, 0.035, 0.04)

TRACE_WIDTH = 4.0
HOLES: Points = ((46, 46), (722, 46), (46, 530), (722, 530))
FIDUCIALS: Points = ((92, 44), (678, 532), (92, 532))
TEST_POINTS: Points = ((470, 462), (494, 462), (518, 462), (542, 462))
SERIAL_LABEL = (644.0, 478.0, 122.0, 44.0)  # centre x, centre y, width, height


@dataclass(frozen=True, slots=True)
class Part:
    """One component of the bill of materials.

    Attributes:
        ref: Designator printed beside it, such as R3.
        kind: chip_resistor, chip_capacitor, soic, can, inductor, crystal, diode or header.
        value: Marking on its body.
        size: Body length and width in board pixels, along its own axes.
        label: Offset of the designator from the centre.
    """

    ref: str
    kind: str
    pose: Pose
    size: tuple[float, float]
    value: str = ""
    label: tuple[float, float] = (0.0, -18.0)
    pins: int = 0


def _parts() -> tuple[Part, ...]:
    """The bill of materials, with its places."""
    resistors = tuple(
        Part(
            f"R{i + 1}",
            "chip_resistor",
            Pose(430 + 62 * (i % 4), 330 + 46 * (i // 4)),
            (34, 18),
            ("103", "103", "472", "103", "221", "221", "472", "103")[i],
            (0, -19),
        )
        for i in range(8)
    )
    capacitors = (
        Part("C1", "chip_capacitor", Pose(212, 192, 90), (28, 16), "", (-18, 0)),
        Part("C2", "chip_capacitor", Pose(212, 262, 90), (28, 16), "", (-18, 0)),
        Part("C3", "chip_capacitor", Pose(404, 192, 90), (28, 16), "", (19, 0)),
        Part("C4", "chip_capacitor", Pose(404, 262, 90), (28, 16), "", (19, 0)),
    )
    return (
        Part("J1", "header", Pose(66, 236), (30, 212), "", (0, -118), pins=8),
        Part("U1", "soic", Pose(308, 226), (136, 78), "OSP7A20", (-89, 0), pins=10),
        Part("U2", "soic", Pose(318, 432), (72, 46), "LM2596", (-58, 0), pins=4),
        Part("C5", "can", Pose(626, 136), (92, 92), "100", (-58, 40)),
        Part("C6", "can", Pose(636, 262), (64, 64), "47", (-44, 24)),
        Part("L1", "inductor", Pose(508, 140), (66, 66), "4R7", (0, -46)),
        Part("Y1", "crystal", Pose(186, 432), (78, 30), "16.000", (0, -26)),
        Part("D1", "diode", Pose(508, 236), (44, 24), "SS34", (0, -24)),
        *capacitors,
        *resistors,
    )


PARTS = _parts()


def part(ref: str) -> Part:
    """The part with this designator."""
    return next(p for p in PARTS if p.ref == ref)


def soic_pins(item: Part) -> list[tuple[float, float]]:
    """Centres of the leads of a two-row package in its own axes, first row above."""
    pitch = item.size[0] / item.pins
    xs = [pitch * (i - (item.pins - 1) / 2) for i in range(item.pins)]
    y = item.size[1] / 2 + 6
    return [(x, -y) for x in xs] + [(x, y) for x in xs]


def pads(item: Part) -> list[list[tuple[float, float]]]:
    """Outlines of the plated pads of a part, in board pixels."""
    length, width = item.size
    if item.kind == "soic":
        shapes = [box(length / item.pins * 0.58, 17, x, y) for x, y in soic_pins(item)]
    elif item.kind == "header":
        pitch = length_of_row(item)
        shapes = [box(20, 20, 0, y) for y in pitch]
    elif item.kind == "can":
        shapes = [box(16, 22, -length / 2, 0), box(16, 22, length / 2, 0)]
    else:
        shapes = [
            box(length * 0.42, width + 4, side * length * 0.45, 0)
            if item.kind != "inductor"
            else box(14, width * 0.7, side * length * 0.5, 0)
            for side in (-1, 1)
        ]
    return [item.pose.at(shape) for shape in shapes]


def length_of_row(item: Part) -> list[float]:
    """Heights of the pins of a header in its own axes."""
    pitch = item.size[1] / (item.pins + 0.4)
    return [pitch * (i - (item.pins - 1) / 2) for i in range(item.pins)]


def _traces() -> tuple[Points, ...]:
    """Copper tracks: knots in board pixels, bends at 45 degrees, never crossing."""
    u1, header = part("U1"), part("J1")
    pins = [u1.pose.at([p])[0] for p in soic_pins(u1)]
    rows = [header.pose.at([(0, y)])[0] for y in length_of_row(header)]
    tracks: list[Points] = []
    for i in range(4):  # header to the upper left pins, nested bends
        (px, py), (hx, hy) = pins[3 - i], rows[i]
        y = 92 + 13 * i
        x = 104 + 11 * i if hy > y else 104
        knots = [(hx, hy), (x, hy), (x + abs(hy - y), y), (px - 12, y)]
        tracks.append([*knots, (px, y + 12), (px, py)])
    for i in range(4):  # and to the lower left pins
        (px, py), (hx, hy) = pins[13 - i], rows[7 - i]
        y = 366 - 13 * i
        x = 104 + 11 * i
        tracks.append(
            [(hx, hy), (x, hy), (x + abs(y - hy), y), (px - 12, y), (px, y - 12), (px, py)]
        )
    for i in range(5):  # lower right pins fan out to the resistors
        px, py = pins[19 - i]
        y = 300 + 13 * i
        end = 410 if i < 3 else 396
        tracks.append([(px, py), (px, y - 10), (px + 10, y), (end, y)])
    return (*tracks, *_more_traces(pins))


def _more_traces(pins: list[tuple[float, float]]) -> list[Points]:
    """Tracks of the power side, the crystal and the edge contacts."""
    tracks: list[Points] = []
    for i in range(3):  # upper right pins to the inductor and the big capacitor
        px, py = pins[9 - i]
        y = 118 - 13 * i
        tracks.append([(px, py), (px, y + 10), (px + 10, y), (474, y)])
    for i in range(8):  # resistors down to the edge contacts
        r = part(f"R{i + 1}").pose
        if i < 4:
            tracks.append([(r.x + 16, r.y), (r.x + 28, r.y + 12), (r.x + 28, r.y + 74)])
        else:
            tracks.append([(r.x - 16, r.y), (r.x - 16, r.y + 26), (r.x - 10, r.y + 36)])
    for i in range(9):
        x = 236 + 30 * i
        tracks.append([(x, 528), (x, 498 - 5 * (i % 3))])
    return [
        *tracks,
        [(150, 432), (150, 474), (168, 492), (236, 492)],
        [(222, 432), (240, 450), (262, 450)],
        [(541, 140), (580, 140)],
        [(527, 236), (560, 236), (590, 262), (604, 262)],
        [(672, 136), (696, 160), (696, 300), (668, 328), (640, 328)],
        [(490, 236), (464, 236), (448, 252), (448, 286)],
    ]


TRACES = _traces()
VIAS = tuple(t[-1] for t in TRACES[13:] if len(t) > 2) + tuple(t[-1] for t in TRACES[8:13])


@dataclass(frozen=True)
class BareBoard:
    """Pictures and masks that every image of the product starts from.

    Attributes:
        canvas: The board without parts, on a black surround.
        stripped: The same without any track, for breaks in the copper.
        cover: (SCALE * H, SCALE * W) float32 in [0, 1], 1 on the board.
        copper: Same size, True where the solder mask lies on copper.
    """

    canvas: Canvas
    stripped: Canvas
    cover: FloatArray
    copper: BoolArray


def draw_bare_board(seed: int) -> BareBoard:
    """Draw the board of one product; the seed sets its laminate texture alone."""
    rng = np.random.default_rng((seed, 101))
    tracks = _mask_of(TRACES, TRACE_WIDTH)
    plated = _filled([pad for item in PARTS for pad in pads(item)])
    discs = _filled([ring(9, x, y) for x, y in (*VIAS, *TEST_POINTS)])
    islands = tracks | plated | discs
    clear = cv2.dilate(islands.astype(np.uint8), np.ones((4 * SCALE + 1,) * 2, np.uint8)) > 0
    pour = _pour() & ~clear
    texture = _laminate_texture(rng)
    with_tracks = _mask_layer(pour | islands, texture)
    stripped = _mask_layer(pour | plated | discs, texture)
    for canvas in (with_tracks, stripped):
        _plate(canvas)
        _print_silk(canvas)
    cover = _filled([_outline()]).astype(np.float32)
    return BareBoard(with_tracks, stripped, cover, pour | tracks)


def _outline() -> list[tuple[float, float]]:
    """The routed edge of the board."""
    width, height = SIZE_WH
    shape = rounded(width - 2 * MARGIN, height - 2 * MARGIN, 12)
    return Pose((width - 1) / 2, (height - 1) / 2).at(shape)


def _pour() -> BoolArray:
    """Ground plane: the board less its rim, the holes and a few keep-outs."""
    width, height = SIZE_WH
    plane = Pose((width - 1) / 2, (height - 1) / 2).at(
        rounded(width - 2 * MARGIN - 14, height - 2 * MARGIN - 14, 8)
    )
    keep_out = [
        *(ring(21, x, y) for x, y in HOLES),
        *(ring(13, x, y) for x, y in FIDUCIALS),
        box(300, 46, 356, 532),
    ]
    return _filled([plane]) & ~_filled(keep_out)


def _filled(shapes: Iterable[Points]) -> BoolArray:
    """Union of polygons on the fine grid."""
    width, height = SIZE_WH
    mask = np.zeros((height * SCALE, width * SCALE), dtype=np.uint8)
    for shape in shapes:
        fine = np.asarray(shape) * SCALE + (SCALE - 1) / 2
        cv2.fillPoly(mask, [np.rint(fine).astype(np.int32)], 1)
    return mask > 0


def _mask_of(lines: Iterable[Points], line_width: float) -> BoolArray:
    """Union of open lines on the fine grid."""
    width, height = SIZE_WH
    mask = np.zeros((height * SCALE, width * SCALE), dtype=np.uint8)
    for line in lines:
        fine = np.asarray(line) * SCALE + (SCALE - 1) / 2
        cv2.polylines(mask, [np.rint(fine).astype(np.int32)], False, 1, round(line_width * SCALE))
    return mask > 0


def _laminate_texture(rng: np.random.Generator) -> FloatArray:
    """Glass weave showing through, mottled mask thickness and fine orange peel; mean about 1."""
    width, height = SIZE_WH
    y, x = np.mgrid[0 : height * SCALE, 0 : width * SCALE].astype(np.float32) / SCALE
    weave = np.sin(x * 2.1) * np.sin(y * 2.1) * (0.6 + 0.4 * np.sin(x * 0.031 + y * 0.017))
    noise = rng.standard_normal(x.shape, dtype=np.float32)
    peel = cv2.GaussianBlur(noise, (0, 0), 2.2) * 5
    mottle = cv2.GaussianBlur(noise[::8, ::8], (0, 0), 5) * 9
    mottle = cv2.resize(mottle, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(1 + 0.030 * weave + 0.022 * peel + 0.030 * mottle, dtype=np.float32)


def _mask_layer(copper: BoolArray, texture: FloatArray) -> Canvas:
    """Solder mask over copper and laminate, lit from the upper left so that edges stand out."""
    height = cv2.GaussianBlur(copper.astype(np.float32), (0, 0), 0.8 * SCALE)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    mix = height[..., None]
    base = mix * np.asarray(MASK_ON_COPPER, np.float32)
    base = base + (1 - mix) * np.asarray(MASK_ON_LAMINATE, np.float32)
    lit = base * texture[..., None] + (0.030 * slope)[..., None] * np.float32(1.2)
    return Canvas(np.clip(lit, 0, 1).astype(np.float32))


def _plate(canvas: Canvas) -> None:
    """Pads, holes, vias, contacts and fiducials: gold, bare laminate and drill holes."""
    for x, y in HOLES:
        canvas.polygon(ring(17, x, y), GOLD, rgb_end=(0.62, 0.48, 0.24), soft=0.3)
        canvas.polygon(ring(10.5, x, y), DRILL, soft=0.4)
    for x, y in FIDUCIALS:
        canvas.polygon(ring(11, x, y), (0.30, 0.30, 0.19), soft=0.4)
        canvas.polygon(ring(5, x, y), GOLD, rgb_end=(0.70, 0.55, 0.28), soft=0.3)
    for x, y in TEST_POINTS:
        canvas.polygon(ring(7, x, y), GOLD, rgb_end=(0.68, 0.53, 0.27), soft=0.3)
    for x, y in VIAS:
        canvas.polygon(ring(5.2, x, y), (0.16, 0.46, 0.28), soft=0.5)
        canvas.polygon(ring(2.3, x, y), (0.03, 0.12, 0.08), soft=0.4)
    for i in range(9):
        canvas.polygon(box(18, 40, 236 + 30 * i, 532), GOLD, rgb_end=(0.70, 0.55, 0.27), soft=0.3)
    for item in PARTS:
        for pad in pads(item):
            canvas.polygon(pad, GOLD, rgb_end=(0.74, 0.58, 0.30), soft=0.3)


def _print_silk(canvas: Canvas) -> None:
    """Designators, outlines, pin-1 marks and the maker's line."""
    for item in PARTS:
        x, y = item.pose.x + item.label[0], item.pose.y + item.label[1]
        canvas.text(item.ref, Pose(x, y), 9, SILK, alpha=0.92, width=1.5)
        if item.kind in ("soic", "inductor", "crystal"):
            grow = 10 if item.kind != "soic" else 4
            outline = box(item.size[0] + grow + 10, item.size[1] + grow)
            corners = item.pose.at([*outline, outline[0]])
            canvas.stroke(corners, 1.2, SILK, alpha=0.85)
        if item.kind == "can":
            circle = ring(item.size[0] / 2 + 5, item.pose.x, item.pose.y)
            canvas.stroke([*circle, circle[0]], 1.2, SILK, alpha=0.85)
    u1 = part("U1").pose
    canvas.polygon(ring(3, u1.x - 78, u1.y + 46), SILK, alpha=0.9)
    canvas.text("OFFSPEC PRACTICE BOARD REV B", Pose(356, 54), 9, SILK, alpha=0.92, width=1.4)
    canvas.text("+5V", Pose(560, 212), 9, SILK, alpha=0.92, width=1.4)
    canvas.text("GND", Pose(694, 340), 9, SILK, alpha=0.92, width=1.4)
    for i, (x, y) in enumerate(TEST_POINTS):
        canvas.text(f"TP{i + 1}", Pose(x, y + 15), 6, SILK, alpha=0.9, width=1.1)
    label_x, label_y, width, height = SERIAL_LABEL
    canvas.polygon(box(width, height, label_x, label_y), SILK, alpha=0.96, soft=0.2)
