from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.ndimage import correlate

from offspec import graphs
from offspec.bundle.onnx_check import check_graph
from offspec.detectors.linear import one_thread_session
from offspec.errors import LimitError, ShapeError
from offspec.graphs import Var, op
from offspec.types import FloatArray

HW = (32, 48)
Body = Callable[[Var], Sequence[Var]]


def random_crops(count: int = 2, net_hw: tuple[int, int] = HW, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).random((count, 3, *net_hw), np.float32)


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(body: Body, crops: FloatArray) -> list[FloatArray]:
    """What ``body`` makes of the crops."""
    model = graphs.build_features((crops.shape[2], crops.shape[3]), body)
    found: list[FloatArray] = session(model).run(None, {"crop": crops})
    return found


def run_one(body: Callable[[Var], Var], crops: FloatArray) -> FloatArray:
    return run(lambda x: [body(x)], crops)[0]


def correlated(crops: FloatArray, weight: FloatArray) -> FloatArray:
    """Second implementation of an odd-sized, unstrided convolution with repeated border."""
    planes = [
        sum(
            correlate(image[c].astype(np.float64), kernel[c], mode="nearest")
            for c in range(len(image))
        )
        for image in crops
        for kernel in weight
    ]
    return np.array(planes, np.float32).reshape(len(crops), len(weight), *crops.shape[2:])


# -- building blocks -----------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 5])
def test_conv_keeps_the_size_and_repeats_the_border(size: int) -> None:
    crops = random_crops()
    weight = np.random.default_rng(1).standard_normal((4, 3, size, size)).astype(np.float32)
    found = run_one(lambda x: graphs.conv(x, weight), crops)
    assert found.shape == (2, 4, *HW)
    assert np.allclose(found, correlated(crops, weight), atol=1e-4)


def test_conv_of_an_even_kernel_reads_one_pixel_more_after_than_before() -> None:
    crops = random_crops(1)
    weight = np.zeros((1, 3, 2, 2), np.float32)
    weight[0, 0, 1, 1] = 1
    found = run_one(lambda x: graphs.conv(x, weight), crops)[0, 0]
    padded = np.pad(crops[0, 0], ((0, 1), (0, 1)), mode="edge")
    assert np.array_equal(found, padded[1:, 1:])


def test_strided_conv_divides_the_size_and_centres_its_windows() -> None:
    """A symmetric kernel on a ramp must find the value at the centre of each pair of pixels."""
    ramp = np.broadcast_to(np.arange(HW[1], dtype=np.float32), (1, 3, *HW)).copy()
    weight = np.zeros((1, 3, 4, 4), np.float32)
    weight[0, 0] = 1 / 16
    found = run_one(lambda x: graphs.conv(x, weight, stride=2), ramp)
    assert found.shape == (1, 1, HW[0] // 2, HW[1] // 2)
    assert np.allclose(found[0, 0, :, 1:-1], np.arange(1, HW[1] // 2 - 1) * 2 + 0.5, atol=1e-5)


def test_depthwise_treats_every_channel_alike_and_apart() -> None:
    crops = random_crops()
    kernel = np.random.default_rng(2).standard_normal((3, 3)).astype(np.float32)
    weight = np.zeros((3, 3, 3, 3), np.float32)
    weight[[0, 1, 2], [0, 1, 2]] = kernel
    found = run_one(lambda x: graphs.depthwise(x, kernel, 3), crops)
    assert np.allclose(found, correlated(crops, weight), atol=1e-5)


def test_a_constant_image_has_no_edges_at_its_border() -> None:
    kernel = np.outer([1, 2, 1], [-1, 0, 1]).astype(np.float32)
    flat = np.full((1, 3, *HW), 0.7, np.float32)
    assert np.abs(run_one(lambda x: graphs.depthwise(x, kernel, 3), flat)).max() < 1e-6


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_mean_pool_is_the_block_mean(factor: int) -> None:
    crops = random_crops()
    h, w = HW[0] // factor, HW[1] // factor
    blocks = crops.reshape(2, 3, h, factor, w, factor).mean(axis=(3, 5))
    assert np.allclose(run_one(lambda x: graphs.mean_pool(x, factor), crops), blocks, atol=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_upsample_aligns_pixel_centres_and_repeats_the_border(factor: int) -> None:
    crops = random_crops(1, (8, 12))
    found = run_one(lambda x: graphs.upsample(x, factor), crops)
    assert found.shape == (1, 3, 8 * factor, 12 * factor)
    rows = np.clip((np.arange(8 * factor) + 0.5) / factor - 0.5, 0, 7)
    columns = np.clip((np.arange(12 * factor) + 0.5) / factor - 0.5, 0, 11)
    expected = np.stack(
        [
            [np.interp(columns, np.arange(12), _row_at(plane, float(row))) for row in rows]
            for plane in crops[0]
        ]
    )
    assert np.allclose(found[0], expected, atol=1e-5)


def _row_at(plane: FloatArray, row: float) -> FloatArray:
    low = min(int(row), len(plane) - 2)
    share = np.float32(row - low)
    return np.asarray((1 - share) * plane[low] + share * plane[low + 1], np.float32)


@pytest.mark.parametrize(("dy", "dx"), [(0, 0), (1, 0), (0, 1), (-1, 1), (2, -2)])
def test_shifted_moves_the_picture_down_and_right(dy: int, dx: int) -> None:
    crops = random_crops(1)
    found = run_one(lambda x: graphs.shifted(graphs.pad_edge(x, 2, 2, 2, 2), dy, dx, *HW, 2), crops)
    rows = np.clip(np.arange(HW[0]) - dy, 0, HW[0] - 1)
    columns = np.clip(np.arange(HW[1]) - dx, 0, HW[1] - 1)
    assert np.array_equal(found, crops[:, :, rows][:, :, :, columns])


def test_channel_sum() -> None:
    crops = random_crops()
    found = run_one(lambda x: graphs.channel_sum(x, 3), crops)
    assert np.allclose(found, crops.sum(axis=1, keepdims=True), atol=1e-6)


# -- graphs and their statistics -------------------------------------------------


def template_graph(statistics: FloatArray) -> onnx.ModelProto:
    """map = channel mean of |crop - statistics[slot]|."""

    def body(crop: Var, slot: Var | None) -> Var:
        difference = op.sub(crop, graphs.select("look", statistics, slot))
        return op.reduce_mean(op.abs(difference), graphs.ints(1), keepdims=1)

    return graphs.build_graph(HW, len(statistics), body)


def looks(n_slots: int, seed: int = 3) -> FloatArray:
    return random_crops(n_slots, seed=seed)


@pytest.mark.parametrize("n_slots", [1, 4])
def test_graph_has_the_inputs_and_the_output_of_the_contract(n_slots: int) -> None:
    model = template_graph(looks(n_slots))
    onnx.checker.check_model(model, full_check=True)
    check_graph(model.SerializeToString(), HW, n_slots)
    assert {v.name for v in model.graph.input} == ({"crop", "slot"} if n_slots > 1 else {"crop"})
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]


def test_a_graph_of_old_operators_is_opset_18_all_the_same() -> None:
    model = graphs.build_graph(HW, 1, lambda crop, slot: op.abs(graphs.channel_sum(crop, 3)))
    check_graph(model.SerializeToString(), HW, 1)


@pytest.mark.parametrize("count", [1, 5])
def test_select_takes_the_statistics_of_each_crop(count: int) -> None:
    statistics, crops = looks(4), random_crops(count)
    slots = np.random.default_rng(0).integers(0, 4, count)
    found = session(template_graph(statistics)).run(None, {"crop": crops, "slot": slots})[0]
    expected = np.abs(crops - statistics[slots]).mean(axis=1, keepdims=True)
    assert np.allclose(found, expected, atol=1e-6)


def test_one_slot_broadcasts_over_the_batch() -> None:
    statistics, crops = looks(1), random_crops(5)
    found = session(template_graph(statistics)).run(None, {"crop": crops})[0]
    expected = np.abs(crops - statistics).mean(axis=1, keepdims=True)
    assert np.allclose(found, expected, atol=1e-6)


def test_same_body_gives_equal_bytes() -> None:
    first, second = (template_graph(looks(2)).SerializeToString() for _ in range(2))
    assert first == second


def test_other_statistics_give_the_graph_that_would_have_been_built() -> None:
    old, new = looks(2), looks(2, seed=8)
    model = template_graph(old)
    before = model.SerializeToString()
    replaced = graphs.with_statistics(model, {"look": new})
    assert replaced.SerializeToString() == template_graph(new).SerializeToString()
    assert model.SerializeToString() == before


def test_statistics_in_another_memory_order_or_type_are_stored_as_float32() -> None:
    new = looks(2, seed=8)
    odd = np.asfortranarray(new.astype(np.float64))
    replaced = graphs.with_statistics(template_graph(looks(2)), {"look": odd})  # type: ignore[dict-item]
    assert replaced.SerializeToString() == template_graph(new).SerializeToString()


def test_statistics_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"look'.*\(3, 3, 32, 48\).*Build a new graph"):
        graphs.with_statistics(template_graph(looks(2)), {"look": looks(3)})


def test_unknown_statistics_are_refused() -> None:
    with pytest.raises(ShapeError, match="spare"):
        graphs.with_statistics(template_graph(looks(2)), {"look": looks(2), "spare": looks(1)})


def test_a_conv_weight_can_be_a_statistic() -> None:
    def model_of(weight: FloatArray) -> onnx.ModelProto:
        def body(crop: Var, slot: Var | None) -> Var:
            return op.relu(graphs.conv(crop, weight, name="weight"))

        return graphs.build_graph(HW, 1, body)

    one, other = np.full((1, 3, 1, 1), 0.5, np.float32), np.full((1, 3, 1, 1), 0.25, np.float32)
    replaced = graphs.with_statistics(model_of(one), {"weight": other})
    assert replaced.SerializeToString() == model_of(other).SerializeToString()


# -- limits --------------------------------------------------------------------


def test_a_graph_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MAX_GRAPH_BYTES", 2**16)
    with pytest.raises(LimitError, match=r"takes \d+ MB.*Use fewer or smaller regions"):
        template_graph(looks(8))


def test_slot_statistics_are_held_against_64_megabytes() -> None:
    graphs.check_statistics(64 * 2**20, 8, "Detector 'x'")
    with pytest.raises(LimitError, match=r"Detector 'x' needs 65 MB.*At most 64 MB.*lower resol"):
        graphs.check_statistics(65 * 2**20, 1, "Detector 'x'")


# -- foreign networks ------------------------------------------------------------


def foreign_network(opset: int = 13) -> onnx.ModelProto:
    """Conv, batch normalisation, relu, max pooling; two outputs; open batch and size."""
    rng = np.random.default_rng(4)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(rng.random(shape, np.float32) - np.float32(0.3), name)

    norm = [weight(name, 6) for name in ("scale", "bias", "mean")]
    variance = numpy_helper.from_array(np.linspace(0.5, 2, 6, dtype=np.float32), "variance")
    nodes = [
        helper.make_node("Conv", ["data", "w1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c1", "scale", "bias", "mean", "variance"], ["n1"]),
        helper.make_node("Relu", ["n1"], ["early"]),
        helper.make_node("MaxPool", ["early"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "w2"], ["late"], pads=[1, 1, 1, 1]),
    ]
    open_batch = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["B", 3, "H", "W"])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", channels, "h", "w"])
        for name, channels in (("early", 6), ("late", 4))
    ]
    initialisers = [weight("w1", 6, 3, 3, 3), weight("w2", 4, 6, 3, 3), *norm, variance]
    graph = helper.make_graph(nodes, "foreign", [open_batch], outputs, initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def inlined(network: onnx.ModelProto, net_hw: tuple[int, int], output: str) -> onnx.ModelProto:
    """A graph whose map is the mean channel of a network's output, enlarged to the crop."""

    def body(crop: Var, slot: Var | None) -> Var:
        features = graphs.inline_network(network, crop)[output]
        mean = op.reduce_mean(op.abs(features), graphs.ints(1), keepdims=1)
        height, width = (graphs.ints(value) for value in net_hw)
        batch = op.slice(op.shape(crop), graphs.ints(0), graphs.ints(1))
        target = op.concat([batch, graphs.ints(1), height, width], axis=0)
        return op.resize(mean, None, None, target, mode="nearest")

    return graphs.build_graph(net_hw, 1, body)


@pytest.mark.parametrize("opset", [13, 18])
def test_a_foreign_network_keeps_its_figures(opset: int) -> None:
    network = foreign_network(opset)
    crops = random_crops(5)
    expected = session(network).run(["early", "late"], {"data": crops})
    model = graphs.build_features(
        HW, lambda x: [graphs.inline_network(network, x)[name] for name in ("early", "late")]
    )
    for count in (1, 5):
        found = session(model).run(None, {"crop": crops[:count]})
        for one, other in zip(found, expected, strict=True):
            assert np.allclose(one, other[:count], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("opset", [13, 18])
def test_a_foreign_network_inside_a_graph_keeps_the_contract(opset: int) -> None:
    model = inlined(foreign_network(opset), HW, "late")
    onnx.checker.check_model(model, full_check=True)
    check_graph(model.SerializeToString(), HW, 1)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    for count in (1, 3):
        found = session(model).run(None, {"crop": random_crops(count)})[0]
        assert found.shape == (count, 1, *HW)


def test_inlining_leaves_the_network_alone() -> None:
    network = foreign_network()
    before = network.SerializeToString()
    inlined(network, HW, "early")
    assert network.SerializeToString() == before


def weights_file(name: str) -> Path:
    """A public network for comparison, or a skip with the reason."""
    folders = [Path(os.environ["OFFSPEC_WEIGHTS"])] if "OFFSPEC_WEIGHTS" in os.environ else []
    if "OFFSPEC_DATA" in os.environ:
        folders.append(Path(os.environ["OFFSPEC_DATA"]).parent / "weights")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"neither OFFSPEC_WEIGHTS nor OFFSPEC_DATA/../weights holds {name}")


@pytest.mark.data
def test_a_residual_network_keeps_its_figures_in_a_graph() -> None:
    network = onnx.load(weights_file("resnet50v2_stages123.onnx"))
    net_hw, stages = (64, 96), ("stage1", "stage2", "stage3")
    crops = random_crops(3, net_hw)
    expected = session(network).run(list(stages), {network.graph.input[0].name: crops})
    model = graphs.build_features(
        net_hw, lambda x: [graphs.inline_network(network, x)[name] for name in stages]
    )
    inferred = session(model)
    for count in (1, 3):
        for one, other in zip(inferred.run(None, {"crop": crops[:count]}), expected, strict=True):
            scale = float(np.abs(other).max())
            assert np.allclose(one, other[:count], rtol=1e-4, atol=1e-4 * scale)
    check_graph(inlined(network, net_hw, "stage2").SerializeToString(), net_hw, 1)


def test_statistics_of_all_slots_stay_within_the_graph_limit() -> None:
    graphs.check_statistics(16 * 2**20, 32, "Detector 'x'")
    with pytest.raises(LimitError, match=r"528 MB .* 33 crops .* 512 MB .* 32 such crops"):
        graphs.check_statistics(16 * 2**20, 33, "Detector 'x'")


def test_a_faded_mean_counts_zeros_beyond_the_border() -> None:
    model = graphs.build_features((8, 8), lambda crop: [graphs.faded_mean(crop, 3)])
    found = one_thread_session(model).run(None, {"crop": np.ones((2, 3, 8, 8), np.float32)})[0]
    assert found.shape == (2, 3, 8, 8)
    assert np.allclose(found[:, :, 1:-1, 1:-1], 1)
    assert np.allclose(found[:, :, 0, 1:-1], 6 / 9)
    assert np.allclose(found[:, :, 0, 0], 4 / 9)
