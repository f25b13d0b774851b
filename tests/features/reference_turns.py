"""What an event is besides its own kind, in the plainest Python: each event looks back over all events before it."""

from __future__ import annotations

import itertools

from features.journey import Vocabulary, sequence_kind
from tests.features.reference_events import DAY, Event

REPEAT = 7 * DAY
SEQUENCE = 30 * DAY


def mark(source: str, events: list[Event], vocabulary: Vocabulary) -> None:
    """Write the turns of events, and the values that are made of events before them, into the events."""
    for place, event in enumerate(events):
        before = events[:place]
        if source == "touchpoints":
            _encounter(event, before, vocabulary)
        elif source == "transactions" and event.kind == "payment":
            _payment(event, [e for e in before if e.kind == "payment"], vocabulary)
        elif source == "subscriptions" and event.kind == "start":
            _start(event, before)
        elif source == "customers" and event.kind == "version":
            _version(event, [e for e in before if e.kind == "version"], vocabulary)


def _last(before: list[Event], name: str) -> Event | None:
    """The last of the events that have a value."""
    having = [event for event in before if event.values.get(name) is not None]
    return having[-1] if having else None


def _encounter(event: Event, before: list[Event], vocabulary: Vocabulary) -> None:
    values, at = event.values, event.at
    same = [e for e in before if e.kind == event.kind]
    values["time_between"] = (at - before[-1].at) / DAY if before else None
    values["time_between_same"] = (at - same[-1].at) / DAY if same else None
    if any(at - e.at <= REPEAT for e in same):
        event.turns.add(f" (repeat) {event.kind}")
    for name, turn in (("channel", " (channel switch)"), ("department", " (hand-over)")):
        other = _last(before, name)
        if values[name] is not None and other is not None:
            changed = values[name] != other.values[name]
            if changed and at - other.at <= REPEAT:
                event.turns.add(turn)
    if values["stage"] is not None:
        stages = vocabulary.categories["touchpoints.stage"]
        other = _last(before, "stage")
        if other is None or other.values["stage"] != values["stage"]:
            event.turns.add(" (stage entry)")
        if other is not None and stages.index(values["stage"]) < stages.index(other.values["stage"]):
            event.turns.add(" (step back)")
    if values["encounter_quality"] is not None and values["encounter_quality"] > 0:
        event.turns.add(" (good)")
    values["time_to_resolution"] = _resolution(event, same, vocabulary)
    for sequence in vocabulary.sequences:
        chain = [*before, event][-len(sequence) :]
        near = all(b.at - a.at <= SEQUENCE for a, b in itertools.pairwise(chain))
        if tuple(e.kind for e in chain) == sequence and near:
            event.turns.add(sequence_kind(sequence))


def _resolution(event: Event, same: list[Event], vocabulary: Vocabulary) -> float | None:
    """Days from the first encounter of the kind that was not resolved to this one, which resolved it; none at the first contact."""
    flags = [name for name, info in vocabulary.measures.items() if info.unit == "flag" and info.better == "higher"]
    if not flags or not event.values[flags[0]]:
        return None
    open_since = None
    for e in same:
        resolved = e.values[flags[0]]
        if resolved is None:
            continue
        if resolved:
            open_since = None
        elif open_since is None:
            open_since = e.at
    return 0.0 if open_since is None else (event.at - open_since) / DAY


def price(event: Event) -> float | None:
    """What was paid per piece; a payment that does not say how many is one piece."""
    amount, pieces = event.values["amount"], event.values["quantity"]
    if amount is None or (pieces is not None and pieces <= 0):
        return None
    # Money is exact to the ten-thousandth: compared as such, a tenth off is a tenth off.
    return float(round(amount / (1 if pieces is None else pieces), 9))


def _payment(event: Event, before: list[Event], vocabulary: Vocabulary) -> None:
    values = event.values
    values["time_between"] = None
    if all(e.at // DAY != event.at // DAY for e in before):
        event.turns.add("occasion")
        occasions = [e for e in before if "occasion" in e.turns]
        if occasions:
            values["time_between"] = (event.at - occasions[-1].at) / DAY
    category = values["category"]
    bought = [e for e in before if category is not None and e.values["category"] == category]
    if category is not None and not bought:
        event.turns.add("new category")
    paid = price(event)
    if paid is None:
        return
    usual, premium = vocabulary.prices.get(category or "", (0.0, 0.0))
    if premium and paid >= premium:
        event.turns.add("premium")
    if usual and paid <= round(0.9 * usual, 9):
        event.turns.add("discounted")
    paid_before = [p for p in map(price, bought) if p is not None]
    if paid_before and paid_before[-1] > 0 and paid > round(1.02 * paid_before[-1], 9):
        event.turns.add("price rise")


def _start(event: Event, before: list[Event]) -> None:
    values = event.values
    for name in ("plan", "monthly_fee"):
        # Contracts that ended, told it, and have not been followed by one that told it.
        followed = [e.follows[name] for e in before if name in e.follows]
        free = [
            e for e in before if e.kind == "end" and e.values[name] is not None and not any(e is f for f in followed)
        ]
        same = [e for e in free if e.values["plan"] == values["plan"] is not None]
        if free and values[name] is not None:
            event.follows[name] = (same or free)[-1]
    if "plan" in event.follows and event.follows["plan"].values["plan"] != values["plan"]:
        event.turns.add("plan change")
    if "monthly_fee" in event.follows:
        step = values["fee_step"] = round(values["monthly_fee"] - event.follows["monthly_fee"].values["monthly_fee"], 4)
        if step:
            event.turns.add("fee rise" if step > 0 else "fee cut")


def _version(event: Event, before: list[Event], vocabulary: Vocabulary) -> None:
    for name in vocabulary.attributes:
        other = _last(before, name)
        if other is not None and event.values[name] is not None and event.values[name] != other.values[name]:
            event.turns.add("change")
