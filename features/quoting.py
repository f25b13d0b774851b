"""Names and texts in SQL, and the one row of an aggregate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import duckdb


def one(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The only row of an aggregate, read to its end: DuckDB 2.0 refuses other work while a result is half read."""
    (row,) = con.execute(query, list(values)).fetchall()
    return tuple(row)


def identifier(name: str) -> str:
    """A possibly dotted name, quoted for SQL."""
    return ".".join(column(part) for part in name.split("."))


def column(name: str) -> str:
    """A column's name, quoted for SQL; dots belong to the name."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """A text literal for SQL."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: str) -> str:
    """The path of one file, quoted for DuckDB's readers, which would take its brackets and stars for a pattern."""
    return quoted(re.sub(r"[\[*?]", r"[\g<0>]", path))
