"""Properties of the kernel under hypothesis: edges, ties, nulls, empty windows, out-of-order and late events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog
from features.customer import Journey
from features.journey import MeasureInfo, Vocabulary
from features.online import Online
from features.schema import MICROSECONDS_PER_DAY
from tests.features import reference

VOCABULARY = Vocabulary(
    tables=("customers", "touchpoints", "transactions"),
    touchpoints=("call", "visit"),
    measures={
        "wait": MeasureInfo("minutes", "lower", "time", 3.0),
        "tone": MeasureInfo("score", "higher", "emotion", 0.5),
    },
    measured={"call": ("wait", "tone"), "visit": ("tone",)},
    columns={"customers": ("created_at",), "transactions": ("margin", "quantity")},
)
CATALOG = Catalog.of(VOCABULARY, (2, 5, 10))
ONLINE = Online(CATALOG)
DAY = MICROSECONDS_PER_DAY

# Few distinct times, so that ties and exact edges are the rule and not the exception.
times = st.integers(0, 24).map(lambda n: n * DAY)
numbers = st.one_of(st.none(), st.integers(-50, 50).map(lambda n: n / 4))
touchpoint = st.fixed_dictionaries(
    {
        "occurred_at": times,
        "recorded_at": st.one_of(st.none(), times),
        "touchpoint": st.sampled_from(["call", "visit", "other"]),
        "m_wait": numbers,
        "m_tone": numbers,
    }
)
transaction = st.fixed_dictionaries(
    {
        "occurred_at": times,
        "recorded_at": st.one_of(st.none(), times),
        "amount": st.integers(-2000, 5000).map(lambda n: n / 100),
        "margin": numbers,
        "quantity": st.one_of(st.none(), st.integers(1, 5)),
    }
)


def journey(touchpoints: list[dict[str, object]], transactions: list[dict[str, object]]) -> Journey:
    """Rows to columns."""
    tables = {"touchpoints": touchpoints, "transactions": transactions, "customers": [{"created_at": 3 * DAY}]}
    return Journey(
        "c", {name: {key: [row[key] for row in rows] for key in rows[0]} for name, rows in tables.items() if rows}
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(touchpoint, max_size=12), st.lists(transaction, max_size=8), times)
def test_every_feature_is_what_its_definition_says(
    touchpoints: list[dict[str, object]], transactions: list[dict[str, object]], as_of: int
) -> None:
    """Any journey, any moment: the kernel agrees with the plain reference."""
    person = journey(touchpoints, transactions)
    row = ONLINE.row(person, as_of)
    expected = reference.row(CATALOG.features, person, as_of, VOCABULARY)
    for feature, value, plain in zip(CATALOG.features, row, expected, strict=True):
        np.testing.assert_allclose(value, plain, rtol=1e-6, atol=1e-5, err_msg=feature.name)


@settings(max_examples=100, deadline=None)
@given(st.lists(touchpoint, max_size=12), st.lists(transaction, max_size=8), times, st.randoms())
def test_order_of_rows_changes_no_bit(
    touchpoints: list[dict[str, object]], transactions: list[dict[str, object]], as_of: int, random: object
) -> None:
    """However the rows come, ties included, every bit is the same."""
    first = ONLINE.row(journey(touchpoints, transactions), as_of)
    random.shuffle(touchpoints)  # type: ignore[attr-defined]
    random.shuffle(transactions)  # type: ignore[attr-defined]
    assert first.tobytes() == ONLINE.row(journey(touchpoints, transactions), as_of).tobytes()


@settings(max_examples=100, deadline=None)
@given(st.lists(touchpoint, max_size=8), st.lists(touchpoint, min_size=1, max_size=8), times)
def test_the_future_changes_nothing(past: list[dict[str, object]], future: list[dict[str, object]], as_of: int) -> None:
    """Events that happen or become known at or after as_of leave every bit as it was."""
    late = []
    for number, event in enumerate(future):
        if number % 2:
            late.append({**event, "occurred_at": as_of + int(str(event["occurred_at"]))})
        else:
            late.append({**event, "recorded_at": as_of + int(str(event["occurred_at"]))})
    before = ONLINE.row(journey(past, []), as_of)
    assert before.tobytes() == ONLINE.row(journey(past + late, []), as_of).tobytes()


def test_sums_are_exact() -> None:
    """A million times ten cents is exactly a hundred thousand, where floats would drift."""
    count = 1_000_000
    table = {"occurred_at": [DAY] * count, "amount": [0.1] * count}
    row = ONLINE.row(Journey("c", {"transactions": table}), 2 * DAY)
    assert row[CATALOG.index("transactions__payment__amount__sum_2d")] == 100_000.0


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e300, float("nan"), None])
def test_what_cannot_be_a_measure_is_missing(value: float | None) -> None:
    """Infinite, huge and absent values do not count and do not break the others."""
    table = {"occurred_at": [DAY, DAY], "touchpoint": ["call", "call"], "m_wait": [value, 4.0]}
    row = ONLINE.row(Journey("c", {"touchpoints": table}), 2 * DAY)
    assert row[CATALOG.index("call__wait__mean_10d")] == 4.0
    assert row[CATALOG.index("call__count_10d")] == 2.0
