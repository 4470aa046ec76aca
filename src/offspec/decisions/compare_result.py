"""From images that two bundles inspected to a decision; pure, no files.

How images count is the rule of ``evaluation_metrics``: ``review`` is stopped; an invalid defect is
no detection, an invalid normal is a false stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from offspec.decisions.compare_words import comparison_words
from offspec.decisions.paired import (
    MOVED,
    AreaDifference,
    Pairs,
    delong,
    images_needed,
    mcnemar,
    tango_interval,
)
from offspec.errors import DatasetError, MetricError
from offspec.guarantee import CONFIDENCE
from offspec.types import DoubleArray, Inspection, Label

Decision = Literal["not_worse", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """One labelled image and what both said.

    Attributes:
        key: Path relative to the dataset, with forward slashes.
        latency_ms: Wall time of the old and of the new inspection, decoding apart.
    """

    key: str
    path: Path
    label: Label
    defect_type: str
    old: Inspection
    new: Inspection
    latency_ms: tuple[float, float]

    def counts(self, inspection: Inspection) -> bool:
        """Whether the image counts as found (a defect) or as a false stop (a good one)."""
        if inspection.verdict == "invalid":
            return self.label == "ok"
        return inspection.verdict in ("ng", "review")

    @property
    def flipped(self) -> bool:
        """Whether the decision changed, not only the word for it."""
        return self.counts(self.old) != self.counts(self.new)

    @property
    def better(self) -> bool:
        """Whether the new decision is the right one."""
        return self.counts(self.new) == (self.label == "ng")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "image": self.key,
            "label": self.label,
            "defect_type": self.defect_type,
            "old": _side(self.old),
            "new": _side(self.new),
            "flipped": self.flipped,
            "better": self.better if self.flipped else None,
        }


def _side(inspection: Inspection) -> dict[str, Any]:
    score = inspection.deviation_score
    return {
        "verdict": inspection.verdict,
        "deviation_score": None if score is None else round(score, 6),
    }


@dataclass(frozen=True, slots=True)
class RateDifference:
    """One rate of both on the same images.

    Attributes:
        pairs: Counts; "yes" is found (defects) or falsely stopped (good images).
        low: Lower end of the interval of new minus old.
        high: Upper end.
        p: Exact McNemar test of equal rates.
        margin: Worsening that is accepted.
        worse_when_higher: True for false stops.
        decision: By the interval and the margin.
        images_needed: About how many images of this kind would decide, if the shares stay; None
            when it is decided, or when more images will not help.
    """

    pairs: Pairs
    low: float
    high: float
    p: float
    margin: float
    worse_when_higher: bool
    decision: Decision
    images_needed: int | None

    @property
    def old(self) -> float:
        """Rate of the old one."""
        return (self.pairs.both + self.pairs.only_old) / self.pairs.n

    @property
    def new(self) -> float:
        """Rate of the new one."""
        return (self.pairs.both + self.pairs.only_new) / self.pairs.n

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        pairs = self.pairs
        return {
            "old": self.old,
            "new": self.new,
            "difference": pairs.difference,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "n": pairs.n,
            "both": pairs.both,
            "only_old": pairs.only_old,
            "only_new": pairs.only_new,
            "neither": pairs.neither,
            "margin": self.margin,
            "decision": self.decision,
            "images_needed": self.images_needed,
        }


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """Whether the new bundle is not worse than the old one, and what changed.

    Attributes:
        decision: ``not_worse`` when both rates are; ``worse`` when one is; else ``undecided``.
        detection: On defective images.
        false_stops: On good images.
        auroc: Difference of the areas under the image ROC curve; None with the cause in
            ``reasons``.
        regions: Per region with the same id in both: images, stopped by either, flips.
        words: The result in sentences.
        notes: What weakens it.
    """

    decision: Decision
    detection: RateDifference
    false_stops: RateDifference
    auroc: AreaDifference | None
    images: tuple[ComparedImage, ...]
    regions: tuple[dict[str, Any], ...]
    latency_ms: dict[str, dict[str, float]]
    models: dict[str, dict[str, Any]]
    dataset: dict[str, Any]
    confidence: float
    words: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    errors: tuple[tuple[str, str, str], ...] = ()

    @property
    def flips(self) -> tuple[ComparedImage, ...]:
        """Images whose decision changed, those that got worse first."""
        return tuple(sorted((i for i in self.images if i.flipped), key=lambda i: (i.better, i.key)))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "decision": self.decision,
            "confidence": self.confidence,
            "detection": self.detection.to_dict(),
            "false_stops": self.false_stops.to_dict(),
            "image_auroc": None if self.auroc is None else _area(self.auroc),
            "flips": [image.to_dict() for image in self.flips],
            "regions": list(self.regions),
            "latency_ms": self.latency_ms,
            "models": self.models,
            "dataset": self.dataset,
            "words": list(self.words),
            "reasons": dict(self.reasons),
            "notes": list(self.notes),
            "images": [image.to_dict() for image in self.images],
            "errors": [
                {"image": key, "error": {"code": code, "message": text}}
                for key, code, text in self.errors
            ],
        }


def _area(found: AreaDifference) -> dict[str, Any]:
    return {
        "old": found.old,
        "new": found.new,
        "difference": found.difference,
        "standard_error": found.standard_error,
        "low": found.low,
        "high": found.high,
        "p": found.p,
    }


def weigh(
    images: Sequence[ComparedImage],
    *,
    margin: float,
    false_stop_margin: float,
    confidence: float = CONFIDENCE,
    models: dict[str, dict[str, Any]] | None = None,
    dataset: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
    errors: tuple[tuple[str, str, str], ...] = (),
) -> ComparisonResult:
    """The figures and the decision from inspected images.

    Raises:
        DatasetError: There is no good or no defective image.
    """
    sides = {}
    for label, word in (("ng", "defective"), ("ok", "good")):
        chosen = [image for image in images if image.label == label]
        if not chosen:
            raise DatasetError(
                f"There is no {word} test image among {len(images)} that could be read. A "
                "comparison needs both kinds: one shows lost defects, the other false stops. "
                f"Add {word} test images."
            )
        sides[label] = Pairs.count(
            [image.counts(image.new) for image in chosen],
            [image.counts(image.old) for image in chosen],
        )
    detection = rate_difference(sides["ng"], margin, confidence)
    stops = rate_difference(sides["ok"], false_stop_margin, confidence, worse_when_higher=True)
    reasons: dict[str, str] = {}
    auroc = _areas(images, confidence, reasons)
    times = np.array([image.latency_ms for image in images])
    decision = joined(detection.decision, stops.decision)
    return ComparisonResult(
        decision=decision,
        detection=detection,
        false_stops=stops,
        auroc=auroc,
        images=tuple(images),
        regions=tuple(_regions(images)),
        latency_ms={
            side: {
                "p50": float(np.percentile(times[:, i], 50)),
                "p95": float(np.percentile(times[:, i], 95)),
            }
            for i, side in enumerate(("old", "new"))
        },
        models=models or {},
        dataset=dataset or {},
        confidence=confidence,
        words=comparison_words(
            decision, detection.to_dict(), stops.to_dict(), confidence=confidence
        ),
        reasons=reasons,
        notes=notes,
        errors=errors,
    )


def joined(detection: Decision, stops: Decision) -> Decision:
    """Of both rates: worse when one is, not worse when both are not."""
    if "worse" in (detection, stops):
        return "worse"
    return "not_worse" if detection == stops == "not_worse" else "undecided"


def rate_difference(
    pairs: Pairs,
    margin: float,
    confidence: float = CONFIDENCE,
    *,
    worse_when_higher: bool = False,
) -> RateDifference:
    """Difference of one rate, its interval, and whether it clears the margin.

    ``not_worse``: the whole interval is better than the margin. ``worse``: the whole interval is
    beyond it. Else ``undecided``. A truly worse model is let through in at most half of
    (1 - confidence) of cases.
    """
    low, high = tango_interval(pairs.only_new, pairs.only_old, pairs.n, confidence)
    # Seen as a loss: how much detection is lost, or how many false stops are gained.
    least, most = (low, high) if worse_when_higher else (-high, -low)
    decision: Decision = (
        "not_worse" if most < margin else "worse" if least > margin else "undecided"
    )
    needed = None
    if decision == "undecided":
        kept = pairs
        if worse_when_higher:  # what must not be lost is the image that passes
            kept = Pairs(pairs.neither, pairs.only_old, pairs.only_new, pairs.both)
        needed = images_needed(kept, margin, confidence)
    p = mcnemar(pairs.only_new, pairs.only_old)
    return RateDifference(pairs, low, high, p, margin, worse_when_higher, decision, needed)


def _areas(
    images: Sequence[ComparedImage], confidence: float, reasons: dict[str, str]
) -> AreaDifference | None:
    truth = [image.label == "ng" for image in images]
    try:
        found = delong(
            _ranks([(i.new, i.label) for i in images]),
            _ranks([(i.old, i.label) for i in images]),
            truth,
            confidence,
        )
    except MetricError as error:
        reasons["image_auroc"] = str(error)
        return None
    if found.low is None:
        reasons["image_auroc.low"] = (
            f"Fewer than {MOVED} good or defective images change their place between the two "
            "rankings of images, so their difference gets no interval. More images may give one."
        )
    return found


def _ranks(sides: Sequence[tuple[Inspection, Label]]) -> DoubleArray:
    """Unrounded -ln p of the worst region; an invalid image stands at the wrong end."""
    raw = []
    for inspection, _ in sides:
        known = [-r.log_p for r in inspection.regions if r.log_p is not None]
        raw.append(max(known) if known and inspection.verdict != "invalid" else None)
    valid = [value for value in raw if value is not None]
    low, high = min(valid, default=0.0) - 1.0, max(valid, default=0.0) + 1.0
    ends = [low if label == "ng" else high for _, label in sides]
    return np.array([e if v is None else v for v, e in zip(raw, ends, strict=True)], np.float64)


def _regions(images: Sequence[ComparedImage]) -> list[dict[str, Any]]:
    """Flips of regions that have the same id in both."""
    rows: dict[str, dict[str, Any]] = {}
    for image in images:
        new = {region.id: region for region in image.new.regions}
        for was in image.old.regions:
            if was.id not in new:
                continue
            row = rows.setdefault(
                was.id,
                {"id": was.id, "name": was.name, "images": 0, "old": 0, "new": 0, "flips": []},
            )
            before, after = was.verdict, new[was.id].verdict
            row["images"] += 1
            row["old"] += before in ("ng", "review")
            row["new"] += after in ("ng", "review")
            if (before in ("ng", "review")) != (after in ("ng", "review")):
                row["flips"].append(image.key)
    return list(rows.values())
