"""What the report says in plain words: the headline for a quality manager, and how numbers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Light = Literal["good", "warn", "bad", "calm"]

STATUS_WORDS = {
    "certified": "backed by counted normals",
    "extrapolated": "reached by extrapolation beyond the normals seen",
    "provisional": "provisional, set from simulated images",
    "manual": "set by hand",
}
STATUS_LIGHT: dict[str, Light] = {
    "certified": "good",
    "extrapolated": "warn",
    "provisional": "bad",
    "manual": "warn",
}

# In the result an extrapolated threshold is told, not blamed: it is usual under 99 normals at 1 %.
_STATUS_LIGHT_IN_RESULT: dict[str, Light] = {**STATUS_LIGHT, "extrapolated": "calm"}

# name in the results, name for people, what it means
METRIC_WORDS = (
    ("image_auroc", "Image AUROC", "Chance that a defective part scores above a good one."),
    ("image_ap", "Image average precision", "Area under the precision-recall curve."),
    ("f1_max", "Image F1-max (oracle)", "Best F1 with a threshold chosen on these very images."),
    (
        "pixel_auroc",
        "Pixel AUROC",
        "The same chance for single pixels; flattering on small defects.",
    ),
    ("pixel_ap", "Pixel average precision", "Precision-recall area over pixels; strict."),
    ("aupro_30", "AU-PRO (limit 0.30)", "Overlap with every defect, small ones count the same."),
    ("aupro_05", "AU-PRO (limit 0.05)", "The same at few false pixels; strict."),
    ("aupimo", "AUPIMO", "Recall per image at hardly any false pixels on good images."),
    ("seg_f1", "Segmentation F1", "Drawn outlines against true outlines, shipped threshold."),
    ("iou", "Intersection over union", "The same pair, stricter."),
    ("pixel_accuracy", "Pixel accuracy", "Share of pixels right; high by itself, most are good."),
    (
        "false_components_per_normal",
        "False outlines per good image",
        "Drawn where nothing is wrong.",
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the headline with its light."""

    words: str
    light: Light


def percent(value: float | None, digits: int = 1) -> str:
    """0.025 -> '2.5 %'; never rounds to 0 % or 100 % what is not exactly that."""
    if value is None:
        return "–"
    step = 0.1**digits
    if 0 < 100 * value < step / 2:
        return f"under {step:.{digits}f} %"
    if 100 - step / 2 <= 100 * value < 100:
        return f"over {100 - step:.{digits}f} %"
    text = f"{100 * value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def type_name(defect_type: str) -> str:
    """A folder or label name as words: 'missing_component' -> 'missing component'."""
    return defect_type.replace("_", " ")


def plural(count: int, one: str, many: str) -> str:
    """'1 part', '3 parts'."""
    return f"{count} {one if count == 1 else many}"


def count_of(rate: Mapping[str, Any] | None) -> int | None:
    """How many a rate counted: value times n."""
    if rate is None or rate.get("value") is None:
        return None
    return round(float(rate["value"]) * int(rate["n"]))


def interval_words(rate: Mapping[str, Any] | None) -> str:
    """'95 % interval 69 % to 97 %'."""
    if rate is None:
        return ""
    return f"95 % interval {percent(rate['low'])} to {percent(rate['high'])}"


def headline(metrics: Mapping[str, Any]) -> list[Line]:
    """The result in a few sentences, worst news not hidden."""
    lines = [_defects(metrics), _good_parts(metrics)]
    invalid = metrics.get("invalid") or {}
    lost = int(invalid.get("normal", 0)) + int(invalid.get("defect", 0))
    if lost:
        total = _tested(metrics)
        lines.append(
            Line(
                f"{plural(lost, 'image', 'images')}{total} could not be judged "
                f"({invalid.get('normal', 0)} good, {invalid.get('defect', 0)} defective). "
                "They count as stopped good parts and as missed defects.",
                "warn",
            )
        )
    else:
        lines.append(Line("Every image could be judged.", "good"))
    status = metrics.get("threshold_status")
    if status is not None:
        light = _STATUS_LIGHT_IN_RESULT.get(str(status), "warn")
        lines.append(Line(f"Threshold: {status}. {metrics.get('guarantee') or ''}".rstrip(), light))
    return lines


def _tested(metrics: Mapping[str, Any]) -> str:
    tested = metrics.get("images_tested")
    return "" if not tested else f" of {int(tested['normal']) + int(tested['defect'])}"


def _defects(metrics: Mapping[str, Any]) -> Line:
    rate = metrics.get("detection_rate")
    found = count_of(rate)
    if rate is None or found is None:
        return Line("No defective part was tested, so nothing is known about misses.", "calm")
    n = int(rate["n"])
    missed = n - found
    if missed == 0:
        words = (
            f"All {n} defective parts were stopped" if n > 1 else "The defective part was stopped"
        )
        return Line(f"{words} ({interval_words(rate)}).", "good")
    words = f"{found} of {n} defective parts {'was' if found == 1 else 'were'} stopped; "
    words += f"{missed} slipped through ({interval_words(rate)})."
    return Line(words, "bad" if rate["value"] < 0.9 else "warn")


def _good_parts(metrics: Mapping[str, Any]) -> Line:
    rate = metrics.get("false_stop_rate") or metrics.get("false_alarm_rate")
    stopped = count_of(rate)
    if rate is None or stopped is None:
        return Line("No good part was tested, so nothing is known about false alarms.", "calm")
    n, asked = int(rate["n"]), metrics.get("promised_false_alarm_rate")
    words = "No good part" if stopped == 0 else f"{stopped} of {n} good parts"
    verb = "were" if stopped > 1 else "was"
    words += f" {verb} stopped by mistake"
    words += f" in {n} tested" if stopped == 0 else f" ({percent(rate['value'])})"
    if asked is None:
        return Line(f"{words}; {interval_words(rate)}.", "calm")
    return _against_promise(words, rate, float(asked))


def _against_promise(words: str, rate: Mapping[str, Any], asked: float) -> Line:
    """Whether the measured rate of false stops agrees with the rate asked for."""
    low, high = float(rate["low"]), float(rate["high"])
    if low > asked:
        return Line(
            f"{words}: more than the {percent(asked)} asked for, beyond what chance explains "
            f"({interval_words(rate)}).",
            "bad",
        )
    if high > 10 * asked:
        return Line(
            f"{words}. That does not contradict the {percent(asked)} asked for, but so few good "
            f"images cannot confirm it either ({interval_words(rate)}).",
            "warn" if rate["value"] > asked else "calm",
        )
    return Line(
        f"{words}, in line with the {percent(asked)} asked for ({interval_words(rate)}).", "good"
    )


def overall_light(lines: list[Line]) -> Light:
    """The worst of several lights; calm ones do not count."""
    order: tuple[Light, ...] = ("bad", "warn", "good")
    return next((light for light in order if any(li.light == light for li in lines)), "calm")
