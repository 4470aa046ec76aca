from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offspec.bundle import Bundle
from offspec.errors import WriteError
from offspec.export import export_files, export_plain
from offspec.runtime import Inspector
from offspec.template import Exclusion, Region
from offspec.types import ImageArray
from tests.bundle.make import board, make_bundle, rectangle

PROGRAM = Path(__file__).parents[1] / "examples" / "plain_runtime.py"


def bundle() -> Bundle:
    hole = Exclusion("rectangle", ((20, 20), (30, 30)))
    ring = Region("b", "b", "ellipse", ((70, 10), (120, 90)), exclusions=(hole,))
    return make_bundle(board(), [rectangle("a", 4, 4, 60, 60), ring], net_hw=(48, 48))


def native() -> Bundle:
    region = Region("n", "n", "rectangle", ((10, 10), (690, 560)), resolution="native")
    return make_bundle(board(600, 700), [region], net_hw=None)


def blot(image: ImageArray, x: int, y: int) -> ImageArray:
    bad = image.copy()
    bad[y : y + 14, x : x + 14] = 255
    return bad


def run(folder: Path, made: Bundle, image: ImageArray) -> dict[str, Any]:
    inspector = Inspector(made)
    names = []
    for index, crops in enumerate(inspector.prepare(image).crops):
        name = folder / f"crop{index}.npy"
        np.save(name, crops)
        names.append(str(name))
    command = [sys.executable, str(PROGRAM), str(folder), *names, "--map", str(folder / "map.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("made", "place"), [(bundle(), (80, 40)), (bundle(), None), (native(), (520, 518))]
)
def test_the_plain_program_agrees(
    made: Bundle, place: tuple[int, int] | None, tmp_path: Path
) -> None:
    export_plain(made, tmp_path)
    image = made.reference if place is None else blot(made.reference, *place)
    plain = run(tmp_path, made, image)
    inspector = Inspector(made)
    ours = inspector.inspect(image)
    assert plain["verdict"] == ours.verdict == ("ok" if place is None else "ng")
    for got, want in zip(plain["regions"], ours.regions, strict=True):
        assert got["verdict"] == want.verdict
        assert got["raw_score"] == pytest.approx(want.raw_score, rel=1e-4, abs=1e-5)
        assert got["deviation_score"] == pytest.approx(want.deviation_score, abs=1e-4)
    prepared = inspector.prepare(image)
    grid = inspector.sampler.region_maps(inspector.maps(prepared))[0]
    np.testing.assert_allclose(np.load(tmp_path / "map.npy"), grid, rtol=1e-4, atol=1e-5)


def test_the_program_is_short_and_uses_nothing_of_ours() -> None:
    source = PROGRAM.read_text(encoding="utf-8")
    tree = ast.parse(source)
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    assert modules <= {"json", "math", "sys", "pathlib", "numpy", "onnxruntime"}
    docstring = ast.get_docstring(tree, clean=False) or ""
    code = source.replace(docstring, "")
    assert sum(1 for line in code.splitlines() if line.strip() and not line.startswith("#")) <= 60


def test_export_is_deterministic() -> None:
    assert export_files(bundle()) == export_files(bundle())


def test_a_missing_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(WriteError):
        export_plain(bundle(), tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
