"""How much and for whom: strength, reach, depth, and what a touchpoint wins and loses, in the raw unit.

Strength is what a touchpoint moves over all customers, depth what it moves for those who met it. A common shallow one and a
rare deep one can have the same strength and call for opposite efforts, so the three are always told together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from drivers.attribution import Floats, Problem
from drivers.significance import SLOPE_CAP, Regression

_FEWEST_MET: Final = 20  # rows below which nothing is said of those who met it
_FEWEST_SPARED: Final = 0.05  # share of rows without the touchpoint below which their value is no reference


@dataclass(frozen=True)
class Effects:
    """Per block (blocks,), in the raw unit.

    Parameters
    ----------
    slope
        Clipped to what strength uses.
    size, met_size
        Mean |value - mean| over all, mean |value - median| over those who met it (0 where too few did).
    reach
        Share that met it.
    usual
        Median of those who met it; NaN where too few did.
    reference
        The value that stands for nothing having happened: the median of those who were spared it or, where hardly anyone was,
        of those who met it.
    gain, loss
        Mean of what lies above and below the reference among those who met it.
    """

    slope: Floats
    size: Floats
    met_size: Floats
    reach: Floats
    usual: Floats
    reference: Floats
    gain: Floats
    loss: Floats

    @property
    def strength(self) -> Floats:
        """Slope x size."""
        return self.slope * self.size

    @property
    def depth(self) -> Floats:
        """Slope x size among those who met it."""
        return self.slope * self.met_size


def effects(problem: Problem, values: Floats, fit: Regression, weight: Floats | None = None) -> Effects:
    """Effects of values (rows, blocks) with the slopes of their regression; `weight` replaces the problem's own."""
    weight = problem.weight if weight is None else weight
    met = problem.met
    blocks = values.shape[1]
    met_size, gain, loss = np.zeros(blocks), np.zeros(blocks), np.zeros(blocks)
    usual, reference = np.full(blocks, np.nan), np.full(blocks, np.nan)
    for b in range(blocks):
        mine, w = values[met[:, b], b], weight[met[:, b]]
        if len(mine) < _FEWEST_MET or w.sum() <= 0:
            continue
        usual[b] = quantiles(mine, w, (0.5,))[0]
        others, spared = values[~met[:, b], b], weight[~met[:, b]]
        enough = len(others) >= max(_FEWEST_MET, _FEWEST_SPARED * len(values)) and spared.sum() > 0
        reference[b] = quantiles(others, spared, (0.5,))[0] if enough else usual[b]
        met_size[b] = np.average(np.abs(mine - usual[b]), weights=w)
        gain[b] = np.average(np.maximum(mine - reference[b], 0.0), weights=w)
        loss[b] = np.average(np.maximum(reference[b] - mine, 0.0), weights=w)
    return Effects(
        slope=np.clip(fit.slope, 0.0, SLOPE_CAP),
        size=spread(values, weight),
        met_size=met_size,
        reach=np.average(met, axis=0, weights=weight),
        usual=usual,
        reference=reference,
        gain=gain,
        loss=loss,
    )


def spread(values: Floats, weight: Floats) -> Floats:
    """Mean absolute distance from the mean, per block."""
    mean = np.average(values, axis=0, weights=weight)
    distance: Floats = np.average(np.abs(values - mean), axis=0, weights=weight)
    return distance


def quantiles(values: Floats, weight: Floats, at: tuple[float, ...]) -> Floats:
    """Weighted quantiles, between the points (Hazen's rule)."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    middle = (mass - weight[order] / 2) / mass[-1]
    found: Floats = np.interp(np.asarray(at), middle, values[order])
    return found


def asymmetry(gain: Floats, loss: Floats) -> Floats:
    """(gain - loss) / (gain + loss), NaN where there is neither: 1 for what only wins, -1 for what only loses.

    Gain and loss are counted from what stands for nothing having happened. Counted from the mean they are equal by
    construction; from the median of those who met it, a present that always pleases would look even, because some got it
    lately and some long ago.
    """
    whole = gain + loss
    found: Floats = np.divide(gain - loss, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return found


def base_rate(problem: Problem) -> float:
    """Mean outcome of the population the sample stands for."""
    return float(np.average(problem.y, weights=problem.weight))


def sample_shift(problem: Problem) -> float:
    """What a raw prediction on the sample lacks to be one on the population: drawn cases count less than others."""
    if problem.kind == "linear" or problem.y.min() == problem.y.max():
        return 0.0
    cases = problem.y > 0
    return float(np.log(problem.weight[cases].mean() / problem.weight[~cases].mean()))


def per_unit(problem: Problem) -> float:
    """What one raw unit is in the told unit: 1 for points and money, percentage points at the base rate for log-odds."""
    if problem.kind == "linear":
        return 1.0
    rate = base_rate(problem)
    return 100.0 * rate * (1.0 - rate)
