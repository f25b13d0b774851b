"""How large a pilot must be: customers in each arm and weeks, for the smallest effect worth finding; and the other way round.

An `Outcome` says how the outcome varies (a standard deviation, or a rate), `Terms` how the pilot is run: power, shares, who is
drawn by lot, how many customers come by in a week. `pilot_size` gives the size that an effect needs, `smallest_effect` the effect
that a size can show. Effects are in NPS points, percentage points of churn or money, counted as improvements: positive means more
points, more money, fewer customers who leave.

The test is two-sided. Means: noncentral t, equal variances. Proportions: the normal test with the pooled variance (Fleiss, Levin
and Paik, 2003, ch. 4). A covariate from before the pilot takes its share of the variance away (Deng et al., 2013); where whole
branches or teams are drawn the variance grows by the design effect (Donner and Klar, 2000; unequal sizes: Eldridge et al., 2006), and
the degrees of freedom are those of the branches. Plain numbers in, one frozen result out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

OutcomeKind = Literal["nps", "churn", "money"]
UNITS: Final[dict[OutcomeKind, str]] = {"nps": "NPS points", "churn": "percentage points", "money": "money"}
FEWEST_LOTS: Final = 10  # branches per arm; below it clustered errors cannot be trusted
_FEWEST_DRAWN: Final = 2.5  # lots per arm from which a variance can be told
_MOST: Final = 1e10  # customers beyond which no search goes on


@dataclass(frozen=True)
class Outcome:
    """How an outcome varies between customers who are not reached.

    Parameters
    ----------
    kind
        ``nps`` (answers as -100, 0, 100), ``churn`` (0/1) or ``money``.
    mean
        Mean points or money; for churn the rate, between 0 and 1.
    sd
        Standard deviation of points or money; churn has that of its rate.
    """

    kind: OutcomeKind
    mean: float
    sd: float

    def __post_init__(self) -> None:
        """Refuse an outcome that does not vary."""
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0):
            raise ValueError(f"an outcome must vary: mean {self.mean}, standard deviation {self.sd}")

    @classmethod
    def nps(cls, sd: float, mean: float = 0.0) -> Outcome:
        """Answers as -100, 0, 100 points."""
        return cls("nps", mean, sd)

    @classmethod
    def churn(cls, rate: float) -> Outcome:
        """Who leaves within the horizon; `rate` between 0 and 1, without the campaign."""
        return cls("churn", rate, math.sqrt(max(rate * (1.0 - rate), 0.0)))

    @classmethod
    def money(cls, mean: float, sd: float) -> Outcome:
        """Money per customer within the horizon."""
        return cls("money", mean, sd)

    @classmethod
    def of(cls, kind: OutcomeKind, values: npt.NDArray[np.float64]) -> Outcome:
        """The outcome as observed values (rows,) show it, one per customer; missing ones are left out."""
        known = values[~np.isnan(values)]
        if len(known) < 2:
            raise ValueError(f"{len(known)} known values do not show how an outcome varies")
        return (
            cls.churn(float(known.mean()))
            if kind == "churn"
            else cls(kind, float(known.mean()), float(known.std(ddof=1)))
        )


@dataclass(frozen=True)
class Terms:
    """How a pilot is run.

    Parameters
    ----------
    power, alpha
        Chance to show an effect of the size asked for; two-sided level of the test.
    share
        Share of the customers (or branches) who are reached.
    variance_explained
        R2 of a covariate from before the pilot, e.g. the held-out prediction of the outcome; 0 without one.
    answer_rate
        Share of the drawn customers whose outcome becomes known: for NPS those who answer.
    answers, intra_customer
        Outcomes per customer who gives any, and the correlation between them.
    lot, intra_lot, lot_variation
        Customers per branch or team where such are drawn as a whole (1: customers are drawn), the correlation of the outcome
        within one, and the coefficient of variation of their sizes.
    per_week
        Customers who become eligible in a week, e.g. meet the touchpoint for the first time; None if not known.
    horizon_weeks
        Weeks from a customer's draw until the outcome is known.
    """

    power: float = 0.8
    alpha: float = 0.05
    share: float = 0.5
    variance_explained: float = 0.0
    answer_rate: float = 1.0
    answers: float = 1.0
    intra_customer: float = 0.0
    lot: float = 1.0
    intra_lot: float = 0.0
    lot_variation: float = 0.0
    per_week: float | None = None
    horizon_weeks: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no pilot can be."""
        good = {
            "power": self.alpha < self.power < 1,
            "alpha": 0 < self.alpha < 1,
            "share": 0 < self.share < 1,
            "variance_explained": 0 <= self.variance_explained < 1,
            "answer_rate": 0 < self.answer_rate <= 1,
            "answers": 1 <= self.answers < math.inf,
            "intra_customer": 0 <= self.intra_customer <= 1,
            "lot": 1 <= self.lot < math.inf,
            "intra_lot": 0 <= self.intra_lot <= 1,
            "lot_variation": 0 <= self.lot_variation < math.inf,
            "per_week": self.per_week is None or 0 < self.per_week < math.inf,
            "horizon_weeks": 0 <= self.horizon_weeks < math.inf,
        }
        wrong = [f"{name} {getattr(self, name)}" for name, fine in good.items() if not fine]
        if wrong:
            raise ValueError(f"terms of a pilot out of range: {', '.join(wrong)}")

    @property
    def by_lot(self) -> bool:
        """Whether whole branches or teams are drawn."""
        return self.lot > 1

    @property
    def design_effect(self) -> float:
        """By how much drawing whole branches multiplies the variance; their customers without outcome do not count."""
        if not self.by_lot:
            return 1.0
        known = self.lot * self.answer_rate
        return 1.0 + max((1.0 + self.lot_variation**2) * known - 1.0, 0.0) * self.intra_lot

    @property
    def inflation(self) -> float:
        """Variance per customer with an outcome, in units of the variance of one outcome."""
        repeated = (1.0 + (self.answers - 1.0) * self.intra_customer) / self.answers
        return repeated * (1.0 - self.variance_explained) * self.design_effect


@dataclass(frozen=True)
class PilotSize:
    """A pilot that shows `effect` (in `unit`, an improvement) with the power of its terms.

    `treated` and `control` are customers to be drawn, `known` those of both whose outcome becomes known; `lots` branches or teams to
    be drawn in each arm, None where customers are; `relative` the effect as a share of the mean, None for points; weeks are
    None where nobody knows how many customers come by. `small` says that too few branches are drawn for their errors to be trusted.
    """

    outcome: Outcome
    terms: Terms
    effect: float
    treated: int
    control: int
    power: float

    @property
    def customers(self) -> int:
        """Customers to be drawn, in both arms."""
        return self.treated + self.control

    @property
    def known(self) -> int:
        """Customers whose outcome becomes known."""
        return math.floor(self.customers * self.terms.answer_rate + 1e-9)

    @property
    def lots(self) -> tuple[int, int] | None:
        """Branches or teams to be reached and not to be reached."""
        if not self.terms.by_lot:
            return None
        return round(self.treated / self.terms.lot), round(self.control / self.terms.lot)

    @property
    def small(self) -> bool:
        """Whether too few branches are drawn to trust errors clustered by them."""
        return self.lots is not None and min(self.lots) < FEWEST_LOTS

    @property
    def relative(self) -> float | None:
        """The effect as a share of the mean; None for points, which have no zero."""
        return (
            None
            if self.outcome.kind == "nps" or self.outcome.mean <= 0
            else self.effect / _scale(self.outcome) / self.outcome.mean
        )

    @property
    def weeks_of_intake(self) -> int | None:
        """Weeks until enough customers have come by."""
        return None if self.terms.per_week is None else math.ceil(self.customers / self.terms.per_week - 1e-9)

    @property
    def weeks(self) -> int | None:
        """Weeks of intake and of waiting for the last customer's outcome."""
        intake = self.weeks_of_intake
        return None if intake is None else intake + math.ceil(self.terms.horizon_weeks)

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.outcome.kind,
            "unit": UNITS[self.outcome.kind],
            "mean": self.outcome.mean,
            "sd": self.outcome.sd,
            "effect": self.effect,
            "relative": self.relative,
            "power": self.power,
            "alpha": self.terms.alpha,
            "treated": self.treated,
            "control": self.control,
            "customers": self.customers,
            "outcomes_known": self.known,
            "answer_rate": self.terms.answer_rate,
            "variance_explained": self.terms.variance_explained,
            "design_effect": self.terms.design_effect,
            "lots": None if self.lots is None else {"treated": self.lots[0], "control": self.lots[1]},
            "too_few_lots": self.small,
            "weeks_of_intake": self.weeks_of_intake,
            "weeks_of_waiting": math.ceil(self.terms.horizon_weeks),
            "weeks": self.weeks,
        }


def pilot_size(outcome: Outcome, effect: float, terms: Terms) -> PilotSize:
    """The smallest pilot that shows an improvement of `effect` (points, percentage points or money) with the power asked for.

    Raises
    ------
    ValueError
        When the effect is not positive, is more churn than there is, or needs more than ten thousand million customers.
    """
    if not (math.isfinite(effect) and effect > 0):
        raise ValueError(f"the smallest effect worth finding must be positive: {effect}")
    if outcome.kind == "churn" and effect / _scale(outcome) > outcome.mean:
        raise ValueError(f"churn of {100 * outcome.mean:g} % cannot fall by {effect:g} percentage points")
    least = _FEWEST_DRAWN / (min(terms.share, 1 - terms.share) * _units(1.0, terms))

    def lacks(customers: float) -> float:
        return _power(outcome, effect, (customers * terms.share, customers * (1 - terms.share)), terms) - terms.power

    if lacks(_MOST) < 0:
        raise ValueError(f"an effect of {effect:g} needs more than {_MOST:.0e} customers")
    needed = least if lacks(least) >= 0 else _root(lacks, least, _MOST)
    treated, control = (_whole(needed * share, terms) for share in (terms.share, 1 - terms.share))
    return PilotSize(outcome, terms, effect, treated, control, _power(outcome, effect, (treated, control), terms))


def smallest_effect(outcome: Outcome, customers: float, terms: Terms) -> PilotSize | None:
    """The smallest improvement that `customers` drawn in both arms can show; None where not even the largest shows."""
    treated = round(customers * terms.share)
    control = round(customers) - treated
    if _units(min(treated, control), terms) < _FEWEST_DRAWN:
        return None

    def lacks(effect: float) -> float:
        return _power(outcome, effect, (treated, control), terms) - terms.power

    most = 100 * outcome.mean * (1 - 1e-9) if outcome.kind == "churn" else outcome.sd
    while lacks(most) < 0:
        if outcome.kind == "churn" or most > 1e6 * outcome.sd:
            return None
        most *= 2
    effect = _root(lacks, 1e-9 * most, most)
    return PilotSize(outcome, terms, effect, treated, control, _power(outcome, effect, (treated, control), terms))


def smallest_effect_within(outcome: Outcome, weeks: float, terms: Terms) -> PilotSize | None:
    """The smallest improvement that a pilot of so many weeks, waiting included, can show; None where it can show none.

    Raises
    ------
    ValueError
        When the terms do not say how many customers come by in a week.
    """
    if terms.per_week is None:
        raise ValueError("weeks tell the size of a pilot only where `per_week` is known")
    customers = math.floor(terms.per_week * max(weeks - math.ceil(terms.horizon_weeks), 0.0))
    return smallest_effect(outcome, customers, terms)


def _power(outcome: Outcome, effect: float, arms: tuple[float, float], terms: Terms) -> float:
    """Chance that the two-sided test shows the effect with so many customers drawn for the arms (reached, not reached)."""
    treated, control = (customers * terms.answer_rate for customers in arms)
    spread = 1 / treated + 1 / control
    freedom = sum(_units(customers, terms) for customers in arms) - 2
    shift = effect / _scale(outcome)
    if outcome.kind == "churn":
        lower = outcome.mean - shift
        pooled = (treated * lower + control * outcome.mean) / (treated + control)
        null = pooled * (1 - pooled) * spread
        real = lower * (1 - lower) / treated + outcome.mean * (1 - outcome.mean) / control
        freedom = freedom if terms.by_lot else math.inf
    else:
        null = real = outcome.sd**2 * spread
    # Under the null the statistic is counted in its own standard errors, which for proportions are others than the real ones.
    away = shift / math.sqrt(real * terms.inflation)
    if math.isinf(freedom):
        bar = float(stats.norm.isf(terms.alpha / 2)) * math.sqrt(null / real)
        return float(stats.norm.sf(bar - away) + stats.norm.cdf(-bar - away))
    bar = float(stats.t.isf(terms.alpha / 2, freedom)) * math.sqrt(null / real)
    found = float(stats.nct.sf(bar, freedom, away) + stats.nct.cdf(-bar, freedom, away))
    if not math.isfinite(found):
        # Far out the noncentral t has no figures left; the normal one, close by then, has.
        found = float(stats.norm.sf(bar - away))
    return min(found, 1.0)


def _scale(outcome: Outcome) -> float:
    """Told units in one unit of the outcome: churn is told in percentage points."""
    return 100.0 if outcome.kind == "churn" else 1.0


def _units(customers: float, terms: Terms) -> float:
    """What counts as one independent outcome: a branch that was drawn, or a customer whose outcome becomes known."""
    return customers / terms.lot if terms.by_lot else customers * terms.answer_rate


def _whole(customers: float, terms: Terms) -> int:
    """Rounded up to whole customers, and whole branches."""
    return math.ceil(math.ceil(customers / terms.lot - 1e-9) * terms.lot - 1e-9)


def _root(lacks: Callable[[float], float], low: float, high: float) -> float:
    """Where `lacks` turns from negative to positive, searched for in logarithms."""
    return math.exp(
        float(optimize.brentq(lambda place: lacks(math.exp(place)), math.log(low), math.log(high), xtol=1e-10))
    )
