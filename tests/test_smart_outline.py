"""Outlines by click and stroke, on drawn pictures whose truth is known."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from offspec.masks import polygon_mask
from offspec.smart_outline import nearest_outlines, outline_click, outline_stroke
from offspec.types import BoolArray, PointsXY

Bytes = NDArray[np.uint8]
SIZE_HW = (300, 400)


def ground(size_hw: tuple[int, int] = SIZE_HW, slope: float = 30.0, noise: float = 3.0) -> Bytes:
    """A lit surface: brightness falls across it, with sensor noise."""
    height, width = size_hw
    fall = np.linspace(0, slope, width)[None, :, None]
    rough = np.random.default_rng(0).normal(0, noise, (height, width, 1))
    made = np.array([150.0, 145.0, 140.0]) - fall + rough
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def drawn(image: Bytes, truth: BoolArray, rgb: tuple[int, int, int], opacity: float) -> Bytes:
    soft = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 0.7)[:, :, None] * opacity
    mixed = image * (1 - soft) + np.array(rgb, np.float32) * soft
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def blot(size_hw: tuple[int, int] = SIZE_HW, scale: int = 1) -> BoolArray:
    canvas = np.zeros(size_hw, np.uint8)
    cv2.ellipse(canvas, (150 * scale, 120 * scale), (28 * scale, 17 * scale), 30, 0, 360, (1,), -1)
    cv2.circle(canvas, (170 * scale, 135 * scale), 14 * scale, (1,), -1)
    return canvas > 0


SCRATCH = [(220.0, 250.0), (260.0, 215.0), (300.0, 205.0), (350.0, 160.0)]


def scratch(width: int = 2) -> BoolArray:
    canvas = np.zeros(SIZE_HW, np.uint8)
    cv2.polylines(canvas, [np.array(SCRATCH, np.int32)], False, (1,), width)
    return canvas > 0


def iou(outlines: list[PointsXY], truth: BoolArray) -> float:
    mask = polygon_mask(outlines, truth.shape)
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("opacity", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("rgb", [(20, 20, 25), (240, 240, 235), (150, 60, 40)])
def test_a_click_outlines_a_blot(rgb: tuple[int, int, int], opacity: float) -> None:
    image = drawn(ground(), blot(), rgb, opacity)
    (found,) = outline_click(image, (150.5, 120.5))
    assert iou([found], blot()) > 0.85


@pytest.mark.parametrize("rgb", [(20, 20, 25), (240, 240, 235)])
def test_a_stroke_outlines_a_blot_it_covers_roughly(rgb: tuple[int, int, int]) -> None:
    image = drawn(ground(), blot(), rgb, 0.5)
    found = outline_stroke(image, [(130.0, 110.0), (172.0, 134.0)], 46.0)
    assert iou(found, blot()) > 0.85


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("off", [(0.0, 0.0), (2.5, -2.5)])
def test_a_stroke_along_a_scratch_gives_the_scratch(width: int, off: tuple[float, float]) -> None:
    truth = scratch(width)
    image = drawn(ground(), truth, (235, 235, 230), 0.8)
    found = outline_stroke(image, [(x + off[0], y + off[1]) for x, y in SCRATCH], 12.0)
    wide = cv2.dilate(truth.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    mask = polygon_mask(found, truth.shape)
    assert (mask & truth).sum() > 0.85 * truth.sum()  # the whole length
    assert (mask & ~wide).sum() < 0.1 * mask.sum()  # and nothing beside it
    assert len(found) <= 3


def test_where_nothing_stands_out_the_stroke_itself_is_kept() -> None:
    found = outline_stroke(ground(noise=1.0, slope=0.0), [(100.0, 100.0), (200.0, 100.0)], 20.0)
    painted = np.zeros(SIZE_HW, np.uint8)
    cv2.line(painted, (100, 100), (200, 100), (1,), 20)
    assert iou(found, painted > 0) > 0.8


def test_a_region_at_the_border_of_the_image_is_outlined() -> None:
    truth = np.zeros(SIZE_HW, np.bool_)
    truth[:30, 180:230] = True
    image = drawn(ground(), truth, (20, 20, 20), 0.9)
    found = outline_stroke(image, [(195.0, 15.0), (215.0, 15.0)], 40.0)
    assert iou(found, truth) > 0.8
    assert iou(outline_click(image, (200.0, 5.0)), truth) > 0.9


def test_points_outside_give_nothing() -> None:
    image = ground()
    assert outline_click(image, (-5.0, 10.0)) == []
    assert outline_click(image, (400.0, 10.0)) == []
    assert outline_stroke(image, [(500.0, 10.0)], 5.0) == []


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 50), (8, 8)])
def test_tiny_pictures_are_no_fault(size_hw: tuple[int, int]) -> None:
    image = ground(size_hw)
    found = [
        *outline_click(image, (0.5, 0.5)),
        *outline_stroke(image, [(0.5, 0.5)], 3.0),
        *outline_stroke(image, [(0.5, 0.5), (0.9, 0.9)], 1000.0),
    ]
    height, width = size_hw
    assert all(0 <= x <= width and 0 <= y <= height for one in found for x, y in one)


def test_the_same_question_gives_the_same_answer() -> None:
    image = drawn(ground(), blot(), (20, 20, 25), 0.4)
    way = [(130.0, 110.0), (172.0, 134.0)]
    assert outline_stroke(image, way, 46.0) == outline_stroke(image, way, 46.0)
    assert outline_click(image, way[0]) == outline_click(image, way[0])


def test_twelve_megapixels_are_answered_while_one_waits() -> None:
    size_hw = (3000, 4000)
    image = drawn(ground(size_hw), blot(size_hw, 10), (20, 20, 25), 0.5)

    def click() -> list[PointsXY]:
        return outline_click(image, (1500.0, 1200.0))

    def stroke() -> list[PointsXY]:
        return outline_stroke(image, [(1300.0, 1100.0), (1700.0, 1350.0)], 460.0)

    for ask in (click, stroke):
        took = []
        for _ in range(3):
            start = time.thread_time()
            found = ask()
            took.append(time.thread_time() - start)
        assert min(took) < 0.3
        assert iou(found, blot(size_hw, 10)) > 0.85


SQUARES: list[PointsXY] = [
    ((10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0)),
    ((40.0, 10.0), (50.0, 10.0), (50.0, 20.0), (40.0, 20.0)),
]


def test_of_a_models_outlines_the_one_pointed_at_or_the_nearest_is_taken() -> None:
    assert nearest_outlines(SQUARES, [(15.0, 15.0)], 5.0) == SQUARES[:1]
    assert nearest_outlines(SQUARES, [(15.0, 15.0), (45.0, 15.0)], 5.0) == SQUARES
    assert nearest_outlines(SQUARES, [(36.0, 15.0)], 5.0) == SQUARES[1:]
    assert nearest_outlines(SQUARES, [(30.0, 15.0)], 5.0) == []
    assert nearest_outlines([], [(30.0, 15.0)], 5.0) == []
