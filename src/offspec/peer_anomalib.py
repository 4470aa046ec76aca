"""anomalib's PatchCore and PaDiM on a job of ``offspec bench``; runs in anomalib's own environment.

    PYTHON peer_anomalib.py check | fit JOB.json | inspect JOB.json

Nothing of offspec imports this file and it imports nothing of offspec: it is a program for another
interpreter, which has to have anomalib and no more. ``peer_job`` writes the job: images as arrays,
the backbone as a list of operators with their weights, and what its features have to be. ``fit``
and ``inspect`` are processes of their own, so that each one's peak memory is its own.

The classes are anomalib's ``PatchcoreModel`` and ``PadimModel``; only their feature extractor is
replaced. Preprocessing is theirs without a crop: bilinear resize with antialiasing, mean, standard
deviation. Maps are brought from the network's size to the image's, bilinear.

Reference:
    Akcay et al., "Anomalib: A Deep Learning Library for Anomaly Detection" (ICIP 2022), Apache-2.0.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Job = dict[str, Any]
Tensor = Any  # torch is not installed where this file is checked


def main() -> None:
    """Run one stage; results go to a file, words to standard output."""
    stage = sys.argv[1]
    if stage == "check":
        _import_anomalib()
        sys.stdout.write(json.dumps(_versions()) + "\n")
        return
    job = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    stages: dict[str, Callable[[Job], Job]] = {"fit": fit, "inspect": inspect}
    start = time.perf_counter()
    torch = _import_anomalib()
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    imported = {"import_s": time.perf_counter() - start, "import_mb": peak_mb()}
    result = {**imported, **stages[stage](job), "versions": _versions()}
    Path(job["folder"], f"{stage}.json").write_text(json.dumps(result), encoding="utf-8")


def fit(job: Job) -> Job:
    """Learn from the training images, and save the state; seconds are those of learning alone."""
    import torch

    network = build_network(job)
    parity = _parity(job, network)
    images = [np.load(path) for path in job["train"]]
    start = time.perf_counter()
    model = _model(job, network).train()
    with torch.no_grad():
        for at in range(0, len(images), job["batch"]):
            found = model(torch.cat([_input(job, one) for one in images[at : at + job["batch"]]]))
            if job["method"] == "padim":  # its own list is stacked by ``fit``
                del found
    with torch.no_grad():  # as its engine does, or a graph of all steps is kept in memory
        if job["method"] == "padim":
            model.fit()
        else:
            model.subsample_embedding(job["coreset_ratio"])
    seconds = time.perf_counter() - start
    memory = peak_mb()
    state = Path(job["folder"], "state.pt")
    torch.save(model.state_dict(), state)
    return {
        "fit_s": seconds,
        "memory_fit_mb": memory,
        "bundle_mb": state.stat().st_size / 1e6,
        "parity": parity,
    }


def inspect(job: Job) -> Job:
    """Score the test images one by one; maps are written at the size of the image."""
    import torch

    model = _model(job, build_network(job)).eval()
    model.load_state_dict(
        torch.load(Path(job["folder"], "state.pt"), map_location="cpu", weights_only=True)
    )
    _score(job, model, np.load(job["test"][0]))  # a first run sets things up
    scores, times = [], []
    for number, path in enumerate(job["test"]):
        image = np.load(path)
        start = time.perf_counter()
        score, anomaly_map = _score(job, model, image)
        times.append(1000 * (time.perf_counter() - start))
        scores.append(score)
        np.save(Path(job["folder"], f"map_{number:04d}.npy"), anomaly_map)
    return {"scores": scores, "latency_ms": times, "memory_inspect_mb": peak_mb()}


def _score(job: Job, model: Any, image: Any) -> tuple[float, Any]:
    """Image score and (H, W) map of one decoded image."""
    import torch
    from torch.nn import functional

    with torch.no_grad():
        found = model(_input(job, image))
        full = functional.interpolate(
            found.anomaly_map, size=image.shape[:2], mode="bilinear", align_corners=False
        )
    return float(found.pred_score.reshape(-1)[0]), full[0, 0].numpy()


def _input(job: Job, image: Any) -> Tensor:
    """(1, 3, side, side) from a decoded RGB image."""
    import torch
    from torch.nn import functional

    full = 255.0 if image.dtype == np.uint8 else float(2 ** job["bits"] - 1)
    x = torch.from_numpy(image.astype(np.float32) / full).permute(2, 0, 1)[None]
    size = (job["side"], job["side"])
    x = functional.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
    mean, std = (torch.tensor(job[key]).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    return (x - mean) / std


def _model(job: Job, network: Any) -> Any:
    """The peer's model around our network."""
    import torch
    from anomalib.models.image.padim.torch_model import PadimModel
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    layers = list(job["layers"])
    # A small network of timm stands in while the model is made; nothing is fetched.
    if job["method"] == "patchcore":
        model = PatchcoreModel(
            layers=["layer2", "layer3"],
            backbone="resnet18",
            pre_trained=False,
            num_neighbors=job["neighbours"],
        )
    else:
        model = PadimModel(backbone="resnet18", pre_trained=False, n_features=1)
        with torch.no_grad():
            x = torch.zeros(1, 3, job["side"], job["side"])
            channels = sum(value.shape[1] for value in network(x).values())
        generator = torch.Generator().manual_seed(job["seed"])
        model.n_features_original = channels
        model.n_features = min(job["features"], channels)
        model.idx = torch.randperm(channels, generator=generator)[: model.n_features]
    model.layers = layers
    model.feature_extractor = network
    return model


def build_network(job: Job) -> Any:
    """A torch module of the operators in the job: a dict of the wanted layers comes out."""
    import torch
    from torch.nn import functional

    arrays = np.load(job["network"])
    nodes = json.loads(str(arrays["nodes"]))

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for key in arrays.files:
                if key != "nodes":
                    value = torch.from_numpy(arrays[key])
                    self.register_buffer(key.replace(".", "|"), value)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            held = {job["input"]: x}
            last = {name: at for at, node in enumerate(nodes) for name in node["inputs"]}
            for at, node in enumerate(nodes):
                values = [
                    held[name] if name in held else self.get_buffer(name.replace(".", "|"))
                    for name in node["inputs"]
                ]
                held[node["output"]] = _apply(functional, node, values)
                for name in node["inputs"]:  # what nobody reads again gives its memory back
                    if last[name] == at and name not in job["layers"]:
                        held.pop(name, None)
            return {name: held[name] for name in job["layers"]}

    return Network().eval()


def _apply(functional: Any, node: Job, values: list[Tensor]) -> Tensor:
    """One operator of ``peer_job.OPERATORS``."""
    kind, first = node["op"], values[0]
    if kind == "Conv":
        bias = values[2] if len(values) > 2 else None
        x = functional.pad(first, _sides(node["pads"]))
        return functional.conv2d(
            x, values[1], bias, node["strides"], 0, node["dilations"], node["group"]
        )
    if kind == "BatchNormalization":
        gamma, beta, mean, variance = values[1:5]
        return functional.batch_norm(
            first, mean, variance, gamma, beta, training=False, eps=node["epsilon"]
        )
    if kind == "MaxPool":
        x = functional.pad(first, _sides(node["pads"]), value=float("-inf"))
        return functional.max_pool2d(x, node["kernel_shape"], node["strides"])
    if kind == "Relu":
        return functional.relu(first)
    if kind == "Add":
        return first + values[1]
    return first  # Identity


def _sides(pads: list[int]) -> tuple[int, int, int, int]:
    """ONNX counts top, left, bottom, right; torch left, right, top, bottom."""
    top, left, bottom, right = pads
    return left, right, top, bottom


def _parity(job: Job, network: Any) -> float:
    """Largest difference to what ONNX Runtime gave, as a share of the largest feature."""
    import torch

    expected = np.load(job["parity"])
    with torch.no_grad():
        found = network(torch.from_numpy(expected["input"]))
    return max(
        float(np.abs(found[name].numpy() - expected[name]).max() / np.abs(expected[name]).max())
        for name in job["layers"]
    )


def peak_mb() -> float:
    """Most memory this process has held, in MB; offspec's ``machine`` counts in the same way."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource

    scale = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _import_anomalib() -> Any:
    """Torch, after anomalib's models came along.

    torchvision's compiled operators do not load beside a torch for CPUs; it imports all the same
    once the two schemas that it asks for are declared.
    """
    import torch

    library = torch.library.Library("torchvision", "DEF")
    with contextlib.suppress(RuntimeError):  # they are there
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    for method in ("padim", "patchcore"):
        importlib.import_module(f"anomalib.models.image.{method}.torch_model")

    torch.anomalib_library = library  # kept, or the declarations go with it
    return torch


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("anomalib", "torch", "timm", "numpy")}


if __name__ == "__main__":
    main()
