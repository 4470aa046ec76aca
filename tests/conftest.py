"""One small fitted model that several files of tests read; they must not change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from offspec.bundle import Bundle, write_bundle
from offspec.fitting import fit
from tests.trained import FAST, write_normals


@pytest.fixture(scope="session")
def normals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain folder: the reference and six other parts."""
    return write_normals(tmp_path_factory.mktemp("normals"), 7)


@pytest.fixture(scope="session")
def model(normals: Path) -> Bundle:
    """Fitted on ``normals``."""
    return fit(normals, config=FAST)


@pytest.fixture(scope="session")
def model_file(model: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, written."""
    path = tmp_path_factory.mktemp("model") / "part.offspec"
    write_bundle(model, path)
    return path
