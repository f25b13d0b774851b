"""The journey vocabulary: which touchpoints, measures and categories a company has.

It is learnt from the training period, frozen into every bundle, and read again at scoring time, so that a kind or a category
that was not there in training is counted and warned about instead of shifting the meaning of a column.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from features import schema

# Texts of a company are trimmed wherever they come in, so that none begins with a space. All words of our own that stand beside
# kinds of a company's do: whatever its tables hold, "(unknown)" and "any" among them, nothing is mixed with what we call so.
UNKNOWN_TOUCHPOINT: Final = " (unknown)"
"""Stands for every touchpoint kind that training did not see; such events count in totals only."""

NPS_ABOUT_ENCOUNTER: Final = " nps_encounter"
"""The metric of a transactional NPS answer (one about a single encounter), which is never mixed with the relationship's."""

MAX_TOUCHPOINTS: Final = 100
"""Kinds of touchpoints with columns of their own; rarer ones count in the totals."""

MAX_METRICS: Final = 100
"""Survey metrics with columns of their own; rarer ones count in the totals. NPS always has them."""

MAX_CATEGORIES: Final = 200
"""Categories of one attribute; rarer ones are unseen."""

MAX_PRODUCTS: Final = 5_000
"""Categories of transactions: a shop's are its articles, of which the customer's new ones are told."""

METRIC_SQL: Final = f"CASE WHEN metric = 'nps' AND touchpoint IS NOT NULL THEN '{NPS_ABOUT_ENCOUNTER}' ELSE metric END"
"""The metric an answer is counted under as SQL; `survey_metric` says the same."""

# Effort in time is added up in minutes, whatever unit a measure has.
MINUTES_PER_UNIT: Final[dict[str, float]] = {
    "second": 1 / 60,
    "seconds": 1 / 60,
    "s": 1 / 60,
    "minute": 1.0,
    "minutes": 1.0,
    "min": 1.0,
    "hour": 60.0,
    "hours": 60.0,
    "h": 60.0,
    "day": 1440.0,
    "days": 1440.0,
    "d": 1440.0,
}


@dataclass(frozen=True, slots=True)
class MeasureInfo:
    """What a bundle remembers of a measure: unit, side, effort, the middle that emotion is counted from, the promised level."""

    unit: str
    better: Literal["higher", "lower"]
    effort: Literal["time", "money", "emotion"] | None = None
    median: float = 0.0
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a company's tables speak of.

    Parameters
    ----------
    tables
        The canonical tables that are there.
    touchpoints
        Kinds of encounters, sorted.
    measures
        Name of each measure to what it is, in the configuration's order.
    measured
        Touchpoint to the measures that it has data for.
    metrics
        Survey metrics, sorted; transactional NPS is `NPS_ABOUT_ENCOUNTER`.
    attributes
        Attribute to ``number`` or ``category``, sorted by name.
    categories
        ``table.column`` to its categories in code order.
    columns
        Table to the optional columns that hold anything.
    usual
        ``kind|measure`` to its usual value and the usual distance from it: what the quality of an encounter is counted from.
    places
        Touchpoint to its stage and department, where the configuration names them (empty: it does not).
    costs
        Touchpoint to what an encounter costs the company, where the configuration says so.
    sequences
        The most frequent short sequences of touchpoints, two or three in a row.
    prices
        Category of transactions to its usual and its premium price per piece; the empty name stands for those without one.
    """

    tables: tuple[str, ...] = ()
    touchpoints: tuple[str, ...] = ()
    measures: dict[str, MeasureInfo] = field(default_factory=dict)
    measured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    attributes: dict[str, Literal["number", "category"]] = field(default_factory=dict)
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    usual: dict[str, tuple[float, float]] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    sequences: tuple[tuple[str, ...], ...] = ()
    prices: dict[str, tuple[float, float]] = field(default_factory=dict)

    def has(self, table: str, column: str) -> bool:
        """Whether an optional column of a table holds anything."""
        return column in self.columns.get(table, ())

    @property
    def digest(self) -> str:
        """First 16 hex digits of the sha256 of all of it: under this name things that were read with it are kept."""
        content = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "tables": list(self.tables),
            "touchpoints": list(self.touchpoints),
            "measures": {
                name: {"unit": m.unit, "better": m.better, "effort": m.effort, "median": m.median, "within": m.within}
                for name, m in self.measures.items()
            },
            "measured": {kind: list(names) for kind, names in self.measured.items()},
            "metrics": list(self.metrics),
            "attributes": dict(self.attributes),
            "categories": {name: list(values) for name, values in self.categories.items()},
            "columns": {table: list(names) for table, names in self.columns.items()},
            "usual": {name: list(pair) for name, pair in self.usual.items()},
            "places": {name: list(pair) for name, pair in self.places.items()},
            "costs": dict(self.costs),
            "sequences": [list(kinds) for kinds in self.sequences],
            "prices": {name: list(pair) for name, pair in self.prices.items()},
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Vocabulary:
        """The inverse of `to_dict`."""
        return cls(
            tables=tuple(content["tables"]),
            touchpoints=tuple(content["touchpoints"]),
            measures={name: MeasureInfo(**parts) for name, parts in content["measures"].items()},
            measured={kind: tuple(names) for kind, names in content["measured"].items()},
            metrics=tuple(content["metrics"]),
            attributes=dict(content["attributes"]),
            categories={name: tuple(values) for name, values in content["categories"].items()},
            columns={table: tuple(names) for table, names in content["columns"].items()},
            usual={name: (float(pair[0]), float(pair[1])) for name, pair in content["usual"].items()},
            places={name: (str(pair[0]), str(pair[1])) for name, pair in content["places"].items()},
            costs={name: float(cost) for name, cost in content["costs"].items()},
            sequences=tuple(tuple(kinds) for kinds in content["sequences"]),
            prices={name: (float(pair[0]), float(pair[1])) for name, pair in content["prices"].items()},
        )


def survey_metric(metric: str, about: str | None) -> str:
    """The metric under which an answer is counted: its own, or apart when it is about one encounter."""
    return NPS_ABOUT_ENCOUNTER if about and metric == "nps" else metric


PAYMENT: Final = "payment"
REFUND: Final = "refund"
START: Final = "start"
END: Final = "end"
VERSION: Final = "version"
CREATED: Final = "created"

# Of what happens at one moment the order is this one: a contract makes room for the next before it starts.
FIXED_KINDS: Final[dict[str, tuple[str, ...]]] = {
    schema.TRANSACTIONS: (PAYMENT, REFUND),
    schema.SUBSCRIPTIONS: (END, START),
    schema.CUSTOMERS: (VERSION, CREATED),
}

UNANSWERED: Final = " (unanswered)"
"""A question that was asked and not answered, whatever its metric."""

# What an event can be besides its own kind (see `features.turns`).
REPEAT: Final = " (repeat) "
SWITCH: Final = " (channel switch)"
HANDOVER: Final = " (hand-over)"
LOOP_BACK: Final = " (step back)"
ENTRY: Final = " (stage entry)"
GOOD: Final = " (good)"
SEQUENCE: Final = " (sequence) "
THEN: Final = " then "
OCCASION: Final = "occasion"
FRESH: Final = "new category"
PREMIUM: Final = "premium"
DISCOUNT: Final = "discounted"
RISEN: Final = "price rise"
PLAN_CHANGE: Final = "plan change"
FEE_RISE: Final = "fee rise"
FEE_CUT: Final = "fee cut"
CHANGE: Final = "change"

TURNS: Final[dict[str, tuple[str, ...]]] = {
    schema.TOUCHPOINTS: (SWITCH, HANDOVER, LOOP_BACK, ENTRY, GOOD),
    schema.TRANSACTIONS: (OCCASION, FRESH, PREMIUM, DISCOUNT, RISEN),
    schema.SUBSCRIPTIONS: (PLAN_CHANGE, FEE_RISE, FEE_CUT),
    schema.CUSTOMERS: (CHANGE,),
}
"""The turns of each source, in the order in which the kernel's host hands over their codes."""

TURN_EVENTS: Final[dict[str, str]] = {
    SWITCH: "changes of the channel within 7 days",
    HANDOVER: "hand-overs to another department within 7 days",
    LOOP_BACK: "steps back to an earlier stage",
    ENTRY: "entries into another stage",
    GOOD: "encounters better than usual",
    UNANSWERED: "questions asked and not answered",
    OCCASION: "days with a payment",
    FRESH: "payments for a category that was new to the customer",
    PREMIUM: "payments at a premium price",
    DISCOUNT: "payments at a tenth or more below the usual price",
    RISEN: "payments at a higher price than the customer paid before",
    PLAN_CHANGE: "contracts that followed one of another plan",
    FEE_RISE: "contracts that followed one of a lower fee",
    FEE_CUT: "contracts that followed one of a higher fee",
    CHANGE: "changes of the customer's attributes",
}
"""How a turn is called in a feature's meaning."""


def sequence_kind(kinds: tuple[str, ...]) -> str:
    """The kind under which a sequence of touchpoints is counted."""
    return SEQUENCE + THEN.join(kinds)
