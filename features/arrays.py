"""Between the encoded events and the kernel: order the events of every source, and always hand over all sources.

Both hosts come through here, so they cannot differ in how ties are broken or absent tables are stood in for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.encode import Events
from features.kernel import Sources
from features.layout import Layout
from features.order import order_events
from features.schema import TABLES

_EMPTY: Final = np.empty(0, dtype=np.int64)


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
        when = at[order]
        packed.append((when, when if known is at else known[order], kind[order], values[order], starts))
    return tuple(packed)


def group_rows(
    customer: NDArray[np.int64], as_of: NDArray[np.int64], customers: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows grouped by customer and ascending in time: where each customer's start, their times, their original lines."""
    places = np.lexsort((as_of, customer)).astype(np.int64)
    starts = np.searchsorted(customer[places], np.arange(customers + 1)).astype(np.int64)
    return starts, np.ascontiguousarray(as_of[places]), places
