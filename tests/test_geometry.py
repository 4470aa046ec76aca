from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from offspec.geometry import (
    TILE_HALO,
    GraphGroup,
    Tile,
    assemble,
    core_offsets,
    grid_mask,
    overhang_px,
    oversampling,
    paste_region,
    plan_tiles,
    region_grid,
    sample_crop,
    tile_mask,
    transform_points,
    visible_mask,
)
from offspec.template import Exclusion, Region, plan_resolution
from offspec.types import Alignment, DoubleArray, FloatArray, ImageArray
from tests.bundle.make import board, rectangle, template_of

GOLDEN = Path(__file__).parent / "golden" / "sampling.json"
EYE = Alignment(np.eye(3))


def turned(degrees: float, dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> Alignment:
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return Alignment(np.array([[c, -s, dx], [s, c, dy], [0.0, 0.0, 1.0]]))


def tile_of(box: tuple[float, float, float, float], net_hw: tuple[int, int]) -> Tile:
    return Tile(0, 0, 0, 0, box, net_hw, (0, net_hw[0], 0, net_hw[1]))


def slow_crop(image: ImageArray, bits: int, matrix: DoubleArray, tile: Tile) -> FloatArray:
    """SPEC.md section 4, pixel by pixel."""
    net_h, net_w = tile.net_hw
    x, y, w, h = tile.box_xywh
    kx, ky = oversampling(Alignment(matrix), tile)
    crop = np.zeros((3, net_h, net_w))
    for v in range(net_h * ky):
        for u in range(net_w * kx):
            place = (
                x + (u + 0.5) * w / (net_w * kx) - 0.5,
                y + (v + 0.5) * h / (net_h * ky) - 0.5,
                1.0,
            )
            px, py, pz = matrix @ np.array(place)
            crop[:, v // ky, u // kx] += bilinear(image, px / pz, py / pz)
    full = 255.0 if image.dtype == np.uint8 else 2.0**bits - 1
    return np.minimum(crop / (kx * ky) / full, 1.0).astype(np.float32)


def bilinear(image: ImageArray, x: float, y: float) -> DoubleArray:
    height, width = image.shape[:2]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    fx, fy = x - x0, y - y0
    pixels = image.astype(np.float64)
    top = pixels[y0, x0] * (1 - fx) + pixels[y0, x1] * fx
    bottom = pixels[y1, x0] * (1 - fx) + pixels[y1, x1] * fx
    found: DoubleArray = top * (1 - fy) + bottom * fy
    return found


# -- sampling ---------------------------------------------------------------


def test_identity_crop_is_the_image() -> None:
    image = board()
    crop = sample_crop(image, 8, EYE, tile_of((16, 8, 64, 48), (48, 64)))
    expected = image[8:56, 16:80].astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(crop, expected)


def test_whole_pixel_shift_is_exact() -> None:
    image = board()
    crop = sample_crop(image, 8, turned(0, 3, -2), tile_of((16, 8, 32, 32), (32, 32)))
    np.testing.assert_array_equal(crop[0], image[6:38, 19:51, 0] / np.float32(255))


@pytest.mark.parametrize(
    ("box", "net_hw", "alignment"),
    [
        ((10, 5, 40, 30), (16, 16), EYE),
        ((10, 5, 40, 30), (20, 16), turned(4, 2.3, -1.7, 1.03)),
        ((-8, -6, 60, 40), (16, 32), turned(-7, 1.2, 0.4)),
        ((20, 10, 12, 12), (24, 24), turned(30, 5, 5)),
        (
            (0, 0, 48, 40),
            (16, 16),
            Alignment(np.array([[1, 0.02, 1], [0.01, 1, 2], [2e-4, 1e-4, 1]])),
        ),
        ((0, 0, 48, 40), (16, 16), turned(0, 0, 0, 2.0)),
    ],
)
def test_crop_follows_the_specification(
    box: tuple[float, float, float, float], net_hw: tuple[int, int], alignment: Alignment
) -> None:
    image = np.asarray(cv2.GaussianBlur(board(), (0, 0), 1.5), np.uint8)
    tile = tile_of(box, net_hw)
    crop = sample_crop(image, 8, alignment, tile)
    # OpenCV 4 rounds coordinates to 1/32 px; the smooth picture bounds what that changes.
    np.testing.assert_allclose(crop, slow_crop(image, 8, alignment.matrix, tile), atol=4e-3)


def golden_image(case: dict[str, Any]) -> ImageArray:
    """The picture SPEC.md's test vectors are taken from."""
    height, width = case["image_hw"]
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        np.rint(case["full"] * (0.5 + 0.4 * np.sin(0.11 * x + 0.07 * y * (c + 1) + c)))
        for c in range(3)
    ]
    picture = np.stack(planes, axis=-1)
    return picture.astype(np.uint8) if case["bits"] == 8 else picture.astype(np.uint16)


GOLDEN_CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", GOLDEN_CASES, ids=lambda case: str(case["name"]))
def test_golden_vectors(case: dict[str, Any]) -> None:
    net_h, net_w = case["net_hw"]
    x, y, w, h = case["box_xywh"]
    tile = tile_of((x, y, w, h), (net_h, net_w))
    alignment = Alignment(np.array(case["matrix"]))
    assert list(oversampling(alignment, tile)) == case["samples_kx_ky"]
    crop = sample_crop(golden_image(case), case["bits"], alignment, tile)
    np.testing.assert_allclose(crop, np.array(case["crop"]), atol=case["max_error"], rtol=0)


def test_sixteen_bit_images_scale_by_significant_bits_and_clip() -> None:
    image = np.full((40, 40, 3), 1023, np.uint16)
    image[0:4] = 2000
    tile = tile_of((0, 0, 32, 32), (32, 32))
    crop = sample_crop(image, 10, EYE, tile)
    assert crop.max() == 1.0
    assert crop[0, 20, 20] == 1.0
    assert sample_crop(image, 12, EYE, tile)[0, 20, 20] == np.float32(1023) / np.float32(4095)


def test_shrinking_averages_instead_of_aliasing() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2, ::2] = 252  # one pixel in four
    crop = sample_crop(image, 8, EYE, tile_of((0, 0, 64, 64), (16, 16)))
    np.testing.assert_allclose(crop, 63 / 255, atol=1e-6)


def test_small_scale_of_an_alignment_keeps_the_number_of_samples() -> None:
    tile = tile_of((0, 0, 512, 512), (256, 256))
    assert oversampling(EYE, tile) == (2, 2)
    assert oversampling(turned(3, scale=1.02), tile) == (2, 2)
    assert oversampling(turned(3, scale=1.5), tile) == (3, 3)


def test_large_regions_are_sampled_in_strips() -> None:
    image = board(1200, 1000)
    tile = tile_of((0, 0, 1000, 1200), (64, 64))
    whole = sample_crop(image, 8, turned(1, 3, 4), tile)
    rows = [
        sample_crop(image, 8, turned(1, 3, 4), tile_of((0, 300 * i, 1000, 300), (16, 64)))
        for i in range(4)
    ]
    np.testing.assert_allclose(whole, np.concatenate(rows, axis=1), atol=2e-3)


def test_image_is_not_changed_and_crops_are_not_shared() -> None:
    image = board()
    before = image.copy()
    tile = tile_of((0, 0, 64, 64), (64, 64))
    first = sample_crop(image, 8, EYE, tile)
    kept = first.copy()
    sample_crop(board(seed=5), 8, EYE, tile)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(image, before)


# -- tiles ------------------------------------------------------------------


def native(region: Region) -> Region:
    return Region(region.id, region.name, region.shape, region.points_xy, resolution="native")


@pytest.mark.parametrize(("w", "h"), [(100, 80), (512, 512), (513, 600), (1300, 1030), (1536, 40)])
def test_native_cores_cover_the_region_once(w: int, h: int) -> None:
    image = np.zeros((h + 20, w + 30, 3), np.uint8)
    template = template_of(image, [native(rectangle("a", 12, 9, w, h))])
    tiles, groups = plan_tiles(template, [plan_resolution(template.regions[0])])
    grid = region_grid(tiles)
    assert grid.size_hw == (h, w)
    assert grid.box_xywh == (12.0, 9.0, float(w), float(h))
    hits = np.zeros((h, w), int)
    for tile, (oy, ox) in zip(tiles, core_offsets(tiles), strict=True):
        y0, y1, x0, x1 = tile.core
        hits[oy : oy + y1 - y0, ox : ox + x1 - x0] += 1
        assert min(y0, x0) >= TILE_HALO
        assert tile.net_hw[0] - y1 >= TILE_HALO
        assert tile.net_hw[0] % 32 == tile.net_hw[1] % 32 == 0
    assert (hits == 1).all()
    assert groups == (GraphGroup(0, tiles[0].net_hw, len(tiles)),)


def test_tiled_map_equals_one_pass_map() -> None:
    image = board(700, 900)
    template = template_of(image, [native(rectangle("a", 20, 15, 830, 640))])
    tiles, _ = plan_tiles(template, [plan_resolution(template.regions[0])])
    assert len(tiles) == 4

    def local(crop: FloatArray) -> FloatArray:  # reaches 20 pixels, less than the halo
        blurred = cv2.blur(crop[0], (41, 41), borderType=cv2.BORDER_REPLICATE)
        found: FloatArray = np.abs(crop[0] - blurred)
        return found

    maps = [local(sample_crop(image, 8, turned(0.4, 2.2, -1.1), tile)) for tile in tiles]
    tiled = assemble(tiles, maps)
    halo = tile_of((20 - 64, 15 - 64, 830 + 128, 640 + 128), (640 + 128, 830 + 128))
    whole = local(sample_crop(image, 8, turned(0.4, 2.2, -1.1), halo))[64:-64, 64:-64]
    np.testing.assert_allclose(tiled, whole, atol=2e-5)


def test_regions_of_one_size_share_a_graph_unless_told_otherwise() -> None:
    image = board(300, 300)
    regions = [rectangle(n, 10 * i, 0, 200, 200) for i, n in enumerate("abc")]
    template = template_of(image, regions)
    plans = [plan_resolution(r) for r in regions]
    tiles, groups = plan_tiles(template, plans)
    assert [t.slot for t in tiles] == [0, 1, 2]
    assert [g.n_slots for g in groups] == [3]
    tiles, groups = plan_tiles(template, plans, ["object", "texture", "object"])
    assert [(t.group, t.slot) for t in tiles] == [(0, 0), (1, 0), (0, 1)]
    assert [g.n_slots for g in groups] == [2, 1]


# -- masks and way back ------------------------------------------------------


def test_masks_leave_out_exclusions_and_halo() -> None:
    hole = Exclusion("rectangle", ((20, 20), (40, 30)))
    region = Region("a", "a", "rectangle", ((10, 10), (110, 90)), exclusions=(hole,))
    image = board()
    template = template_of(image, [native(region)])
    tiles, _ = plan_tiles(template, [plan_resolution(template.regions[0])])
    full = tile_mask(region, tiles[0])
    core = tile_mask(region, tiles[0], core_only=True)
    assert full.sum() == core.sum() == 100 * 80 - 20 * 10
    grid = region_grid(tiles)
    mask = grid_mask(region, grid)
    assert mask.shape == (80, 100)
    assert not mask[10:20, 10:30].any()
    assert mask.sum() == core.sum()


def test_pasted_map_lands_where_the_crop_was_read() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(image, (90, 55), 6, (255, 255, 255), -1)
    region = rectangle("a", 20, 10, 120, 96)
    alignment = turned(8, 6, -5, 1.05)
    tile = tile_of((20, 10, 120, 96), (48, 60))
    crop = sample_crop(image, 8, alignment, tile)
    out = np.zeros(image.shape[:2], np.float32)
    paste_region(crop[0], region_grid([tile]), region.mask((120, 160)), alignment, out)
    y, x = np.nonzero(out > 0.5)
    assert abs(x.mean() - 90) < 0.3
    assert abs(y.mean() - 55) < 0.3


def test_paste_touches_only_the_region() -> None:
    region = Region("a", "a", "ellipse", ((20, 20), (80, 60)))
    tile = tile_of((20, 20, 60, 40), (16, 16))
    out = np.zeros((100, 120), np.float32)
    mask = region.mask((100, 120))
    paste_region(np.ones((16, 16), np.float32), region_grid([tile]), mask, EYE, out)
    np.testing.assert_array_equal(out > 0, mask)


def test_overlapping_regions_keep_the_larger_value() -> None:
    out = np.full((64, 64), 0.5, np.float32)
    tile = tile_of((0, 0, 64, 64), (8, 8))
    values = np.zeros((8, 8), np.float32)
    values[:4] = 1
    paste_region(values, region_grid([tile]), np.ones((64, 64), bool), EYE, out)
    assert out[2, 2] == 1
    assert out[60, 2] == 0.5


def test_pixels_beyond_the_image_are_not_visible() -> None:
    grid = region_grid([tile_of((0, 0, 64, 48), (24, 32))])
    assert visible_mask(grid, EYE, (48, 64)) is None
    seen = visible_mask(grid, turned(0, -6, 0), (48, 64))
    assert seen is not None
    assert not seen[:, :3].any()
    assert seen[:, 3:].all()


@pytest.mark.parametrize(
    "alignment",
    [
        turned(12, 5, -7),
        turned(-30, 9, 4, 1.2),
        turned(180, 60, 44),
        Alignment(np.array([[1.1, 0.05, -4], [0.02, 1.2, -3], [2e-3, 1e-3, 1]])),
    ],
)
def test_visible_pixels_are_those_whose_centre_is_on_the_image(alignment: Alignment) -> None:
    grid = region_grid([tile_of((2, 1, 60, 46), (23, 30))])
    v, u = np.mgrid[0:23, 0:30]
    points = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64)
    x, y = transform_points(alignment.matrix @ grid.to_reference, points).T
    on = (x >= -0.51) & (y >= -0.51) & (x <= 64 - 0.49) & (y <= 48 - 0.49)
    seen = visible_mask(grid, alignment, (48, 64))
    assert seen is not None
    np.testing.assert_array_equal(seen, on.reshape(23, 30))


def test_overhang_counts_only_sides_inside_the_reference() -> None:
    moved = turned(0, -9, 0)
    inner = rectangle("a", 4, 4, 40, 30)
    edge = rectangle("b", 0, 0, 64, 48)
    assert overhang_px(inner, (64, 48), EYE, (48, 64)) == 0
    assert overhang_px(inner, (64, 48), moved, (48, 64)) == pytest.approx(5)
    assert overhang_px(edge, (64, 48), moved, (48, 64)) == 0


def test_points_pass_through_a_homography() -> None:
    matrix = np.array([[1.1, 0.1, 3], [0.0, 0.9, -2], [1e-3, 2e-3, 1]])
    points = np.array([[0.0, 0.0], [10.0, 20.0]])
    found = transform_points(np.linalg.inv(matrix), transform_points(matrix, points))
    np.testing.assert_allclose(found, points, atol=1e-9)
