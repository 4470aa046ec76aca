from __future__ import annotations

import importlib
import json
import pickle
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from offspec import graphs
from offspec.backbones import make_backbone
from offspec.bundle import read_bundle, write_bundle
from offspec.errors import OptionError, WeightsError
from offspec.fitting import fit
from offspec.foreign_backbone import ForeignBackbone
from offspec.run_config import RunConfig
from offspec.runtime.inspector import Inspector
from offspec.types import FloatArray
from tests.trained import FAST, offspec, varied_part, write_normals

torch = pytest.importorskip("torch", reason="timm's models need torch")
pytest.importorskip("safetensors", reason="timm's weights are read with safetensors")
if importlib.util.find_spec("timm") is None:
    pytest.skip("timm is not installed", allow_module_level=True)

from offspec.networks import timm_network
from offspec.networks.timm_import import NAMES, import_timm

timm: Any = import_timm()

CNN = "resnet18"
VIT = "test_vit2"  # timm's own tiny ones, for tests: 64 channels, 8 blocks
TOLERANCE = 1e-4  # of the largest value


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in this file may open a connection."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def model_of(name: str, seed: int = 0, **more: Any) -> Any:
    """With random weights; batch statistics and residual branches are not trivial either."""
    torch.manual_seed(seed)
    model = timm.create_model(name, pretrained=False, **more).eval()
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if key.endswith("running_mean") or ("bn" in key and key.endswith("bias")):
                value.normal_(std=0.1)
            elif key.endswith("running_var") or ("bn" in key and key.endswith("weight")):
                value.uniform_(0.5, 1.5)
    return model


def save(model: Any, path: Path) -> Path:
    """As safetensors."""
    import safetensors.torch

    safetensors.torch.save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model's random weights, written once."""
    folder = tmp_path_factory.mktemp("timm-weights")

    def written(name: str) -> Path:
        path = folder / f"{name}.safetensors"
        return path if path.exists() else save(model_of(name), path)

    return written


def features(backbone: Any, crops: FloatArray) -> FloatArray:
    """(N, C, h, w)."""
    net_hw = (crops.shape[2], crops.shape[3])
    model = graphs.build_features(net_hw, lambda crop: [backbone.build(crop)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: FloatArray = session.run(None, {"crop": crops})[0]
    return found


def random_crops(net_hw: tuple[int, int], count: int = 2) -> FloatArray:
    return np.random.default_rng(1).random((count, 3, *net_hw), np.float32)


def normalised(crops: FloatArray, model: Any) -> Any:
    mean, std = (torch.tensor(model.pretrained_cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    return (torch.from_numpy(crops) - mean) / std


def outputs(network: Any, model: Any, crops: FloatArray) -> list[FloatArray]:
    """The exported network alone."""
    exported_model = network((crops.shape[2], crops.shape[3]))
    session = ort.InferenceSession(
        exported_model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[FloatArray] = session.run(None, {"crop": normalised(crops, model).numpy()})
    return found


# -- what comes out ------------------------------------------------------------------------


def test_a_convolutional_model_gives_its_maps_of_strides_8_and_16(
    weights: Callable[[str], Path],
) -> None:
    backbone = make_backbone(f"timm:{CNN}@{weights(CNN)}")
    assert isinstance(backbone, ForeignBackbone)
    assert (backbone.card.name, backbone.card.stride) == (f"timm:{CNN}", 8)
    assert backbone.card.channels == 128 + 256
    assert backbone.said.mean == pytest.approx(model_of(CNN).pretrained_cfg["mean"])
    model, crops = model_of(CNN), random_crops((96, 160))
    maps = timm.create_model(CNN, features_only=True, out_indices=(2, 3)).eval()
    own = maps.state_dict()
    maps.load_state_dict({k: v for k, v in model.state_dict().items() if k in own})
    with torch.no_grad():
        wanted = [one.numpy() for one in maps(normalised(crops, model))]
    network = timm_network.TimmNetwork(CNN, weights(CNN).read_bytes())
    for one, other in zip(outputs(network.onnx_at, model, crops), wanted, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= TOLERANCE * np.abs(other).max()
    assert network.first_px() == [0.0, 0.0]  # padded convolutions: cell i at pixel stride * i
    assert features(backbone, crops).shape == (2, 384, 12, 20)


def block_tokens(model: Any, name: str, block: int, crops: FloatArray) -> FloatArray:
    """A block's tokens by timm alone, which resamples the position embedding as it runs."""
    dynamic = timm.create_model(name, dynamic_img_size=True).eval()
    dynamic.load_state_dict(model.state_dict())
    with torch.no_grad():
        found: FloatArray = dynamic.forward_intermediates(
            normalised(crops, model), indices=[block], output_fmt="NLC", intermediates_only=True
        )[0].numpy()
    return found


@pytest.mark.parametrize("size", [(64, 96), (128, 128)])
def test_a_transformer_gives_the_tokens_of_a_block_at_any_size(
    weights: Callable[[str], Path], size: tuple[int, int]
) -> None:
    model, crops = model_of(VIT), random_crops(size)
    block = round(len(model.blocks) * 2 / 3) - 1
    network = timm_network.TimmNetwork(VIT, weights(VIT).read_bytes())
    assert network.outputs == [f"level{block}"]
    wanted = block_tokens(model, VIT, block, crops)
    assert wanted.shape[1] == size[0] * size[1] // 16**2
    (found,) = outputs(network.onnx_at, model, crops)
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


def test_a_transformer_s_grid_lies_where_the_crop_shows_it(weights: Callable[[str], Path]) -> None:
    backbone = make_backbone(f"timm:{VIT}@{weights(VIT)}")
    card = backbone.card
    assert (card.name, card.stride, card.receptive_px) == (f"timm:{VIT}", 16, 256)
    crops = random_crops((64, 96))
    crops[1] = crops[0]
    crops[1, :, 16:32, 64:80] = 0
    found = features(backbone, crops)
    assert found.shape == (2, card.channels, 4, 6)
    change = np.abs(found[1] - found[0]).mean(axis=0)
    assert np.unravel_index(change.argmax(), change.shape) == (1, 4)


def test_patches_of_14_and_registers(tmp_path: Path) -> None:
    """As DINOv2 has them: no stride of the crop's grid, five tokens of no place."""
    name = "vit_small_patch14_reg4_dinov2"
    model = model_of(name)
    path = save(model, tmp_path / "weights.safetensors")
    backbone = make_backbone(f"timm:{name}@{path}")
    assert isinstance(backbone, ForeignBackbone)
    assert (backbone.said.multiple, backbone.card.stride, backbone.card.channels) == (14, 16, 384)
    assert features(backbone, random_crops((64, 96), 1)).shape == (1, 384, 4, 6)
    crops = random_crops((70, 98), 1)
    (found,) = outputs(backbone._network_at, model, crops)
    wanted = block_tokens(model, name, 7, crops)
    assert wanted.shape == (1, 5 * 7, 384)
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


def test_an_image_does_not_depend_on_its_batch_mates(weights: Callable[[str], Path]) -> None:
    crops = random_crops((64, 64), 3)
    for name in (CNN, VIT):
        backbone = make_backbone(f"timm:{name}@{weights(name)}")
        together, alone = features(backbone, crops), features(backbone, crops[1:2])
        assert np.abs(together[1] - alone[0]).max() <= 1e-5 * np.abs(together).max()


def test_the_digest_tells_weights_apart_and_a_backbone_is_made_once(
    weights: Callable[[str], Path], tmp_path: Path
) -> None:
    name = f"timm:{CNN}@{weights(CNN)}"
    first = make_backbone(name)
    assert make_backbone(name) is first
    other = save(model_of(CNN, 1), tmp_path / "other.safetensors")
    assert make_backbone(f"timm:{CNN}@{other}").card.weights_sha256 != first.card.weights_sha256


# -- bundles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detector", "name"), [("padim", CNN), ("patchcore", VIT), ("reference", CNN)]
)
def test_a_bundle_needs_no_weights_and_names_no_path(
    weights: Callable[[str], Path], tmp_path: Path, detector: str, name: str
) -> None:
    config = replace(FAST, detector=detector, backbone=f"timm:{name}@{weights(name)}")
    bundle = fit(write_normals(tmp_path / "parts", 6), config=config)
    file = tmp_path / "part.offspec"
    write_bundle(bundle, file)
    inspector = Inspector(read_bundle(file))
    good = inspector.inspect(varied_part(50))
    bad = inspector.inspect(varied_part(50, defect="blot"))
    assert good.anomaly_map is not None
    assert bad.anomaly_map is not None
    assert bad.anomaly_map.max() > 1.5 * good.anomaly_map.max()
    with zipfile.ZipFile(file) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    assert not [one for one, data in members.items() if b"timm-weights" in data]
    stored = json.loads(members["manifest.json"])["detector"]
    assert stored["backbone"] == stored["config"]["backbone"] == f"timm:{name}"
    assert "allow_download" not in stored["config"]


# -- refusals ----------------------------------------------------------------------------------


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt", ".safetensors"])
@pytest.mark.parametrize("kind", ["old", "new", "archive"])
def test_a_pickle_is_refused_unread(tmp_path: Path, suffix: str, kind: str) -> None:
    path, trace = tmp_path / f"weights{suffix}", tmp_path / "was-run"
    if kind == "archive":
        torch.save({"weight": Trap(trace)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(trace), 0 if kind == "old" else 4))
    with pytest.raises(WeightsError, match=r"pickle|not a safetensors file") as caught:
        make_backbone(f"timm:{CNN}@{path}")
    assert "weights_only=True" in str(caught.value)
    assert "save_file" in str(caught.value)
    assert not trace.exists()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No such file"):
        make_backbone(f"timm:{CNN}@{tmp_path / 'none.safetensors'}")


@pytest.mark.parametrize("keep", [0, 5, 30, 5000, -1])
def test_a_truncated_file_is_refused(
    weights: Callable[[str], Path], tmp_path: Path, keep: int
) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(weights(VIT).read_bytes()[:keep])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        make_backbone(f"timm:{VIT}@{path}")


def test_a_header_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    header = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 99]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        make_backbone(f"timm:{CNN}@{path}")


@pytest.mark.parametrize(
    ("model", "of", "words"),
    [(CNN, VIT, "missing"), (CNN, "resnet34", "unknown"), ("resnet34", CNN, "missing")],
)
def test_weights_of_another_model_are_refused(
    weights: Callable[[str], Path], model: str, of: str, words: str
) -> None:
    with pytest.raises(WeightsError, match="do not fit") as caught:
        make_backbone(f"timm:{model}@{weights(of)}")
    assert words in str(caught.value)
    assert "such as '" in str(caught.value)


def test_weights_of_another_shape_or_with_nan_are_refused(tmp_path: Path) -> None:
    wide = save(model_of(VIT, embed_dim=128), tmp_path / "wide.safetensors")
    with pytest.raises(WeightsError, match="of another shape"):
        make_backbone(f"timm:{VIT}@{wide}")
    broken = model_of(VIT)
    with torch.no_grad():
        broken.patch_embed.proj.bias[0] = torch.nan
    path = save(broken, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match="no finite numbers"):
        make_backbone(f"timm:{VIT}@{path}")


def test_a_classifier_of_any_size_or_none_is_taken(
    weights: Callable[[str], Path], tmp_path: Path
) -> None:
    crops = random_crops((64, 64), 1)
    model = model_of(CNN)
    wanted = features(make_backbone(f"timm:{CNN}@{weights(CNN)}"), crops)
    for classes in (0, 7):
        model.reset_classifier(classes)
        path = save(model, tmp_path / f"{classes}.safetensors")
        assert np.array_equal(features(make_backbone(f"timm:{CNN}@{path}"), crops), wanted)


@pytest.mark.parametrize("name", ["resnet180", "hf-hub:timm/resnet18", "local-dir:/tmp", ""])
def test_an_unknown_model_is_refused(weights: Callable[[str], Path], name: str) -> None:
    with pytest.raises(OptionError, match="has no model") as caught:
        make_backbone(f"timm:{name}@{weights(CNN)}")
    if name == "resnet180":
        assert "resnet18" in str(caught.value)


def test_an_unknown_tag_is_refused(weights: Callable[[str], Path]) -> None:
    with pytest.raises(OptionError, match="cannot be made"):
        make_backbone(f"timm:{CNN}.zzz@{weights(CNN)}")


def test_a_model_of_one_size_is_refused(weights: Callable[[str], Path]) -> None:
    name = "test_mlp_mixer" if timm.is_model("test_mlp_mixer") else "mixer_s32_224"
    with pytest.raises((WeightsError, OptionError), match="another model"):
        make_backbone(f"timm:{name}@{weights(name)}")


# -- the network -----------------------------------------------------------------------------


def test_nothing_is_downloaded_without_leave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(name: str) -> Path:
        raise AssertionError(name)

    monkeypatch.setattr(timm_network, "download", refuse)
    config = replace(FAST, backbone=f"timm:{CNN}")
    with pytest.raises(OptionError, match="nothing is downloaded unless") as caught:
        fit(write_normals(tmp_path / "parts", 3), config=config)
    for words in (f"timm:{CNN}@WEIGHTS.safetensors", "--allow-download"):
        assert words in str(caught.value)


def test_leave_is_passed_on_from_the_command_line_and_the_file(
    monkeypatch: pytest.MonkeyPatch, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    asked: list[str] = []

    def fetched(name: str) -> Path:
        asked.append(name)
        return weights(VIT)

    monkeypatch.setattr(timm_network, "download", fetched)
    normals, out = write_normals(tmp_path / "parts", 3), tmp_path / "part.offspec"
    arguments = ("fit", normals, "--out", out, "--resolution", "fast", "--kind", "object")
    refused = offspec(*arguments, "--backbone", f"timm:{VIT}")
    assert refused.code == 2
    assert "--allow-download" in refused.stderr
    done = offspec(*arguments, "--backbone", f"timm:{VIT}", "--allow-download")
    assert (done.code, asked) == (0, [VIT])
    given = {"model": {"backbone": f"timm:{VIT}", "allow_download": True}}
    assert RunConfig.model_validate(given).to_fit().allow_download


def test_a_download_asks_the_hub_for_safetensors(
    monkeypatch: pytest.MonkeyPatch, weights: Callable[[str], Path]
) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="downloads need it")
    asked: list[tuple[str, str]] = []

    def fetched(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(weights(CNN))

    monkeypatch.setattr(hub, "hf_hub_download", fetched)
    assert timm_network.download(CNN) == weights(CNN)
    assert asked == [("timm/resnet18.a1_in1k", "model.safetensors")]

    def failing(repository: str, file: str) -> str:
        raise OSError("no route")

    monkeypatch.setattr(hub, "hf_hub_download", failing)
    with pytest.raises(WeightsError, match="could not be downloaded: no route"):
        timm_network.download(CNN)


@pytest.mark.parametrize("said", [{}, {"hf_hub_id": "a/b", "hf_hub_filename": "weights.bin"}])
def test_a_model_without_published_safetensors_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str]
) -> None:
    class Unpublished:
        pretrained_cfg = said

    monkeypatch.setattr(timm_network, "created", lambda _: Unpublished())
    with pytest.raises(OptionError, match=r"No weights .* are published as safetensors"):
        timm_network.download(CNN)


# -- importing timm ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["missing", "broken"])
def test_timm_is_imported_where_torchvision_is_missing_or_broken(
    tmp_path: Path, state: str
) -> None:
    """In a fresh process, where one that fails stands in the way of any that works."""
    package = tmp_path / "torchvision"
    package.mkdir()
    error = "ImportError('none')" if state == "missing" else "RuntimeError('nms does not exist')"
    (package / "__init__.py").write_text(f"raise {error}\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from offspec.networks.timm_import import import_timm\n"
        "timm = import_timm()\n"
        "print(timm.is_model('resnet18'), [n for n in sys.modules if 'torchvision' in n])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "True []"


def test_no_stand_in_is_left_behind() -> None:
    for name in NAMES:
        module = sys.modules.get(name)
        assert module is None or type(module).__name__ == "module"
