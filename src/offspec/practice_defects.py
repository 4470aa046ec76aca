"""Defects of the practice board: what goes wrong on a real line, some of it hard to see."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from offspec.practice_board import PARTS, TRACES, BareBoard, part, soic_pins
from offspec.practice_canvas import SCALE, Canvas, Points, ring
from offspec.practice_parts import SOLDER, Placement, footprint
from offspec.types import BoolArray


@dataclass(frozen=True, slots=True)
class DefectPlan:
    """One defect to draw.

    Attributes:
        kind: scratch, missing_component, solder_bridge, stain, rotated_part, wrong_part or
            open_trace.
        target: Designator of the part, index of a track, or "x,y" on the board.
        faint: Drawn with low contrast, hard to see.
    """

    kind: str
    target: str
    faint: bool = False


# The first four make the eleven-image set; later images go on round the list.
CATALOGUE: tuple[tuple[DefectPlan, ...], ...] = (
    (DefectPlan("scratch", "470,236"),),
    (DefectPlan("missing_component", "R6"), DefectPlan("solder_bridge", "U1")),
    (DefectPlan("stain", "190,330", faint=True),),
    (DefectPlan("rotated_part", "D1"), DefectPlan("open_trace", "2")),
    (DefectPlan("wrong_part", "R3"),),
    (DefectPlan("open_trace", "9"),),
    (DefectPlan("scratch", "350,345", faint=True),),
    (DefectPlan("rotated_part", "U1"),),
    (DefectPlan("solder_bridge", "U2"),),
    (DefectPlan("stain", "560,290"),),
    (DefectPlan("missing_component", "C3"),),
    (DefectPlan("wrong_part", "L1"),),
    (DefectPlan("rotated_part", "C6"),),
    (DefectPlan("open_trace", "5"), DefectPlan("scratch", "150,150", faint=True)),
    (DefectPlan("missing_component", "R2"),),
    (DefectPlan("stain", "590,415", faint=True),),
)
_WRONG_VALUES = {"103": "473", "472": "102", "221": "331", "4R7": "100"}


def plan_defects(index: int, rng: np.random.Generator) -> tuple[DefectPlan, ...]:
    """Defects of the ``index``-th defective board; after one round of the list, moved about."""
    plans = CATALOGUE[index % len(CATALOGUE)]
    if index < len(CATALOGUE):
        return plans
    return tuple(_moved(plan, rng) for plan in plans)


def _moved(plan: DefectPlan, rng: np.random.Generator) -> DefectPlan:
    """The same kind of defect at another place."""
    if plan.kind in ("scratch", "stain"):
        x, y = rng.uniform((130, 100), (640, 360))
        return replace(plan, target=f"{x:.0f},{y:.0f}", faint=bool(rng.random() < 0.5))
    if plan.kind == "open_trace":
        return replace(plan, target=str(int(rng.integers(0, 13))))
    kinds = {
        "missing_component": ("chip_resistor", "chip_capacitor"),
        "solder_bridge": ("soic",),
        "rotated_part": ("soic", "diode", "can"),
        "wrong_part": ("chip_resistor", "inductor"),
    }[plan.kind]
    refs = [p.ref for p in PARTS if p.kind in kinds]
    return replace(plan, target=str(rng.choice(refs)))


def change_bare(canvas: Canvas, bare: BareBoard, plan: DefectPlan, mask: BoolArray) -> None:
    """Defects of the board itself, drawn before any part; marks the truth in ``mask``."""
    if plan.kind != "open_trace":
        return
    cut = _gap(TRACES[int(plan.target)])
    cover, rows, cols = canvas.patch(cut, soft=0.35)
    window = canvas.pixels[rows, cols]
    window += cover[..., None] * (bare.stripped.pixels[rows, cols] - window)
    mark(mask, canvas, cut)


def change_placement(
    placed: Placement, plans: Sequence[DefectPlan], ref: str, mask: BoolArray, canvas: Canvas
) -> Placement | None:
    """The placement after wrong, turned or missing parts; None = not set at all.

    A missing part is marked in ``mask``; what a wrong or turned one changes is for
    ``mark_difference`` to find.
    """
    for plan in (p for p in plans if p.target == ref):
        if plan.kind == "missing_component":
            mark(mask, canvas, footprint(part(ref)))
            return None
        if plan.kind == "rotated_part":
            return replace(placed, flipped=True)
        if plan.kind == "wrong_part":
            return replace(placed, value=_WRONG_VALUES[placed.value])
    return placed


def mark_difference(mask: BoolArray, right: Canvas, wrong: Canvas) -> None:
    """Set the truth where two drawings of a part differ to the eye, small gaps closed."""
    away = np.abs(right.pixels - wrong.pixels).max(axis=2)
    seen = (cv2.GaussianBlur(away, (0, 0), SCALE) > 0.03).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (8 * SCALE + 1, 8 * SCALE + 1))
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= 30 * SCALE**2:  # specks are not defects of their own
            mask |= labels == label


def change_surface(
    canvas: Canvas, plan: DefectPlan, rng: np.random.Generator, mask: BoolArray
) -> None:
    """Defects on top of everything: scratches, stains and solder bridges."""
    if plan.kind == "scratch":
        _scratch(canvas, plan, rng, mask)
    elif plan.kind == "stain":
        _stain(canvas, plan, rng, mask)
    elif plan.kind == "solder_bridge":
        _bridge(canvas, plan, rng, mask)


def mark(mask: BoolArray, canvas: Canvas, points: Points, width: float | None = None) -> None:
    """Set the truth inside a polygon, or along a line ``width`` board pixels wide."""
    if width is None:
        cover, rows, cols = canvas.patch(points)
    else:
        cover, rows, cols = canvas.line_patch(points, width)
    mask[rows, cols] |= cover > 0.4


def _gap(track: Points) -> list[tuple[float, float]]:
    """A ragged break across the middle of the longest straight run of a track."""
    runs = [(math.dist(a, b), a, b) for a, b in itertools.pairwise(track)]
    length, a, b = max(runs)
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    mx, my = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    ragged = ((-7, -6), (6, -6), (8, -1.5), (5.5, 2), (7, 6), (-6, 6), (-8, 1), (-5.5, -2))
    return [(mx + u * ux - v * uy, my + u * uy + v * ux) for u, v in ragged]


def _centre(plan: DefectPlan) -> tuple[float, float]:
    x, y = plan.target.split(",")
    return float(x), float(y)


def _scratch(canvas: Canvas, plan: DefectPlan, rng: np.random.Generator, mask: BoolArray) -> None:
    """A tool mark: a bent line, bright where it cuts, dark along one lip, fading at both ends."""
    x, y = _centre(plan)
    heading = rng.uniform(-0.9, 0.9)
    bend = rng.uniform(-0.012, 0.012)
    steps = int(rng.integers(30, 42))
    points = []
    for _ in range(steps):
        points.append((x, y))
        heading += bend + rng.normal(0, 0.02)
        x, y = x + 2.2 * math.cos(heading), y + 2.2 * math.sin(heading)
    strength = 0.26 if plan.faint else 0.85
    for i, (a, b) in enumerate(itertools.pairwise(points)):
        fade = strength * min(1.0, 0.25 + 0.16 * min(i, steps - 2 - i))
        lip = [(p[0] + 0.9, p[1] + 1.1) for p in (a, b)]
        canvas.stroke(lip, 1.2, (0.02, 0.07, 0.04), alpha=0.5 * fade, soft=0.4)
        rgb = (0.80, 0.78, 0.62) if i % 7 else (0.90, 0.72, 0.52)
        canvas.stroke([a, b], 1.5, rgb, alpha=fade, soft=0.3)
    mark(mask, canvas, points, 4.0)


def _stain(canvas: Canvas, plan: DefectPlan, rng: np.random.Generator, mask: BoolArray) -> None:
    """Dried flux: a blob that darkens and yellows a little, with a rim where it dried last."""
    x, y = _centre(plan)
    phase = rng.uniform(0, 2 * math.pi, 3)
    radius = rng.uniform(17, 23)
    blob = []
    for t in np.linspace(0, 2 * math.pi, 60, endpoint=False):
        wave = sum(math.sin((k + 2) * t + phase[k]) * (0.16, 0.09, 0.05)[k] for k in range(3))
        r = radius * (1 + wave)
        blob.append((x + 1.25 * r * math.cos(t), y + 0.85 * r * math.sin(t)))
    alpha = 0.15 if plan.faint else 0.34
    canvas.polygon(blob, (0.25, 0.23, 0.10), alpha=alpha, soft=2.2)
    canvas.stroke([*blob, blob[0]], 2.0, (0.72, 0.70, 0.50), alpha=0.55 * alpha, soft=0.9)
    mark(mask, canvas, blob)


def _bridge(canvas: Canvas, plan: DefectPlan, rng: np.random.Generator, mask: BoolArray) -> None:
    """Solder that ran together between two neighbouring leads."""
    item = part(plan.target)
    pins = soic_pins(item)
    first = int(rng.integers(1, item.pins - 2)) + item.pins  # the lower row, nearer the viewer
    (ax, ay), (bx, _) = pins[first], pins[first + 1]
    middle, half = (ax + bx) / 2, (bx - ax) / 2
    local = []
    for t in np.linspace(0, 2 * math.pi, 28, endpoint=False):
        pinch = 1 - 0.22 * math.cos(2 * t)
        u = middle + (half + 1.5) * math.cos(t)
        local.append((u, ay + 2.5 + 5.4 * pinch * math.sin(t)))
    outline = item.pose.at(local)
    canvas.polygon(outline, (0.80, 0.81, 0.82), rgb_end=(0.42, 0.44, 0.46), soft=0.4)
    glint = item.pose.at(ring(1.6, middle - 1, ay + 0.6))
    canvas.polygon(glint, (0.98, 0.98, 0.98), alpha=0.8, soft=0.6)
    canvas.stroke(outline[2:12], 1.0, SOLDER, alpha=0.4, soft=0.4)
    mark(mask, canvas, outline)


def empty_truth(size_wh: tuple[int, int]) -> BoolArray:
    """A truth mask on the fine grid with nothing marked."""
    return np.zeros((size_wh[1] * SCALE, size_wh[0] * SCALE), dtype=np.bool_)
