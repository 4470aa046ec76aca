"""Detectors that train a network: split of the normals, quality, bundles without torch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from offspec import graphs
from offspec.backbones import make_backbone
from offspec.bundle import write_bundle
from offspec.detectors import DETECTORS, restoring, synthetic, trained
from offspec.detectors.linear import one_thread_session
from offspec.detectors.restoring import AutoencoderDetector
from offspec.errors import DatasetError, OptionError, TrainingError
from offspec.fitting import FitConfig, fit
from offspec.made_defects import MAKERS, nuisance, random_area, spoil
from offspec.networks import autoencoders, to_onnx
from tests.contract.make import NET_HW, crops, maps_of, normals
from tests.trained import write_normals

STEPS = {"minutes": None, "steps": 200, "check_every": 30, "batch": 4}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("autoencoder", {"width": 16}),
    ("autoencoder", {"width": 16, "architecture": "lite", "comparison": "ms_ssim", "loss": "ssim"}),
    ("autoencoder", {"width": 16, "architecture": "variational", "comparison": "ssim"}),
    ("autoencoder", {"width": 16, "architecture": "ssim", "comparison": "pixel"}),
    ("gan", {"width": 16, "skips": 3}),
    ("synthetic", {"width": 32, "network": "head"}),
    ("synthetic", {"width": 16, "network": "unet"}),
]


def _setting_name(value: object) -> str:
    return "-".join(map(str, value.values())) if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("name", "options"), SETTINGS, ids=_setting_name)
def test_a_blot_raises_the_map_where_it_is(name: str, options: dict[str, Any]) -> None:
    detector = DETECTORS[name](
        make_backbone("bank"), NET_HW, options={**options, "training": STEPS}
    )
    graph = detector.fit(crops(0), normals(11)).to_graph()
    clean, flawed = maps_of(graph, np.concatenate([crops(90), crops(90, defect="blot")]), [0, 0])
    y, x = np.ogrid[: NET_HW[0], : NET_HW[1]]
    there = (y - 0.3 * NET_HW[0]) ** 2 + (x - 0.7 * NET_HW[1]) ** 2 < 6**2
    away = (y - 0.3 * NET_HW[0]) ** 2 + (x - 0.7 * NET_HW[1]) ** 2 > 40**2
    rise = flawed - clean
    assert flawed[there].max() > clean[there].max()
    assert rise[there].mean() > 3 * np.abs(rise[away]).mean()


@pytest.mark.parametrize("window", [3, 7, 15])
def test_the_graph_and_the_loss_have_one_ssim(window: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.random((1, 3, 32, 48), np.float32)
    noise = np.float32(0.1) * rng.standard_normal(a.shape).astype(np.float32)
    model = graphs.build_features(
        (32, 48),
        lambda x: [restoring._dissimilarity(x, graphs.op.add(x, graphs.const(noise)), window)],
    )
    found = one_thread_session(model).run(None, {"crop": a})[0]
    wanted = autoencoders.ssim_map(torch.from_numpy(a), torch.from_numpy(a + noise), window)
    assert np.allclose(found, wanted.numpy(), atol=1e-4)
    assert 0.001 < found.mean() < 0.5


def test_an_export_that_differs_is_refused() -> None:
    network = torch.nn.Conv2d(3, 1, 3).eval()
    example = [torch.rand(2, 3, 16, 16)]
    model = to_onnx.exported(network, example, ["in0"], ["out"])
    with torch.no_grad():
        network.weight.mul_(1.1)
    with pytest.raises(TrainingError, match="differs from the trained one"):
        to_onnx.check_parity(network, model, example, ["in0"], ["out"])


def test_a_crop_is_never_compared_with_its_own_image() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        chosen = synthetic._chosen(6, (rng, 4))
        assert 4 not in chosen
        assert 2 <= len(chosen) <= 5
    assert list(synthetic._chosen(1, (rng, 0))) == [0]  # there is no other
    assert list(synthetic._chosen(3, None)) == [0, 1, 2]


# -- through fit -------------------------------------------------------------------------


def config(**more: Any) -> FitConfig:
    training = {"minutes": None, "steps": 3, "check_every": 1, "batch": 2}
    options = {"width": 8, "architecture": "lite", "training": training}
    return FitConfig(
        detector="autoencoder", resolution="fast", kind="object", align="none", options=options,
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_normals(tmp_path_factory.mktemp("many"), 26)


def test_calibration_uses_images_that_the_network_never_met(many: Path) -> None:
    manifest = fit(many, config=config()).manifest
    assert manifest.calibration.threshold.n == 5  # of 25 beside the reference
    assert manifest.calibration.status in {"extrapolated", "certified"}
    assert any(note.startswith("autoencoder: Trained for") for note in manifest.notes)
    assert manifest.detector["config"]["options"]["training"]["steps"] == 3


def test_few_normals_need_to_be_asked_for_and_promise_nothing(tmp_path: Path) -> None:
    few = write_normals(tmp_path / "few", 12)
    with pytest.raises(DatasetError, match=r"11 normal images.*at least 20.*--few"):
        fit(few, config=config())
    assert fit(few, config=config(few=True)).manifest.calibration.status == "provisional"


def test_far_too_few_normals_are_refused_even_so(tmp_path: Path) -> None:
    few = write_normals(tmp_path / "few", 4)
    with pytest.raises(DatasetError, match=r"3 normal images.*at least 5"):
        fit(few, config=config(few=True))


_WITHOUT_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "onnxscript", "timm"}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from offspec.images import read_image
from offspec.runtime import Inspector
found = Inspector(sys.argv[1], threads=1).inspect(read_image(sys.argv[2]))
print(found.regions[0].raw_score)
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("name", sorted(name for name, one in DETECTORS.items() if one.trained))
def test_a_bundle_is_inspected_without_torch(name: str, many: Path, tmp_path: Path) -> None:
    path = tmp_path / "part.offspec"
    training = {"minutes": None, "steps": 2, "check_every": 1, "batch": 2}
    settings = replace(config(), detector=name, options={"width": 8, "training": training})
    write_bundle(fit(many, config=settings), path)
    image = sorted(p for p in many.iterdir() if p.suffix == ".png")[3]
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(path), str(image)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert float(done.stdout) > 0


def test_a_missing_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(OptionError, match=r"needs torch.*offspec\[torch\]"):
        trained.need_torch("gan")


def test_options_are_checked_before_anything_is_learned() -> None:
    with pytest.raises(OptionError, match="comparison"):
        AutoencoderDetector(make_backbone("bank"), NET_HW, options={"comparison": "taste"})
    with pytest.raises(OptionError, match=r"training\.minutes"):
        AutoencoderDetector(make_backbone("bank"), NET_HW, options={"training": {"minutes": -1}})


# -- made defects --------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_made_defect_changes_its_area_alone(name: str) -> None:
    rng = np.random.default_rng(3)
    crop, foreign = crops(1)[0], crops(2)[0, :, ::-1]
    changed = 0
    for _ in range(20):
        area = random_area(NET_HW, rng)
        found = MAKERS[name](crop, foreign, area, rng)
        away = np.abs(found - crop).max(axis=0)
        reach = 10 if name == "stained" else 1  # a stain has soft edges
        y, x = np.nonzero(area)
        outside = np.ones(NET_HW, np.bool_)
        outside[max(y.min() - reach, 0) : y.max() + reach + 1,
                max(x.min() - reach, 0) : x.max() + reach + 1] = False  # fmt: skip
        assert away[outside].max(initial=0) < 0.01
        changed += bool(away.max() > 0.02)
    assert changed >= 5  # some land on places that look alike


def test_what_is_called_a_defect_is_seen() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        good = nuisance(crops(1)[0], rng)
        found, defect, doubtful = spoil(good, crops(2)[0], rng)
        assert found.shape == good.shape
        assert found.min() >= 0
        assert found.max() <= 1
        assert not (defect & doubtful).any()
        away = np.abs(found - good).mean(axis=0)
        assert away[~(defect | doubtful)].max() < 0.15


def test_the_same_seed_makes_the_same_defects() -> None:
    one, two = (spoil(crops(1)[0], crops(2)[0], np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
