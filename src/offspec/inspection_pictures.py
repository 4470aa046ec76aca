"""Pictures of one inspection for a screen: its heat, and the image laid over the reference.

Heat is a transparent layer of its own, so that the studio can fade it over the photograph. Its
colours are fixed to the drawing threshold of each region and mean the same on every image.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from offspec.errors import OptionError
from offspec.images import encode_png
from offspec.overlays import ByteArray, heat_level, heatmap, to_eight_bits
from offspec.report_pictures import encode_jpeg, shrunk
from offspec.runtime import Inspector
from offspec.types import DoubleArray, FloatArray, ImageArray, Inspection

Kind = Literal["heat", "aligned", "aligned_heat"]
LONGEST_PX = 1600
OPAQUE = 0.8  # where a map is far above the threshold; the part stays visible below
_CALM, _FULL = 0.3, 0.75  # heat levels from which on the layer shows, and shows fully
_QUALITY = 90


def draw(inspector: Inspector, image: ImageArray, kind: Kind) -> bytes:
    """Draw one picture of an inspection.

    Args:
        inspector: Of the model.
        image: (H, W, 3) RGB, uint8 or uint16; not changed.
        kind: ``heat`` in image pixels, ``aligned`` the image in pixels of the reference,
            ``aligned_heat`` the heat there.

    Returns:
        Heat as PNG with opacity, the aligned image as JPEG, the longer side at most
        ``LONGEST_PX``. An image that cannot be judged has an empty heat.

    Raises:
        OptionError: An unknown kind.
        ShapeError: The image does not fit the model.
    """
    if kind == "aligned":
        return encode_jpeg(aligned(inspector, image), _QUALITY)
    if kind == "heat":
        return encode_png(heat(inspector, inspector.inspect(image), image.shape[:2]))
    if kind == "aligned_heat":
        return encode_png(aligned_heat(inspector, inspector.inspect(image)))
    raise OptionError(
        f"Picture '{kind}' of an inspection is unknown. There are heat, aligned and aligned_heat. "
        "Choose one."
    )


def aligned(inspector: Inspector, image: ImageArray) -> ByteArray:
    """The image as it lies on the reference, for a blink comparison with it."""
    alignment, _ = inspector.sampler.align(image)
    width, height = inspector.bundle.manifest.template.size_wh
    pixels = to_eight_bits(image)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(pixels, alignment.matrix, (width, height), flags=how)
    return shrunk(np.asarray(laid, np.uint8), LONGEST_PX)


def heat(inspector: Inspector, inspection: Inspection, size_hw: tuple[int, ...]) -> ByteArray:
    """(h, w, 4) RGB and opacity over the image, the longer side at most ``LONGEST_PX``."""
    if inspection.anomaly_map is None:
        return np.zeros((*_fitting(size_hw), 4), np.uint8)
    values = _smaller(inspection.anomaly_map)
    to_small = _scaling(values.shape, inspection.anomaly_map.shape)
    return _layer(values, _thresholds(inspector, to_small @ inspection.alignment.matrix, values))


def aligned_heat(inspector: Inspector, inspection: Inspection) -> ByteArray:
    """(h, w, 4) RGB and opacity over the reference, likewise."""
    width, height = inspector.bundle.manifest.template.size_wh
    if inspection.anomaly_map is None:
        return np.zeros((*_fitting((height, width)), 4), np.uint8)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(
        inspection.anomaly_map, inspection.alignment.matrix, (width, height), flags=how
    )
    values = _smaller(np.asarray(laid, np.float32))
    to_small = _scaling(values.shape, (height, width))
    return _layer(values, _thresholds(inspector, to_small, values))


def _fitting(size_hw: tuple[int, ...]) -> tuple[int, int]:
    factor = min(1.0, LONGEST_PX / max(size_hw[:2]))
    return max(1, round(size_hw[0] * factor)), max(1, round(size_hw[1] * factor))


def _smaller(values: FloatArray) -> FloatArray:
    """A map made smaller so that its peaks stay as high as they are."""
    height, width = _fitting(values.shape)
    if (height, width) == values.shape:
        return values
    reach = math.ceil(max(values.shape) / LONGEST_PX)
    grown = cv2.dilate(values, np.ones((reach, reach), np.uint8))
    return np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _scaling(small_hw: tuple[int, ...], hw: tuple[int, ...]) -> DoubleArray:
    """(3, 3) from pixels to pixels of the smaller picture; centres on centres."""
    sx, sy = small_hw[1] / hw[1], small_hw[0] / hw[0]
    return np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1.0]])


def _thresholds(inspector: Inspector, to_picture: DoubleArray, like: FloatArray) -> FloatArray:
    """The drawing threshold of the region that each pixel belongs to, raw map units.

    Args:
        inspector: Of the model.
        to_picture: (3, 3) from reference to picture.
        like: (h, w) of the picture.
    """
    manifest = inspector.bundle.manifest
    levels = {key: one.high for key, one in manifest.pixel_thresholds.items()}
    found = np.full(like.shape, np.median(list(levels.values())), np.float32)
    regions = manifest.template.regions
    if len(regions) == 1:
        return found
    width, height = manifest.template.size_wh
    for region in regions:
        mask = region.mask((height, width)).astype(np.uint8)
        size_wh = (like.shape[1], like.shape[0])
        here = cv2.warpPerspective(mask, to_picture, size_wh, flags=cv2.INTER_NEAREST)
        found[here > 0] = levels[region.id]
    return found


def _layer(values: FloatArray, thresholds: FloatArray) -> ByteArray:
    relative = np.asarray(values / thresholds, np.float32)
    level = heat_level(relative, 1.0)
    shown = np.clip((level - _CALM) / (_FULL - _CALM), 0.0, 1.0)
    alpha = np.rint(255 * OPAQUE * shown).astype(np.uint8)
    rgb = heatmap(relative, 1.0)
    rgb[alpha == 0] = 0  # calm areas cost no bytes
    return np.dstack([rgb, alpha])
