from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from offspec.bundle import Bundle, read_bundle, write_bundle
from offspec.bundle import model as bundle_model
from offspec.bundle import read as bundle_read
from offspec.bundle import write as bundle_write
from offspec.bundle.write import bundle_bytes, pack
from offspec.errors import (
    BundleChecksumError,
    BundleError,
    BundleGraphError,
    BundleTooLargeError,
    BundleVersionError,
    LimitError,
    WriteError,
)
from tests.bundle.make import board, make_bundle, rectangle

GOLDEN = Path(__file__).parents[1] / "golden" / "pack.sha256"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return make_bundle(board(), [rectangle("a", 4, 4, 60, 50), rectangle("b", 70, 10, 50, 80)])


@pytest.fixture(scope="module")
def data(bundle: Bundle) -> bytes:
    return bundle_bytes(bundle)


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_round_trip(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "teil ä.offspec"
    write_bundle(bundle, path)
    again = read_bundle(path)
    np.testing.assert_array_equal(again.reference, bundle.reference)
    assert again.graphs == bundle.graphs
    assert bundle_bytes(again) == path.read_bytes()


def test_equal_models_give_equal_bytes(bundle: Bundle, data: bytes) -> None:
    twin = make_bundle(board(), [rectangle("a", 4, 4, 60, 50), rectangle("b", 70, 10, 50, 80)])
    assert bundle_bytes(twin) == data
    assert bundle_bytes(bundle) == data


def test_golden_bytes_of_the_archive() -> None:
    tensor = np.arange(24, dtype="<f4").tobytes()
    packed = pack({"manifest.json": b"{}\n", "graph0.onnx": tensor, "reference.png": b"\x89PNG"})
    assert hashlib.sha256(packed).hexdigest() == GOLDEN.read_text(encoding="ascii").strip()


def test_sixteen_bit_reference_survives(tmp_path: Path) -> None:
    deep = board().astype(np.uint16) * 16
    made = make_bundle(deep, bits=12)
    write_bundle(made, tmp_path / "deep.offspec")
    again = read_bundle(tmp_path / "deep.offspec")
    assert again.reference.dtype == np.uint16
    np.testing.assert_array_equal(again.reference, deep)


# -- what is broken, and the error it gives -----------------------------------


def rezip(members: dict[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", options.get("method", zipfile.ZIP_STORED)) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def without(data: bytes, name: str) -> bytes:
    return pack({k: v for k, v in members_of(data).items() if k != name})


def with_member(data: bytes, name: str, content: bytes = b"x") -> bytes:
    return rezip({**members_of(data), name: content})


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Rename a member in both records; zipfile itself would clean the name."""
    assert len(old) == len(new)
    return data.replace(old, new)


def doubled(data: bytes) -> bytes:
    return renamed(with_member(data, "graph1.onnx"), b"graph1.onnx", b"graph0.onnx")


def linked(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members_of(data).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = ((stat.S_IFLNK if name == "graph0.onnx" else 0) | 0o644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def manifest_with(data: bytes, change: Callable[[dict[str, object]], None]) -> bytes:
    members = members_of(data)
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    return pack({**members, "manifest.json": json.dumps(manifest).encode()})


def swapped_graph(data: bytes, graph: bytes) -> bytes:
    """A graph with a correct hash, so that only its content is wrong."""
    members = {**members_of(data), "graph0.onnx": graph}
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["graph0.onnx"] = hashlib.sha256(graph).hexdigest()
    return pack({**members, "manifest.json": json.dumps(manifest).encode()})


def swapped_reference(data: bytes, content: bytes) -> bytes:
    members = {**members_of(data), "reference.png": content}
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["reference.png"] = hashlib.sha256(content).hexdigest()
    return pack({**members, "manifest.json": json.dumps(manifest).encode()})


def flipped(data: bytes, member: str) -> bytes:
    at = data.index(members_of(data)[member]) + len(members_of(data)[member]) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def changed_and_repacked(data: bytes) -> bytes:
    """The archive's CRC is right, the manifest's sha256 is not."""
    members = members_of(data)
    graph = bytearray(members["graph0.onnx"])
    graph[len(graph) // 2] ^= 1
    return pack({**members, "graph0.onnx": bytes(graph)})


def bomb(data: bytes) -> bytes:
    members = {**members_of(data), "graph0.onnx": bytes(50_000_000)}
    return rezip(members, method=zipfile.ZIP_DEFLATED)


def lying_size(data: bytes) -> bytes:
    """The directory states fewer bytes than are stored."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    size = archive.getinfo("graph0.onnx").file_size
    at = data.index(b"PK\x01\x02")
    head = data[at : at + 46]
    fake = head[:24] + (size - 4).to_bytes(4, "little") + head[28:]
    return data[:at] + fake + data[at + 46 :]


def newer(data: bytes) -> bytes:
    def change(manifest: dict[str, object]) -> None:
        manifest.update(format_version=99, unheard_of=[])

    return manifest_with(data, change)


def forgotten_hash(data: bytes) -> bytes:
    return manifest_with(data, lambda m: m.update(members={}))


BROKEN: dict[str, tuple[Callable[[bytes], bytes], type[BundleError], str]] = {
    "empty": (lambda _: b"", BundleError, "0 bytes"),
    "text": (lambda _: b"hello " * 20, BundleError, "truncated or not a bundle"),
    "truncated": (lambda d: d[:-30], BundleError, "truncated"),
    "truncated-in-the-middle": (lambda d: d[: len(d) // 2], BundleError, "truncated"),
    "prefixed": (lambda d: b"#!/bin/sh\n" + d, BundleError, "contradict"),
    "comment": (lambda d: d[:-2] + b"\x02\x00hi", BundleError, "truncated"),
    "no-manifest": (lambda d: without(d, "manifest.json"), BundleError, "lacks manifest.json"),
    "no-reference": (lambda d: without(d, "reference.png"), BundleError, "lacks reference"),
    "no-graph": (lambda d: without(d, "graph0.onnx"), BundleError, "lacks graph0"),
    "extra-graph": (lambda d: with_member(d, "graph7.onnx"), BundleError, "graph7"),
    "extra-file": (lambda d: with_member(d, "run.py"), BundleError, "run.py"),
    "pickle": (lambda d: with_member(d, "model.pkl"), BundleError, "model.pkl"),
    "parent-path": (lambda d: with_member(d, "../graph0.onnx"), BundleError, r"\.\."),
    "absolute-path": (lambda d: with_member(d, "/etc/passwd"), BundleError, "passwd"),
    "folder": (lambda d: with_member(d, "sub/", b""), BundleError, "sub/"),
    "drive-path": (
        lambda d: renamed(with_member(d, "CC/a.txt"), b"CC/a.txt", b"C:\\a.txt"),
        BundleError,
        "a.txt",
    ),
    "null-in-name": (
        lambda d: renamed(with_member(d, "graph1.onnx_py"), b"graph1.onnx_py", b"graph1.onnx\0py"),
        BundleError,
        "graph1",
    ),
    "doubled": (doubled, BundleError, "twice"),
    "link": (linked, BundleError, "link"),
    "bomb": (bomb, BundleError, "compressed"),
    "lying-size": (lying_size, BundleError, "stores"),
    "bit-flip-graph": (lambda d: flipped(d, "graph0.onnx"), BundleChecksumError, "damaged"),
    "bit-flip-manifest": (lambda d: flipped(d, "manifest.json"), BundleChecksumError, "damaged"),
    "wrong-sha": (changed_and_repacked, BundleChecksumError, "sha256"),
    "forgotten-hash": (forgotten_hash, BundleError, "disagree"),
    "newer": (newer, BundleVersionError, "Update offspec"),
    "not-onnx": (lambda d: swapped_graph(d, b"\x08\x07garbage"), BundleGraphError, "ONNX"),
    "empty-graph": (lambda d: swapped_graph(d, b""), BundleGraphError, "0 graphs"),
    "no-image": (lambda d: swapped_reference(d, b"GIF89a"), BundleError, "reference image"),
    "manifest-nan": (
        lambda d: pack({**members_of(d), "manifest.json": b'{"format": NaN}'}),
        BundleError,
        "NaN",
    ),
    "manifest-latin1": (
        lambda d: pack({**members_of(d), "manifest.json": b'{"format": "\xe4"}'}),
        BundleError,
        "UTF-8",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bundles_give_their_own_error(name: str, data: bytes, tmp_path: Path) -> None:
    make, error, word = BROKEN[name]
    path = tmp_path / f"{name}.offspec"
    path.write_bytes(make(data))
    with pytest.raises(error, match=word) as caught:
        read_bundle(path)
    assert type(caught.value) is error


def test_every_single_bit_flip_is_found_or_harmless(data: bytes, tmp_path: Path) -> None:
    """Whatever one flipped bit does, the reader answers with a bundle error or the same model."""
    path = tmp_path / "flip.offspec"
    rng = np.random.default_rng(3)
    for at in rng.integers(0, len(data), 150).tolist():
        bad = bytearray(data)
        bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        try:
            read = read_bundle(path)
        except BundleError:
            continue
        assert bundle_bytes(read) == data  # dates and rights of members are not the model


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_every_truncation_is_found(cut: int, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.offspec"
    path.write_bytes(data[: len(data) * cut // 100])
    with pytest.raises(BundleError):
        read_bundle(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        read_bundle(tmp_path / "absent.offspec")
    with pytest.raises(BundleError):
        read_bundle(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_device_is_not_a_bundle() -> None:
    with pytest.raises(BundleError, match="regular file"):
        read_bundle("/dev/null")


def test_sizes_are_checked_before_reading(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.offspec"
    path.write_bytes(data)
    monkeypatch.setattr(bundle_read, "MAX_GRAPH_BYTES", 1000)
    with pytest.raises(BundleTooLargeError, match="graph0"):
        read_bundle(path)
    monkeypatch.setattr(bundle_read, "MAX_BUNDLE_BYTES", 1000)
    with pytest.raises(BundleTooLargeError, match="At most 1000"):
        read_bundle(path)


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.offspec"
    with path.open("wb") as file:
        file.truncate(bundle_model.MAX_BUNDLE_BYTES + 1)
    with pytest.raises(BundleTooLargeError):
        read_bundle(path)


def test_too_many_members_are_refused_before_the_directory_is_read(tmp_path: Path) -> None:
    path = tmp_path / "many.offspec"
    path.write_bytes(rezip({f"graph{i}.onnx": b"" for i in range(70)}))
    with pytest.raises(BundleTooLargeError, match="70 members"):
        read_bundle(path)


# -- writing ------------------------------------------------------------------


def test_writing_refuses_what_reading_would(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "part.offspec"
    target.write_bytes(b"old")
    bad = Bundle(bundle.manifest, bundle.reference, (b"junk",))
    with pytest.raises(BundleGraphError):
        write_bundle(bad, target)
    monkeypatch.setattr(bundle_write, "MAX_GRAPH_BYTES", 10)
    with pytest.raises(LimitError, match="At most 10"):
        write_bundle(bundle, target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["part.offspec"]


def test_no_such_folder(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(WriteError):
        write_bundle(bundle, tmp_path / "absent" / "part.offspec")


def test_a_bundle_fits_its_manifest(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="shape"):
        Bundle(bundle.manifest, bundle.reference[:50], bundle.graphs)
    with pytest.raises(BundleError, match="graphs"):
        Bundle(bundle.manifest, bundle.reference, ())
    with pytest.raises(BundleError, match="significant bits"):
        Bundle(bundle.manifest, bundle.reference.astype(np.uint16), bundle.graphs)
