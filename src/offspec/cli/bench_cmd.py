"""``offspec bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, ThreadsOption, guarded, progress


@guarded
def bench(
    runs: Annotated[int, typer.Option("--runs", min=3, help="Timed inspections per line.")] = 50,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Time fitting, inspection and start-up on this machine."""
    output = Output(json_file, quiet)
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
