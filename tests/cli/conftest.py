"""A tiny fitted product that every command test shares."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offspec.images import write_png
from offspec.types import ImageArray

SIDE = 96


@dataclass(frozen=True)
class Run:
    """What one command printed and how it ended."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def offspec() -> Callable[..., Run]:
    """Run a command in this process."""
    from offspec.cli import app

    def run(*arguments: object) -> Run:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


def draw(index: int, *, blot: bool = False) -> ImageArray:
    """A good part, or one with a dark blot; every index has its own noise."""
    yy, xx = np.mgrid[0:SIDE, 0:SIDE]
    part = 120 + 40 * np.sin(xx / 5.0) + 30 * np.cos(yy / 9.0)
    part[20:40, 50:80] = 200
    if blot:
        part[60:74, 22:36] = 15
    noisy = part[..., None] + np.random.default_rng(index).normal(0, 2, (SIDE, SIDE, 3))
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def make_dataset(root: Path, normals: int = 8) -> Path:
    """An MVTec-like folder: normals, two good and three bad test images with masks."""
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[60:74, 22:36] = True
    for folder in ("train/good", "test/good", "test/blot", "ground_truth/blot"):
        (root / folder).mkdir(parents=True)
    for index in range(normals):
        write_png(root / f"train/good/{index:03d}.png", draw(index))
    for index in range(2):
        write_png(root / f"test/good/{index:03d}.png", draw(100 + index))
    for index in range(3):
        write_png(root / f"test/blot/{index:03d}.png", draw(200 + index, blot=True))
        write_png(root / f"ground_truth/blot/{index:03d}_mask.png", mask)
    return root


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared dataset; tests must not change it."""
    return make_dataset(tmp_path_factory.mktemp("data") / "part")


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    """The shared bundle, fitted through the command itself."""
    from offspec.cli import app

    out = tmp_path_factory.mktemp("bundle") / "part.offspec"
    result = CliRunner().invoke(app, ["fit", str(dataset), "--out", str(out), "--quiet"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.stderr
    return out


@pytest.fixture
def bundle(tmp_path: Path, fitted: Path) -> Path:
    """A copy of the shared bundle that a test may change."""
    target = tmp_path / "part.offspec"
    shutil.copyfile(fitted, target)
    return target
