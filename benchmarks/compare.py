"""Whether two files hold the same table, cell by cell; the order of rows does not matter."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from benchmarks.wanted import columns

TOLERANCE: Final = 1e-9
"""Relative beyond 1, absolute below."""


def compare(ours: Path, theirs: Path) -> int:
    """The number of cells that were compared.

    Raises
    ------
    ValueError
        When a row is missing, or a cell differs: which column, and how many cells of it.
    """
    names = [item.name for item in columns()]
    different = ", ".join(
        f'count(*) FILTER ((a."{name}" IS NULL) <> (b."{name}" IS NULL) '
        f'OR abs(a."{name}" - b."{name}") > {TOLERANCE} * greatest(1, abs(b."{name}")))'
        for name in names
    )
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
        con.execute(f"CREATE VIEW a AS SELECT * FROM '{ours}'; CREATE VIEW b AS SELECT * FROM '{theirs}'")
        sizes = con.execute(
            "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), count(DISTINCT (customer_id, as_of)) FROM a"
        ).fetchall()[0]
        found = con.execute(f"SELECT count(*), {different} FROM a JOIN b USING (customer_id, as_of)").fetchall()[0]
    if {*sizes, found[0]} != {sizes[0]}:
        raise ValueError(f"{theirs.name}: {sizes} rows, {found[0]} of them in both")
    wrong = {name: count for name, count in zip(names, found[1:], strict=True) if count}
    if wrong:
        raise ValueError(f"{theirs.name}: cells that differ: {wrong}")
    return int(found[0]) * len(names)
