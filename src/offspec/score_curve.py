"""The score curve: which share of good images scores higher than a raw score.

With n cross-fitted scores x1..xn the curve passes through (origin, 1) and
(xi, (1 + #{xj > xi}) / (n + 1)), the conformal p-value, and is linear in ln p between
those knots. Beyond xn a predictive exponential tail continues it: the k largest excesses
are one exponential sample of unknown scale, and a new excess is predicted with the scale's
uncertainty integrated out, which gives a power law with exponent k. Everything is computed
in ln p, so that no score, however large, underflows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from offspec.errors import BundleError, InputError
from offspec.types import DoubleArray

# What two machines may differ by in a raw score (bundle contract); less is no information.
_STEP_RELATIVE = 1e-4
_STEP_ABSOLUTE = 1e-5
_LARGEST_EXPONENT = 690.0  # exp of more overflows a float64


def raw_step_of(scores: ArrayLike) -> float:
    """Smallest difference between raw scores that carries information, in raw units.

    It is the tolerance within which two machines agree on a map, 1e-4 relative plus 1e-5.
    """
    values = np.asarray(scores, np.float64)
    return _STEP_RELATIVE * float(np.max(np.abs(values), initial=0.0)) + _STEP_ABSOLUTE


@dataclass(frozen=True)
class ScoreCurve:
    """p(raw), continuous and strictly decreasing above ``origin``, kept as ln p.

    Attributes:
        scores: Calibration scores in raw units, ascending; those at or below ``origin`` count
            as one ``raw_step`` above it, so that p stays 1 at the origin.
        origin: Raw score up to which p = 1: 0 for one region.
        k: Number of excesses that the tail is built on, >= 1.
        t: Raw score from which the excesses are measured.
        excess_sum: Sum of the k excesses over ``t``, at least ``k * raw_step``.
        raw_step: Smallest informative difference of raw scores.
    """

    scores: tuple[float, ...]
    origin: float
    k: int
    t: float
    excess_sum: float
    raw_step: float
    _knots: DoubleArray = field(init=False, repr=False, compare=False)
    _log_p: DoubleArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.scores, np.float64)
        numbers = (self.origin, self.t, self.excess_sum, self.raw_step)
        finite = bool(np.isfinite(values).all()) and all(math.isfinite(v) for v in numbers)
        if values.size == 0 or not finite:
            raise InputError(
                f"A score curve got {values.size} scores with a value that is missing or not "
                "finite. It needs at least one score, all finite. Score the normals again."
            )
        ordered = bool((np.diff(values) >= 0).all()) and values[0] > self.origin
        if not ordered or self.k < 1 or self.excess_sum <= 0 or self.t > values[-1]:
            raise InputError(
                f"Score curve parameters contradict each other: k={self.k}, t={self.t}, "
                f"excess_sum={self.excess_sum}, origin={self.origin}. Scores ascend above the "
                "origin, k >= 1, the sum is positive, t is at most the largest score. "
                "Build the curve with ScoreCurve.from_scores."
            )
        knots, first = np.unique(values, return_index=True)
        above = values.size - np.append(first[1:], values.size)  # ties are one knot
        log_p = np.log1p(above) - math.log1p(values.size)
        object.__setattr__(self, "_knots", np.concatenate([[self.origin], knots]))
        object.__setattr__(self, "_log_p", np.concatenate([[0.0], log_p]))

    @classmethod
    def from_scores(
        cls, scores: Sequence[float] | DoubleArray, *, origin: float = 0.0, raw_step: float = 0.0
    ) -> ScoreCurve:
        """Build the curve from n cross-fitted scores of normal images.

        Args:
            scores: n >= 1 finite raw scores, any order, higher = more anomalous.
            origin: Raw score of an image identical to the reference.
            raw_step: Smallest informative difference; 0 = from the scores' size.

        Raises:
            InputError: No score, or one that is not finite.
        """
        values = np.sort(np.asarray(scores, np.float64).ravel())
        if values.size == 0 or not np.isfinite(values).all():
            raise InputError(
                f"Cannot calibrate on {values.size} scores of which "
                f"{int((~np.isfinite(values)).sum())} are not finite. Every normal needs one "
                "finite score. Remove images that could not be scored."
            )
        step = raw_step if raw_step > 0 else raw_step_of(values)
        # A large origin may swallow the step in rounding; the next float above it never equals it.
        lowest = max(origin + step, math.nextafter(origin, math.inf))
        values = np.maximum(values, lowest)
        n = values.size
        k = max(1, min(n - 1, max(5, n // 4)))
        t = float(values[n - k - 1]) if n > k else origin  # one score: measured from the origin
        excess_sum = max(float((values[n - k :] - t).sum()), k * step)
        return cls(tuple(values.tolist()), origin, k, t, excess_sum, step)

    @property
    def n(self) -> int:
        """Number of calibration scores."""
        return len(self.scores)

    @property
    def _tail_scale(self) -> float:
        return self.excess_sum + (self.scores[-1] - self.t)

    def log_p_array(self, raw: ArrayLike) -> DoubleArray:
        """Natural logarithm of p for each raw score; 0 up to the origin, lower = more anomalous."""
        values = np.asarray(raw, np.float64)
        if np.isnan(values).any():
            raise InputError(
                "A raw score is not a number. Scores must be numbers; check the map for NaN."
            )
        inside = np.interp(values, self._knots, self._log_p)
        excess = np.maximum(values - self.scores[-1], 0.0)
        tail: DoubleArray = inside - self.k * np.log1p(excess / self._tail_scale)
        return tail

    def log_p(self, raw: float) -> float:
        """Natural logarithm of p at one raw score, unrounded."""
        return float(self.log_p_array(raw))

    def raw_at(self, log_p: float) -> float:
        """Raw score at which the curve reaches ``log_p`` <= 0; the inverse of :meth:`log_p`."""
        if not log_p <= 0:
            raise InputError(f"ln p is {log_p}; a probability has ln p <= 0. Pass math.log(p).")
        last = float(self._log_p[-1])
        if log_p >= last:
            return float(np.interp(-log_p, -self._log_p, self._knots))
        exponent = min((last - log_p) / self.k, _LARGEST_EXPONENT)
        return self.scores[-1] + self._tail_scale * math.expm1(exponent)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; floats keep every digit."""
        return {
            "scores": list(self.scores),
            "origin": self.origin,
            "k": self.k,
            "t": self.t,
            "excess_sum": self.excess_sum,
            "raw_step": self.raw_step,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScoreCurve:
        """Read the JSON form; the stored tail is used as it stands.

        Raises:
            BundleError: Unknown or missing keys, wrong types, or numbers that contradict.
        """
        keys = {"scores", "origin", "k", "t", "excess_sum", "raw_step"}
        check_keys("score curve", data, keys)
        if not isinstance(data["scores"], list):
            raise BundleError("The score curve's 'scores' must be a list. Write the bundle again.")
        try:
            return cls(
                tuple(number(v, "scores") for v in data["scores"]),
                number(data["origin"], "origin"),
                integer(data["k"], "k"),
                number(data["t"], "t"),
                number(data["excess_sum"], "excess_sum"),
                number(data["raw_step"], "raw_step"),
            )
        except InputError as error:
            raise BundleError(f"The score curve is damaged: {error}") from error


def check_keys(what: str, data: object, keys: set[str]) -> None:
    """Refuse a stored object that has not exactly the keys that its specification names."""
    if not isinstance(data, Mapping):
        raise BundleError(f"The {what} is {type(data).__name__}; it must be a JSON object.")
    if set(data) != keys:
        raise BundleError(
            f"The {what} has unknown keys {sorted(set(data) - keys)} and lacks "
            f"{sorted(keys - set(data))}. The format names exactly {sorted(keys)}. "
            "Write the bundle again with a matching version."
        )


def number(value: object, name: str) -> float:
    """A finite JSON number as float; ``name`` is for the error."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BundleError(f"'{name}' is {value!r}; it must be a finite number.")
    return float(value)


def integer(value: object, name: str) -> int:
    """A JSON integer; ``name`` is for the error."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BundleError(f"'{name}' is {value!r}; it must be an integer.")
    return value
