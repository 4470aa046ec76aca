"""A small pool of plain canvases, so that tests need no rendering."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

SIDE = 384


def write_pool(path: Path, count: int = 6) -> Path:
    """Smooth colours with disks on them; every second canvas counts as a texture."""
    rng = np.random.default_rng(5)
    canvases = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    for canvas in canvases:
        coarse = rng.random((16, 16, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        canvas[:] = np.clip(smooth * 255, 0, 255)
        for _ in range(40):
            y, x = (int(v) for v in rng.integers(0, SIDE, 2))
            colour = [int(v) for v in rng.integers(0, 255, 3)]
            cv2.circle(canvas, (x, y), int(rng.integers(4, 40)), colour, -1)
    path.mkdir(parents=True, exist_ok=True)
    np.save(path / "canvases.npy", canvases)
    items = [
        {"program": f"p{i % 4}", "family": "f", "seed": i, "kind": ("texture", "scene")[i % 2]}
        for i in range(count)
    ]
    programs = [f"p{i}" for i in range(4)]
    index = {"side": SIDE, "seed": 5, "programs": programs, "items": items}
    (path / "index.json").write_text(json.dumps(index))
    return path
