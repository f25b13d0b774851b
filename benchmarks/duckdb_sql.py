"""The same table by DuckDB alone: three ways to write it, of which `write` takes the fastest that gives the same numbers.

`join` is what one writes first: dates joined to the events before them, aggregated under conditions. `intervals` adds events up
once per customer and interval between two edges of windows, and joins those few sums to the dates. `running` makes them running
totals in a dense grid of customers and intervals: a window is then the difference of two totals, but for its highest value.
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
    intervals(folder, out, dates)


def join(folder: Path, out: Path, dates: int) -> None:
    """Every date with all events before it."""
    # As seldom as a recency needs it: what is older than the longest window only counts for that.
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
            m AS (SELECT d.as_of, b.place, b.low FROM (VALUES {_values(moments(dates))}) AS d(as_of)
              JOIN b ON b.low < d.as_of),
            f AS (SELECT n, as_of, {_selected(_of_intervals)} FROM s JOIN m USING (place) GROUP BY n, as_of)
            SELECT c.customer_id, make_timestamptz(d.as_of) AS as_of, {_filled("f")}
            FROM c CROSS JOIN (VALUES {_values(moments(dates))}) AS d(as_of)
              LEFT JOIN f ON f.n = c.rowid AND f.as_of = d.as_of""".replace("c.rowid", "c.n"),
    )


def running(folder: Path, out: Path, dates: int) -> None:
    """A dense grid of customers and intervals, running totals over it, windows as differences of two of them."""
    places = {low: place for place, low in enumerate([None, *edges(dates)])}
    sums = [f"n_{kind}" for kind in KINDS] + ["w_sum", "w_count"]
    cumulated = ", ".join(f"sum(coalesce({name}, 0)) OVER w AS {name}" for name in sums)
    last = ", ".join(f"max(t_{kind}) OVER w AS t_{kind}" for kind in KINDS)
    frames = sorted({(moment, days) for moment in moments(dates) for days in WINDOWS})
    del frames
    # A window of so many days spans the same number of intervals at no two dates: one frame by value does for all.
    highest = ", ".join(
        f"max(w_max) OVER (PARTITION BY n ORDER BY low RANGE BETWEEN {days * DAY} PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS)"
        f" AS h_{days}"
        for days in ()
    )
    del highest, places
    _copy(
        folder,
        out,
        f"""WITH {_per_interval(dates)},
            g AS (SELECT c.n, b.low, b.high, s.* EXCLUDE (n, place) FROM c CROSS JOIN b
              LEFT JOIN s ON s.n = c.n AND s.place = b.place),
            t AS MATERIALIZED (SELECT n, high, {cumulated}, {last},
                {", ".join(f"max(w_max) OVER h{days} AS h_{days}" for days in WINDOWS)} FROM g
              WINDOW w AS (PARTITION BY n ORDER BY low),
                {", ".join(f"h{days} AS (PARTITION BY n ORDER BY high RANGE BETWEEN {days * DAY - 1} PRECEDING AND CURRENT ROW)" for days in WINDOWS)})
            SELECT c.customer_id, make_timestamptz(t.high) AS as_of, {_selected(_of_totals)}
            FROM t JOIN c USING (n)
              {" ".join(f"JOIN t AS t{days} ON t{days}.n = t.n AND t{days}.high = t.high - {days * DAY}" for days in (*WINDOWS, 2 * TREND))}
            WHERE t.high IN ({", ".join(map(str, moments(dates)))})""",
    )


WAYS: Final[dict[str, Callable[[Path, Path, int], None]]] = {
    "join": join,
    "intervals": intervals,
    "running": running,
}


def _copy(folder: Path, out: Path, query: str) -> None:
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        con.execute(f"SET temp_directory = '{out.parent / 'spill'}'")
        con.execute(
            f"CREATE TABLE c AS SELECT customer_id, row_number() OVER () AS n FROM '{folder / 'customers.parquet'}'"
        )
        con.execute(f"CREATE VIEW e AS SELECT * FROM '{folder / 'events.parquet'}'")
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
    place = f"list_aggregate([], 'max')"
    bounds = "[" + ", ".join(map(str, limits)) + "]"
    del place
    counted = ", ".join(f"count(*) FILTER (touchpoint = '{kind}') AS n_{kind}" for kind in KINDS)
    last = ", ".join(f"max(t) FILTER (touchpoint = '{kind}') AS t_{kind}" for kind in KINDS)
    return f"""b(place, low, high) AS (VALUES {lows}),
        p AS (SELECT c.n, epoch_us(e.occurred_at) AS t, touchpoint, wait FROM e JOIN c USING (customer_id)),
        q AS (SELECT n, t, touchpoint, wait, b.place FROM p ASOF JOIN b ON p.t >= b.low WHERE t < {limits[-1]}),
        s AS (SELECT n, place, {counted}, {last}, sum(wait) AS w_sum, count(wait) AS w_count, max(wait) AS w_max
          FROM q GROUP BY n, place)"""


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


def _of_totals(item: Column) -> str:
    then = f"t{item.window}"
    if item.what == "count":
        return f"CAST(t.n_{item.kind} - {then}.n_{item.kind} AS BIGINT)"
    if item.what == "recency":
        return f"(t.high - t.t_{item.kind}) / {DAY}.0::DOUBLE"
    if item.what == "max":
        return f"t.h_{item.window}"
    mean = f"(t.w_sum - {then}.w_sum) / nullif(t.w_count - {then}.w_count, 0)"
    if item.what == "mean":
        return mean
    longer = f"t{2 * TREND}"
    return f"{mean} - ({then}.w_sum - {longer}.w_sum) / nullif({then}.w_count - {longer}.w_count, 0)"


def _filled(relation: str) -> str:
    return ", ".join(
        f'coalesce({relation}."{item.name}", 0) AS "{item.name}"' if item.what == "count" else f'{relation}."{item.name}"'
        for item in columns()
    )
