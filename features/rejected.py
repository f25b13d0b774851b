"""Rows that could not be used, kept in `<output>/rejected/<table>.csv` for whoever mends them.

(reason, file, line where they are known, then the company's own columns as text[, the whole line where it has no cells]) -> one
file per table, written under another name and renamed; gone when a later reading finds nothing to set aside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from features.files import BadLine
from features.findings import Finding
from features.quoting import column, quoted

FOLDER: Final = "rejected"
_OWN: Final = ("reason", "file", "line")
WHOLE_LINE: Final = "whole line"


def named(columns: Sequence[str]) -> list[str]:
    """Names of a company's columns in the file, where three names are taken."""
    return [f"{name} of the row" if name.lower() in {*_OWN, WHOLE_LINE} else name for name in columns]


def write(
    con: duckdb.DuckDBPyConnection,
    output: Path,
    table: str,
    columns: Sequence[str],
    rows: Sequence[str],
    bad_lines: Sequence[BadLine],
) -> Finding | None:
    """Write a table's file, or remove it.

    Parameters
    ----------
    con
        Where the queries run.
    output
        The folder of everything that is written.
    table
        Its name.
    columns
        The company's columns.
    rows
        Queries over rows that are set aside: reason, file, line, and the list of their cells in the order of `columns`.
    bad_lines
        Lines that are no rows.

    Returns
    -------
    What to say where the file could not be written: reading goes on without it.
    """
    path = output / FOLDER / f"{table}.csv"
    try:
        if not rows and not bad_lines:
            if path.is_file():
                path.unlink()
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _copy(con, columns, rows, bad_lines, hidden)
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)
    except (OSError, duckdb.IOException) as error:
        return Finding(
            "note",
            "rejected_not_kept",
            table,
            None,
            0,
            f"rows that are set aside cannot be kept in {FOLDER}/{path.name} ({' '.join(str(error).split())[:200]})",
            "make 'output' writable to see them",
        )
    return None


def _copy(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], rows: Sequence[str], bad_lines: Sequence[BadLine], to: Path
) -> None:
    parts = []
    if bad_lines:
        listed = pa.table(
            {
                "reason": [item.reason for item in bad_lines],
                "file": [item.file for item in bad_lines],
                "line": pa.array([item.line for item in bad_lines], pa.int64()),
                WHOLE_LINE: [item.text for item in bad_lines],
            }
        )
        con.register("bad_lines", listed)
        parts.append("SELECT * FROM bad_lines")
    cells = "".join(f", cells[{place}] AS {column(name)}" for place, name in enumerate(named(columns), start=1))
    parts = [f"SELECT reason, file, line{cells} FROM ({query})" for query in rows] + parts
    if not rows:
        empty = "".join(f", CAST(NULL AS VARCHAR) AS {column(name)}" for name in named(columns))
        parts.insert(0, f"SELECT '' AS reason, '' AS file, CAST(NULL AS BIGINT) AS line{empty} WHERE false")
    try:
        con.execute(
            f"COPY (SELECT * FROM ({' UNION ALL BY NAME '.join(parts)}) ORDER BY ALL) "
            f"TO {quoted(str(to))} (FORMAT csv, HEADER)"
        )
    finally:
        if bad_lines:
            con.unregister("bad_lines")
