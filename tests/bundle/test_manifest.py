from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from offspec.bundle.manifest import Manifest, decode_manifest, encode_manifest
from offspec.errors import BundleError, BundleVersionError
from offspec.geometry import Tile
from tests.bundle.make import board, make_bundle, rectangle

MEMBERS = {"reference.png": "a" * 64, "graph0.onnx": "b" * 64}


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    regions = [rectangle("a", 4, 4, 60, 50), rectangle("b", 70, 10, 50, 80)]
    made = make_bundle(board(), regions).manifest
    return replace(
        made,
        learned_phash=("00ff",),
        dataset={"normals": 5},
        seed=7,
        libraries={"numpy": "2", "cv2": "5"},
        drift={"scores": [0.5, 1.0]},
        history=({"what": "override", "who": "Ada"},),
        notes=("Ünïcode is fine.",),
    )


def test_round_trip_keeps_everything(manifest: Manifest) -> None:
    data = encode_manifest(manifest, MEMBERS)
    again, members = decode_manifest(data)
    assert members == MEMBERS
    assert encode_manifest(again, MEMBERS) == data
    assert again.template.regions[1].id == "b"
    assert again.tiles == manifest.tiles
    assert again.calibration.threshold == manifest.calibration.threshold
    assert again.history == manifest.history


def test_bytes_do_not_depend_on_the_order_of_keys(manifest: Manifest) -> None:
    turned = replace(manifest, libraries=dict(reversed(list(manifest.libraries.items()))))
    assert encode_manifest(turned, MEMBERS) == encode_manifest(manifest, MEMBERS)


def changed(manifest: Manifest, **keys: Any) -> bytes:
    data = json.loads(encode_manifest(manifest, MEMBERS))
    data.update(keys)
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"format": "zip"}, "format"),
        ({"format_version": 0}, "format_version"),
        ({"format_version": True}, "format_version"),
        ({"surprise": 1}, "surprise"),
        ({"bits": 9}, "bits"),
        ({"bits": "8"}, "bits"),
        ({"seed": 1.5}, "seed"),
        ({"template": []}, "template"),
        ({"tiles": []}, "tiles"),
        ({"groups": [{"index": 0}]}, "groups"),
        ({"score_k": {"a": 3}}, "score_k"),
        ({"score_k": {"a": 3, "b": 0}}, "score_k"),
        ({"calibration": {}}, "calibration"),
        ({"pixel_thresholds": {}}, "pixel_thresholds"),
        ({"gate_limits": {"brightness_low": 0}}, "Gate limits"),
        ({"learned_sha256": ["xyz"]}, "learned_sha256"),
        ({"members": {"reference.png": "1"}}, "members"),
        ({"notes": [1]}, "notes"),
        ({"seed": 1 << 70}, "63 bits"),
        ({"history": [{"x": 1}, "y"]}, "history"),
    ],
)
def test_wrong_values_are_named(manifest: Manifest, keys: dict[str, Any], word: str) -> None:
    with pytest.raises(BundleError, match=word):
        decode_manifest(changed(manifest, **keys))


def test_newer_version_says_update(manifest: Manifest) -> None:
    with pytest.raises(BundleVersionError, match=r"version 2.*Update offspec"):
        decode_manifest(changed(manifest, format_version=2, added_later=True))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xff\xfe{}", "UTF-8"),
        (b"{", "JSON"),
        (b"[]", "format"),
        (b"null", "format"),
        (b'{"format": NaN}', "NaN"),
        (b'{"format": 1e999}', "too large"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[" * 100_000, "deep"),
        (b"[" * 40 + b"]" * 40, "deep"),
        (b'{"n": ' + b"9" * 5000 + b"}", "JSON"),
    ],
)
def test_text_that_is_not_a_manifest(data: bytes, word: str) -> None:
    with pytest.raises(BundleError, match=word):
        decode_manifest(data)


def test_a_missing_key_is_named(manifest: Manifest) -> None:
    data = json.loads(encode_manifest(manifest, MEMBERS))
    del data["calibration"]
    with pytest.raises(BundleError, match="calibration"):
        decode_manifest(json.dumps(data).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"slot": 5},
        {"group": 3},
        {"group": -1},
        {"region_index": 9},
        {"core": (0, 99, 0, 32)},
        {"core": (5, 5, 0, 32)},
        {"net_hw": (16, 16)},
        {"box_xywh": (0.0, 0.0, 1e9, 10.0)},
        {"box_xywh": (0.0, 0.0, -5.0, 10.0)},
    ],
)
def test_tiles_that_contradict_the_layout(manifest: Manifest, change: dict[str, Any]) -> None:
    tiles: list[Tile] = list(manifest.tiles)
    tiles[0] = replace(tiles[0], **change)
    with pytest.raises(BundleError, match="tiles"):
        replace(manifest, tiles=tuple(tiles))


def test_what_json_cannot_hold_is_refused_before_writing(manifest: Manifest) -> None:
    for value in (float("nan"), object(), b"bytes"):
        with pytest.raises(BundleError, match="JSON"):
            encode_manifest(replace(manifest, detector={"value": value}), MEMBERS)
