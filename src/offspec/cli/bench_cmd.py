"""``offspec bench``: this machine's speed, or detectors side by side on data sets."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

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
from offspec.types import Resolution

if TYPE_CHECKING:
    from offspec.bench_methods import MethodBench, Row
    from offspec.fitting import FitConfig

DETECTORS = ("reference", "padim", "patchcore")
MIN_NORMALS = 2  # the reference, and one more


@guarded
def bench(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    datasets: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATASET]...", help="Folders; none = this machine's speed."),
    ] = None,
    detectors: Annotated[
        list[str] | None,
        typer.Option(
            "--detectors",
            help="Names, separated by commas; settings in brackets: plain=patchcore[whiten=false]. "
            f"Default: {','.join(DETECTORS)}.",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Whole numbers, with commas.")] = "0",
    config: Annotated[
        Path | None, typer.Option("--config", help="run.json with settings of all detectors.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option("--backbone", help="Of all detectors; file:NET.onnx too.")
    ] = None,
    resolution: Annotated[
        str | None,
        typer.Option("--resolution", help="auto, fast (256), accurate (512) or native."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.0, help="Budget of those that train.")
    ] = None,
    normals: Annotated[
        int | None,
        typer.Option("--normals", min=MIN_NORMALS, help="Learn from a fixed sample of so many."),
    ] = None,
    tests: Annotated[
        int | None, typer.Option("--tests", min=2, help="Test on a fixed sample of so many.")
    ] = None,
    peer: Annotated[
        str | None, typer.Option("--peer", help="anomalib: its PatchCore and PaDiM as well.")
    ] = None,
    peer_python: Annotated[
        Path | None, typer.Option("--peer-python", help="Interpreter that imports the peer.")
    ] = None,
    peer_weights: Annotated[
        Path | None,
        typer.Option("--peer-weights", help="Its backbone, ONNX; default: that of --backbone."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Table to write.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="One line a run.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Page with charts.")] = None,
    runs: Annotated[
        int, typer.Option("--runs", min=3, help="Timed inspections per line; without DATASET.")
    ] = 50,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Time this machine, or compare detectors on data sets: quality, time, memory, size."""
    output = Output(json_file, quiet)
    if not datasets:
        _speed(output, runs, threads, quiet)
        return
    targets = {"markdown": markdown, "csv": csv, "html": html}
    for target in targets.values():
        if target is not None:
            check_target(target)
    from offspec.bench_methods import MethodBench, parse_methods

    settings = _settings(config, backbone, resolution, threads)
    job = MethodBench(
        parse_methods(detectors or DETECTORS, settings, minutes),
        datasets,
        _seeds(seeds),
        normals,
        tests,
        names=_names(datasets),
    )
    versions: dict[str, str] = {}
    if peer is not None:
        job, versions = _with_peer(job, settings, peer, peer_python, peer_weights)
    _measure(output, job, targets, threads, quiet, versions)


def _speed(output: Output, runs: int, threads: int | None, quiet: bool) -> None:
    """Without a data set: times on drawn images."""
    from offspec.bench import run_bench

    with progress(quiet) as advance:
        result = run_bench(runs=runs, threads=threads, progress=advance)
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    output.say(f"{result['machine']}, {result['cores']} cores, {result['threads']} threads")
    output.say(versions)
    output.table(
        ["measure", "p50", "p95", "unit", "goal"],
        [[r["name"], r["p50"], r["p95"], r["unit"], r["goal"]] for r in result["rows"]],
    )
    output.say(
        f"20 regions cost {result['ratio_20_to_1']:.2f} times one region over the same image, "
        f"alignment apart {result['ratio_20_to_1_alignment_apart']:.2f} times (goal: under 6)"
    )
    output.write_json(result)


def _settings(
    config: Path | None, backbone: str | None, resolution: str | None, threads: int | None
) -> FitConfig:
    """Settings of all detectors: the file's, then what the command line says."""
    from offspec.run_config import RunConfig, read_run_config

    settings = (RunConfig() if config is None else read_run_config(config)).to_fit()
    given: dict[str, Any] = {"backbone": backbone, "threads": threads}
    if resolution is not None:
        given["resolution"] = choice(resolution, get_args(Resolution), "--resolution")
    return replace(settings, **{key: value for key, value in given.items() if value is not None})


def _seeds(text: str) -> list[int]:
    from offspec.errors import OptionError

    try:
        found = list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        found = [-1]
    if min(found) < 0:
        raise OptionError(
            f"Seeds '{text}' cannot be read. Seeds are whole numbers from 0 on, separated by "
            "commas, such as 0,1,2. Correct them."
        )
    return found


def _names(datasets: Sequence[Path]) -> dict[Path, str]:
    """Names of the sets: the folder's, with its parent's where two are alike."""
    whole = {path: path.resolve() for path in datasets}
    last = [path.name for path in whole.values()]
    return {
        path: full.name if last.count(full.name) == 1 else f"{full.parent.name}/{full.name}"
        for path, full in whole.items()
    }


def _with_peer(
    job: MethodBench, settings: FitConfig, name: str, python: Path | None, weights: Path | None
) -> tuple[MethodBench, dict[str, str]]:
    """The job with the peer's methods behind ours, and the peer's versions."""
    from offspec.peer_job import find_peer, run_peer

    found = find_peer(name, python, weights, settings)
    both = replace(job, methods=[*job.methods, *found.methods(settings)])
    versions = {f"peer {key}": value for key, value in found.versions.items()}
    return replace(both, peer=functools.partial(run_peer, found, job)), versions


def _measure(
    output: Output,
    job: MethodBench,
    targets: dict[str, Path | None],
    threads: int | None,
    quiet: bool,
    versions: dict[str, str],
) -> None:
    """Run by run; all files are written again after each, so an interruption keeps the rows."""
    from offspec.bench_methods import run_methods
    from offspec.bench_tables import COLUMNS, lines
    from offspec.machine import describe_machine

    environment = describe_machine(threads)
    environment["command"] = " ".join(["offspec", *sys.argv[1:]])
    environment["versions"] |= versions
    rows: list[Row] = []
    with progress(quiet) as advance:
        for row in run_methods(job, advance):
            rows.append(row)
            _say_row(output, row)
            _write(targets, rows, environment)
            if output.json_target not in {None, "-"}:
                output.write_json({"environment": environment, "rows": rows})
    output.say()
    output.table(
        ["detector", "set", *(column.title for column in COLUMNS)],
        [
            [line.detector, line.place]
            + [line.figures[c.key].text(c.digits) if line.figures else "error" for c in COLUMNS]
            for line in lines(rows)
        ],
    )
    output.write_json({"environment": environment, "rows": rows})


def _say_row(output: Output, row: Row) -> None:
    what = f"{row['detector']} on {row['set']}, seed {row['seed']}"
    error = row.get("error")
    if error is not None:
        output.say(f"{what}: [{error['code']}] {error['message']}")
        return
    output.say(
        f"{what}: AU-PRO .30 {_number(row['aupro_30'])}, image AUROC "
        f"{_number(row['image_auroc'])}, fit {row['fit_s']:.1f} s, "
        f"{row['latency_p50_ms']:.0f} ms an image"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _write(
    targets: dict[str, Path | None], rows: Sequence[Row], environment: dict[str, Any]
) -> None:
    from offspec.bench_page import bench_page
    from offspec.bench_tables import csv_text, markdown
    from offspec.images import atomic_write

    texts = {
        "markdown": lambda: markdown(rows),
        "csv": lambda: csv_text(rows),
        "html": lambda: bench_page(rows, environment),
    }
    for name, target in targets.items():
        if target is not None:
            atomic_write(target, texts[name]().encode())
