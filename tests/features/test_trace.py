"""What a score saw of a customer as numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from features.company import COLUMNS, Calendar
from features.customer import Journey
from features.journey import MeasureInfo, Vocabulary
from features.trace import calendar_hash, event_hashes, extra, only

VOCABULARY = Vocabulary(
    measures={"wait": MeasureInfo("minutes", "lower")}, attributes={"region": "category", "income": "number"}
)


def journey() -> Journey:
    """Two calls (one twice), an answer, a contract with its end, a customer in two versions."""
    return Journey(
        "c1",
        {
            "customers": {
                "created_at": [5, 5],
                "valid_from": [None, 50],
                "region": ["north", "south"],
                "income": [1.0, 2.0],
            },
            "touchpoints": {
                "occurred_at": [10, 20, 20, 30],
                "touchpoint": ["call", "visit", "visit", "call"],
                "recorded_at": [None, None, None, 70],
                "m_wait": [1.5, None, None, -0.0],
                "comment": ["  fine ", None, None, "x" * 100],
            },
            "surveys": {"answered_at": [40], "metric": ["nps"], "score": [9.0]},
            "subscriptions": {
                "started_at": [1, 1],
                "ended_at": [60, None],
                "plan": ["a", "a"],
                "monthly_fee": [5.0, 5.0],
            },
        },
    )


def shuffled(one: Journey) -> Journey:
    """The same rows in another order, with columns that no feature reads."""
    found: dict[str, dict[str, list[Any]]] = {}
    for name, columns in one.tables.items():
        order = list(range(len(next(iter(columns.values())))))
        random.Random(3).shuffle(order)
        found[name] = {key: [values[place] for place in order] for key, values in columns.items()}
        found[name]["event_id"] = [f"e{place}" for place in order]
    return Journey(one.customer_id, found)


def test_the_order_of_rows_is_no_matter() -> None:
    """Rows in another order, and with ids, give the same numbers; so do a missing column, -0.0 and spaces around a text."""
    one = journey()
    assert (event_hashes(one, 100, VOCABULARY) == event_hashes(shuffled(one), 100, VOCABULARY)).all()
    other = journey()
    other.tables["touchpoints"]["m_wait"][3] = 0.0
    other.tables["touchpoints"]["comment"][0] = "fine"
    other.tables["touchpoints"]["channel"] = [None] * 4
    assert (event_hashes(one, 100, VOCABULARY) == event_hashes(other, 100, VOCABULARY)).all()


def test_what_is_known_grows_with_the_moment() -> None:
    """Each event counts from the moment after it was known: a late record, the end of a contract, a version too."""
    one = journey()
    counts = [len(event_hashes(one, as_of, VOCABULARY)) for as_of in (0, 2, 6, 11, 21, 31, 41, 51, 61, 71)]
    # A version without a date is always known; two contracts, two creations, a call, two visits, an answer, ...
    assert counts == [1, 3, 5, 6, 8, 8, 9, 10, 11, 12]


def test_every_value_that_a_feature_reads_counts() -> None:
    """Another value in any cell that features read is another number."""
    one = event_hashes(journey(), 100, VOCABULARY)
    for table, column, value in (
        ("customers", "region", "west"),
        ("customers", "income", 1.5),
        ("touchpoints", "touchpoint", "bill"),
        ("touchpoints", "m_wait", 1.25),
        ("touchpoints", "comment", "good"),
        ("surveys", "score", None),
        ("subscriptions", "plan", "b"),
        ("subscriptions", "ended_at", 59),
    ):
        other = journey()
        other.tables[table][column][0] = value
        found = event_hashes(other, 100, VOCABULARY)
        assert extra(found, one) >= 1, column
        assert extra(one, found) == extra(found, one), column


def test_only_the_events_that_were_seen() -> None:
    """A journey cut to the numbers of an earlier one has these numbers again, repeated rows as often as they were there."""
    later = journey()
    for early in (0, 2, 6, 11, 21, 41, 61, 100):
        seen = event_hashes(later, early, VOCABULARY)
        assert extra(seen, event_hashes(later, 100, VOCABULARY)) == 0
        assert (event_hashes(only(later, 100, VOCABULARY, seen), 100, VOCABULARY) == seen).all(), early
    once = journey()
    for values in once.tables["touchpoints"].values():
        del values[1]
    seen = event_hashes(once, 100, VOCABULARY)
    assert extra(event_hashes(later, 100, VOCABULARY), seen) == 1
    assert (event_hashes(only(later, 100, VOCABULARY, seen), 100, VOCABULARY) == seen).all()


def test_a_customer_without_events() -> None:
    """Nobody's journey has no numbers, and nothing is left of a journey of which nothing was seen."""
    none = event_hashes(Journey("x"), 100, VOCABULARY)
    assert len(none) == 0
    assert only(journey(), 100, VOCABULARY, none).tables == {}


def test_a_calendar_has_a_number() -> None:
    """Two calendars with the same days have one number, another amount or another day gives another one."""
    until = np.array([10, 20, 30], dtype=np.int64)
    amounts = np.arange(3 * len(COLUMNS), dtype=np.int64).reshape(3, -1)
    calendar = Calendar(until, amounts)
    assert calendar_hash(calendar) == calendar_hash(Calendar.from_dict(calendar.to_dict()))
    others = [Calendar(until[:2], amounts[:2]), Calendar(until, amounts + 1), Calendar(until + 1, amounts), Calendar()]
    assert len({calendar_hash(other) for other in (calendar, *others)}) == 5
