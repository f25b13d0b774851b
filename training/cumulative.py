"""Proportional odds for boosting: one score that says how happy, two thresholds that cut it into categories (McCullagh, 1980).

P(category <= k) = sigmoid(threshold_k - score) for the categories 0 < 1 < 2. One booster grows the score; the thresholds are
the likeliest for it, found anew before each tree. With U and L for the sigmoid at the category's upper and lower threshold
(1 above the last, 0 below the first), the loss -log(U - L) has in the score the gradient 1 - U - L and the second derivative
U(1 - U) + L(1 - L), both exact; it is convex in score and thresholds together (Pratt, 1981).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.bundle import sigmoid

Array = NDArray[np.float64]
CLASSES: Final = 3
_STEPS: Final = 50
_NARROW: Final = 1e-3
"""Least distance of the thresholds: a category that nobody is in keeps a little room."""
_LEAST: Final = 1e-12


def edges(score: Array, category: NDArray[np.int64], thresholds: Array) -> tuple[Array, Array]:
    """Sigmoids at the upper and the lower threshold of each row's category, (n,) each."""
    upper, lower = np.append(thresholds, 0.0)[category], np.append(thresholds, 0.0)[category - 1]
    return (
        np.where(category == CLASSES - 1, 1.0, sigmoid(upper - score)),
        np.where(category == 0, 0.0, sigmoid(lower - score)),
    )


def loss(score: Array, category: NDArray[np.int64], thresholds: Array) -> float:
    """Mean log-loss (nats) of scores (n,) with categories 0, 1, 2 (n,) at thresholds (2,)."""
    upper, lower = edges(score, category, thresholds)
    return float(-np.log(np.clip(upper - lower, _LEAST, None)).mean())


def derivatives(score: Array, category: NDArray[np.int64], thresholds: Array) -> tuple[Array, Array]:
    """First and second derivative of each row's log-loss in its score, (n,) each."""
    upper, lower = edges(score, category, thresholds)
    return 1.0 - upper - lower, upper * (1.0 - upper) + lower * (1.0 - lower)


def likeliest(
    score: Array, category: NDArray[np.int64], *, slope: float | None = None, start: Array | None = None
) -> tuple[float, Array]:
    """The slope of the scores and the thresholds (2,) of least log-loss, by Newton's method with halved steps.

    Parameters
    ----------
    score
        Raw scores, (n,).
    category
        0, 1, 2, (n,).
    slope
        Held at this value; None: found too, and never below zero.
    start
        Thresholds to look from, (2,); None: those of the categories' rates.
    """
    free = slope is None
    first = 1.0 if slope is None else slope
    if start is None:
        counts = np.bincount(category, minlength=CLASSES) + 1.0
        below = np.cumsum(counts)[:-1] / counts.sum()
        start = np.log(below / (1.0 - below)) + first * float(score.mean())
    at = np.append(start, first)
    best = _total(score, category, at)
    for _ in range(_STEPS):
        gradient, curvature = _system(score, category, at)
        if not free:
            gradient[2], curvature[2, :], curvature[:, 2], curvature[2, 2] = 0.0, 0.0, 0.0, 1.0
        step = np.linalg.solve(curvature + 1e-9 * np.eye(3), gradient)
        share = 1.0
        while share > 1e-6:
            trial = _allowed(at - share * step)
            value = _total(score, category, trial)
            if value <= best:
                break
            share *= 0.5
        else:
            break
        gain, at, best = best - value, trial, value
        if gain < 1e-12 * max(best, 1.0):
            break
    return (float(at[2]), at[:2]) if at[2] >= 0.0 else likeliest(score, category, slope=0.0)


def _allowed(at: Array) -> Array:
    """Thresholds in order."""
    return np.array([at[0], max(at[1], at[0] + _NARROW), at[2]])


def _total(score: Array, category: NDArray[np.int64], at: Array) -> float:
    return loss(at[2] * score, category, at[:2])


def _system(score: Array, category: NDArray[np.int64], at: Array) -> tuple[Array, Array]:
    """Gradient (3,) and Hessian (3, 3) of the mean log-loss in both thresholds and the slope."""
    upper, lower = edges(at[2] * score, category, at[:2])
    p = np.clip(upper - lower, _LEAST, None)
    du, dl = upper * (1.0 - upper), lower * (1.0 - lower)
    # By the upper and the lower edge: first derivatives, then second ones.
    gu, gl = -du / p, dl / p
    huu, hll, hul = gu**2 - du * (1.0 - 2.0 * upper) / p, gl**2 + dl * (1.0 - 2.0 * lower) / p, gu * gl
    # What an edge moves with: its threshold by 1, the slope by minus the score.
    one = np.eye(CLASSES - 1)
    at_upper = np.column_stack([np.vstack([one, np.zeros(2)])[category], -score])
    at_lower = np.column_stack([np.vstack([np.zeros(2), one])[category], -score])
    gradient = (gu[:, None] * at_upper + gl[:, None] * at_lower).mean(axis=0)
    cross = at_upper.T @ (hul[:, None] * at_lower)
    hessian = at_upper.T @ (huu[:, None] * at_upper) + at_lower.T @ (hll[:, None] * at_lower) + cross + cross.T
    return gradient, hessian / len(score)
