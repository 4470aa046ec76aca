"""What a restoring detector makes of an image, for the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from offspec.bundle import Bundle
from offspec.evaluation import evaluate
from offspec.fitting import FitConfig, fit
from offspec.images import read_image
from offspec.pages.evaluation_page import write_evaluation_report
from offspec.restored import GAIN, Restorer, restores
from offspec.types import Alignment
from tests.synth import write_mvtec

TRAINING = {"minutes": None, "steps": 4, "check_every": 2, "batch": 2}


def bundle_of(dataset: Path, detector: str, options: dict[str, Any], **more: Any) -> Bundle:
    """A quick fit."""
    config = FitConfig(
        detector=detector, resolution="fast", kind="object", align="none", options=options,
        few=True, **more,
    )  # fmt: skip
    return fit(dataset, config=config)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("set"), normals=8)


@pytest.fixture(scope="module", params=["features", "pixel"])
def restoring(request: pytest.FixtureRequest, dataset: Path) -> Bundle:
    options = {"width": 8, "architecture": "lite", "comparison": request.param}
    return bundle_of(dataset, "autoencoder", {**options, "training": TRAINING})


def test_it_shows_the_crop_what_became_of_it_and_the_difference(
    restoring: Bundle, dataset: Path
) -> None:
    image = read_image(next((dataset / "test" / "good").glob("*.png")))
    found = Restorer(restoring).restore(image, Alignment(np.eye(3)))
    assert found is not None
    net_hw = restoring.manifest.groups[0].net_hw
    for picture in (found.seen, found.restored, found.difference):
        assert picture.shape == (*net_hw, 3)
        assert picture.dtype == np.uint8
    away = np.abs(found.seen.astype(float) - found.restored.astype(float))
    assert np.abs(np.clip(GAIN * away, 0, 255) - found.difference).max() <= 2 * GAIN
    assert found.restored.std() > 0


def test_the_report_of_a_restoring_detector_shows_it(
    restoring: Bundle, dataset: Path, tmp_path: Path
) -> None:
    assert restores(restoring)
    page = tmp_path / "report.html"
    write_evaluation_report(page, restoring, evaluate(restoring, dataset))
    text = page.read_text()
    assert "restored" in text
    assert text.count('class="triple"') >= 1


def test_other_detectors_have_nothing_to_show(dataset: Path, tmp_path: Path) -> None:
    bundle = bundle_of(dataset, "padim", {})
    assert not restores(bundle)
    page = tmp_path / "report.html"
    write_evaluation_report(page, bundle, evaluate(bundle, dataset))
    assert 'class="triple"' not in page.read_text()
