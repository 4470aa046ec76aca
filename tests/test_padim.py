from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from offspec.backbones import BackboneCard, make_backbone
from offspec.detectors.feature_based import DEAD_ZONE, SAME
from offspec.detectors.padim import PRIOR_NORMALS, PadimDetector
from offspec.detectors.tolerance import SHRINKAGE
from offspec.errors import DatasetError, LimitError, NotFittedError, OptionError
from offspec.types import BoolArray, DoubleArray, FixedKind, FloatArray
from tests.contract.make import NET_HW, crops, graph_bytes, maps_of, normals
from tests.test_tolerance import slow_smooth

STRIDE = make_backbone("bank").card.stride
CHANNELS = make_backbone("bank").card.channels
CELLS = (NET_HW[0] // STRIDE, NET_HW[1] // STRIDE)


def new(
    kind: FixedKind = "object",
    *,
    net_hw: tuple[int, int] = NET_HW,
    masks: BoolArray | None = None,
    seed: int = 0,
    **options: Any,
) -> PadimDetector:
    return PadimDetector(
        make_backbone("bank"), net_hw, masks=masks, kind=kind, seed=seed, options=options
    )


# -- second implementation of fit and map, by inverse covariances -------------------------


def slow_map(
    detector: PadimDetector, images: Sequence[FloatArray], seen: FloatArray, slot: int
) -> DoubleArray:
    """(H, W) map of one (3, H, W) crop, from the crops that were learned from."""
    learned = [detector.embed(one).features.astype(np.float64) for one in images]
    features = detector.embed(seen[None]).features[0].astype(np.float64)
    inside = np.ones((len(images[0]), *CELLS), np.bool_)
    if detector.masks is not None:
        inside = detector.masks[:, ::STRIDE, ::STRIDE]
    own = slow_texture if detector.kind == "texture" else slow_object
    distance, root = own(detector, learned, features, inside, slot)
    away = np.square(np.einsum("oc,chw->ohw", root, features - learned[0][slot])).mean(axis=0)
    return slow_finished(distance * away / (away + SAME), STRIDE)


def slow_finished(distance: DoubleArray, stride: int) -> DoubleArray:
    return slow_enlarged(np.maximum(slow_smooth(distance) - DEAD_ZONE, 0), stride)


def slow_enlarged(plane: DoubleArray, factor: int) -> DoubleArray:
    """Bilinear with aligned pixel centres, border repeated."""
    h, w = plane.shape
    rows = np.clip((np.arange(factor * h) + 0.5) / factor - 0.5, 0, h - 1)
    columns = np.clip((np.arange(factor * w) + 0.5) / factor - 0.5, 0, w - 1)
    across = np.stack([np.interp(columns, np.arange(w), row) for row in plane])
    return np.stack([np.interp(rows, np.arange(h), column) for column in across.T]).T


Found = tuple[DoubleArray, DoubleArray]  # distance (h, w), and what whitens (d, d)


def slow_object(
    detector: PadimDetector,
    learned: Sequence[DoubleArray],
    features: DoubleArray,
    inside: BoolArray,
    slot: int,
) -> Found:
    n, d = len(learned), learned[0].shape[1]
    stack = np.stack(learned)
    mean = stack.mean(axis=0)
    away = (stack - mean).transpose(0, 1, 3, 4, 2)
    rows = away[:, inside].reshape(-1, d)
    scatter = rows.T @ rows / inside.sum()
    pooled = (PRIOR_NORMALS * noise_of(detector) + scatter) / (PRIOR_NORMALS + n - 1)
    root = slow_root(pooled)
    found = np.empty(CELLS)
    for y, x in product(*map(range, CELLS)):
        deviations = away[:, slot, y, x] @ root.T
        r = root @ (features[:, y, x] - mean[slot, :, y, x])
        found[y, x] = slow_distance(detector, deviations, r)
    return found, root


def slow_distance(detector: PadimDetector, deviations: DoubleArray, r: DoubleArray) -> float:
    """Mahalanobis distance over dimensions, by the shrunk covariance of one position."""
    n, d = deviations.shape
    own = deviations.T @ deviations / (n - 1)
    given = detector.options.model_dump()
    share = given["shrinkage"] or (d / (d + n - 1))
    if detector.covariance == "diagonal":
        share = given["shrinkage"] or (20 / (20 + n - 1))
        own = np.diag(np.diag(own))
    factor = 1.0
    if detector.covariance == "low_rank":
        values, vectors = np.linalg.eigh(own)
        values[: d - min(given["rank"], d)] = 0
        own, factor = (vectors * values) @ vectors.T, share
    shrunk = (1 - share) * own + share * np.eye(d)
    return float(factor * (r @ np.linalg.inv(shrunk) @ r) / d)


def slow_texture(
    detector: PadimDetector,
    learned: Sequence[DoubleArray],
    features: DoubleArray,
    inside: BoolArray,
    slot: int,
) -> Found:
    cells = np.concatenate([one.transpose(0, 2, 3, 1)[inside] for one in learned])
    covariance = np.cov(cells.T, bias=True) + noise_of(detector)
    deviation = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    if detector.covariance == "full":
        values = (1 - SHRINKAGE) * values + SHRINKAGE
    elif detector.covariance == "diagonal":
        values, vectors = np.ones_like(values), np.eye(len(values))
    else:
        rest = len(values) - detector.options.model_dump()["rank"]
        values[:rest] = values[:rest].mean()
    root = (vectors / np.sqrt(values)) @ vectors.T / deviation
    r = np.einsum("oc,chw->ohw", root, features - cells.mean(axis=0)[:, None, None])
    return np.square(r).mean(axis=0), root


def slow_root(covariance: DoubleArray) -> DoubleArray:
    """Inverse square root after shrinkage of the correlation."""
    deviation = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    return np.asarray((vectors / np.sqrt((1 - SHRINKAGE) * values + SHRINKAGE)) @ vectors.T) / (
        deviation
    )


def noise_of(detector: PadimDetector) -> DoubleArray:
    chosen = detector._chosen()
    return detector._noise_covariance()[chosen][:, chosen]


OPTIONS: list[tuple[FixedKind, Mapping[str, Any]]] = [
    ("object", {}),
    ("object", {"covariance": "diagonal", "shrinkage": 0.3}),
    ("object", {"covariance": "full"}),
    ("object", {"covariance": "full", "dimensions": 12, "shrinkage": 0.1}),
    ("object", {"covariance": "low_rank"}),
    ("object", {"covariance": "low_rank", "rank": 2, "shrinkage": 0.2}),
    ("object", {"covariance": "low_rank", "rank": 40, "dimensions": 30}),
    ("texture", {}),
    ("texture", {"dimensions": 20}),
    ("texture", {"covariance": "diagonal"}),
    ("texture", {"covariance": "low_rank", "rank": 10}),
]


@pytest.mark.parametrize(
    ("kind", "options"), OPTIONS, ids=[f"{k}-{'-'.join(map(str, o.values()))}" for k, o in OPTIONS]
)
def test_the_graph_agrees_with_a_slow_implementation(
    kind: FixedKind, options: Mapping[str, Any]
) -> None:
    images = [crops(0, 2), *normals(5, 2)]
    detector = new(kind, **options).fit(images[0], images[1:])
    batch = np.concatenate([crops(90, 2, "blot"), crops(91, 2)])
    maps = maps_of(detector.to_graph(), batch, [0, 1, 0, 1])
    for at in (0, 3):
        expected = slow_map(detector, images, batch[at], at % 2)
        assert np.allclose(maps[at], expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", ["object", "texture"])
def test_with_masks_the_graph_agrees_with_a_slow_implementation(kind: FixedKind) -> None:
    masks = np.zeros((1, *NET_HW), np.bool_)
    masks[:, 16:48, 8:64] = True
    images = [crops(0), *normals(4)]
    detector = new(kind, masks=masks).fit(images[0], images[1:])
    seen = crops(90, defect="blot")
    expected = slow_map(detector, images, seen[0], 0)
    assert np.allclose(maps_of(detector.to_graph(), seen)[0], expected, rtol=2e-3, atol=2e-3)


# -- covariances -------------------------------------------------------------------------


def test_low_rank_is_full_times_the_share_where_every_direction_is_kept() -> None:
    share = 0.2
    images = [crops(0), *normals(4)]
    full = new(covariance="full", shrinkage=share).fit(images[0], images[1:])
    low = new(covariance="low_rank", rank=4, shrinkage=share).fit(images[0], images[1:])
    seen = crops(90, defect="blot")
    whole, part = (maps_of(one.to_graph(), seen)[0] for one in (full, low))
    assert whole.max() > 10
    assert np.allclose(part, share * whole, rtol=1e-3, atol=DEAD_ZONE)


def test_a_lower_rank_leaves_more_unexplained() -> None:
    images = [crops(0), *normals(6)]
    seen = crops(90, defect="blot")
    fewer, more = (
        maps_of(
            new(covariance="low_rank", rank=rank, shrinkage=0.1)
            .fit(images[0], images[1:])
            .to_graph(),
            seen,
        )
        for rank in (1, 5)
    )
    assert (fewer >= more - 1e-4).all()
    assert fewer.sum() > more.sum()


def test_with_all_weight_on_the_common_covariance_full_is_diagonal() -> None:
    images = [crops(0), *normals(4)]
    seen = crops(90, defect="blot")
    one, other = (
        maps_of(new(covariance=c, shrinkage=1.0).fit(images[0], images[1:]).to_graph(), seen)
        for c in ("diagonal", "full")
    )
    assert np.allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "meant"), [("object", "diagonal"), ("texture", "full")])
def test_auto_is_diagonal_for_objects_and_full_for_textures(kind: FixedKind, meant: str) -> None:
    images = [crops(0), *normals(3)]
    auto, named = (
        new(kind, covariance=c).fit(images[0], images[1:]).to_graph() for c in ("auto", meant)
    )
    assert graph_bytes(auto) == graph_bytes(named)


@pytest.mark.parametrize("covariance", ["full", "low_rank"])
def test_the_reference_scores_zero_whatever_the_covariance(covariance: str) -> None:
    detector = new(covariance=covariance).fit(crops(0), normals(4))
    assert maps_of(detector.to_graph(), crops(0)).max() == 0


@pytest.mark.parametrize("covariance", ["full", "low_rank"])
def test_threads_of_the_linear_algebra_do_not_change_the_bytes(covariance: str) -> None:
    pools = pytest.importorskip("threadpoolctl")
    found = []
    for threads in (1, 2):
        with pools.threadpool_limits(threads):
            graph = new(covariance=covariance).fit(crops(0), normals(4)).to_graph()
        found.append(graph_bytes(graph))
    assert found[0] == found[1]


def test_positions_that_vary_more_are_forgiven_more() -> None:
    """The same blot, where good parts show blots of all strengths and where they show none."""
    rng = np.random.default_rng(0)
    images = [crops(i) for i in range(12)]
    for one in images:
        one[:, :, 40:52, 8:20] *= rng.uniform(0.5, 1.0)
    detector = new().fit(images[0], images[1:])
    seen = crops(90)
    seen[:, :, 40:52, 8:20] *= 0.4
    seen[:, :, 40:52, 76:88] *= 0.4
    found = maps_of(detector.to_graph(), seen)[0]
    assert found[40:52, 76:88].max() > 2 * found[40:52, 8:20].max()


# -- dimensions --------------------------------------------------------------------------


def test_dimensions_are_a_choice_of_channels_that_the_seed_makes() -> None:
    everything = new().embed(crops(3)).features
    chosen = new(dimensions=20).embed(crops(3)).features
    rows = {channel.tobytes(): at for at, channel in enumerate(everything[0])}
    found = [rows[channel.tobytes()] for channel in chosen[0]]
    assert len(found) == 20
    assert found == sorted(set(found))
    assert np.array_equal(new(dimensions=20).embed(crops(3)).features, chosen)
    assert not np.array_equal(new(dimensions=20, seed=1).embed(crops(3)).features, chosen)


def test_channels_that_were_not_chosen_have_no_weight() -> None:
    detector = new(dimensions=9).fit(crops(0), normals(3))
    assert detector.arrays_ is not None
    weight = detector.arrays_["weight"]
    assert weight.shape == (9, CHANNELS, 1, 1)
    assert np.count_nonzero(np.abs(weight).sum(axis=(0, 2, 3))) == 9


@pytest.mark.parametrize("dimensions", [None, CHANNELS, CHANNELS + 30])
def test_as_many_dimensions_as_channels_or_more_are_all_of_them(dimensions: int | None) -> None:
    detector = new(dimensions=dimensions)
    assert detector.dimensions == CHANNELS
    assert np.array_equal(detector.embed(crops(3)).features, new().embed(crops(3)).features)


# -- limits ------------------------------------------------------------------------------

AT_256 = [("full", {}, 63), ("low_rank", {"rank": 60}, 66)]


@pytest.mark.parametrize(("covariance", "options", "fits"), AT_256)
def test_the_largest_dimension_that_fits_is_named_and_is_exactly_that(
    covariance: str, options: Mapping[str, Any], fits: int
) -> None:
    with pytest.raises(LimitError, match=f"which {fits} dimensions fit.*'dimensions'"):
        new(net_hw=(256, 256), covariance=covariance, **options).check_limits()
    new(net_hw=(256, 256), covariance=covariance, dimensions=fits, **options).check_limits()
    with pytest.raises(LimitError, match=f"which {fits} dimensions fit"):
        new(net_hw=(256, 256), covariance=covariance, dimensions=fits + 1, **options).check_limits()


def test_over_the_limit_nothing_is_fitted() -> None:
    detector = new(net_hw=(512, 512), covariance="full")
    with pytest.raises(LimitError, match=r"'padim' needs \d+ MB for full covariances of 70"):
        detector.fit(np.zeros((1, 3, 512, 512), np.float32), [])
    with pytest.raises(NotFittedError):
        detector.to_graph()


def test_what_is_within_the_limit_takes_the_memory_that_was_counted() -> None:
    """The limit is on what a graph stores; nothing learned may escape the count."""
    for covariance in ("full", "low_rank", "diagonal"):
        for kind in ("object", "texture"):
            detector = new(kind, covariance=covariance).fit(crops(0), normals(3))
            assert detector.arrays_ is not None
            stored = {n: a for n, a in detector.arrays_.items() if n != "weight"}
            positions = [a.nbytes for a in stored.values() if a.size > CHANNELS]
            assert sum(positions) == detector.slot_bytes()


@pytest.mark.parametrize("covariance", ["full", "low_rank", "diagonal"])
def test_a_texture_has_no_limit_by_position_and_no_such_advice(covariance: str) -> None:
    """One covariance serves all positions of a texture: another one would not make it smaller."""
    new("texture", net_hw=(1024, 1024), covariance=covariance).check_limits()
    with pytest.raises(LimitError, match="lower resolution") as caught:
        new("texture", net_hw=(4096, 4096), covariance=covariance).check_limits()
    assert "covariance" not in str(caught.value)


# -- refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_images_of_an_object_are_refused_with_the_number_needed(count: int) -> None:
    with pytest.raises(DatasetError, match=rf"'padim' has {count} good images.*at least 3"):
        new().fit(crops(0), normals(count - 1))


def test_three_images_of_an_object_and_one_of_a_texture_are_enough() -> None:
    objects = new().fit(crops(0), normals(2)).to_graph()
    texture = new("texture").fit(crops(0), []).to_graph()
    for graph in (objects, texture):
        clean, flawed = (maps_of(graph, crops(90, defect=d)) for d in ("none", "blot"))
        assert flawed.max() > 3 * clean.max()


def test_an_unknown_option_is_refused_with_the_known_names() -> None:
    with pytest.raises(
        OptionError,
        match=r"'padim' has no option 'dimension'. Known: covariance, dimensions, epsilon, rank,",
    ):
        new(dimension=20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("covariance", "whole"),
        ("dimensions", 0),
        ("dimensions", 20.0),
        ("dimensions", "20"),
        ("rank", 0),
        ("rank", True),
        ("shrinkage", 0),
        ("shrinkage", 1.5),
    ],
)
def test_an_option_out_of_range_or_of_another_type_is_refused_by_name(
    name: str, value: Any
) -> None:
    with pytest.raises(OptionError, match=f"'{name}' of detector 'padim' is {value!r}"):
        new(**{name: value})


@pytest.mark.parametrize("kind", ["object", "texture"])
def test_a_large_epsilon_leaves_the_distance_to_the_mean(kind: FixedKind) -> None:
    """With all variances alike nothing is weighed: the whitening is a multiple of one."""
    images = [crops(0), *normals(6)]
    fitted = new(kind, epsilon=1e6).fit(images[0], images[1:])
    assert fitted.arrays_ is not None
    weight = fitted.arrays_["weight"][:, :, 0, 0]
    assert np.allclose(weight / weight[0, 0], np.eye(len(weight)), atol=1e-2)


def test_foreign_features_get_the_epsilon_of_the_paper() -> None:
    card = BackboneCard("file:abc", stride=8, channels=4, receptive_px=8, multiple=8)
    foreign = PadimDetector(cast("Any", SimpleNamespace(card=card)), (64, 64))
    assert np.array_equal(foreign._floor(), 0.01 * np.eye(4))
    assert not new()._floor().any()
