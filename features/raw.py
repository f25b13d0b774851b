"""A relation of raw rows: where it can be read, what it is made of, where each of its rows stands in a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from configs.errors import DataError
from features.files import BadLine
from features.text_files import TextFile

FILE: Final = "·file"
ROW: Final = "·row"
"""Hidden columns of a relation that knows them: the file that a row stands in, and its place there counted from 0."""


@dataclass
class Raw:
    """A relation of raw rows.

    Attributes
    ----------
    name
        The view or table.
    types
        The company's columns and their types.
    costly
        Whether reading it again means taking text apart again.
    located
        Whether it has the hidden columns `FILE` and `ROW`.
    texts
        The text files it is made of, in the order of its rows.
    files
        Names of them.
    root
        The folder that these names start from, with its last separator.
    bad_lines
        What is left out of it.
    """

    name: str
    types: dict[str, str] = field(default_factory=dict)
    costly: bool = False
    located: bool = False
    texts: tuple[TextFile, ...] = ()
    files: tuple[str, ...] = ()
    root: str = ""
    bad_lines: list[BadLine] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of its text files."""
        return sum(text.rows for text in self.texts)

    def places(self, row: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.int64]]:
        """File and line of rows by their number in all text files together."""
        ends = np.cumsum([text.rows for text in self.texts])
        file = np.searchsorted(ends, row, side="right")
        line = np.zeros(len(row), dtype=np.int64)
        for number in np.unique(file):
            mine = file == number
            start = ends[number - 1] if number else 0
            line[mine] = self.texts[number].found.lines(row[mine] - start + 1)
        return pa.array(np.array(self.files, dtype=object)[file], type=pa.string()), line


def guarded(
    con: duckdb.DuckDBPyConnection, statement: str | Callable[[], Any], where: str, url: str | None = None
) -> Any:
    """Run a statement; what DuckDB says against it is told as an error of the data.

    Parameters
    ----------
    con
        Where it runs.
    statement
        SQL, or what runs it.
    where
        The key of the configuration.
    url
        What it reads over the network, if it does.

    Raises
    ------
    DataError
        When it cannot be run.
    """
    try:
        return con.execute(statement) if isinstance(statement, str) else statement()
    except duckdb.Error as error:
        message = re.sub(r"//[^@/\s]*@", "//***@", " ".join(str(error).split()))
        if url is not None:
            raise DataError(
                f"{re.sub(r'//[^@/]*@', '//***@', url)} cannot be read ({message[:400]})",
                where=where,
                next_move="check the address, the network and the rights (DuckDB's extension httpfs reads it, with the "
                "secrets that 'CREATE PERSISTENT SECRET' made), or copy the file here",
            ) from None
        raise DataError(
            f"the rows cannot be read ({message[:600]})",
            where=where,
            next_move="mend the path, the query or the file that the message names",
        ) from None


def bare(query: str) -> str:
    """A query without its last semicolon."""
    return query.strip().rstrip(";")


def stamp(path: str) -> tuple[int, int]:
    """When a file was written last, and how long it is."""
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size
