"""A feature is a value: source, kind, measure, aggregate, window. Everything else about it follows from these parts.

Its name, meaning, unit, driver, role and what it says of an empty window are computed, never typed; so two features with the
same parts are the same feature, and a stored feature can be checked against today's definition by its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from features.journey import TURN_EVENTS
from features.schema import AS_OF, CUSTOMER_ID, LABEL

Source = Literal["touchpoints", "surveys", "transactions", "subscriptions", "customers", "company"]
Role = Literal["touchpoint", "control", "voice", "overall"]

# Raised when what an aggregate computes changes, so that bundles made before refuse instead of mispredicting.
DEFINITION_VERSION: Final = 3

ANY: Final = " any"
"""The kind that stands for every event of a source; the space keeps it apart from all data (see `features.journey`)."""


_DIMENSIONS: Final = {
    "count": "frequency",
    "count_change": "frequency",
    "open_count": "frequency",
    "share": "frequency",
    "pace": "frequency",
    "company_pace": "frequency",
    "lines_per_occasion": "frequency",
    "repeats": "repeats",
    "repeat_share": "repeats",
}
"""What a feature without a measure looks at; the others tell how lately."""

_OWN_COLUMNS: Final = frozenset({CUSTOMER_ID, AS_OF, LABEL})


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How a window of events becomes one number.

    Events without the measure do not count: the last wait is that of the last encounter with one. Of what holds now (`current`)
    it is the newest version, even where that leaves it open. `distinct` tells 63 values apart.
    `empty` is what a window without events gives: ``zero`` where nothing is a quantity, ``missing`` where it is unknown.
    `unit` is the result's unit; ``None`` takes over the measure's own.
    """

    name: str
    meaning: str
    empty: Literal["zero", "missing"]
    unit: str | None = None
    category: bool = False


AGGREGATES: Final[dict[str, Aggregate]] = {
    item.name: item
    for item in (
        Aggregate("count", "number of {events}{window}", "zero", "number"),
        Aggregate("count_change", "number of {events}{window} minus the number in the window before", "zero", "number"),
        Aggregate("recency", "days since the last of {events}", "missing", "days"),
        Aggregate("age", "days since the first of {events}", "missing", "days"),
        Aggregate("sum", "total {measure} of {events}{window}", "zero"),
        Aggregate("sum_change", "total {measure} of {events}{window} minus the total in the window before", "zero"),
        Aggregate("mean", "mean {measure} of {events}{window}", "missing"),
        Aggregate("min", "lowest {measure} of {events}{window}", "missing"),
        Aggregate("max", "highest {measure} of {events}{window}", "missing"),
        Aggregate("last", "{measure} at the last of {events}", "missing"),
        Aggregate("last_change", "{measure} at the last of {events} minus that at the one before", "missing"),
        Aggregate(
            "last_step",
            "{measure} at the last of {events} that followed another, minus that of the one it followed",
            "missing",
        ),
        Aggregate("spread", "standard deviation of {measure} over {events}{window}", "missing"),
        Aggregate("trend", "mean {measure} of {events}{window} minus the mean in the window before", "missing"),
        Aggregate("usual_gap", "mean days between {events}", "missing", "days"),
        Aggregate("gap_ratio", "days since the last of {events} in units of the usual gap", "missing", "ratio"),
        Aggregate("open_count", "number of {events} started and not ended", "zero", "number"),
        Aggregate("open_sum", "total {measure} of {events} started and not ended", "zero"),
        Aggregate("current", "{measure}", "missing"),
        Aggregate("current_category", "{measure}", "missing", "category", category=True),
        Aggregate("last_category", "{measure} at the last of {events}", "missing", "category", category=True),
        Aggregate("first_category", "{measure} at the first of {events}", "missing", "category", category=True),
        Aggregate("max_category", "furthest {measure} among {events}{window}", "missing", "category", category=True),
        Aggregate("worst_category", "{measure} of the worst of {events}{window}", "missing", "category", category=True),
        Aggregate("previous", "{measure} at the one before the last of {events}", "missing"),
        Aggregate("count_value", "number of {events}{window} with {measure}", "zero", "number"),
        Aggregate("zeros", "number of {events}{window} whose {measure} was no", "zero", "number"),
        Aggregate("range", "highest minus lowest {measure} of {events}{window}", "missing"),
        Aggregate(
            "worse_share", "share of {events}{window} whose {measure} was worse than usual here", "missing", "share"
        ),
        Aggregate(
            "own_worse_share",
            "share of {events}{window} whose {measure} was worse than usual for the customer",
            "missing",
            "share",
        ),
        Aggregate(
            "within_share", "share of {events}{window} whose {measure} kept the promised level", "missing", "share"
        ),
        Aggregate("repeats", "number of {events}{window} within 7 days after one of the same kind", "zero", "number"),
        Aggregate(
            "repeat_share", "share of {events}{window} within 7 days after one of the same kind", "missing", "share"
        ),
        Aggregate("worst_age", "days since the worst {measure} of {events}{window}", "missing", "days"),
        Aggregate(
            "recovered", "whether a good one followed the worst {measure} of {events}{window}", "missing", "flag"
        ),
        Aggregate("distinct", "number of different values of {measure} among {events}{window}", "zero", "number"),
        Aggregate(
            "pace", "rate of {events}{window} in units of the rate over the last {against} days", "missing", "ratio"
        ),
        Aggregate(
            "gap_score",
            "days since the last of {events} against their usual gap, in its standard deviations",
            "missing",
            "ratio",
        ),
        Aggregate("share", "share of {events} among all{window}", "missing", "share"),
        Aggregate("money_share", "share of {events} in the amount paid{window}", "missing", "share"),
        Aggregate("per_occasion", "{measure} per purchase occasion{window}", "missing"),
        Aggregate("lines_per_occasion", "number of {events} per purchase occasion{window}", "missing", "number"),
        Aggregate("per_payment", "{measure} of {events}{window} in units of the amount paid", "missing", "ratio"),
        Aggregate("anniversary", "days until the next anniversary of the last of {events}", "missing", "days"),
        Aggregate(
            "company_change",
            "{measure} of the whole company{window} against the last {against} days (a difference of qualities, a ratio of prices)",
            "missing",
        ),
        Aggregate(
            "company_pace",
            "rate of {events}{window} in units of the rate over the last {against} days, over the same of the whole company",
            "missing",
            "ratio",
        ),
        Aggregate("company_relative", "mean {measure} of {events}{window} minus that of the whole company", "missing"),
    )
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a training set.

    Parameters
    ----------
    family
        The module of `features.families` it comes from.
    source
        The canonical table whose events it reads.
    kind
        Which events: a touchpoint, a survey metric, ``payment``/``refund``, ``start``/``end``; `ANY` for all.
    measure
        The value column that is aggregated; ``None`` where events are counted or timed.
    aggregate
        A key of `AGGREGATES`.
    window_days
        Length of the window ``[as_of - window, as_of)`` in days; ``None`` for all that is known.
    measure_unit
        Unit of the measure.
    better
        Whether a higher or a lower value of the measure is better for the customer; ``None`` if it has no side.
    control
        The group of control features it belongs to (price, tenure, ...); ``None`` for a touchpoint's own.
    role
        What the feature may be used for: a touchpoint's block, a control, voice (earlier answers, which carry earlier
        encounters and so stay out of driver models) or overall (totals over touchpoints, likewise).
    against_days
        The longer window that a pace or a level is compared with.
    """

    family: str
    source: Source
    kind: str
    measure: str | None
    aggregate: str
    window_days: int | None = None
    measure_unit: str | None = None
    better: Literal["higher", "lower"] | None = None
    control: str | None = None
    role: Role = "control"
    against_days: int | None = None

    @property
    def name(self) -> str:
        """The column's name, made of the parts: ``support_call__wait__mean_90d``."""
        window = "" if self.window_days is None else f"_{self.window_days}d"
        parts: list[str] = []
        if self.source != "customers":
            # A touchpoint's own name comes first and alone; any other kind (a payment, a start) could be a touchpoint too.
            own = self.source == "touchpoints" and self.kind != ANY and self.role == "touchpoint"
            parts = [] if own else [self.source]
            parts += [self.kind] if self.kind != ANY else []
        elif self.kind != "version":
            parts = [self.kind]
        if self.measure is not None:
            # An attribute may be called as a column of the training set's own is.
            taken = self.source == "customers" and plain(self.measure) in _OWN_COLUMNS
            parts += ["attribute", self.measure] if taken else [self.measure]
        if not self.aggregate.startswith("current"):
            parts.append(f"{self.aggregate}{window}")
        return "__".join(plain(part) for part in parts)

    @property
    def driver(self) -> str:
        """What the feature speaks for: its touchpoint, or its group of controls."""
        return self.kind if self.role == "touchpoint" else (self.control or self.role)

    @property
    def unit(self) -> str:
        """Unit of the column."""
        return AGGREGATES[self.aggregate].unit or self.measure_unit or "number"

    @property
    def dimension(self) -> str:
        """The side of the encounter it looks at: a measure, or how often and how lately it happened."""
        if self.measure is not None:
            return self.measure
        return _DIMENSIONS.get(self.aggregate, "recency")

    @property
    def category(self) -> bool:
        """Whether the column holds categories (text) rather than numbers."""
        return AGGREGATES[self.aggregate].category

    @property
    def empty(self) -> str:
        """What a window without events gives: ``zero`` or ``missing``."""
        return AGGREGATES[self.aggregate].empty

    @property
    def meaning(self) -> str:
        """One English sentence part that says what the number is."""
        events = {"touchpoints": "encounters", "customers": "versions"}.get(self.source, self.source)
        if self.kind in TURN_EVENTS:
            events = TURN_EVENTS[self.kind]
        elif self.kind != ANY:
            events = f"'{self.kind.strip()}' {events}"
        window = "" if self.window_days is None else f" in the last {self.window_days} days"
        return AGGREGATES[self.aggregate].meaning.format(
            events=events, window=window, measure=self.measure, against=self.against_days
        )

    @property
    def fingerprint(self) -> str:
        """First 16 hex digits of the sha256 over the parts and the definition's version."""
        content = json.dumps({**asdict(self), "version": DEFINITION_VERSION}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """The parts, for a bundle."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> Feature:
        """A feature from its parts."""
        return cls(**parts)


def plain(part: str) -> str:
    """A name that LightGBM, SQL and people take: white space and punctuation (any script's letters stay) to one underscore."""
    return re.sub(r"\W+", "_", part).strip("_") or "_"
