"""The order of a customer's events: total, whatever came first, also where thousands share one time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.order import order_events


def check(customer: np.ndarray, customers: int, at: np.ndarray, kind: np.ndarray, values: np.ndarray) -> None:
    """Compare with a sort by every key at once."""
    known = at + kind % 2
    order, starts = order_events(customer, customers, at, known, kind, values, values.shape[1])
    keys = (*reversed([values[:, j] for j in range(values.shape[1])]), known, kind, at, customer)
    expected = np.lexsort(keys)
    for column in (customer, at, kind, *values.T):
        np.testing.assert_array_equal(column[order], column[expected])
    np.testing.assert_array_equal(starts, np.searchsorted(customer[expected], np.arange(customers + 1)))


@pytest.mark.parametrize("span", [1, 40, 10**6], ids=["one time", "days", "hardly a tie"])
def test_a_customer_of_very_many_events(span: int) -> None:
    """A hundred thousand events of one customer are put in order, at one time as over many."""
    rng = np.random.default_rng(span)
    n = 100_000
    check(np.zeros(n, np.int64), 1, rng.integers(0, span, n), rng.integers(0, 3, n), rng.integers(0, 99, (n, 2)))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 120),
    st.integers(1, 4),
    st.sampled_from([1, 5, 30, 10**6, 10**15]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_any_events(n: int, customers: int, span: int, seed: int, far: bool) -> None:  # noqa: FBT001
    """Few or many, ties or none, before all time too: the order is that of a sort by all keys."""
    rng = np.random.default_rng(seed)
    at = rng.integers(-span, span, n)
    if far and n:
        at[0] = -(2**61)
    check(rng.integers(0, customers, n), customers, at, rng.integers(0, 3, n), rng.integers(0, 3, (n, 2)))
