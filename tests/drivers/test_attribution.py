"""Held-out values are held out, whatever the order of work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivers.attribution import Fitter, cross_fit, drop_and_refit, half_samples
from tests.drivers import worlds


def _fitter(problem: object, threads: int = 1) -> Fitter:
    fitter = Fitter(problem, 3, threads)  # type: ignore[arg-type]
    fitter.rounds = 25
    return fitter


def test_rows_of_a_customer_stay_together() -> None:
    """All rows of a customer are dealt to one part, and parts hold equally many customers."""
    fitter = _fitter(worlds.make(1, rows=600, per_customer=3).problem)
    part = fitter.deal(4, 1)
    assert all(len(set(part[start : start + 3])) == 1 for start in range(0, 600, 3))
    assert np.bincount(part[::3]).tolist() == [50, 50, 50, 50]


def test_a_customers_outcome_does_not_reach_its_own_values() -> None:
    """Turning one customer's answers over changes the values of others, never its own."""
    world = worlds.make(2, rows=600, per_customer=2)
    turned = world.problem.y.copy()
    turned[:2] = -turned[:2] + 50.0
    before = cross_fit(_fitter(world.problem), 3, 2)
    after = cross_fit(_fitter(replace(world.problem, y=turned)), 3, 2)
    np.testing.assert_array_equal(before.values[:, :2], after.values[:, :2])
    assert not np.array_equal(before.values[:, 2:], after.values[:, 2:])


def test_threads_do_not_change_a_value() -> None:
    """Each fit has its own seed, so that the order of work does not matter."""
    problem = worlds.make(3, rows=600).problem
    one, two = (cross_fit(_fitter(problem, threads), 3, 2) for threads in (1, 3))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.raw, two.raw)


def test_values_add_up_to_the_prediction() -> None:
    """Values per group, per block and the raw prediction differ by one constant per held-out part."""
    problem = worlds.make(4, rows=600).problem
    fitter = _fitter(problem)
    held = cross_fit(fitter, 3, 1)
    left = held.raw[0] - problem.per_block(held.values[0]).sum(axis=1)
    part = fitter.deal(3, 1, 0)
    for number in range(3):
        assert np.ptp(left[part == number]) < 1e-4


def test_groups_are_blocks_by_dimension() -> None:
    """Every touchpoint's columns make a group per dimension, and blocks sum over theirs."""
    problem = worlds.make(5, rows=300).problem
    assert problem.groups[:3] == ((0, "frequency"), (0, "wait"), (1, "frequency"))
    values = np.arange(len(problem.groups), dtype=float)[None, :]
    assert problem.per_block(values)[0, :2].tolist() == [1.0, 5.0]


def test_refits_without_a_block_do_not_use_it() -> None:
    """A model that may not split on a strong driver predicts worse than the whole one; on noise it does not matter."""
    problem = worlds.make(6, rows=1500, size=2.0).problem
    names = [block.name for block in problem.blocks]
    fitter = _fitter(problem)
    whole, (without_outage, without_mail) = drop_and_refit(fitter, [names.index("outage"), names.index("mail")], 2)
    loss = [float(((problem.y - raw) ** 2).mean()) for raw in (whole, without_outage, without_mail)]
    assert loss[1] > loss[0] * 1.03
    assert loss[2] < loss[0] * 1.02
    blind, _, _ = fitter.held_out(fitter.deal(2, 9), 9, without=names.index("outage"))
    assert not problem.per_block(blind)[:, names.index("outage")].any()


def test_half_samples_are_valued_by_the_other_half() -> None:
    """Each half-sample gives every row a value per block."""
    problem = worlds.make(7, rows=600).problem
    seen: list[float] = []
    shapes = half_samples(_fitter(problem), 3, lambda values: values.shape, seen.append)
    assert shapes == [(600, len(problem.blocks))] * 3
    assert max(seen) == 1.0


def test_rounds_are_chosen_within_limits() -> None:
    """Where there is nothing to learn boosting stops at the floor; where there is, later."""
    null, rich = (Fitter(worlds.make(8, rows=1500, size=size).problem, 1, 2) for size in (0.0, 2.0))
    null.choose_rounds()
    rich.choose_rounds()
    assert 30 <= null.rounds < rich.rounds <= 300
