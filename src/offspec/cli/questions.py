"""The five questions of the trade, asked on a terminal; Enter leaves one open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from offspec.errors import OptionError

if TYPE_CHECKING:
    from offspec.problem import ProblemStatement

QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("How many images are there?", ("normals", "defects")),
    ("What is to be found?", ("task", "smallest_defect")),
    (
        "What does a wrong verdict cost?",
        ("cost_miss", "cost_false_alarm", "cost_review", "defect_rate"),
    ),
    ("How are the images taken?", ("imaging",)),
    ("How fast has it to be?", ("parts_per_minute", "latency_ms", "cores")),
)


def on_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_open(problem: ProblemStatement) -> ProblemStatement:
    """Ask for every answer that is not there yet."""
    for title, names in QUESTIONS:
        missing = [name for name in names if getattr(problem.answers, name) is None]
        if not missing:
            continue
        typer.echo(f"\n{title} (Enter = leave open)", err=True)
        for name in missing:
            problem = _ask(problem, name)
    return problem


def _ask(problem: ProblemStatement, name: str) -> ProblemStatement:
    """Ask for one answer until it fits or is left open."""
    from offspec.problem import Answers, with_answers

    words = Answers.model_fields[name].description or name
    while True:
        text = str(typer.prompt(f"  {words}", default="", show_default=False, err=True)).strip()
        if not text:
            return problem
        try:
            return with_answers(problem, {name: _value(text)})
        except OptionError as error:
            typer.echo(f"  {error}", err=True)


def _value(text: str) -> int | float | str:
    """A number where it is one; a share may be written as 2 %."""
    share = text.endswith("%")
    try:
        number = float(text.rstrip("% ").replace(",", "."))
    except ValueError:
        return text
    if share:
        return number / 100
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
