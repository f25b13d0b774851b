"""How sure: bootstraps of customers over held-out values, refits on halves of the customers, ranks and intervals.

Two things move an estimate. Whose answers were drawn: customers are resampled, slopes follow by one Newton step from the
full solution, nothing is refitted, so hundreds of draws take a second. And what the model made of them: refits on halves. What
neither shows is bias (regularised trees understate, and differently so): an allowance in percent of the estimate covers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from drivers.attribution import Floats, Ints, Problem
from drivers.significance import SLOPE_CAP, Regression, regress
from drivers.strength import Effects, effects

_LEVEL: Final = (0.025, 0.975)
_Z: Final = 1.959964
# Measured bias of a strength, as a share of it: windows that outlive the effect leave less of it unseen.
_BIAS_LONG_WINDOW: Final = 0.08
_BIAS_SHORT_WINDOW: Final = 0.12
_LONG_WINDOW_DAYS: Final = 365


@dataclass(frozen=True)
class Draws:
    """Resampled estimates, (draws, blocks) each, in the raw unit."""

    strength: Floats
    depth: Floats
    reach: Floats
    gain: Floats
    loss: Floats


def bootstrap(problem: Problem, values: Floats, fit: Regression, point: Effects, draws: int, seed: int) -> Draws:
    """Resample customers over fixed held-out values (rows, blocks); medians and references stay where they are."""
    rng = np.random.default_rng([seed, 5])
    _, code = np.unique(problem.customer, return_inverse=True)
    customers = int(code.max()) + 1
    counts = rng.multinomial(customers, np.full(customers, 1 / customers), size=draws).astype(np.float64)
    times = counts[:, code]
    slope = np.clip(_slopes(values, fit, times), 0.0, SLOPE_CAP)

    mass = times * problem.weight
    total = mass.sum(axis=1, keepdims=True)
    met = problem.met.astype(np.float64)
    inside = mass @ met
    mean = np.average(values, axis=0, weights=problem.weight)
    from_reference = values - np.nan_to_num(point.reference)

    def among_met(quantity: Floats) -> Floats:
        return np.divide(mass @ (quantity * met), inside, out=np.zeros_like(inside), where=inside > 0)

    return Draws(
        strength=slope
        * (mass @ np.abs(values - mean) / total + recentred(values, problem.weight, mass @ values / total)),
        depth=slope * among_met(np.abs(values - np.nan_to_num(point.usual))),
        reach=inside / total,
        gain=among_met(np.maximum(from_reference, 0.0)),
        loss=among_met(np.maximum(-from_reference, 0.0)),
    )


def recentred(values: Floats, weight: Floats, means: Floats) -> Floats:
    """What mean |value - mean| gains in each draw as the mean itself moves to `means` (draws, blocks), to first order.

    A rare, deep encounter makes values skewed: most rows lie on one side of the mean, and a draw with more such encounters moves the
    mean away from them all. With the mean held still the spread of draws is half of what it is.
    """
    mean = np.average(values, axis=0, weights=weight)
    balance = np.average(np.sign(mean - values), axis=0, weights=weight)
    moved: Floats = (means - mean) * balance
    return moved


def _slopes(values: Floats, fit: Regression, times: Floats) -> Floats:
    """One Newton step per resample from the full solution: exact for a linear model, second-order close for a logistic."""
    scale = values.std(axis=0)
    live = scale > 0
    scale = np.where(live, scale, 1.0)
    design = np.column_stack([np.ones(len(values)), (values - values.mean(axis=0)) / scale])
    width = design.shape[1]
    upper = np.triu_indices(width)
    products = design[:, upper[0]] * design[:, upper[1]] * fit.curvature[:, None]
    flat = times @ products
    hessian = np.zeros((len(times), width, width))
    hessian[:, upper[0], upper[1]] = flat
    hessian[:, upper[1], upper[0]] = flat
    hessian += np.eye(width) * (1e-9 * np.trace(hessian, axis1=1, axis2=2).mean() / width)
    gradient = times @ (design * fit.score[:, None])
    step = np.linalg.solve(hessian, gradient[:, :, None])[:, 1:, 0] / scale
    moved: Floats = np.where(live, fit.slope + step, 0.0)
    return moved


def refit(problem: Problem, values: Floats) -> Effects:
    """Effects of one half-sample's values (rows, blocks), with slopes of their own."""
    return effects(problem, values, regress(values, problem.y, problem.customer, problem.kind))


def halves(refits: list[Effects]) -> Draws:
    """Half-sample refits as draws."""
    return Draws(
        strength=np.array([one.strength for one in refits]),
        depth=np.array([one.depth for one in refits]),
        reach=np.array([one.reach for one in refits]),
        gain=np.array([one.gain for one in refits]),
        loss=np.array([one.loss for one in refits]),
    )


def allowance(window_days: Ints) -> Floats:
    """Share of an estimate that is allowed for bias, by the longest window of each block."""
    return np.where(window_days >= _LONG_WINDOW_DAYS, _BIAS_LONG_WINDOW, _BIAS_SHORT_WINDOW)


def interval(point: Floats, resampled: Floats, refitted: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Limits (blocks,) of nonnegative estimates: spread of resamples and refits together, plus the allowance for bias."""
    sampling, learning = resampled.std(axis=0), refitted.std(axis=0)
    half = _Z * np.maximum(sampling, learning) + bias * point
    return np.maximum(point - half, 0.0), point + half


def percentiles(draws: Floats) -> tuple[Floats, Floats]:
    """95 % limits of draws (draws, blocks); NaN where every draw is."""
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    known = ~np.isnan(draws).all(axis=0)
    if known.any():
        low[known], high[known] = np.nanquantile(draws[:, known], _LEVEL, axis=0)
    return low, high


def widest(*draws: Floats) -> tuple[Floats, Floats]:
    """The outer limits (blocks,) of several sets of draws."""
    limits = [percentiles(one) for one in draws]
    return np.fmin.reduce([low for low, _ in limits]), np.fmax.reduce([high for _, high in limits])
