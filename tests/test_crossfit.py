"""Cross-fitting: every score comes from a model that has not seen the image or its like."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec import crossfit
from offspec.annotations import Annotation, write_annotation
from offspec.bundle import Bundle
from offspec.crossfit import Learner, NormalScores
from offspec.errors import LimitError
from offspec.fit_plan import NormalImage, plan
from offspec.fitting import fit
from offspec.images import read_image
from offspec.runtime import Inspector
from tests.trained import FAST, SMALL, varied_part, write_normals


def quiet(_step: str, _done: int, _total: int) -> None:
    """Progress for nobody."""


def learn(root: Path, seed: int = 0) -> tuple[Learner, list[NormalImage]]:
    learner = Learner(plan(root, None, replace(FAST, seed=seed), quiet))
    usable = learner.embed_all(quiet)
    learner.fit_all(usable)
    return learner, usable


def scores_of(root: Path) -> tuple[NormalScores, list[NormalImage]]:
    learner, usable = learn(root)
    return learner.cross_fit(usable, quiet), usable


def without(normals: Path, target: Path, *left_out: str) -> Path:
    """A copy of a dataset that lacks some images."""
    shutil.copytree(normals, target)
    for name in left_out:
        (target / name).unlink()
        (target / name).with_suffix(".json").unlink(missing_ok=True)
    return target


def score_by(bundle: Bundle, image: Path) -> float:
    """The raw score that a model of its own gives an image."""
    (region,) = Inspector(bundle, warm_up=False).inspect(read_image(image)).regions
    assert region.raw_score is not None
    return region.raw_score


@pytest.fixture(scope="module")
def crossed(normals: Path) -> tuple[NormalScores, list[NormalImage]]:
    return scores_of(normals)


# -- who is scored, and by which model ------------------------------------------


def test_the_reference_builds_the_model_and_never_calibrates(
    crossed: tuple[NormalScores, list[NormalImage]], model: Bundle
) -> None:
    scores, usable = crossed
    assert [n.path.name for n in usable] == [f"{i:03}.png" for i in range(1, 7)]
    assert scores.count == 6
    assert min(scores.raw_by_region["image"]) > 0  # the reference would score 0
    assert model.manifest.calibration.threshold.n == 6
    assert list(model.manifest.calibration.curve.scores) == sorted(scores.raw_by_region["image"])


@pytest.mark.parametrize("left_out", ["001.png", "004.png"])
def test_a_fold_equals_a_fresh_fit_without_its_image(
    left_out: str,
    crossed: tuple[NormalScores, list[NormalImage]],
    normals: Path,
    tmp_path: Path,
) -> None:
    """Everything estimated is estimated again: PCA, whitening, tolerance, shrinkage, scale."""
    scores, usable = crossed
    index = [n.path.name for n in usable].index(left_out)
    fresh = fit(without(normals, tmp_path / "less", left_out), config=FAST)
    assert score_by(fresh, normals / left_out) == scores.raw_by_region["image"][index]


def test_the_shipped_model_has_seen_every_normal(
    crossed: tuple[NormalScores, list[NormalImage]], model: Bundle
) -> None:
    """So that it scores its own normals lower than the folds that left them out."""
    scores, usable = crossed
    seen = [score_by(model, n.path) for n in usable]
    assert np.mean(seen) < np.mean(scores.raw_by_region["image"])
    assert set(model.manifest.learned_sha256) >= {n.sha256 for n in usable}


def test_photographs_of_one_part_are_left_out_together(normals: Path, tmp_path: Path) -> None:
    root = without(normals, tmp_path / "burst")
    twin = root / "007.png"
    cv2.imwrite(str(twin), varied_part(2, SMALL, shot=1)[..., ::-1])
    scores, usable = scores_of(root)
    numbers = dict(zip([n.path.name for n in usable], scores.groups, strict=True))
    assert numbers["002.png"] == numbers["007.png"]
    assert max(Counter(scores.groups).values()) == 2
    fresh = fit(without(root, tmp_path / "less", "002.png", "007.png"), config=FAST)
    raws = dict(zip(numbers, scores.raw_by_region["image"], strict=True))
    for name in ("002.png", "007.png"):
        assert score_by(fresh, root / name) == raws[name]


def name_part(root: Path, part: str, *names: str) -> None:
    """Give every picture an annotation file; those named show one part."""
    for path in sorted(root.glob("*.png")):
        own = part if path.name in names else None
        sidecar = Annotation(path.name, SMALL[::-1], defect_free=True, split="train", part_id=own)
        write_annotation(path.with_suffix(".json"), sidecar)


def test_a_named_part_is_left_out_as_a_whole(normals: Path, tmp_path: Path) -> None:
    root = without(normals, tmp_path / "named")
    name_part(root, "P7", "003.png", "005.png")
    scores, usable = scores_of(root)
    numbers = dict(zip([n.path.name for n in usable], scores.groups, strict=True))
    assert numbers["003.png"] == numbers["005.png"]
    assert len(set(scores.groups)) == 5


def test_other_photographs_of_the_references_part_do_not_calibrate(
    normals: Path, tmp_path: Path
) -> None:
    root = without(normals, tmp_path / "same part")
    name_part(root, "P0", "000.png", "004.png")
    scores, usable = scores_of(root)
    assert "004.png" not in {n.path.name for n in usable}
    assert scores.count == len(usable) == len(list(root.glob("*.png"))) - 2


def test_a_copy_of_the_reference_does_not_calibrate(normals: Path, tmp_path: Path) -> None:
    root = without(normals, tmp_path / "copied")
    cv2.imwrite(str(root / "copy.bmp"), varied_part(0, SMALL)[..., ::-1])
    scores, _ = scores_of(root)
    assert scores.count == 6


def test_scores_do_not_depend_on_file_names(
    crossed: tuple[NormalScores, list[NormalImage]], normals: Path, tmp_path: Path
) -> None:
    shutil.copytree(normals, tmp_path / "renamed")
    for path in sorted((tmp_path / "renamed").glob("*.png"))[1:]:
        path.rename(path.with_name(f"z{99 - int(path.stem)}.png"))
    scores, _ = scores_of(tmp_path / "renamed")
    mine, theirs = scores.raw_by_region["image"], crossed[0].raw_by_region["image"]
    np.testing.assert_allclose(sorted(mine), sorted(theirs), rtol=1e-5)


# -- how normals are cut into folds ----------------------------------------------


@pytest.fixture(scope="module")
def folder_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_normals(tmp_path_factory.mktemp("one"), 1)


@pytest.fixture(scope="module")
def learner(folder_of_one: Path) -> Learner:
    return Learner(plan(folder_of_one, None, FAST, quiet))


def images(count: int) -> list[NormalImage]:
    return [NormalImage(Path(f"{i}.png"), f"sha-{i}", "80") for i in range(count)]


def flat(folds: list[list[int]]) -> Iterator[int]:
    for fold in folds:
        yield from fold


@pytest.mark.parametrize("count", [1, 5, 30])
def test_up_to_thirty_groups_each_is_left_out_alone(learner: Learner, count: int) -> None:
    folds = learner._folds(images(count), list(range(count)))
    assert folds == [[i] for i in range(count)]


@pytest.mark.parametrize("count", [31, 97, 199])
def test_beyond_thirty_groups_there_are_ten_even_folds(learner: Learner, count: int) -> None:
    folds = learner._folds(images(count), list(range(count)))
    assert len(folds) == 10
    assert sorted(flat(folds)) == list(range(count))
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_groups_are_counted_not_images(learner: Learner) -> None:
    groups = [i // 6 for i in range(180)]
    assert len(learner._folds(images(180), groups)) == 30


@pytest.mark.parametrize("count", [40, 120])
def test_a_group_is_never_cut(learner: Learner, count: int) -> None:
    groups = [i % 37 for i in range(count)]
    for fold in learner._folds(images(count), groups):
        inside = {groups[i] for i in fold}
        assert sorted(fold) == [i for i in range(count) if groups[i] in inside]


def test_from_two_hundred_on_a_random_hundred_only_calibrates(learner: Learner) -> None:
    (held,) = learner._folds(images(200), list(range(200)))
    assert len(held) == len(set(held)) == 100
    assert held != list(range(100))
    assert 25 < sum(i < 100 for i in held) < 75
    (later,) = learner._folds(images(500), list(range(500)))
    assert len(later) == 100


def test_the_hundred_are_drawn_by_seed_and_content_not_by_name(
    learner: Learner, folder_of_one: Path
) -> None:
    normals, groups = images(220), list(range(220))
    (held,) = learner._folds(normals, groups)
    (again,) = learner._folds(list(reversed(normals)), groups)
    assert {normals[i].sha256 for i in held} == {normals[219 - i].sha256 for i in again}
    other = Learner(plan(folder_of_one, None, replace(FAST, seed=1), quiet))
    assert other._folds(normals, groups) != [held]


def test_those_that_only_calibrate_take_no_part_in_the_model(
    normals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_normals(without(normals, tmp_path / "many"), 3, first=7)
    monkeypatch.setattr(crossfit, "SPLIT_FROM", 9)
    monkeypatch.setattr(crossfit, "CALIBRATE_ONLY", 5)
    bundle = fit(tmp_path / "many", config=FAST)
    scores, usable = scores_of(tmp_path / "many")
    assert scores.calibrate_only
    assert (scores.count, len(scores.learned)) == (5, 4)
    held = [n for n in usable if n not in scores.learned]
    calibration = bundle.manifest.calibration
    assert calibration.threshold.n == 5
    assert not calibration.cross_fitted
    assert list(calibration.curve.scores) == sorted(scores.raw_by_region["image"])
    assert list(calibration.curve.scores) == sorted(score_by(bundle, n.path) for n in held)
    monkeypatch.undo()
    fresh = fit(without(tmp_path / "many", tmp_path / "less", *[n.path.name for n in held]),
                config=FAST)  # fmt: skip
    assert bundle.graphs == fresh.graphs


def test_too_many_images_for_memory_are_refused_with_figure_and_remedy(
    normals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossfit, "MAX_EMBEDDED_BYTES", 3 * 2**20)
    with pytest.raises(LimitError, match=r"7 normal images .* GB .*Take smaller regions"):
        learn(normals)


def test_a_random_part_is_learned_from_where_memory_holds_no_more(
    normals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = Learner(plan(normals, None, FAST, quiet))
    each.embed_all(quiet)
    monkeypatch.setattr(crossfit, "MAX_EMBEDDED_BYTES", 5 * each._embedding_bytes())
    monkeypatch.setattr(crossfit, "LEAST_AFFORDABLE", 3)
    learner = Learner(plan(normals, None, FAST, quiet))
    usable = learner.embed_all(quiet)
    assert len(usable) == 4
    assert any("A random 4 were learned from" in note for note in learner.notes)
    again = Learner(plan(normals, None, FAST, quiet))
    assert [n.sha256 for n in again.embed_all(quiet)] == [n.sha256 for n in usable]
    other = Learner(plan(normals, None, replace(FAST, seed=5), quiet))
    assert [n.sha256 for n in other.embed_all(quiet)] != [n.sha256 for n in usable]
