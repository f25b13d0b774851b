"""The whole company at a moment, in the plainest Python: everybody's rows, day by day."""

from __future__ import annotations

import math
from collections.abc import Sequence

from features.customer import Journey
from features.journey import Vocabulary
from tests.features.reference_events import DAY, Event, seen

_NEVER = 2**60

Line = tuple[int, str, Event]


class Company:
    """Everybody's journeys: what was known of the whole company at which moment."""

    def __init__(self, company: Sequence[Journey], vocabulary: Vocabulary) -> None:
        # The calendar knows of encounters, transactions and contracts that ended, on the day on which they became known.
        self.lines: list[Line] = [
            (event.known // DAY, source, event)
            for person in company
            for source in ("touchpoints", "transactions", "subscriptions")
            for event in seen(source, person, _NEVER, vocabulary)
            if source != "subscriptions" or event.kind == "end"
        ]
        self._levels: dict[tuple[str, int, int], float] = {}

    def level(self, name: str, as_of: int, days: int) -> float:
        """Something per day, or per what it is counted in, over the last days that were over and known of."""
        key = name, as_of, days
        if key not in self._levels:
            self._levels[key] = self._level(name, as_of, days)
        return self._levels[key]

    def _level(self, name: str, as_of: int, days: int) -> float:
        over = [line for line in self.lines if (line[0] + 1) * DAY <= as_of]
        if not over:
            return math.nan
        first, last = min(line[0] for line in over), max(line[0] for line in over)
        window = [event for day, source, event in over if last - days < day and _counts(name, source, event)]
        if name == "encounter_quality":
            return _mean_of([event.values[name] for event in window if event.values[name] is not None])
        if name == "price":
            pieces = sum(max(0, event.values["quantity"] or 0) for event in window)
            return sum(event.values["amount"] for event in window) / pieces if pieces else math.nan
        return len(window) / (last - max(last - days, first - 1))


def _mean_of(found: list[float]) -> float:
    return sum(found) / len(found) if found else math.nan


def _counts(name: str, source: str, event: Event) -> bool:
    """Whether an event is one of those that a level is made of."""
    if name in {"payments", "price"}:
        return event.kind == "payment" and event.values["amount"] is not None
    return event.kind == "end" if name == "ends" else source == "touchpoints"
