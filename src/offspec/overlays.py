"""Pictures that show where an image is off spec: coloured heatmaps and outlines.

A heatmap's colours mean the same on every image: they are fixed to the threshold, never stretched
to the image at hand, so that a good part looks calm and a bad one does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from offspec.errors import OptionError, ShapeError
from offspec.types import BoolArray, FloatArray, ImageArray, Inspection, Verdict

Rgb8 = tuple[int, int, int]
ByteArray = NDArray[np.uint8]

VERDICT_RGB: dict[Verdict, Rgb8] = {
    "ok": (38, 140, 92),
    "review": (214, 148, 24),
    "ng": (214, 48, 38),
    "invalid": (128, 96, 176),
}
TRUTH_RGB: Rgb8 = (40, 220, 235)

# Heat: transparent where calm, violet below the threshold, orange at it, pale yellow far above.
_STOPS = (0.0, 0.35, 0.5, 0.75, 1.0)
_STOP_RGB = ((30, 16, 70), (96, 30, 120), (226, 84, 48), (250, 170, 40), (255, 246, 190))


def heat_level(anomaly_map: FloatArray, threshold_raw: float) -> FloatArray:
    """Map raw values to a fixed scale: 0 at raw 0, 0.5 at the threshold, toward 1 far above.

    Args:
        anomaly_map: (H, W) float32, raw, >= 0, higher = more anomalous.
        threshold_raw: Drawing threshold in the same units, above 0.

    Returns:
        (H, W) float32 in [0, 1): raw / (raw + threshold).
    """
    if not (np.isfinite(threshold_raw) and threshold_raw > 0):
        raise OptionError(
            f"Drawing threshold is {threshold_raw}. The heat scale needs a finite number above 0. "
            "Pass the bundle's pixel threshold."
        )
    raw = np.maximum(anomaly_map, 0.0).astype(np.float64)
    return (raw / (raw + threshold_raw)).astype(np.float32)


def heatmap(anomaly_map: FloatArray, threshold_raw: float) -> ByteArray:
    """Colour an anomaly map on the fixed scale.

    Returns:
        (H, W, 3) uint8 RGB; dark violet = calm, orange = at the threshold, yellow = far above.
    """
    level = heat_level(anomaly_map, threshold_raw)
    channels = [np.interp(level, _STOPS, [rgb[c] for rgb in _STOP_RGB]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def blend_heat(
    image: ImageArray, anomaly_map: FloatArray, threshold_raw: float, strength: float = 0.72
) -> ByteArray:
    """Lay the heatmap over the image; calm areas keep the image's own look, in grey.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16.
        anomaly_map: (H, W) float32, same size as the image.
        threshold_raw: Drawing threshold in the map's units, above 0.
        strength: Weight of the colour where the map is far above the threshold.
    """
    base = to_eight_bits(image)
    _same_size(base, anomaly_map.shape, "anomaly map")
    level = heat_level(anomaly_map, threshold_raw)
    grey = base.mean(axis=2, keepdims=True) * 0.85 + 20
    weight = np.clip((level - 0.22) / 0.38, 0.0, 1.0)[..., None] * strength
    mixed = grey + weight * (heatmap(anomaly_map, threshold_raw).astype(np.float32) - grey)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def overlay(
    image: ImageArray,
    inspection: Inspection,
    gt_mask: BoolArray | None = None,
    region_outlines: Sequence[NDArray[np.float64]] = (),
) -> ByteArray:
    """Draw the outlines of an inspection on its image.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16; not changed.
        inspection: Its ``mask`` is outlined; without one, the polygons of its defects are.
        gt_mask: (H, W) bool truth, outlined in cyan when given.
        region_outlines: Polygons (n, 2) of the regions in image pixels, drawn thin.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    canvas = to_eight_bits(image).copy()
    pen = pen_width(canvas.shape[:2])
    for points in region_outlines:
        knots = [np.rint(points).astype(np.int32)]
        cv2.polylines(canvas, knots, True, (235, 235, 235), 1, cv2.LINE_AA)
    if gt_mask is not None:
        draw_outline(canvas, gt_mask, TRUTH_RGB, pen, grow=pen + 2)
    if inspection.mask is not None:
        draw_outline(canvas, inspection.mask, VERDICT_RGB["ng"], pen)
    else:
        for region in inspection.regions:
            for defect in region.defects:
                knots = [np.rint(np.asarray(defect.polygon)).astype(np.int32)]
                _ring(canvas, knots, VERDICT_RGB["ng"], pen)
    return frame(canvas, inspection.verdict)


def frame(image: ByteArray, verdict: Verdict) -> ByteArray:
    """A border in the verdict's colour, drawn inside the picture."""
    height, width = image.shape[:2]
    pen = max(3, 2 * pen_width((height, width)))
    framed = image.copy()
    inset = pen // 2
    corner = (width - 1 - inset, height - 1 - inset)
    cv2.rectangle(framed, (inset, inset), corner, VERDICT_RGB[verdict], pen)
    return framed


def draw_outline(canvas: ByteArray, mask: BoolArray, rgb: Rgb8, pen: int, grow: int = 2) -> None:
    """Outline a mask in place, ``grow`` pixels outside it so that the defect stays visible."""
    _same_size(canvas, mask.shape, "mask")
    if not mask.any():
        return
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
    grown = cv2.dilate(mask.astype(np.uint8), kernel)
    contours, _ = cv2.findContours(grown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    _ring(canvas, [np.asarray(c, dtype=np.int32) for c in contours], rgb, pen)


def pen_width(size_hw: tuple[int, ...]) -> int:
    """Line width that stays visible when the picture is shown about 900 pixels wide."""
    return max(1, round(max(size_hw[:2]) / 450))


def to_eight_bits(image: ImageArray) -> ByteArray:
    """(H, W, 3) uint8 for display; 16-bit images by the smallest usual depth that holds them."""
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError(
            f"Image to draw on has shape {image.shape}. It must be (H, W, 3) RGB. "
            "Read it with images.read_image."
        )
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    top = int(image.max(initial=0))
    bits = next(b for b in (8, 10, 12, 14, 16) if top < 2**b)
    shown = np.rint(np.arange(2**bits) * (255.0 / (2**bits - 1))).astype(np.uint8)
    return np.asarray(shown[image], dtype=np.uint8)


def _ring(canvas: ByteArray, knots: list[NDArray[np.int32]], rgb: Rgb8, pen: int) -> None:
    """A coloured line on a dark one, to stand out on any ground."""
    cv2.polylines(canvas, knots, True, (12, 12, 12), pen + (2 if pen > 2 else 1), cv2.LINE_AA)
    cv2.polylines(canvas, knots, True, rgb, pen, cv2.LINE_AA)


def _same_size(image: ByteArray, shape: tuple[int, ...], what: str) -> None:
    if image.shape[:2] != shape[:2]:
        raise ShapeError(
            f"The {what} is {shape[1]} x {shape[0]} pixels, its image {image.shape[1]} x "
            f"{image.shape[0]}. They must be equal. Pass the {what} of this very image."
        )
