"""What a detector has to know of a backbone, and the seam a backbone fits behind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from offspec.geometry import TILE_HALO, TILE_MULTIPLE
from offspec.graphs import Var


@dataclass(frozen=True, slots=True)
class BackboneCard:
    """What a detector has to know of a backbone.

    Attributes:
        name: As in the bundle.
        stride: Crop pixels per feature cell.
        channels: Of the feature map.
        receptive_px: Crop pixels that can change one cell.
        multiple: Crop sides have to be a multiple of this.
        weights_sha256: Of the file that trained weights come from; None without.
    """

    name: str
    stride: int
    channels: int
    receptive_px: int
    multiple: int
    weights_sha256: str | None = None

    @property
    def foreign(self) -> bool:
        """Whether the features come from outside the package: ``file:`` or ``timm:``."""
        return ":" in self.name


class Backbone(Protocol):
    """A fixed map from crops to features; nothing in it is learned from defects."""

    @property
    def card(self) -> BackboneCard:
        """Stride, channels, receptive field, size multiple."""
        ...

    def build(self, crop: Var) -> Var:
        """Extend a graph from crop [N, 3, H, W] to features [N, C, H / stride, W / stride]."""
        ...


def tile_halo(card: BackboneCard) -> int:
    """Context that a native tile needs so that its core's map is that of one pass, in pixels.

    Half the receptive field, and two cells for what the detector smooths and enlarges.
    """
    reach = card.receptive_px / 2 + 2 * card.stride
    return max(TILE_HALO, math.ceil(reach / TILE_MULTIPLE) * TILE_MULTIPLE)
