"""The learned head: what it may do to the map of ``reference``, and how it reaches a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from offspec import graphs
from offspec.backbones import make_backbone, tile_halo
from offspec.bundle import read_bundle, write_bundle
from offspec.bundle.onnx_check import check_graph
from offspec.bundle.onnx_ops import ALLOWED_OPS
from offspec.detectors.head import FILES, Head, make_head
from offspec.detectors.reference import ReferenceDetector
from offspec.detectors.tolerance import FeatureTolerance, FineTolerance, TextureTolerance
from offspec.embedded import load_weights, read_weights
from offspec.errors import OptionError, WeightsError
from offspec.fit_plan import FitConfig, _halo
from offspec.geometry import TILE_CORE
from offspec.graphs import Var, const, op
from offspec.images import read_image
from offspec.runtime import Inspector
from offspec.types import FixedKind, FloatArray
from tests.contract.make import NET_HW, crops, graph_bytes, maps_of, normals
from tests.trained import SMALL, offspec, write_normals

LEARNED = FitConfig(head="learned")
REACH = 1.0  # largest logarithm of the factor
KINDS: tuple[FixedKind, ...] = ("object", "texture")
every_kind = pytest.mark.parametrize("kind", KINDS)


def learned(kind: FixedKind) -> Head:
    head = make_head("learned", kind, "bank")
    assert head is not None
    return head


def detector_of(
    kind: FixedKind, head: Head | None, net_hw: tuple[int, int] = NET_HW
) -> ReferenceDetector:
    return ReferenceDetector(make_backbone("bank"), net_hw, kind=kind, head=head)


@cache
def fitted(kind: FixedKind, n_slots: int, *, with_head: bool) -> onnx.ModelProto:
    detector = detector_of(kind, learned(kind) if with_head else None)
    return detector.fit(crops(0, n_slots), normals(5, n_slots)).to_graph()


def ask(head: Head, feeds: Mapping[str, FloatArray]) -> FloatArray:
    """(N, 1, h, w) logarithm of the factor, from the file alone."""
    session = ort.InferenceSession(
        head.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: FloatArray = session.run(["factor"], dict(feeds))[0]
    return found


def feeds_of(kind: FixedKind, scale: float = 1.0, count: int = 3) -> dict[str, FloatArray]:
    """Residuals as of normals times ``scale``."""
    rng = np.random.default_rng(4)
    card = load_weights(FILES[kind]).card
    residual = scale * rng.standard_normal((count, card["channels"], 16, 24)).astype(np.float32)
    found = {"residual": residual, "distance": np.square(residual).mean(1, keepdims=True)}
    if kind == "object":
        fine = rng.gamma(0.5, 2.0, (count, 1, 32, 48)).astype(np.float32)
        found["fine"] = np.float32(scale**2) * fine
    return found


# -- files -----------------------------------------------------------------------


@every_kind
def test_the_packaged_head_is_the_one_its_card_describes(kind: FixedKind) -> None:
    head, card = learned(kind), load_weights(FILES[kind]).card
    assert head.sha256 == card["sha256"]
    assert head.receptive_px == card["receptive_px"]
    assert head.backbone == card["backbone"] == "bank"
    assert (card["name"], card["licence"]) == (FILES[kind], "Apache-2.0")
    assert card["channels"] == make_backbone("bank").card.channels
    assert card["stride"] == make_backbone("bank").card.stride
    assert make_backbone("bank").card.multiple % card["multiple"] == 0


@every_kind
def test_the_card_says_where_the_weights_come_from(kind: FixedKind) -> None:
    card = load_weights(FILES[kind]).card
    for key in ("version", "data", "limits", "recipe"):
        assert key in card
    assert card["recipe"]["objective"] == "head"
    assert card["recipe"]["steps"] >= 1000  # not one that only began


@every_kind
def test_a_head_of_other_bytes_is_refused(kind: FixedKind, tmp_path: Path) -> None:
    name = FILES[kind]
    for suffix in (".onnx", ".json"):
        data = (files("offspec") / "weights" / f"{name}{suffix}").read_bytes()
        (tmp_path / f"{name}{suffix}").write_bytes(data)
    assert read_weights(tmp_path, name).sha256 == learned(kind).sha256
    (tmp_path / f"{name}.onnx").write_bytes(data[:-1] + b"\0")
    with pytest.raises(WeightsError, match=r"has sha256 .* its card says"):
        read_weights(tmp_path, name)


@every_kind
def test_the_head_uses_what_bundles_may_hold(kind: FixedKind) -> None:
    model = learned(kind).model
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert {node.op_type for node in model.graph.node} <= ALLOWED_OPS
    halves = [
        node.attribute[0].t
        for node in model.graph.node
        if node.op_type == "Constant"
        and node.attribute[0].t.data_type == onnx.TensorProto.FLOAT16
    ]  # fmt: skip
    stored = sum(int(np.prod(t.dims)) for t in halves)
    assert stored == load_weights(FILES[kind]).card["parameters"]


@every_kind
def test_the_factor_is_bounded_whatever_the_residual(kind: FixedKind) -> None:
    factors = [ask(learned(kind), feeds_of(kind, scale)) for scale in (0.0, 1.0, 30.0, 1e4)]
    assert all(f.shape == (3, 1, 16, 24) for f in factors)
    assert all(np.abs(f).max() <= REACH for f in factors)
    assert np.ptp(np.concatenate(factors)) > 0.1  # it does say something


@every_kind
def test_a_crop_alone_has_the_factor_it_has_in_a_batch(kind: FixedKind) -> None:
    feeds = feeds_of(kind)
    together = ask(learned(kind), feeds)
    for i in range(3):
        alone = ask(learned(kind), {name: value[i : i + 1] for name, value in feeds.items()})
        assert np.array_equal(alone[0], together[i])


# -- making one ------------------------------------------------------------------


@every_kind
def test_none_is_no_head(kind: FixedKind) -> None:
    assert make_head("none", kind, "embedded") is None


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'lerned' is unknown. Known: learned, none"):
        make_head("lerned", "object", "bank")


@every_kind
@pytest.mark.parametrize("backbone", ["embedded", "joined"])
def test_a_head_is_not_put_on_another_backbone(kind: FixedKind, backbone: str) -> None:
    with pytest.raises(OptionError, match=f"of backbone 'bank', not of '{backbone}'.*head 'none'"):
        make_head("learned", kind, backbone)


# -- the map ---------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("n_slots", [1, 2])
def test_the_reference_still_scores_zero_everywhere(kind: FixedKind, n_slots: int) -> None:
    found = maps_of(fitted(kind, n_slots, with_head=True), crops(0, n_slots))
    assert found.shape == (n_slots, *NET_HW)
    assert (found == 0).all()


@every_kind
def test_the_map_is_corrected_within_bounds_and_nowhere_made_of_nothing(kind: FixedKind) -> None:
    """Every step after the factor is a mean with weights of at least 0, so the bound holds."""
    batch = np.concatenate([crops(90, 2), crops(91, 2, "blot"), crops(92, 2, noise=0.1)])
    slots = [0, 1] * 3
    plain, found = (maps_of(fitted(kind, 2, with_head=h), batch, slots) for h in (False, True))
    assert (found <= plain * np.exp(REACH) * (1 + 1e-4) + 1e-6).all()
    assert (found >= plain * np.exp(-REACH) * (1 - 1e-4) - 1e-6).all()
    ratio = found[plain > 1e-2] / plain[plain > 1e-2]
    assert ratio.max() > 1.05 * ratio.min()


@every_kind
def test_batch_mates_do_not_matter_to_the_graph(kind: FixedKind) -> None:
    """In one call of the engine, up to rounding; ``OnnxRuntime`` gives it crop by crop."""
    session = ort.InferenceSession(
        graph_bytes(fitted(kind, 2, with_head=True)), providers=["CPUExecutionProvider"]
    )
    feeds = {
        "crop": np.concatenate([crops(90, 2), crops(91, 2, "blot")]),
        "slot": np.array([0, 1, 0, 1], np.int64),
    }
    together = session.run(None, feeds)[0]
    for i in range(4):
        alone = session.run(None, {name: value[i : i + 1] for name, value in feeds.items()})[0]
        assert np.allclose(alone[0], together[i], rtol=1e-5, atol=1e-6)


def made_head(kind: FixedKind, body: Callable[[Mapping[str, Var]], Var]) -> Head:
    channels = make_backbone("bank").card.channels
    shapes: dict[str, tuple[int | str, ...]] = {
        "residual": ("N", channels, "h", "w"),
        "distance": ("N", 1, "h", "w"),
    }
    if kind == "object":
        shapes["fine"] = ("N", 1, "fh", "fw")
    return Head(graphs.build_head(shapes, body), "bank", "0" * 64, 4)


@every_kind
def test_what_a_head_says_is_the_logarithm_of_a_factor(kind: FixedKind) -> None:
    twice = made_head(
        kind, lambda x: op.add(op.mul(x["distance"], const(0.0)), const(float(np.log(2))))
    )
    graph = detector_of(kind, twice).fit(crops(0), normals(5)).to_graph()
    flawed = crops(91, 1, "blot")
    wanted = 2 * maps_of(fitted(kind, 1, with_head=False), flawed)
    assert wanted.max() > 1
    assert np.allclose(maps_of(graph, flawed), wanted, rtol=1e-5, atol=1e-6)
    assert maps_of(graph, crops(0)).max() == 0


@every_kind
def test_residual_and_distance_that_a_head_reads_belong_together(kind: FixedKind) -> None:
    """The mean square of what the object's head is given is the distance; at least it, else.

    A texture's distance is the smaller of two, and its residual belongs to one.
    """
    channels = make_backbone("bank").card.channels
    mean = made_head(kind, lambda x: graphs.channel_sum(
        op.mul(x["residual"], x["residual"]), channels, 1 / channels))  # fmt: skip
    distance = made_head(kind, lambda x: op.mul(x["distance"], const(1.0)))
    logs = []
    for head in (mean, distance):
        small = made_head(kind, lambda x, h=head: op.mul(h.factor(x), const(0.1)))  # type: ignore[misc]
        graph = detector_of(kind, small).fit(crops(0), normals(5)).to_graph()
        query = crops(90, noise=0.02)
        plain = maps_of(fitted(kind, 1, with_head=False), query)
        logs.append(np.log(maps_of(graph, query)[plain > 0.1] / plain[plain > 0.1]))
    squares, distances = logs
    assert distances.max() > 0.005
    if kind == "object":
        assert np.allclose(squares, distances, rtol=1e-2, atol=1e-4)
    else:
        assert (squares >= distances - 1e-4).all()


# -- native tiles ----------------------------------------------------------------


def part_of(
    whole: ReferenceDetector, side: int, at_y: int, at_x: int, *, kind: FixedKind
) -> ReferenceDetector:
    """The same statistics for a tile of ``side`` pixels at (at_y, at_x)."""

    def cut(planes: FloatArray, stride: int) -> FloatArray:
        y, x = at_y // stride, at_x // stride
        return np.ascontiguousarray(planes[..., y : y + side // stride, x : x + side // stride])

    part = detector_of(kind, whole.head, (side, side))
    found = whole.features_
    if isinstance(found, TextureTolerance):
        part.features_ = replace(found, place=cut(found.place, 4))
        return part
    assert isinstance(found, FeatureTolerance)
    assert whole.fine_ is not None
    assert found.toward is not None
    planes = ("centre", "inverse_width", "toward_inverse", "shift_inverse", "gain", "toward")
    part.features_ = replace(found, **{name: cut(getattr(found, name), 4) for name in planes})
    part.fine_ = FineTolerance(cut(whole.fine_.planes, 2))
    return part


def share_off_one_pass(kind: FixedKind, halo: int) -> float:
    """Largest difference in a tile's core to the map of one pass, as a share of its maximum."""
    core, at_y, at_x = 64, 32, 64
    side = core + 2 * halo
    net_hw = (side + 64, side + 96)
    others = normals(3, net_hw=net_hw)
    whole = detector_of(kind, learned(kind), net_hw).fit(crops(0, net_hw=net_hw), others)
    seen = crops(90, net_hw=net_hw, noise=0.03)
    once = maps_of(whole.to_graph(), seen)[0, at_y : at_y + side, at_x : at_x + side]
    tile = np.ascontiguousarray(seen[:, :, at_y : at_y + side, at_x : at_x + side])
    part = maps_of(part_of(whole, side, at_y, at_x, kind=kind).to_graph(), tile)[0]
    inside = slice(halo, halo + core)
    once, part = once[inside, inside], part[inside, inside]
    assert once.max() > 0.1
    return float(np.abs(part - once).max() / once.max())


@every_kind
def test_a_native_tile_sees_enough_for_the_map_of_one_pass(kind: FixedKind) -> None:
    assert share_off_one_pass(kind, _halo(LEARNED)) <= 1e-5


@every_kind
def test_a_tile_that_sees_too_little_would_show(kind: FixedKind) -> None:
    """So that the test above can fail."""
    assert share_off_one_pass(kind, 32) > 1e-4


def test_the_halo_is_wider_with_a_head_and_within_the_limits() -> None:
    bank = make_backbone("bank")
    plain, halo = _halo(FitConfig()), _halo(LEARNED)
    assert plain == tile_halo(bank.card)
    assert halo > plain
    assert 2 * halo >= bank.card.receptive_px + max(learned(k).receptive_px for k in KINDS)
    side = TILE_CORE + 2 * halo
    detector_of("object", learned("object"), (side, side)).check_limits()


# -- bundles ---------------------------------------------------------------------


@every_kind
def test_the_graph_with_a_head_keeps_the_contract(kind: FixedKind) -> None:
    check_graph(graph_bytes(fitted(kind, 2, with_head=True)), NET_HW, 2)
    used = {node.op_type for node in fitted(kind, 2, with_head=True).graph.node}
    assert {"Tanh", "Exp", "Log"} <= used <= ALLOWED_OPS


@every_kind
def test_a_fitted_bundle_names_its_head_and_judges(kind: FixedKind, tmp_path: Path) -> None:
    data = write_normals(tmp_path / "data", 5)
    out = tmp_path / "part.offspec"
    run = offspec(
        "fit", data, "--out", out, "--head", "learned", "--backbone", "bank", "--kind", kind,
        "--resolution", "fast", "--align", "none",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    bundle = read_bundle(out)
    detector = bundle.manifest.detector
    assert detector["head_sha256"] == {kind: load_weights(FILES[kind]).sha256}
    assert detector["config"]["head"] == "learned"
    again = tmp_path / "again.offspec"
    write_bundle(bundle, again)
    assert again.read_bytes() == out.read_bytes()
    inspection = Inspector(bundle).inspect(read_image(sorted(data.iterdir())[0]))
    assert inspection.verdict == "ok"
    assert [r.raw_score for r in inspection.regions] == [0.0]


def test_a_bundle_without_a_head_names_none(tmp_path: Path) -> None:
    data, out = write_normals(tmp_path / "data", 2), tmp_path / "part.offspec"
    run = offspec(
        "fit", data, "--out", out, "--head", "none", "--kind", "object", "--resolution", "fast",
        "--align", "none",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    detector = read_bundle(out).manifest.detector
    assert "head_sha256" not in detector
    assert detector["config"]["head"] == "none"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--head", "best"), "'best' is unknown"),
        (("--head", "learned", "--backbone", "embedded"), "not of 'embedded'"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    data, out = write_normals(tmp_path / "data", 2), tmp_path / "part.offspec"
    run = offspec("fit", data, "--out", out, *options)
    assert run.code != 0
    assert words in " ".join(run.stderr.split())
    assert not out.exists()


def test_a_native_region_is_cut_with_the_context_the_head_needs(tmp_path: Path) -> None:
    data = write_normals(tmp_path / "data", 2)
    shutil.copy(sorted(data.iterdir())[0], tmp_path / "reference.png")
    template, out = tmp_path / "template.json", tmp_path / "part.offspec"
    made = offspec(
        "template", "new", tmp_path / "reference.png", "--out", template, "--rect",
        f"0,0,{SMALL[1]},{SMALL[0]}", "--name", "a", "--align", "none", "--kind", "object",
        "--resolution", "native",
    )  # fmt: skip
    assert made.code == 0, made.stderr
    run = offspec("fit", data, "--template", template, "--out", out, "--head", "learned")
    assert run.code == 0, run.stderr
    halo = _halo(LEARNED)
    assert read_bundle(out).manifest.groups[0].net_hw == (64 + 2 * halo, 96 + 2 * halo)
