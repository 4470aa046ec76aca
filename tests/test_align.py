"""Alignment: accuracy against known motions, identity where it belongs, determinism."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec.align import Aligner, choose_mode
from offspec.errors import OptionError, ShapeError
from offspec.images import read_image
from offspec.registration import corner_motion
from offspec.template import AlignChoice, AlignSettings, Region
from offspec.types import DoubleArray, ImageArray

WIDE = 48  # margin that the synthetic camera sees around the reference


def scene(seed: int = 0, size_hw: tuple[int, int] = (300, 400)) -> ImageArray:
    """A textured part: blocks, discs and lines on a mottled ground, with a margin around."""
    rng = np.random.default_rng(seed)
    h, w = size_hw[0] + 2 * WIDE, size_hw[1] + 2 * WIDE
    canvas = rng.normal(110, 12, (h // 8, w // 8, 3)).astype(np.float32)
    canvas = np.asarray(cv2.resize(canvas, (w, h), interpolation=cv2.INTER_CUBIC))
    for _ in range(90):
        x, y = (int(v) for v in rng.uniform((0, 0), (w, h)))
        tone = [float(v) for v in rng.uniform(30, 220, 3)]
        if rng.random() < 0.5:
            cv2.rectangle(canvas, (x, y), (x + int(rng.integers(5, 50)), y + 14), tone, -1)
        else:
            cv2.circle(canvas, (x, y), int(rng.integers(3, 18)), tone, -1)
    smooth = cv2.GaussianBlur(canvas, (0, 0), 0.8)
    return np.clip(smooth, 0, 255).astype(np.uint8)


def motion(
    size_hw: tuple[int, int], x: float = 0, y: float = 0, deg: float = 0, scale: float = 1
) -> DoubleArray:
    """Reference to image: turn counter-clockwise and scale about the centre, then shift."""
    centre = (size_hw[1] - 1) / 2, (size_hw[0] - 1) / 2
    rows = cv2.getRotationMatrix2D(centre, deg, scale)
    return np.vstack([rows + np.array([[0, 0, x], [0, 0, y]]), [0, 0, 1]]).astype(np.float64)


def shoot(
    wide: ImageArray, matrix: DoubleArray, *, gain: float = 1.0, offset: float = 0.0, seed: int = 1
) -> ImageArray:
    """What the camera sees after the part has moved by ``matrix`` (of the inner picture)."""
    h, w = wide.shape[0] - 2 * WIDE, wide.shape[1] - 2 * WIDE
    inner = np.array([[1, 0, WIDE], [0, 1, WIDE], [0, 0, 1]], dtype=np.float64)
    outer = inner @ np.linalg.inv(matrix)  # image pixel -> place in the wide scene
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(wide, outer, (w, h), flags=flags).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, 2.0, seen.shape)
    return np.clip(seen * gain + offset + noise, 0, 255).astype(np.uint8)


def inner(wide: ImageArray) -> ImageArray:
    return wide[WIDE:-WIDE, WIDE:-WIDE].copy()


def aligner(reference: ImageArray, mode: AlignChoice = "similarity", **more: float) -> Aligner:
    return Aligner(reference, AlignSettings(mode=mode, **more))  # type: ignore[arg-type]


MOTIONS = [(0.3, -0.4, 0, 1), (3.3, -2.6, 0, 1), (30, -17, 0, 1), (2, 1, 3, 1), (-8, 5, -9, 1.04)]


@pytest.mark.parametrize("move", MOTIONS)
@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.6, 35.0)])
def test_known_motions_are_found_to_a_fraction_of_a_pixel(
    move: tuple[float, float, float, float], gain: float, offset: float
) -> None:
    wide = scene()
    matrix = motion((300, 400), *move)
    found = aligner(inner(wide)).align(shoot(wide, matrix, gain=gain, offset=offset))
    assert corner_motion(found.matrix, matrix, (400, 300)) < 0.15
    assert found.shift_xy == pytest.approx(move[:2], abs=0.1)
    assert found.rotation_deg == pytest.approx(move[2], abs=0.03)
    assert found.scale == pytest.approx(move[3], abs=0.001)
    assert found.score > 0.9


def test_shift_mode_only_shifts() -> None:
    wide = scene()
    found = aligner(inner(wide), "shift").align(shoot(wide, motion((300, 400), 6.4, -3.7, 0.5)))
    assert np.array_equal(found.matrix[:2, :2], np.eye(2))
    assert found.shift_xy == pytest.approx((6.4, -3.7), abs=0.3)


def test_homography_follows_a_tilted_camera() -> None:
    wide = scene()
    tilt = motion((300, 400), 2, 1, 1)
    tilt[2, :2] = 3e-5, -4e-5
    image = shoot(wide, tilt)
    bent = aligner(inner(wide), "homography").align(image)
    stiff = aligner(inner(wide), "similarity").align(image)
    assert corner_motion(bent.matrix, tilt, (400, 300)) < 0.3
    assert corner_motion(stiff.matrix, tilt, (400, 300)) > 1.0
    assert bent.score > stiff.score


def test_homography_keeps_a_similarity_stiff() -> None:
    wide = scene()
    found = aligner(inner(wide), "homography").align(shoot(wide, motion((300, 400), 4, 2, 2)))
    assert found.matrix[2, :2] == pytest.approx((0, 0), abs=1e-12)


@pytest.mark.parametrize("mode", ["none", "shift", "similarity", "homography"])
def test_the_reference_itself_gives_exactly_identity(mode: AlignChoice) -> None:
    reference = inner(scene())
    found = aligner(reference, mode).align(reference)
    assert np.array_equal(found.matrix, np.eye(3))
    assert (found.method, found.shift_xy, found.rotation_deg, found.scale) == ("none", (0, 0), 0, 1)
    assert found.score == pytest.approx(1.0, abs=1e-6)


def test_an_unmoved_image_is_left_alone() -> None:
    wide = scene()
    image = shoot(wide, np.eye(3), gain=0.8, offset=10)
    assert np.array_equal(aligner(inner(wide)).align(image).matrix, np.eye(3))


@pytest.mark.parametrize("seed", range(4))
def test_never_worse_than_identity_even_on_another_part(seed: int) -> None:
    reference, other = inner(scene(seed)), inner(scene(seed + 50))
    before = aligner(reference, "none").align(other).score
    assert aligner(reference).align(other).score >= before


@pytest.mark.parametrize("kind", ["flat", "noise", "tiny", "thin"])
def test_pictures_without_structure_stay_where_they_are(kind: str) -> None:
    rng = np.random.default_rng(0)
    size = {"tiny": (6, 9, 3), "thin": (8, 300, 3)}.get(kind, (120, 160, 3))
    one, two = (rng.integers(0, 255, size, dtype=np.uint8) for _ in range(2))
    if kind == "flat":
        one, two = np.full(size, 90, np.uint8), np.full(size, 140, np.uint8)
    found = aligner(one, "homography").align(two)
    assert np.isfinite(found.matrix).all()
    if kind != "thin":
        assert found.method == "none"


def test_a_defect_does_not_pull_the_part_away() -> None:
    wide = scene()
    matrix = motion((300, 400), 5.3, -4.1, 2)
    image = shoot(wide, matrix)
    cv2.rectangle(image, (120, 90), (210, 160), (250, 250, 250), -1)
    cv2.line(image, (10, 20), (380, 200), (0, 0, 0), 5)
    found = aligner(inner(wide)).align(image)
    assert corner_motion(found.matrix, matrix, (400, 300)) < 0.3


def test_slow_light_does_not_count() -> None:
    wide = scene()
    matrix = motion((300, 400), 5.3, -4.1, 2)
    ramp = np.linspace(0.5, 1.2, 400)[None, :, None]
    image = np.clip(shoot(wide, matrix) * ramp, 0, 255).astype(np.uint8)
    found = aligner(inner(wide)).align(image)
    assert corner_motion(found.matrix, matrix, (400, 300)) < 0.25


def test_half_turn_within_the_allowed_rotation_is_found() -> None:
    wide = scene(size_hw=(320, 320))
    matrix = motion((320, 320), 3, 2, 170)
    image = shoot(wide, matrix)
    found = aligner(inner(wide), max_rotation_deg=180).align(image)
    assert corner_motion(found.matrix, matrix, (320, 320)) < 0.3
    assert found.rotation_deg == pytest.approx(170, abs=0.05)


def test_where_to_look_ignores_what_moves_elsewhere() -> None:
    wide, busy = scene(0), scene(9)
    matrix = motion((300, 400), 4.6, 3.2)
    image = shoot(wide, matrix)
    image[:, 210:] = inner(busy)[:, 210:]
    settings = AlignSettings("shift", where_xywh=(0, 0, 190, 300))
    found = Aligner(inner(wide), settings).align(image)
    assert corner_motion(found.matrix, matrix, (400, 300)) < 0.2


def test_size_policy_scale_includes_the_size() -> None:
    wide = scene()
    matrix = motion((300, 400), 4, -2, 2)
    image = shoot(wide, matrix)
    large = np.asarray(cv2.resize(image, (800, 600), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    found = Aligner(inner(wide), AlignSettings("similarity"), "scale").align(large)
    resize = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    assert corner_motion(found.matrix, resize @ matrix, (400, 300)) < 0.5
    assert found.scale == pytest.approx(2, abs=0.005)
    assert found.shift_xy == pytest.approx((8, -4), abs=0.2)
    assert found.rotation_deg == pytest.approx(2, abs=0.05)


def test_size_policy_fit_maps_the_whole_image() -> None:
    reference = inner(scene())
    image = np.asarray(cv2.resize(reference, (200, 450)), dtype=np.uint8)
    tool = Aligner(reference, AlignSettings("similarity"), "fit")
    found = tool.align(image)
    assert (tool.mode, found.method) == ("none", "none")
    assert found.matrix == pytest.approx(np.array([[0.5, 0, -0.25], [0, 1.5, 0.25], [0, 0, 1]]))


def test_sixteen_bit_and_float_references_agree_with_eight_bit() -> None:
    wide = scene()
    image = shoot(wide, motion((300, 400), 5, 3, 1))
    reference = inner(wide)
    settings = AlignSettings("similarity")
    eight = Aligner(reference, settings).align(image)
    as_float = Aligner((reference / np.float32(255)).astype(np.float32), settings).align(image)
    deep = Aligner((reference.astype(np.uint16) * 16), settings, bits=12)
    sixteen = deep.align(image.astype(np.uint16) * 16)
    assert corner_motion(eight.matrix, as_float.matrix, (400, 300)) < 0.01
    assert corner_motion(eight.matrix, sixteen.matrix, (400, 300)) < 0.02


def test_equal_calls_and_threads_give_equal_bytes() -> None:
    wide = scene()
    image = shoot(wide, motion((300, 400), 7, 3, 14))
    tool = aligner(inner(wide))
    before = image.copy()
    first = tool.align(image).matrix.tobytes()
    assert aligner(inner(wide)).align(image).matrix.tobytes() == first
    with ThreadPoolExecutor(4) as pool:
        assert {a.matrix.tobytes() for a in pool.map(tool.align, [image] * 8)} == {first}
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        assert tool.align(image).matrix.tobytes() == first
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(image, before)


def test_a_region_is_shifted_on_its_own() -> None:
    wide = scene()
    image = shoot(wide, np.eye(3))
    moved = shoot(wide, motion((300, 400), 1.5, -0.8), seed=2)
    image[80:200, 100:260] = moved[80:200, 100:260]
    region = Region("lid", "Lid", "rectangle", ((120, 100), (240, 180)))
    tool = aligner(inner(wide), "similarity")
    whole = tool.align(image)
    own = tool.refine_region(image, whole, region)
    assert own.shift_xy == pytest.approx((1.5, -0.8), abs=0.15)
    still = Region("base", "Base", "rectangle", ((280, 20), (390, 280)))
    base = tool.refine_region(image, whole, still)
    assert base.shift_xy == pytest.approx((0, 0), abs=0.2)


def test_a_flat_region_is_left_alone() -> None:
    wide = scene()
    wide[WIDE + 80 : WIDE + 200, WIDE + 80 : WIDE + 240] = 120
    image = shoot(wide, np.eye(3))
    tool = aligner(inner(wide))
    whole = tool.align(image)
    region = Region("flat", "Flat", "rectangle", ((100, 100), (220, 180)))
    assert tool.refine_region(image, whole, region) is whole


def test_auto_has_to_be_decided_first() -> None:
    with pytest.raises(OptionError, match="choose_mode"):
        Aligner(inner(scene()), AlignSettings())


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 10, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="cannot be aligned"):
        Aligner(np.zeros(shape, np.uint8), AlignSettings("none"))


@pytest.mark.parametrize(
    ("moves", "mode"),
    [
        ([(0, 0, 0)] * 4, "none"),
        ([(3.5, 1, 0), (-2, 4, 0), (5, -3, 0), (1, 2, 0)], "shift"),
        ([(3.5, 1, 3), (-2, 4, -2), (5, -3, 4), (1, 2, -3)], "similarity"),
    ],
)
def test_auto_takes_the_cheapest_mode_with_a_real_gain(
    moves: list[tuple[float, float, float]], mode: str
) -> None:
    wide = scene()
    normals = [shoot(wide, motion((300, 400), *m), seed=i) for i, m in enumerate(moves)]
    assert choose_mode(inner(wide), normals)[0] == mode


def test_auto_leaves_differing_contents_and_sizes_alone() -> None:
    reference = inner(scene(0))
    mode, why = choose_mode(reference, [inner(scene(s)) for s in range(5, 9)])
    assert mode == "none"
    assert "differs from part to part" in why
    assert choose_mode(reference, [reference[:-2]]) == ("none", "the normal images differ in size")
    assert choose_mode(reference, [])[0] == "similarity"


def data_folder() -> Path:
    folder = Path(os.environ.get("OFFSPEC_DATA", ""))
    if not (folder / "deeppcb").is_dir():
        pytest.skip("OFFSPEC_DATA does not name the development photographs")
    return folder


@pytest.mark.data
def test_boards_fit_better_after_alignment() -> None:
    before, after = [], []
    for path in sorted((data_folder() / "deeppcb").glob("*_temp.jpg"))[::12]:
        reference = read_image(path)
        image = read_image(Path(str(path).replace("_temp", "_test")))
        found = aligner(reference, "homography").align(image)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = cv2.warpPerspective(image, found.matrix, image.shape[1::-1], flags=flags)
        crop = np.s_[20:-20, 20:-20]
        before.append(np.abs(reference[crop].astype(float) - image[crop]).mean())
        after.append(np.abs(reference[crop].astype(float) - laid[crop]).mean())
    assert np.mean(after) < 0.9 * np.mean(before)
    assert max(a / b for a, b in zip(after, before, strict=True)) < 1.3
