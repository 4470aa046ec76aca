from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from offspec.backbones import make_backbone
from offspec.detectors.feature_based import DEAD_ZONE
from offspec.detectors.reference import FINE_UNIT, Embedding, ReferenceDetector
from offspec.detectors.tolerance import (
    FINE_PRIOR,
    NOISE,
    PRIOR_NORMALS,
    SHIFT_PX,
    FeatureTolerance,
    FineTolerance,
    TextureTolerance,
    apply,
    box3,
    feature_tolerance,
    fine_tolerance,
    second_moment,
    slopes,
    whitening,
)
from offspec.types import DoubleArray, FixedKind, FloatArray
from tests.contract.make import NET_HW, crops, maps_of, new_detector, normals
from tests.synth import FLAWS, Flaw

STRIDE = make_backbone("bank").card.stride
CELLS = (NET_HW[0] // STRIDE, NET_HW[1] // STRIDE)


def fitted(kind: FixedKind = "object", n_normals: int = 6, n_slots: int = 1) -> ReferenceDetector:
    return new_reference(kind).fit(crops(0, n_slots), normals(n_normals - 1, n_slots))


def new_reference(kind: FixedKind) -> ReferenceDetector:
    return ReferenceDetector(make_backbone("bank"), NET_HW, kind=kind)


# -- second implementation of the map, straight from the statistics ------------------


def slow_features(seen: DoubleArray, t: FeatureTolerance, slot: int) -> DoubleArray:
    """(h, w) squared distance of (C, h, w) features, cell by cell."""
    weight = t.weight.astype(np.float64)
    centre = t.centre[slot].astype(np.float64)
    inverse_width = t.inverse_width[slot].astype(np.float64)
    _, h, w = centre.shape
    distance = np.empty((h, w))
    for y, x in product(range(h), range(w)):
        width = inverse_width[:, y, x]
        r = (weight @ seen[:, y, x] - centre[:, y, x]) * width
        if t.toward is not None:
            toward = t.toward[slot, :, y, x].astype(np.float64)
            share = np.clip(r @ toward * t.toward_inverse[slot, 0, y, x], 0, 1)
            r = r - share * toward
        left, right = centre[:, y, max(x - 1, 0)], centre[:, y, min(x + 1, w - 1)]
        above, below = centre[:, max(y - 1, 0), x], centre[:, min(y + 1, h - 1), x]
        step = SHIFT_PX / (2 * STRIDE)
        directions = np.stack([(right - left) * step * width, (below - above) * step * width])
        pq = directions @ r
        xx, xy, yy = t.shift_inverse[slot, :, y, x].astype(np.float64)
        rest = r @ r - pq @ np.array([[xx, xy], [xy, yy]]) @ pq
        distance[y, x] = max(rest, 0) * t.gain[slot, 0, y, x]
    return distance


def slow_fine(seen: DoubleArray, t: FineTolerance, slot: int) -> DoubleArray:
    """(h, w) least residual of a (h, w) plane over five whole shifts, each solved."""
    planes = np.pad(t.planes[slot].astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    h, w = seen.shape
    best: DoubleArray = np.full((h, w), np.inf)
    for dy, dx in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2)):
        low, high, slope_x, slope_y, xx, xy, yy = planes[:, dy : dy + h, dx : dx + w]
        r = seen - np.clip(seen, low, high)
        e, p, q = (slow_mean(term) for term in (r * r, r * slope_x, r * slope_y))
        best = np.minimum(best, e - (p * p * xx + 2 * p * q * xy + q * q * yy))
    return np.asarray(np.maximum(best, 0))


def slow_texture(seen: DoubleArray, t: TextureTolerance, slot: int) -> DoubleArray:
    """(h, w) smaller mean squared distance of (C, h, w) features to texture and place."""
    z = np.einsum("oc,chw->ohw", t.weight.astype(np.float64), seen)
    texture = np.square(z - t.centre[0]).mean(axis=0)
    place = np.square(z - t.place[slot]).mean(axis=0)
    nearest: DoubleArray = np.minimum(texture, place)
    return nearest


def slow_mean(plane: DoubleArray) -> DoubleArray:
    """3 x 3 mean over the pixels that exist."""
    h, w = plane.shape
    return np.array(
        [
            [plane[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean() for x in range(w)]
            for y in range(h)
        ]
    )


def slow_smooth(plane: DoubleArray) -> DoubleArray:
    padded = np.pad(plane, 1, mode="edge")
    h, w = plane.shape
    weights = np.outer([1, 2, 1], [1, 2, 1]) / 16
    shifts = product(range(3), repeat=2)
    return np.asarray(sum(weights[i, j] * padded[i : i + h, j : j + w] for i, j in shifts))


def slow_double(plane: DoubleArray) -> DoubleArray:
    """Twice the size, bilinear with aligned pixel centres, border repeated."""
    h, w = plane.shape
    rows = np.clip((np.arange(2 * h) + 0.5) / 2 - 0.5, 0, h - 1)
    columns = np.clip((np.arange(2 * w) + 0.5) / 2 - 0.5, 0, w - 1)
    across = np.stack([np.interp(columns, np.arange(w), row) for row in plane])
    return np.stack([np.interp(rows, np.arange(h), column) for column in across.T]).T


def slow_map(detector: ReferenceDetector, seen: FloatArray, slot: int) -> DoubleArray:
    """(H, W) map of one (3, H, W) crop."""
    embedding = detector.embed(seen[None])
    features = embedding.features[0].astype(np.float64)
    tolerance = detector.features_
    if isinstance(tolerance, TextureTolerance):
        distance = slow_double(slow_smooth(slow_texture(features, tolerance, slot)))
    else:
        assert tolerance is not None
        assert detector.fine_ is not None
        coarse = slow_double(slow_smooth(slow_features(features, tolerance, slot)))
        fine = slow_fine(embedding.fine[0, 0].astype(np.float64), detector.fine_, slot)
        distance = coarse + slow_smooth(fine) / FINE_UNIT
    return slow_double(np.maximum(distance - DEAD_ZONE, 0))


@pytest.mark.parametrize("kind", ["object", "texture"])
@pytest.mark.parametrize(("n_normals", "n_slots"), [(1, 1), (2, 3), (6, 1)])
def test_the_graph_agrees_with_a_slow_implementation(
    kind: FixedKind, n_normals: int, n_slots: int
) -> None:
    detector = fitted(kind, n_normals, n_slots)
    for defect in ("none", "blot"):
        batch = crops(90, n_slots, defect)
        maps = maps_of(detector.to_graph(), batch)
        for slot in {0, n_slots - 1}:
            expected = slow_map(detector, batch[slot], slot)
            assert np.allclose(maps[slot], expected, rtol=1e-4, atol=1e-4)


# -- slots -----------------------------------------------------------------------------


def only_slot(detector: ReferenceDetector, slot: int) -> ReferenceDetector:
    """A detector of one slot that holds the statistics of one of several."""
    keep = slice(slot, slot + 1)
    tolerance = detector.features_
    single = new_reference(detector.kind)
    if isinstance(tolerance, TextureTolerance):
        single.features_ = replace(tolerance, place=tolerance.place[keep])
        return single
    assert tolerance is not None
    assert detector.fine_ is not None
    single.features_ = replace(
        tolerance,
        centre=tolerance.centre[keep],
        toward=None if tolerance.toward is None else tolerance.toward[keep],
        inverse_width=tolerance.inverse_width[keep],
        toward_inverse=tolerance.toward_inverse[keep],
        shift_inverse=tolerance.shift_inverse[keep],
        gain=tolerance.gain[keep],
    )
    single.fine_ = FineTolerance(detector.fine_.planes[keep])
    return single


@pytest.mark.parametrize("kind", ["object", "texture"])
@pytest.mark.parametrize("n_normals", [1, 2, 6])
def test_a_graph_of_slots_equals_graphs_of_one_slot(kind: FixedKind, n_normals: int) -> None:
    detector = fitted(kind, n_normals, n_slots=3)
    batch = crops(90, 3, "blot")
    maps = maps_of(detector.to_graph(), batch)
    for slot in range(3):
        single = only_slot(detector, slot).to_graph()
        alone = maps_of(single, batch)
        assert np.allclose(alone[slot], maps[slot], rtol=1e-6, atol=1e-6)


# -- what the tolerance means ------------------------------------------------------------


def spread_of(noise: float, shift: float, kind: FixedKind = "object") -> ReferenceDetector:
    """Fitted on six normals that vary as much as told."""
    rng = np.random.default_rng(11)
    moves = [(float(x), float(y)) for x, y in rng.uniform(-shift, shift, (5, 2))]
    others = [
        crops(i, noise=noise, shift_xy=move if shift else (0.0, 0.0))
        for i, move in enumerate(moves, 1)
    ]
    return new_reference(kind).fit(crops(0, noise=noise), others)


@pytest.mark.parametrize("kind", ["object", "texture"])
def test_more_varied_normals_widen_the_tolerance(kind: FixedKind) -> None:
    seen = crops(90, noise=0.03, shift_xy=(0.8, -0.6))
    levels = [
        float(maps_of(spread_of(noise, shift, kind).to_graph(), seen).mean())
        for noise, shift in ((0.005, 0.0), (0.015, 0.5), (0.04, 1.2))
    ]
    assert levels[0] > levels[1] > levels[2]


def test_variation_at_one_place_widens_the_tolerance_there() -> None:
    """A label that good parts carry in any grey may be any grey; elsewhere nothing changes."""

    def labelled(seed: int, grey: float) -> FloatArray:
        image = crops(seed)
        image[..., 24:40, 40:56] = grey
        return image

    greys = [0.3, 0.7, 0.4, 0.6, 0.5]
    varied = new_detector("reference").fit(
        labelled(0, 0.5), [labelled(i, g) for i, g in enumerate(greys, 1)]
    )
    steady = new_detector("reference").fit(
        labelled(0, 0.5), [labelled(i, 0.5) for i in range(1, 6)]
    )
    seen = labelled(90, 0.66)
    loose, strict = (maps_of(d.to_graph(), seen)[0, 28:36, 44:52].max() for d in (varied, steady))
    assert loose < 0.6 * strict


@pytest.mark.parametrize("shift_xy", [(0.5, 0.0), (0.0, 0.5), (-0.5, 0.5), (0.7, -0.7)])
def test_one_normal_allows_for_a_small_shift(shift_xy: tuple[float, float]) -> None:
    graph = fitted(n_normals=1).to_graph()
    moved = maps_of(graph, crops(90, shift_xy=shift_xy)).max()
    flawed = min(maps_of(graph, crops(90, 1, flaw)).max() for flaw in FLAWS)
    assert moved < 0.8 * flawed


def test_one_normal_allows_for_the_stated_noise() -> None:
    graph = fitted(n_normals=1).to_graph()
    noisy = maps_of(graph, crops(90, noise=NOISE)).max()
    assert noisy < 0.5 * min(maps_of(graph, crops(90, 1, flaw)).max() for flaw in FLAWS)


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("n_normals", [1, 6])
def test_every_flaw_stands_out(flaw: Flaw, n_normals: int) -> None:
    graph = fitted(n_normals=n_normals).to_graph()
    clean = max(maps_of(graph, crops(seed)).max() for seed in range(90, 95))
    assert maps_of(graph, crops(95, 1, flaw)).max() > 2 * clean


def test_everything_between_the_mean_and_the_reference_is_inside() -> None:
    """The band of the fine plane, and the free way from the centre to the reference."""
    detector = fitted()
    images = [detector.embed(c) for c in (crops(0), *normals(5))]
    tolerance, fine = detector.features_, detector.fine_
    assert isinstance(tolerance, FeatureTolerance)
    assert fine is not None
    reference = images[0]
    mean = mean_of([i.features for i in images])
    mean_fine = mean_of([i.fine for i in images])
    for share in (0.0, 0.5, 1.0):
        between = mean[0] + share * (reference.features[0] - mean[0])
        assert slow_features(between, tolerance, 0).max() < 1e-5
        plane = mean_fine[0, 0] + share * (reference.fine[0, 0] - mean_fine[0, 0])
        assert slow_fine(plane, fine, 0).max() < 1e-9


# -- parts -----------------------------------------------------------------------------


def random_features(
    count: int, channels: int = 5, n_slots: int = 2, seed: int = 0
) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    shape = (n_slots, channels, 6, 7)
    base = rng.standard_normal(shape)
    return [(base + 0.1 * rng.standard_normal(shape)).astype(np.float32) for _ in range(count)]


def mean_of(images: Sequence[FloatArray]) -> DoubleArray:
    stacked = np.stack(images).astype(np.float64)
    return np.asarray(stacked.mean(axis=0))


def test_second_moment_sums_over_masked_cells() -> None:
    one = random_features(1)[0]
    mask = np.random.default_rng(1).random((2, 6, 7)) > 0.4
    expected = np.zeros((5, 5))
    for s, y, x in zip(*np.nonzero(mask), strict=True):
        expected += np.outer(one[s, :, y, x], one[s, :, y, x])
    assert np.allclose(second_moment(one, mask), expected, rtol=1e-5, atol=1e-5)


def test_whitening_is_symmetric_in_the_units_of_each_channel_and_nearly_whitens() -> None:
    rng = np.random.default_rng(2)
    mixing = rng.standard_normal((5, 5))
    covariance = mixing @ mixing.T + np.diag([1, 1, 1, 1, 1.0])
    weight = whitening(covariance)
    assert weight.dtype == np.float32
    white = weight.astype(np.float64) @ covariance @ weight.T
    assert np.abs(np.diag(white) - 1).max() < 0.25
    scale = np.diag([1.0, 10, 0.1, 3, 1])
    rescaled = whitening(scale @ covariance @ scale) @ scale
    assert np.allclose(rescaled, weight, rtol=1e-4, atol=1e-5)


def test_whitening_of_independent_channels_divides_by_their_deviation() -> None:
    weight = whitening(np.diag([4.0, 0.25, 1e4]))
    assert np.allclose(weight, np.diag([0.5, 2, 0.01]), rtol=1e-6)


def test_whitening_shrinks_further_where_rounding_has_left_no_covariance() -> None:
    weight = whitening(np.array([[1.0, 1.2], [1.2, 1.0]]))
    assert np.isfinite(weight).all()
    assert (np.linalg.eigvalsh(weight) > 0).all()


def test_whitening_takes_a_channel_that_never_changes() -> None:
    assert np.isfinite(whitening(np.diag([1.0, 0.0]))).all()


def test_apply_is_the_matrix_product_at_every_cell() -> None:
    one = random_features(1)[0]
    weight = np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32)
    assert np.allclose(apply(weight, one), np.einsum("oc,schw->sohw", weight, one), atol=1e-5)


def test_slopes_are_what_a_shift_by_one_pixel_adds() -> None:
    ramp = np.zeros((1, 2, 6, 7), np.float32)
    ramp[0, 0] = np.arange(7) * STRIDE
    ramp[0, 1] = np.arange(6)[:, None] * 2 * STRIDE
    along_x, along_y = slopes(ramp, STRIDE)
    assert np.allclose(along_x[0, 0, :, 1:-1], SHIFT_PX)
    assert np.allclose(along_y[0, 1, 1:-1], 2 * SHIFT_PX)
    assert np.abs(along_x[0, 1]).max() == 0
    assert np.abs(along_y[0, 0]).max() == 0


def test_box3_is_the_mean_over_pixels_that_exist() -> None:
    planes = np.random.default_rng(4).random((2, 5, 6), np.float32)
    for found, plane in zip(box3(planes), planes, strict=True):
        assert np.allclose(found, slow_mean(plane.astype(np.float64)), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_feature_tolerance_is_centred_on_the_mean(count: int) -> None:
    images = random_features(count)
    mask = np.ones((2, 6, 7), np.bool_)
    moments = [second_moment(i, mask) for i in images]
    found = feature_tolerance(images, moments, 0.01 * np.eye(5), mask, STRIDE)
    mean = mean_of(images).astype(np.float32)
    assert np.allclose(found.centre, apply(found.weight, mean), rtol=1e-3, atol=1e-3)
    assert (found.toward is None) == (count == 1)
    assert (found.inverse_width > 0).all()
    assert (found.gain > 0).all()
    if found.toward is not None:
        expected = (apply(found.weight, images[0]) - found.centre) * found.inverse_width
        assert np.allclose(found.toward, expected, atol=1e-3)


def test_shift_matrices_invert_the_gram_of_the_shift_directions_plus_one() -> None:
    images = random_features(4)
    mask = np.ones((2, 6, 7), np.bool_)
    moments = [second_moment(i, mask) for i in images]
    found = feature_tolerance(images, moments, 0.01 * np.eye(5), mask, STRIDE)
    directions = np.stack([s * found.inverse_width for s in slopes(found.centre, STRIDE)])
    gram = np.einsum("aschw,bschw->shwab", directions, directions) + np.eye(2)
    xx, xy, yy = np.moveaxis(found.shift_inverse.astype(np.float64), 1, 0)
    inverse = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1)
    assert np.allclose(inverse @ gram, np.eye(2), atol=1e-4)


def test_fine_band_spans_mean_and_reference() -> None:
    rng = np.random.default_rng(6)
    images = [rng.random((2, 1, 8, 9), np.float32) for _ in range(4)]
    planes = fine_tolerance(images).planes
    mean = mean_of(images)[:, 0]
    assert np.allclose(planes[:, 0], np.minimum(images[0][:, 0], mean), atol=1e-6)
    assert np.allclose(planes[:, 1], np.maximum(images[0][:, 0], mean), atol=1e-6)


def test_fine_slopes_of_a_ramp() -> None:
    ramp = (0.1 * np.arange(9) + 0.2 * np.arange(8)[:, None]).astype(np.float32)
    planes = fine_tolerance([ramp[None, None]]).planes[0]
    inside = np.s_[2:-2, 2:-2]
    assert np.allclose(planes[2][inside], 0.1, atol=1e-6)
    assert np.allclose(planes[3][inside], 0.2, atol=1e-6)
    matrix = np.array([[0.01, 0.02], [0.02, 0.04]]) + FINE_PRIOR * np.eye(2)
    xx, xy, yy = planes[4:, 4, 4]
    assert np.allclose(np.array([[xx, xy], [xy, yy]]) @ matrix, np.eye(2), atol=1e-3)


def test_masked_cells_do_not_set_what_is_pooled() -> None:
    images = random_features(4)
    mask = np.ones((2, 6, 7), np.bool_)
    mask[:, :, 5:] = False
    wild = [i.copy() for i in images]
    for n, one in enumerate(wild):
        one[..., 6] += 50 * n

    def weight_of(of: list[FloatArray]) -> FloatArray:
        moments = [second_moment(i, mask) for i in of]
        return feature_tolerance(of, moments, 0.01 * np.eye(5), mask, STRIDE).weight

    assert np.allclose(weight_of(wild), weight_of(images), rtol=1e-5)


def test_an_empty_mask_counts_every_cell() -> None:
    masks = np.zeros((1, *NET_HW), np.bool_)
    detector = ReferenceDetector(make_backbone("bank"), NET_HW, masks=masks)
    everywhere = new_detector("reference")
    one, other = detector.embed(crops(0)), everywhere.embed(crops(0))
    assert isinstance(one, Embedding)
    assert np.array_equal(one.moment, other.moment)


def test_embedding_has_the_shapes_of_both_views() -> None:
    embedding = new_detector("reference").embed(crops(0, 3))
    channels = make_backbone("bank").card.channels
    assert embedding.features.shape == (3, channels, *CELLS)
    assert embedding.fine.shape == (3, 1, NET_HW[0] // 2, NET_HW[1] // 2)
    assert embedding.moment.shape == (channels, channels)


def test_pooled_scatter_survives_features_far_from_zero() -> None:
    """Dark flat parts under good light: tone near -1, its variance near 1e-8."""
    rng = np.random.default_rng(7)
    images = [
        (-1 + 1e-4 * rng.standard_normal((1, 2, 16, 24))).astype(np.float32) for _ in range(6)
    ]
    mask = np.ones((1, 16, 24), np.bool_)
    noise = 1e-10 * np.eye(2)
    moments = [second_moment(i, mask) for i in images]
    found = feature_tolerance(images, moments, noise, mask, STRIDE)
    stacked = np.stack(images).astype(np.float64)
    shifts = slopes(mean_of(images).astype(np.float32), STRIDE)
    allowed = noise + sum(second_moment(s, mask) for s in shifts) / mask.sum()
    rest = stacked - stacked.mean(axis=0)
    scatter = np.einsum("nschw,nsdhw->cd", rest, rest) / mask.sum()
    expected = whitening((PRIOR_NORMALS * allowed + scatter) / (PRIOR_NORMALS + 5))
    assert np.allclose(found.weight, expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())
