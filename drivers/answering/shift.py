"""Whether a score moved because other customers answered: the change of the NPS between two periods, taken apart.

Answers come as arrays: period, points, what a model that never saw the customer had foretold, and whose they are. Where all customers
who were active in a period are handed over too, with what was foretold for each, the change of the mean points is exactly the sum of
who was asked (`asked`: those asked against all active), who of them answered (`answered`), how all customers fare (`customers`) and what
no prediction shows (`rest`). Each but the last is the change of a mean prediction times the slope of points on predictions within
periods (Oaxaca, 1973; Blinder, 1973; the pooled slope with periods held fixed as in Jann, 2008). Where it is not known who was
asked, the first two are one part (`selection`); without the active customers all three are one (`profile`), and then a happier
profile may mean happier customers as well as unhappy ones who are no longer asked.

Flagged are shifts of asking and answering that are told from zero (customers resampled; Benjamini and Hochberg, 1995, over all
comparisons) and large enough: `least` points of the score, or a quarter of the rate of asking or answering. A prediction sees part
of a customer's mood, so the parts tend to be understated and `rest` holds what they miss. Periods with fewer than 30 answers are
left out; a period is any integer code, and periods follow each other in its order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from scipy import stats

from drivers.answering.components import Active, draws, parts
from drivers.answering.weights import Limits
from drivers.attribution import Floats, Ints
from drivers.significance import benjamini_hochberg

FEWEST: Final = 30
_RATE_CHANGE: Final = 0.25  # of the earlier rate: below it response wobbles with the season
_SIGNIFICANT: Final = 0.05
_LEVEL: Final = (0.025, 0.975)
_FLAGGED: Final = ("asked", "answered", "selection", "profile", "asked_rate", "answer_rate")
_WORDS: Final = {
    "asked": ("unhappy customers are asked less than before", "unhappy customers are asked more than before"),
    "answered": (
        "fewer of the unhappy customers who are asked answer than before",
        "more of the unhappy customers who are asked answer than before",
    ),
    "selection": (
        "unhappy customers are asked or answer less than before",
        "unhappy customers are asked or answer more than before",
    ),
    "profile": (
        "those who answer look happier than before, or unhappy customers are no longer asked",
        "those who answer look unhappier than before, or happy customers are no longer asked",
    ),
}


__all__ = ["Active", "Change", "Part", "Period", "Shift", "shift"]


@dataclass(frozen=True)
class Period:
    """A period's counts and means, points for means; None where not known."""

    period: int
    answers: int
    score: float
    predicted: float
    active: int | None = None
    asked: int | None = None
    asked_rate: float | None = None
    answer_rate: float | None = None
    predicted_active: float | None = None
    predicted_asked: float | None = None


@dataclass(frozen=True)
class Part:
    """A part of a change: points (or percentage points for the two rates), adjusted p-value, and whether it is flagged."""

    name: str
    change: Limits
    q_value: float
    flagged: bool


@dataclass(frozen=True)
class Change:
    """The change of the score from one period to another, in parts that add up to it, and that of rates beside them."""

    earlier: int
    later: int
    change: Limits
    parts: tuple[Part, ...]
    rates: tuple[Part, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """A sentence for each shift of asking or answering that is flagged."""
        told = []
        for part in self.parts:
            if part.flagged:
                points = part.change
                side, why = ("higher", 0) if points.value > 0 else ("lower", 1)
                told.append(
                    f"The score is {abs(points.value):.1f} points {side} ({points.low:+.1f} to {points.high:+.1f}, of a change "
                    f"of {self.change.value:+.1f}) because {_WORDS[part.name][why]}."
                )
        for part in self.rates:
            if part.flagged:
                what = "asked" if part.name == "asked_rate" else "who answer"
                told.append(
                    f"The share of customers {what} moved by {part.change.value:+.1f} percentage points "
                    f"({part.change.low:+.1f} to {part.change.high:+.1f})."
                )
        return tuple(told)


@dataclass(frozen=True)
class Shift:
    """All periods, and the changes between neighbours and from the first to the last; `slope` is points per point foretold."""

    periods: tuple[Period, ...]
    changes: tuple[Change, ...]
    slope: Limits
    left_out: tuple[int, ...]

    @property
    def flagged(self) -> bool:
        """Whether any shift of asking or answering is flagged."""
        return any(part.flagged for change in self.changes for part in (*change.parts, *change.rates))

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "periods": [asdict(period) for period in self.periods],
            "changes": [{**asdict(change), "flags": list(change.flags)} for change in self.changes],
            "slope": asdict(self.slope),
            "left_out": list(self.left_out),
            "flagged": self.flagged,
            "claim": "association",
        }


def shift(
    period: Ints,
    predicted: Floats,
    points: Floats,
    customer: Ints,
    *,
    active: Active | None = None,
    least: float = 1.0,
    bootstraps: int,
    seed: int,
) -> Shift:
    """Take the changes of a score apart.

    Parameters
    ----------
    period, predicted, points, customer
        (answers,) period code, points foretold by models that never saw the customer, points given, and whose answer it is.
    active
        All active customers, so that who was asked can be told from how customers fare.
    least
        Points below which a part is not flagged.
    bootstraps, seed
        Resamples of customers, and their seed.

    Raises
    ------
    ValueError
        When two periods with 30 answers cannot be found.
    """
    codes, count = np.unique(period, return_counts=True)
    kept = codes[count >= FEWEST]
    if active is not None:
        there = active.period if active.asked is None else active.period[active.asked]
        kept = kept[np.isin(kept, there)]
    if len(kept) < 2:
        raise ValueError(f"two periods with {FEWEST} answers are needed, {len(kept)} found")
    means, slope = draws(kept, period, predicted, points, customer, active, bootstraps, seed)
    pairs = [(k, k + 1) for k in range(len(kept) - 1)] + ([(0, len(kept) - 1)] if len(kept) > 2 else [])
    drawn = [parts(means, slope, a, b) for a, b in pairs]
    tested = [(at, name) for at, found in enumerate(drawn) for name in found if name in _FLAGGED]
    q = benjamini_hochberg(np.array([_p_value(drawn[at][name]) for at, name in tested]))
    q_of = dict(zip(tested, q.tolist(), strict=True))

    def part(at: int, name: str) -> Part:
        limits = _limits(drawn[at][name])
        adjusted = q_of.get((at, name), 1.0)
        enough = abs(limits.value) >= least
        if name.endswith("_rate"):
            enough = abs(limits.value) >= 100.0 * _RATE_CHANGE * float(means[name][0, pairs[at][0]])
        apart = adjusted <= _SIGNIFICANT and (limits.low > 0 or limits.high < 0)
        return Part(name, limits, adjusted, flagged=enough and apart and name in _FLAGGED)

    changes = tuple(
        Change(
            earlier=int(kept[a]),
            later=int(kept[b]),
            change=_limits(means["score"][:, b] - means["score"][:, a]),
            parts=tuple(part(at, name) for name in drawn[at] if not name.endswith("_rate")),
            rates=tuple(part(at, name) for name in drawn[at] if name.endswith("_rate")),
        )
        for at, (a, b) in enumerate(pairs)
    )
    periods = tuple(_period(kept, count[np.isin(codes, kept)], means, active, k) for k in range(len(kept)))
    return Shift(periods, changes, _limits(slope), tuple(np.setdiff1d(codes, kept).tolist()))


def _period(kept: Ints, count: Ints, means: dict[str, Floats], active: Active | None, k: int) -> Period:
    known = {name: float(level[0, k]) for name, level in means.items()}
    mine = None if active is None else active.period == kept[k]
    return Period(
        period=int(kept[k]),
        answers=int(count[k]),
        active=None if mine is None else int(mine.sum()),
        asked=None if mine is None or active is None or active.asked is None else int(active.asked[mine].sum()),
        **known,
    )


def _p_value(drawn: Floats) -> float:
    """Two-sided, of the first draw by the spread of the others; 1 where nothing varies."""
    error = float(np.nanstd(drawn[1:]))
    return float(2 * stats.norm.sf(abs(float(drawn[0])) / error)) if error > 0 else 1.0


def _limits(drawn: Floats) -> Limits:
    low, high = np.nanquantile(drawn[1:], _LEVEL)
    return Limits(float(drawn[0]), float(low), float(high))
