"""Templates: the rules, the file, network sizes and splits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offspec.errors import InputError, RegionError, TemplateError
from offspec.images import write_png
from offspec.shapes import crossing_edges, shape_area, shape_mask
from offspec.template import (
    AlignSettings,
    Exclusion,
    Region,
    Template,
    new_template,
    plan_resolution,
    propose_split,
    read_template,
    split_template,
    whole_image_template,
    write_template,
)
from offspec.types import PointsXY, Resolution


def box(key: str, x: float, y: float, w: float, h: float, **more: Any) -> Region:
    return Region(key, key, "rectangle", ((x, y), (x + w, y + h)), **more)


def full_template() -> Template:
    regions = (
        Region(
            "cap",
            "Cap größe",
            "polygon",
            ((10.0, 10.0), (60.0, 12.5), (40.0, 50.0)),
            exclusions=(Exclusion("ellipse", ((30.0, 15.0), (40.0, 25.0))),),
            min_defect_area_px=9.0,
            kind="object",
            resolution="accurate",
        ),
        Region("dial", "Dial", "ellipse", ((70.0, 20.0), (110.0, 70.0)), kind="texture"),
        box("label", 5, 55, 30, 20, resolution="native"),
    )
    return replace(
        whole_image_template((120, 80), name="valve"),
        regions=regions,
        mode="pixel",
        alignment=AlignSettings("homography", 12.5, 4.0, (0.0, 0.0, 60.0, 40.0), True),
        size_policy="scale",
        smallest_defect_px=6.0,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    write_png(tmp_path / "part.png", rng.integers(0, 255, (80, 120, 3), dtype=np.uint8))
    path = tmp_path / "template.json"
    write_template(path, new_template(tmp_path / "part.png", regions=full_template().regions))
    return path


def test_json_round_trip_keeps_everything() -> None:
    template = full_template()
    assert Template.from_dict(json.loads(json.dumps(template.to_dict()))) == template


def test_file_round_trip(saved: Path) -> None:
    template = read_template(saved)
    assert template.size_wh == (120, 80)
    assert template.reference_file == "part.png"
    assert template.region("Dial").id == "dial"


def test_no_region_drawn_is_one_region_over_the_whole_image() -> None:
    template = whole_image_template((30, 20))
    assert template.regions[0].bounds_xywh == (0, 0, 30, 20)
    assert template.regions[0].mask((20, 30)).all()


def test_size_policy_of_a_file_defaults_to_exact() -> None:
    data = whole_image_template((30, 20)).to_dict()
    del data["size_policy"]
    assert Template.from_dict(data).size_policy == "exact"


def test_changed_reference_is_refused(saved: Path) -> None:
    reference = saved.parent / "part.png"
    reference.write_bytes(reference.read_bytes() + b"x")
    with pytest.raises(TemplateError, match="has changed"):
        read_template(saved)


def test_missing_reference_is_refused(saved: Path) -> None:
    (saved.parent / "part.png").unlink()
    with pytest.raises(TemplateError, match="is missing"):
        read_template(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', '{"format_version": 1}', "\x00"])
def test_malformed_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(TemplateError):
        read_template(tmp_path / "t.json")


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        read_template(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (("extra",), 1, "unknown keys"),
        (("regions", 0, "extra"), 1, "unknown keys"),
        (("regions", 0, "exclusions", 0, "extra"), 1, "unknown keys"),
        (("reference", "extra"), 1, "unknown keys"),
        (("alignment", "extra"), 1, "unknown keys"),
        (("format_version",), 2, "version 2"),
        (("format_version",), "1", "whole number"),
        (("name",), 3, "text"),
        (("mode",), "both", "one of image, pixel"),
        (("mode",), ["image"], "one of image, pixel"),
        (("size_policy",), "any", "exact, scale, fit"),
        (("smallest_defect_px",), 0, "from 1"),
        (("smallest_defect_px",), float("nan"), "finite"),
        (("reference", "file"), "../part.png", "plain file name"),
        (("reference", "sha256"), "abc", "sha256"),
        (("reference", "width"), 0, "not a size"),
        (("reference", "width"), True, "whole number"),
        (("alignment", "mode"), "affine", "one of auto"),
        (("alignment", "max_rotation_deg"), 270, "from 0 to 180"),
        (("alignment", "max_shift_px"), -1, "from 0 on"),
        (("alignment", "where_xywh"), [0, 0, 500, 10], "does not fit"),
        (("alignment", "where_xywh"), [0, 0], "four numbers"),
        (("alignment", "refine_regions"), 1, "true or false"),
        (("regions",), [], "1 to 256"),
        (("regions",), {}, "a list"),
        (("regions", 0, "points_xy"), [[0, 0], [1]], "pairs"),
        (("regions", 0, "shape"), "star", "Known shapes"),
        (("regions", 0, "resolution"), "huge", "resolution"),
        (("regions", 0, "kind"), "soft", "kind"),
        (("regions", 0, "id"), "a/b", "not allowed"),
        (("regions", 0, "min_defect_area_px"), "big", "finite number or null"),
    ],
)
def test_every_broken_field_is_named(path: tuple[str | int, ...], value: Any, match: str) -> None:
    data = full_template().to_dict()
    node: Any = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(TemplateError, match=match):
        Template.from_dict(data)


@pytest.mark.parametrize(
    ("region", "match"),
    [
        (box("a", -1, 0, 10, 10), "stay inside"),
        (box("a", 25, 0, 10, 10), "stay inside"),
        (box("a", 0, 0, 10, 10, exclusions=(Exclusion("rectangle", ((0, 0), (10, 10))),)), "pixel"),
        (box("a", 3.1, 3.1, 0.2, 0.2), "no pixel"),
    ],
)
def test_region_has_to_fit_its_reference(region: Region, match: str) -> None:
    with pytest.raises(RegionError, match=match):
        replace(whole_image_template((30, 20)), regions=(region,))


@pytest.mark.parametrize(
    "points",
    [
        ((0, 0), (10, 10), (10, 0), (0, 10)),  # bow tie
        ((0, 0), (10, 0), (10, 10), (5, 0), (0, 10)),  # touches its own edge
        ((0, 0), (10, 0), (5, 0), (5, 10)),  # doubles back
        ((0, 0), (10, 0), (10, 10), (10, 0), (0, 10)),  # visits a point twice
        ((0, 0), (5, 5), (10, 10)),  # no area
        ((0, 0), (10, 0)),
        ((0, 0), (10, 0), (float("inf"), 10)),
    ],
)
def test_bad_outlines_are_refused(points: PointsXY) -> None:
    with pytest.raises(RegionError):
        Region("a", "a", "polygon", points)


def test_simple_concave_outline_is_accepted() -> None:
    star = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 3.0), (0.0, 10.0))
    assert crossing_edges(star) is None


def test_duplicate_ids_and_names_are_refused() -> None:
    template = whole_image_template((30, 20))
    with pytest.raises(RegionError, match="id 'a' is used twice"):
        replace(template, regions=(box("a", 0, 0, 5, 5), box("a", 6, 6, 5, 5)))
    pair = tuple(replace(box(key, 0, 0, 5, 5), name="same") for key in "ab")
    with pytest.raises(RegionError, match="name 'same' is used twice"):
        replace(template, regions=pair)


def test_unknown_region_lists_the_known_ones() -> None:
    with pytest.raises(RegionError, match="It has: image"):
        whole_image_template((30, 20)).region("cap")


def test_masks_follow_pixel_centres() -> None:
    assert shape_mask("rectangle", ((1.5, 0.0), (3.5, 2.0)), (3, 5)).tolist() == [
        [False, True, True, False, False],
        [False, True, True, False, False],
        [False] * 5,
    ]
    square = ((2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0))
    as_polygon = shape_mask("polygon", square, (6, 8))
    assert np.array_equal(as_polygon, shape_mask("rectangle", ((2, 1), (6, 4)), (6, 8)))


def test_mask_areas_match_the_exact_ones() -> None:
    triangle = ((5.0, 5.0), (90.0, 20.0), (30.0, 80.0))
    assert shape_mask("polygon", triangle, (100, 100)).sum() == pytest.approx(
        shape_area("polygon", triangle), rel=0.01
    )
    oval = ((10.0, 20.0), (90.0, 80.0))
    assert shape_mask("ellipse", oval, (100, 100)).sum() == pytest.approx(
        shape_area("ellipse", oval), rel=0.01
    )


def test_neighbouring_polygons_share_no_pixel_and_leave_none() -> None:
    left = ((0.0, 0.0), (7.5, 0.0), (3.5, 10.0), (0.0, 10.0))
    right = ((7.5, 0.0), (10.0, 0.0), (10.0, 10.0), (3.5, 10.0))
    counts = shape_mask("polygon", left, (10, 10)).astype(int)
    counts += shape_mask("polygon", right, (10, 10))
    assert (counts == 1).all()


def test_crop_mask_is_the_same_call_with_a_box() -> None:
    region = full_template().regions[0]
    whole = region.mask((80, 120))
    x, y, w, h = region.bounds_xywh
    assert np.array_equal(region.mask((h, w), (x, y, w, h)), whole[y : y + h, x : x + w])
    assert region.mask((2 * h, 2 * w), (x, y, w, h)).sum() == pytest.approx(
        4 * whole.sum(), rel=0.05
    )
    assert not whole[20, 35]
    assert whole[14, 20]


@pytest.mark.parametrize(
    ("side", "smallest", "expected"),
    [
        (256, 8, "fast"),
        (512, 16, "fast"),
        (513, 16, "accurate"),
        (1024, 16, "accurate"),
        (1025, 16, "native"),
        (100, 4, "fast"),
        (512, 4, "fast"),  # nothing leaves 8: the most that is left, cheapest first
    ],
)
def test_auto_takes_the_cheapest_that_leaves_eight_pixels(
    side: int, smallest: float, expected: str
) -> None:
    plan = plan_resolution(box("a", 0, 0, side, side // 2), smallest)
    if (side, smallest) == (512, 4):
        assert (plan.resolution, plan.defect_px) == ("accurate", 4.0)
        assert "camera" in plan.message
    else:
        assert plan.resolution == expected
        assert plan.defect_px >= 8
        assert plan.message == ""


def test_the_smaller_scale_factor_decides() -> None:
    plan = plan_resolution(box("a", 0, 0, 1130, 460, resolution="fast"))
    assert plan.defect_px == pytest.approx(16 * 256 / 1130)
    assert plan.scale_xy == pytest.approx((256 / 1130, 256 / 460))


def test_native_keeps_scale_and_adds_the_halo() -> None:
    plan = plan_resolution(box("a", 0, 0, 1130, 460, resolution="native"))
    assert (plan.net_hw, plan.scale_xy) == ((608, 640), (1.0, 1.0))


@pytest.mark.parametrize("resolution", ["fast", "accurate"])
def test_a_shrunk_region_is_told_with_a_split_that_helps(resolution: Resolution) -> None:
    region = box("a", 40, 10, 3000, 1400, resolution=resolution)
    plan = plan_resolution(region)
    assert plan.shrunk
    assert plan.proposal is not None
    assert f"Split the region into {len(plan.proposal)}" in plan.message
    parts = propose_split(region)
    covered = np.zeros((1500, 3100), dtype=bool)
    for part in parts:
        assert plan_resolution(part).message == ""
        covered |= part.mask(covered.shape)
    assert np.array_equal(covered, region.mask(covered.shape))


def test_a_defect_on_a_cut_lies_whole_in_one_part() -> None:
    parts = propose_split(box("a", 0, 0, 1130, 460, resolution="fast"))
    spans = [(p.bounds_xywh[0], p.bounds_xywh[0] + p.bounds_xywh[2]) for p in parts]
    for left in range(0, 1130 - 16):
        assert any(a <= left and left + 16 <= b for a, b in spans)


def test_split_keeps_shape_and_exclusions() -> None:
    hole = Exclusion("rectangle", ((20.0, 20.0), (60.0, 60.0)))
    region = Region(
        "dial", "Dial", "ellipse", ((0, 0), (900, 700)), exclusions=(hole,), resolution="fast"
    )
    template = replace(whole_image_template((900, 700)), regions=(region,))
    parts = split_template(template, "dial").regions
    covered = np.zeros((700, 900), dtype=bool)
    for part in parts:
        covered |= part.mask(covered.shape)
    assert [p.id for p in parts] == [f"dial-{i + 1}" for i in range(len(parts))]
    assert not (covered & ~region.mask(covered.shape)).any()
    assert covered.sum() > 0.99 * region.mask(covered.shape).sum()


def test_split_leaves_what_is_fine() -> None:
    template = whole_image_template((300, 200))
    assert split_template(template) == template


def test_default_minimum_area_is_a_disc_of_the_smallest_defect() -> None:
    template = whole_image_template((100, 100), smallest_defect_px=10)
    assert template.min_defect_area_px(template.regions[0]) == pytest.approx(78.54, abs=0.01)
    own = replace(template.regions[0], min_defect_area_px=3.0)
    assert template.min_defect_area_px(own) == 3.0


def test_errors_are_input_errors_with_stable_codes() -> None:
    assert issubclass(RegionError, InputError)
    assert (TemplateError.code, RegionError.code) == ("template", "region")
