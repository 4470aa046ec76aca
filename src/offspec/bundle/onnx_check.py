"""Reads the structure of an ONNX graph and holds it against the contract.

A small protobuf reader of our own: it needs no ``onnx`` package, never copies weights and
stops at stated limits. What it does not know it refuses. ``SPEC.md`` lists the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from offspec.bundle.onnx_ops import ALLOWED_OPS
from offspec.errors import BundleGraphError

OPSET = 18
MAX_NODES = 20_000
MAX_FIELDS = 200_000  # of one message; more would only keep the reader busy
FLOAT, INT64 = 1, 7
# TensorProto.DataType of what weights and constants may be stored as
TENSOR_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}
TENSOR_TYPES[10] = "float16"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """Name, element type and shape of a graph input or output; named dimensions are text."""

    name: str
    elem_type: int
    dims: tuple[int | str, ...]


@dataclass(slots=True)
class GraphSummary:
    """What the contract asks about a graph."""

    inputs: list[ValueInfo] = field(default_factory=list)
    outputs: list[ValueInfo] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    ops: set[str] = field(default_factory=set)
    n_nodes: int = 0


def check_graph(data: bytes, net_hw: tuple[int, int], n_slots: int, name: str = "graph") -> None:
    """Refuse a graph that breaks the contract.

    Args:
        data: The serialised ``ModelProto``.
        net_hw: Height and width of its crops.
        n_slots: Number of slots; with one the graph has no ``slot`` input.
        name: For messages.

    Raises:
        BundleGraphError: Not ONNX, another opset, an operator or domain outside the
            allow-list, a subgraph, a function, external data, or other inputs and outputs.
    """
    try:
        summary = _read_model(memoryview(data), name)
    except (IndexError, UnicodeDecodeError) as error:
        raise BundleGraphError(
            f"Graph '{name}' is not a readable ONNX model ({error}). A bundle holds complete "
            "graphs. Copy or write the bundle again."
        ) from error
    _check_signature(summary, net_hw, n_slots, name)


def _check_signature(
    summary: GraphSummary, net_hw: tuple[int, int], n_slots: int, name: str
) -> None:
    height, width = net_hw
    inputs = {v.name: v for v in summary.inputs if v.name not in summary.initializers}
    expected = {"crop", "slot"} if n_slots > 1 else {"crop"}
    if set(inputs) != expected or len(inputs) != len(summary.inputs):
        raise _refusal(
            name,
            f"has inputs {sorted(v.name for v in summary.inputs)}",
            f"With {n_slots} slots the inputs are exactly {sorted(expected)}.",
        )
    if [v.name for v in summary.outputs] != ["map"]:
        raise _refusal(
            name,
            f"has outputs {[v.name for v in summary.outputs]}",
            "There is exactly one output, 'map'.",
        )
    _check_value(name, inputs["crop"], FLOAT, (None, 3, height, width))
    if "slot" in inputs:
        _check_value(name, inputs["slot"], INT64, (None,))
    _check_value(name, summary.outputs[0], FLOAT, (None, 1, height, width), loose=True)


def _check_value(
    name: str,
    value: ValueInfo,
    elem_type: int,
    dims: tuple[int | None, ...],
    *,
    loose: bool = False,
) -> None:
    """``None`` stands for a dynamic dimension; ``loose`` lets others be dynamic too."""
    same = len(value.dims) == len(dims) and all(
        isinstance(got, str) if want is None else got == want or (loose and isinstance(got, str))
        for got, want in zip(value.dims, dims, strict=True)
    )
    if value.elem_type != elem_type or not same:
        rule = ", ".join("N" if d is None else str(d) for d in dims)
        kind = "float32" if elem_type == FLOAT else "int64"
        raise _refusal(
            name,
            f"has '{value.name}' of type {value.elem_type} and shape {list(value.dims)}",
            f"It is {kind} [{rule}] with N dynamic.",
        )


def _refusal(name: str, what: str, rule: str) -> BundleGraphError:
    return BundleGraphError(
        f"Graph '{name}' {what}. {rule} "
        "Use a bundle written by offspec, or export the graph again within these rules."
    )


# -- ONNX messages ----------------------------------------------------------
# Field numbers are those of onnx.proto3 (ONNX, Apache-2.0).


def _read_model(data: memoryview, name: str) -> GraphSummary:
    summary = GraphSummary()
    opsets: list[tuple[str, int]] = []
    graphs = 0
    for number, wire, value in _fields(data):
        if number == 7:
            graphs += 1
            _read_graph(_message(wire, value), summary, name)
        elif number == 8:
            opsets.append(_read_opset(_message(wire, value)))
        elif number == 20:
            raise _refusal(name, "holds training information", "Only inference graphs are allowed.")
        elif number == 25:
            raise _refusal(name, "defines functions", "Only operators of ai.onnx are allowed.")
        elif number == 26:
            raise _refusal(name, "holds a device configuration", "Graphs run on any device.")
    if graphs != 1:
        raise _refusal(name, f"holds {graphs} graphs", "A model holds exactly one.")
    if opsets != [("", OPSET)]:
        found = ", ".join(f"'{d or 'ai.onnx'}' {v}" for d, v in opsets) or "none"
        raise _refusal(name, f"imports operator sets {found}", f"Exactly 'ai.onnx' {OPSET} is.")
    return summary


def _read_opset(data: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, wire, value in _fields(data):
        if number == 1:
            domain = _text(wire, value)
        elif number == 2:
            version = _integer(wire, value)
    return ("" if domain == "ai.onnx" else domain), version


def _read_graph(data: memoryview, summary: GraphSummary, name: str) -> None:
    for number, wire, value in _fields(data):
        if number == 1:
            summary.n_nodes += 1
            if summary.n_nodes > MAX_NODES:
                raise _refusal(name, "has too many nodes", f"At most {MAX_NODES} are allowed.")
            summary.ops.add(_read_node(_message(wire, value), name))
        elif number == 5:
            summary.initializers.add(_read_tensor(_message(wire, value), name))
        elif number == 11:
            summary.inputs.append(_read_value(_message(wire, value)))
        elif number == 12:
            summary.outputs.append(_read_value(_message(wire, value)))
        elif number == 15:
            raise _refusal(name, "holds sparse weights", "Weights are dense.")


def _read_node(data: memoryview, name: str) -> str:
    op, domain = "", ""
    for number, wire, value in _fields(data):
        if number == 4:
            op = _text(wire, value)
        elif number == 7:
            domain = _text(wire, value)
        elif number == 5:
            _read_attribute(_message(wire, value), name)
        elif number == 8 and _text(wire, value):
            raise _refusal(name, "calls an overloaded function", "Only operators are allowed.")
    if domain not in {"", "ai.onnx"}:
        raise _refusal(
            name, f"uses '{op}' of domain '{domain}'", "Only the domain 'ai.onnx' is allowed."
        )
    if op not in ALLOWED_OPS:
        raise _refusal(
            name,
            f"uses the operator '{op}'",
            "It is not on the allow-list (deterministic operators without control flow).",
        )
    return op


def _read_attribute(data: memoryview, name: str) -> None:
    for number, wire, value in _fields(data):
        if number in {6, 11}:
            raise _refusal(name, "holds a subgraph", "Control flow is not allowed.")
        if number in {22, 23}:
            raise _refusal(name, "holds a sparse constant", "Constants are dense.")
        if number in {5, 10}:
            _read_tensor(_message(wire, value), name)


def _read_tensor(data: memoryview, name: str) -> str:
    tensor, kind = "", 0
    for number, wire, value in _fields(data):
        if number == 8:
            tensor = _text(wire, value)
        elif number == 2:
            kind = _integer(wire, value)
        elif number == 13 or (number == 14 and _integer(wire, value) != 0):
            raise _refusal(name, "keeps weights in another file", "All weights are inside.")
    if kind not in TENSOR_TYPES:
        raise _refusal(
            name,
            f"stores '{tensor}' as data type {kind}",
            f"Allowed are {', '.join(TENSOR_TYPES.values())}.",
        )
    return tensor


def _read_value(data: memoryview) -> ValueInfo:
    name, elem_type = "", 0
    dims: tuple[int | str, ...] = ()
    for number, wire, value in _fields(data):
        if number == 1:
            name = _text(wire, value)
        elif number == 2:  # TypeProto
            for inner, inner_wire, inner_value in _fields(_message(wire, value)):
                if inner == 1:  # tensor_type; any other kind leaves elem_type 0
                    elem_type, dims = _read_tensor_type(_message(inner_wire, inner_value))
    return ValueInfo(name, elem_type, dims)


def _read_tensor_type(data: memoryview) -> tuple[int, tuple[int | str, ...]]:
    elem_type = 0
    dims: list[int | str] = []
    for number, wire, value in _fields(data):
        if number == 1:
            elem_type = _integer(wire, value)
        elif number == 2:
            for inner, inner_wire, inner_value in _fields(_message(wire, value)):
                if inner == 1:
                    dims.append(_read_dim(_message(inner_wire, inner_value)))
    return elem_type, tuple(dims)


def _read_dim(data: memoryview) -> int | str:
    dim: int | str = "?"
    for number, wire, value in _fields(data):
        if number == 1:
            dim = _integer(wire, value)
        elif number == 2:
            dim = _text(wire, value)
    return dim


# -- protobuf wire format ---------------------------------------------------


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield (field number, wire type, value); raises IndexError where the data ends early."""
    at, end, count = 0, len(data), 0
    while at < end:
        count += 1
        if count > MAX_FIELDS:
            raise IndexError(f"more than {MAX_FIELDS} fields in one message")
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise IndexError(f"field number 0 at byte {at}")
        value: int | memoryview
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32, _BYTES}:
            if wire == _BYTES:
                size, at = _varint(data, at)
            else:
                size = 8 if wire == _FIXED64 else 4
            if size > end - at:
                raise IndexError(f"a field of {size} bytes where {end - at} are left")
            value = data[at : at + size]
            at += size
        else:
            raise IndexError(f"wire type {wire} at byte {at}")
        yield number, wire, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        byte = data[at]  # IndexError at the end is what the caller maps
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
    raise IndexError(f"a number longer than 10 bytes at byte {at}")


def _message(wire: int, value: int | memoryview) -> memoryview:
    if wire != _BYTES or isinstance(value, int):
        raise IndexError("a message with the wrong wire type")
    return value


def _text(wire: int, value: int | memoryview) -> str:
    return bytes(_message(wire, value)).decode("utf-8")


def _integer(wire: int, value: int | memoryview) -> int:
    if wire != _VARINT or not isinstance(value, int):
        raise IndexError("a number with the wrong wire type")
    return value - (1 << 64) if value >= 1 << 63 else value
