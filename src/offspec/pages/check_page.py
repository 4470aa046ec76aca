"""The health check as a page: what to look at first, then every question with its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from offspec.charts import Marker, Series, histogram, line_chart
from offspec.errors import OffspecError
from offspec.images import read_image
from offspec.overlays import ByteArray, to_eight_bits
from offspec.pages.document import (
    Block,
    Bullets,
    Chart,
    Columns,
    Document,
    Gallery,
    Light,
    Line,
    Picture,
    Section,
    Table,
    Text,
)
from offspec.report_pictures import encode_jpeg, fitted, shrunk

SHOWN = 12
PICTURE_PX = 420
FULL_RED = 0.25  # relative fall of the distance from half of the normals to all
_LIGHT: dict[str, Light] = {"must": "bad", "look": "warn", "note": "calm"}
_RING_RGB = (226, 84, 48)
Payload = Mapping[str, Any]
Reader = Callable[[str], ByteArray | None]


def check_document(payload: Payload, root: Path, title: str) -> Document:
    """The whole page.

    Args:
        payload: What ``check --json`` writes.
        root: The dataset's folder, from which pictures are read.
        title: Of the page.
    """
    dataset = payload["dataset"]
    subtitle = (
        f"Data health: {dataset['normals']} normals to learn from, {dataset['test_good']} good and "
        f"{dataset['test_bad']} bad test images"
    )
    footer = "Written by offspec. A check proposes; nothing was left out."
    return Document(title, subtitle, health_sections(payload, root), footer)


def health_sections(payload: Payload, root: Path | None = None) -> tuple[Section, ...]:
    """From the JSON form to sections; without ``root`` there are no pictures."""
    read = _reader(root)
    found = [
        _summary(payload),
        _suspects(payload, read),
        _variants(payload, read),
        _confounds(payload),
        _coverage(payload, read),
        _doubles(payload, read),
        _images(payload, read),
    ]
    return tuple(one for one in found if one is not None)


def _summary(payload: Payload) -> Section:
    rows = payload["findings"]
    lines = tuple(Line(one["words"], _LIGHT[one["level"]]) for one in rows)
    light: Light = "good"
    if rows:
        light = _LIGHT[rows[0]["level"]]
    title = {"bad": "Look before you fit", "warn": "Worth a look"}.get(light, "Nothing stands out")
    lead = "Red has to be looked at, amber is worth a look, grey is for information."
    blocks: tuple[Block, ...] = (Bullets(lines),) if lines else (Text("No fault was found."),)
    return Section(title, lead, blocks, light)


def _suspects(payload: Payload, read: Reader) -> Section | None:
    part = payload["contamination"]
    images = part["images"]
    if not images:
        return None
    flagged = [one for one in images if one["flagged"]]
    chart = histogram(
        [
            Series("kept", [one["z"] for one in images if not one["flagged"]], "ok"),
            Series("shown", [one["z"] for one in flagged], "ng"),
        ],
        title="How odd each normal is",
        x_label="robust deviations from the other normals",
        threshold=Marker(part["flag_from"], "shown from here"),
    )
    pictures = _pictures(
        [(one["image"], f"{one['image']}: {one['z']:.1f} deviations", one["place_xy"])
         for one in flagged[:SHOWN]],
        read,
    )  # fmt: skip
    lead = (
        "Every normal is compared, place by place, with banks of other normals that exclude it. "
        "The ring marks the place that no other normal resembles most. Leave an image out only if "
        "you see why it is no good part."
    )
    blocks: list[Block] = [Chart(chart)]
    blocks += [Gallery(pictures)] if pictures else []
    return Section("Normals that do not look normal", lead, tuple(blocks))


def _variants(payload: Payload, read: Reader) -> Section | None:
    groups = payload["variants"]
    if len(groups) < 2:
        return None
    rows = tuple(
        (str(number), str(len(one["images"])), one["by"],
         "–" if one["silhouette"] is None else f"{one['silhouette']:.2f}")
        for number, one in enumerate(groups, 1)
    )  # fmt: skip
    shown = [
        (key, f"Look {number}: {key}", None)
        for number, one in enumerate(groups[:4], 1)
        for key in one["images"][:3]
    ]
    blocks: list[Block] = [
        Table(("look", "images", "told apart by", "silhouette"), rows, (1, 3)),
        *([Gallery(_pictures(shown, read))] if _pictures(shown[:1], read) else []),
    ]
    lead = "Fixed structure, or colour, divides the normals into groups that stand apart."
    return Section("Looks that want templates of their own", lead, tuple(blocks))


def _confounds(payload: Payload) -> Section | None:
    dataset = payload["dataset"]
    if not dataset["test_bad"]:
        return None
    looked = ", ".join(payload["circumstances"]) or "nothing"
    rows = tuple(
        (one["what"], one["good"], one["bad"], f"{one['separation']:.2f}", f"{one['p_value']:.1e}")
        for one in payload["confounds"]
    )
    lead = (
        f"Looked at: {looked}. If any of it tells good from bad, a method may seem to find defects "
        "and find the day instead."
    )
    head = ("circumstance", "good images", "bad images", "AUROC by itself", "p-value")
    block: Block = Table(head, rows, (3, 4)) if rows else Text("No difference was found.", "good")
    return Section("Do good and bad differ by more than the defect?", lead, (block,))


def _coverage(payload: Payload, read: Reader) -> Section | None:
    blocks: list[Block] = []
    for region in payload["coverage"]["regions"]:
        if not region["curve"]:
            continue
        curve = region["curve"]
        chart = line_chart(
            [
                Series(
                    "held-out tail",
                    [p["tail"] for p in curve],
                    "ok",
                    x=[p["normals"] for p in curve],
                    low=[p["low"] for p in curve],
                    high=[p["high"] for p in curve],
                )
            ],
            title=f"Region '{region['id']}'",
            x_label="normals learned from",
            y_label="odd score, 90th percentile",
        )
        picture = Picture(
            _heat(region, payload["contamination"]["reference"], read),
            "Red: still new looks with every image",
        )
        blocks.append(Columns((Chart(chart, f"Region '{region['id']}'"),), (picture,)))
    if not blocks:
        return None
    lead = (
        "Held-out normals scored by ever more others. While the curve falls, further normals bring "
        "looks not met before. The map shows where: the share by which the distance still fell "
        "from half of the normals to all."
    )
    return Section("Do the normals cover what good parts look like?", lead, tuple(blocks))


def _heat(region: Payload, reference: str | None, read: Reader) -> bytes:
    """The map over the region of the reference where that can be read, else by itself."""
    share = np.clip(np.array(region["map"], np.float32) / FULL_RED, 0, 1)
    image = None if reference is None else read(reference)
    x, y, w, h = (round(v) for v in region["bounds_xywh"])
    below = np.full((320, 320, 3), 238, np.uint8)
    if image is not None and image[y : y + h, x : x + w].size:
        below = shrunk(np.ascontiguousarray(image[y : y + h, x : x + w]), PICTURE_PX)
    size = (below.shape[1], below.shape[0])
    cover = 0.75 * cv2.resize(share, size, interpolation=cv2.INTER_NEAREST)[..., None]
    mixed = below * (1 - cover) + np.array(_RING_RGB, np.float32) * cover
    return encode_jpeg(mixed.round().astype(np.uint8))


def _doubles(payload: Payload, read: Reader) -> Section | None:
    groups = payload["duplicates"]
    if not groups:
        return None
    rows = tuple(
        (", ".join(one["images"][:4]), one["kind"], "yes" if one["leak"] else "no",
         "yes" if one["contradiction"] else "no")
        for one in groups[:40]
    )  # fmt: skip
    shown = [(key, key, None) for one in groups[:3] for key in one["images"][:2]]
    blocks: list[Block] = [Table(("images", "kind", "train and test", "two labels"), rows)]
    pictures = _pictures(shown, read)
    blocks += [Gallery(pictures)] if pictures else []
    return Section("Pictures that are there twice", "", tuple(blocks))


def _images(payload: Payload, read: Reader) -> Section | None:
    blocks: list[Block] = []
    bad = [(one["image"], "unreadable", one["message"]) for one in payload["unreadable"]]
    bad += [(one["image"], one["code"], one["message"]) for one in payload["misaligned"]]
    bad += [
        (one["image"], one["what"], f"{one['value']:.3g} against {one['usual']:.3g}")
        for one in payload["outliers"]
    ]
    bad += [(", ".join(one["images"][:3]), "label", one["message"]) for one in payload["labels"]]
    if bad:
        blocks.append(Table(("image", "what", "why"), tuple(bad[:60])))
    shown = [(o["image"], f"{o['image']}: {o['what']}", None) for o in payload["outliers"][:6]]
    pictures = _pictures(shown, read)
    blocks += [Gallery(pictures)] if pictures else []
    sizes = tuple(
        (f"{one['size_wh'][0]} x {one['size_wh'][1]}", str(one["bits"]), str(one["images"]))
        for one in payload["sizes"][:12]
    )
    blocks.append(Table(("size", "bits", "images"), sizes, (1, 2)))
    return Section("Single images, sizes and labels", "", tuple(blocks))


_Shown = tuple[str, str, Sequence[float] | None]


def _pictures(shown: Sequence[_Shown], read: Reader) -> tuple[Picture, ...]:
    """Those of the images that can be read, with a ring where a place is given."""
    found = []
    for key, words, place in shown:
        image = read(key)
        if image is not None:
            found.append(Picture(encode_jpeg(_drawn(image, place)), words))
    return tuple(found)


def _reader(root: Path | None) -> Reader:
    def read(key: str) -> ByteArray | None:
        if root is None:
            return None
        try:
            return to_eight_bits(read_image(root / key))
        except OffspecError:
            return None

    return read


def _drawn(image: ByteArray, place_xy: Sequence[float] | None) -> ByteArray:
    """A small copy, with a ring around a place."""
    small = fitted(image, PICTURE_PX)
    if place_xy is not None:
        factor = PICTURE_PX / max(image.shape[:2])
        centre = (round(place_xy[0] * factor), round(place_xy[1] * factor))
        for radius, rgb in ((31, (255, 255, 255)), (28, _RING_RGB)):
            cv2.circle(small, centre, radius, rgb, 3, cv2.LINE_AA)
    return small
