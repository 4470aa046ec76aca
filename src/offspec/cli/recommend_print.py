"""How a recommendation is printed, and the commands that carry it out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offspec.cli.common import Output, percent

if TYPE_CHECKING:
    from offspec.recommend_result import Recommendation


def describe(output: Output, result: Recommendation) -> None:
    """Print the advice: proposal, reasons, candidates, the price of being wrong, warnings."""
    from offspec.recommend_words import reasons, warnings, wrong

    for name, words in result.needs.assumed.items():
        output.say(f"assumed {name.replace('_', ' ')}: {words}")
    if result.needs.assumed:
        output.say()
    basis = "measured" if result.proposal.measured else "looked at, not measured"
    output.say(f"Proposal ({basis})")
    output.table(["setting", "value"], proposal_rows(result))
    output.say()
    for line in reasons(result):
        output.say(f"- {line}")
    if result.choice is not None:
        output.say()
        _candidates(output, result)
        output.say()
        output.say("What it would cost to be wrong:")
        for line in wrong(result):
            output.say(f"- {line}")
    noted = warnings(result)
    if noted:
        output.say()
        for line in noted:
            output.say(f"warning: {line}")


def proposal_rows(result: Recommendation) -> list[list[object]]:
    """Settings of the proposal, in the words of ``fit``."""
    proposal, config = result.proposal, result.run_config()
    speed = proposal.speed
    rows: list[list[object]] = [
        ["detector", f"{config.model.detector}, backbone {config.model.backbone}"],
        ["kind", config.data.kind],
        ["alignment", config.data.align],
        ["size policy", result.look.job.template.size_policy],
        ["resolution", config.data.resolution],
        ["mode", config.data.mode],
        ["smallest defect", f"{result.needs.smallest_defect:g} px"],
        ["false-alarm rate", percent(proposal.false_alarm_rate)],
    ]
    if speed is not None and speed.cores_needed is not None:
        rows.append(["hardware", f"{speed.cores_needed} CPU core(s), no GPU"])
    return rows


def _candidates(output: Output, result: Recommendation) -> None:
    from offspec.recommend_json import row
    from offspec.recommend_words import loss_words

    found, known = result.measurement, result.choice
    assert found is not None  # noqa: S101 - describe checked for a choice
    assert known is not None  # noqa: S101 - likewise
    rows = [row(result, name, one) for name, one in found.found.items()]
    rows.sort(key=lambda r: (r["name"] != known.name, r["loss"]))
    what = "cost/1000" if result.needs.costs else "miss+alarm"
    locate = ["AU-PRO"] if result.needs.locate else []
    output.table(
        ["candidate", "rate", "found", "stopped", what, *locate, "ms", "fit s", "MB"],
        [
            [
                r["name"],
                percent(r["false_alarm_rate"]),
                percent(r["detection_rate"]),
                percent(r["observed_false_alarm_rate"]),
                loss_words(result, r["loss"]).removesuffix(f" {result.needs.currency}"),
                *([None if r["aupro_30"] is None else round(r["aupro_30"], 2)] if locate else []),
                round(r["speed"]["p50_ms"]),
                round(r["fit_s"], 1),
                round(r["bundle_bytes"] / 1e6, 1),
            ]
            for r in rows
        ],
    )
    best = next(r for r in rows if r["name"] == known.name)
    if best["detection_by_width"]:
        parts = [f"{w} px {percent(s)}" for w, s in best["detection_by_width"].items()]
        output.say(f"{best['name']} found by width of the made defect: {', '.join(parts)}")
    for name, why in result.unusable.items():
        output.say(f"not compared: {name} {why}")


def next_commands(result: Recommendation, dataset: Path, config: Path | None) -> list[str]:
    """What to type next, in order."""
    proposal, run = result.proposal, result.run_config()
    me, data = "offspec", shlex.quote(str(dataset))
    lines: list[str] = []
    template = result.template
    limits = [
        f"--{name} {value:g}"
        for name, value in (
            ("max-shift", proposal.max_shift_px),
            ("max-rotation", proposal.max_rotation_deg),
        )
        if value is not None
    ]
    fit = [me, "fit", data]
    if limits and template is None:
        reference = result.look.job.reference_normal.path
        target = reference.parent / "template.json"
        lines.append(
            f"{me} template new {shlex.quote(str(reference))} --align {result.look.align} "
            f"{' '.join(limits)} --smallest-defect {result.needs.smallest_defect:g}"
        )
        template = target
    if template is not None:
        fit += ["--template", shlex.quote(str(template))]
    if config is not None:
        fit += ["--config", shlex.quote(str(config))]
    else:
        fit += _fit_options(run)
    lines.append(" ".join([*fit, "--out", "part.offspec"]))
    lines.append(f"{me} evaluate part.offspec {data} --report report.html")
    return lines


def _fit_options(run: Any) -> list[str]:
    """The proposal as options, where no file was written."""
    model, data = run.model, run.data
    return [
        f"--detector {model.detector}",
        f"--backbone {model.backbone}",
        f"--mode {data.mode}",
        f"--kind {data.kind}",
        f"--align {data.align}",
        f"--resolution {data.resolution}",
        f"--smallest-defect {data.smallest_defect:g}",
        f"--false-alarm-rate {run.decision.false_alarm_rate:g}",
    ]
