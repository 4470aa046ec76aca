from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offspec.errors import ImageDecodeError, WriteError
from offspec.report import ReportItem, heat_threshold, render_report, write_report
from offspec.report_sections import ranks
from offspec.report_words import headline, overall_light, percent
from offspec.types import Alignment, ImageArray, Label, Verdict

VOID = {"meta", "img", "br", "line", "circle", "rect", "polyline", "polygon", "path"}


class Balance(HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def picture() -> ImageArray:
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def item(
    key: str,
    label: Label,
    verdict: Verdict,
    log_p: float | None = -3.0,
    image: Callable[[], ImageArray] = picture,
) -> ReportItem:
    truth = np.zeros((120, 160), dtype=np.bool_)
    if label == "ng":
        truth[30:50, 40:70] = True
    invalid = verdict == "invalid"
    return ReportItem(
        key=key,
        label=label,
        defect_type="scratch" if label == "ng" else "good",
        verdict=verdict,
        deviation_score=None if invalid else 0.4,
        raw_score=None if invalid else -(log_p or 0.0),
        log_p=None if invalid else log_p,
        alignment=Alignment(np.eye(3), shift_xy=(1.5, -0.5)),
        timing_ms={"align": 2.0, "total": 9.0},
        reason="The image is blurred." if invalid else None,
        image=image,
        anomaly_map=truth.astype(np.float32) * 3,
        mask=truth & (verdict == "ng"),
        gt_mask=truth,
    )


def rate(k: int, n: int, low: float, high: float) -> dict[str, Any]:
    return {"value": k / n, "low": low, "high": high, "n": n}


def metrics(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "image_auroc": 0.9,
        "pixel_auroc": None,
        "aupro_30": 0.75,
        "detection_rate": rate(3, 4, 0.19, 0.99),
        "false_alarm_rate": rate(0, 40, 0, 0.088),
        "false_stop_rate": rate(1, 40, 0.001, 0.132),
        "promised_false_alarm_rate": 0.05,
        "invalid": {"normal": 1, "defect": 0},
        "images_tested": {"normal": 40, "defect": 4},
        "latency_ms": {"p50": 9.0, "p95": 12.0},
        "throughput_per_s": 100.0,
    }
    return {**base, **changes}


ITEMS = (
    item("test/good/1.png", "ok", "ok", -0.5),
    item("test/good/2.png", "ok", "ng", -6.0),
    item("test/good/3.png", "ok", "invalid"),
    item("test/scratch/1.png", "ng", "ng", -9.0),
    item("test/scratch/<b>2.png", "ng", "ok", -1.0),
)
CALIBRATION = {
    "threshold_raw": 5.0,
    "status": "extrapolated",
    "words": "Estimated: 26 normals, none above.",
    "alpha": 0.05,
    "n": 26,
    "guarantee_upper": 0.109,
    "normal_scores": [0.1, 0.5, 1.0],
    "pixel_threshold": 2.0,
}


def render(**changes: Any) -> str:
    arguments: dict[str, Any] = {
        "title": "Cap <A>",
        "metrics": metrics(),
        "reasons": {"pixel_auroc": "There is no pixel truth."},
        "per_type": [
            {
                "defect_type": "scratch",
                "images": 4,
                "detected": 3,
                "invalid": 0,
                "detection_rate": rate(3, 4, 0.19, 0.99),
                "image_auroc": 0.9,
            }
        ],
        "items": ITEMS,
        "calibration_info": CALIBRATION,
        "model_info": {"detector": "reference"},
        "dataset_info": {"folder": "data & more"},
    }
    return render_report(**{**arguments, **changes})


def test_report_is_one_balanced_file_that_fetches_nothing() -> None:
    text = render()
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert "<script" not in text
    outside = re.sub(r'xmlns="http://www.w3.org/2000/svg"', "", text)
    assert "http" not in outside.replace("http-equiv", "")
    assert "url(" not in outside


def test_names_from_outside_are_escaped() -> None:
    text = render()
    assert "<b>2.png" not in text
    assert "&lt;b&gt;2.png" in text
    assert "Cap &lt;A&gt;" in text
    assert "data &amp; more" in text


def test_every_part_of_the_report_is_there() -> None:
    text = render()
    for heading in (
        "Result",
        "Worst misses",
        "Worst false alarms",
        "Rates at the shipped threshold",
        "Scores and threshold",
        "Separating good from defective",
        "By defect type",
        "Figures for comparison",
        "Alignment",
        "Timing",
    ):
        assert f"<h2>{heading}</h2>" in text
    assert "threshold (extrapolated)" in text
    assert "Estimated: 26 normals, none above." in text
    assert "data:image/jpeg;base64," in text


def test_an_undefined_figure_shows_why() -> None:
    assert "Undefined: There is no pixel truth." in render()


def test_misses_come_least_suspicious_first_and_an_invalid_normal_is_a_false_stop() -> None:
    text = render(items=[*ITEMS, item("test/scratch/3.png", "ng", "ok", -2.0)])
    misses = text[text.index("Worst misses") : text.index("Worst false alarms")]
    assert misses.index("2.png") < misses.index("scratch/3.png")
    assert "scratch/1.png" not in misses
    alarms = text[text.index("Worst false alarms") : text.index("Closest finds")]
    assert "good/2.png" in alarms
    assert "good/3.png" in alarms
    assert "The image is blurred." in alarms


def test_only_images_that_are_shown_are_read() -> None:
    reads = []

    def read() -> ImageArray:
        reads.append(1)
        return picture()

    many = [item(f"{i}.png", "ng", "ng", -float(i), read) for i in range(200)]
    render(items=[item("good.png", "ok", "ok"), *many])
    assert len(reads) <= 20


def test_an_image_that_went_missing_does_not_spoil_the_report() -> None:
    def gone() -> ImageArray:
        raise ImageDecodeError("'x.png' cannot be read. It is gone. Put it back.")

    text = render(items=[item("x.png", "ng", "ok", -1.0, gone), ITEMS[0]])
    assert "The picture cannot be shown" in text


def test_ranks_put_invalid_images_at_the_wrong_end() -> None:
    labels, scores = ranks([*ITEMS, item("i.png", "ng", "invalid")])
    assert labels.tolist() == [False, False, False, True, True, True]
    assert scores[2] == scores.max()
    assert scores[5] == scores.min()


@pytest.mark.parametrize("kept", [[0, 1], [3, 4], []])
def test_one_class_or_no_image_still_gives_a_report(kept: list[int]) -> None:
    text = render(
        items=[ITEMS[i] for i in kept],
        per_type=[],
        metrics=metrics(
            detection_rate=None,
            false_stop_rate=None,
            false_alarm_rate=None,
            latency_ms=None,
            throughput_per_s=None,
            image_auroc=None,
        ),
    )
    assert "No defective part was tested" in text


def test_without_maps_and_masks_the_report_shows_plain_pictures() -> None:
    bare = [replace(i, anomaly_map=None, mask=None, gt_mask=None) for i in ITEMS]
    info = {k: v for k, v in CALIBRATION.items() if k != "pixel_threshold"}
    text = render(items=bare, calibration_info=info)
    assert "data:image/jpeg" in text
    assert "heatmap" not in text


def test_large_images_keep_the_file_small() -> None:
    def large() -> ImageArray:
        return np.kron(picture(), np.ones((12, 12, 1), dtype=np.uint8))

    wide = [
        replace(
            item(f"{i}.png", "ng", "ok", -1.0, large), anomaly_map=None, mask=None, gt_mask=None
        )
        for i in range(12)
    ]
    assert len(render(items=[*wide, ITEMS[0]])) < 3_000_000


def test_the_same_results_give_the_same_file() -> None:
    assert render() == render()


def test_heat_threshold_is_the_given_one_or_the_highest_calm_value() -> None:
    assert heat_threshold(ITEMS, CALIBRATION) == 2.0
    good = replace(ITEMS[0], anomaly_map=np.full((4, 4), 1.5, dtype=np.float32))
    assert heat_threshold([good, ITEMS[3]], {}) == 1.5
    assert heat_threshold([], {}) is None


def test_write_report_writes_whole_or_not_at_all(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "title": "t",
        "metrics": metrics(),
        "reasons": {},
        "per_type": [],
        "items": ITEMS,
        "calibration_info": CALIBRATION,
        "model_info": {},
        "dataset_info": {},
    }
    write_report(tmp_path / "r.html", **arguments)
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(WriteError):
        write_report(tmp_path / "missing" / "r.html", **arguments)


@pytest.mark.parametrize(
    ("changes", "words", "light"),
    [
        ({}, "in line with the 5 % asked for", "good"),
        (
            {"false_stop_rate": rate(10, 40, 0.127, 0.412)},
            "more than the 5 % asked for, beyond what chance explains",
            "bad",
        ),
        (
            {"false_stop_rate": rate(0, 3, 0.0, 0.708)},
            "No good part was stopped by mistake in 3 tested. That does not contradict",
            "calm",
        ),
    ],
)
def test_headline_holds_good_parts_against_the_promise(
    changes: dict[str, Any], words: str, light: str
) -> None:
    line = headline(metrics(**changes))[1]
    assert words in line.words
    assert line.light == light


def test_headline_names_misses_and_images_that_could_not_be_judged() -> None:
    lines = headline(metrics())
    assert lines[0].words.startswith("3 of 4 defective parts were stopped; 1 slipped through")
    assert "1 image of 44 could not be judged (1 good, 0 defective)" in lines[2].words
    assert overall_light(lines) == "bad"


@pytest.mark.parametrize(
    ("status", "light"),
    [("certified", "good"), ("extrapolated", "calm"), ("provisional", "bad"), ("manual", "warn")],
)
def test_headline_says_what_the_threshold_rests_on(status: str, light: str) -> None:
    line = headline(metrics(threshold_status=status, guarantee="At most 10.9 %."))[-1]
    assert line.words == f"Threshold: {status}. At most 10.9 %."
    assert line.light == light


def test_headline_praises_only_what_was_tested() -> None:
    lines = headline({"detection_rate": rate(4, 4, 0.4, 1), "false_stop_rate": None})
    assert lines[0].words.startswith("All 4 defective parts were stopped")
    assert lines[1].light == "calm"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.025, "2.5 %"),
        (0.01, "1 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9996, "over 99.9 %"),
        (1e-5, "under 0.1 %"),
        (None, "–"),
    ],
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text
