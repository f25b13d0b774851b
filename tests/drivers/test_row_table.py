"""Rows stand under their name for as long as they are asked, and no longer."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from configs.settings import load
from drivers.row_table import joined, row_table
from features.tables import open_tables
from tests.conftest import Demo


def test_rows_are_numbered_and_go_away(company: Demo) -> None:
    """A query sees them inside; after it, also after a fault, the name is free again."""
    rows = row_table(np.array(["a", "b"], dtype=object), np.array([5, 7], dtype=np.int64))
    with open_tables(load(company.config)) as tables:
        with joined(tables, "some_rows", rows):
            assert tables.con.execute("SELECT row, customer_id, as_of FROM some_rows ORDER BY row").fetchall() == [
                (0, "a", 5),
                (1, "b", 7),
            ]
        with pytest.raises(ValueError, match="a fault"), joined(tables, "some_rows", rows):
            raise ValueError("a fault")
        with pytest.raises(duckdb.CatalogException):
            tables.con.execute("SELECT * FROM some_rows")
