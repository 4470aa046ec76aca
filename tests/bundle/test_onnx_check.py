from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from offspec.bundle.onnx_check import check_graph
from offspec.errors import BundleGraphError
from tests.bundle.make import difference_graph, model_bytes

NET = (8, 12)


def value(
    name: str, kind: int = TensorProto.FLOAT, dims: Sequence[int | str] = ("N", 3, 8, 12)
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(dims))


MAP = value("map", dims=("N", 1, 8, 12))


def simple(
    nodes: Sequence[onnx.NodeProto] | None = None,
    inputs: Sequence[onnx.ValueInfoProto] | None = None,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    weights: Sequence[onnx.TensorProto] = (),
) -> onnx.GraphProto:
    mean = helper.make_node("ReduceMean", ["crop", "axes"], ["map"], keepdims=1)
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    return helper.make_graph(
        list(nodes or [mean]),
        "g",
        list(inputs or [value("crop")]),
        list(outputs or [MAP]),
        [axes, *weights],
    )


def refused(model: bytes, word: str, n_slots: int = 1) -> None:
    with pytest.raises(BundleGraphError, match=word):
        check_graph(model, NET, n_slots)


def test_graphs_within_the_contract_pass() -> None:
    check_graph(model_bytes(simple()), NET, 1)
    check_graph(difference_graph(np.zeros((1, 3, 8, 12), np.float32)), NET, 1)
    check_graph(difference_graph(np.zeros((4, 3, 8, 12), np.float32)), NET, 4)


@pytest.mark.parametrize(
    ("op", "domain"),
    [
        ("RandomNormal", ""),
        ("RandomUniformLike", ""),
        ("Bernoulli", ""),
        ("Dropout", ""),
        ("SequenceEmpty", ""),
        ("StringNormalizer", ""),
        ("Anything", "ai.onnx.ml"),
        ("FusedConv", "com.microsoft"),
        ("Add", "my.domain"),
        ("", ""),
    ],
)
def test_operators_outside_the_list(op: str, domain: str) -> None:
    node = helper.make_node(op, ["crop"], ["map"], domain=domain)
    refused(model_bytes(simple([node])), "domain" if domain else "operator")


@pytest.mark.parametrize("op", ["If", "Loop", "Scan"])
def test_control_flow(op: str) -> None:
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node(op, ["crop"], ["map"], body=body)
    refused(model_bytes(simple([node])), "subgraph|operator")


def test_a_subgraph_hidden_in_an_allowed_operator() -> None:
    node = helper.make_node("Relu", ["crop"], ["map"])
    node.attribute.append(helper.make_attribute("body", simple()))
    refused(model_bytes(simple([node])), "subgraph")


def test_functions() -> None:
    model = onnx.ModelProto.FromString(model_bytes(simple()))
    model.functions.append(
        helper.make_function("d", "Relu", ["x"], ["y"], [], [helper.make_opsetid("", 18)])
    )
    refused(model.SerializeToString(), "functions")


@pytest.mark.parametrize(
    "opsets", [[("", 17)], [("", 21)], [("", 18), ("d", 1)], [], [("", 18)] * 2]
)
def test_operator_sets(opsets: list[tuple[str, int]]) -> None:
    model = onnx.ModelProto.FromString(model_bytes(simple()))
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*o) for o in opsets)
    refused(model.SerializeToString(), "operator sets")


def external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def test_external_data() -> None:
    tensor = external(numpy_helper.from_array(np.zeros(4, np.float32), "w"))
    refused(model_bytes(simple(weights=[tensor])), "another file")
    constant = helper.make_node(
        "Constant", [], ["c"], value=external(numpy_helper.from_array(np.zeros(4, np.float32)))
    )
    relu = helper.make_node("Relu", ["crop"], ["map"])
    refused(model_bytes(simple([constant, relu])), "another file")


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.DOUBLE, TensorProto.COMPLEX64])
def test_tensor_types(kind: int) -> None:
    tensor = TensorProto(name="w", data_type=kind, dims=[0])
    refused(model_bytes(simple(weights=[tensor])), "data type")


def test_sparse_weights() -> None:
    graph = simple()
    graph.sparse_initializer.add()
    refused(model_bytes(graph), "sparse")


@pytest.mark.parametrize(
    ("inputs", "outputs", "n_slots", "word"),
    [
        ([value("image")], None, 1, "inputs"),
        ([value("crop")], None, 2, "inputs"),
        ([value("crop"), value("slot", TensorProto.INT64, ["N"])], None, 1, "inputs"),
        ([value("crop"), value("slot", TensorProto.INT32, ["N"])], None, 2, "slot"),
        ([value("crop", dims=["N", 3, 8, 13])], None, 1, "crop"),
        ([value("crop", dims=[1, 3, 8, 12])], None, 1, "crop"),
        ([value("crop", dims=["N", 1, 8, 12])], None, 1, "crop"),
        ([value("crop", dims=["N", 3, "H", "W"])], None, 1, "crop"),
        ([value("crop", TensorProto.UINT8)], None, 1, "crop"),
        (None, [value("score", dims=["N", 1, 8, 12])], 1, "outputs"),
        (None, [MAP, value("other", dims=["N", 1])], 1, "outputs"),
        (None, [value("map", dims=["N", 2, 8, 12])], 1, "map"),
        (None, [value("map", TensorProto.INT64, ["N", 1, 8, 12])], 1, "map"),
    ],
)
def test_inputs_and_outputs(
    inputs: list[onnx.ValueInfoProto] | None,
    outputs: list[onnx.ValueInfoProto] | None,
    n_slots: int,
    word: str,
) -> None:
    refused(model_bytes(simple(inputs=inputs, outputs=outputs)), word, n_slots)


def test_an_input_with_a_default_is_refused() -> None:
    graph = simple(inputs=[value("crop"), value("axes", TensorProto.INT64, [1])])
    refused(model_bytes(graph), "inputs")


def test_training_information() -> None:
    model = onnx.ModelProto.FromString(model_bytes(simple()))
    model.training_info.add()
    refused(model.SerializeToString(), "training")


def test_bytes_that_are_not_a_model() -> None:
    good = model_bytes(simple())
    rng = np.random.default_rng(1)
    for data in (
        b"",
        b"\xff" * 40,
        b"\x3a\xff\xff\xff\xff\x7f",
        bytes(100),
        good[:-5],
        good + b"\x3a",
    ):
        with pytest.raises(BundleGraphError):
            check_graph(data, NET, 1)
    for _ in range(300):  # whatever comes in: a graph error or a pass, nothing else, and soon
        bad = bytearray(good)
        for at in rng.integers(0, len(good), 3):
            bad[at] = int(rng.integers(256))
        try:
            check_graph(bytes(bad), NET, 1)
        except BundleGraphError:
            continue


def test_endless_small_fields_are_cut_off() -> None:
    refused(b"\x08\x08" * 300_000, "more than 200000 fields")


def test_deeply_nested_bytes_do_not_recurse() -> None:
    data = b""
    for _ in range(2000):
        data = b"\x3a" + _varint(len(data)) + data
    refused(data, "ONNX|graphs|operator sets")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
