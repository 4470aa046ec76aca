"""Seeded re-renders of one image: light, noise, focus and position change, the part does not.

Used where real normals are missing: provisional thresholds, and the tolerance of a template learned
from a single reference. A render never adds or removes anything on the part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from offspec.errors import OptionError, ShapeError
from offspec.types import DoubleArray, FloatArray


@dataclass(frozen=True, slots=True)
class NuisanceRange:
    """How far each nuisance goes; drawn uniformly, symmetric about no change where signed.

    Attributes:
        gain: Relative change of brightness, 0.04 = up to 4 % darker or brighter.
        offset: Added level, in units of full scale.
        gamma: Relative change of the exponent of the tone curve.
        tint: Relative change of one colour channel against the others.
        noise_sigma: Largest standard deviation of added Gaussian noise, full scale = 1.
        blur_sigma_px: Largest standard deviation of Gaussian blur, in pixels.
        shift_px: Largest displacement per axis, in pixels, sub-pixel steps.
        rotation_deg: Largest rotation about the image centre.
        vignetting: Largest relative loss of light in the corners.
    """

    gain: float = 0.04
    offset: float = 0.01
    gamma: float = 0.03
    tint: float = 0.01
    noise_sigma: float = 0.012
    blur_sigma_px: float = 0.7
    shift_px: float = 1.0
    rotation_deg: float = 0.0
    vignetting: float = 0.04


DEFAULT_RANGE = NuisanceRange()


def nuisance_renders(
    image: FloatArray, n: int, seed: int, nuisance: NuisanceRange = DEFAULT_RANGE
) -> list[FloatArray]:
    """Render ``n`` versions of one image that a tolerant inspector must call good.

    Args:
        image: (H, W, 3) float32 RGB, linear in [0, 1]; never changed in place.
        n: How many renders, at least 0.
        seed: Same seed, image and range give the same renders. Render i depends on (seed, i)
            alone, so asking for more keeps the first ones.
        nuisance: How far each nuisance goes.

    Returns:
        ``n`` arrays of the shape of ``image``, float32 in [0, 1].

    Raises:
        ShapeError: ``image`` is not (H, W, 3).
        OptionError: ``n`` is negative.

    Example:
        >>> image = np.full((8, 8, 3), 0.5, dtype=np.float32)
        >>> [render.shape for render in nuisance_renders(image, 2, seed=0)]
        [(8, 8, 3), (8, 8, 3)]
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError(
            f"Image for nuisance renders has shape {image.shape}. It must be (H, W, 3), RGB in "
            "[0, 1]. Convert it with images.to_unit first."
        )
    if n < 0:
        raise OptionError(f"Number of renders is {n}. It must be 0 or more. Ask for at least 1.")
    return [_render(image, np.random.default_rng((seed, i)), nuisance) for i in range(n)]


def _render(image: FloatArray, rng: np.random.Generator, limits: NuisanceRange) -> FloatArray:
    """One render: move, then defocus, then light, then sensor noise, as in a camera."""
    moved = _move(image, rng, limits)
    sigma = float(rng.uniform(0.0, limits.blur_sigma_px))
    if sigma > 0.15:  # below that the sampled kernel is a unit impulse
        moved = np.asarray(
            cv2.GaussianBlur(moved, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE),
            dtype=np.float32,
        )
    lit = _relight(moved, rng, limits)
    noise_sigma = rng.uniform(0.0, limits.noise_sigma)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(noise_sigma)
    return np.clip(lit + noise, 0.0, 1.0).astype(np.float32)


def _move(image: FloatArray, rng: np.random.Generator, limits: NuisanceRange) -> FloatArray:
    """Shift and turn about the centre, one bilinear interpolation."""
    height, width = image.shape[:2]
    dx, dy = rng.uniform(-limits.shift_px, limits.shift_px, 2)
    angle = float(rng.uniform(-limits.rotation_deg, limits.rotation_deg))
    if dx == 0.0 and dy == 0.0 and angle == 0.0:
        return image.astype(np.float32)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[:, 2] += (dx, dy)
    warped = cv2.warpAffine(
        image.astype(np.float32),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, dtype=np.float32)


def _relight(image: FloatArray, rng: np.random.Generator, limits: NuisanceRange) -> FloatArray:
    """Tone curve, gain, tint, level and loss of light toward the corners."""
    gain = 1.0 + rng.uniform(-limits.gain, limits.gain)
    tint = 1.0 + rng.uniform(-limits.tint, limits.tint, 3)
    gamma = 1.0 + float(rng.uniform(-limits.gamma, limits.gamma))
    offset = float(rng.uniform(-limits.offset, limits.offset))
    loss = float(rng.uniform(0.0, limits.vignetting))
    light = 1.0 - loss * _radius_squared(image.shape[0], image.shape[1])
    curve = np.power(np.clip(image, 0.0, 1.0), gamma)
    scaled = curve * (gain * tint).astype(np.float32) * light[..., None].astype(np.float32)
    return np.asarray(scaled + np.float32(offset), dtype=np.float32)


def _radius_squared(height: int, width: int) -> DoubleArray:
    """(H, W): squared distance from the centre, 0 there and 1 in the corners."""
    y = np.linspace(-1.0, 1.0, height) if height > 1 else np.zeros(1)
    x = np.linspace(-1.0, 1.0, width) if width > 1 else np.zeros(1)
    return np.asarray((y[:, None] ** 2 + x[None, :] ** 2) / 2.0, dtype=np.float64)
