"""The level of a churn model: what each date adds to what customers' features say, and what the date to be scored will add.

Drift of the level costs more log-loss than any learner wins. So the level is kept apart from the ranking. While teaching, each
date's own rate is an offset, so that no tree tells dates apart; afterwards every date has an intercept in log-odds (with a
standard error), the one that makes its mean probability its rate. A date to be scored gets a forecast made of them:

- the mean of all dates, and of how far the newest ones stand off it the share that lasted as long before (`lasting`), one half
  where too few dates say;
- where labels reach back a year, the season instead: recent intercepts, moved as far as the same season moved last year, as
  far as that stands out of its own noise (within two standard errors it is none).

No label is looked at whose window was not over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.schema import MICROSECONDS_PER_DAY
from training.bundle import sigmoid
from training.dataset import Dataset
from training.split import Split

Array = NDArray[np.float64]
Dates = NDArray[np.int64]

YEAR: Final = 365 * MICROSECONDS_PER_DAY
NEWEST: Final = 3
"""Newest as_of dates that say where the level stands."""
CROWD: Final = 10
"""Rows of the mean rate that are mixed into a date's rate while teaching."""
_UNKNOWN: Final = 0.5
"""Share that lasts where no trial says: neither the mean nor the newest date is believed alone."""
_STEPS: Final = 50


@dataclass(frozen=True)
class Levels:
    """What each date adds in log-odds: dates (k,) rising, microseconds UTC; intercepts (k,) and their standard errors (k,)."""

    dates: Dates
    intercepts: Array
    errors: Array

    @property
    def mean(self) -> float:
        """The mean intercept, each date alike: a date is one draw of what may happen, however many customers it has."""
        return float(self.intercepts.mean())


def apart(dataset: Dataset, split: Split) -> bool:
    """Whether the level is kept apart: churn, or a time to churn, on a grid of dates, judged on later ones."""
    return dataset.task in {"binary", "survival"} and bool(dataset.window) and split.out_of_time


def offsets(y: Array, as_of: Dates) -> Array:
    """Log-odds of each row's date, (n,): its rate of labels `y` (n,), with ten rows of the mean rate mixed in."""
    _, number = np.unique(as_of, return_inverse=True)
    rate = (y.sum() + 0.5) / (len(y) + 1.0)
    rates = (np.bincount(number, y) + CROWD * rate) / (np.bincount(number) + CROWD)
    return np.asarray(np.log(rates / (1.0 - rates))[number])


def levels(log_odds: Array, y: Array, as_of: Dates) -> Levels:
    """The intercept of every date, given log-odds (n,) without a level, labels (n,) and dates (n,)."""
    dates, number = np.unique(as_of, return_inverse=True)
    found = np.array([_intercept(log_odds[number == place], y[number == place]) for place in range(len(dates))])
    return Levels(dates, found[:, 0], found[:, 1])


def foreseen(known: Levels, at: Sequence[int], window: int) -> tuple[list[float], list[float]]:
    """(recent, season) per date of `at`: the level that recent dates foresee, and what last year's season adds to it.

    Parameters
    ----------
    known
        The dates whose labels are known.
    at
        Dates to be scored.
    window
        Microseconds from an as_of to the end of its label window: how old the newest known date is at the least.
    """
    recent = known.mean + lasting(known, window) * (_newest(known.intercepts) - known.mean)
    return [recent] * len(at), season(known, at, recent)


def lasting(known: Levels, window: int) -> float:
    """Share of the newest dates' distance from the mean that is still there a label window later, 0 to 1.

    Every date that has others a window before it is a trial: how far did the newest of those stand off their mean, and how far
    does it? The share is the regression of the second on the first, drawn towards one half as by one more trial of the usual
    distance. Dates whose windows overlap are one trial between them.
    """
    before, after = [], []
    for place, date in enumerate(known.dates):
        old = known.intercepts[known.dates + window <= date]
        if len(old) > 1:
            before.append(_newest(old) - old.mean())
            after.append(known.intercepts[place] - old.mean())
    usual = float(np.var(known.intercepts))
    if not before or usual <= 0.0:
        return _UNKNOWN
    x, z = np.array(before), np.array(after)
    overlap = max(1.0, window / float(np.median(np.diff(known.dates))))
    share = (float(x @ z) / overlap + _UNKNOWN * usual) / (float(x @ x) / overlap + usual)
    return float(np.clip(share, 0.0, 1.0))


def _newest(intercepts: Array) -> float:
    return float(intercepts[-NEWEST:].mean())


def season(known: Levels, at: Sequence[int], recent: float = 0.0) -> list[float]:
    """What to add to the recent level at each date of `at`; 0 where last year says nothing."""
    dates, gaps, noises = known.dates, known.intercepts, known.errors
    if len(dates) < 3:
        return [0.0] * len(at)
    # A date a little outside takes the nearest one's value; a whole season outside says nothing.
    step = float(np.median(np.diff(dates)))

    def reached(moments: Dates) -> NDArray[np.bool_]:
        return np.asarray((moments >= dates[0] - step) & (moments <= dates[-1] + step))

    newest = dates[-NEWEST:][reached(dates[-NEWEST:] - YEAR)]
    if not len(newest):
        return [0.0] * len(at)
    drift = np.interp(newest, dates, gaps) - np.interp(newest - YEAR, dates, gaps)
    last_year = np.array(at, dtype=np.int64) - YEAR
    shifts = np.interp(last_year, dates, gaps) + float(drift.mean()) - recent
    noise = np.sqrt(
        np.interp(last_year, dates, noises) ** 2
        + noises[-1] ** 2
        + float(np.interp(newest - YEAR, dates, noises).mean()) ** 2
    )
    safe = np.where(shifts == 0.0, 1.0, shifts)
    kept = shifts * np.clip(1.0 - (2.0 * noise / safe) ** 2, 0.0, None)
    return [float(value) for value in np.where(reached(last_year), kept, 0.0)]


def _intercept(log_odds: Array, y: Array) -> tuple[float, float]:
    """The intercept that makes the mean probability the observed rate (smoothed by one row each), and its standard error."""
    target = (float(y.sum()) + 0.5) / (len(y) + 1.0)
    rate = float(np.log(target / (1.0 - target)))
    low, high = rate - float(log_odds.max()), rate - float(log_odds.min())
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(sigmoid(log_odds + middle).mean()) < target else (low, middle)
    p = sigmoid(log_odds + 0.5 * (low + high))
    return 0.5 * (low + high), 1.0 / float(np.sqrt(max(float((p * (1 - p)).sum()), 1e-9)))
