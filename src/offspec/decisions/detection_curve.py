"""Probability of detection over size, from found and missed defects: curve, a90 and a90/95.

Logistic in the logarithm of the size, with Firth's penalty: plain maximum likelihood makes curves
too steep where sizes were tried near the steep part, and has no answer where found and missed do
not overlap. a90/95 comes from the profile of that likelihood, one-sided; where several defects
were made in one photograph its limit is widened by how much the photographs differ.

Reference:
    MIL-HDBK-1823A (2009), appendix G, hit/miss analysis. Firth, Biometrika 80 (1993) 27-38.
    Heinze and Schemper, Statistics in Medicine 21 (2002) 2409-2419: profile of the penalised
    likelihood. Liang and Zeger, Biometrika 73 (1986) 13-22: variance by groups. Clopper and
    Pearson, Biometrika 26 (1934): 29 found of 29 show 90 % with 95 % confidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from offspec.types import BoolArray, DoubleArray

Status = Literal["found", "below", "not_reached", "too_few"]

LEAST_TRIALS = 10
GOOD_SHARE = 0.9
CEILING_CHANCE = 0.1
LEAST_PHOTOGRAPHS = 3  # to compare them
_ITERATIONS, _STEP, _TOLERANCE = 200, 5.0, 1e-9
_FLAT, _STEEP = 1e-3, 1e3  # slopes nobody could tell from none and from a step


@dataclass(frozen=True, slots=True)
class Fit:
    """logit p = intercept + slope * x.

    Attributes:
        covariance: (2, 2), of intercept and slope.
        log_likelihood: At the maximum, the penalty included where there is one.
        penalised: With Firth's penalty.
    """

    intercept: float
    slope: float
    covariance: DoubleArray
    log_likelihood: float
    penalised: bool

    def probability(self, x: DoubleArray) -> DoubleArray:
        """The curve."""
        return _logistic(self.intercept + self.slope * x)

    def band(self, x: DoubleArray, confidence: float = 0.95) -> tuple[DoubleArray, DoubleArray]:
        """Lower and upper Wald bound of the curve, each one-sided at ``confidence``."""
        eta = self.intercept + self.slope * x
        rows = np.stack([np.ones_like(x), x], axis=-1)
        error = np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows))
        z = float(stats.norm.ppf(confidence))
        return _logistic(eta - z * error), _logistic(eta + z * error)

    def place(self, probability: float) -> float:
        """X at which the curve reaches a probability; infinite where it does not rise."""
        if self.slope <= 0:
            return math.inf
        return (_logit(probability) - self.intercept) / self.slope


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """What the trials say of one kind of defect.

    Attributes:
        status: ``found``: a90 lies among the sizes tried. ``below``: below the smallest.
            ``not_reached``: above the largest, or the curve does not rise. ``too_few`` trials.
        a50: Size found half of the time, in pixels; None when outside the sizes tried.
        a90: Likewise nine times in ten. With ``below``, None.
        a90_95: Upper bound of a90 with 95 % confidence; None when none was reached among the
            sizes tried.
        bound: What gave it: ``likelihood``, ``photographs`` (the same, wider because they
            differ) or ``count`` (29 of 29).
        doubt: Why the curve is not to be believed; empty when nothing speaks against it.
    """

    n: int
    hits: int
    smallest: float
    largest: float
    status: Status
    fit: Fit | None = None
    a50: float | None = None
    a90: float | None = None
    a90_95: float | None = None
    bound: Literal["", "likelihood", "photographs", "count"] = ""
    doubt: str = ""

    @property
    def words(self) -> str:
        """One sentence for a quality manager."""
        if self.status == "too_few":
            return f"{self.n} trials are too few; at least {LEAST_TRIALS} are needed."
        if self.status == "not_reached":
            return f"90 % is not reached up to {self.largest:.3g} px, the largest size tried."
        sure = (
            f"with 95 % confidence not above {self.a90_95:.3g} px"
            if self.a90_95 is not None
            else "not shown with 95 % confidence up to the largest size tried"
        )
        if self.status == "below":
            return f"90 % is reached below {self.smallest:.3g} px, the smallest size tried; {sure}."
        return f"Nine of ten are found from {self.a90:.3g} px; {sure}."

    def to_dict(self, points: int = 41) -> dict[str, Any]:
        """The JSON form, with the curve and its band on a grid of sizes."""
        fit = self.fit
        curve: dict[str, list[float]] | None = None
        if fit is not None:
            x = np.linspace(math.log(self.smallest), math.log(self.largest), points)
            low, high = fit.band(x)
            curve = {
                "size_px": [round(float(v), 4) for v in np.exp(x)],
                "pod": _rounded(fit.probability(x)),
                "low": _rounded(low),
                "high": _rounded(high),
            }
        return {
            "status": self.status,
            "trials": self.n,
            "hits": self.hits,
            "a50": self.a50,
            "a90": self.a90,
            "a90_95": self.a90_95,
            "bound": self.bound or None,
            "intercept": None if fit is None else fit.intercept,
            "slope": None if fit is None else fit.slope,
            "penalised": None if fit is None else fit.penalised,
            "doubt": self.doubt or None,
            "words": self.words,
            "curve": curve,
        }


def detection_curve(
    sizes: ArrayLike,
    hits: ArrayLike,
    photographs: ArrayLike | None = None,
) -> DetectionCurve:
    """Fit the curve, and bound the size found nine times in ten.

    Args:
        sizes: Of each made defect, in pixels, > 0.
        hits: Whether it was found.
        photographs: Which photograph each was made in; None = one each.
    """
    size, hit = np.asarray(sizes, np.float64), np.asarray(hits, np.bool_)
    n, found = int(size.size), int(hit.sum())
    ends = (float(size.min()), float(size.max())) if n else (0.0, 0.0)
    if n < LEAST_TRIALS or ends[0] == ends[1]:
        return DetectionCurve(n, found, *ends, "too_few")
    if found == 0:
        return DetectionCurve(n, 0, *ends, "not_reached")
    counted = shown_by_count(size, hit)
    if found == n:
        bound: Literal["", "count"] = "" if counted is None else "count"
        return DetectionCurve(n, n, *ends, "below", a90_95=counted, bound=bound)
    x = np.log(size)
    fit = fit_logistic(x, hit)
    groups = None if photographs is None else np.asarray(photographs, np.int64)
    return _placed(fit, x, hit, groups, ends, counted)


def _placed(
    fit: Fit,
    x: DoubleArray,
    hit: BoolArray,
    groups: NDArray[np.int64] | None,
    ends: tuple[float, float],
    counted: float | None,
) -> DetectionCurve:
    """Say where the curve lies among the sizes tried."""
    n, found = int(hit.size), int(hit.sum())
    if fit.slope <= 0:
        if stats.beta.ppf(0.05, found, n - found + 1) >= 0.9:
            return DetectionCurve(
                n, found, *ends, "below", fit, a90_95=counted or ends[1], bound="count"
            )
        doubt = "Larger defects are not found more often than smaller ones."
        return DetectionCurve(n, found, *ends, "not_reached", fit, doubt=doubt)
    x90 = fit.place(0.9)
    reached = x90 <= math.log(ends[1])
    doubt = _ceiling_words(ceiling(x, hit, fit)) if reached else ""
    a50 = _inside(fit.place(0.5), ends)
    if not reached or doubt:
        return DetectionCurve(n, found, *ends, "not_reached", fit, a50, doubt=doubt)
    effect = photograph_effect(x, hit, groups, fit)
    upper = likelihood_bound(x, hit, fit, widening=effect)
    a90_95 = math.exp(max(upper, math.log(ends[0]))) if upper <= math.log(ends[1]) else None
    bound: Literal["", "likelihood", "photographs"] = ""
    if a90_95 is not None:
        bound = "likelihood" if effect == 1 else "photographs"
    below = x90 < math.log(ends[0])
    a90 = None if below else math.exp(x90)
    status: Status = "below" if below else "found"
    return DetectionCurve(n, found, *ends, status, fit, a50, a90, a90_95, bound)


def _inside(x: float, ends: tuple[float, float]) -> float | None:
    return math.exp(x) if math.log(ends[0]) <= x <= math.log(ends[1]) else None


def _ceiling_words(height: float) -> str:
    if height >= GOOD_SHARE:
        return ""
    return (
        f"The curve levels off at about {100 * height:.0f} %: at some places even large defects "
        "are missed. See the map."
    )


def ceiling(x: DoubleArray, hit: BoolArray, fit: Fit) -> float:
    """Height at which the curve levels off; 1 where nothing shows that it does.

    A third parameter, the height, has to make the trials likelier by more than chance would in
    one study of ten (likelihood ratio on the edge of its range, half a chi-square).

    Reference:
        Annis, Gandossi and Martin, JRC report EUR 25810 (2012), on asymptotes of such curves.
    """
    y = hit.astype(np.float64)

    def loss(at: DoubleArray, height: float) -> float:
        p = np.clip(height * _logistic(at[0] + at[1] * x), 1e-12, 1 - 1e-12)
        return -float((y * np.log(p) + (1 - y) * np.log1p(-p)).sum())

    def whole(at: DoubleArray) -> float:
        return loss(at, 1.0)

    def free(at: DoubleArray) -> float:
        return loss(at[:2], float(_logistic(at[2:])[0]))

    start = np.array([fit.intercept, fit.slope])
    without = optimize.minimize(whole, start, method="Nelder-Mead")
    steeper = np.array([-2 * fit.place(0.4) * fit.slope, 2 * fit.slope, _logit(0.85)])
    with_one = optimize.minimize(
        free, steeper, method="Nelder-Mead", options={"maxiter": 1500, "maxfev": 1500}
    )
    height = float(_logistic(with_one.x[2:])[0])
    gain = 2 * float(without.fun - with_one.fun)
    return height if gain > float(stats.chi2.ppf(1 - 2 * CEILING_CHANCE, 1)) else 1.0


def shown_by_count(size: DoubleArray, hit: BoolArray) -> float | None:
    """Smallest size up to which enough trials, all found, show 90 % with 95 % confidence.

    Larger defects are taken to be found no less often than smaller ones.
    """
    need = math.ceil(math.log(0.05) / math.log(0.9))
    order = np.argsort(size, kind="stable")
    if size.size < need or not hit[order[:need]].all():
        return None
    return float(size[order[need - 1]])


def fit_logistic(x: DoubleArray, hit: BoolArray, *, penalised: bool = True) -> Fit:
    """The curve with Firth's penalty; without it by plain maximum likelihood.

    Args:
        x: (n,), logarithms of sizes.
        hit: (n,); without the penalty found and missed have to overlap.
        penalised: Use the penalty.
    """
    y = hit.astype(np.float64)
    rows = np.stack([np.ones_like(x), x], axis=1)
    beta, information = _newton(rows, y, penalised=penalised)
    likelihood = _objective(float(beta[0]), float(beta[1]), x, y, penalised=penalised)
    return Fit(float(beta[0]), float(beta[1]), _inverse(information), likelihood, penalised)


def firth_logistic(rows: DoubleArray, hit: BoolArray) -> tuple[DoubleArray, DoubleArray]:
    """Logistic regression with Firth's penalty on any columns.

    Args:
        rows: (n, k), a column of ones included.
        hit: (n,).

    Returns:
        (k,) coefficients and their (k, k) covariance.
    """
    beta, information = _newton(rows, hit.astype(np.float64), penalised=True)
    return beta, _inverse(information)


def _newton(
    rows: DoubleArray, y: DoubleArray, *, penalised: bool
) -> tuple[DoubleArray, DoubleArray]:
    """Coefficients (k,) and the information (k, k) there, by Newton's steps on scaled columns.

    The penalty is half of the log determinant of the information.
    """
    constant = int(np.argmin(rows.std(axis=0)))
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    middle[constant], spread[constant] = 0.0, 1.0
    scaled = (rows - middle) / np.where(spread > 0, spread, 1.0)
    beta, ridge = np.zeros(rows.shape[1]), 1e-12 * np.eye(rows.shape[1])
    for turn in range(_ITERATIONS):
        p = _logistic(scaled @ beta)
        weight = p * (1 - p)
        inverse = np.linalg.inv(scaled.T @ (weight[:, None] * scaled) + ridge)
        residual = y - p
        if penalised:
            residual = residual + _leverage(scaled, weight, inverse) * (0.5 - p)
        step = inverse @ (scaled.T @ residual)
        step *= min(1.0, _STEP / max(float(np.abs(step).max()), 1e-300))
        if turn > _ITERATIONS // 4:
            step *= 0.5  # damped where it swings
        beta = beta + step
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    raw = beta / np.where(spread > 0, spread, 1.0)
    raw[constant] = beta[constant] - float(np.delete(raw * middle, constant).sum())
    p = _logistic(rows @ raw)
    return raw, rows.T @ ((p * (1 - p))[:, None] * rows)


def _leverage(rows: DoubleArray, weight: DoubleArray, inverse: DoubleArray) -> DoubleArray:
    found: DoubleArray = weight * np.einsum("nj,jk,nk->n", rows, inverse, rows)
    return found


def _objective(
    intercept: float, slope: float, x: DoubleArray, y: DoubleArray, *, penalised: bool
) -> float:
    """Log likelihood of a curve, with Firth's penalty where it is asked for."""
    eta = intercept + slope * x
    value = _log_likelihood(eta, y)
    if penalised:
        p = _logistic(eta)
        weight = p * (1 - p)
        total, first, second = weight.sum(), (weight * x).sum(), (weight * x * x).sum()
        value += 0.5 * math.log(max(float(total * second - first * first), 1e-300))
    return value


def likelihood_bound(
    x: DoubleArray,
    hit: BoolArray,
    fit: Fit,
    *,
    probability: float = 0.9,
    confidence: float = 0.95,
    widening: float = 1.0,
) -> float:
    """Upper one-sided bound of the place where the curve reaches a probability.

    The largest place whose profile likelihood is within the chi-square limit of the best;
    infinite when a curve that never gets there is within it too.

    Args:
        x: (n,).
        hit: (n,).
        fit: Of these, its penalty is used.
        probability: To be reached.
        confidence: Of the bound.
        widening: Factor on the limit, from ``photograph_effect``.
    """
    y = hit.astype(np.float64)
    limit = widening * float(stats.chi2.ppf(2 * confidence - 1, 1)) / 2
    half = 0.5 if fit.penalised else 0.0
    share = min(float((y.sum() + half) / (y.size + 2 * half)), probability)
    flat = _objective(_logit(share), 0.0, x, y, penalised=fit.penalised)
    if fit.log_likelihood - flat <= limit:
        return math.inf

    def lacks(place: float) -> float:
        return fit.log_likelihood - _profile(x, y, place, probability, fit.penalised) - limit

    start, width = fit.place(probability), float(np.ptp(x))
    end = start + 0.1 * width
    while lacks(end) <= 0:
        end += 0.5 * width
        if end > start + 50 * width:
            return math.inf
    return float(optimize.brentq(lacks, start, end, xtol=1e-5))


def _profile(
    x: DoubleArray, y: DoubleArray, place: float, probability: float, penalised: bool
) -> float:
    """Largest log likelihood of rising curves through (place, probability)."""
    level = _logit(probability)

    def loss(log_slope: float) -> float:
        slope = math.exp(log_slope)
        return -_objective(level - slope * place, slope, x, y, penalised=penalised)

    ends = math.log(_FLAT), math.log(_STEEP)
    found = optimize.minimize_scalar(loss, bounds=ends, method="bounded")
    return -float(found.fun)


def wald_bound(fit: Fit, probability: float = 0.9, confidence: float = 0.95) -> float:
    """Where the lower Wald bound of the curve reaches a probability; infinite where never."""
    z2 = float(stats.norm.ppf(confidence)) ** 2
    level, cov = _logit(probability), fit.covariance
    # (intercept - level + slope x)^2 = z^2 (v00 + 2 v01 x + v11 x^2), the larger root
    offset = fit.intercept - level
    a = fit.slope**2 - z2 * cov[1, 1]
    b = 2 * (offset * fit.slope - z2 * cov[0, 1])
    c = offset**2 - z2 * cov[0, 0]
    if a <= 0 or b * b < 4 * a * c:
        return math.inf
    return float((-b + math.sqrt(b * b - 4 * a * c)) / (2 * a))


def photograph_effect(
    x: DoubleArray,
    hit: BoolArray,
    groups: NDArray[np.int64] | None,
    fit: Fit,
    *,
    probability: float = 0.9,
    confidence: float = 0.95,
) -> float:
    """Factor on the limit of the likelihood for defects that share photographs; 1 for none.

    The variance of the place by photographs over that by trials, at least 1, times the squared
    quantile of Student's t with as many degrees of freedom as photographs less one, over that of
    the normal law.
    """
    if groups is None or fit.slope <= 0:
        return 1.0
    names, member = np.unique(groups, return_inverse=True)
    count = int(names.size)
    if count == hit.size or count < LEAST_PHOTOGRAPHS:
        return 1.0
    rows = np.stack([np.ones_like(x), x], axis=1)
    p = fit.probability(x)
    leverage = _leverage(rows, p * (1 - p), fit.covariance)
    residual = (hit - p) / np.sqrt(np.maximum(1 - leverage, 0.1))
    sums = np.zeros((count, 2))
    np.add.at(sums, member, residual[:, None] * rows)
    between = fit.covariance @ (sums.T @ sums) @ fit.covariance * count / (count - 1)
    gradient = np.array([-1.0, -fit.place(probability)])
    ratio = float(gradient @ between @ gradient / (gradient @ fit.covariance @ gradient))
    wider = float(stats.t.ppf(confidence, count - 1) / stats.norm.ppf(confidence))
    return max(1.0, ratio) * wider**2


def _inverse(matrix: DoubleArray) -> DoubleArray:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _log_likelihood(eta: DoubleArray, y: DoubleArray) -> float:
    return float((y * eta - np.logaddexp(0, eta)).sum())


def _logistic(eta: DoubleArray) -> DoubleArray:
    found: DoubleArray = 0.5 * (1 + np.tanh(0.5 * eta))
    return found


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _rounded(values: DoubleArray) -> list[float]:
    return [round(float(v), 5) for v in values]
