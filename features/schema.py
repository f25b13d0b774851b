"""The canonical tables: every column name is spelt here, once.

Times are UTC microseconds since 1970 (int64) inside, ids and categories text, numbers float64 until the kernel's host turns
them into integers (see `features.encode`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CUSTOMER_ID: Final = "customer_id"
EVENT_ID: Final = "event_id"
RECORDED_AT: Final = "recorded_at"
OCCURRED_AT: Final = "occurred_at"
TOUCHPOINT: Final = "touchpoint"
CHANNEL: Final = "channel"
STAGE: Final = "stage"
DEPARTMENT: Final = "department"
COMMENT: Final = "comment"
ANSWERED_AT: Final = "answered_at"
METRIC: Final = "metric"
SCORE: Final = "score"
AMOUNT: Final = "amount"
MARGIN: Final = "margin"
CATEGORY: Final = "category"
QUANTITY: Final = "quantity"
STARTED_AT: Final = "started_at"
ENDED_AT: Final = "ended_at"
PLAN: Final = "plan"
MONTHLY_FEE: Final = "monthly_fee"
END_REASON: Final = "end_reason"
OF_THE_END: Final = frozenset({ENDED_AT, END_REASON})
"""Columns of a contract that are not known before it is over."""

CREATED_AT: Final = "created_at"
VALID_FROM: Final = "valid_from"

AS_OF: Final = "as_of"
LABEL: Final = "label"

CUSTOMERS: Final = "customers"
TOUCHPOINTS: Final = "touchpoints"
SURVEYS: Final = "surveys"
TRANSACTIONS: Final = "transactions"
SUBSCRIPTIONS: Final = "subscriptions"

MICROSECONDS_PER_DAY: Final = 86_400_000_000
NO_AS_OF: Final = 2**61
"""The as_of of a flat table, which has no times: later than any event, so that all that is known counts."""

Type = Literal["text", "time", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """A canonical column: its name, its type, whether the table cannot do without it, and a row may leave it blank nevertheless."""

    name: str
    type: Type
    required: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A canonical table. `time` is the column that says when a row happened; `customers` may have none."""

    name: str
    time: str | None
    columns: tuple[Column, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def types(self) -> dict[str, Type]:
        """Type of each canonical column."""
        return {column.name: column.type for column in self.columns}


_EVENT = (Column(RECORDED_AT, "time"), Column(EVENT_ID, "text"))

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            CUSTOMERS,
            None,
            (Column(CUSTOMER_ID, "text", True), Column(CREATED_AT, "time"), Column(VALID_FROM, "time")),
        ),
        Table(
            TOUCHPOINTS,
            OCCURRED_AT,
            (
                Column(CUSTOMER_ID, "text", True),
                Column(OCCURRED_AT, "time", True),
                Column(TOUCHPOINT, "text", True),
                Column(CHANNEL, "text"),
                Column(STAGE, "text"),
                Column(DEPARTMENT, "text"),
                Column(COMMENT, "text"),
                *_EVENT,
            ),
        ),
        Table(
            SURVEYS,
            ANSWERED_AT,
            (
                Column(CUSTOMER_ID, "text", True),
                Column(ANSWERED_AT, "time", True),
                Column(METRIC, "text", True),
                Column(SCORE, "number", True, blank=True),
                Column(COMMENT, "text"),
                Column(TOUCHPOINT, "text"),
                *_EVENT,
            ),
        ),
        Table(
            TRANSACTIONS,
            OCCURRED_AT,
            (
                Column(CUSTOMER_ID, "text", True),
                Column(OCCURRED_AT, "time", True),
                Column(AMOUNT, "number", True),
                Column(MARGIN, "number"),
                Column(CATEGORY, "text"),
                Column(QUANTITY, "number"),
                *_EVENT,
            ),
        ),
        Table(
            SUBSCRIPTIONS,
            STARTED_AT,
            (
                Column(CUSTOMER_ID, "text", True),
                Column(STARTED_AT, "time", True),
                Column(ENDED_AT, "time"),
                Column(PLAN, "text"),
                Column(MONTHLY_FEE, "number"),
                Column(END_REASON, "text"),
                *_EVENT,
            ),
        ),
    )
}
