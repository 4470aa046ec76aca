"""Features of single crops, pooled to cells: for looking at data, not for judging parts."""

from __future__ import annotations

from offspec import graphs
from offspec.backbones import make_backbone
from offspec.detectors.linear import one_thread_session
from offspec.types import FloatArray


class CropFeatures:
    """The weight-free bank on crops of one size; safe to share between threads.

    Args:
        side_px: Height and width of the crops.
        cell_px: Crop pixels per cell, a multiple of the bank's stride.
    """

    def __init__(self, side_px: int, cell_px: int) -> None:
        backbone = make_backbone("bank")
        pooled = cell_px // backbone.card.stride

        def build(crop: graphs.Var) -> list[graphs.Var]:
            return [graphs.mean_pool(backbone.build(crop), pooled)]

        self._session = one_thread_session(graphs.build_features((side_px, side_px), build))

    def of(self, crop: FloatArray) -> FloatArray:
        """(C, h, w) of a crop (3, side, side) in [0, 1]."""
        found: FloatArray = self._session.run(None, {"crop": crop[None]})[0][0]
        return found
