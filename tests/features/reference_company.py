"""The whole company at a moment, in the plainest Python: everybody's rows, day by day."""

from __future__ import annotations

import math
from collections.abc import Sequence

from features.customer import Journey
from features.journey import Vocabulary
from tests.features.reference_events import DAY, Event, seen

_NEVER = 2**60

Line = tuple[int, str, str, Event]


class Company:
    """Everybody's journeys: what was known of the whole company at which moment."""

    def __init__(self, company: Sequence[Journey], vocabulary: Vocabulary) -> None:
        # The calendar knows of encounters and transactions, on the day on which they became known.
        self.lines: list[Line] = [
            (event.known // DAY, person.customer_id, source, event)
            for person in company
            for source in ("touchpoints", "transactions")
            for event in seen(source, person, _NEVER, vocabulary)
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
        last = max(line[0] for line in over)
        lines = [line for line in over if last - days < line[0] and _counts(name, line[2], line[3])]
        window = [event for _, _, _, event in lines]
        if name == "encounter_quality":
            return _mean_of([event.values[name] for event in window if event.values[name] is not None])
        if name == "price":
            pieces = sum(event.values["quantity"] for event in window)
            return sum(event.values["amount"] for event in window) / pieces if pieces else math.nan
        # Payments of one customer that became known on one day are one occasion.
        number = len({line[:2] for line in lines}) if name == "occasions" else len(lines)
        return number / days


def _mean_of(found: list[float]) -> float:
    return sum(found) / len(found) if found else math.nan


def _counts(name: str, source: str, event: Event) -> bool:
    """Whether an event is one of those that a level is made of."""
    if name in {"occasions", "price"}:
        if event.kind != "payment" or event.values["amount"] is None:
            return False
        # Only a payment that tells its pieces has a price.
        return name == "occasions" or (event.values["quantity"] or 0) > 0
    return source == "touchpoints"
