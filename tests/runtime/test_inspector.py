from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from offspec.bundle import Bundle
from offspec.errors import OptionError, RuntimeBackendError, ShapeError
from offspec.gate import GateLimits
from offspec.runtime import Inspector, OnnxRuntime
from offspec.runtime.fake import FakeRuntime
from offspec.template import AlignSettings, Exclusion, Region
from offspec.types import BoolArray, ImageArray, Inspection
from tests.bundle.make import board, difference_graph, make_bundle, rectangle, template_of

TWO = [rectangle("a", 4, 4, 60, 60), rectangle("b", 70, 10, 50, 80)]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return make_bundle(board(), TWO, net_hw=(48, 48))


@pytest.fixture(scope="module")
def inspector(bundle: Bundle) -> Inspector:
    return Inspector(bundle, threads=1)


def blotted(x: int = 80, y: int = 40, size: int = 12, level: int = 255) -> ImageArray:
    image = board().copy()
    image[y : y + size, x : x + size] = level
    return image


def same(one: Inspection, two: Inspection) -> None:
    first, second = one.to_dict(), two.to_dict()
    first["timing_ms"] = second["timing_ms"] = None
    assert first == second
    if one.anomaly_map is not None and two.anomaly_map is not None:
        np.testing.assert_array_equal(one.anomaly_map, two.anomaly_map)
        assert one.mask is not None
        assert two.mask is not None
        np.testing.assert_array_equal(one.mask, two.mask)


def test_the_reference_itself_scores_zero(inspector: Inspector) -> None:
    found = inspector.inspect(board())
    assert found.verdict == "ok"
    assert found.deviation_score == 0
    assert [r.raw_score for r in found.regions] == [0, 0]
    assert found.anomaly_map is not None
    assert found.anomaly_map.max() == 0
    assert found.mask is not None
    assert not found.mask.any()


def test_a_defect_is_found_outlined_and_placed(inspector: Inspector) -> None:
    image = blotted()
    before = image.copy()
    found = inspector.inspect(image)
    np.testing.assert_array_equal(image, before)
    assert found.verdict == "ng"
    assert [r.verdict for r in found.regions] == ["ok", "ng"]
    defect = found.regions[1].defects[0]
    assert not found.regions[0].defects
    assert defect.deviation_score > 0.5
    assert 0.7 * 144 < defect.area_px < 1.5 * 144
    xs, ys = zip(*defect.polygon, strict=True)
    assert abs((min(xs) + max(xs)) / 2 - 86) < 1
    assert abs((min(ys) + max(ys)) / 2 - 46) < 1
    assert found.mask is not None
    assert found.anomaly_map is not None
    assert abs(found.mask.sum() - defect.area_px) < 0.1 * defect.area_px
    assert found.anomaly_map[46, 86] > 0.08
    assert found.anomaly_map[:, :4].max() == 0
    assert set(found.timing_ms) == {"align", "crop", "infer", "draw", "total"}


def test_without_map_everything_else_is_the_same(inspector: Inspector) -> None:
    image = blotted()
    lean = inspector.inspect(image, with_map=False)
    assert lean.anomaly_map is None
    assert lean.mask is None
    same(lean, inspector.inspect(image))


def test_one_batch_or_many(inspector: Inspector) -> None:
    images = [board(), blotted(), blotted(20, 20), board()[:50], blotted(90, 70)]
    together = inspector.inspect_batch(images)
    for image, found in zip(images, together, strict=True):
        same(found, inspector.inspect(image))


def test_thread_count_changes_nothing(bundle: Bundle, inspector: Inspector) -> None:
    same(Inspector(bundle, threads=2).inspect(blotted()), inspector.inspect(blotted()))


def test_pieces_give_what_inspect_gives(inspector: Inspector) -> None:
    prepared = inspector.prepare(blotted())
    maps = inspector.maps(prepared)
    scores = inspector.score(prepared, maps)
    whole = inspector.inspect(blotted())
    assert scores == {r.id: r.raw_score for r in whole.regions}
    same(inspector.finish(prepared, maps), whole)


def test_the_fake_runtime_agrees_with_onnxruntime(bundle: Bundle, inspector: Inspector) -> None:
    references = inspector.prepare(board()).crops[0]
    fake = Inspector(bundle, runtimes=[FakeRuntime(references)])
    found, expected = fake.inspect(blotted()), inspector.inspect(blotted())
    assert found.verdict == expected.verdict
    assert found.anomaly_map is not None
    assert expected.anomaly_map is not None
    np.testing.assert_allclose(found.anomaly_map, expected.anomaly_map, atol=1e-6)


# -- masks --------------------------------------------------------------------


def iou(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_outlines_are_exact_to_a_fraction_of_a_pixel() -> None:
    image = np.full((200, 260, 3), 90, np.uint8)
    made = make_bundle(image, [rectangle("a", 10, 20, 240, 160)], net_hw=(160, 240), limit=0.02)
    made = replace(
        made,
        manifest=replace(
            made.manifest,
            pixel_thresholds={
                "a": replace(made.manifest.pixel_thresholds["a"], high=0.12, low=0.1)
            },
        ),
    )
    bad = image.astype(np.float32)
    y, x = np.mgrid[0:200, 0:260]
    distance = np.hypot(x - 130.3, y - 99.6)
    bad += (51 * np.clip(30.5 - distance, 0, 1))[..., None]  # 0.2 high, its edge at 30
    found = Inspector(made).inspect(np.rint(bad).astype(np.uint8))
    assert found.mask is not None
    defect = found.regions[0].defects[0]
    assert defect.area_px == pytest.approx(np.pi * 30**2, rel=0.01)
    assert iou(found.mask, distance < 30) > 0.985


def test_holes_stay_open_and_exclusions_are_not_drawn() -> None:
    image = np.full((120, 120, 3), 90, np.uint8)
    hole = Exclusion("rectangle", ((50, 50), (70, 70)))
    region = Region("a", "a", "rectangle", ((10, 10), (110, 110)), exclusions=(hole,))
    made = make_bundle(image, [region], net_hw=(100, 100))
    bad = image.copy()
    bad[30:90, 30:90] = 200
    found = Inspector(made).inspect(bad)
    truth = np.zeros((120, 120), bool)
    truth[30:90, 30:90] = True
    truth[50:70, 50:70] = False
    assert found.mask is not None
    assert iou(found.mask, truth) > 0.93
    assert not found.mask[52:68, 52:68].any()
    assert found.regions[0].defects[0].area_px == pytest.approx(3200, rel=0.06)
    assert found.anomaly_map is not None
    assert not found.anomaly_map[50:70, 50:70].any()


def test_a_shifted_part_is_outlined_where_it_lies() -> None:
    reference = cv2.GaussianBlur(board(160, 200, 3), (0, 0), 1.2).astype(np.uint8)
    template = template_of(reference, [rectangle("a", 30, 30, 140, 100)])
    template = replace(template, alignment=AlignSettings(mode="shift"))
    made = make_bundle(reference, template=template, net_hw=(100, 140), limit=0.08)
    bad = reference.copy()
    bad[70:84, 90:104] = 255
    shifted = cv2.warpAffine(
        bad, np.array([[1.0, 0, 6.4], [0, 1.0, -4.3]]), (200, 160), borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)
    found = Inspector(made).inspect(shifted)
    assert found.alignment.shift_xy == pytest.approx((6.4, -4.3), abs=0.3)
    xs, ys = zip(*found.regions[0].defects[0].polygon, strict=True)
    assert (min(xs) + max(xs)) / 2 == pytest.approx(97 + 6.4, abs=1)
    assert (min(ys) + max(ys)) / 2 == pytest.approx(77 - 4.3, abs=1)


def test_tiles_of_a_native_region_are_one_map() -> None:
    image = board(600, 700)
    region = Region("a", "a", "rectangle", ((20, 20), (680, 580)), resolution="native")
    made = make_bundle(image, [region], net_hw=None)
    assert len(made.manifest.tiles) == 4
    bad = image.copy()
    bad[500:560, 500:560] = 255  # over the seams at 532
    found = Inspector(made).inspect(bad)
    assert len(found.regions[0].defects) == 1
    assert found.regions[0].defects[0].area_px == pytest.approx(3600, rel=0.05)


# -- gates --------------------------------------------------------------------


def test_wrong_size_is_invalid_not_an_error(inspector: Inspector) -> None:
    found = inspector.inspect(board(90, 120))
    assert found.verdict == "invalid"
    assert found.deviation_score is None
    assert {r.reason.code for r in found.regions if r.reason} == {"size"}
    assert found.anomaly_map is not None
    assert found.anomaly_map.shape == (90, 120)


def test_dark_image_is_invalid(bundle: Bundle) -> None:
    limits = GateLimits(brightness_low=0.3)
    gated = replace(bundle, manifest=replace(bundle.manifest, gate_limits=limits))
    found = Inspector(gated).inspect(board() // 4)
    assert found.verdict == "invalid"
    assert found.regions[0].reason is not None
    assert found.regions[0].reason.code == "too_dark"


def test_a_region_outside_the_image_is_invalid_alone() -> None:
    reference = cv2.GaussianBlur(board(160, 200, 3), (0, 0), 1.2).astype(np.uint8)
    regions = [rectangle("edge", 140, 40, 56, 80), rectangle("centre", 50, 40, 60, 80)]
    template = template_of(reference, regions)
    template = replace(template, alignment=AlignSettings(mode="shift"))
    made = make_bundle(reference, template=template, limit=0.08)
    shifted = cv2.warpAffine(
        reference,
        np.array([[1.0, 0, 12], [0, 1.0, 0]]),
        (200, 160),
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8)
    found = Inspector(made).inspect(shifted)
    assert [r.verdict for r in found.regions] == ["invalid", "ok"]
    assert found.verdict == "invalid"
    assert found.regions[0].reason is not None
    assert found.regions[0].reason.code == "outside"


def test_wrong_input_is_an_error(inspector: Inspector) -> None:
    with pytest.raises(ShapeError, match="RGB"):
        inspector.inspect(board()[..., 0])
    with pytest.raises(ShapeError, match="uint16"):
        inspector.inspect(board().astype(np.uint16))


# -- backend ------------------------------------------------------------------


def test_a_graph_that_fails_is_mapped() -> None:
    with pytest.raises(RuntimeBackendError, match="could not load"):
        OnnxRuntime(b"junk")
    runtime = OnnxRuntime(difference_graph(np.zeros((2, 3, 8, 8), np.float32)))
    with pytest.raises(RuntimeBackendError, match="failed"):
        runtime.infer(np.zeros((1, 3, 8, 8), np.float32), np.array([7], np.int64))


def test_threads_are_checked() -> None:
    with pytest.raises(OptionError, match="threads is 0"):
        OnnxRuntime(difference_graph(np.zeros((1, 3, 8, 8), np.float32)), threads=0)


def test_crops_run_alone_whatever_the_batch_and_the_threads() -> None:
    rng = np.random.default_rng(0)
    references = rng.random((5, 3, 8, 8), dtype=np.float32)
    crops = rng.random((11, 3, 8, 8), dtype=np.float32)
    slots = np.arange(11, dtype=np.int64) % 5
    graph = difference_graph(references)
    whole = OnnxRuntime(graph, threads=2, n_slots=5).infer(crops, slots)
    alone = OnnxRuntime(graph, threads=1, n_slots=5)
    for at in range(11):
        one = alone.infer(crops[at : at + 1], slots[at : at + 1])
        np.testing.assert_array_equal(one[0], whole[at])
    np.testing.assert_allclose(whole, FakeRuntime(references).infer(crops, slots), atol=1e-6)


def test_keeping_warm_ends(bundle: Bundle) -> None:
    with Inspector(bundle, keep_warm=True) as warm:
        assert warm.inspect(board()).verdict == "ok"
    assert warm.inspect(board()).verdict == "ok"
