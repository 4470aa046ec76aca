"""COCO round trip, run lengths and malformed files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offspec.annotations import Annotation, DefectShape, write_annotation
from offspec.coco import read_coco, write_coco
from offspec.datasets import Dataset, read_dataset
from offspec.errors import AnnotationError, DatasetError
from tests.synth import (
    SIZE_HW,
    defect_mask,
    part_image,
    write_mvtec,
    write_part,
    write_plain,
    write_sidecars,
)


def truths(dataset: Dataset) -> dict[str, list[list[bool]] | None]:
    masks = {r.key: r.gt_mask(SIZE_HW) for r in dataset.records}
    return {key: None if mask is None else mask.tolist() for key, mask in masks.items()}


def summary(dataset: Dataset) -> list[tuple[object, ...]]:
    return [(r.key, r.label, r.split, r.group, r.sha256) for r in dataset.records]


def test_round_trip_of_sidecars(tmp_path: Path) -> None:
    write_sidecars(tmp_path)
    outline = ((1.25, 2.5), (9.0, 2.0), (9.0, 9.0))
    annotation = Annotation(
        "ng_scratch.png",
        SIZE_HW[::-1],
        verdicts={"cap": "ng", "label": "ok"},
        defects=(DefectShape("dent", outline, "cap"), DefectShape("stain", outline)),
        part_id="SN-7",
    )
    write_annotation(tmp_path / "ng_scratch.json", annotation)
    dataset = read_dataset(tmp_path)
    write_coco(dataset, tmp_path / "all.json")
    again = read_coco(tmp_path / "all.json", tmp_path)
    assert again.layout == "coco"
    assert summary(again) == summary(dataset)
    assert truths(again) == truths(dataset)
    back = again["ng_scratch.png"].annotation
    assert back is not None
    assert back.defects == annotation.defects
    assert back.verdicts == annotation.verdicts
    write_coco(again, tmp_path / "twice.json")
    assert (tmp_path / "twice.json").read_bytes() == (tmp_path / "all.json").read_bytes()


def test_round_trip_of_masks(tmp_path: Path) -> None:
    dataset = read_dataset(write_mvtec(tmp_path))
    write_coco(dataset, tmp_path / "all.json")
    again = read_coco(tmp_path / "all.json", tmp_path)
    assert summary(again) == summary(dataset)
    assert truths(again) == truths(dataset)
    assert again["test/blot/000.png"].defect_type == "blot"
    entries = json.loads((tmp_path / "all.json").read_text("utf-8"))["annotations"]
    drawn = [mask for r in dataset.test if (mask := r.gt_mask(SIZE_HW)) is not None]
    assert sum(e["area"] for e in entries) == sum(mask.sum() for mask in drawn)


def test_defect_without_outline_stays_a_defect(tmp_path: Path) -> None:
    dataset = read_dataset(write_mvtec(tmp_path, masks=False))
    write_coco(dataset, tmp_path / "all.json")
    record = read_coco(tmp_path / "all.json", tmp_path)["test/blot/000.png"]
    assert record.label == "ng"
    assert record.gt_mask(SIZE_HW) is None


@pytest.fixture
def foreign(tmp_path: Path) -> dict[str, Any]:
    """A file as other programs write it: five good images and one with a run-length mask."""
    write_plain(tmp_path)
    write_part(tmp_path / "bad.png", part_image(200, defect="blot"))
    height, width = SIZE_HW
    flat = defect_mask().T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    names = [f"{i:03}.png" for i in range(5)] + ["bad.png"]
    images = [
        {"id": i, "file_name": n, "width": width, "height": height} for i, n in enumerate(names)
    ]
    rle = {"size": [height, width], "counts": runs}
    annotation = {"id": 1, "image_id": 5, "category_id": 3, "segmentation": rle, "iscrowd": 1}
    categories = [{"id": 3, "name": "stain"}]
    return {"images": images, "annotations": [annotation], "categories": categories}


def load(tmp_path: Path, data: Any) -> Dataset:
    (tmp_path / "coco.json").write_text(json.dumps(data), "utf-8")
    return read_coco(tmp_path / "coco.json", tmp_path)


def test_run_lengths(tmp_path: Path, foreign: dict[str, Any]) -> None:
    dataset = load(tmp_path, foreign)
    bad = dataset["bad.png"]
    assert (bad.label, bad.split, bad.defect_type) == ("ng", "test", "stain")
    truth = bad.gt_mask(SIZE_HW)
    assert truth is not None
    np.testing.assert_array_equal(truth, defect_mask())
    assert len(dataset.normals) == 4
    assert len(dataset.test) == 2


def test_box_without_segmentation(tmp_path: Path, foreign: dict[str, Any]) -> None:
    foreign["annotations"][0] |= {"segmentation": [], "bbox": [10, 20, 4, 5]}
    truth = load(tmp_path, foreign)["bad.png"].gt_mask(SIZE_HW)
    assert truth is not None
    assert np.argwhere(truth).min(axis=0).tolist() == [20, 10]
    assert truth.sum() == 4 * 5


def test_object_of_two_polygons(tmp_path: Path, foreign: dict[str, Any]) -> None:
    rings = [[1, 1, 5, 1, 5, 5], [20, 20, 25, 20, 25, 25]]
    foreign["annotations"][0]["segmentation"] = rings
    annotation = load(tmp_path, foreign)["bad.png"].annotation
    assert annotation is not None
    assert len(annotation.defects) == 2


def change(data: dict[str, Any], where: str, value: Any) -> dict[str, Any]:
    """Copy with one value replaced; ``where`` is a path such as ``images.0.id``."""
    data = copy.deepcopy(data)
    *parents, last = where.split(".")
    node: Any = data
    for part in parents:
        node = node[int(part) if part.isdigit() else part]
    node[last] = value
    return data


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("images", None),
        ("images", [1]),
        ("annotations", {}),
        ("categories", "x"),
        ("images.0.id", 1),
        ("images.0.id", "0"),
        ("images.0.file_name", "001.png"),
        ("images.0.file_name", "../000.png"),
        ("images.0.file_name", "/etc/hostname"),
        ("images.0.file_name", "a\\b.png"),
        ("images.0.file_name", "nul\0.png"),
        ("images.0.file_name", ""),
        ("images.0.file_name", 5),
        ("images.0.width", 0),
        ("images.0.width", 10**9),
        ("images.0.height", 2.5),
        ("images.0.offspec", [1]),
        ("images.0.offspec", {"label": "maybe"}),
        ("images.0.offspec", {"split": "validation"}),
        ("images.5.offspec", {"label": "ok"}),
        ("annotations.0.image_id", 77),
        ("annotations.0.category_id", 77),
        ("annotations.0.region_id", 7),
        ("annotations.0.segmentation", "x"),
        ("annotations.0.segmentation", [[1, 2, 3, 4]]),
        ("annotations.0.segmentation", [[1, 2, 3, 4, 5, 6, 7]]),
        ("annotations.0.segmentation", [[1, 2, 3, 4, 5, "6"]]),
        ("annotations.0.segmentation", [[1, 2, 3, 4, 5, 10**400]]),
        ("annotations.0.segmentation", [[1, 2, 3, 4, 5, 1e8]]),
        ("annotations.0.segmentation.counts", "PYm"),
        ("annotations.0.segmentation.counts", [5, -5]),
        ("annotations.0.segmentation.counts", [10**12]),
        ("annotations.0.segmentation.size", [100000, 100000]),
        ("annotations.0.segmentation", None),
        ("categories.0.name", None),
    ],
)
def test_malformed_files(tmp_path: Path, foreign: dict[str, Any], where: str, value: Any) -> None:
    with pytest.raises(AnnotationError, match=r"coco\.json"):
        load(tmp_path, change(foreign, where, value))


def test_whole_file_of_another_kind(tmp_path: Path) -> None:
    kinds: list[Any] = [[], 3, {}, None]
    for data in kinds:
        with pytest.raises(AnnotationError, match=r"coco\.json"):
            load(tmp_path, data)


def test_missing_image_is_named(tmp_path: Path, foreign: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match=r"gone\.png"):
        load(tmp_path, change(foreign, "images.0.file_name", "gone.png"))
