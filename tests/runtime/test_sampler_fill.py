"""What is not judged is filled from the reference, so that it reaches no judged pixel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from offspec.fill import fill_crop, plan_fill
from offspec.geometry import Tile, sample_crop
from offspec.runtime import Inspector
from offspec.runtime.sampler import Sampler
from offspec.template import Exclusion, Region
from offspec.types import Alignment, BoolArray, DoubleArray, FloatArray, ImageArray
from tests.bundle.make import board, make_bundle, rectangle

EYE = Alignment(np.eye(3))
HW = (96, 128)
HOLE = Exclusion("ellipse", ((40.0, 30.0), (70.0, 60.0)))
EDGE_HOLE = Exclusion("rectangle", ((100.0, -5.0), (120.0, 20.0)))
WHOLE = replace(rectangle("a", 0, 0, 128, 96), exclusions=(HOLE, EDGE_HOLE))
PLAIN = replace(WHOLE, exclusions=())


def turned(degrees: float, dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> Alignment:
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return Alignment(np.array([[c, -s, dx], [s, c, dy], [0.0, 0.0, 1.0]]))


def tile_of(
    net_hw: tuple[int, int] = HW, box: tuple[float, float, float, float] = (0, 0, 128, 96)
) -> Tile:
    return Tile(0, 0, 0, 0, box, net_hw, (0, net_hw[0], 0, net_hw[1]))


def filled(image: ImageArray, region: Region, tile: Tile, alignment: Alignment) -> FloatArray:
    crop = sample_crop(image, 8, alignment, tile)
    fill = plan_fill(region, tile, (128, 96))
    hw = (image.shape[0], image.shape[1])
    fill_crop(crop, fill, alignment, hw, lambda: sample_crop(board(), 8, EYE, tile))
    return crop


# -- the text of SPEC.md, pixel by pixel -----------------------------------------------


def slow_fill(image: ImageArray, region: Region, tile: Tile, alignment: Alignment) -> DoubleArray:
    crop = sample_crop(image, 8, alignment, tile).astype(np.float64)
    source = sample_crop(board(), 8, EYE, tile).astype(np.float64)
    excluded = slow_excluded(region, tile)
    unseen = slow_unseen(tile, alignment, (image.shape[0], image.shape[1]))
    out = crop.copy()
    if excluded.any():
        ring = near(excluded, 4, 4) & ~excluded & ~unseen
        gain = np.ones(3)
        if ring.any():
            own, theirs = crop[:, ring].mean(axis=1), source[:, ring].mean(axis=1)
            gain = np.clip((own + 0.02) / (theirs + 0.02), 0.5, 2)
        out[:, excluded] = np.minimum(source * gain[:, None, None], 1)[:, excluded]
    for v, u in np.argwhere(unseen):
        place = nearest(~unseen, int(v), int(u))
        level = np.zeros(3)
        if place is not None:
            square = np.zeros(unseen.shape, np.bool_)
            square[max(place[0] - 4, 0) : place[0] + 5, max(place[1] - 4, 0) : place[1] + 5] = True
            square &= ~unseen & ~excluded
            if square.any():
                level = (crop - source)[:, square].mean(axis=1)
        out[:, v, u] = np.clip(source[:, v, u] + level, 0, 1)
    return out


def near(mask: BoolArray, up: int, across: int) -> BoolArray:
    out = np.zeros_like(mask)
    for v, u in np.argwhere(mask):
        out[max(v - up, 0) : v + up + 1, max(u - across, 0) : u + across + 1] = True
    return out


def slow_excluded(region: Region, tile: Tile) -> BoolArray:
    whole = Region("w", "W", "rectangle", ((-999.0, -999.0), (999.0, 999.0)))
    (h, w), (x, y, bw, bh) = tile.net_hw, tile.box_xywh
    up = math.ceil(0.5 + 0.5 * h / bh - 1e-6)
    across = math.ceil(0.5 + 0.5 * w / bw - 1e-6)
    # A crop that is 20 pixels larger on every side: exclusions beside the crop count too.
    box = (x - 20 * bw / w, y - 20 * bh / h, (w + 40) * bw / w, (h + 40) * bh / h)
    mask = ~replace(whole, exclusions=region.exclusions).mask((h + 40, w + 40), box)
    return near(mask, up, across)[20:-20, 20:-20]


def slow_unseen(tile: Tile, alignment: Alignment, image_hw: tuple[int, int]) -> BoolArray:
    (h, w), (x, y, bw, bh) = tile.net_hw, tile.box_xywh
    v, u = np.mgrid[0:h, 0:w]
    rx, ry = x + (u + 0.5) * bw / w - 0.5, y + (v + 0.5) * bh / h - 0.5
    unseen = (rx < -0.51) | (ry < -0.51) | (rx > 127.51) | (ry > 95.51)

    def mapped(px: DoubleArray, py: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        m = alignment.matrix
        depth = m[2, 0] * px + m[2, 1] * py + m[2, 2]
        return (
            (m[0, 0] * px + m[0, 1] * py + m[0, 2]) / depth,
            (m[1, 0] * px + m[1, 1] * py + m[1, 2]) / depth,
        )

    ends = np.ix_([0, -1], [0, -1])
    cx, cy = mapped(np.clip(rx[ends], 0, 127), np.clip(ry[ends], 0, 95))
    ix, iy = mapped(rx, ry)
    for corner, place in (
        (-cx, -ix),
        (-cy, -iy),
        (cx - (image_hw[1] - 1), ix - (image_hw[1] - 1)),
        (cy - (image_hw[0] - 1), iy - (image_hw[0] - 1)),
    ):
        if corner.max() > 0.01:
            unseen |= place > 0.01
    return np.asarray(unseen, np.bool_)


def nearest(seen: BoolArray, v: int, u: int) -> tuple[int, int] | None:
    if not seen.any():
        return None
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    first = int(np.clip(u, columns[0], columns[-1]))
    ends = np.flatnonzero(seen[:, first])
    by_column = (int(np.clip(v, ends[0], ends[-1])), first)
    second = int(np.clip(v, rows[0], rows[-1]))
    ends = np.flatnonzero(seen[second])
    by_row = (second, int(np.clip(u, ends[0], ends[-1])))
    far = [abs(a - v) + abs(b - u) for a, b in (by_column, by_row)]
    return by_column if far[0] <= far[1] else by_row


PERSPECTIVE = Alignment(np.array([[1.0, 0.02, -3.0], [0.01, 1.0, 2.0], [1e-4, 5e-5, 1.0]]))
CASES = {
    "at rest": EYE,
    "whole pixels": turned(0, 3, -2),
    "fractions": turned(0, -2.3, 1.7),
    "larger": turned(0, 1.4, -0.6, scale=1.03),
    "turned": turned(2, 2.5, -3),
    "turned about a corner": turned(-1, -0.2, 2.4),
    "perspective": PERSPECTIVE,
    "hardly on it": turned(0, 125, 0),
    "away": turned(0, 400, 0),
    "turned away": turned(3, 400, 0),
}
TILES = {
    "same size": tile_of(),
    "smaller": tile_of((32, 40)),
    "larger": tile_of((60, 96), (70, 50, 58, 46)),
    "halo": tile_of((64, 80), (-16, -12, 80, 64)),
    "inner": tile_of((48, 48), (30, 20, 48, 48)),
}


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("region", [WHOLE, PLAIN], ids=["exclusions", "plain"])
def test_crops_follow_the_text(case: str, tile: str, region: Region) -> None:
    image = np.asarray(board(seed=1) * 0.8, np.uint8)
    fast = filled(image, region, TILES[tile], CASES[case])
    slow = slow_fill(image, region, TILES[tile], CASES[case])
    np.testing.assert_allclose(fast, slow, atol=2e-6)


# -- what it is for --------------------------------------------------------------------


@pytest.mark.parametrize("tile", TILES.values(), ids=list(TILES))
def test_the_reference_stays_as_it_is(tile: Tile) -> None:
    crop = filled(board(), WHOLE, tile, EYE)
    np.testing.assert_array_equal(crop, sample_crop(board(), 8, EYE, tile))


@pytest.mark.parametrize("tile", TILES.values(), ids=list(TILES))
@pytest.mark.parametrize("alignment", [EYE, turned(0, 2.4, -1.3)], ids=["at rest", "moved"])
def test_nothing_in_an_exclusion_reaches_the_crop(tile: Tile, alignment: Alignment) -> None:
    image = board(seed=1)
    dx, dy = (math.floor(v) for v in alignment.matrix[:2, 2])
    blotted = image.copy()
    blotted[34 + dy : 57 + dy, 52 + dx : 60 + dx] = 0
    blotted[42 + dy : 49 + dy, 41 + dx : 70 + dx] = 0
    assert (blotted != image).any()
    np.testing.assert_array_equal(
        filled(blotted, WHOLE, tile, alignment), filled(image, WHOLE, tile, alignment)
    )


def test_interpolation_carries_nothing_over_the_edge_of_an_exclusion() -> None:
    hole = Exclusion("rectangle", ((40.0, 30.0), (70.0, 60.0)))
    region = replace(PLAIN, exclusions=(hole,))
    image = board(seed=1)
    blotted = image.copy()
    blotted[30:60, 40:70] = 255
    for tile in TILES.values():
        np.testing.assert_array_equal(
            filled(blotted, region, tile, EYE), filled(image, region, tile, EYE)
        )


def test_a_part_moved_off_the_image_looks_like_the_reference_there() -> None:
    moved = np.roll(board(), (2, 3), axis=(0, 1))  # what comes in at the other side is not it
    moved[:2], moved[:, :3] = 0, 255
    crop = filled(moved, PLAIN, tile_of(), turned(0, 3, 2))
    np.testing.assert_array_equal(crop, sample_crop(board(), 8, EYE, tile_of()))


def test_the_fill_takes_over_the_light() -> None:
    brighter = np.asarray(np.minimum(board() * 1.2, 255), np.uint8)
    reference = sample_crop(board(), 8, EYE, tile_of())
    hole = filled(brighter, WHOLE, tile_of(), EYE)[:, 35:55, 45:65]
    np.testing.assert_allclose(hole / reference[:, 35:55, 45:65], 1.2, atol=0.02)
    edge = filled(brighter, PLAIN, tile_of(), turned(0, 2, 0))[:, :, -2:]
    assert (edge.mean(axis=(1, 2)) > reference[:, :, -2:].mean(axis=(1, 2)) + 0.03).all()


def test_a_difference_at_the_edge_goes_on_without_a_step() -> None:
    """One level for the whole edge would cut the stain off in a line."""
    stained = board()
    stained[:24, 40:80] = stained[:24, 40:80] // 2
    tile = tile_of()
    crop = filled(np.roll(stained, -3, axis=0), PLAIN, tile, turned(0, 0, -3))
    difference = crop - sample_crop(board(), 8, EYE, tile)
    inside = difference[:, 3:8, 45:75].mean()
    assert inside < -0.15
    assert difference[:, :3, 45:75].mean() == pytest.approx(inside, abs=0.03)
    assert abs(difference[:, :3, :35].mean()) < 0.01


def test_nothing_to_fill_asks_for_no_reference() -> None:
    def asked() -> FloatArray:
        raise AssertionError

    for tile, alignment in ((tile_of(), EYE), (TILES["inner"], turned(2, 3, -2))):
        crop = sample_crop(board(seed=1), 8, alignment, tile)
        before = crop.copy()
        fill_crop(crop, plan_fill(PLAIN, tile, (128, 96)), alignment, HW, asked)
        np.testing.assert_array_equal(crop, before)


def test_an_exclusion_as_large_as_the_crop_is_the_reference() -> None:
    everything = Exclusion("rectangle", ((-9.0, -9.0), (200.0, 200.0)))
    region = replace(PLAIN, exclusions=(everything,))
    crop = filled(np.asarray(board() // 3, np.uint8), region, tile_of(), EYE)
    np.testing.assert_array_equal(crop, sample_crop(board(), 8, EYE, tile_of()))


def test_black_surroundings_do_not_light_up_the_fill() -> None:
    dark = board()
    dark[20:75, 30:85] = 2
    lit = board()
    lit[20:75, 30:85] = 4
    tile = tile_of()
    region = replace(PLAIN, exclusions=(HOLE,))
    dark[35:55, 45:65] = 100
    crop = sample_crop(lit, 8, EYE, tile)
    source = sample_crop(dark, 8, EYE, tile)
    fill_crop(crop, plan_fill(region, tile, (128, 96)), EYE, HW, lambda: source)
    assert crop[:, 40:50, 50:60].max() < 1.4 * 100 / 255


# -- in the whole path -----------------------------------------------------------------


def test_an_inspector_judges_as_if_an_exclusion_were_not_there() -> None:
    made = make_bundle(regions=[replace(PLAIN, exclusions=(HOLE,))], net_hw=(256, 256))
    inspector = Inspector(made, warm_up=False)
    assert inspector.inspect(made.reference).regions[0].raw_score == 0.0
    blotted = made.reference.copy()
    blotted[38:52, 46:64] = 0
    found = inspector.inspect(blotted).regions[0]
    assert (found.verdict, found.raw_score) == ("ok", 0.0)


def test_crops_do_not_depend_on_what_was_cut_before() -> None:
    made = make_bundle(regions=[WHOLE], net_hw=(64, 64))
    manifest = made.manifest

    def fresh() -> Sampler:
        return Sampler(manifest.template, manifest.tiles, manifest.groups, 8, made.reference)

    used, image, alignment = fresh(), board(seed=3), turned(0, 2, 1)
    for other in (board(seed=4), made.reference):
        used.cut(other, turned(1, -3, 2))
    np.testing.assert_array_equal(
        used.cut(image, alignment).crops[0], fresh().cut(image, alignment).crops[0]
    )
