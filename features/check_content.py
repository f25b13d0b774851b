"""Rules of `moments check` that look into what the tables say: touchpoints, surveys, attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from configs.errors import nearest
from features import schema
from features.definition import plain
from features.findings import Finding, Level
from features.journey import MAX_METRICS, MAX_TOUCHPOINTS
from features.layout import MEASURE_PREFIX
from features.learn import identifiers
from features.quoting import column, one
from features.tables import Tables

_RANGES: Final = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_FEW: Final = 50
_CHANGING: Final = re.compile(
    r"(^|_)(tenure|balance|total|last|latest|current|recency|count|days|months|status|active|inactive|lifetime|"
    r"churn(ed)?|score|usage|overdue|cancel(led)?)(_|$)"
)


def touchpoints(tables: Tables) -> Iterator[Finding]:
    """Too many kinds, names that differ in spelling only, and all that nothing is known of (see `_blind_spots`)."""
    if not tables.rows.get(schema.TOUCHPOINTS):
        if tables.settings.journey and schema.TOUCHPOINTS not in tables.failures:
            yield Finding(
                "warning",
                "journey_without_data",
                schema.TOUCHPOINTS,
                None,
                0,
                f"'journey' names {len(tables.settings.journey)} touchpoints, but there are no encounters at all",
                "add the table touchpoints",
            )
        return
    configured = list(tables.settings.data.tables["touchpoints"].measures)
    each = "".join(
        f", count({source}), max(occurred_at) FILTER ({source} IS NOT NULL)"
        for source in (column(MEASURE_PREFIX + name) for name in configured)
    )
    rows = tables.con.execute(
        f"SELECT touchpoint, count(*), min(occurred_at), max(occurred_at){each} FROM touchpoints GROUP BY 1 ORDER BY 2 DESC, 1"
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
    yield from _blind_spots(tables, configured, rows)
    yield from _flags(tables)
    alike: dict[str, str] = {}
    own = set(kinds[:MAX_TOUCHPOINTS])
    for kind in kinds:
        key = re.sub(r"[\W_]+", "", kind.lower())
        if key in alike:
            shared = kind in own and plain(kind) == plain(alike[key])
            yield Finding(
                "error" if shared else "warning",
                "similar_touchpoints",
                schema.TOUCHPOINTS,
                kind,
                0,
                f"'{kind}' and '{alike[key]}' differ in spelling only and "
                + ("would share their columns" if shared else "count as two"),
                "make them one with 'sql'",
            )
        alike.setdefault(key, kind)


def _flags(tables: Tables) -> Iterator[Finding]:
    """Measures said to be flags that hold anything but no (0) and yes (1): how often it was no cannot be counted of them."""
    measures = tables.settings.data.tables["touchpoints"].measures
    for name in (name for name, item in measures.items() if item.unit == "flag"):
        source = column(MEASURE_PREFIX + name)
        wrong, example = one(
            tables.con,
            f"SELECT count(*), min({source}) FROM touchpoints WHERE {source} NOT IN (0, 1)",
        )
        if wrong:
            yield Finding(
                "error",
                "flag_values",
                schema.TOUCHPOINTS,
                name,
                int(wrong),
                f"{wrong} values of the flag '{name}' are neither 0 nor 1, e.g. {example:g}",
                f"make it 0 and 1 with 'sql', or give measures.{name} another unit than 'flag'",
            )


def _blind_spots(tables: Tables, configured: list[str], rows: list[tuple[Any, ...]]) -> Iterator[Finding]:
    """Touchpoints and measures of which nothing is known, or nothing any more; front office or back office alike.

    `rows` holds kind, rows, first and last time, then values and last time of each measure.
    """
    kinds = [str(row[0]) for row in rows]
    end = tables.data_end
    for place, name in enumerate(configured):
        filled = sum(row[4 + 2 * place] for row in rows)
        if not filled:
            yield _blind(
                "warning",
                name,
                0,
                f"the measure '{name}' has no value at any touchpoint",
                "check the column it is read from",
            )
            continue
        last = max(row[5 + 2 * place] for row in rows if row[5 + 2 * place] is not None)
        having = [row for row in rows if row[4 + 2 * place]]
        first = min(row[2] for row in having)
        if max(row[3] for row in having) - last > _silence(filled, first, last):
            yield _blind(
                "warning",
                name,
                int(filled),
                f"the measure '{name}' has no value since {_day(last)}, though its touchpoints went on",
                "check whether the export still fills the column",
            )
    for row in rows[:MAX_TOUCHPOINTS]:
        kind, count, first, last = str(row[0]), int(row[1]), row[2], row[3]
        if configured and not any(row[4::2]):
            yield _blind(
                "note",
                kind,
                count,
                f"'{kind}' has no measure: only that it happened is known, not how it went",
                "add a measure if one exists",
            )
        if end - last > _silence(count, first, last):
            yield _blind(
                "note",
                kind,
                count,
                f"'{kind}' has no row since {_day(last)}, though the data go on until {_day(end)}",
                "nothing, if it was given up; otherwise check whether an export is missing",
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


def _blind(level: Level, column_name: str, rows: int, message: str, move: str) -> Finding:
    return Finding(level, "blind_spot", schema.TOUCHPOINTS, column_name, rows, message, move)


def _silence(count: int, first: int, last: int) -> float:
    """Microseconds of silence after which something has stopped: sixty days, and twenty times what usually lies between."""
    return max(60 * schema.MICROSECONDS_PER_DAY, 20 * (last - first) / count) if count >= _FEW else float("inf")


def _day(moment: int) -> str:
    return str(np.datetime64(moment, "us").astype("datetime64[D]"))


def surveys(tables: Tables) -> Iterator[Finding]:
    """Unknown metrics, scores out of range, answers about one encounter."""
    if not tables.rows.get(schema.SURVEYS):
        return
    metrics = tables.con.execute(
        "SELECT metric, count(*), min(score), max(score) FROM surveys WHERE score IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    if len(metrics) > MAX_METRICS:
        yield Finding(
            "warning",
            "many_metrics",
            schema.SURVEYS,
            schema.METRIC,
            len(metrics),
            f"{len(metrics)} survey metrics; NPS and the most frequent, {MAX_METRICS} in all, get columns of their own",
            "group them with 'sql'",
        )
    unknown = {metric for metric, *_ in metrics[:MAX_METRICS]} - set(_RANGES)
    for metric, rows, low, high in sorted(metrics):
        if metric not in _RANGES and metric not in unknown:
            continue
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
            outside = one(
                tables.con,
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
    about = one(tables.con, "SELECT count(*) FROM surveys WHERE metric = 'nps' AND touchpoint IS NOT NULL")[0]
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


def _one_name(names: Iterable[str]) -> Iterator[Finding]:
    """Attributes whose columns would have one name."""
    taken: dict[str, str] = {}
    for name in names:
        other = taken.setdefault(plain(name), name)
        if other != name:
            yield Finding(
                "error",
                "similar_attributes",
                schema.CUSTOMERS,
                name,
                0,
                f"'{name}' and '{other}' would share the column '{plain(name)}'",
                "rename one of them with 'columns' or 'sql', or list it in 'ignore'",
            )


def attributes(tables: Tables) -> Iterator[Finding]:
    """Identifiers, empty and constant attributes, values that change but have no times."""
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
    yield from _one_name(name for name in tables.attributes if name not in named)
    rows = tables.rows[schema.CUSTOMERS]
    dated = schema.VALID_FROM in tables.columns[schema.CUSTOMERS]
    changing = []
    for name in tables.attributes:
        filled, distinct = one(
            tables.con, f"SELECT count({column(name)}), count(DISTINCT {column(name)}) FROM customers"
        )
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
