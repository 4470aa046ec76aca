from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from offspec.embedded import read_weights
from offspec.types import FloatArray
from pretraining import export as tool
from pretraining import network as net
from pretraining import variants

TINY = net.Size("tiny", 4, (4, 6, 8), (1, 1, 1), 1, (2, 3, 4))
HW = (64, 96)


def used_network(size: net.Size = TINY) -> net.Network:
    """Random weights, and normalisations that have seen something."""
    torch.manual_seed(1)
    network = net.Network(size)
    for module in network.modules():
        if isinstance(module, net.ConvNorm):
            torch.nn.init.uniform_(module.norm.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.norm.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.norm.bias, -0.3, 0.3)
    return network.eval()


def of_torch(network: net.Network, crops: FloatArray) -> FloatArray:
    with torch.no_grad():
        found: FloatArray = network(torch.from_numpy(crops)).numpy()
    return found


def of_graph(model: onnx.ModelProto, crops: FloatArray) -> FloatArray:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: FloatArray = session.run(["features"], {"crop": crops})[0]
    return found


def random_crops(count: int = 2) -> FloatArray:
    return np.random.default_rng(3).random((count, 3, *HW), np.float32)


# -- parity ------------------------------------------------------------------------


def test_folding_and_rounding_change_the_features_hardly() -> None:
    network, crops = used_network(), random_crops()
    before, after = of_torch(network, crops), of_torch(tool.rounded(network), crops)
    share = np.abs(after - before).max() / np.abs(before).max()
    assert 0 < share < 2e-3  # float16 has 11 bits


def test_the_network_that_is_exported_is_left_alone() -> None:
    network = used_network()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    tool.to_onnx(tool.rounded(network))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_the_graph_is_the_trained_network() -> None:
    network, crops = used_network(), random_crops()
    wanted = of_torch(network, crops)
    found = of_graph(tool.to_onnx(tool.rounded(network)), crops)
    assert np.abs(found - wanted).max() <= 2e-3 * np.abs(wanted).max()


def test_the_parity_check_is_passed_and_says_how_well() -> None:
    plain = tool.rounded(used_network())
    assert 0 <= tool.check_parity(plain, tool.to_onnx(plain)) <= tool.TOLERANCE


@pytest.mark.parametrize("layer", [0, 5, -1])
def test_one_wrong_weight_is_refused(layer: int) -> None:
    plain = tool.rounded(used_network())
    model = tool.to_onnx(plain)
    stored = [
        node.attribute[0].t
        for node in model.graph.node
        if node.op_type == "Constant"
        and node.attribute[0].t.data_type == onnx.TensorProto.FLOAT16
        and len(node.attribute[0].t.dims) == 4
    ]  # fmt: skip
    value = numpy_helper.to_array(stored[layer]).copy()
    at = np.unravel_index(int(np.abs(value).argmax()), value.shape)
    value[at] *= -1
    stored[layer].CopyFrom(numpy_helper.from_array(value, stored[layer].name))
    with pytest.raises(tool.ExportError, match=r"differ from the network's by .* 0\.0001 is"):
        tool.check_parity(plain, model)


def test_weights_that_float16_loses_are_refused() -> None:
    """Weights under the least float16 number vanish, however much comes of them."""
    network = used_network()
    assert 0 < tool.check_rounding(network, tool.rounded(network)) < 2e-3
    with torch.no_grad():
        for weight in network.heads.parameters():
            weight.mul_(1e-9)
    with pytest.raises(tool.ExportError, match=r"as float16 changes the features by 1 of"):
        tool.check_rounding(network, tool.rounded(network))


def test_another_network_s_graph_is_refused() -> None:
    other = used_network(net.Size("tiny", 4, (4, 6, 8), (1, 1, 1), 1, (2, 3, 5)))
    with pytest.raises(tool.ExportError, match=r"The graph gives .* the network"):
        tool.check_parity(tool.rounded(used_network()), tool.to_onnx(tool.rounded(other)))


def test_a_weight_beyond_float16_is_refused() -> None:
    network = used_network()
    network.patch.norm.get_buffer("running_var").fill_(1e-12)
    network.patch.norm.eps = 0.0
    with pytest.raises(tool.ExportError, match="does not fit float16"):
        tool.rounded(network)


# -- card --------------------------------------------------------------------------


def spans(size: net.Size) -> list[tuple[int, int]]:
    """First and last crop pixel that each of the first four cells can see, in exact arithmetic."""
    block = (5, 1)
    down = [(3, 2)]
    stem = [(3, 2), (2, 2)]
    to4 = stem + [block] * size.blocks[0]
    to8 = to4 + down + [block] * size.blocks[1]
    to16 = to8 + down + [block] * size.blocks[2]
    found = []
    for cell in range(4):
        edges = []
        for factor, layers in ((1, to4), (2, to8), (4, to16)):
            middle = (cell + 0.5) / factor - 0.5
            low, high = int(np.floor(middle)), int(np.ceil(middle))
            for kernel, stride in reversed(layers):
                before = max(kernel - stride, 0) // 2
                low, high = low * stride - before, high * stride - before + kernel - 1
            edges += [low, high]
        found.append((min(edges), max(edges)))
    return found


@pytest.mark.parametrize("size", [TINY, *net.SIZES.values()], ids=lambda s: s.name)
def test_the_receptive_field_is_what_the_kernels_add_up_to(size: net.Size) -> None:
    far = 0.0
    for cell, (low, high) in enumerate(spans(size)):
        centre = 4 * (cell + 0.5) - 0.5
        far = max(far, centre - low, high - centre)
    assert tool.receptive_px(net.Network(size)) == 2 * int(np.ceil(far))


def test_a_checkpoint_becomes_a_file_that_the_package_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = used_network(net.SIZES["nano"])
    card = {"recipe": "by hand", "seeds": [7], "channels": 1, "sha256": "no"}
    checkpoint, out = tmp_path / "net.pt", tmp_path / "test-net.onnx"
    torch.save({"size": "nano", "state": network.state_dict(), "card": card}, checkpoint)
    monkeypatch.setattr(sys, "argv", ["export", str(checkpoint), str(out)])
    tool.main()
    assert str(out) in capsys.readouterr().out
    weights = read_weights(tmp_path, "test-net")
    assert weights.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert weights.card == json.loads((tmp_path / "test-net.json").read_text())
    assert (weights.channels, weights.stride, weights.multiple) == (48, 4, 16)
    assert (weights.card["recipe"], weights.card["seeds"]) == ("by hand", [7])
    crops = random_crops()
    wanted = of_torch(network, crops)
    assert np.abs(of_graph(weights.model, crops) - wanted).max() <= 5e-3 * np.abs(wanted).max()


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    torch.save({"size": "huge", "state": {}, "card": {}}, tmp_path / "net.pt")
    with pytest.raises(tool.ExportError, match=r"'huge' is unknown\. Known: nano, small"):
        tool.load_checkpoint(tmp_path / "net.pt")


# -- variants ----------------------------------------------------------------------


def test_stored_in_full_the_features_are_the_same() -> None:
    model = tool.to_onnx(tool.rounded(used_network()))
    full = variants.as_float32(model)
    onnx.checker.check_model(full, full_check=True)
    assert all(node.op_type != "Cast" for node in full.graph.node)
    assert np.array_equal(of_graph(full, random_crops()), of_graph(model, random_crops()))


def test_int8_is_near() -> None:
    model = tool.to_onnx(tool.rounded(used_network()))
    crops = list(random_crops(6)[:, None])
    int8 = variants.as_int8(model, crops)
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in int8.graph.node}
    mean, _ = variants.relative_error(
        variants.features_of(int8, crops), variants.features_of(model, crops)
    )
    assert 0 < mean < 0.3


def test_relative_error_is_the_share_of_the_spread() -> None:
    wanted = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    wanted /= wanted.std(axis=(0, 2, 3))[:, None, None]
    found = wanted.copy()
    found[:, 1] += 0.5
    mean, largest = variants.relative_error(found, wanted)
    assert mean == pytest.approx(0.5 / 3, rel=1e-4)
    assert largest == pytest.approx(0.5, rel=1e-4)


def test_crops_come_from_the_pool(tmp_path: Path) -> None:
    canvases = np.full((2, 384, 384, 3), 51, np.uint8)
    canvases[..., 2] = 255
    np.save(tmp_path / "canvases.npy", canvases)
    found = variants.crops_of(tmp_path, 3, seed=0)
    assert [crop.shape for crop in found] == [(1, 3, 256, 256)] * 3
    assert np.allclose(found[0][0, 0], 0.2)
    assert np.allclose(found[0][0, 2], 1)
