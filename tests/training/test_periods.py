"""What was known at a moment."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.training import made
from training.hazards import decode
from training.periods import first_window, periods


def test_a_moment_sees_only_periods_that_were_over() -> None:
    """What happened in a period that was not over is not known, though it had happened by then."""
    dataset = made.dataset(
        "survival", rows=5, dates=(made.at("2024-01-01"),), spec={"known_until": made.at("2024-12-01")}
    )
    dataset.label[:] = [0.0, 29.9, 30.0, 75.0, -90.0]
    known = periods(dataset)
    np.testing.assert_array_equal(known.event, [1, 1, 2, 3, 0])
    np.testing.assert_array_equal(known.over, [3] * 5)
    early = periods(dataset, made.at("2024-01-01") + 59 * made.DAY)
    np.testing.assert_array_equal(early.event, [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(early.over, [1] * 5)
    risk, hit = decode(early.code)
    np.testing.assert_array_equal(risk, [1] * 5)
    np.testing.assert_array_equal(hit, [True, True, False, False, False])
    assert first_window(dataset.spec) == 30 * made.DAY


@given(st.integers(0, 400))
def test_later_never_takes_back(day: int) -> None:
    """What was known at a moment stays so: the periods over grow, and what had happened is not undone."""
    dataset = made.dataset("survival", rows=200, dates=made.months(4), spec={"known_until": made.at("2024-12-01")})
    early, late = (periods(dataset, made.at("2024-01-01") + moment * made.DAY) for moment in (day, day + 20))
    assert (late.over >= early.over).all()
    np.testing.assert_array_equal(late.event[early.event > 0], early.event[early.event > 0])
