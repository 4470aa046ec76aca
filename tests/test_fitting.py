"""From a dataset to a bundle, and what may be changed in a bundle afterwards."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec import graphs
from offspec.bundle import Bundle, read_bundle, write_bundle
from offspec.errors import (
    DatasetError,
    LimitError,
    OptionError,
    RegionError,
    ShapeError,
    TemplateError,
)
from offspec.fit_plan import plan
from offspec.fitting import FitConfig, fit, override_threshold, recalibrate
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.template import (
    AlignSettings,
    Exclusion,
    Region,
    Template,
    new_template,
    write_template,
)
from offspec.types import ImageArray, Inspection, Kind, Resolution, SizePolicy
from tests.synth import defect_mask, part_image, write_mvtec, write_part
from tests.trained import FAST, SMALL, varied_part, write_normals

BOX = ((0.0, 0.0), (80.0, 64.0))


def inspect(bundle: Bundle, image: ImageArray) -> Inspection:
    return Inspector(bundle, warm_up=False).inspect(image)


def reference_score(bundle: Bundle) -> list[float | None]:
    return [r.raw_score for r in inspect(bundle, bundle.reference).regions]


# -- how many normals ---------------------------------------------------------------


@pytest.mark.parametrize(("count", "words"), [(1, "Only 0 normal"), (2, "Only 1"), (5, "Only 4")])
def test_under_five_normals_beside_the_reference_are_provisional(
    count: int, words: str, tmp_path: Path
) -> None:
    bundle = fit(write_normals(tmp_path, count), config=FAST)
    calibration = bundle.manifest.calibration
    assert calibration.provisional
    assert calibration.status == "provisional"
    assert calibration.guarantee_upper is None
    assert "%" not in calibration.words
    assert any(words in note for note in bundle.manifest.notes)
    assert reference_score(bundle) == [0.0]
    bad = inspect(bundle, varied_part(0, defect="missing"))
    assert bad.verdict == "review"
    assert {r.verdict for r in bad.regions} == {"review"}
    assert bad.deviation_score is not None
    assert bad.deviation_score > 0.5
    assert inspect(bundle, varied_part(0, shot=9)).verdict == "ok"


def test_from_five_on_the_threshold_is_calibrated_and_a_bad_part_is_ng(model: Bundle) -> None:
    calibration = model.manifest.calibration
    assert not calibration.provisional
    assert calibration.cross_fitted
    assert calibration.status == "extrapolated"
    assert calibration.threshold.n == 6
    assert calibration.guarantee_upper is not None
    bad = inspect(model, varied_part(3, defect="missing"))
    assert bad.verdict == "ng"
    assert bad.regions[0].defects
    assert inspect(model, varied_part(40)).verdict == "ok"


def test_the_reference_itself_scores_zero_and_nothing_is_drawn(model: Bundle) -> None:
    found = inspect(model, model.reference)
    assert found.deviation_score == 0.0
    assert found.regions[0].raw_score == 0.0
    assert found.regions[0].defects == ()
    assert found.anomaly_map is not None
    assert not found.anomaly_map.any()


@pytest.mark.parametrize("kind", ["object", "texture"])
@pytest.mark.parametrize("resolution", ["accurate", "native"])
def test_the_reference_scores_zero_in_every_kind_and_resolution(
    kind: Kind, resolution: Resolution, tmp_path: Path
) -> None:
    config = replace(FAST, kind=kind, resolution=resolution)
    bundle = fit(write_normals(tmp_path, 2), config=config)
    assert reference_score(bundle) == [0.0]
    assert inspect(bundle, bundle.reference).deviation_score == 0.0


def test_the_asked_rate_moves_the_threshold_and_nothing_else(normals: Path, model: Bundle) -> None:
    loose = fit(normals, config=replace(FAST, false_alarm_rate=0.2))
    assert loose.graphs == model.graphs
    threshold = loose.manifest.calibration.threshold
    assert threshold.status == "certified"
    assert threshold.raw == max(model.manifest.calibration.curve.scores)
    assert threshold.raw < model.manifest.calibration.threshold.raw


# -- the same inputs, the same bytes ---------------------------------------------------


def test_threads_change_no_byte(normals: Path, model_file: Path, tmp_path: Path) -> None:
    for threads in (1, 2, 7):  # 7: parts of a tensor that no vector length divides
        path = tmp_path / f"{threads}.offspec"
        write_bundle(fit(normals, config=replace(FAST, threads=threads)), path)
        assert path.read_bytes() == model_file.read_bytes()


def test_threads_change_no_score_of_renders_or_of_fresh_normals(
    model: Bundle, tmp_path: Path
) -> None:
    folder = write_normals(tmp_path / "few", 2)
    few = [fit(folder, config=replace(FAST, threads=n)).manifest for n in (1, 7)]
    assert few[0] == few[1]
    fresh = sorted(write_normals(tmp_path / "fresh", 6, first=50).iterdir())
    again = [recalibrate(model, fresh, 0.1, threads=n).manifest for n in (1, 7)]
    assert again[0] == again[1]


def test_another_process_gives_equal_bytes(normals: Path, model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "other.offspec"
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "offspec.cli", "fit", normals, "--out", out,
         "--kind", "object", "--resolution", "fast", "--align", "none", "--threads", "2",
         "--quiet"],
        check=True,
        env={"PYTHONHASHSEED": "7", "PATH": "", "OPENBLAS_CORETYPE": "Prescott"},
    )  # fmt: skip
    assert out.read_bytes() == model_file.read_bytes()


def test_a_bundle_survives_its_file(model: Bundle, model_file: Path) -> None:
    again = read_bundle(model_file)
    assert again.manifest.calibration == model.manifest.calibration
    bad = varied_part(3, defect="blot")
    first, second = inspect(model, bad), inspect(again, bad)
    assert first.regions[0].raw_score == second.regions[0].raw_score
    assert first.anomaly_map is not None
    assert second.anomaly_map is not None
    np.testing.assert_array_equal(first.anomaly_map, second.anomaly_map)


def test_the_manifest_says_what_the_model_was_made_from(model: Bundle) -> None:
    manifest = model.manifest
    assert len(manifest.learned_sha256) == len(manifest.learned_phash) == 7
    assert manifest.dataset["normals"] == 7
    assert len(str(manifest.dataset["fingerprint"])) == 64
    assert manifest.detector["name"] == "reference"
    assert manifest.detector["backbone"] == "bank"
    assert manifest.detector["config"]["false_alarm_rate"] == 0.01
    assert "threads" not in manifest.detector["config"]
    assert {"numpy", "onnxruntime"} <= set(manifest.libraries)
    assert manifest.drift["scores"]["image"]["n"] == 6
    assert sum(manifest.drift["image"]["brightness"]["counts"]) == 6


# -- without a template ----------------------------------------------------------------


def test_the_first_normal_in_order_is_the_reference(tmp_path: Path) -> None:
    for name, part in (("b.png", 0), ("a.png", 1), ("c.png", 2)):
        write_part(tmp_path / name, varied_part(part))
    bundle = fit(tmp_path, config=FAST)
    assert bundle.manifest.template.reference_file == "a.png"
    np.testing.assert_array_equal(bundle.reference, varied_part(1))
    assert [r.id for r in bundle.manifest.template.regions] == ["image"]


@pytest.mark.parametrize(("masks", "mode"), [(True, "pixel"), (False, "image")])
def test_masks_make_the_mode(masks: bool, mode: str, tmp_path: Path) -> None:
    root = write_mvtec(tmp_path, normals=1, size_hw=SMALL, masks=masks)
    assert fit(root, config=FAST).manifest.template.mode == mode
    asked = fit(root, config=replace(FAST, mode="image"))
    assert asked.manifest.template.mode == "image"


def test_normals_of_several_sizes_are_fitted_without_positions_and_that_is_said(
    tmp_path: Path,
) -> None:
    for part in range(7):
        write_part(tmp_path / f"{part}.png", part_image(part, (64 + 4 * part, 80)))
    bundle = fit(tmp_path)
    template = bundle.manifest.template
    assert template.size_policy == "fit"
    assert template.alignment.mode == "none"
    assert bundle.manifest.detector["kinds"] == {"image": "texture"}
    assert any("7 sizes" in note for note in bundle.manifest.notes)
    assert inspect(bundle, part_image(50, (70, 90))).verdict != "invalid"


def test_automatic_choices_are_made_and_said(tmp_path: Path) -> None:
    for seed in range(6):
        shift = (float(seed % 3), float(-seed % 2))
        write_part(tmp_path / f"{seed}.png", part_image(seed, (96, 128), shift))
    bundle = fit(tmp_path)
    assert bundle.manifest.template.alignment.mode == "shift"
    assert bundle.manifest.detector["kinds"] == {"image": "object"}
    notes = " ".join(bundle.manifest.notes)
    assert "Alignment 'shift'" in notes
    assert "'image' is taken as object" in notes
    moved = inspect(bundle, part_image(77, (96, 128), (2.0, 1.0)))
    assert moved.verdict == "ok"
    assert moved.alignment.shift_xy == pytest.approx((2.0, 1.0), abs=0.3)


def test_a_part_moved_further_than_any_normal_is_judged_on_what_is_seen(tmp_path: Path) -> None:
    for seed in range(6):
        shift = (float(seed % 3), float(-seed % 2))
        write_part(tmp_path / f"{seed}.png", part_image(seed, (96, 128), shift))
    bundle = fit(tmp_path, config=replace(FAST, align="shift"))
    assert inspect(bundle, part_image(77, (96, 128), (3.0, 2.0))).verdict == "ok"


# -- depths, channels, sizes -----------------------------------------------------------


def test_sixteen_bit_images_keep_their_depth(tmp_path: Path) -> None:
    for seed in range(6):
        write_part(tmp_path / f"{seed}.png", part_image(seed, SMALL, bits=12))
    bundle = fit(tmp_path, config=FAST)
    assert bundle.manifest.bits == 12
    assert bundle.reference.dtype == np.uint16
    assert reference_score(bundle) == [0.0]
    assert inspect(bundle, part_image(50, SMALL, bits=12)).verdict == "ok"
    assert inspect(bundle, part_image(50, SMALL, defect="missing", bits=12)).verdict == "ng"
    with pytest.raises(ShapeError, match="uint8"):
        inspect(bundle, part_image(50, SMALL))


def test_a_normal_of_another_depth_is_named(tmp_path: Path) -> None:
    for seed in range(6):
        write_part(tmp_path / f"{seed}.png", part_image(seed, SMALL, bits=12 if seed == 4 else 8))
    with pytest.raises(ShapeError, match=r"'4\.png' is uint16, the reference uint8"):
        fit(tmp_path, config=FAST)


def test_one_deep_image_gets_a_provisional_threshold(tmp_path: Path) -> None:
    write_part(tmp_path / "0.png", part_image(0, SMALL, bits=12))
    bundle = fit(tmp_path, config=FAST)
    assert bundle.manifest.bits == 12
    assert inspect(bundle, part_image(0, SMALL, defect="missing", bits=12)).verdict == "review"


def test_grey_images(tmp_path: Path) -> None:
    for seed in range(6):
        grey = cv2.cvtColor(part_image(seed, SMALL), cv2.COLOR_RGB2GRAY)
        cv2.imwrite(str(tmp_path / f"{seed}.png"), grey)
    bad = cv2.cvtColor(part_image(50, SMALL, defect="missing"), cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(tmp_path.parent / "bad.png"), bad)
    bundle = fit(tmp_path, config=FAST)
    assert reference_score(bundle) == [0.0]
    assert inspect(bundle, read_image(tmp_path.parent / "bad.png")).verdict == "ng"


def whole(policy: SizePolicy, folder: Path) -> Path:
    """A template over the whole of ``000.png``."""
    drawn = new_template(folder / "000.png")
    drawn = replace(drawn, size_policy=policy, alignment=AlignSettings("none"))
    write_template(folder / "template.json", drawn)
    return folder / "template.json"


@pytest.mark.parametrize(
    ("policy", "size_hw", "verdict"),
    [
        ("exact", (96, 120), "invalid"),
        ("scale", (96, 120), "ok"),
        ("scale", (96, 160), "invalid"),
        ("fit", (96, 160), "ok"),
    ],
)
def test_size_policies(
    policy: SizePolicy, size_hw: tuple[int, int], verdict: str, tmp_path: Path
) -> None:
    write_normals(tmp_path, 6)
    bundle = fit(tmp_path, template=whole(policy, tmp_path), config=FAST)
    assert bundle.manifest.template.size_policy == policy
    good = cv2.resize(varied_part(1), size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    found = inspect(bundle, np.asarray(good, np.uint8))
    assert found.verdict == verdict
    if verdict == "invalid":
        reason = found.regions[0].reason
        assert reason is not None
        assert reason.code == "size"
        return
    assert found.anomaly_map is not None
    assert found.anomaly_map.shape == size_hw
    bad = cv2.resize(varied_part(1, defect="missing"), size_hw[::-1])
    seen = inspect(bundle, np.asarray(bad, np.uint8))
    assert seen.verdict == "ng"
    assert seen.mask is not None
    assert seen.mask[defect_mask(size_hw, "missing")].mean() > 0.5


# -- several regions -------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template of mixed regions on a wide part, beside seven normals."""
    folder = tmp_path_factory.mktemp("mixed")
    size = (96, 640)
    write_normals(folder, 7, size_hw=size)
    regions = (
        Region("cap", "Cap", "ellipse", ((120.0, 20.0), (240.0, 76.0)),
               kind="object", resolution="accurate"),
        Region("bars", "Bars", "polygon",
               ((330.0, 4.0), (600.0, 4.0), (600.0, 90.0), (330.0, 90.0)),
               exclusions=(Exclusion("rectangle", ((400.0, 15.0), (500.0, 45.0))),),
               kind="texture", resolution="fast"),
        Region("strip", "Strip", "rectangle", ((10.0, 2.0), (630.0, 94.0)),
               kind="object", resolution="native"),
    )  # fmt: skip
    template = new_template(folder / "000.png", regions=regions[:2])
    template = replace(template, alignment=AlignSettings("none"), smallest_defect_px=8.0)
    write_template(folder / "two.json", template)
    write_template(folder / "three.json", replace(template, regions=regions))
    return folder


@pytest.fixture(scope="module")
def two(drawn: Path) -> Bundle:
    return fit(drawn, template=drawn / "two.json")


@pytest.fixture(scope="module")
def three(drawn: Path) -> Bundle:
    return fit(drawn, template=drawn / "three.json")


WIDE = (96, 640)


def test_regions_of_every_kind_and_resolution_share_one_curve(three: Bundle) -> None:
    manifest = three.manifest
    assert set(manifest.score_k) == set(manifest.pixel_thresholds) == {"cap", "bars", "strip"}
    assert manifest.calibration.threshold.n == 6
    assert manifest.detector["kinds"] == {"cap": "object", "bars": "texture", "strip": "object"}
    assert sum(tile.region_index == 2 for tile in manifest.tiles) == 2
    assert reference_score(three) == [0.0, 0.0, 0.0]
    assert inspect(three, three.reference).deviation_score == 0.0


def test_only_the_region_with_the_defect_is_ng(two: Bundle) -> None:
    found = inspect(two, varied_part(2, WIDE, defect="missing"))
    assert {r.id: r.verdict for r in found.regions} == {"cap": "ng", "bars": "ok"}
    assert found.verdict == "ng"


def test_an_exclusion_hides_a_defect(drawn: Path, two: Bundle) -> None:
    """The map is empty there, and scores are as if nothing had been there."""
    found = inspect(two, blotted(varied_part(2, WIDE), (430, 22, 40, 16)))
    assert found.anomaly_map is not None
    assert found.mask is not None
    assert not found.anomaly_map[15:45, 400:500].any()
    assert not found.mask[15:45, 400:500].any()
    wide = Exclusion("rectangle", ((360.0, 2.0), (560.0, 94.0)))
    region = Region("a", "A", "rectangle", ((250.0, 2.0), (638.0, 94.0)), exclusions=(wide,))
    template = replace(new_template(drawn / "000.png", regions=(region,)), smallest_defect_px=8.0)
    bundle = fit(drawn, template=template, config=FAST)
    image = varied_part(2, WIDE)
    with_blot = inspect(bundle, blotted(image, (440, 30, 40, 30)))
    assert with_blot.verdict == "ok"
    assert with_blot.regions[0].raw_score == inspect(bundle, image).regions[0].raw_score
    assert inspect(bundle, blotted(image, (300, 30, 20, 20))).verdict == "ng"


def test_a_defect_near_the_border_of_an_exclusion_stays_inside_it(two: Bundle) -> None:
    image = varied_part(2, WIDE)
    with_blot = blotted(image, (430, 22, 40, 16))
    assert inspect(two, with_blot).verdict == "ok"
    assert inspect(two, with_blot).regions == inspect(two, image).regions


def blotted(image: ImageArray, box_xywh: tuple[int, int, int, int]) -> ImageArray:
    x, y, width, height = box_xywh
    changed = image.copy()
    changed[y : y + height, x : x + width] = 10
    return changed


def test_a_defect_is_outlined_on_both_sides_of_a_tile_border(three: Bundle) -> None:
    for left in (60, 500, 560):
        strip = inspect(three, blotted(varied_part(2, WIDE), (left, 60, 40, 20))).regions[2]
        assert strip.verdict == "ng"
        middle = (left + 20.0, 70.0)
        assert any(
            cv2.pointPolygonTest(np.array(d.polygon, np.float32), middle, False) > 0
            for d in strip.defects
        )


def test_options_fill_in_what_a_template_leaves_open(drawn: Path) -> None:
    template = new_template(drawn / "000.png")
    config = FitConfig(
        mode="pixel", kind="texture", resolution="accurate", align="shift", smallest_defect=9.0
    )
    found = fit(_first(drawn), template=template, config=config).manifest.template
    assert (found.mode, found.alignment.mode, found.smallest_defect_px) == ("pixel", "shift", 9.0)
    assert (found.regions[0].kind, found.regions[0].resolution) == ("texture", "accurate")


def test_options_do_not_override_what_a_template_says(drawn: Path) -> None:
    region = Region("a", "A", "rectangle", BOX, kind="object", resolution="fast")
    template = new_template(drawn / "000.png", regions=(region,))
    template = replace(template, alignment=AlignSettings("none"))
    config = FitConfig(kind="texture", resolution="accurate", align="shift")
    found = fit(_first(drawn), template=template, config=config).manifest.template
    assert found.alignment.mode == "none"
    assert (found.regions[0].kind, found.regions[0].resolution) == ("object", "fast")


def _first(folder: Path) -> Path:
    """A dataset of the reference alone, so that fitting is quick."""
    target = folder / "first"
    write_part(target / "000.png", read_image(folder / "000.png"))
    return target


def test_a_template_of_another_size_than_its_reference_is_refused(normals: Path) -> None:
    template = new_template(normals / "000.png")
    wrong = Template(
        name="x", reference_file="000.png", reference_sha256=template.reference_sha256,
        size_wh=(90, 64), regions=template.regions,
    )  # fmt: skip
    with pytest.raises((ShapeError, TemplateError), match="80 x 64"):
        fit(normals, template=wrong, config=FAST)


# -- normals that cannot be judged -----------------------------------------------------


def test_a_normal_of_another_size_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    write_normals(tmp_path, 7)
    write_part(tmp_path / "zz.png", part_image(3, (70, 80)))
    bundle = fit(tmp_path, template=whole("exact", tmp_path), config=FAST)
    assert bundle.manifest.calibration.threshold.n == 6
    assert any("zz.png" in note and "left out" in note for note in bundle.manifest.notes)


def test_no_usable_normal_is_an_error(tmp_path: Path) -> None:
    write_normals(tmp_path, 1)
    for index in range(3):
        write_part(tmp_path / f"z{index}.png", part_image(index, (70, 80)))
    with pytest.raises(DatasetError, match="None of the 3 normal images"):
        fit(tmp_path, template=whole("exact", tmp_path), config=FAST)


# -- calibrate -------------------------------------------------------------------------


def fresh(folder: Path, count: int, first: int = 30) -> list[Path]:
    return sorted(write_normals(folder, count, first=first).glob("*.png"))


def test_recalibration_changes_the_threshold_and_not_the_model(
    model: Bundle, tmp_path: Path
) -> None:
    found = recalibrate(model, fresh(tmp_path, 9), 0.1)
    assert found.graphs == model.graphs
    calibration = found.manifest.calibration
    assert (calibration.threshold.n, calibration.status) == (9, "certified")
    assert not calibration.cross_fitted
    assert "estimated" not in calibration.words
    event = found.manifest.history[-1]
    assert event["event"] == "calibrate"
    assert event["threshold_before"] == model.manifest.calibration.threshold.raw
    assert event["threshold_after"] == calibration.threshold.raw
    with pytest.raises(DatasetError, match="learned from"):
        recalibrate(found, fresh(tmp_path, 9), 0.1)


def test_recalibration_makes_a_provisional_model_a_full_one(tmp_path: Path) -> None:
    bundle = fit(write_normals(tmp_path / "one", 1), config=FAST)
    found = recalibrate(bundle, fresh(tmp_path / "more", 6), 0.01)
    assert found.manifest.calibration.status == "extrapolated"
    bad = inspect(found, varied_part(0, defect="missing"))
    assert bad.verdict == "ng"


def test_calibration_refuses_an_image_the_model_learned(
    model: Bundle, normals: Path, tmp_path: Path
) -> None:
    learned = tmp_path / "renamed.png"
    learned.write_bytes((normals / "003.png").read_bytes())
    with pytest.raises(DatasetError, match=r"'renamed.png' is one of the images"):
        recalibrate(model, [*fresh(tmp_path / "more", 6), learned], 0.01)


def test_calibration_refuses_the_same_pixels_in_another_format(
    model: Bundle, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "copy.bmp"), varied_part(3)[..., ::-1])
    with pytest.raises(DatasetError, match=r"'copy.bmp' is one of the images"):
        recalibrate(model, [*fresh(tmp_path / "more", 6), tmp_path / "copy.bmp"], 0.01)


@pytest.mark.parametrize("case", ["jpeg", "second shot"])
def test_calibration_refuses_a_near_duplicate(
    case: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    size = (128, 160)
    bundle = fit(write_normals(tmp_path / "good", 6, size_hw=size), config=FAST)
    path = tmp_path / "twin.jpg"
    image = varied_part(3, size, shot=1 if case == "second shot" else 0)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    others = sorted(write_normals(tmp_path / "more", 6, first=30, size_hw=size).glob("*.png"))
    with pytest.raises(DatasetError, match=r"'twin.jpg' is a near-duplicate"):
        recalibrate(bundle, [*others, path], 0.01)


def test_calibration_needs_five_images_that_can_be_judged(model: Bundle, tmp_path: Path) -> None:
    paths = fresh(tmp_path, 4)
    write_part(tmp_path / "other.png", part_image(0, (70, 80)))
    with pytest.raises(DatasetError, match=r"4 usable normal images .*1 of 5"):
        recalibrate(model, [*paths, tmp_path / "other.png"], 0.01)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_impossible_rates_are_refused(model: Bundle, normals: Path, alpha: float) -> None:
    with pytest.raises(OptionError, match="False-alarm rate"):
        recalibrate(model, [], alpha)
    with pytest.raises(OptionError, match="False-alarm rate"):
        fit(normals, config=replace(FAST, false_alarm_rate=alpha))


# -- thresholds by hand ----------------------------------------------------------------


def test_an_override_moves_its_region_alone_and_reopens_the_guarantee(
    two: Bundle, tmp_path: Path
) -> None:
    before = two.manifest.calibration
    found = override_threshold(two, "cap", 1e6, "Ada", "loose fit of the cap")
    after = found.manifest.calibration
    assert after.region_threshold_raw("cap") == pytest.approx(1e6)
    assert after.region_threshold_raw("bars") == before.region_threshold_raw("bars")
    assert after.guarantee_upper is None
    bad = varied_part(2, WIDE, defect="missing")
    assert {r.id: r.verdict for r in inspect(found, bad).regions} == {"cap": "ok", "bars": "ok"}
    assert inspect(two, bad).regions[1] == inspect(found, bad).regions[1]
    write_bundle(found, tmp_path / "x.offspec")
    kept = read_bundle(tmp_path / "x.offspec").manifest
    assert kept.history[-1]["event"] == "override"
    assert (kept.history[-1]["who"], kept.history[-1]["region"]) == ("Ada", "cap")
    assert kept.history[-1]["threshold_after"] == 1e6
    assert kept.calibration.overrides["cap"].why == "loose fit of the cap"


@pytest.mark.parametrize(
    ("raw", "who", "why"),
    [(0.0, "A", "b"), (-1.0, "A", "b"), (float("nan"), "A", "b"), (float("inf"), "A", "b"),
     (1.0, " ", "b"), (1.0, "A", "")],
)  # fmt: skip
def test_an_override_needs_a_number_a_name_and_a_reason(
    model: Bundle, raw: float, who: str, why: str
) -> None:
    with pytest.raises(OptionError, match="positive number, a name and a reason"):
        override_threshold(model, "image", raw, who, why)


def test_an_override_of_no_region_is_refused(model: Bundle) -> None:
    with pytest.raises(RegionError, match="nose"):
        override_threshold(model, "nose", 1.0, "Ada", "trial")


def test_auto_gives_up_native_where_its_statistics_are_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    board = rng.integers(60, 200, (600, 1200, 3), dtype=np.uint8)
    for number in range(2):
        noisy = np.clip(board.astype(np.int16) + rng.integers(-3, 4, board.shape), 0, 255)
        cv2.imwrite(str(tmp_path / f"{number}.png"), noisy.astype(np.uint8))
    monkeypatch.setattr(graphs, "MAX_GRAPH_BYTES", 60 * 2**20)
    job = plan(tmp_path, None, FitConfig(align="none"), lambda *_: None)
    assert [p.resolution for p in job.plans] == ["accurate"]
    assert any("instead of 'native'" in note and "60 MB" in note for note in job.notes)
    with pytest.raises(LimitError, match="At most 60 MB"):
        plan(tmp_path, None, FitConfig(align="none", resolution="native"), lambda *_: None)
