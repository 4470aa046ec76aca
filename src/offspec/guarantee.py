"""What n normal images can promise about the share of good images that are stopped.

Ranks, binomial bounds and the sentence that stands beside every threshold. SciPy loads
inside the functions, so that the runtime does not need it.
"""

from __future__ import annotations

import math

from offspec.errors import InputError, OptionError
from offspec.types import ThresholdStatus

CONFIDENCE = 0.95
MIN_NORMALS = 5  # fewer give a provisional threshold
_ROUNDING = (
    1e-9  # a * (n + 1) that misses an integer by binary rounding alone counts as that integer
)


def check_alpha(alpha: float) -> None:
    """Refuse a false-alarm rate outside (0, 1).

    Raises:
        OptionError: It is.
    """
    if not 1e-12 <= alpha < 1.0:  # below, ranks and tails lose their digits
        raise OptionError(
            f"False-alarm rate {alpha} is out of range. It is a share of good images, above 0 and "
            "below 1, such as 0.01. Give another."
        )


def certified_rank(alpha: float, n: int) -> int:
    """Rank j = floor(alpha (n + 1)): the threshold is the j-th largest score; 0 = none is."""
    check_alpha(alpha)
    return min(math.floor(alpha * (n + 1) * (1.0 + _ROUNDING)), n)


def normals_to_certify(alpha: float) -> int:
    """Fewest normals for which a threshold at ``alpha`` is one of their scores: 99 for 1 %."""
    check_alpha(alpha)
    return max(1, math.ceil(1.0 / alpha * (1.0 - _ROUNDING)) - 1)


def normals_needed(alpha: float) -> int:
    """Fewest normals, none above, that promise ``alpha`` with 95 % confidence: 299 for 1 %."""
    check_alpha(alpha)
    return math.ceil(math.log1p(-CONFIDENCE) / math.log1p(-alpha) * (1.0 - _ROUNDING))


def guarantee_upper(n: int, j: int) -> float:
    """Upper 95 % bound of the share of good images above the j-th largest of n scores.

    It is the quantile Beta^-1(0.95; j, n - j + 1): the share that lies above an order
    statistic has that distribution, whatever the scores' distribution.
    """
    if not 1 <= j <= n:
        raise InputError(f"Rank {j} of {n} scores does not exist. Use 1 <= rank <= n.")
    from scipy.special import betaincinv  # noqa: PLC0415 - the runtime must not need SciPy

    return float(betaincinv(j, n - j + 1, CONFIDENCE))


def clopper_pearson(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact two-sided binomial interval for k of n.

    Raises:
        InputError: Not 0 <= k <= n with n >= 1, or a confidence outside (0, 1).

    Reference:
        Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the
        case of the binomial", Biometrika 26 (1934).
    """
    if not (n >= 1 and 0 <= k <= n and 0.0 < confidence < 1.0):
        raise InputError(
            f"No binomial interval for {k} of {n} at confidence {confidence}. "
            "Use 0 <= k <= n, n >= 1 and a confidence in (0, 1)."
        )
    from scipy.special import betaincinv  # noqa: PLC0415 - the runtime must not need SciPy

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return low, high


def percent(share: float) -> str:
    """A share as text with three significant digits, such as ``10.9 %``."""
    return f"{100.0 * share:.3g} %"


def guarantee_words(
    *,
    n: int,
    above: int,
    upper: float | None,
    alpha: float,
    status: ThresholdStatus,
    cross_fitted: bool,
    n_groups: int | None = None,
) -> str:
    """The sentence printed beside a threshold.

    Args:
        n: Normal scores that the threshold rests on.
        above: How many of them lie above it.
        upper: Result of :func:`guarantee_upper`; None for provisional and manual thresholds.
        alpha: The false-alarm rate that was asked for.
        status: Where the threshold comes from.
        cross_fitted: True when each score came from a model that saw the other normals.
        n_groups: Independent groups among the n, when fewer.
    """
    if status == "provisional":
        return (
            "Provisional: set from simulated changes of light, noise, focus and position of the "
            "reference, not from normal images; no false-alarm rate can be given. Add at least "
            f"{MIN_NORMALS} normal images."
        )
    if status == "manual" or upper is None:
        return "Set by hand: no false-alarm rate is promised. Measure it on normal images."
    grouped = f" in {n_groups} groups" if n_groups is not None and n_groups < n else ""
    parts = [
        f"{n} held-out normals{grouped}, {above or 'none'} above the threshold: with 95 % "
        f"confidence at most {percent(upper)} of good images are stopped"
        + (" (estimated, as the normals are cross-fitted)." if cross_fitted else ".")
    ]
    if status == "extrapolated":
        certify = normals_to_certify(alpha)
        parts.append(
            f"{percent(alpha)} is extrapolated beyond the highest of them; "
            f"{certify - n} more normals would certify it."
        )
    needed = normals_needed(alpha)
    if upper > alpha and needed > n:
        parts.append(
            f"To promise {percent(alpha)} with 95 % confidence takes {needed} normals, none "
            f"above: {needed - n} more."
        )
    return " ".join(parts)
