"""Foreign networks as backbones: ``file:PATH.onnx`` with a small JSON beside it.

``PATH.json`` says what the ONNX file does not::

    {"outputs": ["layer2", "layer3"],     names of outputs, finest first
     "mean": [0.485, 0.456, 0.406],       taken off crops in [0, 1]; default 0
     "std": [0.229, 0.224, 0.225],        then divided by; default 1
     "multiple": 32,                      what input sides have to be multiples of
     "skip": 1,                           tokens before the grid's, for outputs (N, tokens, C)
     "first_px": [0, 0],                  centre of cell 0 in the crop; default the middle of a cell
     "project": 128}                      channels kept of each output, by a random projection

What an output's size and reach are is measured on the network itself. All outputs are laid on
the grid of the finest. The file goes into the bundle; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import onnx
import onnx.version_converter
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pydantic import ValidationError

from offspec import graphs
from offspec.errors import AnnotationError, WeightsError
from offspec.foreign_backbone import FileCard, ForeignBackbone, read_weights, stamp
from offspec.json_files import read_json


class FileBackbone(ForeignBackbone):
    """A network from a file.

    Args:
        path: The ONNX file; the JSON of the same name lies beside it.

    Raises:
        WeightsError: Missing, not ONNX, a pickle, too large, other outputs than the JSON says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = read_weights(path, "Export the network to ONNX.")
        said = read_card(path)
        model = _model(data, path)  # before ONNX Runtime, which may read other files
        _check_interface(model, path, said.outputs)
        digest = hashlib.sha256(data + repr(said).encode()).hexdigest()
        super().__init__(f"file:{path.name}", said, lambda _: model, digest)


def read_card(path: Path) -> FileCard:
    """The JSON beside a network file.

    Raises:
        WeightsError: Missing, or not as it has to be.
    """
    beside = path.with_suffix(".json")
    try:
        return FileCard.model_validate(read_json(beside))
    except (AnnotationError, ValidationError) as error:
        what = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or beside.name
            what = f"'{where}': {first['msg']}"
        raise WeightsError(
            f"'{beside}' does not describe the network '{path.name}': {what}. It is a JSON object "
            'such as {"outputs": ["layer2"], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, '
            "0.225]}. Write it beside the ONNX file."
        ) from error


@lru_cache(maxsize=4)
def _model(data: bytes, path: Path) -> onnx.ModelProto:
    """The network in the operator set of offspec's graphs."""
    try:
        model = _parsed(data)
        versions = {one.domain: one.version for one in model.opset_import}
        if versions.get("", 0) != graphs.OPSET:
            model = onnx.version_converter.convert_version(model, graphs.OPSET)
    except (DecodeError, RuntimeError, onnx.checker.ValidationError) as error:
        raise WeightsError(
            f"'{path}' is not an ONNX network that offspec can take: {str(error)[:200]}. One file "
            f"with all weights, operator set {graphs.OPSET} or convertible to it, is needed. "
            "Export it again."
        ) from error
    return model


def _parsed(data: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.ParseFromString(data)
    if not model.graph.node:
        raise DecodeError("it holds no graph")
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in _tensors(model)):
        raise DecodeError("its weights lie in another file")
    return model


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _check_interface(model: onnx.ModelProto, path: Path, wanted: list[str]) -> None:
    """One input of free size, and the outputs that are asked for."""
    constants = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in constants]
    names = [one.name for one in model.graph.output]
    if set(wanted) - set(names) or len(inputs) != 1:
        raise WeightsError(
            f"'{path}' has {len(inputs)} inputs and the outputs {', '.join(names)[:300]}; "
            f"'{path.with_suffix('.json').name}' asks for {', '.join(wanted)}. A backbone has one "
            "input (N, 3, H, W). Correct 'outputs'."
        )
    sides = list(inputs[0].type.tensor_type.shape.dim)[2:]
    fixed = [side.dim_value for side in sides if side.HasField("dim_value")]
    if fixed:
        raise WeightsError(
            f"'{path}' takes inputs of {' x '.join(str(side) for side in fixed)} pixels only. "
            "Regions differ in size, so that height and width have to be free. Export it with "
            "dynamic sizes."
        )


def file_backbone(name: str) -> FileBackbone:
    """The backbone behind ``file:PATH.onnx``.

    Raises:
        WeightsError: See ``FileBackbone``.
    """
    path = Path(name.removeprefix("file:")).expanduser()
    return _cached(path.absolute(), stamp(path, path.with_suffix(".json")))


@lru_cache(maxsize=4)
def _cached(path: Path, _stamp: object) -> FileBackbone:
    return FileBackbone(path)
