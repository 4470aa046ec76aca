"""``reference`` with a head from a folder, so that candidates can be measured unshipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.ladder_sets import DETECTORS
from offspec.backbones import Backbone
from offspec.detectors.head import FILES, Head
from offspec.detectors.reference import ReferenceDetector
from offspec.graphs import parse_network
from offspec.types import FixedKind

SHIPPED = "shipped"


def read_head(folder: Path, kind: FixedKind) -> Head:
    """The head for a kind from a folder that ``pretraining.export_head`` wrote."""
    card = json.loads((folder / f"{FILES[kind]}.json").read_text())
    data = (folder / f"{FILES[kind]}.onnx").read_bytes()
    return Head(parse_network(data), card["backbone"], card["sha256"], card["receptive_px"])


def head_detector(folder: Path | None) -> str:
    """Register ``reference`` with the heads of a folder, or the package's; returns its name."""
    heads: dict[FixedKind, Head] = {
        kind: Head.shipped(kind) if folder is None else read_head(folder, kind)
        for kind in ("object", "texture")
    }
    name = f"head {heads['object'].sha256[:12]} {heads['texture'].sha256[:12]}"

    class WithHead(ReferenceDetector):
        """``reference`` with these heads."""

        def __init__(self, backbone: Backbone, net_hw: tuple[int, int], **options: Any) -> None:
            kind: FixedKind = options.get("kind", "object")
            super().__init__(backbone, net_hw, **{**options, "head": heads[kind]})

    DETECTORS[name] = WithHead
    return name
