"""The level of the season: recent labels, moved as far as the same season moved last year.

A model ranks well into the next season while its level stays that of the months it was calibrated on, and the level costs more
log-loss than any learner wins. So look at what the model leaves unexplained per as_of date, as an intercept in log-odds: the
newest dates say where it stands now, a year before them against a year before the date to be scored says how far it moves.
The shift is used only as far as it stands out of its own noise (within two standard errors it is none), and only where labels
reach back a year. No label is looked at whose window was not over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.schema import MICROSECONDS_PER_DAY
from training.bundle import sigmoid

Array = NDArray[np.float64]

YEAR: Final = 365 * MICROSECONDS_PER_DAY
NEWEST: Final = 3
"""Newest as_of dates that say where the level stands."""
_STEPS: Final = 50


def seasonal_shifts(log_odds: Array, y: Array, as_of: NDArray[np.int64], at: Sequence[int]) -> list[float]:
    """What to add to the calibrated log-odds at each date of `at`; 0 where last year says nothing.

    Parameters
    ----------
    log_odds
        Calibrated log-odds of rows whose labels are known, (n,).
    y
        Their labels 0/1, (n,).
    as_of
        Their dates, microseconds UTC, (n,).
    at
        Dates to be scored.
    """
    dates, number = np.unique(as_of, return_inverse=True)
    if len(dates) < 3:
        return [0.0] * len(at)
    gaps, noises = np.array([_gap(log_odds[number == place], y[number == place]) for place in range(len(dates))]).T
    # A date a little outside takes the nearest one's value; a whole season outside says nothing.
    step = float(np.median(np.diff(dates)))

    def reached(moments: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((moments >= dates[0] - step) & (moments <= dates[-1] + step))

    newest = dates[-NEWEST:][reached(dates[-NEWEST:] - YEAR)]
    if not len(newest):
        return [0.0] * len(at)
    drift = np.interp(newest, dates, gaps) - np.interp(newest - YEAR, dates, gaps)
    last_year = np.array(at, dtype=np.int64) - YEAR
    shifts = np.interp(last_year, dates, gaps) + float(drift.mean())
    noise = np.sqrt(
        np.interp(last_year, dates, noises) ** 2
        + noises[-1] ** 2
        + float(np.interp(newest - YEAR, dates, noises).mean()) ** 2
    )
    safe = np.where(shifts == 0.0, 1.0, shifts)
    kept = shifts * np.clip(1.0 - (2.0 * noise / safe) ** 2, 0.0, None)
    return [float(value) for value in np.where(reached(last_year), kept, 0.0)]


def _gap(log_odds: Array, y: Array) -> tuple[float, float]:
    """The intercept that makes the mean probability the observed rate (smoothed by one row each), and its standard error."""
    target = (float(y.sum()) + 0.5) / (len(y) + 1.0)
    low, high = -10.0, 10.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(sigmoid(log_odds + middle).mean()) < target else (low, middle)
    p = sigmoid(log_odds + 0.5 * (low + high))
    return 0.5 * (low + high), 1.0 / float(np.sqrt(max(float((p * (1 - p)).sum()), 1e-9)))
