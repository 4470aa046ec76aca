"""Bad input to what a quality manager signs: joined parts, lists of exclusions, odd file names."""

from __future__ import annotations

import copy
import json
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from offspec.bundle import Bundle
from offspec.capture import MOST_LETTERS, read_captures
from offspec.errors import OptionError
from offspec.exclusions import MOST_BYTES, read_exclusions, write_proposals
from offspec.health.confounds import Circumstance, find_confounds
from offspec.health.words import findings
from offspec.pages.document import Chart, Document, Section, Text
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import to_pdf
from offspec.pages.pod_pictures import BLIND_RGB, map_picture
from offspec.pages.quality_joined import _other_model, check_part
from tests.synth import write_mvtec, write_plain
from tests.test_bad_input import refused
from tests.trained import SMALL, Run, offspec

AWKWARD = (
    "train/good/part #2.png",
    "#first.png",
    '"quoted".png',
    " lead.png",
    "two\nlines.png",
    "bad\udcff.png",
    "red\x1b[31m.png",
    "ünï $x$ @ref.png",
)


# -- lists of exclusions -----------------------------------------------------------------


def proposals(*keys: str) -> dict[str, Any]:
    """What a check writes that flags these images, the first a copy of the last."""
    rows = [{"image": key, "flagged": True, "z": 3.0} for key in keys]
    pair = {"images": [keys[-1], keys[0]], "kind": "exact", "contradiction": False}
    return {
        "unreadable": [],
        "duplicates": [pair],
        "contamination": {"images": rows},
        "variants": [],
    }


def test_any_file_name_survives_the_list(tmp_path: Path) -> None:
    written = write_proposals(proposals(*AWKWARD), tmp_path)
    assert set(read_exclusions(written[0])) == set(AWKWARD)


@pytest.mark.parametrize(
    "text", ["\ufeffa.png\r\nb.png # odd\r\n", "# x\n\n  a.png  \nb.png\na.png"]
)
def test_list_of_any_editor(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.txt").write_bytes(text.encode())
    assert read_exclusions(tmp_path / "list.txt") == ("a.png", "b.png")


def test_list_with_an_open_quote(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text('"a.png\n', encoding="utf-8")
    with pytest.raises(OptionError, match="begins with a quote"):
        read_exclusions(tmp_path / "list.txt")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_list_without_an_end() -> None:
    with pytest.raises(OptionError, match=str(MOST_BYTES)):
        read_exclusions("/dev/zero")


# -- file names on pages and terminals ------------------------------------------------------


def test_page_and_pdf_with_names_that_are_no_text() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>a\x1b\udcff</text></svg>'
    document = Document("a\udcff\x1b", "", (Section("#import", "$x$", (Text("@b"), Chart(svg))),))
    assert "a\\udcff\\x1b" in to_html(document)
    assert to_pdf(document).startswith(b"%PDF")


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_check_of_names_that_are_no_text(tmp_path: Path) -> None:
    data = write_plain(tmp_path / "data", normals=3, size_hw=SMALL)
    first = sorted(data.iterdir())[0]
    for name in (b"bad\xff.png", b"red\x1b[31m.png"):
        try:
            shutil.copyfile(first, data / os.fsdecode(name))
        except OSError:
            pytest.skip("the file system refuses such names")
    run = offspec(
        "check", data, "--html", tmp_path / "x.html", "--json", tmp_path / "x.json",
        "--proposals", tmp_path / "lists",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    assert "\x1b" not in run.stdout
    payload = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert any("\udcff" in key for key in payload["duplicates"][0]["images"])
    assert offspec("check", data, "--exclude", tmp_path / "lists" / "exclude.txt").code == 0


def test_metadata_may_hold_anything(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    head, rest = b"\xff\xd8", b"\xff\xd9"
    long = b"9" * 9000 + b"\0"
    at = 8 + 2 + 2 * 12 + 4
    tags = struct.pack("<HHHII", 2, 0x0110, 2, len(long), at)
    tags += struct.pack("<HHII", 0x0132, 2, len(long), at) + bytes(4)
    loop = struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + bytes(4)
    bodies = [tags + long, loop, b"\xff\xff" + rng.bytes(60000), b"", rng.bytes(300)]
    for number, body in enumerate(bodies):
        data = b"Exif\0\0II*\0" + struct.pack("<I", 8) + body
        segment = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
        picture = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
        assert picture.startswith(head)
        assert picture.endswith(rest)
        (tmp_path / f"{number}.jpg").write_bytes(head + segment + picture[2:])
    found = read_captures(sorted(tmp_path.iterdir()))
    assert [one.time_s for one in found] == [None] * len(bodies)
    assert len(found[0].camera or "") == MOST_LETTERS


# -- words that could not be understood -----------------------------------------------------


def health(**parts: Any) -> dict[str, Any]:
    """A check without findings but these."""
    none = ("unreadable", "duplicates", "labels", "variants", "confounds", "sizes", "outliers",
            "misaligned", "regions")  # fmt: skip
    contamination = {"images": [], "judged": 9, "least": 8, "sure_from": 2.0}
    return {
        "dataset": {"normals": 9, "images": 9},
        **{name: [] for name in none},
        "contamination": contamination,
        "coverage": {"gain": None},
        "other_sizes": None,
        **parts,
    }


def test_few_normals_are_counted_without_copies() -> None:
    few = {"images": [], "judged": 0, "least": 8, "sure_from": 2.0}
    same = {"images": list("abcdefghi"), "kind": "exact", "contradiction": False, "leak": False}
    words = [one["words"] for one in findings(health(contamination=few, duplicates=[same]))]
    assert any(one.startswith("1 normal is too few") for one in words)
    words = [one["words"] for one in findings(health(contamination=few))]
    assert any(one.startswith("9 normals are too few") for one in words)


def test_mixed_depth_names_the_rare_ones_and_mixed_sizes_are_told_too() -> None:
    rows = [
        {"size_wh": [9, 9], "bits": 8, "images": 7, "examples": ["a"]},
        {"size_wh": [9, 9], "bits": 16, "images": 1, "examples": ["deep"]},
        {"size_wh": [8, 9], "bits": 8, "images": 1, "examples": ["narrow"]},
    ]
    other = {"reference_wh": [9, 9], "size_policy": "exact", "images": ["narrow"],
             "refused": ["narrow"]}  # fmt: skip
    depth, size = [one["words"] for one in findings(health(sizes=rows, other_sizes=other))]
    assert "with 16: deep." in depth
    assert "1 image has another size than the reference (9 x 9). 1 is refused" in size
    assert "narrow" in size


def test_small_differences_are_printed_with_digits_that_differ() -> None:
    values = [0.35101 + 1e-5 * i for i in range(10)] + [0.35091 + 1e-5 * i for i in range(10)]
    bad = np.arange(20) >= 10
    (found,) = find_confounds([Circumstance("brightness", values)], bad, 0)
    assert found.good != found.bad
    low, high = found.good.split(" to ")
    assert low != high


def test_a_place_missed_once_is_not_painted_blind() -> None:
    grid = {"box_xywh": (0, 0, 60, 60), "columns": 2, "rows": 1}
    grid |= {"found": [[0, 0]], "tried": [[1, 2]]}
    picture = map_picture(grid, np.full((60, 60, 3), 128, np.uint8)).astype(int)
    h, w, _ = picture.shape
    once, twice = picture[h // 8, w // 4], picture[h // 8, 3 * w // 4]
    assert np.argmax(BLIND_RGB) == 0
    assert twice[0] - twice[1] > once[0] - once[1]


# -- results onto each other ------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ("check", "DATA", "--html", "x", "--json", "x"),
        ("calibrate", "BUNDLE", "--validation", "DATA", "--max-miss-rate", 0.9, "--html", "BUNDLE"),
        ("calibrate", "BUNDLE", "--validation", "DATA", "--max-miss-rate", 0.9, "--json", "BUNDLE"),
        ("calibrate", "BUNDLE", "--validation", "DATA", "--max-miss-rate", 0.9, "--out", "x",
         "--html", "x"),
        ("pod", "BUNDLE", "DATA", "--json", "BUNDLE"),
        ("compare", "BUNDLE", "BUNDLE", "DATA", "--html", "x", "--pdf", "x"),
        ("msa", "DATA", "--bundle", "BUNDLE", "--pdf", "BUNDLE"),
        ("report", "BUNDLE", "--health", "x", "--html", "x"),
    ],
)  # fmt: skip
def test_result_over_another_file(model_file: Path, tmp_path: Path, options: tuple[Any]) -> None:
    bundle = Path(shutil.copyfile(model_file, tmp_path / "part.offspec"))
    before = bundle.read_bytes()
    data = write_mvtec(tmp_path / "data", normals=3, size_hw=SMALL)
    paths = {"BUNDLE": bundle, "DATA": data, "x": tmp_path / "x.json"}
    refused(offspec(*(paths.get(str(one), one) for one in options)), "option", "named twice")
    assert bundle.read_bytes() == before
    assert not (tmp_path / "x.json").exists()


# -- parts of the report ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The JSON of the commands that a report joins, on one model."""
    root = tmp_path_factory.mktemp("parts")
    data = write_mvtec(root / "data", normals=10, size_hw=SMALL)
    made = {name: root / f"{name}.json" for name in ("health", "evaluation", "comparison")}
    made["data"] = data
    assert offspec("check", data, "--json", made["health"]).code in (0, 1)
    assert offspec("evaluate", model_file, data, "--json", made["evaluation"]).code == 0
    run = offspec("compare", model_file, model_file, data, "--json", made["comparison"])
    assert run.code in (0, 1), run.stderr
    return made


WORSE: tuple[Any, ...] = (None, "x", [], -1, {})


def spoiled(value: Any) -> Iterator[Any]:
    """The value with one thing in it changed: first of every list, every key of every object."""
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for worse in WORSE:
                yield {**value, key: worse}
            yield from ({**value, key: inner} for inner in spoiled(value[key]))
    elif isinstance(value, list) and value:
        yield from ([worse, *value[1:]] for worse in WORSE)
        yield from ([inner, *value[1:]] for inner in spoiled(value[0]))


@pytest.mark.parametrize("name", ["health", "evaluation", "comparison"])
def test_spoiled_part_is_refused_or_shown(parts: dict[str, Path], model: Bundle, name: str) -> None:
    payload = json.loads(parts[name].read_text(encoding="utf-8"))
    check_part(model, name, copy.deepcopy(payload), parts[name])
    cases = list(spoiled(payload))
    refusals = 0
    for index in np.random.default_rng(0).permutation(len(cases))[:60]:
        try:
            check_part(model, name, cases[index], parts[name], parts["data"])
        except OptionError as error:
            refusals += 1
            assert parts[name].name in str(error)  # noqa: PT017 - most cases are refused, not all
    assert refusals > 5


def test_spoiled_part_on_the_command_line(
    parts: dict[str, Path], model_file: Path, tmp_path: Path
) -> None:
    payload = json.loads(parts["comparison"].read_text(encoding="utf-8"))
    payload["detection"]["low"] = {"deep": "inside"}
    (tmp_path / "c.json").write_text(json.dumps(payload), encoding="utf-8")
    run = offspec("report", model_file, "--comparison", tmp_path / "c.json", "--html",
                  tmp_path / "r.html")  # fmt: skip
    refused(run, "option", "offspec compare", "of this version")
    assert not (tmp_path / "r.html").exists()


def reported(model_file: Path, tmp_path: Path, *options: Any) -> Run:
    return offspec("report", model_file, *options, "--html", tmp_path / "r.html")


@pytest.mark.parametrize("what", ["threshold", "verdict", "region"])
def test_figures_of_another_model(
    parts: dict[str, Path], model_file: Path, tmp_path: Path, what: str
) -> None:
    assert reported(model_file, tmp_path, "--evaluation", parts["evaluation"]).code == 0
    payload = json.loads(parts["evaluation"].read_text(encoding="utf-8"))
    first = next(
        r for i in payload["images"] for r in i["regions"] if r["verdict"] not in ("invalid", "ok")
    )
    if what == "threshold":
        first["threshold_raw"] *= 1.01
    elif what == "verdict":
        first["verdict"] = "ok"
    else:
        first["id"] = "elsewhere"
    (tmp_path / "e.json").write_text(json.dumps(payload), encoding="utf-8")
    run = reported(model_file, tmp_path, "--evaluation", tmp_path / "e.json")
    refused(run, "option", "another model")


def test_study_of_another_product(model: Bundle) -> None:
    own = model.manifest.template.name
    assert _other_model(model, "msa", {"source": {"bundle": None}}) is None  # people alone
    assert _other_model(model, "msa", {"source": {"bundle": own}}) is None
    assert "valve" in str(_other_model(model, "msa", {"source": {"bundle": "valve"}}))
    assert "valve" in str(_other_model(model, "pod", {"part": "valve", "regions": []}))


def test_report_names_the_file_and_the_images_that_were_not_read(
    parts: dict[str, Path], model_file: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(parts["data"], tmp_path / "data"))
    (sorted((data / "test").glob("[!g]*"))[0] / "torn.png").write_bytes(b"text")
    run = reported(model_file, tmp_path, data)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert run.code == 2, run.stderr
    assert "In no rate, because the file could not be read" in page
    assert model_file.name in page
    assert "SHA-256 of the bundle" in page
