"""What is decided before any score is seen: files, template, alignment, kinds, resolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from offspec.align import choose_mode
from offspec.annotations import Annotation, polygon_mask
from offspec.augment import Augmentation
from offspec.backbones import Backbone, make_backbone, tile_halo
from offspec.datasets import Dataset, ImageRecord, check_leaks, read_dataset
from offspec.detectors import check_head, detector_class
from offspec.detectors.head import make_head
from offspec.errors import DatasetError, LimitError, OptionError, RegionError, ShapeError
from offspec.geometry import GraphGroup, Tile, plan_tiles
from offspec.grouping import signature
from offspec.guarantee import check_alpha
from offspec.images import (
    file_sha256,
    image_sha256,
    image_size_wh,
    read_image,
    significant_bits,
)
from offspec.kind import decide_kind
from offspec.options import Options, parse_options
from offspec.runtime.sampler import Sampler
from offspec.template import (
    AlignSettings,
    ResolutionPlan,
    Template,
    plan_resolution,
    read_template,
    whole_image_template,
)
from offspec.types import (
    DEFAULT_BACKBONE,
    DEFAULT_HEAD,
    Alignment,
    AlignMode,
    FixedKind,
    ImageArray,
    Kind,
    Mode,
    Resolution,
)

LEAST_SIDE_PX = 8  # of a region
ENLARGED_PX = 32  # a region under this is enlarged eightfold or more
SAMPLE = 24  # normals looked at to decide alignment, kind and gate limits


@dataclass(frozen=True, slots=True)
class FitConfig:
    """Settings of one fit; stored in the bundle.

    Attributes:
        detector: Name of the method.
        backbone: Name of the features.
        head: learned or none: what corrects the map of ``reference``.
        mode: image or pixel; None = pixel when the dataset has masks.
        kind: object, texture or auto, for regions that say auto.
        resolution: Likewise.
        smallest_defect: Width in original pixels; None = the template's, or 16.
        align: Alignment for templates that say auto; auto = decided from the normals.
        false_alarm_rate: Asked share of good images stopped, in (0, 1).
        seed: Of everything random.
        threads: CPU threads; None = all. Never changes a result.
        options: Of the detector, by name; what is left out has its default.
        few: Train a network on under 20 normals all the same; the threshold is provisional.
        allow_download: Fetch the weights of a backbone ``timm:NAME``.
        augmentation: Copies of normals that are learned from too; none by default.
    """

    detector: str = "reference"
    backbone: str = DEFAULT_BACKBONE
    head: str = DEFAULT_HEAD
    mode: Mode | None = None
    kind: Kind = "auto"
    resolution: Resolution = "auto"
    smallest_defect: float | None = None
    align: AlignMode | Literal["auto"] = "auto"
    false_alarm_rate: float = 0.01
    seed: int = 0
    threads: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    few: bool = False
    allow_download: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, defaults filled in, without what cannot change a result."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        del found["threads"], found["allow_download"]
        found["backbone"] = backbone_of(self).card.name  # no path of this machine
        found["augmentation"] = self.augmentation.model_dump(mode="json")
        return {**found, "options": detector_options(self).model_dump(mode="json")}


def backbone_of(config: FitConfig) -> Backbone:
    """The backbone that a fit uses; made once, then kept.

    Raises:
        OptionError: Unknown, or it would have to be downloaded.
        WeightsError: Its weights are missing or damaged.
    """
    return make_backbone(config.backbone, allow_download=config.allow_download)


def detector_options(config: FitConfig) -> Options:
    """The detector's options, checked, defaults filled in.

    Raises:
        OptionError: Unknown detector, unknown option, or a value out of range.
    """
    model = detector_class(config.detector).options_model
    return parse_options(model, config.options, f"detector '{config.detector}'")


@dataclass(frozen=True, slots=True)
class NormalImage:
    """A normal image that takes part, by file: pixels are read again when needed."""

    path: Path
    sha256: str
    signature: str
    part: str | None = None


@dataclass
class Job:
    """Everything fixed before fitting; ``notes`` collects what the engineer should know."""

    config: FitConfig
    template: Template
    reference: ImageArray
    reference_normal: NormalImage
    records: tuple[ImageRecord, ...]
    bits: int
    kinds: tuple[Literal["object", "texture"], ...]
    tiles: tuple[Tile, ...]
    groups: tuple[GraphGroup, ...]
    plans: tuple[ResolutionPlan, ...]
    fingerprint: str
    layout: str
    unlabelled: int
    notes: list[str] = field(default_factory=list)


Progress = Callable[[str, int, int], None]


def plan(
    source: Dataset | Path | str,
    template: Template | Path | str | None,
    config: FitConfig,
    tell: Progress,
) -> Job:
    """Read the dataset and decide everything that calibration must not decide."""
    _check_config(config)
    dataset = source if isinstance(source, Dataset) else read_dataset(source, seed=config.seed)
    check_leaks(dataset)
    records = dataset.normals
    if not records:
        raise DatasetError(
            f"'{dataset.root}' holds no normal image to learn from. At least one is needed. "
            "Add good images, or label some."
        )
    notes: list[str] = []
    drawn, reference_path = _template(template, dataset, config, records, notes)
    reference = read_image(reference_path)
    if drawn.size_wh != (reference.shape[1], reference.shape[0]):
        raise ShapeError(
            f"The reference has {reference.shape[1]} x {reference.shape[0]} pixels, its template "
            f"says {drawn.size_wh[0]} x {drawn.size_wh[1]}. Write the template again."
        )
    _refuse_defects(dataset, drawn)
    digest = file_sha256(reference_path)
    others = tuple(r for r in records if r.sha256 != digest and r.path != reference_path)
    sample = [read_image(r.path) for r in others[:SAMPLE]]
    tell("plan", 1, 2)
    bits = _bits(reference, others)
    drawn = _decide_alignment(drawn, reference, sample, bits, notes)
    kinds = _decide_kinds(drawn, reference, sample, bits, notes)
    plans, tiles, groups = _plan_sizes(drawn, kinds, config, notes)
    tell("plan", 2, 2)
    return Job(
        config=config,
        template=drawn,
        reference=reference,
        reference_normal=load_normal(
            reference_path,
            reference,
            reference,
            Alignment(np.eye(3)),
            bits,
            next((r.group for r in dataset.records if r.sha256 == digest), None),
        ),
        records=others,
        bits=bits,
        kinds=kinds,
        tiles=tiles,
        groups=groups,
        plans=plans,
        fingerprint=dataset.fingerprint(),
        layout=dataset.layout,
        unlabelled=dataset.unlabelled,
        notes=notes,
    )


def load_normal(
    path: Path,
    image: ImageArray,
    reference: ImageArray,
    alignment: Alignment,
    bits: int,
    part: str | None = None,
) -> NormalImage:
    """Hash an image and take its signature."""
    return NormalImage(
        path, image_sha256(image), signature(image, reference, alignment, bits), part
    )


_Sizes = tuple[tuple[ResolutionPlan, ...], tuple[Tile, ...], tuple[GraphGroup, ...]]


def _plan_sizes(
    template: Template,
    kinds: Sequence[Literal["object", "texture"]],
    config: FitConfig,
    notes: list[str],
) -> _Sizes:
    """Resolutions and crops; ``auto`` gives up ``native`` where its statistics are too large."""
    halo = _halo(config)
    _check_small(template, notes)
    plans = tuple(plan_resolution(r, template.smallest_defect_px) for r in template.regions)
    tiles, groups = plan_tiles(template, plans, kinds, halo)
    try:
        _check_sizes(groups, tiles, kinds, config)
    except LimitError as error:
        smaller = tuple(
            replace(r, resolution="accurate")
            if r.resolution == "auto" and p.resolution == "native"
            else r
            for r, p in zip(template.regions, plans, strict=True)
        )
        if smaller == template.regions:
            raise
        notes.append(f"Resolution 'accurate' was taken instead of 'native': {error}")
        plans = tuple(plan_resolution(r, template.smallest_defect_px) for r in smaller)
        tiles, groups = plan_tiles(template, plans, kinds, halo)
        _check_sizes(groups, tiles, kinds, config)
    notes += [p.message for p in plans if p.message]
    return plans, tiles, groups


def _check_small(template: Template, notes: list[str]) -> None:
    """Refuse regions with too few pixels to compare; say where enlarging gains nothing."""
    for region in template.regions:
        _, _, w, h = region.bounds_xywh
        size = f"Region '{region.id}' has {w:g} x {h:g} pixels."
        if min(w, h) < LEAST_SIDE_PX:
            raise RegionError(
                f"{size} Networks and filters compare neighbourhoods, so a region needs at least "
                f"{LEAST_SIDE_PX} pixels each way. Draw it larger, or take images with more pixels."
            )
        if min(w, h) < ENLARGED_PX:
            notes.append(
                f"{size} They are enlarged to the network's size, which adds no detail: expect to "
                "find only what a person sees at this size. Images with more pixels help."
            )


def _halo(config: FitConfig) -> int:
    """Context of a native tile, for the backbone and what a head sees beyond it."""
    card = backbone_of(config).card
    kinds: tuple[FixedKind, ...] = ("object", "texture")
    heads = (make_head(config.head, kind, config.backbone) for kind in kinds)
    more = max(0 if head is None else head.receptive_px for head in heads)
    return tile_halo(replace(card, receptive_px=card.receptive_px + more))


def _check_sizes(
    groups: Sequence[GraphGroup],
    tiles: Sequence[Tile],
    kinds: Sequence[FixedKind],
    config: FitConfig,
) -> None:
    for group in groups:
        kind = next(kinds[t.region_index] for t in tiles if t.group == group.index)
        detector = detector_class(config.detector)(
            backbone_of(config), group.net_hw, kind=kind, options=config.options
        )
        detector.check_limits(group.n_slots)


def _check_config(config: FitConfig) -> None:
    detector_options(config)
    backbone_of(config)
    if make_head(config.head, "object", config.backbone) is not None:
        check_head(config.detector)
    check_alpha(config.false_alarm_rate)
    if config.smallest_defect is not None and not config.smallest_defect >= 1:
        raise OptionError(
            f"Smallest defect {config.smallest_defect} is out of range. It is a width in original "
            "pixels, at least 1. Give another."
        )
    if config.threads is not None and config.threads < 1:
        raise OptionError(
            f"threads is {config.threads}. It is a whole number from 1 on. Leave it out to use all."
        )


def _template(
    given: Template | Path | str | None,
    dataset: Dataset,
    config: FitConfig,
    records: Sequence[ImageRecord],
    notes: list[str],
) -> tuple[Template, Path]:
    """The template with the configuration laid over it, and the reference's file."""
    if given is None:
        return _whole_image(dataset, config, records, notes)
    if isinstance(given, Template):
        template = given
        reference = _reference_in(dataset, template)
    else:
        template = read_template(given)
        reference = Path(given).parent / template.reference_file
    alignment = template.alignment
    if alignment.mode == "auto":
        alignment = replace(alignment, mode=config.align)
    regions = tuple(
        replace(
            region,
            kind=config.kind if region.kind == "auto" else region.kind,
            resolution=config.resolution if region.resolution == "auto" else region.resolution,
        )
        for region in template.regions
    )
    template = replace(
        template,
        mode=config.mode or template.mode,
        alignment=alignment,
        regions=regions,
        smallest_defect_px=config.smallest_defect or template.smallest_defect_px,
    )
    return template, reference


def _reference_in(dataset: Dataset, template: Template) -> Path:
    """The image of the dataset that is the template's reference, else one of its name."""
    same = (r.path for r in dataset.records if r.sha256 == template.reference_sha256)
    return next(same, dataset.root / template.reference_file)


def _whole_image(
    dataset: Dataset, config: FitConfig, records: Sequence[ImageRecord], notes: list[str]
) -> tuple[Template, Path]:
    first = records[0]
    sizes = {image_size_wh(record.path) for record in records}
    same = len(sizes) == 1
    if not same:
        notes.append(
            f"The normal images have {len(sizes)} sizes and no template was given: every image is "
            "resampled to the network size, nothing is aligned, and positions are not used."
        )
    template = whole_image_template(
        image_size_wh(first.path),
        reference_file=first.path.name,
        reference_sha256=first.sha256,
        mode=config.mode or ("pixel" if dataset.has_masks else "image"),
        kind=config.kind if same else "texture",
        resolution=config.resolution if same or config.resolution != "native" else "accurate",
        alignment=AlignSettings(mode=config.align if same else "none"),
        size_policy="exact" if same else "fit",
        smallest_defect_px=config.smallest_defect or 16.0,
    )
    return template, first.path


def _refuse_defects(dataset: Dataset, template: Template) -> None:
    """A training normal with a defect inside a region would make the defect normal.

    Images that the size policy brings to the reference's size bring their outlines along.
    """
    size_hw = (template.size_wh[1], template.size_wh[0])
    for record in dataset.records:
        if record.split != "train" or record.annotation is None or not record.annotation.defects:
            continue
        factor_x, factor_y = _to_reference(record, record.annotation, template)
        drawn = polygon_mask(
            [
                tuple((x * factor_x, y * factor_y) for x, y in defect.points_xy)
                for defect in record.annotation.defects
            ],
            size_hw,
        )
        for region in template.regions:
            if (drawn & region.mask(size_hw)).any():
                raise DatasetError(
                    f"Training image '{record.key}' has a defect annotated inside region "
                    f"'{region.id}'. Normal images show no defect where offspec looks. Move it to "
                    "test, or correct the annotation."
                )


def _to_reference(
    record: ImageRecord, annotation: Annotation, template: Template
) -> tuple[float, float]:
    """Reference pixels per image pixel in x and y, before any alignment."""
    if template.size_policy == "exact":
        return 1.0, 1.0
    width, height = annotation.size_wh if any(annotation.size_wh) else image_size_wh(record.path)
    return template.size_wh[0] / width, template.size_wh[1] / height


def _bits(reference: ImageArray, records: Sequence[ImageRecord]) -> int:
    if reference.dtype == np.uint8:
        return 8
    return significant_bits([reference, *(read_image(r.path) for r in records)])


def _decide_alignment(
    template: Template,
    reference: ImageArray,
    sample: Sequence[ImageArray],
    bits: int,
    notes: list[str],
) -> Template:
    if template.alignment.mode != "auto":
        return template
    if template.size_policy == "fit":
        return replace(template, alignment=replace(template.alignment, mode="none"))
    mode, reason = choose_mode(reference, sample, template.alignment, bits=bits)
    notes.append(f"Alignment '{mode}': {reason}.")
    return replace(template, alignment=replace(template.alignment, mode=mode))


def _decide_kinds(
    template: Template,
    reference: ImageArray,
    sample: Sequence[ImageArray],
    bits: int,
    notes: list[str],
) -> tuple[Literal["object", "texture"], ...]:
    """Kinds of all regions; ``auto`` is decided from aligned crops of some normals."""
    if all(region.kind != "auto" for region in template.regions):
        return tuple(_known(r.kind) for r in template.regions)
    fast = [plan_resolution(replace(r, resolution="fast")) for r in template.regions]
    tiles, groups = plan_tiles(template, fast)
    sampler = Sampler(template, tiles, groups, bits, reference)
    prepared = [
        sampler.cut(image, sampler.aligner.align(image))
        for image in [reference, *(s for s in sample if s.dtype == reference.dtype)]
    ]
    kinds: list[Literal["object", "texture"]] = []
    for index, region in enumerate(template.regions):
        if region.kind != "auto":
            kinds.append(_known(region.kind))
            continue
        tile = next(t for t in tiles if t.region_index == index)
        kind, reason = decide_kind([p.crops[tile.group][tile.slot] for p in prepared])
        kinds.append(kind)
        notes.append(f"Region '{region.id}' is taken as {kind}: {reason}.")
    return tuple(kinds)


def _known(kind: Kind) -> Literal["object", "texture"]:
    return "texture" if kind == "texture" else "object"
