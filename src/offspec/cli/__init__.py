"""The command line: parse, call one function, print. Heavy modules load inside the commands."""

from __future__ import annotations

from typing import Annotated

import typer

from offspec.cli import (
    augment_cmd,
    backup_cmd,
    bench_cmd,
    calibrate_cmd,
    check_cmd,
    compare_cmd,
    demo_cmd,
    evaluate_cmd,
    export_cmd,
    fit_cmd,
    inspect_cmd,
    msa_cmd,
    pod_cmd,
    problem_cmd,
    recommend_cmd,
    report_cmd,
    serve_cmd,
    template_cmd,
)
from offspec.cli.common import install_signals

app = typer.Typer(
    name="offspec",
    help="Learns what a good part looks like and outlines everything that is off spec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo_cmd.demo)
app.command("recommend")(recommend_cmd.recommend)
app.command("augment")(augment_cmd.augment)
app.command("check")(check_cmd.check)
app.command("fit")(fit_cmd.fit)
app.command("calibrate")(calibrate_cmd.calibrate)
app.command("evaluate")(evaluate_cmd.evaluate)
app.command("report")(report_cmd.report)
app.command("inspect")(inspect_cmd.inspect)
app.command("msa")(msa_cmd.msa)
app.command("compare")(compare_cmd.compare)
app.command("serve")(serve_cmd.serve)
app.command("audit")(serve_cmd.audit)
app.command("backup")(backup_cmd.backup)
app.command("restore")(backup_cmd.restore)
app.command("export")(export_cmd.export)
app.command("pod")(pod_cmd.pod)
app.command("bench")(bench_cmd.bench)
app.add_typer(template_cmd.app, name="template")
app.add_typer(problem_cmd.app, name="problem")


def _print_version(asked: bool) -> None:
    if asked:
        from offspec import __version__

        typer.echo(f"offspec {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Learns what a good part looks like and outlines everything that is off spec."""


def main() -> None:
    """Entry point of the ``offspec`` program."""
    install_signals()
    app()
