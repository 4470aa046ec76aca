"""Lists of images to leave out: read as written, refused when they are something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from offspec.datasets import exclude_images, read_dataset
from offspec.errors import DatasetError, OptionError
from offspec.exclusions import read_exclusions, write_proposals
from offspec.fitting import fit
from tests.synth import write_mvtec
from tests.trained import FAST, offspec, write_normals


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_remarks_blank_lines_and_doubles_are_left_out(tmp_path: Path) -> None:
    text = "# head\n\ntrain/good/1.png    # 3 deviations\nb c#d.png\r\nb c#d.png\n"
    assert read_exclusions(write(tmp_path / "x.txt", text)) == ("train/good/1.png", "b c#d.png")


@pytest.mark.parametrize("text", ['{"contamination": {}}'])
def test_json_is_no_list(tmp_path: Path, text: str) -> None:
    with pytest.raises(OptionError, match="one path a line"):
        read_exclusions(write(tmp_path / "x.txt", text))


def test_a_missing_list_and_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        read_exclusions(tmp_path / "missing.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="cannot be read"):
        read_exclusions(tmp_path / "bytes.txt")


def test_unknown_images_and_no_normals_left(tmp_path: Path) -> None:
    data = read_dataset(write_mvtec(tmp_path / "set"))
    with pytest.raises(OptionError, match=r"no image of"):
        exclude_images(data, ["train/good/nobody.png"])
    with pytest.raises(DatasetError, match="is left after"):
        exclude_images(data, [r.key for r in data.normals])
    rest = exclude_images(data, [r.key for r in data.normals], need_normals=False)
    assert (rest.excluded, rest.normals) == (len(data.normals), ())


def test_a_fit_leaves_out_what_the_list_names(tmp_path: Path) -> None:
    folder = write_normals(tmp_path / "parts", 7)
    gone = sorted(p.name for p in folder.iterdir())[3]
    listed = write(tmp_path / "x.txt", f"{gone}  # odd\n")
    out = tmp_path / "part.offspec"
    common = ("--out", out, "--kind", "object", "--resolution", "fast", "--align", "none")
    assert offspec("fit", folder, *common, "--exclude", listed).code == 0
    from offspec.bundle import read_bundle

    whole = fit(folder, config=FAST).manifest
    less = read_bundle(out).manifest
    assert len(less.learned_sha256) == len(whole.learned_sha256) - 1
    assert less.dataset["fingerprint"] != whole.dataset["fingerprint"]
    assert offspec("fit", folder, *common, "--exclude", tmp_path / "none.txt").code == 2


def test_proposals_of_a_check_are_lists_that_a_fit_takes(tmp_path: Path) -> None:
    payload = {
        "unreadable": [{"image": "a.png", "message": "broken"}],
        "duplicates": [
            {"images": ["b.png", "c.png"], "kind": "exact", "contradiction": False},
            {"images": ["d.png", "e.png"], "kind": "exact", "contradiction": True},
            {"images": ["f.png", "g.png"], "kind": "near", "contradiction": False},
        ],
        "contamination": {
            "images": [
                {"image": "h.png", "z": 3.2, "flagged": True},
                {"image": "i.png", "z": 1.0, "flagged": False},
            ]
        },
        "variants": [{"images": ["b.png", "d.png"]}, {"images": ["e.png", "h.png"]}],
    }
    exclude, first, second = write_proposals(payload, tmp_path)
    assert read_exclusions(exclude) == ("a.png", "c.png", "h.png")
    assert set(read_exclusions(first)) == {"a.png", "c.png", "h.png", "e.png"}
    assert set(read_exclusions(second)) == {"a.png", "b.png", "c.png", "d.png", "h.png"}
