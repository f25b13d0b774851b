"""From columns to the integers of the kernel: the one place where both hosts turn values into events.

The integer contract: times are int64 microseconds UTC, money and measures int64 in fixed point, categories codes, numeric
attributes the bits of their float64. Integer sums do not depend on the order of rows, so batch, online and cluster agree in
every bit. `NULL` stands for what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features import schema
from features.families.effort import TOTALS
from features.journey import (
    CREATED,
    END,
    FIXED_KINDS,
    MINUTES_PER_UNIT,
    PAYMENT,
    REFUND,
    START,
    UNKNOWN_TOUCHPOINT,
    VERSION,
    Vocabulary,
)

NULL: Final = np.iinfo(np.int64).min
"""A missing integer."""

ALWAYS: Final = -(2**61)
"""The time of what has no time: before everything."""

MEASURE_SCALE: Final = 1_000_000
"""Measures, scores and quantities are held in millionths."""

MONEY_SCALE: Final = 10_000
"""Money is held in ten-thousandths of its unit, finer than any currency's minor unit."""

LIMIT: Final = 1e9
"""Measures and amounts beyond this magnitude are missing: sums of them could leave 64 bits."""

MEASURE_PREFIX: Final = "m_"
"""Prefix of a measure's column in the canonical touchpoints, so that it cannot meet a column's name."""

Columns = dict[str, NDArray[np.float64] | NDArray[np.int64]]
"""Column name to values of one table: times int64 (`NULL` for none), numbers float64 (NaN), text as int64 codes (-1)."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one source, rows in any order: when, when known, which kind, which values (n x width)."""

    customer: NDArray[np.int64]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    kind: NDArray[np.int64]
    values: NDArray[np.int64]


class Layout:
    """Where a vocabulary's kinds and values lie in the kernel's arrays.

    Attributes
    ----------
    kinds
        (source, kind) to its code; codes run over all sources.
    values
        Source to the names of its value columns in order.
    scales
        Source to the integers that one unit of each value column is.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.sources: tuple[str, ...] = tuple(name for name in schema.TABLES if name in vocabulary.tables)
        kinds_of = {
            **FIXED_KINDS,
            schema.TOUCHPOINTS: (*vocabulary.touchpoints, UNKNOWN_TOUCHPOINT),
            schema.SURVEYS: (*vocabulary.metrics, UNKNOWN_TOUCHPOINT),
        }
        self.kinds: dict[tuple[str, str], int] = {}
        for source in self.sources:
            for kind in kinds_of[source]:
                self.kinds[source, kind] = len(self.kinds)
        efforts = {info.effort for info in vocabulary.measures.values()}
        totals = tuple(column for effort, column in TOTALS.items() if effort in efforts)
        self.values: dict[str, tuple[str, ...]] = {
            schema.TOUCHPOINTS: (*vocabulary.measures, *totals),
            schema.SURVEYS: (schema.SCORE,),
            schema.TRANSACTIONS: (schema.AMOUNT, schema.MARGIN, schema.QUANTITY),
            schema.SUBSCRIPTIONS: (schema.MONTHLY_FEE, schema.PLAN),
            schema.CUSTOMERS: tuple(vocabulary.attributes) or ("-",),
        }
        money = {schema.AMOUNT, schema.MARGIN, schema.MONTHLY_FEE}
        self.scales: dict[str, tuple[int, ...]] = {
            source: tuple(MONEY_SCALE if name in money else MEASURE_SCALE for name in names)
            for source, names in self.values.items()
        }

    def kind_codes(self, source: str) -> dict[str, int]:
        """Kind name to code within one source."""
        return {kind: code for (of, kind), code in self.kinds.items() if of == source}

    def text_codes(self, source: str, column: str) -> dict[str, int]:
        """Text to code for a column that holds kinds or categories; what is not in it is unseen."""
        if (source, column) in {(schema.TOUCHPOINTS, schema.TOUCHPOINT), (schema.SURVEYS, schema.METRIC)}:
            return self.kind_codes(source)
        return {text: code for code, text in enumerate(self.vocabulary.categories.get(f"{source}.{column}", ()))}


def to_fixed(values: NDArray[np.float64], scale: int) -> NDArray[np.int64]:
    """Numbers as integers of `1/scale`; what is missing, infinite or beyond `LIMIT` becomes `NULL`."""
    usable = np.abs(values) <= LIMIT  # false for NaN
    fixed = np.full(values.shape, NULL, dtype=np.int64)
    fixed[usable] = np.rint(values[usable] * scale).astype(np.int64)
    return fixed


def encode(source: str, columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    """Events of one source from its columns.

    Parameters
    ----------
    source
        The canonical table.
    columns
        Its columns, all of length n; `schema.TOUCHPOINT` and `schema.METRIC` as kind codes of the layout.
    customer
        Index of each row's customer, shape (n,).
    layout
        Of the vocabulary in force.
    """
    return _ENCODERS[source](columns, customer, layout)


def _known(at: NDArray[np.int64], columns: Columns) -> NDArray[np.int64]:
    # An event without a recording time, or with one before it happened, is known when it happened.
    return np.maximum(at, columns[schema.RECORDED_AT]).astype(np.int64, copy=False)


def _touchpoints(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    vocabulary = layout.vocabulary
    at = columns[schema.OCCURRED_AT].astype(np.int64, copy=False)
    names = layout.values[schema.TOUCHPOINTS]
    values = np.empty((len(at), max(len(names), 1)), dtype=np.int64)
    totals = {effort: np.full(len(at), NULL, dtype=np.int64) for effort, name in TOTALS.items() if name in names}
    for position, (name, info) in enumerate(vocabulary.measures.items()):
        raw = columns[MEASURE_PREFIX + name].astype(np.float64, copy=False)
        values[:, position] = to_fixed(raw, MEASURE_SCALE)
        if info.effort is not None:
            _add(totals[info.effort], to_fixed(_effort(raw, name, layout), MEASURE_SCALE))
    for effort, total in totals.items():
        values[:, names.index(TOTALS[effort])] = total
    kind = columns[schema.TOUCHPOINT].astype(np.int64, copy=False)
    kind = np.where(kind < 0, layout.kinds[schema.TOUCHPOINTS, UNKNOWN_TOUCHPOINT], kind)
    return Events(customer, at, _known(at, columns), kind, values)


def _effort(raw: NDArray[np.float64], name: str, layout: Layout) -> NDArray[np.float64]:
    info = layout.vocabulary.measures[name]
    if info.effort == "time":
        return raw * MINUTES_PER_UNIT.get(info.unit.lower(), 1.0)
    if info.effort == "emotion":
        # Only the bad side of the company's median is an effort; a warm encounter does not pay for a cold one.
        below = info.median - raw if info.better == "higher" else raw - info.median
        return np.maximum(below, 0.0)
    return raw


def _add(total: NDArray[np.int64], part: NDArray[np.int64]) -> None:
    there = part != NULL
    fresh = there & (total == NULL)
    total[there & ~fresh] += part[there & ~fresh]
    total[fresh] = part[fresh]


def _surveys(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    at = columns[schema.ANSWERED_AT].astype(np.int64, copy=False)
    values = to_fixed(columns[schema.SCORE].astype(np.float64, copy=False), MEASURE_SCALE)[:, None]
    kind = columns[schema.METRIC].astype(np.int64, copy=False)
    kind = np.where(kind < 0, layout.kinds[schema.SURVEYS, UNKNOWN_TOUCHPOINT], kind)
    return Events(customer, at, _known(at, columns), kind, values)


def _transactions(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    at = columns[schema.OCCURRED_AT].astype(np.int64, copy=False)
    names = layout.values[schema.TRANSACTIONS]
    values = np.column_stack(
        [
            to_fixed(columns[name].astype(np.float64, copy=False), scale)
            for name, scale in zip(names, layout.scales[schema.TRANSACTIONS], strict=True)
        ]
    )
    refund = layout.kinds[schema.TRANSACTIONS, REFUND]
    payment = layout.kinds[schema.TRANSACTIONS, PAYMENT]
    kind = np.where(columns[schema.AMOUNT] < 0, refund, payment).astype(np.int64)
    return Events(customer, at, _known(at, columns), kind, values)


def _subscriptions(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    """Each contract is a start and, once it is over, an end: an end in the future is not known yet."""
    started = columns[schema.STARTED_AT].astype(np.int64, copy=False)
    ended = columns[schema.ENDED_AT].astype(np.int64, copy=False)
    over = ended != NULL
    values = np.column_stack(
        [
            to_fixed(columns[schema.MONTHLY_FEE].astype(np.float64, copy=False), MONEY_SCALE),
            np.where(columns[schema.PLAN] < 0, NULL, columns[schema.PLAN]).astype(np.int64),
        ]
    )
    recorded = columns[schema.RECORDED_AT].astype(np.int64, copy=False)
    at = np.concatenate([started, ended[over]])
    known = np.maximum(at, np.concatenate([recorded, recorded[over]]))
    start = layout.kinds[schema.SUBSCRIPTIONS, START]
    end = layout.kinds[schema.SUBSCRIPTIONS, END]
    kind = np.concatenate([np.full(len(started), start), np.full(int(over.sum()), end)]).astype(np.int64)
    return Events(
        np.concatenate([customer, customer[over]]), at, known, kind, np.concatenate([values, values[over]], axis=0)
    )


def _customers(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    """Each version of the attributes is an event, and so is the creation of the account."""
    names = layout.values[schema.CUSTOMERS]
    valid = columns[schema.VALID_FROM].astype(np.int64, copy=False)
    at = np.where(valid == NULL, ALWAYS, valid)
    values = np.full((len(at), len(names)), NULL, dtype=np.int64)
    for position, (name, kind) in enumerate(layout.vocabulary.attributes.items()):
        column = columns[name]
        if kind == "number":
            number = np.ascontiguousarray(column, dtype=np.float64) + 0.0  # -0.0 and 0.0 are one value
            values[:, position] = np.where(np.isnan(number), NULL, number.view(np.int64))
        else:
            values[:, position] = np.where(column < 0, NULL, column).astype(np.int64)
    created = columns[schema.CREATED_AT].astype(np.int64, copy=False)
    there = created != NULL
    version_kind = layout.kinds[schema.CUSTOMERS, VERSION]
    created_kind = layout.kinds[schema.CUSTOMERS, CREATED]
    all_at = np.concatenate([at, created[there]])
    all_kind = np.concatenate([np.full(len(at), version_kind), np.full(int(there.sum()), created_kind)])
    empty = np.full((int(there.sum()), len(names)), NULL, dtype=np.int64)
    return Events(
        np.concatenate([customer, customer[there]]),
        all_at,
        all_at,
        all_kind.astype(np.int64),
        np.concatenate([values, empty], axis=0),
    )


_ENCODERS: Final = {
    schema.TOUCHPOINTS: _touchpoints,
    schema.SURVEYS: _surveys,
    schema.TRANSACTIONS: _transactions,
    schema.SUBSCRIPTIONS: _subscriptions,
    schema.CUSTOMERS: _customers,
}
