"""What was known of a customer before each row's as_of, as one number: equal numbers, equal events.

The number is the sum (modulo 2**64) of the hashes of all events that were known, so it does not depend on their order and the
order in which tables were read. An event counts from the moment it was known: one that is recorded late changes no row before
that, one that was edited changes every row from its own moment on. A contract's end is an event of its own.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from features import schema
from features.arrays import group_rows
from features.encode import ALWAYS, SHORTEST
from features.hashing import hash_table
from features.rows import Rows
from features.sources import column, quoted
from features.tables import Tables

_BATCH: Final = 500_000
_NEVER_READ: Final = frozenset({schema.CUSTOMER_ID, schema.EVENT_ID})


def known_of(tables: Tables, rows: Rows) -> NDArray[np.uint64] | None:
    """The number of each row, shape (n,); None where customers cannot be told apart by their hashes."""
    customers = hash_table(tables, rows.names)
    if customers is None:
        return None
    starts, times, places = group_rows(rows.number, rows.as_of, len(rows.names))
    sums = np.zeros(len(rows), dtype=np.uint64)
    with tables.con.cursor() as cursor:
        for text in _events(tables):
            for batch in cursor.sql(text).to_arrow_reader(_BATCH):
                customer = customers.find(batch.column("customer").to_numpy())
                known, number = (batch.column(name).to_numpy() for name in ("known", "number"))
                _add(customer, known, number, starts, times, sums)
    _carry(starts, sums)
    found = np.empty(len(rows), dtype=np.uint64)
    found[places] = sums
    return found


def columns_read(tables: Tables) -> dict[str, list[str]]:
    """The columns that the numbers are made of, by table: numbers of other columns cannot be compared."""
    return {source: _columns(tables, source) for source in sorted(tables.present)}


def _columns(tables: Tables, source: str) -> list[str]:
    unread = _NEVER_READ | set(tables.labels.values() if source == schema.CUSTOMERS else ())
    return [name for name in sorted(tables.con.sql(f"SELECT * FROM {source} LIMIT 0").columns) if name not in unread]


def _events(tables: Tables) -> list[str]:
    """One query per kind of event: hash of the customer, when it was known, hash of the event."""
    queries = []
    for source, names in columns_read(tables).items():
        if source == schema.CUSTOMERS:
            version = [name for name in names if name != schema.CREATED_AT]
            queries.append(_query(source, "version", version, f"coalesce({schema.VALID_FROM}, {ALWAYS})"))
            queries.append(_query(source, "created", [schema.CREATED_AT], schema.CREATED_AT))
        elif source == schema.SUBSCRIPTIONS:
            start = [name for name in names if name not in schema.OF_THE_END]
            queries.append(_query(source, "start", start, _latest(schema.STARTED_AT)))
            queries.append(
                _query(source, "end", names, _latest(f"greatest({schema.ENDED_AT}, {schema.STARTED_AT} + {SHORTEST})"))
            )
        else:
            queries.append(_query(source, "event", names, _latest(str(schema.TABLES[source].time))))
    return queries


def _latest(time: str) -> str:
    return f"greatest({time}, coalesce({schema.RECORDED_AT}, {time}))"


def _query(source: str, event: str, names: list[str], known: str) -> str:
    values = ", ".join([quoted(f"{source} {event}"), *(column(name) for name in names)])
    missing = f"WHERE {schema.ENDED_AT} IS NOT NULL" if event == "end" else ""
    if event == "created":
        missing = f"WHERE {schema.CREATED_AT} IS NOT NULL"
    return (
        f"SELECT hash({schema.CUSTOMER_ID}) AS customer, CAST({known} AS BIGINT) AS known, hash({values}) AS number "
        f"FROM {source} {missing}"
    )


@numba.njit(cache=True, nogil=True)
def _add(customer, known, number, starts, times, sums):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """Add each event to the first row of its customer that knows it."""
    for i in range(len(customer)):
        c = customer[i]
        if c < 0:
            continue
        lo, hi = starts[c], starts[c + 1]
        row = lo + np.searchsorted(times[lo:hi], known[i], side="right")
        if row < hi:
            sums[row] += number[i]


@numba.njit(cache=True, nogil=True)
def _carry(starts, sums):  # type: ignore[no-untyped-def] # pragma: no cover - compiled
    """What a row knows, the customer's later rows know too."""
    for c in range(len(starts) - 1):
        for row in range(starts[c] + 1, starts[c + 1]):
            sums[row] += sums[row - 1]
