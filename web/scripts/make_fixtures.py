"""Writes the fixtures of the studio's core, with the Python package as the truth."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from offspec.annotations import (
    Annotation,
    DefectShape,
    from_labelme,
    read_annotation,
    to_labelme,
    write_annotation,
)
from offspec.guarantee import clopper_pearson
from offspec.masks import mask_polygons
from offspec.metrics import auroc
from offspec.operating_points import (
    PER,
    Costs,
    Points,
    cost_of_bad,
    cost_of_good,
    expected_cost,
    shares,
)
from offspec.regions import Exclusion, Region
from offspec.resolution import plan_resolution, propose_split
from offspec.template import AlignSettings, Template, write_template
from offspec.types import BoolArray

OUT = Path(__file__).parents[1] / "src" / "core" / "fixtures"

SIDECARS = {
    "sidecar_full": Annotation(
        image_name="基板.png",
        size_wh=(30, 20),
        verdicts={"cap": "ng", "label": "ok", "": "ng"},
        defects=(
            DefectShape("scratch", ((2, 2), (6, 2), (6, 5), (2, 5)), "cap"),
            DefectShape('a "stain"\n', ((0.1, 1e-5), (12.345678901234567, 3.5), (7, 9.25))),
        ),
        split="test",
        part_id="SN-1",
        regions=(DefectShape("Cap", ((0, 0), (29, 0), (29, 19)), "cap"),),
    ),
    "sidecar_free": Annotation(
        image_name="good.png",
        size_wh=(640, 480),
        defect_free=True,
        verdicts={"1": "ok"},
        split="train",
    ),
}

LABELME: dict[str, Any] = {
    "flags": {"OK": False, "NG": True, "other": True},
    "imagePath": "..\\line\\a.png",
    "imageWidth": 30,
    "imageHeight": 20,
    "lineColor": [1],
    "shapes": [
        {"label": "r", "points": [[6, 5], [2, 2]], "shape_type": "rectangle", "flags": {}},
        {"label": "c", "points": [[15, 10], [15, 5]], "shape_type": "circle", "flags": None},
        {"label": "l", "points": [[2, 2], [6, 2], [6, 5]], "shape_type": "linestrip"},
        {"label": "p", "points": [[3, 3], [4, 4]], "shape_type": "points", "group_id": 0},
        {"label": None, "points": [[3, 3]], "shape_type": "polygon"},
        {"label": "cap", "points": [[1, 1], [9, 1], [9, 9]], "flags": {"ng": True}},
    ],
}

REGIONS = (
    Region(
        "cap",
        "Kappe",
        "rectangle",
        ((10.5, 20.0), (700.25, 600.0)),
        (
            Exclusion("ellipse", ((50.0, 60.0), (90.0, 80.0))),
            Exclusion("polygon", ((100.0, 100.0), (160.0, 100.0), (130.0, 150.0))),
        ),
        12.0,
        "object",
        "fast",
    ),
    Region(
        "label-1",
        "Label 1",
        "polygon",
        ((800.0, 100.0), (1000.0, 120.0), (980.0, 300.0), (790.0, 280.0)),
        resolution="accurate",
    ),
    Region("disc", "disc", "ellipse", ((1000.0, 500.0), (1200.0, 700.0)), kind="texture"),
)

PLANS: tuple[tuple[float, float, Any, float], ...] = (
    (500, 400, "auto", 16),
    (1000, 900, "auto", 16),
    (3000, 700, "auto", 16),
    (3000, 700, "fast", 16),
    (2000.5, 1800, "accurate", 9.5),
    (900, 300, "fast", 5),
    (100, 100, "auto", 2),
    (3000, 2500, "fast", 7),
)


def masks() -> list[BoolArray]:
    """Random ones, one with holes side by side, one with an island in a hole."""
    rng = np.random.default_rng(7)
    ring = np.ones((8, 9), np.bool_)
    ring[2:5, 2:4] = ring[3, 6:8] = ring[6, 2:7] = False
    island = np.ones((9, 9), np.bool_)
    island[1:8, 1:8] = False
    island[3:6, 3:6] = True
    island[4, 4] = False
    return [*(rng.random((9, 11)) < share for share in (0.35, 0.5, 0.65, 0.8)), ring, island]


def mask_case(mask: BoolArray) -> dict[str, Any]:
    """A mask as text, and its outlines."""
    return {
        "rows": ["".join("#" if v else "." for v in row) for row in mask],
        "polygons": [[[int(x), int(y)] for x, y in ring] for ring in mask_polygons(mask)],
    }


def plan_case(width: float, height: float, resolution: Any, smallest: float) -> dict[str, Any]:
    """What is advised for a rectangle of this size."""
    exclusion = Exclusion("rectangle", ((20.0, 20.0), (60.0, 60.0)))
    corners = ((3.25, 4.0), (3.25 + width, 4.0 + height))
    region = Region("r", "R", "rectangle", corners, (exclusion,), resolution=resolution)
    plan = plan_resolution(region, smallest)
    return {
        "width": width,
        "height": height,
        "resolution": resolution,
        "smallest": smallest,
        "chosen": plan.resolution,
        "defect_px": plan.defect_px,
        "proposal": plan.proposal,
        "split": [
            {"id": r.id, "name": r.name, "points": r.points_xy, "exclusions": len(r.exclusions)}
            for r in propose_split(region, smallest)
        ],
    }


COUNTS = (
    (0, 1),
    (1, 1),
    (0, 5),
    (5, 5),
    (1, 14),
    (13, 14),
    (3, 40),
    (299, 300),
    (0, 299),
    (17, 1000),
    (1, 20000),
    (9999, 20000),
)


def intervals() -> list[dict[str, Any]]:
    """Exact binomial intervals."""
    found = []
    for confidence in (0.95, 0.8):
        for k, n in COUNTS:
            low, high = clopper_pearson(k, n, confidence)
            found.append({"k": k, "n": n, "confidence": confidence, "low": low, "high": high})
    return found


def operating() -> dict[str, Any]:
    """Verdicts, costs and AUROC of scores; null = could not be judged."""
    rng = np.random.default_rng(3)
    good = np.round(rng.beta(2, 6, 60), 6)
    bad = np.round(rng.beta(6, 2, 40), 6)
    bad[:3] = good[:3]  # ties
    unjudged_good, unjudged_bad = np.append(good, np.inf), np.append(bad, [-np.inf, -np.inf])
    prices = Costs(miss=80.0, false_alarm=2.5, review=0.4, defect_rate=0.015)
    cases = []
    for review, ng in ((0.5, 0.5), (0.3, 0.6), (float(good[0]), float(good[0])), (0.001, 0.999)):
        points = Points(review, ng)
        cost = expected_cost(
            prices,
            cost_of_good(prices, points, unjudged_good),
            cost_of_bad(prices, points, unjudged_bad),
        )
        cases.append(
            {
                "review": review,
                "ng": ng,
                "good": shares(points, unjudged_good),
                "bad": shares(points, unjudged_bad),
                "cost": PER * cost,
            }
        )
    labels = np.repeat([False, True], [good.size, bad.size])
    return {
        "good": [*good.tolist(), None],
        "bad": [*bad.tolist(), None, None],
        "costs": {"miss": 80.0, "falseAlarm": 2.5, "review": 0.4, "defectRate": 0.015},
        "cases": cases,
        "auroc": auroc(np.concatenate([good, bad]), labels),
    }


def main() -> None:
    """Write every fixture."""
    for name, annotation in SIDECARS.items():
        as_read = from_labelme(to_labelme(annotation))  # coordinates become floats
        write_annotation(OUT / f"{name}.json", as_read)
    (OUT / "labelme_in.json").write_text(json.dumps(LABELME, indent=1), "utf-8")
    write_annotation(OUT / "labelme_out.json", read_annotation(OUT / "labelme_in.json"))
    template = Template(
        "board",
        "board.png",
        hashlib.sha256(b"x").hexdigest(),
        (1280, 960),
        REGIONS,
        mode="pixel",
        alignment=AlignSettings("similarity", 25.0, 5.5, (10.0, 20.0, 300.0, 200.0), True),
        size_policy="scale",
        smallest_defect_px=12.5,
    )
    write_template(OUT / "template.json", template)
    figures = {
        "masks": [mask_case(mask) for mask in masks()],
        "plans": [plan_case(*plan) for plan in PLANS],
    }
    (OUT / "binomial.json").write_text(json.dumps(intervals(), indent=0) + "\n", "utf-8")
    (OUT / "operating.json").write_text(json.dumps(operating(), indent=0) + "\n", "utf-8")
    (OUT / "figures.json").write_text(json.dumps(figures, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
