"""Sums are exact integers: where one customer's could leave 64 bits, that is said instead of a number that is wrong."""

from __future__ import annotations

import pytest

from configs.errors import DataError
from features.customer import Journey
from features.encode import LIMIT, MONEY_LIMIT
from features.online import Online
from features.schema import MICROSECONDS_PER_DAY as DAY
from tests.features.strategies import CATALOG

ONLINE = Online(CATALOG)


def paid(amount: float, count: int) -> Journey:
    """A customer with so many payments of one amount."""
    return Journey("c", {"transactions": {"occurred_at": [DAY] * count, "amount": [amount] * count}})


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("amount", "count"), [(MONEY_LIMIT, 900), (9e8, 900_000)], ids=["large", "many"])
def test_large_sums_are_exact(amount: float, count: int, sign: int) -> None:
    """Rials and dongs: nine hundred times the largest amount, or nearly a million large ones, add up to the unit."""
    row = ONLINE.row(paid(sign * amount, count), 2 * DAY)
    if sign > 0:
        assert row[CATALOG.index("transactions__payment__amount__sum_2d")] == amount * count
    assert row[CATALOG.index("transactions__refund__count_10d")] == (0 if sign > 0 else count)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_beyond_64_bits_is_refused(sign: int) -> None:
    """A thousand of the largest amounts would come out with the other sign: refused by name, with the next move."""
    with pytest.raises(DataError, match="'amount' of one customer adds up to 1e") as caught:
        ONLINE.row(paid(sign * MONEY_LIMIT, 1000), 2 * DAY)
    assert caught.value.where == "transactions.amount"
    assert "larger unit" in str(caught.value.next_move)


def test_measures_are_refused_alike() -> None:
    """Ten thousand waits at the limit are more than 64 bits hold; so is the effort of two measures, earlier."""
    count = 10_000
    calls = {"occurred_at": [DAY] * count, "touchpoint": ["call"] * count, "m_wait": [LIMIT] * count}
    with pytest.raises(DataError, match="'wait' of one customer adds up"):
        ONLINE.row(Journey("c", {"touchpoints": calls}), 2 * DAY)
    half = {name: values[: count // 2] for name, values in calls.items()}
    assert (
        ONLINE.row(Journey("c", {"touchpoints": half}), 2 * DAY)[CATALOG.index("call__wait__sum_2d")] == LIMIT * 5_000
    )
    with pytest.raises(DataError, match="'effort_time' of one customer adds up"):
        ONLINE.row(Journey("c", {"touchpoints": {**half, "m_ride": [LIMIT // 60] * (count // 2)}}), 2 * DAY)


def test_what_is_missing_adds_nothing() -> None:
    """Many events without the value are no large sum."""
    count = 20_000
    calls = {"occurred_at": [DAY] * count, "touchpoint": ["call"] * count, "m_wait": [2 * LIMIT] * count}
    assert ONLINE.row(Journey("c", {"touchpoints": calls}), 2 * DAY)[CATALOG.index("call__wait__sum_2d")] == 0
