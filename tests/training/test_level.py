"""The level of the season."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.made import DAY, months
from training.bundle import sigmoid
from training.level import seasonal_shifts

YEAR_AND_MORE = months(20)


def history(
    dates: tuple[int, ...], level: dict[int, float], rows: int, seed: int = 0
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    """Rows whose true log-odds are the model's plus the date's level."""
    rng = np.random.default_rng(seed)
    as_of = np.repeat(np.array(dates), rows)
    z = rng.normal(-1, 1, len(as_of))
    truth = sigmoid(z + np.repeat([level[date] for date in dates], rows))
    return z, (rng.random(len(z)) < truth).astype(float), as_of


def test_a_season_that_repeats_is_foreseen() -> None:
    """Churn swings with the year; the shift for the next months is what they brought last year."""
    level = {date: float(np.sin(2 * np.pi * date / (365 * DAY))) for date in months(26)}
    z, y, as_of = history(YEAR_AND_MORE, level, 1500)
    ahead = months(26)[21:24]
    for date, shift in zip(ahead, seasonal_shifts(z, y, as_of, ahead), strict=True):
        assert shift == pytest.approx(level[date], abs=0.25)


def test_without_a_season_nothing_moves() -> None:
    """Noise alone gives no shift worth speaking of."""
    z, y, as_of = history(YEAR_AND_MORE, dict.fromkeys(YEAR_AND_MORE, 0.0), 400)
    (shift,) = seasonal_shifts(z, y, as_of, [months(23)[-1]])
    assert abs(shift) < 0.1


def test_less_than_a_year_says_nothing() -> None:
    """Where last year is not among the labels the level is left alone."""
    dates = months(8)
    z, y, as_of = history(dates, {date: float(place % 2) for place, date in enumerate(dates)}, 300)
    assert seasonal_shifts(z, y, as_of, [dates[-1] + 30 * DAY]) == [0.0]


def test_a_lasting_change_of_level_is_kept() -> None:
    """A level that has risen since last year is the level from which the season moves."""
    dates = YEAR_AND_MORE
    z, y, as_of = history(dates, {date: 0.8 if place >= 12 else 0.0 for place, date in enumerate(dates)}, 1500)
    (shift,) = seasonal_shifts(z, y, as_of, [months(22)[-1]])
    assert shift == pytest.approx(0.8, abs=0.3)


def test_a_date_without_churners_is_no_infinity() -> None:
    """Rates of zero are smoothed."""
    z, y, as_of = history(YEAR_AND_MORE, dict.fromkeys(YEAR_AND_MORE, -9.0), 50)
    y[:] = 0.0
    assert np.isfinite(seasonal_shifts(z, y, as_of, [months(22)[-1]])).all()
