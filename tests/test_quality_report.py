"""The report joins what is there, names what is not, and refuses what is something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offspec.bundle import Bundle, read_bundle, write_bundle
from offspec.errors import OptionError
from offspec.pages.check_page import health_sections
from offspec.pages.document import Document, Section
from offspec.pages.document_html import to_html
from offspec.pages.quality_page import Parts, quality_document
from offspec.pages.quality_parts import NEEDS, read_part
from offspec.problem import ProblemStatement, with_answers, with_defect, with_harmless
from tests.synth import write_part
from tests.trained import offspec, varied_part


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test images beside the normals that ``model`` learned from."""
    root = tmp_path_factory.mktemp("tested")
    for part in range(40, 46):
        (root / "test/good").mkdir(parents=True, exist_ok=True)
        (root / "test/blot").mkdir(parents=True, exist_ok=True)
        (root / "train/good").mkdir(parents=True, exist_ok=True)
        write_part(root / f"test/good/{part}.png", varied_part(part))
        write_part(root / f"test/blot/{part}.png", varied_part(part + 20, defect="blot"))
        write_part(root / f"train/good/{part}.png", varied_part(part + 40))
    return root


def titles(document: Document) -> list[str]:
    return [one.title for one in document.sections]


def section(document: Document, title: str) -> Section:
    return next(one for one in document.sections if one.title.startswith(title))


def test_what_was_not_done_is_named_with_its_command(model: Bundle) -> None:
    document = quality_document(model, Parts(), title="Cap", machine="here")
    page = to_html(document)
    for command in ("check", "pod", "msa", "compare", "problem new", "calibrate --validation"):
        assert f"offspec {command}" in page
    assert "What this report lacks" in page
    assert titles(document)[-1] == "Signatures"
    assert section(document, "Result").light == "warn"


def test_problem_statement_is_written_out(model: Bundle) -> None:
    problem = with_answers(ProblemStatement(), {"cost_miss": 80.0, "task": "locate"})
    problem = with_defect(problem, "scratch", words="longer than 2 mm")
    problem = with_harmless(problem, "fingerprints")
    page = to_html(quality_document(model, Parts(problem=problem), title="Cap", machine="here"))
    for words in ("80", "scratch", "longer than 2 mm", "Not a defect: fingerprints"):
        assert words in page


def test_the_command_measures_and_joins(model_file: Path, folder: Path, tmp_path: Path) -> None:
    html, pdf, found = tmp_path / "r.html", tmp_path / "r.pdf", tmp_path / "r.json"
    run = offspec(
        "report", model_file, folder, "--html", html, "--pdf", pdf, "--json", found,
        "--title", "Cap <1>", "--sign", "Shift lead",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    payload = json.loads(found.read_text())
    assert payload["evaluation"]["images_tested"] == {"normal": 6, "defect": 6}
    assert payload["health"]["dataset"]["normals"] == 6
    page = html.read_text()
    assert "Cap &lt;1&gt;" in page
    assert "Shift lead" in page
    rate = payload["evaluation"]["detection_rate"]
    assert f"{round(rate['value'] * rate['n'])} of {rate['n']}" in page
    assert pdf.read_bytes().startswith(b"%PDF-")
    # given as files, the same parts come out again
    parts = {}
    for name in ("health", "evaluation"):
        parts[name] = tmp_path / f"{name}.json"
        parts[name].write_text(json.dumps(payload[name]))
    second = tmp_path / "again.html"
    run = offspec(
        "report", model_file, "--health", parts["health"], "--evaluation", parts["evaluation"],
        "--html", second,
    )  # fmt: skip
    assert run.code == 0
    assert f"{round(rate['value'] * rate['n'])} of {rate['n']}" in second.read_text()


def test_a_part_about_another_file_is_refused(
    model: Bundle, model_file: Path, folder: Path, tmp_path: Path
) -> None:
    """Even where names, regions and thresholds are the same."""
    found, other = tmp_path / "e.json", tmp_path / "other.offspec"
    assert offspec("evaluate", model_file, folder, "--json", found).code == 0
    note = replace(model.manifest, notes=(*model.manifest.notes, "another one"))
    write_bundle(replace(model, manifest=note), other)
    asked = ("--evaluation", found, "--html", tmp_path / "r.html")
    assert offspec("report", model_file, *asked).code == 0
    refused = offspec("report", other, *asked)
    assert refused.code == 2
    assert "about another model" in " ".join(refused.stderr.split())


def test_nothing_to_write_and_wrong_parts(model_file: Path, tmp_path: Path) -> None:
    assert offspec("report", model_file).code == 2
    other = tmp_path / "other.json"
    other.write_text('{"must_look": false}')
    for name in NEEDS:
        with pytest.raises(OptionError, match="is not the JSON of"):
            read_part(name, other)
        html = tmp_path / "x.html"
        assert offspec("report", model_file, f"--{name}", other, "--html", html).code == 2
        assert not html.exists()


def test_decision_points_that_the_bundle_remembers(model_file: Path) -> None:
    bundle = read_bundle(model_file)
    event: dict[str, Any] = {
        "event": "operating_points",
        "rule": "costs",
        "expected": {"cost_per_1000": 12.5, "low": 3.0, "high": 40.0},
        "warnings": ["few images"],
    }
    changed = replace(bundle, manifest=replace(bundle.manifest, history=(event,)))
    page = to_html(quality_document(changed, Parts(), title="Cap", machine="here"))
    assert "12.5 per 1000 parts (3 to 40)" in page
    assert "few images" in page
    assert "Changes since the fit" in page


def test_health_sections_need_no_pictures() -> None:
    payload = {
        "dataset": {"normals": 1, "test_good": 0, "test_bad": 0},
        "findings": [],
        "contamination": {"images": [], "flag_from": 1.4, "reference": None},
        "variants": [{"images": ["a"], "by": "all", "silhouette": None}],
        "confounds": [],
        "circumstances": [],
        "coverage": {"regions": []},
        "duplicates": [],
        "unreadable": [],
        "misaligned": [],
        "outliers": [],
        "labels": [],
        "sizes": [],
    }
    assert next(one.light for one in health_sections(payload)) == "good"
