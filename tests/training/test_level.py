"""The level of a date, and what it will be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.made import DAY, dataset, months
from training.bundle import sigmoid
from training.level import Levels, apart, foreseen, lasting, levels, offsets, season
from training.split import Split

YEAR_AND_MORE = months(20)
WINDOW = 60 * DAY


def history(
    dates: tuple[int, ...], level: dict[int, float], rows: int, seed: int = 0
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    """Rows whose true log-odds are the model's plus the date's level."""
    rng = np.random.default_rng(seed)
    as_of = np.repeat(np.array(dates), rows)
    z = rng.normal(-1, 1, len(as_of))
    truth = sigmoid(z + np.repeat([level[date] for date in dates], rows))
    return z, (rng.random(len(z)) < truth).astype(float), as_of


def known(intercepts: list[float], error: float = 0.01) -> Levels:
    """Levels of so many months."""
    return Levels(np.array(months(len(intercepts))), np.array(intercepts), np.full(len(intercepts), error))


def test_every_date_has_its_intercept() -> None:
    """The intercepts that made the labels are found within their errors."""
    truth = dict(zip(months(4), (-0.5, 0.0, 0.7, 0.2), strict=True))
    found = levels(*history(months(4), truth, 4000))
    assert found.dates.tolist() == list(months(4))
    assert (np.abs(found.intercepts - list(truth.values())) < 3 * found.errors).all()
    assert (found.errors < 0.05).all()


def test_offsets_are_the_dates_log_odds() -> None:
    """A date's offset is the log-odds of its rate; a date of one row hardly leaves the mean."""
    as_of = np.array([1] * 500 + [2] * 500 + [3])
    y = np.array(([1.0] * 100 + [0.0] * 400) + ([1.0] * 300 + [0.0] * 200) + [1.0])
    found = offsets(y, as_of)
    np.testing.assert_allclose(sigmoid(found[[0, 500, 1000]]), [0.204, 0.596, 0.455], atol=0.002)


def test_a_level_that_lasts_is_followed() -> None:
    """Where the level has moved once and stayed, the newest dates say where it is."""
    stayed = known([0.0] * 8 + [1.0] * 8)
    assert lasting(stayed, WINDOW) > 0.6
    (recent,), _ = foreseen(stayed, [months(18)[-1]], WINDOW)
    assert stayed.mean + 0.2 < recent <= 1.0


def test_a_level_that_comes_and_goes_is_not_followed() -> None:
    """Where distances from the mean were gone a window later, the mean is foreseen."""
    swinging = known([1.0 if place // 3 % 2 else -1.0 for place in range(9)])
    (recent,), _ = foreseen(swinging, [months(12)[-1]], WINDOW)
    assert abs(recent - swinging.mean) < 0.4


def test_two_dates_are_no_trial() -> None:
    """Too few dates for any trial: half is taken to last."""
    assert lasting(known([0.0, 1.0]), WINDOW) == 0.5
    assert foreseen(known([0.0, 1.0]), [months(5)[-1]], WINDOW) == ([0.5], [0.0])


def test_a_season_that_repeats_is_foreseen() -> None:
    """Churn swings with the year; the level of the next months is what they brought last year."""
    level = {date: float(np.sin(2 * np.pi * date / (365 * DAY))) for date in months(26)}
    found = levels(*history(YEAR_AND_MORE, {date: level[date] for date in YEAR_AND_MORE}, 1500))
    ahead = months(26)[21:24]
    for date, recent, move in zip(ahead, *foreseen(found, ahead, WINDOW), strict=True):
        assert recent + move == pytest.approx(level[date], abs=0.25)


def test_without_a_season_nothing_moves() -> None:
    """Noise alone gives no level worth speaking of."""
    found = levels(*history(YEAR_AND_MORE, dict.fromkeys(YEAR_AND_MORE, 0.0), 400))
    (recent,), (move,) = foreseen(found, [months(23)[-1]], WINDOW)
    assert abs(recent) < 0.1
    assert abs(move) < 0.1


def test_less_than_a_year_has_no_season() -> None:
    """Where last year is not among the labels nothing is added for it."""
    assert season(known([float(place % 2) for place in range(8)]), [months(9)[-1]]) == [0.0]


def test_a_lasting_change_of_level_is_kept_by_the_season() -> None:
    """A level that has risen since last year is the level from which the season moves."""
    found = known([0.0] * 12 + [0.8] * 8)
    (recent,), (move,) = foreseen(found, [months(22)[-1]], WINDOW)
    assert recent + move == pytest.approx(0.8, abs=0.1)


def test_a_date_without_churners_is_no_infinity() -> None:
    """Rates of zero are smoothed."""
    z, y, as_of = history(YEAR_AND_MORE, dict.fromkeys(YEAR_AND_MORE, -9.0), 50)
    y[:] = 0.0
    found = levels(z, y, as_of)
    assert np.isfinite(found.intercepts).all()
    assert np.isfinite(offsets(y, as_of)).all()
    assert np.isfinite(foreseen(found, [months(22)[-1]], WINDOW)).all()


def test_only_churn_on_a_grid_has_a_level_apart() -> None:
    """Flat tables, NPS and money keep the calibration they had."""
    rows = np.arange(10)
    later = Split("out_of_time", rows, rows, ())
    assert apart(dataset(rows=120, dates=months(12)), later)
    assert not apart(dataset(rows=120, dates=months(12)), Split("grouped_folds", rows, rows, ()))
    assert not apart(dataset(rows=120), later)
    assert not apart(dataset("amount", rows=120, dates=months(12)), later)
