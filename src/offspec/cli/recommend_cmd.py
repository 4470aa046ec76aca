"""``offspec recommend``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    check_target,
    choice,
    guarded,
    progress,
)
from offspec.cli.questions import ask_open, on_terminal
from offspec.cli.recommend_print import describe, next_commands
from offspec.errors import OptionError
from offspec.types import DEFAULT_BACKBONE, Kind, Resolution

if TYPE_CHECKING:
    from offspec.problem import ProblemStatement
    from offspec.recommend import Settings
    from offspec.recommend_measure import MeasurePlan
    from offspec.recommend_result import Recommendation


@guarded
def recommend(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    dataset: Annotated[Path, typer.Argument(help="A folder of images; layouts are in the README.")],
    problem_file: Annotated[
        Path | None, typer.Option("--problem", help="problem.json with answers given before.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the answers as problem.json.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Write the proposal as run.json for 'fit'.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="template.json; default: the whole image.")
    ] = None,
    normals: Annotated[
        int | None, typer.Option("--normals", help="Good images there are or will be.")
    ] = None,
    defects: Annotated[
        int | None, typer.Option("--defects", help="Images of defective parts there are.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="flag or locate.")] = None,
    smallest_defect: Annotated[
        float | None, typer.Option("--smallest-defect", help="Width in original pixels.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="auto, object or texture.")] = None,
    cost_miss: Annotated[
        float | None, typer.Option("--cost-miss", help="Of one defective part let through.")
    ] = None,
    cost_false_alarm: Annotated[
        float | None, typer.Option("--cost-false-alarm", help="Of one good part stopped.")
    ] = None,
    cost_review: Annotated[
        float | None, typer.Option("--cost-review", help="Of a second look at a stopped part.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="What costs are counted in.")
    ] = None,
    defect_rate: Annotated[
        float | None, typer.Option("--defect-rate", help="Share of parts that are defective.")
    ] = None,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option("--false-alarm-rate", help="Fix the rate instead of letting costs choose."),
    ] = None,
    imaging: Annotated[
        str | None, typer.Option("--imaging", help="controlled or variable.")
    ] = None,
    parts_per_minute: Annotated[
        float | None, typer.Option("--parts-per-minute", help="Images to judge in a minute.")
    ] = None,
    latency_ms: Annotated[
        float | None, typer.Option("--latency-ms", help="Longest time for one image.")
    ] = None,
    cores: Annotated[
        int | None, typer.Option("--cores", help="CPU cores of the machine at the line.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Fit the candidates on a sample and compare.")
    ] = False,
    sample: Annotated[
        int, typer.Option("--sample", min=4, help="Good images that measuring uses.")
    ] = 24,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Begin no candidate after so long; lets networks train."),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", help="Labelled images that choose, instead of made defects."),
    ] = None,
    detector: Annotated[
        list[str] | None, typer.Option("--detector", help="Consider only these; repeat it.")
    ] = None,
    backbone: Annotated[
        list[str] | None, typer.Option("--backbone", help="Compare these too; repeat it.")
    ] = None,
    resolution: Annotated[
        list[str] | None, typer.Option("--resolution", help="Consider only these; repeat it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; assume what is open.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Advise template settings, detector, resolution, threshold and hardware, with reasons."""
    output = Output(json_file, quiet)
    for target in (out, config):
        if target is not None:
            check_target(target)
    given: dict[str, Any] = {
        "normals": normals,
        "defects": defects,
        "task": task,
        "smallest_defect": smallest_defect,
        "kind": None if kind is None else choice(kind, get_args(Kind), "--kind"),
        "cost_miss": cost_miss,
        "cost_false_alarm": cost_false_alarm,
        "cost_review": cost_review,
        "currency": currency,
        "defect_rate": defect_rate,
        "false_alarm_rate": false_alarm_rate,
        "imaging": imaging,
        "parts_per_minute": parts_per_minute,
        "latency_ms": latency_ms,
        "cores": cores,
    }
    settings = _settings(
        _measure_plan(measure, sample, minutes, validation),
        detectors=tuple(detector or ()),
        backbones=backbone or [],
        resolutions=[choice(one, get_args(Resolution), "--resolution") for one in resolution or []],
        seed=seed,
        threads=threads,
    )
    problem = _statement(problem_file, given, silent=yes or quiet)
    if out is not None:
        _keep_answers(problem, problem_file, out)
    from offspec.recommend import recommend as advise

    with progress(quiet) as advance:
        result = advise(dataset, problem, template=template, settings=settings, progress=advance)
    if config is not None:
        _write_config(result, config)
    describe(output, result)
    commands = next_commands(result, dataset, config)
    output.say()
    output.say("Next:")
    for line in commands:
        output.say(f"  {line}")
    from offspec.recommend_json import to_dict

    output.write_json({**to_dict(result), "next": commands})


def _measure_plan(
    measure: bool, sample: int, minutes: float | None, validation: Path | None
) -> MeasurePlan | None:
    from offspec.recommend_measure import MeasurePlan

    if not measure and (minutes is not None or validation is not None):
        raise OptionError(
            "--minutes and --validation belong to --measure, which was not given. Without it "
            "nothing is fitted. Add --measure, or leave them out."
        )
    if minutes is not None and not minutes > 0:
        raise OptionError(f"--minutes is {minutes:g}. It is a time above 0. Give another.")
    return MeasurePlan(sample, minutes, validation) if measure else None


def _settings(
    plan: MeasurePlan | None,
    *,
    detectors: tuple[str, ...],
    backbones: list[str],
    resolutions: list[str],
    seed: int,
    threads: int | None,
) -> Settings:
    from offspec.recommend import Settings

    return Settings(
        detectors=detectors,
        backbones=tuple(dict.fromkeys(backbones)) or (DEFAULT_BACKBONE,),
        resolutions=cast("tuple[Resolution, ...]", tuple(dict.fromkeys(resolutions))),
        measure=plan,
        seed=seed,
        threads=threads,
    )


def _statement(
    problem_file: Path | None, given: dict[str, Any], *, silent: bool
) -> ProblemStatement:
    """Answers from the file, over them the options, then the terminal where one is there."""
    from offspec.problem import ProblemStatement, read_problem, with_answers

    before = ProblemStatement() if problem_file is None else read_problem(problem_file)
    problem = with_answers(before, given)
    return problem if silent or not on_terminal() else ask_open(problem)


def _keep_answers(problem: ProblemStatement, problem_file: Path | None, out: Path) -> None:
    """Write the answers before any work, so that an interruption does not lose them."""
    from offspec.problem import example_path, write_problem

    if problem_file is not None and out.absolute().parent != problem_file.absolute().parent:
        for _, path in problem.images():  # examples are named relative to the file
            example_path(problem_file.parent / path, out)
    write_problem(out, problem)


def _write_config(result: Recommendation, config: Path) -> None:
    from offspec.images import atomic_write
    from offspec.json_files import json_bytes

    atomic_write(config, json_bytes(result.run_config().model_dump(mode="json")))
