"""Learning the journey vocabulary from what was known before a moment (the end of the training period)."""

from __future__ import annotations

from typing import Final, Literal

from configs.settings import Settings
from features import learn_journey as journey
from features import schema
from features.catalog import Catalog
from features.journey import (
    MAX_CATEGORIES,
    MAX_METRICS,
    MAX_PRODUCTS,
    MAX_TOUCHPOINTS,
    METRIC_SQL,
    UNANSWERED,
    MeasureInfo,
    Vocabulary,
)
from features.layout import MEASURE_PREFIX
from features.learn_journey import known_before, rounded
from features.sources import column, one
from features.tables import Tables

_TEXTS: Final = (
    (schema.TOUCHPOINTS, schema.CHANNEL, MAX_CATEGORIES),
    (schema.TOUCHPOINTS, schema.DEPARTMENT, MAX_CATEGORIES),
    (schema.TOUCHPOINTS, schema.STAGE, MAX_CATEGORIES),
    (schema.TRANSACTIONS, schema.CATEGORY, MAX_PRODUCTS),
    (schema.SUBSCRIPTIONS, schema.PLAN, MAX_CATEGORIES),
    (schema.SUBSCRIPTIONS, schema.END_REASON, MAX_CATEGORIES),
)
"""Texts of event tables that become codes, with how many of them at most."""

IDENTIFIER_SHARE: Final = 0.5
"""An attribute with more distinct texts than this share of customers (and more than 50) is an identifier."""


def learn_catalog(tables: Tables, settings: Settings, until: int) -> Catalog:
    """The catalogue of everything that the tables say before `until` (microseconds UTC)."""
    return Catalog.of(learn_vocabulary(tables, until), settings.windows_days)


def learn_vocabulary(tables: Tables, until: int) -> Vocabulary:
    """Touchpoints, measures, metrics and categories that were there before `until` (microseconds UTC)."""
    categories: dict[str, tuple[str, ...]] = {}
    attributes = {}
    named = identifiers(tables, until)
    for name, kind in tables.attributes.items():
        if kind == "category":
            if name in named:
                continue
            values = _categories(tables, schema.CUSTOMERS, name, known_before(schema.CUSTOMERS, until))
            if not values:
                continue
            categories[f"{schema.CUSTOMERS}.{name}"] = values
        attributes[name] = kind
    columns = {name: tuple(sorted(tables.columns[name])) for name in sorted(tables.present)}
    if schema.SURVEYS in columns:
        columns[schema.SURVEYS] = (*columns[schema.SURVEYS], *_unanswered(tables, until))
    for table in (schema.SURVEYS, schema.TOUCHPOINTS):
        if schema.COMMENT in columns.get(table, ()) and not _any(tables, table, "comment IS NOT NULL", until):
            columns[table] = tuple(name for name in columns[table] if name != schema.COMMENT)
    for table, name, limit in _TEXTS:
        if name in columns.get(table, ()):
            found = _categories(tables, table, name, known_before(table, until), limit)
            if found:
                categories[f"{table}.{name}"] = found
    with journey.drawn(tables, until) as rows:
        return _learn(tables, until, rows, attributes, categories, columns)


def _learn(
    tables: Tables,
    until: int,
    rows: journey.Drawn,
    attributes: dict[str, Literal["number", "category"]],
    categories: dict[str, tuple[str, ...]],
    columns: dict[str, tuple[str, ...]],
) -> Vocabulary:
    kinds, measures, measured = _touchpoints(tables, until, rows)
    places, costs = configured_places(tables.settings, kinds)
    for side, name in enumerate((schema.STAGE, schema.DEPARTMENT)):
        known = [pair[side] for pair in places.values() if pair[side]]
        learnt = categories.get(f"{schema.TOUCHPOINTS}.{name}", ())
        if name == schema.STAGE:
            # The configuration names stages in the order of the journey; others come in the order customers reach them.
            learnt = journey.stages(rows, learnt)
        if merged := tuple(dict.fromkeys((*known, *learnt))):
            categories[f"{schema.TOUCHPOINTS}.{name}"] = merged
    return Vocabulary(
        tables=tuple(name for name in schema.TABLES if name in tables.present),
        touchpoints=kinds,
        measures=measures,
        measured=measured,
        metrics=_metrics(tables, until),
        attributes=attributes,
        categories=categories,
        columns=columns,
        usual=journey.usual(rows, measured),
        places=places,
        costs=costs,
        sequences=journey.sequences(rows, kinds),
        prices=journey.prices(rows, categories.get(f"{schema.TRANSACTIONS}.{schema.CATEGORY}", ())),
    )


def configured_places(
    settings: Settings, kinds: tuple[str, ...]
) -> tuple[dict[str, tuple[str, str]], dict[str, float]]:
    """Stage and department of each touchpoint, in the configuration's order, and what an encounter costs."""
    named = {kind: info for kind, info in settings.journey.items() if kind in kinds}
    places = {
        kind: (info.stage or "", info.department or "") for kind, info in named.items() if info.stage or info.department
    }
    return places, {kind: info.cost for kind, info in named.items() if info.cost is not None}


def identifiers(tables: Tables, until: int | None = None) -> dict[str, int]:
    """Attributes that name customers rather than describe them, with their number of distinct values; by what was known `until`."""
    before = "true" if until is None else known_before(schema.CUSTOMERS, until)
    found = {}
    for name, kind in tables.attributes.items():
        if kind == "category":
            distinct, customers = one(
                tables.con,
                f"SELECT count(DISTINCT {column(name)}), count(DISTINCT customer_id) FROM customers WHERE {before}",
            )
            if distinct > max(50, IDENTIFIER_SHARE * customers):
                found[name] = int(distinct)
    return found


def _any(tables: Tables, table: str, test: str, until: int) -> bool:
    rows = tables.con.execute(f"SELECT 1 FROM {table} WHERE {test} AND {known_before(table, until)} LIMIT 1").fetchall()
    return bool(rows)


def _unanswered(tables: Tables, until: int) -> tuple[str, ...]:
    return (UNANSWERED,) if _any(tables, schema.SURVEYS, "score IS NULL", until) else ()


def _categories(tables: Tables, table: str, name: str, test: str, limit: int = MAX_CATEGORIES) -> tuple[str, ...]:
    rows = tables.con.execute(
        f"""SELECT {column(name)} AS v, count(*) AS n FROM {table}
            WHERE v IS NOT NULL AND {test} GROUP BY v ORDER BY n DESC, v LIMIT {limit}"""
    ).fetchall()
    return tuple(sorted(str(value) for value, _ in rows))


def _touchpoints(
    tables: Tables, until: int, rows: journey.Drawn
) -> tuple[tuple[str, ...], dict[str, MeasureInfo], dict[str, tuple[str, ...]]]:
    if schema.TOUCHPOINTS not in tables.present:
        return (), {}, {}
    configured = tables.settings.data.tables["touchpoints"].measures
    before = known_before(schema.TOUCHPOINTS, until)
    spans = ", ".join(f"count({column(MEASURE_PREFIX + name)})" for name in configured)
    lines = tables.con.execute(
        f"""SELECT touchpoint, count(*) AS n {", " + spans if spans else ""} FROM touchpoints
            WHERE {before} GROUP BY touchpoint ORDER BY n DESC, touchpoint LIMIT {MAX_TOUCHPOINTS}"""
    ).fetchall()
    kinds = tuple(sorted(str(row[0]) for row in lines))
    measured = {
        str(row[0]): tuple(name for place, name in enumerate(configured) if row[2 + place] > 0) for row in lines
    }
    measures = {}
    for name, item in configured.items():
        source = column(MEASURE_PREFIX + name)
        (median,) = one(
            tables.con,
            f"SELECT quantile_disc({source}, 0.5) FROM {rows.names[schema.TOUCHPOINTS]} WHERE {source} IS NOT NULL",
        )
        measures[name] = MeasureInfo(
            unit=item.unit,
            better="higher" if item.higher_is_better else "lower",
            effort=item.effort,
            median=rounded(float(median)) if median is not None else 0.0,
            within=item.within,
        )
    return kinds, measures, {kind: measured[kind] for kind in kinds}


def _metrics(tables: Tables, until: int) -> tuple[str, ...]:
    if schema.SURVEYS not in tables.present:
        return ()
    query = f"""SELECT {METRIC_SQL} AS m, count(*) AS n FROM surveys
        WHERE score IS NOT NULL AND {known_before(schema.SURVEYS, until)}
        GROUP BY m ORDER BY m = 'nps' DESC, n DESC, m LIMIT {MAX_METRICS}"""
    return tuple(sorted(str(row[0]) for row in tables.con.execute(query).fetchall()))
