from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from offspec import graphs
from offspec.backbones import BACKBONES, BLACK, RANK_STEP, TONE_SCALE, make_backbone, tone
from offspec.errors import OptionError
from offspec.types import DoubleArray, FloatArray
from tests.contract.make import crops

HW = (64, 96)
EVERY = sorted(BACKBONES)


@cache
def _session(name: str, net_hw: tuple[int, int]) -> ort.InferenceSession:
    model = graphs.build_features(net_hw, lambda crop: [make_backbone(name).build(crop)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def features(batch: FloatArray, name: str = "bank") -> FloatArray:
    """(N, C, h, w)."""
    net_hw = (batch.shape[2], batch.shape[3])
    found: FloatArray = _session(name, net_hw).run(None, {"crop": batch})[0]
    return found


def smooth_picture(
    net_hw: tuple[int, int] = HW, low: float = 0.05, high: float = 0.95
) -> FloatArray:
    """(1, 3, H, W): soft random shading that spans ``low`` to ``high`` in every channel."""
    noise = np.random.default_rng(2).standard_normal((*net_hw, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.float32)
    soft = (soft - soft.min((0, 1))) / np.ptp(soft, axis=(0, 1))
    picture: FloatArray = (low + (high - low) * soft).transpose(2, 0, 1)[None].astype(np.float32)
    return picture


# -- every backbone --------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_card_tells_name_stride_and_channels(name: str) -> None:
    card = make_backbone(name).card
    assert card.name == name
    found = features(crops(0, 2, net_hw=HW), name)
    assert found.shape == (2, card.channels, HW[0] // card.stride, HW[1] // card.stride)
    assert found.dtype == np.float32


@pytest.mark.parametrize("name", EVERY)
def test_smallest_multiple_is_taken(name: str) -> None:
    card = make_backbone(name).card
    side = card.multiple
    found = features(np.full((1, 3, side, 3 * side), 0.5, np.float32), name)
    assert found.shape[2:] == (side // card.stride, 3 * side // card.stride)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", EVERY)
def test_black_and_white_have_finite_features(name: str) -> None:
    extremes = np.zeros((2, 3, *HW), np.float32)
    extremes[1] = 1
    assert np.isfinite(features(extremes, name)).all()


@pytest.mark.parametrize("name", EVERY)
def test_receptive_field_is_not_larger_than_the_card_says(name: str) -> None:
    """A changed pixel reaches no cell whose centre is farther than half the receptive field."""
    card = make_backbone(name).card
    half = card.receptive_px / 2
    side = (int(2 * half) // card.multiple + 2) * card.multiple
    picture = smooth_picture((side, side))
    before = features(picture, name)
    for y, x in ((side // 2, side // 2), (side // 2 + 5, side // 2 + 7), (0, side - 1)):
        changed = picture.copy()
        changed[0, :, y, x] = 1 - np.round(changed[0, :, y, x])
        moved = np.abs(features(changed, name) - before).max(axis=(0, 1)) > 0
        rows, columns = np.nonzero(moved)
        assert len(rows) > 0
        centre_y, centre_x = (rows + 0.5) * card.stride - 0.5, (columns + 0.5) * card.stride - 0.5
        assert np.abs(centre_y - y).max() <= half
        assert np.abs(centre_x - x).max() <= half


@pytest.mark.parametrize("name", EVERY)
def test_a_flat_image_has_the_same_features_everywhere(name: str) -> None:
    flat = (
        np.full((1, 3, *HW), 0.4, np.float32) * np.array([1, 0.8, 0.6], np.float32)[:, None, None]
    )
    found = features(flat, name)
    assert np.abs(found - found[:, :, :1, :1]).max() < 1e-4


@pytest.mark.parametrize("name", EVERY)
def test_features_do_not_depend_on_batch_mates(name: str) -> None:
    batch = crops(0, 3, net_hw=HW)
    together = features(batch, name)
    assert np.array_equal(features(batch[::-1].copy(), name), together[::-1])
    assert np.allclose(features(batch[1:2], name)[0], together[1], atol=1e-6)


def test_unknown_backbone_is_refused_with_the_known_names() -> None:
    with pytest.raises(OptionError, match=r"'bonk' is unknown.*bank"):
        make_backbone("bonk")


# -- bank --------------------------------------------------------------------------

RECTIFIED = np.r_[0:16, 19:35]  # gradients in eight directions and bends, two fine levels
RANKS = np.r_[16:18, 35:37]
SPREAD = np.r_[18, 37]
COARSE_EDGES = np.r_[38:43, 50:55, 62:67]  # tone derivatives of three coarse levels
COARSE_TONE = np.array([43, 55, 67])
COARSE_CHROMA = np.r_[44:50, 56:62, 68:70]
DERIVATIVES = np.r_[RECTIFIED, COARSE_EDGES]


def test_channels_are_all_named_above() -> None:
    groups = [RECTIFIED, RANKS, SPREAD, COARSE_EDGES, COARSE_TONE, COARSE_CHROMA]
    assert sorted(np.concatenate(groups)) == list(range(make_backbone("bank").card.channels))


def test_tone_is_the_scaled_logarithm() -> None:
    model = graphs.build_features(HW, lambda crop: [tone(crop)])
    picture = smooth_picture(low=0.0, high=1.0)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"crop": picture})[0]
    assert np.allclose(found, np.log(picture.astype(np.float64) + BLACK) * TONE_SCALE, atol=1e-6)
    assert found.min() == pytest.approx(-1, abs=0.01)
    assert found.max() == pytest.approx(0, abs=0.02)


def relative_change(
    channels: DoubleArray | FloatArray, before: FloatArray, after: FloatArray
) -> float:
    """Root mean square of the change, as a share of the channels' own."""
    index = np.asarray(channels, np.int64)
    change = np.square(after[:, index] - before[:, index]).mean()
    return float(np.sqrt(change / np.square(before[:, index]).mean()))


def test_less_light_hardly_changes_derivatives_of_a_bright_part() -> None:
    picture = smooth_picture(low=0.65, high=1.0)
    before, after = features(picture), features(picture * np.float32(0.8))
    for group in (RECTIFIED, COARSE_EDGES):
        assert relative_change(group, before, after) < 0.02


@pytest.mark.parametrize("low", [0.05, 0.2, 0.4])
def test_less_light_changes_derivatives_by_no_more_than_black_explains(low: float) -> None:
    """d log(g I + b) = g dI / (g I + b): short of d log(I + b) by b (1 - g) / (g I + b)."""
    gain = 0.8
    picture = smooth_picture(low=low, high=low + 0.1)
    before, after = features(picture), features(picture * np.float32(gain))
    law = BLACK * (1 - gain) / (gain * low + BLACK)
    for group in (RECTIFIED, COARSE_EDGES):
        assert relative_change(group, before, after) < 1.05 * law


def test_less_light_moves_coarse_tone_and_keeps_colour() -> None:
    picture = smooth_picture(low=0.65, high=1.0)
    change = features(picture * np.float32(0.8)) - features(picture)
    assert np.allclose(change[:, COARSE_TONE], np.log(0.8) * TONE_SCALE, rtol=0.1)
    assert np.abs(change[:, COARSE_CHROMA]).max() < 5e-3


def test_a_grey_image_has_no_chroma() -> None:
    grey = np.repeat(smooth_picture()[:, :1], 3, axis=1)
    assert np.abs(features(grey)[:, COARSE_CHROMA]).max() < 1e-5


@pytest.mark.parametrize(("axis", "first"), [("x", 0), ("y", 2)])
def test_a_step_lights_up_the_gradient_along_it(axis: str, first: int) -> None:
    """Direction 0 is dark to bright to the right, 2 downwards; 4 and 6 are their opposites."""
    step = np.full((1, 3, *HW), 0.3, np.float32)
    middle = HW[1] // 2 if axis == "x" else HW[0] // 2
    step[(..., slice(middle, None)) if axis == "x" else (..., slice(middle, None), slice(None))] = (
        0.7
    )
    histogram = features(step)[0, :8].max(axis=(1, 2))
    assert histogram.argmax() == first
    assert histogram[(first + 4) % 8] < 1e-4
    assert histogram[(first + 2) % 8] < 1e-4


# -- second implementation -----------------------------------------------------------


def slow_bank(crop: FloatArray) -> DoubleArray:
    """(70, h, w): the bank in float64, loops and padding spelled out."""
    logs = np.log(crop.astype(np.float64) + BLACK) * TONE_SCALE
    red, green, blue = logs
    levels = [np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue])]
    for _ in range(4):
        levels.append(np.stack([slow_halve(plane) for plane in levels[-1]]))
    parts = [slow_fine(levels[0][0], 4), slow_fine(levels[1][0], 2)]
    for level, factor in ((2, 1), (3, 2), (4, 4)):
        coarse = [slow_filter(levels[level][0], k) for k in KERNELS.values()]
        coarse += list(levels[level])
        if level < 4:
            coarse += [slow_filter(levels[level][c], KERNELS[k]) for c in (1, 2) for k in "xy"]
        parts.append(np.stack([slow_enlarge(plane, factor) for plane in coarse]))
    return np.concatenate(parts)


KERNELS = {
    "x": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8,
    "y": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 8,
    "xx": np.array([[1, -2, 1], [2, -4, 2], [1, -2, 1]]) / 4,
    "yy": np.array([[1, 2, 1], [-2, -4, -2], [1, 2, 1]]) / 4,
    "xy": np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]]) / 4,
}


def slow_filter(plane: DoubleArray, kernel: DoubleArray) -> DoubleArray:
    padded = np.pad(plane, 1, mode="edge")
    h, w = plane.shape
    return np.asarray(
        sum(kernel[i, j] * padded[i : i + h, j : j + w] for i in range(3) for j in range(3))
    )


def slow_halve(plane: DoubleArray) -> DoubleArray:
    """Binomial 1 3 3 1 both ways at every second pixel."""
    padded = np.pad(plane, 1, mode="edge")
    weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    h, w = plane.shape
    return np.array(
        [
            [(padded[y : y + 4, x : x + 4] * weights).sum() for x in range(0, w, 2)]
            for y in range(0, h, 2)
        ]
    )


def slow_blocks(plane: DoubleArray, factor: int, of: Callable[[DoubleArray], float]) -> DoubleArray:
    h, w = plane.shape
    return np.array(
        [
            [of(plane[y : y + factor, x : x + factor]) for x in range(0, w, factor)]
            for y in range(0, h, factor)
        ]
    )


def block_mean(block: DoubleArray) -> float:
    return float(block.mean())


def slow_fine(plane: DoubleArray, factor: int) -> DoubleArray:
    dx, dy = slow_filter(plane, KERNELS["x"]), slow_filter(plane, KERNELS["y"])
    responses = [np.cos(i * np.pi / 4) * dx + np.sin(i * np.pi / 4) * dy for i in range(8)]
    across, down, twist = (slow_filter(plane, KERNELS[name]) for name in ("xx", "yy", "xy"))
    bends = [across, down, twist, (across + down) / 2]
    responses += bends + [-bend for bend in bends]
    responses = [np.maximum(r, 0) for r in responses]
    padded = np.pad(plane, ((0, 1), (0, 1)), mode="edge")
    for neighbour in (padded[:-1, 1:], padded[1:, :-1]):
        responses.append(np.clip(np.abs(neighbour - plane) / RANK_STEP, 0, 1))
    pooled = [slow_blocks(r, factor, block_mean) for r in responses]
    spread = slow_blocks(plane, factor, lambda block: float(np.sqrt(block.var() + 1e-6)))
    return np.stack([*pooled, spread])


def slow_enlarge(plane: DoubleArray, factor: int) -> DoubleArray:
    h, w = plane.shape
    rows = np.clip((np.arange(h * factor) + 0.5) / factor - 0.5, 0, h - 1)
    columns = np.clip((np.arange(w * factor) + 0.5) / factor - 0.5, 0, w - 1)
    across = np.stack([np.interp(columns, np.arange(w), row) for row in plane])
    return np.stack([np.interp(rows, np.arange(h), column) for column in across.T]).T


def test_bank_agrees_with_a_slow_implementation() -> None:
    batch = np.concatenate([crops(3, 1, net_hw=HW), smooth_picture(low=0.0, high=1.0)])
    for crop, found in zip(batch, features(batch), strict=True):
        assert np.allclose(found, slow_bank(crop), rtol=1e-4, atol=1e-4)
