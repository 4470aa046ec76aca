"""What a study says in sentences: what is shown, and what it is too small to show."""

from __future__ import annotations

import numpy as np

from offspec.decisions.attribute_study import AppraiserResult, Limits, Study
from offspec.decisions.clustered import ClusteredRate
from offspec.decisions.study_plan import USUAL_PARTS, USUAL_TRIALS, parts_needed
from offspec.guarantee import percent


def appraiser_words(one: AppraiserResult, limits: Limits, confidence: float) -> tuple[str, ...]:
    """One sentence a figure: the count, the bound, and whether it shows the limit."""
    return (
        _effectiveness(one.effectiveness, limits.effectiveness, confidence),
        _rate("Misses", one.miss_rate, limits.miss_rate, "bad", confidence),
        _rate("False alarms", one.false_alarm_rate, limits.false_alarm_rate, "good", confidence),
    )


def _effectiveness(rate: ClusteredRate, limit: float, confidence: float) -> str:
    said = (
        f"Effectiveness {percent(rate.value)}: {rate.k} of {rate.n} parts right in every trial; "
        f"with {percent(confidence)} confidence at least {percent(rate.at_least)}."
    )
    if rate.at_least >= limit:
        return f"{said} This shows {percent(limit)}."
    if rate.value < limit:
        return f"{said} It does not reach {percent(limit)}."
    return (
        f"{said} The figure reaches {percent(limit)}, the study does not show it: "
        f"{_needs(1.0 - limit, rate.n - rate.k, 'parts', confidence)}"
    )


def _rate(what: str, rate: ClusteredRate, limit: float, kind: str, confidence: float) -> str:
    said = (
        f"{what} {percent(rate.value)}: {rate.k} of {rate.n} decisions on {rate.parts} {kind} "
        f"parts; with {percent(confidence)} confidence at most {percent(rate.at_most)}."
    )
    if rate.at_most <= limit:
        return f"{said} This shows {percent(limit)}."
    if rate.value > limit:
        return f"{said} It is above {percent(limit)}."
    allowed = 0 if rate.k == 0 else 1
    return (
        f"{said} The figure keeps {percent(limit)}, but {rate.parts} {kind} parts with this "
        f"outcome cannot show it: "
        f"{_needs(limit, allowed, f'{kind} parts', confidence)}"
    )


def _needs(limit: float, errors: int, kind: str, confidence: float) -> str:
    if not 0.0 < limit < 1.0:
        return "no number of parts shows a limit of nothing."
    needed = parts_needed(limit, errors, confidence)
    wrong = "none wrong" if errors == 0 else f"{errors} wrong"
    return f"that takes about {needed} {kind} with {wrong}."


def study_notes(study: Study) -> tuple[str, ...]:
    """What a reader must know of the study's make-up before trusting it."""
    parts, bad = len(study.parts), int(study.bad.sum())
    people = f"{len(study.said)} appraiser{'' if len(study.said) == 1 else 's'}"
    notes = [f"{parts} parts, {parts - bad} good and {bad} bad, {people}."]
    trials = {len(found) for by_part in study.said.values() for found in by_part}
    if len(trials) > 1:
        notes.append(
            f"The number of trials differs, from {min(trials)} to {max(trials)}. Every decision "
            "counts once; between two appraisers first trials are paired with first trials and "
            "what one of them lacks is left out."
        )
    elif max(trials) < USUAL_TRIALS:
        notes.append(f"{max(trials)} trials a part; usual are {USUAL_TRIALS}.")
    if parts < USUAL_PARTS:
        notes.append(f"{parts} parts; usual are {USUAL_PARTS}. The intervals say what that costs.")
    everything = np.all(
        [
            (study.wrong(name) == 0) | (study.wrong(name) == study.totals(name))
            for name in study.said
        ],
        axis=0,
    )
    if everything.all():
        notes.append(
            "Nobody ever changed a verdict. Either the parts are easy or the trials were not "
            "independent; a study with 30 to 50 % borderline parts says more."
        )
    if not 0.2 <= bad / parts <= 0.8:
        notes.append(
            f"{percent(bad / parts)} of the parts are bad. Kappa depends on that share and "
            "falls when one kind is rare; compare it only with studies of a like mix."
        )
    return tuple(notes)
