"""What questions about groups of rows share: figures of drivers in a group, and whether a driver's effect differs between groups.

In goes `Evidence`, what an analysis leaves behind. A group is any part of the rows: a segment, a period. Its strength, reach and
depth are those of drivers/strength.py on its own rows, with intervals from resampled customers; a customer with rows in two
groups is in or out of both at once. That figures differ does not say that the *effect* does: it may be met more often there, or
go worse. The effect is the slope of the outcome on held-out values, and a clustered Wald test compares it between groups. The
values must not have learnt the difference already: where a model may split on the group, its values carry part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from drivers import significance, strength
from drivers.attribution import Attribution, Floats, Ints, Kind, Problem
from drivers.uncertainty import recentred

Bools = npt.NDArray[np.bool_]

FEWEST_ROWS: Final = 100  # below which a group is not told apart
FEWEST_CUSTOMERS: Final = 50
FEWEST_MET: Final = 20  # customers who met a driver, below which a group has no slope and no depth of it
_LEVEL: Final = (0.025, 0.975)
_MOST_LEVERAGE: Final = 0.9
_SURE: Final = 2.0  # standard errors of the common slope below which nothing is told as a multiple of it


@dataclass(frozen=True)
class Evidence:
    """What an analysis knows of each row.

    Parameters
    ----------
    problem
        The arrays that were analysed.
    values
        (rows, blocks) held-out SHAP values, averaged over repeats.
    repeats
        (repeats, rows, blocks) the values of each repeat: tests are made on these.
    raw
        (rows,) calibrated raw prediction.
    slope
        (blocks,) calibrated slopes, clipped as strength uses them.
    key
        (blocks,) which blocks are key drivers.
    """

    problem: Problem
    values: Floats
    repeats: Floats
    raw: Floats
    slope: Floats
    key: Bools

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks."""
        return tuple(block.name for block in self.problem.blocks)


def evidence_of(problem: Problem, held: Attribution, key: Bools) -> Evidence:
    """Evidence from cross-fitted values and (blocks,) which are key drivers."""
    repeats = problem.per_block(held.values)
    values: Floats = repeats.mean(axis=0)
    fit = significance.regress(values, problem.y, problem.customer, problem.kind)
    raw = fit.intercept + values @ fit.slope
    return Evidence(problem, values, repeats, raw, np.clip(fit.slope, 0.0, significance.SLOPE_CAP), key)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % limits; NaN where there is none."""

    value: float
    low: float
    high: float

    def facts(self) -> dict[str, float | None]:
        """Plain JSON values; null for NaN."""
        return {"value": number(self.value), "low": number(self.low), "high": number(self.high)}


def number(value: float) -> float | None:
    """The value, or None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def estimate(value: float, draws: Floats) -> Estimate:
    """A value with the percentiles of its draws (draws,); unknown draws are left out."""
    known = draws[np.isfinite(draws)]
    if not math.isfinite(value) or not len(known):
        return Estimate(math.nan, math.nan, math.nan)
    low, high = np.quantile(known, _LEVEL)
    return Estimate(float(value), min(float(low), float(value)), max(float(high), float(value)))


@dataclass(frozen=True)
class Resamples:
    """Customers drawn with replacement: `counts` (draws, customers), `code` (rows,) each row's customer among them.

    `slope` (draws, blocks) are the clipped slopes of each draw.
    """

    counts: Floats
    code: Ints
    slope: Floats


def draw_customers(customers: int, draws: int, seed: int) -> Floats:
    """How often each customer is drawn, (draws, customers)."""
    rng = np.random.default_rng([seed, 7])
    return rng.multinomial(customers, np.full(customers, 1 / customers), size=draws).astype(np.float64)


def resample(evidence: Evidence, draws: int, seed: int) -> Resamples:
    """Bootstrap of the evidence's customers; slopes move by their influence, nothing is refitted."""
    found = np.unique(evidence.problem.customer, return_inverse=True)
    code = np.asarray(found[1], dtype=np.int64)
    counts = draw_customers(len(found[0]), draws, seed)
    return Resamples(counts, code, slope_draws(evidence, counts, code))


def slope_draws(evidence: Evidence, counts: Floats, code: Ints) -> Floats:
    """Clipped slopes (draws, blocks) under `counts` (draws, customers) of the customers that `code` (rows,) names."""
    problem = evidence.problem
    fit = significance.regress(evidence.values, problem.y, code, problem.kind)
    influence = _influence(fit, evidence.values, code, counts.shape[1])
    return np.clip(fit.slope + (counts - 1.0) @ influence, 0.0, significance.SLOPE_CAP)


def _influence(fit: significance.Regression, values: Floats, code: Ints, customers: int) -> Floats:
    """What leaving each customer out takes from each slope: (customers, blocks), close to the jackknife (Bell, McCaffrey, 2002).

    Residuals of few rows with much leverage are too small; a customer's leverage undoes that, on the careful side.
    """
    centred = np.where(fit.error > 0, values - values.mean(axis=0), 0.0)
    design = np.column_stack([np.ones(len(values)), centred])
    pulled = design @ fit.inverse
    leverage = np.bincount(code, (pulled * design).sum(axis=1) * fit.curvature, customers)
    moved = np.zeros((customers, values.shape[1]))
    moved[np.unique(code)] = significance.by_customer(pulled[:, 1:] * fit.score[:, None], code)
    scaled: Floats = moved / (1.0 - np.clip(leverage, 0.0, _MOST_LEVERAGE))[:, None]
    return scaled


@dataclass(frozen=True)
class Figures:
    """Figures of one group, for the blocks that were asked for, before slopes: points (blocks,) and draws (draws, blocks).

    `size` is mean |value - mean|, `met_size` mean |value - median| among those who met it (NaN where too few did), `reach` the
    share that met it, `mean` the mean value. `outcome` is the mean outcome in the told unit: points, money, or percent.
    """

    rows: int
    customers: int
    outcome: Estimate
    size: Floats
    met_size: Floats
    reach: Floats
    mean: Floats
    size_draws: Floats
    met_size_draws: Floats
    reach_draws: Floats
    mean_draws: Floats


def figures(evidence: Evidence, resamples: Resamples, inside: Bools, blocks: Ints) -> Figures:
    """Figures of the rows `inside` (rows,) for some blocks; medians stay where they are while customers are drawn."""
    problem = evidence.problem
    values, met = evidence.values[inside][:, blocks], problem.met[inside][:, blocks]
    weight, code, y = problem.weight[inside], resamples.code[inside], problem.y[inside]
    mass = (
        np.vstack([np.ones((1, len(code))), resamples.counts[:, code]]) * weight
    )  # the first draw is the sample itself
    usual = np.full(len(blocks), np.nan)
    for b in range(len(blocks)):
        if len(np.unique(code[met[:, b]])) >= FEWEST_MET:
            usual[b] = strength.quantiles(values[met[:, b], b], weight[met[:, b]], (0.5,))[0]
    total, met_mass = mass.sum(axis=1, keepdims=True), mass @ met
    size = mass @ np.abs(values - np.average(values, axis=0, weights=weight)) / total
    moved = mass @ np.where(met, np.abs(values - usual), 0.0)
    met_size = np.divide(moved, met_mass, out=np.full_like(moved, np.nan), where=met_mass > 0)
    reach, mean = met_mass / total, mass @ values / total
    size = size + recentred(values, weight, mean)
    outcome = mass @ y / total[:, 0] * (1.0 if problem.kind == "linear" else 100.0)
    return Figures(
        rows=len(y),
        customers=len(np.unique(code)),
        outcome=estimate(float(outcome[0]), outcome[1:]),
        size=size[0],
        met_size=met_size[0],
        reach=reach[0],
        mean=mean[0],
        size_draws=size[1:],
        met_size_draws=met_size[1:],
        reach_draws=reach[1:],
        mean_draws=mean[1:],
    )


@dataclass(frozen=True)
class SlopesByGroup:
    """One block's slope in each group that was compared.

    Parameters
    ----------
    groups
        (compared,) numbers of the groups; those where too few met the driver are not compared.
    p_value
        That the slope is the same in all of them; the median over repeats, NaN where fewer than two could be compared.
    slope, draws
        (compared,) and (draws, compared), on values averaged over repeats.
    """

    groups: Ints
    p_value: float
    slope: Floats
    draws: Floats


def slopes_by_group(evidence: Evidence, resamples: Resamples, group: Ints, block: int) -> SlopesByGroup:
    """Whether a block's slope differs between groups (rows,), -1 for rows that take no part.

    The outcome is regressed on all values, the groups, and the block's values within each group. The test has the F
    distribution with as many degrees of freedom as the smallest group has customers (less one), as clusters are few there.
    """
    problem = evidence.problem
    compared = np.array(
        [g for g in range(int(group.max(initial=-1)) + 1) if _enough(evidence, group == g, block)], dtype=int
    )
    none = np.zeros(0)
    if len(compared) < 2:
        return SlopesByGroup(compared, math.nan, none, np.zeros((len(resamples.counts), 0)))
    rows = np.flatnonzero(np.isin(group, compared))
    place, y = np.searchsorted(compared, group[rows]), problem.y[rows]
    customer = problem.customer[rows]
    fewest = min(len(np.unique(customer[place == g])) for g in range(len(compared)))
    p = []
    for values in evidence.repeats:
        slope, influence = _within(values[rows], block, place, y, customer, problem.kind)
        p.append(_equal(slope, influence, fewest - 1))
    code = resamples.code[rows]
    slope, influence = _within(evidence.values[rows], block, place, y, code, problem.kind)
    draws = slope + (resamples.counts[:, np.unique(code)] - 1.0) @ influence
    return SlopesByGroup(compared, float(np.median(p)), slope, draws)


def _enough(evidence: Evidence, inside: Bools, block: int) -> bool:
    """Whether a group can have a slope: enough who met the block, and values that vary."""
    met = inside & evidence.problem.blocks[block].met
    return (
        len(np.unique(evidence.problem.customer[met])) >= FEWEST_MET
        and float(np.ptp(evidence.values[inside, block])) > 0
    )


def _within(values: Floats, block: int, place: Ints, y: Floats, customer: Ints, kind: Kind) -> tuple[Floats, Floats]:
    """Slopes (groups,) of a block within groups 0 to n, and each customer's influence (customers, groups) on them."""
    count = int(place.max()) + 1
    member = (place[:, None] == np.arange(count)).astype(np.float64)
    own = values[:, block, None] * member
    design = np.column_stack([np.delete(values, block, axis=1), member[:, 1:], own])
    fit = significance.regress(design, y, customer, kind)
    code = np.asarray(np.unique(customer, return_inverse=True)[1], dtype=np.int64)
    influence = _influence(fit, design, code, int(code.max()) + 1)
    return fit.slope[-count:], influence[:, -count:]


def _equal(slope: Floats, influence: Floats, freedom: int) -> float:
    """Wald test, in its F form, that all slopes are equal."""
    apart = len(slope) - 1
    contrast = np.column_stack([-np.ones(apart), np.eye(apart)])
    differences, covariance = contrast @ slope, contrast @ (influence.T @ influence) @ contrast.T
    wald = float(differences @ np.linalg.pinv(covariance) @ differences)
    return float(stats.f.sf(wald / apart, apart, max(freedom, 1)))


def multiple(found: SlopesByGroup, evidence: Evidence, resamples: Resamples, block: int) -> tuple[Estimate, ...]:
    """Each compared group's slope as a multiple of the common one; NaN where the common one is not sure."""
    common, drawn = float(evidence.slope[block]), resamples.slope[:, block]
    if common <= _SURE * float(drawn.std()):
        return tuple(Estimate(math.nan, math.nan, math.nan) for _ in found.groups)
    ratios = np.divide(found.draws, drawn[:, None], out=np.full_like(found.draws, np.nan), where=drawn[:, None] > 0)
    return tuple(estimate(float(s) / common, ratios[:, g]) for g, s in enumerate(found.slope))
