"""Customers' journeys out of the canonical tables, as the journey store and the online host take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features import schema
from features.customer import Journey
from features.sources import column
from features.tables import Tables

_AT_ONCE: Final = 2_000


def journeys(tables: Tables, customer_ids: Sequence[str] | None = None) -> Iterator[Journey]:
    """Every customer's journey, in order of the ids.

    Parameters
    ----------
    tables
        The company's canonical tables.
    customer_ids
        These customers only; None for all of them. An id that is nowhere gives an empty journey.
    """
    if customer_ids is None:
        found = tables.con.execute("SELECT DISTINCT customer_id FROM customers ORDER BY 1").fetchall()
        customer_ids = [str(row[0]) for row in found]
    for start in range(0, len(customer_ids), _AT_ONCE):
        chunk = sorted(customer_ids[start : start + _AT_ONCE])
        parts = {name: _columns(tables, name, chunk) for name in schema.TABLES if name in tables.present}
        for number, customer in enumerate(chunk):
            yield Journey(
                customer,
                {
                    name: {key: values[limits[number] : limits[number + 1]] for key, values in columns.items()}
                    for name, (columns, limits) in parts.items()
                    if limits[number + 1] > limits[number]
                },
            )


def _columns(tables: Tables, name: str, ids: list[str]) -> tuple[dict[str, list[Any]], list[int]]:
    """One table's rows of these customers, and where each customer's start."""
    members = pa.table({"customer_id": pa.array(ids, pa.string()), "customer_number": np.arange(len(ids))})
    tables.con.register("wanted", members)
    try:
        labels = ", ".join(column(label) for label in tables.labels.values()) if name == schema.CUSTOMERS else ""
        left_out = f" EXCLUDE ({labels})" if labels else ""
        rows = tables.arrow(
            f"""SELECT t.*{left_out}, w.customer_number FROM {name} AS t JOIN wanted AS w USING (customer_id)
                ORDER BY w.customer_number"""
        )
    finally:
        tables.con.unregister("wanted")
    numbers = rows.column("customer_number").to_numpy()
    limits = np.searchsorted(numbers, np.arange(len(ids) + 1)).tolist()
    return {key: rows.column(key).to_pylist() for key in rows.column_names if key != "customer_number"}, limits
