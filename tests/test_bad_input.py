"""Everything that can be wrong with what comes in, through the command line.

Each case ends with exit code 2 and a message of what, value, rule and next step, and leaves
every file as it was.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from offspec import crossfit, graphs
from offspec.annotations import Annotation, DefectShape, write_annotation
from offspec.bundle import model as bundle_model
from offspec.bundle import read as bundle_read
from offspec.template import Region, new_template, write_template
from tests.bundle.make import model_bytes
from tests.bundle.test_bundle import BROKEN, swapped_graph
from tests.bundle.test_onnx_check import simple
from tests.synth import part_image, write_mvtec, write_part
from tests.test_images import HUGE
from tests.trained import SMALL, Run, names, offspec, varied_part, write_normals

QUICK = ("--kind", "object", "--resolution", "fast", "--align", "none")


def refused(run: Run, code: str, *words: str) -> None:
    """Exit 2, one block that starts with the code and holds the words, at least two sentences."""
    assert run.code == 2, run.stdout + run.stderr
    assert run.stderr.startswith(f"error [{code}]: "), run.stderr
    for word in words:
        assert re.search(word, run.stderr), run.stderr
    assert run.stderr.count(". ") + run.stderr.count("? ") >= 1
    assert "Traceback" not in run.stderr


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """An MVTec-like dataset a test may spoil."""
    return write_mvtec(tmp_path / "data", normals=6, size_hw=SMALL)


@pytest.fixture
def bundle(model_file: Path, tmp_path: Path) -> Path:
    """A copy of the shared model that a test may spoil."""
    return Path(shutil.copyfile(model_file, tmp_path / "part.offspec"))


# -- images ----------------------------------------------------------------------------

PNG = cv2.imencode(".png", part_image(3, SMALL))[1].tobytes()
JPEG = cv2.imencode(".jpg", part_image(3, SMALL))[1].tobytes()
UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "empty": ("zz.png", b"", "empty"),
    "truncated-png": ("zz.png", PNG[:-40], "truncated|damaged|ends"),
    "truncated-jpeg": ("zz.jpg", JPEG[: len(JPEG) // 2], "truncated|damaged|ends"),
    "100-megapixel": ("zz.png", HUGE["png"], "megapixel"),
    "100-megapixel-tiff": ("zz.tif", HUGE["tiff"], "megapixel"),
    "no-image": ("zz.png", b"hello there, this is text", "not an image|no image|PNG"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_fit_refuses_an_unreadable_normal(case: str, dataset: Path, tmp_path: Path) -> None:
    name, data, word = UNREADABLE[case]
    (dataset / "train/good" / name).write_bytes(data)
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec", *QUICK)
    refused(run, "image_decode", name, word)
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("case", UNREADABLE)
def test_calibrate_refuses_an_unreadable_normal(case: str, bundle: Path, tmp_path: Path) -> None:
    name, data, word = UNREADABLE[case]
    fresh = write_normals(tmp_path / "fresh", 6, first=30)
    (fresh / name).write_bytes(data)
    before = bundle.read_bytes()
    refused(offspec("calibrate", bundle, "--normal", fresh, "--out", bundle),
            "image_decode", name, word)  # fmt: skip
    assert bundle.read_bytes() == before


@pytest.mark.parametrize("case", UNREADABLE)
def test_inspect_finishes_the_others_first(case: str, bundle: Path, tmp_path: Path) -> None:
    name, data, _ = UNREADABLE[case]
    images = tmp_path / "images"
    write_part(images / "a.png", varied_part(40))
    write_part(images / "zzz.png", varied_part(41))
    (images / name).write_bytes(data)
    run = offspec("inspect", bundle, images, "--json", tmp_path / "r.json")
    assert run.code == 2
    first, broken, last = json.loads((tmp_path / "r.json").read_text())
    assert first["verdict"] == last["verdict"] == "ok"
    assert broken.keys() == {"image", "error"}
    assert broken["error"].keys() == {"code", "message"}
    assert broken["error"]["code"] == "image_decode"


def test_an_image_of_another_size_is_invalid_and_exit_0(bundle: Path, tmp_path: Path) -> None:
    write_part(tmp_path / "large.png", part_image(0, (70, 80)))
    run = offspec("inspect", bundle, tmp_path / "large.png", "--json", "-")
    assert run.code == 0, run.stderr
    (result,) = json.loads(run.stdout)
    assert result["verdict"] == "invalid"
    assert result["deviation_score"] is None
    reason = result["regions"][0]["reason"]
    assert reason["code"] == "size"
    assert "80" in reason["message"]
    assert "70" in reason["message"]


def test_an_image_of_another_depth_is_an_error_of_its_own(bundle: Path, tmp_path: Path) -> None:
    write_part(tmp_path / "deep.png", part_image(0, SMALL, bits=16))
    write_part(tmp_path / "good.png", varied_part(40))
    run = offspec("inspect", bundle, tmp_path / "deep.png", tmp_path / "good.png", "--json", "-")
    assert run.code == 2
    deep, good = json.loads(run.stdout)
    assert deep["error"]["code"] == "shape"
    assert "uint16" in deep["error"]["message"]
    assert good["verdict"] == "ok"


def test_mixed_depths_do_not_fit(dataset: Path, tmp_path: Path) -> None:
    write_part(dataset / "train/good/zz.png", part_image(9, SMALL, bits=12))
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec", *QUICK)
    refused(run, "shape", "uint16|16")
    assert names(tmp_path) == ["data"]


# -- templates ---------------------------------------------------------------------------


def with_regions(folder: Path, change: Callable[[list[dict[str, object]]], object]) -> Path:
    """A template file beside the first normal, spoilt by hand."""
    good = folder / "train/good"
    template = new_template(
        good / "000.png",
        regions=(
            Region("a", "A", "rectangle", ((4.0, 4.0), (40.0, 40.0))),
            Region("b", "B", "polygon", ((40.0, 4.0), (70.0, 4.0), (70.0, 60.0))),
        ),
    )
    write_template(good / "template.json", template)
    data = json.loads((good / "template.json").read_text())
    change(data["regions"])
    (good / "template.json").write_text(json.dumps(data))
    return good / "template.json"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r[0].update(points_xy=[[4, 4], [400, 40]]), ("'a'", "inside|outside", "80")),
        (lambda r: r[1].update(points_xy=[[40, 4], [70, 60], [70, 4], [40, 60]]), ("'b'", "cross")),
        (lambda r: r[1].update(id="a"), ("'a'", "twice|duplicate")),
    ],
    ids=["outside", "self-crossing", "duplicate-id"],
)
@pytest.mark.parametrize("command", ["fit", "validate"])
def test_a_wrong_region_is_named(
    command: str,
    change: Callable[[list[dict[str, object]]], object],
    words: tuple[str, ...],
    dataset: Path,
    tmp_path: Path,
) -> None:
    template = with_regions(dataset, change)
    if command == "fit":
        run = offspec("fit", dataset, "--template", template, "--out", tmp_path / "x.offspec")
    else:
        run = offspec("template", "validate", template)
    refused(run, "region", *words)
    assert names(tmp_path) == ["data"]


def test_a_changed_reference_is_refused(dataset: Path, tmp_path: Path) -> None:
    template = with_regions(dataset, lambda _: None)
    write_part(dataset / "train/good/000.png", part_image(77, SMALL))
    run = offspec("fit", dataset, "--template", template, "--out", tmp_path / "x.offspec")
    refused(run, "template", "000.png", "changed", "sha256|hash")
    assert names(tmp_path) == ["data"]


# -- datasets ----------------------------------------------------------------------------


def test_no_normals_says_where_it_looked_and_what_it_reads(tmp_path: Path) -> None:
    write_part(tmp_path / "data/bad/0.png", part_image(0, SMALL))
    run = offspec("fit", tmp_path / "data", "--out", tmp_path / "x.offspec")
    refused(run, "dataset", "data", "normal|good")
    assert names(tmp_path) == ["data"]


def annotate(image: Path, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    defect = DefectShape("dent", corners)
    write_annotation(
        image.with_suffix(".json"),
        Annotation(image.name, SMALL[::-1], defects=(defect,), split="train"),
    )


def test_a_defect_inside_a_region_of_a_training_normal_is_refused(
    dataset: Path, tmp_path: Path
) -> None:
    annotate(dataset / "train/good/003.png", (10, 10, 8, 8))
    template = with_regions(dataset, lambda _: None)
    run = offspec("fit", dataset, "--template", template, "--out", tmp_path / "x.offspec")
    refused(run, "dataset", r"train/good/003\.png", "'a'", "test")
    assert names(tmp_path) == ["data"]


def test_a_defect_in_a_normal_of_another_size_is_refused_too(dataset: Path, tmp_path: Path) -> None:
    good = dataset / "train/good"
    template = with_regions(dataset, lambda _: None)
    data = json.loads(template.read_text())
    template.write_text(json.dumps({**data, "size_policy": "scale"}))
    double = cv2.resize(varied_part(5), (2 * SMALL[1], 2 * SMALL[0]))
    write_part(good / "zz.png", np.asarray(double, np.uint8))
    corners = ((120.0, 60.0), (128.0, 60.0), (128.0, 68.0), (120.0, 68.0))
    annotation = Annotation(
        "zz.png", (160, 128), defects=(DefectShape("dent", corners),), split="train"
    )
    write_annotation(good / "zz.json", annotation)
    run = offspec("fit", dataset, "--template", template, "--out", tmp_path / "x.offspec", *QUICK)
    refused(run, "dataset", r"zz\.png", "'b'")


def test_a_defect_outside_every_region_is_no_reason(dataset: Path, tmp_path: Path) -> None:
    annotate(dataset / "train/good/003.png", (5, 50, 8, 8))
    template = with_regions(dataset, lambda _: None)
    run = offspec("fit", dataset, "--template", template, "--out", tmp_path / "x.offspec", *QUICK)
    assert run.code == 0, run.stderr


def test_a_test_image_among_the_training_images_names_both(dataset: Path, tmp_path: Path) -> None:
    shutil.copyfile(dataset / "test/good/001.png", dataset / "train/good/copy.png")
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec")
    refused(run, "dataset", r"train/good/copy\.png", r"test/good/001\.png")
    assert names(tmp_path) == ["data"]


def test_a_learned_image_in_another_dataset_does_not_evaluate(
    bundle: Path, normals: Path, tmp_path: Path
) -> None:
    other = write_mvtec(tmp_path / "other", size_hw=SMALL)
    cv2.imwrite(str(other / "test/good/zz.bmp"), varied_part(3)[..., ::-1])
    report = tmp_path / "r.html"
    run = offspec("evaluate", bundle, other, "--report", report, "--json", tmp_path / "r.json")
    refused(run, "dataset", r"test/good/zz\.bmp", "learned")
    assert not report.exists()
    assert not (tmp_path / "r.json").exists()


# -- limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "limit", "words"),
    [
        (graphs, "MAX_SLOT_BYTES", "MB of statistics"),
        (graphs, "MAX_GRAPH_BYTES", "MB of statistics for 1 crops in one graph"),
        (crossfit, "MAX_EMBEDDED_BYTES", "normal images .* GB"),
    ],
)
def test_statistics_over_a_limit_are_refused(
    owner: object,
    limit: str,
    words: str,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owner, limit, 2**20)
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec", *QUICK)
    refused(run, "limit", words, "At most")
    assert names(tmp_path) == ["data"]


# -- bundles -------------------------------------------------------------------------------

CODES = {
    "truncated": "bundle",
    "parent-path": "bundle",
    "absolute-path": "bundle",
    "bomb": "bundle",
    "wrong-sha": "bundle_checksum",
    "newer": "bundle_version",
    "not-onnx": "bundle_graph",
}


@pytest.mark.parametrize("case", CODES)
@pytest.mark.parametrize("command", ["inspect", "calibrate", "evaluate", "export"])
def test_a_broken_bundle_is_refused_by_every_command(
    command: str, case: str, bundle: Path, normals: Path, tmp_path: Path
) -> None:
    bundle.write_bytes(BROKEN[case][0](bundle.read_bytes()))
    _refused_by(command, bundle, normals, tmp_path, CODES[case])


def _refused_by(command: str, bundle: Path, normals: Path, tmp_path: Path, code: str) -> None:
    before = bundle.read_bytes()
    arguments: dict[str, list[object]] = {
        "inspect": [normals / "001.png", "--masks", tmp_path / "masks"],
        "calibrate": ["--normal", normals, "--out", bundle],
        "evaluate": [normals, "--json", tmp_path / "r.json"],
        "export": ["--out", tmp_path / "plain"],
    }
    run = offspec(command, bundle, *arguments[command])
    refused(run, code)
    assert bundle.read_bytes() == before
    assert names(tmp_path) == ["part.offspec"]


@pytest.mark.parametrize("op", ["Loop", "RandomNormal", "LSTM"])
def test_a_graph_with_a_forbidden_operator_is_refused(
    op: str, bundle: Path, normals: Path, tmp_path: Path
) -> None:
    node = onnx.helper.make_node(op, ["crop"], ["map"])
    bundle.write_bytes(swapped_graph(bundle.read_bytes(), model_bytes(simple([node]))))
    run = offspec("inspect", bundle, normals / "001.png")
    refused(run, "bundle_graph", op)


def test_an_oversized_bundle_is_refused_unread(
    bundle: Path, normals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bundle.open("ab") as file:
        file.truncate(bundle_model.MAX_BUNDLE_BYTES + 1)
    refused(offspec("inspect", bundle, normals / "001.png"), "bundle_too_large", "At most")


def test_an_oversized_graph_is_refused(
    bundle: Path, normals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_read, "MAX_GRAPH_BYTES", 1000)
    refused(offspec("inspect", bundle, normals / "001.png"), "bundle_too_large", "graph0")


# -- writing --------------------------------------------------------------------------------


def full_disk(_file: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_fitting_leaves_the_old_bundle(
    dataset: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bundle.read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    run = offspec("fit", dataset, "--out", bundle, "--json", tmp_path / "r.json", *QUICK)
    refused(run, "write", r"part\.offspec", "[Ss]pace")
    assert bundle.read_bytes() == before
    assert names(tmp_path) == ["data", "part.offspec"]


def test_a_full_disk_while_calibrating_leaves_the_old_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = write_normals(tmp_path / "fresh", 6, first=30)
    before = bundle.read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    refused(offspec("calibrate", bundle, "--normal", fresh, "--out", bundle), "write", "[Ss]pace")
    assert bundle.read_bytes() == before
    assert names(tmp_path) == ["fresh", "part.offspec"]


def test_a_full_disk_while_reporting_leaves_no_report(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_mvtec(tmp_path / "other", size_hw=SMALL)
    monkeypatch.setattr(os, "fsync", full_disk)
    run = offspec("evaluate", bundle, other, "--report", tmp_path / "r.html")
    refused(run, "write", r"r\.html")
    assert names(tmp_path) == ["other", "part.offspec"]


# -- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--detector", "oracle", "reference"),
        ("--backbone", "magic", "bank"),
        ("--kind", "thing", "object"),
        ("--resolution", "huge", "native"),
        ("--align", "wish", "homography"),
        ("--mode", "video", "pixel"),
    ],
)
def test_an_unknown_word_lists_the_known_ones(
    option: str, value: str, known: str, dataset: Path, tmp_path: Path
) -> None:
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec", option, value)
    refused(run, "option", value, known)
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--false-alarm-rate", "0"), ("--false-alarm-rate", "1"), ("--false-alarm-rate", "nan"),
     ("--smallest-defect", "0"), ("--smallest-defect", "nan"), ("--smallest-defect", "inf")],
)  # fmt: skip
def test_a_number_out_of_range_names_its_range(
    option: str, value: str, dataset: Path, tmp_path: Path
) -> None:
    run = offspec("fit", dataset, "--out", tmp_path / "x.offspec", option, value, *QUICK)
    assert run.code == 2
    assert run.stderr.startswith("error ["), run.stderr
    assert names(tmp_path) == ["data"]


def test_an_impossible_rate_does_not_calibrate(bundle: Path, tmp_path: Path) -> None:
    fresh = write_normals(tmp_path / "fresh", 6, first=30)
    before = bundle.read_bytes()
    run = offspec("calibrate", bundle, "--normal", fresh, "--false-alarm-rate", "2",
                  "--out", bundle)  # fmt: skip
    refused(run, "option", "False-alarm rate 2")
    assert bundle.read_bytes() == before


@pytest.mark.parametrize("command", ["fit", "calibrate", "inspect", "evaluate", "nonsense"])
def test_an_option_that_does_not_exist_is_exit_2(command: str, bundle: Path) -> None:
    run = offspec(command, bundle, "--magic")
    assert run.code == 2
    assert "Traceback" not in run.stderr


def test_what_numpy_cannot_hold_is_not_written(bundle: Path, normals: Path, tmp_path: Path) -> None:
    run = offspec("inspect", bundle, normals / "001.png", "--json", "-")
    assert run.code == 0
    assert np.isfinite(json.loads(run.stdout)[0]["regions"][0]["raw_score"])


# -- methods -----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [2, 7])
def test_a_picture_of_a_few_pixels_is_refused(side: int, tmp_path: Path) -> None:
    folder = write_normals(tmp_path / "few pixels", 3, size_hw=(side, 40))
    run = offspec("fit", folder, "--out", tmp_path / "x.offspec", "--kind", "texture")
    refused(run, "region", f"40 x {side} pixels", "at least 8")
    assert names(tmp_path) == ["few pixels"]


def test_a_picture_that_has_to_be_enlarged_says_so(tmp_path: Path) -> None:
    folder = write_normals(tmp_path / "small", 4, size_hw=(20, 24))
    run = offspec("fit", folder, "--out", tmp_path / "x.offspec", *QUICK)
    assert run.code == 0, run.stderr
    assert "24 x 20 pixels" in run.stdout
    assert "no detail" in run.stdout


@pytest.mark.parametrize(
    ("detector", "normals", "words"),
    [("padim", 2, "at least 3"), ("flow", 6, "at least 20"), ("student", 3, "at least 20")],
)
def test_too_few_normals_for_the_method_are_counted(
    detector: str, normals: int, words: str, tmp_path: Path
) -> None:
    folder = write_normals(tmp_path / "few", normals)
    run = offspec(
        *("fit", folder, "--out", tmp_path / "x.offspec", "--detector", detector),
        *("--kind", "object", "--resolution", "fast", "--align", "none"),
    )
    refused(run, "dataset", words)
    assert names(tmp_path) == ["few"]
