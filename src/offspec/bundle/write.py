"""Write a bundle: the same model gives the same bytes, and no half-written file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from offspec.bundle.manifest import encode_manifest
from offspec.bundle.model import MAX_BUNDLE_BYTES, MAX_GRAPH_BYTES, Bundle
from offspec.bundle.onnx_check import check_graph
from offspec.errors import LimitError
from offspec.images import atomic_write, encode_png

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold; no clock enters a bundle


def write_bundle(bundle: Bundle, path: Path | str) -> None:
    """Write a bundle; an existing file is replaced only when the new one is complete.

    Raises:
        LimitError: A graph over 512 MB, or the bundle over 1 GB.
        BundleGraphError: A graph breaks the contract.
        WriteError: Disk full, no rights, or no such folder.
    """
    atomic_write(Path(path), bundle_bytes(bundle))


def bundle_bytes(bundle: Bundle) -> bytes:
    """The file's bytes; equal for equal models."""
    members = {"reference.png": encode_png(bundle.reference)}
    for group, graph in zip(bundle.manifest.groups, bundle.graphs, strict=True):
        if len(graph) > MAX_GRAPH_BYTES:
            raise LimitError(
                f"Graph {group.index} has {len(graph)} bytes. At most {MAX_GRAPH_BYTES} are "
                "allowed. Use smaller regions, a lower resolution or a smaller backbone."
            )
        check_graph(graph, group.net_hw, group.n_slots, group.file)
        members[group.file] = graph
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    members["manifest.json"] = encode_manifest(bundle.manifest, digests)
    total = sum(len(data) for data in members.values())
    if total > MAX_BUNDLE_BYTES - (1 << 20):  # room for the zip's own records
        raise LimitError(
            f"The bundle would have {total} bytes. At most {MAX_BUNDLE_BYTES} are allowed. "
            "Use fewer or smaller regions, or a smaller backbone."
        )
    return pack(members)


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip of stored members in sorted order, without clock, host or rights."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _FIXED_DATE)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return buffer.getvalue()
