"""From an image to network crops, and from network maps to region scores.

Fitting, calibration folds, evaluation and inspection all pass through here, so an image is
aligned, cut and scored in exactly one way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from offspec.align import Aligner
from offspec.errors import RuntimeBackendError, ShapeError
from offspec.fill import fill_crop, plan_fill
from offspec.gate import GateLimits
from offspec.geometry import (
    GraphGroup,
    RegionGrid,
    Tile,
    assemble,
    grid_mask,
    overhang_px,
    region_grid,
    sample_crop,
    visible_mask,
)
from offspec.runtime.base import SlotArray
from offspec.template import Region, Template
from offspec.types import Alignment, BoolArray, FloatArray, GateFailure, ImageArray

_BLOCK = 64
OVERHANG_PX = 1.0  # a region may stick out of the image this far before it is invalid


@dataclass(frozen=True)
class RegionPlace:
    """What is computed once for a region.

    Attributes:
        tiles: Its network crops.
        grid: Where their kept cores lie.
        mask: On the grid, True where the region is judged; None when that is everywhere.
        reference_mask: (H, W) in reference pixels.
    """

    region: Region
    tiles: tuple[Tile, ...]
    grid: RegionGrid
    mask: BoolArray | None
    reference_mask: BoolArray


@dataclass(frozen=True)
class Prepared:
    """An image on its way to the graphs.

    Attributes:
        image_hw: Size of the original image.
        alignment: Of the whole image.
        failure: Why no region can be judged; then there are no crops.
        region_alignments: One per region; the whole image's unless regions are refined.
        region_failures: Region index to why that region cannot be judged.
        masks: One per region, on its grid: True where it is judged and on the image; None =
            everywhere.
        crops: One (n_slots, 3, h, w) float32 array per graph group, in slot order.
    """

    image_hw: tuple[int, int]
    alignment: Alignment
    failure: GateFailure | None
    region_alignments: tuple[Alignment, ...]
    region_failures: Mapping[int, GateFailure]
    masks: tuple[BoolArray | None, ...]
    crops: tuple[FloatArray, ...]


class Sampler:
    """Cuts and scores; knows the template, not the model. Safe to share between threads.

    Args:
        template: With alignment mode decided.
        tiles: From ``geometry.plan_tiles``.
        groups: Likewise.
        bits: Significant bits of 16-bit images; 8 for 8-bit ones.
        reference: The image the template was drawn on.
        limits: What an image may measure; wide open by default.
    """

    def __init__(
        self,
        template: Template,
        tiles: Sequence[Tile],
        groups: Sequence[GraphGroup],
        bits: int,
        reference: ImageArray,
        limits: GateLimits | None = None,
    ) -> None:
        self.template = template
        self.tiles = tuple(tiles)
        self.groups = tuple(groups)
        self.bits = bits
        self._reference = reference
        self._reference_crops: dict[int, FloatArray] = {}
        self.aligner = Aligner(
            reference, template.alignment, template.size_policy, limits=limits, bits=bits
        )
        self.places = tuple(
            _place(region, [t for t in tiles if t.region_index == index], template.size_wh)
            for index, region in enumerate(template.regions)
        )
        self._fills = tuple(
            plan_fill(template.regions[tile.region_index], tile, template.size_wh)
            for tile in self.tiles
        )
        self.slots: tuple[SlotArray, ...] = tuple(
            np.arange(group.n_slots, dtype=np.int64) for group in groups
        )

    def align(self, image: ImageArray) -> tuple[Alignment, GateFailure | None]:
        """Lay an image over the reference and hold it against the gate.

        Raises:
            ShapeError: Not (H, W, 3), or another bit depth than the model was fitted on.
        """
        self._check(image)
        alignment = self.aligner.align(image)
        return alignment, self.aligner.gate(image, alignment)

    def _check(self, image: ImageArray) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 1:
            raise ShapeError(
                f"The image has shape {image.shape}. It has to be (height, width, 3), RGB. "
                "Read it with offspec.read_image."
            )
        if image.dtype != self._reference.dtype:
            raise ShapeError(
                f"The image is {image.dtype}. The model was fitted on {self._reference.dtype} "
                "images. Save images with the bit depth that was used for fitting."
            )

    def cut(
        self,
        image: ImageArray,
        alignment: Alignment,
        failure: GateFailure | None = None,
        placed: Sequence[Alignment] | None = None,
    ) -> Prepared:
        """Cut every crop of an aligned image, one interpolation each.

        What is excluded or lies beyond the image is filled from the reference.

        Args:
            image: (H, W, 3), of the reference's depth.
            alignment: Of the whole image.
            failure: Why nothing of it can be judged; then nothing is cut.
            placed: Where each region lies, if that is known; None = as the template says.
        """
        image_hw = (image.shape[0], image.shape[1])
        if failure is not None:
            same = (alignment,) * len(self.places)
            return Prepared(image_hw, alignment, failure, same, {}, (), ())
        alignments = self._region_alignments(image, alignment) if placed is None else tuple(placed)
        crops = tuple(
            np.empty((group.n_slots, 3, *group.net_hw), np.float32) for group in self.groups
        )
        for index, (tile, fill) in enumerate(zip(self.tiles, self._fills, strict=True)):
            out, own = crops[tile.group][tile.slot], alignments[tile.region_index]
            sample_crop(image, self.bits, own, tile, out)
            fill_crop(out, fill, own, image_hw, partial(self._reference_crop, index))
        failures = self._outside(alignments, image_hw)
        masks = tuple(
            _judged(place, own, image_hw)
            for place, own in zip(self.places, alignments, strict=True)
        )
        return Prepared(image_hw, alignment, None, alignments, failures, masks, crops)

    def _reference_crop(self, index: int) -> FloatArray:
        """A tile's crop of the reference, cut when it is first needed."""
        crop = self._reference_crops.get(index)
        if crop is None:  # two threads may both cut it; they get the same
            crop = sample_crop(self._reference, self.bits, Alignment(np.eye(3)), self.tiles[index])
            self._reference_crops[index] = crop
        return crop

    def prepare(self, image: ImageArray) -> Prepared:
        """Align, gate and cut an image."""
        return self.cut(image, *self.align(image))

    def _region_alignments(self, image: ImageArray, alignment: Alignment) -> tuple[Alignment, ...]:
        if not self.template.alignment.refine_regions:
            return (alignment,) * len(self.places)
        return tuple(
            self.aligner.refine_region(image, alignment, place.region) for place in self.places
        )

    def _outside(
        self, alignments: Sequence[Alignment], image_hw: tuple[int, int]
    ) -> dict[int, GateFailure]:
        """Regions that are not wholly in the image."""
        failures: dict[int, GateFailure] = {}
        for index, (place, alignment) in enumerate(zip(self.places, alignments, strict=True)):
            far = overhang_px(place.region, self.template.size_wh, alignment, image_hw)
            if far > OVERHANG_PX:
                failures[index] = GateFailure(
                    "outside",
                    f"Region '{place.region.name}' reaches {far:.1f} pixels beyond the image. At "
                    f"most {OVERHANG_PX:g} is allowed. Reposition the part or the camera.",
                )
        return failures

    def region_maps(self, maps: Sequence[FloatArray]) -> list[FloatArray]:
        """Lay each region's kept cores side by side.

        Args:
            maps: One (n_slots, h, w) array per graph group, raw.

        Returns:
            One (H, W) map per region, on its grid.
        """
        return [
            assemble(place.tiles, [maps[tile.group][tile.slot] for tile in place.tiles])
            for place in self.places
        ]

    def scores(
        self,
        prepared: Prepared,
        region_maps: Sequence[FloatArray],
        score_k: Mapping[str, int],
    ) -> dict[str, float]:
        """Raw score of every region that can be judged.

        Args:
            prepared: The image.
            region_maps: From ``region_maps``.
            score_k: Region id to how many of its largest values are averaged.

        Returns:
            Region id to raw score, >= 0, higher = more anomalous.
        """
        found: dict[str, float] = {}
        if prepared.failure is not None:
            return found
        for index, (place, values) in enumerate(zip(self.places, region_maps, strict=True)):
            if index in prepared.region_failures:
                continue
            mask = prepared.masks[index]
            inside = values.ravel() if mask is None else values[mask]
            if inside.size == 0:
                continue
            score = largest_mean(inside, score_k[place.region.id])
            if not np.isfinite(score):
                raise RuntimeBackendError(
                    f"The map of region '{place.region.id}' holds values that are not finite. "
                    "Maps are finite numbers. Fit again; the statistics are damaged."
                )
            found[place.region.id] = score
        return found


def _judged(
    place: RegionPlace, alignment: Alignment, image_hw: tuple[int, int]
) -> BoolArray | None:
    """Grid pixels of a region that count: inside it and on the image; None = all."""
    seen = visible_mask(place.grid, alignment, image_hw)
    if seen is None or place.mask is None:
        return place.mask if seen is None else seen
    return seen & place.mask


def largest_mean(values: FloatArray, k: int) -> float:
    """Mean of the k largest values; equals ``calibration.region_score`` to the last bit, sooner.

    Selecting from a whole map is slow where many values are equal, as in maps with a tolerance.
    The k-th largest of the maxima of short blocks is a bound that at least k values reach, so
    only what lies above it has to be sorted.

    Args:
        values: (n,), n >= 1, raw.
        k: How many.
    """
    n_blocks = values.size // _BLOCK
    if n_blocks <= k:
        top = np.sort(values)[-k:]
        return float(top.mean(dtype=np.float64))
    maxima = values[: n_blocks * _BLOCK].reshape(n_blocks, _BLOCK).max(axis=1)
    rest = values[n_blocks * _BLOCK :]
    if not (np.isfinite(maxima).all() and np.isfinite(rest).all()):
        return math.nan
    bound = np.sort(maxima)[-k]
    above = np.sort(values[values > bound])[-k:]
    top = np.concatenate([np.full(k - above.size, bound, np.float32), above])
    return float(top.mean(dtype=np.float64))


def _place(region: Region, tiles: Sequence[Tile], size_wh: tuple[int, int]) -> RegionPlace:
    grid = region_grid(tiles)
    mask = grid_mask(region, grid)
    return RegionPlace(
        region,
        tuple(tiles),
        grid,
        None if mask.all() else mask,
        region.mask((size_wh[1], size_wh[0])),
    )
