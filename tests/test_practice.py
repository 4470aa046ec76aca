from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec.annotations import read_annotation
from offspec.datasets import read_dataset
from offspec.errors import OptionError, WriteError
from offspec.images import read_image
from offspec.practice import MIN_IMAGES, Role, _roles, make_practice, practice_regions, render_board
from offspec.practice_board import PARTS, SIZE_WH, TRACES, BareBoard, draw_bare_board
from offspec.practice_canvas import _GLYPHS
from offspec.practice_defects import CATALOGUE, DefectPlan, plan_defects
from offspec.template import read_template
from offspec.types import FloatArray

KINDS = {
    "scratch",
    "missing_component",
    "solder_bridge",
    "stain",
    "rotated_part",
    "wrong_part",
    "open_trace",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_practice(tmp_path_factory.mktemp("practice") / "new", MIN_IMAGES, seed=0)


@pytest.fixture(scope="module")
def bare() -> BareBoard:
    return draw_bare_board(0)


@pytest.fixture(scope="module")
def good(bare: BareBoard) -> FloatArray:
    return render_board(bare, 0, Role("test", None), 0).image.astype(np.float32)


def test_every_image_has_a_sidecar_and_the_template_is_valid(folder: Path) -> None:
    images = sorted(folder.glob("*.png"))
    assert len(images) == MIN_IMAGES
    assert all(p.with_suffix(".json").is_file() for p in images)
    template = read_template(folder / "template.json")
    assert template.reference_file == images[0].name
    assert {r.shape for r in template.regions} == {"rectangle", "polygon", "ellipse"}
    assert any(r.exclusions for r in template.regions)


def test_it_is_a_dataset_with_five_normals_beside_the_reference(folder: Path) -> None:
    records = read_dataset(folder).records
    assert sum(r.split == "train" and r.label == "ok" for r in records) == 6
    test = [r for r in records if r.split == "test"]
    assert {r.label for r in test} == {"ok", "ng"}


def test_defects_lie_inside_the_image_and_their_regions_are_marked(folder: Path) -> None:
    annotation = read_annotation(folder / f"board_{MIN_IMAGES - 1:03d}.json")
    assert annotation.label == "ng"
    assert "ng" in annotation.verdicts.values()
    for defect in annotation.defects:
        assert defect.label in KINDS
        xy = np.asarray(defect.points_xy)
        assert xy.min() >= 0
        assert (xy <= SIZE_WH).all()


def test_a_good_board_is_marked_defect_free(folder: Path) -> None:
    sidecar = json.loads((folder / "board_001.json").read_text("utf-8"))
    assert sidecar["flags"]["defect_free"] is True
    assert read_annotation(folder / "board_001.json").label == "ok"


def test_eleven_images_are_six_good_to_learn_one_good_and_four_bad_to_test() -> None:
    roles = _roles(11)
    assert sum(r.split == "train" for r in roles) == 6
    assert sum(r.split == "test" and r.defective is None for r in roles) == 1
    assert sum(r.defective is not None for r in roles) == 4


@pytest.mark.parametrize("images", [MIN_IMAGES, 9, 12, 40, 100])
def test_more_images_keep_every_role_filled(images: int) -> None:
    roles = _roles(images)
    assert len(roles) == images
    assert sum(r.split == "train" for r in roles) >= 6
    assert sum(r.split == "test" and r.defective is None for r in roles) >= 1
    assert sum(r.defective is not None for r in roles) >= 1


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="8 or more"):
        make_practice(tmp_path / "p", 3)
    assert not (tmp_path / "p").exists()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="cannot be made"):
        make_practice(tmp_path / "file" / "p", MIN_IMAGES)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(
    folder: Path, bare: BareBoard
) -> None:
    first = read_image(folder / "board_002.png")
    roles = _roles(MIN_IMAGES)
    assert np.array_equal(first, render_board(bare, 2, roles[2], 0).image)
    assert not np.array_equal(first, render_board(bare, 2, roles[2], 1).image)


def test_good_boards_differ_a_little_and_never_by_a_defect(bare: BareBoard) -> None:
    roles = _roles(11)
    reference = render_board(bare, 0, roles[0], 0)
    other = render_board(bare, 1, roles[1], 0)
    assert reference.truths == ()
    difference = np.abs(reference.image.astype(float) - other.image).mean()
    assert 1 < difference < 25


@pytest.mark.parametrize("index", range(len(CATALOGUE)))
def test_every_defect_changes_the_picture_where_its_truth_says(
    index: int, bare: BareBoard, good: FloatArray
) -> None:
    role = _roles(100)[100 - 36 + index]
    assert role.defective == index
    bad = render_board(bare, 0, role, 0)
    change = cv2.GaussianBlur(np.abs(bad.image - good).mean(axis=2), (0, 0), 2)
    board_size = (SIZE_WH[1], SIZE_WH[0])
    covered = np.zeros(board_size, dtype=np.bool_)
    for region in practice_regions():
        covered |= region.mask(board_size)
    for (kind, truth), mark in zip(bad.truths, bad.marks, strict=True):
        assert kind in KINDS
        assert 30 < truth.sum() < 9000
        assert (mark & covered).sum() > 0.7 * mark.sum()
        assert change[truth].mean() > 1.5 * np.median(change)


def test_all_kinds_of_defect_occur_and_some_are_faint() -> None:
    plans = [plan for plans in CATALOGUE for plan in plans]
    assert {p.kind for p in plans} == KINDS
    assert any(p.faint for p in plans)


def test_later_rounds_move_the_defects() -> None:
    moved = [plan_defects(i, np.random.default_rng(i)) for i in range(len(CATALOGUE), 80)]
    refs = {p.ref for p in PARTS}
    for plan in (p for plans in moved for p in plans):
        assert isinstance(plan, DefectPlan)
        known = plan.target in refs or "," in plan.target or int(plan.target) < len(TRACES)
        assert known


def test_all_lettering_can_be_drawn() -> None:
    for item in PARTS:
        assert set(item.value + item.ref) <= set(_GLYPHS)
