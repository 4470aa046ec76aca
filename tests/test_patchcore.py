from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from offspec.backbones import BackboneCard, make_backbone
from offspec.detectors import patchcore
from offspec.detectors.feature_based import SAME
from offspec.detectors.linear import principal
from offspec.detectors.patchcore import GRID, PatchcoreDetector
from offspec.errors import OptionError
from offspec.types import BoolArray, DoubleArray, FixedKind, FloatArray
from tests.contract.make import NET_HW, crops, maps_of, normals
from tests.test_padim import slow_finished

CELLS = (NET_HW[0] // GRID, NET_HW[1] // GRID)
N_CELLS = CELLS[0] * CELLS[1]


def new(
    kind: FixedKind = "object",
    *,
    net_hw: tuple[int, int] = NET_HW,
    masks: BoolArray | None = None,
    seed: int = 0,
    **options: Any,
) -> PatchcoreDetector:
    return PatchcoreDetector(
        make_backbone("bank"), net_hw, masks=masks, kind=kind, seed=seed, options=options
    )


def learned(detector: PatchcoreDetector) -> dict[str, FloatArray]:
    assert detector.arrays_ is not None
    return detector.arrays_


def bank_of(detector: PatchcoreDetector) -> FloatArray:
    """(M, d)."""
    return np.asarray(learned(detector)["bank"][:-1].T / -2, np.float32)


def white_patches(detector: PatchcoreDetector, images: Sequence[FloatArray]) -> DoubleArray:
    """(n, S, h, w, d) of whole images, whitened."""
    weight = learned(detector)["weight"][:, :, 0, 0].astype(np.float64)
    features = np.stack([detector.embed(one).features for one in images])
    return np.asarray(np.einsum("dc,nschw->nshwd", weight, features), np.float64)


# -- second implementation of the map ----------------------------------------------------


def slow_map(detector: PatchcoreDetector, seen: FloatArray, slot: int) -> DoubleArray:
    """(H, W) map of one (3, H, W) crop."""
    z = white_patches(detector, [seen[None]])[0, 0]
    distance = np.empty(z.shape[:2])
    for y, x in product(*map(range, z.shape[:2])):
        if "looks" in learned(detector):
            distance[y, x] = slow_by_position(detector, z[y, x], slot, y, x)
        else:
            distance[y, x] = slow_by_bank(detector, z[y, x])
    place = learned(detector)["place"][slot].transpose(1, 2, 0)
    away = np.square(z - place).mean(axis=2)
    return slow_finished(distance**2 / z.shape[2] * away / (away + SAME), GRID)


def slow_by_position(
    detector: PatchcoreDetector, patch: DoubleArray, slot: int, y: int, x: int
) -> float:
    """Distance to the looks of the positions around; beyond the border the last one repeats."""
    looks = learned(detector)["looks"][slot].astype(np.float64)  # (K, d, h, w)
    h, w = looks.shape[2:]
    reach = detector.options.model_dump()["window"] // 2
    around = [
        looks[:, :, min(max(y + dy, 0), h - 1), min(max(x + dx, 0), w - 1)]
        for dy, dx in product(range(-reach, reach + 1), repeat=2)
    ]
    away = np.sort(np.linalg.norm(np.concatenate(around) - patch, axis=1))
    return slow_weighted(away[0], away[: detector.options.model_dump()["neighbours"]])


def slow_by_bank(detector: PatchcoreDetector, patch: DoubleArray) -> float:
    """Distance to the nearest of the bank, weighted by the nearest's own neighbours there."""
    bank = bank_of(detector).astype(np.float64)
    away = np.linalg.norm(bank - patch, axis=1)
    best = int(away.argmin())
    around = np.linalg.norm(bank - bank[best], axis=1).argsort(kind="stable")
    return slow_weighted(away[best], away[around[: detector.options.model_dump()["neighbours"]]])


def slow_weighted(distance: float, near: DoubleArray) -> float:
    if len(near) == 1:
        return distance
    return float(distance * (1 - np.exp(distance) / np.exp(near).sum()))


SEARCHES: list[tuple[FixedKind, Mapping[str, Any]]] = [
    ("object", {"neighbours": 1}),
    ("object", {"neighbours": 9}),
    ("object", {"window": 5, "neighbours": 4}),
    ("object", {"dimensions": 24}),
    ("object", {"whiten": False, "neighbourhood": 1}),
    ("object", {"search": "global", "neighbours": 5}),
    ("texture", {"neighbours": 1}),
    ("texture", {"neighbours": 9}),
    ("texture", {"dimensions": 16, "neighbourhood": 5}),
    ("texture", {"search": "position", "neighbours": 9}),
]


@pytest.mark.parametrize(
    ("kind", "options"),
    SEARCHES,
    ids=[f"{k}-{'-'.join(f'{n}={v}' for n, v in o.items())}" for k, o in SEARCHES],
)
def test_the_graph_agrees_with_a_slow_implementation(
    kind: FixedKind, options: Mapping[str, Any]
) -> None:
    detector = new(kind, **options).fit(crops(0, 2), normals(3, 2))
    batch = np.concatenate([crops(90, 2, "blot"), crops(91, 2)])
    maps = maps_of(detector.to_graph(), batch, [0, 1, 0, 1])
    for at in (0, 3):
        expected = slow_map(detector, batch[at], at % 2)
        assert np.allclose(maps[at], expected, rtol=2e-3, atol=2e-3)


def test_whitened_no_direction_of_good_patches_varies_more_than_any_other_may() -> None:
    """At most by 1, less what shrinkage takes; unwhitened few directions hold nearly all."""
    images = [crops(i) for i in range(6)]
    largest = {}
    for whiten in (True, False):
        detector = new("texture", whiten=whiten).fit(images[0], images[1:])
        patches = white_patches(detector, images).reshape(-1, detector.dimensions)
        variances = np.linalg.eigvalsh(np.cov(patches.T))
        largest[whiten] = variances[-1]
        assert variances.sum() < 1.01 * detector.dimensions
    assert largest[True] < 1.1
    assert largest[False] > 0.25 * detector.dimensions


# -- search ------------------------------------------------------------------------------


def plate(disc_xy: tuple[int, int], seed: int, net_hw: tuple[int, int]) -> FloatArray:
    """A flat grey part with one bright disc."""
    yy, xx = np.mgrid[: net_hw[0], : net_hw[1]]
    disc = (yy - disc_xy[1]) ** 2 + (xx - disc_xy[0]) ** 2 <= 10**2
    clean = np.where(disc, 0.8, 0.4) + np.zeros((1, 3, 1, 1))
    noise = np.random.default_rng(seed).normal(0, 0.005, clean.shape)
    return np.asarray(clean + noise, np.float32)


def test_a_part_moved_by_three_windows_is_found_by_position_and_not_by_global_search() -> None:
    """And one cell more, so that the backbone's coarsest level sees the disc in the same phase."""
    net_hw, moved = (96, 192), (3 * 3 + 1) * GRID
    images = [plate((56, 48), seed, net_hw) for seed in range(4)]
    seen = plate((56 + moved, 48), 9, net_hw)
    good = plate((56, 48), 10, net_hw)
    peaks = {}
    for search in ("position", "global"):
        detector = new(net_hw=net_hw, search=search, coreset_ratio=1.0, neighbours=1)
        graph = detector.fit(images[0], images[1:]).to_graph()
        there = np.s_[..., 38:58, 56 + moved - 10 : 56 + moved + 10]
        peaks[search] = maps_of(graph, seen)[there].max() / maps_of(graph, good).max()
    assert peaks["position"] > 20
    assert peaks["global"] < 3


@pytest.mark.parametrize(("kind", "by_position"), [("object", True), ("texture", False)])
def test_auto_searches_objects_by_position_and_textures_in_one_bank(
    kind: FixedKind, *, by_position: bool
) -> None:
    arrays = learned(new(kind).fit(crops(0), normals(2)))
    assert ("looks" in arrays) == by_position
    assert ("bank" in arrays) != by_position


# -- looks of a position -----------------------------------------------------------------


@pytest.mark.parametrize(("window", "most"), [(1, 64), (3, 7), (5, 2)])
def test_a_position_keeps_few_looks_the_reference_first(window: int, most: int) -> None:
    detector = new(window=window).fit(crops(0), normals(9))
    looks = learned(detector)["looks"]
    assert looks.shape[1] == min(most, 10)
    assert np.array_equal(looks[:, 0], learned(detector)["place"])


def test_the_looks_kept_are_those_of_greedy_choice_at_each_position() -> None:
    images = [crops(0), *normals(9)]
    detector = new(window=5).fit(images[0], images[1:])
    white = white_patches(detector, images)[:, 0]
    looks = learned(detector)["looks"][0]
    for y, x in product(*map(range, CELLS)):
        farthest = np.linalg.norm(white[:, y, x] - white[0, y, x], axis=1).argmax()
        assert np.allclose(looks[1, :, y, x], white[farthest, y, x], atol=1e-2)


# -- bank --------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.001, 0.1, 0.37, 1.0])
def test_the_bank_holds_the_asked_share_of_all_patches(ratio: float) -> None:
    detector = new("texture", coreset_ratio=ratio).fit(crops(0, 2), normals(2, 2))
    assert len(bank_of(detector)) == max(int(np.ceil(ratio * 3 * 2 * N_CELLS)), 1)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_the_bank_is_never_larger_than_its_limit(
    ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patchcore, "MAX_BANK", 50)
    detector = new("texture", coreset_ratio=ratio).fit(crops(0), normals(3))
    assert len(bank_of(detector)) == 50
    assert learned(detector)["near"].shape == (50, 9)


def test_a_bank_of_one_patch_or_fewer_than_neighbours_gives_a_map() -> None:
    for count in (1, 4):
        detector = new("texture", coreset_ratio=count / N_CELLS).fit(crops(0), [])
        assert len(bank_of(detector)) == count
        found = maps_of(detector.to_graph(), crops(90, defect="blot"))
        assert np.isfinite(found).all()
        assert found.max() > 0


def test_the_bank_holds_patches_of_good_images_the_first_of_the_reference_first() -> None:
    images = [crops(0), *normals(3)]
    detector = new("texture").fit(images[0], images[1:])
    patches = white_patches(detector, images).reshape(-1, detector.dimensions)
    bank = bank_of(detector)
    assert np.allclose(bank[0], patches[0], atol=1e-3)
    nearest = [np.abs(patches - one).max(axis=1).min() for one in bank]
    assert max(nearest) < 1e-3


def test_patches_outside_the_region_never_enter_the_bank() -> None:
    masks = np.zeros((1, *NET_HW), np.bool_)
    masks[:, 16:48, 32:80] = True
    images = [crops(0), *normals(2)]
    detector = new("texture", masks=masks, coreset_ratio=1.0).fit(images[0], images[1:])
    white = white_patches(detector, images)[:, 0]
    inside = white[:, 2:6, 4:10].reshape(-1, detector.dimensions)
    bank = bank_of(detector)
    assert len(bank) == len(inside) == 3 * 4 * 6
    nearest = [np.abs(inside - one).max(axis=1) for one in bank]
    assert max(away.min() for away in nearest) < 1e-3
    assert sorted(int(away.argmin()) for away in nearest) == list(range(len(bank)))


def test_progress_is_told_while_the_bank_is_thinned() -> None:
    told: list[tuple[str, int, int]] = []
    detector = PatchcoreDetector(
        make_backbone("bank"),
        NET_HW,
        kind="texture",
        progress=lambda step, done, total: told.append((step, done, total)),
    )
    detector.fit(crops(0), normals(3))
    count = len(bank_of(detector))
    assert told[-1] == ("coreset", count, count)


# -- graph -------------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [1, 9])
def test_positions_compared_some_at_a_time_give_the_map_of_all_at_once(
    neighbours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = np.concatenate([crops(90, defect="blot"), crops(91)])
    images = [crops(0), *normals(2)]
    maps = []
    for limit in (7, N_CELLS):
        monkeypatch.setattr(patchcore, "MAX_POSITIONS", limit)
        detector = new("texture", neighbours=neighbours).fit(images[0], images[1:])
        maps.append(maps_of(detector.to_graph(), seen, [0, 0]))
    assert maps[0].max() > 1
    assert np.allclose(maps[0], maps[1], rtol=1e-4, atol=1e-4)


def test_a_crop_of_more_positions_than_are_compared_at_a_time_has_the_same_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net_hw = (256, 288)
    assert net_hw[0] * net_hw[1] // GRID**2 > patchcore.MAX_POSITIONS
    seen = crops(90, defect="blot", net_hw=net_hw)
    detector = new("texture", net_hw=net_hw).fit(crops(0, net_hw=net_hw), [])
    parted = maps_of(detector.to_graph(), seen)
    monkeypatch.setattr(patchcore, "MAX_POSITIONS", 10**6)
    whole = new("texture", net_hw=net_hw).fit(crops(0, net_hw=net_hw), [])
    assert np.allclose(parted, maps_of(whole.to_graph(), seen), rtol=1e-4, atol=1e-4)


# -- few images, seeds, refusals -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["object", "texture"])
def test_one_good_image_is_enough(kind: FixedKind) -> None:
    graph = new(kind).fit(crops(0), []).to_graph()
    clean, flawed = (maps_of(graph, crops(90, defect=d)) for d in ("none", "blot"))
    assert maps_of(graph, crops(0)).max() == 0
    assert flawed.max() > 3 * clean.max()


def test_fewer_dimensions_keep_what_varies_most() -> None:
    images = [crops(0), *normals(3)]
    whole = new(whiten=False).fit(images[0], images[1:])
    first, again = (
        learned(new(dimensions=16, whiten=False).fit(images[0], images[1:]))["weight"]
        for _ in range(2)
    )
    assert first.shape[:2] == (16, make_backbone("bank").card.channels)
    assert np.array_equal(first, again)
    fewer = new(dimensions=16, whiten=False).fit(images[0], images[1:])
    patches, short = (white_patches(one, images[:1]).reshape(N_CELLS, -1) for one in (whole, fewer))
    lengths, shorter = (np.square(one - one[0]).sum(axis=1)[1:] for one in (patches, short))
    assert np.corrcoef(lengths, shorter)[0, 1] > 0.99


def test_other_starts_span_the_same_directions() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    covariance = (basis * np.geomspace(1, 1e-4, 60)) @ basis.T
    one, other = (principal(covariance, 12, seed) for seed in (0, 1))
    assert np.allclose(one @ one.T, np.eye(12), atol=1e-6)
    most = np.linalg.eigvalsh(covariance)[-12:].sum()
    assert np.trace(one @ covariance @ one.T) > 0.98 * most
    assert np.linalg.norm(one @ other.T) ** 2 > 0.95 * 12  # 12 when the spans are equal


def test_foreign_features_are_not_whitened_unless_asked() -> None:
    card = BackboneCard("file:abc", stride=8, channels=4, receptive_px=8, multiple=8)
    foreign = SimpleNamespace(card=card)
    for whiten, expected in (("auto", False), (True, True), (False, False)):
        detector = PatchcoreDetector(cast("Any", foreign), (64, 64), options={"whiten": whiten})
        assert detector.whitened is expected
    assert new().whitened


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("search", "local"),
        ("neighbourhood", 2),
        ("window", 7),
        ("dimensions", 4),
        ("coreset_ratio", 0),
        ("coreset_ratio", 1.2),
        ("neighbours", 0),
        ("neighbours", 33),
    ],
)
def test_an_option_out_of_range_or_of_another_type_is_refused_by_name(
    name: str, value: Any
) -> None:
    with pytest.raises(OptionError, match=f"'{name}' of detector 'patchcore' is {value!r}"):
        new(**{name: value})


def test_an_unknown_option_is_refused_with_the_known_names() -> None:
    with pytest.raises(
        OptionError, match=r"'patchcore' has no option 'ratio'. Known: coreset_ratio, dimensions,"
    ):
        new(ratio=0.1)
