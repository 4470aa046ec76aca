"""The problem statement: what it holds, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offspec.errors import OptionError
from offspec.problem import (
    Answers,
    DefectType,
    ProblemStatement,
    example_path,
    read_problem,
    with_answers,
    with_defect,
    with_harmless,
    write_problem,
)
from tests.synth import part_image, write_part


def statement(folder: Path, **changes: Any) -> Path:
    """A valid file with one example image, changed at the top level."""
    write_part(folder / "examples" / "ng.png", part_image(0))
    data: dict[str, Any] = {
        "format": 1,
        "answers": {"task": "flag", "cost_miss": 80, "defect_rate": 0.02},
        "defects": [{"type": "scratch", "words": "over 2 mm", "ng": ["examples/ng.png"]}],
        "not_a_defect": [{"words": "fingerprints"}],
    }
    path = folder / "problem.json"
    path.write_text(json.dumps({**data, **changes}), encoding="utf-8")
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    problem = read_problem(statement(tmp_path))
    assert problem.answers.cost_miss == 80
    assert problem.answers.latency_ms is None
    assert problem.defects[0].ng == ("examples/ng.png",)
    write_problem(tmp_path / "again.json", problem)
    assert read_problem(tmp_path / "again.json") == problem


def scratch(**changes: Any) -> list[dict[str, Any]]:
    return [{"type": "scratch", **changes}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, r"no option 'colour'. Known: answers, defects, format, not_a_defect"),
        ({"answers": {"cost": 3}}, r"no option 'answers.cost'. Known: cores, cost_false_alarm"),
        ({"answers": {"defect_rate": 1.5}}, r"'answers.defect_rate'.* is 1.5"),
        ({"answers": {"task": "find"}}, r"'answers.task'.*'flag' or 'locate'"),
        ({"answers": {"normals": True}}, r"'answers.normals'.* is True"),
        ({"format": 2}, r"format 2. This version reads format 1"),
        ({"format": True}, r"format True"),
        ({"defects": [*scratch(), {"type": " Scratch"}]}, r"' Scratch' is listed twice"),
        ({"defects": [{"type": "  "}]}, r"is empty"),
        ({"defects": scratch(ng=["examples/no.png"])}, r"'examples/no.png'.*is missing"),
        ({"defects": scratch(ok=["/etc/x.png"])}, r"'/etc/x.png'.*relative to its folder"),
        ({"defects": scratch(ok=["../x.png"])}, r"'../x.png'.*without '..'"),
        ({"defects": scratch(ok=["a\\b.png"])}, r"forward slashes"),
        ({"defects": scratch(ok=["C:/b.png"])}, r"relative to its folder"),
        (
            {"defects": scratch(ok=["examples/ng.png"], ng=["examples/ng.png"])},
            r"more than once under type 'scratch' \(ok, ng\)",
        ),
        ({"defects": scratch(ok=["problem.json"])}, r"'problem.json'.*not an image|problem.json"),
        ({"not_a_defect": [{"words": "dust", "images": ["no.png"]}]}, r"'dust'.*is missing"),
        ({"not_a_defect": [{"words": ""}]}, r"not_a_defect.0.words"),
    ],
)
def test_a_bad_statement_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        read_problem(statement(tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "words"), [("[1]", "holds a list"), ("{", "not a JSON file"), ('{"a": NaN}', "NaN")]
)
def test_what_is_no_statement_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "problem.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=words):
        read_problem(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = write_part(tmp_path / "outside.png", part_image(0))
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(OptionError, match="link that leads out"):
        read_problem(statement(folder, defects=scratch(ng=["link.png"])))


def test_a_refused_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = statement(tmp_path)
    before = path.read_bytes()
    bad = ProblemStatement(defects=(DefectType(type="pit", ng=("gone.png",)),))
    with pytest.raises(OptionError, match=r"gone\.png"):
        write_problem(path, bad)
    assert path.read_bytes() == before


def test_answers_are_laid_over_and_checked() -> None:
    problem = with_answers(ProblemStatement(answers=Answers(cost_miss=5)), {"cores": 4})
    assert (problem.answers.cost_miss, problem.answers.cores) == (5, 4)
    assert with_answers(problem, {"cost_miss": None}).answers.cost_miss == 5
    with pytest.raises(OptionError, match="cores"):
        with_answers(problem, {"cores": 0})


def test_a_type_gathers_words_and_examples() -> None:
    problem = with_defect(ProblemStatement(), "scratch", examples={"ng": ["a.png"]})
    problem = with_defect(problem, "Scratch", words="long", examples={"ng": ["a.png", "b.png"]})
    problem = with_defect(problem, "pit")
    assert [d.type for d in problem.defects] == ["scratch", "pit"]
    assert problem.defects[0].words == "long"
    assert problem.defects[0].ng == ("a.png", "b.png")


def test_what_is_no_defect_gathers_images() -> None:
    problem = with_harmless(ProblemStatement(), "dust", ["a.png"])
    problem = with_harmless(problem, " dust ", ["b.png"])
    assert [(o.words, o.images) for o in problem.not_a_defect] == [("dust", ("a.png", "b.png"))]
    with pytest.raises(OptionError, match="words"):
        with_harmless(problem, "  ")


def test_examples_are_named_relative_to_the_statement(tmp_path: Path) -> None:
    image = write_part(tmp_path / "a" / "x.png", part_image(0))
    assert example_path(image, tmp_path / "problem.json") == "a/x.png"
    with pytest.raises(OptionError, match="lies outside"):
        example_path(image, tmp_path / "b" / "problem.json")
