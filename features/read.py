"""One table read: its columns found, cast to the canonical types, unusable rows set aside by reason, repeats dropped.

Everything wrong with the columns of a table is said at once; nothing is mended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import duckdb

from configs.errors import ConfigError, DataError, ManyFaultsError, MomentsError
from configs.settings import Column as ColumnTarget
from configs.settings import Table
from features import schema
from features.encode import LIMIT
from features.findings import Finding
from features.layout import MEASURE_PREFIX
from features.sources import Sources, column, one, quoted

if TYPE_CHECKING:
    from features.tables import Tables

_BLANK = "('', 'NA', 'N/A', 'NaN', 'nan', 'NULL', 'null', 'None')"


def read(tables: Tables, sources: Sources, name: str, table: Table) -> None:
    """Read one configured table into DuckDB under its own name.

    Raises
    ------
    DataError, ConfigError
        When its rows cannot be read, or columns are missing or of another type: all of them at once.
    """
    con, where = tables.con, f"{tables.settings.source.name}: data.tables.{name}"
    sources.forget_rejected()
    raw = sources.relation(name, table)
    types = {column_name: kind for column_name, kind, *_ in con.execute(f"DESCRIBE {raw}").fetchall()}
    spec = schema.TABLES[name]
    wrong: list[MomentsError] = []
    chosen = _choose(spec, table, types, where, wrong)
    labels = {
        target.column: types.get(target.column, "")
        for target in tables.settings.targets.values()
        if isinstance(target, ColumnTarget) and name == schema.CUSTOMERS
    }
    wrong += [
        DataError.missing_column(label, types, where=f"{where} (a target's label)")
        for label in labels
        if label not in types
    ]
    select, reasons = [], []
    for item in spec.columns:
        theirs = chosen.get(item.name)
        if theirs is None:
            select.append(f"CAST(NULL AS {_STORED[item.type]}) AS {item.name}")
            continue
        try:
            cast = _cast(theirs, types[theirs], item.type, where)
        except DataError as error:
            wrong.append(error)
            continue
        select.append(f"{cast} AS {item.name}")
        if item.required:
            blank = _blank(theirs, types[theirs])
            if item.name != schema.SCORE:  # a question without a score was asked and not answered
                reasons.append((f"{item.name} is empty", blank))
            if item.type != "text":
                reasons.append((f"{item.name} is not a {item.type}", f"({cast}) IS NULL AND NOT {blank}"))
    if name == schema.TOUCHPOINTS:
        for measure, info in table.measures.items():
            if info.column not in types:
                wrong.append(DataError.missing_column(info.column, types, where=f"{where}.measures.{measure}"))
                continue
            select.append(
                f"{_cast(info.column, types[info.column], 'number', where)} AS {column(MEASURE_PREFIX + measure)}"
            )
    ManyFaultsError.raise_any(wrong)
    attributes: dict[str, Literal["number", "category"]] = {}
    if name == schema.CUSTOMERS:
        renamed = {theirs: ours for ours, theirs in table.columns.items() if ours not in spec.types}
        for theirs in sorted(types):
            if theirs in chosen.values() or theirs in table.ignore:
                continue
            kind = _attribute_kind(con, raw, theirs, types[theirs])
            # A quote, a backslash or a line break cannot stand in the name of a field of a request.
            ours = re.sub(r'["\\\x00-\x1f]', "_", renamed.get(theirs, theirs))
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


def _choose(
    spec: schema.Table, table: Table, types: dict[str, str], where: str, wrong: list[MomentsError]
) -> dict[str, str]:
    """Canonical column to the company's own; what is missing or unknown is added to `wrong`."""
    chosen = {}
    for ours, theirs in table.columns.items():
        if ours not in spec.types and spec.name != schema.CUSTOMERS:
            wrong.append(ConfigError.unknown_key(ours, spec.types, where=f"{where}.columns"))
        elif theirs not in types:
            wrong.append(DataError.missing_column(theirs, types, where=f"{where}.columns.{ours}"))
        elif ours in spec.types:
            chosen[ours] = theirs
    for item in spec.columns:
        if item.name not in chosen and item.name in types and item.name not in table.columns.values():
            chosen[item.name] = item.name
        if item.required and item.name not in chosen and item.name not in table.columns:
            wrong.append(DataError.missing_column(item.name, types, where=where, canonical=True))
    wrong += [
        DataError.missing_column(theirs, types, where=f"{where}.ignore")
        for theirs in table.ignore
        if theirs not in types
    ]
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
    error = DataError(
        f"the column '{name}' is {kind}, not a time",
        where=where,
        available="timestamps, dates, ISO 8601 text",
        next_move=f"convert it with 'sql', e.g. to_timestamp({column(name)}) for seconds since 1970",
    )
    error.column = name
    raise error


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
        known = "valid_from"
        message = "rows repeat a customer (at the same time)"
        rows = one(con, f"SELECT count(*) FROM (SELECT DISTINCT * FROM {name})")
        keys = one(con, f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM {name})")
        level: Literal["error", "warning"] = "error" if rows != keys else "warning"
        next_move = "keep one row per customer, or date the versions with valid_from"
    elif schema.EVENT_ID in chosen:
        key, keep, code, level = schema.EVENT_ID, f"{schema.EVENT_ID} IS NULL OR", "duplicate_event", "warning"
        # What was known first stays: an event that is sent again later must not change what was known before. A contract
        # that is sent again is the same one with its end.
        time = schema.TABLES[name].time
        known = "ended_at" if name == schema.SUBSCRIPTIONS else f"greatest({time}, coalesce(recorded_at, {time}))"
        message, next_move = "rows repeat an event_id and were dropped", "send each event once"
    else:
        return
    (before,) = one(con, f"SELECT count(*) FROM {name}")
    con.execute(
        f"""CREATE OR REPLACE TABLE {name} AS
            SELECT * FROM {name} AS t QUALIFY {keep} row_number() OVER (PARTITION BY {key} ORDER BY {known}, t) = 1"""
    )
    (after,) = one(con, f"SELECT count(*) FROM {name}")
    dropped = before - after
    if dropped:
        tables.findings.append(Finding(level, code, name, None, dropped, f"{dropped} {message}", next_move))
