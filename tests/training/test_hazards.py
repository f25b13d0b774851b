"""Discrete-time hazards."""

from __future__ import annotations

import numpy as np
import pytest

from training.bundle import sigmoid, survival
from training.hazards import curve_losses, decode, derivatives, encode, likeliest, loss, losses

LEVELS = np.array([-1.5, -0.8, -2.0])


def made(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Scores, and what is known of rows that wait by `LEVELS` and are followed for one to three periods."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=rows)
    over = rng.integers(1, 4, rows)
    happens = rng.random((rows, 3)) < sigmoid(score[:, None] + LEVELS)
    first = np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, 4)
    return score, encode(np.minimum(first, over), first <= over)


@pytest.mark.parametrize(("risk", "hit"), [(1, False), (1, True), (2, True), (3, False), (3, True)])
def test_derivatives_are_those_of_finite_differences(risk: int, hit: bool) -> None:  # noqa: FBT001
    """Gradient and Hessian of every kind of row agree with what the loss does when the score is moved a little."""
    step = 1e-4
    code = encode(np.array([risk]), np.array([hit]))
    for score in np.linspace(-6.0, 6.0, 25):
        rows = np.array([score])
        first, second = derivatives(rows, code, LEVELS)
        (below, _), (above, _) = (derivatives(rows + move, code, LEVELS) for move in (-step, step))
        moved = loss(rows + step, code, LEVELS) - loss(rows - step, code, LEVELS)
        assert first[0] == pytest.approx(moved / (2 * step), abs=1e-6)
        assert second[0] == pytest.approx((above[0] - below[0]) / (2 * step), abs=1e-6)
        assert second[0] > 0


def test_the_true_levels_are_found() -> None:
    """Many rows give the levels back, from a far start too."""
    score, code = made(300_000)
    np.testing.assert_allclose(likeliest(score, code), LEVELS, atol=0.05)
    np.testing.assert_allclose(likeliest(score, code, np.array([9.0, -9.0, 9.0])), likeliest(score, code), atol=1e-9)


def test_no_neighbour_is_likelier() -> None:
    """At the levels found, moving any of them costs, but for the half rows that are added."""
    score, code = made(5000)
    levels = likeliest(score, code)
    for place in range(3):
        for move in (-0.05, 0.05):
            moved = levels.copy()
            moved[place] += move
            assert loss(score, code, moved) > loss(score, code, levels)


def test_a_period_without_events_or_rows_is_no_infinity() -> None:
    """Where it happened to nobody, and where nobody is at risk, levels stay finite."""
    nobody = encode(np.full(50, 2), np.zeros(50, dtype=bool))
    assert np.isfinite(likeliest(np.zeros(50), nobody)).all()
    gone = encode(np.array([1, 1, 1]), np.array([True, True, True]))
    assert np.isfinite(
        loss(np.zeros(3), encode(np.array([3, 3, 3]), np.zeros(3, dtype=bool)), likeliest(np.zeros(3), gone))
    )


def test_a_code_says_both() -> None:
    """What is known of a row goes through one number, which 32 bits hold exactly."""
    risk, hit = np.repeat(np.arange(25), 2), np.tile([False, True], 25)
    again = decode(encode(risk, hit).astype(np.float32).astype(np.int64))
    np.testing.assert_array_equal(again[0], risk)
    np.testing.assert_array_equal(again[1], hit)


def test_a_curve_costs_what_its_hazards_do() -> None:
    """The loss of a curve is the sum of the losses of its periods."""
    score, code = made(300)
    curves = survival(score[:, None] + LEVELS)
    np.testing.assert_allclose(curve_losses(curves, code), losses(score, code, LEVELS), atol=1e-12)
