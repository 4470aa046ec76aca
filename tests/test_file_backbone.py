from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from offspec import graphs
from offspec.backbones import make_backbone
from offspec.bundle import read_bundle, write_bundle
from offspec.errors import WeightsError
from offspec.file_backbone import FileBackbone, file_backbone
from offspec.fitting import fit
from offspec.runtime.inspector import Inspector
from offspec.types import FloatArray
from tests.trained import FAST, varied_part, write_normals

NET_HW = (64, 96)
Shape = Sequence[int | str]


# -- tiny networks -----------------------------------------------------------------------


def write_net(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    outputs: Mapping[str, int],
    weights: Mapping[str, Any] | None = None,
    *,
    opset: int = 18,
    size: Shape = ("H", "W"),
    said: Mapping[str, Any] | None = None,
) -> Path:
    """An ONNX file from ``x``, and the JSON beside it.

    Args:
        path: Where.
        nodes: From ``x`` to the outputs.
        outputs: Names and number of axes.
        weights: Arrays by name.
        opset: Operator set.
        size: Of the input.
        said: The JSON; all outputs by default.
    """
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, *size])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * axes)
            for name, axes in outputs.items()
        ],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    path.with_suffix(".json").write_text(json.dumps(said or {"outputs": list(outputs)}))
    return path


def averaging(path: Path, *strides: int, **more: Any) -> Path:
    """Outputs ``at4``, ``at8``, ...: block means of the three colours."""
    nodes = [
        helper.make_node("AveragePool", ["x"], [f"at{s}"], kernel_shape=[s, s], strides=[s, s])
        for s in strides
    ]
    return write_net(path, nodes, {f"at{s}": 4 for s in strides}, **more)


def convolving(path: Path, **more: Any) -> Path:
    """``fine``, 8 channels at stride 4, and ``coarse``, 12 at stride 8."""
    rng = np.random.default_rng(0)
    weights = {
        "w4": rng.standard_normal((8, 3, 4, 4)).astype(np.float32),
        "w8": rng.standard_normal((12, 8, 2, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w4"], ["c4"], strides=[4, 4]),
        helper.make_node("Relu", ["c4"], ["fine"]),
        helper.make_node("Conv", ["fine", "w8"], ["c8"], strides=[2, 2]),
        helper.make_node("Relu", ["c8"], ["coarse"]),
    ]
    return write_net(path, nodes, {"fine": 4, "coarse": 4}, weights, **more)


def tokens(path: Path, patch: int, *, class_token: bool, said: Mapping[str, Any]) -> Path:
    """``tokens`` (N, tokens, 3): block means row by row, after the mean of all if asked."""
    nodes = [
        helper.make_node(
            "AveragePool", ["x"], ["p"], kernel_shape=[patch, patch], strides=[patch, patch]
        ),
        helper.make_node("Reshape", ["p", "flat"], ["f"]),
        helper.make_node("Transpose", ["f"], ["t"], perm=[0, 2, 1]),
        helper.make_node("ReduceMean", ["t", "axis"], ["m"], keepdims=1),
        helper.make_node("Concat", ["m", "t"] if class_token else ["t"], ["tokens"], axis=1),
    ]
    weights = {"flat": np.array([0, 0, -1], np.int64), "axis": np.array([1], np.int64)}
    return write_net(path, nodes, {"tokens": 3}, weights, said=said)


def features(backbone: FileBackbone, crops: FloatArray) -> FloatArray:
    """(N, C, h, w)."""
    net_hw = (crops.shape[2], crops.shape[3])
    model = graphs.build_features(net_hw, lambda crop: [backbone.build(crop)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: FloatArray = session.run(None, {"crop": crops})[0]
    return found


def random_crops(count: int = 2, net_hw: tuple[int, int] = NET_HW) -> FloatArray:
    return np.random.default_rng(1).random((count, 3, *net_hw), np.float32)


def ramps(net_hw: tuple[int, int]) -> FloatArray:
    """(1, 3, H, W): each pixel's x, its y, and 0."""
    yy, xx = np.mgrid[: net_hw[0], : net_hw[1]].astype(np.float32)
    return np.stack([xx, yy, np.zeros_like(xx)])[None]


def blocks(crops: FloatArray, side: int) -> FloatArray:
    n, c, h, w = crops.shape
    return np.asarray(
        crops.reshape(n, c, h // side, side, w // side, side).mean(axis=(3, 5)), np.float32
    )


def assert_cells_know_their_centres(found: FloatArray, stride: int) -> None:
    """Features of ``ramps``: the middle of every cell that is not at the border."""
    h, w = found.shape[2:]
    inner = np.s_[2 : h - 2, 2 : w - 2]
    for channel in range(0, found.shape[1], 3):
        x, y = found[0, channel], found[0, channel + 1]
        expected_y, expected_x = np.mgrid[:h, :w] * stride + (stride - 1) / 2
        assert np.allclose(x[inner], expected_x[inner], atol=1e-3)
        assert np.allclose(y[inner], expected_y[inner], atol=1e-3)


# -- outputs and their grid ----------------------------------------------------------------


def test_card_says_what_was_measured(tmp_path: Path) -> None:
    card = FileBackbone(convolving(tmp_path / "net.onnx")).card
    assert (card.name, card.stride, card.channels) == ("file:net.onnx", 4, 20)
    assert 8 <= card.receptive_px <= 32
    assert card.weights_sha256 is not None


def test_only_the_outputs_that_the_json_names_are_used(tmp_path: Path) -> None:
    path = convolving(tmp_path / "net.onnx", said={"outputs": ["coarse"]})
    card = FileBackbone(path).card
    assert (card.stride, card.channels) == (8, 12)
    assert features(FileBackbone(path), random_crops()).shape == (2, 12, 8, 12)


def test_an_output_on_the_grid_itself_is_passed_on_unchanged(tmp_path: Path) -> None:
    crops = random_crops()
    found = features(FileBackbone(averaging(tmp_path / "net.onnx", 4)), crops)
    assert np.allclose(found, blocks(crops, 4), atol=1e-6)


@pytest.mark.parametrize("strides", [(4,), (8,), (4, 8), (8, 16, 32), (2,)])
def test_every_output_lies_where_the_crop_shows_it(tmp_path: Path, strides: Sequence[int]) -> None:
    backbone = FileBackbone(averaging(tmp_path / "net.onnx", *strides))
    stride = max(strides[0], 4)
    assert (backbone.card.stride, backbone.card.channels) == (stride, 3 * len(strides))
    net_hw = (256, 320)
    found = features(backbone, ramps(net_hw))
    assert found.shape[2:] == (net_hw[0] // stride, net_hw[1] // stride)
    assert_cells_know_their_centres(found[:, :, 2:-2, 2:-2] - 2 * stride, stride)


def test_a_spot_shows_in_its_cell(tmp_path: Path) -> None:
    crops = np.zeros((1, 3, *NET_HW), np.float32)
    crops[..., 24:32, 64:72] = 1
    found = features(FileBackbone(averaging(tmp_path / "net.onnx", 4, 8)), crops)
    fine, coarse = found[0, 0], found[0, 3]
    assert np.array_equal(np.argwhere(fine), [[6, 16], [6, 17], [7, 16], [7, 17]])
    y, x = (coarse.sum(axis=a) @ np.arange(coarse.shape[1 - a]) / coarse.sum() for a in (1, 0))
    assert (y, x) == pytest.approx((6.5, 16.5))


@pytest.mark.parametrize("first", [0.0, 1.0, 3.0])
def test_first_px_says_where_the_first_cell_is_centred(tmp_path: Path, first: float) -> None:
    """A network that picks every fourth pixel, from ``first`` on."""
    weight = np.zeros((3, 3, 4, 4), np.float32)
    weight[[0, 1, 2], [0, 1, 2], int(first), int(first)] = 1
    path = write_net(
        tmp_path / "net.onnx",
        [helper.make_node("Conv", ["x", "w"], ["y"], strides=[4, 4])],
        {"y": 4},
        {"w": weight},
        said={"outputs": ["y"], "first_px": [first]},
    )
    assert_cells_know_their_centres(features(FileBackbone(path), ramps(NET_HW)), 4)


@pytest.mark.parametrize("class_token", [False, True])
def test_tokens_become_a_grid_row_by_row(tmp_path: Path, *, class_token: bool) -> None:
    said = {"outputs": ["tokens"], "skip": int(class_token)}
    path = tokens(tmp_path / "net.onnx", 16, class_token=class_token, said=said)
    backbone = FileBackbone(path)
    assert (backbone.card.stride, backbone.card.channels) == (16, 3)
    crops = random_crops(2, (128, 160))
    assert np.allclose(features(backbone, crops), blocks(crops, 16), atol=1e-5)


def test_crops_that_are_no_multiple_are_resampled_inside_the_graph(tmp_path: Path) -> None:
    said = {"outputs": ["tokens"], "multiple": 14}
    backbone = FileBackbone(tokens(tmp_path / "net.onnx", 14, class_token=False, said=said))
    assert backbone.card.stride == 16
    found = features(backbone, ramps((256, 320)))
    assert found.shape == (1, 3, 16, 20)
    assert_cells_know_their_centres(found, 16)


def attending(path: Path, weights: Mapping[str, FloatArray], said: Mapping[str, Any]) -> Path:
    """``tokens`` of one attention block over patches of 14, after tokens of no place."""
    count, channels = weights["prefix"].shape[1:]
    constants = {
        "flat": np.array([0, 0, -1], np.int64),
        "first": np.array([0], np.int64),
        "rest": np.array([count, channels], np.int64),
        "scale": np.float32(channels**-0.5),
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "patches"], ["c"], strides=[14, 14]),
        node("Reshape", ["c", "flat"], ["f"]),
        node("Transpose", ["f"], ["cells"], perm=[0, 2, 1]),
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "first"], ["batch"]),
        node("Concat", ["batch", "rest"], ["size"], axis=0),
        node("Expand", ["prefix", "size"], ["front"]),
        node("Concat", ["front", "cells"], ["all"], axis=1),
        node("Transpose", ["all"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", ["all", "turned"], ["product"]),
        node("Mul", ["product", "scale"], ["scaled"]),
        node("Softmax", ["scaled"], ["share"], axis=-1),
        node("MatMul", ["share", "all"], ["seen"]),
        node("Add", ["all", "seen"], ["tokens"]),
    ]
    return write_net(path, nodes, {"tokens": 3}, {**weights, **constants}, said=said)


def test_a_transformer_like_dinov2_with_registers(tmp_path: Path) -> None:
    """Patches of 14, one class token and four registers in front, everything sees everything."""
    rng = np.random.default_rng(0)
    weights: dict[str, FloatArray] = {
        "patches": (rng.standard_normal((24, 3, 14, 14)) / 14).astype(np.float32),
        "prefix": rng.standard_normal((1, 5, 24)).astype(np.float32),
    }
    said = {"outputs": ["tokens"], "skip": 5, "multiple": 14}
    backbone = FileBackbone(attending(tmp_path / "net.onnx", weights, said))
    card = backbone.card
    assert (card.stride, card.channels, card.receptive_px) == (16, 24, 256)
    crops = random_crops(2, (224, 224))
    cut = crops.reshape(2, 3, 16, 14, 16, 14).transpose(0, 2, 4, 1, 3, 5).reshape(2, 256, -1)
    cells = cut @ weights["patches"].reshape(24, -1).T
    every = np.concatenate([np.repeat(weights["prefix"], 2, axis=0), cells], axis=1)
    score = np.exp(every @ every.transpose(0, 2, 1) * 24**-0.5)
    wanted = (every + score / score.sum(axis=2, keepdims=True) @ every)[:, 5:]
    grid = [cv2.resize(one.reshape(16, 16, 24), (14, 14)) for one in wanted]
    assert np.abs(features(backbone, crops) - np.stack(grid).transpose(0, 3, 1, 2)).max() < 1e-4


# -- what the JSON says ----------------------------------------------------------------------


def test_mean_and_std_are_applied_to_each_colour(tmp_path: Path) -> None:
    said = {"outputs": ["at4"], "mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.5]}
    crops = random_crops()
    found = features(FileBackbone(averaging(tmp_path / "net.onnx", 4, said=said)), crops)
    mean, std = (np.array(said[k], np.float32).reshape(1, 3, 1, 1) for k in ("mean", "std"))
    assert np.allclose(found, (blocks(crops, 4) - mean) / std, atol=1e-5)


def test_project_keeps_so_many_channels_of_each_output_and_always_the_same(
    tmp_path: Path,
) -> None:
    whole = convolving(tmp_path / "whole.onnx")
    said = {"outputs": ["fine", "coarse"], "project": 5}
    first = convolving(tmp_path / "first.onnx", said=said)
    again = convolving(tmp_path / "again.onnx", said=said)
    crops = random_crops()
    assert FileBackbone(first).card.channels == 10
    found = features(FileBackbone(first), crops)
    assert np.array_equal(found, features(FileBackbone(again), crops))
    everything = features(FileBackbone(whole), crops)
    for own, of in ((slice(0, 5), slice(0, 8)), (slice(5, 10), slice(8, 20))):
        target, source = (
            x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
            for x in (found[:, own], everything[:, of])
        )
        rest = target - source @ np.linalg.lstsq(source, target, rcond=None)[0]
        assert np.abs(rest).max() < 1e-4
        assert np.linalg.matrix_rank(target) == 5


def test_outputs_of_no_more_channels_than_project_stay_as_they_are(tmp_path: Path) -> None:
    said = {"outputs": ["fine", "coarse"], "project": 8}
    backbone = FileBackbone(convolving(tmp_path / "net.onnx", said=said))
    plain = FileBackbone(convolving(tmp_path / "plain.onnx"))
    crops = random_crops()
    assert backbone.card.channels == 16
    assert np.array_equal(features(backbone, crops)[:, :8], features(plain, crops)[:, :8])


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_other_operator_sets_are_converted(tmp_path: Path, opset: int) -> None:
    old = FileBackbone(convolving(tmp_path / "old.onnx", opset=opset))
    new = FileBackbone(convolving(tmp_path / "new.onnx"))
    crops = random_crops()
    assert np.array_equal(features(old, crops), features(new, crops))


def test_the_digest_tells_networks_and_descriptions_apart(tmp_path: Path) -> None:
    said = {"outputs": ["at4"]}
    cards = [
        FileBackbone(averaging(tmp_path / f"{at}.onnx", *strides, said=one)).card
        for at, (strides, one) in enumerate(
            [((4,), said), ((4,), said), ((4, 8), said), ((4,), {**said, "mean": [0.1, 0, 0]})]
        )
    ]
    digests = [card.weights_sha256 for card in cards]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = averaging(tmp_path / "net.onnx", 4)
    name = f"file:{path}"
    assert make_backbone(name) is file_backbone(name)
    assert make_backbone(name).card.stride == 4
    averaging(path, 8)
    assert make_backbone(name).card.stride == 8


# -- bundles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", ["reference", "padim", "patchcore"])
def test_a_bundle_needs_no_file_beside_it_and_names_no_path(tmp_path: Path, detector: str) -> None:
    home = tmp_path / "home-of-the-network"
    home.mkdir()
    path = convolving(home / "net.onnx")
    config = replace(FAST, detector=detector, backbone=f"file:{path}")
    bundle = fit(write_normals(tmp_path / "parts", 6), config=config)
    file = tmp_path / "part.offspec"
    write_bundle(bundle, file)
    path.unlink()
    path.with_suffix(".json").unlink()

    inspector = Inspector(read_bundle(file))
    good = inspector.inspect(varied_part(50))
    bad = inspector.inspect(varied_part(50, defect="blot"))
    assert good.anomaly_map is not None
    assert bad.anomaly_map is not None
    assert bad.anomaly_map.max() > 2 * good.anomaly_map.max()
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, data in members.items() if home.name.encode() in data]
    stored = json.loads(members["manifest.json"])["detector"]
    assert stored["backbone"] == stored["config"]["backbone"] == "file:net.onnx"


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "project": 32}


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "outputs", "stride"),
    [
        ("resnet50v2_stages123.onnx", ["stage2", "stage3"], 8),
        ("squeezenet1.1_full.onnx", ["fire5", "fire9"], 8),
    ],
)
def test_published_networks_find_a_defect(
    tmp_path: Path, file: str, outputs: list[str], stride: int
) -> None:
    """Trained on ImageNet by others; read from where they lie, copied nowhere but here."""
    folder = Path(os.environ.get("OFFSPEC_WEIGHTS", ""))
    if not (folder / file).is_file():
        pytest.skip(f"OFFSPEC_WEIGHTS names no folder that holds {file}")
    path = tmp_path / file
    path.symlink_to(folder / file)
    path.with_suffix(".json").write_text(json.dumps({"outputs": outputs, **IMAGENET}))
    card = FileBackbone(path).card
    assert (card.stride, card.channels) == (stride, 64)
    config = replace(FAST, detector="padim", backbone=f"file:{path}")
    inspector = Inspector(fit(write_normals(tmp_path / "parts", 6), config=config))
    good = inspector.inspect(varied_part(50))
    bad = inspector.inspect(varied_part(50, defect="blot"))
    assert good.anomaly_map is not None
    assert bad.anomaly_map is not None
    assert bad.anomaly_map.max() > 2 * good.anomaly_map.max()
    y, x = np.unravel_index(bad.anomaly_map.argmax(), bad.anomaly_map.shape)
    difference = np.abs(varied_part(50, defect="blot").astype(int) - varied_part(50)).sum(axis=2)
    ys, xs = np.nonzero(difference > 30)
    assert ys.min() - 4 <= y <= ys.max() + 4
    assert xs.min() - 4 <= x <= xs.max() + 4


# -- refusals ----------------------------------------------------------------------------------


def refused(path: Path) -> str:
    """The message, which has to name the file."""
    with pytest.raises(WeightsError) as caught:
        make_backbone(f"file:{path}")
    assert path.stem in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_refused_before_its_json_is_missed(tmp_path: Path) -> None:
    message = refused(tmp_path / "net.onnx")
    assert "net.onnx' cannot be read: No such file" in message
    assert "Check the path" in message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").mkdir()
    assert "Is a directory" in refused(tmp_path / "net.onnx")


def test_a_missing_json_is_refused_with_an_example(tmp_path: Path) -> None:
    path = averaging(tmp_path / "net.onnx", 4)
    path.with_suffix(".json").unlink()
    message = refused(path)
    assert "net.json' does not describe the network 'net.onnx'" in message
    assert '{"outputs": ["layer2"]' in message
    assert "beside the ONNX file" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"outputs": ["at4"], "outpus": []}', "'outpus': Extra inputs"),
        ("{}", "'outputs': Field required"),
        ('{"outputs": []}', "'outputs': List should have at least 1"),
        ('{"outputs": ["at4"], "mean": [0.5, 0.5]}', "'mean.2': Field required"),
        ('{"outputs": ["at4"], "std": [0.5, 0, 0.5]}', "'std.1': Input should be greater than 0"),
        ('{"outputs": ["at4"], "multiple": 0}', "'multiple'"),
        ('{"outputs": ["at4"], "skip": -1}', "'skip'"),
        ('{"outputs": ["at4"], "project": 1}', "'project'"),
        ('{"outputs": ["at4"], "first_px": []}', "'first_px'"),
        ('["at4"]', "'net.json': Input should be a valid dictionary"),
        ("{outputs", "is not a JSON file"),
    ],
)
def test_a_json_that_does_not_describe_it_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = averaging(tmp_path / "net.onnx", 4)
    path.with_suffix(".json").write_text(text)
    message = refused(path)
    assert words in message
    assert "Write it beside the ONNX file" in message


def test_outputs_that_do_not_exist_are_refused_with_those_that_do(tmp_path: Path) -> None:
    message = refused(averaging(tmp_path / "net.onnx", 4, 8, said={"outputs": ["at4", "at16"]}))
    assert "the outputs at4, at8" in message
    assert "asks for at4, at16" in message
    assert "Correct 'outputs'" in message


def torch_archive() -> bytes:
    """What ``torch.save`` writes: a zip that holds a pickle."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": 1}))
    return data.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5, "torch"])
@pytest.mark.parametrize("with_json", [True, False])
def test_a_pickle_is_refused_unread(
    tmp_path: Path, protocol: int | str, *, with_json: bool
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "was-run",)

    data = torch_archive() if isinstance(protocol, str) else pickle.dumps(Trap(), protocol)
    path = tmp_path / "net.pt"
    path.write_bytes(data)
    if with_json:
        path.with_suffix(".json").write_text('{"outputs": ["y"]}')
    message = refused(path)
    assert "is a pickle" in message
    assert "Export the network to ONNX" in message
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("data", [b"", b"no network at all", b"\x00" * 200, bytes(range(256))])
def test_bytes_that_are_no_onnx_are_refused(tmp_path: Path, data: bytes) -> None:
    path = averaging(tmp_path / "net.onnx", 4)
    path.write_bytes(data)
    message = refused(path)
    assert "is not an ONNX network that offspec can take" in message
    assert "Export it again" in message


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = convolving(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-100])
    assert "Export it again" in refused(path)


@pytest.mark.parametrize("side", [224, 256])
def test_a_fixed_input_size_is_refused(tmp_path: Path, side: int) -> None:
    """Also that of the probe, which the network would take."""
    message = refused(averaging(tmp_path / "net.onnx", 4, size=(side, side)))
    assert str(side) in message
    assert "Export it with dynamic sizes" in message


def test_a_size_that_the_network_refuses_itself_is_refused(tmp_path: Path) -> None:
    """Free by name, but a constant inside says 224."""
    nodes = [
        helper.make_node("Add", ["x", "position"], ["a"]),
        helper.make_node("AveragePool", ["a"], ["y"], kernel_shape=[4, 4], strides=[4, 4]),
    ]
    weights = {"position": np.zeros((1, 3, 224, 224), np.float32)}
    message = refused(write_net(tmp_path / "net.onnx", nodes, {"y": 4}, weights))
    assert "height and width have to be free" in message


@pytest.mark.parametrize("reachable", [True, False])
def test_weights_in_another_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, reachable: bool
) -> None:
    """Also in the working directory, where ONNX Runtime would read them."""
    path = convolving(tmp_path / "net.onnx")
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, location="net.bin", size_threshold=0
    )
    assert (tmp_path / "net.bin").exists()
    if reachable:
        monkeypatch.chdir(tmp_path)
    message = refused(path)
    assert "its weights lie in another file" in message
    assert "One file with all weights" in message


def test_an_output_that_is_no_number_is_refused_by_name(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Sub", ["p", "one"], ["negative"]),
        helper.make_node("Log", ["negative"], ["y"]),
    ]
    path = write_net(tmp_path / "net.onnx", nodes, {"y": 4}, {"one": np.float32(1)})
    message = refused(path)
    assert "Output 'y'" in message
    assert "finite" in message
    assert "Name another output" in message


@pytest.mark.parametrize("skip", [0, 2])
def test_tokens_that_make_no_square_are_refused(tmp_path: Path, skip: int) -> None:
    said = {"outputs": ["tokens"], "skip": skip}
    message = refused(tokens(tmp_path / "net.onnx", 16, class_token=True, said=said))
    assert "correct 'skip'" in message


def test_an_output_without_a_grid_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["y"])]
    assert "Output 'y'" in refused(write_net(tmp_path / "net.onnx", nodes, {"y": 4}))
