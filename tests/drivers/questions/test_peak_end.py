"""Peaks and ends are found where they are planted; means, curves and totals are not mistaken for them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from drivers.questions.peak_end import PeakEnd, journeys, peak_end


def _world(
    seed: int, mean: float, worst: float, last: float, *, rows: int = 3000, shape: str = "line"
) -> tuple[np.ndarray, ...]:
    """Encounters and answers on {-100, 0, 100}; effects of the mean, the worst and the last encounter on a score."""
    rng = np.random.default_rng(seed)
    number = 1 + rng.poisson(4, rows)
    row = np.repeat(np.arange(rows), number)
    badness = (rng.gamma(2, 1, len(row)) - 2) / 1.41 + 0.5 * rng.normal(size=rows)[row]
    age = rng.uniform(0, 365, len(row))
    order = np.lexsort((-age, row))
    row, badness, age = row[order], badness[order], age[order]
    harm = 2 * np.maximum(badness - 0.8, 0) if shape == "knee" else badness
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    summed = np.add.reduceat(harm, starts)
    typical = summed / 5 if shape == "total" else summed / number
    total = mean * typical + worst * np.maximum.reduceat(harm, starts) + last * harm[starts + number - 1]
    score = np.clip(np.round(8.2 - total + 1.5 * rng.normal(size=rows)), 0, 10)
    y = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    return row, badness, age, y, np.arange(rows)


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [
        ((0.5, 0.6, 0.0), "peak"),
        ((0.5, 0.0, 0.5), "end"),
        ((0.3, 0.5, 0.5), "peak_and_end"),
        ((1.5, 0.0, 0.0), "neither: the mean tells as much"),
        ((0.0, 0.0, 0.0), "not_shown"),
    ],
)
def test_verdicts(effects: tuple[float, float, float], verdict: str) -> None:
    """Each world gets the verdict it was made for."""
    assert peak_end(*_world(1, *effects)).verdict == verdict


@pytest.mark.parametrize("shape", ["line", "knee", "total"])
def test_nothing_but_the_mean_is_seldom_taken_for_a_peak(shape: str) -> None:
    """Of twenty additive worlds, straight, with a knee or in total, at most three claim a peak or an end."""
    verdicts = [peak_end(*_world(100 + seed, 1.5, 0, 0, rows=1500, shape=shape)).verdict for seed in range(20)]
    assert sum(verdict in {"peak", "end", "peak_and_end"} for verdict in verdicts) <= 3


def test_effects_have_their_direction_and_limits() -> None:
    """Harm is negative for answers, limits hold the estimates, and for an outcome that is bad when high signs turn over."""
    row, badness, age, y, customer = _world(2, 0.3, 0.6, 0.6)
    found = peak_end(row, badness, age, y, customer)
    for effect in (found.worst, found.last):
        assert effect is not None
        assert effect.low is not None
        assert effect.high is not None
        assert effect.low < effect.value < effect.high < 0
    turned = peak_end(row, badness, age, (y < 0).astype(float), customer, "binary", higher_is_better=False)
    assert turned.verdict == "peak_and_end"
    assert turned.worst is not None
    assert turned.worst.value > 0
    good = peak_end(row, badness, age, -y, customer)
    assert good.verdict == "not_shown"


def test_journeys() -> None:
    """Encounters in any order become mean, worst, last, spread, number and recency; short rows and unknown ones go."""
    row = np.array([4, 1, 4, 1, 1, 4, 2, 1, 4])
    badness = np.array([1.0, 5.0, 2.0, 1.0, 3.0, 6.0, 9.0, np.nan, 3.0])
    age = np.array([30.0, 9.0, 10.0, 2.0, 4.0, 20.0, 1.0, 1.0, np.nan])
    made = journeys(row, badness, age)
    assert made.row.tolist() == [1, 4]
    assert made.mean.tolist() == [3.0, 3.0]
    assert made.worst.tolist() == [5.0, 6.0]
    assert made.last.tolist() == [1.0, 2.0]
    assert made.number.tolist() == [3, 3]
    assert made.recency_days.tolist() == [2.0, 10.0]
    np.testing.assert_allclose(made.spread, [2.0, np.std([1, 2, 6], ddof=1)])
    assert made.hinges.shape == (2, 4)


def test_too_few_customers_show_nothing() -> None:
    """Without encounters, and with few customers, the answer is that nothing is shown."""
    nothing = np.zeros(0)
    none = peak_end(nothing.astype(np.intp), nothing, nothing, np.zeros(5), np.arange(5))
    assert none == PeakEnd("not_shown", None, None, None, None, 1.0, 1.0, 1.0, 1.0, 0, 0)
    few = peak_end(*_world(3, 0.3, 0.6, 0.6, rows=60))
    assert few.verdict == "not_shown"
    assert 0 < few.customers < 60


def test_copies_of_rows_add_no_certainty() -> None:
    """With every row there twice under one customer p-values stay where they were."""
    row, badness, age, y, customer = _world(4, 0.5, 0.3, 0.1, rows=800)
    once = peak_end(row, badness, age, y, customer)
    twice = peak_end(
        np.concatenate([row, row + 800]), np.tile(badness, 2), np.tile(age, 2), np.tile(y, 2), np.tile(customer, 2)
    )
    assert twice.p_worst == pytest.approx(once.p_worst, rel=5e-3)
    assert twice.p_last == pytest.approx(once.p_last, rel=5e-3)


def test_facts_are_plain() -> None:
    """Facts survive JSON, and estimates are triples."""
    facts = json.loads(json.dumps(peak_end(*_world(5, 0.5, 0.5, 0.5)).facts()))
    assert set(facts["worst"]) == {"value", "low", "high"}
