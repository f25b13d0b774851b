"""`moments check`: everything that is wrong or suspicious in the tables, said at once.

Each rule below looks at one thing and yields findings; the list of rules is the list of what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from configs.errors import ManyFaultsError
from configs.settings import Cancellation, Inactivity, Spend, Survey, TimeToChurn
from features import check_answers as answers
from features import check_content as content
from features import check_questions as questions
from features import schema
from features.findings import Finding, Level
from features.layout import MEASURE_PREFIX
from features.quoting import column, one
from features.tables import Tables

_EVENTS: Final = (schema.TOUCHPOINTS, schema.SURVEYS, schema.TRANSACTIONS, schema.SUBSCRIPTIONS)
_ORDER: Final[dict[Level, int]] = {"error": 0, "warning": 1, "note": 2}
_OLDEST: Final = 631_152_000_000_000  # 1990-01-01: earlier times are placeholders far more often than events
_GAP_DAYS: Final = 28


def check_tables(tables: Tables, now: int | None = None) -> list[Finding]:
    """All findings, errors first.

    Parameters
    ----------
    tables
        The canonical tables, with what reading them found.
    now
        The present in microseconds UTC, to tell future dates; None leaves that rule out.
    """
    found = [*tables.findings, *_unreadable(tables)]
    if schema.CUSTOMERS not in tables.present:
        return found  # every other rule counts customers
    for rule in _RULES:
        found += rule(tables)
    if now is not None:
        found += _future(tables, now)
    return sorted(found, key=lambda item: (_ORDER[item.level], item.table or "", item.code, item.column or ""))


def _unreadable(tables: Tables) -> Iterator[Finding]:
    """Tables that are not there, or lack columns."""
    for name, failure in tables.failures.items():
        for error in failure.errors if isinstance(failure, ManyFaultsError) else (failure,):
            code = "missing_column" if error.column else "unreadable_table"
            available = f" (available: {error.available})" if error.available else ""
            message = f"{error.where}: {error.what}{available}"
            yield Finding("error", code, name, error.column, 0, message, error.next_move)


def _empty(tables: Tables) -> Iterator[Finding]:
    for name in sorted(tables.present):
        if not tables.rows[name]:
            level: Level = "error" if name == schema.CUSTOMERS else "warning"
            yield Finding(
                level, "empty_table", name, None, 0, "the table has no usable row", "check path, sql and columns"
            )


def _targets(tables: Tables) -> Iterator[Finding]:
    for name, target in tables.settings.targets.items():
        needs: tuple[str, ...] = ()
        match target:
            case Cancellation():
                needs = (schema.SUBSCRIPTIONS,)
            case Inactivity():
                needs = (schema.TRANSACTIONS, schema.TOUCHPOINTS)
            case Survey():
                needs = (schema.SURVEYS,)
            case Spend():
                needs = (schema.TRANSACTIONS,)
            case TimeToChurn(label="cancellation"):
                needs = (schema.SUBSCRIPTIONS,)
            case TimeToChurn(label="inactivity"):
                needs = (schema.TRANSACTIONS, schema.TOUCHPOINTS)
            case TimeToChurn():
                yield Finding(
                    "error",
                    "time_to_churn_of_column",
                    None,
                    None,
                    0,
                    f"the target '{name}' asks for the time to churn of a column, which says that customers left, not when",
                    f"set targets.{name}.label to cancellation or inactivity, or use kind 'column'",
                )
            case _:
                pass
        if tables.failures.keys() & set(needs):
            continue
        if needs and not any(tables.rows.get(table) for table in needs):
            yield Finding(
                "error",
                "target_without_table",
                needs[0],
                None,
                0,
                f"the target '{name}' needs {' or '.join(needs)}, which have no rows",
                f"add the table under data.tables, or remove targets.{name}",
            )
        if isinstance(target, Survey) and tables.rows.get(schema.SURVEYS):
            yield from answers.fitting(tables, name, target)
        lead = getattr(target, "lead_days", 0)
        horizon = getattr(target, "horizon_days", None)
        if horizon is not None and not tables.timeless:
            days = (tables.data_end - tables.data_start) / schema.MICROSECONDS_PER_DAY
            if days < horizon + lead + 1:
                yield Finding(
                    "error",
                    "short_history",
                    None,
                    None,
                    0,
                    f"the data span {days:.0f} days, the target '{name}' looks {lead + horizon} days ahead",
                    "give more history, or a shorter horizon_days",
                )


def _customers(tables: Tables) -> Iterator[Finding]:
    """Events of nobody, and customers without events: one grouping of each table by customer answers both."""
    (total,) = one(tables.con, "SELECT count(DISTINCT customer_id) FROM customers")
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        rows, ids, known = one(
            tables.con,
            f"""WITH people AS (SELECT DISTINCT customer_id, true AS known FROM customers)
                SELECT coalesce(sum(n) FILTER (known IS NULL), 0), count(*) FILTER (known IS NULL),
                  count(*) FILTER (known)
                FROM (SELECT customer_id, count(*) AS n FROM {name} GROUP BY customer_id) LEFT JOIN people USING (customer_id)""",
        )
        if rows:
            share = rows / tables.rows[name]
            level: Level = "error" if share > 0.5 else "warning"
            yield Finding(
                level,
                "unknown_customer",
                name,
                schema.CUSTOMER_ID,
                int(rows),
                f"{rows} rows ({share:.1%}) speak of {ids} customers who are not in customers: they are in nobody's journey, and "
                "count only in what is usual in the whole company",
                "check that the ids are spelt alike in both tables (leading zeros, letters, spaces); leave strangers out with 'sql'",
            )
        silent = int(total) - int(known)
        if name == schema.TOUCHPOINTS and total and silent / total > 0.5:
            yield Finding(
                "warning",
                "silent_customers",
                schema.TOUCHPOINTS,
                schema.CUSTOMER_ID,
                silent,
                f"{silent} of {total} customers have no encounter at all",
                "check that the ids are spelt alike in both tables",
            )


def _times(tables: Tables) -> Iterator[Finding]:
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        time = str(schema.TABLES[name].time)
        yield from _moments(tables, name, time)
        yield from _gap(tables, name, time)
    if tables.rows.get(schema.SUBSCRIPTIONS):
        wrong = one(tables.con, "SELECT count(*) FROM subscriptions WHERE ended_at < started_at")[0]
        if wrong:
            yield Finding(
                "error",
                "time_order",
                schema.SUBSCRIPTIONS,
                schema.ENDED_AT,
                int(wrong),
                f"{wrong} contracts end before they start",
                "mend the two times, or leave the rows out",
            )


def _contracts(tables: Tables) -> Iterator[Finding]:
    """Contracts that start while another of the customer's runs: side by side, or versions of one that was never ended."""
    if not tables.rows.get(schema.SUBSCRIPTIONS):
        return
    (beside,) = one(
        tables.con,
        f"""SELECT count(*) FROM (
              SELECT started_at < max(coalesce(ended_at, {schema.NO_AS_OF})) OVER (
                PARTITION BY customer_id ORDER BY started_at, ended_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              ) AS beside FROM subscriptions) WHERE beside""",
    )
    if beside:
        yield Finding(
            "note",
            "contracts_side_by_side",
            schema.SUBSCRIPTIONS,
            schema.ENDED_AT,
            int(beside),
            f"{beside} contracts start while another of the same customer runs: they count as further contracts, and their plan "
            "and fee as no change of the other's",
            "nothing, if customers hold several at once; if the rows are versions of one contract, end each where the next "
            "begins, with 'sql'",
        )


def _moments(tables: Tables, name: str, time: str) -> Iterator[Finding]:
    """Placeholders, rows that were known before they happened, and rows that were known late."""
    day, lag = schema.MICROSECONDS_PER_DAY, f"(recorded_at - {time})"
    hour = day // 24
    old, early, shifted, late, week, month, most = one(
        tables.con,
        f"""SELECT count(*) FILTER ({time} < {_OLDEST}), count(*) FILTER ({lag} < 0),
              count(*) FILTER ({lag} < 0 AND {lag} >= {-14 * hour} AND {lag} % {hour} = 0),
              count(*) FILTER ({lag} >= {day}), count(*) FILTER ({lag} >= {7 * day}),
              count(*) FILTER ({lag} >= {30 * day}), coalesce(max({lag}), 0) / {day} FROM {name}""",
    )
    if old:
        yield Finding(
            "warning",
            "placeholder_date",
            name,
            time,
            int(old),
            f"{old} rows lie before 1990",
            "leave out placeholder dates such as 1900-01-01",
        )
    if early:
        zone = (
            f"; {shifted} of them by whole hours, as where one of the two times is not UTC"
            if shifted > early / 2
            else ""
        )
        yield Finding(
            "warning",
            "recorded_early",
            name,
            schema.RECORDED_AT,
            int(early),
            f"{early} rows were recorded before they happened{zone}; they count as known when they happened",
            "check the two times, and their time zones",
        )
    if late:
        rows = tables.rows[name]
        yield Finding(
            "note",
            "late_data",
            name,
            schema.RECORDED_AT,
            int(late),
            f"{late / rows:.1%} of the rows were recorded a day or more after they happened ({week / rows:.1%} a week, "
            f"{month / rows:.1%} a month; the latest after {most:.0f} days) and count from then on",
            "nothing, if that is how the data arrive; otherwise check recorded_at",
        )


def _gap(tables: Tables, name: str, time: str) -> Iterator[Finding]:
    """A hole in the whole table: four weeks without any row, where rows are otherwise daily business."""
    found = tables.arrow(f"SELECT DISTINCT {time} // {schema.MICROSECONDS_PER_DAY} AS day FROM {name} ORDER BY day")
    days = found["day"].to_numpy()
    if len(days) < 2 or tables.rows[name] < days[-1] - days[0]:
        return
    gaps = np.diff(days)
    place = int(np.argmax(gaps))
    if gaps[place] > _GAP_DAYS:
        yield Finding(
            "warning",
            "gap",
            name,
            time,
            0,
            f"no row at all for {gaps[place]} days from {np.datetime64(int(days[place]), 'D')}",
            "check whether an export is missing: silence would read as inactivity",
        )


def _future(tables: Tables, now: int) -> Iterator[Finding]:
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        time = schema.TABLES[name].time
        rows = one(tables.con, f"SELECT count(*) FROM {name} WHERE {time} > {now}")[0]
        if rows:
            yield Finding(
                "error",
                "future_date",
                name,
                time,
                int(rows),
                f"{rows} rows lie in the future",
                "check the column and its time zone, or leave the rows out",
            )


def _duplicates(tables: Tables) -> Iterator[Finding]:
    """Rows that are the same in every column, told by their 64-bit hashes: sorting those needs no memory for texts."""
    for name in _EVENTS:
        if not tables.rows.get(name) or schema.EVENT_ID in tables.columns[name]:
            continue
        measures = tables.settings.data.tables["touchpoints"].measures if name == schema.TOUCHPOINTS else ()
        columns = [*tables.columns[name], *(MEASURE_PREFIX + item for item in measures)]
        hashes = tables.arrow(f"SELECT hash({', '.join(map(column, columns))}) AS h FROM {name}")["h"].to_numpy()
        hashes = np.sort(hashes)
        twice = int(np.count_nonzero(hashes[1:] == hashes[:-1]))
        if twice:
            yield Finding(
                "warning" if twice > 0.01 * tables.rows[name] else "note",
                "identical_rows",
                name,
                None,
                twice,
                f"{twice} rows are the same as another in every column",
                "give an event_id if an export repeats rows; without one they all count",
            )


_RULES: Final[tuple[Callable[[Tables], Iterator[Finding]], ...]] = (
    _empty,
    _targets,
    _customers,
    _times,
    _contracts,
    _duplicates,
    content.touchpoints,
    content.surveys,
    answers.mixed,
    questions.mixing,
    content.attributes,
)
