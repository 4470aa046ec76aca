"""From everybody's verdicts to the figures of an attribute study; pure, no files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from offspec.decisions.attribute_study import (
    MARGINAL,
    PASS,
    SYSTEM,
    Agreement,
    AppraiserResult,
    Limits,
    Study,
    StudyVerdict,
    among,
    appraise,
    between,
    defined,
    worst,
)
from offspec.decisions.clustered import ClusteredRate, clustered_rate
from offspec.decisions.msa_words import appraiser_words, study_notes
from offspec.decisions.study_files import Presentation
from offspec.errors import DatasetError
from offspec.guarantee import CONFIDENCE
from offspec.types import Inspection, Label, Verdict

Said = dict[str, dict[str, list[Verdict]]]
"""Appraiser -> part -> verdicts in order of trials."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the system said of one photograph."""

    shown: Presentation
    inspection: Inspection

    @property
    def right(self) -> bool:
        """Whether the verdict agrees with the reference; ``invalid`` never does."""
        return decision(self.inspection.verdict, self.shown.label) == (self.shown.label == "ng")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        score = self.inspection.deviation_score
        return {
            "image": self.shown.key,
            "part": self.shown.part,
            "reference": self.shown.label,
            "verdict": self.inspection.verdict,
            "deviation_score": None if score is None else round(score, 6),
            "right": self.right,
        }


@dataclass(frozen=True, slots=True)
class MsaResult:
    """Figures of a whole study.

    Attributes:
        verdict: Of the system where it took part, else of the worst appraiser.
        pairs: First, second appraiser and their kappa, None where it is undefined.
        everybody: Fleiss' kappa of all decisions; None with one appraiser.
        all_right: Share of parts on which everybody was right in every trial.
        said: Appraiser -> part -> verdicts in order of trials.
        looks: The system's verdict on every photograph.
        errors: Photographs that could not be read: key, code and message.
    """

    study: Study
    verdict: StudyVerdict
    appraisers: tuple[AppraiserResult, ...]
    pairs: tuple[tuple[str, str, Agreement | None], ...]
    everybody: Agreement | None
    all_right: ClusteredRate
    said: Said
    notes: tuple[str, ...]
    limits: Limits
    marginal: Limits
    confidence: float
    looks: tuple[Look, ...] = ()
    errors: tuple[tuple[str, str, str], ...] = ()
    source: dict[str, Any] = field(default_factory=dict)

    def discordant(self) -> list[dict[str, Any]]:
        """Parts that anybody judged wrong or not always alike, the system's own first."""
        images: dict[str, list[str]] = defaultdict(list)
        for look in self.looks:
            images[look.shown.part].append(look.shown.key)
        rows = []
        for index, part in enumerate(self.study.parts):
            reference: Label = "ng" if self.study.bad[index] else "ok"
            verdicts = {name: list(by_part[part]) for name, by_part in self.said.items()}
            wrong = {name: _wrong(found, reference) for name, found in verdicts.items()}
            if any(wrong.values()):
                rows.append(
                    {
                        "part": part,
                        "reference": reference,
                        "wrong": wrong,
                        "verdicts": verdicts,
                        "images": images[part],
                    }
                )
        return sorted(rows, key=lambda row: -row["wrong"].get(SYSTEM, 0))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        bad = int(self.study.bad.sum())
        return {
            "verdict": self.verdict,
            "confidence": self.confidence,
            "limits": {"pass": self.limits.to_dict(), "marginal": self.marginal.to_dict()},
            "parts": {"good": len(self.study.parts) - bad, "bad": bad},
            "appraisers": [
                {
                    **one.to_dict(),
                    "verdicts": _counts(self.said[one.name]),
                    "words": list(appraiser_words(one, self.limits, self.confidence)),
                }
                for one in self.appraisers
            ],
            "pairs": [
                {"first": a, "second": b, "kappa": None if k is None else k.to_dict()}
                for a, b, k in self.pairs
            ],
            "kappa_everybody": None if self.everybody is None else self.everybody.to_dict(),
            "all_right": self.all_right.to_dict(),
            "discordant": self.discordant(),
            "images": [look.to_dict() for look in self.looks],
            "errors": [
                {"image": key, "error": {"code": code, "message": words}}
                for key, code, words in self.errors
            ],
            "notes": list(self.notes),
            "source": dict(self.source),
        }


def decision(verdict: Verdict, reference: Label) -> bool:
    """The yes-no decision "bad" of a verdict; ``invalid`` is the wrong one on either side."""
    return reference == "ok" if verdict == "invalid" else verdict != "ok"


def _wrong(verdicts: Sequence[Verdict], reference: Label) -> int:
    return sum(decision(v, reference) != (reference == "ng") for v in verdicts)


def _counts(by_part: Mapping[str, Sequence[Verdict]]) -> dict[str, int]:
    found = Counter(v for verdicts in by_part.values() for v in verdicts)
    return {word: found[word] for word in ("ok", "review", "ng", "invalid")}


def build_study(reference: Mapping[str, Label], said: Said) -> Study:
    """Check that everybody judged every part at least twice, and that both kinds are there.

    The number of trials may differ, between parts and between appraisers: a lost photograph does
    not spoil a study. A part that somebody has not judged at all does.

    Raises:
        DatasetError: One of these fails.
    """
    parts = tuple(reference)
    bad = np.array([reference[part] == "ng" for part in parts], np.bool_)
    if bad.all() or not bad.any():
        kind, other = ("bad", "good") if bad.all() else ("good", "bad")
        raise DatasetError(
            f"All {len(parts)} parts are {kind}. A study needs both kinds: misses are counted on "
            f"bad parts and false alarms on good ones. Add {other} parts."
        )
    decided: dict[str, tuple[tuple[bool, ...], ...]] = {}
    for name, by_part in said.items():
        short = [part for part in parts if len(by_part.get(part, ())) < 2]
        if len(short) == len(parts):
            raise DatasetError(
                f"'{name}' judged none of {len(parts)} parts twice, so repeatability cannot be "
                "told. A study has at least two trials of every part. Have the parts judged again."
            )
        if short:
            raise DatasetError(
                f"'{name}' judged part '{short[0]}' {len(by_part.get(short[0], ()))} times, and "
                f"{len(short) - 1} others likewise too rarely. Everybody judges every part at "
                "least twice. Have the missing trials made, or take these parts out."
            )
        decided[name] = tuple(
            tuple(decision(v, reference[part]) for v in by_part[part]) for part in parts
        )
    return Study(parts, bad, decided)


def reckon(
    study: Study,
    said: Said,
    limits: Limits = PASS,
    marginal: Limits = MARGINAL,
    confidence: float = CONFIDENCE,
    looks: tuple[Look, ...] = (),
    errors: tuple[tuple[str, str, str], ...] = (),
    source: dict[str, Any] | None = None,
) -> MsaResult:
    """All figures of a study that is complete."""
    found = tuple(
        appraise(study, name, limits=limits, marginal=marginal, confidence=confidence)
        for name in study.said
    )
    pairs = tuple(
        (a, b, defined(lambda a=a, b=b: between(study, a, b, confidence), "pair", {}))  # type: ignore[misc]
        for a, b in combinations(study.said, 2)
    )
    names = tuple(study.said)
    everybody = None
    if len(names) > 1:
        everybody = defined(lambda: among(study, names, confidence), "everybody", {})
    right = np.all([study.wrong(name) == 0 for name in names], axis=0)
    system = [one.verdict for one in found if one.name == SYSTEM]
    return MsaResult(
        study,
        system[0] if system else worst([one.verdict for one in found]),
        found,
        pairs,
        everybody,
        clustered_rate(right.astype(np.float64), np.ones(len(study.parts)), confidence),
        {name: {part: said[name][part] for part in study.parts} for name in names},
        study_notes(study),
        limits,
        marginal,
        confidence,
        looks,
        errors,
        source or {},
    )
