"""The job for a peer's interpreter, with a stand-in for the peer; the real one where there is."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from benchmarks.seeded_resnet import CARD, seeded_resnet18
from offspec import peer_job
from offspec.bench_methods import MethodBench, run_methods
from offspec.errors import OptionError, WeightsError
from offspec.file_backbone import FileBackbone
from offspec.fitting import FitConfig
from offspec.peer_job import Peer, find_peer, network_of, pixel_figures, run_peer
from tests.synth import write_mvtec

# Reads the job as the real program does: darker than the training images is more anomalous.
STAND_IN = """
import json, sys
from pathlib import Path
import numpy as np

if sys.argv[1] == "check":
    print(json.dumps({"anomalib": "0"}))
    raise SystemExit
job = json.loads(Path(sys.argv[2]).read_text())
folder = Path(job["folder"])
if sys.argv[1] == "fit":
    nodes = json.loads(str(np.load(job["network"])["nodes"]))
    assert {n["op"] for n in nodes} == {"Conv", "BatchNormalization", "Relu", "MaxPool", "Add"}
    assert np.load(job["parity"])["layer3"].shape == (1, 256, 16, 16)
    mean = np.mean([np.load(p) for p in job["train"]], axis=0)
    np.save(folder / "mean.npy", mean)
    found = {"fit_s": 1.5, "memory_fit_mb": 10, "bundle_mb": 1, "parity": PARITY}
else:
    mean, scores = np.load(folder / "mean.npy"), []
    for number, path in enumerate(job["test"]):
        away = np.abs(np.load(path) - mean).mean(axis=2).astype(np.float32)
        np.save(folder / f"map_{number:04d}.npy", away)
        scores.append(float(away.max()))
    times = [5.0] * len(scores)
    found = {"scores": scores, "latency_ms": times, "memory_inspect_mb": 9, "import_mb": 8}
(folder / f"{sys.argv[1]}.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.onnx"
    path.write_bytes(seeded_resnet18(0).SerializeToString(deterministic=True))
    path.with_suffix(".json").write_text(json.dumps(CARD))
    return path


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("parts"), normals=4)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put the stand-in where the real program is; its argument is the parity it reports."""

    def install(parity: float) -> None:
        path = tmp_path / "peer.py"
        path.write_text(STAND_IN.replace("PARITY", str(parity)))
        monkeypatch.setattr(peer_job, "_script", lambda: path)

    return install


def config(weights: Path) -> FitConfig:
    return FitConfig(backbone=f"file:{weights}", resolution="fast", threads=1)


def measured(weights: Path, parts: Path, python: str = sys.executable) -> list[dict[str, Any]]:
    peer = find_peer("anomalib", Path(python), None, config(weights))
    bench = MethodBench(peer.methods(config(weights)), [parts])
    run = functools.partial(run_peer, peer, bench)
    return list(run_methods(MethodBench(bench.methods, [parts], peer=run)))


def test_figures_are_ours_from_the_maps_of_the_peer(
    weights: Path, parts: Path, stand_in: Callable[[float], None]
) -> None:
    stand_in(1e-6)
    patchcore, padim = measured(weights, parts)
    assert (patchcore["detector"], padim["method"]) == ("anomalib patchcore", "padim")
    assert patchcore["image_auroc"] == 1.0
    assert patchcore["aupro_30"] > 0.9
    assert patchcore["detection_rate"] is None
    assert (patchcore["fit_s"], patchcore["latency_p95_ms"]) == (1.5, 5.0)
    assert (patchcore["normals"], patchcore["test_images"]) == (4, 4)
    assert patchcore["backbone"] == "resnet18.onnx"


def test_another_network_is_no_comparison(
    weights: Path, parts: Path, stand_in: Callable[[float], None]
) -> None:
    stand_in(0.01)
    for row in measured(weights, parts):
        assert row["error"]["code"] == "weights"
        assert "1.0e-02" in row["error"]["message"]


def test_what_cannot_be_compared_is_refused_first(weights: Path, tmp_path: Path) -> None:
    python, fast = Path(sys.executable), config(weights)
    with pytest.raises(OptionError, match=r"'other' is unknown\. Known: anomalib"):
        find_peer("other", python, None, fast)
    with pytest.raises(OptionError, match="--resolution fast"):
        find_peer("anomalib", python, None, FitConfig(backbone=fast.backbone))
    with pytest.raises(OptionError, match="--peer-weights"):
        find_peer("anomalib", python, None, FitConfig(resolution="fast"))
    with pytest.raises(OptionError, match="does not import anomalib"):
        find_peer("anomalib", tmp_path / "no-python", None, fast)
    with pytest.raises(WeightsError, match="card"):
        find_peer("anomalib", python, tmp_path / "none.onnx", fast)


def test_a_network_with_another_operator_is_refused(weights: Path, tmp_path: Path) -> None:
    model = onnx.load(str(weights))
    model.graph.node.append(helper.make_node("Sigmoid", ["layer3"], ["more"]))
    path = tmp_path / "odd.onnx"
    onnx.save(model, str(path))
    path.with_suffix(".json").write_text(json.dumps(CARD))
    with pytest.raises(WeightsError, match="Sigmoid"):
        network_of(path)


def test_maps_without_truth_are_left_out_and_none_is_undefined() -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:4, 2:4] = True
    perfect = mask.astype(np.float32)
    figures = pixel_figures([perfect, perfect], [mask, None])
    assert figures == {"pixel_auroc": 1.0, "aupro_30": 1.0, "aupro_05": 1.0}
    assert set(pixel_figures([perfect], [np.zeros((8, 8), np.bool_)]).values()) == {None}


def test_seeded_weights_repeat_and_serve_as_a_backbone(weights: Path) -> None:
    again = seeded_resnet18(0).SerializeToString(deterministic=True)
    assert weights.read_bytes() == again
    assert seeded_resnet18(1).SerializeToString(deterministic=True) != again
    card = FileBackbone(weights).card
    assert (card.stride, card.channels) == (8, 128 + 256)


def test_torch_gives_the_features_of_onnx_runtime(weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the peer's network is a torch module")
    from offspec import peer_anomalib

    job = peer_job._write_network(network_of(weights), weights, tmp_path, 64)
    network = peer_anomalib.build_network(job)
    assert peer_anomalib._parity(job, network) < 1e-5


def test_anomalib_itself(weights: Path, parts: Path) -> None:
    python = os.environ.get("OFFSPEC_PEER_PYTHON")
    if not python:
        pytest.skip("OFFSPEC_PEER_PYTHON names no interpreter with anomalib")
    for row in measured(weights, parts, python):
        assert row.get("error") is None
        assert row["parity"] < peer_job.PARITY
        assert row["pixel_auroc"] > 0.5
        assert row["memory_inspect_mb"] > row["import_mb"] * 0.9


def test_methods_of_a_peer_say_whose_they_are(weights: Path) -> None:
    peer = Peer("anomalib", Path(sys.executable), weights, {})
    names = [(m.name, m.owner, m.config.detector) for m in peer.methods(config(weights))]
    assert names == [
        ("anomalib patchcore", "anomalib", "patchcore"),
        ("anomalib padim", "anomalib", "padim"),
    ]
