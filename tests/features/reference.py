"""The features said again in the plainest Python, one line per aggregate: what the kernel is checked against."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from features.comments import LANGUAGES
from features.customer import Journey
from features.definition import ANY, Feature
from features.journey import Vocabulary
from features.schema import TABLES
from tests.features.reference_company import Company
from tests.features.reference_events import DAY, Event, seen
from tests.features.reference_turns import mark


def row(
    features: Sequence[Feature], journey: Journey, as_of: int, vocabulary: Vocabulary, company: Company | None = None
) -> list[float]:
    """Features of one customer at one moment; `company` knows everybody's journeys, for what looks at all of them."""
    events = {source: seen(source, journey, as_of, vocabulary) for source in TABLES}
    for source, known in events.items():
        mark(source, known, vocabulary)
    everybody = company or Company([], vocabulary)
    return [_value(View(feature, events, as_of, vocabulary, everybody)) for feature in features]


def _value(view: View) -> float:
    found = AGGREGATES[view.feature.aggregate](view)
    if found is None:
        return math.nan
    if isinstance(found, str):
        return float(categories(view.feature, view.vocabulary).index(found))
    return float(found)


def categories(feature: Feature, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The categories of a feature, whose places are its codes."""
    if feature.measure == "touchpoint":
        return vocabulary.touchpoints
    if feature.measure == "comment_language":
        return LANGUAGES
    return vocabulary.categories[f"{feature.source}.{feature.measure}"]


@dataclass
class View:
    """What an aggregate looks at: the feature's events in its window, in the window before, and over all time."""

    feature: Feature
    tables: dict[str, list[Event]]
    as_of: int
    vocabulary: Vocabulary
    everybody: Company

    def level(self, days: int | None) -> float:
        """The measure of the whole company."""
        return self.everybody.level(str(self.feature.measure), self.as_of, int(days or 0))

    @property
    def events(self) -> list[Event]:
        """Those of the feature's table."""
        return self.tables[self.feature.source]

    def of(self, kind: str, *, source: str | None = None, days: int | None = None) -> list[Event]:
        """Events of a kind, or that are it besides, in [as_of - days, as_of)."""
        days = days or self.feature.window_days
        width = math.inf if days is None else days * DAY
        return [
            event
            for event in self.tables[source or self.feature.source]
            if (kind in (ANY, event.kind) or kind in event.turns) and self.as_of - event.at <= width
        ]

    @property
    def now(self) -> list[Event]:
        """Those of the window."""
        return self.of(self.feature.kind)

    @property
    def before(self) -> list[Event]:
        """Those of the window before the window."""
        width = int(self.feature.window_days or 0)
        now = self.now
        return [event for event in self.of(self.feature.kind, days=2 * width) if event not in now]

    def numbers(self, events: list[Event] | None = None, name: str | None = None) -> list[Any]:
        """The measure of events, where they have it."""
        name = name or str(self.feature.measure)
        found = [event.values.get(name) for event in (self.now if events is None else events)]
        return [item for item in found if item is not None]

    def days_since(self, event: Event) -> float:
        """From an event to the moment."""
        return (self.as_of - event.at) / DAY

    def flags(self, word: str) -> list[bool]:
        """Of each encounter whether its measure was worse than usual, or within the promised level."""
        return self.numbers(name=f"{word}|{self.feature.measure}")

    @property
    def worst(self) -> Event | None:
        """The encounter of least quality in the window; of equally bad ones the latest."""
        having = [event for event in self.now if event.values["encounter_quality"] is not None]
        lowest = min((event.values["encounter_quality"] for event in having), default=None)
        return next((event for event in reversed(having) if event.values["encounter_quality"] == lowest), None)


def _mean(found: list[float]) -> float | None:
    return sum(found) / len(found) if found else None


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def _usual_gap(view: View) -> float | None:
    times = [event.at for event in view.now]
    return _mean([(b - a) / DAY for a, b in itertools.pairwise(times)])


def _gap_ratio(view: View) -> float | None:
    gap = _usual_gap(view)
    return view.days_since(view.now[-1]) / gap if gap else None


def _gap_score(view: View) -> float | None:
    gaps = view.numbers(name="time_between")
    if len(gaps) < 2 or max(gaps) == min(gaps):
        return None
    return (view.days_since(view.now[-1]) - statistics.mean(gaps)) / statistics.stdev(gaps)


def _trend(view: View) -> float | None:
    now, before = _mean(view.numbers()), _mean(view.numbers(view.before))
    return None if now is None or before is None else now - before


def _own_worse(view: View) -> float | None:
    usual = statistics.median(view.numbers(view.of(view.feature.kind, days=10**6)) or [0])
    return _mean([float(x < usual - 1e-9) for x in view.numbers()])


def _pace(view: View) -> float | None:
    short, long = int(view.feature.window_days or 0), int(view.feature.against_days or 0)
    recent, whole = view.of(view.feature.kind, days=short), view.of(view.feature.kind, days=long)
    return _ratio(len(recent) / short, len(whole) / long)


def _share(view: View) -> float | None:
    # What is a payment besides is a share of the payments; a refund is a share of all transactions.
    whole = "payment" if view.feature.source == "transactions" and view.feature.kind != "refund" else ANY
    return _ratio(len(view.now), len(view.of(whole)))


def _recovered(view: View) -> float | None:
    worst = view.worst
    if worst is None:
        return None
    return float(any(" (good)" in event.turns and event.at > worst.at for event in view.events))


def _relative(view: View) -> float | None:
    mine = _mean(view.numbers())
    return None if mine is None else mine - view.level(view.feature.window_days)


def _change(view: View) -> float | None:
    feature = view.feature
    short, long = view.level(feature.window_days), view.level(feature.against_days)
    return short - long if feature.measure == "encounter_quality" else _ratio(short, long)


def _company_pace(view: View) -> float | None:
    mine, feature = _pace(view), view.feature
    name = "encounters" if feature.source == "touchpoints" else "occasions"
    short, long = (
        view.everybody.level(name, view.as_of, int(days or 0)) for days in (feature.window_days, feature.against_days)
    )
    theirs = _ratio(short, long)
    return None if mine is None or theirs is None else _ratio(mine, theirs)


def _pick(place: int) -> Callable[[View], Any]:
    """The measure of the event at a place among those that have one."""

    def pick(view: View) -> Any:
        found = view.numbers()
        return found[place] if len(found) >= (place + 1 if place >= 0 else -place) else None

    return pick


def _current(view: View) -> Any:
    """Of the newest version, even where it is missing there."""
    return view.now[-1].values[str(view.feature.measure)] if view.now else None


AGGREGATES: dict[str, Callable[[View], Any]] = {
    "count": lambda v: len(v.now),
    "count_change": lambda v: len(v.now) - len(v.before),
    "recency": lambda v: v.days_since(v.now[-1]) if v.now else None,
    "age": lambda v: v.days_since(v.now[0]) if v.now else None,
    "sum": lambda v: sum(v.numbers()),
    "sum_change": lambda v: sum(v.numbers()) - sum(v.numbers(v.before)),
    "mean": lambda v: _mean(v.numbers()),
    "min": lambda v: min(v.numbers(), default=None),
    "max": lambda v: max(v.numbers(), default=None),
    "last": _pick(-1),
    "last_change": lambda v: v.numbers()[-1] - v.numbers()[-2] if len(v.numbers()) > 1 else None,
    "last_step": lambda v: (v.numbers(name="fee_step") or [None])[-1],
    "previous": _pick(-2),
    "spread": lambda v: statistics.stdev(v.numbers()) if len(v.numbers()) > 1 else None,
    "trend": _trend,
    "usual_gap": _usual_gap,
    "gap_ratio": _gap_ratio,
    "gap_score": _gap_score,
    "open_count": lambda v: len(v.of("start")) - len(v.of("end")),
    "open_sum": lambda v: sum(v.numbers(v.of("start"))) - sum(v.numbers(v.of("end"))),
    "current": _current,
    "current_category": _current,
    "last_category": _pick(-1),
    "first_category": _pick(0),
    "max_category": lambda v: max(v.numbers(), key=categories(v.feature, v.vocabulary).index, default=None),
    "worst_category": lambda v: v.worst and v.worst.values["touchpoint"],
    "count_value": lambda v: len(v.numbers()),
    "zeros": lambda v: len([x for x in v.numbers() if x == 0]),
    "range": lambda v: max(v.numbers()) - min(v.numbers()) if v.numbers() else None,
    "worse_share": lambda v: _mean(v.flags("worse")),
    "within_share": lambda v: _mean(v.flags("within")),
    "own_worse_share": _own_worse,
    "repeats": lambda v: len(v.of(f" (repeat) {v.feature.kind}")),
    "repeat_share": lambda v: _ratio(len(v.of(f" (repeat) {v.feature.kind}")), len(v.now)),
    "worst_age": lambda v: v.days_since(v.worst) if v.worst else None,
    "recovered": _recovered,
    "distinct": lambda v: len(set(v.numbers())),
    "pace": _pace,
    "share": _share,
    "money_share": lambda v: _ratio(abs(sum(v.numbers())), sum(v.numbers(v.of("payment")))),
    "per_occasion": lambda v: _ratio(sum(v.numbers()), len(v.of("occasion"))) if v.now else None,
    "lines_per_occasion": lambda v: _ratio(len(v.now), len(v.of("occasion"))),
    "per_payment": lambda v: _ratio(sum(v.numbers()), sum(v.numbers(v.of("payment", source="transactions"), "amount"))),
    "anniversary": lambda v: 365 - v.days_since(v.now[-1]) % 365 if v.now else None,
    "company_change": _change,
    "company_pace": _company_pace,
    "company_relative": _relative,
}
"""One line per aggregate of `features.definition`."""
