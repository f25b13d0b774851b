"""What training did not see: kinds of touchpoints and categories that the models have no meaning for, counted and warned of.

The same rule twice, for one journey and as SQL over all tables; `tests/serving/test_unseen.py` holds them together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from features import schema
from features.customer import Journey
from features.journey import MAX_CATEGORIES, MAX_PRODUCTS, Vocabulary

if TYPE_CHECKING:
    from features.tables import Tables

UNKNOWN_TOUCHPOINT: Final = "unknown_touchpoint"
UNSEEN_CATEGORY: Final = "unseen_category"
SHOWN: Final = 3
"""Values that a note names."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A column of categories: where, which moment of a row decides, and what every model's training saw."""

    source: str
    column: str
    time: str | None
    known: frozenset[str]

    @property
    def code(self) -> str:
        """The code of its warning."""
        return UNKNOWN_TOUCHPOINT if self.column == schema.TOUCHPOINT else UNSEEN_CATEGORY


def watched(vocabularies: Iterable[Vocabulary]) -> tuple[Watched, ...]:
    """The columns of categories that models of these vocabularies read.

    A column whose list is full is left out: training may have seen what is not in it. (Touchpoints are always watched: the
    rarer kinds count in totals only, and that is said.)
    """
    models = list(vocabularies)
    kinds = [frozenset(vocabulary.touchpoints) for vocabulary in models]
    found = {(schema.TOUCHPOINTS, schema.TOUCHPOINT): frozenset.intersection(*kinds) if kinds else frozenset()}
    for vocabulary in models:
        for name, values in vocabulary.categories.items():
            source, column = name.split(".", 1)
            full = len(values) >= (MAX_PRODUCTS if column == schema.CATEGORY else MAX_CATEGORIES)
            if not full:
                found[source, column] = found.get((source, column), frozenset(values)) & frozenset(values)
    return tuple(
        Watched(source, column, _time(source, column), known) for (source, column), known in sorted(found.items())
    )


def unseen(columns: Iterable[Watched], journey: Journey, as_of: int) -> Iterator[tuple[Watched, dict[str, int]]]:
    """The columns in which a journey holds, before `as_of`, values that training did not see, each with its number."""
    for item in columns:
        table = journey.tables.get(item.source)
        values = table.get(item.column) if table else None
        # Nearly always everything is known: one set tells.
        if not values or item.known.issuperset(set(values) - {None}):
            continue
        times: list[Any] = (table or {}).get(item.time or "") or [None] * len(values)
        counts: dict[str, int] = {}
        for value, at in zip(values, times, strict=True):
            there = at < as_of if at is not None else item.source == schema.CUSTOMERS
            if value is not None and value not in item.known and there:
                counts[value] = counts.get(value, 0) + 1
        if counts:
            yield item, dict(sorted(counts.items()))


def unseen_sql(item: Watched, present: Collection[str], there: Collection[str], as_of: int) -> str | None:
    """A query for (customer_id, value) of every row before `as_of` that holds what training did not see; None without the column."""
    from features.sources import column, quoted  # the database stays out of a process that only answers

    if item.source not in present or item.column not in there:
        return None
    name = column(item.column)
    known = f"AND {name} NOT IN ({', '.join(quoted(value) for value in sorted(item.known))})" if item.known else ""
    before = "" if item.time is None else f"AND {item.time} < {as_of}"
    if item.source == schema.CUSTOMERS:
        before = f"AND ({item.time} IS NULL OR {item.time} < {as_of})"
    return f"SELECT customer_id, {name} AS value FROM {item.source} WHERE {name} IS NOT NULL {known} {before}"


def queries(columns: Iterable[Watched], tables: Tables, as_of: int) -> Iterator[tuple[Watched, str]]:
    """The query of each column that the tables have."""
    for item in columns:
        there = tables.attributes if item.source == schema.CUSTOMERS else schema.TABLES[item.source].types
        query = unseen_sql(item, tables.present, there, as_of)
        if query is not None:
            yield item, query


def notes(columns: Iterable[Watched], tables: Tables, as_of: int) -> list[str]:
    """A line for each column of the tables that holds what training did not see."""
    found = []
    for item, query in queries(columns, tables, as_of):
        rows = tables.con.execute(f"SELECT value, count(*) FROM ({query}) GROUP BY value ORDER BY 2 DESC, 1").fetchall()
        if rows:
            named = ", ".join(f"'{value}'" for value, _ in rows[:SHOWN]) + (", ..." if len(rows) > SHOWN else "")
            events = sum(count for _, count in rows)
            what = "value" if len(rows) == 1 else "values"
            where = f"{events:,} row{'' if events == 1 else 's'}"
            found.append(
                f"{item.source}.{item.column}: {len(rows):,} {what} that training did not see ({named}) in {where}"
            )
    return found


def _time(source: str, column: str) -> str | None:
    if source == schema.CUSTOMERS:
        return schema.VALID_FROM
    return schema.ENDED_AT if column == schema.END_REASON else schema.TABLES[source].time
