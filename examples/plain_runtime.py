"""Judge aligned crops with an exported model: numpy and onnxruntime, nothing else.

    offspec export part.offspec --out plain
    python plain_runtime.py plain crop0.npy [crop1.npy ...] [--map map.npy]

One .npy per graph group, float32 (n_slots, 3, h, w) in slot order, RGB in [0, 1], cut as
SPEC.md section 4 says. Prints JSON; --map saves the first region's map.
"""

# ruff: noqa: D103, T201
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort


def infer(graph, crops):
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    feeds = {"crop": crops}
    if len(session.get_inputs()) > 1:
        feeds["slot"] = np.arange(len(crops), dtype=np.int64)
    return session.run(["map"], feeds)[0][:, 0]


def region_map(region, maps):
    grid = np.zeros(region["grid_hw"], np.float32)
    for tile in region["tiles"]:
        (y0, y1, x0, x1), (y, x) = tile["core"], tile["offset_yx"]
        kept = maps[tile["group"]][tile["slot"], y0:y1, x0:x1]
        grid[y : y + y1 - y0, x : x + x1 - x0] = kept
    return grid


def log_p(curve, z):
    inside = float(np.interp(z, curve["knots"], curve["log_p"]))
    beyond = max(z - curve["knots"][-1], 0.0)
    return inside - curve["k"] * math.log1p(beyond / curve["tail_scale"])


def judge(region, curve, values):
    raw = float(np.sort(values.ravel())[-region["k"] :].mean(dtype=np.float64))
    z = (raw - region["median"]) / region["scale"]
    share = log_p(curve, z) / region["log_a"]
    word = "ok" if raw <= region["review_raw"] else "review"
    if raw > region["ng_raw"] and not region["provisional"]:
        word = "ng"
    score = 0.5 if raw == region["threshold_raw"] else 1 - 2**-share
    return {"id": region["id"], "verdict": word, "deviation_score": score, "raw_score": raw}


def main(folder, *arguments):
    files, target = list(arguments), None
    if "--map" in files:
        at = files.index("--map")
        target, files = files[at + 1], files[:at]
    params = json.loads((Path(folder) / "params.json").read_text(encoding="utf-8"))
    crops = [np.load(name, allow_pickle=False) for name in files]
    crops = [c if c.ndim == 4 else c[None] for c in crops]
    maps = [
        infer(Path(folder) / g["graph"], c) for g, c in zip(params["groups"], crops, strict=True)
    ]
    grids = [region_map(region, maps) for region in params["regions"]]
    masks = [np.load(Path(folder) / region["mask"]) for region in params["regions"]]
    todo = zip(params["regions"], grids, masks, strict=True)
    regions = [judge(region, params["curve"], grid[mask]) for region, grid, mask in todo]
    words = {region["verdict"] for region in regions}
    verdict = next(word for word in ("ng", "review", "ok") if word in words)
    print(json.dumps({"verdict": verdict, "regions": regions}))
    if target:
        np.save(target, grids[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
