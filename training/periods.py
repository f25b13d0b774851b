"""What was known at a moment of rows that wait for something: in which period it happened, and how many periods were over.

Nothing that lies behind the moment is seen. A period that was not over by then says nothing, not even where it had already
happened in it: counting those would count haste without patience.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.schema import MICROSECONDS_PER_DAY
from training.hazards import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.dataset import Dataset

Ints = NDArray[np.int64]
Rows = NDArray[np.int64]

KNOWN_UNTIL = "known_until"
"""Key of a target's settings in its training set: the end of what its labels know, microseconds UTC."""


@dataclass(frozen=True)
class Periods:
    """What is known of n rows.

    Parameters
    ----------
    days
        Ends of the periods, days from as_of + lead.
    event
        Number (from 1) of the period in which it happened, (n,); 0 where it did not in a period that was over.
    over
        How many periods were over, (n,).
    """

    days: tuple[int, ...]
    event: Ints
    over: Ints

    @cached_property
    def risk(self) -> Ints:
        """Periods in which each row was at risk, (n,)."""
        return np.where(self.event > 0, self.event, self.over)

    @cached_property
    def code(self) -> Ints:
        """As `training.hazards` takes it, (n,)."""
        return encode(self.risk, self.event > 0)

    def take(self, rows: Rows) -> Periods:
        """Of some of the rows."""
        return Periods(self.days, self.event[rows], self.over[rows])

    def by(self, period: int) -> tuple[Rows, NDArray[np.float64]]:
        """Rows of which a period (from 1) was over, and whether it had happened by its end, 0/1."""
        rows = np.flatnonzero(self.over >= period)
        event = self.event[rows]
        return rows, ((event > 0) & (event <= period)).astype(np.float64)


def days_of(spec: Mapping[str, Any]) -> tuple[int, ...]:
    """Ends of the periods that a target's settings name."""
    return tuple(int(day) for day in spec["days"])


def waits_for_return(spec: Mapping[str, Any]) -> bool:
    """Whether what ends the waiting is a return, so that churn is its not having come."""
    return spec.get("label") == "inactivity"


def first_window(spec: Mapping[str, Any]) -> int:
    """Microseconds from as_of until the first period is over: before that a row teaches nothing."""
    return (int(spec.get("lead_days", 0)) + days_of(spec)[0]) * MICROSECONDS_PER_DAY


def periods(dataset: Dataset, until: int | None = None) -> Periods:
    """What was known of every row of a training set at a moment (microseconds UTC); None: all that its labels know."""
    days = days_of(dataset.spec)
    known = int(dataset.spec[KNOWN_UNTIL])
    moment = known if until is None else min(until, known)
    opens = dataset.as_of + int(dataset.spec.get("lead_days", 0)) * MICROSECONDS_PER_DAY
    ends = np.array(days, dtype=np.int64) * MICROSECONDS_PER_DAY
    over = np.searchsorted(ends, moment - opens, side="right").astype(np.int64)
    happened = dataset.label >= 0
    number = np.searchsorted(np.array(days, dtype=np.float64), dataset.label, side="right") + 1
    event = np.where(happened & (number <= over), number, 0).astype(np.int64)
    return Periods(days, event, over)
