"""What the report needs to know of one test image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offspec.restored import Restored
from offspec.types import Alignment, BoolArray, FloatArray, ImageArray, Label, Verdict


@dataclass(frozen=True)
class ReportItem:
    """One test image with its truth and what the inspector said.

    Attributes:
        key: Path relative to the dataset, with forward slashes.
        raw_score: Image score in the threshold's units (raw when there is one region, T = max z
            when there are several); None if invalid.
        log_p: Unrounded ln p of that score, lower = more anomalous; None if invalid.
        timing_ms: Milliseconds per stage; ``total`` is used for the histogram.
        reason: Why the image is invalid, else None.
        image: Reads the (H, W, 3) RGB image; called only for images that are shown.
        anomaly_map: (H, W) float32, raw, >= 0, in image pixels; None when not kept.
        mask: (H, W) bool, what the inspector outlined; None when not kept.
        gt_mask: (H, W) bool, what is truly defective; None without pixel truth.
        restored: Gives what a restoring network makes of the image; None for other detectors.
    """

    key: str
    label: Label
    defect_type: str
    verdict: Verdict
    deviation_score: float | None
    raw_score: float | None
    log_p: float | None
    alignment: Alignment
    timing_ms: Mapping[str, float]
    reason: str | None
    image: Callable[[], ImageArray]
    anomaly_map: FloatArray | None = None
    mask: BoolArray | None = None
    gt_mask: BoolArray | None = None
    restored: Callable[[ImageArray], Restored | None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether the line would stop this part for a defect: ``ng`` or ``review``."""
        return self.verdict in ("ng", "review")

    @property
    def invalid(self) -> bool:
        """Whether the image could not be judged."""
        return self.verdict == "invalid"
