"""How much and for whom: strength, reach, depth and the two tails of a touchpoint's values, in the raw unit.

Strength is what a touchpoint moves over all customers, depth what it moves for those who met it. A common shallow one and a
rare deep one can have the same strength and call for opposite efforts, so the three are always told together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Problem
from drivers.significance import SLOPE_CAP, Regression

TAILS: Final = (0.05, 0.5, 0.95)  # of the values among those who met it: what a bad, a usual and a good encounter gives
_FEWEST_MET: Final = 20  # rows below which tails are not spoken of
_FEWEST_SPARED: Final = 0.02  # share of rows without the touchpoint below which their value is not a reference


@dataclass(frozen=True)
class Effects:
    """Per block (blocks,), in the raw unit: mean |value - mean| over all and mean |value - median| over those who met it.

    `tails` is (blocks, 3): quantiles 5, 50, 95 % of the values of those who met it; NaN where too few did. `reference` is the
    value that stands for nothing having happened: the median of those who did not meet it, or, where nearly all did, of those
    who did. `slope` is clipped to what strength uses.
    """

    slope: Floats
    size: Floats
    met_size: Floats
    reach: Floats
    tails: Floats
    reference: Floats

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
    tails = np.full((blocks, 3), np.nan)
    met_size, reference = np.zeros(blocks), np.full(blocks, np.nan)
    for b in range(blocks):
        mine, w = values[met[:, b], b], weight[met[:, b]]
        if len(mine) >= _FEWEST_MET and w.sum() > 0:
            tails[b] = quantiles(mine, w, TAILS)
            met_size[b] = np.average(np.abs(mine - tails[b, 1]), weights=w)
        others, w = values[~met[:, b], b], weight[~met[:, b]]
        spared = len(others) >= max(_FEWEST_MET, _FEWEST_SPARED * len(values)) and w.sum() > 0
        reference[b] = quantiles(others, w, (0.5,))[0] if spared else tails[b, 1]
    return Effects(
        slope=np.clip(fit.slope, 0.0, SLOPE_CAP),
        size=spread(values, weight),
        met_size=met_size,
        reach=np.average(met, axis=0, weights=weight),
        tails=tails,
        reference=reference,
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


def asymmetry(tails: Floats, reference: Floats) -> Floats:
    """(U - W) / (U + W): U = q95 - reference, W = reference - q05 of tails (..., 3); NaN where there is no tail at all.

    The reference is what stands for nothing having happened. Around the median of those who met it, as asymmetry is often
    computed, a present that always pleases would look even: some got it lately and some long ago.
    """
    up = np.maximum(tails[..., 2] - reference, 0.0)
    down = np.maximum(reference - tails[..., 0], 0.0)
    whole = up + down
    found: Floats = np.divide(up - down, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return found


def base_rate(problem: Problem) -> float:
    """Mean outcome of the population the sample stands for."""
    return float(np.average(problem.y, weights=problem.weight))


def per_unit(problem: Problem) -> float:
    """What one raw unit is in the told unit: 1 for points and money, percentage points at the base rate for log-odds."""
    if problem.kind == "linear":
        return 1.0
    rate = base_rate(problem)
    return 100.0 * rate * (1.0 - rate)


def rows_met(problem: Problem, block: int) -> npt.NDArray[np.intp]:
    """Positions of the rows whose customer met a block."""
    return np.flatnonzero(problem.blocks[block].met)
