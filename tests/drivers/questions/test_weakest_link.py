"""A weakest link that decides is found; sums that meet a floor and a ceiling are not mistaken for one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from drivers.questions.weakest_link import Consistency, WeakestLink, consistency, weakest_link


def _world(
    seed: int, share: float, *, rows: int = 3000, scale: float = 1.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of six touchpoints and answers; `share` of a score follows the smallest value, the rest the sum."""
    rng = np.random.default_rng(seed)
    values = -rng.gamma(1.0, 0.5, (rows, 6)) * (rng.random((rows, 6)) < [0.9, 0.6, 0.5, 0.4, 0.3, 0.15])
    total = scale * ((1 - share) * values.sum(axis=1) + share * 2.5 * values.min(axis=1))
    score = np.clip(np.round(8.0 + total - total.mean() + rng.normal(size=rows) * 1.3), 0, 10)
    return values * 40, np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0)), np.arange(rows)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_weakest_link_is_found(share: float) -> None:
    """Where the worst value decides, or half decides, its slope is above zero and it lowers held-out loss."""
    found = weakest_link(*_world(1, share), seed=1)
    assert found.verdict == "weakest_link"
    assert found.p < 0.01
    assert found.weakest is not None
    assert found.weakest.low is not None
    assert found.weakest.low > 0
    assert found.gain is not None
    assert found.gain.value > 0


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_sums_show_no_weakest_link(scale: float) -> None:
    """Of twenty additive worlds, mild or pressed against the floor, at most three show a weakest link."""
    shown = [weakest_link(*_world(200 + seed, 0.0, rows=1500, scale=scale), seed=1).verdict for seed in range(20)]
    assert shown.count("weakest_link") <= 3


def test_a_floor_alone_would_have_shown_one() -> None:
    """The same pressed worlds have a smallest value that seems to count beside a plain sum: the bends are needed."""
    plain = [weakest_link(*_world(200 + seed, 0.0, scale=3.0), seed=1) for seed in range(5)]
    assert sum(abs(one.weakest.value) > 0.1 for one in plain if one.weakest is not None) >= 4


def test_churn_looks_at_the_largest_value() -> None:
    """In log-odds of leaving the weakest link is the largest value."""
    values, y, customer = _world(2, 1.0, rows=5000)
    found = weakest_link(-values / 40, (y < 0).astype(float), customer, "binary", seed=1, higher_is_better=False)
    assert found.verdict == "weakest_link"


def test_what_cannot_be_told_is_not_shown() -> None:
    """Few customers, one touchpoint or one answer show nothing; missing values are refused."""
    values, y, customer = _world(3, 1.0, rows=300)
    nothing = ("not_shown", None, None, None, 1.0)
    assert weakest_link(values[:50], y[:50], customer[:50], seed=1) == WeakestLink(*nothing, 50)
    assert weakest_link(values[:, :1], y, customer, seed=1) == WeakestLink(*nothing, 300)
    assert weakest_link(values, np.zeros(300), customer, seed=1) == WeakestLink(*nothing, 300)
    values[0, 0] = np.nan
    with pytest.raises(ValueError, match="missing"):
        weakest_link(values, y, customer, seed=1)


def test_copies_of_rows_add_no_certainty() -> None:
    """With every row there twice under one customer the p-value stays where it was."""
    values, y, customer = _world(4, 0.3, rows=1000)
    once = weakest_link(values, y, customer, seed=1)
    twice = weakest_link(np.tile(values, (2, 1)), np.tile(y, 2), np.tile(customer, 2), seed=1)
    assert twice.p == pytest.approx(once.p, rel=1e-3)


def _journeys(seed: int, mean: float, spread: float, rows: int = 2000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    number = 3 + rng.poisson(2, rows)
    row = np.repeat(np.arange(rows), number)
    badness = 0.7 * rng.normal(size=rows)[row] + rng.gamma(2.0, 0.5, rows)[row] * rng.normal(size=len(row))
    starts = np.concatenate(([0], np.cumsum(number)[:-1]))
    centre = np.add.reduceat(badness, starts) / number
    uneven = np.sqrt(np.add.reduceat((badness - centre[row]) ** 2, starts) / (number - 1))
    score = np.clip(np.round(8 - mean * centre - spread * uneven + 1.5 * rng.normal(size=rows)), 0, 10)
    y = np.where(score <= 6, -100.0, np.where(score >= 9, 100.0, 0.0))
    return row, badness, rng.uniform(0, 365, len(row)), y, np.arange(rows)


def test_uneven_journeys_are_found() -> None:
    """A spread that costs is told, in the direction of harm only."""
    row, badness, age, y, customer = _journeys(5, 1.0, 0.6)
    found = consistency(row, badness, age, y, customer)
    assert found.verdict == "consistency_counts"
    assert found.spread is not None
    assert found.spread.high is not None
    assert found.spread.high < 0
    assert consistency(row, badness, age, -y, customer).verdict == "not_shown"
    churn = consistency(row, badness, age, (y < 0).astype(float), customer, "binary", higher_is_better=False)
    assert churn.verdict == "consistency_counts"


def test_means_show_no_cost_of_uneven_journeys() -> None:
    """Of twenty worlds in which only the mean counts at most three say that consistency does."""
    verdicts = [consistency(*_journeys(300 + seed, 2.0, 0.0, rows=1000)).verdict for seed in range(20)]
    assert verdicts.count("consistency_counts") <= 3


def test_few_journeys_show_nothing() -> None:
    """With few customers the answer is that nothing is shown."""
    found = consistency(*_journeys(6, 1.0, 2.0, rows=50))
    assert found == Consistency("not_shown", None, None, 1.0, 50, 50)


def test_facts_are_plain() -> None:
    """Facts survive JSON, and estimates are triples."""
    link = json.loads(json.dumps(weakest_link(*_world(7, 1.0, rows=500), seed=1).facts()))
    even = json.loads(json.dumps(consistency(*_journeys(8, 1.0, 1.0, rows=500)).facts()))
    assert set(link["weakest"]) == set(even["spread"]) == {"value", "low", "high"}
