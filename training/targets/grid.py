"""The grid of as_of dates: anchored at the last one, going back by `every_days` to the first.

``last: auto`` is the last midnight (UTC) whose whole label window lies in the data; ``first: auto`` leaves the shortest useful
history before it. Dates whose label window is not over are kept apart: their rows are counted as censored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from configs.errors import DataError
from configs.settings import Cancellation, Inactivity, Settings, Spend, TimeToChurn
from features.schema import MICROSECONDS_PER_DAY, SUBSCRIPTIONS, SURVEYS, TABLES, TOUCHPOINTS, TRANSACTIONS
from features.tables import Tables

SHORTEST_HISTORY_DAYS: Final = 90
ACTIVE_WITHIN_DAYS: Final = 180
"""How long a customer without a contract counts as active where no target says otherwise."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Dates (microseconds UTC, rising) whose label windows are over, those whose are not, and the label window's place."""

    dates: tuple[int, ...]
    censored: tuple[int, ...]
    lead: int
    horizon: int

    @property
    def all_dates(self) -> tuple[int, ...]:
        """Both kinds of dates, rising."""
        return tuple(sorted((*self.dates, *self.censored)))


def grid(
    tables: Tables,
    settings: Settings,
    target: Cancellation | Inactivity | Spend | TimeToChurn,
    known_days: int | None = None,
) -> Grid:
    """The as_of dates of a target with a label window.

    Parameters
    ----------
    tables, settings, target
        The company, its configuration, and the target.
    known_days
        Days of the label window that must be over for a date to be known; None: all of them.

    Raises
    ------
    DataError
        When no date has both a history before it and a whole label window after it.
    """
    lead, horizon = (days * MICROSECONDS_PER_DAY for days in (target.lead_days, target.horizon_days))
    step = settings.snapshots.every_days * MICROSECONDS_PER_DAY
    start, end = _history_start(tables), tables.data_end
    whole = end - lead - horizon
    limit = whole if known_days is None else end - lead - known_days * MICROSECONDS_PER_DAY
    given_first, given_last = settings.snapshots.first, settings.snapshots.last
    if isinstance(given_first, datetime):
        first = microseconds(given_first)
    else:
        first = start + max(SHORTEST_HISTORY_DAYS, active_within_days(settings)) * MICROSECONDS_PER_DAY
    last = microseconds(given_last) if isinstance(given_last, datetime) else _midnight(whole)
    dates = tuple(range(last, first - 1, -step))[::-1]
    if not isinstance(given_last, datetime):
        dates += tuple(range(last + step, end + 1, step))
    known = tuple(date for date in dates if first <= date <= limit)
    censored = tuple(date for date in dates if date > limit)
    if not known:
        raise DataError(
            f"no as_of date has {_days(first - start)} days of history before it and a label window of "
            f"{target.lead_days + target.horizon_days} days after it",
            where=f"{settings.source.name}: snapshots",
            available=f"data from {iso(start)} to {iso(end)}",
            next_move="shorten horizon_days or lead_days, set snapshots.first and snapshots.last, or bring longer data",
        )
    return Grid(known, censored, lead, horizon)


def active_within_days(settings: Settings) -> int:
    """The configuration's own rule of who counts as active, or 0 where no target has one."""
    return max((t.active_within_days for t in settings.targets.values() if isinstance(t, Inactivity)), default=0)


def microseconds(moment: datetime) -> int:
    """A moment as microseconds UTC since 1970."""
    whole = moment.astimezone(UTC)
    return int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 + whole.microsecond


def iso(moment: int) -> str:
    """Microseconds UTC as ISO 8601 with a Z, whole seconds."""
    return datetime.fromtimestamp(moment // 1_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _midnight(moment: int) -> int:
    return moment - moment % MICROSECONDS_PER_DAY


def _days(span: int) -> int:
    return span // MICROSECONDS_PER_DAY


def _history_start(tables: Tables) -> int:
    """First event that tells how it went: contracts are often older than the records of encounters, by decades.

    Placeholders such as 0001-01-01, which lie far before the data begin, are none: each month since would get a date.
    """
    parts = [
        f"SELECT min({TABLES[name].time}) AS t FROM {name} WHERE {TABLES[name].time} >= {tables.data_start}"
        for name in (TOUCHPOINTS, SURVEYS, TRANSACTIONS)
        if name in tables.present
    ]
    if parts:
        (start,) = one(tables, f"SELECT min(t) FROM ({' UNION ALL '.join(parts)})")
        if start is not None:
            return int(start)
    return tables.data_start


def one(tables: Tables, query: str) -> tuple[Any, ...]:
    """The only row of an aggregate. Read to its end: DuckDB refuses other work while a result is half read."""
    (row,) = tables.con.execute(query).fetchall()
    found: tuple[Any, ...] = row
    return found


@contextmanager
def grid_dates(tables: Tables, dates: Grid) -> Iterator[None]:
    """Hold the dates in the table ``grid_dates``: as_of, opens and closes (of the label window), known (window is over)."""
    known = set(dates.dates)
    rows = ", ".join(
        f"({date}, {date + dates.lead}, {date + dates.lead + dates.horizon}, {date in known})"
        for date in dates.all_dates
    )
    tables.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE grid_dates AS
            SELECT as_of::BIGINT AS as_of, opens::BIGINT AS opens, closes::BIGINT AS closes, known
            FROM (VALUES {rows}) AS v(as_of, opens, closes, known)"""
    )
    try:
        yield
    finally:
        tables.con.execute("DROP TABLE grid_dates")


def has_rows(tables: Tables, name: str) -> bool:
    """Whether the company has a table and anything is in it."""
    return name in tables.present and bool(tables.rows.get(name))


def active_sql(tables: Tables, settings: Settings) -> str:
    """SQL that gives (as_of, customer_id) of everybody active at the dates of the table `grid_dates`.

    A running contract where there are contracts, otherwise an event of `activity` within the configuration's own span.
    """
    if has_rows(tables, SUBSCRIPTIONS):
        return f"""SELECT DISTINCT g.as_of, s.customer_id FROM grid_dates AS g JOIN {SUBSCRIPTIONS} AS s
            ON s.started_at < g.as_of AND (s.ended_at IS NULL OR s.ended_at >= g.as_of)"""
    within = (active_within_days(settings) or ACTIVE_WITHIN_DAYS) * MICROSECONDS_PER_DAY
    return f"""SELECT DISTINCT g.as_of, e.customer_id FROM grid_dates AS g JOIN {activity(tables)} AS e
        ON e.occurred_at < g.as_of AND e.occurred_at >= g.as_of - {within}"""


def activity(tables: Tables) -> str:
    """The table whose events count as a sign of life: transactions, or touchpoints where there are none.

    Raises
    ------
    DataError
        When the company has neither.
    """
    for name in (TRANSACTIONS, TOUCHPOINTS):
        if has_rows(tables, name):
            return name
    raise DataError(
        "nothing says when a customer was active",
        where=f"{tables.settings.source.name}: data.tables",
        available=", ".join(sorted(tables.present)),
        next_move="add transactions or touchpoints, or use a target of kind 'column'",
    )
