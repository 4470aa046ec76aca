from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from offspec.cli.common import (
    Output,
    TerminatedError,
    check_target,
    choice,
    format_table,
    guarded,
    to_json,
)
from offspec.errors import DatasetError, OptionError, WriteError


def test_json_turns_what_json_cannot_say_into_null() -> None:
    payload = {"a": float("nan"), "b": [np.float32(1.5), np.int64(2)], "c": Path("x") / "y"}
    assert json.loads(to_json(payload)) == {"a": None, "b": [1.5, 2], "c": "x/y"}


def test_json_on_standard_output_keeps_words_off_it(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("-")
    output.say("hello")
    output.write_json({"x": 1})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"x": 1}
    assert captured.err == "hello\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Output(quiet=True).say("hello")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("target", ["missing/part.offspec", "."])
def test_an_impossible_target_is_refused_at_once(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WriteError):
        check_target(Path(target))


def test_a_deliberate_error_is_one_block_with_its_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @guarded
    def command() -> None:
        raise DatasetError("No normals in 'x'. At least one is needed. Add one.")

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == (
        "error [dataset]: No normals in 'x'. At least one is needed. Add one.\n"
    )


@pytest.mark.parametrize(("signal", "code"), [(KeyboardInterrupt, 130), (TerminatedError, 143)])
def test_signals_have_their_own_exit_codes(
    signal: type[KeyboardInterrupt], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @guarded
    def command() -> None:
        raise signal

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == code
    assert "nothing half-written" in capsys.readouterr().err


def test_a_choice_names_the_known_words() -> None:
    with pytest.raises(OptionError, match=r"'c'.*a, b"):
        choice("c", ("a", "b"), "--x")


def test_a_table_is_aligned() -> None:
    assert format_table(["name", "v"], [["one", 1.0], ["two", None]]) == [
        "name  v",
        "----  -",
        "one   1",
        "two   -",
    ]
