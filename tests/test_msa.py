"""The system in an attribute study: real bundles, drawn photographs, command and pages."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec.bundle import Bundle
from offspec.decisions.msa import measure_study
from offspec.errors import DatasetError
from offspec.images import file_sha256, read_image, write_png
from offspec.pages.document import Gallery, KeyFigures, Table
from offspec.pages.document_html import to_html
from offspec.pages.msa_page import msa_document, msa_sections
from tests.aiag_example import write_csv
from tests.synth import write_part
from tests.trained import offspec, varied_part

GOOD, BAD, SHOTS = 3, 2, 2


def write_study(root: Path, *, shots: int = SHOTS) -> Path:
    """Good parts and parts with a blot, each photographed several times."""
    for part in range(GOOD):
        for shot in range(shots):
            image = varied_part(50 + part, shot=shot)
            write_part(root / f"good/p{part}_{shot}.png", image)
    for part in range(BAD):
        for shot in range(shots):
            image = varied_part(60 + part, shot=shot, defect="blot")
            write_part(root / f"bad/q{part}_{shot}.png", image)
    return root


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study")


def test_the_system_is_an_appraiser(model: Bundle, study: Path) -> None:
    found = measure_study(study, bundle=model)
    (system,) = found.appraisers
    assert system.name == "offspec"
    assert (system.miss_rate.n, system.miss_rate.parts) == (BAD * SHOTS, BAD)
    assert len(found.looks) == (GOOD + BAD) * SHOTS
    wrong = sum(not look.right for look in found.looks)
    assert wrong == (GOOD + BAD) * SHOTS - system.decisions_right.k


def test_operators_stand_beside_the_system(model: Bundle, study: Path, tmp_path: Path) -> None:
    parts = [f"p{i}" for i in range(GOOD)] + [f"q{i}" for i in range(BAD)]
    lines = [
        f"Ann,{part},{trial},{'ok' if part[0] == 'p' else 'ng'}"
        for part in parts
        for trial in (1, 2)
    ]
    table = tmp_path / "people.csv"
    table.write_text("\n".join(["appraiser,part,trial,verdict", *lines]))
    found = measure_study(study, bundle=model, verdicts=table)
    assert [one.name for one in found.appraisers] == ["offspec", "Ann"]
    assert found.appraisers[1].effectiveness.value == 1.0
    assert found.everybody is not None
    assert found.verdict == found.appraisers[0].verdict
    table.write_text(table.read_text() + "\nAnn,zz,1,ok\nAnn,zz,2,ok\n")
    with pytest.raises(DatasetError, match=r"Part 'zz' .* has no photograph"):
        measure_study(study, bundle=model, verdicts=table)


def test_an_image_that_was_learned_from_is_refused(
    model: Bundle, normals: Path, study: Path
) -> None:
    write_png(study / "good/p0_7.png", read_image(normals / "001.png"))
    with pytest.raises(DatasetError, match="learned from"):
        measure_study(study, bundle=model)


def test_the_same_picture_twice_is_no_presentation(model: Bundle, study: Path) -> None:
    write_png(study / "good/p0_7.png", read_image(study / "good/p0_0.png"))
    with pytest.raises(DatasetError, match="are the same picture"):
        measure_study(study, bundle=model)


def test_single_presentations_are_refused_before_any_is_inspected(
    model: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"None of 5 parts is shown twice.*put in anew"):
        measure_study(write_study(tmp_path / "s", shots=1), bundle=model)


def test_a_broken_photograph_is_listed_and_the_others_finish(model: Bundle, study: Path) -> None:
    (study / "good/p0_8.png").write_bytes(b"no picture")
    found = measure_study(study, bundle=model)
    assert [key for key, _, _ in found.errors] == ["good/p0_8.png"]
    assert len(found.looks) == (GOOD + BAD) * SHOTS


def test_an_invalid_photograph_is_wrong_on_either_side(model: Bundle, study: Path) -> None:
    for name in ("good/p0_5.png", "bad/q0_5.png"):
        other = np.zeros((20, 30, 3), np.uint8)
        cv2.circle(other, (len(name), 10), 4, (200, 0, 0), -1)
        write_png(study / name, other)
    found = measure_study(study, bundle=model)
    said = {look.shown.key: look for look in found.looks}
    for name in ("good/p0_5.png", "bad/q0_5.png"):
        assert said[name].inspection.verdict == "invalid"
        assert not said[name].right
    assert found.to_dict()["appraisers"][0]["verdicts"]["invalid"] == 2


def test_the_command_writes_everything(study: Path, model_file: Path, tmp_path: Path) -> None:
    html, pdf, out = tmp_path / "m.html", tmp_path / "m.pdf", tmp_path / "m.json"
    run = offspec("msa", study, "--bundle", model_file, "--html", html, "--pdf", pdf, "--json", out)
    assert run.code == 0
    assert "effectiveness" in run.stdout
    payload = json.loads(out.read_text())
    assert payload["parts"] == {"good": GOOD, "bad": BAD}
    assert payload["bundle"] == {"file": model_file.name, "sha256": file_sha256(model_file)}
    assert pdf.read_bytes().startswith(b"%PDF")
    page = html.read_text()
    assert "Quality manager" in page
    assert "offspec" in page


def test_the_page_is_built_from_the_json_alone(tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    assert offspec("msa", "--verdicts", write_csv(tmp_path / "a.csv"), "--json", out).code == 0
    payload = json.loads(out.read_text())
    assert payload["bundle"] is None
    page = to_html(msa_document(payload))
    for words in ("42 of 50", "0.86", "97 3; 6 44", "good, bad, good"):
        assert words in page
    sections = msa_sections(payload)
    assert sum(isinstance(b, Table) for s in sections for b in s.blocks) == 3
    assert not any(isinstance(b, Gallery) for s in sections for b in s.blocks)


def test_the_headline_speaks_of_the_least_effective_of_the_worst(tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    assert offspec("msa", "--verdicts", write_csv(tmp_path / "a.csv"), "--json", out).code == 0
    payload = json.loads(out.read_text())
    rates = {one["appraiser"]: one["effectiveness"]["value"] for one in payload["appraisers"]}
    assert rates["C"] < min(rates["A"], rates["B"])
    for one in payload["appraisers"]:
        one["verdict"] = payload["verdict"]
    for _ in range(2):
        payload["appraisers"].reverse()
        (figures,) = (b for b in msa_sections(payload)[0].blocks if isinstance(b, KeyFigures))
        assert figures.cards[0].note == "C"


def test_every_key_is_documented(model: Bundle, study: Path) -> None:
    words = (Path(__file__).parents[1] / "docs/reference/json.md").read_text()
    payload = json.loads(json.dumps(measure_study(study, bundle=model).to_dict()))
    appraiser = payload["appraisers"][0]
    keys = {*payload, *appraiser, *appraiser["miss_rate"], *appraiser["kappa_reference"]}
    keys |= {*payload["images"][0], *payload["source"], *payload["limits"]["pass"]}
    keys |= {key for row in payload["discordant"] for key in row}
    assert {key for key in keys if f"`{key}" not in words} == set()


def test_plans(tmp_path: Path) -> None:
    run = offspec("msa", "--plan", "--parts-bad", 16, "--parts-good", 34, "--json", tmp_path / "p")
    assert run.code == 0
    assert "149" in run.stdout
    assert "16 bad parts would show miss rate of at most: 17.1 % with 0 wrong" in run.stdout
    payload = json.loads((tmp_path / "p").read_text())
    assert payload["needs"][0]["parts_needed"] == {"0": 149, "1": 236, "2": 313}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to study"),
        (("--plan", "folder"), "--plan is for the time before"),
        (("--marginal", "1,2"), "takes three shares"),
        (("--plan", "--trials", "1"), "repeatability"),
        (("--plan", "--miss-limit", "0"), "The limit is 0"),
        (("--html", "nowhere/x.html"), "does not exist"),
    ],
)
def test_wrong_options_end_with_two(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = offspec("msa", *arguments)
    assert run.code == 2
    assert words in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_equal_studies_give_equal_results(study: Path, model_file: Path) -> None:
    first, second = (
        offspec("msa", study, "--bundle", model_file, "--json", "-").stdout for _ in range(2)
    )
    assert first == second
    assert json.loads(first)["source"]["folder"] == "study"
