"""Read a bundle from anyone: every limit and name is checked before a member is read."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from offspec.bundle.manifest import MAX_GROUPS, Manifest, decode_manifest
from offspec.bundle.model import (
    MAX_BUNDLE_BYTES,
    MAX_GRAPH_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_REFERENCE_BYTES,
    Bundle,
)
from offspec.bundle.onnx_check import check_graph
from offspec.errors import (
    BundleChecksumError,
    BundleError,
    BundleTooLargeError,
    ImageDecodeError,
)
from offspec.images import decode_image

_GRAPH = re.compile(r"graph(0|[1-9][0-9]?)\.onnx")
_MAX_MEMBERS = MAX_GROUPS + 2
_MAX_DIRECTORY_BYTES = 64 << 10
_END = struct.Struct("<4s4H2LH")  # end of central directory, as in the zip specification
_ENCRYPTED = 0x1


def read_bundle(path: Path | str) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleTooLargeError: The file or a member is over its limit.
        BundleChecksumError: A member's bytes are not those that were written.
        BundleVersionError: Written in a newer format.
        BundleGraphError: A graph breaks the contract.
        BundleError: Not a bundle, truncated, a member missing, unknown or unsafely named, or a
            manifest that breaks a rule.
    """
    target = Path(path)
    try:
        with target.open("rb") as file:
            mode = os.fstat(file.fileno())
            if not stat.S_ISREG(mode.st_mode):
                raise _unreadable(target, "it is not a regular file")
            _check_end(file, mode.st_size, target)
            with zipfile.ZipFile(file) as archive:
                members = {i.filename: i for i in _checked_members(archive)}
                return _read(archive, members)
    except OSError as error:
        raise _unreadable(target, error.strerror or str(error)) from error
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error) as error:
        raise _unreadable(target, f"its archive is damaged ({error})") from error


def reference_png(data: bytes) -> bytes:
    """The reference picture's file out of the bytes of a bundle that was checked before.

    Raises:
        BundleError: Not a bundle, or the picture is over its limit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("reference.png")
            if info.file_size > MAX_REFERENCE_BYTES:
                raise BundleTooLargeError(
                    f"The reference has {info.file_size} bytes. At most {MAX_REFERENCE_BYTES} are "
                    "read. Use a bundle written by offspec."
                )
            return archive.read(info)
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise _unreadable(Path("bundle"), f"its archive is damaged ({error})") from error


def _unreadable(path: Path, why: str) -> BundleError:
    return BundleError(
        f"Bundle '{path}' cannot be read: {why}. A bundle is a complete file written by "
        "'offspec fit'. Check the path, or copy the bundle again."
    )


def _check_end(file: BinaryIO, size: int, path: Path) -> None:
    """Check the archive's last record before the archive reader allocates anything."""
    if size > MAX_BUNDLE_BYTES:
        raise BundleTooLargeError(
            f"Bundle '{path}' has {size} bytes. At most {MAX_BUNDLE_BYTES} are read. "
            "Fit again with fewer or smaller regions."
        )
    if size < _END.size:
        raise _unreadable(path, f"it has only {size} bytes")
    file.seek(size - _END.size)
    mark, disk, start_disk, here, total, length, offset, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment:
        raise _unreadable(path, "its end is missing, so it is truncated or not a bundle")
    plain = disk == start_disk == 0 and here == total
    if not plain or offset + length != size - _END.size:
        raise _unreadable(path, "its archive's records contradict each other")
    if total > _MAX_MEMBERS or length > _MAX_DIRECTORY_BYTES:
        raise BundleTooLargeError(
            f"Bundle '{path}' names {total} members in {length} bytes. At most {_MAX_MEMBERS} in "
            f"{_MAX_DIRECTORY_BYTES} bytes are allowed. Use a bundle written by offspec."
        )
    file.seek(0)


def _checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members whose names, kinds and stated sizes are allowed; reads none of them."""
    infos = archive.infolist()
    names = [info.orig_filename for info in infos]
    if len(set(names)) != len(names):
        raise BundleError(
            f"The bundle holds a member twice: {sorted(names)[:8]}. Each occurs once. "
            "Use a bundle written by offspec."
        )
    for info in infos:
        _check_member(info)
    total = sum(info.file_size for info in infos)
    if total > MAX_BUNDLE_BYTES:
        raise BundleTooLargeError(
            f"The bundle's members have {total} bytes. At most {MAX_BUNDLE_BYTES} are read. "
            "Fit again with fewer or smaller regions."
        )
    return infos


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    if name == "manifest.json":
        limit = MAX_MANIFEST_BYTES
    elif name == "reference.png":
        limit = MAX_REFERENCE_BYTES
    elif _GRAPH.fullmatch(name):
        limit = MAX_GRAPH_BYTES
    else:
        raise BundleError(
            f"The bundle holds a member named {name[:80]!r}. Only manifest.json, reference.png "
            "and graph0.onnx, graph1.onnx... are allowed. Use a bundle written by offspec."
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise BundleError(
            f"Member '{name}' of the bundle is a link or device (mode {kind:#o}). Only plain "
            "files are allowed. Use a bundle written by offspec."
        )
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
        raise BundleError(
            f"Member '{name}' of the bundle is compressed or encrypted (method "
            f"{info.compress_type}). Members are stored as they are. Write the bundle again."
        )
    if info.file_size > limit:
        raise BundleTooLargeError(
            f"Member '{name}' of the bundle has {info.file_size} bytes. At most {limit} are read. "
            "Fit again with smaller regions."
        )
    if info.compress_size != info.file_size:
        raise BundleError(
            f"Member '{name}' of the bundle states {info.file_size} bytes but stores "
            f"{info.compress_size}. Both are equal. Use an undamaged copy."
        )


def _read(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> Bundle:
    if "manifest.json" not in infos:
        raise _missing("manifest.json")
    manifest, digests = decode_manifest(_member(archive, infos["manifest.json"]))
    expected = {"reference.png", *(group.file for group in manifest.groups)}
    found = set(infos) - {"manifest.json"}
    if expected - found:
        raise _missing(", ".join(sorted(expected - found)))
    if found != expected or set(digests) != expected:
        odd = sorted((found | set(digests)) - expected) or sorted(expected - set(digests))
        raise BundleError(
            f"The bundle and its manifest disagree on {', '.join(odd)[:200]}. Every member is "
            "named once, with its hash. Use a bundle written by offspec."
        )
    data: dict[str, bytes] = {}
    for name in sorted(expected):
        data[name] = _member(archive, infos[name])
        digest = hashlib.sha256(data[name]).hexdigest()
        if digest != digests[name]:
            raise BundleChecksumError(
                f"Member '{name}' of the bundle has sha256 {digest[:12]}..., the manifest says "
                f"{digests[name][:12]}.... They must be equal. Copy the bundle again."
            )
    return _bundle(manifest, data)


def _bundle(manifest: Manifest, data: dict[str, bytes]) -> Bundle:
    for group in manifest.groups:
        check_graph(data[group.file], group.net_hw, group.n_slots, group.file)
    try:
        reference = decode_image(data["reference.png"], "reference.png")
    except ImageDecodeError as error:
        raise BundleError(f"The bundle's reference image is damaged: {error}") from error
    return Bundle(manifest, reference, tuple(data[group.file] for group in manifest.groups))


def _missing(names: str) -> BundleError:
    return BundleError(
        f"The bundle lacks {names}. Every bundle holds manifest.json, reference.png and its "
        "graphs. Copy the bundle again."
    )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes; the archive's own CRC is checked on the way."""
    try:
        data = archive.read(info)
    except (zipfile.BadZipFile, EOFError) as error:
        raise BundleChecksumError(
            f"Member '{info.filename}' of the bundle is damaged ({error}). Its bytes must be those "
            "that were written. Copy the bundle again."
        ) from error
    if len(data) != info.file_size:
        raise BundleError(
            f"Member '{info.filename}' of the bundle has {len(data)} of {info.file_size} bytes. "
            "The file is truncated. Copy the bundle again."
        )
    return data
