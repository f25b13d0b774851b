"""Calibrated weights agree with everybody's means and stay positive."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.answering.balance import standardised
from drivers.answering.raking import raked


def _biased(seed: int, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Features, one of them twice and one with gaps, and who answered: the higher the first two, the sooner."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 5))
    matrix[:, 2] = matrix[:, 0]
    answered = rng.random(rows) < 1 / (1 + np.exp(1 - matrix[:, 0] - 0.5 * matrix[:, 1]))
    matrix[rng.random(rows) < 0.3, 1] = np.nan
    return matrix, answered.astype(float)


def test_differences_vanish() -> None:
    """After raking no feature differs notably, one that is there twice and one with gaps included."""
    matrix, answered = _biased(1)
    everybody = np.ones(len(answered))
    before, after = (standardised(matrix, everybody, w) for w in (answered, raked(matrix, everybody, answered)))
    assert np.abs(before).max() > 0.4
    assert np.abs(after).max() < 0.04


def test_weights_stay_positive_with_mean_one() -> None:
    """Only those who answered weigh, none of them less than nothing."""
    matrix, answered = _biased(2)
    weight = raked(matrix, np.ones(len(answered)), answered)
    assert (weight[answered > 0] > 0).all()
    assert (weight[answered == 0] == 0).all()
    assert weight[answered > 0].mean() == pytest.approx(1.0)


def test_balanced_answers_are_left_alone() -> None:
    """Where everybody answered nothing differs, and weights stay one."""
    matrix, _ = _biased(3)
    np.testing.assert_allclose(raked(matrix, np.ones(len(matrix)), np.ones(len(matrix))), 1.0)


def test_few_answers_are_not_tilted_on_many_features() -> None:
    """Ten answers carry no calibration at all."""
    matrix, answered = _biased(4)
    few = answered * (np.cumsum(answered) <= 10)
    np.testing.assert_array_equal(raked(matrix, np.ones(len(few)), few), few)
