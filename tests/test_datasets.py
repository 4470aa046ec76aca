"""Layouts, splits, leaks, truth and versions."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import FrozenInstanceError
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec.annotations import Annotation, DefectShape, read_annotation, write_annotation
from offspec.datasets import Dataset, DatasetVersion, check_leaks, read_dataset
from offspec.errors import AnnotationError, DatasetError, ImageDecodeError, OffspecError
from offspec.images import read_image
from tests.synth import (
    SIZE_HW,
    defect_mask,
    part_image,
    write_folders,
    write_mvtec,
    write_part,
    write_plain,
    write_sidecars,
)

OUTLINE = ((2.0, 2.0), (9.0, 2.0), (9.0, 9.0))


def annotate(image: Path, annotation: Annotation) -> None:
    write_annotation(image.with_suffix(".json"), annotation)


def counts(dataset: Dataset) -> Counter[tuple[str | None, str | None]]:
    return Counter((r.split, r.label) for r in dataset.records)


# --- MVTec ---


def test_mvtec_layout(tmp_path: Path) -> None:
    dataset = read_dataset(write_mvtec(tmp_path))
    assert dataset.layout == "mvtec"
    assert counts(dataset) == {("train", "ok"): 6, ("test", "ok"): 2, ("test", "ng"): 2}
    assert [r.key for r in dataset.records] == sorted(r.key for r in dataset.records)
    assert len(dataset.normals) == 6
    assert dataset.has_masks
    blot = dataset["test/blot/000.png"]
    assert blot.defect_type == "blot"
    truth = blot.gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())
    good = dataset["test/good/000.png"].gt_mask(SIZE_HW)
    assert good is not None
    assert not good.any()


def test_mvtec_without_masks_has_no_pixel_truth(tmp_path: Path) -> None:
    dataset = read_dataset(write_mvtec(tmp_path, masks=False))
    assert not dataset.has_masks
    assert dataset["test/blot/000.png"].gt_mask(SIZE_HW) is None


def test_misnamed_masks_are_not_lost(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    folder = tmp_path / "ground_truth/blot"
    (folder / "000_mask.png").rename(folder / "mask-000.png")
    with pytest.raises(DatasetError, match=r"000_mask\.png"):
        read_dataset(tmp_path)


def test_defects_in_the_training_folder_are_refused(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    write_part(tmp_path / "train/scratch/a.png", part_image(9, defect="scratch"))
    with pytest.raises(DatasetError, match="only"):
        read_dataset(tmp_path)


def test_annotation_of_a_training_normal_is_kept_for_fitting(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    path = tmp_path / "train/good/000.png"
    annotate(path, Annotation(path.name, defects=(DefectShape("dent", OUTLINE),), part_id="p"))
    record = read_dataset(tmp_path)["train/good/000.png"]
    assert record.annotation is not None
    assert record.annotation.defects[0].label == "dent"
    assert record.group == "p"
    assert record in read_dataset(tmp_path).normals


def test_folder_and_annotation_that_disagree(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    path = tmp_path / "test/blot/000.png"
    annotate(path, Annotation(path.name, defect_free=True))
    with pytest.raises(DatasetError, match="agree"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 7)])
def test_mask_scales(tmp_path: Path, values: tuple[int, int]) -> None:
    write_mvtec(tmp_path, flaws=("blot",))
    mask = np.where(defect_mask(), *values[::-1]).astype(np.uint8)
    write_part(tmp_path / "ground_truth/blot/000_mask.png", mask)
    truth = read_dataset(tmp_path)["test/blot/000.png"].gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())


def test_soft_edges_of_a_mask_are_cut_at_half(tmp_path: Path) -> None:
    write_mvtec(tmp_path, flaws=("blot",))
    soft = np.where(defect_mask(), 200, 90).astype(np.uint8)
    write_part(tmp_path / "ground_truth/blot/000_mask.png", soft)
    truth = read_dataset(tmp_path)["test/blot/000.png"].gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())


def test_empty_mask_of_a_defect_is_no_truth(tmp_path: Path) -> None:
    write_mvtec(tmp_path, flaws=("blot",))
    write_part(tmp_path / "ground_truth/blot/000_mask.png", np.zeros(SIZE_HW, np.uint8))
    assert read_dataset(tmp_path)["test/blot/000.png"].gt_mask(SIZE_HW) is None


def test_mask_of_another_size(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    record = read_dataset(tmp_path)["test/blot/000.png"]
    with pytest.raises(AnnotationError, match="128 x 96"):
        record.gt_mask((10, 10))


# --- annotation files ---


def test_sidecars(tmp_path: Path) -> None:
    dataset = read_dataset(write_sidecars(tmp_path, unlabelled=3))
    assert dataset.layout == "sidecar"
    assert dataset.unlabelled == 3
    assert counts(dataset) == {("train", "ok"): 6, ("test", "ok"): 2, ("test", "ng"): 2}
    blot = dataset["ng_blot.png"]
    assert blot.defect_type == "blot"
    truth = blot.gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())


def test_normals_without_split_are_drawn_by_seed(tmp_path: Path) -> None:
    write_sidecars(tmp_path, normals=18, test_good=2, with_split=False)
    first, again = read_dataset(tmp_path, seed=1), read_dataset(tmp_path, seed=1)
    assert first.records == again.records
    assert counts(first)["test", "ok"] == 4
    assert counts(first)["train", "ok"] == 16
    others = [read_dataset(tmp_path, seed=s).fingerprint() for s in range(2, 6)]
    assert len({first.fingerprint(), *others}) > 1


def test_split_does_not_depend_on_file_names(tmp_path: Path) -> None:
    write_sidecars(tmp_path / "a", normals=10, with_split=False)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in sorted((tmp_path / "b").glob("ok_*")):
        path.rename(path.with_name(f"x{path.name}"))

    def test_hashes(name: str) -> set[str]:
        dataset = read_dataset(tmp_path / name)
        return {r.sha256 for r in dataset.test if r.label == "ok"}

    assert test_hashes("a") == test_hashes("b")


def test_one_part_stays_on_one_side(tmp_path: Path) -> None:
    write_sidecars(tmp_path, normals=20, test_good=0, with_split=False)
    for i in range(20):
        path = tmp_path / f"ok_{i:03}.png"
        annotate(path, Annotation(path.name, defect_free=True, part_id=f"part {i // 4}"))
    dataset = read_dataset(tmp_path)
    sides: dict[str | None, set[str | None]] = {}
    for record in dataset.records:
        if record.label == "ok":
            sides.setdefault(record.group, set()).add(record.split)
    assert len(sides) == 5
    assert all(len(side) == 1 for side in sides.values())
    assert counts(dataset)["test", "ok"] == 4


def test_equal_files_stay_on_one_side(tmp_path: Path) -> None:
    for i in range(10):
        path = write_part(tmp_path / f"{i}.png", part_image(i // 2))
        annotate(path, Annotation(path.name, defect_free=True))
    assert counts(read_dataset(tmp_path))["test", "ok"] == 2


def test_a_train_image_judged_ng_is_refused(tmp_path: Path) -> None:
    write_sidecars(tmp_path)
    path = tmp_path / "ok_000.png"
    annotate(path, Annotation(path.name, verdicts={"cap": "ng"}, split="train"))
    with pytest.raises(DatasetError, match="split 'train'"):
        read_dataset(tmp_path)


def test_two_images_of_one_stem_share_no_annotation(tmp_path: Path) -> None:
    write_sidecars(tmp_path, unlabelled=0)
    shutil.copy(tmp_path / "ng_blot.png", tmp_path / "ng_blot.PNG")
    dataset = read_dataset(tmp_path)
    assert dataset.unlabelled == 1
    assert "ng_blot.PNG" not in {r.key for r in dataset.records}


def test_sidecars_in_subfolders_and_hidden_ones(tmp_path: Path) -> None:
    write_sidecars(tmp_path / "line 1" / "über")
    write_sidecars(tmp_path / ".trash")
    dataset = read_dataset(tmp_path)
    assert len(dataset) == 10
    assert dataset.records[0].key.startswith("line 1/über/")


def test_template_file_is_no_annotation(tmp_path: Path) -> None:
    write_plain(tmp_path)
    write_part(tmp_path / "template.png", part_image(50))
    (tmp_path / "template.json").write_text('{"name": "board", "regions": []}', "utf-8")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "plain"
    assert len(dataset.normals) == 6


def test_broken_annotation_is_named(tmp_path: Path) -> None:
    write_sidecars(tmp_path)
    (tmp_path / "ok_003.json").write_bytes(b"{")
    with pytest.raises(AnnotationError, match=r"ok_003\.json"):
        read_dataset(tmp_path)


# --- good and bad folders, plain folder ---


@pytest.mark.parametrize("names", [("good", "bad"), ("OK", "NG"), ("normal", "anomaly")])
def test_normal_and_defect_folders(tmp_path: Path, names: tuple[str, str]) -> None:
    write_folders(tmp_path)
    (tmp_path / "good").rename(tmp_path / names[0])
    (tmp_path / "bad").rename(tmp_path / names[1])
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "folders"
    assert counts(dataset) == {("train", "ok"): 8, ("test", "ok"): 2, ("test", "ng"): 2}
    truth = dataset[f"{names[1]}/b000.png"].gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())


@pytest.mark.parametrize("place", ["bad/b000_mask.png", "ground_truth/bad/b000_mask.png"])
def test_places_of_masks(tmp_path: Path, place: str) -> None:
    write_folders(tmp_path, masks=False)
    write_part(tmp_path / place, defect_mask())
    dataset = read_dataset(tmp_path)
    assert dataset["bad/b000.png"].mask_path == tmp_path / place
    assert dataset["bad/b001.png"].mask_path is None
    assert len([r for r in dataset.records if r.label == "ng"]) == 2


def test_defect_types_inside_the_bad_folder(tmp_path: Path) -> None:
    write_folders(tmp_path, defects=0)
    write_part(tmp_path / "bad/blot/1.png", part_image(201, defect="blot"))
    write_part(tmp_path / "masks/blot/1.png", defect_mask())
    record = read_dataset(tmp_path)["bad/blot/1.png"]
    assert record.defect_type == "blot"
    assert record.mask_path == tmp_path / "masks/blot/1.png"


def test_folder_of_unknown_meaning_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path)
    write_part(tmp_path / "overlays/a.png", part_image(1))
    with pytest.raises(DatasetError, match="overlays"):
        read_dataset(tmp_path)


def test_plain_folder_is_all_normal(tmp_path: Path) -> None:
    dataset = read_dataset(write_plain(tmp_path))
    assert dataset.layout == "plain"
    assert counts(dataset) == {("train", "ok"): 5}
    assert not dataset.has_masks


# --- errors ---


def test_folders_without_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    for root in (tmp_path, tmp_path / "none", tmp_path / "readme.txt"):
        with pytest.raises(DatasetError, match="Accepted are"):
            read_dataset(root)


def test_no_normals_unless_none_are_needed(tmp_path: Path) -> None:
    write_mvtec(tmp_path, normals=0)
    with pytest.raises(DatasetError, match="no normal image"):
        read_dataset(tmp_path)
    assert len(read_dataset(tmp_path, need_normals=False).test) == 4
    only_bad = write_sidecars(tmp_path / "s", normals=0, test_good=0)
    with pytest.raises(DatasetError, match="no normal image"):
        read_dataset(only_bad)


def test_test_image_among_training_images(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    shutil.copy(tmp_path / "test/good/001.png", tmp_path / "train/good/copy.png")
    with pytest.raises(DatasetError, match=r"train/good/copy\.png.*test/good/001\.png"):
        read_dataset(tmp_path)


def test_copy_in_another_format_is_found_by_pixels(tmp_path: Path) -> None:
    write_mvtec(tmp_path)
    image = read_image(tmp_path / "test/good/001.png")
    done, data = cv2.imencode(".bmp", np.ascontiguousarray(image[:, :, ::-1]))
    assert done
    (tmp_path / "train/good/copy.bmp").write_bytes(data.tobytes())
    dataset = read_dataset(tmp_path)
    with pytest.raises(DatasetError, match=r"copy\.bmp"):
        check_leaks(dataset, by="pixels")


def test_broken_link_is_named(tmp_path: Path) -> None:
    write_plain(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ImageDecodeError, match=r"gone\.png"):
        read_dataset(tmp_path)


def test_link_loops_end(tmp_path: Path) -> None:
    write_sidecars(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(read_dataset(tmp_path)) == 10


# --- versions ---


def test_version_round_trip_and_immutability(tmp_path: Path) -> None:
    version = read_dataset(write_mvtec(tmp_path / "a")).version()
    data = json.loads(json.dumps(version.to_dict()))
    assert DatasetVersion.from_dict(data) == version
    with pytest.raises(FrozenInstanceError):
        version.files = ()  # type: ignore[misc]
    data["files"][-1]["label"] = "ng"
    with pytest.raises(DatasetError, match="never changes"):
        DatasetVersion.from_dict(data)
    for broken in ({}, {"id": "x", "files": [{"key": 1}]}, {"id": "x", "files": 3}):
        with pytest.raises(DatasetError, match="malformed"):
            DatasetVersion.from_dict(broken)


def test_fingerprint_follows_content_not_place(tmp_path: Path) -> None:
    write_mvtec(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    fingerprint = read_dataset(tmp_path / "a").fingerprint()
    assert read_dataset(tmp_path / "b").fingerprint() == fingerprint
    write_part(tmp_path / "b/ground_truth/blot/000_mask.png", ~defect_mask())
    assert read_dataset(tmp_path / "b").fingerprint() != fingerprint


def test_fingerprint_ignores_the_spacing_of_annotations(tmp_path: Path) -> None:
    write_sidecars(tmp_path)
    before = read_dataset(tmp_path).fingerprint()
    path = tmp_path / "ng_blot.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8"))), "utf-8")
    assert read_dataset(tmp_path).fingerprint() == before
    write_annotation(path, Annotation("ng_blot.png", verdicts={"": "ng"}))
    assert read_dataset(tmp_path).fingerprint() != before
    assert read_annotation(path).label == "ng"


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("OFFSPEC_DATA"), reason="OFFSPEC_DATA names no photographs")
def test_development_photographs() -> None:
    root = Path(os.environ["OFFSPEC_DATA"])
    folders = [*sorted((root / "bsdata").iterdir()), root / "magnetic_tile"]
    for folder in folders:
        dataset = read_dataset(folder)
        assert dataset.layout == "mvtec"
        assert dataset.has_masks
        for record in dataset.records:
            if record.label == "ng":
                truth = record.gt_mask(read_image(record.path).shape[:2])
                assert truth is None or truth.any(), record.key
    with pytest.raises(OffspecError):
        read_dataset(root / "bsdata")
