"""Sigmoid calibration (Platt, 1999): probability = sigmoid(slope x raw score + intercept), fitted on out-of-fold scores.

A few numbers cannot overfit, and one model's ranking is kept; the targets are Platt's smoothed ones. A slope at or below zero would turn the
ranking round, which out-of-fold scores of a useless model can ask for: it is held at a small positive value, so that the
probabilities fall back to the base rate.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training import hazards
from training.bundle import sigmoid

Array = NDArray[np.float64]

LEAST_SLOPE: Final = 1e-2
SLOPE_DOUBT: Final = 0.25
"""Standard deviation of what is believed of a slope before the labels are seen: one half too large or small is rare."""
_NEWTON: Final = 50
_RIDGE: Final = 1e-6
_CLOSE: Final = 1e-10


def fit_sigmoid(scores: Array, y: Array, own: int = 0) -> tuple[float, ...]:
    """Slopes of the scores and the intercept, by maximum likelihood.

    Parameters
    ----------
    scores
        Raw out-of-fold scores (log-odds) of the models, (n, models). The cumulative models of NPS are calibrated on each
        other's scores too: what both say steadies the difference that the middle class lives on.
    y
        Labels 0/1, (n,).
    own
        The column of the model that was taught these labels; its slope is held positive, the others' at zero or above.
    """
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    smoothed = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    base = float(np.log((positives + 1) / (negatives + 1)))
    columns = scores.shape[1]
    centre = scores.mean(axis=0)
    start = np.zeros(columns + 1)
    start[own], start[-1] = 1.0, base - centre[own]
    if float(np.ptp(scores[:, own])) < 1e-12:
        return tuple(start.tolist())

    def loss(parameters: Array) -> tuple[float, Array]:
        z = scores @ parameters[:-1] + parameters[-1]
        gap = sigmoid(z) - smoothed
        value = float(np.mean(np.logaddexp(0.0, z) - smoothed * z))
        return value, np.append(scores.T @ gap / len(y), gap.mean())

    bounds = [(LEAST_SLOPE if column == own else 0.0, None) for column in range(columns)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)], tol=1e-12)
    return tuple(found.x.tolist())


def fit_scale(prediction: Array, y: Array) -> tuple[float, ...]:
    """(1, log of actual over predicted money): out-of-fold expectations add up to what was spent."""
    ratio = float(np.sum(y)) / max(float(np.sum(prediction)), 1e-12)
    return 1.0, float(np.log(np.clip(ratio, 0.2, 5.0)))


def fit_hazards(scores: Array, code: NDArray[np.int64]) -> tuple[tuple[float, ...], ...]:
    """(slope, intercept) of each period's hazard, from out-of-fold raw scores (n,) and what is known of the rows (n,).

    A period's slope is fitted on the rows at risk in it and drawn towards 1 as in `fit_slope`, its intercept is the likeliest
    for that slope. A period in which nobody is at risk takes those of the one before.
    """
    risk, hit = hazards.decode(code)
    found: list[tuple[float, ...]] = []
    for period in range(1, int(risk.max(initial=1)) + 1):
        at = risk >= period
        if not at.any():
            found.append(found[-1] if found else (1.0, 0.0))
            continue
        happened = hit[at] & (risk[at] == period)
        slope = fit_slope(scores[at], happened.astype(np.float64), np.zeros(int(at.sum()), dtype=np.int64))
        intercept = hazards.likeliest(slope * scores[at], hazards.encode(np.ones_like(risk[at]), happened))[0]
        found.append((slope, float(intercept)))
    return tuple(found)


def fit_slope(scores: Array, y: Array, dates: NDArray[np.int64]) -> float:
    """The slope of out-of-fold raw scores (n,) for labels (n,), every date (n,) with an intercept of its own.

    How far dates differ then has no say in how far customers do. The slope is drawn towards 1, which few churners cannot
    deny: a normal prior around 1 with standard deviation `SLOPE_DOUBT`; it is held at a small positive value at the least.
    """
    _, number = np.unique(dates, return_inverse=True)
    centre = np.bincount(number, scores) / np.bincount(number)
    x = scores - centre[number]
    rate = (np.bincount(number, y) + 1.0) / (np.bincount(number) + 2.0)
    slope, intercepts = 1.0, np.log(rate / (1.0 - rate))
    for _ in range(_NEWTON):
        p = sigmoid(slope * x + intercepts[number])
        gap, weight = p - y, p * (1.0 - p)
        own, cross = np.bincount(number, weight) + _RIDGE, np.bincount(number, weight * x)
        pull = np.bincount(number, gap)
        # The dates' intercepts are eliminated: what is left is one equation for the slope.
        curvature = float(weight @ x**2 - cross @ (cross / own)) + SLOPE_DOUBT**-2
        step = (float(gap @ x - cross @ (pull / own)) + (slope - 1.0) * SLOPE_DOUBT**-2) / curvature
        # A step beyond what the curvature can promise is cut short.
        step = float(np.clip(step, -0.5, 0.5))
        intercepts = np.clip(intercepts - (pull - cross * step) / own, -30.0, 30.0)
        slope -= step
        if abs(step) < _CLOSE:
            break
    return max(float(slope), LEAST_SLOPE)
