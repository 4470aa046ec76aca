"""``offspec problem new | show | defect | not-a-defect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, check_target, guarded
from offspec.errors import WriteError

if TYPE_CHECKING:
    from offspec.problem import ProblemStatement

app = typer.Typer(
    help="Keep the problem statement: answers, and the catalogue of defects.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
FileArgument = Annotated[Path, typer.Argument(metavar="PROBLEM", help="problem.json")]


@app.command("new")
@guarded
def new(problem_file: FileArgument, quiet: QuietOption = False) -> None:
    """Write an empty statement; `offspec recommend --problem` asks the questions."""
    from offspec.problem import ProblemStatement, write_problem

    output = Output(None, quiet)
    check_target(problem_file)
    if problem_file.exists():
        raise WriteError(
            f"'{problem_file}' exists. A new statement replaces nothing. Name another file, or "
            "change this one with 'offspec problem defect'."
        )
    write_problem(problem_file, ProblemStatement())
    output.say(f"Wrote {problem_file}.")


@app.command("show")
@guarded
def show(
    problem_file: FileArgument, json_file: JsonOption = None, quiet: QuietOption = False
) -> None:
    """Check a statement and print it."""
    from offspec.problem import read_problem

    output = Output(json_file, quiet)
    problem = read_problem(problem_file)
    describe(output, problem)
    output.write_json(problem.model_dump(mode="json"))


@app.command("defect")
@guarded
def defect(
    problem_file: FileArgument,
    kind: Annotated[str, typer.Option("--type", help="Name of the type, such as scratch.")],
    words: Annotated[
        str | None, typer.Option("--words", help="What it is, and from when on it counts.")
    ] = None,
    ok: Annotated[
        list[Path] | None, typer.Option("--ok", help="An image where the part is still good.")
    ] = None,
    borderline: Annotated[
        list[Path] | None, typer.Option("--borderline", help="An image people disagree on.")
    ] = None,
    ng: Annotated[
        list[Path] | None, typer.Option("--ng", help="An image of a part that is not good.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Add a defect type, or words and examples to one that is there."""
    from offspec.problem import example_path, read_problem, with_defect, write_problem

    output = Output(None, quiet)
    problem = with_defect(
        read_problem(problem_file),
        kind,
        words=words,
        examples={
            "ok": [example_path(p, problem_file) for p in ok or []],
            "borderline": [example_path(p, problem_file) for p in borderline or []],
            "ng": [example_path(p, problem_file) for p in ng or []],
        },
    )
    write_problem(problem_file, problem)
    _catalogue(output, problem)


@app.command("not-a-defect")
@guarded
def not_a_defect(
    problem_file: FileArgument,
    words: Annotated[str, typer.Option("--words", help="What looks odd and is allowed.")],
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="An image that shows it.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Add something that is not a defect."""
    from offspec.problem import example_path, read_problem, with_harmless, write_problem

    output = Output(None, quiet)
    paths = [example_path(p, problem_file) for p in image or []]
    problem = with_harmless(read_problem(problem_file), words, paths)
    write_problem(problem_file, problem)
    _catalogue(output, problem)


def describe(output: Output, problem: ProblemStatement) -> None:
    """Print answers and catalogue; open questions are named."""
    given = problem.answers.model_dump(exclude_none=True)
    if given:
        output.table(["question", "answer"], [[name, value] for name, value in given.items()])
    open_ones = [name for name in type(problem.answers).model_fields if name not in given]
    if open_ones:
        output.say(f"Open: {', '.join(open_ones)}.")
    output.say()
    _catalogue(output, problem)


def _catalogue(output: Output, problem: ProblemStatement) -> None:
    if problem.defects:
        output.table(
            ["defect", "ok", "borderline", "ng"],
            [[d.type, len(d.ok), len(d.borderline), len(d.ng)] for d in problem.defects],
        )
        for one in problem.defects:
            if one.words:
                output.say(f"{one.type}: {one.words}")
    else:
        output.say("No defect is described yet: 'offspec problem defect' adds one.")
    for odd in problem.not_a_defect:
        output.say(f"not a defect: {odd.words} ({len(odd.images)} image(s))")
