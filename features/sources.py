"""Where raw rows come from: files through DuckDB, tables and queries through DuckDB or an Ibis connection.

Everything ends as a relation inside the in-process DuckDB; nothing here knows what the columns mean.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from configs.errors import ConfigError, DataError, nearest
from configs.settings import RawSource, Settings, Table
from features.findings import Finding

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

_CSV: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".csv.zst")
_PARQUET: Final = (".parquet", ".pq")
_JSON: Final = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_CHUNK: Final = 1 << 22


class Sources:
    """Reads the raw rows of a configuration's tables into DuckDB.

    Parameters
    ----------
    con
        The in-process DuckDB.
    settings
        Names the files, tables, queries and the connection.
    scratch
        A folder for files that had to be turned into UTF-8.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings, scratch: Path) -> None:
        self.con = con
        self.settings = settings
        self.scratch = scratch
        self.findings: list[Finding] = []
        self._remote: SQLBackend | None = None
        # Relative paths inside `sql` start from the configuration's folder, as all paths do.
        con.execute(f"SET file_search_path = {quoted(str(settings.root))}")
        for name, source in settings.data.sources.items():
            self._view(name, self._file(source.path, source.encoding, f"data.sources.{name}"))

    def relation(self, name: str, table: Table) -> str:
        """The name of a relation that holds the raw rows of one configured table."""
        where = f"{self.settings.source.name}: data.tables.{name}"
        raw = f"raw_{name}"
        if table.path is not None:
            self._view(raw, self._file(table.path, table.encoding, where))
        elif self.settings.data.connection is not None:
            self._from_connection(raw, table, where)
        else:
            query = table.sql if table.sql is not None else f"SELECT * FROM {identifier(str(table.table))}"
            self._guard(lambda: self.con.execute(f"CREATE OR REPLACE TABLE {raw} AS {_bare(query)}"), where)
        return raw

    def _view(self, name: str, query: str) -> None:
        # Text is read into a table first: DuckDB 2.0 moves a later TRY_CAST into the reader, which then drops whole lines
        # for one bad cell instead of giving NULL.
        kind = "TABLE" if "read_csv(" in query else "VIEW"
        self._guard(lambda: self.con.execute(f"CREATE OR REPLACE {kind} {identifier(name)} AS {query}"), name)

    def _guard(self, action: Callable[[], Any], where: str) -> Any:
        try:
            return action()
        except duckdb.Error as error:
            message = " ".join(str(error).split())
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

    # Files

    def _file(self, path: str, encoding: str | None, where: str) -> str:
        """A query over a file, a glob or a URL."""
        full = self.settings.resolve(path)
        suffix = _suffix(full)
        if "://" not in full:
            files = sorted(glob.glob(full, recursive=True))  # noqa: PTH207 - an absolute pattern
            if not files:
                raise _not_there(full, where)
            if suffix in _CSV:
                files = [self._utf8(Path(name), encoding, where) for name in files]
        else:
            files = [full]
        listing = f"[{', '.join(quoted(name) for name in files)}]"
        if suffix in _PARQUET:
            return f"SELECT * FROM read_parquet({listing}, union_by_name = true)"
        if suffix in _JSON:
            return f"SELECT * FROM read_json_auto({listing}, union_by_name = true, sample_size = -1)"
        if suffix in _CSV:
            return " UNION ALL BY NAME ".join(self._csv(quoted(name), where) for name in files)
        raise ConfigError(
            f"files like '{Path(full).name}' cannot be read",
            where=where,
            available=", ".join((*_CSV, *_PARQUET, *_JSON)),
            next_move="give one of the available kinds, or read it with 'sql'",
        )

    def _csv(self, listing: str, where: str) -> str:
        """Text stays text (an id keeps its leading zeros) unless it is a time; lines that do not fit are counted."""
        options = "header = true"
        described = self._guard(
            lambda: self.con.execute(f"DESCRIBE SELECT * FROM read_csv({listing}, {options})").fetchall(), where
        )
        types = {
            column: kind if kind.startswith(("TIMESTAMP", "DATE")) else "VARCHAR" for column, kind, *_ in described
        }
        shape = ", ".join(f"{quoted(column)}: {quoted(kind)}" for column, kind in types.items())
        return f"SELECT * FROM read_csv({listing}, {options}, types = {{{shape}}}, store_rejects = true)"

    def _utf8(self, path: Path, encoding: str | None, where: str) -> str:
        """The file itself where it is UTF-8, otherwise a copy that is."""
        if path.name.endswith(".zst"):
            return str(path)
        found = encoding or _encoding(path)
        try:
            codec = codecs.lookup(found)
        except LookupError:
            raise ConfigError(
                f"the encoding '{found}' is not known",
                where=where,
                available="utf-8, latin-1, cp1252, cp1251, cp1255, cp1256, utf-16 and Python's others",
                next_move="name one of the available encodings",
            ) from None
        if codec.name in {"utf-8", "utf-8-sig", "ascii"}:
            return str(path)
        self.findings.append(
            Finding(
                "note",
                "encoding",
                where.rsplit(".", 1)[-1],
                None,
                0,
                f"{path.name} is not UTF-8 and was read as {codec.name}",
                "set 'encoding' if names look wrong",
            )
        )
        copy = self.scratch / f"{len(list(self.scratch.iterdir()))}-{path.name.removesuffix('.gz')}"
        opener = gzip.open if path.name.endswith(".gz") else open
        try:
            with opener(path, "rt", encoding=codec.name, newline="") as source, copy.open("w", encoding="utf-8") as to:
                while chunk := source.read(_CHUNK):
                    to.write(chunk)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path.name} is not {codec.name} ({error.reason} at byte {error.start})",
                where=where,
                next_move="set 'encoding' to the file's own",
            ) from None
        return str(copy)

    # Other people's databases

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
            close = nearest(str(table.table), self._remote_tables()) if table.table else None
            raise DataError(
                f"the table cannot be read through the connection ({message[:600]})",
                where=where,
                available=", ".join(self._remote_tables()[:30]),
                next_move=f"did you mean '{close}'?" if close else "mend 'table' or 'sql', in the connection's dialect",
            ) from None

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

    def rejected(self) -> list[tuple[str, int]]:
        """Lines of text files that did not fit, as (reason, count)."""
        names = {row[0] for row in self.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if "reject_errors" not in names:
            return []
        query = """
            SELECT CASE WHEN column_name IS NULL THEN lower(error_type)
                        ELSE lower(error_type) || ' at ' || column_name END AS reason,
                   count(DISTINCT (scan_id, file_id, line))
            FROM reject_errors GROUP BY 1 ORDER BY 1"""
        return [(str(reason), int(count)) for reason, count in self.con.execute(query).fetchall()]

    def forget_rejected(self) -> None:
        """Start counting anew."""
        if self.rejected():
            self.con.execute("DELETE FROM reject_errors")


def one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The only row of an aggregate, read to its end: DuckDB 2.0 refuses other work while a result is half read."""
    (row,) = con.execute(query).fetchall()
    return tuple(row)


def identifier(name: str) -> str:
    """A possibly dotted name, quoted for SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def column(name: str) -> str:
    """A column's name, quoted for SQL; dots belong to the name."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """A text literal for SQL."""
    return "'" + text.replace("'", "''") + "'"


def _bare(query: str) -> str:
    return query.strip().rstrip(";")


def _suffix(path: str) -> str:
    """The ending that says what kind of file it is: the longest known one."""
    name = path.lower()
    known = [ending for ending in (*_CSV, *_PARQUET, *_JSON) if name.endswith(ending)]
    return max(known, key=len) if known else Path(name).suffix


def _not_there(path: str, where: str) -> DataError:
    folder = Path(path).parent
    siblings = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    close = nearest(Path(path).name, siblings)
    return DataError(
        f"no file is at {path}",
        where=where,
        available=", ".join(siblings[:20]) if folder.is_dir() else f"the folder {folder} is not there either",
        next_move=f"did you mean '{close}'?"
        if close
        else "check the path; it is relative to the configuration's folder",
    )


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is, UTF-16 if it says so, else Latin-1, which takes every byte."""
    opener = gzip.open if path.name.endswith(".gz") else open
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opener(path, "rb") as file:
        start = file.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


__all__ = ["RawSource", "Sources", "column", "identifier", "one", "quoted"]
