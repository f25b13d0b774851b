"""The canonical tables: read, typed and cleaned once, inside an in-process DuckDB.

Whatever cannot be used is kept apart by reason (`<table>_rejected`) and counted, never mended. After `open_tables` every
canonical column exists; times are BIGINT microseconds UTC, text VARCHAR, numbers DOUBLE; measures stand under ``m_<name>``,
attributes under their own names.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from configs.errors import ConfigError, DataError
from configs.settings import Column as ColumnTarget
from configs.settings import Settings, Table
from features import schema
from features.encode import LIMIT, MEASURE_PREFIX
from features.findings import Finding
from features.sources import Sources, column, one, quoted
from features.span import without_strays

_BLANK = "('', 'NA', 'N/A', 'NaN', 'nan', 'NULL', 'null', 'None')"


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
    """

    settings: Settings
    con: duckdb.DuckDBPyConnection
    present: frozenset[str] = frozenset()
    attributes: dict[str, Literal["number", "category"]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def arrow(self, query: str) -> pa.Table:
        """The result of a query as an Arrow table."""
        return self.con.sql(query).to_arrow_table()

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
        """A digest of the canonical rows of each table, whatever their order."""
        found = {}
        for name in sorted(self.present):
            row = one(
                self.con,
                f"SELECT count(*), coalesce(bit_xor(hash(t)), 0), coalesce(sum(hash(t) % 4294967291), 0) FROM {name} AS t",
            )
            found[name] = "-".join(f"{int(part):x}" for part in row)
        return found


@contextmanager
def open_tables(settings: Settings) -> Iterator[Tables]:
    """Read the configured tables.

    Raises
    ------
    ConfigError, DataError
        When a table, a file or a column is not there, or nothing usable is in it.
    """
    scratch = Path(tempfile.mkdtemp(prefix="moments-"))
    con = duckdb.connect(str(scratch / "tables.duckdb"))
    sources: Sources | None = None
    try:
        con.execute("SET TimeZone = 'UTC'")
        # Off already in a notebook without widgets, where setting it at all is an error.
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = {quoted(str(scratch / 'spill'))}")
        texts = scratch / "texts"
        texts.mkdir()
        sources = Sources(con, settings, texts)
        tables = Tables(settings, con)
        if schema.CUSTOMERS not in settings.data.tables:
            raise ConfigError(
                "the table 'customers' is needed",
                where=f"{settings.source.name}: data.tables",
                available=", ".join(settings.data.tables),
                next_move="add 'customers', or make it: {sql: 'SELECT DISTINCT customer_id FROM ...'}",
            )
        for name in schema.TABLES:
            if name in settings.data.tables:
                _read(tables, sources, name, settings.data.tables[name])
        yield tables
    finally:
        if sources is not None:
            sources.close()
        con.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _read(tables: Tables, sources: Sources, name: str, table: Table) -> None:
    """One table: find the columns, cast them, set aside what is unusable."""
    con, where = tables.con, f"{tables.settings.source.name}: data.tables.{name}"
    sources.forget_rejected()
    raw = sources.relation(name, table)
    types = {column_name: kind for column_name, kind, *_ in con.execute(f"DESCRIBE {raw}").fetchall()}
    spec = schema.TABLES[name]
    chosen = _choose(spec, table, types, where)
    labels = {
        target.column: types.get(target.column, "")
        for target in tables.settings.targets.values()
        if isinstance(target, ColumnTarget) and name == schema.CUSTOMERS
    }
    for label in labels:
        if label not in types:
            raise DataError.missing_column(label, types, where=f"{where} (a target's label)")
    select, reasons = [], []
    for item in spec.columns:
        theirs = chosen.get(item.name)
        if theirs is None:
            select.append(f"CAST(NULL AS {_STORED[item.type]}) AS {item.name}")
            continue
        cast = _cast(theirs, types[theirs], item.type, where)
        select.append(f"{cast} AS {item.name}")
        if item.required:
            source = column(theirs)
            reasons.append((f"{item.name} is empty", f"{_blank(theirs, types[theirs])}"))
            if item.type != "text":
                reasons.append((f"{item.name} is not a {item.type}", f"({cast}) IS NULL AND {source} IS NOT NULL"))
    if name == schema.TOUCHPOINTS:
        for measure, info in table.measures.items():
            if info.column not in types:
                raise DataError.missing_column(info.column, types, where=f"{where}.measures.{measure}")
            select.append(
                f"{_cast(info.column, types[info.column], 'number', where)} AS {column(MEASURE_PREFIX + measure)}"
            )
    attributes: dict[str, Literal["number", "category"]] = {}
    if name == schema.CUSTOMERS:
        renamed = {theirs: ours for ours, theirs in table.columns.items() if ours not in spec.types}
        for theirs in sorted(types):
            if theirs in chosen.values() or theirs in table.ignore:
                continue
            kind = _attribute_kind(con, raw, theirs, types[theirs])
            ours = renamed.get(theirs, theirs)
            if theirs in labels:
                select.append(f"CAST({column(theirs)} AS VARCHAR) AS {column(LABEL_PREFIX + theirs)}")
                tables.labels[theirs] = LABEL_PREFIX + theirs
            elif kind is None:
                tables.findings.append(_unused(theirs, types[theirs]))
            else:
                attributes[ours] = kind
                cast = _cast(theirs, types[theirs], "number" if kind == "number" else "text", where)
                select.append(f"{cast} AS {column(ours)}")
        tables.attributes = dict(sorted(attributes.items()))
    bad = " ".join(f"WHEN {test} THEN {quoted(reason)}" for reason, test in reasons)
    con.execute(f"CREATE TABLE {name} AS SELECT {', '.join(select)}, CASE {bad} END AS _bad FROM {raw}")
    _set_aside(tables, sources, name)
    _drop_duplicates(tables, name, chosen)
    tables.rows[name] = int(one(con, f"SELECT count(*) FROM {name}")[0])
    tables.present = tables.present | {name}
    tables.columns[name] = tuple(item.name for item in spec.columns if item.name in chosen)
    tables.findings += sources.findings
    sources.findings = []


LABEL_PREFIX = "label_"
"""Prefix of a column of customers that is a target's label, and so can never be an attribute."""

_STORED = {"text": "VARCHAR", "time": "BIGINT", "number": "DOUBLE"}


def _choose(spec: schema.Table, table: Table, types: dict[str, str], where: str) -> dict[str, str]:
    """Canonical column to the company's own."""
    chosen = {}
    for ours, theirs in table.columns.items():
        if ours not in spec.types and spec.name != schema.CUSTOMERS:
            raise ConfigError.unknown_key(ours, spec.types, where=f"{where}.columns")
        if theirs not in types:
            raise DataError.missing_column(theirs, types, where=f"{where}.columns.{ours}")
        if ours in spec.types:
            chosen[ours] = theirs
    for item in spec.columns:
        if item.name not in chosen and item.name in types and item.name not in table.columns.values():
            chosen[item.name] = item.name
        if item.required and item.name not in chosen:
            raise DataError.missing_column(item.name, types, where=where, canonical=True)
    for theirs in table.ignore:
        if theirs not in types:
            raise DataError.missing_column(theirs, types, where=f"{where}.ignore")
    return chosen


def _cast(name: str, kind: str, to: schema.Type, where: str) -> str:
    """SQL that turns a company's column into the canonical type, NULL where it cannot."""
    source = column(name)
    if to == "text":
        if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
            # 13085.0 and 13085 are one id: a column with gaps often arrives as a float.
            whole = f"abs({source}) < 9e15 AND {source} = floor({source})"
            return (
                f"CASE WHEN {whole} THEN CAST(CAST({source} AS BIGINT) AS VARCHAR) ELSE CAST({source} AS VARCHAR) END"
            )
        return f"nullif(trim(CAST({source} AS VARCHAR)), '')"
    if to == "number":
        if kind == "VARCHAR":
            text = f"trim({source})"
            number = f"coalesce(TRY_CAST({text} AS DOUBLE), CAST(TRY_CAST({text} AS BOOLEAN) AS DOUBLE))"
        else:
            number = f"TRY_CAST({source} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if kind == "VARCHAR":
        return f"epoch_us(TRY_CAST(trim({source}) AS TIMESTAMPTZ))"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({source})"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"epoch_us(CAST({source} AS TIMESTAMP))"
    if kind in {'"NULL"', "NULL"}:
        return "CAST(NULL AS BIGINT)"
    raise DataError(
        f"the column '{name}' is {kind}, not a time",
        where=where,
        available="timestamps, dates, ISO 8601 text",
        next_move=f"convert it with 'sql', e.g. to_timestamp({column(name)}) for seconds since 1970",
    )


def _blank(name: str, kind: str) -> str:
    source = column(name)
    return f"({source} IS NULL OR trim({source}) = '')" if kind == "VARCHAR" else f"{source} IS NULL"


def _attribute_kind(
    con: duckdb.DuckDBPyConnection, raw: str, name: str, kind: str
) -> Literal["number", "category"] | None:
    """Text whose every value reads as a number is a number; a code with leading zeros is text; dates are not used."""
    source = column(name)
    if kind == "VARCHAR":
        text = f"trim({source})"
        filled, words, codes = one(
            con,
            f"""SELECT count(*) FILTER ({text} NOT IN {_BLANK}),
                       count(*) FILTER ({text} NOT IN {_BLANK} AND TRY_CAST({text} AS DOUBLE) IS NULL),
                       count(*) FILTER (regexp_matches({text}, '^0[0-9]+$'))
                FROM {raw}""",
        )
        return "number" if filled and not words and not codes else "category"
    if kind == "BOOLEAN" or kind.startswith("ENUM"):
        return "category"
    numeric = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL")
    return "number" if kind.startswith(numeric) and kind != "UUID" else None


def _unused(name: str, kind: str) -> Finding:
    return Finding(
        "note",
        "unused_column",
        schema.CUSTOMERS,
        name,
        0,
        f"the column '{name}' ({kind}) is neither a number nor a category and is not used",
        "turn it into one with 'sql', or list it in 'ignore'",
    )


def _set_aside(tables: Tables, sources: Sources, name: str) -> None:
    con = tables.con
    con.execute(f"CREATE TABLE {name}_rejected AS SELECT * FROM {name} WHERE _bad IS NOT NULL")
    con.execute(f"DELETE FROM {name} WHERE _bad IS NOT NULL")
    con.execute(f"ALTER TABLE {name} DROP COLUMN _bad")
    by_reason = con.execute(f"SELECT _bad, count(*) FROM {name}_rejected GROUP BY 1 ORDER BY 1").fetchall()
    for reason, count in by_reason:
        tables.findings.append(
            Finding(
                "warning",
                "bad_rows",
                name,
                str(reason).split(" ", 1)[0],
                int(count),
                f"{count} rows are set aside: {reason}",
                "mend them at the source, or leave them out",
            )
        )
    for reason, count in sources.rejected():
        tables.findings.append(
            Finding(
                "warning",
                "bad_lines",
                name,
                None,
                count,
                f"{count} lines of the file do not fit and were left out: {reason}",
                "mend the lines: a missing quote or separator is the usual cause",
            )
        )
    for item in tables.settings.data.tables[name].measures if name == schema.TOUCHPOINTS else ():  # type: ignore[index]
        measure = column(MEASURE_PREFIX + item)
        row = one(con, f"SELECT count(*) FROM {name} WHERE abs({measure}) > {LIMIT}")
        if row[0]:
            tables.findings.append(
                Finding(
                    "warning",
                    "out_of_range",
                    name,
                    item,
                    int(row[0]),
                    f"{row[0]} values of '{item}' are beyond {LIMIT:g} and count as missing",
                    "use a larger unit",
                )
            )


def _drop_duplicates(tables: Tables, name: str, chosen: dict[str, str]) -> None:
    """One row per event_id; one version per customer and time. Which one stays does not depend on the rows' order."""
    con = tables.con
    if name == schema.CUSTOMERS:
        key, keep, code = "customer_id, valid_from", "", "duplicate_customer"
        message = "rows repeat a customer (at the same time)"
        rows = one(con, f"SELECT count(*) FROM (SELECT DISTINCT * FROM {name})")
        keys = one(con, f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM {name})")
        level: Literal["error", "warning"] = "error" if rows != keys else "warning"
        next_move = "keep one row per customer, or date the versions with valid_from"
    elif schema.EVENT_ID in chosen:
        key, keep, code, level = schema.EVENT_ID, f"{schema.EVENT_ID} IS NULL OR", "duplicate_event", "warning"
        message, next_move = "rows repeat an event_id and were dropped", "send each event once"
    else:
        return
    (before,) = one(con, f"SELECT count(*) FROM {name}")
    con.execute(
        f"""CREATE OR REPLACE TABLE {name} AS
            SELECT * FROM {name} AS t QUALIFY {keep} row_number() OVER (PARTITION BY {key} ORDER BY t) = 1"""
    )
    (after,) = one(con, f"SELECT count(*) FROM {name}")
    dropped = before - after
    if dropped:
        tables.findings.append(Finding(level, code, name, None, dropped, f"{dropped} {message}", next_move))
