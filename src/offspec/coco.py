"""COCO import and export.

Polygons, bounding boxes and uncompressed run lengths are read; polygons are written. What
COCO has no word for (label, split, part, region verdicts) sits under ``offspec`` in each image
entry, so that our own files come back whole. Polygons and boxes are in edge coordinates, as
our annotations are. In a file without that block an image
with annotations is defective and an image without any is good: somebody listed it.

Reference:
    Lin et al., "Microsoft COCO: Common Objects in Context" (ECCV 2014); format description
    at cocodataset.org, "Data format".
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from offspec.annotations import Annotation, DefectShape, from_labelme, to_labelme
from offspec.dataset_layouts import Found
from offspec.datasets import Dataset, ImageRecord, build_dataset
from offspec.errors import AnnotationError, DatasetError
from offspec.image_headers import MAX_PIXELS
from offspec.images import atomic_write, image_size_wh
from offspec.json_files import json_bytes, read_json
from offspec.masks import mask_polygons
from offspec.types import BoolArray, PointsXY

MAX_ENTRIES = 1_000_000
"""Images or annotations in one file."""

_OWN_KEYS = ("flags", "split", "part_id")


def read_coco(
    json_path: Path | str, image_root: Path | str, *, seed: int = 0, need_normals: bool = True
) -> Dataset:
    """Read a COCO file as a dataset.

    Args:
        json_path: The COCO file.
        image_root: Folder that ``file_name`` of each image is relative to.
        seed: Seed of the 80/20 split of normals without one.
        need_normals: False accepts a file without training normals.

    Raises:
        AnnotationError: Malformed file, compressed run lengths, unknown ids, or a file name
            that leads out of ``image_root``.
        DatasetError: A listed image is missing, no normals, or a leak.
    """
    root = Path(image_root)
    try:
        found = _found(read_json(json_path), root)
    except AnnotationError as error:
        raise AnnotationError(f"'{json_path}': {error}") from error
    return build_dataset(root, "coco", found, seed=seed, need_normals=need_normals)


def write_coco(dataset: Dataset, path: Path | str) -> None:
    """Write a dataset as COCO, whole or not at all; masks become polygons.

    Raises:
        WriteError: The operating system refused.
        ImageDecodeError: An image or mask cannot be read.
    """
    images: list[dict[str, Any]] = []
    shapes: list[tuple[int, DefectShape]] = []
    for image_id, record in enumerate(dataset.records, start=1):
        size_wh = image_size_wh(record.path)
        images.append(_image_entry(image_id, record, size_wh))
        shapes += [(image_id, shape) for shape in _shapes_of(record, size_wh)]
    category_ids = {name: i for i, name in enumerate(sorted({s.label for _, s in shapes}), start=1)}
    annotations = [
        _annotation_entry(number, image_id, category_ids[shape.label], shape)
        for number, (image_id, shape) in enumerate(shapes, start=1)
    ]
    categories = [{"id": i, "name": n, "supercategory": "defect"} for n, i in category_ids.items()]
    data = {"images": images, "annotations": annotations, "categories": categories}
    atomic_write(path, json_bytes(data))


def _image_entry(image_id: int, record: ImageRecord, size_wh: tuple[int, int]) -> dict[str, Any]:
    own: dict[str, Any] = {"label": record.label, "split": record.split}
    if record.annotation is not None:
        data = to_labelme(record.annotation)
        own |= {key: data[key] for key in ("flags", "part_id") if key in data}
    return {
        "id": image_id,
        "file_name": record.key,
        "width": size_wh[0],
        "height": size_wh[1],
        "offspec": own,
    }


def _shapes_of(record: ImageRecord, size_wh: tuple[int, int]) -> list[DefectShape]:
    if record.mask_path is None and record.annotation is not None:
        return list(record.annotation.defects)
    mask = record.gt_mask(size_wh[::-1])
    outlines = [] if mask is None else mask_polygons(mask)
    return [DefectShape(record.defect_type, outline) for outline in outlines]


def _annotation_entry(
    number: int, image_id: int, category_id: int, shape: DefectShape
) -> dict[str, Any]:
    points = np.asarray(shape.points_xy)
    low, high = points.min(axis=0), points.max(axis=0)
    following = np.roll(points, -1, axis=0)
    twice_area = (points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum()
    entry: dict[str, Any] = {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": [points.ravel().tolist()],
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "area": abs(float(twice_area)) / 2,
        "iscrowd": 0,
    }
    if shape.region_id is not None:
        entry["region_id"] = shape.region_id
    return entry


# --- reading ---


def _found(data: Any, root: Path) -> list[Found]:
    if not isinstance(data, Mapping):
        raise _wrong("the file", type(data).__name__, "an object with 'images' and 'annotations'")
    names = {_int(c, "id"): _text(c, "name") for c in _entries(data, "categories")}
    images: dict[int, Mapping[str, Any]] = {}
    for entry in _entries(data, "images"):
        if images.setdefault(_int(entry, "id"), entry) is not entry:
            raise _wrong("image id", entry["id"], "unique")
    file_names = [_text(e, "file_name") for e in images.values()]
    if len(set(file_names)) != len(file_names):
        raise _wrong("file_name", len(file_names) - len(set(file_names)), "unique; some repeat")
    shapes: dict[int, list[DefectShape]] = defaultdict(list)
    for entry in _entries(data, "annotations"):
        image_id, category_id = _int(entry, "image_id"), _int(entry, "category_id")
        if image_id not in images:
            raise _wrong("image_id", image_id, "the id of a listed image")
        if category_id not in names:
            raise _wrong("category_id", category_id, "the id of a listed category")
        shapes[image_id] += _shapes(entry, names[category_id], _size_wh(images[image_id]))
    return [_found_one(entry, shapes[key], root) for key, entry in images.items()]


def _found_one(entry: Mapping[str, Any], shapes: list[DefectShape], root: Path) -> Found:
    name = _text(entry, "file_name")
    path = root / _safe_relative(name)
    if not path.is_file():
        raise DatasetError(
            f"COCO lists '{name}', and '{path}' is not there. Every listed image must lie under "
            "the image folder. Name the right folder or remove the entry."
        )
    own = entry.get("offspec") or {}
    if not isinstance(own, Mapping):
        raise _wrong("offspec", own, "an object")
    size_wh = _size_wh(entry)
    data = {
        "imagePath": path.name,
        "imageWidth": size_wh[0],
        "imageHeight": size_wh[1],
        "flags": {"defect_free": own.get("label", "ok") == "ok" and not shapes},
        "shapes": [],
    }
    base = from_labelme(data | {key: own[key] for key in _OWN_KEYS if key in own})
    annotation = Annotation(
        image_name=path.name,
        size_wh=size_wh,
        verdicts=base.verdicts,
        defects=tuple(shapes),
        defect_free=base.defect_free,
        split=base.split,
        part_id=base.part_id,
    )
    label = annotation.label or own.get("label")
    if label not in {"ok", "ng"} or (annotation.label == "ng" and own.get("label") == "ok"):
        raise _wrong("label", own.get("label"), "'ok' or 'ng', and 'ng' with annotations")
    split = base.split or ("test" if label == "ng" else None)
    defect_type = "good" if label == "ok" else (shapes[0].label if shapes else "defect")
    return Found(path, label, split, defect_type, None, annotation)


def _safe_relative(name: str) -> PurePosixPath:
    relative = PurePosixPath(name)
    if not name or relative.is_absolute() or ".." in relative.parts or "\\" in name or "\0" in name:
        raise _wrong("file_name", name, "a relative path with / and without ..")
    return relative


def _shapes(entry: Mapping[str, Any], label: str, size_wh: tuple[int, int]) -> list[DefectShape]:
    region_id = entry.get("region_id")
    if region_id is not None and not isinstance(region_id, str):
        raise _wrong("region_id", region_id, "text")
    segmentation = entry.get("segmentation")
    if not segmentation:
        outlines = [_box(entry)]
    elif isinstance(segmentation, Mapping):
        outlines = mask_polygons(_run_length_mask(segmentation, size_wh))
    elif isinstance(segmentation, list):
        outlines = [_outline(ring) for ring in segmentation]
    else:
        raise _wrong("segmentation", segmentation, "a list of polygons or run lengths")
    return [DefectShape(label, outline, region_id) for outline in outlines]


def _outline(ring: object) -> PointsXY:
    if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
        raise _wrong("segmentation", ring, "a list of at least three x, y pairs")
    values = [_number(v) for v in ring]
    return tuple(zip(values[::2], values[1::2], strict=True))


def _box(entry: Mapping[str, Any]) -> PointsXY:
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise _wrong("bbox", box, "[x, y, width, height] where there is no segmentation")
    x, y, width, height = (_number(v) for v in box)
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def _run_length_mask(runs: Mapping[str, Any], size_wh: tuple[int, int]) -> BoolArray:
    """Column by column, runs of outside and inside in turn, outside first."""
    counts, size = runs.get("counts"), runs.get("size")
    if isinstance(counts, str):
        raise _wrong("counts", counts, "a list of run lengths; compressed ones are not read")
    width, height = size_wh
    if size != [height, width] or not isinstance(counts, list):
        raise _wrong("size", size, f"[{height}, {width}], the size of the image")
    if not all(type(c) is int and c >= 0 for c in counts) or sum(counts) != width * height:
        raise _wrong("counts", counts, f"run lengths that add up to {width * height}")
    inside = np.arange(len(counts)) % 2 == 1
    mask: BoolArray = np.repeat(inside, counts).reshape(width, height).T
    return mask


def _entries(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = data.get(key)
    if not isinstance(entries, list) or not all(isinstance(e, Mapping) for e in entries):
        raise _wrong(key, type(entries).__name__, "a list of objects")
    if len(entries) > MAX_ENTRIES:
        raise _wrong(key, len(entries), f"a list of at most {MAX_ENTRIES}")
    return entries


def _size_wh(entry: Mapping[str, Any]) -> tuple[int, int]:
    width, height = _int(entry, "width"), _int(entry, "height")
    if width < 1 or height < 1 or width * height >= MAX_PIXELS:
        raise _wrong("width and height", [width, height], f"1 to {MAX_PIXELS} pixels together")
    return width, height


def _int(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key)
    if type(value) is not int:
        raise _wrong(key, value, "a whole number")
    return value


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise _wrong(key, value, "text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("a coordinate", value, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong("a coordinate", value, "finite")
    return number


def _wrong(key: str, value: object, rule: str) -> AnnotationError:
    return AnnotationError(
        f"{key} is {str(value)[:80]!r}. It must be {rule}. Correct the file or export it again."
    )
