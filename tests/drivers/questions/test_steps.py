"""Each step is a problem of its own, and what lifts over one need not lift over the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivers.core import analyse_arrays
from drivers.questions.steps import STEPS, steps
from drivers.result import Result
from tests.drivers import worlds


def _key(result: Result) -> set[str]:
    pairs = zip(result.problem.blocks, result.standing.status, strict=True)
    return {block.name for block, status in pairs if status == "key_driver" and block.kind == "touchpoint"}


def test_rows_are_those_that_could_take_the_step() -> None:
    """Each step has the rows of its lower category and all above, every column and who met what."""
    problem = worlds.make(1, rows=3000).problem
    found = {step.name: step.problem for step in steps(problem)}
    assert set(found) == set(STEPS)
    for name, (lower, upper) in STEPS.items():
        rows = np.flatnonzero(problem.y >= lower)
        assert found[name].y.tolist() == (problem.y[rows] >= upper).astype(float).tolist()
        np.testing.assert_array_equal(found[name].X, problem.X[rows])
        np.testing.assert_array_equal(found[name].met, problem.met[rows])


def test_a_present_lifts_the_content_and_an_outage_sinks_the_rest() -> None:
    """Where a visit only makes promoters of passives, and an outage only detractors, each is a driver of its own step alone."""
    rng = np.random.default_rng(3)
    world = worlds.make(3, rows=6000)
    visit, outage = world.effects["visit"] > 0, world.effects["outage"] < 0
    unhappy = rng.random(6000) < np.where(outage, 0.65, 0.2)
    glad = rng.random(6000) < np.where(visit, 0.75, 0.4)
    y = np.where(unhappy, -100.0, np.where(glad, 100.0, 0.0))
    found = {step.name: step.problem for step in steps(replace(world.problem, y=y))}
    options = worlds.options(half_samples=5, bootstraps=30)
    assert _key(analyse_arrays(found["passive_to_promoter"], options, seed=1)) == {"visit"}
    assert _key(analyse_arrays(found["detractor_to_passive"], options, seed=1)) == {"outage"}


def test_too_few_or_no_nps_is_no_step() -> None:
    """A step needs a hundred customers on both sides; churn and ratings have no steps."""
    problem = worlds.make(4, rows=900).problem
    few = replace(problem, y=np.where(np.arange(900) < 40, -100.0, np.where(np.arange(900) < 500, 0.0, 100.0)))
    assert [step.name for step in steps(few)] == ["passive_to_promoter"]
    assert steps(worlds.make(4, rows=900, kind="binary").problem) == ()
    assert steps(replace(problem, y=np.arange(900.0))) == ()
