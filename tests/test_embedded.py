from __future__ import annotations

import json
import os
import shutil
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from offspec import graphs
from offspec.backbones import BACKBONES, NANO, BackboneCard, Bank, Joined, make_backbone, tile_halo
from offspec.bundle import read_bundle, write_bundle
from offspec.bundle.onnx_ops import ALLOWED_OPS
from offspec.detectors import head
from offspec.embedded import load_weights, read_weights
from offspec.errors import OptionError, WeightsError
from offspec.graphs import Var
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.types import FloatArray
from tests.contract.make import crops
from tests.trained import SMALL, offspec, write_normals

FILES = [NANO]
TRAINED = sorted(BACKBONES.keys() - {"bank"})
MAX_FILE_BYTES = 4 * 10**6
every_file = pytest.mark.parametrize("name", FILES)
HW = (64, 96)


@cache
def _alone(name: str) -> ort.InferenceSession:
    """The weights file as it lies in the package."""
    data = (files("offspec") / "weights" / f"{name}.onnx").read_bytes()
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"])


def alone(name: str, batch: FloatArray) -> FloatArray:
    found: FloatArray = _alone(name).run(["features"], {"crop": batch})[0]
    return found


def features(name: str, batch: FloatArray) -> FloatArray:
    """Through the backbone, as a detector sees them."""
    net_hw = (batch.shape[2], batch.shape[3])
    model = graphs.build_features(net_hw, lambda crop: [make_backbone(name).build(crop)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: FloatArray = session.run(None, {"crop": batch})[0]
    return found


# -- files -----------------------------------------------------------------------


def test_the_package_holds_a_card_for_every_weights_file_and_no_other_file() -> None:
    inside = {entry.name for entry in (files("offspec") / "weights").iterdir()}
    names = (*FILES, *head.FILES.values())
    assert inside == {f"{name}{suffix}" for name in names for suffix in (".onnx", ".json")}


@every_file
def test_the_file_is_small(name: str) -> None:
    data = (files("offspec") / "weights" / f"{name}.onnx").read_bytes()
    assert len(data) <= MAX_FILE_BYTES
    assert load_weights(name).card["bytes"] == len(data)


@every_file
def test_the_card_says_where_the_weights_come_from(name: str) -> None:
    card = load_weights(name).card
    assert card["name"] == name
    assert card["licence"] == "Apache-2.0"
    for key in ("version", "data", "recipe", "seeds", "ladder", "limits", "network"):
        assert key in card


@every_file
def test_the_file_is_read_once(name: str) -> None:
    assert load_weights(name) is load_weights(name)


# -- card and graph --------------------------------------------------------------


@every_file
def test_the_graph_takes_any_number_and_size_of_crops(name: str) -> None:
    graph = load_weights(name).model.graph
    (crop,), (found,) = graph.input, graph.output
    assert (crop.name, found.name) == ("crop", "features")
    dims = crop.type.tensor_type.shape.dim
    assert [d.dim_value or d.dim_param for d in dims] == ["N", 3, "H", "W"]


@every_file
def test_the_graph_uses_what_bundles_may_hold(name: str) -> None:
    model = load_weights(name).model
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert {node.op_type for node in model.graph.node} <= ALLOWED_OPS


@every_file
def test_weights_are_stored_as_float16_and_counted(name: str) -> None:
    weights = load_weights(name)
    halves = [
        node.attribute[0].t
        for node in weights.model.graph.node
        if node.op_type == "Constant"
        and node.attribute[0].t.data_type == onnx.TensorProto.FLOAT16
    ]  # fmt: skip
    assert sum(int(np.prod(t.dims)) for t in halves) == weights.card["parameters"]
    assert len(weights.model.graph.initializer) == 0


@every_file
def test_channels_and_stride_are_those_of_the_card(name: str) -> None:
    weights = load_weights(name)
    found = alone(name, crops(0, 2, net_hw=HW))
    stride = weights.stride
    assert found.shape == (2, weights.channels, HW[0] // stride, HW[1] // stride)


@every_file
def test_no_smaller_multiple_would_do(name: str) -> None:
    weights = load_weights(name)
    side = 3 * weights.multiple
    cells = side // weights.stride
    assert alone(name, np.ones((1, 3, side, side), np.float32)).shape[2:] == (cells, cells)
    wrong = np.ones((1, 3, side, side + weights.multiple // 2), np.float32)
    with pytest.raises(ort.capi.onnxruntime_pybind11_state.Fail):
        alone(name, wrong)


@pytest.mark.parametrize("name", TRAINED)
def test_a_native_tile_sees_enough_for_the_features_of_one_pass(name: str) -> None:
    """The core of a tile with its halo has the features that the whole image has there."""
    card = make_backbone(name).card
    halo, core = tile_halo(card), 64
    side = core + 2 * halo
    whole = crops(0, net_hw=(side + 64, side + 96))
    at_y, at_x = 32, 64
    tile = np.ascontiguousarray(whole[:, :, at_y : at_y + side, at_x : at_x + side])
    inside = slice(halo // card.stride, (halo + core) // card.stride)
    part = features(name, tile)[:, :, inside, inside]
    top, left = at_y // card.stride, at_x // card.stride
    once = features(name, whole)[:, :, top:, left:][:, :, inside, inside]
    assert np.abs(part - once).max() <= 1e-5 * np.abs(once).max()


# -- backbones -------------------------------------------------------------------


def test_the_backbone_gives_what_the_file_gives() -> None:
    batch = crops(0, 3, net_hw=HW)
    found = features("embedded", batch)
    assert np.allclose(found, alone(NANO, batch), rtol=1e-4, atol=1e-5)


def test_joined_is_the_bank_and_then_the_network() -> None:
    batch = crops(0, 3, net_hw=HW)
    both = [features(name, batch) for name in ("bank", "embedded")]
    found = features("joined", batch)
    assert np.allclose(found, np.concatenate(both, axis=1), rtol=1e-4, atol=1e-5)


def test_the_card_of_joined_holds_for_both() -> None:
    bank, embedded, joined = (make_backbone(n).card for n in ("bank", "embedded", "joined"))
    assert joined.channels == bank.channels + embedded.channels
    assert joined.receptive_px == max(bank.receptive_px, embedded.receptive_px)
    assert joined.multiple % bank.multiple == joined.multiple % embedded.multiple == 0
    assert bank.weights_sha256 is None
    assert joined.weights_sha256 == embedded.weights_sha256 == load_weights(NANO).sha256


def test_backbones_of_two_strides_are_not_joined() -> None:
    class Wide:
        card = BackboneCard("wide", stride=8, channels=1, receptive_px=8, multiple=8)

        def build(self, crop: Var) -> Var:
            return crop

    with pytest.raises(OptionError, match="'bank' and 'wide' have strides 4 and 8"):
        Joined("pair", Bank(), Wide())


@pytest.mark.parametrize("name", TRAINED)
def test_a_crop_alone_has_the_features_it_has_in_a_batch(name: str) -> None:
    batch = crops(0, 3, net_hw=HW)
    together = features(name, batch)
    for i, one in enumerate(batch):
        assert np.array_equal(features(name, one[None])[0], together[i])


# -- damaged files ---------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the package's weights, to be damaged."""
    for suffix in (".onnx", ".json"):
        with (files("offspec") / "weights" / f"{NANO}{suffix}").open("rb") as source:
            (tmp_path / f"{NANO}{suffix}").write_bytes(source.read())
    return tmp_path


def test_an_undamaged_copy_is_read(folder: Path) -> None:
    assert read_weights(folder, NANO).sha256 == load_weights(NANO).sha256


@pytest.mark.parametrize("at", [0, 1000, -1])
def test_one_changed_byte_is_refused(folder: Path, at: int) -> None:
    path = folder / f"{NANO}.onnx"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"has sha256 .* its card says .* Install offspec again"):
        read_weights(folder, NANO)


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_missing_file_is_refused(folder: Path, suffix: str) -> None:
    (folder / f"{NANO}{suffix}").unlink()
    with pytest.raises(WeightsError, match=rf"{NANO}{suffix}' cannot be read .*backbone 'bank'"):
        read_weights(folder, NANO)


def test_an_overlong_file_is_refused(folder: Path) -> None:
    os.truncate(folder / f"{NANO}.onnx", 17 * 2**20)
    with pytest.raises(WeightsError, match="At most 16777216 are allowed"):
        read_weights(folder, NANO)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "is a list"),
        ("{}", "has 'channels' None"),
    ],
)
def test_a_card_that_is_none_is_refused(folder: Path, text: str, words: str) -> None:
    (folder / f"{NANO}.json").write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match=f"{words}.*Install offspec again"):
        read_weights(folder, NANO)


@pytest.mark.parametrize(
    ("key", "value"),
    [("stride", 0), ("channels", "48"), ("multiple", True), ("receptive_px", 1e9), ("sha256", 1)],
)
def test_a_card_with_a_wrong_entry_is_refused(folder: Path, key: str, value: object) -> None:
    path = folder / f"{NANO}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(WeightsError, match=f"'{key}'"):
        read_weights(folder, NANO)


# -- bundles ---------------------------------------------------------------------


@pytest.mark.parametrize("name", TRAINED)
def test_a_fitted_bundle_is_written_read_and_judges(name: str, tmp_path: Path) -> None:
    data = write_normals(tmp_path / "data", 6)
    out = tmp_path / "part.offspec"
    run = offspec(
        "fit", data, "--out", out, "--backbone", name, "--kind", "object",
        "--resolution", "fast", "--align", "none",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    bundle = read_bundle(out)
    detector = bundle.manifest.detector
    assert detector["backbone"] == detector["config"]["backbone"] == name
    assert detector["weights_sha256"] == load_weights(NANO).sha256
    again = tmp_path / "again.offspec"
    write_bundle(bundle, again)
    assert again.read_bytes() == out.read_bytes()
    reference = sorted(data.iterdir())[0]
    inspection = Inspector(bundle).inspect(read_image(reference))
    assert inspection.verdict == "ok"
    assert [r.raw_score for r in inspection.regions] == [0.0]
    shown = offspec("inspect", out, reference, "--json", "-")
    assert shown.code == 0, shown.stderr


def test_a_native_region_is_cut_with_the_context_the_network_needs(tmp_path: Path) -> None:
    data = write_normals(tmp_path / "data", 2)
    shutil.copy(sorted(data.iterdir())[0], tmp_path / "reference.png")
    sides = {}
    for name in ("bank", *TRAINED):
        template, out = tmp_path / "template.json", tmp_path / f"{name}.offspec"
        if not template.exists():
            made = offspec(
                "template", "new", tmp_path / "reference.png", "--out", template, "--rect",
                f"0,0,{SMALL[1]},{SMALL[0]}", "--name", "a", "--align", "none", "--kind", "object",
                "--resolution", "native",
            )  # fmt: skip
            assert made.code == 0, made.stderr
        run = offspec("fit", data, "--template", template, "--out", out, "--backbone", name)
        assert run.code == 0, run.stderr
        sides[name] = read_bundle(out).manifest.groups[0].net_hw
    assert sides["bank"] == (64 + 128, 96 + 128)
    for name in TRAINED:
        halo = tile_halo(make_backbone(name).card)
        assert sides[name] == (64 + 2 * halo, 96 + 2 * halo)
        assert halo >= make_backbone(name).card.receptive_px / 2
