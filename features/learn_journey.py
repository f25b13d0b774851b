"""What is usual in a company: how encounters go, which follow which, in which order stages come, what articles cost.

Learnt from what was known before a moment; from about a quarter of a million rows, of whole customers drawn by a hash of their
ids, where there are more.
Numbers are rounded to two digits that count, so that a further month of data seldom changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import duckdb

from features import schema
from features.definition import plain
from features.journey import sequence_kind
from features.layout import MEASURE_PREFIX
from features.sources import column, quoted
from features.tables import Tables
from features.turns import SEQUENCE_DAYS

ENOUGH_ROWS: Final = 250_000
PAIRS: Final = 8
TRIPLES: Final = 4
"""Sequences with columns of their own: the most frequent ones."""

FEW: Final = 20
"""A usual value, or a sequence, needs at least so many encounters."""

_WIDTH_80: Final = 2.563
"""Standard deviations between the tenth and the ninetieth percentile of a normal distribution."""


def known_before(table: str, until: int) -> str:
    """SQL: whether a row of a canonical table had happened, and was known, before a moment."""
    time = schema.TABLES[table].time or (schema.VALID_FROM if table == schema.CUSTOMERS else None)
    test = f"({time} IS NULL OR {time} < {until})"
    return f"{test} AND (recorded_at IS NULL OR recorded_at < {until})" if table != schema.CUSTOMERS else test


def rounded(number: float) -> float:
    """Two digits that count."""
    return float(f"{number:.1e}")


@contextmanager
def drawn(tables: Tables, until: int) -> Iterator[Drawn]:
    """The rows that are learnt from: name of a relation per table, known before `until`."""
    names: dict[str, str] = {}
    for table in (schema.TOUCHPOINTS, schema.TRANSACTIONS):
        if table not in tables.present:
            continue
        every = -(-tables.rows.get(table, 0) // ENOUGH_ROWS)
        some = f" AND hash({schema.CUSTOMER_ID}) % {every} = 0" if every > 1 else ""
        names[table] = f"drawn_{table}"
        kind = "TABLE" if every > 1 else "VIEW"
        tables.con.execute(
            f"CREATE OR REPLACE TEMP {kind} drawn_{table} AS SELECT * FROM {table} WHERE {known_before(table, until)}{some}"
        )
    try:
        yield Drawn(tables.con, names, frozenset(tables.columns.get(schema.TRANSACTIONS, ())))
    finally:
        for table, name in names.items():
            kind = "TABLE" if tables.rows.get(table, 0) > ENOUGH_ROWS else "VIEW"
            tables.con.execute(f"DROP {kind} IF EXISTS {name}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Relations to learn from, and which columns transactions have."""

    con: duckdb.DuckDBPyConnection
    names: dict[str, str]
    sales: frozenset[str]


def usual(rows: Drawn, measured: dict[str, tuple[str, ...]]) -> dict[str, tuple[float, float]]:
    """``kind|measure`` to its median and its spread (from percentiles 10 and 90); those that do not vary are left out."""
    names = list(dict.fromkeys(name for kinds in measured.values() for name in kinds))
    if not names:
        return {}
    parts = ", ".join(
        f"quantile_disc({source}, [0.1, 0.5, 0.9]), min({source}), max({source}), count({source})"
        for source in (column(MEASURE_PREFIX + name) for name in names)
    )
    lines = rows.con.execute(
        f"SELECT touchpoint, {parts} FROM {rows.names[schema.TOUCHPOINTS]} GROUP BY touchpoint ORDER BY touchpoint"
    ).fetchall()
    found = {}
    for kind, *values in lines:
        for place, name in enumerate(names):
            quantiles, least, most, count = values[4 * place : 4 * place + 4]
            if name not in measured.get(str(kind), ()) or count < FEW or not most > least:
                continue
            spread = (quantiles[2] - quantiles[0]) / _WIDTH_80 or (most - least) / 2
            found[f"{kind}|{name}"] = (rounded(quantiles[1]), rounded(spread))
    return found


def sequences(rows: Drawn, kinds: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The most frequent twos and threes of touchpoints in a row, each within `SEQUENCE_DAYS` of the one before."""
    if schema.TOUCHPOINTS not in rows.names or len(kinds) < 2:
        return ()
    reach = SEQUENCE_DAYS * schema.MICROSECONDS_PER_DAY
    known = ", ".join(quoted(kind) for kind in kinds)
    rows.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE steps AS
            SELECT touchpoint AS c, lag(touchpoint) OVER w AS b, lag(touchpoint, 2) OVER w AS a,
              occurred_at - lag(occurred_at) OVER w AS near,
              lag(occurred_at) OVER w - lag(occurred_at, 2) OVER w AS far
            FROM {rows.names[schema.TOUCHPOINTS]}
            WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at, touchpoint)"""
    )
    try:
        twos = rows.con.execute(
            f"""SELECT b, c FROM steps WHERE near <= {reach} AND b IN ({known}) AND c IN ({known})
                GROUP BY ALL HAVING count(*) >= {FEW} ORDER BY count(*) DESC, b, c LIMIT {PAIRS}"""
        ).fetchall()
        threes = rows.con.execute(
            f"""SELECT a, b, c FROM steps WHERE near <= {reach} AND far <= {reach}
                AND a IN ({known}) AND b IN ({known}) AND c IN ({known})
                GROUP BY ALL HAVING count(*) >= {FEW} ORDER BY count(*) DESC, a, b, c LIMIT {TRIPLES}"""
        ).fetchall()
    finally:
        rows.con.execute("DROP TABLE IF EXISTS steps")
    # Two sequences whose names would be one column's are one too many.
    by_name = {plain(sequence_kind(tuple(row))): tuple(str(kind) for kind in row) for row in (*threes, *twos)}
    return tuple(sorted(by_name.values(), key=lambda kinds: (len(kinds), kinds)))


def stages(rows: Drawn, known: tuple[str, ...]) -> tuple[str, ...]:
    """Stages in the order in which customers reach them first."""
    if len(known) < 2:
        return known
    lines = rows.con.execute(
        f"""WITH reached AS (
              SELECT customer_id, stage, min(occurred_at) AS moment FROM {rows.names[schema.TOUCHPOINTS]}
              WHERE stage IS NOT NULL GROUP BY ALL),
            placed AS (SELECT stage, rank() OVER (PARTITION BY customer_id ORDER BY moment) AS place FROM reached)
            SELECT stage FROM placed GROUP BY stage ORDER BY sum(place)::DOUBLE / count(*), stage"""
    ).fetchall()
    found = tuple(str(row[0]) for row in lines if str(row[0]) in known)
    return (*found, *(name for name in known if name not in found))


def prices(rows: Drawn, categories: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Category to its usual price per piece and the price from which it is premium (percentile 80); '' for all together.

    Where the prices of a category do not differ, nothing is premium in it.
    """
    if schema.TRANSACTIONS not in rows.names:
        return {}
    pieces = "coalesce(quantity, 1)" if schema.QUANTITY in rows.sales else "1"
    group = schema.CATEGORY if categories else "''"
    lines = rows.con.execute(
        f"""SELECT c, quantile_disc(price, [0.5, 0.8]), min(price) FROM (
              SELECT coalesce({group}, '') AS c, amount / {pieces} AS price FROM {rows.names[schema.TRANSACTIONS]}
              WHERE amount > 0 AND {pieces} > 0)
            GROUP BY c HAVING count(*) >= {FEW} ORDER BY c"""
    ).fetchall()
    allowed = {*categories, ""}
    return {
        str(name): (rounded(middle), rounded(high) if high > middle else 0.0)
        for name, (middle, high), _ in lines
        if name in allowed and middle > 0
    }
