from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from offspec.images import image_files, read_image, write_png
from tests.cli.conftest import Run, draw

Offspec = Callable[..., Run]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "good.png"
    write_png(path, draw(0))
    return path


def test_new_without_a_region_covers_the_whole_image(offspec: Offspec, reference: Path) -> None:
    run = offspec("template", "new", reference)
    assert run.code == 0
    data = json.loads((reference.parent / "template.json").read_text())
    assert [r["points_xy"] for r in data["regions"]] == [[[0.0, 0.0], [96.0, 96.0]]]
    assert data["reference"]["file"] == "good.png"


def test_new_takes_shapes_names_and_exclusions(offspec: Offspec, reference: Path) -> None:
    run = offspec(
        "template", "new", reference,
        "--rect", "4,4,40,30", "--polygon", "50,50,90,50,70,90", "--ellipse", "50,5,30,30",
        "--name", "cap", "--name", "Fuß links", "--exclude", "cap=6,6,5,5",
        "--kind", "texture", "--size-policy", "scale", "--align", "shift", "--max-shift", "7",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    data = json.loads((reference.parent / "template.json").read_text())
    assert [(r["shape"], r["name"]) for r in data["regions"]] == [
        ("rectangle", "cap"),
        ("polygon", "Fuß links"),
        ("ellipse", "region-3"),
    ]
    assert [len(r["exclusions"]) for r in data["regions"]] == [1, 0, 0]
    assert data["size_policy"] == "scale"
    assert data["alignment"]["mode"] == "shift"
    assert data["alignment"]["max_shift_px"] == 7
    assert {r["kind"] for r in data["regions"]} == {"texture"}


def test_new_copies_the_reference_beside_a_template_elsewhere(
    offspec: Offspec, reference: Path, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    run = offspec("template", "new", reference, "--out", tmp_path / "deep" / "t.json")
    assert run.code == 0, run.stderr
    assert (tmp_path / "deep" / "good.png").read_bytes() == reference.read_bytes()
    assert offspec("template", "validate", tmp_path / "deep" / "t.json").code == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--rect", "10,10,500,20"], "region", "inside the reference"),
        (["--rect", "1,2,3"], "option", "4 numbers"),
        (["--polygon", "0,0,50,50,50,0,0,50"], "region", "crosses"),
        (["--rect", "1,1,20,20", "--rect", "30,30,20,20", "--name", "a", "--name", "a"],
         "region", "used twice"),
        (["--mode", "video"], "option", "image, pixel"),
        (["--exclude", "nose=1,1,2,2"], "option", "nose"),
    ],
)  # fmt: skip
def test_new_refuses_and_writes_nothing(
    offspec: Offspec, reference: Path, options: list[str], code: str, words: str
) -> None:
    run = offspec("template", "new", reference, *options)
    assert run.code == 2
    assert run.stderr.startswith(f"error [{code}]: ")
    assert words in run.stderr
    assert not (reference.parent / "template.json").exists()


def test_validate_sees_a_changed_reference(offspec: Offspec, reference: Path) -> None:
    offspec("template", "new", reference)
    write_png(reference, draw(1))
    run = offspec("template", "validate", reference.parent / "template.json")
    assert run.code == 2
    assert "has changed" in run.stderr


def test_show_draws_a_picture_of_the_reference_size_or_more(
    offspec: Offspec, reference: Path
) -> None:
    offspec("template", "new", reference, "--rect", "10,10,40,40")
    run = offspec("template", "show", reference.parent / "template.json")
    assert run.code == 0, run.stderr
    assert b"data:image/png;base64," in (reference.parent / "template.svg").read_bytes()
    picture = reference.parent / "drawn" / "view.png"
    picture.parent.mkdir()
    offspec("template", "show", reference.parent / "template.json", "--out", picture)
    height, width = read_image(picture).shape[:2]
    assert height >= 96
    assert width >= 96


def test_show_adds_no_image_to_the_dataset(offspec: Offspec, reference: Path) -> None:
    offspec("template", "new", reference)
    before = image_files(reference.parent)
    offspec("template", "show", reference.parent / "template.json")
    assert image_files(reference.parent) == before


def test_show_does_not_overwrite_the_reference(offspec: Offspec, reference: Path) -> None:
    offspec("template", "new", reference)
    before = reference.read_bytes()
    run = offspec("template", "show", reference.parent / "template.json", "--out", reference)
    assert run.code == 2
    assert reference.read_bytes() == before


def test_split_prints_and_writes_parts(offspec: Offspec, tmp_path: Path) -> None:
    import numpy as np

    wide = np.zeros((200, 1800, 3), np.uint8)
    write_png(tmp_path / "wide.png", wide)
    offspec("template", "new", tmp_path / "wide.png", "--resolution", "fast")
    run = offspec(
        "template", "split", tmp_path / "template.json", "--out", tmp_path / "parts.json",
        "--json", "-",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    parts = json.loads(run.stdout)["regions"]
    assert len(parts) > 1
    assert json.loads((tmp_path / "parts.json").read_text())["regions"] == parts
