"""Where raw rows come from: files through DuckDB, tables and queries through DuckDB or an Ibis connection.

Everything ends as a relation inside the in-process DuckDB; nothing here knows what the columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from configs.errors import ConfigError, DataError, nearest
from configs.settings import RawSource, Settings, Table
from features.files import BadLine, Files, find
from features.findings import Finding
from features.json_files import json_query
from features.quoting import column, identifier, one, quoted
from features.text_files import TextFile, prepare

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

FILE: Final = "·file"
ROW: Final = "·row"
"""Hidden columns of a relation that knows them: the file that a row stands in, and its place there counted from 0."""

_COMPANY: Final = "company"


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


class Sources:
    """Reads the raw rows of a configuration's tables into DuckDB.

    Parameters
    ----------
    con
        The in-process DuckDB.
    settings
        Names the files, tables, queries and the connection.
    scratch
        A folder for files that had to be turned into others.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings, scratch: Path) -> None:
        self.con = con
        self.settings = settings
        self.scratch = scratch
        self.findings: list[Finding] = []
        self.named: dict[str, Raw] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._remote: SQLBackend | None = None
        # Relative paths inside `sql` start from the configuration's folder, as all paths do.
        con.execute(f"SET file_search_path = {quoted(str(settings.root))}")
        for name, source in settings.data.sources.items():
            where = f"{settings.source.name}: data.sources.{name}"
            raw = self._from_path(name, source.path, source.encoding, where)
            self.named[name] = self._typed(self.stored(raw), name) if raw.texts else raw

    def relation(self, name: str, table: Table) -> Raw:
        """A relation of the raw rows of one configured table."""
        where = f"{self.settings.source.name}: data.tables.{name}"
        raw = f"raw_{name}"
        if table.path is not None:
            return self._from_path(raw, table.path, table.encoding, where)
        if self._attached(where):
            self._from_attached(raw, table, where)
        elif self.settings.data.connection is not None:
            self._from_connection(raw, table, where)
        else:
            query = table.sql if table.sql is not None else f"SELECT * FROM {identifier(str(table.table))}"
            self.guard(f"CREATE OR REPLACE TABLE {raw} AS {_bare(query)}", where)
        return self._described(Raw(raw))

    def stored(self, raw: Raw) -> Raw:
        """The same rows where they can be read again for little: text files once taken apart."""
        if not raw.costly:
            return raw
        self.store(f"SELECT * FROM {identifier(raw.name)}", raw.name, raw, raw.name)
        self.con.execute(
            f"CREATE OR REPLACE VIEW {identifier(raw.name)} AS SELECT * FROM read_parquet({quoted(self.file(raw.name))})"
        )
        return Raw(raw.name, raw.types, texts=raw.texts, files=raw.files, bad_lines=raw.bad_lines)

    def file(self, name: str) -> str:
        """Where a stored relation lies."""
        return str(self.scratch / f"{name}.parquet")

    def store(self, query: str, name: str, raw: Raw, where: str) -> None:
        """Write a query's rows, which are those of `raw`, one for one, into a file of our own.

        Raises
        ------
        DataError
            When they cannot be read, or some were lost on the way.
        """
        self.guard(f"COPY ({query}) TO {quoted(self.file(name))} (FORMAT parquet)", where)
        if raw.texts:
            (rows,) = one(self.con, f"SELECT count(*) FROM read_parquet({quoted(self.file(name))})")
            if rows != raw.rows:
                raise DataError(
                    f"{rows} rows were read of {raw.rows} that the lines of the file hold",
                    where=where,
                    next_move="this is a fault of ours: please report it, and convert the file to parquet meanwhile",
                )

    def guard(self, statement: str | Callable[[], Any], where: str, url: str | None = None) -> Any:
        """Run a statement; what DuckDB says against it is told as an error of the data."""
        try:
            return self.con.execute(statement) if isinstance(statement, str) else statement()
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

    def close(self) -> None:
        """Give other people's connection back."""
        if self._remote is not None:
            self._remote.disconnect()
            self._remote = None

    def unchanged(self) -> None:
        """Files are read several times: they must stay what they were.

        Raises
        ------
        DataError
            When one was written to, or went away, since it was first looked at.
        """
        for path, stamp in self._stamps.items():
            if not Path(path).exists() or _stamp(path) != stamp:
                raise DataError(
                    f"{Path(path).name} changed while it was being read",
                    where=f"{self.settings.source.name}: data.tables",
                    next_move="run again when nothing writes to the file",
                )

    # Files

    def _from_path(self, name: str, path: str, encoding: str | None, where: str) -> Raw:
        """A view over a file, a glob, a folder or a URL."""
        files = find(self.settings.resolve(path), where, self.scratch)
        if not files.remote:
            self._stamps |= {item: _stamp(item) for item in files.paths}
        if files.kind == "csv" and not files.remote:
            return self._text(name, files, encoding, where)
        raw = Raw(name, located=not files.remote, files=files.names, root=files.root)
        if files.kind == "json":
            raw.located, raw.costly = False, True
            query = self.guard(
                lambda: json_query(self.con, files, encoding, self.scratch, where, raw.bad_lines),
                where,
                files.paths[0] if files.remote else None,
            )
        elif files.kind == "parquet":
            query = self._parquet(files, where)
        else:
            raw.costly = True
            query = f"SELECT * FROM read_csv({quoted(files.paths[0])}, all_varchar = true, header = true)"
        self.guard(f"CREATE OR REPLACE VIEW {identifier(name)} AS {query}", where, path if files.remote else None)
        return self._described(raw)

    def _text(self, name: str, files: Files, encoding: str | None, where: str) -> Raw:
        texts = tuple(prepare(Path(path), encoding, self.scratch, where, self.findings) for path in files.paths)
        parts = files.partitions()
        columns = list(dict.fromkeys(name for text in texts for name in text.columns))
        self._differ({name: [name in text.columns for text in texts] for name in columns}, files, where)
        selects = []
        for text, part in zip(texts, parts, strict=True):
            more = "".join(f", {quoted(value)} AS {column(key)}" for key, value in part.items() if key not in columns)
            selects.append(f"SELECT *{more} FROM ({text.query(columns)})")
        # As one relation per file, in order: line numbers are told by it.
        self.guard(f"CREATE OR REPLACE VIEW {identifier(name)} AS {' UNION ALL '.join(selects)}", where)
        bad = [
            BadLine(reason, file, line, content)
            for file, text in zip(files.names, texts, strict=True)
            for reason, line, content in text.found.bad
        ]
        return self._described(Raw(name, costly=True, texts=texts, files=files.names, bad_lines=bad))

    def _parquet(self, files: Files, where: str) -> str:
        listing = f"[{', '.join(quoted(path) for path in files.paths)}]"
        options = ""
        if any(files.partitions()):
            # The folders' values stay text, as ids in them would lose their leading zeros.
            options += ", hive_partitioning = true, hive_types_autocast = false"
        if len(files.paths) > 1:
            found = self.guard(
                lambda: self.con.execute(
                    f"SELECT file_name, name, type FROM parquet_schema({listing}) WHERE type IS NOT NULL ORDER BY ALL"
                ).fetchall(),
                where,
            )
            shapes = {path: [(name, kind) for file, name, kind in found if file == path] for path in files.paths}
            if len({tuple(shape) for shape in shapes.values()}) > 1:
                options += ", union_by_name = true"
                names = dict.fromkeys(name for shape in shapes.values() for name, _ in shape)
                there = {name: [name in dict(shapes[path]) for path in files.paths] for name in names}
                self._differ(there, files, where)
        places = "" if files.remote else f', filename AS "{FILE}", file_row_number AS "{ROW}"'
        return f"SELECT *{places} FROM read_parquet({listing}{options})"

    def _differ(self, there: dict[str, list[bool]], files: Files, where: str) -> None:
        """Say which columns some files of several lack."""
        for name, has in there.items():
            lacking = [file for file, known in zip(files.names, has, strict=True) if not known]
            if lacking:
                some = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
                self.findings.append(
                    Finding(
                        "note",
                        "files_differ",
                        where.rsplit(".", 1)[-1],
                        name,
                        0,
                        f"the column '{name}' is not in {len(lacking)} of {len(has)} files ({some}) and is empty there",
                        "check whether those exports are whole",
                    )
                )

    def _described(self, raw: Raw) -> Raw:
        found = self.guard(lambda: self.con.execute(f"DESCRIBE {identifier(raw.name)}").fetchall(), raw.name)
        raw.types = {name: kind for name, kind, *_ in found if name not in {FILE, ROW}}
        return raw

    def _typed(self, raw: Raw, name: str) -> Raw:
        """A file that queries select from: columns whose every text is an ISO date or time are dates or times."""
        shapes = ", ".join(
            f"count({column(item)}), count(TRY_CAST({column(item)} AS TIMESTAMP)), "
            f"count(*) FILTER (length({column(item)}) > 10)"
            for item in raw.types
        )
        found = one(self.con, f"SELECT {shapes} FROM {identifier(name)}")
        kinds = {
            item: "TIMESTAMP" if longer else "DATE"
            for item, filled, times, longer in zip(raw.types, found[::3], found[1::3], found[2::3], strict=True)
            if filled and filled == times
        }
        if kinds:
            casts = ", ".join(f"CAST({column(item)} AS {kind}) AS {column(item)}" for item, kind in kinds.items())
            self.con.execute(
                f"CREATE OR REPLACE VIEW {identifier(name)} AS "
                f"SELECT * REPLACE ({casts}) FROM read_parquet({quoted(self.file(name))})"
            )
        return self._described(raw)

    # Other people's databases

    def _attached(self, where: str) -> bool:
        """Whether the connection is a DuckDB file, which is opened beside ours: its tables are read where they lie."""
        url = str(self.settings.data.connection or "")
        if not url.startswith("duckdb://"):
            return False
        names = {row[0] for row in self.con.execute("SELECT database_name FROM duckdb_databases()").fetchall()}
        if _COMPANY not in names:
            path = self.settings.resolve(url.removeprefix("duckdb://").split("?", 1)[0])
            if not Path(path).is_file():
                raise DataError(
                    f"no DuckDB file is at {path}",
                    where=f"{self.settings.source.name}: data.connection",
                    next_move="check the path: duckdb:///absolute/path.duckdb, or duckdb://relative/path.duckdb",
                )
            self.guard(f"ATTACH {quoted(path)} AS {_COMPANY} (READ_ONLY)", where)
            self._stamps[path] = _stamp(path)
        return True

    def _from_attached(self, raw: str, table: Table, where: str) -> None:
        ours = one(self.con, "SELECT current_database()")[0]
        try:
            if table.table is not None:
                query = f"SELECT * FROM {_COMPANY}.{identifier(table.table)}"
                self.guard(f"CREATE OR REPLACE VIEW {raw} AS {query}", where)
                return
            self.con.execute(f"USE {_COMPANY}")
            self.guard(f"CREATE OR REPLACE TABLE {column(ours)}.main.{raw} AS {_bare(str(table.sql))}", where)
        except DataError as error:
            self.con.execute(f"USE {column(ours)}")
            have = self.con.execute(
                "SELECT CASE WHEN table_schema = 'main' THEN '' ELSE table_schema || '.' END || table_name "
                f"FROM information_schema.tables WHERE table_catalog = '{_COMPANY}' ORDER BY 1"
            ).fetchall()
            raise _no_table(error.what, table, [str(row[0]) for row in have], where) from None
        finally:
            self.con.execute(f"USE {column(ours)}")

    def _from_connection(self, raw: str, table: Table, where: str) -> None:
        remote = self._connect(where)
        try:
            if table.sql is not None:
                expression = remote.sql(_bare(table.sql))
            else:
                *database, name = str(table.table).split(".")
                expression = remote.table(name, database=".".join(database) or None)
            batches = expression.to_pyarrow_batches(chunk_size=100_000)
            self.con.register("incoming", batches)
            self.con.execute(f"CREATE OR REPLACE TABLE {raw} AS SELECT * FROM incoming")
            self.con.unregister("incoming")
        except Exception as error:
            message = " ".join(str(error).split())
            what = f"the table cannot be read through the connection ({message[:600]})"
            raise _no_table(what, table, self._remote_tables(), where) from None

    def _connect(self, where: str) -> SQLBackend:
        if self._remote is None:
            import ibis

            url = str(self.settings.data.connection)
            try:
                self._remote = ibis.connect(url)
            except ImportError as error:
                raise ConfigError(
                    f"the driver for this connection is not installed ({error})",
                    where=where,
                    next_move="install the extra, e.g. pip install 'moments-of-truth[postgres]'",
                ) from None
            except Exception as error:
                message = re.sub(r"//[^@/\s]*@", "//***@", " ".join(str(error).split()))
                raise DataError(
                    f"the connection cannot be opened ({message[:400]})",
                    where=f"{self.settings.source.name}: data.connection",
                    next_move="check the URL, the server and the rights",
                ) from None
        return self._remote

    def _remote_tables(self) -> list[str]:
        try:
            return sorted(self._remote.list_tables()) if self._remote is not None else []
        except Exception:
            return []


def _no_table(what: str, table: Table, have: list[str], where: str) -> DataError:
    close = nearest(str(table.table), have) if table.table else None
    return DataError(
        what,
        where=where,
        available=", ".join(have[:30]),
        next_move=f"did you mean '{close}'?" if close else "mend 'table' or 'sql', in the connection's dialect",
    )


def _bare(query: str) -> str:
    return query.strip().rstrip(";")


def _stamp(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size


__all__ = ["FILE", "ROW", "Raw", "RawSource", "Sources", "column", "identifier", "one", "quoted"]
