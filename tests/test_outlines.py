from __future__ import annotations

import cv2
import numpy as np
import pytest

from offspec.outlines import Outline, fill, outline_components
from offspec.types import BoolArray, FloatArray

EYE = np.eye(3)


def outlines(values: FloatArray, level: float, mask: BoolArray | None = None) -> list[Outline]:
    drawn = values > level if mask is None else (values > level) & mask
    return outline_components(values, drawn, mask, level, EYE)


def drawn_again(found: list[Outline], shape: tuple[int, int]) -> BoolArray:
    out = np.zeros(shape, bool)
    fill(found, out)
    return out


def test_a_disc_has_its_area_to_a_percent() -> None:
    y, x = np.mgrid[0:60, 0:80]
    values = np.clip(20 - np.hypot(x - 40.3, y - 29.8), 0, None).astype(np.float32)
    (found,) = outlines(values, 5.0)
    assert found.area_px == pytest.approx(np.pi * 15**2, rel=0.01)
    assert found.peak_raw == values.max()
    radius = np.hypot(found.rings[0][:, 0] - 40.3, found.rings[0][:, 1] - 29.8)
    assert abs(radius - 15).max() < 0.3


@pytest.mark.parametrize("seed", range(8))
def test_filling_gives_back_the_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2, (23, 31)).astype(np.float32)  # diagonals, holes, dots, borders
    mask = rng.random((23, 31)) > 0.1
    found = outlines(values, 0.5, mask)
    rings = drawn_again(found, (23, 31))
    wanted = (values > 0.5) & mask
    assert not (wanted & ~rings).any()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~wanted).view(np.uint8), connectivity=4
    )
    large = np.isin(labels, [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > 1])
    assert not (rings & large & ~wanted).any()  # holes of one pixel are closed, others stay open


def test_a_ring_keeps_its_hole() -> None:
    y, x = np.mgrid[0:50, 0:50]
    values = (4 - np.abs(np.hypot(x - 25, y - 25) - 15)).clip(0).astype(np.float32)
    (found,) = outlines(values, 1.0)
    assert len(found.rings) == 2
    assert found.area_px == pytest.approx(np.pi * (18**2 - 12**2), rel=0.02)
    assert not drawn_again([found], (50, 50))[22:28, 22:28].any()


def test_diagonal_neighbours_are_one_component() -> None:
    values = np.zeros((6, 6), np.float32)
    values[2, 2] = values[3, 3] = 1
    assert len(outlines(values, 0.5)) == 1


def test_components_come_with_the_highest_first() -> None:
    values = np.zeros((10, 30), np.float32)
    values[2:5, 2:5], values[2:5, 12:15], values[5:8, 22:25] = 1, 3, 2
    assert [o.peak_raw for o in outlines(values, 0.5)] == [3, 2, 1]


def test_border_of_map_and_region_lies_midway() -> None:
    values = np.ones((10, 12), np.float32)
    mask = np.zeros((10, 12), bool)
    mask[:, :6] = True
    (found,) = outlines(values, 0.2, mask)
    low, high = found.rings[0].min(axis=0), found.rings[0].max(axis=0)
    np.testing.assert_allclose(low, [-0.5, -0.5])
    np.testing.assert_allclose(high, [5.5, 9.5])
    edge = found.polygon()
    assert min(x for x, _ in edge) == 0
    assert max(x for x, _ in edge) == 6


def test_outlines_beyond_the_image_are_cut() -> None:
    values = np.ones((10, 10), np.float32)
    shift = np.array([[1.0, 0, -4], [0, 1, 6], [0, 0, 1]])
    found = outline_components(values, values > 0, None, 0.0, shift)
    assert drawn_again(found, (12, 12)).sum() == 6 * 6
    far = outline_components(
        values, values > 0, None, 0.0, shift + np.array([[0, 0, 99], [0, 0, 0], [0, 0, 0]])
    )
    assert not drawn_again(far, (12, 12)).any()


def test_nothing_drawn_gives_no_outline() -> None:
    assert outlines(np.zeros((8, 8), np.float32), 0.5) == []
