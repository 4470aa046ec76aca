"""JSON from outside, read with limits: size, depth, encoding and numbers are checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from offspec.errors import AnnotationError, ImageDecodeError, OptionError
from offspec.images import read_file

MAX_JSON_BYTES = 256 << 20
"""Largest annotation file: LabelMe may embed the image, COCO lists thousands."""


def read_json(path: Path | str) -> Any:
    """Read a UTF-8 JSON file (a byte order mark is accepted).

    Raises:
        AnnotationError: Missing, too large, not UTF-8, not JSON, nested too deeply, or holding
            NaN or infinity.
    """
    try:
        data = read_file(path)
    except ImageDecodeError as error:
        raise AnnotationError(str(error)) from error
    if len(data) > MAX_JSON_BYTES:
        raise AnnotationError(
            f"'{path}' has {len(data)} bytes. Annotation files have at most {MAX_JSON_BYTES}. "
            "Save it without the embedded image, or split it."
        )
    return parse_json(data, path)


def parse_json(data: bytes, path: Path | str) -> Any:
    """Parse UTF-8 JSON held in memory; ``path`` is what messages call it.

    Raises:
        AnnotationError: As ``read_json``, except for the size.
    """
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _malformed(path, f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise _malformed(path, "it is nested too deeply") from error
    except ValueError as error:  # JSONDecodeError, NaN, or a number with thousands of digits
        raise _malformed(path, str(error)) from error


def json_bytes(data: object) -> bytes:
    """Encode as readable UTF-8 JSON that ends in a line feed; keys keep their order."""
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # a file name whose bytes are not UTF-8 arrives as surrogates
        return (json.dumps(data, indent=2, allow_nan=False) + "\n").encode("ascii")


def finite(value: Any) -> Any:
    """What JSON can hold: NaN and infinities become null, NumPy numbers and paths plain ones."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "item") and not isinstance(value, str | bytes):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"it holds {token}, which is not JSON")


def _malformed(path: Path | str, detail: str) -> AnnotationError:
    return AnnotationError(
        f"'{path}' is not a JSON file: {detail}. Annotations are UTF-8 JSON. "
        "Save the file again from the program that wrote it."
    )


def read_settings(path: Path | str, what: str) -> dict[str, Any]:
    """Read a file of settings: a JSON object.

    Args:
        path: The file.
        what: What such a file is and how to get one, for the message.

    Raises:
        OptionError: Not such a file.
    """
    try:
        data = read_json(path)
    except AnnotationError as error:
        raise OptionError(str(error)) from error
    if not isinstance(data, dict):
        raise OptionError(f"'{path}' holds a {type(data).__name__}. {what}")
    return data
