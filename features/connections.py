"""Tables and queries of a company's own database: a DuckDB file is opened beside ours, all others are reached through Ibis."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from configs.errors import ConfigError, DataError, nearest
from configs.settings import Settings, Table
from features.quoting import column, identifier, one, quoted
from features.raw import bare, guarded

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

_COMPANY: Final = "company"


class Connection:
    """The connection that a configuration names, opened when it is first needed.

    Parameters
    ----------
    con
        The in-process DuckDB.
    settings
        Names the connection.

    Attributes
    ----------
    files
        Files that it reads, while they must not change.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self.con = con
        self.settings = settings
        self.files: list[str] = []
        self._remote: SQLBackend | None = None

    def relation(self, raw: str, table: Table, where: str) -> None:
        """Make a relation of a table or a query.

        Raises
        ------
        DataError, ConfigError
            When it cannot be read, with the tables that can.
        """
        if self._attached(where):
            self._from_attached(raw, table, where)
        else:
            self._from_connection(raw, table, where)

    def close(self) -> None:
        """Give it back."""
        if self._remote is not None:
            self._remote.disconnect()
            self._remote = None

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
            guarded(self.con, f"ATTACH {quoted(path)} AS {_COMPANY} (READ_ONLY)", where)
            self.files.append(path)
        return True

    def _from_attached(self, raw: str, table: Table, where: str) -> None:
        ours = one(self.con, "SELECT current_database()")[0]
        try:
            if table.table is not None:
                query = f"SELECT * FROM {_COMPANY}.{identifier(table.table)}"
                guarded(self.con, f"CREATE OR REPLACE VIEW {raw} AS {query}", where)
                return
            self.con.execute(f"USE {_COMPANY}")
            guarded(self.con, f"CREATE OR REPLACE TABLE {column(ours)}.main.{raw} AS {bare(str(table.sql))}", where)
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
                expression = remote.sql(bare(table.sql))
            else:
                *database, name = str(table.table).split(".")
                expression = remote.table(name, database=".".join(database) or None)
            # Arrow has no such types; as texts they are ids and categories.
            odd = {
                column_name: "string"
                for column_name, kind in expression.schema().items()
                if kind.is_uuid() or kind.is_json() or kind.is_inet() or kind.is_macaddr()
            }
            batches = (expression.cast(odd) if odd else expression).to_pyarrow_batches(chunk_size=100_000)
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
