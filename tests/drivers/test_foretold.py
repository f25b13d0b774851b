"""Outcomes foretold by models of other customers."""

from __future__ import annotations

import numpy as np

from drivers.foretold import foretold


def test_a_customers_own_outcome_takes_no_part() -> None:
    """Changing one customer's outcome leaves what is foretold of that customer as it was."""
    rng = np.random.default_rng(1)
    matrix, customer = rng.normal(size=(600, 4)), np.arange(600) // 2
    outcome = 10 * matrix[:, 0] + rng.normal(size=600)
    known = np.ones(600, dtype=bool)
    before = foretold(matrix, outcome, known, customer, 1)
    changed = outcome.copy()
    changed[:2] += 1000
    assert np.array_equal(foretold(matrix, changed, known, customer, 1)[:2], before[:2])
    assert np.corrcoef(before, outcome)[0, 1] > 0.8


def test_unknown_outcomes_are_foretold_and_little_is_the_mean() -> None:
    """Rows without an outcome get one; with a handful of outcomes, or no column, the mean stands for all."""
    rng = np.random.default_rng(2)
    matrix, customer = rng.normal(size=(400, 3)), np.arange(400)
    outcome = np.where(rng.random(400) < 0.5, np.nan, 5 * matrix[:, 1])
    known = ~np.isnan(outcome)
    found = foretold(matrix, outcome, known, customer, 1)
    assert np.corrcoef(found[~known], matrix[~known, 1])[0, 1] > 0.8
    few = np.zeros(400, dtype=bool)
    few[np.flatnonzero(known)[:10]] = True
    mean = float(outcome[few].mean())
    assert np.all(foretold(matrix, outcome, few, customer, 1) == mean)
    assert np.all(foretold(matrix[:, :0], outcome, few, customer, 1) == mean)
