"""``offspec recommend`` and ``offspec problem`` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from offspec.bundle import read_bundle
from offspec.cli import app
from offspec.problem import read_problem
from offspec.run_config import read_run_config
from tests.synth import part_image, write_part
from tests.trained import Run, offspec, write_normals

PAGE = Path(__file__).parents[1] / "docs/reference/json.md"


@pytest.fixture(autouse=True)
def _timed_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offspec.recommend_speed.RUNS", 2)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_normals(tmp_path_factory.mktemp("parts"), 8)


ANSWERS = ("--cost-miss", 60, "--cost-false-alarm", 2, "--currency", "EUR", "--task", "flag")


def test_the_written_settings_are_what_fit_takes(parts: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "run.json", tmp_path / "problem.json"
    run = offspec("recommend", parts, *ANSWERS, "--config", config, "--out", out)
    assert run.code == 0, run.stderr
    assert "Proposal (looked at, not measured)" in run.stdout
    assert "assumed defect rate: 1% of the parts are defective" in run.stdout
    assert f"offspec fit {parts} --config {config} --out part.offspec" in run.stdout
    assert read_problem(out).answers.currency == "EUR"
    assert read_problem(out).answers.defect_rate is None
    settings = read_run_config(config)
    bundle_file = tmp_path / "part.offspec"
    fitted = offspec("fit", parts, "--config", config, "--out", bundle_file)
    assert fitted.code == 0, fitted.stderr
    manifest = read_bundle(bundle_file).manifest
    assert manifest.detector["name"] == settings.model.detector
    assert manifest.calibration.threshold.alpha == settings.decision.false_alarm_rate
    assert manifest.template.mode == "image"


def test_without_a_file_the_command_carries_the_settings(parts: Path) -> None:
    run = offspec("recommend", parts, "--yes", "--json", "-")
    line = json.loads(run.stdout)["next"][0]
    assert "--detector" in line
    assert "--false-alarm-rate 0.01" in line


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in ("answers", "config", "assumed", "left_out", "defect_px"):
                yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


@pytest.fixture(scope="module")
def measured(parts: Path) -> Run:
    return offspec(
        "recommend", parts, *ANSWERS, "--measure", "--sample", 8, "--smallest-defect", 6,
        "--detector", "padim", "--detector", "reference", "--json", "-",
    )  # fmt: skip


def test_measuring_prints_candidates_costs_and_what_made_defects_are_worth(measured: Run) -> None:
    assert measured.code == 0, measured.stderr
    shown = measured.stderr
    assert "Proposal (measured)" in shown
    assert "cost/1000" in shown
    assert "What it would cost to be wrong:" in shown
    assert "do not promise a rate on real ones" in shown
    found = json.loads(measured.stdout)
    candidates = found["measured"]["candidates"]
    assert {c["name"] for c in candidates} == {"padim fast", "reference fast"}
    assert found["measured"]["loss"] == min(c["loss"] for c in candidates)
    chosen = next(c for c in candidates if c["name"] == found["measured"]["chosen"])
    assert found["proposal"]["config"]["model"]["detector"] == chosen["detector"]


def test_every_key_is_documented(measured: Run) -> None:
    words = PAGE.read_text(encoding="utf-8")
    keys = set(keys_of(json.loads(measured.stdout))) - {"6", "12", "24"}
    assert {key for key in keys if f"`{key}" not in words} == set()


def test_questions_are_asked_on_a_terminal_only_for_what_is_open(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offspec.cli.recommend_cmd.on_terminal", lambda: True)
    out = tmp_path / "problem.json"
    typed = ["", "", "flag", "eight", "8", "500", "2,5", "", "150 %", "2 %", "", "40", "2"]
    result = CliRunner().invoke(
        app,
        ["recommend", str(parts), "--imaging", "variable", "--out", str(out)],
        input="\n".join(typed) + "\n",
    )
    assert result.exit_code == 0, result.output
    answers = read_problem(out).answers
    assert (answers.task, answers.smallest_defect, answers.defect_rate) == ("flag", 8, 0.02)
    assert (answers.cost_miss, answers.cost_false_alarm, answers.cost_review) == (500, 2.5, None)
    assert (answers.normals, answers.parts_per_minute, answers.latency_ms) == (None, None, 40)
    assert (answers.imaging, answers.cores) == ("variable", 2)
    assert "'smallest_defect' of the problem statement is 'eight'" in result.stderr
    assert "'defect_rate' of the problem statement is 1.5" in result.stderr
    assert "How are the images taken?" not in result.stderr


def test_answers_of_a_file_are_kept_and_options_win(parts: Path, tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    offspec("problem", "new", file)
    run = offspec("recommend", parts, "--problem", file, "--cores", 3, "--out", file)
    assert run.code == 0, run.stderr
    run = offspec("recommend", parts, "--problem", file, "--task", "flag", "--json", "-")
    answers = json.loads(run.stdout)["answers"]
    assert (answers["cores"], answers["task"]) == (3, "flag")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--task", "find"), "'task' of the problem statement"),
        (("--kind", "thing"), "--kind has the unknown value 'thing'"),
        (("--resolution", "huge"), "--resolution has the unknown value 'huge'"),
        (("--minutes", "3"), "belong to --measure"),
        (("--measure", "--minutes", "0"), "--minutes is 0"),
        (("--detector", "magic"), "Detector 'magic' is unknown"),
        (("--backbone", "magic"), "magic"),
        (("--defect-rate", "2"), "'defect_rate'"),
        (("--out", "nowhere/problem.json"), "its folder 'nowhere' does not exist"),
        (("--problem", "gone.json"), "gone.json"),
    ],
)
def test_wrong_options_are_refused_before_any_work(
    parts: Path, options: tuple[str, ...], words: str
) -> None:
    run = offspec("recommend", parts, *options)
    assert run.code == 2
    assert words in run.stderr


# -- the problem statement ---------------------------------------------------------


def test_the_catalogue_is_filled_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    image = write_part(tmp_path / "ng" / "a.png", part_image(0))
    assert offspec("problem", "new", file).code == 0
    run = offspec(
        "problem", "defect", file, "--type", "scratch", "--words", "over 2 mm", "--ng", image
    )
    assert run.code == 0, run.stderr
    run = offspec("problem", "not-a-defect", file, "--words", "dust", "--image", image)
    assert run.code == 0, run.stderr
    shown = offspec("problem", "show", file)
    assert "scratch: over 2 mm" in shown.stdout
    assert "not a defect: dust (1 image(s))" in shown.stdout
    assert "Open: normals" in shown.stdout
    data = json.loads(offspec("problem", "show", file, "--json", "-").stdout)
    assert data["defects"][0]["ng"] == ["ng/a.png"]


def test_the_catalogue_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    file, inside = tmp_path / "kept" / "problem.json", tmp_path / "kept"
    inside.mkdir()
    outside = write_part(tmp_path / "a.png", part_image(0))
    offspec("problem", "new", file)
    for options, words in (
        (("defect", file, "--type", "pit", "--ng", outside), "lies outside"),
        (("defect", file, "--type", "pit", "--ng", inside / "no.png"), "is missing"),
        (("defect", file, "--type", " "), "is empty"),
        (("new", file), "replaces nothing"),
        (("show", inside / "gone.json"), "gone.json"),
    ):
        run = offspec("problem", *options)
        assert (run.code, words in run.stderr) == (2, True), run.stderr
    assert read_problem(file).defects == ()


def test_a_statement_is_not_moved_away_from_its_examples(parts: Path, tmp_path: Path) -> None:
    file = tmp_path / "a" / "problem.json"
    image = write_part(tmp_path / "a" / "x.png", part_image(0))
    (tmp_path / "b").mkdir()
    offspec("problem", "new", file)
    offspec("problem", "defect", file, "--type", "pit", "--ng", image)
    run = offspec("recommend", parts, "--problem", file, "--out", tmp_path / "b" / "problem.json")
    assert run.code == 2
    assert "lies outside" in run.stderr
