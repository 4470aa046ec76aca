"""The student: what it learns, what it finds, and that it repeats."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from offspec import graphs
from offspec.backbones import make_backbone
from offspec.detectors.linear import one_thread_session
from offspec.detectors.student import StudentDetector
from offspec.networks.students import Imitators, hardest, procedural
from offspec.networks.to_onnx import check_parity, exported
from offspec.types import FloatArray
from tests.contract.make import NET_HW, crops, graph_bytes, maps_of, normals
from tests.synth import defect_mask

TRAINING = {"minutes": None, "check_every": 20, "batch": 4, "learning_rate": 5e-3}


@cache
def _fitted(n_slots: int = 1, steps: int = 240) -> StudentDetector:
    detector = StudentDetector(
        make_backbone("bank"), NET_HW,
        options={"training": {**TRAINING, "steps": steps}, "width": 16, "latent": 16},
    )  # fmt: skip
    return detector.fit(crops(0, n_slots), normals(11, n_slots))


def _parts(crop: FloatArray) -> list[FloatArray]:
    """Local and global difference, (h, w)."""
    detector = _fitted()
    arrays = detector.arrays_
    assert arrays is not None
    model = graphs.build_features(NET_HW, lambda x: detector._parts(x, arrays))
    return [found[0, 0] for found in one_thread_session(model).run(None, {"crop": crop})]


def test_losses_fall() -> None:
    history = _fitted().history_
    assert history is not None
    for name in ("student", "autoencoder", "held_out"):
        assert history.rows[-1][name] < 0.8 * history.rows[0][name]


def test_blot_is_found() -> None:
    graph = _fitted().to_graph()
    spoiled, clean = (maps_of(graph, crops(77, 1, f))[0] for f in ("blot", "none"))
    blot = defect_mask(NET_HW, "blot")
    assert spoiled[blot].mean() > 3 * clean[blot].mean()
    assert spoiled[blot].mean() > 3 * spoiled[~blot].mean()


def test_missing_part_raises_the_global_map() -> None:
    missing = defect_mask(NET_HW, "missing").reshape(16, 4, 24, 4).mean((1, 3)) > 0.5
    (local, overall), (clean_local, clean_overall) = (
        _parts(crops(79, 1, flaw)) for flaw in ("missing", "none")
    )
    assert overall[missing].mean() > 1.5 * clean_overall[missing].mean()
    assert local[missing].mean() > clean_local[missing].mean()


def test_both_parts_have_one_scale_on_held_out_normals() -> None:
    detector = _fitted()
    assert detector.arrays_ is not None
    found = [_parts(crop[None]) for crop in detector._held]
    for i, name in enumerate(("local", "global")):
        low, gain = (float(detector.arrays_[f"{name}_{x}"].ravel()[0]) for x in ("low", "gain"))
        scaled = gain * (np.stack([one[i] for one in found]) - low)
        assert np.quantile(scaled, 0.9) == pytest.approx(0, abs=1e-3)
        assert np.quantile(scaled, 0.995) == pytest.approx(0.1, abs=1e-3)


def test_map_is_positive_and_zero_at_the_reference() -> None:
    graph = _fitted().to_graph()
    assert not maps_of(graph, crops(0)).any()
    assert (maps_of(graph, crops(80)) >= 0).all()


def test_several_slots() -> None:
    maps = maps_of(_fitted(2, 40).to_graph(), crops(77, 2, "blot"))
    assert maps.shape == (2, *NET_HW)
    assert maps[0][defect_mask(NET_HW, "blot")].mean() > maps[0].mean()


def test_same_seed_same_bytes() -> None:
    first, second = (
        StudentDetector(
            make_backbone("bank"), NET_HW, seed=seed,
            options={"training": {**TRAINING, "steps": 6, "check_every": 3}, "width": 8},
        ).fit(crops(0), normals(4))
        for seed in (3, 3)
    )  # fmt: skip
    assert graph_bytes(first.to_graph()) == graph_bytes(second.to_graph())


def test_exported_networks_agree_with_torch() -> None:
    network, names = Imitators(7, (16, 24), NET_HW, 8, 4).eval(), ["a", "b", "c"]
    model = exported(network, [torch.rand(2, 3, *NET_HW)], ["x"], names)
    assert check_parity(network, model, [torch.rand(1, 3, *NET_HW)], ["x"], names) < 1e-4


def test_hardest_is_the_mean_of_the_largest() -> None:
    away = torch.arange(8000.0)[torch.randperm(8000)]
    assert float(hardest(away, 0.1)) == pytest.approx(7600, rel=0.02)
    assert float(hardest(torch.ones(100), 0.01)) == 1


def test_procedural_images_differ_and_repeat() -> None:
    first, second = (procedural(3, (40, 56), np.random.default_rng(4)) for _ in range(2))
    assert first.shape == (3, 3, 40, 56)
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, second)
    assert np.abs(first[0] - first[1]).mean() > 0.02


@pytest.mark.parametrize(
    ("cells", "net"), [((64, 64), (256, 256)), ((18, 27), (252, 378)), ((16, 8), (512, 256))]
)
def test_any_grid_fits_and_the_networks_are_small(
    cells: tuple[int, int], net: tuple[int, int]
) -> None:
    network = Imitators(70, cells, net, 32, 64)
    with torch.no_grad():
        found = network(torch.zeros(1, 3, *net))
    assert {tuple(one.shape) for one in found} == {(1, 70, *cells)}
    assert sum(p.numel() for p in network.parameters()) < 1_000_000
