"""Metrics of a test set; the names of the neighbouring modules are gathered here.

The rule is ``score > threshold`` at every level. A metric that is undefined raises
:class:`MetricError` with the reason; nothing is replaced by a number.
"""

from __future__ import annotations

from dataclasses import dataclass

from offspec.errors import MetricError
from offspec.guarantee import CONFIDENCE, clopper_pearson
from offspec.pixel_metrics import (
    PixelRanking,
    aupimo,
    aupimo_per_image,
    aupro,
    iou,
    pixel_accuracy,
    pixel_ap,
    pixel_auroc,
    pixel_f1_max,
    seg_f1,
)
from offspec.ranking import (
    Ranking,
    auroc,
    average_precision,
    detection_at_far,
    f1_max,
    pr_curve,
    roc_curve,
)

__all__ = [
    "PixelRanking",
    "Ranking",
    "Rate",
    "aupimo",
    "aupimo_per_image",
    "aupro",
    "auroc",
    "average_precision",
    "detection_at_far",
    "f1_max",
    "image_auroc",
    "iou",
    "pixel_accuracy",
    "pixel_ap",
    "pixel_auroc",
    "pixel_f1_max",
    "pr_curve",
    "rate",
    "roc_curve",
    "seg_f1",
]

image_auroc = auroc


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its exact 95 % interval.

    Attributes:
        value: k / n.
        low: Lower end of the Clopper-Pearson interval.
        high: Upper end.
        n: Number of samples.
    """

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, float | int]:
        """The JSON form."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def rate(k: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """Share k of n with its Clopper-Pearson interval.

    Raises:
        MetricError: No sample, or k outside 0..n.

    Example:
        >>> rate(0, 26).value
        0.0
    """
    if not 0 <= k <= n or n == 0:
        raise MetricError(
            f"A rate of {k} out of {n} is undefined. It needs at least one sample and 0 <= k <= n."
        )
    low, high = clopper_pearson(k, n, confidence)
    return Rate(k / n, low, high, n)
