"""Drawing threshold, outlined masks and components."""

from __future__ import annotations

import json

import numpy as np
import pytest

from offspec.calibration import PixelThreshold, components, draw_mask, pixel_threshold
from offspec.errors import BundleError, InputError, ShapeError
from offspec.types import FloatArray

LEVELS = PixelThreshold(high=10.0, low=6.0, min_area_px=4.0, allowed=0.1)


def blank() -> FloatArray:
    return np.ones((40, 60), np.float32)


def noise(n: int, seed: int = 0) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    maps = []
    for _ in range(n):
        field = rng.gamma(2.0, 1.0, (48, 64)).astype(np.float32)
        field[10:14, 10:14] += rng.gamma(2.0, 2.0)  # one blob per image, of varying strength
        maps.append(field)
    return maps


def test_hysteresis_draws_the_weak_surroundings_of_a_strong_seed_only() -> None:
    values = blank()
    values[5:10, 5:10] = 7.0
    values[7, 7] = 11.0
    values[20:30, 20:30] = 7.0  # no seed
    drawn = draw_mask(values, None, LEVELS, always_max=False)
    assert drawn.sum() == 25
    assert drawn[5:10, 5:10].all()


def test_small_components_are_left_out() -> None:
    values = blank()
    values[5, 5:8] = 20.0
    assert not draw_mask(values, None, LEVELS, always_max=False).any()
    values[6, 8] = 20.0  # diagonal neighbour: 8-neighbourhood
    assert draw_mask(values, None, LEVELS, always_max=False).sum() == 4


def test_a_value_equal_to_a_level_is_not_above_it() -> None:
    values = blank()
    values[5:10, 5:10] = 10.0
    assert not draw_mask(values, None, LEVELS, always_max=False).any()


def test_ng_always_draws_the_component_holding_the_maximum() -> None:
    weak = blank()
    weak[5:10, 5:10] = 3.0
    weak[20:25, 20:25] = 2.5
    drawn = draw_mask(weak, None, LEVELS, always_max=True)
    assert drawn[5:10, 5:10].all()
    assert drawn.sum() == 25
    small = blank()
    small[3, 3] = 50.0  # the maximum, under the minimum area
    small[20:25, 20:25] = 12.0
    drawn = draw_mask(small, None, LEVELS, always_max=True)
    assert drawn[3, 3]
    assert drawn.sum() == 26
    assert draw_mask(small, None, LEVELS, always_max=False).sum() == 25


def test_extent_level_is_where_drawn_components_end() -> None:
    assert LEVELS.extent_level(50.0) == 6.0
    assert LEVELS.extent_level(5.0) == pytest.approx(3.0)
    weak = blank()
    weak[5:10, 5:10] = 3.1
    weak[7, 7] = 5.0
    drawn = draw_mask(weak, None, LEVELS, always_max=True)
    assert (drawn == (weak > LEVELS.extent_level(5.0))).all()


def test_nothing_is_drawn_outside_the_region_nor_on_an_empty_map() -> None:
    values = blank()
    values[5:10, 5:10] = 20.0
    region = np.zeros(values.shape, bool)
    region[20:, :] = True
    region[25, 30] = False
    drawn = draw_mask(values, region, LEVELS, always_max=True)
    assert not (drawn & ~region).any()
    assert not draw_mask(np.zeros((8, 8), np.float32), None, LEVELS, always_max=True).any()


def test_map_and_mask_must_have_one_shape() -> None:
    with pytest.raises(ShapeError):
        draw_mask(blank(), np.ones((3, 3), bool), LEVELS, always_max=True)


def test_inputs_are_not_changed() -> None:
    values, region = blank(), np.ones((40, 60), bool)
    draw_mask(values, region, LEVELS, always_max=True)
    pixel_threshold([values], [region])
    assert (values == 1.0).all()
    assert region.all()


def test_components_have_area_peak_and_outline_highest_peak_first() -> None:
    values = blank()
    values[5:10, 5:15] = 12.0
    values[20:24, 30:34] = 20.0
    mask = values > 2.0
    found = components(mask, values)
    assert [c.peak_raw for c in found] == [20.0, 12.0]
    assert [c.area_px for c in found] == [16.0, 50.0]
    assert found[1].box_xywh == (5, 5, 10, 5)
    assert set(found[1].polygon) == {(5.0, 5.0), (14.0, 5.0), (14.0, 9.0), (5.0, 9.0)}


@pytest.mark.parametrize("cut", [np.s_[4:5, 7:8], np.s_[4:5, 7:12], np.s_[4:9, 7:8]])
def test_dots_and_lines_still_have_an_outline_with_area(cut: tuple[slice, slice]) -> None:
    mask = np.zeros((20, 20), bool)
    mask[cut] = True
    (found,) = components(mask, np.ones((20, 20), np.float32))
    assert len(found.polygon) == 4
    xs, ys = [p[0] for p in found.polygon], [p[1] for p in found.polygon]
    assert (max(xs) - min(xs)) * (max(ys) - min(ys)) == found.area_px


def test_outline_lies_inside_its_bounding_box() -> None:
    mask = np.zeros((30, 40), bool)
    mask[5:20, 8] = mask[19, 8:30] = True
    (found,) = components(mask, np.ones((30, 40), np.float32))
    assert found.box_xywh == (8, 5, 22, 15)
    assert all(8 <= x <= 29 and 5 <= y <= 19 for x, y in found.polygon)


def test_two_pixels_on_a_diagonal_still_have_an_outline() -> None:
    mask = np.zeros((20, 20), bool)
    mask[4, 4] = mask[5, 5] = True
    (found,) = components(mask, np.ones((20, 20), np.float32))
    assert len(found.polygon) >= 3


@pytest.mark.parametrize(("n", "allowed"), [(60, 0.1), (60, 0.5), (25, 0.1), (30, 1.5)])
def test_drawing_threshold_keeps_to_the_allowed_false_components(n: int, allowed: float) -> None:
    maps = noise(n)
    found = pixel_threshold(maps, [None] * n, false_components=allowed)
    drawn = [draw_mask(m, None, found, always_max=False) for m in maps]
    count = sum(len(components(d, m)) for d, m in zip(drawn, maps, strict=True))
    assert count <= allowed * (n + 1) - 1
    lower = PixelThreshold(0.8 * found.high, 0.8 * found.low, found.min_area_px, allowed)
    more = [draw_mask(m, None, lower, always_max=False) for m in maps]
    assert sum(len(components(d, m)) for d, m in zip(more, maps, strict=True)) > count


def test_drawing_threshold_holds_on_fresh_normals() -> None:
    found = pixel_threshold(noise(80), [None] * 80, false_components=0.2)
    fresh = noise(300, seed=9)
    count = sum(len(components(draw_mask(m, None, found, always_max=False), m)) for m in fresh)
    assert 0.05 < count / 300 < 0.35


def test_too_few_normals_are_extrapolated_above_their_own_level() -> None:
    maps = noise(6)
    few = pixel_threshold(maps, [None] * 6, false_components=0.05)
    assert not any(draw_mask(m, None, few, always_max=False).any() for m in maps)
    assert few.high < 10 * max(float(m.max()) for m in maps)


def test_minimum_area_lowers_the_level() -> None:
    maps = noise(40)
    small = pixel_threshold(maps, [None] * 40, min_area_px=1)
    large = pixel_threshold(maps, [None] * 40, min_area_px=12)
    assert large.high < small.high


def test_pixels_outside_the_region_do_not_count() -> None:
    maps = noise(30)
    region = np.ones((48, 64), bool)
    region[8:16, 8:16] = False
    inside = pixel_threshold(maps, [region] * 30)
    assert inside.high < pixel_threshold(maps, [None] * 30).high


def test_empty_maps_give_a_usable_threshold() -> None:
    found = pixel_threshold([np.zeros((16, 16), np.float32)] * 12, [None] * 12)
    assert 0.0 < found.low < found.high


def test_unusable_arguments_are_refused() -> None:
    with pytest.raises(InputError):
        pixel_threshold([], [])
    with pytest.raises(InputError):
        pixel_threshold(noise(2), [None])
    with pytest.raises(InputError):
        pixel_threshold(noise(2), [None, None], hysteresis=1.5)
    with pytest.raises(InputError):
        pixel_threshold(noise(2), [None, None], false_components=0.0)


def test_json_round_trip_and_damage() -> None:
    assert PixelThreshold.from_dict(json.loads(json.dumps(LEVELS.to_dict()))) == LEVELS
    for change in ({"low": 20.0}, {"x": 1}, {"high": None}, {"min_area_px": -1}):
        with pytest.raises(BundleError):
            PixelThreshold.from_dict({**LEVELS.to_dict(), **change})
