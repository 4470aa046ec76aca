"""Two bundles on the same images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from offspec.annotations import Annotation, write_annotation
from offspec.bundle import Bundle, write_bundle
from offspec.datasets import read_dataset
from offspec.decisions.compare import compare
from offspec.decisions.compare_result import Decision, joined, rate_difference
from offspec.decisions.paired import Pairs
from offspec.errors import DatasetError, OptionError
from offspec.fitting import fit
from offspec.images import file_sha256, read_image, write_png
from offspec.pages.compare_page import compare_document, compare_sections
from offspec.pages.document import Table
from offspec.pages.document_html import to_html
from tests.synth import write_part
from tests.trained import FAST, offspec, varied_part, write_normals

GOOD, BAD = 6, 5


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled test images that nobody has learned from."""
    root = tmp_path_factory.mktemp("images")
    for i in range(GOOD):
        write_part(root / f"test/good/{i:02}.png", varied_part(70 + i))
    for i in range(BAD):
        write_part(root / f"test/blot/{i:02}.png", varied_part(80 + i, defect="blot"))
    return root


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Fitted on other parts of the same product."""
    return fit(write_normals(tmp_path_factory.mktemp("other"), 9), config=FAST)


def blind(model: Bundle) -> Bundle:
    """The same bundle with a decision limit that nothing reaches."""
    manifest = model.manifest
    calibration = replace(manifest.calibration, t_ng=0.999999, t_review=0.999999)
    return replace(model, manifest=replace(manifest, calibration=calibration))


def test_a_bundle_against_itself(model: Bundle, images: Path) -> None:
    found = compare(model, model, images)
    assert found.flips == ()
    assert found.detection.pairs.difference == 0.0
    assert found.detection.p == 1.0
    assert found.decision == "undecided"  # 11 images show nothing at 2 points
    assert found.detection.images_needed == 189
    assert "about 189 defective images would decide, 184 more" in found.words[1]
    assert compare(model, model, images, margin=0.6).decision == "not_worse"


def test_a_blind_bundle_is_worse(model: Bundle, images: Path) -> None:
    found = compare(model, blind(model), images, margin=0.05, confidence=0.8)
    assert found.detection.old == 1.0
    assert found.detection.new == 0.0
    assert found.decision == "worse"
    assert found.detection.p == pytest.approx(2 * 0.5**BAD)
    assert [image.better for image in found.flips[:BAD]] == [False] * BAD
    assert found.to_dict()["flips"][0]["old"]["verdict"] in ("ng", "review")
    assert compare(blind(model), model, images, margin=0.6).detection.decision == "not_worse"


def test_two_fits_share_regions_and_areas(model: Bundle, other: Bundle, images: Path) -> None:
    found = compare(model, other, images)
    assert found.auroc is not None
    assert found.regions[0]["images"] == GOOD + BAD
    assert set(found.latency_ms) == {"old", "new"}
    counted = found.detection.pairs.n + found.false_stops.pairs.n
    assert counted == len(found.images) == GOOD + BAD


def test_learned_images_are_refused_whoever_learned(
    model: Bundle, other: Bundle, normals: Path, images: Path, tmp_path: Path
) -> None:
    for kind in ("good", "blot"):
        for path in (images / "test" / kind).iterdir():
            write_part(tmp_path / "test" / kind / path.name, read_image(path))
    write_png(tmp_path / "test/good/learned.png", read_image(normals / "002.png"))
    for pair in ((model, other), (other, model)):
        with pytest.raises(DatasetError, match="learned from"):
            compare(*pair, tmp_path)


def test_both_kinds_are_needed(model: Bundle, tmp_path: Path) -> None:
    write_part(tmp_path / "test/good/0.png", varied_part(70))
    with pytest.raises(DatasetError, match="no defective test image"):
        compare(model, model, tmp_path)


def test_photographs_of_one_part_are_noted(model: Bundle, tmp_path: Path) -> None:
    for i in range(3):
        for kind, flaw in (("good", "none"), ("blot", "blot")):
            path = tmp_path / "test" / kind / f"{i}.png"
            write_part(path, varied_part(70 + i, defect="blot" if flaw == "blot" else "none"))
            note = Annotation(path.name, defect_free=kind == "good", part_id=f"{kind}{i // 2}")
            write_annotation(path.with_suffix(".json"), note)
    assert compare(model, model, tmp_path).notes[0].startswith("6 images show 4 parts")


def test_a_drawn_split_uses_what_both_seeds_leave(tmp_path: Path) -> None:
    for i in range(25):
        write_part(tmp_path / f"good/{i:02}.png", varied_part(i))
    write_part(tmp_path / "bad/0.png", varied_part(70, defect="blot"))
    tests = {
        seed: {r.key for r in read_dataset(tmp_path, seed=seed).test if r.label == "ok"}
        for seed in range(6)
    }
    meets = next(s for s in range(1, 6) if tests[0] & tests[s])
    apart = next(s for s in range(1, 6) if not tests[0] & tests[s])
    first, second, third = (
        fit(tmp_path, config=replace(FAST, seed=seed)) for seed in (0, meets, apart)
    )
    found = compare(first, second, tmp_path)
    assert {i.key for i in found.images if i.label == "ok"} == tests[0] & tests[meets]
    with pytest.raises(DatasetError, match=f"seeds 0 and {apart}, which leave no good image"):
        compare(first, third, tmp_path)


def test_margins_are_checked(model: Bundle, images: Path) -> None:
    with pytest.raises(OptionError, match="margin is 0"):
        compare(model, model, images, margin=0)
    with pytest.raises(OptionError, match="false-stop margin is 2"):
        compare(model, model, images, false_stop_margin=2)


@pytest.mark.parametrize(
    ("pairs", "stops", "decision"),
    [
        (Pairs(500, 0, 0, 0), False, "not_worse"),
        (Pairs(100, 0, 0, 0), False, "undecided"),
        (Pairs(450, 0, 50, 0), False, "worse"),
        (Pairs(450, 50, 0, 0), False, "not_worse"),
        (Pairs(0, 50, 0, 450), True, "worse"),
        (Pairs(0, 0, 50, 450), True, "not_worse"),
        (Pairs(0, 0, 0, 100), True, "undecided"),
    ],
)
def test_the_margin_decides_on_either_side(pairs: Pairs, stops: bool, decision: str) -> None:
    found = rate_difference(pairs, 0.02, worse_when_higher=stops)
    assert found.decision == decision
    assert (found.images_needed is not None) == (decision == "undecided")


def test_the_worse_of_two_rates_decides() -> None:
    kinds: tuple[Decision, ...] = ("not_worse", "worse", "undecided")
    found = {(a, b): joined(a, b) for a in kinds for b in kinds}
    assert found["not_worse", "not_worse"] == "not_worse"
    assert found["worse", "not_worse"] == found["undecided", "worse"] == "worse"
    assert found["not_worse", "undecided"] == "undecided"


def test_the_gate_exits_with_the_decision(
    model: Bundle, model_file: Path, images: Path, tmp_path: Path
) -> None:
    worse = tmp_path / "blind.offspec"
    write_bundle(blind(model), worse)
    passed = offspec("compare", model_file, model_file, images, "--margin", "0.6")
    assert passed.code == 0
    assert "may take the old one's place" in passed.stdout
    html, pdf, out = tmp_path / "c.html", tmp_path / "c.pdf", tmp_path / "c.json"
    stopped = offspec(
        "compare", model_file, worse, images, "--html", html, "--pdf", pdf, "--json", out
    )
    assert stopped.code == 1
    assert offspec("compare", model_file, worse, images, "--margin", "0").code == 2
    payload = json.loads(out.read_text())
    new = payload["models"]["new"]
    assert (new["file"], new["sha256"]) == ("blind.offspec", file_sha256(worse))
    assert len(payload["flips"]) == BAD
    assert html.read_text().count("data:image/jpeg") == 2 * BAD
    assert pdf.read_bytes().startswith(b"%PDF")


def test_images_of_a_list_are_left_out_and_said(
    model_file: Path, images: Path, tmp_path: Path
) -> None:
    listed, out = tmp_path / "list.txt", tmp_path / "c.json"
    gone = sorted(path for path in (images / "test").glob("*/*.png"))[-1]
    listed.write_text(f"{gone.relative_to(images).as_posix()}\n")
    both = (model_file, model_file, images, "--margin", "0.6")
    assert offspec("compare", *both, "--exclude", listed, "--json", out).code == 0
    payload = json.loads(out.read_text())
    assert payload["dataset"]["excluded"] == 1
    assert payload["dataset"]["test_images"] == len(list((images / "test").glob("*/*.png"))) - 1
    assert gone.name not in {Path(one["image"]).name for one in payload["images"]}
    assert "Images left out by a list: 1." in payload["notes"]
    listed.write_text("test/good/nobody.png\n")
    assert offspec("compare", *both, "--exclude", listed).code == 2


def test_the_page_is_built_from_the_json_alone(model: Bundle, other: Bundle, images: Path) -> None:
    payload = json.loads(json.dumps(compare(model, other, images).to_dict()))
    page = to_html(compare_document(payload))
    assert "Comparison of two models" in page
    assert any(isinstance(b, Table) for s in compare_sections(payload) for b in s.blocks)


def test_every_key_is_documented(model: Bundle, images: Path) -> None:
    words = (Path(__file__).parents[1] / "docs/reference/json.md").read_text()
    payload = json.loads(json.dumps(compare(model, blind(model), images).to_dict()))
    keys = {*payload, *payload["detection"], *payload["image_auroc"], *payload["flips"][0]}
    keys |= {*payload["regions"][0], *payload["models"]["old"], *payload["latency_ms"]["old"]}
    assert {key for key in keys if f"`{key}" not in words} == set()


def test_a_broken_image_is_listed_and_the_others_finish(
    model_file: Path, images: Path, tmp_path: Path
) -> None:
    for kind in ("good", "blot"):
        for path in (images / "test" / kind).iterdir():
            write_part(tmp_path / "test" / kind / path.name, read_image(path))
    (tmp_path / "test/good/broken.png").write_bytes(b"no picture")
    run = offspec("compare", model_file, model_file, tmp_path, "--margin", "0.6")
    assert run.code == 2
    assert "not read: test/good/broken.png" in run.stdout
