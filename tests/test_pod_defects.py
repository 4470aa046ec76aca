"""Made defects reach the size and the contrast that were asked for, and touch nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from offspec.decisions.pod_defects import DefectKind, Made, line_cover, make_graded, spot_cover
from offspec.types import ImageArray
from tests.synth import part_image

SIZE = (160, 200)


def good(bits: int = 8) -> ImageArray:
    return part_image(1, SIZE, bits=bits)


def made(
    image: ImageArray, size: float, contrast: float | None, kind: DefectKind, seed: int = 0
) -> Made:
    return make_graded(
        image, part_image(2, SIZE, bits=8), (96.3, 79.8), size, kind=kind, contrast=contrast,
        surface="object", bits=8, rng=np.random.default_rng(seed),
    )  # fmt: skip


@pytest.mark.parametrize("size", [0.7, 1.5, 4.0, 9.3, 24.0, 48.0])
def test_a_spot_has_the_area_of_a_disc_as_wide_as_asked(size: float) -> None:
    for seed in range(4):
        cover = spot_cover(SIZE, (99.7, 80.2), size, np.random.default_rng(seed))
        assert float(cover.sum()) == pytest.approx(math.pi / 4 * size**2, rel=0.03)
        assert cover.min() >= 0
        assert cover.max() <= 1


@pytest.mark.parametrize(("size", "width"), [(8.0, 1.0), (20.0, 2.0), (60.0, 6.0)])
def test_a_line_is_as_long_and_as_wide_as_said(size: float, width: float) -> None:
    cover = line_cover(SIZE, (100.0, 80.0), size, np.random.default_rng(3))
    assert float(cover.sum()) == pytest.approx(size * width, rel=0.12)
    rows, columns = np.nonzero(cover > 0.2)
    reach = math.hypot(np.ptp(rows), np.ptp(columns))
    assert size - 2 <= reach <= math.hypot(size, width) + 2.5  # corner to corner


@pytest.mark.parametrize("contrast", [0.02, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("kind", ["spot", "line"])
@pytest.mark.parametrize("size", [1.2, 6.0, 30.0])
def test_contrast_is_reached_in_the_pixels_of_the_image(
    contrast: float, kind: DefectKind, size: float
) -> None:
    image = good()
    for seed in range(3):
        one = made(image, size, contrast, kind, seed)
        assert one.contrast == pytest.approx(contrast, rel=0.02)
        away = np.abs(one.image.astype(float) - image).mean(axis=2) / 255
        area = math.pi / 4 * size**2 if kind == "spot" else None
        if area is not None and area > 4:  # below, rounding to whole grey values shows
            assert away.sum() / area == pytest.approx(contrast, rel=0.1)


@pytest.mark.parametrize("kind", ["spot", "line", "natural"])
def test_nothing_outside_the_window_changes_and_the_input_stays(kind: DefectKind) -> None:
    image = good()
    kept = image.copy()
    one = made(image, 10.0, None if kind == "natural" else 0.2, kind)
    assert np.array_equal(image, kept)
    different = (one.image != image).any(axis=2)
    assert different.any()
    different[one.rows, one.columns] = False
    if kind == "natural":  # its faint fringe is outside the outline of what is visible
        assert different.sum() < 400
    else:
        assert not different.any()
    assert one.truth.any()
    assert one.truth.shape == one.image[one.rows, one.columns].shape[:2]


def test_where_there_is_no_room_the_other_direction_is_taken() -> None:
    white = np.full((40, 40, 3), 250, np.uint8)
    for seed in range(6):
        one = make_graded(
            white, white, (20.0, 20.0), 8.0, kind="spot", contrast=0.3, surface="object", bits=8,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        assert one.image.min() < 200
        assert one.contrast == pytest.approx(0.3, rel=0.02)


def test_more_than_fits_gives_the_most_that_fits() -> None:
    grey = np.full((40, 40, 3), 128, np.uint8)
    one = make_graded(
        grey, grey, (20.0, 20.0), 8.0, kind="spot", contrast=0.9, surface="object", bits=8,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert one.contrast == pytest.approx(0.5, abs=0.01)


def test_twelve_bit_images_keep_their_scale() -> None:
    image = part_image(1, SIZE, bits=12)
    one = make_graded(
        image, image, (96.0, 80.0), 8.0, kind="spot", contrast=0.2, surface="texture", bits=12,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert one.image.dtype == np.uint16
    assert one.image.max() <= 4095
    assert one.contrast == pytest.approx(0.2, rel=0.02)


def test_at_the_corner_of_the_image_it_still_works() -> None:
    image = good()
    for kind in ("spot", "line", "natural"):
        one = make_graded(
            image, image, (0.2, SIZE[0] - 0.3), 5.0, kind=kind,
            contrast=None if kind == "natural" else 0.3, surface="object", bits=8,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        assert one.image.shape == image.shape


def test_the_same_seed_makes_the_same_defect() -> None:
    first, second, other = (made(good(), 9, 0.1, "spot", seed).image for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
