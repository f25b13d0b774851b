"""What an event is besides its own kind, one small story per rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.catalog import Catalog
from features.customer import Journey
from features.definition import ANY, Feature, Source
from features.journey import (
    CHANGE,
    DISCOUNT,
    ENTRY,
    FEE_CUT,
    FEE_RISE,
    FRESH,
    GOOD,
    HANDOVER,
    LOOP_BACK,
    OCCASION,
    PLAN_CHANGE,
    PREMIUM,
    REPEAT,
    RISEN,
    SWITCH,
    sequence_kind,
)
from features.online import Online
from features.schema import MICROSECONDS_PER_DAY as DAY
from tests.features.strategies import VOCABULARY

HOUR = DAY // 24
END = 400 * DAY


def computed(source: Source, kind: str, aggregate: str, measure: str | None, columns: dict[str, list[Any]]) -> float:
    """One feature of a customer with these rows of one table, a year later."""
    feature = Feature("test", source, kind, measure, aggregate)
    online = Online(Catalog((feature,), VOCABULARY))
    return float(online.row(Journey("c", {source: columns}), END)[0])


def encounters(kinds: str, days: list[float], **columns: list[Any]) -> dict[str, list[Any]]:
    """Encounters whose kinds are told by their first letters."""
    names = {"c": "call", "v": "visit", "b": "bill", "h": "hologram"}
    return {
        "touchpoint": [names[letter] for letter in kinds],
        "occurred_at": [int(day * DAY) for day in days],
        **columns,
    }


@pytest.mark.parametrize(
    ("turn", "rows", "expected"),
    [
        pytest.param(f"{REPEAT}call", encounters("ccc", [0, 7, 14.1]), 1, id="repeat: seven days to the microsecond"),
        pytest.param(f"{REPEAT}call", encounters("cvc", [0, 1, 2]), 1, id="repeat: others between do not matter"),
        pytest.param(f"{REPEAT}call", encounters("cc", [3, 3]), 1, id="repeat: of two at once one"),
        pytest.param(SWITCH, encounters("cc", [0, 7], channel=["web", "phone"]), 1, id="switch"),
        pytest.param(SWITCH, encounters("cc", [0, 8], channel=["web", "phone"]), 0, id="switch: too long ago"),
        pytest.param(SWITCH, encounters("ccc", [0, 1, 2], channel=["web", None, "phone"]), 1, id="switch: over a gap"),
        pytest.param(SWITCH, encounters("ccc", [0, 1, 2], channel=["web", "fax", "web"]), 0, id="switch: unseen"),
        pytest.param(HANDOVER, encounters("cv", [0, 1]), 1, id="hand-over: configured departments"),
        pytest.param(HANDOVER, encounters("cv", [0, 1], department=["shop", None]), 0, id="hand-over: the row's own"),
        pytest.param(ENTRY, encounters("vvcv", [0, 1, 2, 3]), 3, id="entry: the first counts"),
        pytest.param(LOOP_BACK, encounters("vvcv", [0, 1, 2, 3]), 1, id="step back"),
        pytest.param(LOOP_BACK, encounters("cbv", [0, 1, 900]), 0, id="step back: not after the moment"),
        pytest.param(GOOD, encounters("bbb", [0, 1, 2], m_fee=[1.0, 2.0, 3.0]), 1, id="good: better than usual"),
        pytest.param(sequence_kind(("call", "bill")), encounters("cb", [0, 30]), 1, id="two: thirty days"),
        pytest.param(sequence_kind(("call", "bill")), encounters("cb", [0, 31]), 0, id="two: too late"),
        pytest.param(
            sequence_kind(("call", "bill")), encounters("chb", [0, 1, 2]), 0, id="two: an unknown one between"
        ),
        pytest.param(sequence_kind(("call", "call")), encounters("ccc", [0, 1, 2]), 2, id="two: overlapping"),
        pytest.param(sequence_kind(("call", "call", "bill")), encounters("cccb", [0, 1, 2, 3]), 1, id="three"),
        pytest.param(
            sequence_kind(("call", "call", "bill")), encounters("ccb", [0, 31, 32]), 0, id="three: a long gap"
        ),
    ],
)
def test_turns_of_encounters(turn: str, rows: dict[str, list[Any]], expected: float) -> None:
    """Repeats, switches, hand-overs, stages, good ones and sequences are told as their definitions say."""
    assert computed("touchpoints", turn, "count", None, rows) == expected


def payments(days: list[float], amounts: list[float], **columns: list[Any]) -> dict[str, list[Any]]:
    """Payments and refunds."""
    return {"occurred_at": [int(day * DAY) for day in days], "amount": amounts, **columns}


BREAD, MILK = "bread", "milk"


@pytest.mark.parametrize(
    ("turn", "rows", "expected"),
    [
        pytest.param(OCCASION, payments([0, 0.9, 1], [1, 1, 1]), 2, id="occasion: lines of one day are one"),
        pytest.param(OCCASION, payments([0, 0.5], [-1, 1]), 1, id="occasion: a refund is none"),
        pytest.param(FRESH, payments([0, 1, 2], [1, 1, 1], category=[BREAD, BREAD, MILK]), 2, id="new category"),
        pytest.param(FRESH, payments([0, 1], [1, 1], category=[None, "caviar"]), 0, id="new category: not one unseen"),
        pytest.param(PREMIUM, payments([0, 1], [2.5, 2.49], category=[BREAD] * 2), 1, id="premium: from the price on"),
        pytest.param(PREMIUM, payments([0], [5.0], category=[BREAD], quantity=[2]), 1, id="premium: per piece"),
        pytest.param(PREMIUM, payments([0], [9.0], category=[MILK]), 0, id="premium: none where prices do not differ"),
        pytest.param(DISCOUNT, payments([0, 1], [1.8, 1.81], category=[BREAD] * 2), 1, id="discount: a tenth off"),
        pytest.param(DISCOUNT, payments([0], [3.6]), 1, id="discount: without a category"),
        pytest.param(RISEN, payments([0, 1], [2.0, 2.05], category=[BREAD] * 2), 1, id="rise: more than two per cent"),
        pytest.param(RISEN, payments([0, 1], [2.0, 2.04], category=[BREAD] * 2), 0, id="rise: two per cent is none"),
        pytest.param(RISEN, payments([0, 1], [2.0, 9.0], category=[BREAD, MILK]), 0, id="rise: of the same category"),
        pytest.param(RISEN, payments([0, 1], [0.0, 2.0], category=[BREAD] * 2), 0, id="rise: from nothing is none"),
    ],
)
def test_turns_of_transactions(turn: str, rows: dict[str, list[Any]], expected: float) -> None:
    """Occasions, new categories and prices are told as their definitions say."""
    assert computed("transactions", turn, "count", None, rows) == expected


Contract = tuple[float, float | None, str | None, float | None]


def contracts(*rows: Contract) -> dict[str, list[Any]]:
    """Contracts by first and last day, plan and fee."""
    first, last, plan, fee = (list(column) for column in zip(*rows, strict=True))
    return {
        "started_at": [int(day * DAY) for day in first],
        "ended_at": [None if day is None else int(day * DAY) for day in last],
        "plan": plan,
        "monthly_fee": fee,
    }


@pytest.mark.parametrize(
    ("turn", "plans", "fees", "expected"),
    [
        pytest.param(PLAN_CHANGE, ["basic", "plus", "plus"], [1, 1, 1], 1, id="plan"),
        pytest.param(PLAN_CHANGE, ["basic", None, "plus"], [1, 1, 1], 1, id="plan: over one that is not told"),
        pytest.param(PLAN_CHANGE, ["basic", "gold", "basic"], [1, 1, 1], 0, id="plan: unseen ones are not told"),
        pytest.param(FEE_RISE, ["basic"] * 3, [1, 2, 1], 1, id="rise"),
        pytest.param(FEE_CUT, ["basic"] * 3, [2, None, 1], 1, id="cut: over one without a fee"),
    ],
)
def test_turns_of_contracts(turn: str, plans: list[str | None], fees: list[float | None], expected: float) -> None:
    """One contract after the other: plan and fee are compared with the last that were told."""
    rows = {"started_at": [0, DAY, 2 * DAY], "ended_at": [DAY, 2 * DAY, None], "plan": plans, "monthly_fee": fees}
    assert computed("subscriptions", turn, "count", None, rows) == expected


@pytest.mark.parametrize(
    ("rows", "changes", "rises", "cuts"),
    [
        pytest.param(contracts((0, None, "basic", 10), (5, None, "plus", 20)), 0, 0, 0, id="side by side"),
        pytest.param(contracts((0, 9, "basic", 10), (5, None, "plus", 20)), 0, 0, 0, id="one ends while the next runs"),
        pytest.param(
            contracts((0, 5, "basic", 10), (5, None, "plus", 20)), 1, 1, 0, id="one ends where the next begins"
        ),
        pytest.param(contracts((0, 5, "plus", 20), (90, None, "basic", 10)), 1, 0, 1, id="after a gap"),
        pytest.param(
            contracts((0, 5, "basic", 10), (0, None, "plus", 20), (5, None, "basic", 12)), 0, 1, 0, id="beside one"
        ),
        pytest.param(
            contracts((0, 5, "basic", 10), (0, 5, "plus", 20), (5, None, "basic", 9), (5, None, "plus", 21)),
            *(0, 1, 1),
            id="two renewed at once, each of its plan",
        ),
        pytest.param(
            contracts((0, 5, "basic", 10), (6, None, "plus", 20), (7, None, "plus", 30)), 1, 1, 0, id="followed once"
        ),
        pytest.param(contracts((0, 5, "basic", 10), (5, 5, "plus", 20)), 1, 1, 0, id="none follows itself"),
        pytest.param(contracts((5, 0, "basic", 10), (5, None, "plus", 20)), 0, 0, 0, id="of no length, at one moment"),
    ],
)
def test_a_change_is_between_a_contract_and_the_one_it_follows(
    rows: dict[str, list[Any]], changes: float, rises: float, cuts: float
) -> None:
    """Contracts side by side are compared with no other; one that ended is followed once, by its own plan if there is one."""
    found = [computed("subscriptions", turn, "count", None, rows) for turn in (PLAN_CHANGE, FEE_RISE, FEE_CUT)]
    assert found == [changes, rises, cuts]


def test_the_last_step_of_the_fee_is_against_the_contract_that_was_followed() -> None:
    """A second line at thirty beside a renewal from ten to twelve: the fee rose by two, not by twenty."""
    rows = contracts((0, 5, "basic", 10), (5, None, "basic", 12), (6, None, "plus", 30))
    assert computed("subscriptions", "start", "last_step", "monthly_fee", rows) == 2
    alone = contracts((0, None, "basic", 10), (6, None, "plus", 30))
    assert np.isnan(computed("subscriptions", "start", "last_step", "monthly_fee", alone))


def test_an_end_that_is_not_known_yet_makes_no_room() -> None:
    """A contract recorded after the moment was never there: what starts after it follows none."""
    rows = {**contracts((0, 5, "basic", 10), (5, None, "plus", 20)), "recorded_at": [END, None]}
    assert computed("subscriptions", PLAN_CHANGE, "count", None, rows) == 0


@pytest.mark.parametrize(
    ("income", "region", "expected"),
    [
        pytest.param([1.0, 2.0, 3.0], [None] * 3, 2, id="every version says something new"),
        pytest.param([1.0, 2.0, 2.0], [None] * 3, 1, id="a version that says the same again is none"),
        pytest.param([0.0, -0.0, 0.0], ["north"] * 3, 0, id="one zero"),
        pytest.param([1.0, 2.0, 2.0], ["north", "south", "south"], 1, id="two attributes at once are one"),
        pytest.param([1.0, None, 1.0], [None] * 3, 0, id="a gap is none"),
        pytest.param([1.0, None, 2.0], [None] * 3, 1, id="over a gap"),
        pytest.param([None] * 3, ["north", "west", "north"], 0, id="unseen ones are not told"),
        pytest.param([None, 1.0, 1.0], ["north"] * 3, 0, id="what is told first is no change"),
    ],
)
def test_changes_are_versions_that_say_something_else(
    income: list[float | None], region: list[str | None], expected: float
) -> None:
    """A version counts where an attribute differs from what was told of it last."""
    rows = {"valid_from": [None, DAY, 5 * DAY], "income": income, "region": region}
    assert computed("customers", CHANGE, "count", None, rows) == expected


def test_the_last_change_is_the_last_version_that_said_something_else() -> None:
    """A version of day 5 that repeats the one of day 1 does not make the change any younger."""
    rows = {"valid_from": [None, DAY, 5 * DAY], "income": [1.0, 2.0, 2.0]}
    assert computed("customers", CHANGE, "recency", None, rows) == (END - DAY) / DAY


def test_gaps_between_encounters_and_between_those_of_one_kind() -> None:
    """Each encounter knows how long ago the one before was, and the one of its own kind."""
    rows = encounters("cvc", [0, 2, 6])
    assert computed("touchpoints", ANY, "last", "time_between", rows) == 4
    assert computed("touchpoints", "call", "last", "time_between_same", rows) == 6
    assert np.isnan(computed("touchpoints", "visit", "last", "time_between_same", rows))


def test_time_to_resolution_runs_from_the_first_that_was_not_resolved() -> None:
    """Open since day 1, asked again on day 3, solved on day 5: four days."""
    rows = encounters("cccv", [1, 3, 5, 7], m_solved=[0.0, 0.0, 1.0, 1.0])
    assert computed("touchpoints", "call", "mean", "time_to_resolution", rows) == 4
    assert computed("touchpoints", "call", "count_value", "time_to_resolution", rows) == 1


def test_what_is_solved_at_once_took_no_time() -> None:
    """Solved at the first contact on days 0 and 6, after four days on day 5: three times, of which two are zero."""
    rows = encounters("cccccc", [0, 1, 3, 5, 6, 7], m_solved=[1.0, 0.0, 0.0, 1.0, 1.0, None])
    assert computed("touchpoints", "call", "count_value", "time_to_resolution", rows) == 3
    assert computed("touchpoints", "call", "sum", "time_to_resolution", rows) == 4
    assert computed("touchpoints", "call", "min", "time_to_resolution", rows) == 0


def test_what_is_not_solved_or_not_told_has_no_time_to_resolution() -> None:
    """An open matter and an encounter that says nothing are missing, which zero is not."""
    rows = encounters("ccv", [0, 1, 2], m_solved=[None, 0.0, 1.0])
    assert np.isnan(computed("touchpoints", "call", "last", "time_to_resolution", rows))


def test_the_gap_of_occasions_is_from_day_to_day() -> None:
    """Several lines of a day make no gap; the first line of a day stands for it."""
    rows = payments([0.1, 0.2, 0.9, 3.1], [1.0] * 4)
    assert computed("transactions", OCCASION, "max", "time_between", rows) == pytest.approx(3)
    assert computed("transactions", OCCASION, "count_value", "time_between", rows) == 1


def test_what_is_not_known_yet_makes_no_turn() -> None:
    """A call that is recorded after the moment neither repeats nor is repeated."""
    rows = encounters("cc", [1, 2], recorded_at=[END, None])
    assert computed("touchpoints", f"{REPEAT}call", "count", None, rows) == 0
