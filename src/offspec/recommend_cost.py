"""What a choice costs, how sure that is, and what it would cost to be wrong: pure functions.

The loss of a candidate at a false-alarm rate is
``1000 * (d * miss_rate * cost_miss + (1 - d) * false_alarm_rate * cost_stop)`` for 1000 parts,
d being the share of defective ones. Where costs are unknown it is the sum of both rates. The
false-alarm rate counts as the larger of the asked and the observed: a few good images without an
alarm must not make a threshold look free.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offspec.fit_plan import FitConfig
from offspec.recommend_needs import Needs
from offspec.types import BoolArray, DoubleArray

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""False-alarm rates that are proposed; a finer choice would read noise."""
PARTS = 1000
MUCH = 0.1  # of the least loss: candidates further away are not passed over for their maps
DRAWS = 2000
NOMINAL_SEPARATION = 2.33
"""Distance of good and defective scores, in deviations, where nothing was measured: AUROC 0.95."""


@dataclass(frozen=True, slots=True)
class Economy:
    """What misses and false alarms weigh.

    Attributes:
        miss: Weight of the miss rate: cost for 1000 parts if every defect were missed.
        stop: Weight of the false-alarm rate, likewise.
        known: Whether costs were given; without, both weigh 1.
    """

    miss: float
    stop: float
    known: bool

    @classmethod
    def of(cls, needs: Needs, *, defects_times: float = 1.0, miss_times: float = 1.0) -> Economy:
        """From the answers, some of them multiplied."""
        if needs.costs is None:
            return cls(1.0, 1.0, known=False)
        cost_miss, cost_stop = needs.costs
        share = min(needs.defect_rate * defects_times, 0.5)
        return cls(
            PARTS * share * cost_miss * miss_times, PARTS * (1 - share) * cost_stop, known=True
        )

    def loss(
        self, miss_rate: float | DoubleArray, false_rate: float | DoubleArray
    ) -> float | DoubleArray:
        """The weighted sum."""
        return self.miss * miss_rate + self.stop * false_rate


def rates_for(needs: Needs) -> tuple[float, ...]:
    """False-alarm rates to compare: the fixed one, or all of them where costs can choose."""
    default = FitConfig().false_alarm_rate
    if needs.false_alarm_rate is not None:
        return (needs.false_alarm_rate,)
    return tuple(sorted({*RATES, default})) if needs.costs is not None else (default,)


def nominal_rate(needs: Needs) -> float:
    """The rate that costs suggest before anything was measured.

    Good and defective scores are taken as two normal distributions of one width,
    ``NOMINAL_SEPARATION`` apart; stopping pays up to the place where the odds of a defect equal
    the ratio of the costs. The nearest of ``RATES`` is returned.
    """
    if needs.costs is None or needs.false_alarm_rate is not None:
        return needs.asked_rate()
    economy = Economy.of(needs)
    if economy.stop <= 0 or economy.miss <= 0:
        return RATES[-1] if economy.stop <= 0 else RATES[0]
    place = NOMINAL_SEPARATION / 2 + math.log(economy.stop / economy.miss) / NOMINAL_SEPARATION
    rate = 0.5 * math.erfc(place / math.sqrt(2))
    return min(RATES, key=lambda one: abs(math.log(one / max(rate, 1e-12))))


@dataclass(frozen=True)
class Trials:
    """Verdicts of one candidate on pictures it had not learned from.

    Attributes:
        rates: Asked false-alarm rates, R of them.
        source: (N,) number of the photograph that a picture was made from.
        defective: (N,) the truth.
        stopped: (N, R) whether the part is stopped; an invalid good picture counts as stopped,
            an invalid defective one does not.
        width_px: (N,) width of the made defect; 0 for good pictures and real defects.
    """

    rates: tuple[float, ...]
    source: NDArray[np.int64]
    defective: BoolArray
    stopped: BoolArray
    width_px: DoubleArray

    def miss_rate(self, rate: float) -> float:
        """Share of defective pictures let through."""
        return float(1 - self.stopped[self.defective, self.rates.index(rate)].mean())

    def false_rate(self, rate: float) -> float:
        """Share of good pictures stopped, as observed."""
        return float(self.stopped[~self.defective, self.rates.index(rate)].mean())

    def detection_by_width(self, rate: float) -> dict[float, float]:
        """Width of made defects to the share of them stopped."""
        column = self.stopped[:, self.rates.index(rate)]
        widths = sorted(set(self.width_px[self.defective].tolist()) - {0.0})
        return {w: float(column[self.defective & (self.width_px == w)].mean()) for w in widths}

    def loss(self, rate: float, economy: Economy) -> float:
        """Loss at one rate; the false-alarm rate is at least the asked one."""
        return float(economy.loss(self.miss_rate(rate), max(rate, self.false_rate(rate))))

    def best_rate(self, economy: Economy) -> float:
        """The rate of least loss; the lower one of equals."""
        return min(self.rates, key=lambda rate: (self.loss(rate, economy), rate))

    def resampled_losses(self, rate: float, economy: Economy, weights: DoubleArray) -> DoubleArray:
        """(B,) losses under weights (B, N) of the pictures."""
        column = self.stopped[:, self.rates.index(rate)].astype(np.float64)
        bad = weights * self.defective
        good = weights * ~self.defective
        miss = 1 - bad @ column / bad.sum(axis=1)
        false = np.maximum(good @ column / good.sum(axis=1), rate)
        return np.asarray(economy.loss(miss, false), np.float64)


def bootstrap_weights(trials: Trials, seed: int, draws: int = DRAWS) -> DoubleArray:
    """(B, N) how often each picture is drawn when photographs are drawn with replacement.

    All pictures made from one photograph are drawn together. Photographs that gave good pictures
    only, defective ones only, or both are drawn apart, so that no side is ever empty.
    """
    rng = np.random.default_rng(seed)
    sources = np.unique(trials.source)
    sides = [
        (bool(trials.defective[trials.source == s].any()),
         bool((~trials.defective[trials.source == s]).any()))
        for s in sources
    ]  # fmt: skip
    counts = np.zeros((draws, sources.size))
    for side in set(sides):
        members = np.array([i for i, own in enumerate(sides) if own == side])
        share = np.full(members.size, 1 / members.size)
        counts[:, members] = rng.multinomial(members.size, share, size=draws)
    return counts[:, np.searchsorted(sources, trials.source)]


def interval(values: DoubleArray) -> tuple[float, float]:
    """Central 95 % of resampled values."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Contender:
    """One candidate in the choice; ``order`` breaks exact ties, lower first."""

    name: str
    trials: Trials
    order: float
    localisation: float | None = None


@dataclass(frozen=True, slots=True)
class Versus:
    """What another candidate would cost instead of the chosen one.

    Attributes:
        more: Loss above the chosen one's; negative where it is lower.
        low: Lower end of the paired 95 % interval; ``high`` likewise.
    """

    name: str
    rate: float
    loss: float
    more: float
    low: float
    high: float

    @property
    def same(self) -> bool:
        """Whether the pictures cannot tell the two apart."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Scenario:
    """The choice if an assumption is off by a factor: what would be chosen, and the regret."""

    words: str
    name: str
    rate: float
    regret: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Which candidate at which rate, and how sure that is.

    Attributes:
        loss: Expected cost for 1000 parts, or the sum of both rates where costs are unknown.
        by_localisation: Chosen among equals because it locates best.
        others: The other candidates, cheapest first.
        scenarios: What changes if defect rate or cost of a miss is off by a factor of 2.
    """

    name: str
    rate: float
    loss: float
    low: float
    high: float
    by_localisation: bool
    others: tuple[Versus, ...]
    scenarios: tuple[Scenario, ...]


def choose(contenders: Sequence[Contender], needs: Needs, seed: int) -> Choice:
    """The candidate of least loss; for a task that locates, the best map among its equals.

    Equals are those that the pictures cannot tell from it and that lie within a tenth of its loss.
    """
    economy = Economy.of(needs)
    rates = {c.name: c.trials.best_rate(economy) for c in contenders}
    ranked = sorted(contenders, key=lambda c: (c.trials.loss(rates[c.name], economy), c.order))
    weights = bootstrap_weights(ranked[0].trials, seed)
    drawn = {c.name: c.trials.resampled_losses(rates[c.name], economy, weights) for c in contenders}

    def versus(first: Contender, other: Contender) -> Versus:
        losses = [c.trials.loss(rates[c.name], economy) for c in (other, first)]
        low, high = interval(drawn[other.name] - drawn[first.name])
        return Versus(other.name, rates[other.name], losses[0], losses[0] - losses[1], low, high)

    chosen = ranked[0]
    if needs.locate:
        rivals = [(c, versus(ranked[0], c)) for c in ranked[1:]]
        near = MUCH * ranked[0].trials.loss(rates[ranked[0].name], economy)
        equals = [chosen, *(c for c, v in rivals if v.same and v.more <= near)]
        chosen = max(equals, key=lambda c: -1.0 if c.localisation is None else c.localisation)
    low, high = interval(drawn[chosen.name])
    return Choice(
        name=chosen.name,
        rate=rates[chosen.name],
        loss=chosen.trials.loss(rates[chosen.name], economy),
        low=low,
        high=high,
        by_localisation=chosen is not ranked[0],
        others=tuple(versus(chosen, c) for c in ranked if c is not chosen),
        scenarios=_scenarios(contenders, chosen, rates[chosen.name], needs),
    )


def _scenarios(
    contenders: Sequence[Contender], chosen: Contender, rate: float, needs: Needs
) -> tuple[Scenario, ...]:
    """The choice under doubled and halved assumptions; none where costs are unknown."""
    if needs.costs is None:
        return ()
    found = []
    for words, defects, misses in (
        ("twice as many parts are defective", 2.0, 1.0),
        ("half as many parts are defective", 0.5, 1.0),
        ("a miss costs twice as much", 1.0, 2.0),
        ("a miss costs half as much", 1.0, 0.5),
    ):
        economy = Economy.of(needs, defects_times=defects, miss_times=misses)
        best = {c.name: c.trials.best_rate(economy) for c in contenders}
        own = chosen.trials.loss(rate, economy)
        first = min(contenders, key=lambda c: (c.trials.loss(best[c.name], economy), c.order))
        regret = own - first.trials.loss(best[first.name], economy)
        found.append(Scenario(words, first.name, best[first.name], max(regret, 0.0)))
    return tuple(found)


def loss_at(trials: Trials, rate: float, needs: Needs) -> float:
    """Loss of a candidate at the nearest rate that was compared."""
    near = min(trials.rates, key=lambda one: abs(math.log(one / rate)))
    return trials.loss(near, Economy.of(needs))
