"""The ladder's parts on cases small enough to work out by hand; no photographs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import onnxruntime as ort
import pytest

from benchmarks import ladder, ladder_cards, ladder_measure
from benchmarks.foreign import (
    FOREIGN,
    PROJECTED,
    MissingWeightsError,
    OnnxBackbone,
    Tap,
    WithBank,
    cells_off,
    content_hash,
    files_of,
    foreign,
    projection,
    registered,
    weight_figures,
)
from benchmarks.ladder_measure import Cell, placed, recall_at
from benchmarks.ladder_sets import CutSet, Kept, cut_key
from benchmarks.ladder_table import lines, spread
from benchmarks.real_data import BSDATA
from benchmarks.variation import (
    ABSOLUTE,
    VariationDetector,
    edge_strength,
    registered_detector,
    variation_model,
)
from offspec import graphs
from offspec.backbones import BACKBONES, Backbone, BackboneCard, Bank, make_backbone
from offspec.detectors import DETECTORS
from offspec.errors import NotFittedError
from offspec.foreign_backbone import shift_kernel
from offspec.graphs import Var, const, op
from offspec.types import FloatArray

HW = (32, 64)


def run(model: Any, crop: FloatArray) -> FloatArray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: FloatArray = session.run(None, {"crop": crop})[0]
    return found


# -- variation model -------------------------------------------------------------------


def flat(value: float, size_hw: tuple[int, int] = HW) -> FloatArray:
    return np.full((1, 3, *size_hw), value, np.float32)


def fitted(*values: float) -> VariationDetector:
    first, *rest = (flat(value) for value in values)
    return VariationDetector(Bank(), HW).fit(first, rest)


def test_quiet_pixels_are_allowed_ten_grey_levels() -> None:
    crop = flat(0.5)
    crop[0, 1, 3, 5] += 15 / 255
    found = run(fitted(0.5, 0.5, 0.5).to_graph(), crop)
    assert found.shape == (1, 1, *HW)
    assert found[0, 0, 3, 5] == pytest.approx(1.5, rel=1e-4)
    found[0, 0, 3, 5] = 0
    assert found.max() < 1e-6


def test_lively_pixels_are_allowed_two_deviations() -> None:
    """Normals at 0.3, 0.5 and 0.7: deviation 0.2, so 0.4 is allowed either way of 0.5."""
    graph = fitted(0.3, 0.5, 0.7).to_graph()
    assert run(graph, flat(0.9)).max() == pytest.approx(1.0, rel=1e-4)
    assert run(graph, flat(0.3)).max() == pytest.approx(0.5, rel=1e-4)


def test_the_worst_channel_counts() -> None:
    crop = flat(0.5)
    crop[0, 2] += 2 * ABSOLUTE
    crop[0, 0] -= ABSOLUTE
    assert run(fitted(0.5, 0.5).to_graph(), crop) == pytest.approx(2.0, rel=1e-4)


def test_one_normal_tolerates_more_at_its_edges() -> None:
    """A sharp step of height h has an edge strength of h on both sides of it, so 2 h is allowed."""
    reference = flat(0.2)
    reference[..., 20:] = 0.6
    strength = edge_strength(reference)
    assert strength[0, 0, 8, 19:21] == pytest.approx(0.4, rel=1e-4)
    assert strength[..., 21:].max() < 1e-6
    graph = VariationDetector(Bank(), HW).fit(reference, []).to_graph()
    assert run(graph, reference).max() == 0
    found = run(graph, reference + np.float32(0.2))
    assert found[0, 0, 8, 20] == pytest.approx(0.2 / 0.8, rel=1e-4)
    assert found[0, 0, 8, 30] == pytest.approx(0.2 / ABSOLUTE, rel=1e-4)


def test_each_slot_has_its_own_model() -> None:
    reference = np.concatenate([flat(0.2), flat(0.8)])
    graph = VariationDetector(Bank(), HW).fit(reference, [reference]).to_graph()
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    slots = np.array([1, 0], np.int64)
    found = session.run(None, {"crop": reference[::-1].copy(), "slot": slots})[0]
    assert found.max() < 1e-6
    assert session.run(None, {"crop": reference, "slot": slots})[0].min() > 1


def test_the_deviation_is_that_of_a_sample() -> None:
    _, tolerance = variation_model([flat(0.4), flat(0.6)])
    assert tolerance == pytest.approx(2 * 0.2 / np.sqrt(2), rel=1e-4)


def test_an_unfitted_variation_model_has_no_graph() -> None:
    with pytest.raises(NotFittedError):
        VariationDetector(Bank(), HW).to_graph()


def test_a_registered_detector_is_gone_afterwards() -> None:
    before = dict(DETECTORS)
    with registered_detector("variation", VariationDetector):
        assert set(DETECTORS) == {*before, "variation"}
    assert before == DETECTORS


# -- foreign backbones -----------------------------------------------------------------


def test_projections_are_orthonormal_and_seeded() -> None:
    weight = projection(3, 256, PROJECTED)
    assert weight.shape == (PROJECTED, 256)
    assert np.allclose(weight @ weight.T, np.eye(PROJECTED), atol=1e-5)
    assert np.array_equal(weight, projection(3, 256, PROJECTED))
    assert not np.allclose(weight, projection(4, 256, PROJECTED))
    assert not np.allclose(weight[:, :128], projection(3, 128, PROJECTED))


@pytest.mark.parametrize("cells", [0.0, 0.375, -0.875, 1.875])
def test_a_shift_reads_a_ramp_that_far_on(cells: float) -> None:
    ramp = np.tile(np.arange(24, dtype=np.float32), (24, 1))[None, None]
    ramp = np.concatenate([ramp, ramp.swapaxes(2, 3)], axis=1)
    three = np.concatenate([ramp, ramp[:, :1]], axis=1)
    kernel = shift_kernel(cells)
    assert kernel.sum() == pytest.approx(1)
    model = graphs.build_features((24, 24), lambda crop: [graphs.depthwise(crop, kernel, 3)])
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    assert np.allclose(run(model, three)[inside], three[inside] + cells, atol=1e-5)


def test_outputs_are_moved_by_where_their_cells_lie() -> None:
    assert cells_off(Tap("", 1, 4, 1.5)) == 0  # where offspec's own cells lie
    assert cells_off(Tap("", 1, 16, 7.5)) == 0
    assert cells_off(Tap("", 1, 16, 0.0)) == 7.5 / 4
    assert cells_off(Tap("", 1, 8, 7.0)) == -3.5 / 4


def test_missing_foreign_weights_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OFFSPEC_WEIGHTS", raising=False)
    with pytest.raises(MissingWeightsError, match="OFFSPEC_WEIGHTS"):
        foreign("squeezenet")
    monkeypatch.setenv("OFFSPEC_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeightsError, match="does not exist"):
        foreign("squeezenet")


def small_network(path: Path, gain: float) -> Path:
    """A weights file of ours with five channels: block means of the crop, weighted."""

    def body(crop: Var) -> Var:
        weight = np.full((5, 3, 1, 1), gain, np.float32)
        return op.conv(graphs.mean_pool(crop, 4), const(weight))

    path.write_bytes(graphs.build_network(body).SerializeToString())
    return path


def test_a_weights_file_is_a_backbone_and_joins_with_bank(tmp_path: Path) -> None:
    backbone = OnnxBackbone(small_network(tmp_path / "tiny.onnx", 2.0))
    assert (backbone.card.name, backbone.card.channels, backbone.card.stride) == ("tiny", 5, 4)
    crop = np.full((1, 3, *HW), 0.25, np.float32)
    alone = run(graphs.build_features(HW, lambda x: [backbone.build(x)]), crop)
    assert alone == pytest.approx(3 * 2.0 * 0.25)
    pair = WithBank(backbone)
    both = run(graphs.build_features(HW, lambda x: [pair.build(x)]), crop)
    assert both.shape[1] == pair.card.channels == 75
    assert np.allclose(both[:, 70:], alone)
    assert files_of(pair) == [backbone.path]


def test_a_backbone_is_known_only_inside_the_block(tmp_path: Path) -> None:
    backbone = OnnxBackbone(small_network(tmp_path / "tiny.onnx", 2.0))
    before = dict(BACKBONES)
    with registered(backbone) as name:
        assert make_backbone(name) is backbone
    assert dict(BACKBONES) == before


def test_weight_figures_use_the_card_beside_the_file(tmp_path: Path) -> None:
    path = small_network(tmp_path / "tiny.onnx", 2.0)
    path.with_suffix(".json").write_text('{"parameters": 15, "receptive_px": 9}')
    assert weight_figures([path]) == (path.stat().st_size / 1e6, 15)
    assert OnnxBackbone(path).card.receptive_px == 9
    assert weight_figures(files_of(Bank())) == (0.0, 0)


# -- the cache ---------------------------------------------------------------------------


def test_the_key_follows_weights_and_settings_but_not_threads(tmp_path: Path) -> None:
    one = content_hash(OnnxBackbone(small_network(tmp_path / "a.onnx", 2.0)))
    same = content_hash(OnnxBackbone(small_network(tmp_path / "b.onnx", 2.0)))
    other = content_hash(OnnxBackbone(small_network(tmp_path / "c.onnx", 3.0)))
    assert one == same != other
    wider = BackboneCard("a", 4, 5, 300, 32)  # native tiles would read more context
    assert content_hash(OnnxBackbone(tmp_path / "a.onnx", wider)) != one
    cell = Cell(threads=1)
    key = ladder.cell_key(one, "cookie", cell)
    assert key == ladder.cell_key(one, "cookie", Cell(threads=2))
    changed = [
        ladder.cell_key(other, "cookie", cell),
        ladder.cell_key(one, "magnetic_tile", cell),
        ladder.cell_key(one, "cookie", Cell(seed=1)),
        ladder.cell_key(one, "cookie", Cell(resolution="native")),
        ladder.cell_key(one, "cookie", Cell(calibrate=True)),
        ladder.cell_key(one, "cookie", Cell(detector="variation")),
    ]
    assert len({key, *changed}) == 7


def test_finished_cells_are_not_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    assert ladder.Cache(path).get("k", lambda: {"aupro_30": 0.5}) == {"aupro_30": 0.5}
    assert ladder.Cache(path).get("k", lambda: {"aupro_30": 0.9}) == {"aupro_30": 0.5}
    assert ladder.Cache(path).get("other", lambda: {"aupro_30": 0.9}) == {"aupro_30": 0.9}


# -- rows ----------------------------------------------------------------------------------


def test_candidates_take_the_next_file_with_each_seed(tmp_path: Path) -> None:
    a, b = (small_network(tmp_path / f"{name}.onnx", 1.0) for name in "ab")
    known = ladder.candidates_of([f"x={a},{b}"])
    row = ladder.row_of("x", known, {}, tmp_path)
    assert [row.factory(seed).card.name for seed in range(3)] == ["a", "b", "a"]
    assert ladder.row_of("x+bank", known, {}, tmp_path).factory(1).card.name == "bank+b"


def test_a_candidate_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="missing"):
        ladder.candidates_of([f"x={tmp_path / 'none.onnx'}"])


def test_every_row_name_is_known_and_others_are_not(tmp_path: Path) -> None:
    assert [ladder.row_of(name, {}, {}, tmp_path).name for name in ladder.ROWS] == list(ladder.ROWS)
    assert set(FOREIGN) <= set(ladder.ROWS)
    with pytest.raises(SystemExit, match="unknown"):
        ladder.row_of("bonk", {}, {}, tmp_path)


# -- DeepPCB sweep -------------------------------------------------------------------------


def test_recall_is_interpolated_at_one_false_component() -> None:
    """False components fall as 100 / level, recall as 1 - level / 1000: one at level 100."""
    recall, level = recall_at(lambda x: (100 / x, 1 - x / 1000), 1.0, 1000.0)
    assert level == pytest.approx(100, rel=1e-2)
    assert recall == pytest.approx(0.9, abs=1e-3)


def test_the_sweep_ignores_low_levels_where_everything_is_one_component() -> None:
    def count(level: float) -> tuple[float, float]:
        return (0.0, 1.0) if level < 3 else (100 / level, 1 - level / 1000)

    assert recall_at(count, 1.0, 1000.0)[1] == pytest.approx(100, rel=1e-2)


def test_a_map_with_too_few_false_components_is_read_at_the_lowest_level() -> None:
    assert recall_at(lambda x: (0.5, 1 / x), 2.0, 100.0) == (0.5, 2.0)


# -- figures and tables ----------------------------------------------------------------------


def test_invalid_images_rank_at_the_wrong_end() -> None:
    scores, labels = placed([2.0, None, 5.0, None], [False, False, True, True])
    assert scores.tolist() == [2.0, 6.0, 5.0, 1.0]
    assert labels.tolist() == [False, False, True, True]


def cells_of(row: str, seed: int, bsdata: float, magnetic: float) -> list[dict[str, Any]]:
    cost = {"weights_mb": 0.0, "parameters": 0, "backbone_ms": 1.0, "ms": 2.0}
    sets = [(name, bsdata + 0.1 * (i - 2)) for i, name in enumerate(BSDATA)]
    return [
        {"row": row, "seed": seed, "set": name, "aupro_30": value, **cost}
        for name, value in [*sets, ("magnetic_tile", magnetic)]
    ]


def test_the_decision_mean_weighs_bsdata_once() -> None:
    line = lines(cells_of("x", 0, 0.8, 0.5))[0]
    assert line[:5] == ["x", "0.800", "0.500", "0.650", "-"]


def test_seeds_give_mean_and_spread() -> None:
    line = lines(cells_of("x", 0, 0.8, 0.5) + cells_of("x", 1, 0.6, 0.5))[0]
    assert line[1] == "0.700 ± 0.141"
    assert spread([0.5, None]) == "-"


def test_a_mean_of_four_positions_is_not_given() -> None:
    assert lines(cells_of("x", 0, 0.8, 0.5)[1:])[0][1:4] == ["-", "0.500", "-"]


# -- the short path --------------------------------------------------------------------------


@pytest.mark.slow
def test_figures_equal_those_of_fit_and_evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offspec.practice import make_practice

    make_practice(tmp_path / "product", 24)
    monkeypatch.setenv("OFFSPEC_DATA", str(tmp_path))
    kept = Kept()
    full, first, again = (
        ladder_measure.measure(
            lambda _: Bank(), ["product"], threads=1, calibrate=calibrate, kept=kept
        )[0]
        for calibrate in (True, False, False)
    )
    for figure in ladder_measure.MASK_FIGURES:
        assert full[figure] == first[figure] == again[figure], figure


def test_sets_are_cut_once_for_backbones_that_see_the_same_crops() -> None:
    nano, small = (BackboneCard(n, 4, c, r, 32) for n, c, r in (("nano", 48, 278), ("s", 80, 400)))
    cards = [SimpleNamespace(card=card) for card in (Bank().card, nano, small)]
    keys = [{cut_key("cookie", r, cast("Backbone", b)) for b in cards} for r in ("fast", "auto")]
    assert [len(found) for found in keys] == [1, 3]


def test_sets_over_the_size_are_cut_again() -> None:
    sets = [cast("CutSet", SimpleNamespace(nbytes=10)) for _ in range(3)]
    times: list[str] = []

    def cut() -> Iterator[CutSet]:
        times.append("cut")
        yield from sets

    for limit, cuts in ((30, 1), (29, 2)):
        times.clear()
        kept = Kept(limit)
        assert [list(kept.get("k", cut)) for _ in range(2)] == [sets, sets]
        assert len(times) == cuts


def test_cards_hold_what_was_measured_of_their_rows_alone(tmp_path: Path) -> None:
    cell = {"seed": 0, "set": "cookie", "aupro_30": 0.71234, "pixel_auroc": None}
    rows = [{**cell, "row": row} for row in ("bank", "learned", "resnet50v2")]
    for name in ladder_cards.CARDS:
        (tmp_path / f"{name}.json").write_text('{"version": 1, "ladder": []}')
    written = ladder_cards.write({"resolution": "fast", "rows": rows}, tmp_path)
    assert [path.stem for path in written] == ["head-object", "head-texture"]
    card = json.loads((tmp_path / "head-object.json").read_text())
    place = {"set": "cookie", "resolution": "fast", "aupro_30": 0.712}
    assert card == {"version": 1, "ladder": [{"row": r, **place} for r in ("bank", "learned")]}
    assert json.loads((tmp_path / "embedded-nano.json").read_text())["ladder"] == []
