"""Figures of parts of the rows, and whether a slope differs between them, with customers as the unit of chance."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.attribution import Block, Problem
from drivers.questions.grouped import Evidence, estimate, figures, multiple, number, resample, slopes_by_group


def _evidence(seed: int, rows: int = 3000, *, times: float = 1.0, per_customer: int = 3) -> tuple[Evidence, np.ndarray]:
    """One driver whose values are known, in two groups of customers; in the second it counts `times` as much."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(rows // per_customer), per_customer)
    group = (customer % 2).astype(np.int64)
    met = rng.random(rows) < 0.6
    value = np.where(met, rng.normal(0, 20, rows), 0.0)
    person = rng.normal(0, 15, rows // per_customer)[customer]
    y = value * np.where(group == 1, times, 1.0) + person + rng.normal(0, 30, rows)
    block = Block("call", "touchpoint", np.array([0]), ("wait",), met)
    problem = Problem(value[:, None].astype(np.float32), (block,), y, customer, "linear", np.ones(rows))
    values = value[:, None]
    return Evidence(problem, values, values[None], y, np.ones(1), np.ones(1, dtype=bool)), group


def test_figures_are_those_of_the_group() -> None:
    """Reach, size and outcome of the rows inside, each within its limits."""
    evidence, group = _evidence(1)
    inside = group == 0
    found = figures(evidence, resample(evidence, 200, 1), inside, np.array([0]))
    values = evidence.values[inside, 0]
    assert found.rows == int(inside.sum())
    assert found.reach[0] == pytest.approx(evidence.problem.met[inside, 0].mean())
    assert found.size[0] == pytest.approx(np.abs(values - values.mean()).mean())
    assert found.outcome.low < evidence.problem.y[inside].mean() < found.outcome.high
    assert found.size_draws[:, 0].std() == pytest.approx(
        np.abs(values - values.mean()).std() / np.sqrt(len(values)), rel=0.3
    )


def test_a_slope_that_differs_is_found_with_its_multiples() -> None:
    """Counting twice as much in one group is seen, and by how much."""
    evidence, group = _evidence(2, times=2.0)
    resamples = resample(evidence, 200, 1)
    found = slopes_by_group(evidence, resamples, group, 0)
    assert found.p_value < 1e-4
    first, second = multiple(found, evidence, resamples, 0)
    assert second.value / first.value == pytest.approx(2.0, rel=0.2)


def test_equal_slopes_differ_as_often_as_chance_says() -> None:
    """Of sixty worlds without a difference about three fall below five per cent, though a customer's rows share a mood."""
    below = 0
    for seed in range(60):
        evidence, group = _evidence(100 + seed, 900)
        below += slopes_by_group(evidence, resample(evidence, 20, 1), group, 0).p_value < 0.05
    assert below <= 9


def test_groups_that_hardly_met_it_are_not_compared() -> None:
    """A group in which ten customers met the driver has no slope of its own."""
    evidence, _ = _evidence(3)
    few = np.where(evidence.problem.customer < 10, 1, 0).astype(np.int64)
    found = slopes_by_group(evidence, resample(evidence, 20, 1), few, 0)
    assert found.groups.tolist() == [0]
    assert np.isnan(found.p_value)


def test_unknown_figures_are_null() -> None:
    """What is not finite has no value and no limits."""
    assert number(float("nan")) is None
    assert estimate(float("nan"), np.ones(3)).facts() == {"value": None, "low": None, "high": None}
    assert estimate(2.0, np.array([1.0, np.nan, 3.0])).facts()["value"] == 2.0
