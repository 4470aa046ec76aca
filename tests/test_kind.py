"""Object or texture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from offspec.kind import decide_kind, explained_by_position
from offspec.types import FloatArray
from tests.synth import part_image

SIDE = 128


def part(seed: int, gain: float = 1.0) -> FloatArray:
    image = part_image(seed, (SIDE, SIDE), gain=gain).astype(np.float32) / 255
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def weave(seed: int, grain: float = 3.0) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    grey = np.clip(0.5 + 0.1 * smooth / smooth.std(), 0, 1)
    return np.repeat(np.asarray(grey, np.float32)[None], 3, axis=0)


def test_a_fixed_part_is_an_object() -> None:
    kind, reason = decide_kind([part(seed) for seed in range(4)])
    assert kind == "object"
    assert "4 images" in reason


@pytest.mark.parametrize("grain", [1.0, 3.0, 6.0])
def test_a_surface_without_fixed_places_is_a_texture(grain: float) -> None:
    kind, reason = decide_kind([weave(seed, grain) for seed in range(6)])
    assert kind == "texture"
    assert "%" in reason


def test_light_that_changes_keeps_an_object_an_object() -> None:
    gains = (0.7, 0.85, 1.0, 1.1)
    assert decide_kind([part(i, gain) for i, gain in enumerate(gains)])[0] == "object"


def test_one_image_is_taken_as_object_and_says_why() -> None:
    kind, reason = decide_kind([weave(0)])
    assert kind == "object"
    assert "one normal image" in reason


@pytest.mark.parametrize("count", [2, 4, 16])
def test_chance_agreement_of_few_images_does_not_count(count: int) -> None:
    share = explained_by_position([weave(seed, 1.0) for seed in range(count)])
    assert 0 <= share < 0.15


def test_equal_images_are_explained_wholly() -> None:
    assert explained_by_position([part(0), part(0)]) == pytest.approx(1.0)


def test_flat_images_are_defined() -> None:
    flat = np.full((3, SIDE, SIDE), 0.5, np.float32)
    assert 0 <= explained_by_position([flat, flat]) <= 1
