from __future__ import annotations

import numpy as np
import pytest

from offspec.errors import OptionError, ShapeError
from offspec.overlays import (
    TRUTH_RGB,
    VERDICT_RGB,
    ByteArray,
    blend_heat,
    heat_level,
    heatmap,
    overlay,
    to_eight_bits,
)
from offspec.types import Alignment, BoolArray, Defect, Inspection, RegionResult, Verdict

GREY = np.full((60, 80, 3), 120, dtype=np.uint8)


def inspection(mask: BoolArray | None, verdict: Verdict = "ng") -> Inspection:
    polygon = ((20.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0))
    region = RegionResult("r", "r", verdict, 0.9, 5.0, defects=(Defect(polygon, 400.0, 0.9, 6.0),))
    return Inspection(verdict, 0.9, Alignment(np.eye(3)), (region,), mask=mask)


def blob() -> BoolArray:
    mask = np.zeros((60, 80), dtype=np.bool_)
    mask[20:40, 20:40] = True
    return mask


def has_colour(picture: ByteArray, rgb: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture[8:-8, 8:-8].astype(int) - rgb).max(axis=2) < 25).any())


def test_heat_is_half_at_the_threshold_and_grows() -> None:
    raw = np.array([[0.0, 1.0, 2.0, 200.0]], dtype=np.float32)
    level = heat_level(raw, 2.0)[0]
    assert level[0] == 0
    assert level[2] == pytest.approx(0.5)
    assert np.all(np.diff(level) > 0)
    assert level[3] < 1


def test_heat_of_one_pixel_does_not_depend_on_the_rest_of_the_image() -> None:
    calm = np.full((4, 4), 1.0, dtype=np.float32)
    hot = calm.copy()
    hot[3, 3] = 1000.0
    assert np.array_equal(heatmap(calm, 2.0)[0, 0], heatmap(hot, 2.0)[0, 0])


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf")])
def test_a_useless_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(OptionError, match="above 0"):
        heatmap(np.zeros((2, 2), dtype=np.float32), threshold)


def test_blend_leaves_calm_areas_grey_and_colours_hot_ones() -> None:
    raw = np.zeros((60, 80), dtype=np.float32)
    raw[30, 40] = 50.0
    picture = blend_heat(GREY, raw, 2.0)
    assert len(set(picture[0, 0].tolist())) == 1
    assert int(picture[30, 40, 0]) - int(picture[30, 40, 2]) > 30


def test_overlay_outlines_mask_and_truth_without_covering_the_defect() -> None:
    truth = np.zeros((60, 80), dtype=np.bool_)
    truth[10:20, 55:70] = True
    picture = overlay(GREY, inspection(blob()), truth)
    assert has_colour(picture, VERDICT_RGB["ng"])
    assert has_colour(picture, TRUTH_RGB)
    assert np.array_equal(picture[24:36, 24:36], GREY[24:36, 24:36])


def test_overlay_without_a_mask_draws_the_polygons() -> None:
    assert has_colour(overlay(GREY, inspection(None)), VERDICT_RGB["ng"])


def test_overlay_frames_in_the_colour_of_the_verdict_and_leaves_the_image_alone() -> None:
    before = GREY.copy()
    picture = overlay(GREY, inspection(None, "ok"))
    assert tuple(picture[1, 40].tolist()) == VERDICT_RGB["ok"]
    assert np.array_equal(GREY, before)


def test_sixteen_bit_images_are_shown_by_their_used_depth() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint16)
    image[0, 0] = 4095
    assert to_eight_bits(image)[0, 0].tolist() == [255, 255, 255]


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match="4 x 4"):
        overlay(GREY, inspection(np.ones((4, 4), dtype=np.bool_)))
    with pytest.raises(ShapeError, match=r"\(H, W, 3\)"):
        to_eight_bits(np.zeros((4, 4), dtype=np.uint8))
