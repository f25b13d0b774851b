"""The company's calendar out of the canonical tables: one line a day, by the day on which things became known."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from configs.errors import DataError
from features import schema
from features.catalog import Catalog
from features.company import COLUMNS, ENCOUNTERS, JUDGED, OCCASIONS, PAID, Calendar
from features.encode import LIMIT, MONEY_LIMIT
from features.journey import Vocabulary
from features.judge import QUALITY_LIMIT
from features.layout import MEASURE_PREFIX, MEASURE_SCALE, MONEY_SCALE, QUALITY
from features.sources import column, quoted
from features.tables import Tables

_DAY: Final = schema.MICROSECONDS_PER_DAY
_SHIFT: Final = 1_000_000  # days


def with_calendar(catalog: Catalog, tables: Tables) -> Catalog:
    """The catalogue with what the tables know of the company; the same one where no feature looks at it."""
    return replace(catalog, calendar=learn_calendar(tables, catalog.vocabulary)) if len(catalog.company[0]) else catalog


def learn_calendar(tables: Tables, vocabulary: Vocabulary) -> Calendar:
    """Every day on which something became known, with its integers."""
    parts = []
    if tables.rows.get(schema.TOUCHPOINTS):
        parts.append(_touchpoints(vocabulary))
    if tables.rows.get(schema.TRANSACTIONS):
        parts.append(_transactions())
    if not parts:
        return Calendar()
    sums = ", ".join(f"TRY_CAST(sum({column(name)}) AS BIGINT) AS {column(name)}" for name in COLUMNS)
    table = tables.asked_again(
        f"SELECT (day + 1) * {_DAY} AS until, {sums} FROM ({' UNION ALL BY NAME '.join(parts)}) GROUP BY day ORDER BY day"
    )
    for name in COLUMNS:
        if table.column(name).null_count:
            raise DataError(
                f"'{name}' of all customers together is more on one day than can be counted exactly",
                where=f"{tables.settings.source.name}: data.tables",
                available=f"up to {2.0**63 / MONEY_SCALE:.2g} of money and {2.0**63 / MEASURE_SCALE:.2g} pieces a day",
                next_move="give money in a larger unit (thousands), with 'sql'",
            )
    amounts = np.column_stack([table.column(name).to_numpy() for name in COLUMNS]).astype(np.int64)
    return Calendar(table.column("until").to_numpy().astype(np.int64), amounts)


def _day(known: str, source: str, values: dict[str, str], customers: str | None = None) -> str:
    """Sums per day of what each row counts; the day is the one on which the row was known."""
    each = {name: f"sum(CAST({values.get(name, '0')} AS BIGINT))" for name in COLUMNS}
    if customers is not None:
        each[OCCASIONS] = f"count(DISTINCT {schema.CUSTOMER_ID}) FILTER ({customers})"
    sums = ", ".join(f"CAST({text} AS HUGEINT) AS {column(name)}" for name, text in each.items())
    # The database cuts towards zero; days before 1970 are days too.
    return f"SELECT ({known} + {_SHIFT * _DAY}) // {_DAY} - {_SHIFT} AS day, {sums} FROM {source} GROUP BY day"


def _known(time: str) -> str:
    return f"greatest({time}, coalesce(recorded_at, {time}))"


def _touchpoints(vocabulary: Vocabulary) -> str:
    """Encounters and their quality, as `features.encode` tells it of one."""
    if not vocabulary.usual:
        return _day(_known(schema.OCCURRED_AT), schema.TOUCHPOINTS, {ENCOUNTERS: "1"})
    distances = []
    for name, info in vocabulary.measures.items():
        mine = [
            (kind, *vocabulary.usual[f"{kind}|{name}"])
            for kind in vocabulary.touchpoints
            if f"{kind}|{name}" in vocabulary.usual
        ]
        # As the kernel sees it: to the millionth, and missing beyond the limit.
        stored = column(MEASURE_PREFIX + name)
        value = f"(CASE WHEN abs({stored}) <= {LIMIT:.0f} THEN round({stored} * {MEASURE_SCALE}) / {MEASURE_SCALE} END)"
        sign = "" if info.better == "higher" else "-"
        cases = " ".join(
            f"WHEN {quoted(kind)} THEN {sign}(({value}) - ({middle!r})) / {spread!r}" for kind, middle, spread in mine
        )
        if cases:
            case = f"CASE touchpoint {cases} END"
            distances.append(
                f"CASE WHEN {value} IS NOT NULL THEN least(greatest({case}, {-QUALITY_LIMIT}), {QUALITY_LIMIT}) END"
            )
    listed = f"list_filter([{', '.join(distances)}], lambda x: x IS NOT NULL)"
    inner = f"(SELECT occurred_at, recorded_at, round(list_avg({listed}) * {MEASURE_SCALE}) AS quality FROM touchpoints) AS t"
    return _day(
        _known(schema.OCCURRED_AT),
        inner,
        {ENCOUNTERS: "1", QUALITY: "coalesce(quality, 0)", JUDGED: "CASE WHEN quality IS NULL THEN 0 ELSE 1 END"},
    )


def _transactions() -> str:
    """Who paid, and the amount and pieces of payments that tell how many pieces they are for."""
    usable = f"amount >= 0 AND amount <= {MONEY_LIMIT:.0f}"
    # A payment that says nothing of its pieces has no price: its amount over the pieces of others would be a price rise.
    priced = f"{usable} AND quantity > 0 AND quantity <= {LIMIT:.0f}"
    return _day(
        _known(schema.OCCURRED_AT),
        schema.TRANSACTIONS,
        {
            PAID: f"CASE WHEN {priced} THEN round(amount * {MONEY_SCALE}) ELSE 0 END",
            schema.QUANTITY: f"CASE WHEN {priced} THEN round(quantity * {MEASURE_SCALE}) ELSE 0 END",
        },
        customers=usable,
    )
