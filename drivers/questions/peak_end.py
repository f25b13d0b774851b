"""Peak and end: whether the worst and the last encounter count beyond the mean of the journey (Kahneman et al., 1993).

Encounters with how badly each went go in, as arrays; each row's journey becomes its mean, worst and last badness, the number of
encounters and the days since the last. The outcome is regressed on these with errors clustered by customer, and the partial
effects of worst and last are tested one-sided in the direction of harm, Benjamini-Hochberg over the two.

An encounter's harm need not be a straight line of its badness, and then the worst one seems to count for more. So each must
also hold beside the mean of any curve of badness (means of hinges), beside bends of the mean itself (an outcome with a floor and
a ceiling), beside the total, and beside sums that fade with days, since what is forgotten with time looks like an end as well; the
larger p counts. Encounters without a known badness or age are left out, and so are
rows with fewer than three left.
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

Verdict = Literal["peak_and_end", "peak", "end", "neither: the mean tells as much", "not_shown"]

FEWEST_ENCOUNTERS: Final = 3  # of a row: with two the mean follows from the worst and the last
_FEWEST_CUSTOMERS: Final = 100
_HALF_LIVES: Final = (
    30.0,
    90.0,
    270.0,
)  # days: a memory that fades makes the last encounter count most without being an end
_HINGES: Final = (0.25, 0.5, 0.75, 0.9)  # quantiles of badness at which its curve may turn
_NO_MORE: Final = 0.5  # of the mean's own effect: what rules a peak or an end out must exclude this much
_LEVEL: Final = 0.01  # of a verdict: several are asked of every target
_Z: Final = 1.959964


@dataclass(frozen=True)
class Journeys:
    """The encounters of each row that has enough of them, (journeys,) each, the row's position first.

    `hinges` is (journeys, hinges), means of the encounters' badness above each knot; `faded` (journeys, 2 x half-lives) sums of badness and
    numbers of encounters that halve with so many days. `spread` is the standard deviation
    between a journey's encounters, `recency_days` the age of the last.
    """

    row: npt.NDArray[np.intp]
    mean: Floats
    worst: Floats
    last: Floats
    spread: Floats
    number: Ints
    recency_days: Floats
    hinges: Floats
    faded: Floats


@dataclass(frozen=True)
class PeakEnd:
    """Partial effects in the outcome's unit (log-odds for binary) per standard deviation of an encounter's badness.

    Parameters
    ----------
    verdict
        What is shown; "not_shown" also where too few customers have three encounters.
    mean, worst, last
        Effects beside each other, number and recency; None where nothing could be fitted.
    mean_alone
        The effect of the mean without worst and last, which rules a peak or an end out if it dwarfs them.
    p_worst, p_last, q_worst, q_last
        One-sided, the larger of the plain and the curved model's; and adjusted for being two.
    journeys, customers
        How many rows and customers took part.
    """

    verdict: Verdict
    mean: Interval | None
    worst: Interval | None
    last: Interval | None
    mean_alone: Interval | None
    p_worst: float
    p_last: float
    q_worst: float
    q_last: float
    journeys: int
    customers: int

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def journeys(row: npt.NDArray[np.intp], badness: Floats, age_days: Floats, fewest: int = FEWEST_ENCOUNTERS) -> Journeys:
    """Summarise encounters by row.

    Parameters
    ----------
    row
        (encounters,) the position of the row each precedes.
    badness
        (encounters,) how badly each went, comparable between touchpoints (standardised, or the calibrated held-out harm).
    age_days
        (encounters,) how long before the row's date; of encounters of the same age the one given last is the last.
    fewest
        Encounters a row must have.
    """
    known = np.isfinite(badness) & np.isfinite(age_days)
    row, badness, age = row[known], badness[known], age_days[known]
    order = np.lexsort((-age, row))  # stable: oldest first within a row
    row, badness, age = row[order], badness[order], age[order]
    number = np.bincount(row)
    enough = number[row] >= fewest
    row, badness, age = row[enough], badness[enough], age[enough]
    if not len(row):
        nothing = np.zeros(0)
        empty = np.zeros(0, dtype=np.intp)
        return Journeys(
            empty,
            nothing,
            nothing,
            nothing,
            nothing,
            empty,
            nothing,
            np.zeros((0, len(_HINGES))),
            np.zeros((0, 2 * len(_HALF_LIVES))),
        )
    starts = np.flatnonzero(np.concatenate(([True], row[1:] != row[:-1])))
    count = np.diff(np.concatenate((starts, [len(row)])))
    ends = starts + count - 1
    mean = np.add.reduceat(badness, starts) / count
    away = badness - np.repeat(mean, count)
    fade = np.exp2(-age[:, None] / np.array(_HALF_LIVES))
    above = np.maximum(badness[:, None] - np.quantile(badness, _HINGES), 0.0)
    return Journeys(
        row=row[starts],
        mean=mean,
        worst=np.maximum.reduceat(badness, starts),
        last=badness[ends],
        spread=np.sqrt(np.add.reduceat(away**2, starts) / (count - 1)),
        number=count,
        recency_days=age[ends],
        hinges=np.add.reduceat(above, starts, axis=0) / count[:, None],
        faded=np.add.reduceat(np.column_stack([fade * badness[:, None], fade]), starts, axis=0),
    )


def peak_end(
    row: npt.NDArray[np.intp],
    badness: Floats,
    age_days: Floats,
    y: Floats,
    customer: Ints,
    kind: Kind = "linear",
    *,
    higher_is_better: bool = True,
) -> PeakEnd:
    """Test whether worst and last encounter tell more than the mean.

    Parameters
    ----------
    row, badness, age_days
        (encounters,) see `journeys`.
    y, customer
        (rows,) the outcome and whose row it is.
    kind
        ``linear`` or ``binary``.
    higher_is_better
        Whether a higher outcome is the better one; False for churn.
    """
    made = journeys(row, badness, age_days)
    outcome, whose = y[made.row], customer[made.row]
    customers = len(np.unique(whose))
    unit = float(np.std(badness[np.isfinite(badness)])) if len(badness) else 0.0
    if customers < _FEWEST_CUSTOMERS or unit <= 0 or np.ptp(outcome) == 0:
        return PeakEnd("not_shown", None, None, None, None, 1.0, 1.0, 1.0, 1.0, len(made.row), customers)
    sign = -1.0 if higher_is_better else 1.0  # of harm
    three = np.column_stack([made.mean, made.worst, made.last])
    around = np.column_stack([np.log(made.number), made.recency_days])
    plain = significance.regress(np.column_stack([three, around]), outcome, whose, kind)
    curved = significance.regress(np.column_stack([three, around, bends(made)]), outcome, whose, kind)
    alone = significance.regress(np.column_stack([made.mean, around]), outcome, whose, kind)
    p = stats.norm.sf(np.minimum(sign * plain.z[1:3], sign * curved.z[1:3]))
    q = significance.benjamini_hochberg(p)
    effects = [_limits(plain, k, unit) for k in range(3)]
    mean_alone = _limits(alone, 0, unit)
    return PeakEnd(
        verdict=_verdict(q, sign, mean_alone, effects[1], effects[2]),
        mean=effects[0],
        worst=effects[1],
        last=effects[2],
        mean_alone=mean_alone,
        p_worst=float(p[0]),
        p_last=float(p[1]),
        q_worst=float(q[0]),
        q_last=float(q[1]),
        journeys=len(made.row),
        customers=customers,
    )


def bends(made: Journeys) -> Floats:
    """What lets the plain mean bend: means of a curve of badness, a cubic of the mean, the total, and fading ones; (journeys, columns)."""
    deviation = float(made.mean.std())
    scaled = (made.mean - made.mean.mean()) / (deviation if deviation > 0 else 1.0)
    total = made.mean * made.number
    return np.column_stack([made.hinges, scaled**2, scaled**3, total, made.faded])


def _verdict(q: Floats, sign: float, mean: Interval, worst: Interval, last: Interval) -> Verdict:
    peak, end = (q <= _LEVEL).tolist()
    if peak and end:
        return "peak_and_end"
    if peak or end:
        return "peak" if peak else "end"
    # Harm: the far limit of a partial effect, and the near one of the mean alone.
    most = max((one.high or 0.0) if sign > 0 else -(one.low or 0.0) for one in (worst, last))
    sure = (mean.low or 0.0) if sign > 0 else -(mean.high or 0.0)
    return "neither: the mean tells as much" if sure > 0 and most < _NO_MORE * abs(mean.value) else "not_shown"


def _limits(fit: significance.Regression, k: int, unit: float) -> Interval:
    value, error = float(fit.slope[k]) * unit, float(fit.error[k]) * unit
    return Interval(value, value - _Z * error, value + _Z * error)
