"""Two inspectors on the same images: tests and intervals for paired yes-no decisions and scores.

The images are the same for both, so only those on which they differ say anything about which one is
better; treating the two as separate samples would throw that away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from offspec.errors import MetricError
from offspec.guarantee import CONFIDENCE
from offspec.types import BoolArray, DoubleArray

MOVED = 5
"""Good and defective images that must change their place before two areas get an interval."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Counts of a yes-no decision of both on the same images.

    Attributes:
        both: Both say yes.
        only_new: Only the new one does.
        only_old: Only the old one does.
        neither: Neither does.
    """

    both: int
    only_new: int
    only_old: int
    neither: int

    @classmethod
    def count(cls, new: ArrayLike, old: ArrayLike) -> Pairs:
        """Count two lists of decisions on the same images, True = yes."""
        n, o = np.asarray(new, np.bool_), np.asarray(old, np.bool_)
        return cls(
            int((n & o).sum()), int((n & ~o).sum()), int((o & ~n).sum()), int((~n & ~o).sum())
        )

    @property
    def n(self) -> int:
        """Images."""
        return self.both + self.only_new + self.only_old + self.neither

    @property
    def difference(self) -> float:
        """Share of yes of the new one minus that of the old one."""
        return (self.only_new - self.only_old) / self.n


def mcnemar(only_new: int, only_old: int) -> float:
    """Exact two-sided McNemar test that both say yes equally often.

    Returns:
        The p value; 1 when they never differ.

    Reference:
        McNemar, "Note on the sampling error of the difference between correlated proportions or
        percentages", Psychometrika 12 (1947); the exact, conditional form.

    Example:
        >>> round(mcnemar(6, 16), 6)
        0.052479
    """
    discordant = only_new + only_old
    if discordant == 0:
        return 1.0
    return float(min(1.0, 2.0 * stats.binom.cdf(min(only_new, only_old), discordant, 0.5)))


def tango_interval(
    only_new: float, only_old: float, n: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Score interval of the difference of two paired shares, new minus old.

    It stays honest where the two hardly differ: no difference on n images gives
    +- z^2 / (n + z^2), not zero width. Counts may be fractions, for planning.

    Raises:
        MetricError: There is no image.

    Reference:
        Tango, "Equivalence test and confidence interval for the difference in proportions for the
        paired-sample design", Statistics in Medicine 17 (1998).
    """
    if n <= 0:
        raise MetricError(
            "There is no image of this kind, so no difference can be given. Add some."
        )
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    estimate = (only_new - only_old) / n

    def score(delta: float) -> float:
        b = -only_new - only_old + (2 * n - only_new + only_old) * delta
        c = -only_old * delta * (1 - delta)
        q = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        spread = n * (2 * q + delta * (1 - delta))
        distance = only_new - only_old - n * delta
        if spread <= 0.0:
            return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
        return distance / math.sqrt(spread)

    def limit(side: float) -> float:
        edge = side * (1.0 - 1e-12)
        if side * estimate >= 1.0 - 1e-12 or side * score(edge) > -z:
            return side
        inside = min(max(estimate, -1.0 + 1e-12), 1.0 - 1e-12)
        return float(
            optimize.brentq(lambda d: min(max(score(d), -1e9), 1e9) + side * z, inside, edge)
        )

    return limit(-1.0), limit(1.0)


def newcombe_interval(pairs: Pairs, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Square-and-add interval of the difference of two paired shares, new minus old.

    For comparison: it closes to nothing where the two never differ on few images.

    Reference:
        Newcombe, "Improved confidence intervals for the difference between binomial proportions
        based on paired data", Statistics in Medicine 17 (1998), method 10.
    """
    n = pairs.n
    yes_new, yes_old = pairs.both + pairs.only_new, pairs.both + pairs.only_old
    low_new, high_new = wilson_interval(yes_new, n, confidence)
    low_old, high_old = wilson_interval(yes_old, n, confidence)
    product = float(yes_new) * (n - yes_new) * yes_old * (n - yes_old)
    cross = float(pairs.both * pairs.neither - pairs.only_new * pairs.only_old)
    phi = 0.0
    if product > 0:
        corrected = max(cross - n / 2, 0.0) if cross > 0 else cross
        phi = corrected / math.sqrt(product)
    new, old = yes_new / n, yes_old / n
    down = (new - low_new, high_old - old)
    up = (old - low_old, high_new - new)
    d, u = (a * a + b * b - 2 * phi * a * b for a, b in (down, up))
    return new - old - math.sqrt(max(0.0, d)), new - old + math.sqrt(max(0.0, u))


def wilson_interval(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for k of n."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - reach, middle + reach


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """Difference of two areas under the ROC curve on the same images, new minus old.

    Attributes:
        low: Lower end of the interval; None where too few images change their place to tell.
        high: Upper end, likewise.
        p: Two-sided p value of equal areas, likewise.
    """

    new: float
    old: float
    difference: float
    standard_error: float
    low: float | None
    high: float | None
    p: float | None


def delong(
    new: ArrayLike, old: ArrayLike, defective: ArrayLike, confidence: float = CONFIDENCE
) -> AreaDifference:
    """Compare two areas under the ROC curve of the same images.

    The published error with a t quantile in place of the normal one: only images that stand
    elsewhere in the other ranking tell of the spread, and near an area of 1 they are few.

    Args:
        new: (N,) scores of the new one, higher = more anomalous.
        old: (N,) scores of the old one; the two scales need not agree.
        defective: (N,) bool, True = defective.
        confidence: Of the interval, in (0, 1).

    Raises:
        MetricError: Fewer than two good or two defective images.

    Reference:
        DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
        receiver operating characteristic curves: a nonparametric approach", Biometrics 44 (1988).
    """
    truth = np.asarray(defective, np.bool_)
    if truth.sum() < 2 or (~truth).sum() < 2:
        raise MetricError(
            f"{int(truth.sum())} defective and {int((~truth).sum())} good images. The areas of two "
            "rankings are compared on at least two of each; add some."
        )
    found = [_placements(np.asarray(scores, np.float64), truth) for scores in (new, old)]
    moved = [found[0][i] - found[1][i] for i in (0, 1)]  # of defective, of good images
    spread = sum(float(np.var(m, ddof=1)) / m.size for m in moved)
    a, b = (float(f[0].mean()) for f in found)
    error = math.sqrt(spread)
    changed = min(int((np.abs(m) > 1e-12).sum()) for m in moved)
    if changed < MOVED:
        return AreaDifference(a, b, a - b, error, None, None, None)
    reach = float(stats.t.ppf(0.5 + confidence / 2, changed - 1)) * error
    p = 2.0 * float(stats.t.sf(abs(a - b) / error, changed - 1))
    return AreaDifference(a, b, a - b, error, max(-1.0, a - b - reach), min(1.0, a - b + reach), p)


def _placements(scores: DoubleArray, truth: BoolArray) -> tuple[DoubleArray, DoubleArray]:
    """Per defective image the share of good ones below, per good one that of defective above."""
    good, bad = np.sort(scores[~truth]), np.sort(scores[truth])

    def share(values: DoubleArray, among: DoubleArray) -> DoubleArray:
        under = np.searchsorted(among, values, "left") + np.searchsorted(among, values, "right")
        return np.asarray(under / (2.0 * among.size), np.float64)

    return share(scores[truth], good), 1.0 - share(scores[~truth], bad)


def images_needed(
    pairs: Pairs, margin: float, confidence: float = CONFIDENCE, *, most: int = 10_000_000
) -> int | None:
    """Images after which the interval would clear the margin, if shares stay as they are.

    Args:
        pairs: Counts so far; yes is what the new one must not lose.
        margin: Loss that is still accepted, above 0.
        confidence: Of the interval, in (0, 1).
        most: Give up beyond this many.

    Returns:
        A number of images of this kind, those at hand included; None when no number will do,
        since the measured loss is the margin or more.
    """
    if pairs.n == 0 or pairs.difference <= -margin:
        return None
    share_new, share_old = pairs.only_new / pairs.n, pairs.only_old / pairs.n

    def clears(n: int) -> bool:
        return tango_interval(share_new * n, share_old * n, n, confidence)[0] > -margin

    high = pairs.n
    while not clears(high):
        high *= 2
        if high > most:
            return None
    low = pairs.n - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if clears(middle) else (middle, high)
    return high
