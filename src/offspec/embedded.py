"""The package's own network weights: found, checked against their card, read once.

A weights file is an ONNX graph with weights stored as float16: a backbone goes from ``crop``
float32 [N, 3, H, W] in [0, 1] to ``features`` float32 [N, C, H / stride, W / stride], a head from
``residual``, ``distance`` and perhaps ``fine`` to ``factor`` (``detectors/head.py``). The model
card of the same name beside it (JSON) says how it was made and holds its sha256. ``pretraining``
makes both, from images that its own programs draw; the licence is this package's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from offspec.errors import WeightsError
from offspec.graphs import Model, parse_network

MAX_WEIGHTS_BYTES = 16 * 2**20
_NUMBERS = ("channels", "stride", "multiple", "receptive_px")


@dataclass(frozen=True, slots=True)
class Weights:
    """A network of the package.

    Attributes:
        name: Of the file, without suffix.
        model: Inputs and outputs as above. Not to be changed.
        channels: Of the features.
        stride: Crop pixels per cell.
        multiple: Crop sides have to be a multiple of this.
        receptive_px: Crop pixels that can change one cell.
        sha256: Of the file.
        card: The whole model card.
    """

    name: str
    model: Model
    channels: int
    stride: int
    multiple: int
    receptive_px: int
    sha256: str
    card: dict[str, Any]


@cache
def load_weights(name: str) -> Weights:
    """The packaged weights of this name; the file is read once a process.

    Raises:
        WeightsError: A file is missing or damaged, or the card lacks what is needed.
    """
    return read_weights(files("offspec") / "weights", name)


def read_weights(folder: Traversable, name: str) -> Weights:
    """Read ``NAME.onnx`` and ``NAME.json``.

    Raises:
        WeightsError: See ``load_weights``.
    """
    card = _card(_read(folder / f"{name}.json"), name)
    data = _read(folder / f"{name}.onnx")
    digest = hashlib.sha256(data).hexdigest()
    if digest != card["sha256"]:
        raise WeightsError(
            f"The weights file '{name}.onnx' has sha256 {digest[:16]}..., its card says "
            f"{str(card['sha256'])[:16]}.... Both have to agree, or features would be others than "
            "those that were measured. Install offspec again."
        )
    numbers = {key: card[key] for key in _NUMBERS}
    return Weights(name=name, model=parse_network(data), sha256=digest, card=card, **numbers)


def _read(file: Traversable) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights file '{file}' cannot be read ({error.strerror}). It belongs to the "
            "package. Install offspec again, or use backbone 'bank' and head 'none', which need "
            "none."
        ) from error
    if len(data) > MAX_WEIGHTS_BYTES:
        raise WeightsError(
            f"The weights file '{file}' has {len(data)} bytes. At most {MAX_WEIGHTS_BYTES} are "
            "allowed. Install offspec again."
        )
    return data


def _card(data: bytes, name: str) -> dict[str, Any]:
    """The card, with the entries that are used checked."""
    try:
        card = json.loads(data)
    except ValueError as error:
        raise _broken(name, f"is not JSON ({error})") from error
    if not isinstance(card, dict):
        raise _broken(name, f"is a {type(card).__name__}")
    for key in _NUMBERS:
        value = card.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4096:
            raise _broken(name, f"has '{key}' {str(value)[:80]}")
    if not isinstance(card.get("sha256"), str):
        raise _broken(name, "has no 'sha256'")
    return card


def _broken(name: str, what: str) -> WeightsError:
    return WeightsError(
        f"The model card '{name}.json' {what}. It is a JSON object with whole numbers from 1 to "
        f"4096 for {', '.join(_NUMBERS)}, and the sha256 of '{name}.onnx'. Install offspec again."
    )
