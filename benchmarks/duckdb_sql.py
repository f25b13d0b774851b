"""The same table by DuckDB alone: three ways to write it, of which `write` takes the fastest; all give the same numbers.

`join` is what one writes first: dates joined to the events before them, aggregated under conditions. `intervals` adds events up
once per customer and interval between two edges of windows, and joins those few sums to the dates. `windows` keeps them in order
of the customer and adds them up once per date and window, where they are few.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.events import DAY, KINDS
from benchmarks.wanted import TREND, WINDOWS, Column, columns, edges, moments


def write(folder: Path, out: Path, dates: int) -> None:
    """From the events of a folder to a parquet file, the fastest way."""
    windows(folder, out, dates)


def join(folder: Path, out: Path, dates: int) -> None:
    """Every date with all events before it."""
    _copy(
        folder,
        out,
        f"""WITH r AS (SELECT customer_id, as_of FROM c CROSS JOIN (VALUES {_values(moments(dates))}) AS d(as_of))
            SELECT r.customer_id, make_timestamptz(r.as_of) AS as_of, {_selected(_of_events)}
            FROM r LEFT JOIN (SELECT customer_id, epoch_us(occurred_at) AS t, touchpoint, wait FROM e) AS e
              ON e.customer_id = r.customer_id AND e.t < r.as_of
            GROUP BY r.customer_id, r.as_of""",
    )


def intervals(folder: Path, out: Path, dates: int) -> None:
    """Sums per customer and interval, joined to the dates whose windows hold the interval."""
    _copy(
        folder,
        out,
        f"""WITH {_per_interval(dates)},
            m AS (SELECT d.as_of, b.place FROM (VALUES {_values(moments(dates))}) AS d(as_of)
              JOIN b ON b.low < d.as_of),
            f AS (SELECT n, as_of, {_selected(_of_intervals)} FROM s JOIN m USING (place) GROUP BY n, as_of)
            SELECT c.customer_id, make_timestamptz(d.as_of) AS as_of, {_filled("f")}
            FROM c CROSS JOIN (VALUES {_values(moments(dates))}) AS d(as_of)
              LEFT JOIN f ON f.n = c.n AND f.as_of = d.as_of""",
    )


def windows(folder: Path, out: Path, dates: int) -> None:
    """The same sums, in order of the customer; per date and window only those that lie in it, without conditions."""
    limits = moments(dates)
    _copy(folder, out, " UNION ALL ".join(map(_at, limits)), f"WITH {_per_interval(dates)} SELECT * FROM s ORDER BY n")


WAYS: Final[dict[str, Callable[[Path, Path, int], None]]] = {
    "join": join,
    "intervals": intervals,
    "windows": windows,
}


def _copy(folder: Path, out: Path, query: str, sums: str = "SELECT 0") -> None:
    """Write a query over c (customers and their numbers), e (events) and s (the result of `sums`)."""
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        con.execute(f"SET temp_directory = '{out.parent / 'spill'}'")
        con.execute(
            f"CREATE TABLE c AS SELECT customer_id, row_number() OVER () AS n FROM '{folder / 'customers.parquet'}'"
        )
        con.execute(f"CREATE VIEW e AS SELECT * FROM '{folder / 'events.parquet'}'")
        con.execute(f"CREATE TEMP TABLE s AS {sums}")
        con.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION snappy)")


def _values(numbers: list[int]) -> str:
    return ", ".join(f"({number})" for number in numbers)


def _per_interval(dates: int) -> str:
    """Relations b (intervals: place, low, high) and s (sums of customer n in interval place)."""
    limits = edges(dates)
    # Before the first edge nothing but a recency can reach.
    lows = ", ".join(
        f"({place}, {low}, {high})"
        for place, (low, high) in enumerate(zip([-(2**60), *limits[:-1]], limits, strict=True))
    )
    counted = ", ".join(f"count(*) FILTER (touchpoint = '{kind}') AS n_{kind}" for kind in KINDS)
    last = ", ".join(f"max(t) FILTER (touchpoint = '{kind}') AS t_{kind}" for kind in KINDS)
    return f"""b(place, low, high) AS (VALUES {lows}),
        p AS (SELECT c.n, epoch_us(e.occurred_at) AS t, touchpoint, wait FROM e JOIN c USING (customer_id)),
        q AS (SELECT n, t, touchpoint, wait, b.place, b.low FROM p ASOF JOIN b ON p.t >= b.low WHERE t < {limits[-1]}),
        s AS (SELECT n, place, low, {counted}, {last}, sum(wait) AS w_sum, count(wait) AS w_count, max(wait) AS w_max
          FROM q GROUP BY ALL)"""


def _selected(one: Callable[[Column], str]) -> str:
    return ", ".join(f'{one(item)} AS "{item.name}"' for item in columns())


def _of_events(item: Column) -> str:
    within = f"e.t >= r.as_of - {(item.window or 0) * DAY}"
    if item.what == "count":
        return f"count(*) FILTER (touchpoint = '{item.kind}' AND {within})"
    if item.what == "recency":
        return f"(r.as_of - max(e.t) FILTER (touchpoint = '{item.kind}')) / {DAY}.0::DOUBLE"
    if item.what == "trend":
        before = f"e.t >= r.as_of - {2 * TREND * DAY} AND NOT ({within})"
        return f"avg(wait) FILTER ({within}) - avg(wait) FILTER ({before})"
    return f"{'avg' if item.what == 'mean' else 'max'}(wait) FILTER ({within})"


def _of_intervals(item: Column) -> str:
    within = f"low >= as_of - {(item.window or 0) * DAY}"
    if item.what == "count":
        return f"CAST(coalesce(sum(n_{item.kind}) FILTER ({within}), 0) AS BIGINT)"
    if item.what == "recency":
        return f"(as_of - max(t_{item.kind})) / {DAY}.0::DOUBLE"
    if item.what == "max":
        return f"max(w_max) FILTER ({within})"
    mean = f"sum(w_sum) FILTER ({within}) / nullif(sum(w_count) FILTER ({within}), 0)"
    if item.what == "mean":
        return mean
    before = f"low >= as_of - {2 * TREND * DAY} AND NOT ({within})"
    return f"{mean} - sum(w_sum) FILTER ({before}) / nullif(sum(w_count) FILTER ({before}), 0)"


def _at(moment: int) -> str:
    """The rows of one date, from sums per interval."""
    joined = []
    for days in WINDOWS:
        counts = ", ".join(f'CAST(sum(n_{kind}) AS BIGINT) AS "{kind}__count_{days}d"' for kind in KINDS)
        waits = f"sum(w_sum) / nullif(sum(w_count), 0) AS mean_{days}, max(w_max) AS max_{days}"
        joined.append(f"SELECT n, {counts}, {waits} FROM s WHERE {_within(moment, 0, days)} GROUP BY n")
    mean = "sum(w_sum) / nullif(sum(w_count), 0) AS mean_before"
    joined.append(f"SELECT n, {mean} FROM s WHERE {_within(moment, TREND, 2 * TREND)} GROUP BY n")
    last = ", ".join(f"max(t_{kind}) AS t_{kind}" for kind in KINDS)
    joined.append(f"SELECT n, {last} FROM s WHERE low < {moment} GROUP BY n")
    selected = ", ".join(f'{_of_windows(item, moment)} AS "{item.name}"' for item in columns())
    joins = " ".join(f"LEFT JOIN ({query}) AS f{place} USING (n)" for place, query in enumerate(joined))
    return f"SELECT customer_id, make_timestamptz({moment}) AS as_of, {selected} FROM c {joins}"


def _within(moment: int, younger: int, older: int) -> str:
    return f"low < {moment - younger * DAY} AND low >= {moment - older * DAY}"


def _of_windows(item: Column, moment: int) -> str:
    if item.what == "count":
        return f'coalesce("{item.name}", 0)'
    if item.what == "recency":
        return f"({moment} - t_{item.kind}) / {DAY}.0::DOUBLE"
    if item.what == "trend":
        return f"mean_{TREND} - mean_before"
    return f"{item.what}_{item.window}"


def _filled(relation: str) -> str:
    return ", ".join(
        f'coalesce({relation}."{item.name}", 0) AS "{item.name}"'
        if item.what == "count"
        else f'{relation}."{item.name}"'
        for item in columns()
    )
