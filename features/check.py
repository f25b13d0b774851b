"""`moments check`: everything that is wrong or suspicious in the tables, said at once.

Each rule below looks at one thing and yields findings; the list of rules is the list of what is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from configs.errors import nearest
from configs.settings import Cancellation, Inactivity, Spend, Survey
from features import schema
from features.encode import MEASURE_PREFIX
from features.findings import Finding, Level
from features.learn import MAX_TOUCHPOINTS, identifiers
from features.sources import column
from features.tables import Tables

_EVENTS: Final = (schema.TOUCHPOINTS, schema.SURVEYS, schema.TRANSACTIONS, schema.SUBSCRIPTIONS)
_RANGES: Final = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_ORDER: Final[dict[Level, int]] = {"error": 0, "warning": 1, "note": 2}
_CHANGING: Final = re.compile(
    r"(^|_)(tenure|balance|total|last|latest|current|recency|count|days|months|status|active|inactive|lifetime|"
    r"churn(ed)?|score|usage|overdue|cancel(led)?)(_|$)"
)
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
    found = [*tables.findings]
    for rule in _RULES:
        found += rule(tables)
    if now is not None:
        found += _future(tables, now)
    return sorted(found, key=lambda item: (_ORDER[item.level], item.table or "", item.code, item.column or ""))


def _one(tables: Tables, query: str) -> tuple[Any, ...]:
    row = tables.con.execute(query).fetchone()
    return tuple(row) if row is not None else (0,)


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
            case _:
                pass
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
            asked = "metric = 'nps' AND touchpoint IS NULL"
            answers = _one(tables, f"SELECT count(*) FROM surveys WHERE {asked}")[0]
            if not answers:
                metrics = [
                    row[0] for row in tables.con.execute("SELECT DISTINCT metric FROM surveys LIMIT 10").fetchall()
                ]
                yield Finding(
                    "error",
                    "no_relationship_answers",
                    schema.SURVEYS,
                    schema.METRIC,
                    0,
                    f"no answer to a relationship survey with metric 'nps'; metrics: {', '.join(map(str, metrics))}",
                    "write 'nps' in the column metric, and leave touchpoint empty where the whole relationship was asked for",
                )
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
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        rows, ids = _one(
            tables,
            f"SELECT count(*), count(DISTINCT customer_id) FROM {name} "
            "WHERE customer_id NOT IN (SELECT customer_id FROM customers)",
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
                f"{rows} rows ({share:.1%}) speak of {ids} customers who are not in customers, and are not used",
                "check that the ids are spelt alike in both tables (leading zeros, letters, spaces)",
            )
    if tables.rows.get(schema.TOUCHPOINTS):
        silent = _one(
            tables,
            "SELECT count(*) FROM (SELECT DISTINCT customer_id FROM customers) WHERE customer_id NOT IN "
            "(SELECT customer_id FROM touchpoints)",
        )[0]
        total = _one(tables, "SELECT count(DISTINCT customer_id) FROM customers")[0]
        if total and silent / total > 0.5:
            yield Finding(
                "warning",
                "silent_customers",
                schema.TOUCHPOINTS,
                schema.CUSTOMER_ID,
                int(silent),
                f"{silent} of {total} customers have no encounter at all",
                "check that the ids are spelt alike in both tables",
            )


def _times(tables: Tables) -> Iterator[Finding]:
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        time = schema.TABLES[name].time
        old = _one(tables, f"SELECT count(*) FROM {name} WHERE {time} < {_OLDEST}")[0]
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
        early = _one(tables, f"SELECT count(*) FROM {name} WHERE recorded_at < {time}")[0]
        if early:
            yield Finding(
                "warning",
                "recorded_early",
                name,
                schema.RECORDED_AT,
                int(early),
                f"{early} rows were recorded before they happened; they count as known when they happened",
                "check the two times, and their time zones",
            )
        yield from _gap(tables, name, str(time))
    if tables.rows.get(schema.SUBSCRIPTIONS):
        wrong = _one(tables, "SELECT count(*) FROM subscriptions WHERE ended_at < started_at")[0]
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


def _gap(tables: Tables, name: str, time: str) -> Iterator[Finding]:
    """A hole in the whole table: four weeks without any row, where rows are otherwise daily business."""
    rows, days = _one(
        tables, f"SELECT count(*), (max({time}) - min({time})) / {schema.MICROSECONDS_PER_DAY} FROM {name}"
    )
    if not days or rows / days < 1:
        return
    longest, start = _one(
        tables,
        f"""SELECT max(next - t) / {schema.MICROSECONDS_PER_DAY}, CAST(make_timestamp(arg_max(t, next - t)) AS DATE)
            FROM (SELECT {time} AS t, lead({time}) OVER (ORDER BY {time}) AS next FROM {name}) WHERE next IS NOT NULL""",
    )
    if longest and longest > _GAP_DAYS:
        yield Finding(
            "warning",
            "gap",
            name,
            time,
            0,
            f"no row at all for {longest:.0f} days from {start}",
            "check whether an export is missing: silence would read as inactivity",
        )


def _future(tables: Tables, now: int) -> Iterator[Finding]:
    for name in _EVENTS:
        if not tables.rows.get(name):
            continue
        time = schema.TABLES[name].time
        rows = _one(tables, f"SELECT count(*) FROM {name} WHERE {time} > {now}")[0]
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
    for name in _EVENTS:
        if not tables.rows.get(name) or schema.EVENT_ID in tables.columns[name]:
            continue
        distinct = _one(tables, f"SELECT count(*) FROM (SELECT DISTINCT * FROM {name})")[0]
        twice = tables.rows[name] - distinct
        if twice:
            yield Finding(
                "warning" if twice > 0.01 * tables.rows[name] else "note",
                "identical_rows",
                name,
                None,
                int(twice),
                f"{twice} rows are the same as another in every column",
                "give an event_id if an export repeats rows; without one they all count",
            )


def _touchpoints(tables: Tables) -> Iterator[Finding]:
    if not tables.rows.get(schema.TOUCHPOINTS):
        return
    configured = list(tables.settings.data.tables["touchpoints"].measures)
    counts = ", ".join(f"count({column(MEASURE_PREFIX + name)})" for name in configured) or "0"
    rows = tables.con.execute(
        f"SELECT touchpoint, count(*), {counts} FROM touchpoints GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    kinds = [str(row[0]) for row in rows]
    if len(kinds) > MAX_TOUCHPOINTS:
        yield Finding(
            "warning",
            "many_touchpoints",
            schema.TOUCHPOINTS,
            schema.TOUCHPOINT,
            len(kinds),
            f"{len(kinds)} kinds of touchpoint; the {MAX_TOUCHPOINTS} most frequent get columns of their own",
            "group them with 'sql'",
        )
    for place, name in enumerate(configured):
        if not sum(row[2 + place] for row in rows):
            yield Finding(
                "warning",
                "blind_spot",
                schema.TOUCHPOINTS,
                name,
                0,
                f"the measure '{name}' has no value at any touchpoint",
                "check the column it is read from",
            )
    for row in rows[:MAX_TOUCHPOINTS]:
        if configured and not any(row[2:]):
            yield Finding(
                "note",
                "blind_spot",
                schema.TOUCHPOINTS,
                str(row[0]),
                int(row[1]),
                f"'{row[0]}' has no measure: only that it happened is known, not how it went",
                "add a measure if one exists",
            )
    for name in tables.settings.journey:
        if name not in kinds:
            close = nearest(name, kinds)
            yield Finding(
                "warning",
                "journey_without_data",
                schema.TOUCHPOINTS,
                name,
                0,
                f"'journey' names '{name}', which is not among the touchpoints",
                f"did you mean '{close}'?" if close else "remove it, or check the column touchpoint",
            )
    plain: dict[str, str] = {}
    for kind in kinds:
        key = re.sub(r"[\W_]+", "", kind.lower())
        if key in plain:
            yield Finding(
                "warning",
                "similar_touchpoints",
                schema.TOUCHPOINTS,
                kind,
                0,
                f"'{kind}' and '{plain[key]}' differ in spelling only and count as two",
                "make them one with 'sql'",
            )
        plain.setdefault(key, kind)


def _surveys(tables: Tables) -> Iterator[Finding]:
    if not tables.rows.get(schema.SURVEYS):
        return
    for metric, rows, low, high in tables.con.execute(
        "SELECT metric, count(*), min(score), max(score) FROM surveys GROUP BY 1 ORDER BY 1"
    ).fetchall():
        if metric not in _RANGES:
            yield Finding(
                "note",
                "unknown_metric",
                schema.SURVEYS,
                schema.METRIC,
                int(rows),
                f"the metric '{metric}' is not one of {', '.join(_RANGES)}; it serves as a feature only",
                "rename it if it is one of them",
            )
            continue
        least, most = _RANGES[metric]
        if low < least or high > most:
            outside = _one(
                tables,
                f"SELECT count(*) FROM surveys WHERE metric = '{metric}' AND score NOT BETWEEN {least} AND {most}",
            )[0]
            yield Finding(
                "error",
                "score_range",
                schema.SURVEYS,
                schema.SCORE,
                int(outside),
                f"{outside} answers to '{metric}' lie outside {least} to {most} ({low:g} to {high:g})",
                "recode or leave out codes such as 11 or 99 for 'no answer'",
            )
    about = _one(tables, "SELECT count(*) FROM surveys WHERE metric = 'nps' AND touchpoint IS NOT NULL")[0]
    if about:
        yield Finding(
            "note",
            "transactional_nps",
            schema.SURVEYS,
            schema.TOUCHPOINT,
            int(about),
            f"{about} NPS answers are about one encounter and are kept apart from the relationship's score",
            "leave touchpoint empty where the whole relationship was asked for",
        )


def _attributes(tables: Tables) -> Iterator[Finding]:
    named = identifiers(tables)
    for name, distinct in named.items():
        yield Finding(
            "warning",
            "identifier",
            schema.CUSTOMERS,
            name,
            distinct,
            f"'{name}' has {distinct} distinct values: it names customers and is not used",
            "list it in 'ignore'",
        )
    rows = tables.rows[schema.CUSTOMERS]
    dated = schema.VALID_FROM in tables.columns[schema.CUSTOMERS]
    changing = []
    for name in tables.attributes:
        filled, distinct = _one(tables, f"SELECT count({column(name)}), count(DISTINCT {column(name)}) FROM customers")
        if rows and filled < rows / 2:
            yield Finding(
                "note",
                "mostly_empty",
                schema.CUSTOMERS,
                name,
                int(rows - filled),
                f"'{name}' is empty for {1 - filled / rows:.0%} of the rows",
                "check the export; emptiness itself may give the label away",
            )
        if distinct == 1 and filled == rows:
            yield Finding(
                "note", "constant", schema.CUSTOMERS, name, int(rows), f"'{name}' has one value only", "leave it out"
            )
        if _CHANGING.search(name.lower()):
            changing.append(name)
    if changing and not dated and not tables.timeless:
        yield Finding(
            "warning",
            "fixed_attribute",
            schema.CUSTOMERS,
            changing[0],
            rows,
            f"{', '.join(changing)} look like values that change, but have no valid_from: "
            "today's value would be read into the past",
            "give versions with valid_from, or list them in 'ignore'",
        )


_RULES: Final[tuple[Callable[[Tables], Iterator[Finding]], ...]] = (
    _empty,
    _targets,
    _customers,
    _times,
    _duplicates,
    _touchpoints,
    _surveys,
    _attributes,
)
