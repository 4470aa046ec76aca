"""Annotation files: LabelMe JSON beside each image, with verdicts per region.

``board_07.png`` has its annotation in ``board_07.json``. LabelMe opens it; we open LabelMe's
and DaoAI World's (LabelMe without ``version``, ``imagePath`` and ``imageData``).

How an image is labelled:

* Verdicts are flags. ``"OK": true`` or ``"NG": true`` judges the whole image,
  ``"<region>:OK": true`` a region. A shape that carries an OK or NG flag itself is the
  outline of a region with that verdict. Either place is enough; we write both when the
  outline is known. Two places that disagree are an error.
* Every other shape outlines a defect. Coordinates are edge coordinates: the top-left pixel
  covers 0 to 1. A pixel belongs to a defect when its centre does.
* ``flags.defect_free`` says that somebody looked and found nothing.
* ``split`` (``train`` or ``test``) and ``part_id`` (photographs of one part share it) sit at
  the top level, where LabelMe keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any, cast, get_args

from offspec.errors import AnnotationError
from offspec.images import atomic_write
from offspec.json_files import json_bytes, read_json
from offspec.labelme_shapes import MAX_COORDINATE, MAX_POINTS, outlines_of
from offspec.masks import mask_polygons, polygon_mask
from offspec.types import BoolArray, Label, PointsXY, Split

__all__ = [
    "WHOLE_IMAGE",
    "Annotation",
    "DefectShape",
    "from_labelme",
    "mask_polygons",
    "polygon_mask",
    "read_annotation",
    "sidecar_path",
    "to_labelme",
    "write_annotation",
]

MAX_SHAPES = 10_000
"""Shapes in one annotation file."""

LABELME_VERSION = "5.4.1"
WHOLE_IMAGE = ""
"""Key of the verdict on the whole image."""


@dataclass(frozen=True, slots=True)
class DefectShape:
    """One outlined defect, or the outline of a judged region.

    Attributes:
        label: Defect type ("scratch"), or the region's name.
        points_xy: At least three corners in original image pixels, edge coordinates as in
            LabelMe: (0, 0) is the outer corner of the top-left pixel.
        region_id: Region the shape belongs to, or None.
    """

    label: str
    points_xy: PointsXY
    region_id: str | None = None

    def __post_init__(self) -> None:
        if not 3 <= len(self.points_xy) <= MAX_POINTS:
            raise AnnotationError(
                f"Shape '{self.label}' has {len(self.points_xy)} points. An outline has 3 to "
                f"{MAX_POINTS}. Draw it again with fewer or more corners."
            )
        for x, y in self.points_xy:
            if not (abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE):  # also catches NaN
                raise AnnotationError(
                    f"Shape '{self.label}' has the point ({x}, {y}). Coordinates are finite "
                    f"pixels up to {MAX_COORDINATE:.0f}. Draw the shape again."
                )


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a person said of one image.

    Attributes:
        image_name: File name of the image, without folder.
        size_wh: Width and height in original image pixels; (0, 0) when the file does not say.
        verdicts: Region id or name -> ok or ng; the key "" judges the whole image.
        defects: Outlined defects, in original image pixels.
        defect_free: Somebody looked and found nothing.
        split: Side of the dataset the image belongs to, or None to let the reader decide.
        part_id: Photographs of one part share this.
        regions: Known outlines of judged regions, so that LabelMe shows them.
    """

    image_name: str
    size_wh: tuple[int, int] = (0, 0)
    verdicts: Mapping[str, Label] = field(default_factory=dict)
    defects: tuple[DefectShape, ...] = ()
    defect_free: bool = False
    split: Split | None = None
    part_id: str | None = None
    regions: tuple[DefectShape, ...] = ()

    def __post_init__(self) -> None:
        has_ng = "ng" in self.verdicts.values()
        if self.defect_free and (self.defects or has_ng):
            what = f"{len(self.defects)} outlined defects" if self.defects else "an NG verdict"
            raise AnnotationError(
                f"The annotation of '{self.image_name}' is marked defect_free and has {what}. "
                "Only one of them can be true. Remove the flag or the defects."
            )
        if self.verdicts.get(WHOLE_IMAGE) == "ok" and (self.defects or has_ng):
            raise AnnotationError(
                f"The annotation of '{self.image_name}' says OK for the whole image and has a "
                "defect or an NG region. Only one of them can be true. Correct the verdict."
            )

    @property
    def label(self) -> Label | None:
        """``ng`` with any defect or NG verdict; ``ok`` when judged without; None = unlabelled."""
        if self.defects or "ng" in self.verdicts.values():
            return "ng"
        return "ok" if self.defect_free or self.verdicts else None

    def content_sha256(self) -> str:
        """Hash of what the annotation says, whatever the spacing or program of its file."""
        return hashlib.sha256(json_bytes(to_labelme(self))).hexdigest()

    def defect_mask(self, size_hw: tuple[int, int]) -> BoolArray:
        """(H, W) bool in original image pixels, True on outlined defects.

        Raises:
            AnnotationError: The annotation was made for an image of another size.
        """
        height, width = size_hw
        if self.size_wh not in {(0, 0), (width, height)}:
            raise AnnotationError(
                f"The annotation of '{self.image_name}' was made for "
                f"{self.size_wh[0]} x {self.size_wh[1]} pixels and the image has "
                f"{width} x {height}. Both must agree, or outlines land elsewhere. "
                "Annotate the image again or restore the original."
            )
        return polygon_mask([d.points_xy for d in self.defects], size_hw)


def sidecar_path(image_path: Path) -> Path:
    """Where the annotation of an image lies: same folder, same stem, ``.json``."""
    return image_path.with_suffix(".json")


def read_annotation(path: Path | str) -> Annotation:
    """Read a LabelMe, DaoAI World or offspec annotation file.

    Raises:
        AnnotationError: Not JSON, not an annotation, contradictory, or beyond the limits on
            points, shapes and size.
    """
    data = read_json(path)
    try:
        annotation = from_labelme(data)
    except AnnotationError as error:
        raise AnnotationError(f"'{path}': {error}") from error
    if annotation.image_name:
        return annotation
    return replace(annotation, image_name=Path(path).stem)


def write_annotation(path: Path | str, annotation: Annotation) -> None:
    """Write an annotation file, whole or not at all.

    Raises:
        WriteError: The operating system refused.
    """
    atomic_write(path, json_bytes(to_labelme(annotation)))


def to_labelme(annotation: Annotation) -> dict[str, Any]:
    """The JSON form, which LabelMe opens."""
    flags = {"defect_free": annotation.defect_free}
    for name, verdict in annotation.verdicts.items():
        prefix = f"{name}:" if name else ""
        flags |= {f"{prefix}OK": verdict == "ok", f"{prefix}NG": verdict == "ng"}
    shapes = [_shape_dict(s, _verdict_of(s, annotation.verdicts)) for s in annotation.regions]
    shapes += [_shape_dict(s, None) for s in annotation.defects]
    width, height = annotation.size_wh
    data: dict[str, Any] = {
        "version": LABELME_VERSION,
        "flags": flags,
        "shapes": shapes,
        "imagePath": annotation.image_name,
        "imageData": None,
        "imageHeight": height or None,
        "imageWidth": width or None,
    }
    if annotation.split is not None:
        data["split"] = annotation.split
    if annotation.part_id is not None:
        data["part_id"] = annotation.part_id
    return data


def _verdict_of(region: DefectShape, verdicts: Mapping[str, Label]) -> Label:
    """An outline without a verdict would be read back as a defect, so it is refused."""
    verdict = verdicts.get(region.region_id or region.label, verdicts.get(region.label))
    if verdict is None:
        raise AnnotationError(
            f"Region '{region.region_id or region.label}' is outlined and has no verdict. An "
            "outlined region needs OK or NG. Add the verdict or leave the outline out."
        )
    return verdict


def _shape_dict(shape: DefectShape, verdict: Label | None) -> dict[str, Any]:
    flags = {} if verdict is None else {"OK": verdict == "ok", "NG": verdict == "ng"}
    result: dict[str, Any] = {
        "label": shape.label,
        "points": [[x, y] for x, y in shape.points_xy],
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": flags,
    }
    if shape.region_id is not None:
        result["region_id"] = shape.region_id
    return result


def from_labelme(data: Mapping[str, Any]) -> Annotation:
    """Build an annotation from parsed JSON; keys we do not know are ignored, as LabelMe does.

    Raises:
        AnnotationError: Wrong types, contradictions, or beyond the limits.
    """
    if not isinstance(data, Mapping) or not ({"flags", "shapes"} & data.keys()):
        raise AnnotationError(
            "This JSON is not an annotation. It must be an object with 'flags' or 'shapes'. "
            "Save it again from LabelMe or move it away from the image."
        )
    image_name = PureWindowsPath(_text(data, "imagePath") or "").name  # knows / and \
    size_wh = (_length(data, "imageWidth"), _length(data, "imageHeight"))
    if 0 in size_wh and size_wh != (0, 0):
        raise _wrong("imageWidth and imageHeight", list(size_wh), "both given or both absent")
    flags = _flags(data)
    verdicts = dict(_flag_verdicts(flags))
    regions: list[DefectShape] = []
    defects: list[DefectShape] = []
    for shape in _shape_list(data):
        label, region_id = _text(shape, "label") or "", _text(shape, "region_id")
        outlines = [DefectShape(label, p, region_id) for p in outlines_of(shape)]
        verdict = dict(_flag_verdicts(_flags(shape))).get(WHOLE_IMAGE)
        if verdict is None:
            defects += outlines
        else:
            regions += outlines
            _merge_verdict(verdicts, region_id or label, verdict)
    _check_inside(defects, size_wh)
    return Annotation(
        image_name=image_name,
        size_wh=size_wh,
        verdicts=verdicts,
        defects=tuple(defects),
        defect_free=flags.get("defect_free", False),
        split=_split(data),
        part_id=_text(data, "part_id"),
        regions=tuple(regions),
    )


def _shape_list(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    shapes = data.get("shapes") or []
    if not isinstance(shapes, list) or not all(isinstance(s, Mapping) for s in shapes):
        raise _wrong("shapes", type(shapes).__name__, "a list of objects")
    if len(shapes) > MAX_SHAPES:
        raise _wrong("shapes", len(shapes), f"at most {MAX_SHAPES} shapes")
    return cast("list[Mapping[str, Any]]", shapes)


def _flag_verdicts(flags: Mapping[str, bool]) -> Iterable[tuple[str, Label]]:
    """(region or "", verdict) of every true flag named OK, NG, <region>:OK or <region>:NG."""
    seen: dict[str, Label] = {}
    for name, value in flags.items():
        region, _, word = name.rpartition(":")
        if value and word.upper() in {"OK", "NG"}:
            _merge_verdict(seen, region, cast("Label", word.lower()))
    return seen.items()


def _merge_verdict(verdicts: dict[str, Label], region: str, verdict: Label) -> None:
    if verdicts.setdefault(region, verdict) != verdict:
        where = f"region '{region}'" if region else "the whole image"
        raise AnnotationError(
            f"The annotation says both OK and NG of {where}. Flags of the image and of its "
            "shapes must agree. Keep one verdict."
        )


def _check_inside(defects: Sequence[DefectShape], size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    if width == 0:
        return
    for defect in defects:
        xs, ys = zip(*defect.points_xy, strict=True)
        if max(xs) < 0 or max(ys) < 0 or min(xs) > width or min(ys) > height:
            raise AnnotationError(
                f"Defect '{defect.label}' lies outside the image of {width} x {height} pixels "
                f"(x {min(xs):.1f} to {max(xs):.1f}, y {min(ys):.1f} to {max(ys):.1f}). "
                "A defect touches the image. Draw it again."
            )


def _flags(data: Mapping[str, Any]) -> dict[str, bool]:
    flags = data.get("flags") or {}
    if not isinstance(flags, Mapping) or not all(isinstance(v, bool) for v in flags.values()):
        raise _wrong("flags", flags, "an object of true and false")
    return dict(flags)


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(key, value, "text")
    return value


def _length(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_COORDINATE:
        raise _wrong(key, value, f"a whole number from 1 to {MAX_COORDINATE:.0f}")
    return value


def _split(data: Mapping[str, Any]) -> Split | None:
    value = _text(data, "split")
    if value is not None and value not in get_args(Split):
        raise _wrong("split", value, " or ".join(get_args(Split)))
    return cast("Split | None", value)


def _wrong(key: str, value: object, rule: str) -> AnnotationError:
    return AnnotationError(
        f"'{key}' is {str(value)[:80]!r}. It must be {rule}. Correct the file or save it again."
    )
