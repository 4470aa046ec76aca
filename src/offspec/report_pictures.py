"""Pictures of the report: an overview with outlines and a close-up with its heatmap."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from offspec.errors import OffspecError, WriteError
from offspec.overlays import (
    TRUTH_RGB,
    VERDICT_RGB,
    ByteArray,
    blend_heat,
    draw_outline,
    frame,
    to_eight_bits,
)
from offspec.report_item import ReportItem
from offspec.report_words import type_name
from offspec.restored import GAIN, Restored
from offspec.types import BoolArray

OVERVIEW_PX = 560
CLOSE_UP_PX = 360
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class View:
    """A window of an image: rows and columns."""

    rows: slice
    cols: slice


def encode_jpeg(image: ByteArray, quality: int = _QUALITY) -> bytes:
    """Encode (H, W, 3) uint8 RGB as JPEG, for pages; results are never stored lossy."""
    done, buffer = cv2.imencode(
        ".jpg",
        np.ascontiguousarray(image[:, :, ::-1]),
        [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    )
    if not done:
        raise WriteError(
            f"A picture of shape {image.shape} could not be encoded as JPEG. The report needs it. "
            "Free some memory and try again."
        )
    return buffer.tobytes()


def shots(items: Sequence[ReportItem], heat_threshold: float | None) -> str:
    """A grid of images with their pictures and a line of facts each."""
    return f'<div class="shots">{"".join(_shot(i, heat_threshold) for i in items)}</div>'


def colour_key(*, heat: bool) -> str:
    """What the colours in the pictures mean."""
    entries = [(VERDICT_RGB["ng"], "outlined by the inspector"), (TRUTH_RGB, "true defect")]
    if heat:
        entries += [((226, 84, 48), "heat at the drawing threshold"), ((250, 190, 70), "above it")]
    spans = "".join(
        f'<span><i style="background:rgb({r},{g},{b})"></i>{escape(words)}</span>'
        for (r, g, b), words in entries
    )
    return f'<div class="key">{spans}</div>'


def _shot(item: ReportItem, heat_threshold: float | None) -> str:
    caption = _caption(item)
    try:
        original = item.image()
        pictures = _pictures(to_eight_bits(original), item, heat_threshold)
        if item.restored is not None and not item.invalid:
            pictures += _restored(item.restored(original), item.key)
    except OffspecError as error:
        note = f'<p class="small">The picture cannot be shown: {escape(str(error))}</p>'
        return f"<figure>{note}<figcaption>{caption}</figcaption></figure>"
    return f"<figure>{pictures}<figcaption>{caption}</figcaption></figure>"


def _caption(item: ReportItem) -> str:
    score = "" if item.deviation_score is None else f", deviation score {item.deviation_score:.3f}"
    truth = "good part" if item.label == "ok" else f"defect: {type_name(item.defect_type)}"
    reason = "" if item.reason is None else f"<br>{escape(item.reason)}"
    return (
        f"<b>{escape(item.key)}</b><br>{escape(truth)}; verdict "
        f"<b>{escape(item.verdict)}</b>{score}{reason}"
    )


def _pictures(image: ByteArray, item: ReportItem, heat_threshold: float | None) -> str:
    """The overview; below it a close-up and the same window as heat."""
    overview = shrunk(image, OVERVIEW_PX)
    for mask, rgb, extra in ((item.gt_mask, TRUTH_RGB, 3), (item.mask, VERDICT_RGB["ng"], 0)):
        if mask is not None and mask.shape == image.shape[:2]:
            small = _shrink_mask(mask, overview.shape)
            draw_outline(overview, small, rgb, 2, grow=2 + extra)
    tags = [_tag(frame(overview, item.verdict), f"{item.key}, overview")]
    view = _window(image, item)
    if view is not None:
        close = [_tag(_close_up(image, item, view), f"{item.key}, close-up")]
        if item.anomaly_map is not None and heat_threshold is not None:
            heat = blend_heat(
                np.ascontiguousarray(image[view.rows, view.cols]),
                item.anomaly_map[view.rows, view.cols],
                heat_threshold,
            )
            close.append(_tag(_stretch(heat), f"{item.key}, heatmap"))
        tags.append(f'<div class="pair tall">{"".join(close)}</div>')
    return f'<div class="pair">{"".join(tags)}</div>'


def _restored(found: Restored | None, key: str) -> str:
    """What the network saw, made of it, and the difference, side by side."""
    if found is None:
        return ""
    words = ("seen", "restored", f"difference × {GAIN}")
    images = (found.seen, found.restored, found.difference)
    tags = "".join(
        f"<div>{_tag(_stretch(np.asarray(image, np.uint8)), f'{key}, {word}')}"
        f'<p class="small">{escape(word)}</p></div>'
        for image, word in zip(images, words, strict=True)
    )
    return f'<div class="triple">{tags}</div>'


def _close_up(image: ByteArray, item: ReportItem, view: View) -> ByteArray:
    """The window enlarged, with thin outlines."""
    close = _stretch(np.ascontiguousarray(image[view.rows, view.cols]))
    for mask, rgb, grow in ((item.gt_mask, TRUTH_RGB, 7), (item.mask, VERDICT_RGB["ng"], 2)):
        if mask is not None and mask.shape == image.shape[:2]:
            part = mask[view.rows, view.cols].astype(np.uint8)
            size = (close.shape[1], close.shape[0])
            large = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST)
            draw_outline(close, large > 0, rgb, 2, grow=grow)
    return close


def _window(image: ByteArray, item: ReportItem) -> View | None:
    """A 4:3 window around what matters: the missed defect, else what was outlined or hottest."""
    size = image.shape[:2]
    spot = _spot(item, size)
    if spot is None:
        return None
    (y0, y1), (x0, x1) = spot
    side = max(2.2 * (x1 - x0), 2.9 * (y1 - y0), 0.16 * max(size), 64.0)
    width = min(round(side), size[1])
    height = min(round(side * 0.75), size[0])
    left = min(max(0, (x0 + x1 - width) // 2), size[1] - width)
    top = min(max(0, (y0 + y1 - height) // 2), size[0] - height)
    return View(slice(top, top + height), slice(left, left + width))


def _spot(
    item: ReportItem, size: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Rows and columns of the largest true defect, the largest outline, or the hottest pixel."""
    for mask in (item.gt_mask, item.mask):
        if mask is not None and mask.shape == size and mask.any():
            return _largest(mask)
    heat = item.anomaly_map
    if heat is None or heat.shape != size or not (heat > 0).any():
        return None
    y, x = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return (int(y), int(y) + 1), (int(x), int(x) + 1)


def _largest(mask: BoolArray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Bounds of the largest 8-connected component."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    x, y, w, h, _ = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return (y, y + h), (x, x + w)


def fitted(image: ByteArray, longest: int) -> ByteArray:
    """A copy with its longer side exactly ``longest``, made smaller or larger."""
    factor = longest / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=how), np.uint8)


def shrunk(image: ByteArray, longest: int) -> ByteArray:
    """A copy with its longer side at most ``longest``."""
    return image.copy() if max(image.shape[:2]) <= longest else fitted(image, longest)


def _stretch(image: ByteArray) -> ByteArray:
    """A copy ``CLOSE_UP_PX`` wide."""
    factor = CLOSE_UP_PX / image.shape[1]
    size = (CLOSE_UP_PX, max(1, round(image.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)


def _shrink_mask(mask: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    """A mask at another size in which no component is lost."""
    size = (shape[1], shape[0])
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0, dtype=np.bool_)


def _tag(image: ByteArray, words: str) -> str:
    data = base64.b64encode(encode_jpeg(image)).decode("ascii")
    height, width = image.shape[:2]
    return (
        f'<img alt="{escape(words)}" width="{width}" height="{height}" style="height:auto" '
        f'loading="lazy" src="data:image/jpeg;base64,{data}">'
    )
