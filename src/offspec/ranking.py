"""How well a score separates defective from good, at every threshold.

One rule for all: ``score > threshold`` is anomalous. Everything comes from the sorted scores
of both classes, exactly and with ties counted as ties, so that thirty million pixels cost one
sort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offspec.errors import MetricError
from offspec.types import DoubleArray

AnyFloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of both classes, each ascending; higher = more anomalous.

    Attributes:
        negatives: (N,) scores of good images or pixels.
        positives: (P,) scores of defective ones.
    """

    negatives: AnyFloatArray
    positives: AnyFloatArray

    def __post_init__(self) -> None:
        for name, values in (("good", self.negatives), ("defective", self.positives)):
            if values.size == 0:
                raise MetricError(
                    f"No {name} sample among the test data. The metric compares both kinds; "
                    "add some or leave it out."
                )
            if np.isnan(values[-1]):  # NaN sorts last
                raise MetricError(
                    f"A score of a {name} sample is not a number. Scores must be numbers; "
                    "score the images again."
                )

    @classmethod
    def from_scores(cls, scores: ArrayLike, labels: ArrayLike) -> Ranking:
        """Sort scores by class.

        Args:
            scores: (N,), higher = more anomalous, unclamped and unrounded.
            labels: (N,), True = defective.
        """
        values, truth = np.asarray(scores, np.float64), np.asarray(labels, np.bool_)
        if values.shape != truth.shape or values.ndim != 1:
            raise MetricError(
                f"Scores of shape {values.shape} and labels of shape {truth.shape}. Both must be "
                "(N,). Give one label per score."
            )
        return cls(np.sort(values[~truth]), np.sort(values[truth]))

    def negatives_above(self, values: AnyFloatArray) -> NDArray[np.int64]:
        """Number of negatives above each value."""
        found = self.negatives.size - np.searchsorted(self.negatives, values, side="right")
        return np.asarray(found, np.int64)

    def negatives_from(self, values: AnyFloatArray) -> NDArray[np.int64]:
        """Number of negatives at or above each value."""
        found = self.negatives.size - np.searchsorted(self.negatives, values, side="left")
        return np.asarray(found, np.int64)

    def auroc(self) -> float:
        """Chance that a defective sample scores above a good one; a tie counts half."""
        beaten = 2 * self.negatives.size - self.negatives_above(self.positives)
        twice = beaten - self.negatives_from(self.positives)
        return float(twice.mean(dtype=np.float64)) / (2.0 * self.negatives.size)

    def _steps(self) -> tuple[AnyFloatArray, NDArray[np.int64], NDArray[np.int64]]:
        """Distinct positive values ascending, and how many of each class lie at or above."""
        values, first = np.unique(self.positives, return_index=True)
        return values, self.positives.size - first, self.negatives_from(values)

    def average_precision(self) -> float:
        """Precision averaged over recall steps, without interpolation."""
        _, hits, false = self._steps()
        gained = hits - np.append(hits[1:], 0)
        return float(np.sum(gained * (hits / (hits + false))) / self.positives.size)

    def f1_max(self) -> tuple[float, float]:
        """Best F1 over all thresholds and a threshold that reaches it (score > threshold).

        The threshold is chosen on the very data it is measured on: an oracle, for comparison
        with published figures only.
        """
        values, hits, false = self._steps()
        f1 = 2.0 * hits / (hits + false + self.positives.size)
        best = int(np.argmax(f1))
        return float(f1[best]), float(np.nextafter(values[best], values.dtype.type(-np.inf)))


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve; ties count half.

    Args:
        scores: (N,), higher = more anomalous.
        labels: (N,), True = defective.

    Raises:
        MetricError: One of the classes is missing, or a score is not a number.

    Example:
        >>> auroc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
        0.75
    """
    return Ranking.from_scores(scores, labels).auroc()


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Average precision; arguments and errors as :func:`auroc`."""
    return Ranking.from_scores(scores, labels).average_precision()


def f1_max(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Oracle F1 and its threshold (score > threshold); arguments and errors as :func:`auroc`."""
    return Ranking.from_scores(scores, labels).f1_max()


def roc_curve(scores: ArrayLike, labels: ArrayLike) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """False-positive rate, true-positive rate and threshold, from (0, 0) to (1, 1).

    Point i counts ``score > threshold[i]``; the last threshold is -inf.
    """
    ranking = Ranking.from_scores(scores, labels)
    thresholds = _thresholds(ranking)
    fpr = ranking.negatives_above(thresholds) / ranking.negatives.size
    tpr = _above(ranking.positives, thresholds) / ranking.positives.size
    return fpr, tpr, thresholds


def pr_curve(scores: ArrayLike, labels: ArrayLike) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Precision, recall and threshold, recall ascending; precision is 1 where nothing is stopped.

    Point i counts ``score > threshold[i]``; the last threshold is -inf.
    """
    ranking = Ranking.from_scores(scores, labels)
    thresholds = _thresholds(ranking)
    hits = _above(ranking.positives, thresholds)
    stopped = hits + ranking.negatives_above(thresholds)
    precision = np.divide(hits, stopped, out=np.ones(hits.size), where=stopped > 0)
    return precision, hits / ranking.positives.size, thresholds


def detection_at_far(scores: ArrayLike, labels: ArrayLike, far: float) -> float:
    """Share of defects found when at most ``far`` of these good samples is stopped.

    The threshold is taken from the test set's own good samples: it measures the ranking, not
    a threshold that could be shipped.
    """
    if not 0.0 <= far <= 1.0:
        raise MetricError(f"False-alarm rate {far} is out of range; it is a share in [0, 1].")
    ranking = Ranking.from_scores(scores, labels)
    n = ranking.negatives.size
    allowed = min(int(far * n * (1.0 + 1e-9)), n)  # 0.29 * 100 must be 29
    if allowed == n:
        return 1.0
    return float(np.mean(ranking.positives > ranking.negatives[n - 1 - allowed]))


def _thresholds(ranking: Ranking) -> DoubleArray:
    every = np.unique(np.concatenate([ranking.negatives, ranking.positives]))
    return np.append(every[::-1], -np.inf).astype(np.float64)


def _above(ascending: AnyFloatArray, values: AnyFloatArray) -> NDArray[np.int64]:
    return np.asarray(ascending.size - np.searchsorted(ascending, values, side="right"), np.int64)
