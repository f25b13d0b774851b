"""The weakest link: whether the worst touchpoint decides beyond the sum of all, and an uneven journey beyond its mean.

Calibrated held-out values (rows, touchpoints) and the outcome go in. If effects add up, a row's smallest value tells nothing that
its sum does not; if the weakest link decides, it does. A floor and a ceiling bend the sum by themselves, and the smallest value
would seem to count. So the smallest value is tested beside whatever an additive world can be (`additive`): every touchpoint's value
may bend, and so may their sum, and a bounded outcome is taken on its logistic scale (Papke and Wooldridge, 1996). It must also
lower the loss of customers who took no part in the fit.

`consistency` asks the same of one customer's encounters: whether the spread between them counts beyond their mean. An encounter
whose harm grows faster than its badness looks just so, so spread must count beside the mean of any curve of badness too. Errors are
clustered by customer, tests are one-sided in the direction of harm; association throughout. Missing values are refused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers import significance
from drivers.attribution import Floats, Ints, Kind
from drivers.interval import Interval
from drivers.questions.peak_end import bends, journeys

_AT_AN_END: Final = 0.01  # share of rows at the lowest and at the highest value from which on an outcome is bounded
_FARTHEST: Final = 4.0  # standard deviations: squares and cubes of what lies beyond would rule the fit
_FOLDS: Final = 5
_FEWEST_CUSTOMERS: Final = 100
_LEVEL: Final = 0.01  # of a verdict: several are asked of every target
_Z: Final = 1.959964


@dataclass(frozen=True)
class WeakestLink:
    """Whether the worst touchpoint decides.

    Parameters
    ----------
    verdict
        "not_shown" also where there are too few customers or fewer than two touchpoints with any effect.
    total, weakest
        Slopes of the sum and of the smallest value beside each other, on the outcome's own scale: 1 and 0 if effects add up.
    gain
        Held-out gain from knowing the smallest value, as a share of the additive model's loss.
    p
        One-sided, beside the bent additive model.
    customers
        How many took part.
    """

    verdict: Literal["weakest_link", "not_shown"]
    total: Interval | None
    weakest: Interval | None
    gain: Interval | None
    p: float
    customers: int

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Consistency:
    """Whether uneven journeys are worse: effects per standard deviation of an encounter's badness, in the outcome's unit."""

    verdict: Literal["consistency_counts", "not_shown"]
    mean: Interval | None
    spread: Interval | None
    p: float
    journeys: int
    customers: int

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def additive(main: Floats, y: Floats, customer: Ints, kind: Kind) -> tuple[Floats, Floats, Kind]:
    """What an outcome can be of values that add up on some scale: columns to test beside, the outcome to test on, its kind.

    Columns are the values, their squares and cubes, and square and cube of their fitted sum (Tukey, 1949). An outcome with
    rows at its lowest and at its highest value is scaled to 0..1 and told to be binary: the fractional logit.
    """
    ends = (float(np.mean(y == y.min())), float(np.mean(y == y.max())))
    if min(ends) >= _AT_AN_END and np.ptp(y) > 0:
        y, kind = (y - y.min()) / np.ptp(y), "binary"
    scaled = _standardised(main)
    base = np.column_stack([main, scaled**2, scaled**3])
    index = _standardised((base @ significance.regress(base, y, customer, kind).slope)[:, None])
    return np.column_stack([base, index**2, index**3]), y, kind


def weakest_link(
    values: Floats, y: Floats, customer: Ints, kind: Kind = "linear", *, seed: int, higher_is_better: bool = True
) -> WeakestLink:
    """Test the smallest value beside the sum.

    Parameters
    ----------
    values
        (rows, touchpoints) held-out values times their calibrated slopes, best counted from where nothing happened.
    y, customer
        (rows,) the outcome and whose row it is.
    kind
        ``linear`` or ``binary`` (values in log-odds).
    seed
        Deals customers to the parts of the held-out check.
    higher_is_better
        False for churn: the weakest link is then the largest value.

    Raises
    ------
    ValueError
        When a value is missing.
    """
    if not np.isfinite(values).all():
        raise ValueError("values are missing: the weakest link needs a value of every touchpoint in every row")
    customers = len(np.unique(customer))
    if customers < _FEWEST_CUSTOMERS or int((np.ptp(values, axis=0) > 0).sum()) < 2 or np.ptp(y) == 0:
        return WeakestLink("not_shown", None, None, None, 1.0, customers)
    weakest = values.min(axis=1) if higher_is_better else values.max(axis=1)
    plain = significance.regress(np.column_stack([values.sum(axis=1), weakest]), y, customer, kind)
    base, scaled, scale = additive(values, y, customer, kind)
    design = np.column_stack([weakest, base])
    # An honest slope of the weakest link is positive whichever way is good: values are in the outcome's own direction.
    p = float(stats.norm.sf(significance.regress(design, scaled, customer, scale).z[0]))
    gain = _gain(design, scaled, customer, scale, seed)
    return WeakestLink(
        verdict="weakest_link" if p <= _LEVEL and gain.value > 0 else "not_shown",
        total=_limits(plain, 0, 1.0),
        weakest=_limits(plain, 1, 1.0),
        gain=gain,
        p=p,
        customers=customers,
    )


def consistency(
    row: npt.NDArray[np.intp],
    badness: Floats,
    age_days: Floats,
    y: Floats,
    customer: Ints,
    kind: Kind = "linear",
    *,
    higher_is_better: bool = True,
) -> Consistency:
    """Test the spread between a journey's encounters beside their mean; arguments as of `peak_end.peak_end`."""
    made = journeys(row, badness, age_days)
    outcome, whose = y[made.row], customer[made.row]
    customers = len(np.unique(whose))
    unit = float(np.std(badness[np.isfinite(badness)])) if len(badness) else 0.0
    if customers < _FEWEST_CUSTOMERS or unit <= 0 or np.ptp(outcome) == 0:
        return Consistency("not_shown", None, None, 1.0, len(made.row), customers)
    sign = -1.0 if higher_is_better else 1.0  # of harm
    plain = np.column_stack([made.mean, made.spread, np.log(made.number), made.recency_days])
    bent = np.column_stack([plain, bends(made)])
    fit = significance.regress(plain, outcome, whose, kind)
    z = min(sign * float(fit.z[1]), sign * float(significance.regress(bent, outcome, whose, kind).z[1]))
    p = float(stats.norm.sf(z))
    return Consistency(
        verdict="consistency_counts" if p <= _LEVEL else "not_shown",
        mean=_limits(fit, 0, unit),
        spread=_limits(fit, 1, unit),
        p=p,
        journeys=len(made.row),
        customers=customers,
    )


def _gain(design: Floats, y: Floats, customer: Ints, kind: Kind, seed: int) -> Interval:
    """Loss without the first column less loss with it, on customers left out, relative to the former."""
    _, code = np.unique(customer, return_inverse=True)
    count = int(code.max()) + 1
    part = (np.random.default_rng([seed, 7]).permutation(count) % _FOLDS)[code]
    loss = np.zeros((2, len(y)))
    for fold in range(_FOLDS):
        test = part == fold
        for k, columns in enumerate((design[:, 1:], design)):
            fit = significance.regress(columns[~test], y[~test], customer[~test], kind)
            loss[k, test] = significance.row_loss(fit.intercept + columns[test] @ fit.slope, y[test], kind)
    gained = loss[0] - loss[1]
    totals = significance.by_customer(gained - gained.mean(), customer)
    whole = float(loss[0].sum())
    value, error = float(gained.sum()) / whole, float(np.sqrt((totals**2).sum())) / whole
    return Interval(value, value - _Z * error, value + _Z * error)


def _standardised(values: Floats) -> Floats:
    """Each column from its mean in standard deviations, no further than `_FARTHEST`; 0 where it does not vary."""
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(deviation > 1e-12, deviation, 1.0)
    return np.where(deviation > 1e-12, np.clip(scaled, -_FARTHEST, _FARTHEST), 0.0)


def _limits(fit: significance.Regression, k: int, unit: float) -> Interval:
    value, error = float(fit.slope[k]) * unit, float(fit.error[k]) * unit
    return Interval(value, value - _Z * error, value + _Z * error)
