"""``offspec calibrate --validation``: thresholds from costs, limits and capacities."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from offspec.annotations import Annotation, write_annotation
from offspec.bundle import read_bundle, write_bundle
from offspec.fitting import fit
from offspec.template import Region, new_template, write_template
from tests.synth import write_part
from tests.trained import FAST, SMALL, Run, names, offspec, varied_part, write_normals

COSTS = ("--cost-miss", "100", "--cost-false-alarm", "1", "--cost-review", "0.5",
         "--defect-rate", "0.01")  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs/reference/json.md"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen good parts, six with a blot, six with a scratch, none of them learned from."""
    root = tmp_path_factory.mktemp("labelled")
    for part in range(18):
        write_part(root / "good" / f"{part}.png", varied_part(100 + part))
    for part in range(6):
        write_part(root / "bad/blot" / f"b{part}.png", varied_part(200 + part, defect="blot"))
        write_part(root / "bad/scratch" / f"s{part}.png", varied_part(300 + part, defect="scratch"))
    return root


@pytest.fixture
def bundle(model_file: Path, tmp_path: Path) -> Path:
    """A copy of the shared model."""
    return Path(shutil.copyfile(model_file, tmp_path / "part.offspec"))


def refused(run: Run, code: str, *words: str) -> None:
    assert run.code == 2, run.stdout + run.stderr
    assert run.stderr.startswith(f"error [{code}]: "), run.stderr
    for word in words:
        assert re.search(word, run.stderr), run.stderr


def chosen(run: Run) -> dict[str, Any]:
    assert run.code == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)["operating"]
    return found


# -- what works ------------------------------------------------------------------


def test_costs_choose_both_thresholds(bundle: Path, labelled: Path, tmp_path: Path) -> None:
    before = read_bundle(bundle).manifest
    page = tmp_path / "page.html"
    run = offspec("calibrate", bundle, "--validation", labelled, *COSTS, "--html", page,
                  "--json", "-")  # fmt: skip
    result = chosen(run)
    after = read_bundle(bundle).manifest
    assert f"Wrote {bundle}" in run.stderr
    assert (after.calibration.t_review, after.calibration.t_ng) == (
        result["t_review"], result["t_ng"],
    )  # fmt: skip
    assert 0 < result["t_review"] <= result["t_ng"] < 1
    assert after.calibration.curve == before.calibration.curve
    assert len(after.learned_sha256) == len(before.learned_sha256) + 30
    assert len(after.learned_phash) == len(after.learned_sha256)
    assert after.history[-1]["event"] == "operating_points"
    ways = {one["name"]: one for one in result["alternatives"]}
    assert list(ways) == ["chosen", "fixed 0.5", "accept all", "reject all", "review all"]
    assert ways["accept all"]["cost_per_1000"] == pytest.approx(1000)
    assert ways["chosen"]["low"] <= ways["chosen"]["cost_per_1000"] <= ways["chosen"]["high"]
    assert ways["chosen"]["cost_per_1000"] < 500
    assert [one["type"] for one in result["unseen_types"]] == ["blot", "scratch"]
    assert all(one["detected"]["n"] == 6 for one in result["unseen_types"])
    assert {one["assumption"] for one in result["sensitivity"]} >= {"defect rate x 2"}
    (region,) = result["regions"]
    assert sum(region["good"].values()) == 18
    assert sum(region["defective"].values()) == 12
    html = page.read_text()
    assert "Defects nobody has met" in html
    assert "<script" not in html


def test_what_chose_is_refused_by_evaluate(bundle: Path, labelled: Path) -> None:
    assert offspec("calibrate", bundle, "--validation", labelled, *COSTS).code == 0
    refused(offspec("evaluate", bundle, labelled), "dataset", "learned from")


def test_the_command_says_what_it_wrote_and_chose(bundle: Path, labelled: Path) -> None:
    run = offspec("calibrate", bundle, "--validation", labelled, *COSTS)
    assert run.code == 0, run.stderr
    for words in ("Wrote", "ng above", "Expected cost of 1000 parts", "95 % interval",
                  "accept all", "Thresholds chosen without one type", "If the assumptions",
                  "Brier"):  # fmt: skip
        assert words in run.stdout, words


def test_inspect_gives_a_probability_afterwards(
    bundle: Path, labelled: Path, tmp_path: Path
) -> None:
    def look(name: str) -> dict[str, Any]:
        run = offspec("inspect", bundle, labelled / name, "--json", "-")
        found: dict[str, Any] = json.loads(run.stdout)[0]
        return found

    assert look("good/0.png")["defect_probability"] is None
    assert offspec("calibrate", bundle, "--validation", labelled, *COSTS).code == 0
    good, bad = look("good/0.png"), look("bad/blot/b0.png")
    assert 0 <= good["defect_probability"] < 0.1 < bad["defect_probability"] <= 1
    assert bad["regions"][0]["defect_probability"] == bad["defect_probability"]
    assert "% probably defective" in offspec("inspect", bundle, labelled / "good/0.png").stdout


def test_two_runs_write_equal_bytes(bundle: Path, labelled: Path, tmp_path: Path) -> None:
    written = []
    for name in ("a.offspec", "b.offspec"):
        out = tmp_path / name
        run = offspec("calibrate", bundle, "--validation", labelled, *COSTS, "--out", out)
        assert run.code == 0, run.stderr
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_costs_come_from_the_problem_statement_and_options_win(
    bundle: Path, labelled: Path, tmp_path: Path
) -> None:
    problem = tmp_path / "problem.json"
    answers = {"cost_miss": 80, "cost_false_alarm": 2, "cost_review": 1, "defect_rate": 0.02,
               "currency": "EUR"}  # fmt: skip
    problem.write_text(json.dumps({"format": 1, "answers": answers}))
    run = offspec("calibrate", bundle, "--validation", labelled, "--problem", problem,
                  "--cost-miss", "90", "--json", "-")  # fmt: skip
    asked = chosen(run)["asked"]
    assert asked["costs"] == {"miss": 90, "false_alarm": 2, "review": 1, "defect_rate": 0.02}
    assert asked["currency"] == "EUR"


def test_a_false_alarm_limit_without_any_defect(bundle: Path, tmp_path: Path) -> None:
    fresh = write_normals(tmp_path / "fresh", 20, first=400)
    run = offspec("calibrate", bundle, "--validation", fresh, "--max-false-alarm-rate", "0.2",
                  "--json", "-")  # fmt: skip
    result = chosen(run)
    claim = result["claim"]
    assert claim["of"] == "false_alarm_rate"
    assert claim["value"] <= claim["upper"] <= 0.2
    assert result["t_review"] == result["t_ng"]
    assert result["probability"] is None


def test_a_review_capacity_without_any_defect(bundle: Path, tmp_path: Path) -> None:
    fresh = write_normals(tmp_path / "fresh", 20, first=400)
    page = tmp_path / "page.html"
    run = offspec("calibrate", bundle, "--validation", fresh, "--review-capacity", "25",
                  "--parts-per-shift", "500", "--html", page, "--json", "-")  # fmt: skip
    result = chosen(run)
    assert "25 of 500 parts a shift" in page.read_text()
    assert result["claim"]["expected"] <= 0.05
    assert result["claim"]["per_shift"] <= 25
    assert "25 reviews for 500 parts" in run.stderr


def test_a_miss_limit(bundle: Path, labelled: Path) -> None:
    run = offspec("calibrate", bundle, "--validation", labelled, "--max-miss-rate", "0.25",
                  "--defect-rate", "0.05", "--json", "-")  # fmt: skip
    result = chosen(run)
    assert result["claim"]["k"] == 0
    (region,) = result["regions"]
    assert region["good"]["ok"] == 18
    assert result["claim"]["upper"] == pytest.approx(1 - 0.05 ** (1 / 12))
    assert result["probability"]["defect_rate"] == 0.05
    assert result["unseen_types"][0]["detected"] is None  # six defects cannot promise it


def test_an_unreadable_image_is_listed_and_the_others_finish(
    bundle: Path, labelled: Path, tmp_path: Path
) -> None:
    spoiled = Path(shutil.copytree(labelled, tmp_path / "spoiled"))
    whole = (spoiled / "good/3.png").read_bytes()
    (spoiled / "good/3.png").write_bytes(whole[:-60])
    run = offspec("calibrate", bundle, "--validation", spoiled, *COSTS, "--json", "-")
    assert run.code == 2
    result = json.loads(run.stdout)["operating"]
    assert result["validation"]["good"] == 17
    assert result["errors"][0]["image"] == "good/3.png"


def test_every_key_is_documented(bundle: Path, labelled: Path) -> None:
    words = PAGE.read_text()
    result = chosen(offspec("calibrate", bundle, "--validation", labelled, *COSTS, "--json", "-"))
    keys = set(result) | set(result["asked"]) | set(result["validation"])
    for name in ("alternatives", "regions", "unseen_types", "sensitivity"):
        keys |= set(result[name][0])
    keys |= set(result["probability"]) | set(result["probability"]["reliability"][0])
    assert {key for key in keys if f"`{key}" not in words and f"{key}`" not in words} == set()


# -- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cost-miss", "-1", *COSTS[2:]), "cost of a miss is -1"),
        (("--cost-miss", "nan", *COSTS[2:]), "cost of a miss is nan"),
        (("--cost-miss", "0", "--cost-false-alarm", "0", "--cost-review", "0",
          "--defect-rate", "0.1"), "nothing to weigh"),
        ((*COSTS[:6], "--defect-rate", "0"), "defect rate"),
        ((*COSTS[:6], "--defect-rate", "1.5"), "defect rate"),
        (COSTS[2:], "--cost-miss is missing"),
        ((), "--cost-miss, --cost-false-alarm, --cost-review, --defect-rate are missing"),
        ((*COSTS, "--max-miss-rate", "0.1"), "contradict"),
        (("--max-miss-rate", "0.1", "--max-false-alarm-rate", "0.1"), "contradict"),
        (("--max-miss-rate", "2"), "share"),
        (("--review-capacity", "5"), "belong together"),
        (("--review-capacity", "5", "--parts-per-shift", "2"), "does not fit"),
        ((*COSTS, "--threshold-raw", "3"), "contradict"),
        ((*COSTS, "--false-alarm-rate", "0.1"), "contradict"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(
    bundle: Path, labelled: Path, options: tuple[str, ...], words: str
) -> None:
    before = bundle.read_bytes()
    refused(offspec("calibrate", bundle, "--validation", labelled, *options), "option", words)
    assert bundle.read_bytes() == before


def test_costs_without_validation_are_refused(bundle: Path, normals: Path) -> None:
    refused(offspec("calibrate", bundle, "--normal", normals, *COSTS), "option", "--validation")


def test_a_class_missing_is_refused(bundle: Path, labelled: Path, tmp_path: Path) -> None:
    good = Path(shutil.copytree(labelled / "good", tmp_path / "only" / "good")).parent
    run = offspec("calibrate", bundle, "--validation", good, *COSTS)
    refused(run, "dataset", "18 good and no defective", "--max-false-alarm-rate")
    run = offspec("calibrate", bundle, "--validation", good, "--max-miss-rate", "0.5")
    refused(run, "dataset", "no defective")
    bad = tmp_path / "bad only"
    shutil.copytree(labelled / "bad/blot", bad / "test/blot")
    refused(offspec("calibrate", bundle, "--validation", bad, *COSTS), "dataset", "good")


def test_too_few_for_the_claim_is_refused_with_how_many_it_takes(
    bundle: Path, labelled: Path
) -> None:
    run = offspec("calibrate", bundle, "--validation", labelled, "--max-miss-rate", "0.01")
    refused(run, "dataset", "299 defective", "12")
    run = offspec("calibrate", bundle, "--validation", labelled, "--max-false-alarm-rate", "0.05")
    refused(run, "dataset", "59 good")


def test_images_the_model_learned_are_refused(
    bundle: Path, labelled: Path, normals: Path, tmp_path: Path
) -> None:
    mixed = Path(shutil.copytree(labelled, tmp_path / "mixed"))
    shutil.copyfile(normals / "003.png", mixed / "good/again.png")
    before = bundle.read_bytes()
    refused(offspec("calibrate", bundle, "--validation", mixed, *COSTS), "dataset", "learned from")
    assert bundle.read_bytes() == before


def test_a_folder_without_labels_is_refused(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sidecars"
    write_part(folder / "a.png", varied_part(500))
    write_annotation(folder / "a.json", Annotation("a.png", SMALL[::-1], defect_free=True))
    write_part(folder / "b.png", varied_part(501))
    (folder / "a.json").unlink()
    write_annotation(folder / "a.json", Annotation("a.png", SMALL[::-1]))
    refused(offspec("calibrate", bundle, "--validation", folder, *COSTS), "dataset")


def test_labels_of_a_region_that_the_template_lacks_are_refused(
    bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "strange"
    for part in range(4):
        path = write_part(folder / f"{part}.png", varied_part(600 + part))
        said = Annotation(path.name, SMALL[::-1], verdicts={"lid": "ok" if part else "ng"})
        write_annotation(path.with_suffix(".json"), said)
    run = offspec("calibrate", bundle, "--validation", folder, *COSTS)
    refused(run, "dataset", "'lid'", "template lacks")


def test_a_provisional_calibration_is_refused(labelled: Path, tmp_path: Path) -> None:
    few = fit(write_normals(tmp_path / "few", 2), config=FAST)
    path = tmp_path / "few.offspec"
    write_bundle(few, path)
    run = offspec("calibrate", path, "--validation", labelled, *COSTS)
    refused(run, "option", "provisional")
    assert "few.offspec" in names(tmp_path)


def test_regions_have_thresholds_of_their_own(labelled: Path, tmp_path: Path) -> None:
    """Two regions: raw thresholds differ, and counts follow the truth of each."""
    folder = write_normals(tmp_path / "data", 8)
    height, width = SMALL
    template = new_template(
        folder / "000.png",
        regions=[
            Region("left", "left", "rectangle", ((0.0, 0.0), (width / 2, height))),
            Region("right", "right", "rectangle", ((width / 2, 0.0), (width, height))),
        ],
    )
    write_template(folder / "template.json", template)
    path = tmp_path / "two.offspec"
    write_bundle(fit(folder, template=folder / "template.json", config=FAST), path)
    result = chosen(offspec("calibrate", path, "--validation", labelled, *COSTS, "--json", "-"))
    left, right = result["regions"]
    assert {left["id"], right["id"]} == {"left", "right"}
    assert left["ng_raw"] != right["ng_raw"]
    assert sum(left["good"].values()) == 18
    assert sum(left["defective"].values()) == 0  # nobody said which region is defective
