from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from offspec.bundle import read_bundle
from offspec.detectors import DETECTORS
from offspec.errors import OptionError
from offspec.evaluation import Figures
from offspec.fit_plan import FitConfig, detector_options
from offspec.report import MAX_SHOTS
from offspec.run_config import (
    EvaluationConfig,
    RunConfig,
    default_config,
    read_evaluation_config,
    read_run_config,
)
from tests.synth import write_mvtec
from tests.trained import Run, offspec, write_normals

FAST = {"kind": "object", "resolution": "fast", "align": "none"}


def write(folder: Path, data: object) -> Path:
    path = folder / "run.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_normals(tmp_path_factory.mktemp("parts"), 5)


def stored(bundle: Path) -> dict[str, Any]:
    """The configuration in a bundle's manifest."""
    detector = read_bundle(bundle).manifest.detector
    config: dict[str, Any] = json.loads(json.dumps(detector["config"]))
    return config


def fitted(parts: Path, folder: Path, data: object, *arguments: object) -> dict[str, Any]:
    """What a fit with this file and these further arguments stored."""
    out = folder / "part.offspec"
    found = offspec(
        *("fit", parts, "--out", out, "--quiet", "--config", write(folder, data), *arguments)
    )
    assert found.code == 0, found.stderr
    return stored(out)


def refused(folder: Path, data: object, *arguments: object) -> Run:
    """A fit that ends with exit code 2 and leaves nothing."""
    out = folder / "part.offspec"
    found = offspec("fit", folder, "--out", out, "--config", write(folder, data), *arguments)
    assert found.code == 2
    assert not out.exists()
    return found


# -- defaults --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_printed_defaults_read_back_are_the_defaults(tmp_path: Path, name: str) -> None:
    printed = offspec("fit", "--print-config", "--detector", name)
    assert printed.code == 0
    path = tmp_path / "run.json"
    path.write_text(printed.stdout)
    found, default = read_run_config(path).to_fit(), FitConfig(detector=name)
    assert replace(found, options={}) == default
    assert detector_options(found) == detector_options(default)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_every_option_of_a_detector_is_printed(name: str) -> None:
    printed = json.loads(offspec("fit", "--print-config", "--detector", name).stdout)
    assert printed == default_config(name)
    assert set(printed["model"]["options"]) == set(DETECTORS[name].options_model.model_fields)


def test_without_a_detector_the_default_one_is_printed() -> None:
    printed = json.loads(offspec("fit", "--print-config").stdout)
    assert printed == default_config(FitConfig().detector)


def test_every_setting_of_a_fit_is_in_exactly_one_section() -> None:
    names = [name for section in default_config("padim").values() for name in section]
    assert sorted(names) == sorted(field.name for field in fields(FitConfig))


def test_printing_an_unknown_detector_is_refused_with_the_known_names() -> None:
    found = offspec("fit", "--print-config", "--detector", "padimm")
    assert found.code == 2
    assert "'padimm' is unknown" in found.stderr
    assert "padim, patchcore, reference" in found.stderr


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    assert read_run_config(write(tmp_path, {})).to_fit() == FitConfig()
    some = {"data": {"resolution": "fast"}, "system": {"seed": 3}}
    found = read_run_config(write(tmp_path, some)).to_fit()
    assert found == FitConfig(resolution="fast", seed=3)


def test_every_setting_arrives(tmp_path: Path) -> None:
    data = {
        "model": {
            "detector": "patchcore",
            "backbone": "embedded",
            "head": "none",
            "options": {"coreset_ratio": 0.05},
        },
        "data": {
            "mode": "pixel",
            "kind": "texture",
            "resolution": "accurate",
            "smallest_defect": 8,
            "align": "shift",
        },
        "decision": {"false_alarm_rate": 0.02},
        "system": {"seed": 4, "threads": 2},
    }
    assert read_run_config(write(tmp_path, data)).to_fit() == FitConfig(
        detector="patchcore",
        backbone="embedded",
        head="none",
        mode="pixel",
        kind="texture",
        resolution="accurate",
        smallest_defect=8,
        align="shift",
        false_alarm_rate=0.02,
        seed=4,
        threads=2,
        options={"coreset_ratio": 0.05},
    )


# -- file and command line -------------------------------------------------------------------


def test_the_resolved_options_are_in_the_bundle(tmp_path: Path, parts: Path) -> None:
    model = {"detector": "patchcore", "options": {"window": 1}}
    config = fitted(parts, tmp_path, {"model": model, "data": FAST})
    expected = {**default_config("patchcore")["model"]["options"], "window": 1}
    assert config["detector"] == "patchcore"
    assert config["options"] == expected


def test_what_the_command_line_says_wins_and_the_rest_is_the_files(
    tmp_path: Path, parts: Path
) -> None:
    data = {
        "model": {"detector": "padim", "options": {"dimensions": 12}},
        "data": {**FAST, "smallest_defect": 9},
        "decision": {"false_alarm_rate": 0.02},
        "system": {"seed": 5},
    }
    config = fitted(
        parts, tmp_path, data, "--false-alarm-rate", 0.05, "--seed", 0, "--smallest-defect", 7
    )
    assert (config["false_alarm_rate"], config["seed"], config["smallest_defect"]) == (0.05, 0, 7)
    assert (config["detector"], config["options"]["dimensions"]) == ("padim", 12)
    assert {name: config[name] for name in FAST} == FAST


def test_naming_the_files_own_detector_keeps_its_options(tmp_path: Path, parts: Path) -> None:
    data = {"model": {"detector": "padim", "options": {"dimensions": 12}}, "data": FAST}
    config = fitted(parts, tmp_path, data, "--detector", "padim")
    assert config["options"]["dimensions"] == 12


def test_options_of_another_detector_are_dropped(tmp_path: Path, parts: Path) -> None:
    data = {"model": {"detector": "patchcore", "options": {"window": 1}}, "data": FAST}
    config = fitted(parts, tmp_path, data, "--detector", "padim")
    assert config["detector"] == "padim"
    assert config["options"] == default_config("padim")["model"]["options"]


def test_equal_settings_by_file_and_by_command_line_give_equal_bundles(
    tmp_path: Path, parts: Path
) -> None:
    data = {"data": FAST, "system": {"seed": 2}, "decision": {"false_alarm_rate": 0.02}}
    fitted(parts, tmp_path, data)
    out = tmp_path / "other.offspec"
    typed = [f"--{name}={value}" for name, value in FAST.items()]
    found = offspec(
        *("fit", parts, "--out", out, "--quiet", *typed),
        *("--seed", 2, "--false-alarm-rate", 0.02),
    )
    assert found.code == 0, found.stderr
    assert out.read_bytes() == (tmp_path / "part.offspec").read_bytes()


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"modle": {}}, "has no option 'modle'. Known: data, decision, model, system."),
        (
            {"model": {"detectr": "padim"}},
            "has no option 'model.detectr'. Known: allow_download, backbone, detector, head, opt",
        ),
        ({"system": {"sed": 1}}, "has no option 'system.sed'. Known: seed, threads."),
        (
            {"model": {"detector": "padim", "options": {"window": 3}}},
            "'padim' has no option 'window'. Known: covariance, dimensions, epsilon, rank,",
        ),
        ({"model": {"options": {"window": 3}}}, "'reference' has no option 'window'. Known: none."),
        ({"model": {"detector": "padimm"}}, "'padimm' is unknown. Known: "),
        ({"data": {"kind": "thing"}}, "'auto', 'object' or 'texture'"),
        ({"data": {"resolution": 512}}, "'auto', 'fast', 'accurate' or 'native'"),
        ({"data": {"align": "turn"}}, "'none', 'shift', 'similarity' or 'homography'"),
        (
            {"model": {"detector": "padim", "options": {"covariance": "all"}}},
            "'auto', 'full', 'low_rank' or 'diagonal'",
        ),
        ({"system": {"seed": -1}}, "'system.seed'"),
    ],
)
def test_an_unknown_name_or_word_is_exit_2_with_the_known_ones(
    tmp_path: Path, data: object, words: str
) -> None:
    found = refused(tmp_path, data)
    assert "error [option]" in found.stderr
    assert words in found.stderr


@pytest.mark.parametrize(
    ("data", "name", "value"),
    [
        ({"system": {"seed": "1"}}, "system.seed", "'1'"),
        ({"system": {"seed": 1.0}}, "system.seed", "1.0"),
        ({"system": {"seed": True}}, "system.seed", "True"),
        ({"system": {"threads": "2"}}, "system.threads", "'2'"),
        ({"decision": {"false_alarm_rate": "0.01"}}, "decision.false_alarm_rate", "'0.01'"),
        ({"decision": {"false_alarm_rate": None}}, "decision.false_alarm_rate", "None"),
        ({"data": {"smallest_defect": "16"}}, "data.smallest_defect", "'16'"),
        ({"model": {"detector": None}}, "model.detector", "None"),
        ({"model": {"options": [1]}}, "model.options", "[1]"),
        ({"model": []}, "model", "[]"),
    ],
)
def test_a_value_of_another_type_is_refused_not_converted(
    tmp_path: Path, data: object, name: str, value: str
) -> None:
    with pytest.raises(OptionError) as caught:
        read_run_config(write(tmp_path, data))
    assert f"Option '{name}' of" in str(caught.value)
    assert f"is {value}. " in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"decision": {"false_alarm_rate": 0}}, "False-alarm rate 0"),
        ({"decision": {"false_alarm_rate": 1.5}}, "False-alarm rate 1.5"),
        ({"data": {"smallest_defect": 0.5}}, "Smallest defect 0.5"),
        ({"system": {"threads": 0}}, "threads is 0"),
        ({"model": {"backbone": "resnet"}}, "'resnet' is unknown. Known: bank"),
        ({"model": {"detector": "padim", "head": "learned"}}, "'padim' takes no head"),
    ],
)
def test_a_value_out_of_range_is_exit_2_before_any_image_is_read(
    tmp_path: Path, data: object, words: str
) -> None:
    assert words in refused(tmp_path, data).stderr


@pytest.mark.parametrize("text", ["", "{", "{'model': {}}", "\x00", '{"system": {"seed": NaN}}'])
def test_what_is_no_json_is_exit_2_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    found = offspec("fit", tmp_path, "--out", tmp_path / "part.offspec", "--config", path)
    assert found.code == 2
    assert "error [option]" in found.stderr
    assert "run.json' is not a JSON file" in found.stderr


@pytest.mark.parametrize("data", [[], [{"model": {}}], "reference", 3, None])
def test_something_else_than_an_object_is_exit_2_with_the_sections(
    tmp_path: Path, data: object
) -> None:
    found = refused(tmp_path, data)
    assert f"run.json' holds a {type(data).__name__}" in found.stderr
    assert ", ".join(RunConfig.model_fields) in found.stderr


def test_a_missing_file_is_exit_2_with_its_name(tmp_path: Path) -> None:
    found = offspec(
        *("fit", tmp_path, "--out", tmp_path / "part.offspec"),
        *("--config", tmp_path / "none.json"),
    )
    assert found.code == 2
    assert "none.json' cannot be read" in found.stderr


@pytest.mark.parametrize("missing", ["DATASET", "--out"])
def test_a_fit_says_what_is_missing(tmp_path: Path, missing: str) -> None:
    arguments: list[object] = ["fit"]
    if missing == "--out":
        arguments += [tmp_path]
    found = offspec(*arguments)
    assert found.code == 2
    assert f"Missing {missing}" in found.stderr


# -- evaluation ------------------------------------------------------------------------------


def test_the_defaults_of_an_evaluation_are_what_it_does_without_a_file(tmp_path: Path) -> None:
    printed = offspec("evaluate", "--print-config")
    assert printed.code == 0
    config = read_evaluation_config(write(tmp_path, json.loads(printed.stdout)))
    assert config == EvaluationConfig()
    assert tuple(config.figures.false_alarm_levels) == Figures().false_alarm_levels
    assert (config.figures.confidence, config.figures.pixel) == (0.95, True)
    assert config.report.pictures == MAX_SHOTS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"figures": {"confidenze": 0.9}}, "confidenze"),
        ({"figures": {"confidence": 1.5}}, "confidence"),
        ({"figures": {"false_alarm_levels": [0.0]}}, "false_alarm_levels"),
        ({"report": {"pictures": -1}}, "pictures"),
        ({"system": {"threads": 0}}, "threads"),
        ([], "sections figures, report, system"),
    ],
)
def test_wrong_settings_of_an_evaluation_are_refused(
    tmp_path: Path, data: object, words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        read_evaluation_config(write(tmp_path, data))


def test_an_evaluation_follows_its_file(tmp_path: Path) -> None:
    dataset = write_mvtec(tmp_path / "set")
    bundle = tmp_path / "part.offspec"
    assert offspec("fit", dataset, "--out", bundle, "--quiet", "--resolution", "fast").code == 0
    settings = {"figures": {"false_alarm_levels": [0.2], "confidence": 0.5, "pixel": False}}
    file, page = write(tmp_path, {**settings, "report": {"pictures": 0}}), tmp_path / "r.html"
    results = []
    for arguments in ((), ("--config", file, "--report", page)):
        out = tmp_path / "result.json"
        run = offspec("evaluate", bundle, dataset, "--quiet", "--json", out, *arguments)
        assert run.code == 0, run.stderr
        results.append(json.loads(out.read_text()))
    usual, asked = results
    assert usual["pixel_auroc"] is not None
    assert asked["pixel_auroc"] is None
    assert "switched off" in asked["reasons"]["pixel_auroc"]
    assert "detection_at_far_20pct" in asked
    assert "detection_at_far_1pct" not in asked
    narrow, wide = (
        r["detection_rate"]["high"] - r["detection_rate"]["low"] for r in (asked, usual)
    )
    assert narrow < wide
    assert asked["config"]["figures"]["confidence"] == 0.5
    assert "data:image/jpeg" not in page.read_text()
