from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.monitor.drift import WIDTH, Bins, Shift, count, index, q_values, shift


def counts(values: np.ndarray, bins: Bins) -> np.ndarray:
    return count((bins,), values[:, None], np.zeros(len(values), dtype=np.int64), 1)[0, 0]


def moved(before: np.ndarray, now: np.ndarray, *, category: bool = False, usual: float = 0.0) -> Shift:
    bins = Bins.of(before, category=category)
    return shift(counts(before, bins), counts(now, bins), (len(before), len(now)), usual)


def test_every_value_has_one_place() -> None:
    """Numbers between limits, on them and beyond them are counted once, and gaps apart from them."""
    bins = Bins((1.0, 2.0))
    assert bins.place(np.array([0.0, 1.0, 1.5, 2.0, 9.0, np.nan])).tolist() == [0, 0, 1, 1, 2, WIDTH]


def test_categories_have_places_by_their_code() -> None:
    """Categories have places of their own, whatever their counts; beyond the width they share them."""
    bins = Bins.of(np.array([0.0, 0.0, 3.0]), category=True)
    assert bins.place(np.array([0.0, 9.0, WIDTH - 1.0, WIDTH + 9.0, np.nan])).tolist() == [0, 9, WIDTH - 1, 9, WIDTH]


def test_a_column_without_values_is_no_fault() -> None:
    """A column that was always missing has one place, and values that come are counted there."""
    bins = Bins.of(np.full(50, np.nan))
    assert counts(np.array([np.nan, 3.0]), bins)[[0, WIDTH]].tolist() == [1, 1]


@pytest.mark.parametrize("sizes", [(2000, 300), (500, 500), (300, 5000)])
def test_alarms_without_change_are_as_rare_as_promised(sizes: tuple[int, int]) -> None:
    """Whatever the two sizes, the critical value is passed in one of twenty samples: numbers, counts, spikes, categories."""
    rng = np.random.default_rng(3)
    alarms = []
    for _ in range(150):
        one, two = (
            [rng.normal(size=n), rng.poisson(0.3, n) * 1.0, np.where(rng.random(n) < 0.9, 0.0, rng.exponential(size=n))]
            for n in sizes
        )
        alarms += [moved(a, b).p_value < 0.05 for a, b in zip(one, two, strict=True)]
        a, b = (rng.integers(0, 20, n) * 1.0 for n in sizes)
        alarms.append(moved(a, b, category=True).p_value < 0.05)
    assert 0.02 < np.mean(alarms) < 0.09


def test_the_alarm_depends_on_the_sizes() -> None:
    """The same index is noise among a hundred customers and a change among ten thousand; the fixed .1 is right for neither."""
    rng = np.random.default_rng(1)
    few = moved(rng.normal(size=2000), rng.normal(size=100))
    many = moved(rng.normal(size=20_000), rng.normal(size=10_000))
    assert few.critical(0.05) > 0.1 > 10 * many.critical(0.05)


def test_a_change_is_seen() -> None:
    """Half a standard deviation, a new zero and a new mix of categories pass any sensible level."""
    rng = np.random.default_rng(2)
    assert moved(rng.normal(size=1000), rng.normal(0.5, 1.0, 500)).p_value < 1e-6
    assert moved(np.zeros(1000), np.where(rng.random(500) < 0.3, 1.0, 0.0)).p_value < 1e-6
    assert moved(rng.integers(0, 3, 1000) * 1.0, rng.integers(1, 4, 500) * 1.0, category=True).p_value < 1e-6


def test_a_habit_is_no_alarm() -> None:
    """A column that always moves so far is held against that: what was an alarm without the habit is none with it."""
    rng = np.random.default_rng(4)
    before, now = rng.normal(size=3000), rng.normal(0.2, 1.0, 3000)
    assert moved(before, now).p_value < 1e-4
    assert moved(before, now, usual=0.06).p_value > 0.05
    assert moved(before, rng.normal(0.8, 1.0, 3000), usual=0.06).p_value < 1e-4


def test_critical_and_p_value_are_one_thing() -> None:
    """An index at the critical value has the level as its p-value, with a habit as without."""
    for usual in (0.0, 0.03):
        found = Shift(0.1, 9, 0.002, usual, 0.0, 0.0, 0.0, 1.0)
        law = stats.ncx2(9, usual / 0.002) if usual else stats.chi2(9)
        assert law.sf(found.critical(0.01) / found.scale) == pytest.approx(0.01)


def test_gaps_have_a_test_of_their_own() -> None:
    """More missing values are seen though the values that are there are alike; a gap as usual is none."""
    rng = np.random.default_rng(5)
    before, now = rng.normal(size=2000), rng.normal(size=1000)
    before[rng.random(2000) < 0.1], now[rng.random(1000) < 0.25] = np.nan, np.nan
    bins = Bins.of(before)
    found = shift(counts(before, bins), counts(now, bins), (2000, 1000))
    assert found.p_value > 0.001
    assert found.nulls_p < 1e-9
    assert found.nulls - found.nulls_before == pytest.approx(0.15, abs=0.04)
    assert shift(counts(before, bins), counts(now, bins), (2000, 1000), usual_nulls=0.2).nulls_p == 1.0


def test_rows_of_one_customer_count_as_one() -> None:
    """Five copies of each customer say no more than one: the alarm begins where it begins for the customers."""
    rng = np.random.default_rng(6)
    before, now = rng.normal(size=400), rng.normal(size=300)
    bins = Bins.of(before)
    once = shift(counts(before, bins), counts(now, bins), (400, 300))
    five = shift(counts(np.tile(before, 5), bins), counts(np.tile(now, 5), bins), (400, 300))
    assert five.critical(0.05) == pytest.approx(once.critical(0.05))
    assert five.p_value == pytest.approx(once.p_value)


def test_too_few_customers_say_nothing() -> None:
    """Below thirty customers there is no index and no alarm."""
    found = moved(np.arange(500.0), np.arange(10.0) + 900)
    assert (found.psi, found.p_value, found.critical(0.05)) == (None, 1.0, None)
    assert index(np.array([500.0, 0.0]), np.array([400.0, 0.0])) == (0.0, 0, pytest.approx(1 / 500 + 1 / 400))


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    """The known example of four p-values; none give none."""
    assert q_values([0.01, 0.04, 0.03, 0.2]).round(4).tolist() == [0.04, 0.0533, 0.0533, 0.2]
    assert q_values([]).tolist() == []
