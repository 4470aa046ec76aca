"""Which photographs show one part."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from offspec.grouping import SIGNATURE_SIDE, alike, group, signature
from offspec.types import Alignment, ImageArray
from tests.synth import part_image
from tests.trained import surface, varied_part

SIZE = (120, 160)
HERE = Alignment(np.eye(3))
REFERENCE = varied_part(0, SIZE)


def sign(image: ImageArray, alignment: Alignment = HERE) -> str:
    return signature(image, REFERENCE, alignment, 8)


def jpeg(image: ImageArray, quality: int = 95) -> ImageArray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded[..., ::-1], np.uint8)


def test_an_image_is_alike_itself_and_the_signature_has_one_length() -> None:
    for image in (REFERENCE, varied_part(1, SIZE)):
        text = sign(image)
        assert len(text) == 2 * SIGNATURE_SIDE**2
        assert alike(text, text)


def test_a_second_photograph_of_one_part_is_alike() -> None:
    assert alike(sign(varied_part(1, SIZE)), sign(varied_part(1, SIZE, shot=1)))


@pytest.mark.parametrize("quality", [95, 85])
def test_the_same_photograph_saved_as_jpeg_is_alike(quality: int) -> None:
    large = (256, 320)
    reference, image = varied_part(0, large), varied_part(1, large)
    first, second = (
        signature(i, reference, HERE, 8) for i in (image, jpeg(image, quality))
    )  # fmt: skip
    assert alike(first, second)


def test_other_parts_are_not_alike() -> None:
    texts = [sign(varied_part(part, SIZE)) for part in range(6)]
    for i, first in enumerate(texts):
        for second in texts[:i]:
            assert not alike(first, second)


def test_equal_parts_with_their_own_sensor_noise_are_not_alike() -> None:
    assert not alike(sign(part_image(1, SIZE)), sign(part_image(2, SIZE)))


@pytest.mark.parametrize("noise", [0.002, 0.005])
def test_parts_of_a_quiet_station_are_not_alike(noise: float) -> None:
    """Fine images of clean parts differ by less than a grey level a cell, and still differ."""
    size = (512, 512)
    reference = part_image(0, size, noise=noise)
    texts = [signature(part_image(i, size, noise=noise), reference, HERE, 8) for i in range(1, 5)]
    assert group(texts, [None] * 4) == [0, 1, 2, 3]


def test_a_moved_photograph_is_compared_where_its_alignment_lays_it() -> None:
    image = varied_part(1, SIZE)
    matrix = np.array([[1, 0, 3], [0, 1, 2], [0, 0, 1.0]])
    moved = cv2.warpPerspective(image, matrix, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
    there = np.asarray(moved, np.uint8)
    assert not alike(sign(image), sign(there))
    inner = Alignment(matrix)
    assert alike(sign(image), sign(there, inner)) or _edge_only(sign(image), sign(there, inner))


def _edge_only(first: str, second: str) -> bool:
    """Whether two signatures differ in the outermost cells only, which the shift cut off."""
    a, b = (
        np.frombuffer(bytes.fromhex(t), np.uint8).reshape(SIGNATURE_SIDE, -1).astype(np.int16)
        for t in (first, second)
    )
    return bool(np.abs(a - b)[4:-4, 4:-4].max() <= 2)


def test_the_bit_depth_does_not_matter() -> None:
    eight = varied_part(1, SIZE)
    sixteen = eight.astype(np.uint16) * 257
    deep = signature(sixteen, REFERENCE.astype(np.uint16) * 257, HERE, 16)
    assert alike(sign(eight), deep)


def test_the_surface_of_the_reference_is_flat() -> None:
    assert not surface(0, SIZE).any()
    assert sign(REFERENCE) == "80" * SIGNATURE_SIDE**2


def test_groups_are_numbered_by_first_appearance() -> None:
    texts = [sign(varied_part(part, SIZE)) for part in (3, 1, 3, 2, 1)]
    assert group(texts, [None] * 5) == [0, 1, 0, 2, 1]


def test_a_named_part_is_one_group_however_it_looks() -> None:
    texts = [sign(varied_part(part, SIZE)) for part in range(1, 5)]
    assert group(texts, ["a", None, "b", "a"]) == [0, 1, 2, 0]


def test_images_nobody_named_do_not_share_a_part() -> None:
    texts = [sign(varied_part(part, SIZE)) for part in range(1, 4)]
    assert group(texts, [None, None, None]) == [0, 1, 2]


def test_groups_join_through_others() -> None:
    one, two, three = (sign(varied_part(part, SIZE)) for part in (1, 2, 3))
    assert group([one, two, one, three], [None, "x", "x", None]) == [0, 0, 0, 1]


def test_no_image_is_no_group() -> None:
    assert group([], []) == []
