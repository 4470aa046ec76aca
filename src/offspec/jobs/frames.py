"""Messages between the server and its inference processes: a JSON head and bytes, over pipes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

_LENGTHS = struct.Struct(">II")


def write_frame(stream: IO[bytes], head: Mapping[str, Any], body: bytes = b"") -> None:
    """Write one message."""
    text = json.dumps(head, allow_nan=False).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)) + text)
    if body:
        stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one message; None = the other side is gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    n_text, n_body = _LENGTHS.unpack(lengths)
    text, body = stream.read(n_text), stream.read(n_body)
    if len(text) < n_text or len(body) < n_body:
        return None
    head: dict[str, Any] = json.loads(text)
    return head, body
