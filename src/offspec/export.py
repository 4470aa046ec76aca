"""Plain ONNX and JSON for programs that use nothing of offspec; ``bundle/SPEC.md`` section 8."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from offspec.bundle import Bundle
from offspec.geometry import core_offsets, grid_mask, region_grid
from offspec.images import atomic_write
from offspec.types import BoolArray

EXPORT_VERSION = 1


def export_plain(bundle: Bundle, folder: Path | str) -> None:
    """Write graphs, region masks and ``params.json`` into an existing folder.

    Args:
        bundle: A fitted model.
        folder: Files of the same names are replaced; ``params.json`` is written last.

    Raises:
        WriteError: Disk full, no rights or no such folder; files written before are removed.
    """
    target = Path(folder)
    files = export_files(bundle)
    written: list[Path] = []
    done = False
    try:
        for name, data in files.items():
            atomic_write(target / name, data)
            written.append(target / name)
        done = True
    finally:
        if not done:
            for path in written:
                path.unlink(missing_ok=True)


def export_files(bundle: Bundle) -> dict[str, bytes]:
    """File name to bytes, ``params.json`` last; equal models give equal bytes."""
    manifest = bundle.manifest
    files = {g.file: data for g, data in zip(manifest.groups, bundle.graphs, strict=True)}
    regions: list[dict[str, Any]] = []
    for index, region in enumerate(manifest.template.regions):
        tiles = [tile for tile in manifest.tiles if tile.region_index == index]
        grid = region_grid(tiles)
        files[f"mask{index}.npy"] = _npy(grid_mask(region, grid))
        regions.append(
            {
                **_verdict_numbers(bundle, region.id),
                "id": region.id,
                "name": region.name,
                "grid_hw": list(grid.size_hw),
                "grid_box_xywh": list(grid.box_xywh),
                "mask": f"mask{index}.npy",
                "tiles": [
                    {
                        "group": tile.group,
                        "slot": tile.slot,
                        "box_xywh": list(tile.box_xywh),
                        "core": list(tile.core),
                        "offset_yx": list(offset),
                    }
                    for tile, offset in zip(tiles, core_offsets(tiles), strict=True)
                ],
            }
        )
    curve = manifest.calibration.curve
    knots = [curve.origin, *sorted(set(curve.scores))]
    params = {
        "format": "offspec-plain",
        "format_version": EXPORT_VERSION,
        "bits": manifest.bits,
        "groups": [
            {"graph": g.file, "net_hw": list(g.net_hw), "n_slots": g.n_slots}
            for g in manifest.groups
        ],
        "regions": regions,
        "curve": {
            "knots": knots,
            "log_p": [min(0.0, curve.log_p(knot)) for knot in knots],
            "k": curve.k,
            "tail_scale": curve.excess_sum + curve.scores[-1] - curve.t,
        },
    }
    text = json.dumps(params, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    files["params.json"] = (text + "\n").encode()
    return files


def _verdict_numbers(bundle: Bundle, region_id: str) -> dict[str, Any]:
    """What turns one region's raw score into deviation score and verdict."""
    calibration = bundle.manifest.calibration
    threshold = calibration.region_threshold_raw(region_id)
    scale = calibration.scales[region_id]
    return {
        "k": bundle.manifest.score_k[region_id],
        "threshold_raw": threshold,
        "ng_raw": calibration.decision_raw(region_id, calibration.t_ng),
        "review_raw": calibration.decision_raw(region_id, calibration.t_review),
        "provisional": calibration.provisional,
        "median": scale.median,
        "scale": scale.scale,
        "log_a": calibration.log_p(region_id, threshold),
    }


def _npy(mask: BoolArray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, mask, allow_pickle=False)
    return buffer.getvalue()
