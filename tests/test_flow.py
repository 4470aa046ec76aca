"""The normalising flow: an exact density, and what it makes of the synthetic part."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from offspec.backbones import make_backbone
from offspec.detectors.flow import FlowDetector
from offspec.detectors.linear import one_thread_session
from offspec.detectors.pooled import pooling
from offspec.networks.flows import Flow
from offspec.networks.to_onnx import check_parity, exported
from tests.contract.make import NET_HW, crops, graph_bytes, maps_of, normals
from tests.synth import defect_mask

if TYPE_CHECKING:
    from offspec.types import FixedKind

TRAINING = {"minutes": None, "steps": 100, "check_every": 20, "batch": 4}


def _flow(channels: int = 5, *, stirred: bool = True) -> Flow:
    flow = Flow(channels, 8, 3, torch.Generator().manual_seed(1))
    if stirred:
        torch.manual_seed(2)
        for coupling in flow.couplings:
            torch.nn.init.normal_(coupling.last.weight, std=0.5)
            torch.nn.init.normal_(coupling.last.bias, std=0.5)
    found: Flow = flow.double()
    return found


@cache
def _fitted(kind: FixedKind = "object", n_slots: int = 1, **options: Any) -> FlowDetector:
    detector = FlowDetector(
        make_backbone("bank"), NET_HW, kind=kind,
        options={"training": TRAINING, "width": 16, "couplings": 4, "grid": 8, **options},
    )  # fmt: skip
    return detector.fit(crops(0, n_slots), normals(11, n_slots))


def test_inverse_undoes_the_flow() -> None:
    flow = _flow()
    x = torch.randn(2, 5, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        z = flow.both(x)[0]
        assert not torch.allclose(z, x)
        torch.testing.assert_close(flow.inverse(z), x)


def test_log_determinant_is_the_jacobians() -> None:
    flow = _flow()
    x = torch.randn(1, 5, 2, 3, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow.both(v)[0], x)
    wanted = torch.linalg.slogdet(jacobian.reshape(30, 30))[1]
    torch.testing.assert_close(flow.both(x)[1].sum(), wanted)


def test_fresh_flow_is_a_standard_normal() -> None:
    flow = _flow(stirred=False)
    x = torch.randn(20, 5, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        found = flow(x)
    analytic = 0.5 * math.log(2 * math.pi) + 0.5 * (x * x).mean(1, keepdim=True)
    torch.testing.assert_close(found, analytic)
    assert float(found.mean()) == pytest.approx(0.5 * math.log(2 * math.pi * math.e), abs=0.01)


def test_density_integrates_to_one() -> None:
    flow = _flow(2)
    axis = torch.linspace(-15, 15, 601, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)[..., None, None]
    with torch.no_grad():
        density = torch.exp(-2 * flow(points))  # of both dimensions
    assert float(density.sum()) * (30 / 600) ** 2 == pytest.approx(1, abs=0.01)


def test_training_lowers_bits_per_dimension() -> None:
    history = _fitted().history_
    assert history is not None
    assert history.rows[-1]["bits_per_dimension"] < history.rows[0]["bits_per_dimension"] - 0.05
    assert history.best == pytest.approx(min(row["held_out"] for row in history.rows), abs=1e-5)


@pytest.mark.parametrize(("kind", "n_slots"), [("object", 1), ("object", 2), ("texture", 1)])
def test_blot_raises_the_map_where_it_is(kind: FixedKind, n_slots: int) -> None:
    graph = _fitted(kind, n_slots).to_graph()
    spoiled, clean = (maps_of(graph, crops(77, n_slots, f))[0] for f in ("blot", "none"))
    blot = defect_mask(NET_HW, "blot")
    assert spoiled[blot].mean() > 2 * clean[blot].mean()
    assert spoiled[blot].mean() > 2 * spoiled[:, : NET_HW[1] // 3].mean()


def test_map_is_softplus_above_the_median_of_held_out_normals() -> None:
    detector = _fitted()
    assert detector.arrays_ is not None
    raw = maps_of(detector.to_graph(), crops(78)) / detector.arrays_["unit"][0]
    assert (raw >= 0).all()
    assert float(np.median(raw)) == pytest.approx(math.log(2), abs=0.1)  # softplus of 0


def test_graph_whitens_as_training_did() -> None:
    detector, crop = _fitted(), crops(78)
    assert detector.network_ is not None
    assert detector.arrays_ is not None
    session = one_thread_session(detector.network_)
    seen = detector._whitened(detector._features(crop))
    above = session.run(None, {"in0": seen})[0] - detector.arrays_["median"]
    raw = maps_of(detector.to_graph(), crop) / detector.arrays_["unit"][0]
    assert float(raw.mean()) == pytest.approx(np.log1p(np.exp(above)).mean(), rel=0.02)


def test_exported_flow_agrees_with_torch() -> None:
    flow = _flow().float().eval()
    with torch.no_grad():
        model = exported(flow, [torch.randn(2, 5, 6, 8)], ["x"], ["out"])
    assert check_parity(flow, model, [torch.randn(1, 5, 6, 8)], ["x"], ["out"]) < 1e-4


def test_reference_scores_zero() -> None:
    assert not maps_of(_fitted().to_graph(), crops(0)).any()


def test_same_seed_same_bytes() -> None:
    first, second = (
        FlowDetector(
            make_backbone("bank"), NET_HW, seed=seed,
            options={"training": {**TRAINING, "steps": 6, "check_every": 3}, "width": 8},
        ).fit(crops(0), normals(4))
        for seed in (3, 3)
    )  # fmt: skip
    assert graph_bytes(first.to_graph()) == graph_bytes(second.to_graph())


def test_channels_are_projected_and_stay_white() -> None:
    detector = _fitted(channels=16, grid=4)
    assert detector.arrays_ is not None
    assert detector.arrays_["whitening"].shape == (16, 70, 1, 1)
    assert detector.grid_stride == 4
    assert 0.3 < float(np.square(detector._held).mean()) < 4


def test_pooling_only_where_it_comes_out_even() -> None:
    bank = make_backbone("bank")
    assert pooling(bank, (64, 96), 8) == 2
    assert pooling(bank, (64, 96), 16) == 4
    assert pooling(bank, (60, 96), 8) == 1
    assert pooling(bank, (64, 96), 4) == 1
