"""What a comparison of two bundles says in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADLINES = {
    "not_worse": "The new model is not worse by more than the margin. It may take the old one's "
    "place.",
    "worse": "The new model is worse by more than the margin. Keep the old one.",
    "undecided": "These images do not decide whether the new model is worse. Keep the old one "
    "until they do.",
}


def comparison_words(
    decision: str,
    detection: Mapping[str, Any],
    false_stops: Mapping[str, Any],
    *,
    confidence: float,
) -> tuple[str, ...]:
    """The headline, then a sentence for either rate."""
    return (
        HEADLINES[decision],
        _rate("Detection rate", detection, "defective", confidence, sign=-1),
        _rate("False-stop rate", false_stops, "good", confidence, sign=1),
    )


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def _rate(what: str, rate: Mapping[str, Any], kind: str, confidence: float, *, sign: int) -> str:
    words = (
        f"{what} {100 * rate['old']:.1f} % before, {100 * rate['new']:.1f} % now on {rate['n']} "
        f"{kind} images: {points(rate['difference'])} points, {100 * confidence:g} % interval "
        f"{points(rate['low'])} to {points(rate['high'])}, margin {points(sign * rate['margin'])}."
    )
    return f"{words} {_decided(rate, kind, sign)}"


def _decided(rate: Mapping[str, Any], kind: str, sign: int) -> str:
    if rate["decision"] == "not_worse":
        return "Not worse by more than the margin."
    if rate["decision"] == "worse":
        return "Worse by more than the margin."
    surely = rate["low"] > 0 if sign > 0 else rate["high"] < 0
    known = "It is worse; whether by more than the margin is open." if surely else "Undecided."
    needed = rate["images_needed"]
    if needed is None:
        return f"{known} The measured change reaches the margin, so more images alone do not help."
    return (
        f"{known} If the shares stay, about {needed} {kind} images would decide, "
        f"{max(0, needed - rate['n'])} more."
    )
