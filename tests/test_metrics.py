"""Every metric against a second implementation or a case worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from sklearn import metrics as sk

from offspec import metrics as m
from offspec.errors import MetricError
from offspec.types import BoolArray, DoubleArray, FloatArray

Maps = tuple[list[FloatArray], list[BoolArray]]


def samples(seed: int, *, ties: bool) -> tuple[DoubleArray, BoolArray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(200) < 0.3
    scores = rng.normal(size=200) + labels
    return (np.round(scores, 1) if ties else scores), labels


def scenes(seed: int = 0, *, ties: bool = False) -> Maps:
    """Images of different sizes, good ones among them, several defects in some."""
    rng = np.random.default_rng(seed)
    maps, masks = [], []
    for index, shape in enumerate([(30, 40), (25, 50), (40, 40), (32, 32), (20, 60)]):
        mask = np.zeros(shape, bool)
        if index % 2 == 0:
            mask[3:9, 4:12] = True
            mask[15, 20:22] = True
            mask[16, 22] = True  # joined by a corner
        values = ndimage.gaussian_filter(rng.random(shape), 1.0) + 0.15 * mask * rng.random(shape)
        maps.append((np.round(values, 2) if ties else values).astype(np.float32))
        masks.append(mask)
    return maps, masks


def slow_pro_curve(
    maps: list[FloatArray], masks: list[BoolArray]
) -> tuple[DoubleArray, DoubleArray]:
    """Per-region overlap by definition: every threshold, every component, one by one."""
    regions = []
    for values, mask in zip(maps, masks, strict=True):
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [values[labels == i] for i in range(1, count + 1)]
    normal = np.concatenate([v[~k] for v, k in zip(maps, masks, strict=True)])
    levels = np.unique(np.concatenate([v.ravel() for v in maps]))[::-1]
    fpr = np.array([(normal > t).mean() for t in levels] + [1.0])
    pro = np.array([np.mean([(r > t).mean() for r in regions]) for t in levels] + [1.0])
    return fpr, pro


def slow_area(x: DoubleArray, y: DoubleArray, limit: float) -> float:
    inside = x <= limit
    cut = float(np.interp(limit, x, y))
    return float(np.trapezoid([*y[inside], cut], [*x[inside], limit])) / limit


# Ranking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_auroc_and_average_precision_against_sklearn(seed: int, ties: bool) -> None:
    scores, labels = samples(seed, ties=ties)
    assert m.auroc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.average_precision_score(labels, scores)
    assert m.average_precision(scores, labels) == pytest.approx(expected)


@pytest.mark.parametrize("ties", [False, True])
def test_f1_max_against_all_thresholds(ties: bool) -> None:
    scores, labels = samples(5, ties=ties)
    best, threshold = m.f1_max(scores, labels)
    every = [sk.f1_score(labels, scores >= t) for t in np.unique(scores)]
    assert best == pytest.approx(max(every))
    assert sk.f1_score(labels, scores > threshold) == pytest.approx(best)


def test_f1_threshold_holds_in_single_precision() -> None:
    values = np.array([[0.1, 0.3], [0.3, 0.7]], np.float32)
    truth = np.array([[False, False], [False, True]])
    best, threshold = m.pixel_f1_max([values], [truth])
    assert best == 1.0
    assert ((values > threshold) == truth).all()


@pytest.mark.parametrize("ties", [False, True])
def test_curves_run_from_corner_to_corner_and_enclose_the_areas(ties: bool) -> None:
    scores, labels = samples(6, ties=ties)
    fpr, tpr, thresholds = m.roc_curve(scores, labels)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert float(np.trapezoid(tpr, fpr)) == pytest.approx(m.auroc(scores, labels))
    assert tpr[3] == (scores[labels] > thresholds[3]).mean()
    precision, recall, _ = m.pr_curve(scores, labels)
    area = float(np.sum(np.diff(recall) * precision[1:]))
    assert area == pytest.approx(m.average_precision(scores, labels))
    assert precision[0] == 1.0


def test_ties_by_hand() -> None:
    assert m.auroc([1.0, 1.0, 1.0], [False, True, True]) == 0.5
    assert m.auroc([0.0, 1.0, 1.0, 2.0], [False, False, True, True]) == pytest.approx(0.875)
    assert m.average_precision([1.0, 1.0], [False, True]) == 0.5


def test_infinite_scores_rank() -> None:
    assert m.auroc([1.0, math.inf, -math.inf], [False, True, False]) == 1.0


@pytest.mark.parametrize(("far", "found"), [(0.0, 0.25), (0.1, 0.5), (0.19, 0.5), (1.0, 1.0)])
def test_detection_at_far_by_hand(far: float, found: float) -> None:
    good = np.arange(1.0, 11.0)
    bad = np.array([20.0, 9.5, 9.0, 0.0])
    labels = np.arange(14) >= 10
    assert m.detection_at_far(np.concatenate([good, bad]), labels, far) == found


def test_detection_at_far_counts_exactly_despite_binary_rounding() -> None:
    scores = np.concatenate([np.arange(100.0), [70.5]])
    assert m.detection_at_far(scores, np.arange(101) == 100, 0.29) == 1.0


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([1.0, 2.0], [True, True]), ([1.0], [False]), ([], []), ([1.0, math.nan], [False, True])],
)
def test_undefined_ranking_is_an_error_not_a_number(
    scores: list[float], labels: list[bool]
) -> None:
    for metric in (m.auroc, m.average_precision, m.f1_max, m.roc_curve, m.pr_curve):
        with pytest.raises(MetricError):
            metric(scores, labels)


def test_lengths_must_agree() -> None:
    with pytest.raises(MetricError, match="one label per score"):
        m.auroc([1.0, 2.0], [True])


# Pixels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
def test_pixel_metrics_against_sklearn_on_images_of_different_sizes(ties: bool) -> None:
    maps, masks = scenes(ties=ties)
    scores = np.concatenate([v.ravel() for v in maps])
    labels = np.concatenate([k.ravel() for k in masks])
    assert m.pixel_auroc(maps, masks) == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.average_precision_score(labels, scores)
    assert m.pixel_ap(maps, masks) == pytest.approx(expected)
    assert m.pixel_f1_max(maps, masks)[0] == pytest.approx(m.f1_max(scores, labels)[0])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_aupro_against_the_definition(seed: int, limit: float, ties: bool) -> None:
    maps, masks = scenes(seed, ties=ties)
    expected = slow_area(*slow_pro_curve(maps, masks), limit)
    assert m.aupro(maps, masks, fpr_limit=limit) == pytest.approx(expected, abs=1e-9)


def test_aupro_by_hand() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0:2] = True
    mask[5:7, 5:7] = True
    perfect = mask.astype(np.float32)
    assert m.aupro([perfect], [mask]) == 1.0
    assert m.aupro([1.0 - perfect], [mask]) == 0.0
    half = perfect.copy()
    half[5:7, 5:7] = -1.0  # one of two defects is never found below the limit
    assert m.aupro([half], [mask]) == pytest.approx(0.5)
    flat = np.zeros((10, 10), np.float32)  # one straight line to (1, 1)
    assert m.aupro([flat], [mask], fpr_limit=0.3) == pytest.approx(0.15)


def test_aupro_counts_defects_not_pixels_and_corners_join() -> None:
    mask = np.zeros((20, 20), bool)
    mask[0:10, 0:10] = True
    mask[15, 15] = mask[16, 16] = True  # one defect in the 8-neighbourhood
    values = np.zeros((20, 20), np.float32)
    values[15, 15] = 1.0
    values[0:10, 0:10] = -1.0
    half_of_the_small_one = 0.25  # plus what the shared zero level brings
    shared = 0.25 * 0.5 * 0.3
    assert m.aupro([values], [mask]) == pytest.approx(half_of_the_small_one + shared)
    assert m.PixelRanking.from_maps([values], [mask]).n_components == 2


def test_false_positive_rate_uses_the_normal_pixels_of_all_images() -> None:
    maps, masks = scenes()
    noisy = np.full((30, 30), 9.0, np.float32)  # a good image above every defect
    before = m.aupro(maps, masks)
    assert m.aupro([*maps, noisy], [*masks, np.zeros((30, 30), bool)]) < before


def test_aupimo_against_the_definition() -> None:
    rng = np.random.default_rng(3)
    maps = [rng.random((60, 70)).astype(np.float32) for _ in range(4)]
    maps.append(rng.random((40, 50)).astype(np.float32))
    masks = [np.zeros(v.shape, bool) for v in maps]
    masks[0][5:20, 5:20] = masks[1][30:33, 8:30] = True
    maps[0][masks[0]] += 0.985
    maps[1][masks[1]] += 0.6
    good = [v for v, k in zip(maps, masks, strict=True) if not k.any()]
    low, high = 1e-3, 1e-1
    expected = []
    for values, mask in list(zip(maps, masks, strict=True))[:2]:
        grid = np.geomspace(low, high, 4001)
        levels = np.unique(np.concatenate([v.ravel() for v in maps]))[::-1]
        rates = np.array([np.mean([(g > t).mean() for g in good]) for t in levels])
        recall = np.array([(values[mask] > t).mean() for t in levels])
        at = np.searchsorted(rates, grid, side="right") - 1
        area = float(np.trapezoid(recall[at], np.log(grid))) / math.log(high / low)
        expected.append(area)
    found = m.aupimo_per_image(maps, masks, fpr_bounds=(low, high))
    assert found == pytest.approx(expected, abs=2e-3)
    assert m.aupimo(maps, masks, fpr_bounds=(low, high)) == pytest.approx(float(found.mean()))


def test_aupimo_of_perfect_and_useless_maps() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:9, 5:9] = True
    good = np.random.default_rng(0).random((400, 400)).astype(np.float32)
    masks = [mask, np.zeros(good.shape, bool)]
    assert m.aupimo([mask.astype(np.float32) + 1, good], masks) == 1.0
    assert m.aupimo([np.zeros((40, 40), np.float32), good], masks) == 0.0


def test_drawn_masks_by_hand() -> None:
    truth = np.zeros((10, 10), bool)
    truth[0:4, 0:5] = True
    drawn = np.zeros((10, 10), bool)
    drawn[2:6, 0:5] = True
    good = np.zeros((10, 10), bool)
    assert m.iou([drawn, good], [truth, good]) == pytest.approx(10 / 30)
    assert m.seg_f1([drawn, good], [truth, good]) == pytest.approx(20 / 40)
    assert m.pixel_accuracy([drawn, good], [truth, good]) == pytest.approx(1 - 20 / 200)
    flat_drawn, flat_truth = drawn.ravel(), truth.ravel()
    assert m.iou([drawn], [truth]) == pytest.approx(sk.jaccard_score(flat_truth, flat_drawn))
    assert m.seg_f1([drawn], [truth]) == pytest.approx(sk.f1_score(flat_truth, flat_drawn))


def test_undefined_pixel_metrics_are_errors() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    values = np.zeros((4, 4), np.float32)
    for metric in (m.pixel_auroc, m.pixel_ap, m.aupro, m.aupimo, m.pixel_f1_max):
        with pytest.raises(MetricError):
            metric([values], [empty])
        with pytest.raises(MetricError):
            metric([values], [full])
        with pytest.raises(MetricError):
            metric([values + np.float32(np.nan)] * 2, [empty, empty | (np.eye(4) > 0)])
    for overlap in (m.seg_f1, m.iou):
        with pytest.raises(MetricError):
            overlap([empty], [empty])
    with pytest.raises(MetricError):
        m.pixel_accuracy([], [])


def test_shapes_types_and_limits_are_checked() -> None:
    values, mask = np.zeros((4, 4), np.float32), np.eye(4) > 0
    with pytest.raises(MetricError, match="resize the map"):
        m.aupro([values[:2]], [mask])
    with pytest.raises(MetricError, match="one mask per map"):
        m.aupro([values], [])
    with pytest.raises(MetricError, match="bool"):
        m.aupro([values], [mask.astype(np.uint8)])
    with pytest.raises(MetricError, match="fpr_limit"):
        m.aupro([values], [mask], fpr_limit=0.0)


def test_inputs_are_not_changed() -> None:
    maps, masks = scenes()
    before = [v.copy() for v in maps]
    m.aupro(maps, masks)
    m.aupro(maps[:1], masks[:1])
    assert all((a == b).all() for a, b in zip(maps, before, strict=True))


# Rates ---------------------------------------------------------------------------------------


def test_rate_has_its_exact_interval() -> None:
    found = m.rate(0, 26).to_dict()
    assert found["value"] == 0.0
    assert found["high"] == pytest.approx(1 - 0.025 ** (1 / 26))
    assert found["n"] == 26


def test_rate_of_nothing_is_undefined() -> None:
    for k, n in ((0, 0), (3, 2), (-1, 5)):
        with pytest.raises(MetricError):
            m.rate(k, n)
