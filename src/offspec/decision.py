"""A calibrated template: deviation score and verdict of every region.

The decision is ``raw > threshold``, a tie is ok. The deviation score says the same as a number
in [0, 1] that means the same in every region, model and refit: 0 identical to the
reference, exactly 0.5 at the threshold, 1 completely abnormal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from offspec.errors import BundleError, InputError, OptionError
from offspec.probability import DefectProbability
from offspec.score_curve import ScoreCurve, check_keys, integer, number
from offspec.types import ThresholdStatus, Verdict


@dataclass(frozen=True, slots=True)
class RegionScale:
    """z = (raw - median) / scale; (0, 1) when the template has one region."""

    median: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.median) and math.isfinite(self.scale) and self.scale > 0):
            raise InputError(
                f"Region scale ({self.median}, {self.scale}) is not usable. The median is "
                "finite and the scale positive. Calibrate again."
            )

    def z(self, raw: float) -> float:
        """Raw region score to T units."""
        return (raw - self.median) / self.scale

    def raw(self, z: float) -> float:
        """T units to a raw region score; the inverse of :meth:`z`."""
        return self.median + self.scale * z


@dataclass(frozen=True, slots=True)
class Threshold:
    """The decision threshold and what it promises.

    Attributes:
        raw: Threshold in T units (raw units when there is one region); T > raw is stopped.
        status: certified, extrapolated, provisional or manual.
        alpha: Asked share of good images stopped.
        rank_j: floor(alpha (n + 1)); 0 when the tail was used.
        n: Number of normal scores.
        guarantee_upper: With 95 % confidence at most this share of good images is stopped;
            None when nothing is promised.
        words: The same as a sentence, with what more normals would bring.
    """

    raw: float
    status: ThresholdStatus
    alpha: float
    rank_j: int
    n: int
    guarantee_upper: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Override:
    """One region's threshold, set by hand: raw units, by whom and why."""

    raw: float
    who: str
    why: str


@dataclass(frozen=True)
class Calibration:
    """Everything that turns raw region scores into verdicts; changing it needs no refit.

    Attributes:
        curve: p(T) of the template.
        scales: Region id to its scale.
        threshold: The calibrated decision threshold.
        t_ng: Deviation score above which a region is ng; 0.5 until costs are set.
        t_review: Deviation score above which it is review, at most ``t_ng``.
        overrides: Region id to a threshold set by hand; moves that region alone.
        cross_fitted: The normals' scores came from models that saw the other normals.
        provisional: Too few normals; verdicts say review instead of ng.
        n_groups: Independent groups of normals.
        probability: From -ln p to the probability of a defect; None until labelled defects were
            calibrated on.
    """

    curve: ScoreCurve
    scales: Mapping[str, RegionScale]
    threshold: Threshold
    t_ng: float = 0.5
    t_review: float = 0.5
    overrides: Mapping[str, Override] = field(default_factory=dict)
    cross_fitted: bool = False
    provisional: bool = False
    n_groups: int = 0
    probability: DefectProbability | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.t_review <= self.t_ng < 1.0:
            raise OptionError(
                f"Decision points t_review={self.t_review} and t_ng={self.t_ng} do not fit. "
                "0 < t_review <= t_ng < 1; both are 0.5 until costs are set."
            )
        if not self.scales:
            raise InputError("A calibration needs at least one region. Pass region scores.")
        for region_id, override in self.overrides.items():
            self._check_override(region_id, override)

    def _check_override(self, region_id: str, override: Override) -> None:
        lowest = max(0.0, self._scale(region_id).raw(self.curve.origin))
        if not (math.isfinite(override.raw) and override.raw > lowest):
            raise OptionError(
                f"Threshold {override.raw} for region '{region_id}' is too low: every good image "
                f"would be stopped. It must be a finite number above {lowest:.6g} (raw score)."
            )
        if not override.who.strip() or not override.why.strip():
            raise OptionError(
                f"The threshold set by hand for region '{region_id}' lacks who or why. "
                "Both are kept with the bundle; give a name and a reason."
            )

    def _scale(self, region_id: str) -> RegionScale:
        if region_id not in self.scales:
            raise OptionError(
                f"Region '{region_id}' is not calibrated. "
                f"Known regions: {', '.join(sorted(self.scales))}."
            )
        return self.scales[region_id]

    def with_override(self, region_id: str, raw: float, who: str, why: str) -> Calibration:
        """A copy in which one region's threshold is ``raw``; the printed guarantee reopens."""
        return replace(self, overrides={**self.overrides, region_id: Override(raw, who, why)})

    def with_decision_points(self, t_ng: float, t_review: float) -> Calibration:
        """A copy with other decision points, in deviation score."""
        return replace(self, t_ng=t_ng, t_review=t_review)

    @property
    def guarantee_upper(self) -> float | None:
        """Promised upper bound; None once anything was changed by hand."""
        untouched = not self.overrides and self.t_ng == self.t_review == 0.5
        return self.threshold.guarantee_upper if untouched else None

    @property
    def words(self) -> str:
        """The guarantee as a sentence, reopened by every change made by hand."""
        if self.overrides:
            by = "; ".join(
                f"region '{key}' by {o.who} ({o.why})" for key, o in sorted(self.overrides.items())
            )
            return f"The printed guarantee no longer holds: threshold set by hand for {by}."
        if not self.t_ng == self.t_review == 0.5:
            return (
                "The printed guarantee no longer holds: the decision points were moved to "
                f"{self.t_review:g} (review) and {self.t_ng:g} (ng)."
            )
        return self.threshold.words

    @property
    def status(self) -> ThresholdStatus:
        """Status of the template's threshold; manual once any region was overridden."""
        return "manual" if self.overrides else self.threshold.status

    def region_status(self, region_id: str) -> ThresholdStatus:
        """Status of one region's threshold."""
        self._scale(region_id)
        return "manual" if region_id in self.overrides else self.threshold.status

    def region_threshold_raw(self, region_id: str) -> float:
        """Raw region score above which the region's deviation score exceeds 0.5."""
        scale = self._scale(region_id)
        override = self.overrides.get(region_id)
        return scale.raw(self.threshold.raw) if override is None else override.raw

    def log_p(self, region_id: str, raw: float) -> float:
        """Unrounded ln p at a raw region score; lower = more anomalous. Ranking uses this."""
        return self.curve.log_p(self._scale(region_id).z(raw))

    def _log_a(self, region_id: str) -> float:
        override = self.overrides.get(region_id)
        if override is None:
            return self.curve.log_p(self.threshold.raw)
        return self.log_p(region_id, override.raw)

    def deviation(self, region_id: str, raw: float) -> float:
        """Deviation score in [0, 1]: exactly 0.5 at the threshold, above it iff raw is above."""
        limit = self.region_threshold_raw(region_id)
        if raw == limit:
            return 0.5
        score = deviation(self.log_p(region_id, raw), self._log_a(region_id))
        # Between z and raw a last bit may be lost; the side of the threshold must not be.
        return max(score, math.nextafter(0.5, 1.0)) if raw > limit else min(score, _BELOW_HALF)

    def decision_raw(self, region_id: str, t: float) -> float:
        """Raw region score at which the deviation score reaches ``t`` in (0, 1)."""
        if t == 0.5:
            return self.region_threshold_raw(region_id)
        log_p = -self._log_a(region_id) * math.log2(1.0 - t)
        return self._scale(region_id).raw(self.curve.raw_at(log_p))

    def region_verdict(self, region_id: str, raw: float | None) -> Verdict:
        """Verdict of one region; None = its gate failed. Decides on raw > threshold, tie = ok."""
        if raw is None:
            return "invalid"
        if math.isnan(raw):
            raise InputError(f"The raw score of region '{region_id}' is not a number.")
        if raw > self.decision_raw(region_id, self.t_ng):
            return "review" if self.provisional else "ng"
        return "review" if raw > self.decision_raw(region_id, self.t_review) else "ok"

    def defect_probability(self, region_id: str, raw: float) -> float | None:
        """Probability that a part whose worst region scores so is defective; None if not fitted."""
        if self.probability is None:
            return None
        return float(self.probability.of(-self.log_p(region_id, raw)))

    def image_score(self, raw_by_region: Mapping[str, float]) -> float:
        """T of one image: the largest z of its regions."""
        return max(self._scale(key).z(raw) for key, raw in raw_by_region.items())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form for the manifest."""
        t = self.threshold
        more = {} if self.probability is None else {"probability": self.probability.to_dict()}
        return {
            **more,
            "curve": self.curve.to_dict(),
            "scales": {
                k: {"median": s.median, "scale": s.scale} for k, s in sorted(self.scales.items())
            },
            "threshold": {
                "raw": t.raw,
                "status": t.status,
                "alpha": t.alpha,
                "rank_j": t.rank_j,
                "n": t.n,
                "guarantee_upper": t.guarantee_upper,
                "words": t.words,
            },
            "t_ng": self.t_ng,
            "t_review": self.t_review,
            "overrides": {
                k: {"raw": o.raw, "who": o.who, "why": o.why}
                for k, o in sorted(self.overrides.items())
            },
            "cross_fitted": self.cross_fitted,
            "provisional": self.provisional,
            "n_groups": self.n_groups,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read the JSON form.

        Raises:
            BundleError: Unknown or missing keys, wrong types, or numbers that contradict.
        """
        optional = {"probability"} if isinstance(data, Mapping) and "probability" in data else set()
        check_keys("calibration", data, _CALIBRATION_KEYS | optional)
        for name in ("scales", "overrides"):
            if not isinstance(data[name], Mapping):
                raise BundleError(f"'{name}' of the calibration must be a JSON object.")
        for key, value in data["scales"].items():
            check_keys(f"scale of region '{key}'", value, {"median", "scale"})
        for key, value in data["overrides"].items():
            check_keys(f"override of region '{key}'", value, {"raw", "who", "why"})
        try:
            return cls(
                ScoreCurve.from_dict(data["curve"]),
                {
                    k: RegionScale(number(v["median"], "median"), number(v["scale"], "scale"))
                    for k, v in data["scales"].items()
                },
                _threshold_from(data["threshold"]),
                number(data["t_ng"], "t_ng"),
                number(data["t_review"], "t_review"),
                {
                    k: Override(number(v["raw"], "raw"), _text(v["who"]), _text(v["why"]))
                    for k, v in data["overrides"].items()
                },
                _flag(data["cross_fitted"], "cross_fitted"),
                _flag(data["provisional"], "provisional"),
                integer(data["n_groups"], "n_groups"),
                DefectProbability.from_dict(data["probability"]) if optional else None,
            )
        except InputError as error:
            raise BundleError(f"The calibration is damaged: {error}") from error


_BELOW_HALF = math.nextafter(0.5, 0.0)
_CALIBRATION_KEYS = {
    "curve",
    "scales",
    "threshold",
    "t_ng",
    "t_review",
    "overrides",
    "cross_fitted",
    "provisional",
    "n_groups",
}
_STATUSES: tuple[ThresholdStatus, ...] = ("certified", "extrapolated", "provisional", "manual")


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise BundleError(f"'{name}' is {value!r}; it must be true or false.")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BundleError(f"{value!r} must be a text.")
    return value


def _threshold_from(data: object) -> Threshold:
    keys = {"raw", "status", "alpha", "rank_j", "n", "guarantee_upper", "words"}
    check_keys("threshold", data, keys)
    assert isinstance(data, Mapping)  # noqa: S101 - check_keys refused anything else
    if data["status"] not in _STATUSES:
        raise BundleError(f"Threshold status {data['status']!r} is unknown. Use {_STATUSES}.")
    upper = data["guarantee_upper"]
    return Threshold(
        number(data["raw"], "raw"),
        data["status"],
        number(data["alpha"], "alpha"),
        integer(data["rank_j"], "rank_j"),
        integer(data["n"], "n"),
        None if upper is None else number(upper, "guarantee_upper"),
        _text(data["words"]),
    )


def deviation(log_p: float, log_a: float) -> float:
    """Deviation score s = 1 - 2^(-ln p / ln a') in [0, 1].

    Args:
        log_p: ln p at the score, <= 0; -inf gives 1.
        log_a: ln p at the threshold, < 0.

    Example:
        >>> deviation(-4.0, -4.0), deviation(0.0, -4.0)
        (0.5, 0.0)
    """
    if not (log_a < 0.0 and log_p <= 0.0):
        raise InputError(
            f"No deviation score for ln p = {log_p} with ln a = {log_a}. "
            "ln p <= 0 and ln a < 0. Calibrate on scores above 0."
        )
    return 1.0 - 2.0 ** -(log_p / log_a) if log_p < 0.0 else 0.0


def image_verdict(region_verdicts: Sequence[Verdict]) -> Verdict:
    """Image verdict: ng if any valid region is, else invalid if any, else review, else ok."""
    if not region_verdicts:
        raise InputError("An image without regions has no verdict. Use at least one region.")
    for verdict in ("ng", "invalid", "review"):
        if verdict in region_verdicts:
            return verdict
    return "ok"
