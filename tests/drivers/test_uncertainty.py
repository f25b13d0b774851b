"""Resamples of customers and refits on halves, as intervals."""

from __future__ import annotations

import numpy as np
import pytest

from drivers import significance, strength, uncertainty
from drivers.attribution import Kind
from tests.drivers import worlds


def _values(seed: int, rows: int, kind: Kind, per_customer: int = 2) -> tuple[worlds.World, np.ndarray]:
    world = worlds.make(seed, rows=rows, per_customer=per_customer, kind=kind)
    names = [block.name for block in world.problem.blocks]
    rng = np.random.default_rng(seed)
    scale = 25.0 if kind == "linear" else -0.9
    values = np.column_stack([scale * world.effects.get(name, rng.normal(size=rows) * 0.1) for name in names])
    return world, values


@pytest.mark.parametrize("kind", ["linear", "binary"])
def test_one_newton_step_is_a_refit(kind: Kind) -> None:
    """A resample's slopes by one step are those of the regression on the resampled customers."""
    world, values = _values(1, 1500, kind)
    problem = world.problem
    fit = significance.regress(values, problem.y, problem.customer, kind)
    rng = np.random.default_rng(9)
    times = rng.multinomial(750, np.full(750, 1 / 750), size=3).astype(float)[:, problem.customer]
    stepped = uncertainty._slopes(values, fit, times)
    for draw, weight in zip(stepped, times, strict=True):
        rows = np.repeat(np.arange(1500), weight.astype(int))
        whole = significance.regress(values[rows], problem.y[rows], np.arange(len(rows)), kind)
        tolerance = 1e-6 if kind == "linear" else 0.3 * float(fit.error.max())
        np.testing.assert_allclose(draw, whole.slope, atol=tolerance)


def test_bootstraps_spread_like_their_standard_errors() -> None:
    """The spread of resampled strengths of a strong driver is its slope's clustered error times its size."""
    world, values = _values(2, 3000, "linear")
    problem = world.problem
    fit = significance.regress(values, problem.y, problem.customer, "linear")
    point = strength.effects(problem, values, fit)
    drawn = uncertainty.bootstrap(problem, values, fit, point, 300, 1)
    place = [block.name for block in problem.blocks].index("outage")
    assert drawn.strength[:, place].mean() == pytest.approx(point.strength[place], rel=0.03)
    assert drawn.reach[:, place].mean() == pytest.approx(point.reach[place], rel=0.03)
    assert drawn.depth[:, place].mean() == pytest.approx(point.depth[place], rel=0.03)
    assert drawn.loss[:, place].mean() == pytest.approx(point.loss[place], rel=0.03)
    assert drawn.strength[:, place].std() > 0.5 * fit.error[place] * point.size[place]


def test_intervals_hold_their_estimate_and_the_allowance() -> None:
    """Limits lie around the estimate, never below zero, and are never narrower than the allowance for bias."""
    point = np.array([10.0, 0.5, 0.0])
    draws = np.random.default_rng(1).normal(size=(50, 3)) * [0.1, 1.0, 0.1] + point
    low, high = uncertainty.interval(point, draws, draws, np.full(3, 0.08))
    assert (low <= point).all()
    assert (high >= point).all()
    assert low.min() == 0.0
    assert high[0] - point[0] > 0.8


def test_long_windows_need_less_allowance() -> None:
    """A year's window understates less than half a year's."""
    assert uncertainty.allowance(np.array([365, 180])).tolist() == [0.08, 0.12]


def test_unknown_draws_stay_unknown() -> None:
    """Limits of what no draw knows are unknown; of what some know, theirs."""
    draws = np.array([[np.nan, 1.0], [np.nan, np.nan], [np.nan, 3.0]])
    low, high = uncertainty.percentiles(draws)
    assert np.isnan(low[0])
    assert 1.0 <= low[1] <= high[1] <= 3.0
    low, high = uncertainty.widest(draws, np.array([[5.0, 2.0]]))
    assert (low[0], high[0]) == (5.0, 5.0)


def test_the_mean_moves_with_the_draw() -> None:
    """Of a rare, deep effect the spread of strength over draws is that of draws that count from their own mean, not half of it."""
    rng = np.random.default_rng(8)
    values = np.where(rng.random((2000, 1)) < 0.1, -40.0, 5.0)
    weight = np.ones(2000)
    counts = rng.multinomial(2000, np.full(2000, 1 / 2000), size=400).astype(float)
    means = counts @ values / 2000
    exact = np.array([np.average(np.abs(values[:, 0] - means[d, 0]), weights=counts[d]) for d in range(400)])
    still = counts @ np.abs(values[:, 0] - values.mean()) / 2000
    moved = still + uncertainty.recentred(values, weight, means)[:, 0]
    np.testing.assert_allclose(moved, exact, rtol=0.02)
    assert still.std() < 0.6 * exact.std()
    assert moved.std() == pytest.approx(exact.std(), rel=0.1)
