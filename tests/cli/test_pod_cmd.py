"""``offspec pod``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from offspec.cli import app
from offspec.images import file_sha256
from tests.cli.conftest import Run

PAGE = Path(__file__).parents[2] / "docs/reference/json.md"
FEW = ("--trials", 12, "--contrasts", "0.1,0.4", "--threads", 1)


@pytest.fixture(scope="module")
def payload(
    fitted: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("pod")
    arguments = ["pod", fitted, dataset, *FEW, "--json", folder / "pod.json", "--html",
                 folder / "pod.html"]  # fmt: skip
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    page = (folder / "pod.html").read_text()
    assert "Probability of detection" in page
    assert "<script" not in page
    assert "made defects rank and warn" in done.stdout.lower()
    found: dict[str, Any] = json.loads((folder / "pod.json").read_text())
    return found


def keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def test_every_key_is_documented(payload: dict[str, Any]) -> None:
    section = PAGE.read_text().partition("## `pod`")[2]
    named = set(re.findall(r"`([a-z_0-9]+)(?:\[\])?`", section))
    assert set(keys(payload)) - named == set()


def test_it_names_the_bundle(payload: dict[str, Any], fitted: Path) -> None:
    assert payload["bundle"] == {"file": fitted.name, "sha256": file_sha256(fitted)}


def test_it_counts_what_it_made(payload: dict[str, Any]) -> None:
    curves = [c for region in payload["regions"] for c in region["curves"]]
    maps = sum(sum(map(sum, region["map"]["tried"])) for region in payload["regions"])
    assert payload["trials"] == sum(c["trials"] for c in curves)
    assert max(c["trials"] for c in curves) == 12 + maps
    assert payload["trials_per_curve"] == 12
    assert payload["minutes"] is None
    assert payload["photographs"]["used"] > 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--sizes", "4,-2"), "above 0"),
        (("--sizes", "four"), "list of numbers"),
        (("--contrasts", "2"), "share of full scale"),
        (("--region", "nowhere"), "not in the template"),
        (("--minutes", "0"), "minutes"),
    ],
)
def test_bad_options_are_one_block_and_exit_2(
    offspec: Callable[..., Run], bundle: Path, dataset: Path, tmp_path: Path,
    option: tuple[str, str], words: str,
) -> None:  # fmt: skip
    run = offspec("pod", bundle, dataset, *option, "--json", tmp_path / "pod.json")
    assert run.code == 2
    assert words in run.stderr
    assert run.stderr.startswith("error [")
    assert not (tmp_path / "pod.json").exists()


def test_a_folder_without_images_is_an_error(
    offspec: Callable[..., Run], bundle: Path, tmp_path: Path
) -> None:
    run = offspec("pod", bundle, tmp_path)
    assert run.code == 2
