"""Probability that a part is defective, from its score: monotone, and NumPy alone.

The map is stored with the calibration; ``probability_fit`` makes it from labelled images. It
takes x = -ln p, unrounded, higher = more anomalous, and answers for a stated share of defective
parts, which is seldom the share among the images it was fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from offspec.errors import BundleError, InputError
from offspec.score_curve import check_keys, number
from offspec.types import DoubleArray

Method = Literal["logistic", "isotonic"]
METHODS: tuple[Method, ...] = ("logistic", "isotonic")
_KEYS = {"method", "slope", "intercept", "knots", "values", "fitted_rate", "defect_rate"}


@dataclass(frozen=True)
class DefectProbability:
    """A monotone map from x = -ln p to the probability of a defect.

    Attributes:
        method: ``logistic``: 1 / (1 + exp(-(slope x + intercept))); ``isotonic``: linear between
            ``knots``, constant beyond them.
        slope: >= 0; 0 for ``isotonic``, likewise ``intercept``.
        intercept: Log-odds at x = 0, at the fitted rate.
        knots: Ascending x; none for ``logistic``.
        values: Probabilities at the knots, in (0, 1), never falling.
        fitted_rate: Share of defects among the images it was fitted on, in (0, 1).
        defect_rate: Share of defective parts it answers for, in (0, 1).
    """

    method: Method
    slope: float
    intercept: float
    knots: tuple[float, ...]
    values: tuple[float, ...]
    fitted_rate: float
    defect_rate: float

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise self._broken("method", self.method, f"one of {', '.join(METHODS)}")
        for name in ("fitted_rate", "defect_rate"):
            if not 0 < getattr(self, name) < 1:
                raise self._broken(name, getattr(self, name), "in (0, 1)")
        if not (math.isfinite(self.intercept) and math.isfinite(self.slope) and self.slope >= 0):
            raise self._broken("slope", self.slope, "finite and not negative")
        if len(self.knots) != len(self.values) or bool(self.knots) != (self.method == "isotonic"):
            raise self._broken("knots", len(self.knots), "as many as values, isotonic only")
        rising = np.diff(self.knots) > 0 if self.knots else np.array([True])
        steady = np.diff(self.values) >= 0 if self.values else np.array([True])
        inside = all(0 < value < 1 for value in self.values)
        if not (rising.all() and steady.all() and inside):
            raise self._broken("values", list(self.values)[:5], "in (0, 1) and never falling")

    @staticmethod
    def _broken(name: str, value: object, rule: str) -> InputError:
        return InputError(
            f"The defect probability's '{name}' is {value!r}; it must be {rule}. Fit it again with "
            "`offspec calibrate --validation`."
        )

    def of(self, x: ArrayLike) -> DoubleArray:
        """Probability of a defect at x = -ln p, at ``defect_rate``; same shape as ``x``."""
        return self._at(np.asarray(x, np.float64), logit(self.defect_rate))

    def at_rate(self, x: ArrayLike, defect_rate: float) -> DoubleArray:
        """The same for another share of defective parts."""
        return self._at(np.asarray(x, np.float64), logit(defect_rate))

    def _at(self, x: DoubleArray, prior: float) -> DoubleArray:
        if self.method == "logistic":
            odds = self.slope * x + self.intercept
        else:
            at = np.interp(x, np.array(self.knots), np.array(self.values))
            odds = np.log(at) - np.log1p(-at)
        return expit(odds + prior - logit(self.fitted_rate))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; floats keep every digit."""
        return {
            "method": self.method,
            "slope": self.slope,
            "intercept": self.intercept,
            "knots": list(self.knots),
            "values": list(self.values),
            "fitted_rate": self.fitted_rate,
            "defect_rate": self.defect_rate,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DefectProbability:
        """Read the JSON form.

        Raises:
            BundleError: Unknown or missing keys, wrong types, or numbers that contradict.
        """
        check_keys("defect probability", data, _KEYS)
        for name in ("knots", "values"):
            if not isinstance(data[name], list):
                raise BundleError(f"'{name}' of the defect probability must be a list.")
        try:
            return cls(
                data["method"],
                number(data["slope"], "slope"),
                number(data["intercept"], "intercept"),
                tuple(number(v, "knots") for v in data["knots"]),
                tuple(number(v, "values") for v in data["values"]),
                number(data["fitted_rate"], "fitted_rate"),
                number(data["defect_rate"], "defect_rate"),
            )
        except InputError as error:
            raise BundleError(f"The defect probability is damaged: {error}") from error


def logit(share: float) -> float:
    """Log-odds of a share in (0, 1)."""
    return math.log(share) - math.log1p(-share)


def expit(odds: DoubleArray) -> DoubleArray:
    """The inverse of :func:`logit`, without overflow at any argument."""
    small = np.exp(-np.abs(odds))
    return np.asarray(np.where(odds >= 0, 1.0, small) / (1.0 + small), np.float64)
