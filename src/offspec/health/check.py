"""``check``: look at a dataset before anything is learned from it, and say what to do about it.

Nothing is dropped: a check proposes, and ``fit`` leaves out what its ``exclude`` names. Levels of a
finding: ``must`` (look before you fit), ``look`` (worth a look) and ``note``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from offspec.contamination import FLAG_FROM, LEAST_IMAGES, SURE_FROM, Oddness, flagged, oddness
from offspec.contamination import robust_z as _robust_z
from offspec.datasets import Dataset, exclude_images, read_dataset
from offspec.errors import DatasetError
from offspec.geometry import transform_points
from offspec.health.confounds import Circumstance, Confound, find_confounds
from offspec.health.coverage import Coverage, coverage_of
from offspec.health.distances import distances, judges_of, whitened
from offspec.health.duplicates import Duplicates, exact_duplicates, near_duplicates
from offspec.health.faults import (
    LabelFault,
    OtherSizes,
    Outlier,
    coarse_regions,
    label_faults,
    other_sizes,
    outliers,
    size_groups,
    unknown_regions,
)
from offspec.health.look import Glance, Looked, Unreadable, glance_all, look_at_normals
from offspec.health.variants import Variant, find_variants
from offspec.health.words import findings
from offspec.runtime.onnxruntime import available_threads
from offspec.template import Template, read_template

MOST_COMPARED = 2000
BAD_REFERENCE = (
    "It is the reference of the template and filed as bad: what is wrong on it is taken for normal."
)
Progress = Callable[[str, int, int], None]
Level = Literal["must", "look", "note"]


@dataclass(frozen=True)
class Suspect:
    """One normal and how odd it is.

    Attributes:
        z: Robust deviations of ln score from the median of the normals.
        place_xy: Its most unusual place, in pixels of the image.
        region: Where that lies.
    """

    key: str
    z: float
    score: float
    region: str
    place_xy: tuple[float, float]
    flagged: bool

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "image": self.key,
            "z": round(self.z, 3),
            "score": round(self.score, 6),
            "region": self.region,
            "place_xy": [round(v, 1) for v in self.place_xy],
            "flagged": self.flagged,
        }


@dataclass
class HealthReport:
    """Everything the check found; paths are relative to the dataset.

    Attributes:
        suspects: Every normal that could be compared, the oddest first.
        coverage: By region id; None where there are too few normals.
        bounds: Region id to x, y, width and height in pixels of the reference.
        reference: Path of the reference, where it is one of the dataset's images.
        time_source: exif or name, where times are known.
        variants: One = nothing tells looks apart.
        variant_keys: Images of each variant.
    """

    dataset: dict[str, Any]
    unreadable: list[Unreadable] = field(default_factory=list)
    duplicates: list[Duplicates] = field(default_factory=list)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    other_sizes: OtherSizes | None = None
    outliers: list[Outlier] = field(default_factory=list)
    misaligned: list[dict[str, str]] = field(default_factory=list)
    labels: list[LabelFault] = field(default_factory=list)
    regions: list[dict[str, str]] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    coverage: dict[str, Coverage | None] = field(default_factory=dict)
    bounds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    reference: str | None = None
    confounds: list[Confound] = field(default_factory=list)
    circumstances: list[str] = field(default_factory=list)
    time_source: str | None = None
    variants: list[Variant] = field(default_factory=list)
    variant_keys: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def flagged(self) -> list[str]:
        """Normals proposed to be left out, the oddest first."""
        return [one.key for one in self.suspects if one.flagged]

    @property
    def must_look(self) -> bool:
        """Whether something has to be looked at before a fit."""
        return any(one["level"] == "must" for one in self.to_dict()["findings"])

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``findings`` says it in words."""
        payload: dict[str, Any] = {
            "dataset": self.dataset,
            "unreadable": [{"image": u.record.key, "message": u.message} for u in self.unreadable],
            "duplicates": [
                {"images": list(d.keys), "kind": d.kind, "leak": d.leak,
                 "contradiction": d.contradiction}
                for d in self.duplicates
            ],
            "sizes": self.sizes,
            "other_sizes": None if self.other_sizes is None else self.other_sizes.to_dict(),
            "outliers": [one.to_dict() for one in self.outliers],
            "misaligned": self.misaligned,
            "labels": [one.to_dict() for one in self.labels],
            "regions": self.regions,
            "contamination": {
                "flagged": self.flagged,
                "flag_from": FLAG_FROM,
                "sure_from": SURE_FROM,
                "judged": len(self.suspects),
                "least": LEAST_IMAGES,
                "reference": self.reference,
                "images": [one.to_dict() for one in self.suspects],
            },
            "coverage": _coverage(self.coverage, self.bounds),
            "confounds": [
                {"what": c.name, "separation": round(c.separation, 4), "p_value": c.p_value,
                 "good": c.good, "bad": c.bad}
                for c in self.confounds
            ],
            "circumstances": self.circumstances,
            "time_source": self.time_source,
            "variants": [
                {"images": keys, "by": v.by,
                 "silhouette": None if v.silhouette is None else round(v.silhouette, 3)}
                for v, keys in zip(self.variants, self.variant_keys, strict=True)
            ],
            "notes": self.notes,
        }  # fmt: skip
        found = findings(payload)
        return {"must_look": any(f["level"] == "must" for f in found), "findings": found, **payload}


def _coverage(
    found: dict[str, Coverage | None], bounds: dict[str, tuple[float, ...]]
) -> dict[str, Any]:
    """The worst region counts; every region stands below."""
    rows: list[dict[str, Any]] = []
    for region, one in found.items():
        row: dict[str, Any] = {"id": region, "bounds_xywh": list(bounds[region])}
        if one is None:
            rows.append({**row, "curve": [], "more": None, "gain": None, "map": None})
            continue
        curve = [
            {"normals": size, "tail": tail, "low": low, "high": high}
            for size, tail, low, high in zip(one.sizes, one.tail, one.low, one.high, strict=True)
        ]
        fall = [[round(float(v), 3) for v in row] for row in one.fall]
        rows.append({**row, "curve": curve, "more": one.more, "gain": one.gain, "map": fall})
    known = [one for one in found.values() if one is not None and one.gain is not None]
    gains = [one.gain for one in known if one.gain is not None]
    needed = [one.more for one in known if one.more is not None]
    more = max(needed) if known and len(needed) == len(known) else None
    return {"more": more, "gain": max(gains, default=None), "regions": rows}


def check(
    dataset: Dataset | Path | str,
    *,
    template: Template | Path | str | None = None,
    exclude: Sequence[str] = (),
    smallest_defect: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> HealthReport:
    """Check a dataset.

    Args:
        dataset: A folder in any layout of ``read_dataset``, or a dataset.
        template: Where to look; None = the whole image.
        exclude: Keys of images to leave out, as a fit would.
        smallest_defect: Width in original pixels; None = the template's.
        seed: Of everything drawn at random.
        threads: CPU threads; None = all.
        progress: Called with a step's name, what is done of it, and its total.

    Raises:
        DatasetError: No normal image is left, or none can be read.
        OptionError: ``exclude`` names an image that is not there.

    Example:
        >>> report = check("dataset")
        >>> report.flagged
        ['train/good/017.png']
    """
    tell = progress or _silent
    data = (
        dataset if isinstance(dataset, Dataset) else read_dataset(dataset, seed=seed, lenient=True)
    )
    data = exclude_images(data, exclude)
    count = available_threads() if threads is None else threads
    glances, unreadable = glance_all(data.records, count, tell)
    report = HealthReport(_describe(data, len(exclude)), unreadable=unreadable)
    readable = {one.record.key for one in glances}
    usable = replace(data, records=tuple(r for r in data.records if r.key in readable))
    if not usable.normals:
        raise DatasetError(
            f"None of the {len(data.normals)} normal images of '{data.root}' can be read. "
            f"The first: {unreadable[0].message if unreadable else ''} Replace the files."
        )
    drawn = read_template(template) if isinstance(template, Path | str) else template
    _without_comparing(report, glances, drawn, seed)
    report.labels += [LabelFault((key,), message) for key, message in data.faults]
    alone = _affordable(_one_of_each(usable, report.duplicates), report, seed)
    looked = look_at_normals(
        alone, template, smallest_defect=smallest_defect, threads=count, tell=tell
    )
    _by_comparing(report, looked, {g.record.key: g for g in glances}, seed)
    return report


def _silent(step: str, done: int, total: int) -> None:
    """Progress for nobody."""


def _describe(data: Dataset, excluded: int) -> dict[str, Any]:
    return {
        "name": data.root.resolve().name,
        "layout": data.layout,
        "images": len(data),
        "normals": len(data.normals),
        "test_good": sum(r.label == "ok" for r in data.test),
        "test_bad": sum(r.label == "ng" for r in data.test),
        "unlabelled": data.unlabelled,
        "excluded": excluded,
        "fingerprint": data.fingerprint(),
    }


def _without_comparing(
    report: HealthReport, glances: Sequence[Glance], template: Template | None, seed: int
) -> None:
    """What single images and labels tell."""
    report.duplicates = exact_duplicates(glances)
    report.sizes = size_groups(glances)
    report.outliers = outliers(glances)
    report.labels = label_faults(glances)
    if template is not None:
        report.labels += unknown_regions(glances, template)
    labelled = [g for g in glances if g.record.label is not None]
    circumstances = circumstances_of(labelled)
    report.circumstances = [c.name for c in circumstances]
    if "time" in report.circumstances:
        by_name = any(g.capture.source == "name" for g in labelled)
        report.time_source = "name" if by_name else "exif"
    report.confounds = find_confounds(
        circumstances, [g.record.label == "ng" for g in labelled], seed
    )


def circumstances_of(glances: Sequence[Glance]) -> list[Circumstance]:
    """What is known of every image and should not depend on its label."""
    found = [
        Circumstance("brightness", [g.brightness for g in glances]),
        Circumstance("sharpness", [g.sharpness for g in glances]),
        Circumstance("warmth", [g.warmth for g in glances]),
        Circumstance("size", [f"{g.size_wh[0]} x {g.size_wh[1]}" for g in glances]),
    ]
    times = [g.capture.time_s for g in glances]
    if glances and all(time is not None for time in times):
        found.append(Circumstance("time", [float(time) for time in times if time is not None]))
    cameras = [g.capture.camera for g in glances]
    if glances and all(camera is not None for camera in cameras):
        found.append(Circumstance("camera", [str(camera) for camera in cameras]))
    return found


def _one_of_each(data: Dataset, duplicates: Sequence[Duplicates]) -> Dataset:
    """The normals, equal pictures once: they would excuse each other. Labels are checked apart."""
    normals = {r.key for r in data.normals}
    own = ([key for key in one.keys if key in normals] for one in duplicates)
    extra = {key for keys in own for key in keys[1:]}
    kept = (r for r in data.normals if r.key not in extra)
    return replace(data, records=tuple(replace(r, annotation=None) for r in kept))


def _affordable(normals: Dataset, report: HealthReport, seed: int) -> Dataset:
    """At most ``MOST_COMPARED`` normals, drawn at random and said to be."""
    count = len(normals)
    if count <= MOST_COMPARED:
        return normals
    report.notes.append(
        f"{count} normals are many: a random {MOST_COMPARED} were compared with each other, all "
        "were looked at by themselves."
    )
    chosen = np.random.default_rng(seed).choice(count, MOST_COMPARED, replace=False)
    kept = {0, *chosen[1:].tolist()}  # the first is the reference
    return replace(normals, records=tuple(r for i, r in enumerate(normals.records) if i in kept))


def _by_comparing(
    report: HealthReport, looked: Looked, glances: dict[str, Glance], seed: int
) -> None:
    """What the normals tell beside each other."""
    report.notes += looked.job.notes
    template = looked.job.template
    report.bounds = {region.id: region.bounds_xywh for region in template.regions}
    same = (k for k, g in glances.items() if g.record.sha256 == template.reference_sha256)
    report.reference = next(same, None)
    if report.reference is not None and glances[report.reference].record.label == "ng":
        report.labels.append(LabelFault((report.reference,), BAD_REFERENCE))
    report.regions = coarse_regions(template)
    report.other_sizes = other_sizes(list(glances.values()), template)
    report.misaligned = [
        {"image": record.key, "code": failure.code, "message": failure.message}
        for record, failure in looked.failures
    ]
    if not looked.records:
        raise DatasetError(
            f"None of the normal images can be laid over the reference: "
            f"{looked.failures[0][1].message} Choose another reference, or loosen the template."
        )
    report.duplicates += near_duplicates(looked.records, looked.signatures, report.duplicates)
    own = [glances[record.key] for record in looked.records]
    report.variants = find_variants(
        looked.structure, looked.job.kinds, np.stack([g.chroma for g in own]), seed
    )
    keys = [record.key for record in looked.records]
    report.variant_keys = [[keys[i] for i in v.members] for v in report.variants]
    _compare_regions(report, looked, seed)


def _compare_regions(report: HealthReport, looked: Looked, seed: int) -> None:
    """Odd normals and coverage, variant by variant: another product is not an odd part."""
    kinds, regions = looked.job.kinds, looked.job.template.regions
    found: list[Suspect] = []
    for number, variant in enumerate(report.variants):
        members = variant.members
        bank = judges_of(len(members), seed)
        odd: list[Oddness] = []
        for index, (features, kind) in enumerate(zip(looked.features, kinds, strict=True)):
            own = features[members]
            grid = (own.shape[2], own.shape[3])
            if len(members) < 3:
                continue
            distance = distances(whitened(own, kind), grid, kind, bank, seed)
            odd.append(oddness(distance, bank, by_place=kind == "object"))
            if number == 0:  # the largest
                region_id = regions[index].id
                report.coverage[region_id] = coverage_of(distance, bank, grid, seed)
        if odd:
            found += _suspects(looked, members, odd)
    report.suspects = sorted(found, key=lambda s: (-s.z, s.key))


def _suspects(looked: Looked, members: np.ndarray, odd: Sequence[Oddness]) -> list[Suspect]:
    """Every member with the worst of its regions."""
    z = np.stack([one.z for one in odd])
    worst = z.argmax(axis=0)
    total = z.max(axis=0)
    if len(odd) > 1:  # the largest of several deviations is larger by chance alone
        total = _robust_z(np.exp(total))
    marks = flagged(total)
    found = []
    for row, i in enumerate(members):
        region = int(worst[row])
        place = int(odd[region].place[row])
        found.append(
            Suspect(
                looked.records[i].key,
                float(total[row]),
                float(odd[region].score[row]),
                looked.job.template.regions[region].id,
                _place_xy(looked, int(i), region, place),
                bool(marks[row]),
            )
        )
    return found


def _place_xy(looked: Looked, image: int, region: int, place: int) -> tuple[float, float]:
    """The middle of a cell, in pixels of the image."""
    rows, columns = looked.features[region].shape[2:]
    row, column = divmod(place, columns)
    x, y, w, h = looked.job.template.regions[region].bounds_xywh
    point = np.array([[x + (column + 0.5) / columns * w, y + (row + 0.5) / rows * h]])
    found = transform_points(looked.alignments[image].matrix, point)[0]
    return float(found[0]), float(found[1])
