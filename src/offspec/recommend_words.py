"""A recommendation in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from offspec.fit_plan import FitConfig
from offspec.guarantee import MIN_NORMALS, certified_rank, guarantee_upper, percent
from offspec.machine import available_cores
from offspec.recommend_result import Recommendation
from offspec.resolution import LEAST_DEFECT_PX, WANTED_DEFECT_PX

GOOD_NORMALS = 25
FAR_ABOVE = 2.0  # times the asked rate: a bound below is no news
LARGE_REGRET = 0.1  # of the expected cost: less is not worth a line
MADE_WORDS = (
    "The defects were made by a program. They rank methods and warn; they do not promise a rate on "
    "real ones. Fit, then measure on real defects with 'offspec evaluate'."
)


def money(value: float, currency: str) -> str:
    """An amount with what it is counted in."""
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {currency}".strip()


def loss_words(result: Recommendation, value: float) -> str:
    """A loss as people read it: cost for 1000 parts, or the sum of two rates."""
    if result.needs.costs is None:
        return percent(value)
    return money(value, result.needs.currency)


def reasons(result: Recommendation) -> list[str]:
    """Why this is proposed."""
    return [*_seen(result), *_method(result), *_rate(result), *_hardware(result)]


def _seen(result: Recommendation) -> Iterator[str]:
    seen = result.look
    yield from seen.job.notes
    if seen.looked and seen.align != "none":
        turned = f" and turned by up to {seen.rotation_deg:.1f} degrees"
        yield (
            f"The {seen.looked} normals looked at lie up to {seen.shift_px:.1f} px off the "
            f"reference{turned if seen.rotation_deg >= 0.05 else ''}."
        )
    chosen = result.proposal.candidate.resolution
    left = seen.defect_px[seen.planned if chosen == "auto" else chosen]
    enough = "enough" if left >= WANTED_DEFECT_PX else f"fewer than the {WANTED_DEFECT_PX:g} wanted"
    yield (
        f"Resolution '{chosen}': a defect of {result.needs.smallest_defect:g} px is {left:.1f} "
        f"network pixels wide, {enough}."
    )


def _method(result: Recommendation) -> Iterator[str]:
    name = result.proposal.candidate.detector
    if result.choice is None:
        if result.needs.present <= MIN_NORMALS:
            yield f"Detector '{name}': it can learn from very few good images."
        elif result.look.kind == "texture" and name != FitConfig().detector:
            yield (
                f"Detector '{name}': a surface without fixed places is compared with pieces of "
                "all normals, not with one place of the reference."
            )
        else:
            yield f"Detector '{name}': where most products start."
        yield "Detector and rate were not measured: --measure fits the candidates and compares."
        return
    choice, found = result.choice, result.measurement
    assert found is not None  # noqa: S101 - a choice comes from a measurement
    what = "made" if found.made else "real"
    yield (
        f"Detector '{name}' at '{result.proposal.candidate.resolution}': "
        + ("locates best of those that cost no more" if choice.by_localisation else "the least")
        + (
            ""
            if choice.by_localisation
            else (" expected cost" if result.needs.costs else " sum of miss and false-alarm rate")
        )
        + f", on {found.bad} pictures with {what} defects and {found.good} good ones that it had "
        "not learned from."
    )


def _rate(result: Recommendation) -> Iterator[str]:
    proposal, needs = result.proposal, result.needs
    rate = percent(proposal.false_alarm_rate)
    if proposal.rate_from == "fixed":
        yield f"False-alarm rate {rate}: as you asked."
    elif proposal.rate_from == "default":
        yield (
            f"False-alarm rate {rate}: the default. --cost-miss and --cost-false-alarm let costs "
            "choose it."
        )
    else:
        stop = needs.stop_cost or 0.0
        how = (
            "the cheapest of those compared"
            if proposal.measured
            else (
                "reckoned from your costs for a method of image AUROC 0.95, which was not measured"
            )
        )
        miss = money(needs.cost_miss or 0.0, needs.currency)
        yield (
            f"False-alarm rate {rate}: {how}. A miss costs {miss}, a stopped good part "
            f"{money(stop, needs.currency)}"
            f"{' (the second look)' if stop == needs.cost_review else ''}, and "
            f"{percent(needs.defect_rate)} of the parts are defective."
        )


def _hardware(result: Recommendation) -> Iterator[str]:
    speed, needs = result.proposal.speed, result.needs
    if speed is None:
        return
    basis = "" if result.proposal.measured else ", timed with few normals and not calibrated"
    yield (
        f"Time: {speed.p50_ms:.0f} ms an image (95th percentile {speed.p95_ms:.0f} ms) on "
        f"{speed.cores} core(s) of this machine, {speed.one_core_ms:.0f} ms on one{basis}; "
        "decoding is not included."
    )
    if speed.cores_needed is not None:
        yield (
            f"Hardware: {speed.cores_needed} core(s) like these for "
            f"{needs.parts_per_minute:g} images a minute, with a fifth to spare."
        )


def warnings(result: Recommendation) -> list[str]:
    """What stands between this advice and a line that runs."""
    return [*_about_normals(result), *_about_images(result), *_about_measure(result)]


def _about_normals(result: Recommendation) -> Iterator[str]:
    needs, proposal = result.needs, result.proposal
    beside = needs.present - 1
    rate = proposal.false_alarm_rate
    if proposal.provisional:
        yield (
            f"{needs.present} good image(s): the threshold will be provisional and promise "
            f"nothing. Add {MIN_NORMALS - beside} more for a threshold, {GOOD_NORMALS - beside} "
            "for daily work."
        )
        return
    upper = guarantee_upper(beside, max(certified_rank(rate, beside), 1))
    if needs.normals > needs.present:
        later = guarantee_upper(needs.normals - 1, max(certified_rank(rate, needs.normals - 1), 1))
        more = f" With the {needs.normals} you expect: {percent(later)}."
    else:
        short = proposal.certify - beside
        more = (
            f" {short} more would certify {percent(rate)}; {proposal.promise - beside} more, none "
            "above the threshold, would promise it."
            if short > 0
            else ""
        )
    if upper > FAR_ABOVE * rate:
        yield (
            f"{needs.present} good images: with 95 % confidence at most {percent(upper)} of good "
            f"parts will be stopped, where {percent(rate)} is asked.{more}"
        )


def _about_images(result: Recommendation) -> Iterator[str]:
    needs, seen, proposal = result.needs, result.look, result.proposal
    if needs.variable:
        yield (
            "Imaging varies: the threshold holds only for conditions that the normals show. "
            "Collect them over shifts, batches and lamps; what is too dark, blurred or displaced "
            "comes out as 'invalid', so plan who looks at those."
        )
    if seen.beyond_gate:
        yield (
            f"{seen.beyond_gate} of {seen.looked} normals lie beyond the template's limits and "
            "would be 'invalid'. Raise --max-shift or --max-rotation as below, or hold "
            "the part in place."
        )
    chosen = proposal.candidate.resolution
    left = seen.defect_px[seen.planned if chosen == "auto" else chosen]
    if left < LEAST_DEFECT_PX:
        yield (
            f"Only {left:.1f} network pixels are left of a {needs.smallest_defect:g} px defect: it "
            "is likely missed. Draw smaller regions, or use more camera pixels on the part."
        )
    if proposal.too_slow is not None:
        yield f"Too slow for the line: it {proposal.too_slow}. Use more cores or smaller regions."
    if needs.defects == 0:
        yield (
            "No defective image is there: nothing can be said of what will be found. Keep every "
            "defect from now on; 20 give a first rate."
        )


def _about_measure(result: Recommendation) -> Iterator[str]:
    if result.busy is not None:
        yield (
            f"This machine was busy (load {result.busy:.0f} on {available_cores()} core(s)): the "
            "times are too long. Run it again on a quiet machine."
        )
    found, chosen = result.measurement, result.chosen
    if found is None or chosen is None:
        return
    if found.made:
        yield MADE_WORDS
    if chosen.normals < result.needs.present:
        yield (
            f"Candidates learned from {chosen.normals:.0f} of {result.needs.present} good images; "
            "methods that learn from all of them gain from more."
        )
    loss = None if result.choice is None or result.needs.costs is None else result.choice.loss
    if loss is not None and loss >= result.no_inspection_loss():
        yield "At these costs the best candidate is no cheaper than letting every part through."
    if chosen.invalid > 0.1:
        yield (
            f"{percent(chosen.invalid)} of good pictures were 'invalid'. Loosen the template's "
            "limits or fix the part in place before anything else."
        )
    if chosen.trials.miss_rate(result.proposal.false_alarm_rate) > 0.5:
        yield (
            "Even the best candidate missed more than half of the defects it was shown. Ask for "
            "larger defects, draw smaller regions, or improve light and optics first."
        )


def wrong(result: Recommendation) -> list[str]:
    """What it would cost to be wrong; empty where nothing was measured."""
    choice = result.choice
    if choice is None or result.measurement is None:
        return []
    unit = "for 1000 parts" if result.needs.costs else "of miss and false-alarm rate together"
    lines = [
        f"Expected {'cost' if result.needs.costs else 'sum'}: {loss_words(result, choice.loss)} "
        f"{unit} (95 % interval {loss_words(result, choice.low)} to "
        f"{loss_words(result, choice.high)})."
    ]
    lines += _rival_words(result)
    if result.needs.costs is not None:
        nothing = loss_words(result, result.no_inspection_loss())
        lines.append(f"Letting every part through would cost {nothing} for 1000 parts.")
    lines += _scenario_words(result)
    return lines


def _scenario_words(result: Recommendation) -> Iterator[str]:
    """What changes under doubled and halved assumptions, where it matters."""
    choice = result.choice
    assert choice is not None  # noqa: S101 - checked by the caller
    if not choice.scenarios:
        return
    large = [s for s in choice.scenarios if s.regret > LARGE_REGRET * choice.loss]
    if not large:
        most = loss_words(result, max(s.regret for s in choice.scenarios))
        yield (
            "If defect rate or cost of a miss is off by a factor of 2, staying with this choice "
            f"costs at most {most} more for 1000 parts."
        )
    for one in large:
        other = f"'{one.name}'" if one.name != choice.name else "the same"
        yield (
            f"If {one.words}: {other} at {percent(one.rate)} would be cheapest; staying costs "
            f"{loss_words(result, one.regret)} more for 1000 parts."
        )


def _rival_words(result: Recommendation) -> Iterator[str]:
    choice = result.choice
    assert choice is not None  # noqa: S101 - checked by the caller
    if choice.others:
        rival = choice.others[0]
        more = f"{loss_words(result, rival.more)} more" if rival.more >= 0 else (
            f"{loss_words(result, -rival.more)} less"
        )  # fmt: skip
        tail = "; these pictures cannot tell the two apart" if rival.same else ""
        yield (
            f"With the runner-up '{rival.name}' instead: {more} (interval "
            f"{loss_words(result, rival.low)} to {loss_words(result, rival.high)}){tail}."
        )
    default = result.default_loss()
    if default is not None and default[1] - choice.loss > 0:
        yield (
            f"With all defaults ('{default[0]}', {percent(FitConfig().false_alarm_rate)}) instead: "
            f"{loss_words(result, default[1] - choice.loss)} more."
        )
