"""What went on in the whole company: incidents, busy weeks and price changes, as far as they were known before as_of.

A calendar holds one line a day: how many encounters became known on it, how they went, how many customers paid and what.
A day counts once it is over, so a line never changes afterwards. A bad week of the company then is not read as a bad customer:
its level is a feature of its own, and a customer's encounters and pace are compared with everybody's in the same weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from features.layout import MEASURE_SCALE, MONEY_SCALE, QUALITY
from features.schema import MICROSECONDS_PER_DAY, QUANTITY, TOUCHPOINTS

if TYPE_CHECKING:
    from features.catalog import Catalog
    from features.definition import Feature

Ints = NDArray[np.int64]
_DAY = MICROSECONDS_PER_DAY

ENCOUNTERS: Final = "encounters"
JUDGED: Final = "judged"
OCCASIONS: Final = "occasions"
PAID: Final = "paid"
PRICE: Final = "price"

COLUMNS: Final = (ENCOUNTERS, QUALITY, JUDGED, OCCASIONS, PAID, QUANTITY)
"""Per day: encounters, the sum of their quality (millionths) and how many had one, customers who paid, the amount
(ten-thousandths) and the pieces (millionths) of those payments that tell their pieces."""


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
    def totals(self) -> NDArray[np.float64]:
        """Running totals, (days + 1, columns): exact up to nine thousand million million, and never past what a number holds."""
        start = np.zeros((1, len(COLUMNS)), dtype=np.float64)
        return np.concatenate([start, np.cumsum(self.amounts, axis=0, dtype=np.float64)])

    def __eq__(self, other: object) -> bool:
        """Two calendars are equal when they tell of the same days the same; the generated comparison cannot compare arrays."""
        if not isinstance(other, Calendar):
            return NotImplemented
        return np.array_equal(self.until, other.until) and np.array_equal(self.amounts, other.amounts)

    def __hash__(self) -> int:
        """Equal calendars have one hash."""
        return hash((self.until.tobytes(), self.amounts.tobytes()))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"until": self.until.tolist(), "amounts": self.amounts.tolist()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Calendar:
        """The inverse of `to_dict`."""
        amounts = np.array(content["amounts"], dtype=np.int64).reshape(-1, len(COLUMNS))
        return cls(np.array(content["until"], dtype=np.int64), amounts)


def look_ups(features: Sequence[Feature]) -> Ints:
    """What the company's side of each feature is, (n, 5).

    Above and below as places in `COLUMNS` (-1: days), window and the longer window in days (0: none), and how the two are
    compared (0: ratio, 1: difference, 2: difference of the customer's own, 3: the customer's own in units of the ratio).
    """
    found = []
    for feature in features:
        measure = feature.measure or (ENCOUNTERS if feature.source == TOUCHPOINTS else OCCASIONS)
        above, below = _PARTS.get(measure, (measure, None))
        relative = feature.aggregate == "company_relative"
        how = {"company_relative": 2, "company_pace": 3}.get(feature.aggregate, int(feature.measure == QUALITY))
        found.append(
            (
                COLUMNS.index(above),
                -1 if below is None else COLUMNS.index(below),
                int(feature.window_days or 1),
                0 if relative else int(feature.against_days or 1),
                how,
            )
        )
    return np.array(found, dtype=np.int64).reshape(len(found), 5)


def add_company(catalog: Catalog, out: NDArray[np.float64], as_of: Ints) -> None:
    """Put the company's side into the features that look at it; `out` is (features, rows), in the order of `as_of`."""
    if len(catalog.company[0]):
        calendar = catalog.calendar
        _add(calendar.until, calendar.totals, *catalog.company, _SCALES, out, as_of)


_PARTS: Final = {QUALITY: (QUALITY, JUDGED), PRICE: (PAID, QUANTITY)}
_SCALES: Final = np.array(
    [{QUALITY: MEASURE_SCALE, PAID: MONEY_SCALE, QUANTITY: MEASURE_SCALE}.get(name, 1) for name in COLUMNS],
    dtype=np.float64,
)


@numba.njit(cache=True, nogil=True)
def _level(until, totals, above, below, days, scales, as_of, cut):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Total above over total below (or over the days) of the window that ends with the last day known before as_of.

    What lies after as_of changes nothing, as its days are not over. The days are those since the calendar began, if it is `cut`.
    """
    known = np.searchsorted(until, as_of, side="right")
    if known == 0:
        return np.nan
    last = until[known - 1]
    begin = last - days * _DAY
    before = min(np.searchsorted(until, begin, side="right"), known)
    total = (totals[known, above] - totals[before, above]) / scales[above]
    if below >= 0:
        whole = (totals[known, below] - totals[before, below]) / scales[below]
    else:
        whole = (last - max(begin, until[0] - _DAY)) / _DAY if cut else float(days)
    return total / whole if whole > 0.0 else np.nan


@numba.njit(cache=True, nogil=True)
def _add(until, totals, places, how, scales, out, as_of):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    for f in range(len(places)):
        place = places[f]
        above, below, days, against, kind = how[f, 0], how[f, 1], how[f, 2], how[f, 3], how[f, 4]
        # A customer's own pace is of whole windows even where the data begin within them, and so is what it is held against.
        cut = kind != 3
        moment, level = as_of[0] if len(as_of) else 0, np.nan
        for r in range(len(as_of)):
            if r == 0 or as_of[r] != moment:
                # Rows come by date: a company has few levels and many customers.
                moment = as_of[r]
                level = _level(until, totals, above, below, days, scales, moment, cut)
                if against > 0:
                    usual = _level(until, totals, above, below, against, scales, moment, cut)
                    if kind == 1:
                        level -= usual
                    else:
                        level = level / usual if usual > 0.0 else np.nan
            if kind == 2:
                out[place, r] -= level
            elif kind == 3:
                out[place, r] = out[place, r] / level if level > 0.0 else np.nan
            else:
                out[place, r] = level
