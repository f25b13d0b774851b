"""Sigmoid calibration."""

from __future__ import annotations

import numpy as np
import pytest

from training.bundle import sigmoid
from training.calibration import LEAST_SLOPE, fit_scale, fit_sigmoid, fit_slope


def test_the_true_sigmoid_is_found() -> None:
    """Scores that are half as large as they should be, and shifted, get their slope and intercept back."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=20_000)
    y = (rng.random(20_000) < sigmoid(2 * z - 1)).astype(float)
    slope, intercept = fit_sigmoid(z[:, None], y)
    assert slope == pytest.approx(2, abs=0.1)
    assert intercept == pytest.approx(-1, abs=0.1)


def test_the_mean_probability_is_the_rate() -> None:
    """After calibration the probabilities add up to the churners, as maximum likelihood with an intercept makes them."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=500) + 3
    y = (rng.random(500) < 0.1).astype(float)
    slope, intercept = fit_sigmoid(z[:, None], y)
    assert sigmoid(slope * z + intercept).mean() == pytest.approx(y.mean(), abs=0.005)


def test_a_ranking_is_never_turned_round() -> None:
    """Scores that point the wrong way are all but ignored: the probabilities stay near the base rate."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=2000)
    y = (rng.random(2000) < sigmoid(-2 * z)).astype(float)
    slope, intercept = fit_sigmoid(z[:, None], y)
    assert slope == pytest.approx(LEAST_SLOPE)
    assert np.ptp(sigmoid(slope * z + intercept)) < 0.03


def test_constant_scores_give_the_base_rate() -> None:
    """A model without a split answers the rate."""
    y = np.array([1.0] * 20 + [0.0] * 80)
    slope, intercept = fit_sigmoid(np.full((100, 1), -0.7), y)
    assert sigmoid(np.array(slope * -0.7 + intercept)) == pytest.approx(0.2, abs=0.01)


def test_perfect_separation_stays_finite() -> None:
    """Platt's targets keep the slope finite where the scores separate the classes."""
    z = np.concatenate([np.full(50, -1.0), np.full(50, 1.0)])
    slope, intercept = fit_sigmoid(z[:, None], (z > 0).astype(float))
    assert np.isfinite([slope, intercept]).all()
    assert sigmoid(np.array(slope + intercept)) == pytest.approx(51 / 52, abs=0.01)


def test_two_scores_share_what_they_know() -> None:
    """A second model's noisy copy of the same score earns a slope of its own, never a negative one."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=5000)
    scores = z[:, None] + rng.normal(size=(5000, 2))
    y = (rng.random(5000) < sigmoid(2 * z)).astype(float)
    first, second, _ = fit_sigmoid(scores, y, own=0)
    assert first > 0.3
    assert second > 0.3
    alone = fit_sigmoid(np.column_stack([z, -z]), y, own=0)
    assert alone[1] == 0.0


def test_money_adds_up() -> None:
    """The scale makes out-of-fold expectations add up to what was spent."""
    y, prediction = np.array([10.0, 0.0, 20.0]), np.array([5.0, 5.0, 5.0])
    slope, intercept = fit_scale(prediction, y)
    assert slope == 1.0
    assert (np.exp(np.log(prediction) + intercept)).sum() == pytest.approx(y.sum())


def test_dates_have_no_say_in_the_slope() -> None:
    """Whatever level each date has, even against the scores' own, the slope within dates is found."""
    rng = np.random.default_rng(5)
    dates = np.repeat([1, 2, 3], 6000)
    z = rng.normal(size=len(dates)) + np.repeat([0.0, 1.0, 2.0], 6000)
    y = (rng.random(len(z)) < sigmoid(0.7 * z - 1.5 * dates + 2)).astype(float)
    assert fit_slope(z, y, dates) == pytest.approx(0.7, abs=0.05)


def test_few_churners_leave_the_slope_near_one() -> None:
    """Ten churners cannot deny that the scores are log-odds; many can."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=40_000) - 3
    y = (rng.random(len(z)) < sigmoid(0.3 * (z + 3) - 3)).astype(float)
    few = fit_slope(z[:200], y[:200], np.ones(200, dtype=np.int64))
    many = fit_slope(z, y, np.ones(len(z), dtype=np.int64))
    assert abs(few - 1) < abs(many - 1)
    assert many == pytest.approx(0.3, abs=0.05)


def test_a_slope_within_dates_is_never_negative() -> None:
    """Scores that point the wrong way are all but ignored; perfect ones stay finite."""
    rng = np.random.default_rng(7)
    z = rng.normal(size=5000)
    ones = np.ones(5000, dtype=np.int64)
    assert fit_slope(z, (rng.random(5000) < sigmoid(-2 * z)).astype(float), ones) == LEAST_SLOPE
    assert 1 < fit_slope(z, (z > 0).astype(float), ones) < 100
