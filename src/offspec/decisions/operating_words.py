"""What was chosen, in sentences for an engineer; read from the result's JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offspec.guarantee import percent
from offspec.operating_points import HIGHEST, LOWEST, PER, to_deviation

_NAMES = {"miss_rate": "defects missed", "false_alarm_rate": "good parts stopped"}


def money(value: float, currency: str | None = None) -> str:
    """A cost with three significant digits, whole from 1000 on."""
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {currency}" if currency else text


def rate_words(rate: Mapping[str, Any] | None) -> str:
    """A counted rate with its 95 % interval."""
    if rate is None or rate["value"] is None:
        return "-"
    return (
        f"{percent(rate['value'])} ({rate['k']} of {rate['n']}, 95 % interval "
        f"{percent(rate['low'])} to {percent(rate['high'])})"
    )


def threshold_words(t: float) -> str:
    """A decision point; its ends in words."""
    if t >= to_deviation(HIGHEST):
        return "never"
    if t <= to_deviation(LOWEST):
        return "always"
    return f"{t:.4g}"


def points_words(result: Mapping[str, Any]) -> list[str]:
    """Both thresholds, with what resampling says of them."""
    review, ng = result["t_review"], result["t_ng"]
    spread = result["threshold_intervals"]
    more = {}
    for name in ("t_review", "t_ng"):
        if spread is not None:
            low, high = (threshold_words(t) for t in spread[name])
            more[name] = f" (95 % of resampled choices: {low} to {high})"
    lines = [f"ng above deviation score: {threshold_words(ng)}{more.get('t_ng', '')}"]
    if review < ng:
        words = threshold_words(review)
        lines.append(f"review above deviation score: {words}{more.get('t_review', '')}")
    else:
        lines.append("review: never; between the thresholds lies nothing")
    return lines


def basis_words(result: Mapping[str, Any]) -> str:
    """What the choice rests on."""
    seen = result["validation"]
    words = f"Chosen on {seen['good']} good and {seen['defective']} defective images"
    if seen["good_units"] < seen["good"] or seen["defective_units"] < seen["defective"]:
        words += f" of {seen['good_units']} and {seen['defective_units']} parts"
    if seen["known_normals"]:
        words += f", and on the scores of {seen['known_normals']} normals of the fit"
    lost = seen["invalid_good"] + seen["invalid_defective"]
    words += f". {lost} could not be judged." if lost else "."
    return words + " They are kept with the bundle: `offspec evaluate` refuses them."


def claim_words(result: Mapping[str, Any]) -> list[str]:
    """What a limit or a capacity comes to."""
    claim = result["claim"]
    if claim is None:
        return []
    counted = f"{_NAMES[claim['of']]}: {percent(claim['value'])} ({claim['k']} of {claim['n']})"
    if "upper" in claim:
        return [f"{counted}; with 95 % confidence at most {percent(claim['upper'])}"]
    asked = result["asked"]
    rate = asked["review_capacity"] / asked["parts_per_shift"]
    return [
        f"{asked['review_capacity']:g} reviews for {asked['parts_per_shift']:g} parts: at most "
        f"{percent(rate)} of good parts may be stopped",
        f"expected: {percent(claim['expected'])}, {claim['per_shift']:.3g} a shift; on the "
        f"validation images {rate_words(claim)}",
    ]


def cost_words(result: Mapping[str, Any]) -> list[str]:
    """What the choice costs, against the alternatives."""
    if not result["alternatives"]:
        return []
    chosen, fixed, *others = result["alternatives"]
    unit = result["asked"]["currency"]
    best = min(others, key=lambda one: one["cost_per_1000"])
    return [
        f"Expected cost of {PER} parts: {money(chosen['cost_per_1000'], unit)} (95 % interval "
        f"{money(chosen['low'])} to {money(chosen['high'])}); at the fixed threshold 0.5: "
        f"{money(fixed['cost_per_1000'])}; cheapest without inspection, {best['name']}: "
        f"{money(best['cost_per_1000'])}.",
        f"Defects let through: {rate_words(chosen['miss_rate'])}.",
        f"Good parts stopped: {rate_words(chosen['ng_rate'])}.",
        f"Good parts reviewed: {rate_words(chosen['review_rate'])}.",
        f"Defects reviewed: {rate_words(chosen['defect_review_rate'])}.",
        "Counted on every image with thresholds chosen without it.",
    ]


def probability_words(result: Mapping[str, Any]) -> str:
    """How good the probability is, or why there is none."""
    found = result["probability"]
    if found is None:
        if result["asked"]["defect_rate"] is None:
            return "No probability of a defect: give --defect-rate for it."
        return (
            "No probability of a defect: it takes five images of each class, and defects that "
            "score higher than good parts."
        )
    words = (
        f"Probability of a defect ({found['method']}, for {percent(found['defect_rate'])} "
        f"defective parts): cross-validated Brier score {found['brier']:.3g}"
    )
    if found["brier_skill"] <= 0:
        return f"{words}, no better than the share of defects alone. Do not rely on it."
    return f"{words}, {percent(found['brier_skill'])} better than the share of defects alone."


def alternatives_table(
    result: Mapping[str, Any],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the alternatives."""
    head = ("way", f"cost of {PER}", "95 % interval", "missed", "good as ng", "good reviewed",
            "defects reviewed")  # fmt: skip
    exact = {
        "accept all": ("100 %", "0 %", "0 %", "0 %"),
        "reject all": ("0 %", "100 %", "0 %", "0 %"),
        "review all": ("0 %", "0 %", "100 %", "100 %"),
    }
    rows: list[tuple[str, ...]] = []
    for one in result["alternatives"]:
        spread = "exact"
        if one["name"] not in exact:
            spread = f"{money(one['low'])} to {money(one['high'])}"
        shares = exact.get(one["name"]) or tuple(
            percent(one[key]["value"])
            for key in ("miss_rate", "ng_rate", "review_rate", "defect_review_rate")
        )
        rows.append((one["name"], money(one["cost_per_1000"]), spread, *shares))
    return head, rows


def types_table(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of types not seen by the choice."""
    head = ("type not seen", "images", "review above", "ng above", "detected, 95 % interval")
    rows: list[tuple[str, ...]] = []
    for one in result["unseen_types"]:
        if one["detected"] is None:
            rows.append((one["type"], str(one["images"]), "-", "-", "too few other defects"))
        else:
            limits = (threshold_words(one["t_review"]), threshold_words(one["t_ng"]))
            rows.append((one["type"], str(one["images"]), *limits, rate_words(one["detected"])))
    return head, rows


def moves_table(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the sensitivity."""
    head = ("if", "review above", "ng above", f"cost of {PER}", "if thresholds are kept")
    rows: list[tuple[str, ...]] = [
        (
            one["assumption"],
            threshold_words(one["t_review"]),
            threshold_words(one["t_ng"]),
            money(one["cost_per_1000"]),
            money(one["cost_per_1000_if_kept"]),
        )
        for one in result["sensitivity"]
    ]
    return head, rows


def regions_table(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the regions: raw thresholds, and verdicts where the truth is known."""
    sides = ("good ok/review/ng/invalid", "defective ok/review/ng/invalid")
    head = ("region", "review above, raw", "ng above, raw", *sides)
    rows: list[tuple[str, ...]] = [
        (
            one["id"],
            *(
                "never" if result[t] >= to_deviation(HIGHEST) else f"{one[raw]:.4g}"
                for t, raw in (("t_review", "review_raw"), ("t_ng", "ng_raw"))
            ),
            *(
                "/".join(str(one[side][v]) for v in ("ok", "review", "ng", "invalid"))
                for side in ("good", "defective")
            ),
        )
        for one in result["regions"]
    ]
    return head, rows
