"""Moments of truth: the few encounters that make or break loyalty, and whether they can do the one, the other, or both.

A key driver is a moment of truth when it goes deep: its lower depth limit lies above 1.5 x the key drivers' median depth
(points, money), or above the median while it moves the churn probability of those who met it by 10 points on average; and
when it moves the category (detractor, passive, promoter; leaver, stayer) of at least a tenth of those who met it. Asymmetry
says which way: a breaker costs more when it fails than it wins when it succeeds (Kano, 1984; Mittal, Ross and Baldasare, 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from drivers.attribution import Floats, Problem
from drivers.strength import Effects, asymmetry, base_rate, quantiles, sample_shift

Shape = Literal["breaker", "linear", "maker"]
Moment = Literal["make", "break", "both"]

SIDED: Final = 0.33  # beyond it a driver is one-sided
_DEEP: Final = 1.5  # times the median depth of the key drivers
_MOVED_PROBABILITY: Final = 0.10
_MOVED_CATEGORY: Final = 0.10
_NPS_CATEGORIES: Final = (-100.0, 0.0, 100.0)
_MOMENTS: Final[dict[Shape, Moment]] = {"breaker": "break", "maker": "make", "linear": "both"}


@dataclass(frozen=True)
class Moved:
    """What each block does to those who met it: share whose category it moves, mean move of the probability (NaN if none)."""

    category: Floats
    probability: Floats


def good_asymmetry(gain: Floats, loss: Floats, *, higher_is_better: bool) -> Floats:
    """Asymmetry of what a touchpoint wins and loses for the company: an outcome like churn is turned over."""
    return asymmetry(gain, loss) if higher_is_better else asymmetry(loss, gain)


def shape_of(value: float) -> Shape | None:
    """Breaker, linear or maker; None where the asymmetry is unknown."""
    if np.isnan(value):
        return None
    if value < -SIDED:
        return "breaker"
    return "maker" if value > SIDED else "linear"


def moved(problem: Problem, values: Floats, raw: Floats, found: Effects) -> Moved:
    """Compare each row's prediction with that of the same row had nothing happened (see `Effects.reference`).

    Parameters
    ----------
    problem, values, raw
        Values (rows, blocks) and the calibrated raw prediction (rows,) they add up to, at the sample's level.
    found
        Slopes and references.
    """
    raw = raw + sample_shift(problem)
    cuts = _cuts(problem, raw, base_rate(problem))
    category, probability = np.zeros(values.shape[1]), np.full(values.shape[1], np.nan)
    for b in range(values.shape[1]):
        met = problem.blocks[b].met
        if np.isnan(found.reference[b]) or not met.any():
            continue
        weight = problem.weight[met]
        with_it = raw[met]
        without = with_it - found.slope[b] * (values[met, b] - found.reference[b])
        if len(cuts):
            changed = np.searchsorted(cuts, with_it) != np.searchsorted(cuts, without)
            category[b] = np.average(changed, weights=weight)
        if problem.kind == "binary":
            probability[b] = np.average(np.abs(_chance(with_it) - _chance(without)), weights=weight)
    return Moved(category, probability)


def moments_of_truth(
    key: npt.NDArray[np.bool_], depth: Floats, depth_low: Floats, effect: Moved, *, probability: bool
) -> npt.NDArray[np.bool_]:
    """Which blocks are moments of truth; `probability` for churn."""
    if not key.any():
        return np.zeros_like(key)
    median = float(np.median(depth[key]))
    if probability:
        deep = (depth_low > median) & (np.nan_to_num(effect.probability) >= _MOVED_PROBABILITY)
    else:
        deep = depth_low > _DEEP * median
    return key & deep & (effect.category >= _MOVED_CATEGORY)


def moment_of(shape: Shape | None) -> Moment | None:
    """What a moment of truth of this shape can do."""
    return None if shape is None else _MOMENTS[shape]


def _cuts(problem: Problem, raw: Floats, rate: float) -> Floats:
    """Raw predictions where the predicted category changes, so that as many fall in each as were observed there."""
    if problem.kind == "binary":
        shares: tuple[float, ...] = (1.0 - rate,)
    elif set(np.unique(problem.y)) <= set(_NPS_CATEGORIES):
        shares = tuple(float(np.average(problem.y <= top, weights=problem.weight)) for top in _NPS_CATEGORIES[:-1])
    else:
        # Money has no categories of its own: thirds stand in for them.
        shares = (1 / 3, 2 / 3)
    return quantiles(raw, problem.weight, shares)


def _chance(raw: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    return chance
