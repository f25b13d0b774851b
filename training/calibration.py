"""Sigmoid calibration (Platt, 1999): probability = sigmoid(slope x raw score + intercept), fitted on out-of-fold scores.

Two numbers cannot overfit and keep the ranking; the targets are Platt's smoothed ones. A slope at or below zero would turn the
ranking round, which out-of-fold scores of a useless model can ask for: it is held at a small positive value, so that the
probabilities fall back to the base rate.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.bundle import sigmoid

Array = NDArray[np.float64]

LEAST_SLOPE: Final = 1e-2


def fit_sigmoid(score: Array, y: Array) -> tuple[float, float]:
    """(slope, intercept) by maximum likelihood.

    Parameters
    ----------
    score
        Raw out-of-fold scores (log-odds), (n,).
    y
        Labels 0/1, (n,).
    """
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    smoothed = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    base = float(np.log((positives + 1) / (negatives + 1)))
    if float(np.ptp(score)) < 1e-12:
        return 1.0, base - float(score.mean())

    def loss(parameters: Array) -> tuple[float, Array]:
        slope, intercept = parameters
        z = slope * score + intercept
        gap = sigmoid(z) - smoothed
        value = float(np.mean(np.logaddexp(0.0, z) - smoothed * z))
        return value, np.array([float(np.mean(gap * score)), float(np.mean(gap))])

    start = np.array([1.0, base - float(score.mean())])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)], tol=1e-12)
    return float(found.x[0]), float(found.x[1])


def fit_scale(prediction: Array, y: Array) -> tuple[float, float]:
    """(1, log of actual over predicted money): out-of-fold expectations add up to what was spent."""
    ratio = float(np.sum(y)) / max(float(np.sum(prediction)), 1e-12)
    return 1.0, float(np.log(np.clip(ratio, 0.2, 5.0)))
