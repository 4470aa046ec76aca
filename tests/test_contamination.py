"""Odd images stand out of a bank that excludes them, and do not excuse each other."""

from __future__ import annotations

import numpy as np
import pytest

from offspec.contamination import FLAG_FROM, MOST_FLAGGED, flagged, oddness, robust_z
from offspec.health.distances import distances, judges_of, whitened
from offspec.types import FixedKind, FloatArray


def features(count: int, seed: int = 0, side: int = 8, channels: int = 6) -> FloatArray:
    """(n, C, h, w): every place has a look of its own, every image some noise."""
    rng = np.random.default_rng(seed)
    place = rng.normal(0, 1, (channels, side, side))
    noise = rng.normal(0, 0.3, (count, channels, side, side))
    return (place + noise).astype(np.float32)


def judged(found: FloatArray, kind: FixedKind = "object") -> tuple[np.ndarray, np.ndarray]:
    bank = judges_of(len(found), 0)
    grid = (found.shape[2], found.shape[3])
    away = distances(whitened(found, kind), grid, kind, bank, 0)
    odd = oddness(away, bank, by_place=kind == "object")
    return odd.z, odd.place


@pytest.mark.parametrize("kind", ["object", "texture"])
def test_an_odd_place_is_found_with_its_image(kind: FixedKind) -> None:
    normal = features(30)
    normal[7, :, 3, 5] += 6
    z, place = judged(normal, kind)
    assert z.argmax() == 7
    assert place[7] == 3 * 8 + 5
    assert flagged(z)[7]


def test_two_equal_odd_images_do_not_excuse_each_other() -> None:
    normal = features(40)
    for image in (3, 21):
        normal[image, :, 2, 2] += 5
    z, _ = judged(normal)
    assert set(np.argsort(-z)[:2]) == {3, 21}
    assert flagged(z)[[3, 21]].all()


def test_light_of_a_whole_surface_is_not_odd() -> None:
    normal = features(30)
    brighter = normal.copy()
    brighter[4] += np.array([2, -1, 0.5, 0, 1, -2], np.float32)[:, None, None]
    assert judged(brighter, "texture")[0][4] < FLAG_FROM


def test_distances_of_fixed_parts_against_a_slow_second_way() -> None:
    normal = features(5, side=4, channels=3)
    white = whitened(normal, "object")
    found = distances(white, (4, 4), "object", np.arange(5), 0)
    grid = white.reshape(5, 4, 4, 3)
    for i, j, row, column in [(0, 1, 0, 0), (2, 4, 1, 3), (3, 0, 3, 2), (1, 1, 2, 2)]:
        near = [
            np.linalg.norm(grid[i, row, column] - grid[j, y, x])
            for y in range(max(row - 1, 0), min(row + 2, 4))
            for x in range(max(column - 1, 0), min(column + 2, 4))
        ]
        assert found[i, j, row * 4 + column] == pytest.approx(min(near), abs=2e-3)


def test_distances_of_surfaces_against_a_slow_second_way() -> None:
    normal = features(4, side=3, channels=3)
    white = whitened(normal, "texture")
    found = distances(white, (3, 3), "texture", np.array([0, 2]), 0)
    for i in range(4):
        for number, j in enumerate((0, 2)):
            slow = np.linalg.norm(white[i][:, None] - white[j][None], axis=2).min(axis=1)
            np.testing.assert_allclose(found[i, number], slow, atol=2e-3)


def test_an_image_never_judges_itself() -> None:
    away = np.ones((4, 4, 2), np.float32)
    away[np.arange(4), np.arange(4)] = 0
    assert (oddness(away, np.arange(4), by_place=False).score == 1).all()


def test_few_images_flag_nobody_and_many_odd_ones_are_capped() -> None:
    assert not flagged(np.array([0.0, 0, 0, 9, 0, 0, 0])).any()
    z = np.concatenate([np.zeros(50), np.full(50, 5.0)])
    assert flagged(z).sum() == MOST_FLAGGED * 100


def test_a_set_that_varies_upwards_is_not_full_of_odd_ones() -> None:
    """A long upper tail widens the spread; a plain median deviation would flag it."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([np.full(24, 1.0) + rng.normal(0, 0.01, 24), rng.uniform(1, 2, 16)])
    assert (robust_z(scores) >= FLAG_FROM).mean() < 0.2


def test_a_bank_that_leaves_images_out_still_judges_them() -> None:
    normal = features(200)
    normal[150, :, 1, 1] += 6
    bank = judges_of(200, 0)
    assert len(bank) == 150
    assert judges_of(200, 0).tolist() == bank.tolist()
    assert judged(normal)[0].argmax() == 150
