"""What is inspected: the reference image, its regions, and how images are laid over it.

``template.json`` lies beside its reference image. Reading it checks every rule and that the
reference has not changed; a template that exists in memory has passed the same rules.
Coordinates are edge coordinates in reference pixels (see ``offspec.shapes``).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from offspec.errors import RegionError, TemplateError
from offspec.regions import Exclusion, Region, check_choice, check_number, is_number
from offspec.resolution import SMALLEST_DEFECT_PX, ResolutionPlan, plan_resolution, propose_split
from offspec.shapes import RectXYWH, Shape, shape_bounds
from offspec.types import AlignMode, Kind, Mode, PointsXY, Resolution, SizePolicy

__all__ = [
    "AlignSettings",
    "Exclusion",
    "Region",
    "ResolutionPlan",
    "Shape",
    "Template",
    "new_template",
    "plan_resolution",
    "propose_split",
    "read_template",
    "split_template",
    "whole_image_template",
    "write_template",
]

FORMAT_VERSION = 1
WHOLE_IMAGE_ID = "image"
MAX_REGIONS = 256

AlignChoice = Literal["auto", "none", "shift", "similarity", "homography"]
ALIGN_CHOICES: tuple[AlignChoice, ...] = ("auto", *get_args(AlignMode))


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """How an image is laid over the reference, and how far it may be away.

    Attributes:
        mode: none, shift, similarity, homography, or auto (fitting decides from the normals).
        max_shift_px: Largest displacement of the reference centre, in reference pixels; None = a
            tenth of the longer side.
        max_rotation_deg: Largest rotation either way, in degrees, up to 180.
        where_xywh: Where to look, a box in reference pixels; None = everywhere.
        refine_regions: Shift every region once more on its own.
    """

    mode: AlignChoice = "auto"
    max_shift_px: float | None = None
    max_rotation_deg: float = 10.0
    where_xywh: RectXYWH | None = None
    refine_regions: bool = False

    def __post_init__(self) -> None:
        check_choice("Alignment mode", self.mode, ALIGN_CHOICES)
        if self.max_shift_px is not None:
            check_number("Alignment max_shift_px", self.max_shift_px, 0.0, math.inf)
        check_number("Alignment max_rotation_deg", self.max_rotation_deg, 0.0, 180.0)

    def shift_limit_px(self, size_wh: tuple[int, int]) -> float:
        """The largest allowed displacement in reference pixels, default filled in."""
        return self.max_shift_px if self.max_shift_px is not None else max(size_wh) / 10.0


@dataclass(frozen=True, slots=True)
class Template:
    """A reference image, what is judged on it, and the rules for images compared with it.

    Attributes:
        reference_file: File name beside the template; no folders.
        reference_sha256: Hash of the reference file's bytes, 64 hexadecimal digits.
        size_wh: Width and height of the reference, in pixels.
        mode: image (region verdicts) or pixel (also polygons and masks).
        size_policy: exact (another size is invalid), scale (aspect within 2 %, resampled) or fit
            (texture, any size).
        smallest_defect_px: Width of the smallest defect asked for, in reference pixels.
    """

    name: str
    reference_file: str
    reference_sha256: str
    size_wh: tuple[int, int]
    regions: tuple[Region, ...]
    mode: Mode = "image"
    alignment: AlignSettings = AlignSettings()
    size_policy: SizePolicy = "exact"
    smallest_defect_px: float = SMALLEST_DEFECT_PX

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check every rule of a template.

        Raises:
            TemplateError: A field of the template breaks its rule.
            RegionError: A region is outside the image, empty, self-crossing or a duplicate.
        """
        if min(self.size_wh) < 1:
            raise TemplateError(
                f"Reference size {self.size_wh} is not a size. Width and height are at least 1. "
                "Write the template again with 'offspec template new'."
            )
        name = self.reference_file
        if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise TemplateError(
                f"Reference file '{name}' is not a plain file name. The reference lies beside its "
                "template. Copy it there and give its name without a folder."
            )
        if not re.fullmatch(r"[0-9a-f]{64}", self.reference_sha256):
            raise TemplateError(
                f"Reference hash '{self.reference_sha256}' is not a sha256. It is 64 lower-case "
                "hexadecimal digits. Write the template again with 'offspec template new'."
            )
        check_choice("Template mode", self.mode, get_args(Mode))
        check_choice("Size policy", self.size_policy, get_args(SizePolicy))
        check_number("smallest_defect_px", self.smallest_defect_px, 1.0, float(max(self.size_wh)))
        self._validate_where()
        self._validate_regions()

    def _validate_where(self) -> None:
        if self.alignment.where_xywh is None:
            return
        x, y, w, h = self.alignment.where_xywh
        width, height = self.size_wh
        if not (x >= 0 and y >= 0 and w >= 16 and h >= 16 and x + w <= width and y + h <= height):
            raise TemplateError(
                f"Alignment where_xywh {(x, y, w, h)} does not fit. It is a box of at least 16 x "
                f"16 pixels inside the reference of {width} x {height}. Change it or leave it out."
            )

    def _validate_regions(self) -> None:
        if not 1 <= len(self.regions) <= MAX_REGIONS:
            raise RegionError(
                f"The template has {len(self.regions)} regions. It needs 1 to {MAX_REGIONS}. "
                "Use 'offspec template new' for one region over the whole image."
            )
        seen: dict[str, str] = {}
        for region in self.regions:
            for key, what in ((region.id, "id"), (region.name, "name")):
                if seen.setdefault(key, region.id) != region.id or (
                    what == "id" and [r.id for r in self.regions].count(key) > 1
                ):
                    raise RegionError(
                        f"Region {what} '{key}' is used twice. Ids and names tell regions apart in "
                        "annotations and results. Rename one of them."
                    )
            self._validate_place(region)

    def _validate_place(self, region: Region) -> None:
        width, height = self.size_wh
        x, y, w, h = shape_bounds(region.points_xy)
        if x < 0 or y < 0 or x + w > width or y + h > height:
            raise RegionError(
                f"Region '{region.id}' reaches from ({x:g}, {y:g}) to ({x + w:g}, {y + h:g}). It "
                f"has to stay inside the reference of {width} x {height} pixels. Move its points."
            )
        left, top, box_w, box_h = region.bounds_xywh
        if not region.mask((box_h, box_w), (left, top, box_w, box_h)).any():
            raise RegionError(
                f"Region '{region.id}' holds no pixel. A region needs at least one pixel outside "
                "its exclusions. Enlarge it or remove an exclusion."
            )

    def region(self, key: str) -> Region:
        """The region with this id or name.

        Raises:
            RegionError: There is none.
        """
        for region in self.regions:
            if key in (region.id, region.name):
                return region
        known = ", ".join(r.id for r in self.regions)
        raise RegionError(f"There is no region '{key}' in the template. It has: {known}. Use one.")

    def min_defect_area_px(self, region: Region) -> float:
        """Smallest outlined area of a region in reference pixels, default filled in."""
        if region.min_defect_area_px is not None:
            return region.min_defect_area_px
        return math.pi / 4 * self.smallest_defect_px**2

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``from_dict`` gives an equal template."""
        where = self.alignment.where_xywh
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "reference": {
                "file": self.reference_file,
                "sha256": self.reference_sha256,
                "width": self.size_wh[0],
                "height": self.size_wh[1],
            },
            "mode": self.mode,
            "size_policy": self.size_policy,
            "smallest_defect_px": self.smallest_defect_px,
            "alignment": {
                "mode": self.alignment.mode,
                "max_shift_px": self.alignment.max_shift_px,
                "max_rotation_deg": self.alignment.max_rotation_deg,
                "where_xywh": None if where is None else list(where),
                "refine_regions": self.alignment.refine_regions,
            },
            "regions": [_region_to_dict(region) for region in self.regions],
        }

    @classmethod
    def from_dict(cls, data: object) -> Template:
        """Read the JSON form, strictly.

        Raises:
            TemplateError: An unknown or missing key, a wrong type, or a newer format version.
            RegionError: A region breaks its rules.
        """
        top = _Fields("template", data)
        version = top.integer("format_version")
        if version != FORMAT_VERSION:
            raise TemplateError(
                f"Template format version {version} is not readable. This release reads version "
                f"{FORMAT_VERSION}. Write the template again or update offspec."
            )
        reference = _Fields("template.reference", top.take("reference"))
        align = _Fields("template.alignment", top.take("alignment", {}))
        template = cls(
            name=top.text("name"),
            reference_file=reference.text("file"),
            reference_sha256=reference.text("sha256"),
            size_wh=(reference.integer("width"), reference.integer("height")),
            mode=top.take("mode", "image"),
            size_policy=top.take("size_policy", "exact"),
            smallest_defect_px=top.number("smallest_defect_px", SMALLEST_DEFECT_PX),
            alignment=_align_from_fields(align),
            regions=_regions_from_list(top.items("regions")),
        )
        for fields in (top, reference, align):
            fields.finish()
        return template


def _region_to_dict(region: Region) -> dict[str, Any]:
    return {
        "id": region.id,
        "name": region.name,
        "shape": region.shape,
        "points_xy": [list(p) for p in region.points_xy],
        "exclusions": [
            {"shape": e.shape, "points_xy": [list(p) for p in e.points_xy]}
            for e in region.exclusions
        ],
        "min_defect_area_px": region.min_defect_area_px,
        "kind": region.kind,
        "resolution": region.resolution,
    }


def _align_from_fields(fields: _Fields) -> AlignSettings:
    where = fields.take("where_xywh", None)
    box: RectXYWH | None = None
    if where is not None:
        if not isinstance(where, list) or len(where) != 4 or not all(map(is_number, where)):
            raise fields.error("where_xywh", where, "a list of four numbers: x, y, width, height")
        box = (float(where[0]), float(where[1]), float(where[2]), float(where[3]))
    return AlignSettings(
        mode=fields.take("mode", "auto"),
        max_shift_px=fields.optional_number("max_shift_px"),
        max_rotation_deg=fields.number("max_rotation_deg", AlignSettings().max_rotation_deg),
        where_xywh=box,
        refine_regions=fields.boolean("refine_regions", default=False),
    )


def _regions_from_list(items: list[Any]) -> tuple[Region, ...]:
    regions = []
    for index, item in enumerate(items):
        fields = _Fields(f"template.regions[{index}]", item)
        exclusions = []
        for at, entry in enumerate(fields.items("exclusions", [])):
            hole = _Fields(f"{fields.path}.exclusions[{at}]", entry)
            exclusions.append(Exclusion(hole.take("shape"), hole.points("points_xy")))
            hole.finish()
        region_id = fields.text("id")
        regions.append(
            Region(
                id=region_id,
                name=fields.text("name", region_id),
                shape=fields.take("shape"),
                points_xy=fields.points("points_xy"),
                exclusions=tuple(exclusions),
                min_defect_area_px=fields.optional_number("min_defect_area_px"),
                kind=fields.take("kind", "auto"),
                resolution=fields.take("resolution", "auto"),
            )
        )
        fields.finish()
    return tuple(regions)


_MISSING: Any = object()


class _Fields:
    """Strict access to one JSON object: each key is taken once, with its type."""

    def __init__(self, path: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise TemplateError(
                f"'{path}' is {type(data).__name__}. It has to be a JSON object. "
                "Compare with a template written by 'offspec template new'."
            )
        self.path = path
        self._left: dict[str, Any] = dict(data)

    def error(self, key: str, value: object, rule: str) -> TemplateError:
        return TemplateError(
            f"'{self.path}.{key}' is {json.dumps(value, default=str)[:80]}. It has to be {rule}. "
            "Correct the template file."
        )

    def take(self, key: str, default: Any = _MISSING) -> Any:
        if key not in self._left and default is _MISSING:
            raise TemplateError(f"'{self.path}.{key}' is missing. It is required. Add it.")
        return self._left.pop(key, default)

    def text(self, key: str, default: Any = _MISSING) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or not value:
            raise self.error(key, value, "text that is not empty")
        return value

    def integer(self, key: str) -> int:
        value = self.take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, value, "a whole number")
        return value

    def number(self, key: str, default: Any = _MISSING) -> float:
        value = self.take(key, default)
        if not is_number(value):
            raise self.error(key, value, "a finite number")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        value = self.take(key, None)
        if value is not None and not is_number(value):
            raise self.error(key, value, "a finite number or null")
        return None if value is None else float(value)

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.error(key, value, "true or false")
        return value

    def items(self, key: str, default: Any = _MISSING) -> list[Any]:
        value = self.take(key, default)
        if not isinstance(value, list):
            raise self.error(key, value, "a list")
        return value

    def points(self, key: str) -> PointsXY:
        value = self.items(key)
        for point in value:
            if not isinstance(point, list) or len(point) != 2 or not all(map(is_number, point)):
                raise self.error(key, point, "a list of [x, y] pairs of finite numbers")
        return tuple((float(x), float(y)) for x, y in value)

    def finish(self) -> None:
        if self._left:
            names = ", ".join(f"'{name}'" for name in sorted(self._left))
            raise TemplateError(
                f"'{self.path}' has unknown keys: {names}. A misspelt option would be ignored "
                "silently, so none is allowed. Remove or correct them."
            )


def read_template(path: Path | str) -> Template:
    """Read ``template.json`` and check that its reference lies beside it, unchanged.

    Raises:
        TemplateError: The file is missing, not JSON, breaks a rule, or the reference is missing
            or has another sha256 than when the template was drawn.
    """
    path = Path(path)
    try:
        template = Template.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TemplateError(
            f"Template '{path}' cannot be read ({error.strerror}). It has to be a readable file. "
            "Check the path, or write one with 'offspec template new'."
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise TemplateError(
            f"Template '{path}' is not JSON ({error}). It has to be a UTF-8 JSON file. Correct it "
            "or write it again with 'offspec template new'."
        ) from error
    reference = path.parent / template.reference_file
    if not reference.is_file():
        raise TemplateError(
            f"Reference '{reference}' is missing. It has to lie beside '{path.name}'. "
            "Copy it there, or write the template again with 'offspec template new'."
        )
    found = _file_sha256(reference)
    if found != template.reference_sha256:
        raise TemplateError(
            f"Reference '{reference}' has changed: sha256 {found[:12]}..., the template was drawn "
            f"on {template.reference_sha256[:12]}.... Regions are only valid on the image they "
            "were drawn on. Restore the file, or write the template again."
        )
    return template


def write_template(path: Path | str, template: Template) -> None:
    """Write ``template.json``, whole or not at all.

    Raises:
        WriteError: The disk is full or the folder may not be written.
    """
    from offspec.images import atomic_write  # noqa: PLC0415 (keeps the decoder out of readers)

    text = json.dumps(template.to_dict(), indent=2, ensure_ascii=False) + "\n"
    atomic_write(Path(path), text.encode("utf-8"))


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole_image_template(
    size_wh: tuple[int, int],
    *,
    name: str = "whole image",
    reference_file: str = "reference.png",
    reference_sha256: str = "0" * 64,
    mode: Mode = "image",
    kind: Kind = "auto",
    resolution: Resolution = "auto",
    alignment: AlignSettings = AlignSettings(),
    size_policy: SizePolicy = "exact",
    smallest_defect_px: float = SMALLEST_DEFECT_PX,
) -> Template:
    """A template with one region over the whole reference, for when none was drawn."""
    width, height = size_wh
    region = Region(
        id=WHOLE_IMAGE_ID,
        name="Whole image",
        shape="rectangle",
        points_xy=((0.0, 0.0), (float(width), float(height))),
        kind=kind,
        resolution=resolution,
    )
    return Template(
        name=name,
        reference_file=reference_file,
        reference_sha256=reference_sha256,
        size_wh=size_wh,
        regions=(region,),
        mode=mode,
        alignment=alignment,
        size_policy=size_policy,
        smallest_defect_px=min(smallest_defect_px, float(max(size_wh))),
    )


def new_template(
    reference: Path | str,
    *,
    name: str | None = None,
    regions: Sequence[Region] = (),
    mode: Mode = "image",
    alignment: AlignSettings = AlignSettings(),
    size_policy: SizePolicy = "exact",
    smallest_defect_px: float = SMALLEST_DEFECT_PX,
) -> Template:
    """A template for a reference image file; without regions, one over the whole image.

    Raises:
        ImageDecodeError: The reference is not a readable image.
        TemplateError: A setting or region breaks its rule.
    """
    from offspec.images import read_image  # noqa: PLC0415 (keeps the decoder out of readers)

    path = Path(reference)
    height, width = read_image(path).shape[:2]
    template = whole_image_template(
        (width, height),
        name=name or path.stem,
        reference_file=path.name,
        reference_sha256=_file_sha256(path),
        mode=mode,
        alignment=alignment,
        size_policy=size_policy,
        smallest_defect_px=smallest_defect_px,
    )
    return replace(template, regions=tuple(regions)) if regions else template


def split_template(template: Template, region_id: str | None = None) -> Template:
    """Replace regions that the network would shrink too far by smaller ones.

    Args:
        template: The template to change a copy of.
        region_id: Only this region; by default every region that has a proposal.

    Returns:
        A template in which each split region is followed by parts of it, ``id-1``, ``id-2``...;
        the same template when nothing needs a split.
    """
    chosen = None if region_id is None else template.region(region_id).id
    regions: list[Region] = []
    for region in template.regions:
        if chosen in (None, region.id):
            regions.extend(propose_split(region, template.smallest_defect_px))
        else:
            regions.append(region)
    return replace(template, regions=tuple(regions))
