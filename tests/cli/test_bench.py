"""``offspec bench``: the command compares detectors and keeps what an interruption leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offspec import bench_methods
from tests.cli.conftest import Run


def test_detectors_side_by_side(offspec: Callable[..., Run], dataset: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"bench.{kind}" for kind in ("json", "csv", "md", "html")}
    done = offspec(
        "bench", dataset, "--detectors", "reference,padim", "--detectors", "few=padim[kind=object]",
        "--normals", 2, "--threads", 1, "--json", files["json"], "--csv", files["csv"],
        "--markdown", files["md"], "--html", files["html"],
    )  # fmt: skip
    assert done.code == 0, done.stderr
    written = json.loads(files["json"].read_text())
    reference, padim, few = written["rows"]
    assert reference["image_auroc"] == 1.0
    assert reference["fit_s"] > 0
    assert reference["memory_fit_mb"] > 50
    assert reference["memory_inspect_mb"] > 50
    assert 0 < reference["latency_p50_ms"] <= reference["latency_p95_ms"]
    assert reference["bundle_mb"] > 0
    assert (reference["normals"], reference["test_images"]) == (2, 5)
    assert few["error"]["code"] == "dataset"
    assert few["settings"] == "kind=object"
    assert written["environment"]["threads"] == 1
    assert padim["detector"] == "padim"
    assert "| reference | part | 1.000 |" in files["md"].read_text()
    assert files["csv"].read_text().count("\n") == 4
    assert "Detectors side by side" in files["html"].read_text()
    assert "few on part, seed 0: [dataset]" in done.stdout


def test_an_interrupted_run_keeps_its_rows(
    offspec: Callable[..., Run], dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stages(*_arguments: Any) -> dict[str, Any]:
        return next(answers)

    def answer() -> Iterator[dict[str, Any]]:
        yield {"fit_s": 1.0}
        yield {"aupro_30": 0.5, "image_auroc": None, "latency_p50_ms": 3.0}
        raise KeyboardInterrupt

    answers = answer()
    monkeypatch.setattr(bench_methods, "run_stage", stages)
    target = tmp_path / "rows.json"
    done = offspec(
        "bench", dataset, "--detectors", "reference,padim", "--json", target,
        "--csv", tmp_path / "rows.csv",
    )  # fmt: skip
    assert done.code == 130
    (row,) = json.loads(target.read_text())["rows"]
    assert (row["detector"], row["aupro_30"]) == ("reference", 0.5)
    assert (tmp_path / "rows.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detectors", "best"), "Detector 'best' is unknown"),
        (("--seeds", "0,one"), "Seeds '0,one' cannot be read"),
        (("--seeds", "-1"), "Seeds '-1' cannot be read"),
        (("--resolution", "huge"), "--resolution has the unknown value 'huge'"),
        (("--html", "missing/x.html"), "does not exist"),
        (("--peer", "other"), "Peer 'other' is unknown"),
        (("--peer", "anomalib"), "--resolution fast"),
    ],
)
def test_wrong_arguments_end_with_status_2_before_any_run(
    offspec: Callable[..., Run], dataset: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = offspec("bench", dataset, *arguments)
    assert done.code == 2
    assert words in done.stderr


def test_sets_of_one_name_are_told_apart() -> None:
    from offspec.cli.bench_cmd import _names

    a, b, c = Path("x/one"), Path("y/one"), Path("y/two")
    assert list(_names([a, b, c]).values()) == ["x/one", "y/one", "two"]
