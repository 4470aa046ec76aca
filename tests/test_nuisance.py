from __future__ import annotations

import numpy as np
import pytest

from offspec.errors import OptionError, ShapeError
from offspec.nuisance import NuisanceRange, nuisance_renders
from offspec.types import FloatArray

STILL = NuisanceRange(
    gain=0, offset=0, gamma=0, tint=0, noise_sigma=0, blur_sigma_px=0, shift_px=0, vignetting=0
)


@pytest.fixture
def image() -> FloatArray:
    rng = np.random.default_rng(3)
    picture = rng.uniform(0.2, 0.8, (40, 56, 3)).astype(np.float32)
    picture[10:20, 12:30] = 0.9
    return picture


def test_renders_keep_shape_type_and_range(image: FloatArray) -> None:
    for render in nuisance_renders(image, 4, seed=1):
        assert render.shape == image.shape
        assert render.dtype == np.float32
        assert render.min() >= 0
        assert render.max() <= 1


def test_same_seed_gives_same_renders_and_more_keeps_the_first(image: FloatArray) -> None:
    few, many = nuisance_renders(image, 2, seed=7), nuisance_renders(image, 5, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(few, many, strict=False))


def test_renders_differ_from_each_other_and_between_seeds(image: FloatArray) -> None:
    first, second = nuisance_renders(image, 2, seed=0)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, nuisance_renders(image, 1, seed=1)[0])


def test_image_is_not_changed(image: FloatArray) -> None:
    before = image.copy()
    nuisance_renders(image, 3, seed=0)
    assert np.array_equal(image, before)


def test_zero_range_returns_the_image(image: FloatArray) -> None:
    assert np.allclose(nuisance_renders(image, 1, seed=0, nuisance=STILL)[0], image, atol=1e-6)


def test_renders_stay_close_to_the_image(image: FloatArray) -> None:
    smooth = np.full((40, 56, 3), 0.5, dtype=np.float32)
    for render in nuisance_renders(smooth, 8, seed=2):
        assert np.abs(render.mean() - 0.5) < 0.06


def test_vignetting_darkens_the_corners() -> None:
    flat = np.full((41, 41, 3), 0.5, dtype=np.float32)
    only = NuisanceRange(0, 0, 0, 0, 0, 0, 0, 0, vignetting=0.5)
    render = nuisance_renders(flat, 1, seed=4, nuisance=only)[0]
    assert render[0, 0, 0] < render[20, 20, 0]
    assert render[20, 20, 0] == pytest.approx(0.5)


def test_grey_image_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(H, W, 3\)"):
        nuisance_renders(np.zeros((8, 8), dtype=np.float32), 1, seed=0)


def test_negative_count_is_refused(image: FloatArray) -> None:
    with pytest.raises(OptionError, match="-1"):
        nuisance_renders(image, -1, seed=0)
