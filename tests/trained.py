"""Small datasets and command runs for the tests that fit for real."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from typer.testing import CliRunner

from offspec.cli import app
from offspec.fitting import FitConfig
from offspec.types import FloatArray, ImageArray
from tests.synth import Flaw, part_image, write_part

SMALL = (64, 80)
FAST = FitConfig(kind="object", resolution="fast", align="none")


@dataclass(frozen=True)
class Run:
    """What one command printed and how it ended."""

    code: int
    stdout: str
    stderr: str


def offspec(*arguments: object) -> Run:
    """Run a command in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(result.exit_code, result.stdout, result.stderr)


def varied_part(
    part: int, size_hw: tuple[int, int] = SMALL, *, shot: int = 0, defect: Flaw = "none"
) -> ImageArray:
    """One photograph of part number ``part``: parts differ in their surface, shots in noise."""
    image = part_image(1000 * part + shot, size_hw, defect=defect, noise=0.002)
    changed = image.astype(np.float32) + 255 * surface(part, size_hw)[..., None]
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)


def surface(part: int, size_hw: tuple[int, int]) -> FloatArray:
    """(H, W) blotches a few pixels wide, different on every part; 0 on part 0."""
    if part == 0:
        return np.zeros(size_hw, np.float32)
    noise = np.random.default_rng(part).normal(0, 1, size_hw).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.asarray(0.02 * smooth / smooth.std(), np.float32)


def write_normals(
    folder: Path, count: int, *, first: int = 0, size_hw: tuple[int, int] = SMALL
) -> Path:
    """A plain folder of ``count`` parts; part 0, when it is among them, is the reference."""
    for part in range(first, first + count):
        write_part(folder / f"{part:03}.png", varied_part(part, size_hw))
    return folder


def names(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(path.name for path in folder.iterdir())
