"""Proportional odds."""

from __future__ import annotations

import numpy as np
import pytest

from training.bundle import sigmoid
from training.cumulative import derivatives, likeliest, loss

THRESHOLDS = np.array([-0.7, 0.9])


def made(rows: int, slope: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Scores and the categories that they make by `THRESHOLDS`."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0.0, 2.0, rows)
    happy = slope * score + rng.logistic(size=rows)
    return score, (happy[:, None] > THRESHOLDS).sum(axis=1)


@pytest.mark.parametrize("category", [0, 1, 2])
def test_derivatives_are_those_of_finite_differences(category: int) -> None:
    """Gradient and Hessian of every category agree with what the loss does when the score is moved a little."""
    step = 1e-4
    for score in np.linspace(-6.0, 6.0, 25):
        rows, of = np.array([score]), np.array([category])
        first, second = derivatives(rows, of, THRESHOLDS)
        (below, _), (above, _) = (derivatives(rows + move, of, THRESHOLDS) for move in (-step, step))
        moved = loss(rows + step, of, THRESHOLDS) - loss(rows - step, of, THRESHOLDS)
        assert first[0] == pytest.approx(moved / (2 * step), abs=1e-6)
        assert second[0] == pytest.approx((above[0] - below[0]) / (2 * step), abs=1e-6)
        assert second[0] > 0


def test_the_true_thresholds_and_slope_are_found() -> None:
    """Many rows give slope and thresholds back."""
    score, category = made(40_000, slope=1.5)
    slope, thresholds = likeliest(score, category)
    assert slope == pytest.approx(1.5, abs=0.05)
    np.testing.assert_allclose(thresholds, THRESHOLDS, atol=0.06)


def test_no_neighbour_is_likelier() -> None:
    """At the thresholds found for a given slope, moving either costs."""
    score, category = made(500)
    _, thresholds = likeliest(score, category, slope=1.0)
    least = loss(score, category, thresholds)
    for move in ([0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]):
        assert loss(score, category, thresholds + np.array(move)) > least


def test_a_ranking_is_never_turned_round() -> None:
    """Scores that point the wrong way get slope zero and the categories' rates."""
    score, category = made(2000, slope=-1.0)
    slope, thresholds = likeliest(score, category)
    assert slope == 0.0
    np.testing.assert_allclose(sigmoid(thresholds), [(category <= k).mean() for k in (0, 1)], atol=0.01)


def test_a_category_that_nobody_is_in_is_no_infinity() -> None:
    """Without passives, or with one kind only, the thresholds stay finite and in order."""
    score, category = made(200)
    for kept in (category != 1, category == 2):
        _, (low, high) = likeliest(score[kept], category[kept], slope=1.0)
        assert np.isfinite([low, high]).all()
        assert low < high
