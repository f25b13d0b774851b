"""Where raw rows come from: files through DuckDB, tables and queries through DuckDB or an Ibis connection.

Everything ends as a relation inside the in-process DuckDB; nothing here knows what the columns mean.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from configs.errors import ConfigError, DataError
from configs.settings import RawSource, Settings, Table
from features.connections import Connection
from features.csv_lines import LONGEST
from features.files import BadLine, Files, find
from features.findings import Finding
from features.json_files import json_query
from features.quoting import column, file_literal, identifier, one, quoted
from features.raw import FILE, ROW, Raw, bare, guarded, stamp
from features.text_files import prepare


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
        self._connection = Connection(con, settings) if settings.data.connection is not None else None
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
        if self._connection is not None:
            self._connection.relation(raw, table, where)
            self._stamps |= {path: stamp(path) for path in self._connection.files}
        else:
            query = table.sql if table.sql is not None else f"SELECT * FROM {identifier(str(table.table))}"
            self.guard(f"CREATE OR REPLACE TABLE {raw} AS {bare(query)}", where)
        return self._described(Raw(raw))

    def stored(self, raw: Raw) -> Raw:
        """The same rows where they can be read again for little: text files once taken apart."""
        if not raw.costly:
            return raw
        self.store(f"SELECT * FROM {identifier(raw.name)}", raw.name, raw, raw.name)
        self.con.execute(
            f"CREATE OR REPLACE VIEW {identifier(raw.name)} AS SELECT * FROM read_parquet({file_literal(self.file(raw.name))})"
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
            (rows,) = one(self.con, f"SELECT count(*) FROM read_parquet({file_literal(self.file(name))})")
            if rows != raw.rows:
                raise DataError(
                    f"{rows} rows were read of {raw.rows} that the lines of the file hold",
                    where=where,
                    next_move="this is a fault of ours: please report it, and convert the file to parquet meanwhile",
                )

    def guard(self, statement: str | Callable[[], Any], where: str, url: str | None = None) -> Any:
        """Run a statement; what DuckDB says against it is told as an error of the data."""
        return guarded(self.con, statement, where, url)

    def close(self) -> None:
        """Give other people's connection back."""
        if self._connection is not None:
            self._connection.close()

    def unchanged(self) -> None:
        """Files are read several times: they must stay what they were.

        Raises
        ------
        DataError
            When one was written to, or went away, since it was first looked at.
        """
        for path, before in self._stamps.items():
            if not Path(path).exists() or stamp(path) != before:
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
            self._stamps |= {item: stamp(item) for item in files.paths}
        if files.kind == "csv" and not files.remote:
            return self._text(name, files, encoding, where)
        if files.remote and encoding is not None and files.kind != "parquet":
            raise ConfigError(
                f"'encoding: {encoding}' is for files on this machine; a remote one is read as UTF-8",
                where=f"{where}.encoding",
                available="no encoding, where the path is a URL",
                next_move="leave 'encoding' out if the file is UTF-8, or copy it here",
            )
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
            query = self._remote_text(files.paths[0], where)
        self.guard(f"CREATE OR REPLACE VIEW {identifier(name)} AS {query}", where, path if files.remote else None)
        return self._described(raw)

    def _remote_text(self, url: str, where: str) -> str:
        """A query over a text file that lies elsewhere, which DuckDB reads: lines that it would lose in silence are counted."""
        query = f"SELECT * FROM read_csv({quoted(url)}, all_varchar = true, header = true)"
        lines = (
            f"SELECT count(*), count(DISTINCT filename) FROM read_csv({quoted(url)}, auto_detect = false, "
            "columns = {'line': 'VARCHAR'}, delim = chr(31), quote = '', escape = '', header = false, filename = true, "
            f"max_line_size = {4 * LONGEST}) WHERE trim(line) <> ''"
        )
        (rows,) = self.guard(lambda: one(self.con, f"SELECT count(*) FROM ({query})"), where, url)
        filled, headers = self.guard(lambda: one(self.con, lines), where, url)
        if rows != filled - headers:
            self.findings.append(
                Finding(
                    "warning",
                    "remote_lines",
                    where.rsplit(".", 1)[-1],
                    None,
                    abs(int(filled - headers - rows)),
                    f"{filled - headers} lines of a remote file make {rows} rows: some cells hold line breaks, or a stray quote "
                    "swallowed lines, or lines before the header were passed over; nobody has looked at each",
                    "copy the file here, where every line is looked at and what does not fit is kept, or give Parquet",
                )
            )
        return query

    def _text(self, name: str, files: Files, encoding: str | None, where: str) -> Raw:
        texts = tuple(prepare(Path(path), encoding, self.scratch, where, self.findings) for path in files.paths)
        parts = files.partitions()
        columns = list(dict.fromkeys(name for text in texts for name in text.columns))
        self._differ({name: [name in text.columns for text in texts] for name in columns}, files, where)
        selects = []
        for text, part in zip(texts, parts, strict=True):
            more = "".join(
                f", {'CAST(NULL AS VARCHAR)' if value is None else quoted(value)} AS {column(key)}"
                for key, value in part.items()
                if key not in columns
            )
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
        listing = files.listing(files.paths)
        # A file's statistics do not count NaN: DuckDB would take what they say for all that is in it.
        options = ", can_have_nan = true"
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
                f"SELECT * REPLACE ({casts}) FROM read_parquet({file_literal(self.file(name))})"
            )
        return self._described(raw)


__all__ = ["RawSource", "Sources", "column", "identifier", "one", "quoted"]
