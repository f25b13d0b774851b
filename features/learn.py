"""Learning the journey vocabulary from what was known before a moment (the end of the training period)."""

from __future__ import annotations

from typing import Final

from configs.settings import Settings
from features import schema
from features.catalog import Catalog
from features.encode import MEASURE_PREFIX
from features.journey import ABOUT_ENCOUNTER, MeasureInfo, Vocabulary
from features.sources import column, one, quoted
from features.tables import Tables

MAX_TOUCHPOINTS: Final = 100
"""Kinds of touchpoints with columns of their own; rarer ones count in the totals."""

MAX_CATEGORIES: Final = 200
"""Categories of one attribute; rarer ones are unseen."""

IDENTIFIER_SHARE: Final = 0.5
"""An attribute with more distinct texts than this share of customers (and more than 50) is an identifier."""

METRIC_SQL: Final = (
    f"CASE WHEN metric = 'nps' AND touchpoint IS NOT NULL THEN metric || {quoted(ABOUT_ENCOUNTER)} ELSE metric END"
)
"""The metric an answer is counted under, as `features.journey.survey_metric` says it."""


def learn_catalog(tables: Tables, settings: Settings, until: int) -> Catalog:
    """The catalogue of everything that the tables say before `until` (microseconds UTC)."""
    return Catalog.of(learn_vocabulary(tables, until), settings.windows_days)


def learn_vocabulary(tables: Tables, until: int) -> Vocabulary:
    """Touchpoints, measures, metrics and categories that were there before `until` (microseconds UTC)."""
    categories: dict[str, tuple[str, ...]] = {}
    attributes = {}
    for name, kind in tables.attributes.items():
        if kind == "category":
            values = _categories(tables, schema.CUSTOMERS, name, _before(schema.CUSTOMERS, until))
            if not values:
                continue
            categories[f"{schema.CUSTOMERS}.{name}"] = values
        attributes[name] = kind
    columns = {name: tuple(sorted(tables.columns[name])) for name in sorted(tables.present)}
    if schema.PLAN in columns.get(schema.SUBSCRIPTIONS, ()):
        before = _before(schema.SUBSCRIPTIONS, until)
        categories[f"{schema.SUBSCRIPTIONS}.{schema.PLAN}"] = _categories(
            tables, schema.SUBSCRIPTIONS, schema.PLAN, before
        )
    kinds, measures, measured = _touchpoints(tables, until)
    return Vocabulary(
        tables=tuple(name for name in schema.TABLES if name in tables.present),
        touchpoints=kinds,
        measures=measures,
        measured=measured,
        metrics=_metrics(tables, until),
        attributes=attributes,
        categories=categories,
        columns=columns,
    )


def identifiers(tables: Tables) -> dict[str, int]:
    """Attributes that name customers rather than describe them, with their number of distinct values."""
    found = {}
    for name, kind in tables.attributes.items():
        if kind == "category":
            distinct, customers = one(
                tables.con, f"SELECT count(DISTINCT {column(name)}), count(DISTINCT customer_id) FROM customers"
            )
            if distinct > max(50, IDENTIFIER_SHARE * customers):
                found[name] = int(distinct)
    return found


def _before(table: str, until: int) -> str:
    time = schema.TABLES[table].time or (schema.VALID_FROM if table == schema.CUSTOMERS else None)
    test = f"({time} IS NULL OR {time} < {until})"
    return f"{test} AND (recorded_at IS NULL OR recorded_at < {until})" if table != schema.CUSTOMERS else test


def _categories(tables: Tables, table: str, name: str, test: str) -> tuple[str, ...]:
    if table == schema.CUSTOMERS and name in identifiers(tables):
        return ()
    rows = tables.con.execute(
        f"""SELECT {column(name)} AS v, count(*) AS n FROM {table}
            WHERE v IS NOT NULL AND {test} GROUP BY v ORDER BY n DESC, v LIMIT {MAX_CATEGORIES}"""
    ).fetchall()
    return tuple(sorted(str(value) for value, _ in rows))


def _touchpoints(
    tables: Tables, until: int
) -> tuple[tuple[str, ...], dict[str, MeasureInfo], dict[str, tuple[str, ...]]]:
    if schema.TOUCHPOINTS not in tables.present:
        return (), {}, {}
    configured = tables.settings.data.tables["touchpoints"].measures
    before = _before(schema.TOUCHPOINTS, until)
    spans = ", ".join(f"count({column(MEASURE_PREFIX + name)})" for name in configured)
    rows = tables.con.execute(
        f"""SELECT touchpoint, count(*) AS n {", " + spans if spans else ""} FROM touchpoints
            WHERE {before} GROUP BY touchpoint ORDER BY n DESC, touchpoint LIMIT {MAX_TOUCHPOINTS}"""
    ).fetchall()
    kinds = tuple(sorted(str(row[0]) for row in rows))
    measured = {str(row[0]): tuple(name for place, name in enumerate(configured) if row[2 + place] > 0) for row in rows}
    measures = {}
    for name, item in configured.items():
        source = column(MEASURE_PREFIX + name)
        (median,) = one(
            tables.con, f"SELECT quantile_disc({source}, 0.5) FROM touchpoints WHERE {source} IS NOT NULL AND {before}"
        )
        measures[name] = MeasureInfo(
            unit=item.unit,
            better="higher" if item.higher_is_better else "lower",
            effort=item.effort,
            median=float(median) if median is not None else 0.0,
        )
    return kinds, measures, {kind: measured[kind] for kind in kinds}


def _metrics(tables: Tables, until: int) -> tuple[str, ...]:
    if schema.SURVEYS not in tables.present:
        return ()
    query = f"SELECT DISTINCT {METRIC_SQL} FROM surveys WHERE {_before(schema.SURVEYS, until)}"
    return tuple(sorted(str(row[0]) for row in tables.con.execute(query).fetchall()))
