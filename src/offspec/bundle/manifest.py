"""What a bundle says about itself: everything around the graphs, as strict JSON.

``SPEC.md`` is the specification; this file is its one implementation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from offspec.calibration import Calibration, PixelThreshold
from offspec.errors import BundleError, BundleVersionError, InputError
from offspec.gate import GateLimits
from offspec.geometry import MAX_TILES, TILE_CORE, TILE_HALO, GraphGroup, Tile
from offspec.template import Template

FORMAT = "offspec-bundle"
FORMAT_VERSION = 1
MAX_GROUPS = 64
MAX_NET_SIDE = 4096
MAX_DEPTH = 24
BITS = (8, 10, 12, 14, 16)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEYS = {
    "format",
    "format_version",
    "offspec_version",
    "template",
    "detector",
    "bits",
    "tiles",
    "groups",
    "score_k",
    "calibration",
    "pixel_thresholds",
    "gate_limits",
    "learned_sha256",
    "learned_phash",
    "dataset",
    "seed",
    "libraries",
    "drift",
    "history",
    "notes",
    "members",
}
_T = TypeVar("_T")


@dataclass(frozen=True)
class Manifest:
    """Everything about a model except its graphs and its reference image.

    Attributes:
        offspec_version: Release that wrote it.
        template: With alignment mode decided, never ``auto``.
        detector: Name, backbone and configuration, as JSON.
        bits: Significant bits of 16-bit images; 8 for 8-bit ones.
        tiles: Network crops of all regions, in region order.
        groups: Graphs; ``groups[i]`` belongs to ``graph{i}.onnx``.
        score_k: Region id to the number of largest map values that are averaged.
        calibration: From raw scores to verdicts.
        pixel_thresholds: Region id to its drawing threshold, raw map units and network pixels.
        gate_limits: What an image may measure before it is invalid.
        learned_sha256: Pixel hashes (``images.image_sha256``) of every image the model learned
            from or was calibrated on.
        learned_phash: Perceptual hashes of the same images, same order, if taken.
        dataset: Fingerprint and counts of the dataset.
        seed: Of everything random in fitting.
        libraries: Name to version.
        drift: Reference histograms of scores and image statistics.
        history: Changes since fitting, oldest first: overrides and recalibrations.
        notes: Sentences for the engineer, such as warnings from fitting.
    """

    offspec_version: str
    template: Template
    detector: Mapping[str, Any]
    bits: int
    tiles: tuple[Tile, ...]
    groups: tuple[GraphGroup, ...]
    score_k: Mapping[str, int]
    calibration: Calibration
    pixel_thresholds: Mapping[str, PixelThreshold]
    gate_limits: GateLimits = field(default_factory=GateLimits)
    learned_sha256: tuple[str, ...] = ()
    learned_phash: tuple[str, ...] = ()
    dataset: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    libraries: Mapping[str, str] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise _broken("bits", self.bits, f"one of {BITS}")
        if self.template.alignment.mode == "auto":
            raise _broken("template.alignment.mode", "auto", "decided by fitting")
        check_layout(self.template, self.tiles, self.groups)
        ids = [region.id for region in self.template.regions]
        for name, mapping in (
            ("score_k", self.score_k),
            ("calibration.scales", self.calibration.scales),
            ("pixel_thresholds", self.pixel_thresholds),
        ):
            if sorted(mapping) != sorted(ids):
                raise _broken(name, sorted(mapping), f"given for exactly the regions {ids}")
        for region_id, k in self.score_k.items():
            if k < 1:
                raise _broken(f"score_k.{region_id}", k, "at least 1")
        for digest in self.learned_sha256:
            if not _SHA256.fullmatch(digest):
                raise _broken("learned_sha256", digest, "64 lower-case hexadecimal digits")

    def to_dict(self, members: Mapping[str, str]) -> dict[str, Any]:
        """The JSON form.

        Args:
            members: File name in the bundle to the sha256 of its bytes.
        """
        return {
            "format": FORMAT,
            "format_version": self.format_version,
            "offspec_version": self.offspec_version,
            # Through JSON once, so that 0 and 0.0 give the same bytes.
            "template": Template.from_dict(self.template.to_dict()).to_dict(),
            "detector": dict(self.detector),
            "bits": self.bits,
            "tiles": [tile.to_dict() for tile in self.tiles],
            "groups": [group.to_dict() for group in self.groups],
            "score_k": dict(self.score_k),
            "calibration": self.calibration.to_dict(),
            "pixel_thresholds": {k: v.to_dict() for k, v in self.pixel_thresholds.items()},
            "gate_limits": self.gate_limits.to_dict(),
            "learned_sha256": list(self.learned_sha256),
            "learned_phash": list(self.learned_phash),
            "dataset": dict(self.dataset),
            "seed": self.seed,
            "libraries": dict(self.libraries),
            "drift": dict(self.drift),
            "history": [dict(entry) for entry in self.history],
            "notes": list(self.notes),
            "members": dict(members),
        }


def check_layout(
    template: Template, tiles: tuple[Tile, ...], groups: tuple[GraphGroup, ...]
) -> None:
    """Refuse tiles and groups that contradict each other or the template.

    Raises:
        BundleError: A slot is missing or used twice, a core leaves its crop, a box leaves the
            reference, or a region has no tile.
    """
    if not 1 <= len(groups) <= MAX_GROUPS or not 1 <= len(tiles) <= MAX_TILES:
        raise _broken(
            "groups and tiles",
            (len(groups), len(tiles)),
            f"1 to {MAX_GROUPS} and 1 to {MAX_TILES}",
        )
    for number, group in enumerate(groups):
        if group.index != number or not all(8 <= s <= MAX_NET_SIDE for s in group.net_hw):
            raise _broken("groups", group, f"numbered from 0, sides of 8 to {MAX_NET_SIDE}")
    slots = sorted((tile.group, tile.slot) for tile in tiles)
    if slots != [(g.index, s) for g in groups for s in range(g.n_slots)]:
        raise _broken("tiles", slots[:8], "one for every slot of every group, each once")
    regions = [tile.region_index for tile in tiles]
    if regions != sorted(regions) or set(regions) != set(range(len(template.regions))):
        raise _broken("tiles", regions[:8], "in region order, at least one for each region")
    for tile in tiles:
        _check_tile(tile, groups[tile.group], template.size_wh)


def _check_tile(tile: Tile, group: GraphGroup, size_wh: tuple[int, int]) -> None:
    (h, w), (y0, y1, x0, x1) = tile.net_hw, tile.core
    if tile.net_hw != group.net_hw or not (0 <= y0 < y1 <= h and 0 <= x0 < x1 <= w):
        raise _broken("tiles", tile, "of its group's size, with a core inside the crop")
    x, y, box_w, box_h = tile.box_xywh
    reach = TILE_CORE + TILE_HALO  # a native tile may look this far past the reference
    inside = -reach <= x and -reach <= y and box_w > 0 and box_h > 0
    fits = x + box_w <= size_wh[0] + reach and y + box_h <= size_wh[1] + reach
    if not (all(map(math.isfinite, tile.box_xywh)) and inside and fits):
        raise _broken("tiles", tile, f"within {reach} pixels of the reference of {size_wh}")


def _broken(what: str, value: object, rule: str) -> BundleError:
    return BundleError(
        f"The manifest's {what} is {str(value)[:200]}. It has to be {rule}. "
        "Fit again, or use an undamaged copy of the bundle."
    )


# -- JSON -------------------------------------------------------------------


def encode_manifest(manifest: Manifest, members: Mapping[str, str]) -> bytes:
    """UTF-8 JSON with sorted keys; the same manifest gives the same bytes.

    Raises:
        BundleError: A value is not JSON, or not finite.
    """
    try:
        text = json.dumps(
            manifest.to_dict(members),
            ensure_ascii=False,
            allow_nan=False,
            sort_keys=True,
            indent=1,
        )
        return (text + "\n").encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise BundleError(
            f"The manifest holds a value that JSON cannot ({error}). Only text, finite numbers, "
            "true, false, null, lists and objects are allowed. Correct the detector's config."
        ) from error


def decode_manifest(data: bytes) -> tuple[Manifest, dict[str, str]]:
    """Read the JSON form, strictly.

    Returns:
        The manifest, and file name to sha256 of the other members.

    Raises:
        BundleVersionError: A newer format version.
        BundleError: Not UTF-8, not JSON, nested too deeply, a number that is not finite, a
            missing or unknown key, or values that contradict each other.
    """
    top = _parse(data)
    if not isinstance(top, dict) or top.get("format") != FORMAT:
        raise _broken("format", top.get("format") if isinstance(top, dict) else top, f"'{FORMAT}'")
    version = top.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _broken("format_version", version, "a whole number from 1 on")
    if version > FORMAT_VERSION:
        raise BundleVersionError(
            f"The bundle has format version {version}, written by offspec "
            f"{str(top.get('offspec_version'))[:40]}. This release reads versions up to "
            f"{FORMAT_VERSION}. Update offspec."
        )
    if set(top) != _KEYS:
        odd = sorted(set(top) ^ _KEYS)
        raise _broken("keys", f"wrong at {', '.join(odd)}", "exactly those of SPEC.md")
    members = _mapping(top["members"], "members", str)
    for name, digest in members.items():
        if not _SHA256.fullmatch(digest):
            raise _broken(f"members.{name}", digest, "64 lower-case hexadecimal digits")
    return _manifest(top, version), members


def _manifest(top: dict[str, Any], version: int) -> Manifest:
    for key in ("detector", "dataset", "drift", "calibration", "gate_limits"):
        _mapping(top[key], key, object)
    thresholds = _mapping(top["pixel_thresholds"], "pixel_thresholds", dict)
    try:
        return Manifest(
            offspec_version=_as(top["offspec_version"], "offspec_version", str),
            template=Template.from_dict(top["template"]),
            detector=top["detector"],
            bits=_as(top["bits"], "bits", int),
            tiles=tuple(_tile(item) for item in _list(top["tiles"], "tiles", dict)),
            groups=tuple(_group(item) for item in _list(top["groups"], "groups", dict)),
            score_k=_mapping(top["score_k"], "score_k", int),
            calibration=Calibration.from_dict(top["calibration"]),
            pixel_thresholds={k: PixelThreshold.from_dict(v) for k, v in thresholds.items()},
            gate_limits=GateLimits.from_dict(top["gate_limits"]),
            learned_sha256=tuple(_list(top["learned_sha256"], "learned_sha256", str)),
            learned_phash=tuple(_list(top["learned_phash"], "learned_phash", str)),
            dataset=top["dataset"],
            seed=_as(top["seed"], "seed", int),
            libraries=_mapping(top["libraries"], "libraries", str),
            drift=top["drift"],
            history=tuple(_list(top["history"], "history", dict)),
            notes=tuple(_list(top["notes"], "notes", str)),
            format_version=version,
        )
    except InputError as error:
        raise BundleError(f"The manifest breaks a rule: {error}") from error


def _parse(data: bytes) -> object:
    try:
        top = json.loads(
            data.decode("utf-8"), parse_constant=_not_finite, object_pairs_hook=_unique
        )
        _check_values(top, 0)
    except UnicodeDecodeError as error:
        raise _broken("text", f"not UTF-8 at byte {error.start}", "UTF-8 JSON") from error
    except RecursionError as error:
        raise _broken("nesting", "too deep", f"at most {MAX_DEPTH} deep") from error
    except ValueError as error:  # JSONDecodeError, NaN, or a number with thousands of digits
        raise _broken("text", f"not JSON ({error})", "UTF-8 JSON") from error
    return top


def _not_finite(token: str) -> NoReturn:
    raise ValueError(f"the number {token}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return result


def _check_values(value: object, depth: int) -> None:
    """Refuse deep nesting and numbers beyond a float, wherever they are."""
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for item in value.values():
            _check_values(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number too large for a float")
    elif isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError("a whole number of more than 63 bits")


def _as(value: object, name: str, kind: type[_T]) -> _T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _broken(name, value, f"of type {kind.__name__}")
    return value


def _list(value: object, name: str, kind: type[_T]) -> list[_T]:
    return [_as(item, name, kind) for item in _as(value, name, list)]


def _mapping(value: object, name: str, kind: type[_T]) -> dict[str, _T]:
    return {k: _as(v, f"{name}.{k}", kind) for k, v in _as(value, name, dict).items()}


def _numbers(value: object, name: str, count: int, convert: Callable[[Any], _T]) -> list[_T]:
    """A list of ``count`` numbers; whole ones where ``convert`` is int."""
    items = _as(value, name, list)
    allowed = int if convert is int else (int, float)
    if len(items) != count or not all(
        isinstance(v, allowed) and not isinstance(v, bool) for v in items
    ):
        raise _broken(name, items, f"a list of {count} numbers")
    return [convert(v) for v in items]


def _tile(item: dict[str, Any]) -> Tile:
    keys = {"region_index", "tile_index", "slot", "group", "box_xywh", "net_hw", "core"}
    if set(item) != keys:
        raise _broken("tiles", sorted(item), f"objects with the keys {sorted(keys)}")
    x, y, w, h = _numbers(item["box_xywh"], "tiles.box_xywh", 4, float)
    net_h, net_w = _numbers(item["net_hw"], "tiles.net_hw", 2, int)
    y0, y1, x0, x1 = _numbers(item["core"], "tiles.core", 4, int)
    return Tile(
        _as(item["region_index"], "tiles.region_index", int),
        _as(item["tile_index"], "tiles.tile_index", int),
        _as(item["slot"], "tiles.slot", int),
        _group_index(item["group"]),
        (x, y, w, h),
        (net_h, net_w),
        (y0, y1, x0, x1),
    )


def _group_index(value: object) -> int:
    index = _as(value, "tiles.group", int)
    if not 0 <= index < MAX_GROUPS:
        raise _broken("tiles.group", index, f"0 to {MAX_GROUPS - 1}")
    return index


def _group(item: dict[str, Any]) -> GraphGroup:
    keys = {"index", "net_hw", "n_slots"}
    if set(item) != keys:
        raise _broken("groups", sorted(item), f"objects with the keys {sorted(keys)}")
    net_h, net_w = _numbers(item["net_hw"], "groups.net_hw", 2, int)
    n_slots = _as(item["n_slots"], "groups.n_slots", int)
    if not 1 <= n_slots <= MAX_TILES:
        raise _broken("groups.n_slots", n_slots, f"1 to {MAX_TILES}")
    return GraphGroup(_as(item["index"], "groups.index", int), (net_h, net_w), n_slots)
