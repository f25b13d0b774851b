"""Strength, depth, reach and tails of known values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivers import significance, strength
from drivers.attribution import Problem
from drivers.sampling import draw
from drivers.significance import Regression
from tests.drivers import worlds


def _fit(blocks: int, slope: float = 1.0) -> Regression:
    ones = np.ones(blocks)
    return Regression(slope * ones, 0.1 * ones, 0.0, ones, ones, np.eye(blocks + 1))


def test_effects_of_the_truth() -> None:
    """With the true effects as values, strength, reach and depth are what they were planted as, and an outage only loses."""
    world = worlds.make(1, rows=4000)
    problem = world.problem
    names = [block.name for block in problem.blocks]
    values = np.column_stack([world.effects.get(name, np.zeros(4000)) for name in names])
    found = strength.effects(problem, values, _fit(len(names)))
    outage, met = world.effects["outage"], problem.blocks[names.index("outage")].met
    place = names.index("outage")
    assert found.strength[place] == pytest.approx(np.abs(outage - outage.mean()).mean())
    assert found.reach[place] == pytest.approx(met.mean())
    assert found.depth[place] == pytest.approx(np.abs(outage[met] - np.median(outage[met])).mean(), rel=1e-3)
    assert found.reference[place] == 0.0
    assert found.gain[place] == 0.0
    assert found.loss[place] == pytest.approx(-outage[met].mean())
    assert found.strength[names.index("mail")] == 0.0


def test_weights_stand_for_rows() -> None:
    """A row of weight two counts as the same row twice."""
    problem = worlds.make(2, rows=400).problem
    values = np.random.default_rng(1).normal(size=(400, len(problem.blocks)))
    weight = np.where(np.arange(400) < 100, 2.0, 1.0)
    twice = np.concatenate([np.arange(100), np.arange(400)])
    copied = replace(
        problem,
        X=problem.X[twice],
        y=problem.y[twice],
        customer=problem.customer[twice],
        weight=np.ones(500),
        blocks=tuple(replace(block, met=block.met[twice]) for block in problem.blocks),
    )
    one = strength.effects(problem, values, _fit(values.shape[1]), weight)
    two = strength.effects(copied, values[twice], _fit(values.shape[1]))
    np.testing.assert_allclose(one.size, two.size)
    np.testing.assert_allclose(one.reach, two.reach)
    np.testing.assert_allclose(one.usual, two.usual, atol=0.3)


def test_the_reference_of_what_nearly_all_meet_is_their_median() -> None:
    """Where hardly anyone was spared, the usual encounter is the reference."""
    problem = worlds.make(3, rows=500).problem
    everyone = replace(problem, blocks=(replace(problem.blocks[0], met=np.arange(500) > 3), *problem.blocks[1:]))
    values = np.random.default_rng(2).normal(size=(500, len(problem.blocks)))
    found = strength.effects(everyone, values, _fit(values.shape[1]))
    assert found.reference[0] == found.usual[0]


def test_too_few_say_nothing() -> None:
    """A touchpoint that under twenty rows met has no usual value, no depth, no gain and no loss."""
    problem = worlds.make(4, rows=300).problem
    rare = replace(problem, blocks=(replace(problem.blocks[0], met=np.arange(300) < 15), *problem.blocks[1:]))
    values = np.random.default_rng(3).normal(size=(300, len(problem.blocks)))
    found = strength.effects(rare, values, _fit(values.shape[1]))
    assert np.isnan(found.usual[0])
    assert found.depth[0] == 0.0


def test_asymmetry() -> None:
    """One for what only wins, minus one for what only loses, zero for what does both alike, unknown for what does neither."""
    found = strength.asymmetry(np.array([2.0, 0.0, 1.5, 0.0]), np.array([0.0, 3.0, 1.5, 0.0]))
    assert found[:3].tolist() == [1.0, -1.0, 0.0]
    assert np.isnan(found[3])


def test_churn_is_told_in_points_at_the_base_rate() -> None:
    """A log-odds unit is 100 p (1 - p) points, p of the population rather than of the sample."""
    problem = worlds.make(5, rows=1000, kind="binary").problem
    weighted = replace(problem, weight=np.where(problem.y > 0, 0.2, 1.2))
    rate = float(np.average(problem.y, weights=weighted.weight))
    assert strength.per_unit(weighted) == pytest.approx(100 * rate * (1 - rate))
    assert strength.per_unit(worlds.make(5, rows=100).problem) == 1.0


def test_quantiles_are_weighted() -> None:
    """Weighted quantiles equal those of copied values."""
    values = np.array([3.0, 1.0, 2.0, 5.0])
    weight = np.array([1.0, 3.0, 2.0, 4.0])
    copied = np.repeat(values, weight.astype(int))
    found = strength.quantiles(values, weight, (0.5,))[0]
    assert abs(found - np.median(copied)) <= 1.0
    assert strength.quantiles(values, weight, (0.0, 1.0)).tolist() == [1.0, 5.0]


def test_slopes_beyond_the_cap_are_cut() -> None:
    """A slope of three is taken as 1.25, a negative one as zero."""
    problem = worlds.make(6, rows=200).problem
    values = np.random.default_rng(4).normal(size=(200, len(problem.blocks)))
    assert set(strength.effects(problem, values, _fit(values.shape[1], 3.0)).slope) == {significance.SLOPE_CAP}
    assert set(strength.effects(problem, values, _fit(values.shape[1], -1.0)).slope) == {0.0}


def test_predictions_on_a_sample_are_brought_to_the_population() -> None:
    """With the shift, mean predicted churn is the population's base rate rather than the sample's."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=60_000)
    y = (rng.random(60_000) < 1 / (1 + np.exp(3.5 - x))).astype(float)
    drawn = draw(y, np.arange(60_000), "binary", 20_000, 1)
    problem = Problem(
        np.zeros((len(drawn.rows), 0), dtype=np.float32), (), y[drawn.rows], drawn.rows, "binary", drawn.weight
    )
    fit = significance.regress(x[drawn.rows][:, None], problem.y, problem.customer, "binary")
    raw = fit.intercept + fit.slope[0] * x[drawn.rows] + strength.sample_shift(problem)
    chance = 1 / (1 + np.exp(-raw))
    assert np.average(chance, weights=problem.weight) == pytest.approx(y.mean(), rel=0.05)
