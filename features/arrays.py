"""Between the encoded events and the kernel: order the events of every source, and always hand over all sources.

Both hosts come through here, so they cannot differ in how ties are broken or absent tables are stood in for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from features.encode import NULL, Events, limit_of
from features.kernel import Sources
from features.layout import MEASURE_PREFIX, TOTALS, Layout
from features.order import order_events
from features.schema import CUSTOMERS, TABLES

_EMPTY: Final = np.empty(0, dtype=np.int64)
_ROOM: Final = 2.0**63 * (1 - 1e-9)
"""A sum must stay below; a little less than 64 bits hold, because it is estimated in floats."""


def arrange(events: Mapping[str, Events], customers: int, layout: Layout) -> Sources:
    """Events of each source in the kernel's order.

    Parameters
    ----------
    events
        Source to its events; an absent source has none.
    customers
        How many customers the indices in the events run over.
    layout
        Says how many of a source's columns are read, and so decide ties.
    """
    packed = []
    for source in TABLES:
        if source not in events or len(events[source].at) == 0:
            # One compiled form for every company: an absent table is an empty one.
            nobody = np.zeros(customers + 1, dtype=np.int64)
            packed.append((_EMPTY, _EMPTY, _EMPTY, np.empty((0, 1), dtype=np.int64), nobody))
            continue
        item = events[source]
        # Arrow hands out read-only memory; one compiled form is enough if all that comes in is writable and contiguous.
        customer, at, kind, values = (
            np.require(part, requirements=["C", "W"]) for part in (item.customer, item.at, item.kind, item.values)
        )
        known = at if item.known is item.at else np.require(item.known, requirements=["C", "W"])
        order, starts = order_events(customer, customers, at, known, kind, values, layout.raw[source])
        _refuse_overflow(source, customer, values, starts, layout)
        when = at[order]
        packed.append((when, when if known is at else known[order], kind[order], values[order], starts))
    return tuple(packed)


def _refuse_overflow(
    source: str, customer: NDArray[np.int64], values: NDArray[np.int64], starts: NDArray[np.int64], layout: Layout
) -> None:
    """Sums are 64-bit integers: say where one customer's could be more than that, instead of a number that is wrong.

    Few customers have as many events as it takes; only where one has are the values themselves looked at.
    """
    if source == CUSTOMERS:
        return  # attributes are not summed
    longest = int(np.diff(starts).max())
    for place, scale in enumerate(layout.scales[source][: layout.widths[source]]):
        # An encounter's effort is that of all its measures.
        parts = len(layout.vocabulary.measures) if layout.values[source][place] in TOTALS.values() else 1
        if longest * parts * limit_of(scale) * scale < _ROOM:
            continue
        column = values[:, place]
        sizes = np.abs(np.where(column == NULL, 0, column).astype(np.float64))
        total = np.bincount(customer, weights=sizes).max()
        if total >= _ROOM:
            name = layout.values[source][place].removeprefix(MEASURE_PREFIX)
            raise DataError(
                f"'{name}' of one customer adds up to {total / scale:.3g}, more than can be counted exactly",
                where=f"{source}.{name}",
                available=f"sums up to {_ROOM / scale:.3g} per customer",
                next_move="give it in a larger unit (thousands), with 'sql'; if one id stands for many customers, leave it out",
            )


def group_rows(
    customer: NDArray[np.int64], as_of: NDArray[np.int64], customers: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows grouped by customer and ascending in time: where each customer's start, their times, their original lines."""
    places = np.lexsort((as_of, customer)).astype(np.int64)
    starts = np.searchsorted(customer[places], np.arange(customers + 1)).astype(np.int64)
    return starts, np.ascontiguousarray(as_of[places]), places
