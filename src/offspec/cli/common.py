"""What every command shares: output, progress, errors, signals.

Rules: human words go to standard output (to standard error when ``--json -`` owns standard
output), progress and errors always to standard error. A deliberate error is one block with its
code and exit status 2; an interruption leaves nothing half-written and exits 130 or 143.
"""

from __future__ import annotations

import functools
import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TextIO, TypeVar

import typer

from offspec.errors import OffspecError, OptionError, WriteError

if TYPE_CHECKING:
    from types import FrameType

P = ParamSpec("P")
R = TypeVar("R")
ProgressCall = Callable[[str, int, int], None]

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of writing."""
EXIT_ERROR = 2
EXIT_SIGINT = 130
EXIT_SIGTERM = 143

JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; '-' = standard output."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads; default: all cores.")
]


class TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived; handled exactly like Ctrl-C, so that files are cleaned up."""


def _raise_terminated(_signal: int, _frame: FrameType | None) -> None:
    raise TerminatedError


def install_signals() -> None:
    """Turn SIGTERM into an exception, so that ``finally`` blocks run."""
    signal.signal(signal.SIGTERM, _raise_terminated)


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command: deliberate errors become one block and exit 2, signals 130 and 143."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except OffspecError as error:
            print_error(error)
            raise typer.Exit(EXIT_ERROR) from None
        except TerminatedError:
            _complain("offspec: terminated; nothing half-written was left.")
            raise typer.Exit(EXIT_SIGTERM) from None
        except KeyboardInterrupt:
            _complain("offspec: interrupted; nothing half-written was left.")
            raise typer.Exit(EXIT_SIGINT) from None

    return run


def print_error(error: OffspecError) -> None:
    """One block on standard error: the code, then what, value, rule and next step."""
    _complain(f"error [{error.code}]: {error}")


def _complain(text: str) -> None:
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Write words; what the stream cannot show, or what steers a terminal, as escapes."""
    text = _STEERING.sub(lambda match: ascii(match[0])[1:-1], text)
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _fits(text: str, encoding: str | None) -> bool:
    """Whether a text can be written in this encoding."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words and its JSON go.

    Attributes:
        json_target: A file, ``-`` for standard output, or None.
        quiet: Print errors only.
    """

    json_target: str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.json_target is not None and self.json_target != "-":
            check_target(Path(self.json_target))

    def say(self, text: str = "") -> None:
        """Print for people."""
        if not self.quiet:
            _write(sys.stderr if self.json_target == "-" else sys.stdout, text + "\n")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table for people."""
        for line in format_table(header, rows):
            self.say(line)

    def write_json(self, payload: object) -> None:
        """Write the result for machines, aside and then renamed."""
        if self.json_target is None:
            return
        text = to_json(payload)
        if self.json_target == "-":
            if not _fits(text, sys.stdout.encoding):
                text = to_json(payload, plain=True)
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        if not _fits(text, "utf-8"):  # a file name whose bytes are no text
            text = to_json(payload, plain=True)
        from offspec.images import atomic_write

        atomic_write(Path(self.json_target), text.encode())


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lay out a plain table, the first column left, the others right."""
    cells = [[_cell(value) for value in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        first, *rest = (c.rjust(w) for c, w in zip(row, widths, strict=True))
        lines.append("  ".join([first.strip().ljust(widths[0]), *rest]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value)


def to_json(payload: object, *, plain: bool = False) -> str:
    """Serialise with stable keys; NaN and infinities become null. ``plain`` is ASCII alone."""
    from offspec.json_files import finite

    return json.dumps(finite(payload), indent=2, ensure_ascii=plain, allow_nan=False) + "\n"


def check_target(path: Path) -> None:
    """Refuse, before any long work, a result file that cannot be written.

    Raises:
        WriteError: The folder does not exist, or the path is a folder.
    """
    if path.is_dir():
        raise WriteError(
            f"'{path}' is a folder. A result is one file. Name a file inside the folder."
        )
    if not path.absolute().parent.is_dir():
        raise WriteError(
            f"'{path}' cannot be written: its folder '{path.parent}' does not exist. "
            "Results go into an existing folder. Create it, or name another one."
        )


def apart(
    output: Output, results: Sequence[Path | None], inputs: Sequence[Path | None] = ()
) -> None:
    """Refuse results that would overwrite each other, or a file that is read.

    Raises:
        OptionError: Two names stand for one file.
        WriteError: A folder does not exist, or is named in place of a file.
    """
    written = [path for path in results if path is not None]
    if output.json_target not in (None, "-"):
        written.append(Path(str(output.json_target)))
    taken = {path.resolve() for path in inputs if path is not None}
    for path in written:
        check_target(path)
        if path.resolve() in taken:
            raise OptionError(
                f"'{path}' is named twice: as a result, and as another result or a file that is "
                "read. One would overwrite the other. Name another file."
            )
        taken.add(path.resolve())


def result_folder(path: Path | None) -> Path | None:
    """Make a folder for results, if one is asked for."""
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"Folder '{path}' cannot be made: {error.strerror or error}. Results need a folder "
            "that can be written. Name another one."
        ) from error
    return path


def choice(value: str, allowed: Sequence[str], option: str) -> str:
    """Check one word against the allowed ones.

    Raises:
        OptionError: The word is not among them.
    """
    if value not in allowed:
        raise OptionError(
            f"Option {option} has the unknown value '{value}'. Use one of {', '.join(allowed)}."
        )
    return value


@contextmanager
def progress(quiet: bool) -> Iterator[ProgressCall]:
    """Show a bar with the time left on standard error; silent off a terminal.

    Yields:
        A function ``(stage, done, total)``; a new stage starts a new bar; what stands
        behind a comma in its name (a loss, say) may change.
    """
    if quiet or not sys.stderr.isatty():
        yield _no_progress
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def advance(stage: str, done: int, total: int) -> None:
            key = stage.partition(",")[0]
            if key not in tasks:
                tasks[key] = bar.add_task(stage, total=total)
            bar.update(tasks[key], completed=done, total=total, description=stage)

        yield advance


def _no_progress(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""


def percent(value: float | None) -> str:
    """A share in words: 0.012 -> '1.2 %'."""
    return "-" if value is None else f"{100 * value:.3g} %"


def needed(value: Path | None, name: str) -> Path:
    """An argument that may only be left out with ``--print-config``."""
    if value is None:
        raise typer.BadParameter(f"Missing {name}.")
    return value
