"""Value objects that cross module boundaries: frozen, validated once, NumPy only.

``Inspection`` is the one result type: methods return it, the server serialises it
and the studio draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from offspec.errors import InputError

ImageArray = NDArray[np.uint8] | NDArray[np.uint16]
FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
PointsXY = tuple[tuple[float, float], ...]

Verdict = Literal["ok", "review", "ng", "invalid"]
ThresholdStatus = Literal["certified", "extrapolated", "provisional", "manual"]
Mode = Literal["image", "pixel"]
Kind = Literal["auto", "object", "texture"]
FixedKind = Literal["object", "texture"]
Resolution = Literal["auto", "fast", "accurate", "native"]
AlignMode = Literal["none", "shift", "similarity", "homography"]
SizePolicy = Literal["exact", "scale", "fit"]
Split = Literal["train", "test"]
Label = Literal["ok", "ng"]

DEFAULT_BACKBONE = "bank"  # here, because the command line names it before anything is loaded
DEFAULT_HEAD = "none"

VERDICTS: tuple[Verdict, ...] = ("ok", "review", "ng", "invalid")


@dataclass(frozen=True, slots=True)
class Alignment:
    """How an image was laid over the reference.

    Attributes:
        matrix: (3, 3) float64, maps homogeneous reference pixels to image pixels.
        method: Stage that produced the matrix: none, phase, ecc or features.
        shift_xy: Displacement of the reference centre, in image pixels.
        rotation_deg: Rotation, counter-clockwise as seen, in degrees.
        scale: Isotropic scale, image pixels per reference pixel.
        score: Normalised correlation of the aligned image with the reference, in [-1, 1];
            higher = better.
    """

    matrix: DoubleArray
    method: Literal["none", "phase", "ecc", "features"] = "none"
    shift_xy: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    scale: float = 1.0
    score: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; the matrix as three rows."""
        return {
            "method": self.method,
            "shift_xy": [round(v, 3) for v in self.shift_xy],
            "rotation_deg": round(self.rotation_deg, 4),
            "scale": round(self.scale, 6),
            "score": round(self.score, 4),
            "matrix": [[float(v) for v in row] for row in self.matrix],
        }


@dataclass(frozen=True, slots=True)
class GateFailure:
    """Why an image or region cannot be judged.

    Attributes:
        code: shifted, rotated, blurred, too_dark, too_bright, size, wrong_part or outside.
        message: What, the value, the rule, the next step.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Defect:
    """One outlined component.

    Attributes:
        polygon: Outline in original image pixels.
        area_px: Area in original image pixels.
        deviation_score: Score of the component's peak, in [0, 1]; 0.5 = decision point.
        peak_raw: Highest map value inside, raw units, higher = more anomalous.
    """

    polygon: PointsXY
    area_px: float
    deviation_score: float
    peak_raw: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "polygon": [[round(x, 2), round(y, 2)] for x, y in self.polygon],
            "area_px": round(self.area_px, 1),
            "deviation_score": round(self.deviation_score, 6),
            "peak_raw": self.peak_raw,
        }


@dataclass(frozen=True, slots=True)
class RegionResult:
    """Verdict of one region.

    Attributes:
        raw_score: Mean of the k largest map values inside the region, >= 0; None if invalid.
        deviation_score: In [0, 1], 0.5 = decision point; None if invalid.
        log_p: Natural logarithm of the false-alarm probability at this score, unrounded;
            lower = more anomalous. Ranking uses this, never the rounded score.
        defect_probability: Probability that a part whose worst region scores so is defective, at
            the stated share of defective parts; None where no labelled defects were calibrated on.
        reason: Why the region is invalid, else None.
    """

    id: str
    name: str
    verdict: Verdict
    deviation_score: float | None
    raw_score: float | None
    log_p: float | None = None
    threshold_raw: float | None = None
    threshold_status: ThresholdStatus | None = None
    reason: GateFailure | None = None
    defects: tuple[Defect, ...] = ()
    defect_probability: float | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise InputError(
                f"Verdict '{self.verdict}' of region '{self.id}' is unknown. "
                f"Use one of {', '.join(VERDICTS)}."
            )
        if (self.verdict == "invalid") != (self.raw_score is None):
            raise InputError(
                f"Region '{self.id}' has verdict '{self.verdict}' and raw score {self.raw_score}. "
                "Only an invalid region has no score. Give both or neither."
            )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        score = self.deviation_score
        return {
            "id": self.id,
            "name": self.name,
            "verdict": self.verdict,
            "deviation_score": None if score is None else round(score, 6),
            "raw_score": self.raw_score,
            "defect_probability": _rounded(self.defect_probability),
            "threshold_raw": self.threshold_raw,
            "threshold_status": self.threshold_status,
            "reason": None
            if self.reason is None
            else {"code": self.reason.code, "message": self.reason.message},
            "defects": [d.to_dict() for d in self.defects],
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """What offspec says of one image.

    Attributes:
        verdict: ng if any valid region is, else invalid if any is, else review, else ok.
        deviation_score: Largest region score in [0, 1]; None when every region is invalid.
        anomaly_map: (H, W) float32 in original image pixels, raw, >= 0, higher = more
            anomalous; 0 outside the regions. None when it was not asked for.
        mask: (H, W) bool in original image pixels, True on outlined defects; None likewise.
        timing_ms: Milliseconds per stage: align, score, draw, total.
    """

    verdict: Verdict
    deviation_score: float | None
    alignment: Alignment
    regions: tuple[RegionResult, ...]
    timing_ms: dict[str, float] = field(default_factory=dict)
    anomaly_map: FloatArray | None = None
    mask: BoolArray | None = None

    @property
    def defect_probability(self) -> float | None:
        """Of the worst region; None where it is not calibrated or no region was judged."""
        known = [r.defect_probability for r in self.regions if r.defect_probability is not None]
        return max(known, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, without the pixel arrays."""
        score = self.deviation_score
        return {
            "verdict": self.verdict,
            "deviation_score": None if score is None else round(score, 6),
            "defect_probability": _rounded(self.defect_probability),
            "alignment": self.alignment.to_dict(),
            "regions": [r.to_dict() for r in self.regions],
            "timing_ms": {k: round(v, 3) for k, v in self.timing_ms.items()},
        }


def _rounded(share: float | None) -> float | None:
    return None if share is None else float(f"{share:.6g}")
