"""The canonical tables: read, typed and cleaned once, inside an in-process DuckDB.

Whatever cannot be used is counted by reason and kept apart in `<output>/rejected/<table>.csv`, never mended. Tables are views: over
the company's own files where their types fit, over a file of ours where text had to be cast. After `open_tables` every canonical
column exists; times are BIGINT microseconds UTC, text VARCHAR, numbers DOUBLE; measures stand under ``m_<name>``,
attributes under their own names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa

from configs.errors import ConfigError, DataError, ManyFaultsError, MomentsError
from configs.settings import Settings
from features import schema
from features.findings import Finding
from features.quoting import one, quoted
from features.read import read
from features.set_aside import keep
from features.sources import Sources
from features.span import without_strays

MEMORY: Final = "1GB"
"""What the database holds in memory at most; what is larger (a sort, a join) goes through the temporary folder."""

_THREADS: Final = 8
"""Threads beyond this find little more to do here, and each has buffers of its own."""


@dataclass
class Tables:
    """The canonical tables of one company, open for reading.

    Attributes
    ----------
    con
        The in-process DuckDB that holds them.
    present
        Names of the tables that the company has.
    attributes
        Attribute of customers to ``number`` or ``category``, sorted by name; labels and ignored columns are not in it.
    rows, findings
        Rows per table, and what reading found.
    failures
        Table to why it could not be read; empty unless they were opened with `partial`.
    """

    settings: Settings
    con: duckdb.DuckDBPyConnection
    present: frozenset[str] = frozenset()
    attributes: dict[str, Literal["number", "category"]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    failures: dict[str, MomentsError] = field(default_factory=dict)
    _answers: dict[str, pa.Table] = field(default_factory=dict, repr=False)

    def arrow(self, query: str) -> pa.Table:
        """The result of a query as an Arrow table."""
        return self.con.sql(query).to_arrow_table()

    def asked_again(self, query: str) -> pa.Table:
        """The result of a query of the canonical tables that is small and asked again and again: it is run once."""
        if query not in self._answers:
            self._answers[query] = self.arrow(query)
        return self._answers[query]

    @cached_property
    def _span(self) -> tuple[int, int] | None:
        times = {
            schema.TOUCHPOINTS: schema.OCCURRED_AT,
            schema.SURVEYS: schema.ANSWERED_AT,
            schema.TRANSACTIONS: schema.OCCURRED_AT,
            schema.SUBSCRIPTIONS: schema.STARTED_AT,
        }
        parts = [f"SELECT {name} AS t FROM {table}" for table, name in times.items() if self.rows.get(table)]
        # A contract may be signed with its end: an end says how far the data reach only where nothing else does.
        if self.rows.get(schema.SUBSCRIPTIONS) and len(parts) == 1:
            parts.append(f"SELECT ended_at AS t FROM {schema.SUBSCRIPTIONS} WHERE ended_at IS NOT NULL")
        if not parts:
            return None
        events = " UNION ALL ".join(parts)
        days = self.con.execute(
            f"SELECT t // {schema.MICROSECONDS_PER_DAY} AS day, count(*) FROM ({events}) GROUP BY day ORDER BY day"
        ).fetchall()
        if not days:
            return None
        first, last = without_strays([(int(day), int(count)) for day, count in days])
        low, high = first * schema.MICROSECONDS_PER_DAY, (last + 1) * schema.MICROSECONDS_PER_DAY
        start, end = one(self.con, f"SELECT min(t), max(t) FROM ({events}) WHERE t >= {low} AND t < {high}")
        return int(start), int(end)

    @property
    def errors(self) -> list[MomentsError]:
        """Why tables could not be read, one by one."""
        return [
            error
            for failure in self.failures.values()
            for error in (failure.errors if isinstance(failure, ManyFaultsError) else [failure])
        ]

    @property
    def timeless(self) -> bool:
        """Whether there is no event at all: a flat table of customers."""
        return self._span is None

    @property
    def data_start(self) -> int:
        """Microseconds of the first event."""
        return self._need_span()[0]

    @property
    def data_end(self) -> int:
        """Microseconds of the last event."""
        return self._need_span()[1]

    def _need_span(self) -> tuple[int, int]:
        if self._span is None:
            raise DataError(
                "there is no event with a time",
                where=f"{self.settings.source.name}: data.tables",
                available=", ".join(sorted(self.present)),
                next_move="add a table with times, or use a target of kind 'column'",
            )
        return self._span

    def digests(self) -> dict[str, str]:
        """A digest of the canonical columns and rows of each table, whatever the order of the rows."""
        found = {}
        for name in sorted(self.present):
            row = one(
                self.con,
                f"SELECT count(*), coalesce(bit_xor(hash(t)), 0), coalesce(sum(hash(t) % 4294967291), 0) FROM {name} AS t",
            )
            names = json.dumps(self.con.sql(f"SELECT * FROM {name} LIMIT 0").columns, ensure_ascii=False)
            found[name] = "-".join(
                [*(f"{int(part):x}" for part in row), hashlib.sha256(names.encode()).hexdigest()[:16]]
            )
        return found


@contextmanager
def open_tables(settings: Settings, *, partial: bool = False) -> Iterator[Tables]:
    """Read the configured tables.

    Parameters
    ----------
    settings
        Names them.
    partial
        Leave out tables that cannot be read and say why in `failures`, instead of raising.

    Raises
    ------
    ConfigError, DataError
        When a table, a file or a column is not there, or nothing usable is in it: everything found, at once.
    """
    scratch = Path(tempfile.mkdtemp(prefix="moments-"))
    con = duckdb.connect(str(scratch / "tables.duckdb"))
    sources: Sources | None = None
    try:
        con.execute("SET TimeZone = 'UTC'")
        # Off already in a notebook without widgets, where setting it at all is an error.
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            con.execute("SET enable_progress_bar = false")
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute(f"SET threads = {min(os.cpu_count() or 1, _THREADS)}")
        con.execute(f"SET temp_directory = {quoted(str(scratch / 'spill'))}")
        texts = scratch / "texts"
        texts.mkdir()
        sources = Sources(con, settings, texts)
        tables = Tables(settings, con)
        for name, raw in sources.named.items():
            keep(tables, name, raw, [])
        if schema.CUSTOMERS not in settings.data.tables:
            tables.failures[schema.CUSTOMERS] = ConfigError(
                "the table 'customers' is needed",
                where=f"{settings.source.name}: data.tables",
                available=", ".join(settings.data.tables),
                next_move="add 'customers', or make it: {sql: 'SELECT DISTINCT customer_id FROM ...'}",
            )
        for name in schema.TABLES:
            if name in settings.data.tables:
                try:
                    read(tables, sources, name, settings.data.tables[name])
                except MomentsError as error:
                    tables.failures[name] = error
        if not partial:
            ManyFaultsError.raise_any(tables.errors)
        yield tables
        sources.unchanged()
    finally:
        if sources is not None:
            sources.close()
        con.close()
        shutil.rmtree(scratch, ignore_errors=True)
