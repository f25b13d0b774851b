"""Properties of the kernel under hypothesis: edges, ties, nulls, empty windows, out-of-order and late events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog
from features.customer import Journey
from features.definition import AGGREGATES
from features.encode import LIMIT, Events, encode
from features.journey import TURN_EVENTS, MeasureInfo, Vocabulary
from features.online import Online
from features.part import features_of
from features.schema import MICROSECONDS_PER_DAY
from tests.features import reference
from tests.features.strategies import CATALOG, TIME, VOCABULARY, Row, dates, journey, moments, tables

ONLINE = Online(CATALOG)
DAY = MICROSECONDS_PER_DAY
Rows = dict[str, list[Row]]


def test_the_catalogue_under_test_holds_every_aggregate_and_turn() -> None:
    """What follows is about all that can be computed."""
    assert {feature.aggregate for feature in CATALOG.features} == set(AGGREGATES)
    assert {feature.kind for feature in CATALOG.features} >= set(TURN_EVENTS)


@settings(max_examples=150, deadline=None)
@given(tables, dates)
def test_every_feature_is_what_its_definition_says(rows: Rows, as_of: int) -> None:
    """Any journey, any moment: the kernel agrees with the plain reference."""
    person = journey(rows)
    expected = reference.row(CATALOG.features, person, as_of, VOCABULARY)
    for feature, value, plain in zip(CATALOG.features, ONLINE.row(person, as_of), expected, strict=True):
        np.testing.assert_allclose(value, plain, rtol=1e-6, atol=1e-5, err_msg=f"{feature.name}: {feature.meaning}")


@settings(max_examples=60, deadline=None)
@given(tables, dates, st.randoms())
def test_order_of_rows_and_columns_changes_no_bit(rows: Rows, as_of: int, random: Any) -> None:
    """However the rows come, ties included, every bit is the same."""
    first = ONLINE.row(journey(rows), as_of)
    for some in rows.values():
        random.shuffle(some)
        names = list(some[0]) if some else []
        random.shuffle(names)
        some[:] = [{name: row[name] for name in names} for row in some]
    assert first.tobytes() == ONLINE.row(journey(rows), as_of).tobytes()


@settings(max_examples=60, deadline=None)
@given(tables, tables, dates)
def test_the_future_changes_nothing(past: Rows, future: Rows, as_of: int) -> None:
    """Events that happen, or become known, at or after as_of leave every bit as it was, turns and made values too."""
    more = {}
    for name, rows in future.items():
        later = []
        for number, row in enumerate(rows):
            if name == "customers":
                created = None if row["created_at"] is None else as_of + abs(row["created_at"])
                later.append({**row, "created_at": created, "valid_from": as_of + abs(row["valid_from"] or 0)})
            elif number % 2:
                later.append({**row, TIME[name]: as_of + abs(row[TIME[name]])})
            else:
                later.append({**row, "recorded_at": as_of + abs(row["recorded_at"] or 0)})
        more[name] = later + past[name]
    assert ONLINE.row(journey(past), as_of).tobytes() == ONLINE.row(journey(more), as_of).tobytes()


@settings(max_examples=40, deadline=None)
@given(tables, dates, st.lists(st.integers(0, len(CATALOG.features) - 1), min_size=1, max_size=6, unique=True))
def test_a_part_of_the_catalogue_gives_the_same_bits(rows: Rows, as_of: int, places: list[int]) -> None:
    """A feature does not depend on which others are asked for, nor on their order."""
    some = Online(CATALOG.select([CATALOG.names[place] for place in places]))
    assert some.row(journey(rows), as_of).tobytes() == ONLINE.row(journey(rows), as_of)[places].tobytes()


@settings(max_examples=40, deadline=None)
@given(st.lists(tables, min_size=1, max_size=3), st.lists(moments, min_size=1, max_size=6), st.randoms())
def test_many_customers_and_dates_at_once_are_each_alone(people: list[Rows], asked: list[int], random: Any) -> None:
    """A part of the customers, each at many dates in any order, gives the bits of each of them at each date alone."""
    events = _events(people)
    lines = [(number, moment) for number in range(len(people)) for moment in asked]
    random.shuffle(lines)
    customer, as_of = np.array(lines, dtype=np.int64).T
    found = features_of(CATALOG, events, len(people), customer.copy(), as_of.copy())
    for line, (number, moment) in enumerate(lines):
        alone = ONLINE.row(journey(people[number]), moment)
        assert found[line].tobytes() == alone.tobytes(), (number, moment)


@settings(max_examples=30, deadline=None)
@given(tables, st.lists(moments, min_size=2, max_size=4))
def test_a_prepared_journey_can_be_asked_again(rows: Rows, asked: list[int]) -> None:
    """What was prepared once gives at each moment what the journey itself gives, whatever was asked before."""
    person = journey(rows)
    prepared = ONLINE.prepare(person)
    for moment in asked:
        assert ONLINE.at(prepared, moment).tobytes() == ONLINE.row(person, moment).tobytes()


@settings(max_examples=30, deadline=None)
@given(tables, dates)
def test_a_window_longer_than_history_holds_all_of_it(rows: Rows, as_of: int) -> None:
    """A window of a thousand years counts what is known at all, and no window of before it holds anything."""
    person = journey(rows)
    long = Catalog.of(VOCABULARY, (2, 5, 365_000))
    row = dict(zip(long.names, Online(long).row(person, as_of), strict=True))
    expected = reference.row(long.features, person, as_of, VOCABULARY)
    np.testing.assert_allclose(list(row.values()), expected, rtol=1e-6, atol=1e-5)
    some = row["touchpoints__recency"]
    assert (row["touchpoints__count_365000d"] > 0) == (not np.isnan(some))


def _events(people: list[Rows]) -> dict[str, Events]:
    """Everybody's events, one customer after the other."""
    found = {}
    for source in VOCABULARY.tables:
        parts = [(number, row) for number, rows in enumerate(people) for row in rows[source]]
        if parts:
            table = {key: [row[key] for _, row in parts] for key in parts[0][1]}
            columns = ONLINE._columns(source, table, len(parts))
            found[source] = encode(source, columns, np.array([number for number, _ in parts]), CATALOG.layout)
    return found


def test_sums_are_exact() -> None:
    """A million times ten cents is exactly a hundred thousand, where floats would drift."""
    count = 1_000_000
    table = {"occurred_at": [DAY] * count, "amount": [0.1] * count}
    row = ONLINE.row(Journey("c", {"transactions": table}), 2 * DAY)
    assert row[CATALOG.index("transactions__payment__amount__sum_2d")] == 100_000.0


@pytest.mark.parametrize("sign", [1, -1])
def test_measures_at_the_limit_add_up(sign: int) -> None:
    """Thousands of measures at the limit itself leave neither 64 bits nor their mean, and do not spread."""
    table = {"occurred_at": [DAY] * 9_000, "touchpoint": ["call"] * 9_000, "m_wait": [sign * LIMIT] * 9_000}
    row = ONLINE.row(Journey("c", {"touchpoints": table}), 2 * DAY)
    assert row[CATALOG.index("call__wait__sum_2d")] == sign * LIMIT * 9_000
    assert row[CATALOG.index("call__wait__mean_10d")] == sign * LIMIT
    assert row[CATALOG.index("call__wait__spread_10d")] == 0


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e300, float("nan"), None])
def test_what_cannot_be_a_measure_is_missing(value: float | None) -> None:
    """Infinite, huge and absent values do not count, in the quality of an encounter neither, and do not break the others."""
    table = {"occurred_at": [DAY, DAY], "touchpoint": ["call", "call"], "m_wait": [value, 4.0]}
    row = ONLINE.row(Journey("c", {"touchpoints": table}), 2 * DAY)
    assert row[CATALOG.index("call__wait__mean_10d")] == 4.0
    assert row[CATALOG.index("call__count_10d")] == 2.0
    assert row[CATALOG.index("touchpoints__encounter_quality__mean_10d")] == -0.5


def test_names_may_hold_any_sign() -> None:
    """A bar in a touchpoint's or a measure's name parts nothing: values, scales and flags are those of plain names."""
    odd = {"call": "a|b", "wait": "c|d"}
    plain, named = (
        Vocabulary(
            tables=("touchpoints",),
            touchpoints=(names["call"],),
            measures={names["wait"]: MeasureInfo("minutes", "lower", "time", 3.0, within=4.0)},
            measured={names["call"]: (names["wait"],)},
            usual={f"{names['call']}|{names['wait']}": (3.0, 2.0)},
        )
        for names in ({"call": "call", "wait": "wait"}, odd)
    )
    rows = [
        Online(Catalog.of(vocabulary, (2, 5))).row(
            Journey(
                "c",
                {
                    "touchpoints": {
                        "occurred_at": [DAY, 2 * DAY, 3 * DAY],
                        "touchpoint": list(vocabulary.touchpoints) * 3,
                        f"m_{next(iter(vocabulary.measures))}": [2.5, 4.0, 9.0],
                    }
                },
            ),
            4 * DAY,
        )
        for vocabulary in (plain, named)
    ]
    assert rows[0].tobytes() == rows[1].tobytes()


def test_very_many_dates_are_each_alone() -> None:
    """A customer at every hour of forty days: each row is what it is alone."""
    rng = np.random.default_rng(5)
    rows: Rows = {
        "touchpoints": [
            {"occurred_at": int(at) * DAY // 24, "touchpoint": kind, "m_tone": tone, "m_wait": 4.0}
            for at, kind, tone in zip(
                rng.integers(0, 960, 300), ["call", "bill", "visit"] * 100, rng.normal(size=300), strict=False
            )
        ],
        **{name: [] for name in ("surveys", "transactions", "subscriptions", "customers")},
    }
    hours = np.arange(960, dtype=np.int64) * DAY // 24
    found = features_of(CATALOG, _events([rows]), 1, np.zeros(960, dtype=np.int64), hours)
    person = journey(rows)
    for line in range(0, 960, 60):
        assert found[line].tobytes() == ONLINE.row(person, int(hours[line])).tobytes()


def test_different_values_are_counted_to_sixty_three() -> None:
    """As many channels as are told apart; those beyond are one more together."""
    names = tuple(f"{number:03d}" for number in range(100))
    vocabulary = Vocabulary(tables=("touchpoints",), touchpoints=("call",), categories={"touchpoints.channel": names})
    catalog = Catalog.of(vocabulary, (200,))
    place = catalog.index("touchpoints__channel__distinct_200d")
    for count, told in ((1, 1), (62, 62), (63, 63), (100, 63)):
        table = {"occurred_at": [DAY] * 100, "touchpoint": ["call"] * 100, "channel": list((names[:count] * 100)[:100])}
        assert Online(catalog).row(Journey("c", {"touchpoints": table}), 2 * DAY)[place] == told


def test_an_empty_catalogue_gives_rows_without_columns() -> None:
    """Nothing asked for is nothing computed, and no error."""
    nothing = Online(CATALOG.select([]))
    assert nothing.row(
        Journey("c", {"touchpoints": {"occurred_at": [DAY], "touchpoint": ["call"]}}), 2 * DAY
    ).shape == (0,)
    rows = features_of(nothing.catalog, {}, 2, np.array([0, 1]), np.array([DAY, DAY]))
    assert rows.shape == (2, 0)
