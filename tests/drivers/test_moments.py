"""Moments of truth, and which way they go."""

from __future__ import annotations

import numpy as np
import pytest

from drivers import moments, significance, strength
from drivers.moments import Moved
from tests.drivers import worlds


@pytest.mark.parametrize(
    ("value", "shape"), [(-1.0, "breaker"), (-0.3, "linear"), (0.0, "linear"), (0.34, "maker"), (float("nan"), None)]
)
def test_shapes(value: float, shape: str | None) -> None:
    """Beyond a third either way a driver is one-sided; without tails nothing is said."""
    assert moments.shape_of(value) == shape


def test_churn_is_turned_over() -> None:
    """What raises churn breaks loyalty, what lowers it makes it."""
    rises, falls = np.array([2.0, 1.0]), np.array([0.0, 3.0])
    assert moments.good_asymmetry(rises, falls, higher_is_better=False).tolist() == [-1.0, 0.5]
    assert moments.good_asymmetry(rises, falls, higher_is_better=True).tolist() == [1.0, -0.5]


def test_a_deep_rare_driver_is_a_moment_of_truth() -> None:
    """Only the key driver far deeper than the others' median, and moving categories, is one."""
    key = np.array([True, True, True, True, True, False])
    depth = np.array([5.0, 6.0, 7.0, 20.0, 20.0, 50.0])
    moved = Moved(np.array([0.5, 0.5, 0.5, 0.5, 0.05, 0.5]), np.full(6, np.nan))
    found = moments.moments_of_truth(key, depth, depth - 0.5, moved, probability=False)
    assert found.tolist() == [False, False, False, True, False, False]
    unsure = moments.moments_of_truth(key, depth, depth - 15.0, moved, probability=False)
    assert not unsure.any()


def test_churn_needs_ten_points() -> None:
    """For churn the probability of those who met it must move by ten points on average."""
    key = np.array([True, True, True])
    depth = np.array([1.0, 3.0, 3.0])
    moved = Moved(np.full(3, 0.3), np.array([0.2, 0.04, 0.15]))
    found = moments.moments_of_truth(key, depth, np.array([0.5, 2.0, 3.0]), moved, probability=True)
    assert found.tolist() == [False, False, False]
    depth = np.array([1.0, 2.0, 4.0])
    found = moments.moments_of_truth(key, depth, depth * 0.8, moved, probability=True)
    assert found.tolist() == [False, False, True]


def test_nothing_confirmed_is_no_moment() -> None:
    """Without key drivers there is no median to compare with, and no moment."""
    none = np.zeros(2, dtype=bool)
    assert not moments.moments_of_truth(
        none, np.ones(2), np.ones(2), Moved(np.ones(2), np.ones(2)), probability=False
    ).any()


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_what_moves_those_who_met_it(kind: str) -> None:
    """Outages move the category of many who had one; noise moves nobody's."""
    world = worlds.make(1, rows=4000, kind=kind)  # type: ignore[arg-type]
    problem = world.problem
    names = [block.name for block in problem.blocks]
    scale = 25.0 if kind == "linear" else -0.9
    values = scale * np.column_stack([world.effects.get(name, np.zeros(4000)) for name in names])
    fit = significance.regress(values, problem.y, problem.customer, problem.kind)
    raw = fit.intercept + values @ fit.slope
    found = moments.moved(problem, values, raw, strength.effects(problem, values, fit))
    assert found.category[names.index("outage")] > 0.05
    assert found.category[names.index("mail")] == 0.0
    if kind == "binary":
        assert 0.03 < found.probability[names.index("outage")] < 0.5
    else:
        assert np.isnan(found.probability).all()


def test_shapes_say_what_a_moment_can_do() -> None:
    """A breaker breaks, a maker makes, an even one does both."""
    assert [moments.moment_of(shape) for shape in ("breaker", "maker", "linear", None)] == [
        "break",
        "make",
        "both",
        None,
    ]  # type: ignore[arg-type]
