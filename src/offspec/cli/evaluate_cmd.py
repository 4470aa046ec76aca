"""``offspec evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offspec.cli.common import (
    EXIT_ERROR,
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    apart,
    guarded,
    needed,
    percent,
    progress,
)
from offspec.cli.given import ExcludeOption, named, without

if TYPE_CHECKING:
    from offspec.evaluation import EvaluationResult

FIGURES = (
    "image_auroc",
    "f1_max",
    "pixel_auroc",
    "pixel_ap",
    "aupro_30",
    "aupro_05",
    "seg_f1",
    "iou",
    "pixel_accuracy",
)
RATES = ("detection_rate", "false_alarm_rate", "false_stop_rate", "defect_recall")


@guarded
def evaluate(
    bundle_file: Annotated[Path | None, typer.Argument(metavar="BUNDLE")] = None,
    dataset: Annotated[
        Path | None, typer.Argument(help="A folder with labelled test images.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="JSON with any settings; options given here win."),
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all settings as JSON, and end.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write one self-contained HTML file.")
    ] = None,
    exclude: ExcludeOption = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Measure a bundle on test images it has not learned from."""
    if print_config:
        from offspec.run_config import EvaluationConfig

        typer.echo(json.dumps(EvaluationConfig().model_dump(mode="json"), indent=2))
        return
    bundle_file, dataset = needed(bundle_file, "BUNDLE"), needed(dataset, "DATASET")
    output = Output(json_file, quiet)
    apart(output, [report], [bundle_file, config, exclude])
    from offspec.bundle import read_bundle
    from offspec.evaluation import Figures
    from offspec.evaluation import evaluate as measure
    from offspec.run_config import EvaluationConfig, read_evaluation_config

    settings = EvaluationConfig() if config is None else read_evaluation_config(config)
    threads = settings.system.threads if threads is None else threads
    asked = settings.figures
    figures = Figures(tuple(asked.false_alarm_levels), asked.confidence, asked.pixel)
    bundle = read_bundle(bundle_file)
    data = without(dataset, exclude, bundle.manifest.seed, need_normals=False)
    with progress(quiet) as advance:
        result = measure(bundle, data, threads=threads, figures=figures, progress=advance)
    if report is not None:
        from offspec.pages.evaluation_page import write_evaluation_report

        shown = settings.report.pictures
        write_evaluation_report(report, bundle, result, threads=threads, pictures=shown)
    describe_result(output, result)
    if report is not None:
        output.say(f"Report: {report}")
    from offspec.machine import describe_machine

    output.write_json(
        {
            **result.to_dict(),
            "bundle": named(bundle_file),
            "config": settings.model_dump(mode="json"),
            "environment": describe_machine(threads),
        }
    )
    if result.errors:
        raise typer.Exit(EXIT_ERROR)


def describe_result(output: Output, result: EvaluationResult) -> None:
    """Print the figures for people, undefined ones with their reason."""
    metrics = result.metrics
    output.table(
        ["figure", "value"],
        [[name, _round(metrics[name])] for name in FIGURES if metrics.get(name) is not None],
    )
    for name in FIGURES:
        if metrics.get(name) is None and name in result.reasons:
            output.say(f"{name}: undefined. {result.reasons[name]}")
    output.say()
    for name in RATES:
        if metrics.get(name) is not None:
            output.say(f"{name.replace('_', ' ')}: {_rate_words(metrics[name])}")
    output.say(
        f"promised false-alarm rate: {percent(metrics['promised_false_alarm_rate'])} "
        f"({metrics['threshold_status']}); guarantee: {percent(metrics['guarantee_upper'])}"
    )
    if result.dataset.get("excluded"):
        output.say(f"images left out by a list: {result.dataset['excluded']}")
    invalid = metrics["invalid"]
    output.say(f"invalid: {invalid['normal']} good, {invalid['defect']} defective images")
    if metrics["latency_ms"] is not None:
        latency = metrics["latency_ms"]
        output.say(
            f"latency: p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms an image, "
            f"{metrics['throughput_per_s']:.1f} images/s"
        )
    for error in result.errors:
        output.say(f"not read: {error.key}: [{error.code}] {error.message}")


def _round(value: float) -> str:
    return f"{value:.4f}"


def _rate_words(rate: dict[str, Any]) -> str:
    return (
        f"{percent(rate['value'])} (95 % interval {percent(rate['low'])} to "
        f"{percent(rate['high'])}, n = {rate['n']})"
    )
