"""What went on in the whole company: incidents, busy weeks and price changes, as far as they were known before as_of.

A calendar holds one line a day: how many encounters became known on it, how they went, what was paid, how many contracts ended.
A day counts once it is over, so a line never changes afterwards. A bad week of the company then is not read as a bad customer:
its level is a feature of its own, and a customer's encounters are compared with everybody's in the same weeks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from features.layout import MEASURE_SCALE, MONEY_SCALE, QUALITY
from features.schema import MICROSECONDS_PER_DAY, QUANTITY

if TYPE_CHECKING:
    from features.catalog import Catalog
    from features.definition import Feature

Ints = NDArray[np.int64]

ENCOUNTERS: Final = "encounters"
JUDGED: Final = "judged"
PAYMENTS: Final = "payments"
PAID: Final = "paid"
ENDS: Final = "ends"
PRICE: Final = "price"

COLUMNS: Final = (ENCOUNTERS, QUALITY, JUDGED, PAYMENTS, PAID, QUANTITY, ENDS)
"""Per day: encounters, the sum of their quality (millionths) and how many had one, payments, their amount (ten-thousandths) and
pieces (millionths), contracts ended."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """Days that are over, ascending, each with its integers; a day without anything is left out.

    Parameters
    ----------
    until
        End of each day in microseconds UTC, shape (days,).
    amounts
        Shape (days, len(COLUMNS)), int64.
    """

    until: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    amounts: Ints = field(default_factory=lambda: np.empty((0, len(COLUMNS)), dtype=np.int64))

    @cached_property
    def _totals(self) -> Ints:
        start = np.zeros((1, len(COLUMNS)), dtype=np.int64)
        return np.concatenate([start, np.cumsum(self.amounts, axis=0)])

    def window(self, column: str, as_of: Ints, days: int) -> tuple[Ints, NDArray[np.float64]]:
        """Total of a column over the window that ends with the last day known before as_of, and its length in days.

        Parameters
        ----------
        column
            One of `COLUMNS`.
        as_of
            Microseconds UTC, any shape.
        days
            Length of the window; it is cut where the calendar begins.

        Returns
        -------
        Integers and days, in the shape of `as_of`; 0 and NaN where no day was over.
        """
        if not len(self.until):
            return np.zeros(as_of.shape, dtype=np.int64), np.full(as_of.shape, np.nan)
        known = np.searchsorted(self.until, as_of, side="right")
        last = self.until[np.maximum(known - 1, 0)]
        begin = last - days * MICROSECONDS_PER_DAY
        before = np.minimum(np.searchsorted(self.until, begin, side="right"), known)
        totals = self._totals[:, COLUMNS.index(column)]
        first_day = self.until[0] - MICROSECONDS_PER_DAY
        length = (last - np.maximum(begin, first_day)) / MICROSECONDS_PER_DAY
        return totals[known] - totals[before], np.where(known > 0, length, np.nan)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"until": self.until.tolist(), "amounts": self.amounts.tolist()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Calendar:
        """The inverse of `to_dict`."""
        amounts = np.array(content["amounts"], dtype=np.int64).reshape(-1, len(COLUMNS))
        return cls(np.array(content["until"], dtype=np.int64), amounts)


def add_company(catalog: Catalog, out: NDArray[np.float64], as_of: Ints) -> None:
    """Put the company's side into the features that look at it; `out` is (features, rows), in the order of `as_of`."""
    if not catalog.company:
        return
    # Training sets have few dates and many rows.
    moments, which = np.unique(as_of, return_inverse=True)
    for place in catalog.company:
        feature = catalog.features[place]
        found = _level(catalog.calendar, feature, moments)[which]
        if feature.aggregate == "company_relative":
            out[place] -= found
        else:
            out[place] = found


def _level(calendar: Calendar, feature: Feature, as_of: Ints) -> NDArray[np.float64]:
    now = _value(calendar, feature, as_of, int(feature.window_days or 1))
    if feature.aggregate == "company_relative":
        return now
    usual = _value(calendar, feature, as_of, int(feature.against_days or 1))
    if feature.measure == QUALITY:
        return now - usual
    return _ratio(now, usual)


def _value(calendar: Calendar, feature: Feature, as_of: Ints, days: int) -> NDArray[np.float64]:
    """A mean quality, a price per piece, or a number a day."""
    if feature.measure == QUALITY:
        total, _ = calendar.window(QUALITY, as_of, days)
        count, _ = calendar.window(JUDGED, as_of, days)
        return _ratio(total, count * MEASURE_SCALE)
    if feature.measure == PRICE:
        paid, _ = calendar.window(PAID, as_of, days)
        pieces, _ = calendar.window(QUANTITY, as_of, days)
        return _ratio(paid * (MEASURE_SCALE // MONEY_SCALE), pieces)
    total, length = calendar.window(str(feature.measure), as_of, days)
    return np.asarray(total / length)


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    found = np.full(len(above), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found
