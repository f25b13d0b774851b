"""The same table by Polars' lazy frames on its streaming engine: two ways, of which `write` takes the faster.

`dates` goes over the events once per date and aggregates under conditions. `windows` adds events up once per customer and
interval between two edges of windows and goes over those sums once per date and window, as the fastest SQL does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl

from benchmarks.events import DAY, KINDS
from benchmarks.wanted import TREND, WINDOWS, Column, columns, edges, moments


def write(folder: Path, out: Path, dates: int) -> None:
    """From the events of a folder to a parquet file, the faster way."""
    windows(folder, out, dates)


def dates(folder: Path, out: Path, dates: int) -> None:
    """One aggregation of the events per date."""
    people, events = _read(folder)
    events = events.collect(engine="streaming").lazy()
    parts = []
    for moment in moments(dates):
        found = events.filter(pl.col("t") < moment).group_by("n").agg(_of_events(item, moment) for item in columns())
        parts.append(_rows(people, [found], moment))
    _write(parts, out)


def windows(folder: Path, out: Path, dates: int) -> None:
    """Sums per customer and interval; per date and window those of them that lie in it."""
    people, events = _read(folder)
    limits = edges(dates)
    place = pl.lit(pl.Series(limits)).search_sorted(pl.col("t"), side="right").cast(pl.UInt8)
    sums = (
        events.with_columns(place=place)
        .group_by("n", "place")
        .agg(
            *((pl.col("touchpoint") == kind).sum().alias(f"n_{kind}") for kind in KINDS),
            *(pl.col("t").filter(pl.col("touchpoint") == kind).max().alias(f"t_{kind}") for kind in KINDS),
            w_sum=pl.col("wait").sum(),
            w_count=pl.col("wait").count(),
            w_max=pl.col("wait").max(),
        )
        .collect(engine="streaming")
        .lazy()
    )
    mean = pl.col("w_sum").sum() / pl.when(pl.col("w_count").sum() > 0).then(pl.col("w_count").sum())
    parts = []
    for moment in moments(dates):

        def between(younger: int, older: int, moment: int = moment) -> pl.LazyFrame:
            first, last = (limits.index(moment - days * DAY) for days in (older, younger))
            return sums.filter(pl.col("place") > first, pl.col("place") <= last).group_by("n")

        found = [
            between(0, days).agg(
                *(pl.col(f"n_{kind}").sum().cast(pl.Int64).alias(f"{kind}__count_{days}d") for kind in KINDS),
                mean.alias(f"touchpoints__wait__mean_{days}d"),
                pl.col("w_max").max().alias(f"touchpoints__wait__max_{days}d"),
            )
            for days in WINDOWS
        ]
        found.append(between(TREND, 2 * TREND).agg(before=mean))
        seen = sums.filter(pl.col("place") <= limits.index(moment)).group_by("n")
        found.append(seen.agg(((moment - pl.col(f"t_{kind}").max()) / DAY).alias(f"{kind}__recency") for kind in KINDS))
        trend = pl.col(f"touchpoints__wait__mean_{TREND}d") - pl.col("before")
        parts.append(_rows(people, found, moment, trend.alias(f"touchpoints__wait__trend_{TREND}d")))
    _write(parts, out)


WAYS: Final[dict[str, Callable[[Path, Path, int], None]]] = {"dates": dates, "windows": windows}


def _read(folder: Path) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Customers with their numbers; events with the customer's number and the time in microseconds."""
    people = pl.read_parquet(folder / "customers.parquet", columns=["customer_id"]).with_row_index("n").lazy()
    events = pl.scan_parquet(folder / "events.parquet").join(people, on="customer_id")
    kind = pl.col("touchpoint").cast(pl.Enum(KINDS))
    return people, events.select("n", kind, "wait", t=pl.col("occurred_at").to_physical())


def _rows(people: pl.LazyFrame, found: list[pl.LazyFrame], moment: int, *more: pl.Expr) -> pl.LazyFrame:
    """Every customer at one date, with what was found of some."""
    rows = people
    for part in found:
        rows = rows.join(part, on="n", how="left")
    counts = [pl.col(item.name).fill_null(0) for item in columns() if item.what == "count"]
    as_of = pl.lit(moment).cast(pl.Datetime("us", "UTC")).alias("as_of")
    return rows.with_columns(*counts, *more).select("customer_id", as_of, *(item.name for item in columns()))


def _write(parts: list[pl.LazyFrame], out: Path) -> None:
    pl.concat(parts).sink_parquet(out, compression="snappy", engine="streaming")


def _of_events(item: Column, moment: int) -> pl.Expr:
    within = pl.col("t") >= moment - (item.window or 0) * DAY
    mine = pl.col("touchpoint") == (item.kind or KINDS[0])
    wait = pl.col("wait").filter(within)
    if item.what == "count":
        found = (mine & within).sum().cast(pl.Int64)
    elif item.what == "recency":
        found = (moment - pl.col("t").filter(mine).max()) / DAY
    elif item.what == "trend":
        before = (pl.col("t") >= moment - 2 * TREND * DAY) & ~within
        found = wait.mean() - pl.col("wait").filter(before).mean()
    else:
        found = wait.mean() if item.what == "mean" else wait.max()
    return found.alias(item.name)
