"""Advice: what is seen in the images, what is proposed, what is measured, what it would cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from offspec.candidates import usable_detectors
from offspec.datasets import read_dataset
from offspec.errors import DatasetError, OptionError
from offspec.fit_plan import FitConfig
from offspec.graded_defects import make_defect
from offspec.guarantee import guarantee_upper, percent
from offspec.problem import Answers, ProblemStatement
from offspec.recommend import Settings, recommend
from offspec.recommend_cost import (
    Contender,
    Economy,
    Trials,
    bootstrap_weights,
    choose,
    nominal_rate,
)
from offspec.recommend_json import to_dict
from offspec.recommend_look import base_config, look
from offspec.recommend_measure import MeasurePlan
from offspec.recommend_needs import Needs, complete
from offspec.recommend_result import Recommendation
from offspec.recommend_speed import Speed
from offspec.recommend_trials import plan_rounds
from offspec.recommend_words import reasons, warnings, wrong
from offspec.types import FixedKind, ImageArray
from tests.synth import part_image, write_part, write_plain
from tests.trained import varied_part, write_normals


def answered(**answers: Any) -> ProblemStatement:
    return ProblemStatement(answers=Answers(**answers))


def advise(folder: Path, template: Path | None = None, **answers: Any) -> Recommendation:
    return recommend(folder, answered(**answers), template=template)


def weave(seed: int) -> ImageArray:
    """A surface without places."""
    noise = np.random.default_rng(seed).normal(0, 1, (96, 96)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    grey = np.clip(128 + 25 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.fixture(autouse=True)
def _timed_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offspec.recommend_speed.RUNS", 2)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight good parts."""
    return write_normals(tmp_path_factory.mktemp("parts"), 8)


@pytest.fixture(scope="module")
def needs(parts: Path) -> Needs:
    return complete(Answers(task="flag"), read_dataset(parts))


# -- looking ---------------------------------------------------------------------


def test_a_surface_is_recognised_and_compared_without_places(tmp_path: Path) -> None:
    for seed in range(8):
        write_part(tmp_path / f"{seed}.png", weave(seed))
    found = advise(tmp_path)
    assert (found.look.kind, found.look.align) == ("texture", "none")
    assert found.proposal.candidate.detector == "patchcore"
    assert found.run_config().data.kind == "texture"
    assert any("taken as texture" in line for line in reasons(found))


def test_parts_that_move_are_recognised_and_measured(tmp_path: Path) -> None:
    for seed in range(6):
        shift = (1.5 * seed, -1.0 * seed)
        write_part(tmp_path / f"{seed}.png", part_image(seed, (128, 160), shift))
    found = advise(tmp_path)
    assert (found.look.kind, found.look.align) == ("object", "shift")
    assert found.look.shift_px == pytest.approx(np.hypot(7.5, 5.0), abs=0.5)
    assert found.look.beyond_gate == 0


def test_parts_beyond_the_gate_get_limits_of_their_own(tmp_path: Path) -> None:
    for seed, shift in enumerate((0.0, 4.0, 8.0, 22.0, 12.0, 20.0)):
        write_part(tmp_path / f"{seed}.png", part_image(seed, (128, 160), (shift, 0.0)))
    found = advise(tmp_path)
    assert found.look.beyond_gate == 2
    assert found.proposal.max_shift_px is not None
    assert found.proposal.max_shift_px > 22
    assert any("beyond the template's limits" in line for line in warnings(found))


def test_images_of_several_sizes_are_taken_as_a_texture(tmp_path: Path) -> None:
    for seed, width in enumerate((96, 100, 104, 96, 110, 96)):
        write_part(tmp_path / f"{seed}.png", part_image(seed, (96, width)))
    found = advise(tmp_path)
    assert found.look.sizes == 4
    assert found.look.job.template.size_policy == "fit"
    assert found.run_config().data.align == "none"


def test_one_normal_gives_reference_and_a_provisional_threshold(tmp_path: Path) -> None:
    found = advise(write_plain(tmp_path, normals=1))
    assert found.proposal.candidate.detector == "reference"
    assert found.proposal.provisional
    assert any("provisional" in line for line in warnings(found))


def test_a_latency_limit_leaves_out_native(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        write_part(tmp_path / f"{seed}.png", part_image(seed, (160, 530)))
    answers: dict[str, Any] = {"smallest_defect": 8.2, "kind": "object", "task": "flag"}
    free = advise(tmp_path, **answers)
    assert free.look.planned == "native"
    assert free.proposal.candidate.resolution == "native"
    assert free.speeds["reference native"].p50_ms > 0

    def probe(_data: object, _template: object, config: FitConfig, _needs: object) -> Speed:
        p50 = {"native": 90.0, "accurate": 30.0}[config.resolution]
        return Speed(p50, p50, p50, 1, None)

    monkeypatch.setattr("offspec.recommend.probe", probe)
    held = advise(tmp_path, **answers, latency_ms=50)
    assert held.proposal.candidate.resolution == "accurate"
    assert held.proposal.too_slow is None
    assert held.unusable["reference native"] == "takes 90 ms an image, 50 ms are allowed"
    late = advise(tmp_path, **answers, latency_ms=100)
    assert late.proposal.candidate.resolution == "native"


def test_what_no_machine_can_do_is_said(parts: Path) -> None:
    found = advise(parts, parts_per_minute=1e7)
    assert found.proposal.too_slow is not None
    assert any("Too slow for the line" in line for line in warnings(found))


def test_answers_left_open_are_counted_or_assumed_and_said(parts: Path) -> None:
    found = advise(parts, imaging="variable", normals=300)
    assert found.proposal.rate_from == "default"
    assert {"defects", "task", "smallest_defect", "defect_rate", "cores"} == set(
        found.needs.assumed
    )
    lines = " ".join(warnings(found))
    assert "Imaging varies" in lines
    assert f"With the 300 you expect: {percent(guarantee_upper(299, 3))}." in lines


def test_costs_move_the_proposed_rate(parts: Path, needs: Needs) -> None:
    rates = [
        nominal_rate(replace(needs, cost_miss=miss, cost_false_alarm=2.0, defect_rate=0.01))
        for miss in (1.0, 20.0, 200.0, 5000.0)
    ]
    assert rates == sorted(rates)
    assert rates[0] < 0.01 < rates[-1]
    found = advise(parts, cost_miss=5, cost_false_alarm=5)
    assert found.proposal.rate_from == "costs"
    assert found.run_config().decision.false_alarm_rate == found.proposal.false_alarm_rate < 0.01
    fixed = replace(needs, cost_miss=5.0, cost_false_alarm=5.0, false_alarm_rate=0.07)
    assert nominal_rate(fixed) == 0.07


def test_a_second_look_makes_a_stopped_part_cheaper(needs: Needs) -> None:
    scrap = replace(needs, cost_miss=100.0, cost_false_alarm=50.0)
    assert scrap.costs == (100.0, 50.0)
    assert replace(scrap, cost_review=2.0).costs == (100.0, 2.0)
    assert replace(needs, cost_miss=100.0).costs is None


def test_detectors_that_cannot_be_fitted_are_named_with_the_reason() -> None:
    able, unable = usable_detectors(["object"], 2, may_train=True)
    assert set(able) == {"reference", "patchcore"}
    assert "needs 3 good images" in unable["padim"]
    assert "needs 21" in unable["flow"]
    assert "--minutes" in usable_detectors(["texture"], 40, may_train=False)[1]["student"] or (
        "torch" in usable_detectors(["texture"], 40, may_train=False)[1]["student"]
    )
    assert usable_detectors(["object"], 9, may_train=False, wanted=["padim"]) == (("padim",), {})
    with pytest.raises(OptionError, match="Known: "):
        usable_detectors(["object"], 9, may_train=False, wanted=["magic"])


# -- made defects ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["object", "texture"])
@pytest.mark.parametrize("bits", [8, 12])
def test_a_made_defect_has_the_width_asked_and_leaves_the_rest_alone(
    kind: FixedKind, bits: int
) -> None:
    image = part_image(0, (200, 240), bits=bits)
    before = image.copy()
    widths = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        changed, mask, name = make_defect(
            image, part_image(1, (200, 240), bits=bits), (120.0, 90.0), 16.0,
            kind=kind, bits=bits, rng=rng,
        )  # fmt: skip
        assert name in ("stained", "erased", "foreign") or kind == "object"
        assert changed.dtype == image.dtype
        assert (changed != image)[mask].any()
        far = np.ones(mask.shape, np.bool_)
        far[40:140, 70:170] = False
        assert (changed[far] == image[far]).all()
        widths.append(np.sqrt(4 * mask.sum() / np.pi))
        again, _, _ = make_defect(
            image, part_image(1, (200, 240), bits=bits), (120.0, 90.0), 16.0,
            kind=kind, bits=bits, rng=np.random.default_rng(seed),
        )  # fmt: skip
        assert (again == changed).all()
    assert (image == before).all()
    assert 9 < np.median(widths) < 22


def test_a_made_defect_at_the_edge_of_a_small_image_stays_inside() -> None:
    image = part_image(0, (24, 30))
    changed, mask, _ = make_defect(
        image, part_image(1, (20, 20)), (0.0, 23.0), 8.0,
        kind="object", bits=8, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert changed.shape == image.shape
    assert mask.any()


# -- splits ----------------------------------------------------------------------


def test_no_image_is_learned_from_and_judged_and_no_copy_is_either(tmp_path: Path) -> None:
    folder = write_normals(tmp_path, 9)
    for shot in (1, 2):
        write_part(folder / f"again_{shot}.png", varied_part(4, shot=shot))
    data = read_dataset(folder)
    wanted = complete(Answers(), data)
    seen = look(data, None, wanted, base_config(wanted, None, 0))
    rounds = plan_rounds(seen, data, 30, None, 0)
    assert len(rounds) == 3
    held = [record.key for one in rounds for record in one.good]
    assert sorted(held) == sorted(r.key for r in seen.job.records)
    for one in rounds:
        assert one.learn[0].path == seen.job.reference_normal.path
        assert not {r.key for r in one.learn} & {r.key for r in one.good}
        shots = {r.key for r in one.good if r.key in ("004.png", "again_1.png", "again_2.png")}
        assert len(shots) in (0, 3), "photographs of one part were parted"


def split_dataset(root: Path) -> Path:
    """Normals in train/good, and defects in test/blot."""
    write_normals(root / "train/good", 8)
    for part in range(3):
        write_part(root / f"test/blot/{part}.png", varied_part(50 + part, defect="blot"))
        write_part(root / f"test/good/{part}.png", varied_part(60 + part))
    return root


def test_test_images_are_never_looked_at(tmp_path: Path) -> None:
    root = split_dataset(tmp_path)
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"not an image " + path.name.encode() + path.parent.name.encode())
    settings = Settings(("reference",), measure=MeasurePlan())
    found = recommend(root, answered(task="flag"), settings=settings)
    assert found.look.labelled_defects == 3
    assert found.measurement is not None
    assert found.measurement.made


def test_validation_images_choose_and_may_not_be_test_images(tmp_path: Path) -> None:
    root = split_dataset(tmp_path / "data")
    other = tmp_path / "validation"
    for part in range(3):
        write_part(other / f"bad/{part}.png", varied_part(70 + part, defect="missing"))
        write_part(other / f"good/{part}.png", varied_part(80 + part))
    settings = Settings(("reference",), measure=MeasurePlan(validation=other))
    found = recommend(root, answered(task="flag"), settings=settings)
    assert found.measurement is not None
    assert not found.measurement.made
    assert found.measurement.bad == 3
    assert found.chosen is not None
    assert found.chosen.trials.miss_rate(0.01) == 0
    write_part(other / "bad/9.png", varied_part(51, defect="blot"))
    with pytest.raises(DatasetError, match=r"'bad/9.png' is 'test/blot/1.png', a test image"):
        recommend(root, answered(), settings=settings)


def test_too_few_normals_to_measure_with_are_refused(tmp_path: Path) -> None:
    write_normals(tmp_path, 3)
    with pytest.raises(DatasetError, match="At least 3 are needed"):
        recommend(tmp_path, settings=Settings(measure=MeasurePlan()))


# -- measuring -------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(parts: Path) -> Recommendation:
    settings = Settings(("reference", "padim"), measure=MeasurePlan(sample=8))
    problem = answered(task="locate", cost_miss=50, cost_false_alarm=1, smallest_defect=6)
    return recommend(parts, problem, settings=settings)


def test_candidates_are_compared_on_the_same_pictures(measured: Recommendation) -> None:
    found = measured.measurement
    assert found is not None
    assert set(found.found) == {"reference fast", "padim fast"}
    assert (found.made, found.good, found.bad) == (True, 7, 21)
    first, second = found.found.values()
    assert (first.trials.source == second.trials.source).all()
    assert (first.trials.width_px == second.trials.width_px).all()
    for one in found.found.values():
        assert 0 <= one.trials.miss_rate(0.01) <= 1
        assert one.aupro is not None
        assert one.bundle_bytes > 1000
        assert set(one.trials.detection_by_width(0.01)) == {6.0, 12.0, 24.0}


def test_the_choice_has_the_least_cost_or_locates_best_among_equals(
    measured: Recommendation,
) -> None:
    choice = measured.choice
    assert choice is not None
    assert choice.low <= choice.loss <= choice.high
    (rival,) = choice.others
    assert rival.more == pytest.approx(rival.loss - choice.loss)
    assert choice.by_localisation or rival.more >= 0
    assert measured.proposal.measured
    assert len(choice.scenarios) == 4
    text = " ".join(wrong(measured))
    assert "for 1000 parts" in text
    assert "runner-up" in text
    assert any("do not promise a rate" in line for line in warnings(measured))


def test_measuring_repeats_exactly(parts: Path, measured: Recommendation) -> None:
    settings = Settings(("padim",), measure=MeasurePlan(sample=8))
    again = recommend(parts, measured.problem, settings=settings)
    assert again.measurement is not None
    assert measured.measurement is not None
    before = measured.measurement.found["padim fast"].trials
    after = again.measurement.found["padim fast"].trials
    assert (before.stopped == after.stopped).all()


@pytest.mark.slow
def test_candidates_after_the_time_or_too_slow_are_named(parts: Path) -> None:
    settings = Settings(("reference", "padim"), measure=MeasurePlan(8, minutes=1e-6))
    found = recommend(parts, answered(task="flag"), settings=settings)
    assert "minutes were over" in found.unusable["padim fast"]
    settings = Settings(("reference",), measure=MeasurePlan(8))
    slow = recommend(parts, answered(task="flag", latency_ms=0.01), settings=settings)
    assert not slow.proposal.measured
    assert "are allowed" in slow.unusable["reference fast"]
    assert slow.proposal.too_slow is not None
    assert to_dict(slow)["measured"] is None


# -- costs: pure functions --------------------------------------------------------


def trials(
    missed: int, alarms: int, *, bad: int = 40, good: int = 20, own_rate: float = 0.01
) -> Trials:
    """``missed`` of ``bad`` defects let through and ``alarms`` of ``good`` ones stopped."""
    stopped = np.ones((bad + good, 1), np.bool_)
    stopped[:missed] = False
    stopped[bad + alarms :] = False
    defective = np.arange(bad + good) < bad
    source = np.concatenate([np.arange(bad) % good, np.arange(good)])
    return Trials((own_rate,), source, defective, stopped, np.zeros(bad + good))


def test_the_loss_is_the_cost_of_a_thousand_parts(needs: Needs) -> None:
    costly = replace(needs, cost_miss=100.0, cost_false_alarm=2.0, defect_rate=0.02)
    one = trials(missed=10, alarms=2)
    assert one.miss_rate(0.01) == 0.25
    assert one.false_rate(0.01) == 0.1
    expected = 1000 * (0.02 * 0.25 * 100 + 0.98 * 0.1 * 2)
    assert one.loss(0.01, Economy.of(costly)) == pytest.approx(expected)
    assert one.loss(0.01, Economy.of(needs)) == pytest.approx(0.35)
    quiet = trials(missed=10, alarms=0)  # the asked 1 % counts, not the lucky 0 %
    assert quiet.loss(0.01, Economy.of(needs)) == pytest.approx(0.26)


def test_the_detector_of_lower_cost_is_chosen_and_costs_decide_which(needs: Needs) -> None:
    strict, lax = trials(missed=20, alarms=0), trials(missed=0, alarms=8)
    both = [Contender("strict", strict, 0), Contender("lax", lax, 1)]
    miss_matters = replace(needs, cost_miss=500.0, cost_false_alarm=1.0, defect_rate=0.05)
    stops_matter = replace(needs, cost_miss=5.0, cost_false_alarm=5.0, defect_rate=0.01)
    assert choose(both, miss_matters, 0).name == "lax"
    choice = choose(both, stops_matter, 0)
    assert choice.name == "strict"
    assert choice.others[0].name == "lax"
    assert not choice.others[0].same
    assert choice.others[0].low > 0


def test_exact_ties_go_to_the_first_and_equals_to_the_best_map(needs: Needs) -> None:
    same = trials(missed=4, alarms=0)
    both = [Contender("b", same, 1, 0.9), Contender("a", same, 0, 0.4)]
    flag, locate = replace(needs, locate=False), replace(needs, locate=True)
    assert choose(both, flag, 0).name == "a"
    chosen = choose(both, locate, 0)
    assert (chosen.name, chosen.by_localisation) == ("b", True)
    far = [Contender("bad", trials(missed=30, alarms=0), 1, 0.9), both[1]]
    assert choose(far, locate, 0).name == "a"


def test_an_assumption_that_turns_the_choice_is_found(needs: Needs) -> None:
    costly = replace(needs, cost_miss=40.0, cost_false_alarm=1.0, defect_rate=0.01)
    both = [
        Contender("strict", trials(missed=20, alarms=0), 0),
        Contender("lax", trials(missed=0, alarms=5), 1),
    ]
    choice = choose(both, costly, 0)
    assert choice.name == "strict"
    by_words = {s.words: s for s in choice.scenarios}
    assert by_words["a miss costs twice as much"].name == "lax"
    assert by_words["a miss costs twice as much"].regret > 0
    assert by_words["half as many parts are defective"].regret == 0
    assert choose(both, needs, 0).scenarios == ()


def test_photographs_are_drawn_whole_and_no_side_is_empty() -> None:
    one = trials(missed=3, alarms=1, bad=40, good=20)
    weights = bootstrap_weights(one, 0, 50)
    assert weights.shape == (50, 60)
    for source in range(20):
        mine = weights[:, one.source == source]
        assert (mine == mine[:, :1]).all()
    apart = replace(one, source=np.arange(60))
    drawn = bootstrap_weights(apart, 0, 50)
    assert (drawn[:, apart.defective].sum(axis=1) == 40).all()
    assert (drawn[:, ~apart.defective].sum(axis=1) == 20).all()
    assert (bootstrap_weights(one, 0, 50) == weights).all()
