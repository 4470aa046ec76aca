"""The gate: each acquisition fault gets its own reason; good parts and defects pass."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from offspec.align import Aligner
from offspec.errors import ShapeError
from offspec.gate import GateLimits, ImageStats, Sharpness, learn_limits
from offspec.template import AlignSettings
from offspec.types import ImageArray, SizePolicy
from tests.test_align import inner, motion, scene, shoot

SIZE = (300, 400)


def learned(policy: SizePolicy = "exact", settings: AlignSettings | None = None) -> Aligner:
    """An aligner whose limits come from six normals with small shifts and light changes."""
    wide = scene()
    settings = settings or AlignSettings("similarity", max_shift_px=20, max_rotation_deg=5)
    normals = [
        shoot(wide, motion(SIZE, i - 3, 2 - i), gain=0.95 + 0.02 * i, seed=i) for i in range(6)
    ]
    limits = Aligner(inner(wide), settings, policy).learn_limits(normals)
    return Aligner(inner(wide), settings, policy, limits=limits)


def code(tool: Aligner, image: ImageArray) -> str | None:
    failure = tool.gate(image, tool.align(image))
    return None if failure is None else failure.code


def blurred(image: ImageArray) -> ImageArray:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 5), dtype=np.uint8)


def test_the_reference_and_good_parts_pass() -> None:
    tool = learned()
    assert code(tool, inner(scene())) is None
    for seed in range(10, 16):
        image = shoot(scene(), motion(SIZE, seed - 12, 3, 1), gain=1.05, seed=seed)
        assert code(tool, image) is None


def test_defects_pass() -> None:
    tool = learned()
    image = shoot(scene(), motion(SIZE, 2, 1))
    cv2.rectangle(image, (100, 80), (220, 180), (255, 255, 255), -1)
    cv2.line(image, (0, 0), (399, 299), (0, 0, 0), 9)
    assert code(tool, image) is None


def test_every_fault_has_its_reason() -> None:
    tool, wide = learned(), scene()
    still = motion(SIZE)
    assert code(tool, shoot(wide, motion(SIZE, 31, 5))) == "shifted"
    assert code(tool, shoot(wide, motion(SIZE, 2, 1, 8))) == "rotated"
    assert code(tool, blurred(shoot(wide, still))) == "blurred"
    assert code(tool, shoot(wide, still, gain=0.2)) == "too_dark"
    assert code(tool, shoot(wide, still, gain=0.4, offset=200)) == "too_bright"
    assert code(tool, inner(scene(7))) == "wrong_part"
    assert code(tool, inner(wide)[:-1]) == "size"


def test_messages_name_value_rule_and_next_step() -> None:
    tool = learned()
    image = shoot(scene(), motion(SIZE, 31, 5))
    failure = tool.gate(image, tool.align(image))
    assert failure is not None
    assert "31." in failure.message
    assert "allows 20.0" in failure.message
    assert "max_shift_px" in failure.message


@pytest.mark.parametrize(
    ("policy", "size_wh", "expected"),
    [
        ("exact", (400, 300), None),
        ("exact", (800, 600), "size"),
        ("scale", (800, 600), None),
        ("scale", (800, 610), None),
        ("scale", (800, 630), "size"),
        ("fit", (700, 250), None),
    ],
)
def test_size_policies(policy: SizePolicy, size_wh: tuple[int, int], expected: str | None) -> None:
    image = np.asarray(cv2.resize(inner(scene()), size_wh), dtype=np.uint8)
    tool = Aligner(inner(scene()), AlignSettings("similarity"), policy)
    assert code(tool, image) == expected


def test_scaled_images_count_shift_in_reference_pixels() -> None:
    tool = learned("scale")
    image = shoot(scene(), motion(SIZE, 15, 3))
    large = np.asarray(cv2.resize(image, (800, 600)), dtype=np.uint8)
    assert code(tool, large) is None


def test_without_alignment_nothing_is_called_shifted() -> None:
    tool = learned(settings=AlignSettings("none"))
    assert code(tool, shoot(scene(), motion(SIZE, 1, 0))) is None


def test_limits_of_textures_do_not_check_correlation() -> None:
    stats = [ImageStats(0.4, 1.0, s) for s in (1.0, 0.05, 0.1, -0.02)]
    assert learn_limits(stats).likeness_low == -1.0
    assert learn_limits([]) == GateLimits()


def test_limits_lie_outside_the_normals_by_wide_margins() -> None:
    stats = [ImageStats(b, s, c) for b, s, c in ((0.4, 1, 1), (0.45, 0.9, 0.8), (0.38, 1.1, 0.9))]
    limits = learn_limits(stats)
    assert limits.brightness_low <= 0.19
    assert limits.brightness_high >= 0.86
    assert limits.sharpness_low == pytest.approx(0.3)
    assert 0.1 <= limits.likeness_low <= 0.4


def test_limits_round_trip_and_refuse_nonsense() -> None:
    limits = GateLimits(0.1, 0.9, 0.3, 0.2)
    assert GateLimits.from_dict(limits.to_dict()) == limits
    bad: list[dict[str, Any]] = [
        {},
        {**limits.to_dict(), "extra": 1},
        {**limits.to_dict(), "likeness_low": float("nan")},
        {**limits.to_dict(), "likeness_low": "0"},
    ]
    for data in bad:
        with pytest.raises(ShapeError, match="malformed"):
            GateLimits.from_dict(data)


def test_a_mostly_blank_reference_is_judged_by_its_printed_part() -> None:
    board = np.full((600, 600), 0.2, np.float32)
    board[20:180:8, 20:180] = 0.9  # detail in one patch of nine
    sharpness = Sharpness(board)
    assert sharpness.measure(board, np.eye(3)) == pytest.approx(1.0)
    soft = np.asarray(cv2.GaussianBlur(board, (0, 0), 3.0), np.float32)
    assert sharpness.measure(soft, np.eye(3)) < 0.5


def test_a_blank_reference_says_nothing_of_focus() -> None:
    blank = np.full((300, 300), 0.5, np.float32)
    assert Sharpness(blank).measure(blank, np.eye(3)) == 1.0
