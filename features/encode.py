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
from features.journey import (
    CREATED,
    END,
    PAYMENT,
    REFUND,
    START,
    UNANSWERED,
    UNKNOWN_TOUCHPOINT,
    VERSION,
)
from features.judge import all_fixed
from features.layout import MEASURE_SCALE, MONEY_SCALE, Layout

NULL: Final = np.iinfo(np.int64).min
"""A missing integer."""

ALWAYS: Final = -(2**61)
"""The time of what has no time: before everything."""

LIMIT: Final = 1e9
"""Measures, scores and quantities beyond this magnitude are missing: sums of them could leave 64 bits.

A customer may have nine thousand encounters at the limit itself, or a million of nine million units each; where they are more,
`features.arrays` refuses.
"""

MONEY_LIMIT: Final = 1e12
"""The same for money, of which a currency may need many units (a rial, a dong): all of a customer's may be nine hundred times that."""

SHORTEST: Final = 1
"""Microseconds that a contract lasts at least, so that its end comes after its start."""

Columns = dict[str, NDArray[np.float64] | NDArray[np.int64]]
"""Column name to values of one table: times int64 (`NULL` for none), numbers float64 (NaN), text as int64 codes (-1).

A table without recording times may leave that column out.
"""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one source, rows in any order: when, when known, which kind, which values (n x width)."""

    customer: NDArray[np.int64]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    kind: NDArray[np.int64]
    values: NDArray[np.int64]


def to_fixed(values: NDArray[np.float64], scale: int) -> NDArray[np.int64]:
    """Numbers as integers of `1/scale`; what is missing, infinite or beyond the limit of its scale becomes `NULL`."""
    found: NDArray[np.int64] = all_fixed(values, scale, limit_of(scale))
    return found


def limit_of(scale: int) -> float:
    """The magnitude beyond which numbers of a scale are missing."""
    return MONEY_LIMIT if scale == MONEY_SCALE else LIMIT


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
    recorded = columns.get(schema.RECORDED_AT)
    return at if recorded is None else np.maximum(at, recorded).astype(np.int64, copy=False)


def _touchpoints(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    source = schema.TOUCHPOINTS
    at = columns[schema.OCCURRED_AT].astype(np.int64, copy=False)
    names = layout.values[source]
    kind = columns[schema.TOUCHPOINT].astype(np.int64, copy=False)
    unknown = layout.kinds[source, UNKNOWN_TOUCHPOINT]
    kind = np.where(kind < 0, unknown, kind)
    own = kind - (unknown - len(layout.vocabulary.touchpoints))
    values = np.empty((len(at), layout.widths[source]), dtype=np.int64)
    measures = len(layout.vocabulary.measures)
    for position, name in enumerate(names[: layout.raw[source]]):
        if position < measures:
            values[:, position] = to_fixed(columns[name].astype(np.float64, copy=False), MEASURE_SCALE)
        else:
            values[:, position] = _raw(columns, name)
        if name in layout.places:
            values[:, position] = np.where(values[:, position] == NULL, layout.places[name][own], values[:, position])
    if not layout.raw[source]:
        values[:, 0] = NULL
    if layout.computed:
        # What is computed of a measure is computed of what the kernel sees: equal integers have equal quality.
        read = values[:, :measures]
        layout.judge.fill(np.where(read == NULL, np.nan, read / MEASURE_SCALE), own, values, layout.raw[source])
    return Events(customer, at, _known(at, columns), kind, values)


def _raw(columns: Columns, name: str) -> NDArray[np.int64]:
    """A column of codes, or of whole numbers, as it is read."""
    values = columns[name]
    if values.dtype == np.float64:
        return to_fixed(values.astype(np.float64, copy=False), MEASURE_SCALE)
    return np.where(values < 0, NULL, values).astype(np.int64)


def _surveys(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    """Each answer; a question without a score was asked and not answered."""
    source = schema.SURVEYS
    at = columns[schema.ANSWERED_AT].astype(np.int64, copy=False)
    score = columns[schema.SCORE].astype(np.float64, copy=False)
    values = np.column_stack(
        [to_fixed(score, MEASURE_SCALE), *(_raw(columns, name) for name in layout.values[source][1:])]
    )
    kind = columns[schema.METRIC].astype(np.int64, copy=False)
    kind = np.where(kind < 0, layout.kinds[source, UNKNOWN_TOUCHPOINT], kind)
    kind = np.where(np.isnan(score), layout.kinds[source, UNANSWERED], kind)
    return Events(customer, at, _known(at, columns), kind, values)


def _transactions(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    source = schema.TRANSACTIONS
    at = columns[schema.OCCURRED_AT].astype(np.int64, copy=False)
    width = layout.widths[source]
    values = np.empty((len(at), width), dtype=np.int64)
    for position, name in enumerate(layout.values[source][:width]):
        if name == schema.CATEGORY:
            values[:, position] = _raw(columns, name)
        else:
            values[:, position] = to_fixed(
                columns[name].astype(np.float64, copy=False), layout.scales[source][position]
            )
    refund = layout.kinds[source, REFUND]
    payment = layout.kinds[source, PAYMENT]
    kind = np.where(columns[schema.AMOUNT] < 0, refund, payment).astype(np.int64)
    return Events(customer, at, _known(at, columns), kind, values)


def _subscriptions(columns: Columns, customer: NDArray[np.int64], layout: Layout) -> Events:
    """Each contract is a start and, once it is over, an end after it: an end in the future, and its reason, are not known yet."""
    started = columns[schema.STARTED_AT].astype(np.int64, copy=False)
    ended = columns[schema.ENDED_AT].astype(np.int64, copy=False)
    over = ended != NULL
    # No contract ends before it starts: it would be open less than never, or make room for itself.
    ended = np.maximum(started + SHORTEST, ended)
    values = np.column_stack(
        [
            to_fixed(columns[schema.MONTHLY_FEE].astype(np.float64, copy=False), MONEY_SCALE),
            _raw(columns, schema.PLAN),
            *(
                _raw(columns, name)
                for name in layout.values[schema.SUBSCRIPTIONS][2 : layout.widths[schema.SUBSCRIPTIONS]]
            ),
        ]
    )
    at = np.concatenate([started, ended[over]])
    known, recorded = at, columns.get(schema.RECORDED_AT)
    if recorded is not None:
        known = np.maximum(at, np.concatenate([recorded, recorded[over]])).astype(np.int64, copy=False)
    start = layout.kinds[schema.SUBSCRIPTIONS, START]
    end = layout.kinds[schema.SUBSCRIPTIONS, END]
    kind = np.concatenate([np.full(len(started), start), np.full(int(over.sum()), end)]).astype(np.int64)
    ends = values[over]
    values[
        :, [place for place, name in enumerate(layout.values[schema.SUBSCRIPTIONS]) if name in schema.OF_THE_END]
    ] = NULL
    return Events(np.concatenate([customer, customer[over]]), at, known, kind, np.concatenate([values, ends], axis=0))


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
