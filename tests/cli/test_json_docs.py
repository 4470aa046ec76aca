"""The page on JSON names every key that the commands give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Run

PAGE = Path(__file__).parents[2] / "docs/reference/json.md"


def test_every_key_is_documented(
    offspec: Callable[..., Run], bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    words = PAGE.read_text()
    evaluation = json.loads(offspec("evaluate", bundle, dataset, "--json", "-").stdout)
    entry = json.loads(offspec("inspect", bundle, dataset / "test/blot", "--json", "-").stdout)[0]
    region = entry["regions"][0]
    fitted = json.loads(
        offspec("fit", dataset, "--out", tmp_path / "x.offspec", "--json", "-").stdout
    )
    keys = {*evaluation, *entry, *region, *region["defects"][0], *fitted, *fitted["threshold"]}
    short = {key for key in keys if not key.startswith("detection_at_far")}
    assert {key for key in short if f"`{key}" not in words and f"{key}`" not in words} == set()
