"""Rows of an analysis as a relation that queries can join: (row, customer_id, as_of), for as long as they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import schema
from features.tables import Tables


def row_table(customer_id: npt.NDArray[np.object_], as_of: npt.NDArray[np.int64]) -> pa.Table:
    """Rows numbered from 0, with the customer and the moment of each."""
    return pa.table(
        {
            "row": np.arange(len(as_of), dtype=np.int64),
            schema.CUSTOMER_ID: pa.array(customer_id, type=pa.string()),
            schema.AS_OF: as_of,
        }
    )


@contextmanager
def joined(tables: Tables, name: str, rows: pa.Table) -> Iterator[None]:
    """Let queries select from the rows by a name."""
    tables.con.register(name, rows)
    try:
        yield
    finally:
        tables.con.unregister(name)
