"""Discrete-time hazards for boosting: one score of how soon, and the level of each period (Cox, 1972; Singer and Willett, 1993).

The chance that it happens in period k to whom it has not happened before is h_k = sigmoid(b_k + score). One booster grows the
score; the levels b_k are the likeliest for it, found anew before each tree. A row is at risk in its first `r` periods: those until
it happened, or until they were no longer over (censored). Its loss is the sum of the log-losses of those periods, which has in
the score the gradient sum(h_k) - [it happened] and the second derivative sum(h_k (1 - h_k)), both exact and the latter positive.

What is known of a row goes to LightGBM as one whole number, 2 r + [it happened in period r], which its 32 bits hold exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.bundle import sigmoid

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS: Final = 100
_LONGEST: Final = 2.0
_CLOSE: Final = 1e-12
_LEAST: Final = 1e-15
HALF: Final = 0.5
"""Rows added to those of a period to which it happened, and as many to whom it did not: no level is infinite."""


def encode(risk: Ints, hit: NDArray[np.bool_]) -> Ints:
    """Periods at risk (n,) and whether it happened in the last of them (n,), as one number each (n,)."""
    return 2 * risk + hit


def decode(code: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """The inverse of `encode`."""
    return code // 2, code % 2 == 1


def derivatives(score: Array, code: Ints, levels: Array) -> tuple[Array, Array]:
    """First and second derivative of each row's loss in its score, (n,) each, at levels (periods,)."""
    risk, hit = decode(code)
    levels = _reaching(levels, risk)
    chance = sigmoid(score[:, None] + levels) * _at_risk(risk, len(levels))
    return chance.sum(axis=1) - hit, (chance * (1.0 - chance)).sum(axis=1)


def losses(score: Array, code: Ints, levels: Array) -> Array:
    """Loss of each row (n,), nats."""
    risk, hit = decode(code)
    levels = _reaching(levels, risk)
    z = score[:, None] + levels
    no = np.logaddexp(0.0, z) * _at_risk(risk, len(levels))
    return np.asarray(no.sum(axis=1) - hit * z[np.arange(len(z)), np.maximum(risk - 1, 0)])


def loss(score: Array, code: Ints, levels: Array) -> float:
    """Mean loss of rows, nats."""
    return float(losses(score, code, levels).mean())


def likeliest(score: Array, code: Ints, start: Array | None = None) -> Array:
    """The levels (periods,) of least loss given scores (n,), by Newton's method; half a row either way is added to each period.

    A period in which nobody is at risk has the level of the one before.
    """
    risk, hit = decode(code)
    most = int(risk.max(initial=1))
    levels = np.empty(most)
    for k in range(most):
        at = risk > k
        rows = int(at.sum())
        if not rows:
            levels[k] = levels[k - 1] if k else 0.0
            continue
        happened = int((hit & (risk == k + 1)).sum())
        target = rows * (happened + HALF) / (rows + 2 * HALF)
        first = (
            start[k] if start is not None and k < len(start) else np.log(target / (rows - target)) - score[at].mean()
        )
        levels[k] = _level(score[at], target, float(first))
    return levels


def curve_losses(survived: Array, code: Ints) -> Array:
    """Loss of each row (n,), nats, from its curve (n, periods): minus the log of the chance of what is known of it."""
    risk, hit = decode(code)
    rows = np.arange(len(code))
    whole = np.column_stack([np.ones(len(code)), survived])
    left = whole[rows, risk]
    chance = np.where(hit, whole[rows, np.maximum(risk - 1, 0)] - left, left)
    return np.asarray(-np.log(np.clip(chance, _LEAST, 1.0)))


def _level(score: Array, target: float, level: float) -> float:
    """The level at which the chances of scores (n,) add up to `target`."""
    for _ in range(_STEPS):
        chance = sigmoid(score + level)
        # A step beyond what the curvature can promise is cut short.
        step = float(
            np.clip((chance.sum() - target) / max(float((chance * (1 - chance)).sum()), 1e-12), -_LONGEST, _LONGEST)
        )
        level -= step
        if abs(step) < _CLOSE:
            break
    return level


def _at_risk(risk: Ints, periods: int) -> NDArray[np.bool_]:
    return np.arange(periods) < risk[:, None]


def _reaching(levels: Array, risk: Ints) -> Array:
    """Levels as far as the rows were at risk: beyond those that are known the last one goes on."""
    more = int(risk.max(initial=1)) - len(levels)
    return np.append(levels, np.full(more, levels[-1])) if more > 0 else levels
