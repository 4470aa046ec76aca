"""Augmentation of normals: further views of a good part, asked for by name, none by default.

A copy is a photograph that the station could have taken of the same part. Light, focus and noise
change the pixels of the original image; position changes the matrix that leads to them. So a
copy's crop is interpolated once and passes the same sampling as every image: what comes into a
region from beside it is really there, and what lies beyond the image is filled from the
reference. A copy depends on seed, image and its number alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import Field

from offspec.errors import OptionError
from offspec.options import Options, parse_options
from offspec.types import Alignment, DoubleArray, FloatArray, ImageArray

Mirror = Literal["none", "horizontal", "vertical", "both"]
Share = Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)]

COVERS: dict[str, str] = {
    "shift": "the part lies a little elsewhere than alignment finds",
    "rotation": "the part is turned a little further than alignment finds",
    "mirror": "the part has no orientation",
    "brightness": "more or less light",
    "contrast": "haze, stray light, another tone curve",
    "colour": "another colour of the light",
    "blur": "the focus drifts",
    "noise": "a noisier camera, or less light and more gain",
}
"""Every kind and what it stands for, in the order in which they are drawn."""
_IMPULSE_PX = 0.15  # a kernel narrower than this is one pixel


class Augmentation(Options):
    """What is varied in copies of normal images, and how far; all 0 = no copies.

    Attributes:
        shift: Largest displacement along each axis, original pixels.
        rotation: Largest turn about the region's centre, degrees, either way.
        mirror: horizontal swaps left and right, vertical top and bottom, both does either; about
            the middle of the region. Half of the copies along each of its axes are mirrored.
        brightness: Largest change of the light as a share, either way.
        contrast: Largest change of the distance to the image's mean as a share, either way.
        colour: Largest change of each colour channel as a share, either way.
        blur: Largest standard deviation of a Gaussian blur, original pixels.
        noise: Largest standard deviation of added noise, share of full scale.
        copies: Of each normal image.
    """

    shift: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    rotation: float = Field(default=0.0, ge=0, le=180, allow_inf_nan=False)
    mirror: Mirror = "none"
    brightness: Share = 0.0
    contrast: Share = 0.0
    colour: Share = 0.0
    blur: float = Field(default=0.0, ge=0, le=50, allow_inf_nan=False)
    noise: float = Field(default=0.0, ge=0, le=0.5, allow_inf_nan=False)
    copies: int = Field(default=4, ge=1, le=64)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is asked for, in the order of ``COVERS``."""
        return tuple(kind for kind in COVERS if getattr(self, kind) not in {0, "none"})

    @property
    def count(self) -> int:
        """Copies of each image; 0 when nothing is varied."""
        return self.copies if self.kinds else 0

    def words(self) -> str:
        """What is varied, for people."""
        return ", ".join(self.amount_words(kind) for kind in self.kinds) or "none"

    def amount_words(self, kind: str) -> str:
        """One kind and how far it goes."""
        amount = getattr(self, kind)
        if kind == "mirror":
            return {"both": "mirror both ways"}.get(amount, f"mirror {amount}")
        if kind in {"shift", "blur"}:
            return f"{kind} up to {amount:g} px"
        if kind == "rotation":
            return f"{kind} up to {amount:g} degrees"
        return f"{kind} up to {100 * amount:g} %"


@dataclass(frozen=True, slots=True)
class Variation:
    """What makes one copy; the default changes nothing.

    Attributes:
        shift_xy: How far the part lies right and down of its place, original pixels.
        rotation_deg: Counter-clockwise as seen.
        mirror_x: Left and right are swapped.
        mirror_y: Top and bottom are swapped.
        brightness: Relative change of all values.
        contrast: Relative change of the distance to the image's mean.
        colour: Relative change of red, green and blue.
        blur_px: Standard deviation.
        noise: Standard deviation, share of full scale.
        noise_seed: Of the noise.
    """

    shift_xy: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    mirror_x: bool = False
    mirror_y: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    blur_px: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0

    def matrix(self, box_xywh: Sequence[float]) -> DoubleArray:
        """(3, 3) from where something is seen to where it lay, both in reference pixels.

        Args:
            box_xywh: Of the region; turned and mirrored about its middle.
        """
        x, y, w, h = box_xywh
        cx, cy = x + w / 2 - 0.5, y + h / 2 - 0.5
        angle = math.radians(self.rotation_deg)
        c, s = math.cos(angle), math.sin(angle)
        back = np.array([[1.0, 0.0, -cx - self.shift_xy[0]],
                         [0.0, 1.0, -cy - self.shift_xy[1]],
                         [0.0, 0.0, 1.0]])  # fmt: skip
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        flip = np.diag([-1.0 if self.mirror_x else 1.0, -1.0 if self.mirror_y else 1.0, 1.0])
        there = np.array([[1.0, 0.0, cx], [0.0, 1.0, cy], [0.0, 0.0, 1.0]])
        return np.asarray(there @ flip @ turn @ back, np.float64)

    def place(self, alignment: Alignment, box_xywh: Sequence[float]) -> Alignment:
        """Where the copy of a region lies in the image; ``alignment`` is the region's own."""
        return replace(alignment, matrix=alignment.matrix @ self.matrix(box_xywh))

    def relight(self, image: ImageArray, bits: int) -> ImageArray:
        """The image under other light, focus and noise, stored as the camera would.

        Args:
            image: (H, W, 3), uint8 or uint16; not changed.
            bits: Significant bits of a 16-bit image.

        Returns:
            The same shape and dtype; ``image`` itself when nothing changes. A grey image stays
            grey unless ``colour`` says otherwise.
        """
        blurred = self.blur_px > _IMPULSE_PX
        if not (blurred or self.brightness or self.contrast or any(self.colour) or self.noise):
            return image
        full = 255.0 if image.dtype == np.uint8 else float(2**bits - 1)
        middle = float(image.mean(dtype=np.float64))
        grey = not any(self.colour) and _is_grey(image)
        rng = np.random.default_rng(self.noise_seed)
        found = np.empty_like(image)
        for channel in range(1 if grey else 3):
            values = self._channel(image[..., channel], channel, middle)
            if self.noise:
                noise = rng.standard_normal(values.shape, dtype=np.float32)
                values += noise * np.float32(self.noise * full)
            np.rint(np.clip(values, 0, full, out=values), out=values)
            found[..., channel] = values
        if grey:
            found[..., 1] = found[..., 2] = found[..., 0]
        return found

    def _channel(self, plane: Any, channel: int, middle: float) -> FloatArray:
        """One channel blurred, its contrast changed about ``middle``, then its level."""
        values: FloatArray = np.ascontiguousarray(plane, np.float32)
        if self.blur_px > _IMPULSE_PX:
            values = np.asarray(
                cv2.GaussianBlur(values, (0, 0), self.blur_px, borderType=cv2.BORDER_REPLICATE)
            )
        gain = (1 + self.brightness) * (1 + self.colour[channel])
        stretch = (1 + self.contrast) * gain
        found: FloatArray = values * np.float32(stretch) + np.float32(middle * (gain - stretch))
        return found


def _is_grey(image: ImageArray) -> bool:
    first = image[..., 0]
    return bool((image[..., 1] == first).all() and (image[..., 2] == first).all())


def variations(settings: Augmentation, seed: int, sha256: str) -> list[Variation]:
    """The copies of one image.

    Args:
        settings: What is varied.
        seed: Of the fit.
        sha256: Of the image's pixels.

    Returns:
        One a copy. Asking for more copies, or for a further kind, keeps what the others are.
    """
    return [_draw(settings, f"{seed}:{sha256}:{number}") for number in range(settings.count)]


def _draw(settings: Augmentation, key: str) -> Variation:
    digest = hashlib.sha256(key.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "little"))
    signed = [float(value) for value in rng.uniform(-1, 1, 8)]
    upward = [float(value) for value in rng.uniform(0, 1, 4)]
    red, green, blue = (settings.colour * value for value in signed[5:])
    return Variation(
        shift_xy=(settings.shift * signed[0], settings.shift * signed[1]),
        rotation_deg=settings.rotation * signed[2],
        mirror_x=settings.mirror in {"horizontal", "both"} and upward[0] < 0.5,
        mirror_y=settings.mirror in {"vertical", "both"} and upward[1] < 0.5,
        brightness=settings.brightness * signed[3],
        contrast=settings.contrast * signed[4],
        colour=(red, green, blue),
        blur_px=settings.blur * upward[2],
        noise=settings.noise * upward[3],
        noise_seed=int.from_bytes(digest[16:24], "little"),
    )


def extremes(settings: Augmentation, kind: str) -> list[tuple[str, Variation]]:
    """The copies that one kind alone makes at its ends, each with a label."""
    if kind == "mirror":
        ways = {"horizontal": Variation(mirror_x=True), "vertical": Variation(mirror_y=True)}
        named = list(ways) if settings.mirror == "both" else [settings.mirror]
        return [(f"mirrored, {name}", ways[name]) for name in named]
    a = float(getattr(settings, kind))
    share = f"{100 * a:g} %"
    ends: Mapping[str, Sequence[tuple[str, Variation]]] = {
        "shift": [
            (f"{a:g} px left and up", Variation(shift_xy=(-a, -a))),
            (f"{a:g} px right and down", Variation(shift_xy=(a, a))),
        ],
        "rotation": [
            (f"{a:g} degrees clockwise", Variation(rotation_deg=-a)),
            (f"{a:g} degrees counter-clockwise", Variation(rotation_deg=a)),
        ],
        "brightness": [
            (f"{share} darker", Variation(brightness=-a)),
            (f"{share} brighter", Variation(brightness=a)),
        ],
        "contrast": [
            (f"{share} less contrast", Variation(contrast=-a)),
            (f"{share} more contrast", Variation(contrast=a)),
        ],
        "colour": [
            (f"{share} bluer, less red", Variation(colour=(-a, 0.0, a))),
            (f"{share} redder, less blue", Variation(colour=(a, 0.0, -a))),
        ],
        "blur": [
            (f"blur of {a / 2:g} px", Variation(blur_px=a / 2)),
            (f"blur of {a:g} px", Variation(blur_px=a)),
        ],
        "noise": [
            (f"noise of {50 * a:g} %", Variation(noise=a / 2)),
            (f"noise of {share}", Variation(noise=a)),
        ],
    }
    return list(ends[kind])


def parse_augmentation(given: Sequence[str], base: Augmentation) -> Augmentation:
    """Settings from ``NAME=AMOUNT`` words laid over others.

    Raises:
        OptionError: Not of that form, an unknown name, or an amount out of range.
    """
    changed: dict[str, Any] = base.model_dump()
    for word in given:
        name, equals, text = word.partition("=")
        known = ", ".join(sorted(Augmentation.model_fields))
        if name not in Augmentation.model_fields:
            raise OptionError(
                f"Augmentation '{name}' is unknown. Known: {known}. Write NAME=AMOUNT, such as "
                "shift=2."
            )
        if not equals or not text:
            raise OptionError(
                f"Augmentation '{word}' has no amount. It is NAME=AMOUNT, NAME one of {known}. "
                "Write it so, such as shift=2 or mirror=horizontal."
            )
        changed[name] = _amount(name, text)
    found = parse_options(Augmentation, changed, "augmentation")
    assert isinstance(found, Augmentation)  # noqa: S101 - for the type checker
    return found


def _amount(name: str, text: str) -> str | int | float:
    """As the settings take it; what is no number stays text, which they refuse."""
    if name == "mirror":
        return text
    try:
        return int(text) if name == "copies" else float(text)
    except ValueError:
        return text
