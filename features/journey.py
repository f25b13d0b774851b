"""The journey vocabulary: which touchpoints, measures and categories a company has.

It is learnt from the training period, frozen into every bundle, and read again at scoring time, so that a kind or a category
that was not there in training is counted and warned about instead of shifting the meaning of a column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from features import schema

UNKNOWN_TOUCHPOINT: Final = "(unknown)"
"""Stands for every touchpoint kind that training did not see; such events count in totals only."""

ABOUT_ENCOUNTER: Final = "_encounter"
"""Suffix of the metric of a transactional answer (one about a single encounter), which is never mixed with the relationship's."""

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
    """What a bundle must remember of a measure: unit, side, effort, and the middle value that emotion is counted from."""

    unit: str
    better: Literal["higher", "lower"]
    effort: Literal["time", "money", "emotion"] | None = None
    median: float = 0.0


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
        Survey metrics, sorted; a transactional one carries the suffix `ABOUT_ENCOUNTER`.
    attributes
        Attribute to ``number`` or ``category``, sorted by name.
    categories
        ``table.column`` to its categories in code order.
    columns
        Table to the optional columns that hold anything.
    """

    tables: tuple[str, ...] = ()
    touchpoints: tuple[str, ...] = ()
    measures: dict[str, MeasureInfo] = field(default_factory=dict)
    measured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    attributes: dict[str, Literal["number", "category"]] = field(default_factory=dict)
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, table: str, column: str) -> bool:
        """Whether an optional column of a table holds anything."""
        return column in self.columns.get(table, ())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "tables": list(self.tables),
            "touchpoints": list(self.touchpoints),
            "measures": {
                name: {"unit": m.unit, "better": m.better, "effort": m.effort, "median": m.median}
                for name, m in self.measures.items()
            },
            "measured": {kind: list(names) for kind, names in self.measured.items()},
            "metrics": list(self.metrics),
            "attributes": dict(self.attributes),
            "categories": {name: list(values) for name, values in self.categories.items()},
            "columns": {table: list(names) for table, names in self.columns.items()},
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
        )


def survey_metric(metric: str, about: str | None) -> str:
    """The metric under which an answer is counted: its own, or apart when it is about one encounter."""
    return f"{metric}{ABOUT_ENCOUNTER}" if about and metric == "nps" else metric


PAYMENT: Final = "payment"
REFUND: Final = "refund"
START: Final = "start"
END: Final = "end"
VERSION: Final = "version"
CREATED: Final = "created"

FIXED_KINDS: Final[dict[str, tuple[str, ...]]] = {
    schema.TRANSACTIONS: (PAYMENT, REFUND),
    schema.SUBSCRIPTIONS: (START, END),
    schema.CUSTOMERS: (VERSION, CREATED),
}
