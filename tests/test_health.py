"""The check finds planted faults, says them, and is quiet where there is none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from offspec.annotations import Annotation, write_annotation
from offspec.errors import DatasetError, OptionError
from offspec.fitting import FitConfig, fit
from offspec.health import check
from offspec.health.confounds import Circumstance, _holm, find_confounds
from offspec.health.coverage import coverage_of
from offspec.health.variants import find_variants
from offspec.images import file_sha256, write_png
from offspec.pages.check_page import check_document
from offspec.pages.document_html import to_html
from offspec.template import AlignSettings, whole_image_template, write_template
from offspec.types import ImageArray
from tests.trained import offspec, varied_part

PAGE = Path(__file__).parents[1] / "docs/reference/json.md"
SIZE = (64, 80)


def write(path: Path, image: ImageArray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, image)
    return path


def dataset(root: Path, *, good: int = 16, bad: int = 8, odd: int | None = None) -> Path:
    """MVTec layout: training normals, one of them perhaps with a blot, and test images."""
    for part in range(good):
        image = varied_part(part, SIZE, defect="blot" if part == odd else "none")
        write(root / f"train/good/p{part:02d}.png", image)
    for part in range(100, 100 + bad):
        write(root / f"test/good/p{part}.png", varied_part(part, SIZE))
        write(root / f"test/blot/p{part + 50}.png", varied_part(part + 50, SIZE, defect="blot"))
    return root


def topics(payload: dict[str, Any], level: str | None = None) -> set[str]:
    return {f["topic"] for f in payload["findings"] if level in (None, f["level"])}


def test_a_clean_set_has_nothing_to_look_at_first(tmp_path: Path) -> None:
    payload = check(dataset(tmp_path)).to_dict()
    assert not payload["must_look"], payload["findings"]
    assert payload["duplicates"] == payload["confounds"] == payload["unreadable"] == []
    assert len(payload["variants"]) == 1
    assert len(payload["contamination"]["images"]) == 16  # the reference is judged like the others


def test_a_defect_among_the_normals_is_flagged_with_its_place(tmp_path: Path) -> None:
    report = check(dataset(tmp_path, odd=5))
    assert report.flagged[0] == "train/good/p05.png"
    assert report.must_look
    x, y = report.suspects[0].place_xy
    assert abs(x - 0.7 * SIZE[1]) < 9  # where ``synth`` draws the blot
    assert abs(y - 0.3 * SIZE[0]) < 9


def test_a_defect_in_the_reference_itself_is_flagged(tmp_path: Path) -> None:
    assert check(dataset(tmp_path, odd=0)).flagged[0] == "train/good/p00.png"


def test_unreadable_copies_leaks_and_contradictions_are_named(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    (root / "train/good/p03.png").write_bytes(b"no picture")
    shutil.copy(root / "train/good/p04.png", root / "train/good/p04b.png")
    shutil.copy(root / "train/good/p06.png", root / "test/good/leak.png")
    shutil.copy(root / "test/good/p101.png", root / "test/blot/p101.png")
    payload = check(root).to_dict()
    assert [one["image"] for one in payload["unreadable"]] == ["train/good/p03.png"]
    kinds = {tuple(d["images"]): (d["leak"], d["contradiction"]) for d in payload["duplicates"]}
    assert kinds["train/good/p04.png", "train/good/p04b.png"] == (False, False)
    assert kinds["test/good/leak.png", "train/good/p06.png"] == (True, False)
    assert kinds["test/blot/p101.png", "test/good/p101.png"] == (False, True)
    assert {"unreadable", "duplicates"} <= topics(payload, "must")
    judged = [one["image"] for one in payload["contamination"]["images"]]
    assert "train/good/p04b.png" not in judged  # a copy would excuse its original
    assert {"train/good/p04.png", "train/good/p06.png"} <= set(judged)


def test_photographs_of_one_part_count_once(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    write(root / "train/good/p02_again.png", varied_part(2, SIZE, shot=1))
    near = [d for d in check(root).to_dict()["duplicates"] if d["kind"] == "near"]
    assert [d["images"] for d in near] == [["train/good/p02.png", "train/good/p02_again.png"]]


def test_light_focus_and_size_that_stand_out(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    image = varied_part(1, SIZE)
    write(root / "train/good/p01.png", np.asarray(image * 0.6, np.uint8))
    blurred = cv2.GaussianBlur(varied_part(7, SIZE), (0, 0), 3)
    write(root / "train/good/p07.png", np.asarray(blurred, np.uint8))
    write(root / "test/good/large.png", varied_part(99, (96, 120)))
    payload = check(root).to_dict()
    found = {(one["image"], one["what"]) for one in payload["outliers"]}
    assert ("train/good/p01.png", "brightness") in found
    assert ("train/good/p07.png", "sharpness") in found
    assert [s["size_wh"] for s in payload["sizes"]] == [[80, 64], [120, 96]]
    other = payload["other_sizes"]
    assert (other["reference_wh"], other["size_policy"]) == ([80, 64], "exact")
    assert other["images"] == other["refused"] == ["test/good/large.png"]
    (size,) = [one for one in payload["findings"] if one["topic"] == "sizes"]
    assert (size["level"], size["images"]) == ("look", ["test/good/large.png"])
    assert "1 is refused" in size["words"]


def test_what_the_template_makes_of_other_sizes(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    write(root / "test/good/large.png", varied_part(99, (96, 120)))
    write(root / "test/good/wide.png", varied_part(98, (64, 120)))
    first = root / "train/good/p00.png"
    drawn = whole_image_template(
        (80, 64), reference_file=first.name, reference_sha256=file_sha256(first),
        size_policy="scale",
    )  # fmt: skip
    payload = check(root, template=drawn).to_dict()
    assert sorted(payload["other_sizes"]["images"]) == ["test/good/large.png", "test/good/wide.png"]
    assert payload["other_sizes"]["refused"] == ["test/good/wide.png"]
    fit_any = replace(drawn, size_policy="fit", alignment=AlignSettings("none"))
    payload = check(root, template=fit_any).to_dict()
    assert payload["other_sizes"]["refused"] == []
    (size,) = [one for one in payload["findings"] if one["topic"] == "sizes"]
    assert size["level"] == "note"
    assert "2 are resampled" in size["words"]


def test_a_reference_that_is_filed_as_bad_must_be_looked_at(tmp_path: Path) -> None:
    root = dataset(tmp_path / "set")
    bad = Path(shutil.copy(root / "test/blot/p150.png", tmp_path))
    drawn = tmp_path / "template.json"
    write_template(
        drawn,
        whole_image_template((80, 64), reference_file=bad.name, reference_sha256=file_sha256(bad)),
    )
    found = [one for one in check(root, template=drawn).to_dict()["findings"]
             if one["topic"] == "labels"]  # fmt: skip
    assert [(one["level"], one["images"]) for one in found] == [("must", ["test/blot/p150.png"])]
    assert "reference" in found[0]["words"]


def test_labels_that_contradict_the_folder(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    for name, verdict in (("test/good/p100", "ng"), ("test/blot/p151", "ok")):
        note = Annotation(f"{Path(name).name}.png", (80, 64), {"image": verdict})  # type: ignore[dict-item]
        write_annotation(root / f"{name}.json", note)
    payload = check(root).to_dict()
    assert {tuple(one["images"]) for one in payload["labels"]} == {
        ("test/good/p100.png",),
        ("test/blot/p151.png",),
    }


def test_broken_annotation_files_are_findings(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    (root / "test/good/p100.json").write_text("{")
    (root / "train/good/p03.json").write_text('{"shapes": 3}')
    payload = check(root).to_dict()
    named = [tuple(one["images"]) for one in payload["labels"]]
    assert named == [("test/good/p100.png",), ("train/good/p03.png",)] or named[::-1] == [
        ("test/good/p100.png",),
        ("train/good/p03.png",),
    ]
    assert "labels" in topics(payload, "must")


def test_other_bits_and_another_size_are_misaligned_not_a_crash(tmp_path: Path) -> None:
    root = dataset(tmp_path)
    write(root / "train/good/p08.png", varied_part(8, SIZE).astype(np.uint16) * 257)
    payload = check(root).to_dict()
    assert [one["image"] for one in payload["misaligned"]] == ["train/good/p08.png"]
    assert "sizes" in topics(payload, "must")


def test_exclusions_and_sets_without_normals(tmp_path: Path) -> None:
    root = dataset(tmp_path, good=3)
    keys = [f"train/good/p0{i}.png" for i in range(3)]
    with pytest.raises(DatasetError, match="is left after"):
        check(root, exclude=keys)
    with pytest.raises(OptionError, match="no image of"):
        check(root, exclude=["train/good/other.png"])
    for key in keys:
        (root / key).write_bytes(b"broken")
    with pytest.raises(DatasetError, match="None of the 3 normal"):
        check(root)


@pytest.mark.parametrize("good", [1, 2, 5])
def test_few_normals_are_said_to_be_few(tmp_path: Path, good: int) -> None:
    payload = check(dataset(tmp_path, good=good, bad=0)).to_dict()
    assert payload["contamination"]["flagged"] == []
    assert any("too few" in f["words"] for f in payload["findings"])


def test_images_that_are_all_equal(tmp_path: Path) -> None:
    for number in range(10):
        write(tmp_path / f"{number}.png", varied_part(0, SIZE))
    payload = check(tmp_path).to_dict()
    assert len(payload["duplicates"]) == 1
    assert payload["contamination"]["flagged"] == []


# -- variants -----------------------------------------------------------------


def structure(count: int, seed: int, shared: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (count, *shared.shape))
    return (shared + noise).astype(np.float16)


def test_two_looks_are_split_without_error_and_one_is_not() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (2, 24, 24))
    chroma = np.zeros((30, 8, 8, 2), np.float32) + rng.normal(0, 0.01, (30, 8, 8, 2))
    both = np.concatenate([structure(18, 101, first), structure(12, 102, second)])
    found = find_variants([both], ["object"], chroma.astype(np.float32), 0)
    assert [v.members.tolist() for v in found] == [[*range(18)], [*range(18, 30)]]
    assert {v.by for v in found} == {"structure"}
    one = find_variants([structure(30, 101, first)], ["object"], chroma.astype(np.float32), 0)
    assert len(one) == 1
    surface = find_variants([both], ["texture"], chroma.astype(np.float32), 0)
    assert len(surface) == 1  # structure of a surface has no place


def test_three_looks_and_two_colours() -> None:
    rng = np.random.default_rng(1)
    looks = rng.normal(0, 1, (3, 24, 24))
    chroma = rng.normal(0, 0.01, (30, 8, 8, 2)).astype(np.float32)
    three = np.concatenate([structure(10, 100 + i, look) for i, look in enumerate(looks)])
    assert sorted(len(v.members) for v in find_variants([three], ["object"], chroma, 0)) == [10] * 3
    red = chroma.copy()
    red[:12, 2:5, 2:5] += 0.5
    found = find_variants([structure(30, 109, looks[0])], ["object"], red, 0)
    assert [v.by for v in found] == ["colour", "colour"]
    assert sorted(found[1].members.tolist()) == list(range(12))


def test_one_or_two_odd_images_are_no_variant() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, (2, 24, 24))
    chroma = rng.normal(0, 0.01, (20, 8, 8, 2)).astype(np.float32)
    both = np.concatenate([structure(18, 101, first), structure(2, 102, second)])
    assert len(find_variants([both], ["object"], chroma, 0)) == 1


def test_two_products_in_one_folder_are_two_variants(tmp_path: Path) -> None:
    for part in range(10):
        write(tmp_path / f"a{part}.png", varied_part(part, SIZE))
        write(tmp_path / f"b{part}.png", varied_part(part + 50, SIZE)[:, ::-1].copy())
    payload = check(tmp_path).to_dict()
    groups = [{name[0] for name in v["images"]} for v in payload["variants"]]
    assert sorted(map(sorted, groups)) == [["a"], ["b"]]
    assert "variants" in topics(payload, "must")


# -- confounds ----------------------------------------------------------------


def test_holm_on_a_published_example() -> None:
    """Holm (1979) as in Wikipedia's "Holm-Bonferroni method": 0.01, 0.04, 0.03, 0.005."""
    assert _holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_time_that_tells_good_from_bad_is_said() -> None:
    bad = np.arange(40) >= 25
    rng = np.random.default_rng(0)
    things = [
        Circumstance("time", [1.6e9 + 3600.0 * i for i in range(40)]),
        Circumstance("brightness", rng.normal(0.5, 0.01, 40).tolist()),
        Circumstance("camera", ["left" if b else "right" for b in bad]),
    ]
    found = find_confounds(things, bad, 0)
    assert {c.name for c in found} == {"time", "camera"}
    assert all(c.separation == 1 for c in found)
    assert "2020-09-1" in next(c for c in found if c.name == "time").good


def test_random_labels_are_met_with_silence() -> None:
    rng = np.random.default_rng(0)
    things = [
        Circumstance("time", np.sort(rng.uniform(0, 1e6, 50)).tolist()),
        Circumstance("brightness", rng.normal(0, 1, 50).tolist()),
        Circumstance("sharpness", rng.normal(0, 1, 50).tolist()),
        Circumstance("camera", rng.choice(["a", "b", "c"], 50).tolist()),
    ]
    labels = np.arange(50) < 18
    loud = sum(bool(find_confounds(things, rng.permutation(labels), d)) for d in range(100))
    assert loud <= 5


def test_few_images_and_constants_tell_nothing() -> None:
    assert find_confounds([Circumstance("time", [1.0, 2, 3, 4, 5])], [0, 0, 0, 1, 1], 0) == []
    labels = np.arange(20) < 10
    assert find_confounds([Circumstance("size", ["a"] * 20)], labels, 0) == []


# -- coverage -----------------------------------------------------------------


def test_covered_looks_need_no_more_and_new_ones_do() -> None:
    """Images that repeat ten looks are covered; images that are all different are not."""
    rng = np.random.default_rng(0)
    bank = np.arange(60)

    def away(points: np.ndarray) -> np.ndarray:
        each = np.linalg.norm(points[:, None] - points[None], axis=2)
        return np.repeat(each[..., None], 4, axis=2)

    looks = rng.normal(0, 1, (5, 2))[rng.integers(0, 5, 60)] + rng.normal(0, 0.001, (60, 2))
    covered = coverage_of(away(looks).astype(np.float32), bank, (2, 2), 0)
    spread = coverage_of(away(rng.normal(0, 1, (60, 2))).astype(np.float32), bank, (2, 2), 0)
    assert covered is not None
    assert spread is not None
    assert spread.gain is not None
    assert spread.gain > 0.05
    assert spread.more is None or spread.more > 0
    assert spread.fall.mean() > 0.1
    assert all(a >= b - 1e-9 for a, b in zip(spread.tail, spread.tail[1:], strict=False))
    assert coverage_of(away(looks[:5]).astype(np.float32), np.arange(5), (2, 2), 0) is None


# -- command, page, fit ---------------------------------------------------------


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in keys_of(one)}
    if isinstance(value, list):
        return {key for one in value for key in keys_of(one)}
    return set()


def test_command_writes_json_page_and_proposals(tmp_path: Path) -> None:
    root = dataset(tmp_path / "set", odd=5)
    shutil.copy(root / "train/good/p06.png", root / "test/good/leak.png")
    made = tmp_path / "check.html"
    run = offspec("check", root, "--html", made, "--proposals", tmp_path / "lists", "--json", "-")
    assert run.code == 1
    payload = json.loads(run.stdout)
    assert "train/good/p05.png" in payload["contamination"]["flagged"]
    words = PAGE.read_text()
    assert {k for k in keys_of(payload) if f"`{k}" not in words and f"{k}`" not in words} == set()
    page = made.read_text()
    assert "data:image/jpeg" in page
    assert "train/good/p05.png" in page
    listed = (tmp_path / "lists/exclude.txt").read_text()
    assert "train/good/p05.png" in listed
    assert "train/good/p06.png" in listed  # the side of the leak that is learned from
    lists = ("--exclude", tmp_path / "lists/exclude.txt")
    assert offspec("check", root, *lists).code == 0
    out = tmp_path / "part.offspec"
    settings = ("--out", out, "--kind", "object", "--resolution", "fast", "--align", "none")
    assert offspec("fit", root, *settings).code == 2  # the leak
    assert offspec("fit", root, *settings, *lists).code == 0


def test_errors_of_the_command(tmp_path: Path) -> None:
    assert offspec("check", tmp_path / "nowhere").code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    run = offspec("check", empty, "--html", tmp_path / "no/folder/x.html")
    assert run.code == 2
    assert "error [" in run.stderr


def test_the_page_needs_no_pictures(tmp_path: Path) -> None:
    payload = json.loads(json.dumps(check(dataset(tmp_path, odd=5)).to_dict()))
    page = to_html(check_document(payload, tmp_path / "moved", "<set>"))
    assert "&lt;set&gt;" in page
    assert "Normals that do not look normal" in page


def test_equal_input_gives_an_equal_report(tmp_path: Path) -> None:
    root = dataset(tmp_path, odd=5)
    first = check(root, threads=1).to_dict()
    assert check(root, threads=2).to_dict() == first


def test_a_fit_names_normals_that_score_far_beyond_the_others(tmp_path: Path) -> None:
    config = FitConfig(kind="object", resolution="fast", align="none")
    odd = fit(dataset(tmp_path / "a", odd=5, bad=0), config=config).manifest.notes
    assert any("p05.png" in note and "offspec check" in note for note in odd)
    clean = fit(dataset(tmp_path / "b", bad=0), config=config).manifest.notes
    assert not any("offspec check" in note for note in clean)
