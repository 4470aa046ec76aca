"""Annotation files: ours, LabelMe's and DaoAI World's; polygons and masks."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from offspec.annotations import (
    Annotation,
    DefectShape,
    from_labelme,
    mask_polygons,
    polygon_mask,
    read_annotation,
    sidecar_path,
    to_labelme,
    write_annotation,
)
from offspec.errors import AnnotationError
from offspec.images import encode_png
from offspec.shapes import shape_area, shape_mask
from offspec.types import BoolArray

SQUARE = ((2.0, 2.0), (6.0, 2.0), (6.0, 5.0), (2.0, 5.0))


def labelme(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "version": "5.4.1",
        "flags": {},
        "shapes": [],
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": 20,
        "imageWidth": 30,
    }
    return base | changes


def shape(points: Any = SQUARE, **changes: Any) -> dict[str, Any]:
    base = {"label": "scratch", "points": points, "shape_type": "polygon", "flags": {}}
    return json.loads(json.dumps(base | changes))  # type: ignore[no-any-return]


FULL = Annotation(
    image_name="基板.png",
    size_wh=(30, 20),
    verdicts={"cap": "ng", "label": "ok", "": "ng"},
    defects=(DefectShape("scratch", SQUARE, "cap"), DefectShape("stain", SQUARE)),
    split="test",
    part_id="SN-1",
    regions=(DefectShape("Cap", ((0, 0), (29, 0), (29, 19)), "cap"),),
)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "基板.json"
    write_annotation(path, FULL)
    assert read_annotation(path) == FULL
    assert sidecar_path(tmp_path / "基板.png") == path
    assert "基板" in path.read_text("utf-8")


def test_labelme_finds_the_keys_it_needs() -> None:
    data = to_labelme(FULL)
    assert {"version", "imageData", "imagePath", "imageHeight", "imageWidth"} <= data.keys()
    for entry in data["shapes"]:
        assert {"label", "points", "group_id", "shape_type", "flags"} <= entry.keys()
    assert all(isinstance(v, bool) for v in data["flags"].values())


def test_region_verdicts_stand_in_flags_and_in_the_shape() -> None:
    data = to_labelme(FULL)
    assert data["flags"]["cap:NG"] is True
    assert data["flags"]["cap:OK"] is False
    assert data["shapes"][0]["flags"] == {"OK": False, "NG": True}
    only_flags = from_labelme(labelme(flags={"cap:NG": True}))
    only_shape = from_labelme(labelme(shapes=[shape(label="cap", flags={"ng": True})]))
    assert only_flags.verdicts == only_shape.verdicts == {"cap": "ng"}
    assert only_shape.defects == ()
    assert only_flags.label == only_shape.label == "ng"


def test_daoai_world_file() -> None:
    data = {
        "flags": {"OK": False, "NG": True},
        "imageWidth": 30,
        "imageHeight": 20,
        "shapes": [shape(group_id=0, description="")],
    }
    annotation = from_labelme(data)
    assert annotation.verdicts == {"": "ng"}
    assert annotation.defects[0].label == "scratch"


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (labelme(), None),
        (labelme(flags={"defect_free": True}), "ok"),
        (labelme(flags={"OK": True}), "ok"),
        (labelme(flags={"a:OK": True, "b:OK": True}), "ok"),
        (labelme(flags={"a:OK": True, "b:NG": True}), "ng"),
        (labelme(flags={"OK": False, "NG": False}), None),
        (labelme(shapes=[shape()]), "ng"),
    ],
)
def test_label(data: dict[str, Any], label: str | None) -> None:
    assert from_labelme(data).label == label


@pytest.mark.parametrize(
    ("kind", "points", "area"),
    [
        ("polygon", SQUARE, 12),
        ("rectangle", [[2, 2], [6, 5]], 12),
        ("rectangle", [[6, 5], [2, 2]], 12),
        ("rectangle", [[0, 0], [30, 20]], 600),
        ("line", [[2, 2], [6, 2]], 5),
        ("linestrip", [[2, 2], [6, 2], [6, 5]], 8),
        ("point", [[3, 3]], 1),
        ("polygon", [[3, 3]], 1),
        ("polygon", [[2, 2], [6, 2]], 5),
        ("polygon", [[2.6, 2.2], [6.4, 2.2], [6.4, 2.4], [2.6, 2.4]], 5),
        ("point", [[30, 20]], 1),
    ],
)
def test_shape_types(kind: str, points: Any, area: int) -> None:
    annotation = from_labelme(labelme(shapes=[shape(points, shape_type=kind)]))
    assert annotation.defect_mask((20, 30)).sum() == area


def test_circle_and_mask_shapes() -> None:
    circle = from_labelme(labelme(shapes=[shape([[15, 10], [15, 5]], shape_type="circle")]))
    assert circle.defect_mask((20, 30)).sum() == pytest.approx(np.pi * 5**2, rel=0.05)
    bitmap = np.zeros((4, 5), np.bool_)
    bitmap[1:, 2:] = True
    text = base64.b64encode(encode_png(bitmap)).decode()
    masked = from_labelme(
        labelme(shapes=[shape([[10, 7], [14, 10]], shape_type="mask", mask=text)])
    )
    expected = np.zeros((20, 30), np.bool_)
    expected[8:11, 12:15] = True
    np.testing.assert_array_equal(masked.defect_mask((20, 30)), expected)


def test_image_path_is_reduced_to_a_name() -> None:
    for path in ("../../etc/a.png", "..\\x\\a.png", "/abs/a.png"):
        assert from_labelme(labelme(imagePath=path)).image_name == "a.png"


WRONG: dict[str, Any] = {
    "list": [],
    "no keys": {"regions": []},
    "flags": labelme(flags={"OK": "yes"}),
    "flags list": labelme(flags=[1]),
    "shapes": labelme(shapes={"a": 1}),
    "shape": labelme(shapes=[3]),
    "label": labelme(shapes=[shape(label=4)]),
    "type": labelme(shapes=[shape(shape_type="spline")]),
    "no points": labelme(shapes=[shape([])]),
    "points text": labelme(shapes=[shape("abc")]),
    "triple": labelme(shapes=[shape([[1, 2, 3]] * 3)]),
    "bool": labelme(shapes=[shape([[True, 1]] * 3)]),
    "null": labelme(shapes=[shape([[None, 1]] * 3)]),
    "huge": labelme(shapes=[shape([[1e300, 1]] * 3)]),
    "long number": labelme(shapes=[shape([[10**400, 1]] * 3)]),
    "outside": labelme(shapes=[shape([[100, 100], [110, 100], [110, 110]])]),
    "too many points": labelme(shapes=[shape([[1, 1]] * 100_001)]),
    "too many shapes": labelme(shapes=[shape([[1, 1]])] * 10_001),
    "rectangle": labelme(shapes=[shape([[1, 1]] * 3, shape_type="rectangle")]),
    "mask": labelme(shapes=[shape([[1, 1]] * 2, shape_type="mask", mask="@@")]),
    "mask image": labelme(shapes=[shape([[1, 1]] * 2, shape_type="mask", mask="AAAA")]),
    "split": labelme(split="validation"),
    "part": labelme(part_id=7),
    "width": labelme(imageWidth=-3),
    "width text": labelme(imageWidth="30"),
    "one side": labelme(imageWidth=None),
    "both flags": labelme(flags={"OK": True, "NG": True}),
    "disagree": labelme(flags={"cap:OK": True}, shapes=[shape(label="cap", flags={"NG": True})]),
    "free with defect": labelme(flags={"defect_free": True}, shapes=[shape()]),
    "free with ng": labelme(flags={"defect_free": True, "a:NG": True}),
    "ok with defect": labelme(flags={"OK": True}, shapes=[shape()]),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_malformed_annotations_are_named(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(WRONG[case]), "utf-8")
    with pytest.raises(AnnotationError, match=r"a\.json"):
        read_annotation(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"flags": {"\xe9": true}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"flags": {}, "x": NaN}',
        b'{"flags": {}, "x": -Infinity}',
        b'{"flags": {}, "x": ' + b"9" * 5000 + b"}",
        b"\0" * 50,
    ],
)
def test_bytes_that_are_no_json(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(AnnotationError, match=r"a\.json"):
        read_annotation(tmp_path / "a.json")


def test_byte_order_mark_is_accepted_and_missing_file_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(labelme()), "utf-8-sig")
    assert read_annotation(tmp_path / "a.json").label is None
    with pytest.raises(AnnotationError, match=r"b\.json"):
        read_annotation(tmp_path / "b.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2e6])
def test_shapes_refuse_what_is_no_pixel(value: float) -> None:
    with pytest.raises(AnnotationError, match="finite"):
        DefectShape("a", ((0, 0), (1, value), (1, 1)))
    with pytest.raises(AnnotationError, match="2 points"):
        DefectShape("a", ((0, 0), (1, 1)))


def test_outline_without_verdict_cannot_be_written() -> None:
    orphan = Annotation("a.png", regions=(DefectShape("cap", SQUARE),))
    with pytest.raises(AnnotationError, match="no verdict"):
        to_labelme(orphan)


def test_mask_for_another_image_size_is_refused() -> None:
    assert FULL.defect_mask((20, 30)).any()
    with pytest.raises(AnnotationError, match="30 x 20"):
        FULL.defect_mask((30, 20))


def test_name_that_is_no_unicode_can_be_written(tmp_path: Path) -> None:
    annotation = Annotation("a\udcff.png", defect_free=True)
    write_annotation(tmp_path / "a.json", annotation)
    assert read_annotation(tmp_path / "a.json") == annotation


# --- polygons and masks ---


def test_union_not_difference_where_polygons_overlap() -> None:
    other = tuple((x + 2, y) for x, y in SQUARE)
    assert polygon_mask([SQUARE, other], (20, 30)).sum() == 18
    assert not polygon_mask([], (20, 30)).any()


def test_polygon_far_outside_is_cut_not_folded() -> None:
    around = ((-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6))
    assert polygon_mask([around], (4, 5)).all()
    half = ((2.0, -1e6), (1e6, -1e6), (1e6, 1e6), (2.0, 1e6))
    np.testing.assert_array_equal(polygon_mask([half], (4, 5)), [[False] * 2 + [True] * 3] * 4)
    beyond = tuple((x + 500, y) for x, y in SQUARE)
    assert not polygon_mask([beyond], (20, 30)).any()
    for x, y in ((-7, 0), (0, -6), (28, 0), (0, 18)):  # beside the image, by less than a margin
        beside = tuple((a + x, b + y) for a, b in SQUARE)
        assert not polygon_mask([beside], (20, 30)).any()


def test_a_pixel_belongs_to_a_polygon_when_its_centre_does() -> None:
    corners = ((3.4, 2.6), (24.7, 5.1), (17.2, 17.9), (9.5, 9.3))
    expected = shape_mask("polygon", corners, (20, 30))
    np.testing.assert_array_equal(polygon_mask([corners], (20, 30)), expected)
    centre = np.argwhere(polygon_mask([SQUARE], (20, 30))).mean(axis=0) + 0.5
    assert centre.tolist() == [3.5, 4.0]


def test_outlines_of_masks_run_along_the_edges_of_pixels() -> None:
    mask = np.zeros((6, 8), np.bool_)
    mask[2, 5] = True
    (pixel,) = mask_polygons(mask)
    assert set(pixel) == {(5, 2), (6, 2), (6, 3), (5, 3)}
    mask[3, 6] = mask[4, 5] = mask[3, 4] = True  # four that touch at corners only
    (ring,) = mask_polygons(mask)
    assert shape_area("polygon", ring) == 4
    np.testing.assert_array_equal(polygon_mask([ring], (6, 8)), mask)
    (whole,) = mask_polygons(np.ones((6, 8), np.bool_))
    assert set(whole) == {(0, 0), (8, 0), (8, 6), (0, 6)}
    assert mask_polygons(np.zeros((6, 8), np.bool_)) == []


def test_ring_with_an_island_keeps_its_hole() -> None:
    canvas = np.zeros((40, 50), np.uint8)
    cv2.circle(canvas, (25, 20), 15, (1,), 4)
    cv2.circle(canvas, (25, 20), 3, (1,), -1)
    mask = canvas > 0
    polygons = mask_polygons(mask)
    assert len(polygons) == 2
    np.testing.assert_array_equal(polygon_mask(polygons, mask.shape), mask)


def test_simplified_outline_stays_near() -> None:
    canvas = np.zeros((100, 100), np.uint8)
    cv2.circle(canvas, (50, 50), 30, (1,), -1)
    (exact,), (rough,) = mask_polygons(canvas > 0), mask_polygons(canvas > 0, epsilon_px=1.5)
    assert len(rough) < len(exact) / 2
    assert (polygon_mask([rough], (100, 100)) ^ (canvas > 0)).sum() < 0.05 * canvas.sum()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14))))
def test_mask_survives_polygons(mask: BoolArray) -> None:
    polygons = mask_polygons(mask)
    assert all(len(p) >= 3 for p in polygons)
    shape_hw = (mask.shape[0], mask.shape[1])
    np.testing.assert_array_equal(polygon_mask(polygons, shape_hw), mask)
    assert sum(shape_area("polygon", p) for p in polygons) == mask.sum()


def test_zigzag_over_a_million_rows_costs_little() -> None:
    zigzag = tuple((i / 10, 1e6 if i % 2 else -1e6) for i in range(5000))
    started = time.perf_counter()
    assert polygon_mask([zigzag], (480, 640)).any()
    assert time.perf_counter() - started < 5  # 17 s when OpenCV walks every row


def test_noisy_mask_survives_polygons() -> None:
    mask = np.random.default_rng(0).random((120, 160)) < 0.6  # thousands of holes
    np.testing.assert_array_equal(polygon_mask(mask_polygons(mask), (120, 160)), mask)
