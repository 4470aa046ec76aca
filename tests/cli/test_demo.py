from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from offspec.images import read_image
from tests.cli.conftest import Run

Offspec = Callable[..., Run]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    from typer.testing import CliRunner

    from offspec.cli import app

    out = tmp_path_factory.mktemp("demo") / "out"
    done = CliRunner().invoke(app, ["demo", "--out", str(out), "--images", "8", "--json", "-"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return out, Run(done.exit_code, done.stdout, done.stderr)


def test_demo_leaves_everything_a_newcomer_needs(demo: tuple[Path, Run]) -> None:
    out, run = demo
    assert run.code == 0, run.stderr
    for name in ("practice/template.json", "practice.offspec", "report.html"):
        assert (out / name).is_file()
    assert "What to look at next" in run.stderr


def test_demo_names_pictures_that_exist(demo: tuple[Path, Run]) -> None:
    _, run = demo
    pictures = json.loads(run.stdout)["pictures"]
    assert pictures
    for picture in pictures.values():
        assert read_image(picture).ndim == 3


def test_demo_says_what_the_threshold_promises(demo: tuple[Path, Run]) -> None:
    _, run = demo
    evaluation = json.loads(run.stdout)["evaluation"]
    assert evaluation["guarantee"] in run.stderr
    assert evaluation["threshold_status"] in ("certified", "extrapolated", "provisional")


def test_a_smaller_demo_forgets_the_boards_of_a_larger_one(
    demo: tuple[Path, Run], tmp_path: Path
) -> None:
    from offspec.cli.demo_cmd import _remove_leftovers

    for number in (0, 7, 8, 12):
        (tmp_path / f"board_{number:03d}.png").touch()
    (tmp_path / "board_own.png").touch()
    _remove_leftovers(tmp_path, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "board_000.png", "board_007.png", "board_own.png",
    ]  # fmt: skip


def test_demo_asks_for_enough_images(offspec: Offspec, tmp_path: Path) -> None:
    run = offspec("demo", "--out", tmp_path / "few", "--images", "3")
    assert run.code == 2
    assert "error [option]" in run.stderr
