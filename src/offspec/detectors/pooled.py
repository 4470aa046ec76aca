"""What trained detectors on pooled backbone features share: the grid and the features on it."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
from pydantic import Field

from offspec import graphs
from offspec.backbones import Backbone
from offspec.detectors.linear import one_thread_session
from offspec.detectors.trained import TrainedDetector, TrainedOptions
from offspec.graphs import Var
from offspec.types import FloatArray


class PooledOptions(TrainedOptions):
    """Options of both."""

    grid: Literal[4, 8, 16] = Field(
        default=4, description="Crop pixels per place; features of a finer backbone are pooled."
    )


class PooledDetector(TrainedDetector):
    """Base of ``flow`` and ``student``; arguments as ``FeatureDetector``."""

    @property
    def grid_stride(self) -> int:
        """See ``FeatureDetector.grid_stride``."""
        grid = cast("PooledOptions", self.options).grid
        return self.backbone.card.stride * pooling(self.backbone, self.net_hw, grid)

    def _pooled(self, crop: Var) -> Var:
        factor = self.grid_stride // self.backbone.card.stride
        return graphs.mean_pool(self.backbone.build(crop), factor)

    def _features(self, crops: FloatArray) -> FloatArray:
        """(n, C, h, w), crop by crop."""
        session = one_thread_session(
            graphs.build_features(self.net_hw, lambda crop: [self._pooled(crop)])
        )
        return np.concatenate([session.run(None, {"crop": crop[None]})[0] for crop in crops])


def pooling(backbone: Backbone, net_hw: tuple[int, int], grid: int) -> int:
    """How many feature cells a side are pooled to one so that a place takes ``grid`` pixels.

    1 where the backbone is not finer, or where the cells do not come out even.
    """
    stride = backbone.card.stride
    factor = max(grid // stride, 1)
    even = all(side // stride % factor == 0 for side in net_hw)
    return factor if even else 1
