from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from offspec.calibration import Calibration, calibrate
from offspec.evaluation_metrics import (
    EvaluationError,
    EvaluationItem,
    EvaluationResult,
    component_count,
    pixel_pairs,
    ranks,
    summarise,
    touched_components,
)
from offspec.types import (
    Alignment,
    BoolArray,
    FloatArray,
    GateFailure,
    Inspection,
    Label,
    RegionResult,
    Verdict,
)

SIZE = (20, 30)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate({"a": [float(i) for i in range(1, 20)]}, 0.1, cross_fitted=True)


def make_item(
    label: Label,
    verdict: Verdict,
    rank: float | None,
    *,
    gt_mask: BoolArray | None = None,
    anomaly_map: FloatArray | None = None,
    mask: BoolArray | None = None,
    defect_type: str = "dent",
) -> EvaluationItem:
    invalid = verdict == "invalid"
    region = RegionResult(
        id="a",
        name="A",
        verdict=verdict,
        deviation_score=None if invalid else 0.5,
        raw_score=None if invalid else 1.0,
        log_p=None if rank is None else -rank,
        reason=GateFailure("blurred", "Too blurred.") if invalid else None,
    )
    return EvaluationItem(
        key=f"{label}-{rank}",
        path=Path("x.png"),
        label=label,
        defect_type="good" if label == "ok" else defect_type,
        inspection=Inspection(
            verdict=verdict,
            deviation_score=None if invalid else 0.5,
            alignment=Alignment(np.eye(3)),
            regions=(region,),
            timing_ms={"align": 1.0, "total": 4.0},
            anomaly_map=anomaly_map,
            mask=mask,
        ),
        gt_mask=gt_mask,
        region_labels={"a": label},
        latency_ms=4.0,
    )


def square(y: int, x: int, side: int) -> BoolArray:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def drawn_item(label: Label, verdict: Verdict, truth: BoolArray, mask: BoolArray) -> EvaluationItem:
    values = mask.astype(np.float32) * 2 + 0.1
    rank = 5.0 if verdict == "ng" else 1.0
    return make_item(label, verdict, rank, gt_mask=truth, anomaly_map=values, mask=mask)


def summary(items: Sequence[EvaluationItem], calibration: Calibration) -> EvaluationResult:
    metrics, reasons = summarise(items, calibration, "pixel")
    return EvaluationResult(metrics, reasons, tuple(items))


def test_invalid_stays_in_every_denominator(calibration: Calibration) -> None:
    items = [
        make_item("ng", "ng", 9.0),
        make_item("ng", "review", 6.0),
        make_item("ng", "ok", 1.0),
        make_item("ng", "invalid", None),
        make_item("ok", "ok", 0.5),
        make_item("ok", "review", 7.0),
        make_item("ok", "invalid", None),
        make_item("ok", "ok", 0.4),
    ]
    m = summary(items, calibration).metrics
    assert (m["detection_rate"]["value"], m["detection_rate"]["n"]) == (0.5, 4)
    assert (m["false_alarm_rate"]["value"], m["false_alarm_rate"]["n"]) == (0.25, 4)
    assert (m["false_stop_rate"]["value"], m["false_stop_rate"]["n"]) == (0.5, 4)
    assert m["detection_rate_valid"]["n"] == 3
    assert m["false_alarm_rate_valid"]["value"] == pytest.approx(1 / 3)
    assert m["invalid"] == {"normal": 1, "defect": 1}
    assert m["invalid_reasons"] == {"blurred": 2}


def test_an_invalid_image_ranks_at_its_wrong_end() -> None:
    items = [
        make_item("ng", "invalid", None),
        make_item("ng", "ng", 3.0),
        make_item("ok", "ok", 1.0),
        make_item("ok", "invalid", None),
    ]
    labels, scores = ranks(items)
    assert labels.tolist() == [True, True, False, False]
    assert scores[0] < scores[2] < scores[1] < scores[3]


def test_ranking_uses_the_unrounded_score(calibration: Calibration) -> None:
    items = [make_item("ok", "ok", 2.0), make_item("ng", "ok", 2.0 + 1e-12)]
    assert summary(items, calibration).metrics["image_auroc"] == 1.0


def test_undefined_figures_are_null_with_a_reason(calibration: Calibration) -> None:
    result = summary([make_item("ok", "ok", 1.0)], calibration)
    for name in ("image_auroc", "f1_max", "detection_rate", "pixel_auroc", "aupro_30"):
        assert result.metrics[name] is None
        assert result.reasons[name]
    assert result.metrics["false_alarm_rate"]["n"] == 1


def test_no_image_at_all_is_all_null(calibration: Calibration) -> None:
    metrics = summary([], calibration).metrics
    assert metrics["latency_ms"] is None
    assert metrics["false_stop_rate"] is None


def test_image_mode_has_no_pixel_figures(calibration: Calibration) -> None:
    item = drawn_item("ng", "ng", square(2, 2, 5), square(2, 2, 5))
    metrics, reasons = summarise([item], calibration, "image")
    assert metrics["pixel_auroc"] is None
    assert "image" in reasons["pixel_auroc"]


def test_pixel_figures_pool_every_image(calibration: Calibration) -> None:
    truth = square(4, 4, 6)
    good = np.zeros(SIZE, np.bool_)
    items = [
        drawn_item("ng", "ng", truth, truth),
        drawn_item("ok", "ok", good, good),
        drawn_item("ok", "ng", good, square(10, 10, 6)),
    ]
    m = summary(items, calibration).metrics
    assert m["iou"] == pytest.approx(36 / 72)
    assert m["seg_f1"] == pytest.approx(72 / 108)
    assert m["pixel_accuracy"] == pytest.approx(1 - 36 / (3 * 600))
    assert m["defect_recall"]["value"] == 1.0
    assert m["false_components_per_normal"] == 0.5


def test_an_invalid_defect_has_an_empty_map_and_an_invalid_normal_none() -> None:
    truth = square(4, 4, 6)
    items = [
        make_item("ng", "invalid", None, gt_mask=truth, anomaly_map=np.ones(SIZE, np.float32)),
        make_item("ok", "invalid", None, gt_mask=np.zeros(SIZE, np.bool_)),
        make_item("ng", "ng", 2.0),
    ]
    maps, masks = pixel_pairs(items)
    assert len(maps) == len(masks) == 1
    assert not maps[0].any()


def test_defects_are_counted_with_eight_neighbours() -> None:
    truth = square(2, 2, 3) | square(5, 5, 3) | square(14, 14, 3)
    assert component_count(truth) == 2
    assert touched_components(truth, square(7, 7, 2)) == (1, 2)
    assert touched_components(truth, None) == (0, 2)


def test_every_defect_type_has_a_row(calibration: Calibration) -> None:
    items = [
        make_item("ok", "ok", 1.0),
        make_item("ng", "ng", 5.0, defect_type="dent"),
        make_item("ng", "ok", 0.5, defect_type="scratch"),
        make_item("ng", "invalid", None, defect_type="scratch"),
    ]
    rows = summary(items, calibration).metrics["by_defect_type"]
    assert [(r["defect_type"], r["images"], r["detected"], r["invalid"]) for r in rows] == [
        ("dent", 1, 1, 0),
        ("scratch", 2, 0, 1),
    ]
    assert rows[0]["image_auroc"] == 1.0
    assert rows[1]["image_auroc"] == 0.0


def test_regions_are_judged_on_their_own(calibration: Calibration) -> None:
    items = [make_item("ok", "review", 3.0), make_item("ng", "ng", 5.0)]
    (row,) = summary(items, calibration).metrics["by_region"]
    assert (row["normal"], row["defect"], row["detected"], row["false_alarms"]) == (1, 1, 1, 1)
    assert row["auroc_valid"] == 1.0


def test_the_promise_stands_beside_the_figures(calibration: Calibration) -> None:
    m = summary([make_item("ok", "ok", 1.0)], calibration).metrics
    assert m["promised_false_alarm_rate"] == 0.1
    assert m["threshold_status"] == "certified"
    assert m["guarantee_upper"] == pytest.approx(calibration.guarantee_upper)
    opened = calibration.with_override("a", 50.0, "Ada", "trial")
    result = summary([make_item("ok", "ok", 1.0)], opened)
    assert result.metrics["guarantee_upper"] is None
    assert result.metrics["promised_false_alarm_rate"] is None
    assert "Ada" in result.reasons["guarantee_upper"]
    assert result.metrics["threshold_status"] == "manual"


def test_json_lists_images_and_unreadable_files(calibration: Calibration) -> None:
    result = summary([make_item("ng", "ng", 5.0)], calibration)
    whole = EvaluationResult(
        result.metrics,
        result.reasons,
        result.items,
        (EvaluationError("b.png", "image_decode", "x"),),
    ).to_dict()
    assert [entry["image"] for entry in whole["images"]] == ["ng-5.0", "b.png"]
    assert whole["latency_ms"] == {"p50": 4.0, "p95": 4.0}
    assert whole["throughput_per_s"] == 250.0
