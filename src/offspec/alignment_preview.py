"""How one image would be laid over a reference, and how it looks there."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from offspec.align import LOST_SCORE, Aligner, choose_mode
from offspec.errors import TemplateError
from offspec.gate import check_size
from offspec.images import significant_bits
from offspec.overlays import ByteArray, to_eight_bits
from offspec.report_pictures import encode_jpeg
from offspec.template import Template
from offspec.types import Alignment, DoubleArray, ImageArray

LONGEST_PX = 1600
_OUTSIDE = (40, 40, 40)

Outcome = Literal["refused", "off", "unsure", "in_place", "moved"]
"""``refused``: invalid when inspected. ``off``: the template asks for no alignment. ``unsure``: the
image and the reference share too little structure, wherever it was laid. ``in_place``: it lies
there already. ``moved``: it was brought there."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What alignment makes of an image.

    Attributes:
        outcome: What came of it, in one word.
        reason: Why the image could not be judged; None = it could.
        alignment: None where the image's size alone rules it out.
        picture: (H, W, 3) the image laid over the reference, longest side at most
            ``LONGEST_PX``; None likewise.
    """

    outcome: Outcome
    reason: str | None
    alignment: Alignment | None
    picture: ByteArray | None

    def url(self) -> str | None:
        """The picture as a ``data:`` URL."""
        if self.picture is None:
            return None
        text = base64.b64encode(encode_jpeg(self.picture, 88)).decode("ascii")
        return f"data:image/jpeg;base64,{text}"


def preview_alignment(image: ImageArray, reference: ImageArray, template: Template) -> Preview:
    """Lay an image over the reference by a template's rules.

    Gate limits on light and likeness come from normals when a model is fitted, so that only size
    and pose can rule an image out here. Mode ``auto`` is decided from this one image.

    Args:
        image: (H, W, 3) RGB.
        reference: (H, W, 3) RGB, as the template says.
        template: Its alignment and size policy count.

    Raises:
        TemplateError: The template is for a reference of another size.
        ShapeError: One image has 8 bit and the other 16.
    """
    size_wh = reference.shape[1], reference.shape[0]
    if template.size_wh != size_wh:
        raise TemplateError(
            f"The template is for a reference of {template.size_wh[0]} x {template.size_wh[1]} "
            f"pixels; this one has {size_wh[0]} x {size_wh[1]}. Both must agree. Draw it on this "
            "reference."
        )
    failure = check_size((image.shape[1], image.shape[0]), size_wh, template.size_policy)
    if failure is not None:
        return Preview("refused", failure.message, None, None)
    bits = significant_bits([reference, image])
    settings = template.alignment
    if settings.mode == "auto":
        mode, _ = choose_mode(reference, [image], settings, bits=bits)
        settings = replace(settings, mode=mode)
    aligner = Aligner(reference, settings, template.size_policy, bits=bits)
    alignment = aligner.align(image)
    refused = aligner.gate(image, alignment)
    picture = laid_over(to_eight_bits(image), alignment.matrix, size_wh)
    if refused is not None:
        return Preview("refused", refused.message, alignment, picture)
    is_off = template.size_policy == "fit" or template.alignment.mode == "none"
    return Preview("off" if is_off else outcome_of(alignment), None, alignment, picture)


def outcome_of(alignment: Alignment) -> Outcome:
    """What came of an alignment that was asked for.

    Parts that truly meet agree by 0.9 and more, textures and parts without common structure by
    less than 0.3: under ``LOST_SCORE`` nobody can say that they lie on each other.
    """
    if alignment.score < LOST_SCORE:
        return "unsure"
    return "in_place" if alignment.method == "none" else "moved"


def laid_over(image: ByteArray, matrix: DoubleArray, size_wh: tuple[int, int]) -> ByteArray:
    """The image as it lies over a reference of this size, made smaller to ``LONGEST_PX``.

    Args:
        image: (H, W, 3) uint8.
        matrix: (3, 3), reference pixels to image pixels, pixel centres at whole numbers.
        size_wh: Of the reference.
    """
    factor = min(1.0, LONGEST_PX / max(size_wh))
    out_wh = max(1, round(size_wh[0] * factor)), max(1, round(size_wh[1] * factor))
    scale_x, scale_y = size_wh[0] / out_wh[0], size_wh[1] / out_wh[1]
    to_reference = np.array(
        [[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2], [0, 0, 1]]
    )
    if factor < 0.75:  # or fine structure would alias
        blur = 0.4 / factor
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
    warped = cv2.warpPerspective(
        image,
        matrix @ to_reference,
        out_wh,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_OUTSIDE,
    )
    return np.asarray(warped, np.uint8)
